"""Reading one file into a frame, whatever it is, with what was found out about it."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridmap.errors import EncodingError, GridmapError, InputError, MissingError
from gridmap.io._containers import VECTOR_SUFFIXES
from gridmap.io._encoding import Encoding, detect_bytes, detect_dbf, looks_garbled
from gridmap.io._field_map import full_names

__all__ = ["Source", "csv_columns", "layer_names", "read_csv_parts", "read_source"]

_HEAD = 4_000_000  # bytes that show an encoding
_CSV_ERRORS = (
    pd.errors.ParserError,
    pd.errors.EmptyDataError,
    UnicodeDecodeError,
    ValueError,
    csv.Error,
)
_WKT = re.compile(
    r"^\s*(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|POLYGON)\s*(Z|M|ZM)?\s*\(", re.IGNORECASE
)


@dataclass(frozen=True)
class Source:
    """What one file holds, before anything is made of it.

    Parameters
    ----------
    frame
        The rows; with a geometry column for a layer, without one for a table.
    crs
        The CRS that the file states, or None.
    encoding
        How its text was decoded.
    driver
        The format.
    garbled
        Columns whose text looks like Chinese read in a Western encoding.
    """

    frame: pd.DataFrame
    crs: CRS | None
    encoding: Encoding
    driver: str
    garbled: tuple[str, ...] = ()


def layer_names(path: Path) -> list[str]:
    """Return the names of a file's layers.

    Raises
    ------
    InputError
        If no driver can open it.
    """
    import fiona
    import pyogrio

    with _foreign_reader(path):
        if path.suffix.lower() in {".gpkg", ".fgb", ".geojson", ".json", ".shp"}:
            # Fiona's older GDAL has crashed the process on damaged GeoPackages and
            # FlatGeobufs, and prints a traceback on GeoJSON that is no UTF-8.
            return [str(name) for name, _ in pyogrio.list_layers(path)]
        return list(fiona.listlayers(path))


@contextmanager
def _foreign_reader(path: Path) -> Iterator[None]:
    """Turn whatever a library makes of broken bytes into an error of ours."""
    try:
        with warnings.catch_warnings():
            # GDAL's remarks about odd files become our own findings, from our own checks.
            warnings.simplefilter("ignore")
            yield
    except GridmapError:
        raise
    except Exception as error:
        # Damaged files have been seen to raise a dozen kinds of errors, from IndexError to
        # GEOSException; none of them is the user's to understand.
        raise InputError("io.error.cannot_open", file=path.name) from error


def read_source(path: Path, *, layer: str = "", encoding: str = "") -> Source:
    """Read one file.

    Raises
    ------
    InputError
        If it cannot be opened, holds several layers and none was chosen, or is empty.
    EncodingError
        If its text decodes to garbage.
    """
    suffix = path.suffix.lower()
    if suffix in {".parquet", ".geoparquet"}:
        source = _read_parquet(path)
    elif suffix in VECTOR_SUFFIXES:
        source = _read_vector(path, layer=layer, encoding=encoding)
    elif suffix in {".xlsx", ".xlsm"}:
        from gridmap.io._excel import read_excel

        source = Source(read_excel(path, sheet=layer), None, Encoding("utf-8", "default"), "XLSX")
    else:
        source = _read_csv(path, encoding=encoding)
    if len(source.frame) == 0:
        raise InputError("io.error.empty_layer", file=path.name)
    decoded = suffix in {".shp", ".dbf", ".csv", ".txt", ".tsv"} and not encoding
    return _with_wkt(replace(source, garbled=_garbled(source.frame, path, refuse=decoded)))


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
                example=foreign[bad].iloc[0][:20],
            )
        if bad.any() or looks_garbled(str(name)):
            found.append(str(name))
    return tuple(found)


def _read_vector(path: Path, *, layer: str, encoding: str) -> Source:
    import pyogrio

    shapefile = path.suffix.lower() == ".shp"
    found = detect_dbf(path, encoding) if shapefile else Encoding(encoding or "utf-8", "default")
    # One layer a file: not worth opening twice, unless a name is to be checked.
    single = path.suffix.lower() in {".shp", ".fgb", ".geojson", ".json"}
    names = layer_names(path) if layer or not single else []
    if layer and layer not in names:
        raise MissingError(
            "io.error.no_layer", layer=layer, file=path.name, known=", ".join(names)
        )
    several = len(names) > 1
    if not layer and several:
        names = _spatial(path, names)
        if len(names) > 1:
            raise InputError("io.error.several_layers", file=path.name, known=", ".join(names))
    options: dict[str, object] = {}
    if shapefile:
        options["encoding"] = found.name.replace("utf-8-sig", "utf-8")
    with _foreign_reader(path), _index_restored(path, needed=shapefile):
        # The only layer needs no name: two versions of GDAL may call it differently.
        chosen = layer or (names[0] if several else None)
        frame = pyogrio.read_dataframe(path, layer=chosen, **options)
        driver = str(pyogrio.read_info(path, layer=chosen).get("driver", path.suffix[1:]))
        crs = CRS(frame.crs) if isinstance(frame, gpd.GeoDataFrame) and frame.crs else None
    if shapefile:
        frame = frame.rename(columns=full_names(path))
    if not isinstance(frame, gpd.GeoDataFrame):
        return Source(frame, None, found, "table")
    return Source(frame, crs, found, driver)


@contextmanager
def _index_restored(path: Path, *, needed: bool) -> Iterator[None]:
    """Let GDAL rebuild the index of a shapefile that has lost it, and of no other.

    The option holds for the whole process: left on, it empties layers inside zips.
    """
    import pyogrio

    if not needed or path.with_suffix(".shx").exists() or path.with_suffix(".SHX").exists():
        yield
        return
    pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": True})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": None})


def _spatial(path: Path, names: list[str]) -> list[str]:
    import pyogrio

    with _foreign_reader(path):
        kinds = {name: kind for name, kind in pyogrio.list_layers(path) if kind is not None}
    filled = [name for name in names if name in kinds]
    return filled or names


def _read_parquet(path: Path) -> Source:
    import pyarrow.parquet as pq

    found = Encoding("utf-8", "default")
    with _foreign_reader(path):
        if b"geo" in (pq.read_schema(path).metadata or {}):
            frame = gpd.read_parquet(path)
            return Source(frame, CRS(frame.crs) if frame.crs else None, found, "GeoParquet")
        return Source(pd.read_parquet(path), None, found, "Parquet")


def _read_csv(path: Path, *, encoding: str) -> Source:
    found, options = _csv_options(path, encoding)
    try:
        frame = pd.read_csv(path, **options)
    except _CSV_ERRORS as error:
        raise InputError("io.error.bad_table", file=path.name) from error
    frame.columns = _clean_names(frame.columns)
    return Source(frame, None, found, "CSV")


def read_csv_parts(path: Path, *, encoding: str = "", rows: int = 250_000) -> Iterator[Source]:
    """Yield a large CSV in parts of at most so many rows, each as a source of its own.

    Raises
    ------
    InputError
        If the file is no table.
    EncodingError
        If its text decodes to garbage.
    """
    found, options = _csv_options(path, encoding)
    try:
        with pd.read_csv(path, chunksize=rows, **options) as parts:
            for frame in parts:
                frame.columns = _clean_names(frame.columns)
                garbled = _garbled(frame, path, refuse=not encoding)
                yield Source(frame.reset_index(drop=True), None, found, "CSV", garbled)
    except _CSV_ERRORS as error:
        if isinstance(error, GridmapError):
            raise
        raise InputError("io.error.bad_table", file=path.name) from error


def csv_columns(path: Path, *, encoding: str = "", only: str = "") -> pd.DataFrame:
    """Return one column of a CSV, or no rows at all but the names of the columns."""
    _, options = _csv_options(path, encoding)
    try:
        head = pd.read_csv(path, nrows=0, **options)
        names = _clean_names(head.columns)
        if not only:
            return pd.DataFrame(columns=names)
        frame = pd.read_csv(path, usecols=[names.index(only)], **options)
    except _CSV_ERRORS as error:
        raise InputError("io.error.bad_table", file=path.name) from error
    frame.columns = [only]
    return frame


def _csv_options(path: Path, encoding: str) -> tuple[Encoding, dict[str, Any]]:
    with path.open("rb") as file:
        found = detect_bytes(file.read(_HEAD), asked=encoding, where=path.name)
    try:
        with path.open(encoding=found.name, errors="strict", newline="") as file:
            first = file.readline()
    except UnicodeDecodeError as error:
        raise InputError("io.error.bad_table", file=path.name) from error
    return found, {
        "sep": max((",", "\t", ";", "|"), key=first.count),
        "dtype": str,
        "keep_default_na": False,
        "encoding": found.name,
        "skipinitialspace": True,
        "low_memory": False,
    }


def _clean_names(names: Iterable[object]) -> list[str]:
    return [str(name).strip().strip('"').lstrip("\ufeff") for name in names]


def _with_wkt(source: Source) -> Source:
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
        shapes = shapely.from_wkt(
            text.str.replace(r"^\s*SRID=\d+;", "", regex=True).to_numpy(), on_invalid="ignore"
        )
        srid = re.match(r"^\s*SRID=(\d+);", text.iloc[0])
        crs = CRS.from_epsg(int(srid[1])) if srid and srid[1] != "0" else None
        made = gpd.GeoDataFrame(
            frame.drop(columns=name), geometry=np.asarray(shapes, dtype=object), crs=crs
        )
        return replace(source, frame=made, crs=crs, driver=f"{source.driver}+WKT")
    return source
