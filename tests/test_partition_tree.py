"""What the compiled search keeps in masks and sums, beside the same by brute force."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gridmap.partition import Problem, propose
from gridmap.partition._arrays import RING_BITS, Graph, Instance, Loads, build_graph, make_state
from gridmap.partition._instance import empty_attraction
from gridmap.partition._recombine import _grow_tree, _sum_subtrees, is_plain, tree_room
from gridmap.partition._windows import _whole_cost


def _planar(seed: int, side: int = 7) -> tuple[Graph, nx.Graph]:
    """Return a grid with some diagonals, and borders of random length."""
    rng = np.random.default_rng(seed)
    net = nx.grid_2d_graph(side, side)
    net.add_edges_from(
        ((i, j), (i + 1, j + 1))
        for i in range(side - 1)
        for j in range(side - 1)
        if rng.random() < 0.5
    )
    net = nx.convert_node_labels_to_integers(net, ordering="sorted")
    edges = np.array(net.edges, dtype=np.int32)
    length = rng.uniform(0.5, 2.0, len(edges))
    for (u, v), border in zip(edges, length, strict=True):
        net[int(u)][int(v)]["length"] = float(border)
    return build_graph(side * side, edges[:, 0], edges[:, 1], length), net


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_a_ring_tells_which_neighbours_touch(seed: int) -> None:
    graph, net = _planar(seed)
    for v in net.nodes:
        row = graph.nbr[graph.indptr[v] : graph.indptr[v + 1]]
        masks = graph.ring[graph.indptr[v] : graph.indptr[v + 1]]
        for mask, u in zip(masks, row, strict=True):
            told = [bool(int(mask) >> i & 1) for i in range(len(row))]
            assert told == [net.has_edge(int(u), int(other)) for other in row]


@given(st.integers(0, 10_000))
@settings(max_examples=20)
def test_the_sums_of_a_tree_are_those_of_its_subtrees(seed: int) -> None:
    graph, net = _planar(seed)
    n = len(net)
    beat: NDArray[np.int32] = (np.arange(n) >= n // 2).astype(np.int32)
    weight = np.random.default_rng(seed).uniform(1, 3, (n, 1))
    bound = np.full((2, 1), weight.sum())
    loads = Loads(weight, 0 * bound, bound, 1 / bound)
    attraction = empty_attraction(np.zeros((n, 2)), np.zeros(n), None)
    state = make_state(
        Instance(2, graph, loads, attraction, np.zeros((n, 2)), 0.0), beat, seed, np.inf
    )
    room = tree_room(n, len(graph.nbr), 1)
    count, border = _grow_tree(graph, state, 3, 0, 1, room)
    _sum_subtrees(loads, attraction, state, count, 0, 1, 2, room)
    assert sorted(room.grid[:count]) == list(range(n))
    whole = {v for v in net.nodes if beat[v] == 0}
    assert border == pytest.approx(nx.cut_size(net, whole, weight="length"))
    below = [{int(g)} for g in room.grid[:count]]
    for i in range(count - 1, 0, -1):
        assert room.parent[i] < i
        assert net.has_edge(int(room.grid[i]), int(room.grid[room.parent[i]]))
        below[room.parent[i]] |= below[i]
    for i, part in enumerate(below):
        assert room.sums[i, 0] == pytest.approx(
            nx.cut_size(net, part, weight="length") if len(part) < n else 0.0, abs=1e-9
        )
        assert room.sums[i, 1] == pytest.approx(weight[sorted(part)].sum())


def test_beats_around_a_hub_with_more_neighbours_than_bits_stay_whole() -> None:
    # A wheel without a rim, each spoke two grids long: only the hub holds its beat together.
    spokes = RING_BITS + 9
    inner, outer = np.arange(1, spokes + 1), np.arange(spokes + 1, 2 * spokes + 1)
    edges = np.concatenate(
        [
            np.stack([np.zeros(spokes, dtype=int), inner], axis=1),
            np.stack([inner, outer], axis=1),
            np.stack([outer[:-1], outer[1:]], axis=1),
        ]
    )
    net = nx.Graph(edges.tolist())
    problem = Problem(weights=np.ones(2 * spokes + 1), edges=edges, beats=5)
    plan = propose(problem, tolerance=0.2, effort="quick").best.assignment
    for label in range(5):
        assert nx.is_connected(net.subgraph(np.flatnonzero(plan == label).tolist()))


def test_a_window_is_worth_its_border_and_what_breaks_a_bound() -> None:
    # Six grids of one each in a row, two beats that may carry 2.5 to 3.5; a hair costs 20 borders.
    ends = np.arange(5, dtype=np.int32)
    graph = build_graph(6, ends, ends + 1, np.ones(5))
    bound = np.full((2, 1), 3.5)
    loads = Loads(np.ones((6, 1)), bound - 1, bound, np.full((2, 1), 0.1))
    attraction = empty_attraction(np.zeros((6, 2)), np.zeros(6), None)
    instance = Instance(2, graph, loads, attraction, np.zeros((6, 2)), 0.0)
    for beat, broken in (([0, 0, 0, 1, 1, 1], 0), ([0, 0, 1, 1, 1, 1], 2)):
        state = make_state(instance, np.array(beat, dtype=np.int32), 0, np.inf)
        # Half a grid beyond either bound, a twentieth when scaled, squared.
        expected = 1 + broken * (20 + 2e8 * 0.05**2)
        assert _whole_cost(instance, state) == pytest.approx(expected)


def test_ways_reach_the_kernels_in_the_layout_that_is_compiled():
    """Rows and columns the other way round in memory would compile the search anew, 20 seconds."""
    line = np.arange(12)
    ways = np.asfortranarray(np.abs(line[:, None] - line[None, :]), dtype=np.float64)
    problem = Problem(
        weights=np.ones(12), edges=np.column_stack([line[:-1], line[1:]]), beats=2, travel=ways
    )
    found = propose(problem, objective="travel", effort="quick", tolerance=0.1)
    assert found.best.scores.max_deviation == 0
    assert problem.travel.flags.c_contiguous
    assert not [one for one in is_plain.signatures if "2d, F" in str(one)]
