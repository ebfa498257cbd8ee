"""Incidents by grid, hour of the week and category, cut as a reader asks; pure, no screen."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridmap.measure import IncidentCounts

__all__ = ["Slices"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Slices:
    """The cells of an incident table that hold anything.

    Parameters
    ----------
    grids
        Number of grids.
    grid, hour, category : (m,)
        Place of each cell: row of the grid (``grids`` for outside), hour of the week (168
        where unknown), category.
    count : (m,)
        Incidents in it.
    """

    grids: int
    grid: npt.NDArray[np.int64]
    hour: npt.NDArray[np.int64]
    category: npt.NDArray[np.int64]
    count: npt.NDArray[np.int64]

    @classmethod
    def of(cls, counts: IncidentCounts) -> Slices:
        """Return the slices of a table by polygon, hour and category."""
        places, count = counts.sparse()
        grid, hour, category, _ = np.unravel_index(places, counts.shape)
        return cls(counts.polygon_count, grid, hour, category, count)

    def by_grid(self, *, hours: Collection[int] = (), categories: Collection[int] = ()) -> Floats:
        """Return the incidents of each grid; empty collections stand for all."""
        keep = (self.grid < self.grids) & self._within(hours, categories)
        return np.bincount(self.grid[keep], weights=self.count[keep], minlength=self.grids).astype(
            float
        )

    def by_hour(self, *, rows: Collection[int] = (), categories: Collection[int] = ()) -> Floats:
        """Return the incidents by weekday and hour, shape (7, 24), Monday first."""
        keep = (self.hour < 168) & self._within((), categories)
        if rows:
            keep &= np.isin(self.grid, list(rows))
        return (
            np.bincount(self.hour[keep], weights=self.count[keep], minlength=168)
            .reshape(7, 24)
            .astype(float)
        )

    def _within(
        self, hours: Collection[int], categories: Collection[int]
    ) -> npt.NDArray[np.bool_]:
        keep = np.ones(len(self.grid), dtype=bool)
        if hours:
            keep &= np.isin(self.hour, list(hours))
        if categories:
            keep &= np.isin(self.category, list(categories))
        return keep
