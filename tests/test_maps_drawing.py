"""Drawing geometry: shared borders stay shared, pixels are whole, nothing is lost."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from gridmap.maps.drawing import Drawing, draw_geometry, draw_layer, pack, world_pixels
from gridmap.model import Kind, Layer
from gridmap.model.crs import reproject, to_datum

CRS_M = CRS.from_epsg(4547)
ORIGIN = np.array([510_000.0, 3_380_000.0])


# What the browser does in assets/shapes.js, once more and one number at a time.


def unpack(data: bytes) -> np.ndarray:
    """Return the whole numbers that bytes hold: zigzag, seven bits a byte."""
    values, value, shift = [], 0, 0
    for byte in data:
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            values.append(value >> 1 if value % 2 == 0 else ~(value >> 1))
            value = shift = 0
    return np.array(values, dtype=np.int64)


def levels_of(drawing: Drawing) -> tuple[int, list[dict[str, object]]]:
    (size,) = struct.unpack_from("<I", drawing.data)
    return size, json.loads(drawing.data[4 : 4 + size])["levels"]


def zooms_of(drawing: Drawing) -> list[int]:
    return [level["zoom"] for level in levels_of(drawing)[1]]


def read_level(drawing: Drawing, level: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each ring of a level as its feature's row and its pixels, shape (n, 2)."""
    size, levels = levels_of(drawing)
    at = 4 + size + sum(sum(item["bytes"]) for item in levels[:level])
    columns = []
    for length in levels[level]["bytes"]:
        columns.append(unpack(drawing.data[at : at + length]))
        at += length
    vertices, rings, x, y = columns
    xy = np.cumsum(np.column_stack([x, y]), axis=0)
    owner = np.repeat(np.arange(len(rings)), rings)
    yield from zip(owner.tolist(), np.split(xy, np.cumsum(vertices)[:-1]), strict=True)


def bent_grid(side: int, seed: int = 1) -> np.ndarray:
    """Square cells whose borders are bent, each border drawn once for both sides."""
    rng = np.random.default_rng(seed)
    steps = 4
    n = side * steps + 1
    x, y = np.meshgrid(np.arange(n) * 40.0, np.arange(n) * 40.0, indexing="ij")
    x, y = x + rng.normal(0, 4, x.shape), y + rng.normal(0, 4, y.shape)
    cells = []
    for i in range(0, side * steps, steps):
        for j in range(0, side * steps, steps):
            ring = [(i + k, j) for k in range(steps)]
            ring += [(i + steps, j + k) for k in range(steps)]
            ring += [(i + steps - k, j + steps) for k in range(steps)]
            ring += [(i, j + steps - k) for k in range(steps)]
            cells.append(shapely.Polygon([(ORIGIN[0] + x[at], ORIGIN[1] + y[at]) for at in ring]))
    return np.array(cells, dtype=object)


@given(st.lists(st.integers(-(2**31), 2**31)))
def test_packing_gives_back_what_it_took(values):
    assert unpack(pack(np.array(values, dtype=np.int64))).tolist() == values


def test_every_cell_is_drawn_at_every_zoom():
    drawing = draw_geometry(bent_grid(9), CRS_M)
    for level in range(len(zooms_of(drawing))):
        assert {row for row, _ in read_level(drawing, level)} == set(range(81))


def test_a_border_of_two_cells_stays_one_line_at_every_zoom():
    drawing = draw_geometry(bent_grid(6), CRS_M)
    for level in range(len(zooms_of(drawing))):
        owners: dict[tuple, set[int]] = {}
        for row, ring in read_level(drawing, level):
            for one, other in zip(ring[:-1].tolist(), ring[1:].tolist(), strict=True):
                owners.setdefault(tuple(sorted([tuple(one), tuple(other)])), set()).add(row)
        inner = [edge for edge, rows in owners.items() if len(rows) == 2]
        outer = [edge for edge, rows in owners.items() if len(rows) == 1]
        assert max(len(rows) for rows in owners.values()) == 2
        # Whatever belongs to one cell alone runs around the whole: its ends all close.
        ends: dict[tuple, int] = {}
        for one, other in outer:
            ends[one] = ends.get(one, 0) + 1
            ends[other] = ends.get(other, 0) + 1
        assert all(count % 2 == 0 for count in ends.values())
        assert len(inner) >= 2 * 6 * 5  # each of 60 inner borders has an edge at least


