"""Shared borders of polygons, exact where they are noded and tolerant where they are not."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

Pairs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]


def shared_borders(polygons: NDArray[np.object_], *, gap_m: float) -> Pairs:
    """Return pairs of polygons that share a border, and its length in metres.

    Parameters
    ----------
    polygons : (n,) array of shapely polygons
    gap_m
        How far apart two borders may lie, or overlap, and still be one.

    Returns
    -------
    first, second, length_m
        Sorted pairs with ``first < second``. Corner contacts are left out: a pair counts
        when its borders run together for more than ten times ``gap_m``, or coincide
        exactly for any positive length over a millimetre.
    """
    first, second, length = _exact(polygons)
    if gap_m > 0:
        loose = _tolerant(polygons, first, second, gap_m)
        first = np.concatenate([first, loose[0]])
        second = np.concatenate([second, loose[1]])
        length = np.concatenate([length, loose[2]])
    order = np.lexsort((second, first))
    return first[order].astype(np.int32), second[order].astype(np.int32), length[order]


def _exact(polygons: NDArray[np.object_]) -> Pairs:
    """Match identical segments by their end points: one sort, no overlay."""
    # Parts of one boundary follow each other: a step between parts is no segment.
    parts, owner = shapely.get_parts(shapely.boundary(polygons), return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    step = part[1:] == part[:-1]
    a, b, who = xy[:-1][step], xy[1:][step], owner[part[1:][step]]
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    low, high = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
    order = np.lexsort((high[:, 1], high[:, 0], low[:, 1], low[:, 0]))
    low, high, who = low[order], high[order], who[order]
    same = (low[1:] == low[:-1]).all(axis=1) & (high[1:] == high[:-1]).all(axis=1)
    i, j = who[:-1][same], who[1:][same]
    long = np.hypot(*(high[:-1][same] - low[:-1][same]).T)
    other = i != j
    return _summed(i[other], j[other], long[other], len(polygons))


def _tolerant(
    polygons: NDArray[np.object_],
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    gap_m: float,
) -> Pairs:
    """Measure the touching pairs that exact matching has missed."""
    n = len(polygons)
    tree = shapely.STRtree(polygons)
    i, j = tree.query(polygons, predicate="dwithin", distance=gap_m)
    known = first.astype(np.int64) * n + second
    mask = (i < j) & ~np.isin(i.astype(np.int64) * n + j, known)
    i, j = i[mask], j[mask]
    # Corners are the most of these pairs in a clean layer: two cells that meet in one
    # point have envelopes whose overlap is no longer than the tolerance allows.
    boxes = shapely.bounds(polygons)
    wide = np.minimum(boxes[i, 2], boxes[j, 2]) - np.maximum(boxes[i, 0], boxes[j, 0])
    high = np.minimum(boxes[i, 3], boxes[j, 3]) - np.maximum(boxes[i, 1], boxes[j, 1])
    i, j = (rows[np.hypot(np.maximum(wide, 0), np.maximum(high, 0)) > gap_m] for rows in (i, j))
    if len(i) == 0:
        return first[:0], second[:0], np.empty(0, dtype=float)
    boundary = shapely.boundary(polygons)
    inside = shapely.length(
        shapely.intersection(boundary[i], shapely.buffer(polygons[j], gap_m, quad_segs=2))
    )
    back = shapely.length(
        shapely.intersection(boundary[j], shapely.buffer(polygons[i], gap_m, quad_segs=2))
    )
    length = np.minimum(inside, back)
    keep = length > 10.0 * gap_m
    return i[keep].astype(np.int32), j[keep].astype(np.int32), length[keep]


def _summed(
    i: NDArray[np.intp], j: NDArray[np.intp], length: NDArray[np.float64], n: int
) -> Pairs:
    key, group = np.unique(
        np.minimum(i, j).astype(np.int64) * n + np.maximum(i, j), return_inverse=True
    )
    total = np.bincount(group, weights=length, minlength=len(key)).astype(float)
    keep = total > 1e-3
    return (key[keep] // n).astype(np.int32), (key[keep] % n).astype(np.int32), total[keep]
