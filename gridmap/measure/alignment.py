"""警格+网格融合度: how well beats follow the borders of grids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.measure.crosswalk import Crosswalk

__all__ = ["Alignment", "alignment"]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """How well beats are made of whole grids.

    Attributes
    ----------
    city
        Share of the residents of beats who live in grids that lie whole in one beat; NaN
        if beats have none.
    by_beat
        The same for each beat: of its own residents.
    whole_grids, split_grids, outside_grids
        Grids in one beat whole; grids that a border cuts or that lie partly in no beat;
        grids in no beat.
    """

    city: float
    by_beat: pd.Series[float]
    whole_grids: int
    split_grids: int
    outside_grids: int


def alignment(
    table: Crosswalk, residents: npt.ArrayLike, *, sliver_share: float = 0.01
) -> Alignment:
    """Score how well beats and grids are merged.

    ``score = sum_i residents_i [grid i whole in a beat] / sum_ij share_ij residents_i``.

    Parameters
    ----------
    table
        Crosswalk of grids (sources) and beats (targets).
    residents
        Residents of each grid.
    sliver_share
        A grid is whole in a beat that holds at least ``1 - sliver_share`` of it.
    """
    people = np.asarray(residents, np.float64)
    pieces = table.shares.tocoo()
    amount = pieces.data * people[pieces.row]
    whole = pieces.data >= 1.0 - sliver_share
    beats = len(table.target_ids)
    every = np.bincount(pieces.col, weights=amount, minlength=beats)
    kept = np.bincount(pieces.col[whole], weights=amount[whole], minlength=beats)
    score = np.divide(kept, every, out=np.full(beats, np.nan), where=every > 0)
    held = np.asarray(table.shares.sum(axis=1)) > sliver_share
    return Alignment(
        city=float(kept.sum() / every.sum()) if every.sum() > 0 else float("nan"),
        by_beat=pd.Series(score, index=pd.Index(table.target_ids), name="alignment"),
        whole_grids=int(whole.sum()),
        split_grids=int(held.sum() - whole.sum()),
        outside_grids=int((~held).sum()),
    )
