"""Turn a file's rows into the features of a layer, or add them to existing ones.

Tables are joined by code, and imports are appended to earlier ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import CRSError, InputError, PersonalDataError, some_ids
from gridmap.fields import Json, fields_of, fold, match_columns
from gridmap.gdal.guards import RASTERS
from gridmap.gdal.reading import read_raster
from gridmap.i18n import tr
from gridmap.io._coordinates import (
    coordinates_of,
    point_crs,
    source_crs,
    swap_axes,
    without_exchanged,
)
from gridmap.io._person_numbers import is_likely_name
from gridmap.io._personal import personal_columns, personal_reason
from gridmap.io._sources import check_size, opened_files, read_source
from gridmap.io._tables import Source, known_names
from gridmap.io._values import as_flags, as_ids, as_numbers, as_speeds, as_texts
from gridmap.io.options import ImportOptions, ImportReport, Note
from gridmap.model import AREA_KINDS, IncidentBatch, Incidents, Layer
from gridmap.model.crs import WGS84, from_datum, parse_crs, reproject, reproject_points
from gridmap.typing import Floats, Ints

_LISTED = r"(?s)^(?:\[.*\]|\{.*\})$"
_SPEEDS = ("speed_kmh", "speed_mph")
_ROUNDED = r"^\s*\d(?:\.\d+)?[Ee]\+\d{1,2}\s*$"
_AREAS = {str(kind) for kind in AREA_KINDS}
_PLACED = {"room", "facility", "incidents", "table"}
_OFFICE_CONTACT = re.compile(
    r"^(?:办公|联系|值班|咨询|报警)?(?:电话|传真|邮箱|邮编)(?:号码)?$|^(?:office_?)?(?:tele)?(?:phone|fax|e_?mail)$",
    re.IGNORECASE,
)
_COMMON = {"id", "x", "y", "beat", "community", "station"}
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
        Notes on them, and on garbled ones.

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


def refuse_person_rows(
    mapped: Collection[str], persons: Collection[str], kind: str, where: str
) -> None:
    """Refuse a table with one row per person: records of persons, and no column of the kind's own.

    What a person has too does not count: an id, a place, and the area that holds it. A room or
    a facility is an office, which has a telephone and a postal address of its own.

    Raises
    ------
    PersonalDataError
        If columns were left out and none of the others says what a row is.
    """
    office = kind in {"room", "facility"}
    told = [name for name in persons if not (office and _OFFICE_CONTACT.search(name))]
    if told and kind in _PLACED and _COMMON.issuperset(mapped):
        raise PersonalDataError("io.error.person_rows", file=where, columns=some_ids(persons, 8))


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
    refuse_person_rows(mapped, persons, kind, where)
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
    """Return the fields of a kind that a table holds, each of its type: ids, numbers, texts."""
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
    geometry = reproject(found.frame.geometry.to_numpy(), found.crs, WGS84)

    def move(points: Floats) -> Floats:
        return np.column_stack(from_datum(points[:, 0], points[:, 1], options.datum))

    shifted = shapely.transform(geometry, move)
    found.frame = found.frame.set_geometry(gpd.GeoSeries(shifted, crs=WGS84)).set_crs(
        WGS84, allow_override=True
    )
    found.crs = WGS84


_MOST_CELLS = 2_000_000
_LEAST = 0.5  # share of a column's codes that are ids of the layer


def join_tables(
    layer: Layer, report: ImportReport, paths: Iterable[Path], options: ImportOptions
) -> tuple[Layer, ImportReport]:
    """Return a layer with the columns of tables whose codes are its ids.

    Leading zeros and blanks are forgiven where codes stay apart without them. Codes without a
    feature, features without a code, and codes that occur several times (the first row counts)
    are reported. Points with counts but no such codes are summed by the area that they lie in.

    Parameters
    ----------
    layer
        The layer; its own columns stay where they hold anything.
    report
        What its import said.
    paths
        Workbooks or tables of text.
    options
        ``on`` names the column of codes; else it is the one whose values are the layer's ids.

    Raises
    ------
    InputError
        If no column holds the layer's ids.
    PersonalDataError
        If a column that the user chose holds records of persons.
    """
    frame = layer.frame.copy()
    notes, mapped = list(report.warnings), dict(report.mapped)
    persons, files = list(report.refused_columns), list(report.files)
    columns = {*report.columns}
    for path in paths:
        if path.suffix.lower() in RASTERS:
            files.append(path.name)
            name, (frame[name], note) = "residents", _raster_sums(layer, path, options)
            mapped[name] = path.name
            notes.append(note)
            continue
        with opened_files(path, max_mb=options.max_mb) as inside:
            source = read_source(inside[0], encoding=options.encoding)
        kind = str(layer.kind)
        table, found, refused, said = accepted(source, kind, options, path.name)
        columns |= {str(name) for name in table.columns}
        persons += refused
        files.append(path.name)
        notes += said
        try:
            column, rows, more = _matched(layer, table, options.on, path.name)
        except InputError:
            summed = _summed(layer, replace(source, frame=table), found, options, path.name)
            if summed is None:
                raise
            sums, note = summed
            notes.append(note)
            for name, total in sums.items():
                frame[name] = total
                mapped[name] = found[name]
            continue
        notes += more
        wanted = {
            name: other for name, other in found.items()
            if other != column and name not in {"id", "x", "y"}
        }  # fmt: skip
        for name, cells in table_columns(table, wanted, kind, path.name).items():
            frame[name] = _taken(frame.get(name), pd.Series(cells), rows, name, kind)
            mapped[name] = wanted.get(name, name)
    if lost := sorted(set(options.columns.values()) - {"", *columns}):
        where, known = ", ".join(files), some_ids(sorted(columns), 12)
        raise InputError("io.error.no_column", file=where, columns=some_ids(lost), known=known)
    if "residents" in frame:
        notes = [note for note in notes if note.key != "io.note.no_residents"]
    made = gpd.GeoDataFrame(frame, geometry="geometry", crs=layer.crs)
    report = replace(
        report, warnings=tuple(notes), mapped=mapped, files=tuple(files),
        refused_columns=tuple(dict.fromkeys(persons)),
    )  # fmt: skip
    return Layer(layer.kind, made, {**layer.provenance, "files": files}), report


def _summed(
    layer: Layer, source: Source, found: Mapping[str, str], options: ImportOptions, where: str
) -> tuple[dict[str, Floats], Note] | None:
    """Return counts of points summed by the area that they lie in; None where it has none.

    A point on a common border counts for the first of the areas. Points in no area are reported:
    the sums and the rest are what the file holds.
    """
    kind, table = str(layer.kind), source.frame
    counted = {
        name: column for name, column in found.items()
        if fields_of(kind)[name].content == "count"
    }  # fmt: skip
    try:
        if not counted or layer.kind not in AREA_KINDS:
            return None
        plain = replace(options, crs="", columns={}, join=())
        if isinstance(table, gpd.GeoDataFrame):
            crs, _ = source_crs(source, plain, where)
            points = shapely.centroid(table.geometry.to_numpy())
            x, y = shapely.get_x(points), shapely.get_y(points)
        else:
            places = match_columns(map(str, table.columns), "room")
            said = coordinates_of(table, places, plain, where)
            crs, _ = point_crs(said.columns, said.x, said.y, plain, where)
            x, y = said.x, said.y
    except InputError:
        return None
    x, y = reproject_points(x, y, crs, layer.crs)
    points = shapely.points(x, y)
    at, row = shapely.STRtree(layer.geometry).query(points, predicate="intersects")
    order = np.lexsort((row, at))
    at, first = np.unique(at[order], return_index=True)
    row = row[order][first]
    sums: dict[str, Floats] = {}
    lost, total = 0.0, 0.0
    for name, cells in table_columns(table, counted, kind, where).items():
        values = np.nan_to_num(np.asarray(cells, dtype=float))
        summed = np.bincount(row, weights=values[at], minlength=len(layer))
        sums[name] = summed.astype(np.float64)
        total += float(values.sum())
        lost += float(values.sum() - values[at].sum())
    told: dict[str, Json] = {
        "file": where, "columns": some_ids(counted.values()), "count": len(at),
        "outside": len(points) - len(at), "total": total, "lost": lost,
    }  # fmt: skip
    return sums, Note("io.note.summed", told)


def _raster_sums(layer: Layer, path: Path, options: ImportOptions) -> tuple[Floats, Note]:
    """Return people of a raster summed by area; a pixel that is cut is divided by area."""
    near = shapely.box(*shapely.total_bounds(layer.geometry))
    shapes, values = raster_cells(path, layer.crs, near, options)
    tree = shapely.STRtree(layer.geometry)
    pixel, row = tree.query(shapes, predicate="within")
    share = np.ones(len(pixel))
    cut = np.setdiff1d(np.arange(len(shapes)), pixel)
    at, cut_row = tree.query(shapes[cut], predicate="intersects")
    parts = shapely.area(shapely.intersection(shapes[cut][at], layer.geometry[cut_row]))
    pixel, row = np.concatenate([pixel, cut[at]]), np.concatenate([row, cut_row])
    share = np.concatenate([share, parts / shapely.area(shapes[cut][at])])
    # Where areas overlap, no pixel counts for more than it holds.
    share /= np.maximum(np.bincount(pixel, weights=share, minlength=len(shapes)), 1.0)[pixel]
    sums = np.zeros(len(layer))
    np.add.at(sums, row, share * values[pixel])
    told: dict[str, Json] = {
        "file": path.name, "count": len(shapes), "total": float(sums.sum()),
        "lost": float(values.sum() - sums.sum()),
    }  # fmt: skip
    return sums, Note("io.note.raster_summed", told)


def raster_cells(
    path: Path, crs: CRS, near: shapely.Geometry, options: ImportOptions
) -> tuple[npt.NDArray[np.object_], Floats]:
    """Return the pixels of a raster of people that hold any, near a place.

    Parameters
    ----------
    path
        A GeoTIFF of one band: people a pixel.
    crs
        The working CRS.
    near
        The place, in the working CRS; pixels that its bounds touch are returned.
    options
        ``crs`` is used where the file states none.

    Returns
    -------
    shapes : (n,)
        The pixels as quadrangles in the working CRS.
    values : (n,)
        People of each, more than zero.

    Raises
    ------
    GridmapError
        If the file cannot be used, states no CRS, or has nobody near the place.
    """
    check_size(path, options.max_mb)
    raster = read_raster(path)
    stated = raster.crs or options.crs_name
    if not stated:
        raise CRSError("io.error.raster_crs", file=path.name)
    own = parse_crs(stated)
    outline = shapely.segmentize(near, max(shapely.length(near) / 100, 1.0))
    west, south, east, north = shapely.total_bounds(reproject(np.array([outline]), crs, own))
    if not np.isfinite([west, south, east, north]).all():
        raise InputError("io.error.raster_elsewhere", file=path.name)
    rows, columns = raster.values.shape
    width_x, width_y = raster.step_x, raster.step_y
    ends = np.array([
        [np.floor((west - raster.west) / width_x), np.ceil((east - raster.west) / width_x)],
        [np.floor((raster.north - north) / width_y), np.ceil((raster.north - south) / width_y)],
    ])  # fmt: skip
    (left, right), (top, bottom) = np.clip(ends, 0, [[columns], [rows]]).astype(int)
    window = raster.values[top:bottom, left:right]
    row, column = np.nonzero(window)
    if len(row) == 0:
        raise InputError("io.error.raster_elsewhere", file=path.name)
    if len(row) > _MOST_CELLS:
        raise InputError("io.error.raster_fine", file=path.name, count=len(row), most=_MOST_CELLS)
    x = raster.west + (column + left) * width_x
    y = raster.north - (row + top) * width_y
    squares = shapely.box(x, y - width_y, x + width_x, y)
    return reproject(squares, own, crs), window[row, column].astype(np.float64)


def _taken(old: pd.Series | None, cells: pd.Series, rows: Ints, name: str, kind: str) -> pd.Series:
    """Return each feature's cell of the table; where it has none, what the layer holds."""
    blank = "" if fields_of(kind)[name].content in {"id", "text"} else np.nan
    taken = cells.reindex(rows).reset_index(drop=True)
    if old is not None:
        taken = taken.where(taken.notna() & (taken != ""), old.reset_index(drop=True))
    return taken if isinstance(blank, float) else taken.fillna(blank)


