"""The plan that a department signs: beats with their extent in words, handover list, annexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import shapely

from gridmap.errors import InputError, MissingError
from gridmap.i18n import some_names, tr, using_language
from gridmap.measure import busy_times, count_located
from gridmap.measure.pieces import present_plan
from gridmap.model import City, Kind, Plan
from gridmap.report.charts import text_width
from gridmap.report.composing import compose
from gridmap.report.document import (
    Block,
    Columns,
    Document,
    Figure,
    Grid,
    Paragraph,
    Section,
    figures_of,
    grid_of,
)
from gridmap.report.mapping import Locator, MapFigure, Marks, Outline, Shading
from gridmap.report.plan_change import (
    beats_ended,
    beats_made,
    community_names,
    effect_grid,
    effects_of,
    ended_grid,
    grid_names,
    plan_map,
    price_lines,
    station_moves,
)
from gridmap.report.report import FEW_INCIDENTS, Report
from gridmap.report.sections import build_sections, crossed_grid
from gridmap.report.tables import shown
from gridmap.typing import Bools, Ints, Shapes

SIDES = ("east", "south", "west", "north")
_NEAR_M = 30.0  # a border follows what lies this near
_FOLLOWS = 0.6  # on at least this share of a side
_MOST_NAMES = 3  # lines that one side is named after
_WORTH_NAMING = 0.1  # share of a side that each of several lines adds
_STEP_M = 20.0  # between the points at which a border is looked at
_Beside = list[tuple[int, tuple[str, str]]]  # points of a border, and the kind and name beside


@dataclass(frozen=True, slots=True)
class Extent:
    """What the border of one beat follows.

    Attributes
    ----------
    follows
        For each of `SIDES` what it follows, in this order (from the west or the north):
        ``(kind, name)`` of a ``line`` (road, river or railway), a ``community`` beyond or the
        ``edge`` of the city; empty where the border follows nothing but grids.
    shares
        Which share of the side follows it.
    """

    follows: tuple[tuple[tuple[str, str], ...], ...]
    shares: tuple[float, ...]


def extents_of(city: City, beats: Shapes) -> tuple[Extent, ...]:
    """Return what the border of each beat follows on its four sides.

    A point of the border belongs to the side towards which it lies from the beat's middle,
    as a share of its width and height. A side is named after the road, river or railway that
    at least 60 % of it has within 30 m; else after up to three of them that together follow
    as much, each at least 10 % that the others do not; else it is the city's edge where as
    much has no grid beyond, or lines and the edge in succession; else the border of the
    community beyond, one that holds no grid of the beat, or all of these in succession; else
    it is named after nothing.

    Parameters
    ----------
    city
        Roads, barriers and communities are taken from it.
    beats
        Polygons in the working CRS.
    """
    lines, line_names = _lines(city)
    tree = shapely.STRtree(lines)
    communities = city.get(Kind.COMMUNITY)
    borders = None
    if communities is not None and len(communities):
        borders = shapely.STRtree(shapely.boundary(communities.geometry))
    grids = shapely.STRtree(city.grids.geometry)
    middles = shapely.point_on_surface(city.grids.geometry)
    found = []
    for beat in beats:
        points, sides = _samples(beat)
        xy = shapely.get_coordinates(points)
        mine = shapely.contains_xy(beat, *shapely.get_coordinates(middles).T)
        touching, grid = grids.query(points, predicate="dwithin", distance=_NEAR_M)
        at_edge = np.setdiff1d(np.arange(len(points)), touching[~mine[grid]])
        near, which = tree.query(points, predicate="dwithin", distance=_NEAR_M)
        line: _Beside = [(point, ("line", str(name))) for point, name in
                         zip(near.tolist(), line_names[which], strict=True)]  # fmt: skip
        edge: _Beside = [(point, ("edge", "")) for point in at_edge.tolist()]
        community: _Beside = []
        if borders is not None and communities is not None:
            tree_of_mine = shapely.STRtree(middles[mine])
            own = set(tree_of_mine.query(communities.geometry, "intersects")[0].tolist())
            near, which = borders.query(points, predicate="dwithin", distance=_NEAR_M)
            community = [
                (point, ("community", str(communities.names[row])))
                for point, row in zip(near.tolist(), which.tolist(), strict=True)
                if row not in own
            ]
        known = line + _others(edge, line)
        told = []
        for side in range(len(SIDES)):
            here = np.flatnonzero(sides == side)
            along = here[np.argsort(-xy[here, 1] if side % 2 == 0 else xy[here, 0])]
            tried = (_followed(along, beside, most) for beside, most in (
                (line, _MOST_NAMES), (edge, 1), (known, _MOST_NAMES), (community, 1),
                (known + _others(community, known), _MOST_NAMES),
            ))  # fmt: skip
            told.append(next((one for one in tried if one[1] >= _FOLLOWS), ((), 0.0)))
        found.append(Extent(*zip(*told, strict=True)))
    return tuple(found)


def extent_words(extent: Extent) -> str:
    """Return an extent as official texts write it: east to ..., south to ..."""
    parts = []
    for side, follows in zip(SIDES, extent.follows, strict=True):
        names = [tr(f"briefing.extent.{kind}", name=name) for kind, name in follows]
        what = tr("briefing.extent.and").join(names) or tr("briefing.extent.grid")
        parts.append(tr(f"briefing.extent.{side}", what=what))
    return tr("briefing.comma").join(parts) + tr("briefing.stop")


def _lines(city: City) -> tuple[Shapes, npt.NDArray[np.object_]]:
    """Return named roads, rivers and railways."""
    shapes: list[Shapes] = []
    names: list[npt.NDArray[np.object_]] = []
    for kind in (Kind.ROAD, Kind.BARRIER):
        layer = city.get(kind)
        if layer is None or not len(layer):
            continue
        words = layer.names.astype(str)
        ids = layer.ids.astype(str)
        named = np.array([bool(w.strip()) and w != i for w, i in zip(words, ids, strict=True)])
        shapes.append(layer.geometry[named])
        names.append(words[named].astype(object))
    if not shapes:
        return np.empty(0, dtype=object), np.empty(0, dtype=object)
    return np.concatenate(shapes), np.concatenate(names)


def _samples(beat: shapely.Geometry) -> tuple[Shapes, Ints]:
    """Return points along the outer border of a beat and the side that each lies on."""
    parts = shapely.get_parts(beat)
    largest = parts[int(np.argmax(shapely.area(parts)))]
    ring = shapely.get_exterior_ring(largest)
    count = max(int(shapely.length(ring) / _STEP_M), 40)
    points = shapely.line_interpolate_point(ring, np.arange(count) / count, normalized=True)
    left, low, right, top = shapely.bounds(largest)
    xy = shapely.get_coordinates(points)
    across = (xy[:, 0] - (left + right) / 2) / max(right - left, 1e-9)
    up = (xy[:, 1] - (low + top) / 2) / max(top - low, 1e-9)
    sides = np.where(
        np.abs(across) >= np.abs(up),
        np.where(across > 0, 0, 2),
        np.where(up < 0, 1, 3),
    )
    return points, sides.astype(np.int64)


def _others(beside: _Beside, known: _Beside) -> _Beside:
    """Return what is beside those points that nothing known is beside."""
    places = {point for point, _ in known}
    return [one for one in beside if one[0] not in places]


def _followed(
    along: Ints, beside: _Beside, most: int
) -> tuple[tuple[tuple[str, str], ...], float]:
    """Return what a side follows, in order along it, and which share of it does.

    What follows most is chosen first; others only where it is less than enough.

    Parameters
    ----------
    along
        Points of the side, in order.
    beside
        Points, of any side, and what is near each.
    most
        How many may be named.
    """
    place = {point: n for n, point in enumerate(along.tolist())}
    held: dict[tuple[str, str], set[int]] = {}
    for point, what in beside:
        if point in place:
            held.setdefault(what, set()).add(place[point])
    chosen: list[tuple[float, tuple[str, str]]] = []
    covered: set[int] = set()
    while held and len(chosen) < most and len(covered) < _FOLLOWS * len(along):
        what = min(held, key=lambda each: (-len(held[each] - covered), each))
        new = held.pop(what) - covered
        if len(new) < _WORTH_NAMING * len(along):
            break
        chosen.append((float(np.mean(list(new))), what))
        covered |= new
    return tuple(what for _, what in sorted(chosen)), len(covered) / max(len(along), 1)


_AROUND = 0.18  # of a beat's size, shown around it on its map
_STREETS = 14  # names written into one map
_GRIDS = 60  # names of grids listed
_FLOWS = 4  # other beats named that a beat takes grids from, or gives them to
_FACTS_SHARE = 0.4  # of a page's width, for the table of a beat
#: What the map of a beat is drawn for: letters of a whole line, lines of a whole page, lines
#: of its heading, and a line's height as a share of the page's width; least and most height.
_LETTERS, _LINES, _HEADING, _LINE = 48.0, 50.0, 4.0, 0.0287
_LOWEST, _HIGHEST = 0.3, 1.0
_YEAR_DAYS = 365
_DRAWS = 199  # weeks drawn at random for the busy hours of one beat
_LETTER_SHARE = 0.0155  # a letter of a map's labels, as a share of the map's width
_NAMED = 8  # beats named that end, or are new
_BUSY = 5  # grids named as places that matter


def plan_document(report: Report, *, paper: str = "a4") -> tuple[Document, Document]:
    """Return the document of a division, and its beat cards alone.

    Parameters
    ----------
    report
        The report of a plan.
    paper
        ``a4`` or ``a3``.

    Raises
    ------
    InputError
        If the report is of today's beats, or small counts are hidden: a document of beats
        page by page tells counts that are hidden elsewhere.
    """
    plan = report.plan
    if plan is None:
        raise InputError("report.error.document_plan")
    _refuse_hidden(report)
    base, _ = compose(replace(report, request=replace(report.request, pages="1")), paper=paper)
    with using_language(report.language):
        pages = _beat_pages(report, plan)
        overview = _overview(report)
        settings = report.request.settings
        title = tr("briefing.document.title", city=report.city.label)
        agency = settings.agency or report.city.label
        head = replace(
            base.head,
            title=tr("briefing.document.red_head", agency=agency),
        )
        sections = [
            Section("beats", tr("briefing.document.beats"), tuple(overview)),
            *pages,
            *_handover(report),
            *_annexes(report),
        ]
        document = replace(
            base,
            title=title,
            name=f"{title} · {plan.name}",
            head=head,
            front=tuple(_front(report, plan)),
            sections=tuple(section for section in sections if section.blocks),
        )
        cards = replace(
            document,
            title=tr("briefing.document.cards", city=report.city.label),
            front=(
                Paragraph(tr("briefing.document.cards_intro", plan=plan.name)),
                *figures_of(overview),
            ),
            sections=pages,
        )
    return document, cards


def beat_card(report: Report, beat: str, *, paper: str = "a4") -> Document:
    """Return the card of one beat, of the report's plan or of today's beats.

    Parameters
    ----------
    report
        The report.
    beat
        Id of the beat.
    paper
        ``a4`` or ``a3``.

    Raises
    ------
    InputError
        If small counts are hidden.
    MissingError
        If there is no such beat, or it has no grids.
    """
    _refuse_hidden(report)
    plan = report.plan or present_plan(report.city)
    with using_language(report.language):
        pages = _beat_pages(report, plan, only=beat)
        if not pages:
            raise MissingError("report.error.no_card", beat=beat, plan=plan.name)
        base, _ = compose(replace(report, request=replace(report.request, pages="1")), paper=paper)
        kind, title = tr("briefing.document.card", city=report.city.label), pages[0].title
        head = replace(base.head, title=kind, number="", signatory="")
        return replace(
            base,
            title=title,
            name=f"{kind} · {title}",
            head=head,
            front=pages[0].blocks,
            sections=(),
        )


def _refuse_hidden(report: Report) -> None:
    if report.hiding.limit:
        raise InputError("report.error.document_hidden")


def _front(report: Report, plan: Plan) -> list[Block]:
    """Say what is divided how, what was weighed, what gets better and what it costs."""
    measured, period = report.measured, report.period
    made = measured.comparison
    intro = tr(
        "briefing.document.intro",
        city=report.city.label,
        plan=plan.name,
        beats=len(plan.beats) if made is None else made.after.beats,
        grids=len(report.city.grids),
    )
    if made is not None:
        ended, new = beats_ended(made), beats_made(made)
        intro += tr(
            "briefing.document.intro_today",
            today=made.before.beats,
            ended=len(ended),
            ended_names=some_names([beat.label for beat in ended], most=_NAMED),
            made=len(new),
            made_names=some_names([beat.label for beat in new], most=_NAMED),
        )
    intro += tr("briefing.document.intro_period", period=period.label())
    if not report.request.period and period.first is not None and period.last is not None:
        days = (period.last - period.first).days + 1
        intro += tr("briefing.document.part_year", days=days) if days < _YEAR_DAYS else ""
    blocks: list[Block] = [
        Paragraph(intro),
        Paragraph(_weighed(report), lead=tr("briefing.document.weighed")),
    ]  # fmt: skip
    if made is not None:
        effects = effects_of(measured, report.hiding)
        blocks.append(effect_grid(effects))
        price = price_lines(measured, report.hiding)
        if price:
            text = tr("briefing.semicolon").join(price) + tr("briefing.stop")
            blocks.append(Paragraph(text, lead=tr("briefing.plan.price")))
        worse = [effect.sentence() for effect in effects if effect.side == "worse"]
        missed = tr("briefing.semicolon").join(worse) or tr("briefing.document.nothing")
        blocks.append(
            Paragraph(missed + tr("briefing.stop"), lead=tr("briefing.document.not_reached"))
        )
    if measured.present is not None:
        blocks.append(
            Columns(
                (plan_map(measured, measured.present, "before"),),
                (plan_map(measured, plan, "after", changed=measured.present),),
            )
        )
    return blocks


def _weighed(report: Report) -> str:
    """Return which of the criteria that rules name the city has data for, and which not."""
    missing = report.missing("beat")
    known = {
        "residents": "residents" not in missing,
        "traffic": report.city.has(Kind.ROAD),
        "migrants": "migrants" not in missing,
        "order": "incidents" not in missing,
        "economy": False,
    }
    have = [tr(f"briefing.document.criterion.{key}") for key, there in known.items() if there]
    lack = [tr(f"briefing.document.criterion.{key}") for key, there in known.items() if not there]
    said = tr("briefing.document.have", names=tr("briefing.and").join(have))
    if lack:
        said += tr("briefing.document.lack", names=tr("briefing.and").join(lack))
    return said


def _overview(report: Report) -> list[Block]:
    """Return the table of all beats, and the map that fills the rest of its last page."""
    blocks = [block for part in build_sections(report, ("beats",)) for block in part.blocks]
    grids = [block for block in blocks if isinstance(block, Grid)]
    figures = [replace(block, fill=True) for block in blocks if isinstance(block, Figure)]
    return [*grids[:1], *figures]


def _beat_pages(report: Report, plan: Plan, *, only: str = "") -> tuple[Section, ...]:
    """Return a page for each beat that holds grids, or for the beat of an id alone."""
    city, layer = report.city, report.beats
    assert layer is not None  # noqa: S101 - a plan has beats
    shapes, places = layer.geometry, {one: at for at, one in enumerate(layer.ids.astype(str))}
    wanted = {
        row: places[str(beat.id)]
        for row, beat in enumerate(plan.beats)
        if only in {"", str(beat.id)} and str(beat.id) in places and (plan.assignment == row).any()
    }
    extents = extents_of(city, shapes[list(wanted.values())])
    stations = city.get(Kind.STATION)
    names = (
        {}
        if stations is None
        else dict(zip(stations.ids.astype(str), stations.names.astype(str), strict=True))
    )
    every = community_names(city)
    hours = _busy_hours(report, plan, list(wanted))
    labels = layer.names.astype(str)
    of = {str(beat.id): beat.station for beat in plan.beats}
    stations_of = np.array([of.get(str(one), "") for one in layer.ids], dtype=object)
    pages = []
    for (row, place), extent in zip(wanted.items(), extents, strict=True):
        beat = plan.beats[row]
        members = np.flatnonzero(plan.assignment == row)
        facts = _facts(report, plan, row, members)
        station = names.get(beat.station, beat.station)
        words: list[Block] = [Paragraph(extent_words(extent), lead=tr("briefing.document.extent"))]
        communities = list(dict.fromkeys(every[n] for n in members if every[n]))
        if communities:
            listed = tr("briefing.and").join(communities) + tr("briefing.stop")
            words.append(Paragraph(listed, lead=tr("briefing.document.communities")))
        rooms = city.get(Kind.ROOM)
        if rooms is not None and len(rooms):
            here = rooms.names.astype(str)[_inside(city, members, shapely.points(city.room_xy))]
            listed = tr("briefing.and").join(here) or tr("briefing.document.no_room")
            words.append(
                Paragraph(listed + tr("briefing.stop"), lead=tr("briefing.document.rooms"))
            )
        busy = _busy_places(report, members)
        if busy:
            words.append(Paragraph(busy, lead=tr("briefing.document.places")))
        lead = "own_hours" if row in hours else "hours"
        times = hours.get(row, report.busy)
        if times:
            words.append(Paragraph(times + tr("briefing.stop"),
                                   lead=tr(f"briefing.document.{lead}")))  # fmt: skip
        words += _changes(report, str(beat.id))
        table = Grid(
            (tr("briefing.table.figure"), tr("briefing.table.value")),
            ("left", "right"),
            tuple(facts),
            tr("briefing.document.facts"),
            whole=True,
        )
        listed = grid_names(city, members.tolist(), most=_GRIDS) + tr("briefing.stop")
        grids = Paragraph(listed, lead=tr("briefing.document.grids"))
        height = _map_height(table, [one for one in words if isinstance(one, Paragraph)], grids)
        blocks: tuple[Block, ...] = (
            _beat_map(
                city,
                shapes,
                place,
                labels,
                _locator(city, shapes, place, stations_of, station),
                height,
            ),
            Columns((table,), tuple(words), _FACTS_SHARE),
            grids,
        )
        title = str(beat.label) if not station else f"{beat.label}（{station}）"
        pages.append(Section(f"beat{place}", title, blocks, fresh=True))
    return tuple(pages)


def _map_height(table: Grid, words: Sequence[Paragraph], grids: Paragraph) -> float:
    """Return the height that what is written leaves on a page, as a share of its width.

    An estimate: the page fits the map into what is really left.
    """
    room = _LETTERS * (1.0 - _FACTS_SHARE) - 2.0

    def lines(block: Paragraph, letters: float) -> float:
        return float(np.ceil(text_width(block.lead + block.text) / letters)) + 0.25

    written = max(sum(lines(one, room) for one in words), len(table.rows) + 3.0)
    left = _LINES - _HEADING - written - lines(grids, _LETTERS)
    return float(np.clip(left * _LINE, _LOWEST, _HIGHEST))


def _facts(
    report: Report, plan: Plan, row: int, members: npt.NDArray[np.intp]
) -> list[tuple[str, str]]:
    """Return what a beat's card lists."""
    rows = report.rows_of("beat")
    assert rows is not None  # noqa: S101 - a plan has beats
    city, beat, missing = report.city, plan.beats[row], report.missing("beat")
    figures = rows[rows["id"].astype(str) == str(beat.id)].iloc[0]
    facts = [
        (tr("briefing.document.fact.code"), str(beat.id)),
        (tr("briefing.document.fact.grids"), shown(len(members), "count")),
        (tr("report.column.area_km2"), shown(float(figures["area_km2"]), "fine")),
    ]
    facts += [
        (tr(f"field.{name}"), shown(float(figures[name]), "count"))
        for name in ("residents", "migrants", "households", "incidents")
        if name not in missing
    ]
    if any(each.officers for each in plan.beats):
        facts.append((tr("field.officers"), shown(beat.officers, "count")))
        facts.append((tr("field.auxiliaries"), shown(beat.auxiliaries, "count")))
    facilities = city.get(Kind.FACILITY)
    if facilities is not None and len(facilities):
        here = _inside(city, members, shapely.centroid(facilities.geometry))
        networks = facilities.texts("network").astype(str)
        for name in dict.fromkeys(networks.tolist()):
            count = int((here & (networks == name)).sum())
            facts.append((tr("briefing.document.fact.network", name=name), shown(count, "count")))
    return facts


