"""Incidents by grid, hour of the week, day and week, and how a period differs from the last.

What the page of incidents shows besides `gridmap.measure` and `gridmap.hotspots`. Only pages
load this module, so that it may load what it needs at once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
import shapely

from gridmap.api.measure import HotspotsOptions, hotspots
from gridmap.api.options import end_of
from gridmap.measure import (
    Axis,
    CountedPeriods,
    Density,
    IncidentCounts,
    change_verdict,
    compared_periods,
    count_located,
    judge_changes,
    kernel_density,
    per_occurrence,
    period_before,
    period_in,
    report_delays,
    score_maps,
    top_area,
    weekly_counts,
    workload,
)
from gridmap.measure.period import Period
from gridmap.model import City, Kind, Plan
from gridmap.typing import Bools, Floats, Ints

Days = tuple[date, date]
known_criteria = workload.known_criteria


@dataclass(frozen=True, eq=False)
class Slices:
    """The non-empty cells of an incident table, to be filtered by hour and category.

    Parameters
    ----------
    grids
        Number of grids.
    grid, hour, category : (m,)
        Place of each cell: row of the grid (``grids`` for outside), hour of the week (168
        where unknown), category.
    count : (m,)
        Incidents in it.
    """

    grids: int
    grid: Ints
    hour: Ints
    category: Ints
    count: Ints

    @classmethod
    def of(cls, counts: IncidentCounts) -> Slices:
        """Return the slices of a table by polygon, hour and category."""
        places, count = counts.sparse()
        grid, hour, category, _ = np.unravel_index(places, counts.shape)
        return cls(counts.polygon_count, grid, hour, category, count)

    def by_grid(self, *, hours: Collection[int] = (), categories: Collection[int] = ()) -> Floats:
        """Return the incidents of each grid; empty collections stand for all."""
        keep = (self.grid < self.grids) & self._within(hours, categories)
        return np.bincount(self.grid[keep], weights=self.count[keep], minlength=self.grids).astype(
            float
        )

    def by_hour(self, *, rows: Collection[int] = (), categories: Collection[int] = ()) -> Floats:
        """Return the incidents by weekday and hour, shape (7, 24), Monday first."""
        keep = (self.hour < 168) & self._within((), categories)
        if rows:
            keep &= np.isin(self.grid, list(rows))
        return (
            np.bincount(self.hour[keep], weights=self.count[keep], minlength=168)
            .reshape(7, 24)
            .astype(float)
        )

    def located(self, *, categories: Collection[int] = ()) -> tuple[Ints, Ints, Ints]:
        """Return grid, hour of the week and count where both are known, one entry per category."""
        keep = (self.grid < self.grids) & (self.hour < 168) & self._within((), categories)
        return self.grid[keep], self.hour[keep], self.count[keep]

    def _within(self, hours: Collection[int], categories: Collection[int]) -> Bools:
        keep = np.ones(len(self.grid), dtype=bool)
        if hours:
            keep &= np.isin(self.hour, list(hours))
        if categories:
            keep &= np.isin(self.category, list(categories))
        return keep


def slice_incidents(
    city: City, since: date | None, until: date | None, kind: Kind = Kind.GRID
) -> Slices:
    """Return the incidents of a period by grid, hour of the week and category.

    Parameters
    ----------
    city
        A city with incidents.
    since, until
        First and last day that are counted; None for no limit.
    kind
        Another layer of polygons whose rows stand in for the grids.
    """
    by: tuple[Axis, ...] = ("hour", "category")
    end = end_of(str(until or ""))
    return Slices.of(count_located(city, kind, since=since, until=end, by=by))


def count_days(
    city: City,
    *,
    rows: Collection[int] = (),
    hours: Collection[int] = (),
    categories: Collection[int] = (),
) -> Ints:
    """Return the incidents of each day with data; empty where no times are known.

    Parameters
    ----------
    city
        The city.
    rows, hours, categories
        Count these rows of grids, hours of the week (0 is Monday at midnight) and categories
        only; all if empty.
    """
    incidents = city.located
    if incidents is None or incidents.period is None:
        return np.empty(0, np.int64)
    first, last = (np.datetime64(one.date(), "D") for one in incidents.period)
    counts = np.zeros(int((last - first) / np.timedelta64(1, "D")) + 1, np.int64)
    names = ["time", "category", *([str(Kind.GRID)] if rows else [])]
    for part in incidents.columns(names, since=first, until=last + 1):
        since = (part["time"].astype("datetime64[s]") - first).astype(np.int64)
        keep = np.ones(len(since), dtype=bool)
        if rows:
            keep &= np.isin(part[str(Kind.GRID)], list(rows))
        if categories:
            keep &= np.isin(part["category"], list(categories))
        if hours:
            # Day 0 of the epoch was a Thursday: hours of the week begin with Monday.
            week = (since // 3600 + 24 * ((first.astype(np.int64) + 3) % 7)) % 168
            keep &= np.isin(week, list(hours))
        counts += np.bincount(since[keep] // 86_400, minlength=len(counts))[: len(counts)]
    return counts


def weeks_of_beats(city: City, plan: Plan) -> dict[str, list[int]]:
    """Return the incidents of each beat in the last 52 whole weeks, by the beat's id.

    Incidents are counted inside the beats' outlines. If the city has no beat layer, they are
    counted in the grids of the plan's beats. Empty if no times are known or no week is whole.
    """
    layer = city.get(Kind.BEAT)
    counted, ids = (plan, plan.beat_ids) if layer is None else (None, layer.ids)
    weeks = weekly_counts(city, ["beat"], plan=counted).get("beat")
    if weeks is None:
        return {}
    return dict(zip(map(str, ids), weeks.counts[:, -52:].tolist(), strict=True))


def per_time(city: City, hours: Floats, days: Days | None) -> Floats:
    """Return incidents of each hour of the week for each time that its weekday occurred.

    A month has four or five of each weekday: only so are they comparable.

    Parameters
    ----------
    city
        The city: days that its data do not hold occur not at all.
    hours
        Counts by weekday and hour, shape (7, 24), Monday first.
    days
        First and last day that were counted; None takes each weekday to have occurred once.

    Returns
    -------
    (7, 24) float64
        NaN for weekdays that did not occur.
    """
    period = Period("all") if days is None else period_in(city, Period.of_days(*days))
    return per_occurrence(hours.ravel(), period.occurrences())


def days_before(city: City, days: Days) -> Days | None:
    """Return first and last day of the period before; None where the data don't reach back.

    Parameters
    ----------
    city
        The city.
    days
        First and last day of a period: whole months are compared with as many months.
    """
    if city.incidents is None or city.incidents.period is None:
        return None
    begin = city.incidents.period[0].date()
    if days[0] <= begin:
        return None
    before = period_before(Period.of_days(*days))
    if before.first is None or before.last is None or before.first < begin:
        return None
    return before.first, before.last


@dataclass(frozen=True, slots=True)
class RateChange:
    """How a city's incidents per day differ from those of the period before.

    Parameters
    ----------
    per_day_now, per_day_before
        Incidents per day.
    share
        The difference as a share of before; NaN where there was nothing before.
    before
        The days compared with, in words.
    verdict
        Whether chance explains the difference, in words.
    """

    per_day_now: float
    per_day_before: float
    share: float
    before: str
    verdict: str


def change_of(
    city: City,
    days: Days,
    now: float,
    before: float,
    *,
    hours: Collection[int] = (),
    categories: Collection[int] = (),
) -> RateChange:
    """Return how a city's incidents changed from the period before, and whether by chance alone.

    Parameters
    ----------
    city
        The city, whose weeks say how much its counts vary.
    days
        First and last day of the period.
    now, before
        Incidents of the period and of the one before.
    hours, categories
        What of them was counted, as in `count_days`.
    """
    sides = compared_periods(period_in(city, Period.of_days(*days)), "previous")
    weeks = weekly_counts(city, hours=tuple(hours), categories=tuple(categories)).get("city")
    counted = CountedPeriods(sides, [now], [before], None, weeks)
    row = judge_changes({"city": counted})["city"].iloc[0]
    return RateChange(
        float(row["per_day_now"]),
        float(row["per_day_before"]),
        float(row["change_percent"]) / 100.0,
        sides.before.dates(),
        change_verdict(beyond_chance=bool(row["beyond_chance"])),
    )


def density(city: City, since: date | None, until: date | None) -> Density | None:
    """Return the kernel density of a period's incidents; None for fewer than two.

    Parameters
    ----------
    city
        The city.
    since, until
        First and last day that are counted; None for no limit.
    """
    if city.incidents is None:
        return None
    begin = np.datetime64(since) if since else None
    batches = list(city.incidents.batches(since=begin, until=end_of(str(until or ""))))
    x, y = (
        np.concatenate([getattr(batch, name) for batch in batches] or [np.empty(0)])
        for name in ("x", "y")
    )
    if len(x) < 2:
        return None
    outline = shapely.union_all(city.grids.geometry)
    west, south, east, north = outline.bounds
    cell_m = max(25.0, max(east - west, north - south) / 600.0)
    return kernel_density(x, y, city=outline, cell_m=cell_m)


def late_reports(city: City, since: date | None, until: date | None) -> tuple[str, ...]:
    """Return how late a period's incidents were reported, in words; nothing where unknown.

    Parameters
    ----------
    city
        The city.
    since, until
        First and last day that are counted; None for no limit.
    """
    found = report_delays(city, since=since, until=end_of(str(until or "")))
    return () if found is None else tuple(found.sentences())


def foretell(city: City) -> tuple[pd.DataFrame, str] | None:
    """Return how well maps of all but the last whole month predict it, and that month.

    Returns
    -------
    (DataFrame, str) or None
        What `gridmap.measure.score_maps` reports on the hot spots and of as much of the densest
        ground, and the month as ``2024-03``; None where there are less than four weeks before.
    """
    incidents = city.incidents
    if incidents is None or incidents.period is None:
        return None
    begin, end = last_whole_month(incidents.period[1].date())
    if (begin - incidents.period[0].date()).days < 27:
        return None
    last = begin - timedelta(days=1)
    before = slice_incidents(city, None, last).by_grid()
    after = slice_incidents(city, begin, end).by_grid()
    area = np.maximum(city.grids.area_m2 / 1e6, 1e-9)
    hot = hotspots(city, HotspotsOptions(until=str(last))).found.kind == "hot"
    share = float(area[hot].sum() / area.sum()) or 0.05
    maps = {"hot": hot, "density": top_area(before, area, share=share)}
    return score_maps(maps, after, area), f"{begin:%Y-%m}"


def last_whole_month(last: date) -> Days:
    """Return the first and last day of the last month that ends on a day or before it.

    >>> last_whole_month(date(2024, 3, 30))
    (datetime.date(2024, 2, 1), datetime.date(2024, 2, 29))
    """
    end = (last + timedelta(days=1)).replace(day=1) - timedelta(days=1)
    return end.replace(day=1), end
