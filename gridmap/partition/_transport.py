"""Least-squares flow between beats, and surplus passed along ejection chains.

Annealing evens out neighbours. Where every beat of a quarter carries a little too much, and
those with room lie ten beats away, nothing makes a beat in between pass workload through;

the quarter freezes so, and being brought inside the bounds afterwards costs border. The least
flow between neighbouring beats that puts all inside their bounds (least in squares) is known
in a moment: its potential says who should pass how much to whom, and each beat's bounds are
moved against its potential for as long as the plan can still move.

What is left afterwards is handed from beat to beat along the shortest way to one with room
(ejection chains), each pair on the way being divided again so that the first is right and the
next takes the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gridmap._compiled import njit
from gridmap.partition._arrays import (
    Graph,
    Instance,
    Loads,
    State,
    make_state,
    members_of,
    refresh_state,
)
from gridmap.partition._recombine import TreeRoom, is_plain, recombine_pair, tree_room
from gridmap.typing import Bools, Floats, Ints, Ints32

_ROUNDS = 60
_RELAX = 1.6  # successive over-relaxation (Young 1954)
_ENOUGH = 1e-3  # half widths of the bounds
_LEAN = 3.0  # half widths by which bounds move at most
_WOUND = 30.0  # half widths a potential may reach, where nothing can flow
_SWUNG = -0.7  # correlation of two potentials, one after the other
_LESS, _MORE = 0.6, 1.1
_FAR_OFF = 4.0  # half widths outside, without a gain of a tenth
_GAINED, _WAIT = 0.9, 5  # for so many looks: what is asked of a beat cannot be


def beat_pairs(instance: Instance, state: State) -> tuple[Ints, Ints]:
    """Return pairs of neighbouring beats, both ways round, sorted."""
    graph = instance.graph
    near = np.empty(len(graph.nbr), dtype=np.int64)
    count = np.zeros(instance.k, dtype=np.int64)
    found = _pairs(graph.indptr, graph.nbr, state.beat, count, near)
    return np.repeat(np.arange(instance.k), count), near[:found]


@njit(cache=True, nogil=True)
def _pairs(
    indptr: np.ndarray, nbr: np.ndarray, beat: np.ndarray, count: np.ndarray, near: np.ndarray
) -> int:
    """Write each beat's neighbours, one beat after the other, and their number."""
    k = len(count)
    begin, own = members_of(beat, k)
    seen = np.full(k, -1, np.int64)
    found = 0
    for b in range(k):
        first = found
        seen[b] = b
        for i in range(begin[b], begin[b + 1]):
            for e in range(indptr[own[i]], indptr[own[i] + 1]):
                c = beat[nbr[e]]
                if seen[c] != b:
                    seen[c] = b
                    near[found] = c
                    found += 1
        count[b] = found - first
        near[first:found].sort()
    return found


