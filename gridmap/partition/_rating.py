"""What a plan of one region costs, what it does not hold, and which of two is better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridmap.partition._arrays import Instance, Ints
from gridmap.partition._centres import move_centres
from gridmap.partition._state import excess_of, leaving, make_state, pairs_together

__all__ = ["Solved", "cost_of", "exchanged", "pinned", "rate_plan"]


@dataclass(frozen=True, slots=True)
class Solved:
    """A plan of one region by node, its cost, and what it does not hold.

    Attributes
    ----------
    excess
        Worst excess over a bound, in tolerances of 3 %.
    leaves
        Workload beyond the limit that leaves its present beat, as the penalty counts it.
    together
        Pairs that are to be apart and share a beat.
    """

    beat: Ints
    cost: float
    excess: float
    sweeps: int
    leaves: float = 0.0
    together: int = 0
    proven: bool = False

    def better_than(self, other: Solved | None) -> bool:
        """Return whether this plan is preferred: pairs apart, what is kept, bounds, cost."""
        if other is None:
            return True
        return self.rank < other.rank

    @property
    def holds(self) -> bool:
        """Whether the plan holds what was asked for."""
        return not self.together and self.leaves <= 0 and self.excess <= 0

    @property
    def rank(self) -> tuple[int, float, float, float]:
        """What plans are compared by, the smaller the better."""
        return self.together, round(self.leaves, 9), round(self.excess, 9), round(self.cost, 9)


def cost_of(instance: Instance, beat: NDArray[np.integer]) -> float:
    """Return border, travel and change of a plan, without penalties, in mean borders."""
    graph, pulls = instance.graph, instance.pulls
    rows = np.repeat(np.arange(len(beat)), np.diff(graph.indptr))
    cost = float(graph.length[beat[rows] != beat[graph.nbr]].sum()) / 2
    if pulls.demand.any():
        held = np.zeros(instance.k, dtype=np.bool_)
        held[pulls.pin[pulls.pin >= 0]] = True
        move_centres(pulls, beat.astype(np.int32), instance.k, held, every=True)
        if pulls.matrix.size:
            far = pulls.matrix[np.arange(len(beat)), pulls.site[beat]]
        else:
            far = np.hypot(pulls.x - pulls.centre_x[beat], pulls.y - pulls.centre_y[beat])
        cost += float((pulls.demand * far).sum())
    off = (pulls.home >= 0) & (pulls.home != beat)
    return cost + float(pulls.price[off].sum())


def rate_plan(instance: Instance, beat: Ints, keep: float, sweeps: int) -> Solved:
    """Return a plan with its cost and what it does not hold."""
    state = make_state(instance, beat, 0, keep)
    return Solved(
        beat.copy(),
        cost_of(instance, beat),
        excess_of(instance, state),
        sweeps,
        leaves=leaving(state),
        together=pairs_together(instance, beat),
    )


def exchanged(instance: Instance, found: Solved, keep: float) -> Solved:
    """Return the plan with numbers exchanged where beats then fit their own bounds better."""
    goal = instance.loads.hi[:, 0]
    free = np.setdiff1d(np.arange(instance.k), instance.pulls.pin)
    if found.excess <= 0 or not free.size or not np.ptp(goal[free]) > 0:
        return found
    load = np.bincount(found.beat, weights=instance.loads.w[:, 0], minlength=instance.k)
    number = np.arange(instance.k, dtype=np.int32)
    number[free[np.argsort(load[free], kind="stable")]] = free[
        np.argsort(goal[free], kind="stable")
    ]
    other = rate_plan(instance, number[found.beat], keep, found.sweeps)
    return other if other.better_than(found) else found


def pinned(instance: Instance, beat: Ints) -> Ints:
    """Return the plan with each beat numbered as the node that is pinned in it says."""
    pin = instance.pulls.pin
    number = np.full(instance.k, -1, dtype=np.int32)
    held = np.flatnonzero(pin >= 0)
    number[beat[held]] = pin[held]
    spare = np.setdiff1d(np.arange(instance.k), pin[held])
    number[number < 0] = spare
    return number[beat]
