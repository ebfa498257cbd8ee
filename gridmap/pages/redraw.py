"""划分: propose plans, set them side by side, edit by hand, keep and share them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePath
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from gridmap.api.compare import PlanPoint
from gridmap.api.propose import ProposeOptions, wider_sentence
from gridmap.errors import GridmapError
from gridmap.i18n import current_language, set_language, tr
from gridmap.io.placing import safe_name
from gridmap.maps import Scene, Swipe, choropleth
from gridmap.maps.layers_of_city import moved_theme
from gridmap.model import Kind, Plan
from gridmap.pages.cache import criteria_of, ground_of_plans
from gridmap.pages.ground import PageGround, read_ground
from gridmap.pages.jobs import Job
from gridmap.pages.layout import (
    day_range,
    escaped,
    local_time,
    number,
    pick_row,
    show_chart,
    show_empty,
    show_error,
    show_lines,
    show_list,
)
from gridmap.pages.redraw_edit import show_edit, start_editing
from gridmap.pages.redraw_state import (
    Found,
    Redraw,
    redraw_of,
    saved_plan,
    saved_versions,
    show_bars,
    show_change,
    stored_plans,
)
from gridmap.pages.session import choice_key, choose
from gridmap.pages.touch import show_map
from gridmap.pages.uploads import stored_name
from gridmap.plans import (
    PLAN_FORMATS,
    Action,
    Comparison,
    Draft,
    PlanVersion,
    account_text,
    read_plan,
    write_plan,
)

ObjectiveName = Literal["compact", "balance", "travel", "change"]
EffortName = Literal["quick", "normal", "thorough"]

_USUAL = {"residents": 0.5, "incidents": 0.5}
_OBJECTIVES: tuple[ObjectiveName, ...] = ("compact", "balance", "travel", "change")
_EFFORTS: tuple[EffortName, ...] = ("quick", "normal", "thorough")
_TODAY = "#7d8c9b"
_CHART, _RADIO = "gridmap-front", "gridmap-looked-at"


def show_propose(ground: PageGround, state: Redraw) -> None:
    """Draw the step."""
    if state.job is not None and state.job.done:
        state.end()
    map_side, side = st.columns([7, 4], gap="medium")
    with side:
        if state.error is not None:
            show_error(state.error)
        if state.job is not None:
            _show_progress(state, current_language())
        elif state.found is not None:
            _show_front(ground, state, state.found)
            with st.expander(tr("page.redraw.again")):
                _show_wishes(ground, state, current_language())
        else:
            _show_wishes(ground, state, current_language())
    with map_side:
        plan = state.found.plans[state.looked_at] if state.found else ground.plan
        rows = ground.table("grid").table.rows
        load = None if plan is None else ground.loads(plan, state.weights)
        themes = [] if load is None else [load]
        themes += [] if plan is None else [ground.beats(plan)]
        themes += [
            choropleth(name, rows[name].to_numpy(dtype=float))
            for name in ("residents", "incidents")
            if rows[name].sum() > 0
        ]
        st.caption(tr("page.redraw.on_map", name=plan.name if plan else tr("maps.kind.grid")))
        scene = ground.scene(
            tuple(themes), columns=("residents", "incidents"), plan=plan, theme="load"
        )
        show_map(scene, key="map-propose", height=680)


@st.fragment
def _show_wishes(ground: PageGround, state: Redraw, language: str) -> None:
    """Draw the options of a proposal; moving a slider redraws only this part."""
    set_language(language)
    session, city = ground.session, ground.city
    today = len(ground.plan) if ground.plan is not None else max(len(city.grids) // 8, 1)
    with st.container(border=True):
        left, right = st.columns(2)
        beats = left.number_input(
            tr("page.redraw.beats"),
            1,
            len(city.grids),
            key=choice_key(session, f"beats-{len(city.grids)}", min(today, len(city.grids))),
        )
        tolerance = right.slider(
            tr("page.redraw.tolerance"),
            1,
            30,
            format="%d%%",
            key=choice_key(session, "tolerance", 5),
        )
        st.markdown(f"**{tr('page.redraw.weights')}**")
        known = criteria_of(ground.city, ground.key)
        # A city that counts neither residents nor incidents begins with what it knows.
        usual_ones = _USUAL if set(_USUAL) & set(known) else dict.fromkeys(known[:1], 1.0)
        before = state.weights or usual_ones
        weights: dict[str, float] = {}
        places = st.columns(3)
        for at, name in enumerate(known):
            usual = round(100 * before.get(name, 0.0))
            weights[name] = places[at % 3].slider(
                tr(f"page.criterion.{name}"), 0, 100, key=choice_key(session, f"w-{name}", usual)
            )
        each: dict[str, int] = {}
        with st.expander(tr("page.redraw.each")):
            st.caption(tr("page.redraw.each_help"))
            limited = st.columns(3)
            for at, name in enumerate(known):
                each[name] = limited[at % 3].slider(
                    tr(f"page.criterion.{name}"),
                    0,
                    60,
                    format="%d%%",
                    key=choice_key(session, f"limit-{name}", 0),
                )
        objective = st.selectbox(
            tr("page.redraw.objective"),
            _OBJECTIVES,
            format_func=lambda name: tr(f"page.objective.{name}"),
            key=choice_key(session, "objective", "compact" if ground.plan is None else "change"),
        )
        left, middle, right = st.columns(3)
        keep = left.slider(
            tr("page.redraw.keep"),
            0,
            95,
            step=5,
            format="%d%%",
            disabled=ground.plan is None,
            key=choice_key(session, "keep", 50 if ground.plan is not None else 0),
        )
        front = middle.slider(tr("page.redraw.front"), 1, 4, key=choice_key(session, "front", 3))
        effort = right.select_slider(
            tr("page.redraw.effort"),
            _EFFORTS,
            format_func=lambda name: tr(f"page.effort.{name}"),
            key=choice_key(session, "effort", "quick"),
        )
        whole = city.has(Kind.STATION) and st.checkbox(
            tr("page.redraw.by_station"),
            key=choice_key(session, "by-station", False),  # noqa: FBT003 - a box's value
        )
        begun = st.button(tr("page.redraw.begin"), type="primary", width="stretch")
    if not begun:
        return
    if not any(weights.values()):
        st.error(tr("page.redraw.no_weight"))
        return
    state.weights = {name: weight / 100 for name, weight in weights.items() if weight}
    state.tolerance = tolerance / 100
    limits = {name: limit / 100 for name, limit in each.items() if limit and weights[name]}

    options = ProposeOptions(
        beats=int(beats),
        balance={name: weight for name, weight in weights.items() if weight},
        tolerance={"workload": tolerance / 100, **limits} if limits else tolerance / 100,
        objective=objective,
        effort=effort,
        keep=keep / 100 or None,
        front=front,
        parents="station" if whole else "",
    )
    state.search(city, options)
    st.rerun()


@st.fragment(run_every=0.7)
def _show_progress(state: Redraw, language: str) -> None:
    set_language(language)
    job = state.job
    if job is None or job.done:
        st.rerun()  # the whole page: what is drawn here alone is gone at the next turn
    st.progress(job.share, tr("page.redraw.searching", share=f"{job.share:.0%}"))
    job.language = language
    st.caption(searching_line(job, several=state.several))
    st.caption(tr("page.redraw.stop_note"))
    if st.button(tr("page.redraw.stop"), width="stretch"):
        job.stop()


def searching_line(job: Job[Found], *, several: bool = True) -> str:
    """Return the seconds elapsed, about how many are left, and the best plan so far.

    A search for one plan, not ``several``, has no other to tell of before its end.
    """
    left = job.left_s
    parts = [
        tr("page.redraw.elapsed", seconds=f"{job.elapsed_s:.0f}"),
        tr("page.redraw.left", seconds=f"{left:.0f}")
        if left is not None
        else tr("page.redraw.left_unknown"),
        job.said or tr(f"page.redraw.{'none_yet' if several else 'one_plan'}"),
    ]
    return tr("page.join.pairs").join(parts)


def _show_front(ground: PageGround, state: Redraw, found: Found) -> None:
    several = len(found.plans) > 1
    st.header(tr(f"page.redraw.front_{'title' if several else 'single'}"), anchor=False)
    names = [
        plan.name
        if (asked := found.asked_beyond(row)) is None
        else tr("page.redraw.beyond", name=plan.name, asked=asked)
        for row, plan in enumerate(found.plans)
    ]
    if several:
        show_chart(
            front_chart(_front_table(found.rows, state.looked_at), found.today),
            tr("page.redraw.front_title"),
            on_select=partial(_look_at_point, state),
            key=_CHART,
        )
        # Two widgets, one value: whichever is touched sets it, and the other follows.
        st.session_state[_RADIO] = state.looked_at
        st.radio(
            tr("page.redraw.plan"),
            range(len(names)),
            format_func=lambda row: names[row],
            horizontal=True,
            label_visibility="collapsed",
            key=_RADIO,
            on_change=_look_at_name,
            args=(state,),
        )
    row, plan = found.rows[state.looked_at], found.plans[state.looked_at]
    if ground.plan is not None:
        show_change(ground, ground.plan, plan, state.weights)
    else:
        show_list(_sentences(row, len(ground.city.grids)))
    table = ground_of_plans(ground.city, ground.key, state.weights)
    between = found.intervals[state.looked_at] if found.intervals else None
    show_bars(plan, Draft.start(table, plan).figures, state.tolerance, between)
    beyond = found.beyond[state.looked_at] if found.beyond else None
    told = [] if beyond is None else [wider_sentence(plan.name, *beyond)]
    told += [point.sentence() for point in found.points if point.today or point.name == plan.name]
    if found.known_to is not None:
        told.append(tr("page.redraw.known_to", half=f"{found.known_to:.1%}"))
    for line in filter(None, told):
        st.caption(escaped(line))
    for title, by_language in (("told", found.told), ("steps", found.steps)):
        if lines := by_language.get(current_language()):
            with st.expander(tr(f"page.redraw.{title}")):
                show_lines(lines)
    left, right = st.columns(2)
    if left.button(tr("page.redraw.save"), width="stretch"):
        st.toast(tr("page.redraw.saved", name=_keep(ground, state, plan).name))
    if right.button(tr("page.redraw.edit_this"), width="stretch"):
        version = state.kept.get(state.looked_at)
        named = plan if version is None else plan.renamed(version.name)
        start_editing(ground, state, named, version)
        st.rerun()


def _look_at_point(state: Redraw) -> None:
    points = st.session_state[_CHART].get("selection", {}).get("plan", [])
    if points:
        state.looked_at = int(points[0]["row"])


def _look_at_name(state: Redraw) -> None:
    state.looked_at = int(st.session_state[_RADIO])


def _keep(ground: PageGround, state: Redraw, plan: Plan) -> PlanVersion:
    """Save a proposal as a plan of its own: a name that is taken gets a number."""
    author = ground.session.someone()
    with ground.session.store() as store:
        taken = {version.name for version in store.list()}
        names = (plan.name, *(f"{plan.name} ({number})" for number in range(2, len(taken) + 3)))
        name = next(name for name in names if name not in taken)
        version = store.save(
            plan.renamed(name), author=author, base_version=0, grids=ground.city.grids
        )
    state.kept[state.looked_at] = version
    return version


def _front_table(rows: tuple[Mapping[str, object], ...], looked_at: int) -> pd.DataFrame:
    frame = pd.DataFrame([dict(row) for row in rows]).drop(columns=["bounds"])
    frame["row"] = range(len(frame))
    frame["shown"] = frame["row"] == looked_at
    frame["deviation"] = frame["max_deviation"].astype(float) * 100
    frame["kept"] = pd.to_numeric(frame["kept_share"], errors="coerce") * 100
    return frame


def front_chart(
    frame: pd.DataFrame, today: PlanPoint | None
) -> alt.Chart | alt.LayerChart | alt.FacetChart:
    """Return the chart of plans, and today's beats among them as a square with a name.

    Where today's deviation is far beyond the plans', the square stands at the upper edge, and
    its name says the figure: the plans stay apart from one another.
    """
    across = "kept" if frame["kept"].notna().all() else "cut_border_km"
    pick = alt.selection_point(name="plan", fields=["row"])
    plans = (
        alt.Chart(frame)
        .mark_circle(size=190, stroke="#1b2a3a", strokeWidth=1)
        .encode(
            x=alt.X(across, title=tr(f"page.front.{across}"), **_loose(6)),
            y=alt.Y("deviation", title=tr("page.front.deviation"), **_loose(5)),
            color=alt.Color("name", legend=None),
            opacity=alt.condition(alt.datum.shown, alt.value(1.0), alt.value(0.45)),
            tooltip=[
                alt.Tooltip("name", title=tr("page.redraw.plan")),
                alt.Tooltip("deviation", title=tr("page.front.deviation"), format=".1f"),
                alt.Tooltip("cut_border_km", title=tr("page.front.cut_border_km"), format=".1f"),
                alt.Tooltip("mean_polsby_popper", title=tr("page.front.shape"), format=".2f"),
            ],
        )
        .add_params(pick)
    )
    if today is None:
        return plans.properties(height=260)
    share = 100 * today.max_deviation
    worst, least = frame["deviation"].max(), frame["deviation"].min()
    edge = worst + max(worst - least, worst / 2, 1.0)
    known = {"kept": 100.0, "cut_border_km": today.cut_border_km}
    name = tr("page.front.today", share=f"{share:.1f}")
    mark = alt.Chart(
        pd.DataFrame(
            {across: [known[across]], "deviation": [min(share, edge)],
             "name": [f"{name} ↑" if share > edge else name]}
        )
    ).encode(x=alt.X(across), y=alt.Y("deviation"))  # fmt: skip
    square = mark.mark_point(shape="square", filled=True, size=130, color=_TODAY)
    text = mark.mark_text(align="right", dx=-12, color=_TODAY).encode(text="name")
    # Today's beats are drawn first: no plan lies under them.
    return alt.layer(square, text, plans).properties(height=260)


def _loose(ticks: int) -> dict[str, Any]:
    """Return an axis that keeps its outermost points off the chart's edge."""
    return {
        "scale": alt.Scale(zero=False, nice=False, padding=24),
        "axis": alt.Axis(tickCount=ticks, labelFlush=False),
    }


