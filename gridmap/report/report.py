"""A report as one value: built once from a city, then written in any format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.errors import InputError
from gridmap.i18n import current_language, tr
from gridmap.measure import HotSpots
from gridmap.measure.period import (
    Basis,
    Period,
    compared_periods,
    parse_bases,
    parse_period,
    period_before,
)
from gridmap.measure.present import has_beats, present_plan
from gridmap.measure.summary import By
from gridmap.model import City, Kind, Layer, Plan
from gridmap.plans import plan_layer
from gridmap.report._areas import area_table, coverage_table, with_covered
from gridmap.report._definitions import definition_table, import_table, source_table
from gridmap.report._hot import find_hot_spots
from gridmap.report._rankings import change_table, ranking_table
from gridmap.report._reach import network_table, room_table
from gridmap.report._response import response_table
from gridmap.report._staff import comparison_table, handover_table, staffing_table
from gridmap.report._summary import (
    KeyFigure,
    busy_words,
    key_figures,
    sentences,
    summary_table,
    warnings_of,
)
from gridmap.report._times import category_table, hour_table, month_table
from gridmap.report.hiding import Hiding
from gridmap.report.history import History, measure_history
from gridmap.report.measured import LEVELS, Measured, Progress, measure_all
from gridmap.report.settings import Remarks, ReportSettings
from gridmap.report.suppression import hide_counts
from gridmap.report.tables import Table
from gridmap.version import __version__

__all__ = ["Pages", "Report", "Request", "build_report"]

#: How much of a report is written.
Pages = Literal["1", "4", "full"]
_ALPHA = 0.05  # share of reports with any false verdict


@dataclass(frozen=True, slots=True)
class Request:
    """What a report is asked to be.

    Parameters
    ----------
    dated
        The date that the report bears.
    period
        As `parse_period` reads it; blank for all time.
    compare
        Some of ``previous``, ``last-year`` and ``ytd``, with commas, or ``none``; blank for
        all of which the data reach back far enough.
    suppress_below
        Counts above 0 and below this are hidden, with what would tell them; 0 hides none.
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
    sentences
        What a commander reads aloud.
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
    period: Period
    compared: Period | None
    figures: tuple[KeyFigure, ...]
    sentences: tuple[str, ...]
    tables: tuple[Table, ...]
    parameters: Mapping[str, str]
    hiding: Hiding
    hot: HotSpots | None = None
    warnings: tuple[str, ...] = ()
    grid_values: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    grid_hidden: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    measured: Measured | None = None
    history: History | None = None
    left_out: str = ""
    busy: str = ""

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
        if self.measured is None:
            return None
        found = self.measured.now.get(level)  # type: ignore[call-overload] # a level, as text
        return None if found is None else with_covered(found.rows)

    def missing(self, level: str) -> tuple[str, ...]:
        """Return the counts that nobody made of a level."""
        assert self.measured is not None  # noqa: S101 - `build_report` measures
        return self.measured.now[level].missing  # type: ignore[index] # a level, as text

    def table(self, key: str) -> Table | None:
        """Return the table of a key, or None where the city has no data for it."""
        return next((table for table in self.tables if table.key == key), None)


def build_report(
    city: City, request: Request, *, plan: Plan | None = None, progress: Progress | None = None
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
    period = parse_period(request.period)
    compared = _compared(city, period, request.compare)
    absent = compared if compared is not None and not _is_known(city, compared) else None
    if absent is not None:
        compared = None  # nothing is known of it: a comparison with 0 would be none
    tell = progress or _silent
    measured = measure_all(
        city,
        period=period,
        compared=compared,
        plan=plan,
        rules=request.settings.norms,
        progress=tell,
        alpha=_alpha(request.compare),
    )
    tell("suppress", 1.0)
    hiding = hide_counts(measured, request.suppress_below)
    parameters = _parameters(measured, request)
    hot = find_hot_spots(measured, hiding)
    history = _history(measured, hiding, request.compare)
    tables = _tables(measured, hiding, hot, parameters, request)
    told, warned = list(sentences(measured, hiding)), warnings_of(measured)
    if absent is not None:
        missing = tr("report.sentence.no_before", compared=absent.label())
        told.insert(1, missing)
        warned.append(missing)
    grids = next((table for table in tables if table.key == "grids"), None)
    numbers = () if grids is None else [c.key for c in grids.columns if c.form != "text"]
    return Report(
        city=city,
        plan=plan,
        title=tr("report.title", city=city.name),
        subtitle=_subtitle(measured),
        language=current_language(),
        request=request,
        period=period,
        compared=compared,
        figures=key_figures(measured, hiding),
        sentences=tuple(told),
        tables=tables,
        parameters=parameters,
        hiding=hiding,
        hot=hot,
        warnings=tuple(warned),
        grid_values={} if grids is None else {key: grids.values(key) for key in numbers},
        grid_hidden={} if grids is None else {key: grids.is_hidden(key) for key in numbers},
        measured=measured,
        history=history,
        left_out=_left_out(measured, hiding),
        busy=busy_words(measured, hiding),
    )


def _silent(_what: str, _share: float) -> None:
    """Tell nobody."""


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


def _history(measured: Measured, hiding: Hiding, compare: str) -> History | None:
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
        judged=measured.changes,
        judged_against=measured.compared,
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
    names = ("weeks", "stations", "crossed", "bases")
    what = tr("briefing.and").join(tr(f"briefing.left_out.{name}") for name in names)
    return tr("briefing.left_out_note", limit=hiding.limit, what=what)


def _is_known(city: City, period: Period) -> bool:
    """Return whether incidents are known of any day of a period."""
    known = None if city.incidents is None else city.incidents.period
    if known is None or period.first is None or period.last is None:
        return known is not None
    return known[0].date() <= period.last and period.first <= known[1].date()


def _tables(
    measured: Measured,
    hiding: Hiding,
    hot: HotSpots | None,
    parameters: dict[str, str],
    request: Request,
) -> tuple[Table, ...]:
    levels: list[By] = [level for level in ("beat", "station") if level in measured.now]
    widest: By = levels[0] if levels else "grid"
    found: list[Table | None] = [summary_table(key_figures(measured, hiding))]
    found += [area_table(measured, hiding, level, hot) for level in measured.now]
    if widest in measured.now:
        found.append(coverage_table(measured, hiding, widest))
        missing = measured.now[widest].missing
        found.append(room_table(measured.reach, hiding, missing))
        found.append(network_table(measured.city, measured.reach, hiding, missing))
    found += [hour_table(measured, hiding), category_table(measured, hiding)]
    found.append(month_table(measured, hiding))
    found += [ranking_table(measured, hiding, level) for level in levels]
    found += [change_table(measured, hiding, level) for level in levels]
    found += [staffing_table(measured, hiding), comparison_table(measured, hiding)]
    found.append(handover_table(measured, hiding))
    if measured.comparison is not None and measured.response is not None and not hiding.limit:
        # Calls a day would tell the counts that are hidden.
        found.append(response_table(measured.comparison, measured.response, measured.city))
    there = [table for table in found if table is not None and len(table)]
    used = {item.key for table in there for item in table.columns}
    used |= {table.key for table in there} | ({"hot_spot"} if hot is not None else set())
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
        "city": measured.city.name,
        "period": measured.period.label(),
        "compared": "–" if measured.compared is None else measured.compared.label(),
        "plan": tr("report.present_beats") if measured.plan is None else measured.plan.name,
        "suppress_below": str(request.suppress_below or "–"),
        "date": request.dated.isoformat(),
        "version": __version__,
    }
