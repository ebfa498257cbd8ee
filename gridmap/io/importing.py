"""Importing files into a workspace: read, map, refuse, report; store last, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, TypedDict, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import InputError, MissingError, PersonalDataError, some_ids
from gridmap.fields import Json, fold, match_columns
from gridmap.gdal.child import several_layers
from gridmap.gdal.guards import RASTERS
from gridmap.i18n import tr
from gridmap.io._coordinates import holds_places
from gridmap.io._crs_guess import grounds_for, layer_datum, named_areas, shifts_apply
from gridmap.io._features import (
    Features,
    accepted,
    append_incidents,
    append_layer,
    join_tables,
    raster_cells,
    read_features,
    refuse_person_rows,
)
from gridmap.io._incidents import read_incidents
from gridmap.io._personal import refuse_personal
from gridmap.io._sources import opened_files, read_source, read_sources
from gridmap.io._tables import Source
from gridmap.io._values import as_numbers
from gridmap.io.options import ImportOptions, ImportReport, Note, sources_of
from gridmap.io.remote import fetched, is_remote, without_password
from gridmap.io.workspace import RemoteSource, Workspace
from gridmap.model import AREA_KINDS, Incidents, Kind, Layer
from gridmap.model.crs import WGS84, choose_working_crs, crs_label, reproject
from gridmap.settings import read_settings
from gridmap.typing import Floats

_CODE = r"[\w.\-/]{1,40}"


@dataclass(frozen=True)
class GivenIds:
    """Ids without blanks or repeats, and which of them are not the file's own."""

    ids: NDArray[np.object_]
    repeated: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    notes: list[Note] = field(default_factory=list)


def unique_ids(frame: pd.DataFrame, where: str) -> GivenIds:
    """Return an id a row: blanks become ``row-N``, repeats get ``-1``, ``-2`` ...

    Parameters
    ----------
    frame
        Features; their ids stand in ``id`` if they have any.
    where
        What to call the file.
    """
    if "id" not in frame.columns:
        ids = np.array([str(row + 1) for row in range(len(frame))], dtype=object)
        values: dict[str, Json] = {"file": where, "count": len(frame)}
        if likely := some_ids(_likely_ids(frame)):
            note = Note("io.note.ids_made", values | {"columns": likely})
        else:
            note = Note("io.note.ids_numbered", values)
        return GivenIds(ids, notes=[note])
    ids = frame["id"].astype("object").fillna("").astype(str).to_numpy(dtype=object)
    notes: list[Note] = []
    blank = ids == ""
    taken = set(ids[~blank])
    ids = ids.copy()
    for row in np.flatnonzero(blank):
        ids[row] = _free(f"row-{row + 1}", taken)
    missing = tuple(ids[blank])
    if missing:
        notes.append(Note("io.note.ids_blank", {"file": where, "count": len(missing)}))
    series = pd.Series(ids)
    repeated = series.duplicated(keep=False).to_numpy()
    if not repeated.any():
        return GivenIds(ids, (), missing, notes)
    names = series[repeated].unique()
    values = {"file": where, "count": int(repeated.sum()), "ids": some_ids(names)}
    notes.append(Note("io.note.ids_repeated", values))
    number: dict[str, int] = {}
    for row in np.flatnonzero(repeated):
        name = str(series[row])
        number[name] = number.get(name, 0) + 1
        while f"{name}-{number[name]}" in taken:
            number[name] += 1
        ids[row] = f"{name}-{number[name]}"
        taken.add(str(ids[row]))
    return GivenIds(ids, tuple(ids[repeated]), missing, notes)


def _likely_ids(frame: pd.DataFrame) -> list[str]:
    """Return the columns that hold something else in each row, written as codes are."""
    found = []
    for name in frame.columns:
        values = frame[name]
        if values.dtype.kind in "fbMm" or values.dtype == "geometry" or values.isna().any():
            continue
        text = values.astype(str).str.strip()
        if text.is_unique and text.str.fullmatch(_CODE).all():
            found.append(str(name))
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "'"
    taken.add(name)
    return name


_ELSEWHERE_KM = 200.0  # no city is as wide
_NEAR_M = 5_000.0  # what lies so near a city is no mistake of coordinates

KINDS = (*(str(kind) for kind in Kind), "incidents")
TABLE = "table"
"""What `guess_kind` calls a table without places: it may be joined to a layer by its codes."""

