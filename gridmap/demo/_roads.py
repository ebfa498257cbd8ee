"""The streets as a network: pieces between crossings, with class, speed and bridges."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.demo._blocks import BANK, BRANCH, LANE, MAIN, MINOR, RAIL
from gridmap.demo._census import Census
from gridmap.demo._names import street_names
from gridmap.demo._shapes import Shapes

__all__ = ["make_barriers", "make_roads"]

_CLASS = {
    MAIN: ("主干路", 60.0),
    MINOR: ("次干路", 40.0),
    BANK: ("次干路", 40.0),
    BRANCH: ("支路", 30.0),
    LANE: ("巷", 20.0),
}
_OVERPASS_M = 30.0  # half the length of a road bridge over the railway


def make_roads(
    shapes: Shapes, census: Census, crs: CRS, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Return the roads: a connected network whose pieces meet only at their ends.

    Columns ``id, name, class, speed_kmh, oneway, bridge``. Roads pass the river and the
    railway on bridges and nowhere else.
    """
    kept = _kept_edges(shapes, census, rng)
    lines = list(shapes.lines[kept])
    kinds, streets = shapes.kind[kept].tolist(), shapes.street[kept].tolist()
    bridge = [False] * len(lines)
    for line, kind, street in shapes.bridges:
        if kind != RAIL:
            lines.append(line)
            kinds.append(kind)
            streets.append(street)
            bridge.append(True)
    _lift_over_railway(shapes, kept, lines, kinds, streets, bridge)
    urban = _urban_share(shapes, census, kept, len(lines))
    lane = np.isin(kinds, [BRANCH, LANE]) & (urban > 0.9)
    odds = dict(zip(sorted(set(streets)), rng.random(len(set(streets))), strict=True))
    single = lane & (np.array([odds[street] for street in streets]) < 0.12)
    return gpd.GeoDataFrame(
        {
            "id": [f"R{i + 1:05d}" for i in range(len(lines))],
            "name": _names(kinds, streets, rng),
            "class": [_CLASS[kind][0] for kind in kinds],
            "speed_kmh": [_CLASS[kind][1] for kind in kinds],
            "oneway": single,
            "bridge": bridge,
        },
        geometry=lines,
        crs=crs,
    )


def make_barriers(shapes: Shapes, crs: CRS) -> gpd.GeoDataFrame:
    """Return the river as a polygon and the railway as a line, with ``id, name, class``."""
    rails = list(shapes.lines[shapes.kind == RAIL])
    rails += [line for line, kind, _ in shapes.bridges if kind == RAIL]
    railway = shapely.line_merge(shapely.union_all(rails))
    return gpd.GeoDataFrame(
        {"id": ["B1", "B2"], "name": ["清河", "示例铁路"], "class": ["河流", "铁路"]},
        geometry=[shapes.river, railway],
        crs=crs,
    )


def _kept_edges(shapes: Shapes, census: Census, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the edges that are roads: field paths go, and what hangs on nothing."""
    sides = np.where(shapes.sides >= 0, shapes.sides, shapes.sides[:, ::-1])
    rural = (census.urban[sides] < 0.35).all(axis=1)
    field = (shapes.kind == LANE) & rural & (rng.random(len(shapes.kind)) < 0.3)
    rows = np.flatnonzero((shapes.kind >= BANK) & ~field)
    bridged = shapely.get_coordinates([line for line, kind, _ in shapes.bridges if kind != RAIL])
    index = {tuple(xy): node for node, xy in enumerate(shapes.nodes.tolist())}
    ends = [index[tuple(xy)] for xy in bridged.tolist() if tuple(xy) in index]
    first = np.concatenate([shapes.edges[rows, 0], np.array(ends[0::2], dtype=np.int64)])
    second = np.concatenate([shapes.edges[rows, 1], np.array(ends[1::2], dtype=np.int64)])
    size = len(shapes.nodes)
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(size, size))
    _, piece = connected_components(graph, directed=False)
    main = np.bincount(piece[first]).argmax()
    return rows[piece[shapes.edges[rows, 0]] == main]


def _lift_over_railway(
    shapes: Shapes,
    kept: NDArray[np.int64],
    lines: list[shapely.LineString],
    kinds: list[int],
    streets: list[int],
    bridge: list[bool],
) -> None:
    """Make a bridge of the last metres of road on both sides of each railway crossing."""
    on_rail = set(shapes.edges[shapes.kind == RAIL].ravel().tolist())
    meeting: dict[int, list[int]] = {}
    for i, edge in enumerate(shapes.edges[kept].tolist()):
        for node in edge:
            if node in on_rail:
                meeting.setdefault(node, []).append(i)
    for node, roads in sorted(meeting.items()):
        if len(roads) < 2:
            continue
        halves = []
        for i in roads[:2]:
            line = lines[i]
            if shapely.get_coordinates(line)[0].tolist() != shapes.nodes[node].tolist():
                line = shapely.reverse(line)
            cut = min(_OVERPASS_M, 0.4 * line.length)
            near, rest = _cut_line(line, cut)
            lines[i] = rest
            halves.append(near)
        over = np.concatenate([halves[0][::-1], halves[1][1:]])
        lines.append(shapely.LineString(over))
        kinds.append(kinds[roads[0]])
        streets.append(streets[roads[0]])
        bridge.append(True)


def _cut_line(
    line: shapely.LineString, at_m: float
) -> tuple[NDArray[np.float64], shapely.LineString]:
    """Return the points up to a distance along a line, and the rest of the line."""
    points = shapely.get_coordinates(line)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    step = int(np.searchsorted(along, at_m, side="left"))
    stop = np.round(shapely.get_coordinates(shapely.line_interpolate_point(line, at_m)), 2)
    near = np.concatenate([points[:step], stop])
    rest = np.concatenate([stop, points[step + (along[step] <= at_m) :]])
    return near, shapely.LineString(rest)


def _urban_share(
    shapes: Shapes, census: Census, kept: NDArray[np.int64], count: int
) -> NDArray[np.float64]:
    sides = shapes.sides[kept]
    sides = np.where(sides >= 0, sides, sides[:, ::-1])
    share = census.urban[sides].mean(axis=1)
    return np.concatenate([share, np.zeros(count - len(share))])


def _names(kinds: list[int], streets: list[int], rng: np.random.Generator) -> list[str]:
    """Return a name for each piece; the pieces of one street share it."""
    sources: dict[str, Iterator[str]] = {
        name: street_names(name, rng) for name in ("主干路", "次干路", "支路", "巷")
    }
    known: dict[int, str] = {}
    banks = iter(["滨河北路", "滨河南路"])
    for kind, street in sorted(set(zip(kinds, streets, strict=True))):
        known[street] = next(banks) if kind == BANK else next(sources[_CLASS[kind][0]])
    return [known[street] for street in streets]
