"""Compare: what changes from one plan to another, and where plans stand among random ones."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypedDict, cast

from gridmap._lazy import gpd, np, pd
from gridmap.api.options import Options, as_list, as_plan, as_share, option
from gridmap.api.results import FORMAT, MapView, Result, plain, verb
from gridmap.errors import InfeasibleError, InputError, OptionError
from gridmap.fields import Json
from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.api.options import Takes
    from gridmap.measure import PlanResponse
    from gridmap.measure.coverage import Within
    from gridmap.measure.staffing import Posting, Steadiness
    from gridmap.model import City, Plan
    from gridmap.partition import Ensemble, HeldOut, Problem, Rung, Scores
    from gridmap.plans import Comparison


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
    """The best plan found for a limit on the number of changed grids."""

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

    def sentence(self) -> str:
        """Return how the plan compares with randomly drawn plans, blank where none were."""
        if not self.chance:
            return ""
        key = "plan" if "travel_m" in self.chance else "plan_without_travel"
        return tr(f"partition.ensemble.{key}", language=None, name=self.name, **self.chance)

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
    """Return the features that borders run along: roads, communities, stations, barriers."""
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


_TOLERANCE = 0.05  # of the randomly drawn plans
_RESPONSE = ("mean_response_min", "response_95_min", "cross_beat_share")


@dataclass(frozen=True, kw_only=True)
class CompareOptions(Options):
    """Which two plans `compare` sets side by side."""

    verb: ClassVar[str] = "compare"

    before: Plan | None = option(None, metavar="A", parse=as_plan, hidden=True)
    after: Plan | None = option(None, metavar="B", parse=as_plan, hidden=True)
    chance: int = option(CHANCE_PLANS, least=0, most=100_000, costs=True)
    suppress_below: int = option(0, metavar="N", least=0, most=1_000_000)


class HiddenChangeJson(TypedDict):
    """What is hidden: columns by beat and by flow (``A>B``), and figures of the plans."""

    beats: dict[str, list[str]]
    flows: dict[str, list[str]]
    totals: list[str]


class CompareJson(TypedDict):
    """The JSON of ``gridmap compare --json``."""

    format: int
    old: str
    new: str
    grids_moved: int
    residents_moved: float | None
    incidents_moved: float | None
    officers: float
    officers_kept: float
    before: dict[str, float | None]
    after: dict[str, float | None]
    flows: list[dict[str, Json]]
    beats: list[dict[str, Json]]
    sentences: list[str]
    points: list[PointJson]
    response: dict[str, dict[str, float | None]] | None
    posts_bound: int | None
    posts_broken: list[str] | None
    hidden: HiddenChangeJson
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CompareResult(Result[CompareJson]):
    """What changes from one plan to another.

    Attributes
    ----------
    city, options
        The city and the two plans.
    comparison
        Beats, flows and figures; see `gridmap.plans.Comparison`. Hidden numbers are NaN.
    response
        Minutes to incidents before and after, or None where the city does not know staff.
    plans
        The two plans.
    posts
        When each post may change hands, or None where beats have no ``post_since``.
    hidden
        Which small counts, and which figures that would reveal them, are hidden.
    """

    city: City
    options: CompareOptions
    comparison: Comparison
    response: tuple[PlanResponse, PlanResponse] | None
    plans: tuple[Plan, Plan]
    hidden: HiddenChangeJson
    posts: Steadiness | None = None

    @property
    def posts_broken(self) -> tuple[str, ...]:
        """Ids of beats that lose their community although the post is held for under 3 years."""
        from gridmap.plans.comparison import broken_posts

        return broken_posts(self.comparison, self.posts)

    def __repr__(self) -> str:
        told = self.comparison
        return f"<CompareResult {told.old} -> {told.new}: {told.grids_moved} grids move>"

    def sentences(self) -> list[str]:
        """Return the change in sentences that can be read aloud."""
        from gridmap.measure import tell_response
        from gridmap.plans.comparison import tell_posts

        sentences = self.comparison.sentences()
        if self.response is not None:
            sentences = [*sentences, tell_response(*self.response)]
        sentences += tell_posts(self.comparison, self.posts)
        if any(self.hidden.values()):
            sentences.append(tr("api.compare.hidden", limit=self.options.suppress_below))
        return sentences

    @cached_property
    def points(self) -> tuple[PlanPoint, PlanPoint]:
        """Both plans' figures, each among randomly drawn plans with as many beats."""
        from gridmap.measure import Workload
        from gridmap.measure.workload import usual_weights
        from gridmap.partition import problem_of, score_present

        workload = Workload.from_city(self.city, usual_weights(self.city))
        old, new = self.plans
        chance, made = None, []
        for plan in (old, new):
            problem = problem_of(self.city, workload, beats=len(plan), present=plan)
            if chance is None or len(plan) != len(old):
                chance = chance_of(problem, self.options.chance, tolerance=_TOLERANCE)
            scored = score_present(problem)
            assert scored is not None  # noqa: S101 - the plan has beats; for the type checker
            made.append(point_of(problem, plan.name, scored[1], chance))
        dark = self.hidden["totals"]
        if "workload_deviation" in dark:
            made = [replace(point, max_deviation=np.nan) for point in made]
        if "residents_moved" in dark:
            made = [replace(point, kept_share=None) for point in made]
        return made[0], made[1]

    def standing(self) -> list[str]:
        """Return how each plan compares with randomly drawn plans, in words."""
        return [text for point in self.points if (text := point.sentence())]

    def to_dict(self) -> CompareJson:
        """Return the JSON of the command."""
        figures = (
            None
            if self.response is None
            else {
                side: {name: getattr(made.response, name) for name in _RESPONSE}
                for side, made in zip(("before", "after"), self.response, strict=True)
            }
        )
        answer: dict[str, Any] = {
            "format": FORMAT, **plain(self.comparison.to_dict()), "sentences": self.sentences(),
            "points": plain([point.to_dict() for point in self.points]),
            "response": plain(figures),
            "posts_bound": None if self.posts is None else len(self.posts.bound),
            "posts_broken": None if self.posts is None else list(self.posts_broken),
            "hidden": self.hidden,
            "options": self.options.to_dict(),
        }  # fmt: skip
        return cast("CompareJson", answer)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per beat: figures before and after, and what it keeps."""
        return self.comparison.table()

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the grids that change their beat: ``grid, before, after``."""
        moved = self.comparison.grid_table
        rows = pd.Index(self.city.grids.ids).get_indexer(moved["grid"])
        shapes = self.city.grids.geometry[rows]
        return gpd.GeoDataFrame(moved, geometry=shapes, crs=self.city.crs)

    def figures(self) -> list[tuple[str, str]]:
        """Return what moves, in sentences."""
        return [("", sentence) for sentence in self.sentences()]

    def map_view(self) -> MapView:
        """Return the grids that change beat, inside the new borders."""
        from gridmap.maps.layers_of_city import moved_theme

        old, new = self.plans
        return MapView(cells=self.city.grids, themes=(moved_theme(new, old.labels != new.labels),))


