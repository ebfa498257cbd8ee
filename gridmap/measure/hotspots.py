"""Hot and cold spots: grids with more or fewer incidents around them than chance allows.

Kernel density on the metre grid shows the same as a smooth map. How well a map of either kind
foretells is scored on the month that followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy
import shapely

from gridmap.errors import InputError
from gridmap.measure._kernels import permuted_sums
from gridmap.measure.change import (
    Dispersion,
    adjust_p,
    estimate_dispersion,
    rest_p_value,
    share_p_value,
    weekly_counts,
)
from gridmap.measure.counted import moments_in
from gridmap.measure.counting import Axis, count_located
from gridmap.measure.crosswalk import require_conserved
from gridmap.measure.period import Moment, period_between
from gridmap.model import Adjacency, City, Kind
from gridmap.model.polygon_index import PolygonIndex
from gridmap.typing import Bools, Floats

#: What incidents are expected in proportion to.
Expectation = Literal["area", "residents"]


@dataclass(frozen=True, slots=True, eq=False)
class HotSpots:
    """Which grids are hot or cold.

    Attributes
    ----------
    ids : (n,) object
        The grids' ids; empty where none were given.
    kind : (n,) str
        ``hot``, ``cold`` or ``none``.
    observed, expected : (n,) float64
        Incidents in the grid and its neighbours together, and how many of the city's
        incidents chance would put there; of Gi*, the sum of the values there, and the mean
        of the sums when all other values change places.
    p_value : (n,) float64
        Two-sided p of each grid by itself; NaN where nothing is expected.
    method
        ``counts``, or ``gi`` for Gi* by permutation.
    change : (n,) str or None
        What became of each grid's hot spot since the period before (`changed_hot_spots`);
        None where there is none to compare with.
    before, change_p : (n,) float64 or None
        Incidents in the grid and its neighbours together in the period before, and the
        two-sided p of the change.
    weeks
        Weeks of history that dispersion was estimated by; 0 where Poisson was assumed, None
        for Gi*.
    """

    ids: npt.NDArray[np.object_]
    kind: npt.NDArray[np.str_]
    observed: Floats
    expected: Floats
    p_value: Floats
    method: Literal["counts", "gi"] = "counts"
    change: npt.NDArray[np.str_] | None = None
    weeks: int | None = None
    before: Floats | None = None
    change_p: Floats | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return the hot and cold grids, the least p first, of equal p the largest difference.

        In long periods many a p is too small for a float and is 0.

        Returns
        -------
        DataFrame
            ``id, kind`` (``hot`` or ``cold``), ``observed, expected, p``; where periods were
            compared, ``change`` too, and the grids whose hot spot faded (``kind`` may be
            ``none`` there).
        """
        listed = self.kind != "none"
        if self.change is not None:
            listed |= self.change == "fading"
        rows = np.flatnonzero(listed)
        table = pd.DataFrame(
            {
                "id": self.ids[rows] if len(self.ids) else rows,
                "kind": self.kind[rows],
                "observed": self.observed[rows],
                "expected": self.expected[rows],
                "p": self.p_value[rows],
            }
        )
        if self.change is not None:
            table["change"] = self.change[rows]
        difference = np.abs(table["observed"] - table["expected"])
        order = np.lexsort((-difference, table["p"]))
        return table.iloc[order].reset_index(drop=True)


