"""Which polygon a point lies in, for millions of points; and prepared copies of shapes.

Compiled passes draw the polygons onto a raster of cells. Every cell says one of three things: no
polygon comes near (`EMPTY`), one polygon covers it whole (that polygon's index), or the cell is on
a border: then ``-2 - label`` is the first of its entries. An entry names a polygon and the edges
of that polygon in the cell's row, or `WHOLE` if it covers the cell. Entries of a cell stand in
ascending order of polygon and the last one carries a mark.

A cell counts as touched by an edge when the edge comes within `PAD` of it, in cells. The
arithmetic of cell numbers is wrong by about 1e-12 cells, so no touched cell is missed and
no answer depends on the raster.

The sign of ``(a - c) x (b - c)`` decides whether a point is inside a polygon. In plain
floating point it is wrong for points close to a border, so a fast filter is followed by
exact expansion arithmetic: Shewchuk (1997), "Adaptive precision floating-point arithmetic
and fast robust geometric predicates", *Discrete & Computational Geometry* 18(3).

A prepared shape keeps notes on itself while it is asked, so two threads that ask the same one
crash the process. A city's shapes are everybody's: only copies are ever prepared.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import shapely
from numpy.typing import NDArray

from gridmap._compiled import njit
from gridmap.errors import GeometryError, some_ids
from gridmap.typing import Bools, Floats, Ints, Ints32

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


_MOST_CELLS = 2**24
_LEAST_CELLS = 2**12
_LONGEST_SIDE = 2**14
_FEW_POLYGONS = 32
_FEW_EDGES = 12  # of a polygon: all are tested sooner than found by row
# Nanoseconds, measured: to draw one cell, and to test one point of a border cell. Only
# their ratio matters, and only for speed: no answer depends on it.
_CELL_COST = 16.0
_TEST_COST = 90.0


class _Tier(NamedTuple):
    """Polygons that lie together, and their raster."""

    polygons: Ints
    raster: Raster


@dataclass(frozen=True, slots=True, repr=False)
class PolygonIndex:
    """A raster over polygons that answers which polygon covers a point.

    A point in a cell that lies whole inside one polygon, or outside of all, is answered by
    looking the cell up. Any other point is tested against the edges in its row by a ray
    with an exact orientation test, so the answers are those of GEOS ``covers`` and do not
    depend on the raster's resolution.

    The rule: polygons are closed, and a point that several polygons cover (on a shared
    border, or where polygons overlap) belongs to the one that comes first in the input.
    `locate` gives that one, `locate_all` gives every polygon that covers the point. A point
    with a NaN coordinate lies in no polygon. An empty or missing polygon covers nothing.

    Make one with `PolygonIndex.build`.

    Examples
    --------
    >>> from shapely import box
    >>> index = PolygonIndex.build([box(0, 0, 1, 1), box(1, 0, 2, 1)])
    >>> index.locate([0.5, 1.0, 1.5, 3.0], [0.5, 0.5, 0.5, 0.5]).tolist()
    [0, 0, 1, -1]
    """

    polygon_count: int
    _tiers: tuple[_Tier, ...]

    @classmethod
    def build(
        cls, polygons: Iterable[shapely.Geometry | None], *, expected_points: int = 1_000_000
    ) -> Self:
        """Draw polygons onto a raster whose resolution suits them.

        Parameters
        ----------
        polygons
            Polygons and multipolygons in a projected CRS, in metres; may overlap.
        expected_points
            About how many points will be asked for: many are worth a finer raster. It
            changes the time taken, never an answer.

        Raises
        ------
        GeometryError
            If a geometry is neither a polygon nor empty, or has a coordinate that is not
            finite.
        """
        shapes = np.asarray(list(polygons), dtype=object)
        edges, starts, _ = edges_of(shapes)
        edges = _upward(edges)
        tiers, left = [], np.flatnonzero(np.diff(starts) > 0)
        while len(left):
            near = left[_together(edges, starts, left)]
            tiers.append(_tier(edges, starts, near, max(expected_points, 1)))
            left = np.setdiff1d(left, near)
        return cls(polygon_count=len(shapes), _tiers=tuple(tiers))

    def locate(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Ints:
        """Return for each point the position of the first polygon that covers it, or -1.

        Parameters
        ----------
        x, y
            Coordinates of the points, in the CRS of the polygons; NaN gives -1.
        """
        x, y = _pair(x, y)
        found = np.full(len(x), -1, np.int64)
        for at, tier in enumerate(self._tiers):
            here = found if at == 0 else np.empty(len(x), np.int64)
            locate_points(tier.raster, x, y, here)
            if len(tier.polygons) < self.polygon_count:
                here[:] = np.append(tier.polygons, -1)[here]
            if at:
                first = (here >= 0) & ((found < 0) | (here < found))
                found[first] = here[first]
        return found

    def locate_all(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Ints, Ints]:
        """Return every pair of a point and a polygon that covers it.

        Returns
        -------
        tuple of arrays
            Positions of points, ascending, and of polygons, ascending within a point.
        """
        x, y = _pair(x, y)
        every = [np.empty((0, 2), np.int64)]
        for tier in self._tiers:
            pairs = np.empty((len(x), 2), np.int64)
            total = locate_pairs(tier.raster, x, y, pairs)
            if total > len(pairs):
                pairs = np.empty((total, 2), np.int64)
                locate_pairs(tier.raster, x, y, pairs)
            pairs = pairs[:total]
            pairs[:, 1] = tier.polygons[pairs[:, 1]]
            every.append(pairs)
        found = np.concatenate(every)
        if len(self._tiers) > 1:
            found = found[np.lexsort((found[:, 1], found[:, 0]))]
        return found[:, 0].copy(), found[:, 1].copy()

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of each raster; there are several if polygons lie far apart."""
        return tuple(tier.raster[1] for tier in self._tiers)

    @property
    def nbytes(self) -> int:
        """Bytes that the index holds."""
        return sum(part.nbytes for tier in self._tiers for part in tier.raster[2:])

    def __repr__(self) -> str:
        parts = []
        for tier in self._tiers:
            border = float((tier.raster[2] < EMPTY).mean())
            rows, columns = tier.raster[1]
            parts.append(f"{rows} x {columns} cells ({border:.0%} on borders)")
        sizes = ", ".join(parts)
        return (
            f"PolygonIndex({self.polygon_count} polygons, {sizes or 'no cells'}, "
            f"{self.nbytes / 2**20:.0f} MiB)"
        )


