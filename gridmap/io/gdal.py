"""The one way to GDAL: an allow list of drivers, and no network.

GDAL picks a driver by a file's content, and some drivers follow what the content names: a VRT
saved as ``grid.json`` reads other files of the machine, or sends requests. So each of the two
libraries that carry a GDAL (pyogrio and fiona) is loaded here only, and loses every driver
that is not in `DRIVERS` before anything is opened; `require_format` then holds a file's first
bytes against its suffix, and `require_driver` what GDAL says it found.

The allow list holds for the process: after gridmap has read a file, ``geopandas.read_file``
refuses a VRT as well. Options that send requests or resolve references are switched off for
both libraries.
"""

from __future__ import annotations

import codecs
import os
import re
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from gridmap.errors import InputError

__all__ = ["DRIVERS", "load_fiona", "load_pyogrio", "require_driver", "require_format"]

_JSON = ("GeoJSON", "ESRIJSON", "TopoJSON", "GeoJSONSeq")
DRIVERS: dict[str, tuple[str, ...]] = {
    ".shp": ("ESRI Shapefile",),
    ".tab": ("MapInfo File",),
    ".geojson": _JSON,
    ".json": _JSON,
    ".gpkg": ("GPKG",),
    ".fgb": ("FlatGeobuf",),
    ".kml": ("LIBKML", "KML"),
    ".gml": ("GML",),
    ".gpx": ("GPX",),
    ".gdb": ("OpenFileGDB",),
}
"""Suffix to the drivers that may read such a file; no other driver is left in the process."""

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
    "GML_SKIP_RESOLVE_ELEMS": "ALL",
    "LIBKML_EXTERNAL_STYLE": "NO",
    "LIBKML_RESOLVE_STYLE": "NO",
    "OGR_SQLITE_ALLOW_EXTERNAL_ACCESS": "NO",
    "ALLOW_OGR_SQL_FUNCTIONS_FROM_TRIGGER_AND_VIEW": "NO",
}
_HEAD = 65_536
_SQLITE = b"SQLite format 3\0"
_PROLOG = re.compile(r"\A\s*(?:<\?.*?\?>|<!--.*?-->|\s)*", re.DOTALL)
_ROOT = re.compile(r"<(?:[\w.-]+:)?([\w.-]+)[\s/>]")
_ROOTS = {".kml": "kml", ".gpx": "gpx"}
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
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
    """Hold a file's first bytes against its suffix, before GDAL sees the file.

    Raises
    ------
    InputError
        If it is another format, or a MapInfo view or seamless table, which lead to other
        files.
    """
    suffix = path.suffix.lower()
    # GDAL takes paths that begin so for its own file systems.
    if suffix not in DRIVERS or path.resolve().as_posix().startswith("/vsi"):
        raise _another(path)
    if suffix == ".gdb":
        fits = path.is_dir() and any(
            item.name.lower() == "a00000001.gdbtable" for item in path.iterdir()
        )
    elif path.is_dir():
        fits = False
    else:
        with path.open("rb") as file:
            fits = _fits(suffix, file.read(_HEAD))
    if not fits:
        raise _another(path)


def _fits(suffix: str, head: bytes) -> bool:
    match suffix:
        case ".shp":
            return head[:4] == b"\x00\x00\x27\x0a"
        case ".gpkg":
            return head.startswith(_SQLITE)
        case ".fgb":
            return head[:3] == head[4:7] == b"fgb"
        case ".geojson" | ".json":
            return _text(head).lstrip()[:1] in {"{", "\x1e"}
        case ".tab":
            return _is_plain_table(_text(head).lower())
        case _:
            return _is_xml_of(suffix, _text(head))


def _text(head: bytes) -> str:
    name = next((name for mark, name in _MARKS.items() if head.startswith(mark)), "latin-1")
    return head.decode(name, errors="ignore")


def _is_plain_table(text: str) -> bool:
    """Return whether a MapInfo table holds its own data: views and seamless ones do not."""
    leads_on = ("create view", "open table", "isseamless")
    return text.lstrip().startswith("!table") and not any(words in text for words in leads_on)


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
    return InputError("io.error.another_format", file=path.name, suffix=path.suffix.lower() or "-")
