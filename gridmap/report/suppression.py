"""What each face hides: small counts, and the figures that would reveal them.

A report hides across all of its tables: every count by grid, beat, station and time, of both
periods. `hide_levels` decides for grids, beats, stations and communities at once what of a
period is hidden, so that calls of `measure` and `coverage` by different levels show parts of one
whole. `hide_change` does so for two plans. `gridmap.measure.hiding` says how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.measure import Control, Coverage, covered_share
from gridmap.measure.counted import COUNTS
from gridmap.measure.hiding import Cells, Masks, is_small
from gridmap.measure.period import Moment, Period
from gridmap.measure.pieces import By, Pieces, areas_of, people_layer, pieces_of
from gridmap.measure.summary import MeasureTable, count_together, summarise
from gridmap.model import AREA_KINDS, City, Kind, Plan
from gridmap.plans import BeatChange, Comparison, Ground
from gridmap.report.measured import LEVELS, Measured, ReachedPeople, has_level
from gridmap.typing import Bools, Floats, Ints

_SLIVER = 1e-4
#: Incidents, those within reach of one room and of two.
_REACHED = ("incidents", "covered_incidents", "backup_incidents")
_SIDES, _PARTS = ("before", "after"), ("covered", "rest")


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
    masks: Masks = field(default_factory=dict)

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

    def rows(self, level: str, name: str, length: int) -> Bools:
        """Return the mask of a table's rows; the city as one is all that lies in a grid."""
        if level == "city":
            return np.full(length, self.one("city", name) or self.one("outside-grid", name))
        return self.of(level, name, length)


