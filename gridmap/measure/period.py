"""Periods: from a moment, up to but not including another."""

from __future__ import annotations

from datetime import date
from typing import TypeAlias

import numpy as np
import pandas as pd

from gridmap.errors import InputError

__all__ = ["Moment", "moment", "period_between"]

#: A date or time in any usual form, or None for no limit.
Moment: TypeAlias = str | date | pd.Timestamp | np.datetime64 | None


def moment(value: Moment) -> np.datetime64 | None:
    """Return a moment to the second, local time.

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
