"""What was asked for and not reached: which condition, which beats, the nearest that can be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import some_ids
from gridmap.partition._division import Division, Note, Region, shares_of
from gridmap.partition._labels import beat_names
from gridmap.partition._regions import pieces_of
from gridmap.partition.problem import Problem
from gridmap.partition.proposal import Candidate

__all__ = ["most_kept", "shortfalls"]

Integers = NDArray[np.int64]
_TRIFLE = 1e-12


def shortfalls(
    problem: Problem,
    best: Candidate,
    tolerance: float,
    keep: float | None,
    division: Division,
    *,
    all_plans: bool = False,
    binding: tuple[str, ...] = (),
) -> tuple[Note, ...]:
    """Return what the division of the city says, and what a plan does not hold.

    Parameters
    ----------
    all_plans
        Whether all plans were enumerated, so that what was not reached cannot be.
    binding
        Conditions without which the tolerance could be met: ``keep``, ``apart``.
    """
    names = beat_names(problem, best.assignment)
    across = _across_frozen(problem, division)
    islands = [
        note
        for note in division.notes
        if not across
        or note.key != "partition.note.bridges"
        or note.values["count"] != across[0].values["count"]
    ]
    notes = [*islands, *across]
    if problem.bounds is not None:
        notes += _off_bounds(problem, best, names)
    notes += _off_balance(problem, best, tolerance, division, names, all_plans=all_plans)
    if not best.feasible:
        values: dict[str, object] = {"asked": keep, "count": len(problem.apart)}
        notes += [Note(f"partition.note.binding_{name}", {**values}) for name in binding]
    scores = best.scores
    if keep is not None and scores.kept is not None and scores.kept < keep - _TRIFLE:
        most = most_kept(problem)
        key = "partition.note.keep_all_plans" if all_plans else "partition.note.keep"
        key = key if most >= keep else "partition.note.keep_fewer"
        told = {"asked": keep, "reached": scores.kept, "most": most, "beats": problem.beats}
        notes.append(Note(key, {**told}))
    together = [
        " + ".join(map(str, problem.name_of(pair)))
        for pair in problem.apart
        if best.assignment[pair[0]] == best.assignment[pair[1]]
    ]
    if together:
        notes.append(
            Note("partition.note.apart", {"ids": some_ids(together), "count": len(together)})
        )
    return tuple(notes)


def most_kept(problem: Problem) -> float:
    """Return the share that can keep its beat at most: that of today's largest beats."""
    assert problem.present is not None  # noqa: S101 - the caller's case; for the type checker
    keep = problem.weights[:, 0] if problem.keep_weights is None else problem.keep_weights
    has = problem.present >= 0
    held = np.sort(np.bincount(problem.present[has], weights=keep[has]))[::-1]
    total = float(held.sum())
    return float(held[: problem.beats].sum()) / total if total > 0 else 1.0


def _across_frozen(problem: Problem, division: Division) -> list[Note]:
    """Return which grids only locked beats connect with the rest."""
    if not division.frozen.any() or not len(division.bridges):
        return []
    everywhere = np.ones(len(problem.edges), dtype=np.bool_)
    _, whole = pieces_of(problem.grids, problem.edges, everywhere)
    ends = division.bridges
    cut = ends[whole[ends[:, 0]] == whole[ends[:, 1]]]
    if not len(cut):
        return []
    pairs = [" - ".join(map(str, problem.name_of(pair))) for pair in cut]
    return [Note("partition.note.across_locked", {"ids": some_ids(pairs), "count": len(cut)})]


