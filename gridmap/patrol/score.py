"""The indicators of an assessment: what ``score.toml`` asks for, measured for each unit."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.errors import InputError, MissingError
from gridmap.measure import areas_of, summarise
from gridmap.measure.assessment import Indicator
from gridmap.measure.disputes import count_places
from gridmap.measure.period import Moment, period_between
from gridmap.model import City, IncidentBatch, Kind
from gridmap.patrol.demand import count_hours, weekly_dispersion
from gridmap.patrol.norms import line_of
from gridmap.typing import Floats, Ints

__all__ = ["MEASURES", "Goal", "MeasuredUnits", "measure_goals", "read_goals"]

By = Literal["beat", "station", "community"]

#: What an indicator may measure.
MEASURES = (
    "incidents_per_1000_residents",
    "incidents_per_km2",
    "repeat_share",
    "settled_share",
    "covered_residents_share",
    "residents_per_officer",
    "auxiliaries_per_officer",
)
_OF_INCIDENTS = MEASURES[:4]
_KEYS = {"measure", "better", "weight", "target", "category"}


@dataclass(frozen=True, slots=True)
class Goal:
    """One indicator as ``score.toml`` asks for it; see there."""

    name: str
    measure: str
    better: Literal["high", "low"] = "low"
    weight: float = 1.0
    target: float | None = None
    category: str = ""


@dataclass(frozen=True, eq=False)
class MeasuredUnits:
    """The units and their indicators.

    Attributes
    ----------
    ids, names
        Of the units, shape (n,).
    goals, indicators
        What was asked and could be measured, and its values.
    missing
        Goals for which the city has no data.
    """

    ids: npt.NDArray[np.object_]
    names: npt.NDArray[np.object_]
    goals: tuple[Goal, ...]
    indicators: tuple[Indicator, ...]
    missing: tuple[Goal, ...]


def read_goals(path: Path | None = None) -> tuple[Goal, ...]:
    """Return the goals of a file; gridmap's own where there is none.

    Parameters
    ----------
    path
        A ``score.toml``.

    Raises
    ------
    InputError
        If it is no TOML, asks for nothing, or has a wrong key or value; it names key and line.
    """
    text, name = (files(__package__) / "score.toml").read_text(encoding="utf-8"), "score.toml"
    if path is not None and path.exists():
        name = path.name
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError("patrol.error.norms_file", file=name) from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError("patrol.error.norms_toml", file=name, reason=str(error)) from error
    if not tables:
        raise InputError("patrol.error.score_empty", file=name, known=", ".join(MEASURES))
    return tuple(_goal(key, table, text, name) for key, table in tables.items())


def _goal(key: str, table: Any, text: str, file: str) -> Goal:  # noqa: ANN401 - as TOML reads it
    line = line_of(text, key)
    if not isinstance(table, dict):
        raise InputError("patrol.error.score_table", file=file, line=line, name=key)

    def line_in_table(name: str) -> int:
        return line + line_of("\n".join(text.splitlines()[line:]), name) if name in table else line

    for name in table:
        if name not in _KEYS:
            known = ", ".join(sorted(_KEYS))
            raise InputError(
                "patrol.error.norms_key", file=file, line=line_in_table(name), name=name,
                known=known,
            )  # fmt: skip
    goal = Goal(key, **{"measure": key, **table})
    wrong = [
        name
        for name, good in (
            ("measure", goal.measure in MEASURES),
            ("better", goal.better in ("high", "low")),
            ("weight", _is_number(goal.weight) and goal.weight > 0),
            ("target", goal.target is None or _is_number(goal.target)),
            ("category", isinstance(goal.category, str)),
        )
        if not good
    ]
    if wrong:
        raise InputError(
            "patrol.error.score_value", file=file, line=line_in_table(wrong[0]),
            name=f"{key}.{wrong[0]}", known=", ".join(MEASURES),
        )  # fmt: skip
    return goal


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e12


def measure_goals(
    city: City,
    by: By,
    goals: Sequence[Goal],
    *,
    since: Moment = None,
    until: Moment = None,
) -> MeasuredUnits:
    """Measure a city's units by some goals.

    Parameters
    ----------
    city
        The city.
    by
        What a unit is.
    goals
        What is asked.
    since, until
        Count incidents with ``since <= time < until``.

    Raises
    ------
    MissingError
        If none of the goals can be measured.
    """
    table = summarise(city, by=by, since=since, until=until)
    rows = table.rows
    found: list[Indicator] = []
    kept: list[Goal] = []
    missing: list[Goal] = []
    for goal in goals:
        made = None
        if goal.measure in _OF_INCIDENTS:
            made = _of_incidents(city, by, goal, rows, since, until)
        elif goal.measure == "covered_residents_share":
            values = rows["covered_residents_share"].to_numpy(dtype=float)
            made = (values, None, None) if np.isfinite(values).any() else None
        else:
            made = _of_staff(city, by, goal, rows)
        if made is None:
            missing.append(goal)
            continue
        values, counts, exposure = made
        kept.append(goal)
        found.append(
            Indicator(
                goal.name,
                values,
                better=goal.better,
                weight=float(goal.weight),
                target=None if goal.target is None else float(goal.target),
                counts=counts,
                exposure=exposure,
                scale=1000.0 if goal.measure == "incidents_per_1000_residents" else 1.0,
                share=goal.measure.endswith("_share"),
            )
        )
    if not found:
        names = ", ".join(
            f"{goal.name} ({goal.category})" if goal.category else goal.name for goal in missing
        )
        raise MissingError("patrol.error.score_missing", city=city.label, names=names)
    return MeasuredUnits(
        rows["id"].to_numpy(dtype=object), rows["name"].to_numpy(dtype=object), tuple(kept),
        tuple(found), tuple(missing),
    )  # fmt: skip


_Values = tuple[Floats, Floats | None, Floats | None]  # values, counts, exposure


def _of_incidents(
    city: City, by: By, goal: Goal, rows: pd.DataFrame, since: Moment, until: Moment
) -> _Values | None:
    """Return a rate or share of incidents with its counts; None without data for it."""
    incidents = city.located
    if incidents is None or (goal.category and goal.category not in incidents.categories):
        return None
    if goal.measure == "settled_share":
        return _shares(*_settled(city, by, goal, since, until))
    found = list(_parts(city, by, goal, since, until))
    if not found:
        return None
    events = np.concatenate([unit for _, unit in found] or [np.empty(0, np.int64)])
    total = np.bincount(events, minlength=len(rows)).astype(float)
    if goal.measure == "repeat_share":
        x, y = (np.concatenate([getattr(part, axis) for part, _ in found]) for axis in "xy")
        place, times = count_places(x, y)
        again = events[times[place] > 1]
        return _shares(np.bincount(again, minlength=len(rows)).astype(float), total)
    per_person = goal.measure.endswith("residents")
    over = rows["residents" if per_person else "area_km2"].to_numpy(dtype=float)
    if not np.nansum(over) > 0:
        return None
    values = np.full(len(rows), np.nan)
    np.divide((1000.0 if per_person else 1.0) * total, over, out=values, where=over > 0)
    # Counts that vary more than Poisson ones say less of the rate, by just that much.
    wide = _dispersion(city, by, since, until)
    return values, total / wide, np.nan_to_num(over) / wide


def _dispersion(city: City, by: By, since: Moment, until: Moment) -> float:
    """Return variance over mean of the units' weekly counts, 1 where no times are known."""
    try:
        counts = count_hours(city, "beat" if by == "community" else by, since=since, until=until)
    except MissingError:
        return 1.0
    busy = [weekly_dispersion(row) for row in counts.weekly if row.sum()]
    return float(np.mean(busy)) if busy else 1.0


