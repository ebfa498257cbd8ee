"""Validation of a request: options, locks that do not contradict each other, pockets."""

from __future__ import annotations

import numbers

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.errors import InfeasibleError, InputError, some_ids
from gridmap.partition._anneal import Schedule
from gridmap.partition._regions import SearchNote, clique_of, pieces_of
from gridmap.partition.problem import Problem, beat_name, in_two_beats, wanted_beats
from gridmap.typing import Bools, Ints


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


def groups_of(problem: Problem) -> Ints:
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


def locked_as_is(problem: Problem) -> tuple[SearchNote, ...]:
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
            notes.append(
                SearchNote(f"partition.note.{key}", {"beats": beats, "count": len(wrong)})
            )
    return tuple(notes)


def _frozen(problem: Problem) -> Bools:
    """Return which grids are in beats that stay as they are."""
    if problem.present is None or not problem.frozen:
        return np.zeros(problem.grids, dtype=np.bool_)
    empty = sorted(set(problem.frozen) - set(problem.present.tolist()))
    if empty:
        beats = some_ids(beat_name(problem, b) for b in empty)
        raise InputError("partition.error.frozen_empty", beats=beats)
    return problem.locked_grids


def _check_group(problem: Problem, own: Ints, beats: Ints, frozen: Bools) -> None:
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


def _check_locked(problem: Problem, own: Ints, wanted: Ints, frozen: Bools) -> None:
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


OBJECTIVES = ("balance", "compact", "travel", "change")
EFFORTS = ("quick", "normal", "thorough")


def check_options(
    problem: Problem,
    objective: str,
    tolerance: float,
    keep: float | None,
    front: int,
    processes: int,
    *,
    effort: str = "normal",
    seed: int = 0,
    seconds: float | None = None,
) -> None:
    """Refuse options that cannot be, and bounds or pairs apart that no plan can meet.

    Raises
    ------
    InputError
        If an option cannot be.
    InfeasibleError
        If a grid is heavier than a beat may be, or more grids are mutually apart than there
        are beats.
    """
    for key, received, allowed in (
        ("partition.error.objective", objective, OBJECTIVES),
        ("partition.error.effort", effort, EFFORTS),
    ):
        if received not in allowed:
            raise InputError(key, received=received, allowed=", ".join(allowed))
    if not (_is_number(tolerance) and 0 < tolerance < 10):
        raise InputError("partition.error.tolerance", received=tolerance)
    if keep is not None and not (_is_number(keep) and 0 <= keep <= 1):
        raise InputError("partition.error.keep", received=keep)
    if (keep is not None or objective == "change") and problem.present is None:
        raise InputError("partition.error.no_present")
    if not all(_is_whole(count) and count >= 1 for count in (front, processes)):
        raise InputError("partition.error.counts", front=front, processes=processes)
    if not (_is_whole(seed) and seed >= 0):
        raise InputError("partition.error.seed", received=seed)
    if seconds is not None and not (_is_number(seconds) and seconds >= 0):
        raise InputError("partition.error.seconds", received=seconds)
    if problem.bounds is not None:
        _check_bounds(problem)
    if problem.apart:
        _check_apart(problem)


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _check_bounds(problem: Problem) -> None:
    """Refuse what no plan can meet: a grid heavier than a beat, or sums that don't fit."""
    assert problem.bounds is not None  # noqa: S101 - the caller's case; for the type checker
    low, high = problem.bounds
    first = problem.weights[:, 0]
    locked = problem.locked_grids
    heavy = np.flatnonzero((first > high) & ~locked)
    if heavy.size:
        raise InfeasibleError(
            "partition.error.heavy_grid", ids=some_ids(problem.name_of(heavy)), upper=high
        )
    total = float(first.sum())
    if not low * problem.beats <= total <= high * problem.beats:
        raise InfeasibleError(
            "partition.error.bounds", lower=low, upper=high, mean=total / problem.beats
        )


def _check_apart(problem: Problem) -> None:
    """Refuse grids that are to be apart where there are too few beats for that.

    Grids of locked beats are apart from all others, and leave the other beats to them.
    """
    filled, _ = fill_pockets(problem)
    beats = filled.beats - len(filled.frozen)
    free = ~filled.locked_grids
    group = groups_of(filled)
    separated_pairs: dict[int, set[int]] = {}
    for a, b in filled.apart:
        first, other = int(group[a]), int(group[b])
        if free[a] and free[b] and first != other:
            separated_pairs.setdefault(first, set()).add(other)
            separated_pairs.setdefault(other, set()).add(first)
    clique = clique_of(separated_pairs)
    if len(clique) > beats > 0:
        named = sorted({v for pair in filled.apart for v in pair if group[v] in clique})
        ids = some_ids(problem.name_of(named), limit=max(5, beats + 1))
        raise InfeasibleError("partition.error.apart_crowd", ids=ids, beats=beats)


def schedule_of(objective: str) -> Schedule:
    """Return how hot and how loose the search for an objective is."""
    if objective == "change":
        return Schedule(sweeps=1, hot=0.3, cold=0.1, loose=2_000.0, resplit=0.01)
    if objective == "travel":  # what a grid's way costs is small beside a border
        return Schedule(sweeps=1, hot=1.5, cold=0.01, resplit=0.01)
    return Schedule(
        sweeps=1, hot=1.2, cold=0.2, resplit=0.006, cooling=0.85, holding=0.1, transport=1.5
    )


def fill_pockets(problem: Problem) -> tuple[Problem, tuple[SearchNote, ...]]:
    """Return the problem with such grids in the locked beat they share most border with.

    A locked beat keeps all its grids. A grid that has no beat today, and borders nothing but
    locked beats, can only join one of them if every beat is to be in one piece.
    """
    if not problem.frozen or problem.present is None:
        return problem, ()
    locked = np.isin(problem.present, problem.frozen)
    edges = problem.edges
    station = np.zeros(problem.grids, dtype=np.int64)
    if problem.parents is not None:
        station = np.unique(problem.parents.astype(str), return_inverse=True)[1]
    inside = station[edges[:, 0]] == station[edges[:, 1]]
    _, piece = pieces_of(problem.grids, edges, inside & ~locked[edges].any(axis=1))
    homeless = np.ones(int(piece.max()) + 1, dtype=np.bool_)
    homeless[piece[(problem.present >= 0) | locked]] = False
    if problem.fixed is not None:
        homeless[piece[problem.fixed >= 0]] = False
    border = np.zeros((len(homeless), len(problem.frozen)))
    both = np.concatenate([edges[inside], edges[inside][:, ::-1]])
    length = np.tile(problem.borders_m[inside], 2)
    touching = homeless[piece[both[:, 0]]] & locked[both[:, 1]]
    order = np.argsort(problem.frozen)
    beat = np.searchsorted(np.array(problem.frozen)[order], problem.present[both[touching, 1]])
    np.add.at(border, (piece[both[touching, 0]], order[beat]), length[touching] + 1e-9)
    joins = homeless & (border.sum(axis=1) > 0)
    grids = np.flatnonzero(joins[piece])
    spare = problem.beats > len(set(problem.frozen))
    if not grids.size or (spare and bool((locked | joins[piece]).all())):
        return problem, ()  # where beats are left for nobody else, pockets are theirs
    present = problem.present.copy()
    present[grids] = np.array(problem.frozen)[np.argmax(border[piece[grids]], axis=1)]
    note = SearchNote(
        "partition.note.pockets", {"ids": some_ids(problem.name_of(grids)), "count": len(grids)}
    )
    return problem.replace(present=present), (note,)
