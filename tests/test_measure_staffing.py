"""Staffing, queueing and stability by hand, in closed form and by simulation."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import factorial

import numpy as np
import pandas as pd
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from gridmap.errors import InfeasibleError, InputError
from gridmap.i18n import using_language
from gridmap.measure.hypercube import hypercube, reached_shares
from gridmap.measure.staffing import apportion, norms, staff_needed


def test_norms_are_data_with_a_source():
    assert all(rule.source for rule in norms())
    assert len({rule.id for rule in norms()}) == len(norms())
    with using_language("en"):
        assert norms()[0].name.startswith("Town beat")
    with pytest.raises(InputError):
        replace(norms()[0], where="at sea")
    with pytest.raises(InputError):
        replace(norms()[4], people=0.0)


def test_needs_by_hand():
    beats = pd.DataFrame(
        {
            "residents": [2_000.0, 7_000.0, 11_000.0],
            "migrants": [500.0, 1_000.0, 0.0],
            "villages": [0, 0, 4],
            "urban": [True, True, False],
            "officers": [1.0, 2.0, 4.0],
            "auxiliaries": [2.0, 1.0, 1.0],
        },
        index=["a", "b", "c"],
    )
    needed = staff_needed(beats)
    # a: 2,500 people in town -> 1 officer, 2 auxiliaries. b: 8,000 / 3,000 -> 3 officers,
    # so 3 auxiliaries. c: 11,000 / 5,000 -> 3 officers; 4 villages, and 4 officers there.
    assert needed["officers_needed"].tolist() == [1, 3, 3]
    assert needed["auxiliaries_needed"].tolist() == [2, 3, 4]
    assert needed["officers_lacking"].tolist() == [0, 1, 0]
    assert needed["auxiliaries_lacking"].tolist() == [0, 2, 3]
    assert needed.loc["b", "officers_norm"] == "people_per_officer"
    assert needed.loc["c", "auxiliaries_norm"] == "village"
    fewer = [replace(rule, people=1_000.0) if rule.people else rule for rule in norms()]
    assert staff_needed(beats, rules=fewer)["officers_needed"].tolist() == [3, 8, 11]
    assert staff_needed(beats[["residents"]])["officers_lacking"].tolist() == [1, 3, 4]


def test_largest_remainder_by_hand():
    # quotas of 10: 4.7, 3.1, 2.2 -> 4, 3, 2 and the tenth to the greatest remainder
    assert apportion([47, 31, 22], 10).tolist() == [5, 3, 2]
    assert apportion([98, 1, 1], 5).tolist() == [3, 1, 1]
    assert apportion([98, 1, 1], 5, least=0).tolist() == [5, 0, 0]
    assert apportion([0, 0, 0], 4).tolist() == [2, 1, 1]
    # Quotas of 4: 3.2, .4, .4; the second has 2 at least, so the first goes without.
    assert apportion([8, 1, 1], 4, least=[1, 2, 0]).tolist() == [2, 2, 0]
    assert apportion([], 0).tolist() == []
    with pytest.raises(InfeasibleError):
        apportion([1, 1], 1)
    with pytest.raises(ValueError, match="negative"):
        apportion([-1], 1)


@settings(max_examples=40)
@given(
    demand=st.lists(st.integers(0, 50), min_size=2, max_size=4),
    total=st.integers(4, 9),
)
def test_minimax_equals_brute_force(demand, total):
    given_officers = apportion(demand, total, method="minimax")
    assert given_officers.sum() == total
    best = min(
        max(d / n for d, n in zip(demand, split, strict=True))
        for split in product(range(1, total + 1), repeat=len(demand))
        if sum(split) == total
    )
    assert max(np.array(demand) / given_officers) == pytest.approx(best)


def test_one_unit_is_m_m_1():
    # 2 calls an hour, 15 minutes each: rho = 0.5; wait = rho / (mu - lambda) = 15 min
    found = hypercube([1.5, 0.5], [[4.0, 8.0]], 15.0)
    assert found.utilisation.tolist() == pytest.approx([0.5])
    assert found.mean_wait_min == pytest.approx(15)
    assert found.mean_travel_min == pytest.approx(5)
    assert found.queued_share == pytest.approx(0.5)
    assert found.cross_beat_share == pytest.approx(0)


def erlang_c(units, load):
    last = load**units / factorial(units) / (1 - load / units)
    return last / (sum(load**k / factorial(k) for k in range(units)) + last)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("units", [2, 5, 9])
def test_equal_units_are_m_m_n(units, exact):
    rng = np.random.default_rng(units)
    calls = rng.uniform(0.1, 0.5, 20)
    service = 60 * 0.55 * units / calls.sum()
    found = hypercube(calls, rng.uniform(2, 9, (units, 20)), service, exact=exact)
    waits = erlang_c(units, 0.55 * units)
    assert found.queued_share == pytest.approx(waits, rel=1e-9)
    assert found.mean_wait_min == pytest.approx(waits * service / (units * 0.45), rel=1e-9)
    assert found.utilisation.mean() == pytest.approx(0.55, rel=1e-6)
    assert found.dispatch_share.sum() == pytest.approx(1)
    np.testing.assert_allclose(found.dispatch_share.sum(axis=0), calls / calls.sum(), rtol=1e-8)


def town(units, places, seed, load):
    rng = np.random.default_rng(seed)
    posts, homes = rng.uniform(0, 10, (units, 2)), rng.uniform(0, 10, (places, 2))
    travel = np.hypot(*(posts[:, None] - homes[None]).transpose(2, 0, 1))
    calls = rng.gamma(1.0, 1.0, places)
    service = rng.uniform(20, 40, units)
    calls *= load * (60 / service).sum() / calls.sum()
    return calls, travel, service


def simulate(calls, travel, service, number, seed):
    """A town's units and calls, event by event."""
    rng = np.random.default_rng(seed)
    units = len(travel)
    preference = np.argsort(travel, axis=0, kind="stable").T
    world = simpy.Environment()
    free, waiting = [True] * units, []
    busy, responses, answered = np.zeros(units), [], np.zeros(travel.shape)

    def serve(unit, place, called):
        responses.append(world.now - called + travel[unit, place])
        answered[unit, place] += 1
        while True:
            time = rng.exponential(service[unit])
            busy[unit] += time
            yield world.timeout(time)
            if not waiting:
                free[unit] = True
                return
            place, called = waiting.pop(0)
            responses.append(world.now - called + travel[unit, place])
            answered[unit, place] += 1

    def arrive():
        part = calls / calls.sum()
        places = rng.choice(len(calls), number, p=part)
        for place, gap in zip(places, rng.exponential(60 / calls.sum(), number), strict=True):
            yield world.timeout(gap)
            unit = next((u for u in preference[place] if free[u]), None)
            if unit is None:
                waiting.append((place, world.now))
            else:
                free[unit] = False
                world.process(serve(unit, place, world.now))

    world.process(arrive())
    world.run()
    return busy / world.now, np.array(responses), answered / number


