"""Maps beside ``GeoDataFrame.explore()``: bytes, time to build, time to paint, clicks.

``python -m benchmarks.maps [--sizes 5000,20000,50000] [--opening 20000,1000000]`` prints
JSON lines. Both maps are opened in turn by the same headless Chromium from files, with
Leaflet in the page for both, so that no network is in the figures. ``explore`` is left out
above 20,000 grids: its page takes minutes. Beside the time on the clock stands the processor
time of all of the browser's processes, which says the same on a busy machine. The last line
opens every page of the app on a large workspace, for the first time and again.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import psutil
import shapely

from benchmarks._opening import PAGES, cpu_s, launched, opening, wait_for
from gridmap.maps import (
    Facts,
    Paint,
    Scene,
    choropleth,
    draw_layer,
    load_theme,
    to_html,
    unit_theme,
    units_of,
)
from gridmap.maps.layers_of_city import LOAD_BREAKS
from gridmap.maps.scene import read_leaflet
from gridmap.model import Kind, Layer, Plan

_EXPLORE_UP_TO = 20_000
_PORT = 8697
_APP = """
import pickle, sys
import numpy as np
import streamlit as st
from dataclasses import replace
from gridmap.pages.touch import show_map, touched

@st.cache_resource
def read():
    with open(sys.argv[1], "rb") as file:
        return pickle.load(file)

st.set_page_config(layout="wide")
scene, painted, residents = read()
if "brush" in st.query_params:
    show_map(painted, key="painted", height=700)
    st.stop()
rows = st.session_state.setdefault("rows", scene.themes[0].rows.copy())
event = touched("map")
if event:
    rows[list(event.grids)] = (rows[list(event.grids)] + 1) % 5
mine = rows == 0
st.markdown(f"sum {residents[mine].sum():,.0f}")
theme = replace(scene.themes[0], rows=rows)
show_map(replace(scene, themes=(theme,)), key="map", height=700)
"""
# Strokes of the brush one by one, each until the browser has drawn its colours and sums.
_STROKES = """async () => {
  const { brush, groups } = touch.city, times = [];
  const drawn = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  }));
  for (let n = 0; n < 25; n++) {
    const cell = Math.floor((n + 0.5) * groups.length / 25);
    await drawn();
    const begun = performance.now();
    brush.stroke([cell]);
    await drawn();
    times.push(performance.now() - begun);
  }
  return times;
}"""


def irregular_grids(count: int, seed: int = 7) -> Layer:
    """Return about ``count`` grids with bent, shared borders of about 16 vertices each."""
    rng = np.random.default_rng(seed)
    side = round(count**0.5)
    steps = 4
    axis = np.arange(side * steps + 1, dtype=float) * (150.0 / steps)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    bend = rng.normal(0.0, 5.0, (2, *x.shape))
    x, y = x + bend[0] + 510_000.0, y + bend[1] + 3_380_000.0
    polygons = []
    for i in range(0, side * steps, steps):
        for j in range(0, side * steps, steps):
            along = np.arange(steps)
            ring = [(i + k, j) for k in along] + [(i + steps, j + k) for k in along]
            ring += [(i + steps - k, j + steps) for k in along]
            ring += [(i, j + steps - k) for k in along]
            polygons.append(shapely.Polygon([(x[at], y[at]) for at in ring]))
    frame = gpd.GeoDataFrame(
        {
            "id": [f"{row:06d}" for row in range(len(polygons))],
            "residents": rng.lognormal(6.5, 0.8, len(polygons)).round(),
        },
        geometry=polygons,
        crs=4547,
    )
    return Layer(Kind.GRID, frame)


def make_scene(layer: Layer) -> Scene:
    """Return the scene that both the file and the app draw."""
    residents = layer.counts("residents")
    facts = Facts(list(map(str, layer.ids)), {"residents": residents})
    return Scene(draw_layer(layer), (choropleth("residents", residents),), facts=facts)


def painted_scene(layer: Layer) -> Scene:
    """Return the scene of a plan of 64 beats that is painted by hand, as Redraw draws it."""
    side = round(len(layer) ** 0.5)
    row, column = np.divmod(np.arange(len(layer)), side)
    labels = [f"{8 * i // side}{8 * j // side}" for i, j in zip(row, column, strict=True)]
    plan = Plan.from_labels("painted", layer.ids, labels)
    load = layer.counts("residents")
    sums = np.bincount(plan.assignment, load)
    theme = unit_theme(load_theme(sums / sums.mean() - 1.0), plan.assignment)
    return Scene(
        draw_layer(layer),
        (theme,),
        facts=Facts(list(map(str, layer.ids)), {"residents": load}),
        units=units_of(plan),
        paint=Paint(0, load, "load", LOAD_BREAKS, 0.05),
    )


def ours(layer: Layer) -> tuple[str, float]:
    """Return our page and the seconds that building it took."""
    begun = time.perf_counter()
    html = to_html(make_scene(layer))
    return html, time.perf_counter() - begun


def explore(layer: Layer) -> tuple[str, float]:
    """Return explore's page, its Leaflet put inline, and the seconds it took."""
    begun = time.perf_counter()
    page = layer.frame.explore(
        column="residents", scheme="quantiles", k=5, tiles=None, legend=False,
        tooltip=["id", "residents"],
    )  # fmt: skip
    html = str(page.get_root().render())
    seconds = time.perf_counter() - begun
    html = re.sub(r'<script src="https?://[^"]*leaflet\.js"></script>', "@@", html)
    html = re.sub(r"<(script|link)[^>]+https?://[^>]*>(</script>)?", "", html)
    return html.replace("@@", f"<script>{read_leaflet('leaflet.js')}</script>"), seconds


