"""Hot spots: where incidents concentrate more than chance allows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gridmap.errors import InputError
from gridmap.measure._permute import permuted_lags
from gridmap.model import Adjacency

if TYPE_CHECKING:
    from libpysal.weights import W

__all__ = ["HotSpots", "Method", "compare_hot_spots", "hot_spots"]

Floats = npt.NDArray[np.float64]
Method = Literal["gi", "moran"]


@dataclass(frozen=True, slots=True, eq=False)
class HotSpots:
    """Which grids are hot or cold.

    Attributes
    ----------
    kind
        ``hot``, ``cold`` or ``none`` (not significant) for each grid; by local Moran also
        ``high among low`` and ``low among high``.
    score
        Standard score: of Gi*, or of local Moran's I.
    p_value
        Two-sided; of Gi* from the normal distribution, of local Moran from permutations.
    threshold
        Greatest p that is significant once all grids are tested together, by the false
        discovery rate; 0 if none is.
    method
        ``gi`` or ``moran``.
    """

    kind: npt.NDArray[np.str_]
    score: Floats
    p_value: Floats
    threshold: float
    method: Method


def hot_spots(
    values: npt.ArrayLike,
    adjacency: Adjacency,
    *,
    method: Method = "gi",
    alpha: float = 0.05,
    permutations: int = 9999,
    seed: int = 0,
) -> HotSpots:
    """Find hot and cold spots, corrected for testing every grid.

    Getis-Ord Gi* (Ord and Getis 1995, *Geographical Analysis* 27(4)) compares the sum over
    a grid and its neighbours with what the city's mean would give; local Moran (Anselin
    1995, 27(2)) asks whether a grid and its neighbours differ from the mean together.
    Gi* is esda's; significance is by the false discovery rate (Caldas de Castro and Singer
    2006, 38(2)): without it one grid in twenty is a hot spot by chance.

    Parameters
    ----------
    values
        One number per grid: incidents, a density or a rate.
    adjacency
        Neighbours: grids that share a border, barriers or not.
    method
        ``gi`` or ``moran``.
    alpha
        Share of false discoveries accepted.
    permutations, seed
        Of local Moran. No p-value is below ``2 / (permutations + 1)``, so few permutations
        let nothing pass the correction where many grids are tested.

    Raises
    ------
    InputError
        If a value is missing or all are equal.
    """
    y = np.asarray(values, np.float64)
    if len(y) != adjacency.size:
        message = f"{len(y)} values for {adjacency.size} grids"
        raise ValueError(message)
    if len(y) < 3 or not np.isfinite(y).all() or y.min() == y.max():
        raise InputError("measure.error.hot_spot_values", count=len(y))
    if method == "gi":
        kind, score, p_value = _getis_ord(y, _weights(adjacency))
    else:
        kind, score, p_value = _local_moran(y, adjacency, permutations, seed)
    threshold = _threshold(p_value, alpha)
    return HotSpots(
        kind=np.where(p_value <= threshold, kind, "none"),
        score=score,
        p_value=p_value,
        threshold=threshold,
        method=method,
    )


def compare_hot_spots(before: HotSpots, now: HotSpots) -> npt.NDArray[np.str_]:
    """Return what became of each grid's hot spot.

    ``emerging`` (hot now, not before), ``lasting`` (hot in both), ``fading`` (hot before
    only), ``none``.
    """
    was, is_hot = before.kind == "hot", now.kind == "hot"
    return np.select(
        [is_hot & ~was, is_hot & was, was], ["emerging", "lasting", "fading"], default="none"
    )


def _weights(adjacency: Adjacency) -> W:
    from libpysal.weights import W

    neighbours: dict[int, list[int]] = {row: [] for row in range(adjacency.size)}
    for one, other in zip(adjacency.first.tolist(), adjacency.second.tolist(), strict=True):
        neighbours[one].append(other)
        neighbours[other].append(one)
    return W(neighbours, silence_warnings=True)


def _getis_ord(y: Floats, w: W) -> tuple[npt.NDArray[np.str_], Floats, Floats]:
    from esda import G_Local

    with warnings.catch_warnings():
        # esda warns that it adds each grid to its own neighbours: that is Gi*.
        warnings.simplefilter("ignore")
        found = G_Local(y, w, transform="B", star=True, permutations=0)
    score = np.asarray(found.Zs, np.float64)
    p_value = np.minimum(2.0 * np.asarray(found.p_norm, np.float64), 1.0)
    return np.where(score > 0, "hot", "cold"), score, p_value


def _local_moran(
    y: Floats, adjacency: Adjacency, permutations: int, seed: int
) -> tuple[npt.NDArray[np.str_], Floats, Floats]:
    z = (y - y.mean()) / y.std()
    ones = np.ones(len(adjacency.first))
    pairs = (adjacency.first, adjacency.second)
    half = sparse.coo_array((ones, pairs), shape=(len(y), len(y)))
    near = sparse.csr_array(half + half.T)
    starts, neighbours = near.indptr.astype(np.int64), near.indices.astype(np.int64)
    rng = np.random.default_rng(seed)
    at_least, mean, spread = permuted_lags(z, starts, neighbours, permutations, rng)
    # Of one side, the smaller tail, as esda counts it; then of both.
    tail = np.minimum(at_least, permutations - at_least)
    p_value = np.minimum(2.0 * (tail + 1.0) / (permutations + 1.0), 1.0)
    sizes = np.diff(starts)
    p_value[sizes == 0] = 1.0
    lag = (near @ z) / np.maximum(sizes, 1)
    score = np.divide(z * lag - mean, spread, out=np.zeros(len(y)), where=spread > 0)
    kind = np.where(
        z > 0,
        np.where(lag > 0, "hot", "high among low"),
        np.where(lag > 0, "low among high", "cold"),
    )
    return kind, score, p_value


def _threshold(p_value: Floats, alpha: float) -> float:
    """Return the greatest p-value that the false discovery rate lets pass, or 0.

    Benjamini and Hochberg (1995): the greatest ``p_(k) <= alpha * k / n``.
    """
    ordered = np.sort(p_value)
    passed = ordered <= alpha * np.arange(1, len(ordered) + 1) / len(ordered)
    return float(ordered[passed][-1]) if passed.any() else 0.0
