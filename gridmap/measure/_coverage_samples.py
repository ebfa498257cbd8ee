"""Points spread evenly over each grid, for what can only be measured at points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridmap.model.prepared import prepared_copies

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["sample_points"]

# Steps of the plane's most even sequence (Roberts 2018): powers of 1 / 1.3247179572.
_STEPS = np.array([0.7548776662466927, 0.5698402909980532])


def sample_points(polygons: NDArray[np.object_], count: int) -> NDArray[np.float64]:
    """Return ``count`` points in each polygon, evenly spread, shape (n, count, 2).

    The points are the same on every run. A polygon so thin that too few of the points tried
    fall inside repeats those that did, or its representative point.
    """
    box = shapely.bounds(polygons)
    points = np.full((len(polygons), count, 2), np.nan)
    filled = np.zeros(len(polygons), dtype=np.int64)
    shapes = prepared_copies(polygons)
    begin = 0
    for tries in (2 * count, 6 * count, 24 * count):
        rows = np.flatnonzero(filled < count)
        if len(rows) == 0:
            break
        unit = (0.5 + _STEPS * np.arange(begin + 1, begin + tries + 1)[:, None]) % 1.0
        begin += tries
        size = box[rows, 2:] - box[rows, :2]
        spots = box[rows, None, :2] + unit[None] * size[:, None, :]
        inside = shapely.contains_xy(shapes[rows, None], spots[..., 0], spots[..., 1])
        slot = filled[rows, None] + np.cumsum(inside, axis=1) - 1
        row, at = np.nonzero(inside & (slot < count))
        points[rows[row], slot[row, at]] = spots[row, at]
        filled[rows] = np.minimum(count, filled[rows] + inside.sum(axis=1))
    thin = np.flatnonzero(filled < count)
    for poor in thin.tolist():
        if filled[poor] == 0:
            points[poor] = shapely.get_coordinates(shapely.point_on_surface(polygons[poor]))
        else:
            points[poor] = points[poor, np.arange(count) % filled[poor]]
    return points
