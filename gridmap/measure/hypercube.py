"""The hypercube queueing model: how units would respond under a plan.

Larson (1974), "A hypercube queuing model for facility location and redistricting in urban
emergency services", *Computers & Operations Research* 1. Each unit is free or busy, so N
units have 2**N states. A call goes to the free unit that comes first for its place; if all
are busy it waits, first come first served, and any unit takes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from gridmap.errors import GridmapError, InfeasibleError, InputError
from gridmap.i18n import tr
from gridmap.measure.coverage import Within, travel_of
from gridmap.measure.crosswalk import centres
from gridmap.measure.period import Moment, moment
from gridmap.measure.workload import criterion_of
from gridmap.model import City, Kind, Plan
from gridmap.travel import StraightLine, Travel, modes_of
from gridmap.typing import Bools, Floats, Ints

#: Above this utilisation a unit has no time left for patrol and prevention.
BUSY_LIMIT = 0.6
_MOST_EXACT = 12
_MOST_STATES = 512  # for a week of hours: twice as many take three times as long
_STEPS = 400  # of the minutes in which a queued call may be reached


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """Long-run behaviour of a plan under the model.

    Attributes
    ----------
    utilisation
        Share of time that each unit is busy.
    dispatch_share
        Share of all calls that come from place j and are answered by unit i, shape
        (units, places); adds up to 1.
    cross_beat_share
        Share of the calls from places with a unit of their own that another unit answers;
        NaN where no place has one.
    queued_share
        Share of calls that find every unit busy.
    mean_wait_min, mean_travel_min, mean_response_min
        Mean wait for a unit, mean travel, and their sum, over all calls.
    response_95_min
        Time within which 95 % of calls are reached.
    exact
        Whether all states were solved, or Larson's approximation was used. Against all states
        of 150 random cities of 4 to 10 units, busy for 5 to 70 % of the time, that was off by
        up to 0.05 in a unit's utilisation, 0.01 in the cross-beat share, 3 % in the mean
        response and 12 % in that of 95 % of calls (in 19 of 20 cities 0.02, 0.006, 2 % and 4 %).
    """

    utilisation: Floats
    dispatch_share: Floats
    cross_beat_share: float
    queued_share: float
    mean_wait_min: float
    mean_travel_min: float
    mean_response_min: float
    response_95_min: float
    exact: bool

    @property
    def overloaded(self) -> Bools:
        """Which units are busy for more than `BUSY_LIMIT` of the time."""
        return np.asarray(self.utilisation > BUSY_LIMIT)


def hypercube(
    calls_per_h: npt.ArrayLike,
    travel_min: npt.ArrayLike,
    service_min: npt.ArrayLike,
    *,
    home: npt.ArrayLike | None = None,
    exact: bool | None = None,
) -> Response:
    """Predict utilisation and response of a plan.

    Calls arrive at random (Poisson), service times are exponential. Up to 12 units all
    states are solved; beyond, or when asked, Larson (1975), "Approximating the performance
    of urban emergency service systems", *Operations Research* 23: units are busy
    independently but for a factor that corrects for sampling without replacement.

    Parameters
    ----------
    calls_per_h
        Calls from each place (grid) per hour, shape (places,).
    travel_min
        Minutes from each unit's post to each place, shape (units, places). A place prefers
        units by travel time, its own unit first, of equal ones the first.
    service_min
        Mean minutes that a unit is busy with a call, travel included: one number, or one
        per unit.
    home
        Each place's own unit, or -1; the nearest if None.
    exact
        Whether to solve all states; if None, up to 12 units.

    Raises
    ------
    InfeasibleError
        If calls come faster than all units together can serve them.
    """
    calls = np.asarray(calls_per_h, np.float64) / 60.0
    travel = np.asarray(travel_min, np.float64)
    units = len(travel)
    if travel.shape != (units, len(calls)) or not (calls >= 0).all() or not calls.sum() > 0:
        message = f"calls of shape {calls.shape} do not fit travel of shape {travel.shape}"
        raise ValueError(message)
    rate = 1.0 / np.broadcast_to(np.asarray(service_min, np.float64), (units,)).copy()
    if calls.sum() >= rate.sum():
        raise InfeasibleError(
            "measure.error.overloaded",
            calls=60 * float(calls.sum()),
            capacity=60 * float(rate.sum()),
            units=units,
        )
    own = np.argmin(travel, axis=0) if home is None else np.asarray(home, np.int64)
    ranked = travel.copy()
    held = np.flatnonzero(own >= 0)
    ranked[own[held], held] = -1.0
    preference = np.argsort(ranked, axis=0, kind="stable").T
    solve_all = units <= _MOST_EXACT if exact is None else exact
    if solve_all:
        solved = _solve_states(calls[None], rate, preference, np.ones(units, np.int64))
    else:
        solved = _approximate(calls[None], rate, preference)
    utilisation, direct, queued = (part[0] for part in solved)
    late = queued * (calls / calls.sum())[None, :] * (rate / rate.sum())[:, None]
    spare = rate.sum() - calls.sum()
    share = direct + late
    mean_wait, mean_travel = float(queued / spare), float((share * travel).sum())
    return Response(
        utilisation=utilisation,
        dispatch_share=share,
        cross_beat_share=_crossing(share, calls, own),
        queued_share=float(queued),
        mean_wait_min=mean_wait,
        mean_travel_min=mean_travel,
        mean_response_min=mean_wait + mean_travel,
        response_95_min=_quantile(0.95, direct, late, travel, spare),
        exact=solve_all,
    )


def _crossing(share: Floats, calls: Floats, own: Ints) -> float:
    """Return the share of the calls from places with a unit of their own that others answer."""
    held = np.flatnonzero(own >= 0)
    asked = calls[held].sum() / calls.sum()
    if not asked > 0:
        return float("nan")
    return float(np.clip(1.0 - share[own[held], held].sum() / asked, 0.0, 1.0))


def reached_shares(
    calls_per_h: npt.ArrayLike,
    travel_min: npt.ArrayLike,
    points: npt.ArrayLike,
    servers: npt.ArrayLike,
    service_min: float,
    *,
    minutes: float,
) -> tuple[Floats, bool]:
    """Return the share of calls that a unit reaches within some minutes, hour by hour.

    Several units may stand at one post: they are alike, so a state is the number busy at each
    post. The unit of a place's own post goes first, then those of the nearest posts by mean
    travel. A call that finds every unit busy waits, and any unit takes it.

    Parameters
    ----------
    calls_per_h
        Calls of each hour from each place (beat), shape (hours, places). Each hour is taken
        in its steady state.
    travel_min
        Minutes from each place's post to each point, shape (places, points).
    points
        How each place's calls lie over the points, not negative, shape (places, points).
    servers
        Units at each place's post, whole, shape (places,).
    service_min
        Mean minutes that a unit is busy with a call.
    minutes
        A call is reached in time if wait and travel together take no longer.

    Returns
    -------
    shares : ndarray of shape (hours,)
        0 where calls come faster than the units serve them: the queue has no end then. 1
        where there are no calls.
    exact : bool
        Whether all states were solved, or Larson's approximation was used: beyond
        512 states. Against all states of 60 random stations of 6 to 9 posts, busy for 10 to
        80 % of the time, a share was off by up to 0.02; against simulations of 64 random stations
        of 12 to 20 posts with 10 to 40 units, by up to 0.03, and too high by 0.008 on average.
    """
    rates = np.asarray(calls_per_h, np.float64) / 60.0
    manned = np.flatnonzero(servers)
    count = np.asarray(servers, np.int64)[manned]
    weight = np.asarray(points, np.float64)
    weight = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-300)
    travel = np.asarray(travel_min, np.float64)[manned]
    total, power = rates.sum(axis=1), count.sum() / service_min
    shares = np.where(total > 0, 0.0, 1.0)
    served = np.flatnonzero((total > 0) & (total < power * (1.0 - 1e-6)))
    if not len(served):
        return shares, is_solved_whole(count)
    calls, ranked = rates[served], travel @ weight.T  # (posts, places)
    ranked[np.arange(len(manned)), manned] = -1.0
    exact = is_solved_whole(count)
    _, direct, queued = solve_posts(calls, ranked, count, service_min)
    within = (travel <= minutes) @ weight.T
    at_once = np.einsum("hpj,pj->h", direct, within)
    # Waits are exponential; what is left of the minutes after the travel, in fine steps.
    left = (
        np.clip(np.floor((minutes - travel) / minutes * _STEPS), 0, _STEPS)
        if minutes
        else 0.0 * travel
    )
    spread = np.zeros((len(weight), _STEPS + 1))
    for post, units_there in enumerate(count):
        np.add.at(spread.T, left[post].astype(np.int64), weight.T * (units_there / count.sum()))
    spare = power - total[served]
    in_time = -np.expm1(-spare[:, None] * np.arange(_STEPS + 1) * (minutes / _STEPS))
    late = np.einsum("hj,jk,hk->h", calls / total[served, None], spread, in_time)
    shares[served] = at_once + queued * late
    return np.clip(shares, 0.0, 1.0), exact


def is_solved_whole(servers: Ints) -> bool:
    """Whether `solve_posts` solves all states of posts with these numbers of units."""
    return bool(np.prod(servers + 1.0) <= _MOST_STATES)


def solve_posts(
    calls: Floats, ranked: Floats, servers: Ints, service_min: float
) -> tuple[Floats, Floats, Floats]:
    """Return how busy the units of each post are, and who answers whom, hour by hour.

    Parameters
    ----------
    calls
        Calls a minute, shape (hours, places); fewer than all units can serve.
    ranked
        A place asks the posts from the least of its column on, shape (posts, places).
    servers
        Units at each post, one at least, shape (posts,).
    service_min
        Mean minutes that a unit is busy with a call.

    Returns
    -------
    utilisation, direct, queued
        Mean share of time that a unit of each post is busy, (hours, posts); share of all calls
        that a unit of the post answers at once, (hours, posts, places); share that waits,
        (hours,).
    """
    preference = np.argsort(ranked, axis=0, kind="stable").T
    if is_solved_whole(servers):
        rate = np.full(len(servers), 1.0 / service_min)
        return _solve_states(calls, rate, preference, servers, settled=1e-8)
    first = np.cumsum(servers) - servers
    units = [np.arange(start, start + n) for start, n in zip(first, servers, strict=True)]
    order = np.array([np.concatenate([units[post] for post in row]) for row in preference])
    rate = np.full(int(servers.sum()), 1.0 / service_min)
    busy, direct, queued = _approximate(calls, rate, order, settled=1e-6)
    mean = np.add.reduceat(busy, first, axis=1) / servers
    return mean, np.add.reduceat(direct, first, axis=1), queued


def _solve_states(
    calls: Floats, rate: Floats, preference: Ints, servers: Ints, *, settled: float = 1e-15
) -> tuple[Floats, Floats, Floats]:
    """Solve the balance of all states, for several hours of calls at once.

    A state is the number of units busy at each post. While calls wait all units are busy, and
    each further waiting call is ``calls / rates`` times as likely as the one before, so the
    waiting states add up to a factor on the last.

    Parameters
    ----------
    calls
        Shape (hours, places).
    rate
        Service rate of a unit of each post, shape (posts,).
    preference
        Posts in the order in which each place asks them, shape (places, posts).
    servers
        Units at each post, shape (posts,).
    settled
        Largest change of a state's chance at which the balance counts as found.

    Returns
    -------
    utilisation, direct, queued
        Shapes (hours, posts), (hours, posts, places) and (hours,).
    """
    busy = np.indices(tuple(servers + 1)).reshape(len(servers), -1).T  # (states, posts)
    free = busy < servers
    taken = np.full((len(busy), len(preference)), -1, np.int16)
    for post in preference.T:
        open_now = (taken < 0) & free[:, post]
        taken = np.where(open_now, post.astype(np.int16), taken)
    part = calls / calls.sum(axis=1, keepdims=True)
    asks = [taken == post for post in range(len(servers))]
    flow = np.stack([(ask.astype(np.float64) @ calls.T) for ask in asks])  # (posts, states, hours)
    load = calls.sum(axis=1) / float(rate @ servers)
    chance = _balance(busy, servers, rate, flow, load, settled)
    chance[-1] /= 1.0 - load
    chance /= chance.sum(axis=0)
    direct = np.stack([(chance.T @ ask) * part for ask in asks], axis=1)
    return chance.T @ busy / servers, direct, chance[-1]


def _balance(
    busy: Ints, servers: Ints, rate: Floats, flow: Floats, load: Floats, settled: float
) -> Floats:
    """Return the chance of each state in each hour, queues left out, shape (states, hours).

    A state only leads to states with one unit more or less busy, so states of even and of
    odd numbers take turns (Gauss-Seidel), beginning with what equal units would give. A
    direct solution of 4,096 states takes a hundred times as long.
    """
    gammaln = scipy.special.gammaln
    number, units = busy.sum(axis=1), int(servers.sum())
    # Of all states with this number of busy units, those with these numbers at each post.
    ways = (gammaln(servers + 1) - gammaln(busy + 1) - gammaln(servers - busy + 1)).sum(axis=1)
    ways -= gammaln(units + 1) - gammaln(number + 1) - gammaln(units - number + 1)
    log_chance = number[:, None] * np.log(units * load) + (ways - gammaln(number + 1))[:, None]
    chance = np.exp(log_chance - log_chance.max(axis=0))
    chance /= chance.sum(axis=0)
    out = flow.sum(axis=0) + (busy @ rate)[:, None]
    step = np.append(np.cumprod((servers + 1)[:0:-1])[::-1], 1)
    turns = []
    for parity in (0, 1):
        rows = np.flatnonzero(number % 2 == parity)
        links = []
        for post, stride in enumerate(step):
            up = np.flatnonzero(busy[rows, post] > 0)
            below = rows[up] - stride
            down = np.flatnonzero(busy[rows, post] < servers[post])
            above = rows[down] + stride
            ends = (busy[above, post] * rate[post])[:, None]
            links.append((up, below, flow[post, below], down, above, ends))
        turns.append((rows, links))
    for _ in range(100_000):
        before = chance.copy()
        for rows, links in turns:
            into = np.zeros((len(rows), chance.shape[1]))
            for up, below, starts, down, above, ends in links:
                into[up] += starts * chance[below]
                into[down] += ends * chance[above]
            chance[rows] = into / out[rows]
        chance /= chance.sum(axis=0)
        if np.abs(chance - before).max() < settled:
            break
    return chance


def _approximate(
    calls: Floats, rate: Floats, preference: Ints, *, settled: float = 1e-10
) -> tuple[Floats, Floats, Floats]:
    """Return what `_solve_states` does with one unit a post, by Larson's approximation."""
    hours, units = len(calls), len(rate)
    total = calls.sum(axis=1, keepdims=True)
    mean = total / rate.sum()
    factor, queued = _corrections(units, mean)
    place = np.arange(calls.shape[1])
    utilisation = np.repeat(mean, units, axis=1)
    from_queue = total * queued / rate.sum()  # per unit of its own rate
    direct = np.zeros((hours, units, len(place)))
    for _ in range(500):
        offered = np.zeros_like(direct)
        earlier = np.ones_like(calls)
        for rank in range(units):
            unit = preference[:, rank]
            offered[:, unit, place] = factor[:, rank, None] * earlier
            earlier = earlier * utilisation[:, unit]
        direct = offered * (1.0 - utilisation)[:, :, None]
        # Whatever a place asks is answered at once or queued.
        offered *= ((1.0 - queued) / direct.sum(axis=1))[:, None, :]
        asked = np.einsum("huj,hj->hu", offered, calls)
        new = (asked / rate + from_queue) / (1.0 + asked / rate)
        new = np.minimum(new * (total / (new @ rate)[:, None]), 1.0 - 1e-9)
        change = np.abs(new - utilisation).max()
        utilisation = 0.5 * (new + utilisation)
        if change < settled:
            break
    direct *= ((1.0 - queued) / direct.sum(axis=1) * (calls / total))[:, None, :]
    return utilisation, direct, queued[:, 0]


