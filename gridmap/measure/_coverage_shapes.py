"""Coverage as shapes: the ground within reach, and rows with what is covered of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import shapely

from gridmap.measure._areas import By, areas_of
from gridmap.measure._coverage_city import Coverage, travel_of
from gridmap.measure._coverage_tables import coverage_table
from gridmap.travel import StraightLine, isochrone, ring

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridmap.model import City, Plan

__all__ = ["coverage_frame", "reach_frame", "reach_shape"]

_DRAWN_CELLS = 600  # across the city: an isochrone's outline is true to about one of these


def reach_shape(city: City, coverage: Coverage) -> shapely.Geometry:
    """Return the ground within reach of any place: rings, or isochrones along roads.

    Only ground inside the city's grids counts. It is for maps and files; figures are
    measured grid by grid (`measure_coverage`).

    Parameters
    ----------
    city, coverage
        A city and its coverage.
    """
    # The outline of overlapping or broken grids is mended here alone, for drawing.
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
        ``within, mode, network, places, area_km2, covered_residents,
        covered_residents_share`` and the geometry, in the city's CRS. What residents are
        covered is what `coverage_table` tells of the whole city.
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


def coverage_frame(
    city: City, coverage: Coverage, *, by: By = "grid", plan: Plan | None = None
) -> gpd.GeoDataFrame:
    """Return `coverage_table` with the shape of each row, in the city's CRS.

    Parameters
    ----------
    city, coverage, by, plan
        As for `coverage_table`.

    Raises
    ------
    MissingError
        If the city has nothing to make the rows of.
    """
    table = coverage_table(city, coverage, by=by, plan=plan)
    rows = areas_of(city, by, plan)
    shapes = rows.polygons
    if rows.row_of_grid is not None:
        sound = shapely.make_valid(city.grids.geometry)
        shapes = np.array(
            [shapely.union_all(sound[rows.row_of_grid == row]) for row in range(len(rows.ids))],
            dtype=object,
        )
    return gpd.GeoDataFrame(table, geometry=shapes, crs=city.crs)
