"""人员: who may do what, and the log of who did what; for administrators."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import streamlit as st

from gridmap.i18n import tr
from gridmap.pages.session import Session, current_session
from gridmap.plans import Action, AuditRecord, PlanStore, Role, action_text, require, role_text

_SHOWN = 500


def show() -> None:
    """Draw the page."""
    session = current_session()
    require(session.someone(), Action.ASSIGN_ROLE)
    with session.store(session.roles_path) as store:
        people, log = st.columns([4, 7], gap="large")
        with people:
            _show_roles(session, store)
        with log:
            _show_log(store)


def _show_roles(session: Session, store: PlanStore) -> None:
    st.header(tr("page.people.roles"), anchor=False)
    told = session.work.pop("role", None)
    if told:
        st.success(told)
    with st.form("gridmap-role", border=True, clear_on_submit=True):
        account = st.text_input(tr("page.people.account"), help=tr("page.people.account_help"))
        names = {role_text(one): one for one in Role}
        role = names[st.selectbox(tr("page.people.role"), list(names))]
        pressed = st.form_submit_button(tr("page.people.assign"), width="stretch")
    if pressed:
        store.assign_role(account.strip(), role, author=session.someone())
        session.work["role"] = tr(
            "page.people.assigned", account=account.strip(), role=role_text(role)
        )
        st.rerun()
    roles = store.roles()
    frame = pd.DataFrame(
        {
            tr("page.people.account"): list(roles),
            tr("page.people.role"): [role_text(given) for given in roles.values()],
        }
    )
    st.dataframe(frame, hide_index=True, width="stretch")
    st.caption(tr("page.people.others"))


def _show_log(store: PlanStore) -> None:
    st.header(tr("page.people.log"), anchor=False)
    if st.button(tr("page.people.verify"), icon=":material/verified:"):
        report = store.verify()
        show = st.success if report.is_whole else st.error
        show(report.text().replace("\n", "\n\n"))
    records = store.audit_records()[-_SHOWN:][::-1]
    frame = pd.DataFrame(
        {
            tr("page.people.number"): [record.number for record in records],
            tr("page.people.at"): [_moment(record) for record in records],
            tr("page.people.account"): [record.actor for record in records],
            tr("page.people.action"): [action_text(record.action) for record in records],
            tr("page.people.subject"): [record.subject for record in records],
            tr("page.people.detail"): [record.detail for record in records],
        }
    )
    st.dataframe(
        frame,
        hide_index=True,
        width="stretch",
        height=560,
        column_config={
            tr("page.people.number"): st.column_config.NumberColumn(width=50),
            tr("page.people.at"): st.column_config.Column(width=150),
            tr("page.people.account"): st.column_config.Column(width=170),
            tr("page.people.action"): st.column_config.Column(width=80),
            tr("page.people.subject"): st.column_config.Column(width=170),
        },
    )
    st.caption(tr("page.people.log_note", count=_SHOWN))


def _moment(record: AuditRecord) -> str:
    return f"{datetime.fromisoformat(record.at):%Y-%m-%d %H:%M:%S}"
