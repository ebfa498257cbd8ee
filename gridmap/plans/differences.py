"""What differs between two states of a plan, beat ids taken as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.errors import some_ids
from gridmap.i18n import tr
from gridmap.model import BeatInfo, Plan

__all__ = ["GridMove", "PlanDifference", "plan_difference"]

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
                before=called.get(move.before, move.before) or "-",
                after=called.get(move.after, move.after) or "-",
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

    Grids are told apart by their ids, so plans on different grids can be set side by side: a
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


def _labels(plan: Plan, grids: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the beat of each grid, ``""`` where the plan does not know it."""
    rows = pd.Index(plan.grid_ids, dtype=object).get_indexer(grids)
    return np.append(plan.labels, "")[rows]
