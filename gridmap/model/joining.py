"""Grids joined to the ground of a beat: the polygons that are drawn, exported and measured."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

__all__ = ["join_grids", "join_rows", "polsby_popper"]

_OVERLAP_M = 0.001  # by which what bridges a gap reaches into both sides


def join_grids(shapes: NDArray[np.object_], *, gap_m: float = 0.0) -> shapely.Geometry:
    """Return the union of grids, in one polygon where they are neighbours.

    Grids count as neighbours across gaps of up to ``gap_m`` (`Adjacency.build`). Where such a
    gap parts the union, the strip between is added; other gaps and holes stay as drawn.

    Parameters
    ----------
    shapes
        Polygons in metres; those that cross themselves are mended first.
    gap_m
        Widest gap that neighbours may have, metres.
    """
    if bool(shapely.coverage_is_valid(shapes)):
        union = shapely.coverage_union_all(shapes)
    else:
        sound = shapely.is_valid(shapes) | shapely.is_missing(shapes)
        union = shapely.union_all(shapes if sound.all() else shapely.make_valid(shapes))
    if gap_m <= 0.0 or shapely.get_num_geometries(union) < 2:
        return union
    # A closing fills all that is narrower than the gap; what touches two parts bridges them.
    reach = gap_m / 2.0 * (1.0 + 1e-6)
    wide = shapely.buffer(union, reach, join_style="mitre")
    closed = shapely.buffer(wide, -reach, join_style="mitre")
    strips = shapely.get_parts(shapely.difference(closed, union))
    strips = shapely.buffer(strips, _OVERLAP_M, join_style="mitre")
    parts = shapely.get_parts(union)
    strip = shapely.STRtree(parts).query(strips, predicate="intersects")[0]
    touched = np.bincount(strip, minlength=len(strips))
    bridges = strips[touched > 1]
    return shapely.union_all([union, *bridges]) if len(bridges) else union


def join_rows(
    shapes: NDArray[np.object_],
    row_of_grid: NDArray[np.integer],
    size: int,
    *,
    gap_m: float = 0.0,
    chosen: NDArray[np.bool_] | None = None,
) -> NDArray[np.object_]:
    """Return the ground of each row that grids make up, shape (size,).

    Parameters
    ----------
    shapes
        Polygons of the grids.
    row_of_grid
        Row of each grid, -1 for none.
    size
        Number of rows.
    gap_m
        As of `join_grids`.
    chosen
        Which rows to join, shape (size,); all if None. Others, and rows without grids, are
        empty.
    """
    joined = np.full(size, shapely.Polygon(), dtype=object)
    order = np.argsort(row_of_grid, kind="stable")
    held = np.asarray(row_of_grid)[order]
    starts = np.flatnonzero(np.append(True, held[1:] != held[:-1])) if len(held) else held[:0]
    for row, members in zip(held[starts], np.split(order, starts[1:]), strict=False):
        if row >= 0 and (chosen is None or chosen[row]):
            joined[row] = join_grids(shapes[members], gap_m=gap_m)
    return joined


def polsby_popper(
    area_m2: NDArray[np.float64], perimeter_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return ``4 pi area / perimeter**2``: 1 for a circle, 0 for nothing.

    Polsby and Popper (1991), *Yale Law and Policy Review* 9.

    Parameters
    ----------
    area_m2, perimeter_m
        Of each shape.
    """
    square = perimeter_m**2
    return np.divide(
        4.0 * np.pi * area_m2, square, out=np.zeros(np.shape(area_m2)), where=square > 0
    )
