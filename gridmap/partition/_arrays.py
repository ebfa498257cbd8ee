"""The arrays that the compiled search works on, in groups that numba can take apart.

Grids stand in Hilbert order, so that neighbours on the ground are neighbours in memory: the
search walks through them in that order again and again, and finds what it needs in the cache.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import njit

__all__ = [
    "RING_BITS",
    "Graph",
    "Instance",
    "Loads",
    "Pulls",
    "State",
    "build_graph",
    "hilbert_order",
    "members_of",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]
RING_BITS = 32


class Graph(NamedTuple):
    """Neighbours of each grid in compressed rows.

    ``nbr[indptr[v]:indptr[v + 1]]`` are the neighbours of grid v and ``length`` what a
    border with each costs, in units of the mean border. ``ring`` tells which of the row's
    neighbours each of them borders on, a bit each in the row's order, and nothing beyond
    the `RING_BITS`-th.
    """

    indptr: Ints
    nbr: Ints
    length: Floats
    ring: NDArray[np.uint32]


class Loads(NamedTuple):
    """Workload per grid (n, criteria), bounds per beat (k, criteria), and what excess weighs.

    ``scale`` turns an excess over a bound into tolerances of 3 %: excess times scale, squared,
    times the schedule's factor is the penalty.
    """

    w: Floats
    lo: Floats
    hi: Floats
    scale: Floats


class Pulls(NamedTuple):
    """What draws grids to beats besides borders and balance.

    Attributes
    ----------
    mass, x, y
        For the moment of inertia; coordinates in units of the mean beat's width.
    pin
        Beat that a grid never leaves, -1 where it is free.
    home, price, weight
        Beat that the grid belongs to today (-1: none), what leaving it costs, and its share
        of the workload that may change hands.
    demand, centre_x, centre_y
        Travel: demand per grid, and where each beat's officer starts.
    site, matrix
        The same by a matrix (n, n) of costs between grids, used when it is not empty:
        ``matrix[v, site[b]]``.
    foe_ptr, foe
        Grids that may not share a beat with each grid, in compressed rows.
    """

    mass: Floats
    x: Floats
    y: Floats
    pin: Ints
    home: Ints
    price: Floats
    weight: Floats
    demand: Floats
    centre_x: Floats
    centre_y: Floats
    site: Ints
    matrix: NDArray[np.float32]
    foe_ptr: Ints
    foe: Ints


class State(NamedTuple):
    """A plan and the sums that change with each move, plus room to work in.

    ``total`` is the workload per beat and criterion, ``moment`` mass, first moments x and y,
    ``moved`` the workload off its present beat, its limit, and what one unit beyond weighs.
    """

    beat: Ints
    size: Ints
    total: Floats
    moment: Floats
    moved: Floats
    stamp: NDArray[np.int64]
    tick: NDArray[np.int64]
    queue: Ints
    random: NDArray[np.uint64]


class Instance(NamedTuple):
    """One region to divide into ``k`` beats: everything that the search needs.

    ``slack`` is the excess that is still inside the tolerance, because the search aims at
    bounds somewhat inside it.
    """

    k: int
    graph: Graph
    loads: Loads
    pulls: Pulls
    xy: Floats
    slack: float


@njit(cache=True, nogil=True)
def members_of(beat: Ints, k: int) -> tuple[NDArray[np.int64], Ints]:
    """Return where each beat's grids begin (k + 1,), and all grids, beat by beat (n,)."""
    begin = np.zeros(k + 1, np.int64)
    for b in beat:
        begin[b + 1] += 1
    begin = np.cumsum(begin)
    at = begin[:-1].copy()
    grids = np.empty(len(beat), np.int32)
    for v in range(len(beat)):
        grids[at[beat[v]]] = v
        at[beat[v]] += 1
    return begin, grids


def hilbert_order(xy: Floats) -> NDArray[np.int64]:
    """Return the grids' indices along a Hilbert curve of 65,536 cells a side.

    Parameters
    ----------
    xy
        Coordinates (n, 2), any unit.

    Examples
    --------
    >>> hilbert_order(np.array([[0.0, 0.0], [9.0, 0.0], [9.0, 9.0], [0.0, 9.0]]))
    array([0, 3, 2, 1])
    """
    if not len(xy):
        return np.zeros(0, dtype=np.int64)
    local = np.round(xy - xy.min(axis=0), 3)  # a millimetre: translation leaves no trace
    span = float(local.max()) or 1.0
    cells = (local / span * 65535).astype(np.int64)
    x, y = cells[:, 0].copy(), cells[:, 1].copy()
    along = np.zeros(len(xy), dtype=np.int64)
    side = 32768
    while side:
        right, upper = (x & side) > 0, (y & side) > 0
        along += side * side * ((3 * right) ^ upper)
        mirror = ~upper & right
        x[mirror], y[mirror] = 65535 - x[mirror], 65535 - y[mirror]
        x[~upper], y[~upper] = y[~upper], x[~upper].copy()
        side //= 2
    return np.lexsort((local[:, 1], local[:, 0], along))


def build_graph(count: int, eu: Ints, ev: Ints, length: Floats) -> Graph:
    """Return the symmetric neighbour lists of ``count`` grids from edges listed once.

    Rows are sorted by neighbour, so the order in which edges are given does not matter.
    """
    rows = np.concatenate([eu, ev])
    cols = np.concatenate([ev, eu])
    order = np.lexsort((cols, rows))
    indptr = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(np.bincount(rows, minlength=count), out=indptr[1:])
    both = np.concatenate([length, length])
    nbr = np.ascontiguousarray(cols[order], dtype=np.int32)
    return Graph(
        indptr=indptr,
        nbr=nbr,
        length=np.ascontiguousarray(both[order], dtype=np.float64),
        ring=_rings(indptr, nbr),
    )


@njit(cache=True)
def _rings(indptr: Ints, nbr: Ints) -> NDArray[np.uint32]:
    """Return which neighbours of the same grid each neighbour borders on, a bit each."""
    ring = np.zeros(len(nbr), dtype=np.uint32)
    for v in range(len(indptr) - 1):
        begin = indptr[v]
        end = min(indptr[v + 1], begin + RING_BITS)
        for i in range(begin, end):
            at, last = indptr[nbr[i]], indptr[nbr[i] + 1]
            for j in range(begin, end):
                while at < last and nbr[at] < nbr[j]:
                    at += 1
                if at < last and nbr[at] == nbr[j]:
                    ring[i] |= np.uint32(1) << np.uint32(j - begin)
    return ring
