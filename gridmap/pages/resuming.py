"""A page that is loaded anew goes on where it was: proposals, and edits not saved yet.

Streamlit begins a new session then. What a reader is in the middle of is left here at the end
of each run, under who they are (their browser, or their account where people log in), the
workspace and its grids; it goes when the app ends.
"""

from __future__ import annotations

from collections import OrderedDict

from gridmap.model import Layer
from gridmap.pages.redraw_state import Redraw
from gridmap.pages.session import Session, browser_mark
from gridmap.plans import LOCAL

__all__ = ["leave_off", "take_up"]

_WORK = "redraw"
_MOST = 64
_LEFT: OrderedDict[tuple[str, ...], Redraw] = OrderedDict()


def take_up(session: Session, grids: Layer | None) -> None:
    """Go on with what was left off, unless the session has begun something itself."""
    place = _place(session, grids)
    left = _LEFT.get(place) if place else None
    if left is not None and _WORK not in session.work:
        state = left.copied()
        if state.job is not None:
            state.job.hold_for(state)
        session.work[_WORK] = state


def leave_off(session: Session, grids: Layer | None) -> None:
    """Remember what the session is in the middle of."""
    state, place = session.work.get(_WORK), _place(session, grids)
    if not place or not isinstance(state, Redraw):
        return
    _LEFT[place] = state.copied()
    _LEFT.move_to_end(place)
    while len(_LEFT) > _MOST:
        _LEFT.popitem(last=False)


def _place(session: Session, grids: Layer | None) -> tuple[str, ...]:
    """Return what work is kept under; empty where nobody can be told from anybody else."""
    known = session.actor is not None and session.actor != LOCAL
    name = session.someone().name if known else browser_mark(session.settings)
    if grids is None or not name:
        return ()
    return ("account" if known else "browser", name, str(session.path.resolve()), grids.digest)
