"""Coordinate reference systems: the only module that reprojects.

A city has one working CRS, projected and in metres. Chinese online maps add a datum
offset: GCJ-02 lies 266-621 m off WGS 84, and BD-09 is a second offset on top of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Proj, Transformer
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_utm_crs_info
from pyproj.exceptions import ProjError

from gridmap.errors import CRSError
from gridmap.model._gcj02_area import gcj02_applies

__all__ = [
    "DATUMS",
    "bd09_to_gcj02",
    "choose_working_crs",
    "crs_label",
    "from_datum",
    "gcj02_applies",
    "gcj02_to_bd09",
    "gcj02_to_wgs84",
    "parse_crs",
    "reproject",
    "reproject_points",
    "require_metres",
    "rough_degrees",
    "scale_error_at",
    "to_datum",
    "wgs84_to_gcj02",
]

Coordinates = NDArray[np.float64]
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
        If PROJ does not know it, or it is a local system that nothing leads out of.
    """
    try:
        crs = CRS.from_user_input(text)
    except ProjError as error:
        raise CRSError("model.error.crs_unknown", received=str(text)[:80]) from error
    if not (crs.is_geographic or crs.is_projected):
        raise CRSError("model.error.crs_unknown", received=str(text)[:80])
    return crs


def require_metres(crs: CRS, *, what: str) -> None:
    """Refuse a CRS that is not projected in metres.

    Raises
    ------
    CRSError
        If the CRS is geographic or has another unit.
    """
    if not crs.is_projected or any(axis.unit_name != "metre" for axis in crs.axis_info[:2]):
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
    bounds = shapely.total_bounds(reproject(geometry, crs, WGS84))
    lon, lat = float(bounds[0] + bounds[2]) / 2, float(bounds[1] + bounds[3]) / 2
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise CRSError("model.error.crs_off_earth", received=crs_label(crs))
    metres = crs.is_projected and all(a.unit_name == "metre" for a in crs.axis_info[:2])
    if metres and _worst_scale(crs, lon, lat) <= _MOST_SCALE:
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
