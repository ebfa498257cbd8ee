"""Compiled passes: shared areas, places of incidents in a table, permutations of Gi* and of scans.

They are in a file of their own: editing a file with kernels recompiles all kernels.
esda's own permutations are compiled in every process, which takes half a minute.

The area that two polygons share is found without making the shape they share. A polygon whose
edges keep the inside on their left is a sum of signed regions, each below one edge:
``1_A(x, y) = sum_i s_i [x in X_i] [y < f_i(x)]`` with ``s_i`` = 1 for edges that run towards
lower x and -1 for the others. The product of two such sums integrates to

    area(A and B) = sum_i sum_j s_i t_j * integral over X_i and X_j of min(f_i, g_j) dx

above any line that lies below both. The terms are continuous in the coordinates, so edges
that coincide (the rule where beats are made of grids) are no special case; the result is
exact up to rounding, about 1e-14 of the smaller polygon's bounding box.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridmap._compiled import njit
from gridmap.typing import Floats, Ints, Ints32

_FEW = 400  # pairs of edges that are summed faster than sorted


@njit(cache=True, nogil=True)
def _gather(
    edges: Floats, left: Floats, first: int, last: int, window: Floats, into: Floats
) -> int:
    """Collect the parts of a polygon's edges inside a window's width and above its floor.

    A part is (x from, x to, height at from, height at to, sign), heights above the floor.
    """
    x_low, x_high, floor = window[0], window[1], window[2]
    count = 0
    for e in range(first, last):
        x1, y1, x2, y2 = edges[e, 0], edges[e, 1], edges[e, 2], edges[e, 3]
        sign = -left[e]
        if x1 > x2:
            x1, y1, x2, y2 = x2, y2, x1, y1
            sign = left[e]
        if x2 <= x_low or x1 >= x_high or x1 == x2 or (y1 <= floor and y2 <= floor):
            continue
        slope = (y2 - y1) / (x2 - x1)
        a, b = max(x1, x_low), min(x2, x_high)
        height_a = (y1 - floor) + slope * (a - x1)
        height_b = (y2 - floor) - slope * (x2 - b)
        if height_a <= 0.0 and height_b <= 0.0:
            continue
        if height_a < 0.0:
            a = b - (b - a) * (height_b / (height_b - height_a))
            height_a = 0.0
        elif height_b < 0.0:
            b = a + (b - a) * (height_a / (height_a - height_b))
            height_b = 0.0
        if b > a:
            into[count, 0], into[count, 1] = a, b
            into[count, 2], into[count, 3], into[count, 4] = height_a, height_b, sign
            count += 1
    return count


@njit(cache=True, nogil=True)
def _below_both(f: Floats, g: Floats) -> float:
    """Return the integral of the lower of two edges over the width they share."""
    low, high = max(f[0], g[0]), min(f[1], g[1])
    if high <= low:
        return 0.0
    f_slope = (f[3] - f[2]) / (f[1] - f[0])
    g_slope = (g[3] - g[2]) / (g[1] - g[0])
    f_low, f_high = f[2] + f_slope * (low - f[0]), f[2] + f_slope * (high - f[0])
    g_low, g_high = g[2] + g_slope * (low - g[0]), g[2] + g_slope * (high - g[0])
    d_low, d_high = f_low - g_low, f_high - g_high
    width = high - low
    if d_low <= 0.0 and d_high <= 0.0:
        return 0.5 * width * (f_low + f_high)
    if d_low >= 0.0 and d_high >= 0.0:
        return 0.5 * width * (g_low + g_high)
    share = d_low / (d_low - d_high)
    meet = f_low + share * (f_high - f_low)
    before, after = min(f_low, g_low), min(f_high, g_high)
    return 0.5 * width * (share * (before + meet) + (1.0 - share) * (meet + after))


@njit(cache=True, nogil=True)
def _sum_all(a: Floats, b: Floats) -> float:
    total = 0.0
    for m in range(len(a)):
        for n in range(len(b)):
            total += a[m, 4] * b[n, 4] * _below_both(a[m], b[n])
    return total


@njit(cache=True, nogil=True)
def _sum_sweeping(a: Floats, b: Floats) -> float:
    """Sum like `_sum_all`, passing over pairs that share no width."""
    order = np.argsort(b[:, 0])
    starts = b[:, 0][order]
    widest = 0.0
    for n in range(len(b)):
        widest = max(widest, b[n, 1] - b[n, 0])
    total = 0.0
    for m in range(len(a)):
        at = np.searchsorted(starts, a[m, 0] - widest)
        while at < len(starts) and starts[at] < a[m, 1]:
            n = order[at]
            if b[n, 1] > a[m, 0]:
                total += a[m, 4] * b[n, 4] * _below_both(a[m], b[n])
            at += 1
    return total


@njit(cache=True, nogil=True)
def shared_areas(
    pairs: tuple[Ints, Ints],
    a: tuple[Floats, Ints, Floats, Floats],
    b: tuple[Floats, Ints, Floats, Floats],
) -> Floats:
    """Return the area that each pair of polygons shares.

    Parameters
    ----------
    pairs
        Positions in ``a`` and in ``b``.
    a, b
        Edges, starts and sides as `gridmap.model.polygon_index.edges_of` returns them, and the
        bounds (x low, y low, x high, y high) of each polygon.
    """
    edges_a, starts_a, left_a, bounds_a = a
    edges_b, starts_b, left_b, bounds_b = b
    most_a, most_b = 0, 0
    for k in range(len(starts_a) - 1):
        most_a = max(most_a, starts_a[k + 1] - starts_a[k])
    for k in range(len(starts_b) - 1):
        most_b = max(most_b, starts_b[k + 1] - starts_b[k])
    parts_a, parts_b = np.empty((most_a, 5)), np.empty((most_b, 5))
    window = np.empty(3)
    areas = np.zeros(len(pairs[0]))
    for p in range(len(areas)):
        i, j = pairs[0][p], pairs[1][p]
        window[0] = max(bounds_a[i, 0], bounds_b[j, 0])
        window[1] = min(bounds_a[i, 2], bounds_b[j, 2])
        window[2] = max(bounds_a[i, 1], bounds_b[j, 1])
        if not (window[0] < window[1] and window[2] < min(bounds_a[i, 3], bounds_b[j, 3])):
            continue
        count_a = _gather(edges_a, left_a, starts_a[i], starts_a[i + 1], window, parts_a)
        count_b = _gather(edges_b, left_b, starts_b[j], starts_b[j + 1], window, parts_b)
        few = count_a * count_b <= _FEW
        one, other = parts_a[:count_a], parts_b[:count_b]
        total = _sum_all(one, other) if few else _sum_sweeping(one, other)
        areas[p] = max(total, 0.0)
    return areas


HOURS = 168
_HOUR_S = 3600
_DAY_S = 86400
_THURSDAY = 72  # 1970-01-01 began 72 hours after its Monday
NO_TIME = np.iinfo(np.int64).min


@njit(cache=True, nogil=True)
def fill_places(
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
def add_places(table: Ints32, place: Ints) -> None:
    """Add one to the table at each place."""
    for i in range(len(place)):
        table[place[i]] += 1


@njit(cache=True, nogil=True)
def sum_places(place: Ints, counts: Ints, sizes: Ints, strides: Ints, table: Ints) -> None:
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


@njit(cache=True)
def permuted_sums(
    values: Floats, starts: Ints, neighbours: Ints, permutations: int, rng: np.random.Generator
) -> tuple[Ints, Ints]:
    """Compare the sum of each grid's neighbours with as many grids drawn from all others.

    Parameters
    ----------
    values
        One number per grid.
    starts, neighbours
        Neighbours of grid i are ``neighbours[starts[i]:starts[i + 1]]``.
    permutations, rng
        Number of draws, and where they come from.

    Returns
    -------
    tuple of arrays
        How often the sum drawn is at least, and at most, the sum observed.
    """
    n = len(values)
    pool = np.arange(n)
    at_least, at_most = np.zeros(n, np.int64), np.zeros(n, np.int64)
    for i in range(n):
        size = starts[i + 1] - starts[i]
        if size == 0:
            continue
        observed = 0.0
        for k in range(starts[i], starts[i + 1]):
            observed += values[neighbours[k]]
        hair = 1e-9 * max(abs(observed), 1.0)  # sums of the same numbers in another order
        for place in range(n):  # the grid itself goes to the end and is not drawn
            if pool[place] == i:
                pool[place], pool[n - 1] = pool[n - 1], i
                break
        for _ in range(permutations):
            total = 0.0
            for k in range(size):
                other = k + rng.integers(0, n - 1 - k)
                pool[k], pool[other] = pool[other], pool[k]
                total += values[pool[k]]
            at_least[i] += total >= observed - hair
            at_most[i] += total <= observed + hair
    return at_least, at_most


@njit(cache=True, nogil=True)
def _ratio(count: int, expected: float, total: int) -> float:
    """Return the likelihood ratio of a cluster; 0 where it is not one."""
    if count < 2 or count <= expected:
        return 0.0
    rest = total - count
    outside = rest * np.log(rest / (total - expected)) if rest > 0 else 0.0
    return count * np.log(count / expected) + outside


@njit(cache=True, nogil=True)
def cluster_ratios(observed: Ints, expected: Floats, total: int) -> Floats:
    """Return the likelihood ratio of each circle and length of a space-time scan.

    With c observed and e expected of C incidents it is ``c log(c / e) + (C - c) log((C - c) /
    (C - e))``; 0 where there are fewer than two or no more than expected.

    Parameters
    ----------
    observed, expected
        Incidents, both of the same shape of three axes.
    total
        All incidents.
    """
    ratios = np.empty(observed.shape)
    for i in range(observed.size):
        ratios.flat[i] = _ratio(observed.flat[i], expected.flat[i], total)
    return ratios


@njit(cache=True)
def greatest_ratios(
    place: Ints,
    recent: Ints,
    circles: tuple[Ints, Ints32, Ints, Floats],
    stop: tuple[float, int, int],
    rng: np.random.Generator,
) -> Floats:
    """Return the greatest likelihood ratio of a space-time scan in each of many permutations.

    Each incident of late is added to the smallest circle with its place around each centre; then
    the counts are summed up over sizes and lengths. As log x <= x - 1, the ratio is at most
    ``(c - e)^2 C / (e (C - e))``: it is worked out only where this is above the greatest so far.

    Parameters
    ----------
    place
        Place of each incident, shape (incidents,); its order is changed.
    recent
        Incidents of the last 1, 2, ... days, shape (lengths,): in every permutation the first
        ones of ``place`` have the latest days.
    circles
        Place z is new to the circles ``numbers[starts[z]:starts[z + 1]]``, numbered ``centre *
        sizes + size``; each centre has so many sizes, the smaller ones, that are looked at; and
        the incidents of each circle, shape (centres, sizes).
    stop
        The ratio to be reached, after how many permutations that reach it no more are drawn (0:
        never), and the most permutations.
    rng
        Of the permutations.
    """
    starts, numbers, allowed, held = circles
    goal, exceedances, draws = stop
    (centres, sizes), lengths, total = held.shape, len(recent), len(place)
    counts = np.zeros((centres, sizes, lengths), np.int32)
    flat = counts.reshape(-1)
    sums = np.empty(lengths, np.int32)
    share = recent / total
    # (C - e) / C is at least that of the greatest e.
    spread = np.sqrt(share * (1.0 - held.max() * share[-1] / total))
    roots = np.sqrt(held)
    greatest = np.empty(draws)
    reached = 0
    for draw in range(draws):
        length = 0
        for k in range(recent[-1]):
            other = k + rng.integers(0, total - k)
            place[k], place[other] = place[other], place[k]
            while k >= recent[length]:
                length += 1
            for at in range(starts[place[k]], starts[place[k] + 1]):
                flat[numbers[at] * lengths + length] += 1
        best = root = 0.0
        for centre in range(centres):
            sums[:] = 0
            for size in range(allowed[centre]):
                more = 0
                inside, above = held[centre, size], root * roots[centre, size]
                for length in range(lengths):
                    more += counts[centre, size, length]
                    sums[length] += more
                    if sums[length] > inside * share[length] + above * spread[length]:
                        ratio = _ratio(sums[length], inside * recent[length] / total, total)
                        if ratio > best:
                            best, root = ratio, np.sqrt(ratio)
                            above = root * roots[centre, size]
        counts[:] = 0
        greatest[draw] = best
        reached += best >= goal
        if 0 < exceedances <= reached:
            return greatest[: draw + 1]
    return greatest
