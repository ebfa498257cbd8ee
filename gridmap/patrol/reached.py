"""Calls reached in time by officers on duty, for each hour of the week: the hypercube model.

Officers stand at the posts of the beats: one beat's police room, or where it has none the middle
of its calls. With fewer officers than beats those of the heaviest beats are manned, and their
units cover the neighbours; with more, each beat has one, and then the beats with most calls an
officer have another. Larson (1974), "A hypercube queuing model for facility location and
redistricting in urban emergency services", *Computers & Operations Research* 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from gridmap.measure import apportion, areas_of
from gridmap.measure.crosswalk import centres
from gridmap.measure.hypercube import car_travel, minutes_between, reached_shares
from gridmap.measure.period import Moment
from gridmap.measure.pieces import Areas
from gridmap.model import City, Kind
from gridmap.patrol.demand import HOURS, Unit, hours_of_week, timed_parts
from gridmap.typing import Floats, Ints

__all__ = ["Reached", "officers_for_target", "reached_in_time"]


_SMALL = 0.1  # of an even share: beats with fewer of a unit's calls are not manned
_LITTLE = 5e-4  # of the calls: an officer who saves fewer is the last that is looked at
_STEP = 30  # beyond so many officers not each number is looked at
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
        officers reach a share that is greater by much than the last.
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
    """Return the least officers that reach a share of the calls in each hour.

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
    by: Unit,
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


def _posted(city: City, by: Unit) -> Areas | None:
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
