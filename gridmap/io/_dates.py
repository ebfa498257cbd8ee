"""Reading dates as people write them, and refusing to guess which number is the month."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import InputError

__all__ = ["guess_orders", "joined_times", "parse_times"]

_SAMPLE = 1000

_CLOCK = (
    r"(?:[T\s]*(?P<half>上午|下午|凌晨|早上|中午|晚上|夜间)?\s*"
    r"(?P<hour>\d{1,2})(?:\s*[:：时点](?P<minute>\d{1,2})?)?(?:[:：分](?P<second>\d{1,2}))?"
    r"(?:[.,]\d+)?\s*[分秒]?\s*(?P<noon>[AaPp]\.?[Mm]\.?)?\s*(?:Z|[+-]\d\d:?\d\d)?)?\s*$"
)
_SEPARATOR = r"\s*[-/.年月]\s*"
_ORDERS = {
    "ymd": rf"^\s*(?P<y>\d{{4}}){_SEPARATOR}(?P<m>\d{{1,2}}){_SEPARATOR}(?P<d>\d{{1,2}})日?",
    "ydm": rf"^\s*(?P<y>\d{{4}}){_SEPARATOR}(?P<d>\d{{1,2}}){_SEPARATOR}(?P<m>\d{{1,2}})",
    "mdy": rf"^\s*(?P<m>\d{{1,2}}){_SEPARATOR}(?P<d>\d{{1,2}}){_SEPARATOR}(?P<y>\d{{4}})",
    "dmy": rf"^\s*(?P<d>\d{{1,2}}){_SEPARATOR}(?P<m>\d{{1,2}}){_SEPARATOR}(?P<y>\d{{4}})",
    "compact": r"^\s*(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})"
    r"(?:[T\s]?(?P<hour>\d{2}):?(?P<minute>\d{2}):?(?P<second>\d{2})?)?\s*$",
}
_PATTERNS = {
    name: re.compile(pattern if name == "compact" else pattern + _CLOCK)
    for name, pattern in _ORDERS.items()
}
_PLAIN = {
    "ymd": ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"),
    "ydm": ("%Y/%d/%m %H:%M:%S",),
    "mdy": ("%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p"),
    "dmy": ("%d/%m/%Y %H:%M:%S",),
}
_FORMAT_OF = {
    "ymd": "YYYY-MM-DD",
    "ydm": "YYYY-DD-MM",
    "mdy": "MM-DD-YYYY",
    "dmy": "DD-MM-YYYY",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED = re.compile(
    rf"(?:(?P<day>\d{{1,2}})[\s-]+)?(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?[\s-]+"
    r"(?:(?P<after>\d{1,2}),?\s+)?(?P<year>\d{4})",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(r"[(（]?\s*(?:星期|周|礼拜)[一二三四五六日天]\s*[)）]?")
_CLOCK_ONLY = re.compile(r"^\s*\d{1,2}\s*[:：时点]")
_FIRST_YEAR, _LAST_YEAR = 1950, 2100  # others are what databases write for "none"
_SERIAL = re.compile(r"^\d{5}(?:\.\d+)?$")  # Excel's days since 1899-12-30


def parse_times(
    values: pd.Series, *, formats: tuple[str, ...] = ()
) -> tuple[NDArray[np.datetime64], dict[str, int]]:
    """Return the times of a column, and how many values each form explained.

    Parameters
    ----------
    values : (n,) Series
        Text, or times already.
    formats
        Orders chosen by the user, as ``%m/%d/%Y %H:%M`` or ``MM/DD/YYYY``; only the order
        of year, month and day is taken from them, the clock is read as it stands (``3:05
        PM``, ``15:05:00``, ``下午3点``, or none, which is midnight).

    Returns
    -------
    times : (n,) datetime64[s]
        NaT where a value is blank, fits no form, or lies before 1950 or after 2100, which
        is how databases write "none".
    forms
        Form to number of values read by it.

    Raises
    ------
    InputError
        If no format was given and the column mixes orders, or does not say which number is
        the month.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        plain = values.dt.tz_localize(None) if getattr(values.dt, "tz", None) else values
        return plain.to_numpy().astype("datetime64[s]"), {"time": int(values.notna().sum())}
    text = _plain_words(values)
    orders = tuple(order_of(item) for item in formats or guess_orders(text))
    times = np.full(len(text), np.datetime64("NaT"), dtype="datetime64[s]")
    forms: dict[str, int] = {}
    blank = (text == "").to_numpy()
    for order in (*orders, "compact"):
        rows = np.flatnonzero(np.isnat(times) & ~blank)
        if len(rows) == 0:
            break
        read = _read_plain(text.iloc[rows], order)
        rest = np.flatnonzero(np.isnat(read))
        if len(rest):
            read[rest] = _read(text.iloc[rows[rest]], order)
        times[rows] = read
        count = int((~np.isnat(read)).sum())
        if count:
            forms[order] = count
    rows = np.flatnonzero(np.isnat(times) & ~blank)
    serial = rows[text.iloc[rows].str.match(_SERIAL).to_numpy()] if len(rows) else rows
    if len(serial):
        days = text.iloc[serial].astype(float).to_numpy()
        seconds = np.round(days * 86400).astype("timedelta64[s]")
        times[serial] = np.datetime64("1899-12-30", "s") + seconds
        forms["excel"] = len(serial)
    years = times.astype("datetime64[Y]").astype(int) + 1970
    times[~np.isnat(times) & ((years < _FIRST_YEAR) | (years > _LAST_YEAR))] = np.datetime64("NaT")
    return times, forms


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
    if not _only_clocks(clock):
        return clock
    for name in others.columns:
        filled = others[name].dropna().astype(str).str.strip()
        filled = filled[filled != ""].head(_SAMPLE)
        if len(filled) and not filled.str.match(_CLOCK_ONLY).any():
            return others[name].astype(str).str.strip() + " " + clock.astype(str).str.strip()
    return clock


