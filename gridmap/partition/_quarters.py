"""Domain decomposition: a large plan is searched in quarters, on as many threads as there are.

A quarter is a group of neighbouring beats. Grids change hands inside it only, and no grid asks
which beat of another quarter it borders on; so threads share one plan and its sums, and the
plan follows from the seed and the number of quarters, never from the number of threads. Each
round groups the beats otherwise, so that no border stays out of reach. Compiled code releases
Python's lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from queue import SimpleQueue
from typing import Self, TypeVar

import numpy as np

from gridmap.partition._arrays import (
    Clock,
    Instance,
    ReportProgress,
    State,
    part_of,
    refresh_state,
    silent,
)
from gridmap.partition._recombine import TreeRoom, tree_room
from gridmap.partition._start import bisect
from gridmap.typing import Bools, Ints, Ints32

_T = TypeVar("_T")
_TURN = 2.399963  # radians between two groupings, one after the other: the golden angle
_MOST = 16
_LOOK_S = 0.05  # between two looks at the stop button

SearchStep = Callable[[State, TreeRoom, Ints32, Bools], None]


def count_quarters(instance: Instance, keep: float, *, grids: int, beats: int) -> int:
    """Return into how many quarters a plan is divided: an even number, or 1.

    Parameters
    ----------
    keep
        Workload that may leave its present beat. It is counted over the whole plan, which
        stays in one part unless it is infinite.
    grids, beats
        How many a quarter has at least.
    """
    most = min(len(instance.xy) // grids, instance.k // beats, _MOST)
    return 1 if np.isfinite(keep) else max(1, most - most % 2)


def group_beats(instance: Instance, beat: Ints32, groups: int, turn: float) -> list[Ints]:
    """Return groups of neighbouring beats with about as many grids each."""
    size = np.bincount(beat, minlength=instance.k).astype(np.float64)
    middle = [np.bincount(beat, weights=c, minlength=instance.k) / size for c in instance.xy.T]
    owner = bisect(np.stack(middle, axis=1), size, np.ones(groups), turn)
    return [np.flatnonzero(owner == g) for g in range(groups)]


class Quarters:
    """A plan and its sums, and threads that search its quarters.

    Parameters
    ----------
    state
        Changed in place.
    count
        Number of quarters; 1 for the whole plan in the calling thread.
    """

    def __init__(self, instance: Instance, state: State, *, count: int, threads: int) -> None:
        self._instance, self._state, self.count = instance, state, count
        threads = min(threads, count)
        self._pool = ThreadPoolExecutor(threads) if count > 1 else None
        self._free: SimpleQueue[tuple[State, TreeRoom]] = SimpleQueue()
        n, edges, criteria = len(state.beat), len(instance.graph.nbr), instance.loads.w.shape[1]
        for _ in range(threads):
            own = state._replace(
                moved=state.moved.copy(),
                stamp=np.zeros_like(state.stamp),
                tick=np.zeros_like(state.tick),
                queue=np.zeros_like(state.queue),
            )
            self._free.put((own, tree_room(n, edges, criteria)))
        seeds = np.random.default_rng(int(state.random[0]))
        self._random = seeds.integers(1, 2**63, (count, 1), dtype=np.uint64)
        self._turn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def run(self, job: SearchStep) -> None:
        """Run a job for each quarter, then compute the sums afresh.

        It gets the plan with random numbers and room of its own, and the quarter's grids and
        a mark for each of its beats.
        """
        if self._pool is None:
            own, room = self._free.get()
            job(self._state, room, *self._part(np.arange(self._instance.k)))
            self._free.put((own, room))
        else:
            groups = group_beats(self._instance, self._state.beat, self.count, self._turn)
            self._turn += _TURN
            # Nothing moves before every quarter knows its grids.
            parts = [self._part(beats) for beats in groups]
            running = [self._pool.submit(self._one, job, i, *part) for i, part in enumerate(parts)]
            for one in running:
                one.result()
        refresh_state(self._instance, self._state)

    def _part(self, beats: Ints) -> tuple[Ints32, Bools]:
        inside = np.zeros(self._instance.k, dtype=np.bool_)
        inside[beats] = True
        return np.flatnonzero(inside[self._state.beat]).astype(np.int32), inside

    def _one(self, job: SearchStep, number: int, grids: Ints32, inside: Bools) -> None:
        own, room = self._free.get()
        try:
            job(own._replace(random=self._random[number]), room, grids, inside)
        finally:
            self._free.put((own, room))


def run_threads(
    jobs: Sequence[Callable[[Clock, ReportProgress], _T]],
    *,
    clock: Clock,
    threads: int,
    report: ReportProgress = silent,
) -> list[_T]:
    """Return what jobs return, in their order; each gets an even share of the time.

    The caller's stop button is looked at, and progress is reported, from its own thread only.
    """
    count = len(jobs)
    if threads < 2 or count < 2:
        found = []
        for i, job in enumerate(jobs):
            part = clock.part(clock.left() / (count - i))
            found.append(job(part, part_of(report, i / count, 1.0 / count)))
        return found
    seconds = clock.left() / -(-count // threads)
    stopped = clock.stopped()
    shares = [0.0] * count

    def run(number: int) -> _T:
        def note(share: float) -> None:
            shares[number] = share

        own = Clock(seconds if np.isfinite(seconds) else None, lambda: stopped)
        return jobs[number](own, note)

    with ThreadPoolExecutor(min(threads, count)) as pool:
        futures = [pool.submit(run, i) for i in range(count)]
        open_ = set(futures)
        while open_:
            _, open_ = wait(open_, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
            stopped = stopped or clock.stopped()
            report(sum(shares) / count)
        return [future.result() for future in futures]
