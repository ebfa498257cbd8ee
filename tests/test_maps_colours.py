"""Classes stay apart for colour-blind eyes: CIEDE2000 after Machado et al. (2009)."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from gridmap.maps.classes import BEATS, NO_DATA, SEQUENTIAL, ramp
from gridmap.maps.layers_of_city import change_theme, hot_spot_theme
from gridmap.measure.hotspots import HotSpots

# Severity 1.0, in linear RGB: Machado, Oliveira, Fernandes 2009, IEEE TVCG 15(6), table 1.
EYES = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip
_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                 [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip


def seen(colour: str, eyes: str) -> tuple[float, float, float]:
    """Return CIELAB (D65) of a colour as those eyes see it."""
    part = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    xyz = _XYZ @ np.clip(np.asarray(EYES[eyes]) @ linear, 0, 1) / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


def differ(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return CIEDE2000 (Sharma, Wu, Dalal 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    chroma = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1 + 0.5 * (1 - np.sqrt(chroma**7 / (chroma**7 + 25**7)))
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * stretch)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    hue = (h1 + turn / 2) % 360 if c1 * c2 else h1 + h2
    dl, dc, dh = l2 - l1, c2 - c1, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    light, middle = (l1 + l2) / 2, (c1 + c2) / 2
    wave = 1 + sum(
        size * np.cos(np.radians(times * hue + shift))
        for size, times, shift in ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.2, 4, -63))
    )
    sl = 1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2)
    sc, sh = 1 + 0.045 * middle, 1 + 0.015 * middle * wave
    rotation = -np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    rotation *= 2 * np.sqrt(middle**7 / (middle**7 + 25**7))
    return float(
        np.sqrt((dl / sl) ** 2 + (dc / sc) ** 2 + (dh / sh) ** 2 + rotation * dc / sc * dh / sh)
    )


def least(colours, eyes: str) -> float:
    return min(differ(*pair) for pair in combinations([seen(one, eyes) for one in colours], 2))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [  # rows 1, 7, 13 and 24 of Sharma's published data
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ],
)
def test_the_measure_is_the_published_one(one, other, expected):
    assert differ(one, other) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("name", SEQUENTIAL)
def test_classes_of_a_scale_stay_apart(name, eyes):
    for count in (3, 4, 5):
        assert least((NO_DATA, *ramp(name, count)), eyes) > 8
    # Light to dark for every eye, so that the order is seen without the legend.
    light = [seen(colour, eyes)[0] for colour in (NO_DATA, *ramp(name, 5))]
    assert (np.diff(light) < -6).all()


@pytest.mark.parametrize("eyes", EYES)
def test_beats_of_any_two_colours_stay_apart(eyes):
    assert least((*BEATS, NO_DATA), eyes) > 9
    for colour in BEATS:  # names in dark ink stay readable: L* of the ink is 16
        assert seen(colour, eyes)[0] > 62


@pytest.mark.parametrize("eyes", EYES)
def test_hot_and_cold_and_gain_and_loss_are_no_red_and_green(eyes):
    kind = np.array(["hot", "cold", "none"])
    spots = hot_spot_theme(HotSpots(kind, kind, np.zeros(3), np.zeros(3), np.zeros(3)))
    change = change_theme(np.arange(-9.0, 10.0))
    for theme in (spots, change):
        assert least(theme.palette, eyes) > 15
    hot, cold = (seen(spots.palette[at], eyes) for at in (0, 1))
    assert differ(hot, cold) > 30
    assert differ(seen(change.palette[0], eyes), seen(change.palette[-1], eyes)) > 30
