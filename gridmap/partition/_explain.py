"""Why a plan is as it is: what moves, what that does to balance, and what is proven."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gridmap.partition._division import Note
from gridmap.partition._labels import beat_names
from gridmap.partition.problem import Problem
from gridmap.partition.proposal import Bound, Candidate

__all__ = ["explain_candidate", "explain_proofs"]

_MOVES = 5  # the largest transfers are told one by one
_PROOFS = {
    "cut_m": ("partition.reason.cut_proven", "partition.reason.cut_gap"),
    "travel_m": ("partition.reason.travel_proven", "partition.reason.travel_gap"),
    "moved": ("partition.reason.moved_proven", ""),
    "max_deviation": ("partition.reason.balance_proven", ""),
}
_OPEN = {"cut_m": "partition.reason.cut_open", "travel_m": "partition.reason.travel_open"}


def explain_candidate(
    problem: Problem, candidate: Candidate, names: Mapping[int, str] | None = None
) -> tuple[Note, ...]:
    """Return the reasons for a plan, most important first.

    Parameters
    ----------
    names
        Names of beats by their number, where they have any.
    """
    known = beat_names(problem, candidate.assignment)

    def name(label: int) -> str:
        if names is not None and label in names:
            return names[label]
        if label in known:
            return known[label]
        return problem.beat_names[label] if label < len(problem.beat_names) else str(label)

    scores = candidate.scores
    off = scores.deviations[:, 0]
    worst = int(np.argmax(np.abs(off)))
    notes = [
        Note(
            "partition.reason.balance",
            {
                "beat": name(int(scores.labels[worst])),
                "deviation": float(off[worst]),
                "cv": scores.cv,
            },
        )
    ]
    notes += _moves(problem, candidate, name)
    return (*notes, *explain_proofs(candidate))


def explain_proofs(candidate: Candidate) -> tuple[Note, ...]:
    """Return what is proven about a plan; for an objective without a bound, that there is none.

    Borders are left out where the plan is about travel, which has a bound.
    """
    bounds = candidate.bounds
    if candidate.objective == "travel" and any(b.objective == "travel_m" for b in bounds):
        bounds = tuple(b for b in bounds if b.objective == "travel_m" or b.proven)
    return tuple(_proof(bound) for bound in bounds)


def _moves(problem: Problem, candidate: Candidate, name: object) -> list[Note]:
    """Return what leaves its present beat, in all and by pair of beats."""
    if problem.present is None or not callable(name):
        return []
    old, new = problem.present, candidate.assignment
    weight = problem.weights[:, 0]
    total = float(weight.sum()) or 1.0
    gone = np.flatnonzero((old >= 0) & (old != new))
    notes = [
        Note(
            "partition.reason.moved",
            {"grids": len(gone), "share": float(weight[gone].sum()) / total},
        )
    ]
    target = total / problem.beats
    before = {int(b): float(weight[old == b].sum()) for b in np.unique(old[old >= 0])}
    after = dict(zip(candidate.scores.labels.tolist(), candidate.scores.totals[:, 0], strict=True))
    pairs, row = np.unique(np.stack([old[gone], new[gone]], axis=1), axis=0, return_inverse=True)
    load = np.bincount(row.ravel(), weights=weight[gone], minlength=len(pairs))
    count = np.bincount(row.ravel(), minlength=len(pairs))
    for i in np.argsort(-load, kind="stable")[:_MOVES]:
        source, goal = int(pairs[i, 0]), int(pairs[i, 1])
        notes.append(
            Note(
                "partition.reason.transfer",
                {
                    "grids": int(count[i]),
                    "share": float(load[i]) / total,
                    "source": name(source),
                    "goal": name(goal),
                    "source_before": before.get(source, 0.0) / target - 1,
                    "source_after": after.get(source, 0.0) / target - 1,
                    "goal_before": before.get(goal, 0.0) / target - 1,
                    "goal_after": after.get(goal, 0.0) / target - 1,
                },
            )
        )
    return notes


def _proof(bound: Bound) -> Note:
    proven, gap = _PROOFS[bound.objective]
    if bound.proven:
        return Note(proven)
    if bound.gap is None:
        return Note(_OPEN[bound.objective])
    return Note(gap, {"gap": bound.gap})
