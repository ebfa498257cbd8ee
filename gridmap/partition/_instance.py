"""From a region of the problem to the arrays of the search: groups as one, bounds, pulls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, dijkstra

from gridmap.errors import InfeasibleError, some_ids
from gridmap.measure.pieces import match_most
from gridmap.partition._arrays import Attraction, Instance, Loads, build_graph, hilbert_order
from gridmap.partition._regions import Region
from gridmap.partition.problem import PER_GRID, Problem, ProblemFields, wanted_beats
from gridmap.typing import Bools, Floats, Ints, Ints32

_SHRINK = 0.955  # the search aims inside the bounds, so that the plan lands inside
_BEYOND = 20.0  # borders that a grid beyond the reach of its beat's centre costs
_OVER_LIMIT = 0.05  # of a limit: so much over it weighs what a tolerance of 3 % does
_COMMUNITY = 1.5  # a border inside a community weighs so much more


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectiveWeights:
    """Weights of the objectives: tolerance per criterion, and the price of each other aim.

    ``travel`` and ``change`` are in mean borders per mean grid.
    """

    tolerances: tuple[float, ...]
    cut: float = 1.0
    travel: float = 0.0
    change: float = 0.0
    keep: float | None = None
    shrink: float = _SHRINK


@dataclass(frozen=True, slots=True)
class RegionInstance:
    """An instance, and the way back: ``node`` is the instance's node of each of the grids."""

    instance: Instance
    grids: Ints
    labels: Ints
    node: Ints
    tolerance: float
    today: Ints32

    def labels_of(self, beat: NDArray[np.integer]) -> Ints:
        """Return the label of each of the region's grids from the beats of the nodes."""
        return self.labels[beat[self.node]]


def build_instance(problem: Problem, region: Region, aims: ObjectiveWeights) -> RegionInstance:
    """Return the arrays of one region of a problem whose locks are settled.

    Raises
    ------
    InfeasibleError
        If grids that must share a beat cannot be reached from each other, or are so many that
        too few are left for the other beats.
    """
    grids = region.grids
    edges, border = region.edges, region.borders_m
    xy = _places(problem, grids, edges)
    group = contract(problem, region, xy)
    nodes = int(group.max()) + 1
    if nodes < len(region.labels):
        raise InfeasibleError("partition.error.few_units", beats=len(region.labels), units=nodes)
    mass = np.bincount(group, minlength=nodes).astype(np.float64)
    centre = _sum_by(group, xy, nodes) / mass[:, None]
    order = hilbert_order(centre)
    rank = np.empty(nodes, dtype=np.int64)
    rank[order] = np.arange(nodes)
    node = rank[group]
    centre = centre[order]
    ends = node[edges]
    real = ends[:, 0] != ends[:, 1]
    unit = float(border[real].mean()) if real.any() and border[real].sum() > 0 else 1.0
    length = border[real] / unit * aims.cut
    length = length * community_factor(problem, grids[edges[real]])
    graph = build_graph(
        nodes, ends[real, 0].astype(np.int32), ends[real, 1].astype(np.int32), length
    )
    scale = _width(problem, grids, xy) / np.sqrt(len(region.labels))
    attraction = _build_attraction(problem, region, node, centre / scale, aims)
    weights = _sum_by(node, problem.weights[grids], nodes)
    loads = _build_loads(problem, region, weights, aims)
    slack = 0.0 if problem.bounds is not None else 0.03 * (1 - aims.shrink) + 1e-9
    if problem.limits:
        amounts = _sum_by(node, problem.limited[grids], nodes)
        loads = _limited(loads, amounts, problem.limits, slack)
    instance = Instance(len(region.labels), graph, loads, attraction, centre / scale, slack)
    return RegionInstance(
        instance,
        grids,
        region.labels,
        node,
        aims.tolerances[0],
        _today(problem, region, node, nodes),
    )


def community_factor(problem: Problem, edges: Ints) -> Floats:
    """Return what each border counts: more where both sides are of one community."""
    factor = np.ones(len(edges))
    if problem.communities is not None and len(edges):
        community = problem.communities[edges]
        named = ~np.isin(community[:, 0].astype(str), ("-1", "None"))
        factor[(community[:, 0] == community[:, 1]) & named] += _COMMUNITY
    return factor


