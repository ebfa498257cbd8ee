"""Large neighbourhood search in territories, and the combination of two plans.

A territory is a group of neighbouring beats, as an instance of its own: borders with other
territories stay as they are, so what it costs and what it carries is exact. All territories of a
round are searched apart, on as many threads as there are, for compiled code releases Python's
lock. Then the beats are grouped otherwise, so that no border stays out of reach. The plan follows
from the seed and the number of territories; threads only share out the work.

Two plans of the same region are combined by overlaying them: grids that share a beat in both
are one cell, and a plan of cells is annealed from the better one. Every border of the result is
a border of one of the two (path relinking by an optimised crossover).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.partition._anneal import Schedule, anneal
from gridmap.partition._arrays import Attraction, Instance, Ints, Loads, build_graph, rate_plan
from gridmap.partition._effort import Clock, ReportProgress, part_of, silent
from gridmap.partition._moves import is_plain
from gridmap.partition._start import bisect
from gridmap.partition._windows import polish_windows

Integers = NDArray[np.int64]
_T = TypeVar("_T")
_GRIDS = 1_250  # of a territory: its sums and lists stay in the processor's cache
_BEATS = 21  # of a territory at least: three windows
_ROUNDS = 4
_TURN = 2.399963  # radians between the groupings of two rounds: the golden angle
_LOOK_S = 0.05  # between two looks at the stop button
_COARSE_LOOKS = 3e7  # at a cell, in combining two plans


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


def territories_of(instance: Instance) -> int:
    """Return into how many territories a region is divided: an even number, or 1."""
    most = min(len(instance.xy) // _GRIDS, instance.k // _BEATS)
    return max(1, most - most % 2)


def group_beats(instance: Instance, beat: Ints, groups: int, turn: float) -> list[Integers]:
    """Return groups of neighbouring beats with about as many grids each."""
    size = np.bincount(beat, minlength=instance.k).astype(np.float64)
    middle = [np.bincount(beat, weights=c, minlength=instance.k) / size for c in instance.xy.T]
    owner = bisect(np.stack(middle, axis=1), size, np.ones(groups), turn)
    return [np.flatnonzero(owner == g) for g in range(groups)]


def induce(instance: Instance, beat: Ints, beats: Integers) -> tuple[Instance, Integers, Ints]:
    """Return some beats as an instance of their own, its grids, and their beats in it."""
    number = np.full(instance.k + 1, -1, dtype=np.int32)
    number[beats] = np.arange(len(beats))
    grids = np.flatnonzero(number[beat] >= 0)
    place = np.full(len(beat), -1, dtype=np.int32)
    place[grids] = np.arange(len(grids))
    graph, old = instance.graph, instance.attraction
    rows = np.repeat(np.arange(len(beat)), np.diff(graph.indptr))
    inner = (place[rows] >= 0) & (place[graph.nbr] >= 0) & (rows < graph.nbr)
    inner_graph = build_graph(
        len(grids), place[rows[inner]], place[graph.nbr[inner]], graph.length[inner]
    )
    owner = np.repeat(np.arange(len(beat)), np.diff(old.separated_ptr))
    pairs = (place[owner] >= 0) & (place[old.separated] >= 0)
    ptr = np.zeros(len(grids) + 1, dtype=np.int32)
    np.cumsum(np.bincount(place[owner[pairs]], minlength=len(grids)), out=ptr[1:])
    loads = instance.loads
    attraction = Attraction(
        mass=old.mass[grids],
        x=old.x[grids],
        y=old.y[grids],
        pin=number[old.pin[grids]],
        home=number[old.home[grids]],
        price=old.price[grids],
        weight=old.weight[grids],
        demand=old.demand[grids],
        centre_x=old.centre_x[beats],
        centre_y=old.centre_y[beats],
        site=np.maximum(place[old.site[beats]], 0).astype(np.int32),
        matrix=np.ascontiguousarray(old.matrix[np.ix_(grids, grids)])
        if old.matrix.size
        else old.matrix,
        separated_ptr=ptr,
        separated=place[old.separated[pairs]],
    )
    own = instance._replace(
        k=len(beats),
        graph=inner_graph,
        loads=Loads(loads.w[grids], loads.lo[beats], loads.hi[beats], loads.scale[beats]),
        attraction=attraction,
        xy=np.ascontiguousarray(instance.xy[grids]),
    )
    return own, grids, number[beat[grids]]


def polish_territories(
    instance: Instance,
    beat: Ints,
    plan: Schedule,
    windows: float,
    *,
    seed: int,
    clock: Clock,
    threads: int,
    keep: float = np.inf,
    calm: tuple[float, float] = (0.0, 1.0),
    report: ReportProgress = silent,
) -> Ints:
    """Return the plan after so many windows, shared out among territories; it is never worse.

    A share that has to keep its beat is counted over the whole, and so are its windows.
    ``calm`` is as in `polish_windows`, over all rounds.
    """
    groups = territories_of(instance)
    if groups < 2 or np.isfinite(keep):
        return polish_windows(
            instance,
            beat,
            plan,
            windows,
            seed=seed,
            clock=clock,
            keep=keep,
            calm=calm,
            report=report,
        )
    now = beat.copy()
    for turn in range(_ROUNDS):
        if clock.stopped():
            break
        part = clock.part(clock.left() / (_ROUNDS - turn))
        step = (calm[1] - calm[0]) / _ROUNDS
        own_calm = (calm[0] + turn * step, calm[0] + (turn + 1) * step)
        grouped = group_beats(instance, now, groups, _TURN * turn)
        induced = [induce(instance, now, beats) for beats in grouped]
        first, share = (seed * _ROUNDS + turn) * groups, windows / _ROUNDS
        jobs = [
            _polish_job(own, inner, plan, share * own.k / instance.k, first + i, own_calm)
            for i, (own, _, inner) in enumerate(induced)
        ]
        part_report = part_of(report, turn / _ROUNDS, 1.0 / _ROUNDS)
        found = run_threads(jobs, clock=part, threads=threads, report=part_report)
        for beats, (_, grids, _), own_beat in zip(grouped, induced, found, strict=True):
            now[grids] = beats[own_beat]
    before, after = (rate_plan(instance, one, np.inf, 0) for one in (beat, now))
    return now if after.better_than(before) else beat


def _polish_job(
    instance: Instance,
    beat: Ints,
    plan: Schedule,
    windows: float,
    seed: int,
    calm: tuple[float, float],
) -> Callable[[Clock, ReportProgress], Ints]:
    return lambda clock, report: polish_windows(
        instance,
        beat,
        plan,
        max(windows, 1.0),
        seed=seed,
        clock=clock,
        calm=calm,
        report=report,
    )


def combine_plans(
    instance: Instance, first: Ints, second: Ints, plan: Schedule, *, seed: int, clock: Clock
) -> Ints:
    """Return the best plan whose borders are all borders of one of two plans.

    Parameters
    ----------
    first, second
        Two plans, the better one first; where more than borders, balance and inertia count,
        it is returned as it is.
    """
    if not is_plain(instance.attraction) or np.array_equal(first, second):
        return first
    graph, n = instance.graph, len(first)
    rows = np.repeat(np.arange(n), np.diff(graph.indptr))
    same = (first[rows] == first[graph.nbr]) & (second[rows] == second[graph.nbr])
    table = coo_array((np.ones(int(same.sum()), np.int8), (rows[same], graph.nbr[same])), (n, n))
    cells, cell = connected_components(table, directed=False)
    coarse = _contract_cells(instance, cell, cells)
    start = np.zeros(cells, dtype=np.int32)
    start[cell] = first
    sweeps = int(np.clip(_COARSE_LOOKS / cells, 500, 20_000))
    state = anneal(coarse, start, replace(plan.mild(), sweeps=sweeps), seed=seed, clock=clock)
    found = state.beat[cell]
    better = rate_plan(instance, found, np.inf, 0).better_than(
        rate_plan(instance, first, np.inf, 0)
    )
    return found if better else first


def _contract_cells(instance: Instance, cell: Ints, cells: int) -> Instance:
    """Return the plain instance with each cell as one grid."""
    graph, old = instance.graph, instance.attraction
    rows = np.repeat(np.arange(len(cell)), np.diff(graph.indptr))
    ends = np.stack([cell[rows], cell[graph.nbr]], axis=1)
    between = ends[:, 0] < ends[:, 1]
    pairs, row = np.unique(ends[between], axis=0, return_inverse=True)
    length = np.bincount(row.ravel(), graph.length[between], len(pairs)).astype(np.float64)

    def sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(cell, weights=values, minlength=cells).astype(np.float64)

    mass = sums(old.mass)
    x, y = sums(old.mass * old.x) / mass, sums(old.mass * old.y) / mass
    loads = instance.loads
    none, off = np.zeros(cells), np.full(cells, -1, dtype=np.int32)
    return instance._replace(
        graph=build_graph(
            cells, pairs[:, 0].astype(np.int32), pairs[:, 1].astype(np.int32), length
        ),
        loads=loads._replace(w=np.ascontiguousarray(np.stack([sums(c) for c in loads.w.T], 1))),
        attraction=old._replace(
            mass=mass,
            x=x,
            y=y,
            pin=off,
            home=off,
            price=none,
            weight=none,
            demand=none,
            separated_ptr=np.zeros(cells + 1, dtype=np.int32),
        ),
        xy=np.stack([x, y], axis=1),
    )
