"""Proofs of shortest ways: knapsacks, pairs that are closed, and branching on centres."""

from itertools import combinations, product

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import lattice
from scipy.optimize import linprog
from scipy.sparse.csgraph import connected_components

from gridmap.partition import propose
from gridmap.partition._arrays import Clock, build_graph
from gridmap.partition._branch_and_bound import prove_travel, slack_of
from gridmap.partition._lagrangian import (
    NEVER,
    TravelTask,
    all_pairs,
    close_pairs,
    knapsack,
    relax_travel,
)


def _task(rng, rows, columns, beats, share):
    """Return a task on a lattice with some borders closed, by straight lines."""
    n = rows * columns
    problem = lattice(rows, columns, np.ones(n), beats)
    edges = problem.edges[rng.random(len(problem.edges)) < 0.9]
    table = np.zeros((n, n), dtype=bool)
    table[edges[:, 0], edges[:, 1]] = True
    while connected_components(table, directed=False)[0] > 1:
        more = problem.edges[rng.integers(len(problem.edges))]
        table[more[0], more[1]] = True
    ends = np.argwhere(table).astype(np.int32)
    graph = build_graph(n, ends[:, 0], ends[:, 1], np.ones(len(ends)))
    weight = rng.integers(0, 5, n).astype(float)
    place = problem.xy + rng.uniform(-30, 30, (n, 2))
    far = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    mean = weight.sum() / beats
    cost = rng.integers(0, 6, n)[:, None] * far + 1e-3 * far
    return TravelTask(graph, cost, weight, (mean * (1 - share), mean * (1 + share))), table


def _by_brute_force(task, table, beats):
    """Return the best and the worst plan in whole pieces within bounds, as centres."""
    n = len(task.weight)
    best, worst = (np.inf, None), (-np.inf, None)
    for sites in combinations(range(n), beats):
        if not set(task.rooms) <= set(sites):
            continue
        rest = [v for v in range(n) if v not in sites]
        for given_ in product(sites, repeat=len(rest)):
            centre = np.empty(n, dtype=np.int64)
            centre[list(sites)] = sites
            centre[rest] = given_
            load = np.bincount(centre, task.weight, minlength=n)[list(sites)]
            if (load < task.bounds[0] - 1e-9).any() or (load > task.bounds[1] + 1e-9).any():
                continue
            same = table & (centre[:, None] == centre[None, :])
            if connected_components(same, directed=False)[0] > beats:
                continue
            value = task.value(centre)
            if value < best[0]:
                best = (value, centre)
            if value > worst[0]:
                worst = (value, centre)
    return best, worst


@pytest.mark.slow
@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_the_proof_is_that_of_brute_force_whatever_it_began_with(seed):
    rng = np.random.default_rng(seed)
    beats = int(rng.integers(2, 4))
    task, table = _task(rng, 2, 4, beats, float(rng.choice([0.2, 0.5, 0.9])))
    rooms = rng.choice(8, int(rng.choice([0, 0, 1, beats])), replace=False)
    task = task._replace(rooms=tuple(rooms.tolist()))
    (least, _), (_, worst) = _by_brute_force(task, table, beats)
    if worst is None:
        return
    proof = prove_travel(task, worst, clock=Clock())
    assert proof.proven
    assert proof.upper == pytest.approx(least, rel=1e-6, abs=1e-9)
    assert task.value(proof.centre) == proof.upper
    assert proof.lower <= proof.upper
    assert set(task.rooms) <= set(proof.centre.tolist())


def _by_solver(task, table, beats):
    """Return the least cost by one model of all pairs, contiguity cut in as it is missed."""
    n = len(task.weight)
    solver = highspy.Highs()
    solver.silent()
    solver.setOptionValue("mip_rel_gap", 1e-9)
    x = [[solver.addBinary(obj=float(task.cost[v, j])) for j in range(n)] for v in range(n)]
    for v in range(n):
        solver.addConstr(sum(x[v]) == 1)
    solver.addConstr(sum(x[j][j] for j in range(n)) == beats)
    for j in range(n):
        load = sum(float(task.weight[v]) * x[v][j] for v in range(n))
        solver.addConstr(load >= task.bounds[0] * x[j][j])
        solver.addConstr(load <= task.bounds[1] * x[j][j])
        for v in range(n):
            solver.addConstr(x[v][j] <= x[j][j])
    both = table | table.T
    while True:
        solver.run()
        if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None, None
        taken = np.array(solver.getSolution().col_value).reshape(n, n) > 0.5
        centre = taken.argmax(axis=1)
        whole = True
        for j in np.unique(centre):
            own = np.flatnonzero(centre == j)
            _, piece = connected_components(both[np.ix_(own, own)], directed=False)
            for c in np.unique(piece[piece != piece[own == j][0]]):
                whole = False
                lost = own[piece == c]
                rim = [u for u in range(n) if u not in lost and both[u, lost].any()]
                for v in lost:
                    solver.addConstr(x[v][j] <= sum(x[u][j] for u in rim))
        if whole:
            return float(solver.getObjectiveValue()), centre


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_the_proof_is_that_of_the_whole_model(seed):
    rng = np.random.default_rng(seed)
    task, table = _task(rng, 4, 6, 4, 0.15)
    least, _ = _by_solver(task, table, 4)
    other = task.cost * rng.uniform(0.2, 5.0, (24, 1))  # other calls, other beats
    _, known = _by_solver(task._replace(cost=other), table, 4)
    if known is None:
        assert least is None
        return
    proof = prove_travel(task, known, clock=Clock())
    assert proof.proven
    assert proof.upper == pytest.approx(least, rel=1e-6)
    assert task.value(proof.centre) == proof.upper <= task.value(known)