# By the dimension of shapes: points are never areas. By default the first is assumed.
_KINDS_OF = {
    0: ("incidents", "room", "facility"),
    1: ("road", "barrier"),
    2: ("grid", "beat", "station", "community", "barrier"),
}
# What names of files are made of, folded; of several the one listed first.
_SIGNS = {
    "incidents": ("警情", "案件", "接处警", "crime", "incident", "calls"),
    "beat": ("警格", "警务区", "beat"),
    "grid": ("网格", "grid", "blockgroup", "block"),
    "room": ("警务室", "room", "policestation"),
    "station": ("派出所", "辖区", "station", "precinct", "district"),
    "facility": ("设施", "监控", "消防", "facility", "camera"),
    "road": ("道路", "路网", "street", "road", "centerline"),
    "barrier": ("河流", "铁路", "水系", "river", "rail", "barrier"),
    "community": ("社区", "村居", "community", "neighbo"),
}


def guess_kind(path: Path, *, layer: str = "", encoding: str = "", max_mb: float = 2048.0) -> str:
    """Return what a file seems to be: by its shapes first, then its name, then its columns.

    Parameters
    ----------
    path
        The file.
    layer, encoding, max_mb
        As in `ImportOptions`.

    Returns
    -------
    str
        One of `KINDS`, or `TABLE` for a table that has neither shapes nor coordinates.

    Raises
    ------
    GridmapError
        If it cannot be read.
    """
    with opened_files(path, max_mb=max_mb) as inside:
        options = ImportOptions(layer=layer)
        item, name = _layers(inside, options, path.name)[0]
        source = read_sources(item, layer=name, encoding=encoding)[0]
    frame = source.frame
    columns = [str(column) for column in frame.columns if column != "geometry"]
    if isinstance(frame, gpd.GeoDataFrame):
        shapes = frame.geometry.to_numpy()
        dimensions = shapely.get_dimensions(shapes[~shapely.is_missing(shapes)])
        counts = np.bincount(dimensions[dimensions >= 0], minlength=3)
        allowed = _KINDS_OF[int(np.argmax(counts))]
    elif {"x", "y"} <= set(match_columns(columns, "incidents")) or holds_places(frame):
        allowed = _KINDS_OF[0]
    else:
        _refuse_person_table(source, path.name)
        return TABLE
    called = fold(path.stem)
    for kind, signs in _SIGNS.items():
        if kind in allowed and any(fold(sign) in called for sign in signs):
            return kind
    fields = {kind: len(match_columns(columns, kind)) for kind in allowed}
    return max(allowed, key=lambda kind: fields[kind])


def _refuse_person_table(source: Source, where: str) -> None:
    """Refuse a table without places that holds records of persons and nothing of an area."""
    _, _, persons, _ = accepted(source, str(Kind.GRID), ImportOptions(), where)
    columns = [str(name) for name in source.frame.columns if name not in persons]
    told = {name for kind in AREA_KINDS for name in match_columns(columns, str(kind))}
    if told <= {"id"}:
        refuse_person_rows((), persons, TABLE, where)


def import_files(
    workspace: str | PathLike[str],
    files: Iterable[str | PathLike[str]],
    *,
    kind: str,
    options: ImportOptions | None = None,
) -> ImportReport:
    """Import files of one kind into a workspace; several files make one layer.

    Parameters
    ----------
    workspace
        Folder; it is made if it is not there yet.
    files
        Files or folders; what they may be is listed in `gridmap.io.opened_files`. Or one
        address of a server's table or layer (`gridmap.io.remote.fetched`), which the workspace
        then remembers as a source.
    kind
        One of `KINDS`.
    options
        CRS, datum, encoding, mapping, date formats.

    Returns
    -------
    ImportReport
        Rows seen equal rows stored plus rows refused.

    Raises
    ------
    GridmapError
        If a file cannot be used; the workspace is then as it was.
    """
    place = Workspace.at(Path(workspace))
    given = list(files)
    options = options or ImportOptions()
    remote = [str(one) for one in given if is_remote(one)]
    if not remote:
        found, report = read_files(place, given, kind=kind, options=options)
        _put(place, found, report)
        return report
    if len(given) > 1:
        raise InputError("io.error.source_alone")
    found, report = read_source_of(place, remote[0], kind=kind, options=options)
    _put(place, found, report)
    place.put_source(kind, _remembered(without_password(remote[0]), options))
    return report


