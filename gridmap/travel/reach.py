"""What a travel cost answers: each point's nearest room, and who cannot be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from gridmap.errors import some_ids
from gridmap.i18n import tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from gridmap.travel.modes import Unit

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

__all__ = ["Reach", "Travel"]


@dataclass(frozen=True, eq=False)
class Reach:
    """Each point's cost from its nearest room; whatever is infinite is listed.

    Parameters
    ----------
    cost
        Metres or minutes, shape (n,); infinite exactly for the points listed below.
    room
        Row of the room, -1 where there is none, shape (n,).
    off_road
        Rows of points farther from every road than the limit.
    cut_off
        Rows of points on a road that no room can reach, or fewer rooms than asked for.
    rooms_off_road
        Rows of rooms farther from every road than the limit; they serve nobody.
    """

    cost: Floats
    room: Ints
    off_road: Ints
    cut_off: Ints
    rooms_off_road: Ints

    def notes(self, point_ids: Sequence[object], room_ids: Sequence[object]) -> list[str]:
        """Return one line about each group that is not reached, with ids."""
        groups = (
            ("travel.note.off_road", self.off_road, point_ids),
            ("travel.note.cut_off", self.cut_off, point_ids),
            ("travel.note.rooms_off_road", self.rooms_off_road, room_ids),
        )
        return [
            tr(key, count=len(rows), ids=some_ids(ids[int(row)] for row in rows))
            for key, rows, ids in groups
            if len(rows)
        ]


class Travel(Protocol):
    """A way of measuring how far points are from rooms: straight, or along roads."""

    @property
    def unit(self) -> Unit:
        """``m`` or ``min``: the unit of every cost."""

    def nearest(self, points_xy: ArrayLike, rooms_xy: ArrayLike, *, rank: int = 1) -> Reach:
        """Return each point's cost from its ``rank``-th nearest room."""

    def nearest_two(self, points_xy: ArrayLike, rooms_xy: ArrayLike) -> tuple[Reach, Reach]:
        """Return each point's cost from its nearest room, and from the next."""

    def matrix(
        self, points_xy: ArrayLike, rooms_xy: ArrayLike, *, limit: float = np.inf
    ) -> NDArray[np.float64]:
        """Return the cost from every room to every point, shape (n, m)."""
