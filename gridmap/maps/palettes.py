"""Colours that stay apart for colour-blind eyes and on a projector."""

from __future__ import annotations

import colorsys
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gridmap.model import Adjacency

__all__ = ["BEATS", "DIVERGING", "INK", "NO_DATA", "SEQUENTIAL", "colour_beats", "ramp"]

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
    labels: NDArray[np.int32], adjacency: Adjacency | None
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


def _greedy(count: int, pairs: NDArray[np.int32]) -> NDArray[np.int64]:
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
