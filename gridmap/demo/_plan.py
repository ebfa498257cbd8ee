"""The plan of the made-up city: its ground, and the streets that cut it into blocks.

Everything is laid out on a flat plan in metres on which the river is a straight strip and
main roads are straight lines. `Terrain.bend` then carries the plan to the map: a smooth
one-to-one displacement that makes the river wind and the streets curve. Blocks that are
convex on the plan therefore stay whole on the map, and neighbours keep sharing their
borders to the last bit.

Blocks are cut by one chord after the other, which becomes a piece of street; the block's
neighbours take its ends into their own borders, so every border is shared node for node. Cuts
go to the heaviest block until the number asked for is reached: river banks, railway and main
roads first, lanes last.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gridmap.typing import Floats, Ints

POINTS_PER_GRID = 48  # people that a grid is cut for

# Kinds of ground and, for each, the share of the grids that lie on it and the usual area of
# one grid there in km2.
ZONES = ("core", "new", "satellite", "industry", "rural")
SHARES = (0.25, 0.38, 0.07, 0.06, 0.24)
_GRID_KM2 = (0.045, 0.12, 0.14, 0.28, 1.10)

_BEARING = np.radians(-14.0)  # the plan's first axis on the map
_ORIGIN_M = (512_400.0, 3_381_600.0)  # EPSG:4547, where the plan's origin comes to lie
_RIVER_WIDTH_M = 150.0


@dataclass(frozen=True)
class Town:
    """One built-up place on the plan.

    Parameters
    ----------
    x, y
        Middle of the old core, metres on the plan.
    grids
        Number of grids expected in the place.
    core_m, new_m
        Radii of the old core and of the newer districts around it.
    new_x, new_y
        Middle of the newer districts, off the core's.
    """

    x: float
    y: float
    grids: float
    core_m: float
    new_m: float
    new_x: float
    new_y: float


@dataclass(frozen=True)
class Terrain:
    """The plan: outline, river, railway, towns and how the plan bends.

    Parameters
    ----------
    outline
        Corners of the convex outline, counter-clockwise, shape (n, 2).
    half_width, half_height
        Half the extent of the plan.
    river_y, river_half
        Axis and half width of the river, a strip along the first axis.
    rail
        A point of the railway and its direction: x, y, dx, dy.
    towns
        Built-up places, the main town first.
    waves
        Plane waves of the displacement, one a row: wave vector x, y, phase, amplitude x, y
        and which mask it takes (0 none, 1 town cores, 2 countryside).
    strength
        Factor on the displacement, 1 unless blocks had folded.
    """

    outline: Floats
    half_width: float
    half_height: float
    river_y: float
    river_half: float
    rail: tuple[float, float, float, float]
    towns: tuple[Town, ...]
    waves: Floats
    meander: tuple[float, float, float]
    strength: float = 1.0

    def bend(self, points: Floats) -> Floats:
        """Return where points of the plan, shape (n, 2), lie on the map (EPSG:4547)."""
        x, y = points[:, 0], points[:, 1]
        shift = np.zeros_like(points)
        masks = self._masks(x, y)
        for kx, ky, phase, ax, ay, mask in self.waves:
            wave = np.sin(kx * x + ky * y + phase)
            if mask:
                wave *= masks[int(mask) - 1]
            shift[:, 0] += ax * wave
            shift[:, 1] += ay * wave
        swing, pace, phase = self.meander
        reach = ((y - self.river_y) / 2600.0) ** 2
        swinging = np.sin(pace * x + phase) + 0.4 * np.sin(2.3 * pace * x + 1.7 * phase)
        shift[:, 1] += swing * swinging / (1.0 + reach)
        moved = points + self.strength * shift
        cos, sin = np.cos(_BEARING), np.sin(_BEARING)
        east = _ORIGIN_M[0] + cos * moved[:, 0] - sin * moved[:, 1]
        north = _ORIGIN_M[1] + sin * moved[:, 0] + cos * moved[:, 1]
        # Whole centimetres: the last bits of a sine differ between machines, the city does not.
        return np.round(np.column_stack([east, north]), 2)

    def _masks(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        core = np.zeros_like(x)
        built = np.zeros_like(x)
        for town in self.towns:
            far = ((x - town.x) ** 2 + (y - town.y) ** 2) / town.core_m**2
            core = np.maximum(core, 1.0 / (1.0 + far * far))
            far = ((x - town.new_x) ** 2 + (y - town.new_y) ** 2) / town.new_m**2
            built = np.maximum(built, 1.0 / (1.0 + far**3))
        return core, 1.0 - built


def lay_terrain(grids: int, rng: np.random.Generator) -> Terrain:
    """Return the ground for a city with a number of grids.

    Parameters
    ----------
    grids
        Number of grids wanted; area and number of towns follow from it.
    rng
        Source of every choice.
    """
    area_m2 = grids * 1e6 * float(np.dot(SHARES, _GRID_KM2))
    half_width = float(np.sqrt(area_m2 / (3.55 * 0.82)))
    half_height = 0.82 * half_width
    angle = np.sort(2 * np.pi * (np.arange(18) + rng.uniform(-0.28, 0.28, 18)) / 18)
    bulge = (np.abs(np.cos(angle)) ** 3 + np.abs(np.sin(angle)) ** 3) ** (-1 / 3)
    outline = np.column_stack(
        [half_width * bulge * np.cos(angle), half_height * bulge * np.sin(angle)]
    )
    river_y = -0.10 * half_height
    scale = min(1.0, half_width / 6500.0)
    river_half = 0.5 * _RIVER_WIDTH_M * max(scale, 0.4)
    towns = _place_towns(grids, half_width, half_height, river_y, rng)
    main = towns[0]
    tilt = np.radians(rng.uniform(9.0, 12.0))
    across = main.core_m * 1.30
    rail = (
        main.x - across * np.sin(tilt),
        main.y + across * np.cos(tilt),
        float(np.cos(tilt)),
        float(np.sin(tilt)),
    )
    return Terrain(
        outline=outline,
        half_width=half_width,
        half_height=half_height,
        river_y=river_y,
        river_half=river_half,
        rail=rail,
        towns=towns,
        waves=_draw_waves(scale, rng),
        meander=(360.0 * scale, 2 * np.pi / (8200.0 * scale), float(rng.uniform(0, 6.28))),
    )


def _place_towns(
    grids: int, half_width: float, half_height: float, river_y: float, rng: np.random.Generator
) -> tuple[Town, ...]:
    count = max(1, round((grids / 480) ** 0.8))
    size = 1.0 / np.arange(1, count + 1) ** 0.6
    size *= grids / size.sum()
    towns: list[Town] = []
    for number in range(count):
        core_m = float(np.sqrt(size[number] * SHARES[0] * _GRID_KM2[0] * 1e6 / np.pi))
        town_m2 = SHARES[0] * _GRID_KM2[0] + SHARES[1] * _GRID_KM2[1]
        new_m = float(np.sqrt(size[number] * town_m2 * 1e6 / np.pi))
        tries = rng.uniform(-0.8, 0.8, (24, 2)) * (half_width, half_height)
        if number == 0:
            x, y = -0.04 * half_width, river_y + 0.95 * core_m
        else:
            # The farthest from the towns so far of a few tries.
            gaps = [min(np.hypot(p[0] - t.x, p[1] - t.y) - t.new_m for t in towns) for p in tries]
            x, y = (float(value) for value in tries[int(np.argmax(gaps))])
        turn = rng.uniform(-1.9, -0.9)
        off = 0.42 * new_m
        towns.append(
            Town(
                x,
                y,
                float(size[number]),
                core_m,
                new_m,
                x + off * float(np.cos(turn)),
                y + off * float(np.sin(turn)),
            )
        )
    return tuple(towns)


def _draw_waves(scale: float, rng: np.random.Generator) -> Floats:
    # Wavelength, root mean square displacement (both metres), how many waves, mask.
    bands = [
        (9000.0 * scale, 300.0 * scale, 5, 0),
        (3300.0 * scale, 72.0 * scale, 5, 0),
        (1250.0, 13.0, 5, 0),
        (420.0, 5.5, 5, 1),
        (900.0, 17.0, 6, 2),
    ]
    rows = []
    for length, spread, count, mask in bands:
        turn = (np.arange(count) + rng.uniform(0, 1, count)) * np.pi / count
        pace = 2 * np.pi / (length * rng.uniform(0.8, 1.3, count))
        heading = rng.uniform(0, 2 * np.pi, count)
        amplitude = spread * np.sqrt(2.0 / count)
        rows.append(
            np.column_stack(
                [
                    pace * np.cos(turn),
                    pace * np.sin(turn),
                    rng.uniform(0, 2 * np.pi, count),
                    amplitude * np.cos(heading),
                    amplitude * np.sin(heading),
                    np.full(count, mask),
                ]
            )
        )
    return np.concatenate(rows)


# What an edge is. From MAIN on they are streets, wide ones first.
LIMIT, RAIL, BANK, MAIN, MINOR, BRANCH, LANE = range(7)

_EdgePlace = tuple[int, float]  # node before the place on the ring, share of the way to the next


@dataclass
class CutLine:
    """A line to cut along: a point, its direction, and what it becomes.

    Parameters
    ----------
    x, y, dx, dy
        A point of the line and its unit direction.
    street
        Index into `Blocks.streets`.
    snap_m
        Ends this near to a neighbour's street meet it and make a crossroads.
    through
        Whether the line goes on across railway and corners, as main roads do.
    """

    x: float
    y: float
    dx: float
    dy: float
    street: int
    snap_m: float
    through: bool = False


@dataclass
class Blocks:
    """The planar map while it is being cut."""

    xs: list[float] = field(default_factory=list)
    ys: list[float] = field(default_factory=list)
    rings: dict[int, list[int]] = field(default_factory=dict)
    people: dict[int, Ints] = field(default_factory=dict)
    left: dict[tuple[int, int], int] = field(default_factory=dict)
    street_of: dict[tuple[int, int], int] = field(default_factory=dict)
    streets: list[int] = field(default_factory=list)
    near: dict[int, list[int]] = field(default_factory=dict)
    elder: dict[int, int] = field(default_factory=dict)
    _next: int = 0

    def add_street(self, kind: int) -> int:
        """Return the index of a new street of a kind."""
        self.streets.append(kind)
        return len(self.streets) - 1

    def add_node(self, x: float, y: float) -> int:
        """Return the index of a new node."""
        self.xs.append(x)
        self.ys.append(y)
        self.near[len(self.xs) - 1] = []
        return len(self.xs) - 1

    def add_ring(self, ring: list[int], people: Ints, elder: int = -1) -> int:
        """Return the index of a new block with its nodes counter-clockwise."""
        block, self._next = self._next, self._next + 1
        self.rings[block] = ring
        self.people[block] = people
        self.elder[block] = elder
        for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
            self.left[a, b] = block
        return block

    def drop(self, block: int) -> None:
        """Take a block away; what it bordered on now borders on the outside."""
        ring = self.rings.pop(block)
        for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
            del self.left[a, b]
        del self.people[block], self.elder[block]

    def kind(self, a: int, b: int) -> int:
        """Return what the edge between two neighbouring nodes is."""
        return self.streets[self.street_of[(a, b) if a < b else (b, a)]]

    def link(self, a: int, b: int, street: int) -> None:
        """Join two nodes by an edge of a street."""
        self.street_of[(a, b) if a < b else (b, a)] = street
        self.near[a].append(b)
        self.near[b].append(a)

    def crosses(self, street: int) -> bool:
        """Return whether a street crosses the river where it reaches both banks."""
        return self.streets[street] in {RAIL, MAIN}

    def area(self, ring: list[int]) -> float:
        """Return the area of a ring of nodes in square metres on the plan."""
        xs, ys = self.xs, self.ys
        total = 0.0
        for a, b in zip(ring, ring[1:] + ring[:1], strict=True):
            total += xs[a] * ys[b] - xs[b] * ys[a]
        return total / 2

    def split_edge(self, a: int, b: int, share: float) -> int:
        """Put a new node on an edge, into the borders of both its blocks."""
        xs, ys = self.xs, self.ys
        node = self.add_node(xs[a] + share * (xs[b] - xs[a]), ys[a] + share * (ys[b] - ys[a]))
        street = self.street_of.pop((a, b) if a < b else (b, a))
        self.near[a].remove(b)
        self.near[b].remove(a)
        self.link(a, node, street)
        self.link(node, b, street)
        for p, q in ((a, b), (b, a)):
            block = self.left.pop((p, q), None)
            if block is not None:
                ring = self.rings[block]
                ring.insert(ring.index(p) + 1, node)
                self.left[p, node] = self.left[node, q] = block
        return node

    def find_ends(self, block: int, cut: CutLine, gap_m: float) -> list[_EdgePlace] | None:
        """Return the two places where a line leaves a block, moved to sensible spots."""
        ring = self.rings[block]
        xs, ys = self.xs, self.ys
        side = [(ys[n] - cut.y) * cut.dx - (xs[n] - cut.x) * cut.dy for n in ring]
        if cut.through:
            # A node that another piece of the same line made.
            side = [0.0 if abs(d) < 1e-6 else d for d in side]
        count = len(ring)
        places: list[_EdgePlace] = []
        for i in range(count):
            j = (i + 1) % count
            if side[i] == 0.0:
                places.append((i, 0.0))
            elif side[i] * side[j] < 0:
                places.append(self._settle(ring, i, side[i] / (side[i] - side[j]), cut, gap_m))
        if len(places) != 2:
            return None
        return places

    def _settle(
        self, ring: list[int], i: int, share: float, cut: CutLine, gap_m: float
    ) -> _EdgePlace:
        count = len(ring)
        a, b = ring[i], ring[(i + 1) % count]
        length = math.hypot(self.xs[b] - self.xs[a], self.ys[b] - self.ys[a])
        at = share * length
        closed = self.kind(a, b) == RAIL and not cut.through
        for end, away in (((i) % count, at), ((i + 1) % count, length - at)):
            if away <= cut.snap_m and not closed and (cut.through or self._straight(ring, end)):
                return end, 0.0
        if cut.through:
            return i, share
        low = min(gap_m, 0.4 * length)
        return i, min(max(at, low), length - low) / length

    def _straight(self, ring: list[int], i: int) -> bool:
        """Return whether the ring goes straight on at its i-th node."""
        xs, ys = self.xs, self.ys
        p, n, q = ring[i - 1], ring[i], ring[(i + 1) % len(ring)]
        ux, uy = xs[n] - xs[p], ys[n] - ys[p]
        vx, vy = xs[q] - xs[n], ys[q] - ys[n]
        return abs(ux * vy - uy * vx) < 0.12 * math.hypot(ux, uy) * math.hypot(vx, vy)

    def part(self, block: int, places: list[_EdgePlace]) -> tuple[list[int], list[int]]:
        """Return the two rings that a chord would leave, new ends as -1 and -2."""
        ring = self.rings[block]
        (i, s), (j, t) = places
        first = ([-1] if s > 0 else [ring[i]]) + ring[i + 1 : j + 1] + ([-2] if t > 0 else [])
        second = ([-2] if t > 0 else [ring[j]]) + ring[j + 1 :] + ring[: i + 1]
        second += [-1] if s > 0 else []
        return first, second

    def divide(
        self, block: int, places: list[_EdgePlace], street: int, points: Floats
    ) -> tuple[int, int]:
        """Cut a block along the chord between two places of its border."""
        ring = self.rings[block]
        edges = [(ring[i], ring[(i + 1) % len(ring)], s) for i, s in places]
        a, b = (n if s == 0 else self.split_edge(n, m, s) for n, m, s in edges)
        ring = self.rings.pop(block)
        people, elder = self.people.pop(block), self.elder.pop(block)
        self.link(a, b, street)
        at, to = ring.index(a), ring.index(b)
        if at > to:
            at, to, a, b = to, at, b, a
        ax, ay = self.xs[a], self.ys[a]
        here = points[people]
        right = ((self.xs[b] - ax) * (here[:, 1] - ay) - (self.ys[b] - ay) * (here[:, 0] - ax)) < 0
        first = self.add_ring(ring[at : to + 1], people[right], elder)
        second = self.add_ring(ring[to:] + ring[: at + 1], people[~right], elder)
        return first, second

    def continued(self, node: int, dx: float, dy: float, ring: set[int]) -> int | None:
        """Return the street that arrives at a node from straight ahead, if any."""
        for other in self.near[node]:
            if other in ring:
                continue
            ux, uy = self.xs[other] - self.xs[node], self.ys[other] - self.ys[node]
            if ux * dx + uy * dy > 0.9 * math.hypot(ux, uy):
                return self.street_of[(node, other) if node < other else (other, node)]
        return None


# By zone: how much streets lean (radians), how far they reach to meet a crossing street
# (share of the block's size).
_LEAN = (0.15, 0.035, 0.06, 0.02, 0.20)
_SNAP = (0.13, 0.30, 0.22, 0.24, 0.14)
_SMALLEST_M2 = 3000.0
_FRAYED = 0.045  # share of blocks taken off the rim again, so that the limit is no smooth oval


def draw_blocks(
    terrain: Terrain,
    points: Floats,
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


def _draw_shores(terrain: Terrain, points: Floats) -> Blocks:
    blocks = Blocks()
    limit = blocks.add_street(LIMIT)
    ring = [blocks.add_node(float(x), float(y)) for x, y in terrain.outline]
    for a, b in _edges(ring):
        blocks.link(a, b, limit)
    whole = blocks.add_ring(ring, np.arange(len(points)))
    for level in (terrain.river_y + terrain.river_half, terrain.river_y - terrain.river_half):
        cut = CutLine(0.0, level, 1.0, 0.0, blocks.add_street(BANK), 0.0, through=True)
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


def _draw_railway(blocks: Blocks, terrain: Terrain, points: Floats) -> None:
    x, y, dx, dy = terrain.rail
    _draw_line(blocks, CutLine(x, y, dx, dy, blocks.add_street(RAIL), 1e-3, through=True), points)


def _draw_main_roads(
    blocks: Blocks, terrain: Terrain, points: Floats, rng: np.random.Generator
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
        cut = CutLine(
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
        cut = CutLine(main.x, y, math.cos(lean), math.sin(lean), street, reach, through=True)
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


def _draw_line(blocks: Blocks, cut: CutLine, points: Floats) -> None:
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
    blocks: Blocks, block: int, points: Floats, zone: NDArray[np.int8], rng: np.random.Generator
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
        cut = CutLine(
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
