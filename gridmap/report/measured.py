"""What a report is made of: every figure measured once, before anything is hidden or written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridmap.errors import InputError
from gridmap.i18n import tr
from gridmap.measure import (
    CountedPeriods,
    MeasureTable,
    Norm,
    PlanResponse,
    ReportDelays,
    Within,
    areas_of,
    count_located,
    covered_share,
    judge_changes,
    networks_of,
    places_of,
    report_delays,
    respond_to_both,
    sample_points,
    summarise,
    travel_of,
    weekly_counts,
)
from gridmap.measure.change import WeeklyCounts
from gridmap.measure.period import (
    Basis,
    ComparedPeriods,
    Period,
    compared_periods,
)
from gridmap.measure.pieces import By, has_beats, present_plan
from gridmap.model import City, Kind, Plan
from gridmap.plans import Comparison, Ground, compare_plans
from gridmap.report.charts import ControlLimits, control_limits
from gridmap.travel import StraightLine, isochrone, ring
from gridmap.typing import Bools, Floats

Ints = npt.NDArray[np.integer[Any]]
TellProgress = Callable[[str, float], None]
Level = str  # ``city``, ``category``, ``station`` or ``beat``

#: What a report has a table of, from small to large.
LEVELS: tuple[By, ...] = ("grid", "beat", "station", "community")
#: How many weeks a chart shows, by the length of the period in days.
_WEEKS = ((45, 13), (200, 26), (10_000, 53))
_ENOUGH = 5  # incidents in both periods below which a share of change is not told
_SAMPLES = 16  # points in each grid whose nearest room is looked for
_CELLS = 20_000  # of the raster on which travel time is found: cells of 100 m in a city


@dataclass(frozen=True, slots=True, eq=False)
class TimeCounts:
    """A city's incidents by time and category, wherever they happened.

    Attributes
    ----------
    hours : (24, 7) int64
        Incidents by hour of the day and day of the week, Monday first.
    categories : (c,) int64
        Incidents by category, in the order of the city's categories.
    unknown_category, unknown_time
        Incidents without a category, and without a time.
    total
        All incidents of the period.
    occurrences : (7, 24) float64
        How often each hour of the week occurred in the part of the period that the data reach
        over.
    """

    hours: Ints
    categories: Ints
    unknown_category: int
    unknown_time: int
    total: int
    occurrences: Floats = field(default_factory=lambda: np.ones((7, 24)))

    @property
    def days(self) -> Ints:
        """How often each whole weekday occurred, shape (7,)."""
        return self.occurrences.min(axis=1).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class ReachedPeople:
    """Whom rooms and networks reach.

    Attributes
    ----------
    rooms
        ``id, name, residents, incidents, officers, auxiliaries``: the people for whom a
        room is the nearest in a straight line.
    grid, room, part
        Grids, the rooms nearest to parts of them, and the size of these parts, shape (k,).
    networks
        Network to the share of each grid's ground within the preset radius of one of its
        facilities.
    facilities
        Network to the number of its facilities.
    """

    rooms: pd.DataFrame
    grid: npt.NDArray[np.int64]
    room: npt.NDArray[np.int64]
    part: Floats
    networks: dict[str, Floats]
    facilities: dict[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Figures of a city, of one period and of the one it is compared with.

    Attributes
    ----------
    city, plan
        What was measured; the city's own beats where there is no plan.
    period, compared
        The period, and the one it is compared with or None.
    now, before
        A table for each of `LEVELS` that the city has; before, for those that a change is
        told of: beats and stations, or the first where there are neither.
    time, time_before
        Counts by time and category; None without incident points.
    months, month_counts
        Every month with data up to the period's end, and its incidents.
    comparison
        The plan beside today's beats; None without a plan or without beats today.
    present
        Today's beats as a plan of whole grids, where they were compared.
    reach
        What the rooms and each network of facilities cover; None without rooms or grids.
    response
        How today's beats and the plan's would answer; None where that is not known.
    rules
        Norms of staffing.
    delays
        How late the period's incidents were reported; None where that is not known.
    """

    city: City
    plan: Plan | None
    period: Period
    compared: Period | None
    now: dict[By, MeasureTable]
    before: dict[By, MeasureTable]
    time: TimeCounts | None
    time_before: TimeCounts | None
    months: tuple[str, ...]
    month_counts: Ints
    comparison: Comparison | None
    present: Plan | None
    reach: ReachedPeople | None = None
    response: tuple[PlanResponse, PlanResponse] | None = None
    rules: tuple[Norm, ...] = ()
    delays: ReportDelays | None = None


