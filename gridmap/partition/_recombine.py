"""Dividing two neighbouring beats anew: a random tree of both, and the best of all its edges.

Recombination as in GerryChain's ReCom (DeFord, Duchin, Solomon 2021), but every edge of the
tree is priced exactly by sums over subtrees instead of being drawn until one is balanced.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmap.partition._arrays import Graph, Loads, Pulls, State
from gridmap.partition._moves import beat_penalty, next_random, pull_of, share_penalty

__all__ = ["recombine_once", "recombine_pair", "tree_room"]

_32 = np.uint64(32)
# Columns of the float work array, before one column per criterion.
_CUT, _MASS, _MX, _MY, _HERE, _THERE, _OFF_P, _OFF_Q, _FIRST = range(9)
# Columns of the integer work array.
_GRID, _PARENT, _DEPTH, _PINNED, _EDGE, _PLACE = range(6)


def tree_room(count: int, edges: int, criteria: int) -> tuple[np.ndarray, np.ndarray]:
    """Return work arrays for regions of ``count`` grids with ``edges`` half-edges."""
    return (
        np.zeros((max(count, edges) + 8, 6), dtype=np.int32),
        np.zeros((count + 8, _FIRST + criteria), dtype=np.float64),
    )


@njit(cache=True, nogil=True)
def recombine_once(
    graph: Graph,
    loads: Loads,
    pulls: Pulls,
    state: State,
    grids: np.ndarray,
    inside: np.ndarray | None,
    heat: float,
    weigh: float,
    beta: float,
    noise: np.ndarray,
    whole: np.ndarray,
    sums: np.ndarray,
) -> bool:
    """Divide the beats on both sides of a random border anew; return whether it was taken.

    Parameters
    ----------
    grids, inside
        The grids to look for a border from, and whether each beat may be divided; None for
        all.
    """
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
        if inside is not None and not inside[q]:
            continue
        if p != q:
            limit = heat * noise[bits & np.uint64(len(noise) - 1)]
            return recombine_pair(
                graph, loads, pulls, state, v, p, q, limit, weigh, weigh, beta, whole, sums
            )
    return False


@njit(cache=True, nogil=True)
def _grow_tree(graph, state, root, p, q, whole):
    """Grow a random tree over both beats; return how many grids it has."""
    indptr, nbr, owner, stamp = graph.indptr, graph.nbr, state.beat, state.stamp
    state.tick[0] += 4
    seen = state.tick[0]
    count = 0
    edges = 1
    whole[0, _EDGE] = root
    whole[0, _PLACE] = -1
    while edges > 0:
        bits = next_random(state.random)
        i = np.int64(((bits >> _32) * np.uint64(edges)) >> _32)
        v = whole[i, _EDGE]
        parent = whole[i, _PLACE]
        edges -= 1
        whole[i, _EDGE] = whole[edges, _EDGE]
        whole[i, _PLACE] = whole[edges, _PLACE]
        if stamp[v] == seen:
            continue
        stamp[v] = seen
        state.queue[v] = count
        whole[count, _GRID] = v
        whole[count, _PARENT] = parent
        whole[count, _DEPTH] = 0 if parent < 0 else whole[parent, _DEPTH] + 1
        for e in range(indptr[v], indptr[v + 1]):
            j = nbr[e]
            if (owner[j] == p or owner[j] == q) and stamp[j] != seen:
                whole[edges, _EDGE] = j
                whole[edges, _PLACE] = count
                edges += 1
        count += 1
    return count


@njit(cache=True, nogil=True)
def _sum_subtrees(graph, loads, pulls, state, count, p, q, whole, sums):
    """Fill the sums of each grid's subtree; return the border between the beats as they are."""
    criteria = loads.w.shape[1]
    seen = state.tick[0]
    border = 0.0
    for i in range(count):
        v = whole[i, _GRID]
        m = pulls.mass[v]
        sums[i, _CUT] = 0.0
        sums[i, _MASS] = m
        sums[i, _MX] = m * pulls.x[v]
        sums[i, _MY] = m * pulls.y[v]
        sums[i, _HERE] = pull_of(pulls, v, p)
        sums[i, _THERE] = pull_of(pulls, v, q)
        home = pulls.home[v]
        sums[i, _OFF_P] = pulls.weight[v] if home >= 0 and home != p else 0.0
        sums[i, _OFF_Q] = pulls.weight[v] if home >= 0 and home != q else 0.0
        whole[i, _PINNED] = 0
        if pulls.pin[v] >= 0:
            whole[i, _PINNED] = 1 if state.beat[v] == p else 1 << 14
        for c in range(criteria):
            sums[i, _FIRST + c] = loads.w[v, c]
    for i in range(count):
        v = whole[i, _GRID]
        for e in range(graph.indptr[v], graph.indptr[v + 1]):
            j = graph.nbr[e]
            if state.stamp[j] != seen:
                continue
            a = state.queue[j]
            if a >= i:
                continue
            length = graph.length[e]
            if state.beat[j] != state.beat[v]:
                border += length
            # The border counts for every subtree that holds one of the two grids, not both.
            sums[i, _CUT] += length
            sums[a, _CUT] += length
            b = i
            while a != b:
                if whole[a, _DEPTH] >= whole[b, _DEPTH]:
                    a = whole[a, _PARENT]
                else:
                    b = whole[b, _PARENT]
            sums[a, _CUT] -= 2.0 * length
    for i in range(count - 1, 0, -1):
        parent = whole[i, _PARENT]
        whole[parent, _PINNED] += whole[i, _PINNED]
        for c in range(_FIRST + criteria):
            sums[parent, c] += sums[i, c]
    return border