def read_source_of(
    workspace: Workspace, address: str, *, kind: str, options: ImportOptions
) -> tuple[Layer | Incidents, ImportReport]:
    """Read what a server holds as `read_files` reads files.

    Raises
    ------
    GridmapError
        If it cannot be fetched or used; see `gridmap.io.remote.fetched`.
    """
    with fetched(address, layer=options.layer, max_mb=options.max_mb) as path:
        plain = replace(options, layer="", layers=())
        found, report = read_files(workspace, [path], kind=kind, options=plain)
    return found, replace(report, files=(without_password(address),))


def read_control(
    path: Path, crs: CRS, *, near: shapely.Geometry, weight: str = ""
) -> tuple[NDArray[np.object_], Floats | None, int]:
    """Read areas that say where people live, as files of an import are read; nothing is stored.

    Parameters
    ----------
    path
        Buildings or land use; or a raster of people, whose pixels weigh what they hold.
    crs
        The working CRS.
    near
        The city, in the working CRS: of a raster, its pixels are read.
    weight
        Column of their weights, zero or more; a blank cell is 0. None if blank.

    Returns
    -------
    shapes : (n,)
        Valid polygons in the working CRS.
    weights : (n,) or None
        Their weights.
    repaired
        How many polygons were invalid.

    Raises
    ------
    GridmapError
        If the file cannot be used, holds no areas, or has no such column, or a weight is
        negative.
    """
    refuse_personal({tr("io.personal.file"): path.name})
    options = ImportOptions(max_mb=read_settings().max_file_mb)
    if path.suffix.lower() in RASTERS:
        if weight:
            raise InputError("io.error.raster_weight", file=path.name)
        return *raster_cells(path, crs, near, options), 0
    with opened_files(path, max_mb=options.max_mb) as inside:
        source = read_source(inside[0])
    columns = [str(name) for name in source.frame.columns if name != "geometry"]
    if weight and weight not in columns:
        known = some_ids(columns, 12)
        raise InputError("io.error.no_column", file=path.name, columns=weight, known=known)
    found = read_features(source, "grid", options, path.name)
    shapes = reproject(found.frame.geometry.to_numpy(), found.crs, crs)
    if not len(shapes) or (shapely.get_dimensions(shapes) != 2).any():
        raise InputError("io.error.control_areas", file=path.name)
    weights = None
    if weight:
        field_of = {column: name for name, column in found.mapped.items()}
        cells = found.frame.get(field_of.get(weight, weight))
        if cells is None:
            raise PersonalDataError("io.error.personal_mapped", file=path.name, columns=weight)
        weights = np.nan_to_num(as_numbers(cells, column=weight, where=path.name, finite=True))
        if (weights < 0).any():
            raise InputError("io.error.control_weight", file=path.name, column=weight)
    bad = ~shapely.is_valid(shapes)
    shapes[bad] = shapely.make_valid(shapes[bad], method="structure", keep_collapsed=False)
    return shapes, weights, int(bad.sum())


class ChangesJson(TypedDict, total=False):
    """Features before and after a refresh; ids added and gone where they are known by id."""

    before: int
    after: int
    added: int
    gone: int


class ErrorJson(TypedDict):
    """Why something failed: a key, and a sentence in the current language."""

    key: str
    text: str


class SourceJson(ChangesJson, total=False):
    """One source: what changed, or why it stays as it was."""

    kind: str
    error: ErrorJson


class RefreshJson(TypedDict):
    """The JSON of ``gridmap refresh --json``: each source, counts left out where it failed."""

    sources: list[SourceJson]


def refresh_source(place: Workspace, kind: str) -> tuple[ImportReport, ChangesJson]:
    """Read the source of a kind again, and replace what is stored by what it holds now.

    Parameters
    ----------
    place
        A workspace whose ``gridmap.toml`` names the source.
    kind
        One of its ``sources``.

    Returns
    -------
    report
        What the import said.
    changes
        ``before``, ``after``, and, where there are ids, ``added`` and ``gone``.

    Raises
    ------
    GridmapError
        If the source cannot be read, or a column that was understood has gone; what is there
        stays.
    """
    entry = place.sources[kind]
    options = ImportOptions(
        layer=str(entry.get("layer", "")), crs=str(entry.get("crs", "")),
        datum=str(entry.get("datum", "wgs84")), encoding=str(entry.get("encoding", "")),
        columns=dict(entry.get("columns", {})), date_formats=tuple(entry.get("date_formats", ())),
        max_mb=read_settings().max_file_mb,
    )  # fmt: skip
    old = place.incidents if kind == "incidents" else _stored(place, kind)
    address = str(entry["address"])
    found, report = read_source_of(place, address, kind=kind, options=options)
    config = place.config
    layers = config.get("layers", {})
    known = config.get("incidents", {}) if kind == "incidents" else layers.get(kind, {})
    lost = sorted(set(known.get("mapped", {})) - set(report.mapped))
    if lost:
        columns = some_ids([known["mapped"][name] for name in lost])
        raise InputError("io.error.source_columns", address=address, columns=columns)
    changes: ChangesJson = {"before": 0 if old is None else len(old), "after": len(found)}
    if isinstance(old, Layer) and isinstance(found, Layer):
        changes["added"] = len(np.setdiff1d(found.ids, old.ids))
        changes["gone"] = len(np.setdiff1d(old.ids, found.ids))
    _put(place, found, report)
    return report, changes


