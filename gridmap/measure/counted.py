"""What nobody counted is missing, never 0: which figures a city has, decided in one place.

A rate or share without a denominator is missing, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt

from gridmap.measure.pieces import people_layer
from gridmap.model import City, Kind

__all__ = ["COUNTS", "is_missing", "missing_counts", "ratio", "without_missing"]


#: What is counted and shared out, besides incidents.
COUNTS = ("residents", "migrants", "households")


def missing_counts(city: City) -> tuple[str, ...]:
    """Return what of residents, migrants, households and incidents nobody counted in a city.

    A count is missing where its layer has no such column, or a column without one number. A
    single blank among numbers is a grid with nobody in it.
    """
    people = people_layer(city)
    absent = [name for name in COUNTS if people is None or not people.is_counted(name)]
    grids = city.get(Kind.GRID)
    if city.incidents is None and (grids is None or not grids.is_counted("incidents")):
        absent.append("incidents")
    return tuple(absent)


def is_missing(figure: str, missing: Collection[str]) -> bool:
    """Return whether a figure is made of counts that nobody made.

    Parameters
    ----------
    figure
        Its name, such as ``incidents_per_1000_residents``; shares covered of nobody in
        particular are shares of residents.
    missing
        From `missing_counts`.

    Examples
    --------
    >>> is_missing("residents_per_km2", ["residents"]), is_missing("area_km2", ["residents"])
    (True, False)
    """
    if figure in {"covered", "covered_share", "least_covered_share"}:
        return "residents" in missing
    return any(name in figure for name in missing)


def without_missing(values: Mapping[str, object], missing: Collection[str]) -> dict[str, object]:
    """Return figures for JSON: None for each that is missing, at any depth."""

    def cleaned(value: object) -> object:
        if isinstance(value, Mapping):
            return without_missing(value, missing)
        if isinstance(value, list | tuple):
            return [cleaned(one) for one in value]
        return value

    return {
        name: None if is_missing(name, missing) else cleaned(value)
        for name, value in values.items()
    }


def ratio(above: npt.ArrayLike, below: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Divide, giving NaN where there is nothing to divide by.

    >>> ratio([1.0, 1.0], [4.0, 0.0]).tolist()
    [0.25, nan]
    """
    top, bottom = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
