"""Coverage as tables and shapes: by grid, beat, station or city, by room, and by hour."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.measure.counted import is_missing, missing_counts, ratio
from gridmap.measure.coverage import Coverage, Within, covered_residents, places_of, travel_of
from gridmap.measure.pieces import Areas, By, areas_of, pieces_of
from gridmap.measure.workload import criterion_of
from gridmap.model import AREA_KINDS
from gridmap.travel import StraightLine, isochrone, ring
from gridmap.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from gridmap.measure.crosswalk import Control
    from gridmap.model import City, Plan


_DRAWN_CELLS = 600  # across the city: an isochrone's outline is true to about one of these
_MINUTES = r"(?:[:时点](?:(\d{1,2})分?|(半))?)"
# The first clock may leave its mark to the second: 8-20时.
_SPANS = re.compile(
    rf"(?<!\d)(\d{{1,2}}){_MINUTES}?\s*[-~—–―至到]+\s*(?:次日|第二天|翌日)?\s*(\d{{1,2}}){_MINUTES}"
)


def coverage_table(
    city: City,
    coverage: Coverage,
    *,
    by: By = "city",
    plan: Plan | None = None,
    control: Control | None = None,
) -> pd.DataFrame:
    """Return who is covered in each row, and how far the nearest room is.

    Parameters
    ----------
    city, coverage
        A city and its coverage.
    by
        ``grid``, ``beat``, ``station``, ``community`` or ``city``.
    plan
        Whose beats make the rows; today's if None.
    control
        Where in their grids people live, as in `summarise`; evenly over the ground if None.

    Returns
    -------
    DataFrame
        ``id, name``; for residents, migrants and incidents the total, those covered, the
        share covered and the share with backup (NaN where there are none, or nobody counted
        them); ``mean_m`` and
        ``p95_m`` (or ``_min``), weighted by residents over the points that can be reached,
        by ground where there are none; ``unreached_share`` of the points that cannot.

    Raises
    ------
    MissingError
        If the city has nothing to make the rows of.
    """
    grids = city.grids
    areas = areas_of(city, by, plan)
    pieces = pieces_of(areas, grids, control)
    reach = coverage.of_pieces(city, pieces)
    columns: dict[str, NDArray[np.generic]] = {"id": areas.ids, "name": areas.names}
    for name in ("residents", "migrants"):
        people = pieces.amounts(grids.counts(name))
        columns |= _totals(
            name, *(pieces.sum_rows(people * part) for part in (1.0, reach.share, reach.backup))
        )
    incidents = _located_incidents(coverage, areas)
    if incidents is None:  # counts of grids without points are shared out like residents
        counts = pieces.amounts(grids.counts("incidents"))
        incidents = tuple(
            pieces.sum_rows(counts * part) for part in (1.0, reach.share, reach.backup)
        )
    columns |= _totals("incidents", *incidents)
    # A row without residents weighs its ground.
    residents = pieces.amounts(grids.counts("residents"))
    lived_in = pieces.sum_rows(residents) > 0.0
    weight = np.where(lived_in[pieces.row], residents, pieces.area_m2)[reach.piece] * reach.weight
    mean, p95, unreached = _spread(pieces.row[reach.piece], reach.cost, weight, len(areas.ids))
    unit = coverage.within.unit
    columns |= {f"mean_{unit}": mean, f"p95_{unit}": p95, "unreached_share": unreached}
    return _only_counted(city, pd.DataFrame(columns))


def coverage_figures(
    city: City, coverage: Coverage, *, weight: str = "residents"
) -> dict[str, float]:
    """Return the whole city's coverage by one weight.

    Parameters
    ----------
    city, coverage
        A city and its coverage.
    weight
        ``residents``, ``migrants``, ``incidents`` or another criterion of `criterion_of`.

    Returns
    -------
    dict
        ``covered`` and its share, ``backup_share``, ``unreached_share`` of the points that
        no room reaches, and the weighted ``mean``, the ``p95`` (95 %) and the ``longest``
        cost of the others with the unit behind an underscore (``mean_m``, ``mean_min``).
    """
    by_place = weight == "incidents"
    weights = coverage.incidents if by_place else criterion_of(city, weight)
    if by_place:
        covered = float(coverage.incidents_covered.sum())
        backup = float(coverage.incidents_backup.sum())
    else:
        covered, backup = float(weights @ coverage.share), float(weights @ coverage.backup)
    each = weights if weights.sum() > 0.0 else np.ones(len(weights))
    samples = coverage.cost.shape[1]
    spread = np.repeat(each / samples, samples)
    mean, p95, unreached = _spread(
        np.zeros(len(spread), dtype=np.int64), coverage.cost.ravel(), spread, 1
    )
    unit, total = coverage.within.unit, float(weights.sum())
    counted = coverage.cost[weights > 0.0]
    counted = counted[np.isfinite(counted)]
    return {
        "covered": covered,
        "covered_share": float(ratio(covered, total)),
        "backup_share": float(ratio(backup, total)),
        "unreached_share": float(unreached[0]),
        f"mean_{unit}": float(mean[0]),
        f"p95_{unit}": float(p95[0]),
        f"longest_{unit}": float(counted.max()) if len(counted) else np.nan,
    }


def room_table(city: City, coverage: Coverage) -> pd.DataFrame:
    """Return each room's people: those for whom it is the nearest.

    Returns
    -------
    DataFrame
        ``id, name, residents, incidents, officers, auxiliaries, residents_per_officer,
        residents_per_staff`` and the mean cost of its people; NaN for a room without staff,
        and for staff that nobody counted.
    """
    rooms = city.rooms
    m, samples = len(rooms), coverage.cost.shape[1]
    held = coverage.place >= 0
    place = coverage.place[held]

    def served(per_grid: Floats) -> Floats:
        spread = np.repeat(per_grid[:, None] / samples, samples, axis=1)[held]
        return np.bincount(place, weights=spread, minlength=m).astype(np.float64)

    residents, incidents = served(city.grids.counts("residents")), served(coverage.incidents)
    weight = np.repeat(city.grids.counts("residents")[:, None] / samples, samples, axis=1)
    far = np.bincount(
        place, weights=(weight * np.where(held, coverage.cost, 0.0))[held], minlength=m
    ).astype(np.float64)
    staff = ("officers", "auxiliaries")
    known = {name: rooms.counts(name) if rooms.is_counted(name) else np.full(m, np.nan)
            for name in staff}  # fmt: skip
    everybody = np.nansum(list(known.values()), axis=0)
    table = pd.DataFrame(
        {
            "id": rooms.ids,
            "name": rooms.names,
            "residents": residents,
            "incidents": incidents,
            **known,
            "residents_per_officer": ratio(residents, known["officers"]),
            "residents_per_staff": ratio(residents, everybody),
            f"mean_{coverage.within.unit}": ratio(far, residents),
        }
    )
    return _only_counted(city, table)


def worst_grids(city: City, coverage: Coverage, *, count: int = 10) -> pd.DataFrame:
    """Return the grids with most residents out of reach.

    Where the grids know no residents, incidents stand in for them.

    Returns
    -------
    DataFrame
        ``id, name``, ``residents`` or ``incidents``, ``outside`` of them,
        ``covered_residents_share`` or ``covered_incidents_share``, and the mean cost of the
        grid's points.
    """
    grids = city.grids
    name, total = "residents", grids.counts("residents")
    outside = total * (1.0 - coverage.share)
    if not total.any():
        name, total = "incidents", coverage.incidents
        outside = total - coverage.incidents_covered
    rows = np.argsort(-outside, kind="stable")[:count]
    rows = rows[outside[rows] > 0.0]
    return pd.DataFrame(
        {
            "id": grids.ids[rows],
            "name": grids.names[rows],
            name: total[rows],
            "outside": outside[rows],
            f"covered_{name}_share": 1.0 - outside[rows] / total[rows],
            f"mean_{coverage.within.unit}": coverage.grid_cost[rows],
        }
    )


def open_hours(text: str) -> Bools:
    """Return in which of the 24 hours a room is staffed; all of them if the text is blank.

    An hour counts when the room is open at its beginning. ``08:00-20:00``, ``8时-20时``,
    ``8:30至次日7:30`` and ``20:00-08:00`` (over midnight) are understood, several with commas or
    semicolons; text that is not understood counts as blank.

    Examples
    --------
    >>> open_hours("22:00-06:00").nonzero()[0].tolist()
    [0, 1, 2, 3, 4, 5, 22, 23]
    >>> int(open_hours("8点-20点").sum())
    12
    """
    plain = unicodedata.normalize("NFKC", text)
    hour = np.arange(24) * 60
    staffed = np.zeros(24, dtype=bool)
    found = False
    for h0, m0, half_0, h1, m1, half_1 in _SPANS.findall(plain):
        begin = int(h0) * 60 + (30 if half_0 else int(m0 or 0))
        end = int(h1) * 60 + (30 if half_1 else int(m1 or 0))
        if max(begin, end) > 24 * 60:
            continue
        within = (hour >= begin) & (hour < end)
        staffed |= within if begin < end else (hour >= begin) | (hour < end)
        found = True
    return staffed if found else np.ones(24, dtype=bool)


def coverage_by_hour(city: City, within: Within, *, mode: str = "") -> pd.DataFrame:
    """Return residents covered in each hour by the rooms that are staffed then.

    Returns
    -------
    DataFrame
        ``hour`` 0 to 23, ``rooms`` staffed, ``covered_residents``, their share, and
        ``officers`` on duty; hours with the same rooms are measured once.

    Raises
    ------
    MissingError
        If the city has no rooms, or no roads where they are needed.
    """
    _, xy = places_of(city)
    _, travel = travel_of(city, within, mode)
    hours = [open_hours(text) for text in city.rooms.texts("hours")]
    staffed = np.array(hours, dtype=bool).reshape(-1, 24)
    officers, residents = city.rooms.counts("officers"), city.grids.counts("residents")
    counted = city.rooms.is_counted("officers")
    known: dict[bytes, float] = {}
    rows = []
    for hour in range(24):
        on = staffed[:, hour]
        if on.tobytes() not in known:
            known[on.tobytes()] = covered_residents(city, within, travel, xy[on])
        covered = known[on.tobytes()]
        rows.append(
            {
                "hour": hour,
                "rooms": int(on.sum()),
                "officers": float(officers[on].sum()) if counted else np.nan,
                "covered_residents": covered,
                "covered_residents_share": float(ratio(covered, residents.sum())),
            }
        )
    return _only_counted(city, pd.DataFrame(rows))


def reach_shape(city: City, coverage: Coverage) -> shapely.Geometry:
    """Return the ground within reach of any place: rings, or isochrones along roads.

    Only ground inside the city's grids counts. It is for maps and files; figures are
    measured grid by grid (`measure_coverage`).

    Parameters
    ----------
    city, coverage
        A city and its coverage.
    """
    # The outline of overlapping or broken grids is repaired here alone, for drawing.
    outline = shapely.union_all(shapely.make_valid(city.grids.geometry))
    _, travel = travel_of(city, coverage.within, coverage.mode)
    limit = coverage.within.value
    if isinstance(travel, StraightLine):
        return ring(coverage.place_xy, travel.metres_of(limit), clip=outline)
    left, low, right, high = outline.bounds
    cell_m = max(25.0, max(right - left, high - low) / _DRAWN_CELLS)
    return isochrone(travel, coverage.place_xy, limit, clip=outline, cell_m=cell_m)


def reach_frame(city: City, coverages: Iterable[Coverage]) -> gpd.GeoDataFrame:
    """Return the ground within reach as one feature for each coverage.

    Parameters
    ----------
    city
        The city.
    coverages
        As `measure_coverage` makes them: several limits, modes or networks.

    Returns
    -------
    GeoDataFrame
        ``within, mode, network, places, area_km2, covered_residents, covered_residents_share`` and
        the geometry, in the city's CRS. The covered residents are those that `coverage_table`
        gives for the whole city.
    """
    rows, shapes = [], []
    for coverage in coverages:
        shape = reach_shape(city, coverage)
        whole = coverage_table(city, coverage).iloc[0]
        rows.append(
            {
                "within": str(coverage.within),
                "mode": coverage.mode,
                "network": coverage.network,
                "places": len(coverage.place_ids),
                "area_km2": shape.area / 1e6,
                "covered_residents": float(whole["covered_residents"]),
                "covered_residents_share": float(whole["covered_residents_share"]),
            }
        )
        shapes.append(shape)
    return gpd.GeoDataFrame(rows, geometry=np.array(shapes, dtype=object), crs=city.crs)


def _only_counted(city: City, table: pd.DataFrame) -> pd.DataFrame:
    """Put NaN for what nobody counted."""
    missing = missing_counts(city)
    table[[name for name in table.columns if is_missing(name, missing)]] = np.nan
    return table


def _located_incidents(coverage: Coverage, areas: Areas) -> tuple[Floats, ...] | None:
    """Return each row's incidents and those within reach of one room and two, as they lie."""
    if not len(coverage.incident_rows):
        return None
    located = coverage.incident_rows[:, AREA_KINDS.index(areas.located_by)]
    row = areas.rows_of(located)
    held = row >= 0
    return tuple(
        np.bincount(row[held], weights=column[held], minlength=len(areas.ids)).astype(np.float64)
        for column in coverage.incident_counts.T
    )


