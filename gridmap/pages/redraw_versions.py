"""Versions: the plans that are kept, every version with who saved it; in and out as files."""

from __future__ import annotations

import tempfile
from pathlib import Path, PurePath

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from gridmap.errors import GridmapError
from gridmap.i18n import tr
from gridmap.pages.choices import choice_key
from gridmap.pages.ground import Ground
from gridmap.pages.layout import local_time, pick_row, show_empty, show_error
from gridmap.pages.redraw_edit import start_editing
from gridmap.pages.redraw_state import Redraw, saved_plan, saved_versions
from gridmap.pages.session import safe_name
from gridmap.pages.touch import show_map
from gridmap.pages.uploads import stored_name
from gridmap.plans import PLAN_FORMATS, Action, PlanVersion, account_text, read_plan, write_plan

__all__ = ["show_versions"]


def show_versions(ground: Ground, state: Redraw) -> None:
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


def _show_map(ground: Ground, version: PlanVersion) -> None:
    plan = saved_plan(ground, version)
    if plan is not None:
        scene = ground.scene((ground.beats(plan),), columns=("residents", "incidents"), plan=plan)
        show_map(scene, key="map-versions", height=520)


def _show_versions(ground: Ground, latest: tuple[PlanVersion, ...]) -> PlanVersion:
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


def _show_version(ground: Ground, state: Redraw, version: PlanVersion) -> None:
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


def _written(ground: Ground, version: PlanVersion, file: str) -> bytes:
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


def _show_import(ground: Ground) -> None:
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


def _imported(ground: Ground, dropped: UploadedFile, name: str) -> PlanVersion:
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
