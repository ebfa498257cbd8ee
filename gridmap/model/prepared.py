"""Prepared copies of shapes: GEOS answers many questions about one shape faster then.

A prepared shape keeps notes on itself while it is asked, so two threads that ask the same one
crash the process. A city's shapes are everybody's: only copies are ever prepared.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

__all__ = ["prepared_copies"]


def prepared_copies(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """Return flat copies of shapes, prepared for the caller alone.

    Parameters
    ----------
    shapes : (n,)
        Shapes of any kind; None stays None.

    Examples
    --------
    >>> square = np.array([shapely.box(0, 0, 1, 1)], dtype=object)
    >>> copy = prepared_copies(square)
    >>> shapely.is_prepared(copy).all(), shapely.is_prepared(square).any()
    (np.True_, np.False_)
    """
    copies = np.asarray(shapely.force_2d(shapes), dtype=object)
    shapely.prepare(copies)
    return copies
