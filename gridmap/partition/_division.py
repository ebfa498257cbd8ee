"""A city divided into regions that are solved apart, and what is to be told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gridmap.partition.problem import Problem

__all__ = ["Division", "Note", "Region", "shares_of"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_NEAR_ENOUGH = 0.5  # of the tolerance: a region's mean that far off leaves room on both sides


@dataclass(frozen=True, slots=True)
class Note:
    """Something the user must know: a catalogue key and the values of its sentence."""

    key: str
    values: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Region:
    """Grids that hang together and share ``labels``, one beat for each.

    ``targets`` is what each beat is to carry, (beats, criteria), in workload, of what the
    region has; ``ideal`` the same of what the whole city has. ``edges`` are pairs of positions
    in ``grids`` (sorted) and ``borders_m`` their lengths, bridges with 0.
    """

    grids: Integers
    labels: Integers
    targets: Floats
    ideal: Floats
    edges: Integers
    borders_m: Floats

    def aims(self, tolerances: Sequence[float]) -> Floats:
        """Return what tolerances are measured from (beats, criteria).

        The city's target, unless whole numbers of beats alone put the region's own so far from
        it that little of the tolerance is left on one side.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            off = np.abs(self.targets.sum(axis=0) / self.ideal.sum(axis=0) - 1)
        return np.where(off <= _NEAR_ENOUGH * np.array(tolerances), self.ideal, self.targets)


@dataclass(frozen=True, slots=True)
class Division:
    """All regions, the grids of frozen beats, bridges added, and what must be said."""

    regions: tuple[Region, ...]
    frozen: NDArray[np.bool_]
    bridges: Integers
    notes: tuple[Note, ...]

    def put_back(self, came: Integers) -> Division:
        """Return the division with the grids as they came: where each was before (n,).

        Its regions list their grids in the order of before.
        """
        frozen = np.empty_like(self.frozen)
        frozen[came] = self.frozen
        regions = tuple(replace(one, grids=came[one.grids]) for one in self.regions)
        return replace(self, regions=regions, frozen=frozen, bridges=came[self.bridges])


def shares_of(problem: Problem, labels: Integers) -> Floats:
    """Return what beats are to carry (k, criteria), in the unit of the targets."""
    if problem.targets is None:
        return np.ones((len(labels), problem.criteria))
    shares: Floats = problem.targets[labels % problem.beats]
    return shares
