"""Edit: pick grids on the map, move them, and see at once what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from gridmap.errors import GridmapError
from gridmap.i18n import tr
from gridmap.model import Plan
from gridmap.pages.cache import ground_of_plans
from gridmap.pages.choices import choice_key
from gridmap.pages.ground import Ground
from gridmap.pages.layout import axis_room, escaped, number, show_empty, show_error
from gridmap.pages.redraw_commands import aim_beside, grid_names, painted_beat, show_commands
from gridmap.pages.redraw_save import show_save
from gridmap.pages.redraw_state import (
    Redraw,
    Sitting,
    saved_plan,
    saved_versions,
    stored_plans,
)
from gridmap.pages.touch import MapEvent, show_map, touched
from gridmap.plans import (
    Command,
    Draft,
    Effect,
    History,
    MoveGrids,
    PlanVersion,
    suggest_moves,
)

__all__ = ["show_edit", "start_editing"]

_MAP = "map-edit"
_SHOWN_BARS = 8


def show_edit(ground: Ground, state: Redraw) -> None:
    """Draw the step."""
    sitting = state.sitting
    if sitting is None:
        _show_start(ground, state)
        return
    # The role of this moment, not of the moment when the editing began.
    sitting.history = replace(sitting.history, actor=ground.session.someone())
    event = touched(_MAP)
    if event is not None:
        _take(ground, sitting, event, painted_beat(ground.session))
    map_side, side = st.columns([7, 4], gap="medium")
    marked = ground.session.marked.get("edit", ())
    with map_side:
        _show_map(ground, sitting.history, marked)
    with side:
        refused = ground.session.work.pop("refused", None)
        if isinstance(refused, GridmapError):
            show_error(refused)
        st.caption(_what(sitting))
        show_commands(
            ground,
            sitting,
            _ids(ground, marked),
            lambda *commands: _do(ground, sitting, *commands),
        )
        _show_steps(sitting)
        _show_bars(sitting.history)
        _show_suggestions(ground, sitting)
        show_save(ground, state, sitting)


def start_editing(
    ground: Ground, state: Redraw, plan: Plan, version: PlanVersion | None = None
) -> None:
    """Put a plan on the table to be edited.

    Parameters
    ----------
    ground, state
        The city, and what the reader is in the middle of.
    plan
        The plan.
    version
        The version that it is in the store, or None.
    """
    table = ground_of_plans(ground.city, ground.key, state.weights)
    place = None if version is None else (version.name, version.number)
    draft = Draft.start(table, plan, locks=None if version is None else version.locks)
    history = History(draft, ground.session.someone())
    state.sitting = Sitting(plan, history, base=place, origin=place)
    state.step, state.goes = "edit", True
    ground.session.marked["edit"] = ()


def _show_start(ground: Ground, state: Redraw) -> None:
    plans = stored_plans(ground)
    if not plans:
        show_empty("no_plans")
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    key = choice_key(ground.session, "edit-which", next(iter(plans)), plans)
    name = left.selectbox(tr("page.edit.which"), list(plans), key=key)
    if right.button(tr("page.edit.begin"), type="primary", width="stretch"):
        copy, version = plans[name], None
        if ground.plan is not None and copy.name == ground.plan.name:
            copy = copy.renamed(tr("page.edit.copy", name=copy.name))
        else:
            version = next((one for one in saved_versions(ground) if one.name == name), None)
            copy = (saved_plan(ground, version) if version else None) or copy
        start_editing(ground, state, copy, version)
        st.rerun()


def _what(sitting: Sitting) -> str:
    """Return which plan is being edited, and from where."""
    name = sitting.history.current.plan.name
    if sitting.base is None:
        return tr("page.edit.now_new", name=name)
    return tr("page.edit.now", name=name, number=sitting.base[1])


def _show_map(ground: Ground, history: History, marked: tuple[int, ...]) -> None:
    plan = history.current.plan
    scene = ground.scene(
        (ground.beats(plan),),
        columns=("residents", "incidents"),
        plan=plan,
        marked=marked,
    )
    show_map(
        replace(scene, overlays=tuple(o for o in scene.overlays if o.key != "outline-beat")),
        key=_MAP,
        height=700,
        tools=("click", "rectangle", "lasso"),
    )


def _take(ground: Ground, sitting: Sitting, event: MapEvent, paint: str) -> None:
    """Mark what was picked, or in painting move it at once."""
    if paint:
        _carry_out(ground, sitting, MoveGrids(_ids(ground, event.grids), paint))
        return
    marked = ground.session.marked
    before = set(marked.get("edit", ())) if event.more else set()
    picked = set(event.grids)
    marked["edit"] = tuple(sorted(before ^ picked if event.event == "click" else before | picked))
    aim_beside(ground, sitting, marked["edit"])


def _ids(ground: Ground, rows: tuple[int, ...]) -> tuple[str, ...]:
    ids = ground.city.grids.ids
    return tuple(str(ids[row]) for row in rows if 0 <= row < len(ids))


def _do(ground: Ground, sitting: Sitting, *commands: Command) -> None:
    """Carry commands out, and draw anew."""
    _carry_out(ground, sitting, *commands)
    st.rerun()


def _carry_out(ground: Ground, sitting: Sitting, *commands: Command) -> None:
    """Carry commands out; what speaks against them is kept for the panel."""
    try:
        sitting.apply(*commands)
    except GridmapError as error:
        ground.session.work["refused"] = error
    ground.session.marked["edit"] = ()


def _show_steps(sitting: Sitting) -> None:
    undo, redo = st.columns(2)
    if undo.button(tr("page.edit.undo"), disabled=not sitting.history.commands, width="stretch"):
        sitting.history = sitting.history.undo()
        st.rerun()
    if redo.button(tr("page.edit.redo"), disabled=not sitting.history.undone, width="stretch"):
        sitting.history = sitting.history.redo()
        st.rerun()


def _show_bars(history: History) -> None:
    draft = history.current
    off = draft.figures.deviation * 100
    order = np.argsort(-np.abs(off), kind="stable")[:_SHOWN_BARS]
    frame = pd.DataFrame(
        {
            "beat": [draft.plan.beats[row].label for row in order],
            "off": off[order],
            "over": off[order] > 0,
        }
    )
    st.subheader(
        tr("page.edit.bars", worst=f"{draft.figures.max_deviation:.1%}", count=len(draft.faults))
    )
    chart = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("off", title=tr("page.edit.off")),
            y=alt.Y(
                "beat",
                title=None,
                sort=None,
                axis=alt.Axis(labelOverlap=False, minExtent=axis_room(frame["beat"])),
            ),
            color=alt.Color(
                "over",
                legend=None,
                scale=alt.Scale(domain=[True, False], range=["#d97706", "#1f4e79"]),
            ),
            tooltip=[
                alt.Tooltip("beat", title=tr("maps.column.beat")),
                alt.Tooltip("off", title=tr("page.edit.off"), format="+.1f"),
            ],
        )
        .properties(height=22 * len(frame) + 70)
    )
    st.altair_chart(chart, width="stretch")
    for fault in draft.faults:
        st.warning(fault.text())


def _show_suggestions(ground: Ground, sitting: Sitting) -> None:
    place = st.expander(tr("page.edit.suggestions"), on_change="rerun")
    if not place.open:
        return  # looking for them takes a while
    with place:
        with st.spinner(tr("page.edit.suggesting")):
            found = suggest_moves(sitting.history.current, count=5)
        if not found:
            st.caption(tr("page.edit.no_suggestions"))
        names = grid_names(ground)
        for at, effect in enumerate(found):
            left, right = st.columns([4, 1], vertical_alignment="center")
            left.markdown(_suggestion(sitting.history, effect, names))
            if right.button(tr("page.edit.take"), key=f"gridmap-suggestion-{at}"):
                _do(ground, sitting, effect.command)


def _suggestion(history: History, effect: Effect, names: Mapping[str, str]) -> str:
    plan, to = history.current.plan, str(getattr(effect.command, "to", ""))
    return tr(
        "page.edit.suggestion",
        grids=escaped(tr("page.join.names").join(names[grid] for grid in effect.grids[:4]))
        + ("…" if len(effect.grids) > 4 else ""),
        beat=escaped(plan.beats[plan.row_of(to)].label) if to else "",
        before=f"{effect.max_deviation_before:.1%}",
        after=f"{effect.max_deviation_after:.1%}",
        residents=number(effect.residents),
    )
