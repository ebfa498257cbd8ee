"""From the plan to the map: grid polygons, river and bridges, the street network, and sites.

Streets are pieces between crossings with class and speed; a site, where something can happen, is
a triangle between a grid's middle and its streets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.demo._census import Census, street_names
from gridmap.demo._plan import BANK, BRANCH, LANE, MAIN, MINOR, RAIL, Blocks, Terrain

__all__ = [
    "Shapes",
    "Sites",
    "find_sites",
    "make_barriers",
    "make_roads",
    "shape_blocks",
]


@dataclass(frozen=True)
class Sites:
    """Triangles that fill the land of every grid, so that a point in one is in its grid.

    Parameters
    ----------
    apex, start, end
        Corners, shape (t, 2); ``start`` to ``end`` is a piece of street or border.
    grid
        Grid of each triangle, shape (t,).
    kind
        What the piece is, shape (t,).
    """

    apex: Floats
    start: Floats
    end: Floats
    grid: NDArray[np.int64]
    kind: NDArray[np.int64]

    @property
    def length_m(self) -> Floats:
        """Length of each piece of street, shape (t,)."""
        return np.asarray(np.hypot(*(self.end - self.start).T))

    @property
    def depth_m(self) -> Floats:
        """Distance of the apex from the middle of the piece, shape (t,)."""
        return np.asarray(np.hypot(*(self.apex - 0.5 * (self.start + self.end)).T))

    def place(self, row: NDArray[np.int64], out: Floats, along: Floats) -> Floats:
        """Return points of the triangles: 0 to 1 from the apex out, and along the piece."""
        edge = self.start[row] + along[:, None] * (self.end[row] - self.start[row])
        apex = self.apex[row]
        return np.asarray(apex + out[:, None] * (edge - apex))


def find_sites(shapes: Shapes) -> Sites:
    """Return the triangles of every grid's land."""
    points, line = shapely.get_coordinates(shapes.lines, return_index=True)
    step = line[1:] == line[:-1]
    a, b, edge = points[:-1][step], points[1:][step], line[1:][step]
    left, right = shapes.sides[edge, 0], shapes.sides[edge, 1]
    # Each piece as seen from both sides, always with the grid on the left.
    start = np.concatenate([a[left >= 0], b[right >= 0]])
    end = np.concatenate([b[left >= 0], a[right >= 0]])
    grid = np.concatenate([left[left >= 0], right[right >= 0]])
    kind = shapes.kind[np.concatenate([edge[left >= 0], edge[right >= 0]])]
    middle = shapely.get_coordinates(shapely.centroid(shapes.land))
    bad = _unseen(start, end, grid, middle)
    if len(bad):
        circle = shapely.maximum_inscribed_circle(shapes.land[bad])
        middle[bad] = shapely.get_coordinates(circle).reshape(len(bad), -1, 2)[:, 0]
        bad = _unseen(start, end, grid, middle)
    keep = ~np.isin(grid, bad)
    parts = [(middle[grid[keep]], start[keep], end[keep], grid[keep], kind[keep])]
    for row in bad.tolist():
        # No point of this grid sees all of its border: any triangulation will do.
        pieces = shapely.get_parts(shapely.constrained_delaunay_triangles(shapes.land[row]))
        corners = shapely.get_coordinates(pieces).reshape(len(pieces), 4, 2)
        size = len(pieces)
        parts.append(
            (corners[:, 0], corners[:, 1], corners[:, 2], np.full(size, row), np.full(size, LANE))
        )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Sites(*columns)


def _unseen(start: Floats, end: Floats, grid: NDArray[np.int64], middle: Floats) -> Floats:
    """Return the grids whose middle does not see their whole border."""
    u, v = start - middle[grid], end - middle[grid]
    return np.unique(grid[u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0] <= 0.0])


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


Floats = NDArray[np.float64]

_TOLERANCE_M = 1.2


@dataclass(frozen=True)
class Shapes:
    """The blocks as they lie on the map.

    Parameters
    ----------
    edges
        Nodes at both ends of each edge, the smaller first, shape (m, 2).
    kind, street
        What each edge is and which street it belongs to, shape (m,).
    sides
        Grids to the left and right of each edge, -1 for none, shape (m, 2).
    lines
        Each edge as a line, shape (m,).
    nodes
        The nodes on the map, shape (n, 2).
    grids
        Polygons, out to the middle of the river, shape (g,).
    land
        The same without the river, shape (g,).
    bridges
        Lines over the water with the kind and street that cross there.
    river
        The water as a polygon.
    """

    edges: NDArray[np.int64]
    kind: NDArray[np.int64]
    street: NDArray[np.int64]
    sides: NDArray[np.int64]
    lines: NDArray[np.object_]
    nodes: Floats
    grids: NDArray[np.object_]
    land: NDArray[np.object_]
    bridges: list[tuple[shapely.LineString, int, int]]
    river: shapely.Polygon


