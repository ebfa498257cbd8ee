"""The sheets of a workbook, whatever wrote it: cells as text, and which of them are merged.

Systems that "export to Excel" write many things under two names: workbooks of today (a zip of
XML, or of records), of OpenDocument, of before 2007, pages of HTML, XML of 2003, and plain text.
How a file begins tells what it is. All are read in a separate, confined process.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from gridmap.errors import InputError, MissingError
from gridmap.fields import FIELDS, fold
from gridmap.gdal.child import several_layers
from gridmap.gdal.sandbox import plain_environment
from gridmap.io import _workbook_child
from gridmap.io._encoding import detect_bytes, header_row, known_names, require_width

_COORDINATES = {
    fold(alias)
    for field in FIELDS
    if field.content == "coordinate"
    for alias in (field.name, *field.aliases)
}


_MOST_MERGED = 20_000_000  # cells filled with what a merged one holds


def read_excel(path: Path, *, sheet: str = "") -> pd.DataFrame:
    """Return a sheet as a table of text, its header row found by the words gridmap knows.

    Where no sheet is named, it is the only one with such a header; of several, the only one
    with coordinates.

    Raises
    ------
    InputError
        If the file is no workbook, or the sheet is empty, or several may be meant.
    MissingError
        If there is no such sheet.
    """
    found = _tables(path, sheet)
    chosen = _choose(_heads(found), path.name)
    return _frame(*found[chosen])


def read_excel_all(path: Path) -> dict[str, pd.DataFrame]:
    """Return the sheets of a workbook whose headers are understood, by name.

    Where any has coordinates, those without are notes and summaries.

    Raises
    ------
    InputError
        If there is none.
    """
    found = _tables(path, "")
    return {name: _frame(*found[name]) for name in _understood(_heads(found))}


def _heads(found: Mapping[str, tuple[list[str], list[list[str]]]]) -> dict[str, list[str]]:
    return {name: head for name, (head, _) in found.items()}


def _tables(path: Path, sheet: str) -> dict[str, tuple[list[str], list[list[str]]]]:
    pages = read_sheets(path)
    if sheet and sheet not in pages:
        raise MissingError(
            "io.error.no_layer", layer=sheet, file=path.name, known=", ".join(pages)
        )
    tables = {name: _table(page, path.name) for name, page in pages.items() if sheet in {"", name}}
    found = {name: table for name, table in tables.items() if table is not None}
    if not found:
        raise InputError("io.error.empty_layer", file=path.name)
    return found


def _frame(header: list[str], body: list[list[str]]) -> pd.DataFrame:
    frame = pd.DataFrame(body, columns=header, dtype="object")
    return frame.loc[:, [bool(name) for name in frame.columns]].astype("str")


def _understood(heads: Mapping[str, list[str]]) -> list[str]:
    found = [name for name, head in heads.items() if known_names(head) >= 2] or list(heads)[:1]
    placed = [name for name in found if any(fold(cell) in _COORDINATES for cell in heads[name])]
    return placed or found


def _choose(heads: dict[str, list[str]], where: str) -> str:
    understood = _understood(heads)
    if len(understood) > 1:
        raise several_layers(where, list(understood))
    return understood[0]


def _table(sheet: Sheet, where: str) -> tuple[list[str], list[list[str]]] | None:
    """Return the names of a sheet's columns and its rows below; None where it has none."""
    width = max((len(row) for row in sheet.rows if any(row)), default=0)
    require_width(width, where)
    if sum(_area(area, len(sheet.rows), width) for area in sheet.merged) > _MOST_MERGED:
        raise InputError("io.error.book_too_large", file=where)
    rows = [[*row[:width], *[""] * (width - len(row))] for row in sheet.rows]
    full = _filled(rows, sheet.merged)
    kept = [at for at, row in enumerate(full) if any(row)]
    if len(kept) < 2:
        return None
    top = header_row([full[at] for at in kept[:-1]])
    # Below the header a cell merged across columns is a remark or a total, not a value of
    # each of them; one merged over rows holds for each row.
    body = [
        (first, last, left, right if first <= kept[top] else left)
        for first, last, left, right in sheet.merged
    ]
    below = _filled(rows, body)
    header = _header([full[at] for at in kept], top)
    return header, [below[at] for at in kept[top + 1 :]]


def _area(merged: tuple[int, int, int, int], height: int, width: int) -> int:
    """Return how many cells of a sheet a merged cell takes."""
    top, bottom, left, right = merged
    return max(min(bottom + 1, height) - top, 0) * max(min(right + 1, width) - left, 0)


