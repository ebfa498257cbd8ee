"""On which side of a line a point lies, without rounding error.

The sign of ``(a - c) x (b - c)`` decides whether a point is inside a polygon. In plain
floating point it is wrong for points close to a border, so a fast filter is followed by
exact expansion arithmetic: Shewchuk (1997), "Adaptive precision floating-point arithmetic
and fast robust geometric predicates", *Discrete & Computational Geometry* 18(3).
"""

from __future__ import annotations

import numpy as np

from gridmap._compiled import njit

_EPSILON = 2.0**-53
_FILTER = (3.0 + 16.0 * _EPSILON) * _EPSILON
_SPLITTER = 2.0**27 + 1.0


@njit(cache=True, nogil=True)
def _product(a: float, b: float) -> tuple[float, float]:
    """Return a product and its rounding error (Dekker)."""
    high = a * b
    t = _SPLITTER * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLITTER * b
    b_high = t - (t - b)
    b_low = b - b_high
    error = high - a_high * b_high
    error -= a_low * b_high
    error -= a_high * b_low
    return high, a_low * b_low - error


@njit(cache=True, nogil=True)
def _exact_sign(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> int:
    """Return the sign of the 3x3 determinant by summing twelve exact terms."""
    terms = np.empty(12)
    terms[1], terms[0] = _product(ax, by)
    terms[3], terms[2] = _product(-ay, bx)
    terms[5], terms[4] = _product(ay, cx)
    terms[7], terms[6] = _product(-ax, cy)
    terms[9], terms[8] = _product(bx, cy)
    terms[11], terms[10] = _product(-by, cx)
    expansion = np.zeros(12)
    for size in range(12):
        carry = terms[size]
        for place in range(size):  # grow-expansion: the sum stays exact and non-overlapping
            other = expansion[place]
            total = carry + other
            part = total - carry
            expansion[place] = (carry - (total - part)) + (other - part)
            carry = total
        expansion[size] = carry
    for place in range(11, -1, -1):
        if expansion[place] > 0.0:
            return 1
        if expansion[place] < 0.0:
            return -1
    return 0


@njit(cache=True, nogil=True)
def orientation(ax: float, ay: float, bx: float, by: float, cx: float, cy: float) -> int:
    """Return 1 if c lies left of the line from a to b, -1 if right, 0 if on it, exactly."""
    left = (ax - cx) * (by - cy)
    right = (ay - cy) * (bx - cx)
    det = left - right
    if left > 0.0:
        if right <= 0.0:
            return 1 if det > 0.0 else 0
        bound = _FILTER * (left + right)
    elif left < 0.0:
        if right >= 0.0:
            return -1
        bound = -_FILTER * (left + right)
    else:
        if ax == cx or by == cy:
            return 1 if right < 0.0 else (-1 if right > 0.0 else 0)
        bound = np.inf  # the product underflowed
    if det > bound:
        return 1
    if -det > bound:
        return -1
    sign: int = _exact_sign(ax, ay, bx, by, cx, cy)
    return sign
