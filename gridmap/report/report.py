"""A report as one value: built once from a city, then written in any format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from gridmap.errors import InputError
from gridmap.i18n import current_language, tr
from gridmap.io.placing import safe_name
from gridmap.measure import (
    HotSpots,
    busy_times,
    change_verdict,
    find_hotspots,
    period_in,
)
from gridmap.measure.hotspots import windows
from gridmap.measure.period import (
    Basis,
    Period,
    compared_periods,
    parse_bases,
    period_before,
)
from gridmap.measure.pieces import By, has_beats, present_plan
from gridmap.model import City, Kind, Layer, Plan
from gridmap.plans import PlanVersion, plan_layer
from gridmap.report.area_tables import (
    area_table,
    network_table,
    room_load_table,
    staffing_table,
    with_covered,
)
from gridmap.report.city_tables import (
    attention_findings,
    attention_tables,
    category_table,
    definition_table,
    hour_table,
    import_table,
    month_table,
    source_table,
    tidy_table,
)
from gridmap.report.document import Block
from gridmap.report.findings import Findings, find
from gridmap.report.measured import (
    LEVELS,
    CountHistory,
    Measured,
    TellProgress,
    measure_all,
    measure_history,
)
from gridmap.report.plan_change import comparison_table, handover_table, response_table
from gridmap.report.settings import Remarks, ReportSettings
from gridmap.report.suppression import Hiding, hide_counts
from gridmap.report.tables import HIDDEN, Format, Number, Table, column, shown
from gridmap.typing import Bools, Floats
from gridmap.version import __version__

#: How much of a report is written.
Pages = Literal["1", "4", "full"]
_ALPHA = 0.05  # share of reports with any false verdict
FEW_INCIDENTS = 100  # incidents below which no hours are called busy


@dataclass(frozen=True, slots=True)
class Request:
    """What a report is asked to be.

    Parameters
    ----------
    dated
        The date that the report bears.
    period
        As `parse_period` reads it; blank for all time, in the document of a division for the
        last year of the data.
    compare
        Some of ``previous``, ``last-year`` and ``ytd``, with commas, or ``none``; blank for
        all of which the data reach back far enough.
    suppress_below
        Counts above 0 and below this are hidden, and figures that would reveal them; 0 hides none.
    pages
        ``1`` for the first page alone, ``4`` for the most important pages, or ``full``.
    settings
        What the department set in ``report.toml``.
    remarks
        What the analyst recommends.
    template
        Folder with templates of the department's own, or None.
    document
        Write the document of a division, with its beat cards, in place of a report.
    alerts
        What `gridmap.api.watch` found, as its rows; none if empty.
    versions
        Versions of the plan from the log, for the document of a division.
    duty
        What the section of duty holds: shifts, norms, the ranking; left out if empty.
    """

    dated: date
    period: str = ""
    compare: str = ""
    suppress_below: int = 0
    pages: Pages = "full"
    settings: ReportSettings = field(default_factory=ReportSettings)
    remarks: Remarks = field(default_factory=Remarks)
    template: Path | None = None
    document: bool = False
    alerts: tuple[Mapping[str, Any], ...] = ()
    versions: tuple[PlanVersion, ...] = ()
    duty: tuple[Block, ...] = ()


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that a report tells, ready to be written.

    Attributes
    ----------
    city, plan
        What it is about.
    title, subtitle
        The city's name, and what stands under it.
    language
        Language of all its texts.
    request
        What was asked.
    period, compared
        The period, and the one it is compared with or None.
    figures
        The key figures.
    found
        The finding in one line, findings, and numbered places: what the first page says.
    tables
        All tables, in order.
    grid_values
        Measured columns by grid with hidden numbers as NaN, for maps and GIS files.
    grid_hidden
        Where they are hidden.
    measured, history
        What the tables are made of: figures of the period, and of others beside it.
    left_out
        What is not shown because small counts are hidden; blank for nothing.
    busy
        The hours in which incidents concentrate, in words; blank for none.
    parameters
        What it was made with, for the manifest.
    hiding
        What is hidden.
    hot
        Hot and cold grids; None where there are none to find.
    warnings
        What whoever asked for it should know before sending it.
    """

    city: City
    plan: Plan | None
    title: str
    subtitle: str
    language: str
    request: Request
    measured: Measured
    period: Period
    compared: Period | None
    figures: tuple[KeyFigure, ...]
    found: Findings
    tables: tuple[Table, ...]
    parameters: Mapping[str, str]
    hiding: Hiding
    hot: HotSpots | None = None
    warnings: tuple[str, ...] = ()
    grid_values: Mapping[str, Floats] = field(default_factory=dict)
    grid_hidden: Mapping[str, Bools] = field(default_factory=dict)
    history: CountHistory | None = None
    left_out: str = ""
    busy: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a commander reads aloud: warnings and findings."""
        lines = [*self.warnings]
        space = "" if self.language == "zh" else " "
        lines += [f"{one.lead}{space}{one.text}".strip() for one in self.found.findings]
        return tuple(lines)

    @property
    def plan_mark(self) -> str:
        """What names of a plan's files end with, ``_plan_NAME``; blank for today's."""
        return "" if self.plan is None else f"_plan_{safe_name(self.plan.name)}"

    @cached_property
    def beats(self) -> Layer | None:
        """The plan's beats as polygons, or the city's own; None where there are none."""
        layer = self.city.get(Kind.BEAT)
        if self.plan is not None:
            layer = plan_layer(self.plan, self.city.grids, gap_m=self.city.presets.gap_m)
        elif layer is None and has_beats(self.city):  # a column of the grids
            gap_m = self.city.presets.gap_m
            layer = plan_layer(present_plan(self.city), self.city.grids, gap_m=gap_m)
            rows = self.rows_of("beat")
            if rows is None or rows["id"].astype(str).tolist() != layer.ids.astype(str).tolist():
                return None
        return layer if layer is not None and len(layer) else None

    @property
    def ground(self) -> Layer | None:
        """The layer that a map is drawn on where none is asked for."""
        return next(
            (layer for layer in map(self.layer_of, LEVELS[1:] + LEVELS[:1]) if layer is not None),
            None,
        )

    def layer_of(self, level: str) -> Layer | None:
        """Return the areas of a level, those of the plan where it has some."""
        layer = self.beats if level == "beat" else self.city.get(Kind(level))
        return layer if layer is not None and len(layer) else None

    def rows_of(self, level: str) -> pd.DataFrame | None:
        """Return what each area of a level carries, in the order of the layer."""
        found = self.measured.now.get(level)  # type: ignore[call-overload] # a level, as text
        return None if found is None else with_covered(found.rows)

    def missing(self, level: str) -> tuple[str, ...]:
        """Return the counts that nobody made of a level."""
        return self.measured.now[level].missing  # type: ignore[index] # a level, as text

    def table(self, key: str) -> Table | None:
        """Return the table of a key, or None where the city has no data for it."""
        return next((table for table in self.tables if table.key == key), None)


def build_report(
    city: City, request: Request, *, plan: Plan | None = None, progress: TellProgress | None = None
) -> Report:
    """Build a report in the current language.

    Parameters
    ----------
    city
        The city.
    request
        What to report.
    plan
        The plan whose beats are reported; the city's own beats if None.
    progress
        Told what is being done and how much is done, 0 to 1.

    Raises
    ------
    InputError
        If the period cannot be read, has no limits but is to be compared, or the limit of
        suppression is negative.
    """
    if request.suppress_below < 0:
        raise InputError("report.error.suppress", received=request.suppress_below)
    if request.pages not in get_args(Pages):
        raise InputError("report.error.pages", received=request.pages)
    period = period_in(city, request.period)
    if request.document and period.held is not None and period.unit == "all":
        period = period_in(city, _last_year(*period.held))
    compared = _compared(city, period, request.compare)
    absent = compared if compared is not None and not _is_known(city, compared) else None
    if absent is not None:
        compared = None  # nothing is known of it: a comparison with 0 would be none
    tell = progress or _silent
    rules = request.settings.norms
    measured = measure_all(
        city, period=period, compared=compared, plan=plan, rules=rules, progress=tell
    )
    tell("suppress", 1.0)
    hiding = hide_counts(measured, request.suppress_below)
    parameters = _parameters(measured, request)
    hot = find_hot_spots(measured, hiding)
    history = _history(measured, hiding, request.compare)
    figures = key_figures(measured, hiding, history)
    tables = _tables(measured, hiding, hot, history, figures, parameters, request)
    warned = _empty(measured) or _gap(measured)
    if absent is not None:
        warned.append(tr("report.sentence.no_before", compared=absent.label()))
    busy = busy_words(measured, hiding)
    found = find(
        measured, hiding, history, hot, grave=request.settings.grave, busy=busy,
        more=attention_findings(tables, measured.period, measured.compared),
    )  # fmt: skip
    grids = next((table for table in tables if table.key == "grids"), None)
    numbers = () if grids is None else [c.key for c in grids.columns if c.numeric]
    return Report(
        city=city,
        plan=plan,
        title=tr("report.title", city=city.label),
        subtitle=_subtitle(measured),
        language=current_language(),
        request=request,
        measured=measured,
        period=period,
        compared=compared,
        figures=figures,
        found=found,
        tables=tables,
        parameters=parameters,
        hiding=hiding,
        hot=hot,
        warnings=tuple(warned),
        grid_values={} if grids is None else {key: grids.values(key) for key in numbers},
        grid_hidden={} if grids is None else {key: grids.is_hidden(key) for key in numbers},
        history=history,
        left_out=_left_out(measured, hiding),
        busy=busy,
    )


def _silent(_what: str, _share: float) -> None:
    """Report nothing."""


def _last_year(first: date, last: date) -> Period:
    """Return the last twelve months of the days that the data hold, or all where they are fewer.

    They are what the figures of a new division are of, so that a year later its beats can be
    compared at once.
    """
    after = last + timedelta(days=1)
    leap = (after.month, after.day) == (2, 29)
    begin = after.replace(year=after.year - 1, day=28 if leap else after.day)
    return Period.of_days(max(first, begin), last)


def _compared(city: City, period: Period, compare: str) -> Period | None:
    """Return the period that tables compare with: the first of those asked for."""
    bases = () if compare == "none" else parse_bases(compare)
    if compare == "none" or city.incidents is None:
        return None
    if bases:
        first = next((basis for basis in bases if basis != "ytd"), bases[0])
        return compared_periods(period, first).before
    if period.unit == "all" or city.incidents.period is None:
        return None
    before = period_before(period)
    begin = city.incidents.period[0].date()
    return before if before.first is not None and begin <= before.first else None


def _history(measured: Measured, hiding: Hiding, compare: str) -> CountHistory | None:
    """Return the counts of all periods that were asked for side by side."""
    bases = parse_bases("" if compare == "none" else compare)
    if not compare:
        bases = get_args(Basis)
    if hiding.limit:  # only what the hidden cells were chosen for
        bases = tuple(
            basis
            for basis in bases
            if measured.compared is not None
            and basis != "ytd"
            and compared_periods(measured.period, basis).before == measured.compared
        )
    both: tuple[Literal["station", "beat"], ...] = ("station", "beat")
    levels = [level for level in both if level in measured.now]
    return measure_history(
        measured.city,
        measured.period,
        bases,
        plan=measured.plan,
        levels=levels,
        alpha=_alpha(compare),
    )


def _alpha(compare: str) -> float:
    """Return the chance of a false verdict for each basis, so that all have 5 % together.

    What is asked for decides, not what is hidden: verdicts are the same with either.
    """
    if compare == "none":
        return _ALPHA
    return _ALPHA / len(parse_bases(compare) or get_args(Basis))


def _left_out(measured: Measured, hiding: Hiding) -> str:
    """Say what is not shown because small counts are hidden."""
    if not hiding.limit or measured.time is None:
        return ""
    names = ("weeks", "stations", "crossed", "bases", "attention")
    what = tr("briefing.and").join(tr(f"briefing.left_out.{name}") for name in names)
    return tr("briefing.left_out_note", limit=hiding.limit, what=what)


def _is_known(city: City, period: Period) -> bool:
    """Return whether the data reach back over a whole period: part of one is no base."""
    known = None if city.incidents is None else city.incidents.period
    if known is None or period.first is None:
        return known is not None
    return known[0].date() <= period.first <= known[1].date()


def _tables(
    measured: Measured,
    hiding: Hiding,
    hot: HotSpots | None,
    history: CountHistory | None,
    figures: tuple[KeyFigure, ...],
    parameters: dict[str, str],
    request: Request,
) -> tuple[Table, ...]:
    """Return every table, those of small areas last but for what explains them."""
    order: tuple[By, ...] = ("station", "beat", "community", "grid")
    found: list[Table | None] = [
        _summary_table(figures),
        category_table(measured, hiding, history),
    ]
    found += [
        area_table(measured, hiding, level, hot=hot, history=history)
        for level in order
        if level in measured.now
    ]
    if measured.now:
        found += [room_load_table(measured, hiding), network_table(measured, hiding)]
    found += [hour_table(measured, hiding), month_table(measured, hiding)]
    found += attention_tables(
        measured.city, measured.period, hiding, request.alerts, measured.compared
    )
    found += [staffing_table(measured, hiding), comparison_table(measured, hiding)]
    found.append(handover_table(measured, hiding))
    if measured.comparison is not None and measured.response is not None and not hiding.limit:
        # Calls a day would tell the counts that are hidden.
        found.append(response_table(measured.comparison, measured.response, measured.city))
    there = [table for table in found if table is not None and len(table)]
    used = {item.key for table in there for item in table.columns}
    used |= {table.key for table in there} | ({"hot_spot"} if hot is not None else set())
    if any(table.key == "beats" and "incidents" in table.rows.columns for table in there):
        used.add("beat_incidents")
    period, hidden = measured.period.label(), bool(hiding.limit)
    found.append(tidy_table(there, history, period=period, hidden=hidden))
    found.append(definition_table(measured, request.suppress_below, used))
    found.append(import_table(measured, hiding))
    found.append(source_table(measured, hiding, parameters))
    return tuple(table for table in found if table is not None and len(table))


def _subtitle(measured: Measured) -> str:
    period = measured.period.label()
    if measured.compared is None:
        return period
    return tr("report.subtitle", period=period, compared=measured.compared.label())


def _parameters(measured: Measured, request: Request) -> dict[str, str]:
    return {
        "city": measured.city.label,
        "period": measured.period.label(),
        "compared": "–" if measured.compared is None else measured.compared.label(),
        "plan": tr("report.present_beats") if measured.plan is None else measured.plan.name,
        "suppress_below": str(request.suppress_below or "–"),
        "date": request.dated.isoformat(),
        "version": __version__,
    }


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One figure of the whole city.

    Parameters
    ----------
    key
        What it is.
    label, unit
        What stands beside it.
    value
        NaN where unknown or hidden.
    form
        How it is written.
    note
        What stands under it, for example the change on the last period.
    hidden
        Whether it is hidden.
    """

    key: str
    label: str
    unit: str
    value: float
    form: Format = "count"
    note: str = ""
    hidden: bool = False

    def text(self) -> str:
        """Return the value as people read it."""
        return shown(self.value, self.form, hidden=self.hidden)


