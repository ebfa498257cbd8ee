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
from pyproj.exceptions import CRSError as ProjCRSError

from gridmap.gdal.formats import KML
from gridmap.gdal.reading import RawLayer, read_layers
from gridmap.io._drawings import areas_of_drawing
from gridmap.io._encoding import Encoding, Reason, detect_bytes, detect_dbf
from gridmap.io._field_map import full_names
from gridmap.io._osm import osm_layer
from gridmap.io._raw import Source
from gridmap.io._server_answers import held_back, require_no_error
from gridmap.io.options import Note

__all__ = ["read_vectors"]

_JSON = {".geojson", ".json", ".topojson", ".geojsonl", ".geojsons", ".ndjson", ".jsonl"}
_SPARSE = {"GPX", "OSM", "DXF"}  # with a column for whatever such a file may hold
_DIMENSION_OF = {
    **dict.fromkeys(("grid", "beat", "station", "community"), 2),
    **dict.fromkeys(("room", "facility", "incidents"), 0),
    **dict.fromkeys(("road", "barrier"), 1),
}
_RAW = "ISO-8859-1"  # what text that waits for its encoding stands in


def read_vectors(
    path: Path, *, layer: str = "", encoding: str = "", kind: str = ""
) -> list[Source]:
    """Read layers of a GIS file.

    Parameters
    ----------
    path
        The file, or the folder of a file geodatabase.
    layer
        Name of a layer, ``all`` for each that has shapes, blank for the only one.
    encoding
        Encoding of the text, where the file is known to have another than it says.
    kind
        Kind of layer that is wanted: it says which layer of a GPX or OSM file is meant.

    Raises
    ------
    InputError
        If it cannot be opened, or holds several layers and none was chosen.
    MissingError
        If it has no such layer.
    EncodingError
        If its text cannot be decoded.
    """
    if path.suffix.lower() in _JSON:
        require_no_error(path)
    with _in_utf8(path, encoding) as (readable, found):
        return [
            _source(raw, path, layer, encoding, found, kind)
            for raw in read_layers(
                readable, layer=layer, encoding=encoding, dimension=_DIMENSION_OF.get(kind)
            )
        ]


def _source(
    raw: RawLayer, path: Path, layer: str, encoding: str, found: Encoding, kind: str
) -> Source:
    frame, suffix = raw.frame, path.suffix.lower()
    if suffix == ".shp":
        found = detect_dbf(path, encoding)
        frame = _decoded(frame, found.name.replace("utf-8-sig", "utf-8"))
        frame = frame.rename(columns=full_names(path))
    elif raw.encoding:
        reason: Reason = "asked" if encoding else "detected"
        found = Encoding(raw.encoding, "default" if raw.encoding == "utf-8" else reason)
    elif raw.in_bytes:
        found = _encoding_of(frame, encoding, path.name)
        frame = _decoded(frame, found.name)
    crs = _crs(raw.crs)
    if suffix in KML and layer == "all" and "station" not in frame.columns:
        frame["station"] = raw.name  # a folder is a station's
    if raw.shapes is not None:
        frame = gpd.GeoDataFrame(frame, geometry=raw.shapes, crs=crs)
    notes = []
    if raw.closed:
        notes.append(Note("io.note.rings_closed", {"file": path.name, "count": raw.closed}))
    if raw.driver in _SPARSE:
        frame = frame.loc[:, [name == "geometry" or _is_told(frame[name]) for name in frame]]
    if raw.driver == "OSM" and kind in {"road", "barrier"} and raw.name == "lines":
        frame, note = osm_layer(frame, kind, path.name)
        notes.append(note)
    if raw.driver == "DXF" and _DIMENSION_OF.get(kind) == 2:
        frame = areas_of_drawing(frame)
    if suffix in _JSON:
        notes += held_back(path, len(frame))
    return Source(frame, crs, found, raw.driver, layer=raw.name, notes=tuple(notes))


def _is_told(values: pd.Series) -> bool:
    return bool((values.notna() & (values.astype(str) != "")).any())


def _encoding_of(frame: pd.DataFrame, encoding: str, where: str) -> Encoding:
    """Return the encoding of text whose file does not say it."""
    text = [str(name) for name in frame.columns]
    for name in frame.columns:
        if frame[name].dtype.kind not in "iufbMm":
            text += [value for value in frame[name] if isinstance(value, str)]
    raw = "\n".join(text).encode(_RAW, errors="ignore")
    return detect_bytes(raw, asked=encoding, where=where)


def _decoded(frame: pd.DataFrame, encoding: str) -> pd.DataFrame:
    """Return a frame with its text decoded; a name may be cut inside a character."""

    def text(value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return value.encode(_RAW).decode(encoding, errors="ignore")
        except UnicodeEncodeError:
            return value  # written as escapes, and read as what they stand for

    for column in frame.columns:
        if frame[column].dtype.kind not in "iufbMm":
            frame[column] = frame[column].map(text)
    return frame.rename(columns=lambda name: str(text(name)))


def _crs(stated: str | None) -> CRS | None:
    """Return the CRS of a layer; none where it is a local one that nothing leads out of."""
    if not stated:
        return None
    try:
        crs = CRS(stated)
    except ProjCRSError:
        return None
    return crs if crs.is_geographic or crs.is_projected else None


@contextmanager
def _in_utf8(path: Path, encoding: str) -> Iterator[tuple[Path, Encoding]]:
    """Yield a file in UTF-8: GeoJSON has to be, and is written in GBK all the same."""
    plain = Encoding(encoding or "utf-8", "asked" if encoding else "default")
    if path.suffix.lower() not in _JSON:
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
