"""Random requests on a few grids against brute force: none refused that a plan exists for.

``python -m benchmarks.partition_few [--requests 500] [--seed 0]`` makes requests of 5 to 13 grids
over all conditions (several criteria, targets, absolute limits, stations, communities, locked
beats, fixed grids, grids together and apart, rooms, shares to keep, places with and without
demand, missing borders, limits and reach of a beat, preferred borders, ways), lists every plan by
itself, and prints one JSON line: requests, those that have a plan, plans refused or broken, and
objectives that were not the best. Exits with 1 where a promise is broken. The
listing shares no code with the search.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridmap.errors import InfeasibleError
from gridmap.partition import Problem, Proposal, propose

_OBJECTIVES = ("compact", "balance", "travel", "change")
_LONGER = 1.1
_EPS = 1e-9


@dataclass(frozen=True, kw_only=True)
class Request:
    """A problem and the options of one call."""

    problem: Problem
    objective: str
    tolerance: float
    keep: float | None


def random_request(seed: int) -> Request:  # noqa: C901, PLR0912, PLR0915 - a draw per option
    """Return a request of 5 to 13 grids, the same for the same seed."""
    rng = np.random.default_rng([seed, 11])
    n = int(rng.integers(5, 14))
    columns = int(rng.integers(2, 5))
    at = np.arange(n)
    row, column = np.divmod(at, columns)
    pairs = [(v, v + 1) for v in at if column[v] < columns - 1 and v + 1 < n]
    pairs += [(v, v + columns) for v in at if v + columns < n]
    pairs += [(v, v + columns + 1) for v in at if v + columns + 1 < n and rng.random() < 0.2]
    pairs = [pair for pair in pairs if rng.random() > 0.08]
    edges = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    criteria = 2 if rng.random() < 0.15 else 1
    weights = rng.integers(0 if rng.random() < 0.4 else 3, 20, (n, criteria)).astype(float)
    weights[0] += 1.0
    beats = int(rng.integers(2, max(3, n // 3) + 1))
    options: dict[str, Any] = {
        "weights": weights,
        "edges": edges,
        "borders_m": rng.integers(1, 10, len(edges)).astype(float),
        "beats": beats,
    }
    if rng.random() < 0.8:
        options["xy"] = np.stack([column, row], axis=1) * 100.0 + rng.normal(0, 10, (n, 2))
        if rng.random() < 0.5:
            options["demand"] = rng.integers(0, 30, n).astype(float)
    if rng.random() < 0.2:
        options["targets"] = rng.integers(1, 4, beats).astype(float)
    if rng.random() < 0.15:
        mean = weights[:, 0].sum() / beats
        options["bounds"] = (float(np.floor(mean * 0.6)), float(np.ceil(mean * 1.5)))
    if rng.random() < 0.2:
        options["parents"] = np.where(row < (row.max() + 1) // 2, "n", "s")
    today = None
    if rng.random() < 0.6:
        today = (at * int(rng.integers(beats, beats + 2))) // n
        today = np.where(rng.random(n) < 0.1, -1, today)
        options["present"] = today
        if rng.random() < 0.3:
            options["keep_weights"] = rng.integers(1, 50, n).astype(float)
        known = np.unique(today[today >= 0])
        if rng.random() < 0.25 and beats > 2 and len(known) > 1:
            options["frozen"] = (int(rng.choice(known)),)
    if rng.random() < 0.25:
        fixed = np.full(n, -1)
        fixed[rng.integers(0, n)] = rng.integers(0, beats)
        options["fixed"] = fixed
    if rng.random() < 0.25:
        options["together"] = (tuple(rng.choice(n, 2, replace=False).tolist()),)
    if rng.random() < 0.35:
        options["apart"] = tuple(
            tuple(rng.choice(n, 2, replace=False).tolist()) for _ in range(rng.integers(1, 4))
        )
    if "xy" in options and rng.random() < 0.2:
        rooms = np.full(beats, -1)
        rooms[: rng.integers(1, beats + 1)] = -2
        spots = iter(rng.permutation(n).tolist())
        options["rooms"] = np.array([next(spots) if r == -2 else -1 for r in rooms])
    if rng.random() < 0.15:
        options["communities"] = np.array([f"c{v // 2}" for v in at], dtype=object)
        options["whole_communities"] = bool(rng.random() < 0.7)
    _draw_more(options, rng)
    objective = str(rng.choice(_OBJECTIVES if today is not None else _OBJECTIVES[:3]))
    keep = round(float(rng.uniform(0.3, 0.95)), 2) if today is not None else None
    keep = keep if rng.random() < 0.5 else None
    tolerance = float(rng.choice([0.05, 0.1, 0.2, 0.4, 0.7]))
    return Request(problem=Problem(**options), objective=objective, tolerance=tolerance, keep=keep)


def _draw_more(options: dict[str, Any], rng: np.random.Generator) -> None:
    """Add limits of a beat, preferred borders, ways between grids, and tolerances, at times."""
    n, beats = len(options["weights"]), options["beats"]
    if rng.random() < 0.15:
        most = [float(np.ceil(n / beats * rng.uniform(1.1, 2.0))), float(rng.uniform(4, 9))]
        options["limited"] = np.column_stack([np.ones(n), rng.uniform(0.2, 1.0, n)])
        options["limits"] = most
    if rng.random() < 0.2:
        options["border_factor"] = rng.choice([0.5, 1.0, 2.0], len(options["edges"]))
    if options["weights"].shape[1] > 1 and rng.random() < 0.5:
        options["tolerances"] = tuple(rng.choice([0.1, 0.3, 0.6], 2).tolist())
    if "xy" not in options:
        return
    far = np.hypot(*(options["xy"][:, None] - options["xy"][None]).transpose(2, 0, 1))
    if rng.random() < 0.15:
        options["travel"] = far * rng.uniform(1.0, 1.5, (n, n))
    if rng.random() < 0.15:
        # Somebody travels from each grid, so that there is one best centre.
        options["demand"] = options.get("demand", options["weights"][:, 0]) + rng.uniform(1, 2, n)
        options["reach"] = float(rng.uniform(120, 350))


def _divisions(request: Request) -> Iterator[NDArray[np.int64]]:  # noqa: C901 - one recursion
    """Yield every division of the grids that are not locked into beats of one piece each.

    Beats that carry too much or too little for any number are left out.
    """
    problem = request.problem
    n = problem.grids
    locked = set()
    if problem.present is not None:
        locked = {v for v in range(n) if problem.present[v] in problem.frozen}
    station = ["" if problem.parents is None else str(problem.parents[v]) for v in range(n)]
    near: dict[int, set[int]] = {v: set() for v in range(n) if v not in locked}
    for a, b in problem.edges.tolist():
        if a in near and b in near and a != b and station[a] == station[b]:
            near[a].add(b)
            near[b].add(a)
    barred = [set(pair) for pair in problem.apart]
    loads = problem.weights[:, 0].tolist()
    low, high = _widest(request)

    def grow(own: frozenset[int], edge: list[int], shut: set[int]) -> Iterator[frozenset[int]]:
        if sum(loads[v] for v in own) <= high and not any(pair <= own for pair in barred):
            if sum(loads[v] for v in own) >= low:
                yield own
            for i, v in enumerate(edge):
                new = [u for u in near[v] if u not in own and u not in edge and u not in shut]
                yield from grow(own | {v}, edge[i + 1 :] + new, shut | set(edge[: i + 1]))

    def give(rest: frozenset[int], beats: int) -> Iterator[list[frozenset[int]]]:
        if not rest and not beats:
            yield []
        if not rest or not beats or len(rest) < beats:
            return
        v = min(rest)
        taken = set(near) - rest
        edge = [u for u in near[v] if u in rest]
        for own in grow(frozenset([v]), edge, taken | {v}):
            for others in give(rest - own, beats - 1):
                yield [own, *others]

    for groups in give(frozenset(near), problem.beats - len(problem.frozen)):
        plan = np.full(n, -1)
        for b, own in enumerate(groups):
            plan[list(own)] = b
        yield plan


def _widest(request: Request) -> tuple[float, float]:
    """Return the least and the most that a beat of any number may carry."""
    problem = request.problem
    if problem.bounds is not None:
        return problem.bounds[0] - _EPS, problem.bounds[1] + _EPS
    whole = float(problem.weights[:, 0].sum())
    goals = np.ones(problem.beats) if problem.targets is None else problem.targets[:, 0]
    share = whole * goals / goals.sum()
    tolerance = problem.tolerances[0] if problem.tolerances else request.tolerance
    return share.min() * (1 - tolerance) - _EPS, share.max() * (1 + tolerance) + _EPS


def _labelled(problem: Problem, plan: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Yield the plan with every choice of numbers that means something different."""
    beats = problem.beats - len(problem.frozen)
    today = set() if problem.present is None else set(problem.present[problem.present >= 0])
    known = (today | set(range(problem.beats))) - set(problem.frozen)
    fresh = max([*known, problem.beats, *problem.frozen], default=0) + 1
    numbered = problem.targets is not None and np.ptp(problem.targets) > 0
    pool = sorted(int(b) for b in known)
    if not numbered:
        pool += list(range(fresh, fresh + beats))
        if not today and problem.fixed is None and problem.rooms is None:
            pool = list(range(beats))
    rows = [int(b) % problem.beats for b in problem.frozen]
    overlap: list[list[int]] = []
    for b in range(beats):
        own = plan == b
        wants = _wanted(problem, own)
        if len(wants) > 1 or wants & set(problem.frozen):
            return
        useful = pool
        if wants:
            useful = list(wants)
        elif not numbered:
            here = [] if problem.present is None else problem.present[own].tolist()
            useful = [c for c in pool if c in here] + [fresh + b]
            if not today:
                useful = [fresh + b]
        overlap.append(useful)
    for chosen in itertools.product(*overlap):
        if len(set(chosen)) < beats:
            continue
        if numbered and len({c % problem.beats for c in chosen} | set(rows)) < beats + len(rows):
            continue
        full = np.array([*chosen, -1])[plan]
        if problem.present is not None:
            full = np.where(plan < 0, problem.present, full)
        yield full