def test_every_zoom_is_within_two_pixels_of_the_layer():
    cells = bent_grid(4)
    drawing = draw_geometry(cells, CRS_M)
    degrees = reproject(cells, CRS_M, CRS.from_epsg(4326))
    for level, zoom in enumerate(zooms_of(drawing)):
        for row, ring in read_level(drawing, level):
            lon, lat = shapely.get_coordinates(degrees[row]).T
            true = shapely.LineString(np.column_stack(world_pixels(lon, lat, zoom)))
            drawn = shapely.LineString(ring)
            assert drawn.is_ring
            assert shapely.hausdorff_distance(drawn, true) < 2.0


def test_roads_that_meet_still_meet_when_they_are_thinned():
    # A long road drawn by the metre in two halves, and a side road from the middle of the first.
    steps = np.arange(0.0, 2001.0)
    road = np.column_stack([steps, 3 * np.sin(steps / 200)]) + ORIGIN
    side = np.array([road[500], road[500] + [0, 400]])
    shapes = np.array([shapely.LineString(part) for part in (road[:1001], road[1000:], side)])
    drawing = draw_geometry(shapes, CRS_M)
    for level in range(len(zooms_of(drawing))):
        first, second, third = (ring for _, ring in read_level(drawing, level))
        assert first[-1].tolist() == second[0].tolist()
        assert third[0].tolist() in first.tolist()
        assert len(first) < 200  # of 1,001


def test_the_same_layer_has_the_same_digest_and_another_one_has_not():
    frame = gpd.GeoDataFrame({"id": list("abcd")}, geometry=bent_grid(2), crs=CRS_M)
    layer = Layer(Kind.GRID, frame)
    assert draw_layer(layer).digest == draw_layer(layer).digest
    moved = draw_geometry(bent_grid(2, seed=2), CRS_M)
    assert draw_layer(layer).digest != moved.digest


def test_holes_parts_and_missing_shapes_keep_their_places():
    square = shapely.box(0, 0, 300, 300)
    holed = shapely.difference(shapely.box(400, 0, 900, 500), shapely.box(500, 100, 700, 300))
    parts = shapely.MultiPolygon([shapely.box(0, 400, 100, 500), shapely.box(200, 400, 300, 500)])
    shapes = np.array([square, None, holed, shapely.Polygon(), parts], dtype=object)
    known = np.array([shape is not None for shape in shapes])
    shapes[known] = shapely.transform(shapes[known], lambda xy: xy + ORIGIN)
    drawing = draw_geometry(shapes, CRS_M)
    rows = [row for row, _ in read_level(drawing, 0)]
    assert rows == [0, 2, 2, 4, 4]
    assert drawing.count == 5


def test_lines_are_drawn_as_lines():
    line = shapely.LineString([(0, 0), (500, 0), (500, 500)])
    shapes = shapely.transform(np.array([line], dtype=object), lambda xy: xy + ORIGIN)
    ((row, ring),) = read_level(draw_geometry(shapes, CRS_M), 0)
    assert row == 0
    assert len(ring) == 3
    assert (ring[0] != ring[-1]).any()


def test_a_shifted_basemap_shifts_what_is_drawn_and_not_the_layer():
    cells = bent_grid(2)
    before = shapely.to_wkb(cells)
    plain, shifted = (draw_geometry(cells, CRS_M, datum=datum) for datum in ("wgs84", "gcj02"))
    assert (shapely.to_wkb(cells) == before).all()
    south, west, _, _ = plain.bounds
    lon, lat = to_datum(np.array([west]), np.array([south]), "gcj02")
    assert shifted.bounds[0] == pytest.approx(lat[0], abs=2e-5)
    assert shifted.bounds[1] == pytest.approx(lon[0], abs=2e-5)
    assert abs(shifted.bounds[1] - west) > 0.001  # hundreds of metres


@settings(max_examples=20)
@given(st.floats(-179, 179), st.floats(-80, 80), st.integers(0, 18))
def test_world_pixels_are_those_of_web_maps(lon, lat, zoom):
    x, y = world_pixels(np.array([lon]), np.array([lat]), zoom)
    mercator = CRS.from_epsg(3857)
    point = reproject(
        np.array([shapely.Point(lon, lat)], dtype=object), CRS.from_epsg(4326), mercator
    )[0]
    half = 20037508.342789244
    size = 256 * 2**zoom
    assert x[0] == pytest.approx((point.x + half) / (2 * half) * size, rel=1e-9, abs=1e-6)
    assert y[0] == pytest.approx((half - point.y) / (2 * half) * size, rel=1e-9, abs=1e-6)
