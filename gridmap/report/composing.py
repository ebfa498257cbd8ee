"""From a report to a document: the first page, the sections, and how much of them fits."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np

from gridmap.i18n import tr, using_language
from gridmap.measure import Period
from gridmap.model import Kind
from gridmap.report.charts import ControlChartDrawing, SmallMultiples
from gridmap.report.city_tables import import_line
from gridmap.report.document import (
    Block,
    Box,
    Columns,
    Document,
    Figure,
    Grid,
    Letterhead,
    Paragraph,
    Section,
    grid_of,
)
from gridmap.report.findings import Findings, change_text, day_words
from gridmap.report.mapping import (
    MapFigure,
    Marks,
    Outline,
    Shading,
    points_in,
    shade_by_class,
)
from gridmap.report.measured import CountHistory
from gridmap.report.pdf import page_count
from gridmap.report.report import KeyFigure, Report
from gridmap.report.sections import build_sections
from gridmap.report.settings import SECTIONS
from gridmap.report.tables import Format, shown

_HOT = "#c2410c"


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
    report: Report, findings: Findings, head: Letterhead, room: Room
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
        grid = category_grid(report, room.categories)
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
        # Without weeks and categories there is room beside the map.
        (right if history is not None else left).append(place_grid(findings))
    if left and right:
        blocks.append(Columns(tuple(left), tuple(right), 0.5))
    else:
        blocks += left + right
    if history is not None and not report.hiding.limit and room.multiples:
        planned = report.plan is not None
        multiples = station_multiples(history, room.multiples, conditional=planned)
        if multiples is not None:
            blocks.append(multiples)
    if report.left_out:
        blocks.append(Paragraph(report.left_out, style="note"))
    blocks.append(_remarks(report, head))
    return tuple(blocks)


def weeks_figure(history: CountHistory) -> Figure:
    """Return the control chart of weeks."""
    limits = history.limits
    values = history.city.weeks[0].astype(float)
    caption = tr("briefing.chart.weeks")
    if limits is not None:
        beyond = np.flatnonzero(limits.outside(values))
        if len(beyond):
            days = tr("briefing.and").join(day_words(history.week_starts[n]) for n in beyond[:2])
            inside = int((beyond >= history.week_of_period).sum())
            which = "beyond" if inside == len(beyond) else "some" if inside else "before"
            caption = tr(f"briefing.chart.weeks_{which}", count=len(beyond), days=days,
                         inside=inside)  # fmt: skip
        else:
            caption = tr("briefing.chart.weeks_usual", count=len(values))
    alt = tr("report.lead", name=tr("briefing.chart.weeks"))
    alt += tr("briefing.and").join(shown(v, "count") for v in values)
    chart = ControlChartDrawing(
        tuple(day_words(day) for day in history.week_starts),
        values,
        limits,
        history.week_of_period,
        alt,
    )
    note = tr("briefing.chart.weeks_note" if limits is not None else "briefing.chart.weeks_plain")
    return Figure(chart, caption, alt, note, key="weeks")


def category_grid(report: Report, most: int) -> Grid | None:
    """Return the categories that changed most, the others together, and the city."""
    table, history = report.table("categories"), report.history
    if table is None or history is None:
        return None
    most += len(table) == most + 1  # a row of one other category would save nothing
    rows = np.arange(len(table))[:most].tolist()
    title, notes = "briefing.table.categories_count", []
    if history.basis is not None:
        title = "briefing.table.categories"
        notes.append(tr("briefing.table.mark_note"))
        weight = np.abs(table.values("per_day_now") - table.values("per_day_before"))
        change = table.values(f"change_{history.basis.replace('-', '_')}")
        rows = np.argsort(-np.nan_to_num(weight), kind="stable")[:most].tolist()
        rows.sort(key=lambda row: -change[row] if np.isfinite(change[row]) else -1e9)
    if history.missing:
        names = tr("briefing.and").join(
            tr(f"briefing.basis_short.{each}") for each in history.missing
        )
        notes.append(tr("briefing.table.missing", bases=names))
    before = ("per_day_before",) if history.basis == "previous" else ()
    keys = ("category", "incidents", "per_day_now", *before, "change_previous",
            "change_last_year", "incidents_ytd", "change_ytd", "mark")  # fmt: skip
    grid = grid_of(table, keys=keys, rows=rows, rest="briefing.table.rest", notes=notes)
    return replace(grid, caption=tr(title), whole=True)


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
    names = tr("briefing.and").join(
        tr("report.pair", name=n + 1, value=each.name) for n, each in enumerate(findings.places)
    )
    figure = MapFigure(
        "places", findings.place_title, tuple(shading), tuple(outlines), marks, numbers,
        alt=tr("report.lead", name=findings.place_title) + names,
    )  # fmt: skip
    return Figure(figure, findings.place_title, figure.alt, height=height, key="places")


def station_multiples(
    history: CountHistory, most: int, *, conditional: bool = False
) -> Figure | None:
    """Return stations week by week on one axis, the busiest first.

    Parameters
    ----------
    history
        The counts.
    most
        Draw the busiest so many.
    conditional
        Whether stations have the ground that a plan would give them.
    """
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
    if conditional:
        caption = tr("briefing.under_plan", what=caption)
    chart = SmallMultiples(
        tuple(level.names[row] for row in order), tuple(notes),
        level.weeks[order].astype(float), tuple(marks), caption,
    )  # fmt: skip
    rest, note = np.argsort(-level.now, kind="stable")[most:], ""
    if len(rest):
        changes = [None if basis is None else level.change(int(row), basis) for row in rest]
        calm = all(change is not None and not change.mark for change in changes)
        key = "more_stations_usual" if calm else "more_stations"
        note = tr(f"briefing.chart.{key}", count=len(rest), incidents=int(level.now[rest].sum()))
    return Figure(chart, caption, caption, note, key="stations")


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


def _numbered(place: int, lead: str) -> str:
    return tr("briefing.numbered", number=tr(f"briefing.number.{place + 1}"), lead=lead)


def _figures_grid(report: Report) -> Grid | None:
    """Return the key figures as a table, where there are no incidents to show."""
    rows = tuple((figure.label, _with_unit(figure)) for figure in report.figures)
    if not rows:
        return None
    return Grid((tr("briefing.table.figure"), tr("briefing.table.value")), ("left", "right"), rows,
                tr("report.heading.figures"), whole=True)  # fmt: skip


def _with_unit(figure: KeyFigure) -> str:
    """Return a figure with its unit, but for one that its label says already."""
    text = figure.text()
    if not figure.unit or figure.unit.lower() in figure.label.lower():
        return text
    return tr("report.pair", name=text, value=figure.unit)


def _remarks(report: Report, head: Letterhead) -> Box:
    """Return what the analyst recommends, never anything of our own."""
    lines = [Paragraph(text) for text in report.request.remarks.lines] or [
        Paragraph(tr("briefing.remarks_blank"), style="note")
    ]
    lines[0] = replace(lines[0], lead=tr("briefing.remarks_lead"))
    return Box(tuple(lines), tr("briefing.contact", name=head.contact, phone=head.phone))


_FOUR = 4
_IMPORTANT = ("plan", "stations", "beats", "coverage", "staff", "city", "grids")

#: How the first page gives way until it fits, from the fullest to the barest.
_ROOMS = (
    Room(),
    Room(categories=7),
    Room(categories=7, map_height=0.75),
    Room(categories=6, multiples=8, map_height=0.66),
    Room(categories=5, multiples=8, findings=4, map_height=0.6),
    Room(categories=4, multiples=0, findings=4, map_height=0.55),
    Room(categories=3, multiples=0, findings=3, map_height=0.5),
)


def compose(report: Report, *, paper: str = "a4") -> tuple[Document, Findings]:
    """Return a report as a document, and what its first page finds.

    Parameters
    ----------
    report
        The report.
    paper
        ``a4`` or ``a3``: on what it must fit.
    """
    request = report.request
    settings = request.settings
    found = report.found
    with using_language(report.language):
        head = _letterhead(report)
        day = request.dated
        document = Document(
            title=_conditional(report, found.title),
            name=f"{report.title} · {report.subtitle}",
            language=report.language,
            head=head,
            front=(),
            sections=(),
            foot=_data_line(report),
            dated=tr("report.dated", date=day.isoformat()),
            iso_date=day.isoformat(),
            band=_band(report),
            signature=(head.agency, _day_words(day)),
            front_alone=report.history is not None,
        )

        def filled(place: int) -> Document:
            return replace(document, front=brief_blocks(report, found, head, _ROOMS[place]))

        def fits(place: int) -> bool:
            return page_count(filled(place), template=request.template) == 1

        last = len(_ROOMS) - 1  # what is taken where nothing fits
        place = 0 if fits(0) else bisect_left(range(last), x=True, lo=1, key=fits)
        document = filled(place)
        if request.pages == "1":
            return document, found
        if request.pages == "4":
            return _four_pages(report, document, paper), found
        return replace(
            document, sections=build_sections(report, settings.sections or tuple(SECTIONS))
        ), found


def _day_words(day: date) -> str:
    name = tr(f"briefing.month.{day.month}")
    return tr("briefing.date", year=day.year, day=day.day, name=name)


def _four_pages(report: Report, document: Document, paper: str) -> Document:
    """Return the document with as many of its sections as fit on four pages."""
    chosen = report.request.settings.sections or tuple(SECTIONS)
    wanted = [name for name in _IMPORTANT if name in chosen]
    every = build_sections(report, wanted, brief=True)
    kept: tuple[Section, ...] = ()
    for section in every:
        longer = replace(document, sections=(*kept, section))
        if page_count(longer, paper=paper, template=report.request.template) <= _FOUR:
            kept = (*kept, section)
    return replace(document, sections=kept)


def _conditional(report: Report, title: str) -> str:
    """Return the title, with what it is of where it is a plan's."""
    if report.plan is None or report.measured.comparison is not None:
        return title  # what a plan changes is its own title
    return tr("briefing.title.plan", plan=report.plan.name, title=title)


