"""Reading GIS files: what tools and old habits do to them is undone on the way in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from gridmap.errors import InputError, MissingError
from gridmap.io._encoding import Encoding, detect_bytes, detect_dbf
from gridmap.io._field_map import full_names
from gridmap.io._raw import Source, foreign_reader
from gridmap.io.gdal import load_pyogrio, require_driver, require_format

__all__ = ["read_vector"]

_OF_ONE_LAYER = {".shp", ".fgb", ".geojson", ".json"}
# What GDAL's KML driver adds to the columns of every file.
_OF_KML = {
    "timestamp", "begin", "end", "altitudeMode", "tessellate", "extrude", "visibility",
    "drawOrder", "icon", "snippet",
}  # fmt: skip
_RAW = "ISO-8859-1"  # decodes any bytes, and is undone without loss


def read_vector(path: Path, *, layer: str = "", encoding: str = "") -> Source:
    """Read one layer of a GIS file.

    Raises
    ------
    InputError
        If it cannot be opened, or holds several layers and none was chosen.
    MissingError
        If it has no such layer.
    EncodingError
        If its text cannot be decoded.
    """
    suffix = path.suffix.lower()
    require_format(path)
    if suffix == ".shp":
        return _read_shapefile(path, layer, encoding)
    with _in_utf8(path, encoding) as (readable, found):
        chosen = _layer(readable, layer, path.name)
        frame, driver = _read(readable, chosen)
    if suffix == ".kml":
        frame = _without_marks(frame)
    return Source(frame, _crs(frame), found, driver)


def _read(path: Path, layer: str | None) -> tuple[pd.DataFrame, str]:
    pyogrio = load_pyogrio()
    with foreign_reader(path):
        driver = require_driver(str(pyogrio.read_info(path, layer=layer)["driver"]), path)
        # A ring of two points stops the whole file otherwise: it is refused as one row.
        frame = pyogrio.read_dataframe(path, layer=layer, on_invalid="ignore")
        # A column of several offsets (summer and winter) comes as UTC: its clocks are lost.
        shifted = [name for name in frame.columns if str(frame[name].dtype).endswith(", UTC]")]
        if shifted:
            written = pyogrio.read_dataframe(
                path, layer=layer, columns=shifted, read_geometry=False, datetime_as_string=True
            )
            frame[shifted] = written[shifted].astype("object")
    return frame, driver


def _read_shapefile(path: Path, layer: str, encoding: str) -> Source:
    pyogrio = load_pyogrio()
    _layer(path, layer, path.name)
    found = detect_dbf(path, encoding)
    name = found.name.replace("utf-8-sig", "utf-8")
    with foreign_reader(path), _index_restored(path):
        require_driver(str(pyogrio.read_info(path, encoding=name)["driver"]), path)
        try:
            frame = pyogrio.read_dataframe(path, encoding=name, on_invalid="ignore")
        except UnicodeDecodeError:
            # Names and cells are cut at so many bytes, which may be inside a character.
            raw = pyogrio.read_dataframe(path, encoding=_RAW, on_invalid="ignore")
            frame = _decoded(raw, name)
    frame = frame.rename(columns=full_names(path))
    return Source(frame, _crs(frame), found, "ESRI Shapefile")


def _decoded(frame: pd.DataFrame, encoding: str) -> pd.DataFrame:
    def text(value: object) -> object:
        if not isinstance(value, str):
            return value
        return value.encode(_RAW, errors="ignore").decode(encoding, errors="ignore")

    for column in frame.columns:
        if column != "geometry" and frame[column].dtype.kind not in "iufbMm":
            frame[column] = frame[column].astype("object").map(text)
    return frame.rename(columns=lambda name: str(text(name)))


def _crs(frame: pd.DataFrame) -> CRS | None:
    """Return the CRS of a frame; none where it is a local one that nothing leads out of."""
    if not isinstance(frame, gpd.GeoDataFrame) or not frame.crs:
        return None
    crs = CRS(frame.crs)
    return crs if crs.is_geographic or crs.is_projected else None


def _layer(path: Path, layer: str, where: str) -> str | None:
    """Return the layer to read; None where the file has one only."""
    pyogrio = load_pyogrio()
    single = path.suffix.lower() in _OF_ONE_LAYER
    if single and not layer:
        return None
    with foreign_reader(path):
        kinds = {str(name): kind for name, kind in pyogrio.list_layers(path)}
    if layer and layer not in kinds:
        raise MissingError("io.error.no_layer", layer=layer, file=where, known=", ".join(kinds))
    # The only layer needs no name.
    if layer or len(kinds) < 2:
        return layer or None
    names = [name for name, kind in kinds.items() if kind is not None] or list(kinds)
    if len(names) > 1:
        raise InputError("io.error.several_layers", file=where, known=", ".join(names))
    return names[0]


@contextmanager
def _in_utf8(path: Path, encoding: str) -> Iterator[tuple[Path, Encoding]]:
    """Yield a file in UTF-8: GeoJSON has to be, and is written in GBK all the same."""
    plain = Encoding(encoding or "utf-8", "asked" if encoding else "default")
    if path.suffix.lower() not in {".geojson", ".json"}:
        yield path, plain
        return
    raw = path.read_bytes()
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        found = detect_bytes(raw, asked=encoding, where=path.name)
    else:
        yield path, plain
        return
    folder = Path(tempfile.mkdtemp(prefix="gridmap-"))
    try:
        copy = folder / path.name
        copy.write_text(raw.decode(found.name, errors="replace"), encoding="utf-8")
        yield copy, found
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _index_restored(path: Path) -> Iterator[None]:
    """Let GDAL rebuild the index of a shapefile that has lost it, and of no other.

    The option holds for the whole process: left on, it empties layers inside zips.
    """
    pyogrio = load_pyogrio()
    if path.with_suffix(".shx").exists() or path.with_suffix(".SHX").exists():
        yield
        return
    pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": True})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": None})


def _without_marks(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a KML's columns without the driver's own, and without those that say nothing."""
    own = [name for name in frame.columns if name not in {*_OF_KML, "geometry"}]
    blank = {name for name in own if frame[name].isna().all() or (frame[name] == "").all()}
    told = [name for name in own if name not in blank]
    # Placemarks are numbered by whatever wrote them; columns of data know better.
    if len(set(told) - {"id", "Name", "description"}):
        told = [name for name in told if name != "id"]
    return frame[[*told, *(["geometry"] if "geometry" in frame.columns else [])]]