def _places(problem: Problem, grids: Ints, edges: Ints) -> Floats:
    """Return coordinates, made up from distances along the graph where there are none."""
    if problem.xy is not None:
        xy: Floats = problem.xy[grids]
        return xy - xy.min(axis=0)
    n = len(grids)
    table = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (n, n)).tocsr()
    table = (table + table.T).tocsr()

    def steps(start: int) -> Floats:
        far = dijkstra(table, indices=start, unweighted=True)
        return np.where(np.isfinite(far), far, 0.0)

    west = int(breadth_first_order(table, 0, directed=False)[0][-1])
    east = int(np.argmax(steps(west)))
    across = np.abs(steps(west) - steps(east)) + 1e-3 * (steps(west) + steps(east))
    north = int(np.argmin(across - steps(west) * 0.5))
    south = int(np.argmax(steps(north)))
    return np.stack([steps(west) - steps(east), steps(north) - steps(south)], axis=1)


def _width(problem: Problem, grids: Ints, xy: Floats) -> float:
    """Return the side of a square as large as the region."""
    if problem.areas_m2 is not None and problem.xy is not None:
        area = float(problem.areas_m2[grids].sum())
        if area > 0:
            return float(np.sqrt(area))
    span = np.ptp(xy, axis=0)
    return float(np.sqrt(max(span[0] * span[1], span.max() ** 2 * 0.01, 1e-12)))


def _sum_by(node: Ints, values: Floats, nodes: int) -> Floats:
    columns = [np.bincount(node, weights=c, minlength=nodes).astype(float) for c in values.T]
    return np.ascontiguousarray(np.stack(columns, axis=1))


def _build_loads(
    problem: Problem, region: Region, weights: Floats, aims: ObjectiveWeights
) -> Loads:
    """Return the bounds of each beat; a criterion of which the region has nothing has none."""
    worked = region.targets.max(axis=0) > 0
    worked[0] |= problem.bounds is not None
    if not worked.any():  # nobody works here: any plan will do
        ones = np.ones((len(weights), 1))
        every = np.full((len(region.labels), 1), float(len(weights)))
        return Loads(ones, np.full_like(every, -np.inf), 2 * every, 1 / every)
    target = np.ascontiguousarray(np.maximum(region.targets[:, worked], 1e-12))
    tolerance = np.maximum(np.array(aims.tolerances)[worked], 1e-9)
    shrink = aims.shrink if problem.bounds is None else 1.0 + 1e-9
    lo = target * (1 - tolerance * shrink)
    hi = target * (1 + tolerance * shrink)
    # A beat is within the tolerance of the city, where its region lets it.
    ideal = np.ascontiguousarray(region.aims(tuple(aims.tolerances))[:, worked])
    scale = 0.03 / tolerance / np.maximum(ideal, 1e-12)
    lo = np.maximum(lo, ideal * (1 - tolerance * shrink))
    hi = np.minimum(hi, ideal * (1 + tolerance * shrink))
    if problem.bounds is not None:
        lo[:, 0], hi[:, 0] = problem.bounds
        scale[:, 0] = 0.06 / max(problem.bounds[1] - problem.bounds[0], 1e-9)
    lo = np.where(lo <= 0, -np.inf, lo)
    return Loads(np.ascontiguousarray(weights[:, worked]), lo, hi, scale)


def _limited(loads: Loads, amounts: Floats, limits: tuple[float, ...], slack: float) -> Loads:
    """Return the loads with further criteria that have an upper bound only.

    The bound is reached where the slack of the others is used up.
    """
    most = np.tile(np.array(limits), (len(loads.lo), 1))
    scale = 0.03 / (_OVER_LIMIT * most)
    return Loads(
        np.ascontiguousarray(np.hstack([loads.w, amounts])),
        np.hstack([loads.lo, np.full_like(most, -np.inf)]),
        np.hstack([loads.hi, most * (1 + 1e-9) - slack / scale]),
        np.hstack([loads.scale, scale]),
    )


def _today(problem: Problem, region: Region, node: Ints, nodes: int) -> Ints32:
    """Return the region's own number of each node's present beat, -1 where it has none."""
    home = np.full(nodes, -1, dtype=np.int32)
    if problem.present is None:
        return home
    number = {int(label): i for i, label in enumerate(region.labels)}
    local = np.array([number.get(int(b), -1) for b in problem.present[region.grids]])
    keep = problem.keep_values
    share = np.zeros((nodes, len(region.labels)))
    has = local >= 0
    np.add.at(share, (node[has], local[has]), keep[region.grids][has] + 1e-9)
    held = share.sum(axis=1) > 0
    home[held] = np.argmax(share[held], axis=1)
    return home


