"""Mending areas so that they tile the ground, without moving a border far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.io._audit_coverage import gaps_between, overlaps_between
from gridmap.io._movement import changed_rows, inner_width_m, moved_m

__all__ = ["Mended", "clean_coverage", "drop_slivers", "fill_gaps", "mend_rings"]

_ROUNDS = 5
_SNAPS_M = (-1.0, 1e-4, 1e-3, 1e-2)  # GEOS' own choice first, then ever coarser
_NEAR_M = 1e-6


@dataclass(frozen=True)
class Mended:
    """Shapes after a repair, and what was done.

    Parameters
    ----------
    shapes : (n,) array
    rows : (n,) bool
        Which of them are new.
    area_m2
        Ground that changed hands, was given away or taken back.
    left
        Faults that would have moved a border too far, and stay.
    moved_max_m
        Farthest move of a border.
    extra
        Pairs (sliver, neighbour) of rows that became one.
    """

    shapes: NDArray[np.object_]
    rows: NDArray[np.bool_]
    area_m2: float
    left: int = 0
    moved_max_m: float = 0.0
    extra: tuple[tuple[int, int], ...] = ()


def mend_rings(shapes: NDArray[np.object_]) -> Mended:
    """Rebuild polygons whose rings cross, keeping their areas; lines and points stay away."""
    bad = ~shapely.is_missing(shapes) & ~shapely.is_valid(shapes)
    made = shapely.make_valid(shapes[bad], method="structure", keep_collapsed=False)
    made = np.array([_only_areas(shape) for shape in made], dtype=object)
    usable = shapely.area(made) > 0 if len(made) else np.zeros(0, dtype=bool)
    rows = np.zeros(len(shapes), dtype=bool)
    rows[np.flatnonzero(bad)[usable]] = True
    out = shapes.copy()
    out[rows] = made[usable]
    # The area of crossing rings is signed: what is measured is the ground that came back.
    change = float(np.abs(shapely.area(out[rows]) - np.abs(shapely.area(shapes[rows]))).sum())
    return Mended(out, rows, change, int((~usable).sum()))


def clean_coverage(
    shapes: NDArray[np.object_], *, tolerance_m: float, overlaps: bool = True
) -> Mended:
    """Return areas that share their borders point by point and do not overlap.

    Areas that overlap wider than the tolerance are left as they are.

    Parameters
    ----------
    shapes : (n,) array of valid areas
    tolerance_m
        Greatest width of an overlap that is resolved, and greatest move of a border.
    overlaps
        False to leave every overlapping area alone and to match edges only.
    """
    edges = shapely.coverage_invalid_edges(shapes)
    if (shapely.is_missing(edges) | shapely.is_empty(edges)).all():
        return Mended(shapes, np.zeros(len(shapes), dtype=bool), 0.0)
    first, second, shared = overlaps_between(shapes, edges)
    wide = (inner_width_m(shared) > tolerance_m) if overlaps else np.ones(len(first), dtype=bool)
    frozen = np.zeros(len(shapes), dtype=bool)
    frozen[first[wide]] = frozen[second[wide]] = True
    out = shapes
    moved = np.zeros(len(shapes))
    for _ in range(_ROUNDS):
        out = _cleaned(shapes, ~frozen, tolerance_m)
        lost = shapely.is_empty(out)
        moved = moved_m(shapes, out)
        far = moved > tolerance_m
        if not (lost | far).any():
            break
        frozen |= lost | far
        # Whoever overlaps a frozen area cannot be cleaned against it.
        frozen[first[frozen[second]]] = True
        frozen[second[frozen[first]]] = True
    else:
        out, moved = shapes, np.zeros(len(shapes))
    changed = changed_rows(shapes, out)
    area = float(shapely.area(shapely.symmetric_difference(shapes[changed], out[changed])).sum())
    left = int((frozen[first] & frozen[second]).sum())
    return Mended(out, changed, area / 2, left, float(moved.max(initial=0.0)))


def _cleaned(
    shapes: NDArray[np.object_], free: NDArray[np.bool_], tolerance_m: float
) -> NDArray[np.object_]:
    out = shapes.copy()
    if not free.any():
        return out
    made, least = shapes[free], np.inf
    for snap in _SNAPS_M:
        tried = shapely.coverage_clean(shapes[free], gap_width=0.0, snapping_distance=snap)
        if not shapely.coverage_is_valid(tried):
            continue
        # A valid coverage may hold an area with a tail through its neighbours.
        far = int((shapely.is_empty(tried) | (moved_m(shapes[free], tried) > tolerance_m)).sum())
        if far < least:
            made, least = tried, far
        if far == 0:
            break
    same = ~changed_rows(shapes[free], made)
    made[same] = shapes[free][same]
    out[free] = made
    if not free.all():
        _give_back(shapes, out, free)
    return out


def _give_back(
    before: NDArray[np.object_], after: NDArray[np.object_], free: NDArray[np.bool_]
) -> None:
    """Put back areas that were grown into ones that stay as they are."""
    fixed = np.flatnonzero(~free)
    at, row = shapely.STRtree(after).query(before[fixed], predicate="intersects")
    at, row = at[free[row]], row[free[row]]
    more = shapely.area(shapely.intersection(after[row], before[fixed[at]]))
    less = shapely.area(shapely.intersection(before[row], before[fixed[at]]))
    worse = row[more > less + _NEAR_M]
    after[worse] = before[worse]


def fill_gaps(shapes: NDArray[np.object_], *, width_m: float, tolerance_m: float) -> Mended:
    """Give each gap narrower than a width to the area with which it shares most border."""
    whole = shapely.coverage_is_valid(shapes)
    gaps = gaps_between(shapes, matched=bool(whole), dust_m2=0.0)
    narrow = inner_width_m(gaps) <= width_m
    gaps, left = gaps[narrow], 0
    owner = _longest_border(gaps, shapes)
    out = _joined(shapes, gaps, owner)
    moved = moved_m(shapes, out, ignore_holes_m=width_m)
    far = moved > tolerance_m
    if far.any():
        keep = ~far[owner]
        left = int((~keep).sum())
        gaps, owner = gaps[keep], owner[keep]
        out = _joined(shapes, gaps, owner)
        moved = moved_m(shapes, out, ignore_holes_m=width_m)
    rows = np.zeros(len(shapes), dtype=bool)
    rows[owner] = True
    left += int((~narrow).sum())
    area = float(shapely.area(gaps).sum())
    return Mended(out, rows, area, left, float(moved.max(initial=0.0)))


def drop_slivers(shapes: NDArray[np.object_], thin: NDArray[np.bool_]) -> Mended:
    """Give areas too thin to be areas to the neighbour with most common border.

    ``extra`` lists the pairs (sliver, neighbour): whoever owns the counts must add them.
    """
    rows = np.flatnonzero(thin)
    solid = np.flatnonzero(~thin)
    out, pairs = shapes.copy(), []
    changed = np.zeros(len(shapes), dtype=bool)
    area = 0.0
    owners = _longest_border(shapes[rows], shapes[solid]) if len(solid) else np.full(len(rows), -1)
    for row, at in zip(rows, owners, strict=True):
        if at < 0:
            continue
        neighbour = int(solid[at])
        area += float(shapely.area(shapes[row]))
        out[neighbour] = _only_areas(shapely.union(out[neighbour], shapes[row]))
        changed[neighbour] = True
        pairs.append((int(row), neighbour))
    return Mended(out, changed, area, len(rows) - len(pairs), 0.0, tuple(pairs))


def _longest_border(gaps: NDArray[np.object_], shapes: NDArray[np.object_]) -> NDArray[np.intp]:
    """Return for each gap the area with most common border; -1 where nothing is near."""
    owner = np.full(len(gaps), -1, dtype=np.intp)
    if len(gaps) == 0:
        return owner
    tree = shapely.STRtree(shapes)
    at, row = tree.query(gaps, predicate="dwithin", distance=_NEAR_M)
    ring = shapely.boundary(gaps)
    common = shapely.length(shapely.intersection(ring[at], shapely.boundary(shapes[row])))
    best = np.full(len(gaps), -1.0)
    for g, r, length in zip(at, row, common, strict=True):
        if length > best[g]:
            best[g], owner[g] = length, r
    return owner


def _joined(
    shapes: NDArray[np.object_], gaps: NDArray[np.object_], owner: NDArray[np.intp]
) -> NDArray[np.object_]:
    out = shapes.copy()
    for row in np.unique(owner[owner >= 0]):
        out[row] = _only_areas(shapely.union_all([shapes[row], *gaps[owner == row]]))
    return out


def _only_areas(shape: shapely.Geometry) -> shapely.Geometry:
    parts = shapely.get_parts(shape)
    parts = shapely.get_parts(parts)
    parts = parts[(shapely.get_dimensions(parts) == 2) & ~shapely.is_empty(parts)]
    if len(parts) == 0:
        return shapely.from_wkt("POLYGON EMPTY")
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
