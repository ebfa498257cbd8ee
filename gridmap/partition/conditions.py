"""What a city knows that a request can ask for: communities, rooms, roads, officers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from gridmap.errors import InfeasibleError, InputError, MissingError, some_ids
from gridmap.measure import Workload, criterion_of
from gridmap.measure.coverage import Within, travel_of
from gridmap.model import City, Kind, Plan
from gridmap.partition.problem import Problem
from gridmap.partition.propose import propose

__all__ = [
    "communities_of",
    "criteria_of",
    "officers_of",
    "room_grids",
    "station_of_grids",
    "travel_between",
    "with_rooms",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_MOST_BY_ROAD = 6_000  # grids; the table of all ways grows with their square
_ON_FOOT = 3.0  # where no road leads, a straight walk counts so many times


def criteria_of(
    city: City, workload: Workload, tolerances: Mapping[str, float], *, together: float | None
) -> tuple[Floats, tuple[float, ...]]:
    """Return criteria (n, c) that are each held to a tolerance, and the tolerances.

    Parameters
    ----------
    tolerances
        Allowed deviation of each criterion named, as a share of its target.
    together
        Allowed deviation of the combined workload, which then comes first; None leaves it
        out. A workload whose every criterion is held needs none.
    """
    n = len(city.grids)
    columns = [] if together is None else [workload.load * n]
    allowed = [] if together is None else [together]
    for name, tolerance in tolerances.items():
        values = criterion_of(city, name)
        if not values.sum() > 0:
            raise InputError("measure.error.criterion_empty", name=name)
        columns.append(values / values.sum() * n)
        allowed.append(tolerance)
    return np.column_stack(columns), tuple(allowed)


def communities_of(city: City) -> NDArray[np.object_]:
    """Return the community of each grid, -1 for none.

    By the grids' own ``community`` column, else by the polygon that holds the inner point.

    Raises
    ------
    MissingError
        If the city has neither.
    """
    grids = city.grids
    if grids.has("community") and any(grids.texts("community")):
        texts = city.named(grids, Kind.COMMUNITY)
        return np.array([text or "-1" for text in texts], dtype=object)
    layer = city.get(Kind.COMMUNITY)
    if layer is None:
        raise MissingError("partition.error.no_communities", city=city.name)
    inner = shapely.point_on_surface(grids.geometry)
    point, polygon = shapely.STRtree(layer.geometry).query(inner, predicate="intersects")
    found = np.full(len(grids), "-1", dtype=object)
    found[point[::-1]] = layer.ids[polygon[::-1]]
    return found


def station_of_grids(city: City) -> NDArray[np.object_]:
    """Return the station of each grid: its own column, else the station nearest to it.

    Raises
    ------
    InputError
        If the city has neither.
    """
    grids = city.grids
    if grids.has("station") and all(grids.texts("station")):
        return city.named(grids, Kind.STATION)
    stations = city.get(Kind.STATION)
    if stations is None:
        raise InputError("partition.error.no_stations", city=city.name)
    tree = shapely.STRtree(stations.geometry)
    nearest = tree.nearest(shapely.point_on_surface(grids.geometry))
    return np.asarray(stations.ids[nearest], dtype=object)


def officers_of(present: Plan) -> Floats:
    """Return the officers of each of today's beats, as targets in proportion.

    Raises
    ------
    InputError
        If a beat has none.
    """
    officers = np.array([beat.officers for beat in present.beats], dtype=np.float64)
    lacking = [beat.id for beat in present.beats if not beat.officers > 0]
    if lacking:
        raise InputError("partition.error.no_officers", ids=some_ids(lacking), count=len(lacking))
    return officers


def room_grids(city: City, *, within: Within | None = None, mode: str = "") -> Integers:
    """Return the grids that hold a room, or those with a room within a distance or time.

    Parameters
    ----------
    within
        Reach of a room (``<=``), measured to each grid's inner point; None: the grids that
        hold one.
    mode
        How the reach is measured; the usual for the unit if blank.

    Raises
    ------
    MissingError
        If the city has no rooms.
    """
    city.layer(Kind.ROOM)  # says what is missing where there is none
    grids, rooms = city.grids, city.room_xy
    if within is None:
        point, grid = shapely.STRtree(grids.geometry).query(
            shapely.points(rooms), predicate="intersects"
        )
        _, first = np.unique(point, return_index=True)
        return np.unique(grid[first]).astype(np.int64)
    _, travel = travel_of(city, within, mode)
    inner = shapely.get_coordinates(shapely.point_on_surface(grids.geometry))
    return np.flatnonzero(travel.nearest(inner, rooms).cost <= within.value).astype(np.int64)


def travel_between(city: City, mode: str) -> NDArray[np.float32] | None:
    """Return minutes from each grid to each other (n, n) by a mode, None for straight lines.

    Grids that no road joins are walked to, straight, threefold.

    Raises
    ------
    InputError
        If the mode is unknown, or the city has more than 6,000 grids.
    MissingError
        If the city has no roads.
    """
    if mode == "straight":
        return None
    n = len(city.grids)
    if n > _MOST_BY_ROAD:
        raise InputError("partition.error.too_many_for_roads", grids=n, most=_MOST_BY_ROAD)
    _, travel = travel_of(city, Within(1.0, "min"), mode)
    inner = shapely.get_coordinates(shapely.point_on_surface(city.grids.geometry))
    # Rows are where the officer goes, columns where he starts.
    minutes = np.array(travel.matrix(inner, inner), dtype=np.float64)
    _, walk = travel_of(city, Within(1.0, "min"), "straight")
    open_ = ~np.isfinite(minutes)
    if open_.any():
        minutes[open_] = _ON_FOOT * walk.matrix(inner, inner)[open_]
    np.fill_diagonal(minutes, 0.0)
    return minutes.astype(np.float32)


def with_rooms(problem: Problem, places: Sequence[int] | Integers, *, seed: int = 0) -> Problem:
    """Return the problem with one of some grids held by each beat.

    Which beat gets which grid follows from a quick plan: beats are matched to the places
    nearest to their middle (an assignment problem, station by station).

    Parameters
    ----------
    places
        Grids that hold a room, or have one near enough; more than beats is allowed.
    seed
        Of the quick plan.

    Raises
    ------
    InfeasibleError
        If there are fewer places than beats, in all or in a station.
    """
    if problem.xy is None:
        raise InputError("partition.error.rooms_without_places")
    frozen = np.zeros(problem.grids, dtype=np.bool_)
    if problem.present is not None and problem.frozen:
        frozen = np.isin(problem.present, problem.frozen)
    spots = np.unique(np.asarray(places, dtype=np.int64))
    spots = spots[~frozen[spots]]
    wanted = problem.beats - len(set(problem.frozen))
    if len(spots) < wanted:
        raise InfeasibleError("partition.error.few_rooms", rooms=len(spots), beats=wanted)
    plan = propose(problem, effort="quick", seed=seed).best.assignment
    rooms = np.full(int(max(plan.max() + 1, problem.beats)), -1, dtype=np.int64)
    stations = np.zeros(problem.grids, dtype=np.int64)
    if problem.parents is not None:
        stations = np.unique(problem.parents.astype(str), return_inverse=True)[1]
    for station in np.unique(stations[~frozen]):
        inside = (stations == station) & ~frozen
        labels = np.unique(plan[inside])
        own = spots[stations[spots] == station]
        if len(own) < len(labels):
            raise InfeasibleError(
                "partition.error.few_rooms_in_station",
                station=str(problem.parents[inside][0]) if problem.parents is not None else "",
                rooms=len(own),
                beats=len(labels),
            )
        middle = np.array([problem.xy[inside & (plan == b)].mean(axis=0) for b in labels])
        gap = ((problem.xy[own][None] - middle[:, None]) ** 2).sum(axis=2)
        foreign = plan[own][None] != labels[:, None]
        gap = gap + foreign * 0.25 * float(gap.mean())  # a place of its own comes first
        if problem.fixed is not None:  # a grid that is fixed elsewhere is no place for a beat
            held = problem.fixed[own][None]
            gap = np.where((held >= 0) & (held != labels[:, None]), 1e12 * (1 + gap.max()), gap)
        row, column = linear_sum_assignment(gap)
        rooms[labels[row]] = own[column]
    return problem.replace(rooms=rooms)
