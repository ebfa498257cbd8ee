"""The sums of a plan that the search keeps, and what they say about its promises."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gridmap.partition._arrays import Instance, State

__all__ = ["excess_of", "leaving", "make_state", "pairs_together", "refresh_state"]


_FIRM = 10.0  # tolerances of 3 % that a mean beat's workload weighs which leaves too much


def make_state(instance: Instance, beat: NDArray[np.integer], seed: int, keep: float) -> State:
    """Return the sums of a plan and room for the search.

    Parameters
    ----------
    beat
        Beat of each grid, 0 to k - 1.
    seed
        Any integer; the same gives the same search.
    keep
        Workload that may leave its present beat before it is penalised; infinite for none.
    """
    n = len(beat)
    # SplitMix64 spreads small seeds over all bits, and never yields the forbidden zero.
    mixed = (int(seed) * 0x9E3779B97F4A7C15 + 0xBF58476D1CE4E5B9) & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    state = State(
        beat=np.array(beat, dtype=np.int32),
        size=np.zeros(instance.k, dtype=np.int32),
        total=np.zeros(instance.loads.lo.shape),
        moment=np.zeros((instance.k, 3)),
        moved=np.array([0.0, keep, 0.0]),
        stamp=np.zeros(n, dtype=np.int64),
        tick=np.zeros(1, dtype=np.int64),
        queue=np.zeros(2 * n + 8, dtype=np.int32),
        random=np.array([(mixed ^ (mixed >> 31)) or 1], dtype=np.uint64),
    )
    whole = float(instance.pulls.weight.sum())
    state.moved[2] = _FIRM * instance.k / whole if whole > 0 else 0.0
    refresh_state(instance, state)
    return state


def refresh_state(instance: Instance, state: State) -> None:
    """Compute the sums afresh, in place: rounding never builds up."""
    k, beat, pulls = instance.k, state.beat, instance.pulls
    state.size[:] = np.bincount(beat, minlength=k)
    for c in range(instance.loads.w.shape[1]):
        state.total[:, c] = np.bincount(beat, weights=instance.loads.w[:, c], minlength=k)
    for c, part in enumerate((pulls.mass, pulls.mass * pulls.x, pulls.mass * pulls.y)):
        state.moment[:, c] = np.bincount(beat, weights=part, minlength=k)
    off = (pulls.home >= 0) & (pulls.home != beat)
    state.moved[0] = float(pulls.weight[off].sum())


def excess_of(instance: Instance, state: State) -> float:
    """Return the worst excess over a bound, in tolerances of 3 % (0: all hold)."""
    loads = instance.loads
    over = np.maximum(state.total - loads.hi, loads.lo - state.total) * loads.scale
    return float(max(over.max(initial=0.0) - instance.slack, 0.0))


def leaving(state: State) -> float:
    """Return the workload beyond the limit that leaves its present beat, as it is weighed."""
    return float(max(0.0, state.moved[0] - state.moved[1]) * state.moved[2])


def pairs_together(instance: Instance, beat: NDArray[np.integer]) -> int:
    """Return how many pairs that may not share a beat do."""
    foes = instance.pulls.foe
    rows = np.repeat(np.arange(len(beat)), np.diff(instance.pulls.foe_ptr))
    return int((beat[rows] == beat[foes]).sum()) // 2
