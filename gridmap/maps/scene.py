"""What a map shows, as values: cells with themes, overlays, and the tooltip.

A scene knows no screen. `gridmap.maps.viewing` puts it into a self-contained folium map,
the pages send it to the touch map, and both draw it with the same script.
"""

from __future__ import annotations

import base64
import json
import shutil
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import InputError, MissingError
from gridmap.i18n import DAYS, current_language, tr
from gridmap.maps.classes import Classes
from gridmap.maps.drawing import Drawing, digest_of, pack
from gridmap.typing import Floats, Ints, Ints32

_TEXTS = (
    "all_days", "click", "days", "fit", "full", "grid", "hour", "incidents", "keys", "lasso",
    "legend", "locked", "map", "measure", "names", "next_hour", "north", "pause", "picture",
    "play", "rectangle", "search", "swipe", "theme", "worst", "zoom_in", "zoom_out",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tiles:
    """A basemap.

    Parameters
    ----------
    url, credit
        URL template and attribution.
    datum
        Datum of its tiles.
    labels
        URL template of names over it; blank for none.
    most_zoom
        Zoom beyond which its tiles are enlarged; 0 where it is not known.
    """

    url: str
    credit: str = ""
    datum: str = "wgs84"
    labels: str = ""
    most_zoom: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Theme:
    """One colouring of the cells.

    Parameters
    ----------
    key
        Stays the same while figures change.
    name
        Short: shown in the layer switch.
    title
        Heading of the legend, with the unit.
    palette, rows
        Colours, and each cell's place in them, shape (n,) uint8; 255 is left empty.
    legend
        Colour and text of each line.
    groups
        Each cell's group, shape (n,), for heavy borders between groups; None for none.
    note
        A line under the legend.
    """

    key: str
    name: str
    title: str
    palette: tuple[str, ...]
    rows: NDArray[np.uint8]
    legend: tuple[tuple[str, str], ...] = ()
    groups: Ints32 | None = None
    note: str = ""

    @classmethod
    def of_classes(cls, key: str, name: str, title: str, classes: Classes) -> Theme:
        """Return the theme of a choropleth, one line of the legend a class."""
        legend = tuple(zip(classes.palette, classes.labels, strict=True))
        return cls(key, name, title, classes.palette, classes.rows, legend)


@dataclass(frozen=True, slots=True, eq=False)
class Overlay:
    """Something over the cells that the layer switch turns on and off.

    Parameters
    ----------
    key, name
        What the layer switch calls it.
    colour
        Of its lines or points.
    drawing
        Polygons or lines; None for points or a picture.
    points : (m, 2) float
        Latitude and longitude of points.
    names
        What a hover over a point says.
    discs
        A number or sign drawn in a disc at each point, instead of a dot.
    radius_m
        Draw a circle of this reach around each point; 0 for none.
    picture, bounds
        A PNG picture and its south, west, north, east.
    width, dash, fill
        Line width and dashes in pixels, and a fill colour for polygons.
    shown
        Whether it is on when the map opens.
    """

    key: str
    name: str
    colour: str
    drawing: Drawing | None = None
    points: Floats | None = None
    names: Sequence[str] = ()
    discs: Sequence[str] = ()
    radius_m: float = 0.0
    picture: bytes = b""
    bounds: tuple[float, float, float, float] | None = None
    width: float = 2.0
    dash: tuple[float, ...] = ()
    fill: str = ""
    shown: bool = True


@dataclass(frozen=True, eq=False)
class Facts:
    """What the tooltip of a cell shows.

    Parameters
    ----------
    names
        The cells' names.
    columns
        Label to values, shape (n,): numbers or texts.
    digits
        Label to digits after the point; 0 unless given.
    ids
        What a search finds the cells by besides their names; empty if nothing.
    """

    names: Sequence[str]
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    digits: Mapping[str, int] = field(default_factory=dict)
    ids: Sequence[str] = ()

    @cached_property
    def data(self) -> bytes:
        """The facts as JSON."""
        rows = [
            {"label": label, "values": _plain(values), "digits": self.digits.get(label, 0)}
            for label, values in self.columns.items()
        ]
        told = {"names": list(self.names), "ids": list(self.ids), "rows": rows}
        return json.dumps(told, ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """What the cells belong to, with a name on the map: beats.

    Parameters
    ----------
    name
        What one is called, in the list of hits of a search.
    names, ids
        Of each unit.
    rows : (n,) int32
        Each cell's unit; -1 for none.
    notes
        A second line under each name, or empty.
    chosen
        Row of the unit that is outlined; -1 for none.
    """

    name: str
    names: Sequence[str]
    ids: Sequence[str]
    rows: Ints32
    notes: Sequence[str] = ()
    chosen: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Captions:
    """Names of one kind on the map, and in its search.

    Parameters
    ----------
    key, name
        ``station``, ``barrier``, ``road`` or ``community``, and what it is called.
    texts
        The names.
    points : (m, 2) float
        Latitude and longitude of each.
    drawn
        Whether they are drawn on the map; a search finds them in any case.
    """

    key: str
    name: str
    texts: Sequence[str]
    points: Floats
    drawn: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """A click gives cells to a unit, and the browser adds up before the page does.

    Parameters
    ----------
    to
        Row of the unit that cells go to; -1 while nobody paints.
    loads : (n,) float
        What each cell adds to its unit.
    theme, breaks
        Key of the theme that shows each unit's deviation from the mean, and upper bounds of its
        classes but the last, as shares.
    tolerance
        A deviation beyond this share is written in red.
    seen
        Stamp of the last stroke that the scene holds.
    """

    to: int
    loads: Floats
    theme: str
    breaks: tuple[float, ...]
    tolerance: float
    seen: int = 0

    @property
    def data(self) -> bytes:
        """The loads as the browser reads them."""
        return self.loads.astype("<f4").tobytes()


@dataclass(frozen=True, slots=True, eq=False)
class Swipe:
    """Another plan on the same map, left of a divider that is dragged.

    Parameters
    ----------
    themes
        Its colourings, by the keys of the scene's; the first where none has the key.
    units
        Its units.
    left, right
        What the plans on both sides are called.
    """

    themes: tuple[Theme, ...]
    units: Units
    left: str
    right: str


@dataclass(frozen=True, eq=False)
class Hours:
    """Counts by hour of the week, which the browser plays hour by hour on one scale.

    Parameters
    ----------
    theme
        Key of the theme whose colours the player sets.
    cells, hours, counts : (m,) int
        Row of the cell, hour of the week (0 is Monday at midnight) and count, in the order of
        cells and hours; what is not listed is zero.
    all_days, one_day
        Classes of an hour of all days together, and of an hour of one weekday.
    """

    theme: str
    cells: Ints
    hours: Ints
    counts: Ints
    all_days: Classes
    one_day: Classes

    @cached_property
    def data(self) -> bytes:
        """The counts as the browser reads them: steps from place to place, then counts."""
        steps = pack(np.diff(self.cells * 168 + self.hours, prepend=0))
        return struct.pack("<I", len(steps)) + steps + pack(self.counts)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everything that one map shows.

    Parameters
    ----------
    cells
        The polygons that themes colour; None where there are none.
    themes
        Colourings, of which the reader picks one.
    theme
        Key of the one that is on first; the first if there is none of that key.
    overlays
        From bottom to top.
    facts
        What the tooltip shows, or None.
    marked
        Rows of cells with a heavy outline.
    tiles
        Basemap, or None: no basemap unless a setting names one.
    units, captions
        What has a name on the map.
    paint
        What a brush needs, or None.
    exports
        Whether the map may be saved as a picture.
    locked
        Rows of cells that stay where they are: hatched.
    swipe
        Another plan to compare with on the same map, or None.
    hours
        What a player steps through, or None.
    """

    cells: Drawing | None
    themes: tuple[Theme, ...] = ()
    theme: str = ""
    overlays: tuple[Overlay, ...] = ()
    facts: Facts | None = None
    marked: tuple[int, ...] = ()
    tiles: Tiles | None = None
    units: Units | None = None
    captions: tuple[Captions, ...] = ()
    paint: Paint | None = None
    exports: bool = True
    locked: tuple[int, ...] = ()
    swipe: Swipe | None = None
    hours: Hours | None = None

    def assets(self) -> dict[str, bytes]:
        """Return what a browser needs only once, by digest."""
        found = {} if self.cells is None else {self.cells.digest: self.cells.data}
        for overlay in self.overlays:
            if overlay.drawing is not None:
                found[overlay.drawing.digest] = overlay.drawing.data
            if overlay.picture:
                found[digest_of(overlay.picture)] = overlay.picture
        if self.facts is not None:
            data = self.facts.data
            found[digest_of(data)] = data
        others = [one.data for one in (self.paint, self.hours) if one is not None]
        for data in (self._captions(), *others):
            if data:
                found[digest_of(data)] = data
        return found

    def _captions(self) -> bytes:
        told = [
            {
                "key": one.key,
                "name": one.name,
                "texts": list(one.texts),
                "points": np.round(one.points, 6).tolist(),
                "drawn": one.drawn,
            }
            for one in self.captions
        ]
        return json.dumps(told, ensure_ascii=False).encode() if told else b""

    def to_dict(self, sources: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        """Return the scene as the script takes it.

        Parameters
        ----------
        sources
            Digest of each of `assets` to where its bytes are: ``{"url": ...}`` or
            ``{"data": base64 of zlib}``.
        """
        cells = self.cells
        facts = None if self.facts is None else digest_of(self.facts.data)
        overlays = [_overlay(overlay, sources) for overlay in self.overlays]
        keys = [theme.key for theme in self.themes]
        return {
            "bounds": self._bounds(),
            "language": current_language(),
            "cells": None if cells is None else _source(cells.digest, sources),
            "facts": None if facts is None else _source(facts, sources),
            "themes": [_theme(theme) for theme in self.themes],
            "theme": next((key for key in keys if key == self.theme), keys[0] if keys else ""),
            "overlays": overlays,
            "marked": list(self.marked),
            "locked": list(self.locked),
            "units": None if self.units is None else _units(self.units),
            "captions": _source(digest_of(self._captions()), sources) if self.captions else None,
            "paint": None if self.paint is None else _paint(self.paint, sources),
            "hours": None if self.hours is None else _hours(self.hours, sources),
            "exports": self.exports,
            "swipe": None
            if self.swipe is None
            else {
                "themes": [_theme(theme) for theme in self.swipe.themes],
                "units": _units(self.swipe.units),
                "left": self.swipe.left,
                "right": self.swipe.right,
            },
            "tiles": None
            if self.tiles is None
            else {
                "url": self.tiles.url,
                "credit": self.tiles.credit,
                "labels": self.tiles.labels,
                "mostZoom": self.tiles.most_zoom,
            },
            "texts": {name: tr(f"maps.tool.{name}") for name in _TEXTS},
        }

    def _bounds(self) -> list[float]:
        if self.cells is not None:
            return list(self.cells.bounds)
        for overlay in self.overlays:
            if overlay.drawing is not None:
                return list(overlay.drawing.bounds)
            if overlay.points is not None and len(overlay.points):
                low, high = overlay.points.min(axis=0), overlay.points.max(axis=0)
                return [*low.tolist(), *high.tolist()]
        return [18.0, 73.0, 54.0, 135.0]


def _theme(theme: Theme) -> dict[str, Any]:
    packed: dict[str, Any] = {
        "key": theme.key,
        "name": theme.name,
        "title": theme.title,
        "palette": list(theme.palette),
        "classes": base64.b64encode(theme.rows.astype(np.uint8).tobytes()).decode(),
        "legend": _legend(theme.legend),
        "note": theme.note,
    }
    if theme.groups is not None:
        packed["groups"] = _groups(theme.groups)
    return packed


def _groups(rows: Ints32) -> str:
    return base64.b64encode((rows.astype(np.int64) % 65536).astype("<u2").tobytes()).decode()


def _units(units: Units) -> dict[str, Any]:
    return {
        "name": units.name,
        "names": list(units.names),
        "ids": list(units.ids),
        "rows": _groups(units.rows),
        "notes": list(units.notes),
        "chosen": units.chosen,
    }


def _paint(paint: Paint, sources: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {
        "to": paint.to,
        "loads": _source(digest_of(paint.data), sources),
        "theme": paint.theme,
        "breaks": list(paint.breaks),
        "tolerance": paint.tolerance,
        "seen": paint.seen,
    }


def _hours(hours: Hours, sources: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {
        "source": _source(digest_of(hours.data), sources),
        "theme": hours.theme,
        "days": [tr(f"measure.day.{day}") for day in DAYS],
        "scales": [
            {
                "breaks": list(classes.breaks),
                "palette": list(classes.palette),
                "legend": _legend(zip(classes.palette, classes.labels, strict=True)),
            }
            for classes in (hours.all_days, hours.one_day)
        ],
    }


def _legend(lines: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"colour": colour, "label": label} for colour, label in lines]


def _overlay(overlay: Overlay, sources: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    packed: dict[str, Any] = {
        "key": overlay.key,
        "name": overlay.name,
        "colour": overlay.colour,
        "shown": overlay.shown,
    }
    if overlay.drawing is not None:
        packed |= {
            "kind": "shapes",
            "source": _source(overlay.drawing.digest, sources),
            "width": overlay.width,
            "fill": overlay.fill,
        }
        packed |= {"dash": list(overlay.dash)} if overlay.dash else {}
    elif overlay.picture:
        south, west, north, east = overlay.bounds or (0.0, 0.0, 0.0, 0.0)
        packed |= {
            "kind": "image",
            "source": _source(digest_of(overlay.picture), sources),
            "bounds": [[south, west], [north, east]],
        }
    else:
        points = np.zeros((0, 2)) if overlay.points is None else overlay.points
        packed |= {
            "kind": "points",
            "points": np.round(points, 6).tolist(),
            "radius_m": overlay.radius_m,
        }
        packed |= {"names": list(overlay.names)} if len(overlay.names) else {}
        packed |= {"discs": list(overlay.discs)} if len(overlay.discs) else {}
    return packed


def _source(digest: str, sources: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {**sources.get(digest, {}), "digest": digest}


def _plain(values: NDArray[Any]) -> list[Any]:
    if np.issubdtype(np.asarray(values).dtype, np.number):
        rounded = np.round(np.asarray(values, dtype=float), 3)
        return [
            None if not np.isfinite(v) else int(v) if v == int(v) else v for v in rounded.tolist()
        ]
    return [str(value) for value in values]


# -- the map's scripts and styles: ours from this package, Leaflet from ``xstatic-leaflet``


OUR_SCRIPTS = (
    "shapes.js", "canvas.js", "names.js", "keys.js", "tools.js", "brush.js", "player.js",
    "citymap.js",
)  # fmt: skip


@cache
def read_asset(name: str) -> str:
    """Return one of our own scripts or styles."""
    return (files("gridmap.maps") / "assets" / name).read_text(encoding="utf-8")


@cache
def read_leaflet(name: str) -> str:
    """Return ``leaflet.js`` or ``leaflet.css``; the style without pictures nothing uses."""
    from xstatic.pkg import leaflet

    text = (Path(leaflet.BASE_DIR) / name).read_text(encoding="utf-8")
    if name.endswith(".css"):
        for picture in ("layers.png", "layers-2x.png", "marker-icon.png"):
            text = text.replace(f"url(images/{picture})", "none")
    # The source map is not served.
    return text.replace("//# sourceMappingURL=leaflet.js.map", "")


def write_touch_folder(folder: Path) -> None:
    """Write the touch map's page, scripts and styles into a folder to be served."""
    for name in ("leaflet.js", "leaflet.css"):
        (folder / name).write_text(read_leaflet(name), encoding="utf-8")
    for name in ("touch.html", "touch.js", "map.css", *OUR_SCRIPTS):
        target = "index.html" if name == "touch.html" else name
        (folder / target).write_text(read_asset(name), encoding="utf-8")
    shutil.copyfile(font_path(), folder / "cjk.ttf")


def font_path() -> Path:
    """Return the Chinese font that comes with ``zhplot`` (Noto Sans SC, OFL)."""
    # Found, not imported: the package changes matplotlib's settings when it is.
    spec = find_spec("zhplot")
    if spec is None or spec.origin is None:
        raise MissingError("maps.error.no_font")
    return Path(spec.origin).parent / "fonts" / "NotoSansSC-Regular.ttf"


# -- basemaps: none unless a setting names one, and then shifted to fit what lies under it


_TIANDITU = (
    "https://t{s}.tianditu.gov.cn/{layer}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0"
    "&LAYER={layer}&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}"
    "&TILECOL={x}&tk={key}"
)


def basemap(url: str, *, key: str = "", credit: str = "", datum: str = "wgs84") -> Tiles | None:
    """Return the basemap that settings name, or None for none.

    Parameters
    ----------
    url
        Template with ``{x}``, ``{y}``, ``{z}`` and perhaps ``{s}`` (0 to 7) and ``{key}``;
        ``tianditu`` for 天地图's streets and their names; blank for none.
    key
        Put in for ``{key}``.
    credit
        Attribution.
    datum
        Datum of the tiles: ``wgs84``, ``gcj02`` or ``bd09``. 天地图's is CGCS2000, which is
        WGS 84 to a decimetre.

    Raises
    ------
    InputError
        If the template wants a key and there is none, or has no place for x, y or z.

    Examples
    --------
    >>> basemap("") is None
    True
    >>> basemap("http://10.0.0.8/{z}/{x}/{y}.png?k={key}", key="a b").url
    'http://10.0.0.8/{z}/{x}/{y}.png?k=a b'
    """
    if not url:
        return None
    known = url.strip().lower() == "tianditu"
    template = _tianditu("vec") if known else url
    if "{key}" in template and not key:
        raise InputError("maps.error.tile_key")
    if not all(f"{{{name}}}" in template for name in "xyz"):
        raise InputError("maps.error.tile_url", received=url[:80])
    labels = _tianditu("cva") if known else ""
    return Tiles(
        template.replace("{key}", key),
        credit or (tr("maps.tianditu") if known else ""),
        "wgs84" if known else datum,
        labels.replace("{key}", key),
    )


def _tianditu(layer: str) -> str:
    return _TIANDITU.replace("{layer}", layer)