def _corrections(units: int, mean: Floats) -> tuple[Floats, Floats]:
    """Return Larson's factors Q(N, rho, j) for j = 0 .. N - 1, and the chance of a queue.

    ``Q(N, rho, j) rho**j (1 - rho)`` is the chance that of units taken in random order the
    first j are busy and the next is free, when the number busy is that of M/M/N. The mean
    utilisation rho and the chance are of shape (hours, 1), the factors of (hours, N).
    """
    k = np.arange(units + 1)
    log_chance = k * np.log(units * mean) - scipy.special.gammaln(k + 1)
    weight = np.exp(log_chance - log_chance.max(axis=1, keepdims=True))
    weight[:, units:] /= 1.0 - mean  # all states with a queue
    chance = weight / weight.sum(axis=1, keepdims=True)
    factor = np.zeros((len(mean), units))
    for j in range(units):
        busy = np.arange(j, units)
        ways = (
            scipy.special.gammaln(busy + 1)
            - scipy.special.gammaln(busy - j + 1)
            + scipy.special.gammaln(units - j)
            - scipy.special.gammaln(units + 1)
        )
        first_free = chance[:, busy] @ (np.exp(ways) * (units - busy))
        earlier = mean[:, 0] ** j
        np.divide(first_free, earlier * (1.0 - mean[:, 0]), out=factor[:, j], where=earlier > 0)
    return factor, chance[:, units:]


