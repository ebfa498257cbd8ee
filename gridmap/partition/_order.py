"""Canonical order of the grids, so that results do not depend on the file, and beats' numbers.

Sums are rounded in the order they are taken in, and ties fall to whoever comes first; a search
makes other plans of that. Grids are therefore put in an order that follows from what they are:
from west to east where they have places, else by what they carry and border on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array

from gridmap.partition.problem import PER_GRID, Problem, ProblemFields, wanted_beats

Integers = NDArray[np.int64]
_DIGITS = 9  # of a place, as a share of the span: what moving the whole city leaves alone


def in_order(problem: Problem) -> tuple[Problem, Integers]:
    """Return the problem in the grids' own order, and where each of them came (n,).

    Names stay those of before, positions included.
    """
    original_order = _order(problem)
    ids = problem.ids or tuple(range(problem.grids))
    changes: ProblemFields = {"ids": tuple(ids[v] for v in original_order.tolist())}
    place = np.empty(len(original_order), dtype=np.int64)
    place[original_order] = np.arange(len(original_order))
    for name in PER_GRID:
        value = getattr(problem, name)
        changes[name] = None if value is None else value[original_order]  # type: ignore[literal-required]
    for name, length in (("edges", "borders_m"), ("barrier_edges", "barrier_m")):
        ends, border = place[getattr(problem, name)], getattr(problem, length)
        ends = np.stack([ends.min(axis=1), ends.max(axis=1)], axis=1)
        pair = ends[:, 0] * problem.grids + ends[:, 1]
        row = np.argsort(pair, kind="stable")
        if (np.diff(pair[row]) == 0).any():  # listed twice: the shorter border first
            row = np.lexsort((border, pair))
        changes[name], changes[length] = ends[row], border[row]  # type: ignore[literal-required]
        if name == "edges" and problem.border_factor is not None:
            changes["border_factor"] = problem.border_factor[row]
    if problem.rooms is not None:
        changes["rooms"] = np.where(problem.rooms >= 0, place[problem.rooms], -1)
    if problem.travel is not None:
        changes["travel"] = problem.travel[np.ix_(original_order, original_order)]
    for name in ("together", "apart"):
        groups = (sorted(place[list(group)].tolist()) for group in getattr(problem, name))
        changes[name] = tuple(sorted(map(tuple, groups)))  # type: ignore[literal-required]
    return problem.replace(**changes), original_order


def put_back(settled: Problem, given: Problem, original_order: Integers) -> Problem:
    """Return the problem as it was given, with what settling its locks has changed."""
    together = tuple(tuple(sorted(original_order[list(tie)].tolist())) for tie in settled.together)
    if settled.present is None:
        return given.replace(together=together)
    present = np.empty_like(settled.present)
    present[original_order] = settled.present
    return given.replace(together=together, present=present)


def _order(problem: Problem) -> Integers:
    """Return the grids from west to east, or without places by what they carry and border on."""
    if problem.xy is None:
        return np.argsort(_colours(problem), kind="stable")
    local = problem.xy - problem.xy.min(axis=0)
    east, north = np.round(local / (float(local.max()) or 1.0), _DIGITS).T
    return np.lexsort((north, east))


def _colours(problem: Problem) -> NDArray[np.uint64]:
    """Return colours that tell grids apart by what they have, and what is around them.

    Colour refinement (Weisfeiler and Leman 1968): a grid's next colour is its own and all its
    neighbours', until that divides no further. Grids still alike stay as they are listed.
    """
    values = [getattr(problem, name) for name in PER_GRID]
    columns = [c for v in values if v is not None for c in v.reshape(problem.grids, -1).T]
    if problem.rooms is not None:
        room = np.full(problem.grids, -1)
        room[problem.rooms[problem.rooms >= 0]] = np.flatnonzero(problem.rooms >= 0)
        columns.append(room)
    colour = np.zeros(problem.grids, dtype=np.uint64)
    for column in columns:
        colour = _mixed(colour ^ _codes(column))
    ends = np.concatenate([problem.edges, problem.barrier_edges])
    kind = np.tile(np.concatenate([_codes(problem.borders_m), ~_codes(problem.barrier_m)]), 2)
    ends = np.concatenate([ends, ends[:, ::-1]])
    classes, before = len(np.unique(colour)), 0
    while before < classes < problem.grids:
        around = np.zeros(problem.grids, dtype=np.uint64)
        np.add.at(around, ends[:, 0], _mixed(colour[ends[:, 1]] ^ kind))
        colour = _mixed(colour * np.uint64(3) + around)
        before, classes = classes, len(np.unique(colour))
    return colour


def _codes(values: NDArray[np.generic]) -> NDArray[np.uint64]:
    """Return a number for each value, the same whatever the order they stand in."""
    known = values.astype(str) if values.dtype.kind == "O" else values
    return _mixed(np.unique(known, return_inverse=True)[1].astype(np.uint64).ravel())


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return numbers that look random (splitmix64, Steele, Lea and Flood 2014)."""
    x = values + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


_EXACT = 2_000  # beats up to which the best match is found; beyond, the largest shares first


