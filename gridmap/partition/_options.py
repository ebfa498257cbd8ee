"""What a request must satisfy before a search is worth its time."""

from __future__ import annotations

import numpy as np

from gridmap.errors import InfeasibleError, InputError, some_ids
from gridmap.partition._anneal import Schedule
from gridmap.partition.problem import Problem

__all__ = ["OBJECTIVES", "check_options", "schedule_of"]

OBJECTIVES = ("balance", "compact", "travel", "change")


def check_options(
    problem: Problem,
    objective: str,
    tolerance: float,
    keep: float | None,
    front: int,
    processes: int,
) -> None:
    """Refuse options that cannot be, and bounds that no plan can meet."""
    if objective not in OBJECTIVES:
        raise InputError(
            "partition.error.objective", received=objective, allowed=", ".join(OBJECTIVES)
        )
    if not 0 < tolerance < 10:
        raise InputError("partition.error.tolerance", received=tolerance)
    if keep is not None and not 0 <= keep <= 1:
        raise InputError("partition.error.keep", received=keep)
    if (keep is not None or objective == "change") and problem.present is None:
        raise InputError("partition.error.no_present")
    if front < 1 or processes < 1:
        raise InputError("partition.error.counts", front=front, processes=processes)
    if problem.bounds is not None:
        _check_bounds(problem)


def _check_bounds(problem: Problem) -> None:
    """Refuse what no plan can meet: a grid heavier than a beat, or sums that don't fit."""
    assert problem.bounds is not None  # noqa: S101 - the caller's case; for the type checker
    low, high = problem.bounds
    first = problem.weights[:, 0]
    heavy = np.flatnonzero(first > high)
    if heavy.size:
        raise InfeasibleError(
            "partition.error.heavy_grid", ids=some_ids(problem.name_of(heavy)), upper=high
        )
    total = float(first.sum())
    if not low * problem.beats <= total <= high * problem.beats:
        raise InfeasibleError(
            "partition.error.bounds", lower=low, upper=high, mean=total / problem.beats
        )


def schedule_of(objective: str) -> Schedule:
    """Return how hot and how loose the search for an objective is."""
    if objective == "change":
        return Schedule(sweeps=1, hot=0.3, cold=0.1, loose=2_000.0, resplit=0.01)
    if objective == "travel":  # what a grid's way costs is small beside a border
        return Schedule(sweeps=1, hot=1.5, cold=0.01, round_hot=0.0, resplit=0.01)
    return Schedule(
        sweeps=1,
        hot=1.2,
        cold=0.2,
        resplit=0.006,
        cooling=0.85,
        holding=0.1,
        opening=0.5,
        transport=1.5,
    )
