"""Incidents counted into polygons by hour, category and month, on one machine or a cluster.

At the end: the week's rhythm, and the busy times (重点时段) found in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from gridmap.errors import MissingError
from gridmap.i18n import tr
from gridmap.measure._kernels import HOURS, add_places, fill_places, sum_places
from gridmap.measure.counted import moments_in
from gridmap.measure.period import Moment
from gridmap.model import City, IncidentBatch, Incidents, Kind
from gridmap.model.polygon_index import PolygonIndex
from gridmap.typing import Floats, Ints, Ints32

if TYPE_CHECKING:
    from distributed import Client

Axis = Literal["polygon", "hour", "category", "month"]
_AXES: tuple[Axis, ...] = ("polygon", "hour", "category", "month")

# Up to here a full table is added to; a larger one is kept as sorted places and counts.
_FULL_TABLE = 2**25
_BUFFER = 2**23
_BATCH = 2**16  # arrays of this length stay in the processor's cache


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class IncidentCounts:
    """A sparse table of incidents by polygon, hour of the week, category and month.

    Every incident is in it once: those outside every polygon, without a time, without
    a category or out of the months have a place of their own at the end of each axis.

    Attributes
    ----------
    polygon_count
        Length of the polygon axis without the place for outside.
    categories
        Names of the categories; empty if they were not asked for.
    months
        The months as ``YYYY-MM``; empty if they were not asked for.
    hours
        168 if hours were asked for, else 0. Hour 0 begins on Monday at midnight.
    places, counts
        Places in C order, ascending, and the number of incidents at each, above 0. Places
        are None where ``counts`` is the full table, flat.
    """

    polygon_count: int
    categories: tuple[str, ...]
    months: tuple[str, ...]
    hours: int
    places: Ints | None
    counts: Ints32 | Ints

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Lengths of the axes, places for outside and unknown included."""
        return (
            self.polygon_count + 1,
            self.hours + 1,
            len(self.categories) + 1,
            len(self.months) + 1,
        )

    @property
    def total(self) -> int:
        """Number of incidents, those outside and unknown included."""
        return int(self.counts.sum())

    def sparse(self) -> tuple[Ints, Ints]:
        """Return the places with incidents, ascending, and the number at each."""
        if self.places is not None:
            return self.places, self.counts.astype(np.int64)
        places = np.flatnonzero(self.counts)
        return places, self.counts[places].astype(np.int64)

    def table(self, *axes: Axis, with_unknown: bool = False) -> npt.NDArray[np.integer[Any]]:
        """Return the counts over some axes, summed over all others; read-only.

        Parameters
        ----------
        *axes
            Axes of the result, in the order wanted.
        with_unknown
            Keep the last place of each axis, for incidents outside or unknown. Then the
            table's sum is `total`; otherwise they are left out of the axes asked for.
        """
        known = tuple(slice(0, None if with_unknown else -1) for _ in axes)
        if self.places is None:
            positions = [_AXES.index(axis) for axis in axes]
            others = tuple(axis for axis in range(len(_AXES)) if axis not in positions)
            full = self.counts.reshape(self.shape)
            if any(self.shape[axis] > 1 for axis in others):
                full = full.sum(axis=others, dtype=np.int64, keepdims=True)
            result = full.transpose(*positions, *others).reshape(
                [self.shape[p] for p in positions]
            )
        else:
            result = self._sum_sparse(axes)
        result = result[known]
        result.setflags(write=False)
        return result

    def _sum_sparse(self, axes: tuple[Axis, ...]) -> Ints:
        places, counts = self.sparse()
        lengths = [self.shape[_AXES.index(axis)] for axis in axes]
        strides = np.zeros(len(_AXES), np.int64)
        step = 1
        for axis, length in zip(reversed(axes), reversed(lengths), strict=True):
            strides[_AXES.index(axis)] = step
            step *= length
        full = np.zeros(step, np.int64)
        sum_places(places, counts, np.array(self.shape), strides, full)
        return full.reshape(lengths)

    def __add__(self, other: IncidentCounts) -> IncidentCounts:
        mine = (self.shape, self.categories, self.months)
        if mine != (other.shape, other.categories, other.months):
            message = f"tables of different axes cannot be added: {self!r}, {other!r}"
            raise ValueError(message)
        places: Ints | None
        if self.places is None and other.places is None:
            places, counts = None, self.counts + other.counts
        else:
            places, counts = _merge([self.sparse(), other.sparse()])
        return IncidentCounts(
            self.polygon_count, self.categories, self.months, self.hours, places, counts
        )

    def __repr__(self) -> str:
        return (
            f"IncidentCounts({self.total:,} incidents, {self.polygon_count} polygons, "
            f"{self.hours} hours, {len(self.categories)} categories, {len(self.months)} months)"
        )


