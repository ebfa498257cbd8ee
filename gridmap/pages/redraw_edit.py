"""Edit: pick grids on the map, move them, and see at once what it does."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from gridmap.api.propose import ProposeOptions
from gridmap.errors import ConflictError, GridmapError
from gridmap.i18n import tr
from gridmap.maps import Paint, load_theme, unit_theme
from gridmap.maps.layers_of_city import LOAD_BREAKS
from gridmap.model import Plan
from gridmap.pages.cache import ground_of_plans
from gridmap.pages.ground import PageGround
from gridmap.pages.layout import escaped, number, show_empty, show_error
from gridmap.pages.redraw_commands import (
    aim_beside,
    grid_names,
    named_effect,
    painted_beat,
    show_commands,
)
from gridmap.pages.redraw_state import (
    Redraw,
    Sitting,
    redraw_of,
    saved_plan,
    saved_versions,
    show_bars,
    show_change,
    stored_plans,
)
from gridmap.pages.session import choice_key, choose, chosen
from gridmap.pages.touch import MapEvent, show_map, touched
from gridmap.plans import (
    Action,
    Command,
    Draft,
    Effect,
    History,
    MoveGrids,
    PlanDifference,
    PlanVersion,
    carry_over,
    suggest_moves,
)

_SHOWN = 5


def show_save(ground: PageGround, state: Redraw, sitting: Sitting) -> None:
    """Draw the form, and what came of it."""
    if sitting.conflict is not None:
        _show_conflict(ground, state, sitting, sitting.conflict)
    for line in ground.session.work.pop("carried", []):
        st.info(line)
    history = sitting.history
    with st.form("gridmap-save", border=True):
        now = history.current.plan.name
        name = st.text_input(tr("page.edit.name"), now, key=f"gridmap-save-name-{now}")
        note = st.text_input(tr("page.edit.note"), key="gridmap-save-note")
        pressed = st.form_submit_button(
            tr("page.edit.save", count=len(history.commands)),
            width="stretch",
            key="gridmap-save-now",
        )
    if pressed:
        _press(ground, sitting, name.strip(), note)
    elif sitting.is_saved and sitting.base is not None:
        st.caption(tr("page.edit.saved", name=sitting.base[0], number=sitting.base[1]))
    if st.button(tr("page.edit.leave"), width="stretch"):
        state.sitting = None
        st.rerun()


def _press(ground: PageGround, sitting: Sitting, name: str, note: str) -> None:
    if sitting.is_saved and sitting.base is not None and sitting.base[0] == name:
        st.info(tr("page.edit.nothing_new", name=name, number=sitting.base[1]))
        return
    try:
        version = save_sitting(ground, sitting, name, note)
    except ConflictError as error:
        sitting.conflict = error
        st.rerun()
    st.success(tr("page.edit.saved", name=version.name, number=version.number))


def save_sitting(ground: PageGround, sitting: Sitting, name: str, note: str) -> PlanVersion:
    """Save a plan that is being edited; its commands lead to it from a version that is there.

    Raises
    ------
    ConflictError
        If somebody else has saved in between, or the name is taken; nothing is written.
    PermissionDeniedError
        If the reader's role does not allow it.
    """
    author = ground.session.someone()
    history = sitting.history
    draft = history.current
    upon = sitting.base[1] if sitting.base is not None and sitting.base[0] == name else 0
    with ground.session.store() as store:
        if sitting.origin is None and history.commands:
            first = store.save(
                sitting.start.renamed(name),
                author=author,
                base_version=upon,
                note=tr("page.edit.start_note", name=sitting.start.name),
                grids=ground.city.grids,
            )
            upon = first.number
            sitting.base = sitting.origin = (name, first.number)
        version = store.save(
            draft.plan.renamed(name),
            author=author,
            base_version=upon,
            commands=history.commands,
            note=note,
            locks=draft.locks,
            faults=draft.faults,
            grids=ground.city.grids,
            origin=sitting.origin,
        )
    sitting.base = (version.name, version.number)
    sitting.origin = sitting.origin or sitting.base
    sitting.saved, sitting.conflict = history.commands, None
    sitting.history = replace(
        history, current=replace(draft, plan=draft.plan.renamed(version.name))
    )
    ground.session.plan = version.name
    return version


def _show_conflict(
    ground: PageGround, state: Redraw, sitting: Sitting, conflict: ConflictError
) -> None:
    told = conflict.values
    if "their_change" not in told:
        st.error(conflict.text(), icon=":material/error:")
        return
    with st.container(border=True):
        st.warning(
            tr(
                "page.edit.conflict",
                author=told["author"],
                name=told["plan"],
                number=told["latest"],
                base=told["base"],
            ),
            icon=":material/group:",
        )
        labels = {beat.id: beat.label for beat in sitting.history.current.plan.beats}
        for place, side in zip(st.columns(2), ("their", "your"), strict=True):
            change = told[f"{side}_change"]
            text = change.text(labels=labels) if isinstance(change, PlanDifference) else ""
            place.markdown(f"**{tr(f'page.edit.{side}_change')}**\n\n{text}")
        st.caption(tr("page.edit.both", count=told["both"]))
        if st.button(tr("page.edit.carry"), type="primary", width="stretch"):
            _carry(ground, state, sitting, conflict)
            st.rerun()
        st.caption(tr("page.edit.carry_note"))


def _carry(ground: PageGround, state: Redraw, sitting: Sitting, conflict: ConflictError) -> None:
    """Open what the other one saved, and carry out there what was not saved here yet."""
    name = str(conflict.values["plan"])
    with ground.session.store() as store:
        version = store.version(name)
        theirs = store.load(name, version.number, grids=ground.city.grids)
    table = ground_of_plans(ground.city, ground.key, state.weights)
    mine = sitting.history.commands
    stands = sum(1 for one, other in zip(mine, sitting.saved, strict=False) if one == other)
    opened = History(Draft.start(table, theirs, locks=version.locks), ground.session.someone())
    history, refused = carry_over(opened, mine[stands:])
    place = (name, version.number)
    state.sitting = Sitting(theirs, history, base=place, origin=place)
    lines = [tr("page.edit.carried", count=len(history.commands), number=version.number)]
    lines += [error.text() for _, error in refused[:_SHOWN]]
    if len(sitting.saved) > stands:
        lines.append(tr("page.edit.taken_back", count=len(sitting.saved) - stands))
    ground.session.work["carried"] = lines


_MAP, _STEP = "map-edit", "gridmap-step-of-edit"
_LISTED, _FEW, _LIST_PX = 50, 6, 220  # steps listed; beyond a few the list scrolls
_BEATS = ("to", "into", "beat")  # where a command names the beat that it is about
_LED_TO = "edit-beat-led-to"  # the beat that another page has led to, until the map is touched


def show_edit(ground: PageGround, state: Redraw) -> None:
    """Draw the step."""
    sitting = state.sitting
    if sitting is None:
        _show_start(ground, state)
        return
    # The role of this moment, not of the moment when the editing began.
    sitting.history = replace(sitting.history, actor=ground.session.someone())
    table = ground_of_plans(ground.city, ground.key, state.weights)
    if sitting.history.current.ground is not table:  # a search has weighed the criteria anew
        sitting.history = sitting.history.measured_on(table)
    event = touched(_MAP)
    if event is not None:
        ground.session.work.pop(_LED_TO, None)
        _take(ground, state, sitting, event)
    map_side, side = st.columns([7, 4], gap="medium")
    marked = ground.session.marked.get("edit", ())
    with map_side:
        _show_map(ground, state, sitting.history, marked)
        show_bars(sitting.history.current.plan, sitting.history.current.figures, state.tolerance)
        faults = [escaped(fault.text()) for fault in sitting.history.current.faults]
        if faults:
            st.warning("  \n".join(faults))
    with side:
        _show_refusals(ground, sitting)
        st.caption(_what(sitting))
        names = (tr("page.change.before"), tr("page.change.after"))
        plan = sitting.history.current.plan
        show_change(ground, sitting.start, plan, state.weights, names=names)
        show_commands(
            ground,
            sitting,
            _ids(ground, marked),
            lambda *commands: _do(ground, sitting, *commands),
            tolerance=state.tolerance,
        )
        _show_steps(ground, sitting)
        _show_suggestions(ground, sitting)
        _offer_search(ground, state, sitting)
        show_save(ground, state, sitting)


def start_editing(
    ground: PageGround, state: Redraw, plan: Plan, version: PlanVersion | None = None
) -> None:
    """Begin to edit a plan.

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
    ground.session.work.pop("refused", None)