def paint_ms(browser: Any, html: str, *, mine: bool) -> dict[str, float]:  # noqa: ANN401 - untyped peer
    """Return milliseconds from opening a file to its painted map, and of a pan and a zoom."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "map.html"
        target.write_text(html, encoding="utf-8")
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        used, begun = cpu_s(psutil.Process()), time.perf_counter()
        page.goto(target.as_uri(), timeout=300_000)
        if mine:
            page.locator("body[data-painted]").wait_for(timeout=300_000)
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => "
                      "requestAnimationFrame(done)))")  # fmt: skip
        found = {
            "paint_ms": (time.perf_counter() - begun) * 1000,
            "paint_cpu_ms": (cpu_s(psutil.Process()) - used) * 1000,
        }
        if mine:
            found |= page.evaluate(
                """async () => {
                  const name = Object.keys(window).find((key) => /^map_[0-9a-f]{32}$/.test(key));
                  const map = window[name];
                  const frame = () => new Promise((done) => requestAnimationFrame(() =>
                    requestAnimationFrame(done)));
                  const took = async (act) => {
                    const begun = performance.now();
                    act();
                    await frame();
                    return performance.now() - begun;
                  };
                  const pans = [], zooms = [];
                  for (let n = 0; n < 5; n++) {
                    pans.push(await took(() => map.panBy([90, 60], { animate: false })));
                  }
                  for (const step of [1, 1, -1, -1, 1]) {
                    const to = map.getZoom() + step;
                    zooms.push(await took(() => map.setZoom(to, { animate: false })));
                  }
                  pans.sort((a, b) => a - b); zooms.sort((a, b) => a - b);
                  return { pan_ms: pans[2], zoom_ms: zooms[2], zoom_worst_ms: zooms[4] };
                }"""
            )
        page.close()
        return found


def medians(found: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure of `paint_ms` over some runs."""
    return {name: statistics.median(run[name] for run in found) for name in found[0]}


