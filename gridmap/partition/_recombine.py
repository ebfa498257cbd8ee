"""Redividing two neighbouring beats: a random tree of both, and the best of all its edges.

Recombination as in GerryChain's ReCom (DeFord, Duchin, Solomon 2021), but every edge of the
tree is priced exactly by sums over subtrees instead of being drawn until one is balanced.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import numpy as np

from gridmap._compiled import njit
from gridmap.partition._arrays import Attraction, Graph, Instance, Loads, State
from gridmap.typing import Floats, Ints32

_32 = np.uint64(32)
_CUT, _FIRST = 0, 1  # columns of the sums: border, then workload per criterion, then
_PINNED_P, _PINNED_Q, _HERE, _THERE, _OFF_P, _OFF_Q, _MORE = range(7)


class TreeRoom(NamedTuple):
    """Room for a tree over two beats, and for sums over its subtrees.

    Attributes
    ----------
    grid, parent
        The tree's nodes in the order in which they were added, so that a parent comes first.
    edge
        Half-edges (grid, place of its other end) that the tree may grow along.
    sums
        What each node's subtree holds (nodes, columns).
    """

    grid: Ints32
    parent: Ints32
    edge: Ints32
    sums: Floats


def tree_room(count: int, edges: int, criteria: int) -> TreeRoom:
    """Return work arrays for regions of ``count`` grids with ``edges`` half-edges."""
    return TreeRoom(
        grid=np.zeros(count + 8, dtype=np.int32),
        parent=np.zeros(count + 8, dtype=np.int32),
        edge=np.zeros((edges + 8, 2), dtype=np.int32),
        sums=np.zeros((count + 8, _FIRST + criteria + _MORE), dtype=np.float64),
    )


@njit(cache=True, nogil=True)
def recombine_once(
    instance: Instance,
    state: State,
    grids: np.ndarray,
    inside: np.ndarray,
    temperature: float,
    penalty: float,
    plain: bool,  # noqa: FBT001 - compiled: no keywords
    room: TreeRoom,
) -> bool:
    """Redivide the beats on both sides of a random border; return whether it was taken.

    Parameters
    ----------
    grids, inside
        The grids to look for a border from, and whether each beat may be divided.
    plain
        Whether nothing but borders and balance counts.
    """
    graph = instance.graph
    for _ in range(64):
        bits = next_random(state.random)
        v = grids[np.int64(((bits >> _32) * np.uint64(len(grids))) >> _32)]
        begin = graph.indptr[v]
        degree = graph.indptr[v + 1] - begin
        if degree == 0:
            continue
        bits = next_random(state.random)
        u = graph.nbr[begin + np.int64(((bits >> _32) * np.uint64(degree)) >> _32)]
        p, q = state.beat[v], state.beat[u]
        if p != q and inside[q]:
            limit = temperature * NOISE[bits & LAST_NOISE]
            return recombine_pair(instance, state, v, p, q, limit, penalty, penalty, plain, room)
    return False


@njit(cache=True, nogil=True)
def _grow_tree(graph, state, root, p, q, room):
    """Grow a random tree over both beats; return its nodes and the border between the two.

    Fills the border of each subtree but for what its subtrees have: an edge of the graph
    counts for every subtree that holds one of its grids and not both, so it is taken off
    again from where the ways of both to the root meet.
    """
    indptr, nbr, length = graph.indptr.view(np.uint32), graph.nbr.view(np.uint32), graph.length
    owner, stamp, place = state.beat, state.stamp, state.queue.view(np.uint32)
    parent, edge, sums = room.parent.view(np.uint32), room.edge.view(np.uint32), room.sums
    state.tick[0] += 4
    seen = state.tick[0]
    one = np.uint64(1)
    count = np.uint64(0)
    border = 0.0
    edges = one
    edge[0, 0] = root
    edge[0, 1] = 0
    while edges > 0:
        bits = next_random(state.random)
        i = ((bits >> _32) * edges) >> _32
        v = np.uint64(edge[i, 0])
        above = edge[i, 1]
        edges -= one
        edge[i, 0] = edge[edges, 0]
        edge[i, 1] = edge[edges, 1]
        if stamp[v] == seen:
            continue
        stamp[v] = seen
        place[v] = count
        room.grid[count] = v
        parent[count] = above
        cut = 0.0
        own = owner[v]
        for e in range(indptr[v], indptr[v + one]):
            j = nbr[e]
            b = owner[j]
            if b not in (p, q):
                continue
            if stamp[j] != seen:
                edge[edges, 0] = j
                edge[edges, 1] = count
                edges += one
            elif j != v:
                shared = length[e]
                cut += shared
                border += shared if b != own else 0.0
                low = np.uint64(place[j])
                sums[low, _CUT] += shared
                high = count
                while low != high:
                    up = np.uint64(parent[high])
                    high = max(low, up)
                    low = min(low, up)
                sums[low, _CUT] -= 2.0 * shared
        # Where the two ways meet is never below this node, so its own sum comes last.
        sums[count, _CUT] = cut
        count += one
    return np.int64(count), border


@njit(cache=True, nogil=True)
def _sum_subtrees(loads, attraction, state, count, p, q, columns, room):
    """Fill the sums of each node's subtree, as many columns as are asked for."""
    criteria = loads.w.shape[1]
    after = _FIRST + criteria
    sums = room.sums
    for i in range(count):
        v = room.grid[i]
        for c in range(criteria):
            sums[i, _FIRST + c] = loads.w[v, c]
        if columns > after:
            pinned = attraction.pin[v] >= 0
            sums[i, after + _PINNED_P] = pinned and state.beat[v] == p
            sums[i, after + _PINNED_Q] = pinned and state.beat[v] == q
            sums[i, after + _HERE] = attraction_cost(attraction, v, p)
            sums[i, after + _THERE] = attraction_cost(attraction, v, q)
            home = attraction.home[v]
            sums[i, after + _OFF_P] = attraction.weight[v] if home >= 0 and home != p else 0.0
            sums[i, after + _OFF_Q] = attraction.weight[v] if home >= 0 and home != q else 0.0
    for i in range(count - 1, 0, -1):
        parent = room.parent[i]
        for c in range(columns):
            sums[parent, c] += sums[i, c]


