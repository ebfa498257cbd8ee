"""Where plans stand: their figures side by side, and among randomly drawn plans."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from gridmap.api.options import as_list, as_share
from gridmap.errors import InfeasibleError, InputError, OptionError

if TYPE_CHECKING:
    from gridmap.api.options import Takes
    from gridmap.measure.coverage import Within
    from gridmap.measure.posting import Posting
    from gridmap.partition import Ensemble, HeldOut, Problem, Rung, Scores

__all__ = [
    "ALL",
    "CHANCE_PLANS",
    "AsGroups",
    "AsShares",
    "BoundJson",
    "ChanceJson",
    "HeldOutJson",
    "PlanPoint",
    "PlanRow",
    "PointJson",
    "PostJson",
    "RungJson",
    "SectorJson",
    "Shares",
    "chance_json",
    "chance_of",
    "held_out_json",
    "point_of",
    "posts_json",
    "read_bands",
    "read_border_kinds",
    "read_groups",
    "read_keep",
    "read_limit",
    "read_locks",
    "read_per_officer",
    "read_targets",
    "read_tolerance",
    "rung_json",
]


#: Default number of plans; a share is then accurate to about three percentage points.
CHANCE_PLANS = 1_000


class PostJson(TypedDict):
    """A beat's post: officers on duty at once, and how busy each is (None without officers)."""

    beat: str
    officers: int
    utilisation: float | None


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
    """A plan's figures, and the shares of randomly drawn plans that are below it."""

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
    """The randomly drawn plans: how many, how even at worst, and whether chains agree."""

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
    """Cross-validation: how plans made without a period balance that period."""

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
        Share of randomly drawn plans with a smaller ``cut_m``, ``travel_m``,
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
        """Return how the plan compares with randomly drawn plans, blank where none were."""
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
    """Return randomly drawn plans, or None where none are wanted or there is only one.

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


def posts_json(posting: Posting) -> list[PostJson]:
    """Return the officers of each beat as the JSON has them."""
    rows = zip(posting.plan.beats, posting.officers, posting.utilisation, strict=True)
    return [
        {"beat": beat.id, "officers": int(count), "utilisation": float(busy) if count else None}
        for beat, count, busy in rows
    ]


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


# -- what a planner writes for a proposal, read: tolerances, shares, locks, groups, hours


#: One share for all, or one for each criterion named.
Shares: TypeAlias = "float | Mapping[str, float]"
#: Fields of shares, and of groups of ids.
AsShares: TypeAlias = "Takes[Shares | str | Sequence[str] | None, Shares | None]"
AsGroups: TypeAlias = (
    "Takes[str | Collection[str | Collection[str | int]], tuple[tuple[str, ...], ...]]"
)
#: What a share without a name is of.
ALL = "workload"
_BORDERS = ("road", "community", "station", "barrier")


def read_tolerance(value: object, option: str) -> Shares:
    """Return the deviation allowed of the workload, or of each criterion named.

    >>> read_tolerance(["3%", "residents=5%,incidents=0.1"], "tolerance")
    {'workload': 0.03, 'residents': 0.05, 'incidents': 0.1}
    """
    if isinstance(value, Mapping):
        pairs = [(str(name), item) for name, item in value.items()]
    elif isinstance(value, (str, list, tuple)):
        items = [value] if isinstance(value, str) else value
        pieces = [piece for item in items for piece in as_list(item, option) or [str(item)]]
        pairs = [_named_share(piece) for piece in pieces]
    else:
        pairs = [("", value)]
    made: dict[str, float] = {}
    for name, item in pairs:
        share = as_share(item)
        if share is None or not 0 < share <= 1:
            received = f"{name}={item}" if name else item
            raise OptionError("api.error.tolerance", option=option, received=received)
        if (name or ALL) in made:
            raise OptionError("api.error.tolerance_twice", option=option, received=name or item)
        made[name or ALL] = share
    return made[ALL] if list(made) == [ALL] else made


def _named_share(text: str) -> tuple[str, object]:
    name, sign, figure = (word.strip() for word in text.rpartition("="))
    return (name, figure) if name or not sign else ("", None)


def read_keep(value: object, option: str) -> Shares:
    """Return the share that keeps its beat, or that of a criterion named.

    >>> read_keep("incidents=90%", "keep")
    {'incidents': 0.9}
    """
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, item),) = value.items()
    elif isinstance(value, str):
        name, item = _named_share(value)
    else:
        name, item = "", value
    share = as_share(item)
    if share is None or not 0 <= share <= 1:
        raise OptionError("api.error.keep", option=option, received=str(value))
    return {str(name): share} if name else share


def read_per_officer(value: object, option: str) -> str:
    """Return people per officer as ``residents=3000``, or the name of a norm."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, figure),) = value.items()
        return f"{name}={figure}"
    if not isinstance(value, str):
        raise OptionError("api.error.text", option=option, received=type(value).__name__)
    return value.strip()


def read_targets(value: object, option: str) -> str | tuple[float, ...]:
    """Return ``officers``, or what each beat is to carry."""
    if value == "officers":
        return "officers"
    parts: Sequence[object] = as_list(value, option) if isinstance(value, str) else ()
    if isinstance(value, Sequence) and not isinstance(value, str):
        parts = value
    try:
        numbers = tuple(float(str(part)) for part in parts)
    except ValueError:
        numbers = ()
    if not numbers or not all(number > 0 and math.isfinite(number) for number in numbers):
        raise OptionError("api.error.targets", option=option, received=str(value))
    return numbers


def read_locks(value: object, option: str) -> tuple[str, ...]:
    """Return ``beat=ID`` and ``grid=ID``, each checked for its form."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Sequence):
        raise OptionError("api.error.lock", option=option, received=str(value))
    for item in items:
        what, _, name = (word.strip() for word in str(item).partition("="))
        if what not in {"beat", "grid"} or not name:
            raise OptionError("api.error.lock", option=option, received=item)
    return tuple(map(str, items))


def read_border_kinds(value: object, option: str) -> tuple[str, ...]:
    """Return what borders run along: roads, communities, stations, barriers."""
    names = as_list(value, option)
    for name in names:
        if name not in _BORDERS:
            known = ", ".join(_BORDERS)
            raise OptionError("api.error.choice", option=option, received=name, known=known)
    return tuple(dict.fromkeys(names))


def read_bands(value: object, option: str) -> tuple[str, ...]:
    """Return bands of hours from ``6-14,14-22,22-6``."""
    bands = as_list(value, option)
    for band in bands:
        hours = band.split("-")
        if len(hours) != 2 or not all(hour.isdigit() and int(hour) <= 24 for hour in hours):
            raise OptionError("api.error.bands", option=option, received=band)
    return tuple(dict.fromkeys(bands))


def read_limit(text: str) -> Within | None:
    """Return the one distance or time of a text, None if it is invalid."""
    from gridmap.measure import parse_within

    with suppress(InputError):
        limits = parse_within(text) if text else ()
        return limits[0] if len(limits) == 1 else None
    return None


def read_groups(value: object, option: str) -> tuple[tuple[str, ...], ...]:
    """Return groups of ids from ``["A,B", ["C", "D"]]``; one group may stand alone."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, Sequence):
        raise OptionError("api.error.grids", option=option, received=str(value), lost="")
    groups = []
    for item in items:
        names = as_list(item, option)
        if len(set(names)) < 2:
            raise OptionError("api.error.grids", option=option, received=item, lost="")
        groups.append(tuple(dict.fromkeys(names)))
    return tuple(groups)