def _wanted(problem: Problem, own: NDArray[np.bool_]) -> set[int]:
    wants = set()
    if problem.fixed is not None:
        wants |= {int(b) for b in problem.fixed[own] if b >= 0}
    if problem.rooms is not None:
        wants |= {b for b, v in enumerate(problem.rooms.tolist()) if v >= 0 and own[v]}
    return wants


def _meets(request: Request, plan: NDArray[np.int64]) -> bool:  # noqa: C901, PLR0911, PLR0912 - a condition each
    """Return whether every condition but connectedness holds for a plan with its numbers."""
    problem = request.problem
    for tie in problem.together:
        if len(set(plan[list(tie)].tolist())) > 1:
            return False
    if problem.fixed is not None and ((problem.fixed >= 0) & (problem.fixed != plan)).any():
        return False
    if problem.rooms is not None:
        held = np.flatnonzero(problem.rooms >= 0)
        if (plan[problem.rooms[held]] != held).any():
            return False
    if not _meets_limits(problem, plan):
        return False
    if any(plan[a] == plan[b] for a, b in problem.apart):
        return False
    if problem.whole_communities and problem.communities is not None:
        for name in set(problem.communities):
            own = plan[(problem.communities == name) & ~np.isin(plan, problem.frozen)]
            if len(set(own.tolist())) > 1:
                return False
    if request.keep is not None and _kept(problem, plan) < request.keep - _EPS:
        return False
    labels = [int(b) for b in np.unique(plan) if b not in problem.frozen]
    allowed = problem.tolerances or (request.tolerance,) * problem.criteria
    for c in range(problem.criteria):
        loads = {b: float(problem.weights[plan == b, c].sum()) for b in np.unique(plan).tolist()}
        if c == 0 and problem.bounds is not None:
            low, high = problem.bounds
            if not all(low - _EPS <= load <= high + _EPS for load in loads.values()):
                return False
            continue
        whole = float(problem.weights[:, c].sum())
        if whole <= 0:
            continue
        for b in labels:
            target = whole / problem.beats
            if problem.targets is not None:
                goals = problem.targets[:, c]
                target = whole * goals[b % problem.beats] / goals.sum()
            if abs(loads[b] / target - 1) > allowed[c] + _EPS:
                return False
    return True


