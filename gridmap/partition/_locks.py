"""What must share a beat and what must not: gathered once, and refused where it contradicts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.errors import InfeasibleError, InputError, some_ids
from gridmap.partition._division import Note
from gridmap.partition._regions import pieces_of
from gridmap.partition._wanted import beat_name, in_two_beats, wanted_beats
from gridmap.partition.problem import Problem

__all__ = ["groups_of", "locked_as_is", "settle_locks"]

Integers = NDArray[np.int64]


def settle_locks(problem: Problem) -> Problem:
    """Return the problem with all grids that must share a beat in one group of ``together``.

    A locked beat stays as it is, whatever it is: communities are kept whole beside it.

    Raises
    ------
    InputError
        If a beat that is to stay as it is has no grids.
    InfeasibleError
        If grids are to be in two beats, in a locked beat that lacks them, in two stations,
        together and apart, or apart in a locked beat; or if too few are left to tell the
        beats apart.
    """
    frozen = _frozen(problem)
    group = groups_of(problem)
    wanted = wanted_beats(problem)
    count = np.bincount(group)
    tied = np.flatnonzero(count[group] > 1)
    tied = tied[np.argsort(group[tied], kind="stable")]
    members = np.split(tied, np.cumsum(count[count > 1])[:-1]) if tied.size else []
    for own in members:
        _check_group(problem, own, np.unique(wanted[own][wanted[own] >= 0]), frozen)
    _check_locked(problem, np.flatnonzero((count[group] == 1) & (wanted >= 0)), wanted, frozen)
    present = np.full(problem.grids, -1) if problem.present is None else problem.present
    for a, b in problem.apart:
        if frozen[a] and frozen[b] and present[a] == present[b]:
            raise InfeasibleError(
                "partition.error.apart_locked",
                ids=some_ids(problem.name_of([a, b])),
                beat=beat_name(problem, int(present[a])),
            )
        if group[a] == group[b]:
            raise InfeasibleError(
                "partition.error.together_and_apart", ids=some_ids(problem.name_of([a, b]))
            )
    beats = problem.beats - len(set(problem.frozen))
    units = len(np.unique(group[~frozen]))
    if 0 < units < beats:
        raise InfeasibleError("partition.error.few_units", beats=beats, units=units)
    together = tuple(tuple(own.tolist()) for own in members if not frozen[own].any())
    return problem if together == problem.together else problem.replace(together=together)


def groups_of(problem: Problem) -> Integers:
    """Return the group of each grid (n,): grids of one group must share a beat."""
    links = [np.array(tie, dtype=np.int64) for tie in problem.together]
    wanted = wanted_beats(problem)
    links += [np.flatnonzero(wanted == b) for b in np.unique(wanted[wanted >= 0])]
    if problem.whole_communities and problem.communities is not None:
        names = np.where(_frozen(problem), "-1", problem.communities.astype(str))
        links += [np.flatnonzero(names == c) for c in np.unique(names) if c not in ("-1", "None")]
    links = [own for own in links if len(own) > 1]
    if not links:
        return np.arange(problem.grids)
    first = np.concatenate([np.full(len(own) - 1, own[0]) for own in links])
    other = np.concatenate([own[1:] for own in links])
    n = problem.grids
    table = coo_array((np.ones(len(first)), (first, other)), (n, n))
    return connected_components(table, directed=False)[1].astype(np.int64)


def locked_as_is(problem: Problem) -> tuple[Note, ...]:
    """Return which locked beats are in several pieces or cross stations, and stay so."""
    if not problem.frozen or problem.present is None:
        return ()
    edges = problem.edges
    beat = problem.present
    _, piece = pieces_of(problem.grids, edges, beat[edges[:, 0]] == beat[edges[:, 1]])
    stations = np.zeros(problem.grids) if problem.parents is None else problem.parents.astype(str)
    notes = []
    for key, what in (("locked_broken", piece), ("locked_across", stations)):
        wrong = [b for b in sorted(set(problem.frozen)) if len(np.unique(what[beat == b])) > 1]
        if wrong:
            beats = some_ids(beat_name(problem, b) for b in wrong)
            notes.append(Note(f"partition.note.{key}", {"beats": beats, "count": len(wrong)}))
    return tuple(notes)


def _frozen(problem: Problem) -> NDArray[np.bool_]:
    """Return which grids are in beats that stay as they are."""
    if problem.present is None or not problem.frozen:
        return np.zeros(problem.grids, dtype=np.bool_)
    empty = sorted(set(problem.frozen) - set(problem.present.tolist()))
    if empty:
        beats = some_ids(beat_name(problem, b) for b in empty)
        raise InputError("partition.error.frozen_empty", beats=beats)
    return np.isin(problem.present, problem.frozen)


def _check_group(
    problem: Problem, own: Integers, beats: Integers, frozen: NDArray[np.bool_]
) -> None:
    """Refuse a group that would be in two beats or stations."""
    if frozen[own].any() and problem.present is not None:
        beats = np.union1d(beats, problem.present[own[frozen[own]]])
    if len(beats) > 1:
        raise in_two_beats(problem, own, int(beats[0]), int(beats[1]))
    if len(beats):
        _check_locked(problem, own, np.full(problem.grids, beats[0]), frozen)
    if problem.parents is not None and not frozen[own].any():
        stations = np.unique(problem.parents[own].astype(str))
        if len(stations) > 1:
            raise InfeasibleError(
                "partition.error.two_stations",
                ids=some_ids(problem.name_of(own)),
                stations=some_ids(stations.tolist()),
            )


def _check_locked(
    problem: Problem, own: Integers, wanted: Integers, frozen: NDArray[np.bool_]
) -> None:
    """Refuse grids that are to join a beat that stays as it is, or to leave one."""
    if problem.present is None or not problem.frozen:
        return
    today = problem.present[own]
    touched = frozen[own] | np.isin(wanted[own], problem.frozen)
    wrong = own[touched & (today != wanted[own])]
    if wrong.size:
        v = int(wrong[0])
        beat = int(problem.present[v] if frozen[v] else wanted[v])
        raise InfeasibleError(
            "partition.error.locked_closed",
            ids=some_ids(problem.name_of(wrong)),
            beat=beat_name(problem, beat),
        )
