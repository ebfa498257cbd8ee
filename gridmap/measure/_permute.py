"""Conditional permutations of local Moran's I.

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
def permuted_lags(
    z: Floats, starts: Ints, neighbours: Ints, permutations: int, rng: np.random.Generator
) -> tuple[Ints, Floats, Floats]:
    """Compare each grid's neighbours with as many grids drawn at random from all others.

    Parameters
    ----------
    z
        Standardised values.
    starts, neighbours
        Neighbours of grid i are ``neighbours[starts[i]:starts[i + 1]]``.
    permutations, rng
        Number of draws, and where they come from.

    Returns
    -------
    tuple of arrays
        How often the drawn I is at least the observed one; mean and standard deviation of
        the drawn I.
    """
    n = len(z)
    pool = np.arange(n)
    at_least = np.zeros(n, np.int64)
    mean, spread = np.zeros(n), np.zeros(n)
    for i in range(n):
        size = starts[i + 1] - starts[i]
        if size == 0:
            continue
        observed = 0.0
        for k in range(starts[i], starts[i + 1]):
            observed += z[neighbours[k]]
        observed *= z[i] / size
        for place in range(n):  # the grid itself goes to the end and is not drawn
            if pool[place] == i:
                pool[place], pool[n - 1] = pool[n - 1], i
                break
        total, square = 0.0, 0.0
        for _ in range(permutations):
            lag = 0.0
            for k in range(size):
                other = k + rng.integers(0, n - 1 - k)
                pool[k], pool[other] = pool[other], pool[k]
                lag += z[pool[k]]
            drawn = lag * z[i] / size
            at_least[i] += drawn >= observed
            total += drawn
            square += drawn * drawn
        mean[i] = total / permutations
        spread[i] = np.sqrt(max(square / permutations - mean[i] ** 2, 0.0))
    return at_least, mean, spread
