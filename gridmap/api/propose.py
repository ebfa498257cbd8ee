"""Propose: beats that are balanced, in one piece, compact, near, and close to today's."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypedDict, cast

from gridmap._lazy import gpd, np, pd
from gridmap.api.compare import (
    ALL,
    CHANCE_PLANS,
    AsGroups,
    AsShares,
    ChanceJson,
    HeldOutJson,
    PlanPoint,
    PlanRow,
    PointJson,
    PostJson,
    RungJson,
    SectorJson,
    chance_json,
    chance_of,
    held_out_json,
    point_of,
    posts_json,
    read_bands,
    read_border_kinds,
    read_groups,
    read_keep,
    read_limit,
    read_locks,
    read_per_officer,
    read_targets,
    read_tolerance,
    rung_json,
)
from gridmap.api.options import AsNames, Options, Takes, as_plan, as_weights, option
from gridmap.api.results import FORMAT, MapView, Progress, Result, plain, verb
from gridmap.errors import InfeasibleError, InputError, OptionError
from gridmap.fields import Json, Kind
from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.measure import Workload
    from gridmap.measure.staffing import Posting
    from gridmap.model import City, Plan
    from gridmap.partition import (
        Ensemble,
        HeldOut,
        Problem,
        Proposal,
        Rung,
        SeenCounts,
    )
    from gridmap.partition.problem import Constraints
    from gridmap.plans import Effect
    from gridmap.typing import Floats, Ints

_TOLERANCE = 0.05


@dataclass(frozen=True, kw_only=True)
class ProposeOptions(Options):
    """What `propose` is asked for: how many beats, what is balanced, what must hold."""

    verb: ClassVar[str] = "propose"

    beats: int | None = option(None, kind=int, least=1)
    per_officer: Takes[str | Mapping[str, float], str] = option(
        "", metavar="residents=3000|NORM", parse=read_per_officer
    )
    balance: Takes[str | Mapping[str, float] | None, Mapping[str, float] | None] = option(
        None, metavar="NAME=WEIGHT,...", parse=as_weights
    )
    tolerance: AsShares = option(None, metavar="5%|NAME=5%,...", many=True, parse=read_tolerance)
    targets: Takes[str | Collection[float], str | tuple[float, ...]] = option(
        "", metavar="officers|2,1,1,...", parse=read_targets
    )
    officers: int | None = option(None, kind=int, least=1)
    keep: AsShares = option(None, metavar="0.9|NAME=0.9", parse=read_keep)
    objective: Literal["", "compact", "balance", "travel", "change"] = option(
        "", choices=("", "compact", "balance", "travel", "change")
    )
    travel: Literal["", "straight", "walk", "ebike", "car"] = option(
        "", choices=("", "straight", "walk", "ebike", "car"), costs=True
    )
    parents: Literal["", "station"] = option("", choices=("", "station"))
    communities: Literal["", "soft", "hard"] = option("", choices=("", "soft", "hard"))
    prefer: AsNames = option((), metavar="road,community,...", parse=read_border_kinds)
    avoid: AsNames = option((), metavar="road,community,...", parse=read_border_kinds)
    farthest: str = option("", metavar="1000m|5min")
    sectors: int | None = option(None, kind=int, least=1)
    max_area: float | None = option(None, kind=float, least=1e-6, unit="km2")
    max_grids: int | None = option(None, kind=int, least=1)
    rooms: str = option("", metavar="one-per-beat|within=1000m|within=5min")
    start: Plan | None = option(None, metavar="NAME", parse=as_plan)
    lock: AsNames = option((), metavar="beat=ID|grid=ID", many=True, parse=read_locks)
    together: AsGroups = option((), metavar="A,B,...", many=True, parse=read_groups)
    apart: AsGroups = option((), metavar="A,B,...", many=True, parse=read_groups)
    steady: bool = option(False)  # noqa: FBT003 - a field's default
    barriers: bool = option(True)  # noqa: FBT003 - a field's default
    front: int = option(1, least=1, most=8, costs=True)
    periods: Literal["", "month", "week", "day"] = option(
        "", choices=("", "month", "week", "day"), costs=True
    )
    hours: AsNames = option((), metavar="6-14,14-22,22-6", parse=read_bands, costs=True)
    validate: bool = option(False, costs=True)  # noqa: FBT003 - the same
    ladder: bool = option(False, costs=True)  # noqa: FBT003 - the same
    chance: int = option(CHANCE_PLANS, least=0, most=100_000, costs=True)
    prove: bool = option(False, costs=True)  # noqa: FBT003 - the same
    effort: Literal["quick", "normal", "thorough"] = option(
        "normal", choices=("quick", "normal", "thorough"), costs=True
    )
    seconds: float | None = option(None, kind=float, least=0.1, unit="s")
    seed: int = option(0, least=0)
    processes: int = option(1, least=1)
    scheduler: str = option("", metavar="ADDRESS|local")
    name: str = option("", hidden=True)

    def check_together(self) -> None:
        """Check the plans' name, and that the number of beats is said once."""
        if self.name:
            from gridmap.plans import check_plan_name

            check_plan_name(self.name)
        self.within()
        self.reach()
        if (self.periods or self.hours) and isinstance(self.tolerance, Mapping):
            raise OptionError("api.error.scenarios_tolerance", option="tolerance")
        if self.beats and self.per_officer:
            raise OptionError("api.error.beats_or_officers", option="beats", other="per_officer")
        if both := ", ".join(sorted({*self.prefer} & {*self.avoid})):
            raise OptionError("api.error.both", option="prefer", other="avoid", received=both)

    def within(self) -> str:
        """Return how near a room must be, ``1000m`` or ``5min``; blank where it is not asked.

        Raises
        ------
        OptionError
            If ``rooms`` is written wrongly.
        """
        if self.rooms in {"", "one-per-beat"}:
            return ""
        what, _, reach = self.rooms.partition("=")
        if what != "within" or read_limit(reach) is None:
            raise OptionError("api.error.rooms", option="rooms", received=self.rooms)
        return reach

    def reach(self) -> float | None:
        """Return how far a grid may be from its beat's centre, in metres or minutes.

        Raises
        ------
        OptionError
            If ``farthest`` is written wrongly, or its unit is not that of ``travel``.
        """
        if not self.farthest:
            return None
        limit = read_limit(self.farthest)
        unit = "m" if self.travel in {"", "straight"} else "min"
        if limit is None or limit.unit != unit:
            raise OptionError(
                "api.error.farthest", option="farthest", received=self.farthest, other="travel"
            )
        return limit.value


