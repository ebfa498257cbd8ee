"""What the environment says; the only module that reads it, beside the language's own.

=========================  ==========================================================
``GRIDMAP_LANG``           ``zh`` or ``en``; otherwise ``LC_ALL``, ``LC_MESSAGES`` or ``LANG``
``GRIDMAP_DATABASE_URL``   SQLAlchemy URL of a department's store; otherwise SQLite in the
                           workspace
``GRIDMAP_MAX_FILE_MB``    largest file that is read, 2048 unless set
``GRIDMAP_MAX_UPLOAD_MB``  largest file that a page takes, 512 unless set; all files of one open
                           page together: twice that
``GRIDMAP_BASEMAP``        basemap file with raster tiles (.mbtiles, .pmtiles); none unless set
``GRIDMAP_TILE_URL``       tile URL template of a basemap, or ``tianditu``; none unless set
``GRIDMAP_TILE_KEY``       what stands for ``{key}`` in it
``GRIDMAP_TILE_DATUM``     ``wgs84``, ``gcj02`` or ``bd09``: the basemap's datum
``GRIDMAP_TILE_CREDIT``    the basemap's attribution
``GRIDMAP_WORKSPACE``      workspace that the app opens
``GRIDMAP_CACHE``          folder for what is kept between runs: road networks and what
                           pages compute; ``off`` for none; the user's cache folder unless
                           set
``GRIDMAP_LOGIN``          file with the ``[auth]`` of an OIDC server; every page asks to log in
``GRIDMAP_LOGIN_CLAIM``    what the log calls somebody who has logged in: ``email`` unless set
``GRIDMAP_SOURCE_HOSTS``   servers that layers may be read from, with commas; none unless set
=========================  ==========================================================
"""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gridmap.errors import InputError
from gridmap.i18n import system_language

__all__ = [
    "Settings", "bundled", "environment_with", "has_screen", "is_completing", "read_settings",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment's settings, read once by a face and handed down."""

    language: str = "zh"
    database_url: str = ""
    max_file_mb: float = 2048.0
    max_upload_mb: float = 512.0
    basemap: str = ""
    tile_url: str = ""
    tile_key: str = ""
    tile_datum: str = "wgs84"
    tile_credit: str = ""
    workspace: str = ""
    cache: str = ""
    login: str = ""
    login_claim: str = "email"
    source_hosts: str = ""


def read_settings() -> Settings:
    """Return the settings of the environment.

    Raises
    ------
    InputError
        If one that should be a number is not.
    """
    found: dict[str, Any] = {}
    for name, usual in asdict(Settings()).items():
        variable = f"GRIDMAP_{name.upper()}"
        written = os.environ.get(variable, str(usual))
        number = isinstance(usual, float)
        found[name] = _positive(variable, written, usual) if number else written
    return Settings(**{**found, "language": system_language(), "cache": _cache(found["cache"])})


def environment_with(**changes: str) -> dict[str, str]:
    """Return the environment for a process of our own, with some settings put in."""
    return {**os.environ, **changes}


def has_screen() -> bool:
    """Return whether a browser window can open on this machine."""
    needs_server = platform.system() == "Linux"
    return not needs_server or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def bundled(name: str) -> Path:
    """Return the path of ``app.py`` or ``data`` beside the package or inside it."""
    package = Path(__file__).parent
    inside = package / "_bundled" / name
    return inside if inside.exists() else package.parent / name


def _cache(chosen: str) -> str:
    """Return the folder chosen, the system's for what can be made again, or blank for none."""
    if chosen:
        return "" if chosen.strip().lower() == "off" else chosen
    local = os.environ.get("LOCALAPPDATA" if platform.system() == "Windows" else "XDG_CACHE_HOME")
    try:
        return str(Path(local or Path.home() / ".cache") / "gridmap")
    except RuntimeError:  # a service without a home
        return ""


def _positive(name: str, written: str, unset: float) -> float:
    try:
        number = float(written) if written.strip() else unset
    except ValueError:
        number = -1.0
    if not number > 0:
        raise InputError("model.error.setting", name=name, received=written)
    return number


def is_completing() -> bool:
    """Return whether a shell asks for the completion of a command line."""
    return "_GRIDMAP_COMPLETE" in os.environ