def _letterhead(report: Report) -> Letterhead:
    """Return what the settings and the remarks put around the report, blanks filled in."""
    settings, remarks = report.request.settings, report.request.remarks
    agency, blank = settings.agency or report.city.label, tr("briefing.blank")
    title = settings.title.format(agency=agency, period=report.period.label())
    if not title:
        kind = "red_head" if report.city.incidents is not None else "red_head_ground"
        kind = kind if report.plan is None else "red_head_plan"
        title = tr(f"briefing.{kind}", agency=agency)
    set_by_hand = {item.name: getattr(settings, item.name) for item in fields(Letterhead)}
    return Letterhead(
        **set_by_hand
        | {
            "agency": agency,
            "title": title,
            "signatory": tr("briefing.signatory", name=settings.signatory or blank),
            "contact": remarks.contact or settings.contact or blank,
            "phone": remarks.phone or settings.phone or blank,
        }
    )


def _band(report: Report) -> str:
    parts = []
    if report.plan is not None:
        parts.append(tr("briefing.band.plan", plan=report.plan.name))
    if report.city.made_up:
        parts.append(tr("briefing.band.made_up"))
    return "　".join(parts)


def days_text(period: Period) -> str:
    """Return by how many days rates are divided; a day that is known in part is a fraction."""
    return f"{period.days:,.2f}" if period.days % 1 else f"{period.days:,.0f}"


