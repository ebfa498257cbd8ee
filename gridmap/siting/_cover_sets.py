"""Sets of candidates that cover each demand: fewer rows, fewer columns, a first cover."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["distinct", "distinct_with_groups", "greedy_cover", "reduced"]

_MANY = 2000  # rows beyond which comparing all with all costs more than it saves


def reduced(rows: Flags, price: Floats) -> tuple[Flags, Flags, Flags]:
    """Return places that must open, the rows they leave, and the columns worth a look.

    A demand with one candidate settles it; a candidate whose demands another covers at no
    greater price is left out; a demand that is covered with another is dropped; again and
    again until nothing changes.

    Parameters
    ----------
    rows
        Which candidates cover each demand, shape (n, m).
    price
        What each costs, shape (m,).
    """
    m = rows.shape[1]
    opened, left = np.zeros(m, dtype=bool), np.ones(m, dtype=bool)
    if max(rows.shape) > _MANY:
        return opened, rows, left
    while len(rows):
        size = len(rows), int(left.sum())
        single = rows[:, left].sum(axis=1) == 1
        if single.any():
            must = left & rows[single].any(axis=0)
            opened |= must
            left &= ~must
            rows = rows[~rows[:, must].any(axis=1)]
        columns = np.flatnonzero(left)
        if len(rows) and len(columns):
            out = _held_by_another(rows[:, columns].T, price[columns])
            left[columns[out]] = False
            rows = distinct(rows & left)
        if (len(rows), int(left.sum())) == size:
            break
    return opened, rows, left


def _held_by_another(sets: Flags, price: Floats | None = None) -> Flags:
    """Return which sets lie inside another that costs no more; of equal ones the first stays."""
    packed = np.packbits(sets, axis=1)
    size = sets.sum(axis=1)
    cost = np.zeros(len(sets)) if price is None else price
    held = np.zeros(len(sets), dtype=bool)
    for row in range(len(sets)):
        inside = ((packed & packed[row]) == packed[row]).all(axis=1) & ~held
        better = (size > size[row]) | (cost < cost[row]) | (np.arange(len(sets)) < row)
        held[row] = (inside & (cost <= cost[row]) & better).any()
    return held


def distinct(within: Flags) -> Flags:
    """Return the distinct rows, without those that hold another row whole."""
    rows, _ = distinct_with_groups(within)
    # Whoever covers the smaller set covers the larger one too.
    return rows if len(rows) > _MANY else rows[~_held_by_another(~rows)]


def distinct_with_groups(within: Flags) -> tuple[Flags, Ints]:
    """Return the distinct rows, and which of them each row is."""
    packed = np.packbits(within, axis=1)
    width = packed.shape[1]
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, width))).ravel()
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(within[first]), np.asarray(group)


def greedy_cover(rows: Flags, price: Floats, conflict: Flags) -> Flags | None:
    """Return places that cover all rows, most rows for the price first; None if stuck."""
    opened = np.zeros(rows.shape[1], dtype=bool)
    missing = np.ones(len(rows), dtype=bool)
    allowed = np.ones(rows.shape[1], dtype=bool)
    while missing.any():
        gain = np.where(allowed & ~opened, rows[missing].sum(axis=0) / price, 0.0)
        pick = int(np.argmax(gain))
        if gain[pick] <= 0.0:
            return None
        opened[pick] = True
        missing &= ~rows[:, pick]
        if len(conflict):
            allowed &= ~conflict[pick]
    return opened
