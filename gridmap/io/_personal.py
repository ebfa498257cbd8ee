"""Refusing records of persons: by the names of columns and by the pattern of their values.

The report names columns, never values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridmap.errors import PersonalDataError
from gridmap.i18n import tr
from gridmap.io._person_headings import (
    is_dated,
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
    LABEL_ROUGH,
    NAMED_ROUGH,
    holds_home,
    names_someone,
)
from gridmap.io._person_names import are_foreign_names, are_person_names
from gridmap.io._person_numbers import (
    ID_ROUGH,
    PHONE_ROUGH,
    PLATE_ROUGH,
    SSN_ROUGH,
    are_births,
    are_cards,
    are_devices,
    are_landlines,
    are_local_numbers,
    are_old_ids,
    are_passports,
    are_rounded_ids,
    holds_id,
    holds_landline,
    holds_mobile,
    holds_plate,
    holds_ssn,
    plain_text,
)

__all__ = ["personal_columns", "personal_reason", "refuse_personal", "refuse_personal_columns"]

# Letters that `plain_text` changes: all but those of plain text in Chinese and English.
_ODD = r"[^ -~\x{4e00}-\x{9fa5}、。！]|  |^ | $|[〇零一二三四五六七八九]{7}"
_WORDS = r"^(?:[\u4e00-\u9fa5]|[A-Za-z]{2})"
_SMALL = r"^\d{1,5}(?:\.0+)?\s*[人名个户]?$"
_SCIENTIFIC = r"^\s*\d(?:\.\d+)?[Ee]\+(?:10|17)\s*$"
_LEAST = 13_000_000_000  # the least number that is a mobile's; one of identity is greater
_MOST = 2**63
_TINY = 1_000  # smaller numbers beside telephones stand for "none"
_WHOLE = re.compile(r"^-?\d+(?:\.\d+)?$")
_LOCAL = re.compile(r"^[2-9]\d{6,7}$")
_NUMBERS = f"{ID_ROUGH}|{PHONE_ROUGH}"
_ANY = (
    f"{_NUMBERS}|{HIDDEN_ROUGH}|{SSN_ROUGH}|{LABEL_ROUGH}|{PLATE_ROUGH}|{ACCOUNT_ROUGH}"
    f"|{HOME_ROUGH}|{NAMED_ROUGH}"
)
_PLAIN = re.compile(r"^'|\.0+$")
_SPACED = re.compile(r"^[\dXx]+(?:[ .-][\dXx]+){1,8}$")
_FEW = 5
_SEXES = {"男", "女", "男性", "女性"}
_SAMPLE = 5_000  # rows by which a whole column is judged
_LONGEST = 5_000  # letters that are looked at in one piece
_OVERLAP = 60  # letters that a piece has in common with the next: no pattern is longer by much


def personal_reason(text: str, *, allowed: Collection[str] = ()) -> str:
    """Return what a text that somebody typed is a record of, or blank.

    Parameters
    ----------
    text
        A name, a note, a heading.
    allowed
        Reasons that do not count here: ``account`` where people log in by an address of
        e-mail, ``landline`` where an office's telephone is asked for.

    Notes
    -----
    Names inside a text are not searched for: 高桥, 江南 and 石磊 are places and people.

    Examples
    --------
    >>> personal_reason("联系 138 1234 5678"), personal_reason("三月方案，减少高桥的负担")
    ('mobile', '')
    """
    cells = _as_cells(pd.Series([text], dtype="object"))
    if not _rough(cells, _ANY):
        return ""
    signs = _signs(cells, "", numeric=False)
    return next((reason for reason, told in signs if told and reason not in allowed), "")


def refuse_personal(texts: Mapping[str, str], *, allowed: Collection[str] = ()) -> None:
    """Refuse texts that are records of persons; the refusal names the place, never the text.

    Parameters
    ----------
    texts
        Where a text stands, in the user's words, to the text.
    allowed
        As of `personal_reason`.

    Raises
    ------
    PersonalDataError
        If one of them is a record of persons.
    """
    # Nearly always there is nothing: one pass over all of them says so.
    if not _rough(_as_cells(pd.Series([*texts.values(), ""], dtype="object")), _ANY):
        return
    for where, text in texts.items():
        if reason := personal_reason(text, allowed=allowed):
            raise _refusal(where, reason)


def refuse_personal_columns(frame: pd.DataFrame, *, where: str) -> None:
    """Refuse a table that somebody wants stored, if one of its columns is of persons.

    Parameters
    ----------
    frame
        The columns that would be stored.
    where
        What to call the table.

    Raises
    ------
    PersonalDataError
        If a column is a record of persons; it is named, its values are not.
    """
    found = personal_columns(frame)
    if found:
        column, reason = next(iter(found.items()))
        place = f"{where} · {column}"
        raise _refusal(place, reason)


def _refusal(where: str, reason: str) -> PersonalDataError:
    told = tr(f"io.personal.{reason}")
    return PersonalDataError("io.error.personal_text", where=where, reason=told)


def personal_columns(frame: pd.DataFrame) -> dict[str, str]:
    """Return the columns that look like records of persons, each with the reason.

    Parameters
    ----------
    frame
        A table as it was read; geometry columns are passed over.

    Returns
    -------
    dict
        Column to ``name``, ``id_number``, ``mobile``, ``landline``, ``plate``, ``account``,
        ``address`` or ``birth``. An eighteen-digit number counts as an ID number only with a
        possible birth date and the right check digit; one of fifteen digits, one a spreadsheet
        rounded, a telephone number without a mark, and a name only where nearly the whole
        column is of them. Eleven-digit codes in a column that is called an id are no mobiles:
        codes of Hebei, Shanxi and Inner Mongolia begin with 13 to 15. Properties inside a
        property count as columns of their own.
    """
    found: dict[str, str] = {}
    for column in frame.columns:
        name, values = str(column), frame[column]
        if is_of_persons(name) or personal_reason(name):
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
        frame = pd.DataFrame({name: pd.Series(leaves, dtype="object")})
        if reason := personal_columns(frame):
            return next(iter(reason.values()))
    return ""


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    """Yield the values inside lists and objects, each with the name of the nearest property."""
    waiting = [(name, value)]
    while waiting:  # not by calling itself: a file may nest them a hundred thousand deep
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(str(key), item) for key, item in reversed(value.items())]
        elif isinstance(value, (list, tuple, np.ndarray)):
            waiting += [(name, item) for item in reversed(value)]
        elif isinstance(value, str):
            # JSON may name half of a pair of surrogates, which is no character.
            yield name, value.encode(errors="replace").decode()
        else:
            yield name, value


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
        text = text[np.abs(text) >= _TINY]
        large = text[text >= _LEAST]
        if len(large) < 0.5 * len(text):
            large = large[:0]
        return _of_cells(_as_cells(large), name, numeric=True) or _of_whole_column(
            _as_cells(text), name
        )
    cells = _as_cells(text)
    return _of_cells(cells, name, numeric=False) or _of_whole_column(cells, name)


def _as_cells(values: pd.Series) -> pa.Array:
    """Return plain text, each different one once, and numbers like ``1.3E+10`` in full."""
    text = [str(value) for value in values]
    try:
        cells = pa.array(text, pa.string())
    except UnicodeEncodeError:  # half of a pair of surrogates, which is no character
        cells = pa.array([cell.encode(errors="replace").decode() for cell in text], pa.string())
    cells = pc.unique(cells)
    long = pc.greater(pc.utf8_length(cells), _LONGEST)
    if pc.any(long).as_py():
        pieces = [
            cell[at : at + _LONGEST + _OVERLAP]
            for cell in cells.filter(long).to_pylist()
            for at in range(0, len(cell), _LONGEST)
        ]
        cells = pa.concat_arrays([cells.filter(pc.invert(long)), pa.array(pieces, pa.string())])
    odd = pc.match_substring_regex(cells, f"{_ODD}|{_SCIENTIFIC}")
    if pc.any(odd).as_py():
        made = [_plain_digits(cell) for cell in cells.filter(odd).to_pylist()]
        cells = pc.replace_with_mask(cells, odd, pa.array(made, pa.string()))
    return cells


def _plain_digits(cell: str) -> str:
    plain = plain_text(cell)
    return str(int(Decimal(plain))) if re.match(_SCIENTIFIC, plain) else plain


def _of_cells(cells: pa.Array, name: str, *, numeric: bool) -> str:
    """Return what a column is of, where one cell tells."""
    if not _rough(cells, _NUMBERS if numeric else _ANY):
        return ""
    return next((reason for reason, told in _signs(cells, name, numeric=numeric) if told), "")


def _signs(cells: pa.Array, name: str, *, numeric: bool) -> Iterator[tuple[str, bool]]:
    """Yield what one cell may tell, and whether one does."""
    yield "id_number", _holds_ids(_rough(cells, ID_ROUGH))
    if not is_id(name):
        phones = _rough(cells, PHONE_ROUGH)
        yield "mobile", bool(phones) and _holds_mobiles(cells, phones)
        yield "landline", any(map(holds_landline, phones))
    if numeric:
        return
    yield "name", bool(_rough(cells, LABEL_ROUGH))
    yield "plate", any(map(holds_plate, _rough(cells, PLATE_ROUGH)))
    yield "id_number", bool(_rough(cells, HIDDEN_ROUGH))
    yield "id_number", any(map(holds_ssn, _rough(cells, SSN_ROUGH)))
    yield "account", bool(_rough(cells, ACCOUNT_ROUGH))
    offices = is_of_offices(name)
    yield "address", any(holds_home(cell, offices=offices) for cell in _rough(cells, HOME_ROUGH))
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


def _holds_mobiles(cells: pa.Array, rough: list[str]) -> bool:
    filled = [_PLAIN.sub("", cell) for cell in cells.to_pylist() if cell]
    if not all(map(_WHOLE.match, filled)):
        return any(map(holds_mobile, rough))
    # A sum of seconds or cents has eleven digits now and then; a column of telephone numbers
    # has them in nearly every cell that is not a stand-in for "none", or numbers of the town.
    numbers = [cell for cell in filled if abs(float(cell)) >= _TINY]
    mobiles = sum(map(holds_mobile, numbers))
    local = sum(1 for cell in numbers if _LOCAL.match(cell))
    return mobiles > 0.5 * len(numbers) and mobiles + local > 0.9 * len(numbers)


def _of_whole_column(column: pa.Array, name: str) -> str:
    """Return what a column is of, where only its cells together tell."""
    sample = column.take(np.arange(0, len(column), max(len(column) // _SAMPLE, 1))).to_pylist()
    cells = {_PLAIN.sub("", cell.strip()) for cell in sample} - {"", "0", "-", "无"}
    joined = {re.sub(r"[ .-]", "", cell) if _SPACED.match(cell) else cell for cell in cells}
    signs = _signs_of_all(cells, joined, name)
    return next((reason for reason, told in signs if told), "")


def _signs_of_all(cells: set[str], joined: set[str], name: str) -> Iterator[tuple[str, bool]]:
    """Yield what the different cells of a column may tell together, and whether they do."""
    yield "id_number", are_old_ids(joined) or are_rounded_ids(joined)
    telling = says_what(name)
    if not is_id(name):
        yield "landline", are_landlines(cells) or (is_vague(name) and are_local_numbers(cells))
        yield "account", are_cards(joined) or are_devices(joined)
        yield "id_number", are_passports(cells)
        yield "name", bool(cells) and cells <= _SEXES
        yield "birth", not telling and not is_dated(name) and are_births(cells)
    yield "name", not telling and are_foreign_names(cells)
    # Two names under a heading that tells nothing are names; places take more to be told from.
    yield "name", are_person_names(cells, fewest=8 if telling else 2 if is_vague(name) else 3)
