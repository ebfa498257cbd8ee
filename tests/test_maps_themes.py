"""Classes, colours, scenes, and the files that come of them."""

from __future__ import annotations

import base64
import io
import json
import re
import tracemalloc
import xml.etree.ElementTree as ET
import zlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.demo import make_city
from gridmap.errors import InputError
from gridmap.i18n import using_language
from gridmap.maps import (
    Facts,
    Overlay,
    Paint,
    Scene,
    Still,
    beat_theme,
    captions_of,
    change_theme,
    choropleth,
    classify,
    colour_beats,
    density_overlay,
    draw_layer,
    draw_still,
    facts_of,
    folium_map,
    hot_spot_theme,
    load_theme,
    outline_overlay,
    ramp,
    room_overlay,
    to_html,
    unit_theme,
    units_of,
)
from gridmap.maps.classes import SEQUENTIAL
from gridmap.maps.layers_of_city import hour_theme, is_main_road, moved_theme
from gridmap.measure import summarise
from gridmap.measure.pieces import present_plan
from gridmap.model import Adjacency, Kind


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=800, seed=3)


@pytest.fixture(scope="module")
def scene(city):
    rows = summarise(city, by="grid").rows
    plan = present_plan(city)
    with using_language("en"):
        return Scene(
            draw_layer(city.grids),
            (choropleth("residents", city.grids.counts("residents")), beat_theme(city, plan)),
            overlays=(
                outline_overlay(city.beats),
                room_overlay(city.rooms, radius_m=800),
            ),
            facts=facts_of(city, rows, ("residents", "incidents_per_km2"), plan),
        )


# -- classes


def test_quantiles_of_a_hundred_numbers_are_twenty_each():
    found = classify(np.arange(1.0, 101.0), count=5)
    assert found.breaks == (20.0, 40.0, 60.0, 80.0, 100.0)
    assert found.counts == (20, 20, 20, 20, 20)


def test_zero_has_a_class_of_its_own_where_it_is_frequent():
    found = classify(np.array([0.0] * 10 + list(range(1, 21))), count=4)
    assert found.labels[0] == "0"
    assert found.counts[0] == 10
    assert len(found.breaks) == 5


def test_one_value_makes_one_class():
    found = classify(np.array([7.0, 7.0]))
    assert found.labels == ("7",)
    assert found.rows.tolist() == [0, 0]


def test_what_is_unknown_has_no_class():
    assert classify(np.array([1.0, np.nan])).rows.tolist() == [0, 255]
    assert classify(np.array([np.nan])).breaks == ()


@settings(max_examples=150)
@given(
    st.lists(st.one_of(st.integers(0, 10**6), st.floats(0, 1e6)), min_size=1, max_size=80),
    st.integers(1, 7),
)
def test_classes_are_ordered_and_hold_every_value_once(values, count):
    array = np.array(values, dtype=float)
    found = classify(array, count=count)
    assert list(found.breaks) == sorted(set(found.breaks))
    assert sum(found.counts) == len(array)
    assert len(found.palette) == len(found.labels) == len(found.counts) == len(found.breaks)
    assert found.breaks[-1] == array.max()
    order = np.argsort(array, kind="stable")
    assert (np.diff(found.rows[order].astype(int)) >= 0).all()
    for row, value in zip(found.rows, array, strict=True):
        assert value <= found.breaks[row]


# -- colours


def _lightness(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)
    ]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


@pytest.mark.parametrize("name", SEQUENTIAL)
@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_ramps_fall_in_lightness_so_that_any_eye_can_order_them(name, count):
    light = [_lightness(colour) for colour in ramp(name, count)]
    assert all(one > other * 1.15 for one, other in pairwise(light))


def test_neighbouring_beats_never_share_a_colour(city):
    plan = present_plan(city)
    _, classes = colour_beats(plan.assignment, city.adjacency)
    first, second = city.adjacency.first, city.adjacency.second
    border = plan.assignment[first] != plan.assignment[second]
    border &= (plan.assignment[first] >= 0) & (plan.assignment[second] >= 0)
    assert border.any()
    assert (classes[first[border]] != classes[second[border]]).all()


def test_a_grid_in_no_beat_has_no_colour():
    empty = Adjacency(2, *(np.zeros(0, t) for t in (np.int32, np.int32, float, bool)))
    _, classes = colour_beats(np.array([0, -1], dtype=np.int32), empty)
    assert classes.tolist() == [0, 255]


# -- scenes and files


def test_a_scene_sends_geometry_by_digest_and_one_byte_a_grid(scene, city):
    assets = scene.assets()
    packed = scene.to_dict({digest: {"url": f"{digest}.bin"} for digest in assets})
    assert packed["cells"] == {"url": f"{scene.cells.digest}.bin", "digest": scene.cells.digest}
    theme = packed["themes"][0]
    assert len(base64.b64decode(theme["classes"])) == len(city.grids)
    groups = np.frombuffer(base64.b64decode(packed["themes"][1]["groups"]), "<u2")
    assert (groups == present_plan(city).assignment).all()
    assert len(json.dumps(packed["themes"])) < 60 * len(city.grids)


