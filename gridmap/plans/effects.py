"""What a command would change, computed before it is carried out, and reasons against it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import InfeasibleError, InputError, MissingError, some_ids
from gridmap.i18n import tr
from gridmap.model import BeatInfo, Plan
from gridmap.plans import versions as do
from gridmap.plans.draft import BeatFigures, Draft, beat_pieces, remeasure_beats
from gridmap.plans.versions import Command, Locks

_NOTHING = BeatFigures(0, 0.0, 0.0, 0.0, 0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Veto:
    """Why a command is not carried out.

    Parameters
    ----------
    reason
        ``detached``: a beat would fall into pieces; ``beat_locked``, ``grids_locked``.
    beat
        Id of the beat.
    grids
        Ids of the detached part, or of the locked grids.
    """

    reason: str
    beat: str
    grids: tuple[str, ...]

    @property
    def can_insist(self) -> bool:
        """Whether the command may be carried out nevertheless; locks must be opened first."""
        return self.reason == "detached"

    def error(self) -> InfeasibleError:
        """Return the veto as the error that a face shows."""
        return InfeasibleError(
            f"plans.error.veto_{self.reason}",
            beat=self.beat,
            ids=some_ids(self.grids),
            count=len(self.grids),
        )

    def text(self) -> str:
        """Return the reason in one line."""
        return self.error().text()


@dataclass(frozen=True, slots=True)
class BeatEffect:
    """One beat before and after a command.

    Parameters
    ----------
    beat
        Id of the beat.
    label
        Its name.
    before, after
        Its figures; zeros where it is not there.
    deviation_before, deviation_after
        Its workload over the mean of the beats, less 1.
    """

    beat: str
    label: str
    before: BeatFigures
    after: BeatFigures
    deviation_before: float
    deviation_after: float


@dataclass(frozen=True, slots=True)
class Effect:
    """What a command changes.

    Parameters
    ----------
    command
        The command.
    beats
        Every beat that gains or loses grids.
    grids
        Ids of the grids that change hands.
    residents, incidents, workload
        Their sums.
    max_deviation_before, max_deviation_after
        Worst deviation of workload from the mean of the beats.
    veto
        What speaks against it, or None.
    """

    command: Command
    beats: tuple[BeatEffect, ...]
    grids: tuple[str, ...]
    residents: float
    incidents: float
    workload: float
    max_deviation_before: float
    max_deviation_after: float
    veto: Veto | None

    def sentences(self) -> list[str]:
        """Return the effect in sentences, the veto first."""
        lines = [self.veto.text()] if self.veto else []
        if self.grids:
            lines.append(
                tr(
                    "plans.effect.moved",
                    count=len(self.grids),
                    residents=self.residents,
                    incidents=self.incidents,
                )
            )
        else:
            lines.append(tr("plans.effect.no_ground"))
        lines += [
            tr(
                "plans.effect.beat",
                beat=item.label,
                residents_before=item.before.residents,
                residents_after=item.after.residents,
                incidents_before=item.before.incidents,
                incidents_after=item.after.incidents,
                before=item.deviation_before,
                after=item.deviation_after,
                compactness_before=item.before.compactness,
                compactness_after=item.after.compactness,
                covered_before=item.before.covered_share,
                covered_after=item.after.covered_share,
                pieces=item.after.pieces,
            )
            for item in self.beats
        ]
        return lines


def preview(draft: Draft, command: Command) -> Effect:
    """Return what a command would change, without carrying it out.

    Parameters
    ----------
    draft
        The plan on the table.
    command
        The command; its ``insist`` is looked at by `carry_out` only.

    Raises
    ------
    InputError
        If the command would change nothing, or names a beat that is there already.
    MissingError
        If it names a grid or beat that is not there.
    """
    change = planned_change(draft, command)
    after = _measured(draft, change)
    return _effect(draft, after, change, command)


def carry_out(draft: Draft, command: Command) -> Draft:
    """Return the plan after a command.

    Raises
    ------
    InfeasibleError
        If a lock forbids it, or a beat would fall into pieces and the command does not
        insist.
    InputError
        If the command would change nothing, or names a beat that is there already.
    MissingError
        If it names a grid or beat that is not there.
    """
    change = planned_change(draft, command)
    after = _measured(draft, change)
    veto = _veto(draft, after, change)
    if veto and not (veto.can_insist and getattr(command, "insist", False)):
        raise veto.error()
    return after


def _measured(draft: Draft, change: ChangedPlan) -> Draft:
    """Return the changed draft with the figures of the touched beats recomputed."""
    figures = draft.figures
    if change.plan.beats is not draft.plan.beats:
        rows = {beat.id: row for row, beat in enumerate(draft.plan.beats)}
        figures = figures.taken(
            np.array([rows.get(beat.id, -1) for beat in change.plan.beats], dtype=np.intp)
        )
    if change.touched:
        figures = remeasure_beats(
            draft.ground, change.plan.assignment, figures, _rows(change.plan, change.touched)
        )
    return replace(draft, plan=change.plan, figures=figures, locks=change.locks)


def _rows(plan: Plan, beats: tuple[str, ...]) -> NDArray[np.intp]:
    wanted = set(beats)
    return np.array([row for row, beat in enumerate(plan.beats) if beat.id in wanted], np.intp)


def _effect(draft: Draft, after: Draft, change: ChangedPlan, command: Command) -> Effect:
    ground, moved = draft.ground, change.moved
    old = {beat.id: row for row, beat in enumerate(draft.plan.beats)}
    new = {beat.id: row for row, beat in enumerate(after.plan.beats)}
    before_deviation, after_deviation = draft.figures.deviation, after.figures.deviation
    beats = []
    for beat in change.touched:
        info = after.plan.beats[new[beat]] if beat in new else draft.plan.beats[old[beat]]
        beats.append(
            BeatEffect(
                beat=beat,
                label=info.label,
                before=draft.figures.row(old[beat]) if beat in old else _NOTHING,
                after=after.figures.row(new[beat]) if beat in new else _NOTHING,
                deviation_before=float(before_deviation[old[beat]]) if beat in old else -1.0,
                deviation_after=float(after_deviation[new[beat]]) if beat in new else -1.0,
            )
        )
    return Effect(
        command=command,
        beats=tuple(beats),
        grids=tuple(ground.grid_ids[moved]),
        residents=float(ground.residents[moved].sum()),
        incidents=float(ground.incidents[moved].sum()),
        workload=float(ground.workload[moved].sum()),
        max_deviation_before=draft.figures.max_deviation,
        max_deviation_after=after.figures.max_deviation,
        veto=_veto(draft, after, change),
    )


def _veto(draft: Draft, after: Draft, change: ChangedPlan) -> Veto | None:
    for beat in change.touched:
        if beat in draft.locks.beats:
            return Veto("beat_locked", beat, tuple(draft.ground.grid_ids[change.moved]))
    if draft.locks.grids:
        ids = draft.ground.grid_ids[change.moved]
        locked = tuple(grid for grid in ids if grid in draft.locks.grids)
        if locked:
            return Veto("grids_locked", "", locked)
    for row in _rows(after.plan, change.touched):
        if after.figures.pieces[row] > 1:
            detached = _detached(draft, after, int(row))
            if len(detached):
                beat = after.plan.beats[row].id
                return Veto("detached", beat, tuple(draft.ground.grid_ids[detached]))
    return None


def _detached(draft: Draft, after: Draft, row: int) -> NDArray[np.intp]:
    """Return the grids that the change cuts off from the rest of a beat.

    A beat that was in pieces before may stay so; what counts is that no piece of it falls
    apart, and that what joins it touches it.
    """
    ground = draft.ground
    grids, piece = beat_pieces(ground, after.plan.assignment, row)
    size = np.bincount(piece)
    home = np.full(len(ground), -1, dtype=np.int64)
    matches = np.flatnonzero(draft.plan.beat_ids == after.plan.beats[row].id)
    if len(matches):
        old_grids, old_piece = beat_pieces(ground, draft.plan.assignment, int(matches[0]))
        home[old_grids] = old_piece
    came_from = home[grids]
    if (came_from < 0).all():
        return grids[piece != size.argmax()]
    off = np.ones(len(size), dtype=bool)
    for old in np.unique(came_from[came_from >= 0]):
        parts = np.unique(piece[came_from == old])
        off[parts[size[parts].argmax()]] = False
    return grids[off[piece]]


# -- what a command makes of a plan, before anybody asks whether it may


@dataclass(frozen=True, eq=False)
class ChangedPlan:
    """A plan after a command, and what of its ground is another.

    ``moved`` holds the rows of the grids that change hands, ``touched`` the ids of the beats
    that gain or lose grids, those that end included.
    """

    plan: Plan
    locks: Locks
    moved: NDArray[np.intp]
    touched: tuple[str, ...]


def planned_change(draft: Draft, command: Command) -> ChangedPlan:
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
) -> ChangedPlan:
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
    return ChangedPlan(replace(plan, beats=beats), draft.locks, np.zeros(0, dtype=np.intp), ())


def _lock(draft: Draft, command: do.LockBeat | do.LockGrids) -> ChangedPlan:
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
    return ChangedPlan(draft.plan, locks, np.zeros(0, dtype=np.intp), ())


def _move(draft: Draft, command: do.MoveGrids) -> ChangedPlan:
    plan = draft.plan
    target = plan.row_of(command.to) if command.to else -1
    return _reassign(draft, plan.beats, draft.ground.rows_of(command.grids), target)


def _split(draft: Draft, command: do.SplitBeat) -> ChangedPlan:
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


def _found(draft: Draft, command: do.NewBeat) -> ChangedPlan:
    plan = draft.plan
    beats = _with_beat(plan, BeatInfo(command.beat, command.name))
    if not command.grids:
        none = np.zeros(0, dtype=np.intp)
        return ChangedPlan(replace(plan, beats=beats), draft.locks, none, ())
    return _reassign(draft, beats, draft.ground.rows_of(command.grids), len(plan))


def _merge(draft: Draft, command: do.MergeBeats) -> ChangedPlan:
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
    return ChangedPlan(
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
) -> ChangedPlan:
    plan = draft.plan
    moved = np.unique(rows[plan.assignment[rows] != target])
    if not len(moved):
        raise InputError("plans.error.nothing_changes")
    assignment = plan.assignment.copy()
    assignment[moved] = target
    touched = set(plan.assignment[moved].tolist()) | {target}
    return ChangedPlan(
        plan=replace(plan, assignment=assignment, beats=beats),
        locks=draft.locks,
        moved=moved,
        touched=tuple(beats[row].id for row in sorted(touched - {-1})),
    )
