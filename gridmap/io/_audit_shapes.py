"""Checks of one feature at a time: its shape, its id, its counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.fields import fields_of
from gridmap.io.findings import Finding, FindingKind, Severity
from gridmap.model import AREA_KINDS, Layer

__all__ = ["blank_counts", "faulty_shapes", "imported_faults", "width_m"]

_EMPTY_IS_NONE = {"incidents"}  # a grid with no entry has had no incident


def width_m(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the mean width of elongated areas, shape (n,): twice the area by the perimeter.

    >>> float(width_m(np.array([shapely.box(0, 0, 0.5, 1000)]))[0].round(3))
    0.5
    """
    length = shapely.length(shapes)
    return np.divide(2 * shapely.area(shapes), length, out=np.zeros(len(shapes)), where=length > 0)


def faulty_shapes(layer: Layer) -> Iterator[Finding]:
    """Find invalid, empty, repeated and multi-part features."""
    kind, shapes, ids = str(layer.kind), layer.geometry, layer.ids
    empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    refused = layer.provenance.get("refused", {})
    lost = int(refused.get("no_coordinates", 0)) if isinstance(refused, Mapping) else 0
    if empty.any() or lost:
        count = int(empty.sum()) + lost
        yield Finding(kind, FindingKind.EMPTY, Severity.WARNING, count, tuple(ids[empty]))
    invalid = ~empty & ~shapely.is_valid(shapes)
    if invalid.any():
        area = float(np.abs(shapely.area(shapes[invalid])).sum())
        yield Finding(
            kind, FindingKind.INVALID, Severity.ERROR, int(invalid.sum()), tuple(ids[invalid]),
            area, shapes[invalid],
        )  # fmt: skip
    again = _repeated(shapes, ~empty)
    if again.any():
        area = float(shapely.area(shapes[again]).sum())
        severity = Severity.ERROR if layer.kind in AREA_KINDS else Severity.NOTE
        yield Finding(
            kind, FindingKind.DUPLICATE, severity, int(again.sum()), tuple(ids[again]), area,
            shapes[again],
        )  # fmt: skip
    parts = shapely.get_num_geometries(shapes)
    many = (parts > 1) & ~empty
    if layer.kind in AREA_KINDS and many.any():
        yield Finding(
            kind, FindingKind.MULTI_PART, Severity.NOTE, int(many.sum()), tuple(ids[many]),
            float(shapely.area(shapes[many]).sum()), shapes[many],
        )  # fmt: skip


def _repeated(shapes: NDArray[np.object_], usable: NDArray[np.bool_]) -> NDArray[np.bool_]:
    again = np.zeros(len(shapes), dtype=bool)
    rows = np.flatnonzero(usable)
    # Boxes first: only features with the same box and length can be the same.
    keys = pd.DataFrame(np.column_stack([shapely.bounds(shapes), shapely.length(shapes)]))
    rows = rows[keys.iloc[rows].round(6).duplicated(keep=False).to_numpy()]
    texts = pd.Series(shapely.to_wkb(shapely.normalize(shapes[rows])))
    again[rows] = texts.duplicated().to_numpy()
    return again


def imported_faults(layer: Layer) -> Iterator[Finding]:
    """Find features whose ids were repeated or missing when they were imported."""
    known = set(layer.ids)
    row_of = {name: row for row, name in enumerate(layer.ids)}
    for kind, key, severity in (
        (FindingKind.REPEATED_ID, "ids_repeated", Severity.WARNING),
        (FindingKind.MISSING_ID, "ids_missing", Severity.WARNING),
    ):
        names = layer.provenance.get(key, ())
        listed = names if isinstance(names, (list, tuple)) else ()
        ids = [str(name) for name in listed if str(name) in known]
        count = max(len(ids), int(str(layer.provenance.get(f"{key}_count", 0))))
        if count:
            rows = [row_of[name] for name in ids]
            yield Finding(str(layer.kind), kind, severity, count, tuple(ids), 0.0,
                          layer.geometry[rows])  # fmt: skip


def blank_counts(layer: Layer) -> Iterator[Finding]:
    """Find features with a blank or a negative count."""
    null = np.zeros(len(layer), dtype=bool)
    negative = np.zeros(len(layer), dtype=bool)
    for name, spec in fields_of(layer.kind).items():
        if spec.content != "count" or not layer.has(name):
            continue
        values = layer.frame[name].to_numpy(dtype=float, na_value=np.nan)
        if name not in _EMPTY_IS_NONE:
            null |= np.isnan(values)
        negative |= values < 0
    for kind, severity, rows in (
        (FindingKind.NULL_COUNT, Severity.WARNING, null),
        (FindingKind.NEGATIVE_COUNT, Severity.ERROR, negative),
    ):
        if rows.any():
            yield Finding(
                str(layer.kind), kind, severity, int(rows.sum()), tuple(layer.ids[rows]),
                float(shapely.area(layer.geometry[rows]).sum()), layer.geometry[rows],
            )  # fmt: skip
