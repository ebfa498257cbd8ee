"""Where the next rooms go: what is asked for, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from itertools import count, islice
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import streamlit as st
from numpy.typing import NDArray
from shapely import STRtree

from gridmap.api.coverage import CoverageOptions, CoverageResult
from gridmap.api.options import option_specs
from gridmap.api.site import SiteOptions, SiteResult
from gridmap.errors import GridmapError
from gridmap.i18n import tr
from gridmap.io import Workspace, write_frame
from gridmap.model import City, Kind, Layer
from gridmap.pages.cache import criteria_of
from gridmap.pages.choices import choice_key, choose
from gridmap.pages.coverage_cache import coverage_of, sites_of
from gridmap.pages.coverage_views import put_download
from gridmap.pages.ground import Ground
from gridmap.pages.layout import number, show_error, show_list, show_table
from gridmap.plans import Action, logged

__all__ = ["Hand", "hand_of", "show_by_hand", "show_siting"]


_BEFORE = "rooms-before"
_HAND = "siting-hand"


@dataclass(slots=True)
class Hand:
    """Rooms set and closed by hand, not stored yet.

    Parameters
    ----------
    placed
        Coordinates of new rooms in the city's CRS.
    closed
        Ids of rooms that are closed.
    """

    placed: list[tuple[float, float]] = field(default_factory=list)
    closed: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was changed."""
        return not self.placed and not self.closed

    def rooms(self, city: City) -> NDArray[np.float64]:
        """Return where rooms stand after it, shape (m, 2)."""
        today = city.get(Kind.ROOM)
        kept = np.empty((0, 2))
        if today is not None:
            open_ = ~np.isin(today.ids.astype(str), self.closed)
            kept = shapely.get_coordinates(shapely.centroid(today.geometry[open_]))
        return np.vstack([kept, np.array(self.placed).reshape(-1, 2)])

    def layer(self, city: City) -> Layer:
        """Return the layer of rooms after it; a new one is called after its grid."""
        today = city.get(Kind.ROOM)
        points = shapely.points(np.array(self.placed).reshape(-1, 2))
        at = STRtree(city.grids.geometry).nearest(points) if len(points) else []
        taken = set() if today is None else set(today.ids.astype(str))
        numbers = (f"N{number}" for number in count(1) if f"N{number}" not in taken)
        ids = list(islice(numbers, len(points)))
        names = [tr("siting.room_name", name=str(city.grids.names[row])) for row in at]
        new = gpd.GeoDataFrame({"id": ids, "name": names}, geometry=points, crs=city.crs)
        if today is None:
            return Layer(Kind.ROOM, new)
        kept = today.frame[~np.isin(today.ids.astype(str), self.closed)]
        return Layer(Kind.ROOM, pd.concat([kept, new], ignore_index=True), today.provenance)


def hand_of(ground: Ground) -> Hand:
    """Return what this reader has set by hand."""
    found: Hand = ground.session.work.setdefault(_HAND, Hand())
    return found


