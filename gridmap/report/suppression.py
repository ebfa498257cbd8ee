"""Small counts of residents and incidents hidden, with what would tell them.

Cells are numbers of zero or more: every count that a report shows, by grid, beat, station and
time, of both periods. Relations say that some of them, each times a known coefficient, add up
to nothing (a total has the coefficient -1): grids add up to beats and stations by the shares
of ground, rows and columns to totals, months to periods. Whoever reads a report knows every
cell that is shown and every relation. A small cell is safe when these leave it a range at
least as wide as the small numbers themselves.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import linprog
from scipy.sparse import csc_array, csr_array, hstack

from gridmap.errors import InputError
from gridmap.measure import covered_share
from gridmap.measure.period import Period
from gridmap.measure.summary import COUNTS, By, count_together, membership_of, people_layer
from gridmap.model import Kind
from gridmap.report.measured import Measured, Reach

__all__ = [
    "Cells",
    "Hiding",
    "SuppressedFrame",
    "hide_cells",
    "hide_counts",
    "is_small",
    "suppress_frame",
]

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
_LARGEST = 300  # cells that a first linear programme lets move; the others stay
_MANY, _SWEEPS = 20, 8  # suspects from which they are moved together first, and how often
_EPSILON = 1e-6
_FAR = 1e4  # how far a hidden cell that nothing bounds can move at most
_SLIVER = 1e-4
_Shares = tuple[Rows, Rows, Floats]  # grid, row, share of the grid


@dataclass(frozen=True, slots=True, eq=False)
class Hiding:
    """Masks of hidden figures.

    Parameters
    ----------
    limit
        Counts above 0 and below it are hidden; 0 hides nothing.
    masks
        ``(level, field, now or before)`` to a mask over the level's rows. Totals stand under
        level ``city``, what is in no row under ``outside-LEVEL``, each as a mask of one.
    """

    limit: int = 0
    masks: dict[tuple[str, str, str], Bools] = field(default_factory=dict)

    def of(self, level: str, name: str, length: int, *, when: str = "now") -> Bools:
        """Return the mask of a level's field, shape (length,)."""
        found = self.masks.get((level, name, when))
        return np.zeros(length, dtype=bool) if found is None else found

    def one(self, level: str, name: str, *, when: str = "now") -> bool:
        """Return whether a single figure is hidden."""
        return bool(self.of(level, name, 1, when=when)[0])

    @property
    def count(self) -> int:
        """Number of figures hidden."""
        return int(sum(mask.sum() for mask in self.masks.values()))


def hide_counts(measured: Measured, limit: int) -> Hiding:
    """Return which counts to hide so that none below the limit is shown or can be worked out.

    Parameters
    ----------
    measured
        What a report shows.
    limit
        Counts above 0 and below it are small; 0 or 1 hides nothing.
    """
    if limit <= 1 or not measured.now:
        return Hiding(limit if limit > 1 else 0)
    levels: tuple[By, ...] = ("beat", "station", "community")
    shares: dict[str, _Shares | None] = {level: _shares(measured, level) for level in levels}
    if measured.present is not None:
        held = np.flatnonzero(measured.present.assignment >= 0)
        rows = measured.present.assignment[held].astype(np.int64)
        shares["present"] = (held, rows, np.ones(len(held)))
    masks: dict[tuple[str, str, str], npt.NDArray[np.bool_]] = {}
    for name in COUNTS:
        masks |= _solve(_people(measured, name, shares), limit)
    masks |= _solve(_incidents(measured, shares), limit)
    return Hiding(limit, masks)


def _solve(cells: Cells, limit: int) -> dict[tuple[str, str, str], npt.NDArray[np.bool_]]:
    if not cells.values:
        return {}
    values = np.concatenate(cells.values)
    small = is_small(values, limit)
    hidden = small.copy()
    unpublished = np.zeros(len(values), dtype=bool)
    for block in cells.unpublished:
        hidden[cells.blocks[block]] = True
        small[cells.blocks[block]] = False
        unpublished[cells.blocks[block]] = True
    for (level, name, when), place in cells.blocks.items():
        if name != "covered_residents" and level != "network":
            continue
        # Estimates from published ground: never a count of persons by themselves, but a
        # small one is not printed either, nor a small rest.
        people = cells.at("city" if level == "network" else level, "residents", when=when)
        rest = values[people] - values[place] if people is not None else values[place]
        hidden[place] |= is_small(rest, limit)
        small[place] = False
    found = hide_cells(
        values, cells.matrix(), small, limit=limit, hidden=hidden, unpublished=unpublished
    )
    return {block: found[place] for block, place in cells.blocks.items()}