def _quantile(share: float, direct: Floats, late: Floats, travel: Floats, spare: float) -> float:
    """Return the time within which a share of calls is reached.

    Calls answered at once take their travel; queued ones an exponential wait as well.
    """

    def reached(time: float) -> float:
        wait = np.maximum(time - travel, 0.0)
        within = direct[travel <= time].sum()
        return float(within - (late * np.expm1(-spare * wait)).sum() - share)

    if reached(0.0) >= 0:
        return 0.0
    low, high = 0.0, float(travel.max()) + 1.0
    while reached(high) < 0:
        low, high = high, 2.0 * high
    for _ in range(60):  # halving, for the curve jumps at travel times
        middle = 0.5 * (low + high)
        low, high = (low, middle) if reached(middle) >= 0 else (middle, high)
    return high


# -- how quickly a plan's beats would answer their calls


#: Mean minutes on scene: a house figure, as no text states one.
ON_SCENE_MIN = 30.0
#: Units times grids that two plans are distinguished for: more takes minutes.
_MOST = 1_200_000


@dataclass(frozen=True, slots=True, eq=False)
class PlanResponse:
    """Results of the hypercube model for a plan with one unit in each beat.

    Attributes
    ----------
    beats
        One row per beat that holds a grid: ``calls_per_day``, ``service_min`` (travel included),
        ``utilisation``, ``overloaded`` (above 60 %), ``own_share`` (of its calls, those its
        own unit answers; NaN without calls).
    response
        The model's answer as a whole.
    """

    beats: pd.DataFrame
    response: Response


