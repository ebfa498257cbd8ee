"""Coverage of a city by its rooms, or by the facilities of one network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridmap.errors import InputError, MissingError, some_ids
from gridmap.i18n import tr
from gridmap.measure._coverage_samples import sample_points
from gridmap.measure._coverage_share import covered_share
from gridmap.measure.period import Moment, period_between
from gridmap.measure.polygon_index import PolygonIndex
from gridmap.model import City, Kind, Layer
from gridmap.travel import (
    RoadTravel,
    StraightLine,
    Travel,
    modes_of,
    road_network,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridmap.measure._coverage_within import Within
    from gridmap.model.incidents import IncidentBatch
    from gridmap.travel import Reach

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["Coverage", "measure_coverage", "networks_of", "places_of", "travel_of"]

_SAMPLES = 16
_TWO_SIDED_95 = 1.96
_POINTS_AT_ONCE = 1_000_000


@dataclass(frozen=True, eq=False)
class Coverage:
    """What lies within reach of a room, grid by grid.

    Parameters
    ----------
    within
        The distance or time that counts as covered (``<=``).
    mode
        ``straight``, ``walk``, ``ebike`` or ``car``.
    network
        The network whose facilities were measured; blank for the rooms.
    place_ids, place_xy
        Ids and positions of the rooms, or of the network's facilities.
    share, backup
        Share of each grid's residents within reach of one room, and of two, shape (n,).
        Residents are taken as spread evenly over a grid.
    cost
        Metres or minutes from the nearest room to each sample point, shape (n, s); infinite
        where it cannot be reached.
    place
        Row of that room, -1 for none, shape (n, s).
    incidents, incidents_covered, incidents_backup
        Incidents of each grid, and those within reach of one room and of two, shape (n,).
    error
        Half the width of the 95 % interval of the city's share; 0 where areas are exact.
    unreached
        Rows of grids none of whose points can be reached; they are named in ``notes``.
    notes
        What could not be reached or was left out, one line each.
    """

    within: Within
    mode: str
    network: str
    place_ids: NDArray[np.object_]
    place_xy: Floats
    share: Floats
    backup: Floats
    cost: Floats
    place: Ints
    incidents: Floats
    incidents_covered: Floats
    incidents_backup: Floats
    error: float
    unreached: Ints
    notes: tuple[str, ...]

    @cached_property
    def grid_cost(self) -> Floats:
        """Mean cost of each grid's reached points, NaN for unreached grids, shape (n,)."""
        reached = np.isfinite(self.cost)
        count = reached.sum(axis=1)
        total = np.where(reached, self.cost, 0.0).sum(axis=1)
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def networks_of(city: City) -> list[str]:
    """Return the networks of the city's facilities (村警、监控、消防、服务), as they stand.

    Facilities of no network are one of their own, ``facility``.
    """
    facilities = city.get(Kind.FACILITY)
    return [] if facilities is None else sorted(set(_networks(facilities)))


def places_of(city: City, network: str = "") -> tuple[NDArray[np.object_], Floats]:
    """Return ids and positions of the rooms, or of one network's facilities.

    Raises
    ------
    MissingError
        If the city has no rooms, or no facility of that network.
    """
    if not network:
        return city.rooms.ids, city.room_xy
    facilities = city.layer(Kind.FACILITY)
    chosen = _networks(facilities) == network
    if not chosen.any():
        known = ", ".join(networks_of(city))
        raise MissingError("coverage.error.network", received=network, known=known)
    points = shapely.centroid(facilities.geometry[chosen])
    return facilities.ids[chosen], shapely.get_coordinates(points)


def _networks(facilities: Layer) -> NDArray[np.object_]:
    names = facilities.texts("network")
    return np.where(names == "", str(Kind.FACILITY), names)


def travel_of(city: City, within: Within, mode: str = "") -> tuple[str, Travel]:
    """Return the mode and how it measures; without one, the usual for the unit.

    Metres are straight unless a mode is named; minutes go by car along the roads where the
    city has them, else straight at walking speed.

    Raises
    ------
    InputError
        If the mode is unknown.
    MissingError
        If a mode needs roads and the city has none.
    """
    modes = modes_of(city.presets)
    if not mode:
        mode = "car" if within.unit == "min" and city.has(Kind.ROAD) else "straight"
    if mode == "straight":
        return mode, StraightLine(unit=within.unit, mode=modes["walk"])
    if mode not in modes:
        raise InputError(
            "coverage.error.mode", received=mode, known=", ".join([*modes, "straight"])
        )
    barriers = city.get(Kind.BARRIER)
    return mode, RoadTravel(
        road_network(city.layer(Kind.ROAD)),
        modes[mode],
        unit=within.unit,
        barriers=None if barriers is None else barriers.geometry,
    )


