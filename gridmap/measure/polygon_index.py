"""Which polygon a point lies in, for millions of points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import shapely

from gridmap.measure import _raster, _raster_query
from gridmap.measure._rings import edges_of

__all__ = ["PolygonIndex"]

_MOST_CELLS = 2**24
_LEAST_CELLS = 2**12
_LONGEST_SIDE = 2**14
_FEW_EDGES = 12  # of a polygon: all are tested sooner than found by row
# Nanoseconds, measured: to draw one cell, and to test one point of a border cell. Only
# their ratio matters, and only for speed: no answer depends on it.
_CELL_COST = 16.0
_TEST_COST = 90.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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
    _raster: _raster_query.Raster

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
        if not len(edges):
            nothing = np.full(6, np.nan)
            labels = np.full(1, _raster.EMPTY, np.int32)
            empty = (nothing, (1, 1), labels, np.empty((0, 3), np.int32), np.empty((0, 4)))
            return cls(polygon_count=len(shapes), _raster=empty)
        bounds, shape = _frame(edges, max(expected_points, 1))
        cells = (edges - bounds[[0, 1, 0, 1]]) * bounds[[4, 5, 4, 5]]
        window = _raster.window_size(cells, starts, shape)
        labels = _raster.count_entries(cells, starts, shape, window)
        strips = _raster.lay_strips(cells, starts, shape, _FEW_EDGES)
        copies = _raster.fill_strips(cells, edges, starts, shape[0], strips)
        entries = _raster.write_entries(cells, starts, shape, window, labels, strips)
        return cls(polygon_count=len(shapes), _raster=(bounds, shape, labels, entries, copies))

    def locate(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Ints:
        """Return for each point the position of the first polygon that covers it, or -1.

        Parameters
        ----------
        x, y
            Coordinates of the points, in the CRS of the polygons; NaN gives -1.
        """
        x, y = _pair(x, y)
        found = np.empty(len(x), np.int64)
        _raster_query.locate_points(self._raster, x, y, found)
        return found

    def locate_all(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Ints, Ints]:
        """Return every pair of a point and a polygon that covers it.

        Returns
        -------
        tuple of arrays
            Positions of points, ascending, and of polygons, ascending within a point.
        """
        x, y = _pair(x, y)
        pairs = np.empty((len(x), 2), np.int64)
        total = _raster_query.locate_pairs(self._raster, x, y, pairs)
        if total > len(pairs):
            pairs = np.empty((total, 2), np.int64)
            _raster_query.locate_pairs(self._raster, x, y, pairs)
        return pairs[:total, 0].copy(), pairs[:total, 1].copy()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the raster."""
        return self._raster[1]

    @property
    def nbytes(self) -> int:
        """Bytes that the index holds."""
        _, _, labels, entries, copies = self._raster
        return int(labels.nbytes + entries.nbytes + copies.nbytes)

    def __repr__(self) -> str:
        rows, columns = self.shape
        border = _raster_query.border_share(self._raster[2])
        return (
            f"PolygonIndex({self.polygon_count} polygons, {rows} x {columns} cells, "
            f"{border:.0%} on borders, {self.nbytes / 2**20:.0f} MiB)"
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


def _frame(edges: Floats, points: int) -> tuple[Floats, tuple[int, int]]:
    """Return the raster's bounds with its scale, and its rows and columns.

    With cells of side s over an area A with borders of length L, drawing costs about
    ``_CELL_COST * A / s**2`` and testing ``_TEST_COST * points * L * s / A``; their sum is
    least where ``s**3 = 2 * _CELL_COST * A**2 / (_TEST_COST * points * L)``.
    """
    low = np.minimum(edges[:, :2], edges[:, 2:]).min(axis=0)
    high = np.maximum(edges[:, :2], edges[:, 2:]).max(axis=0)
    width, height = high - low
    # A polygon drawn as a single line still gets cells to be found in.
    longest = max(float(width), float(height), np.finfo(np.float64).tiny)
    sides = np.maximum([width, height], longest / _LONGEST_SIDE)
    area = float(sides[0] * sides[1])
    length = float(np.hypot(edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]).sum())
    side = np.cbrt(2 * _CELL_COST * area * area / (_TEST_COST * points * max(length, longest)))
    cells = min(max(area / side**2, _LEAST_CELLS), _MOST_CELLS)
    side = np.sqrt(area / cells)
    columns, rows = (int(min(max(np.ceil(s / side), 1), _LONGEST_SIDE)) for s in sides)
    bounds = np.array([low[0], low[1], high[0], high[1], columns / sides[0], rows / sides[1]])
    return bounds, (rows, columns)
