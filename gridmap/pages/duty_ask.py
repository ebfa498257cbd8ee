"""What the page Duty asks of the verbs: each answer is kept for all who ask the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from gridmap.api.options import Options
from gridmap.api.results import Result
from gridmap.errors import GridmapError
from gridmap.i18n import current_language, tr
from gridmap.pages.coverage_views import put_download
from gridmap.pages.ground import PageGround
from gridmap.pages.layout import (
    show_error,
)

R = TypeVar("R", bound=Result[object])
HEIGHT = 660  # px of a map


def ask(ground: PageGround, verb: Callable[..., R], options: Options) -> R | None:
    """Return a verb's answer; say what is wrong, and return None, where there is none."""
    try:
        with st.spinner(tr(f"duty.page.wait_{options.verb}")):
            answer: R = _answer(
                ground.city, verb, options, ground.key, repr(options), current_language()
            )
    except GridmapError as error:
        show_error(error)
        return None
    return answer


@st.cache_resource(show_spinner=False, max_entries=48)
def _answer(
    _city_: object,
    _verb_: Callable[..., Any],
    _options_: Options,
    key: str,  # noqa: ARG001 - hashed for the city
    asked: str,  # noqa: ARG001 - hashed for the verb and its options
    language: str,  # noqa: ARG001 - notes are sentences
) -> Any:  # noqa: ANN401 - whatever the verb returns
    return _verb_(_city_, _options_)


def put_sheet(
    ground: PageGround,
    result: Any,  # noqa: ANN401 - any result with a sheet
    name: str,
) -> None:
    """Offer an answer as a printed sheet."""
    put_download(
        ground,
        tr("duty.page.sheet"),
        f"{name}.pdf",
        lambda path: _write(path, result.sheet()),
        subject=name,
    )


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def show_notes(notes: tuple[str, ...]) -> None:
    """Say what is missing or assumed."""
    for note in notes:
        st.caption(note)
