"""Coordinate reference systems: the only module that reprojects.

A city has one working CRS, projected and in metres. Chinese online maps add a datum
offset: GCJ-02 lies 266-621 m off WGS 84, and BD-09 is a second offset on top of it. The area
in which maps are shifted is an outline, not a box of degrees, which would shift Bhutan and half
of Nepal: it follows the edge to about 20 km and is drawn wide over the sea. It says where an
offset is applied, and nothing about any boundary.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Proj, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info
from pyproj.exceptions import ProjError

from gridmap.errors import CRSError
from gridmap.typing import Bools, Floats

Coordinates = Floats
_Shift = Callable[[Coordinates, Coordinates], tuple[Coordinates, Coordinates]]

DATUMS = ("wgs84", "gcj02", "bd09")
WGS84 = CRS.from_epsg(4326)

_SEMI_MAJOR_M = 6378245.0  # Krasovsky 1940, as the GCJ-02 formula takes it
_ECCENTRICITY2 = 0.00669342162296594323
_MOST_SCALE = 0.01  # a hundredth of a length: two of an area
_BD_ANGLE = np.pi * 3000.0 / 180.0


def parse_crs(text: object) -> CRS:
    """Return the CRS that a code, WKT or PROJ string names.

    Raises
    ------
    CRSError
        If PROJ does not know it, or it is a local system that no other can be reached from.
    """
    received = " ".join(str(text).split())[:80]
    try:
        crs = CRS.from_user_input(text)
    except ProjError as error:
        raise CRSError("model.error.crs_unknown", received=received) from error
    if not (crs.is_geographic or crs.is_projected):
        raise CRSError("model.error.crs_unknown", received=received)
    return crs


def in_metres(crs: CRS) -> bool:
    """Return whether a CRS is projected in metres."""
    return crs.is_projected and all(axis.unit_name == "metre" for axis in crs.axis_info[:2])


def require_metres(crs: CRS, *, what: str) -> None:
    """Refuse a CRS that is not projected in metres.

    Raises
    ------
    CRSError
        If the CRS is geographic or has another unit.
    """
    if not in_metres(crs):
        raise CRSError("model.error.crs_not_metres", what=what, received=crs_label(crs))


def crs_label(crs: CRS) -> str:
    """Return a short name: the authority's code, or the CRS' own name."""
    authority = crs.to_authority(min_confidence=70)
    return ":".join(authority) if authority else crs.name


def choose_working_crs(geometry: NDArray[np.object_], crs: CRS) -> CRS:
    """Choose the metre CRS in which a city is measured.

    A projected CRS in metres is kept where its metres are metres: to a hundredth, in the
    middle of the features, in every direction. Those of Mercator are not, nor those of a
    belt far away. Otherwise the CGCS2000 3-degree belt (EPSG:4534-4554) inside China, and
    the UTM zone elsewhere.

    Parameters
    ----------
    geometry : (n,) array of shapely geometries
    crs
        CRS of the geometry.

    Raises
    ------
    CRSError
        If the features lie off the earth in it.
    """
    # The corners alone say where the features lie: they are reprojected once, into the answer.
    west, south, east, north = shapely.total_bounds(geometry)
    corners = np.array([west, east, east, west]), np.array([south, south, north, north])
    lons, lats = reproject_points(*corners, crs, WGS84)
    if not (np.isfinite(lons).all() and np.isfinite(lats).all()):
        lons, lats = shapely.total_bounds(reproject(geometry, crs, WGS84)).reshape(2, 2).T
    lon, lat = float(lons.min() + lons.max()) / 2, float(lats.min() + lats.max()) / 2
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise CRSError("model.error.crs_off_earth", received=crs_label(crs))
    if in_metres(crs) and _worst_scale(crs, lon, lat) <= _MOST_SCALE:
        return crs
    if gcj02_applies(np.array([lon]), np.array([lat]))[0]:
        belt = min(max(round(lon / 3), 25), 45)
        return CRS.from_epsg(4534 + belt - 25)
    zones = query_utm_crs_info("WGS 84", AreaOfInterest(lon, lat, lon, lat))
    if not zones:  # beyond 80 degrees south or 84 north nobody is policed
        raise CRSError("model.error.crs_off_earth", received=crs_label(crs))
    return CRS.from_epsg(int(zones[0].code))


def _worst_scale(crs: CRS, lon: float, lat: float) -> float:
    """Return by what share a metre of a projected CRS is off at a place, at worst."""
    factors = Proj(crs).get_factors(lon, lat)
    axes = (factors.tissot_semimajor, factors.tissot_semiminor)
    return max(abs(scale - 1.0) for scale in axes)


def scale_error_at(shape: shapely.Geometry, crs: CRS) -> float:
    """Return by what share lengths are off in the middle of a shape, at worst.

    Parameters
    ----------
    shape
        A shape in the CRS.
    crs
        A projected CRS.
    """
    x, y = shapely.get_x(middle := shapely.centroid(shape)), shapely.get_y(middle)
    lon, lat = reproject_points(np.array([x]), np.array([y]), crs, WGS84)
    return _worst_scale(crs, float(lon[0]), float(lat[0]))


@lru_cache(maxsize=16)  # sixty milliseconds each; pyproj gives every thread its own
def _transformer(source: CRS, target: CRS) -> Transformer:
    """Return what takes coordinates over; from a CRS of a damaged file nothing may lead."""
    try:
        return Transformer.from_crs(source, target, always_xy=True)
    except ProjError as error:
        raise CRSError("model.error.crs_unknown", received=crs_label(source)[:80]) from error


def reproject(geometry: NDArray[np.object_], source: CRS, target: CRS) -> NDArray[np.object_]:
    """Return the geometries in another CRS (x east, y north in both)."""
    if source == target:
        return geometry
    transform = _transformer(source, target).transform

    def move(points: Coordinates) -> Coordinates:
        moved = np.array(points, dtype=float)
        moved[:, 0], moved[:, 1] = transform(points[:, 0], points[:, 1])
        return moved

    return np.asarray(shapely.transform(geometry, move), dtype=object)


def reproject_points(
    x: Coordinates, y: Coordinates, source: CRS, target: CRS
) -> tuple[Coordinates, Coordinates]:
    """Return points in another CRS (x east, y north in both)."""
    if source == target:
        return x, y
    east, north = _transformer(source, target).transform(x, y)
    return np.asarray(east, dtype=float), np.asarray(north, dtype=float)


def rough_degrees(x: Coordinates, y: Coordinates, crs: CRS) -> tuple[Coordinates, Coordinates]:
    """Return about where points of a projected CRS lie, in degrees.

    The shift between its datum and WGS 84 is left out, some hundred metres: finding it is
    most of the work of `reproject_points`, sixty milliseconds for each CRS.

    >>> lon, lat = rough_degrees(np.array([500000.0]), np.array([0.0]), CRS.from_epsg(32650))
    >>> float(lon[0]), float(lat[0])
    (117.0, 0.0)
    """
    lon, lat = Proj(crs)(x, y, inverse=True)
    return np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)


def from_datum(lon: Coordinates, lat: Coordinates, datum: str) -> tuple[Coordinates, Coordinates]:
    """Return WGS 84 degrees from degrees in ``wgs84``, ``gcj02`` or ``bd09``.

    Raises
    ------
    CRSError
        If the datum is not one of `DATUMS`.
    """
    if datum == "wgs84":
        return lon, lat
    if datum == "bd09":
        lon, lat = bd09_to_gcj02(lon, lat)
    elif datum != "gcj02":
        raise CRSError("model.error.datum_unknown", received=datum, known=", ".join(DATUMS))
    return gcj02_to_wgs84(lon, lat)


def to_datum(lon: Coordinates, lat: Coordinates, datum: str) -> tuple[Coordinates, Coordinates]:
    """Return degrees in ``wgs84``, ``gcj02`` or ``bd09`` from WGS 84 degrees.

    Raises
    ------
    CRSError
        If the datum is not one of `DATUMS`.
    """
    if datum == "wgs84":
        return lon, lat
    if datum not in DATUMS:
        raise CRSError("model.error.datum_unknown", received=datum, known=", ".join(DATUMS))
    lon, lat = wgs84_to_gcj02(lon, lat)
    return gcj02_to_bd09(lon, lat) if datum == "bd09" else (lon, lat)


def wgs84_to_gcj02(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """Return GCJ-02 degrees; points outside China stay where they are.

    The formula is the one that map services use, published by many ports; it reproduces
    their documented responses to a few centimetres.
    """
    return _shifted(_gcj02_shift, lon, lat)


def gcj02_to_wgs84(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """Return WGS 84 degrees, the exact inverse of `wgs84_to_gcj02` to 1e-10 degrees."""
    return _unshifted(_gcj02_shift, lon, lat)


def gcj02_to_bd09(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """Return BD-09 degrees from GCJ-02 degrees."""
    return _shifted(_bd09_shift, lon, lat)


def bd09_to_gcj02(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """Return GCJ-02 degrees, the exact inverse of `gcj02_to_bd09` to 1e-10 degrees."""
    return _unshifted(_bd09_shift, lon, lat)


def _shifted(shift: _Shift, lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    """Return points moved by a shift, where map services shift at all."""
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    shift_lon, shift_lat = shift(lon, lat)
    inside = gcj02_applies(lon, lat)
    return np.where(inside, lon + shift_lon, lon), np.where(inside, lat + shift_lat, lat)


def _unshifted(
    shift: _Shift, lon: Coordinates, lat: Coordinates
) -> tuple[Coordinates, Coordinates]:
    """Return the points that a shift has moved to these."""
    lon, lat = np.asarray(lon, dtype=float), np.asarray(lat, dtype=float)
    # Fixed point: the shift changes by less than 1 % over its own length, so each round
    # gains two digits.
    plain_lon, plain_lat = lon.copy(), lat.copy()
    for _ in range(12):
        shift_lon, shift_lat = shift(plain_lon, plain_lat)
        plain_lon, plain_lat = lon - shift_lon, lat - shift_lat
    inside = gcj02_applies(plain_lon, plain_lat)
    return np.where(inside, plain_lon, lon), np.where(inside, plain_lat, lat)


def _gcj02_shift(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    ripple = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    d_lat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    d_lat += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    d_lat += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    d_lon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    d_lon += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    d_lon += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    phi = np.radians(lat)
    magic = 1 - _ECCENTRICITY2 * np.sin(phi) ** 2
    meridian = _SEMI_MAJOR_M * (1 - _ECCENTRICITY2) / (magic * np.sqrt(magic))
    parallel = _SEMI_MAJOR_M / np.sqrt(magic) * np.cos(phi)
    return np.degrees(d_lon / parallel), np.degrees(d_lat / meridian)


def _bd09_shift(lon: Coordinates, lat: Coordinates) -> tuple[Coordinates, Coordinates]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_ANGLE)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_ANGLE)
    return radius * np.cos(angle) + 0.0065 - lon, radius * np.sin(angle) + 0.006 - lat


_OUTLINE = (
    (121.4, 53.4), (123.6, 53.6), (125.6, 53.1), (126.9, 51.4), (127.5, 50.3), (128.9, 49.7),
    (130.7, 48.9), (131.0, 47.8), (132.5, 47.8), (134.6, 48.45), (135.1, 48.45), (134.8, 47.7),
    (134.0, 46.5), (133.1, 45.1), (131.9, 45.3), (131.0, 44.8), (131.3, 43.5), (131.1, 42.9),
    (130.65, 42.4), (130.2, 42.9), (129.8, 42.4), (128.1, 42.0), (128.1, 41.4), (127.0, 41.75),
    (126.0, 40.9), (124.4, 40.05), (124.0, 39.5), (123.4, 38.0), (123.6, 36.5), (123.2, 34.0),
    (123.8, 31.0), (123.2, 28.0), (120.7, 26.3), (119.9, 25.2), (118.5, 23.8), (116.5, 22.0),
    (114.5, 21.4), (112.0, 20.3), (111.4, 18.5), (109.5, 17.6), (108.1, 18.5), (107.9, 20.5),
    (108.0, 21.5), (106.7, 21.95), (106.6, 22.8), (105.4, 23.3), (104.8, 22.85), (103.95, 22.5),
    (102.5, 22.75), (101.7, 22.45), (101.8, 21.2), (101.1, 21.5), (100.2, 21.45), (99.2, 22.15),
    (99.5, 22.95), (98.9, 23.2), (98.7, 24.0), (97.6, 23.85), (97.6, 24.75), (98.2, 25.6),
    (98.7, 26.1), (98.7, 27.5), (98.1, 28.15), (97.35, 28.2), (96.2, 28.4), (95.3, 29.0),
    (94.2, 29.1), (92.7, 27.95), (91.7, 27.8), (91.3, 28.05), (90.5, 28.1), (89.8, 28.25),
    (89.2, 27.85), (88.95, 27.3), (88.8, 27.95), (88.1, 27.9), (86.9, 27.97), (86.0, 28.0),
    (85.3, 28.3), (84.3, 28.9), (83.2, 29.6), (82.0, 30.2), (81.2, 30.1), (79.8, 30.95),
    (78.8, 31.3), (78.5, 32.4), (79.3, 32.6), (78.9, 33.5), (78.8, 34.3), (78.0, 35.4),
    (76.0, 35.9), (75.9, 36.6), (74.6, 37.25), (74.9, 38.4), (73.7, 39.1), (73.8, 39.9),
    (75.5, 40.6), (76.8, 41.0), (78.2, 41.2), (80.2, 42.1), (80.5, 43.2), (80.7, 44.6),
    (80.1, 45.0), (82.4, 45.2), (82.3, 45.7), (83.0, 47.2), (85.5, 47.05), (85.7, 48.3),
    (87.3, 49.1), (88.1, 48.8), (90.0, 47.9), (90.9, 46.9), (91.0, 45.3), (93.5, 44.95),
    (95.4, 44.3), (96.4, 42.75), (100.5, 42.65), (103.3, 41.9), (105.0, 41.6), (107.5, 42.45),
    (110.2, 42.65), (111.9, 43.7), (111.7, 44.6), (112.1, 45.1), (113.6, 44.75), (114.5, 45.4),
    (116.2, 46.3), (119.7, 46.6), (119.7, 47.3), (118.5, 47.95), (116.2, 47.85), (115.5, 48.1),
    (116.7, 49.85), (118.5, 49.95), (119.3, 50.4), (120.8, 52.2),
)  # fmt: skip


def gcj02_applies(lon: Floats, lat: Floats) -> Bools:
    """Return for each WGS 84 point whether map services shift it.

    >>> gcj02_applies(np.array([116.4, 89.6]), np.array([39.9, 27.5]))  # Beijing, Thimphu
    array([ True, False])
    """
    return np.asarray(shapely.contains_xy(_outline(), lon, lat), dtype=bool)


@cache
def _outline() -> shapely.Polygon:
    outline = shapely.Polygon(_OUTLINE)
    shapely.prepare(outline)
    shapely.contains_xy(outline, 0.0, 0.0)  # its notes are complete before threads share it
    return outline
