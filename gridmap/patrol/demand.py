"""Officers needed in each hour of the week, and the calls that officers on duty reach in time.

The second is the hypercube model. Officers stand at the posts of the beats: one beat's police
room, or where it has none the middle of its calls. With fewer officers than beats those of the
heaviest beats are manned, and their units cover the neighbours; with more, each beat has one,
and then the beats with most calls an officer have another. Larson (1974), "A hypercube queuing
model for facility location and redistricting in urban emergency services", *Computers &
Operations Research* 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy
import shapely

from gridmap.errors import MissingError
from gridmap.measure import apportion, areas_of, weekday_occurrences
from gridmap.measure.counting import require_incidents
from gridmap.measure.crosswalk import centres
from gridmap.measure.hypercube import car_travel, minutes_between, reached_shares
from gridmap.measure.period import Moment, period_between
from gridmap.measure.pieces import Areas
from gridmap.model import City, Kind
from gridmap.patrol.norms import Norms
from gridmap.typing import Floats, Ints

#: Hours of a week; hour 0 begins on Monday at midnight.
HOURS = 168
#: The weekdays, as keys of the catalogue (``measure.day.mon``).

DutyUnit = Literal["city", "station", "beat"]
_DAY_S = 86_400
_WEEK_S = 7 * _DAY_S
_MONDAY_S = 4 * _DAY_S  # 1970-01-01 was a Thursday: the first Monday came four days later


@dataclass(frozen=True, eq=False, kw_only=True)
class HourCounts:
    """Incidents of each unit by hour of the week and category.

    Parameters
    ----------
    ids, names
        Units: the city, its stations or its beats, shape (u,).
    categories
        Names of the categories.
    counts
        Shape (u, 168, categories + 1); the last place holds those without a category.
    weekly
        Incidents of each unit in each whole week, shape (u, weeks).
    occurrences
        How often each hour of the week occurred in the period, shape (168,).
    first, last
        First and last day that were counted.
    outside
        Incidents with a time that lie in no unit.
    untimed
        Incidents without a time: nobody knows their hour.
    """

    ids: npt.NDArray[np.object_]
    names: npt.NDArray[np.object_]
    categories: tuple[str, ...]
    counts: Ints
    weekly: Ints
    occurrences: Floats
    first: date
    last: date
    outside: int
    untimed: int


def timed_parts(
    city: City, names: Iterable[str], *, since: Moment = None, until: Moment = None
) -> Iterator[tuple[dict[str, npt.NDArray[Any]], int]]:
    """Yield columns of a city's incidents that have a time, part by part.

    Parameters
    ----------
    city
        A city with incidents.
    names
        ``x, y, category``, or kinds of layers that incidents were located in.
    since, until
        Those with ``since <= time < until``.

    Yields
    ------
    columns : dict
        What was asked for, and ``seconds`` since 1970, local time, whole.
    untimed : int
        Incidents of the part without a time.

    Raises
    ------
    MissingError
        If there are no incidents.
    """
    incidents = require_incidents(city)
    first, end = period_between(since, until)
    wanted = list(names)
    for part in incidents.columns([*wanted, "time"]):
        known = ~np.isnat(part["time"])
        untimed = int((~known).sum())
        if first is not None:
            known &= part["time"] >= first
        if end is not None:
            known &= part["time"] < end
        found = {name: part[name][known] for name in wanted}
        found["seconds"] = part["time"][known].astype("datetime64[s]").astype(np.int64)
        yield found, untimed


def hours_of_week(seconds: Ints) -> Ints:
    """Return the hours of the week, 0 to 167, of seconds since 1970, local time."""
    return np.asarray((seconds - _MONDAY_S) % _WEEK_S // 3600)


def count_hours(
    city: City, by: DutyUnit, *, since: Moment = None, until: Moment = None
) -> HourCounts:
    """Count a city's incidents by unit, hour of the week and category.

    Parameters
    ----------
    city
        A city with incidents that have times.
    by
        What a unit is.
    since, until
        Count incidents with ``since <= time < until``; the whole period if None.

    Raises
    ------
    MissingError
        If there are no incidents, none has a time of day, or there are no such units.
    """
    incidents = require_incidents(city)
    areas = areas_of(city, by)
    column = str(areas.located_by)
    first, end = period_between(since, until)
    units, cats = len(areas.ids), len(incidents.categories) + 1
    counts = np.zeros(units * HOURS * cats, np.int64)
    rows_of_weeks: list[Ints] = []
    outside = untimed = 0
    lowest, highest = np.iinfo(np.int64).max, np.iinfo(np.int64).min
    for part, lost in timed_parts(city, [column, "category"], since=since, until=until):
        untimed += lost
        seconds = part["seconds"]
        if not len(seconds):
            continue
        lowest, highest = min(lowest, int(seconds.min())), max(highest, int(seconds.max()))
        unit = areas.rows_of(part[column])
        category = part["category"].astype(np.int64)
        category = np.where(category < 0, cats - 1, category)
        inside = unit >= 0
        outside += int((~inside).sum())
        place = (unit * HOURS + hours_of_week(seconds)) * cats + category
        counts += np.bincount(place[inside], minlength=len(counts))
        rows_of_weeks.append(np.stack([unit, (seconds - _MONDAY_S) // _WEEK_S])[:, inside])
    if highest < lowest:
        raise MissingError("patrol.error.no_times", city=city.label)
    shaped = counts.reshape(units, HOURS, cats)
    if (shaped.sum(axis=(0, 2)).reshape(7, 24)[:, 1:] == 0).all():
        raise MissingError("patrol.error.no_hours", city=city.label)
    start = int(first.astype(np.int64)) if first is not None else lowest
    stop = int(end.astype(np.int64)) - 1 if end is not None else highest
    # Whole days: the first incident of a day is not the day's beginning.
    start, stop = start // _DAY_S * _DAY_S, (stop // _DAY_S + 1) * _DAY_S - 1
    days = [pd.Timestamp(second, unit="s").date() for second in (start, stop)]
    occurrences = np.repeat(weekday_occurrences(*days), 24).astype(np.float64)
    return HourCounts(
        ids=areas.ids, names=areas.names, categories=incidents.categories, counts=shaped,
        weekly=_whole_weeks(rows_of_weeks, units, start, stop), occurrences=occurrences,
        first=days[0], last=days[1], outside=outside, untimed=untimed,
    )  # fmt: skip


def _whole_weeks(parts: list[Ints], units: int, start: int, stop: int) -> Ints:
    """Return counts by unit and week, of the weeks that lie whole in the period."""
    low = -((_MONDAY_S - start) // _WEEK_S)  # the first Monday at or after the start
    weeks = max(0, (stop + 1 - _MONDAY_S) // _WEEK_S - low)
    table = np.zeros(units * weeks, np.int64)
    for unit, week in parts:
        inside = (week >= low) & (week < low + weeks)
        table += np.bincount(unit[inside] * weeks + week[inside] - low, minlength=len(table))
    return table.reshape(units, weeks)


def work_by_hour(
    counts: npt.ArrayLike, categories: tuple[str, ...], occurrences: npt.ArrayLike, norms: Norms
) -> tuple[Floats, Floats]:
    """Return mean incidents and mean busy officers in each hour of the week.

    An incident begins at any moment of its hour with equal chance and keeps an officer busy
    for its category's handling time, into the following hours where that is longer (the mean
    of an infinite-server queue with a rate that is constant within each hour; Eick, Massey
    and Whitt 1993).

    Parameters
    ----------
    counts
        Incidents by hour of the week and category, shape (168, categories + 1); the last
        column holds those without a category.
    categories
        Names of the categories.
    occurrences
        How often each hour of the week occurred, shape (168,); an hour that never did has no
        incidents and no demand.
    norms
        Handling minutes.

    Returns
    -------
    incidents, busy
        Both of shape (168,).
    """
    often = np.asarray(occurrences, np.float64)[:, None]
    table = np.asarray(counts, np.float64) / np.maximum(often, 1.0)
    busy = np.zeros(HOURS)
    for column, name in enumerate((*categories, "default")):
        for late, share in enumerate(_hours_of_work(norms.minutes_of(name) / 60.0)):
            busy += share * np.roll(table[:, column], late)
    return table.sum(axis=1), busy


def _hours_of_work(hours: float) -> Floats:
    """Return how much of an incident's work falls into its own hour, the next, and so on.

    The incident begins uniformly within its hour; the parts add up to ``hours``.
    """

    def ramp(x: Floats) -> Floats:  # mean of max(x - T, 0) for T uniform on 0 to 1
        return np.where(x <= 0, 0.0, np.where(x <= 1, 0.5 * x * x, x - 0.5))

    edge = np.arange(int(np.ceil(hours)) + 2, dtype=np.float64)
    done = ramp(edge) - ramp(edge - hours)  # mean work done by each full hour
    return np.asarray(np.diff(done))


def officers_needed(
    busy: npt.ArrayLike,
    *,
    dispersion: float = 1.0,
    service: float = 0.9,
    prevention_share: float = 0.4,
) -> Floats:
    """Return the officers that should be on duty where a mean number is busy.

    The least whole number with which every open incident has an officer at ``service`` of all
    moments, and with which ``prevention_share`` of duty time is free on average. The number
    of open incidents is Poisson, or negative binomial where counts are overdispersed.

    Parameters
    ----------
    busy
        Mean officers handling incidents, any shape.
    dispersion
        Variance over mean, at least 1.
    service, prevention_share
        Shares, 0 to below 1.

    Examples
    --------
    >>> officers_needed([0.0, 1.0, 1.0], service=0.9, prevention_share=0.0).tolist()
    [0.0, 2.0, 2.0]
    >>> float(officers_needed(6.0, service=0.5, prevention_share=0.4))
    10.0
    """
    mean = np.asarray(busy, np.float64)
    # By the chances themselves: scipy.stats takes most of a second to import.
    peak = float(mean.max(initial=0.0))
    number = np.arange(int(peak + 12.0 * np.sqrt(max(dispersion, 1.0) * (peak + 1.0)) + 40.0))
    if dispersion > 1.0 + 1e-9:
        size = np.maximum(mean / (dispersion - 1.0), 1e-12)
        below = scipy.special.betainc(size[..., None], number + 1.0, 1.0 / dispersion)
    else:
        below = scipy.special.pdtr(number, mean[..., None])
    at_peak = np.where(mean > 0, (below < service).sum(axis=-1), 0.0)
    on_average = np.maximum(np.ceil(mean / (1.0 - prevention_share) - 1e-9), 0.0)
    return np.asarray(np.maximum(at_peak, on_average), np.float64)


def weekly_dispersion(weekly: npt.ArrayLike) -> float:
    """Return variance over mean of a unit's counts by whole week, at least 1.

    Neighbouring weeks are compared (the mean squared difference over twice the mean), so that
    a trend or a season does not pass for unrest.
    """
    counts = np.asarray(weekly, np.float64)
    if len(counts) < 8 or counts.mean() <= 0:
        return 1.0
    return float(max(1.0, 0.5 * np.mean(np.diff(counts) ** 2) / counts.mean()))


def mean_handling(counts: npt.ArrayLike, categories: tuple[str, ...], norms: Norms) -> float:
    """Return the mean handling minutes over a table of counts by hour and category."""
    totals = np.asarray(counts, np.float64).sum(axis=0)
    minutes = np.array([norms.minutes_of(name) for name in (*categories, "default")])
    return float(totals @ minutes / totals.sum()) if totals.sum() > 0 else float(minutes[-1])


_SMALL = 0.1  # of an even share: beats with fewer of a unit's calls are not manned
_LITTLE = 5e-4  # of the calls: an officer who saves fewer is the last that is looked at
_STEP = 30  # beyond this number of officers not every number is tried
_MOST_AREAS = 60  # of a city as one unit: more beats take minutes
_NEAR = 0.01  # officers are enough if all others could reach no greater share of calls


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """What share of its calls a unit's officers reach in time.

    Parameters
    ----------
    posts
        Names of the beats in the order in which they are manned.
    shares
        By hour of the week and officers on duty from 0 on, shape (168, numbers); no more
        officers reach a share that is much greater than the last.
    exact_to
        Up to how many officers all states were solved; Larson's approximation beyond.
    """

    posts: tuple[str, ...]
    shares: Floats
    exact_to: int

    def of(self, on_duty: npt.ArrayLike) -> Floats:
        """Return the share of each hour, between whole officers in proportion, shape (168,)."""
        duty = np.minimum(np.asarray(on_duty, np.float64), self.shares.shape[1] - 1.0)
        low = np.floor(duty).astype(np.int64)
        high = np.minimum(low + 1, self.shares.shape[1] - 1)
        hours = np.arange(HOURS)
        begin = self.shares[hours, low]
        return np.asarray(begin + (duty - low) * (self.shares[hours, high] - begin))


def officers_for_target(shares: npt.ArrayLike, target: float) -> tuple[Floats, bool]:
    """Return the fewest officers that reach a share of the calls in each hour.

    Parameters
    ----------
    shares
        Shares reached, shape (hours, numbers); see `Reached`.
    target
        The share, 0 to 1.

    Returns
    -------
    needed : ndarray of shape (hours,)
        Where no number reaches the target, the least that is within 0.01 of the greatest share.
    met : bool
        Whether the target can be met in every hour.
    """
    table = np.asarray(shares, np.float64)
    most = table.max(axis=1, keepdims=True)
    wanted = np.where(most >= target, target, most - _NEAR)
    return np.argmax(table >= wanted, axis=1).astype(np.float64), bool((most >= target).all())


def reached_in_time(
    city: City,
    by: DutyUnit,
    busy: Floats,
    handling_minutes: Floats,
    *,
    minutes: float,
    since: Moment = None,
    until: Moment = None,
) -> list[Reached]:
    """Return the share of each unit's calls that are reached in time, by hour and officers.

    Wait for a free officer and way by car count together, along roads where the city has them.
    Each hour is taken in the steady state of its offered load (the modified offered load;
    Jagerman 1975), which lies over the beats as that hour's calls do and within a beat over
    the grids as the calls of the whole period do.

    Parameters
    ----------
    city
        A city with grids and incidents.
    by
        What a unit is.
    busy
        Mean officers busy in each hour, shape (units, 168); see `work_by_hour`.
    handling_minutes
        Mean minutes that a call of each unit keeps an officer busy, the way there included,
        shape (units,).
    minutes
        Within which a call should be reached.
    since, until
        Incidents with ``since <= time < until``.

    Raises
    ------
    MissingError
        If the city has no grids or no incidents.
    """
    x, y = centres(city.grids.geometry)
    xy = np.column_stack([x, y])
    beats = _posted(city, by)
    units = areas_of(city, by)
    calls = _calls(city, units, beats, since, until)
    rooms = {kind: _room_areas(city, kind) for kind in ("beat", "station")}
    travel = car_travel(city)
    made = []
    for unit in range(len(units.ids)):
        areas = _areas(calls, unit)
        points, grids = _points(calls, unit, areas)
        if not len(areas):
            made.append(Reached((), np.ones((HOURS, 2)), 1))
            continue
        middles = points @ xy[grids] / points.sum(axis=1, keepdims=True)
        named = [
            (by, str(units.ids[unit]), str(units.names[unit]))
            if beats is None or area == len(beats.ids)
            else (str(beats.by), str(beats.ids[area]), str(beats.names[area]))
            for area in areas
        ]
        posts = np.array(
            [_post(city, rooms.get(kind), area, middle)
             for (kind, area, _), middle in zip(named, middles, strict=True)]
        )  # fmt: skip
        handling = float(handling_minutes[unit])
        rates = _rates(calls, unit, areas, busy[unit] / handling * 60.0)
        way = minutes_between(travel, xy[grids], posts)
        table, exact_to = _table(rates, way, points, handling, minutes)
        made.append(Reached(tuple(name for _, _, name in named), table, exact_to))
    return made


def _table(
    rates: Floats, travel: Floats, points: Floats, handling: float, minutes: float
) -> tuple[Floats, int]:
    """Return shares by hour and officers, shape (168, numbers), and up to where they are exact."""
    weight, calls = points.sum(axis=1), rates.sum(axis=1)
    numbers, columns, exact_to = [0], [np.where(calls > 0, 0.0, 1.0)], 0
    enough, saved = float(calls.max()) * handling / 60.0, 1.0
    while numbers[-1] <= enough or saved >= _LITTLE:
        last = numbers[-1]
        officers = last + max(1, last // _STEP)
        if officers <= len(weight):
            servers = (np.arange(len(weight)) < officers).astype(np.int64)
        else:
            servers = apportion(weight, officers, method="minimax")
        share, exact = reached_shares(rates, travel, points, servers, handling, minutes=minutes)
        # An officer more may stay aside: nothing gets worse.
        columns.append(np.maximum(share, columns[-1]))
        numbers.append(officers)
        exact_to = officers if exact else exact_to
        saved = float(calls @ (columns[-1] - columns[-2])) / float(calls.sum()) / (officers - last)
    every = np.arange(numbers[-1] + 1)
    table = np.stack([np.interp(every, numbers, hour) for hour in np.column_stack(columns)])
    return table, exact_to


@dataclass(frozen=True, slots=True, eq=False)
class _Calls:
    """Calls by unit, area (beat; the last is none), hour and grid, as columns of a table."""

    by_hour: Ints  # (units, areas, 168)
    codes: Ints  # (unit * areas + area) * grids + grid, sorted
    counts: Ints
    grids: int


def _calls(city: City, units: Areas, beats: Areas | None, since: Moment, until: Moment) -> _Calls:
    areas, grids = 1 + (0 if beats is None else len(beats.ids)), len(city.grids)
    by_hour = np.zeros(len(units.ids) * areas * HOURS, np.int64)
    parts: list[Ints] = []
    wanted = ["grid", str(units.located_by)] + ([] if beats is None else [str(beats.located_by)])
    for part, _ in timed_parts(city, dict.fromkeys(wanted), since=since, until=until):
        unit, grid = units.rows_of(part[wanted[1]]), part["grid"].astype(np.int64)
        area = np.full(len(unit), areas - 1)
        if beats is not None:
            beat = beats.rows_of(part[wanted[2]])
            area = np.where(beat < 0, area, beat)
        inside = (unit >= 0) & (grid >= 0)
        pair = (unit * areas + area)[inside]
        by_hour += np.bincount(
            pair * HOURS + hours_of_week(part["seconds"][inside]), minlength=len(by_hour)
        )
        parts.append(pair * grids + grid[inside])
    codes, counts = np.unique(np.concatenate(parts), return_counts=True)
    return _Calls(by_hour.reshape(len(units.ids), areas, HOURS), codes, counts, grids)


def _areas(calls: _Calls, unit: int) -> Ints:
    """Return the areas of a unit that posts stand in, those with most calls first."""
    total = calls.by_hour[unit].sum(axis=1)
    held = np.flatnonzero(total)
    held = held[total[held] >= _SMALL * total.sum() / max(len(held), 1)]
    return held[np.argsort(-total[held], kind="stable")]


def _points(calls: _Calls, unit: int, areas: Ints) -> tuple[Floats, Ints]:
    """Return a unit's calls by area and grid, shape (areas, grids), and the rows of the grids."""
    first = unit * calls.by_hour.shape[1]
    pair, grid = np.divmod(calls.codes, calls.grids)
    place = np.full(calls.by_hour.shape[1], -1)
    place[areas] = np.arange(len(areas))
    inside = (pair >= first) & (pair < first + len(place))
    at = place[pair[inside] - first]
    grids, column = np.unique(grid[inside][at >= 0], return_inverse=True)
    points = np.zeros((len(areas), len(grids)))
    points[at[at >= 0], column] = calls.counts[inside][at >= 0]
    return points, grids


