"""One long table of everything counted, ready for a pivot: unit, level, parent, measure, value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gridmap.i18n import tr
from gridmap.report.tables import Table, column

if TYPE_CHECKING:
    from gridmap.report.report import Report

__all__ = ["tidy_table"]

_LEVELS = {"beats": "beat", "stations": "station", "communities": "community", "grids": "grid"}
_PARENTS = ("parent_beat", "parent_station", "parent_community")
_MANY = 3_000  # grids above which their numbers stand in their own sheet only


def tidy_table(report: Report) -> Table | None:
    """Return every shown number of every area, and incidents by category, one a row.

    Hidden numbers have no row.
    """
    parts: list[pd.DataFrame] = []
    period = report.period.label()
    for key, level in _LEVELS.items():
        table = report.table(key)
        if table is None or (level == "grid" and len(table) > _MANY):
            continue
        names = "name" if "name" in table.rows.columns else "id"
        parent = np.array([""] * len(table), dtype=object)
        for name in _PARENTS:
            if name in table.rows.columns:
                words = table.values(name).astype(object)
                parent = np.where(parent == "", words, parent)
        for item in table.columns:
            if item.form == "text":
                continue
            values = table.values(item.key).astype(float)
            shown = np.isfinite(values)
            parts.append(
                _part(table.values(names)[shown], level, parent[shown], period, "", item.label,
                      values[shown])
            )  # fmt: skip
    history = report.history
    if history is not None and not report.hiding.limit:
        kinds = history.levels["category"]
        for level, counts in history.crossed.items():
            of = history.levels[level]
            row, kind = np.nonzero(counts)
            parts.append(
                _part(
                    np.array(of.names, dtype=object)[row],
                    level,
                    np.array([""] * len(row), dtype=object),
                    period,
                    np.array(kinds.names, dtype=object)[kind],
                    tr("field.incidents"),
                    counts[row, kind].astype(float),
                )
            )
    if not parts:
        return None
    columns = tuple(
        column(f"tidy_{name}", "text")
        for name in ("unit", "level", "parent", "period", "category", "measure")
    )
    rows = pd.concat(parts, ignore_index=True)
    return Table("data", tr("report.sheet.data"), (*columns, column("tidy_value", "plain")), rows)


def _part(
    units: np.ndarray,
    level: str,
    parents: np.ndarray,
    period: str,
    category: np.ndarray | str,
    measure: str,
    values: np.ndarray,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tidy_unit": units.astype(str),
            "tidy_level": tr(f"briefing.level.{level}"),
            "tidy_parent": parents.astype(str),
            "tidy_period": period,
            "tidy_category": category,
            "tidy_measure": measure,
            "tidy_value": values,
        }
    )
