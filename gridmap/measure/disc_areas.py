"""Exact area of a polygon within reach of at least k discs, by Green's theorem.

The region of a polygon where at least ``k`` discs overlap is bounded by pieces of the
polygon's own border (where the count of discs is ``k`` or more) and by arcs of circles (where
crossing the arc lifts the count to ``k``). Half the integral of ``x dy - y dx`` along those
pieces is its area, so no circle is ever replaced by a polygon and the only error is that of
floating point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy
import shapely

from gridmap._compiled import njit
from gridmap.typing import Floats, Ints

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


_TURN = 2.0 * np.pi
_TOUCH = 1e-12  # what counts as touching, of a radius squared


def covered_share(
    polygons: ArrayLike, rooms_xy: ArrayLike, *, radius_m: float, at_least: int = 1
) -> Floats:
    """Return the share of each polygon's area within a straight-line distance of a room.

    The area is that of the true circles, not of polygons drawn for them; the error is that
    of floating point, below 1e-9 of the polygon's area.

    Parameters
    ----------
    polygons
        Polygons or multipolygons in metres, shape (n,).
    rooms_xy
        Positions of the rooms, shape (m, 2); m may be 0.
    radius_m
        Distance from a room that counts as covered (``<=``), metres.
    at_least
        How many rooms must be that near: 1 for coverage, 2 for backup coverage. Rooms at
        one position count each.

    Returns
    -------
    ndarray
        Shares from 0 to 1, shape (n,). A polygon of zero area has the share of its
        representative point: 0 or 1; an empty one has 0.

    Examples
    --------
    Of a square of side 2, a room in its corner covers a quarter circle of radius 1, pi / 16:

    >>> float(covered_share([shapely.box(0, 0, 2, 2)], [(0, 0)], radius_m=1.0).round(6)[0])
    0.19635
    """
    shapes = np.asarray(polygons, dtype=object)
    rooms = np.asarray(rooms_xy, dtype=np.float64).reshape(-1, 2)
    shares = np.zeros(len(shapes))
    filled = np.flatnonzero(~shapely.is_empty(shapes) & ~shapely.is_missing(shapes))
    if len(rooms) < at_least or len(filled) == 0:
        return shares
    places, multiplicity = np.unique(rooms, axis=0, return_counts=True)
    tree = scipy.spatial.cKDTree(places)
    box = shapely.bounds(shapes[filled])
    middle = (box[:, :2] + box[:, 2:]) / 2.0
    reach = np.hypot(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]) / 2.0
    nearest, _ = tree.query(middle)
    shares[filled] = (nearest <= radius_m - reach) & (at_least == 1)
    unsure = (nearest <= radius_m + reach) & (shares[filled] == 0.0)
    rows = filled[unsure]
    if len(rows) == 0:
        return shares
    near = tree.query_ball_point(middle[unsure], radius_m + reach[unsure])
    counts = np.fromiter((len(found) for found in near), np.int64, len(near))
    flat = np.concatenate([np.asarray(found, dtype=np.int64) for found in near])
    owner = np.repeat(np.arange(len(rows)), counts)
    areas = shapely.area(shapes[rows])
    flatless = areas > 0.0
    covered = multi_disc_areas(
        *border_segments(shapes[rows]),
        places[flat] - middle[unsure][owner],
        np.concatenate([[0], np.cumsum(counts)]),
        multiplicity[flat],
        float(radius_m),
        int(at_least),
    )
    shares[rows[flatless]] = np.clip(covered[flatless] / areas[flatless], 0.0, 1.0)
    for row in rows[~flatless]:
        point = shapely.get_coordinates(shapely.point_on_surface(shapes[row]))
        within = tree.query_ball_point(point[0], radius_m)
        shares[row] = float(multiplicity[within].sum() >= at_least)
    return shares


def border_segments(polygons: NDArray[np.object_]) -> tuple[Floats, Ints]:
    """Return the border of each polygon as directed segments, its inside on their left.

    Parameters
    ----------
    polygons
        Polygons or multipolygons, shape (n,); holes are kept.

    Returns
    -------
    segments, starts
        Segments ``x0, y0, x1, y1`` relative to the middle of each polygon's box, and where
        each polygon's segments start, shape (n + 1,).
    """
    parts, of_polygon = shapely.get_parts(polygons, return_index=True)
    rings, of_part = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
    xy, of_ring = shapely.get_coordinates(rings, return_index=True)
    owner = of_polygon[of_part[of_ring]]
    box = shapely.bounds(polygons)
    middle = (box[:, :2] + box[:, 2:]) / 2.0
    xy = xy - middle[owner]
    inside_ring = of_ring[1:] == of_ring[:-1]
    segments = np.hstack([xy[:-1], xy[1:]])[inside_ring]
    counts = np.bincount(owner[:-1][inside_ring], minlength=len(polygons))
    return np.ascontiguousarray(segments), np.concatenate([[0], np.cumsum(counts)])


@njit(cache=True)
def multi_disc_areas(
    segments: Floats,
    starts: Ints,
    discs: Floats,
    disc_starts: Ints,
    multiplicity: Ints,
    radius_m: float,
    at_least: int,
) -> Floats:
    """Return the area of each polygon within ``radius_m`` of ``at_least`` centres or more.

    Parameters
    ----------
    segments, starts
        From `border_segments`.
    discs, disc_starts
        Centres near each polygon, relative to the middle of its box, as ``x, y`` rows.
    multiplicity
        How many rooms stand at each centre.
    radius_m
        Radius of every disc, metres; a point at exactly this distance is inside.
    at_least
        How many rooms must reach a point for it to count.

    Returns
    -------
    ndarray
        Square metres, shape (n,).
    """
    areas = np.zeros(len(starts) - 1)
    for polygon in range(len(areas)):
        border = segments[starts[polygon] : starts[polygon + 1]]
        first, last = disc_starts[polygon], disc_starts[polygon + 1]
        near = np.empty((last - first, 2))
        weight = np.empty(last - first, np.int64)
        kept = 0
        needed = at_least
        for disc in range(first, last):
            relation = _disc_relation(border, discs[disc, 0], discs[disc, 1], radius_m)
            if relation == 2:
                needed -= multiplicity[disc]
            elif relation == 1:
                # Number by number: a row at once takes numba two seconds more to compile.
                near[kept, 0], near[kept, 1] = discs[disc, 0], discs[disc, 1]
                weight[kept] = multiplicity[disc]
                kept += 1
        if needed <= 0:
            areas[polygon] = _shoelace(border)
        elif weight[:kept].sum() >= needed:
            areas[polygon] = _along_border(border, near[:kept], weight[:kept], radius_m, needed)
            areas[polygon] += _along_arcs(border, near[:kept], weight[:kept], radius_m, needed)
    return areas


@njit(cache=True)
def _shoelace(border: Floats) -> float:
    twice = 0.0
    for i in range(len(border)):
        twice += border[i, 0] * border[i, 3] - border[i, 2] * border[i, 1]
    return twice / 2.0


@njit(cache=True)
def _holds(border: Floats, x: float, y: float) -> bool:
    inside = False
    for i in range(len(border)):
        x0, y0, x1, y1 = border[i]
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            inside = not inside
    return inside


@njit(cache=True)
def _disc_relation(border: Floats, x: float, y: float, radius: float) -> int:
    """Return 2 if the disc holds the polygon, 0 if they are apart, else 1."""
    limit = radius * radius
    all_inside = True
    touches = False
    for i in range(len(border)):
        x0, y0 = border[i, 0] - x, border[i, 1] - y
        dx, dy = border[i, 2] - border[i, 0], border[i, 3] - border[i, 1]
        if x0 * x0 + y0 * y0 > limit:
            all_inside = False
        length2 = dx * dx + dy * dy
        along = 0.0
        if length2 > 0.0:
            along = min(1.0, max(0.0, -(x0 * dx + y0 * dy) / length2))
        px, py = x0 + along * dx, y0 + along * dy
        if px * px + py * py < limit:
            touches = True
        if touches and not all_inside:
            return 1
    if all_inside:
        return 2
    return 1 if _holds(border, x, y) else 0


@njit(cache=True)
def _along_border(
    border: Floats, discs: Floats, weight: Ints, radius: float, needed: int
) -> float:
    total = 0.0
    cuts = np.empty(2 * len(discs) + 2)
    for i in range(len(border)):
        x0, y0 = border[i, 0], border[i, 1]
        dx, dy = border[i, 2] - x0, border[i, 3] - y0
        a = dx * dx + dy * dy
        if a == 0.0:
            continue
        cuts[0], cuts[1] = 0.0, 1.0
        count = 2
        for j in range(len(discs)):
            fx, fy = x0 - discs[j, 0], y0 - discs[j, 1]
            half_b = fx * dx + fy * dy
            rest = half_b * half_b - a * (fx * fx + fy * fy - radius * radius)
            # A line that only touches the circle is cut there too: the middle of a piece
            # must not be the one point that touches.
            if rest < -_TOUCH * a * radius * radius:
                continue
            root = np.sqrt(max(rest, 0.0))
            for t in ((-half_b - root) / a, (-half_b + root) / a):
                if 0.0 < t < 1.0:
                    cuts[count] = t
                    count += 1
        ordered = np.sort(cuts[:count])
        for c in range(count - 1):
            middle = (ordered[c] + ordered[c + 1]) / 2.0
            reach = _reach(discs, weight, radius, x0 + middle * dx, y0 + middle * dy, -1)
            if reach >= needed:
                # x dy - y dx along a straight piece is constant in the parameter.
                total += (ordered[c + 1] - ordered[c]) * (x0 * dy - y0 * dx)
    return total / 2.0


@njit(cache=True)
def _reach(discs: Floats, weight: Ints, radius: float, x: float, y: float, but: int) -> int:
    reach = 0
    for j in range(len(discs)):
        if j != but:
            dx, dy = x - discs[j, 0], y - discs[j, 1]
            if dx * dx + dy * dy <= radius * radius:
                reach += weight[j]
    return reach


@njit(cache=True)
def _along_arcs(border: Floats, discs: Floats, weight: Ints, radius: float, needed: int) -> float:
    total = 0.0
    angles = np.empty(2 * len(discs) + 2 * len(border) + 2)
    for i in range(len(discs)):
        cx, cy = discs[i, 0], discs[i, 1]
        angles[0], angles[1] = 0.0, _TURN
        count = 2
        for j in range(len(discs)):
            dx, dy = discs[j, 0] - cx, discs[j, 1] - cy
            apart = np.sqrt(dx * dx + dy * dy)
            if j != i and 0.0 < apart <= 2.0 * radius * (1.0 + _TOUCH):
                toward = np.arctan2(dy, dx)
                half = np.arccos(min(1.0, apart / (2.0 * radius)))
                angles[count] = (toward - half) % _TURN
                angles[count + 1] = (toward + half) % _TURN
                count += 2
        for s in range(len(border)):
            fx, fy = border[s, 0] - cx, border[s, 1] - cy
            dx, dy = border[s, 2] - border[s, 0], border[s, 3] - border[s, 1]
            a = dx * dx + dy * dy
            half_b = fx * dx + fy * dy
            rest = half_b * half_b - a * (fx * fx + fy * fy - radius * radius)
            if a == 0.0 or rest < -_TOUCH * a * radius * radius:
                continue
            root = np.sqrt(max(rest, 0.0))
            for t in ((-half_b - root) / a, (-half_b + root) / a):
                if 0.0 <= t <= 1.0:
                    angles[count] = np.arctan2(fy + t * dy, fx + t * dx) % _TURN
                    count += 1
        ordered = np.sort(angles[:count])
        for c in range(count - 1):
            low, high = ordered[c], ordered[c + 1]
            if high <= low:
                continue
            middle = (low + high) / 2.0
            x, y = cx + radius * np.cos(middle), cy + radius * np.sin(middle)
            others = _reach(discs, weight, radius, x, y, i)
            if others < needed <= others + weight[i] and _holds(border, x, y):
                total += radius * radius * (high - low)
                total += radius * cx * (np.sin(high) - np.sin(low))
                total -= radius * cy * (np.cos(high) - np.cos(low))
    return total / 2.0
