"""Share of a polygon within a straight distance of a room, by exact areas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from scipy.spatial import cKDTree

from gridmap.measure._coverage_rings import border_segments, multi_disc_areas

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["covered_share"]


def covered_share(
    polygons: ArrayLike, rooms_xy: ArrayLike, *, radius_m: float, at_least: int = 1
) -> NDArray[np.float64]:
    """Return the share of each polygon's area within a straight-line distance of a room.

    The area is that of the true circles, not of polygons drawn for them; the error is that
    of floating point, below 1e-9 of the polygon's area.

    Parameters
    ----------
    polygons
        Polygons or multipolygons in metres, shape (n,).
    rooms_xy
        Positions of the rooms, shape (m, 2); m may be 0.
    radius_m
        Distance from a room that counts as covered (``<=``), metres.
    at_least
        How many rooms must be that near: 1 for coverage, 2 for backup coverage. Rooms at
        one position count each.

    Returns
    -------
    ndarray
        Shares from 0 to 1, shape (n,). A polygon of zero area has the share of its
        representative point: 0 or 1; an empty one has 0.

    Examples
    --------
    Of a square of side 2, a room in its corner covers a quarter circle of radius 1, pi / 16:

    >>> float(covered_share([shapely.box(0, 0, 2, 2)], [(0, 0)], radius_m=1.0).round(6)[0])
    0.19635
    """
    shapes = np.asarray(polygons, dtype=object)
    rooms = np.asarray(rooms_xy, dtype=np.float64).reshape(-1, 2)
    shares = np.zeros(len(shapes))
    filled = np.flatnonzero(~shapely.is_empty(shapes) & ~shapely.is_missing(shapes))
    if len(rooms) < at_least or len(filled) == 0:
        return shares
    places, multiplicity = np.unique(rooms, axis=0, return_counts=True)
    tree = cKDTree(places)
    box = shapely.bounds(shapes[filled])
    middle = (box[:, :2] + box[:, 2:]) / 2.0
    reach = np.hypot(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]) / 2.0
    nearest, _ = tree.query(middle)
    shares[filled] = (nearest <= radius_m - reach) & (at_least == 1)
    unsure = (nearest <= radius_m + reach) & (shares[filled] == 0.0)
    rows = filled[unsure]
    if len(rows) == 0:
        return shares
    near = tree.query_ball_point(middle[unsure], radius_m + reach[unsure])
    counts = np.fromiter((len(found) for found in near), np.int64, len(near))
    flat = np.concatenate([np.asarray(found, dtype=np.int64) for found in near])
    owner = np.repeat(np.arange(len(rows)), counts)
    areas = shapely.area(shapes[rows])
    flatless = areas > 0.0
    covered = multi_disc_areas(
        *border_segments(shapes[rows]),
        places[flat] - middle[unsure][owner],
        np.concatenate([[0], np.cumsum(counts)]),
        multiplicity[flat],
        float(radius_m),
        int(at_least),
    )
    shares[rows[flatless]] = np.clip(covered[flatless] / areas[flatless], 0.0, 1.0)
    for row in rows[~flatless]:
        point = shapely.get_coordinates(shapely.point_on_surface(shapes[row]))
        within = tree.query_ball_point(point[0], radius_m)
        shares[row] = float(multiplicity[within].sum() >= at_least)
    return shares
