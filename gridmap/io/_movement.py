"""How far borders were moved, measured between drawn lines."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

__all__ = ["changed_rows", "inner_width_m", "moved_m"]

_STEP_M = 1.0
_AROUND_M = 50.0


def changed_rows(before: NDArray[np.object_], after: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which shapes differ in more than how they are written, shape (n,).

    Where a ring starts, and whether one part is wrapped as several, makes no difference.
    """
    same = np.asarray(shapely.equals_identical(before, after))
    rows = np.flatnonzero(~same)
    same[rows] = shapely.equals_exact(_plain(before[rows]), _plain(after[rows]), 0.0)
    return np.asarray(~same)


def _plain(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    single = shapely.get_num_geometries(shapes) == 1
    out = shapes.copy()
    out[single] = shapely.get_geometry(shapes[single], 0)
    return np.asarray(shapely.normalize(out), dtype=object)


def inner_width_m(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the diameter of the largest circle inside each area, shape (n,)."""
    width = np.zeros(len(shapes))
    for at, shape in enumerate(shapes):
        parts = shapely.get_parts(shape)
        parts = parts[shapely.area(parts) > 0]
        if len(parts):
            # A circle cannot be wider than four times the area by the perimeter.
            widest = parts[np.argmax(shapely.area(parts) / shapely.length(parts))]
            width[at] = 2 * float(shapely.length(shapely.maximum_inscribed_circle(widest)))
    return width


def moved_m(
    before: NDArray[np.object_], after: NDArray[np.object_], *, ignore_holes_m: float = 0.0
) -> NDArray[np.float64]:
    """Return how far each area's border moved, shape (n,), metres.

    Borders are compared as drawn lines: every point of a changed area's new border is
    measured to the nearest old border of the layer, and every point of its old one to the
    nearest new border; the greatest of these distances counts. A hole that was narrower
    than ``ignore_holes_m`` and is gone has not moved.
    """
    rows = np.flatnonzero(changed_rows(before, after))
    moved = np.zeros(len(before))
    if len(rows) == 0:
        return moved
    kept = before[rows]
    if ignore_holes_m > 0:
        kept = np.array([_without_holes(shape, ignore_holes_m) for shape in kept], dtype=object)
    near = _around(before, after, rows)
    for lines, others in ((after[rows], before[near]), (kept, after[near])):
        segments, owner = _segments(lines)
        known = _segments(others)[0]
        new = ~np.isin(_keys(segments), _keys(known))
        if not new.any():
            continue
        drawn = shapely.segmentize(shapely.linestrings(segments[new].reshape(-1, 2, 2)), _STEP_M)
        xy, at = shapely.get_coordinates(drawn, return_index=True)
        tree = shapely.STRtree(shapely.linestrings(known.reshape(-1, 2, 2)))
        (query, _), distance = tree.query_nearest(
            shapely.points(xy), return_distance=True, all_matches=False
        )
        np.maximum.at(moved, rows[owner[new][at[query]]], distance)
    return moved


def _around(
    before: NDArray[np.object_], after: NDArray[np.object_], rows: NDArray[np.intp]
) -> NDArray[np.intp]:
    west, south, east, north = shapely.bounds(before[rows]).T
    boxes = shapely.box(west - _AROUND_M, south - _AROUND_M, east + _AROUND_M, north + _AROUND_M)
    found = [shapely.STRtree(shapes).query(boxes)[1] for shapes in (before, after)]
    return np.unique(np.concatenate(found))


def _segments(shapes: NDArray[np.object_]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return x0, y0, x1, y1 of each segment, its lower end first, and whose it is."""
    rings, owner = shapely.get_rings(shapes, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    step = ring[1:] == ring[:-1]
    a, b = xy[:-1][step], xy[1:][step]
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    a, b = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
    return np.ascontiguousarray(np.hstack([a, b])), owner[ring[1:][step]]


def _keys(segments: NDArray[np.float64]) -> NDArray[np.void]:
    return segments.view(np.dtype((np.void, segments.dtype.itemsize * 4))).ravel()


def _without_holes(shape: shapely.Geometry, width_m: float) -> shapely.Geometry:
    parts = []
    for part in shapely.get_parts(shape):
        holes = np.array([shapely.Polygon(ring) for ring in part.interiors], dtype=object)
        wide = holes[inner_width_m(holes) > width_m]
        parts.append(shapely.Polygon(part.exterior, [hole.exterior for hole in wide]))
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