def _people(measured: Measured, name: str, shares: dict[str, _Shares | None]) -> Cells:
    """Return the cells of residents, migrants or households."""
    cells = Cells()
    tables = {str(level): table for level, table in measured.now.items()}
    if any(name in table.missing for table in tables.values()):
        return cells
    city = cells.add("city", name, next(iter(tables.values())).totals[name])
    for level, table in tables.items():
        rows = cells.add(level, name, table.rows[name])
        outside = cells.add(f"outside-{level}", name, table.unassigned[name])
        cells.relate(city, np.append(rows, outside), 0)
    people = people_layer(measured.city)
    grids = None if people is None else cells.at(str(people.kind), name)
    if people is None or grids is None:
        return cells
    values = people.counts(name)
    if measured.present is not None:
        cells.add("present", name, measured.present.totals(values))
    reach = _reach(measured) if name == "residents" else None
    if reach is not None:
        covered = cells.add("city", "covered_residents", float(values @ reach))
        cells.relate(covered, grids, 0, reach)
    if name == "residents" and measured.reach is not None:
        _relate_reach(cells, measured.reach, grids, values)
    for level, found in shares.items():
        places = cells.at(level, name)
        if places is None or found is None:
            continue
        grid, row, share = found
        cells.relate(places, grids[grid], row, share)
        if reach is not None:
            amounts = np.bincount(
                row, weights=share * (values * reach)[grid], minlength=len(places)
            ).astype(float)
            within = cells.add(level, "covered_residents", amounts)
            cells.relate(within, grids[grid], row, share * reach[grid])
    return cells


def _relate_reach(cells: Cells, reach: Reach, grids: Rows, residents: Floats) -> None:
    """Relate the residents of grids to those of the nearest rooms and within each network."""
    rooms = cells.add("room", "residents", reach.rooms["residents"])
    cells.relate(rooms, grids[reach.grid], reach.room, reach.part)
    everyone = cells.add("rooms", "residents", reach.rooms["residents"].sum())
    cells.relate(everyone, rooms, 0)
    for network, share in reach.networks.items():
        within = cells.add("network", network, float(residents @ share))
        held = np.flatnonzero(share > 0)
        cells.relate(within, grids[held], 0, share[held])


def _incidents(measured: Measured, shares: dict[str, _Shares | None]) -> Cells:
    """Return the cells of incidents by place and by time, of both periods."""
    cells = Cells()
    if any("incidents" in table.missing for table in measured.now.values()):
        return cells
    for when, tables in (("now", measured.now), ("before", measured.before)):
        if not tables:
            continue
        city = cells.add("city", "incidents", next(iter(tables.values())).totals["incidents"],
                         when=when)  # fmt: skip
        shown = {level: table for level, table in tables.items()
                 if level != "grid" or when == "now"}  # fmt: skip
        for level, table in shown.items():
            rows = cells.add(level, "incidents", table.rows["incidents"], when=when)
            outside = cells.add(
                f"outside-{level}", "incidents", table.unassigned["incidents"], when=when
            )
            cells.relate(city, np.append(rows, outside), 0)
        if measured.city.incidents is not None:
            _relate_points(measured, cells, list(shown), when)
        grids = cells.at("grid", "incidents", when=when)
        if grids is None:
            continue
        if measured.present is not None:
            counts = tables["grid"].rows["incidents"].to_numpy(dtype=float)
            cells.add("present", "incidents", measured.present.totals(counts))
        # Points are related by where they lie; counts of grids are shared out like people.
        for place, found in shares.items():
            sums = cells.at(place, "incidents")
            added = place == "present" or measured.city.incidents is None
            if added and sums is not None and found is not None:
                grid, row, share = found
                cells.relate(sums, grids[grid], row, share)
    _add_times(measured, cells)
    return cells


