"""Duty on paper: shifts, alerts and the surroundings of a place, as blocks of a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridmap.i18n import DAYS, current_language, some_names, tr
from gridmap.measure import parse_within
from gridmap.model import City, Kind
from gridmap.report.charts import (
    ACCENT,
    GRID_LINE,
    INK,
    QUIET,
    WATER,
    ControlChartDrawing,
    ControlLimits,
    Svg,
    nice_ticks,
    text_width,
)
from gridmap.report.document import Block, Columns, Document, Figure, Grid, Letterhead, Paragraph
from gridmap.report.mapping import MapFigure, Marks, Outline, Shading, points_in
from gridmap.report.pdf import write_pdf
from gridmap.report.tables import UNKNOWN, shown
from gridmap.typing import Floats

_ALERT = "#f6c79a"
_MOST_POSTS = 60  # rows of a roster on paper
_MOST_NAMES = 8  # on a line


@dataclass(frozen=True, slots=True, eq=False)
class DutyChart:
    """Officers needed in each hour of the week, and those on duty.

    Parameters
    ----------
    needed
        Officers that should be on duty, shape (168,).
    today, proposed
        Officers on duty, shape (168,); None where nobody said.
    alt
        The chart in words.
    """

    needed: Floats
    today: Floats | None
    proposed: Floats
    alt: str = ""

    def draw(self, width: float, height: float = 0.0) -> Svg:
        """Draw the chart at a width in points: the need as an area, duty as steps."""
        tall = height or 150.0
        svg = Svg(width, tall, self.alt)
        most = max(float(line.max(initial=1.0)) for line in self._lines())
        ticks = nice_ticks(0.0, most, 4)
        left = text_width(shown(ticks[-1], "count"), 7.0) + 8.0
        top, bottom, right = 16.0, tall - 16.0, width - 2.0
        wide = (right - left) / 168.0

        def steps(values: Floats) -> list[tuple[float, float]]:
            ys = bottom - values / ticks[-1] * (bottom - top)
            return [
                (left + wide * (hour + end), float(y))
                for hour, y in enumerate(ys)
                for end in (0, 1)
            ]

        for tick in ticks:
            y = bottom - tick / ticks[-1] * (bottom - top)
            svg.line(left, y, right, y, stroke=GRID_LINE, width=0.4)
            svg.text(left - 4.0, y + 2.4, shown(tick, "count"), size=7.0, anchor="end")
        corners = [(left, bottom), *steps(self.needed), (right, bottom)]
        svg.path("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in corners) + "Z", fill="#d7e3ea")
        for day, name in enumerate(DAYS):
            x = left + wide * 24 * day
            svg.line(x, top, x, bottom, stroke=GRID_LINE, width=0.6)
            svg.text(
                x + 12 * wide, bottom + 10.0, tr(f"measure.day.{name}"), size=7.5, anchor="middle"
            )
        if self.today is not None:
            svg.polyline(steps(self.today), stroke=QUIET, width=0.9, dash="2 1.5")
        svg.polyline(steps(self.proposed), stroke=ACCENT, width=1.2)
        self._legend(svg, left)
        return svg

    def _lines(self) -> list[Floats]:
        return [self.needed, self.proposed, *([] if self.today is None else [self.today])]

    def _legend(self, svg: Svg, x: float) -> None:
        for name, colour in (("needed", "#d7e3ea"), ("today", QUIET), ("proposed", ACCENT)):
            if name == "today" and self.today is None:
                continue
            words = tr(f"duty.{name}")
            svg.rect(x, 3.0, 9.0, 5.0, fill=colour)
            svg.text(x + 12.0, 8.5, words, size=7.5)
            x += 26.0 + text_width(words, 7.5)


def roster_days(first: int, count: int) -> str:
    """Return consecutive weekdays in words; six of them by the day off.

    Parameters
    ----------
    first
        Weekday on which they begin, 0 for Monday.
    count
        How many, 1 to 7.
    """
    names = [tr(f"measure.day.{name}") for name in DAYS]
    if count == 1:
        return names[first % 7]
    if count == 6:
        return tr("duty.days_but", day=names[(first + 6) % 7])
    if count >= 7:
        return tr("duty.days_all")
    return tr("duty.days", first=names[first % 7], last=names[(first + count - 1) % 7])


def shifts_blocks(plain: Mapping[str, Any], *, roster: bool = True) -> list[Block]:
    """Return the demand, the duty and the posts of each unit.

    Parameters
    ----------
    plain
        The JSON of ``gridmap shifts``.
    roster
        Whether the posts are listed.
    """
    units = plain["units"]
    lines: dict[str, dict[str, Floats | None]] = {}
    for number, unit in enumerate(units):
        rows = plain["rows"][168 * number : 168 * (number + 1)]
        lines[unit["unit"]] = {
            name: None
            if rows[0][name] is None
            else np.array([row[name] for row in rows], dtype=float)
            for name in ("needed", "today", "proposed")
        }
    columns = shifts_columns(plain)
    table = Grid(
        (tr("duty.shifts.unit"), *(tr(f"duty.shifts.{name}") for name in columns)),
        ("left", *("right" for _ in columns)),
        tuple(
            (
                unit["name"],
                *(UNKNOWN if unit[key] is None else shown(unit[key], "count") for key in columns),
            )
            for unit in units
        ),
        tr("duty.units" if plain["late"] is None else "duty.units_calls"),
    )
    blocks: list[Block] = [Paragraph(shifts_sentence(plain)), _whole_chart(lines), table]
    orders = [(unit["name"], unit["manned"]) for unit in units if len(unit["manned"]) > 1]
    if orders and roster:
        rows = tuple((name, tr("api.join").join(manned)) for name, manned in orders)
        head = (tr("duty.shifts.unit"), tr("duty.shifts.manned"))
        blocks.append(Grid(head, ("left", "left"), rows))
    if roster:
        blocks.append(_roster(plain))
    blocks += [Paragraph(note, style="note") for note in plain["notes"]]
    return blocks


def shifts_columns(plain: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the figures of a unit that a table shows: of work, or of calls reached late."""
    columns = (
        ("officers", "demand_h", "uncovered_today_h", "uncovered_h", "bound", "one_more_h",
         "posts_needed")
        if plain["late"] is None
        else ("officers", "calls", "late_today", "late", "bound", "one_more_calls", "posts_needed")
    )  # fmt: skip
    units = plain["units"]  # duty today is unknown where no room says its hours
    return tuple(name for name in columns if any(unit[name] is not None for unit in units))


