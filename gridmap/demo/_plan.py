"""Drawing the streets of the made-up city: river banks, railway, main roads, then lanes."""

from __future__ import annotations

import heapq
import math

import numpy as np
from numpy.typing import NDArray

from gridmap.demo._blocks import BANK, BRANCH, LANE, LIMIT, MAIN, MINOR, RAIL, Blocks, Cut
from gridmap.demo._people import POINTS_PER_GRID
from gridmap.demo._terrain import ZONES, Terrain

__all__ = ["draw_blocks"]

# By zone: how much streets lean (radians), how far they reach to meet a crossing street
# (share of the block's size).
_LEAN = (0.15, 0.035, 0.06, 0.02, 0.20)
_SNAP = (0.13, 0.30, 0.22, 0.24, 0.14)
_SMALLEST_M2 = 3000.0
_FRAYED = 0.045  # share of blocks taken off the rim again, so that the limit is no smooth oval


def draw_blocks(
    terrain: Terrain,
    points: NDArray[np.float64],
    zone: NDArray[np.int8],
    *,
    grids: int,
    communities: int,
    rng: np.random.Generator,
) -> Blocks:
    """Return the plan cut into exactly the number of blocks asked for.

    Parameters
    ----------
    terrain, points, zone
        The ground and the people on it.
    grids
        Number of blocks wanted.
    communities
        Number of blocks at which each block is remembered as the elder of all that it is
        cut into later: the seeds of communities.
    rng
        Source of every choice.
    """
    blocks = _draw_shores(terrain, points)
    _draw_railway(blocks, terrain, points)
    _draw_main_roads(blocks, terrain, points, rng)
    heap = [(-float(len(people)), block) for block, people in blocks.people.items()]
    heapq.heapify(heap)
    seeds = min(max(communities, len(blocks.rings)), grids)
    spare = round(_FRAYED * grids)
    while len(blocks.rings) < grids + spare and heap:
        if len(blocks.rings) == seeds:
            blocks.elder.update({block: block for block in blocks.rings})
        _, block = heapq.heappop(heap)
        for part in _halve(blocks, block, points, zone, rng):
            if abs(blocks.area(blocks.rings[part])) > _SMALLEST_M2:
                heapq.heappush(heap, (-float(len(blocks.people[part])), part))
    _fray(blocks, zone, len(blocks.rings) - grids, rng)
    return blocks


def _draw_shores(terrain: Terrain, points: NDArray[np.float64]) -> Blocks:
    blocks = Blocks()
    limit = blocks.add_street(LIMIT)
    ring = [blocks.add_node(float(x), float(y)) for x, y in terrain.outline]
    for a, b in _edges(ring):
        blocks.link(a, b, limit)
    whole = blocks.add_ring(ring, np.arange(len(points)))
    for level in (terrain.river_y + terrain.river_half, terrain.river_y - terrain.river_half):
        cut = Cut(0.0, level, 1.0, 0.0, blocks.add_street(BANK), 0.0, through=True)
        places = blocks.find_ends(whole, cut, 0.0)
        if places is None:  # the outline is convex and the river runs through its middle
            message = "the river misses the outline"
            raise RuntimeError(message)
        parts = blocks.divide(whole, places, cut.street, points)
        whole = min(parts, key=lambda part: np.mean([blocks.ys[n] for n in blocks.rings[part]]))
    water = next(
        block
        for block, ring in blocks.rings.items()
        if max(abs(blocks.ys[n] - terrain.river_y) for n in ring) < terrain.river_half + 1e-6
    )
    blocks.drop(water)
    return blocks


def _draw_railway(blocks: Blocks, terrain: Terrain, points: NDArray[np.float64]) -> None:
    x, y, dx, dy = terrain.rail
    _draw_line(blocks, Cut(x, y, dx, dy, blocks.add_street(RAIL), 1e-3, through=True), points)


