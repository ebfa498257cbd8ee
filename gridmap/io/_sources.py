"""Reading one file into a frame, whatever it is, with what was found out about it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError

from gridmap.errors import EncodingError, InputError, some_ids
from gridmap.io._containers import VECTOR_SUFFIXES
from gridmap.io._encoding import Encoding, looks_garbled
from gridmap.io._raw import Source, foreign_reader
from gridmap.io._sheets import workbook_form
from gridmap.io._table_head import require_width
from gridmap.io._tables import read_csv, read_csv_parts
from gridmap.io._vector import read_vectors

__all__ = ["read_parts", "read_source", "read_sources"]

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
        from gridmap.io._excel import read_excel_all

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
    if suffix in {".parquet", ".geoparquet"}:
        source = _read_parquet(path)
    elif suffix in VECTOR_SUFFIXES:
        source = read_vectors(path, layer=layer, encoding=encoding, kind=kind)[0]
    elif _is_workbook(path):
        from gridmap.io._excel import read_excel

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
    import pyarrow.parquet as pq

    found = Encoding("utf-8", "default")
    with foreign_reader(path):
        if b"geo" in (pq.read_schema(path).metadata or {}):
            frame = gpd.read_parquet(path)
            return Source(frame, CRS(frame.crs) if frame.crs else None, found, "GeoParquet")
        return Source(pd.read_parquet(path), None, found, "Parquet")


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
        received = some_ids(sorted(named))
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
