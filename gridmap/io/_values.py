"""Turning a column as it was read into ids, counts, numbers or flags."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import InputError, some_ids

__all__ = ["as_flags", "as_ids", "as_numbers", "as_texts"]

_BLANK = {"", "-", "--", "/", "无", "null", "none", "nan", "n/a", "na", "空"}
_TRUE = {"1", "true", "t", "yes", "y", "是", "有", "ft", "tf", "b", "-1", "oneway"}
_MARKS = re.compile(r"[,，\s_'’]|人$|户$|件$|起$|个$")


def as_numbers(
    values: pd.Series, *, column: str, where: str, finite: bool = False
) -> NDArray[np.float64]:
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
    clean = text.map(lambda cell: _MARKS.sub("", unicodedata.normalize("NFKC", cell).strip()))
    blank = clean.str.lower().isin(_BLANK).to_numpy()
    plain[rows] = pd.to_numeric(clean.where(~blank, None), errors="coerce").to_numpy(
        dtype=float, na_value=np.nan
    )
    wrong = np.zeros(len(values), dtype=bool)
    wrong[rows[~blank]] = np.isnan(plain[rows[~blank]])
    _refuse(wrong | (np.isinf(plain) & finite), column, where)
    return plain


def _refuse(wrong: NDArray[np.bool_], column: str, where: str) -> None:
    if wrong.any():
        raise InputError(
            "io.error.not_numbers",
            column=column,
            file=where,
            count=int(wrong.sum()),
            rows=some_ids(np.flatnonzero(wrong) + 1),
        )


def as_ids(values: pd.Series) -> NDArray[np.object_]:
    """Return ids as text; ``3100.0`` becomes ``3100`` and leading zeros stay."""
    if pd.api.types.is_float_dtype(values):
        whole = values.map(lambda v: "" if pd.isna(v) else str(int(v)) if v == int(v) else str(v))
        return whole.to_numpy(dtype=object)
    text = values.astype("object").where(values.notna(), "").astype(str).str.strip()
    return text.to_numpy(dtype=object)


def as_texts(values: pd.Series) -> pd.Series:
    """Return stripped text; None where a cell is blank."""
    text = values.astype("object").where(values.notna(), "").astype(str).str.strip()
    return text.where(text != "", None).astype("object")


def as_flags(values: pd.Series) -> NDArray[np.bool_]:
    """Return True for 1, true, yes, Y, 是, 有, FT, TF and -1; False for anything else."""
    if pd.api.types.is_bool_dtype(values):
        return values.to_numpy(dtype=bool)
    if pd.api.types.is_numeric_dtype(values):
        return np.nan_to_num(values.to_numpy(dtype=float, na_value=0.0)) != 0
    text = values.astype("object").where(values.notna(), "").astype(str).str.strip().str.lower()
    return text.isin(_TRUE).to_numpy()
