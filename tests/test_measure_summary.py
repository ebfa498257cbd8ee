"""The table of `gridmap measure` on a city small enough to count by hand."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from pyproj import CRS
from shapely import Point, box

from gridmap.errors import InputError, MissingError
from gridmap.measure.summary import summarise
from gridmap.model import BeatInfo, City, IncidentBatch, Incidents, Kind, Layer, Plan, Presets

METRES = CRS("EPSG:4547")

# Four grids of 1 km2 and two beats; the border of the beats cuts C and D in half.
#
#   km 0    1    2
#   2  +----+----+   residents  A 100  B 200
#      | A  | B  |   beat one: the upper 1.5 rows
#   1  +----+----+   beat two: the lower half row of D only
#      | C  | D  |   residents  C 40   D 10
#   0  +----+----+
GRIDS = {"A": (0, 1, 100), "B": (1, 1, 200), "C": (0, 0, 40), "D": (1, 0, 10)}


def layer(kind, shapes, **columns):
    ids = columns.pop("id", None) or [f"{kind}{n}" for n in range(len(shapes))]
    frame = gpd.GeoDataFrame({"id": ids, **columns}, geometry=shapes, crs=METRES)
    return Layer(kind, frame)


def km(west, south, east, north):
    return box(west * 1000, south * 1000, east * 1000, north * 1000)


def grids(**columns):
    shapes = [km(x, y, x + 1, y + 1) for x, y, _ in GRIDS.values()]
    residents = [float(r) for _, _, r in GRIDS.values()]
    return layer(Kind.GRID, shapes, id=list(GRIDS), residents=residents, **columns)


def beats():
    return layer(
        Kind.BEAT, [km(0, 0.5, 2, 2), km(1, 0, 2, 0.5)], id=["one", "two"], name=["上", "下"]
    )


def incidents(points):
    """Incidents given as (x km, y km, day of September 2014)."""
    x, y, day = np.array(points, float).T
    time = np.datetime64("2014-09-01", "s") + (day - 1).astype(int) * np.timedelta64(86400, "s")
    batch = IncidentBatch(x * 1000, y * 1000, time, np.zeros(len(x), np.int16))
    return Incidents.from_batch(batch, categories=("盗窃",), crs=METRES)


HAPPENED = [(0.5, 1.5, 1), (0.5, 1.0, 2), (1.5, 0.2, 3), (0.5, 0.2, 4), (9.0, 9.0, 5)]


def city(*layers, points=HAPPENED, **options):
    return City(
        "测试市",
        METRES,
        {item.kind: item for item in layers},
        incidents(points) if points else None,
        **options,
    )


def assert_adds_up(table):
    for name in {"area_km2", "residents", "migrants", "households", "incidents"} - set(
        table.missing
    ):
        assert table.rows[name].sum() + table.unassigned[name] == pytest.approx(
            table.totals[name], abs=1e-9
        )


def test_by_grid():
    table = summarise(city(grids(), beats()), by="grid")
    assert table.rows["id"].tolist() == ["A", "B", "C", "D"]
    assert table.rows["area_km2"].tolist() == [1, 1, 1, 1]
    assert table.rows["residents"].tolist() == [100, 200, 40, 10]
    # The incident at (0.5, 1.0) lies on the border of A and C: A comes first.
    assert table.rows["incidents"].tolist() == [2, 0, 1, 1]
    assert table.rows["incidents_per_1000_residents"].tolist() == [20, 0, 25, 100]
    assert table.unassigned["incidents"] == 1
    assert table.totals["residents"] == 350
    assert table.totals["incidents"] == 5
    assert table.split_grids == 0
    assert table.missing == ("migrants", "households")
    assert_adds_up(table)


def test_by_beat_shares_cut_grids_by_area():
    table = summarise(city(grids(), beats()), by="beat")
    # one: A + B + half of C + half of D; two: half of D; half of C lies in no beat.
    assert table.rows["residents"].tolist() == pytest.approx([325, 5])
    assert table.unassigned["residents"] == pytest.approx(20)
    assert table.unassigned["area_km2"] == pytest.approx(0.5)
    assert table.rows["name"].tolist() == ["上", "下"]
    assert table.rows["incidents"].tolist() == [2, 1]
    assert table.unassigned["incidents"] == 2
    assert table.rows["residents_per_km2"].tolist() == pytest.approx([325 / 3, 10])
    assert table.split_grids == 1  # D; half of C lies in one beat, half in none
    assert_adds_up(table)


def test_a_period_includes_its_start_and_excludes_its_end():
    table = summarise(city(grids()), by="grid", since="2014-09-02", until="2014-09-04")
    assert table.totals["incidents"] == 2
    assert table.rows["incidents"].tolist() == [1, 0, 0, 1]
    with pytest.raises(InputError) as caught:
        summarise(city(grids()), by="grid", since="九月")
    assert caught.value.key == "measure.error.no_date"


def test_own_counts_and_own_beats_stand_in_for_points_and_polygons():
    held = grids(beat=["b2", "b2", "b10", "0"], incidents=[5.0, 1.0, 0.0, 3.0])
    table = summarise(city(held, points=None), by="beat")
    assert table.rows["id"].tolist() == ["b10", "b2"]
    assert table.rows["incidents"].tolist() == [0, 6]
    assert table.rows["area_km2"].tolist() == [1, 2]
    counted = {name: value for name, value in table.unassigned.items() if not np.isnan(value)}
    assert counted == {"area_km2": 1, "residents": 10, "incidents": 3}
    assert table.split_grids == 0
    assert_adds_up(table)
    with pytest.raises(InputError) as caught:
        summarise(city(held, points=None), by="beat", since="2014-01-01")
    assert caught.value.key == "measure.error.counts_have_no_times"


def test_a_plan_stands_in_for_the_beats():
    infos = (BeatInfo("x", "东", station="s"), BeatInfo("y", station="s"), BeatInfo("z"))
    plan = Plan("甲", grids().ids, np.array([0, 1, 0, -1]), infos)
    place = city(grids(), beats())
    table = summarise(place, by="beat", plan=plan)
    assert table.rows["name"].tolist() == ["东", "y", "z"]
    assert table.rows["residents"].tolist() == [140, 200, 0]
    assert table.rows["incidents"].tolist() == [3, 0, 0]
    assert np.isnan(table.rows["residents_per_km2"][2])
    assert table.unassigned["incidents"] == 2
    assert_adds_up(table)
    station = summarise(place, by="station", plan=plan)
    assert station.rows["residents"].tolist() == [340]
    assert station.unassigned["residents"] == 10
    other = Plan("乙", np.array(["Q"], object), np.array([0]), infos)
    with pytest.raises(InputError) as caught:
        summarise(place, by="beat", plan=other)
    assert caught.value.key == "measure.error.plan_of_other_city"


def test_the_covered_share_counts_residents():
    room = layer(Kind.ROOM, [Point(500, 1500)])
    # 2 km around the middle of A reach all of A and B's greater part; 0.8 km cover A whole.
    table = summarise(city(grids(), room, presets=Presets(room_radius_m=800.0)), by="grid")
    shares = table.rows["covered_residents_share"]
    assert shares[0] == pytest.approx(1.0)
    assert 0 < shares[3] < shares[1] < 1
    expected = (shares * table.rows["residents"]).sum() / 350
    assert table.totals["covered_residents_share"] == pytest.approx(expected)
    without = summarise(city(grids()), by="grid")
    assert without.rows["covered_residents_share"].isna().all()


def test_the_table_is_plain_json():
    table = summarise(city(grids(), beats()), by="beat").to_dict()
    again = json.loads(json.dumps(table, allow_nan=False))
    assert list(again["rows"][0]) == [
        "id",
        "name",
        "area_km2",
        "residents",
        "migrants",
        "households",
        "incidents",
        "residents_per_km2",
        "incidents_per_km2",
        "incidents_per_1000_residents",
        "covered_residents_share",
    ]
    assert again["rows"][0]["covered_residents_share"] is None


def test_without_grids_only_incidents_are_known():
    table = summarise(city(beats()), by="beat")
    assert table.rows["incidents"].tolist() == [2, 1]
    assert table.missing == ("residents", "migrants", "households")
    assert table.totals["incidents"] == 5


def test_what_is_not_there_is_named():
    with pytest.raises(MissingError) as caught:
        summarise(city(grids()), by="community")
    assert "community" in caught.value.text("en")


def test_inputs_stay_as_they_are():
    place = city(grids(), beats())
    before = place.digest, place.grids.frame.copy()
    summarise(place, by="beat")
    assert place.digest == before[0]
    pd.testing.assert_frame_equal(pd.DataFrame(place.grids.frame), pd.DataFrame(before[1]))
