"""p-median with capacities: no room looks after more than it can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array

from gridmap.errors import InfeasibleError, InputError
from gridmap.siting._highs import minimise
from gridmap.siting._inputs import checked_costs
from gridmap.siting._interchange import Near, exchange, open_greedily
from gridmap.siting._rows import Rows
from gridmap.siting.answer import Limits, Siting

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["solve_capacitated_median"]


def solve_capacitated_median(
    cost: ArrayLike,
    weights: ArrayLike,
    capacity: ArrayLike,
    limits: Limits,
) -> Siting:
    """Return places and each demand's place, of least weighted cost within capacities.

    Each demand is looked after by one place: a grid is never split.

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
    costs, weight, rows, unserved = checked_costs(cost, weights, None)
    hold = np.asarray(capacity, dtype=np.float64)
    n, m = len(rows), costs.shape[1]
    if hold.shape != (m,) or not (hold >= 0.0).all():
        raise InputError("siting.error.capacity", received=hold.size, candidates=m)
    price, budget = limits.spending(m)
    costs, heavy = costs[rows], weight[rows]
    demand, place = np.nonzero(np.isfinite(costs) & (heavy[:, None] <= hold[None, :]))
    k = len(demand)
    pair = np.arange(k)
    size = m + k
    model = Rows(size)
    model.add(coo_array((np.ones(k), (demand, m + pair)), shape=(n, size)).tocsr(), 1.0, 1.0)
    held = coo_array((heavy[demand], (place, m + pair)), shape=(m, size)).tolil()
    held[np.arange(m), np.arange(m)] = -hold
    model.add(held.tocsr(), -np.inf, 0.0)
    strong = coo_array(
        (
            np.concatenate([np.ones(k), -np.ones(k)]),
            (np.concatenate([pair, pair]), np.concatenate([m + pair, place])),
        ),
        shape=(k, size),
    )
    model.add(strong.tocsr(), -np.inf, 0.0)
    model.add_spending(price, budget)
    model.add_conflicts(limits)
    answer = minimise(
        np.concatenate([np.zeros(m), (heavy * costs.T).T[demand, place]]),
        *model.model(),
        whole=np.ones(size, dtype=bool),
        seconds=limits.left(),
        gap=limits.gap,
        start=_start(costs, heavy, hold, limits, (demand, place)),
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
        np.flatnonzero(answer.values[:m] > 0.5),
        total,
        min(answer.bound, total),
        limits.elapsed(),
        unserved,
        assigned,
    )


def _start(
    costs: Floats, heavy: Floats, hold: Floats, limits: Limits, pairs: tuple[Ints, Ints]
) -> Floats | None:
    """Return a first solution: good places without capacities, then the tightest demand first."""
    m = costs.shape[1]
    price, budget = limits.spending(m)
    far = 10.0 * costs[np.isfinite(costs)].max()
    capped = np.where(np.isfinite(costs), costs, far) * heavy[:, None]
    near = Near.build(
        capped, np.full(len(costs), np.inf), (price, budget), limits.conflict_matrix(m)
    )
    opened = np.zeros(m, dtype=bool)
    open_greedily(near, opened)
    exchange(near, opened, np.zeros(m, dtype=bool))
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
