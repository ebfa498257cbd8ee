"""Rooms compared with the norms, and posts not free yet: a part of the page Duty."""

from __future__ import annotations

import numpy as np
import shapely
import streamlit as st

from gridmap.api.norms import NormsOptions, NormsResult, norms
from gridmap.i18n import tr
from gridmap.io import write_frame
from gridmap.maps import Overlay, Theme, degrees_of, value_theme
from gridmap.model import Kind
from gridmap.pages.coverage_views import put_download
from gridmap.pages.duty_ask import HEIGHT, ask, put_sheet, show_notes
from gridmap.pages.ground import PageGround
from gridmap.pages.layout import NONE, StripFigure, number, show_figures
from gridmap.pages.touch import show_map

_GOOD, _LACKS = "#0f5c55", "#c8500a"


def show_rooms(ground: PageGround) -> None:
    """Draw what rooms and beats lack, and when posts may change hands."""
    figures = st.container()
    map_side, side = st.columns([6, 6], gap="medium")
    options = NormsOptions(norms=ground.session.path / "norms.toml")
    with side:
        result = ask(ground, norms, options)
    if result is None:
        return
    with figures:
        _show_figures(result)
    with side:
        if not len(result.lacks.items):
            st.info(result.sentence())
        else:
            st.dataframe(result.readable_items(), hide_index=True, width="stretch")
        lacking = result.readable()
        if len(lacking):
            st.header(tr("duty.norms.by_unit"))
            st.dataframe(lacking, hide_index=True, width="stretch", height=240)
        left, right = st.columns(2)
        with left:
            put_download(
                ground,
                tr("duty.page.lacking_list"),
                "lacking.csv",
                lambda path: _write_list(path, result),
                subject="norms",
            )
        with right:
            put_sheet(ground, result, "norms")
        if result.posts is not None:
            st.header(tr("duty.posts.title"))
            st.caption(result.posts_sentence())
            posts = result.readable_posts()
            st.dataframe(posts, hide_index=True, width="stretch", height=240)
        show_notes(result.notes)
    with map_side:
        _show_map(ground, result)


def _write_list(path: object, result: NormsResult) -> None:
    write_frame(result.to_frame(), str(path))


def _show_figures(result: NormsResult) -> None:
    units = result.lacks.units
    rooms = units[units["kind"] == "room"]
    judged = len(result.lacks.items) > 0
    found = [
        StripFigure(
            tr("duty.norms.good"),
            number(int((rooms["things"] == 0).sum())) if len(rooms) else NONE,
            note=tr("duty.page.of_rooms", count=number(len(rooms))) if len(rooms) else "",
        ),
        StripFigure(
            tr("duty.norms.things"), number(int(units["things"].sum())) if judged else NONE
        ),
        StripFigure(
            tr("duty.norms.unknown"), number(int(units["unknown"].sum())) if judged else NONE
        ),
        StripFigure(
            tr("duty.norms.cost"),
            number(float(units["cost"].sum()) if result.priced else float("nan")),
            note="" if result.priced else tr("duty.page.no_prices"),
        ),
    ]
    if result.posts is not None:
        found.append(
            StripFigure(
                tr("duty.posts.bound"),
                number(len(result.posts.bound)),
                note=tr("duty.page.of_beats", count=number(len(result.posts.rows))),
            )
        )
    show_figures(found)


def _show_map(ground: PageGround, result: NormsResult) -> None:
    city = ground.city
    if not city.has(Kind.GRID):
        return
    overlays: list[Overlay] = []
    rooms = result.to_gdf()
    said = dict(zip(result.readable().iloc[:, 1], result.readable().iloc[:, 3], strict=True))
    for key, colour, held in (
        ("meets", _GOOD, rooms["things"] == 0),
        ("lacks", _LACKS, rooms["things"] > 0),
    ):
        some = rooms[held]
        if len(some):
            shapes = np.asarray(some.geometry.to_numpy(), dtype=object)
            good = tr("duty.page.meets")
            overlays.append(
                Overlay(
                    key, tr(f"duty.page.{key}"), colour,
                    points=degrees_of(shapes, city.crs, datum=ground.datum),
                    names=[f"{one}: {said.get(one, good)}" for one in some["name"]],
                )
            )  # fmt: skip
    themes: tuple[Theme, ...] = ()
    if result.posts is not None and city.has(Kind.BEAT):
        rows = result.posts.rows.set_index("id")
        beats = city.layer(Kind.BEAT)
        months = rows.reindex(beats.ids.astype(str))["months_left"].to_numpy(float)
        middle = shapely.point_on_surface(city.grids.geometry)
        grid, beat = shapely.STRtree(beats.geometry).query(middle, predicate="within")
        values = np.full(len(city.grids), np.nan)
        values[grid] = months[beat]
        title = tr("duty.page.bound_theme")
        themes = (value_theme("months_left", title, values, colours="purple"),)
    show_map(ground.scene(themes, overlays=tuple(overlays)), key="map-duty-rooms", height=HEIGHT)
