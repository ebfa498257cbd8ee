"""Tonight's patrol, and who is near a place: the parts of the page Duty that are a map."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import shapely
import streamlit as st

from gridmap.api.around import AroundOptions, AroundResult, around
from gridmap.api.options import Options
from gridmap.api.patrol import PatrolOptions, PatrolResult, patrol
from gridmap.api.results import Result
from gridmap.errors import GridmapError
from gridmap.i18n import current_language, some_names, tr
from gridmap.io import write_frame
from gridmap.maps import (
    Facts,
    Overlay,
    Scene,
    Theme,
    choropleth,
    degrees_of,
    draw_geometry,
    value_theme,
)
from gridmap.model import Kind, Layer
from gridmap.model.crs import to_datum
from gridmap.pages.cache import drawing_of
from gridmap.pages.coverage_views import put_download
from gridmap.pages.ground import PageGround
from gridmap.pages.layout import (
    NONE,
    StripFigure,
    number,
    show_empty,
    show_error,
    show_figures,
    show_frame,
    show_list,
)
from gridmap.pages.session import choice_key, choose
from gridmap.pages.touch import show_map, touched

R = TypeVar("R", bound=Result[object])
HEIGHT = 660  # px of a map


def ask(ground: PageGround, verb: Callable[..., R], options: Options) -> R | None:
    """Return a verb's answer; say what is wrong, and return None, where there is none."""
    try:
        with st.spinner(tr(f"duty.page.wait_{options.verb}")):
            answer: R = _answer(
                ground.city, verb, options, ground.key, repr(options), current_language()
            )
    except GridmapError as error:
        show_error(error)
        return None
    return answer


@st.cache_resource(show_spinner=False, max_entries=48)
def _answer(
    _city_: object,
    _verb_: Callable[..., Any],
    _options_: Options,
    key: str,  # noqa: ARG001 - hashed for the city
    asked: str,  # noqa: ARG001 - hashed for the verb and its options
    language: str,  # noqa: ARG001 - notes are sentences
) -> Any:  # noqa: ANN401 - whatever the verb returns
    return _verb_(_city_, _options_)


def put_sheet(ground: PageGround, result: Any) -> None:  # noqa: ANN401 - any result with a sheet
    """Offer an answer as a printed sheet."""

    def write(path: Path) -> None:
        path.write_bytes(result.sheet())

    verb = result.options.verb
    put_download(ground, tr("duty.page.sheet"), f"{verb}.pdf", write, subject=verb)


def put_files(
    ground: PageGround,
    result: Any,  # noqa: ANN401 - any result with a sheet
    label: str,
    file: str,
    table: Callable[[], pd.DataFrame],
) -> None:
    """Offer a table of an answer, and the answer as a printed sheet, side by side."""

    def write(path: Path) -> None:
        write_frame(table(), path)

    left, right = st.columns(2)
    with left:
        put_download(ground, label, file, write, subject=result.options.verb)
    with right:
        put_sheet(ground, result)


def show_notes(notes: tuple[str, ...]) -> None:
    """Say what is missing or assumed."""
    for note in notes:
        st.caption(note)


# -- patrol, and who is near a place


_COLOURS = ("#b4232a", "#2b7bba", "#7c3aed", "#0f5c55", "#8a5207", "#5b6b7c")
_POINT = re.compile(r"^-?\d+(\.\d+)?\s*[,\uff0c]\s*-?\d+(\.\d+)?$")


def show_patrol(ground: PageGround) -> None:
    """Draw tonight's routes of a station or beat."""
    city = ground.city
    if not city.has(Kind.GRID):
        show_empty("no_grids")
        return
    figures = st.container()
    map_side, side = st.columns([7, 5], gap="medium")
    with side:
        options = _choose_patrol(ground)
        result = None if options is None else ask(ground, patrol, options)
    if result is None:
        return
    plain = result.to_dict()
    with figures:
        _show_patrol_figures(result)
    routes = plain["routes"]
    with side:
        several = len(routes) > 1
        which = 0
        if several:
            which = int(
                st.segmented_control(
                    tr("duty.page.route"),
                    range(len(routes)),
                    format_func=lambda at: tr(
                        "duty.page.route_of", shift=routes[at]["shift"], unit=routes[at]["unit"]
                    ),
                    label_visibility="collapsed",
                    required=True,
                    key=choice_key(ground.session, "duty-route", 0, range(len(routes))),
                )
                or 0
            )
        route = routes[which]
        st.markdown(
            tr(
                "duty.page.route_times",
                start=route["start"],
                end=route["end"],
                minutes=route["minutes"],
            )
        )
        _show_stops(route)
        for column, suffix in zip(st.columns(4), ("gpx", "kml", "geojson", "pdf"), strict=True):
            put_download(
                ground,
                tr("duty.page.print") if suffix == "pdf" else suffix.upper(),
                f"patrol.{suffix}",
                result.save,
                place=column,
                subject="patrol",
            )
        show_notes(result.notes)
    with map_side:
        _show_routes(ground, result, which)


