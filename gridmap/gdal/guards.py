"""What guards the reading of a file: drivers allowed, first bytes, and a confined process.

A suffix says which drivers may read a file and what the file must begin with. `confine` leaves
the process that reads it few files, no network, and bounded memory and time:

======== ================================================ =====================================
guard    what holds it                                    where
======== ================================================ =====================================
files    Landlock: only what is listed can be opened      Linux 5.13 and later
network  seccomp: no sockets, no programs, no debugging   Linux on x86-64 and 64-bit ARM
limits   resource limits: memory, processor time, files   every system but Windows
======== ================================================ =====================================

A guard that the system lacks is left out, and `confine` says which hold. What holds
everywhere does not depend on them: the allow list of drivers, the look at a file's first
bytes, the parts of a file copied apart, an environment without secrets, and the parent's clock.

Both Linux guards are one-way and are inherited by threads that start later, so `confine` comes
before any library is loaded.
"""

from __future__ import annotations

import codecs
import ctypes
import os
import platform
import re
import struct
import sys
from collections.abc import Iterable
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


Guard = str
"""``files``, ``network`` or ``limits``."""

_KEPT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "CONDA_PREFIX")
# Numbers of linux/landlock.h; the system calls have these numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_TRUNCATE = 1 << 14
_READ = _READ_FILE | _READ_DIR
_CHANGE = (
    _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _TRUNCATE
)  # fmt: skip
_FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET_RIGHTS = {4: 0b11}
_SCOPES = {6: 0b11}
_OF_FILES = _READ_FILE | _WRITE_FILE | _EXECUTE | _TRUNCATE

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_FILTER_MODE = 2
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_X32 = 0x40000000  # the third ABI of x86-64 has calls of its own numbers
# Architecture to its audit number, clone3, and what a reader of files has no use for:
# socket, connect, accept, bind, listen, sendto, execve, execveat, ptrace, process_vm_readv and
# writev, io_uring_setup, bpf, unshare, setns, mount, chroot, keyctl, userfaultfd, perf_event_open.
_CALLS = {
    "x86_64": (
        0xC000003E, 435,
        (41, 42, 43, 49, 50, 44, 59, 322, 101, 310, 311, 425, 321, 272, 308, 165, 161, 250, 323,
         298),
    ),
    "aarch64": (
        0xC00000B7, 435,
        (198, 203, 202, 200, 201, 206, 221, 281, 117, 270, 271, 425, 280, 97, 268, 40, 51, 219,
         282, 241),
    ),
}  # fmt: skip


def confine(
    *, read: Iterable[Path], write: Path | None, memory_bytes: int, processor_s: int
) -> frozenset[Guard]:
    """Confine this process permanently.

    Parameters
    ----------
    read
        Files and folders that may be read, beside those that Python itself needs.
    write
        The folder that may be written; None for none.
    memory_bytes
        Most memory.
    processor_s
        Most processor time.

    Returns
    -------
    frozenset
        The guards that hold.
    """
    held: set[Guard] = set()
    if _limit(memory_bytes, processor_s):
        held.add("limits")
    if sys.platform.startswith("linux"):
        system = ctypes.CDLL(None, use_errno=True)
        if system.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
            if _lock_files(system, [*read, *_of_python()], write):
                held.add("files")
            if _lock_network(system):
                held.add("network")
    return frozenset(held)


def plain_environment() -> dict[str, str]:
    """Return what a confined process must know of its surroundings: no secrets in it."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}


def _of_python() -> list[Path]:
    """Return the folders that Python and compiled libraries load from; they hold no data."""
    package = Path(__file__).parents[1]
    found = [package, Path("/usr/lib"), Path("/usr/lib64"), Path("/lib"), Path("/lib64"),
             Path("/usr/local/lib"), Path("/etc/ld.so.cache"), Path("/dev/urandom"),
             Path("/dev/null"), Path(sys.base_prefix, "lib"), Path(sys.prefix, "lib")]  # fmt: skip
    # The folder that holds the package is a checkout where gridmap is worked on: with its rest.
    paths = [Path(item) for item in sys.path if item]
    return [*found, *(item for item in paths if item.resolve() != package.parent.resolve())]


def _limit(memory_bytes: int, processor_s: int) -> bool:
    try:
        import resource
    except ImportError:
        return False
    for name, value in (
        ("RLIMIT_DATA", memory_bytes), ("RLIMIT_CPU", processor_s), ("RLIMIT_CORE", 0),
        ("RLIMIT_NOFILE", 256),
    ):  # fmt: skip
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(number, (least, least))
    return True


def _lock_files(system: ctypes.CDLL, read: Iterable[Path], write: Path | None) -> bool:
    """Apply Landlock: every right of the running version is taken, then few are given back."""
    version = system.syscall(_CREATE_RULESET, None, 0, 1)
    if version < 1:
        return False
    rights = _newest(_FS_RIGHTS, version)
    attributes = struct.pack(
        "QQQ", rights, _newest(_NET_RIGHTS, version), _newest(_SCOPES, version)
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = system.syscall(_CREATE_RULESET, attributes, size, 0)
    if rules < 0:
        return False
    try:
        for path in read:
            _allow(system, rules, path, _READ & rights)
        if write is not None:
            _allow(system, rules, write, _CHANGE & rights)
        return bool(system.syscall(_RESTRICT_SELF, rules, 0) == 0)
    finally:
        os.close(rules)


def _newest(by_version: dict[int, int], version: int) -> int:
    return max((rights for since, rights in by_version.items() if since <= version), default=0)


def _allow(system: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what is not there needs no right
    try:
        given = rights if path.is_dir() else rights & _OF_FILES
        rule = struct.pack("=Qi", given, handle)
        system.syscall(_ADD_RULE, rules, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(handle)


def _lock_network(system: ctypes.CDLL) -> bool:
    """Apply a seccomp filter: the listed system calls fail, as does any other ABI."""
    known = _CALLS.get(platform.machine())
    if known is None or struct.calcsize("P") != 8:
        return False
    audit, clone3, refused = known

    def step(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
        return struct.pack("HBBI", code, true, false, value)

    fail = step(_RETURN, _FAIL | _EPERM)
    program = [
        step(_LOAD, 4), step(_EQUAL, audit, 1, 0), fail,
        step(_LOAD, 0), step(_AT_LEAST, _X32, 0, 1), fail,
        # Threads go on by clone, whose flags a filter could read; clone3 hides them.
        step(_EQUAL, clone3, 0, 1), step(_RETURN, _FAIL | _ENOSYS),
    ]  # fmt: skip
    for number in refused:
        program += [step(_EQUAL, number, 0, 1), fail]
    program.append(step(_RETURN, _ALLOW))
    steps = ctypes.create_string_buffer(b"".join(program))
    filter_ = struct.pack("HxxxxxxP", len(program), ctypes.addressof(steps))
    return bool(system.prctl(_PR_SET_SECCOMP, _FILTER_MODE, filter_, 0, 0) == 0)