def _rates(calls: _Calls, unit: int, areas: Ints, per_h: Floats) -> Floats:
    """Return the offered calls an hour of each area, shape (168, areas)."""
    table = calls.by_hour[unit][areas].T.astype(np.float64)
    quiet = table.sum(axis=1) == 0  # work from the hours before lies as the week's
    table[quiet] = table.sum(axis=0)
    return np.asarray(per_h[:, None] * table / table.sum(axis=1, keepdims=True))


def _posted(city: City, by: DutyUnit) -> Areas | None:
    """Return the areas whose posts are manned: beats, of a large city stations, or none."""
    for kind in ("beat", "station"):
        if kind == by:
            return None
        if city.has(Kind(kind)) or (city.has(Kind.GRID) and city.grids.has(kind)):
            areas = areas_of(city, kind)
            if by == "station" or len(areas.ids) <= _MOST_AREAS:
                return areas
    return None


def _room_areas(city: City, kind: str) -> npt.NDArray[np.object_]:
    """Return the beat or station of each room: the one it names, else the one it lies in."""
    rooms, layer = city.get(Kind.ROOM), city.get(Kind(kind))
    if rooms is None:
        return np.empty(0, dtype=object)
    named = np.array(city.named(rooms, Kind(kind)), dtype=object)
    if layer is not None:
        tree = shapely.STRtree(layer.geometry)
        room, area = tree.query(shapely.points(city.room_xy), predicate="intersects")
        blank = named[room] == ""
        named[room[blank]] = layer.ids[area[blank]]
    return named


def _post(city: City, rooms: npt.NDArray[np.object_] | None, area: str, middle: Floats) -> Floats:
    """Return where an area's officers stand: its room nearest to its calls, else their middle."""
    own = city.room_xy[rooms == area] if rooms is not None else city.room_xy
    if not len(own):
        return middle
    return np.asarray(own[np.argmin(np.hypot(*(own - middle).T))])
