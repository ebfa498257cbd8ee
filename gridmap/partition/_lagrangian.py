"""A proven lower bound on travel: Lagrangian relaxation with balance in the knapsacks.

Minimise the sum of cost(v, j) over grids v and their centre j, with k centres, every grid once
and every beat's workload inside its bounds (Hess et al. 1965). The relaxation prices "every
grid once" with multipliers; what remains is one knapsack per centre, solved as a linear
program, and the k best centres. Contiguity is left out, so the bound holds with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gridmap._compiled import njit
from gridmap.partition._arrays import Clock, Graph
from gridmap.typing import Bools, Floats, Ints, Ints32

_AT_ONCE = 20  # steps between two looks at the clock
_MOMENTUM = 0.9  # of the direction before: without it the steps zigzag and end too early
_FORGET = 0.93  # of how often a centre was chosen, at each step
_GAIN = 1e-7  # of the bound
_EPSILON = 4e-16  # of a sum's terms, for each: a bound is rounded down


class Descent(NamedTuple):
    """Step lengths of the subgradient descent: the first, how they shorten, the last.

    Lengths are Polyak's; after ``patience`` steps without a gain they are shortened.
    """

    first: float
    patience: int
    shorter: float
    shortest: float


IN_A_HURRY = Descent(1.0, 20, 0.7, 1e-4)
AT_THE_ROOT = Descent(1.0, 40, 0.7, 1e-4)  # a better bound, in twice the steps
AT_A_NODE = Descent(0.5, 40, 0.6, 0.02)


@dataclass(frozen=True, eq=False, slots=True)
class Relaxation:
    """The best bound found and what belongs to it.

    Attributes
    ----------
    bound
        `NEVER` or more where nothing is left to choose from.
    multipliers, values
        Worth of each grid (n,), and each centre's knapsack (m,).
    often
        How often each centre was chosen recently, 0 to 1 (m,).
    """

    bound: float
    multipliers: Floats
    values: Floats
    often: Floats


def relax_travel(
    task: TravelTask,
    pairs: Pairs,
    beats: int,
    upper: float,
    *,
    start: Floats,
    clock: Clock,
    steps: int,
    alive: Bools | None = None,
    area: Ints | None = None,
    descent: Descent = AT_THE_ROOT,
) -> Relaxation:
    """Return the bound after deflected subgradient steps (Camerini, Fratta and Maffioli 1975).

    Their length is Polyak's, and shortened when the bound stalls.

    Parameters
    ----------
    pairs
        Which centre may have which grid, and what it costs.
    upper
        Cost of a known plan; a bound as high ends the search.
    start
        Multipliers to begin from (n,).
    steps
        A cap on the subgradient steps.
    alive
        Centres that may be open (m,); all if None.
    area
        The area that a centre is in (m,), -1 for none; each area has a centre at least.
    """
    n, m = len(task.weight), len(pairs.own)
    alive = np.ones(m, dtype=np.bool_) if alive is None else alive
    area = np.full(m, -1, dtype=np.int64) if area is None else area
    u, way, best = start.copy(), np.zeros(n), start.copy()
    value, often = np.full(m, NEVER), np.zeros(m)
    course = np.array(
        [-np.inf, descent.first, 0.0, 0.0]
    )  # bound, length, steps without gain, ended
    for done in range(0, steps, _AT_ONCE):
        _descend(
            pairs,
            task.weight,
            max(task.bounds[0], 0.0),
            task.bounds[1],
            beats,
            alive,
            area,
            upper,
            descent,
            min(_AT_ONCE, steps - done),
            u,
            way,
            best,
            value,
            often,
            course,
        )
        if course[3] > 0 or clock.stopped():
            break
    return Relaxation(float(course[0]), best, value, often)


@njit(cache=True, nogil=True)
def _descend(
    pairs: Pairs,
    w: Floats,
    low: float,
    high: float,
    beats: int,
    alive: Bools,
    area: Ints,
    upper: float,
    descent: Descent,
    steps: int,
    u: Floats,
    way: Floats,
    best_u: Floats,
    best_value: Floats,
    often: Floats,
    course: Floats,
) -> None:
    n, m = len(w), len(alive)
    ratio, taken = np.empty(n), np.empty(n)
    none = np.empty(0)
    value = np.full(m, NEVER)
    chosen = np.zeros(m, np.bool_)
    first = np.empty(area.max() + 1, np.int64)
    for _ in range(steps):
        first[:] = -1
        chosen[:] = False
        for c in range(m):
            if alive[c]:
                value[c] = knapsack(pairs, c, u, w, low, high, ratio, none)[0]
                a = area[c]
                if a >= 0 and (first[a] < 0 or value[c] < value[first[a]]):
                    first[a] = c
        count = 0
        total = 0.0
        for a in range(len(first)):
            if first[a] >= 0:
                chosen[first[a]] = True
                count += 1
                total += value[first[a]]
            else:
                total = NEVER
        if count < beats:
            for c in np.argsort(value):
                if count == beats:
                    break
                if not chosen[c]:
                    chosen[c] = True
                    count += 1
                    total += value[c]
        if total >= NEVER / 2 or count > beats:
            course[0] = NEVER
            course[3] = 1.0
            return
        bound = u.sum() + total
        bound -= _EPSILON * (n + beats) * (np.abs(u).sum() + abs(total))
        taken[:] = 0.0
        for c in range(m):
            often[c] *= _FORGET
            if chosen[c]:
                often[c] += 1.0 - _FORGET
                knapsack(pairs, c, u, w, low, high, ratio, taken)
        course[2] = 0.0 if bound > course[0] + _GAIN * abs(upper) else course[2] + 1.0
        if bound > course[0]:
            course[0] = bound
            best_u[:] = u
            best_value[:] = value
        if course[2] >= descent.patience:
            course[1] *= descent.shorter
            course[2] = 0.0
            u[:] = best_u
            way[:] = 0.0
        way[:] = _MOMENTUM * way + 1.0 - taken
        norm = (way**2).sum()
        if norm < 1e-9 or course[1] < descent.shortest or course[0] >= upper:
            course[3] = 1.0
            return
        u += course[1] * max(upper * 1.0005 - bound, 1e-9 * abs(upper)) / norm * way


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

    ptr: Ints
    grid: Ints32
    cost: Floats
    own: Ints32
    order: Ints


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
    multiplier of the bounds on workload: zero where neither binds.

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
    kept: Bools,
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


class TravelTask(NamedTuple):
    """What a plan of short travel is made for.

    Attributes
    ----------
    graph
        Neighbours that a beat may be connected by.
    cost
        Cost (n, n) of each grid with each centre.
    weight, bounds
        Workload (n,); lowest and highest workload of a beat, both allowed.
    rooms
        Grids that are the centres of beats, whatever is best.
    """

    graph: Graph
    cost: Floats
    weight: Floats
    bounds: tuple[float, float]
    rooms: tuple[int, ...] = ()

    def value(self, centre: Ints) -> float:
        """Return what a plan costs, given the centre of each grid (n,)."""
        return float(self.cost[np.arange(len(centre)), centre].sum())
