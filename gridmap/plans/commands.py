"""Commands: what a planner does to a plan, as frozen values that can be stored and replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

from gridmap.errors import InputError
from gridmap.fields import Json


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
