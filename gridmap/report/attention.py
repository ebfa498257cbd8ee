"""What asks for attention: alerts of `watch`, places that call again, disputes still open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridmap.i18n import tr
from gridmap.measure import Period, disputes_of, repeated_places
from gridmap.measure.watch import PLACE_M
from gridmap.model import City, Kind
from gridmap.report.findings import Headline
from gridmap.report.suppression import Hiding
from gridmap.report.tables import Ratio, Table, TableBuilder, column, shown

_CALLS_A_MONTH, _LEAST_CALLS = 4, 3  # incidents of a place from which it is listed
_DAYS_A_MONTH = 365.25 / 12


def least_calls(period: Period) -> int:
    """Return how many incidents a place has at least that is listed as a repeat place."""
    return max(round(_CALLS_A_MONTH * period.days / _DAYS_A_MONTH), _LEAST_CALLS)


def attention_tables(
    city: City,
    period: Period,
    hiding: Hiding,
    alerts: Sequence[Mapping[str, Any]] = (),
    compared: Period | None = None,
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
    compared
        The period before, by which repeat places are new; None for none.
    """
    if hiding.limit:
        return []
    found = [_alert_table(alerts)]
    if city.incidents is not None and period.first is not None:
        found += [_repeat_table(city, period, compared), _dispute_table(city, period)]
    return [table for table in found if table is not None and len(table)]


def attention_findings(
    tables: Sequence[Table], period: Period, compared: Period | None
) -> list[Headline]:
    """Return what the first page may say of alerts, repeat places and disputes.

    Parameters
    ----------
    tables
        The report's tables.
    period, compared
        The reported period, and the one before or None.
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
        found.append(Headline("alerts", lead, text, 0.5))
    if "disputes" in known:
        total = known["disputes"].rows.iloc[0]
        lead = tr("briefing.disputes.lead", share=total["settled_share"])
        text = tr("briefing.disputes.text", total=total["disputes"], open=total["open"])
        if np.isfinite(total["median_days"]):
            text += tr("briefing.disputes.days", days=shown(total["median_days"], "decimal"))
        score = 0.2 * (1.0 - float(total["settled_share"]))
        found.append(Headline("disputes", lead, text + tr("briefing.stop"), score))
    if "repeats" in known:
        table = known["repeats"]
        counts = table.values("incidents").astype(float)
        text, calls = "", least_calls(period)
        if compared is not None and _BEFORE in table.rows:
            text = tr("briefing.repeats.new", count=int((table.values(_BEFORE) < calls).sum()),
                      before=compared.label(), calls=calls)  # fmt: skip
        text += tr("briefing.repeats.text", most=counts.max(), place=table.rows["place"].iloc[0])
        lead = tr("briefing.repeats.lead", count=len(table), calls=calls)
        found.append(Headline("repeats", lead, text, 0.04))
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


_BEFORE = "incidents_before_previous"


def _repeat_table(city: City, period: Period, compared: Period | None) -> Table | None:
    """Return the places of several incidents of a period, the most first."""
    kind = next((k for k in (Kind.GRID, Kind.BEAT, Kind.STATION) if city.has(k)), None)
    names = ["x", "y", "time", *([str(kind)] if kind is not None else [])]
    columns, calls = _columns_of(city, period, names), least_calls(period)
    if not columns:
        return None
    rows = repeated_places(columns["x"], columns["y"], columns["time"])
    rows = rows[rows["incidents"] >= calls]
    made = TableBuilder(len(rows))
    made.add(column("place", "text"), areas_at(city, kind, columns, rows))
    made.add(column("incidents", bar=True), rows["incidents"])
    if compared is not None:
        past = pd.Series(_squares(_columns_of(city, compared, ["x", "y"]))).value_counts()
        label = tr("report.column.incidents_of", period=compared.label())
        made.add(column(_BEFORE, label=label), past.reindex(_squares(rows), fill_value=0))
    for name in ("first", "last"):
        days = rows[name].dt.strftime("%Y-%m-%d")
        made.add(column(name, "date"), days.to_numpy(dtype=object))
    made.add(column("median_days_between", "decimal"), rows["median_days_between"])
    note = tr("report.note.repeats", side=PLACE_M, calls=calls)
    return made.table("repeats", totals=False, notes=(note,))


def areas_at(
    city: City, kind: Kind | None, columns: Mapping[str, Any], rows: pd.DataFrame
) -> list[str]:
    """Return the name of the area in which each place lies."""
    if kind is None:
        return [""] * len(rows)
    names = [*city.layer(kind).names.astype(str), ""]
    known, first = np.unique(_squares(columns), return_index=True)
    found = columns[str(kind)][first[np.searchsorted(known, _squares(rows))]]
    told = pd.Series([names[row] for row in found.tolist()], dtype=object)
    twice = told.duplicated(keep=False) & (told != "")
    if twice.any():  # where in the area, as seen from its middle
        middle = shapely.get_coordinates(shapely.centroid(city.layer(kind).geometry))
        away = rows[["x", "y"]].to_numpy(dtype=float)[twice] - middle[found[twice]]
        sides = tr("report.place.sides").split("|")
        turn = np.round(np.arctan2(away[:, 1], away[:, 0]) / (np.pi / 4)).astype(int)
        told[twice] = [
            tr("report.place.within", name=name, side=sides[side], metres=float(metres))
            for name, side, metres in zip(told[twice], turn, np.hypot(*away.T), strict=True)
        ]
    return told.tolist()


def _columns_of(city: City, period: Period, names: Sequence[str]) -> dict[str, Any]:
    """Return columns of the incidents of a period; none if there are none."""
    assert city.located is not None  # noqa: S101 - there are incidents
    parts = list(city.located.columns(names, since=period.since, until=period.until))
    return {name: np.concatenate([part[name] for part in parts]) for name in names if parts}


def _squares(points: Mapping[str, Any] | pd.DataFrame) -> npt.NDArray[np.int64]:
    """Return a number for the square in which each point lies, as places are counted."""
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    across, up = (np.floor(np.asarray(points[name]) / PLACE_M) for name in ("x", "y"))
    return across.astype(np.int64) * 2**32 + up.astype(np.int64)


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
