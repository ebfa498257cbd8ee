"""Where something can happen: triangles between a grid's middle and its streets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.demo._blocks import LANE
from gridmap.demo._shapes import Shapes

__all__ = ["Sites", "find_sites"]

Floats = NDArray[np.float64]


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
