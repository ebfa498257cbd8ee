"""警情: where and when incidents concentrate, and what has changed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from gridmap.api.incidents import Slices, per_time
from gridmap.api.measure import HotspotsOptions, HotspotsResult, MeasureResult
from gridmap.i18n import DAYS, tr
from gridmap.maps import (
    Theme,
    change_theme,
    choropleth,
    hot_spot_theme,
)
from gridmap.model import Kind
from gridmap.pages.cache import (
    days_of,
    delays_of,
    density_of,
    hot_spots_of,
    hours_of,
    slices_of,
    trust_of,
)
from gridmap.pages.ground import PageGround, read_ground
from gridmap.pages.layout import (
    Line,
    StripFigure,
    axis_room,
    day_range,
    number,
    pick_period,
    show_chart,
    show_empty,
    show_figures,
    show_list,
)
from gridmap.pages.session import choice_key, chosen
from gridmap.pages.touch import show_map, touched
from gridmap.pages.watching import show_news
from gridmap.typing import Floats, Ints

_MAP = "map-incidents"
_DAILY = 92  # days, up to which a trend is by day
_LISTED = 8
_LEAST_CHANGE = 0.5  # incidents
# Hours of the week, Monday's first: what a keyboard picks, and a mouse in one click.
_PARTS = {
    "day": tuple(hour for hour in range(168) if 8 <= hour % 24 < 18),
    "evening": tuple(hour for hour in range(168) if 18 <= hour % 24 < 22),
    "night": tuple(hour for hour in range(168) if hour % 24 >= 22 or hour % 24 < 6),
    "weekend": tuple(range(120, 168)),
}


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    city = ground.city
    if not city.has(Kind.GRID):
        show_empty("no_grids")
        return
    grids = ground.table("grid")
    if "incidents" in grids.table.missing:
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
    marked = _marked(ground)
    with side:
        table = slices.by_hour(rows=marked, categories=categories)
        trend = st.container()
        hours = _pick_hours(ground, table, marked)
    with trend:
        _show_trend(ground, marked, hours, categories)
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
        _show_lists(ground, slices, now, before, hours=hours, categories=categories)
        for line in delays_of(city, ground.key, session.since, session.until):
            st.caption(line)
        show_news(ground)
        _show_trust(ground)


def _show_trend(
    ground: PageGround,
    marked: tuple[int, ...],
    hours: tuple[int, ...],
    categories: tuple[int, ...],
) -> None:
    """Draw incidents by day or week over all data; what is dragged over becomes the period."""
    counts = days_of(ground.city, ground.key, rows=marked, hours=hours, categories=categories)
    incidents, counted = ground.city.incidents, ground.days
    if incidents is None or incidents.period is None or counted is None or len(counts) < 2:
        return
    first = incidents.period[0].date()
    step = 1 if len(counts) <= _DAILY else 7
    starts = [first + timedelta(days=at) for at in range(0, len(counts), step)]
    frame = trend_bars(counts, starts, step)
    frame["inside"] = [counted[0] <= day <= counted[1] for day in starts]
    last_days = int(frame["days"].iloc[-1])
    ticks = [
        at for at, day in enumerate(starts) if not at or (day.day <= step and step == 7)
        or (step == 1 and day.weekday() == 0)
    ][:: max(1, len(starts) // (_DAILY if step == 1 else 30))]  # fmt: skip
    labels = json.dumps([str(day)[5:] if step == 1 else str(day)[:7] for day in starts])
    brush = alt.selection_interval(name="days", encodings=["x"])
    title = tr(f"page.trend.title_{'day' if step == 1 else 'week'}")
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X(
                "at:O",
                title=None,
                axis=alt.Axis(
                    values=ticks, labelExpr=f"{labels}[datum.value]", labelAngle=0,
                    labelOverlap=True, ticks=False,
                ),
            ),
            y=alt.Y("count:Q", title=None, axis=alt.Axis(tickCount=3)),
            color=alt.condition("datum.inside", alt.value("#d97706"), alt.value("#b9c4cf")),
            # A week that has just begun is no fall.
            opacity=alt.condition(f"datum.days < {step}", alt.value(0.45), alt.value(1.0)),
            tooltip=[
                alt.Tooltip("day", title=tr(f"page.trend.{'day' if step == 1 else 'week'}")),
                *([] if step == 1 else [alt.Tooltip("days", title=tr("page.trend.days"))]),
                alt.Tooltip("count", title=tr("maps.column.incidents"), format=","),
            ],
        )
        .add_params(brush)
        .properties(height=110)
    )  # fmt: skip
    st.header(title, anchor=False)
    state = show_chart(chart, title, on_select="rerun", key="gridmap-trend")
    if last_days < step:
        st.caption(tr("page.trend.broken", count=last_days))
    picked = dict(state).get("selection", {}).get("days", {}).get("at") or []
    session = ground.session
    # A drag is taken once: a period picked elsewhere afterwards stays.
    if tuple(picked) == session.work.get("trend", ()):
        return
    session.work["trend"] = tuple(picked)
    rows = sorted(int(at) for at in picked)
    last = incidents.period[1].date()
    since = starts[rows[0]] if rows else first
    until = min(starts[rows[-1]] + timedelta(days=step - 1), last) if rows else last
    session.since = None if since <= first else since
    session.until = None if until >= last else until
    st.rerun()


def trend_bars(counts: Ints, starts: list[date], step: int) -> pd.DataFrame:
    """Return incidents by day or week; the last week holds the days that are left."""
    sizes = [min(step, len(counts) - at * step) for at in range(len(starts))]
    values = [int(counts[at * step : (at + 1) * step].sum()) for at in range(len(starts))]
    days = [str(day) for day in starts]
    return pd.DataFrame({"at": range(len(starts)), "day": days, "days": sizes, "count": values})


def _show_lists(
    ground: PageGround,
    slices: Slices,
    now: Floats,
    before: tuple[Floats, date, date] | None,
    *,
    hours: tuple[int, ...],
    categories: tuple[int, ...],
) -> None:
    """Draw the hottest grids and those that rose or fell most, each leading to the map."""
    offered = ["hot", *(["risen", "fallen"] if before is not None else [])]
    names = ground.city.grids.names
    which = offered[0]
    st.header(tr("page.incidents.ranked"), anchor=False)
    if len(offered) > 1:
        which = str(
            st.segmented_control(
                tr("page.incidents.ranked"),
                offered,
                format_func=lambda name: tr(f"page.incidents.list_{name}"),
                label_visibility="collapsed",
                required=True,
                key=choice_key(ground.session, "ranked", offered[0], offered),
            )
        )
    if which == "hot" or before is None:
        table = _hot(ground, hours, categories).to_frame()
        table = table[table["kind"] == "hot"].head(_LISTED)
        row_of = {str(one): row for row, one in enumerate(ground.city.grids.ids)}
        rows = [row_of[str(one)] for one in table["id"]]
        told = [
            tr("page.incidents.hot_line", observed=number(seen), expected=number(usual))
            for seen, usual in zip(table["observed"], table["expected"], strict=True)
        ]
        values = [number(float(now[row])) for row in rows]
    else:
        usual = _as_long(ground, before)
        change = now - usual
        order = np.argsort(-change if which == "risen" else change, kind="stable")[:_LISTED]
        sign = 1.0 if which == "risen" else -1.0
        rows = [row for row in order.tolist() if sign * change[row] > _LEAST_CHANGE]
        told = [
            tr("page.incidents.change_line", now=number(now[row]), before=number(usual[row], 1))
            for row in rows
        ]
        values = [f"{change[row]:+,.0f}" for row in rows]
    sparks = [slices.by_hour(rows=(row,), categories=categories).sum(axis=0) for row in rows]
    if not rows:
        st.caption(tr("page.worst.none"))
    show_list(
        [
            Line(str(names[row]), text, cells=(row,), spark=spark.tolist(), value=value)
            for row, text, spark, value in zip(rows, told, sparks, values, strict=True)
        ]
    )
    if which == "hot":
        st.caption(tr("page.incidents.spark_hours"))


def _as_long(ground: PageGround, before: tuple[Floats, date, date]) -> Floats:
    """Return what as many days as are counted now of the period before had: months differ."""
    counts, *days = before
    first, last = ground.days or days
    return counts * ((last - first).days + 1) / ((days[1] - days[0]).days + 1)


def _hot(
    ground: PageGround, hours: tuple[int, ...], categories: tuple[int, ...]
) -> HotspotsResult:
    session, incidents = ground.session, ground.city.incidents
    names = () if incidents is None else incidents.categories
    options = HotspotsOptions(
        since=str(session.since or ""),
        until=str(session.until or ""),
        week_hours=hours,
        categories=[names[row] for row in categories],
    )
    return hot_spots_of(ground.city, ground.key, options)


def _marked(ground: PageGround) -> tuple[int, ...]:
    """Return the rows of the marked grids; what is clicked again, or with Shift, is unmarked."""
    session, plan = ground.session, ground.plan
    marked = session.marked.get("incidents", ())
    event = touched(_MAP)
    if event is not None and event.event == "unit":
        inside = () if plan is None else np.flatnonzero(plan.assignment == event.grids[0])
        marked = tuple(map(int, inside))
        session.marked["incidents"] = marked
    elif event is not None:
        picked, before = set(event.grids), set(marked)
        again = event.event == "click" and picked <= before and (event.more or picked == before)
        kept = before if event.more else set[int]()
        marked = tuple(sorted(before - picked if again else kept | picked))
        session.marked["incidents"] = marked
    return marked


def _show_counts(ground: PageGround, grids: MeasureResult) -> None:
    """Draw a city that knows how many incidents a grid has, but not when they were."""
    rows = grids.table.rows
    _show_figures(ground, rows["incidents"].to_numpy(dtype=float), "")
    show_empty("no_incident_points")
    names = ("incidents_per_km2", "incidents_per_1000_residents", "incidents")
    themes = tuple(choropleth(name, rows[name].to_numpy(dtype=float)) for name in names)
    show_map(ground.scene(themes, columns=names), key="map-incident-counts", height=640)


def _pick_hours(ground: PageGround, table: Floats, marked: tuple[int, ...]) -> tuple[int, ...]:
    """Draw the matrix of weekdays and hours; return the hours of the week that are picked."""
    session = ground.session
    st.header(
        tr("page.incidents.matrix_marked" if marked else "page.incidents.matrix"), anchor=False
    )
    chosen = st.pills(
        tr("page.incidents.part"),
        list(_PARTS),
        format_func=lambda name: tr(f"page.part.{name}"),
        label_visibility="collapsed",
        key=choice_key(session, "part", None, _PARTS),
    )
    part = frozenset(_PARTS.get(str(chosen), ()))
    names = [tr(f"measure.day.{day}") for day in DAYS]
    # A month has four or five of each weekday: they are compared for each time they occur.
    each = per_time(ground.city, table, ground.days)
    frame = pd.DataFrame(
        [
            {
                "day": names[row],
                "hour": hour,
                "row": row,
                "count": int(table[row, hour]),
                "each": float(np.nan_to_num(each[row, hour])),
                "chosen": bool(part) and row * 24 + hour in part,
            }
            for row, hour in product(range(7), range(24))
        ]
    )
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
                # Beside the matrix a long title would take a third of its width; beside the ramp
                # it would run into it where its font comes after the chart.
                legend=alt.Legend(orient="bottom", titleLimit=0, titleOrient="top"),
            ),
            opacity=alt.condition(brush, alt.value(1.0), alt.value(0.35)),
            # What is chosen by name is seen on the matrix too.
            stroke=alt.condition("datum.chosen", alt.value("#2f7fc1"), alt.value(None)),
            strokeWidth=alt.condition("datum.chosen", alt.value(1.6), alt.value(0)),
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
    matrix = tr("page.incidents.matrix")
    state = show_chart(chart, matrix, on_select="rerun", key="gridmap-hours")
    st.caption(tr("page.incidents.matrix_help"))
    st.toggle(
        tr("page.incidents.same_scale"),
        help=tr("page.incidents.same_scale_help"),
        key=choice_key(session, "same-scale", False),  # noqa: FBT003 - a switch's value
    )
    if marked and st.button(tr("page.incidents.clear", count=len(marked)), width="stretch"):
        session.marked["incidents"] = ()
        st.rerun()
    picked = dict(state).get("selection", {}).get("hours", {})
    if not picked:
        return tuple(sorted(part))
    days, hours = picked.get("row") or range(7), picked.get("hour") or range(24)
    found = tuple(int(day) * 24 + int(hour) for day, hour in product(days, hours))
    return tuple(hour for hour in found if hour in part) or found if part else found


def _before(
    ground: PageGround, hours: tuple[int, ...], categories: tuple[int, ...]
) -> tuple[Floats, date, date] | None:
    """Return the same of the period before, and its days; None where the data don't reach."""
    days = ground.days_before
    if days is None:
        return None
    slices = slices_of(ground.city, ground.key, *days)
    return slices.by_grid(hours=hours, categories=categories), *days


