"""Incidents counted by several kinds of place at once: grid, beat, station, community."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gridmap.measure._areas import areas_of
from gridmap.measure.period import Moment, period_between
from gridmap.measure.polygon_index import PolygonIndex
from gridmap.measure.summary import By
from gridmap.model import City, Plan

__all__ = ["count_together"]

Ints = npt.NDArray[np.int64]


def count_together(
    city: City,
    by: Sequence[By],
    *,
    since: Moment = None,
    until: Moment = None,
    plan: Plan | None = None,
) -> tuple[Ints, Ints]:
    """Count incidents by the grid, beat, station ... that they lie in together.

    Summed over all places but one kind, the counts are those of `summarise` by that kind.

    Parameters
    ----------
    city
        A city with incident points.
    by
        Kinds of places, as `summarise` takes them.
    since, until
        Count incidents with ``since <= time < until`` only.
    plan
        Plan whose beats, and their stations, stand in for the city's own.

    Returns
    -------
    places : (k, len(by)) int64
        Rows of each kind of place, -1 where incidents lie in none; every line once.
    counts : (k,) int64
        Incidents of each line, above 0.
    """
    areas = [areas_of(city, level, plan) for level in by]
    size = len(city.incidents) if city.incidents is not None else 0
    indexes = [
        None if each.polygons is None else PolygonIndex.build(each.polygons, expected_points=size)
        for each in areas
    ]
    grids = None
    if any(index is None for index in indexes):
        grids = PolygonIndex.build(city.grids.geometry, expected_points=size)
    sizes = np.array([len(each.ids) + 1 for each in areas], dtype=np.int64)
    found: list[Ints] = [np.empty(0, np.int64)]
    totals: list[Ints] = [np.empty(0, np.int64)]
    first, end = period_between(since, until)
    batches = () if city.incidents is None else city.incidents.batches(since=first, until=end)
    for batch in batches:
        grid = None if grids is None else grids.locate(batch.x, batch.y)
        code = np.zeros(len(batch), dtype=np.int64)
        for each, index, length in zip(areas, indexes, sizes.tolist(), strict=True):
            if index is not None:
                row = index.locate(batch.x, batch.y)
            else:
                assert each.row_of_grid is not None  # noqa: S101 - rows are one or the other
                assert grid is not None  # noqa: S101 - located above for such rows
                row = np.append(each.row_of_grid, -1)[grid]
            code = code * length + row + 1
        codes, counts = np.unique(code, return_counts=True)
        found.append(codes)
        totals.append(counts.astype(np.int64))
    codes, back = np.unique(np.concatenate(found), return_inverse=True)
    counts = np.bincount(back, weights=np.concatenate(totals), minlength=len(codes))
    places = np.empty((len(codes), len(areas)), dtype=np.int64)
    for place in range(len(areas) - 1, -1, -1):
        codes, places[:, place] = np.divmod(codes, sizes[place])
    return places - 1, counts.astype(np.int64)
