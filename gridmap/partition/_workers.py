"""Regions solved one after another, over processes, or over a Dask cluster: the same plans."""

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
from gridmap.partition._anneal import Schedule
from gridmap.partition._arrays import Instance, Solved
from gridmap.partition._effort import Clock, Effort, silent
from gridmap.partition._solve import solve_region

if TYPE_CHECKING:
    from distributed import Client


_RETRIES = 5  # times that a region is tried again where a worker of a cluster dies
_PARTS = 8  # parcels of regions per process: few enough to send, enough to even the work
_LOOK_S = 0.25
_stop: list[Event] = []  # set in worker processes by their initializer

Report = Callable[[float], None] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One region to solve, small enough to be sent to another process."""

    instance: Instance
    effort: Effort
    schedule: Schedule
    seed: int
    seconds: float | None
    keep: float
    start: NDArray[np.int32] | None

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
    report: Report = None,
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


def _slice(report: Report, begin: float, share: float) -> Report:
    return None if report is None else lambda part: report(begin + share * part)


def cpus() -> int:
    """Return how many processors this process may use."""
    return (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


def _solve(task: Task, clock: Clock, report: Report = None, *, threads: int = 1) -> Solved:
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
    report: Report,
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
