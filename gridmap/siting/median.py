"""p-median (least total weighted cost, also with capacities) and p-center (least maximum cost)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array

from gridmap._highs import minimise
from gridmap.errors import InfeasibleError, InputError, some_ids
from gridmap.siting._interchange import Near, exchange, open_greedily
from gridmap.siting._least_cost import least_cost
from gridmap.siting.answer import Limits, Rows, Siting, checked_costs, nearest_fixed
from gridmap.siting.cover import solve_set_cover
from gridmap.typing import Floats, Ints

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["solve_capacitated_median", "solve_center", "solve_median"]


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


def solve_capacitated_median(
    cost: ArrayLike,
    weights: ArrayLike,
    capacity: ArrayLike,
    limits: Limits,
    *,
    fixed_cost: ArrayLike | None = None,
    fixed_capacity: ArrayLike | None = None,
) -> Siting:
    """Return places and each demand's place, of least weighted cost within capacities.

    Each demand is looked after by one place: a grid is never split. In `Siting.assigned`
    rooms that stay are numbered after the candidates.

    Parameters
    ----------
    cost
        Cost from each candidate to each demand, shape (n, m); infinite where out of reach.
    weights
        Weight of each demand, shape (n,).
    capacity
        Largest sum of weights of each candidate, shape (m,).
    limits
        How many places or what they may cost, conflicts, time, gap.
    fixed_cost
        Cost from each room that stays to each demand, shape (n, f).
    fixed_capacity
        Largest sum of weights of each room that stays, shape (f,).

    Raises
    ------
    InputError
        If shapes differ, a weight is negative or not finite, or all weights are zero.
    InfeasibleError
        If no choice within the limits has room for every demand.

    Examples
    --------
    >>> cost = abs(np.subtract.outer([0, 1, 2, 10], [0, 1, 10]))
    >>> answer = solve_capacitated_median(cost, [1, 1, 1, 1], [2, 2, 2], Limits(rooms=2))
    >>> answer.assigned.tolist(), answer.objective
    ([1, 1, 2, 2], 9.0)
    """
    costs, weight, rows, unserved = checked_costs(cost, weights, fixed_cost)
    n, candidates = len(rows), costs.shape[1]
    hold = np.asarray(capacity, dtype=np.float64)
    if hold.shape != (candidates,) or not (hold >= 0.0).all():
        raise InputError("siting.error.capacity", received=hold.size, candidates=candidates)
    _, budget = limits.spending(candidates)
    costs, heavy = costs[rows], weight[rows]
    if fixed_cost is not None:
        stay = np.asarray(fixed_cost, dtype=np.float64).reshape(len(weight), -1)[rows]
        held = np.asarray(fixed_capacity, dtype=np.float64)
        if held.shape != stay.shape[1:] or not (held >= 0.0).all():
            raise InputError("siting.error.capacity", received=held.size, candidates=stay.shape[1])
        costs, hold = np.hstack([costs, stay]), np.concatenate([hold, held])
    m = costs.shape[1]
    demand, place = np.nonzero(np.isfinite(costs) & (heavy[:, None] <= hold[None, :]))
    k = len(demand)
    model = _model((demand, place), heavy, hold, (n, candidates), limits)
    answer = minimise(
        np.concatenate([np.zeros(m), (heavy * costs.T).T[demand, place]]),
        *model.model(),
        whole=np.ones(m + k, dtype=bool),
        seconds=limits.left(),
        gap=limits.gap,
        start=_start(costs, heavy, hold, limits, (demand, place), candidates),
    )
    if answer.values is None:
        key = "siting.error.no_capacity" if answer.infeasible else "siting.error.no_time"
        raise InfeasibleError(key, count=n, need=float(heavy.sum()), ids=limits.rooms or budget)
    served = answer.values[m:] > 0.5
    assigned = np.full(len(weight), -1)
    assigned[rows[demand[served]]] = place[served]
    total = float((heavy[demand] * costs[demand, place])[served].sum())
    return Siting(
        "capacitated",
        np.flatnonzero(answer.values[:candidates] > 0.5),
        total,
        min(answer.bound, total),
        limits.elapsed(),
        unserved,
        assigned,
    )


def _model(
    pairs: tuple[Ints, Ints], heavy: Floats, hold: Floats, size: tuple[int, int], limits: Limits
) -> Rows:
    """Return the constraints over places, those that stay last, and pairs of demand and place."""
    (demand, place), (n, candidates) = pairs, size
    m, k = len(hold), len(demand)
    pair, width = np.arange(k), m + k
    price, budget = limits.spending(candidates)
    model = Rows(width)
    model.add(coo_array((np.ones(k), (demand, m + pair)), shape=(n, width)).tocsr(), 1.0, 1.0)
    every = np.arange(m)
    held = coo_array(
        (
            np.concatenate([heavy[demand], -hold]),
            (np.concatenate([place, every]), np.concatenate([m + pair, every])),
        ),
        shape=(m, width),
    )
    model.add(held.tocsr(), -np.inf, 0.0)
    strong = coo_array(
        (
            np.concatenate([np.ones(k), -np.ones(k)]),
            (np.concatenate([pair, pair]), np.concatenate([m + pair, place])),
        ),
        shape=(k, width),
    )
    model.add(strong.tocsr(), -np.inf, 0.0)
    if m > candidates:
        stay = np.arange(m - candidates)
        ones = coo_array((np.ones(len(stay)), (stay, candidates + stay)), shape=(len(stay), width))
        model.add(ones.tocsr(), 1.0, 1.0)
    model.add_spending(price, budget)
    model.add_conflicts(limits)
    return model


def _start(
    costs: Floats,
    heavy: Floats,
    hold: Floats,
    limits: Limits,
    pairs: tuple[Ints, Ints],
    candidates: int,
) -> Floats | None:
    """Return a first solution: good places without capacities, then the tightest demand first."""
    price, budget = limits.spending(candidates)
    far = 10.0 * costs[np.isfinite(costs)].max()
    capped = np.where(np.isfinite(costs), costs, far) * heavy[:, None]
    base = capped[:, candidates:].min(axis=1, initial=np.inf)
    near = Near.build(
        capped[:, :candidates], base, (price, budget), limits.conflict_matrix(candidates)
    )
    opened = np.zeros(candidates, dtype=bool)
    open_greedily(near, opened)
    exchange(near, opened, np.zeros(candidates, dtype=bool))
    opened = np.concatenate([opened, np.ones(len(hold) - candidates, dtype=bool)])
    places = np.flatnonzero(opened)
    left = hold.copy()
    chosen = np.full(len(costs), -1)
    ranked = np.sort(costs[:, places], axis=1)
    regret = ranked[:, min(1, len(places) - 1)] - ranked[:, 0]
    for i in np.lexsort((-np.nan_to_num(regret, posinf=far), -heavy)):
        fits = places[(left[places] >= heavy[i]) & np.isfinite(costs[i, places])]
        if len(fits) == 0:
            return None
        chosen[i] = fits[np.argmin(costs[i, fits])]
        left[chosen[i]] -= heavy[i]
    demand, place = pairs
    return np.concatenate([opened.astype(float), (chosen[demand] == place).astype(float)])


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