@pytest.mark.parametrize(("units", "load"), [(4, 0.4), (6, 0.65)])
def test_hypercube_agrees_with_a_simulation(units, load):
    calls, travel, service = town(units, 30, units, load)
    found = hypercube(calls, travel, service)
    busy, responses, answered = simulate(calls, travel, service, 40_000, seed=1)
    np.testing.assert_allclose(found.utilisation, busy, rtol=0.05)
    assert found.mean_response_min == pytest.approx(responses.mean(), rel=0.05)
    assert found.response_95_min == pytest.approx(np.quantile(responses, 0.95), rel=0.05)
    own = np.argmin(travel, axis=0)
    crossed = 1 - answered[own, np.arange(30)].sum()
    assert found.cross_beat_share == pytest.approx(crossed, rel=0.05)


def test_the_approximation_agrees_with_all_states():
    calls, travel, service = town(8, 40, 3, 0.5)
    exact = hypercube(calls, travel, service.mean(), exact=True)
    rough = hypercube(calls, travel, service.mean(), exact=False)
    assert not rough.exact
    np.testing.assert_allclose(rough.utilisation, exact.utilisation, rtol=0.05)
    assert rough.mean_response_min == pytest.approx(exact.mean_response_min, rel=0.05)
    assert rough.cross_beat_share == pytest.approx(exact.cross_beat_share, rel=0.05)


def test_fifty_units_are_no_trouble():
    calls, travel, service = town(50, 200, 5, 0.62)
    found = hypercube(calls, travel, service.mean())
    assert not found.exact
    assert found.overloaded.any()
    assert found.dispatch_share.sum() == pytest.approx(1)
    assert 0 < found.cross_beat_share < 1


def test_a_place_prefers_its_own_unit():
    near_other = [[9.0], [1.0]]
    own = hypercube([0.01], near_other, 10.0, home=[0])
    assert own.dispatch_share[0, 0] > 0.99
    assert hypercube([0.01], near_other, 10.0).dispatch_share[1, 0] > 0.99


def test_too_many_calls_are_infeasible():
    with pytest.raises(InfeasibleError) as caught:
        hypercube([7.0], [[1.0]], 10.0)
    assert "6.0" in caught.value.text("en")
    with pytest.raises(ValueError, match="fit"):
        hypercube([1.0, 1.0], [[1.0]], 10.0)


def test_equal_beats_tie_by_order_not_by_rounding():
    """0.1 * 3 is a hair more than 0.3: the beat that comes first gets the officer all the same."""
    assert apportion([0.3, 0.1 * 3], 3, least=0).tolist() == [2, 1]
    assert apportion([0.1 * 3, 0.3], 3, least=0).tolist() == [2, 1]
    for method in ("largest remainder", "minimax"):
        for total in range(3, 20):
            one = apportion([0.3, 0.1 * 3, 0.1 + 0.2], total, method=method)
            assert one.tolist() == apportion([1, 1, 1], total, method=method).tolist()


