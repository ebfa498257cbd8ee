"""警情: where and when incidents concentrate, and what has changed."""

from __future__ import annotations

import json
from datetime import date
from itertools import product

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from gridmap.i18n import tr
from gridmap.maps import (
    Theme,
    change_theme,
    choropleth,
    hot_spot_theme,
)
from gridmap.measure import MeasureTable, per_occurrence
from gridmap.model import Kind
from gridmap.pages.cache import density_of, hot_spots_of, slices_of, trust_of
from gridmap.pages.choices import choice_key
from gridmap.pages.ground import Ground, read_ground
from gridmap.pages.layout import (
    Figure,
    axis_room,
    day_range,
    number,
    pick_period,
    show_empty,
    show_figures,
)
from gridmap.pages.session import Session
from gridmap.pages.touch import show_map, touched

__all__ = ["show"]

Floats = NDArray[np.float64]
_MAP = "map-incidents"
# Hours of the week, Monday's first: what a keyboard picks, and a mouse in one click.
_PARTS = {
    "day": tuple(hour for hour in range(168) if 8 <= hour % 24 < 18),
    "evening": tuple(hour for hour in range(168) if 18 <= hour % 24 < 22),
    "night": tuple(hour for hour in range(168) if hour % 24 >= 22 or hour % 24 < 6),
    "weekend": tuple(range(120, 168)),
}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


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
    if city.incidents is None:
        _show_counts(ground, grids)
        return
    figures = st.container()
    map_side, side = st.columns([7, 4], gap="medium")
    with side:
        pick_period(ground.session, city)
        names = list(city.incidents.categories)
        chosen = st.multiselect(
            tr("page.incidents.category"),
            names,
            placeholder=tr("page.incidents.all"),
            key=choice_key(ground.session, "categories", [], names),
        )
    categories = tuple(names.index(name) for name in chosen)
    session = ground.session
    slices = slices_of(city, ground.key, session.since, session.until)
    marked = _marked(session)
    with side:
        table = slices.by_hour(rows=marked, categories=categories)
        hours = _pick_hours(ground, table, marked)
    now = slices.by_grid(hours=hours, categories=categories)
    before = _before(ground, hours, categories)
    with figures:
        change = (
            ""
            if before is None
            else ground.change_note(
                float(now.sum()), float(before[0].sum()), hours=hours, categories=categories
            )
        )
        _show_figures(ground, now, change)
    with map_side:
        _show_map(ground, now, before, marked, hours=hours, categories=categories)
    with side:
        _show_trust(ground)


def _marked(session: Session) -> tuple[int, ...]:
    """Return the rows of the marked grids; what is clicked again, or with Shift, is unmarked."""
    marked = session.marked.get("incidents", ())
    event = touched(_MAP)
    if event is not None:
        picked, before = set(event.grids), set(marked)
        again = event.event == "click" and picked <= before and (event.more or picked == before)
        kept = before if event.more else set[int]()
        marked = tuple(sorted(before - picked if again else kept | picked))
        session.marked["incidents"] = marked
    return marked


def _show_counts(ground: Ground, grids: MeasureTable) -> None:
    """Draw a city that knows how many incidents a grid has, but not when they were."""
    _show_figures(ground, grids.rows["incidents"].to_numpy(dtype=float), "")
    show_empty("no_incident_points")
    names = ("incidents_per_km2", "incidents_per_1000_residents", "incidents")
    themes = tuple(choropleth(name, grids.rows[name].to_numpy(dtype=float)) for name in names)
    show_map(ground.scene(themes, columns=names), key="map-incident-counts", height=640)


def _pick_hours(ground: Ground, table: Floats, marked: tuple[int, ...]) -> tuple[int, ...]:
    """Draw the matrix of weekdays and hours; return the hours of the week that are picked."""
    session = ground.session
    names = [tr(f"measure.day.{day}") for day in _DAYS]
    # A month has four or five of each weekday: they are compared for each time they occur.
    each = per_occurrence(table.ravel(), ground.weekdays)
    frame = pd.DataFrame(
        [
            {
                "day": names[row],
                "hour": hour,
                "row": row,
                "count": int(table[row, hour]),
                "each": float(np.nan_to_num(each[row, hour])),
            }
            for row, hour in product(range(7), range(24))
        ]
    )
    st.subheader(tr("page.incidents.matrix_marked" if marked else "page.incidents.matrix"))
    chosen = st.pills(
        tr("page.incidents.part"),
        list(_PARTS),
        format_func=lambda name: tr(f"page.part.{name}"),
        label_visibility="collapsed",
        key=choice_key(session, "part", None, _PARTS),
    )
    part = _PARTS.get(str(chosen), ())
    brush = alt.selection_interval(name="hours", encodings=["x", "y"])
    chart = (
        alt.Chart(frame)
        .mark_rect()
        .encode(
            x=alt.X("hour:O", title=tr("page.incidents.hour"), axis=alt.Axis(labelAngle=0)),
            # By number: what is picked stays picked in another language.
            y=alt.Y(
                "row:O",
                title=None,
                axis=alt.Axis(
                    labelOverlap=False,
                    labelExpr=f"{json.dumps(names)}[datum.value]",
                    minExtent=axis_room(names),
                ),
            ),
            color=alt.Color(
                "each:Q",
                title=tr("page.incidents.per_day"),
                scale=alt.Scale(range=["#fff5eb", "#fdae6b", "#e0570c", "#6b2304"]),
                # Beside the matrix a long title would take a third of its width.
                legend=alt.Legend(orient="bottom", titleLimit=0, titleOrient="left"),
            ),
            opacity=alt.condition(brush, alt.value(1.0), alt.value(0.35)),
            tooltip=[
                alt.Tooltip("day", title=tr("page.incidents.day")),
                alt.Tooltip("hour", title=tr("page.incidents.hour")),
                alt.Tooltip("each", title=tr("page.incidents.per_day"), format=",.1f"),
                alt.Tooltip("count", title=tr("maps.column.incidents"), format=","),
            ],
        )
        .add_params(brush)
        .properties(height=300)
    )
    state = st.altair_chart(chart, on_select="rerun", key="gridmap-hours", width="stretch")
    st.caption(tr("page.incidents.matrix_help"))
    if marked and st.button(tr("page.incidents.clear", count=len(marked)), width="stretch"):
        session.marked["incidents"] = ()
        st.rerun()
    picked = dict(state).get("selection", {}).get("hours", {})
    if not picked:
        return part
    days, hours = picked.get("row") or range(7), picked.get("hour") or range(24)
    found = tuple(int(day) * 24 + int(hour) for day, hour in product(days, hours))
    return tuple(hour for hour in found if hour in part) or found if part else found