class PlanJson(PlanRow):
    """One plan of a proposal: its figures, and what changes from today's beats, in words."""

    changes: list[str]
    posts: list[PostJson]


class ProposeJson(TypedDict):
    """The JSON of ``gridmap propose --json``."""

    format: int
    plans: list[PlanJson]
    points: list[PointJson]
    chance: ChanceJson | None
    ladder: list[RungJson]
    sectors: list[SectorJson]
    known_to: float | None
    held_out: HeldOutJson | None
    notes: list[str]
    workload: dict[str, float]
    options: dict[str, Json]


def wider_sentence(
    name: str, reached: float, asked: float, tolerance: float, *, language: str | None = None
) -> str:
    """Return in words that a plan deviates by more than was asked for, and why it is shown."""
    return tr(
        "partition.note.wider",
        language=language, name=name, reached=reached, asked=asked, tolerance=tolerance,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ProposeResult(Result[ProposeJson]):
    """Plans on a front of trade-offs, the one asked for first.

    Attributes
    ----------
    city, options
        What was divided, and how.
    plans
        The plans.
    rows
        Figures of each plan; see `gridmap.partition.plan_rows`.
    proposal
        What the search returned, with bounds and reasons.
    workload
        What was balanced.
    present
        The plan that the search started from: today's beats unless the options name another; or
        None.
    postings
        Officers on duty at each plan's beats, if the options ask for that; the plans have them.
    """

    city: City
    options: ProposeOptions
    plans: tuple[Plan, ...]
    rows: tuple[PlanRow, ...]
    proposal: Proposal
    workload: Workload
    present: Plan | None
    postings: tuple[Posting, ...] = ()

    def __repr__(self) -> str:
        best = self.rows[0]
        return (
            f"<ProposeResult: {len(self.plans)} plans of {best['beats']} beats, "
            f"worst deviation {best['max_deviation']:.2%}>"
        )

    def notes(self) -> list[str]:
        """Return what the user must know, and what is proven, in sentences."""
        from gridmap.partition import has_layer

        told = self.proposal.sentences()
        for name in dict.fromkeys((*self.options.prefer, *self.options.avoid)):
            if not has_layer(self.city, name):
                layer = tr(f"maps.kind.{name}")
                told.append(tr("partition.note.no_layer", layer=layer))
        told += [*self.proposal.proofs(), *self.wider(), *self.lasting()]
        if self.proposal.problem.targets is not None and self.present is not None:
            told.append(tr("cli.equal_parts"))
        if self.postings:
            told.append(self.postings[0].sentence())
        return told

    def beyond(self) -> tuple[tuple[float, float, float] | None, ...]:
        """Return deviation, deviation asked for and tolerance of each plan beyond; None within."""
        asked = self.proposal.best.tolerance
        return tuple(
            (one.scores.max_deviation, asked, one.tolerance)
            if self.proposal.exceeds(one)
            else None
            for one in self.proposal.candidates
        )

    def wider(self, language: str | None = None) -> list[str]:
        """Return which further plans deviate by more than was asked for, in sentences."""
        return [
            wider_sentence(plan.name, *found, language=language)
            for plan, found in zip(self.plans, self.beyond(), strict=True)
            if found is not None
        ]

    @cached_property
    def chance(self) -> Ensemble | None:
        """Randomly drawn plans, as many as the options say; None if only one plan is possible."""
        tolerance = self.proposal.best.tolerance
        options = self.options
        return chance_of(
            self.proposal.problem, options.chance, tolerance=tolerance, seed=options.seed
        )

    @cached_property
    def points(self) -> tuple[PlanPoint, ...]:
        """Today's beats where they are known, then the plans: figures to put on one chart."""
        from gridmap.partition import score_present

        problem = self.proposal.problem
        made = []
        today = score_present(problem)
        if today is not None and self.present is not None:
            made.append(point_of(problem, self.present.name, today[1], self.chance, today=True))
        for plan, candidate in zip(self.plans, self.proposal.candidates, strict=True):
            made.append(point_of(problem, plan.name, candidate.scores, self.chance))
        return tuple(made)

    @cached_property
    def ladder(self) -> tuple[Rung, ...]:
        """The best plans with 1, 2, 5, 10 and 20 changed grids; none without beats today."""
        from gridmap.partition import change_ladder

        problem = self.proposal.problem
        return () if problem.present is None else change_ladder(problem)

    @cached_property
    def seen(self) -> SeenCounts | None:
        """The incidents of the workload by period; None where it is made of none."""
        from gridmap.partition import seen_counts

        return seen_counts(self.city, self.workload)

    def intervals(self, plan: int = 0) -> Floats | None:
        """Return between what each beat's deviation in a plan lies (beats, 2), 90 %.

        None where the workload holds no incidents, or beats are to carry unequal shares.

        Parameters
        ----------
        plan
            Row of the plan; the beats are in its order, NaN where one has no grids.
        """
        from gridmap.partition import deviation_intervals

        if self.seen is None or self.proposal.problem.targets is not None:
            return None
        chosen = self.plans[plan]
        found = np.full((len(chosen), 2), np.nan)
        held = np.unique(chosen.assignment)
        found[held] = deviation_intervals(self.seen, chosen.assignment.astype(np.int64))
        return found

    @property
    def known_to(self) -> float | None:
        """Half width of the median beat's interval: a finer tolerance follows chance."""
        between = self.intervals()
        if between is None:
            return None
        return float(np.nanmedian(between[:, 1] - between[:, 0])) / 2

    @cached_property
    def held_out(self) -> HeldOut | None:
        """How plans made without a period fare on it, if the options ask for that."""
        from gridmap import partition

        if self.seen is None or not self.options.validate:
            return None
        tolerance, seed = self.proposal.best.tolerance, self.options.seed

        def search(problem: Problem) -> Ints:
            return partition.propose(
                problem, tolerance=tolerance, effort="quick", seed=seed
            ).best.assignment

        return partition.hold_out(self.proposal.problem, self.seen, search, tolerance=tolerance)

    def sectors(self, plan: int = 0) -> list[tuple[tuple[str, ...], float]]:
        """Return the beats of each sector of a plan and its share of the work, if asked for."""
        from gridmap.partition import union_beats

        if not self.options.sectors:
            return []
        chosen, problem = self.plans[plan], self.proposal.problem
        sector = union_beats(
            problem,
            chosen.assignment.astype(np.int64),
            self.options.sectors,
            seed=self.options.seed,
        )
        load = problem.weights[:, 0] / problem.weights[:, 0].sum()
        return [
            (
                tuple(chosen.beats[b].id for b in np.unique(chosen.assignment[sector == s])),
                float(load[sector == s].sum()),
            )
            for s in range(self.options.sectors)
        ]

    def sector_sentences(self) -> list[str]:
        """Return which beats make up each sector, in words."""
        return [
            tr("partition.sector", number=number, beats=", ".join(names), share=share)
            for number, (names, share) in enumerate(self.sectors(), start=1)
        ]

    def lasting(self) -> list[str]:
        """Return how well plans hold on other periods, in sentences."""
        from gridmap.partition import dispersion

        told = []
        known, tolerance = self.known_to, self.proposal.best.tolerance
        if known is not None and self.seen is not None and known > tolerance:
            beat = self.proposal.best.assignment
            counts = self.seen.by_beat(beat, int(beat.max()) + 1)
            values: dict[str, Any] = {
                "periods": len(self.seen.names),
                "dispersion": dispersion(counts),
                "half": known,
                "tolerance": tolerance,
            }
            told.append(tr("partition.lasting.known_to", **values))
        return told if self.held_out is None else [*told, self.held_out.sentence()]

    def standing(self) -> list[str]:
        """Return how today's beats and the plans compare with randomly drawn plans, in words."""
        told = [point.sentence() for point in self.points]
        return told if self.chance is None else [*told, self.chance.law()]

    def changes(self, plan: int = 0) -> list[str]:
        """Return what changes from today's beats to a plan, in sentences."""
        if self.present is None:
            return []
        from gridmap.plans import Ground, compare_plans
        from gridmap.plans.comparison import posts_of, tell_posts

        ground = Ground.from_city(self.city, workload=self.workload)
        found = compare_plans(ground, self.present, self.plans[plan])
        return [*found.sentences(), *tell_posts(found, posts_of(self.city))]

    def suggest(self, plan: int = 0, *, beat: str = "", count: int = 5) -> tuple[Effect, ...]:
        """Return the best next moves by hand, the best first, each with its effect.

        ``effect.sentences()`` says what a move changes; `Plan.move` makes it.

        Parameters
        ----------
        plan
            Row of the plan.
        beat
            Id of the beat to bring nearer to the mean; the worst one if blank.
        count
            How many at most; fewer where fewer help.

        Raises
        ------
        MissingError
            If the plan has no such beat.
        """
        from gridmap.plans import Draft, Ground, suggest_moves

        ground = Ground.from_city(self.city, workload=self.workload)
        return suggest_moves(Draft.start(ground, self.plans[plan]), beat=beat or None, count=count)

    def posts(self, plan: int = 0) -> list[PostJson]:
        """Return the officers of each beat of a plan and how busy they are, if asked for."""
        return posts_json(self.postings[plan]) if self.postings else []

    def to_dict(self) -> ProposeJson:
        """Return the JSON of the command."""
        return {
            "format": FORMAT,
            "plans": [
                {
                    **cast("PlanRow", plain(row)),
                    "changes": self.changes(at),
                    "posts": self.posts(at),
                }
                for at, row in enumerate(self.rows)
            ],
            "points": [point.to_dict() for point in self.points],
            "chance": chance_json(self.chance),
            "ladder": [rung_json(rung) for rung in self.ladder] if self.options.ladder else [],
            "sectors": [{"beats": list(names), "share": share} for names, share in self.sectors()],
            "known_to": self.known_to,
            "held_out": held_out_json(self.held_out),
            "notes": self.notes(),
            "workload": dict(self.workload.weights),
            "options": self.options.to_dict(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row per plan."""
        return pd.DataFrame(self.rows).drop(columns=["bounds"])

    def to_gdf(self, plan: int = 0) -> gpd.GeoDataFrame:
        """Return the beats of a plan with what they carry and their ground."""
        from gridmap.api.measure import measure

        return measure(self.city, by="beat", plan=self.plans[plan]).to_gdf()

    def figures(self) -> list[tuple[str, str]]:
        """Return the figures of the first plan."""
        best: Mapping[str, object] = self.rows[0]
        shown = {"beats": "{}", "max_deviation": "{:.2%}", "mean_polsby_popper": "{:.3f}",
                 "cut_border_km": "{:,.1f}", "kept_share": "{:.1%}"}  # fmt: skip
        return [
            (tr(f"cli.plan.{name}"), text.format(best[name]))
            for name, text in shown.items()
            if best[name] is not None
        ]

    def map_view(self, plan: int = 0) -> MapView:
        """Return the grids in the colours of a plan's beats."""
        from gridmap.maps import beat_theme, facts_of
        from gridmap.measure import summarise
        from gridmap.plans import plan_layer

        chosen = self.plans[plan]
        borders = plan_layer(chosen, self.city.grids)
        rows = summarise(self.city, by="grid").rows
        columns = tuple(name for name in ("residents", "incidents") if rows[name].sum() > 0)
        return MapView(
            cells=self.city.grids,
            themes=(beat_theme(self.city, chosen),),
            outlines=[
                *(
                    layer
                    for kind in (Kind.BARRIER, Kind.STATION)
                    if (layer := self.city.get(kind)) is not None
                ),
                borders,
            ],
            rooms=self.city.get(Kind.ROOM),
            facts=facts_of(self.city, rows, columns, chosen),
        )  # fmt: skip


@verb(ProposeOptions)
def propose(
    city: City,
    options: ProposeOptions,
    *,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> ProposeResult:
    """Propose beats: balanced, in one piece, compact, near, and close to today's.

    Every plan is made of whole grids, each beat in one piece. The same options and seed give
    the same plans.

    Returns
    -------
    ProposeResult
        ``result.plans[0]`` is the plan asked for.

    Raises
    ------
    InputError
        If an option is invalid, or the city lacks what it needs.
    InfeasibleError
        If no plan can meet the request.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> proposal = gridmap.propose(city, beats=4, balance={"residents": 1}, effort="quick")
    >>> len(proposal.plans[0])
    4
    """
    from gridmap import partition
    from gridmap.measure import Workload
    from gridmap.measure.hypercube import car_travel
    from gridmap.measure.pieces import has_beats, present_plan
    from gridmap.measure.staffing import post_officers
    from gridmap.measure.workload import usual_weights

    workload = Workload.from_city(city, options.balance or usual_weights(city))
    present = options.start or (present_plan(city) if has_beats(city) else None)
    if present is not None and list(present.grid_ids) != list(city.grids.ids):
        raise InputError(
            "plans.error.other_grids",
            plan=present.name,
            received=len(present.grid_ids),
            expected=len(city.grids),
        )
    number = _number_of_beats(city, options, present)
    problem = partition.problem_of(
        city,
        workload,
        beats=number,
        present=present,
        by_station=options.parents == "station",
        barriers=options.barriers,
        prefer=options.prefer,
        avoid=options.avoid,
        **_constraints(city, options, workload, number, present),
    )
    if options.rooms:
        problem = _roomed(problem, city, options)
    tolerance = options.tolerance
    if isinstance(tolerance, Mapping):
        tolerance = tolerance.get(ALL)
    keep = options.keep
    if isinstance(keep, Mapping):
        (keep,) = keep.values()
    # A planner who redraws today's beats wants few people to change officers. A plan that the
    # search starts from is to become better, not to stay.
    as_today = options.start is None and present is not None and len(present) == number

    def report_progress(at: partition.ProposalProgress) -> None:
        if progress is not None:
            progress(at.share, at.sentence())

    proposal = partition.propose(
        problem,
        tolerance=_TOLERANCE if tolerance is None else tolerance,
        objective=options.objective or ("change" if as_today else "compact"),
        effort=options.effort,
        seconds=options.seconds,
        seed=options.seed,
        keep=keep,
        front=options.front,
        prove=options.prove,
        processes=options.processes,
        scheduler=options.scheduler or None,
        on_progress=report_progress,
        should_stop=should_stop,
    )
    plans = partition.plans_of(
        city, proposal, name=options.name or tr("plans.proposal"), present=present
    )
    postings: tuple[Posting, ...] = ()
    if options.officers:
        travel = car_travel(city)
        postings = tuple(post_officers(city, plan, options.officers, travel) for plan in plans)
        plans = [posting.plan for posting in postings]
    rows = partition.plan_rows(city, plans, proposal, workload, present=present)
    return ProposeResult(
        city=city,
        options=options,
        plans=tuple(plans),
        rows=tuple(cast("list[PlanRow]", rows)),
        proposal=proposal,
        workload=workload,
        present=present,
        postings=postings,
    )


def _constraints(
    city: City, options: ProposeOptions, workload: Workload, beats: int, present: Plan | None
) -> Constraints:
    """Return the fields of a `Problem` that the options stand for."""
    from gridmap.measure import criterion_of
    from gridmap.partition import communities_of, criteria_of, scenarios_of, travel_between

    made = _locked(options, present)
    if isinstance(options.tolerance, Mapping):
        named = {name: share for name, share in options.tolerance.items() if name != ALL}
        whole = options.tolerance.get(ALL)
        if whole is None and not set(workload.weights) <= set(named):
            whole = _TOLERANCE
        made.update(criteria_of(city, workload, named, together=whole))
    made["reach"] = options.reach()
    limits = {"area_km2": options.max_area, "grids": options.max_grids}
    if most := {name: float(limit) for name, limit in limits.items() if limit}:
        ones = np.ones(len(city.grids))
        made["limited"] = np.column_stack(
            [ones if name == "grids" else criterion_of(city, name) for name in most]
        )
        made["limits"] = tuple(most.values())
    if options.periods or options.hours:
        tolerance = options.tolerance if isinstance(options.tolerance, float) else _TOLERANCE
        made.update(
            scenarios_of(city, workload, tolerance, periods=options.periods, hours=options.hours)
        )
    if isinstance(options.keep, Mapping) and present is not None:
        (name,) = options.keep
        made["keep_weights"] = criterion_of(city, name)
    if options.steady and present is not None:
        from gridmap.measure.staffing import steady_posts, steady_weights

        kept = np.asarray(made.get("keep_weights", city.grids.counts("residents")), float)
        made["keep_weights"] = kept * steady_weights(city, present, steady_posts(city))
    if options.communities:
        made["communities"] = communities_of(city)
        made["whole_communities"] = options.communities == "hard"
    made["together"] = tuple(_rows_of(city, options.together, "together"))
    made["apart"] = tuple(
        (a, b)
        for group in _rows_of(city, options.apart, "apart")
        for i, a in enumerate(group)
        for b in group[i + 1 :]
    )
    if options.travel:
        made["travel"] = travel_between(city, options.travel)
    if options.targets:
        made["targets"] = _target_of_beats(options, beats, present)
    return made


def _locked(options: ProposeOptions, present: Plan | None) -> Constraints:

    if not options.lock:
        return {}
    if present is None:
        raise OptionError("api.error.no_beats_today", option="lock")
    frozen: list[int] = []
    fixed = np.full(len(present.grid_ids), -1, dtype=np.int64)
    for item in options.lock:
        what, _, name = (word.strip() for word in item.partition("="))
        if what == "beat":
            frozen.append(present.row_of(name))
        else:
            row = int(present.rows_of([name])[0])
            fixed[row] = present.assignment[row]
    return {"frozen": tuple(frozen), "fixed": fixed if (fixed >= 0).any() else None}


def _rows_of(city: City, groups: Sequence[Sequence[str]], option: str) -> list[tuple[int, ...]]:
    """Return groups of grids by position."""
    index = pd.Index([str(name) for name in city.grids.ids]) if groups else pd.Index([])
    found = []
    for names in groups:
        rows = index.get_indexer(list(names))
        lost = [name for name, row in zip(names, rows, strict=True) if row < 0]
        if lost:
            raise OptionError(
                "api.error.grids", option=option, received=",".join(names),
                lost=", ".join(lost[:5]),
            )  # fmt: skip
        found.append(tuple(int(row) for row in rows))
    return found


def _number_of_beats(city: City, options: ProposeOptions, present: Plan | None) -> int:
    """Return the number of beats: as asked for, by officers, by targets, or as today."""
    if options.beats:
        return options.beats
    if not options.per_officer:
        if options.targets and not isinstance(options.targets, str):
            return len(options.targets)
        if present is not None:
            return len(present)
        if options.targets:
            raise OptionError("api.error.no_beats_today", option="targets")
        raise OptionError("api.error.beats_or_officers", option="beats", other="per_officer")
    from gridmap.measure import criterion_of, norms

    rules = {rule.id: rule for rule in norms() if rule.kind == "people_per_officer"}
    if options.per_officer in rules:
        people = float(criterion_of(city, "residents").sum())
        with suppress(InputError):  # a city need not know its migrants
            people += float(criterion_of(city, "migrants").sum())
        return max(1, math.ceil(people / rules[options.per_officer].people))
    name, _, figure = (word.strip() for word in options.per_officer.partition("="))
    try:
        each = float(figure) if name else 0.0
    except ValueError:
        each = 0.0
    if not each > 0 or not math.isfinite(each):
        raise OptionError(
            "api.error.per_officer",
            option="per_officer",
            received=options.per_officer,
            known=", ".join(sorted(rules)),
        )
    whole = float(criterion_of(city, name).sum())
    grids = len(city.grids)
    if whole > each * grids:
        raise OptionError(
            "api.error.per_officer_many",
            option="per_officer",
            received=options.per_officer,
            grids=grids,
            least=whole / grids,
        )
    return max(1, math.ceil(whole / each))


def _target_of_beats(options: ProposeOptions, beats: int, present: Plan | None) -> Floats:
    """Return what each beat is to carry: its officers, or the numbers given."""
    from gridmap.partition import officers_of

    if isinstance(options.targets, str):
        if present is None:
            raise OptionError("api.error.no_beats_today", option="targets")
        if len(present) != beats:
            raise OptionError(
                "api.error.targets_count", option="targets", received=beats, expected=len(present)
            )
        return officers_of(present)
    if len(options.targets) != beats:
        raise OptionError(
            "api.error.targets_count",
            option="targets",
            received=len(options.targets),
            expected=beats,
        )
    return np.array(options.targets, dtype=float)


def _roomed(problem: Problem, city: City, options: ProposeOptions) -> Problem:
    """Return the problem in which each beat holds a room, or a grid near enough to one."""
    from gridmap.measure import parse_within
    from gridmap.partition import room_grids, with_rooms

    reach = options.within()
    within = parse_within(reach)[0] if reach else None
    places = room_grids(city, within=within, mode=options.travel)
    if not len(places):
        raise InfeasibleError("api.error.no_rooms", option="rooms", received=options.rooms)
    return with_rooms(problem, places, seed=options.seed)
