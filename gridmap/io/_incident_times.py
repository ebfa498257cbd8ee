"""The times of an incident table: which column they stand in, and what is told about them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import InputError, some_ids
from gridmap.fields import fields_of, fold, match_columns
from gridmap.io._date_orders import MONTH, PATTERNS, guess_orders, plain_words
from gridmap.io._dates import joined_times, only_clocks, parse_times
from gridmap.io._tables import csv_columns
from gridmap.io._values import as_texts, cell_shape
from gridmap.io.options import ImportOptions, Note
from gridmap.model.crs import gcj02_applies, reproject_points

__all__ = ["formats_of", "no_times", "read_times", "time_column", "times_of", "utc_offset_h"]

_MOST, _SAMPLE = 0.9, 500
_TIMELY = re.compile(
    r"date|time|month|occurr|(?:^|_)(?:dt|tm|dttm)(?:_|$)|日期|时间|时刻|月份|年月"
)
# Days of what comes after: of a report, an answer, a change to the row.
_LATER = re.compile(
    r"updat|edit|creat|modif|enter|load|report|rpt|reprt|(?:^|_)(?:to|end|close)|clear|dispos|更新|录入|入库|修改|"
    r"结束|截止|反馈|办结|归档|上报|打印"
)
_FIRST = re.compile(r"(?:^|_)(?:fr|from|start|begin|first|beg)|occ|发生|案发|发案")

_TOLD_FORMS = ("excel", "epoch", "short_year", "world_clock", "other_zone", "month")
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
    others = [name for name in _others(frame, column) if not _is_blank(frame[name])]
    return joined_times(frame[column], frame[others])


def _others(frame: pd.DataFrame, column: str) -> list[str]:
    """Return the other columns that are called times, the surest first."""
    aliases = [fold(alias) for alias in fields_of("incidents")["time"].aliases]
    named = {str(name) for name in frame.columns if fold(str(name)) in aliases} - {column}
    return sorted(named, key=lambda name: aliases.index(fold(name)))


def times_of(
    frame: pd.DataFrame, mapped: dict[str, str], options: ImportOptions, where: str
) -> tuple[pd.Series | None, list[Note]]:
    """Return the times of a table as they are written, or None; ``mapped`` is put right.

    A column that is blank throughout gives way to the next one that is called a time. Where
    none is called so, the one pair of columns that is written as day and hour counts.

    Parameters
    ----------
    frame
        The table.
    mapped
        Field to column.
    options
        What the user said; a column of the user's own choice is taken as it is.
    where
        The file's name.
    """
    column = mapped.get("time", "")
    if column and ("time" in options.columns or not _is_blank(frame[column])):
        return time_column(frame, column), []
    if column:
        for other in _others(frame, column):
            if not _is_blank(frame[other]):
                mapped["time"] = other
                told = {"file": where, "blank": column, "column": other}
                return time_column(frame, other), [Note("io.note.time_elsewhere", told)]
    days, clocks = _written_as_times(frame) if "time" not in options.columns else ([], [])
    if len(days) != 1:
        mapped.pop("time", None)
        told = {"file": where, "columns": some_ids(days) or "-"}
        return None, [Note("io.note.no_time", told)]
    mapped["time"] = days[0]
    both = [*days, *clocks[:1]]
    told = {"file": where, "columns": " + ".join(both)}
    values = frame[days[0]]
    if clocks:
        values = joined_times(frame[clocks[0]], frame[days])
    return values, [Note("io.note.time_found", told)]


def _written_as_times(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the columns that are called and written as days, and those as hours of a day."""
    days, clocks = [], []
    for name in map(str, frame.columns):
        if name == "geometry" or not _TIMELY.search(_snake(name)) or _LATER.search(_snake(name)):
            continue
        text = plain_words(frame[name].dropna()).head(_SAMPLE)
        text = text[text != ""]
        if len(text) == 0:
            continue
        written = pd.Series(data=False, index=text.index)
        for pattern in (*PATTERNS.values(), MONTH):
            written |= text.str.match(pattern)
        if written.mean() >= _MOST:
            days.append(name)
        elif only_clocks(frame[name]):
            clocks.append(name)
    first = [name for name in days if _FIRST.search(_snake(name))]
    days = first if len(days) > 1 and first else days
    begun = [name for name in clocks if _FIRST.search(_snake(name))]
    return days, begun or clocks


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])|[\s.-]+", "_", name.strip()).lower()


def _is_blank(values: pd.Series) -> bool:
    return bool(as_texts(values).isna().all())


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
