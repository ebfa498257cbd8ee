"""Counts of several periods side by side, week by week, each judged against chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.errors import InputError
from gridmap.measure import CountedPeriods, areas_of, judge_changes, weekly_counts
from gridmap.measure.change import WeeklyCounts
from gridmap.measure.period import Basis, ComparedPeriods, Period, compared_periods
from gridmap.measure.summary import By
from gridmap.model import City, Plan
from gridmap.report.charts import ControlLimits, control_limits

__all__ = ["Change", "History", "LevelHistory", "measure_history"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Level = str  # ``city``, ``category``, ``station`` or ``beat``

#: How many weeks a chart shows, by the length of the period in days.
_WEEKS = ((45, 13), (200, 26), (10_000, 53))
_ENOUGH = 5  # incidents in both periods below which a share of change is not told


@dataclass(frozen=True, slots=True)
class Change:
    """How a count changed from one period to another, per day.

    Attributes
    ----------
    now, before
        Counts.
    daily, daily_before
        Counts per day.
    share
        Change of the daily rate as a share of the rate before; NaN where nothing was before.
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
    changes: dict[Basis, tuple[Change, ...]]
    weeks: Ints
    year_to_date: Ints | None = None

    def change(self, row: int, basis: Basis = "previous") -> Change | None:
        """Return the change of a row, or None where there is nothing to compare with."""
        found = self.changes.get(basis)
        return None if found is None else found[row]


@dataclass(frozen=True, slots=True, eq=False)
class History:
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
    crossed_changes
        The same levels: marks of each row and category against the first basis.
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
    judged: Mapping[str, pd.DataFrame] | None = None,
    judged_against: Period | None = None,
    alpha: float = 0.05,
) -> History | None:
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
    judged, judged_against
        Changes that are judged already, against which period: every table of a report says
        the same of them.
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
    if first_known <= january and "ytd" in bases and period.first >= january:
        this_year = _inside(located.day, Period.of_days(january, period.last))
    origin = np.datetime64(starts[0], "D").astype(np.int64) if starts else 0
    week = np.where(located.day >= origin, (located.day - origin) // 7, -1)
    week = np.where(week < len(starts), week, -1)
    sides = [(_inside(located.day, each.now), _inside(located.day, each.before))
             for each in compared]  # fmt: skip
    every: list[tuple[Level, Ints, tuple[str, ...], tuple[str, ...]]] = [
        ("city", np.zeros(len(located.day), np.int64), ("city",), (city.name,)),
        ("category", located.category, *names["category"]),
        *((level, located.rows[level], *names[level]) for level in levels),
    ]
    tables = []
    past = {} if not compared else weekly_counts(city, tuple(levels), plan=plan)  # type: ignore[arg-type] # levels
    for each, (now, before) in zip(compared, sides, strict=True):
        known = judged if judged and each.before == judged_against else None
        if known is None or any(level not in known for level, *_ in every):
            known = _judge(each, every, now, before, past, alpha=alpha)
        tables.append(known)
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
    return History(
        period,
        tuple(compared),
        tuple(missing),
        counted,
        starts,
        begins,
        control_limits(counted["city"].weeks[0]),
        crossed,
        crossed_before,
    )


def _judge(
    periods: ComparedPeriods,
    every: Sequence[tuple[Level, Ints, tuple[str, ...], tuple[str, ...]]],
    now: npt.NDArray[np.bool_],
    before: npt.NDArray[np.bool_],
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
            tuple(map(str, areas[level].names)),
        )
    columns = ["time", "category", *(str(each.located_by) for each in areas.values())]
    located = city.located
    assert located is not None  # noqa: S101 - there are incidents
    found: dict[str, list[Ints]] = {name: [] for name in ("day", "category", *levels)}
    for part in located.columns(tuple(dict.fromkeys(columns))):
        known = ~np.isnat(part["time"])
        found["day"].append(part["time"][known].astype("datetime64[D]").astype(np.int64))
        found["category"].append(part["category"][known].astype(np.int64))
        for level, each in areas.items():
            found[level].append(each.rows_of(part[str(each.located_by)][known]))
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


def _inside(day: Ints, period: Period) -> npt.NDArray[np.bool_]:
    first = np.datetime64(period.first, "D").astype(np.int64)
    last = np.datetime64(period.last, "D").astype(np.int64)
    return np.asarray((day >= first) & (day <= last), dtype=bool)


def _count(rows: Ints, keep: npt.NDArray[np.bool_], size: int) -> Ints:
    held = rows[keep]
    return np.bincount(held[held >= 0], minlength=size).astype(np.int64)


def _changes(judged: pd.DataFrame, size: int) -> tuple[Change, ...]:
    """Return the judged changes of the first rows of a table."""
    changes = []
    for row in judged.iloc[:size].itertuples(index=False):
        verdict: Literal["up", "down", "usual", "unknown"] = "usual"
        if row.beyond_chance:
            verdict = "up" if row.per_day_change > 0 else "down"
        changes.append(
            Change(
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
