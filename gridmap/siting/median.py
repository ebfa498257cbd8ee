"""p-median: places that make the total weighted cost least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridmap.siting._inputs import checked_costs, nearest_fixed
from gridmap.siting._least_cost import least_cost
from gridmap.siting.answer import Limits, Siting

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["solve_median"]

_FAR = 10.0  # what is out of reach counts as so many times the farthest that is in reach


def solve_median(
    cost: ArrayLike,
    weights: ArrayLike,
    limits: Limits,
    *,
    fixed_cost: ArrayLike | None = None,
) -> Siting:
    """Return places that make the weighted cost to the nearest room least.

    Greedy opening and interchange find places, a Lagrangian dual bounds them and rules
    others out, and what neither settles is solved exactly by HiGHS as a model of radii.

    Parameters
    ----------
    cost
        Cost from each candidate to each demand, shape (n, m); infinite where out of reach.
        Such a pair counts as ten times the largest finite cost.
    weights
        Weight of each demand, shape (n,).
    limits
        How many places or what they may cost, conflicts, time, gap.
    fixed_cost
        Cost from each room that stays to each demand, shape (n, f).

    Raises
    ------
    InputError
        If shapes differ, a weight is negative or not finite, or all weights are zero.
    InfeasibleError
        If the limits allow no choice.

    Examples
    --------
    Four homes on a line; two rooms stand best in the middle of each pair's side:

    >>> cost = abs(np.subtract.outer([0, 1, 9, 10], [0, 1, 9, 10]))
    >>> answer = solve_median(cost, [1, 3, 3, 1], Limits(rooms=2))
    >>> answer.chosen.tolist(), answer.objective, answer.proven
    ([1, 2], 2.0, True)
    """
    costs, weight, rows, unserved = checked_costs(cost, weights, fixed_cost)
    base = nearest_fixed(fixed_cost, len(weight))
    far = _FAR * max(
        costs[rows][np.isfinite(costs[rows])].max(initial=0.0),
        base[np.isfinite(base)].max(initial=0.0),
        1e-9,
    )
    capped = np.where(np.isfinite(costs[rows]), costs[rows], far)
    heavy = weight[rows]
    with np.errstate(invalid="ignore"):
        based = np.where(np.isfinite(base[rows]), base[rows] * heavy, np.inf)
    chosen, total, bound = least_cost(capped * heavy[:, None], based, limits)
    return Siting("median", chosen, total, bound, limits.elapsed(), unserved)
