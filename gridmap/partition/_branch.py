"""Proof for travel by branching on where the centres are.

The bound of `relax_travel` is weak because it may mix neighbouring centres. Whether a centre
lies in some small area or not takes that away on both sides, and a node's bound takes a few
steps from the multipliers of its parent. Areas that must have a centre never overlap: one
inside another takes its place, so the cheapest centres that meet them all are found by sorting.
Where no more centres are open than beats, what is left is an assignment with few pairs. Nodes
with the lowest bound come first, so the bound of the whole is that of the next one.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridmap.partition._bounds import AT_A_NODE, Relaxation, relax_travel
from gridmap.partition._clock import Clock
from gridmap.partition._knapsack import NEVER, Pairs, close_pairs
from gridmap.partition._task import TravelTask

__all__ = ["Branched", "Leaf", "area_of", "branch_on_centres", "slack_of"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Area = frozenset[int]
_STEPS = 80  # subgradient steps at a node
_MOST_BYTES = 3e8  # of the multipliers of open nodes
_LOOKED_AT = 40  # centres, and as many around each, when an area is chosen
_NEARLY = 0.95  # of a centre: an area that surely has one divides nothing
_ROUNDING = 1e-9
_CLOSE = 2e-7  # of the best plan: a leaf is solved to half of it


class Leaf(NamedTuple):
    """What is left of a node with given centres: a bound, and a plan where one is found.

    Attributes
    ----------
    lower
        No plan that uses the leaf's pairs costs less; infinite where there is none.
    centre
        Centre of each grid (n,) in the best plan found, or None.
    """

    lower: float
    centre: Integers | None


class Branched(NamedTuple):
    """The bound of the whole, the best plan (centre of each grid), and the nodes looked at."""

    lower: float
    centre: Integers
    nodes: int


@dataclass(order=True, slots=True)
class _Node:
    """A part of all choices: open centres, areas with a centre each, and multipliers.

    ``tried`` is how often a leaf's assignment has taken too long: first it gets a moment, and
    where nothing else is left to look at, all the time there is.
    """

    bound: float
    number: int
    alive: Flags = field(compare=False)
    areas: tuple[Area, ...] = field(compare=False)
    multipliers: Floats = field(compare=False)
    tried: int = field(compare=False, default=0)


def branch_on_centres(
    task: TravelTask,
    pairs: Pairs,
    centre: Integers,
    *,
    root: Relaxation,
    settle: Callable[[Pairs, Integers, bool], Leaf],
    clock: Clock,
) -> Branched:
    """Return the best plan, and the bound after all choices of centres there is time for.

    Parameters
    ----------
    pairs
        Pairs that a plan as good as the known one may use.
    centre
        Centre of each grid in the known plan (n,).
    root
        The relaxation of the whole, with all centres.
    settle
        Returns what is best where the pairs have no more centres than beats, given the best
        plan so far and whether to take all the time there is.
    """
    beats, m = len(np.unique(centre)), len(pairs.own)
    upper = task.value(centre)
    unlike = _unlikeness(pairs, len(task.weight))
    opened = np.diff(pairs.ptr) > 0
    rooms = np.flatnonzero(np.isin(pairs.own, task.rooms))
    held = tuple(frozenset([c]) for c in rooms.tolist())
    heap = [_Node(root.bound, 0, opened, held, root.multipliers)]
    number, nodes = 0, 0
    most = max(1_000, int(_MOST_BYTES / (8 * len(task.weight) + m)))
    while heap and not clock.stopped() and len(heap) < most:
        if heap[0].bound >= upper * (1 - _CLOSE) or heap[0].tried > 1:
            break
        node = heapq.heappop(heap)
        nodes += 1
        node.alive &= opened
        area = area_of(node.areas, m)
        found = relax_travel(
            task,
            pairs,
            beats,
            upper,
            start=node.multipliers,
            clock=clock,
            steps=_STEPS,
            alive=node.alive,
            area=area,
            descent=AT_A_NODE,
        )
        bound = max(node.bound, found.bound)
        if bound >= upper * (1 - _CLOSE):
            continue
        slack = slack_of(found, node.alive, area, beats, upper)
        alive = node.alive & (slack >= 0)
        areas = tuple(frozenset(c for c in one if alive[c]) for one in node.areas)
        if alive.sum() < beats or not all(areas):
            continue
        if alive.sum() == beats:
            left = close_pairs(task, pairs, found.multipliers, np.where(alive, slack, -1.0))
            leaf = settle(left, centre, node.tried > 0)
            if leaf.centre is not None and task.value(leaf.centre) < upper:
                centre, upper = leaf.centre, task.value(leaf.centre)
                slack = slack_of(root, opened, area_of(held, m), beats, upper)
                pairs = close_pairs(task, pairs, root.multipliers, slack)
                opened = opened & (np.diff(pairs.ptr) > 0)
            bound = max(bound, leaf.lower)
            if bound < upper * (1 - _CLOSE):
                number += 1
                again = _Node(bound, number, alive, areas, found.multipliers, node.tried + 1)
                heapq.heappush(heap, again)
            continue
        inside, within = _chosen_area(found.often, alive, areas, unlike)
        without = alive.copy()
        without[list(inside)] = False
        here = (*areas, inside)
        away = areas
        if within >= 0:
            here = (*areas[:within], inside, *areas[within + 1 :])
            away = (*areas[:within], areas[within] - inside, *areas[within + 1 :])
        for still, those in ((alive, here), (without, away)):
            number += 1
            heapq.heappush(heap, _Node(bound, number, still, those, found.multipliers))
    # What was left out is no more than that much better.
    lower = min(heap[0].bound if heap else upper, upper * (1 - _CLOSE))
    return Branched(lower, centre, nodes)


def slack_of(
    relaxed: Relaxation, alive: Flags, area: Integers, beats: int, upper: float
) -> Floats:
    """Return what a plan with each centre may still cost more than the relaxation with it (m,).

    Below nought where no plan as good as ``upper`` has that centre.
    """
    values = np.where(alive, relaxed.values, NEVER)
    first = {int(a): -1 for a in np.unique(area[area >= 0])}
    for a in first:
        own = np.flatnonzero(area == a)
        first[a] = int(own[np.argmin(values[own])])
    held = np.zeros(len(values), dtype=np.bool_)
    held[list(first.values())] = True
    free = [c for c in np.argsort(values, kind="stable").tolist() if not held[c]]
    free = free[: beats - len(first)]
    # A centre that comes in takes the place of the dearest that is free to go, or of its area's.
    gone = np.full(len(values), max((float(values[c]) for c in free), default=-NEVER))
    for a, c in first.items():
        own = area == a
        gone[own] = np.maximum(gone[own], values[c])
    extra = np.maximum(values - gone, 0.0)
    extra[held] = 0.0
    extra[free] = 0.0
    slack: Floats = np.where(alive, upper * (1 + _ROUNDING) - relaxed.bound - extra, -1.0)
    return slack


def area_of(areas: Sequence[Area], count: int) -> Integers:
    """Return which of the areas each centre is in (m,), -1 for none."""
    area = np.full(count, -1, dtype=np.int64)
    for i, one in enumerate(areas):
        area[list(one)] = i
    return area


def _unlikeness(pairs: Pairs, grids: int) -> Floats:
    """Return how far centres are from each other (m, m): by how much their costs differ."""
    m = len(pairs.own)
    dear = np.full((m, grids), np.nan, dtype=np.float32)
    row = np.repeat(np.arange(m), np.diff(pairs.ptr))
    dear[row, pairs.grid] = pairs.cost
    # A grid that a centre may not have is as far off as the farthest it may have.
    dear = np.where(np.isnan(dear), np.float32(pairs.cost.max(initial=0.0)), dear)
    unlike = np.empty((m, m))
    for c in range(m):
        unlike[c] = np.abs(dear - dear[c]).sum(axis=1)
    return unlike


def _chosen_area(
    often: Floats, alive: Flags, areas: tuple[Area, ...], unlike: Floats
) -> tuple[Area, int]:
    """Return the area to branch on, and which of the areas it is a part of (-1: of none).

    It is the one of which the relaxation knows least whether it has a centre.
    """
    held = np.zeros(len(alive), dtype=np.bool_)
    best, inside, within = -1.0, frozenset[int](), -1
    for i, one in enumerate(areas):
        held[list(one)] = True
        own = np.array(sorted(one))
        if len(own) < 2:
            continue
        share = often[own] + _ROUNDING
        share = share / share.sum()
        for at in np.argsort(-share, kind="stable")[:_LOOKED_AT]:
            near = np.argsort(unlike[own[at], own], kind="stable")
            sums = np.cumsum(share[near])[:-1]
            even = np.minimum(sums, 1 - sums)
            last = int(np.argmax(even))
            if even[last] > best:
                best, within = float(even[last]), i
                inside = frozenset(own[near[: last + 1]].tolist())
    free = np.flatnonzero(alive & ~held)
    for at in np.argsort(-often[free], kind="stable")[:_LOOKED_AT]:
        near = np.argsort(unlike[free[at], free], kind="stable")[:_LOOKED_AT]
        sums = np.cumsum(often[free[near]])
        even = np.where(sums <= _NEARLY, np.minimum(sums, 1 - sums), -1.0)
        even[0] = max(even[0], 0.0)
        last = int(np.argmax(even))
        if even[last] > best:
            best, within = float(even[last]), -1
            inside = frozenset(free[near[: last + 1]].tolist())
    return inside, within
