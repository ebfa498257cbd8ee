"""What a plan of short ways is made for: the region, what ways cost, what beats may carry."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gridmap.partition._arrays import Graph

__all__ = ["TravelTask"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class TravelTask(NamedTuple):
    """What a plan of short travel is made for.

    Attributes
    ----------
    graph
        Neighbours that a beat may be connected by.
    cost
        Cost (n, n) of each grid with each centre.
    weight, bounds
        Workload (n,); lowest and highest workload of a beat, both allowed.
    rooms
        Grids that are the centres of beats, whatever is best.
    """

    graph: Graph
    cost: Floats
    weight: Floats
    bounds: tuple[float, float]
    rooms: tuple[int, ...] = ()

    def value(self, centre: Integers) -> float:
        """Return what a plan costs, given the centre of each grid (n,)."""
        return float(self.cost[np.arange(len(centre)), centre].sum())
