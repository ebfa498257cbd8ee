"""A plan being edited: its grids, its beats' figures, its locks and its faults.

A change recomputes the figures of the beats that it touches, and of no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Self, cast

import numpy as np
import pandas as pd
import scipy
import shapely
from numpy.typing import NDArray

from gridmap.errors import InputError, MissingError, some_ids
from gridmap.fields import Json
from gridmap.measure import covered_share, without_missing
from gridmap.measure.counted import missing_counts
from gridmap.measure.counting import count_incidents_by
from gridmap.measure.workload import Workload
from gridmap.model import Adjacency, City, Kind, Plan
from gridmap.model.layer import join_rows, polsby_popper
from gridmap.plans.versions import BeatJson, Fault, Locks
from gridmap.typing import Bools, Floats, Ints32

_COLUMNS = ("residents", "incidents", "workload", "covered", "area_m2", "perimeter_m")


@dataclass(frozen=True, eq=False)
class Ground:
    """The grids of a city as the editing of plans sees them; all arrays have shape (n,).

    Parameters
    ----------
    grid_ids
        Ids of the grids, in the order of the grid layer.
    residents, incidents, workload
        Amount per grid; not negative.
    covered
        Residents of the grid within reach of a room.
    area_m2, perimeter_m
        Area and length of the border of each grid.
    adjacency
        Which grids border which.
    stations
        Id of the station that each grid lies in, ``""`` where it is not known.
    digest
        Digest of the grid layer.
    geometry, gap_m
        Polygons of the grids, and the widest gap between neighbours, metres: what beats'
        borders are measured of. None where there are no polygons.
    missing
        Counts that nobody made; they are 0 in sums and null in reports.

    Raises
    ------
    InputError
        If an array has another length, or an amount is negative or not finite.
    """

    grid_ids: NDArray[np.object_]
    residents: Floats
    incidents: Floats
    workload: Floats
    covered: Floats
    area_m2: Floats
    perimeter_m: Floats
    adjacency: Adjacency
    stations: NDArray[np.object_]
    digest: str = ""
    geometry: NDArray[np.object_] | None = None
    gap_m: float = 0.0
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check lengths and signs."""
        size = len(self.grid_ids)
        for name in _COLUMNS:
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.shape != (size,):
                raise InputError(
                    "plans.error.ground_length", field=name, received=len(values), expected=size
                )
            bad = ~np.isfinite(values) | (values < 0)
            if bad.any():
                raise InputError(
                    "plans.error.ground_negative",
                    field=name,
                    ids=some_ids(self.grid_ids[bad]),
                    count=int(bad.sum()),
                )
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.grid_ids)

    @classmethod
    def from_city(
        cls,
        city: City,
        *,
        workload: Workload | Mapping[str, float] | None = None,
        incidents: Floats | None = None,
    ) -> Self:
        """Return the ground of a city.

        Parameters
        ----------
        city
            The city. Rooms cover what lies within ``presets.room_radius_m``.
        workload
            What the grids ask of the police, or the weights of its criteria; if None,
            residents and incidents weigh half each, or every grid the same where there are
            none of either.
        incidents
            Incidents of each grid, shape (n,), of a period for example; if None, all of the
            city's, or the grid layer's own column where it has none.

        Notes
        -----
        The workload is kept in percent of the city's.
        """
        grids = city.grids
        residents = grids.counts("residents")
        if incidents is None and city.incidents is not None:
            incidents, _ = count_incidents_by(city, Kind.GRID)
        elif incidents is None:
            incidents = grids.counts("incidents")
        if isinstance(workload, Mapping):
            workload = Workload.from_city(city, workload)
        if workload is None:
            workload = _default_workload(grids.ids, residents=residents, incidents=incidents)
        share = covered_share(grids.geometry, city.room_xy, radius_m=city.presets.room_radius_m)
        return cls(
            grid_ids=grids.ids,
            residents=residents,
            incidents=incidents,
            workload=100.0 * workload.load,
            covered=residents * share,
            area_m2=grids.area_m2,
            perimeter_m=shapely.length(grids.geometry),
            adjacency=city.adjacency,
            stations=city.named(grids, Kind.STATION),
            digest=grids.digest,
            geometry=grids.geometry,
            gap_m=city.presets.gap_m,
            missing=missing_counts(city),
        )

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.grid_ids, dtype=object)

    def rows_of(self, grids: tuple[str, ...]) -> NDArray[np.intp]:
        """Return the rows of grids.

        Raises
        ------
        MissingError
            If there is no such grid.
        """
        rows = np.asarray(self._index.get_indexer(list(grids)))
        if (rows < 0).any():
            lost = [name for name, row in zip(grids, rows, strict=True) if row < 0]
            raise MissingError("plans.error.no_grid", ids=some_ids(lost), count=len(lost))
        return rows


