"""Least total cost: exchange finds places, a dual bounds them, branching closes the gap.

Good places are found quickly by greedy opening, then exchanging one for another: Teitz and Bart's
interchange with Whitaker's bookkeeping: the gain of every pair (in, out) is found in one pass over
the demands near each place that might come in. A demand that a place serves no better than the
fixed rooms do is not near it, so covering models are sparse.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import njit
from gridmap.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    from gridmap.siting.answer import Limits


@dataclass(frozen=True, eq=False)
class Near:
    """The demands that each place serves better than the fixed rooms do.

    Parameters
    ----------
    starts, demand, cost
        Place ``j`` serves ``demand[starts[j]:starts[j + 1]]`` at those costs.
    base
        Cost of each demand at its nearest fixed room, or a cost above all others.
    price, budget
        What each place costs, and what may be spent.
    conflict
        Pairs of places that may not both open, shape (m, m), or (0, 0) for none.
    """

    starts: Ints
    demand: Ints
    cost: Floats
    base: Floats
    price: Floats
    budget: float
    conflict: Bools

    @classmethod
    def build(
        cls, cost: Floats, base: Floats, spending: tuple[Floats, float], conflict: Bools
    ) -> Near:
        """Return the near demands of a table of costs, shape (n, m)."""
        top = 2.0 * max(float(cost.max(initial=0.0)), 1.0)
        capped = np.where(np.isfinite(base), base, top)
        place, demand = np.nonzero(capped > cost.T)
        starts = np.searchsorted(place, np.arange(cost.shape[1] + 1))
        return cls(starts, demand, cost[demand, place], capped, *spending, conflict)


def open_greedily(near: Near, opened: Bools) -> None:
    """Open what saves most for its price until nothing fits; ``opened`` changes in place."""
    _greedy(
        (near.starts, near.demand, near.cost),
        near.base,
        near.price,
        near.budget,
        near.conflict,
        opened,
    )


def exchange(near: Near, opened: Bools, locked: Bools) -> float:
    """Exchange places while the total falls; return the total. ``opened`` changes in place.

    Places in ``locked`` are neither opened nor closed.
    """
    lists = (near.starts, near.demand, near.cost)
    limits = (near.price, near.budget, near.conflict)
    total: float = _interchange(lists, near.base, limits, opened, locked)
    return total


@njit(cache=True, nogil=True)
def _greedy(
    lists: tuple[Ints, Ints, Floats],
    base: Floats,
    price: Floats,
    budget: float,
    conflict: Bools,
    opened: Bools,
) -> None:
    starts, demand, cost = lists
    m = len(price)
    now = base.copy()
    spent = 0.0
    for j in range(m):
        if opened[j]:
            spent += price[j]
            for k in range(starts[j], starts[j + 1]):
                now[demand[k]] = min(now[demand[k]], cost[k])
    while True:
        best, pick = 0.0, -1
        for j in range(m):
            if opened[j] or spent + price[j] > budget + 1e-9 or _clashes(conflict, opened, j) > 0:
                continue
            gain = 0.0
            for k in range(starts[j], starts[j + 1]):
                gain += max(0.0, now[demand[k]] - cost[k])
            if pick < 0 or gain / price[j] > best:
                best, pick = gain / price[j], j
        if pick < 0:
            return
        opened[pick] = True
        spent += price[pick]
        for k in range(starts[pick], starts[pick + 1]):
            now[demand[k]] = min(now[demand[k]], cost[k])


@njit(cache=True, nogil=True)
def _interchange(
    lists: tuple[Ints, Ints, Floats],
    base: Floats,
    limits: tuple[Floats, float, Bools],
    opened: Bools,
    locked: Bools,
) -> float:
    starts, demand, cost = lists
    price, budget, conflict = limits
    m, n = len(price), len(base)
    nearest, second = np.empty(n), np.empty(n)
    server = np.empty(n, np.int64)
    total = np.inf
    while True:
        inside = np.flatnonzero(opened)
        usual, loss = np.zeros(len(inside)), np.zeros(len(inside))
        _assign(lists, base, inside, nearest, second, server)
        now = nearest.sum()
        if now >= total - 1e-9 * (1.0 + abs(now)):
            break
        total = now
        for i in range(n):
            if server[i] >= 0:
                usual[server[i]] += second[i] - nearest[i]
        spent = (price * opened).sum()
        best, best_in, best_out = 1e-9 * (1.0 + total), -1, -1
        for j in range(m):
            if opened[j] or locked[j]:
                continue
            clashes = _clashes(conflict, opened, j)
            if clashes > 1:
                continue
            gain = 0.0
            loss[:] = usual
            for k in range(starts[j], starts[j + 1]):
                i, here = demand[k], cost[k]
                if here < nearest[i]:
                    gain += nearest[i] - here
                    if server[i] >= 0:
                        loss[server[i]] -= second[i] - nearest[i]
                elif server[i] >= 0 and here < second[i]:
                    loss[server[i]] -= second[i] - here
            if gain <= best:
                continue
            for slot in range(len(inside)):
                k = inside[slot]
                if locked[k] or (clashes == 1 and not conflict[j, k]):
                    continue
                if gain - loss[slot] > best and spent - price[k] + price[j] <= budget + 1e-9:
                    best, best_in, best_out = gain - loss[slot], j, k
        if best_in < 0:
            break
        opened[best_in] = True
        opened[best_out] = False
    return total


@njit(cache=True, nogil=True)
def _clashes(conflict: Bools, opened: Bools, place: int) -> int:
    count = 0
    for k in range(len(conflict)):
        if opened[k] and conflict[place, k]:
            count += 1
    return count


@njit(cache=True, nogil=True)
def _assign(
    lists: tuple[Ints, Ints, Floats],
    base: Floats,
    inside: Ints,
    nearest: Floats,
    second: Floats,
    server: Ints,
) -> None:
    starts, demand, cost = lists
    nearest[:] = base
    second[:] = base
    server[:] = -1
    for slot in range(len(inside)):
        for k in range(starts[inside[slot]], starts[inside[slot] + 1]):
            i, here = demand[k], cost[k]
            if here < nearest[i]:
                second[i] = nearest[i]
                nearest[i] = here
                server[i] = slot
            elif here < second[i]:
                second[i] = here


States = NDArray[np.int8]

_ROUNDS = 150  # steps of the dual between two looks for better places
_NODE_ROUNDS = 40  # steps of the dual at each node of the branching


@dataclass(eq=False)
class _CostSearch:
    """The state of one search: the best places known and the bound."""

    near: Near
    cost: Floats
    base: Floats
    limits: Limits
    worth: float | None = None
    integral: bool = False
    best: float = np.inf
    opened: Bools | None = None
    bound: float = -np.inf

    def is_closed(self) -> bool:
        """Return whether the best known is as good as was asked for."""
        return self.bound > self.threshold

    def offer(self, opened: Bools, total: float) -> None:
        """Keep places that are allowed and better than the best known."""
        if self.near.price[opened].sum() > self.near.budget + 1e-9:
            return
        if len(self.near.conflict) and self.near.conflict[np.ix_(opened, opened)].any():
            return
        if total < self.best - 1e-9 * (1.0 + abs(total)):
            self.best, self.opened = total, opened.copy()

    def fill(self, opened: Bools, order: Ints) -> None:
        """Open places in an order while they fit and clash with none; ``opened`` changes."""
        near = self.near
        spent = float(near.price[opened].sum())
        for j in order.tolist():
            clash = len(near.conflict) and (near.conflict[j] & opened).any()
            if spent + near.price[j] <= near.budget + 1e-9 and not clash:
                opened[j] = True
                spent += near.price[j]

    @property
    def threshold(self) -> float:
        """The bound above which nothing better, or not enough better, exists."""
        if self.integral:
            return self.best - 1.0 + 1e-6
        against = self.best if self.worth is None else self.worth - self.best
        slack = max(1e-9 * abs(self.best), self.limits.gap * abs(against))
        return self.best - slack


def least_cost(
    cost: Floats,
    base: Floats,
    limits: Limits,
    *,
    prices: Floats | None = None,
    guess: Floats | None = None,
    worth: float | None = None,
) -> tuple[Ints, float, float]:
    """Return places of least total cost, that cost, and a lower bound.

    Parameters
    ----------
    cost
        Weighted cost of each demand at each place, finite, shape (n, m).
    base
        Cost of each demand at its nearest fixed room, infinite without one, shape (n,).
    limits
        How many places, or what they may cost; time and gap.
    prices
        Prices of the demands that are known to bound well, shape (n,).
    guess
        How much of each place a relaxation opens: where to look for good choices.
    worth
        What the gap is a share of, less the cost; the cost itself if None.
    """
    m = cost.shape[1]
    price, budget = limits.spending(m)
    by_place = np.ascontiguousarray(cost.T)
    near = Near.build(cost, base, (price, budget), limits.conflict_matrix(m))
    search = _CostSearch(near, by_place, base, limits, worth)
    search.integral = bool(
        limits.gap == 0.0
        and (cost == np.round(cost)).all()
        and (base[np.isfinite(base)] % 1.0 == 0.0).all()
    )
    search.bound = float(np.minimum(cost.min(axis=1), base).sum())
    rng = np.random.default_rng(limits.seed)
    opened, locked = np.zeros(m, dtype=bool), np.zeros(m, dtype=bool)
    open_greedily(near, opened)
    search.offer(opened, exchange(search.near, opened, locked))
    order = np.argsort(cost, axis=1, kind="stable")
    ranked = np.take_along_axis(cost, order, axis=1)
    often = np.zeros(m)
    pace = 1.0 if prices is None else 0.05
    if prices is None:
        prices = np.minimum(ranked[:, min(1, m - 1)], base)
    state = np.zeros(m, dtype=np.int8)
    while limits.left() > 0.0:
        free_before = int((state == 0).sum())
        bound_before = search.bound
        bound, prices, reduced, often = ascend(
            order,
            ranked,
            base,
            prices,
            price,
            budget,
            state,
            search.best,
            search.threshold,
            _ROUNDS,
            pace,
            25,
        )
        search.bound = max(search.bound, bound)
        if search.is_closed():
            break
        _look(search, reduced, state, rng)
        if search.is_closed():
            break
        free = int((state == 0).sum())
        if free < free_before:
            order, ranked = _without_closed(order, ranked, state)
        still = search.bound - bound_before <= 1e-4 * abs(search.best - search.bound)
        if free <= 12 or (still and free == free_before):
            break
    # Where a gap is allowed, better places close it sooner than branching does.
    patience = limits.elapsed() + 0.4 * limits.left() if limits.gap > 0.0 else 0.0
    while not search.is_closed() and limits.elapsed() < patience:
        if guess is not None:
            _draw(search, guess, rng)
        _shake(search, np.asarray(state == -1), rng)
    _branch(search, state, (order, ranked), prices, often)
    assert search.opened is not None  # noqa: S101 - greedy always offers
    chosen = np.flatnonzero(search.opened)
    return chosen, search.best, min(search.bound, search.best)


def good_places(cost: Floats, base: Floats, limits: Limits) -> Bools:
    """Return good places without a bound: greedy opening, interchange, a little shaking.

    Parameters
    ----------
    cost, base, limits
        As for `least_cost`.
    """
    m = cost.shape[1]
    price, budget = limits.spending(m)
    by_place = np.ascontiguousarray(cost.T)
    near = Near.build(cost, base, (price, budget), limits.conflict_matrix(m))
    search = _CostSearch(near, by_place, base, limits)
    opened, none = np.zeros(m, dtype=bool), np.zeros(m, dtype=bool)
    open_greedily(near, opened)
    search.offer(opened, exchange(search.near, opened, none))
    _shake(search, none, np.random.default_rng(limits.seed))
    assert search.opened is not None  # noqa: S101 - greedy always offers
    return search.opened


def _look(search: _CostSearch, reduced: Floats, state: States, rng: np.random.Generator) -> None:
    """Look for better places: those the bound favours, then shaken copies of the best."""
    _round(search, state, reduced)
    _shake(search, np.asarray(state == -1), rng)


def _draw(search: _CostSearch, guess: Floats, rng: np.random.Generator) -> None:
    """Open random places, weighted by a relaxation, then improve them by exchange."""
    opened = np.zeros(len(guess), dtype=bool)
    # The largest of log(u) / share is a draw without replacement (Efraimidis, Spirakis 2006).
    order = np.argsort(-np.log(rng.random(len(guess))) / np.maximum(guess, 1e-6))
    search.fill(opened, order)
    search.offer(opened, exchange(search.near, opened, np.zeros(len(guess), dtype=bool)))


def _shake(
    search: _CostSearch, locked: Bools, rng: np.random.Generator, *, tries: int = 4
) -> None:
    """Close a few of the best places, open others by chance, and exchange again."""
    m = len(locked)
    for _ in range(tries):
        if search.opened is None or search.limits.left() <= 0.0 or search.is_closed():
            return
        opened = search.opened.copy()
        inside = np.flatnonzero(opened)
        out = rng.choice(inside, min(len(inside), int(rng.integers(2, 5))), replace=False)
        opened[out] = False
        clash = (
            search.near.conflict[:, opened].any(axis=1)
            if len(search.near.conflict)
            else np.zeros(m, bool)
        )
        outside = np.flatnonzero(~opened & ~locked & ~clash)
        search.fill(opened, rng.permutation(outside))
        search.offer(opened, exchange(search.near, opened, locked))


def _without_closed(order: Ints, ranked: Floats, state: States) -> tuple[Ints, Floats]:
    """Return the ranked places of each demand without those settled closed."""
    keep = state[order] >= 0
    width = int(keep[0].sum())
    n = len(order)
    return order[keep].reshape(n, width), ranked[keep].reshape(n, width)


def _branch(
    search: _CostSearch, state: States, ranks: tuple[Ints, Floats], prices: Floats, often: Floats
) -> None:
    """Open or close one place at a time, the lowest bound first, until the gap is closed."""
    whole_bound = search.bound if (state == 0).all() else -np.inf
    order, ranked = _without_closed(*ranks, state)
    number = count()
    heap = [(search.bound, next(number), state, prices, often)]
    settled = np.inf  # the lowest bound of what was given up as good enough
    while heap and search.limits.left() > 0.0:
        bound, _, state, prices, often = heapq.heappop(heap)
        search.bound = max(search.bound, min(bound, settled, search.best))
        if bound > search.threshold:
            settled = min(settled, bound)
            heap.clear()  # the others are no lower
            break
        if not _spread(search, state):
            continue
        free = np.flatnonzero(state == 0)
        if len(free) == 0:
            _leaf(search, state)
            continue
        pick = int(free[np.argmin(np.abs(often[free] - 0.5))])
        for side in (1, -1):
            child = state.copy()
            child[pick] = side
            if not _spread(search, child):
                continue
            if (child != 0).all():
                _leaf(search, child)
                continue
            its_bound, its_prices, reduced, its_often = ascend(
                order,
                ranked,
                search.base,
                prices.copy(),
                search.near.price,
                search.near.budget,
                child,
                search.best,
                search.threshold,
                _NODE_ROUNDS,
                0.3,
                6,
            )
            if its_bound > search.threshold:
                settled = min(settled, its_bound)
                continue
            if next(number) % 16 == 0:
                _round(search, child, reduced)
            heapq.heappush(
                heap, (max(bound, its_bound), next(number), child, its_prices, its_often)
            )
    left = heap[0][0] if heap else np.inf  # of what there was no time to look at
    search.bound = max(search.bound, min(settled, left, search.best))
    if search.limits.gap > 0.0:
        # Places were ruled out only for what lies above the threshold.
        search.bound = min(search.bound, max(search.threshold, whole_bound))
    elif not heap:
        search.bound = search.best
    if search.integral:
        search.bound = min(np.ceil(search.bound - 1e-6), search.best)
    elif search.best - search.bound <= 2e-9 * abs(search.best):
        search.bound = search.best


def _spread(search: _CostSearch, state: States) -> bool:
    """Close what an open place or the budget rules out; return whether it is possible."""
    opened = state == 1
    left = search.near.budget - search.near.price[opened].sum()
    if left < -1e-9:
        return False
    if len(search.near.conflict):
        clash = search.near.conflict[:, opened].any(axis=1)
        if (clash & opened).any():
            return False
        state[clash] = -1
    state[(state == 0) & (search.near.price > left + 1e-9)] = -1
    return True


def _leaf(search: _CostSearch, state: States) -> None:
    """Offer the places of a node where nothing is free any more."""
    opened = np.asarray(state == 1)
    if opened.any():
        total = float(np.minimum(search.cost[opened].min(axis=0), search.base).sum())
        search.offer(opened, total)


def _round(search: _CostSearch, state: States, reduced: Floats) -> None:
    """Offer the places that a node's bound favours, exchanged."""
    opened = np.asarray(state == 1)
    order = np.argsort(reduced / search.near.price, kind="stable")
    search.fill(opened, order[state[order] == 0])
    search.offer(opened, exchange(search.near, opened, np.asarray(state == -1)))


# -- a Lagrangian bound for choosing places, and the places it rules out


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