@njit(cache=True, nogil=True)
def recombine_pair(
    graph: Graph,
    loads: Loads,
    pulls: Pulls,
    state: State,
    root: int,
    p: int,
    q: int,
    limit: float,
    weigh_p: float,
    weigh_q: float,
    beta: float,
    whole: np.ndarray,
    sums: np.ndarray,
) -> bool:
    """Divide beats p and q anew along the best edge of a random tree; return whether taken.

    Taken when the cost rises by at most ``limit``. The penalties of the two beats have their
    own weights, so that one may be put right at the other's expense.
    """
    if pulls.foe.shape[0] > 0:
        return False
    criteria = loads.w.shape[1]
    count = _grow_tree(graph, state, root, p, q, whole)
    border = _sum_subtrees(graph, loads, pulls, state, count, p, q, whole, sums)
    now = border
    for c in range(criteria):
        now += weigh_p * beat_penalty(loads, p, c, state.total[p, c])
        now += weigh_q * beat_penalty(loads, q, c, state.total[q, c])
    off_now = 0.0
    for i in range(count):
        v = whole[i, _GRID]
        now += pull_of(pulls, v, state.beat[v])
        if pulls.home[v] >= 0 and pulls.home[v] != state.beat[v]:
            off_now += pulls.weight[v]
    if beta > 0.0:
        for b in (p, q):
            m = state.moment[b, 0]
            if m > 0.0:
                now -= beta * (state.moment[b, 1] ** 2 + state.moment[b, 2] ** 2) / m
    all_pinned = whole[0, _PINNED]
    best = np.inf
    best_at = -1
    best_p_below = True
    for i in range(1, count):
        cost = sums[i, _CUT]
        if beta <= 0.0 and cost >= best:
            continue
        if beta > 0.0:
            m = sums[i, _MASS]
            rest = sums[0, _MASS] - m
            if m > 0.0:
                cost -= beta * (sums[i, _MX] ** 2 + sums[i, _MY] ** 2) / m
            if rest > 0.0:
                dx = sums[0, _MX] - sums[i, _MX]
                dy = sums[0, _MY] - sums[i, _MY]
                cost -= beta * (dx * dx + dy * dy) / rest
        for below in range(2):  # the subtree becomes p, or q
            pinned = whole[i, _PINNED]
            others = all_pinned - pinned
            low, high = (pinned, others) if below == 0 else (others, pinned)
            if low >> 14 or high & ((1 << 14) - 1):
                continue
            both = cost
            for c in range(criteria):
                part = sums[i, _FIRST + c]
                rest = sums[0, _FIRST + c] - part
                if below == 1:
                    part, rest = rest, part
                both += weigh_p * beat_penalty(loads, p, c, part)
                both += weigh_q * beat_penalty(loads, q, c, rest)
            if below == 0:
                both += sums[i, _HERE] + sums[0, _THERE] - sums[i, _THERE]
                off = sums[i, _OFF_P] + sums[0, _OFF_Q] - sums[i, _OFF_Q]
            else:
                both += sums[i, _THERE] + sums[0, _HERE] - sums[i, _HERE]
                off = sums[i, _OFF_Q] + sums[0, _OFF_P] - sums[i, _OFF_P]
            if off != off_now:
                both += weigh_p * share_penalty(state, off - off_now)
            if both < best:
                best = both
                best_at = i
                best_p_below = below == 0
    if best_at < 0 or best - now > limit:
        return False
    _divide(loads, pulls, state, count, best_at, p, q, best_p_below, whole)
    return True


@njit(cache=True, nogil=True)
def _divide(loads, pulls, state, count, at, p, q, p_below, whole):
    """Give the subtree at ``at`` to one beat and the rest to the other; rebuild their sums."""
    for i in range(count):
        parent = whole[i, _PARENT]
        inside = i == at or (parent >= 0 and whole[parent, _DEPTH] < 0)
        if inside:
            whole[i, _DEPTH] = -1
        v = whole[i, _GRID]
        home = pulls.home[v]
        if home >= 0:
            if home != state.beat[v]:
                state.moved[0] -= pulls.weight[v]
            if home != (p if inside == p_below else q):
                state.moved[0] += pulls.weight[v]
        state.beat[v] = p if inside == p_below else q
    for b in (p, q):
        state.size[b] = 0
        for c in range(3):
            state.moment[b, c] = 0.0
        for c in range(loads.w.shape[1]):
            state.total[b, c] = 0.0
    for i in range(count):
        v = whole[i, _GRID]
        b = state.beat[v]
        m = pulls.mass[v]
        state.size[b] += 1
        state.moment[b, 0] += m
        state.moment[b, 1] += m * pulls.x[v]
        state.moment[b, 2] += m * pulls.y[v]
        for c in range(loads.w.shape[1]):
            state.total[b, c] += loads.w[v, c]
