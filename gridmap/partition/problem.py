"""A planner's request: grids with workloads, their borders, and the constraints."""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gridmap.errors import InfeasibleError, InputError, some_ids
from gridmap.typing import Bools, Floats, Ints

PER_GRID = (  # arrays of a `Problem` with a row for each grid
    "weights",
    "xy",
    "areas_m2",
    "outer_m",
    "parents",
    "communities",
    "present",
    "keep_weights",
    "limited",
    "fixed",
    "demand",
)


class Constraints(TypedDict, total=False):
    """Input fields of a `Problem` (any array-like), except the number of beats and today's."""

    weights: ArrayLike
    edges: ArrayLike
    borders_m: ArrayLike | None
    border_factor: ArrayLike | None
    xy: ArrayLike | None
    areas_m2: ArrayLike | None
    outer_m: ArrayLike | None
    barrier_edges: ArrayLike | None
    barrier_m: ArrayLike | None
    tolerances: Sequence[float] | None
    targets: ArrayLike | None
    bounds: tuple[float, float] | None
    limited: ArrayLike | None
    limits: Sequence[float]
    reach: float | None
    parents: ArrayLike | None
    communities: ArrayLike | None
    whole_communities: bool
    keep_weights: ArrayLike | None
    fixed: ArrayLike | None
    frozen: Sequence[int]
    together: Sequence[Sequence[int]]
    apart: Sequence[tuple[int, int]]
    rooms: ArrayLike | None
    demand: ArrayLike | None
    travel: ArrayLike | None
    ids: Sequence[Hashable]
    beat_names: Sequence[str]
    criterion_names: Sequence[str]


class ProblemFields(Constraints, total=False):
    """The fields of a `Problem` as they go in."""

    beats: int
    present: ArrayLike | None


