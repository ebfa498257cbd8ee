"""Compare: what changes from one plan to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, cast

from gridmap.api.options import Options, as_plan, option
from gridmap.api.results import FORMAT, MapView, Result, plain
from gridmap.api.standing import CHANCE_PLANS, PlanPoint, PointJson, chance_of, point_of
from gridmap.api.verbs import verb
from gridmap.errors import OptionError
from gridmap.fields import Json

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridmap.measure import PlanResponse
    from gridmap.measure.steadiness import Steadiness
    from gridmap.model import City, Plan
    from gridmap.plans import Comparison

__all__ = ["CompareJson", "CompareOptions", "CompareResult", "compare"]

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
        from gridmap.i18n import tr
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
        import numpy as np

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
        return answer  # type: ignore[return-value] # the keys of Comparison.to_dict

    def to_frame(self) -> pd.DataFrame:
        """Return one row per beat: figures before and after, and what it keeps."""
        return self.comparison.table()

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the grids that change their beat: ``grid, before, after``."""
        import geopandas as gpd
        import pandas as pd

        moved = self.comparison.grid_table
        rows = pd.Index(self.city.grids.ids).get_indexer(moved["grid"])
        shapes = self.city.grids.geometry[rows]
        return gpd.GeoDataFrame(moved, geometry=shapes, crs=self.city.crs)

    def figures(self) -> list[tuple[str, str]]:
        """Return what moves, in sentences."""
        return [("", sentence) for sentence in self.sentences()]

    def map_view(self) -> MapView:
        """Return the grids that change their beat, within the new borders."""
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
        What moves, and what it is good for.

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
