"""Which beat a grid must be in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import InfeasibleError, some_ids
from gridmap.partition.problem import Problem

__all__ = ["beat_name", "in_two_beats", "wanted_beats"]

Integers = NDArray[np.int64]


def wanted_beats(problem: Problem) -> Integers:
    """Return the beat that each grid must be in (n,), by fixing or by its room; -1: any.

    Raises
    ------
    InfeasibleError
        If a grid is fixed to one beat and holds the room of another.
    """
    wanted = np.full(problem.grids, -1, dtype=np.int64)
    if problem.fixed is not None:
        wanted = np.maximum(problem.fixed, -1)
    if problem.rooms is not None:
        for label in np.flatnonzero(problem.rooms >= 0).tolist():
            v = int(problem.rooms[label])
            if wanted[v] not in (-1, label):
                raise in_two_beats(problem, np.array([v]), int(wanted[v]), label)
            wanted[v] = label
    return wanted


def in_two_beats(problem: Problem, own: Integers, first: int, second: int) -> InfeasibleError:
    """Return the error that some grids are to be in two beats."""
    return InfeasibleError(
        "partition.error.two_beats",
        ids=some_ids(problem.name_of(own)),
        first=beat_name(problem, first),
        second=beat_name(problem, second),
    )


def beat_name(problem: Problem, beat: int) -> str:
    """Return what a present beat is called, else its number."""
    return problem.beat_names[beat] if beat < len(problem.beat_names) else str(beat)
