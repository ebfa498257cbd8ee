"""Refusing records of persons: by the names of columns and by the pattern of their values.

The report names columns, never values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridmap.io._person_headings import (
    is_id,
    is_of_offices,
    is_of_persons,
    is_of_roles,
    is_vague,
    may_be_of_staff,
    says_what,
)
from gridmap.io._person_marks import (
    ACCOUNT_ROUGH,
    HIDDEN_ROUGH,
    HOME_ROUGH,
    NAMED_ROUGH,
    ROOM_ROUGH,
    US_ROUGH,
    names_someone,
)
from gridmap.io._person_names import are_person_names
from gridmap.io._person_numbers import (
    ID_ROUGH,
    LANDLINE_ROUGH,
    MOBILE,
    MOBILE_ROUGH,
    PLATE,
    PLATE_ROUGH,
    are_cards,
    are_landlines,
    are_local_numbers,
    are_old_ids,
    are_rounded_ids,
    holds_id,
    holds_landline,
)

__all__ = ["personal_columns"]

_LABELLED = (
    r"(?:姓名|身份证|证件号码?|联系人|联系电话|手机号?码?|户主|报警人|当事人|嫌疑人|受害人|负责人|网格员)"
    r"[\"'”]?\s*(?:[:：=]|</t[dh]>)"
    r"|(?:电话|手机|[Tt][Ee][Ll])[^0-9]{0,4}[0-9][0-9 -]{5,}[0-9]"
)
_WIDE = r"[\x{ff10}-\x{ff19}]"
_WORDS = r"^(?:[\u4e00-\u9fa5]|[A-Za-z]{2})"
_TO_HALF = {0xFF10 + digit: str(digit) for digit in range(10)}
_SMALL = r"^[\d０-９]{1,5}(?:\.0+)?\s*[人名个户]?$"
_NUMBER = re.compile(r"^-?\d+(?:\.\d+)?$")
_SCIENTIFIC = r"^\s*\d(?:\.\d+)?[Ee]\+(?:10|17)\s*$"
_LEAST = 13_000_000_000  # the least number that is a mobile's; one of identity is greater
_MOST = 2**63
_NUMBERS = f"{ID_ROUGH}|{MOBILE_ROUGH}|{LANDLINE_ROUGH}"
_HIDDEN = f"{HIDDEN_ROUGH}|{US_ROUGH}"
_ANY = (
    f"{_NUMBERS}|{_HIDDEN}|{_LABELLED}|{PLATE_ROUGH}|{ACCOUNT_ROUGH}|{HOME_ROUGH}|{ROOM_ROUGH}"
    f"|{NAMED_ROUGH}"
)
_PLAIN = re.compile(r"^'|\.0+$")
_FEW = 5
_SEXES = {"男", "女", "男性", "女性"}
_SAMPLE = 5_000  # rows by which a whole column is judged


def personal_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Return the columns that look like records of persons, each with the reason.

    Parameters
    ----------
    frame
        A table as it was read; geometry columns are passed over.

    Returns
    -------
    dict
        Column to ``name``, ``id_number``, ``mobile``, ``landline``, ``plate``, ``account`` or
        ``address``. An eighteen-digit number counts as an ID number only with a possible birth
        date and the right check digit; one of fifteen digits, one that a spreadsheet has
        rounded, a telephone number without a mark, and a name only where nearly the whole
        column is of them. Eleven-digit codes in a column that is called an id are no mobiles:
        codes of Hebei, Shanxi and Inner Mongolia begin with 13 to 15. Properties inside a
        property count as columns of their own.
    """
    found: dict[str, str] = {}
    for column in frame.columns:
        name, values = str(column), frame[column]
        if is_of_persons(name):
            found[name] = "name"
            continue
        if values.dtype.kind in "bMm" or values.dtype == "geometry":
            continue
        if (is_of_roles(name) and not _are_few(values)) or (
            may_be_of_staff(name) and _are_words(values)
        ):
            found[name] = "name"
            continue
        reason = _pattern(values, name) or _inside(values)
        if reason:
            found[name] = reason
    return found


def _filled(values: pd.Series) -> pd.Series:
    filled = values.dropna().astype(str).str.strip()
    return filled[filled != ""]


def _are_few(values: pd.Series) -> bool:
    """Return whether a column holds small numbers: how many, not who."""
    filled = _filled(values)
    return bool(len(filled)) and bool(filled.str.match(_SMALL).all())


def _are_words(values: pd.Series) -> bool:
    filled = _filled(values)
    return bool(len(filled)) and bool(filled.str.contains(_WORDS).mean() > 0.5)


def _inside(values: pd.Series) -> str:
    """Return what the properties inside a column are records of, where its cells are objects."""
    if values.dtype.kind in "iuf":
        return ""
    text = values.dropna()
    nested = pc.match_substring_regex(pa.array(text.astype(str), pa.string()), r"^\s*[\[{]")
    text = text[nested.to_numpy(zero_copy_only=False)]
    made: dict[str, list[object]] = {}
    for cell in text:
        try:
            value = json.loads(cell) if isinstance(cell, str) else cell
        except (ValueError, RecursionError):
            continue
        for name, leaf in _leaves(value, "value"):
            made.setdefault(name, []).append(leaf)
    for name, leaves in made.items():
        if reason := personal_columns(pd.DataFrame({name: leaves})):
            return next(iter(reason.values()))
    return ""


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, name)
    else:
        # JSON may name half of a pair of surrogates, which is no character.
        yield name, value.encode(errors="replace").decode() if isinstance(value, str) else value


