"""Classes of a choropleth: where to cut, and what the legend says."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gridmap.model import Adjacency
from gridmap.typing import Floats, Ints, Ints32

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
    values: Floats,
    *,
    count: int = 5,
    colours: str = "blue",
    scale: Floats | None = None,
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
        Name of a ramp in `gridmap.maps.classes.SEQUENTIAL`.
    scale : (m,) float
        Values that the classes are made of; ``values`` if None. What lies above its greatest is
        in the last class.

    Examples
    --------
    >>> found = classify(np.array([1.0, 2.0, 11.2, 12.0, 98.0]), count=2)
    >>> found.breaks, found.labels, found.rows.tolist()
    ((11.0, 98.0), ('1 – 11', '11 – 98'), [0, 0, 1, 1, 1])
    >>> classify(np.array([0.0, 1.0, 3.0, 4.0, 9.0]), count=2).labels
    ('0', '1 – 3', '4 – 9')
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
    if (known == np.rint(known)).all() and all(end == int(end) for end in breaks[:-1]):
        # A class of whole numbers begins after the one before it: 1 – 5, 6 – 9.
        starts = [starts[0], *(end + 1.0 for end in breaks[:-1])]
    labels = [_span(start, end) for start, end in zip(starts, ends, strict=True)]
    palette = ramp(colours, len(breaks) - zeros)
    return Classes(
        tuple(breaks),
        rows.astype(np.uint8),
        (NO_DATA, *palette) if zeros else palette,
        tuple(["0", *labels[1:]] if zeros else labels),
        tuple(np.bincount(rows[rows != _NO_CLASS], minlength=len(breaks)).tolist()),
    )


def classify_counts(values: Floats, *, count: int = 5, colours: str = "orange") -> Classes:
    """Sort whole numbers into zero and classes whose bounds grow by a factor.

    Where nearly all are 1 or 2, classes of as many each would leave one class for 3 to 300.

    Examples
    --------
    >>> found = classify_counts(np.array([0.0, 1.0, 2.0, 5.0, 30.0]))
    >>> found.labels, found.rows.tolist()
    (('0', '1 – 2', '3 – 4', '5 – 8', '9 – 16', '17 – 30'), [0, 1, 1, 3, 5])
    """
    high = max(float(values.max(initial=0.0)), 1.0)
    ends = np.unique(np.ceil(np.geomspace(1.0, high, count + 1)[1:] - 1e-9))
    breaks = [0.0, *ends.tolist()]
    rows = np.searchsorted(breaks, values, side="left").astype(np.uint8)
    return Classes(
        tuple(breaks),
        rows,
        (NO_DATA, *ramp(colours, len(ends))),
        ("0", *(_span(start + 1, end) for start, end in pairwise(breaks))),
        tuple(np.bincount(rows, minlength=len(breaks)).tolist()),
    )


def classify_shares(values: Floats, *, colours: str = "green") -> Classes:
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


def _cuts(values: Floats, count: int) -> Floats:
    distinct = np.unique(values)
    if len(distinct) <= count:
        return distinct
    return np.unique(np.quantile(values, np.arange(1, count + 1) / count, method="inverted_cdf"))


def _rounded(cuts: Floats, values: Floats) -> list[float]:
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


# -- colours that stay apart for colour-blind eyes and on a projector


INK = "#1b2a3a"
NO_DATA = "#f4f4f2"

# ColorBrewer's single- and two-hue ramps, all marked colour-blind safe (Brewer 2003).
SEQUENTIAL = {
    "blue": ("#f1f6fb", "#c6dbef", "#9ecae1", "#6baed6", "#3182bd", "#0b519c", "#08306b"),
    "orange": ("#fff5eb", "#fdd8b3", "#fdae6b", "#f98533", "#e0570c", "#a63603", "#6b2304"),
    "green": ("#f0f9ee", "#cfebc8", "#a1d99b", "#68bd74", "#31a354", "#0a7135", "#00441b"),
    "purple": ("#f7f5fa", "#dadaeb", "#bcbddc", "#9e9ac8", "#756bb1", "#54278f", "#3a0a6f"),
}
# PuOr: loss to the left, gain to the right.
DIVERGING = ("#542788", "#998ec3", "#d8daeb", "#f7f7f7", "#fee0b6", "#f1a340", "#b35806")

# Eight pale colours, every two of which differ for colour-blind eyes too (CIEDE2000 over 9),
# and on which lines and labels stay readable.
BEATS = (
    "#94ccff", "#f3cf9b", "#9eb09a", "#c5b4be", "#c7e7f9", "#c7a674", "#feebd3", "#aea6ca",
)  # fmt: skip
_LIGHTEST, _DARKEST = 84.0, 24.0  # L* of a ramp's ends


@cache
def ramp(name: str, count: int) -> tuple[str, ...]:
    """Return ``count`` colours of a sequential ramp in even steps of lightness, light to dark.

    >>> ramp("blue", 2)
    ('#bad5eb', '#093776')
    """
    colours = SEQUENTIAL[name]
    if count == 1:
        return (colours[3],)
    fine = [_between(colours, at / 40.0) for at in range(40 * (len(colours) - 1) + 1)]
    lightness = np.array([_lightness(colour) for colour in fine])
    wanted = np.linspace(_LIGHTEST, _DARKEST, count)
    return tuple(fine[int(np.abs(lightness - one).argmin())] for one in wanted)


def _lightness(colour: str) -> float:
    """Return L* (CIE 1976) of a colour."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in _rgb(colour)
    ]
    light = float(np.dot([0.2126, 0.7152, 0.0722], linear))
    return 116.0 * light ** (1 / 3) - 16.0 if light > 216 / 24389 else light * 24389 / 27