def measure_all(
    city: City,
    *,
    period: Period,
    compared: Period | None,
    plan: Plan | None,
    rules: tuple[Norm, ...],
    progress: TellProgress,
) -> Measured:
    """Measure everything that a report tells.

    Parameters
    ----------
    city
        What to measure.
    period, compared
        The period, and the one to compare it with.
    plan
        The plan whose beats are measured; the city's own if None.
    rules
        Norms of staffing.
    progress
        Told what is being done and how much of the measuring is done, 0 to 1.
    """
    levels = [level for level in LEVELS if has_level(city, level, plan)]
    now: dict[By, MeasureTable] = {}
    before: dict[By, MeasureTable] = {}
    steps = len(levels) + 3
    changing = [level for level in levels if level in {"beat", "station"}] or levels[:1]
    for step, level in enumerate(levels):
        progress(level, step / steps)
        found = summarise(city, by=level, since=period.since, until=period.until, plan=plan)
        names = told_apart(found.rows["name"], found.rows["id"])
        now[level] = replace(found, rows=found.rows.assign(name=names))
        if compared is not None and level in changing:
            before[level] = summarise(
                city, by=level, since=compared.since, until=compared.until, plan=plan
            )
    progress("coverage", len(levels) / steps)
    reach = measure_reach(city, now.get("grid"))
    progress("time", (len(levels) + 1) / steps)
    months, counts = _months(city, period)
    time = _time(city, period)
    time_before = None if compared is None else _time(city, compared)
    comparison, present, response = None, None, None
    if plan is not None and has_beats(city) and city.has(Kind.GRID):
        progress("comparison", (len(levels) + 2) / steps)
        present = present_plan(city)
        # The period's incidents, so that the comparison says what the other tables say.
        incidents = None
        if "incidents" not in now["grid"].missing:
            incidents = now["grid"].rows["incidents"].to_numpy(dtype=float)
        comparison = compare_plans(Ground.from_city(city, incidents=incidents), present, plan)
        response = answer(city, present, plan, period)
    return Measured(
        city=city,
        plan=plan,
        period=period,
        compared=compared,
        now=now,
        before=before,
        time=time,
        time_before=time_before,
        months=months,
        month_counts=counts,
        comparison=comparison,
        present=present,
        reach=reach,
        response=response,
        rules=rules,
        delays=report_delays(city, since=period.since, until=period.until),
    )


def told_apart(names: Iterable[object], ids: Iterable[object]) -> npt.NDArray[np.object_]:
    """Return names as texts, with its id behind each that several areas have."""
    words = pd.Series(list(map(str, names)), dtype=object)
    pairs = zip(words, ids, words.duplicated(keep=False), strict=True)
    return np.array(
        [tr("report.name_and_id", name=name, id=one) if twice else name
         for name, one, twice in pairs],
        dtype=object,
    )  # fmt: skip


def has_level(city: City, level: By, plan: Plan | None) -> bool:
    """Return whether a city has areas of a level, or a plan makes them."""
    if level == "beat" and plan is not None:
        return True
    grids = city.get(Kind.GRID)
    return city.has(Kind(level)) or (
        level != "grid" and grids is not None and any(grids.texts(level))
    )


def _time(city: City, period: Period) -> TimeCounts | None:
    if city.incidents is None:
        return None
    counts = count_located(
        city, None, since=period.since, until=period.until, by=("hour", "category")
    )
    hours = counts.table("hour", with_unknown=True)
    categories = counts.table("category", with_unknown=True)
    return TimeCounts(
        hours=hours[:-1].reshape(7, 24).T,
        categories=categories[:-1],
        unknown_category=int(categories[-1]),
        unknown_time=int(hours[-1]),
        total=counts.total,
        occurrences=_occurrences(city, period),
    )


