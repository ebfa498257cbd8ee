"""Cost from rooms to points equals networkx on a graph cut at every point."""

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import shapely

from gridmap.errors import InputError
from gridmap.travel import CAR, WALK, Mode, RoadNetwork, RoadTravel, StraightLine


def oracle(travel: RoadTravel, points: np.ndarray, rooms: np.ndarray) -> np.ndarray:
    """Cut every edge at every point and room, and let networkx find all the ways."""
    net, (forward, backward) = travel.network, travel._edge_costs
    graph = nx.DiGraph()
    graph.add_nodes_from(("n", k) for k in range(len(net.nodes_xy)))
    per_metre = 1.0 if travel.unit == "m" else 0.06 / travel.mode.access_kmh
    on_edge: dict[int, list[tuple[float, tuple[str, int], float]]] = {}
    for kind, at in (("p", travel.locate(points)), ("r", travel.locate(rooms))):
        for i in np.flatnonzero(at.edge >= 0):
            share = at.offset_m[i] / net.length_m[at.edge[i]]
            on_edge.setdefault(int(at.edge[i]), []).append((share, (kind, int(i)), at.gap_m[i]))

    def arc(tail: object, head: object, cost: float) -> None:
        known = graph.get_edge_data(tail, head, {"weight": np.inf})["weight"]
        if cost < known:
            graph.add_edge(tail, head, weight=cost)

    for edge in range(len(net)):
        stops = sorted(on_edge.get(edge, []))
        chain = [(0.0, ("n", int(net.start[edge])))]
        chain += [(share, ("x", *name)) for share, name, _ in stops]
        chain += [(1.0, ("n", int(net.end[edge])))]
        for (low, a), (high, b) in pairwise(chain):
            arc(a, b, forward[edge] * (high - low) if high > low else 0.0)
            arc(b, a, backward[edge] * (high - low) if high > low else 0.0)
        for _, name, gap in stops:
            tail, head = (name, ("x", *name)) if name[0] == "r" else (("x", *name), name)
            arc(tail, head, gap * per_metre)
    cost = np.full((len(points), len(rooms)), np.inf)
    for room in range(len(rooms)):
        if ("r", room) in graph:
            found = nx.single_source_dijkstra_path_length(graph, ("r", room))
            for point in range(len(points)):
                cost[point, room] = found.get(("p", point), np.inf)
    return cost


@pytest.mark.parametrize("seed", range(24))
def test_equal_to_networkx(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 25))
    roads = [shapely.LineString(rng.uniform(0, 1000, (rng.integers(2, 4), 2))) for _ in range(k)]
    net = RoadNetwork.from_lines(
        roads,
        oneway=rng.integers(-1, 2, k),
        speed_kmh=rng.choice([np.nan, 20, 60], k),
        level=rng.integers(0, 2, k),
        crossings="split",
    )
    points, rooms = rng.uniform(0, 1000, (30, 2)), rng.uniform(0, 1000, (6, 2))
    if seed % 3 == 0:
        rooms[1] = points[0] = rooms[0]
    toward = "points" if seed % 2 else "rooms"
    for mode, unit in ((WALK, "m"), (CAR, "m"), (CAR, "min")):
        travel = RoadTravel(net, mode, unit, max_gap_m=200, toward=toward)
        expected = oracle(travel, points, rooms)
        np.testing.assert_allclose(travel.matrix(points, rooms), expected, rtol=1e-9, atol=1e-9)
        ranked = np.sort(expected, axis=1)
        for rank in (1, 2, 3):
            reach = travel.nearest(points, rooms, rank=rank)
            np.testing.assert_allclose(reach.cost, ranked[:, rank - 1], rtol=1e-9)
            held = np.flatnonzero(np.isfinite(reach.cost))
            np.testing.assert_allclose(expected[held, reach.room[held]], reach.cost[held])
            lost = np.flatnonzero(~np.isfinite(reach.cost))
            listed = np.union1d(reach.off_road, reach.cut_off)
            assert listed.tolist() == lost.tolist()


def street(**options: object) -> RoadNetwork:
    return RoadNetwork.from_lines(shapely.from_wkt(["LINESTRING (0 0, 1000 0)"]), **options)


