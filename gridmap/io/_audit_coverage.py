"""Checks of areas that should tile the ground: overlaps, gaps, slivers, unmatched edges."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.io._audit_shapes import width_m
from gridmap.io.findings import Finding, FindingKind, Severity
from gridmap.model import Layer

__all__ = ["faulty_coverage", "gaps_between", "overlaps_between", "sound_shapes"]

_DUST_M2 = 1e-6  # below a square millimetre there is nothing to tell
_DUST_M = 0.01  # borders this near each other are one border, drawn or reprojected twice


def sound_shapes(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return the shapes with invalid ones made valid and empty ones for none, for measuring."""
    empty = shapely.from_wkt("POLYGON EMPTY")
    made = np.where(shapely.is_missing(shapes), empty, shapes)
    bad = ~shapely.is_valid(made)
    if bad.any():
        made = made.copy()
        made[bad] = shapely.make_valid(made[bad], method="structure", keep_collapsed=False)
    return np.asarray(made, dtype=object)


def overlaps_between(
    shapes: NDArray[np.object_], edges: NDArray[np.object_]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.object_]]:
    """Return the pairs of valid areas that overlap, and what they share.

    Parameters
    ----------
    shapes : (n,) array of valid areas
    edges : (n,) array
        Their edges that break the coverage: only an area with such edges can overlap.

    Returns
    -------
    first, second : (m,)
        Rows, ``first < second``.
    shared : (m,) array of areas
    """
    flagged = np.flatnonzero(~(shapely.is_missing(edges) | shapely.is_empty(edges)))
    tree = shapely.STRtree(shapes)
    at, other = tree.query(shapes[flagged], predicate="intersects")
    first, second = np.minimum(flagged[at], other), np.maximum(flagged[at], other)
    key = np.unique((first.astype(np.int64) * len(shapes) + second)[first != second])
    first, second = key // len(shapes), key % len(shapes)
    touching = shapely.touches(shapes[first], shapes[second])
    first, second = first[~touching], second[~touching]
    shared = shapely.intersection(shapes[first], shapes[second])
    keep = shapely.area(shared) > _DUST_M2
    return first[keep], second[keep], shared[keep]


def gaps_between(
    shapes: NDArray[np.object_], *, matched: bool = False, dust_m2: float = _DUST_M2
) -> NDArray[np.object_]:
    """Return the holes that the union of valid areas has, as polygons.

    Parameters
    ----------
    shapes : (n,) array of valid areas
    matched
        True if they are a valid coverage, whose union is quick.
    dust_m2
        Smaller holes are left out.
    """
    union = shapely.coverage_union_all if matched else shapely.union_all
    whole = shapely.get_parts(union(shapes))
    whole = whole[shapely.get_dimensions(whole) == 2]
    holed = whole[shapely.get_num_interior_rings(whole) > 0]
    rings = [
        shapely.get_interior_ring(part, at)
        for part in holed
        for at in range(shapely.get_num_interior_rings(part))
    ]
    holes = np.asarray(shapely.polygons(rings), dtype=object) if rings else np.empty(0, object)
    return holes[shapely.area(holes) > dust_m2]


def faulty_coverage(layer: Layer, *, gap_m: float) -> Iterator[Finding]:
    """Find where the areas of a layer overlap, leave gaps, or are drawn apart.

    Parameters
    ----------
    layer
        Areas in metres.
    gap_m
        Width below which a gap, an overlap or a feature is a sliver.
    """
    kind, ids = str(layer.kind), layer.ids
    shapes = sound_shapes(layer.geometry)
    edges = shapely.coverage_invalid_edges(shapes)
    first, second, shared = overlaps_between(shapes, edges)
    apart = ~(shapely.is_missing(edges) | shapely.is_empty(edges))
    gaps = gaps_between(shapes, matched=not apart.any())
    dust, dusty_gaps = _are_dust(shared), _are_dust(gaps)
    pairs = tuple(f"{ids[i]}+{ids[j]}" for i, j in zip(first, second, strict=True))
    if not dust.all():
        names = tuple(name for name, small in zip(pairs, dust, strict=True) if not small)
        yield _of(kind, FindingKind.OVERLAP, Severity.ERROR, names, shared[~dust])
    if not dusty_gaps.all():
        real = gaps[~dusty_gaps]
        around = _neighbours(real, shapes, ids)
        yield _of(kind, FindingKind.GAP, Severity.WARNING, around, real)
    thin = (shapely.area(shapes) > 0) & (width_m(shapes) < gap_m)
    narrow = [pieces[width_m(pieces) < gap_m] for pieces in (gaps[~dusty_gaps], shared[~dust])]
    slivers = np.concatenate([shapes[thin], *narrow])
    if len(slivers):
        names = tuple(ids[thin]) or _neighbours(slivers, shapes, ids)
        yield _of(kind, FindingKind.SLIVER, Severity.WARNING, names, slivers)
    if dust.any() or dusty_gaps.any():
        places = np.concatenate([shared[dust], gaps[dusty_gaps]])
        names = tuple(name for name, small in zip(pairs, dust, strict=True) if small)
        names = names or _neighbours(places, shapes, ids)
        yield _of(kind, FindingKind.DUST, Severity.NOTE, names, places)
        apart &= ~_are_near(shapes, edges, np.flatnonzero(apart))
    if apart.any():
        yield Finding(
            kind, FindingKind.UNMATCHED_EDGE, Severity.NOTE, int(apart.sum()),
            tuple(ids[apart]), 0.0, edges[apart],
        )  # fmt: skip


def _of(
    layer: str, kind: FindingKind, severity: Severity, names: tuple[str, ...],
    places: NDArray[np.object_],
) -> Finding:  # fmt: skip
    area = float(shapely.area(places).sum())
    return Finding(layer, kind, severity, len(places), names, area, places)


def _are_dust(pieces: NDArray[np.object_]) -> NDArray[np.bool_]:
    return np.asarray(width_m(pieces) < _DUST_M)


def _are_near(
    shapes: NDArray[np.object_], edges: NDArray[np.object_], rows: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return which areas' unmatched edges come within a centimetre of another area's border."""
    near = np.zeros(len(shapes), dtype=bool)
    xy, at = shapely.get_coordinates(edges[rows], return_index=True)
    tree = shapely.STRtree(shapely.boundary(shapes))
    point, other = tree.query(shapely.points(xy), predicate="dwithin", distance=_DUST_M)
    own = rows[at[point]]
    near[own[own != other]] = True
    return near


def _neighbours(
    places: NDArray[np.object_], shapes: NDArray[np.object_], ids: NDArray[np.object_]
) -> tuple[str, ...]:
    """Name each of the first places by two areas that it touches."""
    tree = shapely.STRtree(shapes)
    names = []
    for place in places[:5]:
        near = np.sort(tree.query(place, predicate="dwithin", distance=0.001))
        names.append("+".join(str(name) for name in ids[near[:2]]))
    return tuple(names)
