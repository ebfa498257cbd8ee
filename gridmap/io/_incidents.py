"""From tables or point layers to incidents: columns, never one object an incident."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import InputError, some_ids
from gridmap.fields import fields_of, fold, match_columns
from gridmap.io._coordinates import coordinates_of, point_crs, source_crs, without_exchanged
from gridmap.io._features import accepted, refuse_person_rows
from gridmap.io._personal import snake_case
from gridmap.io._sources import opened_files, read_parts, read_sources
from gridmap.io._tables import Source, csv_columns
from gridmap.io._values import (
    MONTH,
    PATTERNS,
    as_ids,
    as_texts,
    cell_shape,
    guess_orders,
    joined_times,
    only_clocks,
    parse_times,
    plain_words,
)
from gridmap.io.options import ImportOptions, ImportReport, Note
from gridmap.model import IncidentBatch, Incidents
from gridmap.model.crs import (
    WGS84,
    choose_working_crs,
    crs_label,
    from_datum,
    gcj02_applies,
    reproject_points,
)
from gridmap.typing import Floats

_MOST, _TIME_SAMPLE = 0.9, 500
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
    """Return the times of a table as they are written, or None; ``mapped`` is corrected.

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
        values = {"file": where, "columns": some_ids(days)}
        return None, [Note("io.note.no_time", values)]
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
        if (
            name == "geometry"
            or not _TIMELY.search(snake_case(name))
            or _LATER.search(snake_case(name))
        ):
            continue
        text = plain_words(frame[name].dropna()).head(_TIME_SAMPLE)
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
    first = [name for name in days if _FIRST.search(snake_case(name))]
    days = first if len(days) > 1 and first else days
    begun = [name for name in clocks if _FIRST.search(snake_case(name))]
    return days, begun or clocks


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
        As `gridmap.io._values.parse_times` does.
    """
    times, forms = parse_times(values, formats=formats, utc_offset_h=utc_offset_h)
    told = [
        Note(f"io.note.times_{form}", {"file": where, "column": column, "count": forms[form]})
        for form in _TOLD_FORMS
        if form in forms
    ]
    return times, told


def utc_offset_h(x: Floats, y: Floats, crs: CRS) -> float | None:
    """Return by how many hours the clocks of a place are ahead of UTC; None outside China."""
    usable = np.isfinite(x) & np.isfinite(y)
    if not usable.any():
        return None
    middle = np.array([np.median(x[usable])]), np.array([np.median(y[usable])])
    lon, lat = reproject_points(*middle, crs, WGS84)
    return _BEIJING_H if gcj02_applies(lon, lat)[0] else None


def no_times(values: pd.Series, column: str, where: str) -> InputError:
    """Return the refusal of a column without a time that can be read, with one of its cells."""
    filled = values.dropna().astype(str).str.strip()
    filled = filled[filled != ""]
    example = cell_shape(filled.iloc[0]) if len(filled) else ""
    return InputError("io.error.no_times", file=where, column=column, example=example)


_MAX_CATEGORIES = 1000
_LARGE = 64_000_000  # bytes
_SAMPLE = 5_000
_INEXACT = {"io.note.times_month", "io.note.times_world_clock", "io.note.times_other_zone"}
_WORDS = ("category", "station")


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
    return incidents_of(_parts(paths, options), [path.name for path in paths], crs)


def incidents_of(
    parts: Iterable[tuple[Source, str, ImportOptions]], names: Sequence[str], crs: CRS | None
) -> tuple[Incidents, ImportReport]:
    """Make incidents out of what files or frames hold; otherwise as `read_incidents`.

    Parameters
    ----------
    parts
        Rows, what they are called, and how they are to be read.
    names
        What the whole is called.
    crs
        The working CRS; chosen from the first rows if None.
    """
    refused: dict[str, int] = {}
    notes: list[Note] = []
    tables: list[pd.DataFrame] = []
    read, stated = 0, ""
    persons: list[str] = []
    seen: dict[str, None] = {}
    mapped: dict[str, str] = {}
    encodings: list[str] = []
    for source, where, said in parts:
        table, file_crs, found, columns = _one(source, where, said, refused, notes)
        read += len(source.frame)
        persons += columns
        seen |= dict.fromkeys(str(name) for name in source.frame.columns if name != "geometry")
        mapped |= found
        encodings.append(source.encoding.text())
        stated = stated or crs_label(file_crs)
        if len(table) == 0:
            continue
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
        named = ", ".join(names)
        if refused.get("bad_time") and mapped.get("time") in source.frame:
            raise no_times(source.frame[mapped["time"]], mapped["time"], named)
        raise InputError("io.error.no_incidents", file=named)
    whole = _joined(tables)
    told = {note.key for note in notes}
    exact = {"time", "category"} <= mapped.keys() and not told & _INEXACT
    # Equal in time, place and category: only where all three were read.
    repeated = int(whole[whole["time"].notna()].duplicated().sum()) if exact else 0
    if repeated:
        notes.append(Note("io.note.repeated_rows", {"file": ", ".join(names), "count": repeated}))
    batch, categories = _batch(whole)
    incidents = Incidents.from_batch(batch, categories=categories, crs=crs)
    if "io.note.times_month" in told:
        incidents = replace(incidents, precision="month")
    report = ImportReport(
        kind="incidents", read=read, features=len(batch), crs=stated, working_crs=crs_label(crs),
        refused=refused, mapped=mapped, warnings=_once(notes),
        encoding="; ".join(dict.fromkeys(encodings)),
        refused_columns=tuple(dict.fromkeys(persons)), files=tuple(names),
        columns=tuple(n for n in seen if n not in persons),
        facts=_facts(batch, notes, repeated, incidents.precision),
    )  # fmt: skip
    return incidents, report


def _parts(
    paths: list[Path], options: ImportOptions
) -> Iterator[tuple[Source, str, ImportOptions]]:
    """Yield what is read at a time: a file, or part of a CSV too large to hold as text."""
    for path in paths:
        with opened_files(path, max_mb=options.max_mb) as inside:
            for item in inside:
                table = item.suffix.lower() in {".csv", ".txt", ".tsv"}
                if not table or item.stat().st_size < _LARGE:
                    for layer in options.chosen_layers:
                        for source in read_sources(
                            item, layer=layer, encoding=options.encoding, kind="incidents"
                        ):
                            yield source, item.name, options
                    continue
                # Whether 3/4 is in March is decided by the whole column, not by a part.
                said = replace(options, date_formats=formats_of(item, options))
                for source in read_parts(item, encoding=options.encoding):
                    yield source, item.name, said


def _facts(
    batch: IncidentBatch, notes: list[Note], repeated: int, precision: str
) -> dict[str, int | str]:
    """Return what a report says about the data that it is based on."""
    timed = batch.time[~np.isnat(batch.time)]
    made: dict[str, int | str] = {"without_time": len(batch) - len(timed), "repeats": repeated}
    for form, name in (("world_clock", "clocks_utc"), ("other_zone", "clocks_other_zone")):
        counts = [note.values["count"] for note in notes if note.key == f"io.note.times_{form}"]
        made[name] = sum(count for count in counts if isinstance(count, int))
    if len(timed):
        made |= {"first": str(timed.min()), "last": str(timed.max())}
    return made | ({"precision": precision} if precision != "second" else {})


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate parts; each text is kept once, not once a row."""
    if any("case" in table for table in tables):  # a digest is no number to put a gap into
        tables = [
            table if "case" in table else table.assign(case=np.uint64(0)) for table in tables
        ]
    whole = pd.concat([table.drop(columns=[*_WORDS], errors="ignore") for table in tables],
                      ignore_index=True)  # fmt: skip
    for name in _WORDS:
        if any(name in table for table in tables):
            parts = [
                table[name].astype("category")
                if name in table
                else pd.Categorical([None] * len(table))
                for table in tables
            ]
            whole[name] = pd.api.types.union_categoricals(parts)
    return whole


