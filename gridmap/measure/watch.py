"""What is unusual now: prospective space-time scan, and control charts of weekly counts.

At the end 矛盾不上交: disputes settled or open, how long it takes, and places that call again.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from gridmap.measure._kernels import cluster_ratios, greatest_ratios
from gridmap.measure.change import estimate_dispersion
from gridmap.measure.period import Moment, moment, period_between
from gridmap.model import City
from gridmap.typing import Bools, Floats, Ints, Ints32

_SIZES = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)  # places in a circle, each about 1.6 times the last
_MOST = 5  # clusters told
_LARGEST_SHARE = 0.5  # of all incidents that the places of a circle have


@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """Places with more recent incidents than their usual level and the city's days explain.

    Attributes
    ----------
    places
        The places, the middle one first.
    days
        Length up to the last day: the cluster began this number of days ago.
    observed, expected
        Incidents in it, and as many as the places' and the days' totals would put there.
    p_value
        Share of arrangements in which times were shuffled among the incidents that have a
        cluster as striking anywhere.
    """

    places: Ints
    days: int
    observed: int
    expected: float
    p_value: float

    @property
    def recurrence_days(self) -> float:
        """Mean number of days between chance clusters this striking, looking every day."""
        return 1.0 / self.p_value


def scan_space_time(  # noqa: PLR0913 - all but the data are named
    place: npt.ArrayLike,
    day: npt.ArrayLike,
    xy: npt.ArrayLike,
    *,
    until: int,
    history_days: int = 90,
    longest_days: int = 7,
    draws: int = 999,
    exceedances: int = 0,
    seed: int = 0,
) -> list[Cluster]:
    """Scan for places where there are unusually many incidents up to today.

    The prospective space-time permutation scan (Kulldorff, Heffernan, Hartman, Assuncao and
    Mostashari 2005, *PLoS Medicine* 2(3)). It needs incidents only: of ``C`` incidents, ``c_z``
    at place z and ``c_d`` on day d, ``c_z c_d / C`` are expected there and then, so that each
    place keeps its usual level and each day the city's. Of all circles of places and all
    periods up to the last day, the one with the greatest ``c log(c / e) + (C - c) log((C - c)
    / (C - e))``, ``c > e``, stands out most; its p-value is its rank among the greatest of
    arrangements in which times are shuffled among the incidents.

    Knox's test (`pointpats.Knox`) says only whether incidents cluster anywhere, and takes nine
    seconds of processor for 2,000 incidents and 999 permutations; this scan takes a tenth of one.

    Parameters
    ----------
    place
        Place of each incident, a row of ``xy``.
    day
        Day of each incident, a whole number.
    xy
        Middle of each place, metres, shape (places, 2).
    until
        The last day that is looked at; later incidents are left out.
    history_days
        Days up to it that make the usual level.
    longest_days
        Longest cluster.
    draws
        Arrangements. No p-value is below ``1 / (draws + 1)``.
    exceedances
        Stop once this number of arrangements have a cluster as striking as the first (Besag and
        Clifford 1991, *Biometrika* 78(2)): its p-value is then their share of those drawn, as
        valid as that of all draws. 0 draws them all.
    seed
        Of the arrangements.

    Returns
    -------
    list of Cluster
        The five most striking, whatever their p-values, none with a place of one before;
        empty without recent incidents.
    """
    where, when = np.asarray(place, np.int64), np.asarray(day, np.int64)
    points = np.asarray(xy, np.float64)
    if where.shape != when.shape or points.ndim != 2 or points.shape[1] != 2:
        message = f"places {where.shape} and days {when.shape} of each incident, xy {points.shape}"
        raise ValueError(message)
    if len(where) and not (where.min() >= 0 and where.max() < len(points)):
        message = f"places must be rows of xy, 0 to {len(points) - 1}"
        raise ValueError(message)
    if not 1 <= longest_days < history_days:
        message = f"longest_days must be 1 to history_days - 1, received {longest_days}"
        raise ValueError(message)
    keep = (when <= until) & (when > until - history_days)
    where, ago = where[keep], until - when[keep]
    total = len(where)
    # The incidents of the last 1, 2, ... days come first, once they are ordered by day.
    recent = np.searchsorted(np.sort(ago), np.arange(1, longest_days + 1))
    if not total or not recent[-1]:
        return []
    circles = _circles(points.tobytes())
    held = circles.sums(np.bincount(where, minlength=len(points)).astype(float))
    expected = held[:, :, None] * recent / total
    observed = circles.sums(_lately(where[np.argsort(ago, kind="stable")], recent, len(points)))
    allowed = (held <= _LARGEST_SHARE * total).sum(axis=1)
    score = cluster_ratios(observed, expected, total)
    score[np.arange(len(circles.sizes)) >= allowed[:, None]] = 0.0
    goal = float(score.max()) - 1e-9
    if goal <= 0:
        return []
    greatest = greatest_ratios(
        where, recent, (circles.starts, circles.numbers, allowed, held),
        (goal, exceedances, draws), np.random.default_rng(seed),
    )  # fmt: skip
    # Stopped early, the last one drawn counts as the observed one would.
    stopped = 0 < exceedances <= int((greatest >= goal).sum())
    clusters: list[Cluster] = []
    taken = np.zeros(len(points), bool)
    likely = np.argwhere(score > 0)
    by_size = np.lexsort((likely[:, 0], likely[:, 1], -score[tuple(likely.T)]))
    for centre, size, length in likely[by_size]:
        members = circles.near[centre, : circles.sizes[size]]
        if taken[members].any():
            continue
        taken[members] = True
        rank = int((greatest >= score[centre, size, length] - 1e-9).sum()) + (not stopped)
        clusters.append(
            Cluster(
                members.copy(),
                int(length) + 1,
                int(observed[centre, size, length]),
                float(expected[centre, size, length]),
                rank / (len(greatest) + (not stopped)),
            )
        )
        if len(clusters) == _MOST:
            break
    return clusters


@dataclass(frozen=True, slots=True, eq=False)
class _Circles:
    """Circles of 1, 2, 3, 5, ... places around each place.

    ``near`` has the nearest places of each, the nearest first; a place z is new to the circles
    ``numbers[starts[z]:starts[z + 1]]``, numbered ``centre * len(sizes) + size``.
    """

    sizes: tuple[int, ...]
    near: Ints
    starts: Ints
    numbers: Ints32

    def sums(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the sum of the places' values over each circle, shape (centres, sizes, ...)."""
        edges = pairwise((0, *self.sizes))
        rings = [values[self.near[:, low:high]].sum(axis=1) for low, high in edges]
        return np.cumsum(np.stack(rings, axis=1), axis=1)