def edit_beat(ground: PageGround, beat: str) -> None:
    """Lead to a beat on the step Edit: of the plan in hand, else of today's beats."""
    state, session, today = redraw_of(ground), ground.session, ground.plan
    if today is None or not session.may(Action.EDIT):
        return
    if state.sitting is None:
        start_editing(ground, state, _copied(today))
    state.step, state.goes = "edit", True
    choose(session, "edit-beat", beat)
    session.work[_LED_TO] = beat


def _copied(today: Plan) -> Plan:
    return today.renamed(tr("page.edit.copy", name=today.name))


def _show_start(ground: PageGround, state: Redraw) -> None:
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
            copy = _copied(copy)
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


def _show_map(
    ground: PageGround, state: Redraw, history: History, marked: tuple[int, ...]
) -> None:
    draft = history.current
    plan, off = draft.plan, draft.figures.deviation
    known = draft.figures.workload.sum() > 0
    theme = load_theme(off, held=draft.figures.grids > 0)
    load = unit_theme(theme, plan.assignment) if known else None
    scene = ground.scene(
        (*([load] if load else []), ground.beats(plan)),
        columns=("residents", "incidents"),
        plan=plan,
        marked=marked,
    )
    beat = painted_beat(ground.session)
    paint = Paint(
        plan.row_of(beat) if beat in plan.beat_ids else -1,
        draft.ground.workload,
        "load",
        LOAD_BREAKS,
        state.tolerance,
        state.seen,
    )
    notes = [f"{100 * one:+.0f}%" for one in off] if known else []
    led_to = str(ground.session.work.get(_LED_TO, ""))
    row = plan.row_of(led_to) if led_to in plan.beat_ids else -1
    units = None if scene.units is None else replace(scene.units, notes=notes, chosen=row)
    overlays = tuple(one for one in scene.overlays if one.key != "outline-beat")
    show_map(
        replace(scene, overlays=overlays, units=units, paint=paint, locked=locked_rows(draft)),
        key=_MAP,
        height=700,
        tools=("click", "rectangle", "lasso"),
    )


