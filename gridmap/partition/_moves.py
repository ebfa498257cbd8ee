"""Compiled parts of the search: random numbers, contiguity, and what one move changes."""

from __future__ import annotations

from math import sqrt

import numpy as np

from gridmap._compiled import njit
from gridmap.partition._arrays import Attraction, Graph, Loads, State

# -log(u) at 4,096 quantiles: a move is taken when it costs at most temperature times one of
# these (Metropolis). Rounded, so that every platform's logarithm gives the same table.
NOISE = np.round(-np.log((np.arange(4096) + 0.5) / 4096), 9)

SEPARATED = 30.0  # what a pair weighs that is to be apart and is not, in squared excess

_13, _7, _17 = np.uint64(13), np.uint64(7), np.uint64(17)


@njit(cache=True, inline="always")
def next_random(random):
    """Return 64 random bits (xorshift, Marsaglia 2003) and step the state."""
    bits = random[0]
    bits ^= bits << _13
    bits ^= bits >> _7
    bits ^= bits << _17
    random[0] = bits
    return bits


@njit(cache=True, nogil=True)
def stays_connected(graph: Graph, state: State, grid: int, beat: int) -> bool:
    """Return whether the beat stays in one piece when the grid leaves it.

    A stamped breadth-first search through the grid's own neighbours first, which settles
    nearly every case, then through the beat. Leaves ``stamp == tick + 1`` on what it reached
    and the reached grids in ``queue``.
    """
    indptr, nbr, owner = graph.indptr, graph.nbr, state.beat
    stamp, queue = state.stamp, state.queue
    wanted = state.tick[0] + 4
    state.tick[0] = wanted
    seen = wanted + 1
    left = 0
    first = -1
    for e in range(indptr[grid], indptr[grid + 1]):
        j = nbr[e]
        if owner[j] == beat:
            stamp[j] = wanted
            left += 1
            first = j
    if left <= 1:
        return left == 1 or state.size[beat] == 1
    stamp[first] = seen
    queue[0] = first
    head, tail = 0, 1
    left -= 1
    while head < tail:
        u = queue[head]
        head += 1
        for e in range(indptr[u], indptr[u + 1]):
            j = nbr[e]
            if stamp[j] == wanted:
                left -= 1
                if left == 0:
                    return True
                stamp[j] = seen
                queue[tail] = j
                tail += 1
    stamp[grid] = seen
    head = 0
    while head < tail:
        u = queue[head]
        head += 1
        for e in range(indptr[u], indptr[u + 1]):
            j = nbr[e]
            if owner[j] == beat and stamp[j] != seen:
                if stamp[j] == wanted:
                    left -= 1
                    if left == 0:
                        return True
                stamp[j] = seen
                queue[tail] = j
                tail += 1
    return False


@njit(cache=True, nogil=True)
def gather_cut_off(graph: Graph, state: State, grid: int, beat: int) -> int:
    """Gather the grid and what its leaving cuts off; return how many.

    All pieces but the largest go with the grid. They stand in ``queue`` from the middle on
    (index n) and carry ``stamp == tick + 2``.
    """
    indptr, nbr, owner = graph.indptr, graph.nbr, state.beat
    stamp, queue = state.stamp, state.queue
    state.tick[0] += 4
    seen = state.tick[0] + 1
    mark = seen + 1
    stamp[grid] = seen
    tail = 0
    large_from, large_to = 0, 0
    for f in range(indptr[grid], indptr[grid + 1]):
        root = nbr[f]
        if owner[root] != beat or stamp[root] == seen:
            continue
        begin = tail
        stamp[root] = seen
        queue[tail] = root
        tail += 1
        head = begin
        while head < tail:
            u = queue[head]
            head += 1
            for e in range(indptr[u], indptr[u + 1]):
                j = nbr[e]
                if owner[j] == beat and stamp[j] != seen:
                    stamp[j] = seen
                    queue[tail] = j
                    tail += 1
        if tail - begin > large_to - large_from:
            large_from, large_to = begin, tail
    out = len(owner)
    queue[out] = grid
    stamp[grid] = mark
    count = 1
    for i in range(tail):
        if i < large_from or i >= large_to:
            queue[out + count] = queue[i]
            stamp[queue[i]] = mark
            count += 1
    return count


@njit(cache=True)
def squared_excess(load: float, low: float, high: float, scale: float) -> float:
    """Return the squared excess of a workload over its bounds, times the scale squared."""
    excess = load - high if load > high else (low - load if load < low else 0.0)
    excess *= scale
    return excess * excess


@njit(cache=True, inline="always")
def beat_penalty(loads: Loads, beat: int, criterion: int, total: float) -> float:
    """Return the squared excess of a total over the beat's bounds, in tolerances of 3 %."""
    return squared_excess(
        total, loads.lo[beat, criterion], loads.hi[beat, criterion], loads.scale[beat, criterion]
    )


