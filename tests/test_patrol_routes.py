"""Patrol routes: against brute force, within the time, back at the room, different by seed."""

import itertools
import json
from xml.etree import ElementTree as ET

import numpy as np
import pymupdf
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

import gridmap
from gridmap.demo import make_city
from gridmap.errors import InfeasibleError, InputError
from gridmap.i18n import tr, using_language
from gridmap.model import Kind
from gridmap.patrol import PatrolTask, bound_routes, plan_routes
from gridmap.travel import RoadNetwork, RoadTravel


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=6000)


def random_task(seed, places=6, **options):
    rng = np.random.default_rng(seed)
    xy = rng.random((places + 1, 2)) * 20
    minutes = np.hypot(*(xy[:, None] - xy[None]).T)
    wanted = {"limit_min": 60.0, "stop_min": 8.0, **options}
    return PatrolTask(rng.random(places), np.array([places]), minutes, **wanted)


def best_of_all(task):
    best = 0.0
    room = task.rooms_at[0]
    for size in range(len(task.expected) + 1):
        for order in itertools.permutations(range(len(task.expected)), size):
            stops = [room, *order, room]
            way = sum(task.minutes[a, b] for a, b in itertools.pairwise(stops))
            if way + size * task.stop_min <= task.limit_min:
                best = max(best, task.expected[list(order)].sum())
    return best


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1))
def test_routes_are_as_good_as_the_best_of_all_orders_and_below_the_bound(seed):
    task = random_task(seed)
    (route,) = plan_routes(task)
    # Ways are rounded up to whole seconds: a plan that fits to the second may be missed.
    shorter = PatrolTask(task.expected, task.rooms_at, task.minutes, 59.8, task.stop_min)
    assert best_of_all(shorter) - 1e-9 <= route.expected <= best_of_all(task) + 1e-9
    assert route.expected <= bound_routes(task) + 1e-9
    assert route.minutes <= task.limit_min


def test_a_route_adds_up_from_the_room_and_back():
    task = random_task(4, places=9)
    (route,) = plan_routes(task)
    clock, at = 0.0, task.rooms_at[0]
    for visit in route.visits:
        clock += task.minutes[at, visit.place]
        assert visit.arrive_min == pytest.approx(clock)
        clock += task.stop_min
        assert visit.leave_min == pytest.approx(clock)
        at = visit.place
    assert route.minutes == pytest.approx(clock + task.minutes[at, task.rooms_at[0]])
    assert route.expected == pytest.approx(task.expected[[v.place for v in route.visits]].sum())


@pytest.mark.slow
def test_seeds_give_other_routes_that_are_nearly_as_good():
    task = random_task(7, places=20, limit_min=80.0)
    best = sum(route.expected for route in plan_routes(task))
    ways = []
    for seed in (1, 2, 3, 3):
        routes = plan_routes(task, seed=seed)
        assert sum(route.expected for route in routes) >= 0.9 * best
        ways.append(tuple(visit.place for route in routes for visit in route.visits))
    assert ways[2] == ways[3]
    assert len(set(ways)) == 3


@pytest.mark.slow
def test_a_rota_sees_every_place_and_the_hot_ones_more_often():
    task = random_task(2, places=30, limit_min=90.0, shifts=4, see_all=True)
    task.expected[:3] += 5.0
    routes = plan_routes(task)
    seen = [visit.place for route in routes for visit in route.visits]
    assert set(seen) == set(range(30))
    assert len(routes) == 4
    assert all(route.minutes <= 90.0 for route in routes)
    visits = np.bincount(seen, minlength=30)
    assert visits[:3].mean() > visits[3:].mean()


@pytest.mark.slow
def test_too_few_shifts_are_refused_with_how_many_it_takes():
    with pytest.raises(InfeasibleError, match=r"\d"):
        plan_routes(random_task(1, places=30, limit_min=20.0, shifts=2, see_all=True))


def test_a_way_follows_the_roads_and_has_their_length():
    lines = shapely.from_wkt(["LINESTRING (0 0, 100 0)", "LINESTRING (100 0, 100 80)",
                              "LINESTRING (0 0, 0 80, 100 80)"])  # fmt: skip
    travel = RoadTravel(RoadNetwork.from_lines(lines), unit="m")
    way = travel.path((10.0, 0.0), (100.0, 60.0))
    assert shapely.length(shapely.LineString(way)) == pytest.approx(150.0)
    right = shapely.from_wkt("LINESTRING (10 0, 100 0, 100 60)")
    assert shapely.hausdorff_distance(shapely.LineString(way), right) < 1e-6
    same = travel.path((20.0, 0.0), (70.0, 0.0))
    assert shapely.length(shapely.LineString(same)) == pytest.approx(50.0)


