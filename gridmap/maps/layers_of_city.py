"""A city as themes, overlays and facts: what every map of gridmap is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.i18n import tr
from gridmap.maps.classes import classify, classify_shares
from gridmap.maps.drawing import Drawing, draw_layer
from gridmap.maps.palettes import NO_DATA, colour_beats
from gridmap.maps.scene import Facts, Overlay, Theme
from gridmap.model import City, Kind, Layer, Plan
from gridmap.model.crs import reproject, to_datum

__all__ = [
    "COLUMNS",
    "OUTLINES",
    "Column",
    "beat_theme",
    "choropleth",
    "degrees_of",
    "facts_of",
    "moved_theme",
    "outline_overlay",
    "room_overlay",
]

_WGS84 = CRS.from_epsg(4326)
_MOVED = "#f1a340"


@dataclass(frozen=True, slots=True)
class Column:
    """How a measured column is drawn and written.

    Parameters
    ----------
    colours
        Ramp in `gridmap.maps.palettes.SEQUENTIAL`.
    digits
        Digits after the point.
    share
        The value is a share, written as per cent.
    """

    colours: str = "blue"
    digits: int = 0
    share: bool = False


COLUMNS = {
    "area_km2": Column("purple", 2),
    "residents": Column("blue"),
    "migrants": Column("blue"),
    "households": Column("blue"),
    "incidents": Column("orange"),
    "residents_per_km2": Column("blue"),
    "incidents_per_km2": Column("orange"),
    "incidents_per_1000_residents": Column("orange", 1),
    "covered_residents_share": Column("green", 0, share=True),
    "outside_residents": Column("purple"),
    "travel_min": Column("purple", 1),
}

# Colour, width and dashes of outlines: one look for a kind on every map.
OUTLINES: dict[Kind, tuple[str, float, tuple[float, ...]]] = {
    Kind.BEAT: ("#1b2a3a", 2.0, ()),
    Kind.STATION: ("#b3261e", 2.6, (8, 4)),
    Kind.COMMUNITY: ("#5b6b7c", 1.2, (3, 3)),
    Kind.ROAD: ("#a8977a", 1.0, ()),
    Kind.BARRIER: ("#2b7bba", 2.6, ()),
    Kind.GRID: ("#8796a8", 0.8, ()),
}


def choropleth(column: str, values: NDArray[np.float64]) -> Theme:
    """Return the theme of a measured column: shares in quarters, else as many in each class.

    Parameters
    ----------
    column
        One of `COLUMNS`.
    values : (n,) float
        One a cell; NaN where unknown.
    """
    spec = COLUMNS[column]
    if spec.share:
        found = classify_shares(values, colours=spec.colours)
    else:
        found = classify(values, colours=spec.colours)
    name, unit = tr(f"maps.column.{column}"), tr(f"maps.unit.{column}")
    return Theme.of_classes(column, name, tr("maps.legend.title", name=name, unit=unit), found)


def beat_theme(city: City, plan: Plan) -> Theme:
    """Return the theme that gives neighbouring beats of a plan different colours."""
    palette, rows = colour_beats(plan.assignment, city.adjacency)
    legend = ((NO_DATA, tr("maps.legend.no_beat")),) if (plan.assignment < 0).any() else ()
    if legend:
        palette = (*palette, NO_DATA)
        rows = np.where(rows == 255, len(palette) - 1, rows).astype(np.uint8)
    return Theme(
        "beat",
        tr("maps.column.beat"),
        tr("maps.legend.beats", count=len(plan)),
        palette,
        rows,
        legend,
        groups=plan.assignment,
    )


def moved_theme(plan: Plan, moved: NDArray[np.bool_]) -> Theme:
    """Return the theme of the grids that have changed their beat, within a plan's borders.

    Parameters
    ----------
    plan
        The plan that they have changed to.
    moved : (n,) bool
        One a grid.
    """
    colours = (NO_DATA, _MOVED)
    counts = (int((~moved).sum()), int(moved.sum()))
    legend = tuple(
        (colour, tr("maps.legend.significant", name=tr(f"maps.moved.{name}"), count=count))
        for colour, name, count in zip(colours, ("kept", "moved"), counts, strict=True)
    )
    return Theme(
        "moved",
        tr("maps.moved.name"),
        tr("maps.moved.title"),
        colours,
        moved.astype(np.uint8),
        legend[::-1],
        groups=plan.assignment,
    )


def facts_of(city: City, rows: pd.DataFrame, columns: tuple[str, ...], plan: Plan | None) -> Facts:
    """Return what a hover over a grid tells.

    Parameters
    ----------
    city
        The city whose grids are drawn.
    rows
        A table by grid, as `gridmap.measure.summarise` makes it.
    columns
        Columns of it, in order.
    plan
        The plan that says each grid's beat, or None.
    """
    told: dict[str, NDArray[np.generic]] = {}
    digits: dict[str, int] = {}
    if plan is not None:
        names = np.array([beat.label for beat in plan.beats] + ["–"], dtype=object)
        told[tr("maps.column.beat")] = names[plan.assignment]
    for column in columns:
        spec = COLUMNS[column]
        unit = tr(f"maps.unit.{column}")
        label = tr("maps.legend.title", name=tr(f"maps.column.{column}"), unit=unit)
        told[label] = rows[column].to_numpy(dtype=float) * (100.0 if spec.share else 1.0)
        digits[label] = spec.digits
    return Facts(list(map(str, city.grids.names)), told, digits)


def outline_overlay(
    layer: Layer, *, drawing: Drawing | None = None, shown: bool = True, labels: bool = False
) -> Overlay:
    """Return the outlines of a layer of polygons or lines in the look of its kind.

    Parameters
    ----------
    layer
        Any layer but rooms and facilities.
    drawing
        Its drawing, where there is one already.
    shown
        Whether it is on when the map opens.
    labels
        Write the features' names into them.
    """
    colour, width, dash = OUTLINES[layer.kind]
    return Overlay(
        f"outline-{layer.kind}",
        tr(f"maps.kind.{layer.kind}"),
        colour,
        drawing=drawing or draw_layer(layer),
        names=list(map(str, layer.names)) if labels else (),
        width=width,
        dash=dash,
        shown=shown,
    )


def room_overlay(
    rooms: Layer, *, radius_m: float = 0.0, datum: str = "wgs84", shown: bool = True
) -> Overlay:
    """Return rooms, each with a circle of the given reach in metres (0 for none)."""
    return Overlay(
        "rooms",
        tr("maps.kind.room")
        if not radius_m
        else tr("maps.legend.rooms_radius", radius=f"{radius_m:,.0f}"),
        "#0f5c55",
        points=degrees_of(rooms.geometry, rooms.crs, datum=datum),
        names=list(map(str, rooms.names)),
        radius_m=radius_m,
        shown=shown,
    )


def degrees_of(
    geometry: NDArray[np.object_], crs: CRS, *, datum: str = "wgs84"
) -> NDArray[np.float64]:
    """Return the latitude and longitude of points' or shapes' middles, shape (n, 2)."""
    points = reproject(shapely.centroid(geometry), crs, _WGS84)
    lon, lat = to_datum(shapely.get_x(points), shapely.get_y(points), datum)
    return np.column_stack([lat, lon])