def _build_attraction(
    problem: Problem, region: Region, node: Ints, xy: Floats, aims: ObjectiveWeights
) -> Attraction:
    grids, k, nodes = region.grids, len(region.labels), len(xy)
    number = {int(label): i for i, label in enumerate(region.labels)}
    pin = np.full(nodes, -1, dtype=np.int32)
    wanted = wanted_beats(problem)[grids]
    for v, label in zip(node[wanted >= 0], wanted[wanted >= 0], strict=True):
        pin[v] = number[int(label)]
    centre = np.zeros((k, 2))
    site = np.zeros(k, dtype=np.int32)
    if problem.rooms is not None:
        local = {int(g): int(v) for g, v in zip(grids, node, strict=True)}
        for label, i in number.items():
            grid = int(problem.rooms[label]) if label < len(problem.rooms) else -1
            if grid in local:
                site[i] = local[grid]
                centre[i] = xy[local[grid]]
    keep = problem.keep_values
    mean = max(float(keep[grids].sum()) / nodes, 1e-12)
    demand = problem.demand_values
    travel: Floats = np.bincount(node, weights=demand[grids], minlength=nodes).astype(np.float64)
    travel = travel / max(float(travel.mean()), 1e-12) * aims.travel * np.sqrt(nodes / k)
    matrix = np.zeros((0, 0), dtype=np.float32)
    if aims.travel <= 0:
        travel = np.zeros(nodes)
    if problem.reach is not None or (problem.travel is not None and aims.travel > 0):
        first_grid = np.zeros(nodes, dtype=np.int64)
        first_grid[node[::-1]] = grids[::-1]
        far = problem.far(first_grid)
        assert far is not None  # noqa: S101 - Problem has checked; for the type checker
        matrix = (far / max(float(far.mean()), 1e-12) * np.sqrt(k)).astype(np.float32, order="C")
        if problem.reach is not None:
            travel = np.maximum(travel, 1e-6)
            beyond = far > problem.reach * (1 + 1e-6)
            matrix += (beyond * (_BEYOND / travel)[:, None]).astype(np.float32)
    priced = aims.change > 0 or aims.keep is not None
    home = _today(problem, region, node, nodes) if priced else np.full(nodes, -1, np.int32)
    weight = np.zeros(nodes)
    if priced and problem.present is not None:  # what stays, as long as the node stays
        home_of = np.append(region.labels, -1)[home][node]
        stays = (home_of >= 0) & (problem.present[grids] == home_of)
        weight += np.bincount(node[stays], weights=keep[grids][stays], minlength=nodes)
    separated_ptr, separated = _separated_pairs(problem, grids, node, nodes)
    return Attraction(
        x=np.ascontiguousarray(xy[:, 0]),
        y=np.ascontiguousarray(xy[:, 1]),
        pin=pin,
        home=home,
        price=weight / mean * aims.change,
        weight=weight,
        demand=travel,
        centre_x=np.ascontiguousarray(centre[:, 0]),
        centre_y=np.ascontiguousarray(centre[:, 1]),
        site=site,
        matrix=matrix,
        separated_ptr=separated_ptr,
        separated=separated,
    )


def empty_attraction(xy: Floats, demand: Floats, travel: NDArray[np.float32] | None) -> Attraction:
    """Return pulls that hold places and demand only, for measuring a plan."""
    n = len(xy)
    none = np.zeros(n)
    return Attraction(
        x=np.ascontiguousarray(xy[:, 0]),
        y=np.ascontiguousarray(xy[:, 1]),
        pin=np.full(n, -1, dtype=np.int32),
        home=np.full(n, -1, dtype=np.int32),
        price=none,
        weight=none,
        demand=np.array(demand, dtype=np.float64),
        centre_x=np.zeros(0),
        centre_y=np.zeros(0),
        site=np.zeros(0, dtype=np.int32),
        matrix=np.zeros((0, 0), np.float32) if travel is None else np.array(travel, np.float32),
        separated_ptr=np.zeros(n + 1, dtype=np.int32),
        separated=np.zeros(0, dtype=np.int32),
    )


