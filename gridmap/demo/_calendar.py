"""When things happen: the year's season, the week's days and the day's hours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["CATEGORIES", "YEAR", "day_weights", "draw_seconds", "month_weights"]

CATEGORIES = ("矛盾纠纷", "盗窃", "交通", "诈骗", "治安", "求助")
YEAR = 2024

_MIX = (0.21, 0.13, 0.25, 0.10, 0.10, 0.21)

# By month, January to December. Thefts rise before the Spring Festival, quarrels and brawls
# in summer, accidents in the wet and dark months.
_SEASON = (
    (1.05, 0.95, 0.85, 0.90, 1.00, 1.15, 1.28, 1.22, 1.02, 0.92, 0.85, 0.95),
    (1.30, 1.05, 0.90, 0.88, 0.90, 0.95, 0.98, 0.98, 0.95, 0.98, 1.05, 1.25),
    (1.02, 0.85, 0.92, 0.95, 0.98, 1.08, 1.05, 1.00, 1.05, 1.10, 1.08, 1.02),
    (0.92, 0.75, 1.00, 1.02, 1.05, 1.10, 1.05, 1.02, 1.05, 0.98, 1.18, 1.02),
    (0.85, 0.82, 0.88, 0.95, 1.05, 1.20, 1.32, 1.28, 1.05, 0.92, 0.85, 0.85),
    (1.15, 1.05, 0.90, 0.88, 0.92, 1.05, 1.18, 1.15, 0.95, 0.90, 0.88, 1.02),
)

# Monday to Sunday.
_WEEK = (
    (0.98, 0.93, 0.92, 0.94, 1.02, 1.12, 1.15),
    (1.02, 1.00, 0.99, 0.99, 1.04, 1.00, 0.94),
    (1.10, 1.02, 1.00, 1.01, 1.14, 0.95, 0.78),
    (1.12, 1.10, 1.08, 1.06, 1.02, 0.85, 0.76),
    (0.85, 0.86, 0.90, 0.94, 1.18, 1.32, 1.05),
    (1.02, 0.98, 0.97, 0.97, 1.00, 1.04, 1.05),
)

# Midnight to eleven in the evening.
_HOURS = (
    (12, 8, 5, 3, 2, 3, 8, 20, 38, 52, 55, 50, 42, 38, 44, 48, 50, 55, 68, 82, 80, 64, 42, 24),
    (
        30,
        34,
        36,
        30,
        18,
        12,
        16,
        30,
        46,
        50,
        48,
        44,
        40,
        42,
        44,
        46,
        48,
        52,
        46,
        40,
        38,
        36,
        34,
        32,
    ),
    (10, 6, 4, 4, 5, 12, 34, 92, 96, 62, 52, 50, 48, 46, 50, 56, 68, 102, 98, 62, 44, 34, 26, 16),
    (6, 3, 2, 1, 1, 2, 6, 18, 42, 72, 78, 62, 40, 52, 70, 74, 66, 50, 42, 46, 44, 34, 20, 10),
    (62, 48, 32, 16, 8, 5, 6, 10, 16, 22, 26, 28, 30, 28, 28, 30, 32, 36, 44, 58, 72, 82, 84, 76),
    (16, 11, 8, 7, 7, 12, 28, 50, 64, 66, 60, 54, 48, 48, 52, 54, 56, 62, 66, 64, 58, 46, 34, 24),
)

# New Year, Spring Festival, Qingming, May Day, Dragon Boat, Mid-Autumn and National Day of
# 2024: days of the year from 0.
_HOLIDAYS = (
    0,
    *range(40, 48),
    *range(94, 97),
    *range(121, 126),
    161,
    *range(258, 261),
    *range(274, 281),
)
_HOLIDAY_FACTOR = (1.12, 0.92, 0.78, 0.62, 1.18, 1.04)


def month_weights() -> NDArray[np.float64]:
    """Return the share of each month and category in the year, shape (12, 6), sum 1."""
    weights = np.zeros((12, len(CATEGORIES)))
    for month in range(12):
        for category in range(len(CATEGORIES)):
            weights[month, category] = day_weights(month, category).sum()
    weights *= np.array(_MIX) / weights.sum(axis=0)
    return weights / weights.sum()


def day_weights(month: int, category: int) -> NDArray[np.float64]:
    """Return how busy each day of a month is for a category, shape (days,)."""
    first = np.datetime64(f"{YEAR}-{month + 1:02d}-01", "D")
    start = np.datetime64(f"{YEAR}-{month + 1:02d}", "M")
    days = np.arange(first, (start + 1).astype("datetime64[D]"))
    number = (days - np.datetime64(f"{YEAR}-01-01", "D")).astype(int)
    weekday = (days.astype(int) + 3) % 7  # 1970-01-01 was a Thursday
    weights = np.array(_SEASON[category])[month] * np.array(_WEEK[category])[weekday]
    holiday = np.isin(number, _HOLIDAYS)
    return np.asarray(weights * np.where(holiday, _HOLIDAY_FACTOR[category], 1.0))


def draw_seconds(
    month: int, category: int, count: int, rng: np.random.Generator
) -> NDArray[np.datetime64]:
    """Return times of incidents of a category within a month, ``datetime64[s]``.

    The hours of a weekend or holiday eve run half an hour later than the others.
    """
    weights = day_weights(month, category)
    day = np.searchsorted(np.cumsum(weights) / weights.sum(), rng.random(count), side="right")
    day = np.minimum(day, len(weights) - 1)
    hours = np.array(_HOURS[category], dtype=float)
    hour = np.searchsorted(np.cumsum(hours) / hours.sum(), rng.random(count), side="right")
    second = np.minimum(hour, 23) * 3600 + rng.integers(0, 3600, count)
    first = np.datetime64(f"{YEAR}-{month + 1:02d}-01", "s")
    late = ((first.astype("datetime64[D]").astype(int) + day + 3) % 7) >= 5
    second = np.where(late & (second < 84_600), second + 1800, second)
    return np.asarray(first + (day * 86_400 + second).astype("timedelta64[s]"))
