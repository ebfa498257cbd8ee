"""Drawing geometry: what a screen can show of a layer, and no more.

Analysis geometry is never touched. A drawing holds the layer at a few zooms, each
simplified as a coverage (borders that two polygons share stay shared) and rounded to the
pixels of its zoom, in the world pixels of web maps.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.io import keep_arrays, kept_arrays
from gridmap.model import Layer
from gridmap.model.crs import reproject_points, to_datum
from gridmap.typing import Bools, Floats, Ints

_WGS84 = CRS.from_epsg(4326)
_TILE_PX = 256.0
_SCREEN_PX = 1100.0  # the width that a city is fitted into when a map opens
_STEPS = (1, 3, 6)  # zooms above the opening one at which a drawing is kept
_DEEPEST_ZOOM = 18
_EARTH_M = 40075016.686
_LARGE = 10_000  # vertices, from which a drawing is kept between runs


@dataclass(frozen=True, slots=True)
class Drawing:
    """A layer as a browser draws it.

    Parameters
    ----------
    data
        Packed vertices at each zoom; ``assets/shapes.js`` reads them.
    digest
        Sixteen bytes in hex over ``data``: the name under which a browser keeps it.
    bounds
        South, west, north, east in degrees of the map's datum.
    count
        Number of features.
    """

    data: bytes
    digest: str
    bounds: tuple[float, float, float, float]
    count: int

    @classmethod
    def of(cls, data: bytes, bounds: tuple[float, float, float, float], count: int) -> Drawing:
        """Return the drawing of packed vertices, named by their digest."""
        return cls(data, digest_of(data), bounds, count)


def draw_layer(layer: Layer, *, datum: str = "wgs84") -> Drawing:
    """Return the drawing of a layer of polygons or lines.

    Parameters
    ----------
    layer
        In any CRS; metres simplify best.
    datum
        Datum of the basemap under it: ``wgs84``, ``gcj02`` or ``bd09``. What is drawn is
        shifted to fit, the layer is not.

    Notes
    -----
    Drawings of large layers are kept in the user's cache folder (`gridmap.io.keep_arrays`).
    """
    if shapely.get_num_coordinates(layer.geometry).sum() < _LARGE:
        return draw_geometry(layer.geometry, layer.crs, datum=datum)
    name = f"drawing-{datum}-{layer.digest}"
    kept = kept_arrays(name)
    if kept is not None and {"data", "bounds"} <= set(kept):
        south, west, north, east = kept["bounds"].astype(float).tolist()
        data = kept["data"].tobytes()
        return Drawing.of(data, (south, west, north, east), len(layer))
    drawing = draw_geometry(layer.geometry, layer.crs, datum=datum)
    packed = np.frombuffer(drawing.data, dtype=np.uint8)
    keep_arrays(name, {"data": packed, "bounds": np.array(drawing.bounds)})
    return drawing


def draw_geometry(geometry: NDArray[np.object_], crs: CRS, *, datum: str = "wgs84") -> Drawing:
    """Return the drawing of polygons or lines; empty and missing ones keep their place."""
    bounds = _bounds(geometry, crs, datum)
    lines, owner = _lines(geometry)
    rings = pack(np.bincount(owner, minlength=len(geometry)))
    outlines = _Outlines.of(lines, crs, datum)
    heads: list[dict[str, object]] = []
    parts: list[bytes] = []
    for zoom in reversed(_zooms(bounds)):
        outlines.thin(2.0**zoom)
        lengths, *steps = outlines.packed(2.0**zoom)
        body = [lengths, rings, *steps]
        heads.insert(0, {"zoom": zoom, "bytes": [len(part) for part in body]})
        parts[:0] = body
    header = json.dumps({"count": len(geometry), "levels": heads}).encode()
    data = b"".join([struct.pack("<I", len(header)), header, *parts])
    return Drawing.of(data, bounds, len(geometry))


def world_pixels(lon: Floats, lat: Floats, zoom: float) -> tuple[Floats, Floats]:
    """Return the world pixels of degrees at a zoom, x east and y south, as web maps count.

    >>> world_pixels(np.array([0.0]), np.array([0.0]), 0)
    (array([128.]), array([128.]))
    """
    size = _TILE_PX * 2.0**zoom
    sine = np.sin(np.radians(lat))
    y = 0.5 - np.log((1 + sine) / (1 - sine)) / (4 * np.pi)
    return (lon / 360.0 + 0.5) * size, y * size


def _zooms(bounds: tuple[float, float, float, float]) -> list[int]:
    x, y = world_pixels(np.array(bounds[1::2]), np.array(bounds[0::2]), 0)
    side = max(float(np.ptp(x)), float(np.ptp(y)), 1e-6)
    opening = int(np.floor(np.log2(_SCREEN_PX / side)))
    return sorted({min(max(opening + step, 1), _DEEPEST_ZOOM) for step in _STEPS})


def _bounds(
    geometry: NDArray[np.object_], crs: CRS, datum: str
) -> tuple[float, float, float, float]:
    west, south, east, north = shapely.total_bounds(geometry) if len(geometry) else [np.nan] * 4
    if not np.isfinite([west, south, east, north]).all():
        return (-1.0, -1.0, 1.0, 1.0)
    ring = shapely.segmentize(shapely.box(west, south, east, north), (east - west) / 8 or 1.0)
    lon, lat = _degrees(shapely.get_coordinates(ring), crs, datum)
    return (float(lat.min()), float(lon.min()), float(lat.max()), float(lon.max()))


def _degrees(xy: Floats, crs: CRS, datum: str) -> tuple[Floats, Floats]:
    return to_datum(*reproject_points(xy[:, 0], xy[:, 1], crs, _WGS84), datum)


@dataclass(slots=True, eq=False)
class _Outlines:
    """Rings and lines on the points that they share, thinned for coarser and coarser zooms.

    Visvalingam and Whyatt's simplification (1993), of each point once for all lines through it:
    a border that two polygons share stays one border. A point goes if the triangle with its two
    neighbours is smaller than a pixel and it is the least among its neighbours that would go;
    ends of lines and points where borders meet stay.

    Parameters
    ----------
    xy : (n, 2) array
        World pixels of the points at zoom 0.
    point, line
        The point and the line of each vertex, without the one that closes a ring.
    closed
        Whether each line ends where it starts.
    left, right : (n,) arrays
        Both neighbours of each point that may go.
    free, held : (n,) arrays
        Points that may go yet, and those that have not gone.
    """

    xy: Floats
    point: Ints
    line: Ints
    closed: Bools
    left: Ints
    right: Ints
    free: Bools
    held: Bools

    @classmethod
    def of(cls, lines: NDArray[np.object_], crs: CRS, datum: str) -> _Outlines:
        """Return the outlines of rings and lines."""
        every, line = shapely.get_coordinates(lines, return_index=True)
        order = np.lexsort((every[:, 1], every[:, 0]))
        ordered = every[order]
        new = np.ones(len(every), dtype=bool)
        new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        point = np.empty(len(every), dtype=np.int64)
        point[order] = np.cumsum(new) - 1
        xy = ordered[new]
        if len(xy):
            xy = np.column_stack(world_pixels(*_degrees(xy, crs, datum), 0))
        last = np.diff(line, append=-1) != 0
        closed = shapely.is_closed(lines)
        open_ends = ~closed[line] & (last | (np.diff(line, prepend=-1) != 0))

        one, other = point[:-1][~last[:-1]], point[1:][~last[:-1]]
        edges = np.unique(np.minimum(one, other) * len(xy) + np.maximum(one, other))
        low, high = (edges // len(xy), edges % len(xy)) if len(xy) else (edges, edges)
        low, high = low[low != high], high[low != high]
        ends, across = np.concatenate([low, high]), np.concatenate([high, low])
        across = across[np.argsort(ends, kind="stable")]
        degree = np.bincount(ends, minlength=len(xy))
        free = degree == 2
        free[point[open_ends]] = False
        left, right = np.zeros((2, len(xy)), dtype=np.int64)
        start = (np.cumsum(degree) - degree)[free]
        left[free], right[free] = across[start], across[start + 1]
        body = ~(last & closed[line])
        return cls(
            xy, point[body], line[body], closed, left, right, free, np.ones(len(xy), dtype=bool)
        )

    def thin(self, scale: float) -> None:
        """Take out what cannot be seen where a world pixel of zoom 0 is ``scale`` pixels."""
        left, right, free = self.left, self.right, self.free
        least = 2.0 / scale**2  # twice the area of a triangle of one pixel
        # By chance, so that along a curve many points go in one round.
        chance = 1.0 + np.random.default_rng(0).random(len(self.xy))
        rank = np.full(len(self.xy), np.inf)
        looked = np.flatnonzero(free)
        while len(looked):
            a, b = self.xy[left[looked]], self.xy[right[looked]]
            (x1, y1), (x2, y2) = (a - self.xy[looked]).T, (b - self.xy[looked]).T
            area = np.abs(x1 * y2 - x2 * y1)
            small = (area < least) & (left[looked] != right[looked])
            looked, area = looked[small], area[small]
            rank[looked] = (area + least / 100) * chance[looked]
            gone = rank[looked] < np.minimum(rank[left[looked]], rank[right[looked]])
            rank[looked] = np.inf
            drop, stay = looked[gone], looked[~gone]
            free[drop] = self.held[drop] = False
            sides = left[drop], right[drop]
            for near, far in (sides, sides[::-1]):
                of_left = left[near] == drop
                left[near[of_left]] = far[of_left]
                right[near[~of_left]] = far[~of_left]
            beside = np.concatenate([stay, *sides])
            looked = np.unique(beside[free[beside]])

    def packed(self, scale: float) -> list[bytes]:
        """Return the vertices of each line, and their steps in whole pixels, as bytes."""
        kept = np.flatnonzero(self.held[self.point])
        point, line = self.point[kept], self.line[kept]
        first = np.flatnonzero(np.diff(line, prepend=-1))
        end = np.append(first[1:], len(line))
        ring = self.closed[line[first]]
        point = np.insert(point, end[ring], point[first[ring]])
        line = np.insert(line, end[ring], line[first[ring]])
        pixel = np.rint(self.xy * scale).astype(np.int64)[point]
        new = np.ones(len(pixel), dtype=bool)
        new[1:] = (np.diff(pixel, axis=0) != 0).any(axis=1) | (np.diff(line) != 0)
        pixel, line = pixel[new], line[new]
        # A ring that a pixel swallows keeps one vertex, so that no grid is lost from sight.
        length = np.bincount(line, minlength=len(self.closed))
        step = np.diff(pixel, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
        return [pack(length), pack(step[:, 0]), pack(step[:, 1])]


def _lines(shapes: NDArray[np.object_]) -> tuple[NDArray[np.object_], Ints]:
    """Return rings and lines in the order of their features, and each one's feature."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    areas = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    rings, ring_owner = shapely.get_rings(parts[areas], return_index=True)
    linear = np.isin(shapely.get_type_id(parts), [1, 2])
    lines = np.concatenate([rings, parts[linear]])
    whose = np.concatenate([owner[areas][ring_owner], owner[linear]]).astype(np.int64)
    order = np.argsort(whose, kind="stable")
    return lines[order], whose[order]


# -- whole numbers as few bytes: differences, zigzag, seven bits a byte


def digest_of(data: bytes) -> str:
    """Return sixteen bytes in hex over some bytes: the name under which a browser keeps them."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def pack(values: Ints) -> bytes:
    """Return whole numbers as variable-length bytes (zigzag LEB128).

    Parameters
    ----------
    values : (n,) int64
        Between -2**34 and 2**34.

    Examples
    --------
    >>> pack(np.array([0, -1, 1, 64])).hex()
    '0001028001'
    """
    folded = ((values << 1) ^ (values >> 63)).astype(np.uint64)
    size = np.ones(len(folded), dtype=np.int64)
    for step in range(1, 5):
        size += folded >= np.uint64(1 << (7 * step))
    end = np.cumsum(size)
    out = np.zeros(int(end[-1]) if len(end) else 0, dtype=np.uint8)
    for step in range(5):
        has = size > step
        part = (folded[has] >> np.uint64(7 * step)) & np.uint64(0x7F)
        more = (size[has] > step + 1).astype(np.uint64) << np.uint64(7)
        out[end[has] - size[has] + step] = (part | more).astype(np.uint8)
    return out.tobytes()