def shifts_sentence(plain: Mapping[str, Any]) -> str:
    """Return what shifts leave uncovered, today and as proposed, in one sentence."""
    if plain["late"] is not None:
        before = plain["late_today"]
        return tr(
            "duty.shifts_response",
            since=plain["since"],
            until=plain["until"],
            calls=plain["calls"],
            minutes=plain["options"]["response"],
            today="" if before is None else tr("duty.shifts_response_today", late=before),
            proposed=plain["late"],
            bound=plain["bound"],
        )
    today = plain["uncovered_today_h"]
    return tr(
        "duty.shifts_sentence" if today is not None else "duty.shifts_sentence_new",
        demand=plain["demand_h"],
        today=today or 0.0,
        proposed=plain["uncovered_h"],
        bound=plain["bound"],
        since=plain["since"],
        until=plain["until"],
    )


def _whole_chart(lines: Mapping[str, Mapping[str, Floats | None]]) -> Figure:
    def summed(name: str) -> Floats | None:
        known = [line[name] for line in lines.values()]
        found = [line for line in known if line is not None]
        return np.sum(found, axis=0) if len(found) == len(known) else None

    needed, proposed = summed("needed"), summed("proposed")
    assert needed is not None and proposed is not None  # noqa: S101, PT018 - always known
    chart = DutyChart(needed, summed("today"), proposed, tr("duty.chart"))
    return Figure(chart, tr("duty.chart"), alt=tr("duty.chart"), key="shifts", fixed=True)


def _roster(plain: Mapping[str, Any]) -> Grid:
    rows = plain["roster"]
    left_out = len(rows) - _MOST_POSTS
    names = ("pattern", "hours", "days", "posts")
    return Grid(
        (tr("duty.shifts.unit"), *(tr(f"duty.shifts.{name}") for name in names)),
        ("left", "left", "left", "left", "right"),
        tuple(
            (
                row["name"],
                tr(f"duty.page.pattern_{row['pattern']}"),
                f"{row['begin']}-{row['end']}",
                roster_days(row["first_day"], row["days"]),
                f"{row['posts']}",
            )
            for row in rows[:_MOST_POSTS]
        ),
        tr("duty.roster"),
        (tr("duty.more_posts", count=left_out),) if left_out > 0 else (),
    )


