"""总览: the city at a glance, for a projector."""

from __future__ import annotations

import streamlit as st

from gridmap.i18n import tr
from gridmap.maps import choropleth
from gridmap.measure import MeasureTable
from gridmap.model import Kind
from gridmap.pages.ground import Ground, read_ground
from gridmap.pages.layout import (
    Figure,
    day_range,
    number,
    pick_period,
    show_empty,
    show_figures,
    show_lines,
    show_list,
)
from gridmap.pages.touch import show_map
from gridmap.pages.worst import worst_beats

__all__ = ["show"]

_THEMES = ("residents_per_km2", "incidents_per_km2", "residents", "incidents")
_TOLD = ("residents", "migrants", "incidents", "residents_per_km2", "incidents_per_km2")


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    if not ground.city.has(Kind.GRID):
        show_empty("no_grids")
        return
    grids = ground.table("grid")
    beats = ground.table("beat") if ground.plan else None
    show_figures(_figures(ground, grids, beats))
    map_side, side = st.columns([7, 3], gap="medium")
    with side:
        pick_period(ground.session, ground.city)
        _show_worst(beats)
        _show_health(grids, beats)
    with map_side:
        themes = [
            choropleth(name, grids.rows[name].to_numpy(dtype=float))
            for name in _THEMES
            if name.split("_per")[0] not in grids.missing
        ]
        if ground.plan is not None:
            themes.append(ground.beats(ground.plan))
        told = tuple(name for name in _TOLD if name.split("_per")[0] not in grids.missing)
        show_map(
            ground.scene(tuple(themes), columns=told, theme=themes[0].key if themes else ""),
            key="map-overview",
            height=680,
        )


def _figures(ground: Ground, grids: MeasureTable, beats: MeasureTable | None) -> list[Figure]:
    city, totals = ground.city, grids.totals
    rooms = len(city.rooms) if city.has(Kind.ROOM) else 0
    radius = number(city.presets.room_radius_m)
    covered = totals["covered_residents_share"] * 100
    known = "residents" not in grids.missing
    residents = totals["residents"] if known else float("nan")
    return [
        Figure(
            tr("page.figure.grids"),
            number(len(city.grids)),
            note=tr("page.figure.area", area=number(totals["area_km2"])),
        ),
        Figure(
            tr("maps.column.residents"),
            number(residents),
            tr("maps.unit.residents"),
            tr("page.figure.migrants", count=number(totals["migrants"]))
            if "migrants" not in grids.missing
            else "",
        ),
        Figure(
            tr("page.figure.beats"),
            number(len(beats.rows)) if beats is not None else "–",
            note=tr("page.figure.per_beat", count=number(residents / len(beats.rows)))
            if beats is not None and known
            else "",
        ),
        Figure(
            tr("page.figure.rooms"),
            number(rooms),
            note=tr("page.figure.per_room", count=number(residents / rooms))
            if rooms and known
            else "",
        ),
        Figure(
            tr("maps.column.incidents"),
            number(totals["incidents"]),
            tr("page.figure.incidents"),
            _change(ground, totals["incidents"])
            or day_range(ground.session.since, ground.session.until, city),
        ),
        Figure(
            tr("page.figure.covered"),
            number(covered, 1),
            "%",
            tr("page.figure.radius", radius=radius),
        ),
    ]


def _change(ground: Ground, now: float) -> str:
    """Return the change of incidents on the period before, or blank where there is none."""
    days = ground.days_before
    if days is None or not now >= 0:  # nobody counted
        return ""
    return ground.change_note(now, ground.table("grid", days).totals["incidents"])


def _show_worst(beats: MeasureTable | None) -> None:
    st.subheader(tr("page.overview.worst"))
    if beats is None:
        show_empty("no_beats")
        return
    found = worst_beats(beats.rows)
    if not found:
        st.caption(tr("page.worst.none"))
    show_list([(beat.name, beat.reason) for beat in found])


def _show_health(grids: MeasureTable, beats: MeasureTable | None) -> None:
    st.subheader(tr("page.overview.health"))
    lines = []
    if beats is not None and beats.split_grids:
        lines.append(tr("page.health.split", count=beats.split_grids))
    if beats is not None and beats.unassigned["residents"] >= 1:
        lines.append(tr("page.health.residents", count=number(beats.unassigned["residents"])))
    if grids.unassigned["incidents"] > 0:
        lines.append(tr("page.health.incidents", count=number(grids.unassigned["incidents"])))
    if grids.missing:
        names = tr("page.join.names").join(tr(f"maps.column.{name}") for name in grids.missing)
        lines.append(tr("page.health.missing", names=names))
    show_lines(lines or [tr("page.health.good")])