def _sentences(row: Mapping[str, object], grids: int) -> list[tuple[str, str]]:
    kept = row["kept_share"]
    lines = [
        (
            tr("page.redraw.deviation"),
            tr(
                "page.redraw.deviation_line",
                deviation=f"{float(str(row['max_deviation'])):.1%}",
                cv=f"{float(str(row['cv'])):.3f}",
            ),
        ),
        (
            tr("page.front.shape"),
            tr(
                "page.redraw.shape_line",
                shape=f"{float(str(row['mean_polsby_popper'])):.2f}",
                border=number(float(str(row["cut_border_km"])), 1),
            ),
        ),
        (
            tr("page.redraw.pieces"),
            tr("page.redraw.pieces_line", beats=row["beats"], grids=number(grids)),
        ),
    ]
    if kept is not None:
        lines.append((tr("page.redraw.kept"), f"{float(str(kept)):.1%}"))
    return lines


# -- versions: the plans that are kept, every version with who saved it; in and out as files


def show_versions(ground: PageGround, state: Redraw) -> None:
    """Draw the step."""
    told = ground.session.work.pop("versions", None)
    if told:
        st.success(told)
    latest = saved_versions(ground)
    table, side = st.columns([7, 4], gap="medium")
    with table:
        if latest:
            chosen = _show_versions(ground, latest)
            _show_map(ground, chosen)
        else:
            show_empty("no_saved")
            chosen = None
    with side:
        if chosen is not None:
            _show_version(ground, state, chosen)
        if ground.session.may(Action.IMPORT):
            _show_import(ground)


