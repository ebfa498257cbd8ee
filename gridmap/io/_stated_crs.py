"""The CRS of a file's numbers: the user's word, the file's, or a refusal with an offer."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import CRSError, some_ids
from gridmap.fields import fold
from gridmap.i18n import tr
from gridmap.io._crs_guess import SWAPPED, axes_swapped, guess_crs
from gridmap.io._raw import Source
from gridmap.io.options import ImportOptions, Note
from gridmap.model.crs import crs_label, parse_crs, reproject_points

__all__ = ["point_crs", "source_crs", "swap_axes"]

Floats = NDArray[np.float64]

_SAMPLE = 100_000
_LEAST_DEG = 0.05
_CITY_DEG = 3.0  # no city is wider


def source_crs(source: Source, options: ImportOptions, where: str) -> tuple[CRS, list[Note]]:
    """Return the CRS of a layer: the user's word, the file's, or a refusal.

    Raises
    ------
    CRSError
        If neither says it, or the file's cannot be true; the message offers a guess.
    """
    if options.crs:
        asked = parse_crs(options.crs_name)
        if source.crs is not None and source.crs != asked:
            values = {"file": where, "stated": crs_label(source.crs), "asked": crs_label(asked)}
            return asked, [Note("io.note.crs_overruled", values)]
        return asked, []
    xy = shapely.get_coordinates(source.frame.geometry.to_numpy())[:_SAMPLE]
    xy = xy[np.isfinite(xy).all(axis=1)]
    if source.crs is None:
        raise _refusal(xy[:, 0], xy[:, 1], options, where)
    if source.crs.is_geographic and len(xy):
        if axes_swapped(xy[:, 0], xy[:, 1]):
            raise _swapped(source.crs, where)
        bounds = shapely.bounds(source.frame.geometry.to_numpy())
        bounds[~np.isfinite(bounds)] = np.nan
        middle = (bounds[:, :2] + bounds[:, 2:]) / 2.0
        _refuse_exchanged(middle[:, 0], middle[:, 1], source.crs, options, where)
    if source.crs.is_projected and len(xy) and _are_degrees(xy, source.crs):
        raise CRSError(
            "io.error.degrees_called_metres",
            file=where,
            stated=crs_label(source.crs),
        )
    return source.crs, []


def _are_degrees(xy: Floats, stated: CRS) -> bool:
    """Return whether numbers are degrees that a projected CRS would put far from its ground."""
    if (np.abs(xy) > (180, 90)).any():
        return False
    ground = stated.area_of_use
    if ground is None:
        return False
    middle = np.median(xy, axis=0)
    lon, lat = reproject_points(middle[:1], middle[1:], stated, CRS.from_epsg(4326))
    near = (
        ground.west - 1 <= lon[0] <= ground.east + 1
        and ground.south - 1 <= lat[0] <= ground.north + 1
    )
    meant = ground.west <= middle[0] <= ground.east and ground.south <= middle[1] <= ground.north
    return not near and meant


def point_crs(
    mapped: dict[str, str], x: Floats, y: Floats, options: ImportOptions, where: str
) -> tuple[CRS, list[Note]]:
    """Return the CRS of a table's points.

    Columns that are called longitude and latitude and hold degrees are WGS 84, and the
    report says so; any other needs the user's word.

    Raises
    ------
    CRSError
        If nothing says the CRS; the message offers a guess.
    """
    if options.crs:
        return parse_crs(options.crs_name), []
    names = {fold(mapped["x"])[:3], fold(mapped["y"])[:3]}
    finite = np.isfinite(x) & np.isfinite(y)
    degrees = CRS.from_epsg(4326)
    if names & {"lon", "lng", "lat", "经度", "纬度"}:
        if finite.any() and axes_swapped(x[finite], y[finite]):
            raise _swapped(degrees, where)
        _refuse_exchanged(x, y, degrees, options, where)
        # A few impossible values are refused row by row; many mean that these are no degrees.
        wrong = (np.abs(x[finite]) > 180) | (np.abs(y[finite]) > 90)
        if wrong.mean() < 0.01 if finite.any() else True:
            notes = [Note("io.note.degrees", {"file": where})]
            rows = np.flatnonzero((np.abs(x) <= 90) & (np.abs(y) > 90) & (np.abs(y) <= 180)) + 1
            if len(rows):
                told = {"file": where, "count": len(rows), "rows": some_ids(rows)}
                notes.append(Note("io.note.rows_swapped", told))
            return degrees, notes
        turned = (np.abs(x) <= 90) & (np.abs(y) > 90) & (np.abs(y) <= 180)
        if turned.sum() == wrong.sum():
            listed = some_ids(np.flatnonzero(turned) + 1)
            raise CRSError(
                "io.error.rows_swapped", file=where, count=int(turned.sum()), rows=listed
            )
    elif _are_plain_degrees(x[finite], y[finite]):
        _refuse_exchanged(x, y, degrees, options, where)
        return degrees, [Note("io.note.degrees", {"file": where})]
    raise _refusal(x[finite], y[finite], options, where)


def _are_plain_degrees(x: Floats, y: Floats) -> bool:
    """Return whether numbers under any heading are degrees of one city: no metres are so small."""
    if len(x) == 0 or axes_swapped(x, y):
        return False
    within = (np.abs(x) <= 180).all() and (np.abs(y) <= 90).all()
    narrow = np.ptp(x) < _CITY_DEG and np.ptp(y) < _CITY_DEG
    apart = (np.abs(x) > 1).all() and (np.abs(y) > 1).all()
    return bool(within and narrow and apart and ((x % 1 != 0) & (y % 1 != 0)).mean() > 0.9)


def _refuse_exchanged(x: Floats, y: Floats, crs: CRS, options: ImportOptions, where: str) -> None:
    """Refuse degrees of which some lie in the city once longitude and latitude change places.

    Numbers alone do not tell where both are below 90, as in most of the Americas.
    """
    if options.near is None:
        return
    west, south, east, north = options.near
    margin = max(east - west, north - south, _LEAST_DEG)

    def near(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
        inside = (lon >= west - margin) & (lon <= east + margin)
        return inside & (lat >= south - margin) & (lat <= north + margin)

    turned = near(y, x) & ~near(x, y)
    if not turned.any():
        return
    if not near(x, y).any():
        raise _swapped(crs, where)
    rows = some_ids(np.flatnonzero(turned) + 1)
    raise CRSError("io.error.rows_swapped", file=where, count=int(turned.sum()), rows=rows)


def swap_axes(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return geometries with first and second coordinate exchanged."""
    return np.asarray(shapely.transform(geometry, lambda xy: xy[:, ::-1]), dtype=object)


def _refusal(x: Floats, y: Floats, options: ImportOptions, where: str) -> CRSError:
    guesses = guess_crs(x, y, options.near) if len(x) else []
    if not guesses:
        return CRSError("io.error.no_crs", file=where)
    best, *others = guesses
    return CRSError(
        "io.error.no_crs_guess",
        file=where,
        guess=best.crs,
        reason=tr(f"io.guess.{best.reason}"),
        others=", ".join(item.crs for item in others) or "-",
    )


def _swapped(crs: CRS, where: str) -> CRSError:
    return CRSError("io.error.axes_swapped", file=where, guess=crs_label(crs) + SWAPPED)
