"""A city as themes, overlays and facts: what every map of gridmap is made of."""

from __future__ import annotations

import io
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
from gridmap.maps.classes import (
    DIVERGING,
    NO_DATA,
    SEQUENTIAL,
    classify,
    classify_counts,
    classify_shares,
    colour_beats,
)
from gridmap.maps.drawing import Drawing, draw_layer, world_pixels
from gridmap.maps.scene import Captions, Facts, Hours, Overlay, Theme, Units
from gridmap.measure.hotspots import Density, HotSpots
from gridmap.model import City, Kind, Layer, Plan
from gridmap.model.crs import from_datum, reproject, reproject_points, to_datum
from gridmap.typing import Bools, Floats, Ints, Ints32

_WGS84 = CRS.from_epsg(4326)
_MOVED = "#f1a340"
LOAD_BREAKS = (-0.5, -0.25, -0.1, 0.1, 0.25, 0.5)  # shares of the mean, between seven colours


@dataclass(frozen=True, slots=True)
class ColumnStyle:
    """How a measured column is drawn and written.

    Parameters
    ----------
    colours
        Ramp in `gridmap.maps.classes.SEQUENTIAL`.
    digits
        Digits after the point.
    share
        The value is a share, written as per cent.
    """

    colours: str = "blue"
    digits: int = 0
    share: bool = False