def _inside(city: City, members: npt.NDArray[np.intp], points: npt.NDArray[np.object_]) -> Bools:
    """Return which points lie in some grids."""
    tree = shapely.STRtree(city.grids.geometry[members])
    found = np.zeros(len(points), dtype=bool)
    found[tree.query(points, predicate="intersects")[0]] = True
    return found


def _changes(report: Report, beat: str) -> list[Block]:
    """Say which grids a beat takes from which other, and which it gives away."""
    made = report.measured.comparison
    if made is None:
        return []
    was = {change.before for change in made.beats if change.after == beat and change.before}
    known = "residents" not in report.missing("beat")
    stations = {report.city.grids.ids[row]: {"takes": move.before, "gives": move.after}
                for move in station_moves(report.measured) for row in move.rows}  # fmt: skip
    sides = {
        "takes": [(flow.before_label, flow) for flow in made.flows if flow.after == beat],
        "gives": [(flow.after_label, flow) for flow in made.flows if flow.before in was],
    }
    blocks: list[Block] = []
    for side, flows in sides.items():
        told = []
        for label, flow in flows[:_FLOWS]:
            notes = []
            if known:
                notes.append(tr("briefing.document.flow_people", residents=flow.residents))
            if flow.grids[0] in stations:  # all of one beat: of one station
                notes.append(tr(f"briefing.document.{side}_station",
                                name=stations[flow.grids[0]][side]))  # fmt: skip
            told.append(
                tr(
                    f"briefing.document.flow_{side}",
                    name=label or tr("report.handover.none"),
                    count=len(flow.grids),
                    note=tr("briefing.comma").join(notes),
                )
            )
        if told:
            rest = len(flows) - len(told)
            more = tr("briefing.rows.more", count=rest) if rest else ""
            text = tr("briefing.comma").join(told) + more + tr("briefing.stop")
            blocks.append(Paragraph(text, lead=tr(f"briefing.document.{side}")))
    return blocks


