"""Read GIS files, undoing what tools do to them, and write frames for others to open."""

from __future__ import annotations

import csv
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjCRSError

from gridmap.errors import CRSError, InputError, MissingError, WorkspaceError
from gridmap.fields import Json
from gridmap.gdal.guards import KML, load_pyogrio
from gridmap.gdal.reading import RawLayer, read_layers
from gridmap.io._tables import (
    Encoding,
    Reason,
    Source,
    detect_bytes,
    detect_dbf,
    file_beside,
)
from gridmap.io.options import Note
from gridmap.io.placing import new_folder_beside, put
from gridmap.model.crs import WGS84, reproject

_BYTES = 10
_HEAD = ["field", "column"]


def full_names(shp: Path) -> dict[str, str]:
    """Return cut name to full name from the field map beside a shapefile; empty without one."""
    beside = shp.with_suffix(".fields.csv")
    if not beside.is_file():
        return {}
    try:
        with beside.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == 2]
    except (UnicodeDecodeError, csv.Error):
        return {}  # not one of ours: the names stay as they are cut
    return dict(rows[1:]) if rows[:1] == [_HEAD] else {}


def write_field_map(shp: Path, names: Mapping[str, str]) -> None:
    """Write the full name of each shortened column beside a shapefile."""
    with shp.with_suffix(".fields.csv").open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(_HEAD)
        rows.writerows([short, full] for full, short in names.items())


def short_names(columns: Iterable[str]) -> dict[str, str]:
    """Return each column's name cut at ten bytes of GBK, distinguished by a number.

    >>> short_names(["常住人口", "常住人口密度", "residents", "residents_per_km2"])
    {'常住人口': '常住人口', '常住人口密度': '常住人口密', 'residents': 'residents',
     'residents_per_km2': 'residents_'}
    >>> short_names(["incidents_per_km2", "incidents_per_1000"])
    {'incidents_per_km2': 'incidents_', 'incidents_per_1000': 'incident_1'}
    """
    taken: set[str] = set()
    made: dict[str, str] = {}
    for name in columns:
        short = _cut(name, _BYTES) or "field"
        number = 0
        while short.casefold() in taken:
            number += 1
            end = f"_{number}"
            short = _cut(name, _BYTES - len(end)) + end
        taken.add(short.casefold())
        made[name] = short
    return made


def _cut(name: str, size: int) -> str:
    raw = name.encode("gbk", errors="replace")[:size]
    return raw.decode("gbk", errors="ignore")


_ENDS = 65_536  # servers say it before or after the features
_EXCEEDED = re.compile(rb'"exceededTransferLimit"\s*:\s*(?:true|"true"|1)', re.IGNORECASE)
_TOTAL = re.compile(rb'"(?:numberMatched|totalFeatures|total_count)"\s*:\s*"?(\d{1,12})')
_NEXT = re.compile(rb'"rel"\s*:\s*"next"')
_ERROR = re.compile(rb'^\s*\{\s*"error"\s*:\s*\{[^{}]{0,400}?"code"\s*:\s*(-?\d{1,6})')
_LIMITS = {1_000, 2_000, 5_000, 10_000, 50_000}  # of ArcGIS, Socrata and GeoServer, as installed


def held_back(path: Path, count: int) -> list[Note]:
    """Return a remark on a download that is not the whole layer.

    Parameters
    ----------
    path
        The answer as it was saved.
    count
        How many features it holds.

    """
    with path.open("rb") as file:
        ends = file.read(_ENDS)
        file.seek(max(path.stat().st_size - _ENDS, 0))
        ends += b"\n" + file.read()
    values: dict[str, Json] = {"file": path.name, "count": count}
    total = _TOTAL.search(ends)
    if total and int(total[1]) > count:
        return [Note("io.note.held_back_of", {**values, "total": int(total[1])})]
    if _EXCEEDED.search(ends) or _NEXT.search(ends):
        return [Note("io.note.held_back", values)]
    return [Note("io.note.round_count", values)] if count in _LIMITS else []


