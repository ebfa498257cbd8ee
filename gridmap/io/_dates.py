"""Reading times as people and programs write them, and refusing to guess."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.io._date_orders import (
    FIRST_YEAR,
    LAST_YEAR,
    MONTH,
    PATTERNS,
    SHORT_PATTERNS,
    full_years,
    guess_orders,
    order_of,
    plain_words,
)
from gridmap.io._time_numbers import read_epochs, read_serials

__all__ = ["joined_times", "only_clocks", "parse_times"]

_SAMPLE = 1000
_PLAIN = {
    "ymd": ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"),
    "ydm": ("%Y/%d/%m %H:%M:%S",),
    "mdy": ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p"),
    "dmy": ("%d/%m/%Y %H:%M:%S",),
}
_CLOCK_ONLY = re.compile(r"^\s*\d{1,2}\s*[:：时点]")
_MIDNIGHT = r"[T\s]+0?0:00(?::00(?:\.0+)?)?$"
_HERE = r"^(?:CST)?$"  # what stands behind a clock of the place itself
_PACKED_CLOCK = r"^\d{3,4}(?:\.0+)?$"
_WORLD = r"^(?:Z|UTC|GMT|[+-]00:?(?:00)?)$"


def parse_times(
    values: pd.Series, *, formats: tuple[str, ...] = (), utc_offset_h: float | None = None
) -> tuple[NDArray[np.datetime64], dict[str, int]]:
    """Return the times of a column, and how many values each form explained.

    A clock is read as it stands, whatever zone is written behind it.

    Parameters
    ----------
    values : (n,) Series
        Text, or times already.
    formats
        Orders chosen by the user, as ``%m/%d/%Y %H:%M`` or ``MM/DD/YYYY``; only the order
        of year, month and day is taken from them, the clock is read as it stands (``3:05
        PM``, ``15:05:00``, ``下午3点``, or none, which is midnight).
    utc_offset_h
        Hours by which the city's clocks are ahead of UTC; None where that is not known. Only
        for seconds since 1970, which count in UTC.

    Returns
    -------
    times : (n,) datetime64[s]
        NaT where a value is blank, fits no form, or lies before 1950 or after 2100, which
        is how databases write "none".
    forms
        Form to number of values read by it: ``time``, an order, ``compact``, ``excel``,
        ``epoch``, ``month`` (the first of a month stands for it); ``short_year``, ``world_clock``
        and ``other_zone`` count what has years of two digits, is marked as UTC, or names
        another zone than most of the column, beside.

    Raises
    ------
    InputError
        If no format was given and the column mixes orders, or does not say which number is
        the month; or if it holds seconds since 1970 and the city's clocks are not known.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return _of_times(values)
    text = plain_words(values)
    blank = (text == "").to_numpy()
    times = np.full(len(text), np.datetime64("NaT"), dtype="datetime64[s]")
    epochs = read_epochs(text[~blank], utc_offset_h=utc_offset_h)
    if epochs is not None:
        times[~blank] = epochs
        return times, {"epoch": len(epochs)}
    forms: dict[str, int] = {}
    months = text.str.match(MONTH).to_numpy() & ~blank
    # Among days, 03/2024 is a slip; a column of months is all of them.
    if months.any() and months.sum() >= 0.9 * (~blank).sum():
        times[months] = _months(text[months])
        return times, {"month": int((~np.isnat(times)).sum())}
    orders = tuple(order_of(item) for item in formats or guess_orders(text))
    for order in (*orders, "compact"):
        _fill(times, text, blank, order, forms)
    # A year of two digits among others of four is a slip; it is read where all are so.
    if not forms:
        for order in orders:
            _fill(times, text, blank, order, forms, short=True)
    rows = np.flatnonzero(np.isnat(times) & ~blank)
    if len(rows):
        times[rows] = read_serials(text.iloc[rows])
        if count := int((~np.isnat(times[rows])).sum()):
            forms["excel"] = count
    years = times.astype("datetime64[Y]").astype(int) + 1970
    times[~np.isnat(times) & ((years < FIRST_YEAR) | (years > LAST_YEAR))] = np.datetime64("NaT")
    return times, forms


def _months(text: pd.Series) -> NDArray[np.datetime64]:
    """Return the first moment of each month."""
    parts = text.str.extract(MONTH)
    years = parts["y"].fillna(parts["z"]).astype(int)
    months = parts["m"].fillna(parts["c"]).fillna(parts["n"]).astype(int)
    days = pd.DataFrame({"year": years, "month": months, "day": 1})
    return pd.to_datetime(days, errors="coerce").to_numpy().astype("datetime64[s]")


def _of_times(values: pd.Series) -> tuple[NDArray[np.datetime64], dict[str, int]]:
    count = int(values.notna().sum())
    zone = getattr(values.dt, "tz", None)
    forms = {"time": count}
    if zone is not None:
        if str(zone) in {"UTC", "UTC+00:00"}:
            forms["world_clock"] = count
        values = values.dt.tz_localize(None)
    return values.to_numpy().astype("datetime64[s]"), forms


def _fill(
    times: NDArray[np.datetime64],
    text: pd.Series,
    blank: NDArray[np.bool_],
    order: str,
    forms: dict[str, int],
    *,
    short: bool = False,
) -> None:
    """Read in one order what no other has read yet."""
    rows = np.flatnonzero(np.isnat(times) & ~blank)
    if len(rows) == 0:
        return
    read = _read_plain(text.iloc[rows], "" if short else order)
    rest = np.flatnonzero(np.isnat(read))
    if len(rest):
        pattern = SHORT_PATTERNS[order] if short else PATTERNS[order]
        read[rest], zones = _read(text.iloc[rows[rest]], pattern)
        for form, count in zones.items():
            forms[form] = forms.get(form, 0) + count
    times[rows] = read
    if count := int((~np.isnat(read)).sum()):
        forms[order] = count
        if short:
            forms["short_year"] = forms.get("short_year", 0) + count


