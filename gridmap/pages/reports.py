"""报表: choose, look, download."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import streamlit as st

from gridmap.api.report import (
    ReportOptions,
    ReportResult,
    all_formats,
    norm_figures,
    read_settings,
    setting_labels,
    settings_file,
    write_settings,
)
from gridmap.api.report import report as make_report
from gridmap.errors import GridmapError, InputError
from gridmap.i18n import LANGUAGES, current_language, tr
from gridmap.io.placing import safe_name
from gridmap.model import City, Kind
from gridmap.pages.cache import recall, remember
from gridmap.pages.ground import PageGround, read_ground
from gridmap.pages.layout import (
    StripFigure,
    beat_noun,
    column_px,
    escaped,
    local_time,
    show_empty,
    show_error,
    show_figures,
    show_lines,
)
from gridmap.pages.redraw_state import saved_versions, stored_plans
from gridmap.pages.session import choice_key
from gridmap.plans import Action, logged

Length = Literal["1", "4", "full"]

_COMPARE = ("", "previous", "last-year", "ytd", "none")
_SETTINGS = {".toml", ".png", ".svg", ".jpg", ".jpeg"}
_CARDS = {"pdf": "PDF", "docx": "Word"}
_LENGTHS: tuple[Length, ...] = ("1", "4", "full")
_USUAL = ("xlsx", "pdf")
_WIDE = 420  # px
_LISTED = 4
_LETTERHEAD = ("agency", "title", "number", "secrecy", "signatory", "contact", "phone")
_MOST_HIDDEN = 100


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    if not ground.city.has(Kind.GRID):
        show_empty("no_grids")
        return
    exports = ground.session.may(Action.EXPORT)
    side, body = st.columns([3, 8], gap="medium")
    with side:
        card = st.container()
        options, formats = _choices(ground)
        made = st.button(
            tr("page.reports.make"),
            type="primary",
            width="stretch",
            disabled=not (formats and exports),
            help=None if exports else tr("page.people.no_export"),
        )
        place, own = st.container(), st.container()
    with own:
        remarks = st.text_area(
            tr("page.reports.remarks"),
            help=tr("page.reports.remarks_help"),
            placeholder=tr("page.reports.remarks_blank"),
            key=choice_key(ground.session, "report-remarks", ""),
        )
        if ground.session.may(Action.IMPORT):
            _offer_settings(ground)
    with body, st.spinner(tr("page.reports.building")):
        result, key = _built(ground, options)
        if remarks.strip():
            result, key = result.with_remarks(remarks), (*key, remarks)
        _show_preview(ground, result, key)
    with card:
        _offer_card(ground, result, key, exports=exports)
    with place:
        if made and exports:
            _write(ground, result)
        if exports:
            _offer(ground)


def _offer_settings(ground: PageGround) -> None:
    """Offer the department's own settings of reports, kept in the workspace's ``report.toml``."""
    session, path = ground.session, settings_file(ground.session.path)
    with st.expander(tr("page.reports.settings")):
        try:
            known, stamp = read_settings(path), path.stat().st_mtime_ns if path.exists() else 0
        except GridmapError as error:
            show_error(error)
            return
        with st.form(f"gridmap-settings-{stamp}", border=False):
            values: dict[str, Any] = {
                name: st.text_input(tr(f"page.reports.set_{name}"), str(getattr(known, name)),
                                    placeholder=tr(f"page.reports.eg_{name}"), max_chars=200)
                for name in _LETTERHEAD
            }  # fmt: skip
            copies = st.text_area(tr("page.reports.set_copies"), "\n".join(known.copies))
            values["copies"] = [line.strip() for line in copies.splitlines() if line.strip()]
            for name, labels in setting_labels().items():
                values[name] = st.multiselect(
                    tr(f"page.reports.set_{name}"),
                    list(labels),
                    getattr(known, name),
                    format_func=labels.__getitem__,
                    placeholder=tr("page.reports.set_all"),
                )
                if values[name] == list(labels):
                    values[name] = []
            incidents = ground.city.incidents
            categories = () if incidents is None else incidents.categories
            values["grave"] = st.multiselect(
                tr("page.reports.set_grave"),
                list(dict.fromkeys([*known.grave, *categories])),
                list(known.grave),
                accept_new_options=True,
                placeholder=tr("page.reports.set_grave_choose"),
            )
            values["norms"] = _norm_inputs(norm_figures(known))
            logo = st.file_uploader(tr("page.reports.set_logo"), ["png", "jpg", "jpeg", "svg"])
            if known.logo and st.checkbox(tr("page.reports.set_no_logo")):
                values["logo"] = ""
            if st.form_submit_button(tr("page.reports.set_save"), width="stretch"):
                try:
                    target = settings_file(session.writable_path())
                    log = logged(session.writable_path(), session.someone(), Action.IMPORT,
                                 "report.toml", url=session.settings.database_url)  # fmt: skip
                    with log as detail:
                        write_settings(
                            target, values, logo=(logo.name, logo.getvalue()) if logo else None
                        )
                        detail.update(keys=[name for name, value in values.items() if value])
                except GridmapError as error:
                    show_error(error)
                else:
                    st.rerun()


def _norm_inputs(
    figures: Sequence[tuple[str, str, str, float, float]],
) -> dict[str, dict[str, float]]:
    """Draw the figures of the norms; return those that are not the bundled ones, by norm."""
    found: dict[str, dict[str, float]] = {}
    for norm, name, counted, known, bundled in figures:
        label = f"{name} · {tr(f'page.reports.norm_{counted}')}"
        now = st.number_input(label, 0.0, value=known, format="%g")
        if now != bundled:
            found.setdefault(norm, {})[counted] = now
    return found


def _offer_card(
    ground: PageGround, result: ReportResult, key: tuple[str, ...], *, exports: bool
) -> None:
    """Offer the card of one beat of the report's plan: the one that is looked at, or another."""
    plan, session = result.options.plan or ground.plan, ground.session
    if plan is None:
        return
    labels = {str(beat.id): beat.label for beat in plan.beats}
    with st.container(border=True):
        beat = st.selectbox(
            tr("page.reports.card"),
            list(labels),
            format_func=lambda one: beat_noun(labels.get(str(one), "")),
            placeholder=tr("page.reports.card_choose"),
            key=choice_key(session, f"card-{session.beat}", session.beat or None, labels),
        )
        hidden = bool(result.options.suppress_below)
        if hidden:
            st.caption(tr("page.reports.card_hidden"))
        if beat is None or hidden or not exports:
            return
        try:
            cards = {suffix: _card(result, (*key, beat, suffix)) for suffix in _CARDS}
        except GridmapError as error:  # a beat that grids name and no polygon draws
            show_error(error)
            return
        for (suffix, data), place in zip(cards.items(), st.columns(2), strict=True):
            file = f"{tr('page.reports.card_file')}_{safe_name(labels[beat])}.{suffix}"
            place.download_button(
                _CARDS[suffix],
                data,
                file,
                icon=":material/download:",
                width="stretch",
                on_click=_log_card,
                args=(ground, file),
                key=f"gridmap-card-{suffix}",
            )


