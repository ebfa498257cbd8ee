"""勤务: officers by hour, tonight's patrol, what is unusual, and who is near a place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import shapely
import streamlit as st

from gridmap.api.norms import AssessOptions, NormsOptions, NormsResult, assess, norms
from gridmap.api.shifts import ShiftsOptions, ShiftsResult, shifts
from gridmap.api.watch import WatchOptions, WatchResult, chart_title, watch
from gridmap.i18n import DAYS, tr
from gridmap.maps import Overlay, Theme, choropleth, degrees_of, draw_geometry, value_theme
from gridmap.model import City, Kind
from gridmap.pages.duty_places import (
    HEIGHT,
    ask,
    put_files,
    put_sheet,
    show_around,
    show_notes,
    show_patrol,
)
from gridmap.pages.ground import PageGround, read_ground
from gridmap.pages.layout import (
    NONE,
    StripFigure,
    axis_room,
    number,
    show_chart,
    show_empty,
    show_figures,
    show_frame,
    show_lines,
)
from gridmap.pages.session import choice_key, choose, chosen
from gridmap.pages.touch import show_map, touched
from gridmap.typing import Ints

_PATTERNS = ("8h", "12h", "split")
_ALERT = "#d97706"


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    if ground.city.incidents is None and not ground.city.has(Kind.GRID):
        show_empty("no_grids")
        return
    view = st.segmented_control(
        tr("duty.page.view"),
        list(_VIEWS),
        format_func=lambda name: tr(f"duty.page.{name}"),
        label_visibility="collapsed",
        required=True,
        key=choice_key(ground.session, "duty-view", "shifts", list(_VIEWS)),
    )
    _VIEWS[str(view)](ground)


def _show_shifts(ground: PageGround) -> None:
    figures = st.container()
    body, side = st.columns([7, 5], gap="medium")
    with side:
        options = _choose_shifts(ground)
    with body:
        result = ask(ground, shifts, options)
    if result is None:
        return
    with figures:
        _show_shift_figures(result)
    with side:
        show_frame(_unit_rows(result).round())
        units = range(len(result.units))
        picked = st.selectbox(
            tr("duty.page.unit_shown"),
            units,
            format_func=lambda row: result.units[row].name,
            key=choice_key(ground.session, f"duty-unit-{options.by}", 0, units),
        )
    with body:
        st.header(tr("duty.page.chart", unit=result.units[picked].name), anchor=False)
        _show_week(result, picked)
        roster = result.readable_roster()
        own = (result.roster_frame()["unit"] == result.units[picked].unit).to_numpy()
        show_frame(roster[own], height=260)
        put_files(ground, result, tr("duty.page.roster"), "roster.csv", lambda: roster)
        show_notes(result.notes)


def _choose_shifts(ground: PageGround) -> ShiftsOptions:
    session, city = ground.session, ground.city
    units = [kind for kind in ("station", "beat") if city.has(Kind(kind))] + ["city"]
    if not city.has(Kind.BEAT) and ground.plan is not None:
        units.insert(-1, "beat")
    left, right = st.columns([3, 2])
    by = left.segmented_control(
        tr("duty.page.by"),
        units,
        format_func=lambda name: tr(f"duty.page.by_{name}"),
        required=True,
        key=choice_key(session, "duty-by", units[0], units),
    )
    officers = right.number_input(
        tr("duty.page.officers"),
        0,
        100_000,
        help=tr("duty.page.officers_help"),
        key=choice_key(session, "duty-officers", 0),
    )
    left, right = st.columns([3, 2])
    patterns = left.pills(
        tr("duty.page.patterns"),
        _PATTERNS,
        selection_mode="multi",
        format_func=lambda name: tr(f"duty.page.pattern_{name}"),
        key=choice_key(session, "duty-patterns", ["8h"], _PATTERNS),
    )
    response = right.number_input(
        tr("duty.page.response"),
        0,
        600,
        help=tr("duty.page.response_help"),
        key=choice_key(session, "duty-response", 0),
    )
    return ShiftsOptions(
        by=by or units[0],  # type: ignore[arg-type] # one of them
        officers=int(officers) or None,
        patterns=tuple(patterns) or ("8h",),
        since=str(session.since or ""),
        until=str(session.until or ""),
        response=float(response) or None,
        norms=session.path / "norms.toml",
    )


def _unit_rows(result: ShiftsResult) -> pd.DataFrame:
    plain = result.to_dict()
    names = [name for name in result.unit_columns() if name not in ("bound", "posts_needed")]
    return pd.DataFrame(
        [
            {
                tr("duty.shifts.unit"): unit["name"],
                **{tr(f"duty.shifts.{name}"): unit[name] for name in names},  # type: ignore[literal-required] # keys of the row
            }
            for unit in plain["units"]
        ]
    )


def _show_shift_figures(result: ShiftsResult) -> None:
    plain = result.to_dict()
    total, today, left, more = (
        ("demand_h", "uncovered_today_h", "uncovered_h", "one_more_h")
        if plain["late"] is None
        else ("calls", "late_today", "late", "one_more_calls")
    )
    unit = tr("duty.page.hours_a_week" if plain["late"] is None else "duty.page.calls_a_week")
    before, after, whole = plain[today], plain[left], plain[total]  # type: ignore[literal-required] # keys of the JSON
    best = max(plain["units"], key=lambda row: row[more])  # type: ignore[literal-required]
    label = "duty.page.demand" if plain["late"] is None else "duty.shifts.calls"
    show_figures(
        [
            StripFigure(
                tr("field.officers"),
                number(sum(unit.officers for unit in result.units)),
            ),
            StripFigure(
                tr(label),
                number(whole),
                unit if plain["late"] is None else "",
                f"{plain['since']} – {plain['until']}",
            ),
            StripFigure(
                tr(f"duty.shifts.{today}"),
                NONE if before is None else number(before),
                unit,
                "" if before is None else _share(before, whole),
            ),
            StripFigure(tr(f"duty.shifts.{left}"), number(after), unit, _share(after, whole)),
            StripFigure(
                tr("duty.shifts.bound"),
                number(plain["bound"]),
                unit,
                tr("duty.page.gap", gap=f"{plain['gap']:.1%}"),
            ),
            StripFigure(
                tr(f"duty.shifts.{more}"),
                number(best[more]),  # type: ignore[literal-required]
                unit,
                best["name"],
            ),
        ]
    )


def _share(part: float, whole: float) -> str:
    return tr("duty.page.of_demand", share=f"{part / whole:.1%}" if whole else NONE)


def _show_week(result: ShiftsResult, row: int) -> None:
    """Draw the officers that a unit needs and has in each hour of the week."""
    unit = result.units[row]
    hours = np.arange(len(unit.needed))
    names = [tr(f"measure.day.{name}") for name in DAYS]
    lines = {"needed": unit.needed, "proposed": unit.roster.on_duty}
    if unit.today is not None:
        lines = {"needed": unit.needed, "today": unit.today, "proposed": unit.roster.on_duty}
    labels = {name: tr(f"duty.{name}") for name in lines}
    frame = pd.concat(
        pd.DataFrame(
            {
                "hour": hours,
                "officers": values,
                "line": labels[name],
                "when": [f"{names[hour // 24]} {hour % 24:02d}:00" for hour in hours],
            }
        )
        for name, values in lines.items()
    )
    words = "[" + ",".join(f"'{name}'" for name in names) + "]"
    x = alt.X(
        "hour:Q",
        title=None,
        scale=alt.Scale(domain=[0, len(hours)], nice=False),
        axis=alt.Axis(
            values=list(range(0, len(hours), 24)),
            labelExpr=f"{words}[datum.value / 24] || ''",
            labelAlign="left",
            labelOffset=4,
            minExtent=axis_room([""]),
        ),
    )
    y = alt.Y("officers:Q", title=tr("field.officers"))
    tips = [
        alt.Tooltip("when:N", title=tr("duty.page.when")),
        alt.Tooltip("line:N", title=" "),
        alt.Tooltip("officers:Q", format=".1f", title=tr("field.officers")),
    ]
    colours = {"needed": "#c3d5e0", "today": "#7d8c9b", "proposed": "#c8500a"}
    colour = alt.Color(
        "line:N",
        title=None,
        scale=alt.Scale(domain=list(labels.values()), range=[colours[name] for name in labels]),
        legend=alt.Legend(orient="top", columnPadding=34),  # labels may widen with their font
    )
    base = alt.Chart(frame, height=260).encode(x=x, y=y, color=colour, tooltip=tips)
    need = base.transform_filter(alt.datum.line == labels["needed"])
    duty = base.transform_filter(alt.datum.line != labels["needed"])
    chart = need.mark_area(interpolate="step-after", opacity=0.9) + duty.mark_line(
        interpolate="step-after", strokeWidth=1.6
    )
    show_chart(chart, tr("duty.page.chart", unit=unit.name))


def _show_watch(ground: PageGround) -> None:
    figures = st.container()
    map_side, side = st.columns([7, 5], gap="medium")
    session, city = ground.session, ground.city
    with side:
        left, right = st.columns(2)
        period = city.incidents.period if city.incidents is not None else None
        until = ""
        if period is not None:
            first, last = period[0].date(), period[1].date()
            day = left.date_input(
                tr("duty.page.until"),
                min_value=first,
                max_value=last,
                format="YYYY-MM-DD",
                key=choice_key(session, "duty-until", last),
            )
            until = str(day) if day != last else ""
        rare = [30, 90, 365]
        recurrence = right.selectbox(
            tr("duty.page.recurrence"),
            rare,
            format_func=lambda days: tr("duty.page.once_in", days=days),
            help=tr("duty.page.recurrence_help"),
            key=choice_key(session, "duty-recurrence", 90, rare),
        )
        result = ask(ground, watch, WatchOptions(until=until, recurrence=float(recurrence)))
    if result is None:
        return
    with figures:
        _show_watch_figures(result)
    picked = _picked_alert(ground, result)
    with side:
        if result.alerts:
            said = result.sentences()
            places = list(range(len(said)))
            picked = st.radio(
                tr("api.watch.alerts"),
                places,
                format_func=lambda at: f"{at + 1}. {said[at]}",
                key=choice_key(session, "duty-alert", picked, places),
            )
        else:
            st.success(result.quiet(), icon=":material/check:")
        if result.charts:
            _show_chart(result, picked)
        put_sheet(ground, result)
        show_lines(result.dispute_sentences())
        st.caption(tr("duty.page.watch_help"))
        show_notes(result.notes)
    with map_side:
        _show_alerts(ground, result, picked)


def _show_chart(result: WatchResult, picked: int) -> None:
    """Draw the weeks of the picked alert, or of the whole city, and the range of a single one."""
    charted = [at for at, alert in enumerate(result.alerts) if alert["kind"] == "chart"]
    row = result.charts[1 + charted.index(picked) if picked in charted else 0]
    frame = pd.DataFrame(
        {
            "until": pd.to_datetime(row["until"]),
            "incidents": row["incidents"],
            "low": row["low"],
            "high": row["high"],
            "usual": row["usual"],
            "watched": np.arange(len(row["until"])) >= len(row["until"]) - row["recent"],
        }
    )
    axis = alt.Axis(format="%m-%d", labelOverlap=True)  # the same in each language
    base = alt.Chart(frame, height=190).encode(x=alt.X("until:T", title=None, axis=axis))
    range_ = alt.Y("low:Q", title=tr("field.incidents"), scale=alt.Scale(zero=False))
    counts = base.encode(
        y="incidents:Q",
        tooltip=[
            alt.Tooltip("until:T", title=tr("duty.watch.week_until"), format="%Y-%m-%d"),
            alt.Tooltip("incidents:Q", title=tr("field.incidents")),
        ],
    )
    chart = (
        base.mark_area(color="#5b9bd5", opacity=0.22).encode(y=range_, y2="high:Q")
        + base.mark_line(color="#7d8c9b", strokeDash=[3, 3]).encode(y="usual:Q")
        + counts.mark_line(color="#2f7fc1", strokeWidth=1.6)
        + counts.mark_circle(color="#2f7fc1", size=14)
        + counts.transform_filter(alt.datum.watched).mark_circle(
            color="#2f7fc1", size=60, opacity=1
        )
    )
    st.caption(chart_title(row))
    show_chart(chart, chart_title(row))


def _show_watch_figures(result: WatchResult) -> None:
    clusters = sum(alert["kind"] == "cluster" for alert in result.alerts)
    show_figures(
        [
            StripFigure(tr("api.watch.alerts"), number(len(result.alerts))),
            StripFigure(tr("duty.page.clusters"), number(clusters)),
            StripFigure(tr("duty.page.charts"), number(len(result.alerts) - clusters)),
            StripFigure(
                tr("duty.page.watched"),
                number(result.watched),
                note=f"{result.since} – {result.until}",
            ),
        ]
    )


def _picked_alert(ground: PageGround, result: WatchResult) -> int:
    """Return the alert whose ground was clicked on the map, else the one picked before."""
    now = chosen(ground.session, "duty-alert") or 0
    event = touched("map-duty-watch")
    if event is None or not event.grids or not ground.city.has(Kind.GRID):
        return int(now)
    for at, alert in enumerate(result.alerts):
        if set(event.grids) & set(_rows_of(ground, alert)):
            choose(ground.session, "duty-alert", at)
            return at
    return int(now)


def _rows_of(ground: PageGround, alert: Any) -> tuple[int, ...]:  # noqa: ANN401 - an `AlertRow`
    """Return the rows of the grids in which an alert lies."""
    level = alert["level"]
    layer = None if level == "city" else ground.city.get(Kind(level))
    if layer is None:
        return ()
    held = np.isin(layer.ids.astype(str), alert["ids"])
    if level == "grid":
        return tuple(np.flatnonzero(held).tolist())
    return tuple(_grids_in(ground.city, layer.geometry[held])[0].tolist())


def _show_alerts(ground: PageGround, result: WatchResult, picked: int) -> None:
    city = ground.city
    if not city.has(Kind.GRID):
        return
    shapes = result.to_gdf().geometry.to_numpy()
    overlays = []
    known = [at for at in range(len(shapes)) if not shapes[at].is_empty]
    if known:
        drawing = draw_geometry(shapes[known], city.crs, datum=ground.datum)
        overlays.append(
            Overlay(
                "alerts", tr("duty.alert"), _ALERT, drawing=drawing, width=2.6,
                fill="rgba(217,119,6,0.35)",
            )
        )  # fmt: skip
        points = shapely.point_on_surface(shapes[known])
        overlays.append(
            Overlay(
                "alert-numbers",
                tr("api.watch.alerts"),
                _ALERT,
                points=degrees_of(points, city.crs, datum=ground.datum),
                names=[result.sentences()[at] for at in known],
                discs=[str(at + 1) for at in known],
            )
        )
    marked = _rows_of(ground, result.alerts[picked]) if picked < len(result.alerts) else ()
    grids = ground.table("grid").table
    themes: tuple[Theme, ...] = ()
    if "incidents" not in grids.missing:
        themes = (choropleth("incidents", grids.rows["incidents"].to_numpy(dtype=float)),)
    scene = ground.scene(themes, columns=("incidents",), overlays=tuple(overlays), marked=marked)
    show_map(scene, key="map-duty-watch", height=HEIGHT)


# -- rooms compared with the norms, and posts not free yet


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
            show_frame(result.readable_items())
        lacking = result.readable()
        if len(lacking):
            st.header(tr("duty.norms.by_unit"), anchor=False)
            show_frame(lacking, height=240)
        put_files(ground, result, tr("duty.page.lacking_list"), "lacking.csv", result.to_frame)
        if result.posts is not None:
            st.header(tr("duty.posts.title"), anchor=False)
            st.caption(result.posts_sentence())
            show_frame(result.readable_posts(), height=240)
        show_notes(result.notes)
    with map_side:
        _show_map(ground, result)


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
        grid, beat = _grids_in(city, beats.geometry)
        values = np.full(len(city.grids), np.nan)
        values[grid] = months[beat]
        title = tr("duty.page.bound_theme")
        themes = (value_theme("months_left", title, values, colours="purple"),)
    show_map(ground.scene(themes, overlays=tuple(overlays)), key="map-duty-rooms", height=HEIGHT)


# -- the ranking in bands of units whose difference may be chance


def show_score(ground: PageGround) -> None:
    """Draw the ranking and its bands on the map."""
    session, city = ground.session, ground.city
    map_side, side = st.columns([5, 7], gap="medium")
    kinds = [kind for kind in ("beat", "station", "community") if city.has(Kind(kind))]
    with side:
        if not kinds:
            st.caption(tr("page.empty.no_beats"))
            return
        by = st.segmented_control(
            tr("duty.page.by"),
            kinds,
            format_func=lambda name: tr(f"page.kind.{name}"),
            label_visibility="collapsed",
            required=True,
            key=choice_key(session, "duty-score-by", kinds[0], kinds),
        )
        options = AssessOptions(
            by=by or "beat",  # type: ignore[arg-type] # one of them
            since=str(session.since or ""),
            until=str(session.until or ""),
            goals=session.path / "score.toml",
        )
        result = ask(ground, assess, options)
        if result is None:
            return
        st.markdown(result.sentence())
        table = result.readable()
        numbers = [name for name in table.columns if table[name].dtype.kind in "if"]
        shown = table.assign(**{name: table[name].map("{:g}".format) for name in numbers})
        units = result.to_gdf()
        grid, unit = _grids_in(city, units.geometry)
        cells = [grid[unit == row] for row in range(len(units))]
        show_frame(shown, right=numbers, cells=cells, height=420)
        put_files(ground, result, tr("duty.page.ranking"), "assessment.csv", result.to_frame)
        st.caption(tr("duty.score.help"))
        show_notes(result.notes)
    if not len(grid):
        return
    with map_side:
        band = np.full(len(city.grids), np.nan)
        band[grid] = units["band"].to_numpy()[unit]
        theme = value_theme("band", tr("duty.score.band"), band, colours="purple")
        show_map(ground.scene((theme,)), key="map-duty-score", height=HEIGHT)


def _grids_in(city: City, shapes: Any) -> tuple[Ints, Ints]:  # noqa: ANN401 - areas of any kind
    """Return rows of the grids whose middle lies in one of the areas, and the areas' rows."""
    if not city.has(Kind.GRID):
        return np.array([], dtype=int), np.array([], dtype=int)
    middle = shapely.point_on_surface(city.grids.geometry)
    grid, area = shapely.STRtree(np.asarray(shapes, dtype=object)).query(
        middle, predicate="within"
    )
    return grid, area


_VIEWS: dict[str, Callable[[PageGround], None]] = {
    "shifts": _show_shifts,
    "patrol": show_patrol,
    "watch": _show_watch,
    "around": show_around,
    "rooms": show_rooms,
    "score": show_score,
}
