"""Pieces: what beats cut off grids has its own people, its own ground and its own incidents."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import scipy
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from gridmap.io import ImportOptions, import_files, read_city
from gridmap.measure import (
    Within,
    areas_of,
    coverage_figures,
    coverage_table,
    cut_pieces,
    measure_coverage,
    pieces_of,
    summarise,
)
from gridmap.measure.pieces import By, match_most
from gridmap.model import City, IncidentBatch, Incidents, Kind, Layer

METRES = CRS.from_epsg(4547)
CHICAGO = Path(__file__).resolve().parents[2] / "shared" / "data" / "chicago"


def layer(kind: Kind, geometry: list[object], **columns: object) -> Layer:
    ids = [f"{kind}{n + 1}" for n in range(len(geometry))]
    return Layer(kind, gpd.GeoDataFrame({"id": ids, **columns}, geometry=geometry, crs=METRES))


def incidents_at(*xy: tuple[float, float]) -> Incidents:
    x, y = np.array(xy, dtype=float).T
    time = np.full(len(x), np.datetime64("2024-03-05T10:00:00", "s"))
    batch = IncidentBatch(x, y, time, np.zeros(len(x), np.int16))
    return Incidents.from_batch(batch, categories=("theft",), crs=METRES)


def two_grids(cut_x: float = 150.0, room: tuple[float, float] = (175.0, 50.0)) -> City:
    """Two grids of 100 m; beats meet at x = 150, so the second grid is cut in halves.

    ::

          beat1      | beat2
        +--------+---|----+
        |  100   | 100|100|      residents
        +--------+---|----+
        0       100 150  200     the room stands at (175, 50)
    """
    return City(
        "Two",
        METRES,
        {
            Kind.GRID: layer(
                Kind.GRID,
                [shapely.box(0, 0, 100, 100), shapely.box(100, 0, 200, 100)],
                residents=[100.0, 200.0],
            ),
            Kind.BEAT: layer(
                Kind.BEAT, [shapely.box(0, 0, cut_x, 100), shapely.box(cut_x, 0, 200, 100)]
            ),
            Kind.ROOM: layer(Kind.ROOM, [shapely.Point(room)]),
            Kind.ROAD: layer(Kind.ROAD, [shapely.LineString([(0, 50), (200, 50)])]),
        },
        # Two in the cut grid's halves, one on the beats' border, one outside of all grids.
        incidents_at((120, 50), (190, 50), (150, 20), (500, 500)),
    )


def test_a_cut_grid_has_two_pieces() -> None:
    city = two_grids()
    pieces = cut_pieces(city.grids, city.beats)
    assert pieces.grid.tolist() == [0, 1, 1]
    assert pieces.row.tolist() == [0, 0, 1]
    assert pieces.share.tolist() == pytest.approx([1.0, 0.5, 0.5])
    assert pieces.area_m2.tolist() == pytest.approx([10_000, 5_000, 5_000])
    assert pieces.is_cut.tolist() == [False, True, True]
    assert pieces.amounts([100, 200]).tolist() == pytest.approx([100, 100, 100])
    shapes = pieces.shapes(np.array([1, 2]))
    assert shapes[0].equals(shapely.box(100, 0, 150, 100))
    assert shapes[1].equals(shapely.box(150, 0, 200, 100))


def test_the_same_layers_are_cut_once() -> None:
    one, other = two_grids(), two_grids()
    assert one.grids is not other.grids
    assert cut_pieces(one.grids, one.beats) is cut_pieces(other.grids, other.beats)
    moved = two_grids(cut_x=140.0)
    assert cut_pieces(moved.grids, moved.beats) is not cut_pieces(one.grids, one.beats)


def test_a_piece_has_its_own_covered_ground() -> None:
    # (150, 0) is 55.9 m from the room: 56 m hold all of beat2 and a part of beat1's piece.
    city = two_grids()
    table = coverage_table(city, measure_coverage(city, Within(56.0, "m")), by="beat")
    assert table["residents"].tolist() == pytest.approx([200, 100])
    disc = shapely.Point(175, 50).buffer(56, quad_segs=1000)
    first = shapely.box(0, 0, 150, 100).intersection(disc).area / 1e4 * 200
    assert table["covered_residents"].tolist() == pytest.approx([first, 100.0], abs=1e-3)
    assert table["covered_residents_share"][1] == 1.0


def test_measure_and_coverage_say_the_same() -> None:
    city = two_grids()
    found = measure_coverage(city, Within(city.presets.room_radius_m, "m"))
    levels: tuple[By, ...] = ("beat", "grid", "city")
    for by in levels:
        told, covered = summarise(city, by=by).rows, coverage_table(city, found, by=by)
        for name in ("id", "residents", "migrants", "incidents", "covered_residents_share"):
            pd.testing.assert_series_equal(told[name], covered[name], check_dtype=False)


def test_incidents_are_counted_where_they_lie() -> None:
    city = two_grids()
    table = coverage_table(city, measure_coverage(city, Within(30.0, "m")), by="beat")
    assert table["incidents"].tolist() == [2.0, 1.0]  # the border's belongs to the first beat
    assert table["covered_incidents"].tolist() == [0.0, 1.0]


def test_by_road_a_beat_is_covered_as_its_own_points_are() -> None:
    city = two_grids()
    found = measure_coverage(city, Within(60.0, "m"), mode="walk")
    table = coverage_table(city, found, by="beat")
    points, cost = found.points[1], found.cost[1]
    east = points[:, 0] > 150
    assert 0 < east.sum() < len(east)
    assert table["covered_residents"][1] == pytest.approx(100 * (cost[east] <= 60).mean())
    assert table["mean_m"][1] == pytest.approx(cost[east].mean())
    west = 100 * (found.cost[0] <= 60).mean() + 100 * (cost[~east] <= 60).mean()
    assert table["covered_residents"][0] == pytest.approx(west)


@pytest.mark.parametrize("mode", ["straight", "walk"])
def test_a_piece_without_a_sample_point_is_judged_by_a_point_of_its_own(mode: str) -> None:
    city = two_grids(cut_x=199.8)
    found = measure_coverage(city, Within(60.0, "m"), mode=mode)
    assert not (found.points[..., 0] > 199.8).any()
    last = coverage_table(city, found, by="beat").iloc[1]
    assert last["residents"] == pytest.approx(0.4)
    assert last["mean_m"] == pytest.approx(24.9, abs=0.2)
    assert last["covered_residents_share"] == pytest.approx(1.0)
    assert last["unreached_share"] == 0.0


def test_a_beat_that_no_road_reaches() -> None:
    city = two_grids()
    roads = layer(Kind.ROAD, [shapely.LineString([(-5000, 50), (-4000, 50)])])
    found = measure_coverage(city.with_layer(roads), Within(5.0, "min"), mode="walk")
    table = coverage_table(city.with_layer(roads), found, by="beat")
    assert table["unreached_share"].tolist() == [1.0, 1.0]
    assert np.isnan(table["mean_min"]).all()


@settings(max_examples=30)
@given(
    st.lists(st.floats(1.0, 299.0), min_size=1, max_size=4, unique=True),
    st.floats(20.0, 200.0),
    st.tuples(st.floats(0.0, 300.0), st.floats(0.0, 100.0)),
)
def test_beats_that_fill_the_city_add_up_to_it(
    cuts: list[float], radius: float, room: tuple[float, float]
) -> None:
    edges = [0.0, *sorted(cuts), 300.0]
    grids = [shapely.box(100 * k, 0, 100 * k + 100, 100) for k in range(3)]
    beats = [shapely.box(a, 0, b, 100) for a, b in pairwise(edges)]
    city = City(
        "Cut",
        METRES,
        {
            Kind.GRID: layer(Kind.GRID, grids, residents=[10.0, 70.0, 20.0]),
            Kind.BEAT: layer(Kind.BEAT, beats),
            Kind.ROOM: layer(Kind.ROOM, [shapely.Point(room)]),
        },
    )
    found = measure_coverage(city, Within(radius, "m"))
    table = coverage_table(city, found, by="beat")
    whole = coverage_figures(city, found)
    assert table["residents"].sum() == pytest.approx(100.0, abs=1e-9)
    assert table["covered_residents"].sum() == pytest.approx(whole["covered"], abs=1e-6)
    assert (table["covered_residents"] <= table["residents"] * (1 + 1e-12)).all()


def test_grids_without_ground_break_nothing() -> None:
    city = two_grids()
    frame = city.grids.frame.copy()
    frame.loc[2] = ["empty", 5.0, shapely.Polygon()]
    city = city.with_layer(Layer(Kind.GRID, gpd.GeoDataFrame(frame, crs=METRES)))
    levels: tuple[By, ...] = ("beat", "grid", "city")
    for by in levels:
        table = coverage_table(city, measure_coverage(city, Within(56.0, "m")), by=by)
        assert np.isfinite(table["covered_residents"]).all()


@pytest.fixture(scope="module")
def chicago(tmp_path_factory: pytest.TempPathFactory) -> City:
    place = tmp_path_factory.mktemp("chicago") / "city"
    for kind, name, options in (
        ("grid", "block_groups_2010.gpkg", ImportOptions(columns={"residents": "pop"})),
        ("beat", "police_beats.zip", ImportOptions()),
        ("station", "police_districts.zip", ImportOptions()),
        ("community", "community_areas.zip", ImportOptions()),
        ("room", "Police_Stations.csv", ImportOptions()),
        (
            "incidents",
            "Crimes_September_2014.csv",
            ImportOptions(date_formats=("%m/%d/%Y", "%Y/%d/%m")),
        ),
    ):
        import_files(place, [CHICAGO / name], kind=kind, options=options)
    return read_city(place)


@pytest.mark.real_data
@pytest.mark.skipif(not CHICAGO.is_dir(), reason="put the real data at ../shared/data")
@pytest.mark.parametrize(
    ("beat", "radius_m", "percent"), [("0124", 1000, 10.9), ("1224", 2000, 19.7)]
)
def test_covered_residents_of_chicago_beats(
    chicago: City, beat: str, radius_m: float, percent: float
) -> None:
    """The published right values, and shapely's overlay of each piece with fine circles."""
    found = measure_coverage(chicago, Within(radius_m, "m"))
    row = coverage_table(chicago, found, by="beat").set_index("id").loc[beat]
    assert 100 * row["covered_residents_share"] == pytest.approx(percent, abs=0.05)
    shape = chicago.beats.geometry[chicago.beats.ids.tolist().index(beat)]
    discs = shapely.union_all(
        [shapely.Point(at).buffer(radius_m, quad_segs=256) for at in chicago.room_xy]
    )
    grids = chicago.grids
    pieces = shapely.intersection(grids.geometry, shape)
    density = grids.counts("residents") / shapely.area(grids.geometry)
    people = density * shapely.area(pieces)
    near = density * shapely.area(shapely.intersection(pieces, discs))
    assert row["residents"] == pytest.approx(people.sum(), rel=1e-9)
    assert row["covered_residents"] == pytest.approx(near.sum(), rel=1e-4)


