"""Annealing by sweeps: every grid in turn is offered to the beat of one of its neighbours.

Going through the grids in Hilbert order instead of drawing them at random costs nothing in
quality and reads memory in order; the price is a bare look at grids inside their beat. Lists
of the grids on borders spare that look and lose more than they win: what a move has just
brought to the border is to be offered in the same sweep.
"""

from __future__ import annotations

import numpy as np

from gridmap._compiled import njit
from gridmap.partition._arrays import RING_BITS, Graph, Loads, Pulls, State
from gridmap.partition._moves import (
    FOES,
    apply_block,
    block_change,
    foes_in,
    gather_cut_off,
    move_grid,
    next_random,
    pull_of,
    share_penalty,
    squared_excess,
    stays_connected,
)
from gridmap.partition._recombine import TreeRoom, recombine_once

__all__ = ["is_plain", "run_sweeps", "sweep_once"]

_32 = np.uint64(32)
_0, _1 = np.uint64(0), np.uint64(1)
_RING = np.uint64(RING_BITS)
_LARGEST_BLOCK = 4000  # a beat of more grids is not searched for the part a move cuts off


@njit(cache=True, nogil=True)
def run_sweeps(
    graph: Graph,
    loads: Loads,
    pulls: Pulls,
    state: State,
    heat: np.ndarray,
    weigh: np.ndarray,
    beta: np.ndarray,
    resplits: np.ndarray,
    noise: np.ndarray,
    room: TreeRoom,
) -> int:
    """Run one sweep per entry of the schedule; return how many moves were tried.

    Parameters
    ----------
    heat, weigh, beta
        Temperature, weight of the balance penalty and of the moment of inertia, per sweep.
    resplits
        How many pairs of beats are divided anew after each sweep.
    noise
        Table of Metropolis thresholds.
    room
        Work arrays of `recombine_once`.
    """
    tried = 0
    plain = is_plain(pulls)
    every = range(len(state.beat))
    all_grids = np.arange(len(state.beat))
    for s in range(len(heat)):
        tried += sweep_once(
            graph, loads, pulls, state, every, None, heat[s], weigh[s], beta[s], noise, plain
        )
        for _ in range(resplits[s]):
            recombine_once(
                graph,
                loads,
                pulls,
                state,
                all_grids,
                None,
                heat[s],
                weigh[s],
                beta[s],
                noise,
                plain,
                room,
            )
    return tried


@njit(cache=True, nogil=True)
def is_plain(pulls: Pulls) -> bool:
    """Return whether nothing but borders, balance and inertia counts."""
    return bool(
        pulls.foe.shape[0] == 0
        and (pulls.pin < 0).all()
        and (pulls.home < 0).all()
        and (pulls.demand <= 0.0).all()
    )


@njit(cache=True, inline="always")
def _pulled(pulls, state, grid, origin, goal, weigh):
    """Return what travel, change and grids kept apart say to a move."""
    change = pull_of(pulls, grid, goal) - pull_of(pulls, grid, origin)
    home = pulls.home[grid]
    if home == goal:
        change += weigh * share_penalty(state, -pulls.weight[grid])
    elif home == origin:
        change += weigh * share_penalty(state, pulls.weight[grid])
    if pulls.foe_ptr[grid + 1] > pulls.foe_ptr[grid]:
        more = foes_in(pulls, state, grid, goal) - foes_in(pulls, state, grid, origin)
        change += (100.0 + FOES * weigh) * more
    return change


# Unsigned indices, and divisions that don't ask for zero, spare a tenth each.
@njit(cache=True, nogil=True, error_model="numpy")
def sweep_once(
    graph: Graph,
    loads: Loads,
    pulls: Pulls,
    state: State,
    grids: np.ndarray | range,
    inside: np.ndarray | None,
    heat: float,
    weigh: float,
    beta: float,
    noise: np.ndarray,
    plain: bool,  # noqa: FBT001 - compiled: no keywords
) -> int:
    """Offer each of the grids to a neighbouring beat; return how many moves were tried.

    Parameters
    ----------
    grids, inside
        The grids, and whether each beat may receive any; None for all. Compiled apart for
        all grids as a range, which is a tenth faster.
    plain
        Whether pulls can be left out, see `is_plain`.
    """
    indptr, nbr = graph.indptr.view(np.uint32), graph.nbr.view(np.uint32)
    length, ring = graph.length, graph.ring
    owner, size, total, moment = state.beat, state.size, state.total, state.moment
    beat_of = owner.view(np.uint32)
    w, lo, hi, scale = loads.w, loads.lo, loads.hi, loads.scale
    mass, x, y, home, weight = pulls.mass, pulls.x, pulls.y, pulls.home, pulls.weight
    mask = np.uint64(len(noise) - 1)
    criteria = loads.w.shape[1]
    n = len(owner)
    tried = 0
    for grid in grids:
        v = np.uint64(grid)
        begin, end = np.uint64(indptr[v]), np.uint64(indptr[v + _1])
        degree = end - begin
        if degree == _0:
            continue
        bits = next_random(state.random)
        p = beat_of[v]
        q = beat_of[nbr[begin + (((bits >> _32) * degree) >> _32)]]
        if q == p or size[p] == 1 or (not plain and pulls.pin[v] >= 0):
            continue
        if inside is not None and not inside[q]:
            continue
        tried += 1
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
        excess = 0.0
        for c in range(criteria):
            here, there, own_load = total[p, c], total[q, c], w[v, c]
            low, high, factor = lo[p, c], hi[p, c], scale[p, c]
            excess -= squared_excess(here, low, high, factor)
            excess += squared_excess(here - own_load, low, high, factor)
            low, high, factor = lo[q, c], hi[q, c], scale[q, c]
            excess -= squared_excess(there, low, high, factor)
            excess += squared_excess(there + own_load, low, high, factor)
        change += weigh * excess
        if beta > 0.0:
            m = mass[v]
            sp, sq = moment[p, 0], moment[q, 0]
            dx = x[v] - moment[p, 1] / sp
            dy = y[v] - moment[p, 2] / sp
            ex = x[v] - moment[q, 1] / sq
            ey = y[v] - moment[q, 2] / sq
            change += (
                beta
                * m
                * (sq / (sq + m) * (ex * ex + ey * ey) - sp / (sp - m) * (dx * dx + dy * dy))
            )
        if not plain:
            change += _pulled(pulls, state, np.int64(v), np.int64(p), np.int64(q), weigh)
        limit = heat * noise[bits & mask]
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
                v,
                np.int32(p),
                np.int32(q),
                w,
                mass,
                x,
                y,
                home,
                weight,
                owner,
                size,
                total,
                moment,
                state.moved,
            )
        elif size[p] <= _LARGEST_BLOCK:
            # What the grid would cut off goes with it, if that pays too.
            origin, goal = np.int64(p), np.int64(q)
            count = gather_cut_off(graph, state, np.int64(v), origin)
            block = state.queue[n:]
            mark = state.tick[0] + 2
            change = block_change(
                graph, loads, pulls, state, block, count, mark, origin, goal, weigh, beta
            )
            if change <= limit:
                apply_block(loads, pulls, state, block, count, origin, goal)
    return tried