@njit(cache=True, nogil=True)
def _cost_now(loads, attraction, state, count, p, q, penalty_p, penalty_q, plain, room):
    """Return what the two beats cost but for their border, and their workload off its beat."""
    cost = 0.0
    off = 0.0
    for c in range(loads.w.shape[1]):
        cost += penalty_p * beat_penalty(loads, p, c, state.total[p, c])
        cost += penalty_q * beat_penalty(loads, q, c, state.total[q, c])
    if not plain:
        for i in range(count):
            v = room.grid[i]
            cost += attraction_cost(attraction, v, state.beat[v])
            if attraction.home[v] >= 0 and attraction.home[v] != state.beat[v]:
                off += attraction.weight[v]
    return cost, off


@njit(cache=True, nogil=True, error_model="numpy")
def recombine_pair(
    instance: Instance,
    state: State,
    root: int,
    p: int,
    q: int,
    limit: float,
    penalty_p: float,
    penalty_q: float,
    plain: bool,  # noqa: FBT001 - compiled: no keywords
    room: TreeRoom,
) -> bool:
    """Redivide beats p and q along the best edge of a random tree; return whether taken.

    Taken when the cost rises by at most ``limit``. The penalties of the two beats have their
    own weights, so that one may be put right at the other's expense.
    """
    graph, loads, attraction = instance.graph, instance.loads, instance.attraction
    criteria = loads.w.shape[1]
    after = _FIRST + criteria
    columns = after if plain else after + _MORE
    count, border = _grow_tree(graph, state, root, p, q, room)
    if attraction.separated.shape[0] > 0:  # who is to be apart is left to single moves
        for i in range(count):
            v = room.grid[i]
            if attraction.separated_ptr[v + 1] > attraction.separated_ptr[v]:
                return False
    _sum_subtrees(loads, attraction, state, count, p, q, columns, room)
    cost, off_now = _cost_now(
        loads, attraction, state, count, p, q, penalty_p, penalty_q, plain, room
    )
    sums = room.sums
    best = border + cost + limit
    best_at = -1
    best_p_below = True
    for i in range(1, count):
        cost = sums[i, _CUT]
        if plain and cost >= best:
            continue
        for below in range(2):  # the subtree becomes p, or q
            both = cost
            for c in range(criteria):
                part = sums[i, _FIRST + c]
                rest = sums[0, _FIRST + c] - part
                if below == 1:
                    part, rest = rest, part
                both += penalty_p * beat_penalty(loads, p, c, part)
                both += penalty_q * beat_penalty(loads, q, c, rest)
            if not plain:
                both += _attraction_of_split(state, sums, i, after, below, off_now, penalty_p)
            if both < best:
                best = both
                best_at = i
                best_p_below = below == 0
    if best_at < 0:
        return False
    _divide(loads, attraction, state, count, best_at, p, q, best_p_below, room)
    return True


