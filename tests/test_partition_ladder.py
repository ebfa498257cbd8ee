"""Alternatives to one plan: trade-offs that nothing beats, and few changes from today's beats."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gridmap.errors import InputError
from gridmap.partition import change_ladder, propose
from tests.lattices import lattice, row


def whole(problem, plan) -> bool:
    """Whether every beat is in one piece."""
    for b in set(plan.tolist()):
        own = set(np.flatnonzero(plan == b).tolist())
        reached, wave = set(), [min(own)]
        while wave:
            v = wave.pop()
            reached.add(v)
            for a, c in problem.edges.tolist():
                for here, there in ((a, c), (c, a)):
                    if here == v and there in own - reached:
                        wave.append(there)
        if reached != own:
            return False
    return True


def least_worst(problem, today, changes: int) -> float:
    """The least worst deviation with so many changed grids, by trying all."""
    best = np.inf
    beats = np.unique(today)
    for count in range(changes + 1):
        for grids in itertools.combinations(range(problem.grids), count):
            for goals in itertools.product(beats, repeat=count):
                plan = today.copy()
                plan[list(grids)] = goals
                if len(np.unique(plan)) == len(beats) and whole(problem, plan):
                    loads = np.bincount(plan, weights=problem.weights[:, 0])
                    best = min(best, float(np.abs(loads / loads.mean() - 1).max()))
    return best


def test_one_and_two_changes_are_the_best_of_all():
    rng = np.random.default_rng(4)
    today = np.array([0, 0, 1, 1, 0, 0, 1, 2, 0, 2, 2, 2])
    for _ in range(5):
        problem = lattice(3, 4, rng.integers(1, 9, 12).astype(float), 3, present=today)
        rungs = change_ladder(problem, allowed=(1, 2))
        for rung in rungs:
            assert rung.changed <= rung.allowed
            assert rung.changed == int((rung.assignment != today).sum())
            assert whole(problem, rung.assignment)
            best = least_worst(problem, today, rung.allowed)
            assert rung.scores.max_deviation == pytest.approx(best)


def test_a_ladder_never_gets_worse_and_keeps_locks():
    rng = np.random.default_rng(6)
    today = np.repeat([0, 1, 2, 3], 16)
    fixed = np.full(64, -1)
    fixed[16] = 1
    problem = lattice(
        8, 8, rng.gamma(2, 3, 64), 4, present=today, frozen=(3,), fixed=fixed, apart=((15, 17),)
    )
    rungs = change_ladder(problem, allowed=(1, 2, 5, 10))
    worst = [rung.scores.max_deviation for rung in rungs]
    assert worst == sorted(worst, reverse=True)
    assert worst[-1] < worst[0]
    for rung in rungs:
        assert ((rung.assignment == 3) == (today == 3)).all()
        assert rung.assignment[16] == 1
        assert rung.assignment[15] != rung.assignment[17]
        assert "changed" in rung.sentence("en")
    with pytest.raises(InputError):
        change_ladder(problem, allowed=(2, 1))
    with pytest.raises(InputError):
        change_ladder(lattice(2, 2, np.ones(4), 2))


def test_grids_in_no_beat_join_a_neighbour_before_anything_changes():
    problem = row([3, 1, 1, 1, 1], 2, np.ones(4), present=[0, 0, -1, 1, 1])
    rung = change_ladder(problem, allowed=(1,))[0]
    # With the third grid in either beat, one more move or none makes 4 and 3.
    assert sorted(rung.scores.totals[:, 0].tolist()) == [3.0, 4.0]
    assert (rung.assignment >= 0).all()


@pytest.mark.slow
def test_a_front_offers_as_many_plans_as_wanted_none_of_them_beaten_and_spread():
    rng = np.random.default_rng(5)
    today = np.repeat([0, 1, 2, 3], 9)
    problem = lattice(6, 6, rng.integers(1, 9, 36).astype(float), 4, present=today)
    every = propose(problem, tolerance=0.1, effort="quick", front=20).candidates
    assert every[0].objective == "compact"
    assert every[0].tolerance == 0.1
    assert len(every) >= 4
    values = [measures(one) for one in every]
    for one, other in itertools.permutations(values[1:], 2):
        assert not all(a <= b for a, b in zip(one, other, strict=True))
    assert all(len(set(one.assignment.tolist())) == 4 for one in every)
    few = propose(problem, tolerance=0.1, effort="quick", front=3).candidates
    assert len(few) == 3
    # Of the plans left, the second is the one most unlike the first.
    width = np.ptp(values, axis=0)
    width[width == 0] = np.inf
    far = [float((np.abs(np.subtract(v, values[0])) / width).sum()) for v in values]
    assert measures(few[1]) == values[int(np.argmax(far))]


def measures(one) -> tuple[float, ...]:
    scores = one.scores
    return scores.max_deviation, scores.cut_m, scores.travel_total, -scores.kept


@pytest.mark.slow
def test_deviation_is_told_net_of_what_stations_and_single_grids_force():
    # West 9 + 1 + 1, east one grid of 20 and its own station: it is 11 % over three beats' mean.
    problem = row([9, 1, 1, 20], 3, np.ones(3), parents=["w", "w", "w", "e"])
    best = propose(problem, tolerance=0.05).best
    mean = 31 / 3
    assert best.scores.max_deviation == pytest.approx(max(20 / mean - 1, 1 - 2 / mean))
    # In the west 9 alone is over its mean of 5.5 and forced; 2 is 64 % under it.
    assert best.net_deviation == pytest.approx(1 - 2 / 5.5)
