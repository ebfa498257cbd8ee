"""Proof for travel: a Lagrangian bound, branching on centres, and exact models at the leaves.

A leaf is Hess's model (Hess et al. 1965) with one variable per grid and centre that the bound
has not ruled out, solved by HiGHS; where a beat of its answer is in several pieces, the piece
without the centre must reach it through its neighbours (Validi, Buchanan and Lykhovyd 2022),
and the model is solved again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmap.partition._arrays import Graph
from gridmap.partition._bounds import AT_THE_ROOT, IN_A_HURRY, Relaxation, relax_travel
from gridmap.partition._branch import Leaf, area_of, branch_on_centres, slack_of
from gridmap.partition._clock import Clock
from gridmap.partition._knapsack import Pairs, all_pairs, close_pairs
from gridmap.partition._task import TravelTask

__all__ = ["Cut", "Proof", "assign_centres", "is_branched", "prove_travel"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_BRANCHED_GRIDS = 400  # beyond, branching rarely ends: good plans are worth more of the time
_MOST_PAIRS = 400_000  # of a grid and a centre: what a node of branching takes a second for
_PROVEN = 1e-6  # gap
_FINEST = 1e-6  # of the dearest way: a plan that costs less is beyond the solver's precision
_LEAF_S, _LEAF_GAP = 30.0, 1e-7
_NEAR, _NEARER = 8, 4  # centres that a grid may be given to, fewer where a plan is known
_AROUND_S, _AROUND_GAP = 2.0, 2e-5
_HEURISTICS = 0.01  # a good plan is known, so the solver is to spend its time on the bound


@dataclass(frozen=True, eq=False, slots=True)
class Proof:
    """A lower bound, whether it meets the plan's cost, and the plan (centre of each grid)."""

    lower: float
    upper: float
    proven: bool
    centre: Integers


@dataclass(frozen=True, slots=True)
class Cut:
    """A grid reaches a centre only if one of the grids around its piece belongs to it too."""

    grid: int
    centre: int
    rim: tuple[int, ...]


def is_branched(grids: int, *, exact: bool) -> bool:
    """Return whether branching is likely to end, so that it gets most of the time."""
    return exact and grids <= _BRANCHED_GRIDS


