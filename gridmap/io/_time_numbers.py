"""Times written as plain numbers: a spreadsheet's days, a computer's seconds since 1970."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import InputError
from gridmap.io._values import cell_shape

__all__ = ["read_epochs", "read_serials"]

_SERIAL = r"^\d{5}(?:\.\d+)?$"  # Excel's days since 1899-12-30
_EPOCH = r"^1\d{9}(?:\d{3})?(?:\.\d+)?$"
# September 2001 to March 2030: a date written 2024030510 or 1999... is no such number.
_SECONDS = (1_000_000_000.0, 1_900_000_000.0)


def read_serials(text: pd.Series) -> NDArray[np.datetime64]:
    """Return the times that Excel's serial numbers stand for; NaT for other text, shape (n,)."""
    times = np.full(len(text), np.datetime64("NaT"), dtype="datetime64[s]")
    rows = np.flatnonzero(text.str.match(_SERIAL).to_numpy())
    if len(rows):
        days = text.iloc[rows].astype(float).to_numpy()
        seconds = np.round(days * 86400).astype("timedelta64[s]")
        times[rows] = np.datetime64("1899-12-30", "s") + seconds
    return times


def read_epochs(text: pd.Series, *, utc_offset_h: float | None) -> NDArray[np.datetime64] | None:
    """Return the local times of a column of seconds or milliseconds since 1970, or None.

    Parameters
    ----------
    text : (n,) Series of str
        The filled cells of a column; it counts as such only if every one of them is.
    utc_offset_h
        Hours by which the city's clocks are ahead of UTC, in which such numbers count; None
        where that is not known.

    Raises
    ------
    InputError
        If the cells are such numbers, and the city's clocks are not known.
    """
    if len(text) == 0 or not text.str.match(_EPOCH).all():
        return None
    number = text.astype(float).to_numpy()
    seconds = np.where(number >= 1000 * _SECONDS[0], number / 1000, number)
    if not ((seconds >= _SECONDS[0]) & (seconds < _SECONDS[1])).all():
        return None
    if utc_offset_h is None:
        raise InputError("io.error.times_epoch", example=cell_shape(text.iloc[0]))
    whole = np.floor(seconds + 3600 * utc_offset_h).astype(np.int64)
    return whole.astype("datetime64[s]")
