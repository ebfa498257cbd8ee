"""Areas out of CAD drawings, where a border is a closed line and a name is a text inside it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

__all__ = ["areas_of_drawing"]

_FEWEST_POINTS = 4  # of a ring: three corners and the first one again


def areas_of_drawing(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a drawing's closed lines as areas, each with the one text that stands inside it.

    Open lines stay lines; texts that name an area are used up, the others stay points.
    """
    shapes = frame.geometry.to_numpy().copy()
    lines = np.flatnonzero(
        (shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING)
        & shapely.is_closed(shapes)
        & (shapely.get_num_coordinates(shapes) >= _FEWEST_POINTS)
    )
    shapes[lines] = shapely.polygons(
        shapely.linearrings(
            shapely.get_coordinates(shapes[lines]),
            indices=np.repeat(np.arange(len(lines)), shapely.get_num_coordinates(shapes[lines])),
        )
    )
    made = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    if "Text" not in made.columns:
        return made
    texts = np.flatnonzero(made["Text"].notna() & (shapely.get_dimensions(shapes) == 0))
    areas = np.flatnonzero(shapely.get_dimensions(shapes) == 2)
    inside = shapely.STRtree(shapes[areas]).query(shapes[texts], predicate="within")
    once = np.bincount(inside[0], minlength=len(texts)) == 1
    alone = np.bincount(inside[1], minlength=len(areas)) == 1
    pairs = inside[:, once[inside[0]] & alone[inside[1]]]
    names = made["Text"].astype("object").to_numpy().copy()
    names[areas[pairs[1]]] = names[texts[pairs[0]]]
    made["Text"] = names
    keep = np.ones(len(made), dtype=bool)
    keep[texts[pairs[0]]] = False
    return made.rename(columns={"Text": "name"})[keep].reset_index(drop=True)
