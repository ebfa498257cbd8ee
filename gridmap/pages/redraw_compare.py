"""Compare: two plans side by side on linked maps, and what changes in sentences."""

from __future__ import annotations

import streamlit as st

from gridmap.i18n import tr
from gridmap.pages.cache import ground_of_plans
from gridmap.pages.choices import choice_key
from gridmap.pages.ground import Ground
from gridmap.pages.layout import show_empty, show_lines
from gridmap.pages.redraw_state import Redraw, stored_plans
from gridmap.pages.touch import show_map
from gridmap.plans import compare_plans

__all__ = ["show_compare"]


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
    table = ground_of_plans(ground.city, ground.key, state.weights)
    found = compare_plans(table, plans[old], plans[new])
    moved = set(found.grid_table["grid"])
    marked = tuple(row for row, name in enumerate(ground.city.grids.ids) if name in moved)
    for side, place, name in (("old", left, old), ("new", right, new)):
        with place:
            scene = ground.scene(
                (ground.beats(plans[name]),),
                columns=("residents", "incidents"),
                plan=plans[name],
                marked=marked if side == "new" and len(marked) <= 400 else (),
            )
            show_map(scene, key=f"map-compare-{side}", height=520, link="compare")
    st.subheader(tr("page.compare.changes"))
    show_lines(found.sentences())
    frame = found.table()
    frame["kept_share"] *= 100
    st.dataframe(
        frame[["name", "residents_before", "residents_after", "incidents_before",
               "incidents_after", "kept_share", "keeps_officers"]],
        hide_index=True,
        width="stretch",
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
                tr("page.compare.kept_share"), format="%.0f%%", min_value=0, max_value=100
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
