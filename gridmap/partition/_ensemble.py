"""How unusual a plan is: a neutral ensemble by reversible spanning-tree recombination.

A Markov chain over plans whose beats are in one piece and within the tolerance. A step merges the
two beats at a random cut edge, draws a uniform spanning tree of both (Wilson 1996) and cuts it
where both halves are balanced. Of at most M such places one of M slots is drawn, so a tree with
few places often changes nothing; the result is then accepted with probability min(1, c / c'),
c and c' being the numbers of cut edges before and after. With this the chain is reversible, as
reversible recombination is (Cannon, Duchin, Randall and Rule 2022), and a plan is drawn with a
probability in proportion to the product of its beats' numbers of spanning trees: compact plans
are likelier, and nothing else counts.

Why: from plan P the pair (a, b) is drawn with chance s / c, s being the edges between the two.
Its new halves a', b' come out of t(a') t(b') s' of the trees of both, each with chance 1 / M, t
being numbers of spanning trees. So a step from P to P' is t(a') t(b') c' / (t(a) t(b) c) times as
likely as one back, and accepting with min(1, c / c') leaves the product of t as the law.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import sqrt

import numpy as np

from gridmap._compiled import njit
from gridmap.errors import InfeasibleError
from gridmap.i18n import tr
from gridmap.partition._arrays import Clock, Graph, ReportProgress, build_graph
from gridmap.partition._quarters import run_threads
from gridmap.partition._recombine import next_random
from gridmap.partition._regions import open_edges
from gridmap.partition.problem import Problem
from gridmap.partition.proposal import Scores, score_plan
from gridmap.partition.propose import propose
from gridmap.typing import Floats, Ints

_MEASURES = ("cut_m", "travel_m", "max_deviation")
_CHAINS = 2
_STEPS_PER_BEAT = 3.0  # and plan, at least: chains of more beats forget more slowly
_LEAST_STEPS, _ENOUGH_STEPS, _MOST_STEPS = 10, 100, 400  # per plan
_LOOKS = 14_000.0  # at a grid, per plan: as many steps as that allows, a few seconds in all
_SETTLING = 0.5  # as many plans as are kept, at the start of each chain, are left out
_TIE = 1e-9  # metres, or a share: nearer plans are as good as each other
_SETTLED = 1.1  # R-hat above which chains do not agree
_SLOTS, _MORE_SLOTS = 4, 2  # places to cut in one tree at first; beyond the most that were met
_32 = np.uint64(32)
_53 = 1.0 / 9007199254740992.0


@dataclass(frozen=True, eq=False, kw_only=True, slots=True)
class Ensemble:
    """Plans drawn by chance, measured.

    Attributes
    ----------
    cut_m, travel_m, max_deviation
        Measures of each plan (chains, plans), as in `Scores`; travel is zero without places.
    tolerance
        Deviation within which all plans are, as a share of the mean workload.
    moves
        Steps that changed a plan, over all chains.
    r_hat
        Split R-hat of each measure (Gelman et al. 2013): near 1 where chains agree.
    """

    cut_m: Floats
    travel_m: Floats
    max_deviation: Floats
    tolerance: float
    moves: int
    r_hat: Mapping[str, float]

    @property
    def plans(self) -> int:
        """Number of plans."""
        return self.cut_m.size

    def shares_below(self, scores: Scores) -> dict[str, float]:
        """Return the share of drawn plans below a plan in each measure, ties counted half."""
        own = {
            "cut_m": scores.cut_m,
            "travel_m": scores.travel_total,
            "max_deviation": scores.max_deviation,
        }
        shares = {}
        for name, value in own.items():
            drawn = getattr(self, name)
            if value is None or (name == "travel_m" and not drawn.any()):
                continue  # nobody travels
            near = np.isclose(drawn, value, rtol=1e-9, atol=_TIE)
            shares[name] = float(((drawn < value) & ~near).mean() + 0.5 * near.mean())
        return shares

    def sentences(self, scores: Scores, language: str | None = None) -> list[str]:
        """Return what the ensemble says about a plan, in words."""
        return [
            tr(f"partition.ensemble.{name}", language=language, share=share)
            for name, share in self.shares_below(scores).items()
        ] + [self.law(language)]

    def law(self, language: str | None = None) -> str:
        """Return how the plans were drawn, and whether the chains agree, in words."""
        r_hat = max(self.r_hat.values())
        told = tr(
            "partition.ensemble.law",
            language=language,
            plans=self.plans,
            tolerance=self.tolerance,
            r_hat=r_hat,
        )
        if r_hat <= _SETTLED:
            return told
        return f"{told} {tr('partition.ensemble.unsettled', language=language, r_hat=r_hat)}"


def neutral_ensemble(
    problem: Problem, *, plans: int = 10_000, tolerance: float = 0.05, seed: int = 0
) -> Ensemble:
    """Return randomly drawn plans from all that are in whole pieces and balanced.

    Stations are kept, with the number of beats that a proposal gives each; locks, targets and
    further criteria are left out: the ensemble is what chance alone would draw.

    Parameters
    ----------
    plans
        How many are drawn, over two chains from different starts.
    tolerance
        Largest deviation of a beat's workload from the mean, on the first criterion. Where a
        start needs more, such as with stations, that is taken, and told in the result.
    seed
        A whole number, 0 or more.

    Raises
    ------
    InfeasibleError
        If a beat has no neighbour: there is only one plan.
    """
    bare = Problem(
        weights=problem.weights[:, 0],
        edges=problem.edges,
        borders_m=problem.borders_m,
        xy=problem.xy,
        beats=problem.beats,
        parents=problem.parents,
        demand=problem.demand,
        travel=problem.travel,
    )
    starts = [
        propose(bare, tolerance=tolerance, effort="quick", seed=seed * _CHAINS + i)
        for i in range(_CHAINS)
    ]
    edges = np.concatenate([open_edges(bare), starts[0].bridges])
    graph = build_graph(
        bare.grids, edges[:, 0].astype(np.int32), edges[:, 1].astype(np.int32), np.ones(len(edges))
    )
    scores = [score_plan(bare, s.best.assignment, s.bridges) for s in starts]
    tolerance = max(tolerance, *(one.max_deviation for one in scores))
    each = -(-plans // _CHAINS)
    slots = _SLOTS
    while True:
        jobs = [
            partial(
                _run, bare, graph, s.best.assignment, tolerance, each, slots, seed * _CHAINS + i
            )
            for i, s in enumerate(starts)
        ]
        runs = run_threads(jobs, clock=Clock(), threads=_CHAINS)
        exceeded = [most for _, most, _ in runs if most]
        if not exceeded:
            break
        slots = max(exceeded) + _MORE_SLOTS
    moves = sum(moved for _, _, moved in runs)
    if not moves and bare.beats > 1:
        raise InfeasibleError("partition.error.one_plan", tolerance=tolerance)
    measured = np.stack([values for values, _, _ in runs])
    by_name = dict(zip(_MEASURES, np.moveaxis(measured, 2, 0), strict=True))
    return Ensemble(
        **by_name,
        tolerance=tolerance,
        moves=moves,
        r_hat={name: _split_r_hat(values) for name, values in by_name.items()},
    )


def _run(
    problem: Problem,
    graph: Graph,
    start: Ints,
    tolerance: float,
    plans: int,
    slots: int,
    seed: int,
    _clock: Clock,
    _report: ReportProgress,
) -> tuple[Floats, int, int]:
    """Return a chain's measures (plans, 3), the places beyond its slots if any, and its moves.

    While it settles, slots are added where a tree has more places; afterwards it ends there.
    """
    beat = np.unique(start, return_inverse=True)[1].astype(np.int32)
    mean = float(problem.weights[:, 0].sum()) / problem.beats
    low, high = mean * (1 - tolerance - 1e-9), mean * (1 + tolerance + 1e-9)
    demand = problem.demand_values
    xy = np.zeros((problem.grids, 2)) if problem.xy is None else problem.xy
    matrix = np.zeros((0, 0), np.float32) if problem.travel is None else problem.travel
    border = _border_table(problem, graph)
    settling = int(plans * _SETTLING)
    values = np.zeros((plans + settling, 3))
    random = np.array([np.random.default_rng([seed, 3]).integers(1, 2**63)], dtype=np.uint64)
    fixed_cut = float(problem.borders_m.sum()) - float(border.sum()) / 2
    steps = np.clip(_STEPS_PER_BEAT * problem.beats, _LEAST_STEPS, _ENOUGH_STEPS)
    steps = max(steps, min(_LOOKS * problem.beats / (2 * problem.grids), _MOST_STEPS))
    most, moves = _chain(
        graph.indptr,
        graph.nbr,
        np.repeat(np.arange(problem.grids, dtype=np.int32), np.diff(graph.indptr)),
        border,
        problem.weights[:, 0].copy(),
        demand.copy(),
        xy.copy(),
        matrix.copy(),
        beat,
        problem.beats,
        low,
        high,
        slots,
        int(steps),
        settling,
        random,
        values,
    )
    kept = values[settling:]
    kept[:, 0] += fixed_cut
    kept[:, 2] = np.maximum(kept[:, 2], 0.0)
    return kept, int(most), int(moves)


def _border_table(problem: Problem, graph: Graph) -> Floats:
    """Return the border of each half-edge of the graph, metres; bridges have none."""
    n = problem.grids
    pair = np.sort(problem.edges, axis=1)
    key = pair[:, 0] * n + pair[:, 1]
    order = np.argsort(key, kind="stable")
    rows = np.repeat(np.arange(n), np.diff(graph.indptr))
    half = np.minimum(rows, graph.nbr) * n + np.maximum(rows, graph.nbr)
    at = np.minimum(np.searchsorted(key[order], half), max(len(key) - 1, 0))
    found = key[order][at] == half if len(key) else np.zeros(len(half), np.bool_)
    return np.where(found, problem.borders_m[order][at] if len(key) else 0.0, 0.0)


def _split_r_hat(values: Floats) -> float:
    """Return the potential scale reduction of chains cut into halves."""
    half = values.shape[1] // 2
    if half < 2:
        return float("inf")
    parts = np.concatenate([values[:, :half], values[:, -half:]])
    within = float(parts.var(axis=1, ddof=1).mean())
    between = half * float(parts.mean(axis=1).var(ddof=1))
    if within <= 0:
        return 1.0 if between <= 0 else float("inf")
    return float(np.sqrt(((half - 1) / half * within + between / half) / within))


@njit(cache=True, inline="always")
def _uniform(random):
    return float(next_random(random) >> np.uint64(11)) * _53


@njit(cache=True, inline="always")
def _below(random, count):
    return np.int64(((next_random(random) >> _32) * np.uint64(count)) >> _32)


@njit(cache=True, nogil=True)
def _best_way(members, count, demand, xy, matrix):
    """Return the least sum of demand times distance to one of some grids."""
    best = np.inf
    for i in range(count):
        c = members[i]
        total = 0.0
        for j in range(count):
            v = members[j]
            if matrix.shape[0] > 0:
                total += demand[v] * matrix[v, c]
            else:
                dx, dy = xy[v, 0] - xy[c, 0], xy[v, 1] - xy[c, 1]
                total += demand[v] * sqrt(dx * dx + dy * dy)
            if total >= best:
                break
        best = min(best, total)
    return best


@njit(cache=True, nogil=True)
def _uniform_tree(indptr, nbr, beat, p, q, members, count, parent, reached, mark, random):
    """Write a uniform spanning tree of two beats as each grid's parent (Wilson 1996)."""
    root = members[0]
    parent[root] = -1
    reached[root] = mark
    for i in range(count):
        u = members[i]
        while reached[u] != mark:
            begin = indptr[u]
            j = nbr[begin + _below(random, indptr[u + 1] - begin)]
            if beat[j] == p or beat[j] == q:
                parent[u] = j
                u = j
        u = members[i]
        while reached[u] != mark:
            reached[u] = mark
            u = parent[u]