def _occurrences(city: City, period: Period) -> Floats:
    known = None if city.incidents is None else city.incidents.period
    if known is None:
        return np.zeros((7, 24))
    held = period.held or (known[0].date(), known[1].date())
    return replace(period, held=held).occurrences()


def _months(city: City, period: Period) -> tuple[tuple[str, ...], Ints]:
    if city.incidents is None or city.incidents.period is None:
        return (), np.zeros(0, dtype=np.int64)
    counts = count_located(city, None, until=period.until, by=("month",))
    table = counts.table("month")
    months = counts.months
    if period.last is not None:
        last = f"{period.last:%Y-%m}"
        months = tuple(month for month in months if month <= last)
    return months, table[: len(months)]


def measure_reach(city: City, grids: MeasureTable | None) -> ReachedPeople | None:
    """Return whom the rooms and networks of a city reach, or None without rooms or grids.

    Parameters
    ----------
    city
        The city.
    grids
        Its table by grid, of the period.
    """
    if grids is None or not city.has(Kind.ROOM) or not len(city.rooms):
        return None
    ids, xy = places_of(city)
    points = sample_points(city.grids.geometry, _SAMPLES).reshape(-1, 2)
    nearest = StraightLine().nearest(points, xy).room.astype(np.int64)
    held = np.flatnonzero(nearest >= 0)
    places, counts = np.unique(held // _SAMPLES * len(ids) + nearest[held], return_counts=True)
    grid, room, part = places // len(ids), places % len(ids), counts / _SAMPLES
    table = {"id": ids.astype(str), "name": city.rooms.names.astype(str)}
    for name in ("residents", "incidents"):
        amounts = grids.rows[name].to_numpy(dtype=float)[grid] * part
        table[name] = np.bincount(room, weights=amounts, minlength=len(ids))
    for name in ("officers", "auxiliaries"):
        table[name] = city.rooms.counts(name)
    radius_m = city.presets.room_radius_m
    found = {name: places_of(city, name)[1] for name in networks_of(city)}
    return ReachedPeople(
        pd.DataFrame(table),
        grid,
        room,
        part,
        {
            name: covered_share(city.grids.geometry, spots, radius_m=radius_m)
            for name, spots in found.items()
        },
        {name: len(spots) for name, spots in found.items()},
    )


def reach_frame(city: City) -> gpd.GeoDataFrame | None:
    """Return the ground within reach of a room as polygons, or None without rooms.

    One row for the preset radius in a straight line, and where the city has roads one for
    the preset minutes by car along them.
    """
    if not city.has(Kind.ROOM) or not city.has(Kind.GRID) or not len(city.rooms):
        return None
    whole = shapely.make_valid(shapely.union_all(city.grids.geometry))
    radius_m, minutes = city.presets.room_radius_m, city.presets.reach_min
    rows = [("radius", radius_m, "m", ring(city.room_xy, radius_m, clip=whole))]
    if city.has(Kind.ROAD) and len(city.layer(Kind.ROAD)):
        left, low, right, high = shapely.bounds(whole)
        cell_m = float(np.sqrt((right - left) * (high - low) / _CELLS))
        _, travel = travel_of(city, Within(minutes, "min"), "car")
        ground = isochrone(travel, city.room_xy, minutes, clip=whole, cell_m=max(cell_m, 25.0))
        rows.append(("car", minutes, "min", ground))
    frame = pd.DataFrame(rows, columns=["reach", "within", "unit", "geometry"])
    frame.insert(0, "id", [f"{within:g}{unit}" for _, within, unit, _ in rows])
    frame["area_km2"] = shapely.area(frame["geometry"].to_numpy()) / 1e6
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=city.crs)


def answer(
    city: City, present: Plan, plan: Plan, period: Period
) -> tuple[PlanResponse, PlanResponse] | None:
    """Return what the hypercube model says of today's beats and of a plan.

    None where it cannot say: without incident points or a period with limits, where the city
    is so large that it would take minutes, or calls come faster than units can serve.
    """
    hours = _known_hours(city, period)
    if not hours:
        return None
    return respond_to_both(
        city, present, plan, since=period.since, until=period.until, hours=hours
    )


