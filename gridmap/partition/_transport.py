"""Least-squares flow of workload between beats.

Annealing evens out neighbours. Where every beat of a quarter carries a little too much, and
those with room lie ten beats away, nothing makes a beat in between pass workload through;
the quarter freezes so, and being brought inside the bounds afterwards costs border. The least
flow between neighbouring beats that puts all inside their bounds (least in squares) is known
in a moment: its potential says who should pass how much to whom, and each beat's bounds are
moved against its potential for as long as the plan can still move.
"""

from __future__ import annotations

import numpy as np

from gridmap._compiled import njit
from gridmap.partition._arrays import Instance, Loads, State, members_of
from gridmap.typing import Bools, Floats, Ints

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
