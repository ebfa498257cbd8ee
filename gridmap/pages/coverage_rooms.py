"""Proposed rooms taken over: as a file, or into the workspace's layer of rooms."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
import streamlit as st

from gridmap.errors import GridmapError
from gridmap.i18n import tr
from gridmap.io import Workspace, write_frame
from gridmap.model import Kind, Layer
from gridmap.pages.coverage_views import put_download
from gridmap.pages.ground import Ground
from gridmap.pages.layout import show_error
from gridmap.plans import Action, logged
from gridmap.siting import SiteProposal, rooms_with

__all__ = ["show_give_back", "show_take_over"]

_BEFORE = "rooms-before"


def _with_note(rooms: Layer, count: int) -> Layer:
    """Return the layer with a line that says when rooms were taken over here."""
    told = dict(rooms.provenance)
    lines = list(told.get("warnings") or [])  # type: ignore[call-overload] # a list, or not there
    day = date.today().isoformat()  # noqa: DTZ011 - the date on the reader's desk
    lines.append(tr("coverage.page.taken_note", count=count, day=day))
    return Layer(rooms.kind, rooms.frame, {**told, "warnings": lines})


def show_take_over(ground: Ground, proposal: SiteProposal) -> None:
    """Offer the proposed rooms as a file, and as rooms of the workspace."""
    session, count = ground.session, len(proposal.sites)
    left, right = st.columns(2)
    put_download(
        ground,
        tr("coverage.page.download_sites"),
        "rooms.geojson",
        lambda path: _write_geojson(ground, proposal, path),
        place=left,
    )
    if not session.may(Action.IMPORT):
        return
    name = "take" if proposal.request.keep_existing else "take_instead"
    if right.button(tr(f"coverage.page.{name}", count=count), width="stretch", type="primary"):
        before = ground.city.get(Kind.ROOM)
        if _put(ground, _with_note(rooms_with(ground.city, proposal), count)):
            session.work[_BEFORE] = before
            st.toast(tr("coverage.page.taken", count=count))
            st.rerun()


def show_give_back(ground: Ground) -> None:
    """Offer to undo what has just been taken over."""
    before = ground.session.work.get(_BEFORE)
    if isinstance(before, Layer):
        st.success(tr("coverage.page.taken_now", count=len(ground.city.rooms)))
        if st.button(tr("coverage.page.give_back"), width="stretch") and _put(ground, before):
            del ground.session.work[_BEFORE]
            st.rerun()


def _put(ground: Ground, rooms: Layer) -> bool:
    """Store a layer of rooms, and write that to the log; whether it could be."""
    session = ground.session
    present = ground.city.get(Kind.ROOM)
    upon = {Kind.ROOM: "" if present is None else present.digest}
    try:
        path = session.writable_path()
        actor, url = session.someone(), session.settings.database_url
        with logged(path, actor, Action.IMPORT, "room", url=url) as detail:
            Workspace.at(path).put_layers([rooms], upon=upon)
            detail.update(source="siting", rows=len(rooms))
    except GridmapError as error:
        show_error(error)
        return False
    return True


def _write_geojson(ground: Ground, proposal: SiteProposal, path: Path) -> None:
    points = shapely.points(proposal.sites[["x", "y"]].to_numpy(dtype=float))
    frame = gpd.GeoDataFrame(
        proposal.sites[["id", "name", "covers"]], geometry=np.asarray(points), crs=ground.city.crs
    )
    write_frame(frame, path, layer="rooms")
