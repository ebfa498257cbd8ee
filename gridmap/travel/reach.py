"""What a travel cost answers (nearest room, who is unreached), by straight line and by mode."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, Protocol

import contourpy
import numpy as np
import scipy
import shapely

from gridmap.errors import InputError, some_ids
from gridmap.i18n import tr
from gridmap.typing import Floats, Ints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from gridmap.model import Presets


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
    ) -> Floats:
        """Return the cost from every room to every point, shape (n, m)."""


Unit = Literal["m", "min"]


@dataclass(frozen=True, slots=True)
class Mode:
    """One way of getting there.

    Parameters
    ----------
    name
        ``walk``, ``ebike``, ``car`` or a name of one's own.
    speed_kmh
        Speed on every road; None takes each road's own.
    oneway
        Whether one-way roads bind.
    default_kmh
        Speed on roads that state none, where ``speed_kmh`` is None; 30 is the limit of a
        town street without a centre line (道路交通安全法实施条例, article 45).
    access_kmh
        Speed between a point and its road; a person on foot.

    Raises
    ------
    InputError
        If a speed is not positive.
    """

    name: str
    speed_kmh: float | None
    oneway: bool
    default_kmh: float = 30.0
    access_kmh: float = 5.0

    def __post_init__(self) -> None:
        """Check the speeds."""
        given = {
            "speed_kmh": self.speed_kmh,
            "default_kmh": self.default_kmh,
            "access_kmh": self.access_kmh,
        }
        for name, speed in given.items():
            if speed is not None and not speed > 0:
                raise InputError("travel.error.speed", mode=self.name, name=name, received=speed)


WALK = Mode("walk", 5.0, oneway=False)
EBIKE = Mode("ebike", 20.0, oneway=True)
CAR = Mode("car", None, oneway=True)


def modes_of(presets: Presets) -> dict[str, Mode]:
    """Return the modes at a city's own speeds, by name."""
    return {
        "walk": Mode("walk", presets.walk_kmh, oneway=False, access_kmh=presets.walk_kmh),
        "ebike": Mode("ebike", presets.ebike_kmh, oneway=True, access_kmh=presets.walk_kmh),
        "car": Mode("car", None, oneway=True, access_kmh=presets.walk_kmh),
    }


def metres_per_minute(speed_kmh: float) -> float:
    """Return a speed in metres a minute.

    >>> metres_per_minute(6.0)
    100.0
    """
    return speed_kmh * 1000.0 / 60.0


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
        """Return the distance in metres that a cost in this unit covers."""
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
    ) -> Floats:
        """Return the cost from every room to every point, shape (n, m); infinite beyond limit."""
        points = np.asarray(points_xy, dtype=np.float64).reshape(-1, 2)
        rooms = np.asarray(rooms_xy, dtype=np.float64).reshape(-1, 2)
        cost = np.asarray(scipy.spatial.distance.cdist(points, rooms) * self._per_metre)
        cost[cost > limit] = np.inf
        return cost


# -- ground within reach as polygons: rings of a distance, isochrones of a cost


_MOST_CELLS = 250_000


def ring(
    rooms_xy: ArrayLike, radius_m: float, *, clip: shapely.Geometry | None = None
) -> shapely.Geometry:
    """Return the area within a straight-line distance of a room, for drawing.

    Circles are drawn with 256 corners of their own area; figures are measured on the true
    circles (`gridmap.measure.covered_share`).

    Parameters
    ----------
    rooms_xy
        Positions of the rooms, metres, shape (m, 2).
    radius_m
        Distance, metres.
    clip
        Only ground within this, such as the city's outline.

    Examples
    --------
    >>> round(ring([(0, 0)], 10.0).area / 10.0**2, 6)
    3.141593
    """
    corners = 256
    # The polygon's circumradius for which its area is the circle's.
    turn = 2.0 * np.pi / corners
    drawn = radius_m * float(np.sqrt(turn / np.sin(turn)))
    points = shapely.points(np.asarray(rooms_xy, dtype=np.float64).reshape(-1, 2))
    ground = shapely.union_all(shapely.buffer(points, drawn, quad_segs=corners // 4))
    return ground if clip is None else shapely.intersection(ground, clip)


def isochrone(
    travel: Travel,
    rooms_xy: ArrayLike,
    limit: float,
    *,
    clip: shapely.Geometry,
    cell_m: float = 50.0,
) -> shapely.Geometry:
    """Return the area within a travel cost of the nearest room.

    The cost is found on a raster and its contour drawn, so the outline is within about a
    cell of the true one.

    Parameters
    ----------
    travel
        Straight or along roads.
    rooms_xy
        Positions of the rooms, metres, shape (m, 2).
    limit
        Metres or minutes, in the unit of ``travel``.
    clip
        Only ground within this is looked at.
    cell_m
        Side of the raster's cells, metres; larger where the ground is large.
    """
    left, low, right, high = shapely.bounds(clip)
    area = (right - left) * (high - low)
    cell = max(cell_m, float(np.sqrt(area / _MOST_CELLS)))
    x = np.arange(left - cell, right + 2.0 * cell, cell)
    y = np.arange(low - cell, high + 2.0 * cell, cell)
    spots = np.stack(np.meshgrid(x, y), axis=-1)
    cost = travel.nearest(spots.reshape(-1, 2), rooms_xy).cost.reshape(len(y), len(x))
    # Beyond the limit any value will do that puts the contour between reached and not.
    height = np.where(np.isfinite(cost), np.minimum(cost, 2.0 * limit), 2.0 * limit)
    filled = contourpy.contour_generator(x, y, height, fill_type="OuterOffset").filled(
        -np.inf, limit
    )
    pieces = [
        shapely.Polygon(
            points[offsets[0] : offsets[1]], [points[a:b] for a, b in pairwise(offsets[1:])]
        )
        for points, offsets in zip(*filled, strict=True)
    ]
    ground = shapely.union_all(shapely.make_valid(np.array(pieces, dtype=object)))
    return shapely.intersection(ground, clip)
