"""覆盖: who lives within reach of a police room or a facility, and where the next one goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import shapely
import streamlit as st
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.api.coverage import CoverageOptions, CoverageResult, networks_of
from gridmap.api.site import SiteResult
from gridmap.errors import GridmapError
from gridmap.i18n import tr
from gridmap.maps import Overlay, Theme, choropleth, degrees_of
from gridmap.model import Kind
from gridmap.model.crs import from_datum, reproject_points
from gridmap.pages.choices import choice_key
from gridmap.pages.coverage_cache import coverage_of, reach_drawings_of
from gridmap.pages.coverage_siting import hand_of, show_by_hand, show_siting
from gridmap.pages.coverage_views import VIEWS, network_name, show_download, show_view
from gridmap.pages.ground import Ground, read_ground
from gridmap.pages.layout import Figure, number, show_empty, show_error, show_figures
from gridmap.pages.touch import show_map

__all__ = ["show"]

_MODES = ("straight", "walk", "ebike", "car")
_REACH = ("#0f5c55", "#7c3aed", "#8a5207", "#2b7bba", "#5b6b7c")
_NEW = "#d97706"  # no other line of these maps is orange


def show() -> None:
    """Draw the page."""
    ground = read_ground()
    city = ground.city
    if not city.has(Kind.GRID):
        show_empty("no_grids")
        return
    networks = networks_of(city)
    networks.insert(0 if city.has(Kind.ROOM) else len(networks), "")  # without rooms: to site them
    figures = st.container()
    map_side, side = st.columns([7, 5], gap="medium")
    with side:
        options = _choose(ground, networks)
    with side, st.spinner(tr("coverage.page.measuring")):
        result = coverage_of(city, ground.key, options)
    found = result.coverages
    with figures:
        _show_figures(result)
    new: SiteResult | None = None
    with side:
        if not len(found[0].place_ids):
            show_empty("no_rooms")
        views = _views(ground, options.network)
        view = st.segmented_control(
            tr("coverage.page.view"),
            views,
            format_func=lambda name: tr(f"coverage.page.{name}"),
            label_visibility="collapsed",
            required=True,
            key=choice_key(ground.session, "view", views[0], views),
        )
        by_hand = show_by_hand(ground, options) if view == "hand" else None
        if view == "site":
            new = show_siting(ground, options)
        elif view != "hand":
            show_view(str(view), ground, result)
        if len(found[0].place_ids):
            for note in dict.fromkeys(note for coverage in found for note in coverage.notes):
                st.caption(note)
            show_download(ground, result)
    with map_side:
        _show_map(ground, result, new, by_hand, view=str(view))


def _views(ground: Ground, network: str) -> list[str]:
    """Return what there is to see beside the map; rooms alone have staff, hours and siting.

    A city without rooms has nothing to see of them, but may be given its first.
    """
    if not network and not ground.city.has(Kind.ROOM):
        return ["site", "hand"]
    shown = [*VIEWS, "site", "hand"]
    if network:
        shown = [name for name in shown if name not in {"rooms", "hours", "site", "hand"}]
    elif not ground.city.rooms.has("hours"):
        shown.remove("hours")
    if not networks_of(ground.city):
        shown.remove("networks")
    return shown


def _choose(ground: Ground, networks: list[str]) -> CoverageOptions:
    """Return what the reader looks at: a network ("" for rooms), a way of going, and limits."""
    network = networks[0]
    if len(networks) > 1:
        network = str(
            st.segmented_control(
                tr("page.coverage.network"),
                networks,
                format_func=network_name,
                required=True,
                key=choice_key(ground.session, "network", networks[0], networks),
            )
            or ""
        )
    mode = "straight"
    if ground.city.has(Kind.ROAD):
        mode = str(
            st.segmented_control(
                tr("page.coverage.mode"),
                _MODES,
                format_func=lambda item: tr(f"page.mode.{item}"),
                required=True,
                key=choice_key(ground.session, "mode", "straight", _MODES),
            )
        )
    session = ground.session
    return CoverageOptions.from_texts({
        "within": ",".join(_limits(ground)), "mode": mode, "network": network,
        "since": session.since, "until": session.until,
    })  # fmt: skip


def _limits(ground: Ground) -> list[str]:
    """Return the limits that are picked, the smallest first; the preset radius if none is."""
    presets = ground.city.presets
    usual = f"{presets.room_radius_m:.12g}m"
    left, right = st.columns([7, 3], vertical_alignment="bottom")
    limits = _in_order(presets.coverage, usual)
    picked = left.pills(
        tr("coverage.page.limits"),
        limits,
        selection_mode="multi",
        format_func=_spoken,
        key=choice_key(ground.session, "limits", [usual], limits),
    )
    typed = right.text_input(
        tr("coverage.page.other"),
        placeholder=tr("coverage.page.other_example"),
        key=choice_key(ground.session, "limit", ""),
    )
    if typed.strip():
        try:
            return _in_order(*picked, typed)
        except GridmapError as error:
            show_error(error)
    return _in_order(*picked) or [usual]


def _in_order(*texts: str) -> list[str]:
    """Return distances, then times, the smallest first, each once."""
    limits = set(CoverageOptions(within=",".join(texts)).limits) if texts else set()
    return [str(limit) for limit in sorted(limits, key=lambda one: (one.unit, one.value))]


def _spoken(text: str) -> str:
    limit = CoverageOptions(within=text).limits[0]
    return tr(f"coverage.page.{limit.unit}", value=f"{limit.value:,g}")


def _show_figures(result: CoverageResult) -> None:
    """Draw the figures of the smallest limit; the other limits' shares stand in the notes."""
    found, city = result.coverages, result.city
    first = found[0]
    rows = [result.table(coverage)[0].iloc[0] for coverage in found]
    row, unit, within = rows[0], first.within.unit, str(first.within)
    figures = [
        Figure(
            network_name(first.network),
            number(len(first.place_ids)),
            note=f"{tr(f'page.mode.{first.mode}')} · {_spoken(within)}",
        )
    ]
    if row["residents"] > 0:
        others = [
            f"{_spoken(str(coverage.within))} {100 * other['covered_residents_share']:.1f}%"
            for coverage, other in list(zip(found, rows, strict=True))[1:]
        ]
        figures += _of_residents(first.error, row, "  ".join(others))
    else:
        area = np.nan_to_num(city.grids.area_m2)
        share = 100.0 * float(area @ first.share) / float(area.sum())
        note = tr("coverage.page.no_residents")
        figures.append(Figure(tr("coverage.page.ground"), number(share, 1), "%", note))
    farthest = ""
    if len(first.place_ids):
        farthest = tr(
            "coverage.page.p95",
            value=number(row[f"p95_{unit}"], 0 if unit == "m" else 1),
            unit=tr(f"coverage.page.unit_{unit}"),
        )
    figures += [
        Figure(
            tr("coverage.page.incidents"),
            number(100 * row["covered_incidents_share"], 1),
            "%",
            tr("coverage.page.of_incidents", count=number(row["incidents"])),
        ),
        Figure(
            tr(f"coverage.page.mean_{unit}"),
            number(row[f"mean_{unit}"], 0 if unit == "m" else 1),
            tr(f"coverage.page.unit_{unit}"),
            farthest,
        ),
    ]
    show_figures(figures)


