"""考评: beats or stations ranked by the indicators that ``score.toml`` asks for.

A rate of a small beat is high or low by chance. Each indicator that is a count over an exposure,
or a share of a count, is therefore drawn towards the common level by empirical Bayes, and what
is left uncertain is carried into the score and the ranking.
"""

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
import scipy

from gridmap.errors import InputError, MissingError
from gridmap.measure import areas_of, summarise
from gridmap.measure.period import Moment, period_between
from gridmap.measure.watch import count_places
from gridmap.model import City, IncidentBatch, Kind
from gridmap.patrol.demand import count_hours, weekly_dispersion
from gridmap.patrol.norms import line_of
from gridmap.typing import Floats, Ints

_DRAWS = 4_000
_ROUNDS = 60  # of the fit of the spread between units
_SURE = 0.95  # probability that one unit is better than another, to be distinguished
_LEVEL = 0.05  # of the test whether units differ at all
_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class Indicator:
    """One indicator of all units.

    Parameters
    ----------
    key
        What it is called.
    values
        One a unit, in the indicator's unit; NaN where unknown.
    better
        ``high`` or ``low``: which of them is better.
    weight
        Part in the score, above 0.
    target
        The value that is asked for; the mean of the units if None.
    counts, exposure
        Where the value is chance's: events of each unit and what they are over, with
        ``values = scale * counts / exposure``; None for an exact value.
    scale
        See there.
    share
        The events are some of ``exposure`` (a share), not incidents over it (a rate).
    """

    key: str
    values: Floats
    better: Literal["high", "low"] = "low"
    weight: float = 1.0
    target: float | None = None
    counts: Floats | None = None
    exposure: Floats | None = None
    scale: float = 1.0
    share: bool = False


@dataclass(frozen=True, eq=False)
class Assessment:
    """Scores and ranks.

    Attributes
    ----------
    rows
        Best first: ``row`` (of the input), ``score`` (weighted mean of standardised indicators,
        0 is the target or the mean), ``low, high`` (90 % interval), ``rank, rank_low,
        rank_high`` (90 % interval of the rank) and ``band``: the units of one band cannot be
        distinguished from its first.
    estimates
        By indicator, shape (units, indicators): values drawn towards the common level.
    spread
        Standard deviation of each estimate, same shape; 0 where it is exact.
    weight
        The part of each unit's own value in its estimate, 1 where it is exact, same shape.
    """

    rows: pd.DataFrame
    estimates: Floats
    spread: Floats
    weight: Floats


