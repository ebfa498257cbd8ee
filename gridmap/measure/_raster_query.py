"""The compiled passes that answer points from a raster of polygons."""

from __future__ import annotations

from numba import njit

from gridmap.measure._orientation import orientation
from gridmap.measure._raster import EMPTY, WHOLE, Floats, Ints, Labels, cell_of

#: Bounds and scale (x0, y0, x1, y1, cells per metre in x and in y), shape, labels,
#: entries, edge copies: what a compiled pass needs to know of an index.
Raster = tuple[Floats, tuple[int, int], Labels, Labels, Floats]


@njit(cache=True, nogil=True)
def covers(copies: Floats, first: int, last: int, x: float, y: float) -> bool:
    """Return whether a point is inside or on the border of a polygon, exactly.

    The edges ``first`` to ``last`` are those of the polygon that come near the point's
    row, each drawn upwards. A ray goes from the point towards greater x.
    """
    inside = False
    for e in range(first, last):
        x1, y1, x2, y2 = copies[e, 0], copies[e, 1], copies[e, 2], copies[e, 3]
        if y < y1 or y > y2 or (x > x1 and x > x2):
            continue
        if y1 == y2:
            if min(x1, x2) <= x <= max(x1, x2):
                return True
            continue
        if x < x1 and x < x2:
            inside ^= y < y2
            continue
        side = orientation(x1, y1, x2, y2, x, y)
        if side == 0:
            return True
        if side > 0:
            inside ^= y < y2
    return inside


@njit(cache=True, nogil=True)
def label_at(raster: Raster, x: float, y: float) -> int:
    """Return the label of the cell of a point; `EMPTY` beyond the bounds and for NaN."""
    bounds, shape, labels, _, _ = raster
    if not (bounds[0] <= x <= bounds[2] and bounds[1] <= y <= bounds[3]):
        return EMPTY
    row = cell_of(y, bounds[1], bounds[5], shape[0])
    return int(labels[row * shape[1] + cell_of(x, bounds[0], bounds[4], shape[1])])


@njit(cache=True, nogil=True)
def resolve(raster: Raster, label: int, x: float, y: float) -> int:
    """Return the lowest polygon of a border cell that covers a point, or -1."""
    entries, copies = raster[3], raster[4]
    entry = -2 - label
    while True:
        polygon, first, after = entries[entry, 0], entries[entry, 1], entries[entry, 2]
        last = polygon < 0
        if last:
            polygon = -1 - polygon
        if first == WHOLE or covers(copies, first, after, x, y):
            return int(polygon)
        if last:
            return -1
        entry += 1


@njit(cache=True, nogil=True)
def locate_points(raster: Raster, x: Floats, y: Floats, found: Ints) -> None:
    """Write for each point the lowest polygon that covers it, or -1."""
    for i in range(len(x)):
        found[i] = label_at(raster, x[i], y[i])
    for i in range(len(x)):
        if found[i] < EMPTY:
            found[i] = resolve(raster, found[i], x[i], y[i])


@njit(cache=True, nogil=True)
def locate_pairs(raster: Raster, x: Floats, y: Floats, pairs: Ints) -> int:
    """Write each pair of a point and a polygon that covers it; return how many there are.

    Where ``pairs`` is full, pairs are counted only.
    """
    entries, copies = raster[3], raster[4]
    total = 0
    for i in range(len(x)):
        label = label_at(raster, x[i], y[i])
        if label > EMPTY:
            if total < len(pairs):
                pairs[total, 0], pairs[total, 1] = i, label
            total += 1
        elif label < EMPTY:
            entry = -2 - label
            last = False
            while not last:
                polygon, first, after = entries[entry, 0], entries[entry, 1], entries[entry, 2]
                last = polygon < 0
                if last:
                    polygon = -1 - polygon
                if first == WHOLE or covers(copies, first, after, x[i], y[i]):
                    if total < len(pairs):
                        pairs[total, 0], pairs[total, 1] = i, polygon
                    total += 1
                entry += 1
    return total


@njit(cache=True, nogil=True)
def border_share(labels: Labels) -> float:
    """Return the share of cells that points must be tested in."""
    border = 0
    for cell in range(len(labels)):
        border += labels[cell] < EMPTY
    return border / len(labels)
