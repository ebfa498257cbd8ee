"""How much road each grid holds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from gridmap.model.prepared import prepared_copies

__all__ = ["road_length_m"]


def road_length_m(polygons: npt.ArrayLike, roads: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the length of road in each polygon, in metres.

    A stretch of road along a shared border belongs to its polygons in equal parts, so what
    the polygons hold never exceeds what there is.

    Parameters
    ----------
    polygons
        Polygons in a projected CRS, metres, shape (n,).
    roads
        Lines in the same CRS.
    """
    shapes = np.asarray(polygons, dtype=object)
    length = np.zeros(len(shapes))
    lines = shapely.get_parts(np.asarray(roads, dtype=object))
    points, line_of = shapely.get_coordinates(lines, return_index=True)
    joined = line_of[1:] == line_of[:-1]
    ends = np.stack([points[:-1], points[1:]], axis=1)[joined]
    ends = ends[(ends[:, 0] != ends[:, 1]).any(axis=1)]
    stretches = shapely.linestrings(ends)
    if not len(stretches):
        return length
    whole = shapely.length(stretches)
    # "Covers" is cheap with prepared polygons; only what leaves a polygon is cut.
    tree = shapely.STRtree(stretches)
    polygon, stretch = tree.query(shapes, predicate="intersects")
    own = prepared_copies(shapes)
    inside = np.zeros(len(polygon), bool)
    for row in np.unique(polygon):
        at = (
            polygon == row if len(shapes) < 2 else slice(*np.searchsorted(polygon, [row, row + 1]))
        )
        inside[at] = shapely.contains_properly(own[row], stretches[stretch[at]])
    part = np.where(inside, whole[stretch], 0.0)
    cut = ~inside
    part[cut] = shapely.length(shapely.intersection(shapes[polygon[cut]], stretches[stretch[cut]]))
    held = np.bincount(stretch, weights=part, minlength=len(stretches))
    scale = np.minimum(1.0, np.divide(whole, held, out=np.ones_like(whole), where=held > 0))
    np.add.at(length, polygon, part * scale[stretch])
    return length