_LARGEST = 1e30  # of any number: squares and sums stay far from where floats end
_SMALLEST = 1e-30  # of the largest of what is counted
_RATIO = 1e-9  # of the largest target: a smaller one is no beat's


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """Grids to be divided into beats, as plain arrays.

    Every array is checked and copied; a `Problem` never changes. n grids, k beats, m borders.
    Numbers are finite and up to 1e30 either side; what is counted, such as workload, has
    values of 1e-30 or more, or none.

    Parameters
    ----------
    weights
        Workload (n,) or (n, criteria), not negative; grids without workload count like any
        other. The first criterion decides how many beats a station gets.
    edges
        Pairs of grids (m, 2) that share a passable border of positive length.
    borders_m
        Length of each of these borders, metres (m,); all 1 if None.
    border_factor
        What each border counts in the search (m,), times its length: below 1 where beats may
        well end, such as along a main road, above 1 where they had better not; 1 if None.
        Lengths in scores are what they are.
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
        Allowed deviation per criterion, as a share of the target (boundary allowed), above 0
        and below 10; None: the tolerance given to `propose` for each.
    targets
        What each beat is to carry, in any unit, (k,) or (k, criteria), for example its
        officers; equal if None. Present beat b has row b modulo k. The smallest is at least
        a billionth of the largest.
    bounds
        Lowest and highest workload of a beat on the first criterion, both allowed, instead
        of its tolerance. A highest of infinity is no bound, and becomes the whole workload.
    limited, limits
        Further amounts of each grid (n, l), and the most of each that a beat may hold (l,),
        allowed: its area, its number of grids.
    reach
        How far a grid may be from its beat's centre or room (``<=``), in the unit of
        ``travel``, metres without one; None for any.
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
        Beat that each grid must be in (n,), -1 where free: 0 to k - 1, or one of the present
        beats. With ``present`` the numbers are those of the present beats.
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
        Cost between grids (n, n), for example minutes by road; straight lines if None. Not
        negative, and finite: where no way leads, give what the detour costs.
    ids
        Names of the grids in messages (n,); their positions if None.
    beat_names
        Names of the present beats in messages, by their number; the numbers if empty.
    criterion_names
        Names of the criteria in messages, such as ``residents``; their numbers if empty.

    Raises
    ------
    InputError
        If an array has the wrong length, or a value that cannot be.

    Examples
    --------
    >>> Problem(weights=[1, 1, 1, 1], edges=[(0, 1), (1, 2), (2, 3)], beats=2)
    Problem(grids=4, beats=2, criteria=1, edges=3)
    """

    # Any array-like goes in (`ProblemFields`); a checked, read-only array comes out.
    weights: Floats
    edges: Ints
    beats: int
    borders_m: Floats = None  # type: ignore[assignment] # becomes ones
    border_factor: Floats | None = None
    xy: Floats | None = None
    areas_m2: Floats | None = None
    outer_m: Floats | None = None
    barrier_edges: Ints = None  # type: ignore[assignment] # becomes none
    barrier_m: Floats = None  # type: ignore[assignment] # becomes ones
    tolerances: tuple[float, ...] | None = None
    targets: Floats | None = None
    bounds: tuple[float, float] | None = None
    limited: Floats = None  # type: ignore[assignment] # None without limits
    limits: tuple[float, ...] = ()
    reach: float | None = None
    parents: NDArray[np.generic] | None = None
    communities: NDArray[np.generic] | None = None
    whole_communities: bool = False
    present: Ints | None = None
    keep_weights: Floats | None = None
    fixed: Ints | None = None
    frozen: tuple[int, ...] = ()
    together: tuple[tuple[int, ...], ...] = ()
    apart: tuple[tuple[int, int], ...] = ()
    rooms: Ints | None = None
    demand: Floats | None = None
    travel: NDArray[np.float32] | None = None
    ids: tuple[Hashable, ...] = ()
    beat_names: tuple[str, ...] = ()
    criterion_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        weights = _numbers("weights", self.weights)
        weights = weights[:, None] if weights.ndim == 1 else weights
        if weights.ndim != 2 or not weights.size:
            expected, received = "(n,) / (n, criteria)", np.shape(self.weights)
            raise InputError(
                "partition.error.shape", name="weights", expected=expected, received=received
            )
        n = len(weights)
        self._put("weights", weights)
        object.__setattr__(self, "beats", number_of_beats(self.beats, n))
        for name in ("edges", "barrier_edges"):
            self._put(name, pairs(name, getattr(self, name)), kind=np.int64)
        for name, edges in (("borders_m", self.edges), ("barrier_m", self.barrier_edges)):
            given = getattr(self, name)
            self._put(name, np.ones(len(edges)) if given is None else given, (len(edges),))
        self._put("limited", self.limited, (n, len(self.limits)))
        self._put("border_factor", self.border_factor, (len(self.edges),))
        for name in ("areas_m2", "outer_m", "keep_weights", "demand"):
            self._put(name, getattr(self, name), (n,))
        self._put("xy", self.xy, (n, 2))
        for name in ("present", "fixed"):
            self._put(name, getattr(self, name), (n,), np.int64)
        if self.rooms is not None:
            rooms = whole("rooms", self.rooms)
            self._put("rooms", rooms, (max(rooms.size, self.beats),), np.int64)
        self._put("travel", self.travel, (n, n), np.float32)
        for name in ("parents", "communities"):
            self._put(name, getattr(self, name), (n,), None)
        if self.targets is not None:
            targets = _numbers("targets", self.targets)
            if targets.ndim == 1 or targets.shape[1:] == (1,):
                targets = np.repeat(targets.reshape(-1, 1), weights.shape[1], axis=1)
            self._put("targets", targets, (self.beats, weights.shape[1]))
        frozen = tuple(dict.fromkeys(group("frozen", self.frozen)))
        object.__setattr__(self, "frozen", frozen)
        for name, size in (("together", None), ("apart", 2)):
            object.__setattr__(self, name, groups(name, getattr(self, name), size))
        for name in ("ids", "beat_names", "criterion_names"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        self._check(n)
        self._check_labels()

    def _put(
        self,
        name: str,
        value: ArrayLike | None,
        shape: tuple[int, ...] | None = None,
        kind: type | None = np.float64,
    ) -> None:
        if value is None:
            return
        if kind is None:
            array: NDArray[Any] = np.array(value)
        elif kind is np.int64:
            array = whole(name, value)
        else:
            array = _numbers(name, value)
        if shape is not None and array.shape != shape:
            raise InputError(
                "partition.error.shape", name=name, expected=shape, received=array.shape
            )
        if array.dtype.kind == "f":
            refuse_rows("not_finite", name, ~np.isfinite(array))
            refuse_rows("too_large", name, np.abs(array) > _LARGEST, most=f"{_LARGEST:g}")
        # In one layout: a kernel is compiled anew for any other.
        array = array if kind is None else array.astype(kind, order="C")
        array.flags.writeable = False
        object.__setattr__(self, name, array)

    def _check(self, n: int) -> None:
        for name, count in (("ids", n), ("criterion_names", self.criteria)):
            received = len(getattr(self, name))
            if received not in (0, count):
                raise InputError(
                    "partition.error.shape", name=name, expected=(count,), received=(received,)
                )
        self._check_signs()
        for name in ("edges", "barrier_edges"):
            edges = getattr(self, name)
            refuse_rows("edges", name, (edges < 0) | (edges >= n), grids=n)
        grids = [v for tie in (*self.together, *self.apart) for v in tie]
        grids += [] if self.rooms is None else [int(v) for v in self.rooms if v != -1]
        wrong = [v for v in grids if not 0 <= v < n]
        if wrong:
            raise InputError("partition.error.grids", ids=some_ids(wrong), grids=n)
        self._check_limits()

    def _check_labels(self) -> None:
        """Refuse numbers of beats that stand for none."""
        for name in ("present", "fixed"):
            if getattr(self, name) is not None:
                refuse_rows("labels", name, getattr(self, name) < -1)
        if self.frozen and self.present is None:
            raise InputError("partition.error.frozen_without_present")
        if self.frozen and min(self.frozen) < 0:
            raise InputError("partition.error.frozen_empty", beats=min(self.frozen))
        if self.fixed is not None:
            known = self.fixed < self.beats
            if self.present is not None:
                known |= np.isin(self.fixed, self.present)
            refuse_rows("fixed", "fixed", ~known, beats=self.beats)

    def _check_limits(self) -> None:
        """Refuse invalid tolerances, and bounds in the wrong order."""
        if self.tolerances is not None:
            given = _numbers("tolerances", self.tolerances)
            if given.shape != (self.criteria,):
                raise InputError(
                    "partition.error.shape",
                    name="tolerances",
                    expected=(self.criteria,),
                    received=given.shape,
                )
            allowed = tuple(float(value) for value in given)
            object.__setattr__(self, "tolerances", allowed)
            wrong = [value for value in allowed if not 0 < value < 10]
            if wrong:
                raise InputError("partition.error.tolerance", received=wrong[0])
        object.__setattr__(self, "limits", tuple(_numbers("limits", self.limits).tolist()))
        if self.limits and (self.limited is None or not min(self.limits) > 0):
            raise InputError("partition.error.not_positive", name="limits", received=self.limits)
        if self.reach is not None and not (
            np.isfinite(self.reach)
            and self.reach > 0
            and (self.xy is not None or self.travel is not None)
        ):
            raise InputError("partition.error.not_positive", name="reach", received=self.reach)
        if self.bounds is not None:
            limits = _numbers("bounds", self.bounds)
            low, high = limits.tolist() if limits.shape == (2,) else (-1.0, -1.0)
            if not 0 <= low <= high or low > _LARGEST:
                raise InputError("partition.error.bounds_order", received=self.bounds)
            total = float(self.weights[:, 0].sum())
            high = high if high <= _LARGEST else max(low, total)
            object.__setattr__(self, "bounds", (float(low), float(high)))

    def _check_signs(self) -> None:
        for name in (
            "weights",
            "borders_m",
            "border_factor",
            "limited",
            "barrier_m",
            "keep_weights",
            "demand",
            "areas_m2",
            "outer_m",
            "travel",
        ):
            value = getattr(self, name)
            if value is not None:
                refuse_rows("negative", name, value < 0)
        for name in ("weights", "keep_weights", "demand", "targets"):
            most = np.zeros(1) if getattr(self, name) is None else getattr(self, name).max(axis=0)
            tiny = np.atleast_1d(most)[(most > 0) & (most < _SMALLEST)]
            if tiny.size:
                raise InputError(
                    "partition.error.too_small",
                    name=name,
                    received=f"{tiny[0]:g}",
                    least=f"{_SMALLEST:g}",
                )
        if self.targets is not None:
            least, most = self.targets.min(axis=0), self.targets.max(axis=0)
            if not least.min() > 0:
                raise InputError(
                    "partition.error.not_positive", name="targets", received=float(least.min())
                )
            if (least < _RATIO * most).any():
                raise InputError(
                    "partition.error.targets_ratio",
                    least=f"{least.min():g}",
                    most=f"{most.max():g}",
                )

    @property
    def grids(self) -> int:
        """Number of grids n."""
        return len(self.weights)

    def far(self, grids: Ints | slice = slice(None)) -> Floats | None:
        """Return the way from some grids to each other (n, n), None without places.

        Rows are where somebody travels to, columns where from.
        """
        if self.travel is not None:
            return self.travel[grids][:, grids].astype(np.float64)
        if self.xy is None:
            return None
        xy = self.xy[grids]
        return np.asarray(np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)))

    @property
    def keep_values(self) -> Floats:
        """What counts as keeping its beat (n,)."""
        first: Floats = self.weights[:, 0]
        return first if self.keep_weights is None else self.keep_weights

    @property
    def demand_values(self) -> Floats:
        """What travels (n,)."""
        first: Floats = self.weights[:, 0]
        return first if self.demand is None else self.demand

    @property
    def locked_grids(self) -> Bools:
        """Which grids are in beats that stay as they are (n,)."""
        if not self.frozen or self.present is None:
            return np.zeros(self.grids, dtype=np.bool_)
        return np.isin(self.present, self.frozen)

    @property
    def search_borders(self) -> Floats:
        """What each border counts in the search (m,): its length, weighted."""
        length: Floats = self.borders_m
        return length if self.border_factor is None else length * self.border_factor

    @property
    def criteria(self) -> int:
        """Number of workload criteria."""
        return int(self.weights.shape[1])

    def name_of(self, grids: Sequence[int] | NDArray[np.integer]) -> list[Hashable]:
        """Return the ids of grids given by position."""
        return [self.ids[int(v)] if self.ids else int(v) for v in grids]

    def replace(self, **changes: Unpack[ProblemFields]) -> Problem:
        """Return a copy with some values changed."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return Problem(**{**values, **changes})

    def __repr__(self) -> str:
        return (
            f"Problem(grids={self.grids}, beats={self.beats}, criteria={self.criteria}, "
            f"edges={len(self.edges)})"
        )


def refuse_rows(key: str, name: str, wrong: Bools, **values: str | int) -> None:
    """Refuse an array for its rows that are wrong."""
    if wrong.any():
        rows = np.flatnonzero(wrong.reshape(len(wrong), -1).any(axis=1))
        message = f"partition.error.{key}"
        raise InputError(message, name=name, ids=some_ids(rows), **values)


def number_of_beats(beats: object, grids: int) -> int:
    """Return the number of beats."""
    try:
        number = -1 if isinstance(beats, (bool, np.bool_)) else operator.index(beats)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if not 1 <= number <= grids:
        raise InputError("partition.error.beats", beats=beats, grids=grids)
    return number


def _numbers(name: str, value: object) -> NDArray[Any]:
    """Return numbers as an array of their own, whole or with fractions."""
    try:
        array = np.array(value)
        if array.dtype.kind in "OUS":
            array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_numbers(name, value) from error
    if array.dtype.kind not in "iufb":
        raise _no_numbers(name, value)
    return array if array.dtype.kind in "iu" else array.astype(np.float64)


def _no_numbers(name: str, value: object) -> InputError:
    received = " ".join(reprlib.repr(value).split())
    return InputError("partition.error.not_numbers", name=name, received=received)


def whole(name: str, value: object) -> Ints:
    """Return whole numbers."""
    array = _numbers(name, value)
    if array.dtype.kind == "f":
        array = np.atleast_1d(array)
        refuse_rows("not_finite", name, ~np.isfinite(array))
        refuse_rows("not_whole", name, (array != np.rint(array)) | (np.abs(array) > 2**53))
    return array.astype(np.int64)


def group(name: str, given: Iterable[int]) -> tuple[int, ...]:
    """Return the grids or beats of a group."""
    try:
        members = tuple(given)
    except TypeError as error:
        raise _no_numbers(name, given) from error
    found = whole(name, members)
    if found.ndim != 1:
        raise _no_numbers(name, given)
    return tuple(found.tolist())


def groups(
    name: str, given: Iterable[Iterable[int]], size: int | None
) -> tuple[tuple[int, ...], ...]:
    """Return groups, each of a size where one is given."""
    try:
        made = tuple(group(name, one) for one in given)
    except TypeError as error:
        raise _no_numbers(name, given) from error
    wrong = [one for one in made if size is not None and len(one) != size]
    if wrong:
        raise InputError(
            "partition.error.shape", name=name, expected=("m", size), received=wrong[0]
        )
    return made


def pairs(name: str, edges: ArrayLike | None) -> Ints:
    """Return edges as pairs (low, high) without loops."""
    array = whole(name, () if edges is None else edges)
    if not array.size:
        return np.zeros((0, 2), dtype=np.int64)
    if array.ndim != 2 or array.shape[1] != 2:
        raise InputError(
            "partition.error.shape", name=name, expected="(m, 2)", received=array.shape
        )
    return np.sort(array, axis=1)


def wanted_beats(problem: Problem) -> Ints:
    """Return the beat that each grid must be in (n,), by fixing or by its room; -1: any.

    Raises
    ------
    InfeasibleError
        If a grid is fixed to one beat and holds the room of another.
    """
    wanted = np.full(problem.grids, -1, dtype=np.int64)
    if problem.fixed is not None:
        wanted = np.maximum(problem.fixed, -1)
    if problem.rooms is not None:
        for label in np.flatnonzero(problem.rooms >= 0).tolist():
            v = int(problem.rooms[label])
            if wanted[v] not in (-1, label):
                raise in_two_beats(problem, np.array([v]), int(wanted[v]), label)
            wanted[v] = label
    return wanted


def in_two_beats(problem: Problem, own: Ints, first: int, second: int) -> InfeasibleError:
    """Return the error that some grids are to be in two beats."""
    return InfeasibleError(
        "partition.error.two_beats",
        ids=some_ids(problem.name_of(own)),
        first=beat_name(problem, first),
        second=beat_name(problem, second),
    )


def beat_name(problem: Problem, beat: int) -> str:
    """Return what a present beat is called, else its number."""
    return problem.beat_names[beat] if beat < len(problem.beat_names) else str(beat)