def require_no_error(path: Path) -> None:
    """Refuse an answer that is an error which the server sent as if all were well.

    Raises
    ------
    InputError
        If it is one; the message has the server's code.
    """
    with path.open("rb") as file:
        error = _ERROR.match(file.read(_ENDS))
    if error:
        raise InputError("io.error.server_error", file=path.name, code=int(error[1]))


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
        Lines as GDAL reads them: some tags are columns, the rest are in ``other_tags``.
    kind
        ``road`` or ``barrier``.
    where
        What to call the file.
    """
    made = _roads(frame) if kind == "road" else _barriers(frame)
    values: dict[str, Json] = {"file": where, "count": len(made), "others": len(frame) - len(made)}
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


_FEWEST_POINTS = 4  # of a ring: three corners and the first one again


def areas_of_drawing(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a drawing's closed lines as areas, each with the one text inside it.

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


_JSON = {".geojson", ".json", ".topojson", ".geojsonl", ".geojsons", ".ndjson", ".jsonl"}
_SPARSE = {"GPX", "OSM", "DXF"}  # with a column for whatever such a file may hold
_DIMENSION_OF = {
    **dict.fromkeys(("grid", "beat", "station", "community"), 2),
    **dict.fromkeys(("room", "facility", "incidents"), 0),
    **dict.fromkeys(("road", "barrier"), 1),
}
_RAW = "ISO-8859-1"  # what text that waits for its encoding stands in


def read_vectors(
    path: Path, *, layer: str = "", encoding: str = "", kind: str = ""
) -> list[Source]:
    """Read layers of a GIS file.

    Parameters
    ----------
    path
        The file, or the folder of a file geodatabase.
    layer
        Name of a layer, ``all`` for each that has shapes, blank for the only one.
    encoding
        Encoding of the text, where the file is known to have another than it says.
    kind
        Kind of layer that is wanted: it says which layer of a GPX or OSM file is meant.

    Raises
    ------
    InputError
        If it cannot be opened, or holds several layers and none was chosen.
    MissingError
        If it has no such layer.
    EncodingError
        If its text cannot be decoded.
    """
    if path.suffix.lower() in _JSON:
        require_no_error(path)
    with _in_utf8(path, encoding) as (readable, found):
        return [
            _source(raw, path, layer, encoding, found, kind)
            for raw in read_layers(
                readable, layer=layer, encoding=encoding, dimension=_DIMENSION_OF.get(kind)
            )
        ]


def _source(
    raw: RawLayer, path: Path, layer: str, encoding: str, found: Encoding, kind: str
) -> Source:
    frame, suffix = raw.frame, path.suffix.lower()
    notes = []
    if suffix == ".shp":
        if file_beside(path, ".shx") is None:
            notes.append(Note("io.note.no_shx", {"file": path.name}))
        found = detect_dbf(path, encoding)
        frame = _decoded(frame, found.name.replace("utf-8-sig", "utf-8"))
        frame = frame.rename(columns=full_names(path))
    elif raw.encoding:
        reason: Reason = "asked" if encoding else "detected"
        found = Encoding(raw.encoding, "default" if raw.encoding == "utf-8" else reason)
    elif raw.in_bytes:
        found = _encoding_of(frame, encoding, path.name)
        frame = _decoded(frame, found.name)
    crs = _crs(raw.crs)
    if suffix in KML and layer == "all" and "station" not in frame.columns:
        frame["station"] = raw.name  # a folder is a station's
    if raw.shapes is not None:
        frame = gpd.GeoDataFrame(frame, geometry=raw.shapes, crs=crs)
    if raw.closed:
        notes.append(Note("io.note.rings_closed", {"file": path.name, "count": raw.closed}))
    if raw.driver in _SPARSE:
        frame = frame.loc[:, [name == "geometry" or _is_told(frame[name]) for name in frame]]
    if raw.driver == "OSM" and kind in {"road", "barrier"} and raw.name == "lines":
        frame, note = osm_layer(frame, kind, path.name)
        notes.append(note)
    if raw.driver == "DXF" and _DIMENSION_OF.get(kind) == 2:
        frame = areas_of_drawing(frame)
    if suffix in _JSON:
        notes += held_back(path, len(frame))
    return Source(frame, crs, found, raw.driver, layer=raw.name, notes=tuple(notes))


def _is_told(values: pd.Series) -> bool:
    return bool((values.notna() & (values.astype(str) != "")).any())


def _encoding_of(frame: pd.DataFrame, encoding: str, where: str) -> Encoding:
    """Return the encoding of text whose file does not say it."""
    text = [str(name) for name in frame.columns]
    for name in frame.columns:
        if frame[name].dtype.kind not in "iufbMm":
            text += [value for value in frame[name] if isinstance(value, str)]
    raw = "\n".join(text).encode(_RAW, errors="ignore")
    return detect_bytes(raw, asked=encoding, where=where)


def _decoded(frame: pd.DataFrame, encoding: str) -> pd.DataFrame:
    """Return a frame with its text decoded; a name may be cut inside a character."""

    def text(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return value.encode(_RAW).decode(encoding, errors="ignore")
        except UnicodeEncodeError:
            return value  # written as escapes, and read as what they stand for

    for column in frame.columns:
        if frame[column].dtype.kind not in "iufbMm":
            frame[column] = frame[column].map(text)
    return frame.rename(columns=lambda name: str(text(name)))


def _crs(stated: str | None) -> CRS | None:
    """Return the CRS of a layer; none where it is a local one that nothing leads out of."""
    if not stated:
        return None
    try:
        crs = CRS(stated)
    except ProjCRSError:
        return None
    return crs if crs.is_geographic or crs.is_projected else None


@contextmanager
def _in_utf8(path: Path, encoding: str) -> Iterator[tuple[Path, Encoding]]:
    """Yield a file in UTF-8: GeoJSON has to be, and is written in GBK all the same."""
    plain = Encoding(encoding or "utf-8", "asked" if encoding else "default")
    if path.suffix.lower() not in _JSON:
        yield path, plain
        return
    raw = path.read_bytes()
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        found = detect_bytes(raw, asked=encoding, where=path.name)
    else:
        yield path, plain
        return
    folder = Path(tempfile.mkdtemp(prefix="gridmap-"))
    try:
        copy = folder / path.name
        copy.write_text(raw.decode(found.name, errors="replace"), encoding="utf-8")
        yield copy, found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


_DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".fgb": "FlatGeobuf", ".shp": "ESRI Shapefile"}
FORMATS = (*_DRIVERS, ".parquet", ".csv")
"""Suffixes that `write_frame` knows."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an export wrote.

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
    frame: gpd.GeoDataFrame | pd.DataFrame, path: str | Path, *, layer: str = ""
) -> Written:
    """Write a frame to a file in the format of its suffix.

    Parameters
    ----------
    frame
        Columns of numbers, text, flags or times, with or without a geometry.
    path
        Target; ``.gpkg``, ``.geojson``, ``.fgb``, ``.shp``, ``.parquet`` or ``.csv``. A
        file that is there is replaced at the end, never half written.
    layer
        Name of the layer in a GeoPackage; the others of the file stay.

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
    knows UTF-8, and geometry as WKT. GeoJSON is in WGS 84 degrees, every other format in the
    frame's own CRS.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in FORMATS:
        raise InputError("io.error.format", received=target.name, known=", ".join(FORMATS))
    made = _ready(frame, suffix)
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


def check_new_file(target: Path | None, formats: Sequence[str] = FORMATS) -> None:
    """Refuse a file to write, before anything is computed; None is no file.

    Raises
    ------
    InputError
        If its suffix is of none of the formats.
    MissingError
        If there is no such folder: a slip of the keys makes none.
    """
    if target is None:
        return
    if target.suffix.lower() not in formats:
        raise InputError("io.error.format", received=target.name, known=", ".join(formats))
    if not target.resolve().parent.is_dir():
        raise MissingError("io.error.no_folder", path=str(target.parent))


def _cannot_write(target: Path, error: OSError) -> WorkspaceError:
    reason = error.strerror or str(error)
    return WorkspaceError("io.error.cannot_write_file", path=str(target), reason=reason)


def _ready(frame: gpd.GeoDataFrame | pd.DataFrame, suffix: str) -> gpd.GeoDataFrame | pd.DataFrame:
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
    if suffix == ".geojson" and CRS(made.crs) != WGS84:
        shapes = reproject(made.geometry.to_numpy(), CRS(made.crs), WGS84)
        made = made.set_geometry(gpd.GeoSeries(shapes, crs=WGS84))
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
