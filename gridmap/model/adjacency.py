"""Which grids border which, over how many metres, and what cuts or joins them.

Shared borders are exact where they are noded and tolerant where they are not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
import shapely
from numpy.typing import NDArray

from gridmap.errors import GeometryError
from gridmap.model.layer import Layer
from gridmap.typing import Bools, Floats, Ints, Ints32

_BARRIER_REACH_M = 15.0  # half a wide road: a drawn river and a drawn border seldom coincide

_AT_BRIDGE_END_M = 1.0  # a bridge that ends on a border belongs to both sides of it


@dataclass(frozen=True, slots=True)
class Bridge:
    """A named passage between two grids that share no open border.

    Parameters
    ----------
    first, second
        Row numbers of the grids.
    name
        The road's name, or ``""``.
    """

    first: int
    second: int
    name: str


@dataclass(frozen=True, eq=False)
class Adjacency:
    """Grids that share a border of positive length (rook contiguity).

    Parameters
    ----------
    size
        Number of grids.
    first, second : (m,) int32
        Row numbers of the two grids of each pair, ``first < second``, each pair once,
        sorted.
    length_m : (m,) float64
        Length of the shared border; 0 for a bridge between grids that do not touch.
    barrier : (m,) bool
        True where a river, railway or expressway runs along the border and no bridge
        crosses it: the pair touches, but nobody can pass.
    bridges
        The passages that open a barrier or reach an island.

    Raises
    ------
    GeometryError
        If pairs are out of range, unsorted or repeated, or lengths are negative.
    """

    size: int
    first: Ints32
    second: Ints32
    length_m: Floats
    barrier: Bools
    bridges: tuple[Bridge, ...] = ()

    def __post_init__(self) -> None:
        """Check the whole invariant."""
        lengths = {len(self.first), len(self.second), len(self.length_m), len(self.barrier)}
        if len(lengths) != 1:
            raise GeometryError("model.error.adjacency_lengths", received=sorted(lengths))
        if len(self.first) == 0:
            return
        in_range = self.first.min() >= 0 and self.second.max() < self.size
        key = self.first.astype(np.int64) * self.size + self.second
        if not (in_range and (self.first < self.second).all() and (np.diff(key) > 0).all()):
            raise GeometryError("model.error.adjacency_pairs", size=self.size)
        if not (self.length_m >= 0).all():
            raise GeometryError("model.error.adjacency_negative")

    def __repr__(self) -> str:
        return (
            f"<Adjacency: {self.size} grids, {int((~self.barrier).sum())} open borders, "
            f"{int(self.barrier.sum())} cut, {self.components[0]} components>"
        )

    @classmethod
    def build(
        cls,
        grids: Layer,
        *,
        barriers: Layer | None = None,
        roads: Layer | None = None,
        gap_m: float = 1.0,
    ) -> Adjacency:
        """Compute the adjacency of grids from their shapes.

        Parameters
        ----------
        grids
            The grid layer, in metres.
        barriers
            Rivers, railways and expressways; a border that runs along one for at least
            half of its length is cut.
        roads
            Roads; those marked ``bridge`` open the barriers they cross, and join grids on
            both banks that do not touch.
        gap_m
            Neighbours whose borders lie this far apart, or overlap by as much, still
            share them: real layers have slivers.
        """
        first, second, length = shared_borders(grids.geometry, gap_m=gap_m)
        barrier = np.zeros(len(first), dtype=bool)
        pairs = {(int(i), int(j)): n for n, (i, j) in enumerate(zip(first, second, strict=True))}
        passages: dict[tuple[int, int], str] = {}
        if roads is not None and len(roads) and roads.has("bridge"):
            passages = _passages(grids, roads, pairs)
        if barriers is not None and len(barriers):
            barrier = _cut(grids, barriers, first, second)
        used: list[Bridge] = []
        extra: list[tuple[int, int]] = []
        for pair, name in sorted(passages.items()):
            at = pairs.get(pair)
            if at is None:
                extra.append(pair)
                used.append(Bridge(*pair, name))
            elif barrier[at]:
                barrier[at] = False
                used.append(Bridge(*pair, name))
        if extra:
            more = np.array(extra, dtype=np.int32)
            first = np.concatenate([first, more[:, 0]])
            second = np.concatenate([second, more[:, 1]])
            length = np.concatenate([length, np.zeros(len(more))])
            barrier = np.concatenate([barrier, np.zeros(len(more), dtype=bool)])
            order = np.lexsort((second, first))
            first, second = first[order], second[order]
            length, barrier = length[order], barrier[order]
        return cls(len(grids), first, second, length, barrier, tuple(used))

    @cached_property
    def components(self) -> tuple[int, Ints32]:
        """Number of components that open borders leave, and each grid's component."""
        open_ = ~self.barrier
        count, labels = scipy.sparse.csgraph.connected_components(
            scipy.sparse.coo_array(
                (np.ones(int(open_.sum())), (self.first[open_], self.second[open_])),
                shape=(self.size, self.size),
            ),
            directed=False,
        )
        return int(count), labels.astype(np.int32)

    def pieces(self, labels: Ints32) -> Ints32:
        """Return for each grid its piece: connected grids with the same label, shape (n,)."""
        same = ~self.barrier & (labels[self.first] == labels[self.second])
        _, piece = scipy.sparse.csgraph.connected_components(
            scipy.sparse.coo_array(
                (np.ones(int(same.sum())), (self.first[same], self.second[same])),
                shape=(self.size, self.size),
            ),
            directed=False,
        )
        return np.asarray(piece, dtype=np.int32)


