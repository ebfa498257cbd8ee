"""Set partitioning for small regions: feasible beats as columns, the best exact cover of them.

Annealing under tight bounds rarely has all beats right at once, yet nearly always some. Every
beat inside its bounds that is met on the way is kept as a column; up to 62 grids all of them are
listed. The best exact cover of the grids by k columns is found by HiGHS: column generation over
the pool for the linear relaxation, then branch and bound over the columns that can still matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmap._compiled import njit
from gridmap.partition._anneal import Schedule, run_sweeps, schedule_arrays
from gridmap.partition._arrays import Attraction, Graph, Instance, Ints, Loads, State, make_state
from gridmap.partition._effort import Clock
from gridmap.partition._moves import NOISE
from gridmap.partition._recombine import tree_room
from gridmap.partition._start import start_plan

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
    attraction: Attraction,
    state: State,
    temperature,
    penalty,
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
    for s in range(len(temperature)):
        run_sweeps(
            graph,
            loads,
            attraction,
            state,
            temperature[s : s + 1],
            penalty[s : s + 1],
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
        temperature, penalty, beta, resplits = schedule_arrays(instance, schedule, share)
        found = _sweep_and_harvest(
            instance.graph,
            instance.loads,
            instance.attraction,
            state,
            temperature,
            penalty,
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


LARGEST = 62  # grids that fit the bits of one number
_STEPS = 12_000_000


def enumerate_columns(instance: Instance, pool: Pool, steps: int = _STEPS) -> bool:
    """Fill the pool with all beats inside the bounds; return whether that was possible.

    Every connected set of grids is met once: the one of least number is its root, and each
    grid on its edge is either taken in or shut out. Sets above a bound are cut off, and so
    are those that leave behind a part which no whole number of beats fits.

    Parameters
    ----------
    steps
        A cap on the sets looked at; beyond it the answer is False.
    """
    n, loads = len(instance.xy), instance.loads
    # The search aims somewhat inside the bounds; a proof is about all that they allow.
    aside = instance.slack / loads.scale
    loads = loads._replace(lo=loads.lo - aside, hi=loads.hi + aside)
    same = np.ptp(loads.lo, axis=0).max() == 0 if np.isfinite(loads.lo).all() else False
    if n > LARGEST or not same or np.ptp(loads.hi, axis=0).max() != 0:
        return False
    near = np.zeros(n, dtype=np.int64)
    for v in range(n):
        for j in instance.graph.nbr[instance.graph.indptr[v] : instance.graph.indptr[v + 1]]:
            near[v] |= 1 << int(j)
    found = np.zeros(len(pool.cost), dtype=np.int64)
    count = _enumerate(near, loads.w, loads.lo[0], loads.hi[0], instance.k, found, steps)
    if count < 0:
        return False
    bits = (found[:count, None] >> np.arange(n)) & 1
    bits = bits[_allowed(instance, bits)]
    pool.used[0] = len(bits)
    pool.member[: len(bits)] = bits
    pool.cost[: len(bits)] = _borders(instance, bits.astype(np.bool_))
    return True


def _allowed(instance: Instance, bits: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which sets hold nodes of one beat at most, and no two that are to be apart."""
    attraction = instance.attraction
    pinned = np.flatnonzero(attraction.pin >= 0)
    allowed: NDArray[np.bool_] = bits[:, pinned].sum(axis=1) <= 1  # a beat's own are one node
    rows = np.repeat(np.arange(bits.shape[1]), np.diff(attraction.separated_ptr))
    for a, b in zip(rows, attraction.separated, strict=True):
        allowed &= (bits[:, a] & bits[:, b]) == 0
    return allowed


def _borders(instance: Instance, member: NDArray[np.bool_]) -> NDArray[np.float64]:
    graph = instance.graph
    rows = np.repeat(np.arange(len(instance.xy)), np.diff(graph.indptr))
    total = np.zeros(len(member))
    for u, v, length in zip(rows, graph.nbr, graph.length, strict=True):
        total += length * (member[:, u] & ~member[:, v])
    return total


