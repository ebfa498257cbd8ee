"""Coverage by exact areas and by sampled ways, by row, room and hour."""

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from gridmap.errors import GridmapError
from gridmap.measure import (
    Within,
    coverage_by_hour,
    coverage_table,
    covered_share,
    measure_coverage,
    networks_of,
    open_hours,
    parse_within,
    room_table,
    sample_points,
    worst_grids,
)
from gridmap.measure.workload import road_length_m
from gridmap.model import City, Kind, Layer, Presets

METRES = CRS.from_epsg(4547)
COORDINATE = st.floats(-50, 50, allow_nan=False).map(lambda v: round(v, 3))


def layer(kind: Kind, geometry: list[object], **columns: object) -> Layer:
    ids = [f"{kind}{n + 1}" for n in range(len(geometry))]
    frame = gpd.GeoDataFrame({"id": ids, **columns}, geometry=geometry, crs=METRES)
    return Layer(kind, frame)


def row_of_grids(**more: Layer) -> City:
    """Four grids of 100 m in a row, 10, 20, 30 and 40 residents, a room in the first.

    ::

        +----+----+----+----+
        | R  |    |    |    |    a road along the middle stops after the third
        +----+----+----+----+
    """
    squares = [shapely.box(100 * k, 0, 100 * k + 100, 100) for k in range(4)]
    layers = {
        Kind.GRID: layer(
            Kind.GRID,
            squares,
            residents=[10.0, 20.0, 30.0, 40.0],
            migrants=[1.0, 0.0, 0.0, 1.0],
            beat=["A", "A", "B", "B"],
        ),
        Kind.ROOM: layer(
            Kind.ROOM,
            [shapely.Point(50, 50)],
            officers=[2.0],
            auxiliaries=[3.0],
            hours=["08:00-20:00"],
        ),
        Kind.ROAD: layer(Kind.ROAD, [shapely.LineString([(0, 50), (300, 50)])]),
    }
    return City("Row", METRES, {**layers, **{Kind(k): v for k, v in more.items()}})


def test_a_quarter_circle() -> None:
    share = covered_share([shapely.box(0, 0, 2, 2)], [(0, 0)], radius_m=1.0)
    assert share[0] == pytest.approx(np.pi / 16, abs=1e-12)


@pytest.mark.parametrize("side", [(0, 0), (1, 0), (0, 1), (-1, 0), (0, -1)])
def test_a_circle_that_touches_a_side(side: tuple[int, int]) -> None:
    square = [shapely.box(-1, -1, 1, 1)]
    inside = covered_share(square, [(0, 0)], radius_m=1.0)[0]
    assert inside == pytest.approx(np.pi / 4, abs=1e-9)
    beside = [(2 * side[0], 2 * side[1])]
    expected = 0.0 if any(side) else np.pi / 4
    assert covered_share(square, beside, radius_m=1.0)[0] == pytest.approx(expected, abs=1e-9)


def test_two_circles_that_touch() -> None:
    square = [shapely.box(-3, -3, 3, 3)]
    share = covered_share(square, [(-1, 0), (1, 0)], radius_m=1.0)[0]
    assert share == pytest.approx(2 * np.pi / 36, abs=1e-9)


def test_two_rooms_at_one_place_back_each_other() -> None:
    square = [shapely.box(0, 0, 2, 2)]
    twice = covered_share(square, [(0, 0), (0, 0)], radius_m=1.0, at_least=2)
    assert twice[0] == pytest.approx(np.pi / 16, abs=1e-12)
    assert covered_share(square, [(0, 0)], radius_m=9.0, at_least=2).tolist() == [0.0]


def test_the_lens_of_two_circles() -> None:
    # Unit circles a unit apart share 2 pi / 3 - sqrt(3) / 2.
    square = [shapely.box(-3, -3, 3, 3)]
    lens = 2 * np.pi / 3 - np.sqrt(3) / 2
    rooms = [(0, 0), (1, 0)]
    both = covered_share(square, rooms, radius_m=1.0, at_least=2)[0] * 36
    either = covered_share(square, rooms, radius_m=1.0)[0] * 36
    assert both == pytest.approx(lens, abs=1e-9)
    assert either == pytest.approx(2 * np.pi - lens, abs=1e-9)


