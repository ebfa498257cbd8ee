"""A city as themes, overlays and facts: what every map of gridmap is made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.i18n import LANGUAGES, tr
from gridmap.maps.classes import classify, classify_shares
from gridmap.maps.drawing import Drawing, draw_layer
from gridmap.maps.palettes import DIVERGING, NO_DATA, colour_beats
from gridmap.maps.scene import Captions, Facts, Overlay, Theme, Units
from gridmap.model import City, Kind, Layer, Plan
from gridmap.model.crs import reproject, to_datum

__all__ = [
    "COLUMNS",
    "LOAD_BREAKS",
    "OUTLINES",
    "Column",
    "beat_theme",
    "captions_of",
    "choropleth",
    "degrees_of",
    "facts_of",
    "is_main_road",
    "load_theme",
    "moved_theme",
    "outline_overlay",
    "room_overlay",
    "unit_theme",
    "units_of",
    "value_theme",
]

_WGS84 = CRS.from_epsg(4326)
_MOVED = "#f1a340"
LOAD_BREAKS = (-0.5, -0.25, -0.1, 0.1, 0.25, 0.5)  # shares of the mean, between seven colours


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


def choropleth(
    column: str,
    values: NDArray[np.float64],
    *,
    by: str = "",
    scale: NDArray[np.float64] | None = None,
) -> Theme:
    """Return the theme of a measured column: shares in quarters, else as many in each class.

    Parameters
    ----------
    column
        One of `COLUMNS`.
    values : (n,) float
        One a cell; NaN where unknown.
    by
        ``beat`` where they are of beats: the name says so.
    scale : (m,) float
        Values that the classes are made of; these if None. Maps of one scale can be compared.
    """
    spec = COLUMNS[column]
    if spec.share:
        found = classify_shares(values, colours=spec.colours)
    else:
        found = classify(values, colours=spec.colours, scale=scale)
    name, unit = tr(f"maps.column.{column}"), tr(f"maps.unit.{column}")
    if by:
        name = tr(f"maps.by.{by}", name=name)
    title = tr("maps.legend.title", name=name, unit=unit)
    return Theme.of_classes(f"{by}_{column}" if by else column, name, title, found)


def value_theme(
    key: str, title: str, values: NDArray[np.float64], *, colours: str = "orange"
) -> Theme:
    """Return the theme of values that are no measured column.

    Parameters
    ----------
    key
        Stays the same while values change.
    title
        What they are, with the unit.
    values : (n,) float
        One a cell; NaN where unknown.
    colours
        Ramp in `gridmap.maps.palettes.SEQUENTIAL`.
    """
    return Theme.of_classes(key, title, title, classify(values, colours=colours))


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


def unit_theme(theme: Theme, rows: NDArray[np.int32]) -> Theme:
    """Return a theme of units as one of their cells, with borders between units.

    Parameters
    ----------
    theme
        Of the units: one class a unit.
    rows : (n,) int32
        Each cell's unit; -1 for none.
    """
    classes = theme.rows[np.maximum(rows, 0)] if len(theme.rows) else np.zeros(len(rows), np.uint8)
    return replace(theme, rows=np.where(rows >= 0, classes, 255).astype(np.uint8), groups=rows)


def load_theme(deviation: NDArray[np.float64], *, note: str = "") -> Theme:
    """Return the theme of each unit's workload against the mean: below violet, above orange.

    Parameters
    ----------
    deviation : (k,) float
        Load over the mean less 1.
    note
        A line under the legend: what the workload is made of.
    """
    rows = np.searchsorted(LOAD_BREAKS, deviation, side="left").astype(np.uint8)
    ends = [f"{100 * one:+.0f}%".replace("-", "−") for one in LOAD_BREAKS]
    labels = [
        f"≤ {ends[0]}",
        *(f"{low} … {high}" for low, high in pairwise(ends)),
        f"> {ends[-1]}",
    ]
    counts = np.bincount(rows, minlength=len(labels)).tolist()
    lines = [
        (colour, tr("maps.legend.significant", name=label, count=count))
        for colour, label, count in zip(DIVERGING, labels, counts, strict=True)
    ]
    return Theme(
        "load", tr("maps.load.name"), tr("maps.load.title"), DIVERGING, rows, tuple(lines[::-1]),
        note=note,
    )  # fmt: skip


def units_of(plan: Plan, *, notes: Sequence[str] = (), chosen: str = "") -> Units:
    """Return the beats of a plan as what has a name on the map.

    Parameters
    ----------
    plan
        The plan.
    notes
        A second line a beat.
    chosen
        Id of the beat that is outlined, or blank.
    """
    ids = list(map(str, plan.beat_ids))
    return Units(
        tr("maps.kind.beat_one"),
        [beat.label for beat in plan.beats],
        ids,
        plan.assignment,
        notes,
        ids.index(chosen) if chosen in ids else -1,
    )


def is_main_road(layer: Layer) -> NDArray[np.bool_]:
    """Return which roads are main ones by their class, shape (n,); none where none has a class."""
    if "class" not in layer.frame.columns:
        return np.zeros(len(layer), dtype=bool)
    words = "|".join(tr("maps.road.classes", language=language) for language in LANGUAGES)
    main = re.compile(words, re.IGNORECASE)
    return np.array([bool(main.search(str(one))) for one in layer.frame["class"]], dtype=bool)


def captions_of(city: City, *, datum: str = "wgs84") -> tuple[Captions, ...]:
    """Return the names of stations, rivers, railways, main roads and communities.

    A name that several lines bear stands once, in the middle of the longest.
    """
    found = []
    for kind in (Kind.STATION, Kind.BARRIER, Kind.ROAD, Kind.COMMUNITY):
        layer = city.get(kind)
        if layer is None:
            continue
        keep = is_main_road(layer) if kind is Kind.ROAD else np.ones(len(layer), dtype=bool)
        keep = keep & (layer.names.astype(str) != layer.ids.astype(str)) | (kind is Kind.STATION)
        shapes, names = layer.geometry[keep], layer.names[keep].astype(str)
        named = np.array([bool(name.strip()) for name in names], dtype=bool)
        if not named.any():
            continue
        lines = pd.DataFrame({"name": names, "size": shapely.length(shapes)})[named]
        first = lines.sort_values("size", ascending=False).drop_duplicates("name").index.to_numpy()
        at = np.array([_inside(shape) for shape in shapes[first]], dtype=object)
        found.append(
            Captions(
                str(kind),
                tr(f"maps.kind.{kind}_one"),
                names[first].tolist(),
                degrees_of(at, layer.crs, datum=datum),
                drawn=kind is not Kind.COMMUNITY,
            )
        )
    return tuple(found)


def _inside(shape: shapely.Geometry) -> shapely.Geometry:
    """Return a point of an area, or the middle of a line."""
    if shape.geom_type.endswith("Polygon"):
        return shapely.point_on_surface(shape)
    parts = shapely.get_parts(shape)
    return shapely.line_interpolate_point(
        parts[int(shapely.length(parts).argmax())], 0.5, normalized=True
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
    layer: Layer, *, drawing: Drawing | None = None, shown: bool = True
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
    """
    colour, width, dash = OUTLINES[layer.kind]
    return Overlay(
        f"outline-{layer.kind}",
        tr(f"maps.kind.{layer.kind}"),
        colour,
        drawing=drawing or draw_layer(layer),
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