def show_by_hand(ground: Ground, looked_at: CoverageOptions) -> CoverageResult | None:
    """Let rooms be set by clicks on the map and closed by name; return the coverage after it."""
    show_give_back(ground)
    hand, rooms = hand_of(ground), ground.city.get(Kind.ROOM)
    st.caption(tr("coverage.page.hand_help"))
    if rooms is not None:
        names = dict(zip(map(str, rooms.ids), map(str, rooms.names), strict=True))
        hand.closed = tuple(
            st.multiselect(
                tr("coverage.page.hand_close"),
                list(names),
                format_func=lambda one: names.get(one, one),
                placeholder=tr("coverage.page.hand_none"),
                key=choice_key(ground.session, "closed-rooms", [], names),
            )
        )
    if hand.is_empty:
        return None
    within = looked_at.limits[0]
    asked = CoverageOptions(within=str(within), mode=looked_at.mode)
    before = coverage_of(ground.city, ground.key, asked)
    asked = replace(asked, places=hand.rooms(ground.city).tolist())
    after = coverage_of(ground.city, ground.key, asked)
    tables = [one.to_frame().iloc[0] for one in (before, after)]
    counts = [len(one.coverages[0].place_ids) for one in (before, after)]
    unit, digits = within.unit, 0 if within.unit == "m" else 1
    lines = [
        (tr("page.figure.rooms"), *map(number, counts)),
        (
            f"{tr('page.figure.reached')} (%)",
            *(number(100 * one["covered_residents_share"], 1) for one in tables),
        ),
        (
            tr("maps.column.outside_residents"),
            *(number(one["residents"] - one["covered_residents"]) for one in tables),
        ),
        (
            f"{tr('page.figure.backup')} (%)",
            *(number(100 * one["backup_residents_share"], 1) for one in tables),
        ),
        (
            f"{tr(f'coverage.page.mean_{unit}')} ({tr(f'coverage.page.unit_{unit}')})",
            *(number(one[f"mean_{unit}"], digits) for one in tables),
        ),
    ]
    show_table(("", tr("page.change.before"), tr("page.change.after")), lines)
    last, none = st.columns(2)
    if last.button(tr("coverage.page.hand_back"), disabled=not hand.placed, width="stretch"):
        hand.placed.pop()
        st.rerun()
    if none.button(tr("coverage.page.hand_clear"), width="stretch", key="gridmap-clear-marks"):
        ground.session.work.pop(_HAND, None)
        choose(ground.session, "closed-rooms", [])
        st.rerun()
    if ground.session.may(Action.IMPORT) and st.button(
        tr("coverage.page.hand_take"), type="primary", width="stretch"
    ):
        changed = len(hand.placed) + len(hand.closed)
        if _put(ground, _with_note(hand.layer(ground.city), changed)):
            ground.session.work[_BEFORE] = rooms
            ground.session.work.pop(_HAND, None)
            st.rerun()
    return after


def _with_note(rooms: Layer, size: int) -> Layer:
    """Return the layer with a line that says when rooms were taken over here."""
    told = dict(rooms.provenance)
    noted = told.get("warnings")
    lines = list(noted) if isinstance(noted, (list, tuple)) else []
    day = date.today().isoformat()  # noqa: DTZ011 - the date on the reader's desk
    lines.append(tr("coverage.page.taken_note", count=size, day=day))
    return Layer(rooms.kind, rooms.frame, {**told, "warnings": lines})


def show_take_over(ground: Ground, result: SiteResult) -> None:
    """Offer the proposed rooms as a file, and as rooms of the workspace."""
    session, size = ground.session, len(result.proposal.sites)
    left, right = st.columns(2)
    put_download(
        ground,
        tr("coverage.page.download_sites"),
        "rooms.geojson",
        lambda path: _write_rooms(result, path),
        place=left,
    )
    if not session.may(Action.IMPORT):
        return
    name = "take" if result.options.fixed == "existing" else "take_instead"
    if right.button(tr(f"coverage.page.{name}", count=size), width="stretch", type="primary"):
        before = ground.city.get(Kind.ROOM)
        if _put(ground, _with_note(result.room_layer(), size)):
            session.work[_BEFORE] = before
            st.toast(tr("coverage.page.taken", count=size))
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


def _write_rooms(result: SiteResult, path: Path) -> None:
    write_frame(result.to_gdf()[["id", "name", "covers", "geometry"]], path, layer="rooms")


_SITING = ("cover", "backup", "median", "center")
_WEIGHTS = ("residents", "migrants", "incidents")
_SECONDS = 20.0


