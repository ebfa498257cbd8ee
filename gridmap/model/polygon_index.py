"""Which polygon a point lies in, for millions of points; and prepared copies of shapes.

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

from gridmap.errors import GeometryError, some_ids
from gridmap.model import _raster
from gridmap.typing import Bools, Floats, Ints

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
    raster: _raster.Raster


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
            _raster.locate_points(tier.raster, x, y, here)
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
            total = _raster.locate_pairs(tier.raster, x, y, pairs)
            if total > len(pairs):
                pairs = np.empty((total, 2), np.int64)
                _raster.locate_pairs(tier.raster, x, y, pairs)
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
            border = _raster.border_share(tier.raster[2])
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