def _cut(grids: Layer, barriers: Layer, first: Ints32, second: Ints32) -> Bools:
    zone = shapely.union_all(shapely.buffer(barriers.geometry, _BARRIER_REACH_M))
    shapely.prepare(zone)
    boundary = shapely.boundary(grids.geometry)
    near = shapely.intersects(zone, grids.geometry)
    cut = np.zeros(len(first), dtype=bool)
    rows = np.flatnonzero(near[first] & near[second])
    border = shapely.intersection(boundary[first[rows]], boundary[second[rows]])
    # Mis-noded neighbours share no exact line: take what lies within a metre instead.
    bare = shapely.length(border) == 0
    if bare.any():
        border[bare] = shapely.intersection(
            boundary[first[rows[bare]]], shapely.buffer(grids.geometry[second[rows[bare]]], 1.0)
        )
    total = shapely.length(border)
    along = shapely.length(shapely.intersection(border, zone))
    cut[rows] = (along >= 0.5 * total) & (total > 0)
    return cut


def _passages(
    grids: Layer, roads: Layer, pairs: dict[tuple[int, int], int]
) -> dict[tuple[int, int], str]:
    """Return the pairs of grids that bridges join, each with the road's name.

    Streets are borders more often than not, so a bridge may end between two grids: every
    pair of them that shares a border across it is joined, and where none does, the nearest.
    """
    flag = roads.frame["bridge"].fillna(value=False).astype(bool).to_numpy()
    parts, owner = shapely.get_parts(roads.geometry[flag], return_index=True)
    if len(parts) == 0:
        return {}
    names = roads.texts("name")[flag][owner]
    starts, ends = shapely.get_point(parts, 0), shapely.get_point(parts, -1)
    tree = shapely.STRtree(grids.geometry)
    near = [_near(tree, points) for points in (starts, ends)]
    found: dict[tuple[int, int], str] = {}
    for part, name in enumerate(names):
        here, there = near[0][part], near[1][part]
        joined = {(min(i, j), max(i, j)) for i in here for j in there if i != j}
        across = sorted(pair for pair in joined if pair in pairs)
        for pair in across or sorted(joined)[:1]:
            found.setdefault(pair, str(name))
    return found