def _show_figures(ground: PageGround, now: Floats, change: str) -> None:
    total = float(now.sum())
    people = float(ground.city.grids.counts("residents").sum())
    order = np.sort(now)[::-1]
    half = int(np.searchsorted(np.cumsum(order), total / 2) + 1) if total else 0
    session = ground.session
    show_figures(
        [
            StripFigure(
                tr("maps.column.incidents"),
                number(total),
                tr("page.figure.incidents"),
                change or tr("page.incidents.no_change"),
            ),
            StripFigure(
                tr("maps.column.incidents_per_1000_residents"),
                number(1000 * total / people if people else float("nan"), 1),
                tr("maps.unit.incidents_per_1000_residents"),
                day_range(session.since, session.until, ground.city),
            ),
            StripFigure(
                tr("page.incidents.half"),
                number(half),
                tr("page.incidents.half_unit"),
                tr("page.incidents.half_note", share=f"{half / max(len(now), 1):.0%}"),
            ),
            StripFigure(
                tr("page.incidents.busiest"),
                str(ground.city.grids.names[int(now.argmax())]) if total else "–",
                "",
                tr("page.incidents.busiest_note", count=number(float(now.max()))),
            ),
        ]
    )


def _show_map(
    ground: PageGround,
    now: Floats,
    before: tuple[Floats, date, date] | None,
    marked: tuple[int, ...],
    *,
    hours: tuple[int, ...],
    categories: tuple[int, ...],
) -> None:
    area = np.maximum(ground.city.grids.area_m2 / 1e6, 1e-9)
    # One scale for all hours and categories: two views can be compared.
    same = bool(chosen(ground.session, "same-scale"))
    whole = (
        slices_of(ground.city, ground.key, ground.session.since, ground.session.until).by_grid()
        if same
        else now
    )
    counts = choropleth("incidents", now, scale=whole)
    themes: list[Theme] = [
        choropleth("incidents_per_km2", now / area, scale=whole / area),
        hot_spot_theme(_hot(ground, hours, categories).found),
        counts,
    ]
    session = ground.session
    if before is not None:
        note = tr("maps.change.note", since=str(before[1]), until=str(before[2]))
        themes.append(change_theme(now - _as_long(ground, before), note=note))
    played = hours_of(ground.city, ground.key, session.since, session.until, categories)
    themes += [] if played is None else [played[0]]
    density = density_of(ground.city, ground.key, session.since, session.until, datum=ground.datum)
    scene = ground.scene(
        tuple(themes),
        columns=("residents",),
        overlays=(density,) if density is not None else (),
        marked=marked,
    )
    scene = replace(scene, hours=None if played is None else played[1])
    if scene.facts is not None:  # what is filtered, as in the lists and colours
        told = {**scene.facts.columns, counts.title: now}
        scene = replace(scene, facts=replace(scene.facts, columns=told))
    show_map(scene, key=_MAP, height=680, tools=("click", "rectangle", "lasso"))


def _show_trust(ground: PageGround) -> None:
    """Say which map would have predicted the last month best."""
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
