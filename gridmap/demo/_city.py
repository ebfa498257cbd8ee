"""Putting the made-up city together."""

from __future__ import annotations

from typing import Literal

import numpy as np
import shapely
from pyproj import CRS

from gridmap.demo._areas import (
    date_posts,
    draw_beats,
    equip_rooms,
    find_borders,
    join_lightest,
    loosen,
    make_areas,
    make_beats,
    make_facilities,
    make_rooms,
    renumber,
    staff_beats,
)
from gridmap.demo._census import CITY_NAME, count_people, scatter_people
from gridmap.demo._english import in_english
from gridmap.demo._incidents import make_incidents
from gridmap.demo._plan import draw_blocks, lay_terrain
from gridmap.demo._shapes import find_sites, make_barriers, make_roads, shape_blocks
from gridmap.errors import InputError
from gridmap.fields import Json
from gridmap.model import City, Kind, Layer

__all__ = [
    "SMALLEST_CITY",
    "make_city",
]

SMALLEST_CITY = 60  # fewer grids leave no room for six stations, a river and a railway

_EPSG = 4547  # CGCS2000, 3-degree belt of 114 degrees east
_GRIDS_PER_COMMUNITY, _GRIDS_PER_BEAT, _GRIDS_PER_ROOM, _GRIDS_PER_STATION = 12, 10, 12, 80
_CUT_SHARE = 0.045


def make_city(
    *, grids: int = 480, incidents: int = 60_000, seed: int = 7, names: Literal["zh", "en"] = "zh"
) -> City:
    """Make 示例市, a city that does not exist.

    A river with few bridges, a railway, streets from main roads to lanes, and on them
    grids, communities, stations, beats, police rooms, facilities and a year (2024) of
    incidents. Everything is invented, and says so: `City.made_up` is true and each layer's
    provenance tells it.

    Parameters
    ----------
    grids
        Number of grids, exact; at least 60. Stations, communities, beats and rooms follow
        from it: 6, 40, 48 and 40 for 480.
    incidents
        Number of incidents. They are drawn month by month when they are walked through.
    seed
        The same three numbers give the same city on every machine.
    names
        Whether names are Chinese, or in English letters; all else is the same.

    Returns
    -------
    City
        In EPSG:4547, metres, with a layer of every kind.

    Raises
    ------
    InputError
        If there are too few grids, a negative number of incidents, or other names.

    Examples
    --------
    >>> city = make_city(grids=60, incidents=100)
    >>> len(city.grids), len(city.incidents), city.made_up
    (60, 100, True)
    """
    if grids < SMALLEST_CITY:
        raise InputError("demo.error.too_few_grids", received=grids, smallest=SMALLEST_CITY)
    if incidents < 0:
        raise InputError("demo.error.negative_incidents", received=incidents)
    if seed < 0:
        raise InputError("demo.error.negative_seed", received=seed)
    if names not in {"zh", "en"}:
        raise InputError("demo.error.names")
    crs = CRS.from_epsg(_EPSG)
    # One stream for each subject: a change to the rooms leaves the streets as they were.
    streams = [np.random.default_rng([seed, subject]) for subject in range(11)]
    terrain = lay_terrain(grids, streams[0])
    points, zone = scatter_people(terrain, grids, streams[1])
    communities = max(6, round(grids / _GRIDS_PER_COMMUNITY))
    blocks = draw_blocks(
        terrain, points, zone, grids=grids, communities=round(1.5 * communities), rng=streams[2]
    )
    shapes = shape_blocks(blocks, terrain)
    census = count_people(blocks, terrain, zone, streams[3])
    elder = renumber(np.array([blocks.elder[block] for block in sorted(blocks.rings)]))
    borders = find_borders(shapes, shapely.length(shapes.lines))
    one = np.ones(grids)
    community = join_lightest(elder, one, borders, target=communities)
    community = renumber(loosen(community, borders, share=0.12, rng=streams[4]))
    stations = max(6, round(grids / _GRIDS_PER_STATION))
    station = join_lightest(community, one, borders, target=stations, evenness=2.0)
    areas = make_areas(shapes.grids, census, community, station, crs, streams[5])
    drawn = draw_beats(
        shapes.grids,
        areas.station_of,
        borders,
        census.residents,
        count=max(stations, round(grids / _GRIDS_PER_BEAT)),
        cut_share=_CUT_SHARE,
        rng=streams[6],
    )
    sites = find_sites(shapes)
    staff = staff_beats(drawn.beat_of, census, streams[7])
    beats = make_beats(drawn.shapes, drawn.station, areas, staff, crs)
    rooms = make_rooms(
        sites,
        census,
        areas,
        beats,
        drawn.beat_of,
        count=max(3, round(grids / _GRIDS_PER_ROOM)),
        rng=streams[8],
    )
    rooms, beats = equip_rooms(rooms, streams[10]), date_posts(beats, streams[10])
    facilities = make_facilities(sites, census, areas, streams[8])
    frames = {
        # Written in the order of their codes, as a register would be.
        Kind.GRID: areas.grid.iloc[np.argsort(areas.grid["id"].to_numpy(dtype=str))],
        Kind.COMMUNITY: areas.community.iloc[np.argsort(areas.community["id"].to_numpy(str))],
        Kind.STATION: areas.station,
        Kind.BEAT: beats.iloc[np.argsort(beats["id"].to_numpy(dtype=str))],
        Kind.ROOM: rooms,
        Kind.FACILITY: facilities,
        Kind.ROAD: make_roads(shapes, census, crs, streams[9]),
        Kind.BARRIER: make_barriers(shapes, crs),
    }
    origin: dict[str, Json] = {
        "source": "gridmap demo",
        "made_up": True,
        "grids": grids,
        "seed": seed,
    }
    city = City(
        name=CITY_NAME,
        crs=crs,
        layers={kind: Layer(kind, frame, origin) for kind, frame in frames.items()},
        incidents=make_incidents(sites, census, count=incidents, seed=seed, crs=crs),
        made_up=True,
    )
    return in_english(city) if names == "en" else city
