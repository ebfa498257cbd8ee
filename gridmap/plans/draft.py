"""A plan being edited, with its ground, its beats' figures, its locks and its faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self, TypedDict, cast

import numpy as np

from gridmap.errors import InputError
from gridmap.fields import Json
from gridmap.i18n import tr
from gridmap.measure import without_missing
from gridmap.model import Plan
from gridmap.plans.figures import BeatFigures, Figures, measure_beats, pieces_of
from gridmap.plans.ground import Ground

__all__ = [
    "PRESENT",
    "BeatJson",
    "Draft",
    "Fault",
    "Locks",
    "PlanHistoryJson",
    "PlanImportedJson",
    "PlanShownJson",
    "PlanVersion",
    "PlansJson",
    "VersionJson",
]


@dataclass(frozen=True, slots=True)
class Locks:
    """What stays as it is.

    Parameters
    ----------
    beats
        Ids of beats that neither gain nor lose grids.
    grids
        Ids of grids that stay in their beats.
    """

    beats: frozenset[str] = frozenset()
    grids: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Fault:
    """A beat in more than one piece, accepted by whoever insisted.

    Parameters
    ----------
    beat
        Id of the beat.
    pieces
        Number of its pieces.
    detached
        Ids of the grids outside its greatest piece.
    """

    beat: str
    pieces: int
    detached: tuple[str, ...]

    def text(self, language: str | None = None) -> str:
        """Return the fault in one line."""
        return tr(
            "plans.fault",
            language=language,
            beat=self.beat,
            pieces=self.pieces,
            count=len(self.detached),
        )


class BeatJson(TypedDict):
    """What a beat is and carries; null is what nobody counted."""

    id: str
    name: str
    station: str
    room: str
    officers: float
    auxiliaries: float
    grids: int
    residents: float | None
    incidents: float | None
    deviation: float
    pieces: int
    compactness: float
    covered_residents_share: float | None


class VersionJson(TypedDict):
    """A saved version of a plan: made of version ``base``, null for none; ``at`` is UTC."""

    name: str
    version: int
    base: int | None
    at: str
    author: str
    note: str
    beats: int
    faults: list[str]


class PlansJson(TypedDict):
    """The JSON of ``gridmap plans list --json``: the latest version of each."""

    plans: list[VersionJson]


class PlanShownJson(VersionJson):
    """The JSON of ``gridmap plans show --json``."""

    max_deviation: float
    unassigned_grids: int
    rows: list[BeatJson]


class EditedJson(VersionJson):
    """A version and the edits that made it, each with ``kind`` and its own keys."""

    commands: list[dict[str, Json]]


class PlanHistoryJson(TypedDict):
    """The JSON of ``gridmap plans history --json``, the first version first."""

    name: str
    versions: list[EditedJson]


class PlanImportedJson(VersionJson):
    """The JSON of ``gridmap plans import --json``."""

    grids: int


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
    locks: Locks = Locks()

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


# -- what the store knows of a saved plan besides the plan itself


PRESENT = "present"
"""The name that stands for today's beats; no saved plan may take it."""


@dataclass(frozen=True, slots=True)
class PlanVersion:
    """One version of a plan: who saved it, when, on what.

    Parameters
    ----------
    name
        Name of the plan.
    number
        Number of the version, from 1.
    base
        Number of the version that it was made of, None where it was not made of one.
    at
        When it was saved, UTC.
    author
        Who saved it.
    note
        What they wrote about it.
    city_digest
        Digest of the grid layer that it was made on.
    digest
        Digest of the plan.
    beats
        Number of beats.
    locks
        What stays as it is.
    faults
        Beats in pieces, accepted by whoever insisted.
    origin
        Name and number of the version that the commands start from; None where they start
        from a plan that was not saved.
    """

    name: str
    number: int
    base: int | None
    at: datetime
    author: str
    note: str
    city_digest: str
    digest: str
    beats: int
    locks: Locks
    faults: tuple[Fault, ...]
    origin: tuple[str, int] | None = None

    def to_dict(self) -> VersionJson:
        """Return who saved it, when and on what, as plain values."""
        return {
            "name": self.name,
            "version": self.number,
            "base": self.base,
            "at": self.at.isoformat(),
            "author": self.author,
            "note": self.note,
            "beats": self.beats,
            "faults": [fault.text() for fault in self.faults],
        }
