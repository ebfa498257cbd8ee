"""警力跟着警情走: what each beat needs by the norms, has and lacks, and who goes where."""

from __future__ import annotations

import heapq
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.errors import InfeasibleError, InputError
from gridmap.i18n import current_language
from gridmap.typing import Floats, Ints

__all__ = ["Norm", "apportion", "norms", "staff_needed"]

NormKind = Literal["per_beat", "per_village", "people_per_officer", "auxiliaries_per_officer"]
_QUOTA_DIGITS = 9
_KINDS = ("per_beat", "per_village", "people_per_officer", "auxiliaries_per_officer")


@dataclass(frozen=True, slots=True)
class Norm:
    """A rule of staffing with its source; `dataclasses.replace` changes its figures.

    Attributes
    ----------
    id, zh, en
        Its name in the data file, and in both languages.
    source_zh, source_en
        Where it was read, in both languages.
    kind
        ``per_beat`` and ``per_village``: staff for each; ``people_per_officer``: residents
        and migrants that one officer can look after at most; ``auxiliaries_per_officer``:
        at least so many.
    where
        ``urban``, ``rural`` or both (empty).
    officers, auxiliaries, people
        The figures that its kind uses.
    """

    id: str
    zh: str
    en: str
    source_zh: str
    source_en: str
    kind: NormKind
    where: str = ""
    officers: float = 0.0
    auxiliaries: float = 0.0
    people: float = 0.0

    def __post_init__(self) -> None:
        """Check that the figures make sense."""
        figures = (self.officers, self.auxiliaries, self.people)
        if self.kind not in _KINDS or self.where not in ("", "urban", "rural"):
            raise InputError("measure.error.norm", id=self.id, received=(self.kind, self.where))
        if min(figures) < 0 or (self.kind == "people_per_officer" and not self.people > 0):
            raise InputError("measure.error.norm", id=self.id, received=figures)

    @property
    def name(self) -> str:
        """The name in the current language."""
        return self.zh if current_language() == "zh" else self.en

    @property
    def source(self) -> str:
        """Where it was read, in the current language."""
        return self.source_zh if current_language() == "zh" else self.source_en


@cache
def norms() -> tuple[Norm, ...]:
    """Return the norms that gridmap carries; every figure is a preset, none a constant."""
    text = (files(__package__) / "norms.toml").read_text(encoding="utf-8")
    return tuple(Norm(id=name, **entry) for name, entry in tomllib.loads(text).items())


def staff_needed(beats: pd.DataFrame, *, rules: Iterable[Norm] | None = None) -> pd.DataFrame:
    """Return what each beat needs by the norms, has and lacks.

    A beat needs the most that any norm asks, rounded up to whole people.

    Parameters
    ----------
    beats
        One row per beat with ``residents``, and if known ``migrants`` (added to them),
        ``villages``, ``urban`` (True if missing), ``officers`` and ``auxiliaries`` (those
        it has; 0 if missing).
    rules
        The norms; those of `norms` if None.

    Returns
    -------
    DataFrame
        Index of ``beats``; ``officers_needed, auxiliaries_needed``, the id of the norm that
        asks most (``officers_norm, auxiliaries_norm``, empty if none asks), and
        ``officers_lacking, auxiliaries_lacking`` (0 if it has enough).
    """
    people = beats["residents"].to_numpy(float) + _column(beats, "migrants", 0.0)
    urban = _column(beats, "urban", 1.0) > 0
    villages = _column(beats, "villages", 0.0)
    has = {name: _column(beats, name, 0.0) for name in ("officers", "auxiliaries")}
    need = {name: np.zeros(len(beats)) for name in has}
    asks = {name: np.full(len(beats), "", dtype=object) for name in has}

    def ask(name: str, rule: Norm, amount: Floats) -> None:
        where = {"urban": urban, "rural": ~urban}.get(rule.where, np.ones(len(beats), bool))
        more = where & (np.ceil(amount - 1e-9) > need[name])
        need[name][more] = np.ceil(amount - 1e-9)[more]
        asks[name][more] = rule.id

    # Auxiliaries per officer come last: they follow from the officers needed.
    order = sorted(rules or norms(), key=lambda rule: rule.kind == "auxiliaries_per_officer")
    for rule in order:
        if rule.kind == "people_per_officer":
            ask("officers", rule, people / rule.people)
        elif rule.kind == "auxiliaries_per_officer":
            officers = np.maximum(need["officers"], has["officers"])
            ask("auxiliaries", rule, rule.auxiliaries * officers)
        else:
            number = np.ones(len(beats)) if rule.kind == "per_beat" else villages
            ask("officers", rule, rule.officers * number)
            ask("auxiliaries", rule, rule.auxiliaries * number)
    return pd.DataFrame(
        {
            "officers_needed": need["officers"],
            "officers_norm": asks["officers"],
            "officers_lacking": np.maximum(need["officers"] - has["officers"], 0.0),
            "auxiliaries_needed": need["auxiliaries"],
            "auxiliaries_norm": asks["auxiliaries"],
            "auxiliaries_lacking": np.maximum(need["auxiliaries"] - has["auxiliaries"], 0.0),
        },
        index=beats.index,
    )


