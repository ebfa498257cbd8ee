"""What CRS numbers look like: offered in the refusal, never applied in silence."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.aoi import AreaOfInterest
from pyproj.database import query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import ProjError

from gridmap.errors import CRSError
from gridmap.fields import Json
from gridmap.i18n import tr
from gridmap.io.options import SWAPPED, Note
from gridmap.model import AREA_KINDS, Kind, Layer
from gridmap.model.crs import (
    DATUMS,
    WGS84,
    crs_label,
    from_datum,
    gcj02_applies,
    reproject_points,
    rough_degrees,
)
from gridmap.typing import Floats

# How well points, given by x and y, fit: 0 to 1 each.
_Fit = Callable[[Floats, Floats], Floats]

_ON_BORDER_M = 15.0  # a corner that another department drew along the same border
_GENERALISED_M = 100.0  # an outline of a county, its small bends left out
_BY_ROAD_M = 20.0  # a police room's door
_SAMPLE = 2_000
_FEWEST = 5
_SAME_MOVE_M = 300.0  # a move so near to that of the datum may fit as well
_LEAST_SHARE = 1 / 3  # of points that fit: less is chance among regular borders
_FEWEST_POINTS = 3.0  # how many points more have to fit
# Moves of 250 to 750 m all around: how well the points fit where they surely do not belong.
_ELSEWHERE = np.array([
    (radius * np.cos(angle), radius * np.sin(angle))
    for radius, angle in zip(250 + 500 * np.arange(99) / 98, np.arange(99) * 2.39996, strict=True)
])  # fmt: skip


@dataclass(frozen=True)
class DatumFit:
    """A datum under which points fit what is there, and the shares that fit by it and as read."""

    datum: str
    share: float
    now: float

    def note(self, where: str) -> Note:
        """Return the remark of an import.

        Parameters
        ----------
        where
            What to call the file.
        """
        values: dict[str, Json] = {
            "file": where,
            "datum": datum_label(self.datum),
            "option": self.datum,
            "share": 100 * self.share,
            "now": 100 * self.now,
        }
        return Note("io.note.datum_offset", values)


def datum_label(datum: str) -> str:
    """Return a datum as people write it.

    >>> datum_label("gcj02")
    'GCJ-02'
    """
    return datum.upper().replace("GCJ02", "GCJ-02").replace("BD09", "BD-09")


def layer_datum(
    kind: str,
    x: Floats,
    y: Floats,
    grounds: Mapping[Kind, Layer],
    named: Mapping[Kind, NDArray[np.object_]] | None = None,
) -> DatumFit | None:
    """Return another datum that would fit a layer or incidents far better, or None.

    Areas should share borders with areas, or at least the outline of all of them; points should
    lie in the areas that they name, or in any; rooms and facilities should stand by a road.

    Parameters
    ----------
    kind
        Kind of the layer, or ``incidents``.
    x, y : (n,)
        Corners of areas, or points, in the working CRS, as they were read.
    grounds
        Layers to compare with, in the working CRS: areas, roads.
    named
        Of points: the ids of the beat, station or community that each names; blank for none.
    """
    areas = [grounds[item] for item in AREA_KINDS if item in grounds]
    crs = next((layer.crs for layer in grounds.values()), None)
    if crs is None:
        return None
    thin = slice(None, None, max(len(x) // _SAMPLE, 1))
    x, y = x[thin], y[thin]
    if kind in set(map(str, AREA_KINDS)):
        if not areas:
            return None
        other = next((layer for layer in areas if str(layer.kind) != kind), areas[0])
        borders = shapely.boundary(other.geometry)
        close = _near(borders, _ON_BORDER_M)
        found = _datum_fit(x, y, crs, close)
        if found is None and (close(x, y) >= 0.5).mean() < 0.5:  # not drawn along these borders
            outline = shapely.boundary(shapely.union_all(shapely.make_valid(other.geometry)))
            found = _datum_fit(x, y, crs, _near(np.array([outline]), _GENERALISED_M))
        return found
    fits = [
        _in_named(grounds[item], ids[thin]) for item, ids in (named or {}).items()
        if item in grounds and item in AREA_KINDS
    ]  # fmt: skip
    if areas:
        fits.append(_inside(areas[0].geometry))
    if Kind.ROAD in grounds and kind in {str(Kind.ROOM), str(Kind.FACILITY)}:
        fits.append(_near(grounds[Kind.ROAD].geometry, _BY_ROAD_M))
    return next((found for fit in fits if (found := _datum_fit(x, y, crs, fit))), None)


def shifts_apply(x: Floats, y: Floats, crs: CRS | None) -> bool:
    """Return whether all points lie where China's datums differ from WGS 84."""
    if crs is None or len(x) == 0:
        return False
    west_east, south_north = np.array([x.min(), x.max()]), np.array([y.min(), y.max()])
    degrees = reproject_points(west_east, south_north, crs, WGS84)
    return bool(gcj02_applies(*degrees).all())