def _show_map(ground: PageGround, version: PlanVersion) -> None:
    plan = saved_plan(ground, version)
    if plan is not None:
        scene = ground.scene((ground.beats(plan),), columns=("residents", "incidents"), plan=plan)
        show_map(scene, key="map-versions", height=520)


def _show_versions(ground: PageGround, latest: tuple[PlanVersion, ...]) -> PlanVersion:
    names = [version.name for version in latest]
    last = ground.session.plan if ground.session.plan in names else names[0]
    key = choice_key(ground.session, f"version-{last}", last, names)
    name = st.selectbox(tr("page.redraw.plan"), names, key=key)
    with ground.session.store(ground.session.path) as store:
        versions = store.history(name)[::-1]
    frame = pd.DataFrame(
        {
            tr("page.versions.number"): [version.number for version in versions],
            tr("page.versions.at"): [
                f"{local_time(version.at):%Y-%m-%d %H:%M}" for version in versions
            ],
            tr("page.versions.author"): [account_text(version.author) for version in versions],
            tr("page.versions.beats"): [version.beats for version in versions],
            tr("page.versions.note"): [version.note for version in versions],
            tr("page.versions.faults"): [
                tr("page.join.pairs").join(fault.text() for fault in version.faults)
                for version in versions
            ],
        }
    )
    return versions[pick_row(frame, key=f"gridmap-versions-{name}-{len(versions)}")]


