"""Rooms placed, moved and closed by hand on the page Coverage, and the layer of rooms stored."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import count, islice

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import streamlit as st
from numpy.typing import NDArray
from pyproj import CRS
from shapely import STRtree

from gridmap.api.coverage import CoverageOptions, CoverageResult
from gridmap.errors import GridmapError
from gridmap.i18n import tr
from gridmap.io import Workspace
from gridmap.model import City, Kind, Layer
from gridmap.model.crs import from_datum, reproject_points
from gridmap.pages.cache import recall, remember
from gridmap.pages.coverage_views import coverage_of
from gridmap.pages.ground import PageGround
from gridmap.pages.layout import number, show_error, show_table
from gridmap.pages.redraw_state import place_of_work
from gridmap.pages.session import choice_key, choose, chosen
from gridmap.pages.touch import MapEvent
from gridmap.plans import Action, logged
from gridmap.typing import Floats

_BEFORE = "rooms-before"
_HAND = "siting-hand"
_CLICKS = "siting-clicks"  # stamps of clicks on the map that were taken
_MOVES = "moved-room"  # the room that the next click moves
_CLOSED = "closed-rooms"
_KEPT = "rooms-by-hand"
_MOST_KEPT = 64
_LEFT: OrderedDict[tuple[str, ...], Hand] = OrderedDict()  # what is lost on no reload


@dataclass(frozen=True, slots=True)
class Hand:
    """Rooms set, moved and closed by hand, not stored yet.

    Parameters
    ----------
    placed
        Coordinates of new rooms in the city's CRS.
    closed
        Ids of rooms that are closed.
    moved
        Where rooms of today go, by their ids.
    past
        What was set before the last change, or None before the first one.
    """

    placed: tuple[tuple[float, float], ...] = ()
    closed: tuple[str, ...] = ()
    moved: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    past: Hand | None = None

    @property
    def size(self) -> int:
        """How many rooms were changed."""
        return len(self.placed) + len(set(self.closed) | set(self.moved))

    def rooms(self, city: City) -> Floats:
        """Return where rooms are after it, shape (m, 2)."""
        today = city.get(Kind.ROOM)
        kept = np.empty((0, 2))
        if today is not None:
            open_ = ~np.isin(today.ids.astype(str), self.closed)
            kept = shapely.get_coordinates(shapely.centroid(self._geometry(today)[open_]))
        return np.vstack([kept, np.array(self.placed).reshape(-1, 2)])

    def _geometry(self, today: Layer) -> NDArray[np.object_]:
        """Return today's rooms, those that are moved at their new place."""
        found = np.array(today.geometry, dtype=object)
        for row, one in enumerate(today.ids.astype(str)):
            if one in self.moved:
                found[row] = shapely.Point(self.moved[one])
        return found

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
        kept = today.frame.set_geometry(self._geometry(today), crs=city.crs)
        kept = kept[~np.isin(today.ids.astype(str), self.closed)]
        return Layer(Kind.ROOM, pd.concat([kept, new], ignore_index=True), today.provenance)


def hand_of(ground: PageGround) -> Hand:
    """Return what this reader has set by hand, before a reload or a restart of the app too."""
    found = ground.session.work.get(_HAND)
    if isinstance(found, Hand):
        return found
    place = _place(ground)
    kept = _LEFT.get(place) or Hand(*((recall(_KEPT, place) or [()])[0] if place else ()))
    ground.session.work[_HAND] = kept
    return kept


def set_hand(ground: PageGround, hand: Hand) -> Hand:
    """Note what is set by hand now, for later sessions of the same reader too."""
    ground.session.work[_HAND] = hand
    if place := _place(ground):
        _LEFT[place] = hand
        _LEFT.move_to_end(place)
        while len(_LEFT) > _MOST_KEPT:
            _LEFT.popitem(last=False)
        remember(_KEPT, place, (hand.placed, hand.closed, dict(hand.moved)))
    return hand


def _place(ground: PageGround) -> tuple[str, ...]:
    return place_of_work(ground.session, ground.city.get(Kind.GRID))


def _go_back(ground: PageGround, hand: Hand) -> None:
    set_hand(ground, hand)
    choose(ground.session, _CLOSED, list(hand.closed))


