"""覆盖: who lives within reach of a police room or a facility, and where the next one goes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
import streamlit as st
from numpy.typing import NDArray

from gridmap.api.coverage import (
    CoverageOptions,
    CoverageResult,
    SiteOptions,
    SiteResult,
    networks_of,
)
from gridmap.api.options import option_specs
from gridmap.errors import GridmapError
from gridmap.i18n import tr
from gridmap.io import write_frame
from gridmap.maps import Overlay, Theme, choropleth, degrees_of
from gridmap.model import Kind
from gridmap.pages.cache import criteria_of
from gridmap.pages.coverage_views import (
    VIEWS,
    coverage_of,
    network_name,
    put_download,
    reach_drawings_of,
    show_download,
    show_view,
    sites_of,
)
from gridmap.pages.ground import PageGround, read_ground
from gridmap.pages.layout import (
    NONE,
    StripFigure,
    number,
    show_empty,
    show_error,
    show_figures,
    show_list,
)
from gridmap.pages.rooms_by_hand import (
    hand_of,
    show_by_hand,
    show_give_back,
    take_over,
    take_places,
)
from gridmap.pages.session import choice_key, chosen
from gridmap.pages.touch import show_map, touched
from gridmap.plans import Action
from gridmap.typing import Floats

_MAP = "map-coverage"
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
    _take(ground)
    networks = networks_of(city)
    networks.insert(0 if city.has(Kind.ROOM) else len(networks), "")  # without rooms: to site them
    figures = st.container()
    map_side, side = st.columns([7, 5], gap="medium")
    with side:
        options = _choose(ground, networks)
    with side, st.spinner(tr("coverage.page.measuring")):
        result = coverage_of(city, ground.key, options)
    found = result.coverages
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
    with figures:
        show_figures(strip_figures(result, new.after if new is not None else by_hand))
    with map_side:
        _show_map(ground, result, new, by_hand, view=str(view))


def _views(ground: PageGround, network: str) -> list[str]:
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


def _choose(ground: PageGround, networks: list[str]) -> CoverageOptions:
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


def _limits(ground: PageGround) -> list[str]:
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


def strip_figures(result: CoverageResult, after: CoverageResult | None) -> list[StripFigure]:
    """Return today's figures, or those after rooms were changed with today's beneath."""
    today = _figures(result)
    if after is None:
        return today
    before = {one.label: one.value for one in today}
    return [
        replace(one, note=f"{tr('page.change.before')} {before.get(one.label, NONE)}")
        for one in _figures(after)
    ]


def _figures(result: CoverageResult) -> list[StripFigure]:
    """Return the figures of the smallest limit; the other limits' shares are in the notes."""
    found, city = result.coverages, result.city
    first = found[0]
    rows = [result.table(coverage)[0].iloc[0] for coverage in found]
    row, unit, within = rows[0], first.within.unit, str(first.within)
    figures = [
        StripFigure(
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
        figures.append(StripFigure(tr("coverage.page.ground"), number(share, 1), "%", note))
    farthest = ""
    if len(first.place_ids):
        farthest = tr(
            "coverage.page.p95",
            value=number(row[f"p95_{unit}"], 0 if unit == "m" else 1),
            unit=tr(f"coverage.page.unit_{unit}"),
        )
    figures += [
        StripFigure(
            tr("coverage.page.incidents"),
            number(100 * row["covered_incidents_share"], 1),
            "%",
            tr("coverage.page.of_incidents", count=number(row["incidents"])),
        ),
        StripFigure(
            tr(f"coverage.page.mean_{unit}"),
            number(row[f"mean_{unit}"], 0 if unit == "m" else 1),
            tr(f"coverage.page.unit_{unit}"),
            farthest,
        ),
    ]
    return figures


def _of_residents(error: float, row: pd.Series, others: str) -> list[StripFigure]:
    exact = tr("coverage.page.exact")
    if error:
        exact = tr("coverage.page.error", error=f"{100 * error:.1f}")
    migrants = ""
    if row["migrants"] > 0:
        share = number(100 * row["covered_migrants_share"], 1)
        migrants = tr("coverage.page.migrants", share=share)
    return [
        StripFigure(
            tr("page.figure.reached"),
            number(100 * row["covered_residents_share"], 1),
            "%",
            others or exact,
        ),
        StripFigure(
            tr("maps.column.outside_residents"),
            number(row["residents"] - row["covered_residents"]),
            tr("maps.unit.outside_residents"),
            migrants,
        ),
        StripFigure(
            tr("page.figure.backup"),
            number(100 * row["backup_residents_share"], 1),
            "%",
            tr("page.figure.backup_note"),
        ),
    ]


def _show_map(
    ground: PageGround,
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
    counted = bool(residents.any())
    if first.network or not counted:  # the usual name speaks of rooms and of residents
        name = tr("page.figure.reached" if counted else "coverage.page.ground")
        title = tr("maps.legend.title", name=name, unit=tr("maps.unit.covered_residents_share"))
        covered = replace(covered, name=name, title=title)
    themes: list[Theme] = [covered]
    if counted:
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
        hand = hand_of(ground)
        placed = np.array([*hand.placed, *hand.moved.values()], dtype=float).reshape(-1, 2)
        names = [tr("page.coverage.new_rooms")] * len(placed)
        overlays += _new_reach(ground, by_hand, placed, names)
    scene = ground.scene(
        tuple(themes),
        columns=("residents",) if counted else (),
        overlays=tuple(overlays),
        rooms_shown=not first.network,
        marked=ground.session.work.get("siting-area", ()) if siting else (),
    )
    tools = ("click", "rectangle", "lasso") if siting else ("click",)
    show_map(scene, key=_MAP, height=700, tools=tools)


def _take(ground: PageGround) -> None:
    """Take what was drawn or clicked on the map, before anything else is drawn."""
    event, view = touched(_MAP), chosen(ground.session, "view")
    if event is None:
        return
    if view == "site" and event.event == "select":
        ground.session.work["siting-area"] = event.grids
    take_places(ground, event, places_rooms=view == "hand")


def _facilities(ground: PageGround, network: str, ids: NDArray[np.object_]) -> Overlay:
    layer = ground.city.layer(Kind.FACILITY)
    held = np.isin(layer.ids, ids)
    return Overlay(
        "facility",
        network_name(network),
        "#7c3aed",
        points=degrees_of(layer.geometry[held], layer.crs, datum=ground.datum),
        names=list(map(str, layer.names[held])),
    )


def _new_rooms(ground: PageGround, new: SiteResult) -> list[Overlay]:
    """Return what is within reach with the proposed rooms, and the rooms."""
    sites = new.proposal.sites
    xy = sites[["x", "y"]].to_numpy(dtype=float)
    return _new_reach(ground, new.after, xy, [str(name) for name in sites["name"]])


def _new_reach(
    ground: PageGround, after: CoverageResult, xy: Floats, names: list[str]
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


# -- where the next rooms go: what is asked for, and what comes of it


def show_take_over(ground: PageGround, result: SiteResult) -> None:
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
    pressed = right.button(
        tr(f"coverage.page.{name}", count=size), width="stretch", type="primary"
    )
    if pressed and take_over(ground, result.room_layer(), size):
        st.toast(tr("coverage.page.taken", count=size))
        st.rerun()


def _write_rooms(result: SiteResult, path: Path) -> None:
    write_frame(result.to_gdf()[["id", "name", "covers", "geometry"]], path, layer="rooms")


_SITING = ("cover", "backup", "median", "center")
_WEIGHTS = ("residents", "migrants", "incidents")
_SECONDS = 20.0


def show_siting(ground: PageGround, looked_at: CoverageOptions) -> SiteResult | None:
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
