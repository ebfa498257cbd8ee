"""From road lines of any make to the pieces between junctions.

Ends that lie within the tolerance of one another are one node; an end that lies on the inside
of another line splits it; two lines that cross on one level split each other. A line on
another level (bridge, tunnel) passes over or under without a junction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
import shapely
from numpy.typing import NDArray

from gridmap.travel._segment_index import Segments

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Shapes = NDArray[np.object_]

Crossings = Literal["auto", "split", "vertex"]

# Where nearly every meeting of two lines is at a vertex of both, as in street maps drawn with
# topology, the few crossings without one are overpasses.
_MOSTLY_NODED = 0.95


@dataclass(frozen=True, eq=False)
class Pieces:
    """Road pieces between junctions.

    Parameters
    ----------
    start, end
        Node at either end, shape (e,).
    lines
        Geometry from start to end.
    source
        Row of the road each piece comes from.
    nodes_xy
        Positions of the nodes, shape (k, 2).
    n_split, n_passed
        Crossings without a common end that became junctions, and that were left as bridges.
    """

    start: Ints
    end: Ints
    lines: Shapes
    source: Ints
    nodes_xy: Floats
    n_split: int
    n_passed: int


def node_lines(lines: Shapes, level: Ints, *, tolerance_m: float, crossings: Crossings) -> Pieces:
    """Return the pieces of the lines between junctions.

    Parameters
    ----------
    lines
        Simple or multi line strings in metres; empty ones give nothing.
    level
        Storey of each line: 0 on the ground, 1 a bridge, -1 a tunnel.
    tolerance_m
        Ends this near (``<=``) to one another or to a line are joined.
    crossings
        ``split``: lines of one level that cross are joined there. ``vertex``: only where both
        have a vertex. ``auto``: ``vertex`` if that already explains nearly all meetings and
        no level says otherwise, else ``split``.
    """
    parts, source = _simple_parts(lines)
    level = level[source]
    ends = np.vstack(
        [
            shapely.get_coordinates(shapely.get_point(parts, 0)),
            shapely.get_coordinates(shapely.get_point(parts, -1)),
        ]
    )
    segments = Segments.of(parts)
    length = shapely.length(parts)
    on_line, on_at, on_end = _ends_on_lines(segments, level, length, ends, tolerance_m)
    cross_line, cross_at, cross_xy, n_split, n_passed = _crossings(
        segments, parts, level, length, tolerance_m, crossings
    )
    n = len(parts)
    storey = np.concatenate([np.zeros(2 * n), level[cross_line]])
    nodes = _cluster(np.vstack([ends, cross_xy]), storey, tolerance_m)
    cut_line = np.concatenate([np.arange(n), np.arange(n), on_line, cross_line])
    cut_at = np.concatenate([np.zeros(n), length, on_at, cross_at])
    cut_node = np.concatenate([nodes[: 2 * n], nodes[on_end], nodes[2 * n :]])
    start, end, pieces, part = _cut(parts, cut_line, cut_at, cut_node, tolerance_m)
    kept, numbered = np.unique(np.concatenate([start, end]), return_inverse=True)
    first = np.full(nodes.max(initial=-1) + 1, -1)
    first[nodes[::-1]] = np.arange(len(nodes))[::-1]
    return Pieces(
        start=numbered[: len(start)],
        end=numbered[len(start) :],
        lines=pieces,
        source=source[part],
        nodes_xy=np.vstack([ends, cross_xy])[first[kept]],
        n_split=n_split,
        n_passed=n_passed,
    )


def _simple_parts(lines: Shapes) -> tuple[Shapes, Ints]:
    """Return plain line strings that do not cross themselves, and where each comes from."""
    parts, source = shapely.get_parts(shapely.force_2d(lines), return_index=True)
    real = shapely.length(parts) > 0.0
    parts, source = parts[real], source[real]
    simple = shapely.is_simple(parts)
    if simple.all():
        return parts, source
    knots = np.flatnonzero(~simple)
    xy, owner = shapely.get_coordinates(parts[knots], return_index=True)
    inside = (owner[1:] == owner[:-1]) & (xy[1:] != xy[:-1]).any(axis=1)
    loose = shapely.linestrings(np.stack([xy[:-1], xy[1:]], axis=1)[inside])
    return (
        np.concatenate([parts[simple], loose]),
        np.concatenate([source[simple], source[knots][owner[:-1][inside]]]),
    )


def _ends_on_lines(
    segments: Segments,
    level: Ints,
    length: Floats,
    ends: Floats,
    tolerance_m: float,
) -> tuple[Ints, Floats, Ints]:
    """Return where ends of lines lie on the inside of another line: line, measure, end."""
    owner = np.tile(np.arange(len(length)), 2)
    end, line, at = segments.near_points(ends, owner, tolerance_m)
    joins = (level[line] == level[owner[end]]) | (level[line] == 0)
    inside = joins & (at > tolerance_m) & (at < length[line] - tolerance_m)
    return line[inside], at[inside], end[inside]


def _crossings(
    segments: Segments,
    parts: Shapes,
    level: Ints,
    length: Floats,
    tolerance_m: float,
    crossings: Crossings,
) -> tuple[Ints, Floats, Floats, int, int]:
    """Return the cuts where insides of lines cross: line, measure, position, and counts."""
    a, b, at_a, at_b, points = segments.crossings()
    end_a = (at_a <= tolerance_m) | (at_a >= length[a] - tolerance_m)
    end_b = (at_b <= tolerance_m) | (at_b >= length[b] - tolerance_m)
    same = level[a] == level[b]
    through = ~end_a & ~end_b
    drawn = through & same
    if crossings != "split" and drawn.any():
        shared = np.zeros(len(a), dtype=bool)
        rows = np.flatnonzero(drawn)
        spots = shapely.points(points[rows])
        shared[rows] = _has_vertex(parts, a[rows], spots, tolerance_m) & _has_vertex(
            parts, b[rows], spots, tolerance_m
        )
        meetings = (end_a | end_b | through) & same
        explained = (end_a | end_b | shared) & same
        noded = explained.sum() >= _MOSTLY_NODED * meetings.sum()
        if crossings == "vertex" or (noded and not level.any()):
            drawn = shared
    kept = np.flatnonzero(drawn)
    return (
        np.concatenate([a[kept], b[kept]]),
        np.concatenate([at_a[kept], at_b[kept]]),
        np.vstack([points[kept], points[kept]]),
        len(kept),
        int((through & ~drawn).sum()),
    )


def _has_vertex(parts: Shapes, line: Ints, spots: Shapes, tolerance_m: float) -> NDArray[np.bool_]:
    used, row = np.unique(line, return_inverse=True)
    xy, owner = shapely.get_coordinates(parts[used], return_index=True)
    vertices = shapely.multipoints(xy, indices=owner)
    near: NDArray[np.bool_] = shapely.dwithin(vertices[row], spots, tolerance_m)
    return near


def _cluster(xy: Floats, storey: Floats, tolerance_m: float) -> Ints:
    """Return a label a position: those of one storey within the tolerance share it."""
    # Storeys far apart: a junction on a bridge is not one of the road below.
    spots = np.column_stack([xy, storey * 1e7])
    tree = scipy.spatial.cKDTree(spots)
    pairs = tree.query_pairs(tolerance_m, output_type="ndarray")
    n = len(xy)
    graph = scipy.sparse.coo_array(
        (np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n)
    )
    labels: Ints = scipy.sparse.csgraph.connected_components(graph, directed=False)[1].astype(
        np.int64
    )
    return labels


def _cut(
    parts: Shapes, line: Ints, at: Floats, node: Ints, tolerance_m: float
) -> tuple[Ints, Ints, Shapes, Ints]:
    """Return start node, end node, geometry and line of every piece between two cuts."""
    order = np.lexsort((at, line))
    line, at, node = line[order], at[order], node[order]
    # Of cuts at one node within the tolerance along a line one is enough; ends always stay.
    follows = line[1:] == line[:-1]
    repeats = follows & (node[1:] == node[:-1]) & (np.diff(at) <= 2.0 * tolerance_m)
    begins_line = np.concatenate([[True], ~follows])
    ends_line = np.concatenate([~follows, [True]])
    surplus = np.concatenate([[False], repeats])
    surplus |= np.concatenate([repeats & ends_line[1:], [False]])
    keep = ~surplus | begins_line | ends_line
    line, at, node = line[keep], at[keep], node[keep]
    begins = np.flatnonzero(line[1:] == line[:-1])
    part = line[begins]
    return (
        node[begins],
        node[begins + 1],
        _substrings(parts, part, at[begins], at[begins + 1]),
        part,
    )


def _substrings(parts: Shapes, part: Ints, low: Floats, high: Floats) -> Shapes:
    """Return the stretch of each line between two measures, all at once."""
    pieces = parts[part]
    whole = (low <= 0.0) & (high >= shapely.length(pieces))
    rows = np.flatnonzero(~whole)
    if len(rows) == 0:
        return pieces
    used, line = np.unique(part[rows], return_inverse=True)
    xy, owner = shapely.get_coordinates(parts[used], return_index=True)
    step = np.hypot(*np.diff(xy, axis=0).T)
    step[owner[1:] != owner[:-1]] = 0.0
    along = np.concatenate([[0.0], np.cumsum(step)])
    begins = np.searchsorted(owner, np.arange(len(used)))
    # Metres along all lines laid end to end, so that one search serves every line.
    low_all, high_all = along[begins][line] + low[rows], along[begins][line] + high[rows]
    last = np.append(begins[1:], len(xy))[line] - 1
    first = np.clip(np.searchsorted(along, low_all, side="right"), begins[line] + 1, last)
    stop = np.clip(np.searchsorted(along, high_all, side="left"), first, last)
    inner = stop - first
    number = np.repeat(np.arange(len(rows)), inner)
    rank = np.arange(len(number)) - np.repeat(np.cumsum(inner) - inner, inner)
    points = np.vstack(
        [
            _between(xy, along, first, low_all),
            xy[np.repeat(first, inner) + rank],
            _between(xy, along, stop, high_all),
        ]
    )
    index = np.concatenate([np.arange(len(rows)), number, np.arange(len(rows))])
    order = np.lexsort(
        (np.concatenate([np.full(len(rows), -1), rank, np.full(len(rows), len(xy))]), index)
    )
    result = pieces.copy()
    result[rows] = shapely.linestrings(points[order], indices=index[order])
    return result


def _between(xy: Floats, along: Floats, upper: Ints, at: Floats) -> Floats:
    """Return the position at a measure on the segment that ends at vertex ``upper``."""
    run = along[upper] - along[upper - 1]
    share = np.where(run > 0.0, (at - along[upper - 1]) / np.where(run > 0.0, run, 1.0), 0.0)
    share = np.clip(share, 0.0, 1.0)[:, None]
    return np.asarray(xy[upper - 1] * (1.0 - share) + xy[upper] * share)
