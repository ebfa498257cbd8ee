"""覆盖: who lives within reach of a police room or a facility, and where the next one goes."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from gridmap.i18n import tr
from gridmap.maps import Overlay, Theme, choropleth, degrees_of
from gridmap.model import Kind, Layer
from gridmap.pages.cache import Reached, next_rooms, reach_of
from gridmap.pages.ground import Ground, read_ground
from gridmap.pages.layout import Figure, number, show_empty, show_figures, show_list
from gridmap.pages.touch import show_map

__all__ = ["show"]

Floats = NDArray[np.float64]
_MODES = ("straight", "walk", "ebike", "car")


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    city = ground.city
    if not city.has(Kind.GRID):
        show_empty("no_grids")
        return
    places = _networks(ground)
    if not places:
        show_empty("no_rooms")
        return
    figures = st.container()
    map_side, side = st.columns([7, 4], gap="medium")
    with side:
        name = st.segmented_control(
            tr("page.coverage.network"),
            list(places),
            default=next(iter(places)),
            format_func=_network_name,
            required=True,
        )
        layer = places[str(name)]
        mode, limit = _reach_choice(ground)
    found = reach_of(city, ground.key, layer, mode, limit)
    residents = city.grids.counts("residents")
    outside = residents * (1.0 - found.once)
    with figures:
        _show_figures(str(name), len(layer), residents, found, mode, limit)
    new: tuple[int, ...] = ()
    with side:
        _show_worst(ground, found.once, outside)
        if str(name) == "room":
            new = _show_next(ground, mode, limit, outside)
    with map_side:
        _show_map(ground, layer, found, outside, limit if mode == "straight" else 0.0, new)


def _networks(ground: Ground) -> dict[str, Layer]:
    """Return what can be near people: rooms, and each network of facilities."""
    city = ground.city
    found: dict[str, Layer] = {}
    if city.has(Kind.ROOM):
        found["room"] = city.rooms
    facilities = city.get(Kind.FACILITY)
    if facilities is not None:
        networks = facilities.texts("network")
        for name in dict.fromkeys(networks.tolist()):
            frame = facilities.frame[networks == name]
            found[str(name) or "facility"] = Layer(Kind.FACILITY, frame)
    return found


def _network_name(name: str) -> str:
    known = {"room": "room", "facility": "facility", "村警": "village", "监控": "camera",
             "消防": "fire", "服务": "service"}  # fmt: skip
    return tr(f"page.network.{known[name]}") if name in known else name


def _reach_choice(ground: Ground) -> tuple[str, float]:
    has_roads = ground.city.has(Kind.ROAD)
    presets = ground.city.presets
    mode = "straight"
    if has_roads:
        mode = str(
            st.segmented_control(
                tr("page.coverage.mode"),
                _MODES,
                default="straight",
                format_func=lambda item: tr(f"page.mode.{item}"),
                required=True,
            )
        )
    if mode == "straight":
        radius = int(presets.room_radius_m)
        return mode, float(st.slider(tr("page.coverage.radius"), 200, 5000, radius, step=100))
    minutes = st.slider(tr("page.coverage.minutes"), 1, 30, round(presets.reach_min))
    return mode, float(minutes)


def _show_figures(
    name: str, count: int, residents: Floats, found: Reached, mode: str, limit: float
) -> None:
    everyone = max(float(residents.sum()), 1e-9)
    unit = "radius" if mode == "straight" else "minutes"
    reach = tr(f"page.figure.{unit}", radius=number(limit))
    show_figures(
        [
            Figure(_network_name(name), number(count)),
            Figure(
                tr("page.figure.reached"),
                number(100 * float(residents @ found.once) / everyone, 1),
                "%",
                reach,
            ),
            Figure(
                tr("maps.column.outside_residents"),
                number(float(residents @ (1.0 - found.once))),
                tr("maps.unit.outside_residents"),
            ),
            Figure(
                tr("page.figure.backup"),
                number(100 * float(residents @ found.twice) / everyone, 1),
                "%",
                tr("page.figure.backup_note"),
            ),
        ]
    )


def _show_worst(ground: Ground, once: Floats, outside: Floats) -> None:
    st.subheader(tr("page.coverage.worst"))
    worst = [row for row in np.argsort(-outside, kind="stable")[:5] if outside[row] >= 0.5]
    if not worst:
        st.caption(tr("page.coverage.all_reached"))
    show_list(
        [
            (
                str(ground.city.grids.names[row]),
                tr(
                    "page.coverage.outside",
                    count=number(float(outside[row])),
                    share=f"{1 - once[row]:.0%}",
                ),
            )
            for row in worst
        ]
    )


def _show_next(ground: Ground, mode: str, limit: float, outside: Floats) -> tuple[int, ...]:
    """Ask how many rooms may be added; return the grids in which they should stand."""
    st.subheader(tr("page.coverage.next"))
    count = st.number_input(tr("page.coverage.how_many"), 0, 20, 0)
    if not count or outside.sum() < 1:
        st.caption(tr("page.coverage.next_help"))
        return ()
    answer = next_rooms(ground.city, ground.key, mode, limit, int(count))
    names = "、".join(str(ground.city.grids.names[row]) for row in answer.chosen)
    st.markdown(
        tr(
            "page.coverage.next_answer",
            names=names,
            covered=number(answer.objective),
            gap=f"{answer.gap:.1%}",
        )
    )
    return tuple(int(row) for row in answer.chosen)


def _show_map(
    ground: Ground,
    layer: Layer,
    found: Reached,
    outside: Floats,
    radius_m: float,
    new: tuple[int, ...],
) -> None:
    themes: list[Theme] = [
        choropleth("outside_residents", outside),
        choropleth("covered_residents_share", found.once),
    ]
    if found.minutes is not None:
        themes.append(choropleth("travel_min", found.minutes))
    overlays = []
    if layer.kind is not Kind.ROOM:
        overlays.append(_points("facility", layer, radius_m if len(layer) <= 400 else 0.0, ground))
    if new:
        grids = ground.city.grids
        overlays.append(
            Overlay(
                "new",
                tr("page.coverage.new_rooms"),
                "#b3261e",
                points=degrees_of(grids.geometry[list(new)], grids.crs, datum=ground.datum),
                names=[str(grids.names[row]) for row in new],
                radius_m=radius_m,
            )
        )
    scene = ground.scene(
        tuple(themes),
        columns=("residents",),
        overlays=tuple(overlays),
        radius_m=radius_m if layer.kind is Kind.ROOM else 0.0,
        rooms_shown=layer.kind is Kind.ROOM,
    )
    show_map(scene, key="map-coverage", height=700)


def _points(key: str, layer: Layer, radius_m: float, ground: Ground) -> Overlay:
    return Overlay(
        key,
        tr("maps.kind.facility"),
        "#7c3aed",
        points=degrees_of(layer.geometry, layer.crs, datum=ground.datum),
        names=list(map(str, layer.names)),
        radius_m=radius_m,
    )
