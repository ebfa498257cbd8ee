"""Simulated annealing of one region: sweeps over all grids, schedule, deadline, quench.

Every grid in turn is offered to the beat of one of its neighbours. Going through the grids in
Hilbert order instead of drawing them at random costs nothing in quality and reads memory in
order; the price is a bare look at grids inside their beat. Lists of the grids on borders spare
that look and lose more than they win: what a move has just brought to the border is to be offered
in the same sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from gridmap._compiled import njit
from gridmap.partition._arrays import RING_BITS, Clock, Instance, State, make_state
from gridmap.partition._quarters import Quarters, count_quarters
from gridmap.partition._recombine import (
    LAST_NOISE,
    NOISE,
    SEPARATED,
    TreeRoom,
    apply_block,
    attraction_cost,
    block_change,
    gather_cut_off,
    is_plain,
    move_grid,
    next_random,
    recombine_once,
    separated_in,
    share_penalty,
    squared_excess,
    stays_connected,
)
from gridmap.partition._transport import Transport
from gridmap.typing import Bools, Floats, Ints32

_NARROW = 1 / 3  # of 3 %: from here on the schedule is as late as it gets,
_LARGE = 0.25  # and from this part of a large plan's grids on; small plans cool well as they are
_LATE = {"loose": 20.0, "strict": 3_000.0, "stiffen": 700.0, "settle": 0.8}
_LATE_COOLING, _LATE_HOLDING = 0.5, 0.42
_LEANING = 0.9  # of the schedule; at its end bounds are what they are
_QUARTER_GRIDS = 5_000  # of a quarter, at least
_QUARTER_BEATS = 12  # or too many border on others


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """Annealing schedule: temperature, weight of the balance penalty, and length.

    Attributes
    ----------
    sweeps
        Looks at every grid, all phases together.
    hot, cold
        Temperature at the start and at the end of the cooling, in mean borders.
    loose, strict
        Weight of the balance penalty at both.
    stiffen, settle
        By what the penalty grows more, and the temperature less, while it is held cold.
    resplit
        Pairs of beats divided again, per beat and sweep.
    cooling, holding
        Shares of the sweeps for cooling and for holding; the rest is the quench.
    transport
        How strongly bounds lean where workload has far to go, see `Transport`; 0 for not.
    """

    sweeps: int
    hot: float = 2.0
    cold: float = 0.15
    loose: float = 50.0
    strict: float = 50_000.0
    resplit: float = 0.004
    cooling: float = 0.75
    holding: float = 0.17
    stiffen: float = 20.0
    settle: float = 1.0
    transport: float = 0.0

    def for_tolerance(self, tight: float, far: float) -> Schedule:
        """Return the schedule for bounds of this part of 3 %, in a plan of this size.

        Penalties count in tolerances, yet a narrow one needs no more room to move while hot
        than a wide one; but in a large plan what drifts off has far to come back.

        Under a narrow tolerance a single grid is more than a beat can take or give, and a
        penalty that is strict before the plan is cold freezes it. So most of the strictness
        comes late, while the temperature is held - where transport evens out what drifts off
        before, which is not so without it.

        Parameters
        ----------
        tight
            Half the width of the bounds, as a part of 3 %.
        far
            How far workload may have to go, 0 to 1 for a large plan.
        """
        late = min(1.0, (1.0 - tight) / (1.0 - _NARROW)) * min(1.0, far / _LARGE)
        late = late if self.transport > 0 else 0.0
        own = {name: getattr(self, name) ** (1 - late) * end**late for name, end in _LATE.items()}
        plan = replace(
            self,
            **own,
            cooling=self.cooling * (1 - late) + _LATE_COOLING * late,
            holding=self.holding * (1 - late) + _LATE_HOLDING * late,
            transport=self.transport * min(1.0, far / tight),
        )
        return replace(
            plan, loose=plan.loose * max(tight, far), strict=plan.strict * max(tight**2, 0.1)
        )

    def mild(self) -> Schedule:
        """Return the schedule for a start that is to be kept in the main: it must not melt."""
        return replace(
            self,
            hot=max(self.hot / 4, 1.5 * self.cold),
            loose=min(self.loose * 40, self.strict),
            transport=0.0,
        )

    def quenched(self) -> Schedule:
        """Return a short schedule that begins where this one ends: cold, and strict throughout."""
        firm = self.strict * self.stiffen
        return replace(
            self,
            sweeps=max(20, self.sweeps // 20),
            hot=self.cold / 3,
            cold=self.cold / 10,
            loose=firm,
            strict=firm,
            cooling=0.6,
            holding=0.1,
            stiffen=20.0,
            settle=1.0,
            transport=0.0,  # leaning bounds would push beats outside their own
        )

    def fitted(self, sweeps: float) -> Schedule:
        """Return the schedule for so many sweeps: a short one is cooler and stricter.

        It must not melt a start that it has no time to freeze again.
        """
        hot = self.hot * min(1.0, max(0.2, (sweeps / 8_000) ** 0.4))
        firm = min(6.0, max(1.0, 2_000 / max(sweeps, 1.0)))
        hurry = max(0.0, 1.0 - sweeps / 4_000)
        return replace(
            self,
            hot=max(hot, 1.5 * self.cold),
            loose=self.loose * firm,
            strict=self.strict * firm,
            cooling=self.cooling - 0.25 * hurry,
            holding=self.holding + 0.12 * hurry,
        )


def anneal(
    instance: Instance,
    beat: Ints32,
    schedule: Schedule,
    *,
    seed: int,
    clock: Clock,
    keep: float = np.inf,
    on_chunk: Callable[[float, State], None] | None = None,
    chunks: int = 60,
    threads: int = 1,
) -> State:
    """Return the plan that annealing reaches from a start.

    The schedule is cut into chunks. Where the clock does not leave time for all its sweeps,
    later chunks get fewer, so that the cooling is always complete.

    Parameters
    ----------
    beat
        A start with every beat in one piece; it stays so.
    on_chunk
        Called with the share done and the state after each chunk.
    chunks
        Parts of the schedule between looks at the clock.
    threads
        How many share the quarters of a large plan; they do not change it.
    """
    state = make_state(instance, beat, seed, keep)
    chunks = int(min(chunks, max(4, schedule.sweeps // 4)))
    expected = float(schedule.sweeps)
    planned = max(1, round(schedule.sweeps / chunks))
    rate = 0.0
    count = annealing_quarters(instance, keep)
    with Quarters(instance, state, count=count, threads=threads) as quarters:
        if np.isfinite(clock.left()):  # a look at the clock, beside the schedule
            _timed(quarters, instance, schedule, np.full(2, schedule.cooling))
            rate = _timed(quarters, instance, schedule, np.full(8, schedule.cooling))
            expected = min(expected, max(clock.left(), 0.0) / rate)
        schedule = schedule.fitted(expected)
        transport = Transport(instance, schedule.transport) if schedule.transport > 0 else None
        for i in range(chunks):
            sweeps = planned
            left = clock.left()
            if np.isfinite(left):
                sweeps = max(1, min(planned, int(left / (chunks - i) / rate)))
            share = (i + (np.arange(sweeps) + 0.5) / sweeps) / chunks
            if clock.stopped():
                share = np.ones(3)
            leaning = instance
            if transport is not None:
                leaning = instance._replace(loads=transport.leaning(instance.loads))
            rate = _timed(quarters, leaning, schedule, share)
            if transport is not None and (i + 1) / chunks < _LEANING:
                transport.follow(instance, state)
            else:
                transport = None
            if on_chunk is not None:
                on_chunk((i + 1) / chunks, state)
            if len(share) == 3 and share[0] == 1.0:
                break
    return state


def annealing_quarters(instance: Instance, keep: float) -> int:
    """Return into how many quarters a plan is divided for annealing."""
    return count_quarters(instance, keep, grids=_QUARTER_GRIDS, beats=_QUARTER_BEATS)


def _timed(quarters: Quarters, instance: Instance, plan: Schedule, share: Floats) -> float:
    """Run sweeps at given shares of the schedule and return the seconds that one took."""
    before = perf_counter()
    temperature, penalty = schedule_arrays(plan, share)

    def sweep(state: State, room: TreeRoom, grids: Ints32, inside: Bools) -> None:
        beats = int(inside.sum())
        # A fractional number of pairs per sweep is spread evenly over the sweeps.
        wanted = np.cumsum(np.full(len(share), plan.resplit * beats))
        resplits = np.diff(np.floor(wanted), prepend=0.0).astype(np.int64)
        run_sweeps(instance, state, grids, inside, temperature, penalty, resplits, room)

    quarters.run(sweep)
    return (perf_counter() - before) / len(share)


def schedule_arrays(plan: Schedule, share: Floats) -> tuple[Floats, Floats]:
    """Return temperature and balance weight per sweep.

    Parameters
    ----------
    share
        Position of each sweep in the schedule, 0 to 1.
    """
    cool = np.clip(share / plan.cooling, 0.0, 1.0)
    hold = np.clip((share - plan.cooling) / plan.holding, 0.0, 1.0)
    temperature = plan.hot * (plan.cold / plan.hot) ** cool
    temperature *= plan.settle**hold
    temperature[share >= plan.cooling + plan.holding] = 1e-9
    penalty = plan.loose * (plan.strict / plan.loose) ** cool * plan.stiffen**hold
    penalty[share >= plan.cooling + plan.holding] *= 25.0
    return temperature, penalty


_32 = np.uint64(32)
_0, _1 = np.uint64(0), np.uint64(1)
_RING = np.uint64(RING_BITS)
_LIST = 64  # grids looked at before the first of them moves
_LARGEST_BLOCK = 4000  # a beat of more grids is not searched for the part a move cuts off


@njit(cache=True, nogil=True)
def run_sweeps(
    instance: Instance,
    state: State,
    grids: np.ndarray,
    inside: np.ndarray,
    temperature: np.ndarray,
    penalty: np.ndarray,
    resplits: np.ndarray,
    room: TreeRoom,
) -> None:
    """Run one sweep per entry of the schedule.

    Parameters
    ----------
    grids, inside
        The grids, and whether each beat may receive any.
    temperature, penalty
        Temperature and weight of the balance penalty, per sweep.
    resplits
        How many pairs of beats are divided again after each sweep.
    room
        Work arrays of `recombine_once`.
    """
    plain = is_plain(instance.attraction)
    for s in range(len(temperature)):
        sweep_once(instance, state, grids, inside, temperature[s], penalty[s], plain, room)
        for _ in range(resplits[s]):
            recombine_once(instance, state, grids, inside, temperature[s], penalty[s], plain, room)


@njit(cache=True, inline="always")
def _attraction_change(attraction, state, grid, origin, goal, penalty):
    """Return what travel, change and grids kept apart say to a move."""
    change = attraction_cost(attraction, grid, goal) - attraction_cost(attraction, grid, origin)
    home = attraction.home[grid]
    if home == goal:
        change += penalty * share_penalty(state, -attraction.weight[grid])
    elif home == origin:
        change += penalty * share_penalty(state, attraction.weight[grid])
    if attraction.separated_ptr[grid + 1] > attraction.separated_ptr[grid]:
        more = separated_in(attraction, state, grid, goal) - separated_in(
            attraction, state, grid, origin
        )
        change += (100.0 + SEPARATED * penalty) * more
    return change


# Unsigned indices, and divisions that don't ask for zero, spare a tenth each.
@njit(cache=True, nogil=True, error_model="numpy")
def sweep_once(
    instance: Instance,
    state: State,
    grids: np.ndarray,
    inside: np.ndarray,
    temperature: float,
    penalty: float,
    plain: bool,  # noqa: FBT001 - compiled: no keywords
    room: TreeRoom,
) -> None:
    """Offer each of the grids to a neighbouring beat.

    Three in four draw a neighbour in their own beat. Which do follows no pattern, so that the
    processor's guesses fail; hence those that don't are first listed, without a branch.

    Parameters
    ----------
    grids, inside
        The grids, and whether each beat may receive any.
    plain
        Whether pulls can be left out, see `is_plain`.
    room
        Its columns of grids and parents hold the list.
    """
    graph, loads, attraction = instance.graph, instance.loads, instance.attraction
    indptr, nbr = graph.indptr.view(np.uint32), graph.nbr.view(np.uint32)
    length, ring = graph.length, graph.ring
    owner, size, total = state.beat, state.size, state.total
    beat_of = owner.view(np.uint32)
    listed, drawn = room.grid.view(np.uint32), room.parent.view(np.uint32)
    w, lo, hi, scale = loads.w, loads.lo, loads.hi, loads.scale
    home, weight = attraction.home, attraction.weight
    criteria = loads.w.shape[1]
    n = len(owner)
    for first in range(0, len(grids), _LIST):
        found = _0
        for at in range(first, min(first + _LIST, len(grids))):
            v = np.uint64(grids[at])
            begin = np.uint64(indptr[v])
            degree = np.uint64(indptr[v + _1]) - begin
            if degree == _0:
                continue
            bits = next_random(state.random)
            j = nbr[begin + (((bits >> _32) * degree) >> _32)]
            listed[found] = v
            drawn[found] = j
            found += _1 if beat_of[j] != beat_of[v] else _0
        for at in range(found):
            v = np.uint64(listed[at])
            p, q = beat_of[v], beat_of[drawn[at]]
            if q == p or not inside[q] or size[p] == 1:
                continue
            if not plain and attraction.pin[v] >= 0:
                continue
            begin, end = np.uint64(indptr[v]), np.uint64(indptr[v + _1])
            degree = end - begin
            limit = temperature * NOISE[next_random(state.random) & LAST_NOISE]
            change = 0.0
            own, bit = _0, _1
            for e in range(begin, end):
                b = beat_of[nbr[e]]
                border = length[e]
                here = b == p
                change += border if here else 0.0
                change -= border if b == q else 0.0
                own |= bit if here else _0
                bit <<= _1
            for c in range(criteria):
                change -= penalty * squared_excess(total[p, c], lo[p, c], hi[p, c], scale[p, c])
                change -= penalty * squared_excess(total[q, c], lo[q, c], hi[q, c], scale[q, c])
            if plain and change > limit:  # nearly always: what comes on top is never below zero
                continue
            for c in range(criteria):
                less, more = total[p, c] - w[v, c], total[q, c] + w[v, c]
                change += penalty * squared_excess(less, lo[p, c], hi[p, c], scale[p, c])
                change += penalty * squared_excess(more, lo[q, c], hi[q, c], scale[q, c])
            if not plain:
                change += _attraction_change(
                    attraction, state, np.int64(v), np.int64(p), np.int64(q), penalty
                )
            if change > limit:
                continue
            # Of a move's neighbours in its old beat, nearly all hang together by themselves.
            known, before = own & (~own + _1), _0
            if degree <= _RING:
                while before < known < own:  # sets of bits that only grow
                    before = known
                    for i in range(degree):
                        if (known >> i) & _1:
                            known |= np.uint64(ring[begin + i]) & own
            whole = known == own and own != _0 and degree <= _RING
            if whole or stays_connected(graph, state, np.int64(v), np.int64(p)):
                move_grid(
                    v, np.int32(p), np.int32(q), w, home, weight, owner, size, total, state.moved
                )
            elif size[p] <= _LARGEST_BLOCK:
                # What the grid would cut off goes with it, if that pays too.
                origin, goal = np.int64(p), np.int64(q)
                count = gather_cut_off(graph, state, np.int64(v), origin)
                block = state.queue[n:]
                mark = state.tick[0] + 2
                change = block_change(instance, state, block, count, mark, origin, goal, penalty)
                if change <= limit:
                    apply_block(loads, attraction, state, block, count, origin, goal)
