"""Proof for travel: reduced-cost fixing, then an exact model with lazy contiguity cuts.

Hess's model (Hess et al. 1965) with one variable per grid and centre that the Lagrangian
bound has not ruled out, solved by HiGHS; where a beat of its answer is in several pieces, the
piece without the centre must reach it through its neighbours (Validi, Buchanan and Lykhovyd
2022), and the model is solved again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmap.partition._anneal import Clock
from gridmap.partition._arrays import Graph
from gridmap.partition._bounds import Relaxation, relax_travel

__all__ = ["Proof", "prove_travel"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_LARGEST_MODEL = 60_000  # variables


@dataclass(frozen=True, eq=False, slots=True)
class Proof:
    """A lower bound, whether it meets the plan's cost, and the plan (centre of each grid)."""

    lower: float
    upper: float
    proven: bool
    centre: Integers


def prove_travel(
    graph: Graph,
    cost: Floats,
    weight: Floats,
    bounds: tuple[float, float],
    centre: Integers,
    *,
    clock: Clock,
    exact: bool = True,
    steps: int = 600,
) -> Proof:
    """Return what can be proven about a plan's travel, and a better plan where one is found.

    Parameters
    ----------
    graph
        Neighbours that a beat may be connected by.
    cost
        Cost (n, n) of each grid with each centre.
    weight, bounds
        Workload (n,); lowest and highest workload of a beat, both allowed.
    centre
        Centre grid of each grid in the known plan (n,).
    exact
        Whether to go on to the exact model.
    steps
        Subgradient steps of the bound.
    """
    n = len(weight)
    beats = len(np.unique(centre))
    upper = float(cost[np.arange(n), centre].sum())
    part = clock.part(clock.left() * (0.3 if exact else 1.0))
    relaxed = relax_travel(cost, weight, bounds, beats, upper, clock=part, steps=steps, goal=1e-6)
    lower = min(relaxed.bound, upper)
    if not exact or upper - lower <= 1e-6 * max(upper, 1e-12):
        return Proof(lower, upper, upper - lower <= 1e-6 * max(upper, 1e-12), centre)
    open_pairs = _open_pairs(cost, weight, bounds, beats, relaxed, upper)
    open_pairs[np.arange(n), centre] = True
    open_pairs[centre, centre] = True
    if open_pairs.sum() > _LARGEST_MODEL:
        return Proof(lower, upper, False, centre)  # noqa: FBT003 - a field of a value
    return _solve(graph, cost, weight, bounds, centre, open_pairs, lower, clock)


def _open_pairs(
    cost: Floats,
    weight: Floats,
    bounds: tuple[float, float],
    beats: int,
    relaxed: Relaxation,
    upper: float,
) -> NDArray[np.bool_]:
    """Return the pairs (grid, centre) that a plan better than ``upper`` may use."""
    n = len(weight)
    price = cost - relaxed.multipliers[:, None]
    least = np.sort(relaxed.values)[beats - 1]
    extra = np.maximum(relaxed.values - least, 0.0)
    open_pairs = np.zeros((n, n), dtype=np.bool_)
    for j in np.flatnonzero(relaxed.bound + extra <= upper * (1 + 1e-9)):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(
                weight > 0, price[:, j] / weight, np.where(price[:, j] < 0, -1e300, 1e300)
            )
        order = np.argsort(ratio, kind="stable")
        filled = np.cumsum(weight[order])
        # The ratio at which the knapsack stops: at a bound, or where pairs stop paying.
        stop = min(int(np.searchsorted(filled, bounds[1])), n - 1)
        need = min(int(np.searchsorted(filled, max(bounds[0], 0.0))), n - 1)
        critical = max(min(0.0, ratio[order[stop]]), 0.0 if need == 0 else ratio[order[need]])
        if ratio[order[need]] <= 0.0:
            critical = min(0.0, ratio[order[stop]])
        reduced = price[:, j] - critical * weight
        open_pairs[:, j] = relaxed.bound + extra[j] + np.maximum(reduced, 0.0) <= upper * (
            1 + 1e-9
        )
        open_pairs[j, j] = True
    return open_pairs


def _solve(
    graph: Graph,
    cost: Floats,
    weight: Floats,
    bounds: tuple[float, float],
    centre: Integers,
    open_pairs: NDArray[np.bool_],
    lower: float,
    clock: Clock,
) -> Proof:
    import highspy

    n = len(weight)
    grids, centres = np.nonzero(open_pairs & np.diag(open_pairs)[None, :])
    number = np.full((n, n), -1, dtype=np.int64)
    number[grids, centres] = np.arange(len(grids))
    solver = _hess_model(cost, weight, bounds, len(np.unique(centre)), grids, centres, number)
    upper = float(cost[np.arange(n), centre].sum())
    start = np.zeros(len(grids))
    start[number[np.arange(n), centre]] = 1.0
    while not clock.stopped():
        if np.isfinite(clock.left()):
            solver.setOptionValue("time_limit", float(solver.getRunTime() + clock.left()))
        solver.setSolution(_solution(highspy, start))
        solver.run()
        lower = max(lower, min(float(solver.getInfo().mip_dual_bound), upper))
        if solver.getInfo().primal_solution_status != 2:
            break
        values = np.array(solver.getSolution().col_value)
        found = np.full(n, -1, dtype=np.int64)
        taken = values > 0.5
        found[grids[taken]] = centres[taken]
        done = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        if not _cut_pieces(solver, graph, found, number):
            value = float(cost[np.arange(n), found].sum())
            if value <= upper:
                upper, centre = value, found
            if done:
                return Proof(min(max(lower, 0.0), upper), upper, True, centre)  # noqa: FBT003 - a field of a value
            break
        if not done:
            break
    return Proof(min(lower, upper), upper, False, centre)  # noqa: FBT003 - a field of a value


def _solution(highspy: Any, values: Floats) -> Any:  # noqa: ANN401 - the library has no types
    solution = highspy.HighsSolution()
    solution.col_value = list(values)
    return solution


def _hess_model(
    cost: Floats,
    weight: Floats,
    bounds: tuple[float, float],
    beats: int,
    grids: Integers,
    centres: Integers,
    number: Integers,
) -> Any:  # noqa: ANN401 - the library has no types
    """Return the model: assignment, balance, centres in their own beats, k of them."""
    import highspy

    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)  # noqa: FBT003 - the library's signature
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", 1e-7)
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


def _cut_pieces(solver: Any, graph: Graph, found: Integers, number: Integers) -> int:  # noqa: ANN401 - the library has no types
    """Add a cut for each piece that does not hold its centre; return how many."""
    import highspy

    n, added = len(found), 0
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
        if root == j:
            continue
        gates = [number[u, j] for u in rim if number[u, j] >= 0]
        for v in piece:
            at = np.array([number[v, j], *gates], dtype=np.int32)
            signs = np.array([1.0, *[-1.0] * len(gates)])
            solver.addRow(-highspy.kHighsInf, 0.0, len(at), at, signs)
            added += 1
    return added