def apportion(
    demand: npt.ArrayLike,
    total: int,
    *,
    method: Literal["largest remainder", "minimax"] = "largest remainder",
    least: int = 1,
) -> Ints:
    """Apportion a fixed number of officers to beats by their demand.

    ``largest remainder`` (Hamilton): each beat gets the whole part of its quota ``total *
    demand_i / sum demand``, and what is left goes to the greatest remainders. ``minimax``:
    the greatest demand per officer becomes as small as it can be; giving one officer after
    the other to the beat with the greatest demand per officer does that.

    Parameters
    ----------
    demand
        Workload or incidents of each beat, not negative.
    total
        Officers to apportion.
    method
        How.
    least
        Officers that every beat has at least. Of equal beats the first gets more.

    Raises
    ------
    InfeasibleError
        If the total is not enough for the least.
    """
    wanted = np.asarray(demand, np.float64)
    if wanted.ndim != 1 or not (wanted >= 0).all() or least < 0:
        message = "demand and least must not be negative"
        raise ValueError(message)
    if total < least * len(wanted):
        raise InfeasibleError(
            "measure.error.too_few_officers", total=total, beats=len(wanted), least=least
        )
    given = np.full(len(wanted), least, np.int64)
    if not len(wanted):
        return given
    if method == "minimax":
        return _minimax(wanted, given, total)
    weight = wanted if wanted.sum() > 0 else np.ones(len(wanted))
    # Rounded, so that equal beats are equal and ties go by order, not by rounding errors.
    quota = np.round(total * weight / weight.sum(), _QUOTA_DIGITS)
    given = np.maximum(np.floor(quota).astype(np.int64), least)
    remainder = np.round(quota - given, _QUOTA_DIGITS)
    while given.sum() < total:
        at = int(np.argmax(remainder))
        given[at] += 1
        remainder[at] = round(remainder[at] - 1, _QUOTA_DIGITS)
    while given.sum() > total:  # the least took more than the quota gives
        spare = np.where(given > least, remainder, np.inf)
        at = int(np.argmin(spare))
        given[at] -= 1
        remainder[at] = round(remainder[at] + 1, _QUOTA_DIGITS)
    return given


def _minimax(wanted: Floats, given: Ints, total: int) -> Ints:
    queue = [(-_per_officer(wanted[i], given[i]), i) for i in range(len(wanted))]
    heapq.heapify(queue)
    for _ in range(total - int(given.sum())):
        _, at = heapq.heappop(queue)
        given[at] += 1
        heapq.heappush(queue, (-_per_officer(wanted[at], given[at]), at))
    return given


def _per_officer(wanted: float, officers: int) -> float:
    if not officers:
        return np.inf if wanted > 0 else 0.0
    return float(f"{wanted / officers:.12g}")  # equal beats tie in spite of rounding errors


def _column(table: pd.DataFrame, name: str, default: float) -> Floats:
    if name not in table.columns:
        return np.full(len(table), default)
    return table[name].fillna(default).to_numpy(dtype=float)