def _relate_points(measured: Measured, cells: Cells, levels: list[By], when: str) -> None:
    """Relate points in grids, beats, stations ... by what they are in at once.

    The first level's rows that lie in one row of each other level stand for themselves. What
    lies in each part of another is a cell that is never shown: its parts add up to it, and
    to the rows on the other side.
    """
    if len(levels) < 2:
        return
    period = measured.period if when == "now" else measured.compared
    assert period is not None  # noqa: S101 - there is a table of it
    places, counts = count_together(
        measured.city, levels, since=period.since, until=period.until, plan=measured.plan
    )
    rows = {
        level: np.concatenate([
            cells.places(f"outside-{level}", "incidents", when),
            cells.places(level, "incidents", when),
        ])
        for level in levels
    }  # fmt: skip
    first = rows[levels[0]]
    base = places[:, 0] + 1
    parted = np.bincount(base, minlength=len(first)) > 1
    atoms = first[base]
    cut = np.flatnonzero(parted[base])
    if len(cut):
        atoms = atoms.copy()
        atoms[cut] = cells.add(f"part-{levels[0]}", "incidents", counts[cut], when=when,
                               shown=False)  # fmt: skip
        wholes = np.flatnonzero(parted)
        cells.relate(first[wholes], atoms[cut], np.searchsorted(wholes, base[cut]))
    for place, level in enumerate(levels[1:], start=1):
        cells.relate(rows[level], atoms, places[:, place] + 1)


def _add_times(measured: Measured, cells: Cells) -> None:
    """Add counts by hour, category and month."""
    city = cells.at("city", "incidents")
    if city is None or measured.time is None:
        return
    time = measured.time
    hours = cells.add("hours", "incidents", time.hours.ravel())
    hour = cells.add("hour", "incidents", time.hours.sum(axis=1))
    day = cells.add("day", "incidents", time.hours.sum(axis=0))
    timed = cells.add("timed", "incidents", time.hours.sum())
    untimed = cells.add("untimed", "incidents", time.unknown_time)
    cells.relate(hour, hours, np.repeat(np.arange(24), 7))
    cells.relate(day, hours, np.tile(np.arange(7), 24))
    cells.relate(timed, day, 0)
    cells.relate(city, np.append(timed, untimed), 0)
    for when, counts in (("now", time), ("before", measured.time_before)):
        total = cells.at("city", "incidents", when=when)
        if counts is None or total is None:
            continue
        names = np.append(counts.categories, counts.unknown_category)
        cells.relate(total, cells.add("category", "incidents", names, when=when), 0)
    if not measured.months:
        return
    months = cells.add("month", "incidents", measured.month_counts)
    for period, total in (
        (measured.period, cells.at("timed", "incidents")),
        (measured.compared, cells.at("city", "incidents", when="before")),
    ):
        inside = _months_of(measured, period)
        if total is not None and inside is not None and inside.any():
            cells.relate(total, months[inside], 0)


def _months_of(measured: Measured, period: Period | None) -> npt.NDArray[np.bool_] | None:
    """Return which months make up a period, or None where they do not."""
    if period is None or (period.unit == "range" and not period.whole_months):
        return None
    if period.first is None or period.last is None:
        return np.ones(len(measured.months), dtype=bool)
    first, last = f"{period.first:%Y-%m}", f"{period.last:%Y-%m}"
    return np.array([first <= month <= last for month in measured.months])


def _reach(measured: Measured) -> Floats | None:
    city, people = measured.city, people_layer(measured.city)
    if people is None or not city.has(Kind.ROOM):
        return None
    return covered_share(people.geometry, city.room_xy, radius_m=city.presets.room_radius_m)


def _shares(measured: Measured, level: By) -> _Shares | None:
    """Return which share of which grid lies in which row of a level."""
    people = people_layer(measured.city)
    if people is None or people.kind == level or level not in measured.now:
        return None  # the rows of people themselves are what is shared out
    found = membership_of(measured.city, by=level, plan=measured.plan)
    return None if found is None else _entries(found.shares)


def _entries(shares: csr_array) -> _Shares:
    """Return the shares without slivers: whole numbers tell nothing of them."""
    table = shares.tocoo()
    data = np.where(table.data > 1.0 - _SLIVER, 1.0, table.data)
    keep = data > _SLIVER
    return table.row[keep].astype(np.int64), table.col[keep].astype(np.int64), data[keep]


