"""Cutting the plan into blocks by streets, one street at a time.

A planar map of convex blocks on the plan. Each cut is a chord of one block and becomes a
piece of street; the block's neighbours take its ends into their own borders, so every
border is shared node for node. Cuts go to the heaviest block until the number asked for is
reached: main roads come first, lanes last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["BANK", "LIMIT", "MAIN", "RAIL", "Blocks", "Cut"]

# What an edge is. From MAIN on they are streets, wide ones first.
LIMIT, RAIL, BANK, MAIN, MINOR, BRANCH, LANE = range(7)

_Place = tuple[int, float]  # node before the place on the ring, share of the way to the next


@dataclass
class Cut:
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
    people: dict[int, NDArray[np.int64]] = field(default_factory=dict)
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

    def add_ring(self, ring: list[int], people: NDArray[np.int64], elder: int = -1) -> int:
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

    def find_ends(self, block: int, cut: Cut, gap_m: float) -> list[_Place] | None:
        """Return the two places where a line leaves a block, moved to sensible spots."""
        ring = self.rings[block]
        xs, ys = self.xs, self.ys
        side = [(ys[n] - cut.y) * cut.dx - (xs[n] - cut.x) * cut.dy for n in ring]
        if cut.through:
            # A node that another piece of the same line made.
            side = [0.0 if abs(d) < 1e-6 else d for d in side]
        count = len(ring)
        places: list[_Place] = []
        for i in range(count):
            j = (i + 1) % count
            if side[i] == 0.0:
                places.append((i, 0.0))
            elif side[i] * side[j] < 0:
                places.append(self._settle(ring, i, side[i] / (side[i] - side[j]), cut, gap_m))
        if len(places) != 2:
            return None
        return places

    def _settle(self, ring: list[int], i: int, share: float, cut: Cut, gap_m: float) -> _Place:
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

    def part(self, block: int, places: list[_Place]) -> tuple[list[int], list[int]]:
        """Return the two rings that a chord would leave, new ends as -1 and -2."""
        ring = self.rings[block]
        (i, s), (j, t) = places
        first = ([-1] if s > 0 else [ring[i]]) + ring[i + 1 : j + 1] + ([-2] if t > 0 else [])
        second = ([-2] if t > 0 else [ring[j]]) + ring[j + 1 :] + ring[: i + 1]
        second += [-1] if s > 0 else []
        return first, second

    def divide(
        self, block: int, places: list[_Place], street: int, points: NDArray[np.float64]
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