def _matched(
    layer: Layer, table: pd.DataFrame, on: str, where: str
) -> tuple[str, Ints, list[Note]]:
    """Return the column of codes, and each feature's row of the table, -1 for none."""
    names = [str(name) for name in table.columns]
    if on and on not in names:
        raise InputError("io.error.no_column", file=where, columns=on, known=some_ids(names, 12))
    ids = _plain_codes(layer.ids)
    best, share, codes = "", 0.0, np.array([], dtype=object)
    for name in [on] if on else names:
        these = _plain_codes(as_ids(table[name]))
        filled = these[these != ""]
        if len(filled) == 0:
            continue
        hits = float(np.isin(filled, ids).mean())
        # Of columns that fit alike the first is the code.
        if hits > share:
            best, share, codes = name, hits, these
    if not best or (share < _LEAST and not on):
        raise InputError("io.error.no_join", file=where, columns=some_ids(names, 12))
    first = pd.Series(np.arange(len(codes)), index=codes)
    first = first[first.index != ""]
    repeated = first.index[first.index.duplicated()].unique()
    first = first[~first.index.duplicated()]
    rows = first.reindex(ids).fillna(-1).to_numpy().astype(np.int64)
    told: dict[str, Json] = {
        "file": where, "column": best, "count": int((rows >= 0).sum()),
        "features": int((rows < 0).sum()), "codes": int((~first.index.isin(ids)).sum()),
    }  # fmt: skip
    notes = [Note("io.note.joined", told)]
    if len(repeated):
        told = {"file": where, "column": best, "count": len(repeated), "ids": some_ids(repeated)}
        notes.append(Note("io.note.join_repeated", told))
    if (rows < 0).any():
        notes.append(Note("io.note.join_missing", {"ids": some_ids(layer.ids[rows < 0])}))
    return best, rows, notes