def _default_workload(grid_ids: NDArray[np.object_], **columns: Floats) -> Workload:
    """Return the workload of the columns that hold anything, at equal weights."""
    known = {name: column for name, column in columns.items() if column.sum() > 0}
    known = known or {"grids": np.ones(len(grid_ids))}
    return Workload(grid_ids, known, dict.fromkeys(known, 1.0))


Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class BeatFigures:
    """Figures of one beat.

    Parameters
    ----------
    grids, residents, incidents, workload
        Sums over the beat's grids.
    pieces
        Number of pieces that open borders leave; 0 for an empty beat, 1 as it should be.
    compactness
        Polsby-Popper: 4 pi area / perimeter^2, 1 for a circle; 0 for an empty beat.
    covered_share
        Share of the residents within reach of a room, 0 to 1; 0 without residents.
    area_km2
        Area.
    """

    grids: int
    residents: float
    incidents: float
    workload: float
    pieces: int
    compactness: float
    covered_share: float
    area_km2: float


@dataclass(frozen=True, eq=False, slots=True)
class Figures:
    """Sums of each beat, shape (k,); see `BeatFigures` for one beat's figures.

    Parameters
    ----------
    grids, residents, incidents, workload, covered, area_m2
        Sums over the beat's grids.
    joined_m2, perimeter_m
        Area of the polygon that is exported (`join_grids`), and length of its border; where a
        ground has no geometry, the grids' area, and their perimeters less twice what they
        share inside.
    pieces
        Number of pieces.
    """

    grids: Floats
    residents: Floats
    incidents: Floats
    workload: Floats
    covered: Floats
    area_m2: Floats
    joined_m2: Floats
    perimeter_m: Floats
    pieces: Floats

    def __len__(self) -> int:
        return len(self.grids)

    @property
    def compactness(self) -> Floats:
        """Polsby-Popper of each beat (Polsby and Popper 1991), shape (k,)."""
        return polsby_popper(self.joined_m2, self.perimeter_m)

    @property
    def covered_share(self) -> Floats:
        """Share of each beat's residents within reach of a room, shape (k,)."""
        return np.divide(
            self.covered, self.residents, out=np.zeros(len(self)), where=self.residents > 0
        )

    @property
    def mean(self) -> float:
        """Mean workload of the beats that have a grid; an empty beat counts nowhere."""
        return _mean(self.workload, self.grids)

    @property
    def deviation(self) -> Floats:
        """Workload of each beat over the mean, less 1, shape (k,); -1 for an empty beat."""
        return deviation(self.workload, self.grids)

    @property
    def max_deviation(self) -> float:
        """The worst deviation of a beat that has a grid, above or below; 0 without beats."""
        return max_deviation(self.workload, self.grids)

    def row(self, row: int) -> BeatFigures:
        """Return one beat's figures."""
        return BeatFigures(
            grids=int(self.grids[row]),
            residents=float(self.residents[row]),
            incidents=float(self.incidents[row]),
            workload=float(self.workload[row]),
            pieces=int(self.pieces[row]),
            compactness=float(self.compactness[row]),
            covered_share=float(self.covered_share[row]),
            area_km2=float(self.area_m2[row]) / 1e6,
        )

    def taken(self, rows: Rows) -> Figures:
        """Return the figures of the beats in ``rows``; -1 stands for an empty beat."""
        values = {}
        for one in fields(self):
            column = np.append(getattr(self, one.name), 0.0)
            values[one.name] = column[rows]
        return Figures(**values)


