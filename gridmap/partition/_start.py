"""A first plan: recursive inertial bisection, then every beat made one piece."""

from __future__ import annotations

import numpy as np

from gridmap._compiled import njit
from gridmap.partition._arrays import Attraction, Graph, Instance
from gridmap.partition._regions import clique_of
from gridmap.typing import Bools, Floats, Ints, Ints32

_PAIR = 2


def start_plan(instance: Instance, rng: np.random.Generator, *, turn: float = 0.0) -> Ints32:
    """Return a plan of ``k`` beats in one piece each, roughly balanced.

    Parameters
    ----------
    instance
        The region; its grids must hang together.
    rng
        Draws seeds where grids are fixed to beats.
    turn
        Radians by which the cutting directions are turned: other starts for restarts.
    """
    attraction, k, n = instance.attraction, instance.k, len(instance.xy)
    share = instance.loads.hi[:, 0] + instance.loads.lo[:, 0]
    share = np.where(np.isfinite(share) & (share > 0), share, 1.0)
    if (attraction.pin >= 0).any() or attraction.separated.size:
        return grow(instance, share, rng)
    weight = instance.loads.w[:, 0]
    weight = weight / max(float(weight.sum()), 1e-300) * n + 1e-6
    beat = bisect(instance.xy, weight, share, turn)
    return join_pieces(instance.graph, beat, weight, k)


def bisect(xy: Floats, weight: Floats, share: Floats, turn: float = 0.0) -> Ints32:
    """Cut the grids in two across their longest axis, and each part again.

    Parameters
    ----------
    xy, weight
        Place (n, 2) and workload (n,) per grid.
    share
        What each beat is to get, in any unit; its length is the number of beats.
    turn
        Radians added to each direction.
    """
    n, k = len(xy), len(share)
    beat = np.zeros(n, dtype=np.int32)
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    stack = [(np.arange(n), 0, k)]
    while stack:
        ids, first, count = stack.pop()
        if count == 1:
            beat[ids] = first
            continue
        half = count // 2
        w = weight[ids]
        local = xy[ids] - (xy[ids] * w[:, None]).sum(axis=0) / w.sum()
        spread = (local * w[:, None]).T @ local
        angle = 0.5 * np.arctan2(2 * spread[0, 1], spread[0, 0] - spread[1, 1])
        axis = turned @ np.array([np.cos(angle), np.sin(angle)])
        along = np.argsort(np.round(local @ axis, 9), kind="stable")
        sums = np.cumsum(w[along])
        part = share[first : first + half].sum() / share[first : first + count].sum()
        cut = int(np.searchsorted(sums, sums[-1] * part)) + 1
        cut = min(max(cut, half), len(ids) - (count - half))
        stack.append((ids[along[:cut]], first, half))
        stack.append((ids[along[cut:]], first + half, count - half))
    return beat


@njit(cache=True, nogil=True)
def _join(indptr, nbr, length, beat, weight, k):
    n = len(beat)
    piece = np.empty(n, np.int32)
    queue = np.empty(n, np.int32)
    order = np.empty(n, np.int32)
    begin = np.empty(n + 1, np.int32)
    near = np.zeros(k)
    mass = np.empty(n)
    heaviest = np.empty(k, np.int32)
    while True:
        piece[:] = -1
        heaviest[:] = -1
        pieces = 0
        tail = 0
        for s in range(n):
            if piece[s] >= 0:
                continue
            begin[pieces] = tail
            piece[s] = pieces
            queue[tail] = s
            head = tail
            tail += 1
            total = 0.0
            while head < tail:
                u = queue[head]
                head += 1
                total += weight[u]
                for e in range(indptr[u], indptr[u + 1]):
                    j = nbr[e]
                    if piece[j] < 0 and beat[j] == beat[s]:
                        piece[j] = pieces
                        queue[tail] = j
                        tail += 1
            mass[pieces] = total
            b = beat[s]
            if heaviest[b] < 0 or total > mass[heaviest[b]]:
                heaviest[b] = pieces
            pieces += 1
        begin[pieces] = tail
        order[:tail] = queue[:tail]
        if pieces == (heaviest >= 0).sum():
            return True
        changed = False
        for c in range(pieces):
            b = beat[order[begin[c]]]
            if heaviest[b] == c:
                continue
            best = -1
            for i in range(begin[c], begin[c + 1]):
                u = order[i]
                for e in range(indptr[u], indptr[u + 1]):
                    j = nbr[e]
                    if piece[j] != c and heaviest[beat[j]] == piece[j]:
                        near[beat[j]] += length[e]
                        if best < 0 or near[beat[j]] > near[best]:
                            best = beat[j]
            for i in range(begin[c], begin[c + 1]):
                u = order[i]
                for e in range(indptr[u], indptr[u + 1]):
                    near[beat[nbr[e]]] = 0.0
            if best >= 0:
                changed = True
                for i in range(begin[c], begin[c + 1]):
                    beat[order[i]] = best
        if not changed:
            return False


