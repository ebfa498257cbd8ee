"""A Lagrangian bound for choosing places, and the places it rules out.

Relaxing "each demand has one place" with prices ``u`` leaves, for the problem of least total
cost, ``L(u) = sum_i u_i + min_y sum_j y_j r_j`` with ``r_j = sum_i min(0, c_ij - u_i)``
(Beasley 1985). Every ``L(u)`` is a lower bound; a place whose opening, or closing, would
lift it above the best known cost can be settled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import njit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@njit(cache=True, nogil=True)
def ascend(
    order: Ints,
    ranked: Floats,
    base: Floats,
    prices: Floats,
    price: Floats,
    budget: float,
    state: NDArray[np.int8],
    best_cost: float,
    threshold: float,
    rounds: int,
    pace: float,
    patience: int,
) -> tuple[float, Floats, Floats, Floats]:
    """Climb the dual by subgradients; settle places on the way.

    Parameters
    ----------
    order, ranked
        Places by rising cost for each demand, and those costs, shape (n, m).
    base
        Cost of each demand at its nearest fixed room (infinite without one), shape (n,).
    prices
        Where to start, shape (n,); changed in place to the best found.
    price, budget
        What each place costs, and what may be spent.
    state
        0 free, 1 settled open, -1 settled closed; changed in place.
    best_cost
        Cost of the best solution known.
    threshold
        A bound above this proves that nothing better exists.
    rounds
        How many steps at most.
    pace, patience
        Factor of the first step, and after how many steps without gain it shrinks.

    Returns
    -------
    bound, prices, reduced, often
        Best lower bound, its prices, the reduced cost ``r_j`` of each place there, and how
        often (0 to 1, the last steps most) each place was in the cheapest choice.
    """
    n, width = order.shape
    m = len(price)
    best = -np.inf
    best_u = prices.copy()
    best_r = np.zeros(m)
    u = prices.copy()
    direction = np.zeros(n)
    often = np.zeros(m)
    seen = 0.0
    stale = 0
    for _ in range(rounds):
        r = np.zeros(m)
        slope = np.ones(n)
        total = 0.0
        for i in range(n):
            price_i = u[i]
            total += price_i
            if base[i] < price_i:
                total += base[i] - price_i
                slope[i] -= 1.0
            for k in range(width):
                if ranked[i, k] >= price_i:
                    break
                r[order[i, k]] += ranked[i, k] - price_i
        chosen, worst_in, best_out = _choose(r, price, budget, state)
        for j in range(m):
            total += chosen[j] * r[j]
        seen = 0.95 * seen + 0.05
        for j in range(m):
            often[j] = 0.95 * often[j] + 0.05 * chosen[j]
        if total > best:
            if total > best + 1e-4 * abs(best_cost - best):
                stale = 0
            best = total
            best_u[:] = u
            best_r[:] = r
            _settle(r, price, state, total, threshold, worst_in, best_out)
            if best > threshold:
                break
        else:
            stale += 1
        if stale >= patience:
            pace *= 0.6
            stale = 0
            u[:] = best_u
            if pace < 1e-4:
                break
            continue
        norm = 0.0
        for i in range(n):
            price_i = u[i]
            for k in range(width):
                if ranked[i, k] >= price_i:
                    break
                slope[i] -= chosen[order[i, k]]
            # A little of the last direction steadies the climb.
            direction[i] = slope[i] + 0.3 * direction[i]
            norm += direction[i] * direction[i]
        if norm <= 1e-12:
            break
        step = pace * (1.01 * best_cost - total) / norm
        for i in range(n):
            u[i] = max(0.0, u[i] + step * direction[i])
    prices[:] = best_u
    return best, best_u, best_r, often / max(seen, 1e-12)


@njit(cache=True, nogil=True)
def _choose(
    r: Floats, price: Floats, budget: float, state: NDArray[np.int8]
) -> tuple[Floats, float, float]:
    """Return the cheapest (last one partial) choice, and the rates at its edge."""
    m = len(r)
    chosen = np.zeros(m)
    spent = 0.0
    rate = np.full(m, np.inf)
    for j in range(m):
        if state[j] == 1:
            chosen[j] = 1.0
            spent += price[j]
        elif state[j] == 0:
            rate[j] = r[j] / price[j]
    worst_in, best_out = 0.0, 0.0
    for j in np.argsort(rate):
        if rate[j] >= 0.0:
            break
        left = budget - spent
        if left >= price[j] - 1e-9:
            chosen[j] = 1.0
            spent += price[j]
            worst_in = rate[j]
        else:
            chosen[j] = max(0.0, left / price[j])
            spent += chosen[j] * price[j]
            best_out = rate[j]
            if chosen[j] > 0.0:
                worst_in = rate[j]
            break
    return chosen, worst_in, best_out


@njit(cache=True, nogil=True)
def _settle(
    r: Floats,
    price: Floats,
    state: NDArray[np.int8],
    bound: float,
    threshold: float,
    worst_in: float,
    best_out: float,
) -> None:
    """Close places whose opening, and open those whose closing, passes the threshold."""
    for j in range(len(r)):
        if state[j] == 0:
            # Any multiplier of the budget between the two rates gives this same bound.
            if bound + r[j] - worst_in * price[j] > threshold:
                state[j] = -1
            elif bound - (r[j] - best_out * price[j]) > threshold:
                state[j] = 1
