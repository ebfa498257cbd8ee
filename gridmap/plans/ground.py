"""What editing needs to know of the ground: amounts per grid, and who borders whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.errors import InputError, MissingError, some_ids
from gridmap.measure import covered_share
from gridmap.measure.counted import missing_counts
from gridmap.measure.counting import count_incidents_by
from gridmap.measure.workload import Workload
from gridmap.model import Adjacency, City, Kind
from gridmap.typing import Floats

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
    geometry, gap_m
        Polygons of the grids, and the widest gap between neighbours, metres: what beats'
        borders are measured of. None where there are no polygons.
    missing
        Counts that nobody made; they stand as 0 in the sums and as null in what is told.

    Raises
    ------
    InputError
        If an array has another length, or an amount is negative or not finite.
    """

    grid_ids: NDArray[np.object_]
    residents: Floats
    incidents: Floats
    workload: Floats
    covered: Floats
    area_m2: Floats
    perimeter_m: Floats
    adjacency: Adjacency
    stations: NDArray[np.object_]
    digest: str = ""
    geometry: NDArray[np.object_] | None = None
    gap_m: float = 0.0
    missing: tuple[str, ...] = ()

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
    def from_city(
        cls,
        city: City,
        *,
        workload: Workload | Mapping[str, float] | None = None,
        incidents: Floats | None = None,
    ) -> Self:
        """Return the ground of a city.

        Parameters
        ----------
        city
            The city. Rooms cover what lies within ``presets.room_radius_m``.
        workload
            What the grids ask of the police, or the weights of its criteria; if None,
            residents and incidents weigh half each, or every grid the same where there are
            none of either.
        incidents
            Incidents of each grid, shape (n,), of a period for example; if None, all of the
            city's, or the grid layer's own column where it has none.

        Notes
        -----
        The workload is kept in percent of the city's.
        """
        grids = city.grids
        residents = grids.counts("residents")
        if incidents is None and city.incidents is not None:
            incidents, _ = count_incidents_by(city, Kind.GRID)
        elif incidents is None:
            incidents = grids.counts("incidents")
        if isinstance(workload, Mapping):
            workload = Workload.from_city(city, workload)
        if workload is None:
            workload = _default_workload(grids.ids, residents=residents, incidents=incidents)
        share = covered_share(grids.geometry, city.room_xy, radius_m=city.presets.room_radius_m)
        return cls(
            grid_ids=grids.ids,
            residents=residents,
            incidents=incidents,
            workload=100.0 * workload.load,
            covered=residents * share,
            area_m2=grids.area_m2,
            perimeter_m=shapely.length(grids.geometry),
            adjacency=city.adjacency,
            stations=city.named(grids, Kind.STATION),
            digest=grids.digest,
            geometry=grids.geometry,
            gap_m=city.presets.gap_m,
            missing=missing_counts(city),
        )

    @cached_property
    def _index(self) -> pd.Index:
        return pd.Index(self.grid_ids, dtype=object)

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


def _default_workload(grid_ids: NDArray[np.object_], **columns: Floats) -> Workload:
    """Return the workload of the columns that hold anything, at equal weights."""
    known = {name: column for name, column in columns.items() if column.sum() > 0}
    known = known or {"grids": np.ones(len(grid_ids))}
    return Workload(grid_ids, known, dict.fromkeys(known, 1.0))