@dataclass(frozen=True, slots=True, eq=False)
class SuppressedFrame:
    """A table with its small counts, and figures that would reveal them, taken out.

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

    @classmethod
    def of_table(
        cls,
        rows: pd.DataFrame,
        hiding: Hiding,
        *,
        level: str,
        counts: Sequence[str],
        derived: Mapping[str, Sequence[str]],
        totals: Mapping[str, float] | None = None,
        unassigned: Mapping[str, float] | None = None,
    ) -> SuppressedFrame:
        """Take the hidden numbers out of a table.

        Parameters
        ----------
        rows
            One row per area.
        hiding, level
            What is hidden, and the level that the rows are of.
        counts
            Counts that were decided about.
        derived
            Columns computed from counts, and which: a rate goes with any of them.
        totals, unassigned
            What all rows carry, and what lies in no row, by column.
        """
        dark = {name: hiding.rows(level, name, len(rows)) for name in counts}
        dark_totals = {name for name in counts if hiding.one("city", name)}
        dark_left = {name for name in counts if hiding.one(f"outside-{level}", name)}
        for name, of in derived.items():
            dark[name] = np.any([dark[each] for each in of], axis=0)
            dark_totals |= {name} if dark_totals & set(of) else set()
        shown = rows.copy()
        hidden = pd.DataFrame({name: mask for name, mask in dark.items() if name in rows},
                              index=rows.index)  # fmt: skip
        for name in hidden.columns:
            shown[name] = shown[name].astype(float).mask(hidden[name])
        known, left = dict(totals or {}), dict(unassigned or {})
        return cls(
            shown,
            hidden,
            {name: np.nan if name in dark_totals else value for name, value in known.items()},
            {name: np.nan if name in dark_left else value for name, value in left.items()},
            frozenset(dark_totals),
            frozenset(dark_left),
        )


@dataclass(frozen=True, eq=False)
class _Levels:
    """The tables of a period by grid, beat, station and community, and their pieces."""

    city: City
    plan: Plan | None
    tables: Mapping[By, MeasureTable]
    control: Control | None = None
    present: Plan | None = None

    def is_missing(self, name: str) -> bool:
        return any(name in table.missing for table in self.tables.values())

    def pieces(self) -> dict[By, Pieces]:
        people = people_layer(self.city)
        if people is None:
            return {}
        return {
            level: pieces_of(areas_of(self.city, level, self.plan), people, self.control)
            for level in self.tables
        }


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
    now = _Levels(measured.city, measured.plan, measured.now, present=measured.present)
    masks: Masks = {}
    for name in COUNTS:
        cells = Cells()
        grids = _add_people(cells, now, name)
        if grids is not None and name == "residents":
            _add_near(cells, now, grids, [level for level in measured.now if level != "grid"])
            if measured.reach is not None:
                _relate_reach(cells, measured.reach, grids, measured.city.grids.counts(name))
        masks |= cells.hide(limit)
    cells = Cells()
    _add_incidents(cells, now, measured.period.since, measured.period.until)
    if measured.before and measured.compared is not None:
        past = replace(now, tables=measured.before, present=None)
        _add_incidents(cells, past, measured.compared.since, measured.compared.until, "before")
    _add_times(measured, cells)
    return Hiding(limit, masks | cells.hide(limit))


def hide_levels(
    city: City,
    limit: int,
    *,
    since: Moment = None,
    until: Moment = None,
    plan: Plan | None = None,
    control: Control | None = None,
) -> Hiding:
    """Return what to hide of a period by grid, beat, station and community, decided at once.

    Who holds the tables of several levels side by side learns no more than from one. Nothing is
    taken into account of other periods, and of other plans' beats.

    Parameters
    ----------
    city
        The city.
    limit
        Counts above 0 and below it are small.
    since, until, plan, control
        As of `summarise`.
    """
    now = _measured(city, since, until, plan, control)
    masks = _base(now, limit, since, until)
    cells = Cells(decided=masks)
    grids = _add_people(cells, now, "residents")
    if grids is not None:
        _add_near(cells, now, grids, list(now.tables))
    return Hiding(limit, masks | cells.hide(limit))


def hide_reach(
    city: City,
    found: Coverage,
    limit: int,
    *,
    since: Moment = None,
    until: Moment = None,
    plan: Plan | None = None,
    control: Control | None = None,
) -> Hiding:
    """Return what to hide of a coverage, beside what `hide_levels` hides.

    People and incidents within reach are decided for grids, beats, stations, communities and
    the city at once, so that calls by several levels show parts of one whole.

    Parameters
    ----------
    city, found
        The city and its coverage.
    limit
        Counts above 0 and below it are small.
    since, until, plan, control
        As of `summarise`.
    """
    now = _measured(city, since, until, plan, control)
    masks = _base(now, limit, since, until)
    reach = {level: found.of_pieces(city, each) for level, each in now.pieces().items()}
    linear = ["residents", "migrants"] + ["incidents"] * (city.incidents is None)
    for name in linear:
        cells = Cells(decided=masks)
        grids = _add_people(cells, now, name)
        if grids is None:
            continue
        for part, whole in (("covered", found.share), ("backup", found.backup)):
            of = {level: each.share if part == "covered" else each.backup
                  for level, each in reach.items()}  # fmt: skip
            _add_estimates(cells, now, grids, f"{part}_{name}", whole, of)
        masks |= cells.hide(limit)
    if city.incidents is not None and "grid" in now.tables:
        masks |= _hide_reached(now, found, Hiding(limit, masks))
    return Hiding(limit, masks)


def _hide_reached(now: _Levels, found: Coverage, hiding: Hiding) -> Masks:
    """Return which incidents within reach to hide, by every level and in the whole city.

    Those out of reach, and those within reach of one room alone, follow from what is shown and
    are protected as well. The city is what lies in its grids; of it nothing is hidden for the
    sake of others.
    """
    levels = list(now.tables)
    areas = [areas_of(now.city, level, now.plan) for level in levels]
    rows = [
        each.rows_of(found.incident_rows[:, AREA_KINDS.index(each.located_by)]) for each in areas
    ]
    places, line = np.unique(np.column_stack(rows), axis=0, return_inverse=True)
    counts = {
        name: np.bincount(line.ravel(), weights=column, minlength=len(places))
        for name, column in zip(_REACHED, found.incident_counts.T, strict=True)
    }
    every: list[str] = ["city", *levels, *(f"outside-{level}" for level in levels)]
    masks = {(level, "incidents", "now"): hiding.masks[level, "incidents", "now"]
             for level in every}  # fmt: skip
    masks["city", "incidents", "now"] = hiding.rows("city", "incidents", 1)
    for whole, part in combinations(_REACHED, 2):
        cells = Cells(decided={block: mask for block, mask in masks.items() if block[1] == whole})
        of = {whole: counts[whole], part: counts[part], "rest": counts[whole] - counts[part]}
        for name, values in of.items():
            for column, (level, each) in enumerate(zip(levels, areas, strict=True)):
                row, size = places[:, column] + 1, len(each.ids) + 1
                sums = np.bincount(row, weights=values, minlength=size)
                # What is left of a whole that is hidden is not told.
                gone = [masks[f"outside-{level}", whole, "now"], masks[level, whole, "now"]]
                known = [name != "rest" or ~mask for mask in gone]
                # Nor how much of a part lies in no grid.
                outside = known[0] if level != "grid" or name == "incidents" else False
                cells.add(f"outside-{level}", name, sums[0], shown=outside)
                cells.add(level, name, sums[1:], shown=known[1])
            inside = cells.places("grid", name)
            total = np.atleast_1d(np.concatenate(cells.values)[inside].sum())
            cells.relate(cells.add("city", name, total), inside, 0)
            if name != whole:
                _relate_places(cells, levels, places, values, name)
                cells.decided["city", name, "now"] = is_small(total, hiding.limit)
        for where in every:
            total = cells.places(where, whole)
            two = np.append(cells.places(where, part), cells.places(where, "rest"))
            cells.relate(total, two, np.tile(np.arange(len(total)), 2))
        dark = cells.hide(hiding.limit)
        for where in every:  # who knows the whole and what is left knows the part
            here, block = (
                dark[where, part, "now"] | dark[where, "rest", "now"],
                (where, part, "now"),
            )
            if whole != "incidents":  # no more are within reach of two rooms than of one
                here |= masks[where, whole, "now"] | masks[block]
            masks[block] = here
    return {(level, name, "now"): masks[level, name, "now"]
            for level in every[: 1 + len(levels)] for name in _REACHED[1:]}  # fmt: skip


def _measured(
    city: City, since: Moment, until: Moment, plan: Plan | None, control: Control | None
) -> _Levels:
    tables = {
        level: summarise(city, by=level, since=since, until=until, plan=plan, control=control)
        for level in LEVELS
        if has_level(city, level, plan)
    }
    return _Levels(city, plan, tables, control)


def _base(now: _Levels, limit: int, since: Moment, until: Moment) -> Masks:
    """Return what to hide of residents, migrants, households and incidents."""
    masks: Masks = {}
    for name in COUNTS:
        cells = Cells()
        _add_people(cells, now, name)
        masks |= cells.hide(limit)
    cells = Cells()
    _add_incidents(cells, now, since, until)
    return masks | cells.hide(limit)


def _add_people(cells: Cells, now: _Levels, name: str) -> Ints | None:
    """Add residents, migrants or households; return the places of those of the grids."""
    if now.is_missing(name) or not now.tables:
        return None
    city = cells.add("city", name, next(iter(now.tables.values())).totals[name])
    for level, table in now.tables.items():
        rows = cells.add(level, name, table.rows[name])
        outside = cells.add(f"outside-{level}", name, table.unassigned[name])
        cells.relate(city, np.append(rows, outside), 0)
    people = people_layer(now.city)
    grids = None if people is None else cells.at(str(people.kind), name)
    if people is None or grids is None:
        return None
    _add_sums(cells, now, grids, name, people.counts(name))
    return grids


def _add_sums(cells: Cells, now: _Levels, grids: Ints, name: str, of_grids: Floats) -> None:
    """Relate counts of grids to the rows that they are shared out among."""
    if now.present is not None:
        cells.add("present", name, now.present.totals(of_grids))
        held = np.flatnonzero(now.present.assignment >= 0)
        row = now.present.assignment[held].astype(np.int64)
        cells.relate(cells.places("present", name), grids[held], row)
    people = people_layer(now.city)
    for level, pieces in now.pieces().items():
        if people is not None and level != people.kind:
            keep, share = _shares(pieces)
            cells.relate(cells.places(level, name), grids[pieces.grid[keep]], pieces.row[keep],
                         share)  # fmt: skip


def _shares(pieces: Pieces) -> tuple[Ints, Floats]:
    """Return which pieces are no slivers, and their shares: whole numbers tell nothing of them."""
    keep = np.flatnonzero(pieces.share > _SLIVER)
    share = pieces.share[keep]
    return keep, np.where(share > 1.0 - _SLIVER, 1.0, share)


def _add_near(cells: Cells, now: _Levels, grids: Ints, levels: Sequence[By]) -> None:
    """Add the residents within the preset radius of a room."""
    city, people = now.city, people_layer(now.city)
    if people is None or not city.has(Kind.ROOM):
        return
    radius_m = city.presets.room_radius_m
    whole = covered_share(people.geometry, city.room_xy, radius_m=radius_m)
    of = {
        level: pieces.covered_share(whole, city.room_xy, radius_m=radius_m)
        for level, pieces in now.pieces().items()
        if level in levels
    }
    _add_estimates(cells, now, grids, "covered_residents", whole, of)


def _add_estimates(
    cells: Cells,
    now: _Levels,
    grids: Ints,
    column: str,
    whole: Floats,
    of: Mapping[By, Floats],
) -> None:
    """Add the part of a count that published ground gives: shares of grids and of pieces."""
    values = np.concatenate(cells.values)[grids]
    total = cells.add("city", column, float(values @ whole), rest=float(values @ (1.0 - whole)))
    cells.relate(total, grids, 0, whole)
    known = now.pieces()
    for level, near in of.items():
        pieces = known[level]
        parts = pieces.amounts(values)
        inside = cells.add(
            level, column, pieces.sum_rows(parts * near),
            rest=pieces.sum_rows(parts * (1.0 - near)),
        )  # fmt: skip
        keep, share = _shares(pieces)
        cells.relate(inside, grids[pieces.grid[keep]], pieces.row[keep], share * near[keep])


def _relate_reach(cells: Cells, reach: ReachedPeople, grids: Ints, residents: Floats) -> None:
    """Relate the residents of grids to those of the nearest rooms and within each network."""
    rooms = cells.add("room", "residents", reach.rooms["residents"])
    cells.relate(rooms, grids[reach.grid], reach.room, reach.part)
    everyone = cells.add("rooms", "residents", reach.rooms["residents"].sum())
    cells.relate(everyone, rooms, 0)
    for network, share in reach.networks.items():
        near = float(residents @ share)
        within = cells.add("network", network, near, rest=float(residents.sum()) - near)
        held = np.flatnonzero(share > 0)
        cells.relate(within, grids[held], 0, share[held])


def _add_incidents(
    cells: Cells, now: _Levels, since: Moment, until: Moment, when: str = "now"
) -> None:
    """Add incidents by place; those of grids only where these are shown."""
    if now.is_missing("incidents") or not now.tables:
        return
    first = next(iter(now.tables.values()))
    city = cells.add("city", "incidents", first.totals["incidents"], when=when)
    shown = [level for level in now.tables if level != "grid" or when == "now"]
    for level in shown:
        table = now.tables[level]
        rows = cells.add(level, "incidents", table.rows["incidents"], when=when)
        left = table.unassigned["incidents"]
        outside = cells.add(f"outside-{level}", "incidents", left, when=when)
        cells.relate(city, np.append(rows, outside), 0)
    if now.city.incidents is not None:
        _relate_points(cells, now, shown, (since, until), when)
    grids = cells.at("grid", "incidents", when=when)
    if grids is None:
        return
    counts = now.tables["grid"].rows["incidents"].to_numpy(dtype=float)
    # Points are related by where they lie; counts of grids are shared out like people.
    of_grids = now if now.city.incidents is None else replace(now, tables={})
    _add_sums(cells, of_grids, grids, "incidents", counts)


def _relate_points(
    cells: Cells, now: _Levels, levels: list[By], span: tuple[Moment, Moment], when: str
) -> None:
    """Relate points in grids, beats, stations ... by what they are in at once.

    The first level's rows that lie in one row of each other level stand for themselves. What
    lies in each part of another is a cell that is never shown: its parts add up to it, and
    to the rows on the other side.
    """
    if len(levels) < 2:
        return
    places, counts = count_together(now.city, levels, since=span[0], until=span[1], plan=now.plan)
    _relate_places(cells, levels, places, counts, "incidents", when)


def _relate_places(
    cells: Cells,
    levels: Sequence[By],
    places: Ints,
    counts: npt.ArrayLike,
    name: str,
    when: str = "now",
) -> None:
    """Relate counts of each line of places (k, levels) to the rows, and what is in none."""
    numbers = np.asarray(counts, dtype=np.float64)
    rows = {
        level: np.concatenate([
            cells.places(f"outside-{level}", name, when), cells.places(level, name, when)
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
        atoms[cut] = cells.add(f"part-{levels[0]}", name, numbers[cut], when=when, shown=False)
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


def _months_of(measured: Measured, period: Period | None) -> Bools | None:
    """Return which months make up a period, or None where they do not."""
    if period is None or (period.unit == "range" and not period.whole_months):
        return None
    if period.first is None or period.last is None:
        return np.ones(len(measured.months), dtype=bool)
    first, last = f"{period.first:%Y-%m}", f"{period.last:%Y-%m}"
    return np.array([first <= month <= last for month in measured.months])


def hide_change(
    made: Comparison, ground: Ground, plans: tuple[Plan, Plan], limit: int
) -> tuple[Comparison, dict[str, Any]]:
    """Hide the small counts of a comparison, and figures that would reveal them; directions stay.

    A workload tells its residents and incidents, a worst deviation the beat where it is.

    Parameters
    ----------
    made, ground, plans
        The comparison, and what it was made of.
    limit
        Counts above 0 and below it are small.

    Returns
    -------
    made : Comparison
        Hidden numbers are NaN.
    hidden : dict
        ``beats`` and ``flows`` (``A>B``) to columns hidden, ``totals`` the figures of the plans.
    """
    names = [name for name in ("residents", "incidents") if name not in made.missing]
    masks = {name: _dark_cells(made, ground, plans, name, limit) for name in names}
    people = masks.get("residents", {})
    hidden: dict[str, Any] = {"beats": {}, "flows": {}, "totals": []}
    nan: Any = float("nan")  # in the place of numbers of any kind
    flows = []
    for flow in made.flows:
        dark = [name for name in names if masks[name]["pair"][flow.before, flow.after]]
        flows.append(replace(flow, **dict.fromkeys(dark, nan)))
        if dark:
            hidden["flows"][f"{flow.before}>{flow.after}"] = dark
    scaled = any(masks[name]["city"][""] for name in names)  # what tells the city's total, too

    def darkened(beat: str, side: str) -> list[str]:
        dark = [name for name in names if masks[name][side][beat]]
        dark += ["workload"] if dark or scaled else []
        covered = any(people[f"{side} {part}"][beat] for part in _PARTS if people)
        return [*dark, "covered_share"] if "residents" in dark or covered else dark

    beats: list[BeatChange] = []
    seen: set[str] = set()
    for beat in made.beats:
        hidden_columns: list[str] = []
        fields: dict[str, Any] = {}
        for side, one in (("before", beat.before), ("after", beat.after)):
            if one:
                dark = darkened(one, side)
                figures = getattr(beat, f"figures_{side}")
                fields[f"figures_{side}"] = replace(figures, **dict.fromkeys(dark, nan))
                hidden_columns += [f"{name}_{side}" for name in dark]
                seen |= set(dark)
        kept = people and people["pair"].get((beat.before, beat.after), False)
        if kept or (beat.kept_share > 0 and "residents_before" in hidden_columns):
            fields["kept_share"] = nan
            hidden_columns.append("kept_share")
        beats.append(replace(beat, **fields))
        if hidden_columns:
            hidden["beats"][beat.before or beat.after] = hidden_columns
    rest = [f"{name}_deviation" for name in ("residents", "incidents", "workload") if name in seen]
    rest += ["workload_cv"] * ("workload" in seen)
    rest += ["least_covered_share"] * ("covered_share" in seen)
    rest += ["covered_share"] * any(mask[""] for level, mask in people.items() if " all" in level)
    moved = [f"{name}_moved" for name in names if masks[name]["moved"][""]]
    hidden["totals"] = sorted([*rest, *moved])
    lost = dict.fromkeys(rest, nan)
    return replace(
        made, beats=tuple(beats), flows=tuple(flows), before=replace(made.before, **lost),
        after=replace(made.after, **lost), **dict.fromkeys(moved, nan),
    ), hidden  # fmt: skip


def _dark_cells(
    made: Comparison, ground: Ground, plans: tuple[Plan, Plan], name: str, limit: int
) -> dict[str, dict[object, bool]]:
    """Return which counts to hide, by level and beat or pair of beats.

    Grids of one beat in the old plan and one in the new make a pair, which is a flow or what a
    beat keeps. Beats of either plan, what moves and the city are sums of pairs. A reader is
    taken to know the city's total and everything that is shown.
    """
    pairs, pair_of = np.unique(
        np.column_stack([plan.assignment for plan in plans]), axis=0, return_inverse=True
    )
    labels = [[*(beat.id for beat in plan.beats), ""] for plan in plans]
    keys: dict[str, list[object]] = {
        "pair": [(labels[0][a], labels[1][b]) for a, b in pairs],
        "city": [""], "moved": [""],
    }  # fmt: skip

    def by_pair(values: Floats) -> Floats:
        return np.bincount(pair_of.ravel(), weights=values, minlength=len(pairs)).astype(float)

    cells = Cells()
    values = getattr(ground, name)
    inner = cells.add("pair", name, by_pair(values))
    cells.relate(cells.add("city", name, values.sum()), inner, 0)
    flows = {(flow.before, flow.after) for flow in made.flows}
    moved = np.flatnonzero([key in flows for key in keys["pair"]])
    cells.relate(cells.add("moved", name, getattr(made, f"{name}_moved")), inner[moved], 0)
    parts = {"": inner}
    if name == "residents":
        parts[" covered"] = cells.add("pair covered", name, by_pair(ground.covered), shown=False)
        rest = by_pair(values - ground.covered)
        parts[" rest"] = cells.add("pair rest", name, rest, shown=False)
        every = np.arange(len(pairs))
        cells.relate(inner, [*parts[" covered"], *parts[" rest"]], [*every, *every])
    for place, side in enumerate(_SIDES):
        held = np.flatnonzero(pairs[:, place] >= 0)
        row, size = pairs[held, place], len(plans[place])
        sums: dict[tuple[str, str], Ints] = {}
        for part, among in parts.items():
            amounts = np.concatenate(cells.values)[among[held]]
            each = np.bincount(row, weights=amounts, minlength=size).astype(float)
            sums["", part] = cells.add(f"{side}{part}", name, each)
            cells.relate(sums["", part], among[held], row)
            sums[" all", part] = cells.add(f"{side} all{part}", name, each.sum())
            cells.relate(sums[" all", part], sums["", part], 0)
            keys[f"{side}{part}"], keys[f"{side} all{part}"] = [*labels[place][:-1]], [""]
        for level, length in (("", size), (" all", 1)):
            if len(parts) > 1:  # of the residents in a beat, those covered and those not
                both = [*sums[level, " covered"], *sums[level, " rest"]]
                each_twice = [*range(length), *range(length)]
                cells.relate(sums[level, ""], both, each_twice)
    found = cells.hide(limit)
    return {
        level: dict(zip(keys[level], mask.tolist(), strict=True))
        for (level, *_), mask in found.items() if level in keys
    }  # fmt: skip
