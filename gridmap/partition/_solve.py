"""Solving one region: start, annealing, mending of bounds, restarts; the best plan is kept."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gridmap.errors import InputError
from gridmap.partition._anneal import Schedule, anneal, annealing_quarters
from gridmap.partition._arrays import (
    Clock,
    Effort,
    Instance,
    ReportProgress,
    Solved,
    State,
    excess_of,
    exchanged,
    make_state,
    move_centres,
    part_of,
    rate_plan,
    silent,
    with_own_centres,
)
from gridmap.partition._quarters import run_threads
from gridmap.partition._start import grow, join_pieces, separate_pairs, spread, start_plan
from gridmap.partition._transport import mend_balance
from gridmap.partition._windows import polish_windows, window_visits
from gridmap.typing import Ints32

if TYPE_CHECKING:
    from distributed import Client


_MORE_STARTS = 12  # times as many, at most
_FAR = 20_000  # from here on workload that is off by a district does not come back
_CENTRE_MOVES = 600  # times that centres follow their beats during one annealing
_GROWN = 3_000  # up to here every second start grows from random seeds, for other centres
_VISIT_S = 1.6e-8  # seconds a look at one grid takes, for sharing out the time only
_SLOWLY = 3_000  # sweeps
_WIDER = 0.0014  # in tolerances of 3 %: what windows may use beyond the bounds of annealing
_MENDING = 64  # windows, at least, to bring beats inside their bounds
_LAST_MENDING = 0.025  # of the time
_POLISHED = 4  # plans at most, where the best of them stays outside its bounds


def solve_region(
    instance: Instance,
    *,
    effort: Effort,
    schedule: Schedule,
    seed: int,
    clock: Clock,
    keep: float = np.inf,
    start: Ints32 | None = None,
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
    windows = effort.windows * sweeps * n / window_visits(instance)
    quarters = annealing_quarters(instance, keep)
    if quarters > 1:  # all threads share one long annealing, which beats several short ones
        sweeps, starts = sweeps * starts, 1
    whole, last = clock, 0.0
    if np.isfinite(clock.left()):
        last = _LAST_MENDING * clock.left()
        clock = clock.part(clock.left() * annealing_share(clock.left() / (n * _VISIT_S)))
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
    inner = threads if quarters > 1 else 1
    jobs = [_start_job(instance, start, plan, seed, i, keep, inner) for i in range(starts)]
    runs = run_threads(
        jobs, clock=clock, threads=threads if inner == 1 else 1, report=part_of(report, 0.0, hot)
    )
    runs.sort(key=lambda run: run.rank)
    eased = widened(instance)
    firsts = [run.beat for run in runs[: _POLISHED if start is None else 1]]
    if best is None or runs[0].better_than(best):
        best = runs[0]
    else:
        firsts = [best.beat]
    for i, first in enumerate(firsts):
        part = whole.part(whole.left() - last)
        beat = polish_windows(
            eased,
            first,
            plan,
            windows,
            seed=seed,
            clock=part,
            threads=threads,
            keep=keep,
            report=part_of(report, hot + (1 - hot) * i / len(firsts), (1 - hot) / len(firsts)),
        )
        # Windows see a few beats only; what is left over there may have room further off.
        mended = _mended(eased, beat, plan, seed, whole, keep, threads)
        polished = rate_plan(instance, mended, keep, plan.sweeps)
        best = polished if polished.better_than(best) else best
        if best.holds or whole.stopped():
            break
    return exchanged(instance, best, keep)


def _is_today(instance: Instance, beat: Ints32) -> bool:
    """Return whether change has a price, and nothing changes."""
    home, price = instance.attraction.home, instance.attraction.price
    return bool(price.any()) and not (price[(home >= 0) & (home != beat)] > 0).any()


def annealing_share(sweeps: float) -> float:
    """Return the part of the time for annealing; windows have the rest.

    Windows mend what annealing left as long as the plan was cooled slowly enough; the more time
    there is, the smaller the part that this takes.

    Parameters
    ----------
    sweeps
        How many the time is enough for.
    """
    return float(np.clip(np.sqrt(_SLOWLY / max(sweeps, 1.0)), 0.45, 0.85))


def widened(instance: Instance) -> Instance:
    """Return the instance with wider bounds, at most just inside the tolerance."""
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
    start: Ints32 | None,
    plan: Schedule,
    seed: int,
    number: int,
    keep: float,
    threads: int,
) -> Callable[[Clock, ReportProgress], Solved]:
    """Return a job that anneals from a start of its own."""

    def run(clock: Clock, report: ReportProgress) -> Solved:
        rng = np.random.default_rng([seed, number])
        own, first = with_own_centres(instance), start
        attraction = own.attraction
        travels = weighs_travel(own)
        if first is None and number % 2 and len(own.xy) <= _GROWN and travels:
            first = grow(own, np.ones(own.k), rng)
        elif first is None:
            first = start_plan(own, rng, turn=0.7 * number)
        held = np.zeros(own.k, dtype=np.bool_)
        held[attraction.pin[attraction.pin >= 0]] = True

        def after_chunk(share: float, state: State) -> None:
            if travels:
                move_centres(attraction, state.beat, own.k, held)
            report(share)

        if travels:
            move_centres(attraction, first, own.k, held)
        state = anneal(
            own,
            first,
            plan,
            seed=seed * 1009 + number,
            clock=clock,
            keep=keep,
            on_chunk=after_chunk,
            chunks=_CENTRE_MOVES if travels else 60,
            threads=threads,
        )
        return rate_plan(own, state.beat, keep, plan.sweeps)

    return run


def _mended(
    instance: Instance,
    beat: Ints32,
    plan: Schedule,
    seed: int,
    clock: Clock,
    keep: float,
    threads: int,
) -> Ints32:
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
        threads=threads,
        mend=True,
    )
    beat = mend_balance(instance, beat, seed=seed, keep=keep, stopped=clock.stopped)
    after = anneal(
        instance, beat, plan.quenched(), seed=seed + 1, clock=clock, keep=keep, threads=threads
    )
    if excess_of(instance, after) <= excess_of(instance, make_state(instance, beat, 0, keep)):
        return after.beat
    return beat


def tidy_start(instance: Instance, beat: NDArray[np.integer]) -> Ints32:
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


# -- regions solved one after another, over processes, or over a Dask cluster: the same plans


_RETRIES = 5  # times that a region is tried again where a worker of a cluster dies
_PARTS = 8  # parcels of regions per process: few enough to send, enough to even the work
_LOOK_S = 0.25
_stop: list[Event] = []  # set in worker processes by their initializer

ReportShare = Callable[[float], None] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One region to solve, small enough to be sent to another process."""

    instance: Instance
    effort: Effort
    schedule: Schedule
    seed: int
    seconds: float | None
    keep: float
    start: Ints32 | None

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.instance.xy)


