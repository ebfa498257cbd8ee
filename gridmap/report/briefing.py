"""The first page: a title that says it, findings, weeks, categories, numbered places, remarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridmap.i18n import tr
from gridmap.measure.period import Basis
from gridmap.model import Kind
from gridmap.report.charts import ControlChart, SmallMultiples
from gridmap.report.document import Block, Box, Columns, Figure, Grid, Paragraph
from gridmap.report.findings import Findings, change_text, day_words
from gridmap.report.history import Change, History
from gridmap.report.mapping import (
    MapFigure,
    Marks,
    Outline,
    Shading,
    points_in,
    shade_by_class,
)
from gridmap.report.settings import Remarks
from gridmap.report.tables import UNKNOWN, Format, shown

if TYPE_CHECKING:
    from gridmap.report.report import Report

__all__ = ["Room", "brief_blocks", "category_grid", "place_map", "weeks_figure"]

_HOT = "#d9600f"


@dataclass(frozen=True, slots=True)
class Room:
    """How much the first page holds; less where it would not fit on one page.

    Parameters
    ----------
    categories
        Rows of the table of categories.
    multiples
        Stations shown week by week; none if 0.
    findings
        Findings.
    map_height
        Height of the map as a share of its width; 0 as the ground is.
    """

    categories: int = 9
    multiples: int = 12
    findings: int = 5
    map_height: float = 0.0


def brief_blocks(
    report: Report, findings: Findings, remarks: Remarks, room: Room
) -> tuple[Block, ...]:
    """Return the blocks of the first page, below the title."""
    blocks: list[Block] = [
        Paragraph(found.text, lead=_numbered(place, found.lead))
        for place, found in enumerate(findings.findings[: room.findings])
    ]
    left: list[Block] = []
    history = report.history
    if history is not None and not report.hiding.limit and len(history.week_starts) > 2:
        left.append(weeks_figure(history))
    if history is not None:
        grid = category_grid(report, history, room.categories)
        if grid is not None:
            left.append(grid)
    if not left:
        grid = _figures_grid(report)
        if grid is not None:
            left.append(grid)
    right: list[Block] = []
    figure = place_map(report, findings, height=room.map_height)
    if figure is not None:
        right.append(figure)
    if findings.places:
        right.append(place_grid(findings))
    if left and right:
        blocks.append(Columns(tuple(left), tuple(right), 0.5))
    else:
        blocks += left + right
    if history is not None and not report.hiding.limit and room.multiples:
        multiples = station_multiples(history, room.multiples)
        if multiples is not None:
            blocks.append(multiples)
    if report.left_out:
        blocks.append(Paragraph(report.left_out, style="note"))
    blocks.append(_remarks(report, remarks))
    return tuple(blocks)


def weeks_figure(history: History) -> Figure:
    """Return the control chart of weeks."""
    limits = history.limits
    values = history.city.weeks[0].astype(float)
    caption = tr("briefing.chart.weeks")
    if limits is not None:
        beyond = np.flatnonzero(limits.outside(values))
        if len(beyond):
            days = tr("briefing.and").join(day_words(history.week_starts[n]) for n in beyond[:2])
            caption = tr("briefing.chart.weeks_beyond", count=len(beyond), days=days)
        else:
            caption = tr("briefing.chart.weeks_usual", count=len(values))
    alt = tr("briefing.chart.weeks") + ": " + ", ".join(shown(v, "count") for v in values)
    chart = ControlChart(
        tuple(day_words(day) for day in history.week_starts),
        values,
        limits,
        history.week_of_period,
        alt,
    )
    note = tr("briefing.chart.weeks_note" if limits is not None else "briefing.chart.weeks_plain")
    return Figure(chart, caption, alt, note, key="weeks")


def category_grid(report: Report, history: History, most: int) -> Grid | None:
    """Return the city and its categories: counts, daily rates, every comparison side by side."""
    kinds = history.levels["category"]
    if not kinds.names:
        return None
    lines = _CategoryLines(report, history)
    present = np.flatnonzero((kinds.now > 0) | _before(history))
    if history.basis is not None:
        changes = kinds.changes[history.basis]
        weight = np.array([abs(change.difference) for change in changes])
        first = present[np.argsort(-weight[present], kind="stable")]
        chosen = sorted(first[:most].tolist(), key=lambda row: -_share(changes[row].share))
    else:
        chosen = present[np.argsort(-kinds.now[present], kind="stable")][:most].tolist()
    body = [lines.cells(kinds.names[row], [row]) for row in chosen]
    rest = [row for row in present.tolist() if row not in set(chosen)]
    if rest and not lines.is_dark(rest):
        body.append(lines.cells(tr("briefing.table.rest", count=len(rest)), rest))
    body.append(lines.cells(tr("briefing.table.total"), [0], city=True))
    notes = [tr("briefing.table.beyond_note")] if history.basis is not None else []
    if history.missing:
        names = tr("briefing.and").join(
            tr(f"briefing.basis_short.{each}") for each in history.missing
        )
        notes.append(tr("briefing.table.missing", bases=names))
    labels = lines.labels()
    align = ["left"] + ["right"] * (len(labels) - 1)
    if history.basis is not None:
        align[-1] = "center"
    return Grid(
        tuple(labels),
        tuple(align),
        tuple(body),
        tr("briefing.table.categories" if history.basis else "briefing.table.categories_count"),
        tuple(notes),
        frozenset({len(body) - 1}),
        whole=True,
    )


class _CategoryLines:
    """Cells of categories, of several together, and of the city."""

    def __init__(self, report: Report, history: History) -> None:
        self.history, self.kinds = history, history.levels["category"]
        self.hiding = report.hiding
        size = len(self.kinds.names) + 1  # the incidents without a category come last
        self.dark = self.hiding.of("category", "incidents", size)[:-1]
        self.past = self.hiding.of("category", "incidents", size, when="before")[:-1]
        self.bases: list[Basis] = [one.basis for one in history.compared if one.basis != "ytd"]
        self.ytd = history.of("ytd") is not None
        self.so_far = history.city.year_to_date is not None and not self.hiding.limit

    def is_dark(self, rows: Sequence[int]) -> bool:
        """Return whether a count of some rows is hidden."""
        return bool(self.dark[list(rows)].any() or self.past[list(rows)].any())

    def labels(self) -> list[str]:
        """Return the heads of `cells`."""
        labels = [
            tr("briefing.table.category"),
            tr("briefing.table.now"),
            tr("briefing.table.daily"),
        ]
        labels += [tr("briefing.table.before_daily")] if "previous" in self.bases else []
        labels += [tr(f"briefing.table.{basis}") for basis in self.bases]
        labels += [tr("briefing.table.ytd_count")] if self.so_far else []
        labels += [tr("briefing.table.ytd")] if self.ytd else []
        labels += [tr("briefing.table.beyond")] if self.history.basis is not None else []
        return labels

    def cells(self, name: str, rows: Sequence[int], *, city: bool = False) -> tuple[str, ...]:
        """Return the cells of some categories together, or of the city."""
        level, at, history = self.history.city if city else self.kinds, list(rows), self.history
        hide, past = bool(self.dark[at].any()), bool(self.past[at].any())
        if city:
            hide = self.hiding.one("city", "incidents")
            past = self.hiding.one("city", "incidents", when="before")
        now = int(level.now[at].sum())
        cells = [
            name,
            shown(now, "count", hidden=hide),
            shown(now / history.period.days, "decimal", hidden=hide),
        ]
        previous = history.of("previous")
        if previous is not None:
            before = sum(level.changes["previous"][row].before for row in rows)
            cells.append(shown(before / previous.before.days, "decimal", hidden=past))
        alone = rows[0] if len(rows) == 1 else None
        for basis in self.bases:
            change = None if alone is None else level.change(alone, basis)
            cells.append(_share_text(change, hidden=hide or past))
        if self.so_far and level.year_to_date is not None:
            cells.append(shown(int(level.year_to_date[at].sum()), "count"))
        if self.ytd:
            change = None if alone is None else level.change(alone, "ytd")
            cells.append(_share_text(change, hidden=False))
        if history.basis is not None:
            change = None if alone is None else level.change(alone, history.basis)
            mark = 0 if change is None or hide or past else change.mark
            cells.append({1: "▲", -1: "▼", 0: ""}[mark])
        return tuple(cells)


def _share_text(change: Change | None, *, hidden: bool) -> str:
    if change is None:
        return ""
    told = shown(change.share, "change") if change.tells_share else UNKNOWN
    return shown(told, "text", hidden=hidden)


def place_grid(findings: Findings) -> Grid:
    """Return the table of the places that the map numbers."""
    labels = (tr("briefing.place.number"), tr("briefing.place.name"), *findings.place_labels)
    rows = tuple(
        (str(place + 1), each.name, *each.values) for place, each in enumerate(findings.places)
    )
    align = ("center", "left", *("right",) * len(findings.place_labels))
    return Grid(labels, align, rows, whole=True)


def place_map(report: Report, findings: Findings, *, height: float = 0.0) -> Figure | None:
    """Return the map that numbers the places of the findings."""
    city = report.city
    level = findings.places[0].level if findings.places else ""
    layer = report.layer_of(level) if level else report.ground
    if layer is None or not len(layer):
        return None
    beats, stations = report.beats, city.get(Kind.STATION)
    values, form, title = _shaded(report, findings, level, len(layer))
    shading: list[Shading] = []
    if values is not None:
        hidden = report.hiding.of(level, _COLUMN.get(findings.shaded, ""), len(layer))
        shading.append(
            shade_by_class(layer.geometry, values, title=title, form=form, colours="grey",
                           hidden=hidden, limit=report.hiding.limit)
        )  # fmt: skip
    else:
        shading.append(Shading(layer.geometry, np.zeros(len(layer), np.int64), (("#eef1f4", ""),)))
    if report.hot is not None and city.has(Kind.GRID):
        rows = np.asarray(report.hot.kind).astype(str) == "hot"
        if rows.any():
            shading.append(
                Shading(
                    city.grids.geometry[rows],
                    np.zeros(int(rows.sum()), np.int64),
                    ((_HOT, tr("briefing.map.hot")),),
                )
            )
    outlines: list[Outline] = []
    if beats is not None and level != "grid":
        outlines.append(Outline(beats.geometry, 0.35, "#6b7a89"))
    if stations is not None:
        outlines.append(Outline(stations.geometry, 1.1, name=tr("briefing.map.stations")))
    marks: tuple[Marks, ...] = ()
    if city.has(Kind.ROOM) and len(city.rooms):
        marks = (Marks(city.room_xy, name=tr("briefing.map.rooms")),)
    spots = points_in(layer)
    numbers = tuple(
        (float(spots[each.row, 0]), float(spots[each.row, 1]), str(place + 1))
        for place, each in enumerate(findings.places)
    )
    names = ", ".join(f"{n + 1} {each.name}" for n, each in enumerate(findings.places))
    figure = MapFigure(
        "places", findings.place_title, tuple(shading), tuple(outlines), marks, numbers,
        alt=f"{findings.place_title}: {names}",
    )  # fmt: skip
    return Figure(figure, findings.place_title, figure.alt, height=height, key="places")


def station_multiples(history: History, most: int) -> Figure | None:
    """Return stations week by week on one axis, the busiest first."""
    level = history.levels.get("station") or history.levels.get("beat")
    if level is None or not len(level.names) >= 2 or len(history.week_starts) < 3:
        return None
    order = np.argsort(-level.now, kind="stable")[:most]
    basis = history.basis
    notes, marks = [], []
    for row in order:
        change = None if basis is None else level.change(int(row), basis)
        daily = float(level.now[row]) / history.period.days
        if change is None:
            notes.append(tr("briefing.chart.station_alone", daily=daily))
        else:
            told = shown(change.share, "change") if change.tells_share else change_text(change)
            notes.append(tr("briefing.chart.station_note", daily=daily, change=told))
        marks.append(0 if change is None else change.mark)
    caption = tr("briefing.chart.stations_alone")
    if basis is not None:
        caption = tr("briefing.chart.stations", basis=tr(f"briefing.basis_short.{basis}"))
    chart = SmallMultiples(
        tuple(level.names[row] for row in order), tuple(notes),
        level.weeks[order].astype(float), tuple(marks), caption,
    )  # fmt: skip
    return Figure(chart, caption, caption, key="stations")


_COLUMN = {"outside": "covered_residents", "incidents": "incidents", "residents": "residents"}


def _shaded(
    report: Report, findings: Findings, level: str, size: int
) -> tuple[np.ndarray | None, Format, str]:
    """Return what the map shades, how it is written, and its title."""
    table = report.rows_of(level)
    if table is None or len(table) != size:
        return None, "count", ""
    if findings.shaded == "outside":
        values, title = table["outside_residents"].to_numpy(dtype=float), findings.place_labels[0]
        return values, "count", title
    if findings.shaded in {"incidents", "residents"}:
        return table[findings.shaded].to_numpy(dtype=float), "count", findings.place_labels[0]
    return None, "count", ""


def _before(history: History) -> np.ndarray:
    kinds = history.levels["category"]
    if history.basis is None:
        return np.zeros(len(kinds.names), dtype=bool)
    return np.array([change.before > 0 for change in kinds.changes[history.basis]], dtype=bool)


def _share(value: float) -> float:
    return value if np.isfinite(value) else 1e9


def _numbered(place: int, lead: str) -> str:
    return tr("briefing.numbered", number=tr(f"briefing.number.{place + 1}"), lead=lead)


def _figures_grid(report: Report) -> Grid | None:
    """Return the key figures as a table, where there are no incidents to show."""
    rows = tuple(
        (figure.label, f"{figure.text()} {figure.unit}".strip()) for figure in report.figures
    )
    if not rows:
        return None
    return Grid((tr("briefing.table.figure"), tr("briefing.table.value")), ("left", "right"), rows,
                tr("report.heading.figures"), whole=True)  # fmt: skip


def _remarks(report: Report, remarks: Remarks) -> Box:
    """Return what the analyst recommends, never anything of our own."""
    lines = [Paragraph(text) for text in remarks.lines] or [
        Paragraph(tr("briefing.remarks_blank"), style="note")
    ]
    first = lines[0]
    lines[0] = Paragraph(first.text, lead=tr("briefing.remarks_lead"), style=first.style)
    settings, blank = report.request.settings, tr("briefing.blank")
    name = remarks.contact or settings.contact or blank
    phone = remarks.phone or settings.phone or blank
    return Box(tuple(lines), tr("briefing.contact", name=name, phone=phone))
