"""Putting beats outside their bounds right: surplus is passed along a chain of beats.

A beat that carries too much rarely borders on one that carries too little. The surplus is
handed from beat to beat along the shortest way to one with room, each pair on the way being
divided anew so that the first is right and the next takes the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gridmap._compiled import njit
from gridmap.partition._arrays import Graph, Instance, Ints, Loads, Pulls, State
from gridmap.partition._recombine import TreeRoom, recombine_pair, tree_room
from gridmap.partition._state import make_state, refresh_state
from gridmap.partition._sweep import is_plain
from gridmap.partition._transport import beat_pairs

__all__ = ["mend_balance"]

_TREES = 30  # random trees tried for each pair on the way


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

    Parameters
    ----------
    beat
        A plan with every beat in one piece; it stays so.
    rounds
        How often each beat outside its bounds gets a turn.
    stopped
        Asked before each turn; True ends the mending.
    """
    state = make_state(instance, beat, seed, keep)
    room = tree_room(len(beat), len(instance.graph.nbr), instance.loads.w.shape[1])
    rng = np.random.default_rng([seed, 1])
    for turn in range(rounds):
        over = _excess(instance, state)
        outside = np.flatnonzero(over > 0)
        if not outside.size or instance.k < 2:
            break
        ways = beat_pairs(instance, state)
        # Each round tries other ways than the last.
        detour = rng.random(len(ways[0])) * min(turn, 6)
        for source in outside[np.argsort(-over[outside], kind="stable")]:
            if stopped is not None and stopped():
                return state.beat
            _turn(instance, state, int(source), (*ways, detour), room)
    return state.beat


def _excess(instance: Instance, state: State) -> NDArray[np.float64]:
    loads = instance.loads
    over = np.maximum(state.total - loads.hi, loads.lo - state.total) * loads.scale
    return np.asarray(np.maximum(over, 0.0).max(axis=1))


def _turn(
    instance: Instance,
    state: State,
    source: int,
    ways: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
    room: TreeRoom,
) -> None:
    """Pass one beat's surplus on; put everything back unless the plan is nearer its bounds."""
    before = _excess(instance, state)
    if before[source] <= 0:
        return
    saved = state.beat.copy()
    way = _way(instance, state, source, ways)
    for p, q in pairwise(way):
        root = _border_grid(instance.graph, state.beat, p, q)
        if root < 0:  # what was handed over before has parted them
            break
        _hand_over(
            instance.graph,
            instance.loads,
            instance.pulls,
            state,
            root,
            p,
            q,
            _TREES,
            is_plain(instance.pulls),
            room,
        )
        if _excess(instance, state)[q] <= 0:
            break
    after = _excess(instance, state)
    if (after**2).sum() >= (before**2).sum() * (1 - 1e-9):
        state.beat[:] = saved
        refresh_state(instance, state)


def _way(
    instance: Instance,
    state: State,
    source: int,
    ways: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
) -> list[int]:
    """Return beats from the source to the nearest one that can take its surplus or lack.

    Each step costs one, and up to one more where the beat on the way has no slack itself.
    """
    loads, k = instance.loads, instance.k
    total = state.total[:, 0]
    lack = total[source] < loads.lo[source, 0]
    off = loads.lo[source, 0] - total[source] if lack else total[source] - loads.hi[source, 0]
    spare = total - loads.lo[:, 0] if lack else loads.hi[:, 0] - total
    rows, cols, detour = ways
    cost = 1.0 + detour + np.clip(1.0 - spare[cols] / max(off, 1e-12), 0.0, 1.0)
    ptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=k))])
    far, before = dijkstra(
        csr_array((cost, cols, ptr), (k, k)), indices=source, return_predecessors=True
    )
    reach = np.isfinite(far) & (np.arange(k) != source)
    goals = np.flatnonzero(reach & (spare >= off * 0.999))
    if not goals.size:
        goals = np.flatnonzero(reach & (spare > 0))
    if not goals.size:
        goals = np.flatnonzero(reach)
    if not goals.size:
        return [source]
    way = [int(goals[np.argmin(far[goals])])]
    while way[-1] != source:
        way.append(int(before[way[-1]]))
    return way[::-1]


@njit(cache=True, nogil=True)
def _border_grid(graph: Graph, owner: np.ndarray, p: int, q: int) -> int:
    """Return the first grid of a beat that borders on another beat, or -1."""
    for v in range(len(owner)):
        if owner[v] == p:
            for e in range(graph.indptr[v], graph.indptr[v + 1]):
                if owner[graph.nbr[e]] == q:
                    return v
    return -1


@njit(cache=True, nogil=True)
def _hand_over(
    graph: Graph,
    loads: Loads,
    pulls: Pulls,
    state: State,
    root: int,
    p: int,
    q: int,
    trees: int,
    plain: bool,  # noqa: FBT001 - compiled: no keywords
    room: TreeRoom,
) -> None:
    """Divide two beats anew, by several trees, until the first is inside its bounds.

    The first beat's penalty outweighs the other's, so the rest of the surplus moves on.
    """
    for _ in range(trees):
        recombine_pair(graph, loads, pulls, state, root, p, q, 0.0, 1e7, 1e5, 0.0, plain, room)
        right = True
        for c in range(loads.w.shape[1]):
            right &= loads.lo[p, c] <= state.total[p, c] <= loads.hi[p, c]
        if right:
            return
