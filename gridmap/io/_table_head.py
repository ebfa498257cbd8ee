"""Which row of a table names its columns: departments put titles and notes above it."""

from __future__ import annotations

from collections.abc import Sequence

from gridmap.errors import InputError
from gridmap.fields import FIELDS, fold

__all__ = ["header_row", "known_names", "require_width"]

_ALIASES = {fold(alias) for field in FIELDS for alias in (field.name, *field.aliases)}
_DEEPEST = 12
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
