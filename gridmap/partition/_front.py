"""The plans worth showing: none of them beaten by another on every measure."""

from __future__ import annotations

import numpy as np

from gridmap.partition.proposal import Candidate

__all__ = ["front_of"]


def front_of(candidates: list[Candidate]) -> list[Candidate]:
    """Return the plan asked for and those that no other plan beats on every measure.

    A plan that was found twice is shown once.
    """
    return candidates[:1] + [
        one
        for i, one in enumerate(candidates[1:], start=1)
        if not any(_dominates(other, one) for other in candidates if other is not one)
        and not any(np.array_equal(other.assignment, one.assignment) for other in candidates[:i])
    ]


def _measures(one: Candidate) -> tuple[float, ...]:
    scores = one.scores
    return (
        scores.max_deviation,
        scores.cut_m,
        scores.travel_total or 0.0,
        -(scores.kept or 0.0),
    )


def _dominates(one: Candidate, other: Candidate) -> bool:
    a, b = _measures(one), _measures(other)
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b