def test_demand_enters_along_its_edge_not_at_its_ends() -> None:
    reach = RoadTravel(street(), WALK, "m").nearest([(600.0, 30.0)], [(200.0, 10.0)])
    assert reach.cost[0] == pytest.approx(10.0 + 400.0 + 30.0)


def test_one_way_streets_bind_cars_not_walkers() -> None:
    net = street(oneway=[1])
    back = [(100.0, 0.0)], [(900.0, 0.0)]
    assert RoadTravel(net, WALK, "m").nearest(*back).cost.tolist() == [800.0]
    car = RoadTravel(net, CAR, "m").nearest(*back)
    assert np.isinf(car.cost).all()
    assert car.cut_off.tolist() == [0]
    assert RoadTravel(net, CAR, "m", toward="rooms").nearest(*back).cost.tolist() == [800.0]


def test_minutes_by_the_roads_speed_and_the_default() -> None:
    spots = [(500.0, 0.0)], [(0.0, 0.0)]
    assert RoadTravel(street(speed_kmh=[60.0]), CAR).nearest(*spots).cost[0] == pytest.approx(0.5)
    assert RoadTravel(street(), CAR).nearest(*spots).cost[0] == pytest.approx(1.0)


def test_what_is_not_reached_is_said_with_ids() -> None:
    roads = shapely.from_wkt(["LINESTRING (0 0, 100 0)", "LINESTRING (0 900, 100 900)"])
    travel = RoadTravel(RoadNetwork.from_lines(roads), WALK, "m", max_gap_m=50.0)
    reach = travel.nearest([(50, 0), (50, 900), (50, 400)], [(0, 0), (0, 300)])
    assert np.isfinite(reach.cost).tolist() == [True, False, False]
    notes = reach.notes(["A", "B", "C"], ["R1", "R2"])
    assert len(notes) == 3
    assert "C" in notes[0]
    assert "B" in notes[1]
    assert "R2" in notes[2]


def test_no_rooms_means_nobody_is_reached() -> None:
    none = np.empty((0, 2))
    for travel in (StraightLine(), RoadTravel(street(), WALK, "m")):
        reach = travel.nearest([(1.0, 1.0)], none)
        assert np.isinf(reach.cost).all()
        assert reach.cut_off.tolist() == [0]
        assert reach.room.tolist() == [-1]


def test_straight_lines_are_hypotenuses() -> None:
    minutes = StraightLine("min", Mode("run", 12.0, oneway=False))
    assert minutes.nearest([(300.0, 400.0)], [(0.0, 0.0)]).cost[0] == pytest.approx(2.5)
    assert StraightLine().matrix([(3, 4)], [(0, 0), (3, 0)]).tolist() == [[5.0, 4.0]]


def test_a_speed_must_be_positive() -> None:
    with pytest.raises(InputError, match="speed_kmh"):
        Mode("stand", 0.0, oneway=False)


@pytest.mark.parametrize("unit", ["m", "min"])
def test_where_every_room_is_far_from_a_road_nothing_is_reached(unit):
    """::

    R           R        two rooms 2 km north of the only road

    -----P---------      (0, 0) to (1000, 0)
    """
    network = RoadNetwork.from_lines([shapely.LineString([(0, 0), (1000, 0)])])
    travel = RoadTravel(network, unit=unit)
    points, rooms = np.array([[400.0, 0.0], [500.0, 10.0]]), np.array([[0, 2000.0], [900, 2000.0]])
    for cost in (travel.matrix(points, rooms), travel.matrix(rooms, points)):
        assert cost.shape == (2, 2)
        assert np.isinf(cost).all()
    nearest = travel.nearest(points, rooms)
    assert np.isinf(nearest.cost).all()
    assert list(nearest.rooms_off_road) == [0, 1]
    assert travel.path(points[0], rooms[0]).tolist() == [points[0].tolist(), rooms[0].tolist()]
    # One room on the road is served as if the others were not there.
    mixed = travel.matrix(points, np.vstack([rooms, [[400.0, 0.0]]]))
    assert np.isinf(mixed[:, :2]).all()
    assert mixed[:, 2] == pytest.approx(travel.matrix(points, [[400.0, 0.0]])[:, 0])
