"""The sheet of definitions: formulas, sources, period, parameters and digests."""

from __future__ import annotations

import pandas as pd

from gridmap.i18n import tr
from gridmap.measure import norms
from gridmap.report.measured import Measured
from gridmap.report.tables import HIDDEN, Table, column

__all__ = ["definition_table", "source_table"]

_TERMS = (
    "area_km2", "residents", "migrants", "households", "incidents", "residents_per_km2",
    "incidents_per_km2", "incidents_per_1000_residents", "covered_residents_share",
    "outside_residents", "change", "beyond_chance", "rank", "busy_times", "beat_incidents",
)  # fmt: skip


def definition_table(measured: Measured, limit: int) -> Table:
    """Return what each figure means, its formula and its source."""
    presets = measured.city.presets
    values = {"radius": f"{presets.room_radius_m:,.0f}"}
    rows = [
        (column(term).label, tr(f"report.definition.{term}.formula", **values),
         tr(f"report.definition.{term}.source"))
        for term in _TERMS
    ]  # fmt: skip
    rows += [
        (column("officers_needed").label, norm.name, norm.source)
        for norm in norms()
        if measured.now.get("beat") is not None
    ]
    if limit:
        formula = tr("report.definition.hidden.formula", limit=limit, mark=HIDDEN)
        source = tr("report.definition.hidden.source")
        rows.append((tr("report.column.hidden"), formula, source))
    return Table(
        "definitions",
        tr("report.sheet.definitions"),
        (column("term", "text"), column("formula", "text"), column("source", "text")),
        pd.DataFrame(rows, columns=["term", "formula", "source"]),
    )


def source_table(measured: Measured, parameters: dict[str, str]) -> Table:
    """Return the report's parameters and the layers it is made of, with their digests."""
    rows = [(tr(f"report.parameter.{key}"), value, "") for key, value in parameters.items()]
    city = measured.city
    for kind, layer in city.layers.items():
        sources = layer.provenance.get("sources", ())
        files = ", ".join(map(str, sources)) if isinstance(sources, (list, tuple)) else ""
        what = tr("report.source.layer", count=len(layer), files=files or "–")
        rows.append((tr(f"report.kind.{kind}"), what, layer.digest))
    if city.incidents is not None:
        what = tr("report.source.layer", count=len(city.incidents), files="–")
        rows.append((tr("report.kind.incidents"), what, city.incidents.digest))
    if measured.plan is not None:
        rows.append((tr("report.kind.plan"), measured.plan.name, measured.plan.digest))
    return Table(
        "sources",
        tr("report.sheet.sources"),
        (column("item", "text"), column("value", "text"), column("digest", "text")),
        pd.DataFrame(rows, columns=["item", "value", "digest"]),
    )
