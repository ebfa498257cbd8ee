"""Frames in and out: a city of GeoDataFrames, by the rules of an import."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from pyproj import CRS

from gridmap.errors import GridmapError, InputError
from gridmap.errors import in_python as arguments_in
from gridmap.fields import fields_of
from gridmap.io._encoding import Encoding
from gridmap.io._features import read_features
from gridmap.io._incidents import incidents_of
from gridmap.io._raw import Source
from gridmap.io.importing import layer_of_features
from gridmap.io.options import ImportOptions, ImportReport
from gridmap.io.workspace import Workspace
from gridmap.model import City, Incidents, Kind, Layer
from gridmap.model.crs import parse_crs, reproject

__all__ = ["ImportNote", "city_from_frames", "save_city"]

#: Argument to kind, in the order in which they are read: the first says where the city is.
ARGUMENTS = {
    "grids": "grid",
    "beats": "beat",
    "stations": "station",
    "communities": "community",
    "rooms": "room",
    "facilities": "facility",
    "roads": "road",
    "barriers": "barrier",
    "incidents": "incidents",
}


class ImportNote(UserWarning):
    """What somebody should know about a frame that came in."""


def city_from_frames(
    frames: Mapping[str, pd.DataFrame | None],
    *,
    columns: Mapping[str, str | Mapping[str, str]],
    name: str,
    crs: object,
    working_crs: object,
    datum: str,
    date_formats: tuple[str, ...],
) -> City:
    """Return the city of some frames; see `gridmap.model.City.from_frames`.

    Raises
    ------
    GridmapError
        If a frame cannot be used as it is; the message names the argument.
    """
    try:
        return _city(
            {key: frame for key, frame in frames.items() if frame is not None},
            columns,
            name,
            _as_crs(crs),
            _as_crs(working_crs),
            ImportOptions(datum=datum, date_formats=date_formats),
        )
    except GridmapError as error:
        error.for_python = True
        raise


def _city(
    frames: Mapping[str, pd.DataFrame | None],
    columns: Mapping[str, str | Mapping[str, str]],
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
    for key, source in sources.items():
        kind = ARGUMENTS[key]
        said = replace(
            options,
            columns=chosen[key],
            crs=crs.to_string() if crs is not None and source.crs is None else "",
        )
        said.check(kind)
        if kind == "incidents":
            incidents, report = incidents_of([(source, key, said)], [key], working)
            working = incidents.crs
        else:
            features = read_features(source, kind, said, key)
            layer, report = layer_of_features(
                [features], [key], [source.encoding.text()], kind=Kind(kind), crs=working
            )
            layer = Layer(layer.kind, layer.frame, {**layer.provenance, **report.provenance()})
            layers[layer.kind] = layer
            working = layer.crs
            if options.near is None:
                options = replace(options, near=_bounds(layer))
        _warn(key, report)
    assert working is not None  # noqa: S101 - the first frame has chosen one
    return City(name, working, layers, incidents)


def save_city(city: City, folder: str, *, replace_it: bool) -> None:
    """Write a city as a workspace; see `gridmap.model.City.save`.

    Raises
    ------
    WorkspaceError
        If there is a workspace already and it is not to be replaced, or the folder cannot be
        written.
    """
    from gridmap.errors import WorkspaceError

    place = Workspace.at(folder)
    if place.exists and not replace_it:
        raise WorkspaceError("io.error.saved_already", path=folder)
    place.put_city(city)


def _as_crs(value: object) -> CRS | None:
    if value is None or value == "":
        return None
    return parse_crs(value) if isinstance(value, str) else CRS.from_user_input(value)


def _source(frame: object, name: str) -> Source:
    """Return a frame as the reading of files has it: its index is a column if it has a name."""
    if isinstance(frame, gpd.GeoSeries):
        frame = frame.to_frame("geometry")
    if not isinstance(frame, pd.DataFrame):
        raise InputError("io.error.not_a_frame", argument=name, received=type(frame).__name__)
    made = frame.reset_index() if frame.index.name else frame.reset_index(drop=True)
    made.columns = [str(column) for column in made.columns]
    encoding = Encoding("utf-8", "default")
    if not isinstance(made, gpd.GeoDataFrame):
        return Source(made, None, encoding, "frame")
    if made.geometry.name != "geometry":
        made = made.drop(columns="geometry", errors="ignore").rename_geometry("geometry")
    # Further geometry columns, as overlays leave them, are no figures.
    others = [c for c in made.columns if c != "geometry" and made[c].dtype == "geometry"]
    made = made.drop(columns=others)
    stated = None if made.crs is None else CRS(made.crs)
    return Source(made, stated, encoding, "frame")


def _columns_of(
    columns: Mapping[str, str | Mapping[str, str]], sources: Mapping[str, Source]
) -> dict[str, dict[str, str]]:
    """Return each frame's own choice of columns: one for all, or one for an argument.

    ``{"residents": "pop"}`` holds for every frame that has the column and whose kind has the
    field; ``{"beats": {"id": "code"}}`` for that frame alone.
    """
    chosen: dict[str, dict[str, str]] = {key: {} for key in sources}
    for field, column in columns.items():
        if isinstance(column, Mapping):
            if field not in chosen:
                raise InputError("io.error.columns_argument", argument=field,
                                 known=", ".join(sources))  # fmt: skip
            chosen[field] |= {str(name): str(value) for name, value in column.items()}
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


def _bounds(layer: Layer) -> tuple[float, float, float, float]:
    shapes = reproject(layer.geometry, layer.crs, CRS.from_epsg(4326))
    west, south, east, north = (float(value) for value in shapely.total_bounds(shapes))
    return west, south, east, north


def _warn(argument: str, report: ImportReport) -> None:
    """Say what an import would say beside its figures."""
    from gridmap.i18n import tr

    for reason, count in report.refused.items():
        told = tr("io.note.refused", reason=tr(f"cli.reason.{reason}"), count=count)
        warnings.warn(f"{argument}: {told}", ImportNote, stacklevel=_level())
    for note in report.warnings:
        warnings.warn(arguments_in(note.text()), ImportNote, stacklevel=_level())


def _level() -> int:
    """Return how far up the caller outside gridmap stands, so that a warning names its line."""
    import sys

    frame: Any = sys._getframe(1)  # noqa: SLF001 - as warnings itself counts
    level = 1
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("gridmap"):
        frame, level = frame.f_back, level + 1
    return level
