"""Which number a new beat gets: that of the present beat it continues, or one from the west."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array

from gridmap.partition._wanted import wanted_beats
from gridmap.partition.problem import Problem

__all__ = ["beat_names", "relabel"]

Integers = NDArray[np.int64]
_EXACT = 2_000  # beats up to which the best match is found; beyond, the largest shares first


def relabel(problem: Problem, assignment: Integers, came: Integers | None = None) -> Integers:
    """Return an assignment with its beats numbered as a planner expects.

    A beat that continues a present one has its number: the pairs that keep most of the keep
    weights (an assignment problem). Others are numbered from west to east, or without places
    as their first grids are listed. Beats with fixed grids or rooms keep their number, and
    those with targets one of the same target.

    Parameters
    ----------
    came
        Where the file lists each grid (n,); in this order if None.
    """
    listed = np.arange(problem.grids) if came is None else came
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
    keep = problem.weights[:, 0] if problem.keep_weights is None else problem.keep_weights
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
