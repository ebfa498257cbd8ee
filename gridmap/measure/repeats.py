"""重复警情: places that call again, and incidents that follow near others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from gridmap.measure._pairs import count_pairs

__all__ = ["KnoxTest", "knox_test", "repeated_places"]

Floats = npt.NDArray[np.float64]


def repeated_places(
    x: npt.ArrayLike, y: npt.ArrayLike, time: npt.ArrayLike, *, place_m: float = 10.0
) -> pd.DataFrame:
    """Return the places with two incidents or more.

    A place is a square of ``place_m`` metres; addresses of one building that are geocoded a
    few metres apart are one place.

    Parameters
    ----------
    x, y
        Coordinates, metres.
    time
        Times, ``datetime64``; NaT is no time.
    place_m
        Side of the squares, which begin at multiples of it.

    Returns
    -------
    DataFrame
        ``x, y`` (mean of its incidents), ``incidents, first, last``, and
        ``median_days_between``; most incidents first.
    """
    table = pd.DataFrame(
        {
            "x": np.asarray(x, np.float64),
            "y": np.asarray(y, np.float64),
            "time": np.asarray(time, "datetime64[s]"),
        }
    )
    column, row = (np.floor(table[axis] / place_m).astype(np.int64) for axis in ("x", "y"))
    table = table.assign(column=column, row=row).sort_values(["row", "column", "time"])
    places = table.groupby(["row", "column"], sort=True)
    days = places["time"].diff().dt.total_seconds() / 86_400
    found = places.agg(
        x=("x", "mean"),
        y=("y", "mean"),
        incidents=("x", "size"),
        first=("time", "min"),
        last=("time", "max"),
    )
    found["median_days_between"] = days.groupby([table["row"], table["column"]]).median()
    found = found[found["incidents"] > 1]
    return found.sort_values("incidents", ascending=False, kind="stable").reset_index(drop=True)


@dataclass(frozen=True, slots=True, eq=False)
class KnoxTest:
    """Pairs of incidents by how near they are in space and time.

    Attributes
    ----------
    distances_m, days
        Upper ends of the bands; a pair belongs to the first band whose end it does not
        exceed.
    pairs
        Pairs in each band, shape (distances, days).
    expected
        Mean number of pairs when times are shuffled among the incidents.
    p_value
        Share of shuffles, the observed order among them, with at least as many pairs: of one
        band that was chosen beforehand.
    p_adjusted
        The same for bands that are looked at together: share of shuffles in which any band
        exceeds its mean by as many standard deviations as this one does (the greatest
        standardised excess of Westfall and Young 1993). At most a level of them is false.
    """

    distances_m: Floats
    days: Floats
    pairs: npt.NDArray[np.int64]
    expected: Floats
    p_value: Floats
    p_adjusted: Floats

    @property
    def ratio(self) -> Floats:
        """Observed over expected pairs; above 1 incidents breed near repeats."""
        return np.divide(
            self.pairs,
            self.expected,
            out=np.full(self.pairs.shape, np.nan),
            where=self.expected > 0,
        )


def knox_test(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    time: npt.ArrayLike,
    *,
    distances_m: npt.ArrayLike = (10.0, 100.0, 200.0, 300.0, 400.0),
    days: npt.ArrayLike = (7.0, 14.0, 21.0, 28.0),
    permutations: int = 199,
    seed: int = 0,
) -> KnoxTest:
    """Test whether incidents near in space are also near in time.

    Knox (1964), *Applied Statistics* 13; with permutations as Johnson et al. (2007),
    *Journal of Quantitative Criminology* 23: places stay, times are shuffled.

    Parameters
    ----------
    x, y
        Coordinates, metres.
    time
        Times; incidents without a time are left out.
    distances_m, days
        Upper ends of the bands, ascending.
    permutations, seed
        Number of shuffles, and the seed.
    """
    when = np.asarray(time, "datetime64[s]")
    known = ~np.isnat(when)
    place = np.column_stack([np.asarray(x, np.float64)[known], np.asarray(y, np.float64)[known]])
    day = when[known].astype(np.int64) / 86_400
    far, late = np.asarray(distances_m, np.float64), np.asarray(days, np.float64)
    pairs = scipy.spatial.cKDTree(place).query_pairs(far[-1], output_type="ndarray")
    apart = np.hypot(*(place[pairs[:, 0]] - place[pairs[:, 1]]).T)
    band = np.searchsorted(far, apart)
    kept = band < len(far)  # rounding at the last end
    pairs, band = pairs[kept].astype(np.int64), band[kept]
    shape = (len(far), len(late))

    def counted(times: Floats) -> npt.NDArray[np.int64]:
        table = np.zeros(shape, np.int64)
        count_pairs(pairs, band, times, late, table)
        return table

    rng = np.random.default_rng(seed)
    observed = counted(day)
    tables = np.array([observed, *(counted(rng.permutation(day)) for _ in range(permutations))])
    at_least = (tables >= observed).sum(axis=0)
    # The observed order is one of the equally likely ones, so it has part in mean and spread.
    spread = tables.std(axis=0)
    excess = np.divide(
        tables - tables.mean(axis=0), spread, out=np.zeros(tables.shape), where=spread > 0
    )
    greatest = excess.max(axis=(1, 2), initial=-np.inf)
    beyond = (greatest[:, None, None] >= excess[0] - 1e-12).sum(axis=0)
    return KnoxTest(
        far,
        late,
        observed,
        tables[1:].mean(axis=0) if permutations else np.full(shape, np.nan),
        at_least / (permutations + 1),
        beyond / (permutations + 1),
    )