def shape_blocks(blocks: Blocks, terrain: Terrain) -> Shapes:
    """Return the blocks on the map; block number i of the sorted blocks is grid i.

    The displacement is weakened until every polygon is valid; the first strength nearly
    always is.
    """
    for _ in range(8):
        shapes = _shape(blocks, terrain)
        if shapely.is_valid(shapes.grids).all() and shapely.coverage_is_valid(shapes.grids):
            return shapes
        terrain = replace(terrain, strength=0.8 * terrain.strength)
    message = "blocks fold at every strength of the displacement"
    raise RuntimeError(message)


def _shape(blocks: Blocks, terrain: Terrain) -> Shapes:
    order = {block: i for i, block in enumerate(sorted(blocks.rings))}
    pairs = [pair for pair in blocks.street_of if pair in blocks.left or pair[::-1] in blocks.left]
    edges = np.array(sorted(pairs), dtype=np.int64)
    street = np.array([blocks.street_of[a, b] for a, b in edges.tolist()])
    sides = np.array(
        [
            [
                order.get(blocks.left.get((a, b), -1), -1),
                order.get(blocks.left.get((b, a), -1), -1),
            ]
            for a, b in edges.tolist()
        ]
    )
    kind = np.array(blocks.streets)[street]
    plan = np.column_stack([blocks.xs, blocks.ys])
    nodes = terrain.bend(plan)
    lines = _curve(plan[edges[:, 0]], plan[edges[:, 1]], terrain)
    shore = _Shore(blocks, plan, edges[kind == BANK], terrain)
    land, grids = _close_rings(blocks, edges, lines, shore)
    return Shapes(
        edges,
        kind,
        street,
        sides,
        lines,
        nodes,
        grids,
        land,
        shore.bridges(nodes, terrain),
        _fill_river(edges, kind, lines, plan, terrain),
    )


def _curve(start: Floats, end: Floats, terrain: Terrain) -> NDArray[np.object_]:
    """Return straight pieces of the plan as the curves they become on the map."""
    length = np.hypot(*(end - start).T)
    steps = np.maximum(np.ceil(length / 55.0).astype(np.int64), 2)
    row = np.repeat(np.arange(len(start)), steps + 1)
    first = np.concatenate([[0], np.cumsum(steps + 1)[:-1]])
    share = ((np.arange(len(row)) - first[row]) / steps[row])[:, None]
    # Both ends exactly: an interpolated end may be off by a bit.
    points = np.where(share == 1.0, end[row], start[row] + share * (end[row] - start[row]))
    lines = shapely.linestrings(terrain.bend(points), indices=row)
    return np.asarray(shapely.simplify(lines, _TOLERANCE_M), dtype=object)