def _draw_main_roads(
    blocks: Blocks, terrain: Terrain, points: NDArray[np.float64], rng: np.random.Generator
) -> None:
    main = terrain.towns[0]
    scale = min(1.0, terrain.half_width / 6500.0)
    reach = 30.0 * scale
    step = 4100.0 * scale
    wide, high = 0.9 * terrain.half_width, 0.85 * terrain.half_height
    tilt = math.atan2(terrain.rail[3], terrain.rail[2])
    down = [-1.12, 0.22, 1.5] if terrain.half_width > 4000 else [-0.7, 1.1]
    xs = [main.x + main.core_m * share for share in down]
    xs += _beyond(min(xs), max(xs), step, wide, rng)
    for x in xs:
        lean = rng.uniform(-0.09, 0.09)
        cut = Cut(
            x, main.y, math.sin(lean), math.cos(lean), blocks.add_street(MAIN), reach, through=True
        )
        _draw_line(blocks, cut, points)
    levels = [(main.y + 0.12 * main.core_m, 0.03), (terrain.river_y - 1.0 * main.core_m, -0.05)]
    ys = [level for level, _ in levels]
    top = main.y + 2.7 * main.core_m
    if top < high:
        levels.append((top, tilt))
        ys.append(top)
    levels += [
        (y, tilt if y > main.y else rng.uniform(-0.08, 0.08))
        for y in _beyond(min(ys), max(ys), step, high, rng)
    ]
    for y, lean in levels:
        street = blocks.add_street(MAIN)
        cut = Cut(main.x, y, math.cos(lean), math.sin(lean), street, reach, through=True)
        _draw_line(blocks, cut, points)


def _beyond(
    low: float, high: float, step: float, limit: float, rng: np.random.Generator
) -> list[float]:
    """Return further positions outward of a range, unevenly spaced, inside a limit."""
    found = []
    for start, sign in ((low, -1.0), (high, 1.0)):
        at = start + sign * step * rng.uniform(0.6, 0.9)
        while abs(at) < limit:
            found.append(at)
            at += sign * step * rng.uniform(0.8, 1.3)
    return found


def _draw_line(blocks: Blocks, cut: Cut, points: NDArray[np.float64]) -> None:
    """Cut every block that a line crosses, but leave no slivers away from the banks."""
    for block in list(blocks.rings):
        places = blocks.find_ends(block, cut, 0.0)
        if places is None:
            continue
        first, second = blocks.part(block, places)
        if min(len(first), len(second)) < 3:
            continue
        ring = blocks.rings[block]
        ends = [(ring[i], ring[(i + 1) % len(ring)]) for i, _ in places]
        at_bank = any(blocks.kind(a, b) == BANK for a, b in ends)
        share = _shares(blocks, block, places)
        if min(share) < (0.02 if at_bank else 0.06):
            continue
        blocks.divide(block, places, cut.street, points)


def _shares(blocks: Blocks, block: int, places: list[tuple[int, float]]) -> tuple[float, float]:
    """Return the shares of a block's area on both sides of a chord."""
    ring = blocks.rings[block]
    ends = []
    for i, share in places:
        a, b = ring[i], ring[(i + 1) % len(ring)]
        ends.append(
            (
                blocks.xs[a] + share * (blocks.xs[b] - blocks.xs[a]),
                blocks.ys[a] + share * (blocks.ys[b] - blocks.ys[a]),
            )
        )
    first, _ = blocks.part(block, places)
    corner = {-1: ends[0], -2: ends[1]}
    shape = [corner[n] if n < 0 else (blocks.xs[n], blocks.ys[n]) for n in first]
    area = 0.0
    for (ax, ay), (bx, by) in zip(shape, shape[1:] + shape[:1], strict=True):
        area += ax * by - bx * ay
    share = 0.5 * area / blocks.area(ring)
    return share, 1.0 - share


