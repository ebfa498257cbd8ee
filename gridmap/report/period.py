"""Reporting periods: a month, a quarter, a year or a range of days."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np

from gridmap.errors import InputError
from gridmap.i18n import tr

__all__ = ["Period", "parse_period"]

_Unit = Literal["month", "quarter", "year", "range", "all"]
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_YEARS = range(2, 9999)  # the day after a period, and the period before, have a year too


@dataclass(frozen=True, slots=True)
class Period:
    """Days that a report is about.

    Parameters
    ----------
    unit
        ``month``, ``quarter``, ``year``, ``range`` or ``all`` (no limits).
    first, last
        First and last day, both inside; None for ``all``.
    """

    unit: _Unit
    first: date | None = None
    last: date | None = None

    @property
    def since(self) -> np.datetime64 | None:
        """The moment at which the period begins; it is inside."""
        return None if self.first is None else np.datetime64(self.first, "s")

    @property
    def until(self) -> np.datetime64 | None:
        """The moment at which the period is over; it is outside."""
        return None if self.last is None else np.datetime64(self.last + timedelta(days=1), "s")

    @property
    def days(self) -> int:
        """Number of days; 0 for ``all``."""
        if self.first is None or self.last is None:
            return 0
        return (self.last - self.first).days + 1

    @property
    def whole_months(self) -> int:
        """Number of whole months that the period is made of; 0 if any is cut."""
        if self.first is None or self.last is None:
            return 0
        return _months_between(self.first, self.last)

    @property
    def code(self) -> str:
        """The period as `parse_period` reads it, for names of files."""
        if self.first is None or self.last is None:
            return "all"
        if self.unit == "month":
            return f"{self.first:%Y-%m}"
        if self.unit == "quarter":
            return f"{self.first.year}Q{(self.first.month + 2) // 3}"
        if self.unit == "year":
            return str(self.first.year)
        return f"{self.first}..{self.last}"

    def label(self) -> str:
        """Return the period as people read it, in the current language."""
        if self.first is None or self.last is None:
            return tr("report.period.all")
        if self.unit == "range":
            return tr("report.period.range", first=str(self.first), last=str(self.last))
        return tr(
            f"report.period.{self.unit}",
            year=self.first.year,
            month=self.first.month,
            quarter=(self.first.month + 2) // 3,
        )

    def before(self, how: str) -> Period:
        """Return the period to compare with.

        Parameters
        ----------
        how
            ``previous``: the one right before, as many whole months or as many days (环比).
            ``last-year``: the same a year earlier (同比); 29 February becomes the 28th.

        Raises
        ------
        InputError
            If the period has no limits, or ``how`` is neither.
        """
        if how not in {"previous", "last-year"}:
            raise InputError("report.error.compare", received=how)
        if self.first is None or self.last is None:
            raise InputError("report.error.compare_all")
        length = _months_between(self.first, self.last)
        if length:
            back = 12 if how == "last-year" else length
            start = self.first.year * 12 + self.first.month - 1 - back
            return _months(self.unit, start, length)
        if how == "last-year":
            return Period("range", _year_before(self.first), _year_before(self.last))
        step = timedelta(days=self.days)
        return Period("range", self.first - step, self.last - step)


def parse_period(text: str) -> Period:
    """Return the period that a text names; a blank text or ``all`` names all time.

    Parameters
    ----------
    text
        ``2024-03``, ``2024Q1``, ``2024`` or ``2024-03-05..2024-04-10`` (both days inside;
        a month stands for its first or last day).

    Raises
    ------
    InputError
        If the text is none of these, ends before it begins, or lies at the end of time.

    Examples
    --------
    >>> parse_period("2024Q1").last
    datetime.date(2024, 3, 31)
    >>> parse_period("2024-03").before("previous").code
    '2024-02'
    """
    asked = text.strip()
    if asked in {"", "all"}:
        return Period("all")
    start, dots, end = asked.partition("..")
    if any(int(year) not in _YEARS for year in re.findall(r"(?:^|\.\.\s*)(\d{4})", asked)):
        raise InputError("report.error.period", received=text)
    if re.fullmatch(r"\d{4}-\d{2}", asked) and 1 <= int(asked[5:]) <= 12:
        return _months("month", int(asked[:4]) * 12 + int(asked[5:]) - 1)
    if re.fullmatch(r"\d{4}[Qq][1-4]", asked):
        return _months("quarter", int(asked[:4]) * 12 + (int(asked[5]) - 1) * 3)
    if re.fullmatch(r"\d{4}", asked):
        return _months("year", int(asked) * 12)
    if dots:
        first, last = _day(start, text, last=False), _day(end, text, last=True)
        if first > last:
            raise InputError("report.error.period_backwards", received=text)
        return Period("range", first, last)
    raise InputError("report.error.period", received=text)


def _months_between(first: date, last: date) -> int:
    """Return how many whole months two days enclose, both inside; 0 if any is cut."""
    if first.day != 1 or last.day != calendar.monthrange(last.year, last.month)[1]:
        return 0
    return (last.year - first.year) * 12 + last.month - first.month + 1


def _months(unit: _Unit, start: int, length: int = 0) -> Period:
    """Return the period of a unit that starts at a month counted from year 0."""
    end = start + (length or _MONTHS[unit]) - 1
    last_day = calendar.monthrange(end // 12, end % 12 + 1)[1]
    return Period(
        unit, date(start // 12, start % 12 + 1, 1), date(end // 12, end % 12 + 1, last_day)
    )


def _day(text: str, whole: str, *, last: bool) -> date:
    asked = text.strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}", asked):
            month = _months("month", int(asked[:4]) * 12 + int(asked[5:]) - 1)
            found = month.last if last else month.first
            assert found is not None  # noqa: S101 - a month has days
            return found
        return date.fromisoformat(asked)
    except (ValueError, calendar.IllegalMonthError) as error:
        raise InputError("report.error.period", received=whole) from error


def _year_before(day: date) -> date:
    last = calendar.monthrange(day.year - 1, day.month)[1]
    return day.replace(year=day.year - 1, day=min(day.day, last))
