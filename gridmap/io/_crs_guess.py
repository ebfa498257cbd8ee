"""What CRS numbers look like: offered in the refusal, never applied in silence."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import ProjError

from gridmap.errors import CRSError
from gridmap.i18n import tr
from gridmap.io._places import km_to_town, place_of
from gridmap.model.crs import crs_label, gcj02_applies, reproject_points, rough_degrees

__all__ = ["PACKED", "SWAPPED", "Guess", "axes_swapped", "guess_crs", "is_inside_area"]

Floats = NDArray[np.float64]

SWAPPED = "@yx"
"""Suffix of ``--crs`` that says that the first number is the northing or latitude."""
PACKED = "@dms"
"""Suffix of ``--crs`` for degrees, minutes and seconds in one number: 1140315.0."""

_CHINA_LON, _CHINA_LAT = (73.0, 136.0), (3.0, 54.0)
_NORTHING_M = (1_800_000.0, 5_950_000.0)  # 17 to 54 degrees north
_EASTING_M = (150_000.0, 850_000.0)  # a belt's easting, its middle at 500,000
_DEGREES = CRS.from_epsg(4326)
_MERCATOR_M = 20_048_966.0
_LEAST_MERCATOR_M = 1_000_000.0  # below, the sea off Africa
_EMPTY_KM, _SETTLED_KM = 1_000.0, 400.0
_BESIDE_KM = 100.0
_MOST_GUESSES = 30
# National grids in wide use: Britain, France, Netherlands, Belgium, Switzerland, Germany, Sweden,
# Hong Kong, Taiwan, Singapore, Korea, New Zealand, and the
# state planes in feet of Chicago, New York, Los Angeles, Seattle and Baltimore.
_NATIONAL = (
    27700, 2154, 28992, 31370, 2056, 25832, 25833, 3006, 2326, 3826, 3414, 5179, 5186, 2193,
    3435, 2263, 2230, 2927, 2248,
)  # fmt: skip
_DATUM_DEG = 0.02  # two kilometres: no datum in use lies farther off WGS 84


@dataclass(frozen=True, slots=True)
class Guess:
    """A CRS that numbers may be in.

    Parameters
    ----------
    crs
        What to say to ``--crs``.
    reason
        Part of the catalogue's key ``io.guess.<reason>``.
    lon, lat
        Where it would put the middle of the points, in degrees.
    """

    crs: str
    reason: str
    lon: float = float("nan")
    lat: float = float("nan")

    def to_dict(self) -> dict[str, object]:
        """Return the candidate for a page to offer: what to say, and where it would be."""
        return {
            "crs": self.crs, "reason": tr(f"io.guess.{self.reason}"), "lon": self.lon,
            "lat": self.lat, "place": place_of(self.lon, self.lat),
        }  # fmt: skip


def axes_swapped(x: Floats, y: Floats) -> bool:
    """Return whether degrees are written latitude first.

    Where both numbers may be latitudes, only places settle it: exchanged, much of the Americas,
    of southern Africa and of Oceania would lie in the open sea or on the ice.

    >>> axes_swapped(np.array([22.5]), np.array([114.0]))
    True
    >>> axes_swapped(np.array([41.8]), np.array([-87.7]))
    True
    >>> axes_swapped(np.array([77.2]), np.array([28.6]))
    False
    """
    lon, lat = _middle(x), _middle(y)
    if not (abs(lon) <= 180 and abs(lat) <= 180):
        return False
    if abs(lat) > 90 >= abs(lon):
        return True
    if abs(lat) > 90 or abs(lon) > 90:
        return False
    # 73 to 90 degrees north and 28 to 54 east is open sea; the reverse is Xinjiang.
    if 73 <= lat <= 90 and 28 <= lon <= 54:
        return True
    return km_to_town(lon, lat) > _EMPTY_KM and km_to_town(lat, lon) < _SETTLED_KM


def guess_crs(x: Floats, y: Floats, near: tuple[float, float, float, float] | None) -> list[Guess]:
    """Return every CRS that the numbers may be in, the likeliest first; empty where none fits.

    Parameters
    ----------
    x, y : (n,)
        First and second number of each point.
    near
        West, south, east, north in degrees of a layer that is there already: what brings
        the points to it is preferred, US feet and belts without zone digits included.
    """
    usable = np.isfinite(x) & np.isfinite(y)
    x, y = x[usable], y[usable]
    if len(x) == 0:
        return []
    if near is not None:
        fits = _fitting(x, y, near)
        if fits:
            return _placed(fits, x, y)
    if (np.abs(x) <= 180).all() and (np.abs(y) <= 180).all():
        return _placed(_degrees(x, y), x, y)
    east, north = _middle(x), _middle(y)
    found = []
    for first, second, suffix in ((east, north, ""), (north, east, SWAPPED)):
        found += [*_belt(first, second, suffix), *_others(first, second, suffix)]
    found += _feet(east, north)
    return _ranked(_placed(found, x, y))


def _placed(guesses: list[Guess], x: Floats, y: Floats) -> list[Guess]:
    """Return guesses with where they would put the middle of the points."""
    made = []
    for guess in guesses:
        crs = CRS.from_user_input(guess.crs.removesuffix(SWAPPED))
        first, second = (y, x) if guess.crs.endswith(SWAPPED) else (x, y)
        middle = np.array([_middle(first)]), np.array([_middle(second)])
        try:
            lon, lat = reproject_points(*middle, crs, _DEGREES)
        except CRSError:
            continue
        if np.isfinite(lon[0]) and np.isfinite(lat[0]):
            made.append(replace(guess, lon=float(lon[0]), lat=float(lat[0])))
    return made


def _ranked(guesses: list[Guess]) -> list[Guess]:
    """Put first what lies inside the area that its CRS is made for, and is beside a town."""

    def key(guess: Guess) -> tuple[bool, int]:
        outside = not is_inside_area(CRS(guess.crs.removesuffix(SWAPPED)), guess.lon, guess.lat)
        if guess.reason == "belt_zone":
            return outside, 0  # its number says where it is
        if guess.reason in {"mercator", "national"}:
            # Numbers of any grid lie somewhere in these: a town beside them is no chance.
            return outside, 1 if km_to_town(guess.lon, guess.lat) < _BESIDE_KM else 3
        return outside, 2

    return sorted(guesses, key=key)[:_MOST_GUESSES]


def is_inside_area(crs: CRS, lon: float, lat: float) -> bool:
    """Return whether a place lies in, or within a degree of, the area that a CRS is made for."""
    area = crs.area_of_use
    if area is None:
        return True
    inside = area.south - 1 <= lat <= area.north + 1
    if area.west > area.east:  # across the date line
        return inside and (lon >= area.west - 1 or lon <= area.east + 1)
    return inside and area.west - 1 <= lon <= area.east + 1


def _others(east: float, north: float, suffix: str) -> list[Guess]:
    """Return Web Mercator, UTM and national grids of which the numbers lie in their area."""
    found = []
    if (
        max(abs(east), abs(north)) <= _MERCATOR_M
        and max(abs(east), abs(north)) > _LEAST_MERCATOR_M
    ):
        found.append(Guess(f"EPSG:3857{suffix}", "mercator"))
    for code in _NATIONAL:
        crs = CRS.from_epsg(code)
        try:
            lon, lat = rough_degrees(np.array([east]), np.array([north]), crs)
        except ProjError:
            continue
        area = crs.area_of_use
        if (
            area is not None
            and area.west <= lon[0] <= area.east
            and area.south <= lat[0] <= area.north
        ):
            found.append(Guess(f"EPSG:{code}{suffix}", "national"))
    return found


def _middle(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if len(known) else float("nan")


def _degrees(x: Floats, y: Floats) -> list[Guess]:
    swap = axes_swapped(x, y)
    lon, lat = (_middle(y), _middle(x)) if swap else (_middle(x), _middle(y))
    chinese = bool(gcj02_applies(np.array([lon]), np.array([lat]))[0])
    code = "EPSG:4490" if chinese else "EPSG:4326"
    if swap:
        return [Guess(code + SWAPPED, "degrees_swapped")]
    if abs(lat) > 90:
        return []
    return [Guess(code, "degrees_china" if chinese else "degrees")]


def _belt(east: float, north: float, suffix: str) -> list[Guess]:
    zone = int(east // 1_000_000)
    inside = _EASTING_M[0] <= east % 1_000_000 <= _EASTING_M[1]
    if _NORTHING_M[0] <= north <= _NORTHING_M[1] and inside:
        if 25 <= zone <= 45:
            return [Guess(f"EPSG:{4513 + zone - 25}{suffix}", "belt_zone")]
        if 13 <= zone <= 23:
            return [Guess(f"EPSG:{4491 + zone - 13}{suffix}", "belt_zone")]
        if zone == 0:
            # Without zone digits any belt fits: the middle one first, then its neighbours.
            codes = sorted(range(4534, 4555), key=lambda code: abs(code - 4547))
            return [Guess(f"EPSG:{code}{suffix}", "belt") for code in codes]
    return []


def _feet(east: float, north: float) -> list[Guess]:
    looks = 0 < east < 8_000_000 and 0 < north < 14_000_000 and max(east, north) > 1_000_000
    return [Guess("EPSG:2276", "feet")] if looks else []


def _fitting(x: Floats, y: Floats, near: tuple[float, float, float, float]) -> list[Guess]:
    """Try every CRS in use around a place, both ways round."""
    west, south, east, north = near
    margin = max(east - west, north - south, 0.05)

    def is_inside(lon: float, lat: float, more: float) -> bool:
        return (
            west - margin - more <= lon <= east + margin + more
            and south - margin - more <= lat <= north + margin + more
        )

    area = AreaOfInterest(west, south, east, north)
    found = query_crs_info(
        "EPSG", pj_types=[PJType.PROJECTED_CRS], area_of_interest=area, contains=True
    )
    middle = np.array([(west + east) / 2]), np.array([(south + north) / 2])
    degrees = [4490, 4326] if gcj02_applies(*middle)[0] else [4326]
    codes = [*degrees, *sorted(_belts(west, east)), *(int(item.code) for item in found)]
    step = max(len(x) // 200, 1)
    x, y = x[::step], y[::step]
    fits: dict[str, tuple[float, Guess]] = {}
    for code in dict.fromkeys(codes):
        crs = CRS.from_epsg(code)
        for suffix, first, second in (("", x, y), (SWAPPED, y, x)):
            try:
                if _is_plain(crs):  # nearly every CRS is ruled out at a hundredth of the price
                    lon, lat = rough_degrees(first, second, crs)
                    if not is_inside(_middle(lon), _middle(lat), _DATUM_DEG):
                        continue
                lon, lat = reproject_points(first, second, crs, _DEGREES)
            except (ProjError, CRSError):
                continue  # some systems of the catalogue have no transformation
            middle_lon, middle_lat = _middle(lon), _middle(lat)
            if is_inside(middle_lon, middle_lat, 0.0):
                away = abs(middle_lon - (west + east) / 2) + abs(middle_lat - (south + north) / 2)
                guess = Guess(crs_label(crs) + suffix, "fits")
                fits.setdefault(guess.crs, (away, guess))
    # The nearest first; a degree's thousandth of difference is no reason to prefer a
    # rarer system, so the order of the codes decides within it.
    return [guess for _, guess in sorted(fits.values(), key=lambda item: round(item[0], 3))][
        :_MOST_GUESSES
    ]


def _is_plain(crs: CRS) -> bool:
    """Return whether degrees of the CRS's own datum are those of WGS 84 but for the shift."""
    meridian = crs.prime_meridian
    return crs.is_projected and meridian is not None and meridian.longitude == 0.0


def _belts(west: float, east: float) -> set[int]:
    middle = (west + east) / 2
    if not _CHINA_LON[0] <= middle <= _CHINA_LON[1]:
        return set()
    three, six = round(middle / 3), int(middle // 6) + 1
    belts = {4534 + three - 25, 4513 + three - 25} if 25 <= three <= 45 else set()
    return belts | ({4502 + six - 13, 4491 + six - 13} if 13 <= six <= 23 else set())