def take_places(ground: PageGround, event: MapEvent, *, places_rooms: bool) -> None:
    """Place or move a room at each click that is new.

    Clicks of another view are seen too, so that they place nothing later.
    """
    work = ground.session.work
    seen = work.get(_CLICKS, frozenset())
    work[_CLICKS] = frozenset(stamp for stamp, *_ in event.places)
    fresh = [(lat, lon) for stamp, lat, lon in event.places if stamp not in seen]
    if not places_rooms or not fresh:
        return
    moves = str(chosen(ground.session, _MOVES) or "")
    hand = hand_of(ground)
    for place in fresh:
        at = _metres(ground, place)
        hand = (
            replace(hand, moved={**hand.moved, moves: at}, past=hand)
            if moves
            else replace(hand, placed=(*hand.placed, at), past=hand)
        )
    set_hand(ground, hand)
    choose(ground.session, _MOVES, "")


def _metres(ground: PageGround, place: tuple[float, float]) -> tuple[float, float]:
    """Return where a click on the map lies in the city's CRS; the basemap's shift is undone."""
    lon, lat = from_datum(np.array([place[1]]), np.array([place[0]]), ground.datum)
    x, y = reproject_points(lon, lat, CRS.from_epsg(4326), ground.city.crs)
    return float(x[0]), float(y[0])


def show_by_hand(ground: PageGround, looked_at: CoverageOptions) -> CoverageResult | None:
    """Let rooms be set by clicks on the map and closed by name; return the coverage after it."""
    show_give_back(ground)
    hand, rooms = hand_of(ground), ground.city.get(Kind.ROOM)
    st.caption(tr("coverage.page.hand_help"))
    if rooms is not None:
        names = dict(zip(map(str, rooms.ids), map(str, rooms.names), strict=True))
        closed = tuple(
            st.multiselect(
                tr("coverage.page.hand_close"),
                list(names),
                format_func=lambda one: names.get(one, one),
                placeholder=tr("coverage.page.hand_none"),
                key=choice_key(ground.session, _CLOSED, list(hand.closed), names),
            )
        )
        if closed != hand.closed:
            hand = set_hand(ground, replace(hand, closed=closed, past=hand))
        moved = {one: at for one, at in hand.moved.items() if one in names}
        if len(moved) < len(hand.moved):  # of rooms that are there no more
            hand = set_hand(ground, replace(hand, moved=moved))
        st.selectbox(
            tr("coverage.page.hand_click"),
            ["", *names],
            format_func=lambda one: (
                tr("coverage.page.hand_moves", name=names[one])
                if one in names
                else tr("coverage.page.hand_new")
            ),
            key=choice_key(ground.session, _MOVES, "", ["", *names]),
        )
    if not hand.size:
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
    last.button(
        tr("coverage.page.hand_back"),
        disabled=hand.past is None,
        width="stretch",
        on_click=_go_back,
        args=(ground, hand.past),
    )
    none.button(
        tr("coverage.page.hand_clear"),
        width="stretch",
        key="gridmap-clear-marks",
        on_click=_go_back,
        args=(ground, Hand()),
    )
    if (
        ground.session.may(Action.IMPORT)
        and st.button(tr("coverage.page.hand_take"), type="primary", width="stretch")
        and take_over(ground, hand.layer(ground.city), hand.size)
    ):
        _go_back(ground, Hand())
        st.rerun()
    return after


# -- the layer of rooms that the workspace stores


def take_over(ground: PageGround, rooms: Layer, size: int) -> bool:
    """Store a layer of rooms with a line that says when; whether it could be, to be undone."""
    before, told = ground.city.get(Kind.ROOM), dict(rooms.provenance)
    noted = told.get("warnings")
    lines = list(noted) if isinstance(noted, (list, tuple)) else []
    day = date.today().isoformat()  # noqa: DTZ011 - the date on the reader's desk
    lines.append(tr("coverage.page.taken_note", count=size, day=day))
    if not _put(ground, Layer(rooms.kind, rooms.frame, {**told, "warnings": lines})):
        return False
    ground.session.work[_BEFORE] = before
    return True


def show_give_back(ground: PageGround) -> None:
    """Offer to undo what has just been taken over."""
    before = ground.session.work.get(_BEFORE)
    if isinstance(before, Layer):
        st.success(tr("coverage.page.taken_now", count=len(ground.city.rooms)))
        if st.button(tr("coverage.page.give_back"), width="stretch") and _put(ground, before):
            del ground.session.work[_BEFORE]
            st.rerun()


def _put(ground: PageGround, rooms: Layer) -> bool:
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