@njit(cache=True, nogil=True)
def _sums_below(members, count, parent, weight, children, below, order):
    """Write the workload of each grid's subtree; ``order`` ends with the root."""
    for i in range(count):
        v = members[i]
        below[v] = weight[v]
        children[v] = 0
    for i in range(count):
        if parent[members[i]] >= 0:
            children[parent[members[i]]] += 1
    tail = 0
    for i in range(count):
        if children[members[i]] == 0:
            order[tail] = members[i]
            tail += 1
    head = 0
    while head < tail:
        v = order[head]
        head += 1
        up = parent[v]
        if up >= 0:
            below[up] += below[v]
            children[up] -= 1
            if children[up] == 0:
                order[tail] = up
                tail += 1


@njit(cache=True, nogil=True)
def _chained(v, after, members, count):
    """Append a beat's grids to the members; return how many there are now."""
    while v >= 0:
        members[count] = v
        count += 1
        v = after[v]
    return count


@njit(cache=True, nogil=True)
def _between(indptr, nbr, border, beat, members, count, p, q):
    """Return the number and the length of the borders between two beats."""
    number, length = 0, 0.0
    for i in range(count):
        v = members[i]
        if beat[v] == p:
            for e in range(indptr[v], indptr[v + 1]):
                if beat[nbr[e]] == q:
                    number += 1
                    length += border[e]
    return number, length


