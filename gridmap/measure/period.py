"""Periods: whole months, quarters, half-years, years or days, and what they are compared with."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from gridmap.errors import InputError
from gridmap.i18n import tr
from gridmap.typing import Floats, Ints

#: A date or time in any usual form, or None for no limit.
Moment: TypeAlias = str | date | pd.Timestamp | np.datetime64 | None
#: What a period is compared with: the period before it (环比), the same a year earlier (同比),
#: or the year to date with the last year to the same day (年累计).
Basis = Literal["previous", "last-year", "ytd"]

_PeriodUnit = Literal["month", "quarter", "half", "year", "range", "all"]
_UNITS: dict[int, _PeriodUnit] = {1: "month", 3: "quarter", 6: "half", 12: "year"}
_YEARS = range(2, 9999)  # the day after a period, and the period before, have a year too


def moment(value: Moment) -> np.datetime64 | None:
    """Return a date or time as numpy's datetime64 to the second, local time.

    Raises
    ------
    InputError
        If a text is no date.

    Examples
    --------
    >>> moment("2014-09-01")
    np.datetime64('2014-09-01T00:00:00')
    """
    if value is None:
        return None
    if isinstance(value, str) and not value.strip()[:1].isdigit():
        raise InputError("measure.error.no_date", received=value)  # pandas knows "now"
    stamp = pd.to_datetime(pd.Series([value]), errors="coerce").iloc[0]
    if pd.isna(stamp) or stamp.year < 1:
        raise InputError("measure.error.no_date", received=value)
    return np.datetime64(stamp.tz_localize(None).to_datetime64(), "s")


def period_between(
    since: Moment, until: Moment
) -> tuple[np.datetime64 | None, np.datetime64 | None]:
    """Return a period's first moment and the one at which it is over.

    Raises
    ------
    InputError
        If a text is no date, or the period is over when it begins.

    Examples
    --------
    >>> period_between("2014-09-01", None)
    (np.datetime64('2014-09-01T00:00:00'), None)
    """
    first, end = moment(since), moment(until)
    if first is not None and end is not None and first >= end:
        since, until = (str(end)[:16].replace("T", " ") for end in (first, end))
        raise InputError("measure.error.period_order", since=since, until=until)
    return first, end


@dataclass(frozen=True, slots=True)
class CutDay:
    """A day for which the data are incomplete.

    Attributes
    ----------
    day
        The day.
    share
        How much of a usual day's incidents they are expected to hold, from 0 to 1.
    hours
        How much of each of its 24 hours they hold, from 0 to 1.
    """

    day: date
    share: float
    hours: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Period:
    """Days that figures are about; `parse_period` and `Period.of_days` make them.

    Parameters
    ----------
    unit
        ``month``, ``quarter``, ``half``, ``year``, ``range`` or ``all`` (no limits).
    first, last
        First and last day, both inside; None for ``all``.
    held
        First and last day that the data hold, which `gridmap.measure.period_in` puts here:
        rates are per day that is both in the period and held.
    cut
        Days around these that the data hold in part; each counts in rates as that part.
    """

    unit: _PeriodUnit
    first: date | None = None
    last: date | None = None
    held: tuple[date, date] | None = field(default=None, compare=False)
    cut: tuple[CutDay, ...] = field(default=(), compare=False)

    @classmethod
    def of_days(cls, first: date, last: date) -> Period:
        """Return the period of two days, both inside.

        A whole month, quarter, half-year or year is recognised as such.

        Raises
        ------
        InputError
            If the last day is before the first.

        Examples
        --------
        >>> Period.of_days(date(2024, 1, 1), date(2024, 3, 31)).code
        '2024Q1'
        """
        if last < first:
            raise InputError("measure.error.period_backwards", received=f"{first}..{last}")
        months = _whole_months(first, last)
        unit = _UNITS.get(months)
        whole = unit is not None and (first.month - 1) % months == 0
        return cls(unit if unit is not None and whole else "range", first, last)

    @property
    def since(self) -> np.datetime64 | None:
        """The moment at which the period begins; it is inside."""
        return None if self.first is None else np.datetime64(self.first, "s")

    @property
    def until(self) -> np.datetime64 | None:
        """The moment at which the period is over; it is outside."""
        return None if self.last is None else np.datetime64(self.last + timedelta(days=1), "s")

    @property
    def held_part(self) -> tuple[date, date] | None:
        """First and last day that the data hold of the period; None for ``all``.

        All of it where nothing is known of the data, or they hold no day of it.
        """
        if self.first is None or self.last is None:
            return None
        if self.held is not None:
            first, last = max(self.first, self.held[0]), min(self.last, self.held[1])
            if first <= last:
                return first, last
        return self.first, self.last

    @property
    def days(self) -> float:
        """Number of days that the data hold, a cut one as its part; 0 for ``all``."""
        part = self.held_part
        if part is None:
            return 0
        whole = (part[1] - part[0]).days + 1
        parts = sum(one.share for one in self._cut_inside())
        return parts if parts and self._holds_no_whole_day() else whole + parts

    def occurrences(self) -> Floats:
        """Return how often the data hold each hour of the week, (7, 24), Monday first.

        Where nothing limits the period and nothing is known of the data, each occurs once.
        """
        part, cut = self.held_part or self.held, self._cut_inside()
        if part is None:
            return np.ones((7, 24))
        whole = weekday_occurrences(*part) * (not (cut and self._holds_no_whole_day()))
        found = np.repeat(whole[:, None], 24, axis=1).astype(np.float64)
        for one in cut:
            found[one.day.weekday()] += one.hours
        return found

    def _cut_inside(self) -> list[CutDay]:
        if self.first is None or self.last is None:
            return list(self.cut)
        return [one for one in self.cut if self.first <= one.day <= self.last]

    def _holds_no_whole_day(self) -> bool:
        if self.first is None or self.last is None or self.held is None:
            return False
        return self.first > self.held[1] or self.last < self.held[0]

    @property
    def is_cut(self) -> bool:
        """Whether the data hold only some of the days."""
        return self.held_part not in {None, (self.first, self.last)}

    @property
    def whole_months(self) -> int:
        """Number of whole months that the period is made of; 0 if any is cut."""
        if self.first is None or self.last is None:
            return 0
        return _whole_months(self.first, self.last)

    @property
    def code(self) -> str:
        """The period as `parse_period` reads it, for names of files."""
        if self.first is None or self.last is None:
            return "all"
        if self.unit == "month":
            return f"{self.first:%Y-%m}"
        if self.unit == "quarter":
            return f"{self.first.year}Q{(self.first.month + 2) // 3}"
        if self.unit == "half":
            return f"{self.first.year}H{(self.first.month + 5) // 6}"
        if self.unit == "year":
            return str(self.first.year)
        return f"{self.first}..{self.last}"

    def label(self) -> str:
        """Return the period as people read it, in the current language."""
        if self.first is None or self.last is None:
            return tr("measure.period.all")
        if self.unit == "range":
            return tr("measure.period.range", first=str(self.first), last=str(self.last))
        unit: str = self.unit
        if unit == "half":
            unit = "first_half" if self.first.month == 1 else "second_half"
        return tr(
            f"measure.period.{unit}",
            year=self.first.year,
            month=self.first.month,
            quarter=(self.first.month + 2) // 3,
        )

    def dates(self) -> str:
        """Return the first and last day as text; blank for ``all``."""
        return "" if self.first is None else f"{self.first} – {self.last}"


def parse_period(text: str) -> Period:
    """Return the period that a text names; a blank text or ``all`` names all time.

    Parameters
    ----------
    text
        ``2024-03``, ``2024Q1``, ``2024H1``, ``2024`` or ``2024-03-05..2024-04-10`` (both
        days inside; a month stands for its first or last day).

    Raises
    ------
    InputError
        If the text is none of these, ends before it begins, or lies at the end of time.

    Examples
    --------
    >>> parse_period("2024Q1").last
    datetime.date(2024, 3, 31)
    """
    written = text.strip()
    if written in {"", "all"}:
        return Period("all")
    if any(int(year) not in _YEARS for year in re.findall(r"(?:^|\.\.\s*)(\d{4})", written)):
        raise InputError("measure.error.period", received=text)
    if re.fullmatch(r"\d{4}-\d{2}", written, re.ASCII) and 1 <= int(written[5:]) <= 12:
        return _months(int(written[:4]) * 12 + int(written[5:]) - 1, 1)
    if re.fullmatch(r"\d{4}[Qq][1-4]", written, re.ASCII):
        return _months(int(written[:4]) * 12 + (int(written[5]) - 1) * 3, 3)
    if re.fullmatch(r"\d{4}[Hh][12]", written, re.ASCII):
        return _months(int(written[:4]) * 12 + (int(written[5]) - 1) * 6, 6)
    if re.fullmatch(r"\d{4}", written, re.ASCII):
        return _months(int(written) * 12, 12)
    start, dots, end = written.partition("..")
    if not dots:
        raise InputError("measure.error.period", received=text)
    first, last = _day(start, text, last=False), _day(end, text, last=True)
    if first > last:
        raise InputError("measure.error.period_backwards", received=text)
    return Period.of_days(first, last)


def period_before(period: Period, basis: Basis = "previous") -> Period:
    """Return what a period is compared with: the one definition of "the period before".

    Parameters
    ----------
    period
        A period with limits.
    basis
        ``previous`` (环比): the month, quarter, half-year or year before where the period is
        one, else as many days right before it. ``last-year`` (同比): the same months, or the
        same days, a year earlier; 29 February becomes the 28th. ``ytd`` (年累计): 1 January
        to the same day a year earlier; the period compared with it begins on 1 January as
        well, see `compared_periods`.

    Raises
    ------
    InputError
        If the period has no limits, the basis is unknown, or there is no time before it.

    Examples
    --------
    >>> period_before(parse_period("2024-03")).code
    '2024-02'
    >>> period_before(parse_period("2024-03-05..2024-03-07")).code
    '2024-03-02..2024-03-04'
    >>> period_before(parse_period("2024-02"), "last-year").days
    28
    """
    return compared_periods(period, basis).before


@dataclass(frozen=True, slots=True)
class ComparedPeriods:
    """A period and the one that it is compared with.

    Parameters
    ----------
    basis
        How the second follows from the first.
    now, before
        The two periods, which have limits and do not overlap.
    """

    basis: Basis
    now: Period
    before: Period


def compared_periods(period: Period, basis: Basis) -> ComparedPeriods:
    """Return the two periods that a basis compares.

    They are ``period`` and the one before, or the one a year earlier; with ``ytd`` 1 January
    to the period's last day, and the same days of the year before.

    Raises
    ------
    InputError
        If the period has no limits or is longer than the year that lies between, the basis is
        unknown, or there is no time before it.

    Examples
    --------
    >>> found = compared_periods(parse_period("2024-03"), "ytd")
    >>> found.now.code, found.before.code
    ('2024Q1', '2023Q1')
    """
    if basis not in get_args(Basis):
        raise InputError("measure.error.compare", received=basis)
    if period.first is None or period.last is None:
        raise InputError("measure.error.compare_all")
    now = period
    if basis == "ytd":
        now = Period.of_days(period.last.replace(month=1, day=1), period.last)
    first, last = now.first, now.last
    assert first is not None  # noqa: S101 - a period with limits has both days
    assert last is not None  # noqa: S101
    try:
        if basis != "previous" and now.whole_months:
            start = (first.year - 1) * 12 + first.month - 1
            before = _months(start, now.whole_months)
        elif basis != "previous":
            before = Period.of_days(_year_before(first), _year_before(last))
        elif now.unit == "range":
            step = last - first + timedelta(days=1)
            before = Period.of_days(first - step, last - step)
        else:
            start = first.year * 12 + first.month - 1 - now.whole_months
            before = _months(start, now.whole_months)
    except (OverflowError, ValueError) as error:
        raise InputError("measure.error.no_period_before", received=now.code) from error
    if before.last is not None and before.last >= first:
        raise InputError("measure.error.compare_overlap", received=now.code)
    now, before = (replace(each, held=period.held, cut=period.cut) for each in (now, before))
    return ComparedPeriods(basis, now, before)


def parse_bases(text: str) -> tuple[Basis, ...]:
    """Return the bases that a text names: ``previous,last-year,ytd``, each once.

    Raises
    ------
    InputError
        If a name is unknown.

    Examples
    --------
    >>> parse_bases("previous, ytd")
    ('previous', 'ytd')
    """
    names = [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]
    known = {str(basis): basis for basis in get_args(Basis)}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError("measure.error.compare", received=", ".join(unknown))
    return tuple(dict.fromkeys(known[name] for name in names))


def weekday_occurrences(first: date, last: date) -> Ints:
    """Return how often each weekday occurs between two days, both inside; Monday first.

    Examples
    --------
    >>> weekday_occurrences(date(2024, 2, 1), date(2024, 2, 29)).tolist()
    [4, 4, 4, 5, 4, 4, 4]
    """
    days = (last - first).days + 1
    weeks, rest = divmod(max(days, 0), 7)
    found = np.full(7, weeks, np.int64)
    found[(first.weekday() + np.arange(rest)) % 7] += 1
    return found


def _whole_months(first: date, last: date) -> int:
    """Return how many whole months two days enclose, both inside; 0 if any is cut."""
    if first.day != 1 or last.day != calendar.monthrange(last.year, last.month)[1]:
        return 0
    return (last.year - first.year) * 12 + last.month - first.month + 1


def _months(start: int, length: int) -> Period:
    """Return the period of whole months from a month counted from year 0."""
    end = start + length - 1
    last_day = calendar.monthrange(end // 12, end % 12 + 1)[1]
    return Period.of_days(
        date(start // 12, start % 12 + 1, 1), date(end // 12, end % 12 + 1, last_day)
    )


def _day(text: str, whole: str, *, last: bool) -> date:
    written = text.strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}", written, re.ASCII):
            month = _months(int(written[:4]) * 12 + int(written[5:]) - 1, 1)
            found = month.last if last else month.first
            assert found is not None  # noqa: S101 - a month has days
            return found
        return date.fromisoformat(written)
    except (ValueError, calendar.IllegalMonthError) as error:
        raise InputError("measure.error.period", received=whole) from error


def _year_before(day: date) -> date:
    length = calendar.monthrange(day.year - 1, day.month)[1]
    return day.replace(year=day.year - 1, day=min(day.day, length))
