"""Excel tables as departments keep them: titles above, merged headers, thousands marks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from gridmap.errors import InputError, MissingError
from gridmap.fields import FIELDS, fold
from gridmap.gdal.child import several_layers
from gridmap.io._sheets import Sheet, read_sheets
from gridmap.io._table_head import header_row, known_names, require_width

__all__ = ["read_excel", "read_excel_all"]

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
