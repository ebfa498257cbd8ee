"""Around a point: counts against shapely, rooms by minutes, what is missing is None."""

from dataclasses import replace

import numpy as np
import pytest
import shapely

import gridmap
from gridmap.demo import make_city
from gridmap.errors import InputError
from gridmap.i18n import tr
from gridmap.model import Kind, Layer


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=6000)


@pytest.fixture(scope="module")
def middle(city):
    return str(city.grids.ids[len(city.grids) // 2])


def test_people_are_shared_out_by_area_and_incidents_counted_by_place(city, middle):
    result = gridmap.around(city, grid=middle, within="800m")
    (ring,) = result.rings
    disc = shapely.Point(result.xy).buffer(800.0, quad_segs=256)
    inside = shapely.area(shapely.intersection(city.grids.geometry, disc))
    residents = (inside / shapely.area(city.grids.geometry)) @ city.grids.counts("residents")
    assert ring["residents"] == pytest.approx(residents, rel=1e-4)
    assert ring["area_km2"] == pytest.approx(np.pi * 0.64, rel=1e-4)
    batch = city.incidents.all
    end = np.datetime64(result.until) + 1
    near = np.hypot(batch.x - result.xy[0], batch.y - result.xy[1]) <= 800.0
    recent = (batch.time >= end - 90) & (batch.time < end)
    assert sum(ring["incidents"].values()) == pytest.approx((near & recent).sum(), abs=1)
    assert ring["grids"][0]["share"] <= 1.0
    assert middle in [row["id"] for row in ring["grids"]]


def test_rooms_come_in_the_order_of_their_minutes(city, middle):
    rooms = gridmap.around(city, grid=middle).to_dict()["rooms"]
    minutes = [room["minutes"] for room in rooms if room["minutes"] is not None]
    assert minutes == sorted(minutes)
    assert len(rooms) == min(10, len(city.rooms))
    row = list(city.rooms.ids).index(rooms[0]["id"])
    assert rooms[0]["officers"] == city.rooms.counts("officers")[row]


def test_a_day_early_in_the_data_says_how_many_days_it_counts(city, middle):
    early = gridmap.around(city, grid=middle, until="2024-01-30")  # the demo begins on 1 January
    assert (early.since, early.until) == ("2024-01-01", "2024-01-30")
    assert "30" in early.label("incidents")
    assert any("2024-01-01" in note for note in early.notes)
    assert not any("2024-01-01" in note for note in gridmap.around(city, grid=middle).notes)


@pytest.mark.parametrize(("mode", "pace", "kmh"), [("", "car", 30), ("walk", "walk", 5)])
def test_without_roads_minutes_are_straight_and_by_car_unless_asked(city, middle, mode, pace, kmh):
    bare = replace(
        city, layers={k: v for k, v in city.layers.items() if k in (Kind.GRID, Kind.ROOM)}
    )
    result = gridmap.around(bare, grid=middle, within="2min", mode=mode)
    room = result.rooms[0]
    assert room["minutes"] == pytest.approx(room["distance_m"] / 1000.0 / kmh * 60.0, abs=0.01)
    assert tr(f"api.mode.{pace}") in " ".join(result.notes)


def test_roads_cross_the_edge_of_the_ring(city, middle):
    result = gridmap.around(city, grid=middle, within="600m")
    edge = result.shapes[0].boundary
    crossing = shapely.intersects(city.layer(Kind.ROAD).geometry, edge).sum()
    assert len(result.rings[0]["roads"]) >= crossing > 0


def test_a_point_in_degrees_and_its_grid_are_the_same_place(city, middle):
    by_grid = gridmap.around(city, grid=middle, within="500m")
    by_point = gridmap.around(city, at=by_grid.lonlat, within="500m")
    assert by_point.xy == pytest.approx(by_grid.xy, abs=0.01)
    assert by_point.rings[0]["residents"] == pytest.approx(by_grid.rings[0]["residents"], rel=1e-4)


def test_what_nobody_counted_is_none(city, middle):
    frame = city.grids.frame.drop(columns=["residents", "migrants", "households"])
    layers = {Kind.GRID: Layer(Kind.GRID, frame)}
    bare = type(city)(city.name, city.crs, layers, None, city.presets)
    plain = gridmap.around(bare, grid=middle).to_dict()
    assert plain["residents"] is None
    assert plain["incidents"] is None
    assert plain["rooms"] == []
    assert len(plain["notes"]) >= 3


@pytest.mark.parametrize("at", ["30.2", "north,east", "200,10", (1, 2, 3), (None, 3)])
def test_a_point_that_is_none_is_refused(city, at):
    with pytest.raises(InputError):
        gridmap.around(city, at=at)


def test_exchanged_axes_are_outside_and_the_message_says_so(city, middle):
    lon, lat = gridmap.around(city, grid=middle).lonlat
    with pytest.raises(InputError, match=r"先后|order"):
        gridmap.around(city, at=(lat, lon / 2))


def test_the_command_prints_and_its_json_has_the_figures(city, run, ask, tmp_path, middle):
    from gridmap.io import Workspace

    Workspace.at(tmp_path / "city").put_city(city)
    plain = ask("around", tmp_path / "city", "--grid", middle, "--within", "500m,5min")
    assert {"residents", "migrants", "rooms", "beats", "stations", "communities"} <= set(plain)
    assert [ring["within"] for ring in plain["rings"]] == ["500m", "5min"]
    code, out, err = run("around", tmp_path / "city", "--at", f"{plain['lon']},{plain['lat']}")
    assert code == 0, err
    assert plain["rooms"][0]["name"] in out
    code, _, err = run("around", tmp_path / "city")
    assert code == 2
    assert "--at" in err
