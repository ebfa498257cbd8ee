"""Rates and shares, where there may be nothing to divide by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["ratio"]


def ratio(above: npt.ArrayLike, below: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Divide, giving NaN where there is nothing to divide by.

    >>> ratio([1.0, 1.0], [4.0, 0.0]).tolist()
    [0.25, nan]
    """
    top, bottom = np.broadcast_arrays(np.asarray(above, float), np.asarray(below, float))
    return np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
