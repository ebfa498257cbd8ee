"""Small counts of residents and incidents hidden, with what would tell them.

The cells are every count that a report shows, by grid, beat, station and time, of both
periods; the relations are how they add up: grids to beats and stations by the shares of
ground, rows and columns to totals, months to periods, residents to those within reach.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from gridmap.measure import covered_share
from gridmap.measure.period import Period
from gridmap.measure.summary import COUNTS, By, count_together, membership_of, people_layer
from gridmap.model import Kind
from gridmap.report._disclosure import Cells, hide_cells, is_small
from gridmap.report._reach import Reach
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured

__all__ = ["hide_counts"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
_SLIVER = 1e-4
_Shares = tuple[Rows, Rows, Floats]  # grid, row, share of the grid


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
        shares["present"] = _labels(measured.present.assignment)
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
            cells.blocks_at(f"outside-{level}", "incidents", when),
            cells.blocks_at(level, "incidents", when),
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
    city = measured.city
    if not city.has(Kind.ROOM):
        return None
    people = people_layer(city)
    if people is None:
        return None
    radius = city.presets.room_radius_m
    return covered_share(people.geometry, city.room_xy, radius_m=radius)


def _shares(measured: Measured, level: By) -> _Shares | None:
    """Return which share of which grid lies in which row of a level."""
    people = people_layer(measured.city)
    if people is None or people.kind == level or level not in measured.now:
        return None  # the rows of people themselves are what is shared out
    found = membership_of(measured.city, by=level, plan=measured.plan)
    return None if found is None else _entries(found.shares)


def _labels(assignment: npt.NDArray[np.integer]) -> _Shares:
    held = np.flatnonzero(assignment >= 0)
    return held, assignment[held].astype(np.int64), np.ones(len(held))


def _entries(shares: csr_array) -> _Shares:
    """Return the shares without slivers: whole numbers tell nothing of them."""
    table = shares.tocoo()
    data = np.where(table.data > 1.0 - _SLIVER, 1.0, table.data)
    keep = data > _SLIVER
    return table.row[keep].astype(np.int64), table.col[keep].astype(np.int64), data[keep]
