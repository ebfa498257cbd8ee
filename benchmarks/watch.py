"""Watch on quiet and on disturbed years: alerts a year beside what is promised, and delay.

Run ``python -m benchmarks.watch`` (``--years`` quiet years, ``--planted`` disturbed ones; 200 of
each take about five minutes of a processor). The made-up cities are those of
`benchmarks.simulate`, which has the same claims for single looks; here days are looked at one
after the other, as a department would. Every case prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from benchmarks.simulate import WATCH_DAYS, look, negative_binomial, plant, quiet_days
from gridmap.measure import control_chart

_PROMISES = (30, 90, 365)  # days from one false alert to the next
_LENGTH = 5  # days of a planted cluster
_WEEKS = 52


def quiet_year(seed: int, days: int) -> list[float]:
    """Return the p-value of each day of a quiet year."""
    rng = np.random.default_rng([seed, 1])
    incidents = quiet_days(rng, WATCH_DAYS + days)
    return [look(rng, incidents, WATCH_DAYS + at) for at in range(days)]


def planted(seed: int, size: int) -> list[float]:
    """Return the p-values from the first day of a planted cluster to its fifth day and five on."""
    rng = np.random.default_rng([seed, 2])
    incidents = quiet_days(rng, WATCH_DAYS + 2 * _LENGTH)
    incidents = plant(rng, incidents, size, range(WATCH_DAYS, WATCH_DAYS + _LENGTH))
    return [look(rng, incidents, WATCH_DAYS + at) for at in range(2 * _LENGTH)]


def quiet_cases(years: int, days: int) -> list[dict[str, object]]:
    """Return the alerts a year that quiet years bring, beside the promise."""
    began = time.process_time()
    p_values = np.array([quiet_year(seed, days) for seed in range(years)])
    spent = round(time.process_time() - began, 1)
    cases: list[dict[str, object]] = []
    for promise in _PROMISES:
        alerts = (p_values <= 1.0 / promise).sum(axis=1) * 365.0 / days
        error = float(alerts.std(ddof=1) / np.sqrt(years)) if years > 1 else None
        cases.append(
            {
                "case": f"quiet years, one alert in {promise} days", "years": years,
                "a_year": round(float(alerts.mean()), 2), "promised": round(365 / promise, 2),
                "standard_error": error and round(error, 2), "cpu_s": spent,
            }
        )  # fmt: skip
    return cases


def planted_cases(draws: int, size: int) -> list[dict[str, object]]:
    """Return how often a planted cluster is found, and on which of its days (median)."""
    p_values = np.array([planted(seed, size) for seed in range(draws)])
    cases: list[dict[str, object]] = []
    for promise in _PROMISES:
        alert = p_values <= 1.0 / promise
        days = np.where(alert.any(axis=1), alert.argmax(axis=1) + 1, np.inf)
        cases.append(
            {
                "case": f"{size} more in {_LENGTH} days at 4 grids, one alert in {promise} days",
                "of": draws,
                "found_in_5_days": round(float((days <= _LENGTH).mean()), 3),
                "found_in_10_days": round(float(np.isfinite(days).mean()), 3),
                "median_day": float(np.median(days)) if np.isfinite(np.median(days)) else None,
            }
        )  # fmt: skip
    return cases


def chart_cases(draws: int) -> list[dict[str, object]]:
    """Return the signals a year of charts, one promised, and the week that finds a rise."""
    cases: list[dict[str, object]] = []
    rng = np.random.default_rng(3)
    for mean, dispersion in ((2.0, 1.0), (20.0, 2.0), (100.0, 3.0)):
        level = np.full((10 * draws, 2 * _WEEKS), mean)
        quiet = control_chart(negative_binomial(rng, level, dispersion), recurrence_weeks=_WEEKS)
        level[:, _WEEKS:] *= 1.5
        risen = control_chart(negative_binomial(rng, level, dispersion), recurrence_weeks=_WEEKS)
        seen = risen.signals > 0
        weeks = np.where(seen.any(axis=1), seen.argmax(axis=1) + 1.0, np.inf)
        cases.append(
            {
                "case": f"chart of {mean:g} a week, variance/mean {dispersion:g}",
                "rows": len(level), "promised": 1.0,
                "a_year": round(float((quiet.signals != 0).sum(axis=1).mean()), 2),
                "half_as_many_again_found_in_week": float(np.median(weeks)),
            }
        )  # fmt: skip
    return cases


def main() -> None:
    """Print one JSON line a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--days", type=int, default=365, help="days of a year that are looked at")
    parser.add_argument("--planted", type=int, default=200)
    given = parser.parse_args()
    cases = chart_cases(given.planted)
    for size in (8, 12, 20):
        cases += planted_cases(given.planted, size)
    for case in cases + quiet_cases(given.years, given.days):
        print(json.dumps(case), flush=True)


if __name__ == "__main__":
    main()