def _busy_hours(report: Report, plan: Plan, rows: Sequence[int]) -> dict[int, str]:
    """Return the hours of the week in which a beat's own incidents concentrate, by its row.

    Beats that have few incidents, or no such hours, are left out.
    """
    city, time, period = report.city, report.measured.time, report.period
    if time is None or city.located is None:
        return {}
    counted = count_located(
        city, Kind.GRID, since=period.since, until=period.until, by=("hour",)
    ).table("polygon", "hour")
    found = {}
    for row in rows:
        week = counted[plan.assignment == row].sum(axis=0)
        week = np.where(time.occurrences.ravel() == 0, 0, week)
        if week.sum() < FEW_INCIDENTS:
            continue
        times = busy_times(week, days=time.occurrences, draws=_DRAWS)
        if times:
            found[row] = tr("report.sentence.comma").join(one.label() for one in times)
    return found


def _locator(
    city: City, shapes: Shapes, row: int, stations: npt.NDArray[np.object_], name: str
) -> Locator:
    """Return where a beat lies among those of its station; in the city where it has none."""
    mine = np.flatnonzero(stations == stations[row])
    if not stations[row] or len(mine) < 2:
        return Locator(shapes, row, city.label)
    return Locator(shapes[mine], int(np.flatnonzero(mine == row)[0]), name)


