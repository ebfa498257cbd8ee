"""The sheets of a workbook, whatever wrote it: cells and which of them are merged.

Systems that "export to Excel" write five things under two names: workbooks of today (a zip of
XML), of before 2007, pages of HTML, XML of 2003, and plain text. What a file is, is told by
how it begins.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridmap.errors import InputError
from gridmap.io._encoding import detect_bytes

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet
    from xlrd.sheet import Cell

__all__ = ["Sheet", "read_sheets", "workbook_form"]

_OLD = b"\xd0\xcf\x11\xe0"  # how an .xls begins, and a workbook with a password
_HEAD = 4000  # bytes that show what a file is
_ROWS = {"tr", "row"}
_CELLS = {"td", "th", "cell"}


@dataclass
class Sheet:
    """One sheet: rows of cells, and merged cells as (top, bottom, left, right), from 0."""

    rows: list[list[Any]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


def workbook_form(path: Path) -> str:
    """Return ``xlsx``, ``xls`` or ``markup`` for a workbook, and blank for anything else."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_OLD):
        return "xls"
    if head.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError):
            return ""
        return "xlsx" if any(name.startswith("xl/") for name in names) else ""
    text = head.replace(b"\0", b"").lower()
    return "markup" if b"<table" in text or b"<workbook" in text or b"<html" in text else ""


def read_sheets(path: Path) -> dict[str, Sheet]:
    """Return the sheets of a workbook by name.

    Raises
    ------
    InputError
        If it cannot be read, or has a password.
    """
    read = _READERS.get(workbook_form(path))
    if read is None:
        raise InputError("io.error.cannot_open", file=path.name)
    return read(path)


def _read_new(path: Path) -> dict[str, Sheet]:
    import openpyxl

    try:
        # The library judges a path by its ending, and these end in anything.
        with path.open("rb") as file:
            book = openpyxl.load_workbook(file, data_only=True)
    except Exception as error:
        # A damaged workbook raises what its zip, its XML or its styles happen to raise.
        raise InputError("io.error.cannot_open", file=path.name) from error
    return {page.title: _of_page(page) for page in book.worksheets}


def _of_page(page: Worksheet) -> Sheet:
    merged = [
        (area.min_row - 1, area.max_row - 1, area.min_col - 1, area.max_col - 1)
        for area in page.merged_cells.ranges
    ]
    return Sheet([list(row) for row in page.iter_rows(values_only=True)], merged)


def _read_old(path: Path) -> dict[str, Sheet]:
    import xlrd

    try:
        # Merged cells are known only with the formatting; remarks of the library go nowhere.
        book = xlrd.open_workbook(path, formatting_info=True, logfile=io.StringIO())
    except Exception as error:
        # A password and damage look alike here: the library raises a dozen kinds of errors.
        raise InputError("io.error.locked_book", file=path.name) from error
    sheets = {}
    for page in book.sheets():
        rows = [
            [_old_value(cell, book.datemode) for cell in page.row(at)] for at in range(page.nrows)
        ]
        merged = [(top, end - 1, left, right - 1) for top, end, left, right in page.merged_cells]
        sheets[page.name] = Sheet(rows, merged)
    return sheets


def _old_value(cell: Cell, datemode: int) -> object:
    import xlrd

    if cell.ctype == xlrd.XL_CELL_DATE:
        # Below one day it is a time of day.
        if cell.value < 1:
            return timedelta(days=cell.value)
        return xlrd.xldate_as_datetime(cell.value, datemode)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "#N/A")
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    return None if cell.ctype in {xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK} else cell.value


def _read_markup(path: Path) -> dict[str, Sheet]:
    raw = path.read_bytes()
    parser = _Tables()
    parser.feed(raw.decode(detect_bytes(raw, where=path.name).name, errors="replace"))
    parser.close()
    return {f"{at}": sheet for at, sheet in enumerate(parser.sheets, 1)}


class _Tables(HTMLParser):
    """Gathers the tables of a page, and the worksheets of Excel's XML of 2003."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sheets: list[Sheet] = []
        self._text: list[str] | None = None
        self._span = (1, 1)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a table, a row or a cell."""
        said = {name: value or "" for name, value in attrs}
        name = tag.rpartition(":")[2]
        if name == "table":
            self._close()
            self.sheets.append(Sheet())
        elif name in _ROWS and self.sheets:
            self._close()
            self.sheets[-1].rows.append([])
        elif name in _CELLS and self.sheets and self.sheets[-1].rows:
            self._close()
            row = self.sheets[-1].rows[-1]
            # A cell may say its place, where blank ones before it are left out.
            while len(row) < _number(said.get("ss:index", "")) - 1:
                row.append(None)
            down = _number(said.get("ss:mergedown", "")) + 1
            across = _number(said.get("ss:mergeacross", "")) + 1
            self._span = (
                max(_number(said.get("rowspan", "")), down),
                max(_number(said.get("colspan", "")), across),
            )
            self._text = []

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        name = tag.rpartition(":")[2]
        if name in _CELLS or name in _ROWS or name == "table":
            self._close()

    def handle_data(self, data: str) -> None:
        """Gather the text of a cell."""
        if self._text is not None:
            self._text.append(data)

    def _close(self) -> None:
        if self._text is None:
            return
        sheet, (down, across) = self.sheets[-1], self._span
        row, top = sheet.rows[-1], len(sheet.rows) - 1
        # A cell that hangs down from a row above takes its place in this one.
        while any(t < top <= b and left <= len(row) <= r for t, b, left, r in sheet.merged):
            row.append(None)
        if down > 1 or across > 1:
            sheet.merged.append((top, top + down - 1, len(row), len(row) + across - 1))
        row += ["".join(self._text).strip(), *[None] * (across - 1)]
        self._text = None


def _number(text: str) -> int:
    return min(int(text), 10_000) if text.isdecimal() else 0


_READERS: dict[str, Callable[[Path], dict[str, Sheet]]] = {
    "xlsx": _read_new,
    "xls": _read_old,
    "markup": _read_markup,
}
