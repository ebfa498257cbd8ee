"""From the plan to the map: curved streets, grid polygons, the river and its bridges."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.demo._blocks import BANK, Blocks
from gridmap.demo._terrain import Terrain

__all__ = ["Shapes", "shape_blocks"]

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