def shrunken(
    counts: npt.ArrayLike, exposure: npt.ArrayLike, *, share: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Return empirical Bayes estimates of rates or shares, their spread and their own part.

    A rate is Poisson over its exposure with a gamma prior (Marshall 1991, *Applied Statistics*
    40(2); Clayton and Kaldor 1987, *Biometrics* 43), a share binomial with a beta prior. Mean
    and variance of the prior are fitted by moments, repeated with the weights that they imply
    until they settle. Where the units differ no more than chance makes them, all have the
    common level, and nobody is better.

    Parameters
    ----------
    counts, exposure
        Shape (n,); nothing is known of a unit whose exposure is 0.
    share
        Whether counts are some of a whole exposure.

    Returns
    -------
    estimate, spread, own
        Shape (n,) each: posterior mean and standard deviation, and the weight of the unit's
        own value, 0 to 1.

    Examples
    --------
    >>> estimate, spread, own = shrunken([1, 100, 60], [10, 1000, 1000])
    >>> bool(own[0] < own[1])
    True
    """
    events, over = np.asarray(counts, np.float64), np.asarray(exposure, np.float64)
    known = over > 0
    rate = np.divide(events, over, out=np.zeros(len(events)), where=known)
    total = over[known].sum()
    mean = events[known].sum() / total if total > 0 else 0.0
    between = 0.0
    for _ in range(_ROUNDS):
        noise = mean * (1.0 - mean) if share else mean
        own = np.zeros(len(events))
        if between > 0:
            own[known] = between / (between + noise / over[known])
        else:
            own[known] = over[known] / over[known].max()
        part = own[known]
        if not part.sum() > 0:
            break
        mean = float((part * rate[known]).sum() / part.sum())
        square = (part * (rate[known] - mean) ** 2).sum()
        excess = square - (part * (1 - part / part.sum()) * noise / over[known]).sum()
        free = part.sum() - (part**2).sum() / part.sum()
        before, between = between, max(0.0, excess / free) if free > 0 else 0.0
        if abs(between - before) <= 1e-9 * max(mean, 1e-12) ** 2:
            break
    if _is_chance(events[known], over[known], share=share):
        mean, between = events[known].sum() / total if total > 0 else 0.0, 0.0
    noise = mean * (1.0 - mean) if share else mean
    own = np.zeros(len(events))
    if between > 0:
        own[known] = between / (between + noise / over[known])
    estimate = own * rate + (1.0 - own) * mean
    variance = np.where(known, own * _noise(estimate, share=share) / np.maximum(over, 1e-300), 0.0)
    variance = np.where(own > 0, variance, between)
    return estimate, np.sqrt(variance), own


def _is_chance(events: Floats, over: Floats, *, share: bool) -> bool:
    """Return whether the units differ no more than chance makes them (homogeneity, chi-square)."""
    if len(events) < 2 or not events.sum() > 0:
        return True
    mean = float(events.sum() / over.sum())
    noise = mean * (1.0 - mean) if share else mean
    if noise <= 0:
        return True
    square = float((over * (events / over - mean) ** 2).sum() / noise)
    return bool(scipy.special.chdtrc(len(events) - 1, square) > _LEVEL)


def _noise(rate: Floats, *, share: bool) -> Floats:
    return np.asarray(rate * (1.0 - rate) if share else rate)


def assess_units(indicators: tuple[Indicator, ...], *, seed: int = 0) -> Assessment:
    """Score and rank units by several indicators.

    Each estimate is standardised by the spread of the true values between units, turned so
    that more is better, and compared with the target or the mean. The score is the weighted
    mean. What each estimate may be off is drawn many times: intervals and chances come from
    there.

    Parameters
    ----------
    indicators
        One or more, of the same units; a unit without a value of one is judged by the others.
    seed
        Of the draws.
    """
    size = len(indicators[0].values)
    estimates, spread, own = (np.full((size, len(indicators)), np.nan) for _ in range(3))
    standard, noise = np.zeros((size, len(indicators))), np.zeros((size, len(indicators)))
    weights = np.zeros((size, len(indicators)))
    for at, one in enumerate(indicators):
        known = np.isfinite(one.values)
        if one.counts is not None and one.exposure is not None:
            value, wide, part = shrunken(
                np.where(known, one.counts, 0.0),
                np.where(known, one.exposure, 0.0),
                share=one.share,
            )
            estimates[:, at], spread[:, at] = one.scale * value, one.scale * wide
            own[:, at] = part
        else:
            estimates[known, at] = one.values[known]
            spread[known, at], own[known, at] = 0.0, 1.0
        held = estimates[known, at]
        middle = (held.mean() if known.any() else 0.0) if one.target is None else one.target
        # The estimates vary less than the truth by just what each is uncertain.
        true = np.sqrt(held.var() + np.mean(spread[known, at] ** 2)) if known.any() else 0.0
        turn = 1.0 if one.better == "high" else -1.0
        if true > 0:
            standard[known, at] = turn * (held - middle) / true
            noise[known, at] = spread[known, at] / true
        weights[known, at] = one.weight
    total = weights.sum(axis=1)
    share = np.divide(
        weights, total[:, None], out=np.zeros_like(weights), where=total[:, None] > 0
    )
    score = np.where(total > 0, (share * standard).sum(axis=1), np.nan)
    wide = np.sqrt((share**2 * noise**2).sum(axis=1))
    rows = _ranked(score, wide, seed)
    return Assessment(rows, estimates, spread, own)


def _ranked(score: Floats, spread: Floats, seed: int) -> pd.DataFrame:
    """Return units in the order of their score, with intervals and bands."""
    known = np.flatnonzero(np.isfinite(score))
    order = known[np.argsort(-score[known], kind="stable")]
    # Equal scores share their ranks by lot.
    lot = np.random.default_rng(seed).normal(size=(_DRAWS, len(order)))
    drawn = score[order] + np.maximum(spread[order], 1e-9) * lot
    ranks = 1 + np.argsort(np.argsort(-drawn, axis=1, kind="stable"), axis=1, kind="stable")
    low, high = (np.quantile(drawn, level, axis=0) for level in _INTERVAL)
    first, last = (
        np.quantile(ranks, level, axis=0, method="nearest").astype(int) for level in _INTERVAL
    )
    band = np.zeros(len(order), int)
    head = 0
    for at in range(1, len(order)):
        better = float((drawn[:, head] > drawn[:, at]).mean())
        if better >= _SURE:
            head = at
            band[at] = band[at - 1] + 1
        else:
            band[at] = band[at - 1]
    return pd.DataFrame(
        {
            "row": order,
            "score": score[order],
            "low": low,
            "high": high,
            "rank": np.arange(1, len(order) + 1),
            "rank_low": first,
            "rank_high": last,
            "band": band + 1,
        }
    )


AssessedBy = Literal["beat", "station", "community"]

#: What an indicator may measure.
MEASURES = (
    "incidents_per_1000_residents", "incidents_per_km2", "repeat_share", "settled_share",
    "covered_residents_share", "residents_per_officer", "auxiliaries_per_officer",
)  # fmt: skip
_OF_INCIDENTS = MEASURES[:4]
_KEYS = {"measure", "better", "weight", "target", "category"}


@dataclass(frozen=True, slots=True)
class Goal:
    """One indicator of ``score.toml``, whose comments describe the fields."""

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
    """Return the goals of a file; gridmap's own if the file does not exist.

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
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is a ValueError
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
    by: AssessedBy,
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
    city: City, by: AssessedBy, goal: Goal, rows: pd.DataFrame, since: Moment, until: Moment
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


def _dispersion(city: City, by: AssessedBy, since: Moment, until: Moment) -> float:
    """Return variance over mean of the units' weekly counts, 1 where no times are known."""
    try:
        counts = count_hours(city, "beat" if by == "community" else by, since=since, until=until)
    except MissingError:
        return 1.0
    busy = [weekly_dispersion(row) for row in counts.weekly if row.sum()]
    return float(np.mean(busy)) if busy else 1.0


def _parts(
    city: City, by: AssessedBy, goal: Goal, since: Moment, until: Moment
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
    city: City, by: AssessedBy, goal: Goal, since: Moment, until: Moment
) -> tuple[Floats, Floats]:
    """Return settled and all disputes of each unit: of the categories that are ever settled."""
    assert city.incidents is not None  # noqa: S101 - asked before
    shape = len(areas_of(city, by).ids), len(city.incidents.categories) + 1  # -1: without one
    settled, total = np.zeros(shape), np.zeros(shape)
    for batch, unit in _parts(city, by, goal, since, until):
        if batch.settled is not None:
            closed = ~np.isnat(batch.settled)
            np.add.at(total, (unit, batch.category), 1)
            np.add.at(settled, (unit[closed], batch.category[closed]), 1)
    dispute = settled.any(axis=0)
    return settled.sum(axis=1), total[:, dispute].sum(axis=1)


def _shares(events: Floats, total: Floats) -> _Values | None:
    if not total.sum():
        return None
    values = np.divide(events, total, out=np.full(len(total), np.nan), where=total > 0)
    return values, events, total


def _of_staff(city: City, by: AssessedBy, goal: Goal, rows: pd.DataFrame) -> _Values | None:
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
