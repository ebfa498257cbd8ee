"""Watch on quiet and on disturbed years: alerts a year beside what is promised, and delay.

Run ``python -m benchmarks.watch`` (``--years`` quiet years, ``--planted`` disturbed ones; a year
takes a minute and a half of a processor). Counts of a quiet year follow places, weekdays and
season and nothing else; days are looked at one after the other, as a department would. Every
case prints one JSON line. ``benchmarks.simulate`` has the same claims for single looks.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
import numpy.typing as npt

from gridmap.measure.watch import scan_space_time

Ints = npt.NDArray[np.int64]

_SIDE = 12  # grids on a side
_DAILY = 10.0  # incidents of a day
_HISTORY = 90
_WEEK = np.array([1.0, 1.0, 1.0, 1.0, 1.2, 1.4, 1.3])
_PROMISE = 30.0  # days from one false alert to the next


def places() -> npt.NDArray[np.float64]:
    """Return the middles of the grids, metres."""
    axis = np.arange(_SIDE) * 500.0
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def quiet_days(rng: np.random.Generator, days: int) -> tuple[Ints, Ints]:
    """Return place and day of incidents of days in which nothing is unusual."""
    level = rng.gamma(1.0, 1.0, _SIDE * _SIDE)
    season = 1.0 + 0.3 * np.sin(2 * np.pi * np.arange(days) / 365.0)
    counts = rng.poisson(_DAILY * season * np.resize(_WEEK / _WEEK.mean(), days))
    day = np.repeat(np.arange(days), counts)
    return rng.choice(len(level), len(day), p=level / level.sum()), day


def look(place: Ints, day: Ints, until: int, seed: int) -> bool:
    """Return whether a look at the end of a day gives an alert."""
    found = scan_space_time(
        place, day, places(), until=until, history_days=_HISTORY, draws=999, exceedances=10,
        seed=seed,
    )  # fmt: skip
    return bool(found) and found[0].p_value <= 1.0 / _PROMISE


def quiet_year(seed: int, days: int) -> int:
    """Return the alerts of a quiet year, looked at every day."""
    rng = np.random.default_rng([seed, 1])
    place, day = quiet_days(rng, _HISTORY + days)
    return sum(look(place, day, _HISTORY + at, seed + at) for at in range(days))


def planted(seed: int, size: int, length: int) -> int:
    """Return the days from the beginning of a planted cluster to its alert; -1 for none.

    The cluster has ``size`` incidents more at four neighbouring grids within ``length`` days.
    """
    rng = np.random.default_rng([seed, 2])
    place, day = quiet_days(rng, _HISTORY + 2 * length)
    xy = places()
    near = np.argsort(np.hypot(*(xy - xy[rng.integers(len(xy))]).T), kind="stable")[:4]
    place = np.append(place, rng.choice(near, size))
    day = np.append(day, _HISTORY + rng.integers(0, length, size))
    for at in range(2 * length):
        if look(place, day, _HISTORY + at, seed):
            return at + 1
    return -1


def main() -> None:
    """Print one JSON line a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=1)
    parser.add_argument("--days", type=int, default=365, help="days of a year that are looked at")
    parser.add_argument("--planted", type=int, default=20)
    given = parser.parse_args()
    began = time.process_time()
    alerts = [quiet_year(seed, given.days) for seed in range(given.years)]
    looks = given.years * given.days
    print(
        json.dumps(
            {
                "case": "quiet years", "looks": looks, "alerts": sum(alerts),
                "a_year": round(365.0 * sum(alerts) / max(looks, 1), 2),
                "promised_a_year": round(365.0 / _PROMISE, 2),
                "cpu_s": round(time.process_time() - began, 1),
            }
        ),
        flush=True,
    )  # fmt: skip
    for size in (8, 12, 20):
        delays = np.array([planted(seed, size, 5) for seed in range(given.planted)])
        found = delays[delays > 0]
        print(
            json.dumps(
                {
                    "case": f"planted: {size} more in 5 days at 4 grids", "of": len(delays),
                    "found": len(found),
                    "median_delay_days": float(np.median(found)) if len(found) else None,
                }
            ),
            flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
