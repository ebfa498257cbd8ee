"""All plans of a few grids: dynamic programming over subsets, then branch and bound.

Every connected set of grids that locks allow is listed once. For every subset of the grids the
least cost of dividing it into so many of these sets follows from smaller subsets (Held and Karp
1962). These costs leave out that two beats may not have the same number and that a share may
have to keep its beat; branch and bound over the sets puts both back in, with these costs as
bounds. So each objective has its true optimum, and a request without a plan is known to have none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gridmap._compiled import njit
from gridmap.partition._instance import community_factor
from gridmap.partition._locks import groups_of
from gridmap.partition._regions import shares_of
from gridmap.partition.problem import Problem, wanted_beats
from gridmap.typing import Bools, Floats, Ints

LONGER = 1.1  # what balance may make of the shortest borders
_MOST_GRIDS = 16
_MOST_STEPS = 3e8  # of dynamic programming, about a second
_MOST_NODES = 20_000_000  # of branch and bound
_SECOND = 1e-7  # what the second objective counts beside the first, both as shares
_ROUNDING = 1e-9
_NEW = -1  # the number of a beat that continues none


@dataclass(frozen=True, eq=False, slots=True)
class Sets:
    """Connected sets of grids that may be beats, and what each is worth under each number.

    Attributes
    ----------
    grids
        Grids that are not locked (n,); bit i of a set stands for ``grids[i]``.
    masks
        The sets (m,).
    labels, bits
        Numbers that a beat may have (s,), `_NEW` for any; beats with the same bit exclude
        each other, -1 excludes none.
    allowed, ratio, kept, travel
        For each set and number (m, s): whether fixed grids and rooms allow it, the worst
        deviation in tolerances, the keep weight that stays, and demand times distance.
    border, apart
        Of each set (m,): its part of the border as the search weighs it, and whether no two of
        its grids are to be apart.
    """

    grids: Ints
    masks: Ints
    labels: Ints
    bits: Ints
    allowed: Bools
    ratio: Floats
    kept: Floats
    travel: Floats
    border: Floats
    apart: Bools


@dataclass(frozen=True, eq=False, slots=True)
class Enumerated:
    """The best of all plans.

    Attributes
    ----------
    assignment
        Label of each grid's beat (n,).
    holds
        Whether it meets the whole request.
    binding
        Conditions without which, one at a time, the tolerance could be met: ``keep``, ``apart``.
    """

    assignment: Ints
    holds: bool
    binding: tuple[str, ...] = ()


def list_sets(problem: Problem, edges: Ints, tolerances: tuple[float, ...]) -> Sets | None:
    """Return the sets of grids that may be beats, or None where grids are too many.

    Parameters
    ----------
    edges
        Pairs of grids that a beat may be connected by.
    tolerances
        Allowed deviation of each criterion.
    """
    frozen = problem.locked_grids
    grids = np.flatnonzero(~frozen)
    n = len(grids)
    beats = problem.beats - len(problem.frozen)
    if not 1 <= beats <= n <= _MOST_GRIDS:
        return None
    numbered = _numbers(problem, grids)
    if numbered is None:
        return None
    labels, bits = numbered
    position = np.full(problem.grids, -1)
    position[grids] = np.arange(n)
    ends = position[edges]
    near = np.zeros(n, dtype=np.int64)
    for a, b in ends[(ends >= 0).all(axis=1)].tolist():
        near[a] |= 1 << b
        near[b] |= 1 << a
    masks = _connected_sets(near)
    inside = ((masks[:, None] >> np.arange(n)) & 1).astype(np.bool_)
    group = groups_of(problem)[grids]
    whole = np.ones(len(masks), dtype=np.bool_)
    for g in np.unique(group):
        own = inside[:, group == g]
        whole &= own.all(axis=1) | ~own.any(axis=1)
    wanted = wanted_beats(problem)[grids]
    allowed = np.ones((len(masks), len(labels)), dtype=np.bool_)
    for i in np.flatnonzero(wanted >= 0):
        allowed[np.ix_(inside[:, i], labels != wanted[i])] = False
    whole &= allowed.any(axis=1)
    masks, inside, allowed = masks[whole], inside[whole], allowed[whole]
    low = np.floor(np.log2(masks & -masks)).astype(np.int64)
    steps = float((np.exp2(n - 1 - low) * allowed.sum(axis=1)).sum()) * beats
    if not len(masks) or steps > _MOST_STEPS:
        return None
    apart = np.ones(len(masks), dtype=np.bool_)
    for a, b in position[np.array(problem.apart, dtype=np.int64).reshape(-1, 2)]:
        if a >= 0 and b >= 0:
            apart &= ~(inside[:, a] & inside[:, b])
    return Sets(
        grids=grids,
        masks=masks,
        labels=labels,
        bits=bits,
        allowed=allowed,
        ratio=_ratios(problem, grids, inside, labels, tolerances),
        kept=_kept(problem, grids, inside, labels),
        travel=_travel(problem, grids, inside, labels),
        border=_borders(problem, position, inside),
        apart=apart,
    )


def best_of_all(
    problem: Problem, sets: Sets, objective: str, *, keep: float | None
) -> Enumerated | None:
    """Return the best plan, or the one nearest to the request; None where none is connected.

    Parameters
    ----------
    objective
        ``compact``, ``travel``, ``change``: the least; ``balance``: the least deviation whose
        border is at most a tenth longer than the shortest within the tolerance.
    keep
        Share of the keep weights that is to stay, or None.
    """
    need = _needed(problem, sets, keep)
    found = _best(problem, sets, objective, 1.0, need)
    if found is not None:
        return Enumerated(found, holds=True)
    if _solve(problem, sets, np.zeros_like(sets.ratio), np.inf, need) is None:
        # Nothing keeps as much: of the plans within the tolerance, the one that keeps most.
        need, objective = -np.inf, "change"
    binding = []
    if np.isfinite(need) and _best(problem, sets, "compact", 1.0, -np.inf) is not None:
        binding.append("keep")
    if (
        not sets.apart.all()
        and _best(problem, sets, "compact", 1.0, need, apart=False) is not None
    ):
        binding.append("apart")
    off = _least_ratio(problem, sets, need)
    found = None if off is None else _best(problem, sets, objective, max(off, 1.0), need)
    return None if found is None else Enumerated(found, holds=False, binding=tuple(binding))


def _best(
    problem: Problem, sets: Sets, objective: str, most: float, need: float, *, apart: bool = True
) -> Ints | None:
    """Return the best plan whose deviations are at most so many tolerances, or None."""
    name = "compact" if objective == "balance" else objective
    cost = _cost(problem, sets, name)
    found = _solve(problem, sets, cost, most, need, apart=apart)
    if found is None or objective != "balance":
        return found
    limit = LONGER * _border_of(problem, found) * (1 + _ROUNDING)
    steps = np.unique(sets.ratio[sets.allowed])
    steps = steps[steps <= most]
    low, high = 0, len(steps) - 1
    while low < high:
        middle = (low + high) // 2
        narrow = _solve(problem, sets, cost, float(steps[middle]), need)
        if narrow is not None and _border_of(problem, narrow) <= limit:
            high, found = middle, narrow
        else:
            low = middle + 1
    return found


def _least_ratio(problem: Problem, sets: Sets, need: float) -> float | None:
    """Return the least worst deviation of any plan, in tolerances."""
    steps = np.unique(sets.ratio[sets.allowed])
    nothing = np.zeros_like(sets.ratio)
    low, high = 0, len(steps)
    while low < high:
        middle = (low + high) // 2
        if _solve(problem, sets, nothing, float(steps[middle]), need) is not None:
            high = middle
        else:
            low = middle + 1
    return float(steps[low]) if low < len(steps) else None


def _cost(problem: Problem, sets: Sets, objective: str) -> Floats:
    """Return what each set costs under each number: the objective, and a little of the next."""
    border = np.repeat(sets.border[:, None], len(sets.labels), axis=1)
    border = border / max(float(problem.borders_m.sum()), 1e-300)
    first, second = border, sets.travel / max(float(sets.travel.max(initial=0.0)), 1e-300)
    if objective == "travel" and sets.travel.any():
        first, second = second, border
    if objective == "change":
        first, second = -sets.kept / max(problem.keep_values.sum(), 1e-300), border
    return np.asarray(first + _SECOND * second)


def _border_of(problem: Problem, assignment: Ints) -> float:
    """Return the border of a plan as the search weighs it."""
    ends = problem.edges
    cut = assignment[ends[:, 0]] != assignment[ends[:, 1]]
    return float(_weighted_borders(problem)[cut].sum())


def _solve(
    problem: Problem, sets: Sets, cost: Floats, most: float, need: float, *, apart: bool = True
) -> Ints | None:
    """Return the plan of least cost, or None where there is none."""
    usable = sets.allowed & (sets.ratio <= most * (1 + _ROUNDING))
    if apart:
        usable &= sets.apart[:, None]
    row, slot = np.nonzero(usable)
    masks = sets.masks[row]
    low = np.floor(np.log2(np.maximum(masks & -masks, 1))).astype(np.int64)
    order = np.lexsort((cost[row, slot], low))
    row, slot, masks = row[order], slot[order], masks[order]
    n, beats = len(sets.grids), problem.beats - len(problem.frozen)
    start = np.searchsorted(low[order], np.arange(n + 1))
    price, kept = cost[row, slot], sets.kept[row, slot]
    least, best = _dynamic(masks, price, kept, start, n, beats)
    whole = (1 << n) - 1
    if not np.isfinite(least[whole, beats]) or best[whole, beats] < need:
        return None
    bits = sets.bits[slot]
    picked = _branch(masks, price, kept, bits, start, least, best, beats, need, _MOST_NODES)
    if picked[0] < 0:
        return None
    assignment = np.full(problem.grids, -1, dtype=np.int64)
    if problem.present is not None:
        locked = np.isin(problem.present, problem.frozen)
        assignment[locked] = problem.present[locked]
    labels = sets.labels[slot[picked]]
    known = np.concatenate([labels, assignment, _present_labels(problem), wanted_beats(problem)])
    spare = (b for b in range(len(known) + 1 + int(known.max(initial=0))) if b not in known)
    for i, label in zip(picked.tolist(), labels.tolist(), strict=True):
        own = sets.grids[((masks[i] >> np.arange(n)) & 1).astype(np.bool_)]
        assignment[own] = next(spare) if label == _NEW else label
    return assignment


def _present_labels(problem: Problem) -> Ints:
    none = np.zeros(0, dtype=np.int64)
    return none if problem.present is None else np.unique(problem.present)


def _numbers(problem: Problem, grids: Ints) -> tuple[Ints, Ints] | None:
    """Return the numbers that beats may have and which exclude each other; None: too involved."""
    known = _present_labels(problem)
    known = np.union1d(known, wanted_beats(problem)[grids])
    known = np.setdiff1d(known[known >= 0], problem.frozen)
    if problem.targets is None or not np.ptp(problem.targets, axis=0).any():
        labels = np.append(known, _NEW)
        return labels, np.append(np.arange(len(known)), -1)
    rows = np.array(problem.frozen, dtype=np.int64) % problem.beats
    if len(np.unique(rows)) < len(rows):
        return None
    spare = np.setdiff1d(np.arange(problem.beats), known)
    labels = np.sort(np.concatenate([known, np.setdiff1d(spare, problem.frozen)]))
    labels = labels[~np.isin(labels % problem.beats, rows)]
    return labels, labels % problem.beats


def _needed(problem: Problem, sets: Sets, keep: float | None) -> float:
    """Return the keep weight that has to stay in beats that are not locked."""
    if keep is None or problem.present is None:
        return -np.inf
    weights = problem.keep_values
    had = problem.present >= 0
    total = float(weights[had].sum())
    locked = had.copy()
    locked[sets.grids] = False
    return keep * total - float(weights[locked].sum()) - _ROUNDING * max(total, 1e-300)


def _ratios(
    problem: Problem, grids: Ints, inside: Bools, labels: Ints, tolerances: tuple[float, ...]
) -> Floats:
    """Return the worst deviation of each set under each number, in tolerances."""
    total = problem.weights.sum(axis=0)
    share = shares_of(problem, labels)
    every = problem.beats if problem.targets is None else problem.targets.sum(axis=0)
    if problem.targets is not None and not np.ptp(problem.targets, axis=0).any():
        every = problem.targets[0] * problem.beats
    target = share * (total / every)
    loads = inside @ problem.weights[grids]
    worst = np.zeros((len(inside), len(labels)))
    for c in range(problem.criteria):
        if c == 0 and problem.bounds is not None:
            low, high = problem.bounds
            unit = max(float(total[0]) / problem.beats, high, 1e-300)
            over = np.maximum(np.maximum(low - loads[:, 0], loads[:, 0] - high) / unit, 0.0)
            over = np.where(over > _ROUNDING, 1.0 + over, 0.0)
            worst = np.maximum(worst, over[:, None])
        elif total[c] > 0:
            off = np.abs(loads[:, c][:, None] / target[:, c][None] - 1)
            worst = np.maximum(worst, off / tolerances[c])
    if problem.reach is not None:
        over = _beyond(problem, grids, inside, labels)
        worst = np.maximum(worst, np.where(over > _ROUNDING, 1.0 + over, 0.0))
    for c, most in enumerate(problem.limits):
        over = (inside @ problem.limited[grids, c]) / most - 1
        over = np.where(over > _ROUNDING, 1.0 + over, 0.0)
        worst = np.maximum(worst, over[:, None])
    return worst


def _kept(problem: Problem, grids: Ints, inside: Bools, labels: Ints) -> Floats:
    """Return the keep weight of each set that stays in the present beat of each number."""
    kept = np.zeros((len(inside), len(labels)))
    if problem.present is None:
        return kept
    weights, present = problem.keep_values[grids], problem.present[grids]
    for j in np.flatnonzero(labels >= 0):
        kept[:, j] = inside @ (weights * (present == labels[j]))
    return kept


def _travel(problem: Problem, grids: Ints, inside: Bools, labels: Ints) -> Floats:
    """Return demand times distance of each set from its best centre, or its number's room."""
    travel = np.zeros((len(inside), len(labels)))
    far = problem.far(grids)
    if far is None:
        return travel
    by_centre = inside @ (problem.demand_values[grids][:, None] * far)
    site = _sites(problem, grids, inside, labels, by_centre)
    return np.asarray(np.take_along_axis(by_centre, site, axis=1))


