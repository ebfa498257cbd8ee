"""数据: what is there, what is wrong with it, and what comes in next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import shapely
import streamlit as st

from gridmap.errors import GridmapError, in_page
from gridmap.i18n import current_language, has_key, set_language, tr
from gridmap.io import KINDS, TABLE, ImportReport, Note, Workspace, repair_workspace, undo_repair
from gridmap.io.findings import finding_name
from gridmap.io.options import sources_of
from gridmap.maps import Overlay, Scene, degrees_of, draw_geometry, outline_overlay, units_of
from gridmap.model import AREA_KINDS, Incidents, Kind, Layer
from gridmap.model.crs import DATUMS, crs_label
from gridmap.pages.cache import captions_of_city, drawing_of, findings_of
from gridmap.pages.ground import PageGround, read_ground
from gridmap.pages.layout import (
    column_px,
    escaped,
    number,
    pick_row,
    show_empty,
    show_error,
    show_lines,
)
from gridmap.pages.session import (
    LONGEST_NAME,
    Session,
    choice_key,
    current_session,
    is_name,
)
from gridmap.pages.touch import show_map
from gridmap.pages.uploads import (
    Item,
    Upload,
    contents_of,
    forget_bytes,
    keep_files,
    look,
    store_ready,
)
from gridmap.plans import Action, logged, repair_detail

_STEPS = ("there", "import", "check")
_OVER_GRIDS = (
    Kind.BARRIER, Kind.ROAD, Kind.COMMUNITY, Kind.STATION, Kind.BEAT, Kind.FACILITY, Kind.ROOM,
)  # fmt: skip


def show() -> None:
    """Draw the page."""
    session = current_session()
    imports = session.may(Action.IMPORT)
    left, right = st.columns([6, 1.2], vertical_alignment="center")
    if imports:
        with right:
            _pick_workspace(session)
    ground = None
    try:
        ground = read_ground()
    except GridmapError as error:
        if session.has_workspace:
            show_error(error)
    steps = [step for step in _STEPS if imports or step != "import"]
    before = str(session.work.get("data_step", "import" if ground is None else "there"))
    before = before if before in steps else steps[0]
    chosen = left.segmented_control(
        tr("page.data.step"),
        steps,
        default=before,
        format_func=lambda name: tr(f"page.data.{name}"),
        label_visibility="collapsed",
        required=True,
        key=f"gridmap-data-step-{session.workspace}",
    )
    session.work["data_step"] = chosen
    if chosen == "import" and imports:
        show_import(session, ground)
    elif ground is None:
        show_empty("no_layers")
    elif chosen == "check":
        _show_check(ground)
    else:
        _show_contents(ground)


def _pick_workspace(session: Session) -> None:
    with st.popover(
        tr("page.data.new_workspace"), key=f"gridmap-new-{len(session.places)}", width="stretch"
    ):
        name = st.text_input(tr("page.data.new_name"), key="gridmap-new-workspace").strip()
        kept = session.kept_folder
        st.caption(tr("page.data.new_kept", folder=kept) if kept else tr("page.data.new_help"))
        # Never greyed out: a name that is still being typed is known only after the click.
        if not st.button(tr("page.data.new_make")):
            return
        if not name or name in session.places:
            st.warning(tr(f"page.data.new_{'taken' if name else 'nameless'}", name=name))
            return
        if not is_name(name):
            st.warning(tr("page.data.new_invalid", longest=LONGEST_NAME))
            return
        session.new_workspace(name)
        st.rerun()


def _show_contents(ground: PageGround) -> None:
    city = ground.city
    table, map_side = st.columns([5, 6], gap="medium")
    with table:
        st.header(tr("page.data.layers"), anchor=False)
        contents = _contents(ground)
        layer, area = tr("page.data.layer"), tr("page.data.area")
        st.dataframe(
            contents,
            hide_index=True,
            width="stretch",
            column_config={
                layer: st.column_config.TextColumn(width=column_px(layer, contents[layer])),
                tr("page.data.count"): st.column_config.NumberColumn(format="localized"),
                area: st.column_config.TextColumn(alignment="right", width=column_px(area)),
            },
        )
        st.caption(tr("page.data.crs", crs=crs_label(city.crs)))
        notes = [
            f"{tr(f'page.kind.{kind}')}: {Note.tell(line)}"
            for kind, layer in city.layers.items()
            for line in dict[str, Any](layer.provenance).get("warnings") or []
        ]
        if notes:
            with st.expander(tr("page.data.notes", count=len(notes))):
                show_lines(notes)
    with map_side:
        overlays = [_overlay(kind, ground) for kind in _OVER_GRIDS if city.has(kind)]
        grids = city.get(Kind.GRID)
        cells = None if grids is None else drawing_of(grids, datum=ground.datum)
        scene = Scene(
            cells,
            overlays=tuple(overlays),
            units=None if cells is None or ground.plan is None else units_of(ground.plan),
            captions=captions_of_city(city, ground.key, datum=ground.datum),
        )
        show_map(scene, key="map-data", height=680)


def _overlay(kind: Kind, ground: PageGround) -> Overlay:
    if kind in (Kind.ROOM, Kind.FACILITY):
        return _points(kind, ground)
    layer = ground.city.layer(kind)
    drawing = drawing_of(layer, datum=ground.datum)
    return outline_overlay(layer, drawing=drawing, shown=kind in (Kind.BEAT, Kind.BARRIER))


def _points(kind: Kind, ground: PageGround) -> Overlay:
    layer = ground.city.layer(kind)
    return Overlay(
        f"points-{kind}",
        tr(f"maps.kind.{kind}"),
        "#0f5c55" if kind is Kind.ROOM else "#7c3aed",
        points=degrees_of(layer.geometry, layer.crs, datum=ground.datum),
        names=list(map(str, layer.names)),
        shown=kind is Kind.ROOM,
    )


def _contents(ground: PageGround) -> pd.DataFrame:
    """Return one row per layer: how many, from which files, in which CRS, what was mapped."""
    rows: list[dict[str, Any]] = []
    for kind in Kind:
        layer = ground.city.get(kind)
        if layer is None:
            continue
        rows.append(
            {
                tr("page.data.layer"): tr(f"page.kind.{kind}"),
                tr("page.data.count"): len(layer),
                tr("page.data.area"): number(float(layer.area_m2.sum()) / 1e6, 1)
                if kind in AREA_KINDS
                else "",
                **_origin(layer.provenance),
            }
        )
    if ground.city.incidents is not None:
        rows.append(
            {
                tr("page.data.layer"): tr("page.kind.incidents"),
                tr("page.data.count"): len(ground.city.incidents),
                tr("page.data.area"): "",
                **_origin(Workspace.open(ground.session.path).config.get("incidents", {})),
            }
        )
    frame = pd.DataFrame(rows)
    return frame.loc[:, (frame != "").any()]


def _origin(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Return from which files something came, in which CRS, and which columns were taken."""
    mapped = dict(provenance.get("mapped") or {})
    return {
        tr("page.data.sources"): tr("page.join.names").join(sources_of(provenance)),
        tr("page.data.source_crs"): str(provenance.get("source_crs") or ""),
        tr("page.data.mapped"): tr("page.join.pairs").join(
            f"{tr(f'field.{name}')} ← {column}" for name, column in mapped.items()
        ),
    }


