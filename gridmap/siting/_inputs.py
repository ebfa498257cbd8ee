"""What every siting model checks before it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridmap.errors import InputError, some_ids

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["checked_costs", "nearest_fixed"]


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
