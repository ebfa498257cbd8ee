"""Where lines meet: crossings of their segments, and ends that lie on another line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridmap._compiled import njit
from gridmap.travel._segment_index import SegmentIndex

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]
    Shapes: TypeAlias = NDArray[np.object_]

# A crossing may miss a segment's end by this much, metres: rounding of coordinates in the
# millions of metres.
_ROUNDING_M = 1e-7
_SAME_M = 1e-6


@dataclass(frozen=True, eq=False)
class Segments:
    """The straight segments of simple lines.

    Parameters
    ----------
    index
        Their index by position.
    line
        Line of each segment, shape (s,).
    along
        Metres along its line to where it begins, shape (s,).
    """

    index: SegmentIndex
    line: Ints
    along: Floats

    @classmethod
    def of(cls, lines: Shapes) -> Segments:
        """Return the segments of line strings with a length."""
        xy, owner = shapely.get_coordinates(lines, return_index=True)
        inside = (owner[1:] == owner[:-1]) & (xy[1:] != xy[:-1]).any(axis=1)
        rows = np.ascontiguousarray(np.hstack([xy[:-1], xy[1:]])[inside])
        line = owner[:-1][inside].astype(np.int64)
        length = np.hypot(rows[:, 2] - rows[:, 0], rows[:, 3] - rows[:, 1])
        total = np.concatenate([[0.0], np.cumsum(length)[:-1]])
        first = np.searchsorted(line, np.arange(len(lines)))
        return cls(SegmentIndex.build(rows), line, total - total[first][line])

    def crossings(self) -> tuple[Ints, Ints, Floats, Floats, Floats]:
        """Return where two lines share a point: both lines, metres along each, position.

        Each meeting stands once, the line with the smaller number first. Of a stretch that
        two lines share its ends and the vertices between stand.
        """
        index = self.index
        first, second, share_1, share_2 = _cross(
            index.segments, self.line, index.starts, index.members
        )
        swap = self.line[first] > self.line[second]
        first, second = np.where(swap, second, first), np.where(swap, first, second)
        share_1, share_2 = np.where(swap, share_2, share_1), np.where(swap, share_1, share_2)
        a, b = self.line[first], self.line[second]
        at_a, at_b = self._measure(first, share_1), self._measure(second, share_2)
        # One meeting is seen from each segment that ends there, and from each cell.
        order = np.lexsort((at_b, at_a, b, a))
        a, b, at_a, at_b = a[order], b[order], at_a[order], at_b[order]
        same = (a[1:] == a[:-1]) & (b[1:] == b[:-1])
        same &= (np.diff(at_a) <= _SAME_M) & (np.abs(np.diff(at_b)) <= _SAME_M)
        new = np.concatenate([[True], ~same])[: len(a)]
        start = index.segments[first[order], :2]
        run = index.segments[first[order], 2:] - start
        xy = start + run * share_1[order][:, None]
        return a[new], b[new], at_a[new], at_b[new], xy[new]

    def near_points(
        self, points: Floats, owner: Ints, tolerance_m: float
    ) -> tuple[Ints, Ints, Floats]:
        """Return each point and each other line within the tolerance of it, and where on it.

        Parameters
        ----------
        points, owner
            Positions, shape (n, 2), and the line that each belongs to.
        tolerance_m
            Metres (``<=``).

        Returns
        -------
        point, line, at
            Row of the point, line, and metres along it to its nearest position.
        """
        index = self.index
        raster = (index.origin_x, index.origin_y, index.cell_m, *index.shape)
        point, segment, share, far = _near(
            points, owner, index.segments, self.line, raster,
            (index.starts, index.members), tolerance_m,
        )  # fmt: skip
        line = self.line[segment]
        order = np.lexsort((far, line, point))
        point, line = point[order], line[order]
        at = self._measure(segment[order], share[order])
        new = np.concatenate([[True], (point[1:] != point[:-1]) | (line[1:] != line[:-1])])
        new = new[: len(point)]
        return point[new], line[new], at[new]

    def _measure(self, segment: Ints, share: Floats) -> Floats:
        row = self.index.segments[segment]
        length = np.hypot(row[:, 2] - row[:, 0], row[:, 3] - row[:, 1])
        return np.asarray(self.along[segment] + share * length)


@njit(cache=True)
def _cross(
    segments: Floats, line: Ints, starts: Ints, members: Ints
) -> tuple[Ints, Ints, Floats, Floats]:
    first = np.empty(1024, np.int64)
    second = np.empty(1024, np.int64)
    share_1 = np.empty(1024, np.float64)
    share_2 = np.empty(1024, np.float64)
    count = 0
    for cell in range(len(starts) - 1):
        for k in range(starts[cell], starts[cell + 1]):
            i = members[k]
            ax, ay, bx, by = segments[i]
            for other in range(k + 1, starts[cell + 1]):
                j = members[other]
                if line[i] == line[j]:
                    continue
                cx, cy, dx, dy = segments[j]
                if (
                    max(ax, bx) < min(cx, dx) - _ROUNDING_M
                    or max(cx, dx) < min(ax, bx) - _ROUNDING_M
                    or max(ay, by) < min(cy, dy) - _ROUNDING_M
                    or max(cy, dy) < min(ay, by) - _ROUNDING_M
                ):
                    continue
                found, t0, u0, t1, u1 = _meet(bx - ax, by - ay, dx - cx, dy - cy, cx - ax, cy - ay)
                if count + found > len(first):
                    first = np.concatenate((first, np.empty_like(first)))
                    second = np.concatenate((second, np.empty_like(second)))
                    share_1 = np.concatenate((share_1, np.empty_like(share_1)))
                    share_2 = np.concatenate((share_2, np.empty_like(share_2)))
                if found > 0:
                    first[count], second[count], share_1[count], share_2[count] = i, j, t0, u0
                    count += 1
                if found > 1:
                    first[count], second[count], share_1[count], share_2[count] = i, j, t1, u1
                    count += 1
    return first[:count], second[:count], share_1[:count], share_2[:count]


@njit(cache=True)
def _meet(
    rx: float, ry: float, ux: float, uy: float, qx: float, qy: float
) -> tuple[int, float, float, float, float]:
    """Return how many points two segments share (2 for the ends of a stretch) and where."""
    r, u = np.hypot(rx, ry), np.hypot(ux, uy)
    turn = rx * uy - ry * ux
    if abs(turn) > 1e-12 * r * u:
        t = (qx * uy - qy * ux) / turn
        v = (qx * ry - qy * rx) / turn
        if -_ROUNDING_M <= t * r <= r + _ROUNDING_M and -_ROUNDING_M <= v * u <= u + _ROUNDING_M:
            return 1, min(1.0, max(0.0, t)), min(1.0, max(0.0, v)), 0.0, 0.0
        return 0, 0.0, 0.0, 0.0, 0.0
    if abs(qx * ry - qy * rx) > _ROUNDING_M * r:
        return 0, 0.0, 0.0, 0.0, 0.0
    begin = (qx * rx + qy * ry) / (r * r)
    end = begin + (ux * rx + uy * ry) / (r * r)
    low, high = max(0.0, min(begin, end)), min(1.0, max(begin, end))
    if (low - high) * r > _ROUNDING_M:
        return 0, 0.0, 0.0, 0.0, 0.0
    v_low = min(1.0, max(0.0, (low - begin) / (end - begin)))
    v_high = min(1.0, max(0.0, (high - begin) / (end - begin)))
    return (2 if (high - low) * r > _SAME_M else 1), low, v_low, high, v_high


@njit(cache=True)
def _near(
    points: Floats,
    owner: Ints,
    segments: Floats,
    line: Ints,
    raster: tuple[float, float, float, int, int],
    buckets: tuple[Ints, Ints],
    tolerance_m: float,
) -> tuple[Ints, Ints, Floats, Floats]:
    ox, oy, cell, across, up = raster
    starts, members = buckets
    point = np.empty(1024, np.int64)
    segment = np.empty(1024, np.int64)
    share = np.empty(1024, np.float64)
    far = np.empty(1024, np.float64)
    count = 0
    for p in range(len(points)):
        x, y = points[p]
        left = max(0, int(np.floor((x - tolerance_m - ox) / cell)))
        right = min(across - 1, int(np.floor((x + tolerance_m - ox) / cell)))
        low = max(0, int(np.floor((y - tolerance_m - oy) / cell)))
        high = min(up - 1, int(np.floor((y + tolerance_m - oy) / cell)))
        for row in range(low, high + 1):
            for column in range(left, right + 1):
                bucket = row * across + column
                for k in range(starts[bucket], starts[bucket + 1]):
                    s = members[k]
                    if line[s] == owner[p]:
                        continue
                    ax, ay = segments[s, 0], segments[s, 1]
                    dx, dy = segments[s, 2] - ax, segments[s, 3] - ay
                    t = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)
                    t = min(1.0, max(0.0, t))
                    gap = np.hypot(x - ax - t * dx, y - ay - t * dy)
                    if gap > tolerance_m:
                        continue
                    if count == len(point):
                        point = np.concatenate((point, np.empty_like(point)))
                        segment = np.concatenate((segment, np.empty_like(segment)))
                        share = np.concatenate((share, np.empty_like(share)))
                        far = np.concatenate((far, np.empty_like(far)))
                    point[count], segment[count], share[count], far[count] = p, s, t, gap
                    count += 1
    return point[:count], segment[:count], share[:count], far[:count]