def test_degenerate_polygons() -> None:
    flat = shapely.Polygon([(0, 0), (2, 0), (1, 0)])
    shapes = [flat, shapely.Polygon(), shapely.box(0, 0, 1, 1)]
    assert covered_share(shapes, [(1, 0)], radius_m=5.0).tolist() == [1.0, 0.0, 1.0]
    assert covered_share(shapes, np.empty((0, 2)), radius_m=5.0).tolist() == [0.0] * 3


@settings(max_examples=60)
@given(
    st.lists(st.tuples(COORDINATE, COORDINATE), min_size=3, max_size=8),
    st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=6),
    st.floats(1, 60),
)
def test_shares_equal_the_overlay_of_fine_circles(
    corners: list[tuple[float, float]], rooms: list[tuple[float, float]], radius: float
) -> None:
    polygon = shapely.convex_hull(shapely.MultiPoint(corners))
    hole = shapely.buffer(shapely.centroid(polygon), 1.0)
    polygon = shapely.difference(polygon, hole)
    if polygon.area < 1.0 or polygon.is_empty:
        return
    discs = [shapely.Point(room).buffer(radius, quad_segs=400) for room in rooms]
    expected = polygon.intersection(shapely.union_all(discs)).area / polygon.area
    slack = 1e-5 * len(rooms) * radius * radius / polygon.area + 1e-6
    share = covered_share([polygon], rooms, radius_m=radius)[0]
    assert share == pytest.approx(expected, abs=slack)
    assert covered_share([polygon], rooms, radius_m=radius, at_least=2)[0] <= share + 1e-9


def test_samples_lie_inside_and_are_even() -> None:
    ring = shapely.Point(0, 0).buffer(10).difference(shapely.Point(0, 0).buffer(7))
    thin = shapely.Polygon([(0, 0), (100, 100), (100, 100.01), (0, 0.01)])
    shapes = np.array([ring, shapely.box(0, 0, 4, 4), thin], dtype=object)
    points = sample_points(shapes, 16)
    assert points.shape == (3, 16, 2)
    for shape, spots in zip(shapes, points, strict=True):
        assert shapely.intersects_xy(shape, spots[:, 0], spots[:, 1]).all()
    corner = (points[1] < 2).all(axis=1).sum()
    assert 2 <= corner <= 6


def test_residents_within_a_ring() -> None:
    table = coverage_table(row_of_grids(), measure_coverage(row_of_grids(), Within(150.0, "m")))
    row = table.iloc[0]
    # The first grid whole; of the second what the circle about (50, 50) holds.
    second = (
        shapely.Point(50, 50)
        .buffer(150, quad_segs=500)
        .intersection(shapely.box(100, 0, 200, 100))
    )
    assert row["covered_residents"] == pytest.approx(10 + 20 * second.area / 1e4, abs=0.01)
    assert row["covered_migrants"] == pytest.approx(1.0)
    assert row["residents"] == 100


def test_along_the_road_the_fourth_grid_is_far() -> None:
    found = measure_coverage(row_of_grids(), Within(240.0, "m"), mode="walk")
    assert found.share[0] == 1.0
    assert 0.0 < found.share[2] < 1.0
    assert found.share[3] == 0.0
    assert 0.0 < found.error < 0.2
    assert np.isfinite(found.cost).all()


def test_rows_add_up_to_the_city() -> None:
    city = row_of_grids()
    found = measure_coverage(city, Within(150.0, "m"))
    whole = coverage_table(city, found).iloc[0]
    for by in ("grid", "beat"):
        rows = coverage_table(city, found, by=by)
        for name in ("residents", "covered_residents", "covered_migrants"):
            assert rows[name].sum() == pytest.approx(whole[name], abs=1e-9)
    assert coverage_table(city, found, by="beat")["id"].tolist() == ["A", "B"]


def test_rooms_against_their_staff() -> None:
    city = row_of_grids()
    rooms = room_table(city, measure_coverage(city, Within(150.0, "m")))
    assert rooms["residents"].tolist() == pytest.approx([100.0])
    assert rooms["residents_per_officer"].tolist() == pytest.approx([50.0])
    assert rooms["residents_per_staff"].tolist() == pytest.approx([20.0])


def test_worst_grids_first() -> None:
    city = row_of_grids()
    worst = worst_grids(city, measure_coverage(city, Within(150.0, "m")), count=2)
    assert worst["id"].tolist() == ["grid4", "grid3"]


