"""Turning a column as it was read into ids, counts, numbers or flags."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import InputError, some_ids
from gridmap.typing import Bools, Floats

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
        values = values.astype("object").map(_without_nought, na_action="ignore")
    text = values.astype("object").where(values.notna(), "").astype(str).str.strip()
    broken = text.str.contains(_CONTROL)
    if broken.any():
        text = text.where(~broken, text.str.replace(_CONTROL, " ", regex=True).str.strip())
    return text.where(text != "", None).astype("object")


def as_speeds(values: pd.Series, *, mph: bool = False) -> Floats:
    """Return speeds in km/h, shape (n,); NaN where a cell tells none.

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


def _without_nought(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def as_flags(values: pd.Series) -> Bools:
    """Return True for 1, true, yes, Y, 是, 有 and kinds of bridges; False for anything else."""
    if pd.api.types.is_bool_dtype(values):
        return values.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(values):
        return np.nan_to_num(values.to_numpy(dtype=float, na_value=0.0)) != 0
    text = values.astype("object").where(values.notna(), "").astype(str).str.strip().str.lower()
    return text.isin(_TRUE).to_numpy()