@lru_cache(maxsize=1)  # one scan after the other has the same places
def _circles(places: bytes) -> _Circles:
    points = np.frombuffer(places).reshape(-1, 2)
    sizes = tuple(size for size in _SIZES if size <= len(points))
    near = scipy.spatial.cKDTree(points).query(points, k=sizes[-1])[1].reshape(len(points), -1)
    size = np.searchsorted(sizes, np.arange(1, sizes[-1] + 1))
    number = (np.arange(len(points))[:, None] * len(sizes) + size).astype(np.int32).ravel()
    starts = np.concatenate([[0], np.cumsum(np.bincount(near.ravel(), minlength=len(points)))])
    return _Circles(sizes, near, starts, number[np.argsort(near.ravel(), kind="stable")])


def _lately(places: Ints, recent: Ints, size: int) -> Ints:
    """Return the incidents of each place in the last 1, 2, ... days; the latest come first."""
    step = np.searchsorted(recent, np.arange(recent[-1]), side="right")
    cells = places[: recent[-1]] * len(recent) + step
    counts = np.bincount(cells, minlength=size * len(recent)).reshape(size, len(recent))
    return np.cumsum(counts, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class ControlChart:
    """An exponentially weighted moving average of each row's weeks, and its limits.

    Attributes
    ----------
    usual : (n,) float64
        Weekly mean of each row in the weeks before.
    dispersion : (n,) float64
        Variance over mean.
    average : (n, weeks) float64
        The moving average in standard deviations of a week; begun anew after each signal.
    limit
        A signal is an average above it, or below its negative.
    signals : (n, weeks) int64
        1 for more than usual, -1 for fewer, 0 for neither.
    """

    usual: Floats
    dispersion: Floats
    average: Floats
    limit: float
    signals: Ints


def control_chart(
    weekly: npt.ArrayLike,
    *,
    baseline: int = 52,
    weight: float = 0.2,
    recurrence_weeks: float = 52.0,
) -> ControlChart:
    """Chart weekly counts against what was usual, with limits that chance crosses rarely.

    Roberts (1959), *Technometrics* 1(3): ``z_t = weight x_t + (1 - weight) z_(t-1)``. Here
    ``x_t`` is a week's normal score under negative binomial counts with the baseline's mean
    and dispersion (`gridmap.measure.estimate_dispersion`), the mean's own error allowed for.
    The limit is the one that rows in which nothing changes cross once in
    ``recurrence_weeks`` weeks of the year after the baseline, found by simulation.

    Parameters
    ----------
    weekly
        Counts of each row in consecutive weeks, shape (n, weeks), more than ``baseline``.
    baseline
        Weeks at the beginning that say what is usual, 26 or more.
    weight
        Weight of the last week, above 0 and up to 1.
    recurrence_weeks
        Mean number of weeks from one false signal of a row to the next.
    """
    counts = np.atleast_2d(np.asarray(weekly, np.float64))
    if not 26 <= baseline < counts.shape[1] or not 0 < weight <= 1 or not recurrence_weeks > 1:
        message = (
            f"26 <= baseline < weeks, 0 < weight <= 1, recurrence_weeks > 1; received {baseline} "
            f"of {counts.shape[1]}, {weight}, {recurrence_weeks}"
        )
        raise ValueError(message)
    before = counts[:, :baseline]
    usual = before.mean(axis=1)
    factor = estimate_dispersion(before).factor * (1.0 + 1.0 / baseline)
    scores = _normal_scores(counts[:, baseline:], np.maximum(usual, 0.5 / baseline), factor)
    limit = _limit(baseline, weight, recurrence_weeks)
    average, signals = _smoothed(scores, weight, limit)
    return ControlChart(usual, factor, average, limit, signals)


def _normal_scores(counts: Floats, mean: Floats, factor: Floats) -> Floats:
    """Return the normal score of the middle of each count's chance."""
    wide = np.maximum(factor, 1.0 + 1e-6)[:, None]
    size, chance = mean[:, None] / (wide - 1.0), 1.0 / wide
    # The incomplete beta function gives both tails; scipy.stats takes a second to load.
    below = np.where(counts > 0, scipy.special.betainc(size, np.maximum(counts, 1.0), chance), 0.0)
    above = scipy.special.betaincc(size, counts + 1.0, chance)
    here = 1.0 - below - above
    low = scipy.special.ndtri(np.clip(below + here / 2, 1e-300, 1.0))
    high = -scipy.special.ndtri(np.clip(above + here / 2, 1e-300, 1.0))
    return np.where(below < above, low, high)


def _smoothed(scores: Floats, weight: float, limit: float) -> tuple[Floats, Ints]:
    average = np.zeros_like(scores)
    signals = np.zeros(scores.shape, np.int64)
    last = np.zeros(len(scores))
    for week in range(scores.shape[1]):
        last = weight * scores[:, week] + (1.0 - weight) * last
        average[:, week] = last
        signals[:, week] = np.where(last > limit, 1, np.where(last < -limit, -1, 0))
        last = np.where(signals[:, week] != 0, 0.0, last)
    return average, signals


@lru_cache(maxsize=64)
def _limit(baseline: int, weight: float, recurrence_weeks: float) -> float:
    """Return the limit that chance crosses once in ``recurrence_weeks`` of the year after."""
    rng = np.random.default_rng(baseline)
    weeks = 52
    error = rng.normal(0.0, 1.0 / np.sqrt(baseline), (20_000, 1))  # of the baseline's mean
    scores = (rng.normal(size=(20_000, weeks)) - error) / np.sqrt(1.0 + 1.0 / baseline)
    low, high = 0.0, 8.0
    for _ in range(18):
        limit = (low + high) / 2
        rate = (_smoothed(scores, weight, limit)[1] != 0).mean()
        low, high = (limit, high) if rate > 1.0 / recurrence_weeks else (low, limit)
    return high


# -- disputes: settled, open, and places that call again


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
