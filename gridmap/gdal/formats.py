"""Which driver may read a suffix, and what a file of that suffix must begin with."""

from __future__ import annotations

import codecs
import os
import re
import struct
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from gridmap.errors import InputError

_JSON = ("GeoJSON", "ESRIJSON", "TopoJSON", "GeoJSONSeq")
DRIVERS: dict[str, tuple[str, ...]] = {
    ".shp": ("ESRI Shapefile",),
    ".tab": ("MapInfo File",),
    ".geojson": _JSON,
    ".json": _JSON,
    ".gpkg": ("GPKG",),
    ".fgb": ("FlatGeobuf",),
    ".gml": ("GML",),
    ".gpx": ("GPX",),
    ".gdb": ("OpenFileGDB",),
    ".topojson": ("TopoJSON",),
    **dict.fromkeys((".geojsonl", ".geojsons", ".ndjson", ".jsonl"), ("GeoJSONSeq", "GeoJSON")),
    ".mif": ("MapInfo File",),
    ".dxf": ("DXF",),
    **dict.fromkeys((".pbf", ".osm"), ("OSM",)),
    **dict.fromkeys((".sqlite", ".sqlite3", ".spatialite", ".db"), ("SQLite", "GPKG")),
}
"""Suffix to the drivers that may read such a file; no other driver is left in the process."""

KML = (".kml", ".ovkml")
"""Suffixes of files that `gridmap.gdal.child` reads, without GDAL."""

PARQUET = (".parquet", ".geoparquet")
"""Suffixes of files that Arrow reads, without GDAL."""

RASTERS = (".tif", ".tiff")
"""Suffixes of rasters of counts, which Pillow reads, without GDAL."""

MOST_PIXELS = 120_000_000
"""Pixels that a raster may have: a tile of GHSL at 100 m has a hundred million."""

DATABASES = (".gpkg", ".sqlite", ".sqlite3", ".spatialite", ".db")
"""Suffixes of SQLite databases: their views and virtual tables are looked at first."""

PARTS = {
    ".shp": (".shx", ".dbf", ".prj", ".cpg"),
    ".tab": (".dat", ".map", ".id", ".ind", ".dbf"),
    ".mif": (".mid",),
}
"""Suffix of a file to those of its parts: other files beside it are not shown to GDAL."""

_HEAD = 65_536
_SQLITE = b"SQLite format 3\0"
_PROLOG = re.compile(r"\A\s*(?:<\?.*?\?>|<!--.*?-->|\s)*", re.DOTALL)
_ROOT = re.compile(r"<(?:[\w.-]+:)?([\w.-]+)[\s/>]")
_XML = (".kml", ".ovkml", ".gml", ".gpx", ".osm")
_ROOTS = {".kml": "kml", ".ovkml": "kml", ".gpx": "gpx", ".osm": "osm"}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def require_driver(found: str, path: Path) -> str:
    """Return the driver that GDAL chose for a file, if its suffix allows it.

    Raises
    ------
    InputError
        If the file is in another format than its suffix says.
    """
    if found not in DRIVERS.get(path.suffix.lower(), ()):
        raise _another(path)
    return found


def require_format(path: Path) -> None:
    """Check a file's first bytes against its suffix, before GDAL sees the file.

    Raises
    ------
    InputError
        If it is another format, a shapefile in parts that do not belong together, or a MapInfo
        view or seamless table, which lead to other files.
    """
    suffix = path.suffix.lower()
    # GDAL takes paths that begin so for its own file systems.
    if suffix not in (*DRIVERS, *KML, *PARQUET, *RASTERS) or path.resolve().as_posix().startswith(
        "/vsi"
    ):
        raise _another(path)
    if suffix == ".gdb":
        fits = path.is_dir() and any(
            item.name.lower() == "a00000001.gdbtable" for item in path.iterdir()
        )
    elif path.is_file():
        fits = _fits(suffix, _head(path, _HEAD))
    else:
        fits = False
    if not fits:
        raise _another(path)
    if suffix == ".shp":
        _require_whole(path)