def grounds_for(kind: str, there: Iterable[Kind], named: Iterable[Kind]) -> list[Kind]:
    """Return the kinds of layers, of those that are there, that `layer_datum` looks at."""
    areas = [item for item in AREA_KINDS if item in set(there)]
    first = next((item for item in areas if item != kind), next(iter(areas), None))
    wanted = {first, *named} if kind not in set(map(str, AREA_KINDS)) else {first}
    if kind in {str(Kind.ROOM), str(Kind.FACILITY)}:
        wanted.add(Kind.ROAD)
    return [item for item in there if item in wanted]


def named_areas(frame: pd.DataFrame) -> dict[Kind, NDArray[np.object_]]:
    """Return the ids of areas that the rows of a layer of points name, by kind of area."""
    return {
        kind: frame[str(kind)].fillna("").to_numpy(dtype=object)
        for kind in AREA_KINDS
        if str(kind) in frame.columns
    }


def _datum_fit(x: Floats, y: Floats, crs: CRS, fit: _Fit) -> DatumFit | None:
    """Return the datum by which points fit, where what was read does not.

    No one of some eighty moves to other places may fit better, and what was read has to
    fit no better than most of them. Right data fit better; other wrong data, under no datum.
    """
    lon, lat = reproject_points(x, y, crs, WGS84)
    if len(x) < _FEWEST or not gcj02_applies(lon, lat).all():
        return None
    places = {
        datum: reproject_points(*from_datum(lon, lat, datum), WGS84, crs) for datum in DATUMS
    }
    fits = {datum: fit(*place) for datum, place in places.items()}
    worth = {datum: float(values.mean()) for datum, values in fits.items()}
    best = max(worth, key=lambda datum: worth[datum])
    if (worth[best] - worth["wgs84"]) * len(x) < _FEWEST_POINTS:
        return None
    own = np.array([(places[best][0] - x).mean(), (places[best][1] - y).mean()])
    others = _ELSEWHERE[np.hypot(*(_ELSEWHERE - own).T) > _SAME_MOVE_M]
    moved = [fit(x + east, y + north).mean() for east, north in others]
    if worth[best] < max(moved) or worth["wgs84"] > np.quantile(moved, 0.9):
        return None
    share, now = (float((fits[datum] >= 0.5).mean()) for datum in (best, "wgs84"))
    return DatumFit(best, share, now) if share >= _LEAST_SHARE else None


def _inside(areas: NDArray[np.object_]) -> _Fit:
    """Return what gives 1 to points in any of the areas."""
    tree = shapely.STRtree(areas)

    def fit(x: Floats, y: Floats) -> Floats:
        found = np.zeros(len(x))
        found[tree.query(shapely.points(x, y), predicate="intersects")[0]] = 1.0
        return found

    return fit


def _in_named(areas: Layer, names: NDArray[np.object_]) -> _Fit:
    """Return what gives 1 to points in the area that each names."""
    place = dict(zip(areas.ids, areas.geometry, strict=True))
    shapes = np.array([place.get(name) for name in names], dtype=object)
    shapely.prepare(shapes)
    return lambda x, y: shapely.intersects(shapes, shapely.points(x, y)).astype(float)


def _near(lines: NDArray[np.object_], half_m: float) -> _Fit:
    """Return what gives 1 to points on a line, 0.5 at ``half_m`` from one, less farther away."""
    tree = shapely.STRtree(lines)

    def fit(x: Floats, y: Floats) -> Floats:
        (row, _), away = tree.query_nearest(
            shapely.points(x, y), max_distance=20 * half_m, return_distance=True, all_matches=False
        )
        found = np.zeros(len(x))
        found[row] = 1.0 / (1.0 + (away / half_m) ** 2)
        return found

    return fit


