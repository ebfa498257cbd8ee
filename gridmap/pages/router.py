"""The router: seven pages, one address, one session."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from urllib.parse import unquote, urlsplit

import numpy as np
import streamlit as st
from PIL import Image
from streamlit.navigation.page import StreamlitPage

from gridmap.errors import GridmapError, InputError, MissingError
from gridmap.i18n import set_language, tr
from gridmap.model import Kind
from gridmap.pages.cache import open_city
from gridmap.pages.layout import (
    guarded,
    put_header,
    put_style,
    show_complaint,
    show_empty,
    show_error,
    show_warming,
)
from gridmap.pages.redraw_state import restore_session, save_session
from gridmap.pages.session import Session, current_actor, current_session, hold_choices
from gridmap.plans import LOCAL, Action

_PAGES = (
    ("overview", ":material/map:"),
    ("data", ":material/database:"),
    ("incidents", ":material/local_fire_department:"),
    ("coverage", ":material/radar:"),
    ("redraw", ":material/polyline:"),
    ("duty", ":material/local_police:"),
    ("reports", ":material/summarize:"),
)
_PEOPLE = ("people", ":material/group:")
_MODULES = {"people": "administer"}

_INK, _PAPER = (31, 78, 121), (255, 255, 255)


def _go_home() -> None:
    st.switch_page(_page(*_PAGES[0]))


def _go_home_from(path: str, session: Session) -> None:
    known = tr("page.join.names").join(name for name, _ in _PAGES)
    session.complaint = InputError("page.error.no_page", received=path[:40], known=known)
    session.complaint_page = ""
    _go_home()


def _wrong_path(names: Iterable[str]) -> str:
    """Return the page that the address asks for where there is none of that name, or blank."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    asked = unquote(urlsplit(st.context.url or "").path)
    path = asked.strip("/").removeprefix(base).strip("/")
    return "" if path in {"", *names} or "/" in path else path


def _page(name: str, icon: str) -> StreamlitPage:
    return st.Page(guarded(_shown(name)), title=tr(f"page.{name}.title"), icon=icon, url_path=name)


def _shown(name: str) -> Callable[[], None]:
    """Return what draws a page; its module is loaded when it is looked at for the first time."""

    def show() -> None:
        import_module(f"gridmap.pages.{_MODULES.get(name, name)}").show()

    return show


def _icon() -> Image.Image:
    """Return the tab's icon as a picture; a named one would be asked of a server elsewhere."""
    icon = np.full((32, 32, 3), _INK, dtype=np.uint8)
    for middle in (10, 21):
        icon[middle - 1 : middle + 1, 3:29] = _PAPER
        icon[3:29, middle - 1 : middle + 1] = _PAPER
    return Image.fromarray(icon)


def _check_plan(session: Session) -> None:
    """Say so, once, where the address names a plan that is not there."""
    if not session.plan or session.work.get("plan") == session.plan:
        return
    session.work["plan"] = session.plan
    known: list[str] = []
    if session.settings.database_url or (session.path / "plans.db").exists():
        with session.store(session.path) as store:
            known = [version.name for version in store.list()]
    if session.plan not in known:
        names = tr("page.join.names").join(known)
        session.complaint = MissingError("page.error.no_plan", name=session.plan, known=names)
        session.complaint_page = ""
        session.plan = ""


def run() -> None:
    """Show the page that the address names."""
    session = current_session()
    set_language(session.language)
    denied = None
    try:  # before anything is drawn: the gate gives this session's pictures to its visitor only
        session.enter(current_actor(session))
    except GridmapError as error:
        denied = error
    st.set_page_config(page_title=tr("page.title"), page_icon=_icon(), layout="wide")
    put_style(exports=session.may(Action.EXPORT))
    if denied is not None:
        show_error(denied)
        return
    governs = session.actor != LOCAL and session.may(Action.ASSIGN_ROLE)
    entries = (*_PAGES, _PEOPLE) if governs else _PAGES
    # The first page answers to "/" alone; a hidden one leaves /overview an address of its own.
    home = st.Page(_go_home, title=tr("page.title"), default=True, visibility="hidden")
    pages = [home, *(_page(*entry) for entry in entries)]
    session.pages = {page.url_path: page for page in pages[1:]}
    # A page of its own for a wrong address: Streamlit would tell of it in English only.
    if wrong := _wrong_path(name for name, _ in entries):
        lost = partial(_go_home_from, wrong, session)
        pages.append(st.Page(lost, title=wrong, url_path=wrong, visibility="hidden"))
    page = st.navigation(pages, position="top")
    hold_choices(page.url_path, session.language)
    city, fault = None, None
    try:
        city, _ = open_city(session.path)
    except GridmapError as error:
        fault = error
    if city is not None:
        session.see(city.get(Kind.GRID))
        restore_session(session, city.get(Kind.GRID))
        _check_plan(session)
    put_header(session, city)
    show_warming()
    if page.url_path in {name for name, _ in entries}:  # the others lead on at once
        show_complaint(session, page.url_path)
    needs_city = page.url_path in {name for name, _ in _PAGES} - {"data"}
    if fault is None or not needs_city:
        page.run()
    elif session.has_workspace:
        show_error(fault)
    else:
        show_empty("no_grids")
    if city is not None:
        save_session(session, city.get(Kind.GRID))
    st.query_params.from_dict(session.address().to_query())
