"""p-center: the farthest demand as near as can be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gridmap.errors import InfeasibleError, some_ids
from gridmap.siting._inputs import checked_costs, nearest_fixed
from gridmap.siting.answer import Limits, Siting
from gridmap.siting.cover import solve_set_cover

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["solve_center"]


def solve_center(
    cost: ArrayLike,
    weights: ArrayLike,
    limits: Limits,
    *,
    fixed_cost: ArrayLike | None = None,
) -> Siting:
    """Return places that make the largest cost of any demand least.

    The answer is one of the costs, and whether a cost can be kept is a set cover: the costs
    are searched by halves, each half settled by HiGHS.

    Parameters
    ----------
    cost
        Cost from each candidate to each demand, shape (n, m); infinite where out of reach.
    weights
        Weight of each demand, shape (n,); only demands of weight above 0 count, all alike.
    limits
        How many places or what they may cost, conflicts, time, gap.
    fixed_cost
        Cost from each room that stays to each demand, shape (n, f).

    Raises
    ------
    InputError
        If shapes differ, a weight is negative or not finite, or all weights are zero.
    InfeasibleError
        If no choice within the limits reaches every demand that can be reached, or none
        was found in time.

    Examples
    --------
    >>> cost = abs(np.subtract.outer([0, 2, 9, 12], [0, 2, 9, 12]))
    >>> solve_center(cost, [1, 1, 1, 1], Limits(rooms=2)).objective
    3.0
    """
    costs, weight, rows, unserved = checked_costs(cost, weights, fixed_cost)
    limits.spending(costs.shape[1])
    base = nearest_fixed(fixed_cost, len(weight))[rows]
    costs, ones = costs[rows], np.ones(len(rows))
    least = float(np.minimum(costs.min(axis=1), base).max())
    radii = np.unique(np.concatenate([costs.ravel(), base]))
    radii = radii[np.isfinite(radii) & (radii >= least)]
    low, high = 0, len(radii) - 1  # the answer lies in radii[low:high + 1]
    fixed = base[:, None]
    best = _try(costs, ones, float(radii[high]), limits, fixed)
    if best is None:
        raise InfeasibleError("siting.error.cannot_reach", count=len(rows), ids=some_ids(rows + 1))
    chosen = best
    high = int(np.searchsorted(radii, _farthest(costs, base, chosen)))
    # Places far apart give a good first answer, and so a short search.
    spread = _far_apart(costs, base, limits)
    if spread is not None and _farthest(costs, base, spread) < radii[high]:
        chosen = spread
        high = int(np.searchsorted(radii, _farthest(costs, base, chosen)))
    while low < high and limits.left() > 0.0:
        middle = (low + high) // 2
        try:
            found = _try(costs, ones, float(radii[middle]), limits, fixed)
        except InfeasibleError:
            break
        if found is None:
            low = middle + 1
        else:
            chosen = found
            high = int(np.searchsorted(radii, _farthest(costs, base, chosen)))
    return Siting(
        "center", chosen, float(radii[high]), float(radii[low]), limits.elapsed(), unserved
    )


def _try(costs: Floats, ones: Floats, reach: float, limits: Limits, fixed: Floats) -> Ints | None:
    """Return places that keep the reach within the limits, or None where none do.

    Raises
    ------
    InfeasibleError
        If there was no time to tell.
    """
    within = replace(limits, seconds=max(limits.left(), 0.01))
    try:
        answer = solve_set_cover(costs, ones, reach, within, fixed_cost=fixed)
    except InfeasibleError as error:
        if error.key == "siting.error.no_time":
            raise
        return None
    return None if len(answer.unserved) else answer.chosen


def _farthest(costs: Floats, base: Floats, chosen: Ints) -> float:
    return float(np.minimum(costs[:, chosen].min(axis=1, initial=np.inf), base).max())


def _far_apart(costs: Floats, base: Floats, limits: Limits) -> Ints | None:
    """Return places opened one by one beside the demand that is farthest."""
    if limits.rooms is None or len(limits.conflict_pairs()):
        return None
    now = base.copy()
    chosen: list[int] = []
    for _ in range(limits.rooms):
        worst = int(np.argmax(now))
        pick = int(np.argmin(costs[worst]))
        chosen.append(pick)
        now = np.minimum(now, costs[:, pick])
    return np.unique(chosen) if np.isfinite(now).all() else None
