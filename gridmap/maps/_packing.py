"""Whole numbers as few bytes: differences, zigzag, seven bits a byte.

The bytes that a browser decodes in ``assets/shapes.js``. Differences of neighbouring
vertices are small, so most take one byte.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

__all__ = ["digest_of", "pack"]


def digest_of(data: bytes) -> str:
    """Return sixteen bytes in hex over some bytes: the name under which a browser keeps them."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def pack(values: NDArray[np.int64]) -> bytes:
    """Return whole numbers as variable-length bytes (zigzag LEB128).

    Parameters
    ----------
    values : (n,) int64
        Between -2**34 and 2**34.

    Examples
    --------
    >>> pack(np.array([0, -1, 1, 64])).hex()
    '0001028001'
    """
    folded = ((values << 1) ^ (values >> 63)).astype(np.uint64)
    size = np.ones(len(folded), dtype=np.int64)
    for step in range(1, 5):
        size += folded >= np.uint64(1 << (7 * step))
    end = np.cumsum(size)
    out = np.zeros(int(end[-1]) if len(end) else 0, dtype=np.uint8)
    for step in range(5):
        has = size > step
        part = (folded[has] >> np.uint64(7 * step)) & np.uint64(0x7F)
        more = (size[has] > step + 1).astype(np.uint64) << np.uint64(7)
        out[end[has] - size[has] + step] = (part | more).astype(np.uint8)
    return out.tobytes()