class Axes(NamedTuple):
    """What a table is counted by, besides polygons.

    Attributes
    ----------
    categories
        Names of the categories; empty for one table of all.
    months
        First and last month; None for all months together.
    hours
        Whether to distinguish the hours of the week.
    """

    categories: tuple[str, ...] = ()
    months: tuple[np.datetime64, np.datetime64] | None = None
    hours: bool = True


def count_batches(
    index: PolygonIndex,
    batches: Iterable[IncidentBatch],
    axes: Axes,
    *,
    overlaps: Literal["first", "all"] = "first",
) -> IncidentCounts:
    """Count incidents into polygons in one pass over batches.

    Memory does not grow with the number of incidents: a batch is dropped once counted, and
    the table is bounded by its axes.

    Parameters
    ----------
    index
        The polygons.
    batches
        Incidents in the CRS of the polygons.
    axes
        What to distinguish.
    overlaps
        Where polygons overlap or touch, ``first`` counts an incident once, in the polygon
        that comes first; ``all`` counts it in every polygon that covers it.
    """
    parts = (
        (*_locate(index, whole.x[part], whole.y[part], overlaps), whole.time[part],
         whole.category[part])
        for whole in batches
        for part in _slices(len(whole))
    )  # fmt: skip
    return _count(
        ((polygon, time[rows], category[rows]) for polygon, rows, time, category in parts),
        index.polygon_count,
        axes,
    )


def require_incidents(city: City) -> Incidents:
    """Return a city's incidents, located in its layers.

    Raises
    ------
    MissingError
        If it has none, or only counts of its grids.
    """
    found = city.located
    if found is None:
        grids = city.get(Kind.GRID)
        if grids is not None and grids.has("incidents"):
            raise MissingError("measure.error.counts_have_no_places", city=city.label)
        raise MissingError("measure.error.no_incidents", city=city.label)
    return found


def count_located(
    city: City,
    kind: Kind | None,
    *,
    since: Moment = None,
    until: Moment = None,
    by: tuple[Axis, ...] = ("hour", "category", "month"),
) -> IncidentCounts:
    """Count a city's incidents by the grid, beat, station or community that they lie in.

    Where each lies is known since it was imported (`gridmap.model.Incidents.locate`): nothing
    is located again, and only the columns that are counted by are read.

    Parameters
    ----------
    city
        A city with incidents.
    kind
        The layer whose rows are counted; None to count wherever they happened.
    since, until
        Count incidents with ``since <= time < until`` only.
    by
        What to distinguish besides the layer's rows.

    Raises
    ------
    MissingError
        If the city has no such layer.
    """
    incidents = require_incidents(city)
    axes = _axes(incidents, by)
    names = [] if kind is None else [str(kind)]
    if axes.hours:
        names.append("time")
    elif axes.months is not None:
        names.append("month")
    names += ["category"] if axes.categories else []
    first, end = moments_in(city, since, until)
    rows = 0 if kind is None else len(city.layer(kind))
    none, never = np.full(_BATCH, -1, np.int16), np.full(_BATCH, "NaT", "datetime64[s]")

    moment = next((name for name in ("time", "month") if name in names), None)

    def parts() -> Iterator[_Part]:
        for whole in incidents.columns(names or ["category"], since=first, until=end):
            length = len(next(iter(whole.values())))
            for part in _slices(length):
                some = min(part.stop, length) - part.start
                yield (
                    none[:some] if kind is None else whole[str(kind)][part],
                    never[:some] if moment is None else whole[moment][part],
                    whole["category"][part] if axes.categories else none[:some],
                )

    knows_hours = not axes.hours or incidents.knows_hours
    return _count(parts(), rows, axes, knows_hours=knows_hours)


