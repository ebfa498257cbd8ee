"""What a beat around a centre costs at given prices: a knapsack of the grids it may take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import njit
from gridmap.partition._arrays import Graph
from gridmap.partition._task import TravelTask

__all__ = ["NEVER", "Pairs", "all_pairs", "close_pairs", "knapsack"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]
NEVER = 1e300  # what a beat costs that cannot be
_FIRST, _LAST = -1e301, 1e300
_SHIFTS = 12  # steps per pair beyond which sorting afresh is quicker
_LACK = 1e-9  # of the highest workload: rounding


class Pairs(NamedTuple):
    """Grids that each of m centres may have, in compressed rows, and what each costs.

    Attributes
    ----------
    ptr, grid, cost
        Grids ``grid[ptr[c]:ptr[c + 1]]`` of centre c, and the cost of each of them there.
    own
        The centre's own grid (m,), the first of its row.
    order
        Positions of each row in the order they were last sorted in: room to work in.
    """

    ptr: NDArray[np.int64]
    grid: Ints
    cost: Floats
    own: Ints
    order: NDArray[np.int64]


def all_pairs(cost: Floats) -> Pairs:
    """Return every grid with every centre; ``cost`` (n, n) has centres in columns."""
    n = len(cost)
    own = np.arange(n, dtype=np.int32)
    # The own grid stands first; the others follow as they come.
    grid = np.tile(own, (n, 1))
    grid[own, own] = 0
    grid[:, 0] = own
    return Pairs(
        ptr=np.arange(n + 1) * n,
        grid=grid.ravel(),
        cost=np.ascontiguousarray(cost.T[own[:, None], grid]).ravel(),
        own=own,
        order=np.arange(n * n),
    )


@njit(cache=True, nogil=True)
def _sort(pairs: Pairs, c: int, u: Floats, w: Floats, ratio: Floats) -> None:
    """Sort a row by price per workload, the own grid first; ``ratio`` is by place in the row."""
    begin, end = pairs.ptr[c], pairs.ptr[c + 1]
    for p in range(begin, end):
        v = pairs.grid[p]
        price = pairs.cost[p] - u[v]
        if w[v] > 0:
            ratio[p - begin] = price / w[v]
        else:
            ratio[p - begin] = -_LAST if price < 0 else _LAST
    ratio[0] = _FIRST
    order = pairs.order
    budget = _SHIFTS * (end - begin)
    for i in range(begin + 1, end):
        p = order[i]
        r = ratio[p - begin]
        at = i - 1
        while at >= begin and ratio[order[at] - begin] > r:
            order[at + 1] = order[at]
            at -= 1
            budget -= 1
        order[at + 1] = p
        if budget < 0:
            order[begin:end] = begin + np.argsort(ratio[: end - begin], kind="mergesort")
            return


@njit(cache=True, nogil=True)
def knapsack(
    pairs: Pairs,
    c: int,
    u: Floats,
    w: Floats,
    low: float,
    high: float,
    ratio: Floats,
    taken: Floats,
) -> tuple[float, float]:
    """Return the least price of a beat around a centre, and the price of a unit of workload.

    The beat has its centre's own grid, and parts of others. The second number is the
    multiplier of the bounds on workload: nought where neither binds.

    Parameters
    ----------
    u, w
        What each grid is worth and its workload (n,).
    ratio
        Room for a row.
    taken
        Shares of grids (n,) are added to it, unless it is empty.
    """
    begin, end = pairs.ptr[c], pairs.ptr[c + 1]
    if end == begin or w[pairs.own[c]] > high * (1 + _LACK):
        return NEVER, 0.0
    _sort(pairs, c, u, w, ratio)
    room, need, total, unit = high, low, 0.0, 0.0
    for i in range(begin, end):
        p = pairs.order[i]
        v = pairs.grid[p]
        price = pairs.cost[p] - u[v]
        first = p == begin
        if w[v] <= 0:
            if price >= 0 and not first:
                continue
            share = 1.0
        else:
            if (room <= 0 or (price >= 0 and need <= 0)) and not first:
                break
            share = min(1.0, room / w[v])
            if price >= 0 and not first:
                share = min(share, need / w[v])
            room -= share * w[v]
            need -= share * w[v]
            if (price >= 0 or room <= 0) and not first:
                unit = ratio[p - begin]
        total += share * price
        if len(taken):
            taken[v] += share
    if need > _LACK * high:
        return NEVER, 0.0
    return total, unit


@njit(cache=True, nogil=True)
def _keep(
    pairs: Pairs,
    graph: Graph,
    u: Floats,
    w: Floats,
    low: float,
    high: float,
    slack: Floats,
    kept: Flags,
) -> None:
    n = len(w)
    ratio = np.empty(n)
    none = np.empty(0)
    inside = np.zeros(n, np.bool_)
    queue = np.empty(n, np.int32)
    for c in range(len(pairs.own)):
        begin, end = pairs.ptr[c], pairs.ptr[c + 1]
        if slack[c] < 0 or end == begin:
            continue
        value, unit = knapsack(pairs, c, u, w, low, high, ratio, none)
        # What this multiplier proves by itself, whatever the knapsack's rounding.
        least = unit * (low if unit > 0 else high)
        for p in range(begin, end):
            v = pairs.grid[p]
            price = pairs.cost[p] - u[v] - unit * w[v]
            least += price if p == begin else min(price, 0.0)
        room = slack[c] + value - least
        for p in range(begin, end):
            v = pairs.grid[p]
            inside[v] = p == begin or pairs.cost[p] - u[v] - unit * w[v] <= room
        # A beat in one piece reaches its grids over others that it may have.
        queue[0] = pairs.own[c]
        head, tail = 0, 1
        kept[begin] = True
        inside[pairs.own[c]] = False
        reached = np.zeros(n, np.bool_)
        reached[pairs.own[c]] = True
        while head < tail:
            v = queue[head]
            head += 1
            for e in range(graph.indptr[v], graph.indptr[v + 1]):
                j = graph.nbr[e]
                if inside[j]:
                    inside[j] = False
                    reached[j] = True
                    queue[tail] = j
                    tail += 1
        for p in range(begin, end):
            v = pairs.grid[p]
            kept[p] = reached[v]
            inside[v] = False


def close_pairs(task: TravelTask, pairs: Pairs, u: Floats, slack: Floats) -> Pairs:
    """Return the pairs that a plan may use that costs no more than it is allowed to.

    Parameters
    ----------
    u
        Multipliers (n,).
    slack
        What a beat around each centre may cost more than its knapsack (m,); a centre that
        cannot be open at all has less than nothing, and no pairs afterwards.
    """
    kept = np.zeros(len(pairs.grid), dtype=np.bool_)
    low, high = max(task.bounds[0], 0.0), task.bounds[1]
    _keep(pairs, task.graph, u, task.weight, low, high, slack, kept)
    row = np.repeat(np.arange(len(pairs.own)), np.diff(pairs.ptr))[kept]
    ptr = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(pairs.own)))])
    return Pairs(ptr, pairs.grid[kept], pairs.cost[kept], pairs.own, np.arange(len(row)))
