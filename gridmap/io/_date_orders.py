"""In which order a column writes year, month and day: read off the whole of it, or asked for."""

from __future__ import annotations

import re
import unicodedata
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import InputError
from gridmap.io._values import cell_shape

__all__ = [
    "FIRST_YEAR",
    "LAST_YEAR",
    "MONTH",
    "PATTERNS",
    "SHORT_PATTERNS",
    "full_years",
    "guess_orders",
    "order_of",
    "plain_words",
]

FIRST_YEAR, LAST_YEAR = 1950, 2100  # others are what databases write for "none"

_CLOCK = (
    r"(?:[T\s]*(?P<half>上午|下午|凌晨|清晨|早上|早晨|中午|傍晚|晚上|夜间|深夜)?\s*"
    r"(?P<hour>\d{1,2})(?:\s*[:：时点](?P<minute>\d{1,2})?)?(?:[:：分](?P<second>\d{1,2}))?"
    r"(?:[.,]\d+)?\s*[分秒]?\s*(?P<noon>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?P<zone>Z|UTC|GMT|CST|[+-]\d\d(?::?\d\d)?)?)?\s*$"
)
_SEPARATOR = r"\s*[-/.年月]\s*"
_ORDERS = ("ymd", "ydm", "mdy", "dmy")


def _dates(order: str, year: str) -> str:
    part = {"y": rf"(?P<y>{year})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})"}
    return r"^\s*" + _SEPARATOR.join(part[letter] for letter in order) + "日?"


_LONG = {order: _dates(order, r"\d{4}") for order in _ORDERS}
_SHORT = {order: _dates(order, r"\d{2}(?!\d)") for order in _ORDERS}
_COMPACT = (
    r"^\s*(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})"
    r"(?:[T\s]?(?P<hour>\d{2}):?(?P<minute>\d{2}):?(?P<second>\d{2})?)?\s*$"
)
PATTERNS = {order: re.compile(date + _CLOCK) for order, date in _LONG.items()}
PATTERNS["compact"] = re.compile(_COMPACT)
#: A month without a day: 2024-03, 2024年3月, 202403, 03/2024.
MONTH = re.compile(
    r"^\s*(?:(?P<y>(?:19|20)\d{2})(?:\s*[-/.年]\s*(?P<m>\d{1,2})\s*月?(?:份)?|(?P<c>0[1-9]|1[0-2]))"
    r"|(?P<n>\d{1,2})\s*[-/.]\s*(?P<z>(?:19|20)\d{2}))\s*$"
)
SHORT_PATTERNS = {order: re.compile(date + _CLOCK) for order, date in _SHORT.items()}
_FORMAT_OF = {
    "ymd": "YYYY-MM-DD",
    "ydm": "YYYY-DD-MM",
    "mdy": "MM-DD-YYYY",
    "dmy": "DD-MM-YYYY",
}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*"
_NAMED = re.compile(
    rf"(?:(?P<day>\d{{1,2}})[\s-]+)?{_MONTH}\.?[\s-]+(?:(?P<after>\d{{1,2}}),?\s+)?(?P<year>\d{{4}})",
    re.IGNORECASE,
)
_NAMED_MONTH = re.compile(rf"^{_MONTH}\.?,?[\s-]+(?P<year>(?:19|20)\d{{2}})$", re.IGNORECASE)
# Oracle and Excel write 05-MAR-24; nothing writes the year first beside a month's name.
_NAMED_SHORT = re.compile(
    rf"^(?P<day>\d{{1,2}})[\s-]+{_MONTH}\.?[\s-]+(?P<year>\d{{2}})(?![\d:])", re.IGNORECASE
)
# Java writes Tue Mar 05 10:00:00 CST 2024.
_NAMED_JAVA = re.compile(
    rf"{_MONTH}\s+(?P<day>\d{{1,2}})\s+(?P<clock>[\d:]+)\s+[A-Z+:\d]+\s+(?P<year>\d{{4}})$",
    re.IGNORECASE,
)
_DOTTED = re.compile(r"^(\d{1,2})\.(\d{2})\.(\d{2})")  # Oracle's clock
_WEEKDAY = re.compile(r"[(（]?\s*(?:星期|周|礼拜)[一二三四五六日天]\s*[)）]?")


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


def plain_words(values: pd.Series) -> pd.Series:
    """Return dates as text without days of the week, months' names and full width."""
    text = values.astype("object").where(values.notna(), "").astype(str)
    # An apostrophe is how a spreadsheet marks a cell as text.
    text = text.str.strip().str.removeprefix("'")
    odd = text.str.contains(r"[A-Za-z]{3}|[\uff01-\uff5e]|星期|周|礼拜", regex=True)
    if odd.any():
        text = text.where(~odd, text[odd].map(_plain_date).reindex(text.index))
    return text


def _plain_date(cell: str) -> str:
    half = _WEEKDAY.sub(" ", unicodedata.normalize("NFKC", cell)).strip()
    if java := _NAMED_JAVA.search(half):
        return f"{java['year']}-{_month(java)}-{java['day']} {java['clock']}"
    if short := _NAMED_SHORT.search(half):
        year = int(full_years(np.array([int(short["year"])]))[0])
        return _joined(f"{year}-{_month(short)}-{short['day']}", half[short.end() :])
    if month := _NAMED_MONTH.match(half):
        return f"{month['year']}-{_month(month)}"
    found = _NAMED.search(half)
    day = found and (found["day"] or found["after"])
    if not found or not day:
        return half
    return _joined(f"{found['year']}-{_month(found)}-{day}", half[found.end() :])


