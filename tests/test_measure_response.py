"""The response of a plan on a town of two beats."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from pyproj import CRS
from shapely import Point, box

from gridmap.errors import InputError
from gridmap.measure.hypercube import hypercube, respond
from gridmap.model import BeatInfo, City, IncidentBatch, Incidents, Kind, Layer, Plan
from gridmap.travel import EBIKE, StraightLine

METRES = CRS("EPSG:4547")
TRAVEL = StraightLine(unit="min", mode=EBIKE)  # 20 km/h: 3 minutes a kilometre


def town(**columns):
    # | a | b | c | d |   grids of 1 km; a room in the middle of a
    shapes = [box(1000 * n, 0, 1000 * n + 1000, 1000) for n in range(4)]
    grids = Layer(
        Kind.GRID, gpd.GeoDataFrame({"id": list("abcd"), **columns}, geometry=shapes, crs=METRES)
    )
    rooms = Layer(
        Kind.ROOM, gpd.GeoDataFrame({"id": ["r"]}, geometry=[Point(500, 500)], crs=METRES)
    )
    return City("测试市", METRES, {Kind.GRID: grids, Kind.ROOM: rooms})


def plan(assignment=(0, 0, 1, 1)):
    beats = (BeatInfo("x", room="r"), BeatInfo("y"))
    return Plan("甲", np.array(list("abcd"), object), np.array(assignment), beats)


def test_posts_travel_and_service_by_hand():
    # 12 calls in 24 hours; x is posted in its room in a, y in the middle of c and d.
    found = respond(town(incidents=[3.0, 3.0, 3.0, 3.0]), plan(), TRAVEL, hours=24.0)
    minutes = np.array([[0.0, 3.0, 6.0, 9.0], [7.5, 4.5, 1.5, 1.5]])
    service = found.beats["service_min"].to_numpy()
    again = hypercube(np.full(4, 3 / 24), minutes, service, home=[0, 0, 1, 1])
    np.testing.assert_allclose(found.beats["utilisation"], again.utilisation, rtol=1e-3)
    assert found.beats["calls_per_day"].tolist() == [6, 6]
    share = again.dispatch_share
    travel = (share * minutes).sum(axis=1) / share.sum(axis=1)
    np.testing.assert_allclose(service, 30 + travel, atol=2e-3)
    assert not found.beats["overloaded"].any()
    assert (found.beats["own_share"] > 0.8).all()


def three_days(clock):
    days = [f"2024-01-0{day}T{clock}" for day in (1, 2, 3)]
    batch = IncidentBatch(
        np.array([10.0, 1500.0, 2500.0]),
        np.full(3, 10.0),
        np.array(days, "datetime64[s]"),
        np.zeros(3, np.int16),
    )
    base = town()
    incidents = Incidents.from_batch(batch, categories=("盗窃",), crs=METRES)
    return City(base.name, METRES, base.layers, incidents)


def test_calls_come_from_points_and_a_period():
    place = three_days("06")
    # From the first call to the last: two days.
    found = respond(place, plan((0, -1, 1, 1)), TRAVEL)
    assert found.beats["calls_per_day"].tolist() == pytest.approx([0.5, 0.5])
    day = respond(place, plan(), TRAVEL, since="2024-01-02", until="2024-01-03")
    assert day.beats["calls_per_day"].tolist() == [1, 0]
    assert np.isnan(day.beats["own_share"]["y"])


def test_days_without_clocks_count_whole():
    found = respond(three_days("00"), plan((0, -1, 1, 1)), TRAVEL)
    assert found.beats["calls_per_day"].tolist() == pytest.approx([1 / 3, 1 / 3])


def test_what_is_missing_is_named():
    with pytest.raises(InputError) as caught:
        respond(town(incidents=[1.0] * 4), plan(), StraightLine(), hours=1.0)
    assert caught.value.key == "measure.error.travel_minutes"
    with pytest.raises(InputError) as caught:
        respond(town(incidents=[1.0] * 4), plan(), TRAVEL)
    assert caught.value.key == "measure.error.no_calls"


def test_a_beat_without_grids_posts_nobody():
    # z is drawn somewhere else; a unit of it would stand at the origin of the coordinates.
    named = Plan("乙", np.array(list("abcd"), object), np.array((0, 0, 1, 1)),
                 (BeatInfo("x", room="r"), BeatInfo("y"), BeatInfo("z")))  # fmt: skip
    city = town(incidents=[3.0, 3.0, 3.0, 3.0])
    with_empty = respond(city, named, TRAVEL, hours=24.0)
    without = respond(city, plan(), TRAVEL, hours=24.0)
    assert list(with_empty.beats.index) == ["x", "y"]
    assert with_empty.response.mean_response_min == without.response.mean_response_min
    # Calls in no beat are still answered by somebody.
    loose = Plan("丙", named.grid_ids, np.array((0, 0, 1, -1)), named.beats)
    assert respond(city, loose, TRAVEL, hours=24.0).response.mean_response_min < 10.0
