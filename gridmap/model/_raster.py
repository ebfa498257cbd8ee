"""The compiled passes that draw polygons onto a raster of cells and answer points from it.

Every cell of the raster says one of three things: no polygon comes near (`EMPTY`), one
polygon covers it whole (that polygon's index), or the cell is on a border: then
``-2 - label`` is the first of its entries. An entry names a polygon and the edges of that
polygon in the cell's row, or `WHOLE` if it covers the cell. Entries of a cell stand in
ascending order of polygon and the last one carries a mark.

A cell counts as touched by an edge when the edge comes within `PAD` of it, in cells. The
arithmetic of cell numbers is wrong by about 1e-12 cells, so no touched cell is missed and
no answer depends on the raster.

The sign of ``(a - c) x (b - c)`` decides whether a point is inside a polygon. In plain
floating point it is wrong for points close to a border, so a fast filter is followed by
exact expansion arithmetic: Shewchuk (1997), "Adaptive precision floating-point arithmetic
and fast robust geometric predicates", *Discrete & Computational Geometry* 18(3).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridmap._compiled import njit
from gridmap.typing import Floats, Ints, Ints32

EMPTY = -1
WHOLE = -1
PAD = 1e-6

Labels = Ints32
Bytes = npt.NDArray[np.uint8]


@njit(cache=True, nogil=True)
def cell_of(value: float, low: float, per_cell: float, cells: int) -> int:
    """Return the number of the cell along one axis in which a coordinate lies."""
    number = int((value - low) * per_cell)
    return min(number, cells - 1)


@njit(cache=True, nogil=True)
def _clip(value: float, cells: int) -> int:
    return min(max(int(np.floor(value)), 0), cells - 1)


@njit(cache=True, nogil=True)
def _span(edges: Floats, first: int, last: int, shape: tuple[int, int]) -> Ints:
    """Return the first and last row and column that the edges of a polygon come near."""
    u_low, u_high, v_low, v_high = np.inf, -np.inf, np.inf, -np.inf
    for e in range(first, last):
        u_low = min(u_low, edges[e, 0], edges[e, 2])
        u_high = max(u_high, edges[e, 0], edges[e, 2])
        v_low = min(v_low, edges[e, 1])
        v_high = max(v_high, edges[e, 3])
    span = np.empty(4, np.int64)
    span[0], span[1] = _clip(v_low - PAD, shape[0]), _clip(v_high + PAD, shape[0])
    span[2], span[3] = _clip(u_low - PAD, shape[1]), _clip(u_high + PAD, shape[1])
    return span


@njit(cache=True, nogil=True)
def _draw(edges: Floats, first: int, last: int, span: Ints, touched: Bytes, turn: Bytes) -> None:
    """Mark in a polygon's window the cells its edges touch and where its inside turns."""
    row0, row1, col0, col1 = span[0], span[1], span[2], span[3]
    width = col1 - col0 + 1
    size = (row1 - row0 + 1) * width
    touched[:size] = 0
    turn[:size] = 0
    for e in range(first, last):
        u1, v1, u2, v2 = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
        u_low, u_high = min(u1, u2), max(u1, u2)
        slope = (u2 - u1) / (v2 - v1) if v2 > v1 else 0.0
        bottom = max(int(np.floor(v1 - PAD)), row0)
        top = min(int(np.floor(v2 + PAD)), row1)
        for row in range(bottom, top + 1):
            left, right = u_low, u_high
            if v2 > v1:
                a = u1 + slope * (max(v1, row - PAD) - v1)
                b = u1 + slope * (min(v2, row + 1 + PAD) - v1)
                left, right = max(u_low, min(a, b)), min(u_high, max(a, b))
            base = (row - row0) * width - col0
            start = max(int(np.floor(left - PAD)), col0)
            stop = min(int(np.floor(right + PAD)), col1)
            for col in range(start, stop + 1):
                touched[base + col] = 1
            middle = row + 0.5
            if v1 <= middle < v2:
                col = min(max(int(np.floor(u1 + slope * (middle - v1))), col0), col1)
                turn[base + col] ^= 1


@njit(cache=True, nogil=True)
def window_size(edges: Floats, starts: Ints, shape: tuple[int, int]) -> int:
    """Return the number of cells of the largest window that any polygon needs."""
    most = 1
    for k in range(len(starts) - 1):
        if starts[k] < starts[k + 1]:
            span = _span(edges, starts[k], starts[k + 1], shape)
            most = max(most, (span[1] - span[0] + 1) * (span[3] - span[2] + 1))
    return most


