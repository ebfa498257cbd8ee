"""Rhythm, ranking and disputes with numbers derived by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from benchmarks.simulate import rhythm_cases, run_cases
from gridmap.i18n import using_language
from gridmap.measure.counting import (
    BusyTime,
    busy_times,
    per_occurrence,
    week_matrix,
)
from gridmap.measure.period import weekday_occurrences
from gridmap.measure.watch import repeated_places, settle_disputes
from gridmap.measure.workload import rank


def test_the_week_is_a_matrix_of_days_by_hours():
    hours = np.zeros(168)
    hours[4 * 24 + 22] = 5
    assert week_matrix(hours)[4, 22] == 5
    assert week_matrix(np.zeros((3, 168))).shape == (3, 7, 24)
    with pytest.raises(ValueError, match="168"):
        week_matrix(np.zeros(24))


def test_a_busy_night_is_found_across_midnight_and_sunday():
    hours = np.random.default_rng(0).poisson(10, 168)
    # Saturday and Sunday 22:00 to 02:00; Sunday's last hours are Monday's first.
    for day in (5, 6):
        hours[(day * 24 + 22 + np.arange(4)) % 168] += 25
    found = busy_times(hours, draws=199)
    best = found[0]
    assert (best.first_day, best.days, best.first_hour, best.hours) == (5, 2, 22, 4)
    assert best.incidents == hours[best.hours_of_week()].sum()
    assert best.expected == pytest.approx(hours.sum() * 8 / 168)
    assert best.ratio > 2
    assert best.p_value == pytest.approx(1 / 200)
    covered = np.concatenate([item.hours_of_week() for item in found])
    assert len(np.unique(covered)) == len(covered)


def test_an_even_week_has_no_busy_time():
    assert busy_times(np.random.default_rng(1).poisson(8, 168), draws=199) == []
    assert busy_times(np.zeros(168)) == []


def test_the_scan_equals_brute_force():
    from gridmap.measure.counting import _ratio, _stretches

    week = np.random.default_rng(2).poisson(3, (7, 24))
    usual = np.random.default_rng(3).uniform(1, 4, (7, 24))
    usual *= week.sum() / usual.sum()
    incidents, expected = _stretches(week[None], 3)[0], _stretches(usual[None], 3)[0]
    ratio = _ratio(incidents, expected, int(week.sum()))
    total = week.sum()
    for days, stretch, day, hour in ((1, 2, 6, 23), (3, 3, 5, 0), (7, 1, 2, 4)):
        rows = [(d * 24 + hour + h) % 168 for d in range(day, day + days) for h in range(stretch)]
        place = (days - 1, stretch - 1, day, hour)
        c, e = week.ravel()[rows].sum(), usual.ravel()[rows].sum()
        assert incidents[place] == c
        assert expected[place] == pytest.approx(e)
        right = c * np.log(c / e) + (total - c) * np.log((total - c) / (total - e))
        assert ratio[place] == pytest.approx(right if c > e else 0.0)


def test_a_weekday_that_occurs_five_times_is_no_busy_day():
    # 1 to 30 September 2024: five Sundays and Mondays, four of every other day.
    days = weekday_occurrences(date(2024, 9, 1), date(2024, 9, 30))
    assert days.tolist() == [5, 4, 4, 4, 4, 4, 5]
    hours = np.repeat(days * 40, 24)
    assert busy_times(hours, draws=199) != []  # as if Mondays and Sundays were busy
    assert busy_times(hours, days=days, draws=199) == []
    assert per_occurrence(hours, days).tolist() == np.full((7, 24), 40.0).tolist()
    with pytest.raises(ValueError, match="did not occur"):
        busy_times(hours, days=[5, 4, 4, 4, 4, 4, 0])
    # A period of three days has no Thursday to count by.
    few = np.concatenate([np.full(72, 3), np.zeros(96)])
    assert np.isnan(per_occurrence(few, [1, 1, 1, 0, 0, 0, 0])[3:]).all()
    assert busy_times(few, days=[1, 1, 1, 0, 0, 0, 0], draws=99) == []


def test_special_hours_are_those_beyond_the_daily_profile():
    # Every evening is busy: that is the profile. Friday nights are special.
    profile = np.where(np.isin(np.arange(24), (18, 19, 20, 21)), 60, 20)
    hours = np.tile(profile, 7)
    evenings = busy_times(hours, draws=199)[0]
    assert (evenings.days, evenings.first_hour, evenings.hours) == (7, 18, 4)
    assert busy_times(hours, beside="profile", draws=199) == []
    hours[4 * 24 + 22 + np.arange(4)] += 40
    special = busy_times(hours, beside="profile", draws=199)[0]
    assert (special.first_day, special.days, special.first_hour, special.hours) == (4, 1, 22, 4)
    # Each hour's incidents shared evenly over the days: 20 + 40 / 7 an hour, for four hours.
    assert special.expected == pytest.approx(4 * (20 + 40 / 7))


@pytest.mark.parametrize(
    ("time", "zh", "en"),
    [
        ((3, 6, 8, 4), "除周三外每日08:00–12:00", "every day but Wed 08:00–12:00"),
        ((0, 7, 22, 2), "每日22:00–24:00", "daily 22:00–24:00"),
        ((5, 2, 22, 4), "周六至周日22:00–次日02:00", "Sat to Sun 22:00–02:00 (next day)"),
        ((6, 1, 0, 3), "周日00:00–03:00", "Sun 00:00–03:00"),
        ((0, 6, 0, 3), "除周日外每日00:00–03:00", "every day but Sun 00:00–03:00"),
        ((4, 5, 9, 3), "周五至周二09:00–12:00", "Fri to Tue 09:00–12:00"),
    ],
)
def test_busy_times_are_said_as_people_say_them(time, zh, en):
    busy = BusyTime(*time, 1, 1.0, 0.01)
    for language, text in (("zh", zh), ("en", en)):
        with using_language(language):
            assert busy.label() == text


@pytest.mark.slow
def test_few_even_months_have_busy_hours():
    shares = run_cases(rhythm_cases(40, counts=(60, 3000)))
    assert all(share.holds() for share in shares), shares
    assert shares[-1].share > 0.9


def test_ties_share_a_rank():
    table = rank([3.0, 5.0, 3.0, np.nan, 1.0], list("abcde"))
    assert table["id"].tolist() == ["b", "a", "c", "e", "d"]
    assert table["rank"].tolist()[:4] == [1, 2, 2, 4]
    assert table["tied_with"].tolist() == [0, 1, 1, 0, 0]
    assert table["rank"].isna()[4]
    lowest = rank([1.04, 1.01, 2.0], list("abc"), highest_first=False, decimals=1)
    assert lowest["rank"].tolist() == [1, 1, 3]


def test_open_disputes_lengthen_the_median():
    day = np.timedelta64(1, "D")
    start = np.datetime64("2024-01-01", "s")
    began = np.full(5, start)
    # settled after 1, 2 and 3 days; open after 10; and one that ends before it began
    settled = np.array(
        [start + day, start + 2 * day, start + 3 * day, "NaT", start - day], "datetime64[s]"
    )
    found = settle_disputes(began, settled, as_of="2024-01-11")
    assert (found.total, found.settled, found.open, found.unusable) == (4, 3, 1, 1)
    assert found.settled_share == 0.75
    assert found.median_days == 2  # 3/4 open after 1 day, 1/2 after 2
    assert np.isnan(found.ninety_percent_days)
    assert found.open_days_mean == 10
    early = settle_disputes(began, settled, as_of="2024-01-02T12:00")
    assert (early.settled, early.open) == (1, 3)
    none = settle_disputes([], [], as_of="2024-01-01")
    assert none.total == 0
    assert np.isnan(none.median_days)


def test_places_that_call_again():
    time = np.array(["2024-01-01", "2024-01-05", "2024-01-03", "2024-02-01"], "datetime64[s]")
    found = repeated_places([1.0, 2.0, 3.0, 55.0], [1.0, 2.0, 3.0, 55.0], time)
    assert len(found) == 1
    assert found["incidents"][0] == 3
    assert found["x"][0] == 2.0
    assert found["median_days_between"][0] == 2
    assert str(found["last"][0].date()) == "2024-01-05"
