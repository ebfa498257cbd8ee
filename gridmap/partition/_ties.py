"""Grids that must share a beat, as one node: with the ground between them where they are apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from gridmap.errors import InfeasibleError, some_ids
from gridmap.partition._arrays import hilbert_order
from gridmap.partition._division import Region
from gridmap.partition._wanted import wanted_beats
from gridmap.partition.problem import Problem

__all__ = ["contract"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def contract(problem: Problem, region: Region, xy: Floats) -> Integers:
    """Return the node of each grid: grids that must share a beat are one node.

    Groups that do not touch are joined along the shortest way between their parts that
    breaks no other lock.
    """
    grids, n = region.grids, len(region.grids)
    edges = region.edges
    ties = [_positions(region.grids, np.array(sorted(tie))) for tie in problem.together]
    ties = [tie for tie in ties if len(tie) > 1]
    if not ties:
        return np.arange(n)
    # Of ways as short, the one over the least workload, then along the ground's own order.
    light = problem.weights[grids, 0] / max(float(problem.weights[grids, 0].sum()), 1e-300)
    place = np.argsort(hilbert_order(xy)) / n
    step = 1.0 + 0.5 * light + 1e-6 * place / n
    both = np.concatenate([edges, edges[:, ::-1]])
    both = np.unique(both[both[:, 0] != both[:, 1]], axis=0)
    table = coo_array((step[both[:, 1]], (both[:, 0], both[:, 1])), (n, n)).tocsr()
    label = wanted_beats(problem)[region.grids]
    foes = [_positions(region.grids, np.array(sorted(pair))) for pair in problem.apart]
    foes = [pair for pair in foes if len(pair) == 2]
    # Those that belong to a beat come first: the others may join them on the way.
    order = sorted(range(len(ties)), key=lambda i: -int(label[ties[i]].max()))
    moved_up: set[int] = set()
    while True:
        group, stuck = _joined(table, [ties[i] for i in order], label, foes)
        if stuck < 0:
            return np.unique(group, return_inverse=True)[1].astype(np.int64)
        late = order[stuck]
        if stuck == 0 or late in moved_up:
            raise InfeasibleError(
                "partition.error.apart_forever",
                ids=some_ids(problem.name_of(region.grids[ties[late]])),
            )
        moved_up.add(late)  # another group's way was in its way: let it choose first
        order = [late, *(i for i in order if i != late)]


def _joined(
    table: csr_array, ties: list[Integers], label: Integers, foes: list[Integers]
) -> tuple[Integers, int]:
    """Return the group of each grid, and which of the ties cannot be joined (-1: none)."""
    group = np.arange(len(label))
    held = label.copy()
    for tie in ties:
        group[np.isin(group, group[tie])] = group[tie[0]]
        held[group == group[tie[0]]] = held[tie].max()
    for i, tie in enumerate(ties):
        while True:
            own = group[tie[0]]
            inside = np.flatnonzero(group == own)
            count, piece = connected_components(table[inside][:, inside], directed=False)
            if count == 1:
                break
            beat = int(held[inside[0]])
            shut = (held >= 0) & (held != beat) & (beat >= 0)
            for a, b in foes:
                shut |= (group == group[b]) if group[a] == own else False
                shut |= (group == group[a]) if group[b] == own else False
            way = _way_apart(table, inside, piece, ~shut, group, foes)
            if way is None:
                return group, i
            joined = np.isin(group, group[way])
            held[joined] = held[joined].max()
            group[joined] = own
    return group, -1


def _way_apart(
    table: csr_array,
    inside: Integers,
    piece: Integers,
    allowed: NDArray[np.bool_],
    group: Integers,
    foes: list[Integers],
) -> Integers | None:
    """Return a way between the pieces of a group that no pair to be apart is on, or None."""
    way = _way(table, inside[piece == 0], inside[piece != 0], allowed)
    if way is None:
        return None
    joined = set(group[way].tolist())
    for pair in foes:
        if not joined.issuperset(group[pair].tolist()):
            continue
        for v in pair[::-1]:
            if group[v] != group[inside[0]]:
                other = allowed & (group != group[v])
                found = _way_apart(table, inside, piece, other, group, foes)
                if found is not None:
                    return found
        return None
    return way


def _way(
    table: csr_array, start: Integers, goals: Integers, allowed: NDArray[np.bool_]
) -> Integers | None:
    """Return the way of least cost from some grids to others over those allowed, or None."""
    own = np.flatnonzero(allowed)
    far, before, _ = dijkstra(
        table[own][:, own],
        indices=np.searchsorted(own, start),
        min_only=True,
        return_predecessors=True,
    )
    ends = np.searchsorted(own, goals)
    goal = int(ends[np.argmin(far[ends])])
    if not np.isfinite(far[goal]):
        return None
    way = [goal]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return own[way]


def _positions(grids: Integers, some: Integers) -> Integers:
    """Return the positions, in sorted grids, of those of some that are among them."""
    at = np.minimum(np.searchsorted(grids, some), len(grids) - 1)
    return at[grids[at] == some]