def _only_clocks(values: pd.Series) -> bool:
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_numeric_dtype(values):
        return False
    filled = values.dropna().astype(str).str.strip()
    filled = filled[filled != ""].head(_SAMPLE)
    return bool(len(filled)) and bool(filled.str.match(_CLOCK_ONLY).all())


def _plain_words(values: pd.Series) -> pd.Series:
    """Return dates as text without days of the week, months' names and full width."""
    text = values.astype("object").where(values.notna(), "").astype(str).str.strip()
    odd = text.str.contains(r"[A-Za-z]{3}|[\uff01-\uff5e]|星期|周|礼拜", regex=True)
    if odd.any():
        text = text.where(~odd, text[odd].map(_plain_date).reindex(text.index))
    return text


def _plain_date(cell: str) -> str:
    half = _WEEKDAY.sub(" ", unicodedata.normalize("NFKC", cell)).strip()
    found = _NAMED.search(half)
    day = found and (found["day"] or found["after"])
    if not found or not day:
        return half
    month = _MONTHS.index(found["month"][:3].lower()) + 1
    return f"{found['year']}-{month}-{day} {half[found.end() :].strip()}".strip()


def order_of(date_format: str) -> str:
    """Return ``ymd``, ``ydm``, ``mdy`` or ``dmy`` from a format.

    Raises
    ------
    InputError
        If the format does not name year, month and day once each.

    Examples
    --------
    >>> order_of("%m/%d/%Y %I:%M:%S %p"), order_of("YYYY/DD/MM")
    ('mdy', 'ydm')
    """
    plain = re.sub(r"%[^YymdbBjeF]", "", date_format.replace("%F", "%Y-%m-%d"))
    letters = re.sub(r"%-?([Yymde])", lambda match: f"<{match[1]}>", plain)
    if "<" not in letters:
        # Unicode style: the first MM is the month, a later mm is minutes.
        letters = re.sub(r"[Hh]{1,2}.*$", "", letters)
        letters = re.sub(r"[Yy]+", "<y>", letters, count=1)
        letters = re.sub(r"M+", "<m>", letters, count=1)
        letters = re.sub(r"[Dd]+", "<d>", letters, count=1)
    order = "".join(re.findall(r"<([A-Za-z])>", letters)).lower().replace("e", "d")
    if order not in _ORDERS:
        raise InputError("io.error.date_format", received=date_format)
    return order


