"""A plan being edited: commands one after another, undone and redone without limit.

Suggestions are the next moves that help the worst beat most.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import GridmapError, InfeasibleError, InputError, MissingError
from gridmap.model import BeatInfo
from gridmap.plans.audit import Action, Actor, require
from gridmap.plans.draft import Draft, Ground, max_deviation, measure_beats
from gridmap.plans.effects import Effect, carry_out, preview
from gridmap.plans.versions import Command, Locks, MoveGrids
from gridmap.typing import Floats, Ints, Ints32


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """A command and how to take it back: only what differs is kept.

    Parameters
    ----------
    command
        The command.
    rows, before, after
        Rows of the grids that changed hands, and their beats before and after.
    beats_before, beats_after
        The beats.
    locks_before, locks_after
        The locks.
    worst_before, worst_after
        Greatest deviation of a beat's workload from the mean, as a share.
    """

    command: Command
    rows: NDArray[np.intp]
    before: Ints32
    after: Ints32
    beats_before: tuple[BeatInfo, ...]
    beats_after: tuple[BeatInfo, ...]
    locks_before: Locks
    locks_after: Locks
    worst_before: float
    worst_after: float


@dataclass(frozen=True, eq=False)
class History:
    """Commands carried out and undone; every step makes another history.

    Parameters
    ----------
    current
        The current plan.
    actor
        Who edits; each command asks their role.

    Notes
    -----
    A step keeps the rows that it changed, so a thousand moves of a few grids take kilobytes.
    """

    current: Draft
    actor: Actor
    _done: tuple[Step, ...] = field(default=(), repr=False)
    _undone: tuple[Step, ...] = field(default=(), repr=False)

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands that stand, the oldest first."""
        return tuple(step.command for step in self._done)

    @property
    def undone(self) -> tuple[Command, ...]:
        """The commands that `redo` would carry out, the next one first."""
        return tuple(step.command for step in reversed(self._undone))

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, the oldest first: those that stand, then those that `redo` would repeat."""
        return (*self._done, *reversed(self._undone))

    def preview(self, command: Command) -> Effect:
        """Return what a command would change."""
        return preview(self.current, command)

    def apply(self, command: Command) -> Self:
        """Return the history after a command; what was undone is forgotten.

        Raises
        ------
        PermissionDeniedError
            If the actor's role may not edit.
        InfeasibleError
            If the command is vetoed and does not insist.
        InputError, MissingError
            If it changes nothing, or names what is not there.
        """
        require(self.actor, Action.EDIT)
        after = carry_out(self.current, command)
        step = _step(command, self.current, after)
        return replace(self, current=after, _done=(*self._done, step), _undone=())

    def undo(self) -> Self:
        """Return the history before its last command.

        Raises
        ------
        PermissionDeniedError
            If the actor's role may not edit.
        MissingError
            If there is nothing to undo.
        """
        return self._go(len(self._done) - 1, "plans.error.nothing_to_undo")

    def redo(self) -> Self:
        """Return the history with the last undone command carried out again.

        Raises
        ------
        PermissionDeniedError
            If the actor's role may not edit.
        MissingError
            If there is nothing to redo.
        """
        return self._go(len(self._done) + 1, "plans.error.nothing_to_redo")

    def go(self, count: int) -> Self:
        """Return the history with its first ``count`` steps carried out and the rest undone.

        Raises
        ------
        PermissionDeniedError
            If the actor's role may not edit.
        MissingError
            If there are fewer steps.
        """
        return self._go(count, "plans.error.nothing_to_redo")

    def measured_on(self, ground: Ground) -> Self:
        """Return the history with its beats measured on other ground: the same grids reweighed.

        Raises
        ------
        InputError
            If the ground has other grids.
        """
        current, count = self.current, len(self._done)
        assignment, steps = current.plan.assignment.copy(), self.steps
        size = len(steps[0].beats_before) if steps else 0
        for step in reversed(steps[:count]):
            assignment[step.rows] = step.before
        worst = []
        for step in steps:
            before = _worst(ground, assignment, size)
            assignment[step.rows] = step.after
            size = len(step.beats_after)
            after = _worst(ground, assignment, size)
            worst.append(replace(step, worst_before=before, worst_after=after))
        return replace(
            self,
            current=Draft.start(ground, current.plan, locks=current.locks),
            _done=tuple(worst[:count]),
            _undone=tuple(worst[count:][::-1]),
        )

    def _go(self, count: int, missing: str) -> Self:
        require(self.actor, Action.EDIT)
        steps, done = self.steps, len(self._done)
        if not 0 <= count <= len(steps):
            raise MissingError(missing)
        draft = self.current
        assignment, beats, locks = draft.plan.assignment.copy(), draft.plan.beats, draft.locks
        for step in reversed(steps[count:done]):
            assignment[step.rows] = step.before
            beats, locks = step.beats_before, step.locks_before
        for step in steps[done:count]:
            assignment[step.rows] = step.after
            beats, locks = step.beats_after, step.locks_after
        return replace(
            self,
            current=_shifted(draft, assignment, beats, locks),
            _done=steps[:count],
            _undone=steps[count:][::-1],
        )


def replay(draft: Draft, commands: Iterable[Command]) -> Draft:
    """Apply commands to a plan in order and return the result.

    Parameters
    ----------
    draft
        Where to start: the version that the commands were made on, or a later one, to carry
        an editor's work over to it.
    commands
        The commands, the oldest first.

    Raises
    ------
    InfeasibleError, InputError, MissingError
        If a command cannot be carried out there.
    """
    for command in commands:
        draft = carry_out(draft, command)
    return draft


def carry_over(
    history: History, commands: Iterable[Command]
) -> tuple[History, tuple[tuple[Command, GridmapError], ...]]:
    """Carry somebody's commands over to a later version, as far as they can be carried out.

    What to do after a conflict: open the version that the other one saved, and carry your own
    commands over to it.

    Parameters
    ----------
    history
        A history that starts from the later version.
    commands
        The commands, the oldest first (``values["your_commands"]`` of the `ConflictError`).

    Returns
    -------
    history, refused
        The history after the commands that could be carried out, and the others, each with
        what speaks against it; one that would change nothing any more is among them.

    Raises
    ------
    PermissionDeniedError
        If the actor's role may not edit.
    """
    require(history.actor, Action.EDIT)
    refused: list[tuple[Command, GridmapError]] = []
    for command in commands:
        try:
            history = history.apply(command)
        except (InfeasibleError, InputError, MissingError) as error:
            refused.append((command, error))
    return history, tuple(refused)


def _step(command: Command, before: Draft, after: Draft) -> Step:
    old, new = before.plan.assignment, after.plan.assignment
    rows = np.flatnonzero(old != new)
    return Step(
        command,
        rows,
        old[rows],
        new[rows],
        before.plan.beats,
        after.plan.beats,
        before.locks,
        after.locks,
        before.figures.max_deviation,
        after.figures.max_deviation,
    )


def _shifted(draft: Draft, assignment: Ints32, beats: tuple[BeatInfo, ...], locks: Locks) -> Draft:
    figures = draft.figures
    moved = not np.array_equal(assignment, draft.plan.assignment)
    if moved or len(beats) != len(figures):
        figures = measure_beats(draft.ground, assignment, len(beats))
    plan = replace(draft.plan, assignment=assignment, beats=beats)
    return replace(draft, plan=plan, figures=figures, locks=locks)


def _worst(ground: Ground, assignment: Ints32, size: int) -> float:
    """Return the worst deviation of workload without measuring anything else."""
    held = assignment >= 0
    beat = assignment[held]
    loads = np.bincount(beat, ground.workload[held], size).astype(float)
    return max_deviation(loads, np.bincount(beat, minlength=size).astype(float))


_TRIED = 60
_LARGEST_TAIL = 8
_SHAPE_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class _PossibleMove:
    score: float
    rows: tuple[int, ...]
    source: int
    target: int


def worst_beat(draft: Draft) -> str:
    """Return the id of the unlocked beat with grids that is farthest from the mean, or ``""``."""
    off = np.abs(draft.figures.deviation)
    free = np.array([beat.id not in draft.locks.beats for beat in draft.plan.beats], dtype=bool)
    free &= draft.figures.grids > 0
    if not free.any():
        return ""
    return draft.plan.beats[int(np.where(free, off, -1.0).argmax())].id


def suggest_moves(draft: Draft, *, beat: str | None = None, count: int = 5) -> tuple[Effect, ...]:
    """Return the best next moves for a beat, each with its effect, the best first.

    A beat with too much workload gives border grids to its neighbours, one with too little
    takes some of theirs. A grid that would leave a few others cut off takes them along. No
    suggestion breaks a beat, opens a lock, or takes a grid to a beat of another station.

    Parameters
    ----------
    draft
        The plan on the table.
    beat
        Id of the beat; the worst one if None.
    count
        How many at most; fewer where fewer moves help.

    Raises
    ------
    MissingError
        If the plan has no such beat.

    Notes
    -----
    Moves are ranked by the fall of the squared deviation of the two beats, in units of the
    mean workload, less a tenth of the growth of their border in units of its own length.
    """
    name = worst_beat(draft) if beat is None else beat
    if not name or name in draft.locks.beats:
        return ()
    row = draft.plan.row_of(name)
    found: list[Effect] = []
    seen: set[tuple[str, ...]] = set()
    for candidate in _candidates(draft, row)[:_TRIED]:
        effect = _safe(draft, candidate)
        if effect is None or effect.grids in seen:
            continue
        seen.add(effect.grids)
        found.append(effect)
        if len(found) == count:
            break
    return tuple(found)


def _safe(draft: Draft, candidate: _PossibleMove) -> Effect | None:
    """Return the effect of a move that nothing speaks against, cut-off grids taken along."""
    ids = draft.ground.grid_ids
    to = draft.plan.beats[candidate.target].id
    effect = preview(draft, MoveGrids(tuple(ids[list(candidate.rows)]), to))
    veto = effect.veto
    if veto is None:
        return effect
    source = draft.plan.beats[candidate.source].id
    if veto.reason != "detached" or veto.beat != source or len(veto.grids) > _LARGEST_TAIL:
        return None
    rows = (*candidate.rows, *draft.ground.rows_of(veto.grids).tolist())
    if _gain(draft, rows, candidate.source, candidate.target) <= 0:
        return None
    effect = preview(draft, MoveGrids(tuple(ids[list(rows)]), to))
    return effect if effect.veto is None else None


def _candidates(draft: Draft, row: int) -> list[_PossibleMove]:
    plan, ground = draft.plan, draft.ground
    gives = draft.figures.deviation[row] > 0
    grids, others, border = _frontier(draft, row, gives=bool(gives))
    found = []
    for grid, other, shared in zip(grids.tolist(), others.tolist(), border.tolist(), strict=True):
        source, target = (row, other) if gives else (other, row)
        info = plan.beats[target]
        crosses = bool(
            info.station and ground.stations[grid] and info.station != ground.stations[grid]
        )
        locked = plan.beats[other].id in draft.locks.beats
        if crosses or locked or ground.grid_ids[grid] in draft.locks.grids:
            continue
        gain = _gain(draft, (grid,), source, target)
        if gain <= 0:
            continue
        around = max(float(ground.perimeter_m[grid]), 1e-9)
        growth = 1.0 - 2.0 * min(shared / around, 1.0)
        own = (ground.workload[grid] / _mean(draft)) ** 2
        found.append(_PossibleMove(gain - _SHAPE_WEIGHT * own * growth, (grid,), source, target))
    return sorted(found, key=lambda item: (-item.score, item.rows, item.target))


def _frontier(draft: Draft, row: int, *, gives: bool) -> tuple[Ints, Ints, Floats]:
    """Return grids that could change hands, the other beat, and the border with the taker."""
    adjacency, assignment = draft.ground.adjacency, draft.plan.assignment
    open_ = ~adjacency.barrier
    first = np.concatenate([adjacency.first[open_], adjacency.second[open_]]).astype(np.int64)
    second = np.concatenate([adjacency.second[open_], adjacency.first[open_]]).astype(np.int64)
    length = np.concatenate([adjacency.length_m[open_]] * 2)
    # ``first`` moves towards the beat of ``second``.
    held, taker = assignment[first], assignment[second]
    across = (held == row) & (taker >= 0) if gives else (taker == row) & (held >= 0)
    across &= held != taker
    other = taker if gives else held
    key = first[across] * len(draft.plan) + other[across]
    pairs, group = np.unique(key, return_inverse=True)
    border = np.bincount(group, weights=length[across], minlength=len(pairs)).astype(float)
    return pairs // len(draft.plan), pairs % len(draft.plan), border


def _mean(draft: Draft) -> float:
    return max(draft.figures.mean, 1e-300)


def _gain(draft: Draft, rows: tuple[int, ...], source: int, target: int) -> float:
    """Return by how much the squared deviations of two beats fall, in units of the mean."""
    mean = _mean(draft)
    moved = float(draft.ground.workload[list(rows)].sum()) / mean
    high = float(draft.figures.workload[source]) / mean
    low = float(draft.figures.workload[target]) / mean
    return 2.0 * moved * (high - low - moved)
