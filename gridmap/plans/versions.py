"""What the store keeps of a plan: versions, commands, locks, accepted faults, and their JSON.

A command is what a planner does to a plan, as a frozen value that can be stored and replayed.

A fingerprint of each grid's shape tells whether a plan still fits the city, and which grids
have changed if not. No measures are needed here, so a command that only writes into the log
does not load them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, ClassVar, TypedDict

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.errors import InputError, some_ids
from gridmap.fields import Json
from gridmap.i18n import LANGUAGES, tr
from gridmap.model import BeatInfo, Layer, Plan
from gridmap.typing import Texts


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
    """A beat in more than one piece, accepted by the author who insisted.

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

    def text(self) -> str:
        """Return the fault in one line."""
        return tr("plans.fault", beat=self.beat, pieces=self.pieces, count=len(self.detached))


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

_LONGEST_NAME = 200


def check_plan_name(name: str) -> None:
    """Refuse a name that a new version of a plan cannot have.

    A plan is named on a command line, in an address and in file names, and ``NAME@2`` is its
    second version. A store of before may hold other names; they can still be opened.

    Raises
    ------
    InputError
        If it is blank, too long, stands for today's beats in either language, begins with a dot
        or a hyphen, ends in a blank, in a dot or as a version does, or holds a slash, a line
        break or another control character.
    """
    today = {PRESENT, *(tr("measure.present", language=language) for language in LANGUAGES)}
    if (
        not name
        or len(name) > _LONGEST_NAME
        or name != name.strip()
        or name.casefold() in {one.casefold() for one in today}
        or name.startswith((".", "-"))
        or name.endswith(".")
        or re.search(r"@\d+$|[/\\]", name)
        or any(unicodedata.category(letter) in _CONTROL for letter in name)
    ):
        raise InputError("plans.error.plan_name", received=name, limit=_LONGEST_NAME)


_CONTROL = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # line breaks, and what turns or hides letters


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
        Beats in pieces, accepted by the author who insisted.
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

    def text(self, *, labels: Mapping[str, str] | None = None) -> str:
        """Return the difference in one line.

        Parameters
        ----------
        labels
            What beats are called, by id; the ids themselves if None.
        """
        called = dict(labels or {})
        parts = [
            tr(
                "plans.difference.move",
                count=len(move.grids),
                before=called.get(move.before, move.before),
                after=called.get(move.after, move.after),
            )
            for move in self.moves[:_SHOWN]
        ]
        rest = sum(len(move.grids) for move in self.moves[_SHOWN:])
        if rest:
            parts.append(tr("plans.difference.rest", count=rest))
        for key, ids in (
            ("added", self.added),
            ("removed", self.removed),
            ("described", tuple(beat.id for beat in self.described)),
        ):
            if ids:
                names = some_ids([called.get(name, name) for name in ids], limit=3)
                parts.append(tr(f"plans.difference.{key}", ids=names))
        return "; ".join(parts) if parts else tr("plans.difference.none")

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


_BYTES = 8


@dataclass(frozen=True, eq=False, slots=True)
class GridPrints:
    """A number for each grid's shape: another shape has another number.

    Parameters
    ----------
    ids
        Ids of the grids, shape (n,).
    prints
        Their numbers, shape (n,).
    """

    ids: NDArray[np.object_]
    prints: NDArray[np.uint64]

    def pack(self) -> bytes:
        """Return the numbers as compressed little-endian bytes."""
        return zlib.compress(self.prints.astype("<u8").tobytes())

    @classmethod
    def unpack(cls, ids: NDArray[np.object_], packed: bytes) -> GridPrints:
        """Return the prints again, with the ids that they belong to."""
        return cls(ids, np.frombuffer(zlib.decompress(packed), dtype="<u8").astype(np.uint64))


@dataclass(frozen=True, slots=True)
class GridDifference:
    """How a city's grids differ from those of a plan.

    Parameters
    ----------
    gone
        Ids of grids that only the plan has.
    new
        Ids of grids that only the city has.
    reshaped
        Ids of grids of another shape than when the plan was saved; empty where the shapes
        are not known.
    """

    gone: tuple[str, ...]
    new: tuple[str, ...]
    reshaped: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.gone or self.new or self.reshaped)

    def text(self) -> str:
        """Return the difference in one line."""
        parts = [
            tr(f"plans.grids.{key}", ids=some_ids(ids), count=len(ids))
            for key, ids in (("gone", self.gone), ("new", self.new), ("reshaped", self.reshaped))
            if ids
        ]
        return "; ".join(parts)

    def __str__(self) -> str:
        return self.text()


