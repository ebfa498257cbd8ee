"""Tables of incidents by hour, category and month."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gridmap.i18n import tr
from gridmap.measure import partial_months, per_occurrence
from gridmap.report._changes import add_changes, chance_notes, total_changes
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured
from gridmap.report.tables import HIDDEN, Chart, Column, Table, column, shown

__all__ = ["DAYS", "category_table", "hour_table", "month_table"]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def hour_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return incidents by hour of the day and weekday, for each time that it occurred."""
    time = measured.time
    if time is None or (time.unknown_time and not time.hours.any()):
        return None  # nobody noted a time: 168 zeros would say that nothing happened
    counts = time.hours.astype(float)
    each = per_occurrence(counts.T.ravel(), time.days).T
    mask = hiding.of("hours", "incidents", counts.size).reshape(counts.shape)
    by_hour = hiding.of("hour", "incidents", 24)
    by_day = hiding.of("day", "incidents", 7)
    rows = pd.DataFrame({"hour": [f"{h:02d}:00–{h + 1:02d}:00" for h in range(24)]})
    hidden = pd.DataFrame(index=rows.index)
    for place, day in enumerate(DAYS):
        rows[day] = np.where(mask[:, place], np.nan, each[:, place])
        hidden[day] = mask[:, place]
    rows["all"] = np.where(by_hour, np.nan, counts.sum(axis=1))
    hidden["all"] = by_hour
    total = {"hour": tr("report.total")}
    sums = dict(zip(DAYS, each.sum(axis=0).tolist(), strict=True))
    dark = {day for place, day in enumerate(DAYS) if by_day[place]}
    if hiding.one("timed", "incidents"):
        dark.add("all")
    sums["all"] = float(counts.sum())
    columns = [column("hour", "text")]
    columns += [Column(day, tr(f"measure.day.{day}"), "decimal") for day in DAYS]
    columns.append(Column("all", tr("report.column.hour_total"), bar=True))
    named = (
        tr("report.note.weekday", day=tr(f"measure.day.{day}"), count=times)
        for day, times in zip(DAYS, time.days.tolist(), strict=True)
    )
    notes = [tr("report.note.per_weekday", days=tr("report.sentence.comma").join(named))]
    if time.unknown_time:
        text = shown(time.unknown_time, "count", hidden=hiding.one("untimed", "incidents"))
        notes.append(tr("report.note.untimed", count=text))
    return Table(
        "hours",
        tr("report.sheet.hours"),
        tuple(columns),
        rows,
        total | {key: float("nan") if key in dark else value for key, value in sums.items()},
        tuple(notes),
        (Chart("column", tr("report.chart.hours"), "hour", ("all",)),),
        hidden,
        frozenset(dark),
        heat=DAYS,
    )


def category_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return incidents by category, the most frequent first, hidden ones last."""
    time, before = measured.time, measured.time_before
    if time is None or measured.city.incidents is None or not len(time.categories):
        return None
    names = [*measured.city.incidents.categories, tr("report.unknown_category")]
    now = np.append(time.categories, time.unknown_category).astype(float)
    mask = hiding.of("category", "incidents", len(now))
    rows = pd.DataFrame({"category": names, "incidents": np.where(mask, np.nan, now)})
    hidden = pd.DataFrame({"incidents": mask})
    # A share and its count would tell the total.
    hidden["share"] = mask | hiding.one("city", "incidents")
    rows["share"] = np.where(hidden["share"], np.nan, now / max(time.total, 1))
    columns = [column("category", "text"), column("incidents", bar=True), column("share", "share")]
    total = {"category": tr("report.total"), "incidents": float(time.total), "share": 1.0}
    dark: set[str] = {"incidents"} if hiding.one("city", "incidents") else set()
    if before is not None:
        dim = hiding.of("category", "incidents", len(now), when="before")
        columns += add_changes(measured, "category", rows, hidden, (mask, dim))
        figures, hidden_figures = total_changes(measured, hiding)
        total |= figures
        dark |= hidden_figures
    present = (now > 0) | (rows.get("incidents_before", rows["incidents"]).fillna(1) > 0)
    order = rows.assign(hidden=mask)[present].sort_values(
        ["hidden", "incidents"], ascending=[True, False], kind="stable"
    )
    notes = chance_notes(measured) if before is not None else ()
    if hiding.limit:
        notes += (tr("report.note.hidden", limit=hiding.limit, mark=HIDDEN),)
    return Table(
        "categories",
        tr("report.sheet.categories"),
        tuple(columns),
        rows.loc[order.index].reset_index(drop=True),
        {key: float("nan") if key in dark else value for key, value in total.items()},
        notes,
        (Chart("bar", tr("report.chart.categories"), "category", ("incidents",), most=15),),
        hidden.loc[order.index].reset_index(drop=True),
        frozenset(dark & set(total)),
    )


def month_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return incidents of every month up to the period's end."""
    if not measured.months:
        return None
    counts = measured.month_counts.astype(float)
    mask = hiding.of("month", "incidents", len(counts))
    rows = pd.DataFrame(
        {"month": list(measured.months), "incidents": np.where(mask, np.nan, counts)}
    )
    cut = partial_months(measured.city, until=measured.period.until)
    notes = tuple(
        tr("report.note.part_month", month=month, first=str(first), last=str(last))
        for month, (first, last) in cut.items()
        if month in measured.months
    )
    return Table(
        "months",
        tr("report.sheet.months"),
        (column("month", "text"), column("incidents", bar=True)),
        rows,
        None,
        notes,
        (Chart("line", tr("report.chart.months"), "month", ("incidents",), most=120),),
        pd.DataFrame({"incidents": mask}),
    )
