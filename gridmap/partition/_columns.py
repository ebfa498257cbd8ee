"""Small regions: gather feasible beats from many searches, and pick the best set of them.

Annealing under tight bounds rarely has all beats right at once, yet nearly always some. Every
beat inside its bounds that is met on the way is kept as a column; the best exact cover of the
grids by k columns is a set partition problem, which HiGHS solves: column generation over the
pool for the linear relaxation, then branch and bound over the columns that can still matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import njit
from gridmap.partition._anneal import Schedule, schedule_arrays
from gridmap.partition._arrays import Graph, Instance, Ints, Loads, Pulls, State
from gridmap.partition._clock import Clock
from gridmap.partition._moves import NOISE
from gridmap.partition._recombine import tree_room
from gridmap.partition._state import make_state
from gridmap.partition._sweep import run_sweeps

__all__ = ["Pool", "best_cover", "gather_columns", "make_pool"]

_SLOTS = 1 << 18
_LARGEST = 120_000  # columns kept, fewer where grids are many
_MODEL = 6_000  # columns given to branch and bound
_FINE = 8_000_000  # entries of a pool whose prices are worked out in double precision
_SAME = 1e-6  # borders, in mean borders, that differ by less are equal


@dataclass(frozen=True, slots=True)
class Pool:
    """Feasible beats met so far: membership (columns, n), border length, and a hash table."""

    member: NDArray[np.uint8]
    cost: NDArray[np.float64]
    keys: NDArray[np.uint64]
    slot: NDArray[np.uint64]
    used: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Return the number of columns."""
        return int(self.used[0])