@dataclass(frozen=True, slots=True, eq=False)
class SuppressedFrame:
    """A table with its small counts, and what would tell them, taken out.

    Attributes
    ----------
    rows, hidden
        The rows with hidden numbers as NaN, and where those are, by column.
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
            of = cells.places(level, first)
            part = cells.places(level, name)
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
    _rows: list[Rows] = field(default_factory=list)
    _columns: list[Rows] = field(default_factory=list)
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
    ) -> Rows:
        """Add a block of cells and return their places."""
        numbers = np.atleast_1d(np.asarray(values, dtype=np.float64))
        place = slice(self._size, self._size + len(numbers))
        self.blocks[level, name, when] = place
        self.values.append(numbers)
        self._size += len(numbers)
        if not shown:
            self.unpublished.add((level, name, when))
        return np.arange(place.start, place.stop)

    def places(self, level: str, name: str, when: str = "now") -> Rows:
        """Return the places of a block that was added."""
        place = self.blocks[level, name, when]
        return np.arange(place.start, place.stop)

    def at(self, level: str, name: str, *, when: str = "now") -> Rows | None:
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
        return csr_array((entries, places), shape=(self._relations, self._size))


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
    dark = hidden
    for greatest, width in ((limit - 1.0, limit - 2.0), (np.inf, limit - 1.0)):
        ceiling = np.where(small, np.maximum(greatest, values), np.inf)
        goal = np.maximum(np.minimum(floor + width, ceiling), values)
        search = _Search(values, relations, small, limit, dark.copy(), (floor, ceiling, goal))
        for cell in search.suspects().tolist():
            search.free(cell, last_resort=bool(np.isinf(greatest)))
        dark = search.dark
    return dark


def _signatures(columns: csc_array) -> Rows:
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
    """Cells being hidden, and how far each is known to be able to move.

    ``bounds`` are the least and the greatest value that a reader takes each hidden cell to
    have, and the value that a small cell must be able to reach; it must reach the least too.
    """

    def __init__(
        self,
        values: Floats,
        relations: csr_array,
        small: Bools,
        limit: float,
        dark: Bools,
        bounds: tuple[Floats, Floats, Floats],
    ) -> None:
        self.values = values
        self.relations = relations
        self.columns = relations.tocsc()
        self.small = small
        self.limit = limit
        self.dark = dark
        self.floor, self.ceiling, self.goal = bounds
        self._twins = _signatures(self.columns)
        # Every solution met on the way is one that a reader cannot rule out, and stays so
        # when more is hidden: most cells are cleared by programmes solved for others.
        self._low, self._high = values.copy(), values.copy()
        self._rng = np.random.default_rng(0)

    def suspects(self) -> Rows:
        """Return the small cells that are not known to be safe."""
        count = int(self._twins.max(initial=-1)) + 1
        down = np.where(self.dark, self.values - self.floor, 0.0)
        up = np.where(self.dark, np.minimum(self.ceiling, _FAR + self.values) - self.values, 0.0)
        # What the twins of a cell can take from it and give to it.
        take = np.bincount(self._twins, weights=up, minlength=count)[self._twins] - up
        give = np.bincount(self._twins, weights=down, minlength=count)[self._twins] - down
        calm = (take >= down - _EPSILON) & (give >= self.goal - self.values - _EPSILON)
        held = np.diff(self.columns.indptr) > 0  # in no relation: nothing tells it
        suspects = np.flatnonzero(self.small & self.dark & held & ~calm)
        for _ in range(_SWEEPS):
            if len(suspects) < _MANY:
                break
            self._sweep(suspects)
            suspects = suspects[~self._moved(suspects)]
        return suspects

    def _sweep(self, suspects: Rows) -> None:
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
        """Hide what a small cell needs so that nobody can tell it.

        As a ``last_resort``, a cell that cannot move whatever is hidden takes everything
        that it stands in a relation with along.
        """
        free = [self._free(cell, float(end)) for end in (self.floor[cell], self.goal[cell])]
        if last_resort and not all(free):
            # Rare: as where all the rest are zeros.
            rows = np.unique(self.columns[:, [cell]].indices)
            near = np.unique(self.relations[rows].indices)
            self.dark[near[self.values[near] > 0]] = True

    def _free(self, cell: int, end: float) -> bool:
        """Hide what a small cell needs to move to one end of its range, if it can."""
        if self._low[cell] - _EPSILON <= end <= self._high[cell] + _EPSILON:
            return True
        movable = self.dark | (self.values > 0)
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

    def _way(self, cell: int, end: float, cells: Rows, known: csr_array) -> Floats | None:
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

    def _meet(self, cells: Rows, point: Floats) -> None:
        """Remember a point that a reader cannot rule out."""
        self._low[cells] = np.minimum(self._low[cells], point)
        self._high[cells] = np.maximum(self._high[cells], point)

    def _moved(self, cells: Rows) -> Bools:
        """Return which cells are known to be able to move to both ends."""
        low = self._low[cells] <= self.floor[cells] + _EPSILON
        return np.asarray(low & (self._high[cells] >= self.goal[cells] - _EPSILON), dtype=bool)


def _tangle(
    relations: csr_array, columns: csc_array, dark: Bools, cell: int, *, most: int
) -> tuple[Rows, Rows]:
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