def _require_whole(path: Path) -> None:
    """Refuse a shapefile whose parts do not belong together: GDAL makes blanks of what lacks."""
    parts = {item.suffix.lower(): item for item in path.parent.iterdir() if item.stem == path.stem}
    index = parts[".shx"].read_bytes()[100:] if ".shx" in parts else b""
    places = list(struct.iter_unpack(">ii", index[: len(index) // 8 * 8]))
    if places:
        end = max(8 + 2 * (start + length) for start, length in places)
    else:  # what the header says, where there is no index
        end = 2 * int.from_bytes(_head(path, 28)[24:], "big", signed=True)
    if end > path.stat().st_size:
        raise InputError("gdal.error.cut", file=path.name)
    if places and ".dbf" in parts:
        rows = int.from_bytes(_head(parts[".dbf"], 8)[4:], "little")
        if rows != len(places):
            raise InputError("gdal.error.rows", file=path.name, shapes=len(places), rows=rows)


def _head(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)


def _fits(suffix: str, head: bytes) -> bool:
    if suffix in DATABASES:
        return head.startswith(_SQLITE)
    if suffix in _XML:
        return _is_xml_of(suffix, _text(head))
    match suffix:
        case ".parquet" | ".geoparquet":
            fits = head.startswith(b"PAR1")
        case ".tif" | ".tiff":
            fits = head[:4] in {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}
        case ".shp":
            fits = head[:4] == b"\x00\x00\x27\x0a"
        case ".fgb":
            fits = head[:3] == head[4:7] == b"fgb"
        case ".mif":
            fits = _text(head).lstrip().lower().startswith("version")
        case ".dxf":
            fits = _is_drawing(_text(head))
        case ".pbf":
            fits = b"OSMHeader" in head[:64]
        case ".tab":
            fits = _is_plain_table(_text(head).lower())
        case _:
            fits = _text(head).lstrip()[:1] in {"{", "\x1e"}
    return fits


def _text(head: bytes) -> str:
    name = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "latin-1")
    return head.decode(name, errors="ignore")


def _is_plain_table(text: str) -> bool:
    """Return whether a MapInfo table holds its own data: views and seamless ones do not."""
    leads_on = ("create view", "open table", "isseamless")
    return text.lstrip().startswith("!table") and not any(words in text for words in leads_on)


def _is_drawing(text: str) -> bool:
    """Return whether a DXF begins, after remarks, with a section."""
    lines = [line.strip() for line in text.splitlines()[:200]]
    while lines[:1] == ["999"]:
        lines = lines[2:]
    return text.startswith("AutoCAD Binary DXF") or lines[:2] == ["0", "SECTION"]


def _is_xml_of(suffix: str, text: str) -> bool:
    """Return whether XML has the root of its format; a document type may name other files."""
    opening = _PROLOG.match(text)
    root = _ROOT.match(text, opening.end() if opening else 0)
    if root is None:
        return False
    if suffix == ".gml":
        return "opengis.net/gml" in text and not root[1].startswith("OGRVRT")
    return root[1] == _ROOTS[suffix]


def _another(path: Path) -> InputError:
    return InputError("gdal.error.another_format", file=path.name, suffix=path.suffix.lower())


# -- loading pyogrio and fiona with an allow list of drivers and no network


# A port that nothing can listen on: whatever GDAL wants to fetch fails before it leaves.
_NOWHERE = "http://127.0.0.1:0"
_OPTIONS = {
    "CPL_DEBUG": "OFF",
    "CPL_CURL_ENABLE_VSIMEM": "NO",
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "-",
    "GDAL_HTTP_PROXY": _NOWHERE,
    "GDAL_HTTPS_PROXY": _NOWHERE,
    "GDAL_HTTP_CONNECTTIMEOUT": "1",
    "GDAL_HTTP_TIMEOUT": "1",
    "GDAL_HTTP_MAX_RETRY": "0",
    "GML_DOWNLOAD_SCHEMA": "NO",
    "GML_FIELDTYPES": "ALWAYS_STRING",  # 001 is a code, and the schema stays outside
    "GML_SKIP_RESOLVE_ELEMS": "ALL",
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
    "ALLOW_OGR_SQL_FUNCTIONS_FROM_TRIGGER_AND_VIEW": "NO",
}
_LOADING = Lock()


def load_pyogrio() -> Any:  # noqa: ANN401 - the library carries no types
    """Return pyogrio with only the drivers of `DRIVERS`."""
    with _LOADING:
        return _pyogrio()


def load_fiona() -> Any:  # noqa: ANN401 - the library carries no types
    """Return fiona with only the drivers of `DRIVERS`."""
    with _LOADING:
        return _fiona()


@cache
def _pyogrio() -> Any:  # noqa: ANN401 - the library carries no types
    os.environ["GDAL_DRIVER_PATH"] = "disable"  # no drivers from other folders
    import pyogrio
    import pyogrio.errors
    import pyogrio.raw
    from pyogrio._ogr import _register_drivers

    names = set(pyogrio.list_drivers()) - _allowed()
    pyogrio.set_gdal_config_options({**_OPTIONS, "GDAL_SKIP": ",".join(sorted(names))})
    _register_drivers()  # GDAL drops what it is to skip at the end of each registration
    _require_nothing_more(set(pyogrio.list_drivers()), "pyogrio")
    return pyogrio


@cache
def _fiona() -> Any:  # noqa: ANN401 - the library carries no types
    os.environ["GDAL_DRIVER_PATH"] = "disable"
    import fiona
    from fiona.env import GDALEnv, set_gdal_config

    for name, value in _OPTIONS.items():
        set_gdal_config(name, value)
    first = GDALEnv()
    first.start()
    # Each environment of fiona registers all drivers again, and skips these again.
    set_gdal_config("GDAL_SKIP", ",".join(sorted(set(first.drivers()) - _allowed())))
    second = GDALEnv()
    second.start()
    _require_nothing_more(set(second.drivers()), "fiona")
    return fiona


def _allowed() -> set[str]:
    return {name for names in DRIVERS.values() for name in names}


def _require_nothing_more(names: set[str], library: str) -> None:
    more = sorted(names - _allowed())
    if more:
        message = f"{library} keeps drivers that are not allowed: {', '.join(more)}"
        raise RuntimeError(message)
