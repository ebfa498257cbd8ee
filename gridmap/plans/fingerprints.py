"""Whether a plan still fits the city's grids, and which grids have changed if not."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.errors import InputError, some_ids
from gridmap.i18n import tr
from gridmap.model import Layer, Plan

__all__ = ["GridDifference", "GridPrints", "fit_plan", "grid_difference", "grid_prints"]

_BYTES = 8


@dataclass(frozen=True, eq=False, slots=True)
class GridPrints:
    """A number for each grid's shape: another shape has another number.

    Parameters
    ----------
    ids
        Ids of the grids, shape (n,).
    prints
        Their numbers, shape (n,).
    """

    ids: NDArray[np.object_]
    prints: NDArray[np.uint64]

    def pack(self) -> bytes:
        """Return the numbers as compressed little-endian bytes."""
        return zlib.compress(self.prints.astype("<u8").tobytes())

    @classmethod
    def unpack(cls, ids: NDArray[np.object_], packed: bytes) -> GridPrints:
        """Return the prints again, with the ids that they belong to."""
        return cls(ids, np.frombuffer(zlib.decompress(packed), dtype="<u8").astype(np.uint64))


@dataclass(frozen=True, slots=True)
class GridDifference:
    """How a city's grids differ from those of a plan.

    Parameters
    ----------
    gone
        Ids of grids that only the plan has.
    new
        Ids of grids that only the city has.
    reshaped
        Ids of grids of another shape than when the plan was saved; empty where the shapes
        are not known.
    """

    gone: tuple[str, ...]
    new: tuple[str, ...]
    reshaped: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.gone or self.new or self.reshaped)

    def text(self, language: str | None = None) -> str:
        """Return the difference in one line."""
        parts = [
            tr(f"plans.grids.{key}", language=language, ids=some_ids(ids), count=len(ids))
            for key, ids in (("gone", self.gone), ("new", self.new), ("reshaped", self.reshaped))
            if ids
        ]
        return "; ".join(parts)

    def __str__(self) -> str:
        return self.text()


def grid_prints(grids: Layer) -> GridPrints:
    """Return a number for each grid's shape, the same however its ring is started or turned."""
    shapes = shapely.to_wkb(shapely.normalize(grids.geometry), include_srid=False)
    numbers = [
        int.from_bytes(hashlib.blake2b(wkb or b"", digest_size=_BYTES).digest(), "little")
        for wkb in shapes
    ]
    return GridPrints(grids.ids, np.array(numbers, dtype=np.uint64))


def grid_difference(
    plan: Plan, grids: Layer, *, known: GridPrints | None = None
) -> GridDifference:
    """Return how a city's grids differ from those that a plan was made on.

    Counts of residents may change; ids and shapes may not.

    Parameters
    ----------
    plan
        The plan.
    grids
        The city's grid layer.
    known
        Shapes of the grids when the plan was saved; without them ids alone are compared.
    """
    if plan.city_digest and plan.city_digest == grids.digest:
        return GridDifference((), (), ())
    old, new = pd.Index(plan.grid_ids, dtype=object), pd.Index(grids.ids, dtype=object)
    reshaped: tuple[str, ...] = ()
    if known is not None:
        then = pd.Index(known.ids, dtype=object).get_indexer(new)
        both = then >= 0
        changed = known.prints[then[both]] != grid_prints(grids).prints[both]
        reshaped = tuple(grids.ids[both][changed])
    return GridDifference(
        gone=tuple(plan.grid_ids[new.get_indexer(old) < 0]),
        new=tuple(grids.ids[old.get_indexer(new) < 0]),
        reshaped=reshaped,
    )


def fit_plan(plan: Plan, grids: Layer, *, known: GridPrints | None = None) -> Plan:
    """Return a plan in the order of a city's grids, if they are the plan's.

    Parameters
    ----------
    plan
        The plan.
    grids
        The city's grid layer.
    known
        Shapes of the grids when the plan was saved.

    Raises
    ------
    InputError
        If the grids are others; the difference is listed.
    """
    difference = grid_difference(plan, grids, known=known)
    if difference:
        raise InputError("plans.error.grids_changed", plan=plan.name, difference=difference)
    rows = pd.Index(plan.grid_ids, dtype=object).get_indexer(grids.ids)
    return replace(
        plan,
        grid_ids=grids.ids,
        assignment=plan.assignment[rows],
        city_digest=grids.digest,
    )
