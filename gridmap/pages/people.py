"""Who looks: the one local user of this machine, or somebody who has logged in."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from gridmap.errors import InputError, MissingError, PermissionDeniedError
from gridmap.i18n import tr
from gridmap.pages.session import Session
from gridmap.pages.visitors import account_of, require_this_machine
from gridmap.plans import LOCAL, Actor, PlanStore, Role, role_text
from gridmap.settings import Settings

__all__ = ["current_actor", "login_needed", "put_account"]


def login_needed(settings: Settings) -> bool:
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
        if there or settings.login:
            file = settings.login or there[0]
            raise InputError("page.error.login_file", file=Path(file).name) from error
        return False
    if settings.login and not found:
        raise InputError("page.error.login_file", file=Path(settings.login).name)
    return found


def current_actor(session: Session) -> Actor:
    """Return who looks, with the role that the store gives at this moment.

    Raises
    ------
    PermissionDeniedError
        If nobody has logged in, or no login is set up and the page is asked for from elsewhere
        than this machine. The gate lets neither of them this far.
    InputError
        If login cannot be set up, or gives no account.
    """
    if not login_needed(session.settings):
        address = str(st.get_option("server.address") or "")
        require_this_machine(st.context.headers.items(), [address])
        return LOCAL
    if not st.user.is_logged_in:
        raise PermissionDeniedError("page.error.nobody")
    account = account_of(st.user.to_dict(), session.settings.login_claim)
    try:
        with PlanStore.of(
            session.roles_path, url=session.settings.database_url, create=False
        ) as store:
            return store.actor_of(account)
    except MissingError:
        return Actor(account, Role.VIEWER)


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