def join_pieces(
    graph: Graph, beat: Ints32, weight: Floats, k: int, pinned: Bools | None = None
) -> Ints32:
    """Give all but the heaviest piece of each beat to the neighbour with the longest border.

    Repeated until every beat is one piece. Beats without grids are filled by `fill_empty`.
    """
    beat = fill_empty(graph, np.array(beat, dtype=np.int32), k, pinned)
    _join(graph.indptr, graph.nbr, graph.length, beat, weight, k)
    return fill_empty(graph, beat, k, pinned)


def fill_empty(graph: Graph, beat: Ints32, k: int, pinned: Bools | None = None) -> Ints32:
    """Give each beat without grids a part of the beat with the most grids.

    The part is split off along a breadth-first order from the grid farthest away inside; of
    the two halves it is the one without grids that are ``pinned`` to their beat.
    """
    beat = beat.copy()
    pinned = np.zeros(len(beat), dtype=np.bool_) if pinned is None else pinned
    count = np.bincount(beat, minlength=k)
    for empty in np.flatnonzero(count[:k] == 0):
        for donor in np.argsort(-count, kind="stable"):
            members = np.flatnonzero(beat == donor)
            piece = _piece_of(graph, members)
            whole = len(piece) == len(members)
            part = _leaf_part(graph, members) if whole else np.setdiff1d(members, piece)
            if pinned[part].any():
                part = np.setdiff1d(members, part)
            if part.size and not pinned[part].any():
                beat[part] = empty
                count[empty], count[donor] = part.size, count[donor] - part.size
                break
    return beat


def _piece_of(graph: Graph, members: Ints) -> Ints:
    """Return those members that hang together with the first."""
    inside, seen = set(members.tolist()), {int(members[0])} if members.size else set()
    queue = list(seen)
    for v in queue:
        for j in graph.nbr[graph.indptr[v] : graph.indptr[v + 1]].tolist():
            if j in inside and j not in seen:
                seen.add(j)
                queue.append(j)
    return np.array(sorted(seen), dtype=np.int64)


def _leaf_part(graph: Graph, members: Ints) -> Ints:
    """Return about half of a connected beat such that both halves stay connected."""
    if members.size < 2:
        return members[:0]
    inside = {int(v) for v in members}
    parent: dict[int, int] = {int(members[0]): -1}
    order = [int(members[0])]
    for v in order:
        for j in graph.nbr[graph.indptr[v] : graph.indptr[v + 1]]:
            if int(j) in inside and int(j) not in parent:
                parent[int(j)] = v
                order.append(int(j))
    size = dict.fromkeys(order, 1)
    for v in reversed(order[1:]):
        size[parent[v]] += size[v]
    if len(order) < 2:
        return members[:0]
    root = min(order[1:], key=lambda v: (abs(2 * size[v] - len(order)), v))
    part = {root}
    for v in order:
        if parent[v] in part:
            part.add(v)
    return np.array(sorted(part), dtype=np.int64)


def grow(instance: Instance, share: Floats, rng: np.random.Generator) -> Ints32:
    """Grow beats from seeds, always the one with the least of its share, one grid at a time.

    Fixed grids are the seeds of their beats, and so are grids of which many are to be apart
    from each other; other beats start from grids far from all seeds. No beat takes a grid that
    is to be apart from one it has, unless nobody else can.
    """
    graph, attraction, k = instance.graph, instance.attraction, instance.k
    n = len(instance.xy)
    weight = instance.loads.w[:, 0] / max(float(instance.loads.w[:, 0].sum()), 1e-300) * n + 1e-6
    beat = np.full(n, -1, dtype=np.int32)
    pinned = np.flatnonzero(attraction.pin >= 0)
    beat[pinned] = attraction.pin[pinned]
    seeded = np.zeros(k, dtype=bool)
    seeded[beat[pinned]] = True
    far = np.full(n, np.inf)
    for v in map(int, pinned):
        far = np.minimum(far, np.hypot(*(instance.xy - instance.xy[v]).T))
    free = [int(b) for b in np.flatnonzero(~seeded)]
    rows = np.repeat(np.arange(n), np.diff(attraction.separated_ptr)).tolist()
    separated_pairs: dict[int, set[int]] = {}
    for v, u in zip(rows, attraction.separated.tolist(), strict=True):
        separated_pairs.setdefault(v, set()).add(u)
    clique = clique_of(separated_pairs)
    for v in clique if len(clique) > _PAIR else ():  # two find their beats by themselves
        if beat[v] < 0 and free:
            b = free.pop(0)
            beat[v] = b
            far = np.minimum(far, np.hypot(*(instance.xy - instance.xy[v]).T))
    for b in free:
        chance = np.where(beat < 0, np.minimum(far, 1e9) ** 2 * weight + 1e-12, 0.0)
        v = int(rng.choice(n, p=chance / chance.sum()))
        beat[v] = b
        far = np.minimum(far, np.hypot(*(instance.xy - instance.xy[v]).T))
    _grow(
        graph.indptr,
        graph.nbr,
        beat,
        weight,
        share,
        instance.xy,
        attraction.separated_ptr,
        attraction.separated,
    )
    return spread(graph, beat)