def _meets_limits(problem: Problem, plan: NDArray[np.int64]) -> bool:
    """Return whether no beat holds more than it may, and every grid is within reach."""
    for b in np.unique(plan).tolist():
        own = plan == b
        if problem.limits and (problem.limited[own].sum(axis=0) > np.array(problem.limits)).any():
            return False
        if problem.reach is not None:
            far, centre = _centre(problem, np.flatnonzero(own), b)
            if far[:, centre].max() > problem.reach:
                return False
    return True


def _centre(
    problem: Problem, own: NDArray[np.int64], beat: int
) -> tuple[NDArray[np.float64], int]:
    """Return the ways between a beat's grids, and which of them its officer starts from."""
    far = problem.far(own)
    assert far is not None
    if problem.rooms is not None and beat < len(problem.rooms) and problem.rooms[beat] >= 0:
        return far, int(np.searchsorted(own, problem.rooms[beat]))
    demand = problem.weights[:, 0] if problem.demand is None else problem.demand
    return far, int(np.argmin(demand[own] @ far))


def _kept(problem: Problem, plan: NDArray[np.int64]) -> float:
    if problem.present is None:
        return 1.0
    weight = problem.weights[:, 0] if problem.keep_weights is None else problem.keep_weights
    had = problem.present >= 0
    total = float(weight[had].sum())
    return float(weight[had & (plan == problem.present)].sum()) / total if total > 0 else 1.0


def _moved(problem: Problem, plan: NDArray[np.int64]) -> float:
    return 1.0 - _kept(problem, plan)


