"""Which published numbers to hide so that small ones cannot be worked out from the others.

Cells are numbers of zero or more; relations say that some of them, each times a known
coefficient, add up to nothing (a total has the coefficient -1). Whoever reads a report
knows every cell that is shown and every relation. A small cell is safe when these leave it
a range at least as wide as the small numbers themselves.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import csc_array, csr_array

__all__ = ["Cells", "feasible_range", "hide_cells", "is_small"]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

_LARGEST = 300  # cells that one linear programme lets move; the others count as known
_ROUNDS = 100
_EPSILON = 1e-6
_FAR = 1e4  # hidden cells that nothing bounds are tried up to this much more


@dataclass
class Cells:
    """Cells and relations being gathered.

    Attributes
    ----------
    values
        Values of the cells, one array for each block added.
    blocks
        Where each block stands.
    unpublished
        Blocks that are never shown.
    """

    values: list[Floats] = field(default_factory=list)
    blocks: dict[tuple[str, str, str], slice] = field(default_factory=dict)
    unpublished: set[tuple[str, str, str]] = field(default_factory=set)
    _size: int = 0
    _rows: list[npt.NDArray[np.int64]] = field(default_factory=list)
    _columns: list[npt.NDArray[np.int64]] = field(default_factory=list)
    _data: list[Floats] = field(default_factory=list)
    _relations: int = 0

    def add(
        self,
        level: str,
        name: str,
        values: npt.ArrayLike,
        *,
        when: str = "now",
        shown: bool = True,
    ) -> npt.NDArray[np.int64]:
        """Add a block of cells and return their places."""
        numbers = np.atleast_1d(np.asarray(values, dtype=np.float64))
        place = slice(self._size, self._size + len(numbers))
        self.blocks[level, name, when] = place
        self.values.append(numbers)
        self._size += len(numbers)
        if not shown:
            self.unpublished.add((level, name, when))
        return np.arange(place.start, place.stop)

    def at(self, level: str, name: str, *, when: str = "now") -> npt.NDArray[np.int64] | None:
        """Return the places of a block, or None where there is none."""
        place = self.blocks.get((level, name, when))
        return None if place is None else np.arange(place.start, place.stop)

    def relate(
        self,
        total: npt.ArrayLike,
        parts: npt.ArrayLike,
        row: npt.ArrayLike,
        share: npt.ArrayLike = 1.0,
    ) -> None:
        """Say that each total is the sum of its parts, times their shares.

        Parameters
        ----------
        total : (m,)
            Places of the totals.
        parts, row, share : (k,)
            Places of the parts, the row of each part's total, and its share.
        """
        totals = np.atleast_1d(np.asarray(total, dtype=np.int64))
        pieces = np.atleast_1d(np.asarray(parts, dtype=np.int64))
        rows = np.broadcast_to(np.asarray(row, dtype=np.int64), pieces.shape)
        shares = np.broadcast_to(np.asarray(share, dtype=np.float64), pieces.shape)
        self._rows += [self._relations + np.arange(len(totals)), self._relations + rows]
        self._columns += [totals, pieces]
        self._data += [np.full(len(totals), -1.0), shares]
        self._relations += len(totals)

    def matrix(self) -> csr_array:
        """Return the relations, shape (relations, cells)."""
        if not self._rows:
            return csr_array((0, self._size))
        entries = np.concatenate(self._data)
        places = (np.concatenate(self._rows), np.concatenate(self._columns))
        return csr_array((entries, places), shape=(self._relations, self._size))


def is_small(values: Floats, limit: float) -> Bools:
    """Return which values are above 0 and below the limit."""
    return (values > _EPSILON) & (values < limit - _EPSILON)


def hide_cells(
    values: Floats, relations: csr_array, small: Bools, *, limit: float, hidden: Bools
) -> Bools:
    """Return which cells to hide.

    Parameters
    ----------
    values : (n,)
        The cells, zero or more.
    relations : (m, n)
        Coefficients of each relation.
    small : (n,)
        Cells to keep safe.
    limit
        A safe cell has a range of at least ``limit - 1``.
    hidden : (n,)
        Cells hidden in any case: the small ones, and those never shown.

    Notes
    -----
    Each unsafe cell gets a companion: first a cell that stands in the same relations with
    the same coefficients (the two can trade places unseen), else the least large one that
    shares a relation; until a linear programme finds every small cell safe.
    """
    search = _Search(values, relations, small, limit, hidden.copy())
    for _ in range(_ROUNDS):
        unsafe = search.unsafe()
        if not len(unsafe):
            return search.dark
        for cell in unsafe:
            search.hide_companion(int(cell))
    # Rare: what could not be made safe by single companions goes dark with its relations.
    touched = relations[np.unique(search.columns[:, unsafe].indices)]
    search.dark[np.unique(touched.indices)] = True
    return search.dark


def feasible_range(
    values: Floats, relations: csr_array, dark: Bools, cell: int
) -> tuple[float, float]:
    """Return the least and greatest value that what is shown leaves a hidden cell.

    ``values`` of hidden cells enter only through the sums that the shown ones make known.
    """
    cells, rows = _tangle(relations, relations.tocsc(), dark, cell, most=len(values))
    known = relations[rows][:, cells]
    ends = [_extreme(known, values[cells], cells == cell, sign) for sign in (1.0, -1.0)]
    place = int(np.searchsorted(cells, cell))
    return float(ends[0][place]), float(ends[1][place])


def _signatures(columns: csc_array) -> npt.NDArray[np.int64]:
    """Return a number for each cell that cells with equal columns share."""
    known: dict[bytes, int] = {}
    found = np.empty(columns.shape[1], dtype=np.int64)
    columns.sort_indices()
    for cell in range(columns.shape[1]):
        piece = slice(columns.indptr[cell], columns.indptr[cell + 1])
        key = columns.indices[piece].tobytes() + columns.data[piece].tobytes()
        found[cell] = known.setdefault(key, len(known))
    return found


class _Search:
    """Cells going dark, and how far each is known to be able to move."""

    def __init__(
        self, values: Floats, relations: csr_array, small: Bools, limit: float, dark: Bools
    ) -> None:
        self.values = values
        self.relations = relations
        self.columns = relations.tocsc()
        self.small = small
        self.limit = limit
        self.dark = dark
        self._twins = _signatures(self.columns)
        # Every solution met on the way is one that a reader cannot rule out, and stays so
        # when more goes dark: most cells are cleared by programmes solved for others.
        self._low, self._high = values.copy(), values.copy()

    def unsafe(self) -> npt.NDArray[np.int64]:
        """Return the small cells that can still be worked out too closely."""
        count = int(self._twins.max(initial=-1)) + 1
        mates = np.bincount(self._twins[self.dark], minlength=count)
        mass = np.bincount(self._twins[self.dark], weights=self.values[self.dark], minlength=count)
        calm = (mates >= 2) & (mass >= self.limit - 1)
        suspects = np.flatnonzero(self.small & self.dark & ~calm[self._twins])
        found = [cell for cell in suspects.tolist() if not self._is_free(cell)]
        return np.array(found, dtype=np.int64)

    def _is_free(self, cell: int) -> bool:
        if self.columns.indptr[cell] == self.columns.indptr[cell + 1]:
            return True  # in no relation: nothing tells it
        if self._moves(cell):
            return True
        cells, rows = _tangle(self.relations, self.columns, self.dark, cell)
        known = self.relations[rows][:, cells]
        for sign in (-1.0, 1.0):
            point = _extreme(known, self.values[cells], cells == cell, sign)
            self._low[cells] = np.minimum(self._low[cells], point)
            self._high[cells] = np.maximum(self._high[cells], point)
            if self._moves(cell):
                return True
        return False

    def _moves(self, cell: int) -> bool:
        return bool(self._high[cell] - self._low[cell] >= self.limit - 1 - _EPSILON)

    def hide_companion(self, cell: int) -> None:
        """Hide one more cell for a small one's sake."""
        shown = ~self.dark & (self.values > 0)
        same = np.flatnonzero((self._twins == self._twins[cell]) & shown)
        if not len(same):
            rows = np.unique(self.columns[:, [cell]].indices)
            near = np.unique(self.relations[rows].indices)
            same = near[shown[near]]
        if not len(same):
            # Its neighbours are hidden already: reach through them.
            _, rows = _tangle(self.relations, self.columns, self.dark, cell)
            near = np.unique(self.relations[rows].indices)
            same = near[shown[near]]
        if len(same):
            large = same[self.values[same] >= self.limit - 1]
            pick = large if len(large) else same
            self.dark[pick[np.argmin(self.values[pick])]] = True


