"""Names for arrays in hints, by what their cells are; shapes stand in the docstrings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bools", "Floats", "Ints", "Ints32", "Shapes", "Texts"]

Floats = NDArray[np.float64]
"""Numbers: metres, seconds, shares, people."""
Ints = NDArray[np.int64]
"""Counts, and rows of other arrays."""
Ints32 = NDArray[np.int32]
"""Rows of other arrays where there are many of them."""
Bools = NDArray[np.bool_]
"""Whether something holds."""
Shapes = NDArray[np.object_]
"""Geometries of shapely; None for none."""
Texts = NDArray[np.object_]
"""Ids and names; blank for none."""
