"""From a file's rows to the features of a layer."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import InputError, PersonalDataError, some_ids
from gridmap.fields import Json, fields_of, fold, match_columns
from gridmap.i18n import tr
from gridmap.io._coordinates import (
    coordinates_of,
    point_crs,
    source_crs,
    swap_axes,
    without_exchanged,
)
from gridmap.io._encoding import Source
from gridmap.io._person_numbers import is_likely_name
from gridmap.io._personal import personal_columns, personal_reason
from gridmap.io._tables import known_names
from gridmap.io._values import as_flags, as_ids, as_numbers, as_speeds, as_texts
from gridmap.io.options import ImportOptions, Note
from gridmap.model import AREA_KINDS
from gridmap.model.crs import from_datum, reproject
from gridmap.typing import Floats

_LISTED = r"(?s)^(?:\[.*\]|\{.*\})$"
_SPEEDS = ("speed_kmh", "speed_mph")
_ROUNDED = r"^\s*\d(?:\.\d+)?[Ee]\+\d{1,2}\s*$"
_AREAS = {str(kind) for kind in AREA_KINDS}
_DIMENSION_OF = {**dict.fromkeys(_AREAS, 2), "room": 0, "facility": 0, "road": 1, "barrier": 1}


@dataclass
class Features:
    """The features of one file, in the file's CRS, and what was said about them."""

    frame: gpd.GeoDataFrame
    crs: CRS
    read: int
    mapped: dict[str, str]
    refused: dict[str, int] = field(default_factory=dict)
    refused_columns: tuple[str, ...] = ()
    notes: list[Note] = field(default_factory=list)
    columns: tuple[str, ...] = ()


def accepted(
    source: Source, kind: str, options: ImportOptions, where: str
) -> tuple[pd.DataFrame, dict[str, str], tuple[str, ...], list[Note]]:
    """Return what of a file may come in: no records of persons, and columns that are there.

    Returns
    -------
    frame
        The rows without columns that hold records of persons.
    mapped
        Field to column.
    persons
        The columns left out.
    notes
        What to tell of them, and of garbled ones.

    Raises
    ------
    PersonalDataError
        If the user maps a column with records of persons onto a field.
    InputError
        If the user maps a column that is not there.
    """
    frame = source.frame.rename(columns=_unnamed(source.frame))
    frame, persons, notes = _without_persons(frame, options, where)
    if isinstance(frame, gpd.GeoDataFrame):
        frame, lists = _without_lists(frame, set(options.columns.values()))
        if lists:
            told = {"file": where, "columns": some_ids(lists, 8)}
            notes = [*notes, Note("io.note.lists_dropped", told)]
    notes = [*source.notes, *notes]
    if source.garbled:
        names = "、".join(source.garbled[:5])
        notes = [*notes, Note("io.note.garbled", {"file": where, "columns": names})]
    columns = [str(name) for name in frame.columns if name != "geometry"]
    lost = sorted(set(options.columns.values()) - {"", *columns})
    chosen = options.columns
    if options.join:  # a column may be in the one file or in the other
        chosen = {field: name for field, name in chosen.items() if name not in lost}
    elif lost:
        raise InputError(
            "io.error.no_column", file=where, columns=some_ids(lost), known=some_ids(columns, 12)
        )
    return frame, match_columns(columns, kind, chosen), persons, notes


def _unnamed(frame: pd.DataFrame) -> dict[str, str]:
    """Return other names for headings that are records of persons, as a table without any has."""
    headless = known_names(list(frame.columns)) == 0
    return {
        name: tr("io.personal.column", number=number)
        for number, name in enumerate(map(str, frame.columns), 1)
        if personal_reason(name) or (headless and is_likely_name(name))
    }


def _without_persons(
    frame: pd.DataFrame, options: ImportOptions, where: str
) -> tuple[pd.DataFrame, tuple[str, ...], list[Note]]:
    personal = personal_columns(frame)
    wanted = sorted(set(options.columns.values()) & set(personal))
    if wanted:
        raise PersonalDataError("io.error.personal_mapped", file=where, columns=some_ids(wanted))
    if not personal:
        return frame, (), []
    note = Note("io.note.personal", {"file": where, "columns": "、".join(personal)})
    return frame.drop(columns=list(personal)), tuple(personal), [note]


def _without_lists(
    frame: gpd.GeoDataFrame, wanted: set[str]
) -> tuple[gpd.GeoDataFrame, list[str]]:
    """Leave out columns of lists and objects, as web maps carry beside their shapes."""
    found = []
    for name in frame.columns:
        values = frame[name]
        if str(name) in wanted or values.dtype.kind in "iufbMm" or values.dtype == "geometry":
            continue
        text = values.dropna().astype(str).str.strip()
        text = text[text != ""]
        if len(text) and text.str.match(_LISTED).all():
            found.append(str(name))
    return frame.drop(columns=found), found


