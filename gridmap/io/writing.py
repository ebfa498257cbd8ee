"""Writing frames as files that others open: GIS formats and CSV for Excel."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridmap.errors import CRSError, InputError, WorkspaceError
from gridmap.fields import Json
from gridmap.gdal.formats import load_pyogrio
from gridmap.io._vector import short_names, write_field_map
from gridmap.io.placing import new_folder_beside, put
from gridmap.model.crs import reproject

__all__ = ["FORMATS", "Track", "Waypoint", "Written", "write_frame", "write_gpx", "write_kml"]


_DRIVERS = {
    ".gpkg": "GPKG",
    ".geojson": "GeoJSON",
    ".fgb": "FlatGeobuf",
    ".shp": "ESRI Shapefile",
}
FORMATS = (*_DRIVERS, ".parquet", ".csv")
"""Suffixes that `write_frame` knows."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Parameters
    ----------
    files
        The files, the main one first.
    field_map
        Column to its name in the file, where the format cuts names.
    """

    files: tuple[Path, ...]
    field_map: dict[str, str]


def write_frame(
    frame: gpd.GeoDataFrame | pd.DataFrame, path: str | Path, *, layer: str = "", crs: str = ""
) -> Written:
    """Write a frame; the suffix says the format.

    Parameters
    ----------
    frame
        Columns of numbers, text, flags or times, with or without a geometry.
    path
        Target; ``.gpkg``, ``.geojson``, ``.fgb``, ``.shp``, ``.parquet`` or ``.csv``. A
        file that is there is replaced at the end, never half written.
    layer
        Name of the layer in a GeoPackage; the others of the file stay.
    crs
        CRS to write in; the frame's own if empty. GeoJSON is always in WGS 84 degrees.

    Returns
    -------
    Written

    Raises
    ------
    InputError
        If the format is unknown, or cannot hold the frame.
    CRSError
        If a geometry has no CRS.
    WorkspaceError
        If the file cannot be written.

    Notes
    -----
    Shapefiles are written in GBK, because a Chinese column name of four characters or more
    in UTF-8 cannot be read back at all; names are cut at ten bytes, and the full ones
    stand in ``<name>.fields.csv`` beside it. CSV carries a byte order mark, by which Excel
    knows UTF-8, and geometry as WKT.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in FORMATS:
        raise InputError("io.error.format", received=target.name, known=", ".join(FORMATS))
    made = _ready(frame, suffix, crs)
    try:
        folder = new_folder_beside(target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    try:
        if suffix == ".gpkg" and target.exists():
            shutil.copyfile(target, folder / target.name)
        write = _WRITERS[suffix]
        names = write(made, folder / target.name, layer)
        files = sorted(folder.iterdir(), key=lambda item: item.suffix.lower() != suffix)
        for item in files:
            put(item, target.parent / item.name)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Written(tuple(target.parent / item.name for item in files), names)


def _cannot_write(target: Path, error: OSError) -> WorkspaceError:
    reason = error.strerror or str(error)
    return WorkspaceError("io.error.cannot_write_file", path=str(target), reason=reason)


def _ready(
    frame: gpd.GeoDataFrame | pd.DataFrame, suffix: str, crs: str
) -> gpd.GeoDataFrame | pd.DataFrame:
    """Return a copy of which every format can hold the columns."""
    made = frame.reset_index(drop=True).copy()
    for name in made.columns:
        if made[name].dtype == object:
            made[name] = made[name].map(lambda v: None if v is None or v != v else str(v))  # noqa: PLR0124 - NaN
    if not isinstance(made, gpd.GeoDataFrame):
        if suffix in _DRIVERS and suffix != ".gpkg":
            raise InputError("io.error.format_needs_shapes", received=suffix)
        return made
    if made.crs is None:
        raise CRSError("io.error.no_crs", file=suffix)
    wanted = CRS.from_epsg(4326) if suffix == ".geojson" else CRS(crs or made.crs)
    if wanted != CRS(made.crs):
        shapes = reproject(made.geometry.to_numpy(), CRS(made.crs), wanted)
        made = made.set_geometry(gpd.GeoSeries(shapes, crs=wanted))
    return made


def _write_vector(frame: gpd.GeoDataFrame, path: Path, layer: str) -> dict[str, str]:
    pyogrio = load_pyogrio()
    options: dict[str, Json] = {}
    match path.suffix.lower():
        case ".gpkg":
            options["layer"] = layer or path.stem
        case ".fgb":
            # An index would sort the rows: read back, they keep their order.
            options["SPATIAL_INDEX"] = "NO"
        case ".geojson":
            options["COORDINATE_PRECISION"] = 9  # a tenth of a millimetre
    try:
        pyogrio.write_dataframe(frame, path, driver=_DRIVERS[path.suffix.lower()], **options)
    except pyogrio.errors.DataSourceError as error:
        raise InputError("io.error.cannot_hold", file=path.name, reason=str(error)) from error
    return {}


def _write_shapefile(frame: gpd.GeoDataFrame, path: Path, _: str) -> dict[str, str]:
    pyogrio = load_pyogrio()
    kinds = set(shapely.get_dimensions(frame.geometry.to_numpy()))
    if len(kinds) > 1:
        raise InputError("io.error.mixed_shapes", file=path.name)
    columns = [str(name) for name in frame.columns if name != "geometry"]
    names = short_names(columns)
    made = frame.rename(columns=names)
    for name in made.columns:
        if made[name].dtype == bool:
            made[name] = made[name].astype(np.int16)  # a DBF has no flags that others read
        elif made[name].dtype.kind == "M":
            made[name] = made[name].dt.strftime("%Y-%m-%d %H:%M:%S")  # nor times of day
    _check_gbk(made, path)
    pyogrio.write_dataframe(made, path, driver="ESRI Shapefile", encoding="gbk")
    path.with_suffix(".cpg").write_text("GBK", encoding="ascii")
    write_field_map(path, names)
    return {full: short for full, short in names.items() if full != short}


def _check_gbk(frame: gpd.GeoDataFrame, path: Path) -> None:
    for name in frame.columns:
        column = frame[name]
        if name == "geometry" or column.dtype.kind in "iufbM":
            continue
        for text in column.dropna().astype(str).unique():
            try:
                raw = text.encode("gbk")
            except UnicodeEncodeError as error:
                raise InputError(
                    "io.error.not_gbk", file=path.name, column=name, received=text[:20]
                ) from error
            if len(raw) > 254:
                raise InputError("io.error.too_long", file=path.name, column=name, bytes=len(raw))


def _write_parquet(frame: gpd.GeoDataFrame | pd.DataFrame, path: Path, _: str) -> dict[str, str]:
    frame.to_parquet(path, index=False, compression="zstd")
    return {}


def _write_csv(frame: gpd.GeoDataFrame | pd.DataFrame, path: Path, _: str) -> dict[str, str]:
    table = pd.DataFrame(frame)
    if isinstance(frame, gpd.GeoDataFrame):
        table["geometry"] = shapely.to_wkt(frame.geometry.to_numpy(), rounding_precision=-1)
    table.to_csv(path, index=False, encoding="utf-8-sig")
    return {}


_WRITERS: dict[str, Callable[..., dict[str, str]]] = {
    **dict.fromkeys(_DRIVERS, _write_vector),
    ".shp": _write_shapefile,
    ".parquet": _write_parquet,
    ".csv": _write_csv,
}

# -- routes as files that navigation devices and viewers open: GPX and KML


Position = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Waypoint:
    """A numbered place: longitude, latitude (WGS 84), what it is called and says."""

    lon: float
    lat: float
    name: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """One route.

    Parameters
    ----------
    name
        What it is called.
    line
        Longitude and latitude (WGS 84) along the way.
    waypoints
        Its places, in order.
    """

    name: str
    line: tuple[Position, ...]
    waypoints: tuple[Waypoint, ...]


def write_gpx(tracks: tuple[Track, ...], path: Path) -> None:
    """Write routes as GPX 1.1: a track for each way, a waypoint for each place."""
    root = ET.Element(
        "gpx",
        {"version": "1.1", "creator": "gridmap", "xmlns": "http://www.topografix.com/GPX/1/1"},
    )
    for track in tracks:
        for place in track.waypoints:
            point = ET.SubElement(root, "wpt", lat=f"{place.lat:.6f}", lon=f"{place.lon:.6f}")
            ET.SubElement(point, "name").text = place.name
            if place.text:
                ET.SubElement(point, "desc").text = place.text
    for track in tracks:
        line = ET.SubElement(root, "trk")
        ET.SubElement(line, "name").text = track.name
        segment = ET.SubElement(line, "trkseg")
        for lon, lat in track.line:
            ET.SubElement(segment, "trkpt", lat=f"{lat:.6f}", lon=f"{lon:.6f}")
    _write(root, path)


def write_kml(tracks: tuple[Track, ...], path: Path) -> None:
    """Write routes as KML 2.2: a folder for each, with its way and its places."""
    root = ET.Element("kml", xmlns="http://www.opengis.net/kml/2.2")
    document = ET.SubElement(root, "Document")
    for track in tracks:
        folder = ET.SubElement(document, "Folder")
        ET.SubElement(folder, "name").text = track.name
        way = ET.SubElement(folder, "Placemark")
        ET.SubElement(way, "name").text = track.name
        line = ET.SubElement(way, "LineString")
        ET.SubElement(line, "coordinates").text = " ".join(
            f"{lon:.6f},{lat:.6f}" for lon, lat in track.line
        )
        for place in track.waypoints:
            mark = ET.SubElement(folder, "Placemark")
            ET.SubElement(mark, "name").text = place.name
            if place.text:
                ET.SubElement(mark, "description").text = place.text
            point = ET.SubElement(mark, "Point")
            ET.SubElement(point, "coordinates").text = f"{place.lon:.6f},{place.lat:.6f}"
    _write(root, path)


def _write(root: ET.Element, path: Path) -> None:
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