@pytest.mark.slow
@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1))
def test_a_knapsack_is_the_linear_programme_with_its_own_grid_in(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    cost, worth = rng.normal(size=(n, n)), rng.normal(size=n)
    weight = rng.integers(0, 4, n).astype(float)
    low = float(rng.uniform(0, 0.5) * weight.sum())
    high = low + float(rng.uniform(0, 0.5) * weight.sum())
    pairs = all_pairs(cost)
    for c in range(n):
        taken = np.zeros(n)
        value, _ = knapsack(pairs, c, worth, weight, low, high, np.empty(n), taken)
        limits = [(1, 1) if v == c else (0, 1) for v in range(n)]
        model = linprog(
            cost[:, c] - worth, [weight, -weight], [high, -low], bounds=limits, method="highs"
        )
        if model.status == 2:
            assert value >= NEVER
            continue
        assert value == pytest.approx(model.fun, abs=1e-7)
        assert float((cost[:, c] - worth) @ taken) == pytest.approx(value, abs=1e-9)
        assert taken[c] == 1
        assert (taken <= 1 + 1e-12).all()


@pytest.mark.slow
@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_closed_pairs_are_in_no_plan_as_good_as_the_known_one(seed):
    rng = np.random.default_rng(seed)
    task, table = _task(rng, 2, 4, 2, 0.5)
    (least, best), (_, worst) = _by_brute_force(task, table, 2)
    if best is None:
        return
    n = len(best)
    for upper in (least, (least + task.value(worst)) / 2):
        pairs = all_pairs(task.cost)
        found = relax_travel(
            task,
            pairs,
            2,
            upper,
            start=rng.random(n) * task.cost.mean(),
            clock=Clock(),
            steps=40,
        )
        assert found.bound <= least * (1 + 1e-9)
        slack = slack_of(found, np.ones(n, bool), np.full(n, -1), 2, upper)
        left = close_pairs(task, pairs, found.multipliers, slack)
        row = np.repeat(left.own, np.diff(left.ptr))
        kept = set(zip(left.grid.tolist(), row.tolist(), strict=True))
        assert {(v, int(j)) for v, j in enumerate(best)} <= kept


@pytest.mark.slow
def test_a_proof_that_is_stopped_says_how_far_it_came():
    rng = np.random.default_rng(11)
    problem = lattice(12, 12, rng.integers(1, 9, 144), 9)
    asked = {"objective": "travel", "tolerance": 0.05, "prove": True}
    calls = iter(range(10**9))
    stopped = propose(problem, **asked, should_stop=lambda: next(calls) > 400).best
    bound = next(one for one in stopped.bounds if one.objective == "travel_m")
    assert not bound.proven
    assert bound.lower is None or 0 <= bound.lower < bound.value


def _least_travel(problem, tolerance, allowed):
    """Return the least travel of all plans of a small problem that are allowed."""
    n = problem.grids
    far = np.hypot(*(problem.xy[:, None] - problem.xy[None]).transpose(2, 0, 1))
    cost = problem.weights[:, :1] * far
    table = np.zeros((n, n), dtype=bool)
    table[problem.edges[:, 0], problem.edges[:, 1]] = True
    mean = problem.weights.sum() / problem.beats
    rooms = np.full(problem.beats, -1) if problem.rooms is None else problem.rooms
    least = np.inf
    for beat in map(np.array, product(range(problem.beats), repeat=n)):
        load = np.bincount(beat, problem.weights[:, 0], minlength=problem.beats)
        same = table & (beat[:, None] == beat[None, :])
        if (
            (np.abs(load / mean - 1) > tolerance).any()
            or not allowed(beat)
            or any(v >= 0 and beat[v] != b for b, v in enumerate(rooms))
            or connected_components(same, directed=False)[0] > problem.beats
        ):
            continue
        travel = 0.0
        for b, room in enumerate(rooms):
            own = beat == b
            sums = cost[own].sum(axis=0)
            travel += sums[room] if room >= 0 else sums[own].min()
        least = min(least, travel)
    return least


@pytest.mark.slow
@pytest.mark.parametrize("rooms", [[7, -1, -1], [1, 6, -1], [5, 0, 8]])
def test_ways_from_rooms_are_proven_too(rooms):
    rng = np.random.default_rng(sum(rooms))
    problem = lattice(3, 3, rng.integers(1, 9, 9), 3, rooms=rooms)
    best = propose(problem, tolerance=0.6, objective="travel", prove=True).best
    bound = next(one for one in best.bounds if one.objective == "travel_m")
    assert bound.proven
    assert best.scores.travel_total == pytest.approx(_least_travel(problem, 0.6, lambda _: True))
    for b, room in enumerate(rooms):
        assert room < 0 or best.assignment[room] == b
        assert room < 0 or best.scores.centres[b] == room


def test_with_other_locks_there_is_a_bound_that_no_plan_is_below():
    rng = np.random.default_rng(3)
    plain = lattice(3, 3, rng.integers(1, 9, 9), 2)
    fixed = np.array([0, -1, -1, -1, -1, -1, -1, 0, -1])
    cases = [
        ({"apart": ((0, 1),)}, lambda beat: beat[0] != beat[1]),
        ({"together": ((0, 8),)}, lambda beat: beat[0] == beat[8]),
        ({"fixed": fixed}, lambda beat: beat[0] == beat[7]),
    ]
    for change, allowed in cases:
        problem = plain.replace(**change)
        best = propose(problem, tolerance=0.6, objective="travel", prove=True).best
        bound = next(one for one in best.bounds if one.objective == "travel_m")
        least = _least_travel(problem, 0.6, allowed)
        assert 0 < bound.lower <= least * (1 + 1e-9) <= best.scores.travel_total * (1 + 2e-9)
        assert not bound.proven or best.scores.travel_total == pytest.approx(least)
