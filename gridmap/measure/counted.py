"""What nobody counted is missing, never 0: which figures a city has, decided in one place.

A rate or share without a denominator is missing, too, and months may be held in part.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from gridmap.measure.period import Moment, period_between
from gridmap.measure.pieces import people_layer
from gridmap.model import City, Kind

__all__ = ["COUNTS", "is_missing", "missing_counts", "partial_months", "ratio", "without_missing"]


#: Incidents expected in days without one, from which on that is no chance: exp(-5) is 0.7 %.
_NO_CHANCE = 5.0

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


def partial_months(
    city: City, *, since: Moment = None, until: Moment = None
) -> dict[str, tuple[date, date]]:
    """Return the months of which a city's data hold only some days.

    The first month with data begins, and the last ends, where the data do, if so many days
    without an incident are no chance: at the usual daily rate five incidents or more would have
    been expected in them. A period that begins or ends within a month cuts it, too.

    Parameters
    ----------
    city
        The city.
    since, until
        The period that is shown, ``since <= time < until``.

    Returns
    -------
    dict
        By month as ``YYYY-MM``: the first and last day that are held.
    """
    incidents = city.incidents
    if incidents is None or incidents.period is None or incidents.precision == "month":
        return {}
    first, last = (stamp.date() for stamp in incidents.period)
    usual = len(incidents) / ((last - first).days + 1)
    begins, ends = first.replace(day=1), _month_end(last)
    if (first - begins).days * usual >= _NO_CHANCE:
        begins = first
    if (ends - last).days * usual >= _NO_CHANCE:
        ends = last
    opens, closes = period_between(since, until)
    if opens is not None:
        begins = max(begins, opens.astype("datetime64[D]").item())
    if closes is not None:
        end = (closes - np.timedelta64(1, "s")).astype("datetime64[D]").item()
        ends = min(ends, end)
    if ends < begins:
        return {}
    found = {}
    for day in {begins, ends}:
        start, end = max(begins, day.replace(day=1)), min(ends, _month_end(day))
        if start.day > 1 or end != _month_end(day):
            found[f"{day:%Y-%m}"] = (start, end)
    return dict(sorted(found.items()))


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


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
