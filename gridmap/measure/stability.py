"""Whether a plan that fits the first months still fits the later ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.measure.balance import balance
from gridmap.model import Plan

__all__ = ["score_stability"]


def score_stability(
    plan: Plan,
    counts: npt.ArrayLike,
    periods: Sequence[str],
    *,
    fitted: int,
) -> pd.DataFrame:
    """Score a plan's balance in each period, those it was fitted on and those after.

    Parameters
    ----------
    plan
        The plan.
    counts
        Load of each grid in each period, shape (grids, periods), for example
        ``IncidentCounts.table("polygon", "month")``.
    periods
        Names of the periods, in order.
    fitted
        How many of the first periods the plan was made on.

    Returns
    -------
    DataFrame
        One row per period, and one each for ``fitted`` and ``later`` together;
        ``worst_deviation, cv, gini`` (see `balance`) and ``assigned``, the load in beats.
    """
    load = np.asarray(counts, np.float64)
    if load.shape != (len(plan.grid_ids), len(periods)) or not 0 < fitted < len(periods):
        message = f"counts of {load.shape} do not fit {len(plan.grid_ids)} grids and periods"
        raise ValueError(message)
    columns = {name: load[:, at] for at, name in enumerate(periods)}
    columns["fitted"] = load[:, :fitted].sum(axis=1)
    columns["later"] = load[:, fitted:].sum(axis=1)
    rows = {}
    for name, values in columns.items():
        beats = plan.totals(values)
        measured = balance(beats)
        rows[name] = {
            "worst_deviation": measured.worst_deviation,
            "cv": measured.cv,
            "gini": measured.gini,
            "assigned": float(beats.sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
