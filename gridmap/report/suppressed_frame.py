"""Small counts hidden in a single table, as `measure`, `coverage` and `compare` print it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.errors import InputError
from gridmap.report._disclosure import Cells, hide_cells, is_small

__all__ = ["SuppressedFrame", "suppress_frame"]

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class SuppressedFrame:
    """A table with its small counts, and what would tell them, taken out.

    Attributes
    ----------
    rows
        The rows; hidden numbers are NaN.
    hidden
        Where numbers are hidden, one column for each of the rows' columns that can be.
    totals, unassigned
        What all rows carry, and what lies in no row; hidden numbers are NaN.
    hidden_totals, hidden_unassigned
        Names of the numbers hidden there.
    """

    rows: pd.DataFrame
    hidden: pd.DataFrame
    totals: dict[str, float]
    unassigned: dict[str, float]
    hidden_totals: frozenset[str]
    hidden_unassigned: frozenset[str]


def suppress_frame(
    rows: pd.DataFrame,
    limit: int,
    *,
    counts: Sequence[str],
    derived: Mapping[str, Sequence[str]] | None = None,
    parts: Mapping[str, str] | None = None,
    totals: Mapping[str, float] | None = None,
    unassigned: Mapping[str, float] | None = None,
) -> SuppressedFrame:
    """Hide the counts below a limit in a table, and what would tell them.

    A reader is taken to know every number that is shown, that rows and what lies in no row
    add up to the totals, and that a hidden count is at least 1. Other tables about the same
    people or incidents are not considered: a report hides across all of its own tables.

    Parameters
    ----------
    rows
        One row per area.
    limit
        Counts above 0 and below it are hidden; 0 or 1 hides nothing.
    counts
        Columns of counts that add up over the rows.
    derived
        Columns computed from counts, and which: a rate goes with any of them.
    parts
        Columns that are a part of another one, and which one: what is left of it is a
        count too, so ``covered_residents`` goes where few are not covered.
    totals, unassigned
        What all rows carry, and what lies in no row, by column; a count without a total
        stands for itself.

    Raises
    ------
    InputError
        If the limit is negative.

    Examples
    --------
    >>> rows = pd.DataFrame({"residents": [3.0, 9.0, 20.0]})
    >>> suppress_frame(rows, 5, counts=["residents"], totals={"residents": 32.0}).rows[
    ...     "residents"
    ... ].tolist()
    [nan, nan, 20.0]
    """
    if limit < 0:
        raise InputError("report.error.suppress", received=limit)
    every, left = dict(totals or {}), dict(unassigned or {})
    known = [name for name in counts if name in rows.columns]
    hidden = pd.DataFrame({name: np.zeros(len(rows), bool) for name in known}, index=rows.index)
    dark_totals: set[str] = set()
    dark_left: set[str] = set()
    if limit <= 1:
        return SuppressedFrame(rows.copy(), hidden, every, left, frozenset(), frozenset())
    whole = {part: of for part, of in (parts or {}).items() if part in known and of in known}
    alone = [name for name in known if name not in whole and name not in whole.values()]
    groups = [[name] for name in alone]
    groups += [
        [of, *(part for part, other in whole.items() if other == of)]
        for of in dict.fromkeys(whole.values())
    ]
    for names in groups:
        masks = _hide_together(rows, names, limit, every, left)
        for name in names:
            hidden[name] = masks["rows", name]
            dark_totals |= {name} if masks["total", name][0] else set()
            dark_left |= {name} if masks["left", name][0] else set()
    for name, of in (derived or {}).items():
        told = [each for each in of if each in known]
        if name in rows.columns and told:
            hidden[name] = hidden[told].any(axis=1)
            dark_totals |= {name} if dark_totals & set(told) else set()
            dark_left |= {name} if dark_left & set(told) else set()
    shown = rows.copy()
    for name in hidden.columns:
        shown[name] = shown[name].astype(float).mask(hidden[name].to_numpy(dtype=bool))
    return SuppressedFrame(
        shown,
        hidden,
        {name: np.nan if name in dark_totals else value for name, value in every.items()},
        {name: np.nan if name in dark_left else value for name, value in left.items()},
        frozenset(dark_totals),
        frozenset(dark_left),
    )


def _hide_together(
    rows: pd.DataFrame,
    names: Sequence[str],
    limit: int,
    totals: Mapping[str, float],
    unassigned: Mapping[str, float],
) -> dict[tuple[str, str], Bools]:
    """Return masks of a count and its parts: of the rows, the total and what is in no row."""
    cells = Cells()
    for name in names:
        amounts = rows[name].fillna(0.0).to_numpy(dtype=float)
        over = float(unassigned.get(name, 0.0) or 0.0)
        inner = cells.add("rows", name, amounts)
        rest = cells.add("left", name, over)
        total = cells.add("total", name, amounts.sum() + over, shown=name in totals)
        cells.relate(total, np.append(inner, rest), 0)
    first = names[0]
    for name in names[1:]:
        for level in ("rows", "left", "total"):
            of = cells.blocks_at(level, first, "now")
            part = cells.blocks_at(level, name, "now")
            values = np.concatenate(cells.values)
            shown = (level, name, "now") not in cells.unpublished
            others = cells.add(
                f"rest-{level}", name, np.maximum(values[of] - values[part], 0.0), shown=shown
            )
            each = np.arange(len(of))
            cells.relate(of, np.concatenate([part, others]), np.concatenate([each, each]))
    values = np.concatenate(cells.values)
    small, unpublished = is_small(values, limit), np.zeros(len(values), dtype=bool)
    for block in cells.unpublished:
        unpublished[cells.blocks[block]] = True
    small &= ~unpublished
    found = hide_cells(
        values, cells.matrix(), small, limit=limit, hidden=small | unpublished,
        unpublished=unpublished,
    )  # fmt: skip
    masks = {block[:2]: found[place] for block, place in cells.blocks.items()}
    for name in names[1:]:  # who knows the whole and what is left knows the part
        for level in ("rows", "left", "total"):
            masks[level, name] = masks[level, name] | masks[f"rest-{level}", name]
    return masks
