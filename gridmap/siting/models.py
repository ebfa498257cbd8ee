"""The siting models: p-median, p-center, and covering everybody or as many as possible.

The p-median may have capacities; covering may ask for two rooms within reach. Rows and columns
that others imply are removed before a model is solved.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array, csr_array, eye_array, hstack

from gridmap._highs import LARGE, minimise, relax
from gridmap.errors import InfeasibleError, InputError, some_ids
from gridmap.siting._least_cost import Near, exchange, good_places, least_cost, open_greedily
from gridmap.siting.answer import ConstraintRows, Limits, Siting, checked_costs, nearest_fixed
from gridmap.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def solve_set_cover(
    cost: ArrayLike,
    weights: ArrayLike,
    reach: float,
    limits: Limits,
    *,
    fixed_cost: ArrayLike | None = None,
) -> Siting:
    """Return the fewest (or cheapest) places that put every demand within reach (LSCP).

    Parameters
    ----------
    cost
        Cost from each candidate to each demand, shape (n, m); infinite where out of reach.
    weights
        Weight of each demand, shape (n,); demands of weight 0 need not be covered.
    reach
        Cost within which (``<=``) a demand is covered.
    limits
        Prices, conflicts, time and gap; rooms or budget only as a ceiling.
    fixed_cost
        Cost from each room that stays to each demand, shape (n, f).

    Raises
    ------
    InputError
        If shapes differ, a weight is negative or not finite, or all weights are zero.
    InfeasibleError
        If no choice within the limits covers all demands that some candidate can reach.

    Notes
    -----
    Demands that nothing covers are listed in `Siting.unserved` and left out.

    Examples
    --------
    >>> cost = abs(np.subtract.outer([0, 1, 9, 10], [0, 1, 9, 10]))
    >>> solve_set_cover(cost, [1, 1, 1, 1], 1.0, Limits()).objective
    2.0
    """
    costs, weight, _, _ = checked_costs(cost, weights, fixed_cost)
    n, m = costs.shape
    base = nearest_fixed(fixed_cost, n)
    within = costs <= reach
    open_demand = (weight > 0.0) & (base > reach)
    unserved = np.flatnonzero(open_demand & ~within.any(axis=1))
    price = limits.price_of(m)
    rows = distinct(within[open_demand & within.any(axis=1)])
    opened = np.zeros(m, dtype=bool)
    left = np.ones(m, dtype=bool)
    if not len(limits.conflict_pairs()) and (limits.rooms is None or limits.prices is None):
        opened, rows, left = reduced(rows, price)
    settled = float(price[opened].sum())
    if len(rows) == 0:
        found = np.flatnonzero(opened)
        _require_ceiling(limits, found, price, len(np.flatnonzero(open_demand)))
        return Siting("set-cover", found, settled, settled, limits.elapsed(), unserved)
    columns = np.flatnonzero(left)
    model = ConstraintRows(len(columns))
    model.add(csr_array(rows[:, columns].astype(float)), 1.0, np.inf)
    place = np.full(m, -1)
    place[columns] = np.arange(len(columns))
    model.add_conflicts(limits, place)
    if limits.rooms is not None or limits.budget is not None:
        ceiling = np.ones(m) if limits.rooms is not None else price
        most = float(limits.rooms or limits.budget or 0.0) - float(ceiling[opened].sum())
        model.add_spending(ceiling[columns], most)
    start = greedy_cover(rows[:, columns], price[columns], _conflicts(limits, m, columns))
    chosen, bound = _fewest(price[columns], model, start, limits)
    if chosen is None:
        covered = np.flatnonzero(open_demand & within.any(axis=1))
        key = "siting.error.no_time" if bound is None else "siting.error.cannot_cover"
        raise InfeasibleError(key, count=len(covered), ids=some_ids(covered + 1))
    opened[columns[chosen]] = True
    total = float(price[opened].sum())
    least = settled + (bound or 0.0)
    if (price == np.round(price)).all():
        least = float(np.ceil(least - 1e-6))
    chosen = np.flatnonzero(opened)
    return Siting("set-cover", chosen, total, min(least, total), limits.elapsed(), unserved)


def _fewest(
    price: Floats, model: ConstraintRows, start: Bools | None, limits: Limits
) -> tuple[Ints | None, float | None]:
    """Return the cheapest places and a lower bound: None and a bound where there are none."""
    matrix, low, high = model.model()
    bound = 0.0
    if start is not None and matrix.nnz <= LARGE and _allowed(start, matrix, low, high):
        relaxed = relax(price, matrix, low, high, seconds=limits.left())
        bound = 0.0 if relaxed is None else relaxed[0]
        whole = (price == np.round(price)).all()
        if price[start].sum() <= (np.ceil(bound - 1e-6) if whole else bound + 1e-9):
            return np.flatnonzero(start), float(price[start].sum())
        known = start if relaxed is None else relaxed[3] > 0.5
        if price[known].sum() <= bound + 1e-6 and _allowed(known, matrix, low, high):
            return np.flatnonzero(known), bound
    answer = minimise(
        price,
        matrix,
        low,
        high,
        whole=np.ones(len(price), dtype=bool),
        seconds=limits.left(),
        gap=limits.gap,
        start=None if start is None else start.astype(float),
    )
    if answer.values is None:
        return None, (0.0 if answer.infeasible else None)
    return np.flatnonzero(answer.values > 0.5), max(answer.bound, bound)


def _allowed(chosen: Bools, matrix: csr_array, low: Floats, high: Floats) -> bool:
    held = matrix @ chosen.astype(float)
    return bool((held >= low - 1e-9).all() and (held <= high + 1e-9).all())


def _conflicts(limits: Limits, m: int, columns: Ints) -> Bools:
    conflict = limits.conflict_matrix(m)
    return conflict[np.ix_(columns, columns)] if len(conflict) else conflict


def _require_ceiling(limits: Limits, found: Ints, price: Floats, count: int) -> None:
    most = limits.rooms if limits.rooms is not None else limits.budget
    used = len(found) if limits.rooms is not None else float(price[found].sum())
    if most is not None and used > most:
        raise InfeasibleError("siting.error.cannot_cover", count=count, ids="")


def solve_max_cover(
    cost: ArrayLike,
    weights: ArrayLike,
    reach: float,
    limits: Limits,
    *,
    fixed_cost: ArrayLike | None = None,
) -> Siting:
    """Return the places that cover the most weight (MCLP).

    Parameters
    ----------
    cost, weights
        As for `solve_set_cover`.
    reach
        Cost within which (``<=``) a demand is covered.
    limits
        How many places or what they may cost, conflicts, time, gap.
    fixed_cost
        As for `solve_set_cover`.

    Raises
    ------
    InputError
        If shapes differ, a weight is negative or not finite, or all weights are zero.
    InfeasibleError
        If the limits allow no choice.

    Notes
    -----
    The objective is the weight covered, by fixed rooms too; the bound is an upper one.
    Demands that see the same candidates are one demand. Interchange finds places, the
    linear relaxation bounds them and rules others out, and HiGHS closes the gap.

    Examples
    --------
    >>> cost = abs(np.subtract.outer([0, 1, 9, 10], [0, 1, 9, 10]))
    >>> solve_max_cover(cost, [1, 2, 3, 4], 1.0, Limits(rooms=1)).objective
    7.0
    """
    costs, weight, _, unserved = checked_costs(cost, weights, fixed_cost)
    within = costs <= reach
    held = nearest_fixed(fixed_cost, len(weight)) <= reach
    already = float(weight[held].sum())
    useful = ~held & (weight > 0.0) & within.any(axis=1)
    if not useful.any():
        limits.spending(costs.shape[1])
        none = np.empty(0, dtype=np.int64)
        return Siting("cover", none, already, already, limits.elapsed(), unserved)
    rows, group = distinct_with_groups(within[useful])
    heavy = np.bincount(group, weights=weight[useful]).astype(np.float64)
    chosen, uncovered, bound = _most(rows, heavy, limits, worth=already + float(heavy.sum()))
    total = already + float(heavy.sum())
    return Siting("cover", chosen, total - uncovered, total - bound, limits.elapsed(), unserved)


def _most(
    rows: Bools, heavy: Floats, limits: Limits, *, worth: float
) -> tuple[Ints, float, float]:
    """Return places, the weight they leave uncovered, and the least that any must leave."""
    k, m = rows.shape
    price, budget = limits.spending(m)
    opened = good_places(np.where(rows, 0.0, heavy[:, None]), heavy, limits)
    left_out = float(heavy[~rows[:, opened].any(axis=1)].sum())
    # Variables: places, then what is left uncovered.
    model = ConstraintRows(m + k)
    both = [csr_array(rows.astype(float)), eye_array(k, format="csr")]
    model.add(csr_array(hstack(both)), 1.0, np.inf)
    model.add_spending(price, budget)
    model.add_conflicts(limits)
    objective = np.concatenate([np.zeros(m), heavy])
    whole_weights = bool((heavy == np.round(heavy)).all())
    relaxed = relax(objective, *model.model(), seconds=limits.left())
    if relaxed is not None and objective.size and model.model()[0].nnz > LARGE:
        lost = np.where(rows, 0.0, heavy[:, None])
        return least_cost(
            lost,
            heavy,
            limits,
            prices=np.clip(relaxed[2][:k], 0.0, heavy),
            guess=relaxed[3][:m],
            worth=worth,
        )
    bound = 0.0 if relaxed is None else float(relaxed[0])
    if whole_weights:
        bound = float(np.ceil(bound - 1e-6))
    enough = limits.gap * (worth - left_out) + 1e-9 * worth
    if left_out - bound > enough and limits.left() > 0.0:
        upper = np.ones(m + k)
        if relaxed is not None:
            # Opening one of these would leave more uncovered than is left already.
            upper[:m] = relaxed[0] + relaxed[1][:m] <= left_out + 1e-6
            upper[:m][opened] = 1.0
        whole = np.zeros(m + k, dtype=bool)
        whole[:m] = True
        answer = minimise(
            objective,
            *model.model(),
            whole=whole,
            upper=upper,
            seconds=limits.left(),
            # HiGHS takes the gap of what is uncovered; ours is of what is covered.
            gap=enough / left_out,
            start=np.concatenate([opened, ~rows[:, opened].any(axis=1)]).astype(float),
        )
        bound = max(bound, min(answer.bound, left_out))
        if answer.values is not None:
            found = answer.values[:m] > 0.5
            fewer = float(heavy[~rows[:, found].any(axis=1)].sum())
            if fewer < left_out:
                opened, left_out = found, fewer
        if whole_weights:
            bound = float(np.ceil(bound - 1e-6))
    if left_out - bound <= 1e-9 * worth:
        bound = left_out
    return np.flatnonzero(opened), left_out, float(min(bound, left_out))


def solve_backup_cover(
    cost: ArrayLike,
    weights: ArrayLike,
    reach: float,
    limits: Limits,
    *,
    fixed_cost: ArrayLike | None = None,
    backup_share: float = 0.5,
) -> Siting:
    """Return places that cover the most weight once and twice (backup MCLP).

    Parameters
    ----------
    cost, weights, reach, limits, fixed_cost
        As for `solve_max_cover`; every fixed room within reach counts.
    backup_share
        What a demand reached by two rooms earns for the second, out of 1; the first earns
        the rest (Hogan and ReVelle 1986).

    Raises
    ------
    InputError
        If shapes differ, a weight is negative or not finite, or all weights are zero.
    InfeasibleError
        If the limits allow no choice.

    Examples
    --------
    >>> cost = abs(np.subtract.outer([0, 1, 9], [0, 1, 9]))
    >>> solve_backup_cover(cost, [5, 5, 1], 1.0, Limits(rooms=2)).chosen.tolist()
    [0, 1]
    """
    costs, weight, _, unserved = checked_costs(cost, weights, fixed_cost)
    n, m = costs.shape
    price, budget = limits.spending(m)
    within = costs <= reach
    count = np.zeros(n, dtype=np.int64)
    if fixed_cost is not None:
        fixed = np.asarray(fixed_cost, dtype=np.float64).reshape(n, -1)
        count = np.minimum((fixed <= reach).sum(axis=1), 2)
    pattern = np.column_stack([within, count == 1, count >= 2])
    counted = weight > 0.0
    rows, group = distinct_with_groups(pattern[counted])
    heavy = np.bincount(group, weights=weight[counted])
    held = rows[:, m].astype(float) + 2.0 * rows[:, m + 1]
    k = len(rows)
    # Variables: places, then covered once, then covered twice.
    once, twice = (1.0 - backup_share) * heavy, backup_share * heavy
    model = ConstraintRows(m + 2 * k)
    one = eye_array(k, format="csr")
    model.add(csr_array(hstack([csr_array(-rows[:, :m].astype(float)), one, one])), -np.inf, held)
    if backup_share > 0.5:
        model.add(csr_array(hstack([csr_array((k, m)), -one, one])), -np.inf, 0.0)
    model.add_spending(price, budget)
    model.add_conflicts(limits)
    first = np.flatnonzero(
        good_places(
            np.where(rows[:, :m], 0.0, heavy[:, None]), np.where(held > 0.0, 0.0, heavy), limits
        )
    )
    start = np.zeros(m + 2 * k)
    start[first] = 1.0
    reached = held + rows[:, first].sum(axis=1)
    start[m : m + k], start[m + k :] = reached >= 1, reached >= 2
    whole = np.zeros(m + 2 * k, dtype=bool)
    whole[:m] = True
    # Where the second room earns more, half of each would pay: the second must be whole.
    whole[m + k :] = backup_share > 0.5
    answer = minimise(
        -np.concatenate([np.zeros(m), once, twice]),
        *model.model(),
        whole=whole,
        seconds=limits.left(),
        gap=limits.gap,
        start=start,
    )
    values = start if answer.values is None else answer.values
    chosen = np.flatnonzero(values[:m] > 0.5)
    reached = held + rows[:, chosen].sum(axis=1)
    objective = float(once[reached >= 1].sum() + twice[reached >= 2].sum())
    bound = min(max(-answer.bound, objective), float(heavy.sum()))
    return Siting("backup", chosen, objective, bound, limits.elapsed(), unserved)


_MANY = 2000  # rows beyond which comparing all with all costs more than it saves


def reduced(rows: Bools, price: Floats) -> tuple[Bools, Bools, Bools]:
    """Return places that must open, the rows they leave, and the columns worth a look.

    A demand with one candidate settles it; a candidate whose demands another covers at no
    greater price is left out; a demand that is covered with another is dropped; again and
    again until nothing changes.

    Parameters
    ----------
    rows
        Which candidates cover each demand, shape (n, m).
    price
        What each costs, shape (m,).
    """
    m = rows.shape[1]
    opened, left = np.zeros(m, dtype=bool), np.ones(m, dtype=bool)
    if max(rows.shape) > _MANY:
        return opened, rows, left
    while len(rows):
        size = len(rows), int(left.sum())
        single = rows[:, left].sum(axis=1) == 1
        if single.any():
            must = left & rows[single].any(axis=0)
            opened |= must
            left &= ~must
            rows = rows[~rows[:, must].any(axis=1)]
        columns = np.flatnonzero(left)
        if len(rows) and len(columns):
            out = _held_by_another(rows[:, columns].T, price[columns])
            left[columns[out]] = False
            rows = distinct(rows & left)
        if (len(rows), int(left.sum())) == size:
            break
    return opened, rows, left


def _held_by_another(sets: Bools, price: Floats | None = None) -> Bools:
    """Return which sets lie inside another that costs no more; of equal ones the first stays."""
    packed = np.packbits(sets, axis=1)
    size = sets.sum(axis=1)
    cost = np.zeros(len(sets)) if price is None else price
    held = np.zeros(len(sets), dtype=bool)
    for row in range(len(sets)):
        inside = ((packed & packed[row]) == packed[row]).all(axis=1) & ~held
        better = (size > size[row]) | (cost < cost[row]) | (np.arange(len(sets)) < row)
        held[row] = (inside & (cost <= cost[row]) & better).any()
    return held


def distinct(within: Bools) -> Bools:
    """Return the distinct rows, without those that hold another row whole."""
    rows, _ = distinct_with_groups(within)
    # A place that covers the smaller set covers the larger one too.
    return rows if len(rows) > _MANY else rows[~_held_by_another(~rows)]


def distinct_with_groups(within: Bools) -> tuple[Bools, Ints]:
    """Return the distinct rows, and which of them each row is."""
    packed = np.packbits(within, axis=1)
    width = packed.shape[1]
    keys = np.ascontiguousarray(packed).view(np.dtype((np.void, width))).ravel()
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(within[first]), np.asarray(group)


def greedy_cover(rows: Bools, price: Floats, conflict: Bools) -> Bools | None:
    """Return places that cover all rows, most rows for the price first; None if stuck."""
    opened = np.zeros(rows.shape[1], dtype=bool)
    missing = np.ones(len(rows), dtype=bool)
    allowed = np.ones(rows.shape[1], dtype=bool)
    while missing.any():
        gain = np.where(allowed & ~opened, rows[missing].sum(axis=0) / price, 0.0)
        pick = int(np.argmax(gain))
        if gain[pick] <= 0.0:
            return None
        opened[pick] = True
        missing &= ~rows[:, pick]
        if len(conflict):
            allowed &= ~conflict[pick]
    return opened


_FAR = 10.0  # cost of what is out of reach, in multiples of the farthest that is in reach


def solve_median(
    cost: ArrayLike, weights: ArrayLike, limits: Limits, *, fixed_cost: ArrayLike | None = None
) -> Siting:
    """Return the places that minimise the weighted cost to the nearest room (p-median).

    Greedy opening and interchange find places, a Lagrangian dual bounds them and rules
    others out, and what neither settles is solved exactly by HiGHS as a model of radii.

    Parameters
    ----------
    cost
        Cost from each candidate to each demand, shape (n, m); infinite where out of reach.
        Such a pair counts as ten times the largest finite cost.
    weights
        Weight of each demand, shape (n,).
    limits
        How many places or what they may cost, conflicts, time, gap.
    fixed_cost
        Cost from each room that stays to each demand, shape (n, f).

    Raises
    ------
    InputError
        If shapes differ, a weight is negative or not finite, or all weights are zero.
    InfeasibleError
        If the limits allow no choice.

    Examples
    --------
    Four homes on a line; two rooms stand best in the middle of each pair's side:

    >>> cost = abs(np.subtract.outer([0, 1, 9, 10], [0, 1, 9, 10]))
    >>> answer = solve_median(cost, [1, 3, 3, 1], Limits(rooms=2))
    >>> answer.chosen.tolist(), answer.objective, answer.proven
    ([1, 2], 2.0, True)
    """
    costs, weight, rows, unserved = checked_costs(cost, weights, fixed_cost)
    base = nearest_fixed(fixed_cost, len(weight))
    far = _FAR * max(
        costs[rows][np.isfinite(costs[rows])].max(initial=0.0),
        base[np.isfinite(base)].max(initial=0.0),
        1e-9,
    )
    capped = np.where(np.isfinite(costs[rows]), costs[rows], far)
    heavy = weight[rows]
    with np.errstate(invalid="ignore"):
        based = np.where(np.isfinite(base[rows]), base[rows] * heavy, np.inf)
    chosen, total, bound = least_cost(capped * heavy[:, None], based, limits)
    return Siting("median", chosen, total, bound, limits.elapsed(), unserved)


def solve_capacitated_median(
    cost: ArrayLike,
    weights: ArrayLike,
    capacity: ArrayLike,
    limits: Limits,
    *,
    fixed_cost: ArrayLike | None = None,
    fixed_capacity: ArrayLike | None = None,
) -> Siting:
    """Return places and each demand's place, of least weighted cost within capacities.

    Each demand is looked after by one place: a grid is never split. In `Siting.assigned`
    rooms that stay are numbered after the candidates.

    Parameters
    ----------
    cost
        Cost from each candidate to each demand, shape (n, m); infinite where out of reach.
    weights
        Weight of each demand, shape (n,).
    capacity
        Largest sum of weights of each candidate, shape (m,).
    limits
        How many places or what they may cost, conflicts, time, gap.
    fixed_cost
        Cost from each room that stays to each demand, shape (n, f).
    fixed_capacity
        Largest sum of weights of each room that stays, shape (f,).

    Raises
    ------
    InputError
        If shapes differ, a weight is negative or not finite, or all weights are zero.
    InfeasibleError
        If no choice within the limits has room for every demand.

    Examples
    --------
    >>> cost = abs(np.subtract.outer([0, 1, 2, 10], [0, 1, 10]))
    >>> answer = solve_capacitated_median(cost, [1, 1, 1, 1], [2, 2, 2], Limits(rooms=2))
    >>> answer.assigned.tolist(), answer.objective
    ([1, 1, 2, 2], 9.0)
    """
    costs, weight, rows, unserved = checked_costs(cost, weights, fixed_cost)
    n, candidates = len(rows), costs.shape[1]
    hold = np.asarray(capacity, dtype=np.float64)
    if hold.shape != (candidates,) or not (hold >= 0.0).all():
        raise InputError("siting.error.capacity", received=hold.size, candidates=candidates)
    _, budget = limits.spending(candidates)
    costs, heavy = costs[rows], weight[rows]
    if fixed_cost is not None:
        stay = np.asarray(fixed_cost, dtype=np.float64).reshape(len(weight), -1)[rows]
        held = np.asarray(fixed_capacity, dtype=np.float64)
        if held.shape != stay.shape[1:] or not (held >= 0.0).all():
            raise InputError("siting.error.capacity", received=held.size, candidates=stay.shape[1])
        costs, hold = np.hstack([costs, stay]), np.concatenate([hold, held])
    m = costs.shape[1]
    demand, place = np.nonzero(np.isfinite(costs) & (heavy[:, None] <= hold[None, :]))
    k = len(demand)
    model = _model((demand, place), heavy, hold, (n, candidates), limits)
    answer = minimise(
        np.concatenate([np.zeros(m), (heavy * costs.T).T[demand, place]]),
        *model.model(),
        whole=np.ones(m + k, dtype=bool),
        seconds=limits.left(),
        gap=limits.gap,
        start=_start(costs, heavy, hold, limits, (demand, place), candidates),
    )
    if answer.values is None:
        key = "siting.error.no_capacity" if answer.infeasible else "siting.error.no_time"
        raise InfeasibleError(key, count=n, need=float(heavy.sum()), ids=limits.rooms or budget)
    served = answer.values[m:] > 0.5
    assigned = np.full(len(weight), -1)
    assigned[rows[demand[served]]] = place[served]
    total = float((heavy[demand] * costs[demand, place])[served].sum())
    return Siting(
        "capacitated",
        np.flatnonzero(answer.values[:candidates] > 0.5),
        total,
        min(answer.bound, total),
        limits.elapsed(),
        unserved,
        assigned,
    )


def _model(
    pairs: tuple[Ints, Ints], heavy: Floats, hold: Floats, size: tuple[int, int], limits: Limits
) -> ConstraintRows:
    """Return the constraints over places, those that stay last, and pairs of demand and place."""
    (demand, place), (n, candidates) = pairs, size
    m, k = len(hold), len(demand)
    pair, width = np.arange(k), m + k
    price, budget = limits.spending(candidates)
    model = ConstraintRows(width)
    model.add(coo_array((np.ones(k), (demand, m + pair)), shape=(n, width)).tocsr(), 1.0, 1.0)
    every = np.arange(m)
    held = coo_array(
        (
            np.concatenate([heavy[demand], -hold]),
            (np.concatenate([place, every]), np.concatenate([m + pair, every])),
        ),
        shape=(m, width),
    )
    model.add(held.tocsr(), -np.inf, 0.0)
    strong = coo_array(
        (
            np.concatenate([np.ones(k), -np.ones(k)]),
            (np.concatenate([pair, pair]), np.concatenate([m + pair, place])),
        ),
        shape=(k, width),
    )
    model.add(strong.tocsr(), -np.inf, 0.0)
    if m > candidates:
        stay = np.arange(m - candidates)
        ones = coo_array((np.ones(len(stay)), (stay, candidates + stay)), shape=(len(stay), width))
        model.add(ones.tocsr(), 1.0, 1.0)
    model.add_spending(price, budget)
    model.add_conflicts(limits)
    return model


def _start(
    costs: Floats,
    heavy: Floats,
    hold: Floats,
    limits: Limits,
    pairs: tuple[Ints, Ints],
    candidates: int,
) -> Floats | None:
    """Return a first solution: good places without capacities, then the tightest demand first."""
    price, budget = limits.spending(candidates)
    far = 10.0 * costs[np.isfinite(costs)].max()
    capped = np.where(np.isfinite(costs), costs, far) * heavy[:, None]
    base = capped[:, candidates:].min(axis=1, initial=np.inf)
    near = Near.build(
        capped[:, :candidates], base, (price, budget), limits.conflict_matrix(candidates)
    )
    opened = np.zeros(candidates, dtype=bool)
    open_greedily(near, opened)
    exchange(near, opened, np.zeros(candidates, dtype=bool))
    opened = np.concatenate([opened, np.ones(len(hold) - candidates, dtype=bool)])
    places = np.flatnonzero(opened)
    left = hold.copy()
    chosen = np.full(len(costs), -1)
    ranked = np.sort(costs[:, places], axis=1)
    regret = ranked[:, min(1, len(places) - 1)] - ranked[:, 0]
    for i in np.lexsort((-np.nan_to_num(regret, posinf=far), -heavy)):
        fits = places[(left[places] >= heavy[i]) & np.isfinite(costs[i, places])]
        if len(fits) == 0:
            return None
        chosen[i] = fits[np.argmin(costs[i, fits])]
        left[chosen[i]] -= heavy[i]
    demand, place = pairs
    return np.concatenate([opened.astype(float), (chosen[demand] == place).astype(float)])


def solve_center(
    cost: ArrayLike, weights: ArrayLike, limits: Limits, *, fixed_cost: ArrayLike | None = None
) -> Siting:
    """Return the places that minimise the largest cost of any demand (p-center).

    The answer is one of the costs, and whether a cost can be kept is a set cover: the costs
    are searched by halves, each half settled by HiGHS.

    Parameters
    ----------
    cost
        Cost from each candidate to each demand, shape (n, m); infinite where out of reach.
    weights
        Weight of each demand, shape (n,); only demands of weight above 0 count, all alike.
    limits
        How many places or what they may cost, conflicts, time, gap.
    fixed_cost
        Cost from each room that stays to each demand, shape (n, f).

    Raises
    ------
    InputError
        If shapes differ, a weight is negative or not finite, or all weights are zero.
    InfeasibleError
        If no choice within the limits reaches every demand that can be reached, or none
        was found in time.

    Examples
    --------
    >>> cost = abs(np.subtract.outer([0, 2, 9, 12], [0, 2, 9, 12]))
    >>> solve_center(cost, [1, 1, 1, 1], Limits(rooms=2)).objective
    3.0
    """
    costs, weight, rows, unserved = checked_costs(cost, weights, fixed_cost)
    limits.spending(costs.shape[1])
    base = nearest_fixed(fixed_cost, len(weight))[rows]
    costs, ones = costs[rows], np.ones(len(rows))
    least = float(np.minimum(costs.min(axis=1), base).max())
    radii = np.unique(np.concatenate([costs.ravel(), base]))
    radii = radii[np.isfinite(radii) & (radii >= least)]
    low, high = 0, len(radii) - 1  # the answer lies in radii[low:high + 1]
    fixed = base[:, None]
    best = _try(costs, ones, float(radii[high]), limits, fixed)
    if best is None:
        raise InfeasibleError("siting.error.cannot_reach", count=len(rows), ids=some_ids(rows + 1))
    chosen = best
    high = int(np.searchsorted(radii, _farthest(costs, base, chosen)))
    # Places far apart give a good first answer, and so a short search.
    spread = _far_apart(costs, base, limits)
    if spread is not None and _farthest(costs, base, spread) < radii[high]:
        chosen = spread
        high = int(np.searchsorted(radii, _farthest(costs, base, chosen)))
    while low < high and limits.left() > 0.0:
        middle = (low + high) // 2
        try:
            found = _try(costs, ones, float(radii[middle]), limits, fixed)
        except InfeasibleError:
            break
        if found is None:
            low = middle + 1
        else:
            chosen = found
            high = int(np.searchsorted(radii, _farthest(costs, base, chosen)))
    return Siting(
        "center", chosen, float(radii[high]), float(radii[low]), limits.elapsed(), unserved
    )


def _try(costs: Floats, ones: Floats, reach: float, limits: Limits, fixed: Floats) -> Ints | None:
    """Return places that keep the reach within the limits, or None where none do.

    Raises
    ------
    InfeasibleError
        If time ran out before an answer was found.
    """
    within = replace(limits, seconds=max(limits.left(), 0.01))
    try:
        answer = solve_set_cover(costs, ones, reach, within, fixed_cost=fixed)
    except InfeasibleError as error:
        if error.key == "siting.error.no_time":
            raise
        return None
    return None if len(answer.unserved) else answer.chosen


def _farthest(costs: Floats, base: Floats, chosen: Ints) -> float:
    return float(np.minimum(costs[:, chosen].min(axis=1, initial=np.inf), base).max())


def _far_apart(costs: Floats, base: Floats, limits: Limits) -> Ints | None:
    """Return places opened one by one beside the demand that is farthest."""
    if limits.rooms is None or len(limits.conflict_pairs()):
        return None
    now = base.copy()
    chosen: list[int] = []
    for _ in range(limits.rooms):
        worst = int(np.argmax(now))
        pick = int(np.argmin(costs[worst]))
        chosen.append(pick)
        now = np.minimum(now, costs[:, pick])
    return np.unique(chosen) if np.isfinite(now).all() else None
