"""What a planner asks: grids with workloads, their borders, and what must hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridmap.errors import InputError, some_ids

__all__ = ["Problem"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """Grids to be divided into beats, as plain arrays.

    Every array is checked and copied; a `Problem` never changes. n grids, k beats, m borders.

    Parameters
    ----------
    weights
        Workload (n,) or (n, criteria), not negative; grids without workload count like any
        other. The first criterion decides how many beats a station gets.
    edges
        Pairs of grids (m, 2) that share a passable border of positive length.
    borders_m
        Length of each of these borders, metres (m,); all 1 if None.
    beats
        Number of beats k.
    xy
        The point that stands for each grid, such as its centroid, metres (n, 2). Without it
        travel and shape are not measured.
    areas_m2
        Area of each grid (n,).
    outer_m
        Border of each grid with the outside, metres (n,).
    barrier_edges, barrier_m
        Borders that nobody crosses (a river, a railway), not contiguous, but counted in
        perimeters.
    tolerances
        Allowed deviation per criterion, as a share of the target (boundary allowed); None:
        the tolerance given to `propose` for each.
    targets
        What each beat is to carry, in any unit, (k,) or (k, criteria), for example its
        officers; equal if None. Present beat b has row b modulo k.
    bounds
        Lowest and highest workload of a beat on the first criterion, both allowed, instead
        of its tolerance.
    parents
        Station of each grid (n,); no beat crosses a station. Any labels; None for one.
    communities
        Community of each grid (n,), kept whole where it pays, or always if
        ``whole_communities``. A label of -1 or None means no community.
    present
        Today's beat of each grid, 0 to k - 1 or any label above; -1 for none.
    keep_weights
        What counts as keeping its beat, for example residents (n,); the first criterion if
        None.
    fixed
        Beat that each grid must be in (n,), -1 where free. With ``present`` the numbers are
        those of the present beats.
    frozen
        Present beats that stay exactly as they are, in pieces or across stations too.
    together, apart
        Groups of grids that share a beat; pairs that never do.
    rooms
        Grid of each beat's room (k,), -1 for none: the grid belongs to its beat, and travel
        is measured from it. Longer than k where present beats have higher numbers.
    demand
        What travels, for example calls (n,); the first criterion if None.
    travel
        Cost between grids (n, n), for example minutes by road; straight lines if None.
    ids
        Names of the grids in messages (n,); their positions if None.
    beat_names
        Names of the present beats in messages, by their number; the numbers if empty.

    Raises
    ------
    InputError
        If an array has the wrong length, or a value that cannot be.

    Examples
    --------
    >>> Problem(weights=[1, 1, 1, 1], edges=[(0, 1), (1, 2), (2, 3)], beats=2)
    Problem(grids=4, beats=2, criteria=1, edges=3)
    """

    # Any array-like goes in; a checked, read-only array comes out.
    weights: Any
    edges: Any
    beats: int
    borders_m: Any = None
    xy: Floats | None = None
    areas_m2: Floats | None = None
    outer_m: Floats | None = None
    barrier_edges: Any = None
    barrier_m: Any = None
    tolerances: tuple[float, ...] | None = None
    targets: Floats | None = None
    bounds: tuple[float, float] | None = None
    parents: NDArray[Any] | None = None
    communities: NDArray[Any] | None = None
    whole_communities: bool = False
    present: Integers | None = None
    keep_weights: Floats | None = None
    fixed: Integers | None = None
    frozen: tuple[int, ...] = ()
    together: tuple[tuple[int, ...], ...] = ()
    apart: tuple[tuple[int, int], ...] = ()
    rooms: Integers | None = None
    demand: Floats | None = None
    travel: NDArray[np.float32] | None = None
    ids: tuple[Any, ...] = ()
    beat_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        weights = np.array(self.weights, dtype=np.float64)
        weights = weights[:, None] if weights.ndim == 1 else weights
        n = len(weights)
        self._put("weights", weights)
        self._put("edges", _pairs(self.edges), kind=np.int64)
        self._put("barrier_edges", _pairs(self.barrier_edges), kind=np.int64)
        for name, edges in (("borders_m", self.edges), ("barrier_m", self.barrier_edges)):
            given = getattr(self, name)
            self._put(name, np.ones(len(edges)) if given is None else given, (len(edges),))
        for name in ("areas_m2", "outer_m", "keep_weights", "demand"):
            self._put(name, getattr(self, name), (n,))
        self._put("xy", self.xy, (n, 2))
        for name in ("present", "fixed"):
            self._put(name, getattr(self, name), (n,), np.int64)
        rooms = 0 if self.rooms is None else max(len(self.rooms), self.beats)
        self._put("rooms", self.rooms, (rooms,), np.int64)
        self._put("travel", self.travel, (n, n), np.float32)
        for name in ("parents", "communities"):
            if getattr(self, name) is not None:
                self._put(name, getattr(self, name), (n,), None)
        if self.targets is not None:
            targets = np.array(self.targets, dtype=np.float64)
            targets = np.repeat(targets.reshape(len(targets), -1), 1, axis=1)
            if targets.shape[1] == 1:
                targets = np.repeat(targets, weights.shape[1], axis=1)
            self._put("targets", targets, (self.beats, weights.shape[1]))
        object.__setattr__(self, "frozen", tuple(int(b) for b in self.frozen))
        groups = tuple(tuple(int(v) for v in group) for group in self.together)
        object.__setattr__(self, "together", groups)
        pairs = tuple((int(a), int(b)) for a, b in self.apart)
        object.__setattr__(self, "apart", pairs)
        object.__setattr__(self, "ids", tuple(self.ids))
        object.__setattr__(self, "beat_names", tuple(self.beat_names))
        self._check(n)

    def _put(
        self,
        name: str,
        value: ArrayLike | None,
        shape: tuple[int, ...] | None = None,
        kind: type | None = np.float64,
    ) -> None:
        if value is None:
            return
        array = np.array(value) if kind is None else np.array(value, dtype=kind)
        if shape is not None and array.shape != shape:
            raise InputError(
                "partition.error.shape", name=name, expected=shape, received=array.shape
            )
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
            raise InputError("partition.error.not_finite", name=name, ids=some_ids(bad))
        array.flags.writeable = False
        object.__setattr__(self, name, array)

    def _check(self, n: int) -> None:
        if not 1 <= self.beats <= n:
            raise InputError("partition.error.beats", beats=self.beats, grids=n)
        if self.ids and len(self.ids) != n:
            raise InputError(
                "partition.error.shape", name="ids", expected=(n,), received=(len(self.ids),)
            )
        self._check_signs()
        for name in ("edges", "barrier_edges"):
            edges = getattr(self, name)
            if edges.size and (edges.min() < 0 or edges.max() >= n):
                bad = np.flatnonzero((edges < 0).any(axis=1) | (edges >= n).any(axis=1))
                raise InputError("partition.error.edges", name=name, ids=some_ids(bad), grids=n)
        grids = [v for group in (*self.together, *self.apart) for v in group]
        grids += [] if self.rooms is None else [int(v) for v in self.rooms if v >= 0]
        wrong = [v for v in grids if not 0 <= v < n]
        if wrong:
            raise InputError("partition.error.grids", ids=some_ids(wrong), grids=n)
        if self.frozen and self.present is None:
            raise InputError("partition.error.frozen_without_present")
        if self.fixed is not None and self.present is None and self.fixed.max() >= self.beats:
            bad = np.flatnonzero(self.fixed >= self.beats)
            raise InputError("partition.error.fixed", ids=some_ids(bad), beats=self.beats)
        if self.tolerances is not None and len(self.tolerances) != self.criteria:
            raise InputError(
                "partition.error.shape",
                name="tolerances",
                expected=(self.criteria,),
                received=(len(self.tolerances),),
            )

    def _check_signs(self) -> None:
        for name in (
            "weights",
            "borders_m",
            "barrier_m",
            "keep_weights",
            "demand",
            "areas_m2",
            "outer_m",
        ):
            value = getattr(self, name)
            if value is not None and value.size and value.min() < 0:
                bad = np.flatnonzero((value < 0).reshape(len(value), -1).any(axis=1))
                raise InputError("partition.error.negative", name=name, ids=some_ids(bad))
        for name in ("targets", "tolerances"):
            value = getattr(self, name)
            if value is not None and not np.min(value) > 0:
                raise InputError(
                    "partition.error.not_positive", name=name, received=float(np.min(value))
                )

    @property
    def grids(self) -> int:
        """Number of grids n."""
        return len(self.weights)

    @property
    def criteria(self) -> int:
        """Number of workload criteria."""
        return int(self.weights.shape[1])

    def name_of(self, grids: Sequence[int] | NDArray[np.integer]) -> list[Any]:
        """Return the ids of grids given by position."""
        return [self.ids[int(v)] if self.ids else int(v) for v in grids]

    def replace(self, **changes: object) -> Problem:
        """Return a copy with some values changed."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return Problem(**{**values, **changes})

    def __repr__(self) -> str:
        return (
            f"Problem(grids={self.grids}, beats={self.beats}, criteria={self.criteria}, "
            f"edges={len(self.edges)})"
        )


def _pairs(edges: ArrayLike | None) -> Integers:
    """Return edges as pairs (low, high) without loops."""
    if edges is None:
        return np.zeros((0, 2), dtype=np.int64)
    array = np.array(edges, dtype=np.int64).reshape(-1, 2)
    return np.sort(array, axis=1)