def _known_hours(city: City, period: Period) -> float:
    """Return for how many hours of the period incidents are known; 0 where that is not."""
    known = None if city.incidents is None else city.incidents.period
    if known is None or period.first is None or period.last is None:
        return 0.0
    first, last = max(period.first, known[0].date()), min(period.last, known[1].date())
    return max((last - first + timedelta(days=1)).total_seconds() / 3600.0, 0.0)


@dataclass(frozen=True, slots=True)
class CountChange:
    """How a count changed from one period to another, per day.

    Attributes
    ----------
    now, before
        Counts.
    daily, daily_before
        Counts per day.
    share
        CountChange of the daily rate as a share of the rate before; NaN where nothing was before.
    p_value
        Chance of a difference at least as great if only chance had changed it.
    verdict
        ``up`` or ``down`` beyond chance, ``usual`` within it, ``unknown`` where it cannot be
        told.
    """

    now: int
    before: int
    daily: float
    daily_before: float
    share: float
    p_value: float
    verdict: Literal["up", "down", "usual", "unknown"]

    @property
    def mark(self) -> int:
        """1 for up beyond chance, -1 for down, 0 for neither."""
        return {"up": 1, "down": -1}.get(self.verdict, 0)

    @property
    def difference(self) -> float:
        """Incidents per day more than before."""
        return self.daily - self.daily_before

    @property
    def tells_share(self) -> bool:
        """Whether counts are large enough for a percentage to mean something."""
        return np.isfinite(self.share) and min(self.now, self.before) >= _ENOUGH


