"""Grids joined into communities, stations and beats, and the rooms and facilities in them.

Beats are as they have grown over the years: uneven, odd in shape, some across grids. Rooms and
the facilities of the four networks are as uneven.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.demo._plan import MAIN, RAIL
from gridmap.demo._shapes import (
    BlockShapes,
    Census,
    Sites,
    ordinal,
    station_names,
    town_names,
    village_names,
)
from gridmap.typing import Floats, Ints

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


def staff_beats(beat_of: Ints, census: Census, rng: np.random.Generator) -> tuple[Ints, Ints]:
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
    areas: NestedLayers,
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
    sites: Sites, census: Census, areas: NestedLayers, rng: np.random.Generator
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


@dataclass(frozen=True)
class DrawnBeats:
    """The beats.

    Parameters
    ----------
    shapes
        Their polygons, shape (b,).
    station
        Station of each, shape (b,).
    beat_of
        Beat of each grid, shape (g,); of a grid that a beat cuts, the one it was cut from.
    cut
        Grids that were cut.
    """

    shapes: NDArray[np.object_]
    station: Ints
    beat_of: Ints
    cut: Ints


def draw_beats(
    grids: NDArray[np.object_],
    station: Ints,
    borders: Borders,
    people: Ints,
    *,
    count: int,
    cut_share: float,
    rng: np.random.Generator,
) -> DrawnBeats:
    """Draw about ``count`` beats inside the stations, regardless of the workload.

    Parameters
    ----------
    grids
        Polygons, a valid coverage, shape (g,).
    station
        Station of each grid, shape (g,).
    borders
        How strongly neighbouring grids are tied.
    people
        People of each grid, shape (g,).
    count
        Number of beats wanted, at least one for each station.
    cut_share
        Share of the grids that a beat's border cuts in two.
    rng
        Source of every choice.
    """
    beat_of = np.zeros(len(grids), dtype=np.int64)
    first = 0
    for number, wanted in enumerate(_share_out(station, people, count)):
        rows = np.flatnonzero(station == number)
        place = {int(row): i for i, row in enumerate(rows)}
        inner: Borders = {
            i: {
                place[g]: tie * rng.uniform(0.3, 1.0)
                for g, tie in borders[row].items()
                if g in place
            }
            for row, i in place.items()
        }
        # What each grid seemed to weigh when the beats were drawn, long ago.
        seemed = (0.25 + people[rows] / people.mean()) * np.exp(rng.normal(0.0, 0.26, len(rows)))
        group = join_lightest(np.arange(len(rows)), seemed, inner, target=wanted)
        beat_of[rows] = first + group
        first += int(group.max()) + 1
    beat_of = renumber(beat_of)
    pieces, owner, cut = _cut_across(grids, station, beat_of, borders, cut_share, rng)
    order = np.argsort(owner, kind="stable")
    ends = np.searchsorted(owner[order], np.arange(first + 1))
    shapes = np.array(
        [shapely.coverage_union_all(pieces[order[ends[i] : ends[i + 1]]]) for i in range(first)],
        dtype=object,
    )
    of_station = np.zeros(first, dtype=np.int64)
    of_station[beat_of] = station
    return DrawnBeats(shapes, of_station, beat_of, cut)


def _share_out(station: Ints, people: Ints, count: int) -> list[int]:
    """Return the number of beats of each station: a quarter alike, the rest by people."""
    size = np.bincount(station).astype(float)
    lives = np.bincount(station, weights=people) / people.sum()
    wish = count * (0.25 / len(size) + 0.75 * lives)
    whole = np.maximum(np.floor(wish), 1)
    for i in np.argsort(whole - wish, kind="stable")[: max(0, count - int(whole.sum()))]:
        whole[i] += 1
    return [int(value) for value in np.minimum(whole, size)]


def _cut_across(
    grids: NDArray[np.object_],
    station: Ints,
    beat_of: Ints,
    borders: Borders,
    share: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.object_], Ints, Ints]:
    pieces, owner = list(grids), beat_of.tolist()
    wanted = round(share * len(grids))
    cut: list[int] = []
    frozen: set[int] = set()
    for grid in rng.permutation(len(grids)).tolist():
        if len(cut) >= wanted:
            break
        others = [
            g
            for g in sorted(borders[grid])
            if beat_of[g] != beat_of[grid] and station[g] == station[grid]
        ]
        mates = [g for g in sorted(borders[grid]) if beat_of[g] == beat_of[grid]]
        if grid in frozen or not others or not mates:
            continue
        given = _slice(grids[grid], grids[others[0]], grids[mates], rng)
        if given is None:
            continue
        pieces[grid], part = given
        pieces.append(part)
        owner.append(int(beat_of[others[0]]))
        cut.append(grid)
        frozen.update(borders[grid])
    return np.array(pieces, dtype=object), np.array(owner), np.array(sorted(cut), dtype=np.int64)


def _slice(
    grid: shapely.Polygon,
    other: shapely.Polygon,
    mates: NDArray[np.object_],
    rng: np.random.Generator,
) -> tuple[shapely.Polygon, shapely.Polygon] | None:
    """Return what stays of a grid and what goes to its neighbour's beat, or None.

    The cut runs between two corners that the grid already has, so that neighbours need no
    new ones, and what stays keeps touching all its mates, so that the beat stays whole.
    """
    corners = shapely.get_coordinates(grid)[:-1]
    count = len(corners)
    for _ in range(12):
        i, j = sorted(rng.choice(count, 2, replace=False).tolist())
        if j - i < 2 or count - j + i < 2:
            continue
        halves = (
            shapely.Polygon(corners[i : j + 1]),
            shapely.Polygon(np.concatenate([corners[j:], corners[: i + 1]])),
        )
        share = halves[0].area / grid.area
        if not 0.2 < share < 0.8 or not shapely.covers(grid, shapely.LineString(corners[[i, j]])):
            continue
        for stays, goes in (halves, halves[::-1]):
            if (
                stays.is_valid
                and goes.is_valid
                and shapely.length(shapely.intersection(goes, other)) > 20.0
                and (shapely.length(shapely.intersection(stays, mates)) > 5.0).all()
            ):
                return stays, goes
    return None


Borders = dict[int, dict[int, float]]


def find_borders(shapes: BlockShapes, lengths: Floats) -> Borders:
    """Return how strongly each grid is tied to each neighbour.

    The border's length in metres; a railway counts a tenth, a main road half, and nothing
    ties the banks of the river.
    """
    factor = np.where(shapes.kind == RAIL, 0.1, np.where(shapes.kind == MAIN, 0.5, 1.0))
    borders: Borders = {grid: {} for grid in range(len(shapes.grids))}
    for (a, b), tie in zip(shapes.sides.tolist(), (lengths * factor).tolist(), strict=True):
        if a >= 0 and b >= 0:
            borders[a][b] = borders[a].get(b, 0.0) + tie
            borders[b][a] = borders[b].get(a, 0.0) + tie
    return borders


def renumber(labels: Ints) -> Ints:
    """Return labels as 0, 1, 2 ... in the order of their values."""
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def join_lightest(
    start: Ints, weights: Floats, borders: Borders, *, target: int, evenness: float = 0.8
) -> Ints:
    """Join the lightest group to its best neighbour until ``target`` groups are left.

    Parameters
    ----------
    start
        Group of each atom to begin with, shape (n,); groups are in one piece.
    weights
        Weight of each atom, shape (n,).
    borders
        How strongly neighbouring atoms are tied.
    target
        Number of groups wanted; more are left where groups have no neighbours.
    evenness
        How much a light neighbour counts against a long border: 0 is not at all.

    Returns
    -------
    numpy.ndarray
        Group of each atom, 0, 1, 2 ..., shape (n,); each group is in one piece.
    """
    label = renumber(start)
    count = int(label.max()) + 1
    weight = np.bincount(label, weights=weights, minlength=count).tolist()
    ties: list[dict[int, float]] = [{} for _ in range(count)]
    for a, b, tie in _pairs(borders):
        p, q = int(label[a]), int(label[b])
        if p != q:
            ties[p][q] = ties[p].get(q, 0.0) + tie
            ties[q][p] = ties[q].get(p, 0.0) + tie
    into = list(range(count))
    heap = [(weight[group], group) for group in range(count)]
    heapq.heapify(heap)
    left = count
    while left > target and heap:
        load, group = heapq.heappop(heap)
        if into[group] != group or load != weight[group] or not ties[group]:
            continue
        best = max(
            ties[group], key=lambda g: (ties[group][g] / (load + weight[g]) ** evenness, -g)
        )
        into[group] = best
        weight[best] += load
        for other, tie in ties[group].items():
            del ties[other][group]
            if other != best:
                ties[best][other] = ties[best].get(other, 0.0) + tie
                ties[other][best] = ties[other].get(best, 0.0) + tie
        heapq.heappush(heap, (weight[best], best))
        left -= 1
    for group in range(count):
        while into[group] != into[into[group]]:
            into[group] = into[into[group]]
    return renumber(np.array(into)[label])


def loosen(labels: Ints, borders: Borders, *, share: float, rng: np.random.Generator) -> Ints:
    """Return groups whose borders were nudged: some grids go over to a neighbour group.

    A grid goes only where its old group stays in one piece.
    """
    found = labels.copy()
    members: dict[int, set[int]] = {}
    for grid, label in enumerate(labels.tolist()):
        members.setdefault(label, set()).add(grid)
    for grid in rng.permutation(len(labels))[: int(share * len(labels))].tolist():
        old = int(found[grid])
        others = [g for g in borders[grid] if found[g] != old]
        rest = members[old] - {grid}
        if not others or len(rest) < 3 or not _connected(rest, borders):
            continue
        new = int(found[max(others, key=lambda g: (borders[grid][g], -g))])
        members[old].remove(grid)
        members[new].add(grid)
        found[grid] = new
    return found


def _connected(group: set[int], borders: Borders) -> bool:
    first = min(group)
    seen, todo = {first}, [first]
    while todo:
        for other in borders[todo.pop()]:
            if other in group and other not in seen:
                seen.add(other)
                todo.append(other)
    return len(seen) == len(group)


def _pairs(borders: Borders) -> Iterator[tuple[int, int, float]]:
    for a, near in borders.items():
        for b, tie in near.items():
            if a < b:
                yield a, b, tie


_COUNTY = "990101"  # GB/T 2260 gives no code that begins with 99
_LARGEST = 999  # three digits each for street, community and sequence


@dataclass(frozen=True)
class NestedLayers:
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


def reading_order(points: Floats) -> Ints:
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
) -> NestedLayers:
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
    return NestedLayers(grid, community, station, community_of, station_of)


def make_beats(
    shapes: NDArray[np.object_],
    station: Ints,
    areas: NestedLayers,
    staff: tuple[Ints, Ints],
    crs: CRS,
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


def _in_order(label: Ints, centre: Floats) -> Ints:
    """Return groups renumbered as one reads their middles."""
    count = int(label.max()) + 1
    middle = np.column_stack([_mean(centre[:, axis], label, count) for axis in (0, 1)])
    rank = np.empty(count, dtype=np.int64)
    rank[reading_order(middle)] = np.arange(count)
    return np.asarray(rank[label])


def _mean(values: Floats, label: Ints, count: int) -> Floats:
    size = np.bincount(label, minlength=count)
    return np.asarray(np.bincount(label, weights=values, minlength=count) / size)


def _join(grids: NDArray[np.object_], label: Ints) -> NDArray[np.object_]:
    """Return the union of each group of a valid coverage."""
    order = np.argsort(label, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(label))[:-1])
    return np.array([shapely.coverage_union_all(grids[rows]) for rows in parts], dtype=object)