def _off_balance(
    problem: Problem,
    best: Candidate,
    tolerance: float,
    division: Division,
    names: dict[int, str],
    *,
    all_plans: bool,
) -> list[Note]:
    """Return where beats are outside their tolerance, by criterion, and why.

    Absolute bounds stand in for the tolerance of the first criterion.
    """
    allowed = np.array(problem.tolerances or (tolerance,) * problem.criteria)
    notes: list[Note] = []
    bounded = problem.bounds is not None
    # Balance for its own sake is balance within each region.
    even = [0.0] * problem.criteria if best.objective == "balance" else allowed.tolist()
    locked = None if bounded else _locked(problem, best, float(allowed[0]), names)
    for c in range(int(bounded), problem.criteria):
        off, cause = _worst(problem, best, division, even, c)
        wrong = [label for label, value in off.items() if value > allowed[c] + _TRIFLE]
        if not wrong:
            continue
        values: dict[str, object] = {
            "beats": some_ids(names[label] for label in wrong),
            "asked": float(allowed[c]),
            "reached": max(off.values()),
        }
        heavy = _heavy(problem, c, float(allowed[c]), cause)
        if heavy is not None:
            grids, least = heavy
            key = "partition.note.heavy_grid" if len(grids) == 1 else "partition.note.heavy_group"
            values |= {"ids": some_ids(problem.name_of(grids)), "least": least}
            notes.append(Note(key, values))
        elif all_plans:
            notes.append(Note("partition.note.all_plans", {**values, "criterion": c + 1}))
        elif problem.criteria > 1:
            notes.append(Note("partition.note.tolerance_of", {**values, "criterion": c + 1}))
        else:
            notes.append(Note("partition.note.tolerance", values))
    if locked is not None:
        within = max(_worst(problem, best, division, even, 0)[0].values(), default=0.0)
        notes.insert(0, Note("partition.note.locked", {**locked, "within": within}))
    return notes


def _worst(
    problem: Problem,
    best: Candidate,
    division: Division,
    allowed: Sequence[float],
    criterion: int,
) -> tuple[dict[int, float], dict[int, Region]]:
    """Return how far each beat is from what its part of the city can give it."""
    off: dict[int, float] = {}
    cause: dict[int, Region] = {}
    for region in division.regions:
        beat = best.assignment[region.grids]
        labels = np.unique(beat)
        load = problem.weights[region.grids, criterion]
        # Numbers may have changed hands since, between beats of the same target.
        share = shares_of(problem, labels)[:, criterion]
        aim = region.aims(allowed)[:, criterion]
        targets = share / share.sum() * float(aim.sum())
        for label, target in zip(labels.tolist(), targets.tolist(), strict=True):
            if target > 0:
                off[label] = abs(float(load[beat == label].sum()) / target - 1)
                cause[label] = region
    return off, cause


def _heavy(
    problem: Problem,
    criterion: int,
    allowed: float,
    cause: dict[int, Region],
) -> tuple[Integers, float] | None:
    """Return grids that alone, or tied together, exceed a beat, and the least deviation."""
    weight = problem.weights[:, criterion]
    found: tuple[Integers, float] | None = None
    ties = [np.array(tie, dtype=np.int64) for tie in problem.together]
    regions = {id(region): region for region in cause.values()}.values()
    for region in regions:
        most = float(region.targets[:, criterion].max())
        if most <= 0:
            continue
        inside = np.zeros(problem.grids, dtype=np.bool_)
        inside[region.grids] = True
        groups = [np.array([v]) for v in region.grids[np.argsort(-weight[region.grids])[:1]]]
        groups += [tie[inside[tie]] for tie in ties]
        for group in groups:
            least = float(weight[group].sum()) / most - 1
            if least > allowed and (found is None or least > found[1]):
                found = (group, least)
    return found


def _locked(
    problem: Problem, best: Candidate, allowed: float, names: dict[int, str]
) -> dict[str, object] | None:
    """Return which locked beats are themselves outside the tolerance."""
    off = dict(zip(best.scores.labels.tolist(), np.abs(best.scores.deviations[:, 0]), strict=True))
    wrong = [b for b in problem.frozen if off.get(b, 0.0) > allowed + _TRIFLE]
    if not wrong:
        return None
    return {
        "beats": some_ids(names[b] for b in wrong),
        "asked": allowed,
        "reached": float(max(off[b] for b in wrong)),
    }


def _off_bounds(problem: Problem, best: Candidate, names: dict[int, str]) -> list[Note]:
    """Return which beats are outside absolute bounds, and the nearest bounds that hold."""
    assert problem.bounds is not None  # noqa: S101 - the caller's case; for the type checker
    low, high = problem.bounds
    totals = best.scores.totals[:, 0]
    wrong = best.scores.labels[(totals < low - 1e-9) | (totals > high + 1e-9)]
    if not wrong.size:
        return []
    return [
        Note(
            "partition.note.bounds",
            {
                "beats": some_ids(names[int(b)] for b in wrong),
                "lower": low,
                "upper": high,
                "least": float(totals.min()),
                "most": float(totals.max()),
            },
        )
    ]