def _show_version(ground: PageGround, state: Redraw, version: PlanVersion) -> None:
    st.header(tr("page.versions.chosen", name=version.name, number=version.number), anchor=False)
    plan = saved_plan(ground, version)
    if plan is None:
        st.warning(tr("page.versions.other_grids"))
        return
    session = ground.session
    if session.may(Action.EDIT) and st.button(tr("page.versions.edit"), width="stretch"):
        start_editing(ground, state, plan, version)
        st.rerun()
    if not session.may(Action.EXPORT):
        st.caption(tr("page.people.no_export"))
        return
    if st.button(tr("page.reports.document"), width="stretch", key="gridmap-document"):
        choose(session, "report-plan", version.name)
        choose(session, "report-document", True)  # noqa: FBT003 - a switch's value
        st.switch_page(session.pages["reports"])
    suffix = st.radio(
        tr("page.versions.format"),
        PLAN_FORMATS,
        format_func=lambda name: tr(f"page.versions.as_{name[1:]}"),
        horizontal=True,
        key=choice_key(session, "plan-format", PLAN_FORMATS[0], PLAN_FORMATS),
    )
    file = f"{safe_name(version.name)}_{version.number}{suffix}"
    # Written, and logged, only when it is asked for.
    if st.button(tr("page.versions.make"), width="stretch"):
        session.work["plan_file"] = (file, _written(ground, version, file))
    ready = session.work.get("plan_file")
    if ready and ready[0] == file:
        st.download_button(
            tr("page.versions.download", file=file),
            ready[1],
            file,
            width="stretch",
            on_click="ignore",
        )


