"""Bounds, proofs and small exact searches, against brute force and published optima."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest

from gridmap.partition import Problem, propose
from gridmap.partition._start import fill_empty, join_pieces
from tests.lattices import lattice

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "benchmarks"


def ladder(weights, beats, **options):
    """Two rows of five grids, 100 m apart: 0-4 above, 5-9 below."""
    edges = [(i, i + 1) for i in (0, 1, 2, 3, 5, 6, 7, 8)] + [(i, i + 5) for i in range(5)]
    xy = np.array([(i % 5 * 100.0, i // 5 * 100.0) for i in range(10)])
    return Problem(weights=weights, edges=edges, xy=xy, beats=beats, **options)


def single_pieces(problem, beat):
    for b in set(beat):
        own = {v for v in range(problem.grids) if beat[v] == b}
        reached, wave = set(), [min(own)]
        while wave:
            v = wave.pop()
            reached.add(v)
            for a, c in problem.edges:
                for here, there in ((a, c), (c, a)):
                    if here == v and there in own - reached:
                        wave.append(there)
        if reached != own:
            return False
    return True


def all_plans(problem, tolerance):
    mean = problem.weights.sum() / problem.beats
    for rest in itertools.product(range(problem.beats), repeat=problem.grids - 1):
        beat = np.array((0, *rest))
        totals = np.bincount(beat, weights=problem.weights[:, 0], minlength=problem.beats)
        if (np.abs(totals / mean - 1) <= tolerance + 1e-12).all() and single_pieces(problem, beat):
            yield beat


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_cut_is_that_of_brute_force_and_proven(seed):
    rng = np.random.default_rng(seed)
    problem = ladder(rng.integers(1, 9, 10), 2 if seed < 3 else 3)
    least = min(
        (beat[problem.edges[:, 0]] != beat[problem.edges[:, 1]]).sum()
        for beat in all_plans(problem, 0.4)
    )
    plan = propose(problem, tolerance=0.4 / 0.955, effort="normal").best
    assert plan.scores.cut_m == least
    assert plan.proven


@pytest.mark.parametrize("seed", [1, 2])
def test_travel_is_that_of_brute_force_and_the_bound_below_it(seed):
    rng = np.random.default_rng(seed)
    problem = ladder(rng.integers(1, 9, 10), 2)
    far = np.hypot(*(problem.xy[:, None] - problem.xy[None]).transpose(2, 0, 1))

    def travel(beat):
        return sum(
            min((problem.weights[beat == b, 0] @ far[beat == b])[np.flatnonzero(beat == b)])
            for b in set(beat)
        )

    least = min(travel(beat) for beat in all_plans(problem, 0.4))
    plan = propose(
        problem, tolerance=0.4, objective="travel", prove=True, effort="normal", seconds=20
    ).best
    bound = next(b for b in plan.bounds if b.objective == "travel_m")
    assert plan.scores.travel_total == pytest.approx(least)
    assert bound.lower <= least * (1 + 1e-6)
    assert bound.proven
    assert bound.gap == pytest.approx(0.0, abs=1e-6)


def test_no_bound_is_said_where_there_is_none():
    problem = lattice(8, 8, np.ones(64), 4)
    plan = propose(problem, objective="compact", effort="quick").best
    assert plan.bounds[0].lower is None
    assert plan.bounds[0].gap is None
    assert not plan.proven


def test_balance_is_as_tight_as_a_tenth_more_border_allows():
    rng = np.random.default_rng(9)
    problem = ladder(rng.integers(10, 90, 10), 2)

    def cut(beat):
        return (beat[problem.edges[:, 0]] != beat[problem.edges[:, 1]]).sum()

    def off(beat):
        share = np.bincount(beat, weights=problem.weights[:, 0]) / problem.weights.sum()
        return np.abs(share * 2 - 1).max()

    shortest = min(cut(b) for b in all_plans(problem, 0.3))
    best = min(off(b) for b in all_plans(problem, 0.3) if cut(b) <= 1.1 * shortest)
    plan = propose(problem, tolerance=0.3, objective="balance").best
    assert plan.scores.max_deviation == pytest.approx(best)
    assert plan.scores.cut_m <= 1.1 * shortest
    assert plan.proven


def test_several_criteria_each_within_its_tolerance():
    rng = np.random.default_rng(4)
    weights = rng.integers(5, 10, (10, 2))
    plan = propose(ladder(weights, 2, tolerances=(0.2, 0.3)), effort="normal").best
    assert plan.feasible
    assert (np.abs(plan.scores.deviations).max(axis=0) <= [0.2, 0.3]).all()


def test_broken_and_empty_beats_are_made_whole():
    from gridmap.partition._arrays import build_graph

    chain = np.arange(5, dtype=np.int32)
    graph = build_graph(6, chain, chain + 1, np.ones(5))
    mended = join_pieces(graph, np.array([0, 1, 0, 0, 1, 1]), np.ones(6), 2)
    assert mended.tolist() in ([0, 0, 0, 0, 1, 1], [1, 1, 0, 0, 1, 1], [0, 0, 0, 0, 1, 1])
    filled = fill_empty(graph, np.zeros(6, dtype=np.int32), 3)
    assert set(filled.tolist()) == {0, 1, 2}
    for pin in range(6):
        held = fill_empty(graph, np.zeros(6, dtype=np.int32), 3, np.arange(6) == pin)
        assert set(held.tolist()) == {0, 1, 2}
        assert held[pin] == 0


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "seed"), [("NM-county", 0), ("MS-county", 1)])
def test_published_optimum_is_reached(name, seed):
    path = SHARED / "cut_edges" / f"{name}.json"
    if not path.exists():
        pytest.skip(f"needs {path.name} beside the checkout")
    data = json.loads(path.read_text(encoding="utf-8"))
    problem = Problem(
        weights=data["population"],
        edges=data["edges"],
        beats=data["k"],
        bounds=(data["lower"], data["upper"]),
    )
    plan = propose(problem, effort="normal", seed=seed).best
    assert plan.scores.cut_m == data["best_cut"]
    assert (plan.scores.pieces == 1).all()
    assert data["lower"] <= plan.scores.totals.min() <= plan.scores.totals.max() <= data["upper"]
