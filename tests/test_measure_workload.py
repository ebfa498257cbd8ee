"""Workload, roads and balance with numbers derived by hand."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS
from shapely import LineString, MultiLineString, box

from gridmap.errors import InputError
from gridmap.measure.workload import (
    Workload,
    balance,
    criterion_of,
    known_criteria,
    parse_weights,
    road_length_m,
)
from gridmap.model import City, IncidentBatch, Incidents, Kind, Layer

METRES = CRS("EPSG:4547")


def city(**columns):
    shapes = [box(0, 0, 1000, 1000), box(1000, 0, 3000, 1000)]
    grids = Layer(
        Kind.GRID,
        gpd.GeoDataFrame({"id": ["a", "b"], **columns}, geometry=shapes, crs=METRES),
    )
    roads = Layer(
        Kind.ROAD,
        gpd.GeoDataFrame(
            {"id": ["r"]}, geometry=[LineString([(500, 500), (2500, 500)])], crs=METRES
        ),
    )
    some = IncidentBatch(
        np.array([10.0, 20.0, 1500.0]),
        np.array([10.0, 20.0, 10.0]),
        np.array(["2024-01-01", "2024-02-01", "2024-02-02"], "datetime64[s]"),
        np.zeros(3, np.int16),
    )
    incidents = Incidents.from_batch(some, categories=("盗窃",), crs=METRES)
    return City("测试市", METRES, {Kind.GRID: grids, Kind.ROAD: roads}, incidents)


def test_each_criterion_is_divided_by_its_total():
    # residents 30:10 -> 0.75 and 0.25; area 1:2 -> 1/3 and 2/3; equal weights
    work = Workload.from_city(city(residents=[30.0, 10.0]), {"residents": 2, "area_km2": 2})
    np.testing.assert_allclose(work.load, [(0.75 + 1 / 3) / 2, (0.25 + 2 / 3) / 2])
    assert dict(work.weights) == {"residents": 0.5, "area_km2": 0.5}
    table = work.explain()
    assert table.index.tolist() == ["a", "b"]
    np.testing.assert_allclose(table["residents_part"], [0.375, 0.125])
    np.testing.assert_allclose(table["residents_part"] + table["area_km2_part"], table["load"])
    assert "residents 50%" in repr(work)


def test_criteria_come_from_points_roads_and_any_numeric_column():
    place = city(residents=[1.0, 1.0], gdp=[7.0, 3.0])
    assert criterion_of(place, "incidents").tolist() == [2, 1]
    assert criterion_of(place, "incidents", since="2024-02-01").tolist() == [1, 1]
    assert criterion_of(place, "road_km").tolist() == [0.5, 1.5]
    assert criterion_of(place, "gdp").tolist() == [7, 3]
    with pytest.raises(InputError) as caught:
        criterion_of(place, "households")
    assert "gdp" in caught.value.text("zh")


def test_a_road_on_a_border_is_shared_and_never_counted_twice():
    # |  a  |  b  |   a road along the border of a and b, one across, one outside
    squares = [box(0, 0, 10, 10), box(10, 0, 20, 10)]
    roads = [
        LineString([(10, 0), (10, 10)]),
        MultiLineString([[(5, 5), (12, 5), (12, 15)], [(30, 0), (40, 0)]]),
    ]
    np.testing.assert_allclose(road_length_m(squares, roads), [5 + 5, 5 + 2 + 5])
    assert road_length_m(squares, []).tolist() == [0, 0]
    assert road_length_m(squares[:1], roads[:1]).tolist() == [10]


@pytest.mark.parametrize(
    ("ends", "known"),
    [
        ([(500, 500), (600, 500)], True),  # inside one grid
        ([(1000, 200), (1000, 900)], True),  # along a border
        ([(-500, 1200), (4000, 1200)], False),  # beside the grids
        ([(-50, 950), (50, 1050)], False),  # a corner in its box, and touched at most
    ],
)
def test_roads_are_known_without_measuring_all_of_them(monkeypatch, ends, known):
    place = city(residents=[1.0, 1.0])
    roads = gpd.GeoDataFrame({"id": ["r"]}, geometry=[LineString(ends)], crs=METRES)
    place = replace(place, layers={**place.layers, Kind.ROAD: Layer(Kind.ROAD, roads)})
    assert ("road_km" in known_criteria(place)) is known
    assert bool(criterion_of(place, "road_km").any()) is known
    monkeypatch.delattr("gridmap.measure.workload.road_length_m")
    assert ("road_km" in known_criteria(place)) is known


@pytest.mark.parametrize(
    ("criteria", "weights", "key"),
    [
        ({"n": [1, 1]}, {"n": -1}, "weights"),
        ({"n": [1, 1]}, {"n": 0}, "weights"),
        ({"n": [1, 1]}, {"m": 1}, "criterion_missing"),
        ({"n": [0, 0]}, {"n": 1}, "criterion_empty"),
        ({"n": [1, -1]}, {"n": 1}, "criterion_values"),
        ({"n": [1, np.nan]}, {"n": 1}, "criterion_values"),
    ],
)
def test_what_cannot_be_weighed_is_refused(criteria, weights, key):
    with pytest.raises(InputError) as caught:
        Workload(np.array(["a", "b"]), criteria, weights)
    assert caught.value.key == f"measure.error.{key}"


def test_weights_are_read_from_text():
    assert parse_weights("residents=0.5,incidents=0.5") == {"residents": 0.5, "incidents": 0.5}
    assert parse_weights("常住人口=2， area_km2") == {"常住人口": 2.0, "area_km2": 1.0}
    for text in ("residents=many", "a=1,a=2", "=1", ""):
        with pytest.raises(InputError):
            parse_weights(text)


def test_balance_by_hand():
    # loads 1, 2, 3: mean 2; deviations -1/2, 0, 1/2; sd sqrt(2/3); Gini 8/6/(3*2)... = 2/9
    measured = balance([1.0, 2.0, 3.0])
    assert measured.worst_deviation == pytest.approx(0.5)
    assert measured.most_over == pytest.approx(0.5)
    assert measured.most_under == pytest.approx(-0.5)
    assert measured.cv == pytest.approx(np.sqrt(2 / 3) / 2)
    assert measured.gini == pytest.approx(2 / 9)
    fair = balance([1.0, 2.0, 3.0], targets=[10, 20, 30])
    assert fair.worst_deviation == pytest.approx(0, abs=1e-15)
    assert balance([0.0, 0.0]).cv == 0
    assert balance([0.0, 0.0, 5.0]).gini == pytest.approx(2 / 3)
    for loads, targets in (([-1.0], None), ([1.0], [0.0]), ([1.0], [1.0, 2.0])):
        with pytest.raises(ValueError):
            balance(loads, targets=targets)


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30))
def test_gini_is_half_the_mean_difference_of_pairs_over_the_mean(loads):
    pairs = np.abs(np.subtract.outer(loads, loads)).mean() / (2 * np.mean(loads))
    assert balance(loads).gini == pytest.approx(pairs, abs=1e-9)
