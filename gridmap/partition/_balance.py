"""Putting beats outside their bounds right: surplus is passed along a chain of beats.

A beat that carries too much rarely borders on one that carries too little. The surplus is
handed from beat to beat along the shortest way to one with room, each pair on the way being
divided anew so that the first is right and the next takes the rest.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from gridmap.partition._anneal import excess_of, make_state
from gridmap.partition._arrays import Instance, Ints, State
from gridmap.partition._recombine import recombine_pair, tree_room

__all__ = ["mend_balance"]

_TREES = 24  # random trees tried for each pair on the way


def mend_balance(
    instance: Instance,
    beat: Ints,
    *,
    seed: int,
    keep: float = np.inf,
    rounds: int = 40,
    stopped: Callable[[], bool] | None = None,
) -> Ints:
    """Return the plan with as many beats brought inside their bounds as can be.

    The plan comes back unchanged where no chain improves it.
    """
    best = make_state(instance, beat, seed, keep)
    room = tree_room(len(beat), len(instance.graph.nbr), instance.loads.w.shape[1])
    worst = _sum_excess(instance, best)
    tabu: dict[int, int] = {}
    for turn in range(rounds * 4):
        if worst <= 0 or (stopped is not None and stopped()):
            break
        over = _excess(instance, best)
        over[[b for b, until in tabu.items() if until > turn]] = 0.0
        source = int(np.argmax(over))
        if over[source] <= 0:
            break
        trial = make_state(instance, best.beat, seed * 977 + turn, keep)
        _pass_on(instance, trial, source, room)
        total = _sum_excess(instance, trial)
        if total < worst * (1 - 1e-9):
            best, worst = trial, total
            tabu.clear()
        else:
            tabu[source] = turn + 3 + len(tabu)
    return best.beat


def _excess(instance: Instance, state: State) -> NDArray[np.float64]:
    loads = instance.loads
    over = np.maximum(state.total - loads.hi, loads.lo - state.total) * loads.scale
    return np.asarray(np.maximum(over, 0.0).max(axis=1))


def _sum_excess(instance: Instance, state: State) -> float:
    return float((_excess(instance, state) ** 2).sum())


def _pass_on(
    instance: Instance, state: State, source: int, room: tuple[np.ndarray, np.ndarray]
) -> None:
    """Hand the surplus (or the lack) of a beat along the nearest way to where there is room."""
    loads, k = instance.loads, instance.k
    total = state.total[:, 0]
    lack = total[source] < loads.lo[source, 0]
    off = loads.lo[source, 0] - total[source] if lack else total[source] - loads.hi[source, 0]
    spare = total - loads.lo[:, 0] if lack else loads.hi[:, 0] - total
    rows = np.repeat(np.arange(len(state.beat)), np.diff(instance.graph.indptr))
    a, b = state.beat[rows], state.beat[instance.graph.nbr]
    # Few beats on the way, and rather those whose own slack takes part of it.
    cost = 1.0 + np.clip(1.0 - spare[b] / max(off, 1e-12), 0.0, 1.0)
    away = a != b
    key, first = np.unique(a[away].astype(np.int64) * k + b[away], return_index=True)
    table = coo_array((cost[away][first], (key // k, key % k)), (k, k)).tocsr()
    far, before = dijkstra(table, indices=source, return_predecessors=True)
    goals = np.flatnonzero((spare >= off * 0.999) & np.isfinite(far))
    goals = goals[goals != source]
    if not goals.size:
        goals = np.flatnonzero((spare > 0) & np.isfinite(far) & (np.arange(k) != source))
    if not goals.size:
        goals = np.flatnonzero(np.isfinite(far) & (np.arange(k) != source))
    if not goals.size:
        return
    way = [int(goals[np.argmin(far[goals])])]
    while way[-1] != source:
        way.append(int(before[way[-1]]))
    way.reverse()
    for p, q in zip(way[:-1], way[1:], strict=True):
        _hand_over(instance, state, p, q, room)
        if _excess(instance, state)[q] <= 0:
            return


def _hand_over(
    instance: Instance, state: State, p: int, q: int, room: tuple[np.ndarray, np.ndarray]
) -> None:
    """Divide two beats anew until the first is inside its bounds."""
    root = int(np.flatnonzero(state.beat == p)[0])
    for tree in range(_TREES):
        excess = _excess(instance, state)
        last = tree == _TREES - 1
        if excess[p] <= 0 and tree >= _TREES // 3:
            return
        recombine_pair(
            instance.graph,
            instance.loads,
            instance.pulls,
            state,
            root,
            p,
            q,
            0.0,
            1e7,
            1e7 if last and excess_of(instance, state) <= 0 else 1e4,
            0.0,
            room[0],
            room[1],
        )
        members = np.flatnonzero(state.beat == p)
        root = int(members[(tree * 7919) % len(members)])
