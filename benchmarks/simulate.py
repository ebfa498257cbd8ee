"""False alarms and power of the statistics, on made-up cities.

``python -m benchmarks.simulate`` prints a JSON line for each case: ``case, draws, share`` (of
draws with any finding), and ``limit`` where the share must not lie above it. ``--list`` names the
cases and ``--only TEXT`` runs those whose name has the text, each row of docs/measures.md by
itself. The tests run the same cases with fewer draws.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import chain
from math import sqrt
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.measure import (
    BusyTime,
    CountedPeriods,
    WeeklyCounts,
    busy_times,
    changed_hot_spots,
    compared_periods,
    estimate_dispersion,
    hot_spots,
    judge_changes,
    parse_period,
    weekday_occurrences,
)
from gridmap.measure.hotspots import windows
from gridmap.measure.watch import control_chart, scan_space_time
from gridmap.model import City, Kind, Layer

ALPHA = 0.05
WATCH_DAYS = 90  # that say what is usual
WATCH_GRIDS = np.stack(np.meshgrid(np.arange(12), np.arange(12)), axis=-1).reshape(-1, 2) * 500.0
_AREAS, _STATIONS, _WEEKS = 77, 25, 60
_Floats = NDArray[np.float64]
_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Share:
    """How often something was found.

    Parameters
    ----------
    case
        What was drawn.
    draws
        How often.
    share
        Share of the draws in which anything was found that counts.
    limit
        What the share must not exceed but by sampling error; None where the share is a power
        or a comparison.
    """

    case: str
    draws: int
    share: float
    limit: float | None = ALPHA

    def holds(self, sigmas: float = 3.0) -> bool:
        """Return whether the share is within its limit and so many standard errors."""
        if self.limit is None:
            return True
        return self.share <= self.limit + sigmas * sqrt(self.limit * (1 - self.limit) / self.draws)


@dataclass(frozen=True, slots=True)
class Case:
    """What is drawn, how often, and what counts as found.

    Parameters
    ----------
    name, draws, limit
        As in `Share`.
    found
        Draws once, and says whether anything was found.
    """

    name: str
    draws: int
    found: Callable[[np.random.Generator], bool]
    limit: float | None = ALPHA

    def share(self) -> Share:
        """Draw the case so often, each draw from a seed of its own."""
        seed = sum(map(ord, self.name))
        hits = sum(self.found(np.random.default_rng([seed, draw])) for draw in range(self.draws))
        return Share(self.name, self.draws, hits / self.draws, self.limit)


def run_cases(cases: Iterable[Case]) -> list[Share]:
    """Return how often each case was found."""
    return [case.share() for case in cases]


def negative_binomial(rng: np.random.Generator, mean: _Floats, dispersion: float) -> _Ints:
    """Return counts whose variance is ``dispersion`` times their mean."""
    if dispersion == 1:
        return rng.poisson(mean)
    return rng.negative_binomial(mean / (dispersion - 1.0), 1.0 / dispersion)


def change_cases(draws: int) -> Iterator[Case]:
    """Yield how often reports of 77 areas, 25 stations and the city carry a verdict."""
    for dispersion in (1, 2, 3):

        def any_verdict(rng: np.random.Generator, dispersion: float = dispersion) -> bool:
            found = _report(rng, dispersion)
            return any(
                table[name].any()
                for table in found.values()
                for name in ("beyond_chance", "unlike_city")
            )

        yield Case(f"change: nothing changed, variance/mean {dispersion}", draws, any_verdict)

    def any_assumed(rng: np.random.Generator) -> bool:
        found = _report(rng, 2, known=False)
        return any(table["beyond_chance"].any() for table in found.values())

    yield Case("change: the same at 2, Poisson assumed", draws, any_assumed, limit=None)
    for growth in (1.5, 2.0):

        def is_seen(rng: np.random.Generator, growth: float = growth) -> bool:
            return bool(_report(rng, 2, growth=growth)["area"]["beyond_chance"].iloc[60])

        name = f"change: one area of 500 a month x {growth}, variance/mean 2, found"
        yield Case(name, draws, is_seen, limit=None)


def _report(
    rng: np.random.Generator, dispersion: float, *, known: bool = True, growth: float = 1.0
) -> dict[str, pd.DataFrame]:
    """Return the judged tables of a month of a city with a trend and a season."""
    monthly = 20.0 + 1400.0 * np.linspace(0.0, 1.0, _AREAS) ** 4  # most areas are quiet
    monthly[60] = 500.0
    weeks = np.arange(_WEEKS)
    shape = np.exp(0.002 * weeks + 0.15 * np.sin(2 * np.pi * weeks / 52.18))
    periods = compared_periods(parse_period("2024-03"), "previous")
    history = negative_binomial(rng, monthly[:, None] * 7 / 30 * shape, dispersion)
    change = np.ones(_AREAS)
    change[60] = growth
    now = negative_binomial(rng, monthly * change * periods.now.days / 30, dispersion)
    before = negative_binomial(rng, monthly * periods.before.days / 30, dispersion)
    station = np.zeros((_STATIONS, _AREAS), np.int64)
    station[np.arange(_AREAS) % _STATIONS, np.arange(_AREAS)] = 1
    start = date(2024, 3, 31) - timedelta(days=7 * _WEEKS - 1)
    total = (int(now.sum()), int(before.sum()))

    def counted(sums: _Ints, city: tuple[int, int] | None) -> CountedPeriods:
        weekly = WeeklyCounts(start, sums @ history) if known else None
        return CountedPeriods(periods, sums @ now, sums @ before, city, weekly)

    return judge_changes(
        {
            "area": counted(np.eye(_AREAS, dtype=np.int64), total),
            "station": counted(station, total),
            "city": counted(np.ones((1, _AREAS), np.int64), None),
        }
    )


def hot_spot_cases(
    city: City, draws: int, counts: tuple[int, ...] = (500, 2500, 22_000)
) -> Iterator[Case]:
    """Yield how often maps of incidents that fell by area alone show anything.

    Then how often a planted cluster is found: a grid and its neighbours with three times the
    incidents that their area would have.
    """
    area = np.nan_to_num(city.grids.area_m2)
    near, share = city.adjacency, area / area.sum()
    around = windows(near)
    # A window of middling size, so that the cluster is neither all of the city nor a sliver.
    window = np.flatnonzero(around[[int(np.argsort(around @ area)[len(area) // 2])]].toarray())
    planted = share.copy()
    planted[window] *= 3.0
    planted /= planted.sum()
    for total in counts:

        def anything(rng: np.random.Generator, total: int = total) -> bool:
            found = hot_spots(rng.multinomial(total, share), near, area)
            return bool((found.kind != "none").any())

        def changed(rng: np.random.Generator, total: int = total) -> bool:
            now, before = rng.multinomial(total, planted, size=2)
            found = changed_hot_spots(now, before, near, area).to_frame()
            return bool(found["change"].isin(["emerging", "growing", "fading"]).any())

        def is_seen(rng: np.random.Generator, total: int = total) -> bool:
            found = hot_spots(rng.multinomial(total, planted), near, area)
            return bool((found.kind[window] == "hot").any())

        def emerges(rng: np.random.Generator, total: int = total) -> bool:
            now, before = rng.multinomial(total, planted), rng.multinomial(total, share)
            found = changed_hot_spots(now, before, near, area).to_frame()
            return bool(found["id"][found["change"] == "emerging"].isin(window).any())

        name = f"{city.name}, {len(area):,} grids, {total:,} incidents"
        yield Case(f"hot spots: chance alone, {name}", draws, anything)
        yield Case(f"hot spots: a cluster that stays, emerging or fading, {name}", draws, changed)
        yield Case(f"hot spots: threefold cluster found, {name}", draws, is_seen, limit=None)
        yield Case(f"hot spots: threefold cluster emerging, {name}", draws, emerges, limit=None)


def dispersed_cases(city: City, draws: int) -> Iterator[Case]:
    """Yield how often maps show anything whose counts vary twice as much as Poisson counts."""
    area = np.nan_to_num(city.grids.area_m2)
    near, mean = city.adjacency, 5000 * area / area.sum()
    around = windows(near)

    def anything(rng: np.random.Generator, known: bool = True) -> bool:  # noqa: FBT001, FBT002
        history = negative_binomial(rng, np.repeat(mean[:, None] * 7 / 30, _WEEKS, axis=1), 2)
        dispersion = estimate_dispersion(around @ history, length_weeks=4) if known else None
        counts = negative_binomial(rng, mean, 2)
        found = hot_spots(counts, near, area, dispersion=dispersion)
        return bool((found.kind != "none").any())

    name = f"{city.name}, {len(area):,} grids, variance/mean 2"
    yield Case(f"hot spots: chance alone, {name}", draws, anything)
    yield Case(
        f"hot spots: the same, Poisson assumed, {name}",
        draws,
        lambda rng: anything(rng, known=False),
        limit=None,
    )


def rhythm_cases(
    draws: int, counts: tuple[int, ...] = (100, 1000, 5000, 22_000)
) -> Iterator[Case]:
    """Yield how often an even month of 30 days has busy hours; then a month with Friday nights.

    The days begin on a Sunday, so that it has five Sundays and Mondays.
    """
    days = weekday_occurrences(date(2024, 9, 1), date(2024, 9, 30))
    even = np.repeat(days / days.sum() / 24, 24)
    daily = np.where(np.isin(np.arange(24), range(18, 23)), 3.0, 1.0)
    profile = (days[:, None] * daily / (days.sum() * daily.sum())).ravel()
    nights = even.copy()
    nights[4 * 24 + np.array([20, 21, 22, 23])] *= 2.0
    nights /= nights.sum()

    def find(
        rng: np.random.Generator, hours: _Ints, beside: Literal["even", "profile"] = "even"
    ) -> list[BusyTime]:
        seed = int(rng.integers(2**31))  # each month is ranked among weeks of its own
        return busy_times(hours, days=days, beside=beside, draws=199, seed=seed)

    for total in counts:

        def busy(rng: np.random.Generator, total: int = total) -> bool:
            return bool(find(rng, rng.multinomial(total, even)))

        def special(rng: np.random.Generator, total: int = total) -> bool:
            hours = rng.multinomial(total, profile)
            return bool(find(rng, hours, "profile"))

        def is_seen(rng: np.random.Generator, total: int = total) -> bool:
            found = find(rng, rng.multinomial(total, nights))
            return any(4 * 24 + 21 in item.hours_of_week() for item in found)

        yield Case(f"hours: even month of 30 days, {total:,} incidents", draws, busy)
        yield Case(f"hours: the same profile each day, {total:,} incidents", draws, special)
        yield Case(f"hours: Friday nights doubled found, {total:,}", draws, is_seen, limit=None)


def quiet_days(rng: np.random.Generator, days: int) -> tuple[_Ints, _Ints]:
    """Return place and day of incidents of days in which nothing is unusual.

    Ten a day fall on 144 grids of unequal levels; the days follow weekday and season.
    """
    level = rng.gamma(1.0, 1.0, len(WATCH_GRIDS))
    weekday = np.resize([1.0, 1.0, 1.0, 1.0, 1.2, 1.4, 1.3], days)
    season = 1.0 + 0.3 * np.sin(2 * np.pi * np.arange(days) / 365.0)
    counts = rng.poisson(10.0 * season * weekday / weekday.mean())
    place = rng.choice(len(level), int(counts.sum()), p=level / level.sum())
    return place, np.repeat(np.arange(days), counts)


def plant(
    rng: np.random.Generator, incidents: tuple[_Ints, _Ints], size: int, days: range
) -> tuple[_Ints, _Ints]:
    """Return incidents with so many more on some days, at a grid and its three nearest."""
    middle = WATCH_GRIDS[rng.integers(len(WATCH_GRIDS))]
    near = np.argsort(np.hypot(*(WATCH_GRIDS - middle).T), kind="stable")[:4]
    place, day = incidents
    return (
        np.append(place, rng.choice(near, size)),
        np.append(day, rng.integers(days.start, days.stop, size)),
    )


def look(rng: np.random.Generator, incidents: tuple[_Ints, _Ints], until: int) -> float:
    """Return the p-value of the most striking cluster at the end of a day."""
    found = scan_space_time(
        *incidents, WATCH_GRIDS, until=until, history_days=WATCH_DAYS, draws=999, exceedances=10,
        seed=int(rng.integers(2**31)),
    )  # fmt: skip
    return found[0].p_value if found else 1.0


def watch_cases(draws: int) -> Iterator[Case]:
    """Yield how often a quiet city is given an alert; then one with a planted cluster.

    A look whose p-value is right alerts with chance ``1 / N`` where once in N looks is promised,
    and so brings ``365 / N`` alerts a year, however alike the looks of following days are
    (`benchmarks.watch` looks at whole years).
    """
    last = WATCH_DAYS - 1

    def is_seen(rng: np.random.Generator) -> bool:
        incidents = plant(rng, quiet_days(rng, WATCH_DAYS), 12, range(last - 4, last + 1))
        return look(rng, incidents, last) <= 0.01

    yield Case("watch: a quiet look alerts, once in 20 promised", draws,
               lambda rng: look(rng, quiet_days(rng, WATCH_DAYS), last) <= ALPHA)  # fmt: skip
    yield Case("watch: planted, 12 more in 5 days at 4 places, found at once in 100 looks", draws,
               is_seen, limit=None)  # fmt: skip

    for mean, dispersion in ((2.0, 1.0), (20.0, 2.0), (100.0, 3.0)):

        def signals(
            rng: np.random.Generator, mean: float = mean, dispersion: float = dispersion
        ) -> bool:
            weekly = negative_binomial(rng, np.full((1, 53), mean), dispersion)
            return bool(control_chart(weekly, recurrence_weeks=20).signals.any())

        name = f"watch: chart of {mean:g} a week, variance/mean {dispersion:g}, a week signals"
        yield Case(name, 10 * draws, signals)


def open_cities() -> Iterator[City]:
    """Yield the demo city, and Chicago by block groups where the real data are at hand."""
    from gridmap.io import Workspace

    root = Path(__file__).parent.parent
    yield Workspace.open(root / "data" / "demo").city()
    chicago = root.parent / "shared" / "data" / "chicago" / "block_groups_2010.gpkg"
    if chicago.exists():
        frame = gpd.read_file(chicago).to_crs(32616)
        layer = Layer(Kind.GRID, frame.assign(id=frame["GEOID10"])[["id", "geometry"]])
        yield City("Chicago", layer.crs, {Kind.GRID: layer})


def main() -> None:
    """Print a JSON line for each case; end with 1 where a share is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name has this")
    parser.add_argument("--list", action="store_true", help="name the cases, run none")
    chosen = parser.parse_args()
    draws = chosen.draws
    wrong = False
    cities = tuple(open_cities())
    cases = chain(
        change_cases(draws),
        rhythm_cases(draws),
        watch_cases(draws),
        *(hot_spot_cases(city, draws) for city in cities),
        *(dispersed_cases(city, draws) for city in cities[:1]),
    )
    for case in cases:
        if chosen.only not in case.name:
            continue
        if chosen.list:
            sys.stdout.write(f"{case.name}\n")
            continue
        share = case.share()
        sys.stdout.write(json.dumps(asdict(share)) + "\n")
        sys.stdout.flush()
        wrong |= not share.holds()
    sys.exit(int(wrong))


if __name__ == "__main__":
    main()
