"""同比 and 环比: what changed from period to period, and whether chance explains it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.i18n import tr
from gridmap.measure.chance import Dispersion, adjust_p, estimate_dispersion, share_p_value
from gridmap.measure.period import ComparedPeriods
from gridmap.measure.pieces import areas_of
from gridmap.measure.summary import By
from gridmap.model import City, Plan
from gridmap.typing import Floats, Ints

__all__ = [
    "CountedPeriods",
    "WeeklyCounts",
    "change_verdict",
    "judge_changes",
    "rest_p_value",
    "weekly_counts",
]


@dataclass(frozen=True, slots=True, eq=False)
class WeeklyCounts:
    """Incidents of some rows in consecutive weeks: the history that dispersion comes from.

    Attributes
    ----------
    start
        First day of the first week.
    counts : (n, weeks) int64
        One row per beat, station, category ...
    """

    start: date
    counts: Ints

    def dispersion(self, periods: ComparedPeriods) -> Dispersion:
        """Return variance over mean of each row, after removing the period's own level."""
        weeks = self.counts.shape[1]
        middle = np.datetime64(self.start, "D") + 7 * np.arange(weeks) + 3
        now = periods.now
        steps = (middle >= np.datetime64(now.first, "D")) & (
            middle <= np.datetime64(now.last, "D")
        )
        length = round(min(now.days, periods.before.days) / 7)
        return estimate_dispersion(self.counts, steps=steps, length_weeks=length)


@dataclass(frozen=True, slots=True, eq=False)
class CountedPeriods:
    """Counts of two periods, row by row, of one table.

    Attributes
    ----------
    periods
        The two periods.
    now, before : (n,) int64
        Incidents of each row.
    city
        Incidents of the whole city now and before, of which the rows are parts; None for rows
        that are whole cities themselves.
    history
        Weekly counts of the same rows, or None where none are known.
    """

    periods: ComparedPeriods
    now: npt.ArrayLike
    before: npt.ArrayLike
    city: tuple[int, int] | None = None
    history: WeeklyCounts | None = None


def judge_changes(
    tables: Mapping[str, CountedPeriods], *, alpha: float = 0.05
) -> dict[str, pd.DataFrame]:
    """Judge the changes of all tables of a report together.

    Two questions are asked of each row. Did it change beyond chance: given ``now + before``,
    the count now is a share ``days now / days of both`` of it (`share_p_value`). Did it
    change unlike the city: the same with the share of the rest of the city in place of the
    days', the rest's own chance allowed for. Dispersion comes from the rows' weekly counts
    (`estimate_dispersion`); without 26 weeks of them Poisson is assumed. All answers of all
    tables are corrected together by Holm's method: where nothing changed, at most a share
    ``alpha`` of reports calls anything a change.

    Parameters
    ----------
    tables
        What the report contains, hidden rows too: suppression changes no verdict.
    alpha
        Share of reports with any false verdict that is accepted.

    Returns
    -------
    dict of DataFrame
        For each table ``now, before, per_day_now, per_day_before, per_day_change,
        change_percent`` (of the daily rate; NaN where there was nothing before), ``p_value,
        city_p_value`` (NaN where there is no rest of the city), ``beyond_chance,
        unlike_city`` and ``dispersion``; ``attrs["weeks"]`` is the length of the history, 0
        where Poisson was assumed.
    """
    found = {key: _table(table) for key, table in tables.items()}
    columns = ("p_value", "city_p_value")
    every = [table[name].to_numpy(dtype=float) for table in found.values() for name in columns]
    adjusted = adjust_p(np.concatenate(every or [np.empty(0)]), method="holm")
    parts = iter(np.split(adjusted, np.cumsum([len(part) for part in every])[:-1]))
    for table in found.values():
        for name in ("beyond_chance", "unlike_city"):
            table[name] = np.nan_to_num(next(parts), nan=1.0) <= alpha
    return found