def grid_prints(grids: Layer) -> GridPrints:
    """Return a number for each grid's shape, the same however its ring is started or turned."""
    shapes = shapely.to_wkb(shapely.normalize(grids.geometry), include_srid=False)
    numbers = [
        int.from_bytes(hashlib.blake2b(wkb or b"", digest_size=_BYTES).digest(), "little")
        for wkb in shapes
    ]
    return GridPrints(grids.ids, np.array(numbers, dtype=np.uint64))


def grid_difference(
    plan: Plan, grids: Layer, *, known: GridPrints | None = None
) -> GridDifference:
    """Return how a city's grids differ from those that a plan was made on.

    Counts of residents may change; ids and shapes may not.

    Parameters
    ----------
    plan
        The plan.
    grids
        The city's grid layer.
    known
        Shapes of the grids when the plan was saved; without them ids alone are compared.
    """
    if plan.city_digest and plan.city_digest == grids.digest:
        return GridDifference((), (), ())
    old, new = pd.Index(plan.grid_ids, dtype=object), pd.Index(grids.ids, dtype=object)
    reshaped: tuple[str, ...] = ()
    if known is not None:
        then = pd.Index(known.ids, dtype=object).get_indexer(new)
        both = then >= 0
        changed = known.prints[then[both]] != grid_prints(grids).prints[both]
        reshaped = tuple(grids.ids[both][changed])
    return GridDifference(
        gone=tuple(plan.grid_ids[new.get_indexer(old) < 0]),
        new=tuple(grids.ids[old.get_indexer(new) < 0]),
        reshaped=reshaped,
    )


def fit_plan(plan: Plan, grids: Layer, *, known: GridPrints | None = None) -> Plan:
    """Return a plan in the order of a city's grids, if they are the plan's.

    Parameters
    ----------
    plan
        The plan.
    grids
        The city's grid layer.
    known
        Shapes of the grids when the plan was saved.

    Raises
    ------
    InputError
        If the grids are others; the difference is listed.
    """
    difference = grid_difference(plan, grids, known=known)
    if difference:
        raise InputError("plans.error.grids_changed", plan=plan.name, difference=difference)
    rows = pd.Index(plan.grid_ids, dtype=object).get_indexer(grids.ids)
    return replace(
        plan, grid_ids=grids.ids, assignment=plan.assignment[rows], city_digest=grids.digest
    )


# -- commands: what a planner does to a plan


@dataclass(frozen=True, slots=True)
class MoveGrids:
    """Move grids to a beat.

    Parameters
    ----------
    grids
        Ids of the grids.
    to
        Id of the beat; ``""`` takes the grids out of any.
    insist
        Carry out even if a beat falls into pieces.
    """

    kind: ClassVar[str] = "move_grids"
    grids: tuple[str, ...]
    to: str
    insist: bool = False


@dataclass(frozen=True, slots=True)
class SplitBeat:
    """Make grids of a beat a beat of their own.

    Parameters
    ----------
    beat
        Id of the beat.
    grids
        Ids of the grids that leave it.
    new
        Id of the new beat.
    name
        Name of the new beat.
    insist
        Carry out even if a beat falls into pieces.
    """

    kind: ClassVar[str] = "split_beat"
    beat: str
    grids: tuple[str, ...]
    new: str
    name: str = ""
    insist: bool = False


@dataclass(frozen=True, slots=True)
class MergeBeats:
    """Make several beats one; their staff adds up.

    Parameters
    ----------
    beats
        Ids of the beats that end.
    into
        Id of the beat that remains.
    insist
        Carry out even if the beat is in pieces.
    """

    kind: ClassVar[str] = "merge_beats"
    beats: tuple[str, ...]
    into: str
    insist: bool = False


