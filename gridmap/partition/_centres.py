"""The best centre of each beat: the grid from which its demand is nearest in sum."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import njit
from gridmap.partition._arrays import Pulls, members_of

__all__ = ["best_sites", "move_centres"]

_CANDIDATES = 48  # in beats of more grids only those nearest to the middle are tried


@njit(cache=True, nogil=True)
def _middle(pulls: Pulls, members: np.ndarray) -> tuple[float, float]:
    sx, sy, whole = 0.0, 0.0, 0.0
    for v in members:
        d = pulls.demand[v] + 1e-12
        sx += d * pulls.x[v]
        sy += d * pulls.y[v]
        whole += d
    return sx / whole, sy / whole


@njit(cache=True, nogil=True)
def best_sites(pulls: Pulls, beat: np.ndarray, k: int, candidates: int) -> np.ndarray:
    """Return the grid of each beat with the least sum of demand times distance.

    Ties go to the first in the region's order. ``candidates`` bounds how many grids nearest
    to the demand's centre of gravity are tried in each beat.
    """
    begin, members = members_of(beat, k)
    site = np.zeros(k, np.int32)
    for b in range(k):
        own = members[begin[b] : begin[b + 1]]
        tried = own
        if len(own) > candidates:
            mx, my = _middle(pulls, own)
            gap = np.empty(len(own))
            for i in range(len(own)):
                gap[i] = (pulls.x[own[i]] - mx) ** 2 + (pulls.y[own[i]] - my) ** 2
            tried = own[np.argsort(gap, kind="mergesort")[:candidates]]
        best = np.inf
        for c in tried:
            cost = 0.0
            for v in own:
                if pulls.matrix.shape[0] > 0:
                    cost += pulls.demand[v] * pulls.matrix[v, c]
                else:
                    dx, dy = pulls.x[v] - pulls.x[c], pulls.y[v] - pulls.y[c]
                    cost += pulls.demand[v] * sqrt(dx * dx + dy * dy)
                if cost >= best:
                    break
            if cost < best:
                best = cost
                site[b] = c
    return site


def move_centres(
    pulls: Pulls, beat: NDArray[np.int32], k: int, held: NDArray[np.bool_], *, every: bool = False
) -> None:
    """Move each beat's centre to its best grid, in place; beats with a room keep theirs.

    Parameters
    ----------
    held
        Beats whose centre stands (k,).
    every
        Try every grid, not only those near the middle.
    """
    site = best_sites(pulls, beat, k, len(beat) if every else _CANDIDATES)
    pulls.site[~held] = site[~held]
    pulls.centre_x[:] = pulls.x[pulls.site]
    pulls.centre_y[:] = pulls.y[pulls.site]