def _written(ground: PageGround, version: PlanVersion, file: str) -> bytes:
    with (
        ground.session.store() as store,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
    ):
        plan = store.export_plan(
            version.name, version.number, author=ground.session.someone(), target=file
        )
        target = Path(folder) / file
        write_plan(plan, ground.city.grids, target)
        return target.read_bytes()


def _show_import(ground: PageGround) -> None:
    with st.expander(tr("page.versions.bring"), expanded=False):
        session = ground.session
        dropped = st.file_uploader(
            tr("page.versions.drop"), key=f"gridmap-plan-{session.work.get('plan_files', 0)}"
        )
        if dropped is None:
            return
        name = st.text_input(
            tr("page.edit.name"), PurePath(stored_name(dropped.name)).stem
        ).strip()
        if not st.button(tr("page.versions.store"), type="primary", disabled=not name):
            return
        try:
            version = _imported(ground, dropped, name)
        except GridmapError as error:
            show_error(error)
            return
        session.work["versions"] = tr("page.edit.saved", name=version.name, number=version.number)
        session.work["plan_files"] = int(session.work.get("plan_files", 0)) + 1
        session.plan = version.name
        st.rerun()


def _imported(ground: PageGround, dropped: UploadedFile, name: str) -> PlanVersion:
    session = ground.session
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        file = Path(folder) / stored_name(dropped.name)
        file.write_bytes(dropped.getvalue())
        plan = read_plan(file, ground.city, name=name, max_mb=session.settings.max_file_mb)
    with session.store() as store:
        return store.import_plan(
            plan,
            author=session.someone(),
            source=stored_name(dropped.name),
            base_version=0,
            grids=ground.city.grids,
        )


