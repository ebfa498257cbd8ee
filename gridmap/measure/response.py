"""How quickly a plan's beats would answer their calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.errors import GridmapError, InputError
from gridmap.i18n import tr
from gridmap.measure.coverage import Within, travel_of
from gridmap.measure.crosswalk import centres
from gridmap.measure.hypercube import Response, hypercube
from gridmap.measure.period import Moment, moment
from gridmap.measure.workload import criterion_of
from gridmap.model import City, Kind, Plan
from gridmap.travel import StraightLine, Travel, modes_of

__all__ = [
    "ON_SCENE_MIN",
    "PlanResponse",
    "car_travel",
    "minutes_between",
    "respond",
    "respond_to_both",
    "tell_response",
]

Floats = npt.NDArray[np.float64]

#: Mean minutes on scene: a house figure, as no text states one.
ON_SCENE_MIN = 30.0
#: Units times grids that two plans are told apart for: more takes minutes.
_MOST = 1_200_000


@dataclass(frozen=True, slots=True, eq=False)
class PlanResponse:
    """What the hypercube model says of a plan with one unit in each beat.

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
    if travel.unit != "min":
        raise InputError("measure.error.travel_minutes", received=travel.unit)
    calls = criterion_of(city, "incidents", since=since, until=until)
    length = hours or _hours(city, since, until)
    if not calls.sum() > 0 or not length or not length > 0:
        raise InputError("measure.error.no_calls", calls=float(calls.sum()), hours=length)
    held = np.flatnonzero(calls > 0)
    rate = calls[held] / length
    x, y = centres(city.grids.geometry)
    places = np.column_stack([x, y])
    manned = np.unique(plan.assignment[plan.assignment >= 0])
    posts = _posts(city, plan, places, calls)[manned]
    minutes = minutes_between(travel, places[held], posts)
    unit = np.full(len(plan) + 1, -1, dtype=np.int64)  # the last is that of no beat
    unit[manned] = np.arange(len(manned))
    home = unit[plan.assignment[held]]
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
