"""考评: indicators of beats or stations, standardised, with what chance may have done to each.

A rate of a small beat is high or low by chance. Each indicator that is a count over an exposure,
or a share of a count, is therefore drawn towards the common level by empirical Bayes, and what
is left uncertain is carried into the score and the ranking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from gridmap.typing import Floats

__all__ = ["Assessment", "Indicator", "assess_units", "shrunken"]


_DRAWS = 4_000
_ROUNDS = 60  # of the fit of the spread between units
_SURE = 0.95  # probability that one unit is better than another, to be distinguished
_LEVEL = 0.05  # of the test whether units differ at all
_INTERVAL = (0.05, 0.95)


@dataclass(frozen=True, slots=True, eq=False)
class Indicator:
    """One indicator of all units.

    Parameters
    ----------
    key
        What it is called.
    values
        One a unit, in the indicator's unit; NaN where unknown.
    better
        ``high`` or ``low``: what is good.
    weight
        Part in the score, above 0.
    target
        The value that is asked for; the mean of the units if None.
    counts, exposure
        Where the value is chance's: events of each unit and what they are over, with
        ``values = scale * counts / exposure``; None for an exact value.
    scale
        See there.
    share
        The events are some of ``exposure`` (a share), not incidents over it (a rate).
    """

    key: str
    values: Floats
    better: Literal["high", "low"] = "low"
    weight: float = 1.0
    target: float | None = None
    counts: Floats | None = None
    exposure: Floats | None = None
    scale: float = 1.0
    share: bool = False


@dataclass(frozen=True, eq=False)
class Assessment:
    """Scores and ranks.

    Attributes
    ----------
    rows
        Best first: ``row`` (of the input), ``score`` (weighted mean of standardised indicators,
        0 is the target or the mean), ``low, high`` (90 % interval), ``rank, rank_low,
        rank_high`` (90 % interval of the rank) and ``band``: the units of one band cannot be
        distinguished from its first.
    estimates
        By indicator, shape (units, indicators): values drawn towards the common level.
    spread
        Standard deviation of each estimate, same shape; 0 where it is exact.
    weight
        The part of each unit's own value in its estimate, 1 where it is exact, same shape.
    """

    rows: pd.DataFrame
    estimates: Floats
    spread: Floats
    weight: Floats


def shrunken(
    counts: npt.ArrayLike, exposure: npt.ArrayLike, *, share: bool = False
) -> tuple[Floats, Floats, Floats]:
    """Return empirical Bayes estimates of rates or shares, their spread and their own part.

    A rate is Poisson over its exposure with a gamma prior (Marshall 1991, *Applied Statistics*
    40(2); Clayton and Kaldor 1987, *Biometrics* 43), a share binomial with a beta prior. Mean
    and variance of the prior are fitted by moments, repeated with the weights that they imply
    until they settle. Where the units differ no more than chance makes them, all have the
    common level, and nobody is better.

    Parameters
    ----------
    counts, exposure
        Shape (n,); nothing is known of a unit whose exposure is 0.
    share
        Whether counts are some of a whole exposure.

    Returns
    -------
    estimate, spread, own
        Shape (n,) each: posterior mean and standard deviation, and the weight of the unit's
        own value, 0 to 1.

    Examples
    --------
    >>> estimate, spread, own = shrunken([1, 100, 60], [10, 1000, 1000])
    >>> bool(own[0] < own[1])
    True
    """
    events, over = np.asarray(counts, np.float64), np.asarray(exposure, np.float64)
    known = over > 0
    rate = np.divide(events, over, out=np.zeros(len(events)), where=known)
    total = over[known].sum()
    mean = events[known].sum() / total if total > 0 else 0.0
    between = 0.0
    for _ in range(_ROUNDS):
        noise = mean * (1.0 - mean) if share else mean
        own = np.zeros(len(events))
        if between > 0:
            own[known] = between / (between + noise / over[known])
        else:
            own[known] = over[known] / over[known].max()
        part = own[known]
        if not part.sum() > 0:
            break
        mean = float((part * rate[known]).sum() / part.sum())
        square = (part * (rate[known] - mean) ** 2).sum()
        excess = square - (part * (1 - part / part.sum()) * noise / over[known]).sum()
        free = part.sum() - (part**2).sum() / part.sum()
        before, between = between, max(0.0, excess / free) if free > 0 else 0.0
        if abs(between - before) <= 1e-9 * max(mean, 1e-12) ** 2:
            break
    if _is_chance(events[known], over[known], share=share):
        mean, between = events[known].sum() / total if total > 0 else 0.0, 0.0
    noise = mean * (1.0 - mean) if share else mean
    own = np.zeros(len(events))
    if between > 0:
        own[known] = between / (between + noise / over[known])
    estimate = own * rate + (1.0 - own) * mean
    variance = np.where(known, own * _noise(estimate, share=share) / np.maximum(over, 1e-300), 0.0)
    variance = np.where(own > 0, variance, between)
    return estimate, np.sqrt(variance), own


def _is_chance(events: Floats, over: Floats, *, share: bool) -> bool:
    """Return whether the units differ no more than chance makes them (homogeneity, chi-square)."""
    if len(events) < 2 or not events.sum() > 0:
        return True
    mean = float(events.sum() / over.sum())
    noise = mean * (1.0 - mean) if share else mean
    if noise <= 0:
        return True
    square = float((over * (events / over - mean) ** 2).sum() / noise)
    return bool(scipy.special.chdtrc(len(events) - 1, square) > _LEVEL)


def _noise(rate: Floats, *, share: bool) -> Floats:
    return np.asarray(rate * (1.0 - rate) if share else rate)


def assess_units(indicators: tuple[Indicator, ...], *, seed: int = 0) -> Assessment:
    """Score and rank units by several indicators.

    Each estimate is standardised by the spread of the true values between units, turned so
    that more is better, and compared with the target or the mean. The score is the weighted
    mean. What each estimate may be off is drawn many times: intervals and chances come from
    there.

    Parameters
    ----------
    indicators
        One or more, of the same units; a unit without a value of one is judged by the others.
    seed
        Of the draws.
    """
    size = len(indicators[0].values)
    estimates, spread, own = (np.full((size, len(indicators)), np.nan) for _ in range(3))
    standard, noise = np.zeros((size, len(indicators))), np.zeros((size, len(indicators)))
    weights = np.zeros((size, len(indicators)))
    for at, one in enumerate(indicators):
        known = np.isfinite(one.values)
        if one.counts is not None and one.exposure is not None:
            value, wide, part = shrunken(
                np.where(known, one.counts, 0.0),
                np.where(known, one.exposure, 0.0),
                share=one.share,
            )
            estimates[:, at], spread[:, at] = one.scale * value, one.scale * wide
            own[:, at] = part
        else:
            estimates[known, at] = one.values[known]
            spread[known, at], own[known, at] = 0.0, 1.0
        held = estimates[known, at]
        middle = (held.mean() if known.any() else 0.0) if one.target is None else one.target
        # The estimates vary less than the truth by just what each is uncertain.
        true = np.sqrt(held.var() + np.mean(spread[known, at] ** 2)) if known.any() else 0.0
        turn = 1.0 if one.better == "high" else -1.0
        if true > 0:
            standard[known, at] = turn * (held - middle) / true
            noise[known, at] = spread[known, at] / true
        weights[known, at] = one.weight
    total = weights.sum(axis=1)
    share = np.divide(
        weights, total[:, None], out=np.zeros_like(weights), where=total[:, None] > 0
    )
    score = np.where(total > 0, (share * standard).sum(axis=1), np.nan)
    wide = np.sqrt((share**2 * noise**2).sum(axis=1))
    rows = _ranked(score, wide, seed)
    return Assessment(rows, estimates, spread, own)


def _ranked(score: Floats, spread: Floats, seed: int) -> pd.DataFrame:
    """Return units in the order of their score, with intervals and bands."""
    known = np.flatnonzero(np.isfinite(score))
    order = known[np.argsort(-score[known], kind="stable")]
    # Equal scores share their ranks by lot.
    lot = np.random.default_rng(seed).normal(size=(_DRAWS, len(order)))
    drawn = score[order] + np.maximum(spread[order], 1e-9) * lot
    ranks = 1 + np.argsort(np.argsort(-drawn, axis=1, kind="stable"), axis=1, kind="stable")
    low, high = (np.quantile(drawn, level, axis=0) for level in _INTERVAL)
    first, last = (
        np.quantile(ranks, level, axis=0, method="nearest").astype(int) for level in _INTERVAL
    )
    band = np.zeros(len(order), int)
    head = 0
    for at in range(1, len(order)):
        better = float((drawn[:, head] > drawn[:, at]).mean())
        if better >= _SURE:
            head = at
            band[at] = band[at - 1] + 1
        else:
            band[at] = band[at - 1]
    return pd.DataFrame(
        {
            "row": order,
            "score": score[order],
            "low": low,
            "high": high,
            "rank": np.arange(1, len(order) + 1),
            "rank_low": first,
            "rank_high": last,
            "band": band + 1,
        }
    )