def _sites(problem: Problem, grids: Ints, inside: Bools, labels: Ints, by_centre: Floats) -> Ints:
    """Return the position of the best centre of each set, or of its number's room (m, s)."""
    best = np.where(inside, by_centre, np.inf).argmin(axis=1)
    site = np.repeat(best[:, None], len(labels), axis=1)
    rooms = [] if problem.rooms is None else problem.rooms.tolist()
    for j, label in enumerate(labels.tolist()):
        if 0 <= label < len(rooms) and rooms[label] >= 0:
            site[:, j] = np.searchsorted(grids, rooms[label])
    return site


def _beyond(problem: Problem, grids: Ints, inside: Bools, labels: Ints) -> Floats:
    """Return how far beyond the reach each set goes under each number, as a part of it."""
    far = problem.far(grids)
    assert far is not None  # noqa: S101 - a reach needs places; for the type checker
    by_centre = inside @ (problem.demand_values[grids][:, None] * far)
    site = _sites(problem, grids, inside, labels, by_centre)
    farthest = np.stack([np.where(inside, far[:, c], 0.0).max(axis=1) for c in range(len(grids))])
    return np.asarray(np.take_along_axis(farthest.T, site, axis=1) / problem.reach - 1)


def _weighted_borders(problem: Problem) -> Floats:
    """Return each border as the search weighs it."""
    return np.asarray(problem.search_borders * community_factor(problem, problem.edges))