def prove_travel(
    task: TravelTask,
    centre: Integers,
    *,
    clock: Clock,
    exact: bool = True,
    steps: int = 600,
    cuts: list[Cut] | None = None,
) -> Proof:
    """Return what can be proven about a plan's travel, and a better plan where one is found.

    Parameters
    ----------
    task
        The region, what its ways cost and what its beats may carry.
    centre
        Centre grid of each grid in the known plan (n,).
    exact
        Whether to go on to branching.
    steps
        Subgradient steps of the bound.
    cuts
        Cuts that are known to hold.
    """
    n = len(task.weight)
    beats = len(np.unique(centre))
    upper = task.value(centre)
    rooms = area_of([frozenset([v]) for v in task.rooms], n)
    part = clock.part(clock.left() * (0.3 if is_branched(n, exact=exact) else 1.0))
    every = all_pairs(task.cost)
    near = np.sort(task.cost, axis=1)[:, : max(2, n // beats)].mean(axis=1)
    root = relax_travel(
        task,
        every,
        beats,
        upper,
        start=near,
        clock=part,
        steps=steps,
        area=rooms,
        descent=AT_THE_ROOT if exact else IN_A_HURRY,
    )
    proof = _proof(task, root, root.bound, centre)
    if not exact or proof.proven or _is_too_fine(task, upper):
        return proof
    slack = slack_of(root, np.ones(n, dtype=np.bool_), rooms, beats, upper)
    pairs, root = _opened(close_pairs(task, every, root.multipliers, slack), root)
    if len(pairs.grid) > _MOST_PAIRS:
        return proof
    known = [] if cuts is None else cuts

    def settle(left: Pairs, best: Integers, patient: bool) -> Leaf:  # noqa: FBT001 - private
        part = clock if patient else clock.part(_LEAF_S)
        return _settle(task, left, best, known, part)

    found = branch_on_centres(task, pairs, centre, root=root, settle=settle, clock=clock)
    return _proof(task, root, found.lower, found.centre)


def _proof(task: TravelTask, root: Relaxation, lower: float, centre: Integers) -> Proof:
    """Return what a bound says about a plan; beyond the solver's precision only the root's."""
    upper = task.value(centre)
    lower = root.bound if _is_too_fine(task, upper) else max(root.bound, lower)
    lower = min(max(lower, 0.0), upper)
    return Proof(lower, upper, upper - lower <= _PROVEN * upper, centre)


def _is_too_fine(task: TravelTask, upper: float) -> bool:
    return upper < _FINEST * float(task.cost.max())


def _opened(pairs: Pairs, relaxed: Relaxation) -> tuple[Pairs, Relaxation]:
    """Return pairs and relaxation without the centres that have no pairs."""
    count = np.diff(pairs.ptr)
    open_ = count > 0
    ptr = np.concatenate([[0], np.cumsum(count[open_])])
    return pairs._replace(ptr=ptr, own=pairs.own[open_]), replace(
        relaxed, values=relaxed.values[open_], often=relaxed.often[open_]
    )


def _settle(task: TravelTask, left: Pairs, best: Integers, cuts: list[Cut], clock: Clock) -> Leaf:
    """Return the best plan in whole pieces with the centres that are left, and its bound.

    A bound above the best plan so far is as good as any.
    """
    n, beats, upper = len(task.weight), len(np.unique(best)), task.value(best)
    open_pairs = np.zeros((n, n), dtype=np.bool_)
    open_pairs[left.grid, np.repeat(left.own, np.diff(left.ptr))] = True
    if not open_pairs.any(axis=1).all():
        return Leaf(np.inf, None)
    start = best if open_pairs[np.arange(n), best].all() else None
    lower = 0.0
    while True:
        found, bound, done = _solve_once(
            task, beats, start, open_pairs, cuts, clock, _LEAF_GAP, upper
        )
        lower = max(lower, bound)
        if found is None:
            return Leaf(lower, None)
        new = _pieces_cuts(task.graph, found)
        if not new:
            return Leaf(lower, found)
        if not done:
            return Leaf(lower, None)
        cuts += new


def assign_centres(
    task: TravelTask,
    sites: Integers,
    cuts: list[Cut],
    clock: Clock,
    *,
    known: Integers | None = None,
) -> Integers | None:
    """Return the best plan in whole pieces with given centres, or None where none is found.

    Each grid goes to one of the few centres that cost it least, or to that of the known plan.

    Parameters
    ----------
    cuts
        Cuts that are known to hold; those found are added to it.
    known
        A plan with these centres.
    """
    n = len(task.weight)
    count = min(_NEAR if known is None else _NEARER, len(sites))
    near = np.argsort(task.cost[:, sites], axis=1, kind="stable")[:, :count]
    pairs = np.zeros((n, n), dtype=np.bool_)
    pairs[np.arange(n)[:, None], sites[near]] = True
    pairs[sites, sites] = True
    if known is not None:
        pairs[np.arange(n), known] = True
    part = clock.part(min(_AROUND_S, clock.left()))
    while not part.stopped():
        found, _, _ = _solve_once(task, len(sites), known, pairs, cuts, part, _AROUND_GAP)
        if found is None:
            return known
        new = _pieces_cuts(task.graph, found)
        if not new:
            return found
        cuts += new
    return known


def _solve_once(
    task: TravelTask,
    beats: int,
    start: Integers | None,
    open_pairs: NDArray[np.bool_],
    cuts: list[Cut],
    clock: Clock,
    gap: float,
    upper: float = np.inf,
) -> tuple[Integers | None, float, bool]:
    """Return the centre of each grid (None: no plan found), the bound, and whether solved."""
    import highspy

    n = len(task.weight)
    grids, centres = np.nonzero(open_pairs & np.diag(open_pairs)[None, :])
    number = np.full((n, n), -1, dtype=np.int64)
    number[grids, centres] = np.arange(len(grids))
    solver = _hess_model(task, beats, grids, centres, number)
    for cut in cuts:
        _add_cut(solver, cut, number)
    solver.setOptionValue("mip_rel_gap", gap)
    solver.setOptionValue("mip_abs_gap", 0.0)
    if np.isfinite(upper):
        solver.cbMipInterrupt.subscribe(_stop_above(upper))
    if np.isfinite(clock.left()):
        solver.setOptionValue("time_limit", max(clock.left(), 0.01))
    if start is not None:
        values = np.zeros(len(grids))
        values[number[np.arange(n), start]] = 1.0
        solver.setSolution(_solution(highspy, values))
        solver.setOptionValue("mip_heuristic_effort", _HEURISTICS)
    solver.run()
    info = solver.getInfo()
    if solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
        return None, float("inf"), True
    if info.primal_solution_status != 2:
        return None, float(info.mip_dual_bound), False
    taken = np.array(solver.getSolution().col_value) > 0.5
    found = np.full(n, -1, dtype=np.int64)
    found[grids[taken]] = centres[taken]
    done = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return found, float(info.mip_dual_bound), done


def _stop_above(upper: float) -> Callable[[Any], None]:
    """Return what ends a solver's run once nothing as good can be found any more."""

    def look(event: Any) -> None:  # noqa: ANN401 - the library has no types
        if event.data_out.mip_dual_bound > upper:
            event.interrupt()

    return look


def _solution(highspy: Any, values: Floats) -> Any:  # noqa: ANN401 - the library has no types
    solution = highspy.HighsSolution()
    solution.col_value = list(values)
    return solution


def _hess_model(
    task: TravelTask,
    beats: int,
    grids: Integers,
    centres: Integers,
    number: Integers,
) -> Any:  # noqa: ANN401 - the library has no types
    """Return the model: assignment, balance, centres in their own beats, k of them."""
    import highspy

    cost, weight, bounds = task.cost, task.weight, task.bounds
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)  # noqa: FBT003 - the library's signature
    solver.setOptionValue("threads", 1)
    for v, j in zip(grids, centres, strict=True):
        solver.addCol(float(cost[v, j]), 0.0, 1.0, 0, [], [])
    count = len(grids)
    solver.changeColsIntegrality(
        count, np.arange(count, dtype=np.int32), np.full(count, highspy.HighsVarType.kInteger)
    )
    for v in np.unique(grids):
        at = np.flatnonzero(grids == v).astype(np.int32)
        solver.addRow(1.0, 1.0, len(at), at, np.ones(len(at)))
    own = np.unique(centres)
    for j in own:
        at = np.flatnonzero(centres == j).astype(np.int32)
        y = int(number[j, j])
        load = weight[grids[at]]
        at_y = at == y
        solver.addRow(0.0, highspy.kHighsInf, len(at), at, np.where(at_y, load - bounds[0], load))
        solver.addRow(-highspy.kHighsInf, 0.0, len(at), at, np.where(at_y, load - bounds[1], load))
        for i in at[~at_y]:
            solver.addRow(
                -highspy.kHighsInf, 0.0, 2, np.array([i, y], np.int32), np.array([1.0, -1.0])
            )
    ys = np.array([number[j, j] for j in own], dtype=np.int32)
    solver.addRow(float(beats), float(beats), len(ys), ys, np.ones(len(ys)))
    return solver


def _pieces_cuts(graph: Graph, found: Integers) -> list[Cut]:
    """Return a cut for each grid of a piece that does not hold its centre."""
    n = len(found)
    cuts: list[Cut] = []
    seen = np.zeros(n, dtype=np.bool_)
    for root in [*np.unique(found), *range(n)]:
        if seen[root]:
            continue
        j = int(found[root])
        piece, rim = [int(root)], set()
        seen[root] = True
        for v in piece:
            for u in graph.nbr[graph.indptr[v] : graph.indptr[v + 1]]:
                if found[u] != j:
                    rim.add(int(u))
                elif not seen[u]:
                    seen[u] = True
                    piece.append(int(u))
        if root != j:
            cuts += [Cut(v, j, tuple(sorted(rim))) for v in piece]
    return cuts


def _add_cut(solver: Any, cut: Cut, number: Integers) -> None:  # noqa: ANN401 - the library has no types
    """Add a cut to a model, unless its pair is closed there."""
    import highspy

    if number[cut.grid, cut.centre] < 0:
        return
    gates = [number[u, cut.centre] for u in cut.rim if number[u, cut.centre] >= 0]
    at = np.array([number[cut.grid, cut.centre], *gates], dtype=np.int32)
    signs = np.array([1.0, *[-1.0] * len(gates)])
    solver.addRow(-highspy.kHighsInf, 0.0, len(at), at, signs)