# -- compare: two plans side by side, or one over the other


_MARKED = 60
_VIEWS = ("beside", "swipe")


def show_compare(ground: PageGround, state: Redraw) -> None:
    """Draw the step."""
    plans = stored_plans(ground)
    if len(plans) < 2:
        show_empty("no_plans")
        return
    names = list(plans)
    left, right = st.columns(2, gap="medium")
    old = left.selectbox(
        tr("page.compare.old"), names, key=choice_key(ground.session, "old", names[0], names)
    )
    # Whatever plan is in hand is compared until another is picked.
    hand = _in_hand(ground, state, names)
    new = right.selectbox(
        tr("page.compare.new"),
        names,
        key=choice_key(ground.session, f"new-{hand}", hand, names),
    )
    figures, bars = st.columns(2, gap="medium")
    with figures:
        found = show_change(ground, plans[old], plans[new], state.weights)
    with bars:
        table = ground_of_plans(ground.city, ground.key, state.weights)
        draft = Draft.start(table, plans[new])
        show_bars(plans[new], draft.figures, state.tolerance)
    moved = np.isin(ground.city.grids.ids.astype(str), found.grid_table["grid"].astype(str))
    marked = np.flatnonzero(moved)
    scenes = {}
    for side, name in (("old", old), ("new", new)):
        load = ground.loads(plans[name], state.weights)
        themes = [ground.beats(plans[name]), *([load] if load else [])]
        if side == "new" and len(marked):
            themes.append(moved_theme(plans[name], moved))
        scenes[side] = ground.scene(
            tuple(themes),
            columns=("residents", "incidents"),
            plan=plans[name],
            # More outlines than these hide the beats; the theme of moved grids shows all.
            marked=tuple(marked.tolist()) if side == "new" and len(marked) <= _MARKED else (),
        )
    _show_maps(ground, scenes, (old, new))
    told, table_side = st.columns(2, gap="medium")
    with told:
        st.header(tr("page.compare.changes"), anchor=False)
        show_lines(found.sentences())
    with table_side:
        _show_beats(found)