def _stored(place: Workspace, kind: str) -> Layer | None:
    return place.layer(Kind(kind)) if Kind(kind) in place.kinds else None


def _remembered(address: str, options: ImportOptions) -> RemoteSource:
    """Return what ``gridmap.toml`` says of a source, to read it again: no password."""
    told: RemoteSource = {
        "address": address, "layer": options.layer, "crs": options.crs,
        "datum": "" if options.datum == "wgs84" else options.datum, "encoding": options.encoding,
        "columns": dict(options.columns), "date_formats": list(options.date_formats),
    }  # fmt: skip
    return cast("RemoteSource", {key: value for key, value in told.items() if value})


def _put(place: Workspace, found: Layer | Incidents, report: ImportReport) -> None:
    if isinstance(found, Incidents):
        place.put_incidents(found, report)
    else:
        place.put_layer(found, report)


def read_files(
    workspace: Workspace,
    files: Iterable[str | PathLike[str]],
    *,
    kind: str,
    options: ImportOptions | None = None,
) -> tuple[Layer | Incidents, ImportReport]:
    """Read files of one kind as `import_files` would store them, and store nothing.

    Parameters
    ----------
    workspace
        Where they would go: it says the working CRS, and where the city is.
    files, kind, options
        As of `import_files`.

    Returns
    -------
    tuple
        What `Workspace.put_layer` or `Workspace.put_incidents` takes, and the report.

    Raises
    ------
    GridmapError
        If a file cannot be used.
    """
    if kind not in KINDS:
        raise InputError("io.error.kind", received=kind, known=", ".join(KINDS))
    paths = [Path(item) for item in files]
    if not paths:
        raise InputError("io.error.no_files")
    for path in paths:
        refuse_personal({tr("io.personal.file"): path.name})
    options = options or ImportOptions()
    options.check(kind)
    lost = [str(path) for path in paths if not path.exists()]
    if lost:
        raise MissingError("io.error.no_file", file=lost[0])
    there = _already_there(workspace, kind, options)
    known = _reference(workspace)
    if known is not None:
        options = replace(options, near=bounds_in_degrees(known))
    where = ", ".join(path.name for path in paths)
    if kind == "incidents":
        incidents, report = read_incidents(paths, workspace.working_crs, options)
        batch = incidents.all
        _refuse_elsewhere((batch.x, batch.y), workspace, options, where)
        report = _with_far_note(report, (batch.x, batch.y, batch.x, batch.y), known, where)
        report = _with_datum_note(report, batch.x, batch.y, workspace, options, where)
        report = replace(report, working_crs=crs_label(incidents.crs))
        old = workspace.incidents if there and options.upon == "append" else None
        if old is not None:
            incidents, report = append_incidents(old, incidents, report)
        return incidents, _upon(report, there, options)
    layer, report = read_layer(paths, kind=Kind(kind), options=options, crs=workspace.working_crs)
    if options.join:
        layer, report = join_tables(layer, report, options.join, options)
    report = _with_far_note(report, tuple(shapely.bounds(layer.geometry).T), known, where)
    xy = shapely.get_coordinates(layer.geometry)
    _refuse_elsewhere((xy[:, 0], xy[:, 1]), workspace, options, where)
    report = _with_datum_note(
        report, xy[:, 0], xy[:, 1], workspace, options, where, named_areas(layer.frame)
    )
    if there and options.upon == "append":
        layer, report = append_layer(workspace.layer(Kind(kind)), layer, report)
    return layer, _upon(report, there, options)