def read_features(source: Source, kind: str, options: ImportOptions, where: str) -> Features:
    """Make the features of one layer kind out of a file's rows.

    Raises
    ------
    InputError
        If columns are missing or hold what they should not.
    CRSError
        If the CRS is not known.
    """
    frame, mapped, persons, notes = accepted(source, kind, options, where)
    if "id" not in options.columns:
        _prefer_telling_id(frame, mapped, kind)
    if isinstance(frame, gpd.GeoDataFrame):
        crs, more = source_crs(source, options, where)
        geometry = frame.geometry.to_numpy()
        geometry = swap_axes(geometry) if options.swapped else geometry
        bounds = shapely.bounds(geometry)
        turned, said = without_exchanged(
            (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2,
            crs, options, where,
        )  # fmt: skip
        geometry = np.array(geometry, dtype=object)
        geometry[turned] = None
        more = [*more, *said]
        geometry, said = _of_kind(geometry, kind)
        more = [*more, *said]
        mapped = {name: column for name, column in mapped.items() if name not in {"x", "y"}}
    else:
        if kind in _AREAS and {"x", "y"} <= set(match_columns(map(str, frame.columns), "room")):
            raise InputError("io.error.points_only", file=where, kind=tr(f"io.layer.{kind}"))
        geometry, crs, more = _points(frame, mapped, options, where)
    found = Features(
        gpd.GeoDataFrame(geometry=np.asarray(geometry, dtype=object), crs=crs),
        crs, len(frame), mapped, {}, persons, [*notes, *more],
        tuple(str(name) for name in frame.columns if name != "geometry"),
    )  # fmt: skip
    if "id" in mapped and (lost := _lost_digits(frame[mapped["id"]])):
        told: dict[str, Json] = {"file": where, "column": mapped["id"], "count": lost}
        found.notes.append(Note("io.note.ids_rounded", told))
    for name, values in table_columns(frame, mapped, kind, where).items():
        found.frame[name] = values
    _keep_others(found.frame, frame, mapped)
    _refuse_shapeless(found)
    _leave_out_others(found, kind, where)
    _shift_datum(found, options)
    return found


def _prefer_telling_id(frame: pd.DataFrame, mapped: dict[str, str], kind: str) -> None:
    """Replace an id column that is the same in every row, as drawing tools leave it."""
    if "id" not in mapped or len(frame) < 2 or len(frame[mapped["id"]].unique()) > 1:
        return
    folded = {fold(str(name)): str(name) for name in frame.columns}
    for alias in fields_of(kind)["id"].aliases:
        other = folded.get(fold(alias), "")
        if other and other not in mapped.values() and frame[other].is_unique:
            mapped["id"] = other
            return


def _lost_digits(values: pd.Series) -> int:
    """Return how many ids a spreadsheet has rounded, as ``3.30106E+14``."""
    if pd.api.types.is_numeric_dtype(values):
        return 0
    return int(values.dropna().astype(str).str.match(_ROUNDED).sum())


def _of_kind(geometry: NDArray[np.object_], kind: str) -> tuple[NDArray[np.object_], list[Note]]:
    """Return collections as what the kind is made of, without the lesser shapes in them.

    An overlay leaves points and lines beside areas; areas among points are no residue, and
    the layer refuses them.
    """
    collections = shapely.get_type_id(geometry) == shapely.GeometryType.GEOMETRYCOLLECTION
    if not collections.any():
        return geometry, []
    wanted = _DIMENSION_OF.get(kind, 2)
    made = np.array(geometry, dtype=object)
    more = 0
    for row in np.flatnonzero(collections):
        parts = _simple_parts(made[row])
        dimensions = shapely.get_dimensions(parts)
        kept = parts[dimensions == wanted]
        if len(kept) and dimensions.max() == wanted:
            more += len(kept) < len(parts)
            made[row] = _joined(kept, wanted)
    notes = [Note("io.note.collections", {"count": more})] if more else []
    return made, notes


def _simple_parts(shape: shapely.Geometry) -> NDArray[np.object_]:
    parts = np.array([shape], dtype=object)
    while (shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
        parts = shapely.get_parts(parts)
    return parts


def _joined(parts: NDArray[np.object_], dimension: int) -> shapely.Geometry:
    if len(parts) == 1:
        return parts[0]
    make = (shapely.multipoints, shapely.multilinestrings, shapely.multipolygons)[dimension]
    return make(parts)


def _points(
    frame: pd.DataFrame, mapped: dict[str, str], options: ImportOptions, where: str
) -> tuple[NDArray[np.object_], CRS, list[Note]]:
    found = coordinates_of(frame, mapped, options, where)
    x, y = found.x, found.y
    crs, notes = point_crs(found.columns, x, y, options, where)
    turned, said = without_exchanged(x, y, crs, options, where)
    notes = [*found.notes, *notes, *said]
    usable = np.isfinite(x) & np.isfinite(y) & ~turned
    geometry = np.full(len(x), None, dtype=object)
    geometry[usable] = shapely.points(x[usable], y[usable])
    return geometry, crs, notes


def table_columns(
    frame: pd.DataFrame, mapped: dict[str, str], kind: str, where: str
) -> dict[str, object]:
    """Return the fields of a kind that a table holds, each as what it is: ids, numbers, texts."""
    made: dict[str, object] = {}
    for name, spec in fields_of(kind).items():
        if name not in mapped or name in {"x", "y"}:
            continue
        values = frame[mapped[name]]
        if spec.content == "id":
            made[name] = as_ids(values)
        elif name in _SPEEDS:
            made.setdefault("speed_kmh", as_speeds(values, mph=name == "speed_mph"))
        elif spec.content in {"count", "number"}:
            made[name] = as_numbers(values, column=mapped[name], where=where, finite=True)
        elif spec.content == "flag":
            made[name] = as_flags(values)
        else:
            made[name] = as_texts(values).to_numpy(dtype=object)
    for name in ("beat", "community", "station", "room"):
        # 0 is how many tables write "none".
        if name in made:
            text = np.asarray(made[name], dtype=object)
            made[name] = np.where(text == "0", "", text).astype(object)
    return made


def _keep_others(made: gpd.GeoDataFrame, frame: pd.DataFrame, mapped: dict[str, str]) -> None:
    taken = {fold(name) for name in made.columns} | {"fid", "geometry", "id", "geom"}
    for column in frame.columns:
        if column == "geometry" or column in mapped.values() or fold(str(column)) in taken:
            continue
        values = frame[column]
        if values.dtype == "geometry":
            continue
        if not (pd.api.types.is_numeric_dtype(values) or values.dtype.kind in "bM"):
            numbers = pd.to_numeric(values.replace("", None), errors="coerce")
            whole = numbers.notna().to_numpy() | (values.isna() | (values == "")).to_numpy()
            # Columns of a table are text; a code with a leading zero must stay text.
            zeros = values.astype(str).str.match(r"^0\d").any()
            values = numbers if whole.all() and not zeros else as_texts(values)
        made[str(column)] = values.to_numpy()
        taken.add(fold(str(column)))


def _refuse_shapeless(found: Features) -> None:
    geometry = found.frame.geometry.to_numpy()
    missing = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    bounds = shapely.bounds(geometry)
    infinite = ~missing & ~np.isfinite(bounds).all(axis=1)
    for reason, rows in (("no_coordinates", missing), ("bad_coordinates", infinite)):
        if rows.any():
            found.refused[reason] = int(rows.sum())
    found.frame = found.frame[~(missing | infinite)].reset_index(drop=True)
    flat = found.frame.geometry.to_numpy()
    more = shapely.has_z(flat) | shapely.has_m(flat)
    if more.any():
        found.notes.append(Note("io.note.flattened", {"count": int(more.sum())}))
        found.frame = found.frame.set_geometry(
            gpd.GeoSeries(shapely.force_2d(flat), crs=found.crs)
        )


def _leave_out_others(found: Features, kind: str, where: str) -> None:
    """Leave out shapes that are not of the kind, as labels among areas; refuse nothing else.

    A file without a single shape of the kind is another layer, which `Layer` refuses.
    """
    dimensions = shapely.get_dimensions(found.frame.geometry.to_numpy())
    fits = dimensions == _DIMENSION_OF.get(kind, 2)
    if kind == "barrier":
        fits |= dimensions == 2  # a lake is one, as a river is
    if fits.all() or not fits.any():
        return
    counts = {name: int(((dimensions == d) & ~fits).sum())
              for d, name in enumerate(("points", "lines", "areas"))}  # fmt: skip
    found.refused["other_shape"] = int((~fits).sum())
    values: dict[str, Json] = {"file": where, "kind": tr(f"io.layer.{kind}"), **counts}
    found.notes.append(Note("io.note.other_shapes", values))
    found.frame = found.frame[fits].reset_index(drop=True)


def _shift_datum(found: Features, options: ImportOptions) -> None:
    if options.datum == "wgs84" or len(found.frame) == 0:
        return
    degrees = CRS.from_epsg(4326)
    geometry = reproject(found.frame.geometry.to_numpy(), found.crs, degrees)

    def move(points: Floats) -> Floats:
        return np.column_stack(from_datum(points[:, 0], points[:, 1], options.datum))

    shifted = shapely.transform(geometry, move)
    found.frame = found.frame.set_geometry(gpd.GeoSeries(shifted, crs=degrees)).set_crs(
        degrees, allow_override=True
    )
    found.crs = degrees
