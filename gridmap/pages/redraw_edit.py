"""Edit: pick grids on the map, move them, and see at once what it does."""

from __future__ import annotations

from dataclasses import replace

import altair as alt
import numpy as np
import pandas as pd
import streamlit as st

from gridmap.errors import GridmapError
from gridmap.i18n import tr
from gridmap.maps import Theme, beat_theme
from gridmap.pages.ground import Ground
from gridmap.pages.layout import number, show_empty, show_error
from gridmap.pages.redraw_propose import start_editing
from gridmap.pages.redraw_state import Redraw, store_of, stored_plans
from gridmap.pages.touch import MapEvent, show_map
from gridmap.plans import (
    LOCAL,
    History,
    LockBeat,
    MoveGrids,
    NewBeat,
    PlanVersion,
    suggest_moves,
)

__all__ = ["show_edit"]

_SHOWN_BARS = 14


def show_edit(ground: Ground, state: Redraw) -> None:
    """Draw the step."""
    if state.history is None:
        _show_start(ground, state)
        return
    map_side, side = st.columns([7, 4], gap="medium")
    marked = ground.session.marked.get("edit", ())
    with map_side:
        event = _show_map(ground, state.history, marked)
    paint = st.session_state.get("gridmap-paint", False)
    target = st.session_state.get("gridmap-target")
    if event is not None:
        _take(ground, state, event, str(target) if paint and target else "")
    with side:
        _show_moves(ground, state, state.history, marked)
        _show_bars(state.history)
        _show_suggestions(state, state.history)
        _show_save(ground, state, state.history)


def _show_start(ground: Ground, state: Redraw) -> None:
    plans = stored_plans(ground)
    if not plans:
        show_empty("no_plans")
        return
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    name = left.selectbox(tr("page.edit.which"), list(plans))
    if right.button(tr("page.edit.begin"), type="primary", width="stretch"):
        copy = plans[name]
        if ground.plan is not None and copy.name == ground.plan.name:
            copy = copy.renamed(tr("page.edit.copy", name=copy.name))
        start_editing(ground, state, copy)
        st.rerun()


def _show_map(ground: Ground, history: History, marked: tuple[int, ...]) -> MapEvent | None:
    draft = history.current
    scene = ground.scene(
        (_plan_theme(ground, history),),
        columns=("residents", "incidents"),
        plan=draft.plan,
        marked=marked,
    )
    return show_map(
        replace(scene, overlays=tuple(o for o in scene.overlays if o.key != "outline-beat")),
        key="map-edit",
        height=700,
        tools=("click", "rectangle", "lasso"),
    )


def _plan_theme(ground: Ground, history: History) -> Theme:
    return beat_theme(ground.city, history.current.plan)


def _take(ground: Ground, state: Redraw, event: MapEvent, paint: str) -> None:
    """Mark what was picked, or in painting move it at once."""
    marked = ground.session.marked
    if paint:
        _carry_out(state, MoveGrids(_ids(ground, event.grids), paint))
        marked["edit"] = ()
    else:
        before = set(marked.get("edit", ())) if event.more else set()
        picked = set(event.grids)
        marked["edit"] = tuple(
            sorted(before ^ picked if event.event == "click" else before | picked)
        )
    st.rerun()


