"""New rooms for a city: candidates, model, and coverage before and after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from gridmap.errors import InfeasibleError, InputError, some_ids
from gridmap.i18n import tr
from gridmap.measure.coverage import Within, places_of, travel_of
from gridmap.model import City, Kind
from gridmap.siting.answer import Limits, Siting
from gridmap.siting.center import solve_center
from gridmap.siting.cover import solve_backup_cover, solve_max_cover, solve_set_cover
from gridmap.siting.median import solve_median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["Candidates", "Model", "SiteProposal", "SiteRequest", "candidates_of", "propose_sites"]

Model = Literal["cover", "all", "backup", "median", "center"]
Candidates = Literal["auto", "community", "facility", "grid"]

_MODELS = ("cover", "all", "backup", "median", "center")
_SOURCES = ("auto", "community", "facility", "grid")
_MOST_CANDIDATES = 2000


@dataclass(frozen=True, slots=True)
class SiteRequest:
    """What is asked of a siting proposal.

    Parameters
    ----------
    within
        Distance or time that counts as covered; also the unit of ``median`` and ``center``.
    rooms
        How many new rooms; not needed by the model ``all``, where it is a ceiling.
    model
        ``cover``: most people within reach. ``all``: fewest rooms that reach everybody.
        ``backup``: most people within reach of two rooms. ``median``: least mean way.
        ``center``: shortest longest way.
    mode
        ``straight``, ``walk``, ``ebike``, ``car``, or blank for the usual of the unit.
    keep_existing
        Whether today's rooms stay and count.
    candidates
        ``community`` centres, ``facility`` positions, ``grid`` centres, or ``auto``: the first
        of these that the city has.
    area
        A drawn area that the candidates must lie in.
    weight
        Column of the grids that weighs them: ``residents``, ``migrants`` or ``incidents``.
    apart_m
        Least straight distance between two rooms, metres.
    seconds, gap
        Time limit, and the relative gap that is good enough.
    """

    within: Within
    rooms: int | None = None
    model: Model = "cover"
    mode: str = ""
    keep_existing: bool = True
    candidates: Candidates = "auto"
    area: shapely.Geometry | None = None
    weight: str = "residents"
    apart_m: float = 0.0
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
        ``id, name, x, y, covers``: the candidate's feature and the weight that the new room
        would be the nearest to.
    answer
        The model's objective, bound and gap.
    before, after
        Shares covered once and twice, and mean, 95 % and longest way, weighted, of grid
        centres that can be reached.
    notes
        What was left out, one line each.
    """

    request: SiteRequest
    sites: pd.DataFrame
    answer: Siting
    before: dict[str, float]
    after: dict[str, float]
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
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


def candidates_of(
    city: City, source: Candidates = "auto", area: shapely.Geometry | None = None
) -> tuple[NDArray[np.object_], NDArray[np.object_], Floats]:
    """Return ids, names and positions of places where a room may go.

    Raises
    ------
    InputError
        If the source is unknown, or no candidate lies in the area.
    MissingError
        If the city has no layer of that kind.
    """
    if source not in _SOURCES:
        raise InputError("siting.error.candidates", received=source, known=", ".join(_SOURCES))
    kinds = [kind for kind in (Kind.COMMUNITY, Kind.FACILITY, Kind.GRID) if city.has(kind)]
    kind = (kinds or [Kind.GRID])[0] if source == "auto" else Kind(source)
    layer = city.layer(kind)
    xy = shapely.get_coordinates(shapely.point_on_surface(layer.geometry))
    inside = np.ones(len(xy), dtype=bool)
    if area is not None:
        inside = np.asarray(shapely.intersects_xy(area, xy[:, 0], xy[:, 1]))
    if not inside.any():
        raise InputError("siting.error.no_candidates", kind=str(kind), count=len(xy))
    return layer.ids[inside], layer.names[inside], xy[inside]


