"""同比 and 环比: what changed from period to period, and whether chance explains it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import betainc, gammaln

__all__ = ["compare_periods"]


def compare_periods(
    now: npt.ArrayLike,
    before: npt.ArrayLike,
    *,
    days_now: float = 1.0,
    days_before: float = 1.0,
    alpha: float = 0.05,
    index: npt.ArrayLike | None = None,
) -> pd.DataFrame:
    """Compare counts of two periods, for example by category or by beat.

    If nothing but chance changed, ``now`` is one of ``now + before`` draws with chance
    ``days_now / (days_now + days_before)`` (Przyborowski and Wilenski 1940, *Biometrika*
    31); the p-value is that exact binomial test's, two-sided. Where many lines are compared
    some stand out by chance, so significance is by the false discovery rate.

    Parameters
    ----------
    now, before
        Whole numbers, one per line.
    days_now, days_before
        Lengths of the periods; months differ by up to a tenth.
    alpha
        Share of false alarms accepted among the lines called significant.
    index
        Names of the lines.

    Returns
    -------
    DataFrame
        ``now, before, change`` (now less what before's daily rate gives), ``change_percent``
        (NaN where there was nothing before), ``p_value``, ``significant``.
    """
    new, old = np.asarray(now, np.int64), np.asarray(before, np.int64)
    if new.shape != old.shape or (new < 0).any() or (old < 0).any():
        message = "counts must be of one length and not negative"
        raise ValueError(message)
    usual = old * (days_now / days_before)
    chance = days_now / (days_now + days_before)
    p_value = _binomial_p(new, new + old, chance)
    ordered = np.sort(p_value)
    passed = ordered[ordered <= alpha * np.arange(1, len(ordered) + 1) / max(len(ordered), 1)]
    percent = np.divide(
        100.0 * (new - usual), usual, out=np.full(len(new), np.nan), where=usual > 0
    )
    return pd.DataFrame(
        {
            "now": new,
            "before": old,
            "change": new - usual,
            "change_percent": percent,
            "p_value": p_value,
            "significant": p_value <= (passed[-1] if len(passed) else -1.0),
        },
        index=None if index is None else pd.Index(np.asarray(index)),
    )


def _binomial_p(
    hits: npt.NDArray[np.int64], draws: npt.NDArray[np.int64], chance: float
) -> npt.NDArray[np.float64]:
    """Return the two-sided p-value of the exact binomial test of each line.

    All outcomes no more likely than the one seen count, those within 1e-7 of it too, as
    `scipy.stats.binomtest` has it; that takes milliseconds a line.
    """
    # A line above its mean is one below the mean of the misses.
    above = hits > draws * chance
    k = np.where(above, draws - hits, hits).astype(float)
    p = np.where(above, 1.0 - chance, chance)
    n = draws.astype(float)

    def log_chance(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        ways = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
        return np.asarray(ways + x * np.log(p) + (n - x) * np.log1p(-p))

    limit = log_chance(k) + np.log1p(1e-7)
    # Beyond the mean the chances fall: find the first that is no more likely.
    low, high = np.ceil(n * p), n + 1
    while (low < high).any():
        middle = np.floor((low + high) / 2)
        rare = log_chance(np.minimum(middle, n)) <= limit
        low, high = np.where(rare | (low >= high), low, middle + 1), np.where(rare, middle, high)
    # Tails of the binomial as incomplete beta functions: up to k, and from low on.
    p_value = betainc(np.maximum(n - k, 1), k + 1, 1.0 - p)
    p_value += np.where(low > n, 0.0, betainc(np.maximum(low, 1), np.maximum(n - low + 1, 1), p))
    return np.where(k == n * p, 1.0, np.minimum(p_value, 1.0))