def _tangle(
    relations: csr_array, columns: csc_array, dark: Bools, cell: int, *, most: int = _LARGEST
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the hidden cells that hang together with one, and every relation they stand in.

    Short relations are followed first. Where more than ``most`` cells hang together the rest
    count as known: who can move with fewer helpers can move with more.
    """
    cells, seen = {cell}, set()
    waiting: list[tuple[int, int]] = []

    def open_rows(here: int) -> None:
        for row in columns.indices[columns.indptr[here] : columns.indptr[here + 1]].tolist():
            if row not in seen:
                seen.add(row)
                size = int(relations.indptr[row + 1] - relations.indptr[row])
                heapq.heappush(waiting, (size, row))

    open_rows(cell)
    while waiting and len(cells) < most:
        _, row = heapq.heappop(waiting)
        near = relations.indices[relations.indptr[row] : relations.indptr[row + 1]]
        for other in near[dark[near]][: most - len(cells)].tolist():
            if other not in cells:
                cells.add(other)
                open_rows(other)
    found = np.array(sorted(cells), dtype=np.int64)
    return found, np.unique(columns[:, found].indices).astype(np.int64)


def _extreme(known: csr_array, truth: Floats, aim: Bools, sign: float) -> Floats:
    """Return a point that what is shown allows, where the cell aimed at is least or most."""
    solved = linprog(
        sign * aim.astype(float),
        A_eq=known,
        b_eq=known @ truth,
        bounds=(0, float(truth.sum()) + _FAR),
        method="highs",
    )
    # Too ill-conditioned to solve: the cell counts as known.
    return np.asarray(solved.x, dtype=np.float64) if solved.status == 0 else truth
