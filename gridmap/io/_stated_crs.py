"""The CRS of a file's numbers: the user's word, the file's, or a refusal with an offer."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import CRSError, some_ids
from gridmap.fields import fold
from gridmap.io._crs_guess import SWAPPED, Guess, axes_swapped, guess_crs, is_inside_area
from gridmap.io._places import place_of
from gridmap.io._raw import Source
from gridmap.io.options import ImportOptions, Note
from gridmap.model.crs import crs_label, parse_crs, reproject_points

__all__ = ["point_crs", "source_crs", "swap_axes", "without_exchanged"]

Floats = NDArray[np.float64]

_SAMPLE = 100_000
_LEAST_DEG = 0.05
_CITY_DEG = 3.0  # no city is wider
_BULK, _BULK_DEG = 10, 1.0  # so many points say where they are, within so many degrees
_FEW = 0.01


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
        return asked, _off_area(source.frame.geometry.to_numpy(), asked, options, where)
    xy = shapely.get_coordinates(source.frame.geometry.to_numpy())[:_SAMPLE]
    xy = xy[np.isfinite(xy).all(axis=1)]
    if source.crs is None:
        raise _refusal(xy[:, 0], xy[:, 1], options, where)
    if source.crs.is_geographic and len(xy) and axes_swapped(xy[:, 0], xy[:, 1]):
        raise _swapped(source.crs, xy[:, 0], xy[:, 1], where)
    if source.crs.is_projected and len(xy) and _are_degrees(xy, source.crs):
        raise CRSError(
            "io.error.degrees_called_metres",
            file=where,
            stated=crs_label(source.crs),
        )
    return source.crs, []


def _off_area(
    shapes: NDArray[np.object_], crs: CRS, options: ImportOptions, where: str
) -> list[Note]:
    """Return a remark on coordinates outside the area that the CRS asked for is made for."""
    xy = shapely.get_coordinates(shapes)[:_SAMPLE]
    xy = xy[np.isfinite(xy).all(axis=1)]
    if len(xy) == 0 or crs.is_geographic:
        return []
    x, y = np.median(xy[:, ::-1] if options.swapped else xy, axis=0)
    lon, lat = reproject_points(np.array([x]), np.array([y]), crs, CRS.from_epsg(4326))
    if not np.isfinite(lon[0]) or is_inside_area(crs, float(lon[0]), float(lat[0])):
        return []
    place = place_of(float(lon[0]), float(lat[0]))
    return [Note("io.note.off_area", {"file": where, "crs": crs_label(crs), "place": place})]


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
            raise _swapped(degrees, x, y, where)
        # A few impossible values are refused row by row; many mean that these are no degrees.
        wrong = (np.abs(x[finite]) > 180) | (np.abs(y[finite]) > 90)
        if wrong.mean() < _FEW if finite.any() else True:
            return degrees, [Note("io.note.degrees", {"file": where})]
        # Rows with the axes exchanged are refused one by one, too.
        turned = exchanged_rows(x, y, options)[finite]
        if 2 * turned.sum() < finite.sum() and (wrong & ~turned).mean() < _FEW:
            return degrees, [Note("io.note.degrees", {"file": where})]
    elif _are_plain_degrees(x[finite], y[finite]):
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


def exchanged_rows(x: Floats, y: Floats, options: ImportOptions) -> NDArray[np.bool_]:
    """Return which points are of the city only once longitude and latitude change places.

    Numbers alone do not tell where both are below 90, as in most of the Americas: the city
    that is there already does, or else the bulk of the points themselves.

    Parameters
    ----------
    x, y : (n,)
        Degrees as they were read.
    options
        With ``near``, the ground of the city.
    """
    usable = np.isfinite(x) & np.isfinite(y)
    if options.near is not None:
        west, south, east, north = options.near
        margin = max(east - west, north - south, _LEAST_DEG)
    elif usable.sum() >= _BULK:
        west, east = np.quantile(x[usable], (0.25, 0.75))
        south, north = np.quantile(y[usable], (0.25, 0.75))
        margin = max(3 * (east - west), 3 * (north - south), _BULK_DEG)
    else:
        west = east = south = north = np.nan
        margin = 0.0

    def near(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
        inside = (lon >= west - margin) & (lon <= east + margin)
        return inside & (lat >= south - margin) & (lat <= north + margin)

    beyond = usable & (np.abs(x) <= 90) & (np.abs(y) > 90) & (np.abs(y) <= 180)
    return beyond | (usable & near(y, x) & ~near(x, y))


def without_exchanged(
    x: Floats, y: Floats, crs: CRS, options: ImportOptions, where: str
) -> tuple[NDArray[np.bool_], list[Note]]:
    """Return which rows to refuse because their axes are exchanged, and a remark that names them.

    Raises
    ------
    CRSError
        If it is most of them: then the file is latitude first.
    """
    turned = exchanged_rows(x, y, options) if crs.is_geographic else np.zeros(len(x), dtype=bool)
    if not turned.any():
        return turned, []
    if turned.sum() > (np.isfinite(x) & np.isfinite(y)).sum() / 2:
        raise _swapped(crs, x, y, where)
    values = {"file": where, "count": int(turned.sum()),
              "rows": some_ids(np.flatnonzero(turned) + 1)}  # fmt: skip
    return turned, [Note("io.note.rows_swapped", values)]


def swap_axes(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return geometries with first and second coordinate exchanged."""
    return np.asarray(shapely.transform(geometry, lambda xy: xy[:, ::-1]), dtype=object)


def _refusal(x: Floats, y: Floats, options: ImportOptions, where: str) -> CRSError:
    guesses = guess_crs(x, y, options.near) if len(x) else []
    if not guesses:
        return CRSError("io.error.no_crs", file=where)
    best, *others = (guess.to_dict() for guess in guesses)
    listed = [f"{item['crs']} ({item['place']})" for item in others]
    return CRSError(
        "io.error.no_crs_guess",
        file=where,
        guess=best["crs"],
        reason=best["reason"],
        place=best["place"],
        others=some_ids(listed, 3) or "-",
        candidates=[best, *others],
    )


def _swapped(crs: CRS, x: Floats, y: Floats, where: str) -> CRSError:
    finite = np.isfinite(x) & np.isfinite(y)
    lon, lat = float(np.median(y[finite])), float(np.median(x[finite]))
    guess = Guess(crs_label(crs) + SWAPPED, "degrees_swapped", lon, lat).to_dict()
    return CRSError(
        "io.error.axes_swapped",
        file=where, guess=guess["crs"], place=guess["place"], candidates=[guess],
    )  # fmt: skip
