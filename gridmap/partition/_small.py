"""Small regions: many searches, a pool of feasible beats, exact covers, and sometimes proof."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gridmap.partition._anneal import Schedule
from gridmap.partition._arrays import Instance, Ints
from gridmap.partition._clock import Clock
from gridmap.partition._columns import best_cover, gather_columns, make_pool
from gridmap.partition._enumerate import LARGEST, enumerate_columns
from gridmap.partition._start import start_plan

__all__ = ["is_small", "search_small"]

_GRIDS = 300  # regions up to here are searched this way
_WIDE, _WIDE_GRIDS = 60, 3_000  # and up to here, if beats have that many grids each
_VISITS = 1.5e6  # looks at a grid in one search
_COVER_S = 10.0


def is_small(instance: Instance) -> bool:
    """Return whether `search_small` applies: few grids, and only borders and balance count."""
    pulls = instance.pulls
    if pulls.demand.any() or (pulls.home >= 0).any():
        return False
    n = len(instance.xy)
    if _is_locked(instance):  # listed and picked, but not searched for
        return n <= LARGEST
    return n <= _GRIDS or (n <= _WIDE_GRIDS and n >= _WIDE * instance.k)


def _is_locked(instance: Instance) -> bool:
    """Return whether nodes are to be in certain beats, or apart."""
    return bool((instance.pulls.pin >= 0).any() or instance.pulls.foe.size)


def search_small(
    instance: Instance,
    *,
    starts: int,
    seed: int,
    clock: Clock,
    on_progress: Callable[[float], None] | None = None,
    good_enough: float = -np.inf,
) -> tuple[float, Ints | None, bool]:
    """Return the least border found in mean borders, its plan, and whether it is proven.

    Parameters
    ----------
    starts
        Searches; every third begins hot from a new plan, the others from the best so far.
        Each sixth is long: four times the sweeps.
    good_enough
        Stop when a plan with at most this border is found.
    """
    n = len(instance.xy)
    pool = make_pool(n, seed)
    best: float = np.inf
    plan: Ints | None = None
    if n <= LARGEST and enumerate_columns(instance, pool):
        found = best_cover(pool, instance.k, np.inf, clock.left())
        if found is None or found[2] or _is_locked(instance):
            return (np.inf, None, False) if found is None else found
        best, plan, _ = found
    if _is_locked(instance):
        return np.inf, None, False
    pool.used[0] = 0
    sweeps = int(max(500, min(20_000, _VISITS / n)))
    for i in range(starts):
        if clock.stopped() or best <= good_enough + 1e-9:
            break
        anew = plan is None or i % 3 == 0
        rng = np.random.default_rng([seed, i])
        first = start_plan(instance, rng, turn=0.7 * i) if anew or plan is None else plan
        schedule = Schedule(
            sweeps=sweeps * (4 if i % 6 == 3 else 1),
            hot=1.5 if anew else 0.6,
            loose=100.0,
            strict=5_000.0,
            resplit=0.2,
        )
        least, candidate = gather_columns(
            instance, pool, first, schedule, seed=seed * 1009 + i, clock=clock
        )
        if least < best - 1e-9:
            best, plan = least, candidate
        if i % 8 == 7 or i == starts - 1:
            cover = best_cover(pool, instance.k, best, min(_COVER_S, clock.left() / 3))
            if cover is not None and cover[0] < best - 1e-9:
                best, plan, _ = cover
        if on_progress is not None:
            on_progress((i + 1) / starts)
    return best, plan, False
