"""Places where a room may stand, and which of them are too near one another."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
import scipy
import shapely
from numpy.typing import NDArray

from gridmap.errors import InfeasibleError, InputError, MissingError, some_ids
from gridmap.i18n import tr
from gridmap.measure import sample_points
from gridmap.model import City, Kind, Layer

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Texts = NDArray[np.object_]

__all__ = ["Candidates", "Places", "candidates_of", "spaced"]

Candidates = Literal["auto", "community", "facility", "grid", "area"]

_SOURCES = ("auto", "community", "facility", "grid", "area")
_SPOTS = 200  # in a drawn area
_MOST_CANDIDATES = 3000
_MOST_PAIRS = 60_000_000  # of demands and candidates: half a gigabyte of costs


class Places(NamedTuple):
    """Candidates: ids and names, positions in metres (m, 2), and what each costs (m,)."""

    ids: Texts
    names: Texts
    xy: Floats
    price: Floats

    def take(self, rows: Ints | NDArray[np.bool_]) -> Places:
        """Return some of the places."""
        return Places(self.ids[rows], self.names[rows], self.xy[rows], self.price[rows])


def candidates_of(
    city: City,
    source: Candidates = "auto",
    area: shapely.Geometry | None = None,
    *,
    price: str = "",
) -> Places:
    """Return the places where a room may stand.

    Parameters
    ----------
    city
        The city.
    source
        ``community`` centres, ``facility`` positions, ``grid`` centres, ``area`` for spots
        spread evenly over the drawn area, or ``auto``: the first of communities, facilities
        and grids that the city has. A centre is a point inside, wherever the middle lies.
    area
        A drawn area in the working CRS that the places must lie in.
    price
        Column of the source's layer that says what each place costs; 1 each if blank.

    Raises
    ------
    InputError
        If the source is unknown, no place lies in the area, a price is not positive, or
        prices are asked of spots in an area.
    MissingError
        If the city has no layer of that kind, or the layer no such column.
    """
    if source not in _SOURCES or (source == "area" and area is None):
        raise InputError("siting.error.candidates", received=source, known=", ".join(_SOURCES))
    if source == "area":
        if price:
            raise InputError("siting.error.area_price", received=price)
        xy = np.unique(sample_points(np.array([area], dtype=object), _SPOTS)[0], axis=0)
        ids = np.array([str(number) for number in range(1, len(xy) + 1)], dtype=object)
        names = np.array([tr("siting.spot", number=name) for name in ids], dtype=object)
        return Places(ids, names, xy, np.ones(len(xy)))
    kinds = [kind for kind in (Kind.COMMUNITY, Kind.FACILITY, Kind.GRID) if city.has(kind)]
    kind = (kinds or [Kind.GRID])[0] if source == "auto" else Kind(source)
    layer = city.layer(kind)
    xy = shapely.get_coordinates(shapely.point_on_surface(layer.geometry))
    places = Places(layer.ids, layer.names, xy, _prices(layer, price))
    if area is not None:
        places = places.take(np.asarray(shapely.intersects_xy(area, xy[:, 0], xy[:, 1])))
    if len(places.ids) == 0:
        raise InputError("siting.error.no_candidates", kind=str(kind), count=len(xy))
    return places


def spaced(
    places: Places, rooms_xy: Floats, apart_m: float, demands: int, notes: list[str]
) -> tuple[Places, Ints]:
    """Return the candidates far enough from rooms that stay, and pairs too near each other.

    Parameters
    ----------
    places
        The candidates.
    rooms_xy
        Rooms that stay, shape (f, 2).
    apart_m
        Least straight distance between two rooms, metres; 0 for none.
    demands
        How many demands there are: where the table of costs would be too large, candidates
        are thinned.
    notes
        What was left out is added here.

    Raises
    ------
    InfeasibleError
        If every candidate is too near a room that stays.
    """
    if apart_m > 0.0 and len(rooms_xy):
        free = scipy.spatial.cKDTree(rooms_xy).query(places.xy)[0] >= apart_m
        if not free.any():
            raise InfeasibleError("siting.error.all_near", count=len(free), apart=apart_m)
        if not free.all():
            notes.append(tr("siting.note.near", count=int((~free).sum()), apart=apart_m))
        places = places.take(free)
    most = int(np.clip(_MOST_PAIRS // max(demands, 1), 100, _MOST_CANDIDATES))
    if len(places.ids) > most:
        step = np.linspace(0, len(places.ids) - 1, most).astype(np.int64)
        notes.append(tr("siting.note.thinned", count=len(places.ids), kept=most))
        places = places.take(step)
    pairs = np.empty((0, 2), dtype=np.int64)
    if apart_m > 0.0:
        # The tree counts a distance of exactly the limit as near: such rooms are allowed.
        limit = float(np.nextafter(apart_m, 0.0))
        pairs = (
            scipy.spatial.cKDTree(places.xy)
            .query_pairs(limit, output_type="ndarray")
            .astype(np.int64)
        )
    return places, pairs


def _prices(layer: Layer, column: str) -> Floats:
    if not column:
        return np.ones(len(layer))
    if not layer.has(column):
        known = ", ".join(str(name) for name in layer.frame.columns if name != "geometry")
        raise MissingError(
            "siting.error.price_column", received=column, kind=str(layer.kind), known=known
        )
    price = pd.to_numeric(layer.frame[column], errors="coerce").to_numpy(dtype=float)
    wrong = ~(np.isfinite(price) & (price > 0.0))
    if wrong.any():
        raise InputError(
            "siting.error.price_value",
            count=int(wrong.sum()),
            column=column,
            ids=some_ids(layer.ids[wrong]),
        )
    return price