def _show_check(ground: PageGround) -> None:
    with st.spinner(tr("page.data.checking")):
        found = findings_of(ground.city, ground.key)
    if not found:
        st.success(tr("page.data.clean"))
        return
    table, map_side = st.columns([5, 6], gap="medium")
    with table:
        frame = pd.DataFrame(
            {
                tr("page.data.severity"): [
                    tr(f"io.severity.{item.severity}").capitalize() for item in found
                ],
                tr("page.data.layer"): [tr(f"io.layer.{item.layer}") for item in found],
                tr("page.data.finding"): [finding_name(item.kind) for item in found],
                tr("page.data.count"): [item.count for item in found],
                tr("page.data.area_m2"): [
                    number(item.area_m2) if item.area_m2 else "" for item in found
                ],
                "ID": [tr("page.join.names").join(item.ids) for item in found],
            }
        )
        chosen = found[pick_row(frame, key="gridmap-findings", right=[tr("page.data.area_m2")])]
        _show_repair(ground)
    with map_side:
        st.caption(tr("page.data.on_map", name=finding_name(chosen.kind)))
        overlays = []
        if len(chosen.places):
            overlays.append(
                Overlay(
                    "places",
                    finding_name(chosen.kind),
                    "#b3261e",
                    points=degrees_of(chosen.places, ground.city.crs, datum=ground.datum),
                )
            )
            overlays.append(
                Overlay(
                    "ground",
                    tr("page.data.places"),
                    "#b3261e",
                    drawing=draw_geometry(chosen.places, ground.city.crs, datum=ground.datum),
                    fill="#b3261e",
                )
            )
        grids = ground.city.get(Kind.GRID)
        cells = None if grids is None else drawing_of(grids, datum=ground.datum)
        show_map(Scene(cells, overlays=tuple(overlays)), key="map-findings", height=560)


