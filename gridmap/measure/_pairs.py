"""The compiled count of pairs by how far apart they are in time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gridmap._compiled import njit

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def count_pairs(pairs: Ints, band: Ints, day: Floats, late: Floats, table: Ints) -> None:
    """Add each pair to the table of distance bands by time bands.

    Parameters
    ----------
    pairs
        Positions of two incidents, shape (n, 2).
    band
        Distance band of each pair.
    day
        Days at which the incidents happened.
    late
        Upper ends of the time bands, ascending; a later pair is not counted.
    table
        Added to.
    """
    for k in range(len(pairs)):
        between = abs(day[pairs[k, 0]] - day[pairs[k, 1]])
        for at in range(len(late)):
            if between <= late[at]:
                table[band[k], at] += 1
                break
