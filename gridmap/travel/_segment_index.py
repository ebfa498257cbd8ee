"""Segments of lines: the nearest to a point, by a uniform raster of buckets, and where lines meet.

Lines meet at crossings of their segments, and where an end lies on another line.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gridmap._compiled import njit
from gridmap.typing import Floats, Ints, Shapes


@dataclass(frozen=True, eq=False)
class SegmentIndex:
    """Segments sorted into square cells, so that the nearest one is found in few looks.

    Parameters
    ----------
    segments
        Rows ``x0, y0, x1, y1`` in metres, shape (s, 4).
    origin_x, origin_y
        Lower left corner of the raster, metres.
    cell_m
        Side of a cell, metres.
    shape
        Cells across and up.
    starts, members
        Cell ``c`` holds segments ``members[starts[c]:starts[c + 1]]``.
    """

    segments: Floats
    origin_x: float
    origin_y: float
    cell_m: float
    shape: tuple[int, int]
    starts: Ints
    members: Ints

    @classmethod
    def build(cls, segments: Floats) -> SegmentIndex:
        """Return the index; a cell is half as large as a segment's share of the ground."""
        low = np.minimum(segments[:, :2], segments[:, 2:]).min(axis=0)
        high = np.maximum(segments[:, :2], segments[:, 2:]).max(axis=0)
        span = np.maximum(high - low, 1.0)
        cell = max(
            float(np.sqrt(0.5 * span[0] * span[1] / len(segments))), float(span.max()) / 4e3
        )
        across, up = (int(n) for n in np.floor(span / cell).astype(np.int64) + 1)
        counts = _count_cells(segments, low[0], low[1], cell, across, up)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        members = _fill_cells(segments, low[0], low[1], cell, across, starts)
        return cls(segments, float(low[0]), float(low[1]), cell, (across, up), starts, members)

    def nearest(self, points_xy: Floats, max_m: float) -> tuple[Ints, Floats, Floats]:
        """Return the nearest segment of each point, how far it is, and where along it.

        Parameters
        ----------
        points_xy
            Points in metres, shape (n, 2).
        max_m
            Segments farther than this are not looked for.

        Returns
        -------
        segment, distance_m, fraction
            Each of shape (n,); segment -1 and distance infinite where none is near. Of
            segments equally near, the first.
        """
        # Points in the order of the raster: neighbours read the same memory.
        cell = np.floor((points_xy - (self.origin_x, self.origin_y)) / self.cell_m)
        order = np.argsort(cell[:, 1] * self.shape[0] + cell[:, 0])
        segment, distance, fraction = _nearest_segments(
            np.ascontiguousarray(points_xy[order]),
            self.segments,
            (self.origin_x, self.origin_y, self.cell_m, *self.shape),
            (self.starts, self.members),
            max_m,
        )
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return segment[back], distance[back], fraction[back]


@njit(cache=True)
def _touches_cell(
    x0: float, y0: float, x1: float, y1: float, left: float, low: float, cell: float
) -> bool:
    # The box of the segment meets the cell already; is the cell all on one side of its line?
    dx, dy = x1 - x0, y1 - y0
    first = dx * (low - y0) - dy * (left - x0)
    across = -dy * cell
    up = dx * cell
    least = first + min(0.0, across) + min(0.0, up)
    most = first + max(0.0, across) + max(0.0, up)
    rounding = 1e-9 * (abs(dx) + abs(dy)) * cell
    return least <= rounding and most >= -rounding


@njit(cache=True)
def _count_cells(
    segments: Floats, ox: float, oy: float, cell: float, across: int, up: int
) -> Ints:
    counts = np.zeros(across * up, np.int64)
    for s in range(len(segments)):
        x0, y0, x1, y1 = segments[s]
        for column in range(int((min(x0, x1) - ox) / cell), int((max(x0, x1) - ox) / cell) + 1):
            for row in range(int((min(y0, y1) - oy) / cell), int((max(y0, y1) - oy) / cell) + 1):
                if _touches_cell(x0, y0, x1, y1, ox + column * cell, oy + row * cell, cell):
                    counts[row * across + column] += 1
    return counts


@njit(cache=True)
def _fill_cells(
    segments: Floats, ox: float, oy: float, cell: float, across: int, starts: Ints
) -> Ints:
    members = np.empty(starts[-1], np.int64)
    filled = starts[:-1].copy()
    for s in range(len(segments)):
        x0, y0, x1, y1 = segments[s]
        for column in range(int((min(x0, x1) - ox) / cell), int((max(x0, x1) - ox) / cell) + 1):
            for row in range(int((min(y0, y1) - oy) / cell), int((max(y0, y1) - oy) / cell) + 1):
                if _touches_cell(x0, y0, x1, y1, ox + column * cell, oy + row * cell, cell):
                    members[filled[row * across + column]] = s
                    filled[row * across + column] += 1
    return members


@njit(cache=True)
def _nearest_segments(
    points: Floats,
    segments: Floats,
    raster: tuple[float, float, float, int, int],
    buckets: tuple[Ints, Ints],
    max_m: float,
) -> tuple[Ints, Floats, Floats]:
    ox, oy, cell, across, up = raster
    starts, members = buckets
    found = np.full(len(points), -1)
    distance = np.full(len(points), np.inf)
    fraction = np.zeros(len(points))
    for p in range(len(points)):
        x, y = points[p]
        column = int(np.floor((x - ox) / cell))
        row = int(np.floor((y - oy) / cell))
        best = max_m * max_m
        # Rings of cells outward; the first that can meet the raster at all.
        ring = max(0, -column, column - across + 1, -row, row - up + 1)
        last = max(abs(column), abs(across - 1 - column), abs(row), abs(up - 1 - row))
        while ring <= last:
            # Whatever lies in this ring or beyond is at least this far away.
            gap = min(
                x - (ox + (column - ring + 1) * cell),
                ox + (column + ring) * cell - x,
                y - (oy + (row - ring + 1) * cell),
                oy + (row + ring) * cell - y,
            )
            if ring > 0 and gap > 0.0 and gap * gap > best:
                break
            for r in range(max(0, row - ring), min(up - 1, row + ring) + 1):
                edge = r in (row - ring, row + ring)
                step = 1 if edge or ring == 0 else 2 * ring
                first = column - ring
                if step == 1:
                    first = max(0, first)
                for c in range(first, min(across - 1, column + ring) + 1, step):
                    if c < 0:
                        continue
                    bucket = r * across + c
                    for k in range(starts[bucket], starts[bucket + 1]):
                        s = members[k]
                        ax, ay = segments[s, 0], segments[s, 1]
                        dx, dy = segments[s, 2] - ax, segments[s, 3] - ay
                        length2 = dx * dx + dy * dy
                        t = 0.0
                        if length2 > 0.0:
                            t = min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) / length2))
                        qx, qy = x - ax - t * dx, y - ay - t * dy
                        d2 = qx * qx + qy * qy
                        if d2 < best or (d2 == best and (found[p] == -1 or s < found[p])):
                            best = d2
                            found[p] = s
                            fraction[p] = t
            ring += 1
        if found[p] >= 0:
            distance[p] = np.sqrt(best)
    return found, distance, fraction


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
