# ruff: noqa: INP001 - a script, not a package
"""Take the pictures of the documents anew: the pages of the demo city in a real browser.

``python docs/pictures.py`` (or ``make pictures``) serves the demo city, opens each page in the
machine's Chrome or Chromium in both languages and writes ``docs/images``. Take them when a page
or a map has changed, look at each, and commit them with the change.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from scipy.spatial import cKDTree

from gridmap.i18n import LANGUAGES, tr, using_language
from gridmap.maps.scene import font_path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SIZE = {"width": 1440, "height": 900}
_CLEAR = 26.0  # pixels to the next grid
_EXACT = 96  # colours
_LONG = 180_000  # ms; the first visit of a fresh checkout compiles
_BORDER_GRIDS = """() => {
  // Middles of the grids that border another beat.
  const { shapes, cells } = touch.city, level = shapes.level(-1), groups = cells.look.groups;
  const [, , first, second] = shapes.sharedEdges(level), found = new Map();
  for (let e = 0; e < first.length; e++) {
    const [a, b] = [first[e], second[e]];
    if (b < 0 || groups[a] === groups[b] || found.has(a)) continue;
    const { x, y, zoom } = shapes.middle(a);
    const at = touch.map.latLngToContainerPoint(touch.map.unproject([x, y], zoom));
    if (shapes.find(x, y, zoom) === a) found.set(a, { grid: a, x: at.x, y: at.y });
  }
  return [...found.values()];
}"""


@contextmanager
def served() -> Iterator[str]:
    """Serve the demo city as nobody has touched it; yield the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: text for name, text in os.environ.items() if "GRIDMAP_" not in name}
    process = subprocess.Popen(  # noqa: S603 - this project's own app
        [
            sys.executable, "-m", "gridmap.pages.serve", "run", str(ROOT / "app.py"),
            "--server.headless", "true", "--server.address", "127.0.0.1",
            "--server.port", str(port), "--server.fileWatcherType", "none",
            "--browser.gatherUsageStats", "false",
        ],
        env={**environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):  # noqa: S310 - this machine
                    break
            except OSError:
                time.sleep(0.25)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def settle(page: Page) -> None:
    """Wait until the app has nothing more to draw, and the map has drawn itself."""
    page.wait_for_timeout(600)
    for kind in ("stStatusWidget", "stSpinner"):
        page.locator(f'[data-testid="{kind}"]').first.wait_for(state="detached", timeout=_LONG)
    frame = page.frame_locator("iframe").first
    frame.locator("#map[data-painted]").wait_for(timeout=_LONG)
    page.wait_for_timeout(1_500)  # letters and charts


def press(page: Page, key: str) -> None:
    """Press the button that a text of the catalogue stands on."""
    page.get_by_role("button", name=tr(key), exact=True).first.click(timeout=_LONG)


def redraw(page: Page) -> None:
    """Propose beats, edit the proposal, and pick a grid that another beat may take."""
    press(page, "page.redraw.begin")
    page.get_by_text(tr("page.redraw.edit_this")).first.wait_for(timeout=_LONG)
    settle(page)
    press(page, "page.redraw.edit_this")
    page.get_by_text(tr("page.edit.suggestions")).first.wait_for(timeout=_LONG)
    settle(page)
    inside = next(frame for frame in page.frames if "component/" in frame.url)
    inside.wait_for_function("() => touch.city.facts")
    box = page.locator("iframe").first.bounding_box()
    if box is None:
        message = "the map has no place on the page"
        raise RuntimeError(message)
    for at in by_size(inside.evaluate(_BORDER_GRIDS)):
        page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])
        page.get_by_text(tr("page.edit.marked", count=1)).first.wait_for(timeout=_LONG)
        settle(page)
        if page.get_by_role("button", name=tr("page.edit.move"), exact=True).last.is_enabled():
            page.mouse.move(5, 5)  # no hint of a grid over the map
            page.wait_for_timeout(500)
            return
    message = "no grid at a border may be moved"
    raise RuntimeError(message)


def by_size(places: list[dict[str, float]]) -> list[dict[str, float]]:
    """Return grids in the order in which they are easy to see and yet no third of a beat."""

    def apart(at: dict[str, float]) -> float:
        others = (other for other in places if other is not at)
        return min(hypot(at["x"] - other["x"], at["y"] - other["y"]) for other in others)

    return sorted(places, key=lambda at: abs(apart(at) - _CLEAR))


def take(page: Page, file: Path) -> None:
    """Write what is on the screen as a PNG of 256 colours: a third of the bytes.

    What covers most of it keeps its colour exactly; the rest of the palette is for what is rare.
    """
    shot = Image.open(BytesIO(page.screenshot())).convert("RGB")
    every, where, count = np.unique(
        np.asarray(shot).reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    rare = shot.quantize(256 - _EXACT, method=Image.Quantize.MAXCOVERAGE).getpalette() or []
    palette = np.concatenate([every[np.argsort(-count)[:_EXACT]], np.reshape(rare, (-1, 3))])
    nearest = cKDTree(palette).query(every)[1]
    few = Image.fromarray(nearest[where].reshape(shot.height, shot.width).astype(np.uint8), "P")
    few.putpalette(palette.astype(np.uint8).tobytes())
    few.save(file, optimize=True)
    sys.stdout.write(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1024} kB\n")


def pictures(browser: Any, address: str) -> None:  # noqa: ANN401 - the library's own kind
    """Take every picture."""
    for language in LANGUAGES:
        for name in ("overview", "coverage", "redraw"):
            context = browser.new_context(viewport=_SIZE)
            page = context.new_page()
            page.goto(f"{address}/{name}?lang={language}")
            with using_language(language):
                settle(page)
                if name == "redraw":
                    redraw(page)
            take(page, IMAGES / f"{name}-{language}.png")
            context.close()


def main() -> None:
    """Take the pictures, or say what is lacking."""
    path = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        sys.stderr.write("No Chrome or Chromium here: bash .ci/browser installs one.\n")
        raise SystemExit(2)
    with (
        tempfile.TemporaryDirectory() as home,
        served() as address,
        sync_playwright() as engine,
    ):
        # The font that comes with gridmap as one of the machine's: the same letters everywhere.
        (Path(home) / "fonts").mkdir()
        shutil.copy(font_path(), Path(home) / "fonts")
        browser = engine.chromium.launch(
            executable_path=path, args=["--no-sandbox"], env={**os.environ, "XDG_DATA_HOME": home}
        )
        pictures(browser, address)
        browser.close()


if __name__ == "__main__":
    main()
