"""Excel tables as departments keep them: titles above, merged headers, thousands marks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from gridmap.errors import InputError, MissingError
from gridmap.fields import FIELDS, fold
from gridmap.io._table_head import header_row, known_names

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

__all__ = ["read_excel"]

_COORDINATES = {
    fold(alias)
    for field in FIELDS
    if field.content == "coordinate"
    for alias in (field.name, *field.aliases)
}
_OLD = b"\xd0\xcf\x11\xe0"  # how an .xls begins, and a workbook with a password


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
    import openpyxl

    with path.open("rb") as file:
        if file.read(4) == _OLD:
            raise InputError("io.error.old_excel", file=path.name)
    try:
        book = openpyxl.load_workbook(path, data_only=True)
    except Exception as error:
        # A damaged workbook raises what its zip, its XML or its styles happen to raise.
        raise InputError("io.error.cannot_open", file=path.name) from error
    names = book.sheetnames
    if sheet and sheet not in names:
        raise MissingError(
            "io.error.no_layer", layer=sheet, file=path.name, known=", ".join(names)
        )
    pages = {page.title: _rows(page) for page in book.worksheets if sheet in {"", page.title}}
    pages = {name: rows for name, rows in pages.items() if len(rows) > 1}
    if not pages:
        raise InputError("io.error.empty_layer", file=path.name)
    rows = pages[_choose(pages, path.name)]
    top = header_row(rows[:-1])
    header = _header(rows, top)
    body = [[_text(value) for value in row] for row in rows[top + 1 :]]
    frame = pd.DataFrame(body, columns=header, dtype="object")
    return frame.loc[:, [bool(name) for name in frame.columns]].astype("str")


def _choose(pages: dict[str, list[list[Any]]], where: str) -> str:
    heads = {name: rows[header_row(rows[:-1])] for name, rows in pages.items()}
    found = [name for name, head in heads.items() if known_names(head) >= 2] or list(pages)[:1]
    placed = [
        name for name in found if any(fold(_text(cell)) in _COORDINATES for cell in heads[name])
    ]
    found = placed if len(placed) == 1 else found
    if len(found) > 1:
        raise InputError("io.error.several_layers", file=where, known=", ".join(found))
    return found[0]


def _rows(page: Worksheet) -> list[list[Any]]:
    """Return the filled rows of a sheet; merged cells all hold what the first one holds."""
    for merged in list(page.merged_cells.ranges):
        value = page.cell(merged.min_row, merged.min_col).value
        page.unmerge_cells(str(merged))
        for row in page.iter_rows(merged.min_row, merged.max_row, merged.min_col, merged.max_col):
            for cell in row:
                cell.value = value
    rows = [list(row) for row in page.iter_rows(values_only=True)]
    return [row for row in rows if any(value not in (None, "") for value in row)]


def _header(rows: list[list[object]], top: int) -> list[str]:
    # Two header rows, one of groups and one of names: the lower one is known, and what it
    # leaves blank is named by the row above.
    names: list[str] = []
    for column, value in enumerate(rows[top]):
        name = _text(value)
        above = top - 1
        while not name and above >= 0:
            name = _text(rows[above][column])
            above -= 1
        names.append(name.replace("\n", "").strip())
    seen: dict[str, int] = {}
    for at, name in enumerate(names):
        seen[name] = seen.get(name, 0) + 1
        if name and seen[name] > 1:
            names[at] = f"{name}_{seen[name]}"
    return names


def _text(value: object) -> str:
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat(sep=" ")) if hasattr(value, "hour") else str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
