"""Excel tables as departments keep them: titles above, merged headers, thousands marks."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gridmap.errors import InputError, MissingError
from gridmap.fields import FIELDS, fold

__all__ = ["read_excel"]

_ALIASES = {fold(alias) for field in FIELDS for alias in (field.name, *field.aliases)}


def read_excel(path: Path, *, sheet: str = "") -> pd.DataFrame:
    """Return a sheet as a table of text, its header row found by the words gridmap knows.

    Raises
    ------
    InputError
        If the file is no workbook, or the sheet is empty.
    MissingError
        If there is no such sheet.
    """
    import openpyxl

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
    pages = [book[sheet]] if sheet else [p for p in book.worksheets if p.max_row > 1]
    if not pages:
        raise InputError("io.error.empty_layer", file=path.name)
    page = pages[0]
    for merged in list(page.merged_cells.ranges):
        value = page.cell(merged.min_row, merged.min_col).value
        page.unmerge_cells(str(merged))
        for row in page.iter_rows(merged.min_row, merged.max_row, merged.min_col, merged.max_col):
            for cell in row:
                cell.value = value
    rows = [list(row) for row in page.iter_rows(values_only=True)]
    rows = [row for row in rows if any(value not in (None, "") for value in row)]
    if len(rows) < 2:
        raise InputError("io.error.empty_layer", file=path.name)
    top = max(range(min(8, len(rows) - 1)), key=lambda at: (_known(rows[at]), -at))
    header = _header(rows, top)
    body = [[_text(value) for value in row] for row in rows[top + 1 :]]
    frame = pd.DataFrame(body, columns=header, dtype="object")
    return frame.loc[:, [bool(name) for name in frame.columns]].astype("str")


def _known(row: list[object]) -> int:
    return sum(1 for value in row if value is not None and fold(str(value)) in _ALIASES)


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
