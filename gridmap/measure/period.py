"""Periods: from a moment, up to but not including another."""

from __future__ import annotations

from datetime import date
from typing import TypeAlias

import numpy as np
import pandas as pd

from gridmap.errors import InputError

__all__ = ["Moment", "moment"]

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
    if pd.isna(stamp):
        raise InputError("measure.error.no_date", received=value)
    return np.datetime64(stamp.tz_localize(None).to_datetime64(), "s")
