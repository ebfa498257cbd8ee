"""The compiled passes that draw polygons onto a raster of cells.

Every cell of the raster says one of three things: no polygon comes near (`EMPTY`), one
polygon covers it whole (that polygon's index), or the cell is on a border: then
``-2 - label`` is the first of its entries. An entry names a polygon and the edges of that
polygon in the cell's row, or `WHOLE` if it covers the cell. Entries of a cell stand in
ascending order of polygon and the last one carries a mark.

A cell counts as touched by an edge when the edge comes within `PAD` of it, in cells. The
arithmetic of cell numbers is wrong by about 1e-12 cells, so no touched cell is missed and
no answer depends on the raster.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridmap._compiled import njit

EMPTY = -1
WHOLE = -1
PAD = 1e-6

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]
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

    0 is none, k + 1 says that polygon k covers the cell whole and is the only one, and a
    negative number counts the entries of a border cell.
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