def propose_sites(city: City, request: SiteRequest) -> SiteProposal:
    """Propose where new rooms go.

    Demand stands at a point inside each grid with the grid's weight. What no candidate and
    no room reaches is listed in `SiteProposal.notes`.

    Raises
    ------
    InputError
        If the model, mode, weight or candidates are unknown, or all weights are zero.
    InfeasibleError
        If the limits allow no choice.
    MissingError
        If the city lacks a layer that the request needs.
    """
    if request.model not in _MODELS:
        raise InputError("siting.error.model", received=request.model, known=", ".join(_MODELS))
    if request.model != "all" and request.rooms is None:
        raise InputError("siting.error.no_limit")
    weights = _weights(city, request.weight)
    _, travel = travel_of(city, request.within, request.mode)
    ids, names, xy = candidates_of(city, request.candidates, request.area)
    rooms = places_of(city)[1] if request.keep_existing and city.has(Kind.ROOM) else None
    notes: list[str] = []
    ids, names, xy, pairs = _spaced(ids, names, xy, rooms, request, notes)
    demand = shapely.get_coordinates(shapely.point_on_surface(city.grids.geometry))
    cost = travel.matrix(demand, xy)
    fixed = travel.matrix(demand, rooms) if rooms is not None and len(rooms) else None
    limits = Limits(rooms=request.rooms, conflicts=pairs, seconds=request.seconds, gap=request.gap)
    answer = _solve(request, cost, weights, limits, fixed)
    if len(answer.unserved):
        lost = city.grids.ids[answer.unserved]
        notes.append(
            tr(
                "siting.note.unserved",
                count=len(lost),
                ids=some_ids(lost),
                weight=float(weights[answer.unserved].sum()),
            )
        )
    if answer.gap > max(request.gap, 1e-9):
        notes.append(tr("siting.note.gap", gap=100.0 * answer.gap, seconds=request.seconds))
    held = np.empty((len(demand), 0)) if fixed is None else fixed
    today = held
    if not request.keep_existing and city.has(Kind.ROOM):
        today = travel.matrix(demand, city.room_xy)
    new = cost[:, answer.chosen]
    after = np.column_stack([held, new])
    nearest = np.where(
        np.isfinite(after).any(axis=1), after.argmin(axis=1) if after.shape[1] else 0, -1
    )
    covers = [
        float(weights[nearest == held.shape[1] + k].sum()) for k in range(len(answer.chosen))
    ]
    sites = pd.DataFrame(
        {
            "id": ids[answer.chosen],
            "name": names[answer.chosen],
            "x": xy[answer.chosen, 0],
            "y": xy[answer.chosen, 1],
            "covers": covers,
        }
    )
    unit, value = request.within.unit, request.within.value
    return SiteProposal(
        request,
        sites,
        answer,
        _state(today, weights, value, unit),
        _state(after, weights, value, unit),
        tuple(notes),
    )


def _weights(city: City, name: str) -> Floats:
    from gridmap.measure import criterion_of

    weights = np.asarray(criterion_of(city, name), dtype=np.float64)
    if not (weights > 0.0).any():
        raise InputError("siting.error.no_demand", count=len(weights))
    return weights


def _spaced(
    ids: NDArray[np.object_],
    names: NDArray[np.object_],
    xy: Floats,
    rooms: Floats | None,
    request: SiteRequest,
    notes: list[str],
) -> tuple[NDArray[np.object_], NDArray[np.object_], Floats, NDArray[np.int64]]:
    """Return the candidates far enough from rooms that stay, and pairs too near each other."""
    if len(xy) > _MOST_CANDIDATES:
        step = np.linspace(0, len(xy) - 1, _MOST_CANDIDATES).astype(np.int64)
        notes.append(tr("siting.note.thinned", count=len(xy), kept=len(step)))
        ids, names, xy = ids[step], names[step], xy[step]
    if request.apart_m > 0.0 and rooms is not None and len(rooms):
        free = cKDTree(rooms).query(xy)[0] >= request.apart_m
        if not free.any():
            raise InfeasibleError("siting.error.all_near", count=len(xy), apart=request.apart_m)
        if not free.all():
            notes.append(tr("siting.note.near", count=int((~free).sum()), apart=request.apart_m))
        ids, names, xy = ids[free], names[free], xy[free]
    pairs = np.empty((0, 2), dtype=np.int64)
    if request.apart_m > 0.0:
        # The tree counts a distance of exactly the limit as near: such rooms are allowed.
        limit = float(np.nextafter(request.apart_m, 0.0))
        pairs = cKDTree(xy).query_pairs(limit, output_type="ndarray").astype(np.int64)
    return ids, names, xy, pairs


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
    return solve_center(cost, weights, limits, fixed_cost=fixed)


def _state(cost: Floats, weights: Floats, reach: float, unit: str) -> dict[str, float]:
    """Return what a set of rooms achieves for the demand points."""
    total = weights.sum()
    near = (cost <= reach).sum(axis=1)
    nearest = cost.min(axis=1, initial=np.inf)
    reached = np.isfinite(nearest) & (weights > 0.0)
    value, heavy = nearest[reached], weights[reached]
    state = {
        "covered": float(weights[near >= 1].sum()),
        "covered_share": float(weights[near >= 1].sum() / total),
        "backup_share": float(weights[near >= 2].sum() / total),
        "unreached_share": float(1.0 - heavy.sum() / total),
    }
    if len(value) == 0:
        return state | {f"{name}_{unit}": np.nan for name in ("mean", "p95", "longest")}
    order = np.argsort(value)
    upto = np.cumsum(heavy[order])
    return state | {
        f"mean_{unit}": float(value @ heavy / heavy.sum()),
        f"p95_{unit}": float(value[order][np.searchsorted(upto, 0.95 * upto[-1])]),
        f"longest_{unit}": float(value.max()),
    }