def _busy_places(report: Report, members: npt.NDArray[np.intp]) -> str:
    """Name the grids of a beat with most incidents."""
    rows = report.rows_of("grid")
    if rows is None or "incidents" in report.missing("grid"):
        return ""
    counts = rows["incidents"].to_numpy(dtype=float)[members]
    order = members[np.argsort(-counts, kind="stable")][:_BUSY]
    told = [
        tr("briefing.document.place", name=rows["name"].iloc[n], count=rows["incidents"].iloc[n])
        for n in order
        if rows["incidents"].iloc[n] > 0
    ]
    return tr("briefing.comma").join(told) + tr("briefing.stop") if told else ""


def _beat_map(
    city: City,
    shapes: npt.NDArray[np.object_],
    row: int,
    names: npt.NDArray[np.str_],
    locator: Locator,
    height: float,
) -> Figure:
    """Return a beat with its streets, rooms, its neighbours and its place in its station.

    The ground around it fills the map's width and height (a share of the width).
    """
    beat, name = shapes[row], str(names[row])
    left, low, right, top = (float(v) for v in shapely.bounds(beat))
    pad = _AROUND * max(right - left, top - low)
    across = max(right - left + 2 * pad, (top - low + 2 * pad) / height) / 2
    x, y = (left + right) / 2, (low + top) / 2
    box = (x - across, y - across * height, x + across, y + across * height)
    frame = np.array([shapely.box(*box)], dtype=object)
    shading = [
        Shading(frame, np.zeros(1, np.int64), (("#ffffff", ""),), lines=False),
        Shading(np.array([beat], dtype=object), np.zeros(1, np.int64), (("#e4ecf4", ""),)),
    ]
    outlines: list[Outline] = []
    labels: list[tuple[float, float, str]] = []
    for kind, colour, width in ((Kind.ROAD, "#b59a6a", 0.7), (Kind.BARRIER, "#3d7ea6", 1.4)):
        layer = city.get(kind)
        if layer is None or not len(layer):
            continue
        clipped = shapely.clip_by_rect(layer.geometry, *box)
        known = ~shapely.is_empty(clipped)
        if known.any():
            lines = shapely.boundary(clipped[known])
            flat = shapely.get_dimensions(clipped[known]) == 1
            drawn = np.where(flat, clipped[known], lines)
            outlines.append(Outline(drawn, width, colour, halo=False))
            labels += _street_names(layer.names.astype(str)[known], clipped[known])
    around = shapely.clip_by_rect(shapes, *box)
    near = np.flatnonzero(~shapely.is_empty(around) & (np.arange(len(shapes)) != row))
    if len(near):
        outlines.append(Outline(around[near], 0.5, "#8795a3"))
    labels = [*_neighbour_names(names[near], around[near], box), *labels[:_STREETS]]
    outlines.append(Outline(np.array([beat], dtype=object), 1.6))
    marks: tuple[Marks, ...] = ()
    if city.has(Kind.ROOM) and len(city.rooms):
        xy = city.room_xy
        here = ((xy > box[:2]) & (xy < box[2:])).all(axis=1)
        if here.any():
            marks = (Marks(xy[here], radius=2.6, name=tr("briefing.map.rooms")),)
    figure = MapFigure(f"beat_{row}", name, tuple(shading), tuple(outlines), marks, (),
                       tuple(labels), alt=name, locator=locator)  # fmt: skip
    return Figure(figure, "", name, height=height, key=f"beat_{row}", fixed=True, fill=True)


