"""Short travel: alternate location and allocation (Cooper 1964) after the search, then prove.

Given centres, the best beats are an assignment problem with bounds on workload, which HiGHS
solves in a moment; given beats, each moves its centre to its best grid. The two alternate until
they agree; then they start anew from another plan, as long as there is time. Contiguity comes in
as cuts, as in `prove_travel`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gridmap.partition._arrays import (
    Clock,
    Effort,
    ReportProgress,
    excess_of,
    make_state,
    pinned,
    silent,
)
from gridmap.partition._branch_and_bound import Cut, assign_centres, is_branched, prove_travel
from gridmap.partition._instance import RegionInstance
from gridmap.partition._lagrangian import TravelTask
from gridmap.partition._locks import schedule_of
from gridmap.partition._solve import solve_region
from gridmap.partition.problem import Problem
from gridmap.partition.proposal import Bound, Candidate
from gridmap.typing import Floats, Ints, Ints32

BOUND_GRIDS = 1_500  # grids up to which a bound on travel is computed
_TRIES = {"quick": 0, "normal": 10, "thorough": 60}  # 0: the search's plan is not settled
_MORE_TRIES = 3  # times as many where only a bound can be had: a gap has two sides
_SWEEPS = 3.0  # per grid, in each further search: many short ones beat a long one
_LEAST_VISITS = 3e5
_STEPS, _STEPS_EXACT = 600, 4_000  # of the bound
_SMALL, _LARGE = 0.1, 1e7  # what beats carry and ways cost as they are
_ROUNDING = 1e-9  # excess, in tolerances of 3 %, that is no more than rounding


def improve_travel(
    problem: Problem,
    built: RegionInstance,
    candidate: Candidate,
    clock: Clock,
    *,
    exact: bool,
    effort: str,
    seed: int,
    report: ReportProgress = silent,
) -> tuple[Ints32 | None, tuple[Bound, ...]]:
    """Return better beats of the nodes (None where there are none), and the bound on travel.

    Parameters
    ----------
    built, candidate
        The one region of the problem, and its plan.
    exact
        Whether to go on to the exact model.
    report
        Called with the share done, 0 to 1.
    """
    scores, n = candidate.scores, problem.grids
    if scores.travel_total is None or scores.centres is None:
        return None, ()
    if not _bounded(problem, built, candidate):
        return None, (Bound(objective="travel_m", value=scores.travel_total),)
    back = np.arange(n)
    known = _is_known(problem, built)
    if known:
        back[built.node] = np.arange(n)
    task, way = _task(problem, built, scores.travel_total, back)
    centre = scores.centres[np.searchsorted(scores.labels, candidate.assignment)]
    if not known:  # a bound holds whatever else is asked for
        proof = prove_travel(task, centre, clock=clock, exact=False, steps=_STEPS)
        lower, proven = min(proof.lower * way, scores.travel_total), proof.proven
        value = scores.travel_total
        return None, (Bound(objective="travel_m", value=value, lower=lower, proven=proven),)
    cost = task.cost
    branched = is_branched(n, exact=exact)
    searching = 0.25 if branched else 0.6 if exact else 0.75
    own = clock.part(clock.left() * searching)
    visits = max(_LEAST_VISITS, _SWEEPS * n * n)

    tries = _TRIES[effort] * (_MORE_TRIES if exact and not branched else 1)
    steps = tries + 2  # the plan itself, further searches, and the bound

    def another(i: int) -> Ints:
        report((i + 1) / steps)
        found = solve_region(
            built.instance,
            effort=Effort(visits=visits, least=60, most=20_000, starts=1),
            schedule=schedule_of("travel"),
            seed=seed * 7919 + 104_729 * (i + 1),
            clock=own,
        )
        plan = np.zeros(n, dtype=np.int64)
        for b in range(problem.beats):
            inside = np.flatnonzero(found.beat == b)
            room = np.intersect1d(inside, task.rooms)
            best = inside[np.argmin(cost[np.ix_(inside, inside)].sum(axis=0))]
            plan[inside] = room[0] if room.size else best
        return plan if found.excess <= 0 else centre_of_nodes

    centre_of_nodes = built.node[centre][back]
    cuts: list[Cut] = []
    polished = centre_of_nodes
    if tries or exact:
        polished = polish_travel(
            task, polished, clock=own, cuts=cuts, another=another, tries=tries
        )
    report((steps - 1) / steps)
    proof = prove_travel(
        task,
        polished,
        clock=clock,
        exact=exact,
        steps=_STEPS_EXACT if exact else _STEPS,
        cuts=cuts,
    )
    upper, lower = proof.upper * way, proof.lower * way
    bound = Bound(objective="travel_m", value=upper, lower=lower, proven=proof.proven)
    if upper < scores.travel_total * (1 - 1e-9):
        beat = np.unique(proof.centre, return_inverse=True)[1].astype(np.int32)
        beat = pinned(built.instance, beat)
        if excess_of(built.instance, make_state(built.instance, beat, 0, np.inf)) <= _ROUNDING:
            return beat, (bound,)
        # The solver's answer is outside by its own tolerance: no plan, and no proof of one.
        bound = replace(bound, proven=False)
    return None, (replace(bound, value=scores.travel_total),)


def _unit(typical: float) -> float:
    """Return what to count in: a solver's tolerances are absolute, and it likes whole numbers."""
    return 1.0 if _SMALL <= typical <= _LARGE or typical <= 0 else typical


