"""同比 and 环比: what changed from period to period, and whether chance explains it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.errors import InputError
from gridmap.measure.period import Moment, moment

__all__ = ["Period", "compare_periods", "period_before", "same_period_last_year"]


class Period(NamedTuple):
    """From a moment, up to but not including another."""

    since: pd.Timestamp
    until: pd.Timestamp

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.until - self.since).total_seconds() / 86_400


def compare_periods(
    now: npt.ArrayLike,
    before: npt.ArrayLike,
    *,
    days_now: float = 1.0,
    days_before: float = 1.0,
    alpha: float = 0.05,
    index: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare counts of two periods, for example by category or by beat.

    If nothing but chance changed, ``now`` is one of ``now + before`` draws with chance
    ``days_now / (days_now + days_before)`` (Przyborowski and Wilenski 1940, *Biometrika*
    31); the p-value is that exact binomial test's, two-sided. Where many lines are compared
    some stand out by chance, so significance is by the false discovery rate.

    Parameters
    ----------
    now, before
        Whole numbers, one per line.
    days_now, days_before
        Lengths of the periods; months differ by up to a tenth.
    alpha
        Share of false alarms accepted among the lines called significant.
    index
        Names of the lines.

    Returns
    -------
    DataFrame
        ``now, before, change`` (now less what before's daily rate gives), ``change_percent``
        (NaN where there was nothing before), ``p_value``, ``significant``.
    """
    from scipy import stats  # half a second that only this asks for

    new, old = np.asarray(now, np.int64), np.asarray(before, np.int64)
    if new.shape != old.shape or (new < 0).any() or (old < 0).any():
        message = "counts must be of one length and not negative"
        raise ValueError(message)
    usual = old * (days_now / days_before)
    chance = days_now / (days_now + days_before)
    p_value = np.array(
        [
            stats.binomtest(int(a), int(a + b), chance).pvalue if a + b else 1.0
            for a, b in zip(new, old, strict=True)
        ]
    )
    ordered = np.sort(p_value)
    passed = ordered[ordered <= alpha * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)]
    percent = np.divide(
        100.0 * (new - usual), usual, out=np.full(len(new), np.nan), where=usual > 0
    )
    return pd.DataFrame(
        {
            "now": new,
            "before": old,
            "change": new - usual,
            "change_percent": percent,
            "p_value": p_value,
            "significant": p_value <= (passed[-1] if len(passed) else -1.0),
        },
        index=None if index is None else pd.Index(np.asarray(index)),
    )


def period_before(since: Moment, until: Moment) -> Period:
    """Return the period that 环比 compares with: as long, and just before.

    Whole months are followed back by as many whole months, whatever their lengths.

    Examples
    --------
    >>> [str(day.date()) for day in period_before("2024-03-01", "2024-04-01")]
    ['2024-02-01', '2024-03-01']
    """
    start, end = _ends(since, until)
    months = (end.year - start.year) * 12 + end.month - start.month
    if start.day == end.day == 1 and start.normalize() == start and end.normalize() == end:
        return Period(start - pd.DateOffset(months=months), start)
    return Period(start - (end - start), start)


def same_period_last_year(since: Moment, until: Moment) -> Period:
    """Return the period that 同比 compares with: the same dates a year earlier.

    The 29th of February becomes the 28th.
    """
    start, end = _ends(since, until)
    year = pd.DateOffset(years=1)
    return Period(start - year, end - year)


def _ends(since: Moment, until: Moment) -> tuple[pd.Timestamp, pd.Timestamp]:
    first, last = moment(since), moment(until)
    if first is None or last is None or not first < last:
        raise InputError("measure.error.period_ends", since=str(since), until=str(until))
    return pd.Timestamp(first), pd.Timestamp(last)