def test_scripts_in_names_stay_text(city):
    name = "</script><script>alert(1)</script>"
    facts = Facts([name] * len(city.grids))
    html = to_html(Scene(draw_layer(city.grids), facts=facts), title=name)
    assert "alert(1)</script>" not in html.replace("&lt;script&gt;alert(1)&lt;/script&gt;", "")


def test_an_exported_map_asks_nothing_of_any_server(scene):
    html = to_html(scene, title="Map")
    assert not re.search(
        r"<(?:script|link|img|iframe)[^>]+(?:src|href)\s*=\s*.?(?:https?:)?//", html
    )
    assert not re.search(r"""url\(\s*["']?https?:""", html)
    for dropped in ("jquery", "bootstrap", "awesome"):
        assert dropped not in html.lower()


def test_an_exported_map_holds_its_geometry_packed(scene):
    html = to_html(scene)
    found = re.search(r'"cells": \{"data": "([^"]+)"', html)
    assert zlib.decompress(base64.b64decode(found.group(1))) == scene.cells.data


def test_folium_layers_can_be_put_on_the_map(scene):
    import folium

    page = folium_map(scene)
    folium.CircleMarker([31.0, 112.0], radius=4).add_to(page)
    assert "L.circleMarker" in page.get_root().render()


def test_a_basemap_is_drawn_only_when_a_setting_names_one(scene, city):
    from gridmap.maps import Tiles

    tiles = Tiles("http://tiles.local/{z}/{x}/{y}.png", "Bureau", "gcj02")
    with_tiles = to_html(Scene(draw_layer(city.grids, datum="gcj02"), tiles=tiles))
    assert "tiles.local" in with_tiles
    assert "tileLayer" not in to_html(scene).split("leaflet.js")[-1].split("var map_")[-1]


def test_nothing_to_draw_says_so():
    with pytest.raises(InputError) as error:
        folium_map(Scene(None))
    assert error.value.key == "maps.error.nothing_to_draw"


def test_pictures_are_the_same_bytes_each_time(city, scene):
    wish = Still(title="示例市", source="来源：演示", outlines=(city.beats,), rooms=city.rooms,
                 radius_m=800, labels=city.layer(Kind.STATION), marked=(0, 1), dpi=60)  # fmt: skip
    for form in ("png", "svg"):
        one, other = (draw_still(city.grids, scene.themes[0], wish, form=form) for _ in range(2))
        assert one == other
    assert one.startswith(b"<?xml")
    ET.fromstring(one)  # noqa: S314 - our own picture


def test_a_picture_holds_the_colours_of_its_theme(city, scene):
    from PIL import Image

    theme = scene.themes[0]
    data = draw_still(city.grids, theme, Still(dpi=60))
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).reshape(-1, 3)
    seen = {tuple(pixel) for pixel in np.unique(pixels, axis=0).tolist()}
    for colour in theme.palette:
        assert tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5)) in seen


# -- what incidents do


def test_change_is_symmetric_about_nothing():
    change = np.array([-40.0, -3.0, -3.0, -3.0, 0.0, 3.0, 3.0, 3.0, 40.0])
    rows = change_theme(change).rows.tolist()
    assert rows == [0, 1, 1, 1, 2, 3, 3, 3, 4]
    assert change_theme(-change).rows.tolist() == rows[::-1]


def test_grids_that_move_are_told_from_those_that_stay(city):
    plan = present_plan(city)
    moved = np.zeros(len(city.grids), dtype=bool)
    moved[[3, 5]] = True
    with using_language("en"):
        theme = moved_theme(plan, moved)
    assert theme.rows.tolist() == moved.astype(int).tolist()
    assert theme.groups is plan.assignment
    stay = len(moved) - 2
    assert [text for _, text in theme.legend] == ["Changes beat (2)", f"Keeps its beat ({stay})"]


def test_hot_spots_are_counted_in_their_legend(city):
    from gridmap.measure.hotspots import hot_spots

    values = np.zeros(len(city.grids))
    values[:6] = 100.0
    with using_language("en"):
        theme = hot_spot_theme(hot_spots(values, city.adjacency, city.grids.area_m2))
    hot = sum(theme.palette[row] == "#b3261e" for row in theme.rows)
    assert theme.legend[0][1] == f"Hot spot ({hot})"


def test_a_density_lies_where_its_incidents_are(city):
    import shapely
    from PIL import Image

    from gridmap.maps import degrees_of
    from gridmap.measure.hotspots import kernel_density

    outline = shapely.union_all(city.grids.geometry)
    middle = outline.representative_point()
    x, y = np.full(50, middle.x), np.full(50, middle.y)
    surface = kernel_density(x, y, city=outline, cell_m=50.0, bandwidth_m=200.0)
    bounds = draw_layer(city.grids).bounds
    overlay = density_overlay(surface, city.crs, bounds, width_px=400)
    alpha = np.asarray(Image.open(io.BytesIO(overlay.picture)))[:, :, 3].astype(float)
    row, column = np.unravel_index(int(alpha.argmax()), alpha.shape)
    strongest = np.argwhere(alpha == alpha.max())
    row, column = strongest.mean(axis=0)
    lat, lon = degrees_of(np.array([middle], dtype=object), city.crs)[0]
    south, west, north, east = bounds
    assert column / alpha.shape[1] == pytest.approx((lon - west) / (east - west), abs=0.02)
    assert row / alpha.shape[0] == pytest.approx((north - lat) / (north - south), abs=0.02)


