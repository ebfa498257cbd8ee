"""Import: drop files, see what gridmap understood, correct it, then store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import shapely
import streamlit as st

from gridmap.errors import GridmapError
from gridmap.i18n import current_language, has_key, set_language, tr
from gridmap.io import KINDS, ImportReport
from gridmap.maps import Overlay, Scene, degrees_of, outline_overlay
from gridmap.model import Incidents, Kind, Layer
from gridmap.model.crs import DATUMS
from gridmap.pages.cache import drawing_of
from gridmap.pages.choices import choice_key
from gridmap.pages.ground import Ground
from gridmap.pages.layout import number, show_error, show_lines
from gridmap.pages.session import Session
from gridmap.pages.touch import show_map
from gridmap.pages.uploads import (
    Upload,
    contents_of,
    forget_bytes,
    keep_files,
    look_first,
    read_for_a_look,
    store,
)

__all__ = ["show_import"]

_DATE_ORDERS = ("YMD", "MDY", "DMY", "YDM")


def show_import(session: Session, ground: Ground | None) -> None:
    """Draw the step."""
    stored = session.work.pop("stored", None)
    if stored:
        st.success(stored)
    dropped = st.file_uploader(
        tr("page.import.drop"),
        accept_multiple_files=True,
        key=f"gridmap-upload-{session.work.get('uploads', 0)}",
    )
    if not dropped:
        st.caption(tr("page.import.formats"))
        return
    upload = session.work.get("upload")
    upload = upload if isinstance(upload, Upload) else None
    if upload is None or upload.ids != tuple(item.file_id for item in dropped):
        files = contents_of(session, dropped, upload)
        if files is None:  # another workspace was opened meanwhile: drop them anew
            session.work["uploads"] = int(session.work.get("uploads", 0)) + 1
            st.rerun()
        upload = keep_files(session, files)
        upload.ids = forget_bytes(session, dropped)
        session.work["upload"] = upload
        _look(session, upload, read=look_first)
    table, map_side = st.columns([5, 6], gap="medium")
    with table:
        _show_choices(session, upload)
        if upload.report is not None and upload.found is not None:
            _show_report(upload.report)
            _show_store(session, ground, upload, upload.found, upload.report)
    with map_side:
        if upload.found is not None:
            show_map(_scene(upload.found), key="map-import", height=560)


def _look(
    session: Session, upload: Upload, *, read: Callable[[Session, Upload], None] = read_for_a_look
) -> None:
    session.work.pop("upload_error", None)
    try:
        with st.spinner(tr("page.import.reading")):
            read(session, upload)
    except GridmapError as error:
        session.work["upload_error"] = error


def _show_choices(session: Session, upload: Upload) -> None:
    """Let the reader correct what was guessed; then look again."""
    error = session.work.get("upload_error")
    if isinstance(error, GridmapError):
        show_error(error)
    st.subheader(tr("page.import.understood"))
    kind = st.selectbox(
        tr("page.import.kind"),
        KINDS,
        index=KINDS.index(upload.kind),
        format_func=lambda name: tr(f"page.kind.{name}"),
    )
    if kind != upload.kind:
        upload.kind = kind
        upload.options = replace(upload.options, columns={}, date_formats=())
        _look(session, upload)
        st.rerun()
    with st.expander(
        tr("page.import.correct"), expanded=upload.report is None, key="gridmap-correct"
    ):
        _show_corrections(session, upload, current_language())


@st.fragment
def _show_corrections(session: Session, upload: Upload, language: str) -> None:
    """Draw all that a look may get wrong: nothing is read again before the button says so."""
    set_language(language)
    options, mark = upload.options, f"{session.work.get('uploads', 0)}-{upload.kind}"

    def key(name: str, usual: object) -> str:
        return choice_key(session, f"import-{mark}-{name}", usual)

    left, right = st.columns(2)
    crs = left.text_input(
        tr("page.import.crs"), placeholder="EPSG:4547", key=key("crs", options.crs)
    )
    datum = right.selectbox(
        tr("page.import.datum"),
        DATUMS,
        format_func=lambda name: tr(f"page.datum.{name}"),
        key=key("datum", options.datum),
    )
    encoding = left.text_input(
        tr("page.import.encoding"), placeholder="GBK", key=key("encoding", options.encoding)
    )
    layer = right.text_input(tr("page.import.layer"), key=key("layer", options.layer))
    dates: tuple[str, ...] = ()
    if upload.kind == "incidents":
        dates = tuple(
            st.multiselect(
                tr("page.import.dates"),
                _DATE_ORDERS,
                placeholder=tr("page.import.dates_choose"),
                key=key("dates", list(options.date_formats)),
            )
        )
    st.markdown(f"**{tr('page.import.columns')}**")
    picked = _pick_columns(upload, key)
    if st.button(tr("page.import.again"), width="stretch"):
        upload.correct(
            picked,
            crs=crs.strip(),
            datum=datum,
            encoding=encoding.strip(),
            layer=layer.strip(),
            date_formats=dates,
        )
        _look(session, upload)
        st.rerun()


def _pick_columns(upload: Upload, key: Callable[[str, object], str]) -> dict[str, str]:
    """Let the reader say which column stands for each field, or that none does."""
    known = bool(upload.columns)
    none = tr("page.import.no_column" if upload.report else "page.import.by_itself")
    picked: dict[str, str] = {}
    places = st.columns(2)
    for at, (name, column) in enumerate(upload.taken().items()):
        offered = list(dict.fromkeys(["", column, *upload.columns]))
        one = places[at % 2].selectbox(
            tr(f"field.{name}"),
            offered,
            format_func=lambda one: one or none,
            accept_new_options=not known,  # where no look went well, it can be typed
            # Anew where the look took another: what it found stands there, not the old.
            key=key(f"{name}-{column}", column),
        )
        picked[name] = (one or "").strip()
    return picked


def _show_report(report: ImportReport) -> None:
    refused = sum(report.refused.values())
    lines = [
        tr(
            "page.import.counts",
            read=number(report.read),
            features=number(report.features),
            refused=number(refused),
        ),
        tr("page.import.crs_line", crs=report.crs, encoding=report.encoding or "–"),
    ]
    lines += [
        tr("page.import.refused", reason=_reason(reason), count=number(count))
        for reason, count in report.refused.items()
    ]
    if report.refused_columns:
        lines.append(
            tr("page.import.persons", names=tr("page.join.names").join(report.refused_columns))
        )
    lines += [note.text() for note in report.warnings]
    lines.append(
        tr(
            "page.import.mapped",
            pairs=tr("page.join.pairs").join(
                f"{tr(f'field.{name}')} ← {column}" for name, column in report.mapped.items()
            )
            or "–",
        )
    )
    show_lines(lines)


def _reason(reason: str) -> str:
    key = f"cli.reason.{reason}"
    return tr(key) if has_key(key) else reason


def _show_store(
    session: Session,
    ground: Ground | None,
    upload: Upload,
    found: Layer | Incidents,
    report: ImportReport,
) -> None:
    city = session.workspace if ground is None else ground.city.name
    label = tr("page.import.store", kind=tr(f"page.kind.{upload.kind}"), city=city)
    if not st.button(label, type="primary", width="stretch"):
        return
    try:
        with st.spinner(tr("page.import.storing")):
            store(session, found, report, upload.kind)
    except GridmapError as error:
        show_error(error)
        return
    session.work["stored"] = tr(
        "page.import.stored", kind=tr(f"page.kind.{upload.kind}"), count=number(report.features)
    )
    session.work["uploads"] = int(session.work.get("uploads", 0)) + 1
    session.work.pop("upload", None)
    st.rerun()


def _scene(found: Layer | Incidents) -> Scene:
    """Return what was understood, drawn alone."""
    if isinstance(found, Incidents):
        batch = found.all
        step = max(1, len(batch) // 3000)
        points = degrees_of(shapely.points(batch.x[::step], batch.y[::step]), found.crs)
        overlay = Overlay("incidents", tr("page.import.sample"), "#d97706", points=points)
    elif found.kind in (Kind.ROOM, Kind.FACILITY):
        overlay = Overlay(
            "points",
            tr(f"page.kind.{found.kind}"),
            "#0f5c55",
            points=degrees_of(found.geometry, found.crs),
            names=list(map(str, found.names)),
        )
    else:
        overlay = outline_overlay(found, drawing=drawing_of(found, datum="wgs84"))
    return Scene(None, overlays=(overlay,))