def run_tasks(
    tasks: Sequence[Task],
    *,
    clock: Clock,
    processes: int = 1,
    scheduler: str | Client | None = None,
    report: ReportShare = None,
) -> list[Solved]:
    """Solve every region and return the answers in the order of the tasks.

    Parameters
    ----------
    clock
        The caller's patience; a stop leaves every region with a valid plan.
    processes
        Processes of this machine to share the regions among.
    scheduler
        Address of a Dask scheduler, a client, or ``local`` for two workers here.
    """
    if scheduler or (processes > 1 and len(tasks) > 1):
        with _pool(min(processes, len(tasks)), scheduler) as (pool, workers, stop):
            return _share_out(pool, workers, stop, tasks, clock, report)
    solved: list[Solved] = []
    rest = sum(task.size for task in tasks)
    whole, done = rest, 0
    for task in tasks:
        own = clock.part(clock.left() * task.size / rest)
        part_report = _slice(report, done / whole, task.size / whole)
        threads = cpus() if len(tasks) == 1 else 1
        solved.append(_solve(task, own, part_report, threads=threads))
        done += task.size
        rest -= task.size
    return solved


def _slice(report: ReportShare, begin: float, share: float) -> ReportShare:
    return None if report is None else lambda part: report(begin + share * part)


def cpus() -> int:
    """Return how many processors this process may use."""
    return (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


def _solve(task: Task, clock: Clock, report: ReportShare = None, *, threads: int = 1) -> Solved:
    return solve_region(
        task.instance,
        effort=task.effort,
        schedule=task.schedule,
        seed=task.seed,
        clock=clock,
        keep=task.keep,
        start=task.start,
        threads=threads,
        report=report or silent,
    )


def _begin(event: Event) -> None:
    _stop[:] = [event]


def _solve_parcel(tasks: Sequence[Task]) -> list[Solved]:
    should_stop = _stop[0].is_set if _stop else None
    return [_solve(task, Clock(task.seconds, should_stop)) for task in tasks]


def most_workers(wanted: int) -> int:
    """Return how many processes may be waited for at once: Windows has a limit of its own."""
    return min(wanted, 61) if sys.platform == "win32" else wanted


def _share_out(
    pool: Executor,
    workers: int,
    stop: Callable[[], None],
    tasks: Sequence[Task],
    clock: Clock,
    report: ReportShare,
) -> list[Solved]:
    """Solve parcels of regions on an executor; once stopped, open regions keep their start."""
    size = max(1, len(tasks) // (workers * _PARTS))
    own = [replace(t, seconds=None if t.seconds is None else t.seconds * workers) for t in tasks]
    parcels = [own[i : i + size] for i in range(0, len(own), size)]
    futures = [pool.submit(_solve_parcel, parcel) for parcel in parcels]
    open_ = set(futures)
    while open_:
        done, open_ = wait(open_, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
        if report is not None and done:
            report(1 - len(open_) / len(parcels))
        if clock.stopped():
            stop()
            open_ = {future for future in open_ if not future.cancel()}
    late = Clock(None, lambda: True)
    found: list[Solved] = []
    for parcel, future in zip(parcels, futures, strict=True):
        found += [_solve(t, late) for t in parcel] if future.cancelled() else future.result()
    return found


@contextmanager
def _pool(
    processes: int, scheduler: str | Client | None
) -> Iterator[tuple[Executor, int, Callable[[], None]]]:
    """Yield an executor, its number of workers, and what tells running searches to stop."""
    if scheduler:
        with _client_of(scheduler) as client:
            workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
            # Not pure: the same request asked twice is worked out twice, as anywhere else.
            yield client.get_executor(pure=False, retries=_RETRIES), workers, lambda: None
        return
    context = get_context("spawn")
    event = context.Event()
    workers = most_workers(processes)
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin, initargs=(event,)
    ) as pool:
        yield pool, workers, event.set


@contextmanager
def _client_of(scheduler: str | Client) -> Iterator[Any]:
    """Yield a client; one that was given is left open, one made here is closed."""
    from distributed import Client, LocalCluster

    if scheduler == "local":
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
    elif isinstance(scheduler, str):
        try:
            client = Client(scheduler, timeout="10s")
        except (OSError, ValueError) as error:
            raise InputError("partition.error.scheduler", received=scheduler) from error
        with client:
            yield client
    elif isinstance(scheduler, Client):
        yield scheduler
    else:
        raise InputError("partition.error.scheduler", received=scheduler)