def _mean(amounts: Floats, grids: Floats) -> float:
    held = np.count_nonzero(grids)
    return float(amounts.sum()) / held if held else 0.0


def deviation(amounts: Floats, grids: Floats) -> Floats:
    """Return each beat's amount over the mean, less 1; zeros where the mean is 0.

    The mean is that of the beats that have a grid: an empty beat is nobody's ground.

    >>> deviation(np.array([1.0, 3.0, 0.0]), np.array([2.0, 2.0, 0.0])).tolist()
    [-0.5, 0.5, -1.0]
    """
    mean = _mean(amounts, grids)
    return amounts / mean - 1.0 if mean > 0 else np.zeros(len(amounts))


def max_deviation(amounts: Floats, grids: Floats) -> float:
    """Return the greatest deviation of a beat that has a grid, without its sign."""
    return float(np.abs(deviation(amounts, grids)[grids > 0]).max(initial=0.0))


def measure_beats(ground: Ground, assignment: Ints32, size: int) -> Figures:
    """Compute the figures of all beats from scratch.

    Parameters
    ----------
    ground
        The grids.
    assignment
        Row of each grid's beat, -1 for none, shape (n,).
    size
        Number of beats.
    """
    return _measure(ground, assignment, size, np.ones(size, dtype=bool))


def remeasure_beats(ground: Ground, assignment: Ints32, figures: Figures, rows: Rows) -> Figures:
    """Return the figures with those of some beats recomputed.

    The sums are taken in the order of the grids as `measure_beats` takes them, so the result
    is the same to the last bit.

    Parameters
    ----------
    ground
        The grids.
    assignment
        Row of each grid's beat after the change.
    figures
        Figures that still hold for every other beat.
    rows
        The beats to recompute.
    """
    chosen = np.zeros(len(figures), dtype=bool)
    chosen[rows] = True
    fresh = _measure(ground, assignment, len(figures), chosen)
    return Figures(
        **{
            field.name: np.where(chosen, getattr(fresh, field.name), getattr(figures, field.name))
            for field in fields(figures)
        }
    )


def beat_pieces(ground: Ground, assignment: Ints32, row: int) -> tuple[Rows, Ints32]:
    """Return the grids of a beat and the piece that each belongs to.

    Parameters
    ----------
    ground
        The grids.
    assignment
        Row of each grid's beat, -1 for none.
    row
        The beat.

    Returns
    -------
    grids, piece
        Rows of the grids, and numbers of their pieces from 0, both of shape (m,).
    """
    chosen = np.zeros(int(assignment.max(initial=row)) + 1, dtype=bool)
    chosen[row] = True
    members, pairs = _inside(ground, assignment, chosen)
    return members, _pieces(ground, members, pairs)


def _measure(ground: Ground, assignment: Ints32, size: int, chosen: Bools) -> Figures:
    members, pairs = _inside(ground, assignment, chosen)
    beat = assignment[members]
    adjacency = ground.adjacency

    def total(values: Floats) -> Floats:
        return np.bincount(beat, weights=values[members], minlength=size).astype(float)

    if ground.geometry is None:
        inner = np.bincount(
            assignment[adjacency.first[pairs]], weights=adjacency.length_m[pairs], minlength=size
        )
        perimeter_m = np.maximum(total(ground.perimeter_m) - 2.0 * inner, 0.0)
        joined_m2 = total(ground.area_m2)
    else:
        joined = join_rows(ground.geometry, assignment, size, gap_m=ground.gap_m, chosen=chosen)
        joined_m2, perimeter_m = shapely.area(joined), shapely.length(joined)
    piece = _pieces(ground, members, pairs)
    _, at = np.unique(piece, return_index=True)
    return Figures(
        grids=np.bincount(beat, minlength=size).astype(float),
        residents=total(ground.residents),
        incidents=total(ground.incidents),
        workload=total(ground.workload),
        covered=total(ground.covered),
        area_m2=total(ground.area_m2),
        joined_m2=joined_m2,
        perimeter_m=perimeter_m,
        pieces=np.bincount(beat[at], minlength=size).astype(float),
    )


