"""What a command makes of a plan, before anybody asks whether it may."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import InputError, MissingError
from gridmap.model import BeatInfo, Plan
from gridmap.plans import commands as do
from gridmap.plans.commands import Command
from gridmap.plans.draft import Draft, Locks


@dataclass(frozen=True, eq=False)
class Change:
    """A plan after a command, and what of its ground is another.

    ``moved`` holds the rows of the grids that change hands, ``touched`` the ids of the beats
    that gain or lose grids, those that end included.
    """

    plan: Plan
    locks: Locks
    moved: NDArray[np.intp]
    touched: tuple[str, ...]


def change_of(draft: Draft, command: Command) -> Change:
    """Return what a command makes of a plan.

    Raises
    ------
    InputError
        If the command would change nothing, or names a beat that is there already.
    MissingError
        If it names a grid or beat that is not there.
    """
    match command:
        case do.MoveGrids():
            return _move(draft, command)
        case do.SplitBeat():
            return _split(draft, command)
        case do.MergeBeats():
            return _merge(draft, command)
        case do.NewBeat():
            return _found(draft, command)
        case do.LockBeat() | do.LockGrids():
            return _lock(draft, command)
        case _:
            return _describe(draft, command)


def _describe(
    draft: Draft, command: do.RenameBeat | do.AssignStation | do.AssignRoom | do.AssignOfficers
) -> Change:
    plan = draft.plan
    row = plan.row_of(command.beat)
    info = plan.beats[row]
    match command:
        case do.RenameBeat(name=name):
            info = replace(info, name=name)
        case do.AssignStation(station=station):
            info = replace(info, station=station)
        case do.AssignRoom(room=room):
            info = replace(info, room=room)
        case do.AssignOfficers(officers=officers, auxiliaries=auxiliaries):
            if not (isfinite(officers) and isfinite(auxiliaries)):
                raise InputError("plans.error.staff", received=f"{officers}, {auxiliaries}")
            info = replace(info, officers=float(officers), auxiliaries=float(auxiliaries))
    if info == plan.beats[row]:
        raise InputError("plans.error.nothing_changes")
    beats = (*plan.beats[:row], info, *plan.beats[row + 1 :])
    return Change(replace(plan, beats=beats), draft.locks, np.zeros(0, dtype=np.intp), ())


def _lock(draft: Draft, command: do.LockBeat | do.LockGrids) -> Change:
    now = draft.locks
    if isinstance(command, do.LockBeat):
        draft.plan.row_of(command.beat)
        asked = Locks(beats=frozenset({command.beat}))
    else:
        draft.ground.rows_of(command.grids)
        asked = Locks(grids=frozenset(command.grids))
    locks = (
        Locks(now.beats | asked.beats, now.grids | asked.grids)
        if command.locked
        else Locks(now.beats - asked.beats, now.grids - asked.grids)
    )
    if locks == now:
        raise InputError("plans.error.nothing_changes")
    return Change(draft.plan, locks, np.zeros(0, dtype=np.intp), ())


def _move(draft: Draft, command: do.MoveGrids) -> Change:
    plan = draft.plan
    target = plan.row_of(command.to) if command.to else -1
    return _reassign(draft, plan.beats, draft.ground.rows_of(command.grids), target)


def _split(draft: Draft, command: do.SplitBeat) -> Change:
    plan = draft.plan
    row = plan.row_of(command.beat)
    rows = draft.ground.rows_of(command.grids)
    strangers = rows[plan.assignment[rows] != row]
    if len(strangers):
        raise MissingError(
            "plans.error.split_strangers",
            beat=command.beat,
            ids=", ".join(map(str, plan.grid_ids[strangers[:5]])),
            count=len(strangers),
        )
    info = BeatInfo(command.new, command.name, station=plan.beats[row].station)
    return _reassign(draft, _with_beat(plan, info), rows, len(plan))


def _found(draft: Draft, command: do.NewBeat) -> Change:
    plan = draft.plan
    beats = _with_beat(plan, BeatInfo(command.beat, command.name))
    if not command.grids:
        none = np.zeros(0, dtype=np.intp)
        return Change(replace(plan, beats=beats), draft.locks, none, ())
    return _reassign(draft, beats, draft.ground.rows_of(command.grids), len(plan))


def _merge(draft: Draft, command: do.MergeBeats) -> Change:
    plan = draft.plan
    into = plan.row_of(command.into)
    ending = sorted({plan.row_of(beat) for beat in command.beats} - {into})
    if not ending:
        raise InputError("plans.error.nothing_changes")
    staff = [plan.beats[row] for row in (into, *ending)]
    merged = replace(
        plan.beats[into],
        officers=sum(beat.officers for beat in staff),
        auxiliaries=sum(beat.auxiliaries for beat in staff),
    )
    kept = [row for row in range(len(plan)) if row not in ending]
    renumbered = np.full(len(plan) + 1, -1, dtype=np.int32)
    renumbered[kept] = np.arange(len(kept), dtype=np.int32)
    renumbered[ending] = renumbered[into]
    moved = np.flatnonzero(np.isin(plan.assignment, ending))
    ended = frozenset(plan.beats[row].id for row in ending)
    return Change(
        plan=replace(
            plan,
            assignment=renumbered[plan.assignment],
            beats=tuple(merged if row == into else plan.beats[row] for row in kept),
        ),
        locks=Locks(draft.locks.beats - ended, draft.locks.grids),
        moved=moved,
        touched=(command.into, *(plan.beats[row].id for row in ending)),
    )


def _with_beat(plan: Plan, info: BeatInfo) -> tuple[BeatInfo, ...]:
    if not info.id.strip() or info.id in set(plan.beat_ids):
        raise InputError("plans.error.beat_taken", beat=info.id, plan=plan.name)
    return (*plan.beats, info)


def _reassign(
    draft: Draft, beats: tuple[BeatInfo, ...], rows: NDArray[np.intp], target: int
) -> Change:
    plan = draft.plan
    moved = np.unique(rows[plan.assignment[rows] != target])
    if not len(moved):
        raise InputError("plans.error.nothing_changes")
    assignment = plan.assignment.copy()
    assignment[moved] = target
    touched = set(plan.assignment[moved].tolist()) | {target}
    return Change(
        plan=replace(plan, assignment=assignment, beats=beats),
        locks=draft.locks,
        moved=moved,
        touched=tuple(beats[row].id for row in sorted(touched - {-1})),
    )
