"""The layers of areas: stations, communities and grids, numbered as the standard says."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.demo._census import Census
from gridmap.demo._names import ordinal, station_names, town_names, village_names

__all__ = ["Areas", "make_areas", "make_beats", "reading_order"]

Ints = NDArray[np.int64]

_COUNTY = "990101"  # GB/T 2260 gives no code that begins with 99
_LARGEST = 999  # three digits each for street, community and sequence


@dataclass(frozen=True)
class Areas:
    """The nested layers; rows of the grid frame are in the order of the grids as drawn.

    Parameters
    ----------
    grid, community, station
        Frames with canonical columns.
    community_of, station_of
        Row of the community and of the station of each grid, shape (g,).
    """

    grid: gpd.GeoDataFrame
    community: gpd.GeoDataFrame
    station: gpd.GeoDataFrame
    community_of: Ints
    station_of: Ints


def reading_order(points: NDArray[np.float64]) -> Ints:
    """Return the order of points as one reads: rows from north to south, west to east.

    Grids are numbered this way by DB11/T 2157-2023. The plane is cut into as many rows as
    make a square field of so many points.

    >>> reading_order(np.array([[9.0, 1.0], [0.0, 9.0], [9.0, 8.0], [0.0, 0.0]])).tolist()
    [1, 2, 3, 0]
    """
    rows = max(1, round(np.sqrt(len(points))))
    top, low = points[:, 1].max(), points[:, 1].min()
    row = np.floor((top - points[:, 1]) / max(top - low, 1e-9) * rows * (1 - 1e-9))
    return np.lexsort((points[:, 0], row))


def make_areas(
    grids: NDArray[np.object_],
    census: Census,
    community_of: Ints,
    station_of: Ints,
    crs: CRS,
    rng: np.random.Generator,
) -> Areas:
    """Return the three layers with codes, names and counts.

    Parameters
    ----------
    grids
        Polygons, a valid coverage, shape (g,).
    census
        Counts by grid.
    community_of, station_of
        Group of each grid, shape (g,); a community lies in one station.
    crs
        The working CRS.
    rng
        Source of the names.
    """
    centre = shapely.get_coordinates(shapely.centroid(grids))
    core = census.zone == 0
    station_of = _in_order(station_of, centre)
    community_of = _in_order(community_of, centre)
    stations, communities = int(station_of.max()) + 1, int(community_of.max()) + 1
    home = np.zeros(communities, dtype=np.int64)
    home[community_of] = station_of
    # By area, not by grid: the many small grids of the core would pull every middle inward.
    station_shapes = _join(grids, station_of)
    middle = shapely.get_coordinates(shapely.centroid(station_shapes))
    heart = centre[core].mean(axis=0) if core.any() else centre.mean(axis=0)
    cores = _mean(core.astype(float), station_of, stations)
    station_name = station_names(
        [
            (
                float(middle[i, 0] - heart[0]),
                float(middle[i, 1] - heart[1]),
                bool(cores[i] == cores.max()),
            )
            for i in range(stations)
        ]
    )
    station_id = [_street_code(i) for i in range(stations)]
    community_id = [""] * communities
    for station in range(stations):
        for number, row in enumerate(np.flatnonzero(home == station).tolist()):
            community_id[row] = f"{station_id[station]}{number + 1:03d}"
    urban = _mean(census.urban, community_of, communities) > 0.5
    towns, villages = town_names(rng), village_names(rng)
    community_name = [next(towns) if in_town else next(villages) for in_town in urban]
    grid_id, grid_name = [""] * len(grids), [""] * len(grids)
    rows_of = np.split(
        np.argsort(community_of, kind="stable"), np.cumsum(np.bincount(community_of))[:-1]
    )
    for community, rows in enumerate(rows_of):
        for number, row in enumerate(rows[reading_order(centre[rows])].tolist()):
            grid_id[row] = f"{community_id[community]}{number + 1:03d}"
            grid_name[row] = f"{community_name[community]}第{ordinal(number + 1)}网格"
    counts = {name: getattr(census, name) for name in ("residents", "migrants", "households")}
    summed = {
        name: np.bincount(community_of, weights=column).astype(np.int64)
        for name, column in counts.items()
    }
    grid = gpd.GeoDataFrame(
        {
            "id": grid_id,
            "name": grid_name,
            **counts,
            "community": np.array(community_id, dtype=object)[community_of],
            "station": np.array(station_id, dtype=object)[station_of],
        },
        geometry=grids,
        crs=crs,
    )
    community = gpd.GeoDataFrame(
        {
            "id": community_id,
            "name": community_name,
            **summed,
            "station": np.array(station_id, dtype=object)[home],
        },
        geometry=_join(grids, community_of),
        crs=crs,
    )
    station = gpd.GeoDataFrame(
        {"id": station_id, "name": station_name}, geometry=station_shapes, crs=crs
    )
    return Areas(grid, community, station, community_of, station_of)


def make_beats(
    shapes: NDArray[np.object_], station: Ints, areas: Areas, staff: tuple[Ints, Ints], crs: CRS
) -> gpd.GeoDataFrame:
    """Return the beats, numbered within their stations.

    Columns ``id, name, station, officers, auxiliaries``.
    """
    centre = shapely.get_coordinates(shapely.centroid(shapes))
    ids, names = [""] * len(shapes), [""] * len(shapes)
    for number in range(len(areas.station)):
        rows = np.flatnonzero(station == number)
        stem = str(areas.station["name"].iloc[number]).removesuffix("派出所")
        code = str(areas.station["id"].iloc[number])
        for i, row in enumerate(rows[reading_order(centre[rows])].tolist()):
            ids[row] = f"{code}J{i + 1:02d}"
            names[row] = f"{stem}第{ordinal(i + 1)}警务区"
    return gpd.GeoDataFrame(
        {
            "id": ids,
            "name": names,
            "station": areas.station["id"].to_numpy()[station],
            "officers": staff[0],
            "auxiliaries": staff[1],
        },
        geometry=shapes,
        crs=crs,
    )


def _street_code(number: int) -> str:
    # Beyond 999 streets the next county's code begins.
    county, street = divmod(number, _LARGEST)
    return f"{int(_COUNTY) + county}{street + 1:03d}"


def _in_order(label: Ints, centre: NDArray[np.float64]) -> Ints:
    """Return groups renumbered as one reads their middles."""
    count = int(label.max()) + 1
    middle = np.column_stack([_mean(centre[:, axis], label, count) for axis in (0, 1)])
    rank = np.empty(count, dtype=np.int64)
    rank[reading_order(middle)] = np.arange(count)
    return np.asarray(rank[label])


def _mean(values: NDArray[np.float64], label: Ints, count: int) -> NDArray[np.float64]:
    size = np.bincount(label, minlength=count)
    return np.asarray(np.bincount(label, weights=values, minlength=count) / size)


def _join(grids: NDArray[np.object_], label: Ints) -> NDArray[np.object_]:
    """Return the union of each group of a valid coverage."""
    order = np.argsort(label, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(label))[:-1])
    return np.array([shapely.coverage_union_all(grids[rows]) for rows in parts], dtype=object)
