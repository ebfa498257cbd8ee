"""数据: what is there, what is wrong with it, and what comes in next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from gridmap.errors import GridmapError
from gridmap.i18n import tr
from gridmap.io import Workspace, repair_workspace, undo_repair
from gridmap.maps import Overlay, Scene, degrees_of, draw_geometry, outline_overlay
from gridmap.model import AREA_KINDS, Kind
from gridmap.model.crs import crs_label
from gridmap.pages.cache import drawing_of, findings_of
from gridmap.pages.data_import import show_import
from gridmap.pages.ground import Ground, read_ground
from gridmap.pages.layout import column_px, number, pick_row, show_empty, show_error, show_lines
from gridmap.pages.session import Session, current_session
from gridmap.pages.touch import show_map
from gridmap.plans import Action, logged, repair_detail

__all__ = ["show"]

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
        session.new_workspace(name)
        st.rerun()


def _show_contents(ground: Ground) -> None:
    city = ground.city
    table, map_side = st.columns([5, 6], gap="medium")
    with table:
        st.header(tr("page.data.layers"))
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
            f"{tr(f'page.kind.{kind}')}: {line}"
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
        show_map(Scene(cells, overlays=tuple(overlays)), key="map-data", height=680)


def _overlay(kind: Kind, ground: Ground) -> Overlay:
    if kind in (Kind.ROOM, Kind.FACILITY):
        return _points(kind, ground)
    layer = ground.city.layer(kind)
    drawing = drawing_of(layer, datum=ground.datum)
    return outline_overlay(layer, drawing=drawing, shown=kind in (Kind.BEAT, Kind.BARRIER))


def _points(kind: Kind, ground: Ground) -> Overlay:
    layer = ground.city.layer(kind)
    return Overlay(
        f"points-{kind}",
        tr(f"maps.kind.{kind}"),
        "#0f5c55" if kind is Kind.ROOM else "#7c3aed",
        points=degrees_of(layer.geometry, layer.crs, datum=ground.datum),
        names=list(map(str, layer.names)),
        shown=kind is Kind.ROOM,
    )


def _contents(ground: Ground) -> pd.DataFrame:
    """Return one row a layer: how many, from which files, in which CRS, what was mapped."""
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
        tr("page.data.sources"): tr("page.join.names").join(
            map(str, provenance.get("sources") or [])
        ),
        tr("page.data.source_crs"): str(provenance.get("source_crs") or ""),
        tr("page.data.mapped"): tr("page.join.pairs").join(
            f"{tr(f'field.{name}')} ← {column}" for name, column in mapped.items()
        ),
    }


def _show_check(ground: Ground) -> None:
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
                tr("page.data.finding"): [tr(f"io.finding.{item.kind}") for item in found],
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
        st.caption(tr("page.data.on_map", name=tr(f"io.finding.{chosen.kind}")))
        overlays = []
        if len(chosen.places):
            overlays.append(
                Overlay(
                    "places",
                    tr(f"io.finding.{chosen.kind}"),
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


def _show_repair(ground: Ground) -> None:
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
                    kind=tr(f"io.finding.{item.kind}"),
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
