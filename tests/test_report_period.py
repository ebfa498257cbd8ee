"""Periods as people write them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.errors import InputError
from gridmap.report import parse_period


@pytest.mark.parametrize(
    ("text", "first", "last", "code"),
    [
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29), "2024-02"),
        ("2024Q1", date(2024, 1, 1), date(2024, 3, 31), "2024Q1"),
        ("2024q4", date(2024, 10, 1), date(2024, 12, 31), "2024Q4"),
        ("2024", date(2024, 1, 1), date(2024, 12, 31), "2024"),
        ("2024-03-05..2024-04-10", date(2024, 3, 5), date(2024, 4, 10), "2024-03-05..2024-04-10"),
        ("2024-02..2024-03", date(2024, 2, 1), date(2024, 3, 31), "2024-02-01..2024-03-31"),
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
        # Whole months are followed back by as many, whatever their lengths.
        ("2024-01..2024-02", "previous", "2023-11-01..2023-12-31"),
        ("2025-01..2025-02", "last-year", "2024-01-01..2024-02-29"),
    ],
)
def test_what_a_period_is_compared_with(text, how, code):
    assert parse_period(text).before(how).code == code


@pytest.mark.parametrize(
    "text",
    ["2024-13", "2024Q5", "24-03", "..", "2024-02-30..2024-03-01", "x", "0000", "0001-05",
     "0000Q1", "9999", "2024-01..9999-12"],
)  # fmt: skip
def test_what_is_no_period_is_refused(text):
    with pytest.raises(InputError) as told:
        parse_period(text)
    assert told.value.key == "report.error.period"
    assert text in told.value.text("en")


def test_an_end_before_its_beginning_is_refused():
    with pytest.raises(InputError) as told:
        parse_period("2024-04-01..2024-03-01")
    assert told.value.key == "report.error.period_backwards"


def test_all_time_has_nothing_before_it():
    with pytest.raises(InputError) as told:
        parse_period("").before("previous")
    assert told.value.key == "report.error.compare_all"


@given(st.integers(1901, 2199), st.integers(1, 12))
def test_the_month_before_ends_where_the_month_begins(year, month):
    period = parse_period(f"{year}-{month:02d}")
    before = period.before("previous")
    assert before.until == period.since
    assert parse_period(before.code) == before
