"""Reading one file into a frame, whatever it is, with what was found out about it."""

from __future__ import annotations

import lzma
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from gridmap.errors import EncodingError, GridmapError, InputError, MissingError, some_ids
from gridmap.gdal.guards import PARQUET, RASTERS
from gridmap.gdal.reading import read_parquet
from gridmap.io._tables import (
    Encoding,
    Source,
    foreign_reader,
    looks_garbled,
    read_csv,
    read_csv_parts,
    require_width,
    workbook_form,
)
from gridmap.io._vector import read_vectors

VECTOR_SUFFIXES = (
    ".gpkg", ".geojson", ".json", ".shp", ".fgb", ".parquet", ".geoparquet", ".kml", ".gml",
    ".tab", ".mif", ".gdb", ".gpx", ".ovkml", ".topojson", ".geojsonl", ".geojsons", ".ndjson",
    ".jsonl", ".dxf", ".pbf", ".osm", ".sqlite", ".sqlite3", ".spatialite", ".db",
)  # fmt: skip
WORKBOOK_SUFFIXES = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
TABLE_SUFFIXES = (".csv", ".txt", ".tsv", *WORKBOOK_SUFFIXES, ".parquet")

# Formats that nothing here reads, by what their program can save them as.
_SAVE_AS = {
    "drawing": (".dwg", ".dgn", ".dwf"),
    "workbook": (".et", ".ett", ".numbers", ".wps", ".doc", ".docx", ".pdf"),
    "database": (
        ".mdb",
        ".accdb",
        ".mpk",
        ".lyr",
        ".lyrx",
        ".aprx",
        ".mxd",
        ".qgz",
        ".qgs",
        ".wor",
    ),
    "zip": (".rar", ".7z", ".gz", ".tgz", ".tar", ".bz2", ".xz"),
}
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,  # also what zipfile raises for a compression it does not know
    ValueError,
    IndexError,  # of a member without a name
)
_MAX_RATIO = 200  # text seldom packs beyond 20:1; a bomb packs beyond 1000:1
_MAX_MEMBERS = 10_000


@contextmanager
def opened_files(path: Path, *, max_mb: float) -> Iterator[list[Path]]:
    """Yield the data files that a path stands for; zips are unpacked into a private folder.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If the file is too large, is empty, is a zip that would unpack to too much or
        outside its folder, or holds nothing gridmap reads.
    """
    if not _exists(path):
        raise MissingError("io.error.no_file", file=str(path))
    if path.is_dir():
        inside = [path] if path.suffix.lower() == ".gdb" else _data_files(path)
        if not inside:
            raise InputError("io.error.nothing_inside", file=path.name)
        yield inside
        return
    check_size(path, max_mb)
    suffix = path.suffix.lower()
    if suffix in WORKBOOK_SUFFIXES or not zipfile.is_zipfile(path) or workbook_form(path):
        if suffix in {".zip", ".kmz"}:
            raise InputError("io.error.broken_zip", file=path.name)
        if suffix not in (*VECTOR_SUFFIXES, *TABLE_SUFFIXES, ".dbf", ".shx", ".prj"):
            raise _unknown(path)
        yield [_main_part(path)]
        return
    folder = Path(tempfile.mkdtemp(prefix="gridmap-"))
    try:
        _unpack(path, folder, max_mb)
        inside = _data_files(folder)
        if not inside:
            raise InputError("io.error.nothing_inside", file=path.name)
        yield inside
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False  # a name too long for the system, or with a character that none takes


def _unknown(path: Path) -> InputError:
    """Return the refusal of a format; for those of other programs, with what to save as."""
    suffix = path.suffix.lower()
    if suffix in RASTERS:
        return InputError("io.error.raster_kind", file=path.name)
    meant = next((name for name, suffixes in _SAVE_AS.items() if suffix in suffixes), "")
    if not meant:
        return InputError("io.error.unknown_kind", file=path.name)
    return InputError(f"io.error.save_as_{meant}", file=path.name, suffix=suffix)


def check_size(path: Path, max_mb: float) -> None:
    """Refuse a file that is not there, is empty, or is larger than the settings allow.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is empty or too large.
    """
    if not _exists(path):
        raise MissingError("io.error.no_file", file=str(path))
    size = path.stat().st_size
    if size == 0:
        raise InputError("io.error.empty_file", file=path.name)
    if size > max_mb * 1e6:
        raise InputError("io.error.too_large", file=path.name, mb=size / 1e6, limit=max_mb)


def _main_part(path: Path) -> Path:
    """Return the .shp when its .dbf, .shx or .prj was chosen."""
    if path.suffix.lower() in {".dbf", ".shx", ".prj"}:
        for other in path.parent.iterdir():
            if other.stem == path.stem and other.suffix.lower() == ".shp":
                return other
        raise InputError("io.error.no_shp", file=path.name)
    return path


