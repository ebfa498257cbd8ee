"""What a reader has chosen in widgets: it outlives a change of page and of language.

Streamlit forgets a widget's value when a run does not draw it, and tells options apart by
their words, which change with the language. So each widget that matters has a key of
`choice_key`, and `hold_choices` takes the values over at each change.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

import streamlit as st

from gridmap.pages.session import Session

__all__ = ["choice_key", "choose", "chosen", "hold_choices"]

_KEPT = "gridmap-kept"
_SEEN = "gridmap-seen"
_PUT = "gridmap-put"
_AGAIN_S = 30.0


def choice_key(
    session: Session,
    name: str,
    usual: Any,  # noqa: ANN401 - whatever the widget holds
    options: Collection[Any] | None = None,
) -> str:
    """Return the key of a widget, with a value put in: what was chosen, or the usual one.

    Parameters
    ----------
    session
        Whose choice it is; each workspace has its own.
    name
        One a widget.
    usual
        The value where nothing was chosen. The widget itself is given none.
    options
        What there is to choose from now; a choice that is no longer there is dropped.
    """
    key = _key(session, name)
    now = before = st.session_state.get(key, usual)
    if options is not None and isinstance(now, (list, tuple)):
        now = [one for one in now if one in options]
        now = now if len(now) == len(before) else now or usual
    elif options is not None and now is not None and now not in options:
        now = usual
    put: dict[str, float] = st.session_state.setdefault(_PUT, {})
    if key not in st.session_state or now is not before:
        put[key] = time.monotonic()
    # What a run sends is lost when the next one begins before it has left, and Streamlit sends a
    # value once: the widget would stand at its least, and report that. So it is put in again.
    if time.monotonic() - put.get(key, -_AGAIN_S) < _AGAIN_S:
        st.session_state[key] = now
    return key


def chosen(session: Session, name: str) -> Any:  # noqa: ANN401 - whatever the widget holds
    """Return what was chosen in a widget that may be drawn later, or None."""
    return st.session_state.get(_key(session, name))


def choose(session: Session, name: str, value: Any) -> None:  # noqa: ANN401 - whatever it holds
    """Put a value into a widget that has not been drawn yet in this run."""
    st.session_state[_key(session, name)] = value


def _key(session: Session, name: str) -> str:
    return f"{_KEPT}-{session.workspace}-{name}"


def hold_choices(page: str, language: str) -> None:
    """Take over what was chosen where the page or the language is another than before."""
    seen = (page, language)
    if st.session_state.get(_SEEN) == seen:
        return  # what is being typed at this moment is not touched
    st.session_state[_SEEN] = seen
    for key in [str(key) for key in st.session_state if str(key).startswith(_KEPT)]:
        st.session_state[key] = st.session_state[key]
