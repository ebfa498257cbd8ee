"""Cell suppression: small counts are hidden, and figures that would reveal them.

Cells are numbers of zero or more. Relations say that some of them, each times a known
coefficient, add up to nothing (a total has the coefficient -1): grids add up to beats and
stations by the shares of ground, rows and columns to totals, months to periods. A reader knows
every cell that is shown and every relation. A small cell is safe when these leave it a range at
least as wide as the small numbers themselves.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import csc_array, csr_array, hstack

from gridmap.typing import Bools, Floats, Ints

#: Level, field and period (``now`` or ``before``) of cells, to which of them are hidden.
Masks: TypeAlias = dict[tuple[str, str, str], Bools]

_LARGEST = 300  # cells that a first linear programme lets move; the others stay
_MANY, _SWEEPS = 20, 8  # suspects from which they are moved together first, and how often
_EPSILON = 1e-6
_FAR = 1e4  # how far a hidden cell that nothing bounds can move at most


@dataclass
class Cells:
    """Cells and relations being gathered.

    Attributes
    ----------
    decided
        Which cells of some blocks are hidden: these and no others, whatever else is.
    values
        Values of the cells, one array for each block added.
    blocks
        Where each block begins.
    unpublished
        Which cells of some blocks are never shown.
    rests
        Blocks of estimates, and what is left of what they are a part of.
    """

    decided: Masks = field(default_factory=dict)
    values: list[Floats] = field(default_factory=list)
    blocks: dict[tuple[str, str, str], slice] = field(default_factory=dict)
    unpublished: Masks = field(default_factory=dict)
    rests: dict[tuple[str, str, str], Floats] = field(default_factory=dict)
    _size: int = 0
    _rows: list[Ints] = field(default_factory=list)
    _columns: list[Ints] = field(default_factory=list)
    _data: list[Floats] = field(default_factory=list)
    _relations: int = 0

    def add(
        self,
        level: str,
        name: str,
        values: npt.ArrayLike,
        *,
        when: str = "now",
        shown: npt.ArrayLike = True,
        rest: npt.ArrayLike | None = None,
    ) -> Ints:
        """Add a block of cells and return their places.

        Parameters
        ----------
        level, name, when
            What to call the block.
        values : (n,)
            The cells, zero or more.
        shown
            Whether they are ever shown, all or each.
        rest : (n,)
            Of estimates from published ground, what is left of what they are a part of. An
            estimate is no count of persons to be protected, but a small one is not printed
            either, nor one with a small rest.
        """
        numbers = np.atleast_1d(np.asarray(values, dtype=np.float64))
        place = slice(self._size, self._size + len(numbers))
        self.blocks[level, name, when] = place
        self.values.append(numbers)
        self._size += len(numbers)
        never = ~np.broadcast_to(np.asarray(shown, dtype=bool), numbers.shape)
        if never.any():
            self.unpublished[level, name, when] = never
        if rest is not None:
            self.rests[level, name, when] = np.atleast_1d(np.asarray(rest, dtype=np.float64))
        return np.arange(place.start, place.stop)

    def places(self, level: str, name: str, when: str = "now") -> Ints:
        """Return the places of a block that was added."""
        place = self.blocks[level, name, when]
        return np.arange(place.start, place.stop)

    def at(self, level: str, name: str, *, when: str = "now") -> Ints | None:
        """Return the places of a block, or None where there is none."""
        there = (level, name, when) in self.blocks
        return self.places(level, name, when) if there else None

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
        found = csr_array((entries, places), shape=(self._relations, self._size))
        found.eliminate_zeros()
        return found

    def hide(self, limit: float) -> Masks:
        """Return which cells of each block to hide so that nobody can derive a small one."""
        if not self.values:
            return {}
        values = np.concatenate(self.values)
        small = is_small(values, limit)
        hidden, fixed, unpublished = small.copy(), np.zeros_like(small), np.zeros_like(small)
        for block, place in self.blocks.items():
            if block in self.unpublished:
                unpublished[place] = self.unpublished[block]
                hidden[place] |= unpublished[place]
                small[place] &= ~unpublished[place]
            elif block in self.decided:
                hidden[place] = self.decided[block]
                fixed[place] = ~self.decided[block]
                small[place] &= self.decided[block]
            if block in self.rests:
                hidden[place] |= is_small(self.rests[block], limit)
                small[place] = False
        found = hide_cells(
            values, self.matrix(), small, limit=limit, hidden=hidden, unpublished=unpublished,
            fixed=fixed,
        )  # fmt: skip
        return {block: found[place] for block, place in self.blocks.items()}


def is_small(values: Floats, limit: float) -> Bools:
    """Return which values are above 0 and below the limit."""
    return (values > _EPSILON) & (values < limit - _EPSILON)


def hide_cells(
    values: Floats,
    relations: csr_array,
    small: Bools,
    *,
    limit: float,
    hidden: Bools,
    unpublished: Bools | None = None,
    fixed: Bools | None = None,
) -> Bools:
    """Return which cells to hide.

    Parameters
    ----------
    values : (n,)
        The cells, zero or more.
    relations : (m, n)
        Coefficients of each relation.
    small : (n,)
        Cells to protect.
    limit
        Counts above 0 and below it are small.
    hidden : (n,)
        Cells hidden in any case: the small ones, and those never shown.
    unpublished : (n,)
        Cells of which a reader does not even see that they are hidden, so that they may be
        zero; none if None.
    fixed : (n,)
        Cells that are shown whatever happens; none if None.

    Notes
    -----
    A reader knows every shown cell, every relation, and that a hidden cell is at least 1.
    Two readers are defended against. The first also knows which hidden cells are small, so
    that those lie within ``1 .. limit - 1``: each of these values must stay possible,
    wherever hiding more can make it so (four cells whose total is small are all 1). The
    second does not know: a range of at least ``limit - 1`` must remain.

    Cells that stand in the same relations with the same coefficients can trade places
    unseen. For each other small cell a linear programme finds the cheapest way for it to
    move to either end, with what is hidden already for nothing; the shown cells that it
    moves are hidden too (Fischetti and Salazar-Gonzalez 2001, *Journal of the American
    Statistical Association* 96). Zeros are shown and stay.
    """
    floor = np.minimum(values, 1.0)
    if unpublished is not None:
        floor = np.where(unpublished, 0.0, floor)
    may_hide = values > 0
    if fixed is not None:
        may_hide &= ~fixed
    dark = hidden
    for greatest, width in ((limit - 1.0, limit - 2.0), (np.inf, limit - 1.0)):
        ceiling = np.where(small, np.maximum(greatest, values), np.inf)
        goal = np.maximum(np.minimum(floor + width, ceiling), values)
        bounds = floor, ceiling, goal
        search = _HidingSearch(values, relations, small, limit, (dark.copy(), may_hide), bounds)
        for cell in search.suspects().tolist():
            search.free(cell, last_resort=bool(np.isinf(greatest)))
        dark = search.dark
    return dark


def _signatures(columns: csc_array) -> Ints:
    """Return a number for each cell that cells with equal columns share."""
    known: dict[bytes, int] = {}
    found = np.empty(columns.shape[1], dtype=np.int64)
    columns.sort_indices()
    for cell in range(columns.shape[1]):
        piece = slice(columns.indptr[cell], columns.indptr[cell + 1])
        key = columns.indices[piece].tobytes() + columns.data[piece].tobytes()
        found[cell] = known.setdefault(key, len(known))
    return found


class _HidingSearch:
    """Cells being hidden, and how far each is known to be able to move.

    ``masks`` are the cells that are hidden and those that may be. ``bounds`` are the least and
    the greatest value that a reader takes each hidden cell to have, and the value that a small
    cell must be able to reach; it must reach the least too.
    """

    def __init__(
        self,
        values: Floats,
        relations: csr_array,
        small: Bools,
        limit: float,
        masks: tuple[Bools, Bools],
        bounds: tuple[Floats, Floats, Floats],
    ) -> None:
        self.values = values
        self.relations = relations
        self.columns = relations.tocsc()
        self.small = small
        self.limit = limit
        self.dark, self.may_hide = masks
        self.floor, self.ceiling, self.goal = bounds
        self._twins = _signatures(self.columns)
        # Every solution met on the way is one that a reader cannot rule out, and stays so
        # when more is hidden: most cells are cleared by programmes solved for others.
        self._low, self._high = values.copy(), values.copy()
        self._rng = np.random.default_rng(0)

    def suspects(self) -> Ints:
        """Return the small cells that are not known to be safe."""
        count = int(self._twins.max(initial=-1)) + 1
        down = np.where(self.dark, self.values - self.floor, 0.0)
        up = np.where(self.dark, np.minimum(self.ceiling, _FAR + self.values) - self.values, 0.0)
        # What the twins of a cell can take from it and give to it.
        take = np.bincount(self._twins, weights=up, minlength=count)[self._twins] - up
        give = np.bincount(self._twins, weights=down, minlength=count)[self._twins] - down
        calm = (take >= down - _EPSILON) & (give >= self.goal - self.values - _EPSILON)
        held = np.diff(self.columns.indptr) > 0  # in no relation: nothing reveals it
        suspects = np.flatnonzero(self.small & self.dark & held & ~calm)
        for _ in range(_SWEEPS):
            if len(suspects) < _MANY:
                break
            self._sweep(suspects)
            suspects = suspects[~self._moved(suspects)]
        return suspects

    def _sweep(self, suspects: Ints) -> None:
        """Move many cells at once: half of the suspects up, the others down, at random."""
        cells = np.flatnonzero(self.dark)
        rows = np.unique(self.columns[:, cells].indices)
        known = self.relations[rows][:, cells]
        aim = np.zeros(len(cells))
        aim[np.searchsorted(cells, suspects)] = self._rng.choice([-1.0, 1.0], len(suspects))
        truth, most = self.values[cells], 2.0 * self.limit
        # Each may move a little only, so that many move.
        solved = linprog(
            aim,
            A_eq=known,
            b_eq=known @ truth,
            bounds=np.column_stack([
                np.maximum(truth - most, self.floor[cells]),
                np.minimum(truth + most, self.ceiling[cells]),
            ]),
            method="highs",
        )  # fmt: skip
        if solved.status == 0:  # else it is ill-conditioned, and nothing is learnt
            self._meet(cells, np.asarray(solved.x, dtype=np.float64))

    def free(self, cell: int, *, last_resort: bool) -> None:
        """Hide what a small cell needs so that nobody can derive it.

        As a ``last_resort``, for a cell that cannot move whatever is hidden, every cell that
        shares a relation with it is hidden too.
        """
        low, high = self._limits(cell)
        least = max(float(self.floor[cell]), low)  # a sum of others that are 1 at least is more
        width = float(self.goal[cell] - self.floor[cell])
        goal = min(max(least + width, float(self.values[cell])), high)
        free = [self._free(cell, end) for end in (least, goal)]
        if last_resort and not all(free):
            # Rare: as where all the rest are zeros.
            rows = np.unique(self.columns[:, [cell]].indices)
            near = np.unique(self.relations[rows].indices)
            self.dark[near[self.may_hide[near]]] = True

    def _limits(self, cell: int) -> tuple[float, float]:
        """Return between what each relation of a cell holds it, whatever is hidden."""
        low, high = -np.inf, np.inf
        for row in self.columns.indices[slice(*self.columns.indptr[cell : cell + 2])].tolist():
            place = slice(*self.relations.indptr[row : row + 2])
            cells, factors = self.relations.indices[place], self.relations.data[place]
            values = self.values[cells]
            may = self.dark[cells] | self.may_hide[cells]
            ends = factors * np.where(may, (self.floor[cells], self.ceiling[cells]), values)
            here = cells == cell
            least, most = np.sort(ends, axis=0)[:, ~here].sum(axis=1)
            own = float(factors[here].sum())
            rest = (float(factors @ values) - np.array([most, least])) / own
            low, high = max(low, rest.min()), min(high, rest.max())
        return float(low), float(high)

    def _free(self, cell: int, end: float) -> bool:
        """Hide what a small cell needs to move to one end of its range, if it can."""
        if self._low[cell] - _EPSILON <= end <= self._high[cell] + _EPSILON:
            return True
        movable = self.dark | self.may_hide
        held = 0
        for most in (_LARGEST, 8 * _LARGEST, len(self.values)):
            cells, rows = _tangle(self.relations, self.columns, movable, cell, most=most)
            if len(cells) == held:
                break  # there are no more than were looked at
            held = len(cells)
            point = self._way(cell, end, cells, self.relations[rows][:, cells])
            if point is not None:
                self.dark[cells[np.abs(point - self.values[cells]) > _EPSILON]] = True
                self._meet(cells, point)
                return True
        return False

    def _way(self, cell: int, end: float, cells: Ints, known: csr_array) -> Floats | None:
        """Return a point where a cell has moved to an end, at the least cost."""
        values = self.values[cells]
        cost = np.where(self.dark[cells], _EPSILON, 1.0 + np.log1p(values))
        here = cells == cell
        step = end - self.values[cell]
        up = np.column_stack([
            np.where(here, max(step, 0.0), 0.0),
            np.where(here, max(step, 0.0), self.ceiling[cells] - values),
        ])  # fmt: skip
        down = np.column_stack([
            np.where(here, max(-step, 0.0), 0.0),
            np.where(here, max(-step, 0.0), values - self.floor[cells]),
        ])  # fmt: skip
        solved = linprog(
            np.append(cost, cost),
            A_eq=hstack([known, -known], format="csr"),
            b_eq=np.zeros(known.shape[0]),
            bounds=np.vstack([up, down]),
            method="highs",
        )
        if solved.status != 0:
            return None
        moved = np.asarray(solved.x, dtype=np.float64)
        return np.asarray(values + moved[: len(cells)] - moved[len(cells) :], dtype=np.float64)

    def _meet(self, cells: Ints, point: Floats) -> None:
        """Remember a point that a reader cannot rule out."""
        self._low[cells] = np.minimum(self._low[cells], point)
        self._high[cells] = np.maximum(self._high[cells], point)

    def _moved(self, cells: Ints) -> Bools:
        """Return which cells are known to be able to move to both ends."""
        low = self._low[cells] <= self.floor[cells] + _EPSILON
        return np.asarray(low & (self._high[cells] >= self.goal[cells] - _EPSILON), dtype=bool)


def _tangle(
    relations: csr_array, columns: csc_array, dark: Bools, cell: int, *, most: int
) -> tuple[Ints, Ints]:
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
        row = heapq.heappop(waiting)[1]
        near = relations.indices[relations.indptr[row] : relations.indptr[row + 1]]
        for other in near[dark[near]][: most - len(cells)].tolist():
            if other not in cells:
                cells.add(other)
                open_rows(other)
    found = np.array(sorted(cells), dtype=np.int64)
    return found, np.unique(columns[:, found].indices).astype(np.int64)
