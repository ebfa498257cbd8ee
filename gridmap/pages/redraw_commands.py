"""Each command of an editor: what it asks for, what it would change, and then doing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from gridmap.api.propose import propose
from gridmap.errors import GridmapError, InputError, in_page
from gridmap.i18n import tr
from gridmap.model import BeatInfo, Kind, Plan
from gridmap.pages.ground import PageGround
from gridmap.pages.layout import escaped, show_error, show_lines
from gridmap.pages.redraw_state import Sitting, redraw_of
from gridmap.pages.session import Session, choice_key, choose, chosen
from gridmap.plans import Command, Effect
from gridmap.plans import versions as do

_Do = Callable[..., None]  # takes commands
_TARGET, _PAINT, _ACTION = "edit-beat", "edit-paint", "edit-action"


def beat_labels(plan: Plan) -> dict[str, str]:
    """Return the beats of a plan: id to what it is called."""
    return {beat.id: beat.label for beat in plan.beats}


def painted_beat(session: Session) -> str:
    """Return the beat that picked grids go to at once, or blank where nobody paints."""
    moves = chosen(session, _ACTION) in {None, "move"}
    return str(chosen(session, _TARGET) or "") if moves and chosen(session, _PAINT) else ""


def beats_beside(ground: PageGround, plan: Plan, rows: tuple[int, ...]) -> list[str]:
    """Return the beats that border grids, their own left out; the longest border first."""
    city = ground.city
    own = set(plan.labels[list(rows)])
    first, second = city.adjacency.first, city.adjacency.second
    length = city.adjacency.length_m
    shared: dict[str, float] = {}
    for here, there in ((first, second), (second, first)):
        at = np.isin(here, rows) & ~city.adjacency.barrier
        for beat, metres in zip(plan.labels[there[at]], length[at], strict=True):
            if beat and beat not in own:
                shared[str(beat)] = shared.get(str(beat), 0.0) + float(metres)
    return sorted(shared, key=lambda beat: -shared[beat])


def aim_beside(ground: PageGround, sitting: Sitting, rows: tuple[int, ...]) -> None:
    """See to it that grids just picked are to go to the beat beside them that ends best."""
    draft = sitting.history.current
    beside = beats_beside(ground, draft.plan, rows) if rows else []
    if beside and chosen(ground.session, _TARGET) not in beside:
        loads = draft.figures.workload
        choose(ground.session, _TARGET, min(beside, key=lambda b: loads[draft.plan.row_of(b)]))


def show_commands(
    ground: PageGround,
    sitting: Sitting,
    grids: tuple[str, ...],
    done: _Do,
    *,
    tolerance: float = 0.05,
) -> None:
    """Draw the choice of a command.

    Parameters
    ----------
    ground
        The city.
    sitting
        The plan that is being edited.
    grids
        Ids of the grids that are marked on the map.
    done
        Carries commands out, all or none, and redraws the page.
    tolerance
        A deviation that a command leads beyond this share is written in red.
    """
    ground.session.work["tolerance"] = tolerance
    action = st.segmented_control(
        tr("page.edit.action"),
        list(_PANELS),
        format_func=lambda name: tr(f"page.edit.do_{name}"),
        label_visibility="collapsed",
        required=True,
        key=choice_key(ground.session, _ACTION, "move", _PANELS),
    )
    _PANELS[action or "move"](ground, sitting, grids, done)


def grid_names(ground: PageGround) -> dict[str, str]:
    """Return the grids: id to what it is called."""
    grids = ground.city.grids
    return dict(zip(map(str, grids.ids), map(str, grids.names), strict=True))


def named_effect(ground: PageGround, sitting: Sitting, effect: Effect) -> Effect:
    """Return an effect whose veto calls beats and grids by name; ids are for machines."""
    veto = effect.veto
    if veto is None:
        return effect
    labels, names = beat_labels(sitting.history.current.plan), grid_names(ground)
    labels |= {one.beat: one.label for one in effect.beats}  # a new beat is in no plan yet
    told = replace(
        veto,
        beat=labels.get(veto.beat, veto.beat),
        grids=tuple(names.get(grid, grid) for grid in veto.grids),
    )
    return replace(effect, veto=told)


def _offer(
    ground: PageGround, sitting: Sitting, make: Callable[[bool], Command], label: str, done: _Do
) -> None:
    """Say what a command would change, and let the reader carry it out or insist."""
    insist = False
    try:
        effect = sitting.history.preview(make(insist))
    except GridmapError as error:
        st.caption(in_page(error.text()))
        st.button(label, disabled=True, width="stretch")
        return
    veto = effect.veto
    show_lines(named_effect(ground, sitting, effect).sentences())
    for line in _warnings(effect, float(ground.session.work.get("tolerance", 0.05))):
        st.markdown(f":red[{escaped(line)}]")
    if veto is not None and veto.can_insist:
        insist = st.checkbox(tr("page.edit.insist"))
    blocked = veto is not None and not insist
    if st.button(label, type="primary", disabled=blocked, width="stretch", key="gridmap-go"):
        done(make(insist))


def _warnings(effect: Effect, tolerance: float) -> list[str]:
    """Return what a command leads to that somebody should know before: a red line each."""
    lines = []
    for one in effect.beats:
        if one.before.grids and not one.after.grids:
            lines.append(tr("page.edit.vanishes", name=one.label))
        elif abs(one.deviation_after) > max(tolerance, abs(one.deviation_before)):
            share = f"{one.deviation_after:+.1%}"
            lines.append(tr("page.edit.beyond", name=one.label, share=share))
    return lines


def _show_move(ground: PageGround, sitting: Sitting, grids: tuple[str, ...], done: _Do) -> None:
    labels = beat_labels(sitting.history.current.plan)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        target = _pick_beat(ground.session, tr("page.edit.target"), labels)
    right.toggle(
        tr("page.edit.paint"),
        help=tr("page.edit.paint_help"),
        key=choice_key(ground.session, _PAINT, False),  # noqa: FBT003 - a switch's value
    )
    if not grids:
        st.caption(tr("page.edit.pick"))
        return
    st.caption(tr("page.edit.marked", count=len(grids)))
    _offer(
        ground,
        sitting,
        lambda insist: do.MoveGrids(grids, target, insist=insist),
        tr("page.edit.move"),
        done,
    )


def _pick_beat(session: Session, label: str, labels: Mapping[str, str]) -> str:
    """Let the reader choose a beat; one choice serves all commands."""
    return str(
        st.selectbox(
            label,
            list(labels),
            format_func=lambda beat: labels.get(beat, beat),
            key=choice_key(session, _TARGET, next(iter(labels), None), labels),
        )
    )


def _show_new(ground: PageGround, sitting: Sitting, grids: tuple[str, ...], done: _Do) -> None:
    if not grids:
        st.caption(tr("page.edit.pick"))
        return
    plan = sitting.history.current.plan
    number = _free_number(set(plan.beat_ids))
    key = f"gridmap-new-beat-{number}"  # what was typed stays in another language
    name = st.text_input(tr("page.edit.beat_name"), tr("model.new_beat", number=number), key=key)
    st.caption(tr("page.edit.marked", count=len(grids)))
    rows = sitting.history.current.ground.rows_of(grids)
    left = set(plan.labels[rows])
    new = f"N{number}"

    def make(insist: bool) -> Command:  # noqa: FBT001 - called by `_offer` alone
        if len(left) == 1 and "" not in left:
            return do.SplitBeat(left.copy().pop(), grids, new, name.strip(), insist=insist)
        return do.NewBeat(new, name.strip(), grids, insist=insist)

    _offer(ground, sitting, make, tr("page.edit.new"), done)


def _free_number(taken: set[str]) -> int:
    number = 1
    while f"N{number}" in taken:
        number += 1
    return number


def _show_split(ground: PageGround, sitting: Sitting, _grids: tuple[str, ...], done: _Do) -> None:
    labels = beat_labels(sitting.history.current.plan)
    beat = _pick_beat(ground.session, tr("page.edit.split_beat"), labels)
    st.caption(tr("page.edit.split_help"))
    if not st.button(tr("page.edit.split"), type="primary", width="stretch", key="gridmap-go"):
        return
    try:
        with st.spinner(tr("page.edit.splitting")):
            command = split_in_two(ground, sitting.history.current.plan, beat)
    except GridmapError as error:
        show_error(error)
        return
    done(command)


def split_in_two(ground: PageGround, plan: Plan, beat: str) -> do.SplitBeat:
    """Return the command that makes two beats of one: in one piece each, as even as it can be.

    Raises
    ------
    GridmapError
        If the beat cannot be split.
    """
    inside = plan.labels == beat
    if np.count_nonzero(inside) < 2:
        raise InputError("plans.error.nothing_changes")
    # All ground around it, in a beat or in none, is one locked beat: it neither gives nor takes.
    rest = f"{beat}-"
    result = propose(
        ground.city,
        start=replace(
            plan,
            assignment=np.where(inside, 0, 1).astype(np.int32),
            beats=(BeatInfo(beat), BeatInfo(rest)),
        ),
        beats=2 if inside.all() else 3,
        lock=() if inside.all() else (f"beat={rest}",),
        balance=redraw_of(ground).weights or None,
        objective="balance",
        effort="quick",
        chance=0,
    )
    rows = np.flatnonzero(inside)
    parts = result.plans[0].labels[rows]
    names, sizes = np.unique(parts.astype(str), return_counts=True)
    # The part with fewer grids is the new beat.
    leaving = rows[parts == names[sizes.argmin()]]
    new = f"N{_free_number(set(plan.beat_ids))}"
    name = tr("page.edit.split_name", name=beat_labels(plan)[beat])
    return do.SplitBeat(beat, tuple(map(str, plan.grid_ids[leaving])), new, name)


def _show_merge(ground: PageGround, sitting: Sitting, _grids: tuple[str, ...], done: _Do) -> None:
    labels = beat_labels(sitting.history.current.plan)
    into = _pick_beat(ground.session, tr("page.edit.merge_into"), labels)
    ending = st.multiselect(
        tr("page.edit.merge_beats"),
        [beat for beat in labels if beat != into],
        format_func=lambda beat: labels.get(beat, beat),
        placeholder=tr("page.edit.merge_choose"),
    )
    if ending:
        _offer(
            ground,
            sitting,
            lambda insist: do.MergeBeats(tuple(ending), into, insist=insist),
            tr("page.edit.merge"),
            done,
        )


def _show_describe(
    ground: PageGround, sitting: Sitting, _grids: tuple[str, ...], done: _Do
) -> None:
    plan = sitting.history.current.plan
    beat = _pick_beat(ground.session, tr("page.edit.beat"), beat_labels(plan))
    info = plan.beats[plan.row_of(beat)]
    key = f"gridmap-describe-{beat}-{hash(info)}"
    with st.form(key, border=False):
        name = st.text_input(tr("page.edit.beat_name"), info.name, key=f"{key}-name")
        left, right = st.columns(2)
        station = _pick_place(left, ground, Kind.STATION, info.station, key)
        room = _pick_place(right, ground, Kind.ROOM, info.room, key)
        officers = left.number_input(
            tr("page.edit.officers"), 0.0, None, info.officers, 1.0, "%g", key=f"{key}-officers"
        )
        aids = right.number_input(
            tr("page.edit.auxiliaries"), 0.0, None, info.auxiliaries, 1.0, "%g", key=f"{key}-aids"
        )
        pressed = st.form_submit_button(tr("page.edit.describe"), type="primary", width="stretch")
    if not pressed:
        return
    wanted = BeatInfo(beat, name.strip(), station, room, float(officers), float(aids))
    commands = _describing(info, wanted)
    if commands:
        done(*commands)
    st.caption(tr("plans.error.nothing_changes"))


def _describing(before: BeatInfo, after: BeatInfo) -> list[Command]:
    found: list[Command] = []
    if after.name != before.name:
        found.append(do.RenameBeat(after.id, after.name))
    if after.station != before.station:
        found.append(do.AssignStation(after.id, after.station))
    if after.room != before.room:
        found.append(do.AssignRoom(after.id, after.room))
    if (after.officers, after.auxiliaries) != (before.officers, before.auxiliaries):
        found.append(do.AssignOfficers(after.id, after.officers, after.auxiliaries))
    return found


def _pick_place(place: DeltaGenerator, ground: PageGround, kind: Kind, now: str, key: str) -> str:
    label = tr(f"page.kind.{kind}")
    layer = ground.city.get(kind)
    if layer is None:
        return str(place.text_input(label, now, key=f"{key}-{kind}")).strip()
    names = {"": "–", **dict(zip(map(str, layer.ids), map(str, layer.names), strict=True))}
    names.setdefault(now, now)
    return str(
        place.selectbox(
            label,
            list(names),
            index=list(names).index(now),
            format_func=lambda one: names.get(one) or one,
            key=f"{key}-{kind}",
        )
    )


def _show_lock(ground: PageGround, sitting: Sitting, grids: tuple[str, ...], done: _Do) -> None:
    draft = sitting.history.current
    beat = _pick_beat(ground.session, tr("page.edit.beat"), beat_labels(draft.plan))
    held = beat in draft.locks.beats
    if st.checkbox(tr("page.edit.lock"), value=held, key=f"gridmap-lock-{beat}-{held}") != held:
        done(do.LockBeat(beat, locked=not held))
    free = tuple(grid for grid in grids if grid not in draft.locks.grids)
    fixed = tuple(grid for grid in grids if grid in draft.locks.grids)
    left, right = st.columns(2)
    if left.button(
        tr("page.edit.lock_grids", count=len(free)), disabled=not free, width="stretch"
    ):
        done(do.LockGrids(free))
    if right.button(
        tr("page.edit.unlock_grids", count=len(fixed)), disabled=not fixed, width="stretch"
    ):
        done(do.LockGrids(fixed, locked=False))
    st.caption(
        tr("page.edit.locked", beats=len(draft.locks.beats), grids=len(draft.locks.grids))
        if grids or draft.locks.beats or draft.locks.grids
        else tr("page.edit.pick")
    )


_PANELS = {
    "move": _show_move,
    "new": _show_new,
    "split": _show_split,
    "merge": _show_merge,
    "describe": _show_describe,
    "lock": _show_lock,
}
