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
from gridmap.typing import Floats, Ints

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
    zooms = _zooms(bounds)
    middle = np.radians((bounds[0] + bounds[2]) / 2)
    parts: list[bytes] = []
    heads: list[dict[str, object]] = []
    shapes = geometry
    levels = []
    for zoom in reversed(zooms):
        pixel_m = _EARTH_M * float(np.cos(middle)) / (_TILE_PX * 2.0**zoom)
        shapes = _simplified(shapes, pixel_m if crs.is_projected else pixel_m / 111_320.0)
        levels.append((zoom, shapes))
    for zoom, simple in reversed(levels):
        head, body = _pack_level(simple, crs, datum, zoom)
        heads.append(head)
        parts.append(body)
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


def _simplified(shapes: NDArray[np.object_], tolerance: float) -> NDArray[np.object_]:
    areas = shapely.get_dimensions(shapes) == 2
    out = shapes.copy()
    if areas.any():
        out[areas] = shapely.coverage_simplify(shapes[areas], tolerance)
    if (~areas).any():
        out[~areas] = shapely.simplify(shapes[~areas], tolerance, preserve_topology=False)
    return out


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


def _pack_level(
    shapes: NDArray[np.object_], crs: CRS, datum: str, zoom: int
) -> tuple[dict[str, object], bytes]:
    lines, owner = _lines(shapes)
    xy, line = shapely.get_coordinates(lines, return_index=True)
    if len(xy) == 0:
        xy, line = np.zeros((0, 2)), np.zeros(0, dtype=np.int64)
        pixel = np.zeros((0, 2), dtype=np.int64)
    else:
        x, y = world_pixels(*_degrees(xy, crs, datum), zoom)
        pixel = np.column_stack([np.rint(x), np.rint(y)]).astype(np.int64)
    new = np.ones(len(pixel), dtype=bool)
    new[1:] = (np.diff(pixel, axis=0) != 0).any(axis=1) | (np.diff(line) != 0)
    pixel, line = pixel[new], line[new]
    length = np.bincount(line, minlength=len(lines))
    # A ring that a pixel swallows keeps one vertex, so that no grid is lost from sight.
    length_of_feature = [pack(length), pack(np.bincount(owner, minlength=len(shapes)))]
    step = np.diff(pixel, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    body = [*length_of_feature, pack(step[:, 0]), pack(step[:, 1])]
    head: dict[str, object] = {"zoom": zoom, "bytes": [len(part) for part in body]}
    return head, b"".join(body)


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
