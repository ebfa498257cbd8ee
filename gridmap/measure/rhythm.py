"""When incidents happen: the week's rhythm, and 重点时段 found in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gridmap.i18n import tr
from gridmap.typing import Floats, Ints

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
