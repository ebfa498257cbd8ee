"""Frames in and out: a city of GeoDataFrames, by the rules of an import."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from os import PathLike
from typing import Any

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from gridmap.errors import CRSError, GridmapError, InputError, WorkspaceError, some_ids
from gridmap.errors import in_python as arguments_in
from gridmap.fields import fields_of
from gridmap.io._features import read_features
from gridmap.io._incidents import incidents_of
from gridmap.io._tables import Encoding, Source
from gridmap.io.importing import bounds_in_degrees, layer_of_features
from gridmap.io.options import ImportOptions, ImportReport
from gridmap.io.workspace import Workspace
from gridmap.model import City, Incidents, Kind, Layer
from gridmap.model.crs import crs_label, in_metres, parse_crs

#: Argument to kind, in the order in which they are read: the first says where the city is.
ARGUMENTS = {
    "grids": "grid", "beats": "beat", "stations": "station", "communities": "community",
    "rooms": "room", "facilities": "facility", "roads": "road", "barriers": "barrier",
    "incidents": "incidents",
}  # fmt: skip


class ImportNote(UserWarning):
    """A remark on a frame that was imported."""


def city_from_frames(
    frames: Mapping[str, pd.DataFrame | None],
    *,
    columns: object,
    name: object,
    crs: object,
    working_crs: object,
    datum: object,
    date_formats: object,
) -> City:
    """Return the city of some frames; see `gridmap.model.City.from_frames`.

    Raises
    ------
    GridmapError
        If a frame cannot be used as it is; the message names the argument.
    """
    return _city(
        {key: frame for key, frame in frames.items() if frame is not None},
        columns,
        "" if name is None else _text(name, "name"),
        _as_crs(crs, "crs"),
        _as_crs(working_crs, "working_crs"),
        ImportOptions(datum=_text(datum, "datum"), date_formats=_formats(date_formats)),
    )


def _city(
    frames: Mapping[str, pd.DataFrame | None],
    columns: object,
    name: str,
    crs: CRS | None,
    working: CRS | None,
    options: ImportOptions,
) -> City:
    if not frames:
        raise InputError("io.error.no_frames", known=", ".join(ARGUMENTS))
    sources = {key: _source(frames[key], key) for key in ARGUMENTS if key in frames}
    chosen = _columns_of(columns, sources)
    layers: dict[Kind, Layer] = {}
    incidents: Incidents | None = None
    # A working CRS in degrees is refused when the first frame has said which would do here.
    refused = None if working is None or in_metres(working) else working
    working = None if refused else working
    for key, source in sources.items():
        kind = ARGUMENTS[key]
        said = replace(
            options,
            columns=chosen[key],
            crs=crs.to_string() if crs is not None and source.crs is None else "",
        )
        try:
            said.check(kind)
            if kind == "incidents":
                incidents, report = incidents_of([(source, key, said)], [key], working)
                working = incidents.crs
            else:
                layer, report = _layer(source, said, key, working)
                layers[layer.kind] = layer
                working = layer.crs
                if options.near is None:
                    options = replace(options, near=bounds_in_degrees(layer))
        except GridmapError as error:
            error.argument = key
            raise
        if refused:
            raise CRSError("io.error.working_crs", received=crs_label(refused),
                           better=crs_label(working))  # fmt: skip
        _warn(key, report)
    assert working is not None  # noqa: S101 - the first frame has chosen one
    return City(name, working, layers, incidents)


def _layer(
    source: Source, said: ImportOptions, key: str, working: CRS | None
) -> tuple[Layer, ImportReport]:
    kind = ARGUMENTS[key]
    features = read_features(source, kind, said, key)
    layer, report = layer_of_features(
        [features], [key], [source.encoding.text()], kind=Kind(kind), crs=working
    )
    return Layer(layer.kind, layer.frame, {**layer.provenance, **report.provenance()}), report


def save_city(city: City, folder: str | PathLike[str], *, replace_it: bool) -> None:
    """Write a city as a workspace; see `gridmap.model.City.save`.

    Raises
    ------
    WorkspaceError
        If there is a workspace already and it is not to be replaced, or the folder cannot be
        written.
    """
    place = Workspace.at(folder)
    if place.exists and not replace_it:
        raise WorkspaceError("io.error.saved_already", path=str(folder))
    place.put_city(city)


def _as_crs(value: object, argument: str) -> CRS | None:
    if value is None or (isinstance(value, str) and not value):
        return None
    try:
        return parse_crs(value)
    except CRSError as error:
        raise CRSError("io.error.crs_argument", argument=argument, **error.values) from error


def _text(value: object, argument: str) -> str:
    if not isinstance(value, str):
        raise InputError("model.error.takes_text", argument=argument,
                         received=type(value).__name__)  # fmt: skip
    return value


def _formats(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    if value is None:
        return ()
    formats = tuple(value) if isinstance(value, Iterable) else (value,)
    return tuple(_text(one, "date_formats") for one in formats)


def _source(frame: object, name: str) -> Source:
    """Return a frame as the reading of files has it: named index levels are columns."""
    if isinstance(frame, gpd.GeoSeries):
        frame = frame.to_frame("geometry")
    if not isinstance(frame, pd.DataFrame):
        raise InputError("io.error.not_a_frame", argument=name, received=type(frame).__name__)
    active = getattr(frame, "active_geometry_name", None)
    made = pd.DataFrame(frame.reset_index(drop=True))
    at = 0
    for level, label in enumerate(frame.index.names):
        values = frame.index.get_level_values(level)
        kept = label in made and values.equals(pd.Index(made[label]))  # set_index(drop=False)
        if label is not None and label != "" and not kept:
            made.insert(at, label, values, allow_duplicates=True)
            at += 1
    made.columns = pd.Index([str(column) for column in made.columns])
    if made.columns.has_duplicates:
        repeated = made.columns[made.columns.duplicated()].unique()
        raise InputError("io.error.columns_repeated", argument=name, columns=some_ids(repeated))
    shapes = [column for column in made.columns if made[column].dtype == "geometry"]
    encoding = Encoding("utf-8", "default")
    if not shapes:
        return Source(made, None, encoding, "frame")
    if str(active) not in shapes and len(shapes) > 1:
        raise InputError("io.error.no_active_geometry", argument=name, columns=some_ids(shapes))
    made = gpd.GeoDataFrame(made, geometry=str(active) if str(active) in shapes else shapes[0])
    if made.geometry.name != "geometry":
        made = made.drop(columns="geometry", errors="ignore").rename_geometry("geometry")
    # Further geometry columns, as overlays leave them, are no figures.
    others = [c for c in made.columns if c != "geometry" and made[c].dtype == "geometry"]
    made = made.drop(columns=others)
    stated = None if made.crs is None else CRS(made.crs)
    return Source(made, stated, encoding, "frame")


def _columns_of(columns: object, sources: Mapping[str, Source]) -> dict[str, dict[str, str]]:
    """Return each frame's own choice of columns: one for all, or one for an argument.

    ``{"residents": "pop"}`` holds for every frame that has the column and whose kind has the
    field; ``{"beats": {"id": "code"}}`` for that frame alone.
    """
    chosen: dict[str, dict[str, str]] = {key: {} for key in sources}
    if columns is None:
        return chosen
    if not isinstance(columns, Mapping):
        raise InputError("io.error.takes_columns", received=type(columns).__name__)
    for field, said in columns.items():
        column = said if isinstance(said, Mapping) else _column(said)
        if isinstance(column, Mapping):
            if field not in chosen:
                raise InputError("io.error.columns_argument", argument=field,
                                 known=", ".join(sources))  # fmt: skip
            chosen[field] |= {str(name): _column(value) for name, value in column.items()}
            continue
        taken = [
            key
            for key, source in sources.items()
            if field in fields_of(ARGUMENTS[key]) and (not column or column in source.frame)
        ]
        if not taken:
            raise InputError(
                "io.error.columns_nowhere", field=field, column=column, known=", ".join(sources)
            )
        for key in taken:
            chosen[key].setdefault(field, column)
    return chosen


def _column(name: object) -> str:
    return "" if name is None else str(name)


def _warn(argument: str, report: ImportReport) -> None:
    """Say what an import would say beside its figures."""
    from gridmap.i18n import tr

    for reason, count in report.refused.items():
        told = tr("io.note.refused", reason=tr(f"cli.reason.{reason}"), count=count)
        warnings.warn(f"{argument}: {told}", ImportNote, stacklevel=_level())
    for note in report.warnings:
        warnings.warn(arguments_in(note.text()), ImportNote, stacklevel=_level())


def _level() -> int:
    """Return how far up the caller outside gridmap is, so that a warning names its line."""
    import sys

    frame: Any = sys._getframe(1)  # noqa: SLF001 - as warnings itself counts
    level = 1
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("gridmap"):
        frame, level = frame.f_back, level + 1
    return level
