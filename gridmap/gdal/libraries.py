"""Loading pyogrio and fiona with an allow list of drivers and no network.

GDAL picks a driver by a file's content, and some drivers follow what the content names: a VRT
saved as ``grid.json`` reads other files of the machine, or sends requests. So each of the two
libraries that carry a GDAL is loaded here only, and loses every driver that is not in
`gridmap.gdal.formats.DRIVERS` before anything is opened.

The allow list holds for the process: after gridmap has read a file, ``geopandas.read_file``
refuses a VRT as well. Options that send requests or resolve references are switched off for
both libraries.
"""

from __future__ import annotations

import os
from functools import cache
from threading import Lock
from typing import Any

from gridmap.gdal.formats import DRIVERS

__all__ = ["load_fiona", "load_pyogrio"]

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