def _halve(
    blocks: Blocks,
    block: int,
    points: NDArray[np.float64],
    zone: NDArray[np.int8],
    rng: np.random.Generator,
) -> tuple[int, ...]:
    ring, people = blocks.rings[block], blocks.people[block]
    ground = int(np.argmax(np.bincount(zone[people], minlength=len(ZONES)))) if len(people) else 4
    weight = len(people) / POINTS_PER_GRID
    kind = MINOR if weight > 14 else BRANCH if weight > 3.4 else LANE
    size = math.sqrt(blocks.area(ring))
    cx, cy, long_x, long_y, low, high = _axis(blocks, ring)
    if len(people):
        along = (points[people, 0] - cx) * long_x + (points[people, 1] - cy) * long_y
        middle = float(np.median(along))
    else:
        middle = 0.0
    aim = 0.5 * (0.5 * (low + high)) + 0.5 * middle
    for attempt in range(8):
        loose = attempt >= 5
        spread = (0.06 + 0.05 * attempt) * (high - low)
        at = aim + rng.uniform(-spread, spread)
        at = min(max(at, low + 0.32 * (high - low)), high - 0.32 * (high - low))
        dx, dy = _heading(blocks, ring, -long_y, long_x)
        lean = rng.normal(0.0, _LEAN[ground])
        dx, dy = (
            dx * math.cos(lean) - dy * math.sin(lean),
            dx * math.sin(lean) + dy * math.cos(lean),
        )
        cut = Cut(
            cx + at * long_x, cy + at * long_y, dx, dy, -1, 0.0 if loose else _SNAP[ground] * size
        )
        places = blocks.find_ends(block, cut, 0.24 * size)
        if places is None:
            continue
        if min(map(len, blocks.part(block, places))) < 3:
            continue
        if min(_shares(blocks, block, places)) < (0.15 if loose else 0.27):
            continue
        street = _street_for(blocks, ring, places, kind)
        return blocks.divide(block, places, street, points)
    return ()


def _fray(blocks: Blocks, zone: NDArray[np.int8], count: int, rng: np.random.Generator) -> None:
    """Take blocks off the rim, none that would leave a hole or cut the city in two.

    A block may go when it meets the outside in one stretch of its border and nowhere else,
    and touches neither bank nor railway. Blocks left standing out go first.
    """
    rim = [block for block, ring in blocks.rings.items() if _outside(blocks, ring)]
    outer = {
        node for block in rim for edge in _outside(blocks, blocks.rings[block]) for node in edge
    }
    rim = [rim[i] for i in rng.permutation(len(rim))]
    built: list[int] = []
    while count > 0 and (rim or built):
        block = rim.pop() if rim else built.pop()
        ring = blocks.rings.get(block)
        if ring is None:
            continue
        open_edges = _outside(blocks, ring)
        kinds = {blocks.kind(a, b) for a, b in _edges(ring)}
        met = {node for node in ring if node in outer}
        if kinds & {BANK, RAIL} or not _one_stretch(open_edges) or len(met) > len(open_edges) + 1:
            continue
        town = int((zone[blocks.people[block]] != len(ZONES) - 1).sum())
        if 2 * town > len(blocks.people[block]) and rim:
            built.append(block)
            continue
        beside = dict.fromkeys(blocks.left[b, a] for a, b in _edges(ring) if (b, a) in blocks.left)
        blocks.drop(block)
        outer.update(ring)
        count -= 1
        for other in beside:
            if _exposure(blocks, blocks.rings[other]) > 0.5:
                rim.append(other)
            else:
                rim.insert(0, other)
    if count:
        message = "the rim has too few blocks to take off"
        raise RuntimeError(message)


def _exposure(blocks: Blocks, ring: list[int]) -> float:
    """Return the share of a ring's length that borders on the outside."""

    def length(edges: list[tuple[int, int]]) -> float:
        return sum(
            math.hypot(blocks.xs[b] - blocks.xs[a], blocks.ys[b] - blocks.ys[a]) for a, b in edges
        )

    return length(_outside(blocks, ring)) / length(_edges(ring))


