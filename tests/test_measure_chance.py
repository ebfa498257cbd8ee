"""Dispersion, exact tests and corrections beside scipy, by hand and by simulation."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.simulate import Share, change_cases, negative_binomial, run_cases
from gridmap.measure.change import (
    CountedPeriods,
    WeeklyCounts,
    adjust_p,
    change_verdict,
    estimate_dispersion,
    judge_changes,
    share_p_value,
    weekly_counts,
)
from gridmap.measure.period import compared_periods, parse_period

MARCH = compared_periods(parse_period("2024-03"), "previous")
START = date(2024, 3, 31) - timedelta(days=7 * 60 - 1)


@given(
    st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.floats(0.01, 0.99),
    st.sampled_from([1.0, 1.3, 2.0, 7.5]),
)
def test_tails_are_those_of_scipy(counts, chance, dispersion):
    hits, draws = counts
    if dispersion == 1:
        law = stats.binom(draws, chance)
    else:
        total = draws / (dispersion - 1)
        law = stats.betabinom(draws, chance * total, (1 - chance) * total)
    lower = share_p_value(hits, draws, chance, dispersion=dispersion, side="lower")
    upper = share_p_value(hits, draws, chance, dispersion=dispersion, side="upper")
    if draws > 1 or dispersion == 1:
        assert lower == pytest.approx(law.cdf(hits), rel=1e-6, abs=1e-12)
        assert upper == pytest.approx(law.pmf(np.arange(hits, draws + 1)).sum(), rel=1e-6)
    both = share_p_value(hits, draws, chance, dispersion=dispersion)
    right = min(1.0, 2 * min(lower, upper))
    assert both == pytest.approx(right) or min(both, right) > 0.8  # about the middle


def test_large_counts_are_told_to_the_last_tail():
    # 1,000,000 of which 501,500 are hits: three standard errors above one half.
    found = share_p_value(501_500, 1_000_000, 0.5, side="upper")
    assert found == pytest.approx(stats.binom.sf(501_499, 1_000_000, 0.5), rel=1e-9)
    wide = share_p_value(501_500, 1_000_000, 0.5, dispersion=4, side="upper")
    assert wide == pytest.approx(stats.norm.sf(1.5), rel=2e-3)


def test_an_estimated_dispersion_has_students_tails():
    known = float(share_p_value(60, 80, 0.5, dispersion=2, side="upper"))
    found = float(share_p_value(60, 80, 0.5, dispersion=2, freedom=10, side="upper"))
    assert found == pytest.approx(stats.t.sf(stats.norm.isf(known), 10))
    assert found > known


def test_wrong_counts_are_a_mistake_of_the_program():
    for hits, draws, chance, dispersion in ((3, 2, 0.5, 1), (1, 2, 1.5, 1), (1, 2, 0.5, 0.9)):
        with pytest.raises(ValueError, match="hits must be"):
            share_p_value(hits, draws, chance, dispersion=dispersion)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_corrections_are_those_of_scipy_and_of_holm(p_values):
    p = np.array(p_values)
    assert adjust_p(p, method="fdr") == pytest.approx(stats.false_discovery_control(p))
    order = np.argsort(p, kind="stable")
    worst, expected = 0.0, np.empty(len(p))
    for place, row in enumerate(order):
        worst = max(worst, p[row] * (len(p) - place))
        expected[row] = min(worst, 1.0)
    assert adjust_p(p, method="holm") == pytest.approx(expected)
    # What is not tested does not count.
    more = adjust_p(np.append(p, np.nan), method="holm")
    assert more[:-1] == pytest.approx(expected)
    assert np.isnan(more[-1])


@pytest.mark.parametrize("dispersion", [1, 2, 3])
def test_dispersion_is_found_within_trend_and_season(dispersion):
    rng = np.random.default_rng(dispersion)
    weeks = np.arange(104)
    mean = np.linspace(3, 60, 40)[:, None] * np.exp(
        0.004 * weeks + 0.4 * np.sin(2 * np.pi * weeks / 52.18)
    )
    found = estimate_dispersion(negative_binomial(rng, mean, dispersion), length_weeks=4)
    assert found.weeks == 104
    assert found.factor.mean() == pytest.approx(dispersion, rel=0.08)
    # Without taking the season out it would be several times as much.
    flat = negative_binomial(rng, mean, dispersion)
    assert flat[-1].var() / flat[-1].mean() > 2 * dispersion


def test_each_row_keeps_a_dispersion_of_its_own():
    rng = np.random.default_rng(5)
    mean = np.full((40, 60), 20.0)
    calm, wild = rng.poisson(mean), negative_binomial(rng, mean, 5)
    found = estimate_dispersion(np.concatenate([calm, wild])).factor
    assert found[:40].mean() < 1.5
    assert found[40:].mean() > 3.5


def test_a_level_of_the_period_itself_is_no_dispersion():
    counts = np.random.default_rng(2).poisson(50, (30, 60))
    counts[:, -5:] *= 2
    steps = np.arange(60) >= 55
    assert estimate_dispersion(counts, steps=steps).factor.max() < 1.3
    assert estimate_dispersion(counts).factor.mean() > 1.8


def test_lasting_disturbances_count_for_long_periods():
    rng = np.random.default_rng(3)
    monthly = np.repeat(rng.gamma(20.0, 5.0, (60, 15)), 4, axis=1)
    weekly = rng.poisson(monthly)
    short = estimate_dispersion(weekly).factor.mean()
    assert estimate_dispersion(weekly, length_weeks=4).factor.mean() > 1.8 * short


def test_without_a_history_poisson_is_assumed():
    for weekly in (np.ones((3, 25)), np.zeros((3, 60))):
        found = estimate_dispersion(weekly)
        assert found.is_assumed
        assert found.factor.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="steps"):
        estimate_dispersion(np.ones((1, 30)), steps=[True])


def test_change_is_told_per_day():
    # March against February 2024 of the demo: more incidents, but fewer a day.
    row = judge_changes({"": CountedPeriods(MARCH, [4563], [4364])})[""].iloc[0]
    assert row["per_day_now"] == pytest.approx(4563 / 31)
    assert row["per_day_before"] == pytest.approx(4364 / 29)
    assert row["change_percent"] == pytest.approx(-2.18577, abs=1e-5)
    assert row["per_day_change"] == pytest.approx(4563 / 31 - 4364 / 29)
    assert row["p_value"] == pytest.approx(
        min(1, 2 * stats.binom.cdf(4563, 8927, 31 / 60)), rel=1e-6
    )
    assert not row["beyond_chance"]


def test_compared_periods_by_hand():
    # 31 days beside 29
    table = judge_changes({"": CountedPeriods(MARCH, [124, 10, 0, 3], [116, 38, 0, 0])})[""]
    assert table["change_percent"][:2].tolist() == pytest.approx([0, 100 * (290 / 1178 - 1)])
    assert table["change_percent"][2:].isna().all()
    assert table["p_value"][1] == pytest.approx(2 * stats.binom.cdf(10, 48, 31 / 60))
    assert table["beyond_chance"].tolist() == [False, True, False, False]
    assert judge_changes({"": CountedPeriods(MARCH, [], [])})[""].empty
    with pytest.raises(ValueError, match="negative"):
        judge_changes({"": CountedPeriods(MARCH, [-1], [0])})


def test_a_row_is_judged_beside_the_rest_of_the_city():
    # All fell by half; one did not: nothing changed there, and that is unlike the city.
    now, before = np.array([500, 250, 250, 250]), np.array([500, 500, 500, 500])
    table = judge_changes({"": CountedPeriods(MARCH, now, before, (1250, 2000))})[""]
    assert table["beyond_chance"].tolist() == [False, True, True, True]
    assert table["unlike_city"].tolist()[0] is True
    # Of two rows each is the other's rest: the two tests are Fisher's of one table, but for
    # the rest's share standing in for that of both.
    two = judge_changes({"": CountedPeriods(MARCH, [30, 60], [50, 40], (90, 90))})[""]
    fisher = stats.fisher_exact([[30, 60], [50, 40]]).pvalue
    assert two["city_p_value"].tolist() == pytest.approx([fisher, fisher], rel=0.35)
    alone = judge_changes({"": CountedPeriods(MARCH, [9], [4], (9, 4))})[""]
    assert alone["city_p_value"].isna().all()


def test_all_tables_of_a_report_are_judged_together():
    one = {"a": CountedPeriods(MARCH, [75], [42])}
    many = one | {"b": CountedPeriods(MARCH, np.full(300, 31), np.full(300, 29))}
    assert judge_changes(one)["a"]["beyond_chance"][0]
    assert not judge_changes(many)["a"]["beyond_chance"][0]
    assert judge_changes({}) == {}


def test_a_history_must_be_of_the_same_rows():
    history = WeeklyCounts(START, np.ones((2, 60), np.int64))
    with pytest.raises(ValueError, match="2 rows of history for 1"):
        judge_changes({"": CountedPeriods(MARCH, [1], [1], None, history)})


def test_verdicts_have_words():
    from gridmap.i18n import using_language

    with using_language("zh"):
        assert change_verdict(beyond_chance=False) == "属正常波动"
        assert change_verdict(beyond_chance=True) == "超出正常波动"
        assert change_verdict(beyond_chance=True, unlike_city=True) == "超出正常波动，且异于全市"
        assert change_verdict(beyond_chance=False, unlike_city=True) == "异于全市变化"


def test_weeks_are_counted_by_place_category_and_hour():
    import geopandas as gpd
    from pyproj import CRS
    from shapely.geometry import box

    from gridmap.model import City, IncidentBatch, Incidents, Kind, Layer

    crs = CRS.from_epsg(32650)
    grids = gpd.GeoDataFrame(
        {"id": ["a", "b"], "beat": ["x", "y"]},
        geometry=[box(0, 0, 1000, 1000), box(1000, 0, 2000, 1000)],
        crs=crs,
    )
    # 2024-01-03 is a Wednesday. Weeks run from there; the last day, the 17th, is a part.
    days = ["2024-01-03T10", "2024-01-09T23", "2024-01-10T00", "2024-01-16T22", "2024-01-17T05"]
    time = np.array([*days, "NaT"], "datetime64[s]")
    batch = IncidentBatch(
        np.array([10.0, 1500.0, 10.0, 10.0, 10.0, 10.0]),
        np.full(6, 10.0),
        time,
        np.array([0, 1, 0, -1, 0, 0], np.int16),
    )
    incidents = Incidents.from_batch(batch, categories=("p", "q"), crs=crs)
    city = City("t", crs, {Kind.GRID: Layer(Kind.GRID, grids)}, incidents)
    found = weekly_counts(city, ("grid", "beat"))
    assert found["city"].start == date(2024, 1, 3)
    assert found["city"].counts.tolist() == [[2, 2]]
    assert found["category"].counts.tolist() == [[1, 1], [1, 0], [0, 1]]
    assert found["grid"].counts.tolist() == [[1, 2], [1, 0]]
    assert found["beat"].counts.tolist() == found["grid"].counts.tolist()
    # Tuesday 22:00 to 24:00 are the hours 46 and 47 of the week.
    assert weekly_counts(city, hours=(46, 47))["city"].counts.tolist() == [[1, 1]]
    assert weekly_counts(city, categories=(1,))["city"].counts.tolist() == [[1, 0]]


@pytest.mark.slow
def test_few_reports_of_an_unchanged_city_carry_a_verdict():
    shares = {share.case: share for share in run_cases(change_cases(25))}
    assert all(share.holds() for share in shares.values()), shares
    # The same reports by Poisson alone: most of them were false, which is why it is not used.
    assert shares["change: the same at 2, Poisson assumed"].share > 0.3
    double = next(share for case, share in shares.items() if "x 2.0" in case)
    assert double.share > 0.9


def test_a_share_is_held_to_its_limit_by_sampling_error():
    assert Share("", 100, 0.11).holds()
    assert not Share("", 100, 0.12).holds()
    assert Share("", 100, 1.0, None).holds()
