"""The road layer as a graph: pieces between junctions, with speeds and directions.

A layer's network is kept by the layer's digest.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import scipy
import shapely
from numpy.typing import NDArray

from gridmap.errors import InputError, some_ids
from gridmap.i18n import tr
from gridmap.model.polygon_index import prepared_copies
from gridmap.travel._segment_index import SegmentIndex, Segments
from gridmap.typing import Bools, Floats, Ints, Shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from gridmap.model import Layer

_AT_END_M = 0.01
_PLAIN = ("nodes_xy", "start", "end", "source", "speed_kmh", "direction", "dropped")


@dataclass(frozen=True, eq=False)
class Located:
    """Where points enter the network; all arrays have shape (n,).

    Parameters
    ----------
    edge
        Nearest piece of road, -1 where none is within the limit.
    offset_m
        Metres from the piece's start to the nearest position on it.
    gap_m
        Straight metres from the point to that position; infinite where there is none.
    """

    edge: Ints
    offset_m: Floats
    gap_m: Floats


@dataclass(frozen=True, eq=False)
class RoadNetwork:
    """A frozen road graph; build it with `from_lines`.

    Parameters
    ----------
    nodes_xy
        Positions of junctions and ends, metres, shape (k, 2).
    start, end
        Node at either end of each edge, shape (e,).
    lines
        Geometry of each edge from start to end.
    source
        Row of the road line that each edge is a piece of.
    speed_kmh
        Speed of each edge, NaN where unknown.
    direction
        0 both ways, 1 from start to end only, -1 from end to start only.
    n_crossings_split, n_crossings_passed
        Crossings without a common end that were made junctions, and that were left as
        bridges or tunnels.
    dropped
        Rows of road lines without a length, which are in no edge.
    digest
        Content digest of everything it was built from.
    """

    nodes_xy: Floats
    start: Ints
    end: Ints
    lines: NDArray[np.object_]
    source: Ints
    speed_kmh: Floats
    direction: NDArray[np.int8]
    n_crossings_split: int
    n_crossings_passed: int
    dropped: Ints
    digest: str

    @classmethod
    def from_lines(
        cls,
        lines: ArrayLike,
        *,
        speed_kmh: ArrayLike | None = None,
        oneway: ArrayLike | None = None,
        level: ArrayLike | None = None,
        tolerance_m: float = 1.0,
        crossings: Crossings = "auto",
    ) -> RoadNetwork:
        """Return the network of road lines.

        Parameters
        ----------
        lines
            Line strings or multi line strings in metres, shape (n,).
        speed_kmh
            Speed of each line; NaN, 0 or less where unknown.
        oneway
            0 or False both ways, 1 or True along the line, -1 against it.
        level
            Storey of each line: 0 on the ground, 1 a bridge, -1 a tunnel. Lines of different
            levels that cross do not meet.
        tolerance_m
            Ends this near (``<=``) to one another or to a line of their level or the ground
            are joined.
        crossings
            ``split``: lines of one level that cross meet. ``vertex``: only where both have a
            vertex; a crossing without one is a bridge. ``auto``: as ``vertex`` where that
            explains at least 95 % of all meetings and no level is given, else ``split``.

        Raises
        ------
        InputError
            If there is no line with a length, an array is of another length than ``lines``,
            a feature is not a line, or coordinates are not finite.

        Examples
        --------
        >>> cross = shapely.from_wkt(["LINESTRING (0 5, 10 5)", "LINESTRING (5 0, 5 10)"])
        >>> RoadNetwork.from_lines(cross)
        <RoadNetwork: 5 nodes, 4 edges, 0.02 km, 1 component>
        >>> RoadNetwork.from_lines(cross, level=[0, 1]).n_components
        2
        """
        shapes = _checked_lines(lines)
        n = len(shapes)
        speed = _column(speed_kmh, n, np.nan, "speed_kmh")
        way = _column(oneway, n, 0.0, "oneway")
        storey = _column(level, n, 0.0, "level").astype(np.int64)
        if not tolerance_m >= 0.0:
            raise InputError("travel.error.tolerance", received=tolerance_m)
        pieces = node_lines(shapes, storey, tolerance_m=tolerance_m, crossings=crossings)
        sums = hashlib.blake2b(f"{tolerance_m}|{crossings}".encode(), digest_size=16)
        for wkb in shapely.to_wkb(shapes):
            sums.update(wkb)
        for column in (speed, way, storey):
            sums.update(column.tobytes())
        known = np.where(speed > 0.0, speed, np.nan)
        return cls(
            nodes_xy=pieces.nodes_xy,
            start=pieces.start,
            end=pieces.end,
            lines=pieces.lines,
            source=pieces.source,
            speed_kmh=known[pieces.source],
            direction=np.sign(way).astype(np.int8)[pieces.source],
            n_crossings_split=pieces.n_split,
            n_crossings_passed=pieces.n_passed,
            dropped=np.setdiff1d(np.arange(n), pieces.source),
            digest=sums.hexdigest(),
        )

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything as arrays of numbers; `from_arrays` makes the network of them."""
        xy, owner = shapely.get_coordinates(self.lines, return_index=True)
        return {
            "xy": xy,
            "owner": owner,
            "counts": np.array([self.n_crossings_split, self.n_crossings_passed]),
            "digest": np.array(self.digest),
            **{name: getattr(self, name) for name in _PLAIN},
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> RoadNetwork:
        """Return the network that gave `to_arrays`.

        Raises
        ------
        KeyError
            If an array is missing.
        """
        split, passed = (int(count) for count in np.asarray(arrays["counts"], dtype=np.int64))
        lines = shapely.linestrings(
            np.asarray(arrays["xy"], dtype=np.float64), indices=arrays["owner"]
        )
        plain: dict[str, Any] = {name: arrays[name] for name in _PLAIN}
        return cls(
            lines=np.asarray(lines, dtype=object),
            n_crossings_split=split,
            n_crossings_passed=passed,
            digest=str(arrays["digest"]),
            **plain,
        )

    def __len__(self) -> int:
        return len(self.start)

    def __repr__(self) -> str:
        s = "" if self.n_components == 1 else "s"
        return (
            f"<RoadNetwork: {len(self.nodes_xy)} nodes, {len(self)} edges, "
            f"{self.length_m.sum() / 1000:.2f} km, {self.n_components} component{s}>"
        )

    @cached_property
    def length_m(self) -> Floats:
        """Length of each edge, metres."""
        return np.asarray(shapely.length(self.lines), dtype=np.float64)

    @cached_property
    def node_component(self) -> Ints:
        """Component of each node; 0 is the longest in metres."""
        k = len(self.nodes_xy)
        graph = scipy.sparse.coo_array(
            (np.ones(len(self), np.int8), (self.start, self.end)), shape=(k, k)
        )
        count, label = scipy.sparse.csgraph.connected_components(graph, directed=False)
        metres = np.bincount(label[self.start], weights=self.length_m, minlength=count)
        rank = np.empty(count, np.int64)
        rank[np.argsort(-metres, kind="stable")] = np.arange(count)
        return np.asarray(rank[label])

    @cached_property
    def edge_component(self) -> Ints:
        """Component of each edge."""
        return self.node_component[self.start]

    @property
    def n_components(self) -> int:
        """Number of parts that no road joins."""
        return int(self.node_component.max()) + 1

    @cached_property
    def component_km(self) -> Floats:
        """Length of each component, the longest first, kilometres."""
        return np.bincount(self.edge_component, weights=self.length_m) / 1000.0

    @cached_property
    def _segments(self) -> tuple[SegmentIndex, Ints, Floats, Floats]:
        """Index of straight segments, and each one's edge, offset and length."""
        xy, owner = shapely.get_coordinates(self.lines, return_index=True)
        inside = owner[1:] == owner[:-1]
        rows = np.hstack([xy[:-1], xy[1:]])[inside]
        edge = owner[:-1][inside]
        length = np.hypot(rows[:, 2] - rows[:, 0], rows[:, 3] - rows[:, 1])
        along = np.concatenate([[0.0], np.cumsum(length)[:-1]])
        first = np.searchsorted(edge, np.arange(len(self)))
        return SegmentIndex.build(rows), edge, along - along[first][edge], length

    def prepare(self) -> RoadNetwork:
        """Return the network itself with its index of segments built."""
        _ = self._segments, self.node_component
        return self

    def locate(
        self,
        points_xy: ArrayLike,
        *,
        max_gap_m: float = np.inf,
        barriers: NDArray[np.object_] | None = None,
    ) -> Located:
        """Return where points enter the network: at the nearest place of the nearest edge.

        Parameters
        ----------
        points_xy
            Points in metres, shape (n, 2).
        max_gap_m
            Roads farther than this (``>``) are not entered.
        barriers
            Rivers and railways that the way to the road may not cross. A point inside a
            barrier's area is let out.
        """
        points = np.asarray(points_xy, dtype=np.float64).reshape(-1, 2)
        index, edge_of, offset_of, length_of = self._segments
        segment, gap, fraction = index.nearest(points, max_gap_m)
        found = segment >= 0
        edge = np.where(found, edge_of[segment], -1)
        offset = np.where(found, offset_of[segment] + fraction * length_of[segment], 0.0)
        # A centimetre from a junction is at the junction: rounding must not put a point on
        # the far side of a one-way street.
        length = self.length_m[edge]
        offset = np.where(offset <= _AT_END_M, 0.0, offset)
        offset = np.where(found & (offset >= length - _AT_END_M), length, offset)
        located = Located(edge, offset, gap)
        if barriers is not None and len(barriers) and found.any():
            return self._around(points, located, max_gap_m, barriers)
        return located

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(self.lines)

    def _around(
        self, points: Floats, located: Located, max_gap_m: float, barriers: NDArray[np.object_]
    ) -> Located:
        """Return the entries with those across a barrier replaced by the nearest that is not."""
        walls = _Walls.of(barriers)
        rows = np.flatnonzero(located.edge >= 0)
        spots = shapely.points(points)
        legs = _legs(points[rows], self.lines[located.edge[rows]], located.offset_m[rows])
        blocked = walls.hit(legs)
        rows = rows[blocked[~np.isin(blocked, blocked[walls.hit(spots[rows[blocked]])])]]
        if len(rows) == 0:
            return located
        edge, offset, gap = located.edge.copy(), located.offset_m.copy(), located.gap_m.copy()
        near = np.minimum(max_gap_m, 3.0 * gap[rows] + 60.0)
        farthest = max_gap_m if np.isfinite(max_gap_m) else float(near.max()) + 2_000.0
        edge[rows], offset[rows], gap[rows] = -1, 0.0, np.inf
        # Most find a road on their own bank close by; only the others look far.
        for limit in (near, np.full(len(rows), farthest)):
            missing = edge[rows] < 0
            if missing.any():
                found = self._free_entries(points, rows[missing], limit[missing], walls)
                edge[found[0]], offset[found[0]], gap[found[0]] = found[1:]
        return Located(edge, offset, gap)

    def _free_entries(
        self, points: Floats, rows: Ints, limit: Floats, walls: _Walls
    ) -> tuple[Ints, Ints, Floats, Floats]:
        """Return the nearest entries that cross no wall: row, edge, offset and gap of each."""
        spots = shapely.points(points[rows])
        row, candidate = self._tree.query(spots, predicate="dwithin", distance=limit)
        at = shapely.line_locate_point(self.lines[candidate], spots[row])
        legs = _legs(points[rows[row]], self.lines[candidate], at)
        free = np.ones(len(row), dtype=bool)
        free[walls.hit(legs)] = False
        row, candidate, at, far = row[free], candidate[free], at[free], shapely.length(legs[free])
        order = np.lexsort((candidate, far, row))
        row, candidate, at, far = row[order], candidate[order], at[order], far[order]
        chosen, first = np.unique(row, return_index=True)
        return rows[chosen], candidate[first], at[first], far[first]


@dataclass(frozen=True, eq=False)
class _Walls:
    """Barriers, prepared: a river has thousands of corners, and millions of ways are asked."""

    shapes: NDArray[np.object_]
    tree: shapely.STRtree

    @classmethod
    def of(cls, barriers: NDArray[np.object_]) -> _Walls:
        shapes = prepared_copies(np.asarray(barriers, dtype=object))
        return cls(shapes, shapely.STRtree(shapes))

    def hit(self, shapes: NDArray[np.object_]) -> Ints:
        """Return which shapes touch a wall, in order."""
        row, wall = self.tree.query(shapes)
        touched = shapely.intersects(self.shapes[wall], shapes[row])
        return np.unique(row[touched])


def _legs(points: Floats, lines: NDArray[np.object_], at: Floats) -> NDArray[np.object_]:
    feet = shapely.get_coordinates(shapely.line_interpolate_point(lines, at))
    return np.asarray(shapely.linestrings(np.stack([points, feet], axis=1)), dtype=object)


def _checked_lines(lines: ArrayLike) -> NDArray[np.object_]:
    shapes = np.asarray(lines, dtype=object)
    dimension = shapely.get_dimensions(shapes)
    wrong = np.flatnonzero((dimension != 1) & ~shapely.is_empty(shapes) & (dimension >= 0))
    if len(wrong):
        raise InputError("travel.error.not_lines", count=len(wrong), rows=some_ids(wrong + 1))
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    bad = np.unique(owner[~np.isfinite(xy).all(axis=1)])
    if len(bad):
        raise InputError("travel.error.not_finite", count=len(bad), rows=some_ids(bad + 1))
    if not (shapely.length(shapes[dimension == 1]) > 0.0).any():
        raise InputError("travel.error.no_roads", count=len(shapes))
    return shapes


def _column(values: ArrayLike | None, n: int, missing: float, name: str) -> Floats:
    if values is None:
        return np.full(n, missing)
    column = np.asarray(values, dtype=np.float64)
    if column.shape != (n,):
        raise InputError("travel.error.column", name=name, received=column.size, expected=n)
    return np.where(np.isnan(column), missing, column)


_KMH_PER_MPH = 1.609344
_KEPT = 4
_WORTH_KEEPING = 5_000  # roads: fewer are built in the time that a file takes
_networks: OrderedDict[tuple[str, float, str], RoadNetwork] = OrderedDict()

_BOTH = {"", "0", "0.0", "no", "n", "false", "b", "both", "nan", "none"}
_AGAINST = {"-1", "-1.0", "reverse", "r", "tf"}


def road_network(
    roads: Layer, *, tolerance_m: float = 1.0, crossings: Crossings = "auto"
) -> RoadNetwork:
    """Return the network of a road layer.

    The last few are kept by digest; those of thousands of roads also between runs, in the
    user's cache folder (``GRIDMAP_CACHE``).

    Reads the columns ``speed_kmh`` or ``speed_mph``, ``oneway``, ``level``, ``bridge`` and
    ``tunnel`` where the layer has them.

    Parameters
    ----------
    roads
        Road lines in metres.
    tolerance_m, crossings
        As for `RoadNetwork.from_lines`.

    Raises
    ------
    InputError
        If the layer holds no line with a length.
    """
    key = (roads.digest, tolerance_m, crossings)
    if key in _networks:
        _networks.move_to_end(key)
        return _networks[key]
    network = _kept(roads, tolerance_m, crossings)
    _networks[key] = network
    while len(_networks) > _KEPT:
        _networks.popitem(last=False)
    return network


def _kept(roads: Layer, tolerance_m: float, crossings: Crossings) -> RoadNetwork:
    """Return a large network from the last run where it is kept, or build it."""
    name = ""
    if len(roads) >= _WORTH_KEEPING:
        from gridmap.io import keep_arrays, kept_arrays

        text = f"{roads.digest}|{tolerance_m!r}|{crossings}"
        name = "roads-" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        arrays = kept_arrays(name)
        if arrays is not None:
            return RoadNetwork.from_arrays(arrays)
    network = RoadNetwork.from_lines(
        roads.geometry,
        speed_kmh=_speed(roads),
        oneway=read_oneway(roads.frame["oneway"]) if roads.has("oneway") else None,
        level=_level(roads),
        tolerance_m=tolerance_m,
        crossings=crossings,
    )
    if name:
        keep_arrays(name, network.to_arrays())
    return network


def read_oneway(column: pd.Series[Any]) -> NDArray[np.int8]:
    """Return 1 along, -1 against, 0 both ways, from what road files write.

    Understands flags, numbers, OpenStreetMap's ``yes``, ``no`` and ``-1``, and the letters
    ``F``, ``T`` and ``B`` (with, against, both) where a file uses ``F`` or ``B``.

    Examples
    --------
    >>> read_oneway(pd.Series(["yes", "-1", None, "no"])).tolist()
    [1, -1, 0, 0]
    >>> read_oneway(pd.Series(["F", "T", "B"])).tolist()
    [1, -1, 0]
    """
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip().str.lower()
    letters = bool(text.isin(["f", "b"]).any())
    against = text.isin(_AGAINST | _words("against")) | (text.eq("t") if letters else False)
    both = text.isin(_BOTH | _words("both"))
    return np.select([both.to_numpy(), against.to_numpy()], [0, -1], default=1).astype(np.int8)


def _words(name: str) -> set[str]:
    """Return what Chinese files write."""
    return set(tr(f"travel.words.{name}", language="zh").split())


def _speed(roads: Layer) -> Floats | None:
    for name, factor in (("speed_kmh", 1.0), ("speed_mph", _KMH_PER_MPH)):
        if roads.has(name):
            text = roads.frame[name].astype(str).str.extract(r"(\d+(?:\.\d+)?)", expand=False)
            return pd.to_numeric(text, errors="coerce").to_numpy(dtype=float) * factor
    return None


def _level(roads: Layer) -> Floats | None:
    level = np.zeros(len(roads))
    if roads.has("level"):
        level = pd.to_numeric(roads.frame["level"], errors="coerce").fillna(0.0).to_numpy(float)
    for name, storey in (("bridge", 1.0), ("tunnel", -1.0)):
        if roads.has(name):
            # Of a bridge, unlike a direction, F says that there is none.
            no = _BOTH | {"f"} | _words("both")
            flag = np.array([value.strip().lower() not in no for value in roads.texts(name)])
            level = np.where(flag & (level == 0.0), storey, level)
    return level if any(roads.has(name) for name in ("level", "bridge", "tunnel")) else None


# -- from road lines of any make to the pieces between junctions


Crossings = Literal["auto", "split", "vertex"]

# Where nearly every meeting of two lines is at a vertex of both, as in street maps drawn with
# topology, the few crossings without one are overpasses.
_MOSTLY_NODED = 0.95


@dataclass(frozen=True, eq=False)
class RoadPieces:
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


def node_lines(
    lines: Shapes, level: Ints, *, tolerance_m: float, crossings: Crossings
) -> RoadPieces:
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
    return RoadPieces(
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
    segments: Segments, level: Ints, length: Floats, ends: Floats, tolerance_m: float
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


def _has_vertex(parts: Shapes, line: Ints, spots: Shapes, tolerance_m: float) -> Bools:
    used, row = np.unique(line, return_inverse=True)
    xy, owner = shapely.get_coordinates(parts[used], return_index=True)
    vertices = shapely.multipoints(xy, indices=owner)
    near: Bools = shapely.dwithin(vertices[row], spots, tolerance_m)
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
