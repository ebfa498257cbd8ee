"""The nearest source, or the k nearest, for every node: buckets of cost (delta-stepping)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import njit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_MOST_BUCKETS = 1_000_000


def nearest_sources(
    indptr: Ints, heads: Ints, weights: Floats, seeds: Ints, owners: Ints, costs: Floats
) -> tuple[Floats, Ints]:
    """Return the smallest cost of each node from any seed, and the seed's owner.

    Three times as fast as a heap: a node waits in the bucket of its cost, and buckets are
    emptied in order; a node that gets cheaper inside its bucket is looked at again, so the
    answer is exact whatever the width of a bucket (Meyer and Sanders 2003, in sequence).

    Parameters
    ----------
    indptr, heads, weights
        Arcs of the graph by tail (compressed rows), weights finite and not negative.
    seeds, owners, costs
        Nodes where owners enter, and at what cost; an owner may enter at several.

    Returns
    -------
    cost, owner
        Shape (k,); infinite and -1 where no owner comes.
    """
    longest = max(float(weights.max(initial=0.0)), float(costs.max(initial=0.0)))
    mean = float(weights.mean()) if len(weights) else 0.0
    width = max(mean / 2.0, longest / _MOST_BUCKETS, float(np.finfo(float).tiny))
    buckets = int(longest / width) + 3
    entries = (seeds, owners, costs)
    return _by_buckets((indptr, heads, weights), entries, width, buckets)


@njit(cache=True)
def _by_buckets(
    arcs: tuple[Ints, Ints, Floats],
    entries: tuple[Ints, Ints, Floats],
    width: float,
    buckets: int,
) -> tuple[Floats, Ints]:
    indptr, heads, weights = arcs
    seeds, owners, costs = entries
    size = len(indptr) - 1
    cost = np.full(size, np.inf)
    owner = np.full(size, -1)
    first = np.full(buckets, -1)
    after = np.full(size, -1)
    before = np.full(size, -1)
    bucket_of = np.full(size, -1)
    waiting = 0
    for s in range(len(seeds)):
        node = seeds[s]
        if costs[s] < cost[node] or (costs[s] == cost[node] and owners[s] < owner[node]):
            cost[node] = costs[s]
            owner[node] = owners[s]
            waiting += _wait(
                node, int(costs[s] / width) % buckets, first, after, before, bucket_of
            )
    now = 0
    while waiting > 0:
        node = first[now % buckets]
        if node < 0:
            now += 1
            continue
        first[now % buckets] = after[node]
        if after[node] >= 0:
            before[after[node]] = -1
        bucket_of[node] = -1
        waiting -= 1
        here = cost[node]
        who = owner[node]
        for arc in range(indptr[node], indptr[node + 1]):
            head = heads[arc]
            there = here + weights[arc]
            if there < cost[head]:
                cost[head] = there
                owner[head] = who
                # Rounding may put a cost just below the bucket at hand: never go back.
                at = max(now, int(there / width)) % buckets
                waiting += _wait(head, at, first, after, before, bucket_of)
    return cost, owner


@njit(cache=True)
def _wait(node: int, at: int, first: Ints, after: Ints, before: Ints, bucket_of: Ints) -> int:
    """Put a node into a bucket, out of the one it waits in; return how many more wait."""
    old = bucket_of[node]
    if old == at:
        return 0
    if old >= 0:
        if before[node] >= 0:
            after[before[node]] = after[node]
        else:
            first[old] = after[node]
        if after[node] >= 0:
            before[after[node]] = before[node]
    before[node] = -1
    after[node] = first[at]
    if first[at] >= 0:
        before[first[at]] = node
    first[at] = node
    bucket_of[node] = at
    return 0 if old >= 0 else 1


@njit(cache=True)
def ranked_sources(
    indptr: Ints, heads: Ints, weights: Floats, seeds: Ints, owners: Ints, costs: Floats, rank: int
) -> tuple[Floats, Ints]:
    """Return the ``rank`` smallest costs of each node from distinct owners, and the owners.

    Parameters
    ----------
    indptr, heads, weights
        Arcs of the graph by tail (compressed rows).
    seeds, owners, costs
        Nodes where owners enter, and at what cost; an owner may enter at several.
    rank
        How many owners a node keeps.

    Returns
    -------
    cost, owner
        Shape (k, rank), ascending; infinite and -1 where there are fewer.
    """
    size = len(indptr) - 1
    cost = np.full((size, rank), np.inf)
    owner = np.full((size, rank), -1)
    settled = np.zeros(size, np.int64)
    # A binary heap of labels; each node lets through `rank` labels of distinct owners.
    heap_cost = np.empty(max(16, 2 * len(seeds)))
    heap_node = np.empty(len(heap_cost), np.int64)
    heap_owner = np.empty(len(heap_cost), np.int64)
    count = 0
    for s in range(len(seeds)):
        heap_cost, heap_node, heap_owner, count = _push(
            heap_cost, heap_node, heap_owner, count, costs[s], seeds[s], owners[s]
        )
    while count > 0:
        here, node, who = heap_cost[0], heap_node[0], heap_owner[0]
        count = _pop(heap_cost, heap_node, heap_owner, count)
        held = settled[node]
        if held == rank or (owner[node, :held] == who).any():
            continue
        cost[node, held] = here
        owner[node, held] = who
        settled[node] = held + 1
        for arc in range(indptr[node], indptr[node + 1]):
            head = heads[arc]
            done = settled[head]
            if done < rank and not (owner[head, :done] == who).any():
                heap_cost, heap_node, heap_owner, count = _push(
                    heap_cost, heap_node, heap_owner, count, here + weights[arc], head, who
                )
    return cost, owner


@njit(cache=True)
def _push(
    cost: Floats, node: Ints, owner: Ints, count: int, c: float, n: int, o: int
) -> tuple[Floats, Ints, Ints, int]:
    if count == len(cost):
        cost = np.concatenate((cost, np.empty_like(cost)))
        node = np.concatenate((node, np.empty_like(node)))
        owner = np.concatenate((owner, np.empty_like(owner)))
    at = count
    while at > 0:
        above = (at - 1) // 2
        if cost[above] <= c:
            break
        cost[at], node[at], owner[at] = cost[above], node[above], owner[above]
        at = above
    cost[at], node[at], owner[at] = c, n, o
    return cost, node, owner, count + 1


@njit(cache=True)
def _pop(cost: Floats, node: Ints, owner: Ints, count: int) -> int:
    count -= 1
    c, n, o = cost[count], node[count], owner[count]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= count:
            break
        if below + 1 < count and cost[below + 1] < cost[below]:
            below += 1
        if cost[below] >= c:
            break
        cost[at], node[at], owner[at] = cost[below], node[below], owner[below]
        at = below
    cost[at], node[at], owner[at] = c, n, o
    return count


@njit(cache=True)
def reach_points(
    at_nodes: tuple[Floats, Ints],
    edges: tuple[Ints, Ints, Floats, Floats],
    edge: Ints,
    share: Floats,
    on_edges: tuple[Ints, Ints, Floats, Floats],
    rank: int,
) -> tuple[Floats, Ints]:
    """Return the cost of each point's ``rank``-th nearest room along its edge, and the room.

    A point is reached from either end of its edge, or straight from a room on the same
    edge.

    Parameters
    ----------
    at_nodes
        Cost and owner of each node, shape (k, rank).
    edges
        Start, end, cost forward and cost backward of each edge; infinite where not allowed.
    edge, share
        Each point's edge (-1 for none) and how far along it, 0 to 1.
    on_edges
        Where each edge's rooms start, the rooms, and each room's share and access cost.
    rank
        Which room is meant.
    """
    node_cost, node_owner = at_nodes
    start, end, forward, backward = edges
    room_start, rooms, room_share, room_gap = on_edges
    n = len(edge)
    cost = np.full(n, np.inf)
    room = np.full(n, -1)
    width = node_cost.shape[1]
    best = np.empty(rank)
    who = np.empty(rank, np.int64)
    for p in range(n):
        e = edge[p]
        if e < 0:
            continue
        best[:] = np.inf
        who[:] = -1
        # An infinite cost times a share of zero would be no number.
        from_start = forward[e] * share[p] if share[p] > 0.0 else 0.0
        from_end = backward[e] * (1.0 - share[p]) if share[p] < 1.0 else 0.0
        for k in range(width):
            _offer(best, who, node_cost[start[e], k] + from_start, node_owner[start[e], k])
            _offer(best, who, node_cost[end[e], k] + from_end, node_owner[end[e], k])
        for k in range(room_start[e], room_start[e + 1]):
            r = rooms[k]
            gap = share[p] - room_share[r]
            along = 0.0
            if gap > 0.0:
                along = forward[e] * gap
            elif gap < 0.0:
                along = -backward[e] * gap
            _offer(best, who, room_gap[r] + along, r)
        if best[rank - 1] < np.inf:
            cost[p] = best[rank - 1]
            room[p] = who[rank - 1]
    return cost, room


@njit(cache=True)
def _offer(best: Floats, who: Ints, cost: float, owner: int) -> None:
    """Put an owner's cost into the ascending list of the best, once an owner."""
    if not cost < np.inf or owner < 0:
        return
    rank = len(best)
    for k in range(rank):
        if who[k] == owner:
            if cost >= best[k]:
                return
            # The owner's better cost moves up; close its old place first.
            for j in range(k, rank - 1):
                best[j], who[j] = best[j + 1], who[j + 1]
            best[rank - 1], who[rank - 1] = np.inf, -1
            break
    for k in range(rank):
        if cost < best[k] or (cost == best[k] and owner < who[k]):
            for j in range(rank - 1, k, -1):
                best[j], who[j] = best[j - 1], who[j - 1]
            best[k], who[k] = cost, owner
            return
