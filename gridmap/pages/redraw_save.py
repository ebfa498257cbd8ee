"""Saving what was edited: as a new version, or beside what somebody else has saved."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from gridmap.errors import ConflictError
from gridmap.i18n import tr
from gridmap.pages.cache import ground_of_plans
from gridmap.pages.ground import Ground
from gridmap.pages.redraw_state import Redraw, Sitting
from gridmap.plans import Draft, History, PlanDifference, PlanVersion, carry_over

__all__ = ["show_save"]

_SHOWN = 5


def show_save(ground: Ground, state: Redraw, sitting: Sitting) -> None:
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


def _press(ground: Ground, sitting: Sitting, name: str, note: str) -> None:
    if sitting.is_saved and sitting.base is not None and sitting.base[0] == name:
        st.info(tr("page.edit.nothing_new", name=name, number=sitting.base[1]))
        return
    try:
        version = save_sitting(ground, sitting, name, note)
    except ConflictError as error:
        sitting.conflict = error
        st.rerun()
    st.success(tr("page.edit.saved", name=version.name, number=version.number))


def save_sitting(ground: Ground, sitting: Sitting, name: str, note: str) -> PlanVersion:
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
    ground: Ground, state: Redraw, sitting: Sitting, conflict: ConflictError
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


def _carry(ground: Ground, state: Redraw, sitting: Sitting, conflict: ConflictError) -> None:
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