def _separated_pairs(
    problem: Problem, grids: Ints, node: Ints, nodes: int
) -> tuple[Ints32, Ints32]:
    local = {int(g): int(v) for g, v in zip(grids, node, strict=True)}
    pairs = set()
    for a, b in problem.apart:
        if a in local and b in local:
            if local[a] == local[b]:
                raise InfeasibleError(
                    "partition.error.together_and_apart", ids=some_ids(problem.name_of([a, b]))
                )
            pairs |= {(local[a], local[b]), (local[b], local[a])}
    listed = np.array(sorted(pairs), dtype=np.int32).reshape(-1, 2)
    ptr = np.zeros(nodes + 1, dtype=np.int32)
    np.cumsum(np.bincount(listed[:, 0], minlength=nodes), out=ptr[1:])
    return ptr, np.ascontiguousarray(listed[:, 1])


def contract(problem: Problem, region: Region, xy: Floats) -> Ints:
    """Return the node of each grid: grids that must share a beat are one node.

    Groups that do not touch are joined along the shortest way between their parts that
    breaks no other lock.
    """
    grids, n = region.grids, len(region.grids)
    edges = region.edges
    ties = [_positions(region.grids, np.array(sorted(tie))) for tie in problem.together]
    ties = [tie for tie in ties if len(tie) > 1]
    if not ties:
        return np.arange(n)
    # Of ways as short, the one over the least workload, then along the ground's own order.
    light = problem.weights[grids, 0] / max(float(problem.weights[grids, 0].sum()), 1e-300)
    place = np.argsort(hilbert_order(xy)) / n
    step = 1.0 + 0.5 * light + 1e-6 * place / n
    both = np.concatenate([edges, edges[:, ::-1]])
    both = np.unique(both[both[:, 0] != both[:, 1]], axis=0)
    table = coo_array((step[both[:, 1]], (both[:, 0], both[:, 1])), (n, n)).tocsr()
    label = wanted_beats(problem)[region.grids]
    separated_pairs = [_positions(region.grids, np.array(sorted(pair))) for pair in problem.apart]
    separated_pairs = [pair for pair in separated_pairs if len(pair) == 2]
    # Those that belong to a beat come first: the others may join them on the way.
    order = sorted(range(len(ties)), key=lambda i: -int(label[ties[i]].max()))
    moved_up: set[int] = set()
    while True:
        group, stuck = _joined(table, [ties[i] for i in order], label, separated_pairs)
        if stuck < 0:
            return np.unique(group, return_inverse=True)[1].astype(np.int64)
        late = order[stuck]
        if stuck == 0 or late in moved_up:
            raise InfeasibleError(
                "partition.error.apart_forever",
                ids=some_ids(problem.name_of(region.grids[ties[late]])),
            )
        moved_up.add(late)  # another group's way was in its way: let it choose first
        order = [late, *(i for i in order if i != late)]


def _joined(
    table: csr_array, ties: list[Ints], label: Ints, separated_pairs: list[Ints]
) -> tuple[Ints, int]:
    """Return the group of each grid, and which of the ties cannot be joined (-1: none)."""
    group = np.arange(len(label))
    held = label.copy()
    for tie in ties:
        group[np.isin(group, group[tie])] = group[tie[0]]
        held[group == group[tie[0]]] = held[tie].max()
    for i, tie in enumerate(ties):
        while True:
            own = group[tie[0]]
            inside = np.flatnonzero(group == own)
            count, piece = connected_components(table[inside][:, inside], directed=False)
            if count == 1:
                break
            beat = int(held[inside[0]])
            shut = (held >= 0) & (held != beat) & (beat >= 0)
            for a, b in separated_pairs:
                shut |= (group == group[b]) if group[a] == own else False
                shut |= (group == group[a]) if group[b] == own else False
            way = _way_apart(table, inside, piece, ~shut, group, separated_pairs)
            if way is None:
                return group, i
            joined = np.isin(group, group[way])
            held[joined] = held[joined].max()
            group[joined] = own
    return group, -1


