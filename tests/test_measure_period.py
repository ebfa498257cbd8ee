"""Periods as people write them."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.errors import InputError
from gridmap.measure.period import (
    Period,
    compared_periods,
    parse_bases,
    parse_period,
    period_before,
    weekday_occurrences,
)


@pytest.mark.parametrize(
    ("text", "first", "last", "code"),
    [
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29), "2024-02"),
        ("2024Q1", date(2024, 1, 1), date(2024, 3, 31), "2024Q1"),
        ("2024q4", date(2024, 10, 1), date(2024, 12, 31), "2024Q4"),
        ("2024", date(2024, 1, 1), date(2024, 12, 31), "2024"),
        ("2024-03-05..2024-04-10", date(2024, 3, 5), date(2024, 4, 10), "2024-03-05..2024-04-10"),
        ("2024-02..2024-03", date(2024, 2, 1), date(2024, 3, 31), "2024-02-01..2024-03-31"),
        ("2024H1", date(2024, 1, 1), date(2024, 6, 30), "2024H1"),
        ("2024h2", date(2024, 7, 1), date(2024, 12, 31), "2024H2"),
        ("2024-04-01..2024-06-30", date(2024, 4, 1), date(2024, 6, 30), "2024Q2"),
        ("2024-02..2024-04", date(2024, 2, 1), date(2024, 4, 30), "2024-02-01..2024-04-30"),
    ],
)
def test_a_period_is_its_days(text, first, last, code):
    period = parse_period(text)
    assert (period.first, period.last, period.code) == (first, last, code)
    assert str(period.since) == f"{first}T00:00:00"
    assert period.days == (last - first).days + 1


@pytest.mark.parametrize(
    ("text", "how", "code"),
    [
        ("2024-01", "previous", "2023-12"),
        ("2024Q1", "previous", "2023Q4"),
        ("2024", "previous", "2023"),
        ("2024-03", "last-year", "2023-03"),
        ("2024Q2", "last-year", "2023Q2"),
        ("2024-03-05..2024-03-07", "previous", "2024-03-02..2024-03-04"),
        ("2024-02-29..2024-02-29", "last-year", "2023-02-28..2023-02-28"),
        ("2024H2", "previous", "2024H1"),
        ("2024H1", "last-year", "2023H1"),
        # Two months are no unit: as many days, 60, before them.
        ("2024-01..2024-02", "previous", "2023-11-02..2023-12-31"),
        # Three months that are no quarter.
        ("2024-02..2024-04", "previous", "2023-11-03..2024-01-31"),
        ("2024-03-01..2024-03-31", "previous", "2024-02"),
        ("2025-02-28..2025-02-28", "last-year", "2024-02-28..2024-02-28"),
        ("2024-03", "ytd", "2023Q1"),
        ("2024-03-05..2024-03-07", "ytd", "2023-01-01..2023-03-07"),
        ("2024-02-10..2024-02-29", "ytd", "2023-01-01..2023-02-28"),
        ("2025-02", "ytd", "2024-01-01..2024-02-29"),
        ("2024", "ytd", "2023"),
        ("2025-01..2025-02", "last-year", "2024-01-01..2024-02-29"),
    ],
)
def test_what_a_period_is_compared_with(text, how, code):
    assert period_before(parse_period(text), how).code == code


@pytest.mark.parametrize(
    "text",
    ["2024-13", "2024Q5", "24-03", "..", "2024-02-30..2024-03-01", "x", "0000", "0001-05",
     "0000Q1", "9999", "2024-01..9999-12", "2024H3", "２０２４", "2024-1\u0662"],
)  # fmt: skip
def test_what_is_no_period_is_refused(text):
    with pytest.raises(InputError) as told:
        parse_period(text)
    assert told.value.key == "measure.error.period"
    assert text in told.value.text("en")


def test_an_end_before_its_beginning_is_refused():
    with pytest.raises(InputError) as told:
        parse_period("2024-04-01..2024-03-01")
    assert told.value.key == "measure.error.period_backwards"


@pytest.mark.parametrize("text", ["0002-01-01..9998-12-30", "0002-01-01..0009-05-07"])
def test_where_there_is_no_time_before_it_is_said(text):
    with pytest.raises(InputError) as told:
        period_before(parse_period(text))
    assert told.value.key == "measure.error.no_period_before"
    assert text in told.value.text("en")


def test_more_than_a_year_is_not_compared_with_the_year_before():
    with pytest.raises(InputError) as told:
        period_before(parse_period("2023-01-01..2024-02-10"), "last-year")
    assert told.value.key == "measure.error.compare_overlap"
    assert period_before(parse_period("2024"), "last-year").code == "2023"


def test_the_year_to_date_is_compared_with_as_much_of_the_last():
    found = compared_periods(parse_period("2024-03-05..2024-03-20"), "ytd")
    assert (found.now.code, found.before.code) == (
        "2024-01-01..2024-03-20",
        "2023-01-01..2023-03-20",
    )
    assert found.now.days == 80
    assert found.before.days == 79  # 2024 is a leap year: only daily rates compare


def test_bases_are_read_each_once():
    assert parse_bases("previous，last-year, ytd,previous") == ("previous", "last-year", "ytd")
    assert parse_bases("") == ()
    with pytest.raises(InputError) as told:
        parse_bases("previous,lastyear")
    assert told.value.key == "measure.error.compare"
    assert "lastyear" in told.value.text("zh")


@given(st.dates(date(1950, 1, 1), date(2100, 1, 1)), st.integers(1, 800))
def test_weekdays_are_counted_as_a_calendar_has_them(first, days):
    last = first + timedelta(days=days - 1)
    found = [0] * 7
    for step in range(days):
        found[(first + timedelta(days=step)).weekday()] += 1
    assert weekday_occurrences(first, last).tolist() == found


@given(
    st.dates(date(1950, 1, 1), date(2100, 1, 1)),
    st.integers(1, 800),
    st.sampled_from(["previous", "last-year", "ytd"]),
)
def test_a_period_and_its_base_are_alike_and_apart(first, days, basis):
    period = Period.of_days(first, first + timedelta(days=days - 1))
    if basis != "previous" and days > 365:
        return  # a year earlier it would overlap itself
    found = compared_periods(period, basis)
    assert found.before.last < found.now.first
    assert abs(found.now.days - found.before.days) <= (4 if basis == "previous" else 1)
    if basis == "previous":
        assert found.now == period
        assert found.before.until == period.since
    assert parse_period(found.before.code) == found.before


def test_all_time_has_nothing_before_it():
    with pytest.raises(InputError) as told:
        period_before(parse_period(""))
    assert told.value.key == "measure.error.compare_all"


@given(st.integers(1901, 2199), st.integers(1, 12))
def test_the_month_before_ends_where_the_month_begins(year, month):
    period = parse_period(f"{year}-{month:02d}")
    before = period_before(period)
    assert before.until == period.since
    assert parse_period(before.code) == before
