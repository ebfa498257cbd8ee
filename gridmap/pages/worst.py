"""Which beats stand out, and why, in a sentence: pure, no screen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gridmap.i18n import tr

__all__ = ["WorstBeat", "worst_beats"]

_LOADS = ("residents", "incidents")
_NOTABLE = 0.1  # an excess below a tenth is not worth a sentence


@dataclass(frozen=True, slots=True)
class WorstBeat:
    """A beat that stands out.

    Parameters
    ----------
    id, name
        The beat.
    score
        Its greatest excess: load over the mean less 1, or the share of residents out of
        reach, whichever is greater.
    reason
        The sentence.
    """

    id: str
    name: str
    score: float
    reason: str


def worst_beats(rows: pd.DataFrame, *, count: int = 5) -> list[WorstBeat]:
    """Return the beats with the greatest load or the most residents out of reach, if any.

    Parameters
    ----------
    rows
        A table by beat, as `gridmap.measure.summarise` makes it.
    count
        How many at most; a beat of which nothing stands out is not among them.

    Notes
    -----
    Score of a beat = max(residents / mean - 1, incidents / mean - 1, share of residents out
    of reach). Under-load is no complaint of the beat itself: it shows in the others.
    """
    scores: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    for name in _LOADS:
        values = rows[name].to_numpy(dtype=float)
        if values.sum() > 0:
            scores[name] = values / values.mean() - 1.0
    outside = 1.0 - rows["covered_residents_share"].to_numpy(dtype=float)
    if np.isfinite(outside).any():
        scores["outside"] = np.nan_to_num(outside)
    if not scores or rows.empty:
        return []
    table = np.column_stack(list(scores.values()))
    total = table.max(axis=1)
    order = np.argsort(-total, kind="stable")[:count]
    order = order[total[order] > _NOTABLE]
    names = list(scores)
    found = []
    for row in order.tolist():
        worst_first = np.argsort(-table[row], kind="stable").tolist()
        parts = [
            _part(names[column], rows.iloc[row], float(table[row, column]))
            for column in worst_first
            if table[row, column] > _NOTABLE
        ]
        record = rows.iloc[row]
        found.append(
            WorstBeat(
                str(record["id"]),
                str(record["name"]),
                float(total[row]),
                tr("page.worst.join").join(parts[:2]),
            )
        )
    return found


def _part(name: str, record: pd.Series, excess: float) -> str:
    if name == "outside":
        return tr("page.worst.outside", share=f"{excess:.0%}")
    return tr(f"page.worst.{name}", count=f"{record[name]:,.0f}", more=f"{excess:.0%}")
