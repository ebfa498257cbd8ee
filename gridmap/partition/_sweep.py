"""Annealing by sweeps: every grid in turn is offered to the beat of one of its neighbours.

Going through the grids in Hilbert order instead of drawing them at random costs nothing in
quality and reads memory in order; the price is a bare look at grids inside their beat.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from gridmap.partition._arrays import Graph, Loads, Pulls, State
from gridmap.partition._moves import (
    apply_block,
    block_change,
    foes_in,
    gather_cut_off,
    next_random,
    pull_of,
    share_penalty,
    stays_connected,
)
from gridmap.partition._recombine import recombine_once

__all__ = ["is_plain", "run_sweeps", "sweep_once"]

_32 = np.uint64(32)
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
    room: tuple[np.ndarray, np.ndarray],
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
                room[0],
                room[1],
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


@njit(cache=True, nogil=True)
def _pulled(pulls: Pulls, state: State, grid: int, origin: int, goal: int, weigh: float) -> float:
    """Return what travel, change and grids kept apart say to a move."""
    change = pull_of(pulls, grid, goal) - pull_of(pulls, grid, origin)
    home = pulls.home[grid]
    if home == goal:
        change += weigh * share_penalty(state, -pulls.weight[grid])
    elif home == origin:
        change += weigh * share_penalty(state, pulls.weight[grid])
    if pulls.foe_ptr[grid + 1] > pulls.foe_ptr[grid]:
        change += 100.0 * (foes_in(pulls, state, grid, goal) - foes_in(pulls, state, grid, origin))
    return change


@njit(cache=True, nogil=True)
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
    """Offer each of the grids to a neighbour's beat; return how many moves were tried.

    Parameters
    ----------
    grids, inside
        The grids, and whether each beat may receive any; None for all. Compiled apart for
        all grids as a range, which is a tenth faster.
    plain
        Whether pulls can be left out, see `is_plain`.
    """
    indptr, nbr, length = graph.indptr, graph.nbr, graph.length
    owner, size, total, moment = state.beat, state.size, state.total, state.moment
    w, lo, hi, scale = loads.w, loads.lo, loads.hi, loads.scale
    mask = np.uint64(len(noise) - 1)
    criteria = loads.w.shape[1]
    n = len(owner)
    tried = 0
    for v in grids:
        p = owner[v]
        begin = indptr[v]
        degree = indptr[v + 1] - begin
        if degree == 0:
            continue
        bits = next_random(state.random)
        q = owner[nbr[begin + np.int64(((bits >> _32) * np.uint64(degree)) >> _32)]]
        if inside is not None and not inside[q]:
            continue
        if q == p or size[p] == 1 or (not plain and pulls.pin[v] >= 0):
            continue
        tried += 1
        change = 0.0
        for e in range(begin, begin + degree):
            b = owner[nbr[e]]
            if b == p:
                change += length[e]
            elif b == q:
                change -= length[e]
        excess = 0.0
        for c in range(criteria):
            here, there, wv = total[p, c], total[q, c], w[v, c]
            over = max(max(here - hi[p, c], lo[p, c] - here) * scale[p, c], 0.0)
            excess -= over * over
            over = max(max(there - hi[q, c], lo[q, c] - there) * scale[q, c], 0.0)
            excess -= over * over
            here -= wv
            there += wv
            over = max(max(here - hi[p, c], lo[p, c] - here) * scale[p, c], 0.0)
            excess += over * over
            over = max(max(there - hi[q, c], lo[q, c] - there) * scale[q, c], 0.0)
            excess += over * over
        change += weigh * excess
        if beta > 0.0:
            m = pulls.mass[v]
            sp, sq = moment[p, 0], moment[q, 0]
            dx = pulls.x[v] - moment[p, 1] / sp
            dy = pulls.y[v] - moment[p, 2] / sp
            ex = pulls.x[v] - moment[q, 1] / sq
            ey = pulls.y[v] - moment[q, 2] / sq
            change += (
                beta
                * m
                * (sq / (sq + m) * (ex * ex + ey * ey) - sp / (sp - m) * (dx * dx + dy * dy))
            )
        if not plain:
            change += _pulled(pulls, state, v, p, q, weigh)
        limit = heat * noise[bits & mask]
        if change > limit:
            continue
        if stays_connected(graph, state, v, p):
            state.queue[n] = v
            apply_block(loads, pulls, state, state.queue[n:], 1, p, q)
        elif state.size[p] <= _LARGEST_BLOCK:
            # What the grid would cut off goes with it, if that pays too.
            count = gather_cut_off(graph, state, v, p)
            block = state.queue[n:]
            mark = state.tick[0] + 2
            change = block_change(
                graph, loads, pulls, state, block, count, mark, p, q, weigh, beta
            )
            if change <= limit:
                apply_block(loads, pulls, state, block, count, p, q)
    return tried