class _Shore:
    """The middle line of the river and where the borders of the banks meet it."""

    def __init__(
        self, blocks: Blocks, plan: Floats, bank: NDArray[np.int64], terrain: Terrain
    ) -> None:
        middle = terrain.river_y
        used = np.unique(bank)
        self.crossings = self._find_crossings(blocks, plan, used, middle)
        ends = {
            True: [n for n in used.tolist() if plan[n, 1] > middle],
            False: [n for n in used.tolist() if plan[n, 1] <= middle],
        }
        ties = [(a, b) for a, b, _, _ in self.crossings]
        ties += [
            (
                pick(ends[True], key=lambda n: plan[n, 0]),
                pick(ends[False], key=lambda n: plan[n, 0]),
            )
            for pick in (min, max)
        ]
        ties.sort(key=lambda tie: plan[tie[0], 0])
        centre = [0.5 * (plan[a, 0] + plan[b, 0]) for a, b in ties]
        self.x_of: dict[int, float] = {}
        for column, side in ((0, True), (1, False)):
            known = [plan[tie[column], 0] for tie in ties]
            found = np.interp(plan[ends[side], 0], known, centre)
            self.x_of.update(zip(ends[side], found.tolist(), strict=True))
        self.xs = np.unique(np.array(list(self.x_of.values())))
        stops = np.column_stack([self.xs, np.full(len(self.xs), middle)])
        self.lines = _curve(stops[:-1], stops[1:], terrain)

    @staticmethod
    def _find_crossings(
        blocks: Blocks, plan: Floats, used: NDArray[np.int64], middle: float
    ) -> list[tuple[int, int, int, int]]:
        """Return pairs of bank nodes that one main road or the railway joins."""
        by_street: dict[int, list[int]] = {}
        for node in used.tolist():
            for other in blocks.near[node]:
                street = blocks.street_of[(node, other) if node < other else (other, node)]
                if blocks.crosses(street):
                    by_street.setdefault(street, []).append(node)
        found = []
        for street, nodes in sorted(by_street.items()):
            north = [n for n in nodes if plan[n, 1] > middle]
            south = [n for n in nodes if plan[n, 1] <= middle]
            if len(north) == 1 and len(south) == 1:
                found.append((north[0], south[0], blocks.streets[street], street))
        return found

    def bridges(
        self, nodes: Floats, terrain: Terrain
    ) -> list[tuple[shapely.LineString, int, int]]:
        """Return the lines over the water, each with its kind and street."""
        found = []
        for a, b, kind, street in self.crossings:
            pier = terrain.bend(np.array([[self.x_of[a], terrain.river_y]]))
            line = shapely.LineString(np.concatenate([nodes[[a]], pier, nodes[[b]]]))
            found.append((line, kind, street))
        return found

    def path(self, a: int, b: int) -> list[Floats]:
        """Return the middle line's pieces between the places of two bank nodes."""
        i, j = (int(np.searchsorted(self.xs, self.x_of[n])) for n in (a, b))
        pieces = [shapely.get_coordinates(line) for line in self.lines[min(i, j) : max(i, j)]]
        return pieces if i <= j else [piece[::-1] for piece in pieces[::-1]]


def _close_rings(
    blocks: Blocks, edges: NDArray[np.int64], lines: NDArray[np.object_], shore: _Shore
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    coordinates, row = shapely.get_coordinates(lines, return_index=True)
    first = np.searchsorted(row, np.arange(len(lines) + 1))
    ways: dict[tuple[int, int], Floats] = {}
    for i, (a, b) in enumerate(edges.tolist()):
        way = coordinates[first[i] : first[i + 1]]
        ways[a, b], ways[b, a] = way, way[::-1]
    land, grids = [], []
    for block in sorted(blocks.rings):
        ring = blocks.rings[block]
        # Start a ring where no run of bank edges is cut in two.
        turns = [
            (a, b, blocks.kind(a, b) == BANK)
            for a, b in zip(ring, ring[1:] + ring[:1], strict=True)
        ]
        dry = [ways[a, b][:-1] for a, b, _ in turns]
        land.append(shapely.Polygon(np.concatenate(dry)))
        if not any(bank for _, _, bank in turns):
            grids.append(land[-1])
            continue
        start = next(i for i, turn in enumerate(turns) if turn[2] and not turns[i - 1][2])
        turns = turns[start:] + turns[:start]
        run = [turn for turn in turns if turn[2]]
        a, b = run[0][0], run[-1][1]
        wet = [ways[turns[-1][0], a][-1:], *shore.path(a, b)]
        rest = [ways[p, q][:-1] for p, q, bank in turns if not bank]
        grids.append(shapely.Polygon(_without_repeats(np.concatenate(wet + rest))))
    return np.array(land, dtype=object), np.array(grids, dtype=object)


def _without_repeats(points: Floats) -> Floats:
    keep = np.ones(len(points), dtype=bool)
    keep[1:] = (points[1:] != points[:-1]).any(axis=1)
    return points[keep]


def _fill_river(
    edges: NDArray[np.int64],
    kind: NDArray[np.int64],
    lines: NDArray[np.object_],
    plan: Floats,
    terrain: Terrain,
) -> shapely.Polygon:
    banks = []
    for north in (True, False):
        rows = [
            i
            for i in np.flatnonzero(kind == BANK).tolist()
            if (plan[edges[i, 0], 1] > terrain.river_y) == north
        ]
        rows.sort(key=lambda i: plan[edges[i], 0].min())
        parts = []
        for i in rows:
            way = shapely.get_coordinates(lines[i])
            ahead = plan[edges[i, 0], 0] < plan[edges[i, 1], 0]
            parts.append(way if ahead else way[::-1])
        banks.append(_without_repeats(np.concatenate(parts)))
    return shapely.Polygon(np.concatenate([banks[0], banks[1][::-1]]))