def _unpack(path: Path, folder: Path, max_mb: float) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if not item.is_dir()]
            total = sum(item.file_size for item in members)
            packed = max(sum(item.compress_size for item in members), 1)
            if len(members) > _MAX_MEMBERS or total > max_mb * 1e6:
                raise InputError("io.error.zip_too_large", file=path.name, mb=total / 1e6)
            if total > 50e6 and total / packed > _MAX_RATIO:
                raise InputError("io.error.zip_bomb", file=path.name, mb=total / 1e6)
            for item in members:
                if item.flag_bits & 0x1:
                    raise InputError("io.error.zip_password", file=path.name)
                inner = PurePosixPath(_member_name(item).replace("\\", "/"))
                if (
                    not inner.parts
                    or inner.is_absolute()
                    or ".." in inner.parts
                    or ":" in inner.parts[0]
                ):
                    raise InputError("io.error.zip_outside", file=path.name)
                if inner.suffix.lower() == ".zip":
                    raise InputError("io.error.zip_nested", file=path.name)
                if "__MACOSX" in inner.parts or inner.name.startswith("._"):
                    continue
                target = folder.joinpath(*(_plain(part) for part in inner.parts))
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(item) as source, target.open("wb") as sink:
                    _copy(source, sink, limit=item.file_size, name=path.name)
    except _ZIP_ERRORS as error:
        if isinstance(error, GridmapError):
            raise
        raise InputError("io.error.broken_zip", file=path.name) from error


def _plain(part: str) -> str:
    r"""Return a name that every system lets a file have: Windows takes fewer than others.

    >>> _plain('2024: "a"?.shp')
    '2024_ _a__.shp'
    """
    return re.sub(r'[<>:"|?*\x00-\x1f]', "_", part).rstrip(" .") or "_"


def _copy(source: IO[bytes], sink: IO[bytes], *, limit: int, name: str) -> None:
    # The directory of a zip may lie about sizes: count what really comes out.
    written = 0
    while chunk := source.read(1 << 20):
        written += len(chunk)
        if written > limit:
            raise InputError("io.error.zip_bomb", file=name, mb=written / 1e6)
        sink.write(chunk)