def _show_repair(ground: PageGround) -> None:
    session = ground.session
    if not session.may(Action.REPAIR):
        return
    left, right = st.columns(2)
    mend = left.button(tr("page.data.repair"), width="stretch")
    undo = right.button(tr("page.data.undo_repair"), width="stretch")
    path = session.writable_path() if mend or undo else session.path
    actor, url = session.someone(), session.settings.database_url
    try:
        if mend:
            with (
                st.spinner(tr("page.data.repairing")),
                logged(path, actor, Action.REPAIR, "layers", url=url) as detail,
            ):
                done = repair_workspace(path)
                detail.update(repair_detail(done))
            session.work["repair"] = [
                tr(
                    "page.data.repaired",
                    layer=tr(f"io.layer.{item.layer}"),
                    kind=finding_name(item.kind),
                    count=item.rows,
                    left=item.left,
                )
                for item in done.done
                if item.rows or item.left
            ] or [tr("page.data.nothing_to_repair")]
            st.rerun()
        if undo:
            with logged(path, actor, Action.REPAIR, "undo", url=url) as detail:
                kinds = undo_repair(path)
                detail["layers"] = [str(kind) for kind in kinds]
            names = tr("page.join.names").join(tr(f"page.kind.{kind}") for kind in kinds)
            session.work["repair"] = [tr("page.data.restored", names=names)]
            st.rerun()
    except GridmapError as error:
        show_error(error)
    show_lines(session.work.pop("repair", []))


# -- import: a list of the dropped files, what each is, and what each still has to be told


_DATE_ORDERS = ("YYYY-MM-DD", "MM-DD-YYYY", "DD-MM-YYYY", "YYYY-DD-MM")
_MOST_OFFERED = 5
_AREAS = {str(kind) for kind in AREA_KINDS}
_COLOURS = {
    "grid": "#94a3b8", "beat": "#0f5c55", "station": "#b3261e", "community": "#7c3aed",
    "road": "#64748b", "barrier": "#2563eb", "room": "#0f5c55", "facility": "#7c3aed",
    "incidents": "#d97706",
}  # fmt: skip


@dataclass(frozen=True)
class _Answer:
    """One of the buttons under a question: what it says, and what it does."""

    text: str
    do: Callable[[], None]


@dataclass(frozen=True)
class _Question:
    """What a file has to be told before it can be stored."""

    text: str
    answers: tuple[_Answer, ...]


