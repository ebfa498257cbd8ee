"""Proposing plans: the one call that a planner makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from gridmap.partition._arrays import (
    Clock,
    ReportProgress,
    Solved,
    effort_of,
    part_of,
    rate_plan,
    silent,
)
from gridmap.partition._branch_and_bound import is_branched
from gridmap.partition._enumeration import LONGER, best_of_all, list_sets
from gridmap.partition._instance import (
    ObjectiveWeights,
    RegionInstance,
    build_instance,
    in_order,
    put_back,
    relabel,
)
from gridmap.partition._locks import (
    check_options,
    fill_pockets,
    locked_as_is,
    schedule_of,
    settle_locks,
)
from gridmap.partition._regions import Division, SearchNote, divide, net_deviation, open_edges
from gridmap.partition._solve import Task, run_tasks, tidy_start, weighs_travel
from gridmap.partition._travel import BOUND_GRIDS, improve_travel
from gridmap.partition.problem import Problem
from gridmap.partition.proposal import (
    Bound,
    Candidate,
    Proposal,
    ProposalProgress,
    beyond_reach,
    front_of,
    most_kept,
    over_limits,
    score_plan,
    shortfalls,
)
from gridmap.typing import Ints

if TYPE_CHECKING:
    from distributed import Client

Objective = Literal["balance", "compact", "travel", "change"]
_NEAR = 3_000  # grids
_TRIFLE = 1e-9  # workload: what rounding alone may make of a limit
_EVEN = 0.85  # of the tolerance: where ways count too, few beats are to lie at its edge
_RELUCTANCE = 2.0  # what leaving its beat costs a mean grid, where more should stay than can
_SHARE_COMPACT = 0.5  # of the time and progress of balance; narrowing the tolerance has the rest
_NARROWINGS = 6
_WIDTHS = (1.0, 2.0, 0.5, 3.0)  # of the tolerance, for further plans of a front
_WIDEST = 9.9  # tolerance
_SHARE_FIRST = 0.5  # of the time, for the first plan of several
_SHARE_TRAVEL = 0.3  # of the progress of a search for short ways; shortening has the rest


def propose(  # noqa: PLR0913 - the options of the one call that a planner makes
    problem: Problem,
    *,
    tolerance: float = 0.05,
    objective: Objective = "compact",
    effort: Literal["quick", "normal", "thorough"] = "normal",
    seconds: float | None = None,
    seed: int = 0,
    keep: float | None = None,
    front: int = 1,
    prove: bool = False,
    processes: int = 1,
    scheduler: str | Client | None = None,
    on_progress: Callable[[ProposalProgress], object] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Proposal:
    """Return plans that divide the grids into beats, each beat in one piece.

    Parameters
    ----------
    problem
        Grids, borders and what must hold.
    tolerance
        Largest deviation of a beat's workload from its target, as a share of the target,
        either side; a deviation equal to it is allowed. `Problem.tolerances` and
        `Problem.bounds` take precedence.
    objective
        ``compact``: shortest borders inside the tolerance, with an eye on travel where the
        problem has a demand (and up to 3,000 grids). ``balance``: the tightest tolerance
        whose borders are at most a tenth longer than those of ``compact``. ``travel``: least
        demand times distance from each beat's centre or room. ``change``: as little workload
        as possible leaves its present beat.
    effort
        How many steps the search takes: the same effort and seed give the same plans.
    seconds
        A cap on the wall time. Where it bites, fewer steps are taken.
    seed
        A whole number, 0 or more.
    keep
        Least share of the keep weights that stays in its present beat, 0 to 1, or None.
    front
        Number of plans wanted at most. Beyond the first, every objective is searched quickly
        under half, once, twice and three times the tolerance; of the plans that no other
        beats in balance, border, travel and change, those least alike are returned.
    prove
        Look for a bound or a proof for ``travel``, exact methods included.
    processes
        Processes to share stations among. It does not change the plans.
    scheduler
        Address of a Dask scheduler (``tcp://host:8786``) or a client, to share stations
        among the workers of a cluster; ``local`` for two workers here. The plans are the
        same, also where a worker dies.
    on_progress
        Called with the share done now and then.
    should_stop
        Asked now and then; True ends the search with the best plans so far.

    Raises
    ------
    InputError
        If an option cannot be.
    InfeasibleError
        If no plan can meet the request: fewer beats than stations, contradicting locks, a
        grid too heavy for any beat where bounds are absolute.

    Examples
    --------
    >>> problem = Problem(weights=[1, 1, 1, 1], edges=[(0, 1), (1, 2), (2, 3)], beats=2)
    >>> propose(problem, effort="quick").best.assignment
    array([0, 0, 1, 1])
    """
    check_options(
        problem,
        objective,
        tolerance,
        keep,
        front,
        processes,
        effort=effort,
        seed=seed,
        seconds=seconds,
    )
    clock = Clock(seconds, should_stop)
    ordered, original_order = in_order(problem)
    filled, pockets = fill_pockets(ordered)
    filled = settle_locks(filled)
    search = _Search(
        problem=filled,
        unfilled=ordered,
        original_order=original_order,
        division=divide(filled),
        tolerances=filled.tolerances or (tolerance,) * filled.criteria,
        keep=keep,
        effort=effort,
        seed=seed,
        prove=prove,
        processes=processes,
        scheduler=scheduler,
    )
    asked = [(objective, 1.0)] + (_others(filled, objective) if front > 1 else [])
    answers: list[_Answer] = []
    for i, (name, width) in enumerate(asked):
        share = 1.0 / (len(asked) - i) if i else (1.0 if front == 1 else _SHARE_FIRST)
        part = clock.part(clock.left() * share)
        reached = min((one.candidate.scores.max_deviation for one in answers), default=None)
        report = _reporter(on_progress, i, len(asked), name, reached)
        if i == 0:
            answers.append(search.answer(name, part, report))
        else:
            answers.append(search.widened(width).another(name, answers[0], part, report))
        report(1.0)
        if clock.stopped():
            break
    first = answers[0]
    binding = first.binding
    if binding is None:
        binding = search.binding(clock) if not first.candidate.feasible else ()
    locked = locked_as_is(filled)
    if first.unfilled:
        pockets, filled = (), ordered.replace(together=filled.together)
    settled = put_back(filled, problem, original_order)
    division = first.division.put_back(original_order)
    chosen = front_of([answer.candidate for answer in answers], front)
    chosen = [_put_back(one, original_order) for one in chosen]
    notes = shortfalls(
        settled, chosen[0], tolerance, keep, division, all_plans=first.all_plans, binding=binding
    )
    return Proposal(
        candidates=tuple(chosen),
        bridges=division.bridges,
        notes=pockets + locked + notes,
        problem=settled,
        seconds=clock.elapsed(),
        seed=seed,
        effort=effort,
    )


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class _Answer:
    """A plan for one objective, and where it is from.

    Attributes
    ----------
    rank
        What answers are compared by, the smaller the better: promises broken, then cost.
    all_plans
        Whether all plans were enumerated.
    unfilled
        Whether grids that locked beats cut off are beats of their own.
    binding
        Conditions without which the tolerance could be met; None where nobody has looked.
    narrow
        Whether the plan is inside the tolerance that was searched under.
    """

    candidate: Candidate
    division: Division
    rank: tuple[float, ...] = ()
    all_plans: bool = False
    unfilled: bool = False
    binding: tuple[str, ...] | None = None
    narrow: bool = True


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class _Search:
    """A request with its grids in canonical order, its locks settled, divided into regions.

    ``unfilled`` is the request before grids that locked beats cut off were given to them;
    ``original_order`` is where the file lists each grid.
    """

    problem: Problem
    unfilled: Problem
    original_order: Ints
    division: Division
    tolerances: tuple[float, ...]
    keep: float | None
    effort: str
    seed: int
    prove: bool
    processes: int
    scheduler: str | Client | None

    @property
    def whole(self) -> bool:
        """Whether the city is one region, so that only its own tolerance counts."""
        return len(self.division.regions) == 1 and not self.division.frozen.any()

    def widened(self, width: float) -> _Search:
        """Return a quick search under so many times the tolerance."""
        tolerances = tuple(min(t * width, _WIDEST) for t in self.tolerances)
        return replace(self, tolerances=tolerances, effort="quick", prove=False)

    def answer(self, objective: str, clock: Clock, report: ReportProgress) -> _Answer:
        """Return the plan asked for: the best of all, or what the search finds."""
        found = self.enumerate(objective)
        if found is None or not (found.candidate.feasible or self.whole):
            other = self.find(objective, clock, report)
            if not other.candidate.feasible and not clock.stopped():
                other = self.try_others(objective, other, clock)
            if found is None or other.candidate.feasible:
                found = other
        return found

    def another(
        self, objective: str, first: _Answer, clock: Clock, report: ReportProgress
    ) -> _Answer:
        """Return a further plan; for the first one's objective the search goes on from there."""
        found = self.enumerate(objective)
        if found is not None and found.candidate.feasible:
            return found
        if objective == first.candidate.objective and objective != "balance":
            return self.run(objective, clock, report, start=first.candidate.assignment)
        return self.find(objective, clock, report)

    def enumerate(self, objective: str) -> _Answer | None:
        """Return the best of all plans; None where grids are too many, or no plan is whole.

        Islands are first left as they are, then joined by bridges.
        """
        bridges = self.division.bridges
        bare = replace(
            self.division,
            bridges=bridges[:0],
            notes=tuple(n for n in self.division.notes if n.key != "partition.note.bridges"),
        )
        found = self._enumerate(self.unfilled, objective, bare)
        same = not len(bridges) and self.unfilled.present is self.problem.present
        if same or (found is not None and found.candidate.feasible):
            return found
        return self._enumerate(self.problem, objective, self.division) or found

    def _enumerate(self, problem: Problem, objective: str, division: Division) -> _Answer | None:
        edges = np.concatenate([open_edges(problem), division.bridges])
        sets = list_sets(problem, edges, self.tolerances)
        best = None if sets is None else best_of_all(problem, sets, objective, keep=self.keep)
        if best is None:
            return None
        candidate = self._candidate(
            best.assignment, objective, division, problem=problem, holds=best.holds
        )
        if best.holds:
            candidate = replace(candidate, bounds=_enumerated_bounds(candidate, problem))
            division = replace(
                division, notes=tuple(n for n in division.notes if not _is_on_whole_numbers(n))
            )
        unfilled = problem is self.unfilled and problem.present is not self.problem.present
        return _Answer(
            candidate=candidate,
            division=division,
            all_plans=True,
            unfilled=unfilled,
            binding=best.binding,
        )

    def find(self, objective: str, clock: Clock, report: ReportProgress = silent) -> _Answer:
        """Return the plan that the search finds for an objective, balance included."""
        if objective != "balance":
            return self.run(objective, clock, report)
        first = clock.part(clock.left() * _SHARE_COMPACT)
        best = self.run("compact", first, part_of(report, 0.0, _SHARE_COMPACT))
        limit, narrow, failed = LONGER * best.candidate.scores.cut_m, 1.0, 0
        for turn in range(_NARROWINGS if best.candidate.feasible else 0):
            if failed > 1 or clock.stopped():
                break
            part = clock.part(clock.left() / (_NARROWINGS - turn))
            goal = narrow * (0.5 if not failed else 0.75)
            found = self.run("compact", part, start=best.candidate.assignment, narrow=goal)
            report(_SHARE_COMPACT + (1.0 - _SHARE_COMPACT) * (turn + 1) / _NARROWINGS)
            cut = found.candidate.scores.cut_m
            if found.narrow and found.candidate.feasible and cut <= limit * (1 + _TRIFLE):
                best, narrow = found, goal
            else:
                failed += 1
        return replace(best, candidate=replace(best.candidate, objective=objective, bounds=()))

    def run(
        self,
        objective: str,
        clock: Clock,
        report: ReportProgress = silent,
        *,
        start: Ints | None = None,
        narrow: float = 1.0,
    ) -> _Answer:
        """Return the plan that one search finds.

        Parameters
        ----------
        start
            Beat of each grid in a plan to go on from, with a quarter of the steps.
        narrow
            Part of the tolerance to search under; the plan is rated under the whole.
        """
        problem, division, keep = self.problem, self.division, self.keep
        # If the keep target is unreachable, drop it and keep as much as the balance allows.
        limit = keep
        if keep is not None and keep > most_kept(self.unfilled) + _TRIFLE:
            limit = None
        weights = _objective_weights(
            problem, objective, self.tolerances, limit, eager=limit != keep
        )
        branched = is_branched(problem.grids, exact=self.prove)
        search = clock.part(clock.left() * (0.1 if branched else 0.3))
        search = search if objective == "travel" else clock
        built = [build_instance(problem, region, weights) for region in division.regions]
        searched = built
        if narrow < 1.0:
            tight = replace(weights, tolerances=tuple(t * narrow for t in weights.tolerances))
            searched = [build_instance(problem, region, tight) for region in division.regions]
        may_leave = _may_leave(self.unfilled, division, built, limit)
        nearer = objective == "travel" and len(built) == 1
        hot = _SHARE_TRAVEL if nearer and problem.grids <= BOUND_GRIDS else 1.0
        tasks = _tasks(searched, objective, self.effort, self.seed, search, may_leave)
        if start is not None:
            tasks = [_warm(task, part, start) for task, part in zip(tasks, built, strict=True)]
        goes_on = objective == "change" and start is not None and narrow < 1.0
        held = _held(built, tasks) if goes_on else {}
        found = run_tasks(
            [task for at, task in enumerate(tasks) if at not in held],
            clock=search,
            processes=self.processes,
            scheduler=self.scheduler,
            report=part_of(report, 0.0, hot),
        )
        again = iter(found)
        solved = [held[at] if at in held else next(again) for at in range(len(tasks))]
        inside = all(one.excess <= 0 for one in solved)
        if narrow < 1.0:
            solved = [
                rate_plan(part.instance, one.beat, task.keep, one.sweeps)
                for part, one, task in zip(built, solved, tasks, strict=True)
            ]
        candidate = self._solved(built, solved, objective)
        if nearer:
            beat, bound = improve_travel(
                problem,
                built[0],
                candidate,
                clock,
                exact=self.prove,
                effort=self.effort,
                seed=self.seed,
                report=part_of(report, hot, 1.0 - hot),
            )
            if beat is not None:
                solved = [rate_plan(built[0].instance, beat, np.inf, 0)]
                candidate = self._solved(built, solved, objective)
            candidate = replace(candidate, bounds=(*candidate.bounds, *bound))
        rank = (
            float(sum(one.together for one in solved)),
            round(sum(one.leaves for one in solved), 9),
            round(max((one.excess for one in solved), default=0.0), 9),
        )
        return _Answer(candidate=candidate, division=division, rank=rank, narrow=inside)

    def try_others(self, objective: str, answer: _Answer, clock: Clock) -> _Answer:
        """Return a better answer where a search for short borders finds one, or a tighter one.

        A plan that changes little is first taken on from where it is: a little more balance
        costs it less than a new plan does.
        """
        if objective == "change":
            answer = self._evened(answer, clock)
        elif self.keep is not None and not clock.stopped():
            found = self._evened(self.run("change", clock), clock)
            if found.candidate.feasible:
                aim = "compact" if objective == "balance" else objective
                again = self.run(aim, clock, start=found.candidate.assignment)
                found = again if again.candidate.feasible else found
            if found.rank < answer.rank:
                answer = replace(found, candidate=replace(found.candidate, objective=objective))
        for narrow in (1.0, 0.5) if objective != "compact" else (0.5,):
            if clock.stopped() or answer.candidate.feasible:
                continue
            found = self.run("compact", clock, narrow=narrow)
            if found.rank >= answer.rank:
                continue
            candidate = replace(found.candidate, objective=objective)
            answer = replace(found, candidate=candidate)
            if objective == "change" and candidate.feasible:  # give back what need not have moved
                again = self.run("change", clock, start=candidate.assignment)
                if again.candidate.feasible and _kept(again) > _kept(answer):
                    answer = again
        return answer

    def _evened(self, answer: _Answer, clock: Clock) -> _Answer:
        """Return a plan that changes little, taken on under less tolerance until it holds."""
        for narrow in (0.9, 0.7):
            if not (clock.stopped() or answer.candidate.feasible):
                start = answer.candidate.assignment
                found = self.run("change", clock, start=start, narrow=narrow)
                answer = found if found.rank < answer.rank else answer
        return answer

    def binding(self, clock: Clock) -> tuple[str, ...]:
        """Return the conditions without which, one at a time, a quick search finds a plan."""
        binding: list[str] = []
        trials = {"keep": {"keep": None}, "apart": {"problem": self.problem.replace(apart=())}}
        for name, change in trials.items():
            given = self.keep if name == "keep" else self.problem.apart or None
            if given is None or clock.stopped():
                continue
            freed = replace(self, effort="quick", prove=False, **change)  # type: ignore[arg-type]
            if freed.run("compact", clock).candidate.feasible:
                binding.append(name)
        return tuple(binding)

    def _solved(
        self, built: Sequence[RegionInstance], solved: Sequence[Solved], objective: str
    ) -> Candidate:
        """Return the plan of the whole from those of its regions."""
        problem, division = self.problem, self.division
        assignment = np.full(problem.grids, -1, dtype=np.int64)
        if problem.present is not None:
            assignment[division.frozen] = problem.present[division.frozen]
        for part, found in zip(built, solved, strict=True):
            assignment[part.grids] = part.labels_of(found.beat)
        candidate = self._candidate(
            assignment, objective, division, holds=all(found.excess <= 0 for found in solved)
        )
        return replace(candidate, bounds=(Bound(objective="cut_m", value=candidate.scores.cut_m),))

    def _candidate(
        self,
        assignment: Ints,
        objective: str,
        division: Division,
        *,
        holds: bool,
        problem: Problem | None = None,
    ) -> Candidate:
        """Return a plan with its beats numbered and scored, and whether it meets the request."""
        problem = self.problem if problem is None else problem
        assignment = relabel(problem, assignment, self.original_order)
        assignment.flags.writeable = False
        scores = score_plan(self.unfilled, assignment, division.bridges)
        holds &= self.keep is None or scores.kept is None or scores.kept >= self.keep - _TRIFLE
        if problem.bounds is not None:
            low, high = problem.bounds
            load = scores.totals[:, 0]
            holds &= bool(((load >= low - _TRIFLE) & (load <= high + _TRIFLE)).all())
        holds &= not any(assignment[a] == assignment[b] for a, b in problem.apart)
        holds &= not over_limits(problem, assignment).any()
        holds &= not beyond_reach(problem, scores, assignment).size
        return Candidate(
            assignment=assignment,
            objective=objective,
            scores=scores,
            feasible=bool(holds),
            tolerance=self.tolerances[0],
            net_deviation=net_deviation(problem, division, assignment),
        )


def _held(built: Sequence[RegionInstance], tasks: Sequence[Task]) -> dict[int, Solved]:
    """Return the stations whose start is within the tolerance, if others are not.

    Only the others need another search.
    """
    rated = {
        at: rate_plan(part.instance, task.start, task.keep, 0)
        for at, (part, task) in enumerate(zip(built, tasks, strict=True))
        if task.start is not None
    }
    held = {at: one for at, one in rated.items() if one.excess <= 0}
    return held if len(held) < len(tasks) else {}


def _kept(answer: _Answer) -> float:
    """Return the share that keeps its present beat; 1 where nobody has one."""
    kept = answer.candidate.scores.kept
    return 1.0 if kept is None else kept


def _is_on_whole_numbers(note: SearchNote) -> bool:
    """Return whether a note is on how whole numbers of beats are given to parts."""
    return note.key in {"partition.note.whole_numbers", "partition.note.whole_targets"}


def _enumerated_bounds(candidate: Candidate, problem: Problem) -> tuple[Bound, ...]:
    """Return what enumeration proves: the objective's value is the best there is."""
    scores, bounds = candidate.scores, []
    plain = problem.communities is None and problem.border_factor is None
    if candidate.objective == "compact" and plain:
        bounds.append(("cut_m", scores.cut_m))
    if candidate.objective == "travel" and scores.travel_total is not None:
        bounds.append(("travel_m", scores.travel_total))
    if candidate.objective == "change" and scores.kept is not None:
        bounds.append(("moved", 1.0 - scores.kept))
    if candidate.objective == "balance":
        bounds.append(("max_deviation", scores.max_deviation))
    return tuple(
        Bound(objective=name, value=value, lower=value, proven=True) for name, value in bounds
    )


def _others(problem: Problem, objective: Objective) -> list[tuple[Objective, float]]:
    """Return the objectives and widths of the tolerance that further plans are searched under."""
    every: list[Objective] = ["compact"]
    if problem.xy is not None or problem.travel is not None:
        every.append("travel")
    if problem.present is not None:
        every.append("change")
    asked: list[tuple[Objective, float]] = [(o, w) for w in _WIDTHS for o in every]
    return [one for one in [("balance", 1.0), *asked] if one != (objective, 1.0)]


def _objective_weights(
    problem: Problem, objective: str, given: tuple[float, ...], keep: float | None, *, eager: bool
) -> ObjectiveWeights:
    """Return what an objective wishes for; ``eager`` where change has a price in each."""
    # Where somebody has to travel, a compact plan is a near one too; measuring that costs
    # time, so it is left out of large regions.
    near = problem.demand is not None and problem.xy is not None and problem.grids <= _NEAR
    by_name = {
        "compact": (
            ObjectiveWeights(tolerances=given, keep=keep, travel=0.4, shrink=_EVEN)
            if near
            else ObjectiveWeights(tolerances=given, keep=keep)
        ),
        "travel": ObjectiveWeights(tolerances=given, keep=keep, cut=0.005, travel=0.3),
        "change": ObjectiveWeights(tolerances=given, keep=keep, change=2.0),
    }
    aims = by_name[objective]
    return replace(aims, change=max(aims.change, _RELUCTANCE)) if eager else aims


def _reporter(
    on_progress: Callable[[ProposalProgress], object] | None,
    index: int,
    count: int,
    name: str,
    reached: float | None,
) -> ReportProgress:
    if on_progress is None:
        return silent

    def report(share: float) -> None:
        share = (index + share) / count
        on_progress(ProposalProgress(share=share, objective=name, reached=reached))

    return report


def _tasks(
    built: Sequence[RegionInstance],
    objective: str,
    effort: str,
    seed: int,
    clock: Clock,
    may_leave: float,
) -> list[Task]:
    """Return what is to be solved, region by region, with its share of the effort.

    ``may_leave`` is the share of what could stay in its beat that need not.
    """
    schedule = schedule_of(objective)
    looks = effort_of(effort)
    if objective == "travel":  # many short searches beat a long one, see `improve_travel`
        looks = replace(looks, visits=looks.visits / 8, most=looks.most // 8)
    size = sum(len(b.instance.xy) for b in built)
    tasks = []
    for i, part in enumerate(built):
        share = len(part.instance.xy) / size
        start = None
        # Where each beat has a target of its own, it should have it where it is today.
        known = part.today.max(initial=-1) >= 0
        own = known and np.ptp(part.instance.loads.hi[:, 0]) > 0
        priced = bool(part.instance.attraction.price.any())
        kept = known and (np.isfinite(may_leave) or (priced and objective != "change"))
        if objective == "change" or own or kept:
            start = tidy_start(part.instance, part.today)
        tasks.append(
            Task(
                instance=part.instance,
                effort=looks.part(share, travels=weighs_travel(part.instance)),
                schedule=schedule.mild() if kept else schedule,
                seed=seed * 7919 + i,
                seconds=None if not np.isfinite(clock.left()) else clock.left() * share,
                keep=may_leave * float(part.instance.attraction.weight.sum()) + _TRIFLE
                if np.isfinite(may_leave)
                else np.inf,
                start=start,
            )
        )
    return tasks


def _warm(task: Task, part: RegionInstance, assignment: Ints) -> Task:
    """Return the task as it goes on from a plan: mild, with a quarter of the steps."""
    number = {int(label): i for i, label in enumerate(part.labels)}
    beat = np.zeros(task.size, dtype=np.int32)
    known = np.unique(assignment[part.grids]).tolist()
    spare = [i for label, i in number.items() if label not in known]
    for label in known:
        if label not in number:  # numbers have changed hands since
            number[label] = spare.pop()
    beat[part.node] = [number[int(label)] for label in assignment[part.grids]]
    effort = replace(
        task.effort, visits=task.effort.visits / 4, least=task.effort.least // 4, starts=1
    )
    return replace(task, start=beat, effort=effort, schedule=task.schedule.mild())


def _may_leave(
    problem: Problem, division: Division, built: Sequence[RegionInstance], keep: float | None
) -> float:
    """Return the share of what could keep its beat in the regions that need not keep it.

    Locked beats keep theirs; what has to leave, because its beat goes on elsewhere or not at
    all, has left already. Infinite where nothing is to be kept.
    """
    if keep is None or problem.present is None:
        return np.inf
    weight = problem.keep_values
    has = problem.present >= 0
    total = float(weight[has].sum())
    could = sum(float(part.instance.attraction.weight.sum()) for part in built)
    if could <= 0:
        return np.inf
    stays = keep * total - float(weight[division.frozen & has].sum())
    return min(1.0, max(0.0, 1.0 - stays / could))


def _put_back(candidate: Candidate, original_order: Ints) -> Candidate:
    """Return a plan of grids in canonical order as the file lists them."""
    assignment = np.empty_like(candidate.assignment)
    assignment[original_order] = candidate.assignment
    assignment.flags.writeable = False
    scores = candidate.scores
    if scores.centres is not None:
        scores = replace(scores, centres=original_order[scores.centres])
    return replace(candidate, assignment=assignment, scores=scores)