def watch_blocks(
    city: City, sentences: Sequence[str], shapes: Sequence[shapely.Geometry], *, quiet: str
) -> list[Block]:
    """Return the alerts as sentences, and a map of those that have a place.

    Parameters
    ----------
    city
        The city.
    sentences, shapes
        Each alert in words, and its ground; an empty shape where it is the whole city's.
    quiet
        What is said where there is none.
    """
    if not sentences:
        return [Paragraph(quiet)]
    blocks: list[Block] = [
        Paragraph(text, lead=f"{number}. ") for number, text in enumerate(sentences, start=1)
    ]
    known = [place for place, shape in enumerate(shapes) if not shape.is_empty]
    ground = city.get(Kind.GRID) or city.get(Kind.BEAT)
    if not known or ground is None:
        return blocks
    marked = np.array([shapes[place] for place in known], dtype=object)
    points = points_in(marked)
    shading = (
        Shading(ground.geometry, np.full(len(ground), -1), ()),
        Shading(
            marked, np.zeros(len(marked), np.int64), ((_ALERT, tr("duty.alert")),), lines=False
        ),
    )
    figure = MapFigure(
        "watch",
        tr("duty.alert_map"),
        shading,
        _outlines(city),
        numbers=tuple(
            (float(x), float(y), str(place + 1))
            for place, (x, y) in zip(known, points, strict=True)
        ),
        alt=tr("duty.alert_map"),
    )
    return [*blocks, Figure(figure, tr("duty.alert_map"), alt=figure.alt, key="watch", fixed=True)]


def chart_block(chart: Mapping[str, Any], title: str) -> Figure:
    """Return counts by week or day between the limits of a single one.

    Parameters
    ----------
    chart
        A row of ``charts`` of ``gridmap watch``.
    title
        What stands above it.
    """
    limits = ControlLimits(chart["usual"], chart["low"], chart["high"])
    drawn = ControlChartDrawing(
        tuple(day[5:] for day in chart["until"]),
        np.array(chart["incidents"], dtype=float),
        limits,
        len(chart["incidents"]) - chart["recent"],
        title,
    )
    return Figure(drawn, title, alt=title, height=0.25, key="weeks", fixed=True)


def around_blocks(
    city: City,
    plain: Mapping[str, Any],
    shapes: Sequence[shapely.Geometry],
    xy: tuple[float, float],
) -> list[Block]:
    """Return the sheet of an emergency: a map of the rings, who is within, who is near.

    Parameters
    ----------
    city
        The city.
    plain
        The JSON of ``gridmap around``.
    shapes
        The ground of each ring.
    xy
        The place, working CRS.
    """
    known = [shape for shape in shapes if not shape.is_empty]
    near = min(known, key=lambda shape: shape.area, default=shapely.Point(xy).buffer(100.0))
    far = max(known, key=lambda shape: shape.area, default=near)
    maps = [_ring_map(city, plain, shapes, xy, ground) for ground in dict.fromkeys((near, far))]
    shown_maps = Columns((maps[0],), (maps[1],)) if len(maps) > 1 else maps[0]
    blocks: list[Block] = [shown_maps, _ring_table(plain)]
    first = plain["rings"][0]
    for name in ("stations", "beats", "communities", "grids"):
        names = [row["name"] for row in first[name]]
        if names:
            blocks.append(
                Paragraph(
                    some_names(names), lead=tr("report.lead", name=tr(f"duty.around.{name}"))
                )
            )
    for name in ("facilities", "incidents"):
        counts = first[name]
        if counts:
            words = tr("api.join").join(
                tr("report.pair", name=key, value=value) for key, value in counts.items()
            )
            blocks.append(Paragraph(words, lead=tr("report.lead", name=tr(f"duty.around.{name}"))))
    roads = list(dict.fromkeys(road["name"] for road in first["roads"] if road["name"]))
    if roads:
        text = some_names(roads, most=16)
        blocks.append(Paragraph(text, lead=tr("report.lead", name=tr("duty.around.roads"))))
    if plain["rooms"]:
        blocks.append(_near_rooms(plain["rooms"]))
    blocks += [Paragraph(note, style="note") for note in plain["notes"]]
    return blocks


def _ring_map(
    city: City,
    plain: Mapping[str, Any],
    shapes: Sequence[shapely.Geometry],
    xy: tuple[float, float],
    ground: shapely.Geometry,
) -> Figure:
    """Return a map of the rings that shows as much as the ground of one of them."""
    west, south, east, north = ground.bounds
    frame = shapely.box(west, south, east, north)
    frame = frame.buffer(0.06 * (east - west + 100.0), join_style="mitre")
    outlines = []
    if city.has(Kind.ROAD):
        outlines.append(
            Outline(_inside(city.layer(Kind.ROAD).geometry, frame), 0.5, "#b9c1ca", halo=False)
        )
    outlines += [replace(each, shapes=_inside(each.shapes, frame)) for each in _outlines(city)]
    for ring, shape, colour in zip(
        plain["rings"], shapes, (ACCENT, WATER, "#7c3aed") * 9, strict=False
    ):
        edge = _inside(np.array([shape], dtype=object), frame)
        outlines.append(Outline(edge, 1.6, colour, name=parse_within(ring["within"])[0].text()))
    marks = [Marks(np.array([xy]), ACCENT, 4.0, tr("duty.place"))]
    rooms = city.get(Kind.ROOM)
    if rooms is not None:
        there = shapely.covers(frame, rooms.geometry)
        if there.any():
            marks.append(
                Marks(
                    shapely.get_coordinates(shapely.centroid(rooms.geometry[there])),
                    WATER,
                    2.6,
                    tr("maps.kind.room"),
                )
            )
    figure = MapFigure(
        "around", tr("duty.around_map"),
        (Shading(np.array([frame], dtype=object), np.array([-1]), ()),),
        tuple(outlines), tuple(marks), alt=tr("duty.around_map"),
    )  # fmt: skip
    return Figure(figure, "", alt=figure.alt, height=0.78, key="around", fixed=True)