def show_siting(ground: Ground, looked_at: CoverageOptions) -> SiteResult | None:
    """Ask how many rooms may be added and how; return where they should stand.

    Parameters
    ----------
    ground
        The city.
    looked_at
        How people get to a room, and the limits, of which the first counts.
    """
    show_give_back(ground)
    work = ground.session.work
    drawn: tuple[int, ...] = work.setdefault("siting-area", ())
    left, middle, right = st.columns(3)
    session = ground.session
    wanted = int(
        left.number_input(
            tr("page.coverage.how_many"), 0, 50, key=choice_key(session, "site-count", 1)
        )
    )
    model = middle.selectbox(
        tr("coverage.page.model"),
        _SITING,
        format_func=lambda n: tr(f"coverage.page.model_{n}"),
        key=choice_key(session, "site-model", _SITING[0]),
    )
    counted = [name for name in _WEIGHTS if name in criteria_of(ground.city, ground.key)]
    weights = counted or list(_WEIGHTS[:1])
    weight = right.selectbox(
        tr("coverage.page.weight"),
        weights,
        format_func=lambda name: tr(f"field.{name}"),
        key=choice_key(session, "site-weight", weights[0], weights),
    )
    known = ("auto", *(kind for kind in (Kind.COMMUNITY, Kind.FACILITY) if ground.city.has(kind)))
    offered = next(spec.choices for spec in option_specs(SiteOptions) if spec.name == "candidates")
    sources = [item for item in offered if item in {*map(str, known), "grid"}]
    source = left.selectbox(
        tr("coverage.page.candidates"),
        sources,
        format_func=lambda name: tr(f"coverage.page.from_{name}"),
        key=choice_key(session, "site-from", sources[0], sources),
    )
    apart = float(
        middle.number_input(
            tr("coverage.page.apart"), 0, 5000, step=100, key=choice_key(session, "site-apart", 0)
        )
    )
    keep = not ground.city.has(Kind.ROOM) or right.checkbox(
        tr("coverage.page.keep"),
        key=choice_key(session, "site-keep", True),  # noqa: FBT003 - a checkbox's value
    )
    if drawn:
        st.caption(tr("coverage.page.drawn", count=len(drawn)))
        if st.button(tr("coverage.page.undraw")):
            work["siting-area"] = ()
            st.rerun()
    else:
        st.caption(tr("coverage.page.draw"))
    if not wanted:
        return None
    options = SiteOptions.from_texts({
        "within": str(looked_at.limits[0]), "rooms": wanted, "model": model,
        "mode": looked_at.mode, "fixed": "existing" if keep else "none", "candidates": source,
        "weight": weight, "apart": apart, "seconds": _SECONDS,
    })  # fmt: skip
    try:
        with st.spinner(tr("coverage.page.siting")):
            result = sites_of(ground.city, ground.key, options, drawn)
    except GridmapError as error:
        show_error(error)
        return None
    _tell_sites(result)
    show_take_over(ground, result)
    return result


def _tell_sites(result: SiteResult) -> None:
    proposal, weight = result.proposal, result.options.weight
    before, after, unit = proposal.before, proposal.after, proposal.request.within.unit
    digits = 0 if unit == "m" else 1

    def change(name: str, factor: float, places: int) -> str:
        return f"{number(factor * before[name], places)} → {number(factor * after[name], places)}"

    mean = change(f"mean_{unit}", 1, digits)
    longest = change(f"longest_{unit}", 1, digits)
    length = tr(f"coverage.page.unit_{unit}")
    people = weight != "incidents"
    counted = tr(f"coverage.page.counted_{weight}")
    show_list(
        [
            (
                f"{change('covered_share', 100, 1)} %",
                tr("page.figure.reached" if people else "coverage.page.incidents"),
            ),
            (
                f"{change('backup_share', 100, 1)} %",
                tr("page.figure.backup" if people else "coverage.page.backup_incidents"),
            ),
            (
                f"{mean} {length}",
                tr("coverage.page.mean_longest", longest=longest, unit=length),
            ),
        ]
    )
    gained = after["covered"] - before["covered"]
    st.markdown(
        tr(
            f"coverage.page.answer{'_best' if proposal.answer.proven else ''}",
            gained=number(gained),
            unit=counted,
            gap=f"{proposal.answer.gap:.1%}",
        )
    )
    show_list(
        [
            (
                str(row["name"]),
                tr("coverage.page.looks_after", count=number(row["covers"]), unit=counted),
            )
            for row in proposal.sites.to_dict("records")
        ]
    )
    for note in proposal.notes:
        st.caption(note)
