"""From the plan to the map: grid polygons, river and bridges, the street network, and sites.

Streets are pieces between crossings with class and speed; a site, where something can happen, is
a triangle between a grid's middle and its streets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, count, product

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.demo._plan import (
    BANK,
    BRANCH,
    LANE,
    MAIN,
    MINOR,
    POINTS_PER_GRID,
    RAIL,
    SHARES,
    ZONES,
    Blocks,
    Terrain,
)
from gridmap.typing import Bools, Floats, Ints


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
    grid: Ints
    kind: Ints

    @property
    def length_m(self) -> Floats:
        """Length of each piece of street, shape (t,)."""
        return np.asarray(np.hypot(*(self.end - self.start).T))

    @property
    def depth_m(self) -> Floats:
        """Distance of the apex from the middle of the piece, shape (t,)."""
        return np.asarray(np.hypot(*(self.apex - 0.5 * (self.start + self.end)).T))

    def place(self, row: Ints, out: Floats, along: Floats) -> Floats:
        """Return points of the triangles: 0 to 1 from the apex out, and along the piece."""
        edge = self.start[row] + along[:, None] * (self.end[row] - self.start[row])
        apex = self.apex[row]
        return np.asarray(apex + out[:, None] * (edge - apex))


def find_sites(shapes: BlockShapes) -> Sites:
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


def _unseen(start: Floats, end: Floats, grid: Ints, middle: Floats) -> Floats:
    """Return the grids whose middle does not see their whole border."""
    u, v = start - middle[grid], end - middle[grid]
    return np.unique(grid[u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0] <= 0.0])


_CLASS = {
    MAIN: ("主干路", 60.0), MINOR: ("次干路", 40.0), BANK: ("次干路", 40.0),
    BRANCH: ("支路", 30.0), LANE: ("巷", 20.0),
}  # fmt: skip
_OVERPASS_M = 30.0  # half the length of a road bridge over the railway


def make_roads(
    shapes: BlockShapes, census: Census, crs: CRS, rng: np.random.Generator
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


def make_barriers(shapes: BlockShapes, crs: CRS) -> gpd.GeoDataFrame:
    """Return the river as a polygon and the railway as a line, with ``id, name, class``."""
    rails = list(shapes.lines[shapes.kind == RAIL])
    rails += [line for line, kind, _ in shapes.bridges if kind == RAIL]
    railway = shapely.line_merge(shapely.union_all(rails))
    return gpd.GeoDataFrame(
        {"id": ["B1", "B2"], "name": ["清河", "示例铁路"], "class": ["河流", "铁路"]},
        geometry=[shapes.river, railway],
        crs=crs,
    )


def _kept_edges(shapes: BlockShapes, census: Census, rng: np.random.Generator) -> Ints:
    """Return the edges that are roads, without field paths and isolated pieces."""
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
    shapes: BlockShapes,
    kept: Ints,
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


def _cut_line(line: shapely.LineString, at_m: float) -> tuple[Floats, shapely.LineString]:
    """Return the points up to a distance along a line, and the rest of the line."""
    points = shapely.get_coordinates(line)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    step = int(np.searchsorted(along, at_m, side="left"))
    stop = np.round(shapely.get_coordinates(shapely.line_interpolate_point(line, at_m)), 2)
    near = np.concatenate([points[:step], stop])
    rest = np.concatenate([stop, points[step + (along[step] <= at_m) :]])
    return near, shapely.LineString(rest)


def _urban_share(shapes: BlockShapes, census: Census, kept: Ints, count: int) -> Floats:
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


_TOLERANCE_M = 1.2


@dataclass(frozen=True)
class BlockShapes:
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

    edges: Ints
    kind: Ints
    street: Ints
    sides: Ints
    lines: NDArray[np.object_]
    nodes: Floats
    grids: NDArray[np.object_]
    land: NDArray[np.object_]
    bridges: list[tuple[shapely.LineString, int, int]]
    river: shapely.Polygon


def shape_blocks(blocks: Blocks, terrain: Terrain) -> BlockShapes:
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


def _shape(blocks: Blocks, terrain: Terrain) -> BlockShapes:
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
    return BlockShapes(
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

    def __init__(self, blocks: Blocks, plan: Floats, bank: Ints, terrain: Terrain) -> None:
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
        blocks: Blocks, plan: Floats, used: Ints, middle: float
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
    blocks: Blocks, edges: Ints, lines: NDArray[np.object_], shore: _Shore
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
    edges: Ints, kind: Ints, lines: NDArray[np.object_], plan: Floats, terrain: Terrain
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


# -- who lives where and what places are called: points that blocks are cut by, counts, names


CITY_NAME = "示例市"

_MAIN = "人民路 建设大道 解放路 迎宾大道 中心大街 环城东路 环城西路 环城北路 环城南路 工业大道"
_STREETS = (
    "朝阳 和平 文化 新华 光明 团结 胜利 友谊 青年 育才 幸福 长青 丰收 振兴 创业 科技 学府 体育 "
    "公园 广场 站前 东风 红旗 前进 民主 兴业 富民 安康 永安 长宁 康乐 书院 鼓楼 钟楼 文庙 南门 "
    "北门 东门 西门 临江 望江 沿河 石桥 柳荫 桂花 梅园 竹林 松涛 银杏 槐荫 百花 明珠 星光 "
    "彩虹 金桥 龙泉 凤凰 翠湖 碧波 云山 麒麟 大成 同心 远景 惠民"
)
_TOWN = (
    "和平 春光 建设 朝阳 新华 光明 团结 胜利 友谊 青年 育才 幸福 长青 振兴 文化 鼓楼 钟楼 书院 "
    "文庙 东门 西门 南门 北门 站前 临江 滨河 石桥 桂花 梅园 竹苑 百花 明珠 星光 金桥 翠湖 碧波 "
    "同心 惠民 安康 永安 长宁 康乐 锦绣 阳光 丽景 学府 公园 广场 东风 红旗 前进 兴业"
)
_TREES = (
    "柳树 桃园 杨树 槐树 枣林 梨花 石桥 沙河 清水 白杨 "
    "松林 竹山 莲塘 荷花 麦香 稻香 东岗 西岗 南湾 北湾"
)
_FRONT = "上下前后东西南北大小新老"
_BACK = "湾岗塘坡沟桥洼庄营集渡台"


def _endless(plain: list[str], first: str, last: str) -> Iterator[str]:
    """Yield the plain names, then combinations, then names with a number; none twice."""
    seen: set[str] = set()
    made = chain(
        plain,
        (front + name for front, name in product(first, plain)),
        (name + back for name, back in product(plain, last)),
        (name + ordinal(number) for number in count(2) for name in plain),
    )
    for name in made:
        if name not in seen:
            seen.add(name)
            yield name


def _shuffled(names: list[str], rng: np.random.Generator) -> list[str]:
    return [names[i] for i in rng.permutation(len(names))]


def ordinal(number: int) -> str:
    """Return a number from 1 in Chinese, as beats are numbered.

    >>> ordinal(3), ordinal(12), ordinal(120)
    ('三', '十二', '120')
    """
    digits = "零一二三四五六七八九"
    if number > 99:
        return str(number)
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else ("十" if tens == 1 else digits[tens] + "十")
    return head + (digits[ones] if ones or not tens else "")


def town_names(rng: np.random.Generator) -> Iterator[str]:
    """Yield names for communities in town, without repeats, for ever."""
    return (
        name + "社区" for name in _endless(_shuffled(_TOWN.split(), rng), "新东西南北", "园苑里")
    )


def village_names(rng: np.random.Generator) -> Iterator[str]:
    """Yield names for villages, without repeats, for ever."""
    return (name + "村" for name in _endless(_shuffled(_TREES.split(), rng), _FRONT, _BACK))


def street_names(kind: str, rng: np.random.Generator) -> Iterator[str]:
    """Yield names for streets of a class, without repeats within it, for ever."""
    if kind == "主干路":
        return _endless(_MAIN.split(), "东西南北", "一二三")
    tail = {"次干路": "路", "支路": "街", "巷": "巷"}[kind]
    return (
        name + tail
        for name in _endless(_shuffled(_STREETS.split(), rng), "东西南北中新", "里坊苑园")
    )


def station_names(places: list[tuple[float, float, bool]]) -> list[str]:
    """Return a name for each station by where it lies.

    Parameters
    ----------
    places
        Offset from the city's middle to the east and north, in any unit, and whether the
        station holds the old core.
    """
    sides = ["城东", "城东北", "城北", "城西北", "城西", "城西南", "城南", "城东南"]
    further = _endless(_STREETS.split(), "新上下", "桥集")
    used: set[str] = set()
    names = []
    for east, north, core in places:
        turn = np.arctan2(north, east) / (np.pi / 4)
        off = [abs((turn - side + 4.0) % 8.0 - 4.0) for side in range(8)]
        # The nearest side that is free and not behind the city's back; else a street's name.
        wishes = [sides[side] for side in np.argsort(off, kind="stable")[:4]]
        stem = "城关" if core else next((wish for wish in wishes if wish not in used), "")
        while not stem or stem in used:
            stem = next(further)
        used.add(stem)
        names.append(f"{stem}派出所")
    return names


def scatter_people(
    terrain: Terrain, grids: int, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.int8]]:
    """Return points of equal weight and the zone that each belongs to.

    A grid is a block with about `POINTS_PER_GRID` of them, so blocks come out small where
    points are dense.

    Returns
    -------
    points
        On the plan, shape (n, 2), inside the outline.
    zone
        Index into ``ZONES``, shape (n,).
    """
    total = grids * POINTS_PER_GRID
    share = np.array([town.grids for town in terrain.towns])
    share = share / share.sum()
    parts: list[Floats] = []
    zones: list[NDArray[np.int8]] = []
    for zone, name in enumerate(ZONES):
        count = int(total * SHARES[zone])
        if name == "satellite":
            places = _draw_places(terrain, max(2, round(grids / 110)), rng)
            middle = places[rng.integers(0, len(places), count)]
            points = middle + _disc(count, 640.0 * min(1.0, terrain.half_width / 6500.0), rng)
        elif name == "rural":
            points = _draw_countryside(terrain, count, grids, rng)
        else:
            points = np.concatenate(
                [
                    _draw_in_town(terrain, index, name, round(count * share[index]), rng)
                    for index in range(len(terrain.towns))
                ]
            )
        parts.append(points)
        zones.append(np.full(len(points), zone, dtype=np.int8))
    points = np.concatenate(parts)
    zone_of = np.concatenate(zones)
    inside = _inside_convex(points, terrain.outline)
    inside &= np.abs(points[:, 1] - terrain.river_y) > terrain.river_half
    return points[inside], zone_of[inside]


def _draw_in_town(
    terrain: Terrain, index: int, zone: str, count: int, rng: np.random.Generator
) -> Floats:
    town = terrain.towns[index]
    if zone == "core":
        return np.add(_disc(count, town.core_m, rng), (town.x, town.y))
    if zone == "new":
        spread = _disc(count, town.new_m, rng) * (1.12, 0.9)
        return np.add(spread, (town.new_x, town.new_y))
    # Industry lies along the railway where that passes the main town, else in a patch.
    along = rng.uniform(-1.7, 0.9, count) * town.new_m
    aside = rng.uniform(0.05, 0.75, count) * town.core_m
    if index == 0:
        x, y, dx, dy = terrain.rail
        return np.column_stack([x + along * dx - aside * dy, y + along * dy + aside * dx])
    return np.add(_disc(count, 0.5 * town.new_m, rng), (town.x + 0.9 * town.new_m, town.y))


def _draw_places(terrain: Terrain, count: int, rng: np.random.Generator) -> Floats:
    """Return middles of market towns, apart from each other and from the towns."""
    chosen: list[Floats] = []
    half = np.array([terrain.half_width, terrain.half_height])
    for _ in range(count):
        tries = rng.uniform(-0.82, 0.82, (16, 2)) * half
        gap = np.full(len(tries), np.inf)
        for town in terrain.towns:
            away = np.hypot(tries[:, 0] - town.new_x, tries[:, 1] - town.new_y) - town.new_m
            gap = np.minimum(gap, away)
        for place in chosen[-60:]:
            gap = np.minimum(gap, np.hypot(*(tries - place).T))
        gap = np.minimum(gap, 4 * (np.abs(tries[:, 1] - terrain.river_y) - terrain.river_half))
        chosen.append(tries[int(np.argmax(np.minimum(gap, 2600.0)))])
    return np.array(chosen)


def _draw_countryside(
    terrain: Terrain, count: int, grids: int, rng: np.random.Generator
) -> Floats:
    """Return points that are half spread evenly, half gathered in villages."""
    half = np.array([terrain.half_width, terrain.half_height]) * 1.05
    even = rng.uniform(-1, 1, (count // 2, 2)) * half
    villages = rng.uniform(-1, 1, (max(8, grids // 4), 2)) * half
    middle = villages[rng.integers(0, len(villages), count - count // 2)]
    return np.concatenate([even, middle + _disc(len(middle), 420.0, rng)])


def _disc(count: int, radius_m: float, rng: np.random.Generator) -> Floats:
    turn = rng.uniform(0, 2 * np.pi, count)
    reach = radius_m * np.sqrt(rng.uniform(0, 1, count)) * (1 + 0.12 * rng.normal(size=count))
    return np.column_stack([reach * np.cos(turn), reach * np.sin(turn)])


def _inside_convex(points: Floats, outline: Floats) -> Bools:
    inside = np.ones(len(points), dtype=bool)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        inside &= (bx - ax) * (points[:, 1] - ay) - (by - ay) * (points[:, 0] - ax) >= 0
    return inside


# People for each grid's worth of points, by zone: residents, migrants as a share of them,
# persons in a household.
_RESIDENTS = (1120.0, 1040.0, 760.0, 300.0, 430.0)
_MIGRANTS = (0.14, 0.12, 0.06, 1.6, 0.015)
_PERSONS = (2.45, 2.75, 2.9, 2.2, 3.1)


@dataclass(frozen=True)
class Census:
    """Counts by grid, all of shape (g,).

    Parameters
    ----------
    residents, migrants, households
        Whole numbers.
    zone
        Index into ``ZONES``: the ground that most of the grid's people stand on.
    urban
        Share of the grid's people who live in town.
    """

    residents: Ints
    migrants: Ints
    households: Ints
    zone: Ints
    urban: Floats


def count_people(
    blocks: Blocks, terrain: Terrain, zone: NDArray[np.int8], rng: np.random.Generator
) -> Census:
    """Return the people of each grid, in the order of the sorted blocks."""
    order = sorted(blocks.rings)
    mix = np.array(
        [np.bincount(zone[blocks.people[block]], minlength=len(ZONES)) for block in order],
        dtype=float,
    )
    size = np.maximum(mix.sum(axis=1), 1.0)
    middle = np.array(
        [
            (
                np.mean([blocks.xs[n] for n in blocks.rings[b]]),
                np.mean([blocks.ys[n] for n in blocks.rings[b]]),
            )
            for b in order
        ]
    )
    count = len(order)
    residents = mix @ np.array(_RESIDENTS) / POINTS_PER_GRID
    residents *= np.exp(rng.normal(0.0, 0.24, count))
    ground = mix.argmax(axis=1)
    # Parks, schools, offices and works: blocks where hardly anybody lives.
    quiet = (rng.uniform(0, 1, count) < 0.05) & (ground <= 1)
    residents *= np.where(quiet, rng.uniform(0.04, 0.3, count), 1.0)
    share = mix @ np.array(_MIGRANTS) / size
    x, y, dx, dy = terrain.rail
    station = (x + 0.15 * terrain.towns[0].core_m * dx, y + 0.15 * terrain.towns[0].core_m * dy)
    away = np.hypot(middle[:, 0] - station[0], middle[:, 1] - station[1])
    share += 0.7 * np.exp(-((away / (0.6 * terrain.towns[0].core_m)) ** 2)) * (ground != 4)
    share *= np.exp(rng.normal(0.0, 0.45, count))
    persons = mix @ np.array(_PERSONS) / size * np.exp(rng.normal(0.0, 0.05, count))
    whole = np.rint(residents).astype(np.int64)
    return Census(
        residents=whole,
        migrants=np.rint(residents * share).astype(np.int64),
        households=np.rint(whole / np.maximum(persons, 1.5)).astype(np.int64),
        zone=ground,
        urban=1.0 - mix[:, 4] / size,
    )
