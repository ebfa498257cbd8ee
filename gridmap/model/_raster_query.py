"""The compiled passes that answer points from a raster of polygons."""

from __future__ import annotations

import numpy as np

from gridmap._compiled import njit
from gridmap.model._orientation import orientation
from gridmap.model._raster import EMPTY, WHOLE, Floats, Ints, Labels, cell_of

_BLOCK = 4096  # points that are worked on together, so that they stay in cache

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
def _look_up(raster: Raster, x: Floats, y: Floats, found: Ints) -> None:
    """Write the label of each point's cell; `EMPTY` beyond the bounds and for NaN."""
    bounds, shape, labels, _, _ = raster
    # As scalars, and with & for `and`: a branch per point is three times as slow.
    x_low, y_low, x_high, y_high = bounds[0], bounds[1], bounds[2], bounds[3]
    columns_per_m, rows_per_m = bounds[4], bounds[5]
    rows, columns = shape
    for i in range(len(x)):
        if (x[i] >= x_low) & (x[i] <= x_high) & (y[i] >= y_low) & (y[i] <= y_high):
            row = cell_of(y[i], y_low, rows_per_m, rows)
            found[i] = labels[row * columns + cell_of(x[i], x_low, columns_per_m, columns)]
        else:
            found[i] = EMPTY


@njit(cache=True, nogil=True)
def _list_unsure(raster: Raster, found: Ints, unsure: Ints) -> tuple[int, float]:
    """List the points in border cells, and read what their tests will need.

    These reads do not wait for each other, so memory answers them together; the sum of what
    was read is returned only to keep them from being left out.
    """
    _, _, _, entries, copies = raster
    count = 0
    for i in range(len(found)):
        unsure[count] = i
        count += found[i] < EMPTY
    read = 0.0
    for k in range(count):
        entry = -2 - found[unsure[k]]
        after = min(entry + 1, len(entries) - 1)
        read += copies[max(entries[entry, 1], 0), 0] + copies[max(entries[after, 1], 0), 0]
    return count, read


@njit(cache=True, nogil=True)
def _resolve(raster: Raster, x: Floats, y: Floats, found: Ints, unsure: Ints) -> None:
    """Replace the labels of points in border cells by the lowest polygon or -1."""
    _, _, _, entries, copies = raster
    for i in unsure:
        entry = -2 - found[i]
        found[i] = -1
        last = False
        while not last:
            polygon, first, after = entries[entry, 0], entries[entry, 1], entries[entry, 2]
            last = polygon < 0
            if first == WHOLE or covers(copies, first, after, x[i], y[i]):
                found[i] = -1 - polygon if last else polygon
                break
            entry += 1


@njit(cache=True, nogil=True)
def locate_points(raster: Raster, x: Floats, y: Floats, found: Ints) -> float:
    """Write for each point the lowest polygon that covers it, or -1."""
    unsure = np.empty(_BLOCK + 1, np.int64)
    read = 0.0
    for start in range(0, len(x), _BLOCK):
        stop = min(start + _BLOCK, len(x))
        some_x, some_y, some = x[start:stop], y[start:stop], found[start:stop]
        _look_up(raster, some_x, some_y, some)
        count, more = _list_unsure(raster, some, unsure)
        read += more
        _resolve(raster, some_x, some_y, some, unsure[:count])
    return read


@njit(cache=True, nogil=True)
def locate_pairs(raster: Raster, x: Floats, y: Floats, pairs: Ints) -> int:
    """Write each pair of a point and a polygon that covers it; return how many there are.

    Where ``pairs`` is full, pairs are counted only.
    """
    _, _, _, entries, copies = raster
    labels = np.empty(len(x), np.int64)
    _look_up(raster, x, y, labels)
    total = 0
    for i in range(len(x)):
        if labels[i] > EMPTY:
            if total < len(pairs):
                pairs[total, 0], pairs[total, 1] = i, labels[i]
            total += 1
        elif labels[i] < EMPTY:
            entry = -2 - labels[i]
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