def _inside(ground: Ground, assignment: Ints32, chosen: Bools) -> tuple[Rows, Rows]:
    """Return the grids of the chosen beats, and the adjacent pairs inside one of them."""
    flag = np.append(chosen, False)  # row -1 is no beat
    member = flag[assignment]
    first, second = ground.adjacency.first, ground.adjacency.second
    pairs = np.flatnonzero(member[first])
    pairs = pairs[assignment[first[pairs]] == assignment[second[pairs]]]
    return np.flatnonzero(member), pairs


def _pieces(ground: Ground, members: Rows, pairs: Rows) -> Ints32:
    adjacency = ground.adjacency
    local = np.zeros(len(ground), dtype=np.int32)
    local[members] = np.arange(len(members), dtype=np.int32)
    open_ = pairs[~adjacency.barrier[pairs]]
    graph = scipy.sparse.coo_array(
        (
            np.ones(len(open_), dtype=np.int8),
            (local[adjacency.first[open_]], local[adjacency.second[open_]]),
        ),
        shape=(len(members), len(members)),
    )
    if not len(members):
        return np.zeros(0, dtype=np.int32)
    return np.asarray(
        scipy.sparse.csgraph.connected_components(graph, directed=False)[1], dtype=np.int32
    )


@dataclass(frozen=True, eq=False)
class Draft:
    """A plan that is being edited; every change makes another one.

    Parameters
    ----------
    ground
        The grids that it is about.
    plan
        The plan.
    figures
        Figures of its beats, in the order of ``plan.beats``.
    locks
        What stays as it is.
    """

    ground: Ground
    plan: Plan
    figures: Figures
    locks: Locks = field(default_factory=Locks)

    @classmethod
    def start(cls, ground: Ground, plan: Plan, *, locks: Locks | None = None) -> Self:
        """Return a plan on the table, its beats measured.

        Raises
        ------
        InputError
            If the plan's grids are not the ground's, in the same order.
        """
        if not np.array_equal(plan.grid_ids, ground.grid_ids):
            raise InputError(
                "plans.error.other_grids",
                plan=plan.name,
                received=len(plan.grid_ids),
                expected=len(ground),
            )
        figures = measure_beats(ground, plan.assignment, len(plan))
        return cls(ground, plan, figures, locks or Locks())

    def __repr__(self) -> str:
        return f"<Draft of {self.plan!r}: {len(self.faults)} faults>"

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The beats in more than one piece."""
        return tuple(
            _fault(self.ground, self.plan, int(row))
            for row in np.flatnonzero(self.figures.pieces > 1)
        )

    def rows(self) -> list[BeatJson]:
        """Return each beat's attributes and figures; None for what nobody counted."""
        deviation = self.figures.deviation
        found: list[BeatJson] = []
        for row, beat in enumerate(self.plan.beats):
            figures = self.figures.row(row)
            values: dict[str, Json] = {
                "id": beat.id,
                "name": beat.label,
                "station": beat.station,
                "room": beat.room,
                "officers": beat.officers,
                "auxiliaries": beat.auxiliaries,
                "grids": figures.grids,
                "residents": figures.residents,
                "incidents": figures.incidents,
                "deviation": float(deviation[row]),
                "pieces": figures.pieces,
                "compactness": figures.compactness,
                "covered_residents_share": figures.covered_share,
            }
            found.append(cast("BeatJson", without_missing(values, self.ground.missing)))
        return found

    def figures_of(self, beat: str) -> BeatFigures:
        """Return one beat's figures.

        Raises
        ------
        MissingError
            If the plan has no such beat.
        """
        return self.figures.row(self.plan.row_of(beat))


def _fault(ground: Ground, plan: Plan, row: int) -> Fault:
    grids, piece = beat_pieces(ground, plan.assignment, row)
    sizes = np.bincount(piece)
    outside = grids[piece != sizes.argmax()]
    return Fault(plan.beats[row].id, len(sizes), tuple(ground.grid_ids[outside]))
