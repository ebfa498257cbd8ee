"""Large neighbourhood search (Shaw 1998) in windows.

A large plan freezes with faults that no single move mends, such as a beat too many on one side
of a river. A window of a few neighbouring beats is warmed up and cooled again as a small problem
of its own, and what comes out is kept if it is better, with a little patience for plans that are
worse at first. The windows of a large plan's quarters run side by side.
"""

from __future__ import annotations

import numpy as np

from gridmap._compiled import njit
from gridmap.partition._anneal import Schedule, sweep_once
from gridmap.partition._arrays import (
    Clock,
    Graph,
    Instance,
    Loads,
    ReportProgress,
    State,
    excess_of,
    make_state,
    move_centres,
    silent,
)
from gridmap.partition._quarters import Quarters, count_quarters
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
)
from gridmap.typing import Bools, Floats, Ints32

_QUARTER_GRIDS = 1_250  # of a quarter, at least: its sums and lists stay in the processor's cache
_QUARTER_BEATS = 21  # three windows
_32 = np.uint64(32)
_BEATS = 7
_HOT = 0.45  # of the temperature that annealing begins with
_SWEEPS = 250
_LOOSE, _STRICT = 300.0, 2e8
_BROKEN = 1e-7  # twenty borders for a bound that is broken, however little
_PATIENCE = 1.7  # temperatures by which a plan may be worse at the start
_RESPLIT = 0.005
_BATCH, _LEAST_BATCH = 16, 8  # windows between two looks at the whole plan, and in each quarter


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
    threads: int = 1,
    mend: bool = False,
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
    threads
        How many share the quarters of a large plan; they do not change it.
    mend
        End as soon as every beat is inside its bounds.
    report
        Called after every few windows with the share done.
    """
    if instance.k < 2 or windows < 1:
        return beat
    state = make_state(instance, beat, seed, keep)
    temperature, penalty = _window_schedule(plan)
    count = count_quarters(instance, keep, grids=_QUARTER_GRIDS, beats=_QUARTER_BEATS)
    each = max(_LEAST_BATCH, _BATCH // count)
    beats = min(_BEATS, instance.k)
    patience = 0.0

    def search(state: State, room: TreeRoom, area: Ints32, own: Bools) -> None:
        _run_windows(instance, state, each, beats, temperature, penalty, patience, room, area, own)

    travels = bool(instance.attraction.demand.any())
    held = np.zeros(instance.k, dtype=np.bool_)
    held[instance.attraction.pin[instance.attraction.pin >= 0]] = True
    best, least = state.beat.copy(), _rank(instance, state)
    start, left = clock.elapsed(), clock.left()
    done = 0
    with Quarters(instance, state, count=count, threads=threads) as quarters:
        while done < windows and not clock.stopped():
            share = done / windows
            if np.isfinite(left):
                share = max(share, (clock.elapsed() - start) / left)
            patience = max(0.0, _PATIENCE * float(temperature[0]) * (1.0 - share / 0.95))
            quarters.run(search)
            done += each * count
            if travels:
                move_centres(instance.attraction, state.beat, instance.k, held)
            rank = _rank(instance, state)
            if rank < least:
                best, least = state.beat.copy(), rank
            report(max(share, done / windows))
            if mend and excess_of(instance, state) <= 0:
                break
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
    strict: float,
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
    return cost + strict * penalty


@njit(cache=True, nogil=True)
def _choose(
    graph: Graph,
    loads: Loads,
    state: State,
    beats: int,
    area: np.ndarray,
    own: np.ndarray,
    inside: np.ndarray,
) -> None:
    """Mark neighbouring beats around a random grid, or around a beat outside its bounds."""
    n = len(area)
    bits = next_random(state.random)
    at = np.int64(((bits >> _32) * np.uint64(n)) >> _32)
    start = area[at]
    if bits & np.uint64(7):
        # Nearly all windows go where bounds are broken, as long as any are.
        for i in range(n):
            v = area[(at + i) % n]
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
            if own[state.beat[j]] and state.stamp[j] != seen:
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
    area: np.ndarray,
    own: np.ndarray,
) -> None:
    """Anneal windows one after the other, and keep those that pay.

    Parameters
    ----------
    beats
        How many a window has.
    area, own
        Grids of the beats that windows may have, and a mark for each of these beats.
    """
    plain = is_plain(instance.attraction)
    grids, saved = np.empty(len(area), np.int32), np.empty(len(area), np.int32)
    inside = np.zeros(len(state.size), dtype=np.bool_)
    for _ in range(windows):
        _choose(instance.graph, instance.loads, state, beats, area, own, inside)
        count = 0
        for v in area:
            if inside[state.beat[v]]:
                grids[count] = v
                saved[count] = state.beat[v]
                count += 1
        window = grids[:count]
        before = _cost(instance, state, window, inside, _STRICT, plain)
        size, total = state.size.copy(), state.total.copy()
        moved = state.moved[0]
        due = 0.0
        for s in range(len(temperature)):
            sweep_once(instance, state, window, inside, temperature[s], penalty[s], plain, room)
            due += _RESPLIT * beats
            if due >= 1.0:
                due -= 1.0
                recombine_once(
                    instance, state, window, inside, temperature[s], penalty[s], plain, room
                )
        after = _cost(instance, state, window, inside, _STRICT, plain)
        bits = next_random(state.random)
        if after <= before + patience * NOISE[bits & LAST_NOISE]:
            continue
        for i in range(count):
            state.beat[window[i]] = saved[i]
        for b in range(len(inside)):
            if inside[b]:
                state.size[b] = size[b]
                for c in range(total.shape[1]):
                    state.total[b, c] = total[b, c]
        state.moved[0] = moved
