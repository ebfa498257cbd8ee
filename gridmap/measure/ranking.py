"""定期排名: who stands where, with ties stated."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["rank"]


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