def _show_maps(ground: PageGround, scenes: dict[str, Scene], names: tuple[str, str]) -> None:
    """Draw two plans side by side, or one over the other with a divider to drag."""
    view = st.segmented_control(
        tr("page.compare.view"),
        _VIEWS,
        format_func=lambda name: tr(f"page.compare.view_{name}"),
        label_visibility="collapsed",
        required=True,
        key=choice_key(ground.session, "compare-view", _VIEWS[0], _VIEWS),
    )
    before, after = scenes["old"], scenes["new"]
    if view == "swipe" and before.units is not None:
        swipe = Swipe(before.themes, before.units, *names)
        # Today's borders would be read as the borders of both.
        overlays = tuple(one for one in after.overlays if one.key != "outline-beat")
        scene = replace(after, overlays=overlays, swipe=swipe)
        show_map(scene, key="map-compare-swipe", height=680)
        return
    for (side, scene), place in zip(scenes.items(), st.columns(2, gap="medium"), strict=True):
        with place:
            show_map(scene, key=f"map-compare-{side}", height=520, link="compare")


def _show_beats(found: Comparison) -> None:
    """Draw one line per beat; a column that tells nothing of this city is left out."""
    frame = found.table()
    frame["kept_share"] *= 100
    counts = [
        f"{name}_{when}"
        for name in ("residents", "incidents")
        for when in ("before", "after")
        if (frame[[f"{name}_before", f"{name}_after"]] > 0).to_numpy().any()
    ]
    kept = "kept_share" if "residents_before" in counts else "kept_grids"
    staff = ["keeps_officers"] if found.officers else []
    st.dataframe(
        frame[["name", *counts, "kept_share", *staff]],
        hide_index=True,
        width="stretch",
        height=min(38 + 35 * max(len(frame), 1), 640),
        column_config={
            name: tr(f"page.compare.{name}") for name in ("name", "keeps_officers")
        }
        | {
            name: st.column_config.NumberColumn(tr(f"page.compare.{name}"), format="localized")
            for name in ("residents_before", "residents_after", "incidents_before",
                         "incidents_after")
        }
        | {
            "kept_share": st.column_config.ProgressColumn(
                tr(f"page.compare.{kept}"), format="%.0f%%", min_value=0, max_value=100
            )
        },
    )  # fmt: skip


def _in_hand(ground: PageGround, state: Redraw, names: list[str]) -> str:
    """Return the plan that is being edited, looked at or was saved last; the last one if none."""
    asked = [
        state.sitting.history.current.plan.name if state.sitting else "",
        state.found.plans[state.looked_at].name if state.found else "",
        ground.session.plan,
    ]
    return next((name for name in asked if name in names), names[-1])


_STEPS = {
    "propose": show_propose,
    "compare": show_compare,
    "edit": show_edit,
    "versions": show_versions,
}
_KEY = "gridmap-step"
_EDITING = {"propose", "edit"}


def show() -> None:
    """Draw the page."""
    ground = replace(read_ground(), all_days=True)
    if not ground.city.has(Kind.GRID):
        show_empty("no_grids")
        return
    state = redraw_of(ground)
    edits = ground.session.may(Action.EDIT)
    steps = [name for name in _STEPS if edits or name not in _EDITING]
    if state.step not in steps:
        state.step = steps[0]
    # One widget through all steps: what a button elsewhere asked for is put in before it.
    if state.goes or st.session_state.get(_KEY) not in steps:
        st.session_state[_KEY], state.goes = state.step, False
    state.step = (
        st.segmented_control(
            tr("page.redraw.step"),
            steps,
            format_func=lambda name: tr(f"page.redraw.{name}"),
            label_visibility="collapsed",
            required=True,
            key=_KEY,
        )
        or steps[0]
    )
    if ground.days is not None:
        st.caption(days_line(ground))
    _STEPS[state.step](ground, state)


def days_line(ground: PageGround) -> str:
    """Return which days the page counts: all, whatever period is chosen on another page."""
    line = tr("page.redraw.days", days=day_range(None, None, ground.city))
    since, until = ground.session.since, ground.session.until
    if since is None and until is None:
        return line
    return line + tr("page.redraw.not_period", days=day_range(since, until, ground.city))