def _way_apart(
    table: csr_array,
    inside: Ints,
    piece: Ints,
    allowed: Bools,
    group: Ints,
    separated_pairs: list[Ints],
) -> Ints | None:
    """Return a way between the pieces of a group that no pair to be apart is on, or None."""
    way = _way(table, inside[piece == 0], inside[piece != 0], allowed)
    if way is None:
        return None
    joined = set(group[way].tolist())
    for pair in separated_pairs:
        if not joined.issuperset(group[pair].tolist()):
            continue
        for v in pair[::-1]:
            if group[v] != group[inside[0]]:
                other = allowed & (group != group[v])
                found = _way_apart(table, inside, piece, other, group, separated_pairs)
                if found is not None:
                    return found
        return None
    return way


def _way(table: csr_array, start: Ints, goals: Ints, allowed: Bools) -> Ints | None:
    """Return the way of least cost from some grids to others over those allowed, or None."""
    own = np.flatnonzero(allowed)
    far, before, _ = dijkstra(
        table[own][:, own],
        indices=np.searchsorted(own, start),
        min_only=True,
        return_predecessors=True,
    )
    ends = np.searchsorted(own, goals)
    goal = int(ends[np.argmin(far[ends])])
    if not np.isfinite(far[goal]):
        return None
    way = [goal]
    while before[way[-1]] >= 0:
        way.append(int(before[way[-1]]))
    return own[way]


def _positions(grids: Ints, some: Ints) -> Ints:
    """Return the positions, in sorted grids, of those of some that are among them."""
    at = np.minimum(np.searchsorted(grids, some), len(grids) - 1)
    return at[grids[at] == some]


# -- canonical order of the grids, so that results do not depend on the file, and beats' numbers


_DIGITS = 9  # of a place, as a share of the span: what moving the whole city leaves alone


def in_order(problem: Problem) -> tuple[Problem, Ints]:
    """Return the problem in the grids' own order, and where each of them came (n,).

    Names stay those of before, positions included.
    """
    original_order = _order(problem)
    ids = problem.ids or tuple(range(problem.grids))
    changes: ProblemFields = {"ids": tuple(ids[v] for v in original_order.tolist())}
    place = np.empty(len(original_order), dtype=np.int64)
    place[original_order] = np.arange(len(original_order))
    for name in PER_GRID:
        value = getattr(problem, name)
        changes[name] = None if value is None else value[original_order]  # type: ignore[literal-required]
    for name, length in (("edges", "borders_m"), ("barrier_edges", "barrier_m")):
        ends, border = place[getattr(problem, name)], getattr(problem, length)
        ends = np.stack([ends.min(axis=1), ends.max(axis=1)], axis=1)
        pair = ends[:, 0] * problem.grids + ends[:, 1]
        row = np.argsort(pair, kind="stable")
        if (np.diff(pair[row]) == 0).any():  # listed twice: the shorter border first
            row = np.lexsort((border, pair))
        changes[name], changes[length] = ends[row], border[row]  # type: ignore[literal-required]
        if name == "edges" and problem.border_factor is not None:
            changes["border_factor"] = problem.border_factor[row]
    if problem.rooms is not None:
        changes["rooms"] = np.where(problem.rooms >= 0, place[problem.rooms], -1)
    if problem.travel is not None:
        changes["travel"] = problem.travel[np.ix_(original_order, original_order)]
    for name in ("together", "apart"):
        groups = (sorted(place[list(group)].tolist()) for group in getattr(problem, name))
        changes[name] = tuple(sorted(map(tuple, groups)))  # type: ignore[literal-required]
    return problem.replace(**changes), original_order


def put_back(settled: Problem, given: Problem, original_order: Ints) -> Problem:
    """Return the problem as it was given, with what settling its locks has changed."""
    together = tuple(tuple(sorted(original_order[list(tie)].tolist())) for tie in settled.together)
    if settled.present is None:
        return given.replace(together=together)
    present = np.empty_like(settled.present)
    present[original_order] = settled.present
    return given.replace(together=together, present=present)


def _order(problem: Problem) -> Ints:
    """Return the grids from west to east, or without places as they are listed."""
    if problem.xy is None:
        return np.arange(problem.grids)
    local = problem.xy - problem.xy.min(axis=0)
    east, north = np.round(local / (float(local.max()) or 1.0), _DIGITS).T
    return np.lexsort((north, east))