def count_incidents_by(
    city: City, kind: Kind, *, since: Moment = None, until: Moment = None
) -> tuple[Floats, float]:
    """Return the number of incidents in each row of a layer, and of those in none.

    The rules of `count_located` apply.
    """
    counts = count_located(city, kind, since=since, until=until, by=())
    table = counts.table("polygon", with_unknown=True).astype(float)
    return table[:-1], float(table[-1])


_Part = tuple[npt.NDArray[np.integer[Any]], npt.NDArray[np.datetime64], npt.NDArray[np.int16]]


def _count(
    parts: Iterable[_Part], rows: int, axes: Axes, *, knows_hours: bool = True
) -> IncidentCounts:
    """Count parts that say the row, time and category of each incident.

    Where times are known to the day or month only, no incident has an hour.
    """
    months = _months(axes.months)
    hours = HOURS if axes.hours else 0
    sizes = np.array([rows + 1, hours + 1, len(axes.categories) + 1, len(months) + 1])
    table = _CountTable(sizes)
    month_of_day = _month_of_day(months)
    for row, time, category in parts:
        seconds = time.astype("datetime64[s]", copy=False).view(np.int64)
        place = np.empty(len(row), np.int64)
        fill_places(row.astype(np.int64), seconds, category, month_of_day, sizes, place)
        if hours and not knows_hours:
            step = int(sizes[2:].prod())
            place += (hours - place // step % (hours + 1)) * step
        table.add(place)
    places, counts = table.finish()
    names = tuple(str(month) for month in months)
    return IncidentCounts(rows, axes.categories, names, hours, places, counts)


def _slices(length: int) -> Iterator[slice]:
    return (slice(start, start + _BATCH) for start in range(0, length, _BATCH))


def _axes(incidents: Incidents, by: tuple[Axis, ...]) -> Axes:
    period = incidents.period if "month" in by else None
    months = None
    if period is not None:
        months = (np.datetime64(period[0], "M"), np.datetime64(period[1], "M"))
    return Axes(incidents.categories if "category" in by else (), months, "hour" in by)


def _locate(index: PolygonIndex, x: Floats, y: Floats, overlaps: str) -> tuple[Ints, Ints | slice]:
    if overlaps == "first":
        return index.locate(x, y), slice(None)
    rows, polygon = index.locate_all(x, y)
    outside = np.setdiff1d(np.arange(len(x)), rows)
    return np.concatenate([polygon, np.full(len(outside), -1)]), np.concatenate([rows, outside])


def _months(span: tuple[np.datetime64, np.datetime64] | None) -> npt.NDArray[np.datetime64]:
    if span is None:
        return np.empty(0, "datetime64[M]")
    first, last = (month.astype("datetime64[M]") for month in span)
    return np.arange(first, last + 1)


def _month_of_day(months: npt.NDArray[np.datetime64]) -> Ints:
    if not len(months):
        return np.zeros(1, np.int64)
    days = np.arange(months[0].astype("datetime64[D]"), (months[-1] + 1).astype("datetime64[D]"))
    position = (days.astype("datetime64[M]") - months[0]).astype(np.int64)
    return np.concatenate([days[:1].astype(np.int64), position])


class _CountTable:
    """Places being counted: a full table if it is small, sorted runs of places if not."""

    def __init__(self, sizes: Ints) -> None:
        self.sizes = sizes
        self._full = None
        if int(np.prod(sizes)) <= _FULL_TABLE:
            self._full = np.zeros(int(np.prod(sizes)), np.int32)
        self._waiting: list[Ints] = []
        self._runs: list[tuple[Ints, Ints]] = []

    def add(self, place: Ints) -> None:
        if self._full is not None:
            add_places(self._full, place)
            return
        self._waiting.append(place)
        if sum(map(len, self._waiting)) >= _BUFFER:
            self._flush()

    def finish(self) -> tuple[Ints | None, Ints32 | Ints]:
        if self._full is not None:
            return None, self._full
        self._flush()
        return _merge(self._runs)

    def _flush(self) -> None:
        if not self._waiting:
            return
        place = np.concatenate(self._waiting)
        self._waiting.clear()
        place.sort()
        starts = _starts(place)
        self._runs.append((place[starts], np.diff(starts, append=len(place))))
        # Runs of like length are merged, so that none is copied more than a few times.
        while len(self._runs) > 1 and len(self._runs[-2][0]) < 2 * len(self._runs[-1][0]):
            self._runs[-2:] = [_merge(self._runs[-2:])]


def _merge(runs: list[tuple[Ints, Ints]]) -> tuple[Ints, Ints]:
    if not runs:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    if len(runs) == 1:
        return runs[0]
    places = np.concatenate([run[0] for run in runs])
    counts = np.concatenate([run[1] for run in runs])
    order = np.argsort(places, kind="stable")
    places, counts = places[order], counts[order]
    starts = _starts(places)
    if not len(starts):
        return places, counts
    return places[starts], np.add.reduceat(counts, starts)


def _starts(places: Ints) -> Ints:
    new = np.ones(len(places), bool)
    new[1:] = places[1:] != places[:-1]
    return np.flatnonzero(new)


PartT = TypeVar("PartT")


def count_on_cluster(
    index: PolygonIndex,
    parts: Sequence[PartT],
    opener: Callable[[PartT], Iterator[IncidentBatch]],
    axes: Axes,
    *,
    scheduler: str | Client,
) -> IncidentCounts:
    """Count incidents into polygons part by part, on every worker of a cluster.

    Counting is a map and a sum, so the table is the one `count_batches` gives, to the last
    incident, however the parts are spread. Tables of parts are added in pairs on the
    workers; only their sum comes back.

    Parameters
    ----------
    index
        The polygons; sent to each worker once.
    parts
        What the opener opens, for example paths of Parquet files that every worker sees.
    opener
        Yields the batches of a part; must be importable on the workers.
    axes
        What to distinguish besides polygons.
    scheduler
        Address of a scheduler (``tcp://host:8786``), a client, or ``local``: two workers
        of one thread each on this machine.
    """
    from distributed import Client, LocalCluster

    if not parts:
        return count_batches(index, (), axes)
    if scheduler == "local":
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster) as client,
        ):
            return _count_parts(client, index, parts, opener, axes)
    if isinstance(scheduler, str):
        with Client(scheduler) as client:
            return _count_parts(client, index, parts, opener, axes)
    return _count_parts(scheduler, index, parts, opener, axes)


