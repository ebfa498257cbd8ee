"""The arrays that the compiled search works on, in groups that numba can take apart.

Grids are in Hilbert order, so that neighbours on the ground are neighbours in memory: the
search walks through them in that order again and again, and finds what it needs in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import sqrt
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import njit
from gridmap.typing import Bools, Floats, Ints, Ints32

RING_BITS = 32


class Graph(NamedTuple):
    """Neighbours of each grid in compressed rows.

    ``nbr[indptr[v]:indptr[v + 1]]`` are the neighbours of grid v and ``length`` what a
    border with each costs, in units of the mean border. ``ring`` tells which of the row's
    neighbours each of them borders on, a bit each in the row's order, and nothing beyond
    the `RING_BITS`-th.
    """

    indptr: Ints32
    nbr: Ints32
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


class Attraction(NamedTuple):
    """What draws grids to beats besides borders and balance.

    Attributes
    ----------
    x, y
        Coordinates in units of the mean beat's width.
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
    separated_ptr, separated
        Grids that may not share a beat with each grid, in compressed rows.
    """

    x: Floats
    y: Floats
    pin: Ints32
    home: Ints32
    price: Floats
    weight: Floats
    demand: Floats
    centre_x: Floats
    centre_y: Floats
    site: Ints32
    matrix: NDArray[np.float32]
    separated_ptr: Ints32
    separated: Ints32


class State(NamedTuple):
    """A plan and the sums that change with each move, plus room to work in.

    ``total`` is the workload per beat and criterion, ``moved`` the workload off its present
    beat, its limit, and what one unit beyond weighs.
    """

    beat: Ints32
    size: Ints32
    total: Floats
    moved: Floats
    stamp: Ints
    tick: Ints
    queue: Ints32
    random: NDArray[np.uint64]


class Instance(NamedTuple):
    """One region to divide into ``k`` beats: everything that the search needs.

    ``slack`` is the excess that is still inside the tolerance, because the search aims at
    bounds somewhat inside it.
    """

    k: int
    graph: Graph
    loads: Loads
    attraction: Attraction
    xy: Floats
    slack: float


@njit(cache=True, nogil=True)
def members_of(beat: Ints32, k: int) -> tuple[Ints, Ints32]:
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


def with_own_centres(instance: Instance) -> Instance:
    """Return the instance with centres of its own: a search moves them in place."""
    old = instance.attraction
    own = old._replace(
        centre_x=old.centre_x.copy(), centre_y=old.centre_y.copy(), site=old.site.copy()
    )
    return instance._replace(attraction=own)


def hilbert_order(xy: Floats) -> Ints:
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


def build_graph(count: int, eu: Ints32, ev: Ints32, length: Floats) -> Graph:
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
def _rings(indptr: Ints32, nbr: Ints32) -> NDArray[np.uint32]:
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


_FIRM = 10.0  # tolerances of 3 % that a mean beat's workload weighs which leaves too much


def make_state(instance: Instance, beat: NDArray[np.integer], seed: int, keep: float) -> State:
    """Return the sums of a plan and room for the search.

    Parameters
    ----------
    beat
        Beat of each grid, 0 to k - 1.
    seed
        Any integer; the same gives the same search.
    keep
        Workload that may leave its present beat before it is penalised; infinite for none.
    """
    n = len(beat)
    # SplitMix64 spreads small seeds over all bits, and never yields the forbidden zero.
    mixed = (int(seed) * 0x9E3779B97F4A7C15 + 0xBF58476D1CE4E5B9) & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    state = State(
        beat=np.array(beat, dtype=np.int32),
        size=np.zeros(instance.k, dtype=np.int32),
        total=np.zeros(instance.loads.lo.shape),
        moved=np.array([0.0, keep, 0.0]),
        stamp=np.zeros(n, dtype=np.int64),
        tick=np.zeros(1, dtype=np.int64),
        queue=np.zeros(2 * n + 8, dtype=np.int32),
        random=np.array([(mixed ^ (mixed >> 31)) or 1], dtype=np.uint64),
    )
    whole = float(instance.attraction.weight.sum())
    state.moved[2] = _FIRM * instance.k / whole if whole > 0 else 0.0
    refresh_state(instance, state)
    return state


def refresh_state(instance: Instance, state: State) -> None:
    """Compute the sums afresh, in place: rounding never builds up."""
    k, beat, attraction = instance.k, state.beat, instance.attraction
    state.size[:] = np.bincount(beat, minlength=k)
    for c in range(instance.loads.w.shape[1]):
        state.total[:, c] = np.bincount(beat, weights=instance.loads.w[:, c], minlength=k)
    off = (attraction.home >= 0) & (attraction.home != beat)
    state.moved[0] = float(attraction.weight[off].sum())


def excess_of(instance: Instance, state: State) -> float:
    """Return the worst excess over a bound, in tolerances of 3 % (0: all hold)."""
    loads = instance.loads
    over = np.maximum(state.total - loads.hi, loads.lo - state.total) * loads.scale
    return float(max(over.max(initial=0.0) - instance.slack, 0.0))


def leaving(state: State) -> float:
    """Return the workload beyond the limit that leaves its present beat, as it is weighed."""
    return float(max(0.0, state.moved[0] - state.moved[1]) * state.moved[2])


def pairs_together(instance: Instance, beat: NDArray[np.integer]) -> int:
    """Return how many pairs that may not share a beat do."""
    separated_pairs = instance.attraction.separated
    rows = np.repeat(np.arange(len(beat)), np.diff(instance.attraction.separated_ptr))
    return int((beat[rows] == beat[separated_pairs]).sum()) // 2


_CANDIDATES = 48  # in beats of more grids only those nearest to the middle are tried


@njit(cache=True, nogil=True)
def _middle(attraction: Attraction, members: np.ndarray) -> tuple[float, float]:
    sx, sy, whole = 0.0, 0.0, 0.0
    for v in members:
        d = attraction.demand[v] + 1e-12
        sx += d * attraction.x[v]
        sy += d * attraction.y[v]
        whole += d
    return sx / whole, sy / whole


@njit(cache=True, nogil=True)
def best_sites(attraction: Attraction, beat: np.ndarray, k: int, candidates: int) -> np.ndarray:
    """Return the grid of each beat with the least sum of demand times distance.

    Ties go to the first in the region's order. ``candidates`` bounds how many grids nearest
    to the demand's centre of gravity are tried in each beat.
    """
    begin, members = members_of(beat, k)
    site = np.zeros(k, np.int32)
    for b in range(k):
        own = members[begin[b] : begin[b + 1]]
        tried = own
        if len(own) > candidates:
            mx, my = _middle(attraction, own)
            gap = np.empty(len(own))
            for i in range(len(own)):
                gap[i] = (attraction.x[own[i]] - mx) ** 2 + (attraction.y[own[i]] - my) ** 2
            tried = own[np.argsort(gap, kind="mergesort")[:candidates]]
        best = np.inf
        for c in tried:
            cost = 0.0
            for v in own:
                if attraction.matrix.shape[0] > 0:
                    cost += attraction.demand[v] * attraction.matrix[v, c]
                else:
                    dx, dy = attraction.x[v] - attraction.x[c], attraction.y[v] - attraction.y[c]
                    cost += attraction.demand[v] * sqrt(dx * dx + dy * dy)
                if cost >= best:
                    break
            if cost < best:
                best = cost
                site[b] = c
    return site


def move_centres(
    attraction: Attraction, beat: Ints32, k: int, held: Bools, *, every: bool = False
) -> None:
    """Move each beat's centre to its best grid, in place; beats with a room keep theirs.

    Parameters
    ----------
    held
        Beats whose centre stands (k,).
    every
        Try every grid, not only those near the middle.
    """
    site = best_sites(attraction, beat, k, len(beat) if every else _CANDIDATES)
    attraction.site[~held] = site[~held]
    attraction.centre_x[:] = attraction.x[attraction.site]
    attraction.centre_y[:] = attraction.y[attraction.site]


@dataclass(frozen=True, slots=True)
class Solved:
    """A plan of one region by node, its cost, and what it does not hold.

    Attributes
    ----------
    excess
        Worst excess over a bound, in tolerances of 3 %.
    leaves
        Workload beyond the limit that leaves its present beat, as the penalty counts it.
    together
        Pairs that are to be apart and share a beat.
    """

    beat: Ints32
    cost: float
    excess: float
    sweeps: int
    leaves: float = 0.0
    together: int = 0

    def better_than(self, other: Solved | None) -> bool:
        """Return whether this plan is preferred: pairs apart, what is kept, bounds, cost."""
        if other is None:
            return True
        return self.rank < other.rank

    @property
    def holds(self) -> bool:
        """Whether the plan holds what was asked for."""
        return not self.together and self.leaves <= 0 and self.excess <= 0

    @property
    def rank(self) -> tuple[int, float, float, float]:
        """What plans are compared by, the smaller the better."""
        return self.together, round(self.leaves, 9), round(self.excess, 9), round(self.cost, 9)


def cost_of(instance: Instance, beat: NDArray[np.integer]) -> float:
    """Return border, travel and change of a plan, without penalties, in mean borders."""
    graph, attraction = instance.graph, instance.attraction
    rows = np.repeat(np.arange(len(beat)), np.diff(graph.indptr))
    cost = float(graph.length[beat[rows] != beat[graph.nbr]].sum()) / 2
    if attraction.demand.any():
        held = np.zeros(instance.k, dtype=np.bool_)
        held[attraction.pin[attraction.pin >= 0]] = True
        move_centres(attraction, beat.astype(np.int32), instance.k, held, every=True)
        if attraction.matrix.size:
            far = attraction.matrix[np.arange(len(beat)), attraction.site[beat]]
        else:
            far = np.hypot(
                attraction.x - attraction.centre_x[beat], attraction.y - attraction.centre_y[beat]
            )
        cost += float((attraction.demand * far).sum())
    off = (attraction.home >= 0) & (attraction.home != beat)
    return cost + float(attraction.price[off].sum())


def rate_plan(instance: Instance, beat: Ints32, keep: float, sweeps: int) -> Solved:
    """Return a plan with its cost and what it does not hold."""
    state = make_state(instance, beat, 0, keep)
    return Solved(
        beat.copy(),
        cost_of(instance, beat),
        excess_of(instance, state),
        sweeps,
        leaves=leaving(state),
        together=pairs_together(instance, beat),
    )


def exchanged(instance: Instance, found: Solved, keep: float) -> Solved:
    """Return the plan with numbers exchanged where beats then fit their own bounds better."""
    goal = instance.loads.hi[:, 0]
    free = np.setdiff1d(np.arange(instance.k), instance.attraction.pin)
    if found.excess <= 0 or not free.size or not np.ptp(goal[free]) > 0:
        return found
    load = np.bincount(found.beat, weights=instance.loads.w[:, 0], minlength=instance.k)
    number = np.arange(instance.k, dtype=np.int32)
    number[free[np.argsort(load[free], kind="stable")]] = free[
        np.argsort(goal[free], kind="stable")
    ]
    other = rate_plan(instance, number[found.beat], keep, found.sweeps)
    return other if other.better_than(found) else found


def pinned(instance: Instance, beat: Ints32) -> Ints32:
    """Return the plan with each beat numbered as the node that is pinned in it says."""
    pin = instance.attraction.pin
    number = np.full(instance.k, -1, dtype=np.int32)
    held = np.flatnonzero(pin >= 0)
    number[beat[held]] = pin[held]
    spare = np.setdiff1d(np.arange(instance.k), pin[held])
    number[number < 0] = spare
    return number[beat]


# -- how long a search may take: steps by effort, a deadline, a stop button, a progress line


@dataclass(frozen=True, kw_only=True, slots=True)
class Effort:
    """How often one annealing visits a grid, and how many annealings there are.

    ``windows`` is how many looks go into windows, for each look of one annealing.
    """

    visits: float
    least: int
    most: int
    starts: int
    windows: float = 0.0

    def part(self, share: float, *, travels: bool) -> Effort:
        """Return the effort for a region with this share of the grids.

        Many stations share one search's looks, down to a twentieth each; where distance
        counts, a look costs several times as much, and there are fewer.
        """
        return replace(self, visits=self.visits * max(share, 0.05) / (3.0 if travels else 1.0))

    def sweeps(self, grids: int) -> int:
        """Return the sweeps of one annealing of so many grids."""
        return int(min(self.most, max(self.least, self.visits / max(grids, 1))))


_EFFORTS = {
    "quick": Effort(visits=2.5e6, least=60, most=4_000, starts=1, windows=1.0),
    "normal": Effort(visits=4e7, least=500, most=20_000, starts=2, windows=2.0),
    "thorough": Effort(visits=4e8, least=3_000, most=20_000, starts=8, windows=24.0),
}


def effort_of(name: str) -> Effort:
    """Return the effort of a name: quick, normal or thorough."""
    return _EFFORTS[name]


class Clock:
    """The limits of a search: a deadline, a stop request and progress reports.

    Parameters
    ----------
    seconds
        Wall time from now, or None.
    should_stop
        Asked now and then; True ends the search with the best plan so far.
    """

    def __init__(
        self, seconds: float | None = None, should_stop: Callable[[], bool] | None = None
    ) -> None:
        self.start = perf_counter()
        self.end = np.inf if seconds is None else self.start + seconds
        self._should_stop = should_stop
        self._stopped = False

    def left(self) -> float:
        """Return the seconds left (infinite without a deadline)."""
        return float(self.end - perf_counter())

    def elapsed(self) -> float:
        """Return the seconds since the start."""
        return perf_counter() - self.start

    def stopped(self) -> bool:
        """Return whether the deadline has passed or the user has stopped."""
        if not self._stopped and self._should_stop is not None and self._should_stop():
            self._stopped = True
        return self._stopped or self.left() <= 0

    def part(self, seconds: float) -> Clock:
        """Return a clock that ends after some seconds, or with this one."""
        inner = Clock(min(seconds, self.left()), self._should_stop)
        inner._stopped = self._stopped
        return inner


ReportProgress = Callable[[float], None]


def silent(_share: float) -> None:
    """Report nothing."""


def part_of(report: ReportProgress, begin: float, share: float) -> ReportProgress:
    """Return what tells the progress of one part.

    Parameters
    ----------
    report
        Tells the progress of the whole, 0 to 1.
    begin, share
        Where in the whole the part begins, and how much of the whole it is.
    """
    return lambda part: report(begin + share * min(max(part, 0.0), 1.0))