def key_figures(
    measured: Measured, hiding: Hiding, history: CountHistory | None
) -> tuple[KeyFigure, ...]:
    """Return the figures that head a report."""
    found = next(iter(measured.now.values()), None)
    if found is None:
        return ()
    figures = [
        _figure(name, float(found.totals[name]), dark=hiding.one("city", name))
        for name in ("residents", "migrants", "households")
        if name not in found.missing
    ]
    if "incidents" not in found.missing:
        dark = hiding.one("city", "incidents")
        change = _change_note(measured, hiding, history)
        figures.append(_figure("incidents", found.totals["incidents"], dark=dark, note=change))
        rate = float(found.totals["incidents_per_1000_residents"])
        if np.isfinite(rate):
            dark = dark or hiding.one("city", "residents")
            figures.append(_figure("incidents_per_1000_residents", rate, "decimal", dark=dark))
    share = float(found.totals["covered_residents_share"])
    if np.isfinite(share):
        dark = hiding.one("city", "covered_residents") or hiding.one("city", "residents")
        figures.append(_figure("covered_residents_share", share, "share", dark=dark))
    figures += [
        _figure(f"{level}_count", len(table.rows)) for level, table in measured.now.items()
    ]
    return tuple(figures)


def _summary_table(figures: tuple[KeyFigure, ...]) -> Table:
    """Return the key figures as a table; each row has a format of its own."""
    rows = pd.DataFrame(
        {
            "term": [figure.label for figure in figures],
            "value": [Number(figure.value, figure.form, figure.hidden) for figure in figures],
            "unit": [figure.unit for figure in figures],
            "note": [figure.note for figure in figures],
        }
    )
    return Table(
        "summary",
        tr("report.sheet.summary"),
        (column("term", "text"), column("value", "text"), column("unit", "text"),
         column("note", "text")),
        rows,
    )  # fmt: skip


