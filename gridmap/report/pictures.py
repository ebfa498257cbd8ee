"""The maps of a report: one look on paper, on slides and in a browser."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from gridmap.i18n import tr, using_language
from gridmap.maps import (
    Scene,
    Still,
    Theme,
    beat_theme,
    choropleth,
    draw_layer,
    draw_still,
    facts_of,
    hot_spot_theme,
    outline_overlay,
    room_overlay,
    to_html,
)
from gridmap.measure.present import has_beats, present_plan
from gridmap.model import Kind, Layer
from gridmap.report.report import Report

__all__ = ["MapView", "draw_map", "html_map", "map_views", "write_pictures"]

#: Width and height in inches of a map on a slide.
SLIDE_IN = (10.0, 7.0)
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
    outlines
        Layers drawn over the grids.
    rooms, radius_m
        Police rooms and the circle around each, or None.
    labels
        A layer whose names are written into it, or None.
    """

    key: str
    title: str
    theme: Theme
    outlines: tuple[Layer, ...]
    rooms: Layer | None = None
    radius_m: float = 0.0
    labels: Layer | None = None


def map_views(report: Report) -> tuple[MapView, ...]:
    """Return the maps that the city has data for."""
    city = report.city
    if not city.has(Kind.GRID) or not report.grid_values:
        return ()
    beats = report.beats
    stations = city.get(Kind.STATION)
    borders = tuple(layer for layer in (beats, stations) if layer is not None)
    views = []
    plan = report.plan or (present_plan(city) if has_beats(city) else None)
    if plan is not None:
        views.append(
            MapView(
                "beats",
                tr("report.map.beats"),
                beat_theme(city, plan),
                borders,
                rooms=city.get(Kind.ROOM),
                labels=stations if stations is not None and len(stations) <= 40 else None,
            )
        )
    for key, column in (("residents", "residents_per_km2"), ("incidents", "incidents"),
                        ("rates", "incidents_per_1000_residents")):  # fmt: skip
        if column in report.grid_values:
            title = tr(f"report.map.{key}")
            views.append(MapView(key, title, _theme(report, column), borders))
    if report.hot is not None:
        title = tr("report.map.hot_spots")
        # Without the stations: their red borders would pass for hot ground.
        views.append(MapView("hot_spots", title, hot_spot_theme(report.hot), borders[:1]))
    if "covered_residents_share" in report.grid_values and city.has(Kind.ROOM):
        views.append(
            MapView(
                "coverage",
                tr("report.map.coverage"),
                _theme(report, "covered_residents_share"),
                borders[:1],
                rooms=city.rooms,
                radius_m=city.presets.room_radius_m,
            )
        )
    return tuple(views)


def draw_map(
    report: Report,
    view: MapView,
    *,
    form: Literal["png", "svg"] = "png",
    size_in: tuple[float, float] = SLIDE_IN,
    dpi: int = 160,
    titled: bool = True,
) -> bytes:
    """Return a map as a picture with legend, scale bar, north arrow and source line."""
    still = Still(
        title=f"{report.city.name} · {view.title}" if titled else "",
        source=source_line(report),
        outlines=view.outlines,
        rooms=view.rooms,
        radius_m=view.radius_m,
        labels=view.labels,
        size_in=size_in,
        dpi=dpi,
    )
    # A long heading is broken, so that the legend stays inside the picture.
    theme = replace(view.theme, title=_broken(view.theme.title))
    return draw_still(report.city.grids, theme, still, form=form)


def _broken(text: str, most: int = 26) -> str:
    """Return a text in lines of at most so many half-width letters, broken before a bracket."""
    lines = [""]
    for part in re.findall(r"[\uff08(][^\uff09)]*[\uff09)]|[^\s\uff08(]+\s*|\s+", text):
        if lines[-1] and _wide(lines[-1] + part.rstrip()) > most:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.strip() for line in lines)


def _wide(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def source_line(report: Report) -> str:
    """Return what stands under a map: data, period, date and CRS."""
    name = report.city.name + (tr("report.made_up") if report.city.made_up else "")
    return tr(
        "report.map.source",
        city=name,
        period=report.period.label(),
        date=report.request.dated.isoformat(),
        crs=report.city.crs.to_string(),
    )


def write_pictures(report: Report, folder: Path, form: Literal["png", "svg"]) -> None:
    """Write every map into ``maps/KEY.png`` or ``.svg``."""
    target = folder / "maps"
    target.mkdir(exist_ok=True)
    with using_language(report.language):
        for view in map_views(report):
            (target / f"{view.key}.{form}").write_bytes(draw_map(report, view, form=form))


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
