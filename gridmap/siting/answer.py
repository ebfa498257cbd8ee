"""What a siting model is asked, and what it answers."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array, vstack

from gridmap.errors import InfeasibleError, InputError, some_ids
from gridmap.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Limits:
    """Constraints on a choice of places.

    Parameters
    ----------
    rooms
        How many places may open besides the fixed rooms; None where a budget binds.
    prices, budget
        What each place costs, and what may be spent.
    conflicts
        Pairs of candidates that may not both open, shape (c, 2): rooms too near one another.
    seconds
        Time limit; the best found by then is returned with its bound.
    gap
        Relative gap at which a solution is good enough.
    seed
        Seed of the heuristic's shaking.

    Raises
    ------
    InputError
        If both ``rooms`` and ``budget`` are given, or one is not positive.
    """

    rooms: int | None = None
    prices: ArrayLike | None = None
    budget: float | None = None
    conflicts: ArrayLike | None = None
    seconds: float = 60.0
    gap: float = 0.0
    seed: int = 0
    _began: float = field(default_factory=time.perf_counter, repr=False)

    def __post_init__(self) -> None:
        """Check that one of the two limits is given."""
        if self.rooms is not None and self.budget is not None:
            raise InputError("siting.error.one_limit", rooms=self.rooms, budget=self.budget)
        if (self.rooms is not None and self.rooms < 1) or (
            self.budget is not None and not self.budget > 0
        ):
            received = self.budget if self.rooms is None else self.rooms
            raise InputError("siting.error.limit", received=received)
        if self.budget is not None and self.prices is None:
            raise InputError("siting.error.no_prices", budget=self.budget)

    def spending(self, m: int) -> tuple[Floats, float]:
        """Return the price of each of ``m`` places and the budget; prices of 1 for a number.

        Raises
        ------
        InputError
            If there is no limit, or prices are not one positive number a place.
        InfeasibleError
            If the budget buys none of the places, or there are fewer places than rooms.
        """
        if self.rooms is not None:
            if self.rooms > m:
                raise InfeasibleError("siting.error.too_few", rooms=self.rooms, candidates=m)
            return np.ones(m), float(self.rooms)
        if self.budget is None:
            raise InputError("siting.error.no_limit")
        price = self.price_of(m)
        if self.budget < price.min():
            raise InfeasibleError(
                "siting.error.budget", budget=self.budget, cheapest=float(price.min())
            )
        return price, float(self.budget)

    def price_of(self, m: int) -> Floats:
        """Return the price of each of ``m`` places, 1 where none are given.

        Raises
        ------
        InputError
            If prices are not one positive number a place.
        """
        if self.prices is None:
            return np.ones(m)
        price = np.asarray(self.prices, dtype=np.float64)
        if price.shape != (m,) or not (price > 0.0).all():
            raise InputError("siting.error.prices", received=price.size, candidates=m)
        return price

    def conflict_pairs(self) -> Ints:
        """Return the pairs that may not both open, shape (c, 2)."""
        if self.conflicts is None:
            return np.empty((0, 2), dtype=np.int64)
        return np.asarray(self.conflicts, dtype=np.int64).reshape(-1, 2)

    def conflict_matrix(self, m: int) -> Bools:
        """Return the pairs as a symmetric matrix; an empty one if there are no pairs."""
        pairs = self.conflict_pairs()
        if len(pairs) == 0:
            return np.zeros((0, 0), dtype=bool)
        matrix = np.zeros((m, m), dtype=bool)
        matrix[pairs[:, 0], pairs[:, 1]] = True
        matrix[pairs[:, 1], pairs[:, 0]] = True
        return matrix

    def elapsed(self) -> float:
        """Return the seconds since these limits were made."""
        return time.perf_counter() - self._began

    def left(self) -> float:
        """Return the seconds left."""
        return self.seconds - self.elapsed()


@dataclass(frozen=True, eq=False)
class Siting:
    """Places chosen, and how good they are proven to be.

    Parameters
    ----------
    model
        ``set-cover``, ``cover``, ``backup``, ``median``, ``center`` or ``capacitated``.
    chosen
        Rows of the candidates that open, ascending.
    objective
        Rooms, weight covered, total cost or largest cost, by model; fixed rooms count in it.
    bound
        What no choice can beat.
    seconds
        Time taken.
    unserved
        Rows of demands that no candidate and no fixed room reaches; left out of the model.
    assigned
        For the capacitated model, each demand's candidate; else None.
    """

    model: str
    chosen: Ints
    objective: float
    bound: float
    seconds: float
    unserved: Ints
    assigned: Ints | None = None

    @property
    def gap(self) -> float:
        """How far the objective may be from the best, relative: 0 when proven optimal."""
        apart = abs(self.objective - self.bound)
        if apart <= 1e-9 * max(1.0, abs(self.objective)):
            return 0.0
        return apart / max(abs(self.objective), 1e-12)

    @property
    def proven(self) -> bool:
        """Whether the choice is proven optimal."""
        return self.gap == 0.0


# -- what every siting model checks before it begins, and how its rows are gathered


def nearest_fixed(fixed_cost: ArrayLike | None, n: int) -> Floats:
    """Return the cost of each demand at its nearest room that stays, shape (n,)."""
    if fixed_cost is None:
        return np.full(n, np.inf)
    fixed = np.asarray(fixed_cost, dtype=np.float64).reshape(n, -1)
    return np.asarray(fixed.min(axis=1, initial=np.inf))


def checked_costs(
    cost: ArrayLike, weights: ArrayLike, fixed_cost: ArrayLike | None
) -> tuple[Floats, Floats, Ints, Ints]:
    """Return costs, weights, the demands that count and can be reached, and those that cannot.

    Raises
    ------
    InputError
        If shapes differ, a cost or weight is negative or no number, or all weights are zero.
    """
    costs = np.asarray(cost, dtype=np.float64)
    weight = np.asarray(weights, dtype=np.float64)
    if costs.ndim != 2 or weight.shape != costs.shape[:1] or costs.shape[1] == 0:
        raise InputError("siting.error.shapes", cost=costs.shape, weights=weight.shape)
    bad = np.flatnonzero(~(np.isfinite(weight) & (weight >= 0.0)))
    if len(bad):
        raise InputError("siting.error.weights", count=len(bad), rows=some_ids(bad + 1))
    if not (costs >= 0.0).all():
        rows = np.flatnonzero(~(costs >= 0.0).all(axis=1))
        raise InputError("siting.error.costs", count=len(rows), rows=some_ids(rows + 1))
    if not (weight > 0.0).any():
        raise InputError("siting.error.no_demand", count=len(weight))
    reached = np.isfinite(costs).any(axis=1) | np.isfinite(nearest_fixed(fixed_cost, len(weight)))
    counts = weight > 0.0
    if not (counts & reached).any():
        raise InputError("siting.error.nobody_reached", count=int(counts.sum()))
    return costs, weight, np.flatnonzero(counts & reached), np.flatnonzero(counts & ~reached)


class ConstraintRows:
    """Constraints ``low <= rows @ x <= high`` over a fixed number of variables.

    Parameters
    ----------
    size
        Number of variables.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._blocks: list[csr_array] = []
        self._low: list[Floats] = []
        self._high: list[Floats] = []

    def add(self, block: csr_array, low: ArrayLike, high: ArrayLike) -> None:
        """Add a block of rows; ``low`` and ``high`` may be one number for all."""
        count = block.shape[0]
        self._blocks.append(block)
        self._low.append(np.broadcast_to(np.asarray(low, dtype=np.float64), count))
        self._high.append(np.broadcast_to(np.asarray(high, dtype=np.float64), count))

    def add_spending(self, price: Floats, budget: float) -> None:
        """Add that the places, the first variables, may cost no more than the budget."""
        columns = np.arange(len(price))
        block = csr_array((price, columns, [0, len(price)]), shape=(1, self.size))
        self.add(block, -np.inf, budget)

    def add_conflicts(self, limits: Limits, place: Ints | None = None) -> None:
        """Add that of two places in conflict at most one opens.

        Parameters
        ----------
        limits
            Whose conflicts.
        place
            Variable of each place, where some are left out (-1); conflicts go with them.
        """
        pairs = limits.conflict_pairs()
        if place is not None:
            pairs = place[pairs]
            pairs = pairs[(pairs >= 0).all(axis=1)]
        if len(pairs):
            ones = np.ones(2 * len(pairs))
            starts = np.arange(0, 2 * len(pairs) + 1, 2)
            block = csr_array((ones, pairs.ravel(), starts), shape=(len(pairs), self.size))
            self.add(block, -np.inf, 1.0)

    def model(self) -> tuple[csr_array, Floats, Floats]:
        """Return the matrix and both sides."""
        if not self._blocks:
            return csr_array((0, self.size)), np.empty(0), np.empty(0)
        return (
            csr_array(vstack(self._blocks, format="csr")),
            np.concatenate(self._low),
            np.concatenate(self._high),
        )