@njit(cache=True, nogil=True)
def _chain(
    indptr,
    nbr,
    rows,
    border,
    weight,
    demand,
    xy,
    matrix,
    beat,
    k,
    low,
    high,
    slots,
    thin,
    settling,
    random,
    values,
):
    """Run the chain in place; write cut, travel and deviation of every ``thin``-th plan."""
    n = len(beat)
    members, own, order = np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64)
    parent, reached = np.zeros(n, np.int64), np.zeros(n, np.int64)
    children, below, places = np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.int64)
    before = np.zeros(n, np.int32)
    load, ways = np.zeros(k), np.zeros(k)
    first, after = np.full(k, -1, np.int64), np.full(n, -1, np.int64)  # each beat's grids, a chain
    cut_edges, cut = 0, 0.0
    for v in range(n):
        load[beat[v]] += weight[v]
        after[v] = first[beat[v]]
        first[beat[v]] = v
        for e in range(indptr[v], indptr[v + 1]):
            if nbr[e] > v and beat[nbr[e]] != beat[v]:
                cut_edges += 1
                cut += border[e]
    for b in range(k):
        count = _chained(first[b], after, own, 0)
        ways[b] = _best_way(own, count, demand, xy, matrix)
    mean = weight.sum() / k
    mark, moves = 0, 0
    for step in range(len(values) * thin):
        if cut_edges > 0:
            while True:
                at = _below(random, len(nbr))
                p, q = beat[rows[at]], beat[nbr[at]]
                if p != q:
                    break
            count = _chained(first[p], after, members, 0)
            count = _chained(first[q], after, members, count)
            for i in range(count):
                before[i] = beat[members[i]]
            mark += 1
            _uniform_tree(indptr, nbr, beat, p, q, members, count, parent, reached, mark, random)
            _sums_below(members, count, parent, weight, children, below, order)
            whole = load[p] + load[q]
            found = 0
            for i in range(count - 1):
                part = below[order[i]]
                if low <= part <= high and low <= whole - part <= high:
                    places[found] = order[i]
                    found += 1
            if found > slots:
                if step >= settling * thin:
                    return found, moves
                slots = found + _MORE_SLOTS
            slot = _below(random, slots)
            if slot < found:
                at = places[slot]
                seam, length = _between(indptr, nbr, border, beat, members, count, p, q)
                for i in range(count - 1, -1, -1):
                    v = order[i]
                    inside = v == at or (parent[v] >= 0 and children[parent[v]] == -1)
                    children[v] = -1 if inside else 0
                    beat[v] = p if inside else q
                fresh, other = _between(indptr, nbr, border, beat, members, count, p, q)
                if _uniform(random) * (cut_edges - seam + fresh) < cut_edges:
                    moves += 1
                    cut_edges += fresh - seam
                    cut += other - length
                    for b in (p, q):
                        total, size = 0.0, 0
                        first[b] = -1
                        for i in range(count):
                            v = members[i]
                            if beat[v] == b:
                                own[size] = v
                                size += 1
                                total += weight[v]
                                after[v] = first[b]
                                first[b] = v
                        load[b] = total
                        ways[b] = _best_way(own, size, demand, xy, matrix)
                else:
                    for i in range(count):
                        beat[members[i]] = before[i]
        if step % thin == thin - 1:
            row = step // thin
            values[row, 0] = cut
            values[row, 1] = ways.sum()
            worst = 0.0
            for b in range(k):
                worst = max(worst, abs(load[b] / mean - 1) if mean > 0 else 0.0)
            values[row, 2] = worst
    return 0, moves


