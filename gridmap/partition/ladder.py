"""A ladder: the best plans with one, two, five, ten and twenty changed grids (beam search)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gridmap.errors import InputError
from gridmap.i18n import tr
from gridmap.partition._regions import open_edges, shares_of
from gridmap.partition.problem import Problem, wanted_beats
from gridmap.partition.proposal import Scores, score_plan
from gridmap.typing import Bools, Floats, Ints

_BEAM = 8  # plans that go on to the next rung of the ladder
_MOVES = 40  # most promising moves of each that are looked at
_POWER = 4  # of deviations, so that the worst ones count most
_NO_BRIDGES = np.zeros((0, 2), dtype=np.int64)


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Rung:
    """The best plan found with at most so many changed grids.

    Attributes
    ----------
    allowed, changed
        How many grids may change their beat, and how many do.
    assignment, scores
        Label of each grid's beat (n,), and what the plan is worth.
    """

    allowed: int
    changed: int
    assignment: Ints
    scores: Scores

    def sentence(self, language: str | None = None) -> str:
        """Return what so few changes reach, in words."""
        return tr(
            "partition.ladder.rung",
            language=language,
            allowed=self.allowed,
            changed=self.changed,
            deviation=self.scores.max_deviation,
        )


def change_ladder(
    problem: Problem, *, allowed: Sequence[int] = (1, 2, 5, 10, 20)
) -> tuple[Rung, ...]:
    """Return the best balanced plans with few changed grids, from today's beats on.

    Beam search: of the best few plans with so many changes, each grid at a border is given to
    a neighbouring beat, so that no beat falls into more pieces than it has. Locked beats,
    stations, fixed grids, rooms, grids together and pairs apart stay as they are to be. Grids in
    no beat today first join a neighbouring one, which is no change.

    Parameters
    ----------
    allowed
        Numbers of grids that may change, ascending.

    Raises
    ------
    InputError
        If there are no present beats near some grid, or the numbers do not ascend.
    """
    present = _whole_present(problem)
    steps = [int(step) for step in allowed]
    if not steps or steps[0] < 1 or any(a >= b for a, b in pairwise(steps)):
        raise InputError("partition.error.ladder", received=list(allowed))
    climb = _Climb.of(problem, present)
    beam = [(climb.cost(present), present.copy(), frozenset[int]())]
    best = (climb.worst(present), 0, present.copy())
    rungs = []
    for count in range(1, steps[-1] + 1):
        beam = climb.next_beam(beam)
        for _, plan, changed in beam:
            rated = (climb.worst(plan), len(changed), plan)
            if rated[0] < best[0] - 1e-12:
                best = rated
        if count in steps:
            scores = score_plan(problem, best[2], _NO_BRIDGES)
            rungs.append(
                Rung(allowed=count, changed=best[1], assignment=best[2].copy(), scores=scores)
            )
        if not beam:
            rest = [step for step in steps if step > count]
            scores = score_plan(problem, best[2], _NO_BRIDGES)
            rungs += [
                Rung(allowed=step, changed=best[1], assignment=best[2].copy(), scores=scores)
                for step in rest
            ]
            break
    return tuple(rungs)


def score_present(problem: Problem) -> tuple[Ints, Scores] | None:
    """Return today's beats and what they are worth, None where there are none.

    Grids in no beat today count with a neighbouring one.
    """
    try:
        plan = _whole_present(problem)
    except InputError:
        return None
    return plan, score_plan(problem, plan, _NO_BRIDGES)


def _whole_present(problem: Problem) -> Ints:
    """Return today's beats, where grids in none have joined a neighbour's."""
    if problem.present is None:
        raise InputError("partition.error.no_present")
    plan = problem.present.copy()
    edges = open_edges(problem)
    both = np.concatenate([edges, edges[:, ::-1]])
    while (plan < 0).any():
        reach = (plan[both[:, 0]] < 0) & (plan[both[:, 1]] >= 0)
        if not reach.any():
            raise InputError("partition.error.no_present")
        plan[both[reach, 0]] = plan[both[reach, 1]]
    return plan


@dataclass(frozen=True, eq=False, slots=True)
class _Climb:
    """What the ladder needs of a problem: neighbours, loads against targets, what may move."""

    near: list[list[int]]
    edges: Ints
    weights: Floats
    labels: Ints
    target: Floats
    movable: Bools
    apart: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, problem: Problem, present: Ints) -> _Climb:
        """Return it for a problem and its present beats."""
        edges = open_edges(problem)
        near: list[list[int]] = [[] for _ in range(problem.grids)]
        for a, b in edges.tolist():
            near[a].append(b)
            near[b].append(a)
        labels = np.unique(present)
        share = shares_of(problem, labels)
        total = problem.weights.sum(axis=0)
        movable = (wanted_beats(problem) < 0) & ~np.isin(present, problem.frozen)
        movable[[v for tie in problem.together for v in tie]] = False
        return cls(
            near=near,
            edges=edges,
            weights=problem.weights,
            labels=labels,
            target=share / share.sum(axis=0) * total,
            movable=movable,
            apart=problem.apart,
        )

    def deviations(self, plan: Ints) -> Floats:
        """Return the deviation of each beat and criterion (k, criteria)."""
        row = np.searchsorted(self.labels, plan)
        loads = [np.bincount(row, weights=c, minlength=len(self.labels)) for c in self.weights.T]
        with np.errstate(invalid="ignore", divide="ignore"):
            off = np.stack(loads, axis=1) / self.target - 1
        return np.where(self.target > 0, off, 0.0)

    def worst(self, plan: Ints) -> float:
        """Return the worst deviation, either side."""
        return float(np.abs(self.deviations(plan)).max(initial=0.0))

    def cost(self, plan: Ints) -> float:
        """Return what the search lessens."""
        return float((np.abs(self.deviations(plan)) ** _POWER).sum())

    def next_beam(
        self, beam: list[tuple[float, Ints, frozenset[int]]]
    ) -> list[tuple[float, Ints, frozenset[int]]]:
        """Return the best plans with one more changed grid."""
        grown: dict[bytes, tuple[float, Ints, frozenset[int]]] = {}
        for cost, plan, changed in beam:
            off = self.deviations(plan)
            both = np.concatenate([self.edges, self.edges[:, ::-1]])
            grid, other = both[plan[both[:, 0]] != plan[both[:, 1]]].T
            fresh = self.movable[grid] & ~np.isin(grid, list(changed))
            pairs = np.unique(np.stack([grid[fresh], plan[other[fresh]]], axis=1), axis=0)
            if not len(pairs):
                continue
            gain = self._gains(off, plan, pairs)
            looked = 0
            for i in np.argsort(gain, kind="stable").tolist():
                if looked == _MOVES:
                    break
                v, goal = int(pairs[i, 0]), int(pairs[i, 1])
                if not self._may_move(plan, v, goal):
                    continue
                looked += 1
                moved = plan.copy()
                moved[v] = goal
                grown.setdefault(moved.tobytes(), (cost + gain[i], moved, changed | {v}))
        ranked = sorted(grown.values(), key=lambda one: (one[0], one[1].tobytes()))
        return ranked[:_BEAM]

    def _gains(self, off: Floats, plan: Ints, pairs: Ints) -> Floats:
        """Return by how much each move changes the cost."""
        here = np.searchsorted(self.labels, plan[pairs[:, 0]])
        there = np.searchsorted(self.labels, pairs[:, 1])
        with np.errstate(invalid="ignore", divide="ignore"):
            less = np.where(
                self.target[here] > 0, self.weights[pairs[:, 0]] / self.target[here], 0
            )
            more = np.where(
                self.target[there] > 0, self.weights[pairs[:, 0]] / self.target[there], 0
            )
        change = np.abs(off[here] - less) ** _POWER - np.abs(off[here]) ** _POWER
        change += np.abs(off[there] + more) ** _POWER - np.abs(off[there]) ** _POWER
        return np.asarray(change.sum(axis=1))

    def _may_move(self, plan: Ints, grid: int, goal: int) -> bool:
        """Return whether the beat stays in as many pieces and is not emptied; pairs stay apart."""
        for a, b in self.apart:
            if grid in (a, b) and plan[b if grid == a else a] == goal:
                return False
        own = plan[grid]
        left = {u for u in self.near[grid] if plan[u] == own}
        if not left:
            return False
        seen, wave = {grid}, [next(iter(left))]
        while wave and left:
            v = wave.pop()
            if v in seen:
                continue
            seen.add(v)
            left.discard(v)
            wave += [u for u in self.near[v] if plan[u] == own and u not in seen]
        return not left