def _cut(problem: Problem, plan: NDArray[np.int64]) -> float:
    ends = problem.edges
    factor = np.ones(len(ends))
    if problem.communities is not None and len(ends):
        names = problem.communities[ends]
        factor = np.where(names[:, 0] == names[:, 1], 2.5, 1.0)
    between = plan[ends[:, 0]] != plan[ends[:, 1]]
    if problem.border_factor is not None:
        factor = factor * problem.border_factor
    return float((problem.borders_m * factor)[between].sum())


def _deviation(problem: Problem, plan: NDArray[np.int64]) -> float:
    worst = 0.0
    for c in range(problem.criteria):
        whole = float(problem.weights[:, c].sum())
        if whole <= 0 or (c == 0 and problem.bounds is not None):
            continue
        for b in np.unique(plan).tolist():
            if b in problem.frozen:
                continue
            target = whole / problem.beats
            if problem.targets is not None:
                goals = problem.targets[:, c]
                target = whole * goals[b % problem.beats] / goals.sum()
            worst = max(worst, abs(float(problem.weights[plan == b, c].sum()) / target - 1))
    return worst


def _travel(problem: Problem, plan: NDArray[np.int64]) -> float:
    demand = problem.weights[:, 0] if problem.demand is None else problem.demand
    if problem.xy is None:
        return 0.0
    total = 0.0
    for b in np.unique(plan).tolist():
        if b in problem.frozen:
            continue
        own = np.flatnonzero(plan == b)
        far, centre = _centre(problem, own, b)
        total += float(demand[own] @ far[:, centre])
    return total


def check_request(request: Request) -> dict[str, Any]:
    """Return whether a plan exists, whether ours holds, and whether it is the best."""
    problem = request.problem
    try:
        proposal = propose(
            problem,
            tolerance=request.tolerance,
            objective=request.objective,  # type: ignore[arg-type]  # one of four
            keep=request.keep,
            effort="quick",
        )
    except InfeasibleError as error:
        proposal, refused = None, error.key
    plans = [
        numbered
        for plan in _divisions(request)
        for numbered in _labelled(problem, plan)
        if _meets(request, numbered)
    ]
    if proposal is None:
        return {"exists": bool(plans), "refused": refused, "held": False, "best": None}
    best = proposal.best
    held = bool(best.feasible) and _meets(request, best.assignment)
    line: dict[str, Any] = {
        "exists": bool(plans),
        "refused": None,
        "held": held,
        "false": bool(best.feasible and not plans and _is_plain(proposal)),
        "apart_broken": any(best.assignment[a] == best.assignment[b] for a, b in problem.apart),
        "best": None,
    }
    if plans and held:
        ours, optimum = _objectives(request, best.assignment, plans)
        line["best"] = ours <= optimum + 1e-6 * max(1.0, abs(optimum))
        line |= {"ours": ours, "optimum": optimum}
    return line


def _is_plain(proposal: Proposal) -> bool:
    """Return whether a tolerance is the city's: no parts whose mean is off by themselves."""
    problem = proposal.problem
    ends = problem.edges
    table = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (problem.grids,) * 2)
    pieces = connected_components(table, directed=False)[0]
    return pieces == 1 and problem.parents is None and not problem.frozen


def _objectives(
    request: Request, ours: NDArray[np.int64], plans: list[NDArray[np.int64]]
) -> tuple[float, float]:
    """Return the value of our plan and the least of all plans."""
    problem = request.problem
    if request.objective == "balance":
        limit = _LONGER * min(_cut(problem, plan) for plan in plans) + _EPS
        if _cut(problem, ours) > limit:
            return np.inf, 0.0
        near = [plan for plan in plans if _cut(problem, plan) <= limit]
        return _deviation(problem, ours), min(_deviation(problem, plan) for plan in near)
    measure = {"compact": _cut, "travel": _travel, "change": _moved}[request.objective]
    if request.objective == "travel" and problem.xy is None:
        measure = _cut
    return measure(problem, ours), min(measure(problem, plan) for plan in plans)


def main() -> None:
    """Read the command line, check the requests and print the line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    count = {"requests": 0, "with_a_plan": 0, "refused": 0, "false": 0, "apart": 0, "worse": 0}
    for i in range(options.requests):
        line = check_request(random_request(options.seed * 100_003 + i))
        count["requests"] += 1
        count["with_a_plan"] += line["exists"]
        broken = {
            "refused": line["exists"] and not line["held"],
            "false": line.get("false", False),
            "apart": line["exists"] and line.get("apart_broken", False),
            "worse": line["best"] is False,
        }
        for name, wrong in broken.items():
            count[name] += bool(wrong)
        if any(broken.values()):
            print(json.dumps({"request": i, **line}), file=sys.stderr)
    print(json.dumps(count))
    if count["refused"] or count["false"] or count["apart"] or count["worse"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
