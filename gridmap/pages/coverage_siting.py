"""Where the next rooms go: what is asked for, and what comes of it."""

from __future__ import annotations

from typing import get_args

import streamlit as st

from gridmap.errors import GridmapError
from gridmap.i18n import tr
from gridmap.measure import Within
from gridmap.model import Kind
from gridmap.pages.cache import criteria_of
from gridmap.pages.choices import choice_key
from gridmap.pages.coverage_cache import sites_of
from gridmap.pages.coverage_rooms import show_give_back, show_take_over
from gridmap.pages.ground import Ground
from gridmap.pages.layout import number, show_error, show_list
from gridmap.siting import Candidates, Model, SiteProposal, SiteRequest

__all__ = ["show_siting"]

_SITING: tuple[Model, ...] = ("cover", "backup", "median", "center")
_WEIGHTS = ("residents", "migrants", "incidents")
_SECONDS = 20.0


def show_siting(ground: Ground, mode: str, within: Within) -> SiteProposal | None:
    """Ask how many rooms may be added and how; return where they should stand.

    Parameters
    ----------
    ground
        The city.
    mode, within
        How people get to a room, and the limit.
    """
    show_give_back(ground)
    work = ground.session.work
    drawn: tuple[int, ...] = work.setdefault("siting-area", ())
    left, middle, right = st.columns(3)
    session = ground.session
    count = int(
        left.number_input(
            tr("page.coverage.how_many"), 0, 50, key=choice_key(session, "site-count", 0)
        )
    )
    model = middle.selectbox(
        tr("coverage.page.model"),
        _SITING,
        format_func=lambda n: tr(f"coverage.page.model_{n}"),
        key=choice_key(session, "site-model", _SITING[0]),
    )
    counted = [name for name in _WEIGHTS if name in criteria_of(ground.city, ground.key)]
    weights = counted or list(_WEIGHTS[:1])
    weight = right.selectbox(
        tr("coverage.page.weight"),
        weights,
        format_func=lambda name: tr(f"field.{name}"),
        key=choice_key(session, "site-weight", weights[0], weights),
    )
    known = ("auto", *(kind for kind in (Kind.COMMUNITY, Kind.FACILITY) if ground.city.has(kind)))
    sources = [item for item in get_args(Candidates) if item in {*map(str, known), "grid"}]
    source = left.selectbox(
        tr("coverage.page.candidates"),
        sources,
        format_func=lambda name: tr(f"coverage.page.from_{name}"),
        key=choice_key(session, "site-from", sources[0], sources),
    )
    apart = float(
        middle.number_input(
            tr("coverage.page.apart"), 0, 5000, step=100, key=choice_key(session, "site-apart", 0)
        )
    )
    keep = not ground.city.has(Kind.ROOM) or right.checkbox(
        tr("coverage.page.keep"),
        key=choice_key(session, "site-keep", True),  # noqa: FBT003 - a checkbox's value
    )
    if drawn:
        st.caption(tr("coverage.page.drawn", count=len(drawn)))
        if st.button(tr("coverage.page.undraw")):
            work["siting-area"] = ()
            st.rerun()
    else:
        st.caption(tr("coverage.page.draw"))
    if not count:
        return None
    request = SiteRequest(
        within,
        rooms=count,
        model=model,
        mode=mode,
        keep_existing=keep,
        candidates=source,
        weight=weight,
        apart_m=apart,
        seconds=_SECONDS,
    )
    try:
        with st.spinner(tr("coverage.page.siting")):
            proposal = sites_of(ground.city, ground.key, request, drawn)
    except GridmapError as error:
        show_error(error)
        return None
    _tell_proposal(proposal)
    show_take_over(ground, proposal)
    return proposal


def _tell_proposal(proposal: SiteProposal) -> None:
    before, after, unit = proposal.before, proposal.after, proposal.request.within.unit
    digits = 0 if unit == "m" else 1

    def change(name: str, factor: float, places: int) -> str:
        return f"{number(factor * before[name], places)} → {number(factor * after[name], places)}"

    mean = change(f"mean_{unit}", 1, digits)
    longest = change(f"longest_{unit}", 1, digits)
    length = tr(f"coverage.page.unit_{unit}")
    people = proposal.request.weight != "incidents"
    counted = tr(f"coverage.page.counted_{proposal.request.weight}")
    show_list(
        [
            (
                f"{change('covered_share', 100, 1)} %",
                tr("page.figure.reached" if people else "coverage.page.incidents"),
            ),
            (
                f"{change('backup_share', 100, 1)} %",
                tr("page.figure.backup" if people else "coverage.page.backup_incidents"),
            ),
            (
                f"{mean} {length}",
                tr("coverage.page.mean_longest", longest=longest, unit=length),
            ),
        ]
    )
    gained = after["covered"] - before["covered"]
    st.markdown(
        tr(
            f"coverage.page.answer{'_best' if proposal.answer.proven else ''}",
            gained=number(gained),
            unit=counted,
            gap=f"{proposal.answer.gap:.1%}",
        )
    )
    show_list(
        [
            (
                str(row["name"]),
                tr("coverage.page.looks_after", count=number(row["covers"]), unit=counted),
            )
            for row in proposal.sites.to_dict("records")
        ]
    )
    for note in proposal.notes:
        st.caption(note)
