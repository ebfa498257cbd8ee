"""A plan under somebody's hands: commands one after another, undone and redone without limit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import GridmapError, InfeasibleError, InputError, MissingError
from gridmap.model import BeatInfo
from gridmap.plans.commands import Command
from gridmap.plans.draft import Draft
from gridmap.plans.effects import Effect, carry_out, preview
from gridmap.plans.figures import measure_beats
from gridmap.plans.people import Action, Actor, require
from gridmap.plans.versions import Locks
from gridmap.typing import Ints32

__all__ = ["History", "carry_over", "replay"]


@dataclass(frozen=True, eq=False, slots=True)
class _Step:
    """A command and how to take it back: only what differs is kept."""

    command: Command
    rows: NDArray[np.intp]
    before: Ints32
    after: Ints32
    beats_before: tuple[BeatInfo, ...]
    beats_after: tuple[BeatInfo, ...]
    locks_before: Locks
    locks_after: Locks


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
    _done: tuple[_Step, ...] = field(default=(), repr=False)
    _undone: tuple[_Step, ...] = field(default=(), repr=False)

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands that stand, the oldest first."""
        return tuple(step.command for step in self._done)

    @property
    def undone(self) -> tuple[Command, ...]:
        """The commands that `redo` would carry out, the next one first."""
        return tuple(step.command for step in reversed(self._undone))

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
        step = self._last(self._done, "plans.error.nothing_to_undo")
        draft = _shift(self.current, step.rows, step.before, step.beats_before, step.locks_before)
        return replace(self, current=draft, _done=self._done[:-1], _undone=(*self._undone, step))

    def redo(self) -> Self:
        """Return the history with the last undone command carried out again.

        Raises
        ------
        PermissionDeniedError
            If the actor's role may not edit.
        MissingError
            If there is nothing to redo.
        """
        step = self._last(self._undone, "plans.error.nothing_to_redo")
        draft = _shift(self.current, step.rows, step.after, step.beats_after, step.locks_after)
        return replace(self, current=draft, _done=(*self._done, step), _undone=self._undone[:-1])

    def _last(self, steps: tuple[_Step, ...], missing: str) -> _Step:
        require(self.actor, Action.EDIT)
        if not steps:
            raise MissingError(missing)
        return steps[-1]


def replay(draft: Draft, commands: Iterable[Command]) -> Draft:
    """Return the plan after commands, one after another.

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


def _step(command: Command, before: Draft, after: Draft) -> _Step:
    old, new = before.plan.assignment, after.plan.assignment
    rows = np.flatnonzero(old != new)
    return _Step(
        command,
        rows,
        old[rows],
        new[rows],
        before.plan.beats,
        after.plan.beats,
        before.locks,
        after.locks,
    )


def _shift(
    draft: Draft,
    rows: NDArray[np.intp],
    values: Ints32,
    beats: tuple[BeatInfo, ...],
    locks: Locks,
) -> Draft:
    assignment = draft.plan.assignment.copy()
    assignment[rows] = values
    plan = replace(draft.plan, assignment=assignment, beats=beats)
    figures = draft.figures
    if len(rows) or len(beats) != len(figures):
        figures = measure_beats(draft.ground, plan.assignment, len(plan))
    return replace(draft, plan=plan, figures=figures, locks=locks)
