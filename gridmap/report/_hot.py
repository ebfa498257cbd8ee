"""Where incidents concentrate more than chance allows, from what the report shows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridmap.errors import InputError
from gridmap.i18n import tr
from gridmap.measure import HotSpots, find_hotspots
from gridmap.report.hiding import Hiding
from gridmap.report.measured import Measured

__all__ = ["filled", "find_hot_spots", "hot_words"]

Floats = npt.NDArray[np.float64]


def find_hot_spots(measured: Measured, hiding: Hiding) -> HotSpots | None:
    """Return hot and cold grids, or None where there are no incidents.

    Hidden counts stand at the mean of what the shown ones leave of the total, so that the
    map tells nothing that the tables do not.
    """
    found = measured.now.get("grid")
    if found is None or "incidents" in found.missing:
        return None
    counts = found.rows["incidents"].to_numpy(dtype=float)
    if not counts.sum() > 0:
        return None
    total = np.nan
    if not (hiding.one("city", "incidents") or hiding.one("outside-grid", "incidents")):
        total = float(counts.sum())
    counts = filled(counts, hiding.of("grid", "incidents", len(counts)), total, hiding.limit)
    period = measured.period
    try:
        return find_hotspots(measured.city, counts=counts, since=period.since, until=period.until)
    except InputError:
        return None  # no ground to expect anything on


def filled(counts: Floats, hidden: npt.NDArray[np.bool_], total: float, limit: int) -> Floats:
    """Return counts with the hidden ones at the mean that the published total leaves them.

    Examples
    --------
    >>> filled(np.array([1.0, 3.0, 20.0]), np.array([True, True, False]), 24.0, 5).tolist()
    [2.0, 2.0, 20.0]
    """
    if not hidden.any():
        return counts
    mean = limit / 2.0
    if np.isfinite(total):
        mean = max((total - counts[~hidden].sum()) / hidden.sum(), 0.0)
    return np.where(hidden, mean, counts)


def hot_words(spots: HotSpots) -> list[str]:
    """Return what each grid is called: hot, cold or nothing."""
    words = {kind: tr(f"maps.hot.{kind}") for kind in ("hot", "cold")}
    return [words.get(str(kind), "") for kind in spots.kind]
