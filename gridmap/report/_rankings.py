"""Tables that set beats and stations side by side: change on the last period, ranking."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.i18n import tr
from gridmap.measure import rank
from gridmap.measure.summary import By
from gridmap.report._changes import add_changes, chance_notes, total_changes
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured
from gridmap.report.tables import HIDDEN, Chart, Column, Table, column

__all__ = ["change_table", "ranking_table"]

Floats = npt.NDArray[np.float64]


def change_table(measured: Measured, hiding: Hiding, level: By) -> Table | None:
    """Return the incidents of each beat or station now and in the compared period."""
    if measured.compared is None or level not in measured.before:
        return None
    now = measured.now[level]
    rows = pd.DataFrame({"id": now.rows["id"].astype(str), "name": now.rows["name"].astype(str)})
    dark = tuple(hiding.of(level, "incidents", len(rows), when=when) for when in ("now", "before"))
    rows["incidents"] = np.where(dark[0], np.nan, now.rows["incidents"].to_numpy(dtype=float))
    hidden = pd.DataFrame({"incidents": dark[0]})
    columns = add_changes(measured, level, rows, hidden, (dark[0], dark[1]))
    total, dim = total_changes(measured, hiding)
    total["incidents"] = float("nan") if "incidents" in dim else float(now.totals["incidents"])
    columns[0] = Column("incidents_before", measured.compared.label())
    greatest = rows["per_day_change"].abs().sort_values(ascending=False, kind="stable").index
    return Table(
        f"change_{level}",
        tr(f"report.sheet.change_{level}"),
        (
            column("id", "text"), column("name", "text"),
            Column("incidents", measured.period.label()), *columns,
        ),
        rows.loc[greatest].reset_index(drop=True),
        {"id": tr("report.total"), "name": "", **total},
        chance_notes(measured),
        (Chart("bar", tr("report.chart.change"), "name", ("incidents_before", "incidents")),),
        hidden.loc[greatest].reset_index(drop=True),
        frozenset(dim),
    )  # fmt: skip


def ranking_table(measured: Measured, hiding: Hiding, level: By) -> Table | None:
    """Return the ranking by incidents, equals in one place, hidden ones at the end."""
    found = measured.now.get(level)
    if found is None or "incidents" in found.missing:
        return None
    names = ["id", "name", "incidents", "incidents_per_1000_residents"]
    rows = found.rows[names].copy().reset_index(drop=True)
    rows[["id", "name"]] = rows[["id", "name"]].astype(str)
    dark = hiding.of(level, "incidents", len(rows))
    people = hiding.of(level, "residents", len(rows))
    # A share and its count would tell the total.
    hidden = pd.DataFrame({"incidents": dark, "share": dark | hiding.one("city", "incidents")})
    hidden["incidents_per_1000_residents"] = dark | people
    rows.loc[dark, "incidents"] = np.nan
    rows.loc[hidden["incidents_per_1000_residents"], "incidents_per_1000_residents"] = np.nan
    rows["share"] = rows["incidents"] / max(found.totals["incidents"], 1.0)
    rows.loc[hidden["share"], "share"] = np.nan
    rows["rank"], order = _places(rows["incidents"].to_numpy(dtype=float))
    columns = [
        column("rank", "text"), column("name", "text"), column("incidents", bar=True),
        column("share", "share"),
    ]  # fmt: skip
    if "residents" not in found.missing:
        columns.append(column("incidents_per_1000_residents", "decimal"))
    if level in measured.before:
        then = measured.before[level].rows["incidents"].to_numpy(dtype=float)
        dim = hiding.of(level, "incidents", len(rows), when="before")
        rows["rank_before"] = _places(np.where(dim, np.nan, then))[0]
        share = measured.changes[level]["change_percent"].to_numpy(dtype=float) / 100.0
        rows["change_share"] = np.where(dark | dim, np.nan, share)
        hidden["change_share"] = dark | dim
        columns += [column("rank_before", "text"), column("change_share", "change")]
    return Table(
        f"ranking_{level}",
        tr(f"report.sheet.ranking_{level}"),
        tuple(columns),
        rows.iloc[order].reset_index(drop=True),
        None,
        (tr("report.note.ranking"),),
        (Chart("bar", tr("report.chart.incidents"), "name", ("incidents",)),),
        hidden.iloc[order].reset_index(drop=True),
    )


def _places(values: Floats) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Return places as text, one that several hold marked with =, and the order of rows."""
    table = rank(values, np.arange(len(values)))
    order = table["id"].to_numpy(dtype=np.int64)
    texts = np.array(
        [
            HIDDEN if pd.isna(place) else f"{place}{'=' if tied else ''}"
            for place, tied in zip(table["rank"], table["tied_with"], strict=True)
        ],
        dtype=object,
    )
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return list(texts[back]), order
