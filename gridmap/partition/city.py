"""From a city to a problem, and from a proposal back to plans with names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Unpack

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from gridmap.errors import InfeasibleError, InputError, MissingError, some_ids
from gridmap.fields import Json
from gridmap.i18n import LANGUAGES, tr
from gridmap.measure import Workload, balance, criterion_of
from gridmap.measure.coverage import Within, travel_of
from gridmap.model import BeatInfo, City, Kind, Plan
from gridmap.model.layer import join_rows, polsby_popper
from gridmap.partition.lasting import SeenCounts, shrink_rates
from gridmap.partition.problem import Constraints, Problem, ProblemFields
from gridmap.partition.proposal import Candidate, Proposal
from gridmap.partition.propose import propose
from gridmap.typing import Bools, Floats, Ints


def problem_of(
    city: City,
    workload: Workload,
    *,
    beats: int,
    present: Plan | None = None,
    by_station: bool = False,
    barriers: bool = True,
    prefer: Sequence[str] = (),
    avoid: Sequence[str] = (),
    **constraints: Unpack[Constraints],
) -> Problem:
    """Return the problem of dividing a city's grids into beats.

    Parameters
    ----------
    city
        A city with grids.
    workload
        What is to be balanced.
    beats
        Number of beats wanted.
    present
        Today's beats, for least change.
    by_station
        No beat crosses a station: by the grids' own ``station`` column, else by the station
        polygon that holds a grid's inner point.
    barriers
        Rivers, railways and expressways cut neighbours, except at bridges.
    prefer, avoid
        ``road``, ``community``, ``station``, ``barrier``: borders that run along these count
        half in the search, or twice.
    **constraints
        Further fields of `Problem`: locks, rooms, communities, travel.

    Raises
    ------
    InputError
        If stations are asked for and the city has none.
    """
    grids, adjacency = city.grids, city.adjacency
    cut = adjacency.barrier if barriers else np.zeros(len(adjacency.barrier), dtype=bool)
    pairs = np.column_stack([adjacency.first, adjacency.second]).astype(np.int64)
    shared = np.bincount(
        pairs.ravel(), weights=np.repeat(adjacency.length_m, 2), minlength=len(grids)
    )
    middle = shapely.get_coordinates(shapely.centroid(grids.geometry))
    outline = shapely.length(grids.geometry)
    fields: ProblemFields = {
        "weights": workload.load * len(grids),
        "edges": pairs[~cut],
        "borders_m": adjacency.length_m[~cut],
        "border_factor": _border_factor(city, pairs[~cut], adjacency.barrier[~cut], prefer, avoid),
        "barrier_edges": pairs[cut],
        "barrier_m": adjacency.length_m[cut],
        "beats": beats,
        "xy": middle,
        "areas_m2": grids.area_m2,
        "outer_m": np.maximum(outline - shared, 0.0),
        "parents": station_of_grids(city) if by_station else None,
        "ids": tuple(grids.ids),
        "criterion_names": (_name_of(workload),),
        "demand": _demand(city, workload),
    }
    if present is not None:
        fields["present"] = present.assignment.astype(np.int64)
        fields["keep_weights"] = _people(city, workload)
        fields["beat_names"] = tuple(beat.name or beat.id for beat in present.beats)
    every: dict[str, Any] = {**fields, **constraints}
    return Problem(**every)


def _name_of(workload: Workload) -> str:
    """Return what is balanced: the one criterion there is, else ``workload``."""
    named = [name for name, weight in workload.weights.items() if weight]
    return named[0] if len(named) == 1 else "workload"


def plans_of(
    city: City, proposal: Proposal, *, name: str, present: Plan | None = None
) -> list[Plan]:
    """Return the candidates as plans; a beat that continues one of today's keeps its name.

    A new beat belongs to the station with most of its grids, where the city knows stations:
    the station of today's beats there, else that of the grids. Where today's beats name
    rooms, or the proposal was to give each a room, a beat without one takes the first that
    stands in it.

    Parameters
    ----------
    city
        The city that the problem was made of.
    proposal
        What `propose` returned.
    name
        Name of the first plan; the others carry their objective behind it.
    present
        Today's beats, whose ids, names and staff are taken over.
    """
    made: list[Plan] = []
    stations = _stations(city, present)
    named = present is None or any(beat.room for beat in present.beats)
    rooms = _rooms(city) if named or proposal.problem.rooms is not None else None
    for row, candidate in enumerate(proposal.candidates):
        title = name if row == 0 else f"{name}-{tr(f'partition.objective.{candidate.objective}')}"
        if row and any(plan.name == title for plan in made):
            title = f"{title}-{row + 1}"
        order, beats = _beats(candidate, present, stations, rooms)
        place = np.zeros(max(order) + 1, dtype=np.int32)
        place[order] = np.arange(len(order), dtype=np.int32)
        made.append(
            Plan(
                title, city.grids.ids, place[candidate.assignment], tuple(beats), city.grids.digest
            )
        )
    return made


def plan_rows(
    city: City,
    plans: list[Plan],
    proposal: Proposal,
    workload: Workload,
    *,
    present: Plan | None = None,
) -> list[dict[str, Json]]:
    """Return what the command and the page show of each plan.

    Parameters
    ----------
    city
        The city that the plans are of.
    plans
        What `plans_of` made of the proposal.
    proposal
        What `propose` returned.
    workload
        What was balanced.
    present
        Today's beats, for the share of residents that keeps its beat.

    Returns
    -------
    list of dict
        ``name, beats, pieces_max, max_deviation, cv, gini, mean_polsby_popper,
        cut_border_km, kept_share, kept_work_share, grids_split, communities_split, mean_travel,
        travel_unit, seconds``, and ``objective, tolerance, net_deviation, feasible, proven,
        bounds``. Mean travel is per unit of demand to the best centre or the room, in metres
        (``m``) or minutes; the net deviation is what single grids and stations do not force.
    """
    rows: list[dict[str, Json]] = []
    for plan, candidate in zip(plans, proposal.candidates, strict=True):
        loads = plan.totals(workload.load)
        fair = balance(loads[np.bincount(plan.assignment, minlength=len(plan)) > 0])
        scores = candidate.scores
        rows.append(
            {
                "name": plan.name,
                "beats": len(plan),
                "pieces_max": int(scores.pieces.max(initial=0)),
                "max_deviation": scores.max_deviation,
                "cv": fair.cv,
                "gini": fair.gini,
                "mean_polsby_popper": _compactness(city, plan),
                "cut_border_km": scores.cut_m / 1000.0,
                "kept_share": _kept(plan, present, city.grids.counts("residents"))
                if city.grids.is_counted("residents")
                else None,
                "kept_work_share": _kept(plan, present, workload.load),
                "grids_split": 0,  # a beat is a union of whole grids
                "communities_split": scores.split_communities,
                "mean_travel": scores.mean_travel,
                "travel_unit": "m" if proposal.problem.travel is None else "min",
                "seconds": proposal.seconds,
                "objective": candidate.objective,
                "tolerance": candidate.tolerance,
                "net_deviation": candidate.net_deviation,
                "feasible": candidate.feasible,
                "proven": candidate.proven,
                "bounds": _bounds(candidate),
            }
        )
    return rows


def _border_factor(
    city: City, pairs: Ints, barrier: Bools, prefer: Sequence[str], avoid: Sequence[str]
) -> Floats | None:
    """Return what each border counts in the search, None where all count alike."""
    if not prefer and not avoid:
        return None
    factor = np.ones(len(pairs))
    for names, part in ((prefer, _PREFERRED), (avoid, _AVOIDED)):
        along = np.zeros(len(pairs), dtype=np.bool_)
        for name in names:
            if name == "barrier":
                along |= barrier
            elif name == "road" and city.has(Kind.ROAD):
                along |= _along_roads(city, pairs)
            elif has_layer(city, name) and name != "road":
                own = communities_of(city) if name == "community" else station_of_grids(city)
                along |= own[pairs[:, 0]] != own[pairs[:, 1]]
        factor[along] *= part
    return factor


def has_layer(city: City, name: str) -> bool:
    """Return whether a city knows the roads, communities, stations or barriers of its grids."""
    grids = city.grids
    column = name in {"community", "station"} and grids.has(name) and any(grids.texts(name))
    return bool(column) or city.get(Kind(name)) is not None


def _along_roads(city: City, pairs: Ints) -> Bools:
    """Return which borders run along a main road for half of their length at least.

    Main roads are those of such a class, else those with 50 km/h or more, else all.
    """
    roads = city.layer(Kind.ROAD)
    main = np.ones(len(roads), dtype=np.bool_)
    if roads.has("class") and any(roads.texts("class")):
        classes = {
            word
            for tongue in LANGUAGES
            for word in tr("partition.main_roads", language=tongue).split()
        }
        main = np.array([text.lower() in classes for text in roads.texts("class")])
    elif roads.has("speed_kmh"):
        main = np.nan_to_num(roads.counts("speed_kmh")) >= _MAIN_KMH
    if not main.any():
        return np.zeros(len(pairs), dtype=np.bool_)
    near = shapely.union_all(shapely.buffer(roads.geometry[main], _ALONG_M))
    shapely.prepare(near)
    cells = city.grids.geometry
    first, other = cells[pairs[:, 0]], cells[pairs[:, 1]]
    found = np.zeros(len(pairs), dtype=np.bool_)
    close = np.flatnonzero(shapely.intersects(first, near) & shapely.intersects(other, near))
    reach = shapely.buffer(other[close], max(city.presets.gap_m, 1.0), quad_segs=1)
    border = shapely.intersection(shapely.boundary(first[close]), reach)
    whole = np.maximum(shapely.length(border), 1e-9)
    found[close] = shapely.length(shapely.intersection(border, near)) >= whole / 2
    return found


def _compactness(city: City, plan: Plan) -> float:
    """Return the mean Polsby-Popper of the polygons that are exported."""
    shapes = join_rows(city.grids.geometry, plan.assignment, len(plan), gap_m=city.presets.gap_m)
    return float(polsby_popper(shapely.area(shapes), shapely.length(shapes)).mean())


def _bounds(candidate: Candidate) -> list[dict[str, Json]]:
    return [
        {
            "objective": bound.objective,
            "value": bound.value,
            "lower": bound.lower,
            "gap": bound.gap,
            "proven": bound.proven,
        }
        for bound in candidate.bounds
    ]


def _demand(city: City, workload: Workload) -> Floats:
    """Return what officers travel to: incidents where the city knows them."""
    if city.incidents is None and not city.grids.has("incidents"):
        return workload.load * len(workload)
    calls = criterion_of(city, "incidents")
    return calls if calls.sum() > 0 else workload.load * len(workload)


def _kept(plan: Plan, present: Plan | None, people: Floats) -> float | None:
    """Return the share of those who have a beat today that keeps it."""
    if present is None or not people.sum() > 0:
        return None
    had = present.assignment >= 0
    same = had & (plan.labels == present.labels)
    total = float(people[had].sum())
    return float(people[same].sum()) / total if total > 0 else 1.0


def _people(city: City, workload: Workload) -> Floats:
    residents = city.grids.counts("residents")
    return residents if residents.sum() > 0 else workload.load * len(workload)


def _stations(city: City, present: Plan | None) -> NDArray[np.object_] | None:
    """Return the station of each grid as today's beats spell it, or None where none is known.

    Beats may say ``01`` where the stations' layer says ``1``: a plan must not say both.
    """
    grids = city.grids
    named = grids.has("station") and all(grids.texts("station"))
    known = named or city.get(Kind.STATION) is not None
    stations = station_of_grids(city) if known else None
    if present is None or not any(beat.station for beat in present.beats):
        return stations
    # A grid in no beat (-1) takes the blank behind the last beat.
    of_beats = np.array([*(beat.station for beat in present.beats), ""], dtype=object)
    today = of_beats[present.assignment]
    if stations is None:
        return today
    spelled = {}
    for station in np.unique(stations):
        names, count = np.unique(today[(stations == station) & (today != "")], return_counts=True)
        spelled[station] = str(names[np.argmax(count)]) if len(names) else station
    rest = np.array([spelled[station] for station in stations], dtype=object)
    return np.where(today != "", today, rest)


def _rooms(city: City) -> NDArray[np.object_] | None:
    """Return the room that stands in each grid, blank without one; None without any."""
    if not city.has(Kind.ROOM):
        return None
    held = np.full(len(city.grids), "", dtype=object)
    rooms, grids = shapely.STRtree(city.grids.geometry).query(
        shapely.points(city.room_xy), predicate="intersects"
    )
    order = np.argsort(rooms, kind="stable")[::-1]  # the first of several is written last
    held[grids[order]] = city.rooms.ids[rooms[order]]
    return held


def _beats(
    candidate: Candidate,
    present: Plan | None,
    stations: NDArray[np.object_] | None,
    rooms: NDArray[np.object_] | None,
) -> tuple[list[int], list[BeatInfo]]:
    """Return the beats' numbers in the order of their ids, and the beats.

    A number below that of today's beats is the beat that goes on; the others are counted, and
    belong to the station that has most of their grids.
    """
    today = () if present is None else present.beats
    labels = candidate.scores.labels.tolist()
    members = np.argsort(candidate.assignment, kind="stable")
    starts = np.searchsorted(candidate.assignment[members], np.arange(max(labels) + 2))
    taken = {beat.id for beat in today}  # one that has ended is not another one
    number = 0
    beats: dict[int, BeatInfo] = {}
    for label in labels:
        own = members[starts[label] : starts[label + 1]]
        inside = [room for room in rooms[own] if room] if rooms is not None else []
        room = inside[0] if inside else ""
        if label < len(today):
            beats[label] = replace(today[label], room=today[label].room or room)
            continue
        number += 1
        while f"{number:02d}" in taken:
            number += 1
        station = ""
        if stations is not None:
            names, count = np.unique(stations[own], return_counts=True)
            station = str(names[np.argmax(count)])
        beats[label] = BeatInfo(
            f"{number:02d}", tr("model.new_beat", number=number), station=station, room=room
        )
    order = sorted(labels, key=lambda label: beats[label].id)
    return order, [beats[label] for label in order]


PeriodStep = Literal["", "month", "week", "day"]
_PREFERRED, _AVOIDED = 0.5, 2.0  # what such a border counts
_ALONG_M = 20.0  # between a main road's line and a border along it
_MAIN_KMH = 50.0
_STEPS: tuple[PeriodStep, ...] = ("month", "week", "day")
_LEAST_PERIODS = 3  # to tell how much counts vary; with fewer months weeks are counted, then days
_MOST_BY_ROAD = 6_000  # grids; the table of all ways grows with their square
_ON_FOOT = 3.0  # where no road leads, a straight walk counts so many times


def criteria_of(
    city: City, workload: Workload, tolerances: Mapping[str, float], *, together: float | None
) -> ProblemFields:
    """Return the fields of a `Problem` that hold criteria each to a tolerance.

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
    names = [] if together is None else ["workload"]
    for name, tolerance in tolerances.items():
        values = criterion_of(city, name)
        if not values.sum() > 0:
            raise InputError("measure.error.criterion_empty", name=name)
        columns.append(values / values.sum() * n)
        allowed.append(tolerance)
        names.append(name)
    return {
        "weights": np.column_stack(columns),
        "tolerances": tuple(allowed),
        "criterion_names": tuple(names),
    }