def _before(
    ground: Ground, hours: tuple[int, ...], categories: tuple[int, ...]
) -> tuple[Floats, date, date] | None:
    """Return the same of the period before, and its days; None where the data don't reach."""
    days = ground.days_before
    if days is None:
        return None
    slices = slices_of(ground.city, ground.key, *days)
    return slices.by_grid(hours=hours, categories=categories), *days


def _show_figures(ground: Ground, now: Floats, change: str) -> None:
    total = float(now.sum())
    people = float(ground.city.grids.counts("residents").sum())
    order = np.sort(now)[::-1]
    half = int(np.searchsorted(np.cumsum(order), total / 2) + 1) if total else 0
    session = ground.session
    show_figures(
        [
            Figure(
                tr("maps.column.incidents"),
                number(total),
                tr("page.figure.incidents"),
                change or tr("page.incidents.no_change"),
            ),
            Figure(
                tr("maps.column.incidents_per_1000_residents"),
                number(1000 * total / people if people else float("nan"), 1),
                tr("maps.unit.incidents_per_1000_residents"),
                day_range(session.since, session.until, ground.city),
            ),
            Figure(
                tr("page.incidents.half"),
                number(half),
                tr("page.incidents.half_unit"),
                tr("page.incidents.half_note", share=f"{half / max(len(now), 1):.0%}"),
            ),
            Figure(
                tr("page.incidents.busiest"),
                str(ground.city.grids.names[int(now.argmax())]) if total else "–",
                "",
                tr("page.incidents.busiest_note", count=number(float(now.max()))),
            ),
        ]
    )


def _show_map(
    ground: Ground,
    now: Floats,
    before: tuple[Floats, date, date] | None,
    marked: tuple[int, ...],
    *,
    hours: tuple[int, ...],
    categories: tuple[int, ...],
) -> None:
    area = np.maximum(ground.city.grids.area_m2 / 1e6, 1e-9)
    themes: list[Theme] = [
        choropleth("incidents_per_km2", now / area),
        choropleth("incidents", now),
    ]
    session = ground.session
    hot = hot_spots_of(
        ground.city,
        ground.key,
        now,
        days=(session.since, session.until),
        hours=hours,
        categories=categories,
    )
    themes.insert(1, hot_spot_theme(hot))
    if before is not None:
        note = tr("maps.change.note", since=str(before[1]), until=str(before[2]))
        # Months differ in length: what as many days of the period before had is taken off.
        days = (before[2] - before[1]).days + 1
        length = ground.period.days if ground.period is not None else days
        themes.append(change_theme(now - before[0] * length / days, note=note))
    density = density_of(ground.city, ground.key, session.since, session.until, datum=ground.datum)
    scene = ground.scene(
        tuple(themes),
        columns=("incidents", "residents"),
        overlays=(density,) if density is not None else (),
        marked=marked,
    )
    show_map(scene, key=_MAP, height=680, tools=("click", "rectangle", "lasso"))


def _show_trust(ground: Ground) -> None:
    """Say which map would have foretold the last month best."""
    place = st.expander(tr("page.incidents.trust"), on_change="rerun")
    if not place.open:
        return  # it takes a while on a large city
    with place, st.spinner(tr("page.incidents.trusting")):
        found = trust_of(ground.city, ground.key)
        if found is None:
            st.caption(tr("page.incidents.trust_short"))
            return
        table, month = found
        st.caption(tr("page.incidents.trust_note", month=month))
        frame = pd.DataFrame(
            {
                tr("page.incidents.map"): [tr(f"page.trust.{name}") for name in table.index],
                tr("page.incidents.ground"): [f"{v:.1%}" for v in table["area_share"]],
                tr("page.incidents.hit_rate"): [f"{v:.1%}" for v in table["hit_rate"]],
                "PAI": [number(float(v), 2) for v in table["accuracy_index"]],
            }
        )
        st.dataframe(frame, hide_index=True, width="stretch")