def _already_there(workspace: Workspace, kind: str, options: ImportOptions) -> Mapping[str, Any]:
    """Return what the workspace remembers of a kind; raise if the user must choose first."""
    config = workspace.config
    layers = config.get("layers", {})
    there = config.get("incidents") if kind == "incidents" else layers.get(kind)
    if there and options.upon == "ask":
        raise InputError("io.error.already_there", **_named(kind, there))
    return there or {}


def _named(kind: str, there: Mapping[str, Any]) -> dict[str, Json]:
    files = some_ids(sources_of(there), 3)
    return {"kind": tr(f"io.layer.{kind}"), "count": int(there.get("count", 0)), "files": files}


def _upon(report: ImportReport, there: Mapping[str, Any], options: ImportOptions) -> ImportReport:
    """Return the report with what stood there before."""
    if not there:
        return report
    if options.upon == "append":
        return replace(report, before=there)
    note = Note("io.note.replaced", _named(report.kind, there))
    return replace(report, warnings=(*report.warnings, note))


def _refuse_elsewhere(
    xy: tuple[Floats, Floats], workspace: Workspace, options: ImportOptions, where: str
) -> None:
    """Refuse what lies wholly in another part of the world than the layers that are there."""
    kinds = [kind for kind in (*AREA_KINDS, *workspace.kinds) if kind in workspace.kinds]
    if options.anyway or not kinds or len(xy[0]) == 0:
        return
    layer = workspace.layer(kinds[0])
    west, south, east, north = shapely.total_bounds(layer.geometry)
    x_away = np.maximum(np.maximum(west - xy[0], xy[0] - east), 0.0)
    y_away = np.maximum(np.maximum(south - xy[1], xy[1] - north), 0.0)
    nearest_km = float(np.hypot(x_away, y_away).min()) / 1000
    if nearest_km > _ELSEWHERE_KM:
        raise InputError(
            "io.error.elsewhere", file=where, km=nearest_km, kind=tr(f"io.layer.{kinds[0]}")
        )


def _reference(place: Workspace) -> Layer | None:
    """Return the layer that says best where the city is."""
    kinds = [kind for kind in AREA_KINDS if kind in place.kinds]
    return place.layer(kinds[0]) if kinds else None


def bounds_in_degrees(layer: Layer) -> tuple[float, float, float, float]:
    """Return west, south, east and north of a layer in degrees, WGS 84."""
    around = shapely.box(*shapely.total_bounds(layer.geometry))
    # Its sides bend on the way to degrees: they are drawn in pieces.
    around = shapely.segmentize(around, max(shapely.length(around) / 100, 1.0))
    outline = reproject(np.array([around]), layer.crs, WGS84)
    west, south, east, north = (float(value) for value in shapely.total_bounds(outline))
    return west, south, east, north


def _with_far_note(
    report: ImportReport, bounds: tuple[Floats, ...], known: Layer | None, where: str
) -> ImportReport:
    """Return the report with a remark on features farther off than the city is large."""
    if known is None:
        return report
    west, south, east, north = shapely.total_bounds(known.geometry)
    x_away = np.maximum(np.maximum(west - bounds[2], bounds[0] - east), 0.0)
    y_away = np.maximum(np.maximum(south - bounds[3], bounds[1] - north), 0.0)
    away_m = np.hypot(x_away, y_away)
    far = away_m > max(east - west, north - south, _NEAR_M)
    if not far.any():
        return report
    values: dict[str, Json] = {
        "file": where,
        "count": int(far.sum()),
        "km": float(away_m.max()) / 1000,
    }
    return replace(report, warnings=(*report.warnings, Note("io.note.far_away", values)))


def _with_datum_note(
    report: ImportReport,
    x: Floats,
    y: Floats,
    workspace: Workspace,
    options: ImportOptions,
    where: str,
    named: Mapping[Kind, NDArray[np.object_]] | None = None,
) -> ImportReport:
    if options.datum != "wgs84" or not shifts_apply(x, y, workspace.working_crs):
        return report
    kinds = grounds_for(report.kind, workspace.kinds, named or {})
    grounds = {kind: workspace.layer(kind) for kind in kinds}
    fit = layer_datum(report.kind, x, y, grounds, named)
    return report if fit is None else replace(report, warnings=(*report.warnings, fit.note(where)))


