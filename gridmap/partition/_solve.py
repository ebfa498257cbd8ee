"""One region from start to finish: start, annealing, mending, restarts, the best of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gridmap.partition._anneal import Schedule, anneal
from gridmap.partition._arrays import Instance, Ints, State
from gridmap.partition._balance import mend_balance
from gridmap.partition._centres import move_centres
from gridmap.partition._clock import Clock
from gridmap.partition._effort import Effort
from gridmap.partition._progress import Tell, part_of, silent
from gridmap.partition._rating import Solved, exchanged, pinned, rate_plan
from gridmap.partition._small import is_small, search_small
from gridmap.partition._start import grow, join_pieces, part_foes, spread, start_plan
from gridmap.partition._state import excess_of, make_state
from gridmap.partition._tighten import narrowed, tighten_balance
from gridmap.partition._windows import polish_windows, window_visits

__all__ = ["solve_region"]

_FREE_SHAPES = 2_000  # up to here borders alone keep beats in shape, and the whole in balance
_FAR = 20_000  # from here on workload that is off by a district does not come back
_CENTRE_MOVES = 600  # times that centres follow their beats during one annealing
_GROWN = 3_000  # up to here every second start grows from random seeds, for other centres
_VISIT_S = 1.6e-8  # seconds a look at one grid takes, for sharing out the time only
_HURRY = 6_000
_WIDER = 0.0014  # in tolerances of 3 %: what windows may use beyond the bounds of annealing
_MENDING = 64  # windows, at least, to bring beats inside their bounds
_MENDING_GRIDS = 50_000  # mending so many takes a tenth of ten seconds
_WINDOWED = 0.96  # of what is left of the time; a last mending has the rest
_TOLD_LOOSE = 0.6  # of the progress of a search that narrows its bounds afterwards
_TOLD_SEARCH = 0.9  # of the progress of a small search, should it find nothing
_TOLD_HOT = 0.7  # of the progress of one annealing; mending it has the rest


def solve_region(
    instance: Instance,
    *,
    effort: Effort,
    schedule: Schedule,
    seed: int,
    clock: Clock,
    keep: float = np.inf,
    start: Ints | None = None,
    tighten: bool = False,
    tell: Tell = silent,
) -> Solved:
    """Return the best plan of several annealings.

    Parameters
    ----------
    effort, schedule
        How long and how hot; the schedule's number of sweeps is set from the effort.
    keep
        Workload that may leave its present beat.
    start
        A plan to begin from, every beat in one piece; what is returned is no worse.
    tighten
        Then narrow the bounds as far as plans are found.
    tell
        Called with the share done, 0 to 1.
    """
    if tighten and instance.k > 1:
        found = solve_region(
            narrowed(instance, 0.4),
            effort=effort,
            schedule=schedule,
            seed=seed,
            clock=clock.part(clock.left() * 0.6),
            keep=keep,
            start=start,
            tell=part_of(tell, 0.0, _TOLD_LOOSE),
        )
        plan = replace(schedule, sweeps=effort.sweeps(len(instance.xy)))
        beat = tighten_balance(
            instance,
            found.beat,
            plan,
            seed=seed,
            clock=clock,
            keep=keep,
            tell=part_of(tell, _TOLD_LOOSE, 1.0 - _TOLD_LOOSE),
        )
        return exchanged(instance, rate_plan(instance, beat, keep, plan.sweeps), keep)
    n = len(instance.xy)
    if instance.k == 1:
        beat = np.zeros(n, dtype=np.int32)
        return rate_plan(instance, beat, keep, 0)
    if start is None and effort.searches and is_small(instance):
        return _search(instance, effort, schedule, seed, clock, tell)
    sweeps = effort.sweeps(n)
    starts = effort.starts if n < _FAR else 1  # one long annealing beats several short ones
    whole = clock
    if np.isfinite(clock.left()):
        clock = clock.part(clock.left() * annealing_share(n, clock.left() / (n * _VISIT_S)))
    left, visit_s = clock.left(), _VISIT_S * (6 if pulls_travel(instance) else 1)
    if np.isfinite(left):
        starts = int(max(1, min(starts, left / (sweeps * n * visit_s))))
    # What annealing has of the progress: of all looks, or of the time where that is short.
    hot = starts / (starts + effort.windows)
    if np.isfinite(left) and left / visit_s < (starts + effort.windows) * sweeps * n:
        hot = left / max(whole.left(), left)
    tight = min(1.0, _tolerance(instance) / 0.03)
    plan = replace(schedule.for_tolerance(tight, far=min(1.0, n / _FAR)), sweeps=sweeps)
    if n <= _FREE_SHAPES:
        plan = replace(plan, opening=0.0)
        if plan.round_hot > 0:
            plan = replace(plan, round_hot=0.0, hot=min(plan.hot, 0.7))
    best = None if start is None else rate_plan(instance, start, keep, 0)
    if best is not None and best.holds and _is_today(instance, best.beat):
        return best  # no less can change
    for i in range(starts):
        if i and clock.stopped():
            break
        rng = np.random.default_rng([seed, i])
        first = start
        if first is None and i % 2 and n <= _GROWN and pulls_travel(instance):
            first = grow(instance, np.ones(instance.k), rng)
        elif first is None:
            first = start_plan(instance, rng, turn=0.7 * i)
        own = clock.part(clock.left() / (starts - i)) if np.isfinite(left) else clock
        told = part_of(tell, hot * i / starts, hot / starts)
        best = _one_run(instance, first, plan, seed * 1009 + i, own, keep, best, told)
    assert best is not None  # noqa: S101 - starts is at least one; for the type checker
    windows = effort.windows * sweeps * n / window_visits(instance)
    eased = widened(instance)
    beat = polish_windows(
        eased,
        best.beat,
        plan,
        windows,
        seed=seed,
        clock=whole.part(_WINDOWED * whole.left()),
        keep=keep,
        tell=part_of(tell, hot, 1.0 - hot),
    )
    # Windows see a few beats only; what is left over there may have room further off.
    mended = mend_balance(eased, beat, seed=seed, keep=keep, stopped=whole.stopped)
    polished = rate_plan(instance, beat, keep, plan.sweeps)
    further = rate_plan(instance, mended, keep, plan.sweeps)
    polished = further if further.better_than(polished) else polished
    return exchanged(instance, polished if polished.better_than(best) else best, keep)


def _is_today(instance: Instance, beat: Ints) -> bool:
    """Return whether change has a price, and nothing changes."""
    home, price = instance.pulls.home, instance.pulls.price
    return bool(price.any()) and not (price[(home >= 0) & (home != beat)] > 0).any()


def annealing_share(grids: int, sweeps: float) -> float:
    """Return the part of the time for annealing; windows have the rest.

    Large plans, and plans in a hurry, gain more by cooling everything slowly.

    Parameters
    ----------
    sweeps
        How many the time is enough for.
    """
    if sweeps < _HURRY:
        return 0.85
    return 0.3 + 0.55 * min(1.0, grids / 20_000)


def widened(instance: Instance) -> Instance:
    """Return the instance with its bounds wider, at most at the very tolerance but a hair."""
    loads = instance.loads
    more = min(0.98 * instance.slack, _WIDER)
    loads = loads._replace(lo=loads.lo - more / loads.scale, hi=loads.hi + more / loads.scale)
    return instance._replace(loads=loads, slack=instance.slack - more)


def pulls_travel(instance: Instance) -> bool:
    """Return whether distance to centres counts."""
    return bool(instance.pulls.demand.any())


def _tolerance(instance: Instance) -> float:
    """Return the tightest half width of the bounds as a share of the middle."""
    lo, hi = instance.loads.lo, instance.loads.hi
    known = np.isfinite(lo) & np.isfinite(hi) & (hi > lo)
    half = (hi - lo)[known] / np.maximum((hi + lo)[known], 1e-12)
    return float(half.min()) if half.size else 1.0


def _search(
    instance: Instance,
    effort: Effort,
    schedule: Schedule,
    seed: int,
    clock: Clock,
    tell: Tell,
) -> Solved:
    """Search a small region; fall back on plain annealing where no plan is inside bounds."""
    part = clock.part(clock.left() * 0.9)
    searched = part_of(tell, 0.0, _TOLD_SEARCH)
    _, beat, proven = search_small(
        instance, starts=effort.searches, seed=seed, clock=part, on_progress=searched
    )
    if beat is not None:
        return replace(rate_plan(instance, pinned(instance, beat), np.inf, 0), proven=proven)
    plain = replace(effort, searches=0)
    rest = part_of(tell, _TOLD_SEARCH, 1.0 - _TOLD_SEARCH)
    return solve_region(
        instance, effort=plain, schedule=schedule, seed=seed, clock=clock, tell=rest
    )


def _one_run(
    instance: Instance,
    first: Ints,
    plan: Schedule,
    seed: int,
    clock: Clock,
    keep: float,
    best: Solved | None,
    tell: Tell,
) -> Solved:
    pulls = instance.pulls
    held = np.zeros(instance.k, dtype=np.bool_)
    held[pulls.pin[pulls.pin >= 0]] = True
    travels = bool(pulls.demand.any())

    def after_chunk(share: float, state: State) -> None:
        if travels:
            move_centres(pulls, state.beat, instance.k, held)
        tell(_TOLD_HOT * share)

    if travels:
        move_centres(pulls, first, instance.k, held)
    # The less time and the more grids, the larger the part of it that mending needs.
    size = min(len(first) / _MENDING_GRIDS, 1.0)
    tail = 0.97 - 0.08 * size - 0.30 / (0.5 + clock.left()) if np.isfinite(clock.left()) else 1.0
    inner = clock.part(clock.left() * tail)
    state = anneal(
        instance,
        first,
        plan,
        seed=seed,
        clock=inner,
        keep=keep,
        on_chunk=after_chunk,
        chunks=_CENTRE_MOVES if travels else 60,
    )
    rest = part_of(tell, _TOLD_HOT, 1.0 - _TOLD_HOT)
    mended = _mended(instance, state, plan, seed, clock, keep, rest)
    for beat in (state.beat, mended):
        found = rate_plan(instance, beat, keep, plan.sweeps)
        if found.better_than(best):
            best = found
    assert best is not None  # noqa: S101 - the first of two beats none; for the type checker
    return best


def _mended(
    instance: Instance,
    state: State,
    plan: Schedule,
    seed: int,
    clock: Clock,
    keep: float,
    tell: Tell,
) -> Ints:
    """Pass surplus on where beats are outside their bounds, then win back border, cold."""
    if excess_of(instance, state) <= 0:
        return state.beat
    part = clock.part(clock.left() * 0.6) if np.isfinite(clock.left()) else clock
    share = plan.sweeps * len(state.beat) / window_visits(instance) / 4
    beat = polish_windows(
        instance,
        state.beat,
        plan,
        max(_MENDING, share),
        seed=seed,
        clock=part,
        keep=keep,
        mend=True,
        tell=tell,
    )
    beat = mend_balance(instance, beat, seed=seed, keep=keep, stopped=clock.stopped)
    after = anneal(instance, beat, plan.quenched(), seed=seed + 1, clock=clock, keep=keep)
    if excess_of(instance, after) <= excess_of(instance, make_state(instance, beat, 0, keep)):
        return after.beat
    return beat


def tidy_start(instance: Instance, beat: NDArray[np.integer]) -> Ints:
    """Return a given plan made whole: every node in a beat, every beat one piece.

    Nodes without a beat (-1) join a neighbour; of a broken beat the heaviest piece stays.
    """
    graph, k = instance.graph, instance.k
    plan = np.array(beat, dtype=np.int32)
    pinned = instance.pulls.pin >= 0
    plan[pinned] = instance.pulls.pin[pinned]
    plan = part_foes(instance, spread(graph, plan))
    weight = instance.loads.w[:, 0] + 1e-6 * max(1e-300, float(instance.loads.w[:, 0].mean()))
    weight = weight + pinned * weight.sum()
    return join_pieces(graph, plan, weight, k, pinned)
