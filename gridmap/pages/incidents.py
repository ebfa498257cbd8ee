"""警情: where and when incidents concentrate."""

from __future__ import annotations

import streamlit as st

from gridmap.i18n import tr
from gridmap.maps import choropleth
from gridmap.model import Kind
from gridmap.pages.ground import read_ground
from gridmap.pages.layout import Figure, day_range, number, pick_period, show_empty, show_figures
from gridmap.pages.touch import show_map

__all__ = ["show"]

_THEMES = ("incidents_per_km2", "incidents_per_1000_residents", "incidents")


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    city = ground.city
    if not city.has(Kind.GRID):
        show_empty("no_grids")
        return
    grids = ground.table("grid")
    if "incidents" in grids.missing:
        show_empty("no_incidents")
        return
    totals = grids.totals
    show_figures(
        [
            Figure(
                tr("maps.column.incidents"),
                number(totals["incidents"]),
                tr("maps.unit.incidents"),
                day_range(ground.session.since, ground.session.until, city),
            ),
            Figure(
                tr("maps.column.incidents_per_km2"),
                number(totals["incidents_per_km2"], 1),
                tr("maps.unit.incidents_per_km2"),
            ),
            Figure(
                tr("maps.column.incidents_per_1000_residents"),
                number(totals["incidents_per_1000_residents"], 1),
                tr("maps.unit.incidents_per_1000_residents"),
            ),
        ]
    )
    map_side, side = st.columns([7, 3], gap="medium")
    with side:
        pick_period(ground.session, city)
    with map_side:
        themes = tuple(
            choropleth(name, grids.rows[name].to_numpy(dtype=float)) for name in _THEMES
        )
        show_map(ground.scene(themes, columns=_THEMES), key="map-incidents", height=680)
