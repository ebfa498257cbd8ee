"""Good places quickly: greedy opening, then exchanging one for another.

Teitz and Bart's interchange with Whitaker's bookkeeping: the gain of every pair (in, out) is
found in one pass over the demands near each place that might come in. A demand that a place
serves no better than the fixed rooms do is not near it, so covering models are sparse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridmap._compiled import njit
from gridmap.typing import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Near:
    """The demands that each place serves better than the fixed rooms do.

    Parameters
    ----------
    starts, demand, cost
        Place ``j`` serves ``demand[starts[j]:starts[j + 1]]`` at those costs.
    base
        Cost of each demand at its nearest fixed room, or a cost above all others.
    price, budget
        What each place costs, and what may be spent.
    conflict
        Pairs of places that may not both open, shape (m, m), or (0, 0) for none.
    """

    starts: Ints
    demand: Ints
    cost: Floats
    base: Floats
    price: Floats
    budget: float
    conflict: Bools

    @classmethod
    def build(
        cls, cost: Floats, base: Floats, spending: tuple[Floats, float], conflict: Bools
    ) -> Near:
        """Return the near demands of a table of costs, shape (n, m)."""
        top = 2.0 * max(float(cost.max(initial=0.0)), 1.0)
        capped = np.where(np.isfinite(base), base, top)
        place, demand = np.nonzero(capped > cost.T)
        starts = np.searchsorted(place, np.arange(cost.shape[1] + 1))
        return cls(starts, demand, cost[demand, place], capped, *spending, conflict)


def open_greedily(near: Near, opened: Bools) -> None:
    """Open what saves most for its price until nothing fits; ``opened`` changes in place."""
    _greedy(
        (near.starts, near.demand, near.cost),
        near.base,
        near.price,
        near.budget,
        near.conflict,
        opened,
    )


def exchange(near: Near, opened: Bools, locked: Bools) -> float:
    """Exchange places while the total falls; return the total. ``opened`` changes in place.

    Places in ``locked`` are neither opened nor closed.
    """
    lists = (near.starts, near.demand, near.cost)
    limits = (near.price, near.budget, near.conflict)
    total: float = _interchange(lists, near.base, limits, opened, locked)
    return total


@njit(cache=True, nogil=True)
def _greedy(
    lists: tuple[Ints, Ints, Floats],
    base: Floats,
    price: Floats,
    budget: float,
    conflict: Bools,
    opened: Bools,
) -> None:
    starts, demand, cost = lists
    m = len(price)
    now = base.copy()
    spent = 0.0
    for j in range(m):
        if opened[j]:
            spent += price[j]
            for k in range(starts[j], starts[j + 1]):
                now[demand[k]] = min(now[demand[k]], cost[k])
    while True:
        best, pick = 0.0, -1
        for j in range(m):
            if opened[j] or spent + price[j] > budget + 1e-9 or _clashes(conflict, opened, j) > 0:
                continue
            gain = 0.0
            for k in range(starts[j], starts[j + 1]):
                gain += max(0.0, now[demand[k]] - cost[k])
            if pick < 0 or gain / price[j] > best:
                best, pick = gain / price[j], j
        if pick < 0:
            return
        opened[pick] = True
        spent += price[pick]
        for k in range(starts[pick], starts[pick + 1]):
            now[demand[k]] = min(now[demand[k]], cost[k])


@njit(cache=True, nogil=True)
def _interchange(
    lists: tuple[Ints, Ints, Floats],
    base: Floats,
    limits: tuple[Floats, float, Bools],
    opened: Bools,
    locked: Bools,
) -> float:
    starts, demand, cost = lists
    price, budget, conflict = limits
    m, n = len(price), len(base)
    nearest, second = np.empty(n), np.empty(n)
    server = np.empty(n, np.int64)
    total = np.inf
    while True:
        inside = np.flatnonzero(opened)
        usual, loss = np.zeros(len(inside)), np.zeros(len(inside))
        _assign(lists, base, inside, nearest, second, server)
        now = nearest.sum()
        if now >= total - 1e-9 * (1.0 + abs(now)):
            break
        total = now
        for i in range(n):
            if server[i] >= 0:
                usual[server[i]] += second[i] - nearest[i]
        spent = (price * opened).sum()
        best, best_in, best_out = 1e-9 * (1.0 + total), -1, -1
        for j in range(m):
            if opened[j] or locked[j]:
                continue
            clashes = _clashes(conflict, opened, j)
            if clashes > 1:
                continue
            gain = 0.0
            loss[:] = usual
            for k in range(starts[j], starts[j + 1]):
                i, here = demand[k], cost[k]
                if here < nearest[i]:
                    gain += nearest[i] - here
                    if server[i] >= 0:
                        loss[server[i]] -= second[i] - nearest[i]
                elif server[i] >= 0 and here < second[i]:
                    loss[server[i]] -= second[i] - here
            if gain <= best:
                continue
            for slot in range(len(inside)):
                k = inside[slot]
                if locked[k] or (clashes == 1 and not conflict[j, k]):
                    continue
                if gain - loss[slot] > best and spent - price[k] + price[j] <= budget + 1e-9:
                    best, best_in, best_out = gain - loss[slot], j, k
        if best_in < 0:
            break
        opened[best_in] = True
        opened[best_out] = False
    return total


@njit(cache=True, nogil=True)
def _clashes(conflict: Bools, opened: Bools, place: int) -> int:
    count = 0
    for k in range(len(conflict)):
        if opened[k] and conflict[place, k]:
            count += 1
    return count


@njit(cache=True, nogil=True)
def _assign(
    lists: tuple[Ints, Ints, Floats],
    base: Floats,
    inside: Ints,
    nearest: Floats,
    second: Floats,
    server: Ints,
) -> None:
    starts, demand, cost = lists
    nearest[:] = base
    second[:] = base
    server[:] = -1
    for slot in range(len(inside)):
        for k in range(starts[inside[slot]], starts[inside[slot] + 1]):
            i, here = demand[k], cost[k]
            if here < nearest[i]:
                second[i] = nearest[i]
                nearest[i] = here
                server[i] = slot
            elif here < second[i]:
                second[i] = here