def make_pool(count: int, seed: int = 0) -> Pool:
    """Return an empty pool for regions of ``count`` grids."""
    largest = int(min(_LARGEST, 40_000_000 // max(count, 1)))
    keys = np.random.default_rng(seed).integers(1, 2**63, size=count, dtype=np.uint64)
    return Pool(
        member=np.zeros((largest, count), dtype=np.uint8),
        cost=np.zeros(largest),
        keys=keys,
        slot=np.zeros(_SLOTS, dtype=np.uint64),
        used=np.zeros(1, dtype=np.int64),
    )


@njit(cache=True, nogil=True)
def _harvest(graph, loads, state, member, cost, keys, slot, used, hashes, borders):
    n, k = len(state.beat), len(state.size)
    hashes[:] = 0
    borders[:] = 0.0
    for v in range(n):
        b = state.beat[v]
        hashes[b] ^= keys[v]
        for e in range(graph.indptr[v], graph.indptr[v + 1]):
            if state.beat[graph.nbr[e]] != b:
                borders[b] += graph.length[e]
    mask = np.uint64(len(slot) - 1)
    for b in range(k):
        good = True
        for c in range(loads.w.shape[1]):
            good &= loads.lo[b, c] <= state.total[b, c] <= loads.hi[b, c]
        if not good or used[0] >= len(cost):
            continue
        at = hashes[b] & mask
        while slot[at] != 0 and slot[at] != hashes[b]:
            at = (at + np.uint64(1)) & mask
        if slot[at] != 0:
            continue
        slot[at] = hashes[b]
        for v in range(n):
            member[used[0], v] = state.beat[v] == b
        cost[used[0]] = borders[b]
        used[0] += 1


@njit(cache=True, nogil=True)
def _sweep_and_harvest(
    graph: Graph,
    loads: Loads,
    pulls: Pulls,
    state: State,
    heat,
    weigh,
    beta,
    resplits,
    noise,
    room,
    member,
    cost,
    keys,
    slot,
    used,
    best,
):
    hashes = np.zeros(len(state.size), np.uint64)
    borders = np.zeros(len(state.size))
    least = np.inf
    for s in range(len(heat)):
        run_sweeps(
            graph,
            loads,
            pulls,
            state,
            heat[s : s + 1],
            weigh[s : s + 1],
            beta[s : s + 1],
            resplits[s : s + 1],
            noise,
            room,
        )
        if used[0] < len(cost):
            _harvest(graph, loads, state, member, cost, keys, slot, used, hashes, borders)
        whole = True
        for b in range(len(state.size)):
            for c in range(loads.w.shape[1]):
                whole &= loads.lo[b, c] <= state.total[b, c] <= loads.hi[b, c]
        if whole:
            border = 0.0
            for v in range(len(state.beat)):
                for e in range(graph.indptr[v], graph.indptr[v + 1]):
                    if state.beat[graph.nbr[e]] != state.beat[v]:
                        border += graph.length[e]
            if border < least:
                least = border
                best[:] = state.beat
    return least / 2


def gather_columns(
    instance: Instance,
    pool: Pool,
    beat: Ints,
    schedule: Schedule,
    *,
    seed: int,
    clock: Clock,
) -> tuple[float, Ints]:
    """Anneal once, keep the feasible beats met, and return the best feasible plan met.

    Returns
    -------
    The plan's border in mean borders (infinite where no plan inside all bounds was met) and
    the plan.
    """
    state = make_state(instance, beat, seed, np.inf)
    room = tree_room(len(beat), len(instance.graph.nbr), instance.loads.w.shape[1])
    best = np.array(beat, dtype=np.int32)
    least, plan = np.inf, best.copy()
    chunks = 8
    for i in range(chunks):
        if clock.stopped():
            break
        sweeps = max(1, schedule.sweeps // chunks)
        share = (i + (np.arange(sweeps) + 0.5) / sweeps) / chunks
        heat, weigh, beta, resplits = schedule_arrays(instance, schedule, share)
        found = _sweep_and_harvest(
            instance.graph,
            instance.loads,
            instance.pulls,
            state,
            heat,
            weigh,
            beta,
            resplits,
            NOISE,
            room,
            pool.member,
            pool.cost,
            pool.keys,
            pool.slot,
            pool.used,
            best,
        )
        if found < least:
            least, plan = found, best.copy()
    return least, plan


def best_cover(
    pool: Pool, k: int, upper: float, seconds: float
) -> tuple[float, Ints, bool] | None:
    """Return the cheapest exact cover by k columns of the pool, if cheaper than ``upper``.

    Parameters
    ----------
    upper
        Border of the best plan known, in the same unit as the columns' costs.
    seconds
        A cap on the time of the exact model.

    Returns
    -------
    The cover's border, its plan, and whether no cover by columns of the pool has less.
    """
    size = pool.size
    if size < k:
        return None
    member = pool.member[:size]
    cost = pool.cost[:size] / 2
    relaxed = _relaxed(member, cost, k, upper, seconds / 2)
    if relaxed is None:
        return None
    chosen, left_out = relaxed
    picked = _integral(member[chosen], cost[chosen], k, upper, seconds / 2)
    if picked is None:
        return None
    columns = chosen[picked[0]]
    beat = np.argmax(member[columns], axis=0).astype(np.int32)
    border = float(cost[columns].sum())
    return border, beat, picked[1] and left_out >= border - _SAME


def _model(
    member: NDArray[np.uint8], cost: NDArray[np.float64], k: int, penalty: float
) -> tuple[Any, Any]:
    """Return a HiGHS model of the exact cover by k columns; a penalty allows gaps."""
    import highspy

    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)  # noqa: FBT003 - the library's signature
    solver.setOptionValue("threads", 1)
    n = member.shape[1]
    model = highspy.HighsLp()
    extra = n if np.isfinite(penalty) else 0
    columns = len(member)
    model.num_col_ = columns + extra
    model.num_row_ = n + 1
    model.col_cost_ = np.concatenate([cost, np.full(extra, penalty if extra else 0.0)])
    model.col_lower_ = np.zeros(columns + extra)
    model.col_upper_ = np.ones(columns + extra)
    model.row_lower_ = np.append(np.ones(n), float(k) if not extra else 0.0)
    model.row_upper_ = np.append(np.ones(n), float(k))
    grids, at = np.nonzero(member.T)
    counts = member.sum(axis=1).astype(np.int64) + 1
    order = np.argsort(at, kind="stable")
    starts = np.concatenate([[0], np.cumsum(counts)])
    index = np.empty(int(counts.sum()), dtype=np.int32)
    last = np.zeros(len(index), dtype=np.bool_)
    last[starts[1:] - 1] = True
    index[last] = n
    index[~last] = grids[order]
    if extra:
        index = np.concatenate([index, np.arange(n, dtype=np.int32)])
        starts = np.concatenate([starts, starts[-1] + 1 + np.arange(n)])
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = starts.astype(np.int32)
    model.a_matrix_.index_ = index
    model.a_matrix_.value_ = np.ones(len(index))
    return solver, model


def _relaxed(
    member: NDArray[np.uint8], cost: NDArray[np.float64], k: int, upper: float, seconds: float
) -> tuple[NDArray[np.int64], float] | None:
    """Return the columns that can be in a cover cheaper than ``upper``, cheapest first.

    With them comes the least that a cover with any other column costs.
    """
    clock = Clock(seconds)
    active = np.argsort(cost, kind="stable")[: min(len(cost), 2000)]
    penalty = float(cost.max()) + 1.0
    dense = member.astype(np.float64 if member.size <= _FINE else np.float32)
    while True:
        solver, model = _model(member[active], cost[active], k, penalty)
        solver.passModel(model)
        solver.run()
        solution = solver.getSolution()
        value = float(solver.getInfo().objective_function_value)
        dual = np.array(solution.row_dual)
        priced = np.asarray(dense @ dual[:-1].astype(dense.dtype), dtype=np.float64)
        reduced = cost - priced - dual[-1]
        worst = np.argsort(reduced, kind="stable")[:500]
        # A column of the model itself looks cheap by no more than the solver's own tolerance.
        fresh = np.setdiff1d(worst[reduced[worst] < -1e-4], active)
        if not fresh.size or clock.stopped():
            break
        active = np.union1d(active, fresh)
    if value >= upper - _SAME:
        return None
    gap = upper - value if np.isfinite(upper) else np.inf
    usable = np.flatnonzero(reduced < gap)
    usable = usable[np.argsort(reduced[usable], kind="stable")]
    # Each of the k beats of a cover may cost the least reduced cost less than the relaxation.
    slack = value + k * min(float(reduced.min()), 0.0)
    left_out = slack + float(reduced[usable[_MODEL]]) if len(usable) > _MODEL else np.inf
    return usable[:_MODEL], left_out


def _integral(
    member: NDArray[np.uint8], cost: NDArray[np.float64], k: int, upper: float, seconds: float
) -> tuple[NDArray[np.int64], bool] | None:
    """Return the columns of the cheapest cover found, and whether it is proven; or None."""
    import highspy

    solver, model = _model(member, cost, k, np.inf)
    model.integrality_ = [highspy.HighsVarType.kInteger] * len(member)
    solver.setOptionValue("time_limit", float(seconds))
    solver.setOptionValue("mip_rel_gap", _SAME)
    if np.isfinite(upper):
        solver.setOptionValue("objective_bound", float(upper))
    solver.passModel(model)
    solver.run()
    if solver.getInfo().primal_solution_status != 2:
        return None
    values = np.array(solver.getSolution().col_value)
    picked = np.flatnonzero(values > 0.5)
    if len(picked) != k or cost[picked].sum() >= upper - 1e-9:
        return None
    return picked, solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