def find_hotspots(  # noqa: PLR0913 - what is counted, and what chance is taken for
    city: City,
    *,
    since: Moment = None,
    until: Moment = None,
    hours: Sequence[int] = (),
    categories: Sequence[str] = (),
    expect: Expectation = "area",
    method: Literal["counts", "gi"] = "counts",
    counts: npt.ArrayLike | None = None,
    before: tuple[Moment, Moment] | None = None,
) -> HotSpots:
    """Find a city's hot and cold spots: the one definition of map, report, pages and criteria.

    `hot_spots` of the incidents of each grid, by a false discovery rate of 5 %; their
    dispersion is that of the city's weekly counts around each grid, where 26 weeks are known.

    Parameters
    ----------
    city
        A city with grids and incidents, as points or as counts by grid.
    since, until
        Count incidents with ``since <= time < until`` only.
    hours, categories
        Count these hours of the week (0 is Monday at midnight), and categories by name, only;
        all if empty.
    expect
        ``area``: incidents are expected in proportion to a grid's ground; ``residents``: to
        the people who live there.
    method
        ``counts``, or ``gi`` for Gi* by permutation (`getis_ord`) of incidents per km2, or
        per resident.
    counts
        Incidents of each grid in place of those counted, for example with hidden ones at
        their mean.
    before
        An earlier period, from and until: the answer says what became of its hot spots. Not
        for Gi*.

    Returns
    -------
    HotSpots
        For every grid; `HotSpots.to_frame` has rows ``id, kind, observed, expected, p`` of
        the hot and cold ones.

    Raises
    ------
    InputError
        If there are no incidents to count, a category or expectation is unknown, or nothing
        is known of residents.
    """
    grids, rows = city.grids, _category_rows(city, categories)
    if expect not in get_args(Expectation):
        raise InputError("measure.error.expectation", received=expect)
    exposure = np.nan_to_num(grids.area_m2)
    if expect == "residents":
        exposure = grids.counts("residents")
    if not exposure.sum() > 0:
        raise InputError("measure.error.nothing_expected", expect=expect, city=city.label)
    found = counts
    if found is None:
        found = _counted(city, since, until, hours, rows)
    if method == "gi":
        held = np.asarray(found, np.float64)
        density = np.divide(held, exposure, out=np.zeros(len(held)), where=exposure > 0)
        return getis_ord(density, city.adjacency, ids=grids.ids)
    dispersion = window_dispersion(city, since=since, until=until, hours=hours, categories=rows)
    if before is None:
        return hot_spots(found, city.adjacency, exposure, dispersion=dispersion, ids=grids.ids)
    earlier = _counted(city, *before, hours, rows)
    return changed_hot_spots(
        found, earlier, city.adjacency, exposure, dispersion=dispersion, ids=grids.ids
    )


def hot_spots(
    counts: npt.ArrayLike,
    adjacency: Adjacency,
    exposure: npt.ArrayLike,
    *,
    dispersion: Dispersion | None = None,
    alpha: float = 0.05,
    ids: npt.NDArray[np.object_] | None = None,
) -> HotSpots:
    """Find the grids around which there are more or fewer incidents than chance allows.

    A grid and its neighbours are looked at together. If incidents fell in proportion to
    ``exposure``, those among the city's ``N`` that fall there would be binomial with the
    window's share of the exposure (beta-binomial with a dispersion above 1): `share_p_value`,
    two-sided. Which p-values count is decided by the false discovery rate (Benjamini and
    Hochberg 1995; for neighbouring windows Caldas de Castro and Singer 2006, *Geographical
    Analysis* 38(2)). Being counts, small grids weigh as little as they hold: a sliver neither
    is a hot spot nor hides others.

    Parameters
    ----------
    counts
        Incidents of each grid.
    adjacency
        Neighbours: grids that share a border, barriers or not.
    exposure
        What incidents are expected in proportion to, not negative: area or residents.
    dispersion
        Variance over mean of the counts of each grid with its neighbours; Poisson if None.
    alpha
        Share of false ones accepted among those found.
    ids
        The grids' ids, for the answer.

    Raises
    ------
    InputError
        If a count is missing or negative, or nothing is exposed.
    """
    held, base = np.asarray(counts, np.float64), np.asarray(exposure, np.float64)
    if held.shape != (adjacency.size,) or base.shape != held.shape:
        message = f"{held.shape} counts, {base.shape} exposures for {adjacency.size} grids"
        raise ValueError(message)
    if not (np.isfinite(held).all() and (held >= 0).all()):
        raise InputError("measure.error.hot_spot_values", count=len(held))
    if not (np.isfinite(base).all() and (base >= 0).all() and base.sum() > 0):
        message = "exposures must be finite, not negative and not all zero"
        raise ValueError(message)
    near = windows(adjacency)
    total = float(np.rint(held.sum()))
    observed = np.minimum(np.rint(near @ held), total)
    share = np.minimum(near @ base / base.sum(), 1.0)
    used = Dispersion.poisson(len(held)) if dispersion is None else dispersion
    p_value = share_p_value(observed, total, share, dispersion=used.factor, freedom=used.freedom)
    p_value[share <= 0] = np.nan  # nothing is expected of ground that nobody lives on
    return replace(_decided(observed, share * total, p_value, alpha, ids), weeks=used.weeks)


