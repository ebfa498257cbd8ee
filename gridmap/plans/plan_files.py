"""Plans as files: a table of grids and beats, or a layer of beats."""

from __future__ import annotations

from pathlib import Path

from gridmap.errors import InputError, MissingError
from gridmap.io import ImportOptions, opened_files, read_layer, read_source, write_frame
from gridmap.model import City, Kind, Layer, Plan
from gridmap.plans.exchange import assignment_table, plan_from_layer, plan_from_table, plan_layer
from gridmap.plans.fingerprints import fit_plan

__all__ = ["PLAN_FORMATS", "read_plan", "write_plan"]

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
    """Return the plan that a file tells; the suffix says whether it is a table or a layer.

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
    """Write a plan as the file whose suffix says the format.

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
    check_format(path)
    if path.suffix.lower() == ".csv":
        write_frame(assignment_table(plan), path)
    else:
        write_frame(plan_layer(fit_plan(plan, grids), grids).frame, path, layer=str(Kind.BEAT))


def check_format(path: Path) -> None:
    """Refuse a file whose suffix names no format for plans.

    Raises
    ------
    InputError
        If the format is unknown.
    """
    if path.suffix.lower() not in PLAN_FORMATS:
        known = ", ".join(PLAN_FORMATS)
        raise InputError("plans.error.export_format", received=path.name, known=known)
