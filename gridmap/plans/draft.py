"""A plan being edited, with its ground, its beats' figures, its locks and its faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self, cast

import numpy as np

from gridmap.errors import InputError
from gridmap.fields import Json
from gridmap.measure import without_missing
from gridmap.model import Plan
from gridmap.plans.figures import BeatFigures, Figures, measure_beats, pieces_of
from gridmap.plans.ground import Ground
from gridmap.plans.versions import BeatJson, Fault, Locks

__all__ = ["Draft"]


@dataclass(frozen=True, eq=False)
class Draft:
    """A plan that is being edited; every change makes another one.

    Parameters
    ----------
    ground
        The grids that it is about.
    plan
        The plan.
    figures
        Figures of its beats, in the order of ``plan.beats``.
    locks
        What stays as it is.
    """

    ground: Ground
    plan: Plan
    figures: Figures
    locks: Locks = field(default_factory=Locks)

    @classmethod
    def start(cls, ground: Ground, plan: Plan, *, locks: Locks | None = None) -> Self:
        """Return a plan on the table, its beats measured.

        Raises
        ------
        InputError
            If the plan's grids are not the ground's, in the same order.
        """
        if not np.array_equal(plan.grid_ids, ground.grid_ids):
            raise InputError(
                "plans.error.other_grids",
                plan=plan.name,
                received=len(plan.grid_ids),
                expected=len(ground),
            )
        figures = measure_beats(ground, plan.assignment, len(plan))
        return cls(ground, plan, figures, locks or Locks())

    def __repr__(self) -> str:
        return f"<Draft of {self.plan!r}: {len(self.faults)} faults>"

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The beats in more than one piece."""
        return tuple(
            _fault(self.ground, self.plan, int(row))
            for row in np.flatnonzero(self.figures.pieces > 1)
        )

    def rows(self) -> list[BeatJson]:
        """Return what each beat is and carries as plain values; None for what nobody counted."""
        deviation = self.figures.deviation
        found: list[BeatJson] = []
        for row, beat in enumerate(self.plan.beats):
            figures = self.figures.row(row)
            values: dict[str, Json] = {
                "id": beat.id,
                "name": beat.label,
                "station": beat.station,
                "room": beat.room,
                "officers": beat.officers,
                "auxiliaries": beat.auxiliaries,
                "grids": figures.grids,
                "residents": figures.residents,
                "incidents": figures.incidents,
                "deviation": float(deviation[row]),
                "pieces": figures.pieces,
                "compactness": figures.compactness,
                "covered_residents_share": figures.covered_share,
            }
            found.append(cast("BeatJson", without_missing(values, self.ground.missing)))
        return found

    def figures_of(self, beat: str) -> BeatFigures:
        """Return one beat's figures.

        Raises
        ------
        MissingError
            If the plan has no such beat.
        """
        return self.figures.row(self.plan.row_of(beat))


def _fault(ground: Ground, plan: Plan, row: int) -> Fault:
    grids, piece = pieces_of(ground, plan.assignment, row)
    sizes = np.bincount(piece)
    outside = grids[piece != sizes.argmax()]
    return Fault(plan.beats[row].id, len(sizes), tuple(ground.grid_ids[outside]))
