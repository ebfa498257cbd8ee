"""Who lives within reach of a room, or of the facilities of one network.

Distances are metres in a projected working CRS; a point at exactly the given distance or time
counts as covered. Straight distances cover exact areas; along roads, points spread evenly over
each grid represent it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from gridmap.errors import InputError, MissingError, some_ids
from gridmap.i18n import tr
from gridmap.measure.counted import moments_in
from gridmap.measure.disc_areas import covered_share
from gridmap.measure.period import Moment
from gridmap.model import AREA_KINDS, City, Kind, Layer
from gridmap.model.polygon_index import prepared_copies
from gridmap.travel import RoadTravel, StraightLine, Travel, modes_of, road_network
from gridmap.typing import Floats, Ints

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridmap.measure.pieces import Pieces
    from gridmap.travel import Reach, Unit


_SAMPLES = 16
_TWO_SIDED_95 = 1.96
_POINTS_AT_ONCE = 1_000_000
_LEAST, _MOST = 0.01, 1e7  # metres or minutes
# Steps of the plane's most even sequence (Roberts 2018): powers of 1 / 1.3247179572.
_STEPS = np.array([0.7548776662466927, 0.5698402909980532])


@dataclass(frozen=True, slots=True)
class Within:
    """A distance or a time that counts as covered (``<=``).

    Parameters
    ----------
    value
        Metres or minutes, above 0.
    unit
        ``m`` or ``min``.
    """

    value: float
    unit: Unit

    def __str__(self) -> str:
        return f"{self.value:.12g}{self.unit}"

    def text(self) -> str:
        """Return the limit as a sentence says it: ``1,000 m``, ``5 min``."""
        return tr(f"measure.within_{self.unit}", value=self.value)


def parse_within(text: str) -> tuple[Within, ...]:
    """Return the distances and times of a text such as ``1000m,5min``.

    Raises
    ------
    InputError
        If a part is not a positive number of m, km or min.

    Examples
    --------
    >>> [str(limit) for limit in parse_within("1km, 5 min")]
    ['1000m', '5min']
    """
    words = {
        word: name
        for name in ("m", "km", "min")
        for word in (name, tr(f"coverage.words.{name}", language="zh"))
    }
    found = []
    for part in unicodedata.normalize("NFKC", text).lower().split(","):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(\w+)\s*", part)
        written = "" if match is None else words.get(match[2], "")
        if match is None or not written or float(match[1]) <= 0.0:
            raise InputError("coverage.error.within", received=part.strip() or text)
        factor = 1000.0 if written == "km" else 1.0
        unit: Unit = "min" if written == "min" else "m"
        value = float(match[1]) * factor
        if not _LEAST <= value <= _MOST:
            raise InputError("coverage.error.within_range", received=part.strip())
        found.append(Within(value, unit))
    return tuple(found)


@dataclass(frozen=True, eq=False, kw_only=True)
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
    points
        Points spread evenly over each grid, metres, shape (n, s, 2).
    cost, next_cost
        Metres or minutes from the nearest room to each point, and from the next, shape
        (n, s); infinite where it cannot be reached.
    place
        Row of the nearest room, -1 for none, shape (n, s).
    incident_rows
        Row of the grid, beat, station and community that incidents lie in together, -1 for
        none or where the city has no such layer, shape (k, 4).
    incident_counts
        Incidents of each such line, and those within reach of one room and of two, shape
        (k, 3). Empty where the city has no incident points.
    grid_incidents
        Incidents of each grid, and those within reach of one room and of two, shape (3, n).
        Where a city has counts only, they are taken as spread evenly like residents.
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
    points: Floats
    cost: Floats
    next_cost: Floats
    place: Ints
    incident_rows: Ints
    incident_counts: Floats
    grid_incidents: Floats
    error: float
    unreached: Ints
    notes: tuple[str, ...]

    @property
    def incidents(self) -> Floats:
        """Incidents of each grid, shape (n,)."""
        return self.grid_incidents[0]

    @property
    def incidents_covered(self) -> Floats:
        """Incidents of each grid within reach of a room, shape (n,)."""
        return self.grid_incidents[1]

    @property
    def incidents_backup(self) -> Floats:
        """Incidents of each grid within reach of two rooms, shape (n,)."""
        return self.grid_incidents[2]

    @cached_property
    def grid_cost(self) -> Floats:
        """Mean cost of each grid's reached points, NaN for unreached grids, shape (n,)."""
        reached = np.isfinite(self.cost)
        count = reached.sum(axis=1)
        total = np.where(reached, self.cost, 0.0).sum(axis=1)
        return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)

    def of_pieces(self, city: City, pieces: Pieces) -> PieceReach:
        """Return what is within reach of the pieces into which rows cut the grids.

        Straight distances cover exact areas of each piece. Along roads, a piece is covered as
        its own sample points are; a piece too small to have one is judged by a point in it.

        Parameters
        ----------
        city
            The city that was measured.
        pieces
            The pieces.
        """
        points = self.points.reshape(-1, 2)
        grid = np.repeat(np.arange(len(self.cost)), self.cost.shape[1])
        piece = pieces.piece_of(grid, points[:, 0], points[:, 1])
        held = np.flatnonzero(piece >= 0)
        piece, costs = piece[held], (self.cost.ravel()[held], self.next_cost.ravel()[held])
        _, travel = travel_of(city, self.within, self.mode)
        empty = np.flatnonzero(np.bincount(piece, minlength=len(pieces)) == 0)
        if len(empty):
            spots = shapely.point_on_surface(pieces.shapes(empty))
            lost = shapely.is_empty(spots) | shapely.is_missing(spots)
            spots[lost] = shapely.point_on_surface(pieces.grids[pieces.grid[empty[lost]]])
            some = shapely.is_empty(spots) | shapely.is_missing(spots)  # grids without ground
            empty, spots = empty[~some], spots[~some]
            found = travel.nearest_two(shapely.get_coordinates(spots), self.place_xy)
            piece = np.concatenate([piece, empty])
            costs = (
                np.concatenate([costs[0], found[0].cost]),
                np.concatenate([costs[1], found[1].cost]),
            )
        weight = 1.0 / np.bincount(piece, minlength=len(pieces))[piece]
        if isinstance(travel, StraightLine):
            radius_m = travel.metres_of(self.within.value)
            share, backup = (
                pieces.covered_share(whole, self.place_xy, radius_m=radius_m, at_least=least)
                for least, whole in ((1, self.share), (2, self.backup))
            )
        else:
            share, backup = (
                np.bincount(
                    piece, weights=weight * (cost <= self.within.value), minlength=len(pieces)
                ).astype(np.float64)
                for cost in costs
            )
        return PieceReach(share, backup, piece, costs[0], weight)


