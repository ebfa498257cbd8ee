"""Counts by polygon, hour, category and month against pandas and by hand."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import CRS
from shapely import box

from gridmap.errors import MissingError
from gridmap.measure import counting
from gridmap.measure.counting import Axes, count_batches, count_located
from gridmap.model import City, IncidentBatch, Incidents, Kind, Layer
from gridmap.model.polygon_index import PolygonIndex

METRES = CRS("EPSG:4547")
CHICAGO = Path(__file__).parents[2] / "shared" / "data" / "chicago"
NAMES = ("盗窃", "纠纷")


def batch(x, y, times, categories):
    time = np.array(times, "datetime64[s]")
    return IncidentBatch(
        np.array(x, float), np.array(y, float), time, np.array(categories, np.int16)
    )


def random_batch(count, seed):
    rng = np.random.default_rng(seed)
    time = np.datetime64("2023-11-20", "s") + rng.integers(0, 90 * 86400, count)
    time[rng.uniform(size=count) < 0.05] = np.datetime64("NaT")
    x, y = rng.uniform(-1, 11, (2, count))
    return batch(x, y, time, rng.integers(-1, 2, count))


def squares(side=10):
    return [box(x, y, x + 1, y + 1) for y in range(side) for x in range(side)]


def test_hours_begin_on_monday():
    # 2024-01-01 was a Monday; 1969-12-31 a Wednesday; 2024-01-07 23:59:59 the last hour.
    times = ["2024-01-01T00:00", "2024-01-07T23:59:59", "1969-12-31T01:30", "NaT"]
    counts = count_batches(
        PolygonIndex.build([box(0, 0, 1, 1)]),
        [batch([0.5] * 4, [0.5] * 4, times, [0, 1, 1, -1])],
        Axes(NAMES, (np.datetime64("2023-12"), np.datetime64("2024-01"))),
    )
    assert np.flatnonzero(counts.table("hour")).tolist() == [0, 49, 167]
    assert counts.table("month").tolist() == [0, 2]
    assert counts.table("month", with_unknown=True).tolist() == [0, 2, 2]
    assert counts.table("category", with_unknown=True).tolist() == [1, 2, 1]
    assert counts.total == 4
    assert counts.months == ("2023-12", "2024-01")


@pytest.mark.parametrize(
    ("columns", "key"),
    [({"incidents": [3, 1]}, "counts_have_no_places"), ({}, "no_incidents")],
)
def test_counts_of_grids_alone_are_told_from_no_incidents(columns, key):
    frame = gpd.GeoDataFrame(
        {"id": ["a", "b"], **columns}, geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)], crs=METRES
    )
    city = City("测试市", METRES, {Kind.GRID: Layer(Kind.GRID, frame)})
    with pytest.raises(MissingError) as caught:
        count_located(city, Kind.GRID)
    assert caught.value.key == f"measure.error.{key}"


def expected(incidents, index, months):
    frame = pd.DataFrame(
        {
            "polygon": index.locate(incidents.x, incidents.y),
            "time": pd.to_datetime(incidents.time),
            "category": incidents.category,
        }
    )
    frame["hour"] = frame["time"].dt.day_of_week * 24 + frame["time"].dt.hour
    frame["month"] = frame["time"].dt.strftime("%Y-%m").map({m: i for i, m in enumerate(months)})
    return frame


@pytest.mark.parametrize("full", [True, False])
def test_equals_pandas_on_every_axis(monkeypatch, full):
    monkeypatch.setattr(counting, "_BATCH", 700)
    monkeypatch.setattr(counting, "_BUFFER", 1500)
    if not full:
        monkeypatch.setattr(counting, "_FULL_TABLE", 0)
    index = PolygonIndex.build(squares())
    incidents = random_batch(10_000, 1)
    counts = count_batches(
        index,
        [incidents.take(slice(0, 4000)), incidents.take(slice(4000, None))],
        Axes(NAMES, (np.datetime64("2023-12"), np.datetime64("2024-02"))),
    )
    frame = expected(incidents, index, counts.months)
    for axes in (("polygon",), ("hour", "category"), ("polygon", "month"), ("category", "hour")):
        known = frame[(frame[list(axes)].fillna(-1) >= 0).all(axis=1)]
        table = counts.table(*axes)
        assert table.sum() == len(known)
        for key, size in known.groupby(list(axes)).size().items():
            assert table[tuple(np.atleast_1d(key).astype(int))] == size
    assert counts.total == len(incidents)
    assert counts.table("polygon", "hour", with_unknown=True).sum() == len(incidents)


@pytest.mark.parametrize("full", [True, False])
def test_tables_of_parts_add_up(monkeypatch, full):
    if not full:
        monkeypatch.setattr(counting, "_FULL_TABLE", 0)
    index = PolygonIndex.build(squares())
    one, other = random_batch(500, 2), random_batch(300, 3)
    axes = Axes(NAMES)
    together = count_batches(index, [one, other], axes)
    added = count_batches(index, [one], axes) + count_batches(index, [other], axes)
    for part in (0, 1):
        np.testing.assert_array_equal(together.sparse()[part], added.sparse()[part])
    with pytest.raises(ValueError, match="different axes"):
        _ = together + count_batches(index, [one], Axes())
    assert "800 incidents" in repr(together)
    empty = count_batches(index, [], axes)
    assert (empty + together).total == 800
    assert (empty + empty).total == 0


def test_overlapping_polygons_count_once_or_in_each():
    index = PolygonIndex.build([box(0, 0, 2, 1), box(1, 0, 3, 1)])
    some = batch([0.5, 1.5, 2.5, 9.0], [0.5] * 4, ["2024-01-01"] * 4, [0] * 4)
    first = count_batches(index, [some], Axes())
    every = count_batches(index, [some], Axes(), overlaps="all")
    assert first.table("polygon", with_unknown=True).tolist() == [2, 1, 1]
    assert every.table("polygon", with_unknown=True).tolist() == [2, 2, 1]


def test_incidents_of_a_city_and_a_period():
    some = batch([0.5, 0.5, 1.5], [0.5] * 3, ["2024-01-01", "2024-02-01", "NaT"], [0, 1, 0])
    incidents = Incidents.from_batch(some, categories=NAMES, crs=METRES)
    frame = gpd.GeoDataFrame({"id": [str(n) for n in range(100)]}, geometry=squares(), crs=METRES)
    layer = Layer(Kind.GRID, frame)
    city = City("x", METRES, {Kind.GRID: layer}, incidents)
    counts = count_located(city, Kind.GRID)
    assert counts.months == ("2024-01", "2024-02")
    assert counts.table("polygon", "category")[:2].tolist() == [[1, 1], [1, 0]]
    later = count_located(city, Kind.GRID, since="2024-02-01")
    assert later.total == 1


@pytest.fixture(scope="module")
def chicago():
    if not CHICAGO.exists():
        pytest.skip("the real data is not beside the checkout (../shared/data)")
    beats = gpd.read_file(f"zip://{CHICAGO}/police_beats.zip").to_crs(32616)
    table = pd.read_csv(CHICAGO / "Crimes_September_2014.csv")
    located = table.dropna(subset=["Longitude", "Latitude"])
    points = gpd.GeoSeries.from_xy(located["Longitude"], located["Latitude"], crs=4326)
    return beats.geometry.to_numpy(), points.to_crs(32616)


@pytest.mark.real_data
def test_chicago_counts_equal_sjoin(chicago):
    beats, points = chicago
    assert len(points) == 21_559
    count = len(points)
    some = IncidentBatch(
        points.x.to_numpy(),
        points.y.to_numpy(),
        np.full(count, "2014-09-01", "datetime64[s]"),
        np.zeros(count, np.int16),
    )
    counts = count_batches(PolygonIndex.build(beats), [some], Axes())
    joined = gpd.sjoin(
        gpd.GeoDataFrame(geometry=points),
        gpd.GeoDataFrame(geometry=beats, crs=32616),
        predicate="intersects",
    )
    first = joined.groupby(level=0)["index_right"].min()
    by_sjoin = np.bincount(first, minlength=len(beats))
    np.testing.assert_array_equal(counts.table("polygon"), by_sjoin)
    assert counts.total == 21_559


@pytest.mark.real_data
def test_chicago_pairs_equal_geos_exactly(chicago):
    beats, points = chicago
    corners = shapely.get_coordinates(beats)[::7]
    x = np.concatenate([points.x, corners[:, 0]])
    y = np.concatenate([points.y, corners[:, 1]])
    rows, found = PolygonIndex.build(beats).locate_all(x, y)
    tree = shapely.STRtree(beats)
    pairs = tree.query(shapely.points(x, y), predicate="intersects")
    assert set(zip(rows, found, strict=True)) == set(zip(*pairs, strict=True))
