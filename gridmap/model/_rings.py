"""Polygons taken apart into the edges of their rings."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from gridmap.errors import GeometryError, some_ids

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_POLYGON_TYPES = (-1, 3, 6)  # nothing, Polygon, MultiPolygon


def require_polygons(shapes: npt.NDArray[np.object_]) -> None:
    """Refuse geometries that are neither polygons nor empty.

    Raises
    ------
    GeometryError
        If there is one; its message names their positions and types.
    """
    types = shapely.get_type_id(shapes)
    wrong = np.flatnonzero(~np.isin(types, _POLYGON_TYPES) & ~shapely.is_empty(shapes))
    if len(wrong):
        raise GeometryError(
            "measure.error.not_polygons",
            ids=some_ids(wrong),
            count=len(wrong),
            types=some_ids(sorted({shape.geom_type for shape in shapes[wrong]})),
        )


def require_valid(shapes: npt.NDArray[np.object_], names: npt.NDArray[Any]) -> None:
    """Refuse polygons whose rings cross themselves or each other.

    Parameters
    ----------
    shapes, names
        The polygons, and what to call them.

    Raises
    ------
    GeometryError
        If there is one; its message names them.
    """
    wrong = np.flatnonzero(~shapely.is_valid(shapes) & ~shapely.is_missing(shapes))
    if len(wrong):
        raise GeometryError(
            "measure.error.invalid",
            ids=some_ids(names[wrong]),
            count=len(wrong),
            reason=shapely.is_valid_reason(shapes[wrong[0]]),
        )


def edges_of(shapes: npt.NDArray[np.object_]) -> tuple[Floats, Ints, Floats]:
    """Return the edges of polygons.

    Parameters
    ----------
    shapes
        Polygons and multipolygons; missing and empty ones have no edges.

    Returns
    -------
    tuple of arrays
        Edges (x1, y1, x2, y2) in the order of the rings; where each polygon's edges start,
        with the total at the end; 1.0 for an edge with the inside on its left, else -1.0.

    Raises
    ------
    GeometryError
        If a geometry is no polygon or has a coordinate that is not finite.
    """
    require_polygons(shapes)
    parts, part_of = shapely.get_parts(shapes, return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    points, point_of = shapely.get_coordinates(rings, return_index=True)
    polygon_of = part_of[ring_of][point_of]
    broken = np.unique(polygon_of[~np.isfinite(points).all(axis=1)])
    if len(broken):
        raise GeometryError("measure.error.not_finite", ids=some_ids(broken), count=len(broken))
    joined = point_of[1:] == point_of[:-1]
    edges = np.ascontiguousarray(np.hstack([points[:-1], points[1:]])[joined])
    starts = np.zeros(len(shapes) + 1, np.int64)
    np.cumsum(np.bincount(polygon_of[1:][joined], minlength=len(shapes)), out=starts[1:])
    outer = np.ones(len(rings), bool)
    outer[1:] = ring_of[1:] != ring_of[:-1]
    left = np.where(shapely.is_ccw(rings) == outer, 1.0, -1.0)
    return edges, starts, left[point_of[1:][joined]]
