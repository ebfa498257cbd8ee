"""A proven lower bound on travel: Lagrangian relaxation with balance in the knapsacks.

Minimise the sum of cost(v, j) over grids v and their centre j, with k centres, every grid once
and every beat's workload inside its bounds (Hess et al. 1965). The relaxation prices "every
grid once" with multipliers; what remains is one knapsack per candidate centre, solved as a
linear program, and the k best centres. Contiguity is left out, so the bound holds with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from gridmap.partition._clock import Clock

__all__ = ["Relaxation", "relax_travel"]

Floats = NDArray[np.float64]
_SHIFTS = 12  # steps per entry beyond which sorting afresh is quicker
_MOMENTUM = 0.9  # of the direction before: without it the steps zigzag and end too early
_PATIENCE, _SHORTER = 20, 0.7  # steps without a gain, and what they shorten the steps to


@dataclass(frozen=True, eq=False, slots=True)
class Relaxation:
    """The best bound found, its multipliers (n,), and each centre's knapsack value (n,)."""

    bound: float
    multipliers: Floats
    values: Floats


@njit(cache=True, nogil=True)
def _resort(ratio: Floats, order: NDArray[np.int32]) -> None:
    """Sort an order by ratio, in place; one that was nearly right is quickly mended."""
    n = len(order)
    budget = _SHIFTS * n
    for i in range(1, n):
        v = order[i]
        r = ratio[v]
        at = i - 1
        while at >= 0 and ratio[order[at]] > r:
            order[at + 1] = order[at]
            at -= 1
            budget -= 1
        order[at + 1] = v
        if budget < 0:
            order[:] = np.argsort(ratio)
            return


@njit(cache=True, nogil=True)
def _knapsacks(
    cost: Floats,
    u: Floats,
    w: Floats,
    low: float,
    high: float,
    value: Floats,
    order: NDArray[np.int32],
) -> None:
    """Solve each centre's knapsack; ``cost[j]`` and ``order[j]`` are those of centre j."""
    n = len(w)
    ratio = np.empty(n)
    for j in range(n):
        for v in range(n):
            price = cost[j, v] - u[v]
            ratio[v] = price / w[v] if w[v] > 0 else (-np.inf if price < 0 else np.inf)
        _resort(ratio, order[j])
        value[j] = _fill(cost[j], u, w, low, high, order[j], np.empty(0))


@njit(cache=True, nogil=True)
def _fill(
    cost: Floats,
    u: Floats,
    w: Floats,
    low: float,
    high: float,
    order: NDArray[np.int32],
    taken: Floats,
) -> float:
    """Return one knapsack's value; add the shares taken where there is room for them."""
    room = high
    need = low
    total = 0.0
    for v in order:
        price = cost[v] - u[v]
        if w[v] <= 0:
            if price < 0:
                total += price
                if len(taken):
                    taken[v] += 1.0
            continue
        if price >= 0 and need <= 0:
            break
        share = min(1.0, room / w[v])
        if price >= 0:
            share = min(share, need / w[v])
        total += share * price
        room -= share * w[v]
        need -= share * w[v]
        if len(taken):
            taken[v] += share
        if room <= 0:
            break
    return total


def relax_travel(
    cost: Floats,
    weight: Floats,
    bounds: tuple[float, float],
    beats: int,
    upper: float,
    *,
    clock: Clock,
    steps: int = 600,
    goal: float = 0.0,
) -> Relaxation:
    """Return the bound after deflected subgradient steps (Camerini, Fratta and Maffioli 1975).

    Their length is Polyak's, and shortened when the bound stalls.

    Parameters
    ----------
    cost
        Cost (n, n) of grid v with centre j, in any unit.
    weight, bounds
        Workload (n,), and lowest and highest workload of a beat, both allowed.
    upper
        Cost of a known plan.
    steps
        A cap on the subgradient steps.
    goal
        Stop when (upper - bound) / upper is at most this.
    """
    n = len(weight)
    u = np.sort(cost, axis=1)[:, : max(2, n // beats)].mean(axis=1)
    value, taken = np.zeros(n), np.zeros(n)
    turned = np.ascontiguousarray(cost.T)
    order = np.argsort(turned, axis=1).astype(np.int32)
    best = Relaxation(-np.inf, u, value)
    length, stalled = 1.0, 0
    way = np.zeros(n)
    low, high = max(bounds[0], 0.0), bounds[1]
    for _ in range(steps):
        _knapsacks(turned, u, weight, low, high, value, order)
        picked = np.argsort(value, kind="stable")[:beats]
        bound = float(u.sum() + value[picked].sum())
        taken[:] = 0.0
        for j in picked:
            _fill(turned[j], u, weight, low, high, order[j], taken)
        if bound > best.bound + 1e-7 * abs(upper):
            stalled = 0
        else:
            stalled += 1
        if bound > best.bound:
            best = Relaxation(bound, u.copy(), value.copy())
        if stalled >= _PATIENCE:
            length, stalled = length * _SHORTER, 0
            u = best.multipliers.copy()
            way[:] = 0.0
        way = _MOMENTUM * way + 1.0 - taken
        norm = float((way**2).sum())
        if norm < 1e-12 or length < 1e-4 or clock.stopped():
            break
        if upper - best.bound <= goal * abs(upper):
            break
        u = u + length * max(upper * 1.0005 - bound, 1e-9 * abs(upper)) / norm * way
    return best