@pytest.mark.real_data
@pytest.mark.skipif(not CHICAGO.is_dir(), reason="put the real data at ../shared/data")
@pytest.mark.parametrize("by", ["grid", "beat", "station", "community", "city"])
def test_chicago_is_the_same_in_measure_and_coverage(chicago: City, by: By) -> None:
    found = measure_coverage(chicago, Within(chicago.presets.room_radius_m, "m"))
    told, covered = summarise(chicago, by=by).rows, coverage_table(chicago, found, by=by)
    for name in ("id", "residents", "incidents", "covered_residents_share"):
        np.testing.assert_array_equal(
            told[name].to_numpy(), covered[name].to_numpy(), err_msg=name
        )
    pieces = pieces_of(areas_of(chicago, by), chicago.grids)
    assert pieces.share.max() <= 1.0
    if by == "beat":
        row = covered.set_index("id").loc["0114"]
        assert row["incidents"] == 54
        points = shapely.points(np.column_stack([chicago.located.all.x, chicago.located.all.y]))
        shape = chicago.beats.geometry[chicago.beats.ids.tolist().index("0114")]
        assert shapely.intersects(shape, points).sum() == 54


@settings(max_examples=60)
@given(
    st.integers(1, 12).flatmap(
        lambda labels: st.lists(
            st.tuples(st.integers(0, labels), st.integers(0, labels), st.integers(0, 9)),
            max_size=40,
        )
    )
)
def test_labels_are_matched_as_a_table_of_all_pairs_matches_them(
    things: list[tuple[int, int, int]],
) -> None:
    first, second, weights = np.array(things, np.int64).reshape(-1, 3).T
    pairs = match_most(first, second, weights)
    table = np.zeros((13, 13))
    np.add.at(table, (first, second), weights)
    occurs = np.zeros_like(table)
    np.add.at(occurs, (first, second), 1)
    best = table[scipy.optimize.linear_sum_assignment(table, maximize=True)].sum()
    assert len(set(pairs.values())) == len(pairs)
    assert all(occurs[one, other] for one, other in pairs.items())
    assert sum(table[one, other] for one, other in pairs.items()) == pytest.approx(best)
    single = occurs[np.setdiff1d(range(13), list(pairs))][
        :, np.setdiff1d(range(13), [*pairs.values()])
    ]
    assert not single.any(), "what occurs together and is not taken is matched, weight or none"


def test_beats_of_a_province_are_matched_without_a_table_of_all_pairs() -> None:
    size = 30_000  # a table of all pairs would take 7 GB
    label = np.arange(size)
    moved = np.where(label % 5, label, (label + 5) % size)
    assert match_most(label, moved, np.ones(size)) == dict(
        zip(label.tolist(), moved.tolist(), strict=True)
    )
