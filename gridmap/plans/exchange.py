"""Plans in and out: as a table of grids and beats, and as a layer of beats."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from gridmap.errors import InputError, MissingError, some_ids
from gridmap.fields import match_columns
from gridmap.io import (
    ImportOptions,
    as_ids,
    check_new_file,
    opened_files,
    read_layer,
    read_source,
    refuse_personal_columns,
    write_frame,
)
from gridmap.measure.crosswalk import crosswalk
from gridmap.model import BeatInfo, City, Kind, Layer, Plan, Presets
from gridmap.model.layer import join_rows
from gridmap.plans.versions import GridDifference, fit_plan

_GAP_M = Presets().gap_m
_DETAILS = ("station", "room", "officers", "auxiliaries")


def assignment_table(plan: Plan) -> pd.DataFrame:
    """Return a plan as a table that `plan_from_table` reads back.

    Returns
    -------
    DataFrame
        One row per grid, in the plan's order: ``grid, beat, beat_name, station, room,
        officers, auxiliaries``; the last five are its beat's. Blank for no beat. A beat
        without grids has a row with a blank ``grid`` at the end.
    """
    table = pd.DataFrame({"grid": plan.grid_ids.astype(str), "beat": plan.labels})
    empty = sorted(set(plan.beat_ids) - set(plan.labels))
    table = pd.concat([table, pd.DataFrame({"grid": "", "beat": empty})], ignore_index=True)
    infos = {beat.id: beat for beat in plan.beats}
    names = {beat.id: beat.name for beat in plan.beats}
    table["beat_name"] = table["beat"].map(names).fillna("")
    for detail in _DETAILS:
        values = {name: getattr(beat, detail) for name, beat in infos.items()}
        blank = "" if detail in {"station", "room"} else np.nan
        table[detail] = table["beat"].map(values).fillna(blank)
    return table


def plan_from_table(
    table: pd.DataFrame, grids: Layer, *, name: str, columns: dict[str, str] | None = None
) -> Plan:
    """Return the plan in a table.

    Parameters
    ----------
    table
        One row per grid: its id and its beat's, read as text (``dtype=str``) so that codes keep
        their zeros; any of ``beat_name, station, room, officers, auxiliaries``. Chinese
        column names and the aliases of `gridmap.fields` are understood.
    grids
        The city's grid layer.
    name
        Name of the plan.
    columns
        The user's own choices, ``grid`` or ``beat`` to column.

    Raises
    ------
    InputError
        If a column or a grid is missing, a grid is unknown or stands twice, or a number of
        staff is missing.
    """
    chosen = {("id" if key == "grid" else key): value for key, value in (columns or {}).items()}
    own = {"id": "grid", "beat": "beat"}
    found = match_columns(
        table.columns,
        "grid",
        {**{field: column for field, column in own.items() if column in table.columns}, **chosen},
    )
    for field in ("id", "beat"):
        if found.get(field) not in table.columns:
            raise InputError(
                "plans.error.table_column",
                field="grid" if field == "id" else field,
                received=", ".join(map(str, table.columns)),
            )
    used = {column: table[column] for column in _used(table, found)}
    refuse_personal_columns(pd.DataFrame(used), where=name)
    grid, beat = _texts(table[found["id"]]), _texts(table[found["beat"]])
    # A row of totals names no grid that is known, and no beat.
    stray = (beat == "") & ~grid.isin(set(grids.ids))
    listed = ((grid != "") & ~stray).to_numpy()
    index = pd.Index(grid[listed], dtype=object)
    twice = index[index.duplicated()].unique()
    if len(twice):
        raise InputError("plans.error.table_repeated", ids=some_ids(twice), count=len(twice))
    known = pd.Index(grids.ids, dtype=object)
    row = index.get_indexer(known)
    difference = GridDifference(
        gone=tuple(index[known.get_indexer(index) < 0]), new=tuple(known[row < 0]), reshaped=()
    )
    if difference:
        raise InputError("plans.error.grids_changed", plan=name, difference=difference)
    return Plan.from_labels(
        name,
        grids.ids,
        beat.to_numpy()[listed][row],
        beats=_infos(table, beat),
        city_digest=grids.digest,
    )


def plan_layer(plan: Plan, grids: Layer, *, gap_m: float = _GAP_M) -> Layer:
    """Return a plan's beats as a layer: each the union of its grids.

    Parameters
    ----------
    plan
        The plan; a beat without grids is left out.
    grids
        The grids that it is about.
    gap_m
        Widest gap between neighbours, metres: the city's preset.

    Raises
    ------
    InputError
        If the plan is of other grids.
    """
    if not np.array_equal(plan.grid_ids, grids.ids):
        raise InputError(
            "plans.error.other_grids",
            plan=plan.name,
            received=len(plan.grid_ids),
            expected=len(grids),
        )
    ground = join_rows(grids.geometry, plan.assignment, len(plan), gap_m=gap_m)
    held = np.flatnonzero(np.bincount(plan.assignment[plan.assignment >= 0], minlength=len(plan)))
    rows, shapes = [plan.beats[row] for row in held], ground[held]
    frame = gpd.GeoDataFrame(
        {
            "id": [beat.id for beat in rows],
            "name": [beat.label for beat in rows],
            **{detail: [getattr(beat, detail) for beat in rows] for detail in _DETAILS},
        },
        geometry=shapes,
        crs=grids.crs,
    )
    return Layer(Kind.BEAT, frame, {"plan": plan.name, "digest": plan.digest})


def plan_from_layer(beats: Layer, grids: Layer, *, name: str) -> Plan:
    """Return the plan of a layer of beats: a grid belongs to the beat that holds its centre.

    Parameters
    ----------
    beats
        Beat polygons in the grids' CRS.
    grids
        The city's grid layer.
    name
        Name of the plan.

    Raises
    ------
    InputError
        If the layers are of different CRS.
    """
    if beats.crs != grids.crs:
        raise InputError(
            "plans.error.layer_crs", received=beats.crs.to_string(), expected=grids.crs.to_string()
        )
    main = crosswalk(grids.geometry, beats.geometry, weight="centre").main_target
    stations, rooms = beats.texts("station"), beats.texts("room")
    officers, auxiliaries = beats.counts("officers"), beats.counts("auxiliaries")
    infos = tuple(
        BeatInfo(
            str(beats.ids[row]),
            str(beats.names[row]),
            str(stations[row]),
            str(rooms[row]),
            float(officers[row]),
            float(auxiliaries[row]),
        )
        for row in range(len(beats))
    )
    return Plan(name, grids.ids, main.astype(np.int32), infos, grids.digest)


def _texts(column: pd.Series) -> pd.Series:
    """Return ids as text, as an import reads them."""
    return pd.Series(as_ids(column), column.index, dtype=object)


def _used(table: pd.DataFrame, found: dict[str, str]) -> list[str]:
    """Return the columns of a table that a plan is made of."""
    more = match_columns(table.columns, "beat")
    wanted = [found["id"], found["beat"], "beat_name", *(more.get(k) for k in _DETAILS)]
    return [str(name) for name in dict.fromkeys(wanted) if name in table.columns]


def _infos(table: pd.DataFrame, beat: pd.Series) -> dict[str, BeatInfo]:
    found = match_columns(table.columns, "beat")
    names = _texts(table["beat_name"]) if "beat_name" in table.columns else None
    stations, rooms = (
        _texts(table[found[field]]) if field in found else None for field in ("station", "room")
    )
    officers, auxiliaries = (
        _numbers(table[found[field]], field) if field in found else None
        for field in ("officers", "auxiliaries")
    )
    first = beat[(beat != "") & (beat != "0")].drop_duplicates()
    return {
        name: BeatInfo(
            name,
            "" if names is None else str(names[row]),
            "" if stations is None else str(stations[row]),
            "" if rooms is None else str(rooms[row]),
            0.0 if officers is None else float(officers[row]),
            0.0 if auxiliaries is None else float(auxiliaries[row]),
        )
        for row, name in first.items()
    }


def _numbers(column: pd.Series, field: str) -> pd.Series:
    texts = _texts(column)
    numbers = pd.to_numeric(texts.where(texts != "", "0"), errors="coerce")
    bad = ~(np.isfinite(numbers) & (numbers >= 0))
    if bad.any():
        raise InputError(
            "plans.error.table_number", field=field, received=some_ids(np.flatnonzero(bad) + 1)
        )
    return numbers


# -- plans as files: a table of grids and beats, or a layer of beats


PLAN_FORMATS = (".csv", ".gpkg", ".geojson")
"""Suffixes that `write_plan` knows: a table, and two layers."""

_TABLES = {".csv", ".tsv", ".txt", ".xls", ".xlsx", ".xlsm", ".parquet"}


def read_plan(
    path: Path,
    city: City,
    *,
    name: str,
    columns: dict[str, str] | None = None,
    max_mb: float | None = None,
) -> Plan:
    """Return the plan in a file; the suffix says whether it is a table or a layer.

    Parameters
    ----------
    path
        A table of grids and beats, or a layer of beats.
    city
        The city that the plan is for.
    name
        Name of the plan.
    columns
        The user's own choices for a table, ``grid`` or ``beat`` to column.
    max_mb
        Largest file that is read, in megabytes; the usual limit if None.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it cannot be read, or its grids are not the city's (`plan_from_table`).
    """
    if not path.is_file():
        raise MissingError("io.error.no_file", file=str(path))
    options = ImportOptions() if max_mb is None else ImportOptions(max_mb=max_mb)
    with opened_files(path, max_mb=options.max_mb) as inside:
        if len(inside) == 1 and inside[0].suffix.lower() in _TABLES:
            table = read_source(inside[0]).frame
            return plan_from_table(table, city.grids, name=name, columns=columns)
    layer, _ = read_layer([path], kind=Kind.BEAT, options=options, crs=city.crs)
    return plan_from_layer(layer, city.grids, name=name)


def write_plan(plan: Plan, grids: Layer, path: Path) -> None:
    """Write a plan to a file in the format of its suffix.

    Parameters
    ----------
    plan
        The plan.
    grids
        The city's grid layer; a table needs no more than the plan's own grids.
    path
        The file; one that is there is replaced at the end, never half written.

    Raises
    ------
    InputError
        If the format is unknown, or the plan does not fit the grids.
    WorkspaceError
        If the file cannot be written.
    """
    check_new_file(path, PLAN_FORMATS)
    if path.suffix.lower() == ".csv":
        write_frame(assignment_table(plan), path)
    else:
        write_frame(plan_layer(fit_plan(plan, grids), grids).frame, path, layer=str(Kind.BEAT))