def _borders(problem: Problem, position: Ints, inside: Bools) -> Floats:
    """Return each set's part of the border: half of it, or all where the other side is locked."""
    total = np.zeros(len(inside))
    ends = position[problem.edges]
    for (a, b), length in zip(ends.tolist(), _weighted_borders(problem).tolist(), strict=True):
        if a >= 0 and b >= 0:
            total += 0.5 * length * (inside[:, a] != inside[:, b])
        elif max(a, b) >= 0:
            total += length * inside[:, max(a, b)]
    return total


@njit(cache=True)
def _connected_sets(near):
    """Return all connected sets of grids, given each grid's neighbours as bits."""
    n = len(near)
    found = np.zeros(1 << n, np.int64)
    count = 0
    for mask in range(1, 1 << n):
        part = mask & -mask
        wave = part
        while wave:
            v = 0
            while not (wave >> v) & 1:
                v += 1
            wave &= ~(1 << v)
            new = near[v] & mask & ~part
            part |= new
            wave |= new
        if part == mask:
            found[count] = mask
            count += 1
    return found[:count].copy()


@njit(cache=True)
def _lowest(mask):
    v = 0
    while not (mask >> v) & 1:
        v += 1
    return v


@njit(cache=True)
def _dynamic(masks, cost, kept, start, n, beats):
    """Return the least cost and the most kept of each subset in each number of sets."""
    least = np.full((1 << n, beats + 1), np.inf)
    most = np.full((1 << n, beats + 1), -np.inf)
    least[0, 0] = 0.0
    most[0, 0] = 0.0
    for mask in range(1, 1 << n):
        v = _lowest(mask)
        for i in range(start[v], start[v + 1]):
            if masks[i] & ~mask:
                continue
            rest = mask ^ masks[i]
            for j in range(1, beats + 1):
                least[mask, j] = min(least[mask, j], cost[i] + least[rest, j - 1])
                most[mask, j] = max(most[mask, j], kept[i] + most[rest, j - 1])
    return least, most


