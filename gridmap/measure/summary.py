"""The table of `gridmap measure`: what each grid, beat, station or community carries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gridmap.errors import InputError
from gridmap.fields import Json
from gridmap.measure.counted import COUNTS, is_missing, missing_counts, moments_in, ratio
from gridmap.measure.counting import count_incidents_by
from gridmap.measure.crosswalk import Control, Crosswalk, alignment, require_conserved
from gridmap.measure.disc_areas import covered_share
from gridmap.measure.period import Moment
from gridmap.measure.pieces import Areas, By, Pieces, areas_of, people_layer, pieces_of
from gridmap.model import City, Kind, Layer, Plan
from gridmap.typing import Floats, Ints

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


def _covered(
    city: City, people: Layer | None, pieces: Pieces | None
) -> tuple[Floats | float, float]:
    """Return the share of residents within reach of a room, by row and of all."""
    if people is None or pieces is None or not city.has(Kind.ROOM):
        return np.nan, np.nan
    radius_m, residents = city.presets.room_radius_m, people.counts("residents")
    of_grids = covered_share(people.geometry, city.room_xy, radius_m=radius_m)
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
