"""Officers needed in each hour of the week, from incidents and their handling time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from gridmap.errors import MissingError
from gridmap.measure import areas_of, weekday_occurrences
from gridmap.measure.period import Moment, period_between
from gridmap.model import City
from gridmap.patrol.norms import Norms
from gridmap.typing import Floats, Ints

__all__ = [
    "HOURS",
    "HourCounts",
    "Unit",
    "count_hours",
    "hours_of_week",
    "mean_handling",
    "officers_needed",
    "timed_parts",
    "weekly_dispersion",
    "work_by_hour",
]

#: Hours of a week; hour 0 begins on Monday at midnight.
HOURS = 168
#: The weekdays, as keys of the catalogue (``measure.day.mon``).

Unit = Literal["city", "station", "beat"]
_DAY_S = 86_400
_WEEK_S = 7 * _DAY_S
_MONDAY_S = 4 * _DAY_S  # 1970-01-01 was a Thursday: the first Monday came four days later


@dataclass(frozen=True, eq=False)
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
    incidents = city.located
    if incidents is None:
        raise MissingError("measure.error.no_incidents", city=city.label)
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


def count_hours(city: City, by: Unit, *, since: Moment = None, until: Moment = None) -> HourCounts:
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
    incidents = city.located
    if incidents is None:
        raise MissingError("measure.error.no_incidents", city=city.label)
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
        areas.ids, areas.names, incidents.categories, shaped,
        _whole_weeks(rows_of_weeks, units, start, stop), occurrences, days[0], days[1],
        outside, untimed,
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
