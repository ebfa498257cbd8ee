"""Classes of a choropleth: where to cut, and what the legend says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridmap.maps.palettes import NO_DATA, ramp

__all__ = ["Classes", "classify", "classify_shares"]

_NO_CLASS = 255


@dataclass(frozen=True, slots=True)
class Classes:
    """Values sorted into classes.

    Parameters
    ----------
    breaks
        Upper bounds of the classes, ascending; a value equal to one belongs below it.
    rows : (n,) uint8
        Class of each value; 255 where there is none.
    palette
        One colour a class.
    labels
        One text a class, ``low - high``.
    counts
        Number of values in each class.
    """

    breaks: tuple[float, ...]
    rows: NDArray[np.uint8]
    palette: tuple[str, ...]
    labels: tuple[str, ...]
    counts: tuple[int, ...]


def classify(
    values: NDArray[np.float64],
    *,
    count: int = 5,
    colours: str = "blue",
    scale: NDArray[np.float64] | None = None,
) -> Classes:
    """Sort values into classes of about as many each, with round bounds.

    Zero has a class of its own where it is frequent: "none" is news, not "few".

    Parameters
    ----------
    values : (n,) float
        NaN where unknown.
    count
        Most classes to make; fewer where values are few or equal.
    colours
        Name of a ramp in `gridmap.maps.palettes.SEQUENTIAL`.
    scale : (m,) float
        Values that the classes are made of; ``values`` if None. What lies above its greatest is
        in the last class.

    Examples
    --------
    >>> found = classify(np.array([1.0, 2.0, 11.2, 12.0, 98.0]), count=2)
    >>> found.breaks, found.labels, found.rows.tolist()
    ((11.0, 98.0), ('1 – 11', '11 – 98'), [0, 0, 1, 1, 1])
    """
    made_of = values if scale is None else scale
    known = made_of[np.isfinite(made_of)]
    if len(known) == 0:
        return Classes((), np.full(len(values), _NO_CLASS, np.uint8), (), (), ())
    low, high = float(known.min()), float(known.max())
    zeros = low == 0.0 and (known == 0).mean() > 0.08 and high > 0
    inner = known[known > 0] if zeros else known
    breaks = _rounded(_cuts(inner, count), inner)
    if zeros:
        breaks = [0.0, *breaks]
    rows = np.searchsorted(breaks, np.where(np.isfinite(values), values, low), side="left")
    rows = np.where(np.isfinite(values), np.minimum(rows, len(breaks) - 1), _NO_CLASS)
    starts = [low, *breaks[:-1]] if not zeros else [0.0, 0.0, *breaks[1:-1]]
    ends = list(breaks)
    if len(breaks) > 1 and starts[0] < ends[0] < ends[-1]:  # the ends of all, round outwards
        starts[0] = _outwards(starts[0], np.floor, 1)
        ends[-1] = _outwards(ends[-1], np.ceil, 3)
    labels = [_span(start, end) for start, end in zip(starts, ends, strict=True)]
    palette = ramp(colours, len(breaks) - zeros)
    return Classes(
        tuple(breaks),
        rows.astype(np.uint8),
        (NO_DATA, *palette) if zeros else palette,
        tuple(["0", *labels[1:]] if zeros else labels),
        tuple(np.bincount(rows[rows != _NO_CLASS], minlength=len(breaks)).tolist()),
    )


def classify_shares(values: NDArray[np.float64], *, colours: str = "green") -> Classes:
    """Sort shares into none, the four quarters and nothing known.

    Most grids are covered wholly or not at all: as many in each class would leave one class
    for everything between.

    Examples
    --------
    >>> found = classify_shares(np.array([0.0, 0.1, 0.25, 1.0, np.nan]))
    >>> found.labels, found.rows.tolist()
    (('0', '0 – 25', '25 – 50', '50 – 75', '75 – 100'), [0, 1, 1, 4, 255])
    """
    breaks = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    known = np.isfinite(values)
    rows = np.searchsorted(breaks - 1e-9, np.where(known, values, 0.0) - 2e-9, side="left")
    rows = np.where(known, np.minimum(rows, len(breaks) - 1), _NO_CLASS)
    spans = zip(breaks[:-1] * 100, breaks[1:] * 100, strict=True)
    return Classes(
        tuple((breaks * 100).tolist()),
        rows.astype(np.uint8),
        (NO_DATA, *ramp(colours, len(breaks) - 1)),
        ("0", *(_span(start, end) for start, end in spans)),
        tuple(np.bincount(rows[known], minlength=len(breaks)).tolist()),
    )


def _cuts(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    distinct = np.unique(values)
    if len(distinct) <= count:
        return distinct
    return np.unique(np.quantile(values, np.arange(1, count + 1) / count, method="inverted_cdf"))


def _rounded(cuts: NDArray[np.float64], values: NDArray[np.float64]) -> list[float]:
    """Round the bounds to as few digits as keep the classes apart; the last covers all."""
    high = float(values.max())
    for digits in (2, 3):
        found = sorted({_to_digits(float(cut), digits) for cut in cuts[:-1]})
        inside = [cut for cut in found if values.min() <= cut < high]
        moved = np.searchsorted(np.sort(values), inside, side="right")
        if len(inside) == len(cuts) - 1 and (np.diff([0.0, *moved]) > 0).all():
            return [*inside, high]
    return [*map(float, cuts[:-1]), high]


def _to_digits(value: float, digits: int) -> float:
    if value == 0:
        return 0.0
    scale = digits - 1 - int(np.floor(np.log10(abs(value))))
    return float(round(value, scale))


def _outwards(value: float, way: np.ufunc, digits: int) -> float:
    """Round a value down or up to so many digits; whole numbers below 1,000 stay."""
    if abs(value) < 1e-9 or (value == int(value) and abs(value) < 1000):
        return value
    scale = 10.0 ** (np.floor(np.log10(abs(value))) - digits + 1)
    return float(way(value / scale - 1e-9 * (1 if way is np.ceil else -1)) * scale)


def _span(start: float, end: float) -> str:
    return _number(end) if start == end else f"{_number(start)} – {_number(end)}"


def _number(value: float) -> str:
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"