def show_import(session: Session, ground: PageGround | None) -> None:
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
        show_checklist(ground)
        return
    upload = session.work.get("upload")
    upload = upload if isinstance(upload, Upload) else None
    if upload is None or upload.ids != tuple(item.file_id for item in dropped):
        before = upload
        files = contents_of(session, dropped, before)
        if files is None:  # another workspace was opened meanwhile: drop them anew
            session.work["uploads"] = int(session.work.get("uploads", 0)) + 1
            st.rerun()
        upload = keep_files(session, files)
        upload.ids = forget_bytes(session, dropped)
        new = upload.take(before)
        session.work["upload"] = upload
        with st.spinner(tr("page.import.reading")):
            for item in new:
                look(session, item)
    table, map_side = st.columns([6, 5], gap="medium")
    with table:
        for at, item in enumerate(upload.items):
            _show_item(session, upload, item, at)
        _show_store(session, upload)
        show_checklist(ground)
    with map_side:
        scene = _scene(upload)
        if scene.overlays:
            show_map(scene, key="map-import", height=560)


# -- one file


def _show_item(session: Session, upload: Upload, item: Item, at: int) -> None:
    key = f"gridmap-item-{session.work.get('uploads', 0)}-{at}"
    question = None if item.stored else _question_of(session, upload, item)
    state = _state_of(item, question)
    with st.container(border=True, key=key):
        name, chosen = st.columns([3, 2], vertical_alignment="center")
        name.markdown(f"**{escaped(item.name)}** {_badge(state)}")
        if not item.stored:
            with chosen:
                _pick_kind(session, item, key)
        if item.report is not None:
            st.caption(escaped(_summary(item.report)))
            if item.report.refused_columns:
                st.markdown(escaped(_left_out(item.report.refused_columns)))
        if item.error is not None and question is None:
            st.markdown(escaped(in_page(item.error.text())))
        if question is not None:
            _show_question(question, key)
        if not item.stored and item.kind in KINDS:
            with st.expander(tr("page.import.correct"), key=f"{key}-more"):
                if item.report is not None:
                    _show_report(item.report)
                _show_corrections(session, item, key, current_language())


def _state_of(item: Item, question: _Question | None) -> str:
    if item.stored:
        return "stored"
    if question is not None:
        return "asks"
    return "ready" if item.is_ready else "refused"


def _badge(state: str) -> str:
    colour = {"ready": "green", "stored": "gray", "asks": "orange", "refused": "red"}[state]
    return f":{colour}-badge[{tr(f'page.import.state.{state}')}]"


def _summary(report: ImportReport) -> str:
    """Return rows, columns understood, CRS and period in a line."""
    parts = [
        tr("page.import.rows", count=number(report.features)),
        tr("page.import.understood_columns", names=tr("page.join.names").join(
            tr(f"field.{name}") for name in report.mapped) or "–"),
        report.crs,
    ]  # fmt: skip
    refused = sum(report.refused.values())
    if refused:
        parts.insert(1, tr("page.import.refused_rows", count=number(refused)))
    first, last = report.facts.get("first"), report.facts.get("last")
    if first and last:
        parts.append(f"{str(first)[:10]} – {str(last)[:10]}")
    return " · ".join(parts)


def _pick_kind(session: Session, item: Item, key: str) -> None:
    kinds = (*KINDS, TABLE) if item.kind in {TABLE, ""} else KINDS
    kind = st.selectbox(
        tr("page.import.kind"),
        kinds,
        index=kinds.index(item.kind) if item.kind in kinds else None,
        format_func=lambda name: tr(f"page.kind.{name}"),
        label_visibility="collapsed",
        key=f"{key}-kind-{item.kind}",
    )
    if kind and kind != item.kind:
        item.kind = kind
        item.options = replace(item.options, columns={}, date_formats=())
        _look_again(session, item)


def _look_again(session: Session, *items: Item) -> None:
    with st.spinner(tr("page.import.reading")):
        for item in items:
            look(session, item)
    st.rerun()


# -- questions


