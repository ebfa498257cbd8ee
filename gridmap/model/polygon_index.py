"""Which polygon a point lies in, for millions of points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import shapely

from gridmap.model import _raster, _raster_query
from gridmap.model._rings import edges_of

__all__ = ["PolygonIndex"]

_MOST_CELLS = 2**24
_LEAST_CELLS = 2**12
_LONGEST_SIDE = 2**14
_FEW_POLYGONS = 32
_FEW_EDGES = 12  # of a polygon: all are tested sooner than found by row
# Nanoseconds, measured: to draw one cell, and to test one point of a border cell. Only
# their ratio matters, and only for speed: no answer depends on it.
_CELL_COST = 16.0
_TEST_COST = 90.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class _Tier(NamedTuple):
    """Polygons that lie together, and their raster."""

    polygons: Ints
    raster: _raster_query.Raster


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
            _raster_query.locate_points(tier.raster, x, y, here)
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
            total = _raster_query.locate_pairs(tier.raster, x, y, pairs)
            if total > len(pairs):
                pairs = np.empty((total, 2), np.int64)
                _raster_query.locate_pairs(tier.raster, x, y, pairs)
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
            border = _raster_query.border_share(tier.raster[2])
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


def _together(edges: Floats, starts: Ints, rows: Ints) -> npt.NDArray[np.bool_]:
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
    window = _raster.window_size(cells, own_starts, shape)
    labels = _raster.count_entries(cells, own_starts, shape, window)
    strips = _raster.lay_strips(cells, own_starts, shape, _FEW_EDGES)
    copies = _raster.fill_strips(cells, edges, own_starts, shape[0], strips)
    entries = _raster.write_entries(cells, own_starts, shape, window, labels, strips)
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
