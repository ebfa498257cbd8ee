"""How fast 50,000 grids find the nearest of 500 rooms along 200,000 road edges.

Prints one JSON line each: building the graph, one run for all rooms, and networkx on the same
graph and the same entries in the same run, whose answers must agree.

Run: ``python -m benchmarks.travel``
"""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridmap.travel import CAR, Located, RoadNetwork, RoadTravel

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRIDS, ROOMS, SIDE, BLOCK_M = 50_000, 500, 317, 100.0


def streets(rng: np.random.Generator) -> tuple[NDArray[np.object_], dict[str, Any]]:
    """Return an irregular town of about 200,000 streets with speeds and one-way roads."""
    steps = np.arange(SIDE) * BLOCK_M
    xy = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    xy = xy + rng.uniform(-0.25, 0.25, xy.shape) * BLOCK_M
    number = np.arange(SIDE * SIDE).reshape(SIDE, SIDE)
    first = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    second = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    lines = np.asarray(shapely.linestrings(np.stack([xy[first], xy[second]], axis=1)))
    return lines, {
        "speed_kmh": rng.choice([20.0, 30.0, 40.0, 60.0], len(lines)),
        "oneway": rng.choice([0, 0, 0, 1], len(lines)),
    }


def run_networkx(
    travel: RoadTravel, points: Located, rooms: Located
) -> tuple[float, NDArray[np.float64], NDArray[np.int64]]:
    """Return the seconds networkx takes after its graph is built, and its answers."""
    import networkx as nx

    graph = nx.DiGraph()
    arcs = travel.graph.tocoo()
    graph.add_weighted_edges_from(
        zip(arcs.row.tolist(), arcs.col.tolist(), arcs.data.tolist(), strict=True)
    )
    net, (forward, backward) = travel.network, travel._edge_costs  # noqa: SLF001 - the same costs
    began = time.process_time()
    node, who, cost = travel._seeds(rooms)  # noqa: SLF001 - the same entries for both
    for at, room, price in zip(node.tolist(), who.tolist(), cost.tolist(), strict=True):
        graph.add_edge(("room", room), at, weight=price)
    # The paths say which room is the nearest; lengths alone would not answer the question.
    distance, paths = nx.multi_source_dijkstra(
        graph, {("room", int(room)) for room in np.unique(who)}
    )
    server = {at: path[0][1] for at, path in paths.items()}
    on_edge: dict[int, list[int]] = {}
    room_share = (rooms.offset_m / net.length_m[rooms.edge]).tolist()
    room_cost = (rooms.gap_m / 1000.0 * 60.0 / travel.mode.access_kmh).tolist()
    for room, edge in enumerate(rooms.edge.tolist()):
        on_edge.setdefault(edge, []).append(room)
    share = (points.offset_m / net.length_m[points.edge]).tolist()
    gap = (points.gap_m / 1000.0 * 60.0 / travel.mode.access_kmh).tolist()
    start, end = net.start.tolist(), net.end.tolist()
    ahead, back = forward.tolist(), backward.tolist()
    answer, nearest = [], []
    for point, edge in enumerate(points.edge.tolist()):
        part = share[point]
        ways = [
            (
                distance.get(start[edge], np.inf) + (ahead[edge] * part if part else 0.0),
                server.get(start[edge], -1),
            ),
            (
                distance.get(end[edge], np.inf) + (back[edge] * (1 - part) if part < 1 else 0.0),
                server.get(end[edge], -1),
            ),
        ]
        for room in on_edge.get(edge, ()):
            step = part - room_share[room]
            along = 0.0 if step == 0 else ahead[edge] * step if step > 0 else -back[edge] * step
            ways.append((room_cost[room] + along, room))
        best, room = min(ways)
        answer.append(best + gap[point])
        nearest.append(room)
    return time.process_time() - began, np.array(answer), np.array(nearest)


def main() -> None:
    """Print the figures as JSON lines."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rng = np.random.default_rng(20)
    lines, columns = streets(rng)
    warm = RoadTravel(RoadNetwork.from_lines(lines[:50]).prepare(), CAR)
    warm.nearest(np.zeros((2, 2)), np.ones((2, 2)))
    warm.nearest(np.zeros((2, 2)), np.ones((2, 2)), rank=2)

    began = time.process_time()
    network = RoadNetwork.from_lines(lines, **columns).prepare()
    travel = RoadTravel(network, CAR)
    edges = travel.graph.nnz
    built = time.process_time() - began
    print(json.dumps({"step": "build", "edges": len(network), "arcs": edges, "seconds": built}))

    extent = SIDE * BLOCK_M
    grids = rng.uniform(0.0, extent, (GRIDS, 2))
    rooms = rng.uniform(0.0, extent, (ROOMS, 2))
    runs = []
    for _ in range(5):
        began = time.process_time()
        reach = travel.nearest(grids, rooms)
        runs.append(time.process_time() - began)
    ours = float(np.median(runs))
    base = {"grids": GRIDS, "rooms": ROOMS, "edges": len(network)}
    print(json.dumps({"step": "nearest room", **base, "seconds": ours, "target_s": 3.0}))

    began = time.process_time()
    travel.nearest(grids, rooms, rank=2)
    backup = time.process_time() - began
    print(json.dumps({"step": "second nearest room", **base, "seconds": backup}))

    at_grids, at_rooms = travel.locate(grids), travel.locate(rooms)
    runs = []
    for _ in range(5):
        began = time.process_time()
        travel.nearest_located(at_grids, at_rooms)
        runs.append(time.process_time() - began)
    paths = float(np.median(runs))
    began = time.process_time()
    tree = shapely.STRtree(network.lines)
    spots = shapely.points(grids)
    _, edge = tree.query_nearest(spots, all_matches=False)
    shapely.line_locate_point(network.lines[edge], spots)
    locating = time.process_time() - began
    peer, answer, nearest = run_networkx(travel, at_grids, at_rooms)
    served = np.isfinite(reach.cost)
    assert (np.isfinite(answer) == served).all()
    assert (nearest == reach.room)[served].mean() > 0.9999
    worst = float(np.abs(answer[served] - reach.cost[served]).max())
    assert worst < 1e-6, worst
    print(
        json.dumps(
            {
                "step": "networkx",
                **base,
                "seconds": peer,
                "ours_seconds": paths,
                "times_as_fast": peer / paths,
                "with_locating_by_shapely_seconds": peer + locating,
                "ours_with_locating_seconds": ours,
                "times_as_fast_with_locating": (peer + locating) / ours,
                "target_times": 20.0,
                "largest_difference_min": worst,
                "unreached": int((~served).sum()),
            }
        )
    )


if __name__ == "__main__":
    main()
