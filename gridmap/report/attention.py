"""What asks for attention: alerts of `watch`, places that call again, disputes still open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gridmap.i18n import tr
from gridmap.measure import disputes_of, repeated_places
from gridmap.measure.disputes import PLACE_M
from gridmap.measure.period import Period
from gridmap.model import City, Kind
from gridmap.report.findings import Finding
from gridmap.report.suppression import Hiding
from gridmap.report.tables import Ratio, Table, TableBuilder, column, shown

__all__ = ["attention_findings", "attention_tables"]

_CALLS = 4  # incidents of a place in the period from which it is listed
_PLACES = 50  # places listed


def attention_tables(
    city: City, period: Period, hiding: Hiding, alerts: Sequence[Mapping[str, Any]] = ()
) -> list[Table]:
    """Return the tables of alerts, repeat places and disputes that there is anything for.

    All three count few incidents in a small place, so none is made where small counts are
    hidden.

    Parameters
    ----------
    city
        The city.
    period
        The reported period.
    hiding
        What is hidden.
    alerts
        Rows as `gridmap.api.watch` gives them.
    """
    if hiding.limit:
        return []
    found = [_alert_table(alerts)]
    if city.incidents is not None and period.first is not None:
        found += [_repeat_table(city, period), _dispute_table(city, period)]
    return [table for table in found if table is not None and len(table)]


def attention_findings(tables: Sequence[Table]) -> list[Finding]:
    """Return what the first page may say of alerts, repeat places and disputes.

    Parameters
    ----------
    tables
        The report's tables.
    """
    known = {table.key: table for table in tables}
    found = []
    if "alerts" in known:
        table = known["alerts"]
        first = table.rows.iloc[0]
        text = tr("briefing.alerts.first", what=first["what"], place=first["place"],
                  since=first["since"], observed=first["observed"],
                  expected=first["expected"])  # fmt: skip
        lead = tr("briefing.alerts.lead", count=len(table))
        found.append(Finding("alerts", lead, text, 0.5))
    if "disputes" in known:
        total = known["disputes"].rows.iloc[0]
        lead = tr("briefing.disputes.lead", share=total["settled_share"])
        text = tr("briefing.disputes.text", total=total["disputes"], open=total["open"])
        if np.isfinite(total["median_days"]):
            text += tr("briefing.disputes.days", days=shown(total["median_days"], "decimal"))
        score = 0.2 * (1.0 - float(total["settled_share"]))
        found.append(Finding("disputes", lead, text + tr("briefing.stop"), score))
    if "repeats" in known:
        table = known["repeats"]
        counts = table.values("incidents").astype(float)
        text = tr("briefing.repeats.text", most=counts.max(), place=table.rows["place"].iloc[0])
        lead = tr("briefing.repeats.lead", count=len(table), calls=_CALLS)
        found.append(Finding("repeats", lead, text, 0.04))
    return found


def _alert_table(alerts: Sequence[Mapping[str, Any]]) -> Table | None:
    """Return the alerts, the rarest first."""
    if not alerts:
        return None
    made = TableBuilder(len(alerts))
    every = tr("briefing.alerts.every")
    made.add(column("what", "text"), [alert["category"] or every for alert in alerts])
    places = [tr("briefing.and").join(alert["names"][:3]) for alert in alerts]
    more = [tr("briefing.alerts.more", count=len(alert["names"])) if len(alert["names"]) > 3
            else "" for alert in alerts]  # fmt: skip
    made.add(column("place", "text"), [a + b for a, b in zip(places, more, strict=True)])
    made.add(column("since", "date"), [alert["since"] for alert in alerts])
    made.add(column("until", "date"), [alert["until"] for alert in alerts])
    made.add(column("observed"), [alert["observed"] for alert in alerts])
    made.add(column("expected", "decimal"), [alert["expected"] for alert in alerts])
    made.add(column("recurrence_days"), [alert["recurrence_days"] for alert in alerts])
    return made.table("alerts", totals=False, notes=(tr("report.note.alerts"),))


def _repeat_table(city: City, period: Period) -> Table | None:
    """Return the places of several incidents of a period, the most first."""
    located = city.located
    assert located is not None  # noqa: S101 - there are incidents
    kind = next((k for k in (Kind.GRID, Kind.BEAT, Kind.STATION) if city.has(k)), None)
    names = ["x", "y", "time", *([str(kind)] if kind is not None else [])]
    parts = list(located.columns(names, since=period.since, until=period.until))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in names if parts}
    if not columns:
        return None
    rows = repeated_places(columns["x"], columns["y"], columns["time"])
    rows = rows[rows["incidents"] >= _CALLS].head(_PLACES)
    made = TableBuilder(len(rows))
    made.add(column("place", "text"), _areas_at(city, kind, columns, rows))
    made.add(column("incidents", bar=True), rows["incidents"])
    for name in ("first", "last"):
        days = rows[name].dt.strftime("%Y-%m-%d")
        made.add(column(name, "date"), days.to_numpy(dtype=object))
    made.add(column("median_days_between", "decimal"), rows["median_days_between"])
    note = tr("report.note.repeats", side=PLACE_M, calls=_CALLS)
    return made.table("repeats", totals=False, notes=(note,))


def _areas_at(
    city: City, kind: Kind | None, columns: Mapping[str, Any], rows: pd.DataFrame
) -> list[str]:
    """Return the name of the area in which each place lies."""
    if kind is None:
        return [""] * len(rows)
    names = [*city.layer(kind).names.astype(str), ""]
    keys, wanted = (
        np.floor(np.asarray(frame["x"]) / PLACE_M).astype(np.int64) * 2**32
        + np.floor(np.asarray(frame["y"]) / PLACE_M).astype(np.int64)
        for frame in (columns, rows)
    )
    known, first = np.unique(keys, return_index=True)
    found = columns[str(kind)][first[np.searchsorted(known, wanted)]]
    return [names[row] for row in found.tolist()]


def _dispute_table(city: City, period: Period) -> Table | None:
    """Return the disputes begun in a period: settled, open, days to settle."""
    found = disputes_of(city, since=period.since, until=period.until)
    if found is None or not found.total:
        return None
    made = TableBuilder(1)
    for name in ("total", "settled", "open"):
        made.add(column("disputes" if name == "total" else name), [getattr(found, name)])
    made.add_ratio(column("settled_share", "share", ratio=Ratio("settled", "disputes")))
    for name in ("median_days", "ninety_percent_days", "open_days_mean"):
        made.add(column(name, "decimal"), [getattr(found, name)])
    return made.table("disputes", totals=False, notes=(tr("report.note.disputes"),))