def _of_residents(error: float, row: pd.Series, others: str) -> list[Figure]:
    exact = tr("coverage.page.exact")
    if error:
        exact = tr("coverage.page.error", error=f"{100 * error:.1f}")
    migrants = ""
    if row["migrants"] > 0:
        share = number(100 * row["covered_migrants_share"], 1)
        migrants = tr("coverage.page.migrants", share=share)
    return [
        Figure(
            tr("page.figure.reached"),
            number(100 * row["covered_residents_share"], 1),
            "%",
            others or exact,
        ),
        Figure(
            tr("maps.column.outside_residents"),
            number(row["residents"] - row["covered_residents"]),
            tr("maps.unit.outside_residents"),
            migrants,
        ),
        Figure(
            tr("page.figure.backup"),
            number(100 * row["backup_residents_share"], 1),
            "%",
            tr("page.figure.backup_note"),
        ),
    ]


def _show_map(
    ground: Ground,
    result: CoverageResult,
    new: SiteResult | None,
    by_hand: CoverageResult | None,
    *,
    view: str,
) -> None:
    city, found = ground.city, result.coverages
    first = found[0]
    residents = city.grids.counts("residents")
    covered = choropleth("covered_residents_share", first.share)
    if first.network:  # the usual name speaks of rooms
        name = tr("page.figure.reached")
        title = tr("maps.legend.title", name=name, unit=tr("maps.unit.covered_residents_share"))
        covered = replace(covered, name=name, title=title)
    themes: list[Theme] = [covered]
    if residents.any():
        themes.insert(0, choropleth("outside_residents", residents * (1.0 - first.share)))
    if first.within.unit == "min":
        themes.append(choropleth("travel_min", first.grid_cost))
    overlays: list[Overlay] = []
    drawings = reach_drawings_of(result, ground.key, datum=ground.datum)
    for number_, (coverage, drawing) in enumerate(zip(found, drawings, strict=True)):
        if drawing is not None:
            kind = "ring" if coverage.mode == "straight" else "isochrone"
            overlays.append(
                Overlay(
                    f"reach-{coverage.within}",
                    tr(f"coverage.page.{kind}", within=_spoken(str(coverage.within))),
                    _REACH[number_ % len(_REACH)],
                    drawing=drawing,
                    width=2.4,
                    fill="rgba(15,92,85,0.12)" if number_ == 0 else "",
                )
            )
    if first.network:
        overlays.append(_facilities(ground, first.network, first.place_ids))
    siting = view == "site"
    if new is not None:
        overlays += _new_rooms(ground, new)
    if by_hand is not None:
        placed = np.array(hand_of(ground).placed, dtype=float).reshape(-1, 2)
        names = [tr("page.coverage.new_rooms")] * len(placed)
        overlays += _new_reach(ground, by_hand, placed, names)
    scene = ground.scene(
        tuple(themes),
        columns=("residents",),
        overlays=tuple(overlays),
        rooms_shown=not first.network,
        marked=ground.session.work.get("siting-area", ()) if siting else (),
    )
    tools = ("click", "rectangle", "lasso") if siting else ("click",)
    event = show_map(scene, key="map-coverage", height=700, tools=tools)
    if event is None:
        return
    if siting and event.event == "select":
        ground.session.work["siting-area"] = event.grids
        st.rerun()
    if view == "hand" and event.place is not None:
        hand_of(ground).placed.append(_metres(ground, event.place))
        st.rerun()