COLUMNS = {
    "area_km2": ColumnStyle("purple", 2),
    "residents": ColumnStyle("blue"),
    "migrants": ColumnStyle("blue"),
    "households": ColumnStyle("blue"),
    "incidents": ColumnStyle("orange"),
    "residents_per_km2": ColumnStyle("blue"),
    "incidents_per_km2": ColumnStyle("orange"),
    "incidents_per_1000_residents": ColumnStyle("orange", 1),
    "covered_residents_share": ColumnStyle("green", 0, share=True),
    "outside_residents": ColumnStyle("purple"),
    "travel_min": ColumnStyle("purple", 1),
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
    values: Floats,
    *,
    by: str = "",
    scale: Floats | None = None,
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


def hour_theme(count: int, cells: Ints, hours: Ints, counts: Ints) -> tuple[Theme, Hours]:
    """Return the theme of incidents in one hour, and what a player steps through.

    Parameters
    ----------
    count
        Number of cells.
    cells, hours, counts : (m,) int
        Row of the cell, hour of the week and incidents in it; a pair may be listed repeatedly.

    Notes
    -----
    Every hour has the same classes, made of all hours: what is darker at night has more
    incidents at night. An hour of one weekday has about a seventh of the incidents of the hour
    of all days, and so classes of its own, which all weekdays share.
    """
    places, at = np.unique(cells * 168 + hours, return_inverse=True)
    played = np.bincount(at, weights=counts).astype(np.int64)
    places, played = places[played > 0], played[played > 0]
    of_day, at = np.unique(places // 168 * 24 + places % 24, return_inverse=True)
    all_days = classify_counts(np.bincount(at, weights=played).astype(np.float64))
    one_day = classify_counts(played.astype(np.float64))
    first = np.zeros(count, dtype=np.uint8)  # the hour after midnight
    midnight = of_day % 24 == 0
    first[of_day[midnight] // 24] = all_days.rows[midnight]
    name = tr("maps.hour.name")
    theme = Theme.of_classes("hour", name, name, replace(all_days, rows=first))
    return theme, Hours("hour", places // 168, places % 168, played, all_days, one_day)


def value_theme(key: str, title: str, values: Floats, *, colours: str = "orange") -> Theme:
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
        Ramp in `gridmap.maps.classes.SEQUENTIAL`.
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


def unit_theme(theme: Theme, rows: Ints32) -> Theme:
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


def load_theme(deviation: Floats, *, held: Bools | None = None, note: str = "") -> Theme:
    """Return the theme of each unit's workload against the mean: below violet, above orange.

    Parameters
    ----------
    deviation : (k,) float
        Load over the mean less 1.
    held : (k,) bool
        Which units have a cell, and are counted in the legend; all if None.
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
    counted = rows if held is None else rows[held]
    counts = np.bincount(counted, minlength=len(labels)).tolist()
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


def is_main_road(layer: Layer) -> Bools:
    """Return which roads are main ones by their class, shape (n,); none where none has a class."""
    if "class" not in layer.frame.columns:
        return np.zeros(len(layer), dtype=bool)
    words = "|".join(tr("maps.road.classes", language=language) for language in LANGUAGES)
    main = re.compile(words, re.IGNORECASE)
    return np.array([bool(main.search(str(one))) for one in layer.frame["class"]], dtype=bool)


def captions_of(city: City, *, datum: str = "wgs84") -> tuple[Captions, ...]:
    """Return the names of stations, rivers, railways, main roads and communities.

    A name that several lines have is shown once, in the middle of the longest.
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


def moved_theme(plan: Plan, moved: Bools) -> Theme:
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
    """Return what the tooltip of a grid shows.

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
    values: dict[str, NDArray[np.generic]] = {}
    digits: dict[str, int] = {}
    if plan is not None:
        names = np.array([beat.label for beat in plan.beats] + ["–"], dtype=object)
        values[tr("maps.column.beat")] = names[plan.assignment]
    for column in columns:
        spec = COLUMNS[column]
        unit = tr(f"maps.unit.{column}")
        label = tr("maps.legend.title", name=tr(f"maps.column.{column}"), unit=unit)
        values[label] = rows[column].to_numpy(dtype=float) * (100.0 if spec.share else 1.0)
        digits[label] = spec.digits
    names_of_grids, ids = (list(map(str, each)) for each in (city.grids.names, city.grids.ids))
    return Facts(names_of_grids, values, digits, [] if ids == names_of_grids else ids)


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


def degrees_of(geometry: NDArray[np.object_], crs: CRS, *, datum: str = "wgs84") -> Floats:
    """Return the latitude and longitude of points' or shapes' middles, shape (n, 2)."""
    points = reproject(shapely.centroid(geometry), crs, _WGS84)
    lon, lat = to_datum(shapely.get_x(points), shapely.get_y(points), datum)
    return np.column_stack([lat, lon])


# -- a density surface as a picture that lies on the map


def density_overlay(
    density: Density,
    crs: CRS,
    bounds: tuple[float, float, float, float],
    *,
    datum: str = "wgs84",
    width_px: int = 700,
    shown: bool = False,
) -> Overlay:
    """Return a density as a picture in the map's own projection.

    Parameters
    ----------
    density
        Incidents per km2 on cells in the working CRS.
    crs
        The working CRS.
    bounds
        South, west, north, east of the picture in degrees of the basemap's datum.
    datum
        The basemap's datum.
    width_px
        Width of the picture.
    shown
        Whether it is on when the map opens.

    Notes
    -----
    Each pixel looks its own place up in the surface, so the picture lies where the cells
    are, however the working CRS is turned against the map.
    """
    from PIL import Image

    south, west, north, east = bounds
    x, y = world_pixels(np.array([west, east]), np.array([north, south]), 0)
    height_px = max(1, round(width_px * float(y[1] - y[0]) / float(x[1] - x[0])))
    lon = west + (np.arange(width_px) + 0.5) / width_px * (east - west)
    down = y[0] + (np.arange(height_px) + 0.5) / height_px * (y[1] - y[0])
    lat = np.degrees(2 * np.arctan(np.exp(np.pi * (1 - down / 128.0))) - np.pi / 2)
    grid_lon, grid_lat = (part.ravel() for part in np.meshgrid(lon, lat))
    found = density.at(*reproject_points(*from_datum(grid_lon, grid_lat, datum), _WGS84, crs))
    top = float(np.nanmax(density.per_km2)) or 1.0
    share = np.clip(np.nan_to_num(found) / top, 0.0, 1.0) ** 0.5
    stops = np.array(
        [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in SEQUENTIAL["orange"]]
    )
    places = np.linspace(0.0, 1.0, len(stops))
    pixels = np.empty((len(share), 4), dtype=np.uint8)
    for channel in range(3):
        pixels[:, channel] = np.interp(share, places, stops[:, channel])
    pixels[:, 3] = np.where(share > 0.05, 60 + 170 * share, 0)
    out = io.BytesIO()
    Image.fromarray(pixels.reshape(height_px, width_px, 4)).save(out, "PNG", optimize=True)
    return Overlay(
        "density",
        tr("maps.legend.density", bandwidth=f"{density.bandwidth_m:,.0f}", top=f"{top:,.0f}"),
        "#e0570c",
        picture=out.getvalue(),
        bounds=bounds,
        shown=shown,
    )


# -- themes of what incidents do: hot spots, and change between two periods


_FIVE = tuple(DIVERGING[at] for at in (0, 1, 3, 5, 6))
_SHARES = (-0.3, -0.1, 0.1, 0.3)  # between five colours
_HOT = {"hot": "#b3261e", "cold": "#3182bd", "none": NO_DATA}


def hot_spot_theme(spots: HotSpots) -> Theme:
    """Return the theme of hot and cold spots; what is not significant stays grey."""
    names = list(_HOT)
    rows = np.full(len(spots.kind), names.index("none"), dtype=np.uint8)
    for at, name in enumerate(names):
        rows[spots.kind == name] = at
    legend = tuple(
        (
            colour,
            tr(
                "maps.legend.significant",
                name=tr(f"maps.hot.{name}"),
                count=int((rows == at).sum()),
            ),
        )
        for at, (name, colour) in enumerate(_HOT.items())
    )
    return Theme(
        "hot_spots",
        tr("maps.hot.name"),
        tr("maps.hot.title"),
        tuple(_HOT.values()),
        rows,
        legend,
    )


def share_change_theme(share: Floats, *, note: str = "") -> Theme:
    """Return the theme of a change as a share of before: falls violet, rises orange.

    Parameters
    ----------
    share : (n,) float
        Now over before less 1; NaN or infinite where nothing was before.
    note
        A line under the legend: which period it is compared with.
    """
    known = np.isfinite(share)
    rows = np.searchsorted(_SHARES, np.where(known, share, 0.0), side="left")
    ends = [f"{100 * one:+.0f}%".replace("-", "−") for one in _SHARES]
    labels = [
        f"≤ {ends[0]}",
        *(f"{low} … {high}" for low, high in pairwise(ends)),
        f"> {ends[-1]}",
    ]
    legend = tuple(reversed(list(zip(_FIVE, labels, strict=True))))
    return Theme(
        "share_change", tr("maps.by.beat", name=tr("maps.change.name")), tr("maps.change.share"),
        _FIVE, np.where(known, rows, 255).astype(np.uint8), legend, note=note,
    )  # fmt: skip


def change_theme(change: Floats, *, note: str = "") -> Theme:
    """Return the theme of a change in numbers: losses violet, gains orange, none pale.

    Parameters
    ----------
    change : (n,) float
        Now less before.
    note
        A line under the legend: which period it is compared with.
    """
    size = np.abs(change[change != 0])
    low, high = (1.0, 2.0) if len(size) == 0 else np.quantile(size, [0.5, 0.9])
    small = max(1.0, float(np.ceil(low)))
    large = max(small + 1.0, float(np.ceil(high)))
    bounds = np.array([-large, -small, small, large])
    # below -large | -large.. -small | between | small..large | large and above
    rows = np.digitize(change, [bounds[0], bounds[1]], right=True)
    rows = rows + (change >= bounds[2]) + (change >= bounds[3])
    labels = (
        f"≤ −{large:,.0f}",
        f"−{large - 1:,.0f} … −{small:,.0f}" if large - 1 > small else f"−{small:,.0f}",
        f"−{small - 1:,.0f} … +{small - 1:,.0f}" if small > 1 else "0",
        f"+{small:,.0f} … +{large - 1:,.0f}" if large - 1 > small else f"+{small:,.0f}",
        f"≥ +{large:,.0f}",
    )
    return Theme(
        "change",
        tr("maps.change.name"),
        tr("maps.change.title"),
        _FIVE,
        rows.astype(np.uint8),
        tuple(reversed(list(zip(_FIVE, labels, strict=True)))),
        note=note,
    )
