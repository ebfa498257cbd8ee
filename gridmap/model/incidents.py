"""Incidents as columns: place, time and category, and nothing about anybody."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import InputError
from gridmap.model.crs import require_metres

__all__ = ["IncidentBatch", "Incidents"]


@dataclass(frozen=True, eq=False)
class IncidentBatch:
    """Some incidents in memory; all arrays have shape (n,).

    Parameters
    ----------
    x, y
        Coordinates in the city's working CRS, metres; finite.
    time
        Local time of the incident, ``datetime64[s]``; NaT where unknown.
    category
        Index into `Incidents.categories`, int16; -1 where unknown.
    settled
        When a dispute was settled, ``datetime64[s]``; NaT where it is open. None where the
        city has no such column.
    station
        Station id that the record names, text; None where the city has no such column.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    time: NDArray[np.datetime64]
    category: NDArray[np.int16]
    settled: NDArray[np.datetime64] | None = None
    station: NDArray[np.object_] | None = None

    def __post_init__(self) -> None:
        """Check that columns are of one length and coordinates finite."""
        lengths = {len(self.x), len(self.y), len(self.time), len(self.category)}
        lengths |= {len(c) for c in (self.settled, self.station) if c is not None}
        if len(lengths) != 1:
            raise InputError("model.error.incidents_lengths", received=sorted(lengths))
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            bad = int((~(np.isfinite(self.x) & np.isfinite(self.y))).sum())
            raise InputError("model.error.incidents_not_finite", count=bad)

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_] | slice) -> IncidentBatch:
        """Return the chosen rows."""
        return IncidentBatch(
            self.x[rows],
            self.y[rows],
            self.time[rows],
            self.category[rows],
            None if self.settled is None else self.settled[rows],
            None if self.station is None else self.station[rows],
        )


@dataclass(frozen=True, eq=False)
class Incidents:
    """The incidents of one city, read in batches so that memory stays flat.

    Parameters
    ----------
    opener
        Called each time the incidents are walked through; yields batches in a fixed order.
    length
        Number of incidents.
    categories
        Names that the batches' category indices stand for.
    crs
        The working CRS.
    digest
        Content digest, known to whoever stored them.

    Notes
    -----
    `from_batch` makes incidents of arrays; `gridmap.io` makes them of a folder of Parquet.
    """

    opener: Callable[[], Iterator[IncidentBatch]]
    length: int
    categories: tuple[str, ...]
    crs: CRS
    digest: str

    def __post_init__(self) -> None:
        """Check the CRS."""
        require_metres(self.crs, what="incidents")

    @classmethod
    def from_batch(
        cls, batch: IncidentBatch, *, categories: tuple[str, ...], crs: CRS
    ) -> Incidents:
        """Return incidents that are held in memory."""
        sums = hashlib.blake2b(digest_size=16)
        for column in (
            batch.x,
            batch.y,
            batch.time.astype("datetime64[s]").astype(np.int64),
            batch.category,
        ):
            sums.update(np.ascontiguousarray(column).tobytes())
        sums.update("\x1f".join(categories).encode())
        # A dispute that was settled since makes other incidents of the same calls.
        if batch.settled is not None:
            sums.update(batch.settled.astype("datetime64[s]").astype(np.int64).tobytes())
        if batch.station is not None:
            sums.update("\x1f".join(map(str, batch.station)).encode())
        return cls(lambda: iter((batch,)), len(batch), categories, crs, sums.hexdigest())

    def __len__(self) -> int:
        return self.length

    def __repr__(self) -> str:
        return f"<Incidents: {self.length:,} in {len(self.categories)} categories>"

    def batches(
        self, *, since: np.datetime64 | None = None, until: np.datetime64 | None = None
    ) -> Iterator[IncidentBatch]:
        """Yield batches of the incidents with ``since <= time < until``.

        An incident whose time is unknown belongs to no period: it is left out as soon as
        either end is given.
        """
        for batch in self.opener():
            if since is None and until is None:
                yield batch
                continue
            keep = ~np.isnat(batch.time)
            if since is not None:
                keep &= batch.time >= since
            if until is not None:
                keep &= batch.time < until
            yield batch if keep.all() else batch.take(keep)

    @cached_property
    def all(self) -> IncidentBatch:
        """All incidents as one batch in memory (about 26 bytes each)."""
        parts = list(self.opener())
        if len(parts) == 1:
            return parts[0]
        none = IncidentBatch(
            np.empty(0), np.empty(0), np.empty(0, "datetime64[s]"), np.empty(0, np.int16)
        )
        if not parts:
            return none
        settled = [p.settled for p in parts if p.settled is not None]
        station = [p.station for p in parts if p.station is not None]
        return IncidentBatch(
            np.concatenate([p.x for p in parts]),
            np.concatenate([p.y for p in parts]),
            np.concatenate([p.time for p in parts]),
            np.concatenate([p.category for p in parts]),
            np.concatenate(settled) if settled else None,
            np.concatenate(station) if station else None,
        )

    @cached_property
    def period(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """First and last known time, or None where no time is known."""
        first, last = None, None
        for batch in self.opener():
            known = batch.time[~np.isnat(batch.time)]
            if len(known):
                low, high = known.min(), known.max()
                first = low if first is None else min(first, low)
                last = high if last is None else max(last, high)
        if first is None or last is None:
            return None
        return pd.Timestamp(first), pd.Timestamp(last)
