"""Incidents counted by several kinds of place at once: grid, beat, station, community."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gridmap.measure.period import Moment, period_between
from gridmap.measure.pieces import areas_of
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
    sizes = np.array([len(each.ids) + 1 for each in areas], dtype=np.int64)
    found: list[Ints] = [np.empty(0, np.int64)]
    totals: list[Ints] = [np.empty(0, np.int64)]
    first, end = period_between(since, until)
    names = sorted({str(each.located_by) for each in areas})
    parts = () if city.located is None else city.located.columns(names, since=first, until=end)
    for part in parts:
        code = np.zeros(len(part[names[0]]), dtype=np.int64)
        for each, length in zip(areas, sizes.tolist(), strict=True):
            code = code * length + each.rows_of(part[str(each.located_by)]) + 1
        codes, counts = np.unique(code, return_counts=True)
        found.append(codes)
        totals.append(counts.astype(np.int64))
    codes, back = np.unique(np.concatenate(found), return_inverse=True)
    counts = np.bincount(back, weights=np.concatenate(totals), minlength=len(codes))
    places = np.empty((len(codes), len(areas)), dtype=np.int64)
    for place in range(len(areas) - 1, -1, -1):
        codes, places[:, place] = np.divmod(codes, sizes[place])
    return places - 1, counts.astype(np.int64)
