"""Checking a city: everything that would make a number wrong, with where it lies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import shapely

from gridmap.io._audit_coverage import faulty_coverage
from gridmap.io._audit_incidents import incident_faults
from gridmap.io._audit_nesting import beats_in_pieces, disconnected_grids, nesting_faults
from gridmap.io._audit_shapes import blank_counts, faulty_shapes, imported_faults
from gridmap.io._grid_codes import faulty_codes
from gridmap.io.findings import Finding, FindingKind, Severity
from gridmap.model import AREA_KINDS, City, Kind
from gridmap.model.crs import crs_label, scale_error_at

__all__ = ["check_city"]

_MOST_SCALE_ERROR = 0.001


def check_city(
    city: City,
    *,
    now: np.datetime64 | None = None,
    code_digits: int = 0,
    progress: Callable[[float], None] | None = None,
) -> tuple[Finding, ...]:
    """Return what is wrong with a city's data, the gravest first.

    Nothing is changed; invalid shapes are made valid for the overlays only.

    Parameters
    ----------
    city
        The city; its layers carry what their import found in `Layer.provenance`.
    now
        The present in the city's local time; the machine's clock if None.
    code_digits
        15 or 20 to check the grids' ids against the rule of so many digits.
    progress
        Called with the share done, from 0 to 1.

    Returns
    -------
    tuple of Finding
        One a layer and kind, with counts, at most five ids, square metres, and places for
        a map.

    Raises
    ------
    InputError
        If there is no rule for so many digits.
    """
    present = now if now is not None else np.datetime64(datetime.now(), "s")  # noqa: DTZ005 - incidents are in local time
    tell = progress or (lambda _: None)
    found: list[Finding] = []
    for layer in city.layers.values():
        found += faulty_shapes(layer)
        found += imported_faults(layer)
        found += blank_counts(layer)
        if layer.kind in AREA_KINDS:
            found += faulty_coverage(layer, gap_m=city.presets.gap_m)
    if code_digits and city.has(Kind.GRID):
        found += faulty_codes(city.grids, digits=code_digits)
    found += _scale_faults(city)
    tell(0.5)
    found += nesting_faults(city)
    found += disconnected_grids(city)
    found += beats_in_pieces(city)
    tell(0.8)
    found += incident_faults(city, now=present)
    tell(1.0)
    rank = {severity: at for at, severity in enumerate(Severity)}
    return tuple(sorted(found, key=lambda item: rank[item.severity]))


def _scale_faults(city: City) -> list[Finding]:
    """Return a finding where the working CRS belongs to another place, or to a whole country."""
    layer = next((city.layers[kind] for kind in Kind if kind in city.layers), None)
    if layer is None or len(layer) == 0:
        return []
    error = scale_error_at(shapely.box(*shapely.total_bounds(layer.geometry)), city.crs)
    if error <= _MOST_SCALE_ERROR:
        return []
    said = f"{crs_label(city.crs)} {100 * error:.2f} %"
    return [Finding(str(layer.kind), FindingKind.CRS_SCALE, Severity.WARNING, 1, (said,))]