def relabel(problem: Problem, assignment: Ints, original_order: Ints | None = None) -> Ints:
    """Return an assignment with its beats numbered as a planner expects.

    A beat that continues a present one has its number: the pairs that keep most of the keep
    weights (an assignment problem). Others are numbered from west to east, or without places
    as their first grids are listed. Beats with fixed grids or rooms keep their number, and
    those with targets one of the same target.

    Parameters
    ----------
    original_order
        Where the file lists each grid (n,); in this order if None.
    """
    listed = np.arange(problem.grids) if original_order is None else original_order
    labels, row = np.unique(assignment, return_inverse=True)
    held = _held(problem, labels)
    if held.all():
        return assignment
    number = labels.copy()
    free = np.flatnonzero(~held)
    if problem.targets is not None and np.ptp(problem.targets, axis=0).any():
        return _among_equals(problem, labels, row, free, listed)
    if problem.present is None:
        number[free[_from_west(problem, row, free, listed)]] = np.sort(labels[free])
        return number[row]
    taken = {int(label) for label in labels[held]}
    matched = _match(problem, row, free, taken)
    number[free] = -1
    for i, label in matched.items():
        number[free[i]] = label
    taken |= set(matched.values())
    known = {int(b) for b in np.unique(problem.present)} | set(range(len(problem.beat_names)))
    fresh = (b for b in range(len(known) + 2 * len(labels) + max(taken, default=0) + 1))
    spare = (b for b in fresh if b not in taken and b not in known)
    left = free[number[free] < 0]
    for i in left[_from_west(problem, row, left, listed)]:
        number[i] = next(spare)
    return number[row]


def _among_equals(problem: Problem, labels: Ints, row: Ints, free: Ints, listed: Ints) -> Ints:
    """Return the assignment with numbers exchanged only between beats of the same target."""
    number = labels.copy()
    assert problem.targets is not None  # noqa: S101 - the caller's case; for the type checker
    goal = problem.targets[labels % problem.beats]
    for group in np.unique(goal[free], axis=0):
        own = free[(goal[free] == group).all(axis=1)]
        if problem.present is None:
            number[own[_from_west(problem, row, own, listed)]] = labels[own]
            continue
        others = set(np.unique(problem.present).tolist()) - set(labels[own].tolist())
        matched = _match(problem, row, own, others)
        left = [label for label in labels[own].tolist() if label not in matched.values()]
        for i in range(len(own)):
            number[own[i]] = matched[i] if i in matched else left.pop(0)
    return number[row]


def _held(problem: Problem, labels: Ints) -> Bools:
    return np.isin(labels, [*problem.frozen, *wanted_beats(problem).tolist()])


def _from_west(problem: Problem, row: Ints, some: Ints, listed: Ints) -> Ints:
    """Return the order of some beats: by mean easting, or without places by the first listed."""
    count = int(row.max()) + 1
    first = np.full(count, len(row), dtype=np.int64)
    np.minimum.at(first, row, listed if problem.xy is None else np.arange(len(row)))
    east = np.zeros(count)
    if problem.xy is not None:
        x = problem.xy[:, 0] - problem.xy[:, 0].min()
        east = np.round(np.bincount(row, weights=x, minlength=count) / np.bincount(row), 3)
    order: Ints = np.lexsort((first[some], east[some]))
    return order


def _match(problem: Problem, row: Ints, free: Ints, taken: set[int]) -> dict[int, int]:
    """Return which free present beat each of some beats continues, by position in ``free``."""
    present = problem.present
    assert present is not None  # noqa: S101 - the caller's case; for the type checker
    old = np.setdiff1d(np.unique(present[present >= 0]), list(taken))
    if not old.size:
        return {}
    place = np.full(int(row.max()) + 1, -1, dtype=np.int64)
    place[free] = np.arange(len(free))
    both = (place[row] >= 0) & np.isin(present, old)
    return match_most(place[row[both]], present[both], problem.keep_values[both])


def beat_names(problem: Problem, assignment: Ints) -> dict[int, str]:
    """Return what to call each beat in a sentence.

    A present beat has its name; others are counted from 01 on where grids have ids, as
    `plans_of` names them, and are bare numbers where everything is.
    """
    names: dict[int, str] = {}
    number = 0
    for b in np.unique(assignment).tolist():
        if b < len(problem.beat_names):
            names[b] = problem.beat_names[b]
        elif problem.ids:
            number += 1
            while f"{number:02d}" in problem.beat_names:
                number += 1
            names[b] = f"{number:02d}"
        else:
            names[b] = str(b)
    return names