def _pair(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if first.ndim != 1 or first.shape != second.shape:
        message = f"x and y must be of one length, received {first.shape} and {second.shape}"
        raise ValueError(message)
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


def _upward(edges: Floats) -> Floats:
    """Return the edges, each from its lower to its higher end."""
    downward = edges[:, 1] > edges[:, 3]
    upward = edges.copy()
    upward[downward] = edges[downward][:, [2, 3, 0, 1]]
    return upward


def _together(edges: Floats, starts: Ints, rows: Ints) -> Bools:
    """Return which polygons lie together, to be drawn onto one raster.

    One polygon with a wrong coordinate may lie a thousand kilometres off; cells that cover
    that ground as well would each hold half the city. Polygons count as together within
    three times the range in which the middle four fifths of them lie.
    """
    if len(rows) < _FEW_POLYGONS:
        return np.ones(len(rows), bool)
    low = np.minimum.reduceat(np.minimum(edges[:, :2], edges[:, 2:]), starts[rows])
    high = np.maximum.reduceat(np.maximum(edges[:, :2], edges[:, 2:]), starts[rows])
    start, stop = np.quantile((low + high) / 2, [0.1, 0.9], axis=0)
    room = 3.0 * np.maximum(stop - start, (high - low).mean(axis=0))
    near = ((low >= start - room) & (high <= stop + room)).all(axis=1)
    return near if near.any() else np.ones(len(rows), bool)


def _tier(edges: Floats, starts: Ints, rows: Ints, points: int) -> _Tier:
    """Draw some of the polygons onto a raster."""
    sizes = starts[rows + 1] - starts[rows]
    own_starts = np.concatenate([[0], np.cumsum(sizes)])
    if len(rows) < len(starts) - 1:
        taken = np.repeat(starts[rows] - own_starts[:-1], sizes) + np.arange(own_starts[-1])
        edges = edges[taken]
    bounds, shape = _frame(edges, own_starts, points)
    cells = (edges - bounds[[0, 1, 0, 1]]) * bounds[[4, 5, 4, 5]]
    window = window_size(cells, own_starts, shape)
    labels = count_entries(cells, own_starts, shape, window)
    strips = lay_strips(cells, own_starts, shape, _FEW_EDGES)
    copies = fill_strips(cells, edges, own_starts, shape[0], strips)
    entries = write_entries(cells, own_starts, shape, window, labels, strips)
    return _Tier(rows, (bounds, shape, labels, entries, copies))


def _frame(edges: Floats, starts: Ints, points: int) -> tuple[Floats, tuple[int, int]]:
    """Return the raster's bounds with its scale, and its rows and columns.

    With cells of side s over ground of area A with borders of length L, drawing costs about
    ``_CELL_COST * A / s**2`` and testing ``_TEST_COST * points * L * s / A``; their sum is
    least where ``s**3 = 2 * _CELL_COST * A**2 / (_TEST_COST * points * L)``. The ground is
    that of the polygons' boxes: what lies between them costs little.
    """
    ends_low = np.minimum(edges[:, :2], edges[:, 2:])
    ends_high = np.maximum(edges[:, :2], edges[:, 2:])
    low, high = ends_low.min(axis=0), ends_high.max(axis=0)
    width, height = high - low
    # A polygon drawn as a single line still gets cells to be found in.
    longest = max(float(width), float(height), np.finfo(np.float64).tiny)
    sides = np.maximum([width, height], longest / _LONGEST_SIDE)
    area = float(sides[0] * sides[1])
    boxes = np.maximum.reduceat(ends_high, starts[:-1]) - np.minimum.reduceat(
        ends_low, starts[:-1]
    )
    ground = min(area, max(float(boxes.prod(axis=1).sum()), area / _MOST_CELLS))
    length = float(np.hypot(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]).sum())
    side = np.cbrt(2 * _CELL_COST * ground**2 / (_TEST_COST * points * max(length, longest)))
    most = min(max(16 * points + 256 * len(starts), _LEAST_CELLS), _MOST_CELLS)
    cells = min(max(area / side**2, _LEAST_CELLS), most)
    side = np.sqrt(area / cells)
    columns, rows = (int(min(max(np.ceil(s / side), 1), _LONGEST_SIDE)) for s in sides)
    bounds = np.array([low[0], low[1], high[0], high[1], columns / sides[0], rows / sides[1]])
    return bounds, (rows, columns)


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


def require_valid(shapes: npt.NDArray[np.object_], names: npt.NDArray[np.generic]) -> None:
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


def prepared_copies(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return flat copies of shapes, prepared for the caller alone.

    Parameters
    ----------
    shapes : (n,)
        Shapes of any kind; None stays None.

    Examples
    --------
    >>> square = np.array([shapely.box(0, 0, 1, 1)], dtype=object)
    >>> copy = prepared_copies(square)
    >>> shapely.is_prepared(copy).all(), shapely.is_prepared(square).any()
    (np.True_, np.False_)
    """
    copies = np.asarray(shapely.force_2d(shapes), dtype=object)
    shapely.prepare(copies)
    return copies
