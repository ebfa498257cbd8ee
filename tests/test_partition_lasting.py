"""What counts can tell: dispersion, intervals that hold what they say, rates that are shrunk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import gridmap
from gridmap.errors import InputError, OptionError
from gridmap.measure import Workload
from gridmap.partition import (
    SeenCounts,
    deviation_intervals,
    dispersion,
    hold_out,
    propose,
    seen_counts,
    shrink_rates,
)
from tests.lattices import lattice

CHICAGO = Path(__file__).parents[2] / "shared" / "data" / "chicago"


def seen_of(counts, share=1.0, steady=None):
    steady = np.zeros(len(counts)) if steady is None else steady
    names = tuple(map(str, range(counts.shape[1])))
    return SeenCounts(counts=counts.astype(float), names=names, share=share, steady=steady)


@pytest.mark.parametrize("factor", [1.0, 1.5, 3.0])
def test_dispersion_is_that_of_the_law_counts_are_drawn_from(factor):
    rng = np.random.default_rng(1)
    mean = rng.uniform(5, 60, 400)[:, None] * rng.uniform(0.5, 1.5, 12)  # places times periods
    if factor > 1:  # a gamma of shape mean / (f - 1) makes the variance f times the mean
        drawn = rng.poisson(rng.gamma(mean / (factor - 1), factor - 1))
    else:
        drawn = rng.poisson(mean)
    assert dispersion(drawn.astype(float)) == pytest.approx(factor, rel=0.08)


@settings(max_examples=50)
@given(arrays(float, (6, 4), elements=st.integers(0, 30).map(float)))
def test_shrunk_rates_keep_the_totals_and_lie_between_count_and_expectation(counts):
    rates = shrink_rates(counts)
    np.testing.assert_allclose(rates.sum(axis=0), counts.sum(axis=0), atol=1e-9)
    np.testing.assert_allclose(rates.sum(axis=1), counts.sum(axis=1), atol=1e-9)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / max(counts.sum(), 1.0)
    low, high = np.minimum(counts, expected), np.maximum(counts, expected)
    assert ((low - 1e-9 <= rates) & (rates <= high + 1e-9)).all()


def test_shrunk_rates_are_nearer_to_the_truth_than_counts():
    rng = np.random.default_rng(2)
    truth = np.repeat(rng.uniform(1, 9, 200)[:, None], 6, axis=1)
    drawn = rng.poisson(truth).astype(float)
    assert np.square(shrink_rates(drawn) - truth).mean() < np.square(drawn - truth).mean() / 3


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_intervals_hold_the_true_deviation_and_that_of_a_period_to_come_nine_times_in_ten(factor):
    rng = np.random.default_rng(3)
    beat, rate = np.repeat(np.arange(20), 10), rng.uniform(2, 12, 200)
    truth = np.bincount(beat, weights=rate) / rate.sum() * 20 - 1

    def drawn(periods):
        mean = np.repeat(rate[:, None], periods, axis=1)
        if factor > 1:
            mean = rng.gamma(mean / (factor - 1), factor - 1)
        return rng.poisson(mean)

    behind, to_come = [], []
    for _ in range(60):
        seen = seen_of(drawn(6))
        low, high = deviation_intervals(seen, beat).T
        behind.append((low <= truth) & (truth <= high))
        later = np.bincount(beat, weights=drawn(3).sum(axis=1))
        later = later / later.sum() * 20 - 1
        low, high = deviation_intervals(seen, beat, ahead=0.5).T
        to_come.append((low <= later) & (later <= high))
    assert np.mean(behind) == pytest.approx(0.9, abs=0.03)
    assert np.mean(to_come) == pytest.approx(0.9, abs=0.03)


def test_what_has_no_times_makes_intervals_narrower_and_nothing_makes_them_points():
    counts = np.full((40, 4), 3)
    beat = np.repeat(np.arange(4), 10)
    wide = np.ptp(deviation_intervals(seen_of(counts), beat), axis=1)
    half = seen_of(counts, share=0.5, steady=np.full(40, 0.5 / 40))
    np.testing.assert_allclose(np.ptp(deviation_intervals(half, beat), axis=1), wide / 2)
    none = seen_of(counts, share=0.0, steady=np.full(40, 1 / 40))
    assert np.ptp(deviation_intervals(none, beat), axis=1).max() == 0.0


def test_a_period_left_out_is_measured_on_the_plan_made_without_it():
    # Two periods: the west works in one, the east in the other; each plan is far off on the other.
    counts = np.array([[8, 1], [8, 1], [1, 8], [1, 8]])
    seen = seen_of(counts)
    problem = lattice(1, 4, counts.sum(axis=1), 2)
    plans = []

    def search(given):
        plans.append(given.weights[:, 0].copy())
        return np.array([0, 1, 1, 1]) if given.weights[0, 0] > 1 else np.array([0, 0, 0, 1])

    found = hold_out(problem, seen, search, tolerance=0.2)
    np.testing.assert_allclose(plans[0], counts[:, 1] / 18 * 4)
    np.testing.assert_allclose(plans[1], counts[:, 0] / 18 * 4)
    # Halves of the period seen; on the other one grid carries 1 of 18 and three 17.
    np.testing.assert_allclose(found.worst, [17 / 9 - 1, 17 / 9 - 1])
    assert found.within == 0.0


@pytest.fixture(scope="module")
def city():
    return gridmap.make_city(grids=200, incidents=4_000)


@pytest.mark.slow
def test_intervals_hold_nine_of_ten_beats_of_the_demo_on_months_not_seen(city):
    found = gridmap.propose(
        city, beats=10, balance={"incidents": 1}, effort="quick", chance=0, validate=True
    )
    assert len(found.seen.names) == 12
    assert 0.85 <= found.held_out.covered <= 0.97
    assert found.known_to > 0.05
    between, beat = found.intervals(), found.plans[0].assignment
    own = found.rows[0]["max_deviation"]
    counts = np.bincount(beat, weights=found.seen.counts.sum(axis=1), minlength=len(between))
    assert between.mean(axis=1) == pytest.approx(counts / counts.mean() - 1)
    assert np.abs(between.mean(axis=1)).max() == pytest.approx(own)
    assert np.median(np.ptp(between, axis=1)) / 2 == pytest.approx(found.known_to)
    texts = found.notes()
    assert found.held_out.sentence() in texts
    assert any("4,000" not in text and f"{found.known_to:.1%}" in text for text in texts)


@pytest.mark.slow
def test_hours_are_each_balanced(city):
    bands = ("6-14", "14-22", "22-6")
    asked = {"balance": {"incidents": 1}, "tolerance": 0.15, "effort": "quick", "chance": 0}
    found = gridmap.propose(city, beats=8, hours=",".join(bands), **asked)
    assert found.proposal.problem.criteria == 4
    assert np.abs(found.proposal.best.scores.deviations).max() <= 0.15 + 1e-9
    months = gridmap.propose(city, beats=4, periods="month", **{**asked, "tolerance": 0.3})
    assert months.proposal.problem.criteria == 13


def test_what_periods_cannot_mean_is_refused(city):
    with pytest.raises(InputError, match="incidents"):
        gridmap.propose(city, beats=4, periods="month", balance={"residents": 1})
    with pytest.raises(OptionError, match="6-14"):
        gridmap.propose(city, beats=4, hours="6:00-14:00")
    with pytest.raises(OptionError):
        gridmap.propose(city, beats=4, hours="6-14", tolerance={"residents": 0.1})


@pytest.mark.real_data
@pytest.mark.skipif(not CHICAGO.exists(), reason="put the real data in ../shared/data")
def test_intervals_hold_nine_of_ten_beats_of_chicago_on_the_other_half_of_the_month(tmp_path):
    from gridmap.io import ImportOptions, import_files, read_city
    from gridmap.partition import problem_of

    columns = {"residents": "pop", "id": "GEOID10"}
    grids = ImportOptions(columns=columns)
    import_files(tmp_path, [CHICAGO / "block_groups_2010.gpkg"], kind="grid", options=grids)
    dates = ImportOptions(date_formats=("%m/%d/%Y", "%Y/%d/%m"))
    calls = CHICAGO / "Crimes_September_2014.csv"
    import_files(tmp_path, [calls], kind="incidents", options=dates)
    place = read_city(tmp_path)
    days = seen_counts(place, Workload.from_city(place, {"incidents": 1}), "day").counts
    covered = []
    for beats in (25, 60):
        problem = problem_of(place, Workload.from_city(place, {"incidents": 1}), beats=beats)
        for seen, later in ((days[:, :15], days[:, 15:]), (days[:, 15:], days[:, :15])):
            known = seen_of(np.stack([c.sum(axis=1) for c in np.split(seen, 5, axis=1)], axis=1))
            load = known.loads(seen.sum(axis=1)) * len(days)
            plan = propose(problem.replace(weights=load), effort="quick").best.assignment
            beat = np.unique(plan, return_inverse=True)[1]
            found = np.bincount(beat, weights=later.sum(axis=1)) / later.sum() * beats - 1
            low, high = deviation_intervals(known, plan, ahead=later.sum() / seen.sum()).T
            covered += ((low <= found) & (found <= high)).tolist()
    assert 0.85 <= np.mean(covered) <= 0.95
