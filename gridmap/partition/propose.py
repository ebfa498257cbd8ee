"""Proposing plans: the one call that a planner makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from gridmap.partition._clock import Clock
from gridmap.partition._division import Division
from gridmap.partition._effort import effort_of
from gridmap.partition._exact import is_branched
from gridmap.partition._front import front_of
from gridmap.partition._instance import Built, Wish, build_instance
from gridmap.partition._labels import relabel
from gridmap.partition._locks import locked_as_is, settle_locks
from gridmap.partition._nearer import BOUND_GRIDS, improve_travel
from gridmap.partition._options import check_options, schedule_of
from gridmap.partition._order import in_order, put_back
from gridmap.partition._pockets import fill_pockets
from gridmap.partition._progress import Tell, part_of, silent
from gridmap.partition._rating import Solved, rate_plan
from gridmap.partition._regions import divide
from gridmap.partition._shortfalls import most_kept, shortfalls
from gridmap.partition._solve import pulls_travel, tidy_start
from gridmap.partition._workers import Task, run_tasks
from gridmap.partition.problem import Problem
from gridmap.partition.proposal import Bound, Candidate, Progress, Proposal
from gridmap.partition.scores import score_plan

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["propose"]

Objective = Literal["balance", "compact", "travel", "change"]
_NEAR = 3_000  # grids
_TRIFLE = 1e-9  # workload: what rounding alone may make of a limit
_EVEN = 0.85  # of the tolerance: where ways count too, few beats are to lie at its edge
_RELUCTANCE = 2.0  # what leaving its beat costs a mean grid, where more should stay than can
_TOLD_TRAVEL = 0.3  # of the progress of a search for short ways; shortening has the rest


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
    on_progress: Callable[[Progress], None] | None = None,
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
        problem has a demand (and up to 3,000 grids). ``balance``: the smallest
        deviation that can be found, then short borders. ``travel``: least demand times
        distance from each beat's centre or room. ``change``: as little workload as possible
        leaves its present beat.
    effort
        How many steps the search takes: the same effort and seed give the same plans.
    seconds
        A cap on the wall time. Where it bites, fewer steps are taken.
    seed
        A whole number, 0 or more.
    keep
        Least share of the keep weights that stays in its present beat, 0 to 1, or None.
    front
        Number of plans wanted; beyond the first they lean to the other objectives.
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
    given = problem
    asked, came = in_order(given)
    problem, pockets = fill_pockets(asked)
    problem = settle_locks(problem)
    division = divide(problem)
    # What cannot be kept is no limit to search under: as much as balance lets stay, stays.
    limit = None if keep is None or keep > most_kept(asked) + _TRIFLE else keep
    profiles = _profiles(problem, objective, front)
    candidates: list[Candidate] = []
    for i, name in enumerate(profiles):
        part = clock.part(clock.left() / (len(profiles) - i))
        report = _reporter(on_progress, i, len(profiles), name)
        wish = _wish(problem, name, tolerance, limit, eager=limit != keep)
        branched = is_branched(problem.grids, exact=prove)
        search = clock.part(part.left() * (0.1 if branched else 0.3))
        search = search if name == "travel" else part
        built = [build_instance(problem, region, wish) for region in division.regions]
        may_leave = _may_leave(asked, division, built, limit)
        nearer = name == "travel" and len(built) == 1
        hot = _TOLD_TRAVEL if nearer and problem.grids <= BOUND_GRIDS else 1.0
        solved = run_tasks(
            _tasks(built, name, effort, seed, search, may_leave),
            clock=search,
            processes=processes,
            scheduler=scheduler,
            report=part_of(report, 0.0, hot),
        )
        found = _candidate(problem, asked, came, division, built, solved, name, keep)
        if nearer:
            beat, bound = improve_travel(
                problem,
                built[0],
                found,
                part,
                exact=prove,
                effort=effort,
                seed=seed,
                tell=part_of(report, hot, 1.0 - hot),
            )
            if beat is not None:
                better = [rate_plan(built[0].instance, beat, np.inf, 0)]
                found = _candidate(problem, asked, came, division, built, better, name, keep)
            found = replace(found, bounds=(*found.bounds, *bound))
        candidates.append(found)
        if clock.stopped():
            break
    locked = locked_as_is(problem)
    problem, division = put_back(problem, given, came), division.put_back(came)
    chosen = [_put_back(one, came) for one in front_of(candidates)]
    notes = pockets + locked + shortfalls(problem, chosen[0], tolerance, keep, division)
    return Proposal(
        candidates=tuple(chosen),
        bridges=division.bridges,
        notes=notes,
        problem=problem,
        seconds=clock.elapsed(),
        seed=seed,
        effort=effort,
    )


def _profiles(problem: Problem, objective: Objective, front: int) -> list[str]:
    """Return the objectives to work on: the one asked for first, then those that apply."""
    order: list[str] = [objective, "compact", "balance"]
    if problem.xy is not None or problem.travel is not None:
        order.append("travel")
    if problem.present is not None:
        order.append("change")
    return list(dict.fromkeys(order))[:front]


def _wish(
    problem: Problem, objective: str, tolerance: float, keep: float | None, *, eager: bool
) -> Wish:
    """Return what an objective wishes for; ``eager`` where change has a price in each."""
    given = problem.tolerances or (tolerance,) * problem.criteria
    # Where somebody has to travel, a compact plan is a near one too; measuring that costs
    # time, so it is left out of large regions.
    near = problem.demand is not None and problem.xy is not None and problem.grids <= _NEAR
    by_name = {
        "compact": (
            Wish(tolerances=given, keep=keep, travel=0.4, shrink=_EVEN)
            if near
            else Wish(tolerances=given, keep=keep)
        ),
        "balance": Wish(tolerances=given, keep=keep, alone=True),
        "travel": Wish(tolerances=given, keep=keep, cut=0.005, travel=0.3),
        "change": Wish(tolerances=given, keep=keep, change=2.0),
    }
    wish = by_name[objective]
    return replace(wish, change=max(wish.change, _RELUCTANCE)) if eager else wish


def _reporter(
    on_progress: Callable[[Progress], None] | None, index: int, count: int, name: str
) -> Tell:
    if on_progress is None:
        return silent

    def report(share: float) -> None:
        on_progress(Progress(share=(index + share) / count, objective=name))

    return report


def _tasks(
    built: Sequence[Built],
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
        priced = bool(part.instance.pulls.price.any())
        kept = known and (np.isfinite(may_leave) or (priced and objective != "change"))
        if objective == "change" or own or kept:
            start = tidy_start(part.instance, part.today)
        tasks.append(
            Task(
                instance=part.instance,
                effort=looks.part(share, travels=pulls_travel(part.instance)),
                schedule=schedule.mild() if kept else schedule,
                seed=seed * 7919 + i,
                seconds=None if not np.isfinite(clock.left()) else clock.left() * share,
                keep=may_leave * float(part.instance.pulls.weight.sum()) + _TRIFLE
                if np.isfinite(may_leave)
                else np.inf,
                start=start,
                tighten=objective == "balance",
            )
        )
    return tasks


def _may_leave(
    problem: Problem, division: Division, built: Sequence[Built], keep: float | None
) -> float:
    """Return the share of what could keep its beat in the regions that need not keep it.

    Locked beats keep theirs; what has to leave, because its beat goes on elsewhere or not at
    all, has left already. Infinite where nothing is to be kept.
    """
    if keep is None or problem.present is None:
        return np.inf
    weight = problem.weights[:, 0] if problem.keep_weights is None else problem.keep_weights
    has = problem.present >= 0
    total = float(weight[has].sum())
    could = sum(float(part.instance.pulls.weight.sum()) for part in built)
    if could <= 0:
        return np.inf
    stays = keep * total - float(weight[division.frozen & has].sum())
    return min(1.0, max(0.0, 1.0 - stays / could))


def _candidate(
    problem: Problem,
    asked: Problem,
    came: NDArray[np.int64],
    division: Division,
    built: Sequence[Built],
    solved: Sequence[Solved],
    objective: str,
    keep: float | None,
) -> Candidate:
    """Return the plan of the whole.

    ``asked`` has its pockets unfilled; ``came`` is where the file lists each grid.
    """
    assignment = np.full(problem.grids, -1, dtype=np.int64)
    if problem.present is not None:
        assignment[division.frozen] = problem.present[division.frozen]
    for part, found in zip(built, solved, strict=True):
        assignment[part.grids] = part.labels_of(found.beat)
    assignment = relabel(problem, assignment, came)
    assignment.flags.writeable = False
    scores = score_plan(asked, assignment, division.bridges)
    held = keep is None or scores.kept is None or scores.kept >= keep - _TRIFLE
    if problem.bounds is not None:
        low, high = problem.bounds
        load = scores.totals[:, 0]
        held &= bool(((load >= low - _TRIFLE) & (load <= high + _TRIFLE)).all())
    return Candidate(
        assignment=assignment,
        objective=objective,
        scores=scores,
        bounds=(_cut_bound(scores.cut_m, proven=_is_proven(problem, built, solved)),),
        feasible=held
        and all(found.excess <= 0 for found in solved)
        and not any(assignment[a] == assignment[b] for a, b in problem.apart),
    )


def _put_back(candidate: Candidate, came: NDArray[np.int64]) -> Candidate:
    """Return a plan of grids in their own order as the grids came."""
    assignment = np.empty_like(candidate.assignment)
    assignment[came] = candidate.assignment
    assignment.flags.writeable = False
    scores = candidate.scores
    if scores.centres is not None:
        scores = replace(scores, centres=came[scores.centres])
    return replace(candidate, assignment=assignment, scores=scores)


def _is_proven(problem: Problem, built: Sequence[Built], solved: Sequence[Solved]) -> bool:
    """Return whether no plan that meets the request has shorter borders.

    What was proven is about one region, and about borders as the search counts them: those
    inside a community count more, parts could share out the beats otherwise, and grids tied
    together may take others in on the way to each other.
    """
    alone = len(built) == 1 and len(built[0].grids) == problem.grids
    plain = problem.communities is None and not problem.together
    return alone and plain and all(found.proven for found in solved)


def _cut_bound(cut_m: float, *, proven: bool) -> Bound:
    """Return what is known about border length: proof by enumeration, or nothing.

    No method gives a useful bound beyond tiny regions, so none is promised.
    """
    return Bound(objective="cut_m", value=cut_m, lower=cut_m if proven else None, proven=proven)
