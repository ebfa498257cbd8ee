"""Joining grids into communities, communities into stations, and grids into beats."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gridmap.demo._blocks import MAIN, RAIL
from gridmap.demo._shapes import Shapes

__all__ = ["Borders", "find_borders", "join_lightest", "loosen", "renumber"]

Ints = NDArray[np.int64]
Borders = dict[int, dict[int, float]]


def find_borders(shapes: Shapes, lengths: NDArray[np.float64]) -> Borders:
    """Return how strongly each grid is tied to each neighbour.

    The border's length in metres; a railway counts a tenth, a main road half, and nothing
    ties the banks of the river.
    """
    factor = np.where(shapes.kind == RAIL, 0.1, np.where(shapes.kind == MAIN, 0.5, 1.0))
    borders: Borders = {grid: {} for grid in range(len(shapes.grids))}
    for (a, b), tie in zip(shapes.sides.tolist(), (lengths * factor).tolist(), strict=True):
        if a >= 0 and b >= 0:
            borders[a][b] = borders[a].get(b, 0.0) + tie
            borders[b][a] = borders[b].get(a, 0.0) + tie
    return borders


def renumber(labels: Ints) -> Ints:
    """Return labels as 0, 1, 2 ... in the order of their values."""
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def join_lightest(
    start: Ints,
    weights: NDArray[np.float64],
    borders: Borders,
    *,
    target: int,
    evenness: float = 0.8,
) -> Ints:
    """Join the lightest group to its best neighbour until so many groups are left.

    Parameters
    ----------
    start
        Group of each atom to begin with, shape (n,); groups are in one piece.
    weights
        Weight of each atom, shape (n,).
    borders
        How strongly neighbouring atoms are tied.
    target
        Number of groups wanted; more are left where groups have no neighbours.
    evenness
        How much a light neighbour counts against a long border: 0 is not at all.

    Returns
    -------
    numpy.ndarray
        Group of each atom, 0, 1, 2 ..., shape (n,); each group is in one piece.
    """
    label = renumber(start)
    count = int(label.max()) + 1
    weight = np.bincount(label, weights=weights, minlength=count).tolist()
    ties: list[dict[int, float]] = [{} for _ in range(count)]
    for a, b, tie in _pairs(borders):
        p, q = int(label[a]), int(label[b])
        if p != q:
            ties[p][q] = ties[p].get(q, 0.0) + tie
            ties[q][p] = ties[q].get(p, 0.0) + tie
    into = list(range(count))
    heap = [(weight[group], group) for group in range(count)]
    heapq.heapify(heap)
    left = count
    while left > target and heap:
        load, group = heapq.heappop(heap)
        if into[group] != group or load != weight[group] or not ties[group]:
            continue
        best = max(
            ties[group], key=lambda g: (ties[group][g] / (load + weight[g]) ** evenness, -g)
        )
        into[group] = best
        weight[best] += load
        for other, tie in ties[group].items():
            del ties[other][group]
            if other != best:
                ties[best][other] = ties[best].get(other, 0.0) + tie
                ties[other][best] = ties[other].get(best, 0.0) + tie
        heapq.heappush(heap, (weight[best], best))
        left -= 1
    for group in range(count):
        while into[group] != into[into[group]]:
            into[group] = into[into[group]]
    return renumber(np.array(into)[label])


def loosen(labels: Ints, borders: Borders, *, share: float, rng: np.random.Generator) -> Ints:
    """Return groups whose borders were nudged: some grids go over to a neighbour group.

    A grid goes only where its old group stays in one piece.
    """
    found = labels.copy()
    members: dict[int, set[int]] = {}
    for grid, label in enumerate(labels.tolist()):
        members.setdefault(label, set()).add(grid)
    for grid in rng.permutation(len(labels))[: int(share * len(labels))].tolist():
        old = int(found[grid])
        others = [g for g in borders[grid] if found[g] != old]
        rest = members[old] - {grid}
        if not others or len(rest) < 3 or not _connected(rest, borders):
            continue
        new = int(found[max(others, key=lambda g: (borders[grid][g], -g))])
        members[old].remove(grid)
        members[new].add(grid)
        found[grid] = new
    return found


def _connected(group: set[int], borders: Borders) -> bool:
    first = min(group)
    seen, todo = {first}, [first]
    while todo:
        for other in borders[todo.pop()]:
            if other in group and other not in seen:
                seen.add(other)
                todo.append(other)
    return len(seen) == len(group)


def _pairs(borders: Borders) -> Iterator[tuple[int, int, float]]:
    for a, near in borders.items():
        for b, tie in near.items():
            if a < b:
                yield a, b, tie
