"""Tables of officers beside what the norm asks, and of a plan beside today's beats."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gridmap.i18n import tr
from gridmap.model import Kind
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured
from gridmap.report.tables import Chart, Format, Table, column

__all__ = ["comparison_table", "staffing_table"]


def staffing_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return each beat's officers beside the people they look after."""
    found = measured.now.get("beat")
    staff = _staff(measured)
    if found is None or staff is None or "residents" in found.missing:
        return None
    norm = measured.city.presets.people_per_officer
    dark = hiding.of("beat", "residents", len(found.rows))
    residents = np.where(dark, np.nan, found.rows["residents"].to_numpy(dtype=float))
    officers, auxiliaries = staff
    needed = np.ceil(residents / norm - 1e-9)
    rows = pd.DataFrame(
        {
            "id": found.rows["id"].astype(str),
            "name": found.rows["name"].astype(str),
            "residents": residents,
            "officers": officers,
            "auxiliaries": auxiliaries,
            "residents_per_officer": np.divide(
                residents, officers, out=np.full(len(residents), np.nan), where=officers > 0
            ),
            "officers_needed": needed,
            "officers_gap": officers - needed,
        }
    )
    hidden = pd.DataFrame(
        dict.fromkeys(
            ("residents", "residents_per_officer", "officers_needed", "officers_gap"), dark
        )
    )
    shortest = rows["officers_gap"].sort_values(kind="stable").index
    people = found.totals["residents"] - found.unassigned["residents"]
    total = {"id": tr("report.total"), "name": "", "residents": people}
    total |= {"officers": officers.sum(), "auxiliaries": auxiliaries.sum()}
    total["residents_per_officer"] = people / officers.sum() if officers.sum() else np.nan
    total["officers_needed"] = float(np.nansum(needed))
    total["officers_gap"] = officers.sum() - total["officers_needed"]
    # The sums would tell what the rows hide.
    keys = ("residents", "residents_per_officer", "officers_needed", "officers_gap")
    secret = frozenset(keys) if dark.any() else frozenset()
    return Table(
        "staffing",
        tr("report.sheet.staffing"),
        (
            column("id", "text"), column("name", "text"), column("residents"),
            column("officers"), column("auxiliaries"), column("residents_per_officer"),
            column("officers_needed"), column("officers_gap", "signed", bar=True),
        ),
        rows.loc[shortest].reset_index(drop=True),
        {key: np.nan if key in secret else value for key, value in total.items()},
        (tr("report.note.staffing", norm=norm),),
        (Chart("bar", tr("report.chart.gap"), "name", ("officers_gap",)),),
        hidden.loc[shortest].reset_index(drop=True),
        secret,
    )  # fmt: skip


def comparison_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return each beat today and in the plan."""
    made = measured.comparison
    if made is None or measured.present is None or measured.plan is None:
        return None
    old = {beat: row for row, beat in enumerate(measured.present.beat_ids)}
    new = {beat: row for row, beat in enumerate(measured.plan.beat_ids)}
    lines, masks = [], []
    for beat in made.beats:
        line: dict[str, object] = {"name": beat.label}
        mask: dict[str, bool] = {}
        for side, figures, level, row, size in (
            ("before", beat.figures_before, "present", old.get(beat.before, -1), len(old)),
            ("after", beat.figures_after, "beat", new.get(beat.after, -1), len(new)),
        ):
            for name in ("grids", "residents", "incidents", "covered_share"):
                key = f"{name}_{side}"
                line[key] = np.nan if figures is None else float(getattr(figures, name))
                counted = {"grids": "", "covered_share": "covered_residents"}.get(name, name)
                mask[key] = bool(counted and row >= 0 and hiding.of(level, counted, size)[row])
        lines.append(line)
        masks.append(mask)
    rows, hidden = pd.DataFrame(lines), pd.DataFrame(masks)
    for key in hidden.columns:
        rows.loc[hidden[key], key] = np.nan
    rows["kept_share"] = [beat.kept_share for beat in made.beats]
    hidden["kept_share"] = hidden["residents_before"] | bool(hiding.limit)
    rows.loc[hidden["kept_share"], "kept_share"] = np.nan
    columns = [column("name", "text")]
    for name in ("grids", "residents", "incidents", "covered_share"):
        form: Format = "share" if name == "covered_share" else "count"
        columns += [column(f"{name}_before", form), column(f"{name}_after", form)]
    if not hiding.limit:
        columns.append(column("kept_share", "share", bar=True))
    return Table(
        "comparison",
        tr("report.sheet.comparison"),
        tuple(columns),
        rows,
        None,
        (tr("report.note.comparison", old=made.old, new=made.new),),
        (
            Chart(
                "bar", tr("report.chart.comparison"), "name",
                ("incidents_before", "incidents_after"),
            ),
        ),
        hidden,
    )  # fmt: skip


def _staff(measured: Measured) -> tuple[np.ndarray, np.ndarray] | None:
    if measured.plan is not None:
        officers = np.array([beat.officers for beat in measured.plan.beats], dtype=float)
        auxiliaries = np.array([beat.auxiliaries for beat in measured.plan.beats], dtype=float)
        return (officers, auxiliaries) if officers.any() else None
    beats = measured.city.get(Kind.BEAT)
    if beats is None or not beats.has("officers"):
        return None
    return beats.counts("officers"), beats.counts("auxiliaries")
