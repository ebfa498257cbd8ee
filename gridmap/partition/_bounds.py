"""A proven lower bound on travel: Lagrangian relaxation with balance in the knapsacks.

Minimise the sum of cost(v, j) over grids v and their centre j, with k centres, every grid once
and every beat's workload inside its bounds (Hess et al. 1965). The relaxation prices "every
grid once" with multipliers; what remains is one knapsack per centre, solved as a linear
program, and the k best centres. Contiguity is left out, so the bound holds with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import njit
from gridmap.partition._clock import Clock
from gridmap.partition._knapsack import NEVER, Pairs, knapsack
from gridmap.partition._task import TravelTask

__all__ = ["AT_A_NODE", "AT_THE_ROOT", "IN_A_HURRY", "Descent", "Relaxation", "relax_travel"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
_AT_ONCE = 20  # steps between two looks at the clock
_MOMENTUM = 0.9  # of the direction before: without it the steps zigzag and end too early
_FORGET = 0.93  # of how often a centre was chosen, at each step
_GAIN = 1e-7  # of the bound
_EPSILON = 4e-16  # of a sum's terms, for each: a bound is rounded down


class Descent(NamedTuple):
    """How long steps are at first, how they shorten, and where they end.

    Lengths are Polyak's; after ``patience`` steps without a gain they are shortened.
    """

    first: float
    patience: int
    shorter: float
    shortest: float


IN_A_HURRY = Descent(1.0, 20, 0.7, 1e-4)
AT_THE_ROOT = Descent(1.0, 40, 0.7, 1e-4)  # a better bound, in twice the steps
AT_A_NODE = Descent(0.5, 40, 0.6, 0.02)


@dataclass(frozen=True, eq=False, slots=True)
class Relaxation:
    """The best bound found and what belongs to it.

    Attributes
    ----------
    bound
        `NEVER` or more where nothing is left to choose from.
    multipliers, values
        Worth of each grid (n,), and each centre's knapsack (m,).
    often
        How often each centre was chosen of late, 0 to 1 (m,).
    """

    bound: float
    multipliers: Floats
    values: Floats
    often: Floats


def relax_travel(
    task: TravelTask,
    pairs: Pairs,
    beats: int,
    upper: float,
    *,
    start: Floats,
    clock: Clock,
    steps: int,
    alive: Flags | None = None,
    area: Integers | None = None,
    descent: Descent = AT_THE_ROOT,
) -> Relaxation:
    """Return the bound after deflected subgradient steps (Camerini, Fratta and Maffioli 1975).

    Their length is Polyak's, and shortened when the bound stalls.

    Parameters
    ----------
    pairs
        Which centre may have which grid, and what it costs.
    upper
        Cost of a known plan; a bound as high ends the search.
    start
        Multipliers to begin from (n,).
    steps
        A cap on the subgradient steps.
    alive
        Centres that may be open (m,); all if None.
    area
        The area that a centre is in (m,), -1 for none; each area has a centre at least.
    """
    n, m = len(task.weight), len(pairs.own)
    alive = np.ones(m, dtype=np.bool_) if alive is None else alive
    area = np.full(m, -1, dtype=np.int64) if area is None else area
    u, way, best = start.copy(), np.zeros(n), start.copy()
    value, often = np.full(m, NEVER), np.zeros(m)
    course = np.array(
        [-np.inf, descent.first, 0.0, 0.0]
    )  # bound, length, steps without gain, ended
    for done in range(0, steps, _AT_ONCE):
        _descend(
            pairs,
            task.weight,
            max(task.bounds[0], 0.0),
            task.bounds[1],
            beats,
            alive,
            area,
            upper,
            descent,
            min(_AT_ONCE, steps - done),
            u,
            way,
            best,
            value,
            often,
            course,
        )
        if course[3] > 0 or clock.stopped():
            break
    return Relaxation(float(course[0]), best, value, often)


@njit(cache=True, nogil=True)
def _descend(
    pairs: Pairs,
    w: Floats,
    low: float,
    high: float,
    beats: int,
    alive: Flags,
    area: Integers,
    upper: float,
    descent: Descent,
    steps: int,
    u: Floats,
    way: Floats,
    best_u: Floats,
    best_value: Floats,
    often: Floats,
    course: Floats,
) -> None:
    n, m = len(w), len(alive)
    ratio, taken = np.empty(n), np.empty(n)
    none = np.empty(0)
    value = np.full(m, NEVER)
    chosen = np.zeros(m, np.bool_)
    first = np.empty(area.max() + 1, np.int64)
    for _ in range(steps):
        first[:] = -1
        chosen[:] = False
        for c in range(m):
            if alive[c]:
                value[c] = knapsack(pairs, c, u, w, low, high, ratio, none)[0]
                a = area[c]
                if a >= 0 and (first[a] < 0 or value[c] < value[first[a]]):
                    first[a] = c
        count = 0
        total = 0.0
        for a in range(len(first)):
            if first[a] >= 0:
                chosen[first[a]] = True
                count += 1
                total += value[first[a]]
            else:
                total = NEVER
        if count < beats:
            for c in np.argsort(value):
                if count == beats:
                    break
                if not chosen[c]:
                    chosen[c] = True
                    count += 1
                    total += value[c]
        if total >= NEVER / 2 or count > beats:
            course[0] = NEVER
            course[3] = 1.0
            return
        bound = u.sum() + total
        bound -= _EPSILON * (n + beats) * (np.abs(u).sum() + abs(total))
        taken[:] = 0.0
        for c in range(m):
            often[c] *= _FORGET
            if chosen[c]:
                often[c] += 1.0 - _FORGET
                knapsack(pairs, c, u, w, low, high, ratio, taken)
        course[2] = 0.0 if bound > course[0] + _GAIN * abs(upper) else course[2] + 1.0
        if bound > course[0]:
            course[0] = bound
            best_u[:] = u
            best_value[:] = value
        if course[2] >= descent.patience:
            course[1] *= descent.shorter
            course[2] = 0.0
            u[:] = best_u
            way[:] = 0.0
        way[:] = _MOMENTUM * way + 1.0 - taken
        norm = (way**2).sum()
        if norm < 1e-9 or course[1] < descent.shortest or course[0] >= upper:
            course[3] = 1.0
            return
        u += course[1] * max(upper * 1.0005 - bound, 1e-9 * abs(upper)) / norm * way