def _choose_patrol(ground: PageGround) -> PatrolOptions | None:
    session, city = ground.session, ground.city
    kinds = [kind for kind in ("station", "beat") if city.has(Kind(kind))]
    if not kinds:
        show_empty("no_beats")
        return None
    left, right = st.columns([2, 3])
    kind = str(
        left.segmented_control(
            tr("duty.page.by"),
            kinds,
            format_func=lambda name: tr(f"duty.page.by_{name}"),
            required=True,
            key=choice_key(session, "duty-patrol-kind", kinds[0], kinds),
        )
    )
    layer = city.layer(Kind(kind))
    names = dict(zip(map(str, layer.ids), map(str, layer.names), strict=True))
    ids = list(names)
    place = right.selectbox(
        tr("duty.page.where"),
        ids,
        format_func=names.__getitem__,
        key=choice_key(session, f"duty-patrol-{kind}", ids[0], ids),
    )
    first, last, mode = st.columns([1, 1, 2])
    hours = list(range(24))
    begin = first.selectbox(
        tr("duty.page.from"),
        hours,
        format_func=_o_clock,
        key=choice_key(session, "duty-patrol-from", 18, hours),
    )
    ends = [(begin + length - 1) % 24 + 1 for length in range(1, 24)]
    end = last.selectbox(
        tr("duty.page.to"),
        ends,
        format_func=_o_clock,
        key=choice_key(session, "duty-patrol-to", 24 if begin else 6, ends),
    )
    modes = ["walk", "ebike", "car"]
    way = mode.segmented_control(
        tr("page.coverage.mode"),
        modes,
        format_func=lambda name: tr(f"page.mode.{name}"),
        required=True,
        key=choice_key(session, "duty-patrol-mode", PatrolOptions.mode, modes),
    )
    boxes = zip(
        st.columns(4),
        (
            ("units", 1, 20, PatrolOptions.units),
            ("minutes", 10, 720, int(PatrolOptions.minutes)),
            ("stop", 1, 60, int(PatrolOptions.stop)),
            ("shifts", 1, 31, PatrolOptions.shifts),
        ),
        strict=True,
    )
    found = {
        name: int(
            box.number_input(
                tr(f"duty.page.{name}_of_patrol"),
                least,
                most,
                key=choice_key(session, f"duty-patrol-{name}", usual),
            )
        )
        for box, (name, least, most, usual) in boxes
    }
    categories = ["", *(city.incidents.categories if city.incidents is not None else ())]
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    category = left.selectbox(
        tr("page.incidents.category"),
        categories,
        format_func=lambda name: name or tr("page.incidents.all"),
        key=choice_key(session, "duty-patrol-category", "", categories),
    )
    if right.button(tr("duty.page.other_routes"), width="stretch"):
        session.work["patrol-seed"] = session.work.get("patrol-seed", 0) + 1
    return PatrolOptions(
        **{kind: place},
        hours=f"{begin}-{end}",
        mode=str(way),  # type: ignore[arg-type] # one of them
        units=found["units"],
        minutes=float(found["minutes"]),
        stop=float(found["stop"]),
        shifts=found["shifts"],
        category=category,
        since=str(session.since or ""),
        until=str(session.until or ""),
        seed=session.work.get("patrol-seed", 0),
    )


def _o_clock(hour: int) -> str:
    return f"{hour:02d}:00"


def _show_patrol_figures(result: PatrolResult) -> None:
    plain = result.to_dict()
    stops = [stop for route in plain["routes"] for stop in route["stops"]]
    bound = plain["bound"]
    show_figures(
        [
            StripFigure(tr("duty.page.routes"), number(len(plain["routes"]))),
            StripFigure(tr("api.patrol.stops"), number(sum(stop["stop"] for stop in stops))),
            StripFigure(
                tr("api.patrol.expected"),
                number(plain["expected"], 2),
                note=tr("duty.page.at_most", bound=f"{bound:,.2f}"),
            ),
            StripFigure(
                tr("duty.page.seen"),
                number(len({stop["id"] for stop in stops})),
                note=tr("duty.page.of_grids", count=number(len(result.places))),
            ),
        ]
    )


