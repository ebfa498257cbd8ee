"""An order of the grids that is their own, so that a plan does not hang on the file's.

Sums are rounded in the order they are taken in, and ties fall to whoever comes first; a search
makes other plans of that. Grids are therefore put in an order that follows from what they are:
from west to east where they have places, else by what they carry and border on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmap.partition.problem import PER_GRID, Problem

__all__ = ["in_order", "put_back"]

Integers = NDArray[np.int64]
Colours = NDArray[np.uint64]
_DIGITS = 9  # of a place, as a share of the span: what moving the whole city leaves alone
_ROUNDS = 400  # of refinement; grids still alike then are told apart by how they came
_ALIKE = 16  # grids told apart by how they came, so that their neighbours differ too


def in_order(problem: Problem) -> tuple[Problem, Integers]:
    """Return the problem in the grids' own order, and where each of them came (n,).

    Names stay those of before, positions included.
    """
    came = _order(problem)
    ids = problem.ids or tuple(range(problem.grids))
    changes: dict[str, object] = {"ids": tuple(ids[v] for v in came.tolist())}
    place = np.empty(len(came), dtype=np.int64)
    place[came] = np.arange(len(came))
    for name in PER_GRID:
        value = getattr(problem, name)
        changes[name] = None if value is None else value[came]
    for name, length in (("edges", "borders_m"), ("barrier_edges", "barrier_m")):
        ends, border = place[getattr(problem, name)], getattr(problem, length)
        ends = np.stack([ends.min(axis=1), ends.max(axis=1)], axis=1)
        pair = ends[:, 0] * problem.grids + ends[:, 1]
        row = np.argsort(pair, kind="stable")
        if (np.diff(pair[row]) == 0).any():  # listed twice: the shorter border first
            row = np.lexsort((border, pair))
        changes[name], changes[length] = ends[row], border[row]
    if problem.rooms is not None:
        changes["rooms"] = np.where(problem.rooms >= 0, place[problem.rooms], -1)
    if problem.travel is not None:
        changes["travel"] = problem.travel[np.ix_(came, came)]
    for name in ("together", "apart"):
        groups = (sorted(place[list(group)].tolist()) for group in getattr(problem, name))
        changes[name] = tuple(sorted(map(tuple, groups)))
    return problem.replace(**changes), came


def put_back(settled: Problem, given: Problem, came: Integers) -> Problem:
    """Return the problem as it was given, with what settling its locks has changed."""
    together = tuple(tuple(sorted(came[list(tie)].tolist())) for tie in settled.together)
    if settled.present is None:
        return given.replace(together=together)
    present = np.empty_like(settled.present)
    present[came] = settled.present
    return given.replace(together=together, present=present)


def _order(problem: Problem) -> Integers:
    n = problem.grids
    colour = np.zeros(n, dtype=np.uint64)
    if problem.xy is not None:
        local = problem.xy - problem.xy.min(axis=0)
        span = float(local.max()) or 1.0
        east, north = np.round(local / span, _DIGITS).T
        order = np.lexsort((north, east))
        onward = (np.diff(east[order]) > 0) | (np.diff(north[order]) > 0)
        if onward.all():
            return order
        place = np.concatenate([[0], np.cumsum(onward)])
        colour[order] = _mixed(place.astype(np.uint64))
    refined = _refined(problem, colour)
    if problem.xy is None:
        return np.lexsort((np.arange(n), refined))
    return np.lexsort((np.arange(n), refined, north, east))


def _refined(problem: Problem, colour: Colours) -> Colours:
    """Return colours that tell grids apart by what they have, and what is around them.

    Weisfeiler and Leman (1968): a grid's next colour is its own and all its neighbours'. Where
    that divides no further, one of those alike gets a colour of its own.
    """
    n = problem.grids
    for values in _attributes(problem):
        colour = _mixed(colour ^ _codes(values))
    ends, kind, groups = _links(problem)
    colour = np.concatenate([colour, _mixed(groups)])
    classes, alike = len(np.unique(colour[:n])), 0
    for _ in range(_ROUNDS):
        if classes == n:
            break
        around = np.zeros(len(colour), dtype=np.uint64)
        np.add.at(around, ends[:, 0], _mixed(colour[ends[:, 1]] ^ kind))
        colour = _mixed(colour * np.uint64(3) + around)
        _, first, count = np.unique(colour[:n], return_index=True, return_counts=True)
        if len(first) <= classes and len(first) < n:
            if alike == _ALIKE:
                break
            alike += 1
            one = first[count > 1][:1]
            colour[one] = _mixed(~colour[one])
        classes = len(first)
    return colour[:n]


def _attributes(problem: Problem) -> Iterator[NDArray[Any]]:
    """Yield what grids have, a value each."""
    for name in ("weights", "areas_m2", "outer_m", "demand", "keep_weights"):
        value = getattr(problem, name)
        if value is not None:
            yield from value.reshape(problem.grids, -1).T
    for name in ("parents", "communities", "present", "fixed"):
        value = getattr(problem, name)
        if value is not None:
            yield value.astype(str)
    if problem.rooms is not None:
        room = np.full(problem.grids, -1, dtype=np.int64)
        held = np.flatnonzero(problem.rooms >= 0)
        room[problem.rooms[held]] = held
        yield room
    if problem.travel is not None:
        yield np.unique(np.sort(problem.travel, axis=1), axis=0, return_inverse=True)[1].ravel()


def _links(problem: Problem) -> tuple[Integers, Colours, Colours]:
    """Return what grids have to do with each other, as pairs both ways and what kind.

    Locks on several grids are nodes of their own after the grids; the last are their kinds.
    """
    locks = [*problem.together, *problem.apart]
    lock = [(v, problem.grids + i) for i, group in enumerate(locks) for v in group]
    tied = np.array(lock, dtype=np.int64).reshape(-1, 2)
    ends = np.concatenate([problem.edges, problem.barrier_edges, tied])
    kind = [_codes(problem.borders_m), ~_codes(problem.barrier_m), np.zeros(len(tied), np.uint64)]
    groups = np.repeat(np.array([1, 2], np.uint64), [len(problem.together), len(problem.apart)])
    return np.concatenate([ends, ends[:, ::-1]]), np.tile(np.concatenate(kind), 2), groups


def _codes(values: NDArray[np.generic]) -> Colours:
    """Return a number for each value, the same whatever the order they stand in."""
    return _mixed(np.unique(values, return_inverse=True)[1].astype(np.uint64).ravel())


def _mixed(values: Colours) -> Colours:
    """Return numbers that look random (splitmix64, Steele, Lea and Flood 2014)."""
    x = values + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
