"""报表: choose, look, download."""

from __future__ import annotations

import io
import zipfile
from datetime import date
from pathlib import Path

import pandas as pd
import streamlit as st

from gridmap.i18n import LANGUAGES, current_language, tr, using_language
from gridmap.model import Kind, Plan
from gridmap.pages.choices import choice_key
from gridmap.pages.ground import Ground, read_ground
from gridmap.pages.keeping import recall, remember
from gridmap.pages.layout import (
    Figure,
    column_px,
    escaped,
    show_empty,
    show_figures,
    show_lines,
)
from gridmap.pages.redraw_state import stored_plans
from gridmap.pages.session import safe_name
from gridmap.plans import Action, logged
from gridmap.report import ALL_FORMATS, Report, Request, build_report, write_report
from gridmap.report.tables import shown

__all__ = ["show"]

_COMPARE = ("", "previous", "last-year", "none")
_USUAL = ("xlsx", "pdf")
_WIDE = 420  # px


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    if not ground.city.has(Kind.GRID):
        show_empty("no_grids")
        return
    exports = ground.session.may(Action.EXPORT)
    side, body = st.columns([3, 8], gap="medium")
    with side:
        request, plan, language = _choices(ground)
        formats = st.multiselect(
            tr("page.reports.formats"),
            ALL_FORMATS,
            format_func=str.upper,
            key=choice_key(ground.session, "formats", list(_USUAL)),
            placeholder=tr("page.reports.formats_choose"),
        )
        paper = st.radio(
            tr("page.reports.paper"),
            ("a4", "a3"),
            format_func=str.upper,
            horizontal=True,
            key=choice_key(ground.session, "paper", "a4"),
        )
        made = st.button(
            tr("page.reports.make"),
            type="primary",
            width="stretch",
            disabled=not (formats and exports),
            help=None if exports else tr("page.people.no_export"),
        )
        place = st.container()
    with body, st.spinner(tr("page.reports.building")):
        report = _built(ground, request, plan, language)
        _show_preview(ground, report)
    with place:
        if made and exports:
            _write(ground, report, tuple(formats), paper)
        if exports:
            _offer(ground)


def _offer(ground: Ground) -> None:
    """Offer the report that was made last: of these choices, or of an earlier session."""
    work = ground.session.work
    label, ready = "download", work.get("report")
    if ready is None:
        if "report_last" not in work:
            work["report_last"] = recall("report", _whose(ground))
        label, ready = "download_last", (work["report_last"] or [None])[0]
    if ready is not None:
        name, data = ready
        st.download_button(
            tr(f"page.reports.{label}", size=f"{len(data) / 1e6:.1f}", file=name),
            data,
            name,
            "application/zip",
            width="stretch",
            on_click="ignore",
        )


def _whose(ground: Ground) -> tuple[str, str]:
    """Return what a report is kept for: the data that it tells of, and who made it."""
    return ground.key, ground.session.someone().name


def _choices(ground: Ground) -> tuple[Request, Plan | None, str]:
    session, periods = ground.session, _periods(ground)
    period = st.selectbox(
        tr("page.reports.period"),
        list(periods),
        format_func=lambda code: periods[code],
        key=choice_key(session, "report-period", next(iter(periods)), periods),
    )
    compare = st.selectbox(
        tr("page.reports.compare"),
        _COMPARE,
        format_func=lambda name: tr(f"page.compare_with.{name.replace('-', '_') or 'usual'}"),
        key=choice_key(session, "report-compare", "", _COMPARE),
    )
    plans = stored_plans(ground)
    names = list(plans)
    plan = None
    if len(names) > 1:
        key = choice_key(session, "report-plan", names[0], names)
        chosen = st.selectbox(tr("page.reports.plan"), names, key=key)
        plan = None if plans[chosen] is ground.plan else plans[chosen]
    here = current_language()  # a report speaks the language of its page until told otherwise
    language = st.radio(
        tr("page.reports.language"),
        LANGUAGES,
        format_func=lambda name: tr(f"page.tongue.{name}"),
        horizontal=True,
        key=choice_key(session, f"report-language-{here}", here),
    )
    hide = st.number_input(
        tr("page.reports.suppress"),
        0,
        100,
        help=tr("page.reports.suppress_help"),
        key=choice_key(session, "report-hide", 0),
    )
    dated = date.today()  # noqa: DTZ011 - the date on the reader's desk
    return Request(dated, period, compare, int(hide)), plan, language


