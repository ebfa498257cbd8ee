"""总览: the city at a glance, for a projector."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from gridmap.api.measure import MeasureResult
from gridmap.i18n import tr
from gridmap.maps import Theme, choropleth, load_theme, unit_theme
from gridmap.maps.layers_of_city import share_change_theme
from gridmap.model import Kind
from gridmap.pages.beats import (
    beat_at,
    deviation_of,
    least_loaded,
    show_beats,
    show_card,
    worst_beats,
)
from gridmap.pages.ground import Ground, read_ground
from gridmap.pages.layout import (
    NONE,
    Figure,
    day_range,
    number,
    pick_period,
    show_empty,
    show_figures,
    show_lines,
)
from gridmap.pages.touch import show_map, touched
from gridmap.pages.watching import show_news

__all__ = ["show"]

_MAP = "map-overview"
_THEMES = ("residents_per_km2", "incidents_per_km2", "residents", "incidents")
_OF_BEATS = ("incidents", "residents", "covered_residents_share")
_TOLD = ("residents", "migrants", "incidents", "residents_per_km2", "incidents_per_km2")


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    if not ground.city.has(Kind.GRID):
        show_empty("no_grids")
        return
    grids = ground.table("grid")
    beats = ground.table("beat") if ground.plan else None
    _take(ground)
    show_figures(
        [item for item in _figures(ground, grids, beats) if item.value not in {NONE, "0"}]
    )
    map_side, side = st.columns([7, 3], gap="medium")
    with side:
        pick_period(ground.session, ground.city)
        show_card(ground, beats)
        _show_worst(ground, beats)
        show_news(ground)
        _show_health(grids, beats)
    with map_side:
        themes = _themes(ground, grids, beats)
        told = tuple(name for name in _TOLD if name.split("_per")[0] not in grids.table.missing)
        show_map(
            ground.scene(themes, columns=told, theme=themes[0].key if themes else ""),
            key=_MAP,
            height=680,
        )


def _take(ground: Ground) -> None:
    """Look at the beat that was chosen on the map or in a list; again to leave it."""
    event, plan = touched(_MAP), ground.plan
    if event is None or plan is None or not event.grids:
        return
    session, row = ground.session, event.grids[0]
    if event.event == "unit":
        session.beat = str(plan.beat_ids[row]) if 0 <= row < len(plan) else ""
    else:
        beat = beat_at(plan, row)
        session.beat = "" if beat == session.beat else beat


def _themes(
    ground: Ground, grids: MeasureResult, beats: MeasureResult | None
) -> tuple[Theme, ...]:
    """Return what the map may show: of each beat first, then of each grid."""
    themes: list[Theme] = []
    if beats is not None and ground.plan is not None:
        plan = ground.plan
        # Rows of the table in the order of the plan's beats.
        rows = beats.table.rows
        rows = rows.set_index(rows["id"].astype(str)).reindex(map(str, plan.beat_ids))
        off = deviation_of(rows)
        if off is not None:
            themes.append(load_theme(np.nan_to_num(off), note=tr("maps.load.note")))
        for name in _OF_BEATS:
            values = rows[name].to_numpy(dtype=float)
            if np.isfinite(values).any() and np.nansum(values) > 0:
                themes.append(choropleth(name, values, by="beat"))
        change = _change_by_beat(ground, rows["incidents"].to_numpy(dtype=float))
        themes += [] if change is None else [change]
        themes = [unit_theme(theme, plan.assignment) for theme in themes]
        themes.append(ground.beats(plan))
    themes += [
        choropleth(name, grids.table.rows[name].to_numpy(dtype=float))
        for name in _THEMES
        if name.split("_per")[0] not in grids.table.missing
    ]
    return tuple(themes)


def _change_by_beat(ground: Ground, now: NDArray[np.float64]) -> Theme | None:
    """Return the theme of each beat's change per day against the period before, if any."""
    days, counted = ground.days_before, ground.days
    if days is None or counted is None or ground.plan is None:
        return None
    rows = ground.table("beat", days).table.rows
    before = rows.set_index(rows["id"].astype(str))["incidents"]
    before = before.reindex(map(str, ground.plan.beat_ids)).to_numpy(dtype=float)
    length, length_now = ((last - first).days + 1 for first, last in (days, counted))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (now / length_now) / (before / length) - 1.0
    note = tr("maps.change.note", since=str(days[0]), until=str(days[1]))
    return share_change_theme(share, note=note)


def _figures(ground: Ground, grids: MeasureResult, beats: MeasureResult | None) -> list[Figure]:
    city, totals = ground.city, grids.table.totals
    count = 0 if beats is None else len(beats.table.rows)
    rooms = len(city.rooms) if city.has(Kind.ROOM) else 0
    radius = number(city.presets.room_radius_m)
    covered = totals["covered_residents_share"] * 100
    known = "residents" not in grids.table.missing
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
            if "migrants" not in grids.table.missing
            else "",
        ),
        Figure(
            tr("page.figure.beats"),
            number(count) if beats is not None else NONE,
            note=tr("page.figure.per_beat", count=number(residents / count))
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
    return ground.change_note(now, ground.table("grid", days).table.totals["incidents"])


def _show_worst(ground: Ground, beats: MeasureResult | None) -> None:
    st.header(tr("page.overview.worst"), anchor=False)
    if beats is None:
        show_empty("no_beats")
        return
    found = worst_beats(beats.table.rows)
    if not found:
        st.caption(tr("page.worst.none"))
    show_beats(ground, found)
    least = least_loaded(beats.table.rows)
    if least:
        st.header(tr("page.overview.least"), anchor=False)
        show_beats(ground, least)


def _show_health(grids: MeasureResult, beats: MeasureResult | None) -> None:
    st.header(tr("page.overview.health"), anchor=False)
    lines = []
    if beats is not None:
        if beats.table.split_grids:
            lines.append(tr("page.health.split", count=beats.table.split_grids))
        left = beats.table.unassigned["residents"]
        if left >= 1:
            lines.append(tr("page.health.residents", count=number(left)))
    outside, missing = grids.table.unassigned["incidents"], grids.table.missing
    if outside > 0:
        lines.append(tr("page.health.incidents", count=number(outside)))
    if missing:
        names = tr("page.join.names").join(tr(f"maps.column.{name}") for name in missing)
        lines.append(tr("page.health.missing", names=names))
    show_lines(lines or [tr("page.health.good")])
