"""A plan hangs on the ground, not on the order in which grids and borders are listed."""

from dataclasses import fields, replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import lattice, row

from gridmap.partition import Problem, _arrays, _travel, propose
from gridmap.partition._instance import in_order, put_back
from gridmap.partition.problem import PER_GRID


def _shuffled(problem: Problem, rng: np.random.Generator) -> tuple[Problem, np.ndarray]:
    """Return the problem listed in another order, and where each grid went."""
    order = rng.permutation(problem.grids)
    place = np.argsort(order)
    changes = {name: getattr(problem, name) for name in PER_GRID}
    changes = {name: None if v is None else v[order] for name, v in changes.items()}
    for ends, length in (("edges", "borders_m"), ("barrier_edges", "barrier_m")):
        listed = rng.permutation(len(getattr(problem, ends)))
        pairs = place[getattr(problem, ends)][listed]
        turned = rng.random(len(pairs)) < 0.5
        pairs[turned] = pairs[turned][:, ::-1]
        changes |= {ends: pairs, length: getattr(problem, length)[listed]}
        if ends == "edges" and problem.border_factor is not None:
            changes["border_factor"] = problem.border_factor[listed]
    for name in ("together", "apart"):
        groups = [tuple(place[list(group)].tolist())[::-1] for group in getattr(problem, name)]
        changes[name] = tuple(groups[::-1])
    if problem.rooms is not None:
        changes["rooms"] = np.where(problem.rooms >= 0, place[problem.rooms], -1)
    if problem.travel is not None:
        changes["travel"] = problem.travel[np.ix_(order, order)]
    return problem.replace(**changes), place


def _town(rng: np.random.Generator) -> Problem:
    """Return a town of 60 to 200 grids with a river and today's beats, and locks at times."""
    width = int(rng.integers(6, 13))
    height = int(rng.integers(60 // width + 1, 200 // width + 1))
    n, beats = width * height, int(rng.integers(3, 10))
    weights = rng.exponential(1.0, (n, int(rng.integers(1, 3))))
    plain = lattice(height, width, weights, beats)
    river = (plain.edges[:, 0] % width == width // 2) & (np.diff(plain.edges)[:, 0] == 1)
    river[np.flatnonzero(river)[:: max(1, height // 2)]] = False
    near = rng.choice(n - 1, 3, replace=False)
    changes = {
        "edges": plain.edges[~river],
        "borders_m": rng.uniform(50, 150, int((~river).sum())),
        "barrier_edges": plain.edges[river],
        "barrier_m": plain.borders_m[river],
        "present": np.minimum(np.arange(n) * beats // n, beats - 1),
        "demand": rng.exponential(1.0, n),
        "xy": plain.xy + rng.uniform(-20, 20, (n, 2)),
    }
    if rng.random() < 0.4:
        changes["together"] = (tuple(near[:2].tolist()),)
    if rng.random() < 0.4:
        changes["apart"] = ((int(near[2]), int(near[2]) + 1),)
    if rng.random() < 0.4:
        changes["border_factor"] = rng.choice([0.5, 1.0, 2.0], int((~river).sum()))
    if rng.random() < 0.4:
        changes["parents"] = np.where(np.arange(n) < n // 2, "south", "north")
        changes.pop("together", None)
    return plain.replace(**changes)


# Nothing about the order of grids depends on how long a search goes on: a twentieth will do.
_BRIEF = replace(_arrays.effort_of("quick"), visits=1e5, least=20, windows=0.5)


@pytest.mark.slow
@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["compact", "balance", "travel", "change"]))
def test_listing_grids_and_borders_otherwise_gives_the_same_plan(seed, objective):
    rng = np.random.default_rng(seed)
    problem = _town(rng)
    keep = 0.6 if rng.random() < 0.3 else None
    asked = {"objective": objective, "tolerance": 0.2, "effort": "quick", "keep": keep}
    other, place = _shuffled(problem, rng)
    with (
        patch.dict(_arrays._EFFORTS, quick=_BRIEF),
        patch.dict(_travel._TRIES, quick=2),
        patch("gridmap.partition._transport._TURNS", 2),
        patch("gridmap.partition._solve._MENDING", 2),
    ):
        first, again = propose(problem, **asked), propose(other, **asked)
    assert (again.best.assignment[place] == first.best.assignment).all()
    assert again.best.scores.cut_m == first.best.scores.cut_m
    assert again.best.scores.travel_total == first.best.scores.travel_total
    assert again.best.feasible == first.best.feasible


def test_each_field_of_a_problem_is_put_in_order_or_has_none():
    by_themselves = {
        "edges",
        "borders_m",
        "border_factor",
        "barrier_edges",
        "barrier_m",
        "rooms",
        "travel",
    }
    by_themselves |= {"together", "apart", "ids"}
    of_beats = {
        "limits",
        "reach",
        "beats",
        "tolerances",
        "targets",
        "bounds",
        "frozen",
        "beat_names",
        "criterion_names",
    }
    every = {item.name for item in fields(Problem)}
    assert every == {*PER_GRID, *by_themselves, *of_beats, "whole_communities"}


def test_names_and_places_are_those_of_the_file():
    from_east = np.stack([np.arange(6)[::-1] * 100.0, np.zeros(6)], axis=1)
    problem = row([9, 1, 1, 1, 1, 1], 2, [1] * 5, xy=from_east)
    own, came = in_order(problem)
    assert came.tolist() == [5, 4, 3, 2, 1, 0]
    assert own.weights[:, 0].tolist() == [1, 1, 1, 1, 1, 9]
    assert own.name_of([0, 5]) == [5, 0]
    settled = own.replace(together=((0, 2),), present=np.arange(6) // 3)
    back = put_back(settled, problem, came)
    assert back.together == ((3, 5),)
    assert back.present.tolist() == [1, 1, 1, 0, 0, 0]
    assert (back.weights == problem.weights).all()
    assert back.ids == ()
    proposal = propose(problem, tolerance=0.1, effort="quick")
    heavy = [note for note in proposal.notes if note.key == "partition.note.heavy_grid"]
    assert [note.values["ids"] for note in heavy] == ["0"]
    best = proposal.best
    assert best.assignment[0] != best.assignment[1]
    assert best.scores.centres[best.assignment[0]] == 0
