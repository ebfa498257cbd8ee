"""警格 over 网格: which part of each source polygon lies in which target polygon.

What is shared out must add up: nobody is lost and nobody is counted twice. How well beats follow
the borders of grids (融合度) is read from the same table.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy
import shapely

from gridmap.measure._kernels import shared_areas
from gridmap.model.polygon_index import PolygonIndex, edges_of, require_valid
from gridmap.typing import Bools, Floats, Ints, Ints32, Shapes

Weight = Literal["area", "centre"]

# Shared areas below this share of the source are rounding, not overlap.
_ROUNDING = 1e-11
# A source whose shares add up to 1 within this is covered whole.
_WHOLE = 1e-9


class Transfer(NamedTuple):
    """An amount moved from sources to targets.

    Attributes
    ----------
    by_target
        Amount that each target receives, in the order of the targets.
    unassigned
        Amount that lies in no target. ``by_target.sum() + unassigned`` is what came in.
    """

    by_target: Floats
    unassigned: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Crosswalk:
    """A sparse table of sources by targets; make one with `crosswalk`.

    Attributes
    ----------
    source_ids, target_ids
        Names of the rows and columns.
    shares
        Share of each source that belongs to each target, 0 to 1. The rows add up to
        ``1 - unassigned_share``; nothing is counted twice.
    intersect_area_m2
        Area that each source and target share, as drawn: where targets overlap, the ground under
        both counts in both columns.
    source_area_m2, target_area_m2
        Areas of the polygons.
    overlap_m2
        For each source, the area by which its targets' pieces exceed the ground they cover.
    unassigned_share
        For each source, the share that no target covers.
    weight
        What the shares were taken by.
    """

    source_ids: npt.NDArray[Any]
    target_ids: npt.NDArray[Any]
    shares: scipy.sparse.csr_array
    intersect_area_m2: scipy.sparse.csr_array
    source_area_m2: Floats
    target_area_m2: Floats
    overlap_m2: Floats
    unassigned_share: Floats
    weight: str

    @classmethod
    def from_rows(
        cls, row_of_source: Ints, source_area_m2: Floats, *, target_area_m2: Floats
    ) -> Self:
        """Return the crosswalk of sources that belong whole to a target, or to none (-1).

        Parameters
        ----------
        row_of_source
            Position of each source's target.
        source_area_m2, target_area_m2
            Areas.
        """
        held = np.flatnonzero(row_of_source >= 0)
        at = (held, row_of_source[held])
        shape = (len(row_of_source), len(target_area_m2))
        return cls(
            source_ids=np.arange(shape[0]),
            target_ids=np.arange(shape[1]),
            shares=scipy.sparse.csr_array((np.ones(len(held)), at), shape=shape),
            intersect_area_m2=scipy.sparse.csr_array((source_area_m2[held], at), shape=shape),
            source_area_m2=source_area_m2,
            target_area_m2=target_area_m2,
            overlap_m2=np.zeros(shape[0]),
            unassigned_share=(row_of_source < 0).astype(float),
            weight="row",
        )

    def transfer(self, amounts: npt.ArrayLike) -> Transfer:
        """Distribute an amount of each source among the targets.

        ``by_target[j] = sum_i shares[i, j] * amounts[i]`` (areal weighting: Goodchild and
        Lam 1980). What comes in equals what goes out plus what is unassigned, to 1e-9.

        Parameters
        ----------
        amounts
            One finite number per source, for example residents.
        """
        values = np.asarray(amounts, np.float64)
        if values.shape != self.source_area_m2.shape or not np.isfinite(values).all():
            message = f"amounts must be {len(self.source_area_m2)} finite numbers"
            raise ValueError(message)
        by_target = np.asarray(self.shares.T @ values, np.float64)
        unassigned = float(self.unassigned_share @ values)
        require_conserved(values.sum(), by_target.sum() + unassigned)
        return Transfer(by_target, unassigned)

    @property
    def main_target(self) -> Ints:
        """Return for each source the target with its greatest share, or -1 if it has none.

        Of equal shares the first target's counts.
        """
        main = np.full(len(self.source_ids), -1, np.int64)
        pieces = self.shares.tocoo()
        order = np.lexsort((pieces.col, -pieces.data, pieces.row))
        rows, first = np.unique(pieces.row[order], return_index=True)
        main[rows] = pieces.col[order][first]
        return main

    def is_split(self, *, sliver_share: float = 0.0) -> Bools:
        """Return which sources lie in more than one target.

        Parameters
        ----------
        sliver_share
            A piece counts if it is more than this share of its source. Digitised borders
            differ by slivers, so 0.01 separates cut grids from badly drawn ones.
        """
        counts = np.bincount(
            self.shares.tocoo().row[self.shares.data > sliver_share],
            minlength=len(self.source_ids),
        )
        split: Bools = counts > 1
        return split

    def pieces(self, amounts: npt.ArrayLike | None = None) -> pd.DataFrame:
        """Return the n:m table: one row for each source and target that share ground.

        Parameters
        ----------
        amounts
            One number per source, for example residents, to be shared out as well.

        Returns
        -------
        DataFrame
            ``source, target, area_km2, share_of_source, share_of_target`` (of its area)
            and, with amounts, ``amount`` and ``amount_share_of_target``; read downwards it
            says which grids make a beat, and which beats a grid lies in.
        """
        table = self.intersect_area_m2.tocoo()
        shares = np.asarray(self.shares[table.row, table.col], np.float64)
        columns = {
            "source": self.source_ids[table.row],
            "target": self.target_ids[table.col],
            "area_km2": table.data / 1e6,
            "share_of_source": shares,
            "share_of_target": table.data / self.target_area_m2[table.col],
        }
        if amounts is not None:
            received = self.transfer(amounts).by_target[table.col]
            amount = shares * np.asarray(amounts, np.float64)[table.row]
            columns["amount"] = amount
            columns["amount_share_of_target"] = np.divide(
                amount, received, out=np.zeros_like(amount), where=received > 0
            )
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        return (
            f"Crosswalk({len(self.source_ids)} sources, {len(self.target_ids)} targets, "
            f"{self.shares.nnz} pieces, {int(self.is_split().sum())} sources split, "
            f"by {self.weight})"
        )


def crosswalk(
    sources: Iterable[shapely.Geometry | None],
    targets: Iterable[shapely.Geometry | None],
    *,
    weight: Weight = "area",
    source_ids: npt.ArrayLike | None = None,
    target_ids: npt.ArrayLike | None = None,
) -> Crosswalk:
    """Overlay targets on sources and divide each source among them.

    By ``area``, a source's share in a target is the area both share over the source's area.
    By ``centre``, a source belongs whole to the target that covers its centre (`centres`),
    to the first one if several do.

    Where targets overlap, the ground that is covered, ``covered_i``, is shared out in
    proportion to the pieces ``a_ij``: ``share_ij = a_ij / sum_j a_ij * covered_i / area_i``,
    so nobody is counted twice; `Crosswalk.overlap_m2` says by how much pieces overlap.

    Parameters
    ----------
    sources, targets
        Valid polygons and multipolygons in one projected CRS, in metres. A source without
        area belongs to no target.
    weight
        What to share by.
    source_ids, target_ids
        Names; positions from 0 if None.

    Raises
    ------
    GeometryError
        If a geometry is no polygon, is invalid, or has a coordinate that is not finite.

    Examples
    --------
    >>> from shapely import box
    >>> table = crosswalk([box(0, 0, 4, 1)], [box(0, 0, 1, 1), box(1, 0, 3, 1)])
    >>> table.shares.toarray().tolist(), table.unassigned_share.tolist()
    ([[0.25, 0.5]], [0.25])
    """
    first, second = _shapes(sources), _shapes(targets)
    names = _names(source_ids, len(first)), _names(target_ids, len(second))
    for shapes, known in zip((first, second), names, strict=True):
        require_valid(shapes, known)
    source_area, target_area = (np.nan_to_num(shapely.area(shapes)) for shapes in (first, second))
    tables = _edge_table(first), _edge_table(second)
    pieces = _intersect(first, second, tables, source_area)
    if weight == "centre":
        x, y = centres(first)
        found = PolygonIndex.build(second, expected_points=len(first)).locate(x, y)
        inside = np.flatnonzero(found >= 0)
        shares = scipy.sparse.csr_array(
            (np.ones(len(inside)), (inside, found[inside])), shape=pieces.shape
        )
        overlap = np.zeros(len(first))
    else:
        covered, overlap = _covered(first, second, tables[1], pieces)
        divisor = pieces.sum(axis=1) * source_area
        scale = np.divide(covered, divisor, out=np.zeros(len(first)), where=divisor > 0)
        shares = scipy.sparse.csr_array(pieces.multiply(scale[:, None]))
    total = np.asarray(shares.sum(axis=1))
    whole = np.abs(total - 1.0) <= _WHOLE
    exact = np.where(whole, 1.0 / np.maximum(total, 0.5), 1.0)
    shares = scipy.sparse.csr_array(shares.multiply(exact[:, None]))
    return Crosswalk(
        source_ids=names[0],
        target_ids=names[1],
        shares=shares,
        intersect_area_m2=pieces,
        source_area_m2=source_area,
        target_area_m2=target_area,
        overlap_m2=overlap,
        unassigned_share=np.where(whole, 0.0, np.clip(1.0 - total, 0.0, 1.0)),
        weight=weight,
    )


def centres(shapes: Iterable[shapely.Geometry | None]) -> tuple[Floats, Floats]:
    """Return each polygon's centroid, or a point inside it where the centroid lies outside.

    A missing or empty polygon has NaN.
    """
    array = _shapes(shapes)
    centroid = shapely.centroid(array)
    outside = ~shapely.covers(array, centroid)
    centroid[outside] = shapely.point_on_surface(array[outside])
    return shapely.get_x(centroid), shapely.get_y(centroid)


_EdgeTable = tuple[Floats, Ints, Floats, Floats]


def _shapes(shapes: Iterable[shapely.Geometry | None]) -> Shapes:
    array = np.empty(0, object)
    items = list(shapes)
    array = np.empty(len(items), object)
    array[:] = items
    return array


def _names(names: npt.ArrayLike | None, count: int) -> npt.NDArray[Any]:
    if names is None:
        return np.arange(count)
    known = np.asarray(names)
    if len(known) != count:
        message = f"received {len(known)} ids for {count} polygons"
        raise ValueError(message)
    return known


def _edge_table(shapes: Shapes) -> _EdgeTable:
    return (*edges_of(shapes), shapely.bounds(shapes))


def _intersect(
    sources: Shapes, targets: Shapes, tables: tuple[_EdgeTable, _EdgeTable], area: Floats
) -> scipy.sparse.csr_array:
    """Return the shared areas as a table of sources by targets."""
    pairs = shapely.STRtree(targets).query(sources)
    areas = shared_areas((pairs[0], pairs[1]), *tables)
    kept = areas > _ROUNDING * area[pairs[0]]
    table = scipy.sparse.csr_array(
        (areas[kept], (pairs[0][kept], pairs[1][kept])), shape=(len(sources), len(targets))
    )
    table.sort_indices()
    return table


def _covered(
    sources: Shapes, targets: Shapes, table: _EdgeTable, pieces: scipy.sparse.csr_array
) -> tuple[Floats, Floats]:
    """Return the area of each source that targets cover, and by how much pieces exceed it."""
    total = np.asarray(pieces.sum(axis=1))
    covered = total.copy()
    pairs = shapely.STRtree(targets).query(targets)
    pairs = pairs[:, pairs[0] < pairs[1]]
    shared = shared_areas((pairs[0], pairs[1]), table, table)
    area = np.nan_to_num(shapely.area(targets))
    pairs = pairs[:, shared > _WHOLE * np.minimum(area[pairs[0]], area[pairs[1]])]
    present = pieces.tocsc().astype(bool)
    doubled = np.zeros(len(sources), bool)
    for one, other in pairs.T:
        doubled[np.intersect1d(_rows(present, one), _rows(present, other))] = True
    for row in np.flatnonzero(doubled):
        columns = pieces.indices[pieces.indptr[row] : pieces.indptr[row + 1]]
        parts = shapely.intersection(targets[columns], sources[row])
        covered[row] = min(shapely.area(shapely.union_all(parts)), total[row])
    return covered, total - covered


def _rows(table: scipy.sparse.csc_array, column: int) -> Ints32:
    rows: Ints32 = table.indices[table.indptr[column] : table.indptr[column + 1]]
    return rows


def require_conserved(before: float, after: float, *, tolerance: float = 1e-9) -> None:
    """Raise an error if a total changed while it was being divided.

    Parameters
    ----------
    before, after
        Totals that must agree: what came in, and what went out plus what is unassigned.
    tolerance
        Greatest difference allowed, relative to the greater total; absolute below 1.

    Raises
    ------
    ArithmeticError
        If they differ: an error of the program, not of the data.

    Examples
    --------
    >>> require_conserved(10.0, 3.0 + 7.0)
    """
    if not math.isclose(before, after, rel_tol=tolerance, abs_tol=tolerance):
        message = f"a total of {before!r} became {after!r}"
        raise ArithmeticError(message)


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """How well beats are made of whole grids.

    Attributes
    ----------
    city
        Share of the residents of beats who live in grids that lie whole in one beat; NaN
        if beats have none.
    by_beat
        The same for each beat: of its own residents.
    whole_grids, split_grids, outside_grids
        Grids in one beat whole; grids that a border cuts or that lie partly in no beat;
        grids in no beat.
    """

    city: float
    by_beat: pd.Series[float]
    whole_grids: int
    split_grids: int
    outside_grids: int


def alignment(
    table: Crosswalk, residents: npt.ArrayLike, *, sliver_share: float = 0.01
) -> Alignment:
    """Score how well beats and grids are merged.

    ``score = sum_i residents_i [grid i whole in a beat] / sum_ij share_ij residents_i``.

    Parameters
    ----------
    table
        Crosswalk of grids (sources) and beats (targets).
    residents
        Residents of each grid.
    sliver_share
        A grid is whole in a beat that holds at least ``1 - sliver_share`` of it.
    """
    people = np.asarray(residents, np.float64)
    pieces = table.shares.tocoo()
    amount = pieces.data * people[pieces.row]
    whole = pieces.data >= 1.0 - sliver_share
    beats = len(table.target_ids)
    every = np.bincount(pieces.col, weights=amount, minlength=beats)
    kept = np.bincount(pieces.col[whole], weights=amount[whole], minlength=beats)
    score = np.divide(kept, every, out=np.full(beats, np.nan), where=every > 0)
    held = np.asarray(table.shares.sum(axis=1)) > sliver_share
    return Alignment(
        city=float(kept.sum() / every.sum()) if every.sum() > 0 else float("nan"),
        by_beat=pd.Series(score, index=pd.Index(table.target_ids), name="alignment"),
        whole_grids=int(whole.sum()),
        split_grids=int(held.sum() - whole.sum()),
        outside_grids=int((~held).sum()),
    )


# -- sharing people out by where buildings, roads or communities are, not by bare ground


@dataclass(frozen=True, eq=False)
class Control:
    """A layer that says where in their grids people live.

    Attributes
    ----------
    shapes
        Valid polygons (buildings, land use), lines or points in the working CRS, of one
        dimension, shape (n,).
    weights
        Weight of each, spread over it, zero or more, shape (n,); its size if None.
    source
        What the layer is called.
    repaired
        How many shapes were invalid and have been repaired.
    """

    shapes: Shapes
    weights: Floats | None = None
    source: str = ""
    repaired: int = 0

    def __len__(self) -> int:
        return len(self.shapes)

    @cached_property
    def digest(self) -> str:
        """Digest of the shapes and weights."""
        sums = hashlib.blake2b(digest_size=16)
        sums.update(b"".join(shapely.to_wkb(self.shapes)))
        sums.update(b"" if self.weights is None else self.weights.tobytes())
        return sums.hexdigest()


def dasymetric(
    table: Crosswalk,
    sources: npt.ArrayLike,
    targets: npt.ArrayLike,
    control: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
) -> Crosswalk:
    """Divide each source by a control layer instead of its bare area.

    With ``c_ij`` the control inside source i and target j, and ``c_i`` all of it inside
    source i, ``share_ij = c_ij / c_i`` (Wright 1936). A source without control keeps its
    shares by area. Mass is preserved: rows still add up to 1 with the unassigned share.

    Parameters
    ----------
    table
        Crosswalk by area of the same sources and targets.
    sources, targets
        The polygons that the crosswalk was made of.
    control
        Buildings or communities (polygons, counted by area), roads (lines, by length), or
        points (by number); of one dimension.
    weights
        Weight of each control feature spread over it, for example residents of a
        community or floors of a building times its area; its size if None.
    """
    own = np.asarray(sources, dtype=object)
    shapes = np.asarray(control, dtype=object)
    size = _size(shapes)
    if weights is None:
        density = np.ones(len(shapes))
    else:
        amount = np.asarray(weights, np.float64)
        density = np.divide(amount, size, out=np.zeros(len(size)), where=size > 0)
    source, feature, parts = _cut(own, shapes)
    inside = np.bincount(source, weights=_size(parts) * density[feature], minlength=len(own))
    part, target, pieces = _cut(parts, np.asarray(targets, dtype=object))
    amounts = scipy.sparse.csr_array(
        (_size(pieces) * density[feature[part]], (source[part], target)), shape=table.shares.shape
    )
    amounts.eliminate_zeros()
    # Targets that overlap may hold more than there is: then what there is, in proportion.
    divisor = np.maximum(inside, np.asarray(amounts.sum(axis=1)))
    known = divisor > 0
    by_control = amounts.multiply(np.divide(1.0, divisor, out=divisor * 0, where=known)[:, None])
    by_area = table.shares.multiply((~known).astype(float)[:, None])
    shares = scipy.sparse.csr_array(by_control) + scipy.sparse.csr_array(by_area)
    unassigned = np.clip(1.0 - np.asarray(shares.sum(axis=1)), 0.0, 1.0)
    unassigned[unassigned < 1e-12] = 0.0
    return replace(table, shares=shares, unassigned_share=unassigned, weight="control")


def _size(shapes: Shapes) -> Floats:
    """Return area, length or number, whichever the shapes have."""
    area, length = shapely.area(shapes), shapely.length(shapes)
    count = shapely.get_num_geometries(shapes).astype(float)
    dimension = int(shapely.get_dimensions(shapes).max(initial=0))
    return np.nan_to_num((count, length, area)[dimension])


def _cut(one: Shapes, other: Shapes) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Shapes]:
    """Return positions in both and the shape they share, without touching neighbours."""
    first, second = shapely.STRtree(other).query(one, predicate="intersects")
    shared = shapely.intersection(one[first], other[second])
    whole = min(int(shapely.get_dimensions(shapes).max(initial=0)) for shapes in (one, other))
    kept = shapely.get_dimensions(shared) == whole
    return first[kept], second[kept], shared[kept]
