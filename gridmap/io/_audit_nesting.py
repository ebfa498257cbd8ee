"""Checks of layers against each other: who lies in whom, and in how many pieces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.io._audit_coverage import sound_shapes
from gridmap.io.findings import Finding, FindingKind, Severity
from gridmap.model import City, Kind, Layer

__all__ = ["beats_in_pieces", "disconnected_grids", "nesting_faults"]

_MOST = 0.5
_CROSSING = 0.01


def nesting_faults(city: City) -> Iterator[Finding]:
    """Find grids outside every beat, beats outside every station, grids across communities."""
    grids, beats = city.get(Kind.GRID), city.get(Kind.BEAT)
    stations, communities = city.get(Kind.STATION), city.get(Kind.COMMUNITY)
    if grids is not None and beats is not None:
        yield from _outside(grids, beats, FindingKind.OUTSIDE_BEAT)
        if any(grids.texts("beat")):
            held = np.append(beats.ids, "")[_shares(grids, beats)[2]]
            other = city.named(grids, Kind.BEAT) != held
            yield from _some(grids, other, FindingKind.OTHER_BEAT, Severity.WARNING)
    elif grids is not None and grids.has("beat"):
        none = grids.texts("beat") == ""
        yield from _some(grids, none, FindingKind.OUTSIDE_BEAT, Severity.WARNING)
    if beats is not None and stations is not None:
        yield from _outside(beats, stations, FindingKind.OUTSIDE_STATION)
    if grids is not None and communities is not None:
        crossing = _shares(grids, communities)[1] >= _CROSSING
        yield from _some(grids, crossing, FindingKind.CROSSES_COMMUNITY, Severity.WARNING)


def disconnected_grids(city: City) -> Iterator[Finding]:
    """Find grids that nothing joins to the largest part of the city."""
    grids = city.get(Kind.GRID)
    if grids is None or len(grids) == 0:
        return
    labels = city.adjacency.components[1]
    apart = labels != np.bincount(labels).argmax()
    yield from _some(grids, apart, FindingKind.DISCONNECTED, Severity.WARNING)


def beats_in_pieces(city: City) -> Iterator[Finding]:
    """Find beats whose pieces share no border; by their grids where there is no beat layer."""
    beats, grids = city.get(Kind.BEAT), city.get(Kind.GRID)
    if beats is not None:
        shapes = sound_shapes(beats.geometry)
        many = np.array([_pieces(shape) > 1 for shape in shapes], dtype=bool)
        yield from _some(beats, many, FindingKind.IN_PIECES, Severity.WARNING)
    elif grids is not None and grids.has("beat"):
        names, labels = np.unique(grids.texts("beat").astype(str), return_inverse=True)
        pieces = city.adjacency.pieces(labels.astype(np.int32))
        count = np.array([len(np.unique(pieces[labels == at])) for at in range(len(names))])
        broken = np.flatnonzero((count > 1) & (names != ""))
        if len(broken):
            inside = np.isin(labels, broken)
            yield Finding(
                "beat", FindingKind.IN_PIECES, Severity.WARNING, len(broken),
                tuple(names[broken]), float(grids.area_m2[inside].sum()), grids.geometry[inside],
            )  # fmt: skip


def _pieces(shape: shapely.Geometry) -> int:
    parts = shapely.get_parts(shape)
    parts = parts[shapely.get_dimensions(parts) == 2]
    if len(parts) < 2:
        return len(parts)
    # Parts that meet along a line are one piece; make_valid may leave such parts.
    merged = shapely.get_parts(shapely.union_all(parts))
    return int((shapely.get_dimensions(merged) == 2).sum())


def _outside(layer: Layer, others: Layer, kind: FindingKind) -> Iterator[Finding]:
    first, second, _ = _shares(layer, others)
    yield from _some(layer, first + second < _MOST, kind, Severity.WARNING)


def _shares(
    layer: Layer, others: Layer
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return each area's share in the other that holds most of it, in all the rest, and its row.

    The row is -1 where none holds any of it.
    """
    inner, outer = sound_shapes(layer.geometry), sound_shapes(others.geometry)
    i, j = shapely.STRtree(outer).query(inner, predicate="intersects")
    within = shapely.covered_by(inner[i], outer[j])
    area = shapely.area(inner)
    common = np.where(within, area[i], 0.0)
    common[~within] = shapely.area(shapely.intersection(inner[i[~within]], outer[j[~within]]))
    total = np.bincount(i, weights=common, minlength=len(inner))
    most = np.zeros(len(inner))
    np.maximum.at(most, i, common)
    scale = np.where(area > 0, area, np.inf)
    held = np.flatnonzero(common > 0)[np.argsort(common[common > 0], kind="stable")]
    row = np.full(len(inner), -1, dtype=np.int64)
    row[i[held]] = j[held]  # of several the largest is written last
    return most / scale, (total - most) / scale, row


def _some(
    layer: Layer, rows: NDArray[np.bool_], kind: FindingKind, severity: Severity
) -> Iterator[Finding]:
    if rows.any():
        yield Finding(
            str(layer.kind), kind, severity, int(rows.sum()), tuple(layer.ids[rows]),
            float(layer.area_m2[rows].sum()), layer.geometry[rows],
        )  # fmt: skip
