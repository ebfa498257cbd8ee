"""划分: propose plans, set them side by side, edit by hand."""

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

__all__ = ["show"]

_STEPS = {"propose": show_propose, "compare": show_compare, "edit": show_edit}


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    if not ground.city.has(Kind.GRID):
        show_empty("no_grids")
        return
    state = redraw_of(ground)
    chosen = st.segmented_control(
        tr("page.redraw.step"),
        list(_STEPS),
        default=state.step,
        format_func=lambda name: tr(f"page.redraw.{name}"),
        label_visibility="collapsed",
        required=True,
    )
    if chosen and chosen != state.step:
        state.step = chosen
        st.rerun()
    _STEPS[state.step](ground, state)
