"""Ground within reach as polygons: rings of a distance, isochrones of a cost."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import contourpy
import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from gridmap.travel.reach import Travel

__all__ = ["isochrone", "ring"]

_MOST_CELLS = 250_000


def ring(
    rooms_xy: ArrayLike, radius_m: float, *, clip: shapely.Geometry | None = None
) -> shapely.Geometry:
    """Return the ground within a straight distance of a room, for drawing.

    Circles are drawn with 256 corners of their own area; figures are measured on the true
    circles (`gridmap.measure.covered_share`).

    Parameters
    ----------
    rooms_xy
        Positions of the rooms, metres, shape (m, 2).
    radius_m
        Distance, metres.
    clip
        Only ground within this, such as the city's outline.

    Examples
    --------
    >>> round(ring([(0, 0)], 10.0).area / 10.0**2, 6)
    3.141593
    """
    corners = 256
    # The polygon's circumradius for which its area is the circle's.
    turn = 2.0 * np.pi / corners
    drawn = radius_m * float(np.sqrt(turn / np.sin(turn)))
    points = shapely.points(np.asarray(rooms_xy, dtype=np.float64).reshape(-1, 2))
    ground = shapely.union_all(shapely.buffer(points, drawn, quad_segs=corners // 4))
    return ground if clip is None else shapely.intersection(ground, clip)


def isochrone(
    travel: Travel,
    rooms_xy: ArrayLike,
    limit: float,
    *,
    clip: shapely.Geometry,
    cell_m: float = 50.0,
) -> shapely.Geometry:
    """Return the ground from which the nearest room costs no more than a limit.

    The cost is found on a raster and its contour drawn, so the outline is within about a
    cell of the true one.

    Parameters
    ----------
    travel
        Straight or along roads.
    rooms_xy
        Positions of the rooms, metres, shape (m, 2).
    limit
        Metres or minutes, in the unit of ``travel``.
    clip
        Only ground within this is looked at.
    cell_m
        Side of the raster's cells, metres; larger where the ground is large.
    """
    left, low, right, high = shapely.bounds(clip)
    area = (right - left) * (high - low)
    cell = max(cell_m, float(np.sqrt(area / _MOST_CELLS)))
    x = np.arange(left - cell, right + 2.0 * cell, cell)
    y = np.arange(low - cell, high + 2.0 * cell, cell)
    spots = np.stack(np.meshgrid(x, y), axis=-1)
    cost = travel.nearest(spots.reshape(-1, 2), rooms_xy).cost.reshape(len(y), len(x))
    # Beyond the limit any value will do that puts the contour between reached and not.
    height = np.where(np.isfinite(cost), np.minimum(cost, 2.0 * limit), 2.0 * limit)
    filled = contourpy.contour_generator(x, y, height, fill_type="OuterOffset").filled(
        -np.inf, limit
    )
    pieces = [
        shapely.Polygon(
            points[offsets[0] : offsets[1]],
            [points[a:b] for a, b in pairwise(offsets[1:])],
        )
        for points, offsets in zip(*filled, strict=True)
    ]
    ground = shapely.union_all(shapely.make_valid(np.array(pieces, dtype=object)))
    return shapely.intersection(ground, clip)
