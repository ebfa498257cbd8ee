"""覆盖: who lives within reach of a police room, and who does not."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gridmap.i18n import tr
from gridmap.maps import choropleth
from gridmap.model import Kind
from gridmap.pages.cache import covered_of
from gridmap.pages.ground import read_ground
from gridmap.pages.layout import Figure, number, show_empty, show_figures, show_list
from gridmap.pages.touch import show_map

__all__ = ["show"]


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    city = ground.city
    if not city.has(Kind.GRID):
        show_empty("no_grids")
        return
    if not city.has(Kind.ROOM):
        show_empty("no_rooms")
        return
    place = st.container()
    map_side, side = st.columns([7, 3], gap="medium")
    with side:
        radius_m = float(
            st.slider(
                tr("page.coverage.radius"),
                min_value=200,
                max_value=5000,
                step=100,
                value=int(city.presets.room_radius_m),
            )
        )
    once = covered_of(city, ground.key, radius_m, 1)
    twice = covered_of(city, ground.key, radius_m, 2)
    residents = city.grids.counts("residents")
    everyone = max(float(residents.sum()), 1e-9)
    outside = residents * (1.0 - once)
    with place:
        show_figures(
            [
                Figure(tr("page.figure.rooms"), number(len(city.rooms))),
                Figure(
                    tr("page.figure.covered"),
                    number(100 * float(residents @ once) / everyone, 1),
                    "%",
                    tr("page.figure.radius", radius=number(radius_m)),
                ),
                Figure(
                    tr("maps.column.outside_residents"),
                    number(float(outside.sum())),
                    tr("maps.unit.outside_residents"),
                ),
                Figure(
                    tr("page.figure.backup"),
                    number(100 * float(residents @ twice) / everyone, 1),
                    "%",
                    tr("page.figure.backup_note"),
                ),
            ]
        )
    with side:
        st.subheader(tr("page.coverage.worst"))
        worst = np.argsort(-outside, kind="stable")[:8]
        show_list(
            [
                (
                    str(city.grids.names[row]),
                    tr(
                        "page.coverage.outside",
                        count=number(float(outside[row])),
                        share=f"{1 - once[row]:.0%}",
                    ),
                )
                for row in worst
                if outside[row] >= 0.5
            ]
        )
    with map_side:
        themes = (
            choropleth("outside_residents", outside),
            choropleth("covered_residents_share", once),
        )
        show_map(
            ground.scene(themes, columns=("residents",), radius_m=radius_m),
            key="map-coverage",
            height=680,
        )
