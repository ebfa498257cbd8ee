"""Layers out of an OpenStreetMap extract: roads with speeds and directions, rivers, railways.

An extract holds everything that has lines; a layer of roads is what cars may drive on, a layer
of barriers what they may not cross. Where no speed limit is mapped, a road has the middle of
the range that CJJ 37-2012 (城市道路工程设计规范, section 3.2) designs its class for.
"""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from gridmap.io.options import Note

__all__ = ["osm_layer"]

# Class to design speed in km/h: expressway 60-100, arterial 40-60, sub-arterial 30-50,
# local road 20-40; a motorway is no city road, and 100 is within its limits of 80 to 120.
_ROADS = {
    "motorway": 100.0, "motorway_link": 50.0, "trunk": 80.0, "trunk_link": 40.0,
    "primary": 50.0, "primary_link": 40.0, "secondary": 40.0, "secondary_link": 30.0,
    "tertiary": 30.0, "tertiary_link": 30.0, "unclassified": 30.0, "residential": 30.0,
    "living_street": 20.0, "service": 20.0, "road": 30.0,
}  # fmt: skip
_ONE_WAY = {"motorway", "motorway_link"}
_CLOSED = {"no", "private", "military", "forestry", "agricultural"}
_RIVERS = {"river", "canal", "riverbank"}
_RAILWAYS = {"rail", "light_rail", "narrow_gauge"}
_TAG = r'"{}"=>"((?:[^"\\]|\\.)*)"'
_KEPT = ["osm_id", "name", "highway", "maxspeed", "oneway", "bridge", "tunnel", "level"]


def osm_layer(frame: gpd.GeoDataFrame, kind: str, where: str) -> tuple[gpd.GeoDataFrame, Note]:
    """Return the roads or barriers of an extract's lines, with a word on what was left out.

    Parameters
    ----------
    frame
        Lines as GDAL reads them: some tags are columns, the rest stand in ``other_tags``.
    kind
        ``road`` or ``barrier``.
    where
        What to call the file.
    """
    made = _roads(frame) if kind == "road" else _barriers(frame)
    values = {"file": where, "count": len(made), "others": len(frame) - len(made)}
    return made.reset_index(drop=True), Note(f"io.note.osm_{kind}", values)


def _tag(frame: pd.DataFrame, name: str) -> pd.Series:
    """Return a tag's text, blank where there is none."""
    if name in frame.columns:
        return frame[name].astype("object").where(frame[name].notna(), "").astype(str)
    if "other_tags" not in frame.columns:
        return pd.Series("", index=frame.index, dtype="object")
    tags = frame["other_tags"].astype("object").where(frame["other_tags"].notna(), "")
    return tags.astype(str).str.extract(_TAG.format(name), expand=False).fillna("")


def _roads(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    highway = _tag(frame, "highway")
    closed = _tag(frame, "access").isin(_CLOSED) | _tag(frame, "motor_vehicle").isin(_CLOSED)
    made = frame[highway.isin(list(_ROADS)) & ~closed].copy()
    made["highway"] = _tag(made, "highway")
    limit = _tag(made, "maxspeed")
    usual = made["highway"].map(_ROADS).map("{:.0f}".format)
    made["maxspeed"] = limit.where(limit.str.contains(r"\d"), usual)
    oneway = _tag(made, "oneway")
    bound = made["highway"].isin(_ONE_WAY) | _tag(made, "junction").eq("roundabout")
    made["oneway"] = oneway.where(oneway != "", bound.map({True: "yes", False: "no"}))
    for name, column in (("bridge", "bridge"), ("tunnel", "tunnel"), ("layer", "level")):
        made[column] = _tag(made, name).replace("", "0" if column == "level" else "no")
    return made[[name for name in [*_KEPT, "geometry"] if name in made.columns]]


def _barriers(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    water, rail = _tag(frame, "waterway"), _tag(frame, "railway")
    # Below ground neither keeps anybody from crossing.
    open_air = ~(_tag(frame, "tunnel").isin(["yes", "culvert"]) | _tag(frame, "covered").eq("yes"))
    made = frame[(water.isin(list(_RIVERS)) | rail.isin(list(_RAILWAYS))) & open_air].copy()
    made["class"] = _tag(made, "waterway").where(lambda text: text != "", _tag(made, "railway"))
    return made[[name for name in ["osm_id", "name", "class", "geometry"] if name in made.columns]]