@njit(cache=True, inline="always")
def attraction_cost(attraction: Attraction, grid: int, beat: int) -> float:
    """Return what the grid costs in the beat: distance to its centre, and not being home."""
    cost = 0.0
    if attraction.demand[grid] > 0.0:
        if attraction.matrix.shape[0] > 0:
            cost = attraction.demand[grid] * attraction.matrix[grid, attraction.site[beat]]
        else:
            dx = attraction.x[grid] - attraction.centre_x[beat]
            dy = attraction.y[grid] - attraction.centre_y[beat]
            cost = attraction.demand[grid] * sqrt(dx * dx + dy * dy)
    if attraction.home[grid] >= 0 and attraction.home[grid] != beat:
        cost += attraction.price[grid]
    return cost


@njit(cache=True, nogil=True)
def is_plain(attraction: Attraction) -> bool:
    """Return whether nothing but borders and balance counts."""
    return bool(
        attraction.separated.shape[0] == 0
        and (attraction.pin < 0).all()
        and (attraction.home < 0).all()
        and (attraction.demand <= 0.0).all()
    )


@njit(cache=True, nogil=True)
def separated_in(attraction: Attraction, state: State, grid: int, beat: int) -> int:
    """Return how many grids that may not share a beat with this one are in the beat."""
    count = 0
    for e in range(attraction.separated_ptr[grid], attraction.separated_ptr[grid + 1]):
        if state.beat[attraction.separated[e]] == beat:
            count += 1
    return count


@njit(cache=True, nogil=True)
def block_change(
    graph: Graph,
    loads: Loads,
    attraction: Attraction,
    state: State,
    block: np.ndarray,
    count: int,
    mark: int,
    origin: int,
    goal: int,
    penalty: float,
) -> float:
    """Return what it costs to move a block of stamped grids from one beat to another."""
    change = 0.0
    off = 0.0
    for i in range(count):
        v = block[i]
        if attraction.pin[v] >= 0:
            return np.inf
        for e in range(graph.indptr[v], graph.indptr[v + 1]):
            j = graph.nbr[e]
            if state.beat[j] == goal:
                change -= graph.length[e]
            elif state.beat[j] == origin and state.stamp[j] != mark:
                change += graph.length[e]
        change += attraction_cost(attraction, v, goal) - attraction_cost(attraction, v, origin)
        if attraction.home[v] == goal:
            off -= attraction.weight[v]
        elif attraction.home[v] == origin:
            off += attraction.weight[v]
        if attraction.separated_ptr[v + 1] > attraction.separated_ptr[v]:
            more = separated_in(attraction, state, v, goal) - separated_in(
                attraction, state, v, origin
            )
            change += (100.0 + SEPARATED * penalty) * more
    for c in range(loads.w.shape[1]):
        moved = 0.0
        for i in range(count):
            moved += loads.w[block[i], c]
        here, there = state.total[origin, c], state.total[goal, c]
        change += penalty * (
            beat_penalty(loads, origin, c, here - moved)
            - beat_penalty(loads, origin, c, here)
            + beat_penalty(loads, goal, c, there + moved)
            - beat_penalty(loads, goal, c, there)
        )
    if off != 0.0:
        change += penalty * share_penalty(state, off)
    return change


@njit(cache=True, nogil=True)
def share_penalty(state: State, off: float) -> float:
    """Return the change of the penalty for workload that loses its beat beyond the limit."""
    before = max(0.0, state.moved[0] - state.moved[1]) * state.moved[2]
    after = max(0.0, state.moved[0] + off - state.moved[1]) * state.moved[2]
    return after * after - before * before


# Inlined and given each array by itself: what a call has to hand over of the groups, and what
# taking an array out of one costs each time, is more than the move.
@njit(cache=True, inline="always")
def move_grid(grid, origin, goal, w, home, weight, beat, size, total, moved):
    """Move a grid from one beat to another and keep the sums."""
    beat[grid] = goal
    for c in range(w.shape[1]):
        total[origin, c] -= w[grid, c]
        total[goal, c] += w[grid, c]
    if home[grid] == goal:
        moved[0] -= weight[grid]
    elif home[grid] == origin:
        moved[0] += weight[grid]
    size[origin] -= 1
    size[goal] += 1


@njit(cache=True, nogil=True)
def apply_block(
    loads: Loads,
    attraction: Attraction,
    state: State,
    block: np.ndarray,
    count: int,
    origin: int,
    goal: int,
) -> None:
    """Move a block of grids and keep the sums."""
    for i in range(count):
        move_grid(
            block[i],
            origin,
            goal,
            loads.w,
            attraction.home,
            attraction.weight,
            state.beat,
            state.size,
            state.total,
            state.moved,
        )