def _bounded(problem: Problem, built: RegionInstance, candidate: Candidate) -> bool:
    """Return whether a bound can be computed: the plan is one region of equal beats."""
    whole = len(built.grids) == problem.grids
    small = problem.grids <= BOUND_GRIDS
    return small and whole and problem.targets is None and candidate.feasible


def _is_known(problem: Problem, built: RegionInstance) -> bool:
    """Return whether the exact model knows everything that the request asks for.

    It knows rooms, and no other locks.
    """
    attraction = built.instance.attraction
    locked = (
        int((attraction.pin >= 0).sum()) > len(_rooms(problem, built))
        or attraction.separated.size > 0
    )
    kept = bool((attraction.home >= 0).any())
    apart = len(built.instance.xy) == problem.grids
    return (
        apart and problem.criteria == 1 and not (locked or kept or problem.limits or problem.reach)
    )


def _rooms(problem: Problem, built: RegionInstance) -> list[int]:
    """Return the grids with the rooms of the region's beats."""
    rooms = [] if problem.rooms is None else problem.rooms.tolist()
    return [rooms[b] for b in built.labels.tolist() if b < len(rooms) and rooms[b] >= 0]


def _task(
    problem: Problem, built: RegionInstance, travel: float, back: Ints
) -> tuple[TravelTask, float]:
    """Return what ways are made short for, grid ``back[i]`` at position i, and a way's unit."""
    mean = float(problem.weights[:, 0].sum()) / problem.beats
    bounds = problem.bounds or (mean * (1 - built.tolerance), mean * (1 + built.tolerance))
    load, way = _unit(mean), _unit(travel / problem.grids)
    return TravelTask(
        graph=built.instance.graph,
        cost=np.ascontiguousarray(_cost(problem)[np.ix_(back, back)]) / way,
        weight=problem.weights[back, 0] / load,
        bounds=(bounds[0] / load, bounds[1] / load),
        rooms=tuple(np.flatnonzero(np.isin(back, _rooms(problem, built))).tolist()),
    ), way


def _cost(problem: Problem) -> Floats:
    """Return demand times distance or time (n, n): rows are grids, columns centres."""
    demand = problem.demand_values
    far = problem.far()
    assert far is not None  # noqa: S101 - travel was scored; for the type checker
    cost: Floats = demand[:, None] * far
    return cost


_HOPE = 0.006  # a plan worse by so much is not worth settling,
_HOPE_GRIDS = 2.0  # or by so many grids' even share of the whole
_TRIFLE = 1e-9


def polish_travel(
    task: TravelTask,
    centre: Ints,
    *,
    clock: Clock,
    cuts: list[Cut],
    another: Callable[[int], Ints] | None = None,
    tries: int = 0,
) -> Ints:
    """Return the centre of each grid in a plan at least as good, every beat in one piece.

    Parameters
    ----------
    task
        The region, what its ways cost and what its beats may carry.
    centre
        Centre grid of each grid (n,), a plan inside the bounds.
    cuts
        Cuts that are known to hold; those found are added to it.
    another
        Returns further plans to start from, as ``centre``, by number.
    tries
        How many of them are looked at.
    """
    best = _settled(task, _recentred(task, centre), clock, cuts)
    seen = {_sites(best)}
    hope = 1.0 + max(_HOPE, _HOPE_GRIDS / len(centre))
    for i in range(tries if another is not None else 0):
        if clock.stopped():
            break
        assert another is not None  # noqa: S101 - else there are no tries; for the type checker
        plan = _recentred(task, another(i))
        if _sites(plan) in seen or task.value(plan) > task.value(best) * hope:
            continue
        seen.add(_sites(plan))
        found = _settled(task, plan, clock, cuts)
        seen.add(_sites(found))
        if task.value(found) < task.value(best) * (1 - _TRIFLE):
            best = found
    return best


def _sites(centre: Ints) -> tuple[int, ...]:
    return tuple(np.unique(centre).tolist())


def _recentred(task: TravelTask, centre: Ints) -> Ints:
    """Return the plan with each beat's centre at its best own grid, or at its room."""
    cost, moved = task.cost, centre.copy()
    for j in np.setdiff1d(centre, task.rooms):
        own = np.flatnonzero(centre == j)
        sums = cost[np.ix_(own, own)].sum(axis=0)
        at = int(np.argmin(sums))
        moved[own] = own[at] if sums[at] < cost[own, j].sum() * (1 - _TRIFLE) else j
    return moved


def _settled(task: TravelTask, centre: Ints, clock: Clock, cuts: list[Cut]) -> Ints:
    """Return where assignment to the centres and centres of the beats agree."""
    best = centre
    while not clock.stopped():
        sites = np.unique(best)
        found = assign_centres(task, sites, cuts, clock, known=best)
        assert found is not None  # noqa: S101 - a plan is known; for the type checker
        found = _recentred(task, found)
        if task.value(found) >= task.value(best) * (1 - _TRIFLE):
            break
        best = found
    return best
