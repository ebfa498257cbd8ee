"""Patrol routes: the places with most expected incidents within the time, from and to the room.

This is the team orienteering problem (Chao, Golden and Wasil 1996): each unit leaves its room,
stops some minutes at chosen places and is back in time; the expected incidents at the places
visited are to be as many as they can. PyVRP's iterated local search for prize-collecting
routing solves it; a knapsack relaxation bounds it. A rota over several shifts (网格化巡逻) also
sees every grid at least once.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from gridmap.errors import InfeasibleError
from gridmap.typing import Floats, Ints

_PRIZE = 10_000_000  # whole-number prize of all places together
# PyVRP's search, as benchmarks.patrol found it best. It stops when so many iterations in a row
# gain nothing, and each may change up to so many places. A second too late costs at most so many
# times what a second gains on average, so that routes that are too long lead on to better ones.
_ITERATIONS, _IDLE = 8_000, 2_000
_CHANGES = 40
_LATE, _LATE_ROUNDS = 20.0, 50
_RUNS = 3  # of PyVRP, of which the best counts
_EXACT = 9  # places up to which the best route of one unit is found exactly
_SPREAD = 0.05  # how far a seed shifts the prizes
_ATTEMPTS = 8
_WORST = 0.9  # share of the best plan's expected incidents that another must keep
_FADING = 0.6  # what a further stop at the same place is worth, next to the one before
_PASS_MIN = 2.0  # minutes that seeing a grid takes, without a stop


@dataclass(frozen=True, eq=False)
class PatrolTask:
    """Places, rooms and time available for patrols.

    Parameters
    ----------
    expected
        Incidents that each place expects in one shift, shape (n,), not negative.
    rooms_at
        Rows of ``minutes`` at which units start and end, one a unit, shape (u,).
    minutes
        Travel minutes between all points, shape (n + r, n + r): places first, then rooms;
        infinite where there is no way.
    limit_min
        Minutes from leaving the room to being back.
    stop_min
        Minutes of a stop.
    shifts
        Number of shifts that are planned together.
    see_all
        Whether each place must be seen at least once in all shifts together.
    """

    expected: Floats
    rooms_at: Ints
    minutes: Floats
    limit_min: float
    stop_min: float
    shifts: int = 1
    see_all: bool = False


@dataclass(frozen=True, slots=True)
class Visit:
    """One place on a route.

    Parameters
    ----------
    place
        Row of the place.
    arrive_min, leave_min
        Minutes since the unit left its room.
    stops
        Whether the unit stops; otherwise it sees the place in passing.
    """

    place: int
    arrive_min: float
    leave_min: float
    stops: bool


@dataclass(frozen=True, slots=True)
class Route:
    """What one unit does in one shift.

    Parameters
    ----------
    unit, shift
        Numbers of the unit and the shift, from 0.
    visits
        In order.
    minutes
        From leaving the room to being back.
    expected
        Incidents expected at the places where the unit stops.
    """

    unit: int
    shift: int
    visits: tuple[Visit, ...]
    minutes: float
    expected: float


def plan_routes(task: PatrolTask, *, seed: int = 0) -> tuple[Route, ...]:
    """Return routes that stop where most incidents are expected.

    Routes of different seeds differ, so that nobody can predict them, and each keeps at
    least 90 % of the expected incidents that the best plan found has. The same seed gives the
    same routes.

    Parameters
    ----------
    task
        The places, rooms and time.
    seed
        0 for the plan with most expected incidents; any other number for one that is nearly
        as good.

    Raises
    ------
    InfeasibleError
        If not every place can be seen in the shifts.
    """
    best = max((_solve(task, task.expected, seed=run) for run in range(_RUNS)), key=_total)
    if seed == 0 or not task.expected.sum():
        return best
    rng = np.random.default_rng(seed)
    goal = _WORST * _total(best)
    stops = [visit.place for route in best for visit in route.visits if visit.stops]
    for attempt in range(_ATTEMPTS):
        # Fewer and fewer of the best places are left out, and the rest is shifted a little.
        left_out = rng.permutation(stops)[: max(1, len(stops) // (5 * task.shifts + attempt))]
        shifted = task.expected * np.exp(rng.normal(0.0, _SPREAD, len(task.expected)))
        shifted[left_out.astype(np.int64)] = 0.0
        other = _solve(task, shifted, seed=seed + attempt)
        if _total(other) >= goal:
            best = other
            break
    return tuple(_turned(task, route) if rng.random() < 0.5 else route for route in best)


def _turned(task: PatrolTask, route: Route) -> Route:
    """Return a route the other way round, if it is back in time."""
    room = int(task.rooms_at[route.unit])
    clock, at = 0.0, room
    visits = []
    for visit in reversed(route.visits):
        arrive = clock + float(task.minutes[at, visit.place])
        clock = arrive + visit.leave_min - visit.arrive_min
        visits.append(Visit(visit.place, arrive, clock, visit.stops))
        at = visit.place
    total = clock + float(task.minutes[at, room]) if visits else 0.0
    if total > task.limit_min:
        return route
    return Route(route.unit, route.shift, tuple(visits), total, route.expected)


def bound_routes(task: PatrolTask) -> float:
    """Return expected incidents that no routes of one shift can exceed.

    A visit costs its stop and half of the cheapest way in and out: the sum over a route's
    visits and its room is never more than the route takes. What is left is a fractional
    knapsack over the time of all units (Dantzig 1957). Several shifts have as much time each;
    stops beyond the first at a place are worth nothing here, as in `Route.expected` of the
    shift.
    """
    ways = task.minutes.copy()
    np.fill_diagonal(ways, np.inf)
    n = len(task.expected)
    rooms = np.unique(task.rooms_at)
    used = np.concatenate([np.arange(n), rooms])
    inner = ways[np.ix_(used, used)]
    half = 0.5 * (inner.min(axis=0, initial=np.inf) + inner.min(axis=1, initial=np.inf))
    there = task.minutes[np.ix_(rooms, np.arange(n))]
    back = task.minutes[np.ix_(np.arange(n), rooms)]
    alone = (there + back.T).min(axis=0, initial=np.inf) + task.stop_min
    cost = task.stop_min + half[:n]
    possible = (alone <= task.limit_min + 1e-9) & (task.expected > 0)
    order = np.argsort(-task.expected[possible] / cost[possible])
    worth, price = task.expected[possible][order], cost[possible][order]
    room_half = float(half[n:].min(initial=np.inf))
    time = len(task.rooms_at) * (task.limit_min - min(room_half, task.limit_min))
    spent = np.cumsum(price)
    whole = spent <= time
    total = float(worth[whole].sum())
    rest = int(whole.sum())
    if rest < len(worth):
        total += float(worth[rest] * (time - (spent[rest - 1] if rest else 0.0)) / price[rest])
    return total


def _total(routes: tuple[Route, ...]) -> float:
    return sum(route.expected for route in routes)


def _solve(task: PatrolTask, prizes: Floats, *, seed: int) -> tuple[Route, ...]:
    """Return the routes of one run; ``prizes`` steer them, ``task.expected`` counts."""
    import pyvrp
    from pyvrp.search import PerturbationParams
    from pyvrp.stop import MaxIterations, MultipleCriteria, NoImprovement

    places, kinds = _clients(task, prizes)
    if not len(places):
        return _routes(task, {}, places, kinds)
    if len(task.rooms_at) * task.shifts == 1 and len(places) <= _EXACT and not task.see_all:
        order = _best_order(task, prizes, places)
        return _routes(task, {(0, int(task.rooms_at[0])): [order]}, places, kinds)
    seconds = np.where(np.isfinite(task.minutes), task.minutes, 1e6) * 60.0
    # A way rounded up is never too long to be walked in the time.
    whole = np.ceil(np.minimum(seconds, 1e7) - 1e-6).astype(np.int64)
    # Locations: rooms (as depots) in order, then one for each client.
    depots = np.unique(task.rooms_at)
    rows = np.concatenate([depots, places])
    matrix = whole[np.ix_(rows, rows)]
    np.fill_diagonal(matrix, 0)
    stop_s, pass_s = round(task.stop_min * 60), round(_PASS_MIN * 60)
    scale = _PRIZE / max(float(prizes.sum()), 1e-12)
    # A place that must be seen is a group: one of a pass and a first stop is on a route.
    seen = {int(place): group for group, place in enumerate(places[kinds < 0])}
    groups: list[list[int]] = [[] for _ in seen]
    clients = []
    for at, (place, kind) in enumerate(zip(places.tolist(), kinds.tolist(), strict=True)):
        group = seen.get(place) if kind <= 0 else None
        if group is not None:
            groups[group].append(at)
        clients.append(
            pyvrp.Client(
                location=len(depots) + at,
                service_duration=pass_s if kind < 0 else stop_s,
                required=False,
                prize=0 if kind < 0 else round(scale * prizes[place] * _FADING**kind),
                group=group,
            )
        )
    vehicles = [
        pyvrp.VehicleType(
            num_available=int((task.rooms_at == depot).sum()), start_depot=at, end_depot=at,
            shift_duration=round(task.limit_min * 60), profile=shift, name=f"{shift} {depot}",
        )
        for shift in range(task.shifts)
        for at, depot in enumerate(depots)
    ]  # fmt: skip
    matrices = _by_shift(task, places, kinds, matrix, len(depots))
    data = pyvrp.ProblemData(
        locations=[pyvrp.Location(0, 0) for _ in rows],
        clients=clients,
        depots=[pyvrp.Depot(location=at) for at in range(len(depots))],
        vehicle_types=vehicles,
        distance_matrices=matrices,
        duration_matrices=matrices,
        groups=[pyvrp.ClientGroup(clients=members, required=True) for members in groups],
    )
    most = max(_IDLE, _ITERATIONS // task.shifts)  # those of several shifts take longer
    stop = MultipleCriteria([MaxIterations(most), NoImprovement(_IDLE)])
    in_all = len(task.rooms_at) * task.shifts * task.limit_min * 60
    params = pyvrp.SolveParams(
        penalty=pyvrp.PenaltyParams(
            max_penalty=_LATE * _PRIZE / in_all, solutions_between_updates=_LATE_ROUNDS
        ),
        perturbation=PerturbationParams(max_perturbations=_CHANGES),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of an infeasible task: said below, in our words
        result = pyvrp.solve(
            data, stop, seed=seed, collect_stats=False, display=False, params=params
        )
    if not result.is_feasible():
        raise InfeasibleError(
            "patrol.error.not_all_seen",
            shifts=task.shifts, minutes=task.limit_min, places=len(task.expected),
            least=_least_shifts(task),
        )  # fmt: skip
    found: dict[tuple[int, int], list[list[int]]] = {}
    for route in result.best.routes():
        visits = [activity.idx for activity in route if activity.is_client()]
        key = route.vehicle_type() // len(depots), int(depots[route.start_depot()])
        found.setdefault(key, []).append(visits)
    return _routes(task, found, places, kinds)


def _best_order(task: PatrolTask, prizes: Floats, places: Ints) -> list[int]:
    """Return the best route of one unit past a few places: shortest ways to all subsets.

    Held and Karp (1962): for each set of places and each last one, the shortest way that
    stops at all of them; the best set is back in time.
    """
    n, room = len(places), int(task.rooms_at[0])
    ways = task.minutes[np.ix_(places, places)] + task.stop_min
    there = task.minutes[room, places] + task.stop_min
    back = task.minutes[places, room]
    shortest = np.full((1 << n, n), np.inf)
    before = np.full((1 << n, n), -1)
    for last in range(n):
        shortest[1 << last, last] = there[last]
    for subset in range(1, 1 << n):
        for last in range(n):
            if not subset >> last & 1 or not np.isfinite(shortest[subset, last]):
                continue
            for new in range(n):
                total = shortest[subset, last] + ways[last, new]
                if not subset >> new & 1 and total < shortest[subset | 1 << new, new]:
                    shortest[subset | 1 << new, new] = total
                    before[subset | 1 << new, new] = last
    in_time = (shortest + back <= task.limit_min).any(axis=1)
    member = np.arange(1 << n)[:, None] >> np.arange(n) & 1
    worth = np.where(in_time, member @ prizes[places], -1.0)
    worth[0] = 0.0
    subset = int(np.argmax(worth))
    order: list[int] = []
    last = int(np.argmin(shortest[subset] + back)) if subset else -1
    while last >= 0:
        order.append(last)
        subset, last = subset & ~(1 << last), int(before[subset, last])
    return order[::-1]


def _clients(task: PatrolTask, prizes: Floats) -> tuple[Ints, Ints]:
    """Return the place of each client, and its kind: -1 to see it, 0 to stop, 1 to stop again."""
    n = len(task.expected)
    rooms = np.unique(task.rooms_at)
    there = task.minutes[np.ix_(rooms, np.arange(n))].min(axis=0, initial=np.inf)
    back = task.minutes[np.ix_(np.arange(n), rooms)].min(axis=1, initial=np.inf)
    stop = np.flatnonzero(
        (prizes > 0) & (there + back + task.stop_min <= task.limit_min) & np.isfinite(there)
    )
    places, kinds = [stop], [np.zeros(len(stop), np.int64)]
    if task.see_all:
        places.insert(0, np.arange(n))
        kinds.insert(0, np.full(n, -1, np.int64))
    for again in range(1, min(task.shifts, 4)):
        hot = stop[prizes[stop] >= np.median(prizes[stop])] if len(stop) else stop
        places.append(hot)
        kinds.append(np.full(len(hot), again, np.int64))
    return np.concatenate(places), np.concatenate(kinds)


def _by_shift(
    task: PatrolTask, places: Ints, kinds: Ints, matrix: Ints, depots: int
) -> list[Ints]:
    """Return the ways of each shift; a place with several stops has each in a shift of its own.

    The stops of a place are spread evenly over the shifts; in all others they are too far away
    for any route.
    """
    if task.shifts == 1:
        return [matrix]
    times = np.bincount(places[kinds >= 0], minlength=len(task.expected))[places]
    own = (places + kinds * task.shifts // np.maximum(times, 1)) % task.shifts
    bound = (kinds >= 0) & (times > 1)
    far = round(task.limit_min * 60) * 2 + 1
    made = []
    for shift in range(task.shifts):
        shut = depots + np.flatnonzero(bound & (own != shift))
        ways = matrix.copy()
        ways[shut, :] = far
        ways[:, shut] = far
        np.fill_diagonal(ways, 0)
        made.append(ways)
    return made


def _routes(
    task: PatrolTask, found: dict[tuple[int, int], list[list[int]]], places: Ints, kinds: Ints
) -> tuple[Route, ...]:
    """Return routes by shift and unit; a place that a route meets twice is one visit."""
    routes = []
    for shift in range(task.shifts):
        for unit, depot in enumerate(task.rooms_at.tolist()):
            waiting = found.get((shift, depot), [])
            order = waiting.pop(0) if waiting else []
            routes.append(_walk(task, unit, shift, depot, order, places, kinds))
    return tuple(routes)


def _walk(
    task: PatrolTask,
    unit: int,
    shift: int,
    depot: int,
    order: list[int],
    places: Ints,
    kinds: Ints,
) -> Route:
    stops = {int(places[client]) for client in order if kinds[client] >= 0}
    clock, at = 0.0, depot
    visits: list[Visit] = []
    met: set[int] = set()
    for client in order:
        place = int(places[client])
        if place in met:
            continue
        met.add(place)
        arrive = clock + float(task.minutes[at, place])
        leave = arrive + (task.stop_min if place in stops else _PASS_MIN)
        visits.append(Visit(place, arrive, leave, place in stops))
        clock, at = leave, place
    if visits:
        clock += float(task.minutes[at, depot])
    expected = float(task.expected[sorted(stops)].sum()) if stops else 0.0
    return Route(unit, shift, tuple(visits), clock, expected)


def _least_shifts(task: PatrolTask) -> int:
    """Return how many shifts it takes at least to see every place: more than were planned."""
    n = len(task.expected)
    ways = task.minutes.copy()
    np.fill_diagonal(ways, np.inf)
    near = ways[:n].min(axis=1, initial=np.inf)
    time = float(np.where(np.isfinite(near), near, 0.0).sum()) + n * _PASS_MIN
    each = max(len(task.rooms_at) * task.limit_min, 1e-9)
    return max(task.shifts + 1, int(np.ceil(time / each)))
