"""Police rooms and the facilities of the four networks, as uneven as they have grown."""

from __future__ import annotations

from collections import Counter

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.demo._areas import Areas
from gridmap.demo._census import Census
from gridmap.demo._names import ordinal
from gridmap.demo._sites import Sites

__all__ = ["NETWORKS", "date_posts", "equip_rooms", "make_facilities", "make_rooms", "staff_beats"]

Ints = NDArray[np.int64]

# Network, what stands there, how many for each 480 grids, weight of residents, of the
# countryside, share of grids that have hardly any.
NETWORKS = (
    ("村警", "警务岗亭", 64, 0.4, 1.6, 0.3),
    ("监控", "监控点", 620, 1.0, 0.25, 0.35),
    ("消防", "微型消防站", 110, 0.8, 0.5, 0.4),
    ("服务", "便民服务点", 84, 0.9, 0.7, 0.3),
)
_EQUIPPED = {"id_reader": 0.7, "computer": 0.95, "police_terminal": 0.85, "body_camera": 0.9}
_LAST_DAY = np.datetime64("2024-12-31")


def staff_beats(
    beat_of: Ints, census: Census, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return officers and auxiliaries of each beat.

    One officer and two auxiliaries in town, one officer and an auxiliary a village beyond,
    more here and there, and not where the work is.
    """
    count = int(beat_of.max()) + 1
    people = np.bincount(beat_of, weights=census.residents, minlength=count)
    urban = np.bincount(beat_of, weights=census.urban * census.residents, minlength=count)
    town = urban > 0.5 * people
    officers = 1 + (rng.random(count) < np.where(town, 0.4, 0.1)) + (people > 16_000)
    auxiliaries = np.where(town, 2 * officers, officers) + rng.integers(0, 2, count)
    return officers.astype(np.int64), auxiliaries.astype(np.int64)


def make_rooms(
    sites: Sites,
    census: Census,
    areas: Areas,
    beats: gpd.GeoDataFrame,
    beat_of: Ints,
    *,
    count: int,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:
    """Return the rooms: most beats have one, some none, a few two.

    Columns ``id, name, beat, station, community, officers, auxiliaries, hours``.
    """
    order = rng.permutation(len(beats))
    single = order[: min(count, round(0.78 * len(beats)))]
    double = single[: max(0, min(count - len(single), len(single)))]
    chosen = np.sort(np.concatenate([single, double]))
    weight = census.residents * rng.random(len(beat_of)) ** 2 + 1.0
    rows_of = np.split(np.argsort(beat_of, kind="stable"), np.cumsum(np.bincount(beat_of))[:-1])
    grids: list[int] = []
    for beat in chosen.tolist():
        inside = rows_of[beat]
        # The second room of a beat stands in its second choice of grid.
        best = inside[np.argsort(-weight[inside], kind="stable")]
        again = bool(grids) and beat_of[grids[-1]] == beat and len(best) > 1
        grids.append(int(best[1 if again else 0]))
    points = _stand(sites, np.array(grids), rng)
    home = areas.community_of[grids]
    names: list[str] = []
    met: Counter[str] = Counter()
    for community in areas.community["name"].to_numpy()[home].tolist():
        met[community] += 1
        count_here = "" if met[community] == 1 else f"第{ordinal(met[community])}"
        names.append(f"{community}{count_here}警务室")
    share = 1 + np.isin(chosen, double)
    return gpd.GeoDataFrame(
        {
            "id": [f"P{i + 1:04d}" for i in range(len(chosen))],
            "name": names,
            "beat": beats["id"].to_numpy()[chosen],
            "station": beats["station"].to_numpy()[chosen],
            "community": areas.community["id"].to_numpy()[home],
            "officers": np.maximum(beats["officers"].to_numpy()[chosen] // share, 1),
            "auxiliaries": np.maximum(beats["auxiliaries"].to_numpy()[chosen] // share, 1),
            "hours": np.where(rng.random(len(chosen)) < 0.35, "00:00-24:00", "08:00-20:00"),
        },
        geometry=points,
        crs=beats.crs,
    )


def equip_rooms(rooms: gpd.GeoDataFrame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return the rooms with their offices and equipment; not every room has what it should."""
    count = len(rooms)
    return rooms.assign(
        offices=rng.choice([0, 1, 2], count, p=[0.1, 0.6, 0.3]),
        **{
            name: np.where(rng.random(count) < share, "有", "无")
            for name, share in _EQUIPPED.items()
        },
    )


def date_posts(beats: gpd.GeoDataFrame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Return the beats with the day since which each post is held: half for under 3 years."""
    days = rng.integers(0, 6 * 365, len(beats))
    since = _LAST_DAY - days.astype("timedelta64[D]")
    return beats.assign(post_since=np.datetime_as_string(since).astype(object))


def make_facilities(
    sites: Sites, census: Census, areas: Areas, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Return the facilities of the four networks: ``id, name, network, community``."""
    frames = []
    grids = len(census.residents)
    for code, (network, thing, usual, by_people, by_country, bare) in zip(
        "CJXF", NETWORKS, strict=True
    ):
        count = max(4, round(usual * grids / 480))
        weight = by_people * census.residents / 1000.0 * census.urban
        weight = weight + by_country * (1.0 - census.urban)
        patch = rng.random(int(areas.community_of.max()) + 1) < bare
        weight = weight * np.where(patch[areas.community_of], 0.12, 1.0) + 1e-6
        rows = np.sort(rng.choice(grids, count, p=weight / weight.sum()))
        home = areas.community_of[rows]
        frames.append(
            gpd.GeoDataFrame(
                {
                    "id": [f"{code}{i + 1:05d}" for i in range(count)],
                    "name": [
                        f"{name}{thing}" for name in areas.community["name"].to_numpy()[home]
                    ],
                    "network": network,
                    "community": areas.community["id"].to_numpy()[home],
                },
                geometry=_stand(sites, rows, rng),
                crs=areas.grid.crs,
            )
        )
    whole = {
        name: np.concatenate([f[name].to_numpy() for f in frames])
        for name in ("id", "name", "network", "community")
    }
    geometry = np.concatenate([f.geometry.to_numpy() for f in frames])
    return gpd.GeoDataFrame(whole, geometry=geometry, crs=areas.grid.crs)


def _stand(sites: Sites, grids: Ints, rng: np.random.Generator) -> NDArray[np.object_]:
    """Return a point near a street in each of some grids."""
    order = np.argsort(sites.grid, kind="stable")
    ends = np.searchsorted(sites.grid[order], np.arange(int(sites.grid.max()) + 2))
    width = ends[grids + 1] - ends[grids]
    row = order[ends[grids] + (rng.random(len(grids)) * width).astype(np.int64)]
    points = sites.place(row, rng.uniform(0.7, 0.93, len(row)), rng.uniform(0.15, 0.85, len(row)))
    return np.asarray(shapely.points(np.round(points, 2)), dtype=object)
