"""The compiled pass that turns located incidents into places in a table."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridmap._compiled import njit

HOURS = 168
_HOUR_S = 3600
_DAY_S = 86400
_THURSDAY = 72  # 1970-01-01 began 72 hours after its Monday
NO_TIME = np.iinfo(np.int64).min

Ints = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def places(
    polygon: Ints,
    seconds: Ints,
    category: npt.NDArray[np.int16],
    month_of_day: Ints,
    sizes: Ints,
    place: Ints,
) -> None:
    """Write each incident's place in the table of polygon x hour x category x month.

    Parameters
    ----------
    polygon
        Position of the incident's polygon, or -1.
    seconds
        Local time since 1970; `NO_TIME` where unknown.
    category
        Position of the category, -1 where unknown.
    month_of_day
        First day, then the month's position of each day from then on.
    sizes
        Length of each axis. The last position of each means outside or unknown; an axis of
        length 1 is not asked for.
    place
        Filled with places in C order.
    """
    first_day, days = month_of_day[0], len(month_of_day) - 1
    outside, no_hour, no_category, no_month = (
        sizes[0] - 1,
        sizes[1] - 1,
        sizes[2] - 1,
        sizes[3] - 1,
    )
    for i in range(len(polygon)):
        p = polygon[i] if 0 <= polygon[i] < outside else outside
        h, c, m = no_hour, no_category, no_month
        if 0 <= category[i] < no_category:
            c = category[i]
        if seconds[i] != NO_TIME:
            if no_hour > 0:
                h = (seconds[i] // _HOUR_S + _THURSDAY) % HOURS
            day = seconds[i] // _DAY_S - first_day
            if 0 <= day < days:
                m = month_of_day[day + 1]
        place[i] = ((p * sizes[1] + h) * sizes[2] + c) * sizes[3] + m


@njit(cache=True, nogil=True)
def add_to(table: npt.NDArray[np.int32], place: Ints) -> None:
    """Add one to the table at each place."""
    for i in range(len(place)):
        table[place[i]] += 1


@njit(cache=True, nogil=True)
def sum_over(place: Ints, counts: Ints, sizes: Ints, strides: Ints, table: Ints) -> None:
    """Add counts to a table of fewer axes.

    Parameters
    ----------
    place, counts
        Places in a table of four axes, and the number at each.
    sizes
        Lengths of the four axes.
    strides
        How far each axis steps in the smaller table; 0 for an axis that is summed over.
    table
        The smaller table, flat.
    """
    for i in range(len(place)):
        rest, at = place[i], 0
        for axis in range(3, -1, -1):
            at += rest % sizes[axis] * strides[axis]
            rest //= sizes[axis]
        table[at] += counts[i]
