"""Plans drawn by chance follow the stated law, chains agree, and a plan gets its percentile."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

from gridmap.partition import Problem, neutral_ensemble, propose, score_plan
from tests.lattices import lattice


def spanning_trees(problem: Problem, own: list[int]) -> float:
    """Number of spanning trees of a beat, by Kirchhoff's theorem; 0 where it is broken."""
    place = {v: i for i, v in enumerate(own)}
    laplace = np.zeros((len(own), len(own)))
    for a, b in problem.edges.tolist():
        if a in place and b in place:
            i, j = place[a], place[b]
            laplace[i, i] += 1
            laplace[j, j] += 1
            laplace[i, j] -= 1
            laplace[j, i] -= 1
    return float(np.linalg.det(laplace[1:, 1:])) if len(own) > 1 else 1.0


def law(problem: Problem, tolerance: float) -> dict[float, float]:
    """Chance of each plan by its border, which is different for each."""
    weights = problem.weights[:, 0]
    mean = weights.sum() / problem.beats
    chance: dict[float, float] = {}
    for rest in itertools.product(range(problem.beats), repeat=problem.grids - 1):
        beat = np.array((0, *rest))
        first = [int(np.flatnonzero(beat == b)[0]) for b in np.unique(beat)]
        if len(first) < problem.beats or first != sorted(first):
            continue
        loads = np.bincount(beat, weights=weights)
        if (np.abs(loads / mean - 1) > tolerance + 1e-9).any():
            continue
        trees = 1.0
        for b in range(problem.beats):
            trees *= round(spanning_trees(problem, np.flatnonzero(beat == b).tolist()))
        if trees > 0:
            ends = problem.edges
            cut = problem.borders_m[beat[ends[:, 0]] != beat[ends[:, 1]]].sum()
            assert round(float(cut), 6) not in chance
            chance[round(float(cut), 6)] = trees
    total = sum(chance.values())
    return {cut: trees / total for cut, trees in chance.items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "columns", "beats", "tolerance"), [(2, 4, 2, 0.3), (3, 3, 3, 0.4)]
)
def test_plans_are_drawn_by_the_law(rows, columns, beats, tolerance):
    rng = np.random.default_rng(1)
    problem = lattice(rows, columns, np.ones(rows * columns), beats)
    problem = problem.replace(borders_m=rng.random(len(problem.edges)))
    exact = law(problem, tolerance)
    assert len(exact) > 5
    # Hundreds of steps lie between two plans of so small a city: each is drawn anew.
    drawn = neutral_ensemble(problem, plans=4_000, tolerance=tolerance, seed=3)
    cuts, seen = np.unique(np.round(drawn.cut_m.ravel(), 6), return_counts=True)
    assert set(cuts.tolist()) <= set(exact)
    observed = dict(zip(cuts.tolist(), seen.tolist(), strict=True))
    counts = np.array([observed.get(cut, 0) for cut in exact])
    expected = np.array(list(exact.values())) * counts.sum()
    assert chisquare(counts, expected).pvalue > 0.001
    assert max(drawn.r_hat.values()) < 1.02


@pytest.mark.slow
def test_measures_are_those_of_scores_and_plans_hold():
    rng = np.random.default_rng(2)
    problem = lattice(6, 6, rng.integers(1, 9, 36).astype(float), 4, demand=rng.random(36))
    drawn = neutral_ensemble(problem, plans=400, tolerance=0.25, seed=1)
    assert drawn.plans == 400
    assert drawn.max_deviation.max() <= drawn.tolerance + 1e-9
    assert drawn.moves > 100
    again = neutral_ensemble(problem, plans=400, tolerance=0.25, seed=1)
    assert (again.cut_m == drawn.cut_m).all()
    plan = propose(problem, tolerance=0.25, effort="quick").best
    shares = drawn.shares_below(plan.scores)
    assert shares["cut_m"] < 0.2  # a search for short borders is among the shortest
    assert set(shares) == {"cut_m", "travel_m", "max_deviation"}
    texts = drawn.sentences(plan.scores, language="en")
    assert len(texts) == 4
    assert "shorter borders" in texts[0]
    assert len(drawn.sentences(plan.scores, language="zh")) == 4
    # A long lean plan of four columns of 1.5 grids is not; it is scored by the same code.
    stripes = np.arange(36) // 9
    long = score_plan(problem, stripes, np.zeros((0, 2), dtype=np.int64))
    assert drawn.shares_below(long)["cut_m"] > shares["cut_m"]


def test_a_measure_that_is_zero_in_every_plan_is_compared_too():
    """Four equal grids in two beats: every plan drawn is even, and better than a lopsided one."""
    problem = lattice(2, 2, np.ones(4), 2)
    drawn = neutral_ensemble(problem, plans=200, tolerance=0.05)
    assert not drawn.max_deviation.any()
    even = score_plan(problem, np.array([0, 0, 1, 1]), np.zeros((0, 2), dtype=np.int64))
    assert drawn.shares_below(even)["max_deviation"] == 0.5
    lopsided = score_plan(problem, np.array([0, 1, 1, 1]), np.zeros((0, 2), dtype=np.int64))
    assert drawn.shares_below(lopsided)["max_deviation"] == 1.0


def test_stations_are_kept():
    problem = lattice(4, 8, np.ones(32), 4, parents=np.where(np.arange(32) % 8 < 4, "w", "e"))
    drawn = neutral_ensemble(problem, plans=400, tolerance=0.3)
    # The border between the stations is four borders long and in every plan.
    assert drawn.cut_m.min() >= 4 + 2 * 4 - 2
    assert drawn.max_deviation.max() <= drawn.tolerance + 1e-9