def test_the_ways_of_a_city_are_as_long_as_the_matrix_says(city):
    from gridmap.travel import road_network

    travel = RoadTravel(road_network(city.layer(Kind.ROAD)), unit="m")
    points = np.array([[g.x, g.y] for g in city.rooms.frame.geometry])[:4]
    matrix = travel.matrix(points, points)
    for a, b in itertools.permutations(range(len(points)), 2):
        way = shapely.LineString(travel.path(points[a], points[b]))
        assert way.length == pytest.approx(matrix[b, a], rel=1e-6)


def test_the_verb_keeps_to_its_beat_hours_and_time(city):
    beat = str(city.beats.ids[0])
    result = gridmap.patrol(city, beat=beat, hours="20-23", minutes=100, seed=3)
    plain = result.to_dict()
    (route,) = plain["routes"]
    assert route["minutes"] <= 100
    assert "20:00" <= route["start"] <= "21:20"
    assert plain["expected"] <= plain["bound"] + 1e-9
    ground = city.beats.geometry[0].buffer(1.0)
    inside = city.grids.frame.set_index("id").loc[[stop["id"] for stop in route["stops"]]]
    assert shapely.intersects(ground, inside.geometry.to_numpy()).all()
    # Expected counts are those of these hours, a day.
    hours = city.incidents.all.time.astype("datetime64[h]").astype(int) % 24
    assert 0 < plain["expected"] < ((hours >= 20) & (hours < 23)).sum() / 366


def test_without_roads_or_rooms_routes_are_straight_and_say_so(city):
    layers = {k: v for k, v in city.layers.items() if k not in {Kind.ROAD, Kind.ROOM}}
    bare = type(city)(city.name, city.crs, layers, city.incidents, city.presets)
    result = gridmap.patrol(bare, station=str(city.layer(Kind.STATION).ids[0]), units=2)
    assert len(result.notes) >= 2
    assert all(route["room"] == "" for route in result.to_dict()["routes"])


def test_what_is_not_there_is_named(city):
    with pytest.raises(InputError, match=r"beat Z9|没有警格“Z9”"):
        gridmap.patrol(city, beat="Z9")
    with pytest.raises(InputError):
        gridmap.patrol(city)
    with pytest.raises(InputError):
        gridmap.patrol(city, beat="1", hours="25-3")
    with pytest.raises(InputError, match="抢银行"):
        gridmap.patrol(city, beat=str(city.beats.ids[0]), category="抢银行")


@pytest.mark.slow
def test_the_command_writes_files_that_agree(city, run, ask, tmp_path):
    from gridmap.io import Workspace

    Workspace.at(tmp_path / "city").put_city(city)
    beat = str(city.beats.ids[0])
    plain = ask("patrol", tmp_path / "city", "--beat", beat, "--minutes", 90)
    code, out, err = run("patrol", tmp_path / "city", "--beat", beat, "--minutes", 90,
                         "--out", tmp_path / "out")  # fmt: skip
    assert code == 0, err
    stops = plain["routes"][0]["stops"]
    assert all(stop["name"] in out for stop in stops)
    root = ET.parse(tmp_path / "out" / "routes.gpx").getroot()  # noqa: S314 - our own file
    space = {"g": "http://www.topografix.com/GPX/1/1"}
    points = [(float(p.get("lon")), float(p.get("lat"))) for p in root.findall("g:wpt", space)]
    assert points == [(stop["lon"], stop["lat"]) for stop in stops]
    geojson = json.loads((tmp_path / "out" / "routes.geojson").read_text(encoding="utf-8"))
    assert len(geojson["features"]) == 1
    pages = pymupdf.open(tmp_path / "out" / "sheets.pdf")
    for words in ("maps.route", "maps.kind.room", "maps.kind.beat", "briefing.band.made_up"):
        with using_language("en"):
            assert tr(words) in pages[0].get_text()
    code, _, err = run("patrol", tmp_path / "city", "--beat", beat, "--out", tmp_path / "out")
    assert code == 2
    assert "out" in err