def seen_counts(city: City, workload: Workload, step: PeriodStep = "") -> SeenCounts | None:
    """Return the incidents of a workload by period; None where it is made of none.

    Parameters
    ----------
    step
        How long a period is; if blank the longest of which at least three were seen. Weeks
        are counted from the first day on. Counts without times are one period.

    Raises
    ------
    InputError
        If periods are asked for and the incidents have no times.
    """
    share = workload.weights.get("incidents", 0.0)
    if not share:
        return None
    own = workload.criteria["incidents"]
    steady = workload.load - share * own / own.sum()
    counts: Floats = own[:, None].astype(np.float64)
    names: tuple[str, ...] = ("",)
    known = city.located is not None and city.located.period is not None
    if step and not known:
        raise InputError("measure.error.counts_have_no_times", city=city.label)
    monthly = known and city.located is not None and city.located.precision == "month"
    steps: tuple[PeriodStep, ...] = (step,) if step else ("month",) if monthly else _STEPS
    for one in steps if known else ():
        counts, names = _counts_by(city, one)
        if len(names) >= _LEAST_PERIODS:
            break
    return SeenCounts(counts=counts, names=names, share=share, steady=np.maximum(steady, 0.0))


def _counts_by(city: City, step: PeriodStep) -> tuple[Floats, tuple[str, ...]]:
    """Return the incidents of each grid in each period, and what periods are called."""
    incidents = city.located
    assert incidents is not None  # noqa: S101 - the caller has looked; for the type checker
    assert incidents.period is not None  # noqa: S101 - the same
    first, last = (np.datetime64(moment, "D") for moment in incidents.period)
    unit = np.timedelta64(7 if step == "week" else 1, "D")

    def number(days: NDArray[np.datetime64]) -> Ints:
        if step == "month":
            return (days.astype("datetime64[M]") - first.astype("datetime64[M]")).astype(np.int64)
        return np.asarray((days - first) // unit, dtype=np.int64)

    periods = int(number(np.array([last]))[0]) + 1
    table = np.zeros((len(city.grids), periods))
    for part in incidents.columns([str(Kind.GRID), "time"]):
        row, time = part[str(Kind.GRID)], part["time"].astype("datetime64[D]")
        inside = (row >= 0) & ~np.isnat(time)
        np.add.at(table, (row[inside], number(time[inside])), 1.0)
    if step == "month":
        starts = first.astype("datetime64[M]") + np.arange(periods)
    else:
        starts = first + np.arange(periods) * unit
    return table, tuple(str(start) for start in starts)


def scenarios_of(
    city: City,
    workload: Workload,
    tolerance: float,
    *,
    periods: PeriodStep = "",
    hours: Sequence[str] = (),
) -> ProblemFields:
    """Return the fields of a `Problem` that balance each scenario beside the whole workload.

    Parameters
    ----------
    tolerance
        Allowed deviation in each of them.
    periods
        A scenario for each month, week or day, its counts shrunk (`shrink_rates`).
    hours
        A scenario for each band of hours, such as ``22-6``, likewise.

    Raises
    ------
    InputError
        If the workload has no incidents in it, or they have no times.
    """
    made, names = [workload.load[:, None]], [_name_of(workload)]
    if periods:
        seen = seen_counts(city, workload, periods)
        if seen is None:
            raise InputError("partition.error.scenarios")
        made.append(seen.loads(shrink_rates(seen.counts)))
        names += seen.names
    if hours:
        seen = seen_counts(city, workload)
        if seen is None:
            raise InputError("partition.error.scenarios")
        bands = [f"incidents@{band}" for band in hours]
        counts = np.column_stack([criterion_of(city, band) for band in bands])
        made.append(seen.loads(shrink_rates(counts)))
        names += bands
    loads = np.concatenate(made, axis=1)
    return {
        "weights": loads * len(loads),
        "tolerances": (tolerance,) * loads.shape[1],
        "criterion_names": tuple(names),
    }


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
        raise MissingError("partition.error.no_communities", city=city.label)
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
        raise InputError("partition.error.no_stations", city=city.label)
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


def room_grids(city: City, *, within: Within | None = None, mode: str = "") -> Ints:
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


def with_rooms(problem: Problem, places: Sequence[int] | Ints, *, seed: int = 0) -> Problem:
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
    frozen = problem.locked_grids
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


# -- sectors and night beats: the beats of a plan put together into fewer, larger ones


def union_beats(
    problem: Problem,
    assignment: Ints,
    unions: int,
    *,
    weights: ArrayLike | None = None,
    tolerance: float = 0.1,
    seed: int = 0,
) -> Ints:
    """Return the union of each grid (n,), 0 on: whole beats, each union in one piece.

    The problem of the beats as grids is solved as any other, so up to 16 beats the answer is the
    best one there is. No union crosses a station where no beat does.

    Parameters
    ----------
    assignment
        Label of each grid's beat (n,).
    unions
        How many sectors, or night beats.
    weights
        Workload of each grid (n,), such as that of the night; the first criterion if None.
    tolerance
        Deviation allowed; where none is within it, the nearest is returned.

    Raises
    ------
    InputError
        If there are not so many beats.
    InfeasibleError
        If there are fewer unions than stations.
    """
    labels, beat = np.unique(assignment, return_inverse=True)
    k = len(labels)
    if not 1 <= unions <= k:
        raise InputError("partition.error.beats", beats=unions, grids=k)
    load = problem.weights[:, 0] if weights is None else np.asarray(weights, dtype=np.float64)
    ends = np.sort(beat[problem.edges], axis=1)
    between = ends[:, 0] < ends[:, 1]
    pairs, row = np.unique(ends[between], axis=0, return_inverse=True)
    xy, parents = None, None
    if problem.xy is not None:
        size = np.bincount(beat)
        xy = np.stack([np.bincount(beat, weights=c) / size for c in problem.xy.T], axis=1)
    if problem.parents is not None:
        first = np.unique(beat, return_index=True)[1]
        names = problem.parents.astype(str)
        if (names == names[first][beat]).all():
            parents = names[first]
    whole = Problem(
        weights=np.bincount(beat, weights=load, minlength=k).astype(np.float64),
        edges=pairs,
        borders_m=np.bincount(row.ravel(), problem.borders_m[between], len(pairs)).astype(
            np.float64
        ),
        beats=unions,
        xy=xy,
        parents=parents,
    )
    found = propose(whole, tolerance=tolerance, seed=seed).best.assignment
    return np.asarray(np.unique(found, return_inverse=True)[1][beat], dtype=np.int64)
