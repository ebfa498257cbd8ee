"""What editing needs to know of the ground: amounts per grid, and who borders whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike, NDArray

from gridmap.errors import InputError, MissingError, some_ids
from gridmap.measure.coverage import covered_share
from gridmap.measure.polygon_index import PolygonIndex
from gridmap.model import Adjacency, City

__all__ = ["Ground"]

_COLUMNS = ("residents", "incidents", "workload", "covered", "area_m2", "perimeter_m")


@dataclass(frozen=True, eq=False)
class Ground:
    """The grids of a city as the editing of plans sees them; all arrays have shape (n,).

    Parameters
    ----------
    grid_ids
        Ids of the grids, in the order of the grid layer.
    residents, incidents, workload
        Amount per grid; not negative.
    covered
        Residents of the grid within reach of a room.
    area_m2, perimeter_m
        Area and length of the border of each grid.
    adjacency
        Which grids border which.
    stations
        Id of the station that each grid lies in, ``""`` where it is not known.
    digest
        Digest of the grid layer.

    Raises
    ------
    InputError
        If an array has another length, or an amount is negative or not finite.
    """

    grid_ids: NDArray[np.object_]
    residents: NDArray[np.float64]
    incidents: NDArray[np.float64]
    workload: NDArray[np.float64]
    covered: NDArray[np.float64]
    area_m2: NDArray[np.float64]
    perimeter_m: NDArray[np.float64]
    adjacency: Adjacency
    stations: NDArray[np.object_]
    digest: str = ""

    def __post_init__(self) -> None:
        """Check lengths and signs."""
        size = len(self.grid_ids)
        for name in _COLUMNS:
            values = np.array(getattr(self, name), dtype=np.float64)
            if values.shape != (size,):
                raise InputError(
                    "plans.error.ground_length", field=name, received=len(values), expected=size
                )
            bad = ~np.isfinite(values) | (values < 0)
            if bad.any():
                raise InputError(
                    "plans.error.ground_negative",
                    field=name,
                    ids=some_ids(self.grid_ids[bad]),
                    count=int(bad.sum()),
                )
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.grid_ids)

    @classmethod
    def from_city(cls, city: City, *, workload: ArrayLike | None = None) -> Self:
        """Return the ground of a city.

        Parameters
        ----------
        city
            The city; its incidents are counted into grids, or the grid layer's own column is
            taken where it has none. Rooms cover what lies within ``presets.room_radius_m``.
        workload
            Workload per grid, shape (n,); if None, residents and incidents weigh half each,
            in percent of the city's.
        """
        grids = city.grids
        residents = grids.counts("residents")
        incidents = _incident_counts(city)
        share = covered_share(grids.geometry, city.room_xy, radius_m=city.presets.room_radius_m)
        return cls(
            grid_ids=grids.ids,
            residents=residents,
            incidents=incidents,
            workload=_percent(residents, incidents)
            if workload is None
            else np.asarray(workload, dtype=np.float64),
            covered=residents * share,
            area_m2=grids.area_m2,
            perimeter_m=shapely.length(grids.geometry),
            adjacency=city.adjacency,
            stations=grids.texts("station"),
            digest=grids.digest,
        )

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.grid_ids)

    def rows_of(self, grids: tuple[str, ...]) -> NDArray[np.intp]:
        """Return the rows of grids.

        Raises
        ------
        MissingError
            If there is no such grid.
        """
        rows = np.asarray(self._index.get_indexer(list(grids)))
        if (rows < 0).any():
            lost = [name for name, row in zip(grids, rows, strict=True) if row < 0]
            raise MissingError("plans.error.no_grid", ids=some_ids(lost), count=len(lost))
        return rows


def _incident_counts(city: City) -> NDArray[np.float64]:
    grids = city.grids
    if city.incidents is None:
        return grids.counts("incidents")
    index = PolygonIndex.build(grids.geometry, expected_points=len(city.incidents))
    counts = np.zeros(len(grids))
    for batch in city.incidents.batches():
        found = index.locate(batch.x, batch.y)
        counts += np.bincount(found[found >= 0], minlength=len(grids))
    return counts


def _percent(*columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the columns that hold anything, each in percent of its total."""
    shares = [100.0 * column / column.sum() for column in columns if column.sum() > 0]
    return np.mean(shares, axis=0) if shares else np.zeros(len(columns[0]))
