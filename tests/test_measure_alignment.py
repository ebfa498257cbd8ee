"""Alignment and dasymetric shares by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from command_line import run
from pyproj import CRS
from shapely import LineString, Point, box

import gridmap
from gridmap.measure.crosswalk import alignment, crosswalk, dasymetric
from gridmap.model import City, Kind, Layer

# | A | B | C | D |   four grids of 10 m; beat one ends in the middle of B; D is in none
GRIDS = np.array([box(10 * n, 0, 10 * n + 10, 10) for n in range(4)])
BEATS = np.array([box(0, 0, 15, 10), box(15, 0, 30, 10)])


def test_alignment_counts_residents_of_whole_grids():
    found = alignment(crosswalk(GRIDS, BEATS, target_ids=["one", "two"]), [30, 20, 40, 7])
    # one: A 30 + half of B 10; two: half of B 10 + C 40; D is in no beat
    assert found.city == pytest.approx(70 / 90)
    assert found.by_beat.to_dict() == pytest.approx({"one": 30 / 40, "two": 40 / 50})
    assert (found.whole_grids, found.split_grids, found.outside_grids) == (2, 1, 1)


def test_alignment_of_nobody_is_unknown():
    found = alignment(crosswalk(GRIDS, BEATS), [0, 0, 0, 0])
    assert np.isnan(found.city)
    assert found.by_beat.isna().all()


@pytest.mark.parametrize(
    ("control", "weights", "expected"),
    [
        ([Point(11, 1), Point(12, 1), Point(13, 1), Point(19, 1)], None, 0.75),
        ([LineString([(12, 5), (18, 5)]), LineString([(12, 6), (14, 6)])], None, 5 / 8),
        ([box(11, 1, 12, 2), box(17, 1, 18, 4)], None, 1 / 4),
        ([box(11, 1, 12, 2), box(17, 1, 18, 4)], [90.0, 10.0], 0.9),
    ],
)
def test_control_decides_where_people_of_a_cut_grid_live(control, weights, expected):
    table = crosswalk(GRIDS, BEATS)
    shares = dasymetric(table, GRIDS, BEATS, control, weights=weights).shares.toarray()
    assert shares[1].tolist() == pytest.approx([expected, 1 - expected])
    assert shares[0].tolist() == [1, 0]  # no control there: by area


def test_control_preserves_mass():
    table = crosswalk(GRIDS, BEATS)
    houses = shapely.points(np.random.default_rng(2).uniform(0, 40, 300), 5.0)
    moved = dasymetric(table, GRIDS, BEATS, houses).transfer([30.0, 20.0, 40.0, 7.0])
    assert moved.by_target.sum() + moved.unassigned == pytest.approx(97, rel=1e-12)
    assert moved.unassigned == pytest.approx(7)


def test_overlapping_targets_share_the_control():
    targets = np.array([box(0, 0, 10, 10), box(0, 0, 10, 10)])
    table = crosswalk(GRIDS[:1], targets)
    shares = dasymetric(table, GRIDS[:1], targets, [Point(5, 5)]).shares.toarray()
    assert shares.tolist() == [[0.5, 0.5]]


def strip_city():
    """Return four grids of 1 km, two beats of which the border cuts the second grid, a room."""
    crs = CRS.from_epsg(4547)
    squares = [box(5e5 + 1000 * n, 4e6, 5e5 + 1000 * n + 1000, 4e6 + 1000) for n in range(4)]
    beats = [box(5e5, 4e6, 5e5 + 1500, 4e6 + 1000), box(5e5 + 1500, 4e6, 5e5 + 3000, 4e6 + 1000)]
    grids = gpd.GeoDataFrame(
        {"id": list("abcd"), "residents": [30.0, 20.0, 40.0, 7.0]}, geometry=squares, crs=crs
    )
    named = gpd.GeoDataFrame({"id": ["one", "two"]}, geometry=beats, crs=crs)
    room = gpd.GeoDataFrame({"id": ["r"]}, geometry=[Point(5e5 + 1500, 4e6 + 500)], crs=crs)
    layers = {Kind.GRID: grids, Kind.BEAT: named, Kind.ROOM: room}
    return City("Strip", crs, {kind: Layer(kind, frame) for kind, frame in layers.items()})


def houses(path, *, flats=(1, 3)):
    """Write two houses of grid b, one in each beat, the second twice as large; one invalid."""
    x, y = 5e5 + 1000, 4e6
    shapes = [box(x + 100, y + 100, x + 110, y + 110), box(x + 600, y + 100, x + 620, y + 110)]
    shapes.append(shapely.Polygon([(x, y), (x, y), (x, y), (x, y)]))  # no ground: counts nothing
    frame = {"flats": [*flats, 5]}
    gpd.GeoDataFrame(frame, geometry=shapes, crs=4547).to_crs(4326).to_file(path)
    return path


@pytest.mark.slow
def test_a_control_file_says_where_the_people_of_a_cut_grid_live(tmp_path):
    city, file = strip_city(), houses(tmp_path / "houses.geojson")
    plain = gridmap.measure(city).to_frame()["residents"]
    assert plain.tolist() == pytest.approx([30 + 10, 10 + 40])
    # By area a third of grid b's 20 live in beat one; by flats a quarter.
    for weight, share in (("", 1 / 3), ("flats", 1 / 4)):
        found = gridmap.measure(city, control=file, control_weight=weight)
        expected = [30 + 20 * share, 20 * (1 - share) + 40]
        assert found.to_frame()["residents"].tolist() == pytest.approx(expected, rel=1e-6)
        table = found.table
        assert table.totals["residents"] == 97
        assert table.unassigned["residents"] == pytest.approx(7)
        assert table.unassigned["area_km2"] == pytest.approx(1)  # ground is not moved
        assert table.split_grids == 1
        assert found.to_frame()["area_km2"].tolist() == pytest.approx([1.5, 1.5])
        reach = gridmap.coverage(city, within="1km", by="beat", control=file,
                                 control_weight=weight).to_frame()  # fmt: skip
        assert reach["residents"].tolist() == pytest.approx(expected, rel=1e-6)
        assert found.to_dict()["control"]["file"] == "houses.geojson"
    city = replace(city, presets=replace(city.presets, room_radius_m=1000.0))
    one = gridmap.measure(city, control=file).to_frame()["covered_residents_share"]
    other = gridmap.coverage(city, within="1km", by="beat", control=file).to_frame()
    assert one.tolist() == pytest.approx(other["covered_residents_share"].tolist())
    by_grid = gridmap.measure(city, by="grid", control=file).to_frame()["residents"]
    assert by_grid.tolist() == [30, 20, 40, 7]  # a whole grid keeps its people


def test_a_piece_without_a_house_keeps_its_ground(tmp_path):
    city, file = strip_city(), houses(tmp_path / "houses.geojson", flats=(0, 3))
    options = {"by": "beat", "control": file, "control_weight": "flats"}
    assert gridmap.measure(city, **options).to_frame()["residents"].tolist() == pytest.approx(
        [30, 60]
    )
    frame = city.grids.frame.assign(residents=[0.0, 20.0, 40.0, 7.0])
    found = gridmap.coverage(city.with_layer(Layer(Kind.GRID, frame)), within="1km", **options)
    row = found.to_frame().iloc[0]
    assert row["residents"] == 0
    # Nobody lives in beat one: its ground weighs, from 0 to 1,500 m west of the room.
    assert 600 < row["mean_m"] < 900


@pytest.mark.slow
def test_commands_take_a_control_file_and_refuse_what_is_none(tmp_path):
    place, file = tmp_path / "city", houses(tmp_path / "houses.geojson")
    gridmap.Workspace.at(place).put_city(strip_city())
    done = run("measure", place, "--control", file, "--control-weight", "flats", "--json")
    told = json.loads(done.stdout)
    assert [row["residents"] for row in told["rows"]] == pytest.approx([35, 55], rel=1e-6)
    assert "houses.geojson" in run("measure", place, "--control", file).stdout
    told = run("coverage", place, "--by", "beat", "--within", "1km", "--control", file).stdout
    assert "houses.geojson" in told
    points = gpd.GeoDataFrame(geometry=[Point(114, 36)], crs=4326)
    points.to_file(tmp_path / "points.geojson")
    far = gpd.GeoDataFrame(geometry=[box(110, 30, 110.1, 30.1)], crs=4326)
    far.to_file(tmp_path / "far.geojson")
    negative = houses(tmp_path / "negative.geojson", flats=(-1, 3))
    for flags, words in (
        (("--control", tmp_path / "points.geojson"), "contains no polygons"),
        (("--control", tmp_path / "far.geojson"), "None of the polygons"),
        (("--control", file, "--control-weight", "storeys"), "storeys"),
        (("--control", negative, "--control-weight", "flats"), "negative"),
        (("--control-weight", "flats"), "can only be used together with --control"),
        (("--control", tmp_path / "none.gpkg"), "none.gpkg"),
    ):
        done = run("measure", place, *flags)
        assert done.returncode == 2
        assert words in done.stderr
