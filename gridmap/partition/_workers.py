"""Regions solved one after another, over processes, or over a Dask cluster: the same plans."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
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
    if scheduler:
        return _on_cluster(tasks, clock, scheduler, report)
    if processes > 1 and len(tasks) > 1:
        return _in_processes(tasks, clock, processes, report)
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


def _stopped() -> Clock:
    """Return a clock that has run out: what it is given ends with its start, made whole."""
    return Clock(None, lambda: True)


def most_workers(wanted: int) -> int:
    """Return how many processes may be waited for at once: Windows has a limit of its own."""
    return min(wanted, 61) if sys.platform == "win32" else wanted


def _in_processes(
    tasks: Sequence[Task], clock: Clock, processes: int, report: Report
) -> list[Solved]:
    size = max(1, len(tasks) // (processes * _PARTS))
    parcels = [list(tasks[i : i + size]) for i in range(0, len(tasks), size)]
    answers: list[list[Solved] | None] = [None] * len(parcels)
    context = get_context("spawn")
    event = context.Event()
    with ProcessPoolExecutor(
        most_workers(min(processes, len(parcels))),
        mp_context=context,
        initializer=_begin,
        initargs=(event,),
    ) as pool:
        own = [
            [replace(t, seconds=None if t.seconds is None else t.seconds * processes) for t in p]
            for p in parcels
        ]
        futures: dict[Future[list[Solved]], int] = {
            pool.submit(_solve_parcel, parcel): i for i, parcel in enumerate(own)
        }
        open_ = set(futures)
        while open_:
            done, open_ = wait(open_, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            for future in done:
                answers[futures[future]] = future.result()
            if report is not None and done:
                report(1 - len(open_) / len(parcels))
            if clock.stopped() and not event.is_set():
                event.set()
                open_ = {future for future in open_ if not future.cancel()}
    found: list[Solved] = []
    for parcel, answer in zip(parcels, answers, strict=True):
        found += answer or [_solve(task, _stopped()) for task in parcel]
    return found


def _on_cluster(
    tasks: Sequence[Task], clock: Clock, scheduler: str | Client, report: Report
) -> list[Solved]:
    from distributed import as_completed

    with _client_of(scheduler) as client:
        workers = max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        size = max(1, len(tasks) // (workers * _PARTS))
        parcels = [
            [
                replace(t, seconds=None if t.seconds is None else t.seconds * workers)
                for t in tasks[i : i + size]
            ]
            for i in range(0, len(tasks), size)
        ]
        # Not pure: the same request asked twice is worked out twice, as anywhere else.
        futures = [
            client.submit(_solve_parcel, parcel, pure=False, retries=_RETRIES)
            for parcel in parcels
        ]
        answers: list[list[Solved] | None] = [None] * len(parcels)
        number = {future.key: i for i, future in enumerate(futures)}
        left = len(parcels)
        for future in as_completed(futures):
            if future.cancelled():
                continue
            answers[number[future.key]] = future.result()
            left -= 1
            if report is not None:
                report(1 - left / len(parcels))
            if clock.stopped():
                client.cancel([f for f in futures if not f.done()])
                break
    found: list[Solved] = []
    for parcel, answer in zip(parcels, answers, strict=True):
        found += answer or [_solve(task, _stopped()) for task in parcel]
    return found


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
