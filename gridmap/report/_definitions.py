"""The sheet of definitions: formulas, sources, period, parameters and digests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gridmap.i18n import tr
from gridmap.model import Layer
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured
from gridmap.report.tables import HIDDEN, Table, column

__all__ = ["definition_table", "repairs_of", "source_table"]

_TERMS = (
    "area_km2", "residents", "migrants", "households", "incidents", "residents_per_km2",
    "incidents_per_km2", "incidents_per_1000_residents", "covered_residents_share",
    "outside_residents", "nearest_residents", "hot_spot", "per_day_change", "beyond_chance",
    "rank", "busy_times", "beat_incidents", "utilisation",
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
        (tr("report.column.norm"), norm.name, norm.source)
        for norm in measured.rules
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


def source_table(measured: Measured, hiding: Hiding, parameters: dict[str, str]) -> Table:
    """Return the report's parameters and the layers it is made of, with their digests."""
    rows = [(tr(f"report.parameter.{key}"), value, "") for key, value in parameters.items()]
    city = measured.city
    for kind, layer in city.layers.items():
        what = tr("report.source.layer", count=len(layer), files=_files(layer.provenance))
        for repair in repairs_of(layer):
            what += " " + tr("report.source.repair", rows=repair["rows"],
                             area_m2=repair["area_m2"], moved_m=repair["moved_max_m"])  # fmt: skip
        rows.append((tr(f"report.kind.{kind}"), what, layer.digest))
    if city.incidents is not None:
        # The number of all would tell a month that is hidden, or those without a time.
        count = HIDDEN if hiding.limit else f"{len(city.incidents):,}"
        what = tr("report.source.incidents", count=count)
        rows.append((tr("report.kind.incidents"), what, city.incidents.digest))
    if measured.plan is not None:
        rows.append((tr("report.kind.plan"), measured.plan.name, measured.plan.digest))
    return Table(
        "sources",
        tr("report.sheet.sources"),
        (column("item", "text"), column("value", "text"), column("digest", "text")),
        pd.DataFrame(rows, columns=["item", "value", "digest"]),
    )


def repairs_of(layer: Layer) -> list[dict[str, Any]]:
    """Return what was mended of a layer since it was imported, the first repair first."""
    history = layer.provenance.get("repairs", ())
    return [dict(entry) for entry in history] if isinstance(history, (list, tuple)) else []


def _files(provenance: Mapping[str, object]) -> str:
    sources = provenance.get("sources") or [provenance.get("source", "–")]
    return ", ".join(map(str, sources)) if isinstance(sources, (list, tuple)) else str(sources)