def _count_parts(
    client: Client,
    index: PolygonIndex,
    parts: Iterable[PartT],
    opener: Callable[[PartT], Iterator[IncidentBatch]],
    axes: Axes,
) -> IncidentCounts:
    everywhere = client.scatter(index, broadcast=True, hash=False)
    tables = [
        client.submit(partial(_count_part, opener=opener, axes=axes), everywhere, part, pure=False)
        for part in parts
    ]
    while len(tables) > 1:
        tables = [
            client.submit(_total, tables[at : at + 2], pure=False)
            for at in range(0, len(tables), 2)
        ]
    result: IncidentCounts = tables[0].result()
    return result


def _count_part(
    index: PolygonIndex,
    part: PartT,
    *,
    opener: Callable[[PartT], Iterator[IncidentBatch]],
    axes: Axes,
) -> IncidentCounts:
    return count_batches(index, opener(part), axes)


def _total(tables: list[IncidentCounts]) -> IncidentCounts:
    return reduce(add, tables)


_DAYS, _HOURS = 7, 24
_MOST = 3  # stretches that are named
_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def week_matrix(hours: npt.ArrayLike) -> Floats:
    """Return counts by hour of the week as a matrix of weekdays by hours.

    Parameters
    ----------
    hours
        Counts of the 168 hours, hour 0 on Monday at midnight; shape (..., 168).

    Returns
    -------
    ndarray
        Shape (..., 7, 24), Monday first.
    """
    counts = np.asarray(hours, np.float64)
    if counts.shape[-1:] != (_DAYS * _HOURS,):
        message = f"168 hours are needed, received {counts.shape}"
        raise ValueError(message)
    return counts.reshape(*counts.shape[:-1], _DAYS, _HOURS)