def _totals(name: str, total: Floats, covered: Floats, backup: Floats) -> dict[str, Floats]:
    return {
        name: total,
        f"covered_{name}": covered,
        f"covered_{name}_share": ratio(covered, total),
        f"backup_{name}_share": ratio(backup, total),
    }


def _spread(row: Ints, cost: Floats, weight: Floats, rows: int) -> tuple[Floats, Floats, Floats]:
    """Return weighted mean, 95 % quantile and the share unreached of each row's points."""
    reached = np.isfinite(cost)
    total = np.bincount(row, weights=weight, minlength=rows)
    lost = np.bincount(row[~reached], weights=weight[~reached], minlength=rows)
    counted = np.flatnonzero(reached & (weight > 0.0))
    order = counted[np.lexsort((cost[counted], row[counted]))]
    row, cost, weight = row[order], cost[order], weight[order]
    held = np.bincount(row, weights=weight, minlength=rows)
    mean = ratio(np.bincount(row, weights=weight * cost, minlength=rows), held)
    p95 = np.full(rows, np.nan)
    starts = np.searchsorted(row, np.arange(rows + 1))
    for each in np.flatnonzero(held > 0.0):
        some = slice(starts[each], starts[each + 1])
        upto = np.cumsum(weight[some])
        p95[each] = cost[some][np.searchsorted(upto, 0.95 * upto[-1])]
    return mean, p95, np.where(total > 0.0, lost / np.where(total > 0.0, total, 1.0), 0.0)
