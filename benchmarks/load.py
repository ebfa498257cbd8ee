"""A large city through every command and page: seconds and memory, from files to report.

``python -m benchmarks.load [--grids 20000] [--incidents 5000000]`` makes the demo city at that
size, writes it out as a department would hand it over (GeoPackages, and incidents as CSV),
runs each command in a process of its own on it, and opens each page in a browser. One JSON
line a step: wall and processor seconds and the most memory the step held. ``--no-pages``
leaves the pages out, ``--table`` prints the rows of ``docs/department.md`` at the end. There
is no peer that does all of this.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pyproj import Transformer

if TYPE_CHECKING:
    from gridmap.model import City

_LAYERS = ("grid", "station", "beat", "community", "room", "facility", "road", "barrier")
_ROWS = 500_000
_FIGURES = ("wall_s", "cpu_s", "peak_mb")
_MEASURED = """
import json, resource, sys
from gridmap.cli import main
sys.argv = ["gridmap", *json.loads(sys.argv[1])]
try:
    main()
finally:
    used = resource.getrusage(resource.RUSAGE_SELF)
    inner = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({
        "cpu_s": used.ru_utime + used.ru_stime + inner.ru_utime + inner.ru_stime,
        "peak_mb": max(used.ru_maxrss, inner.ru_maxrss) / 1024,
    }), file=sys.stderr)
"""


def hand_over(city: City, folder: Path, rooms: int) -> None:
    """Write the city's layers as GeoPackages and its incidents as a CSV table."""
    from gridmap.model import Kind

    for kind in _LAYERS:
        frame = city.layers[Kind(kind)].frame
        if kind == "room" and len(frame) > rooms:
            frame = frame.sample(rooms, random_state=7).sort_index()
        frame.to_file(folder / f"{kind}.gpkg", layer=kind)
    assert city.incidents is not None
    words = np.array([*city.incidents.categories, ""])
    to_degrees = Transformer.from_crs(city.crs, "EPSG:4326", always_xy=True)
    for i, batch in enumerate(city.incidents.batches()):
        for start in range(0, len(batch), _ROWS):
            part = slice(start, start + _ROWS)
            lon, lat = to_degrees.transform(batch.x[part], batch.y[part])
            table = pd.DataFrame(
                {
                    "经度": np.round(lon, 6),
                    "纬度": np.round(lat, 6),
                    "发生时间": batch.time[part],
                    "警情类别": words[batch.category[part]],
                }
            )
            new = i == 0 and start == 0
            table.to_csv(
                folder / "incidents.csv", mode="w" if new else "a", header=new, index=False
            )


def measure_step(*words: str) -> dict[str, float]:
    """Run one command in a process of its own; return its seconds and its peak memory."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, json.dumps(words)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    wall_s = time.perf_counter() - start
    if done.returncode:
        message = f"gridmap {' '.join(words)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        raise SystemExit(message)
    used = json.loads(done.stderr.strip().splitlines()[-1])
    return {
        "wall_s": round(wall_s, 1),
        "cpu_s": round(used["cpu_s"], 1),
        "peak_mb": round(used["peak_mb"]),
    }


def _pages(workspace: Path) -> list[dict[str, object]]:
    """Open each page twice in one app, and return what it took and what the app then held."""
    from playwright.sync_api import sync_playwright

    from benchmarks._opening import launched, open_pages

    lines = []
    with sync_playwright() as engine:
        browser = launched(engine)
        for turn, page, found in open_pages(browser, workspace):
            line = {"name": "load", "step": f"page {page}, {turn}", **found}
            print(json.dumps(line), flush=True)
            lines.append(line)
        browser.close()
    return lines


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grids", type=int, default=20_000)
    parser.add_argument("--incidents", type=int, default=5_000_000)
    parser.add_argument("--rooms", type=int, default=500)
    parser.add_argument("--beats", type=int, default=1_500)
    parser.add_argument("--pages", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    from gridmap.demo import make_city

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        city = make_city(grids=given.grids, incidents=given.incidents, seed=7)
        hand_over(city, folder, given.rooms)
        counts = {"grids": given.grids, "incidents": given.incidents, "rooms": given.rooms}
        print(json.dumps({"name": "load", **counts, "beats": given.beats}), flush=True)
        del city
        workspace = str(folder / "city")
        steps: list[tuple[str, ...]] = [
            ("import", workspace, str(folder / f"{kind}.gpkg"), "--kind", kind) for kind in _LAYERS
        ]
        steps += [
            ("import", workspace, str(folder / "incidents.csv"), "--kind", "incidents"),
            ("check", workspace),
            ("measure", workspace),
            ("coverage", workspace, "--within", "1000m"),
            ("coverage", workspace, "--within", "10min", "--mode", "walk"),
            ("propose", workspace, "--beats", str(given.beats), "--parents", "station",
             "--tolerance", "0.05", "--effort", "quick", "--processes", "2", "--save", "plan"),
            ("compare", workspace, "present", "plan"),
            ("report", workspace, "--plan", "plan", "--formats",
             "xlsx,pdf,html,png,gpkg,geojson,shp,csv", "--out", str(folder / "report")),
        ]  # fmt: skip
        lines: list[dict[str, object]] = []
        for step in steps:
            words = [w for w in step if w != workspace and not w.startswith(str(folder))]
            lines.append({"name": "load", "step": " ".join(words), **measure_step(*step)})
            print(json.dumps(lines[-1], ensure_ascii=False), flush=True)
        if given.pages:
            lines += _pages(Path(workspace))
        if given.table:
            for line in lines:
                figures = " | ".join(f"{line[name]:,.0f}" for name in _FIGURES)
                print(f"| {line['step']} | {figures} |")


if __name__ == "__main__":
    main()