_KM_PER_DEGREE = 111.2
_ROW = re.compile(r"^([A-Z]{2})\t([+-]\d{4,6})([+-]\d{5,7})\t([\w/+-]+)", re.MULTILINE)
# Antarctica, South Georgia, Svalbard, Bouvet, Heard and the French south: stations, not towns.
_NOBODY = {"AQ", "GS", "SJ", "BV", "HM", "TF"}
_CAPITALS = {
    "beijing": (116.41, 39.90), "tianjin": (117.20, 39.13), "shijiazhuang": (114.51, 38.04),
    "taiyuan": (112.55, 37.87), "hohhot": (111.75, 40.84), "shenyang": (123.43, 41.80),
    "changchun": (125.32, 43.82), "harbin": (126.64, 45.76), "shanghai": (121.47, 31.23),
    "nanjing": (118.80, 32.06), "hangzhou": (120.16, 30.25), "hefei": (117.23, 31.82),
    "fuzhou": (119.30, 26.08), "nanchang": (115.86, 28.68), "jinan": (117.00, 36.65),
    "zhengzhou": (113.63, 34.75), "wuhan": (114.31, 30.59), "changsha": (112.94, 28.23),
    "guangzhou": (113.26, 23.13), "shenzhen": (114.06, 22.54), "nanning": (108.37, 22.82),
    "haikou": (110.20, 20.04), "chongqing": (106.55, 29.56), "chengdu": (104.07, 30.57),
    "guiyang": (106.63, 26.65), "kunming": (102.71, 25.05), "lhasa": (91.14, 29.65),
    "xian": (108.94, 34.34), "lanzhou": (103.83, 36.06), "xining": (101.78, 36.62),
    "yinchuan": (106.23, 38.49), "urumqi": (87.62, 43.83), "hongkong": (114.17, 22.28),
    "macau": (113.55, 22.19), "taipei": (121.56, 25.04),
}  # fmt: skip
# Large cities that no time zone is called after.
_CITIES = {
    "Cape Town": (18.42, -33.92), "Durban": (31.02, -29.86), "Delhi": (77.21, 28.61),
    "Mumbai": (72.88, 19.08), "Chennai": (80.27, 13.08), "Bengaluru": (77.59, 12.97),
    "Hyderabad": (78.49, 17.38), "Lahore": (74.34, 31.55), "Osaka": (135.50, 34.69),
    "Ankara": (32.86, 39.93), "Isfahan": (51.67, 32.65), "Jeddah": (39.19, 21.49),
    "Rio de Janeiro": (-43.20, -22.91), "Brasilia": (-47.88, -15.79), "Houston": (-95.37, 29.76),
    "Miami": (-80.19, 25.76), "Seattle": (-122.33, 47.61), "San Francisco": (-122.42, 37.77),
    "Dallas": (-96.80, 32.78), "Atlanta": (-84.39, 33.75), "Marseille": (5.37, 43.30),
    "Munich": (11.58, 48.14), "Saint Petersburg": (30.32, 59.94), "Milan": (9.19, 45.46),
    "Barcelona": (2.17, 41.39), "Manchester": (-2.24, 53.48), "Hanoi": (105.85, 21.03),
    "Tromso": (18.96, 69.65),
}  # fmt: skip


def km_to_town(lon: float, lat: float) -> float:
    """Return how far the nearest town is.

    >>> km_to_town(116.4, 39.9) < 5, km_to_town(41.8, -87.7) > 3000
    (True, True)
    """
    return float(_distances(lon, lat).min())


def place_of(lon: float, lat: float) -> str:
    """Return degrees and the nearest town of a point, in the current language."""
    at = tr(
        "io.place.degrees",
        lon=abs(lon), east=tr("io.place.east" if lon >= 0 else "io.place.west"),
        lat=abs(lat), north=tr("io.place.north" if lat >= 0 else "io.place.south"),
    )  # fmt: skip
    away = _distances(lon, lat)
    nearest = int(away.argmin())
    name = _towns()[0][nearest]
    town = tr(f"io.town.{name}") if name in _CAPITALS else name
    return tr("io.place.near", at=at, town=town, km=float(away[nearest]))


@cache
def _towns() -> tuple[list[str], Floats]:
    """Return names, and longitude and latitude, shape (n, 2)."""
    text = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    names = [*_CAPITALS, *_CITIES]
    places = [*_CAPITALS.values(), *_CITIES.values()]
    for country, lat, lon, zone in _ROW.findall(text):
        if country not in _NOBODY and country != "CN":
            names.append(zone.rpartition("/")[2].replace("_", " "))
            places.append((_degrees_text(lon, 3), _degrees_text(lat, 2)))
    return names, np.array(places)


def _degrees_text(text: str, digits: int) -> float:
    """Return degrees of ``+DDMM``, ``+DDDMM`` and the same with seconds."""
    whole, rest = text[1 : 1 + digits], text[1 + digits :]
    size = int(whole) + int(rest[:2]) / 60 + int(rest[2:] or 0) / 3600
    return -size if text[0] == "-" else size


def _distances(lon: float, lat: float) -> Floats:
    """Return kilometres to each town on a sphere, by the haversine formula."""
    east, north = np.radians(_towns()[1].T)
    x, y = np.radians(lon), np.radians(lat)
    half = np.sin((north - y) / 2) ** 2 + np.cos(y) * np.cos(north) * np.sin((east - x) / 2) ** 2
    return np.asarray(
        2 * np.degrees(np.arcsin(np.sqrt(np.clip(half, 0, 1)))) * _KM_PER_DEGREE, dtype=float
    )


_CHINA_LON, _CHINA_LAT = (73.0, 136.0), (3.0, 54.0)
_NORTHING_M = (1_800_000.0, 5_950_000.0)  # 17 to 54 degrees north
_EASTING_M = (150_000.0, 850_000.0)  # a belt's easting, its middle at 500,000
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
        The value for ``--crs``.
    reason
        Part of the catalogue's key ``io.guess.<reason>``.
    lon, lat
        Where the middle of the points would lie, in degrees.
    """

    crs: str
    reason: str
    lon: float = float("nan")
    lat: float = float("nan")

    def to_dict(self) -> dict[str, Json]:
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
        West, south, east, north in degrees of a layer that is there already: a CRS that
        puts the points near it is preferred, US feet and belts without zone digits included.
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
            lon, lat = reproject_points(*middle, crs, WGS84)
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
                lon, lat = reproject_points(first, second, crs, WGS84)
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
