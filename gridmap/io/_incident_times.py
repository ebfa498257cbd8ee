"""The times of an incident table: which column they stand in, and what is told about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import InputError
from gridmap.fields import fields_of, fold, match_columns
from gridmap.io._date_orders import guess_orders
from gridmap.io._dates import joined_times, parse_times
from gridmap.io._tables import csv_columns
from gridmap.io._values import cell_shape
from gridmap.io.options import ImportOptions, Note
from gridmap.model.crs import gcj02_applies, reproject_points

__all__ = ["formats_of", "no_times", "read_times", "time_column", "utc_offset_h"]

_TOLD_FORMS = ("excel", "epoch", "short_year", "world_clock")
_BEIJING_H = 8.0  # all of China keeps one time, and no summer time since 1991


def formats_of(path: Path, options: ImportOptions) -> tuple[str, ...]:
    """Return the date formats of a large table: asked for, or read off its whole column.

    Raises
    ------
    InputError
        If none was asked for, and the column does not say which number is the month.
    """
    if options.date_formats:
        return options.date_formats
    columns = list(csv_columns(path, encoding=options.encoding).columns)
    time = match_columns(columns, "incidents", options.columns).get("time", "")
    if time not in columns:
        return ()
    aliases = {fold(alias) for alias in fields_of("incidents")["time"].aliases}
    wanted = [name for name in columns if name == time or fold(name) in aliases]
    return guess_orders(
        time_column(csv_columns(path, encoding=options.encoding, only=wanted), time)
    )


def time_column(frame: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of times; with a column of dates before it where it holds clocks only."""
    aliases = [fold(alias) for alias in fields_of("incidents")["time"].aliases]
    others = [str(name) for name in frame.columns if fold(str(name)) in aliases]
    others = sorted(set(others) - {column}, key=lambda name: aliases.index(fold(name)))
    return joined_times(frame[column], frame[others])


def read_times(
    values: pd.Series,
    column: str,
    *,
    formats: tuple[str, ...],
    utc_offset_h: float | None,
    where: str,
) -> tuple[NDArray[np.datetime64], list[Note]]:
    """Return the times of a column, shape (n,), and what a user should know of their reading.

    Raises
    ------
    InputError
        As `gridmap.io._dates.parse_times` does.
    """
    times, forms = parse_times(values, formats=formats, utc_offset_h=utc_offset_h)
    told = [
        Note(f"io.note.times_{form}", {"file": where, "column": column, "count": forms[form]})
        for form in _TOLD_FORMS
        if form in forms
    ]
    return times, told


def utc_offset_h(x: NDArray[np.float64], y: NDArray[np.float64], crs: CRS) -> float | None:
    """Return by how many hours the clocks of a place are ahead of UTC; None outside China."""
    usable = np.isfinite(x) & np.isfinite(y)
    if not usable.any():
        return None
    middle = np.array([np.median(x[usable])]), np.array([np.median(y[usable])])
    lon, lat = reproject_points(*middle, crs, CRS.from_epsg(4326))
    return _BEIJING_H if gcj02_applies(lon, lat)[0] else None


def no_times(values: pd.Series, column: str, where: str) -> InputError:
    """Return the refusal of a column without a time that can be read, with one of its cells."""
    filled = values.dropna().astype(str).str.strip()
    filled = filled[filled != ""]
    example = cell_shape(filled.iloc[0]) if len(filled) else "-"
    return InputError("io.error.no_times", file=where, column=column, example=example)