def getis_ord(
    values: npt.ArrayLike,
    adjacency: Adjacency,
    *,
    permutations: int = 9999,
    alpha: float = 0.05,
    seed: int = 0,
    ids: npt.NDArray[np.object_] | None = None,
) -> HotSpots:
    """Find hot and cold spots by Getis and Ord's Gi*, with conditional permutations.

    The sum over a grid and its neighbours (Ord and Getis 1995, *Geographical Analysis* 27(4))
    is ranked among the sums when all other values change places at random. This takes grids
    for interchangeable, which densities of grids of unequal size are not: use `hot_spots`
    unless a density is what is asked for.

    Parameters
    ----------
    values
        One number per grid: a density or a rate.
    adjacency
        Neighbours.
    permutations
        No p-value is below ``2 / (permutations + 1)``, so few permutations let nothing pass
        the correction where many grids are tested.
    alpha
        Share of false ones accepted among those found, by the false discovery rate.
    seed
        Of the permutations.
    ids
        The grids' ids, for the answer.

    Raises
    ------
    InputError
        If a value is missing or all are equal.
    """
    y = np.asarray(values, np.float64)
    if y.shape != (adjacency.size,):
        message = f"{len(y)} values for {adjacency.size} grids"
        raise ValueError(message)
    if len(y) < 3 or not np.isfinite(y).all() or y.min() == y.max():
        raise InputError("measure.error.hot_spot_values", count=len(y))
    near = windows(adjacency)
    others = scipy.sparse.csr_array(near - scipy.sparse.eye_array(len(y)))
    others.eliminate_zeros()
    starts, neighbours = others.indptr.astype(np.int64), others.indices.astype(np.int64)
    rng = np.random.default_rng(seed)
    at_least, at_most = permuted_sums(y, starts, neighbours, permutations, rng)
    tail = np.minimum(at_least, at_most)
    p_value = np.minimum(2.0 * (tail + 1.0) / (permutations + 1.0), 1.0)
    sizes = np.diff(starts)
    p_value[sizes == 0] = 1.0
    expected = y + sizes * (y.sum() - y) / max(len(y) - 1, 1)
    return _decided(near @ y, expected, p_value, alpha, ids, method="gi")


def changed_hot_spots(
    now: npt.ArrayLike,
    before: npt.ArrayLike,
    adjacency: Adjacency,
    exposure: npt.ArrayLike,
    *,
    dispersion: Dispersion | None = None,
    alpha: float = 0.05,
    ids: npt.NDArray[np.object_] | None = None,
) -> HotSpots:
    """Return the hot spots of a period with what became of each since another.

    The change itself is tested: the incidents of a grid and its neighbours, now and before
    together, are shared between the periods as those of the rest of the city are
    (`rest_p_value`), corrected by the false discovery rate. That one of two maps calls a grid
    hot and the other does not is no change.

    Parameters
    ----------
    now, before
        Incidents of each grid in both periods.
    adjacency, exposure, dispersion, alpha, ids
        As `hot_spots` takes them.

    Returns
    -------
    HotSpots
        Of now; `HotSpots.change` is ``emerging`` (rose beyond chance, hot now and not before),
        ``growing`` (the same, hot before too), ``fading`` (fell beyond chance, and hot before),
        ``lasting`` (hot in both, without such a change) or ``none``.
    """
    result, was = (
        hot_spots(side, adjacency, exposure, dispersion=dispersion, alpha=alpha, ids=ids)
        for side in (now, before)
    )
    total = (int(np.rint(np.sum(now))), int(np.rint(np.sum(before))))
    here, there = result.observed, was.observed
    used = Dispersion.poisson(len(here)) if dispersion is None else dispersion
    p_value = rest_p_value(here, there, total, used)
    found = np.nan_to_num(adjust_p(p_value, method="fdr"), nan=1.0) <= alpha
    is_hot, was_hot = result.kind == "hot", was.kind == "hot"
    # More, or less, than the rest of the city would have it.
    rose = here * (total[1] - there) > there * (total[0] - here)
    change = np.select(
        [found & rose & is_hot & ~was_hot, found & rose & is_hot, found & ~rose & was_hot,
         is_hot & was_hot],
        ["emerging", "growing", "fading", "lasting"],
        default="none",
    )  # fmt: skip
    return replace(result, change=change, before=there, change_p=p_value)


