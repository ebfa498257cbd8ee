"""Changes between two periods per day, and whether chance explains them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.i18n import tr
from gridmap.measure import change_verdict
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured
from gridmap.report.tables import HIDDEN, Column, column

__all__ = ["add_changes", "chance_notes", "total_changes"]

Bools = npt.NDArray[np.bool_]
_OF_NOW, _OF_BEFORE = ("per_day_now",), ("incidents_before", "per_day_before")
_OF_BOTH = ("per_day_change", "change_share")


def add_changes(
    measured: Measured,
    key: str,
    rows: pd.DataFrame,
    hidden: pd.DataFrame,
    dark: tuple[Bools, Bools],
) -> list[Column]:
    """Add the figures of the period before, daily rates, change and verdict to a table.

    Parameters
    ----------
    measured, key
        The report's figures; which of `Measured.changes` the rows are.
    rows, hidden
        The table's rows and where they are hidden; columns are added to both.
    dark
        Rows whose count now, and whose count before, is hidden. A verdict is that of the true
        counts, whatever else is hidden.
    """
    judged = measured.changes[key]
    now, before = dark
    for names, mask in ((_OF_NOW, now), (_OF_BEFORE, before), (_OF_BOTH, now | before)):
        for name in names:
            values = _values(judged, name)
            rows[name] = np.where(mask, np.nan, values)
            hidden[name] = mask
    words = [_verdict(row) for row in judged.to_dict("records")]
    rows["beyond_chance"] = np.where(now | before, HIDDEN, np.array(words, dtype=object))
    return [
        column("incidents_before"), column("per_day_now", "fine"),
        column("per_day_before", "fine"), column("per_day_change", "signed_fine", bar=True),
        column("change_share", "change"), column("beyond_chance", "text"),
    ]  # fmt: skip


def total_changes(measured: Measured, hiding: Hiding) -> tuple[dict[str, Any], set[str]]:
    """Return the same figures of the whole city, and which of them are hidden."""
    judged = measured.changes["city"]
    total: dict[str, Any] = {
        name: float(_values(judged, name)[0]) for name in (*_OF_NOW, *_OF_BEFORE, *_OF_BOTH)
    }
    dark: set[str] = set()
    if hiding.one("city", "incidents"):
        dark |= {"incidents", *_OF_NOW, *_OF_BOTH}
    if hiding.one("city", "incidents", when="before"):
        dark |= {*_OF_BEFORE, *_OF_BOTH}
    total = {name: float("nan") if name in dark else value for name, value in total.items()}
    total["beyond_chance"] = HIDDEN if dark else _verdict(judged.to_dict("records")[0])
    return total, dark


def chance_notes(measured: Measured) -> tuple[str, ...]:
    """Return how the verdicts were reached: from which history, or that Poisson was assumed."""
    weeks = measured.changes["city"].attrs["weeks"]
    how = tr("report.note.dispersion", weeks=weeks) if weeks else tr("report.note.poisson")
    return (tr("report.note.change"), tr("report.note.chance") + how)


def _values(judged: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    if name == "incidents_before":
        return judged["before"].to_numpy(dtype=float)
    if name == "change_share":
        return judged["change_percent"].to_numpy(dtype=float) / 100.0
    return judged[name].to_numpy(dtype=float)


def _verdict(row: dict[str, Any]) -> str:
    return change_verdict(beyond_chance=row["beyond_chance"], unlike_city=row["unlike_city"])