def _near(tree: shapely.STRtree, points: NDArray[np.object_]) -> list[list[int]]:
    """Return for each point the grids within a metre of it, or else the nearest one."""
    rows, grids = tree.query(points, predicate="dwithin", distance=_AT_BRIDGE_END_M)
    around: list[list[int]] = [[] for _ in points]
    for row, grid in zip(rows, grids, strict=True):
        around[row].append(int(grid))
    return [
        found or [int(tree.nearest(point))] for found, point in zip(around, points, strict=True)
    ]


_DRAWN_M = 0.05  # lines this near were drawn as one, and reprojected

BorderPairs = tuple[Ints32, Ints32, Floats]


def shared_borders(polygons: NDArray[np.object_], *, gap_m: float) -> BorderPairs:
    """Return pairs of polygons that share a border, and its length in metres.

    Parameters
    ----------
    polygons : (n,) array of shapely polygons
    gap_m
        How far apart two borders may lie, or overlap, and still be one.

    Returns
    -------
    first, second, length_m
        Sorted pairs with ``first < second``. Corner contacts are left out: a pair counts
        when its borders run together for more than ten times ``gap_m``, or coincide
        exactly for any positive length over a millimetre.
    """
    (first, second, length), loose_ends = _exact(polygons)
    if gap_m > 0:
        length = length + _missed(loose_ends, first, second, gap_m)
        loose = _tolerant(polygons, first, second, gap_m)
        first = np.concatenate([first, loose[0]])
        second = np.concatenate([second, loose[1]])
        length = np.concatenate([length, loose[2]])
    order = np.lexsort((second, first))
    return first[order].astype(np.int32), second[order].astype(np.int32), length[order]


def _exact(polygons: NDArray[np.object_]) -> tuple[BorderPairs, NDArray[np.object_]]:
    """Match identical segments by their end points: one sort, no overlay.

    Returns
    -------
    pairs
        As of `shared_borders`.
    loose_ends : (n,) array of lines
        Parts of each polygon's border that no neighbour matches exactly; empty where all match.
    """
    # Parts of one boundary follow each other: a step between parts is no segment.
    parts, owner = shapely.get_parts(shapely.boundary(polygons), return_index=True)
    xy, part = shapely.get_coordinates(parts, return_index=True)
    step = part[1:] == part[:-1]
    a, b, who = xy[:-1][step], xy[1:][step], owner[part[1:][step]]
    swap = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    low, high = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
    order = np.lexsort((high[:, 1], high[:, 0], low[:, 1], low[:, 0]))
    low, high, who = low[order], high[order], who[order]
    same = (low[1:] == low[:-1]).all(axis=1) & (high[1:] == high[:-1]).all(axis=1)
    i, j = who[:-1][same], who[1:][same]
    long = np.hypot(*(high[:-1][same] - low[:-1][same]).T)
    other = i != j
    pairs = _summed(i[other], j[other], long[other], len(polygons))
    alone = np.ones(len(who), dtype=bool)
    alone[1:][same] = alone[:-1][same] = False
    return pairs, _gathered(low[alone], high[alone], who[alone], len(polygons))


def _gathered(low: Floats, high: Floats, who: NDArray[np.intp], n: int) -> NDArray[np.object_]:
    """Return the segments of each polygon as one shape, shape (n,)."""
    lines = np.full(n, shapely.from_wkt("MULTILINESTRING EMPTY"), dtype=object)
    if len(who):
        order = np.argsort(who, kind="stable")
        segments = shapely.linestrings(np.stack([low[order], high[order]], axis=1))
        shapely.multilinestrings(segments, indices=who[order], out=lines)
    return lines