@njit(cache=True, nogil=True)
def _enumerate(near, w, lo, hi, k, found, steps):
    n, criteria = w.shape
    whole = np.int64((np.int64(1) << n) - 1)
    inside = np.zeros(n * n + 4, np.int64)
    edge = np.zeros(n * n + 4, np.int64)
    shut = np.zeros(n * n + 4, np.int64)
    fresh = np.ones(n * n + 4, np.bool_)
    load = np.zeros((n * n + 4, criteria))
    count = 0
    done = 0
    for root in range(n):
        bit = np.int64(1) << root
        inside[0] = bit
        shut[0] = bit - 1
        edge[0] = near[root] & ~shut[0] & ~bit
        load[0] = w[root]
        fresh[0] = True
        top = 1
        while top > 0:
            done += 1
            if done > steps:
                return -1
            top -= 1
            s, f, x = inside[top], edge[top], shut[top]
            own = load[top].copy()
            good = True
            for c in range(criteria):
                good &= own[c] <= hi[c]
            if not good:
                continue
            if fresh[top]:
                enough = True
                for c in range(criteria):
                    enough &= own[c] >= lo[c]
                if enough and _rest_fits(near, w, lo, hi, k, whole & ~s):
                    if count == len(found):
                        return -1
                    found[count] = s
                    count += 1
            if f == 0:
                continue
            v = 0
            while not (f >> v) & 1:
                v += 1
            bit = np.int64(1) << v
            # Shut v out: looked at later, and not a new set.
            inside[top], edge[top], shut[top] = s, f & ~bit, x | bit
            load[top] = own
            fresh[top] = False
            top += 1
            # Take v in: looked at next.
            taken = s | bit
            inside[top], shut[top] = taken, x
            edge[top] = (f | near[v]) & ~taken & ~x
            for c in range(criteria):
                load[top, c] = own[c] + w[v, c]
            fresh[top] = True
            top += 1
    return count


@njit(cache=True, nogil=True)
def _rest_fits(near, w, lo, hi, k, rest):
    """Return whether each part left behind can be a whole number of beats."""
    used = 1
    while rest:
        start = rest & -rest
        part = start
        wave = start
        while wave:
            v = 0
            while not (wave >> v) & 1:
                v += 1
            wave &= ~(np.int64(1) << v)
            new = near[v] & rest & ~part
            part |= new
            wave |= new
        rest &= ~part
        fits = False
        for number in range(1, k):
            good = True
            for c in range(w.shape[1]):
                total = 0.0
                for v in range(len(near)):
                    if (part >> v) & 1:
                        total += w[v, c]
                good &= number * lo[c] <= total <= number * hi[c]
            if good:
                fits = True
                break
        if not fits:
            return False
        used += 1
    return used <= k


_GRIDS = 300  # regions up to here are searched this way
_WIDE, _WIDE_GRIDS = 60, 3_000  # and up to here, if beats have that many grids each
_VISITS = 1.5e6  # looks at a grid in one search
_COVER_S = 10.0


def is_small(instance: Instance) -> bool:
    """Return whether `search_small` applies: few grids, and only borders and balance count."""
    attraction = instance.attraction
    if attraction.demand.any() or (attraction.home >= 0).any():
        return False
    n = len(instance.xy)
    if _is_locked(instance):  # listed and picked, but not searched for
        return n <= LARGEST
    return n <= _GRIDS or (n <= _WIDE_GRIDS and n >= _WIDE * instance.k)


def _is_locked(instance: Instance) -> bool:
    """Return whether nodes are to be in certain beats, or apart."""
    return bool((instance.attraction.pin >= 0).any() or instance.attraction.separated.size)


def search_small(
    instance: Instance,
    *,
    starts: int,
    seed: int,
    clock: Clock,
    on_progress: Callable[[float], None] | None = None,
    good_enough: float = -np.inf,
) -> tuple[float, Ints | None, bool]:
    """Return the least border found in mean borders, its plan, and whether it is proven.

    Parameters
    ----------
    starts
        Searches; every third begins hot from a new plan, the others from the best so far.
        Each sixth is long: four times the sweeps.
    good_enough
        Stop when a plan with at most this border is found.
    """
    n = len(instance.xy)
    pool = make_pool(n, seed)
    best: float = np.inf
    plan: Ints | None = None
    if n <= LARGEST and enumerate_columns(instance, pool):
        found = best_cover(pool, instance.k, np.inf, clock.left())
        if found is None or found[2] or _is_locked(instance):
            return (np.inf, None, False) if found is None else found
        best, plan, _ = found
    if _is_locked(instance):
        return np.inf, None, False
    pool.used[0] = 0
    sweeps = int(max(500, min(20_000, _VISITS / n)))
    for i in range(starts):
        if clock.stopped() or best <= good_enough + 1e-9:
            break
        anew = plan is None or i % 3 == 0
        rng = np.random.default_rng([seed, i])
        first = start_plan(instance, rng, turn=0.7 * i) if anew or plan is None else plan
        schedule = Schedule(
            sweeps=sweeps * (4 if i % 6 == 3 else 1),
            hot=1.5 if anew else 0.6,
            loose=100.0,
            strict=5_000.0,
            resplit=0.2,
        )
        least, candidate = gather_columns(
            instance, pool, first, schedule, seed=seed * 1009 + i, clock=clock
        )
        if least < best - 1e-9:
            best, plan = least, candidate
        if i % 8 == 7 or i == starts - 1:
            cover = best_cover(pool, instance.k, best, min(_COVER_S, clock.left() / 3))
            if cover is not None and cover[0] < best - 1e-9:
                best, plan, _ = cover
        if on_progress is not None:
            on_progress((i + 1) / starts)
    return best, plan, False
