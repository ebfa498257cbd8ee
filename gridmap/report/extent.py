"""What a beat's border follows on each side, in words: roads, rivers, railways, communities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from gridmap.i18n import tr
from gridmap.model import City, Kind

__all__ = ["SIDES", "Extent", "extent_words", "extents_of"]

SIDES = ("east", "south", "west", "north")
_NEAR_M = 30.0  # a border follows what lies this near
_FOLLOWS = 0.6  # on at least this share of a side
_STEP_M = 20.0  # between the points at which a border is looked at

Shapes = npt.NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Extent:
    """What the border of one beat follows.

    Attributes
    ----------
    names
        For each of `SIDES` the name of the road, river, railway or community; blank where the
        border follows nothing but grids.
    kinds
        ``line``, ``community`` or ``grid`` for each side.
    shares
        Which share of the side follows it.
    """

    names: tuple[str, str, str, str]
    kinds: tuple[str, str, str, str]
    shares: tuple[float, float, float, float]


def extents_of(city: City, beats: Shapes) -> tuple[Extent, ...]:
    """Return what the border of each beat follows on its four sides.

    A point of the border belongs to the side towards which it lies from the beat's middle,
    as a share of its width and height. A side is named after the road, river or railway that
    at least 60 % of it has within 30 m, else after the community on the other side of at
    least 60 % of it where it is a border of communities, else after nothing.

    Parameters
    ----------
    city
        Roads, barriers and communities are taken from it.
    beats
        Polygons in the working CRS.
    """
    lines, line_names = _lines(city)
    tree = shapely.STRtree(lines)
    communities = city.get(Kind.COMMUNITY)
    borders = None
    if communities is not None and len(communities):
        borders = shapely.STRtree(communities.geometry)
    found = []
    for beat in beats:
        points, sides = _samples(beat)
        names, kinds, shares = [], [], []
        near, which = tree.query(points, predicate="dwithin", distance=_NEAR_M)
        for side in range(len(SIDES)):
            mine = np.flatnonzero(sides == side)
            name, share = _most(mine, near, line_names[which] if len(which) else which)
            kind = "line"
            if share < _FOLLOWS and borders is not None and communities is not None:
                name, share = _community(points[mine], beat, borders, communities.names)
                kind = "community"
            if share < _FOLLOWS:
                name, share, kind = "", 0.0, "grid"
            names.append(name)
            kinds.append(kind)
            shares.append(share)
        found.append(Extent(tuple(names), tuple(kinds), tuple(shares)))  # type: ignore[arg-type] # four each
    return tuple(found)


def extent_words(extent: Extent) -> str:
    """Return an extent as official texts write it: east to ..., south to ..."""
    parts = []
    for side, name, kind in zip(SIDES, extent.names, extent.kinds, strict=True):
        what = tr(f"briefing.extent.{kind}", name=name)
        parts.append(tr(f"briefing.extent.{side}", what=what))
    return tr("briefing.comma").join(parts) + tr("briefing.stop")


def _lines(city: City) -> tuple[Shapes, npt.NDArray[np.object_]]:
    """Return named roads, rivers and railways."""
    shapes: list[Shapes] = []
    names: list[npt.NDArray[np.object_]] = []
    for kind in (Kind.ROAD, Kind.BARRIER):
        layer = city.get(kind)
        if layer is None or not len(layer):
            continue
        words = layer.names.astype(str)
        ids = layer.ids.astype(str)
        named = np.array([bool(w.strip()) and w != i for w, i in zip(words, ids, strict=True)])
        shapes.append(layer.geometry[named])
        names.append(words[named].astype(object))
    if not shapes:
        return np.empty(0, dtype=object), np.empty(0, dtype=object)
    return np.concatenate(shapes), np.concatenate(names)


def _samples(beat: shapely.Geometry) -> tuple[Shapes, npt.NDArray[np.int64]]:
    """Return points along the outer border of a beat and the side that each lies on."""
    parts = shapely.get_parts(beat)
    largest = parts[int(np.argmax(shapely.area(parts)))]
    ring = shapely.get_exterior_ring(largest)
    count = max(int(shapely.length(ring) / _STEP_M), 40)
    points = shapely.line_interpolate_point(ring, np.arange(count) / count, normalized=True)
    left, low, right, top = shapely.bounds(largest)
    xy = shapely.get_coordinates(points)
    across = (xy[:, 0] - (left + right) / 2) / max(right - left, 1e-9)
    up = (xy[:, 1] - (low + top) / 2) / max(top - low, 1e-9)
    sides = np.where(
        np.abs(across) >= np.abs(up),
        np.where(across > 0, 0, 2),
        np.where(up < 0, 1, 3),
    )
    return points, sides.astype(np.int64)


def _most(
    mine: npt.NDArray[np.int64],
    near: npt.NDArray[np.int64],
    names: npt.NDArray[np.object_],
) -> tuple[str, float]:
    """Return the name that most points of a side have near, and their share."""
    if not len(mine):
        return "", 0.0
    inside = np.isin(near, mine)
    counts: dict[str, int] = {}
    pairs = {(int(p), str(n)) for p, n in zip(near[inside], names[inside], strict=True)}
    for _, name in sorted(pairs):
        counts[name] = counts.get(name, 0) + 1
    if not counts:
        return "", 0.0
    best = min(counts, key=lambda name: (-counts[name], name))
    return best, counts[best] / len(mine)


def _community(
    points: Shapes,
    beat: shapely.Geometry,
    communities: shapely.STRtree,
    names: npt.NDArray[np.object_],
) -> tuple[str, float]:
    """Return the community beyond a side that follows borders of communities, and the share."""
    if not len(points):
        return "", 0.0
    near, which = communities.query(points, predicate="dwithin", distance=_NEAR_M)
    shapes = communities.geometries
    outlines = shapely.boundary(shapes)
    follows = shapely.distance(outlines[which], points[near]) <= _NEAR_M
    near, which = near[follows], which[follows]
    # Those that lie beyond the border, not those that the beat itself is made of.
    shared = shapely.area(shapely.intersection(shapes, beat)) / shapely.area(shapes)
    outside = shared[which] < 0.5
    return _most(np.arange(len(points)), near[outside], names.astype(str)[which[outside]])
