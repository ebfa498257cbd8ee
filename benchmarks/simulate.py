"""False alarms and power of the statistics, on made-up cities.

``python -m benchmarks.simulate`` prints a JSON line for each case: ``case, draws, share`` (of
draws with any finding), and ``limit`` where the share must not lie above it. The tests run the
same cases with fewer draws.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from math import sqrt

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridmap.measure import (
    CountedPeriods,
    WeeklyCounts,
    compared_periods,
    judge_changes,
    parse_period,
)

__all__ = ["ALPHA", "Share", "change_cases", "main"]

ALPHA = 0.05
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


def run(
    case: str,
    draws: int,
    found: Callable[[np.random.Generator], bool],
    *,
    limit: float | None = ALPHA,
) -> Share:
    """Draw a case so often, each draw from a seed of its own."""
    seed = sum(map(ord, case))
    hits = sum(found(np.random.default_rng([seed, draw])) for draw in range(draws))
    return Share(case, draws, hits / draws, limit)


def negative_binomial(rng: np.random.Generator, mean: _Floats, dispersion: float) -> _Ints:
    """Return counts whose variance is ``dispersion`` times their mean."""
    if dispersion == 1:
        return rng.poisson(mean)
    return rng.negative_binomial(mean / (dispersion - 1.0), 1.0 / dispersion)


def change_cases(draws: int) -> Iterator[Share]:
    """Yield how often reports of 77 areas, 25 stations and the city carry a verdict."""
    for dispersion in (1, 2, 3):

        def any_verdict(rng: np.random.Generator, dispersion: float = dispersion) -> bool:
            found = _report(rng, dispersion)
            return any(
                table[name].any()
                for table in found.values()
                for name in ("beyond_chance", "unlike_city")
            )

        yield run(f"change: nothing changed, variance/mean {dispersion}", draws, any_verdict)

    def any_assumed(rng: np.random.Generator) -> bool:
        found = _report(rng, 2, known=False)
        return any(table["beyond_chance"].any() for table in found.values())

    yield run("change: the same at 2, Poisson assumed", draws, any_assumed, limit=None)
    for growth in (1.5, 2.0):

        def is_seen(rng: np.random.Generator, growth: float = growth) -> bool:
            return bool(_report(rng, 2, growth=growth)["area"]["beyond_chance"].iloc[60])

        name = f"change: one area of 500 a month x {growth}, variance/mean 2, found"
        yield run(name, draws, is_seen, limit=None)


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


def main() -> None:
    """Print a JSON line for each case; end with 1 where a share is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=200)
    draws = parser.parse_args().draws
    wrong = False
    for share in change_cases(draws):
        sys.stdout.write(json.dumps(asdict(share)) + "\n")
        sys.stdout.flush()
        wrong |= not share.holds()
    sys.exit(int(wrong))


if __name__ == "__main__":
    main()
