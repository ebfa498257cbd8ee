"""What a report is made of: every figure measured once, before anything is hidden or written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.measure import (
    CountedPeriods,
    MeasureTable,
    Norm,
    PlanResponse,
    count_located,
    judge_changes,
    summarise,
    weekly_counts,
)
from gridmap.measure.period import ComparedPeriods, Period, weekday_occurrences
from gridmap.measure.present import has_beats, present_plan
from gridmap.measure.summary import By
from gridmap.model import City, Kind, Plan
from gridmap.plans import Comparison, Ground, compare_plans
from gridmap.report._reach import Reach, measure_reach
from gridmap.report._response import answer

__all__ = ["LEVELS", "Measured", "Progress", "TimeCounts", "measure_all"]

Ints = npt.NDArray[np.integer[Any]]
Progress = Callable[[str, float], None]

#: What a report has a table of, from small to large.
LEVELS: tuple[By, ...] = ("grid", "beat", "station", "community")


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
    days : (7,) int64
        How often each weekday occurred in the part of the period that the data reach over.
    """

    hours: Ints
    categories: Ints
    unknown_category: int
    unknown_time: int
    total: int
    days: Ints = field(default_factory=lambda: np.ones(7, np.int64))


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
    changes
        Judged changes (`gridmap.measure.judge_changes`) of ``city``, ``category`` and each
        level of ``before``, all together; empty without a period to compare with.
    rules
        Norms of staffing.
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
    reach: Reach | None = None
    response: tuple[PlanResponse, PlanResponse] | None = None
    changes: dict[str, pd.DataFrame] = field(default_factory=dict)
    rules: tuple[Norm, ...] = ()


def measure_all(
    city: City,
    *,
    period: Period,
    compared: Period | None,
    plan: Plan | None,
    rules: tuple[Norm, ...],
    progress: Progress,
    alpha: float = 0.05,
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
    alpha
        Share of reports that may carry a false verdict on a change to ``compared``.
    """
    levels = [level for level in LEVELS if _has(city, level, plan)]
    now: dict[By, MeasureTable] = {}
    before: dict[By, MeasureTable] = {}
    steps = len(levels) + 3
    changing = [level for level in levels if level in {"beat", "station"}] or levels[:1]
    for step, level in enumerate(levels):
        progress(level, step / steps)
        now[level] = summarise(city, by=level, since=period.since, until=period.until, plan=plan)
        if compared is not None and level in changing:
            before[level] = summarise(
                city, by=level, since=compared.since, until=compared.until, plan=plan
            )
    progress("coverage", len(levels) / steps)
    reach = measure_reach(city, now.get("grid"))
    progress("time", (len(levels) + 1) / steps)
    months, counts = _months(city, period)
    time, time_before = _time(city, period), None
    changes: dict[str, pd.DataFrame] = {}
    if compared is not None:
        time_before = _time(city, compared)
        sides = ComparedPeriods("previous", period, compared)
        tables = ((now, before), (time, time_before))
        changes = _judge(city, plan, sides, *tables, alpha=alpha)
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
        changes=changes,
        rules=rules,
    )


def _judge(
    city: City,
    plan: Plan | None,
    periods: ComparedPeriods,
    tables: tuple[dict[By, MeasureTable], dict[By, MeasureTable]],
    times: tuple[TimeCounts | None, TimeCounts | None],
    *,
    alpha: float,
) -> dict[str, pd.DataFrame]:
    """Judge all changes that the report shows together, before anything is hidden."""
    now, before = tables
    history = weekly_counts(city, tuple(before), plan=plan)
    whole = [next(iter(side.values())).totals["incidents"] for side in tables if side]
    if len(whole) < len(tables):  # a city without grids: its incidents, wherever they happened
        if times[0] is None or times[1] is None:
            return {}
        whole = [times[0].total, times[1].total]
    total = (round(whole[0]), round(whole[1]))
    found: dict[str, CountedPeriods] = {
        "city": CountedPeriods(periods, total[:1], total[1:], None, history.get("city"))
    }
    for level, table in before.items():
        found[level] = CountedPeriods(
            periods,
            now[level].rows["incidents"].to_numpy(),
            table.rows["incidents"].to_numpy(),
            total,
            history.get(level),
        )
    if times[0] is not None and times[1] is not None:
        found["category"] = CountedPeriods(
            periods,
            np.append(times[0].categories, times[0].unknown_category),
            np.append(times[1].categories, times[1].unknown_category),
            total,
            history.get("category"),
        )
    return judge_changes(found, alpha=alpha)


def _has(city: City, level: By, plan: Plan | None) -> bool:
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
        days=_weekdays(city, period),
    )


def _weekdays(city: City, period: Period) -> Ints:
    known = None if city.incidents is None else city.incidents.period
    if known is None:
        return np.zeros(7, np.int64)
    first, last = known[0].date(), known[1].date()
    return weekday_occurrences(max(period.first or first, first), min(period.last or last, last))


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