def _missed(lines: NDArray[np.object_], first: Ints32, second: Ints32, gap_m: float) -> Floats:
    """Return what exact matching has missed of each pair's border, in metres.

    A vertex that only one of two neighbours has, or a stretch that is drawn twice, leaves
    part of their border unmatched.
    """
    more = np.zeros(len(first))
    rows = np.flatnonzero(shapely.dwithin(lines[first], lines[second], gap_m))
    if len(rows) == 0:
        return more
    one, other = lines[first[rows]], lines[second[rows]]
    wide, narrow = (_alongside(one, other, width) for width in (gap_m, min(gap_m, _DRAWN_M)))
    found = _true_length(wide, narrow, gap_m)
    more[rows] = np.where(found > 3.0 * min(gap_m, _DRAWN_M), found, 0.0)
    return more


def _alongside(one: NDArray[np.object_], other: NDArray[np.object_], width_m: float) -> Floats:
    there = shapely.length(shapely.intersection(one, _strip(other, width_m)))
    back = shapely.length(shapely.intersection(other, _strip(one, width_m)))
    return np.minimum(there, back)


def _strip(lines: NDArray[np.object_], width_m: float) -> NDArray[np.object_]:
    return np.asarray(shapely.buffer(lines, width_m, cap_style="flat", quad_segs=2))


def _tolerant(
    polygons: NDArray[np.object_], first: Ints32, second: Ints32, gap_m: float
) -> BorderPairs:
    """Measure the touching pairs that exact matching has missed."""
    n = len(polygons)
    boxes = shapely.bounds(polygons)
    reach = shapely.box(*(boxes + gap_m * np.array([-1.0, -1.0, 1.0, 1.0])).T)
    i, j = shapely.STRtree(polygons).query(reach)
    known = first.astype(np.int64) * n + second
    mask = (i < j) & ~np.isin(i.astype(np.int64) * n + j, known)
    i, j = i[mask], j[mask]
    # Corners are the most of these pairs in a clean layer: two cells that meet in one
    # point have envelopes whose overlap is no longer than the tolerance allows.
    wide = np.minimum(boxes[i, 2], boxes[j, 2]) - np.maximum(boxes[i, 0], boxes[j, 0])
    high = np.minimum(boxes[i, 3], boxes[j, 3]) - np.maximum(boxes[i, 1], boxes[j, 1])
    mask = np.hypot(np.maximum(wide, 0), np.maximum(high, 0)) > gap_m
    mask[mask] = shapely.dwithin(polygons[i[mask]], polygons[j[mask]], gap_m)
    i, j = i[mask], j[mask]
    boundary = shapely.boundary(polygons)

    def inside(here: Ints, there: Ints, width_m: float) -> Floats:
        near = shapely.buffer(polygons[there], width_m, quad_segs=2)
        return np.asarray(shapely.length(shapely.intersection(boundary[here], near)))

    wide = np.full(len(i), np.inf)
    for turned in (False, True):  # corners fail in the first direction
        wide = np.minimum(wide, inside(j, i, gap_m) if turned else inside(i, j, gap_m))
        i, j, wide = (column[wide > 10.0 * gap_m] for column in (i, j, wide))
    width_m = min(gap_m, _DRAWN_M)
    narrow = np.minimum(inside(i, j, width_m), inside(j, i, width_m))
    return i.astype(np.int32), j.astype(np.int32), _true_length(wide, narrow, gap_m)


def _true_length(wide: Floats, narrow: Floats, gap_m: float) -> Floats:
    """Return how long borders are, of what runs within the gap and what runs on one line.

    Where borders part at a corner they are within the gap for as much on either side: what is
    on one line is more accurate, unless the border is drawn twice.
    """
    return np.where(wide - narrow > 3.0 * gap_m, wide, narrow)


def _summed(i: NDArray[np.intp], j: NDArray[np.intp], length: Floats, n: int) -> BorderPairs:
    key, group = np.unique(
        np.minimum(i, j).astype(np.int64) * n + np.maximum(i, j), return_inverse=True
    )
    total = np.bincount(group, weights=length, minlength=len(key)).astype(float)
    keep = total > 1e-3
    return (key[keep] // n).astype(np.int32), (key[keep] % n).astype(np.int32), total[keep]