def _data_line(report: Report) -> str:
    made_up = tr("report.made_up") if report.city.made_up else ""
    city = report.city
    if city.incidents is None or city.incidents.period is None:
        found = next(iter(report.measured.now.values()), None)
        counted = found is not None and "incidents" not in found.missing
        key = "briefing.data_line_counts" if counted else "briefing.data_line_none"
        return tr(key, city=city.label, made_up=made_up)
    history = report.history
    compare = tr("briefing.data_alone")
    if history is not None and history.compared:
        first = history.compared[0]
        now, before = map(days_text, (first.now, first.before))
        compare = tr("briefing.data_compare", days=now, before=first.before.label(),
                     days_before=before)  # fmt: skip
    last = city.incidents.period[1]
    told = [compare, import_line(report.measured, report.hiding)]
    part = report.period.held_part
    if part is not None and report.period.is_cut:
        told.insert(0, tr("briefing.data_held", period=report.period.label(), first=str(part[0]),
                          last=str(part[1]), days=days_text(report.period),
                          part=report.period.days % 1))  # fmt: skip
    compare = ("; " if report.language == "en" else "；").join(filter(None, told))
    return tr("briefing.data_line", city=city.label, made_up=made_up,
              last=f"{last:%Y-%m-%d %H:%M}", compare=compare)  # fmt: skip
