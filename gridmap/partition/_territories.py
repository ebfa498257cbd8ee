"""Large neighbourhood search (Shaw 1998) in windows and territories.

A large plan freezes with faults that no single move mends, such as a beat too many on one side
of a river. A window of a few neighbouring beats is warmed up and cooled again as a small problem
of its own, and what comes out is kept if it is better, with a little patience for plans that are
worse at first.

A territory is a group of neighbouring beats, as an instance of its own: borders with other
territories stay as they are, so what it costs and what it carries is exact. All territories of a
round are searched apart, on as many threads as there are, for compiled code releases Python's
lock. Then the beats are grouped otherwise, so that no border stays out of reach. The plan follows
from the seed and the number of territories; threads only share out the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import TypeVar

import numpy as np

from gridmap._compiled import njit
from gridmap.partition._anneal import Schedule, sweep_once
from gridmap.partition._arrays import (
    Attraction,
    Clock,
    Graph,
    Instance,
    Loads,
    ReportProgress,
    State,
    build_graph,
    excess_of,
    make_state,
    move_centres,
    part_of,
    rate_plan,
    refresh_state,
    silent,
)
from gridmap.partition._recombine import (
    LAST_NOISE,
    NOISE,
    SEPARATED,
    TreeRoom,
    attraction_cost,
    beat_penalty,
    is_plain,
    next_random,
    recombine_once,
    separated_in,
    tree_room,
)
from gridmap.partition._start import bisect
from gridmap.typing import Floats, Ints, Ints32

_T = TypeVar("_T")
_GRIDS = 1_250  # of a territory: its sums and lists stay in the processor's cache
_LEAST_BEATS = 21  # of a territory at least: three windows
_ROUNDS = 4
_TURN = 2.399963  # radians between the groupings of two rounds: the golden angle
_LOOK_S = 0.05  # between two looks at the stop button
_32 = np.uint64(32)
_BEATS = 7
_HOT = 0.45  # of the temperature that annealing begins with
_SWEEPS = 250
_LOOSE, _STRICT = 300.0, 2e8
_BROKEN = 1e-7  # twenty borders for a bound that is broken, however little
_PATIENCE = 1.7  # temperatures by which a plan may be worse at the start
_RESPLIT = 0.005
_BATCH = 16


def window_visits(instance: Instance) -> float:
    """Return the looks at a grid that one window takes."""
    beats = min(_BEATS, instance.k)
    return _SWEEPS * len(instance.xy) * beats / instance.k


def _window_schedule(plan: Schedule) -> tuple[Floats, Floats]:
    """Return temperature and balance weight for the sweeps of one window."""
    share = np.linspace(0.0, 1.0, _SWEEPS)
    cool = np.clip(share / 0.8, 0.0, 1.0)
    hot = _HOT * plan.hot
    cold = min(1.3 * plan.cold, hot / 2)
    temperature = hot * (cold / hot) ** cool
    temperature[share > 0.93] = 1e-9
    penalty = _LOOSE * (2e5 / _LOOSE) ** cool
    penalty[share > 0.8] *= 10.0
    penalty[share > 0.93] *= 100.0
    return temperature, penalty


def polish_windows(
    instance: Instance,
    beat: Ints32,
    plan: Schedule,
    windows: float,
    *,
    seed: int,
    clock: Clock,
    keep: float = np.inf,
    mend: bool = False,
    calm: tuple[float, float] = (0.0, 1.0),
    report: ReportProgress = silent,
) -> Ints32:
    """Return the plan after so many windows; it is never worse.

    Parameters
    ----------
    beat
        A plan with every beat in one piece; it stays so.
    plan
        The schedule of the annealing before.
    windows
        How many; fewer where the clock ends first.
    keep
        Workload that may leave its present beat.
    calm
        Where in the whole search these windows begin and end, 0 to 1: patience runs out. Before
        its end the last plan is returned, which may be worse.
    mend
        End as soon as every beat is inside its bounds.
    report
        Called after every few windows with the share done.
    """
    if instance.k < 2 or windows < 1:
        return beat
    state = make_state(instance, beat, seed, keep)
    temperature, penalty = _window_schedule(plan)
    n = len(beat)
    room = tree_room(n, len(instance.graph.nbr), instance.loads.w.shape[1])
    grids, saved = np.zeros(n, dtype=np.int32), np.zeros(n, dtype=np.int32)
    travels = bool(instance.attraction.demand.any())
    held = np.zeros(instance.k, dtype=np.bool_)
    held[instance.attraction.pin[instance.attraction.pin >= 0]] = True
    best, least = state.beat.copy(), _rank(instance, state)
    start, left = clock.elapsed(), clock.left()
    done = 0
    while done < windows and not clock.stopped():
        share = done / windows
        if np.isfinite(left):
            share = max(share, (clock.elapsed() - start) / left)
        calmed = calm[0] + (calm[1] - calm[0]) * share
        patience = max(0.0, _PATIENCE * float(temperature[0]) * (1.0 - calmed / 0.95))
        _run_windows(
            instance,
            state,
            _BATCH,
            min(_BEATS, instance.k),
            temperature,
            penalty,
            patience,
            room,
            grids,
            saved,
        )
        done += _BATCH
        refresh_state(instance, state)
        if travels:
            move_centres(instance.attraction, state.beat, instance.k, held)
        rank = _rank(instance, state)
        if rank < least:
            best, least = state.beat.copy(), rank
        report(max(share, done / windows))
        if mend and excess_of(instance, state) <= 0:
            break
    if calm[1] < 1.0:
        best = state.beat
    if travels:
        move_centres(instance.attraction, best, instance.k, held)
    return best


def _rank(instance: Instance, state: State) -> tuple[bool, float]:
    """Return what plans are compared by: whether any bound is broken, then the cost."""
    return excess_of(instance, state) > 0, _whole_cost(instance, state)


def _whole_cost(instance: Instance, state: State) -> float:
    """Return border, pulls and penalties of the whole plan, as windows weigh them."""
    every = np.arange(len(state.beat), dtype=np.int32)
    inside = np.ones(instance.k, dtype=np.bool_)
    attraction = instance.attraction
    return float(_cost(instance, state, every, inside, _STRICT, is_plain(attraction)))


@njit(cache=True, nogil=True)
def _cost(
    instance: Instance,
    state: State,
    grids: np.ndarray,
    inside: np.ndarray,
    penalty: float,
    plain: bool,  # noqa: FBT001 - compiled: no keywords
) -> float:
    """Return what the beats inside cost: borders between them, pulls and penalties."""
    graph, loads, attraction = instance.graph, instance.loads, instance.attraction
    cost = 0.0
    over = max(0.0, state.moved[0] - state.moved[1]) * state.moved[2]
    penalty = over * over
    for v in grids:
        p = state.beat[v]
        for e in range(graph.indptr[v], graph.indptr[v + 1]):
            b = state.beat[graph.nbr[e]]
            if b != p and inside[b]:
                cost += graph.length[e] * 0.5
        if plain:
            continue
        cost += attraction_cost(attraction, v, p)
        if attraction.separated_ptr[v + 1] > attraction.separated_ptr[v]:
            penalty += SEPARATED / 2 * separated_in(attraction, state, v, p)
    for b in range(len(inside)):
        if inside[b]:
            for c in range(loads.w.shape[1]):
                over = beat_penalty(loads, b, c, state.total[b, c])
                if over > 0.0:
                    penalty += over + _BROKEN
    return cost + penalty * penalty


@njit(cache=True, nogil=True)
def _choose(graph: Graph, loads: Loads, state: State, beats: int, inside: np.ndarray) -> None:
    """Mark neighbouring beats around a random grid, or around a beat outside its bounds."""
    n = len(state.beat)
    bits = next_random(state.random)
    start = np.int64(((bits >> _32) * np.uint64(n)) >> _32)
    if bits & np.uint64(7):
        # Nearly all windows go where bounds are broken, as long as any are.
        for i in range(n):
            v = (start + i) % n
            b = state.beat[v]
            wrong = False
            for c in range(loads.w.shape[1]):
                wrong |= beat_penalty(loads, b, c, state.total[b, c]) > 0.0
            if wrong:
                start = v
                break
    inside[:] = False
    inside[state.beat[start]] = True
    found = 1
    state.tick[0] += 4
    seen = state.tick[0]
    state.queue[0] = start
    state.stamp[start] = seen
    head, tail = 0, 1
    while head < tail and found < beats:
        u = state.queue[head]
        head += 1
        for e in range(graph.indptr[u], graph.indptr[u + 1]):
            j = graph.nbr[e]
            if state.stamp[j] != seen:
                state.stamp[j] = seen
                state.queue[tail] = j
                tail += 1
                if not inside[state.beat[j]] and found < beats:
                    inside[state.beat[j]] = True
                    found += 1


@njit(cache=True, nogil=True)
def _run_windows(
    instance: Instance,
    state: State,
    windows: int,
    beats: int,
    temperature: np.ndarray,
    penalty: np.ndarray,
    patience: float,
    room: TreeRoom,
    grids: np.ndarray,
    saved: np.ndarray,
) -> None:
    """Anneal windows one after the other, and keep those that pay."""
    plain = is_plain(instance.attraction)
    inside = np.zeros(len(state.size), dtype=np.bool_)
    for _ in range(windows):
        _choose(instance.graph, instance.loads, state, beats, inside)
        count = 0
        for v in range(len(state.beat)):
            if inside[state.beat[v]]:
                grids[count] = v
                saved[count] = state.beat[v]
                count += 1
        own = grids[:count]
        before = _cost(instance, state, own, inside, _STRICT, plain)
        size, total = state.size.copy(), state.total.copy()
        moved = state.moved[0]
        due = 0.0
        for s in range(len(temperature)):
            sweep_once(instance, state, own, inside, temperature[s], penalty[s], plain)
            due += _RESPLIT * beats
            if due >= 1.0:
                due -= 1.0
                recombine_once(
                    instance, state, own, inside, temperature[s], penalty[s], plain, room
                )
        after = _cost(instance, state, own, inside, _STRICT, plain)
        bits = next_random(state.random)
        if after <= before + patience * NOISE[bits & LAST_NOISE]:
            continue
        for i in range(count):
            state.beat[own[i]] = saved[i]
        state.size[:] = size
        state.total[:] = total
        state.moved[0] = moved


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
    most = min(len(instance.xy) // _GRIDS, instance.k // _LEAST_BEATS)
    return max(1, most - most % 2)


def group_beats(instance: Instance, beat: Ints32, groups: int, turn: float) -> list[Ints]:
    """Return groups of neighbouring beats with about as many grids each."""
    size = np.bincount(beat, minlength=instance.k).astype(np.float64)
    middle = [np.bincount(beat, weights=c, minlength=instance.k) / size for c in instance.xy.T]
    owner = bisect(np.stack(middle, axis=1), size, np.ones(groups), turn)
    return [np.flatnonzero(owner == g) for g in range(groups)]


def induce(instance: Instance, beat: Ints32, beats: Ints) -> tuple[Instance, Ints, Ints32]:
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
    beat: Ints32,
    plan: Schedule,
    windows: float,
    *,
    seed: int,
    clock: Clock,
    threads: int,
    keep: float = np.inf,
    report: ReportProgress = silent,
) -> Ints32:
    """Return the plan after so many windows, shared out among territories; it is never worse.

    A share that has to keep its beat is counted over the whole, and so are its windows.
    """
    groups = territories_of(instance)
    if groups < 2 or np.isfinite(keep):
        return polish_windows(
            instance, beat, plan, windows, seed=seed, clock=clock, keep=keep, report=report
        )
    now = beat.copy()
    for turn in range(_ROUNDS):
        if clock.stopped():
            break
        part = clock.part(clock.left() / (_ROUNDS - turn))
        calm = (turn / _ROUNDS, (turn + 1) / _ROUNDS)
        grouped = group_beats(instance, now, groups, _TURN * turn)
        induced = [induce(instance, now, beats) for beats in grouped]
        first, share = (seed * _ROUNDS + turn) * groups, windows / _ROUNDS
        jobs = [
            _polish_job(own, inner, plan, share * own.k / instance.k, first + i, calm)
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
    beat: Ints32,
    plan: Schedule,
    windows: float,
    seed: int,
    calm: tuple[float, float],
) -> Callable[[Clock, ReportProgress], Ints32]:
    return lambda clock, report: polish_windows(
        instance, beat, plan, max(windows, 1.0), seed=seed, clock=clock, calm=calm, report=report
    )