def weekly_counts(
    city: City,
    by: Sequence[By] = (),
    *,
    plan: Plan | None = None,
    hours: Sequence[int] = (),
    categories: Sequence[int] = (),
) -> dict[str, WeeklyCounts]:
    """Count a city's incidents by week from the first day with data.

    Parameters
    ----------
    city
        A city with incidents.
    by
        Kinds of places to distinguish, besides the whole ``city`` and each ``category`` (the
        last row is without one).
    plan
        Plan whose beats, and their stations, stand in for the city's own.
    hours, categories
        Count these hours of the week (0 is Monday at midnight) and categories only; all if
        empty.

    Returns
    -------
    dict of WeeklyCounts
        By ``city``, ``category`` and each of ``by``; empty where no times are known or a week
        is not full.
    """
    incidents = city.located
    if incidents is None or incidents.period is None:
        return {}
    first, last = (stamp.date() for stamp in incidents.period)
    weeks = ((last - first).days + 1) // 7
    if not weeks:
        return {}
    areas = {str(level): areas_of(city, level, plan) for level in by}
    sizes = {"city": 1, "category": len(incidents.categories) + 1}
    sizes |= {level: len(each.ids) for level, each in areas.items()}
    counts = {key: np.zeros(size * weeks, np.int64) for key, size in sizes.items()}
    names = sorted({"time", "category", *(str(each.located_by) for each in areas.values())})
    start = np.datetime64(first, "s")
    for part in incidents.columns(
        names, since=start, until=start + np.timedelta64(7 * weeks, "D")
    ):
        since = (part["time"].astype("datetime64[s]") - start).astype(np.int64)
        week, kind = since // 604_800, part["category"].astype(np.int64)
        keep = np.ones(len(week), bool)
        if len(categories):
            keep &= np.isin(kind, list(categories))
        if len(hours):
            keep &= np.isin((since // 3600 + 24 * first.weekday()) % 168, list(hours))
        rows = {"city": np.zeros(len(week), np.int64), "category": kind}
        rows["category"] = np.where(kind < 0, len(incidents.categories), kind)
        rows |= {key: each.rows_of(part[str(each.located_by)]) for key, each in areas.items()}
        for key, row in rows.items():
            held = keep & (row >= 0)
            counts[key] += np.bincount(
                row[held] * weeks + week[held], minlength=sizes[key] * weeks
            )
    return {key: WeeklyCounts(first, found.reshape(-1, weeks)) for key, found in counts.items()}


def change_verdict(*, beyond_chance: bool, unlike_city: bool = False) -> str:
    """Return a row's verdict in words, in the current language."""
    if unlike_city:
        return tr(
            "measure.verdict.unlike_city" if beyond_chance else "measure.verdict.unlike_only"
        )
    return tr("measure.verdict.beyond" if beyond_chance else "measure.verdict.chance")


def rest_p_value(
    now: npt.ArrayLike,
    before: npt.ArrayLike,
    city: tuple[int, int] | None,
    dispersion: Dispersion,
) -> Floats:
    """Test whether each row changed as the rest of the city did.

    Parameters
    ----------
    now, before
        Incidents of each row in two periods.
    city
        Incidents of the whole city, of which the rows are parts, in both.
    dispersion
        Variance over mean of the rows.

    Returns
    -------
    (n,) float64
        Two-sided p of the row's share now compared with that of the rest; NaN where there is no
        row or no rest to compare.
    """
    new, old = (np.asarray(side, np.float64) for side in (now, before))
    both = new + old
    found = np.full(len(new), np.nan)
    if city is None:
        return found
    rest, rest_now = sum(city) - both, city[0] - new
    tested = (rest_now > 0) & (rest_now < rest) & (both > 0)
    # The rest's share varies too: its variance adds to the row's, in the row's own measure.
    others = float(np.average(dispersion.factor, weights=both)) if both.sum() else 1.0
    factor = dispersion.factor[tested] + others * both[tested] / rest[tested]
    found[tested] = share_p_value(
        new[tested],
        both[tested],
        rest_now[tested] / rest[tested],
        dispersion=factor,
        freedom=dispersion.freedom[tested],
    )
    return found


def _rates(
    now: npt.ArrayLike, before: npt.ArrayLike, days_now: float, days_before: float
) -> pd.DataFrame:
    new, old = (np.rint(np.asarray(side, np.float64)).astype(np.int64) for side in (now, before))
    if new.shape != old.shape or (new < 0).any() or (old < 0).any():
        message = "counts must be of one length and not negative"
        raise ValueError(message)
    rate, usual = new / days_now, old / days_before
    share = np.divide(100.0 * (rate - usual), usual, out=np.full(len(new), np.nan), where=old > 0)
    return pd.DataFrame(
        {
            "now": new,
            "before": old,
            "per_day_now": rate,
            "per_day_before": usual,
            "per_day_change": rate - usual,
            "change_percent": share,
        }
    )


def _own_p(
    table: pd.DataFrame, days_now: float, days_before: float, dispersion: Dispersion | None
) -> Floats:
    used = Dispersion.poisson(len(table)) if dispersion is None else dispersion
    return share_p_value(
        table["now"],
        table["now"] + table["before"],
        days_now / (days_now + days_before),
        dispersion=used.factor,
        freedom=used.freedom,
    )


def _table(counted: CountedPeriods) -> pd.DataFrame:
    periods = counted.periods
    days_now, days_before = periods.now.days, periods.before.days
    table = _rates(counted.now, counted.before, days_now, days_before)
    dispersion = Dispersion.poisson(len(table))
    if counted.history is not None and len(table):
        if len(counted.history.counts) != len(table):
            message = f"{len(counted.history.counts)} rows of history for {len(table)} rows"
            raise ValueError(message)
        dispersion = counted.history.dispersion(periods)
    table["p_value"] = _own_p(table, days_now, days_before, dispersion)
    table["city_p_value"] = rest_p_value(table["now"], table["before"], counted.city, dispersion)
    table["dispersion"] = dispersion.factor
    table.attrs["weeks"] = dispersion.weeks
    return table