def _periods(ground: Ground) -> dict[str, str]:
    """Return the periods that a report may be about, the latest first: code to label."""
    found = {}
    session, incidents = ground.session, ground.city.incidents
    span = None if incidents is None else incidents.period
    if span is not None and (session.since or session.until):
        since = session.since or span[0].date()
        until = session.until or span[1].date()
        found[f"{since}..{until}"] = f"{since} – {until}"
    found[""] = tr("page.reports.all_time")
    if span is not None:
        months = pd.period_range(span[0], span[1], freq="M")[::-1]
        for quarter in dict.fromkeys(month.asfreq("Q") for month in months):
            found[f"{quarter.year}Q{quarter.quarter}"] = f"{quarter.year}Q{quarter.quarter}"
        for month in months[:36]:
            found[str(month)] = str(month)
        for year in dict.fromkeys(month.year for month in months):
            found[str(year)] = str(year)
    return found


def _built(ground: Ground, request: Request, plan: Plan | None, language: str) -> Report:
    """Return the report; the last one is kept while its choices stay."""
    key = (ground.key, request, plan.digest if plan else "", language)
    kept = ground.session.work.get("report_built")
    if kept and kept[0] == key:
        report: Report = kept[1]
        return report
    with using_language(language):
        report = build_report(ground.city, request, plan=plan)
    ground.session.work["report_built"] = (key, report)
    ground.session.work.pop("report", None)
    return report


def _show_preview(ground: Ground, report: Report) -> None:
    st.subheader(f"{report.title} · {report.subtitle}")
    show_figures(
        [
            Figure(
                item.label, shown(item.value, item.form, hidden=item.hidden), item.unit, item.note
            )
            for item in report.figures[:6]
        ],
        across=3,
    )
    show_lines(line for line in report.sentences if line not in report.warnings)
    for line in report.warnings:
        st.warning(escaped(line), icon=":material/warning:")
    titles = [table.title for table in report.tables]
    rows = range(len(titles))
    at = st.selectbox(
        tr("page.reports.table"),
        rows,
        format_func=lambda row: titles[row],
        key=choice_key(ground.session, "report-table", 0, rows),
    )
    table = report.tables[at]
    frame = pd.DataFrame(table.texts(), columns=[item.label for item in table.columns])
    st.dataframe(
        frame,
        hide_index=True,
        width="stretch",
        height=min(420, 38 + 35 * max(len(frame), 1)),
        column_config={
            item.label: st.column_config.TextColumn(
                alignment="left" if item.form == "text" else "right",
                width=min(column_px(item.label, frame[item.label]), _WIDE)
                if item.form == "text"
                else column_px(item.label),
            )
            for item in table.columns
        },
    )
    for note in table.notes:
        st.caption(note)


def _write(ground: Ground, report: Report, formats: tuple[str, ...], paper: str) -> None:
    """Write the report as a zip, to be offered now and in later sessions."""
    bar = st.progress(0.0)
    folder = ground.session.private_path("report")

    def tell(what: str, share: float) -> None:
        bar.progress(min(share, 1.0), what.upper())

    session, name = (
        ground.session,
        f"gridmap_{safe_name(report.city.name)}_{report.period.code}.zip",
    )
    path, url = session.writable_path(), session.settings.database_url
    with logged(path, session.someone(), Action.EXPORT, "report", url=url) as detail:
        write_report(report, folder, formats=formats, paper=paper, progress=tell)
        data = _zipped(folder)
        detail.update(file=name, formats=list(formats), bytes=len(data))
    bar.empty()
    session.work["report"] = (name, data)
    session.work.pop("report_last", None)
    remember("report", _whose(ground), (name, data))


def _zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()