@verb(CompareOptions)
def compare(city: City, options: CompareOptions) -> CompareResult:
    """Compare two plans of a city; today's beats replace one that is not given.

    With ``suppress_below`` counts above 0 and below it are hidden, with the numbers of both plans
    that would reveal them. Statements about them stay: whether a deviation rose or fell, and which
    officers keep their community.

    Returns
    -------
    CompareResult
        What moves, and what it improves.

    Raises
    ------
    OptionError
        If no plan is given.
    MissingError
        If one plan is not given and the city has no beats today.
    InputError
        If a plan is of other grids.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> proposal = gridmap.propose(city, beats=4, effort="quick")
    >>> gridmap.compare(city, after=proposal.plans[0]).comparison.after.beats
    4
    """
    from gridmap.measure import respond_to_both
    from gridmap.measure.pieces import present_plan
    from gridmap.plans import Ground, compare_plans
    from gridmap.plans.comparison import posts_of
    from gridmap.report.suppression import hide_change

    if options.before is None and options.after is None:
        raise OptionError("api.error.plan", option="after", received="None")
    old = options.before or present_plan(city)
    new = options.after or present_plan(city)
    ground = Ground.from_city(city)
    comparison = compare_plans(ground, old, new)
    hidden: dict[str, Any] = {"beats": {}, "flows": {}, "totals": []}
    if options.suppress_below > 1:
        comparison, hidden = hide_change(comparison, ground, (old, new), options.suppress_below)
    return CompareResult(
        city=city,
        options=options,
        comparison=comparison,
        response=respond_to_both(city, old, new),
        plans=(old, new),
        posts=posts_of(city),
        hidden=cast("HiddenChangeJson", hidden),
    )
