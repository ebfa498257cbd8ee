"""Tables of the whole city: time, categories, what asks for attention, definitions and sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridmap.fields import Json
from gridmap.i18n import DAYS, has_key, tr
from gridmap.io import Note
from gridmap.measure import Period, disputes_of, partial_months, per_occurrence, repeated_places
from gridmap.measure.watch import PLACE_M
from gridmap.model import City, Kind, Layer
from gridmap.report.area_tables import TITLES, add_changes, change_notes
from gridmap.report.findings import Headline
from gridmap.report.measured import CountHistory, Measured
from gridmap.report.suppression import Hiding
from gridmap.report.tables import (
    HIDDEN,
    UNKNOWN,
    Chart,
    Column,
    Number,
    Ratio,
    Table,
    TableBuilder,
    column,
    shown,
)
from gridmap.typing import Bools, Floats

_CALLS_A_MONTH, _LEAST_CALLS = 4, 3  # incidents of a place from which it is listed
_DAYS_A_MONTH = 365.25 / 12
_MANY = 3_000  # grids above which their numbers stand in their own sheet only


def hour_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return incidents by hour of the day and weekday, for each time that it occurred."""
    time = measured.time
    if time is None or (time.unknown_time and not time.hours.any()):
        return None  # nobody noted a time: 168 zeros would say that nothing happened
    counts = time.hours.astype(float)
    each = per_occurrence(counts.T.ravel(), time.occurrences).T
    mask = hiding.of("hours", "incidents", counts.size).reshape(counts.shape)
    by_day = hiding.of("day", "incidents", 7)
    made = TableBuilder(24)
    made.add(column("hour", "text"), [f"{h:02d}:00–{h + 1:02d}:00" for h in range(24)],
             tr("report.total"))  # fmt: skip
    for place, day in enumerate(DAYS):
        made.add(Column(day, tr(f"measure.day.{day}"), "decimal"), each[:, place],
                 float(each[:, place].sum()), hidden=mask[:, place],
                 dark=bool(by_day[place]))  # fmt: skip
    made.add(Column("all", tr("report.column.hour_total"), bar=True), counts.sum(axis=1),
             float(counts.sum()), hidden=hiding.of("hour", "incidents", 24),
             dark=hiding.one("timed", "incidents"))  # fmt: skip
    named = (
        tr("report.note.weekday", day=tr(f"measure.day.{day}"), count=times)
        for day, times in zip(DAYS, time.days.tolist(), strict=True)
    )
    notes = [tr("report.note.per_weekday", days=tr("report.sentence.comma").join(named))]
    if time.unknown_time:
        text = shown(time.unknown_time, "count", hidden=hiding.one("untimed", "incidents"))
        notes.append(tr("report.note.untimed", count=text))
    chart = Chart("column", tr("report.chart.hours"), "hour", ("all",))
    return made.table("hours", notes=tuple(notes), charts=(chart,), heat=DAYS)


def category_table(
    measured: Measured, hiding: Hiding, history: CountHistory | None = None
) -> Table | None:
    """Return incidents by category, the most frequent first, hidden ones last.

    Parameters
    ----------
    measured, hiding
        The figures, and which are hidden.
    history
        Other periods, which get columns.
    """
    time, before = measured.time, measured.time_before
    if time is None or measured.city.incidents is None or not len(time.categories):
        return None
    names = [*measured.city.incidents.categories, tr("report.unknown_category")]
    now = np.append(time.categories, time.unknown_category).astype(float)
    mask = hiding.of("category", "incidents", len(now))
    dark = hiding.one("city", "incidents")
    made = TableBuilder(len(names))
    made.add(column("category", "text"), names, tr("report.total"))
    made.add(column("incidents", bar=True), now, float(time.total), hidden=mask, dark=dark)
    # A share and its count would tell the total.
    made.add(column("share", "share", ratio=Ratio("incidents", "", 1.0 / max(time.total, 1))),
             now / max(time.total, 1), 1.0, hidden=mask | dark, dark=dark)  # fmt: skip
    dim, present = np.zeros(len(names), dtype=bool), now > 0
    if history is not None:
        of = history.levels["category"]
        past = {}
        for each in history.compared:
            unknown = np.nan
            if before is not None and each.before == measured.compared:
                unknown = float(before.unknown_category)
            past[each.basis] = np.append(
                [float(change.before) for change in of.changes[each.basis]], unknown
            )
        if history.basis is not None:
            dim = hiding.of("category", "incidents", len(now), when="before")
            present |= np.nan_to_num(past[history.basis]) > 0
        add_changes(made, hiding, history, of, past, dim)
    order = np.lexsort((-np.nan_to_num(made.rows["incidents"]), mask))
    order = order[present[order]]
    notes = change_notes(history) if history is not None else []
    if hiding.limit:
        notes.append(tr("report.note.hidden", limit=hiding.limit, mark=HIDDEN))
    chart = Chart("bar", tr("report.chart.categories"), "category", ("incidents",), most=15)
    return made.table("categories", order=order, notes=tuple(notes), charts=(chart,))