def _pattern(values: pd.Series, name: str) -> str:
    """Return what a column's values are records of, or blank."""
    text = values.dropna()
    numeric = text.dtype.kind in "iuf"
    if text.dtype.kind == "f":
        # Whole numbers beside blanks are read as floats.
        whole = text[(np.abs(text) < _MOST) & (text % 1 == 0)]
        if len(whole) < 0.9 * len(text):
            return ""
        text = whole.astype("int64")
    if numeric:
        text = text[text != 0]
        large = text[text >= _LEAST]
        if len(large) < 0.9 * len(text) and values.dtype.kind == "f":
            large = large[:0]
        return _of_cells(_as_cells(large), name, numeric=True) or _of_whole_column(
            _as_cells(text), name
        )
    cells = _as_cells(text)
    return _of_cells(cells, name, numeric=False) or _of_whole_column(cells, name)


def _as_cells(values: pd.Series) -> pa.Array:
    """Return text, full width as half, numbers that a spreadsheet wrote as ``1.3E+10`` in full."""
    cells = pa.array(values.astype(str), pa.string())
    odd = pc.match_substring_regex(cells, f"{_WIDE}|{_SCIENTIFIC}")
    if pc.any(odd).as_py():
        made = [_plain_digits(cell) for cell in cells.filter(odd).to_pylist()]
        cells = pc.replace_with_mask(cells, odd, pa.array(made, pa.string()))
    return cells


def _plain_digits(cell: str) -> str:
    half = cell.translate(_TO_HALF)
    return str(int(Decimal(half))) if re.match(_SCIENTIFIC, half) else half


def _of_cells(cells: pa.Array, name: str, *, numeric: bool) -> str:
    """Return what a column is of, where one cell tells."""
    if not _rough(cells, _NUMBERS if numeric else _ANY):
        return ""
    return next((reason for reason, told in _signs(cells, name, numeric=numeric) if told), "")


def _signs(cells: pa.Array, name: str, *, numeric: bool) -> Iterator[tuple[str, bool]]:
    """Yield what one cell may tell, and whether one does."""
    yield "id_number", _holds_ids(_rough(cells, ID_ROUGH))
    if not is_id(name):
        yield "mobile", bool(_rough(cells, MOBILE_ROUGH)) and _holds_mobiles(cells)
        yield "landline", any(map(holds_landline, _rough(cells, LANDLINE_ROUGH)))
    if numeric:
        return
    yield "name", bool(_rough(cells, _LABELLED))
    yield "plate", any(PLATE.search(cell.upper()) for cell in _rough(cells, PLATE_ROUGH))
    yield "id_number", bool(_rough(cells, _HIDDEN))
    yield "account", bool(_rough(cells, ACCOUNT_ROUGH))
    homes = HOME_ROUGH if is_of_offices(name) else f"{HOME_ROUGH}|{ROOM_ROUGH}"
    yield "address", bool(_rough(cells, homes))
    yield "name", any(map(names_someone, _rough(cells, NAMED_ROUGH)))


def _rough(cells: pa.Array, pattern: str) -> list[str]:
    """Return, after a quick pass over all cells, the few that may match at all."""
    return list(cells.filter(pc.match_substring_regex(cells, pattern)).to_pylist())


def _holds_ids(rough: list[str]) -> bool:
    """Return whether identity numbers are among numbers like them, not by chance.

    Case numbers are a region, a day and a count: one of eleven has the right check digit.
    """
    hits = sum(map(holds_id, rough))
    return hits > 0 and (len(rough) < _FEW or hits > 0.3 * len(rough))


def _holds_mobiles(cells: pa.Array) -> bool:
    filled = pd.Series(cells.to_pylist(), dtype="object")
    filled = filled[filled.str.strip() != ""].str.replace(r"^(\d+)\.0+$", r"\1", regex=True)
    hits = filled.str.contains(MOBILE)
    # A sum of seconds or cents has eleven digits now and then; a column of telephone
    # numbers has them in nearly every cell.
    numeric = bool(len(filled)) and bool(filled.str.match(_NUMBER).all())
    return bool(hits.mean() > 0.9) if numeric else bool(hits.any())


def _of_whole_column(column: pa.Array, name: str) -> str:
    """Return what a column is of, where only its cells together tell."""
    sample = column.take(np.arange(0, len(column), max(len(column) // _SAMPLE, 1))).to_pylist()
    cells = {_PLAIN.sub("", cell.strip()) for cell in sample} - {""}
    if are_old_ids(cells) or are_rounded_ids(cells):
        return "id_number"
    if not is_id(name):
        if are_landlines(cells) or (is_vague(name) and are_local_numbers(cells)):
            return "landline"
        if are_cards(cells):
            return "account"
        if cells and cells <= _SEXES:
            return "name"
    # Two names under a heading that tells nothing are names; places take more to be told from.
    fewest = 8 if says_what(name) else 2 if is_vague(name) else 3
    return "name" if are_person_names(cells, fewest=fewest) else ""