def _joined(day: str, clock: str) -> str:
    spoken = _DOTTED.sub(r"\1:\2:\3", clock.strip())
    return f"{day} {spoken}".strip()


def _month(found: re.Match[str]) -> int:
    return _MONTHS.index(found["month"][:3].lower()) + 1


def full_years(years: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return four-digit years for two-digit ones: the latest that is not after this year.

    >>> full_years(np.array([4, 98])).tolist()
    [2004, 1998]
    """
    last = int(np.datetime64("today").astype("datetime64[Y]").astype(int)) + 1970
    return last - (last - years.astype(np.int64)) % 100


def guess_orders(values: pd.Series) -> tuple[str, ...]:
    """Return the formats that explain the dates of a whole column.

    Years of two digits are understood where one order alone makes a date, not in the future,
    of every cell.

    Raises
    ------
    InputError
        If the column mixes orders, or does not say which number is the month.
    """
    if pd.api.types.is_datetime64_any_dtype(values):
        return ()
    # Days repeat: a year of incidents has a few hundred of them.
    days = plain_words(values.dropna()).str.slice(0, 10).value_counts()
    days = days[days.index != ""]
    written = days.index.to_series()
    parts = {
        "year_first": written.str.extract(_LONG["ymd"]).dropna(),
        "year_last": written.str.extract(_LONG["dmy"]).dropna(),
    }
    if not any(map(len, parts.values())):
        return _guess_short(written)
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
    counts = days.to_numpy()
    sizes = {name: int(counts[days.index.isin(part.index)].sum()) for name, part in parts.items()}
    if doubt == "mixed" or all(sizes.values()):
        examples = " / ".join(cell_shape(part.index[0]) for part in parts.values() if len(part))
        raise InputError(
            "io.error.dates_mixed", examples=examples, **sizes, candidates=_meanings(parts, days)
        )
    if doubt:
        raise InputError(
            "io.error.dates_ambiguous", example=cell_shape(parts["year_last"].index[0]),
            candidates=_meanings(parts, days),
        )  # fmt: skip
    return tuple(_FORMAT_OF[order] for order in found)


def _meanings(parts: dict[str, pd.DataFrame], days: pd.Series) -> list[dict[str, object]]:
    """Return what the dates of a column may mean, the shortest span of time first.

    Parameters
    ----------
    parts
        ``year_first`` and ``year_last``: by what is written, ``y``, ``m`` and ``d`` as the
        usual order has them.
    days
        How often each is written.

    Returns
    -------
    list of dict
        ``formats`` for `ImportOptions.date_formats`, and for each of them what is ``written``
        as an example, which ``date`` that is, and how many ``rows`` it reads.
    """
    sides = []
    for part, orders in (("year_first", ("ymd", "ydm")), ("year_last", ("dmy", "mdy"))):
        dates = parts[part]
        if len(dates) == 0:
            continue
        read = {
            order: pd.to_datetime(
                dates.rename(columns={"y": "year", "m": month, "d": day}).astype(int),
                errors="coerce",
            )
            for order, month, day in ((orders[0], "month", "day"), (orders[1], "day", "month"))
        }
        possible = pd.DataFrame(read).notna()
        alone = [(order,) for order in orders if possible[order][possible.any(axis=1)].all()]
        sides.append([(read, steps) for steps in alone or (orders, orders[::-1])])
    made = []
    for chosen in product(*sides):
        told: list[dict[str, object]] = []
        spans: list[pd.Timestamp] = []
        for read, steps in chosen:
            left = pd.Series(data=True, index=read[steps[0]].index)
            for order in steps:
                mine = read[order][left & read[order].notna()]
                left &= read[order].isna()
                if len(mine) == 0:
                    continue
                telling = mine[mine.dt.day != mine.dt.month]
                written = (telling if len(telling) else mine).index[0]
                spans += [mine.min(), mine.max()]
                told.append({
                    "written": str(written), "date": str(mine[written].date()),
                    "rows": int(days[mine.index].sum()), "format": _FORMAT_OF[order],
                })  # fmt: skip
        made.append((max(spans) - min(spans), told))
    made.sort(key=lambda item: item[0])
    return [{"formats": [str(one["format"]) for one in told], "dates": told} for _, told in made]


def _guess_short(written: pd.Series) -> tuple[str, ...]:
    """Return the one order that explains dates whose years have two digits."""
    written = written[written.str.match(_SHORT["ymd"]) | written.str.match(_SHORT["dmy"])]
    if len(written) == 0 or written.str.contains("年").all():
        return (_FORMAT_OF["ymd"],)
    possible = pd.DataFrame({order: _is_date(written, order) for order in ("ymd", "mdy", "dmy")})
    # 24-13-45 is a date in no order: it tells nothing about the others.
    every = possible[possible.any(axis=1)].all()
    fitting = [str(order) for order in every.index[every]]
    if len(fitting) != 1:
        raise InputError("io.error.dates_short", example=cell_shape(written.index[0].split()[0]))
    return (_FORMAT_OF[fitting[0]],)


def _is_date(written: pd.Series, order: str) -> pd.Series:
    """Return which cells are a date, not after tomorrow, in an order."""
    parts = written.str.extract(_SHORT[order]).astype(float)
    known = parts.notna().all(axis=1)
    years = full_years(parts["y"].fillna(0).to_numpy(dtype=np.int64))
    parts = pd.DataFrame({"year": years, "month": parts["m"], "day": parts["d"]}).where(known)
    days = pd.to_datetime(parts, errors="coerce")
    latest = pd.Timestamp(np.datetime64("today") + np.timedelta64(1, "D"))
    return days.between(pd.Timestamp(FIRST_YEAR, 1, 1), latest)