def locked_rows(draft: Draft) -> tuple[int, ...]:
    """Return the rows of the grids that a lock holds, on the grid or on its beat."""
    plan, locks = draft.plan, draft.locks
    held = np.isin(plan.labels, list(locks.beats)) | np.isin(plan.grid_ids, list(locks.grids))
    return tuple(np.flatnonzero(held).tolist())


def _take(ground: PageGround, state: Redraw, sitting: Sitting, event: MapEvent) -> None:
    """Mark what was picked, or in painting move it at once."""
    beats = sitting.history.current.plan.beat_ids
    if event.event == "paint":
        for stamp, rows, to in event.strokes:
            if stamp > state.seen and 0 <= to < len(beats):
                state.seen = stamp
                _paint(ground, sitting, rows, str(beats[to]))
        return
    if event.event in {"brush", "unit"}:
        if 0 <= event.grids[0] < len(beats):
            choose(ground.session, "edit-beat", str(beats[event.grids[0]]))
        return
    marked = ground.session.marked
    before = set(marked.get("edit", ())) if event.more else set()
    picked = set(event.grids)
    marked["edit"] = tuple(sorted(before ^ picked if event.event == "click" else before | picked))
    aim_beside(ground, sitting, marked["edit"])


def _paint(ground: PageGround, sitting: Sitting, rows: tuple[int, ...], beat: str) -> None:
    """Move those of the grids that are another beat's."""
    plan = sitting.history.current.plan
    others = tuple(row for row in rows if plan.labels[row] != beat)
    if others:
        _carry_out(ground, sitting, MoveGrids(_ids(ground, others), beat))


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was not done: why, by names, and what may be done instead.

    Parameters
    ----------
    error
        What speaks against it.
    move
        The move that may be insisted on, or None.
    cut_off
        Ids of the grids that it would cut off.
    """

    error: GridmapError
    move: MoveGrids | None = None
    cut_off: tuple[str, ...] = ()


def refusal_of(
    ground: PageGround, sitting: Sitting, error: GridmapError, commands: tuple[Command, ...]
) -> Refusal:
    """Return the refusal of commands, with beats and grids by name."""
    effect = None
    if len(commands) == 1:
        with suppress(GridmapError):
            effect = sitting.history.preview(commands[0])
    if effect is None or effect.veto is None:
        return Refusal(error)
    named = named_effect(ground, sitting, effect).veto
    told = error if named is None else named.error()
    move = commands[0] if effect.veto.can_insist else None
    return Refusal(told, move if isinstance(move, MoveGrids) else None, effect.veto.grids)


def _show_refusals(ground: PageGround, sitting: Sitting) -> None:
    """Say what was not done and why, and what else may be done: all that nobody has answered."""
    work = ground.session.work
    refused: list[Refusal] = work.pop("refused", [])
    work["refused"] = [one for one in refused if one.move is not None]
    for at, one in enumerate(refused):
        show_error(one.error)
        if one.move is None:
            continue
        along, anyway, leave = st.columns(3)
        wider = MoveGrids(tuple(dict.fromkeys((*one.move.grids, *one.cut_off))), one.move.to)
        choices = (
            (along, "along", wider),
            (anyway, "anyway", replace(one.move, insist=True)),
            (leave, "give_up", None),
        )
        for place, name, instead in choices:
            label = tr(f"page.edit.{name}", count=len(one.cut_off))
            if place.button(label, width="stretch", key=f"gridmap-{name}-{at}"):
                work["refused"].remove(one)
                ground.session.marked["edit"] = ()
                _do(ground, sitting, *([] if instead is None else [instead]))


def _ids(ground: PageGround, rows: tuple[int, ...]) -> tuple[str, ...]:
    ids = ground.city.grids.ids
    return tuple(str(ids[row]) for row in rows if 0 <= row < len(ids))


def _do(ground: PageGround, sitting: Sitting, *commands: Command) -> None:
    """Carry commands out, and redraw."""
    _carry_out(ground, sitting, *commands)
    st.rerun()


def _carry_out(ground: PageGround, sitting: Sitting, *commands: Command) -> None:
    """Carry commands out; what speaks against them is kept for the panel, its grids marked."""
    refused: list[Refusal] = ground.session.work.setdefault("refused", [])
    try:
        sitting.apply(*commands)
    except GridmapError as error:
        refused.append(refusal_of(ground, sitting, error, commands))
        del refused[:-_SHOWN]
    lost = {grid for one in refused for grid in one.cut_off}
    rows = sitting.history.current.ground.rows_of(tuple(sorted(lost)))
    ground.session.marked["edit"] = tuple(map(int, rows))


def _show_steps(ground: PageGround, sitting: Sitting) -> None:
    """Draw what goes back and forth, and each step; Ctrl+Z, Ctrl+Y and Esc press the buttons."""
    undo, redo, clear = st.columns(3)
    history = sitting.history
    if undo.button(
        tr("page.edit.undo"), disabled=not history.commands, width="stretch", key="gridmap-undo"
    ):
        sitting.history = history.undo()
        st.rerun()
    if redo.button(
        tr("page.edit.redo"), disabled=not history.undone, width="stretch", key="gridmap-redo"
    ):
        sitting.history = history.redo()
        st.rerun()
    marked = ground.session.marked.get("edit", ())
    if clear.button(
        tr("page.edit.clear"), disabled=not marked, width="stretch", key="gridmap-clear-marks"
    ):
        ground.session.marked["edit"] = ()
        st.rerun()
    if not history.steps:
        return
    stand, total = len(history.commands), len(history.steps)
    first = max(0, min(stand - _LISTED // 2, total - _LISTED))
    shown = range(min(total, first + _LISTED), first - 1, -1)
    with st.container(height=_LIST_PX if len(shown) > _FEW else "content"):
        st.session_state[_STEP] = stand
        st.radio(
            tr("page.edit.steps"),
            shown,
            format_func=lambda count: step_line(history, count),
            key=_STEP,
            on_change=_go,
            args=(ground, sitting),
        )


def step_line(history: History, count: int) -> str:
    """Return how many steps, the worst deviation after them, and what the last of them did.

    Streamlit tells options apart by their text: the number makes each its own.
    """
    steps = history.steps
    step = steps[max(count - 1, 0)]
    if count == 0:
        worst, what = step.worst_before, tr("page.step.start")
    else:
        command, worst = step.command, step.worst_after
        labels = {one.id: one.label for one in (*step.beats_before, *step.beats_after)}
        beat = next((getattr(command, key) for key in _BEATS if hasattr(command, key)), "")
        kind = command.kind if getattr(command, "locked", True) else f"un{command.kind}"
        what = tr(
            f"page.step.{kind}",
            beat=labels.get(beat, "–"),
            name=getattr(command, "name", ""),
            count=len(step.rows) or len(getattr(command, "grids", ())),
        )
    return escaped(tr("page.edit.step_line", count=count, worst=f"{worst:.1%}", what=what))


def _go(ground: PageGround, sitting: Sitting) -> None:
    sitting.history = sitting.history.go(int(st.session_state[_STEP]))
    ground.session.marked["edit"] = ()


def _offer_search(ground: PageGround, state: Redraw, sitting: Sitting) -> None:
    """Continue the search from the current plan; what was done by hand stays."""
    options = search_on(ground, state, sitting)
    held = sum(one.startswith("grid=") for one in options.lock)
    if st.button(
        tr("page.edit.search_on", count=held),
        help=tr("page.edit.search_on_help"),
        disabled=state.job is not None,
        width="stretch",
        key="gridmap-search-on",
    ):
        state.search(ground.city, options)
        state.step, state.goes = "propose", True
        st.rerun()


def search_on(ground: PageGround, state: Redraw, sitting: Sitting) -> ProposeOptions:
    """Return a search from the current plan: grids moved by hand and all locks are kept."""
    draft, session = sitting.history.current, ground.session
    moved = draft.plan.labels != sitting.start.labels
    held = {
        *map(str, draft.plan.grid_ids[moved & (draft.plan.assignment >= 0)]),
        *draft.locks.grids,
    }
    start = draft.plan.without_empty_beats()
    locks = [f"beat={beat}" for beat in sorted(draft.locks.beats.intersection(start.beat_ids))]
    locks += [f"grid={grid}" for grid in sorted(held)]
    keep = chosen(session, "keep")
    objective = chosen(session, "objective")
    return ProposeOptions(
        start=start,
        beats=len(start),
        lock=locks,
        balance=dict(state.weights) or None,
        tolerance=state.tolerance,
        # Least change would give the draft back: it is what the search starts from.
        objective="compact" if objective in {None, "change"} else objective,
        effort=chosen(session, "effort") or "quick",
        keep=(50 if keep is None else keep) / 100 or None,
        front=chosen(session, "front") or 1,
    )


def _show_suggestions(ground: PageGround, sitting: Sitting) -> None:
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
