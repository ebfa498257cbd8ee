"""矛盾不上交: disputes settled or open, how long it takes, and places that call again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.measure.period import Moment, moment, period_between
from gridmap.model import City
from gridmap.typing import Bools, Floats, Ints

PLACE_M = 10.0  # side of the square that is one place


@dataclass(frozen=True, slots=True)
class Disputes:
    """Disputes settled and open at a given moment.

    Attributes
    ----------
    total, settled, open
        Disputes begun before the moment; settled by then, and not.
    unusable
        Disputes without a beginning or settled before they began; left out.
    settled_share
        Settled over total; NaN if there are none.
    median_days, ninety_percent_days
        Days within which half, and nine tenths, of all disputes are settled, those still
        open allowed for; NaN if too few are settled yet.
    open_days_mean
        Mean age of the open ones; NaN if none is.
    """

    total: int
    settled: int
    open: int
    unusable: int
    settled_share: float
    median_days: float
    ninety_percent_days: float
    open_days_mean: float


def disputes_of(city: City, *, since: Moment = None, until: Moment = None) -> Disputes | None:
    """Sum up a city's disputes that began in a period, as of its end.

    Parameters
    ----------
    city
        The city.
    since, until
        Disputes with ``since <= time < until``; without an end, all, as of the last time that
        is known.

    Returns
    -------
    Disputes or None
        None where no record says when it was settled.
    """
    found = dispute_rows(city, since=since, until=until)
    if found is None:
        return None
    rows, latest = found
    end = period_between(since, until)[1]
    limit = latest + np.timedelta64(1, "s") if end is None else end
    return settle_disputes(rows["time"], rows["settled"], as_of=limit)


def dispute_rows(
    city: City, *, since: Moment = None, until: Moment = None
) -> tuple[pd.DataFrame, np.datetime64] | None:
    """Return a city's disputes that began in a period.

    Disputes are the incidents of the categories of which any record says when it was settled.

    Returns
    -------
    rows : DataFrame
        ``x, y`` (m), ``time, settled`` (NaT while open), a row each.
    latest : datetime64
        The latest time of any incident of the city. Both are missing, None, where no
        record says when it was settled.
    """
    incidents = city.incidents
    if incidents is None or incidents.period is None:
        return None
    first, end = period_between(since, until)
    kinds = np.zeros(len(incidents.categories) + 1, bool)  # the last place: without a category
    latest = np.datetime64(incidents.period[1], "s")
    parts, category = [], []
    for batch in incidents.batches():
        if batch.settled is None:
            return None
        known = ~np.isnat(batch.settled)
        kinds[batch.category[known]] = True
        latest = max([latest, *batch.settled[known]])
        held = ~np.isnat(batch.time)
        held &= True if first is None else batch.time >= first
        held &= True if end is None else batch.time < end
        parts.append(
            pd.DataFrame(
                {
                    "x": batch.x[held],
                    "y": batch.y[held],
                    "time": batch.time[held],
                    "settled": batch.settled[held],
                }
            )
        )
        category.append(batch.category[held])
    if not kinds.any():
        return None
    rows = pd.concat(parts, ignore_index=True)
    return rows[kinds[np.concatenate(category)]].reset_index(drop=True), latest


def settle_disputes(began: npt.ArrayLike, settled: npt.ArrayLike, *, as_of: Moment) -> Disputes:
    """Sum up disputes at a moment.

    The median of settled disputes alone is too short: the longest are still open. Days are
    therefore read from the Kaplan-Meier curve (Kaplan and Meier 1958, *JASA* 53), in which
    an open dispute counts as lasting at least until the moment.

    Parameters
    ----------
    began, settled
        Times, ``datetime64``; NaT where not known, or not settled.
    as_of
        The moment; a dispute settled later is open.
    """
    limit = moment(as_of)
    start = np.asarray(began, "datetime64[s]")
    end = np.asarray(settled, "datetime64[s]")
    broken = np.isnat(start) | (~np.isnat(end) & (end < start))
    used = ~broken & (start < limit)
    start, end = start[used], end[used]
    closed = ~np.isnat(end) & (end <= limit)
    days = np.where(closed, end - start, limit - start).astype("timedelta64[s]") / np.timedelta64(
        86_400, "s"
    )
    times, remaining = _still_open(days, closed)
    total = len(days)
    return Disputes(
        total=total,
        settled=int(closed.sum()),
        open=int((~closed).sum()),
        unusable=int(broken.sum()),
        settled_share=float(closed.mean()) if total else float("nan"),
        median_days=_first_below(times, remaining, 0.5),
        ninety_percent_days=_first_below(times, remaining, 0.1),
        open_days_mean=float(days[~closed].mean()) if (~closed).any() else float("nan"),
    )


def _still_open(days: Floats, closed: Bools) -> tuple[Floats, Floats]:
    """Return the Kaplan-Meier curve: the share still open after each time of settling."""
    times = np.unique(days[closed])
    ordered = np.sort(days)
    at_risk = len(days) - np.searchsorted(ordered, times)
    events = pd.Series(days[closed]).value_counts().reindex(times).to_numpy(dtype=float)
    return times, np.cumprod(1.0 - events / np.maximum(at_risk, 1))


def _first_below(times: Floats, remaining: Floats, share: float) -> float:
    reached = np.flatnonzero(remaining <= share + 1e-12)
    return float(times[reached[0]]) if len(reached) else float("nan")


def count_places(
    x: npt.ArrayLike, y: npt.ArrayLike, *, place_m: float = PLACE_M
) -> tuple[Ints, Ints]:
    """Return the place of each incident, and how many incidents each place has.

    A place is a square: addresses of one building that are geocoded a few metres apart are one
    place.

    Parameters
    ----------
    x, y
        Coordinates, metres, shape (n,).
    place_m
        Side of the squares, which begin at multiples of it.

    Returns
    -------
    place : (n,) array
        Number of the place, from south to north and west to east.
    times : (places,) array
        Incidents of each place.
    """
    cells = [np.floor(np.asarray(axis, np.float64) / place_m).astype(np.int64) for axis in (y, x)]
    _, place, times = np.unique(np.stack(cells), axis=1, return_inverse=True, return_counts=True)
    return np.ravel(place).astype(np.int64), times.astype(np.int64)


def repeated_places(
    x: npt.ArrayLike, y: npt.ArrayLike, time: npt.ArrayLike, *, place_m: float = PLACE_M
) -> pd.DataFrame:
    """Return the places with two incidents or more.

    Parameters
    ----------
    x, y
        Coordinates, metres; places are those of `count_places`.
    time
        Times, ``datetime64``; NaT is no time.
    place_m
        Side of the squares, which begin at multiples of it.

    Returns
    -------
    DataFrame
        ``x, y`` (mean of its incidents), ``incidents, first, last``, and
        ``median_days_between``; most incidents first.
    """
    table = pd.DataFrame(
        {
            "x": np.asarray(x, np.float64),
            "y": np.asarray(y, np.float64),
            "time": np.asarray(time, "datetime64[s]"),
        }
    )
    table["place"] = count_places(x, y, place_m=place_m)[0]
    table = table.sort_values(["place", "time"])
    places = table.groupby("place", sort=True)
    days = places["time"].diff().dt.total_seconds() / 86_400
    found = places.agg(
        x=("x", "mean"),
        y=("y", "mean"),
        incidents=("x", "size"),
        first=("time", "min"),
        last=("time", "max"),
    )
    found["median_days_between"] = days.groupby(table["place"]).median()
    found = found[found["incidents"] > 1]
    return found.sort_values("incidents", ascending=False, kind="stable").reset_index(drop=True)
