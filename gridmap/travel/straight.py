"""Straight-line cost: metres, or minutes at one speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy

from gridmap.travel.modes import WALK, metres_per_minute
from gridmap.travel.reach import Reach

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from gridmap.travel.modes import Mode, Unit

__all__ = ["StraightLine"]


@dataclass(frozen=True, slots=True)
class StraightLine:
    """Cost along the straight line, over rivers and railways alike.

    Parameters
    ----------
    unit
        ``m`` for metres, ``min`` for minutes at the mode's speed.
    mode
        Whose speed is taken; a mode that follows the roads' own goes at its default.

    Examples
    --------
    >>> StraightLine().nearest([(3.0, 4.0)], [(0.0, 0.0), (30.0, 40.0)]).cost.tolist()
    [5.0]
    """

    unit: Unit = "m"
    mode: Mode = WALK

    @property
    def _per_metre(self) -> float:
        return 1.0 / self.metres_of(1.0)

    def metres_of(self, cost: float) -> float:
        """Return how many metres a cost in this unit buys."""
        if self.unit == "m":
            return cost
        return cost * metres_per_minute(self.mode.speed_kmh or self.mode.default_kmh)

    def nearest(self, points_xy: ArrayLike, rooms_xy: ArrayLike, *, rank: int = 1) -> Reach:
        """Return each point's cost from its ``rank``-th nearest room.

        Parameters
        ----------
        points_xy, rooms_xy
            Metres, shapes (n, 2) and (m, 2).
        rank
            1 for the nearest room, 2 for the next, and so on.
        """
        points = np.asarray(points_xy, dtype=np.float64).reshape(-1, 2)
        rooms = np.asarray(rooms_xy, dtype=np.float64).reshape(-1, 2)
        none = np.empty(0, dtype=np.int64)
        if len(rooms) < rank:
            rows = np.arange(len(points))
            return Reach(np.full(len(points), np.inf), np.full(len(points), -1), none, rows, none)
        distance, room = scipy.spatial.cKDTree(rooms).query(points, k=[rank])
        return Reach(distance[:, 0] * self._per_metre, room[:, 0], none, none, none)

    def nearest_two(self, points_xy: ArrayLike, rooms_xy: ArrayLike) -> tuple[Reach, Reach]:
        """Return each point's cost from its nearest room, and from the next."""
        return self.nearest(points_xy, rooms_xy), self.nearest(points_xy, rooms_xy, rank=2)

    def matrix(
        self, points_xy: ArrayLike, rooms_xy: ArrayLike, *, limit: float = np.inf
    ) -> NDArray[np.float64]:
        """Return the cost from every room to every point, shape (n, m); infinite beyond limit."""
        points = np.asarray(points_xy, dtype=np.float64).reshape(-1, 2)
        rooms = np.asarray(rooms_xy, dtype=np.float64).reshape(-1, 2)
        cost = np.asarray(scipy.spatial.distance.cdist(points, rooms) * self._per_metre)
        cost[cost > limit] = np.inf
        return cost