def test_without_residents_the_worst_grids_are_those_of_incidents() -> None:
    city = row_of_grids()
    frame = city.grids.frame.drop(columns=["residents", "migrants"])
    city = city.with_layer(Layer(Kind.GRID, frame.assign(incidents=[4.0, 0.0, 8.0, 2.0])))
    worst = worst_grids(city, measure_coverage(city, Within(150.0, "m")))
    assert worst["id"].tolist() == ["grid3", "grid4"]
    assert worst["outside"].tolist() == [8.0, 2.0]
    assert worst["covered_incidents_share"].tolist() == [0.0, 0.0]


def test_hours() -> None:
    table = coverage_by_hour(row_of_grids(), Within(150.0, "m"))
    assert table["rooms"].tolist() == [0] * 8 + [1] * 12 + [0] * 4
    assert table["covered_residents"][3] == 0.0
    assert open_hours("").all()
    assert open_hours("全天").all()
    assert open_hours("08:00-12:00；14:00至18:00").sum() == 8
    for written in ("8点-20点", "8-20时", "8时至20时", "周一—周日 8：00～20：00", "7点半-19点半"):
        assert open_hours(written).nonzero()[0].tolist() == list(range(8, 20))
    assert open_hours("20:00至次日8:00").sum() == 12
    assert open_hours("周1-5 8:00-17:00").sum() == 9
    assert open_hours("0:00-24:00").all()


def test_a_network_is_measured_like_the_rooms() -> None:
    cameras = layer(Kind.FACILITY, [shapely.Point(350, 50)], network=["监控"])
    city = row_of_grids(facility=cameras)
    assert networks_of(city) == ["监控"]
    found = measure_coverage(city, Within(75.0, "m"), network="监控")
    assert found.share[3] == 1.0
    assert found.share[0] == 0.0
    with pytest.raises(GridmapError, match="消防"):
        measure_coverage(city, Within(500.0, "m"), network="消防")


def test_a_grid_no_road_reaches_is_named() -> None:
    far = shapely.box(5000, 0, 5100, 100)
    city = row_of_grids()
    frame = pd.concat([city.grids.frame, layer(Kind.GRID, [far]).frame.assign(id="island")])
    city = city.with_layer(Layer(Kind.GRID, gpd.GeoDataFrame(frame, crs=METRES)))
    found = measure_coverage(city, Within(5.0, "min"), mode="walk")
    assert found.unreached.tolist() == [4]
    assert any("island" in note for note in found.notes)
    assert np.isnan(found.grid_cost[4])
    table = coverage_table(city, found, by="grid")
    assert table["unreached_share"].tolist()[4] == 1.0
    json.dumps(table.fillna(0).to_dict("records"), allow_nan=False)


@pytest.mark.parametrize(
    ("text", "parts"),
    [("1000m,5min", ["1000m", "5min"]), ("1.5 km，10分钟", ["1500m", "10min"])],
)
def test_limits_as_people_write_them(text: str, parts: list[str]) -> None:
    assert [str(limit) for limit in parse_within(text)] == parts


@pytest.mark.parametrize("text", ["", "1000", "-5min", "0m", "3x", "5min,,"])
def test_limits_that_mean_nothing(text: str) -> None:
    with pytest.raises(GridmapError) as caught:
        parse_within(text)
    assert caught.value.key == "coverage.error.within"


def test_the_presets_are_limits() -> None:
    assert [str(limit) for limit in parse_within(Presets().coverage)] == [
        "500m", "1000m", "1500m", "5min", "10min",
    ]  # fmt: skip


def test_an_unknown_mode_is_named() -> None:
    with pytest.raises(GridmapError, match="ebike"):
        measure_coverage(row_of_grids(), Within(500.0, "m"), mode="fly")


def test_shapes_of_a_city_are_never_prepared_themselves() -> None:
    """Two threads that ask one prepared shape crash the process: the app's readers share them."""
    barrier = layer(Kind.BARRIER, [shapely.LineString([(150, 20), (150, 90)])])
    city = row_of_grids(barrier=barrier)
    measure_coverage(city, Within(120, "m"), mode="walk")
    road_length_m(city.grids.geometry, city.layer(Kind.ROAD).geometry)
    for found in city.layers.values():
        assert not shapely.is_prepared(found.geometry).any()