def respond(
    city: City,
    plan: Plan,
    travel: Travel,
    *,
    on_scene_min: float = ON_SCENE_MIN,
    since: Moment = None,
    until: Moment = None,
    hours: float | None = None,
) -> PlanResponse:
    """Predict utilisation and response times of a plan's beats.

    One unit is posted at each beat's room, or where the beat has none at the middle of its
    calls; a beat without grids has no ground to post one on. It serves a call for the time on
    scene and its own mean travel, which depends on which calls it answers: the model is solved
    again until they agree (Larson 1975).

    Parameters
    ----------
    city
        City with grids and incidents.
    plan
        The plan; at least one beat holds a grid.
    travel
        Way of measuring travel, in minutes.
    on_scene_min
        Mean minutes on scene.
    since, until
        Count calls with ``since <= time < until`` only.
    hours
        Hours that the calls were counted in; from the period, or the incidents' own, if
        None.

    Raises
    ------
    InputError
        If travel is not in minutes, there are no calls, or their hours are not known.
    InfeasibleError
        If calls come faster than the units together can serve them.
    """
    calls = calls_of_plan(city, plan, travel, since=since, until=until, hours=hours)
    manned, rate, minutes, home = calls
    service = np.full(len(manned), on_scene_min)
    for _ in range(20):
        found = hypercube(rate, minutes, service, home=home)
        answered = found.dispatch_share.sum(axis=1)
        travelled = (found.dispatch_share * minutes).sum(axis=1)
        mean = np.divide(travelled, answered, out=np.zeros(len(manned)), where=answered > 0)
        settled = np.abs(on_scene_min + mean - service).max() < 1e-3
        service = on_scene_min + mean
        if settled:
            break
    own = home >= 0
    from_beat = np.bincount(home[own], weights=rate[own], minlength=len(manned))
    part = found.dispatch_share[home[own], own.nonzero()[0]]
    answered_own = np.bincount(home[own], weights=part, minlength=len(manned)) * rate.sum()
    return PlanResponse(
        beats=pd.DataFrame(
            {
                "calls_per_day": 24.0 * from_beat,
                "service_min": service,
                "utilisation": found.utilisation,
                "overloaded": found.overloaded,
                "own_share": np.divide(
                    answered_own, from_beat, out=np.full(len(manned), np.nan), where=from_beat > 0
                ),
            },
            index=pd.Index(np.asarray(plan.beat_ids, object)[manned], name="beat"),
        ),
        response=found,
    )