@st.cache_resource(show_spinner=False, max_entries=24)
def _card(_result: ReportResult, key: tuple[str, ...]) -> bytes:
    """Return the card of a beat; the key ends with the beat and the suffix."""
    beat, suffix = key[-2:]
    return _result.card(beat, suffix="docx" if suffix == "docx" else "pdf")


def _log_card(ground: PageGround, file: str) -> None:
    """Write to the log that a card has been taken."""
    session = ground.session
    path, url = session.writable_path(), session.settings.database_url
    with logged(path, session.someone(), Action.EXPORT, "report", url=url) as detail:
        detail.update(file=file)


def _offer(ground: PageGround) -> None:
    """Offer the reports that were made last, now or in earlier sessions."""
    made = _made(ground)
    if made:
        st.caption(tr("page.reports.last"))
    for at, (name, when, data) in enumerate(made):
        st.download_button(
            tr("page.reports.download", size=f"{len(data) / 1e6:.1f}", file=name),
            data,
            name,
            "application/zip",
            width="stretch",
            on_click="ignore",
            key=f"gridmap-report-{at}",
            help=f"{local_time(datetime.fromisoformat(when)):%Y-%m-%d %H:%M}",
        )


def _made(ground: PageGround) -> list[tuple[str, str, bytes]]:
    """Return name, time and bytes of the reports that are kept, the latest first."""
    work = ground.session.work
    if "reports_made" not in work:
        work["reports_made"] = list((recall("reports", _whose(ground)) or [[]])[0])
    found: list[tuple[str, str, bytes]] = work["reports_made"]
    return found


def _whose(ground: PageGround) -> tuple[str, str]:
    """Return what reports are kept for: the data that they tell of, and who made them."""
    return ground.key, ground.session.someone().name


def _choices(ground: PageGround) -> tuple[ReportOptions, list[str]]:
    """Return what is asked for, and the formats that are picked."""
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
    # The city as it is comes first, as for the command: with its own beats, or without any.
    names = list(plans) if ground.plan is not None else ["", *plans]
    plan = None
    if len(names) > 1:
        key = choice_key(session, "report-plan", names[0], names)
        chosen = st.selectbox(
            tr("page.reports.plan"),
            names,
            format_func=lambda name: name or tr("page.reports.no_plan"),
            key=key,
        )
        plan = plans.get(chosen)
        plan = None if plan is ground.plan else plan
    here = current_language()  # a report speaks the language of its page until told otherwise
    left, right = st.columns(2)
    language = left.radio(
        tr("page.reports.language"),
        LANGUAGES,
        format_func=lambda name: tr(f"page.tongue.{name}"),
        key=choice_key(session, f"report-language-{here}", here),
    )
    paper = right.radio(
        tr("page.reports.paper"),
        ("a4", "a3"),
        format_func=str.upper,
        key=choice_key(session, "paper", "a4"),
    )
    length = st.segmented_control(
        tr("page.reports.length"),
        _LENGTHS,
        format_func=lambda name: tr(f"page.reports.length_{name}"),
        required=True,
        key=choice_key(session, "report-length", "full", _LENGTHS),
    )
    # Without bounds: a browser keeps a number out of bounds on the screen and does not send it.
    hide = _hidden_below(
        st.number_input(
            tr("page.reports.suppress"),
            step=1,
            help=tr("page.reports.suppress_help"),
            key=choice_key(session, "report-hide", 0),
        )
    )
    document = plan is not None and st.toggle(
        tr("page.reports.document"),
        help=tr("page.reports.document_help"),
        disabled=hide > 0,
        key=choice_key(session, "report-document", False),  # noqa: FBT003 - a switch's value
    )
    formats = st.multiselect(
        tr("page.reports.formats"),
        all_formats(),
        format_func=str.upper,
        key=choice_key(session, "formats", list(_USUAL)),
        placeholder=tr("page.reports.formats_choose"),
    )
    own = settings_file(session.path)
    options = ReportOptions(
        plan=plan,
        document=document and not hide,
        period=period,
        compare=compare,
        formats=",".join(formats) or "xlsx",
        pages=length or "full",
        settings=str(own) if own.exists() else "",
        lang="zh" if language == "zh" else "en",
        suppress_below=hide,
        paper="a3" if paper == "a3" else "a4",
    )
    return options, formats