def click_ms(browser: Any, layer: Layer, folder: Path) -> dict[str, float]:  # noqa: ANN401 - untyped peer
    """Return milliseconds from a click on a grid to new colours and figures, and bytes sent.

    ``click_ms`` is by way of the server, ``brush_ms`` is a stroke of the brush, which colours
    and adds up in the browser.
    """
    import pickle

    data, script = folder / "scene.pickle", folder / "app.py"
    scenes = (make_scene(layer), painted_scene(layer))
    data.write_bytes(pickle.dumps((*scenes, layer.counts("residents"))))
    script.write_text(_APP, encoding="utf-8")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "streamlit", "run", str(script), "--server.headless", "true",
            "--server.address", "127.0.0.1", "--server.port", str(_PORT),
            "--server.fileWatcherType", "none", "--browser.gatherUsageStats", "false",
            "--", str(data),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{_PORT}"
    try:
        wait_for(address)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        received = [0]
        page.on("websocket", lambda socket: socket.on("framereceived", _adder(received)))
        page.goto(address)
        frame = page.frame_locator("iframe").first
        frame.locator("#map[data-painted]").wait_for(timeout=120_000)
        page.wait_for_timeout(1500)
        box = page.locator("iframe").first.bounding_box()
        times, sent = [], []
        for n in range(7):
            # The figure sums one class: colour the grid into or out of it until it changes.
            before = page.get_by_text("sum ").inner_text()
            for _ in range(6):
                painted = frame.locator("#map").get_attribute("data-painted")
                received[0] = 0
                begun = time.perf_counter()
                page.mouse.click(
                    box["x"] + box["width"] * (0.4 + 0.03 * n), box["y"] + box["height"] * 0.45
                )
                after = f'#map[data-painted]:not([data-painted="{painted}"])'
                frame.locator(after).wait_for(timeout=30_000)
                took = (time.perf_counter() - begun) * 1000
                page.wait_for_timeout(250)
                times.append(took)
                sent.append(received[0])
                if page.get_by_text("sum ").inner_text() != before:
                    break
        page.goto(f"{address}/?brush=1")
        frame.locator("#map[data-painted]").wait_for(timeout=120_000)
        page.wait_for_timeout(1500)
        inside = next(one for one in page.frames if "/component/" in one.url)
        strokes = inside.evaluate(_STROKES)
        page.close()
        return {
            "click_ms": statistics.median(times),
            "click_worst_ms": max(times),
            "click_kb": statistics.median(sent) / 1000,
            "brush_ms": statistics.median(strokes),
            "brush_worst_ms": max(strokes),
        }
    finally:
        process.terminate()
        process.wait(10)


def _adder(received: list[int]) -> Any:  # noqa: ANN401 - a callback of the browser's
    def add(payload: str | bytes) -> None:
        received[0] += len(payload)

    return add


def beside_explore(browser: Any, layer: Layer) -> dict[str, Any]:  # noqa: ANN401 - untyped peer
    """Return the figures of our map and of explore's, opened in turn."""
    pages = {"ours": ours(layer)}
    if len(layer) <= _EXPLORE_UP_TO:
        pages["explore"] = explore(layer)
    runs = 5 if len(layer) <= 6000 else 1 if "explore" in pages else 3
    found: dict[str, list[dict[str, float]]] = {name: [] for name in pages}
    for _ in range(runs):
        for name, (html, _seconds) in pages.items():
            found[name].append(paint_ms(browser, html, mine=name == "ours"))
    line: dict[str, Any] = {
        name: {"mb": len(html.encode()) / 1e6, "build_s": seconds, **medians(found[name])}
        for name, (html, seconds) in pages.items()
    }
    if "explore" in pages:
        for share, of in (("bytes", "mb"), ("paint", "paint_ms"), ("paint_cpu", "paint_cpu_ms")):
            line[f"share_of_{share}"] = line["ours"][of] / line["explore"][of]
    return line


def main() -> None:
    """Print one line a size, and one on opening."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="5000,20000,50000")
    parser.add_argument("--opening", default="20000,1000000", help="grids,incidents; or blank")
    parser.add_argument("--pages", default=",".join(PAGES), help="pages to open, in order")
    chosen = parser.parse_args()
    sizes = [int(size) for size in chosen.sizes.split(",") if size]
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = launched(playwright)
        for size in sizes:
            layer = irregular_grids(size)
            line: dict[str, Any] = {"benchmark": "maps", "grids": len(layer)}
            line |= beside_explore(browser, layer)
            line["ours"] |= click_ms(browser, layer, Path(folder))
            print(json.dumps(_rounded(line)), flush=True)
        if chosen.opening:
            grids, incidents = (int(part) for part in chosen.opening.split(","))
            line = opening(
                browser,
                Path(folder),
                grids=grids,
                incidents=incidents,
                pages=chosen.pages.split(","),
            )
            print(json.dumps(_rounded(line)), flush=True)
        browser.close()


def _rounded(line: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _rounded(value)
        if isinstance(value, dict)
        else round(value, 3)
        if isinstance(value, float)
        else value
        for key, value in line.items()
    }


if __name__ == "__main__":
    main()