def read_layer(
    paths: Iterable[Path], *, kind: Kind, options: ImportOptions, crs: CRS | None = None
) -> tuple[Layer, ImportReport]:
    """Read files into one layer in the working CRS, storing nothing.

    Parameters
    ----------
    paths
        Files of one kind.
    kind
        The layer's kind.
    options
        CRS, datum, encoding, mapping.
    crs
        The working CRS; chosen from the features if None.

    Raises
    ------
    GridmapError
        If a file cannot be used.
    """
    parts: list[Features] = []
    encodings: list[str] = []
    names: list[str] = []
    for path in paths:
        with opened_files(path, max_mb=options.max_mb) as inside:
            for item, layer in _layers(inside, options, path.name):
                for source in read_sources(
                    item, layer=layer, encoding=options.encoding, kind=str(kind)
                ):
                    parts.append(read_features(source, str(kind), options, item.name))
                    encodings.append(source.encoding.text())
        names.append(path.name)
    return layer_of_features(parts, names, encodings, kind=kind, crs=crs)


def layer_of_features(
    parts: Sequence[Features],
    names: Sequence[str],
    encodings: Iterable[str],
    *,
    kind: Kind,
    crs: CRS | None = None,
) -> tuple[Layer, ImportReport]:
    """Make one layer in the working CRS out of the features of files or frames.

    Parameters
    ----------
    parts
        The features of each.
    names
        What each is called.
    encodings
        How their texts were decoded.
    kind
        The layer's kind.
    crs
        The working CRS; chosen from the features if None.

    Raises
    ------
    GridmapError
        If there are none, or they cannot be brought into the working CRS.
    """
    where = ", ".join(names)
    if all(len(part.frame) == 0 for part in parts):
        raise InputError("io.error.empty_layer", file=where)
    first = next(part for part in parts if len(part.frame))
    working = crs or choose_working_crs(first.frame.geometry.to_numpy(), first.crs)
    frame = pd.concat([_in_crs(part, working) for part in parts], ignore_index=True)
    notes = [note for part in parts for note in part.notes]
    given = unique_ids(frame, where)
    frame["id"] = given.ids
    notes += given.notes
    frame = gpd.GeoDataFrame(frame, geometry="geometry", crs=working)
    notes += _shape_notes(frame, kind)
    refused: dict[str, int] = {}
    for part in parts:
        for reason, count in part.refused.items():
            refused[reason] = refused.get(reason, 0) + count
    mapped = {name: column for part in parts for name, column in part.mapped.items()}
    persons = tuple(dict.fromkeys(c for part in parts for c in part.refused_columns))
    report = ImportReport(
        kind=str(kind), read=sum(part.read for part in parts), features=len(frame),
        crs=crs_label(first.crs), working_crs=crs_label(working), refused=refused, mapped=mapped,
        warnings=tuple(notes), encoding="; ".join(dict.fromkeys(encodings)),
        refused_columns=persons, files=tuple(names), ids_repeated=given.repeated,
        ids_missing=given.missing,
        columns=tuple(dict.fromkeys(name for part in parts for name in part.columns)),
    )  # fmt: skip
    return Layer(kind, frame, {"files": list(names), "crs": report.crs}), report


def _layers(inside: list[Path], options: ImportOptions, where: str) -> list[tuple[Path, str]]:
    """Return files and layers in them to read; of several files in a zip, a layer names one."""
    if len(inside) == 1:
        return [(inside[0], layer) for layer in options.chosen_layers]
    if options.layer == "all":
        return [(item, "") for item in inside]
    named = [(item, "") for item in inside if {item.stem, item.name} & {*options.chosen_layers}]
    if named:
        return named
    raise several_layers(where, [item.stem for item in inside])


def _in_crs(part: Features, working: CRS) -> pd.DataFrame:
    geometry = reproject(part.frame.geometry.to_numpy(), part.crs, working)
    finite = np.isfinite(shapely.bounds(geometry)).all(axis=1)
    if not finite.all():
        raise InputError(
            "io.error.off_earth",
            crs=crs_label(part.crs),
            count=int((~finite).sum()),
            rows=some_ids(np.flatnonzero(~finite) + 1),
        )
    frame = pd.DataFrame(part.frame.drop(columns="geometry"))
    frame["geometry"] = gpd.GeoSeries(geometry, crs=working)
    return frame


def _shape_notes(frame: gpd.GeoDataFrame, kind: Kind) -> list[Note]:
    invalid = ~shapely.is_valid(frame.geometry.to_numpy())
    notes = []
    if invalid.any():
        values: dict[str, Json] = {
            "count": int(invalid.sum()),
            "ids": some_ids(frame["id"][invalid]),
        }
        notes.append(Note("io.note.invalid", values))
    if kind is Kind.GRID and "residents" not in frame.columns:
        notes.append(Note("io.note.no_residents"))
    return notes