def _hidden_below(number: float) -> int:
    """Return below which number counts are hidden; refuse one that would hide nothing unsaid."""
    if not 0 <= number <= _MOST_HIDDEN:
        raise InputError("page.reports.suppress_range", received=number, most=_MOST_HIDDEN)
    return int(number)


def _periods(ground: PageGround) -> dict[str, str]:
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


def _built(ground: PageGround, options: ReportOptions) -> tuple[ReportResult, tuple[str, ...]]:
    """Return the report and what it is kept under; readers who ask for the same one share it."""
    # Formats are written of the same report.
    asked = str({**options.to_dict(), "plan": "", "formats": ""})
    key = (ground.key, options.plan.digest if options.plan else "", asked, _stamps(options))
    result = replace(_report(ground.city, options, key), options=options)
    if options.document and options.plan is not None:
        name = options.plan.name
        if name in {version.name for version in saved_versions(ground)}:
            with ground.session.store(ground.session.path) as store:
                result = result.with_versions(store.history(name))
    return result, key


def _stamps(options: ReportOptions) -> str:
    """Return the day, and size and time of the department's own settings and pictures."""
    folder = Path(options.settings).parent if options.settings else None
    files = sorted(folder.iterdir()) if folder else []
    stats = [(file.name, file.stat()) for file in files if file.suffix in _SETTINGS]
    told = [f"{name}|{stat.st_size}|{stat.st_mtime_ns}" for name, stat in stats]
    return "|".join([f"{datetime.now(UTC).astimezone():%Y-%m-%d}", *told])


@st.cache_resource(show_spinner=False, max_entries=6)
def _report(_city: City, _options: ReportOptions, key: tuple[str, ...]) -> ReportResult:  # noqa: ARG001 - hashed for both
    return make_report(_city, _options)


@st.cache_resource(show_spinner=False, max_entries=6)
def _first_page(_result: ReportResult, key: tuple[str, ...]) -> bytes:  # noqa: ARG001 - hashed for the result
    """Return page 1 as a picture, set once for a report."""
    return _result.preview(ppi=110.0)


def _show_preview(ground: PageGround, result: ReportResult, key: tuple[str, ...]) -> None:
    report = result.report
    title = tr("page.reports.document") if result.options.document else report.title
    st.header(f"{title} · {report.subtitle}", anchor=False)
    if result.options.suppress_below:
        st.info(tr("page.reports.suppressed", count=result.options.suppress_below))
    page, told = st.columns([5, 4], gap="medium")
    with page:
        st.image(_first_page(result, key), width="stretch", alt=tr("page.reports.first_page"))
    with told:
        _show_told(ground, result)


def _show_told(ground: PageGround, result: ReportResult) -> None:
    report = result.report
    show_figures(
        [
            StripFigure(item.label, item.text(), item.unit, item.note)
            for item in report.figures[:6]
        ],
        across=2,
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


def _write(ground: PageGround, result: ReportResult) -> None:
    """Write the report as a zip, to be offered now and in later sessions."""
    bar = st.progress(0.0)
    folder = ground.session.private_path("report")

    def tell(share: float, what: str = "") -> None:
        bar.progress(min(share, 1.0), what.upper())

    report, session = result.report, ground.session
    name = f"gridmap_{safe_name(report.city.label)}_{report.period.code}.zip"
    path, url = session.writable_path(), session.settings.database_url
    with logged(path, session.someone(), Action.EXPORT, "report", url=url) as detail:
        result.write(folder, progress=tell)
        data = _zipped(folder)
        formats = result.options.formats.split(",")
        detail.update(file=name, formats=formats, bytes=len(data))
    bar.empty()
    made = [(name, datetime.now(UTC).isoformat(), data), *_made(ground)][:_LISTED]
    session.work["reports_made"] = made
    remember("reports", _whose(ground), made)


def _zipped(folder: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return out.getvalue()
