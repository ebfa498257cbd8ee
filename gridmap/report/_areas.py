"""Tables by grid, beat and station, and what rooms cover."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.i18n import tr
from gridmap.measure import HotSpots, MeasureTable
from gridmap.measure.summary import COUNTS, By
from gridmap.model import Kind
from gridmap.report._hot import hot_words
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured
from gridmap.report.tables import HIDDEN, Chart, Column, Format, Table, column, shown

__all__ = ["area_table", "coverage_table", "masked", "natural_key"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

#: Which hidden counts would be known from a rate.
_RATES = {
    "residents_per_km2": ("residents",),
    "incidents_per_km2": ("incidents",),
    "incidents_per_1000_residents": ("residents", "incidents"),
    "covered_residents_share": ("covered_residents", "residents"),
    "covered_residents": ("covered_residents",),
    "outside_residents": ("covered_residents", "residents"),
}
_TITLES = {"grid": "grids", "beat": "beats", "station": "stations", "community": "communities"}


def area_table(
    measured: Measured, hiding: Hiding, level: By, hot: HotSpots | None = None
) -> Table:
    """Return the table of every grid, beat, station or community."""
    found = measured.now[level]
    columns = [column("id", "text"), column("name", "text"), column("area_km2", "fine")]
    if (found.rows["id"].astype(str) == found.rows["name"].astype(str)).all():
        del columns[1]  # what has no names need not be told twice
    columns += [column(name) for name in COUNTS if name not in found.missing]
    lived_in, counted = (name not in found.missing for name in ("residents", "incidents"))
    columns += [column("incidents", bar=True)] if counted else []
    columns += [column("residents_per_km2")] if lived_in else []
    columns += [column("incidents_per_km2", "decimal")] if counted else []
    columns += [column("incidents_per_1000_residents", "decimal")] if lived_in and counted else []
    if lived_in and np.isfinite(found.totals["covered_residents_share"]):
        columns.append(column("covered_residents_share", "share"))
    rows, hidden, total, hidden_total = masked(found, hiding, level, columns)
    for place, (key, words) in enumerate(_parents(measured, level).items()):
        rows[key] = words
        columns.insert(len(columns[:2]) + place if columns[1].form == "text" else 1 + place,
                       column(key, "text"))  # fmt: skip
    if level == "grid" and hot is not None:
        rows["hot_spot"] = hot_words(hot)
        columns.append(column("hot_spot", "text"))
    if level != "grid":  # those keep the order of their layer, as maps take their numbers
        ids = rows["id"].tolist()
        order = sorted(range(len(ids)), key=lambda row: natural_key(ids[row]))
        rows = rows.iloc[order].reset_index(drop=True)
        hidden = hidden.iloc[order].reset_index(drop=True)
    return Table(
        _TITLES[level],
        tr(f"report.sheet.{_TITLES[level]}"),
        tuple(columns),
        rows,
        total,
        tuple(_notes(found, hiding, level)),
        (),
        hidden,
        hidden_total,
    )


def _parents(measured: Measured, level: By) -> dict[str, npt.NDArray[np.object_]]:
    """Return the names of the beat, station and community that each row belongs to."""
    city, plan = measured.city, measured.plan
    layer = city.get(Kind(level))
    size = len(measured.now[level].rows)
    found: dict[str, npt.NDArray[np.object_]] = {}
    for kind in (Kind.BEAT, Kind.STATION, Kind.COMMUNITY):
        if plan is not None and level == "beat" and kind == Kind.STATION:
            words = np.array([beat.station for beat in plan.beats], dtype=object)
        elif plan is not None and level == "grid" and kind == Kind.BEAT:
            labels = np.array([*(beat.label for beat in plan.beats), ""], dtype=object)
            words = labels[plan.assignment]
        elif layer is not None and len(layer) == size and layer.has(str(kind)):
            words = layer.texts(str(kind))
        else:
            continue
        other = city.get(kind)
        if other is not None:
            names = dict(zip(other.ids.astype(str), other.names.astype(str), strict=True))
            words = np.array([names.get(str(word), str(word)) for word in words], dtype=object)
        if len(words) == size and any(words):
            found[f"parent_{kind}"] = words
    return found


def coverage_table(measured: Measured, hiding: Hiding, level: By) -> Table | None:
    """Return who lives within reach of a room, or None where that is not known."""
    found = measured.now[level]
    if "residents" in found.missing or not np.isfinite(found.totals["covered_residents_share"]):
        return None
    columns = [
        column("id", "text"), column("name", "text"), column("residents"),
        column("covered_residents"), column("outside_residents", bar=True),
        column("covered_residents_share", "share", bar=True),
    ]  # fmt: skip
    rows, hidden, total, hidden_total = masked(found, hiding, level, columns)
    # The beats where most people live out of reach come first, those hidden last.
    worst = rows["outside_residents"].sort_values(ascending=False, kind="stable").index
    radius = measured.city.presets.room_radius_m
    return Table(
        "coverage",
        tr("report.sheet.coverage"),
        tuple(columns),
        rows.loc[worst].reset_index(drop=True),
        total,
        (tr("report.note.coverage", radius=radius),),
        (Chart("bar", tr("report.chart.outside"), "name", ("outside_residents",)),),
        hidden.loc[worst].reset_index(drop=True),
        hidden_total,
    )


def masked(
    found: MeasureTable,
    hiding: Hiding,
    level: str,
    columns: list[Column],
    *,
    when: str = "now",
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any], frozenset[str]]:
    """Return rows and totals of some columns with hidden numbers taken out.

    Returns
    -------
    rows, hidden, total, hidden_total
        As `Table` takes them.
    """
    rows = with_covered(found.rows)
    totals = with_covered(pd.DataFrame([found.totals])).iloc[0].to_dict()
    shown_rows = pd.DataFrame(index=rows.index)
    hidden = pd.DataFrame(index=rows.index)
    total: dict[str, Any] = {"id": tr("report.total"), "name": ""}
    hidden_total = set()
    for item in columns:
        if item.form == "text":
            shown_rows[item.key] = rows[item.key].astype(str)
            continue
        of = _RATES.get(item.key, (item.key,))
        mask = np.zeros(len(rows), dtype=bool)
        for name in of:
            mask |= hiding.of(level, name, len(rows), when=when)
        # Grids' shares of cover are geometry: they tell nothing about anybody.
        if level == "grid" and item.key == "covered_residents_share":
            mask[:] = False
        shown_rows[item.key] = rounded(rows[item.key].to_numpy(dtype=float), item.form, hiding)
        shown_rows.loc[mask, item.key] = np.nan
        hidden[item.key] = mask
        total[item.key] = float(rounded(np.array([totals[item.key]]), item.form, hiding)[0])
        if any(hiding.one("city", name, when=when) for name in of):
            total[item.key] = float("nan")
            hidden_total.add(item.key)
    return shown_rows, hidden, total, frozenset(hidden_total)


def rounded(values: Floats, form: Format, hiding: Hiding) -> Floats:
    """Return numbers with no more digits than are shown, where small ones are hidden.

    Digits behind the point of a count that was shared out would tell the counts it is of.
    """
    digits = {"share": 3, "decimal": 1, "fine": 2}.get(form, 0)
    return np.round(values, digits) if hiding.limit else values


def with_covered(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the residents within and out of reach of a room."""
    # Nobody lives where there are no residents: none is covered, none is not.
    share = np.where(rows["residents"] > 0, rows["covered_residents_share"], 0.0)
    covered = rows["residents"] * share
    return rows.assign(covered_residents=covered, outside_residents=rows["residents"] - covered)


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts numbers within texts by their size: 2 before 10."""
    return tuple(
        (0, len(part.lstrip("0")), part.lstrip("0")) if part[0] in "0123456789" else (1, 0, part)
        for part in re.split(r"([0-9]+)", text)
        if part
    )


def _notes(found: MeasureTable, hiding: Hiding, level: str) -> list[str]:
    outside = found.unassigned
    place = f"outside-{level}"
    told = {
        name: shown(outside[name], "count", hidden=hiding.one(place, name))
        for name in ("residents", "incidents")
    }
    notes = []
    if any(text != "0" for text in told.values()):
        notes.append(tr(f"report.note.outside_{level}", **told))
    if found.split_grids:
        notes.append(tr("report.note.split", count=found.split_grids))
    if hiding.limit:
        notes.append(tr("report.note.hidden", limit=hiding.limit, mark=HIDDEN))
    return notes