def test_calls_from_no_beat_are_not_called_across():
    """Two units a beat each, hardly any calls: all are answered at home, whatever has no home."""
    travel = [[1.0, 9.0, 5.0], [9.0, 1.0, 6.0]]
    quiet = [0.001, 0.001, 0.002]
    at_home = hypercube(quiet, travel, 30.0, home=[0, 1, -1])
    assert at_home.cross_beat_share == pytest.approx(0.0, abs=0.005)
    # By hand: of the calls with a home, a share P(own unit busy) crosses; nearly 1/1000.
    busy = hypercube([0.5, 0.5, 0.5], travel, 30.0, home=[0, 1, -1])
    alone = sum(busy.dispatch_share[unit, unit] for unit in (0, 1))
    assert busy.cross_beat_share == pytest.approx(1.0 - alone / (2 / 3))
    assert np.isnan(hypercube(quiet, travel, 30.0, home=[-1, -1, -1]).cross_beat_share)


@pytest.mark.parametrize("servers", [[1, 1, 1], [2, 1, 0]])
def test_a_station_hour_agrees_with_a_simulation(servers):
    """Calls and units one by one: a unit of the own post, else the nearest post's, else a wait."""
    rng = np.random.default_rng(7)
    beats, points = rng.uniform(0, 9, (3, 2)), rng.uniform(0, 9, (24, 2))
    travel = np.hypot(*(beats[:, None] - points[None]).transpose(2, 0, 1))
    home = np.argmin(travel, axis=0)
    weight = np.zeros((3, 24))
    weight[home, np.arange(24)] = rng.gamma(1.0, 1.0, 24)
    calls = np.array([1.1, 0.7, 0.4])
    (share,), exact = reached_shares(calls[None], travel, weight, servers, 40.0, minutes=6.0)
    assert exact
    within = weight / weight.sum(axis=1, keepdims=True)
    units = np.repeat(np.arange(3), servers)  # the post of each unit
    mean = travel @ within.T
    mean[np.arange(3), np.arange(3)] = -1.0
    flat = (calls[:, None] / calls.sum() * within).ravel()
    order = np.array([np.argsort(mean[units, beat], kind="stable") for beat in range(3)])
    each = np.repeat(order, 24, axis=0).T  # which unit a call of this beat and point asks first
    ways = np.tile(travel[units], (1, 3))
    rank = np.empty_like(ways)
    np.put_along_axis(rank, each, np.arange(len(units))[:, None] * np.ones_like(ways), axis=0)
    free_until, reached = np.zeros(len(units)), 0
    number, now = 60_000, 0.0
    for place, gap, work in zip(
        rng.choice(len(flat), number, p=flat / flat.sum()),
        rng.exponential(60.0 / calls.sum(), number),
        rng.exponential(40.0, number),
        strict=True,
    ):
        now += gap
        free = np.flatnonzero(free_until <= now)
        unit = free[np.argmin(rank[free, place])] if len(free) else np.argmin(free_until)
        begin = max(now, free_until[unit])
        free_until[unit] = begin + work
        reached += begin - now + ways[unit, place] <= 6.0
    # Neighbouring calls are not independent: 0.01 is five errors of as many that were.
    assert share == pytest.approx(reached / number, abs=0.01)


def test_units_of_one_post_are_one_queue():
    """By hand: M/M/3, everybody 4 minutes away; within 10 minutes if the wait is at most 6."""
    (share, none, quiet), _ = reached_shares(
        [[3.0], [4.6], [0.0]], [[4.0]], [[1.0]], [3], 40.0, minutes=10.0
    )
    late = erlang_c(3, 2.0) * np.exp(-(3 - 2) * 6.0 / 40.0)
    assert share == pytest.approx(1 - late, abs=1e-3)
    assert (none, quiet) == (0.0, 1.0)  # 4.6 calls an hour take 3.07 units; no calls, none late


def test_hours_states_and_the_approximation_say_the_same():
    calls, travel, _ = town(9, 30, 11, 0.5)
    weight = (np.argmin(travel, axis=0) == np.arange(9)[:, None]) * calls + 1e-9
    rates = weight.sum(axis=1) * np.array([[0.4], [1.0]]) * 9 / 40 * 60 * 0.7 / calls.sum()
    exact, solved = reached_shares(rates, travel, weight, np.ones(9), 40.0, minutes=5.0)
    assert solved  # 512 states
    # One more unit at the least beat brings 768 states, which are not solved.
    more = np.append(np.ones(8), 2.0)
    rough, solved = reached_shares(rates, travel, weight, more, 40.0, minutes=5.0)
    assert not solved
    assert (rough > exact - 0.02).all()
    for hour in (0, 1):
        one = hypercube(rates[hour], travel @ (weight / weight.sum(1, keepdims=True)).T, 40.0,
                        home=np.arange(9))  # fmt: skip
        inside = (travel <= 5.0) @ (weight / weight.sum(axis=1, keepdims=True)).T
        answered = float((one.dispatch_share * inside).sum())
        assert answered - one.queued_share <= exact[hour] <= answered + 1e-6