def colour_beats(
    labels: Ints32, adjacency: Adjacency | None
) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """Return a palette and each grid's colour so that neighbouring beats differ.

    Parameters
    ----------
    labels : (n,) int32
        Each grid's beat; -1 for none.
    adjacency
        The grids' adjacency; without it beats take colours in turn.

    Returns
    -------
    palette, classes
        ``classes`` has shape (n,), 255 for a grid in no beat.
    """
    count = int(labels.max()) + 1 if len(labels) else 0
    chosen = np.arange(count) % len(BEATS)
    if adjacency is not None and count:
        pairs = np.unique(
            np.sort(np.column_stack([labels[adjacency.first], labels[adjacency.second]]), axis=1),
            axis=0,
        )
        pairs = pairs[(pairs[:, 0] >= 0) & (pairs[:, 0] != pairs[:, 1])]
        chosen = _greedy(count, pairs)
    classes = np.where(labels >= 0, chosen[np.maximum(labels, 0)] if count else 0, 255)
    return BEATS, classes.astype(np.uint8)


def _greedy(count: int, pairs: Ints32) -> Ints:
    """Colour each beat unlike its neighbours, of the free colours the least used one."""
    near: list[list[int]] = [[] for _ in range(count)]
    for a, b in pairs.tolist():
        near[a].append(b)
        near[b].append(a)
    used = np.zeros(len(BEATS), dtype=np.int64)
    chosen = np.full(count, -1, dtype=np.int64)
    for beat in sorted(range(count), key=lambda row: -len(near[row])):
        taken = {int(chosen[other]) for other in near[beat]}
        free = [n for n in range(len(BEATS)) if n not in taken] or list(range(len(BEATS)))
        chosen[beat] = min(free, key=lambda n: (used[n], n))
        used[chosen[beat]] += 1
    return chosen


def _between(colours: tuple[str, ...], at: float) -> str:
    low = int(at)
    if low == at:
        return colours[low]
    share = at - low
    mixed = (
        colorsys.rgb_to_hls(*_rgb(colours[low])),
        colorsys.rgb_to_hls(*_rgb(colours[low + 1])),
    )
    rgb = colorsys.hls_to_rgb(*(a + (b - a) * share for a, b in zip(*mixed, strict=True)))
    return "#" + "".join(f"{round(part * 255):02x}" for part in rgb)


def _rgb(colour: str) -> tuple[float, float, float]:
    return (
        int(colour[1:3], 16) / 255,
        int(colour[3:5], 16) / 255,
        int(colour[5:7], 16) / 255,
    )