def _member_name(item: zipfile.ZipInfo) -> str:
    """Return a member's name; without the UTF-8 flag Windows means the local code page."""
    if item.flag_bits & 0x800:
        return item.filename
    raw = item.filename.encode("cp437", errors="replace")
    for encoding in ("ascii", "utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return item.filename


def _data_files(folder: Path) -> list[Path]:
    # A file geodatabase is a folder of files that mean nothing one by one.
    bases = sorted(item for item in folder.rglob("*.gdb") if item.is_dir())
    files = sorted(
        item
        for item in folder.rglob("*")
        if item.is_file() and not any(base in item.parents for base in bases)
    )
    wanted = (*VECTOR_SUFFIXES, *TABLE_SUFFIXES)
    found = [item for item in files if item.suffix.lower() in wanted and item.stat().st_size]
    vector = [*bases, *(item for item in found if item.suffix.lower() in VECTOR_SUFFIXES)]
    # A zipped shapefile often carries a read-me: tables count only where no layer is.
    return vector or [item for item in found if item.suffix.lower() != ".txt"] or found


_WKT = re.compile(
    r"^\s*(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|POLYGON)\s*(Z|M|ZM)?\s*\(", re.IGNORECASE
)
_SRID = re.compile(r"^\s*SRID=(\d+);")
_NESTED = r"(?:\([^)]*){7}"  # a polygon of several parts has three brackets inside each other


def read_sources(
    path: Path, *, layer: str = "", encoding: str = "", kind: str = ""
) -> list[Source]:
    """Read one file; with ``all`` for a layer, each layer or sheet as a source of its own.

    The kind of layer that is wanted says which of the fixed layers of a GPX or OSM file is meant.

    Raises
    ------
    InputError
        If it cannot be opened, holds several layers and none was chosen, or is empty.
    EncodingError
        If its text decodes to garbage.
    """
    if layer != "all":
        return [read_source(path, layer=layer, encoding=encoding, kind=kind)]
    if path.suffix.lower() in VECTOR_SUFFIXES:
        found = read_vectors(path, layer=layer, encoding=encoding, kind=kind)
    elif _is_workbook(path):
        from gridmap.io._tables import read_excel_all

        usual = Encoding("utf-8", "default")
        found = [Source(frame, None, usual, "XLSX") for frame in read_excel_all(path).values()]
    else:
        return [read_source(path, encoding=encoding)]
    found = [item for item in found if len(item.frame)]
    if not found:
        raise InputError("io.error.empty_layer", file=path.name)
    made = []
    for item in found:
        require_width(len(item.frame.columns), path.name)
        garbled = _garbled(item.frame, path, refuse=False)
        made.append(_with_wkt(replace(item, garbled=garbled), path))
    return made


def read_source(path: Path, *, layer: str = "", encoding: str = "", kind: str = "") -> Source:
    """Read one file.

    Raises
    ------
    InputError
        If it cannot be opened, holds several layers and none was chosen, or is empty.
    EncodingError
        If its text decodes to garbage.
    """
    suffix = path.suffix.lower()
    if suffix in PARQUET:
        source = _read_parquet(path)
    elif suffix in VECTOR_SUFFIXES:
        source = read_vectors(path, layer=layer, encoding=encoding, kind=kind)[0]
    elif _is_workbook(path):
        from gridmap.io._tables import read_excel

        source = Source(read_excel(path, sheet=layer), None, Encoding("utf-8", "default"), "XLSX")
    else:
        source = read_csv(path, encoding=encoding)
    if len(source.frame) == 0:
        raise InputError("io.error.empty_layer", file=path.name)
    require_width(len(source.frame.columns), path.name)
    decoded = suffix in {".shp", ".dbf", ".csv", ".txt", ".tsv"} and not encoding
    return _with_wkt(replace(source, garbled=_garbled(source.frame, path, refuse=decoded)), path)


def _is_workbook(path: Path) -> bool:
    """Return whether a table is a workbook; text is often called .xls, and pages of HTML are."""
    form = workbook_form(path)
    called = path.suffix.lower()
    return (
        form in {"book", "old"}
        or called in {".xlsx", ".xlsm", ".xlsb", ".ods"}
        or (form != "" and called == ".xls")
    )


def read_parts(path: Path, *, encoding: str = "") -> Iterator[Source]:
    """Yield a table that is too large to hold as text in parts.

    Raises
    ------
    InputError
        If the file is no table.
    EncodingError
        If its text decodes to garbage.
    """
    for part in read_csv_parts(path, encoding=encoding):
        yield replace(part, garbled=_garbled(part.frame, path, refuse=not encoding))


def _garbled(frame: pd.DataFrame, path: Path, *, refuse: bool) -> tuple[str, ...]:
    """Return the columns whose text is garbage; refuse a file that another encoding may read."""
    found = []
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind in "iufbMm" or column.dtype == "geometry":
            continue
        text = column.dropna().head(5000).astype(str)
        foreign = text[~text.map(str.isascii)]
        bad = foreign.map(looks_garbled)
        if refuse and len(bad) and bad.mean() > 0.5:
            raise EncodingError(
                "io.error.garbled",
                file=path.name,
                column=str(name),
                rows=some_ids(np.flatnonzero(text.index.isin(foreign[bad].index)) + 1),
            )
        if bad.any() or looks_garbled(str(name)):
            found.append(str(name))
    return tuple(found)


def _read_parquet(path: Path) -> Source:
    found = Encoding("utf-8", "default")
    with foreign_reader(path):
        frame = read_parquet(path)
        if isinstance(frame, gpd.GeoDataFrame):
            return Source(frame, CRS(frame.crs) if frame.crs else None, found, "GeoParquet")
        return Source(frame, None, found, "Parquet")


def _crs_of(text: pd.Series, path: Path) -> CRS | None:
    """Return the CRS that WKT with an SRID names; None where none does.

    Raises
    ------
    InputError
        If there is no such CRS, or rows name several.
    """
    named = {number.lstrip("0")[:12] for number in text.str.extract(_SRID)[0].dropna().unique()}
    named.discard("")  # 0 is how databases write "none"
    if not named:
        return None
    try:
        (number,) = named
        return CRS.from_epsg(int(number))
    except (ValueError, CRSError) as error:  # ValueError: several
        # No code is longer: what is, may be anything, and no message repeats a cell.
        received = some_ids(sorted({code if len(code) <= 6 else "…" for code in named}))
        raise InputError("io.error.unknown_srid", file=path.name, received=received) from error


def _with_wkt(source: Source, path: Path) -> Source:
    frame = source.frame
    if isinstance(frame, gpd.GeoDataFrame):
        return source
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind in "iufbMm" or len(column) == 0:
            continue
        text = column.astype("object").where(column.notna(), "").astype(str)
        if not text.head(50).str.match(_WKT).any():
            continue
        # The parser calls itself for each bracket, and the process ends where its stack does.
        nested = pc.match_substring_regex(pa.array(text, pa.large_string()), _NESTED)
        if pc.any(nested).as_py():
            rows = some_ids(np.flatnonzero(nested) + 1)
            raise InputError("io.error.wkt_nested", file=path.name, column=str(name), rows=rows)
        shapes = shapely.from_wkt(
            text.str.replace(_SRID, "", regex=True).to_numpy(), on_invalid="ignore"
        )
        crs = _crs_of(text, path)
        made = gpd.GeoDataFrame(
            frame.drop(columns=name), geometry=np.asarray(shapes, dtype=object), crs=crs
        )
        return replace(source, frame=made, crs=crs, driver=f"{source.driver}+WKT")
    return source