def _plain_codes(codes: Iterable[object]) -> npt.NDArray[np.object_]:
    """Return codes without blanks and case; without leading zeros too, if they stay apart."""
    plain = [
        re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(code))).casefold() for code in codes
    ]
    short = [code.lstrip("0") or code[-1:] for code in plain]
    apart = len(set(short)) == len(set(plain))
    return np.array(short if apart else plain, dtype=object)


def append_layer(old: Layer, new: Layer, report: ImportReport) -> tuple[Layer, ImportReport]:
    """Return the old features and the new ones; an id that is there already is left out."""
    there = np.isin(new.ids, old.ids)
    frame = pd.concat([old.frame, new.frame[~there]], ignore_index=True)
    made = gpd.GeoDataFrame(frame, geometry="geometry", crs=old.crs)
    return Layer(new.kind, made, new.provenance), _appended(report, int(there.sum()), len(old))


def append_incidents(
    old: Incidents, new: Incidents, report: ImportReport
) -> tuple[Incidents, ImportReport]:
    """Return the old incidents and the new ones, without repeats.

    A new incident repeats an old one if both have the same case number. Where one of the two has
    none, they have to be equal in time, category and place, to the decimetre; where one of these
    was not read, or a time is a month only, nothing is reported.
    """
    names = tuple(sorted({*old.categories, *new.categories}))
    tables = [_table(item, names) for item in (old, new)]
    keys = [
        pd.MultiIndex.from_arrays(
            [table["x"].round(1), table["y"].round(1), table["time"], table["category"]]
        )
        for table in tables
    ]
    there = keys[1].isin(keys[0]) & tables[1]["time"].notna().to_numpy()
    there &= (tables[1]["category"] >= 0).to_numpy() & (new.precision == "second")
    numbered = [(table["case"] != 0).to_numpy() for table in tables]
    # What equals an old case in all but its number is another case.
    there &= ~numbered[1] | keys[1].isin(keys[0][~numbered[0]])
    there |= numbered[1] & tables[1]["case"].isin(tables[0]["case"]).to_numpy()
    whole = pd.concat([tables[0], tables[1][~there]], ignore_index=True)
    whole = whole.sort_values("time", kind="stable", na_position="last", ignore_index=True)
    batch = IncidentBatch(
        whole["x"].to_numpy(dtype=float),
        whole["y"].to_numpy(dtype=float),
        whole["time"].to_numpy().astype("datetime64[s]"),
        whole["category"].to_numpy(dtype=np.int16),
        _moments(whole, "settled"),
        whole["station"].fillna("").to_numpy(dtype=object) if "station" in whole else None,
        reported=_moments(whole, "reported"),
        case=whole["case"].to_numpy(dtype=np.uint64) if whole["case"].any() else None,
    )
    made = Incidents.from_batch(batch, categories=names, crs=old.crs)
    if "month" in {old.precision, new.precision}:
        made = replace(made, precision="month")
    return made, _appended(report, int(there.sum()), len(old))


def _table(incidents: Incidents, names: tuple[str, ...]) -> pd.DataFrame:
    batch = incidents.all
    codes = np.array([*(names.index(name) for name in incidents.categories), -1], dtype=np.int16)
    columns = {
        "x": batch.x, "y": batch.y, "time": batch.time, "category": codes[batch.category],
        "settled": batch.settled, "station": batch.station, "reported": batch.reported,
        "case": np.zeros(len(batch), np.uint64) if batch.case is None else batch.case,
    }  # fmt: skip
    return pd.DataFrame({k: values for k, values in columns.items() if values is not None})


def _moments(table: pd.DataFrame, name: str) -> npt.NDArray[np.datetime64] | None:
    return table[name].to_numpy().astype("datetime64[s]") if name in table else None


def _appended(report: ImportReport, there: int, before: int) -> ImportReport:
    refused: Mapping[str, int] = report.refused
    if there:
        refused = {**refused, "already_there": there}
    added = report.features - there
    told = {"count": added, "before": before, "repeats": there}
    notes = (*report.warnings, Note("io.note.appended", told))
    return replace(report, refused=refused, features=added, warnings=notes)
