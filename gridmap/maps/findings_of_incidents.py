"""Themes of what incidents do: hot spots, and change between two periods."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gridmap.i18n import tr
from gridmap.maps.palettes import DIVERGING, NO_DATA
from gridmap.maps.scene import Theme
from gridmap.measure.hotspots import HotSpots

__all__ = ["change_theme", "hot_spot_theme", "share_change_theme"]

_FIVE = tuple(DIVERGING[at] for at in (0, 1, 3, 5, 6))
_SHARES = (-0.3, -0.1, 0.1, 0.3)  # between five colours
_HOT = {"hot": "#b3261e", "cold": "#3182bd", "none": NO_DATA}


def hot_spot_theme(spots: HotSpots) -> Theme:
    """Return the theme of hot and cold spots; what is not significant stays grey."""
    names = list(_HOT)
    rows = np.full(len(spots.kind), names.index("none"), dtype=np.uint8)
    for at, name in enumerate(names):
        rows[spots.kind == name] = at
    legend = tuple(
        (
            colour,
            tr(
                "maps.legend.significant",
                name=tr(f"maps.hot.{name}"),
                count=int((rows == at).sum()),
            ),
        )
        for at, (name, colour) in enumerate(_HOT.items())
    )
    return Theme(
        "hot_spots",
        tr("maps.hot.name"),
        tr("maps.hot.title"),
        tuple(_HOT.values()),
        rows,
        legend,
    )


def share_change_theme(share: NDArray[np.float64], *, note: str = "") -> Theme:
    """Return the theme of a change as a share of before: falls violet, rises orange.

    Parameters
    ----------
    share : (n,) float
        Now over before less 1; NaN or infinite where nothing was before.
    note
        A line under the legend: which period it is compared with.
    """
    known = np.isfinite(share)
    rows = np.searchsorted(_SHARES, np.where(known, share, 0.0), side="left")
    ends = [f"{100 * one:+.0f}%".replace("-", "−") for one in _SHARES]
    labels = [
        f"≤ {ends[0]}",
        *(f"{low} … {high}" for low, high in pairwise(ends)),
        f"> {ends[-1]}",
    ]
    legend = tuple(reversed(list(zip(_FIVE, labels, strict=True))))
    return Theme(
        "share_change", tr("maps.by.beat", name=tr("maps.change.name")), tr("maps.change.share"),
        _FIVE, np.where(known, rows, 255).astype(np.uint8), legend, note=note,
    )  # fmt: skip


def change_theme(change: NDArray[np.float64], *, note: str = "") -> Theme:
    """Return the theme of a change in numbers: losses violet, gains orange, none pale.

    Parameters
    ----------
    change : (n,) float
        Now less before.
    note
        A line under the legend: which period it is compared with.
    """
    size = np.abs(change[change != 0])
    low, high = (1.0, 2.0) if len(size) == 0 else np.quantile(size, [0.5, 0.9])
    small = max(1.0, float(np.ceil(low)))
    large = max(small + 1.0, float(np.ceil(high)))
    bounds = np.array([-large, -small, small, large])
    # below -large | -large.. -small | between | small..large | large and above
    rows = np.digitize(change, [bounds[0], bounds[1]], right=True)
    rows = rows + (change >= bounds[2]) + (change >= bounds[3])
    labels = (
        f"≤ −{large:,.0f}",
        f"−{large - 1:,.0f} … −{small:,.0f}" if large - 1 > small else f"−{small:,.0f}",
        f"−{small - 1:,.0f} … +{small - 1:,.0f}" if small > 1 else "0",
        f"+{small:,.0f} … +{large - 1:,.0f}" if large - 1 > small else f"+{small:,.0f}",
        f"≥ +{large:,.0f}",
    )
    return Theme(
        "change",
        tr("maps.change.name"),
        tr("maps.change.title"),
        _FIVE,
        rows.astype(np.uint8),
        tuple(reversed(list(zip(_FIVE, labels, strict=True)))),
        note=note,
    )