class PieceReach(NamedTuple):
    """What of each piece is within reach.

    Attributes
    ----------
    share, backup
        Share of each piece within reach of one room, and of two, shape (p,).
    piece
        Piece of each sample point, shape (q,).
    cost
        Metres or minutes from the nearest room to each point, shape (q,).
    weight
        Share of its piece that each point represents, shape (q,).
    """

    share: Floats
    backup: Floats
    piece: Ints
    cost: Floats
    weight: Floats


def networks_of(city: City) -> list[str]:
    """Return the names of the networks of the city's facilities (村警、监控、消防、服务).

    Facilities without a network form one of their own, ``facility``.
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
    points = sample_points(grids.geometry, samples)
    spots = points.reshape(-1, 2)
    real = np.isfinite(spots).all(axis=1)  # a grid without ground has no points
    first, second = travel.nearest_two(spots[real], xy)
    cost, next_cost = np.full((2, n, samples), np.inf)
    cost.ravel()[real], next_cost.ravel()[real] = first.cost, second.cost
    place = np.full((n, samples), -1, dtype=np.int64)
    place.ravel()[real] = first.room
    if isinstance(travel, StraightLine):
        share, backup = (_areas_within(city, travel, xy, within, least) for least in (1, 2))
        error = 0.0
    else:
        share, backup = ((each <= within.value).mean(axis=1) for each in (cost, next_cost))
        error = _sampling_error(share, grids.counts("residents"), samples)
    counted = _incidents(city, travel, xy, within, (since, until))
    if counted is None:
        known = grids.counts("incidents")
        by_grid = np.stack([known, known * share, known * backup])
        counted = np.empty((0, len(AREA_KINDS)), dtype=np.int64), np.empty((0, 3))
    else:
        rows, counts = counted
        here = rows[:, 0] >= 0
        by_grid = np.stack([
            np.bincount(rows[here, 0], weights=column[here], minlength=n).astype(np.float64)
                for column in counts.T
        ])  # fmt: skip
    unreached = np.flatnonzero(~np.isfinite(cost).any(axis=1))
    return Coverage(
        within=within, mode=mode, network=network, place_ids=ids, place_xy=xy, share=share,
        backup=backup, points=points, cost=cost, next_cost=next_cost, place=place,
        incident_rows=counted[0], incident_counts=counted[1], grid_incidents=by_grid,
        error=error, unreached=unreached,
        notes=tuple(_notes(city, first, cost, unreached, (ids, mode, travel))),
    )  # fmt: skip


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
    city: City, travel: Travel, xy: Floats, within: Within, period: tuple[Moment, Moment]
) -> tuple[Ints, Floats] | None:
    """Return the rows incidents lie in together, and how many there are within reach."""
    incidents = city.located
    if incidents is None:
        return None
    kinds = [kind for kind in AREA_KINDS if city.has(kind)]
    sizes = [len(city.layer(kind)) + 1 for kind in kinds]
    since, until = moments_in(city, *period)
    codes, counts = [np.empty(0, np.int64)], [np.empty((0, 3))]
    names = ["x", "y", *map(str, kinds)]
    for part in _many_at_once(incidents.columns(names, since=since, until=until)):
        points = np.column_stack([part["x"], part["y"]])
        code = np.zeros(len(points), dtype=np.int64)
        for kind, size in zip(kinds, sizes, strict=True):
            code = code * size + part[str(kind)] + 1
        places, at = np.unique(code, return_inverse=True)
        near = [reach.cost <= within.value for reach in travel.nearest_two(points, xy)]
        codes.append(places)
        counts.append(np.column_stack([
            np.bincount(at, weights=each, minlength=len(places)).astype(np.float64)
            for each in (None, *near)
        ]))  # fmt: skip
    places, at = np.unique(np.concatenate(codes), return_inverse=True)
    table = np.concatenate(counts)
    totals = np.column_stack([
        np.bincount(at, weights=column, minlength=len(places)).astype(np.float64)
            for column in table.T
    ])  # fmt: skip
    rows = np.full((len(places), len(AREA_KINDS)), -1, dtype=np.int64)
    for kind, size in zip(reversed(kinds), reversed(sizes), strict=True):
        places, row = np.divmod(places, size)
        rows[:, AREA_KINDS.index(kind)] = row - 1
    return rows, totals


def _many_at_once(parts: Iterator[dict[str, NDArray[Any]]]) -> Iterator[dict[str, NDArray[Any]]]:
    """Put parts together to about a million incidents: each costs a run for all rooms."""
    held: list[dict[str, NDArray[Any]]] = []
    for part in parts:
        held.append(part)
        if sum(len(one["x"]) for one in held) >= _POINTS_AT_ONCE:
            yield {name: np.concatenate([one[name] for one in held]) for name in part}
            held = []
    if held:
        yield {name: np.concatenate([one[name] for one in held]) for name in held[0]}


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
            tr("coverage.note.unreached", count=len(unreached), ids=some_ids(grids.ids[unreached]))
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


def sample_points(polygons: NDArray[np.object_], count: int) -> Floats:
    """Return ``count`` points in each polygon, evenly spread, shape (n, count, 2).

    The points are the same on every run. A polygon so thin that too few of the points tried
    fall inside repeats those that did, or its representative point; an empty one has NaN.
    """
    box = shapely.bounds(polygons)
    points = np.full((len(polygons), count, 2), np.nan)
    filled = np.zeros(len(polygons), dtype=np.int64)
    shapes = prepared_copies(polygons)
    begin = 0
    for tries in (2 * count, 6 * count, 24 * count):
        rows = np.flatnonzero(filled < count)
        if len(rows) == 0:
            break
        unit = (0.5 + _STEPS * np.arange(begin + 1, begin + tries + 1)[:, None]) % 1.0
        begin += tries
        size = box[rows, 2:] - box[rows, :2]
        spots = box[rows, None, :2] + unit[None] * size[:, None, :]
        inside = shapely.contains_xy(shapes[rows, None], spots[..., 0], spots[..., 1])
        slot = filled[rows, None] + np.cumsum(inside, axis=1) - 1
        row, at = np.nonzero(inside & (slot < count))
        points[rows[row], slot[row, at]] = spots[row, at]
        filled[rows] = np.minimum(count, filled[rows] + inside.sum(axis=1))
    thin = np.flatnonzero(filled < count)
    for poor in thin.tolist():
        if filled[poor] == 0:
            own = shapely.get_coordinates(shapely.point_on_surface(polygons[poor]))
            points[poor] = own if len(own) else np.nan
        else:
            points[poor] = points[poor, np.arange(count) % filled[poor]]
    return points
