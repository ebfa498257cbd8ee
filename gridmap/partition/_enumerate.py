"""Tiny regions: every connected beat inside its bounds, so that the best plan is proven."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import njit
from gridmap.partition._arrays import Instance
from gridmap.partition._columns import Pool

__all__ = ["LARGEST", "enumerate_columns"]

LARGEST = 62  # grids that fit the bits of one number
_STEPS = 12_000_000


def enumerate_columns(instance: Instance, pool: Pool, steps: int = _STEPS) -> bool:
    """Fill the pool with all beats inside the bounds; return whether that was possible.

    Every connected set of grids is met once: the one of least number is its root, and each
    grid on its edge is either taken in or shut out. Sets above a bound are cut off, and so
    are those that leave behind a part which no whole number of beats fits.

    Parameters
    ----------
    steps
        A cap on the sets looked at; beyond it the answer is False.
    """
    n, loads = len(instance.xy), instance.loads
    # The search aims somewhat inside the bounds; a proof is about all that they allow.
    aside = instance.slack / loads.scale
    loads = loads._replace(lo=loads.lo - aside, hi=loads.hi + aside)
    same = np.ptp(loads.lo, axis=0).max() == 0 if np.isfinite(loads.lo).all() else False
    if n > LARGEST or not same or np.ptp(loads.hi, axis=0).max() != 0:
        return False
    near = np.zeros(n, dtype=np.int64)
    for v in range(n):
        for j in instance.graph.nbr[instance.graph.indptr[v] : instance.graph.indptr[v + 1]]:
            near[v] |= 1 << int(j)
    found = np.zeros(len(pool.cost), dtype=np.int64)
    count = _enumerate(near, loads.w, loads.lo[0], loads.hi[0], instance.k, found, steps)
    if count < 0:
        return False
    bits = (found[:count, None] >> np.arange(n)) & 1
    bits = bits[_allowed(instance, bits)]
    pool.used[0] = len(bits)
    pool.member[: len(bits)] = bits
    pool.cost[: len(bits)] = _borders(instance, bits.astype(np.bool_))
    return True


def _allowed(instance: Instance, bits: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which sets hold nodes of one beat at most, and no two that are to be apart."""
    pulls = instance.pulls
    pinned = np.flatnonzero(pulls.pin >= 0)
    allowed: NDArray[np.bool_] = bits[:, pinned].sum(axis=1) <= 1  # a beat's own are one node
    rows = np.repeat(np.arange(bits.shape[1]), np.diff(pulls.foe_ptr))
    for a, b in zip(rows, pulls.foe, strict=True):
        allowed &= (bits[:, a] & bits[:, b]) == 0
    return allowed


def _borders(instance: Instance, member: NDArray[np.bool_]) -> NDArray[np.float64]:
    graph = instance.graph
    rows = np.repeat(np.arange(len(instance.xy)), np.diff(graph.indptr))
    total = np.zeros(len(member))
    for u, v, length in zip(rows, graph.nbr, graph.length, strict=True):
        total += length * (member[:, u] & ~member[:, v])
    return total


@njit(cache=True, nogil=True)
def _enumerate(near, w, lo, hi, k, found, steps):
    n, criteria = w.shape
    whole = np.int64((np.int64(1) << n) - 1)
    inside = np.zeros(n * n + 4, np.int64)
    edge = np.zeros(n * n + 4, np.int64)
    shut = np.zeros(n * n + 4, np.int64)
    fresh = np.ones(n * n + 4, np.bool_)
    load = np.zeros((n * n + 4, criteria))
    count = 0
    done = 0
    for root in range(n):
        bit = np.int64(1) << root
        inside[0] = bit
        shut[0] = bit - 1
        edge[0] = near[root] & ~shut[0] & ~bit
        load[0] = w[root]
        fresh[0] = True
        top = 1
        while top > 0:
            done += 1
            if done > steps:
                return -1
            top -= 1
            s, f, x = inside[top], edge[top], shut[top]
            own = load[top].copy()
            good = True
            for c in range(criteria):
                good &= own[c] <= hi[c]
            if not good:
                continue
            if fresh[top]:
                enough = True
                for c in range(criteria):
                    enough &= own[c] >= lo[c]
                if enough and _rest_fits(near, w, lo, hi, k, whole & ~s):
                    if count == len(found):
                        return -1
                    found[count] = s
                    count += 1
            if f == 0:
                continue
            v = 0
            while not (f >> v) & 1:
                v += 1
            bit = np.int64(1) << v
            # Shut v out: looked at later, and not a new set.
            inside[top], edge[top], shut[top] = s, f & ~bit, x | bit
            load[top] = own
            fresh[top] = False
            top += 1
            # Take v in: looked at next.
            taken = s | bit
            inside[top], shut[top] = taken, x
            edge[top] = (f | near[v]) & ~taken & ~x
            for c in range(criteria):
                load[top, c] = own[c] + w[v, c]
            fresh[top] = True
            top += 1
    return count


@njit(cache=True, nogil=True)
def _rest_fits(near, w, lo, hi, k, rest):
    """Return whether each part left behind can be a whole number of beats."""
    used = 1
    while rest:
        start = rest & -rest
        part = start
        wave = start
        while wave:
            v = 0
            while not (wave >> v) & 1:
                v += 1
            wave &= ~(np.int64(1) << v)
            new = near[v] & rest & ~part
            part |= new
            wave |= new
        rest &= ~part
        fits = False
        for number in range(1, k):
            good = True
            for c in range(w.shape[1]):
                total = 0.0
                for v in range(len(near)):
                    if (part >> v) & 1:
                        total += w[v, c]
                good &= number * lo[c] <= total <= number * hi[c]
            if good:
                fits = True
                break
        if not fits:
            return False
        used += 1
    return used <= k
