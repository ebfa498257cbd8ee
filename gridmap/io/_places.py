"""Where on earth a point is, in words: the nearest town that people know.

The towns are the provincial capitals of China and those of the time zone database, some 450
together. They name a place for a reader to judge ("12 km from Hangzhou"), and they tell land
where people live from sea and ice, which is how exchanged axes are noticed.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from gridmap.i18n import tr

__all__ = ["km_to_town", "place_of"]

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
def _towns() -> tuple[list[str], NDArray[np.float64]]:
    """Return names, and longitude and latitude, shape (n, 2)."""
    text = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    names = [*_CAPITALS, *_CITIES]
    places = [*_CAPITALS.values(), *_CITIES.values()]
    for country, lat, lon, zone in _ROW.findall(text):
        if country not in _NOBODY and country != "CN":
            names.append(zone.rpartition("/")[2].replace("_", " "))
            places.append((_degrees(lon, 3), _degrees(lat, 2)))
    return names, np.array(places)


def _degrees(text: str, digits: int) -> float:
    """Return degrees of ``+DDMM``, ``+DDDMM`` and the same with seconds."""
    whole, rest = text[1 : 1 + digits], text[1 + digits :]
    size = int(whole) + int(rest[:2]) / 60 + int(rest[2:] or 0) / 3600
    return -size if text[0] == "-" else size


def _distances(lon: float, lat: float) -> NDArray[np.float64]:
    """Return kilometres to each town on a sphere, by the haversine formula."""
    east, north = np.radians(_towns()[1].T)
    x, y = np.radians(lon), np.radians(lat)
    half = np.sin((north - y) / 2) ** 2 + np.cos(y) * np.cos(north) * np.sin((east - x) / 2) ** 2
    return np.asarray(
        2 * np.degrees(np.arcsin(np.sqrt(np.clip(half, 0, 1)))) * _KM_PER_DEGREE, dtype=float
    )