@njit(cache=True, nogil=True)
def count_entries(edges: Floats, starts: Ints, shape: tuple[int, int], window: int) -> Labels:
    """Return for each cell what polygons it will have to name.

    0 stands for no polygon, k + 1 says that polygon k covers the cell whole and is the only one,
    and a negative number counts the entries of a border cell.
    """
    labels = np.zeros(shape[0] * shape[1], np.int32)
    touched = np.empty(window, np.uint8)
    turn = np.empty(window, np.uint8)
    for k in range(len(starts) - 1):
        if starts[k] == starts[k + 1]:
            continue
        span = _span(edges, starts[k], starts[k + 1], shape)
        _draw(edges, starts[k], starts[k + 1], span, touched, turn)
        width = span[3] - span[2] + 1
        for row in range(span[0], span[1] + 1):
            inside = 0
            base = (row - span[0]) * width
            cell = row * shape[1] + span[2]
            for col in range(width):
                border = touched[base + col]
                if border or inside:
                    before = labels[cell + col]
                    if before > 0:
                        labels[cell + col] = -2
                    elif before < 0 or border:
                        labels[cell + col] = before - 1
                    else:
                        labels[cell + col] = k + 1
                inside ^= turn[base + col]
    return labels


@njit(cache=True, nogil=True)
def lay_strips(
    edges: Floats, starts: Ints, shape: tuple[int, int], few: int
) -> tuple[Ints, Ints, Ints]:
    """Plan which edges are to be tested for each polygon and row.

    A polygon of ``few`` edges or less has all of them tested in every row. Of any other,
    each row has a strip: copies of the edges that come near that row.

    Returns
    -------
    tuple
        First row of each polygon; first strip of each polygon, the next polygon's if it
        has none; bounds of each strip's edges, which stand after all polygons' own.
    """
    rows = shape[0]
    polygons = len(starts) - 1
    first_row = np.zeros(polygons, np.int64)
    first_strip = np.zeros(polygons + 1, np.int64)
    for k in range(polygons):
        first_strip[k + 1] = first_strip[k]
        if starts[k + 1] - starts[k] > few:
            span = _span(edges, starts[k], starts[k + 1], shape)
            first_row[k] = span[0]
            first_strip[k + 1] += span[1] - span[0] + 1
    bounds = np.zeros(first_strip[polygons] + 1, np.int64)
    bounds[0] = len(edges)
    for k in range(polygons):
        if first_strip[k] < first_strip[k + 1]:
            for e in range(starts[k], starts[k + 1]):
                bottom, top = _clip(edges[e, 1] - PAD, rows), _clip(edges[e, 3] + PAD, rows)
                for row in range(bottom, top + 1):
                    bounds[first_strip[k] + row - first_row[k] + 1] += 1
    for strip in range(len(bounds) - 1):
        bounds[strip + 1] += bounds[strip]
    return first_row, first_strip, bounds


@njit(cache=True, nogil=True)
def fill_strips(
    edges: Floats, metres: Floats, starts: Ints, rows: int, strips: tuple[Ints, Ints, Ints]
) -> Floats:
    """Return the edges in metres, followed by the copies that the strips hold."""
    first_row, first_strip, bounds = strips
    copies = np.empty((bounds[-1], 4))
    copies[: len(metres)] = metres
    at = bounds[:-1].copy()
    for k in range(len(starts) - 1):
        if first_strip[k] == first_strip[k + 1]:
            continue
        for e in range(starts[k], starts[k + 1]):
            bottom, top = _clip(edges[e, 1] - PAD, rows), _clip(edges[e, 3] + PAD, rows)
            for row in range(bottom, top + 1):
                strip = first_strip[k] + row - first_row[k]
                for part in range(4):
                    copies[at[strip], part] = metres[e, part]
                at[strip] += 1
    return copies


