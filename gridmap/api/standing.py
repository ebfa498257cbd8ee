"""Where plans stand: their figures side by side, and among plans drawn by chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from gridmap.errors import InfeasibleError

if TYPE_CHECKING:
    from gridmap.partition import Ensemble, HeldOut, Problem, Rung, Scores

__all__ = [
    "CHANCE_PLANS",
    "BoundJson",
    "ChanceJson",
    "HeldOutJson",
    "PlanPoint",
    "PlanRow",
    "PointJson",
    "RungJson",
    "SectorJson",
    "chance_json",
    "chance_of",
    "held_out_json",
    "point_of",
    "rung_json",
]

#: Plans drawn unless said; a share is then right to about three points of a hundred.
CHANCE_PLANS = 1_000


class BoundJson(TypedDict):
    """What is known about the best possible value of an objective."""

    objective: str
    value: float
    lower: float | None
    gap: float | None
    proven: bool


class PlanRow(TypedDict):
    """The figures of one plan; see `gridmap.partition.plan_rows`."""

    name: str
    beats: int
    pieces_max: int
    max_deviation: float
    cv: float
    gini: float
    mean_polsby_popper: float
    cut_border_km: float
    kept_share: float | None
    kept_work_share: float | None
    grids_split: int
    communities_split: int | None
    mean_travel: float | None
    travel_unit: str
    seconds: float
    objective: str
    tolerance: float
    net_deviation: float
    feasible: bool
    proven: bool
    bounds: list[BoundJson]


class PointJson(TypedDict):
    """A plan's figures, and the shares of plans drawn by chance that are below it."""

    name: str
    today: bool
    max_deviation: float
    cut_border_km: float
    mean_travel: float | None
    travel_unit: str
    kept_share: float | None
    chance: dict[str, float]
    sentence: str


class ChanceJson(TypedDict):
    """The plans drawn by chance: how many, how even at worst, and whether chains agree."""

    plans: int
    tolerance: float
    r_hat: float


class RungJson(TypedDict):
    """The best plan found with at most so many changed grids."""

    allowed: int
    changed: int
    max_deviation: float
    cut_border_km: float
    mean_travel: float | None
    sentence: str


class SectorJson(TypedDict):
    """The beats of a sector, and its share of the work."""

    beats: list[str]
    share: float


class HeldOutJson(TypedDict):
    """How plans made without a period fare on it."""

    periods: list[str]
    worst: list[float]
    within: float
    covered: float
    sentence: str


@dataclass(frozen=True, kw_only=True)
class PlanPoint:
    """One plan as a point of the trade-off between balance, border, travel and change.

    Attributes
    ----------
    name, today
        What it is called, and whether these are today's beats.
    max_deviation, cut_border_km, mean_travel, kept_share
        Less is better but for what is kept; None where it is not known.
    travel_unit
        ``m`` or ``min``.
    chance
        Share of plans drawn by chance with a smaller ``cut_m``, ``travel_m``,
        ``max_deviation``; empty where none were drawn.
    """

    name: str
    today: bool
    max_deviation: float
    cut_border_km: float
    mean_travel: float | None
    travel_unit: str
    kept_share: float | None
    chance: Mapping[str, float] = field(default_factory=dict)

    def sentence(self, language: str | None = None) -> str:
        """Return how the plan stands among plans drawn by chance, blank where none were."""
        from gridmap.i18n import tr

        if not self.chance:
            return ""
        key = "plan" if "travel_m" in self.chance else "plan_without_travel"
        return tr(f"partition.ensemble.{key}", language=language, name=self.name, **self.chance)

    def to_dict(self) -> PointJson:
        """Return the JSON of a point."""
        return {
            "name": self.name,
            "today": self.today,
            "max_deviation": self.max_deviation,
            "cut_border_km": self.cut_border_km,
            "mean_travel": self.mean_travel,
            "travel_unit": self.travel_unit,
            "kept_share": self.kept_share,
            "chance": dict(self.chance),
            "sentence": self.sentence(),
        }


def chance_of(problem: Problem, plans: int, *, tolerance: float, seed: int = 0) -> Ensemble | None:
    """Return plans drawn by chance, or None where none are wanted or there is only one.

    Parameters
    ----------
    plans
        How many; 0 for none.
    tolerance
        Worst deviation of the plans drawn.
    """
    from gridmap.partition import neutral_ensemble

    if not plans or problem.beats < 2:
        return None
    try:
        return neutral_ensemble(problem, plans=plans, tolerance=tolerance, seed=seed)
    except InfeasibleError:
        return None


def chance_json(chance: Ensemble | None) -> ChanceJson | None:
    """Return the JSON of the plans drawn."""
    if chance is None:
        return None
    return {
        "plans": chance.plans,
        "tolerance": chance.tolerance,
        "r_hat": max(chance.r_hat.values()),
    }


def point_of(
    problem: Problem, name: str, scores: Scores, chance: Ensemble | None, *, today: bool = False
) -> PlanPoint:
    """Return a plan's point; plans drawn with another number of beats say nothing about it."""
    alike = chance is not None and len(scores.labels) == problem.beats
    return PlanPoint(
        name=name,
        today=today,
        max_deviation=scores.max_deviation,
        cut_border_km=scores.cut_m / 1000.0,
        mean_travel=scores.mean_travel,
        travel_unit="m" if problem.travel is None else "min",
        kept_share=scores.kept,
        chance=chance.shares_below(scores) if chance is not None and alike else {},
    )


def rung_json(rung: Rung) -> RungJson:
    """Return the JSON of a rung."""
    return {
        "allowed": rung.allowed,
        "changed": rung.changed,
        "max_deviation": rung.scores.max_deviation,
        "cut_border_km": rung.scores.cut_m / 1000.0,
        "mean_travel": rung.scores.mean_travel,
        "sentence": rung.sentence(),
    }


def held_out_json(found: HeldOut | None) -> HeldOutJson | None:
    """Return the JSON of a cross-validation."""
    if found is None:
        return None
    return {
        "periods": list(found.names),
        "worst": found.worst.tolist(),
        "within": found.within,
        "covered": found.covered,
        "sentence": found.sentence(),
    }
