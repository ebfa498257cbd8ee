"""Shared borders of polygons, exact where they are noded and tolerant where they are not."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

_DRAWN_M = 0.05  # lines this near were drawn as one, and reprojected

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
    (first, second, length), loose_ends = _exact(polygons)
    if gap_m > 0:
        length = length + _missed(loose_ends, first, second, gap_m)
        loose = _tolerant(polygons, first, second, gap_m)
        first = np.concatenate([first, loose[0]])
        second = np.concatenate([second, loose[1]])
        length = np.concatenate([length, loose[2]])
    order = np.lexsort((second, first))
    return first[order].astype(np.int32), second[order].astype(np.int32), length[order]


def _exact(polygons: NDArray[np.object_]) -> tuple[Pairs, NDArray[np.object_]]:
    """Match identical segments by their end points: one sort, no overlay.

    Returns
    -------
    pairs
        As of `shared_borders`.
    loose_ends : (n,) array of lines
        What of each polygon's border is no other's to the point; empty where all is.
    """
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
    pairs = _summed(i[other], j[other], long[other], len(polygons))
    alone = np.ones(len(who), dtype=bool)
    alone[1:][same] = alone[:-1][same] = False
    return pairs, _gathered(low[alone], high[alone], who[alone], len(polygons))


def _gathered(
    low: NDArray[np.float64], high: NDArray[np.float64], who: NDArray[np.intp], n: int
) -> NDArray[np.object_]:
    """Return the segments of each polygon as one shape, shape (n,)."""
    lines = np.full(n, shapely.from_wkt("MULTILINESTRING EMPTY"), dtype=object)
    if len(who):
        order = np.argsort(who, kind="stable")
        segments = shapely.linestrings(np.stack([low[order], high[order]], axis=1))
        shapely.multilinestrings(segments, indices=who[order], out=lines)
    return lines


def _missed(
    lines: NDArray[np.object_],
    first: NDArray[np.int32],
    second: NDArray[np.int32],
    gap_m: float,
) -> NDArray[np.float64]:
    """Return what exact matching has missed of each pair's border, in metres.

    A vertex that only one of two neighbours has, or a stretch that is drawn twice, leaves
    part of their border unmatched.
    """
    more = np.zeros(len(first))
    rows = np.flatnonzero(shapely.dwithin(lines[first], lines[second], gap_m))
    if len(rows) == 0:
        return more
    one, other = lines[first[rows]], lines[second[rows]]
    wide, narrow = (_alongside(one, other, width) for width in (gap_m, min(gap_m, _DRAWN_M)))
    found = _true_length(wide, narrow, gap_m)
    more[rows] = np.where(found > 3.0 * min(gap_m, _DRAWN_M), found, 0.0)
    return more


def _alongside(
    one: NDArray[np.object_], other: NDArray[np.object_], width_m: float
) -> NDArray[np.float64]:
    there = shapely.length(shapely.intersection(one, _strip(other, width_m)))
    back = shapely.length(shapely.intersection(other, _strip(one, width_m)))
    return np.minimum(there, back)


def _strip(lines: NDArray[np.object_], width_m: float) -> NDArray[np.object_]:
    return np.asarray(shapely.buffer(lines, width_m, cap_style="flat", quad_segs=2))


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

    def shared(width_m: float) -> NDArray[np.float64]:
        there = _inside(boundary[i], polygons[j], width_m)
        return np.minimum(there, _inside(boundary[j], polygons[i], width_m))

    wide = shared(gap_m)
    keep = wide > 10.0 * gap_m
    i, j, wide = i[keep], j[keep], wide[keep]
    length = _true_length(wide, shared(min(gap_m, _DRAWN_M)), gap_m)
    return i.astype(np.int32), j.astype(np.int32), length


def _inside(
    lines: NDArray[np.object_], areas: NDArray[np.object_], width_m: float
) -> NDArray[np.float64]:
    near = shapely.buffer(areas, width_m, quad_segs=2)
    return np.asarray(shapely.length(shapely.intersection(lines, near)))


def _true_length(
    wide: NDArray[np.float64], narrow: NDArray[np.float64], gap_m: float
) -> NDArray[np.float64]:
    """Return how long borders are, of what runs within the gap and what runs on one line.

    Where borders part at a corner they are within the gap for as much on either side: what is
    on one line tells better, unless the border is drawn twice.
    """
    return np.where(wide - narrow > 3.0 * gap_m, wide, narrow)


def _summed(
    i: NDArray[np.intp], j: NDArray[np.intp], length: NDArray[np.float64], n: int
) -> Pairs:
    key, group = np.unique(
        np.minimum(i, j).astype(np.int64) * n + np.maximum(i, j), return_inverse=True
    )
    total = np.bincount(group, weights=length, minlength=len(key)).astype(float)
    keep = total > 1e-3
    return (key[keep] // n).astype(np.int32), (key[keep] % n).astype(np.int32), total[keep]
