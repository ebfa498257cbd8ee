"""Incidents per resident, and what is left of it when chance is taken out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["smoothed_rates"]


def smoothed_rates(
    events: npt.ArrayLike, population: npt.ArrayLike, *, per: float = 1000.0
) -> pd.DataFrame:
    """Return raw rates and their empirical Bayes estimates.

    A grid with 12 residents and one incident has a rate of 83 per 1,000 by chance alone.
    The global estimator of Marshall (1991), *Applied Statistics* 40(2), draws each rate
    ``r_i = e_i / p_i`` towards the mean ``m = sum e / sum p``, the more so the fewer people
    it stands on: ``w_i r_i + (1 - w_i) m`` with ``w_i = A / (A + m / p_i)`` and
    ``A = max(0, sum_i p_i (r_i - m)**2 / sum p - m / mean p)``.

    Parameters
    ----------
    events, population
        Incidents and residents of each polygon, not negative.
    per
        Residents that a rate is for.

    Returns
    -------
    DataFrame
        ``raw`` (NaN without residents), ``smoothed`` (the mean where nobody lives) and
        ``weight``, the part that the polygon's own rate has in it, 0 to 1. All NaN where
        nobody lives anywhere.
    """
    count = np.asarray(events, np.float64)
    people = np.asarray(population, np.float64)
    if count.shape != people.shape or (count < 0).any() or (people < 0).any():
        message = "events and population must be of one length and not negative"
        raise ValueError(message)
    lived = people > 0
    raw = np.divide(count, people, out=np.full(len(count), np.nan), where=lived)
    if not lived.any():
        return pd.DataFrame({"raw": raw, "smoothed": raw, "weight": raw})
    total = people[lived].sum()
    mean = count[lived].sum() / total
    spread = (people[lived] * (raw[lived] - mean) ** 2).sum() / total
    between = max(0.0, spread - mean / people[lived].mean())
    weight = np.zeros(len(count))
    if between > 0:
        weight[lived] = between / (between + mean / people[lived])
    smoothed = weight * np.where(lived, raw, 0.0) + (1.0 - weight) * mean
    return pd.DataFrame({"raw": per * raw, "smoothed": per * smoothed, "weight": weight})
