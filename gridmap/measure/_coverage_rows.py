"""Which grids make up each row of a coverage table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.sparse import csr_array

from gridmap.errors import MissingError
from gridmap.measure.crosswalk import crosswalk
from gridmap.measure.present import present_plan
from gridmap.model import City, Kind, Plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Texts = NDArray[np.object_]

__all__ = ["By", "rows_of"]

By = Literal["grid", "beat", "station", "community", "city"]


def rows_of(city: City, by: By, plan: Plan | None) -> tuple[Texts, Texts, csr_array]:
    """Return ids, names, and which share of each grid lies in each row, shape (rows, n).

    Raises
    ------
    MissingError
        If the city has nothing to make the rows of.
    """
    grids = city.grids
    n = len(grids)
    whole = np.arange(n)
    if by == "grid":
        return grids.ids, grids.names, csr_array((np.ones(n), (whole, whole)), shape=(n, n))
    if by == "city":
        one = np.array([city.name], dtype=object)
        return one, one, csr_array(np.ones((1, n)))
    if by == "beat":
        held = plan or present_plan(city)
        names = np.array([beat.label for beat in held.beats], dtype=object)
        inside = np.flatnonzero(held.assignment >= 0)
        table = csr_array(
            (np.ones(len(inside)), (held.assignment[inside], inside)), shape=(len(held), n)
        )
        return held.beat_ids, names, table
    if grids.has(by) and any(grids.texts(by)):
        held = Plan.from_labels(by, grids.ids, grids.texts(by))
        known = dict(
            zip(city.layer(Kind(by)).ids, city.layer(Kind(by)).names, strict=True)
            if city.has(Kind(by))
            else []
        )
        inside = np.flatnonzero(held.assignment >= 0)
        table = csr_array(
            (np.ones(len(inside)), (held.assignment[inside], inside)), shape=(len(held), n)
        )
        names = np.array([known.get(name, name) for name in held.beat_ids], dtype=object)
        return held.beat_ids, names, table
    layer = city.get(Kind(by))
    if layer is None:
        raise MissingError("measure.error.no_rows", by=by, city=city.name)
    return layer.ids, layer.names, csr_array(crosswalk(grids.geometry, layer.geometry).shares.T)