def _show_question(question: _Question, key: str) -> None:
    st.markdown(escaped(question.text))
    for at, answer in enumerate(question.answers):
        if st.button(answer.text, key=f"{key}-answer-{at}", width="stretch"):
            answer.do()


def _question_of(session: Session, upload: Upload, item: Item) -> _Question | None:
    """Return what a file asks, or None where it is ready or nothing would help."""
    if item.error is not None:
        answers = tuple(_answers_to(session, item, item.error))
        if not answers:
            return None
        name = item.error.key.rpartition(".")[2]
        asks = f"page.import.ask.{name}"
        text = (
            tr(asks, language=None, **item.error.values)
            if has_key(asks)
            else in_page(item.error.text())
        )
        return _Question(text, answers)
    if item.kind == TABLE:
        return _of_table(session, upload, item)
    earlier = upload.items[: upload.items.index(item)]
    if item.report is not None and not item.sure and _is_bare(item.report):
        return _of_bare(session, item)
    same = [one for one in earlier if one.kind == item.kind and one.is_ready]
    return _of_twins(session, upload, item, same[0]) if item.is_ready and same else None


def _answers_to(session: Session, item: Item, error: GridmapError) -> Iterator[_Answer]:
    """Yield what an error may be answered by: its candidates, or what the reader confirms."""

    def changing(text: str, **changes: Any) -> _Answer:  # noqa: ANN401 - of ImportOptions
        def do() -> None:
            item.options = replace(item.options, **changes)
            _look_again(session, item)

        return _Answer(text, do)

    offered = error.values.get("candidates")
    candidates = offered if isinstance(offered, list) else []
    for one in candidates[:_MOST_OFFERED]:
        if "crs" in one:
            name, _, turned = str(one["crs"]).partition("@")
            key = f"page.import.answer.crs{'_turned' if turned else ''}"
            text = tr(key, crs=name, place=one["place"])
            yield changing(text, crs=str(one["crs"]))
        elif "formats" in one:
            meant = tr("page.join.pairs").join(_date_meaning(told) for told in one["dates"])
            yield changing(meant, date_formats=tuple(one["formats"]))
        elif "layer" in one:
            yield changing(str(one["layer"]), layer=str(one["layer"]))
    if candidates and "layer" in candidates[0]:
        yield changing(tr("page.import.answer.all_layers"), layer="all")
    match error.key:
        case "io.error.packed_degrees":
            yield changing(tr("page.import.answer.packed"), crs=str(error.values["guess"]))
        case "io.error.elsewhere":
            yield changing(tr("page.import.answer.anyway"), anyway=True)
        case "io.error.already_there":
            yield changing(tr("page.import.answer.append"), upon="append")
            yield changing(tr("page.import.answer.replace"), upon="replace")


def _date_meaning(told: dict[str, Any]) -> str:
    """Return what a date means: ``09/27/2014 = 27 September 2014, 13,289 rows``."""
    day = date.fromisoformat(told["date"])
    meant = tr(
        "page.import.answer.day", year=day.year, day=day.day,
        month_name=tr(f"page.month.{day.month}"),
    )  # fmt: skip
    rows = number(int(told["rows"]))
    return tr("page.import.answer.date", written=told["written"], meant=meant, rows=rows)


def _of_table(session: Session, upload: Upload, item: Item) -> _Question | None:
    """Return which layer of the drop a table without places belongs to."""

    def joining(layer: Item) -> _Answer:
        def do() -> None:
            before = layer.options
            layer.options = replace(before, join=(*before.join, *item.paths))
            look(session, layer)
            if layer.error is None:
                upload.items.remove(item)
            else:
                item.error, layer.options = layer.error, before
                look(session, layer)
            st.rerun()

        return _Answer(tr("page.import.answer.join", file=layer.name), do)

    layers = [one for one in upload.items if one.is_ready and one.kind in _AREAS]
    text = tr(f"page.import.ask.{'table' if layers else 'table_alone'}")
    return _Question(text, tuple(map(joining, layers)))


