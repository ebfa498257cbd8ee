"""What every siting model checks before it begins, and how its rows are gathered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from gridmap.errors import InputError, some_ids

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from gridmap.siting.answer import Limits

__all__ = ["Rows", "checked_costs", "nearest_fixed"]


Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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


class Rows:
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
