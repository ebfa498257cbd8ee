"""Tables and shapes by area: what each grid, beat, station or community carries, and coverage.

Coverage is also told by room and by hour.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridmap.errors import InputError
from gridmap.fields import Json
from gridmap.measure.counted import COUNTS, is_missing, missing_counts, moments_in, ratio
from gridmap.measure.counting import count_incidents_by
from gridmap.measure.coverage import Coverage, Within, covered_residents, places_of, travel_of
from gridmap.measure.crosswalk import Control, Crosswalk, alignment, require_conserved
from gridmap.measure.disc_areas import covered_share
from gridmap.measure.period import Moment
from gridmap.measure.pieces import Areas, By, Pieces, areas_of, people_layer, pieces_of
from gridmap.measure.workload import criterion_of
from gridmap.model import AREA_KINDS, City, Kind, Layer, Plan
from gridmap.travel import StraightLine, isochrone, ring
from gridmap.typing import Bools, Floats, Ints

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from gridmap.measure.crosswalk import Control
    from gridmap.model import City, Plan

#: A grid is split when two rows or more hold over this share of its ground each: borders
#: of two sources differ by slivers that cut nothing.
SLIVER_SHARE = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class MeasureTable:
    """What each row carries, what all carry, and what lies in no row.

    Attributes
    ----------
    by
        What a row is.
    rows
        ``id, name, area_km2, residents, migrants, households, incidents,
        residents_per_km2, incidents_per_km2, incidents_per_1000_residents,
        covered_residents_share``, in the order of the layer or plan. A rate without a
        denominator is NaN, and so is the covered share of a city without rooms.
    totals
        The same of the whole city. ``rows.sum() + unassigned`` is ``totals`` for area and
        counts, to 1e-9.
    unassigned
        Area, counts and incidents that lie in no row: grids outside every row, and
        incidents outside every polygon.
    split_grids
        How many grids lie in more than one row (pieces above `SLIVER_SHARE`).
    whole_share
        Share of the residents of rows who live in grids that lie whole in one (`alignment`);
        NaN where rows have none, or are grids or the city.
    missing
        Counts that nobody made (`missing_counts`); they and what is made of them are NaN.
    """

    by: By
    rows: pd.DataFrame
    totals: dict[str, float]
    unassigned: dict[str, float]
    split_grids: int
    whole_share: float
    missing: tuple[str, ...]

    def to_dict(self) -> dict[str, Json]:
        """Return plain values for JSON: NaN becomes None."""
        return {
            "by": self.by,
            "rows": [_plain(row) for row in self.rows.to_dict("records")],
            "totals": _plain(self.totals),
            "unassigned": _plain(self.unassigned),
            "split_grids": self.split_grids,
            "whole_share": _plain({"share": self.whole_share})["share"],
            "missing": list(self.missing),
        }


def summarise(
    city: City,
    *,
    by: By,
    since: Moment = None,
    until: Moment = None,
    plan: Plan | None = None,
    control: Control | None = None,
) -> MeasureTable:
    """Measure a city by grid, beat, station or community, or as one.

    Counts of grids that a row's border cuts are divided by area (`crosswalk`); grids
    that belong to rows by a plan or a column of their own belong whole. Incidents are
    counted where they happened, a point on a border to the first polygon; where a city has
    no incident points, the grids' own counts are shared out like residents. Residents are
    taken as spread evenly over a grid, so the covered share of a row is
    ``sum_p residents_p * covered_p / sum_p residents_p`` over its pieces of grids, with
    ``residents_p = residents_i * area_p / area_i`` and ``covered_p`` the share of the piece's
    own ground within the preset radius of a room. With a control layer, the pieces of a grid
    share its people by the control inside them instead (`dasymetric`); areas and incidents that
    have places stay as they are.

    Parameters
    ----------
    city
        The city; needs grids, or for the other rows at least their polygons.
    by
        What a row is. Beats are those of the plan, else of the beat layer, else the
        grids' own beat column; stations and communities likewise.
    since, until
        Count incidents with ``since <= time < until`` only.
    plan
        Plan to measure; its beats, and their stations, stand in for the city's own.
    control
        Where in their grids people live; evenly over the ground if None.

    Raises
    ------
    MissingError
        If the city has nothing to make the rows of.
    InputError
        If a period is asked of counts that have no times, or the plan is another city's.
    """
    rows = areas_of(city, by, plan)
    people = people_layer(city)
    pieces = None if people is None else pieces_of(rows, people, control)
    table = None if pieces is None else pieces.table
    ground = None if people is None else pieces_of(rows, people).table
    known = {} if people is None else {name: people.counts(name) for name in COUNTS}
    moved = {} if table is None else {name: table.transfer(known[name]) for name in known}
    none = np.zeros(len(rows.ids))
    columns: dict[str, Any] = {"id": rows.ids, "name": rows.names, "area_km2": rows.area_m2 / 1e6}
    columns |= {name: moved[name].by_target if name in moved else none for name in COUNTS}
    incidents, outside = _incidents(city, rows, table, since=since, until=until)
    columns["incidents"] = incidents
    frame = pd.DataFrame(columns)
    unassigned = {
        "area_km2": 0.0
        if ground is None
        else float(ground.unassigned_share @ ground.source_area_m2) / 1e6,
        **{name: moved[name].unassigned if name in moved else 0.0 for name in COUNTS},
        "incidents": outside,
    }
    totals = {name: float(frame[name].sum()) + unassigned[name] for name in unassigned}
    for name, values in known.items():
        require_conserved(float(values.sum()), totals[name])
        totals[name] = float(values.sum())
    covered, covered_all = _covered(city, people, pieces)
    frame = _with_rates(frame, covered)
    sums = _with_rates(pd.DataFrame([totals]), covered_all).iloc[0]
    missing = missing_counts(city)
    unknown = [name for name in frame.columns if is_missing(name, missing)]
    frame[unknown] = np.nan
    whole = math.nan
    if table is not None and by not in {"grid", "city"} and "residents" not in missing:
        whole = alignment(table, known["residents"], sliver_share=SLIVER_SHARE).city
    return MeasureTable(
        by=by,
        rows=frame,
        totals={str(n): np.nan if n in unknown else float(value) for n, value in sums.items()},
        unassigned={n: np.nan if n in unknown else value for n, value in unassigned.items()},
        split_grids=_split(ground, by),
        whole_share=whole,
        missing=missing,
    )


def membership_of(city: City, *, by: By, plan: Plan | None = None) -> Crosswalk | None:
    """Return which share of each of `people_layer`'s rows `summarise` puts into each of its own.

    None where the city has neither grids nor communities.

    Raises
    ------
    MissingError, InputError
        As in `summarise`.
    """
    people = people_layer(city)
    return None if people is None else pieces_of(areas_of(city, by, plan), people).table


def _incidents(
    city: City, rows: Areas, table: Crosswalk | None, *, since: Moment, until: Moment
) -> tuple[Floats, float]:
    """Return the incidents of each row, and those in no row."""
    if city.incidents is None:
        grids = city.get(Kind.GRID)
        if grids is None or not grids.has("incidents") or table is None:
            return np.zeros(len(rows.ids)), 0.0
        if since is not None or until is not None:
            raise InputError("measure.error.counts_have_no_times", city=city.label)
        return table.transfer(grids.counts("incidents"))
    inside, outside = count_incidents_by(city, rows.located_by, since=since, until=until)
    if rows.row_of_grid is not None:
        held = rows.row_of_grid >= 0
        total = outside + inside.sum()
        inside = np.bincount(
            rows.row_of_grid[held], weights=inside[held], minlength=len(rows.ids)
        ).astype(float)
        outside = total - inside.sum()
    return inside, float(outside)


# The same for each table of a city; a city never changes.
_COVERED: WeakKeyDictionary[City, Floats] = WeakKeyDictionary()


def _covered(
    city: City, people: Layer | None, pieces: Pieces | None
) -> tuple[Floats | float, float]:
    """Return the share of residents within reach of a room, by row and of all."""
    if people is None or pieces is None or not city.has(Kind.ROOM):
        return np.nan, np.nan
    radius_m, residents = city.presets.room_radius_m, people.counts("residents")
    of_grids = _COVERED.get(city)
    if of_grids is None:
        of_grids = covered_share(people.geometry, city.room_xy, radius_m=radius_m)
        of_grids.flags.writeable = False
        _COVERED[city] = of_grids
    of_pieces = pieces.covered_share(of_grids, city.room_xy, radius_m=radius_m)
    amounts = pieces.amounts(residents)
    return (
        ratio(pieces.sum_rows(amounts * of_pieces), pieces.sum_rows(amounts)),
        float(ratio(residents @ of_grids, residents.sum())),
    )


def _with_rates(frame: pd.DataFrame, covered: Floats | float) -> pd.DataFrame:
    residents, incidents = frame["residents"].to_numpy(), frame["incidents"].to_numpy()
    area = frame["area_km2"].to_numpy()
    return frame.assign(
        residents_per_km2=ratio(residents, area),
        incidents_per_km2=ratio(incidents, area),
        incidents_per_1000_residents=ratio(1000.0 * incidents, residents),
        covered_residents_share=covered,
    )


def _split(table: Crosswalk | None, by: By) -> int:
    return (
        0
        if table is None or by == "grid"
        else int(table.is_split(sliver_share=SLIVER_SHARE).sum())
    )


def _plain(row: dict[Any, Any]) -> dict[str, Json]:
    return {
        str(name): None if isinstance(value, float) and np.isnan(value) else value
        for name, value in row.items()
    }


def count_together(
    city: City,
    by: Sequence[By],
    *,
    since: Moment = None,
    until: Moment = None,
    plan: Plan | None = None,
) -> tuple[Ints, Ints]:
    """Count incidents by the grid, beat, station ... that they lie in together.

    Summed over all places but one kind, the counts are those of `summarise` by that kind.

    Parameters
    ----------
    city
        A city with incident points.
    by
        Kinds of places, as `summarise` takes them.
    since, until
        Count incidents with ``since <= time < until`` only.
    plan
        Plan whose beats, and their stations, stand in for the city's own.

    Returns
    -------
    places : (k, len(by)) int64
        Rows of each kind of place, -1 where incidents lie in none; every line once.
    counts : (k,) int64
        Incidents of each line, above 0.
    """
    areas = [areas_of(city, level, plan) for level in by]
    sizes = np.array([len(each.ids) + 1 for each in areas], dtype=np.int64)
    found: list[Ints] = [np.empty(0, np.int64)]
    totals: list[Ints] = [np.empty(0, np.int64)]
    first, end = moments_in(city, since, until)
    names = sorted({str(each.located_by) for each in areas})
    parts = () if city.located is None else city.located.columns(names, since=first, until=end)
    for part in parts:
        code = np.zeros(len(part[names[0]]), dtype=np.int64)
        for each, length in zip(areas, sizes.tolist(), strict=True):
            code = code * length + each.rows_of(part[str(each.located_by)]) + 1
        codes, counts = np.unique(code, return_counts=True)
        found.append(codes)
        totals.append(counts.astype(np.int64))
    codes, back = np.unique(np.concatenate(found), return_inverse=True)
    counts = np.bincount(back, weights=np.concatenate(totals), minlength=len(codes))
    places = np.empty((len(codes), len(areas)), dtype=np.int64)
    for place in range(len(areas) - 1, -1, -1):
        codes, places[:, place] = np.divmod(codes, sizes[place])
    return places - 1, counts.astype(np.int64)


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

    Where nobody counted residents, incidents stand in for them.

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
