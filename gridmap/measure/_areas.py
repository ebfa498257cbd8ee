"""Which grids make up each row of a table: grids, beats, stations, communities, the city."""

from __future__ import annotations

from typing import Literal, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from gridmap.errors import InputError, MissingError
from gridmap.measure.crosswalk import Crosswalk, crosswalk
from gridmap.model import City, Kind, Layer, Plan

__all__ = ["Areas", "By", "areas_of", "ground_of"]

Floats = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]
By = Literal["grid", "beat", "station", "community", "city"]


class Areas(NamedTuple):
    """The rows of a table: polygons, or a row for each grid.

    Attributes
    ----------
    ids, names
        Text, shape (rows,).
    area_m2
        Square metres, shape (rows,).
    polygons
        Geometry of each row, or None where rows are made of whole grids.
    row_of_grid
        Row of each grid, -1 for none, or None where rows are polygons.
    """

    ids: Texts
    names: Texts
    area_m2: Floats
    polygons: npt.NDArray[np.object_] | None
    row_of_grid: npt.NDArray[np.int64] | None

    def membership(self, people: Layer, by: By) -> Crosswalk:
        """Return which share of each grid lies in each row."""
        if self.row_of_grid is not None:
            return Crosswalk.from_rows(
                self.row_of_grid, np.nan_to_num(people.area_m2), target_area_m2=self.area_m2
            )
        if people.kind == by:  # a grid is a row: overlapping grids keep their own people
            return Crosswalk.from_rows(
                np.arange(len(people)), np.nan_to_num(people.area_m2), target_area_m2=self.area_m2
            )
        assert self.polygons is not None  # noqa: S101 - rows are made of one or the other
        return crosswalk(
            people.geometry, self.polygons, source_ids=people.ids, target_ids=self.ids
        )


def areas_of(city: City, by: By, plan: Plan | None = None) -> Areas:
    """Return the rows of a table by grid, beat, station, community, or of the whole city.

    Beats are those of the plan, else of the beat layer, else the grids' own beat column;
    stations and communities likewise.

    Parameters
    ----------
    city
        The city.
    by
        What a row is.
    plan
        Plan whose beats, and their stations, stand in for the city's own.

    Raises
    ------
    MissingError
        If the city has nothing to make the rows of.
    InputError
        If the plan is another city's.
    """
    if plan is not None and city.has(Kind.GRID) and not _fits(plan, city.grids):
        raise InputError("measure.error.plan_of_other_city", plan=plan.name, city=city.name)
    if by == "city":
        one = np.array([city.name], dtype=object)
        whole = np.zeros(len(city.grids), dtype=np.int32)
        return _of_labels(city.grids, whole, one, one)
    if plan is not None and by == "beat":
        names = np.array([beat.label for beat in plan.beats], dtype=object)
        return _of_labels(city.grids, plan.assignment, plan.beat_ids, names)
    if plan is not None and by == "station" and any(beat.station for beat in plan.beats):
        stations = np.array([beat.station for beat in plan.beats] + [""], dtype=object)
        return _of_texts(city, by, stations[plan.assignment])
    layer = city.get(Kind(by))
    if layer is not None:
        return Areas(layer.ids, layer.names, np.nan_to_num(layer.area_m2), layer.geometry, None)
    if by != "grid" and city.has(Kind.GRID) and city.grids.has(by):
        return _of_texts(city, by, city.grids.texts(by))
    raise MissingError("measure.error.no_rows", by=by, city=city.name)


def ground_of(city: City, by: By, plan: Plan | None = None) -> Layer:
    """Return the ground of each row of a table as polygons, in the table's order.

    Rows made of whole grids are the union of their grids; a row without any is empty.

    Parameters
    ----------
    city, by, plan
        As of `areas_of`.

    Raises
    ------
    MissingError, InputError
        As `areas_of`.
    """
    rows = areas_of(city, by, plan)
    shapes = rows.polygons
    if shapes is None:
        shapes = np.full(len(rows.ids), shapely.Polygon(), dtype=object)
        if rows.row_of_grid is not None and len(rows.row_of_grid):
            order = np.argsort(rows.row_of_grid, kind="stable")
            held = rows.row_of_grid[order]
            starts = np.flatnonzero(np.diff(held, prepend=-2))
            for row, part in zip(held[starts], np.split(order, starts[1:]), strict=True):
                if row >= 0:
                    shapes[row] = shapely.union_all(city.grids.geometry[part])
    kind = Kind.STATION if by == "city" else Kind(by)
    columns = {"id": rows.ids, "name": rows.names}
    return Layer(kind, gpd.GeoDataFrame(columns, geometry=shapes, crs=city.crs))


def _fits(plan: Plan, grids: Layer) -> bool:
    return len(plan.grid_ids) == len(grids) and bool((plan.grid_ids == grids.ids).all())


def _of_texts(city: City, by: str, texts: Texts) -> Areas:
    held = Plan.from_labels(by, city.grids.ids, texts)
    names = held.beat_ids
    layer = city.get(Kind(by))
    if layer is not None:
        known = dict(zip(layer.ids, layer.names, strict=True))
        names = np.array([known.get(name, name) for name in names], dtype=object)
    return _of_labels(city.grids, held.assignment, held.beat_ids, names)


def _of_labels(grids: Layer, assignment: npt.NDArray[np.int32], ids: Texts, names: Texts) -> Areas:
    row_of_grid = assignment.astype(np.int64)
    held = row_of_grid >= 0
    area = np.bincount(
        row_of_grid[held], weights=np.nan_to_num(grids.area_m2)[held], minlength=len(ids)
    )
    return Areas(ids, names, area.astype(float), None, row_of_grid)
