"""What the store keeps of a plan: its versions, locks and accepted faults, and their JSON.

It needs no measures, so that a command that only writes into the log does not load them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

import numpy as np
import pandas as pd

from gridmap.errors import some_ids
from gridmap.fields import Json
from gridmap.i18n import tr
from gridmap.model import BeatInfo, Plan
from gridmap.typing import Texts

__all__ = [
    "PRESENT",
    "BeatJson",
    "Fault",
    "GridMove",
    "Locks",
    "PlanDifference",
    "PlanHistoryJson",
    "PlanImportedJson",
    "PlanShownJson",
    "PlanVersion",
    "PlansJson",
    "VersionJson",
    "plan_difference",
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


# -- what differs between two states of a plan, beat ids taken as they stand


_SHOWN = 3


@dataclass(frozen=True, slots=True)
class GridMove:
    """Grids that went from one beat to another.

    Parameters
    ----------
    grids
        Their ids.
    before, after
        Id of the beat, ``""`` for none.
    """

    grids: tuple[str, ...]
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """What was changed from one plan to another.

    Parameters
    ----------
    moves
        The grids that changed hands, by beat left and joined.
    added, removed
        Ids of beats that only the later or the earlier plan has.
    described
        Beats whose name, station, room or staff changed, as they are later.
    """

    moves: tuple[GridMove, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    described: tuple[BeatInfo, ...]

    @property
    def grids(self) -> frozenset[str]:
        """Ids of the grids that changed hands."""
        return frozenset(grid for move in self.moves for grid in move.grids)

    def text(self, language: str | None = None, *, labels: Mapping[str, str] | None = None) -> str:
        """Return the difference in one line.

        Parameters
        ----------
        language
            ``zh`` or ``en``; the current language if None.
        labels
            What beats are called, by id; the ids themselves if None.
        """
        called = dict(labels or {})
        parts = [
            tr(
                "plans.difference.move",
                language=language,
                count=len(move.grids),
                before=called.get(move.before, move.before),
                after=called.get(move.after, move.after),
            )
            for move in self.moves[:_SHOWN]
        ]
        rest = sum(len(move.grids) for move in self.moves[_SHOWN:])
        if rest:
            parts.append(tr("plans.difference.rest", language=language, count=rest))
        for key, ids in (
            ("added", self.added),
            ("removed", self.removed),
            ("described", tuple(beat.id for beat in self.described)),
        ):
            if ids:
                names = some_ids([called.get(name, name) for name in ids], limit=3)
                parts.append(tr(f"plans.difference.{key}", language=language, ids=names))
        return "; ".join(parts) if parts else tr("plans.difference.none", language=language)

    def __str__(self) -> str:
        return self.text()


def plan_difference(before: Plan, after: Plan) -> PlanDifference:
    """Return what was changed from one plan to another.

    Grids are distinguished by their ids, so plans on different grids can be set side by side: a
    grid that only one of them has was in no beat of the other.

    Parameters
    ----------
    before, after
        The plans.
    """
    grids, old, new = before.grid_ids, before.labels, after.labels
    if not np.array_equal(before.grid_ids, after.grid_ids):
        grids = np.array(list(dict.fromkeys([*before.grid_ids, *after.grid_ids])), dtype=object)
        old, new = _labels(before, grids), _labels(after, grids)
    moves: dict[tuple[str, str], list[str]] = {}
    for row in np.flatnonzero(old != new):
        moves.setdefault((old[row], new[row]), []).append(grids[row])
    old_beats = {beat.id: beat for beat in before.beats}
    new_beats = {beat.id: beat for beat in after.beats}
    return PlanDifference(
        moves=tuple(
            GridMove(tuple(grids), left, joined)
            for (left, joined), grids in sorted(
                moves.items(), key=lambda item: (-len(item[1]), item[0])
            )
        ),
        added=tuple(beat for beat in new_beats if beat not in old_beats),
        removed=tuple(beat for beat in old_beats if beat not in new_beats),
        described=tuple(
            beat
            for name, beat in new_beats.items()
            if name in old_beats and beat != old_beats[name]
        ),
    )


def _labels(plan: Plan, grids: Texts) -> Texts:
    """Return the beat of each grid, ``""`` where the plan does not know it."""
    rows = pd.Index(plan.grid_ids, dtype=object).get_indexer(grids)
    return np.append(plan.labels, "")[rows]