def separate_pairs(instance: Instance, beat: Ints32) -> Ints32:
    """Return the plan with pairs that are to be apart parted, where a way leads out of a beat.

    The grid of the pair that is nearest to another beat's border goes there, and the grids on
    its way with it. Beats may be in pieces afterwards.
    """
    graph, attraction = instance.graph, instance.attraction
    plan = beat.copy()
    for v in range(len(plan) if attraction.separated.size else 0):
        for u in attraction.separated[
            attraction.separated_ptr[v] : attraction.separated_ptr[v + 1]
        ]:
            if plan[u] == plan[v] and v < u:
                ways = [way for x in (v, int(u)) if (way := _way_out(graph, attraction, plan, x))]
                if ways:
                    grids, goal = min(ways, key=lambda found: len(found[0]))
                    plan[grids] = goal
    return plan


def _way_out(
    graph: Graph, attraction: Attraction, plan: Ints32, grid: int
) -> tuple[list[int], int] | None:
    """Return the fewest grids from one to a beat that may take them all, and that beat."""
    if attraction.pin[grid] >= 0:
        return None
    separated_pairs = attraction.separated[
        attraction.separated_ptr[grid] : attraction.separated_ptr[grid + 1]
    ]
    shut = {grid, *separated_pairs.tolist()}
    hostile = set(plan[separated_pairs].tolist())
    before = {grid: -1}
    queue = [grid]
    for v in queue:
        for j in graph.nbr[graph.indptr[v] : graph.indptr[v + 1]].tolist():
            goal = int(plan[j])
            if goal != plan[grid]:
                if goal not in hostile:
                    way = [v]
                    while before[way[-1]] >= 0:
                        way.append(before[way[-1]])
                    return way, goal
            elif j not in before and j not in shut and attraction.pin[j] < 0:
                before[j] = v
                queue.append(j)
    return None


def spread(graph: Graph, beat: Ints32) -> Ints32:
    """Return the plan with grids in no beat (-1) given to a neighbour's."""
    plan = beat.copy()
    rows = np.repeat(np.arange(len(plan)), np.diff(graph.indptr))
    if (plan < 0).all():
        plan[:] = 0
    while (plan < 0).any():
        reach = (plan[rows] < 0) & (plan[graph.nbr] >= 0)
        plan[rows[reach][::-1]] = plan[graph.nbr[reach][::-1]]
    return plan


@njit(cache=True, nogil=True)
def _grow(indptr, nbr, beat, weight, share, xy, separated_ptr, separated):
    n, k = len(beat), len(share)
    total = np.zeros(k)
    open_ = np.ones(k, np.bool_)
    seed = np.zeros(k, np.int32)
    for v in range(n):
        if beat[v] >= 0:
            total[beat[v]] += weight[v]
            seed[beat[v]] = v
    left = n
    for v in range(n):
        left -= beat[v] >= 0
    while left > 0:
        b = -1
        for c in range(k):
            if open_[c] and (b < 0 or total[c] / share[c] < total[b] / share[b]):
                b = c
        if b < 0:
            return
        best, near = -1, np.inf
        for v in range(n):
            if beat[v] >= 0:
                continue
            shut = False
            for e in range(separated_ptr[v], separated_ptr[v + 1]):
                shut |= beat[separated[e]] == b
            if shut:
                continue
            for e in range(indptr[v], indptr[v + 1]):
                if beat[nbr[e]] == b:
                    dx = xy[v, 0] - xy[seed[b], 0]
                    dy = xy[v, 1] - xy[seed[b], 1]
                    if dx * dx + dy * dy < near:
                        near = dx * dx + dy * dy
                        best = v
                    break
        if best < 0:
            open_[b] = False
        else:
            beat[best] = b
            total[b] += weight[best]
            left -= 1