class PlanCalls(NamedTuple):
    """Calls of the grids that have any, and the ways to them from the posts of a plan's beats.

    Attributes
    ----------
    manned
        Rows of the beats that hold grids: each has a post.
    rate
        Calls an hour from each grid.
    minutes
        Minutes from each post to each grid, shape (posts, grids).
    home
        The post of each grid's own beat, or -1.
    """

    manned: Ints
    rate: Floats
    minutes: Floats
    home: Ints


def calls_of_plan(
    city: City,
    plan: Plan,
    travel: Travel,
    *,
    since: Moment = None,
    until: Moment = None,
    hours: float | None = None,
) -> PlanCalls:
    """Return the calls that a plan's beats answer; see `respond` for the parameters.

    Raises
    ------
    InputError
        If travel is not in minutes, there are no calls, or their hours are not known.
    """
    if travel.unit != "min":
        raise InputError("measure.error.travel_minutes", received=travel.unit)
    calls = criterion_of(city, "incidents", since=since, until=until)
    length = hours or _hours(city, since, until)
    if not calls.sum() > 0 or not length or not length > 0:
        raise InputError("measure.error.no_calls", calls=float(calls.sum()), hours=length)
    held = np.flatnonzero(calls > 0)
    places = np.column_stack(centres(city.grids.geometry))
    manned = np.unique(plan.assignment[plan.assignment >= 0]).astype(np.int64)
    posts = _posts(city, plan, places, calls)[manned]
    unit = np.full(len(plan) + 1, -1, dtype=np.int64)  # the last is that of no beat
    unit[manned] = np.arange(len(manned))
    return PlanCalls(
        manned=manned,
        rate=calls[held] / length,
        minutes=minutes_between(travel, places[held], posts),
        home=unit[plan.assignment[held]],
    )