def month_table(measured: Measured, hiding: Hiding) -> Table | None:
    """Return incidents of every month up to the period's end."""
    if not measured.months:
        return None
    counts = measured.month_counts.astype(float)
    made = TableBuilder(len(counts))
    made.add(column("month", "month"), list(measured.months))
    made.add(column("incidents", bar=True), counts,
             hidden=hiding.of("month", "incidents", len(counts)))  # fmt: skip
    cut = partial_months(measured.city, until=measured.period.until)
    notes = tuple(
        tr("report.note.part_month", month=month, first=str(first), last=str(last))
        for month, (first, last) in cut.items()
        if month in measured.months
    )
    notes += tuple(delay_lines(measured, hiding))
    chart = Chart("line", tr("report.chart.months"), "month", ("incidents",), most=120)
    return made.table("months", totals=False, notes=notes, charts=(chart,))


_TERMS = (
    "area_km2", "residents", "migrants", "households", "incidents", "residents_per_km2",
    "incidents_per_km2", "incidents_per_1000_residents", "covered_residents_share",
    "outside_residents", "nearest_residents", "hot_spot", "change", "mark",
    "rank", "busy_times", "beat_incidents", "utilisation",
)  # fmt: skip


#: Columns, or keys of tables, whose presence asks for a term; the term itself for others.
_USED_BY = {
    "nearest_residents": {"rooms"},
    "change": {"change_previous", "change_last_year", "change_ytd"},
    "busy_times": {"hours"},
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
    rows = [
        (tr(f"report.parameter.{key}"), value, "")
        for key, value in parameters.items()
        if value != UNKNOWN  # nothing is compared, nothing hidden
    ]
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
    rows: list[tuple[str, str | Number]] = []
    sources = told.get("sources")
    if isinstance(sources, (list, tuple)) and sources:
        rows.append((tr("report.import.files"), tr("briefing.and").join(map(str, sources))))
    if "read" in told and not hiding.limit:
        rows.append((tr("report.import.read"), Number(float(str(told["read"])))))
    refused = told.get("refused")
    for reason, count in refused.items() if isinstance(refused, Mapping) else ():
        key = f"cli.reason.{reason}"
        words = tr(key) if has_key(key) else str(reason)
        rows.append((tr("report.import.refused", reason=words), Number(float(str(count)))))
    if not hiding.limit:
        rows.append((tr("report.import.stored"), Number(len(incidents))))
        for name, count in _unplaced(measured).items():
            if count:
                rows.append((tr(f"report.import.{name}"), Number(count)))
    if incidents.period is not None:
        first, last = incidents.period
        span = f"{first:%Y-%m-%d %H:%M} – {last:%Y-%m-%d %H:%M}"
        rows.append((tr("report.import.span"), span))
    rows += [(tr("field.reported"), line) for line in delay_lines(measured, hiding)]
    notes = told.get("warnings")
    told_notes = notes if isinstance(notes, (list, tuple)) else ()
    rows += [(tr("report.import.note"), Note.tell(note)) for note in told_notes]
    return Table(
        "imports",
        tr("report.sheet.imports"),
        (column("item", "text"), column("value", "text")),
        pd.DataFrame(rows, columns=["item", "value"]),
    )


def delay_lines(measured: Measured, hiding: Hiding) -> list[str]:
    """Return how late incidents were reported, and which days are incomplete, in words."""
    delays = measured.delays
    return [] if delays is None else delays.sentences(counts=not hiding.limit)


def import_line(measured: Measured, hiding: Hiding) -> str:
    """Return what the first page says of the import, blank where nothing is known of it."""
    incidents = measured.city.incidents
    if incidents is None or hiding.limit:
        return ""
    parts = []
    refused = incidents.provenance.get("refused")
    turned_away = sum(int(str(n)) for n in refused.values()) if isinstance(refused, Mapping) else 0
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
    """Return what was repaired of a layer since it was imported, the first repair first."""
    history = layer.provenance.get("repairs", ())
    return [dict(entry) for entry in history] if isinstance(history, (list, tuple)) else []


def _files(provenance: Mapping[str, Json]) -> str:
    sources = provenance.get("sources") or [provenance.get("source", "–")]
    return (
        tr("briefing.and").join(map(str, sources))
        if isinstance(sources, (list, tuple))
        else str(sources)
    )


def tidy_table(
    tables: Sequence[Table], history: CountHistory | None, *, period: str, hidden: bool
) -> Table | None:
    """Return every number of every area, and incidents by category, one a row.

    Hidden ones are marked as in every table; what is unknown has no row.

    Parameters
    ----------
    tables
        The report's tables.
    history
        Counts by category of each station and beat.
    period
        What the numbers are of.
    hidden
        Whether small counts are hidden; then there are none by category.
    """
    parts: list[pd.DataFrame] = []
    masks: list[Bools] = []
    parents: dict[str, dict[str, str]] = {}
    for level, key in TITLES.items():
        table = next((one for one in tables if one.key == key), None)
        if table is None or (level == "grid" and len(table) > _MANY):
            continue
        name = table.values("name" if "name" in table.rows.columns else "id")
        parent = np.array([""] * len(table), dtype=object)
        for words in (f"parent_{kind}" for kind in ("beat", "station", "community")):
            if words in table.rows.columns:
                parent = np.where(parent == "", table.values(words), parent)
        parents[level] = dict(zip(table.values("id").tolist(), parent.tolist(), strict=True))
        for item in table.columns:
            if not item.numeric:
                continue
            values, dark = table.values(item.key).astype(float), table.is_hidden(item.key)
            kept = np.isfinite(values) | dark
            parts.append(_part(level, name[kept], parent[kept], item.period or period, "",
                               item.measure or item.label, values[kept]))  # fmt: skip
            masks.append(dark[kept])
    if history is not None and not hidden:
        kinds = np.array(history.levels["category"].names, dtype=object)
        both = [(period, history.crossed)]
        if history.compared:
            both.append((history.compared[0].before.label(), history.crossed_before))
        every = [(when, *one) for when, crossed in both for one in crossed.items()]
        for when, level, counts in every:
            row, kind = np.nonzero(counts)
            areas, above = history.levels[level], parents.get(level, {})
            parent = np.array([above.get(key, "") for key in areas.ids], dtype=object)[row]
            name = np.array(areas.names, dtype=object)[row]
            parts.append(_part(level, name, parent, when, kinds[kind], tr("field.incidents"),
                               counts[row, kind].astype(float)))  # fmt: skip
            masks.append(np.zeros(len(row), dtype=bool))
    if not parts:
        return None
    names = ("unit", "level", "parent", "period", "category", "measure")
    columns = tuple(column(f"tidy_{name}", "text") for name in names)
    rows = pd.concat(parts, ignore_index=True)
    # January is the year to date as well.
    fresh = ~rows.duplicated([f"tidy_{name}" for name in names]).to_numpy()
    dark = pd.DataFrame({"tidy_value": np.concatenate(masks)[fresh]})
    return Table("data", tr("report.sheet.data"), (*columns, column("tidy_value", "plain")),
                 rows[fresh].reset_index(drop=True), hidden=dark)  # fmt: skip


def _part(
    level: str,
    unit: npt.NDArray[np.object_],
    parent: npt.NDArray[np.object_],
    period: str,
    category: npt.NDArray[np.object_] | str,
    measure: str,
    values: Floats,
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tidy_unit": unit.astype(str),
            "tidy_level": tr(f"briefing.level.{level}"),
            "tidy_parent": parent,
            "tidy_period": period,
            "tidy_category": category,
            "tidy_measure": measure,
            "tidy_value": values,
        }
    )


# -- what asks for attention: alerts, places that call again, disputes still open


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