def test_points_without_geometry_have_bounds_of_their_own():
    overlay = Overlay("p", "p", "#000000", points=np.array([[30.0, 110.0], [31.0, 112.0]]))
    assert Scene(None, overlays=(overlay,)).to_dict({})["bounds"] == [30.0, 110.0, 31.0, 112.0]


def test_a_theme_that_is_not_there_gives_way_to_the_first(scene):
    packed = replace(scene, theme="nothing").to_dict({digest: {} for digest in scene.assets()})
    assert packed["theme"] == scene.themes[0].key


# -- beats, names, scales


def test_each_cell_has_the_class_of_its_beat_and_none_without_one():
    load = load_theme(np.array([-0.6, -0.1, 0.0, 0.3, 0.9]))
    assert load.rows.tolist() == [0, 2, 3, 5, 6]
    cells = np.array([4, 0, -1, 2, 3], dtype=np.int32)
    theme = unit_theme(load, cells)
    assert theme.rows.tolist() == [6, 0, 255, 3, 5]
    assert theme.groups.tolist() == cells.tolist()
    assert len(theme.legend) == len(theme.palette) == 7


def test_one_scale_gives_two_maps_the_same_classes():
    whole = np.array([1.0, 5.0, 20.0, 60.0, 100.0, 300.0])
    night = whole / 10
    held = choropleth("incidents", night, scale=whole)
    assert held.legend == choropleth("incidents", whole).legend
    assert set(held.rows.tolist()) < set(choropleth("incidents", whole).rows.tolist())
    assert (choropleth("incidents", whole * 9, scale=whole).rows <= 4).all()


def test_names_of_lines_stand_once_and_only_main_roads_have_one():
    city = make_city(grids=60, incidents=0, seed=3)
    captions = {one.key: one for one in captions_of(city)}
    assert sorted(captions["station"].texts) == sorted(map(str, city.layer("station").names))
    assert not captions["community"].drawn
    roads = city.layer("road").frame
    main = set(roads["name"][is_main_road(city.layer("road"))])
    assert set(captions["road"].texts) <= main
    assert len(set(captions["road"].texts)) == len(captions["road"].texts)
    south, west, north, east = draw_layer(city.grids).bounds
    for one in captions.values():
        lat, lon = one.points.T
        assert ((lat > south - 0.1) & (lat < north + 0.1)).all()
        assert ((lon > west - 0.1) & (lon < east + 0.1)).all()


def test_a_scene_tells_units_captions_and_what_a_brush_needs():
    city = make_city(grids=60, incidents=0, seed=3)
    plan = present_plan(city)
    loads = np.arange(60.0)
    scene = Scene(
        draw_layer(city.grids),
        units=units_of(plan, chosen=str(plan.beat_ids[2])),
        captions=captions_of(city),
        paint=Paint(1, loads, "load", (-0.1, 0.1), 0.05, 7),
    )
    told = scene.to_dict({digest: {"url": digest} for digest in scene.assets()})
    assert told["units"]["chosen"] == 2
    assert told["paint"]["to"] == 1
    assert (
        np.frombuffer(scene.assets()[told["paint"]["loads"]["digest"]], "<f4").sum() == loads.sum()
    )
    rows = np.frombuffer(base64.b64decode(told["units"]["rows"]), "<u2")
    assert rows.tolist() == plan.assignment.tolist()
    assert told["captions"]["url"] in scene.assets()


def test_hours_are_counted_where_there_are_any_and_take_no_memory_elsewhere():
    # Cell 7 at midnight on Monday (2) and Tuesday (1), at 1 on Monday (4); cell 3 not at all.
    cells, hours = np.array([7, 7, 7, 7, 3]), np.array([0, 24, 1, 0, 5])
    counts = np.array([1, 1, 4, 1, 0])
    tracemalloc.start()
    theme, played = hour_theme(500_000, cells, hours, counts)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000 * 8  # bytes: a number for each cell, not one for each of its hours
    listed = zip(played.cells, played.hours, played.counts, strict=True)
    assert [tuple(map(int, one)) for one in listed] == [(7, 0, 2), (7, 1, 4), (7, 24, 1)]
    # All days: 3 at midnight, 4 at 1; the scale has a class for each number up to 4.
    assert played.all_days.breaks[-1] == 4
    assert np.flatnonzero(theme.rows).tolist() == [7]
    assert theme.rows[7] == np.searchsorted(played.all_days.breaks, 3)
    assert hour_theme(3, *np.zeros((3, 0), dtype=np.int64))[0].rows.tolist() == [0, 0, 0]