@dataclass(frozen=True, slots=True)
class NewBeat:
    """Make a new beat of grids, or an empty one.

    Parameters
    ----------
    beat
        Id of the new beat.
    name
        Its name.
    grids
        Ids of its grids, from any beat or none.
    insist
        Carry out even if a beat falls into pieces.
    """

    kind: ClassVar[str] = "new_beat"
    beat: str
    name: str = ""
    grids: tuple[str, ...] = ()
    insist: bool = False


@dataclass(frozen=True, slots=True)
class RenameBeat:
    """Give a beat another name.

    Parameters
    ----------
    beat
        Id of the beat.
    name
        The new name.
    """

    kind: ClassVar[str] = "rename_beat"
    beat: str
    name: str


@dataclass(frozen=True, slots=True)
class AssignStation:
    """Put a beat under a station.

    Parameters
    ----------
    beat
        Id of the beat.
    station
        Id of the station, ``""`` for none.
    """

    kind: ClassVar[str] = "assign_station"
    beat: str
    station: str


@dataclass(frozen=True, slots=True)
class AssignRoom:
    """Give a beat a police room.

    Parameters
    ----------
    beat
        Id of the beat.
    room
        Id of the room, ``""`` for none.
    """

    kind: ClassVar[str] = "assign_room"
    beat: str
    room: str


@dataclass(frozen=True, slots=True)
class AssignOfficers:
    """Set the staff of a beat.

    Parameters
    ----------
    beat
        Id of the beat.
    officers, auxiliaries
        Numbers of staff; not negative.
    """

    kind: ClassVar[str] = "assign_officers"
    beat: str
    officers: float
    auxiliaries: float = 0.0


@dataclass(frozen=True, slots=True)
class LockBeat:
    """Keep the ground of a beat as it is, or set it free.

    Parameters
    ----------
    beat
        Id of the beat.
    locked
        False sets it free.
    """

    kind: ClassVar[str] = "lock_beat"
    beat: str
    locked: bool = True


@dataclass(frozen=True, slots=True)
class LockGrids:
    """Keep grids in their beats, or set them free.

    Parameters
    ----------
    grids
        Ids of the grids.
    locked
        False sets them free.
    """

    kind: ClassVar[str] = "lock_grids"
    grids: tuple[str, ...]
    locked: bool = True


Command = (
    MoveGrids
    | SplitBeat
    | MergeBeats
    | NewBeat
    | RenameBeat
    | AssignStation
    | AssignRoom
    | AssignOfficers
    | LockBeat
    | LockGrids
)

COMMANDS: Mapping[str, type[Command]] = {
    command.kind: command
    for command in (
        MoveGrids,
        SplitBeat,
        MergeBeats,
        NewBeat,
        RenameBeat,
        AssignStation,
        AssignRoom,
        AssignOfficers,
        LockBeat,
        LockGrids,
    )
}

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "tuple[str, ...]": list, "str": str, "bool": bool, "float": (int, float),
}  # fmt: skip


def command_record(command: Command) -> dict[str, Json]:
    """Return a command as plain values for JSON.

    >>> command_record(RenameBeat("b1", "北区"))
    {'kind': 'rename_beat', 'beat': 'b1', 'name': '北区'}
    """
    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(command).items()
    }
    return {"kind": command.kind, **values}


def command_from_record(record: Mapping[str, Json]) -> Command:
    """Return the command that a record stands for.

    Parameters
    ----------
    record
        What `command_record` returned; a tuple may stand as a list.

    Raises
    ------
    InputError
        If the kind is unknown, or a value is missing, unknown or of the wrong type.
    """
    kind = str(record.get("kind", ""))
    if kind not in COMMANDS:
        raise InputError("plans.error.command_kind", received=kind, known=", ".join(COMMANDS))
    values = {name: value for name, value in record.items() if name != "kind"}
    known = {field.name: str(field.type) for field in fields(COMMANDS[kind])}
    for name, value in values.items():
        if name not in known or not isinstance(value, _TYPES[known[name]]):
            raise InputError("plans.error.command_value", kind=kind, field=name, received=value)
        if isinstance(value, list) and not all(isinstance(item, str) for item in value):
            raise InputError("plans.error.command_value", kind=kind, field=name, received=value)
    arguments: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
    }
    try:
        return COMMANDS[kind](**arguments)
    except TypeError as error:
        raise InputError(
            "plans.error.command_value", kind=kind, field="", received=sorted(values)
        ) from error
