"""Proof for travel: branch and bound on centres, with Hess's exact model at the leaves.

The bound of `relax_travel` is weak because it may mix neighbouring centres. Whether a centre
lies in some small area or not takes that away on both sides, and a node's bound takes a few
steps from the multipliers of its parent. Areas that must have a centre never overlap: one
inside another takes its place, so the cheapest centres that meet them all are found by sorting.
Where no more centres are open than beats, what is left is an assignment with few pairs. Nodes
with the lowest bound come first, so the bound of the whole is that of the next one.

A leaf is Hess's model (Hess et al. 1965) with one variable per grid and centre that the bound
has not ruled out, solved by HiGHS; where a beat of its answer is in several pieces, the piece
without the centre must reach it through its neighbours (Validi, Buchanan and Lykhovyd 2022),
and the model is solved again.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from gridmap.partition._arrays import Clock, Graph
from gridmap.partition._lagrangian import (
    AT_A_NODE,
    AT_THE_ROOT,
    IN_A_HURRY,
    NEVER,
    Pairs,
    Relaxation,
    TravelTask,
    all_pairs,
    close_pairs,
    relax_travel,
)
from gridmap.typing import Bools, Floats, Ints

_BRANCHED_GRIDS = 400  # beyond, branching rarely ends: good plans are worth more of the time
_MOST_PAIRS = 400_000  # of a grid and a centre: what a node of branching takes a second for
_PROVEN = 1e-6  # gap
_FINEST = 1e-6  # of the dearest way: a plan that costs less is beyond the solver's precision
_LEAF_NODES, _LEAF_GAP = 3_000, 1e-7  # of HiGHS at a leaf, at first: about 30 seconds
_NEAR, _NEARER = 8, 4  # centres that a grid may be given to, fewer where a plan is known
_AROUND_NODES, _AROUND_GAP = 500, 2e-5  # of HiGHS around given centres: about two seconds
_AROUND_TURNS = 20  # with new cuts each time
_HEURISTICS = 0.01  # a good plan is known, so the solver is to spend its time on the bound


@dataclass(frozen=True, eq=False, slots=True)
class Proof:
    """A lower bound, whether it meets the plan's cost, and the plan (centre of each grid)."""

    lower: float
    upper: float
    proven: bool
    centre: Ints


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
    centre: Ints,
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

    def settle(left: Pairs, best: Ints, patient: bool) -> Leaf:  # noqa: FBT001 - private
        return _settle(task, left, best, known, clock, None if patient else _LEAF_NODES)

    found = branch_on_centres(task, pairs, centre, root=root, settle=settle, clock=clock)
    return _proof(task, root, found.lower, found.centre)


def _proof(task: TravelTask, root: Relaxation, lower: float, centre: Ints) -> Proof:
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


def _settle(
    task: TravelTask, left: Pairs, best: Ints, cuts: list[Cut], clock: Clock, nodes: int | None
) -> Leaf:
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
            task, beats, start, open_pairs, cuts, clock, _LEAF_GAP, upper, nodes
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
    task: TravelTask, sites: Ints, cuts: list[Cut], clock: Clock, *, known: Ints | None = None
) -> Ints | None:
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
    for _ in range(_AROUND_TURNS):
        if clock.stopped():
            break
        found, _, _ = _solve_once(
            task, len(sites), known, pairs, cuts, clock, _AROUND_GAP, nodes=_AROUND_NODES
        )
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
    start: Ints | None,
    open_pairs: Bools,
    cuts: list[Cut],
    clock: Clock,
    gap: float,
    upper: float = np.inf,
    nodes: int | None = None,
) -> tuple[Ints | None, float, bool]:
    """Return the centre of each grid (None: no plan found), the bound, and whether solved.

    Nodes, not seconds, limit the solver, so that every machine finds the same; the clock is
    the user's own patience.
    """
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
    if nodes is not None:
        solver.setOptionValue("mip_max_nodes", nodes)
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


def _hess_model(task: TravelTask, beats: int, grids: Ints, centres: Ints, number: Ints) -> Any:  # noqa: ANN401 - the library has no types
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


def _pieces_cuts(graph: Graph, found: Ints) -> list[Cut]:
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


def _add_cut(solver: Any, cut: Cut, number: Ints) -> None:  # noqa: ANN401 - the library has no types
    """Add a cut to a model, unless its pair is closed there."""
    import highspy

    if number[cut.grid, cut.centre] < 0:
        return
    gates = [number[u, cut.centre] for u in cut.rim if number[u, cut.centre] >= 0]
    at = np.array([number[cut.grid, cut.centre], *gates], dtype=np.int32)
    signs = np.array([1.0, *[-1.0] * len(gates)])
    solver.addRow(-highspy.kHighsInf, 0.0, len(at), at, signs)


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
    centre: Ints | None


class Branched(NamedTuple):
    """The bound of the whole, the best plan (centre of each grid), and the nodes looked at."""

    lower: float
    centre: Ints
    nodes: int


@dataclass(order=True, slots=True)
class _Node:
    """A part of all choices: open centres, areas with a centre each, and multipliers.

    ``tried`` is how often a leaf's assignment has taken too long: first it gets a moment, and
    where nothing else is left to look at, all the time there is.
    """

    bound: float
    number: int
    alive: Bools = field(compare=False)
    areas: tuple[Area, ...] = field(compare=False)
    multipliers: Floats = field(compare=False)
    tried: int = field(compare=False, default=0)


def branch_on_centres(
    task: TravelTask,
    pairs: Pairs,
    centre: Ints,
    *,
    root: Relaxation,
    settle: Callable[[Pairs, Ints, bool], Leaf],
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


def slack_of(relaxed: Relaxation, alive: Bools, area: Ints, beats: int, upper: float) -> Floats:
    """Return what a plan with each centre may still cost more than the relaxation with it (m,).

    Below zero where no plan as good as ``upper`` has that centre.
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


def area_of(areas: Sequence[Area], count: int) -> Ints:
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
    often: Floats, alive: Bools, areas: tuple[Area, ...], unlike: Floats
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