def _edges(ring: list[int]) -> list[tuple[int, int]]:
    return list(zip(ring, [*ring[1:], ring[0]], strict=True))


def _outside(blocks: Blocks, ring: list[int]) -> list[tuple[int, int]]:
    """Return the edges of a ring that no other block shares, in their order."""
    return [(a, b) for a, b in _edges(ring) if (b, a) not in blocks.left]


def _one_stretch(edges: list[tuple[int, int]]) -> bool:
    """Return whether edges of a ring follow each other without a gap."""
    starts = {a for a, _ in edges}
    return sum(b not in starts for _, b in edges) == 1


def _street_for(
    blocks: Blocks, ring: list[int], places: list[tuple[int, float]], kind: int
) -> int:
    """Return the street that a chord carries on, or a new one."""
    members = set(ring)
    for (i, share), (j, other) in (places, places[::-1]):
        if share > 0:
            continue
        node, far = ring[i], ring[j]
        dx = blocks.xs[node] - blocks.xs[far]
        dy = blocks.ys[node] - blocks.ys[far]
        if other > 0:
            nxt = ring[(j + 1) % len(ring)]
            dx -= other * (blocks.xs[nxt] - blocks.xs[far])
            dy -= other * (blocks.ys[nxt] - blocks.ys[far])
        length = math.hypot(dx, dy)
        street = blocks.continued(node, dx / length, dy / length, members)
        if street is not None and blocks.streets[street] == kind:
            return street
    return blocks.add_street(kind)


def _axis(blocks: Blocks, ring: list[int]) -> tuple[float, float, float, float, float, float]:
    """Return a block's centre, its long axis and its extent along that axis."""
    xs = [blocks.xs[n] for n in ring]
    ys = [blocks.ys[n] for n in ring]
    x0, y0 = xs[0], ys[0]
    area = mx = my = sxx = syy = sxy = 0.0
    for i in range(len(ring)):
        ax, ay = xs[i - 1] - x0, ys[i - 1] - y0
        bx, by = xs[i] - x0, ys[i] - y0
        cross = ax * by - bx * ay
        area += cross
        mx += cross * (ax + bx)
        my += cross * (ay + by)
        sxx += cross * (ax * ax + ax * bx + bx * bx)
        syy += cross * (ay * ay + ay * by + by * by)
        sxy += cross * (ax * by + 2 * ax * ay + 2 * bx * by + bx * ay)
    cx, cy = mx / (3 * area), my / (3 * area)
    sxx = sxx / (6 * area) - cx * cx
    syy = syy / (6 * area) - cy * cy
    sxy = sxy / (12 * area) - cx * cy
    angle = 0.5 * math.atan2(2 * sxy, sxx - syy)
    dx, dy = math.cos(angle), math.sin(angle)
    reach = [(x - x0 - cx) * dx + (y - y0 - cy) * dy for x, y in zip(xs, ys, strict=True)]
    return x0 + cx, y0 + cy, dx, dy, min(reach), max(reach)


def _heading(blocks: Blocks, ring: list[int], dx: float, dy: float) -> tuple[float, float]:
    """Return a direction turned to run along with the block's own sides."""
    sum_x, sum_y = 0.35 * dx, 0.35 * dy
    total = 0.0
    for i in range(len(ring)):
        a, b = ring[i - 1], ring[i]
        ux, uy = blocks.xs[b] - blocks.xs[a], blocks.ys[b] - blocks.ys[a]
        length = math.hypot(ux, uy)
        dot = ux * dx + uy * dy
        if abs(dot) > 0.75 * length:
            sign = 1.0 if dot > 0 else -1.0
            sum_x += sign * ux * abs(dot) / length
            sum_y += sign * uy * abs(dot) / length
            total += length
    sum_x += 0.25 * total * dx
    sum_y += 0.25 * total * dy
    norm = math.hypot(sum_x, sum_y)
    return sum_x / norm, sum_y / norm
