"""A smooth map of where incidents concentrate: kernel density on the metre grid.

How well such a map, or one of hot spots, foretells is scored on the month that followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy
import shapely

from gridmap.errors import InputError
from gridmap.measure.crosswalk import require_conserved
from gridmap.model.polygon_index import PolygonIndex
from gridmap.typing import Bools, Floats

__all__ = ["Density", "Rule", "kernel_density", "score_maps", "scott_bandwidth_m", "top_area"]


Rule = Literal["scott", "cross-validation"]

_MOST_CELLS = 4_000_000
_TRUNCATE = 4.0  # standard deviations beyond which the kernel is cut off
_CANDIDATES = np.geomspace(0.2, 2.0, 12)  # of Scott's bandwidth


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """Incidents per km2 on square cells within a city.

    Attributes
    ----------
    per_km2
        Shape (rows, columns), row 0 in the south; NaN outside the city.
    west_m, south_m
        Outer corner of the first cell.
    cell_m
        Side of a cell.
    bandwidth_m
        Standard deviation of the kernel.
    outside
        Incidents outside the city, which are left out.
    """

    per_km2: Floats
    west_m: float
    south_m: float
    cell_m: float
    bandwidth_m: float
    outside: int

    @property
    def total(self) -> float:
        """The incidents that the surface holds: its integral."""
        return float(np.nansum(self.per_km2) * self.cell_m**2 / 1e6)

    def at(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
        """Return the density at points; NaN outside the city."""
        column = np.floor((np.asarray(x, np.float64) - self.west_m) / self.cell_m).astype(int)
        row = np.floor((np.asarray(y, np.float64) - self.south_m) / self.cell_m).astype(int)
        rows, columns = self.per_km2.shape
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
        found = np.full(len(row), np.nan)
        found[inside] = self.per_km2[row[inside], column[inside]]
        return found


def kernel_density(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    city: shapely.Geometry,
    cell_m: float = 50.0,
    bandwidth_m: float | Rule = "scott",
) -> Density:
    """Estimate the density of incidents within a city.

    A Gaussian kernel on square cells. Part of the kernel of an incident near the edge falls
    outside the city; each incident is divided by the part that stays inside (Jones 1993,
    *Statistics and Computing* 3), so that the surface holds exactly the incidents inside.

    Parameters
    ----------
    x, y
        Coordinates of the incidents, metres.
    city
        Polygon of the city in the same CRS.
    cell_m
        Side of a cell. The density has a value where a cell's middle is in the city.
    bandwidth_m
        Standard deviation of the kernel, ``scott`` (`scott_bandwidth_m`), or
        ``cross-validation``: the bandwidth, of twelve between 0.2 and 2 times Scott's,
        under which incidents are likeliest when each is left out of its own density.

    Raises
    ------
    InputError
        If cells or bandwidth are not positive, or the city has too many or no cells.
    """
    if not cell_m > 0 or not (isinstance(bandwidth_m, str) or bandwidth_m > 0):
        raise InputError("measure.error.density_sizes", cell_m=cell_m, bandwidth_m=bandwidth_m)
    west, south, inside = _cells(city, cell_m)
    first, second = np.asarray(x, np.float64), np.asarray(y, np.float64)
    held = PolygonIndex.build([city], expected_points=len(first)).locate(first, second) == 0
    counts = _bin(first[held], second[held], west, south, cell_m, inside)
    if isinstance(bandwidth_m, str):
        width = scott_bandwidth_m(first[held], second[held], least_m=cell_m)
        if bandwidth_m == "cross-validation":
            width = _likeliest(counts, inside, width, cell_m)
    else:
        width = float(bandwidth_m)
    smooth = _smooth(counts, inside, width / cell_m)
    require_conserved(float(counts.sum()), float(smooth.sum()))
    return Density(
        per_km2=np.where(inside, smooth / (cell_m**2 / 1e6), np.nan),
        west_m=west,
        south_m=south,
        cell_m=cell_m,
        bandwidth_m=width,
        outside=int((~held).sum()),
    )


def scott_bandwidth_m(x: npt.ArrayLike, y: npt.ArrayLike, *, least_m: float = 1.0) -> float:
    """Return the bandwidth by Scott's rule: ``n**(-1/6) * sqrt((var x + var y) / 2)``.

    Scott (1992), *Multivariate Density Estimation*.

    Parameters
    ----------
    x, y
        Coordinates, metres.
    least_m
        Returned where there are fewer than two places.
    """
    first, second = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if len(first) < 2:
        return least_m
    spread = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2.0)
    return float(max(len(first) ** (-1.0 / 6.0) * spread, least_m))


def _cells(city: shapely.Geometry, cell_m: float) -> tuple[float, float, Bools]:
    """Return the west and south edge, and which cells have their middle in the city."""
    west, south, east, north = shapely.bounds(city)
    if not np.isfinite(west):
        raise InputError("measure.error.density_no_cells", cell_m=cell_m)
    columns, rows = (int(np.ceil(side / cell_m)) for side in (east - west, north - south))
    if not 0 < rows * columns <= _MOST_CELLS:
        raise InputError(
            "measure.error.density_cells", count=rows * columns, limit=_MOST_CELLS, cell_m=cell_m
        )
    middle_x = west + (np.arange(columns) + 0.5) * cell_m
    middle_y = south + (np.arange(rows) + 0.5) * cell_m
    grid_x, grid_y = np.meshgrid(middle_x, middle_y)
    found = PolygonIndex.build([city]).locate(grid_x.ravel(), grid_y.ravel())
    inside = found.reshape(rows, columns) == 0
    if not inside.any():
        raise InputError("measure.error.density_no_cells", cell_m=cell_m)
    return float(west), float(south), inside


def _bin(x: Floats, y: Floats, west: float, south: float, cell_m: float, inside: Bools) -> Floats:
    """Count incidents into cells; one in a cell cut off at the edge goes to the next inside."""
    rows, columns = inside.shape
    column = np.clip(((x - west) / cell_m).astype(int), 0, columns - 1)
    row = np.clip(((y - south) / cell_m).astype(int), 0, rows - 1)
    near = scipy.ndimage.distance_transform_edt(
        ~inside, return_distances=False, return_indices=True
    )
    counts = np.zeros(inside.shape)
    np.add.at(counts, (near[0][row, column], near[1][row, column]), 1.0)
    return counts


def _smooth(counts: Floats, inside: Bools, width: float) -> Floats:
    kept = _blur(inside.astype(float), width)
    weighted = np.divide(counts, kept, out=np.zeros_like(counts), where=inside)
    return np.where(inside, _blur(weighted, width), 0.0)


def _blur(values: Floats, width: float) -> Floats:
    blurred: Floats = scipy.ndimage.gaussian_filter(
        values, width, mode="constant", truncate=_TRUNCATE
    )
    return blurred


def _likeliest(counts: Floats, inside: Bools, scott_m: float, cell_m: float) -> float:
    """Return the candidate with the greatest leave-one-out likelihood."""
    widths = np.unique(np.maximum(_CANDIDATES * scott_m, cell_m))
    if counts.sum() < 2:
        return float(widths[-1])
    taken = counts > 0
    scores = []
    for width in widths / cell_m:
        impulse = np.zeros(2 * int(_TRUNCATE * width + 0.5) + 3)
        impulse[len(impulse) // 2] = 1.0
        own = scipy.ndimage.gaussian_filter1d(impulse, width, truncate=_TRUNCATE).max() ** 2
        kept = _blur(inside.astype(float), width)[taken]
        others = _smooth(counts, inside, width)[taken] - own / kept
        scores.append((counts[taken] * np.log(np.maximum(others, 1e-12))).sum())
    return float(widths[int(np.argmax(scores))])


def score_maps(
    maps: Mapping[str, npt.ArrayLike], following: npt.ArrayLike, area_km2: npt.ArrayLike
) -> pd.DataFrame:
    """Score maps of hot grids on incidents that happened afterwards.

    Hit rate is ``n / N``, the share of later incidents in hot grids; the Predictive
    Accuracy Index is ``(n / N) / (a / A)``, the hit rate over the share of ground that is
    hot (Chainey, Tompson and Uhlig 2008, *Security Journal* 21). 1 is no better than
    marking ground at random.

    Parameters
    ----------
    maps
        For each map, which grids are hot.
    following
        Incidents of each grid in the period after the one the maps were made of.
    area_km2
        Areas of the grids.

    Returns
    -------
    DataFrame
        One row per map, best first: ``hot_grids, area_share, hits, hit_rate,
        accuracy_index``; NaN where nothing is hot or nothing followed.
    """
    later = np.asarray(following, np.float64)
    area = np.asarray(area_km2, np.float64)
    rows = {}
    for name, chosen in maps.items():
        hot = np.asarray(chosen, bool)
        share = area[hot].sum() / area.sum()
        hit_rate = later[hot].sum() / later.sum() if later.sum() > 0 else np.nan
        rows[name] = {
            "hot_grids": int(hot.sum()),
            "area_share": share,
            "hits": float(later[hot].sum()),
            "hit_rate": hit_rate,
            "accuracy_index": hit_rate / share if share > 0 else np.nan,
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.sort_values("accuracy_index", ascending=False, kind="stable")


def top_area(values: npt.ArrayLike, area_km2: npt.ArrayLike, *, share: float) -> Bools:
    """Mark the densest grids that make up at most a share of the ground.

    Maps that mark equal shares of ground can be compared. Grids are taken in order of value
    per km2, the first of equal ones first, while the next still fits.

    Parameters
    ----------
    values
        Incidents of each grid.
    area_km2
        Areas.
    share
        Share of the ground to mark, 0 to 1.
    """
    area = np.asarray(area_km2, np.float64)
    held = np.asarray(values, np.float64)
    density = np.divide(held, area, out=np.zeros(len(area)), where=area > 0)
    order = np.argsort(-density, kind="stable")
    fits = np.cumsum(area[order]) <= share * area.sum() * (1 + 1e-12)
    marked = np.zeros(len(area), bool)
    marked[order[fits]] = True
    return marked