class Transport:
    """The flow of workload between beats, and how far it shifts their bounds.

    Parameters
    ----------
    gain
        Half widths of lean for a potential of one half width. Where beats lean so far that
        the flow turns round, it is taken back by itself.
    """

    def __init__(self, instance: Instance, gain: float) -> None:
        loads = instance.loads
        self._wanted = self._gain = gain
        self._bounded = np.flatnonzero((np.isfinite(loads.lo) & np.isfinite(loads.hi)).all(axis=0))
        self._potential = np.zeros(loads.lo.shape)
        self._half = np.zeros(loads.lo.shape)
        own = self._bounded
        self._half[:, own] = (loads.hi[:, own] - loads.lo[:, own]) / 2
        self._least = np.full(loads.lo.shape, np.inf)
        self._waited = np.zeros(loads.lo.shape, dtype=np.int64)

    def follow(self, instance: Instance, state: State) -> None:
        """Compute the flow that a plan needs."""
        rows, cols = beat_pairs(instance, state)
        ptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=instance.k))])
        alike = before = now = 0.0
        for c in self._bounded:
            half, total = self._half[:, c], state.total[:, c]
            lo, hi = instance.loads.lo[:, c], instance.loads.hi[:, c]
            hopeless = self._hopeless(int(c), np.maximum(total - hi, lo - total))
            found = flow_potential(
                ptr,
                cols,
                total,
                np.where(hopeless, np.minimum(lo, total), lo),
                np.where(hopeless, np.maximum(hi, total), hi),
                self._potential[:, c],
            )
            unit = max(float(half.mean()), 1e-12)
            last, next_ = self._potential[:, c] / unit, found / unit
            alike += float(last @ next_)
            before += float(last @ last)
            now += float(next_ @ next_)
            self._potential[:, c] = np.clip(found, -_WOUND * half, _WOUND * half)
        swung = alike < _SWUNG * np.sqrt(before * now)
        self._gain = self._gain * _LESS if swung else min(self._wanted, self._gain * _MORE)

    def _hopeless(self, criterion: int, excess: Floats) -> Bools:
        """Return which beats stay far outside their bounds, whatever flows.

        A grid heavier than a beat, or grids that are to be apart, hold a beat where it is. Its
        neighbours would shift their bounds for it as far as possible, without effect.
        """
        far = excess > _FAR_OFF * self._half[:, criterion]
        least, waited = self._least[:, criterion], self._waited[:, criterion]
        gained = excess < _GAINED * least
        np.minimum(least, excess, out=least)
        waited[:] = np.where(far & ~gained, waited + 1, 0)
        return np.asarray(waited > _WAIT)

    def leaning(self, loads: Loads) -> Loads:
        """Return the loads with bounds moved against the potential."""
        lean = np.clip(self._gain * self._potential, -_LEAN * self._half, _LEAN * self._half)
        return loads._replace(lo=loads.lo - lean, hi=loads.hi - lean)


def flow_potential(
    ptr: Ints, cols: Ints, total: Floats, lo: Floats, hi: Floats, start: Floats
) -> Floats:
    """Return the potential of the least flow that puts every beat inside its bounds.

    The flow from p to q is the difference of their potentials; the sum of its squares is
    least. Solved by relaxation: a beat's potential is what its own bounds ask for, its
    neighbours' given, and zero where it is inside anyway.

    Parameters
    ----------
    ptr, cols
        Neighbouring beats of each beat, as in a CSR matrix.
    total, lo, hi
        Workload of each beat and its bounds (k,). Where all together don't fit, bounds give
        way evenly.
    start
        A potential to begin from (k,).
    """
    surplus = max(0.0, float(total.sum() - hi.sum())) / len(total)
    lack = max(0.0, float(lo.sum() - total.sum())) / len(total)
    enough = _ENOUGH * max(float((hi - lo).mean()) / 2, 1e-300)
    load = np.ascontiguousarray(total)  # one kind of array, one compilation
    return np.asarray(
        _relaxed(ptr, cols, load, lo - lack, hi + surplus, start.copy(), _ROUNDS, enough)
    )


@njit(cache=True, nogil=True)
def _relaxed(
    ptr: np.ndarray,
    cols: np.ndarray,
    total: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    potential: np.ndarray,
    rounds: int,
    enough: float,
) -> np.ndarray:
    for _ in range(rounds):
        worst = 0.0
        for b in range(len(total)):
            degree = ptr[b + 1] - ptr[b]
            if degree == 0:
                continue
            around = 0.0
            for e in range(ptr[b], ptr[b + 1]):
                around += potential[cols[e]]
            # Positive sheds down to the upper bound, negative takes up to the lower one.
            wanted = max((total[b] - hi[b] + around) / degree, 0.0)
            wanted += min((total[b] - lo[b] + around) / degree, 0.0)
            change = _RELAX * (wanted - potential[b])
            potential[b] += change
            worst = max(worst, abs(change))
        if worst < enough:
            break
    return potential


_TURNS = 40  # of each beat outside its bounds
_TREES = 30  # random trees tried for each pair on the way


