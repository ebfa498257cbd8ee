"""Changes between two periods, and whether chance explains them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.i18n import tr
from gridmap.measure import compare_periods
from gridmap.report.measured import Measured
from gridmap.report.tables import HIDDEN

__all__ = ["beyond_chance", "change_of"]


def beyond_chance(
    measured: Measured, rows: pd.DataFrame, dark: npt.NDArray[np.bool_]
) -> list[str]:
    """Return for each row whether its change is more than chance makes, as text."""
    told = np.full(len(rows), HIDDEN, dtype=object)
    if measured.compared is not None and not dark.all():
        shown = rows[~dark]
        found = compare_periods(
            shown["incidents"].round().astype(int),
            shown["incidents_before"].round().astype(int),
            days_now=measured.period.days,
            days_before=measured.compared.days,
        )
        words = np.array([tr("report.chance"), tr("report.beyond_chance")], dtype=object)
        told[~dark] = words[found["significant"].to_numpy(dtype=int)]
    return list(told)


def change_of(now: pd.Series, before: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the change and its share of what was before; NaN where there was nothing."""
    new, old = now.to_numpy(dtype=float), before.to_numpy(dtype=float)
    change = new - old
    share = np.divide(change, old, out=np.full(len(old), np.nan), where=old > 0)
    return change, share
