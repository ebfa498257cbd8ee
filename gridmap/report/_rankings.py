"""Tables that set beats and stations side by side: change on the last period, ranking."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.i18n import tr
from gridmap.measure.summary import By
from gridmap.report._times import change_of
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured
from gridmap.report.tables import HIDDEN, Chart, Column, Table, column

__all__ = ["change_table", "rank", "ranking_table"]

Floats = npt.NDArray[np.float64]


def change_table(measured: Measured, hiding: Hiding, level: By) -> Table | None:
    """Return the incidents of each beat or station now and in the compared period."""
    if measured.compared is None or level not in measured.before:
        return None
    now, before = measured.now[level], measured.before[level]
    rows = pd.DataFrame({"id": now.rows["id"].astype(str), "name": now.rows["name"].astype(str)})
    hidden = pd.DataFrame(index=rows.index)
    for key, found, when in (("incidents", now, "now"), ("incidents_before", before, "before")):
        hidden[key] = hiding.of(level, "incidents", len(rows), when=when)
        rows[key] = found.rows["incidents"].to_numpy(dtype=float)
        rows.loc[hidden[key], key] = np.nan
    rows["change"], rows["change_share"] = change_of(rows["incidents"], rows["incidents_before"])
    hidden["change"] = hidden["change_share"] = hidden["incidents"] | hidden["incidents_before"]
    sums = {"incidents": now.totals["incidents"], "incidents_before": before.totals["incidents"]}
    change, share = change_of(
        pd.Series([sums["incidents"]]), pd.Series([sums["incidents_before"]])
    )
    total = {**sums, "change": float(change[0]), "change_share": float(share[0])}
    dark = {key for key, when in (("incidents", "now"), ("incidents_before", "before"))
            if hiding.one("city", "incidents", when=when)}  # fmt: skip
    dark |= {"change", "change_share"} if dark else set()
    greatest = rows["change"].abs().sort_values(ascending=False, kind="stable").index
    return Table(
        f"change_{level}",
        tr(f"report.sheet.change_{level}"),
        (
            column("id", "text"), column("name", "text"),
            Column("incidents", measured.period.label()),
            Column("incidents_before", measured.compared.label()),
            column("change", "signed", bar=True), column("change_share", "change"),
        ),
        rows.loc[greatest].reset_index(drop=True),
        {"id": tr("report.total"), "name": ""}
        | {key: float("nan") if key in dark else value for key, value in total.items()},
        (tr("report.note.change"),),
        (Chart("bar", tr("report.chart.change"), "name", ("incidents_before", "incidents")),),
        hidden.loc[greatest].reset_index(drop=True),
        frozenset(dark),
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
    hidden = pd.DataFrame({"incidents": dark, "share": dark})
    hidden["incidents_per_1000_residents"] = dark | people
    rows.loc[dark, "incidents"] = np.nan
    rows.loc[hidden["incidents_per_1000_residents"], "incidents_per_1000_residents"] = np.nan
    rows["share"] = rows["incidents"] / max(found.totals["incidents"], 1.0)
    place = rank(rows["incidents"].to_numpy(dtype=float))
    rows["rank"] = _places(place)
    columns = [
        column("rank", "text"), column("name", "text"), column("incidents", bar=True),
        column("share", "share"),
    ]  # fmt: skip
    if "residents" not in found.missing:
        columns.append(column("incidents_per_1000_residents", "decimal"))
    if level in measured.before:
        then = measured.before[level].rows["incidents"].to_numpy(dtype=float)
        dim = hiding.of(level, "incidents", len(rows), when="before")
        rows["rank_before"] = _places(rank(np.where(dim, np.nan, then)))
        rows["change_share"] = change_of(
            rows["incidents"], pd.Series(np.where(dim, np.nan, then))
        )[1]
        hidden["change_share"] = dark | dim
        columns += [column("rank_before", "text"), column("change_share", "change")]
    order = np.argsort(np.where(np.isfinite(place), place, np.inf), kind="stable")
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


def rank(values: Floats) -> Floats:
    """Return places from 1, the greatest first, equals in one place (1, 2, 2, 4).

    Examples
    --------
    >>> rank(np.array([5.0, 9.0, 5.0, 1.0, np.nan])).tolist()
    [2.0, 1.0, 2.0, 4.0, nan]
    """
    return pd.Series(values).rank(method="min", ascending=False).to_numpy(dtype=float)


def _places(place: Floats) -> list[str]:
    """Return places as text; a place that several hold is marked with =."""
    known, counts = np.unique(place[np.isfinite(place)], return_counts=True)
    shared = set(known[counts > 1].tolist())
    return [
        HIDDEN if not np.isfinite(value) else f"{int(value)}{'=' if value in shared else ''}"
        for value in place
    ]