def warm_up(on_progress: Callable[[float], None] | None = None) -> None:
    """Compile all compiled parts, or load them from numba's cache (about a second).

    Parameters
    ----------
    on_progress
        Called with the share done, 0 to 1, after each part.
    """
    at = np.arange(64).reshape(8, 8)
    edges = np.concatenate(
        [
            np.stack([at[:, :-1].ravel(), at[:, 1:].ravel()], axis=1),
            np.stack([at[:-1].ravel(), at[1:].ravel()], axis=1),
        ]
    )
    xy = np.stack(np.divmod(np.arange(64), 8), axis=1).astype(np.float64)
    weights = np.arange(64, dtype=np.float64) % 7
    problem = Problem(weights=weights, edges=edges, beats=5, xy=xy)
    parts = (
        {"effort": "quick", "tolerance": 0.02},
        {"effort": "quick", "tolerance": 0.1, "objective": "travel"},
        {"effort": "normal", "tolerance": 0.1, "seconds": 0.2},
        {"effort": "quick", "tolerance": 0.1, "objective": "travel", "prove": True, "seconds": 1},
    )
    for i, options in enumerate(parts):
        propose(problem, **options)  # type: ignore[arg-type]  # a table of options
        if on_progress is not None:
            on_progress((i + 1) / (len(parts) + 1))
    neutral_ensemble(problem, plans=20, tolerance=0.1)
    if on_progress is not None:
        on_progress(1.0)