def _neighbour_names(
    names: npt.NDArray[np.str_], shapes: Shapes, box: tuple[float, float, float, float]
) -> list[tuple[float, float, str]]:
    """Return the names of the beats around, where their ground has room for them."""
    found = []
    letter = _LETTER_SHARE * (box[2] - box[0])
    for name, shape in zip(names.tolist(), shapes, strict=True):
        half = text_width(name) * letter / 2
        inner = shapely.clip_by_rect(shape, box[0] + half, box[1], box[2] - half, box[3])
        if shapely.area(inner) > half * letter:  # else the frame would cut the name
            spot = shapely.point_on_surface(inner)
            found.append((float(shapely.get_x(spot)), float(shapely.get_y(spot)), name))
    return found


def _street_names(
    names: npt.NDArray[np.object_], lines: npt.NDArray[np.object_]
) -> list[tuple[float, float, str]]:
    """Return the longest streets' names, each at the middle of its longest part."""
    total: dict[str, float] = {}
    longest: dict[str, tuple[float, object]] = {}
    for name, line, length in zip(names, lines, shapely.length(lines), strict=True):
        total[name] = total.get(name, 0.0) + float(length)
        if float(length) > longest.get(name, (0.0, None))[0]:
            longest[name] = (float(length), line)
    chosen = sorted((name for name in longest if name), key=lambda name: -total[name])
    found = []
    for name in chosen[:_STREETS]:
        spot = shapely.point_on_surface(longest[name][1])
        found.append((float(shapely.get_x(spot)), float(shapely.get_y(spot)), str(name)))
    return found


