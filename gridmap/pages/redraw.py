"""划分: propose plans, set them side by side, edit by hand, keep and share them."""

from __future__ import annotations

import streamlit as st

from gridmap.i18n import tr
from gridmap.model import Kind
from gridmap.pages.ground import read_ground
from gridmap.pages.layout import show_empty
from gridmap.pages.redraw_compare import show_compare
from gridmap.pages.redraw_edit import show_edit
from gridmap.pages.redraw_propose import show_propose
from gridmap.pages.redraw_state import redraw_of
from gridmap.pages.redraw_versions import show_versions
from gridmap.plans import Action

__all__ = ["show"]

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
