"""From tables or point layers to incidents: columns, never one object an incident."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import InputError, some_ids
from gridmap.fields import match_columns
from gridmap.io._containers import opened_files
from gridmap.io._dates import parse_times
from gridmap.io._features import without_persons
from gridmap.io._sources import Source, read_source
from gridmap.io._stated_crs import point_crs, source_crs
from gridmap.io._values import as_ids, as_numbers, as_texts
from gridmap.io.options import ImportOptions, ImportReport, Note
from gridmap.model import IncidentBatch, Incidents
from gridmap.model.crs import choose_working_crs, crs_label, from_datum, reproject_points

__all__ = ["read_incidents"]

_MAX_CATEGORIES = 1000


def read_incidents(
    paths: list[Path], crs: CRS | None, options: ImportOptions
) -> tuple[Incidents, ImportReport]:
    """Read files into incidents in the working CRS.

    Rows without coordinates or with a time that cannot be read are refused and counted.

    Raises
    ------
    GridmapError
        If a file cannot be used, or its dates can be read in more than one way.
    """
    parts = []
    for path in paths:
        with opened_files(path, max_mb=options.max_mb) as inside:
            for item in inside:
                source = read_source(item, layer=options.layer, encoding=options.encoding)
                parts.append((source, item.name))
    refused: dict[str, int] = {}
    notes: list[Note] = []
    tables: list[pd.DataFrame] = []
    read, stated = 0, ""
    persons: list[str] = []
    mapped: dict[str, str] = {}
    for source, where in parts:
        table, file_crs, found, columns = _one(source, where, options, refused, notes)
        read += len(source.frame)
        persons += columns
        mapped |= found
        stated = stated or crs_label(file_crs)
        if crs is None:
            crs = choose_working_crs(
                shapely.points(table["x"].to_numpy(), table["y"].to_numpy()), file_crs
            )
        table["x"], table["y"] = reproject_points(
            table["x"].to_numpy(), table["y"].to_numpy(), file_crs, crs
        )
        off = ~(np.isfinite(table["x"]) & np.isfinite(table["y"]))
        if off.any():
            refused["off_earth"] = refused.get("off_earth", 0) + int(off.sum())
            table = table[~off]
        tables.append(table)
    if crs is None or not any(len(table) for table in tables):
        raise InputError("io.error.no_incidents", file=", ".join(p.name for p in paths))
    whole = pd.concat(tables, ignore_index=True)
    batch, categories = _batch(whole)
    incidents = Incidents.from_batch(batch, categories=categories, crs=crs)
    encodings = dict.fromkeys(f"{s.encoding.name} ({s.encoding.reason})" for s, _ in parts)
    report = ImportReport(
        "incidents", read, len(batch), stated, crs_label(crs), refused, mapped, tuple(notes),
        "; ".join(encodings), tuple(dict.fromkeys(persons)), tuple(path.name for path in paths),
    )  # fmt: skip
    return incidents, report


def _one(
    source: Source,
    where: str,
    options: ImportOptions,
    refused: dict[str, int],
    notes: list[Note],
) -> tuple[pd.DataFrame, CRS, dict[str, str], list[str]]:
    frame, persons, said = without_persons(source.frame, options, where)
    notes += said
    columns = [str(name) for name in frame.columns if name != "geometry"]
    lost = sorted(set(options.columns.values()) - set(columns))
    if lost:
        raise InputError(
            "io.error.no_column", file=where, columns=some_ids(lost), known=some_ids(columns, 12)
        )
    mapped = match_columns(columns, "incidents", options.columns)
    x, y, crs = _coordinates(source, frame, mapped, options, where, notes)
    x, y, crs = _without_datum(x, y, crs, options)
    none = ~(np.isfinite(x) & np.isfinite(y))
    # Geocoders that find nothing write 0, 0: no incident happens on that spot of the ocean.
    none |= (x == 0) & (y == 0)
    bad_time = np.zeros(len(frame), dtype=bool)
    table = pd.DataFrame({"x": x, "y": y})
    if "time" in mapped:
        times, _ = parse_times(frame[mapped["time"]], formats=options.date_formats)
        bad_time = np.isnat(times) & ~none
        table["time"] = times
    else:
        table["time"] = np.datetime64("NaT", "s")
        notes.append(Note("io.note.no_time", {"file": where}))
    if "category" in mapped:
        table["category"] = as_texts(frame[mapped["category"]]).to_numpy(dtype=object)
    if "settled" in mapped:
        table["settled"] = parse_times(frame[mapped["settled"]], formats=options.date_formats)[0]
    if "station" in mapped:
        table["station"] = as_ids(frame[mapped["station"]])
    for reason, rows in (("no_coordinates", none), ("bad_time", bad_time)):
        if rows.any():
            refused[reason] = refused.get(reason, 0) + int(rows.sum())
    kept = table[~(none | bad_time)]
    repeated = int(kept.duplicated().sum())
    if repeated:
        notes.append(Note("io.note.repeated_rows", {"file": where, "count": repeated}))
    return kept, crs, mapped, list(persons)


def _coordinates(
    source: Source,
    frame: pd.DataFrame,
    mapped: dict[str, str],
    options: ImportOptions,
    where: str,
    notes: list[Note],
) -> tuple[NDArray[np.float64], NDArray[np.float64], CRS]:
    if isinstance(frame, gpd.GeoDataFrame):
        crs, said = source_crs(source, options, where)
        notes += said
        geometry = frame.geometry.to_numpy()
        kinds = set(shapely.get_type_id(geometry[~shapely.is_missing(geometry)]))
        if not kinds <= {0, 4}:
            raise InputError("io.error.not_points", file=where)
        points = shapely.centroid(geometry)
        mapped.pop("x", None)
        mapped.pop("y", None)
        x, y = shapely.get_x(points), shapely.get_y(points)
        return (y, x, crs) if options.swapped else (x, y, crs)
    if "x" not in mapped or "y" not in mapped:
        raise InputError("io.error.no_geometry", file=where, columns=some_ids(frame.columns, 12))
    x = as_numbers(frame[mapped["x"]], column=mapped["x"], where=where)
    y = as_numbers(frame[mapped["y"]], column=mapped["y"], where=where)
    x, y = (y, x) if options.swapped else (x, y)
    crs, said = point_crs(mapped, x, y, options, where)
    notes += said
    return x, y, crs


def _without_datum(
    x: NDArray[np.float64], y: NDArray[np.float64], crs: CRS, options: ImportOptions
) -> tuple[NDArray[np.float64], NDArray[np.float64], CRS]:
    if options.datum == "wgs84":
        return x, y, crs
    degrees = CRS.from_epsg(4326)
    lon, lat = reproject_points(x, y, crs, degrees)
    lon, lat = from_datum(lon, lat, options.datum)
    return lon, lat, degrees


def _batch(whole: pd.DataFrame) -> tuple[IncidentBatch, tuple[str, ...]]:
    whole = whole.sort_values("time", kind="stable", na_position="last", ignore_index=True)
    names = whole["category"] if "category" in whole else pd.Series([None] * len(whole))
    codes, uniques = pd.factorize(names, sort=True)
    if len(uniques) > _MAX_CATEGORIES:
        raise InputError("io.error.too_many_categories", count=len(uniques))
    batch = IncidentBatch(
        whole["x"].to_numpy(dtype=float),
        whole["y"].to_numpy(dtype=float),
        whole["time"].to_numpy().astype("datetime64[s]"),
        codes.astype(np.int16),
        whole["settled"].to_numpy().astype("datetime64[s]") if "settled" in whole else None,
        whole["station"].fillna("").to_numpy(dtype=object) if "station" in whole else None,
    )
    return batch, tuple(str(name) for name in uniques)
