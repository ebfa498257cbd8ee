"""What only a browser shows: the keyboard's way, a basemap under the cells, rooms taken over."""

from __future__ import annotations

import io
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import shapely
from PIL import Image
from playwright.sync_api import expect
from pyproj import CRS

from gridmap.io import Workspace
from gridmap.model import Kind
from gridmap.model.crs import reproject, wgs84_to_gcj02
from gridmap.settings import bundled


def require(frame, state: str, arg=None) -> None:
    """Wait until something is so in the map."""
    frame.wait_for_function(f"(arg) => {state}", arg=arg)


def test_the_map_is_worked_by_keyboard_alone(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/incidents?lang=en")
    frame = watched.wait_for_map()
    touch = watched.touch()

    page.get_by_role("button", name="中文").focus()
    page.keyboard.press("Tab")
    require(touch, "document.activeElement.classList.contains('leaflet-container')")
    expect(frame.locator(".gm-help")).to_be_visible()
    zoom, lng = "touch.map.getZoom()", "touch.map.getCenter().lng"
    before = touch.evaluate(zoom)
    page.keyboard.press("+")
    require(touch, f"{zoom} > arg && !touch.map._animatingZoom", before)
    before = touch.evaluate(lng)
    page.keyboard.press("ArrowRight")
    require(touch, f"{lng} > arg + 1e-4 && !touch.map._panAnim?._inProgress", before)

    # From grid to grid: each is told, and a way there and back ends where it began.
    row, status = "touch.city.keys.row", frame.locator('[role="status"]')
    page.keyboard.press("Shift+ArrowRight")
    require(touch, f"{row} >= 0")
    first = touch.evaluate(row)
    expect(status).to_contain_text("Residents")
    heard = status.inner_text()
    page.keyboard.press("Shift+ArrowDown")
    require(touch, f"{row} >= 0 && {row} !== arg", first)
    expect(status).not_to_have_text(heard, use_inner_text=True)

    page.keyboard.press("Enter")
    page.get_by_role("button", name="Clear 1 selected grid").wait_for()
    watched.require_clean()


def test_the_tools_of_the_map_are_worked_by_keyboard_alone(app_url, open_page):
    watched = open_page()
    page = watched.page
    page.goto(f"{app_url}/incidents?lang=en")
    frame = watched.wait_for_map()
    touch = watched.touch()

    # A tool: a corner, Escape gives up the drawing and then the tool, and then a rectangle.
    frame.get_by_role("button", name="Select by rectangle").focus()
    page.keyboard.press("Enter")
    require(touch, "touch.tool === 'rectangle'")
    frame.locator("#map").focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    require(touch, "touch.drawn")
    page.keyboard.press("Escape")
    require(touch, "!touch.drawn")
    for key in ("Enter", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    page.get_by_role("button", name=re.compile(r"Clear \d+ selected")).wait_for()
    page.keyboard.press("Escape")
    require(touch, "touch.tool === 'click'")
    watched.settle()

    # The legend's choice keeps the focus while the map is drawn anew.
    themes = frame.locator("select.gm-themes")
    shown = themes.input_value()
    themes.focus()
    page.keyboard.press("ArrowDown")
    require(touch, "touch.city.theme !== arg", shown)
    require(touch, "document.activeElement.className === 'gm-themes'")
    watched.require_clean()


@pytest.fixture
def tile_server():
    """Serve one grey tile at every address, and note what was asked."""
    asked: list[str] = []
    out = io.BytesIO()
    Image.new("RGB", (256, 256), "#b0b0b0").save(out, "PNG")

    class Tiles(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            self.wfile.write(out.getvalue())

        def log_message(self, *_args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Tiles)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_a_gcj02_basemap_lies_under_cells_that_are_shifted_to_fit(
    serve_with, tile_server, open_page
):
    address, asked = tile_server
    url = serve_with(
        GRIDMAP_TILE_URL=address + "/{z}/{x}/{y}?k={key}",
        GRIDMAP_TILE_KEY="k7",
        GRIDMAP_TILE_DATUM="gcj02",
        GRIDMAP_TILE_CREDIT="本局地图",
    )
    watched = open_page()
    page = watched.page
    page.goto(f"{url}/overview?lang=zh")
    frame = watched.wait_for_map()
    expect(frame.locator(".leaflet-control-attribution")).to_contain_text("本局地图")
    frame.locator(".leaflet-tile-loaded").first.wait_for()
    assert asked
    assert all(path.endswith("?k=k7") for path in asked)
    grids = Workspace.open(bundled("data") / "demo").layer(Kind.GRID)
    west, south, east, north = shapely.total_bounds(
        reproject(grids.geometry[:1], grids.crs, CRS.from_epsg(4326))
    )
    expected = wgs84_to_gcj02(np.array([(west + east) / 2]), np.array([(south + north) / 2]))
    seen = watched.touch().evaluate(
        """() => { const { x, y, zoom } = touch.city.shapes.middle(0);
                   const at = touch.map.unproject(L.point(x, y), zoom);
                   return [at.lng, at.lat]; }"""
    )
    metres = np.hypot(*((np.ravel(expected) - seen) * 111_320))
    assert metres < 15  # half a grid's rounding; the datums are 500 m apart
    watched.require_clean()


def test_proposed_rooms_are_taken_over_and_given_back(app_url, open_page, reader_class):
    reader = reader_class(open_page(), app_url, "en")
    page = reader.page
    reader.open("coverage")
    reader.wait_for_map()
    reader.choose("coverage.page.site")
    # The service area: a rectangle drawn on the map bounds where rooms may stand.
    reader.wait_for_map().get_by_role("button", name=reader.says("maps.tool.rectangle")).click()
    box = page.locator("iframe").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.35, box["y"] + box["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4, steps=3)
    page.mouse.move(box["x"] + box["width"] * 0.95, box["y"] + box["height"] * 0.9, steps=3)
    page.mouse.up()
    page.get_by_role("button", name=reader.says("coverage.page.undraw")).wait_for()
    page.get_by_label(reader.says("page.coverage.how_many")).fill("2")
    page.keyboard.press("Enter")
    take = page.get_by_role("button", name=reader.says("coverage.page.take", count=2))
    take.wait_for()
    for key in ("coverage.page.download_sites", "coverage.page.download"):
        with page.expect_download() as loading:
            page.get_by_role("button", name=reader.says(key)).click()
        data = Path(loading.value.path()).read_bytes()
        if key.endswith("sites"):
            assert len(json.loads(data)["features"]) == 2
        else:
            assert data.startswith(b"SQLite format 3")
    take.click()
    reader.see("coverage.page.taken_now", count=42)
    reader.require_no_fault()
    reader.press("coverage.page.give_back")
    before = re.compile(f"{reader.says('page.change.before')} 40$")
    page.locator(".gm-figure", has_text=before).first.wait_for()
    reader.require_no_fault()