def _filled(rows: list[list[str]], merged: list[tuple[int, int, int, int]]) -> list[list[str]]:
    """Return rows in which merged cells all hold what the first one holds."""
    filled = [list(row) for row in rows]
    for top, bottom, left, right in merged:
        if top >= len(rows) or left >= len(rows[top]):
            continue
        for row in filled[top : bottom + 1]:
            row[left : right + 1] = [rows[top][left]] * len(row[left : right + 1])
    return filled


def _header(rows: list[list[str]], top: int) -> list[str]:
    # Two header rows, one of groups and one of names: the lower one is known, and what it
    # leaves blank is named by the row above.
    names: list[str] = []
    for column, value in enumerate(rows[top]):
        name = value
        above = top - 1
        while not name and above >= 0:
            name = rows[above][column]
            above -= 1
        names.append(name.replace("\n", "").strip())
    seen: dict[str, int] = {}
    for at, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if name and seen[name] > 1:
            names[at] = f"{name}_{seen[name]}"
    return names


_OLD = b"\xd0\xcf\x11\xe0"  # how an .xls begins, and a workbook with a password
_HEAD = 4000  # bytes that show what a file is
_MARKUP = 4_000_000  # bytes of a page that show its encoding
# Of the processor; a workbook of a million cells is 6 MB and takes 3.
_SECONDS, _SECONDS_PER_MB = 5, 2.0
_CLOCK_PER_SECOND = 6  # a machine that is busy with other things


@dataclass
class Sheet:
    """One sheet: rows of cells, and merged cells as (top, bottom, left, right), from 0."""

    rows: list[list[str]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


def workbook_form(path: Path) -> str:
    """Return ``book``, ``old`` or ``markup`` for a workbook, and blank for anything else."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_OLD):
        return "old"
    if head.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError):
            return ""  # no archive, or (RuntimeError) one of a newer version than zipfile reads
        document = "content.xml" in names and "mimetype" in names
        return "book" if document or any(name.startswith("xl/") for name in names) else ""
    text = head.replace(b"\0", b"").lower()
    return "markup" if b"<table" in text or b"<workbook" in text or b"<html" in text else ""


def read_sheets(path: Path) -> dict[str, Sheet]:
    """Return the sheets of a workbook by name.

    Raises
    ------
    InputError
        If it cannot be read, has a password, or holds more than is read.
    """
    form = workbook_form(path)
    if not form:
        raise InputError("io.error.cannot_open", file=path.name)
    encoding = ""
    if form == "markup":
        with path.open("rb") as file:
            encoding = detect_bytes(file.read(_MARKUP), where=path.name).name
    done = _run(path, encoding)
    if done.returncode == _workbook_child.LOCKED:
        raise InputError("io.error.locked_book", file=path.name)
    if done.returncode == _workbook_child.LONG_CELL:
        longest = _workbook_child.LONGEST
        raise InputError("io.error.long_cell", file=path.name, limit=longest)
    # Below zero: the system ended it, out of memory or out of time.
    if done.returncode == _workbook_child.TOO_LARGE or done.returncode < 0:
        raise InputError("io.error.book_too_large", file=path.name)
    made: dict[str, Sheet] = {}
    here = Sheet()
    once: dict[str, str] = {}  # a small file may say the same in ten million cells
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        said = json.loads(line)
        if isinstance(said, list):
            here.rows.append([once.setdefault(cell, cell) for cell in said])
        elif "sheet" in said:
            here = Sheet(merged=[(a, b, c, d) for a, b, c, d in said["merged"]])
            made[said["sheet"]] = here
        else:
            return made
    # Of workbooks of before 2007, a password and damage look alike.
    key = "io.error.locked_book" if form == "old" else "io.error.cannot_open"
    raise InputError(key, file=path.name)


def _run(path: Path, encoding: str) -> subprocess.CompletedProcess[bytes]:
    library = importlib.util.find_spec("python_calamine")
    if library is None or library.origin is None:
        message = "python-calamine is not installed"
        raise RuntimeError(message)
    seconds = _SECONDS + int(_SECONDS_PER_MB * path.stat().st_size / 1e6)
    command = [
        sys.executable, "-I", str(Path(_workbook_child.__file__)), str(path.resolve()),
        str(Path(library.origin).parents[1]), str(seconds), encoding,
    ]  # fmt: skip
    try:
        return subprocess.run(  # noqa: S603 - our own script, and no shell
            command,
            capture_output=True,
            timeout=_CLOCK_PER_SECOND * seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            env=plain_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise InputError("io.error.book_too_large", file=path.name) from error