def joined_times(clock: pd.Series, others: pd.DataFrame) -> pd.Series:
    """Return times of day with the dates of the column before them, where a table has both.

    Parameters
    ----------
    clock : (n,) Series
        What was taken for the times.
    others
        The table's other columns that may hold times, the surest first.

    Examples
    --------
    >>> joined_times(pd.Series(["10:05"]), pd.DataFrame({"日期": ["2024-03-05"]})).tolist()
    ['2024-03-05 10:05']
    """
    if not only_clocks(clock):
        return clock
    if clock.astype(str).str.match(_PACKED_CLOCK).any():
        whole = clock.astype(str).str.strip().str.replace(r"\.0+$", "", regex=True).str.zfill(4)
        clock = whole.str.replace(r"^(\d\d)(\d\d)$", r"\1:\2", regex=True)
    for name in others.columns:
        filled = others[name].dropna().astype(str).str.strip()
        filled = filled[filled != ""].head(_SAMPLE)
        if len(filled) and not filled.str.match(_CLOCK_ONLY).any():
            # A spreadsheet's date is a time at midnight.
            days = others[name].astype(str).str.strip().str.replace(_MIDNIGHT, "", regex=True)
            return days + " " + clock.astype(str).str.strip()
    return clock


def only_clocks(values: pd.Series) -> bool:
    """Return whether a column holds times of day without their dates: 10:05, 10点, 1005."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return False
    filled = values.dropna().astype(str).str.strip()
    filled = filled[filled != ""].head(_SAMPLE)
    if len(filled) and bool(filled.str.match(_CLOCK_ONLY).all()):
        return True
    # 0030 is half past midnight, among others that are all times of a day.
    if len(filled) == 0 or not filled.str.match(r"^\d{1,4}(?:\.0+)?$").all():
        return False
    numbers = filled.astype(float)
    padded = bool((numbers >= 100).any() or filled.str.fullmatch(r"\d{4}").all())
    return padded and bool(((numbers < 2400) & (numbers % 100 < 60)).all())


def _read_plain(text: pd.Series, order: str) -> NDArray[np.datetime64]:
    """Read the commonest clock at full speed; NaT where it is another."""
    for form in _PLAIN.get(order, ()):
        if pd.notna(pd.to_datetime(text.iloc[0], format=form, errors="coerce")):
            return pd.to_datetime(text, format=form, errors="coerce").to_numpy("datetime64[s]")
    return np.full(len(text), np.datetime64("NaT"), dtype="datetime64[s]")


def _read(
    text: pd.Series, pattern: re.Pattern[str]
) -> tuple[NDArray[np.datetime64], dict[str, int]]:
    """Return the times that a pattern reads, and how many are marked as UTC or another zone."""
    parts = text.str.extract(pattern)
    number = {
        name: pd.to_numeric(parts[name], errors="coerce")
        for name in ("y", "m", "d", "hour", "minute", "second")
    }
    years = number["y"].to_numpy(dtype=float, copy=True)
    short = years < 100
    years[short] = full_years(years[short].astype(np.int64))
    days = pd.to_datetime(
        pd.DataFrame({"year": years, "month": number["m"], "day": number["d"]}, index=text.index),
        errors="coerce",
    )
    hour = number["hour"].fillna(0)
    zones: dict[str, int] = {}
    if "half" in parts:
        hour = _hour_of_day(hour, parts["half"].fillna(""), parts["noon"].fillna(""))
        zone = parts["zone"].fillna("").where(days.notna(), "")
        world = zone.str.match(_WORLD)
        zones = _counted_zones(zone, world)
    minute, second = number["minute"].fillna(0), number["second"].fillna(0)
    right = (hour <= 24) & (minute < 60) & (second < 61)
    clock = (hour * 3600 + minute * 60 + second).where(right)
    return (days + pd.to_timedelta(clock, unit="s")).to_numpy().astype("datetime64[s]"), zones


def _counted_zones(zone: pd.Series, world: pd.Series) -> dict[str, int]:
    """Return how many times are marked as UTC, and with another zone than most."""
    other = ~zone.str.match(_HERE) & ~world
    found = {"world_clock": int(world.sum()), "other_zone": int(other.sum())}
    return {form: count for form, count in found.items() if count}


def _hour_of_day(hour: pd.Series, half: pd.Series, noon: pd.Series) -> pd.Series:
    """Return hours from 0 to 24 from hours as they are said: 下午3 is 15, 晚上12 is midnight."""
    mark = half + noon.str.upper().str.replace(".", "")
    night = mark.isin(["晚上", "夜间", "深夜"])
    late = mark.isin(["下午", "傍晚", "PM"]) | ((mark == "中午") & (hour < 11))
    # 夜间2点 is two in the morning: no night is as early as two in the afternoon.
    late |= night & (hour >= 5)
    early = mark.isin(["上午", "凌晨", "清晨", "早上", "早晨", "AM"])
    hour = hour.where(~(late & (hour < 12)), hour + 12)
    hour = hour.where(~(night & (hour == 12)), 24)
    return hour.where(~(early & (hour == 12)), 0)