def _is_bare(report: ImportReport) -> bool:
    """Return whether incidents are places only: any list of points could be that."""
    return report.kind == "incidents" and {"time", "category"}.isdisjoint(report.mapped)


def _of_bare(session: Session, item: Item) -> _Question:
    """Return what to do with places without time and category: incidents, or another kind."""

    def taking(kind: str) -> _Answer:
        def do() -> None:
            item.sure = True
            if kind != item.kind:
                item.kind = kind
                _look_again(session, item)
            st.rerun()

        return _Answer(tr(f"page.kind.{kind}"), do)

    answers = tuple(map(taking, ("incidents", str(Kind.ROOM), str(Kind.FACILITY))))
    return _Question(tr("page.import.ask.bare"), answers)


def _of_twins(session: Session, upload: Upload, item: Item, other: Item) -> _Question:
    """Return what to do with two files of one kind: one layer where they agree, or leave one."""

    def merge() -> None:
        other.paths = [*other.paths, *item.paths]
        upload.items.remove(item)
        _look_again(session, other)

    def leave_out() -> None:
        upload.items.remove(item)
        st.rerun()

    answers = [_Answer(tr("page.import.answer.leave_out", file=item.name), leave_out)]
    agree = item.agrees_with(other)
    if agree:
        answers.insert(0, _Answer(tr("page.import.answer.merge", file=other.name), merge))
    key = "page.import.ask.twins" if agree else "page.import.ask.twins_differ"
    return _Question(tr(key, file=other.name, kind=tr(f"page.kind.{item.kind}")), tuple(answers))


# -- corrections


@st.fragment
def _show_corrections(session: Session, item: Item, name: str, language: str) -> None:
    """Draw all that a look may get wrong: nothing is read again before the button says so."""
    set_language(language)
    options = item.options

    def key(field: str, usual: object) -> str:
        return choice_key(session, f"{name}-{item.kind}-{field}", usual)

    left, right = st.columns(2)
    crs = left.text_input(
        tr("page.import.crs"), placeholder="EPSG:4547", key=key("crs", options.crs)
    )
    datum = right.selectbox(
        tr("page.import.datum"),
        DATUMS,
        format_func=lambda one: tr(f"page.datum.{one}"),
        key=key("datum", options.datum),
    )
    encoding = left.text_input(
        tr("page.import.encoding"), placeholder="GBK", key=key("encoding", options.encoding)
    )
    layer = right.text_input(tr("page.import.layer"), key=key("layer", options.layer))
    dates: tuple[str, ...] = options.date_formats
    if item.kind == "incidents":
        dates = tuple(
            st.multiselect(
                tr("page.import.dates"),
                _DATE_ORDERS,
                placeholder=tr("page.import.dates_choose"),
                key=key("dates", list(options.date_formats)),
            )
        )
    st.markdown(f"**{tr('page.import.columns')}**")
    picked = _pick_columns(item, key)
    if st.button(tr("page.import.again"), width="stretch", key=f"{name}-again"):
        item.correct(
            picked,
            crs=crs.strip(),
            datum=datum,
            encoding=encoding.strip(),
            layer=layer.strip(),
            date_formats=dates,
        )
        _look_again(session, item)


def _pick_columns(item: Item, key: Callable[[str, object], str]) -> dict[str, str]:
    """Let the reader say which column stands for each field, or that none does."""
    known = bool(item.columns)
    none = tr("page.import.no_column" if item.report else "page.import.by_itself")
    picked: dict[str, str] = {}
    places = st.columns(2)
    for at, (name, column) in enumerate(item.taken().items()):
        offered = list(dict.fromkeys(["", column, *item.columns]))
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


def _left_out(columns: Iterable[str]) -> str:
    """Return the line that names columns with records of persons."""
    return tr("page.import.persons", names=tr("page.join.names").join(columns))