def per_occurrence(hours: npt.ArrayLike, days: npt.ArrayLike) -> Floats:
    """Return incidents of each hour of the week for each time that its weekday occurred.

    A month has four or five of each weekday: only so are they comparable.

    Parameters
    ----------
    hours
        Counts of the 168 hours, Monday first; shape (..., 168).
    days
        How often each weekday occurred, Monday first (`weekday_occurrences`), or each hour of
        the week, (7, 24) (`Period.occurrences`).

    Returns
    -------
    (..., 7, 24) float64
        NaN for hours that did not occur.
    """
    counts, times = week_matrix(hours), _of_hours(days)
    return np.divide(counts, times, out=np.full(counts.shape, np.nan), where=times > 0)


def _of_hours(days: npt.ArrayLike) -> Floats:
    """Return how often each hour of the week occurred, (7, 24)."""
    times = np.asarray(days, np.float64)
    if times.shape == (_DAYS,):
        times = times[:, None]
    elif times.shape != (_DAYS, _HOURS):
        message = f"no seven weekdays, nor 168 hours: {times.shape}"
        raise ValueError(message)
    return np.broadcast_to(times, (_DAYS, _HOURS))


@dataclass(frozen=True, slots=True)
class BusyTime:
    """A stretch of hours on a run of weekdays with more incidents than chance allows.

    Attributes
    ----------
    first_day, days
        First weekday (0 is Monday), and number of days in a row; past Sunday comes Monday.
    first_hour, hours
        First hour, and number of hours in a row; hours past midnight belong to the evening
        they began in.
    incidents, expected
        Incidents, and how many there would have been without a rhythm.
    p_value
        Share of weeks without a rhythm, drawn at random, whose busiest stretch is as striking.
    """

    first_day: int
    days: int
    first_hour: int
    hours: int
    incidents: int
    expected: float
    p_value: float

    @property
    def ratio(self) -> float:
        """Incidents over expected."""
        return self.incidents / self.expected

    def hours_of_week(self) -> Ints:
        """Return the hours of the week that it covers."""
        day = (self.first_day + np.arange(self.days))[:, None] * _HOURS
        hour = self.first_hour + np.arange(self.hours)[None, :]
        return np.asarray(((day + hour) % (_DAYS * _HOURS)).ravel(), np.int64)

    def label(self) -> str:
        """Return days and hours as people say them, in the current language."""
        last = (self.first_day + self.days - 1) % _DAYS
        first_name, last_name = (
            tr(f"measure.day.{_NAMES[day]}") for day in (self.first_day, last)
        )
        if self.days == _DAYS:
            days = tr("measure.busy.daily")
        elif self.days == _DAYS - 1:
            without = tr(f"measure.day.{_NAMES[(last + 1) % _DAYS]}")
            days = tr("measure.busy.all_but", day=without)
        elif self.days == 1:
            days = first_name
        else:
            days = tr("measure.busy.days", first=first_name, last=last_name)
        end = self.first_hour + self.hours
        key = "measure.busy.hours" if end <= _HOURS else "measure.busy.overnight"
        until = end if end <= _HOURS else end - _HOURS
        return tr(key, days=days, since=f"{self.first_hour:02d}:00", until=f"{until:02d}:00")


