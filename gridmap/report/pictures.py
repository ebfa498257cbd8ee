"""The maps of a report as files: pictures of every figure, and a map to move about in."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from gridmap.i18n import tr, using_language
from gridmap.maps import (
    Scene,
    Theme,
    beat_theme,
    choropleth,
    draw_layer,
    facts_of,
    hot_spot_theme,
    outline_overlay,
    room_overlay,
    to_html,
)
from gridmap.measure.present import has_beats, present_plan
from gridmap.model import Kind
from gridmap.report.document import Document, Figure, figures_of
from gridmap.report.pdf import typeset_all
from gridmap.report.report import Report
from gridmap.report.svg import QUIET, Svg

__all__ = ["MapView", "html_map", "map_views", "write_pictures"]

_SLIDE_PT = 560.0  # width of a picture
_HIDDEN = "#cfd4da"
_FACTS = ("residents", "migrants", "incidents", "incidents_per_1000_residents",
          "covered_residents_share")  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class MapView:
    """One map of a report.

    Parameters
    ----------
    key
        Name for files.
    title
        What stands above it.
    theme
        How the grids are coloured.
    """

    key: str
    title: str
    theme: Theme


def map_views(report: Report) -> tuple[MapView, ...]:
    """Return the maps that the city has data for."""
    city = report.city
    if not city.has(Kind.GRID) or not report.grid_values:
        return ()
    views = []
    plan = report.plan or (present_plan(city) if has_beats(city) else None)
    if plan is not None:
        views.append(MapView("beats", tr("report.map.beats"), beat_theme(city, plan)))
    for key, column in (("residents", "residents_per_km2"), ("incidents", "incidents"),
                        ("rates", "incidents_per_1000_residents")):  # fmt: skip
        if column in report.grid_values:
            title = tr(f"report.map.{key}")
            views.append(MapView(key, title, _theme(report, column)))
    if report.hot is not None:
        title = tr("report.map.hot_spots")
        views.append(MapView("hot_spots", title, hot_spot_theme(report.hot)))
    if "covered_residents_share" in report.grid_values and city.has(Kind.ROOM):
        theme = _theme(report, "covered_residents_share")
        views.append(MapView("coverage", tr("report.map.coverage"), theme))
    return tuple(views)


def write_pictures(document: Document, folder: Path, form: Literal["png", "svg"]) -> None:
    """Write every map and chart of a document into ``maps/KEY.png`` or ``.svg``."""
    found: dict[str, Svg] = {}
    with using_language(document.language):
        for blocks in (document.front, *(section.blocks for section in document.sections)):
            for figure in figures_of(blocks):
                tall = _SLIDE_PT * figure.height
                found.setdefault(figure.key, _framed(document, figure, tall))
    if not found:
        return
    target = folder / "maps"
    target.mkdir(exist_ok=True)
    if form == "svg":
        for key, svg in found.items():
            (target / f"{key}.svg").write_text(svg.to_string(), encoding="utf-8", newline="\n")
        return
    for key, data in zip(found, typeset_all(list(found.values()), ppi=200), strict=True):
        (target / f"{key}.png").write_bytes(data)


def _framed(document: Document, figure: Figure, tall: float) -> Svg:
    """Return a drawing with its title above it, and what it is of below it."""
    svg = figure.drawing.draw(_SLIDE_PT, tall)
    framed = Svg(svg.width + 24.0, svg.height + 58.0, figure.alt)
    framed.rect(0.0, 0.0, framed.width, framed.height, fill="#ffffff")
    framed.text(12.0, 22.0, figure.caption, size=13.0, bold=True)
    framed.place(svg, 12.0, 32.0)
    source = f"{document.name}  {document.dated}  {document.band}".strip()
    framed.text(12.0, framed.height - 9.0, source, size=7.0, fill=QUIET)
    return framed


def html_map(report: Report) -> str:
    """Return all maps as one page that opens without a network; blank without any layer."""
    with using_language(report.language):
        views = map_views(report)
        city = report.city
        beats = report.beats
        found = (beats, city.get(Kind.STATION), None if views else city.get(Kind.COMMUNITY))
        layers = [layer for layer in found if layer is not None]
        overlays = [outline_overlay(layer, shown=layer is beats) for layer in layers]
        if city.has(Kind.ROOM):
            radius = city.presets.room_radius_m
            overlays.append(room_overlay(city.rooms, radius_m=radius, shown=False))
        if not views and not overlays:
            return ""
        cells, facts = None, None
        if city.has(Kind.GRID):
            cells = draw_layer(city.grids)
            columns = tuple(name for name in _FACTS if name in report.grid_values)
            facts = facts_of(city, pd.DataFrame(report.grid_values), columns, report.plan)
        scene = Scene(
            cells,
            tuple(view.theme for view in views),
            "incidents",
            tuple(overlays),
            facts,
        )
        page = to_html(scene, title=f"{report.title} · {report.subtitle}")
    return _steady(page)


def _steady(page: str) -> str:
    """Return a page whose elements are numbered in order: folium names them by chance."""
    names: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return names.setdefault(match.group(0), f"_{len(names):032x}")

    return re.sub(r"_[0-9a-f]{32}(?![0-9a-f])", number, page)


def _theme(report: Report, column: str) -> Theme:
    theme = choropleth(column, report.grid_values[column])
    hidden = report.grid_hidden[column]
    if not hidden.any():
        return theme
    text = tr("report.map.hidden", limit=report.request.suppress_below)
    return replace(
        theme,
        palette=(*theme.palette, _HIDDEN),
        rows=np.where(hidden, len(theme.palette), theme.rows).astype(np.uint8),
        legend=(*theme.legend, (_HIDDEN, text)),
    )
