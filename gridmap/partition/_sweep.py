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
    beat_penalty,
    block_change,
    foes_in,
    gather_cut_off,
    next_random,
    pull_of,
    share_penalty,
    stays_connected,
)
from gridmap.partition._recombine import recombine_once

__all__ = ["run_sweeps"]

_32 = np.uint64(32)
_LARGEST_BLOCK = 4000  # a beat of more grids is not searched for the part a move cuts off


@njit(cache=True)
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
    for s in range(len(heat)):
        tried += _sweep(graph, loads, pulls, state, heat[s], weigh[s], beta[s], noise)
        for _ in range(resplits[s]):
            recombine_once(
                graph, loads, pulls, state, heat[s], weigh[s], beta[s], noise, room[0], room[1]
            )
    return tried


@njit(cache=True)
def _sweep(
    graph: Graph,
    loads: Loads,
    pulls: Pulls,
    state: State,
    heat: float,
    weigh: float,
    beta: float,
    noise: np.ndarray,
) -> int:
    indptr, nbr, length = graph.indptr, graph.nbr, graph.length
    owner, total, moment = state.beat, state.total, state.moment
    mask = np.uint64(len(noise) - 1)
    criteria = loads.w.shape[1]
    n = len(owner)
    tried = 0
    for v in range(n):
        p = owner[v]
        begin = indptr[v]
        degree = indptr[v + 1] - begin
        if degree == 0:
            continue
        bits = next_random(state.random)
        q = owner[nbr[begin + np.int64(((bits >> _32) * np.uint64(degree)) >> _32)]]
        if q == p or pulls.pin[v] >= 0 or state.size[p] == 1:
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
            wv = loads.w[v, c]
            excess += (
                beat_penalty(loads, p, c, total[p, c] - wv)
                - beat_penalty(loads, p, c, total[p, c])
                + beat_penalty(loads, q, c, total[q, c] + wv)
                - beat_penalty(loads, q, c, total[q, c])
            )
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
        home = pulls.home[v]
        off = 0.0
        if home >= 0 or pulls.demand[v] > 0.0:
            change += pull_of(pulls, v, q) - pull_of(pulls, v, p)
            if home == q:
                off = -pulls.weight[v]
            elif home == p:
                off = pulls.weight[v]
            if off != 0.0:
                change += weigh * share_penalty(state, off)
        if pulls.foe_ptr[v + 1] > pulls.foe_ptr[v]:
            change += 100.0 * (foes_in(pulls, state, v, q) - foes_in(pulls, state, v, p))
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
