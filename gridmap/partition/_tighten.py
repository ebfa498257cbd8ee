"""Balance for its own sake: bounds are halved again and again as long as a plan fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gridmap.partition._anneal import Schedule, anneal
from gridmap.partition._arrays import Floats, Instance, Ints, State
from gridmap.partition._balance import mend_balance
from gridmap.partition._clock import Clock
from gridmap.partition._progress import Tell, part_of, silent
from gridmap.partition._state import leaving, make_state, pairs_together
from gridmap.partition._windows import polish_windows, window_visits

__all__ = ["narrowed", "tighten_balance", "worst_deviation"]

_ROUNDS = 8
_FAILURES = 2


def worst_deviation(instance: Instance, beat: Ints) -> float:
    """Return the worst deviation from the middle of the bounds, as a share of it."""
    middle = _middle(instance)
    worst = 0.0
    for c in range(middle.shape[1]):
        total = np.bincount(beat, weights=instance.loads.w[:, c], minlength=instance.k)
        worst = max(worst, float(np.abs(total / middle[:, c] - 1).max()))
    return worst


def _middle(instance: Instance) -> Floats:
    """Return the middle of each beat's bounds; without lower ones, what it is to carry."""
    low, high = instance.loads.lo, instance.loads.hi
    share = high / np.maximum(high.sum(axis=0), 1e-300) * instance.loads.w.sum(axis=0)
    return np.where(np.isfinite(low), (low + high) / 2, share)


def narrowed(instance: Instance, part: float) -> Instance:
    """Return the instance with bounds of a part of their width, around the same middle."""
    middle = _middle(instance)
    half = (instance.loads.hi - middle) * part
    loads = instance.loads._replace(
        lo=middle - half, hi=middle + half, scale=instance.loads.scale / part
    )
    return instance._replace(loads=loads)


def _telling(tell: Tell) -> Callable[[float, State], None]:
    return lambda share, _state: tell(share)


def tighten_balance(
    instance: Instance,
    beat: Ints,
    schedule: Schedule,
    *,
    seed: int,
    clock: Clock,
    keep: float = np.inf,
    tell: Tell = silent,
) -> Ints:
    """Return a plan at least as well balanced, found by a series of narrower bounds.

    Each round anneals mildly from the last plan with bounds of half its worst deviation;
    what it reaches is kept if it is better balanced. Two rounds without gain end it.

    Parameters
    ----------
    schedule
        Its sweeps are shared out among the rounds.
    tell
        Called with the share done, as if every round were needed.
    """
    middle = _middle(instance)
    if instance.k < 2 or not (middle > 0).all():  # nothing to balance
        return beat
    best, off = beat, worst_deviation(instance, beat)
    broken = _broken(instance, beat, keep)
    mild = replace(
        schedule,
        sweeps=max(50, schedule.sweeps // 4),
        hot=0.3,
        cold=0.08,
        loose=5_000.0,
        round_hot=0.0,
        round_cold=0.0,
        resplit=0.02,
        opening=0.0,
    )
    failures = 0
    windows = mild.sweeps * len(beat) / window_visits(instance)
    for turn in range(_ROUNDS):
        if off <= 1e-9 or failures >= _FAILURES or clock.stopped():
            break
        goal = off * (0.5 if failures == 0 else 0.8)
        loads = instance.loads._replace(
            lo=middle * (1 - goal), hi=middle * (1 + goal), scale=0.03 / goal / middle
        )
        narrow = instance._replace(loads=loads, slack=0.0)
        part = clock.part(clock.left() / min(3, _ROUNDS - turn))
        own = part_of(tell, turn / _ROUNDS, 1.0 / _ROUNDS)
        warm, after = part_of(own, 0.0, 0.5), part_of(own, 0.5, 0.5)
        inner = part.part(part.left() * 0.6)
        state = anneal(
            narrow,
            best,
            mild,
            seed=seed + turn,
            clock=inner,
            keep=keep,
            on_chunk=_telling(warm),
        )
        mended = mend_balance(
            narrow, state.beat, seed=seed + turn, keep=keep, stopped=inner.stopped
        )
        mended = polish_windows(
            narrow,
            mended,
            mild,
            windows,
            seed=seed + turn,
            clock=part,
            keep=keep,
            tell=after,
        )
        found, worse = worst_deviation(instance, mended), _broken(instance, mended, keep)
        better = worse < broken or (worse == broken and found < off)
        failures = 0 if worse < broken or (better and found < off * 0.98) else failures + 1
        if better:
            best, off, broken = mended, found, worse
    return best


def _broken(instance: Instance, beat: Ints, keep: float) -> tuple[int, float]:
    """Return what a plan does not hold of promises that come before balance."""
    state = make_state(instance, beat, 0, keep)
    return pairs_together(instance, beat), round(leaving(state), 9)
