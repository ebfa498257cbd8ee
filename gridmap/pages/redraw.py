"""划分: propose plans, set them side by side, edit by hand, keep and share them."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from gridmap.errors import GridmapError
from gridmap.i18n import tr
from gridmap.maps import Scene, Swipe
from gridmap.maps.layers_of_city import moved_theme
from gridmap.model import Kind
from gridmap.pages.cache import ground_of_plans
from gridmap.pages.ground import PageGround, read_ground
from gridmap.pages.layout import local_time, pick_row, show_empty, show_error, show_lines
from gridmap.pages.redraw_edit import show_edit, start_editing
from gridmap.pages.redraw_propose import show_propose
from gridmap.pages.redraw_state import (
    Redraw,
    redraw_of,
    saved_plan,
    saved_versions,
    show_bars,
    show_change,
    stored_plans,
)
from gridmap.pages.session import choice_key, safe_name
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
    st.header(tr("page.versions.chosen", name=version.name, number=version.number))
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


# -- 划分: propose plans, set them side by side, edit by hand, keep and share them


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
    ground = read_ground()
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
    _STEPS[state.step](ground, state)
