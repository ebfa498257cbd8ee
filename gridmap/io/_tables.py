"""Reading CSV and its kin: separator, header row and encoding are found, text stays text."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridmap.errors import GridmapError, InputError
from gridmap.fields import FIELDS, fold
from gridmap.io._encoding import Encoding, Source, detect_bytes

_ALIASES = {fold(alias) for field in FIELDS for alias in (field.name, *field.aliases)}
_DEEPEST = 12
_LONGEST = 1_000_000  # letters of a cell: an outline of 25,000 points as WKT
_WIDEST = 2_000  # columns: each is searched for records of persons


def require_width(columns: int, where: str) -> None:
    """Refuse a table of more columns than any that people make.

    Raises
    ------
    InputError
        If there are more than 2,000.
    """
    if columns > _WIDEST:
        raise InputError("io.error.too_many_columns", file=where, count=columns, limit=_WIDEST)


def known_names(cells: Sequence[object]) -> int:
    """Return how many cells are names of columns that gridmap understands.

    >>> known_names(["编号", "名称", "备注"])
    2
    """
    return sum(1 for cell in cells if cell is not None and fold(str(cell)) in _ALIASES)


def header_row(rows: Sequence[Sequence[object]]) -> int:
    """Return the row that names the columns: the first, or a later one that is clearly it.

    A later row counts only if it has two known names, or one below titles, and more of them than
    any row above.

    >>> header_row([["2024年警务室统计表", ""], ["编号", "名称"], ["001", "东门"]])
    1
    """
    known = [known_names(row) for row in rows[:_DEEPEST]]
    if not known:
        return 0
    best = max(range(len(known)), key=lambda at: (known[at], -at))
    if known[best] >= 2:
        return best
    # One known name is enough below titles: rows that say one thing only.
    titled = all(len(_said(row)) <= 1 for row in rows[:best])
    return best if known[best] and titled and len(_said(rows[best])) > 1 else 0


def _said(row: Sequence[object]) -> set[str]:
    return {str(cell).strip() for cell in row if cell is not None} - {""}


_HEAD = 4_000_000  # bytes that show an encoding
_LINES = 12  # that a header row may be among
_SEPARATORS = (",", "\t", ";", "|")
_ERRORS = (
    pd.errors.ParserError,
    pd.errors.EmptyDataError,
    pd.errors.ParserWarning,  # rows with more cells than the header: told, not cut
    UnicodeDecodeError,
    ValueError,
    csv.Error,
)
_NAMELESS = re.compile(r"^Unnamed: \d+$")


def read_csv(path: Path, *, encoding: str = "") -> Source:
    """Read a table of text.

    Raises
    ------
    InputError
        If the file is no table.
    EncodingError
        If its encoding cannot be found, or is not the one asked for.
    """
    found, options = _options(path, encoding)
    with _strictly(path):
        frame = pd.read_csv(path, **options)
    return Source(_checked(frame, path), None, found, "CSV")


def read_csv_parts(path: Path, *, encoding: str = "", rows: int = 250_000) -> Iterator[Source]:
    """Yield a large table in parts of at most so many rows, each as a source of its own.

    Raises
    ------
    InputError
        If the file is no table.
    EncodingError
        If its encoding cannot be found, or is not the one asked for.
    """
    found, options = _options(path, encoding)
    with _strictly(path), pd.read_csv(path, chunksize=rows, **options) as parts:
        for frame in parts:
            yield Source(_checked(frame, path).reset_index(drop=True), None, found, "CSV")


def csv_columns(path: Path, *, encoding: str = "", only: Iterable[str] = ()) -> pd.DataFrame:
    """Return some columns of a table, or no rows at all but the names of its columns."""
    _, options = _options(path, encoding)
    try:
        names = _clean_names(pd.read_csv(path, nrows=0, **options).columns)
        wanted = [name for name in names if name in set(only)]
        if not wanted:
            return pd.DataFrame(columns=names)
        places = [names.index(name) for name in wanted]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
            frame = pd.read_csv(path, usecols=places, **options)
    except _ERRORS as error:
        raise InputError("io.error.bad_table", file=path.name) from error
    frame.columns = wanted
    return frame


def _options(path: Path, encoding: str) -> tuple[Encoding, dict[str, Any]]:
    with path.open("rb") as file:
        found = detect_bytes(file.read(_HEAD), asked=encoding, where=path.name)
    try:
        with path.open(encoding=found.name, errors="strict", newline=None) as file:
            lines = [file.readline(1_000_000) for _ in range(_LINES)]
    except UnicodeError as error:  # also of a UTF-16 without its mark
        raise InputError("io.error.bad_table", file=path.name) from error
    separator, top = _shape(lines)
    require_width(max(line.count(separator) for line in lines) + 1, path.name)
    _refuse_nul(path, found.name)
    return found, {
        "sep": separator,
        "skiprows": top,
        "index_col": False,
        "dtype": str,
        "keep_default_na": False,
        "encoding": found.name,
        "skipinitialspace": True,
        "low_memory": False,
    }


def _refuse_nul(path: Path, encoding: str) -> None:
    """Refuse a table with zero bytes: a file that was cut off while it was written, or no text."""
    if encoding.startswith(("utf-16", "utf-32")):
        return
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 24), b""):
            if b"\0" in chunk:
                raise InputError("io.error.nul_bytes", file=path.name)


def _shape(lines: list[str]) -> tuple[str, int]:
    """Return the separator, and the number of lines above the one that names the columns."""
    best: tuple[int, str, int] = (1, "", 0)
    for separator in _SEPARATORS:
        cells = [[cell.strip(' "\ufeff\n') for cell in line.split(separator)] for line in lines]
        top = header_row(cells)
        known = known_names(cells[top])
        if known > best[0]:
            best = (known, separator, top)
    if best[1]:
        return best[1], best[2]
    first = next((line for line in lines if line.strip()), "")
    return max(_SEPARATORS, key=first.count), 0


@contextmanager
def _strictly(path: Path) -> Iterator[None]:
    """Refuse what is no table, and rows with more cells than the header."""
    try:
        with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
            yield
    except GridmapError:
        raise
    except _ERRORS as error:
        raise InputError("io.error.bad_table", file=path.name) from error


def _checked(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the named columns of a table whose cells are no longer than people make them."""
    for at in range(len(frame.columns)):
        longest = pc.max(pc.utf8_length(pa.array(frame.iloc[:, at], pa.large_string()))).as_py()
        if longest is not None and longest > _LONGEST:
            raise InputError("io.error.long_cell", file=path.name, limit=_LONGEST)
    return _named(frame)


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that have a name: anything beside a table is not part of it."""
    frame.columns = _clean_names(frame.columns)
    nameless = [bool(_NAMELESS.match(name)) for name in frame.columns]
    return frame.loc[:, [not without for without in nameless]] if any(nameless) else frame


def _clean_names(names: Iterable[object]) -> list[str]:
    return [str(name).strip().strip('"').lstrip("\ufeff") for name in names]