@dataclass(frozen=True, slots=True, eq=False)
class LevelHistory:
    """Counts by rows of one level: the city, categories, stations or beats.

    Attributes
    ----------
    ids, names
        Of the rows.
    now
        Incidents of the reported period by row.
    changes
        For each basis the change of each row.
    weeks : (rows, weeks)
        Incidents of each week.
    year_to_date
        Incidents from 1 January to the period's end by row; None where the data begin later.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    now: Ints
    changes: dict[Basis, tuple[CountChange, ...]]
    weeks: Ints
    year_to_date: Ints | None = None

    def change(self, row: int, basis: Basis = "previous") -> CountChange | None:
        """Return the change of a row, or None where there is nothing to compare with."""
        found = self.changes.get(basis)
        return None if found is None else found[row]


@dataclass(frozen=True, slots=True, eq=False)
class CountHistory:
    """Incidents of a period beside others, by category, station and beat.

    Attributes
    ----------
    period
        The reported period.
    compared
        What stands beside it, in the order asked for.
    missing
        Bases asked for of which no data are known.
    levels
        By level; those that the city has.
    week_starts
        The Monday of each whole week shown.
    week_of_period
        Place of the first week that reaches into the period.
    limits
        Limits of the city's weeks.
    crossed
        ``station`` and ``beat``: incidents of the period by row and category.
    crossed_before
        The same of the first basis's other period.
    judged_weeks
        Weeks of history by which changes are judged; 0 where Poisson was assumed.
    """

    period: Period
    compared: tuple[ComparedPeriods, ...]
    missing: tuple[Basis, ...]
    levels: dict[Level, LevelHistory]
    week_starts: tuple[date, ...]
    week_of_period: int
    limits: ControlLimits | None
    crossed: dict[Level, Ints] = field(default_factory=dict)
    crossed_before: dict[Level, Ints] = field(default_factory=dict)
    judged_weeks: int = 0

    @property
    def basis(self) -> Basis | None:
        """The first basis: what "up" and "down" are told against."""
        return self.compared[0].basis if self.compared else None

    def of(self, basis: Basis) -> ComparedPeriods | None:
        """Return the two periods of a basis, or None where it is not shown."""
        return next((each for each in self.compared if each.basis == basis), None)

    @property
    def city(self) -> LevelHistory:
        """The whole city as one row."""
        return self.levels["city"]


@dataclass(frozen=True, slots=True, eq=False)
class _Located:
    """Columns of all incidents with a time: day, category, rows of stations and beats."""

    day: Ints
    category: Ints
    rows: dict[Level, Ints]


def measure_history(
    city: City,
    period: Period,
    bases: Sequence[Basis],
    *,
    plan: Plan | None = None,
    levels: Sequence[Level] = ("station", "beat"),
    alpha: float = 0.05,
) -> CountHistory | None:
    """Count the incidents of a city by period, week, category, station and beat.

    Parameters
    ----------
    city
        The city.
    period
        The reported period; all time has no daily rates and gives None.
    bases
        What to compare it with; those of which no data are known are left out and named.
    plan
        Plan whose beats are counted; the city's own if None.
    levels
        Levels that the city has besides categories.
    alpha
        Chance of any false verdict among those of one basis.
    """
    if city.incidents is None or city.incidents.period is None or period.first is None:
        return None
    assert period.last is not None  # noqa: S101 - a period has both days or none
    first_known, last_known = (stamp.date() for stamp in city.incidents.period)
    compared: list[ComparedPeriods] = []
    missing: list[Basis] = []
    for basis in bases:
        try:
            found = compared_periods(period, basis)
        except InputError:  # a period longer than a year, or at the beginning of time
            missing.append(basis)
            continue
        # Part of a period is no base: its daily rate would be of other days.
        if found.before.first is None or found.before.first < first_known:
            missing.append(basis)
        elif all((found.now, found.before) != (one.now, one.before) for one in compared):
            compared.append(found)
    names: dict[Level, tuple[tuple[str, ...], tuple[str, ...]]] = {
        "category": (city.incidents.categories, city.incidents.categories)
    }
    located = _locate(city, levels, plan, names)
    starts = _weeks(period, first_known, last_known)
    counted: dict[Level, LevelHistory] = {}
    crossed: dict[Level, Ints] = {}
    crossed_before: dict[Level, Ints] = {}
    kinds = len(city.incidents.categories)
    inside = _inside(located.day, period)
    january = period.last.replace(month=1, day=1)
    this_year = None
    if (
        first_known <= january and "ytd" in bases and period.first > january
    ):  # else it is the period
        this_year = _inside(located.day, Period.of_days(january, period.last))
    origin = np.datetime64(starts[0], "D").astype(np.int64) if starts else 0
    week = np.where(located.day >= origin, (located.day - origin) // 7, -1)
    week = np.where(week < len(starts), week, -1)
    sides = [(_inside(located.day, each.now), _inside(located.day, each.before))
             for each in compared]  # fmt: skip
    every: list[tuple[Level, Ints, tuple[str, ...], tuple[str, ...]]] = [
        ("city", np.zeros(len(located.day), np.int64), ("city",), (city.label,)),
        ("category", located.category, *names["category"]),
        *((level, located.rows[level], *names[level]) for level in levels),
    ]
    past = {} if not compared else weekly_counts(city, tuple(levels), plan=plan)  # type: ignore[arg-type] # levels
    tables = [
        _judge(each, every, now, before, past, alpha=alpha)
        for each, (now, before) in zip(compared, sides, strict=True)
    ]
    for level, rows, ids, labels in every:
        size = len(ids)
        changes = {
            each.basis: _changes(table[level], size)
            for each, table in zip(compared, tables, strict=True)
        }
        held = (week >= 0) & (rows >= 0)
        weeks = np.bincount(
            rows[held] * max(len(starts), 1) + week[held], minlength=size * max(len(starts), 1)
        ).reshape(size, max(len(starts), 1))[:, : len(starts)]
        counted[level] = LevelHistory(
            ids,
            labels,
            _count(rows, inside, size),
            changes,
            weeks.astype(np.int64),
            None if this_year is None else _count(rows, this_year, size),
        )
        if level in levels and kinds:
            pairs = np.where(
                (rows >= 0) & (located.category >= 0), rows * kinds + located.category, -1
            )
            crossed[level] = _count(pairs, inside, size * kinds).reshape(size, kinds)
            if sides:
                crossed_before[level] = _count(pairs, sides[0][1], size * kinds).reshape(
                    size, kinds
                )
    begins = next(
        (n for n, day in enumerate(starts) if day + timedelta(days=6) >= period.first), len(starts)
    )
    return CountHistory(
        period,
        tuple(compared),
        tuple(missing),
        counted,
        starts,
        begins,
        control_limits(counted["city"].weeks[0]),
        crossed,
        crossed_before,
        int(tables[0]["city"].attrs["weeks"]) if tables else 0,
    )


def _judge(
    periods: ComparedPeriods,
    every: Sequence[tuple[Level, Ints, tuple[str, ...], tuple[str, ...]]],
    now: Bools,
    before: Bools,
    past: Mapping[str, WeeklyCounts],
    *,
    alpha: float,
) -> dict[str, pd.DataFrame]:
    """Judge the changes of every level together."""
    city = (int(now.sum()), int(before.sum()))
    tables = {}
    for level, rows, ids, _ in every:
        history = past.get(level)
        if history is not None and level == "category":  # its last row is without one
            history = WeeklyCounts(history.start, history.counts[: len(ids)])
        tables[level] = CountedPeriods(
            periods,
            _count(rows, now, len(ids)),
            _count(rows, before, len(ids)),
            None if level == "city" else city,
            history,
        )
    return judge_changes(tables, alpha=alpha)


def _locate(
    city: City,
    levels: Sequence[Level],
    plan: Plan | None,
    names: dict[Level, tuple[tuple[str, ...], tuple[str, ...]]],
) -> _Located:
    """Locate every incident once in all levels; ids and names of the levels go into ``names``."""
    assert city.incidents is not None  # noqa: S101 - checked before
    areas = {}
    for level in levels:
        by: By = level  # type: ignore[assignment] # one of them
        areas[level] = areas_of(city, by, plan)
        names[level] = (
            tuple(map(str, areas[level].ids)),
            tuple(told_apart(areas[level].names, areas[level].ids)),
        )
    columns = ["time", "category", *(str(each.located_by) for each in areas.values())]
    located = city.located
    assert located is not None  # noqa: S101 - there are incidents
    found: dict[str, list[Ints]] = {name: [] for name in ("day", "category", *levels)}
    for part in located.columns(tuple(dict.fromkeys(columns))):
        known = ~np.isnat(part["time"])
        found["day"].append(part["time"][known].astype("datetime64[D]").astype(np.int32))
        found["category"].append(part["category"][known].astype(np.int32))
        for level, each in areas.items():
            found[level].append(each.rows_of(part[str(each.located_by)][known]).astype(np.int32))
    whole = {
        name: np.concatenate(values) if values else np.empty(0, np.int64)
        for name, values in found.items()
    }
    return _Located(whole["day"], whole["category"], {level: whole[level] for level in levels})


def _weeks(period: Period, first_known: date, last_known: date) -> tuple[date, ...]:
    """Return the Mondays of the whole weeks to show, the last of which ends with the period."""
    assert period.last is not None  # noqa: S101 - checked before
    end = min(period.last, last_known)
    monday = end - timedelta(days=(end.weekday() + 1) % 7 + 6)
    most = next(weeks for days, weeks in _WEEKS if period.days <= days)
    starts: list[date] = []
    while len(starts) < most and monday >= first_known:
        starts.append(monday)
        monday -= timedelta(days=7)
    return tuple(reversed(starts))


def _inside(day: Ints, period: Period) -> Bools:
    first = np.datetime64(period.first, "D").astype(np.int64)
    last = np.datetime64(period.last, "D").astype(np.int64)
    return np.asarray((day >= first) & (day <= last), dtype=bool)


def _count(rows: Ints, keep: Bools, size: int) -> Ints:
    held = rows[keep]
    return np.bincount(held[held >= 0], minlength=size).astype(np.int64)


def _changes(judged: pd.DataFrame, size: int) -> tuple[CountChange, ...]:
    """Return the judged changes of the first rows of a table."""
    changes = []
    for row in judged.iloc[:size].itertuples(index=False):
        verdict: Literal["up", "down", "usual", "unknown"] = "usual"
        if row.beyond_chance:
            verdict = "up" if row.per_day_change > 0 else "down"
        changes.append(
            CountChange(
                int(row.now),
                int(row.before),
                float(row.per_day_now),
                float(row.per_day_before),
                float(row.change_percent) / 100.0,
                float(row.p_value),
                verdict,
            )
        )
    return tuple(changes)
