"""Good places quickly: greedy opening, then exchanging one for another.

Teitz and Bart's interchange with Whitaker's bookkeeping: the gain of every pair (in, out) is
found in one pass over the demands for each place that might come in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]
    Flags: TypeAlias = NDArray[np.bool_]


@njit(cache=True)
def greedy(
    cost: Floats,
    base: Floats,
    price: Floats,
    budget: float,
    conflict: Flags,
    opened: Flags,
) -> None:
    """Open what saves most for its price until nothing fits; ``opened`` changes in place.

    Parameters
    ----------
    cost
        Weighted cost of each demand at each place, shape (m, n).
    base
        Cost of each demand at its nearest fixed room, shape (n,).
    price, budget
        What each place costs, and what may be spent.
    conflict
        Pairs of places that may not both open, shape (m, m), or (0, 0) for none.
    opened
        Places open already.
    """
    m, n = cost.shape
    now = base.copy()
    spent = 0.0
    for j in range(m):
        if opened[j]:
            spent += price[j]
            for i in range(n):
                now[i] = min(now[i], cost[j, i])
    while True:
        best, pick = 0.0, -1
        for j in range(m):
            if opened[j] or spent + price[j] > budget + 1e-9:
                continue
            if len(conflict) and (conflict[j] & opened).any():
                continue
            gain = 0.0
            for i in range(n):
                if cost[j, i] < now[i]:
                    gain += now[i] - cost[j, i]
            if pick < 0 or gain / price[j] > best:
                best, pick = gain / price[j], j
        if pick < 0:
            return
        opened[pick] = True
        spent += price[pick]
        for i in range(n):
            now[i] = min(now[i], cost[pick, i])


@njit(cache=True)
def interchange(
    cost: Floats,
    base: Floats,
    price: Floats,
    budget: float,
    conflict: Flags,
    opened: Flags,
    locked: Flags,
    passes: int,
) -> float:
    """Exchange places while the total falls; return the total. ``opened`` changes in place.

    Parameters
    ----------
    cost, base, price, budget, conflict, opened
        As for `greedy`.
    locked
        Places that are neither opened nor closed.
    passes
        How many exchanges at most.
    """
    m, n = cost.shape
    nearest, second = np.empty(n), np.empty(n)
    server = np.empty(n, np.int64)
    loss = np.zeros(m)
    for _ in range(passes):
        _assign(cost, base, opened, nearest, second, server)
        spent = 0.0
        for j in range(m):
            if opened[j]:
                spent += price[j]
        best, best_in, best_out = 1e-9 * (1.0 + nearest.sum()), -1, -1
        for j in range(m):
            if opened[j] or locked[j]:
                continue
            gain = 0.0
            loss[:] = 0.0
            for i in range(n):
                here = cost[j, i]
                if here < nearest[i]:
                    gain += nearest[i] - here
                elif server[i] >= 0:
                    loss[server[i]] += min(here, second[i]) - nearest[i]
            if gain <= best:
                continue
            blockers, blocker = 0, -1
            if len(conflict):
                for k in range(m):
                    if opened[k] and conflict[j, k]:
                        blockers += 1
                        blocker = k
            if blockers > 1:
                continue
            for k in range(m):
                if not opened[k] or locked[k] or (blockers == 1 and k != blocker):
                    continue
                if gain - loss[k] > best and spent - price[k] + price[j] <= budget + 1e-9:
                    best, best_in, best_out = gain - loss[k], j, k
        if best_in < 0:
            break
        opened[best_in] = True
        opened[best_out] = False
    _assign(cost, base, opened, nearest, second, server)
    return nearest.sum()


@njit(cache=True)
def _assign(
    cost: Floats, base: Floats, opened: Flags, nearest: Floats, second: Floats, server: Ints
) -> None:
    m, n = cost.shape
    for i in range(n):
        nearest[i] = base[i]
        second[i] = np.inf
        server[i] = -1
    for j in range(m):
        if opened[j]:
            for i in range(n):
                here = cost[j, i]
                if here < nearest[i]:
                    second[i] = nearest[i]
                    nearest[i] = here
                    server[i] = j
                elif here < second[i]:
                    second[i] = here
