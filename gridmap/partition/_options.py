"""What a request must satisfy before a search is worth its time."""

from __future__ import annotations

import numbers

import numpy as np

from gridmap.errors import InfeasibleError, InputError, some_ids
from gridmap.partition._anneal import Schedule
from gridmap.partition._locks import groups_of
from gridmap.partition._pockets import fill_pockets
from gridmap.partition.problem import Problem

__all__ = ["EFFORTS", "OBJECTIVES", "check_options", "schedule_of"]

OBJECTIVES = ("balance", "compact", "travel", "change")
EFFORTS = ("quick", "normal", "thorough")
_MOST_COLOURED = 60  # groups of grids among which a contradiction is looked for exactly
_MOST_STEPS = 2_000  # of each such search


def check_options(
    problem: Problem,
    objective: str,
    tolerance: float,
    keep: float | None,
    front: int,
    processes: int,
    *,
    effort: str = "normal",
    seed: int = 0,
    seconds: float | None = None,
) -> None:
    """Refuse options that cannot be, and bounds or pairs apart that no plan can meet.

    Raises
    ------
    InputError
        If an option cannot be.
    InfeasibleError
        If a grid is heavier than a beat may be, or more grids are mutually apart than there
        are beats.
    """
    for said, received, allowed in (
        ("partition.error.objective", objective, OBJECTIVES),
        ("partition.error.effort", effort, EFFORTS),
    ):
        if received not in allowed:
            raise InputError(said, received=received, allowed=", ".join(allowed))
    if not (_is_number(tolerance) and 0 < tolerance < 10):
        raise InputError("partition.error.tolerance", received=tolerance)
    if keep is not None and not (_is_number(keep) and 0 <= keep <= 1):
        raise InputError("partition.error.keep", received=keep)
    if (keep is not None or objective == "change") and problem.present is None:
        raise InputError("partition.error.no_present")
    if not all(_is_whole(count) and count >= 1 for count in (front, processes)):
        raise InputError("partition.error.counts", front=front, processes=processes)
    if not (_is_whole(seed) and seed >= 0):
        raise InputError("partition.error.seed", received=seed)
    if seconds is not None and not (_is_number(seconds) and seconds >= 0):
        raise InputError("partition.error.seconds", received=seconds)
    if problem.bounds is not None:
        _check_bounds(problem)
    if problem.apart:
        _check_apart(problem)


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _check_bounds(problem: Problem) -> None:
    """Refuse what no plan can meet: a grid heavier than a beat, or sums that don't fit."""
    assert problem.bounds is not None  # noqa: S101 - the caller's case; for the type checker
    low, high = problem.bounds
    first = problem.weights[:, 0]
    locked = np.zeros(problem.grids, dtype=np.bool_)
    if problem.frozen and problem.present is not None:
        locked = np.isin(problem.present, problem.frozen)
    heavy = np.flatnonzero((first > high) & ~locked)
    if heavy.size:
        raise InfeasibleError(
            "partition.error.heavy_grid", ids=some_ids(problem.name_of(heavy)), upper=high
        )
    total = float(first.sum())
    if not low * problem.beats <= total <= high * problem.beats:
        raise InfeasibleError(
            "partition.error.bounds", lower=low, upper=high, mean=total / problem.beats
        )


def _check_apart(problem: Problem) -> None:
    """Refuse grids that are to be apart where there are too few beats for that.

    Grids of locked beats are apart from all others, and leave the other beats to them.
    """
    filled, _ = fill_pockets(problem)
    beats = filled.beats - len(filled.frozen)
    free = np.ones(filled.grids, dtype=np.bool_)
    if filled.frozen and filled.present is not None:
        free = ~np.isin(filled.present, filled.frozen)
    group = groups_of(filled)
    foes: dict[int, set[int]] = {}
    for a, b in filled.apart:
        first, other = int(group[a]), int(group[b])
        if free[a] and free[b] and first != other:
            foes.setdefault(first, set()).add(other)
            foes.setdefault(other, set()).add(first)
    crowd = _crowd_of(foes, beats) if beats > 0 else []
    if crowd:
        named = sorted({v for pair in filled.apart for v in pair if group[v] in crowd})
        ids = some_ids(problem.name_of(named), limit=max(5, beats + 1))
        raise InfeasibleError("partition.error.apart_crowd", ids=ids, beats=beats)


def _crowd_of(foes: dict[int, set[int]], beats: int) -> list[int]:
    """Return what a number of beats cannot keep apart; nothing where none was found.

    More that are apart from each other than there are beats are always found where they are
    found greedily; anything else, such as a ring of five with two beats, among few.
    """
    foes = dict(foes)
    while weak := [v for v in foes if len(foes[v] & foes.keys()) < beats]:
        for v in weak:  # finds a beat whatever the others are in
            del foes[v]
    foes = {v: near & foes.keys() for v, near in foes.items()}
    by_foes = sorted(foes, key=lambda v: (-len(foes[v]), v))
    for v in by_foes[:_MOST_COLOURED]:
        clique, common = [v], foes[v]
        while common and len(clique) <= beats:
            clique.append(max(common, key=lambda u: (len(foes[u]), -u)))
            common = common & foes[clique[-1]]
        if len(clique) > beats:
            return clique
    if len(foes) > _MOST_COLOURED or _fits(foes, beats):
        return []
    for v in by_foes:  # name no more than what contradicts itself
        fewer = {u: near - {v} for u, near in foes.items() if u != v}
        foes = foes if _fits(fewer, beats) else fewer
    return list(foes)


def _fits(foes: dict[int, set[int]], beats: int) -> bool:
    """Return whether beats can be given so that foes differ; True too where that is too long."""
    given: dict[int, int] = {}
    steps = 0

    def give() -> bool:
        nonlocal steps
        steps += 1
        open_ = [v for v in foes if v not in given]
        if not open_ or steps > _MOST_STEPS:
            return True
        taken = {v: {given[u] for u in foes[v] if u in given} for v in open_}
        v = max(open_, key=lambda u: (len(taken[u]), len(foes[u])))
        for beat in range(min(beats, len(set(given.values())) + 1)):  # new beats are alike
            if beat not in taken[v]:
                given[v] = beat
                if give():
                    return True
                del given[v]
        return False

    return give()


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