def guess_orders(values: pd.Series) -> tuple[str, ...]:
    """Return the formats that explain the dates of a whole column.

    Raises
    ------
    InputError
        If the column mixes orders, or does not say which number is the month.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return ()
    # Days repeat: a year of incidents has a few hundred of them.
    days = _plain_words(values.dropna()).str.slice(0, 10).value_counts()
    days = days[days.index != ""]
    counts = days.to_numpy()
    parts = {
        "year_first": days.index.to_series().str.extract(_ORDERS["ymd"]).dropna(),
        "year_last": days.index.to_series().str.extract(_ORDERS["dmy"]).dropna(),
    }
    found: list[str] = []
    doubt = ""
    for dates, month_second, day_second in (
        (parts["year_first"], "ymd", "ydm"),
        (parts["year_last"], "dmy", "mdy"),
    ):
        if len(dates) == 0:
            continue
        # 2024-13-45 is a date in no order: it tells nothing about the others.
        part = dates[(dates["m"].astype(int) <= 12) | (dates["d"].astype(int) <= 12)]
        big_month = bool((part["m"].astype(int) > 12).any())
        big_day = bool((part["d"].astype(int) > 12).any())
        if big_month and big_day:
            doubt = "mixed"
        elif big_month:
            found.append(day_second)
        elif big_day or month_second == "ymd":
            found.append(month_second)
        else:
            doubt = doubt or "ambiguous"
    sizes = {name: int(counts[days.index.isin(part.index)].sum()) for name, part in parts.items()}
    if doubt == "mixed" or all(sizes.values()):
        examples = " / ".join(str(part.index[0]) for part in parts.values() if len(part))
        raise InputError("io.error.dates_mixed", examples=examples, **sizes)
    if doubt:
        raise InputError("io.error.dates_ambiguous", example=str(parts["year_last"].index[0]))
    return tuple(_FORMAT_OF[order] for order in found) or (_FORMAT_OF["ymd"],)


def _read_plain(text: pd.Series, order: str) -> NDArray[np.datetime64]:
    """Read the commonest clock at full speed; NaT where it is another."""
    for form in _PLAIN.get(order, ()):
        if pd.notna(pd.to_datetime(text.iloc[0], format=form, errors="coerce")):
            return pd.to_datetime(text, format=form, errors="coerce").to_numpy("datetime64[s]")
    return np.full(len(text), np.datetime64("NaT"), dtype="datetime64[s]")


def _read(text: pd.Series, order: str) -> NDArray[np.datetime64]:
    parts = text.str.extract(_PATTERNS[order])
    number = {
        name: pd.to_numeric(parts[name], errors="coerce") if name in parts else np.nan
        for name in ("y", "m", "d", "hour", "minute", "second")
    }
    hour = pd.Series(number["hour"], index=text.index).fillna(0)
    if "half" in parts:
        mark = parts["half"].fillna("") + parts["noon"].fillna("").str.upper().str.replace(".", "")
        late = mark.isin(["下午", "晚上", "夜间", "PM"]) | ((mark == "中午") & (hour < 11))
        early = mark.isin(["上午", "凌晨", "早上", "AM"])
        hour = hour.where(~(late & (hour < 12)), hour + 12)
        hour = hour.where(~(early & (hour == 12)), 0)
    minute = pd.Series(number["minute"], index=text.index).fillna(0)
    second = pd.Series(number["second"], index=text.index).fillna(0)
    days = pd.to_datetime(
        pd.DataFrame({"year": number["y"], "month": number["m"], "day": number["d"]}),
        errors="coerce",
    )
    right = (hour <= 24) & (minute < 60) & (second < 61)
    clock = (hour * 3600 + minute * 60 + second).where(right)
    return (days + pd.to_timedelta(clock, unit="s")).to_numpy().astype("datetime64[s]")
