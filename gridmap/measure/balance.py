"""How evenly loads are spread over beats, and where each stands (定期排名), ties stated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Balance", "balance", "rank"]


Floats = npt.NDArray[np.float64]


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
        One number each; NaN is not ranked and stands last.
    ids
        Names.
    highest_first
        Whether the highest value has rank 1.
    decimals
        Compare values as printed, rounded to so many decimals.

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
