"""Reading CSV and its kin: separator, header row and encoding are found, text stays text."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from gridmap.errors import GridmapError, InputError
from gridmap.io._encoding import Encoding, detect_bytes
from gridmap.io._raw import Source
from gridmap.io._table_head import header_row, known_names, require_width

__all__ = ["csv_columns", "read_csv", "read_csv_parts"]

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
    return Source(_named(frame), None, found, "CSV")


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
            yield Source(_named(frame).reset_index(drop=True), None, found, "CSV")


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


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that have a name: what stands beside a table is not of it."""
    frame.columns = _clean_names(frame.columns)
    nameless = [bool(_NAMELESS.match(name)) for name in frame.columns]
    return frame.loc[:, [not without for without in nameless]] if any(nameless) else frame


def _clean_names(names: Iterable[object]) -> list[str]:
    return [str(name).strip().strip('"').lstrip("\ufeff") for name in names]
