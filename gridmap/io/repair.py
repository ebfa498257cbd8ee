"""Mending the areas of a city: only what was asked, on a copy, and never people's numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from gridmap.errors import InputError
from gridmap.fields import fields_of
from gridmap.io._audit_shapes import width_m
from gridmap.io._mending import (
    Mended,
    clean_coverage,
    drop_slivers,
    fill_gaps,
    mend_rings,
)
from gridmap.io.findings import MENDABLE, FindingKind
from gridmap.model import AREA_KINDS, Kind, Layer

__all__ = ["TOLERANCE_M", "LayerRepair", "Repaired", "repair_layer"]

TOLERANCE_M = 5.0  # half a street: a drawn border lies no nearer to the ground than that
_POLYGONS = (*AREA_KINDS, Kind.BARRIER)


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was done to one kind of fault in one layer.

    Parameters
    ----------
    layer, kind
        Where and what.
    rows
        Features that changed.
    area_m2
        Ground that changed hands, in square metres.
    moved_max_m
        Farthest that a border was moved, in metres; see `gridmap.io._movement`.
    left
        Faults that stay because mending them would move a border too far.
    """

    layer: str
    kind: FindingKind
    rows: int
    area_m2: float
    moved_max_m: float
    left: int = 0

    def as_json(self) -> dict[str, object]:
        """Return plain values for ``--json``."""
        return {
            "layer": self.layer,
            "kind": str(self.kind),
            "rows": self.rows,
            "area_m2": round(self.area_m2, 6),
            "moved_max_m": round(self.moved_max_m, 6),
        }


@dataclass(frozen=True)
class LayerRepair:
    """A layer after a repair, what was done, and whether its areas are a valid coverage."""

    layer: Layer
    done: tuple[Repaired, ...]
    coverage_valid: bool


def repair_layer(
    layer: Layer,
    *,
    only: Collection[FindingKind] = MENDABLE,
    tolerance_m: float = TOLERANCE_M,
    sliver_m: float = 1.0,
) -> LayerRepair:
    """Mend a layer's shapes; every other column stays, and every count.

    Parameters
    ----------
    layer
        A layer in metres.
    only
        Which faults to mend.
    tolerance_m
        No border is moved farther; gaps and overlaps wider than this stay.
    sliver_m
        Width below which a feature is a sliver and goes to its neighbour with its counts.

    Raises
    ------
    InputError
        If a kind cannot be mended, or the tolerance is not positive.
    """
    wrong = sorted(set(only) - set(MENDABLE))
    if wrong:
        raise InputError(
            "io.error.not_mendable", received=wrong[0], known=", ".join(map(str, MENDABLE))
        )
    if not 0 < tolerance_m < np.inf:
        raise InputError("io.error.tolerance", received=tolerance_m)
    if layer.kind not in _POLYGONS:
        return LayerRepair(layer, (), coverage_valid=True)
    frame, done = layer.frame, []
    if FindingKind.INVALID in only:
        mended = mend_rings(layer.geometry)
        done += _told(layer.kind, FindingKind.INVALID, mended)
        frame = frame.set_geometry(gpd.GeoSeries(mended.shapes, crs=layer.crs))
    if layer.kind in AREA_KINDS:
        frame, more = _tiled(layer, frame, set(only), tolerance_m, sliver_m)
        done += more
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    sound = shapely.is_valid(shapes).all()
    valid = layer.kind not in AREA_KINDS or bool(sound and shapely.coverage_is_valid(shapes))
    changed = any(item.rows for item in done)
    made = Layer(layer.kind, frame, layer.provenance) if changed else layer
    return LayerRepair(made, tuple(done), valid)


def _tiled(
    layer: Layer,
    frame: gpd.GeoDataFrame,
    only: set[FindingKind],
    tolerance_m: float,
    sliver_m: float,
) -> tuple[gpd.GeoDataFrame, list[Repaired]]:
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    # What is still invalid or empty cannot be overlaid: it stays, and so do its faults.
    usable = np.flatnonzero(shapely.is_valid(shapes) & (shapely.area(shapes) > 0))
    work = shapes[usable]
    done: list[Repaired] = []
    merged: tuple[tuple[int, int], ...] = ()
    if FindingKind.SLIVER in only:
        mended = drop_slivers(work, width_m(work) < sliver_m)
        done += _told(layer.kind, FindingKind.SLIVER, mended)
        work, merged = mended.shapes, mended.extra
    gone = np.array([row for row, _ in merged], dtype=np.intp)
    alive = np.setdiff1d(np.arange(len(work)), gone)
    for kind in (FindingKind.OVERLAP, FindingKind.UNMATCHED_EDGE, FindingKind.GAP):
        if kind not in only or (
            kind is FindingKind.UNMATCHED_EDGE and FindingKind.OVERLAP in only
        ):
            continue  # resolving overlaps matches the edges too
        if kind is FindingKind.GAP:
            mended = fill_gaps(work[alive], width_m=tolerance_m, tolerance_m=tolerance_m)
        else:
            overlaps = kind is FindingKind.OVERLAP
            mended = clean_coverage(work[alive], tolerance_m=tolerance_m, overlaps=overlaps)
        done += _told(layer.kind, kind, mended)
        work = work.copy()
        work[alive] = mended.shapes
    shapes = shapes.copy()
    shapes[usable] = work
    frame = frame.set_geometry(gpd.GeoSeries(shapes, crs=layer.crs))
    return _with_counts(layer, frame, [(usable[a], usable[b]) for a, b in merged]), done


def _with_counts(
    layer: Layer, frame: gpd.GeoDataFrame, merged: list[tuple[int, int]]
) -> gpd.GeoDataFrame:
    if not merged:
        return frame
    frame = frame.copy()
    for name, spec in fields_of(layer.kind).items():
        if spec.content == "count" and name in frame.columns:
            values = frame[name].to_numpy(dtype=float, na_value=np.nan, copy=True)
            for gone, heir in merged:
                if not np.isnan(values[gone]):
                    values[heir] = np.nan_to_num(values[heir]) + values[gone]
            frame[name] = values
    return frame.drop(index=[row for row, _ in merged]).reset_index(drop=True)


def _told(layer: Kind, kind: FindingKind, mended: Mended) -> list[Repaired]:
    rows = int(mended.rows.sum()) + len(mended.extra)
    if rows == 0 and mended.left == 0:
        return []
    return [Repaired(str(layer), kind, rows, mended.area_m2, mended.moved_max_m, mended.left)]