def _inside(shapes: npt.NDArray[np.object_], frame: shapely.Geometry) -> npt.NDArray[np.object_]:
    """Return lines and borders cut to a frame."""
    near = shapes[shapely.intersects(shapes, frame)]
    areas = shapely.get_dimensions(near) == 2
    near = np.where(areas, shapely.boundary(near), near)
    return np.asarray(shapely.intersection(near, frame), dtype=object)


def _outlines(city: City) -> tuple[Outline, ...]:
    looks = ((Kind.BEAT, 0.5, QUIET), (Kind.STATION, 1.1, INK))
    return tuple(
        Outline(city.layer(kind).geometry, width, colour, name=tr(f"maps.kind.{kind}"))
        for kind, width, colour in looks
        if city.has(kind)
    )


def _ring_table(plain: Mapping[str, Any]) -> Grid:
    rings = plain["rings"]
    rows = [(tr("duty.area"), *(shown(ring["area_km2"], "fine") for ring in rings))]
    for name in ("residents", "migrants", "households"):
        if any(ring[name] is not None for ring in rings):
            known = (shown(ring[name], "count") for ring in rings)
            rows.append((tr(f"field.{name}"), *known))
    if rings[0]["incidents"] is not None:
        sums = (f"{sum(ring['incidents'].values()):,}" for ring in rings)
        label = tr("duty.incidents_of", since=plain["since"], until=plain["until"])
        rows.append((label, *sums))
    labels = (tr("duty.within"), *(parse_within(ring["within"])[0].text() for ring in rings))
    return Grid(labels, ("left", *("right" for _ in rings)), tuple(rows))


def _near_rooms(rooms: Sequence[Mapping[str, Any]]) -> Grid:
    names = ("name", "minutes", "distance_m", "officers", "auxiliaries")
    forms = {"minutes": "decimal"}
    return Grid(
        (*(tr(f"duty.around.column.{name}") for name in names), tr("field.hours")),
        ("left", "right", "right", "right", "right", "right"),
        tuple(
            (
                room["name"],
                *(
                    UNKNOWN if room[key] is None else shown(room[key], forms.get(key, "count"))  # type: ignore[arg-type] # a format
                    for key in names[1:]
                ),
                room["hours"] or UNKNOWN,
            )
            for room in rooms
        ),
        tr("duty.rooms"),
    )


def frame_grid(frame: pd.DataFrame, caption: str = "", *, most: int = 0) -> Grid:
    """Return a table as it is printed: numbers to the right, unknown ones as a dash.

    Parameters
    ----------
    frame
        Columns with the headings that are printed.
    caption
        What stands above it.
    most
        Rows to print; all if 0.
    """
    numbers = [pd.api.types.is_numeric_dtype(frame[name]) for name in frame.columns]
    rows = frame.head(most) if most else frame
    return Grid(
        tuple(map(str, frame.columns)),
        tuple("right" if number else "left" for number in numbers),
        tuple(
            tuple(
                shown(value, "plain") if number else str(value)
                for value, number in zip(row, numbers, strict=True)
            )
            for row in rows.itertuples(index=False)
        ),
        caption,
    )


def duty_sheet(
    city: City, title: str, blocks: Sequence[Block], *, dated: date | None = None
) -> bytes:
    """Return blocks as a printed sheet, A4 PDF.

    Parameters
    ----------
    city
        Whose sheet it is.
    title
        What stands above it.
    blocks
        What it holds.
    dated
        The day on it; today if None.
    """
    day = dated or date.today()  # noqa: DTZ011 - the date on the reader's desk
    document = Document(
        title=title,
        name=f"{city.label} · {title}",
        language=current_language(),
        head=Letterhead(agency=city.label),
        front=tuple(blocks),
        sections=(),
        foot=city.label,
        dated=tr("report.dated", date=day.isoformat()),
        iso_date=day.isoformat(),
        band=tr("briefing.band.made_up") if city.made_up else "",
    )
    return write_pdf(document)