def respond_to_both(
    city: City,
    old: Plan,
    new: Plan,
    *,
    since: Moment = None,
    until: Moment = None,
    hours: float | None = None,
) -> tuple[PlanResponse, PlanResponse] | None:
    """Predict the response of two plans by car, along the roads where the city has them.

    None where the model cannot say: without calls or hours that they were counted in, where
    no beat of a plan holds a grid, in a city so large that it would take minutes, or where
    calls come faster than units can serve.
    """
    if max(len(old), len(new)) * len(city.grids) > _MOST:
        return None
    if (old.assignment < 0).all() or (new.assignment < 0).all():
        return None  # nobody stands anywhere
    travel = car_travel(city)
    try:
        before, after = (
            respond(city, plan, travel, since=since, until=until, hours=hours)
            for plan in (old, new)
        )
    except GridmapError:
        return None
    return before, after


def car_travel(city: City) -> Travel:
    """Return how minutes by car are measured: along the roads where the city has them."""
    if city.has(Kind.ROAD) and len(city.layer(Kind.ROAD)):
        return travel_of(city, Within(city.presets.reach_min, "min"), "car")[1]
    return StraightLine(unit="min", mode=modes_of(city.presets)["car"])


def tell_response(before: PlanResponse, after: PlanResponse) -> str:
    """Return in one sentence how the response of two plans differs."""
    change = tr(
        "measure.response_change",
        mean_before=before.response.mean_response_min,
        mean_after=after.response.mean_response_min,
        late_before=before.response.response_95_min,
        late_after=after.response.response_95_min,
        cross_before=before.response.cross_beat_share,
        cross_after=after.response.cross_beat_share,
    )
    if before.response.exact and after.response.exact:
        return change
    return change + tr("measure.response_approximate")


