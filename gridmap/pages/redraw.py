"""划分: propose plans, set them side by side, edit by hand, keep and share them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from gridmap.i18n import tr
from gridmap.maps import Scene, Swipe
from gridmap.maps.layers_of_city import moved_theme
from gridmap.model import Kind
from gridmap.pages.cache import ground_of_plans
from gridmap.pages.choices import choice_key
from gridmap.pages.ground import Ground, read_ground
from gridmap.pages.layout import show_empty, show_lines
from gridmap.pages.redraw_edit import show_edit
from gridmap.pages.redraw_figures import show_bars, show_change
from gridmap.pages.redraw_propose import show_propose
from gridmap.pages.redraw_state import Redraw, redraw_of, stored_plans
from gridmap.pages.redraw_versions import show_versions
from gridmap.pages.touch import show_map
from gridmap.plans import Action, Comparison, Draft

__all__ = ["show", "show_compare"]


_MARKED = 60
_VIEWS = ("beside", "swipe")


def show_compare(ground: Ground, state: Redraw) -> None:
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


def _show_maps(ground: Ground, scenes: dict[str, Scene], names: tuple[str, str]) -> None:
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
    """Draw one line a beat; a column that tells nothing of this city is left out."""
    frame = found.table()
    frame["kept_share"] *= 100
    counts = [
        f"{name}_{when}"
        for name in ("residents", "incidents")
        for when in ("before", "after")
        if frame[[f"{name}_before", f"{name}_after"]].to_numpy().any()
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


def _in_hand(ground: Ground, state: Redraw, names: list[str]) -> str:
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