def _once(notes: list[Note]) -> tuple[Note, ...]:
    """Add up the counts of remarks that several parts of a file made alike."""
    made: dict[tuple[str, str], Note] = {}
    for note in notes:
        others = {k: v for k, v in note.values.items() if k != "count"}
        key = (note.key, str(sorted(others.items())))
        count = note.values.get("count")
        if key in made and isinstance(count, int):
            before = made[key].values["count"]
            count += before if isinstance(before, int) else 0
        made[key] = Note(note.key, others if count is None else {**others, "count": count})
    return tuple(made.values())


def _one(
    source: Source, where: str, options: ImportOptions, refused: dict[str, int], notes: list[Note]
) -> tuple[pd.DataFrame, CRS, dict[str, str], list[str]]:
    frame, mapped, persons, said = accepted(source, "incidents", options, where)
    notes += said
    x, y, crs = _coordinates(source, frame, mapped, options, where, notes)
    x, y, crs = _without_datum(x, y, crs, options)
    none = ~(np.isfinite(x) & np.isfinite(y))
    # Geocoders that find nothing write 0, 0: no incident happens on that spot of the ocean.
    none |= (x == 0) & (y == 0)
    read = partial(
        read_times, formats=options.date_formats, utc_offset_h=utc_offset_h(x, y, crs), where=where
    )
    bad_time = np.zeros(len(frame), dtype=bool)
    table = pd.DataFrame({"x": x, "y": y})
    written, said = times_of(frame, mapped, options, where)
    notes += said
    if written is not None:
        times, said = read(written, mapped["time"])
        notes += said
        bad_time = np.isnat(times) & ~none
        table["time"] = times
    else:
        table["time"] = np.datetime64("NaT", "s")
    refuse_person_rows(mapped, persons, "incidents", where)
    if "category" in mapped:
        table["category"] = pd.Categorical(as_texts(frame[mapped["category"]]))
    elif "category" not in options.columns and (likely := _likely_categories(frame, mapped)):
        told = {"file": where, "columns": some_ids(likely)}
        notes.append(Note("io.note.no_category", told))
    if "settled" in mapped:
        table["settled"], said = read(frame[mapped["settled"]], mapped["settled"])
        notes += said
    reported, said = _reported(frame, mapped, options, where, read)
    notes += said
    if reported is not None:
        table["reported"] = reported
    if "case" in mapped:
        table["case"] = _case_digests(frame[mapped["case"]])
    if "station" in mapped:
        table["station"] = pd.Categorical(as_ids(frame[mapped["station"]]))
    for reason, rows in (("no_coordinates", none), ("bad_time", bad_time)):
        if rows.any():
            refused[reason] = refused.get(reason, 0) + int(rows.sum())
    return table[~(none | bad_time)], crs, mapped, list(persons)