def relabel(
    problem: Problem, assignment: Integers, original_order: Integers | None = None
) -> Integers:
    """Return an assignment with its beats numbered as a planner expects.

    A beat that continues a present one has its number: the pairs that keep most of the keep
    weights (an assignment problem). Others are numbered from west to east, or without places
    as their first grids are listed. Beats with fixed grids or rooms keep their number, and
    those with targets one of the same target.

    Parameters
    ----------
    original_order
        Where the file lists each grid (n,); in this order if None.
    """
    listed = np.arange(problem.grids) if original_order is None else original_order
    labels, row = np.unique(assignment, return_inverse=True)
    held = _held(problem, labels)
    if held.all():
        return assignment
    number = labels.copy()
    free = np.flatnonzero(~held)
    if problem.targets is not None and np.ptp(problem.targets, axis=0).any():
        return _among_equals(problem, labels, row, free, listed)
    if problem.present is None:
        number[free[_from_west(problem, row, free, listed)]] = np.sort(labels[free])
        return number[row]
    taken = {int(label) for label in labels[held]}
    matched = _match(problem, row, free, taken)
    number[free] = -1
    for i, label in matched.items():
        number[free[i]] = label
    taken |= set(matched.values())
    known = {int(b) for b in np.unique(problem.present)} | set(range(len(problem.beat_names)))
    fresh = (b for b in range(len(known) + 2 * len(labels) + max(taken, default=0) + 1))
    spare = (b for b in fresh if b not in taken and b not in known)
    left = free[number[free] < 0]
    for i in left[_from_west(problem, row, left, listed)]:
        number[i] = next(spare)
    return number[row]


def _among_equals(
    problem: Problem, labels: Integers, row: Integers, free: Integers, listed: Integers
) -> Integers:
    """Return the assignment with numbers exchanged only between beats of the same target."""
    number = labels.copy()
    assert problem.targets is not None  # noqa: S101 - the caller's case; for the type checker
    goal = problem.targets[labels % problem.beats]
    for group in np.unique(goal[free], axis=0):
        own = free[(goal[free] == group).all(axis=1)]
        if problem.present is None:
            number[own[_from_west(problem, row, own, listed)]] = labels[own]
            continue
        others = set(np.unique(problem.present).tolist()) - set(labels[own].tolist())
        matched = _match(problem, row, own, others)
        left = [label for label in labels[own].tolist() if label not in matched.values()]
        for i in range(len(own)):
            number[own[i]] = matched[i] if i in matched else left.pop(0)
    return number[row]


def _held(problem: Problem, labels: Integers) -> NDArray[np.bool_]:
    return np.isin(labels, [*problem.frozen, *wanted_beats(problem).tolist()])


def _from_west(problem: Problem, row: Integers, some: Integers, listed: Integers) -> Integers:
    """Return the order of some beats: by mean easting, or without places by the first listed."""
    count = int(row.max()) + 1
    first = np.full(count, len(row), dtype=np.int64)
    np.minimum.at(first, row, listed if problem.xy is None else np.arange(len(row)))
    east = np.zeros(count)
    if problem.xy is not None:
        x = problem.xy[:, 0] - problem.xy[:, 0].min()
        east = np.round(np.bincount(row, weights=x, minlength=count) / np.bincount(row), 3)
    order: Integers = np.lexsort((first[some], east[some]))
    return order


def _match(problem: Problem, row: Integers, free: Integers, taken: set[int]) -> dict[int, int]:
    """Return which free present beat each of some beats continues, by position in ``free``."""
    present = problem.present
    assert present is not None  # noqa: S101 - the caller's case; for the type checker
    old = np.setdiff1d(np.unique(present[present >= 0]), list(taken))
    if not old.size:
        return {}
    keep = problem.keep_values
    keep = keep + 1e-9 * max(float(keep.sum()), 1.0) / len(keep)
    place = np.full(int(row.max()) + 1, -1, dtype=np.int64)
    place[free] = np.arange(len(free))
    both = (place[row] >= 0) & np.isin(present, old)
    at = (place[row[both]], np.searchsorted(old, present[both]))
    shared = coo_array((keep[both], at), (len(free), len(old))).tocsr()
    if len(free) <= _EXACT:
        dense = shared.toarray()
        rows, columns = linear_sum_assignment(dense, maximize=True)
        good = dense[rows, columns] > 0
        return {int(i): int(old[j]) for i, j in zip(rows[good], columns[good], strict=True)}
    table = shared.tocoo()
    found: dict[int, int] = {}
    used: set[int] = set()
    for e in np.argsort(-table.data, kind="stable"):
        i, j = int(table.row[e]), int(table.col[e])
        if i not in found and j not in used:
            found[i] = int(old[j])
            used.add(j)
    return found


def beat_names(problem: Problem, assignment: Integers) -> dict[int, str]:
    """Return what to call each beat in a sentence.

    A present beat has its name; others are counted from 01 on where grids have ids, as
    `plans_of` names them, and are bare numbers where everything is.
    """
    names: dict[int, str] = {}
    number = 0
    for b in np.unique(assignment).tolist():
        if b < len(problem.beat_names):
            names[b] = problem.beat_names[b]
        elif problem.ids:
            number += 1
            while f"{number:02d}" in problem.beat_names:
                number += 1
            names[b] = f"{number:02d}"
        else:
            names[b] = str(b)
    return names