@njit(cache=True, inline="always")
def _attraction_of_split(state, sums, i, after, below, off_now, penalty):
    """Return what pins, travel and change say to the subtree becoming p (0) or q (1)."""
    here, there = after + _HERE, after + _THERE
    off_p, off_q = after + _OFF_P, after + _OFF_Q
    wrong_p, wrong_q = after + _PINNED_P, after + _PINNED_Q
    if below == 1:
        here, there, off_p, off_q = there, here, off_q, off_p
        wrong_p, wrong_q = wrong_q, wrong_p
    cost = sums[i, here] + sums[0, there] - sums[i, there]
    off = sums[i, off_p] + sums[0, off_q] - sums[i, off_q]
    if off != off_now:
        cost += penalty * share_penalty(state, off - off_now)
    if sums[i, wrong_q] > 0.0 or sums[0, wrong_p] > sums[i, wrong_p]:
        cost = np.inf
    return cost


@njit(cache=True, nogil=True)
def _divide(loads, attraction, state, count, at, p, q, p_below, room):
    """Give the subtree at ``at`` to one beat and the rest to the other; rebuild their sums."""
    below = room.edge[:, 0]  # the tree has grown; its room is free
    for b in (p, q):
        state.size[b] = 0
        for c in range(loads.w.shape[1]):
            state.total[b, c] = 0.0
    for i in range(count):
        below[i] = i == at or (i > at and below[room.parent[i]])
        b = p if (below[i] == 1) == p_below else q
        v = room.grid[i]
        home = attraction.home[v]
        if home >= 0:
            if home != state.beat[v]:
                state.moved[0] -= attraction.weight[v]
            if home != b:
                state.moved[0] += attraction.weight[v]
        state.beat[v] = b
        state.size[b] += 1
        for c in range(loads.w.shape[1]):
            state.total[b, c] += loads.w[v, c]


# -- compiled parts of the search: random numbers, contiguity, and what one move changes


# -log(u) at 4,096 quantiles: a move is taken when it costs at most temperature times one of
# these (Metropolis). Rounded, so that every platform's logarithm gives the same table.
NOISE = np.round(-np.log((np.arange(4096) + 0.5) / 4096), 9)
LAST_NOISE = np.uint64(len(NOISE) - 1)

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
    over, under = load - high, low - load
    excess = max(under, over)
    excess = scale * excess if excess > 0.0 else 0.0  # compiled without a branch
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
    instance: Instance,
    state: State,
    block: np.ndarray,
    count: int,
    mark: int,
    origin: int,
    goal: int,
    penalty: float,
) -> float:
    """Return what it costs to move a block of stamped grids from one beat to another."""
    graph, loads, attraction = instance.graph, instance.loads, instance.attraction
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
