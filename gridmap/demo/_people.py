"""Where people live on the plan: a cloud of points that the blocks are cut by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap.demo._terrain import SHARES, ZONES, Terrain

POINTS_PER_GRID = 48

__all__ = ["POINTS_PER_GRID", "scatter_people"]


def scatter_people(
    terrain: Terrain, grids: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
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
    parts: list[NDArray[np.float64]] = []
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
) -> NDArray[np.float64]:
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


def _draw_places(terrain: Terrain, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return middles of market towns, apart from each other and from the towns."""
    chosen: list[NDArray[np.float64]] = []
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
) -> NDArray[np.float64]:
    """Return points that are half spread evenly, half gathered in villages."""
    half = np.array([terrain.half_width, terrain.half_height]) * 1.05
    even = rng.uniform(-1, 1, (count // 2, 2)) * half
    villages = rng.uniform(-1, 1, (max(8, grids // 4), 2)) * half
    middle = villages[rng.integers(0, len(villages), count - count // 2)]
    return np.concatenate([even, middle + _disc(len(middle), 420.0, rng)])


def _disc(count: int, radius_m: float, rng: np.random.Generator) -> NDArray[np.float64]:
    turn = rng.uniform(0, 2 * np.pi, count)
    reach = radius_m * np.sqrt(rng.uniform(0, 1, count)) * (1 + 0.12 * rng.normal(size=count))
    return np.column_stack([reach * np.cos(turn), reach * np.sin(turn)])


def _inside_convex(points: NDArray[np.float64], outline: NDArray[np.float64]) -> NDArray[np.bool_]:
    inside = np.ones(len(points), dtype=bool)
    for (ax, ay), (bx, by) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        inside &= (bx - ax) * (points[:, 1] - ay) - (by - ay) * (points[:, 0] - ax) >= 0
    return inside