def mend_balance(
    instance: Instance,
    beat: Ints32,
    *,
    seed: int,
    keep: float = np.inf,
    stopped: Callable[[], bool] | None = None,
) -> Ints32:
    """Return the plan with as many beats brought inside their bounds as can be.

    Parameters
    ----------
    beat
        A plan with every beat in one piece; it stays so.
    stopped
        Asked before each turn; True ends the mending.
    """
    state = make_state(instance, beat, seed, keep)
    room = tree_room(len(beat), len(instance.graph.nbr), instance.loads.w.shape[1])
    rng = np.random.default_rng([seed, 1])
    for turn in range(_TURNS):
        over = _excess(instance, state)
        outside = np.flatnonzero(over > 0)
        if not outside.size or instance.k < 2:
            break
        ways = beat_pairs(instance, state)
        # Each round tries other ways than the last.
        detour = rng.random(len(ways[0])) * min(turn, 6)
        for source in outside[np.argsort(-over[outside], kind="stable")]:
            if stopped is not None and stopped():
                return state.beat
            _turn(instance, state, int(source), (*ways, detour), room)
    return state.beat


def _excess(instance: Instance, state: State) -> Floats:
    loads = instance.loads
    over = np.maximum(state.total - loads.hi, loads.lo - state.total) * loads.scale
    return np.asarray(np.maximum(over, 0.0).max(axis=1))


def _turn(
    instance: Instance, state: State, source: int, ways: tuple[Ints, Ints, Floats], room: TreeRoom
) -> None:
    """Pass one beat's surplus on; put everything back unless the plan is nearer its bounds."""
    before = _excess(instance, state)
    if before[source] <= 0:
        return
    saved = state.beat.copy()
    way = _way(instance, state, source, ways)
    for p, q in pairwise(way):
        root = _border_grid(instance.graph, state.beat, p, q)
        if root < 0:  # what was handed over before has parted them
            break
        _hand_over(instance, state, root, p, q, _TREES, is_plain(instance.attraction), room)
        if _excess(instance, state)[q] <= 0:
            break
    after = _excess(instance, state)
    if (after**2).sum() >= (before**2).sum() * (1 - 1e-9):
        state.beat[:] = saved
        refresh_state(instance, state)


def _way(
    instance: Instance, state: State, source: int, ways: tuple[Ints, Ints, Floats]
) -> list[int]:
    """Return beats from the source to the nearest one that can take its surplus or lack.

    Each step costs one, and up to one more where the beat on the way has no slack itself.
    """
    loads, k = instance.loads, instance.k
    total = state.total[:, 0]
    lack = total[source] < loads.lo[source, 0]
    off = loads.lo[source, 0] - total[source] if lack else total[source] - loads.hi[source, 0]
    spare = total - loads.lo[:, 0] if lack else loads.hi[:, 0] - total
    rows, cols, detour = ways
    cost = 1.0 + detour + np.clip(1.0 - spare[cols] / max(off, 1e-12), 0.0, 1.0)
    ptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=k))])
    far, before = dijkstra(
        csr_array((cost, cols, ptr), (k, k)), indices=source, return_predecessors=True
    )
    reach = np.isfinite(far) & (np.arange(k) != source)
    goals = np.flatnonzero(reach & (spare >= off * 0.999))
    if not goals.size:
        goals = np.flatnonzero(reach & (spare > 0))
    if not goals.size:
        goals = np.flatnonzero(reach)
    if not goals.size:
        return [source]
    way = [int(goals[np.argmin(far[goals])])]
    while way[-1] != source:
        way.append(int(before[way[-1]]))
    return way[::-1]


@njit(cache=True, nogil=True)
def _border_grid(graph: Graph, owner: np.ndarray, p: int, q: int) -> int:
    """Return the first grid of a beat that borders on another beat, or -1."""
    for v in range(len(owner)):
        if owner[v] == p:
            for e in range(graph.indptr[v], graph.indptr[v + 1]):
                if owner[graph.nbr[e]] == q:
                    return v
    return -1


@njit(cache=True, nogil=True)
def _hand_over(
    instance: Instance,
    state: State,
    root: int,
    p: int,
    q: int,
    trees: int,
    plain: bool,  # noqa: FBT001 - compiled: no keywords
    room: TreeRoom,
) -> None:
    """Redivide two beats, by several trees, until the first is inside its bounds.

    The first beat's penalty outweighs the other's, so the rest of the surplus moves on.
    """
    loads = instance.loads
    for _ in range(trees):
        recombine_pair(instance, state, root, p, q, 0.0, 1e7, 1e5, plain, room)
        right = True
        for c in range(loads.w.shape[1]):
            right &= loads.lo[p, c] <= state.total[p, c] <= loads.hi[p, c]
        if right:
            return