def busy_times(
    hours: npt.ArrayLike,
    *,
    days: npt.ArrayLike | None = None,
    beside: Literal["even", "profile"] = "even",
    hidden: npt.ArrayLike | None = None,
    longest_h: int = 8,
    alpha: float = 0.05,
    draws: int = 999,
    seed: int = 0,
) -> list[BusyTime]:
    """Find 重点时段: the stretches of the week in which incidents concentrate.

    A scan statistic (Kulldorff 1997, *Communications in Statistics* 26(6)): of every stretch
    of up to ``longest_h`` hours on every run of weekdays, the one with the greatest Poisson
    likelihood ratio ``c log(c / e) + (N - c) log((N - c) / (N - e))``, ``c > e``; its p-value
    is the rank of that ratio among the greatest ratios of weeks without a rhythm, drawn at
    random. Further ones are reported if they share no hour with those before. Expected counts
    follow how often each weekday occurred.

    Parameters
    ----------
    hours
        Incidents in the 168 hours of the week, whole numbers.
    days
        How often each weekday occurred in the period, Monday first (`weekday_occurrences`), or
        each hour of the week, (7, 24) (`Period.occurrences`); equally often if None.
    beside
        What a week without a rhythm is. ``even``: each hour of each day alike; finds busy
        hours. ``profile``: the city's own profile of the day, the same on each weekday; finds
        the days and hours that are special beyond it, and no full week.
    hidden
        Which of the 168 hours no reader may learn of. A stretch over one of them is not named;
        those that are depend, with ``even``, on their own counts and the total alone.
    longest_h
        Longest stretch within a day, hours, up to 23.
    alpha
        Greatest p-value returned.
    draws, seed
        Weeks drawn at random, and the seed of the draws.

    Returns
    -------
    list of BusyTime
        The three most striking at most, in that order; empty if the week has no rhythm.
    """
    counts = week_matrix(hours).astype(np.int64)
    times = _of_hours(np.ones(_DAYS) if days is None else days)
    if (times < 0).any() or counts[times == 0].any():
        message = f"incidents on weekdays or in hours that did not occur: {times}"
        raise ValueError(message)
    total = int(counts.sum())
    if total == 0:
        return []
    profile = counts.sum(axis=0)
    of_day = np.divide(times, times.sum(axis=0), out=np.zeros(times.shape),
                       where=times.sum(axis=0) > 0)  # fmt: skip
    usual = total * times / times.sum() if beside == "even" else of_day * profile
    expected = _stretches(usual[None], longest_h)[0]
    incidents = _stretches(counts[None], longest_h)
    ratios = _ratio(incidents, expected, total)
    if hidden is not None:
        dark = _stretches(week_matrix(hidden)[None], longest_h) > 0
        ratios[dark] = 0.0
    rng = np.random.default_rng(seed)
    greatest = np.empty(draws)
    for start in range(0, draws, 50):
        size = min(50, draws - start)
        if beside == "even":
            weeks = rng.multinomial(total, (usual / total).ravel(), size=size)
            weeks = weeks.reshape(size, _DAYS, _HOURS)
        else:
            weeks = rng.multinomial(profile, of_day.T, size=(size, _HOURS)).transpose(0, 2, 1)
        drawn = _ratio(_stretches(weeks, longest_h), expected, total)
        greatest[start : start + size] = drawn.reshape(size, -1).max(axis=1)
    found: list[BusyTime] = []
    taken = np.zeros(_DAYS * _HOURS, bool)
    # Ratios of the same stretch, whatever the order they were added up in.
    hair = 1e-9 * (1.0 + greatest)
    for place in np.argsort(-ratios[0], axis=None, kind="stable"):
        run, stretch, day, hour = (int(i) for i in np.unravel_index(place, ratios.shape[1:]))
        p_value = (1 + (greatest + hair >= ratios[0].flat[place]).sum()) / (draws + 1)
        if p_value > alpha or len(found) == _MOST:
            break
        item = BusyTime(
            first_day=day,
            days=run + 1,
            first_hour=hour,
            hours=stretch + 1,
            incidents=round(float(incidents[0].flat[place])),
            expected=float(expected.flat[place]),
            p_value=float(p_value),
        )
        if not taken[item.hours_of_week()].any():
            taken[item.hours_of_week()] = True
            found.append(item)
    return found


def _stretches(weeks: npt.NDArray[Any], longest_h: int) -> Floats:
    """Return the sum of each stretch.

    Axes: week, number of days, number of hours, first day, first hour.
    """
    number = len(weeks)
    flat = weeks.reshape(number, -1)
    # Sums of 1, 2, ... hours from each hour of the week on, past Sunday night to Monday.
    stretches = np.cumsum(
        np.stack([np.roll(flat, -hour, axis=1) for hour in range(longest_h)], axis=1), axis=1
    ).reshape(number, longest_h, _DAYS, _HOURS)
    # Then of 1, 2, ... days.
    return np.cumsum(
        np.stack([np.roll(stretches, -day, axis=2) for day in range(_DAYS)], axis=1), axis=1
    ).astype(float)


def _ratio(incidents: Floats, expected: Floats, total: int) -> Floats:
    """Return the likelihood ratio of each stretch; 0 where there are no more than expected."""
    rest, rest_expected = total - incidents, total - expected
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(incidents > 0, incidents * np.log(incidents / expected), 0.0)
        ratio += np.where(rest > 0, rest * np.log(rest / rest_expected), 0.0)
    # What is expected of all days together is what there is, but for rounding.
    ratio[incidents <= expected * (1.0 + 1e-12)] = 0.0
    return ratio