def _metres(ground: Ground, place: tuple[float, float]) -> tuple[float, float]:
    """Return where a click on the map lies in the city's CRS; the basemap's shift is undone."""
    lon, lat = from_datum(np.array([place[1]]), np.array([place[0]]), ground.datum)
    x, y = reproject_points(lon, lat, CRS.from_epsg(4326), ground.city.crs)
    return float(x[0]), float(y[0])


def _facilities(ground: Ground, network: str, ids: NDArray[np.object_]) -> Overlay:
    layer = ground.city.layer(Kind.FACILITY)
    held = np.isin(layer.ids, ids)
    return Overlay(
        "facility",
        network_name(network),
        "#7c3aed",
        points=degrees_of(layer.geometry[held], layer.crs, datum=ground.datum),
        names=list(map(str, layer.names[held])),
    )


def _new_rooms(ground: Ground, new: SiteResult) -> list[Overlay]:
    """Return what is within reach with the proposed rooms, and the rooms."""
    sites = new.proposal.sites
    xy = sites[["x", "y"]].to_numpy(dtype=float)
    return _new_reach(ground, new.after, xy, [str(name) for name in sites["name"]])


def _new_reach(
    ground: Ground, after: CoverageResult, xy: NDArray[np.float64], names: list[str]
) -> list[Overlay]:
    points = shapely.points(xy)
    found = [
        Overlay(
            "new",
            tr("page.coverage.new_rooms"),
            _NEW,
            points=degrees_of(points, ground.city.crs, datum=ground.datum),
            names=names,
        )
    ]
    if drawing := reach_drawings_of(after, ground.key, datum=ground.datum)[0]:
        name = tr("coverage.page.after", within=_spoken(str(after.coverages[0].within)))
        found.insert(0, Overlay("reach-after", name, _NEW, drawing=drawing, dash=(6, 4)))
    return found