def measure_coverage(
    city: City,
    within: Within,
    *,
    mode: str = "",
    network: str = "",
    places: tuple[NDArray[np.object_], Floats] | None = None,
    samples: int = _SAMPLES,
    since: Moment = None,
    until: Moment = None,
) -> Coverage:
    """Measure which part of each grid lies within reach of a room.

    Straight-line shares are exact areas; along roads the share is that of ``samples`` points
    spread evenly over each grid, with the error stated.

    Parameters
    ----------
    city
        The city; needs grids, and rooms or facilities.
    within
        Distance or time that counts as covered (``<=``).
    mode
        ``straight``, ``walk``, ``ebike``, ``car``, or blank for the usual of the unit.
    network
        Measure the facilities of this network instead of the rooms.
    places
        Ids and positions to measure instead, such as rooms that are not built yet.
    samples
        Points in each grid for times, and for mean and 95 % distances.
    since, until
        Count incidents with ``since <= time < until`` only.

    Raises
    ------
    MissingError
        If the city has no rooms, no such network, or no roads where they are needed.
    InputError
        If the mode is unknown.
    """
    ids, xy = places_of(city, network) if places is None else places
    mode, travel = travel_of(city, within, mode)
    grids, n = city.grids, len(city.grids)
    points = sample_points(grids.geometry, samples).reshape(-1, 2)
    first, second = travel.nearest_two(points, xy)
    cost = first.cost.reshape(n, samples)
    if isinstance(travel, StraightLine):
        share, backup = (_areas_within(city, travel, xy, within, least) for least in (1, 2))
        error = 0.0
    else:
        share, backup = (
            (reach.cost.reshape(n, samples) <= within.value).mean(axis=1)
            for reach in (first, second)
        )
        error = _sampling_error(share, grids.counts("residents"), samples)
    counted = _incidents(city, travel, xy, within, (share, backup), (since, until))
    unreached = np.flatnonzero(~np.isfinite(cost).any(axis=1))
    return Coverage(
        within,
        mode,
        network,
        ids,
        xy,
        share,
        backup,
        cost,
        first.room.reshape(n, samples),
        *counted,
        error,
        unreached,
        tuple(_notes(city, first, cost, unreached, (ids, mode, travel))),
    )


def covered_residents(city: City, within: Within, travel: Travel, xy: Floats) -> float:
    """Return how many residents are within reach of places; nothing else is measured."""
    grids = city.grids
    if isinstance(travel, StraightLine):
        share = _areas_within(city, travel, xy, within, 1)
    else:
        points = sample_points(grids.geometry, _SAMPLES).reshape(-1, 2)
        reach = travel.nearest(points, xy)
        share = (reach.cost.reshape(len(grids), _SAMPLES) <= within.value).mean(axis=1)
    return float(grids.counts("residents") @ share)


def _areas_within(
    city: City, travel: StraightLine, xy: Floats, within: Within, at_least: int
) -> Floats:
    radius_m = travel.metres_of(within.value)
    return covered_share(city.grids.geometry, xy, radius_m=radius_m, at_least=at_least)


def _sampling_error(share: Floats, residents: Floats, samples: int) -> float:
    weight = residents if residents.sum() > 0 else np.ones(len(share))
    spread = weight**2 * share * (1.0 - share) / samples
    return float(_TWO_SIDED_95 * np.sqrt(spread.sum()) / weight.sum())


def _incidents(
    city: City,
    travel: Travel,
    xy: Floats,
    within: Within,
    shares: tuple[Floats, Floats],
    period: tuple[Moment, Moment],
) -> tuple[Floats, Floats, Floats]:
    """Return incidents by grid, and those within reach of one place and of two."""
    n = len(city.grids)
    if city.incidents is None:
        known = city.grids.counts("incidents")
        return known, known * shares[0], known * shares[1]
    index = PolygonIndex.build(city.grids.geometry, expected_points=len(city.incidents))
    totals = np.zeros((3, n))
    since, until = period_between(*period)
    for points in _many_at_once(city.incidents.batches(since=since, until=until)):
        grid = index.locate(points[:, 0], points[:, 1])
        inside = np.flatnonzero(grid >= 0)
        totals[0] += np.bincount(grid[inside], minlength=n)
        for rank, reach in enumerate(travel.nearest_two(points[inside], xy), start=1):
            near = reach.cost <= within.value
            totals[rank] += np.bincount(grid[inside[near]], minlength=n)
    return totals[0], totals[1], totals[2]


def _many_at_once(batches: Iterator[IncidentBatch]) -> Iterator[Floats]:
    """Yield positions of about a million incidents: each yield costs a run for all rooms."""
    held: list[Floats] = []
    for batch in batches:
        held.append(np.column_stack([batch.x, batch.y]))
        if sum(map(len, held)) >= _POINTS_AT_ONCE:
            yield np.vstack(held)
            held = []
    if held:
        yield np.vstack(held)


def _notes(
    city: City,
    reach: Reach,
    cost: Floats,
    unreached: Ints,
    way: tuple[NDArray[np.object_], str, Travel],
) -> list[str]:
    place_ids, mode, travel = way
    grids = city.grids
    notes = []
    if len(unreached):
        notes.append(
            tr(
                "coverage.note.unreached",
                count=len(unreached),
                ids=some_ids(grids.ids[unreached]),
            )
        )
    partly = np.flatnonzero(~np.isfinite(cost).all(axis=1) & np.isfinite(cost).any(axis=1))
    if len(partly):
        notes.append(
            tr("coverage.note.partly", count=len(partly), ids=some_ids(grids.ids[partly]))
        )
    if len(reach.rooms_off_road):
        notes.append(
            tr(
                "travel.note.rooms_off_road",
                count=len(reach.rooms_off_road),
                ids=some_ids(place_ids[reach.rooms_off_road]),
            )
        )
    if isinstance(travel, RoadTravel) and travel.network.n_components > 1:
        network = travel.network
        km = network.component_km
        apart = np.unique(network.source[network.edge_component > 0])
        notes.append(
            tr(
                "coverage.note.components",
                count=len(km),
                main=km[0],
                rest=float(km[1:].sum()),
                roads=len(apart),
                ids=some_ids(city.layer(Kind.ROAD).ids[apart]),
            )
        )
    if mode == "straight" and travel.unit == "min":
        notes.append(tr("coverage.note.straight_speed", speed=city.presets.walk_kmh))
    if not grids.counts("residents").any():
        notes.append(tr("coverage.note.no_residents"))
    return notes