def _figure(
    key: str, value: float, form: Format = "count", *, dark: bool = False, note: str = ""
) -> KeyFigure:
    return KeyFigure(
        key,
        column(key).label,
        tr(f"report.unit.{key}"),
        float("nan") if dark else float(value),
        form,
        note,
        dark,
    )


def _change_note(measured: Measured, hiding: Hiding, history: CountHistory | None) -> str:
    """Return the change against the first other period with its verdict, blank without one."""
    if history is None or history.basis is None or measured.compared is None:
        return ""
    change = history.city.changes[history.basis][0]
    dark = any(hiding.one("city", "incidents", when=when) for when in ("now", "before"))
    if not np.isfinite(change.share) and not dark:
        return ""
    verdict = change_verdict(beyond_chance=bool(change.mark))
    return tr(
        "report.figure.change",
        compared=history.compared[0].before.label(),
        change=shown(change.share, "change", hidden=dark),
        verdict=HIDDEN if dark else verdict,
    )


def _empty(measured: Measured) -> list[str]:
    """Say so where no incidents are known of the period asked for."""
    incidents = measured.city.incidents
    found = next(iter(measured.now.values()), None)
    known = None if incidents is None else incidents.period
    if known is None or found is None or found.totals["incidents"] > 0:
        return []
    first, last = str(known[0].date()), str(known[1].date())
    label = measured.period.label()
    return [tr("report.sentence.empty", period=label, first=first, last=last)]