@njit(cache=True)
def _branch(masks, cost, kept, bits, start, least, most, beats, need, limit):
    """Return the sets of the cheapest plan whose numbers differ and that keeps enough, or -1."""
    best = np.full(beats, -1, np.int64)
    value = np.inf
    rest, used = np.zeros(beats, np.int64), np.zeros(beats, np.int64)
    at, picked = np.zeros(beats, np.int64), np.zeros(beats, np.int64)
    spent, held = np.zeros(beats), np.zeros(beats)
    rest[0] = len(least) - 1
    depth, nodes = 0, 0
    at[0] = start[0]
    while depth >= 0 and nodes < limit:
        v = _lowest(rest[depth])
        i = at[depth]
        if i == start[v + 1]:
            depth -= 1
            continue
        at[depth] = i + 1
        bit = np.int64(0) if bits[i] < 0 else np.int64(1) << bits[i]
        if masks[i] & ~rest[depth] or used[depth] & bit:
            continue
        left = beats - depth - 1
        after = rest[depth] ^ masks[i]
        total = spent[depth] + cost[i]
        if total + least[after, left] >= value - 1e-12:
            continue
        stays = held[depth] + kept[i]
        if stays + most[after, left] < need:
            continue
        nodes += 1
        picked[depth] = i
        if left == 0:
            value = total
            best[:] = picked
            continue
        depth += 1
        rest[depth], used[depth] = after, used[depth - 1] | bit
        spent[depth], held[depth] = total, stays
        at[depth] = start[_lowest(after)]
    return best
