"""The table of `gridmap measure`: what each grid, beat, station or community carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from gridmap.errors import InputError, MissingError
from gridmap.measure.conservation import require_conserved
from gridmap.measure.counting import count_incidents_by
from gridmap.measure.coverage import covered_share
from gridmap.measure.crosswalk import Crosswalk, crosswalk
from gridmap.measure.period import Moment
from gridmap.model import City, Kind, Layer, Plan

__all__ = ["COUNTS", "SLIVER_SHARE", "By", "MeasureTable", "summarise"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
By = Literal["grid", "beat", "station", "community"]

#: What is counted and shared out, besides incidents.
COUNTS = ("residents", "migrants", "households")
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
    missing
        Counts that the city does not know; they stand as 0 in the rows.
    """

    by: By
    rows: pd.DataFrame
    totals: dict[str, float]
    unassigned: dict[str, float]
    split_grids: int
    missing: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: NaN becomes None."""
        return {
            "by": self.by,
            "rows": [_plain(row) for row in self.rows.to_dict("records")],
            "totals": _plain(self.totals),
            "unassigned": _plain(self.unassigned),
            "split_grids": self.split_grids,
            "missing": list(self.missing),
        }


class _Rows(NamedTuple):
    """Where the rows come from: polygons, or a label per grid."""

    ids: npt.NDArray[np.object_]
    names: npt.NDArray[np.object_]
    area_m2: Floats
    polygons: npt.NDArray[np.object_] | None
    row_of_grid: Ints | None


def summarise(
    city: City,
    *,
    by: By,
    since: Moment = None,
    until: Moment = None,
    plan: Plan | None = None,
) -> MeasureTable:
    """Measure a city by grid, beat, station or community.

    Counts of grids that a row's border cuts are shared out by area (`crosswalk`); grids
    that belong to rows by a plan or a column of their own belong whole. Incidents are
    counted where they happened, a point on a border to the first polygon; where a city has
    no incident points, the grids' own counts are shared out like residents. Residents are
    taken as spread evenly over a grid, so the covered share of a row is
    ``sum_i share_i * residents_i * covered_i / sum_i share_i * residents_i`` with
    ``covered_i`` the share of grid i's ground within the preset radius of a room.

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

    Raises
    ------
    MissingError
        If the city has nothing to make the rows of.
    InputError
        If a period is asked of counts that have no times, or the plan is another city's.
    """
    rows = _rows_of(city, by, plan)
    people = city.get(Kind.GRID) or city.get(Kind.COMMUNITY)
    table = _membership(rows, people, by)
    known = {name: people.counts(name) for name in COUNTS} if people else {}
    moved = {name: table.transfer(known[name]) for name in known} if table else {}
    none = np.zeros(len(rows.ids))
    columns: dict[str, Any] = {"id": rows.ids, "name": rows.names, "area_km2": rows.area_m2 / 1e6}
    columns |= {name: moved[name].by_target if name in moved else none for name in COUNTS}
    incidents, outside = _incidents(city, rows, table, since=since, until=until)
    columns["incidents"] = incidents
    frame = pd.DataFrame(columns)
    unassigned = {
        "area_km2": float(table.unassigned_share @ table.source_area_m2) / 1e6 if table else 0.0,
        **{name: moved[name].unassigned if name in moved else 0.0 for name in COUNTS},
        "incidents": outside,
    }
    totals = {name: float(frame[name].sum()) + unassigned[name] for name in unassigned}
    for name, values in known.items():
        require_conserved(float(values.sum()), totals[name])
        totals[name] = float(values.sum())
    covered, covered_all = _covered(city, people, table)
    return MeasureTable(
        by=by,
        rows=_with_rates(frame, covered),
        totals={
            name: float(value)
            for name, value in _with_rates(pd.DataFrame([totals]), covered_all).iloc[0].items()
        },
        unassigned=unassigned,
        split_grids=_split(table, by),
        missing=_missing(city, people),
    )


def _rows_of(city: City, by: By, plan: Plan | None) -> _Rows:
    if plan is not None and city.has(Kind.GRID) and not _fits(plan, city.grids):
        raise InputError("measure.error.plan_of_other_city", plan=plan.name, city=city.name)
    if plan is not None and by == "beat":
        return _rows_of_labels(city.grids, plan.assignment, plan.beat_ids, _labels(plan))
    if plan is not None and by == "station" and any(beat.station for beat in plan.beats):
        stations = np.array([beat.station for beat in plan.beats] + [""], dtype=object)
        return _rows_of_texts(city, by, stations[plan.assignment])
    layer = city.get(Kind(by))
    if layer is not None:
        return _Rows(layer.ids, layer.names, np.nan_to_num(layer.area_m2), layer.geometry, None)
    if by != "grid" and city.has(Kind.GRID) and city.grids.has(by):
        return _rows_of_texts(city, by, city.grids.texts(by))
    raise MissingError("measure.error.no_rows", by=by, city=city.name)


def _fits(plan: Plan, grids: Layer) -> bool:
    return len(plan.grid_ids) == len(grids) and bool((plan.grid_ids == grids.ids).all())


def _labels(plan: Plan) -> npt.NDArray[np.object_]:
    return np.array([beat.label for beat in plan.beats], dtype=object)


def _rows_of_texts(city: City, by: str, texts: npt.NDArray[np.object_]) -> _Rows:
    held = Plan.from_labels(by, city.grids.ids, texts)
    names = held.beat_ids
    layer = city.get(Kind(by))
    if layer is not None:
        known = dict(zip(layer.ids, layer.names, strict=True))
        names = np.array([known.get(name, name) for name in names], dtype=object)
    return _rows_of_labels(city.grids, held.assignment, held.beat_ids, names)


def _rows_of_labels(
    grids: Layer,
    assignment: npt.NDArray[np.int32],
    ids: npt.NDArray[np.object_],
    names: npt.NDArray[np.object_],
) -> _Rows:
    row_of_grid = assignment.astype(np.int64)
    held = row_of_grid >= 0
    area = np.bincount(
        row_of_grid[held], weights=np.nan_to_num(grids.area_m2)[held], minlength=len(ids)
    )
    return _Rows(ids, names, area.astype(float), None, row_of_grid)


def _membership(rows: _Rows, people: Layer | None, by: By) -> Crosswalk | None:
    """Return which share of each grid lies in each row."""
    if people is None:
        return None
    if rows.row_of_grid is not None:
        return Crosswalk.from_rows(
            rows.row_of_grid, np.nan_to_num(people.area_m2), target_area_m2=rows.area_m2
        )
    if people.kind == by:  # a grid is a row: overlapping grids keep their own people
        return Crosswalk.from_rows(
            np.arange(len(people)), np.nan_to_num(people.area_m2), target_area_m2=rows.area_m2
        )
    assert rows.polygons is not None  # noqa: S101 - rows are made of one or the other
    return crosswalk(people.geometry, rows.polygons, source_ids=people.ids, target_ids=rows.ids)


def _incidents(
    city: City, rows: _Rows, table: Crosswalk | None, *, since: Moment, until: Moment
) -> tuple[Floats, float]:
    """Return the incidents of each row, and those in no row."""
    if city.incidents is None:
        grids = city.get(Kind.GRID)
        if grids is None or not grids.has("incidents") or table is None:
            return np.zeros(len(rows.ids)), 0.0
        if since is not None or until is not None:
            raise InputError("measure.error.counts_have_no_times", city=city.name)
        return table.transfer(grids.counts("incidents"))
    polygons = city.grids.geometry if rows.polygons is None else rows.polygons
    inside, outside = count_incidents_by(city.incidents, polygons, since=since, until=until)
    if rows.row_of_grid is not None:
        held = rows.row_of_grid >= 0
        total = outside + inside.sum()
        inside = np.bincount(
            rows.row_of_grid[held], weights=inside[held], minlength=len(rows.ids)
        ).astype(float)
        outside = total - inside.sum()
    return inside, float(outside)


def _covered(
    city: City, people: Layer | None, table: Crosswalk | None
) -> tuple[Floats | float, float]:
    """Return the share of residents within reach of a room, by row and of all."""
    if people is None or table is None or not city.has(Kind.ROOM):
        return np.nan, np.nan
    reach = covered_share(people.geometry, city.room_xy, radius_m=city.presets.room_radius_m)
    residents = people.counts("residents")
    near = table.transfer(residents * reach).by_target
    everyone = table.transfer(residents).by_target
    return _ratio(near, everyone), float(_ratio((residents * reach).sum(), residents.sum()))


def _with_rates(frame: pd.DataFrame, covered: Floats | float) -> pd.DataFrame:
    residents, incidents = frame["residents"].to_numpy(), frame["incidents"].to_numpy()
    area = frame["area_km2"].to_numpy()
    return frame.assign(
        residents_per_km2=_ratio(residents, area),
        incidents_per_km2=_ratio(incidents, area),
        incidents_per_1000_residents=_ratio(1000.0 * incidents, residents),
        covered_residents_share=covered,
    )


def _ratio(above: npt.ArrayLike, below: npt.ArrayLike) -> Floats:
    """Divide, giving NaN where there is nothing to divide by."""
    top, bottom = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)


def _split(table: Crosswalk | None, by: By) -> int:
    return (
        0
        if table is None or by == "grid"
        else int(table.is_split(sliver_share=SLIVER_SHARE).sum())
    )


def _missing(city: City, people: Layer | None) -> tuple[str, ...]:
    absent = [name for name in COUNTS if people is None or not people.has(name)]
    grids = city.get(Kind.GRID)
    if city.incidents is None and (grids is None or not grids.has("incidents")):
        absent.append("incidents")
    return tuple(absent)


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        str(name): None if isinstance(value, float) and np.isnan(value) else value
        for name, value in row.items()
    }