def _show_stops(route: Any) -> None:  # noqa: ANN401 - a row of `PatrolJson`
    rows = [
        {
            tr("api.patrol.column.order"): stop["order"],
            tr("api.patrol.column.place"): stop["name"],
            tr("api.patrol.column.arrive"): stop["arrive"],
            tr("api.patrol.column.leave"): stop["leave"],
            tr("api.patrol.column.what"): tr(f"api.patrol.{'stay' if stop['stop'] else 'pass'}"),
            tr("api.patrol.column.expected"): f"{stop['expected']:.2f}",
        }
        for stop in route["stops"]
    ]
    if not rows:
        st.caption(tr("duty.page.no_stops"))
        return
    show_frame(pd.DataFrame(rows), right=[tr("api.patrol.column.expected")])


def _show_routes(ground: PageGround, result: PatrolResult, which: int) -> None:
    """Draw the ground with what its grids expect, the ways, and the numbered stops of a route."""
    city = ground.city
    grids = city.grids
    cells = Layer(Kind.GRID, grids.frame.iloc[result.places].reset_index(drop=True))
    theme = value_theme("expected", tr("duty.page.expected_theme"), np.asarray(result.expected))
    overlays: list[Overlay] = []
    lines = [(at, line) for at, line in enumerate(result.lines) if len(line) > 1]
    for at, line in sorted(lines, key=lambda item: item[0] == which):
        route = result.to_dict()["routes"][at]
        shape = np.array([shapely.LineString(line)], dtype=object)
        overlays.append(
            Overlay(
                f"route-{at}",
                tr("duty.page.route_of", shift=route["shift"], unit=route["unit"]),
                _COLOURS[at % len(_COLOURS)],
                drawing=draw_geometry(shape, city.crs, datum=ground.datum),
                width=4.0 if at == which else 2.0,
                shown=at == which or result.options.shifts == 1,
            )
        )
    visits = result.routes[which].visits
    if visits:
        stops = result.to_dict()["routes"][which]["stops"]
        points = shapely.points(result.points[[visit.place for visit in visits]])
        overlays.append(
            Overlay(
                "stops",
                tr("api.patrol.stops"),
                _COLOURS[which % len(_COLOURS)],
                points=degrees_of(points, city.crs, datum=ground.datum),
                names=[f"{s['order']} {s['name']} {s['arrive']}–{s['leave']}" for s in stops],
                discs=[str(stop["order"]) for stop in stops],
            )
        )
    scene = ground.scene((), rooms_shown=True)
    expected = tr("api.patrol.column.expected")
    scene = replace(
        scene,
        cells=drawing_of(cells, datum=ground.datum),
        themes=(theme,),
        theme=theme.key,
        overlays=(*scene.overlays, *overlays),
        facts=Facts(
            list(map(str, cells.names)), {expected: np.asarray(result.expected)}, {expected: 2}
        ),
    )
    place = result.options.beat or result.options.station
    show_map(scene, key=f"map-duty-patrol-{place}", height=HEIGHT)


def show_around(ground: PageGround) -> None:
    """Draw who and what is near a place that is clicked or typed."""
    session, city = ground.session, ground.city
    if not city.has(Kind.GRID):
        show_empty("no_grids")
        return
    event = touched("map-duty-around")
    if event is not None and event.grids:
        choose(session, "duty-place", str(city.grids.ids[event.grids[0]]))
    figures = st.container()
    map_side, side = st.columns([7, 5], gap="medium")
    with side:
        left, right = st.columns([3, 2])
        place = left.text_input(
            tr("duty.place"),
            placeholder=tr("duty.page.place_example"),
            key=choice_key(session, "duty-place", ""),
        )
        within = right.text_input(
            tr("duty.within"), key=choice_key(session, "duty-within", "500m,10min")
        )
        result = None
        if not place.strip():
            st.info(tr("duty.page.click"), icon=":material/touch_app:")
        else:
            try:
                options = _around_options(ground, place.strip(), within)
            except GridmapError as error:
                show_error(error)
            else:
                result = ask(ground, around, options)
    if result is not None:
        with figures:
            _show_around_figures(result)
        with side:
            _show_near(result)
            put_sheet(ground, result)
            show_notes(result.notes)
    with map_side:
        _show_rings(ground, result)