def _gap(measured: Measured) -> list[str]:
    """Say so where the data do not reach over the periods asked for."""
    incidents = measured.city.incidents
    known = None if incidents is None else incidents.period
    if known is None:
        return []
    first, last = measured.period.held or (known[0].date(), known[1].date())
    short = [
        tr("report.sentence.gap", period=period.label(), first=str(first), last=str(last))
        for period in (measured.period, measured.compared)
        if period is not None
        and period.first is not None
        and period.last is not None
        and (period.first < first or period.last > last or period.is_cut)
    ]
    return list(dict.fromkeys(short))


def find_hot_spots(measured: Measured, hiding: Hiding) -> HotSpots | None:
    """Return hot and cold grids and what became of them, or None where there are no incidents.

    A verdict is that of the counts, whatever is hidden; where a count of the grid or of a
    neighbour is hidden its verdict is, too (kind ``hidden``), for it would tell of the count.
    """
    found = measured.now.get("grid")
    if found is None or "incidents" in found.missing:
        return None
    counts = found.rows["incidents"].to_numpy(dtype=float)
    if not counts.sum() > 0:
        return None
    city, period, compared = measured.city, measured.period, measured.compared
    before = None if compared is None or hiding.limit else (compared.since, compared.until)
    try:
        spots = find_hotspots(
            city, counts=counts, since=period.since, until=period.until, before=before
        )
    except InputError:
        return None  # no ground to expect anything on
    dark = hiding.of("grid", "incidents", len(counts))
    if hiding.one("city", "incidents") or hiding.one("outside-grid", "incidents"):
        dark = np.ones(len(counts), bool)  # without the total nothing is known of any share
    near = windows(city.adjacency) @ dark.astype(float) > 0
    return replace(spots, kind=np.where(near, "hidden", spots.kind))


def busy_words(measured: Measured, hiding: Hiding) -> str:
    """Name the hours of the week in which incidents concentrate, without their counts.

    A verdict is that of the counts; where one of the hours is hidden there is none. So the words
    follow from what the table of hours shows.
    """
    time = measured.time
    if time is None or time.hours.sum() < FEW_INCIDENTS or hiding.one("timed", "incidents"):
        return ""
    hidden = hiding.of("hours", "incidents", time.hours.size).reshape(time.hours.shape)
    absent = time.occurrences.T == 0  # hours of days that the period does not have
    if hidden[absent].any():
        return ""  # the total of the others is hidden
    week = np.where(absent, 0, time.hours)
    times = busy_times(week.T.ravel(), days=time.occurrences, hidden=hidden.T.ravel())
    return tr("report.sentence.comma").join(one.label() for one in times)