def window_dispersion(
    city: City,
    *,
    since: Moment = None,
    until: Moment = None,
    hours: Sequence[int] = (),
    categories: Sequence[int] = (),
) -> Dispersion:
    """Return variance over mean of the incidents of each grid with its neighbours.

    The period that is looked at has a level of its own: what changes in it is no dispersion.

    Parameters
    ----------
    city
        The city, whose weekly counts are its history.
    since, until
        The period that is looked at, whose length matters (`estimate_dispersion`).
    hours, categories
        Count these hours of the week and categories, by place in the city's list, only.
    """
    if city.incidents is None:
        return Dispersion.poisson(len(city.grids))
    history = weekly_counts(city, ("grid",), hours=hours, categories=categories)
    if "grid" not in history:
        return Dispersion.poisson(len(city.grids))
    first, end = period_between(since, until)
    weeks, steps = history["grid"].counts.shape[1], None
    if first is not None and end is not None:
        weeks = round((end - first) / np.timedelta64(7, "D"))
        steps = history["grid"].within(first, end)
    around = windows(city.adjacency) @ history["grid"].counts
    return estimate_dispersion(around, steps=steps, length_weeks=max(weeks // 2, 1))


def windows(adjacency: Adjacency) -> scipy.sparse.csr_array:
    """Return which grids each grid's window holds: itself and its neighbours."""
    size = adjacency.size
    pairs = (adjacency.first, adjacency.second)
    half = scipy.sparse.coo_array((np.ones(len(adjacency.first)), pairs), shape=(size, size))
    return scipy.sparse.csr_array(half + half.T + scipy.sparse.eye_array(size))


def _decided(
    observed: Floats,
    expected: Floats,
    p_value: Floats,
    alpha: float,
    ids: npt.NDArray[np.object_] | None,
    *,
    method: Literal["counts", "gi"] = "counts",
) -> HotSpots:
    found = np.nan_to_num(adjust_p(p_value, method="fdr"), nan=1.0) <= alpha
    kind = np.where(found, np.where(observed > expected, "hot", "cold"), "none")
    named = np.empty(0, object) if ids is None else np.asarray(ids, object)
    return HotSpots(named, kind, observed, expected, p_value, method)


def _counted(
    city: City, since: Moment, until: Moment, hours: Sequence[int], categories: Sequence[int]
) -> Floats:
    """Return the incidents of each grid."""
    limited = since is not None or until is not None or len(hours) or len(categories)
    if city.incidents is None:
        if limited:
            raise InputError("measure.error.counts_have_no_times", city=city.label)
        if not city.grids.has("incidents"):
            raise InputError("measure.error.no_incidents", city=city.label)
        return city.grids.counts("incidents")
    moments_in(city, since, until, hours)
    wanted: dict[Axis, Sequence[int]] = {"hour": hours, "category": categories}
    by = tuple(axis for axis, chosen in wanted.items() if len(chosen))
    counted = count_located(city, Kind.GRID, since=since, until=until, by=by)
    places, amounts = counted.sparse()
    polygon, hour, category, _ = np.unravel_index(places, counted.shape)
    keep = polygon < counted.polygon_count
    if len(hours):
        keep &= np.isin(hour, list(hours))
    if len(categories):
        keep &= np.isin(category, list(categories))
    return np.bincount(
        polygon[keep], weights=amounts[keep], minlength=counted.polygon_count
    ).astype(float)


def _category_rows(city: City, categories: Sequence[str]) -> tuple[int, ...]:
    """Return the places of categories in the city's list."""
    known = () if city.incidents is None else city.incidents.categories
    unknown = [name for name in categories if name not in known]
    if unknown:
        raise InputError(
            "measure.error.no_category", received=", ".join(unknown), known=", ".join(known[:12])
        )
    return tuple(known.index(name) for name in categories)


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