def _show_report(report: ImportReport) -> None:
    lines = [tr("page.import.crs_line", crs=report.crs, encoding=report.encoding or "–")]
    lines += [
        tr("page.import.refused", reason=_reason(reason), count=number(count))
        for reason, count in report.refused.items()
    ]
    lines += [in_page(note.text()) for note in report.warnings]
    show_lines(lines)


def _reason(reason: str) -> str:
    key = f"cli.reason.{reason}"
    return tr(key) if has_key(key) else reason


# -- all of them


def _show_store(session: Session, upload: Upload) -> None:
    """Offer to store what is ready and asks nothing."""
    ready = [
        item for item in upload.items
        if item.is_ready and _question_of(session, upload, item) is None
    ]  # fmt: skip
    label = tr("page.import.store", count=len(ready))
    if not st.button(label, type="primary", width="stretch", disabled=not ready):
        return
    with st.spinner(tr("page.import.storing")):
        done = store_ready(session, ready)
    if done:
        session.work["stored"] = tr(
            "page.import.stored",
            kinds=tr("page.join.names").join(tr(f"page.kind.{item.kind}") for item in done),
        )
        if left_out := [
            one for item in done if item.report for one in item.report.refused_columns
        ]:
            session.work["stored"] += f" {_left_out(dict.fromkeys(left_out))}"
    if all(item.stored for item in upload.items):
        session.work["uploads"] = int(session.work.get("uploads", 0)) + 1
        session.work.pop("upload", None)
    st.rerun()


def show_checklist(ground: PageGround | None) -> None:
    """Say what is there, what is missing, and what each missing layer would enable."""
    city = None if ground is None else ground.city
    lines = []
    for kind in ("grid", "incidents", "room", "beat", "station", "road", "community", "barrier",
                 "facility"):  # fmt: skip
        if city is None:
            count = 0
        elif kind == "incidents":
            count = 0 if city.incidents is None else len(city.incidents)
        else:
            layer = city.get(Kind(kind))
            count = 0 if layer is None else len(layer)
        name = tr(f"page.kind.{kind}")
        said = (
            tr("page.checklist.there", kind=name, count=number(count))
            if count
            else tr("page.checklist.missing", kind=name, enables=tr(f"page.checklist.{kind}"))
        )
        lines.append(f"{'✓' if count else '○'} {said}")
    st.markdown(f"**{tr('page.checklist.title')}**")
    show_lines(lines)


def _scene(upload: Upload) -> Scene:
    """Return what was understood, and where each CRS on offer would put the rest."""
    overlays = [
        _item_overlay(item.found, at)
        for at, item in enumerate(upload.items)
        if item.found is not None
    ]
    for at, item in enumerate(upload.items):
        offered = item.error.values.get("candidates") if item.error is not None else None
        places = [one for one in offered if "lon" in one] if isinstance(offered, list) else []
        if places:
            points = np.array([[one["lat"], one["lon"]] for one in places[:_MOST_OFFERED]])
            names = [f"{one['crs']} {one['place']}" for one in places[:_MOST_OFFERED]]
            overlays.append(
                Overlay(f"offer-{at}", tr("page.import.places"), "#b3261e", points=points,
                        names=names)
            )  # fmt: skip
    return Scene(None, overlays=tuple(overlays))


def _item_overlay(found: Layer | Incidents, at: int) -> Overlay:
    if isinstance(found, Incidents):
        batch = found.all
        step = max(1, len(batch) // 3000)
        points = degrees_of(shapely.points(batch.x[::step], batch.y[::step]), found.crs)
        name = tr("page.import.sample")
        return Overlay(f"item-{at}", name, _COLOURS["incidents"], points=points)
    if found.kind in (Kind.ROOM, Kind.FACILITY):
        return Overlay(
            f"item-{at}",
            tr(f"page.kind.{found.kind}"),
            _COLOURS[str(found.kind)],
            points=degrees_of(found.geometry, found.crs),
            names=list(map(str, found.names)),
        )
    return outline_overlay(found, drawing=drawing_of(found, datum="wgs84"))
