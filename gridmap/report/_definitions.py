"""The sheet of definitions: formulas, sources, period, parameters and digests."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import pandas as pd

from gridmap.i18n import has_key, tr
from gridmap.model import Kind, Layer
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured
from gridmap.report.tables import HIDDEN, Table, column, shown

__all__ = ["definition_table", "import_line", "import_table", "repairs_of", "source_table"]

_TERMS = (
    "area_km2", "residents", "migrants", "households", "incidents", "residents_per_km2",
    "incidents_per_km2", "incidents_per_1000_residents", "covered_residents_share",
    "outside_residents", "nearest_residents", "hot_spot", "per_day_change", "beyond_chance",
    "rank", "busy_times", "beat_incidents", "utilisation",
)  # fmt: skip


#: Columns, or keys of tables, whose presence asks for a term; the term itself for others.
_USED_BY = {
    "nearest_residents": {"rooms"},
    "change": {"change", "change_share", "per_day_change", "change_percent"},
    "beyond_chance": {"beyond_chance", "verdict"},
    "rank": {"ranking_beat", "ranking_station"},
    "busy_times": {"hours"},
    "beat_incidents": {"beats"},
    "utilisation": {"response"},
}


def definition_table(measured: Measured, limit: int, used: AbstractSet[str]) -> Table:
    """Return what each figure means that the tables use, its formula and its source."""
    presets = measured.city.presets
    values = {"radius": f"{presets.room_radius_m:,.0f}"}
    rows = [
        (column(term).label, tr(f"report.definition.{term}.formula", **values),
         tr(f"report.definition.{term}.source"))
        for term in _TERMS
        if used & _USED_BY.get(term, {term})
    ]  # fmt: skip
    rows += [
        (tr("report.column.norm"), norm.name, norm.source)
        for norm in measured.rules
        if "officers_needed" in used
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


def import_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return what the import of the incidents knew: read, refused, without time or place.

    Counts that hidden ones could be worked out from are left out where small ones are hidden.
    """
    incidents = measured.city.incidents
    if incidents is None:
        return None
    told = incidents.provenance
    rows: list[tuple[str, str]] = []
    sources = told.get("sources")
    if isinstance(sources, (list, tuple)) and sources:
        rows.append((tr("report.import.files"), ", ".join(map(str, sources))))
    if "read" in told and not hiding.limit:
        rows.append((tr("report.import.read"), shown(float(str(told["read"])), "count")))
    refused = told.get("refused")
    for reason, count in refused.items() if isinstance(refused, Mapping) else ():
        key = f"cli.reason.{reason}"
        words = tr(key) if has_key(key) else str(reason)
        rows.append((tr("report.import.refused", reason=words), shown(float(count), "count")))
    if not hiding.limit:
        rows.append((tr("report.import.stored"), shown(float(len(incidents)), "count")))
        for name, count in _unplaced(measured).items():
            if count:
                rows.append((tr(f"report.import.{name}"), shown(float(count), "count")))
    if incidents.period is not None:
        first, last = incidents.period
        span = f"{first:%Y-%m-%d %H:%M} – {last:%Y-%m-%d %H:%M}"
        rows.append((tr("report.import.span"), span))
    notes = told.get("warnings")
    told_notes = notes if isinstance(notes, (list, tuple)) else ()
    rows += [(tr("report.import.note"), str(note)) for note in told_notes]
    return Table(
        "imports",
        tr("report.sheet.imports"),
        (column("item", "text"), column("value", "text")),
        pd.DataFrame(rows, columns=["item", "value"]),
    )


def import_line(measured: Measured, hiding: Hiding) -> str:
    """Return what the first page says of the import, blank where nothing is known of it."""
    incidents = measured.city.incidents
    if incidents is None or hiding.limit:
        return ""
    parts = []
    refused = incidents.provenance.get("refused")
    turned_away = sum(int(n) for n in refused.values()) if isinstance(refused, Mapping) else 0
    if "read" in incidents.provenance:
        parts.append(tr("report.import.line_read", read=int(str(incidents.provenance["read"])),
                        stored=len(incidents)))  # fmt: skip
    if turned_away:
        parts.append(tr("report.import.line_refused", count=turned_away))
    parts += [
        tr(f"report.import.line_{name}", count=count)
        for name, count in _unplaced(measured).items()
        if count
    ]
    return tr("briefing.comma").join(parts)


def _unplaced(measured: Measured) -> dict[str, int]:
    """Return how many incidents have no time, no category, and lie in no area."""
    city = measured.city
    located = city.located
    counts = {"no_time": 0, "no_category": 0, "no_place": 0}
    if located is None:
        return counts
    kind = next((k for k in (Kind.BEAT, Kind.GRID, Kind.STATION) if city.has(k)), None)
    names = ["time", "category", *([str(kind)] if kind is not None else [])]
    for part in located.columns(names):
        counts["no_time"] += int(np.isnat(part["time"]).sum())
        counts["no_category"] += int((part["category"] < 0).sum())
        if kind is not None:
            counts["no_place"] += int((part[str(kind)] < 0).sum())
    return counts


def repairs_of(layer: Layer) -> list[dict[str, Any]]:
    """Return what was mended of a layer since it was imported, the first repair first."""
    history = layer.provenance.get("repairs", ())
    return [dict(entry) for entry in history] if isinstance(history, (list, tuple)) else []


def _files(provenance: Mapping[str, object]) -> str:
    sources = provenance.get("sources") or [provenance.get("source", "–")]
    return ", ".join(map(str, sources)) if isinstance(sources, (list, tuple)) else str(sources)
