"""Officers shared among posts: no other way to share them leaves the busiest less busy."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gridmap
from gridmap.errors import InfeasibleError, InputError
from gridmap.measure.hypercube import hypercube, solve_posts
from gridmap.measure.staffing import apportion, least_busy, post_officers
from gridmap.travel import StraightLine

SERVICE_MIN = 40.0


def town(seed: int, posts: int, officers: int) -> tuple[np.ndarray, np.ndarray]:
    """Return calls an hour and minutes between posts of a random town."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 9, (posts, 2))
    minutes = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)) + rng.uniform(0, 2)
    calls = rng.gamma(0.7, 1.0, posts)
    calls *= officers * 60 / SERVICE_MIN * rng.uniform(0.1, 0.9) / calls.sum()
    return calls, minutes


def greatest(calls: np.ndarray, minutes: np.ndarray, counts: tuple[int, ...]) -> float:
    """Return the greatest utilisation of officers stood at the posts like this."""
    ranked = minutes.copy()
    np.fill_diagonal(ranked, -1.0)
    found = solve_posts(calls[None] / 60, ranked, np.array(counts), SERVICE_MIN)
    return float(found[0].max())


@pytest.mark.slow
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(0, 4))
def test_no_other_way_to_share_the_officers_is_better(seed, posts, more):
    officers = posts + more
    calls, minutes = town(seed, posts, officers)
    counts, busy = least_busy(calls, minutes, officers, SERVICE_MIN)
    assert counts.sum() == officers
    assert (counts >= 1).all()
    # Every call is served by somebody: work offered is work done.
    assert busy @ counts == pytest.approx(calls.sum() / 60 * SERVICE_MIN, abs=1e-5)
    every = product(range(1, more + 2), repeat=posts)
    best = min(greatest(calls, minutes, way) for way in every if sum(way) == officers)
    assert busy.max() == pytest.approx(best, abs=2e-3)


def test_one_officer_a_post_is_the_hypercube_itself():
    calls, minutes = town(3, 5, 5)
    counts, busy = least_busy(calls, minutes, 5, SERVICE_MIN)
    assert counts.tolist() == [1] * 5
    alone = hypercube(calls, minutes, SERVICE_MIN, home=np.arange(5))
    assert busy == pytest.approx(alone.utilisation, abs=1e-6)


def test_many_posts_are_less_busy_than_by_workload_alone():
    calls, minutes = town(5, 30, 70)
    counts, busy = least_busy(calls, minutes, 70, SERVICE_MIN)
    plain = tuple(apportion(calls, 70, method="minimax"))
    assert counts.sum() == 70
    assert busy.max() <= greatest(calls, minutes, plain)


@pytest.mark.slow
def test_the_verb_gives_each_plan_its_officers():
    city = gridmap.make_city(grids=80, incidents=4000)
    asked = {"beats": 6, "effort": "quick", "chance": 0, "seed": 1}
    without = gridmap.propose(city, **asked)
    found = gridmap.propose(city, officers=11, **asked)
    assert (found.plans[0].assignment == without.plans[0].assignment).all()
    assert sum(beat.officers for beat in found.plans[0].beats) == 11
    rows = found.to_dict()["plans"][0]["posts"]
    assert sum(row["officers"] for row in rows) == 11
    assert all(row["officers"] >= 1 and 0 < row["utilisation"] < 1 for row in rows)
    assert found.postings[0].sentence() in found.notes()
    assert without.posts() == []
    with pytest.raises(InfeasibleError):
        gridmap.propose(city, officers=5, **asked)


def test_what_lies_in_no_beat_calls_the_nearest_post():
    city = gridmap.make_city(grids=80, incidents=4000)
    plan = gridmap.propose(city, beats=4, effort="quick", chance=0).plans[0]
    calls = gridmap.measure(city, by="grid").to_frame()["incidents"].to_numpy(float)
    bare = plan.assignment.copy()
    bare[:10] = -1
    whole = post_officers(city, plan, 9, StraightLine(unit="min"))
    part = post_officers(city, replace(plan, assignment=bare), 9, StraightLine(unit="min"))
    for found in (whole, part):
        work = np.nansum(found.utilisation * found.officers)
        assert work == pytest.approx(
            calls.sum() / (366 * 24) * found.service_min / 60, rel=5e-3
        )  # the year's first call to its last
    with pytest.raises(InputError):
        post_officers(city, plan, 9, StraightLine(unit="m"))
