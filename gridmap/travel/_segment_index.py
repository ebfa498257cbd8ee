"""Nearest road segment of many points, by a uniform raster of buckets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridmap._compiled import njit

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]


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
