"""A travel plan made better: exact beats for given centres, best centres for given beats.

Given centres, the best beats are an assignment problem with bounds on workload, which HiGHS
solves in a moment; given beats, each moves its centre to its best grid. The two alternate
(Cooper 1964) until they agree; then they start anew from another plan, as long as there is
time. Contiguity comes in as cuts, as in `prove_travel`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gridmap.partition._clock import Clock
from gridmap.partition._exact import Cut, assign_centres
from gridmap.partition._task import TravelTask

__all__ = ["polish_travel"]

Integers = NDArray[np.int64]
_HOPE = 0.006  # a plan worse by so much is not worth settling,
_HOPE_GRIDS = 2.0  # or by so many grids' even share of the whole
_TRIFLE = 1e-9


def polish_travel(
    task: TravelTask,
    centre: Integers,
    *,
    clock: Clock,
    cuts: list[Cut],
    another: Callable[[int], Integers] | None = None,
    tries: int = 0,
) -> Integers:
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


def _sites(centre: Integers) -> tuple[int, ...]:
    return tuple(np.unique(centre).tolist())


def _recentred(task: TravelTask, centre: Integers) -> Integers:
    """Return the plan with each beat's centre at its best own grid, or at its room."""
    cost, moved = task.cost, centre.copy()
    for j in np.setdiff1d(centre, task.rooms):
        own = np.flatnonzero(centre == j)
        sums = cost[np.ix_(own, own)].sum(axis=0)
        at = int(np.argmin(sums))
        moved[own] = own[at] if sums[at] < cost[own, j].sum() * (1 - _TRIFLE) else j
    return moved


def _settled(
    task: TravelTask,
    centre: Integers,
    clock: Clock,
    cuts: list[Cut],
) -> Integers:
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
