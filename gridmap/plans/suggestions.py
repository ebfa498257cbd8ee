"""Suggestions while editing: the next moves that help the worst beat most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridmap.plans.commands import MoveGrids
from gridmap.plans.draft import Draft
from gridmap.plans.effects import Effect, preview
from gridmap.typing import Floats, Ints

__all__ = ["suggest_moves", "worst_beat"]

_TRIED = 60
_LARGEST_TAIL = 8
_SHAPE_WEIGHT = 0.1


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: float
    rows: tuple[int, ...]
    source: int
    target: int


def worst_beat(draft: Draft) -> str:
    """Return the id of the unlocked beat whose workload is farthest from the mean, or ``""``."""
    off = np.abs(draft.figures.deviation)
    free = np.array([beat.id not in draft.locks.beats for beat in draft.plan.beats], dtype=bool)
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


def _safe(draft: Draft, candidate: _Candidate) -> Effect | None:
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


def _candidates(draft: Draft, row: int) -> list[_Candidate]:
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
        found.append(_Candidate(gain - _SHAPE_WEIGHT * own * growth, (grid,), source, target))
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
    return max(float(draft.figures.workload.mean()), 1e-300)


def _gain(draft: Draft, rows: tuple[int, ...], source: int, target: int) -> float:
    """Return by how much the squared deviations of two beats fall, in units of the mean."""
    mean = _mean(draft)
    moved = float(draft.ground.workload[list(rows)].sum()) / mean
    high = float(draft.figures.workload[source]) / mean
    low = float(draft.figures.workload[target]) / mean
    return 2.0 * moved * (high - low - moved)
