"""Conditional permutations of Gi*.

esda compiles its own anew in every process, which takes half a minute; this is compiled
once and kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridmap._compiled import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@njit(cache=True)
def permuted_sums(
    values: Floats, starts: Ints, neighbours: Ints, permutations: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Compare the sum of each grid's neighbours with as many grids drawn from all others.

    Parameters
    ----------
    values
        One number per grid.
    starts, neighbours
        Neighbours of grid i are ``neighbours[starts[i]:starts[i + 1]]``.
    permutations, rng
        Number of draws, and where they come from.

    Returns
    -------
    tuple of arrays
        How often the sum drawn is at least, and at most, the sum observed.
    """
    n = len(values)
    pool = np.arange(n)
    at_least, at_most = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for i in range(n):
        size = starts[i + 1] - starts[i]
        if size == 0:
            continue
        observed = 0.0
        for k in range(starts[i], starts[i + 1]):
            observed += values[neighbours[k]]
        hair = 1e-9 * max(abs(observed), 1.0)  # sums of the same numbers in another order
        for place in range(n):  # the grid itself goes to the end and is not drawn
            if pool[place] == i:
                pool[place], pool[n - 1] = pool[n - 1], i
                break
        for _ in range(permutations):
            total = 0.0
            for k in range(size):
                other = k + rng.integers(0, n - 1 - k)
                pool[k], pool[other] = pool[other], pool[k]
                total += values[pool[k]]
            at_least[i] += total >= observed - hair
            at_most[i] += total <= observed + hair
    return at_least, at_most
