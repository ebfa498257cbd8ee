"""One region from start to finish: start, annealing, mending, restarts, the best of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gridmap.partition._anneal import Schedule, anneal
from gridmap.partition._arrays import (
    Instance,
    Ints,
    Solved,
    State,
    excess_of,
    exchanged,
    make_state,
    move_centres,
    rate_plan,
    with_own_centres,
)
from gridmap.partition._effort import Clock, Effort, ReportProgress, part_of, silent
from gridmap.partition._moves import is_plain
from gridmap.partition._start import grow, join_pieces, separate_pairs, spread, start_plan
from gridmap.partition._territories import (
    combine_plans,
    polish_territories,
    polish_windows,
    run_threads,
    window_visits,
)
from gridmap.partition._transport import mend_balance

_MORE_STARTS = 12  # times as many, at most
_FAR = 20_000  # from here on workload that is off by a district does not come back
_CENTRE_MOVES = 600  # times that centres follow their beats during one annealing
_GROWN = 3_000  # up to here every second start grows from random seeds, for other centres
_VISIT_S = 1.6e-8  # seconds a look at one grid takes, for sharing out the time only
_HURRY = 6_000
_WIDER = 0.0014  # in tolerances of 3 %: what windows may use beyond the bounds of annealing
_MENDING = 64  # windows, at least, to bring beats inside their bounds
_MENDING_GRIDS = 50_000  # mending so many takes a tenth of ten seconds
_WINDOWED = 0.96  # of what is left of the time; a last mending has the rest
_LINE = 0.35  # of the windows for each of two lines of plans; what they combine to has the rest
_CALM = 0.7  # of the patience is used up when two lines are combined
_SHARE_HOT = 0.7  # of the progress of one annealing; mending it has the rest


def solve_region(
    instance: Instance,
    *,
    effort: Effort,
    schedule: Schedule,
    seed: int,
    clock: Clock,
    keep: float = np.inf,
    start: Ints | None = None,
    threads: int = 1,
    report: ReportProgress = silent,
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
    threads
        How many share the work. They do not change the plan unless time is limited.
    report
        Called with the share done, 0 to 1.
    """
    n = len(instance.xy)
    if instance.k == 1:
        beat = np.zeros(n, dtype=np.int32)
        return rate_plan(instance, beat, keep, 0)
    sweeps = effort.sweeps(n)
    # A small region takes more starts, with as many looks in all.
    starts = int(min(_MORE_STARTS, max(1.0, effort.visits / (sweeps * n))) * effort.starts)
    starts = starts if n < _FAR else min(starts, 2)
    whole = clock
    if np.isfinite(clock.left()):
        clock = clock.part(clock.left() * annealing_share(n, clock.left() / (n * _VISIT_S)))
    left, visit_s = clock.left(), _VISIT_S * (6 if weighs_travel(instance) else 1)
    if np.isfinite(left):
        starts = int(max(1, min(starts, threads * (left // (sweeps * n * visit_s)))))
    # What annealing has of the progress: of all looks, or of the time where that is short.
    hot = starts / (starts + effort.windows)
    if np.isfinite(left) and left / visit_s < (starts + effort.windows) * sweeps * n:
        hot = left / max(whole.left(), left)
    tight = min(1.0, _tolerance(instance) / 0.03)
    plan = replace(schedule.for_tolerance(tight, far=min(1.0, n / _FAR)), sweeps=sweeps)
    best = None if start is None else rate_plan(instance, start, keep, 0)
    if best is not None and best.holds and _is_today(instance, best.beat):
        return best  # no less can change
    jobs = [_start_job(instance, start, plan, seed, i, keep) for i in range(starts)]
    runs = run_threads(jobs, clock=clock, threads=threads, report=part_of(report, 0.0, hot))
    runs.sort(key=lambda run: run[0].rank)
    windows = effort.windows * sweeps * n / window_visits(instance)
    eased = widened(instance)
    polish = partial(polish_territories, eased, plan=plan, seed=seed, threads=threads, keep=keep)
    found, raw = runs[0]
    shown = part_of(report, hot, 1.0 - hot)
    # Mending costs border that windows win back less of than they mend by themselves.
    best, beat = (found, raw) if best is None or found.better_than(best) else (best, best.beat)
    rest, calm = 1.0, (0.0, 1.0)
    if len(runs) > 1 and n < _FAR and is_plain(instance.attraction) and not np.isfinite(keep):
        # Two lines of plans are polished apart, then combined: results vary less with the seed.
        lines = [line for _, line in runs[:2]]
        for i in range(2):
            part = whole.part(_LINE * whole.left() / (1.0 - _LINE * i))
            own = part_of(shown, _LINE * i, _LINE)
            lines[i] = polish(lines[i], windows=_LINE * windows, clock=part, report=own)
        lines.sort(key=lambda line: rate_plan(eased, line, keep, 0).rank)
        beat = combine_plans(eased, lines[0], lines[1], plan, seed=seed, clock=whole)
        rest, calm = 1.0 - 2 * _LINE, (_CALM, 1.0)
        shown = part_of(shown, 2 * _LINE, rest)
    part = whole.part(_WINDOWED * whole.left())
    beat = polish(beat, windows=rest * windows, clock=part, calm=calm, report=shown)
    # Windows see a few beats only; what is left over there may have room further off.
    mended = _mended(eased, beat, plan, seed, whole, keep)
    polished = rate_plan(instance, mended, keep, plan.sweeps)
    return exchanged(instance, polished if polished.better_than(best) else best, keep)


def _is_today(instance: Instance, beat: Ints) -> bool:
    """Return whether change has a price, and nothing changes."""
    home, price = instance.attraction.home, instance.attraction.price
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


def weighs_travel(instance: Instance) -> bool:
    """Return whether distance to centres counts."""
    return bool(instance.attraction.demand.any())


def _tolerance(instance: Instance) -> float:
    """Return the tightest half width of the bounds as a share of the middle."""
    lo, hi = instance.loads.lo, instance.loads.hi
    known = np.isfinite(lo) & np.isfinite(hi) & (hi > lo)
    half = (hi - lo)[known] / np.maximum((hi + lo)[known], 1e-12)
    return float(half.min()) if half.size else 1.0


def _start_job(
    instance: Instance,
    start: Ints | None,
    plan: Schedule,
    seed: int,
    number: int,
    keep: float,
) -> Callable[[Clock, ReportProgress], tuple[Solved, Ints]]:
    """Return a job that anneals from a start of its own."""

    def run(clock: Clock, report: ReportProgress) -> tuple[Solved, Ints]:
        rng = np.random.default_rng([seed, number])
        own, first = with_own_centres(instance), start
        if first is None and number % 2 and len(own.xy) <= _GROWN and weighs_travel(own):
            first = grow(own, np.ones(own.k), rng)
        elif first is None:
            first = start_plan(own, rng, turn=0.7 * number)
        run_seed = seed * 1009 + number
        return _one_run(own, first, plan, run_seed, clock, keep, report)

    return run


def _one_run(
    instance: Instance,
    first: Ints,
    plan: Schedule,
    seed: int,
    clock: Clock,
    keep: float,
    report: ReportProgress,
) -> tuple[Solved, Ints]:
    """Return the plan after one annealing and mending, and the plan before mending."""
    attraction = instance.attraction
    held = np.zeros(instance.k, dtype=np.bool_)
    held[attraction.pin[attraction.pin >= 0]] = True
    travels = bool(attraction.demand.any())

    def after_chunk(share: float, state: State) -> None:
        if travels:
            move_centres(attraction, state.beat, instance.k, held)
        report(_SHARE_HOT * share)

    if travels:
        move_centres(attraction, first, instance.k, held)
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
    mended = _mended(instance, state.beat, plan, seed, clock, keep)
    runs = [rate_plan(instance, beat, keep, plan.sweeps) for beat in (state.beat, mended)]
    return min(runs, key=lambda run: run.rank), state.beat


def _mended(
    instance: Instance,
    beat: Ints,
    plan: Schedule,
    seed: int,
    clock: Clock,
    keep: float,
) -> Ints:
    """Pass surplus on where beats are outside their bounds, then win back border, cold."""
    if excess_of(instance, make_state(instance, beat, 0, keep)) <= 0:
        return beat
    part = clock.part(clock.left() * 0.6) if np.isfinite(clock.left()) else clock
    share = plan.sweeps * len(beat) / window_visits(instance) / 4
    beat = polish_windows(
        instance,
        beat,
        plan,
        max(_MENDING, share),
        seed=seed,
        clock=part,
        keep=keep,
        mend=True,
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
    pinned = instance.attraction.pin >= 0
    plan[pinned] = instance.attraction.pin[pinned]
    plan = separate_pairs(instance, spread(graph, plan))
    weight = instance.loads.w[:, 0] + 1e-6 * max(1e-300, float(instance.loads.w[:, 0].mean()))
    weight = weight + pinned * weight.sum()
    return join_pieces(graph, plan, weight, k, pinned)
