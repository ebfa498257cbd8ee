"""New rooms for a city: what is asked, the model, and coverage before and after."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import scipy
import shapely

from gridmap.errors import InfeasibleError, InputError, MissingError, some_ids
from gridmap.fields import Json
from gridmap.i18n import tr
from gridmap.measure import (
    Coverage,
    Within,
    coverage_figures,
    measure_coverage,
    places_of,
    sample_points,
    travel_of,
)
from gridmap.model import City, Kind, Layer
from gridmap.siting.answer import Limits, Siting
from gridmap.siting.models import (
    solve_backup_cover,
    solve_capacitated_median,
    solve_center,
    solve_max_cover,
    solve_median,
    solve_set_cover,
)
from gridmap.typing import Bools, Floats, Ints, Texts

if TYPE_CHECKING:
    from gridmap.travel import Travel

Model = Literal["cover", "all", "backup", "median", "center", "capacitated"]

_MODELS = ("cover", "all", "backup", "median", "center", "capacitated")
_COVERING = {"cover", "all", "backup"}
_SAMPLES = 4
_MOST_COVERED = 8_000_000  # entries of a covering model: beyond, a grid is one point
_MOST_MEANT = 120_000_000  # entries of a table of ways


@dataclass(frozen=True, slots=True)
class SiteRequest:
    """Options of a siting proposal.

    Parameters
    ----------
    within
        Distance or time that counts as covered; also the unit of the other models.
    rooms
        How many new rooms; a ceiling for the model ``all``, which needs none.
    budget, price
        Instead of a number: what may be spent, and the column of the candidates' layer that
        says what each costs.
    model
        ``cover``: most people within reach. ``all``: fewest rooms that reach everybody.
        ``backup``: most people within reach of two rooms. ``median``: least mean way.
        ``center``: shortest longest way. ``capacitated``: least mean way where no room looks
        after more than ``capacity``.
    mode
        ``straight``, ``walk``, ``ebike``, ``car``, or blank for the usual of the unit.
    keep_existing
        Whether today's rooms stay and count.
    candidates, area
        Where rooms may stand, as for `candidates_of`.
    weight
        Column of the grids that weighs them: ``residents``, ``migrants`` or ``incidents``.
    apart_m
        Least straight distance between two rooms, metres.
    capacity
        The most weight that one room looks after, today's rooms included.
    seconds, gap
        Time limit, and the relative gap that is good enough.
    """

    within: Within
    rooms: int | None = None
    budget: float | None = None
    price: str = ""
    model: Model = "cover"
    mode: str = ""
    keep_existing: bool = True
    candidates: Candidates = "auto"
    area: shapely.Geometry | None = None
    weight: str = "residents"
    apart_m: float = 0.0
    capacity: float | None = None
    seconds: float = 60.0
    gap: float = 0.0


@dataclass(frozen=True, eq=False)
class SiteProposal:
    """Where new rooms go, how good that is proven to be, and what it changes.

    Parameters
    ----------
    request
        What was asked.
    sites
        ``id, name, x, y, covers``: the candidate's feature, its position in the working
        CRS, and the weight that the new room would look after as the nearest.
    answer
        The model's objective, bound and gap, counted at points of the grids.
    before, after
        `gridmap.measure.coverage_figures` of today's rooms, and of the rooms that stay with
        the new ones: what ``gridmap coverage`` reports, by area, not by the model's points.
    covered
        The two coverages behind them.
    notes
        What was left out, one line each.
    """

    request: SiteRequest
    sites: pd.DataFrame
    answer: Siting
    before: dict[str, float]
    after: dict[str, float]
    covered: tuple[Coverage, Coverage]
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Json]:
        """Return plain values for JSON."""
        return {
            "model": self.request.model,
            "within": str(self.request.within),
            "sites": self.sites.to_dict("records"),
            "objective": self.answer.objective,
            "bound": self.answer.bound,
            "gap": self.answer.gap,
            "proven": self.answer.proven,
            "seconds": self.answer.seconds,
            "before": self.before,
            "after": self.after,
            "notes": list(self.notes),
        }


def propose_sites(city: City, request: SiteRequest) -> SiteProposal:
    """Propose where new rooms go.

    Demand stands at four points of each grid (at one where the model would be too large)
    with the grid's weight. What no candidate and no room reaches is listed in
    `SiteProposal.notes`.

    Raises
    ------
    InputError
        If the model, mode, weight or candidates are unknown, a weight is negative or all
        are zero, or neither a number nor a budget is given.
    InfeasibleError
        If the limits allow no choice.
    MissingError
        If the city lacks a layer or column that the request needs.
    """
    _check(request)
    weights = _weights(city, request.weight)
    mode, travel = travel_of(city, request.within, request.mode)
    today = places_of(city) if city.has(Kind.ROOM) else (np.empty(0, object), np.empty((0, 2)))
    kept = today if request.keep_existing else (today[0][:0], today[1][:0])
    notes: list[str] = []
    places = candidates_of(city, request.candidates, request.area, price=request.price)
    places, pairs = spaced(places, kept[1], request.apart_m, len(weights), notes)
    demand = _Demand.of(city, weights, len(places.ids), covering=request.model in _COVERING)
    reach = request.within.value if request.model in _COVERING else np.inf
    cost = demand.cost(travel, places.xy, reach, request.model)
    fixed = demand.cost(travel, kept[1], reach, request.model) if len(kept[1]) else None
    limits = Limits(
        rooms=request.rooms,
        prices=places.price if request.budget is not None else None,
        budget=request.budget,
        conflicts=pairs,
        seconds=request.seconds,
        gap=request.gap,
    )
    try:
        answer = _solve(request, cost, demand.weights, limits, fixed)
    except InfeasibleError as error:
        if error.key != "siting.error.cannot_cover":
            raise
        free = replace(limits, rooms=None, budget=None)
        needed = solve_set_cover(cost, demand.weights, reach, free, fixed_cost=fixed)
        raise InfeasibleError(
            "siting.error.not_enough",
            received=request.rooms if request.budget is None else request.budget,
            needed=needed.objective,
            rooms=len(needed.chosen),
        ) from error
    notes += _notes(city, request, answer, demand)
    new = places.take(answer.chosen)
    after_places = (np.concatenate([kept[0], new.ids]), np.vstack([kept[1], new.xy]))
    if answer.assigned is None:
        home = travel.nearest(demand.points, after_places[1]).room
        shares = np.repeat(weights / demand.samples, demand.samples)
    else:
        home, shares = _homes(answer, answer.assigned, len(places.ids), len(kept[0])), weights
    covers = np.bincount(
        home[home >= 0], weights=shares[home >= 0], minlength=len(after_places[0])
    )[len(kept[0]) :].astype(float)
    sites = pd.DataFrame(
        {
            "id": new.ids, "name": new.names, "x": new.xy[:, 0], "y": new.xy[:, 1],
            "covers": covers,
        }
    )  # fmt: skip
    covered = (
        measure_coverage(city, request.within, mode=mode, places=today),
        measure_coverage(city, request.within, mode=mode, places=after_places),
    )
    before, after = (coverage_figures(city, item, weight=request.weight) for item in covered)
    return SiteProposal(request, sites, answer, before, after, covered, tuple(notes))


def _homes(answer: Siting, assigned: Ints, candidates: int, kept: int) -> Ints:
    """Return each grid's room after siting: rooms that stay first, then the new ones.

    The model counts candidates first, then the rooms that stay.
    """
    row = np.full(candidates + kept, -1)
    row[answer.chosen] = kept + np.arange(len(answer.chosen))
    row[candidates:] = np.arange(kept)
    return np.where(assigned >= 0, row[assigned], -1)


def rooms_with(city: City, proposal: SiteProposal) -> Layer:
    """Return the city's rooms with those of a proposal: what the workspace then holds.

    The new ones are called after the place where they stand. Where today's rooms were not
    kept, the new ones take their place.
    """
    keep = proposal.request.keep_existing and city.has(Kind.ROOM)
    today = city.rooms.frame if keep else None
    taken = set() if today is None else set(today["id"])
    ids = []
    for name in proposal.sites["id"].astype(str):
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name}-{number}"
        taken.add(free)
        ids.append(free)
    names = [tr("siting.room_name", name=name or i) for name, i in
             zip(proposal.sites["name"], ids, strict=True)]  # fmt: skip
    points = shapely.points(proposal.sites[["x", "y"]].to_numpy(dtype=float))
    new = gpd.GeoDataFrame({"id": ids, "name": names}, geometry=points, crs=city.crs)
    frame = new if today is None else pd.concat([today, new], ignore_index=True)
    told = dict(city.rooms.provenance) if city.has(Kind.ROOM) else {}
    sources = told.get("sources", ())
    told["sources"] = [*(sources if isinstance(sources, list | tuple) else ()), "gridmap site"]
    return Layer(Kind.ROOM, frame, told)


@dataclass(frozen=True, eq=False)
class _Demand:
    """Where the people of each grid stand: points of it in a row, shape (n * samples, 2).

    Covering models count each point by itself, the others each grid by its points' mean way
    (the longest, for ``center``): a grid is more than one point in its middle.
    """

    points: Floats
    samples: int
    weights: Floats

    @classmethod
    def of(cls, city: City, weights: Floats, candidates: int, *, covering: bool) -> _Demand:
        shapes = city.grids.geometry
        most = _MOST_COVERED if covering else _MOST_MEANT
        if len(shapes) * _SAMPLES * max(candidates, 1) > most:
            points = shapely.get_coordinates(shapely.point_on_surface(shapes))
            return cls(points, 1, weights)
        points = sample_points(shapes, _SAMPLES).reshape(-1, 2)
        each = np.repeat(weights / _SAMPLES, _SAMPLES) if covering else weights
        return cls(points, _SAMPLES, each)

    def cost(self, travel: Travel, xy: Floats, limit: float, model: Model) -> Floats:
        table = travel.matrix(self.points, xy, limit=limit)
        if model in _COVERING or self.samples == 1:
            return table
        table = table.reshape(-1, self.samples, table.shape[1])
        reached = np.isfinite(table)
        known = np.where(reached, table, 0.0)
        count = reached.sum(axis=1)
        way = known.max(axis=1) if model == "center" else known.sum(axis=1) / np.maximum(count, 1)
        return np.where(2 * count >= self.samples, way, np.inf)

    def grids(self, rows: Ints, model: Model) -> Ints:
        return np.unique(rows // self.samples) if model in _COVERING else rows


def _check(request: SiteRequest) -> None:
    if request.model not in _MODELS:
        raise InputError("siting.error.model", received=request.model, known=", ".join(_MODELS))
    if request.model != "all" and request.rooms is None and request.budget is None:
        raise InputError("siting.error.no_limit")
    if request.model == "capacitated" and not (request.capacity or 0.0) > 0.0:
        raise InputError("siting.error.no_capacity_given")
    if request.budget is not None and not request.price:
        raise InputError("siting.error.no_prices", budget=request.budget)


_WEIGHTS = ("residents", "migrants", "incidents")


def _weights(city: City, name: str) -> Floats:
    from gridmap.measure import criterion_of
    from gridmap.measure.workload import known_criteria

    known = known_criteria(city, among=_WEIGHTS)
    if known and name in _WEIGHTS and name not in known:
        raise InputError("siting.error.no_weight", name=name, known=", ".join(known))
    weights = np.asarray(criterion_of(city, name), dtype=np.float64)
    bad = ~(weights >= 0.0)
    if bad.any():
        raise InputError(
            "measure.error.criterion_values",
            name=name,
            count=int(bad.sum()),
            ids=some_ids(city.grids.ids[bad]),
        )
    if not (weights > 0.0).any():
        raise InputError("siting.error.no_demand", count=len(weights))
    return weights


def _solve(
    request: SiteRequest, cost: Floats, weights: Floats, limits: Limits, fixed: Floats | None
) -> Siting:
    reach = request.within.value
    if request.model == "cover":
        return solve_max_cover(cost, weights, reach, limits, fixed_cost=fixed)
    if request.model == "all":
        return solve_set_cover(cost, weights, reach, limits, fixed_cost=fixed)
    if request.model == "backup":
        return solve_backup_cover(cost, weights, reach, limits, fixed_cost=fixed)
    if request.model == "median":
        return solve_median(cost, weights, limits, fixed_cost=fixed)
    if request.model == "capacitated":
        hold = request.capacity or 0.0
        held = None if fixed is None else np.full(fixed.shape[1], hold)
        return solve_capacitated_median(
            cost,
            weights,
            np.full(cost.shape[1], hold),
            limits,
            fixed_cost=fixed,
            fixed_capacity=held,
        )
    return solve_center(cost, weights, limits, fixed_cost=fixed)


def _notes(city: City, request: SiteRequest, answer: Siting, demand: _Demand) -> list[str]:
    notes = []
    if len(answer.unserved):
        lost = city.grids.ids[demand.grids(answer.unserved, request.model)]
        notes.append(
            tr(
                "siting.note.unserved",
                count=len(lost),
                ids=some_ids(lost),
                weight=float(demand.weights[answer.unserved].sum()),
                noun=tr(f"field.{request.weight}").lower(),
            )
        )
    if answer.gap > max(request.gap, 1e-9):
        notes.append(tr("siting.note.gap", gap=100.0 * answer.gap, seconds=request.seconds))
    chosen = len(answer.chosen)
    if request.rooms is not None and request.model != "all" and chosen < request.rooms:
        notes.append(tr("siting.note.fewer", rooms=request.rooms, count=chosen))
    notes.append(tr("siting.note.points", samples=demand.samples))
    return notes


# -- places where a room may stand, and which of them are too near one another


Candidates = Literal["auto", "community", "facility", "grid", "area"]

_SOURCES = ("auto", "community", "facility", "grid", "area")
_SPOTS = 200  # in a drawn area
_MOST_CANDIDATES = 3000
_MOST_PAIRS = 60_000_000  # of demands and candidates: half a gigabyte of costs


class Places(NamedTuple):
    """Candidates: ids and names, positions in metres (m, 2), and what each costs (m,)."""

    ids: Texts
    names: Texts
    xy: Floats
    price: Floats

    def take(self, rows: Ints | Bools) -> Places:
        """Return some of the places."""
        return Places(self.ids[rows], self.names[rows], self.xy[rows], self.price[rows])


def candidates_of(
    city: City,
    source: Candidates = "auto",
    area: shapely.Geometry | None = None,
    *,
    price: str = "",
) -> Places:
    """Return the places where a room may stand.

    Parameters
    ----------
    city
        The city.
    source
        ``community`` centres, ``facility`` positions, ``grid`` centres, ``area`` for spots
        spread evenly over the drawn area, or ``auto``: the first of communities, facilities
        and grids that the city has. A centre is a point inside, wherever the middle lies.
    area
        A drawn area in the working CRS that the places must lie in.
    price
        Column of the source's layer that says what each place costs; 1 each if blank.

    Raises
    ------
    InputError
        If the source is unknown, no place lies in the area, a price is not positive, or
        prices are asked of spots in an area.
    MissingError
        If the city has no layer of that kind, or the layer no such column.
    """
    if source not in _SOURCES or (source == "area" and area is None):
        raise InputError("siting.error.candidates", received=source, known=", ".join(_SOURCES))
    if source == "area":
        if price:
            raise InputError("siting.error.area_price", received=price)
        xy = np.unique(sample_points(np.array([area], dtype=object), _SPOTS)[0], axis=0)
        ids = np.array([str(number) for number in range(1, len(xy) + 1)], dtype=object)
        names = np.array([tr("siting.spot", number=name) for name in ids], dtype=object)
        return Places(ids, names, xy, np.ones(len(xy)))
    kinds = [kind for kind in (Kind.COMMUNITY, Kind.FACILITY, Kind.GRID) if city.has(kind)]
    kind = (kinds or [Kind.GRID])[0] if source == "auto" else Kind(source)
    layer = city.layer(kind)
    xy = shapely.get_coordinates(shapely.point_on_surface(layer.geometry))
    places = Places(layer.ids, layer.names, xy, _prices(layer, price))
    if area is not None:
        places = places.take(np.asarray(shapely.intersects_xy(area, xy[:, 0], xy[:, 1])))
    if len(places.ids) == 0:
        raise InputError("siting.error.no_candidates", kind=str(kind), count=len(xy))
    return places


def spaced(
    places: Places, rooms_xy: Floats, apart_m: float, demands: int, notes: list[str]
) -> tuple[Places, Ints]:
    """Return the candidates far enough from rooms that stay, and pairs too near each other.

    Parameters
    ----------
    places
        The candidates.
    rooms_xy
        Rooms that stay, shape (f, 2).
    apart_m
        Least straight distance between two rooms, metres; 0 for none.
    demands
        How many demands there are: where the table of costs would be too large, candidates
        are thinned.
    notes
        What was left out is added here.

    Raises
    ------
    InfeasibleError
        If every candidate is too near a room that stays.
    """
    if apart_m > 0.0 and len(rooms_xy):
        free = scipy.spatial.cKDTree(rooms_xy).query(places.xy)[0] >= apart_m
        if not free.any():
            raise InfeasibleError("siting.error.all_near", count=len(free), apart=apart_m)
        if not free.all():
            notes.append(tr("siting.note.near", count=int((~free).sum()), apart=apart_m))
        places = places.take(free)
    most = int(np.clip(_MOST_PAIRS // max(demands, 1), 100, _MOST_CANDIDATES))
    if len(places.ids) > most:
        step = np.linspace(0, len(places.ids) - 1, most).astype(np.int64)
        notes.append(tr("siting.note.thinned", count=len(places.ids), kept=most))
        places = places.take(step)
    pairs = np.empty((0, 2), dtype=np.int64)
    if apart_m > 0.0:
        # The tree counts a distance of exactly the limit as near: such rooms are allowed.
        limit = float(np.nextafter(apart_m, 0.0))
        pairs = (
            scipy.spatial.cKDTree(places.xy)
            .query_pairs(limit, output_type="ndarray")
            .astype(np.int64)
        )
    return places, pairs


def _prices(layer: Layer, column: str) -> Floats:
    if not column:
        return np.ones(len(layer))
    if not layer.has(column):
        known = ", ".join(str(name) for name in layer.frame.columns if name != "geometry")
        raise MissingError(
            "siting.error.price_column", received=column, kind=str(layer.kind), known=known
        )
    price = pd.to_numeric(layer.frame[column], errors="coerce").to_numpy(dtype=float)
    wrong = ~(np.isfinite(price) & (price > 0.0))
    if wrong.any():
        raise InputError(
            "siting.error.price_value",
            count=int(wrong.sum()),
            column=column,
            ids=some_ids(layer.ids[wrong]),
        )
    return price