@njit(cache=True, nogil=True)
def write_entries(
    edges: Floats,
    starts: Ints,
    shape: tuple[int, int],
    window: int,
    labels: Labels,
    strips: tuple[Ints, Ints, Ints],
) -> Labels:
    """Turn the counts of `count_entries` into labels, in place, and return the entries.

    An entry is the polygon, its first edge to test (or `WHOLE`) and the one after the
    last; the polygon of a cell's last entry is stored as ``-1 - polygon``.
    """
    first_row, first_strip, bounds = strips
    total = 0
    for cell in range(len(labels)):
        if labels[cell] >= 0:
            labels[cell] -= 1
        else:
            count = -labels[cell]
            labels[cell] = -2 - total
            total += count
    entries = np.empty((total, 3), np.int32)
    touched = np.empty(window, np.uint8)
    turn = np.empty(window, np.uint8)
    for k in range(len(starts) - 1):
        if starts[k] == starts[k + 1]:
            continue
        span = _span(edges, starts[k], starts[k + 1], shape)
        _draw(edges, starts[k], starts[k + 1], span, touched, turn)
        width = span[3] - span[2] + 1
        for row in range(span[0], span[1] + 1):
            inside = 0
            base = (row - span[0]) * width
            cell = row * shape[1] + span[2]
            first, after = starts[k], starts[k + 1]
            if first_strip[k] < first_strip[k + 1]:
                strip = first_strip[k] + row - first_row[k]
                first, after = bounds[strip], bounds[strip + 1]
            for col in range(width):
                border = touched[base + col]
                label = labels[cell + col]
                if (border or inside) and label < EMPTY:
                    entry = -2 - label
                    labels[cell + col] = label - 1  # the place of the cell's next entry
                    entries[entry, 0] = k
                    entries[entry, 1] = first if border else WHOLE
                    entries[entry, 2] = after if border else WHOLE
                inside ^= turn[base + col]
    at = 0
    for cell in range(len(labels)):
        if labels[cell] < EMPTY:  # now the place after the cell's last entry
            after = -2 - labels[cell]
            entries[after - 1, 0] = -1 - entries[after - 1, 0]
            labels[cell] = -2 - at
            at = after
    return entries


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


_EPSILON = 2.0**-53
_FILTER = (3.0 + 16.0 * _EPSILON) * _EPSILON
_SPLITTER = 2.0**27 + 1.0


@njit(cache=True, nogil=True)
def _product(a: float, b: float) -> tuple[float, float]:
    """Return a product and its rounding error (Dekker)."""
    high = a * b
    t = _SPLITTER * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLITTER * b
    b_high = t - (t - b)
    b_low = b - b_high
    error = high - a_high * b_high
    error -= a_low * b_high
    error -= a_high * b_low
    return high, a_low * b_low - error


@njit(cache=True, nogil=True)
def _exact_sign(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> int:
    """Return the sign of the 3x3 determinant by summing twelve exact terms."""
    terms = np.empty(12)
    terms[1], terms[0] = _product(ax, by)
    terms[3], terms[2] = _product(-ay, bx)
    terms[5], terms[4] = _product(ay, cx)
    terms[7], terms[6] = _product(-ax, cy)
    terms[9], terms[8] = _product(bx, cy)
    terms[11], terms[10] = _product(-by, cx)
    expansion = np.zeros(12)
    for size in range(12):
        carry = terms[size]
        for place in range(size):  # grow-expansion: the sum stays exact and non-overlapping
            other = expansion[place]
            total = carry + other
            part = total - carry
            expansion[place] = (carry - (total - part)) + (other - part)
            carry = total
        expansion[size] = carry
    for place in range(11, -1, -1):
        if expansion[place] > 0.0:
            return 1
        if expansion[place] < 0.0:
            return -1
    return 0


@njit(cache=True, nogil=True)
def orientation(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> int:
    """Return 1 if c lies left of the line from a to b, -1 if right, 0 if on it, exactly."""
    left = (ax - cx) * (by - cy)
    right = (ay - cy) * (bx - cx)
    det = left - right
    if left > 0.0:
        if right <= 0.0:
            return 1 if det > 0.0 else 0
        bound = _FILTER * (left + right)
    elif left < 0.0:
        if right >= 0.0:
            return -1
        bound = -_FILTER * (left + right)
    else:
        if ax == cx or by == cy:
            return 1 if right < 0.0 else (-1 if right > 0.0 else 0)
        bound = np.inf  # the product underflowed
    if det > bound:
        return 1
    if -det > bound:
        return -1
    sign: int = _exact_sign(ax, ay, bx, by, cx, cy)
    return sign
