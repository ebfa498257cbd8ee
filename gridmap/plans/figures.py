"""Figures of the beats of a plan, and their renewal for the few beats that a change touches."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import scipy
import shapely
from numpy.typing import NDArray

from gridmap.model.layer import join_rows, polsby_popper
from gridmap.plans.ground import Ground
from gridmap.typing import Bools, Floats, Ints32

__all__ = ["BeatFigures", "Figures", "measure_beats", "pieces_of", "remeasure_beats"]

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
    def deviation(self) -> Floats:
        """Workload of each beat over the mean of the beats, less 1, shape (k,)."""
        return deviation(self.workload)

    @property
    def max_deviation(self) -> float:
        """The worst deviation of workload, above or below; 0 without beats."""
        return max_deviation(self.workload)

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
        for field in fields(self):
            column = np.append(getattr(self, field.name), 0.0)
            values[field.name] = column[rows]
        return Figures(**values)


def deviation(amounts: Floats) -> Floats:
    """Return each amount over the mean, less 1; zeros where the mean is 0.

    >>> deviation(np.array([1.0, 3.0])).tolist()
    [-0.5, 0.5]
    """
    mean = amounts.mean() if len(amounts) else 0.0
    return amounts / mean - 1.0 if mean > 0 else np.zeros(len(amounts))


def max_deviation(amounts: Floats) -> float:
    """Return the greatest deviation from the mean, without its sign."""
    return float(np.abs(deviation(amounts)).max(initial=0.0))


def measure_beats(ground: Ground, assignment: Ints32, size: int) -> Figures:
    """Compute the figures of all beats from nothing.

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


def pieces_of(ground: Ground, assignment: Ints32, row: int) -> tuple[Rows, Ints32]:
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
