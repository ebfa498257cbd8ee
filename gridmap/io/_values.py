"""Turn a column as it was read into ids, counts, numbers, flags or times.

Times are read as people and programs write them; an ambiguous one is refused, not guessed.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import InputError, some_ids
from gridmap.fields import Json
from gridmap.typing import Bools, Floats, Ints

_BLANK = {
    "", "-", "--", "—", "——", "/", "\\", "?", "\\n", "null", "(null)", "<null>", "none", "nan",
    "n/a", "na", "#n/a", "#ref!", "#value!", "#div/0!", "#num!", "#name?", "#null!",
    "无", "空", "缺", "不详", "未知", "暂无",
}  # fmt: skip
_TRUE = {
    "1", "true", "t", "yes", "y", "是", "有", "桥", "桥梁", "bridge", "viaduct", "aqueduct",
    "movable", "cantilever", "covered", "boardwalk",
}  # fmt: skip
_KMH_PER_MPH = 1.609344
_SPEED = re.compile(r"(\d+(?:\.\d+)?)\s*(mph)?", re.IGNORECASE)
_MARKS = re.compile(r"[,，\s_'’]|[人户件起个名位]$")
_DECIMAL_COMMA = re.compile(r"^[-+]?(?:\d{1,3}(?:\.\d{3})+|\d+),(?:\d{1,2}|\d{4,})$")
_LONGEST = 400  # letters of a cell that are looked at: no number is longer
_SHOWN = 30  # letters of a shape
_CONTROL = re.compile(r"\s*[\x00-\x1f\x7f\u2028\u2029]+\s*")
_TO_HALF = {0x3000: " ", **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}}
_POINT_NOUGHT = re.compile(r"^\d+\.0+$")


def as_numbers(values: pd.Series, *, column: str, where: str, finite: bool = False) -> Floats:
    """Return numbers from numbers or text; thousands marks and full width are understood.

    Parameters
    ----------
    values : (n,) Series
    column, where
        What to call the column and its file in an error.
    finite
        Whether an infinite number is an error too.

    Returns
    -------
    (n,) array
        NaN where a cell is blank.

    Raises
    ------
    InputError
        If a cell holds anything else, or something infinite where that is an error.
    """
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        _refuse(np.isinf(numbers) & finite, column, where)
        return numbers
    plain = pd.to_numeric(values, errors="coerce").to_numpy(
        dtype=float, na_value=np.nan, copy=True
    )
    # Most cells are plain numbers; only what is left is worth a closer look.
    rows = np.flatnonzero(np.isnan(plain))
    rest = values.iloc[rows]
    text = rest.astype("object").where(rest.notna(), "").astype(str)
    clean = text.map(_plain_number)
    blank = clean.str.lower().isin(_BLANK).to_numpy()
    plain[rows] = pd.to_numeric(clean.where(~blank, None), errors="coerce").to_numpy(
        dtype=float, na_value=np.nan
    )
    wrong = np.zeros(len(values), dtype=bool)
    wrong[rows[~blank]] = np.isnan(plain[rows[~blank]])
    _refuse(wrong | (np.isinf(plain) & finite), column, where)
    return plain


def _plain_number(cell: str) -> str:
    """Return a number without marks of thousands; a comma before other than three is a point.

    >>> _plain_number("1,234"), _plain_number("1.234,5"), _plain_number("3 人")
    ('1234', '1234.5', '3')
    """
    plain = unicodedata.normalize("NFKC", cell[:_LONGEST]).strip()
    if _DECIMAL_COMMA.match(plain):
        return plain.replace(".", "").replace(",", ".")
    return _MARKS.sub("", plain)


def _refuse(wrong: Bools, column: str, where: str) -> None:
    if wrong.any():
        raise InputError(
            "io.error.not_numbers",
            column=column,
            file=where,
            count=int(wrong.sum()),
            rows=some_ids(np.flatnonzero(wrong) + 1),
        )


def as_ids(values: pd.Series) -> NDArray[np.object_]:
    """Return ids as text; ``3100.0`` and ``３１００`` become ``3100``, leading zeros stay.

    Parameters
    ----------
    values : (n,) Series

    Returns
    -------
    (n,) array
        Blank where a cell is.

    >>> as_ids(pd.Series(["12.0", " 013 ", "１４"])).tolist()
    ['12', '013', '14']
    >>> as_ids(pd.Series(["1.0", "1.1"])).tolist()
    ['1.0', '1.1']
    """
    text = as_texts(values).fillna("").astype(str)
    if pd.api.types.is_numeric_dtype(values):
        return text.to_numpy(dtype=object)
    # An apostrophe is how a spreadsheet marks a cell as text.
    text = text.str.removeprefix("'")
    wide = ~text.map(str.isascii)
    if wide.any():
        half = text[wide].map(lambda cell: cell.translate(_TO_HALF).strip())
        text = text.where(~wide, half.reindex(text.index))
    pointed = text.str.contains(".", regex=False)
    # A spreadsheet that took whole numbers for decimals wrote them all so.
    if pointed.any() and text[pointed].str.match(_POINT_NOUGHT).all():
        text = text.str.replace(r"\.0+$", "", regex=True)
    return text.to_numpy(dtype=object)


def as_texts(values: pd.Series) -> pd.Series:
    """Return stripped text on one line; None where a cell is blank.

    A whole number beside blanks is read as a decimal: it is written without its ``.0``.

    >>> as_texts(pd.Series([1.0, 2.5])).tolist()
    ['1', '2.5']
    """
    if pd.api.types.is_float_dtype(values):
        values = values.astype("object").map(_without_decimal_zero, na_action="ignore")
    text = values.astype("object").where(values.notna(), "").astype(str).str.strip()
    broken = text.str.contains(_CONTROL)
    if broken.any():
        text = text.where(~broken, text.str.replace(_CONTROL, " ", regex=True).str.strip())
    return text.where(text != "", None).astype("object")


def as_speeds(values: pd.Series, *, mph: bool = False) -> Floats:
    """Return speeds in km/h, shape (n,); NaN where a cell holds none.

    Street maps write ``30 mph``, ``none``, ``CN:urban`` and ``['50', '30']`` between numbers.

    Parameters
    ----------
    values : (n,) Series
    mph
        Whether numbers without a unit are miles an hour.

    >>> as_speeds(pd.Series(["50", "30 mph", "none", None])).round(1).tolist()
    [50.0, 48.3, nan, nan]
    """
    text = values.astype("object").where(values.notna(), "").astype(str)
    parts = text.map(lambda cell: unicodedata.normalize("NFKC", cell)).str.extract(_SPEED)
    number = pd.to_numeric(parts[0], errors="coerce").to_numpy(dtype=float)
    miles = parts[1].notna().to_numpy() | mph
    return np.where(miles, number * _KMH_PER_MPH, number)


def cell_shape(cell: str) -> str:
    """Return how a cell is written, without what it says: messages never repeat a value.

    >>> cell_shape("27-Sep-2014 3:05 PM"), cell_shape("去年三月")
    ('99-AAA-9999 9:99 AA', '字字字字')
    """
    shape = re.sub(r"\d", "9", cell[:_SHOWN])
    return re.sub(r"[^\W\dA_]", lambda letter: "A" if letter[0].isascii() else "字", shape)


def _without_decimal_zero(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def as_flags(values: pd.Series) -> Bools:
    """Return True for 1, true, yes, Y, 是, 有 and kinds of bridges; False for anything else."""
    if pd.api.types.is_bool_dtype(values):
        return values.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(values):
        return np.nan_to_num(values.to_numpy(dtype=float, na_value=0.0)) != 0
    text = values.astype("object").where(values.notna(), "").astype(str).str.strip().str.lower()
    return text.isin(_TRUE).to_numpy()


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
_FORMAT_OF = {"ymd": "YYYY-MM-DD", "ydm": "YYYY-DD-MM", "mdy": "MM-DD-YYYY", "dmy": "DD-MM-YYYY"}
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


def full_years(years: NDArray[np.integer]) -> Ints:
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
        # 2024-13-45 is a date in no order: it says nothing about the others.
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


def _meanings(parts: dict[str, pd.DataFrame], days: pd.Series) -> list[dict[str, Json]]:
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
        told: list[dict[str, Json]] = []
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
    # 24-13-45 is a date in no order: it says nothing about the others.
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

    A clock time is read as written, whatever zone follows it.

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
    blank: Bools,
    order: str,
    forms: dict[str, int],
    *,
    short: bool = False,
) -> None:
    """Read in one order the times that no other has read yet."""
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
    """Return times of day behind the dates of another column, where a table has both.

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
