"""The space-time scan beside enumeration, control charts beside scipy, both by simulation."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from benchmarks.simulate import negative_binomial, run_cases, watch_cases
from gridmap.measure.watch import control_chart, scan_space_time

LINE = np.column_stack([np.arange(6) * 100.0, np.zeros(6)])


def brute(place, day, xy, until, longest):
    """Return the greatest likelihood ratio over circles and lengths, written out."""
    total = len(place)
    best = (0.0, None, 0)
    for middle in range(len(xy)):
        order = np.argsort(np.hypot(*(xy - xy[middle]).T), kind="stable")
        for size in (1, 2, 3, 5, 8, 13):
            if size > len(xy):
                break
            inside = np.isin(place, order[:size])
            if inside.sum() > total / 2:
                continue
            for days in range(1, longest + 1):
                late = day > until - days
                c, e = (inside & late).sum(), inside.sum() * late.sum() / total
                if c < 2 or c <= e:
                    continue
                score = c * np.log(c / e)
                score += (total - c) * np.log((total - c) / (total - e)) if total > c else 0
                if score > best[0] + 1e-12:
                    best = (score, set(order[:size].tolist()), days)
    return best


def test_the_scan_is_what_enumeration_finds():
    place = np.array([0, 5, 2, 3, 2, 4, 1, 2, 2])
    day = np.array([3, 5, 20, 12, 28, 7, 15, 29, 30])
    _, places, days = brute(place, day, LINE, 30, 3)
    found = scan_space_time(place, day, LINE, until=30, history_days=30, longest_days=3,
                            draws=4999)[0]  # fmt: skip
    assert (set(found.places.tolist()), found.days) == (places, days)
    assert found.observed == 3
    assert found.expected == pytest.approx(4 * 3 / 9)
    assert found.places[0] == 2
    assert found.recurrence_days == pytest.approx(1 / found.p_value)


@pytest.mark.slow
def test_its_p_value_is_that_of_all_arrangements():
    place = np.array([0, 0, 0, 3, 4, 5, 1])
    day = np.array([10, 9, 1, 2, 10, 4, 6])
    seen = brute(place, day, LINE, 10, 2)[0]
    orders = set(permutations(day.tolist()))
    scores = [brute(place, np.array(order), LINE, 10, 2)[0] for order in orders]
    exact = np.mean(np.array(scores) >= seen - 1e-9)
    found = scan_space_time(place, day, LINE, until=10, history_days=10, longest_days=2,
                            draws=4999)[0]  # fmt: skip
    assert found.p_value == pytest.approx(exact, abs=0.03)


@pytest.mark.parametrize("exceedances", [0, 4])
def test_its_p_value_is_that_of_the_same_permutations_enumerated(exceedances):
    for seed in range(12):
        rng = np.random.default_rng([seed, 5])
        xy, planted = rng.uniform(0, 900, (14, 2)), seed % 4
        place = np.concatenate([rng.integers(0, 14, 50), np.full(planted, 3)])
        day = np.concatenate([rng.integers(0, 20, 50), np.full(planted, 19)])
        seen, places, days = brute(place, day, xy, 19, 3)
        found = scan_space_time(place, day, xy, until=19, history_days=20, longest_days=3,
                                draws=30, exceedances=exceedances, seed=seed)[0]  # fmt: skip
        assert (set(found.places.tolist()), found.days) == (places, days)
        late, rng = np.sort(day)[::-1], np.random.default_rng(seed)
        drawn = reached = 0
        while drawn < 30 and not 0 < exceedances <= reached:
            for k in range((day > 16).sum()):  # only who gets the latest days is of importance
                other = k + rng.integers(0, len(place) - k)
                place[[k, other]] = place[[other, k]]
            reached += brute(place, late, xy, 19, 3)[0] >= seen - 1e-9
            drawn += 1
        whole = not 0 < exceedances <= reached
        assert found.p_value == (reached + whole) / (drawn + whole)


def test_what_lies_outside_the_history_changes_nothing():
    rng = np.random.default_rng(0)
    place, day = rng.integers(0, 6, 80), rng.integers(0, 40, 80)
    options = {"until": 30, "history_days": 20, "longest_days": 4, "draws": 99}
    one = scan_space_time(place, day, LINE, **options)[0]
    keep = (day <= 30) & (day > 10)
    other = scan_space_time(place[keep], day[keep], LINE, **options)[0]
    assert (one.observed, one.days, one.p_value) == (other.observed, other.days, other.p_value)


def test_quiet_and_empty_cities_have_no_cluster():
    assert scan_space_time([], [], LINE, until=10) == []
    assert scan_space_time([0, 1, 2], [1, 1, 1], LINE, until=60) == []  # none of late


def test_clusters_share_no_place():
    rng = np.random.default_rng(1)
    place = np.concatenate([rng.integers(0, 6, 60), [0, 0, 0, 5, 5, 5]])
    day = np.concatenate([rng.integers(0, 60, 60), [59, 59, 58, 59, 58, 59]])
    found = scan_space_time(place, day, LINE, until=59, history_days=60, draws=99)
    every = np.concatenate([cluster.places for cluster in found])
    assert len(set(every.tolist())) == len(every)
    assert {0, 5} <= set(every.tolist())


def test_wrong_requests_are_mistakes_of_the_program():
    with pytest.raises(ValueError, match="rows of xy"):
        scan_space_time([9], [1], LINE, until=1)
    with pytest.raises(ValueError, match="longest_days"):
        scan_space_time([0], [1], LINE, until=1, history_days=5, longest_days=5)
    with pytest.raises(ValueError, match="places"):
        scan_space_time([0, 1], [1], LINE, until=1)
    with pytest.raises(ValueError, match="baseline"):
        control_chart(np.ones((1, 30)), baseline=30)


def test_a_moving_average_by_hand():
    weekly = np.concatenate([np.tile([4, 6], 26), [12, 12, 5, 5]])
    chart = control_chart(weekly, baseline=52, weight=0.5, recurrence_weeks=500)
    assert chart.usual[0] == pytest.approx(5)
    factor = 1 + 1 / 52  # less spread than Poisson: taken as Poisson, and the mean's own error
    assert chart.dispersion[0] == pytest.approx(factor)
    law = stats.nbinom(5 / (factor - 1), 1 / factor)
    score = stats.norm.ppf((law.cdf(11) + law.cdf(12)) / 2)
    assert chart.average[0, 0] == pytest.approx(score / 2)
    after = 0.0 if chart.signals[0, 0] else score / 2
    assert chart.average[0, 1] == pytest.approx((after + score) / 2)
    assert chart.signals[0].tolist().count(1) >= 1
    assert (np.abs(chart.average) > chart.limit).sum() == (chart.signals != 0).sum()


def test_a_lasting_rise_is_seen_within_weeks():
    rng = np.random.default_rng(4)
    weekly = negative_binomial(rng, np.full((100, 78), 20.0), 2)
    weekly[:, 60:] = negative_binomial(rng, np.full((100, 18), 35.0), 2)
    chart = control_chart(weekly, recurrence_weeks=104)
    first = (chart.signals[:, 8:] > 0).argmax(axis=1)
    assert (chart.signals[:, 8:] > 0).any(axis=1).mean() > 0.95
    assert np.median(first) <= 3


@pytest.mark.slow
def test_quiet_years_bring_as_many_alerts_as_promised():
    shares = run_cases(watch_cases(60))
    assert all(share.holds() for share in shares), shares
    planted = next(share for share in shares if "planted" in share.case)
    assert planted.share > 0.8


def test_stopping_early_leaves_the_p_values_valid():
    # Besag and Clifford (1991): P(p <= a) <= a where nothing is unusual, whatever the stop.
    rng = np.random.default_rng(11)
    found = []
    for seed in range(300):
        place, day = rng.integers(0, 6, 60), rng.integers(0, 30, 60)
        clusters = scan_space_time(place, day, LINE, until=29, history_days=30, longest_days=3,
                                   draws=199, exceedances=10, seed=seed)  # fmt: skip
        found.append(clusters[0].p_value if clusters else 1.0)
    for level in (0.02, 0.05, 0.1, 0.3):
        share = np.mean(np.array(found) <= level)
        assert share <= level + 3 * np.sqrt(level * (1 - level) / len(found))


def test_a_scan_that_stops_finds_the_same_clusters():
    rng = np.random.default_rng(2)
    place, day = rng.integers(0, 6, 80), rng.integers(0, 30, 80)
    options = {"until": 29, "history_days": 30, "longest_days": 3}
    whole = scan_space_time(place, day, LINE, draws=1999, **options)
    early = scan_space_time(place, day, LINE, draws=1999, exceedances=60, **options)
    assert [c.places.tolist() for c in early] == [c.places.tolist() for c in whole]
    assert early[0].p_value == pytest.approx(whole[0].p_value, rel=0.4)
    planted = np.concatenate([place, np.full(12, 3)])
    late = np.concatenate([day, np.full(12, 29)])
    rare = scan_space_time(planted, late, LINE, draws=499, exceedances=10, **options)[0]
    assert rare.p_value == pytest.approx(1 / 500)