def _reported(
    frame: pd.DataFrame,
    mapped: dict[str, str],
    options: ImportOptions,
    where: str,
    read: Callable[[pd.Series, str], tuple[NDArray[np.datetime64], list[Note]]],
) -> tuple[NDArray[np.datetime64] | None, list[Note]]:
    """Return when incidents were reported; None where nothing says it beside their own time."""
    name = mapped.pop("reported", "")
    if not name or mapped.get("time", name) == name:
        return None, []
    column = frame[name]
    if only_clocks(column) or _is_blank(column):
        return None, []
    try:
        times, said = read(column, name)
    except InputError:  # its own time is enough to count an incident
        if "reported" in options.columns:
            raise
        return None, [Note("io.note.no_reported", {"file": where, "column": name})]
    mapped["reported"] = name
    return times, said


def _likely_categories(frame: pd.DataFrame, mapped: dict[str, str]) -> list[str]:
    """Return the columns that may be of categories: words, of which a few are used many times."""
    found = []
    for name in map(str, frame.columns):
        if name == "geometry" or name in mapped.values():
            continue
        text = as_texts(frame[name]).dropna().head(_SAMPLE)
        words = text.astype(str).str.contains(r"[A-Za-z\u4e00-\u9fa5]{2}", regex=True)
        kinds = text.nunique()
        if len(text) and words.mean() > 0.9 and kinds <= max(0.3 * len(text), 1) and kinds <= 200:
            found.append(name)
    return found


def _coordinates(
    source: Source,
    frame: pd.DataFrame,
    mapped: dict[str, str],
    options: ImportOptions,
    where: str,
    notes: list[Note],
) -> tuple[Floats, Floats, CRS]:
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
        x, y = (y, x) if options.swapped else (x, y)
    else:
        found = coordinates_of(frame, mapped, options, where)
        crs, said = point_crs(found.columns, found.x, found.y, options, where)
        notes += [*found.notes, *said]
        x, y = found.x, found.y
    turned, said = without_exchanged(x, y, crs, options, where)
    notes += said
    return np.where(turned, np.nan, x), np.where(turned, np.nan, y), crs


def _without_datum(
    x: Floats, y: Floats, crs: CRS, options: ImportOptions
) -> tuple[Floats, Floats, CRS]:
    if options.datum == "wgs84":
        return x, y, crs
    lon, lat = reproject_points(x, y, crs, WGS84)
    lon, lat = from_datum(lon, lat, options.datum)
    return lon, lat, WGS84


def _batch(whole: pd.DataFrame) -> tuple[IncidentBatch, tuple[str, ...]]:
    whole = whole.sort_values("time", kind="stable", na_position="last", ignore_index=True)
    names = whole.get("category", pd.Series(pd.Categorical([None] * len(whole))))
    names = names.cat.remove_unused_categories().cat.as_ordered()
    uniques = sorted(names.cat.categories.astype(str))
    codes = names.cat.reorder_categories(uniques).cat.codes.to_numpy()
    if len(uniques) > _MAX_CATEGORIES:
        raise InputError("io.error.too_many_categories", count=len(uniques))
    batch = IncidentBatch(
        whole["x"].to_numpy(dtype=float),
        whole["y"].to_numpy(dtype=float),
        whole["time"].to_numpy().astype("datetime64[s]"),
        codes.astype(np.int16),
        whole["settled"].to_numpy().astype("datetime64[s]") if "settled" in whole else None,
        _station_ids(whole["station"]) if "station" in whole else None,
        reported=(
            whole["reported"].to_numpy().astype("datetime64[s]") if "reported" in whole else None
        ),
        case=whole["case"].to_numpy(dtype=np.uint64) if "case" in whole else None,
    )
    return batch, tuple(str(name) for name in uniques)


def _case_digests(column: pd.Series) -> NDArray[np.uint64]:
    """Return a digest of each case number, 0 for none; case and blanks make no difference."""
    numbers = pd.Series(as_ids(column), dtype=str).str.upper().str.replace(r"\s", "", regex=True)
    digests = pd.util.hash_array(numbers.to_numpy(dtype=object))
    digests[(numbers == "").to_numpy()] = 0
    return digests


def _station_ids(column: pd.Series) -> NDArray[np.object_]:
    words = np.array([*column.cat.categories.astype(str), ""], dtype=object)
    return words[column.cat.codes.to_numpy()]
