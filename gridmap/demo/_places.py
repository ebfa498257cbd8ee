"""Police rooms and the facilities of the four networks, as uneven as they have grown."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.demo._census import Census
from gridmap.demo._sites import Sites

__all__ = ["NETWORKS", "make_facilities", "make_rooms", "staff_beats"]

Ints = NDArray[np.int64]

# Network, what stands there, how many for each 480 grids, weight of residents, of the
# countryside, share of grids that have hardly any.
NETWORKS = (
    ("村警", "警务岗亭", 64, 0.4, 1.6, 0.3),
    ("监控", "监控点", 620, 1.0, 0.25, 0.35),
    ("消防", "微型消防站", 110, 0.8, 0.5, 0.4),
    ("服务", "便民服务点", 84, 0.9, 0.7, 0.3),
)


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
    sites: Sites, census: Census, beat_of: Ints, beat_ids: list[str], station_of_beat: list[str],
    community_of: Ints, communities: gpd.GeoDataFrame, staff: tuple[Ints, Ints], crs: CRS,
    *, count: int, rng: np.random.Generator,
) -> gpd.GeoDataFrame:  # fmt: skip
    """Return the rooms: most beats have one, some none, a few two.

    Columns ``id, name, beat, station, community, officers, auxiliaries, hours``.
    """
    beats = len(beat_ids)
    order = rng.permutation(beats)
    single = order[: min(count, round(0.78 * beats))]
    double = single[: max(0, min(count - len(single), len(single)))]
    chosen = np.sort(np.concatenate([single, double]))
    weight = census.residents * rng.random(len(beat_of)) ** 2 + 1.0
    grids: list[int] = []
    for beat in chosen.tolist():
        inside = [g for g in np.flatnonzero(beat_of == beat).tolist() if g not in grids]
        inside = inside or np.flatnonzero(beat_of == beat).tolist()
        grids.append(inside[int(np.argmax(weight[inside]))])
    points = _stand(sites, np.array(grids), rng)
    home = community_of[grids]
    names: list[str] = []
    for community in communities["name"].to_numpy()[home]:
        again = sum(name.startswith(f"{community}") for name in names)
        names.append(f"{community}警务室" if not again else f"{community}第{again + 1}警务室")
    share = 1 + np.isin(chosen, double)
    return gpd.GeoDataFrame(
        {
            "id": [f"P{i + 1:04d}" for i in range(len(chosen))],
            "name": names,
            "beat": [beat_ids[beat] for beat in chosen],
            "station": [station_of_beat[beat] for beat in chosen],
            "community": communities["id"].to_numpy()[home],
            "officers": np.maximum(staff[0][chosen] // share, 1),
            "auxiliaries": np.maximum(staff[1][chosen] // share, 1),
            "hours": np.where(rng.random(len(chosen)) < 0.35, "00:00-24:00", "08:00-20:00"),
        },
        geometry=points,
        crs=crs,
    )


def make_facilities(
    sites: Sites, census: Census, community_of: Ints, communities: gpd.GeoDataFrame, crs: CRS,
    rng: np.random.Generator,
) -> gpd.GeoDataFrame:  # fmt: skip
    """Return the facilities of the four networks: ``id, name, network, community``."""
    frames = []
    grids = len(census.residents)
    for code, (network, thing, usual, by_people, by_country, bare) in zip("CJXF", NETWORKS,
                                                                         strict=True):  # fmt: skip
        count = max(4, round(usual * grids / 480))
        weight = by_people * census.residents / 1000.0 * census.urban
        weight = weight + by_country * (1.0 - census.urban)
        patch = rng.random(int(community_of.max()) + 1) < bare
        weight = weight * np.where(patch[community_of], 0.12, 1.0) + 1e-6
        rows = np.sort(rng.choice(grids, count, p=weight / weight.sum()))
        home = community_of[rows]
        frames.append(
            gpd.GeoDataFrame(
                {
                    "id": [f"{code}{i + 1:05d}" for i in range(count)],
                    "name": [f"{name}{thing}" for name in communities["name"].to_numpy()[home]],
                    "network": network,
                    "community": communities["id"].to_numpy()[home],
                },
                geometry=_stand(sites, rows, rng),
                crs=crs,
            )
        )
    whole = {name: np.concatenate([f[name].to_numpy() for f in frames])
             for name in ("id", "name", "network", "community")}  # fmt: skip
    geometry = np.concatenate([f.geometry.to_numpy() for f in frames])
    return gpd.GeoDataFrame(whole, geometry=geometry, crs=crs)


def _stand(sites: Sites, grids: Ints, rng: np.random.Generator) -> NDArray[np.object_]:
    """Return a point near a street in each of some grids."""
    order = np.argsort(sites.grid, kind="stable")
    ends = np.searchsorted(sites.grid[order], np.arange(int(sites.grid.max()) + 2))
    width = ends[grids + 1] - ends[grids]
    row = order[ends[grids] + (rng.random(len(grids)) * width).astype(np.int64)]
    points = sites.place(row, rng.uniform(0.7, 0.93, len(row)), rng.uniform(0.15, 0.85, len(row)))
    return np.asarray(shapely.points(np.round(points, 2)), dtype=object)