def _ids(ground: Ground, rows: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(str(name) for name in ground.city.grids.ids[list(rows)])


def _carry_out(state: Redraw, command: object) -> None:
    """Carry a command out; what speaks against it is kept for the panel to say."""
    if state.history is None:
        return
    try:
        state.history = state.history.apply(command)  # type: ignore[arg-type] # a Command
    except GridmapError as error:
        st.session_state["gridmap-refused"] = error


def _show_moves(ground: Ground, state: Redraw, history: History, marked: tuple[int, ...]) -> None:
    refused = st.session_state.pop("gridmap-refused", None)
    if isinstance(refused, GridmapError):
        show_error(refused)
    draft = history.current
    labels = {beat.id: beat.label for beat in draft.plan.beats}
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    target = left.selectbox(
        tr("page.edit.target"),
        list(labels),
        format_func=lambda beat: labels.get(beat, beat),
        key="gridmap-target",
    )
    right.toggle(tr("page.edit.paint"), key="gridmap-paint", help=tr("page.edit.paint_help"))
    grids = _ids(ground, marked)
    st.caption(tr("page.edit.marked", count=len(grids)) if grids else tr("page.edit.pick"))
    command = MoveGrids(grids, str(target)) if grids else None
    veto = None
    if command is not None:
        try:
            effect = history.preview(command)
        except GridmapError as error:
            st.caption(error.text())
            command = None
        else:
            veto = effect.veto
            for line in effect.sentences():
                st.markdown(f"- {line}")
    insist = bool(veto is not None and veto.can_insist and st.checkbox(tr("page.edit.insist")))
    move, new, undo, redo = st.columns(4)
    blocked = command is None or (veto is not None and not insist)
    if move.button(tr("page.edit.move"), type="primary", disabled=blocked, width="stretch"):
        _carry_out(state, MoveGrids(grids, str(target), insist=insist))
        ground.session.marked["edit"] = ()
        st.rerun()
    if new.button(tr("page.edit.new"), disabled=not grids, width="stretch"):
        name = _free_id(set(labels))
        _carry_out(
            state, NewBeat(name, tr("page.edit.new_name", number=name), grids, insist=insist)
        )
        ground.session.marked["edit"] = ()
        st.rerun()
    if undo.button(tr("page.edit.undo"), disabled=not history.commands, width="stretch"):
        state.history = history.undo()
        st.rerun()
    if redo.button(tr("page.edit.redo"), disabled=not history.undone, width="stretch"):
        state.history = history.redo()
        st.rerun()
    locked = str(target) in draft.locks.beats
    if st.checkbox(tr("page.edit.lock"), value=locked, key=f"gridmap-lock-{target}") != locked:
        _carry_out(state, LockBeat(str(target), locked=not locked))
        st.rerun()


def _free_id(taken: set[str]) -> str:
    number_ = 1
    while f"N{number_}" in taken:
        number_ += 1
    return f"N{number_}"


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
            y=alt.Y("beat", title=None, sort=None, axis=alt.Axis(labelOverlap=False)),
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


def _show_suggestions(state: Redraw, history: History) -> None:
    with st.expander(tr("page.edit.suggestions"), expanded=False):
        found = suggest_moves(history.current, count=5)
        if not found:
            st.caption(tr("page.edit.no_suggestions"))
        for at, effect in enumerate(found):
            left, right = st.columns([4, 1], vertical_alignment="center")
            left.markdown(
                tr(
                    "page.edit.suggestion",
                    grids="、".join(effect.grids[:4]) + ("…" if len(effect.grids) > 4 else ""),
                    beat=_label(history, getattr(effect.command, "to", "")),
                    before=f"{effect.max_deviation_before:.1%}",
                    after=f"{effect.max_deviation_after:.1%}",
                    residents=number(effect.residents),
                )
            )
            if right.button(tr("page.edit.take"), key=f"gridmap-suggestion-{at}"):
                _carry_out(state, effect.command)
                st.rerun()


def _label(history: History, beat: str) -> str:
    plan = history.current.plan
    return plan.beats[plan.row_of(beat)].label if beat else ""


def _show_save(ground: Ground, state: Redraw, history: History) -> None:
    with st.form("gridmap-save", border=True):
        name = st.text_input(tr("page.edit.name"), history.current.plan.name)
        note = st.text_input(tr("page.edit.note"))
        pressed = st.form_submit_button(
            tr("page.edit.save", count=len(history.commands)), width="stretch"
        )
    if pressed:
        version = _save(ground, state, history, name.strip(), note)
        st.success(tr("page.edit.saved", name=version.name, number=version.number))
    if st.button(tr("page.edit.leave"), width="stretch"):
        state.history, state.base = None, None
        st.rerun()


def _save(ground: Ground, state: Redraw, history: History, name: str, note: str) -> PlanVersion:
    draft = history.current
    known = state.base[1] if state.base is not None and state.base[0] == name else None
    with store_of(ground) as store:
        version = store.save(
            draft.plan.renamed(name),
            author=LOCAL,
            base_version=known,
            commands=history.commands,
            note=note,
            locks=draft.locks,
            faults=draft.faults,
            grids=ground.city.grids,
        )
    state.base = (version.name, version.number)
    ground.session.plan = version.name
    return version