def _handover(report: Report) -> list[Section]:
    table = report.table("handover")
    ended = ended_grid(report.measured)
    blocks: list[Block] = [] if ended is None else [ended]
    if table is not None:
        blocks.append(grid_of(table))
    return [Section("handover", tr("report.sheet.handover"), tuple(blocks))]


def _annexes(report: Report) -> list[Section]:
    """Return all beats in one table, the year's figures on the new ground, and the data."""
    rows = report.rows_of("beat")
    blocks: list[Block] = []
    if rows is not None:
        crossed = crossed_grid(report, "beat")
        if crossed is not None:
            blocks.append(Paragraph(tr("briefing.document.ground", period=report.period.label())))
            blocks.append(crossed)
    comparison = report.table("comparison")
    sections = list(build_sections(report, ("staff", "data")))
    if report.request.versions:
        made = Section("versions", tr("briefing.versions.title"), (_versions(report),))
        sections.insert(0, made)
    if blocks:
        figures = Section("figures", tr("briefing.document.figures"), tuple(blocks))
        sections.insert(0, figures)
    if comparison is not None:
        sections.insert(
            0, Section("comparison", tr("report.sheet.comparison"), (grid_of(comparison),))
        )
    return sections


def _versions(report: Report) -> Grid:
    """Return who made which version of the plan, from the log."""
    rows = tuple(
        (
            str(version.number),
            f"{version.at:%Y-%m-%d %H:%M}",
            version.author,
            str(version.beats),
            version.note or "–",
            version.digest[:12],
        )
        for version in report.request.versions
    )
    names = ("number", "at", "author", "beats", "note", "digest")
    labels = tuple(tr(f"briefing.versions.{name}") for name in names)
    align = ("right", "left", "left", "right", "left", "left")
    return Grid(labels, align, rows, notes=(tr("briefing.versions.utc"),))