def _hours(city: City, since: Moment, until: Moment) -> float | None:
    own = city.incidents.period if city.incidents is not None else None
    first, last = moment(since), moment(until)
    if own is not None:
        first = np.datetime64(own[0].to_datetime64(), "s") if first is None else first
        last = np.datetime64(own[1].to_datetime64(), "s") if last is None else last
    if first is None or last is None:
        return None
    length = last - first
    # Dates without clocks stand for midnight: the last day counts whole.
    if until is None and own is not None and all(end == end.floor("D") for end in own):
        length += np.timedelta64(1, "D")
    return float(length / np.timedelta64(3600, "s"))


def _posts(city: City, plan: Plan, places: Floats, calls: Floats) -> Floats:
    """Return each beat's room, or the middle of its calls or grids."""
    rooms = city.get(Kind.ROOM)
    known = dict(zip(rooms.ids, city.room_xy, strict=True)) if rooms is not None else {}
    weight = np.where(np.isfinite(places).all(axis=1), calls + 1e-9, 0.0)
    total = np.maximum(plan.totals(weight), 1e-300)
    middle = np.column_stack(
        [plan.totals(np.nan_to_num(places[:, axis]) * weight) / total for axis in (0, 1)]
    )
    own = [known.get(beat.room) for beat in plan.beats]
    return np.array([m if o is None else o for o, m in zip(own, middle, strict=True)])


def minutes_between(travel: Travel, places: Floats, posts: Floats) -> Floats:
    """Return minutes from each post to each place, shape (posts, places).

    On foot where no road leads.

    Parameters
    ----------
    travel
        Way of measuring travel, in minutes.
    places, posts
        Coordinates, shapes (places, 2) and (posts, 2).
    """
    minutes = np.asarray(travel.matrix(places, posts), np.float64).T
    if not np.isfinite(minutes).all():
        on_foot = StraightLine(unit="min").matrix(places, posts).T
        minutes = np.where(np.isfinite(minutes), minutes, on_foot)
    return minutes