def _parts(
    city: City, by: By, goal: Goal, since: Moment, until: Moment
) -> Iterator[tuple[IncidentBatch, Ints]]:
    """Yield the incidents of a goal that lie in a unit, and the units."""
    incidents = city.located
    assert incidents is not None  # noqa: S101 - asked before
    areas = areas_of(city, by)
    first, end = period_between(since, until)
    wanted = incidents.categories.index(goal.category) if goal.category else None
    for batch in incidents.batches(since=first, until=end):
        unit = areas.rows_of(np.asarray(batch.column(str(areas.located_by)), np.int64))
        keep = unit >= 0
        if wanted is not None:
            keep &= batch.category == wanted
        yield batch.take(keep), unit[keep].astype(np.int64)


def _settled(
    city: City, by: By, goal: Goal, since: Moment, until: Moment
) -> tuple[Floats, Floats]:
    """Return settled and all disputes of each unit: of the categories that are ever settled."""
    size = len(areas_of(city, by).ids)
    settled, total = np.zeros(size), np.zeros(size)
    for batch, unit in _parts(city, by, goal, since, until):
        if batch.settled is None:
            continue
        closed = ~np.isnat(batch.settled)
        dispute = np.isin(batch.category, np.unique(batch.category[closed]))
        total += np.bincount(unit[dispute], minlength=size)
        settled += np.bincount(unit[closed], minlength=size)
    return settled, total


def _shares(events: Floats, total: Floats) -> _Values | None:
    if not total.sum():
        return None
    values = np.divide(events, total, out=np.full(len(total), np.nan), where=total > 0)
    return values, events, total


def _of_staff(city: City, by: By, goal: Goal, rows: pd.DataFrame) -> _Values | None:
    """Return residents or auxiliaries per officer of each unit, exact."""
    layer = city.get(Kind.BEAT)
    if layer is None or not layer.is_counted("officers"):
        return None
    homes = layer.ids if by == "beat" else city.named(layer, Kind(by))
    place = {str(one): row for row, one in enumerate(rows["id"])}
    at = np.array([place.get(str(home), -1) for home in homes])

    def summed(name: str) -> Floats:
        inside = at >= 0
        held = layer.counts(name)[inside]
        return np.bincount(at[inside], weights=held, minlength=len(rows)).astype(float)

    officers = summed("officers")
    over = summed("auxiliaries") if goal.measure.startswith("aux") else rows["residents"]
    values = np.divide(
        np.asarray(over, float), officers, out=np.full(len(rows), np.nan), where=officers > 0
    )
    return (values, None, None) if np.isfinite(values).any() else None
