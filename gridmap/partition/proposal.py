"""The answer: plans with their scores, bounds and reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridmap.i18n import tr
from gridmap.partition._division import Note
from gridmap.partition.problem import Problem
from gridmap.partition.scores import Scores

__all__ = ["Bound", "Candidate", "Progress", "Proposal"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a search is: share done, 0 to 1, and which objective it works on."""

    share: float
    objective: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """What is known about the best possible value of an objective.

    Attributes
    ----------
    objective
        Name of the measure, as in `Scores`.
    value, lower
        The plan's value and a proven lower bound, or None where no bound is known.
    proven
        Whether the plan is proven optimal (gap at most 1e-6).
    """

    objective: str
    value: float
    lower: float | None = None
    proven: bool = False

    @property
    def gap(self) -> float | None:
        """Return (value - lower) / value, or None without a bound."""
        if self.lower is None:
            return None
        return max(0.0, (self.value - self.lower) / self.value) if self.value else 0.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Candidate:
    """One plan: the beat of each grid (n,), its scores and what is proven about it."""

    assignment: Integers
    objective: str
    scores: Scores
    bounds: tuple[Bound, ...] = ()
    feasible: bool = True

    @property
    def proven(self) -> bool:
        """Whether the plan is proven optimal for one of its bounds."""
        return any(bound.proven for bound in self.bounds)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Proposal:
    """Plans on a front of trade-offs, the one asked for first.

    Attributes
    ----------
    candidates
        At least one plan.
    bridges
        Pairs of grids (b, 2) joined to make islands part of a beat.
    notes
        What the user must know, as catalogue keys with values; `sentences` gives the text.
    """

    candidates: tuple[Candidate, ...]
    bridges: Integers
    notes: tuple[Note, ...]
    problem: Problem
    seconds: float
    seed: int
    effort: str

    @property
    def best(self) -> Candidate:
        """The plan for the objective asked for."""
        return self.candidates[0]

    def sentences(self, language: str | None = None) -> list[str]:
        """Return the notes as sentences in ``zh`` or ``en`` (the current language if None)."""
        return [tr(note.key, language=language, **note.values) for note in self.notes]

    def reasons(
        self,
        candidate: Candidate | None = None,
        *,
        names: Mapping[int, str] | None = None,
        language: str | None = None,
    ) -> list[str]:
        """Return sentences on what a plan moves and why, and on what is proven about it.

        Parameters
        ----------
        candidate
            One of the candidates; the best if None.
        names
            Names of beats by their number.
        """
        from gridmap.partition._explain import explain_candidate

        notes = explain_candidate(self.problem, candidate or self.best, names)
        return [tr(note.key, language=language, **note.values) for note in notes]

    def proofs(self, language: str | None = None) -> list[str]:
        """Return sentences on what is proven about the plan asked for, and what is not."""
        from gridmap.partition._explain import explain_proofs

        notes = explain_proofs(self.best)
        return [tr(note.key, language=language, **note.values) for note in notes]
