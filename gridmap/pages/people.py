"""Who looks: the one local user of this machine, or somebody who has logged in."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from gridmap.errors import InputError, MissingError, PermissionDeniedError
from gridmap.i18n import LANGUAGES, tr
from gridmap.pages.session import Session
from gridmap.plans import LOCAL, Actor, PlanStore, Role, role_text

__all__ = ["current_actor", "login_needed", "put_account", "show_login"]

_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::\d*)?")  # and its port


def login_needed(session: Session) -> bool:
    """Return whether every page asks to log in.

    Raises
    ------
    InputError
        If login is asked for, but its settings cannot be read: nobody is let in then.
    """
    try:
        found = "auth" in st.secrets.to_dict()
    except StreamlitSecretNotFoundError as error:
        there = [path for path in st.get_option("secrets.files") if Path(path).exists()]
        if there or session.settings.login:
            file = session.settings.login or there[0]
            raise InputError("page.error.login_file", file=Path(file).name) from error
        return False
    if session.settings.login and not found:
        raise InputError("page.error.login_file", file=Path(session.settings.login).name)
    return found


def current_actor(session: Session) -> Actor | None:
    """Return who looks, with the role that the store gives at this moment.

    Returns
    -------
    Actor or None
        None where login is needed and nobody has logged in yet.

    Raises
    ------
    PermissionDeniedError
        If no login is set up and the page is asked for from elsewhere than this machine.
    InputError
        If login cannot be set up, or gives no account.
    """
    if not login_needed(session):
        _require_this_machine()
        return LOCAL
    if not st.user.is_logged_in:
        return None
    account = _account(session.settings.login_claim)
    try:
        with PlanStore.of(
            session.roles_path, url=session.settings.database_url, create=False
        ) as store:
            return store.actor_of(account)
    except MissingError:
        return Actor(account, Role.VIEWER)


def show_login(session: Session) -> None:
    """Draw the page of somebody who has not logged in."""
    _, middle, right = st.columns([1.2, 1.4, 1.2])
    other = LANGUAGES[1 - LANGUAGES.index(session.language)]
    if right.button(tr("page.language")):
        session.language = other
        st.rerun()
    with middle:
        st.html(f'<div class="gm-head"><b>{tr("page.title")}</b></div>')
        st.markdown(tr("page.people.please"))
        if st.button(tr("page.people.login"), type="primary", icon=":material/login:"):
            st.login()


def put_account(session: Session) -> None:
    """Draw who has logged in, what they may do, and the way out; nothing for the local user."""
    actor = session.actor
    if actor is None or actor == LOCAL:
        return
    with st.popover(actor.name, icon=":material/person:", width="stretch"):
        st.markdown(tr("page.people.who", account=actor.name, role=role_text(actor.role)))
        st.caption(tr(f"page.people.may_{actor.role}"))
        if st.button(tr("page.people.logout"), icon=":material/logout:", width="stretch"):
            st.logout()


def _account(claim: str) -> str:
    """Return the account of whoever has logged in.

    Raises
    ------
    InputError
        If the login tells none, or an e-mail address that nobody has verified.
    """
    told = st.user.to_dict()
    account = str(told.get(claim) or "").strip()
    if not account:
        raise InputError("page.error.no_claim", claim=claim)
    if claim == "email" and told.get("email_verified") is False:
        raise InputError("page.error.unverified", account=account)
    return account


def _require_this_machine() -> None:
    """Refuse to serve anybody but this machine: without a login all would be administrators.

    Raises
    ------
    PermissionDeniedError
        If the server listens elsewhere, or was asked under another name (a proxy before it).
    """
    server = str(st.get_option("server.address") or "")
    asked = str(st.context.headers.get("Host") or "localhost")
    named = _HOST.fullmatch(asked)
    for host in (server, named[1] if named else asked):
        if not _is_here(host):
            raise PermissionDeniedError("page.error.not_here", received=host or "0.0.0.0")  # noqa: S104 - shown, not bound


def _is_here(host: str) -> bool:
    name = host.strip("[]")
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
