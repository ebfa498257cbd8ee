"""One number per grid: what it asks of the police, from chosen criteria with weights.

A criterion is a count, an area, incidents, hot spots or metres of road.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridmap.errors import InputError, some_ids
from gridmap.measure.counting import count_incidents_by, count_located
from gridmap.measure.hotspots import find_hotspots
from gridmap.measure.period import Moment
from gridmap.model import City, Kind
from gridmap.model.polygon_index import prepared_copies
from gridmap.typing import Floats

_DAY_H = 24
_BATCH = 500  # pairs of shapes cut at once
_LARGEST = 1e30  # of a weight: sums stay far from where floats end
#: Criteria that a city may have besides numeric columns of its grids.
CRITERIA = ("residents", "migrants", "households", "incidents", "area_km2", "road_km")


@dataclass(frozen=True, eq=False)
class Workload:
    """What each grid carries, by criterion and combined.

    Parameters
    ----------
    grid_ids
        The grids.
    criteria
        One array per criterion, one number per grid, not negative.
    weights
        Weight of each criterion, not negative; they are scaled to add up to 1.

    Raises
    ------
    InputError
        If a weight is negative or not finite, none is positive, a weighted criterion is
        missing or adds up to nothing, or a number is negative or missing.

    Notes
    -----
    Criteria have different units, so each is first divided by its city total: ``load_i =
    sum_c weight_c * value_ic / sum_k value_kc``. The load of the city is 1, and a beat's
    load is its part of the city's work.

    Examples
    --------
    >>> work = Workload(["a", "b"], {"residents": [30, 10], "incidents": [1, 1]},
    ...                 {"residents": 1, "incidents": 1})
    >>> work.load.tolist()
    [0.625, 0.375]
    """

    grid_ids: npt.NDArray[np.object_]
    criteria: Mapping[str, Floats]
    weights: Mapping[str, float]

    def __post_init__(self) -> None:
        """Check the whole invariant and scale the weights."""
        ids = np.asarray(self.grid_ids, dtype=object)
        weights = {name: float(weight) for name, weight in self.weights.items()}
        _check_weights(weights, list(self.criteria))
        values = {}
        for name, column in self.criteria.items():
            array = np.array(column, np.float64)
            if array.shape != ids.shape:
                message = f"{name} must have {len(ids)} numbers, received {array.shape}"
                raise ValueError(message)
            wrong = np.flatnonzero(~(array >= 0) | ~np.isfinite(array))
            if len(wrong):
                raise InputError(
                    "measure.error.criterion_values",
                    name=name,
                    ids=some_ids(ids[wrong]),
                    count=len(wrong),
                )
            if weights.get(name, 0.0) > 0 and not array.sum() > 0:
                raise InputError("measure.error.criterion_empty", name=name)
            array.setflags(write=False)
            values[name] = array
        total = sum(weights.values())
        object.__setattr__(self, "grid_ids", ids)
        object.__setattr__(self, "criteria", MappingProxyType(values))
        object.__setattr__(
            self, "weights", MappingProxyType({n: w / total for n, w in weights.items() if w > 0})
        )

    @classmethod
    def from_city(
        cls,
        city: City,
        weights: Mapping[str, float],
        *,
        since: Moment = None,
        until: Moment = None,
    ) -> Self:
        """Return the workload of a city's grids.

        Parameters
        ----------
        city
            A city with grids.
        weights
            Criteria of `CRITERIA`, or numeric columns of the grids, with their weights.
        since, until
            Period of the incidents, ``since <= time < until``.
        """
        wanted = [name for name, weight in weights.items() if weight]
        values = {n: criterion_of(city, n, since=since, until=until) for n in wanted}
        return cls(city.grids.ids, values, {name: weights[name] for name in wanted})

    def __len__(self) -> int:
        return len(self.grid_ids)

    def __repr__(self) -> str:
        parts = ", ".join(f"{name} {weight:.0%}" for name, weight in self.weights.items())
        return f"<Workload: {len(self)} grids by {parts}>"

    @cached_property
    def load(self) -> Floats:
        """Each grid's part of the city's work; adds up to 1."""
        load = np.zeros(len(self))
        for name, weight in self.weights.items():
            load += weight * self.criteria[name] / self.criteria[name].sum()
        return load

    def explain(self) -> pd.DataFrame:
        """Return each grid's load and the part that each criterion has in it.

        Returns
        -------
        DataFrame
            Index of grid ids; for each criterion its own number ``name`` and its part of
            the load ``name_part``; and ``load``, the sum of the parts.
        """
        columns: dict[str, Floats] = {}
        for name, weight in self.weights.items():
            columns[name] = self.criteria[name]
            columns[f"{name}_part"] = weight * self.criteria[name] / self.criteria[name].sum()
        return pd.DataFrame({**columns, "load": self.load}, index=pd.Index(self.grid_ids))


def criterion_of(city: City, name: str, *, since: Moment = None, until: Moment = None) -> Floats:
    """Return a criterion of each grid: one of `CRITERIA`, or a numeric column of the grids.

    ``incidents@22-6`` counts the incidents from 22:00 until before 6:00 only, those without
    a time left out; ``hot_spots`` those in grids that are hot spots (`find_hotspots`), so
    that beats share them.

    Raises
    ------
    InputError
        If the city does not have it.
    """
    grids = city.grids
    if "@" in name:
        return _by_hour(city, name, since=since, until=until)
    if name == "hot_spots" and not grids.has(name):
        counts = criterion_of(city, "incidents", since=since, until=until)
        hot = find_hotspots(city, since=since, until=until).kind == "hot"
        return np.where(hot, counts, 0.0)
    if name == "area_km2":
        return np.nan_to_num(grids.area_m2) / 1e6
    if name == "road_km" and city.has(Kind.ROAD):
        return road_length_m(grids.geometry, city.layer(Kind.ROAD).geometry) / 1e3
    if name == "incidents" and city.incidents is not None:
        return count_incidents_by(city, Kind.GRID, since=since, until=until)[0]
    if grids.has(name) and pd.api.types.is_numeric_dtype(grids.frame[name]):
        if name == "incidents" and (since is not None or until is not None):
            raise InputError("measure.error.counts_have_no_times", city=city.label)
        return grids.counts(name)
    raise InputError("measure.error.criterion_missing", name=name, known=", ".join(_known(city)))


def _by_hour(city: City, name: str, *, since: Moment, until: Moment) -> Floats:
    """Return the incidents of each grid in a band of hours that may pass midnight."""
    written = re.fullmatch(r"incidents@(\d{1,2})-(\d{1,2})", name)
    if written is None or max(map(int, written.groups())) > _DAY_H:
        raise InputError("measure.error.hour_band", received=name)
    first, after = (int(hour) % _DAY_H for hour in written.groups())
    if first == after:
        raise InputError("measure.error.hour_band", received=name)
    if city.incidents is None:
        raise InputError("measure.error.counts_have_no_times", city=city.label)
    counts = count_located(city, Kind.GRID, since=since, until=until, by=("hour",))
    hour = np.arange(counts.hours) % _DAY_H
    inside = (hour >= first) & (hour < after)
    if after < first:
        inside = (hour >= first) | (hour < after)
    return counts.table("polygon", "hour")[:, inside].sum(axis=1).astype(float)


def parse_weights(text: str) -> dict[str, float]:
    """Read weights written as ``residents=0.5,incidents=0.5``.

    A name alone has weight 1.

    Raises
    ------
    InputError
        If a weight is not a number or a name occurs twice.

    Examples
    --------
    >>> parse_weights("residents=0.7, area_km2=0.3")
    {'residents': 0.7, 'area_km2': 0.3}
    """
    weights: dict[str, float] = {}
    for part in filter(None, (item.strip() for item in text.replace("，", ",").split(","))):
        name, _, number = (piece.strip() for piece in part.partition("="))
        try:
            weight = float(number) if number else 1.0
        except ValueError as error:
            raise InputError("measure.error.weight_text", received=part) from error
        if name in weights or not name:
            raise InputError("measure.error.weight_text", received=part)
        weights[name] = weight
    _check_weights(weights, list(weights))
    return weights


def _check_weights(weights: Mapping[str, float], known: list[str]) -> None:
    unknown = [name for name, weight in weights.items() if weight and name not in known]
    if unknown:
        raise InputError(
            "measure.error.criterion_missing", name=some_ids(unknown), known=", ".join(known)
        )
    wrong = [name for name, weight in weights.items() if not 0 <= weight <= _LARGEST]
    if wrong or not any(weight > 0 for weight in weights.values()):
        received = ", ".join(f"{name}={weight}" for name, weight in weights.items())
        raise InputError("measure.error.weights", received=received, most=f"{_LARGEST:g}")


def _known(city: City) -> list[str]:
    columns = city.grids.frame.select_dtypes("number").columns
    known = {"area_km2", *map(str, columns)}
    known |= {"road_km"} if city.has(Kind.ROAD) else set()
    known |= {"incidents", "incidents@22-6"} if city.incidents is not None else set()
    known |= {"hot_spots"} if "incidents" in known else set()
    return sorted(known)


def road_length_m(polygons: npt.ArrayLike, roads: npt.ArrayLike) -> Floats:
    """Return the length of road in each polygon, in metres.

    A stretch of road along a shared border belongs to its polygons in equal parts, so what
    the polygons hold never exceeds what there is.

    Parameters
    ----------
    polygons
        Polygons in a projected CRS, metres, shape (n,).
    roads
        Lines in the same CRS.
    """
    shapes = np.asarray(polygons, dtype=object)
    length = np.zeros(len(shapes))
    lines = shapely.get_parts(np.asarray(roads, dtype=object))
    points, line_of = shapely.get_coordinates(lines, return_index=True)
    joined = line_of[1:] == line_of[:-1]
    ends = np.stack([points[:-1], points[1:]], axis=1)[joined]
    ends = ends[(ends[:, 0] != ends[:, 1]).any(axis=1)]
    stretches = shapely.linestrings(ends)
    if not len(stretches):
        return length
    whole = shapely.length(stretches)
    # "Covers" is cheap with prepared polygons; only what leaves a polygon is cut.
    tree = shapely.STRtree(stretches)
    polygon, stretch = tree.query(shapes, predicate="intersects")
    own = prepared_copies(shapes)
    inside = np.zeros(len(polygon), bool)
    for row in np.unique(polygon):
        at = (
            polygon == row if len(shapes) < 2 else slice(*np.searchsorted(polygon, [row, row + 1]))
        )
        inside[at] = shapely.contains_properly(own[row], stretches[stretch[at]])
    part = np.where(inside, whole[stretch], 0.0)
    cut = ~inside
    part[cut] = shapely.length(shapely.intersection(shapes[polygon[cut]], stretches[stretch[cut]]))
    held = np.bincount(stretch, weights=part, minlength=len(stretches))
    scale = np.minimum(1.0, np.divide(whole, held, out=np.ones_like(whole), where=held > 0))
    np.add.at(length, polygon, part * scale[stretch])
    return length


# -- how evenly loads are spread over beats, and the rank of each (定期排名), with ties


@dataclass(frozen=True, slots=True)
class Balance:
    """How far loads are from their targets; every measure is 0 when all are met.

    Attributes
    ----------
    worst_deviation
        Greatest ``|load / target - 1|``.
    most_over, most_under
        Greatest and least ``load / target - 1``: 0.17 is 17 % over, -0.28 is 28 % under.
    cv
        Coefficient of variation of ``load / target``: standard deviation (of the beats
        themselves, not of a sample) over the mean.
    gini
        Gini coefficient of ``load / target``: mean absolute difference of all pairs over
        twice the mean; 0 for equal loads, ``1 - 1/n`` if one beat of n carries all.
    """

    worst_deviation: float
    most_over: float
    most_under: float
    cv: float
    gini: float


def balance(loads: npt.ArrayLike, *, targets: npt.ArrayLike | None = None) -> Balance:
    """Measure how evenly loads are spread.

    Parameters
    ----------
    loads
        One number per beat, not negative.
    targets
        What each beat should carry, for example in proportion to its officers; scaled to
        the total of the loads. Equal parts if None.

    Returns
    -------
    Balance
        All zeros where there is no load or no beat.

    Examples
    --------
    >>> balance([90.0, 110.0]).worst_deviation
    0.1...
    """
    carried = np.asarray(loads, np.float64)
    wanted = np.ones(len(carried)) if targets is None else np.asarray(targets, np.float64)
    if carried.ndim != 1 or wanted.shape != carried.shape:
        message = f"loads and targets must be of one length: {carried.shape}, {wanted.shape}"
        raise ValueError(message)
    if not (carried >= 0).all() or not (wanted > 0).all():
        message = "loads must not be negative and targets must be positive"
        raise ValueError(message)
    if not carried.sum() > 0:
        return Balance(0.0, 0.0, 0.0, 0.0, 0.0)
    ratio = carried / (wanted * (carried.sum() / wanted.sum()))
    return Balance(
        worst_deviation=float(np.abs(ratio - 1.0).max()),
        most_over=float(ratio.max() - 1.0),
        most_under=float(ratio.min() - 1.0),
        cv=float(ratio.std() / ratio.mean()),
        gini=_gini(ratio),
    )


def _gini(values: Floats) -> float:
    ordered = np.sort(values)
    n = len(ordered)
    rank = np.arange(1, n + 1)
    return float(max((2 * rank - n - 1) @ ordered / (n * ordered.sum()), 0.0))


def rank(
    values: npt.ArrayLike,
    ids: npt.ArrayLike,
    *,
    highest_first: bool = True,
    decimals: int | None = None,
) -> pd.DataFrame:
    """Rank beats or stations by a value.

    Equal values share the better rank, and the next rank is skipped (1, 2, 2, 4); among
    them the order is that of the input.

    Parameters
    ----------
    values
        One number each; NaN is not ranked and comes last.
    ids
        Names.
    highest_first
        Whether the highest value has rank 1.
    decimals
        Compare values as printed, rounded to this number of decimals.

    Returns
    -------
    DataFrame
        ``id, value, rank`` (missing for NaN) and ``tied_with``, how many others share the
        rank; best first.
    """
    numbers = pd.Series(np.asarray(values, np.float64))
    compared = numbers if decimals is None else numbers.round(decimals)
    ranks = compared.rank(method="min", ascending=not highest_first)
    tied = compared.groupby(compared).transform("size") - 1
    table = pd.DataFrame(
        {
            "id": np.asarray(ids),
            "value": numbers,
            "rank": ranks.astype("Int64"),
            "tied_with": tied.fillna(0).astype(int),
        }
    )
    return table.sort_values("rank", kind="stable", na_position="last", ignore_index=True)


def known_criteria(city: City, *, among: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the criteria of workload that a city has something of; all are tried by default."""
    found = []
    for name in among or CRITERIA:
        with suppress(InputError):
            if name == "road_km" and city.has(Kind.ROAD):
                has_some = _crossed(city.grids.geometry, city.layer(Kind.ROAD).geometry)
            else:
                has_some = criterion_of(city, name).sum() > 0
            found += [name] if has_some else []
    return tuple(found)


def _crossed(polygons: npt.NDArray[np.object_], lines: npt.NDArray[np.object_]) -> bool:
    """Return whether any line runs through or along a polygon; it stops at the first that does."""
    line, polygon = shapely.STRtree(polygons).query(lines)
    batches = (slice(start, start + _BATCH) for start in range(0, len(line), _BATCH))
    return any(
        shapely.length(shapely.intersection(lines[line[at]], polygons[polygon[at]])).any()
        for at in batches
    )


def usual_weights(city: City) -> Mapping[str, float]:
    """Return residents and incidents in halves, or the one that is known, or area."""
    known = known_criteria(city, among=("residents", "incidents"))
    return dict.fromkeys(known, 0.5) or {"area_km2": 1.0}
