"""Sectors and night beats: the beats of a plan put together into fewer, larger ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridmap.errors import InputError
from gridmap.partition.problem import Problem
from gridmap.partition.propose import propose

__all__ = ["union_beats"]

Integers = NDArray[np.int64]


def union_beats(
    problem: Problem,
    assignment: Integers,
    unions: int,
    *,
    weights: ArrayLike | None = None,
    tolerance: float = 0.1,
    seed: int = 0,
) -> Integers:
    """Return the union of each grid (n,), 0 on: whole beats, each union in one piece.

    The problem of the beats as grids is solved as any other, so up to 16 beats the answer is the
    best one there is. No union crosses a station where no beat does.

    Parameters
    ----------
    assignment
        Label of each grid's beat (n,).
    unions
        How many sectors, or night beats.
    weights
        Workload of each grid (n,), such as that of the night; the first criterion if None.
    tolerance
        Deviation allowed; where none is within it, the nearest is returned.

    Raises
    ------
    InputError
        If there are not so many beats.
    InfeasibleError
        If there are fewer unions than stations.
    """
    labels, beat = np.unique(assignment, return_inverse=True)
    k = len(labels)
    if not 1 <= unions <= k:
        raise InputError("partition.error.beats", beats=unions, grids=k)
    load = problem.weights[:, 0] if weights is None else np.asarray(weights, dtype=np.float64)
    ends = np.sort(beat[problem.edges], axis=1)
    between = ends[:, 0] < ends[:, 1]
    pairs, row = np.unique(ends[between], axis=0, return_inverse=True)
    xy, parents = None, None
    if problem.xy is not None:
        size = np.bincount(beat)
        xy = np.stack([np.bincount(beat, weights=c) / size for c in problem.xy.T], axis=1)
    if problem.parents is not None:
        first = np.unique(beat, return_index=True)[1]
        names = problem.parents.astype(str)
        if (names == names[first][beat]).all():
            parents = names[first]
    whole = Problem(
        weights=np.bincount(beat, weights=load, minlength=k).astype(np.float64),
        edges=pairs,
        borders_m=np.bincount(row.ravel(), problem.borders_m[between], len(pairs)).astype(
            np.float64
        ),
        beats=unions,
        xy=xy,
        parents=parents,
    )
    found = propose(whole, tolerance=tolerance, seed=seed).best.assignment
    return np.asarray(np.unique(found, return_inverse=True)[1][beat], dtype=np.int64)
