"""Which datum makes new features fit a layer that is there already: offered, never applied."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.io.options import Note
from gridmap.model import AREA_KINDS, Layer
from gridmap.model.crs import DATUMS, from_datum, gcj02_applies, reproject_points

__all__ = ["datum_note"]

Floats = NDArray[np.float64]

_DEGREES = CRS.from_epsg(4326)
_NEAR_M = 15.0
_SAMPLE = 5_000
_FEWEST = 20


def datum_note(
    x: Floats, y: Floats, crs: CRS, reference: Layer, *, on_borders: bool, where: str
) -> list[Note]:
    """Return a remark if another datum would fit a layer much better.

    Parameters
    ----------
    x, y : (n,)
        Corners of areas, or points, in ``crs``, as they were read.
    reference
        A layer of areas in ``crs`` that is there already.
    on_borders
        True for corners of areas, which should lie on the reference's borders; False for
        points, which should lie inside it.
    where
        What to call the file.
    """
    if len(x) < _FEWEST or reference.kind not in AREA_KINDS:
        return []
    step = max(len(x) // _SAMPLE, 1)
    x, y = x[::step], y[::step]
    lon, lat = reproject_points(x, y, crs, _DEGREES)
    if not gcj02_applies(lon, lat).all():
        return []
    tree = shapely.STRtree(
        shapely.boundary(reference.geometry) if on_borders else reference.geometry
    )
    shares = {
        datum: _share(tree, *reproject_points(*from_datum(lon, lat, datum), _DEGREES, crs),
                      on_borders=on_borders)
        for datum in DATUMS
    }  # fmt: skip
    best = max(shares, key=lambda datum: shares[datum])
    as_is = shares["wgs84"]
    gain = shares[best] - as_is
    # On borders a right datum is beyond doubt; inside, only those near the edge can tell.
    sure = gain >= 0.2 if on_borders else gain >= 0.5 * (1 - as_is) and gain * len(x) >= _FEWEST
    if best == "wgs84" or not sure:
        return []
    values = {
        "file": where,
        "datum": best.upper().replace("GCJ02", "GCJ-02").replace("BD09", "BD-09"),
        "option": best,
        "share": 100 * shares[best],
        "now": 100 * as_is,
    }
    return [Note("io.note.datum_offset", values)]


def _share(tree: shapely.STRtree, x: Floats, y: Floats, *, on_borders: bool) -> float:
    points = shapely.points(x, y)
    if on_borders:
        hits = tree.query(points, predicate="dwithin", distance=_NEAR_M)[0]
    else:
        hits = tree.query(points, predicate="intersects")[0]
    return len(np.unique(hits)) / len(points)