def _around_options(ground: PageGround, place: str, within: str) -> AroundOptions:
    """Return the options of a point, or of a grid by its id or name."""
    until = str(ground.session.until or "")
    if _POINT.match(place):
        return AroundOptions(at=place, within=within, until=until)
    grids = ground.city.grids
    named = np.flatnonzero(grids.names.astype(str) == place)
    grid = str(grids.ids[named[0]]) if len(named) else place
    return AroundOptions(grid=grid, within=within, until=until)


def _show_around_figures(result: AroundResult) -> None:
    rings = result.rings
    first = rings[0]
    figures = []
    for name in ("residents", "migrants"):
        counts = [ring[name] for ring in rings]
        if counts[0] is not None:
            others = "  ".join(
                f"{ring['within']} {number(count or 0.0)}"
                for ring, count in zip(rings[1:], counts[1:], strict=True)
            )
            label = f"{tr(f'field.{name}')} {first['within']}"
            figures.append(StripFigure(label, number(counts[0]), note=others))
    figures += [
        StripFigure(tr(f"duty.around.{name}"), number(len(first[name])))
        for name in ("beats", "grids")
    ]
    if first["incidents"] is not None:
        days = f"{result.since} – {result.until}"
        total = number(sum(first["incidents"].values()))
        figures.append(StripFigure(tr("duty.around.incidents"), total, note=days))
    if result.rooms:
        near = result.rooms[0]
        minutes = NONE if near["minutes"] is None else number(near["minutes"], 1)
        figures.append(
            StripFigure(tr("duty.page.nearest"), minutes, tr("duty.page.min"), near["name"])
        )
    show_figures(figures)


def _show_near(result: AroundResult) -> None:
    if result.rooms:
        names = ("name", "minutes", "distance_m", "officers", "auxiliaries", "hours")
        frame = result.to_frame()[list(names)].dropna(axis="columns", how="all")
        labels = {name: tr(f"duty.around.column.{name}") for name in names[:-1]}
        labels["hours"] = tr("field.hours")
        show_frame(frame.rename(columns=labels), height=260)
    first = result.rings[0]
    lines = []
    for name in ("stations", "beats", "communities"):
        rows = [row["name"] for row in first[name]]
        if rows:
            lines.append((tr(f"duty.around.{name}"), some_names(rows)))
    for name in ("facilities", "incidents"):
        counts = first[name]  # type: ignore[literal-required] # keys of the row
        if counts:
            words = tr("api.join").join(f"{key} {value}" for key, value in counts.items())
            lines.append((tr(f"duty.around.{name}"), words))
    roads = list(dict.fromkeys(road["name"] for road in first["roads"] if road["name"]))
    if roads:
        lines.append((tr("duty.around.roads"), some_names(roads, most=12)))
    show_list(lines)


def _show_rings(ground: PageGround, result: AroundResult | None) -> None:
    city = ground.city
    overlays: list[Overlay] = []
    if result is not None:
        for at, (ring, shape) in enumerate(zip(result.rings, result.shapes, strict=True)):
            if shape.is_empty:
                continue
            drawing = draw_geometry(np.array([shape], dtype=object), city.crs, datum=ground.datum)
            overlays.append(
                Overlay(
                    f"ring-{at}", ring["within"], _COLOURS[at % len(_COLOURS)], drawing=drawing,
                    width=2.4, fill="rgba(180,35,42,0.14)" if at == 0 else "",
                )
            )  # fmt: skip
        roads = result.rings[0]["roads"]
        if roads:
            lon, lat = np.array([[road["lon"], road["lat"]] for road in roads]).T
            lon, lat = to_datum(lon, lat, ground.datum)
            overlays.append(
                Overlay(
                    "crossings", tr("duty.around.roads"), "#5b6b7c",
                    points=np.column_stack([lat, lon]), names=[road["name"] for road in roads],
                )
            )  # fmt: skip
        point = np.array([shapely.Point(result.xy)], dtype=object)
        overlays.append(
            Overlay(
                "place", tr("duty.place"), _COLOURS[0], names=[tr("duty.place")], discs=["★"],
                points=degrees_of(point, city.crs, datum=ground.datum),
            )
        )  # fmt: skip
    themes: tuple[Theme, ...] = ()
    residents = city.grids.counts("residents")
    if residents.any():
        themes = (choropleth("residents", residents),)
    scene: Scene = ground.scene(
        themes, columns=("residents",), overlays=tuple(overlays), rooms_shown=True
    )
    show_map(scene, key="map-duty-around", height=HEIGHT)
