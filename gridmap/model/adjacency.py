"""Which grids border which, over how many metres, and what cuts or joins them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy
import shapely
from numpy.typing import NDArray

from gridmap.errors import GeometryError
from gridmap.model._borders import shared_borders
from gridmap.model.layer import Layer

__all__ = ["Adjacency", "Bridge"]

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
    first: NDArray[np.int32]
    second: NDArray[np.int32]
    length_m: NDArray[np.float64]
    barrier: NDArray[np.bool_]
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
    def components(self) -> tuple[int, NDArray[np.int32]]:
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

    def pieces(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
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


def _cut(
    grids: Layer, barriers: Layer, first: NDArray[np.int32], second: NDArray[np.int32]
) -> NDArray[np.bool_]:
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
