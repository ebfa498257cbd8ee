"""The program that reads a GIS file, in a separate, confined process.

It takes a request as JSON on its standard input, and leaves ``answer.json`` and one Arrow file
for each layer in the folder that it may write. It loads neither pandas nor geopandas, so that
it starts in a fifth of a second.

KML is read here, placemarks by folder, with every column that tools put into them: GDAL's own
drivers lose Chinese names of columns and whatever is in an HTML table, and one of them follows
links. KML is small, so it is read here: with expat, which resolves nothing, and without document
types.

Columns come from ``ExtendedData`` (``Data`` and ``SimpleData``, by their display names), or
where a placemark has none, from the rows of two cells that tools write into its description.
"""

from __future__ import annotations

import codecs
import html
import json
import re
import sqlite3
import struct
import sys
from contextlib import closing
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any
from xml.parsers import expat

from gridmap.errors import EncodingError, GridmapError, InputError, MissingError, some_ids
from gridmap.gdal.guards import (
    DATABASES,
    DRIVERS,
    KML,
    MOST_PIXELS,
    PARQUET,
    RASTERS,
    confine,
    require_driver,
)

_DECLARED = re.compile(rb"""\A\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.-]{1,40})["']""")
_DECLARATION = re.compile(r"\A\s*<\?xml.*?\?>", re.DOTALL)
_ROW = re.compile(
    r"<t[dh][^>]{0,200}>([^<>]{1,80})</t[dh]>\s{0,40}<t[dh][^>]{0,200}>([^<>]{0,500})</t[dh]>",
    re.IGNORECASE,
)
_CHINESE = {"gbk", "gb2312", "gb18030", "cp936", "hz"}
_DEEPEST = 100
_POINT, _LINE, _POLYGON, _COLLECTION = 1, 2, 3, 7
_MULTI = {_POINT: 4, _LINE: 5, _POLYGON: 6}
Points = list[tuple[float, float]]
KmlPart = tuple[int, bytes]


@dataclass
class Folder:
    """The placemarks directly in one folder.

    Parameters
    ----------
    name
        The folder's name.
    rows
        Column to text of each placemark.
    shapes
        WKB of each placemark; None where it has no shape.
    """

    name: str
    rows: list[dict[str, str]] = field(default_factory=list)
    shapes: list[bytes | None] = field(default_factory=list)


def read_kml(path: Path, *, name: str, encoding: str = "") -> tuple[list[Folder], str]:
    """Return the folders of a KML that hold placemarks, and the encoding of its text.

    Parameters
    ----------
    path
        The file.
    name
        What to call it in a refusal.
    encoding
        Its encoding, where it states a wrong one.

    Raises
    ------
    InputError
        If it is no KML.
    EncodingError
        If its text cannot be decoded.
    """
    text, found = _text(path.read_bytes(), encoding, name)
    reader = _Reader(Path(name).stem)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.characters
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    try:
        parser.Parse(text.encode(), True)  # noqa: FBT003 - the last part of it
    except (expat.ExpatError, ValueError) as error:
        raise InputError("gdal.error.cannot_open", file=name) from error
    return _named_apart([folder for folder in reader.folders if folder.rows]), found


def _text(raw: bytes, encoding: str, name: str) -> tuple[str, str]:
    """Return the text without its XML declaration: expat knows few encodings, Python many."""
    stated = _DECLARED.match(raw)
    said = encoding or (stated[1].decode("ascii") if stated else "utf-8")
    tried = ["gb18030" if said.lower() in _CHINESE else said]
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        tried = ["utf-16"]
    elif raw.startswith(codecs.BOM_UTF8):
        tried = ["utf-8-sig"]
    if not encoding:
        tried += ["utf-8", "gb18030"]  # what tools write whatever they declare
    for codec in tried:
        try:
            return _DECLARATION.sub("", raw.decode(codec)), codec
        except (UnicodeError, LookupError):
            continue
    raise EncodingError("io.error.encoding_wrong", file=name, received=said)


def _named_apart(folders: list[Folder]) -> list[Folder]:
    """Return the folders, those of one name numbered, so that each can be chosen."""
    seen: dict[str, int] = {}
    for folder in folders:
        seen[folder.name] = seen.get(folder.name, 0) + 1
        if seen[folder.name] > 1:
            folder.name = f"{folder.name} ({seen[folder.name]})"
    return folders


class _Reader:
    """What expat calls: a stack of elements, and the placemark at hand."""

    def __init__(self, stem: str) -> None:
        self.folders: list[Folder] = []
        self._stem = stem
        self._open: list[Folder] = []
        self._stack: list[str] = []
        self._words: list[str] = []
        self._shown: dict[str, str] = {}
        self._row: dict[str, str] | None = None
        self._key = ""
        self._title = ""
        self._parts: list[KmlPart] = []
        self._rings: list[Points] = []
        self._track: Points = []

    @staticmethod
    def refuse_doctype(*_: object) -> None:
        """Refuse a document type: it may name other files, or entities without end."""
        message = "a document type"
        raise ValueError(message)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        name = tag.rpartition(" ")[2]
        if len(self._stack) > _DEEPEST:
            message = "elements nested too deep"
            raise ValueError(message)
        self._stack.append(name)
        self._words = []
        if name in {"Document", "Folder"}:
            folder = Folder(self._open[-1].name if self._open else self._stem)
            self.folders.append(folder)
            self._open.append(folder)
        elif name == "Placemark":
            if not self._open:
                self._open.append(Folder(self._stem))
                self.folders.append(self._open[0])
            self._row, self._parts = {}, []
        elif name in {"Data", "SimpleData", "SimpleField"}:
            self._key, self._title = attributes.get("name", ""), ""
        elif name == "Polygon":
            self._rings = []
        elif name == "Track":
            self._track = []

    def characters(self, text: str) -> None:
        """Take text."""
        self._words.append(text)

    def end(self, tag: str) -> None:
        """Close an element."""
        name = tag.rpartition(" ")[2]
        text = "".join(self._words).strip()
        self._words = []
        self._stack.pop()
        parent = self._stack[-1] if self._stack else ""
        match name:
            case "Document" | "Folder":
                self._open.pop()
            case "name" if parent in {"Document", "Folder"}:
                self._open[-1].name = text or self._open[-1].name
            case "displayName":
                self._title = text
                if parent == "SimpleField" and text:
                    self._shown[self._key] = text
            case "Placemark":
                self._close_placemark()
            case "name" | "description" | "address" if parent == "Placemark":
                self._put({"name": "Name"}.get(name, name), text)
            case "value" if parent == "Data":
                self._put(self._title or self._key, text)
            case "SimpleData":
                self._put(self._shown.get(self._key, self._key), text)
            case _:
                self._close_shape(name, text, parent)

    def _put(self, column: str, text: str) -> None:
        if self._row is not None and column.strip() and text:
            self._row[column.strip()] = text

    def _close_placemark(self) -> None:
        row, self._row = self._row or {}, None
        told = row.get("description", "")
        if not set(row) - {"Name", "description", "address"} and "<t" in told:
            cells = {html.unescape(key).strip(): html.unescape(value).strip()
                     for key, value in _ROW.findall(told)}  # fmt: skip
            if cells:
                row = {key: value for key, value in row.items() if key != "description"} | cells
        folder = self._open[-1]
        folder.rows.append(row)
        folder.shapes.append(_joined(self._parts))
        self._parts = []

    def _close_shape(self, name: str, text: str, parent: str) -> None:
        match name:
            case "coordinates":
                self._take(_pairs(text), parent)
            case "coord" if parent == "Track":
                self._track += _pairs(text.replace(" ", ",").replace("\t", ","))
            case "Track" if len(self._track) > 1:
                self._parts.append((_LINE, _line(self._track)))
            case "Polygon" if self._rings:
                self._parts.append((_POLYGON, _polygon(self._rings)))
                self._rings = []

    def _take(self, pairs: Points, parent: str) -> None:
        if not pairs or self._row is None:
            return
        if parent == "Point":
            self._parts.append((_POINT, struct.pack("<BIdd", 1, _POINT, *pairs[0])))
        elif parent == "LinearRing" and "Polygon" in self._stack:
            self._rings.append(pairs)
        elif parent in {"LineString", "LinearRing"} and len(pairs) > 1:
            self._parts.append((_LINE, _line(pairs)))


def _pairs(text: str) -> Points:
    """Return longitude and latitude of ``lon,lat[,height]`` tuples; a height is dropped."""
    found: Points = []
    for item in ",".join(part.strip() for part in text.split(",")).split():
        numbers = item.split(",")
        if len(numbers) >= 2:
            found.append((float(numbers[0]), float(numbers[1])))
    return found


def _ring(pairs: Points) -> bytes:
    return struct.pack("<I", len(pairs)) + b"".join(struct.pack("<dd", *pair) for pair in pairs)


def _line(pairs: Points) -> bytes:
    return struct.pack("<BI", 1, _LINE) + _ring(pairs)


def _polygon(rings: list[Points]) -> bytes:
    return struct.pack("<BII", 1, _POLYGON, len(rings)) + b"".join(map(_ring, rings))


def _joined(parts: list[KmlPart]) -> bytes | None:
    """Return one geometry: a multiple one of a kind, or a collection."""
    if len(parts) < 2:
        return parts[0][1] if parts else None
    kinds = {kind for kind, _ in parts}
    kind = _MULTI[kinds.pop()] if len(kinds) == 1 else _COLLECTION
    return struct.pack("<BII", 1, kind, len(parts)) + b"".join(raw for _, raw in parts)


RAW = "ISO-8859-1"  # decodes any bytes, and is undone without loss
MOST_COLUMNS = 2_000
_MOST_LAYERS = 1_000
# Parquet packs a million equal rows into a kilobyte. What a file may hold, and what each byte of
# it adds: rows, values, and bytes of all values.
_ROWS, _ROWS_PER_BYTE = 500_000, 0.25
_VALUES, _VALUES_PER_BYTE = 5_000_000, 4.0
_BYTES, _BYTES_PER_BYTE = 100_000_000, 20.0
_BATCH = 4_096  # rows
# Tags and keys of a GeoTIFF.
_PIXEL_SCALE, _TIE_POINT, _MATRIX, _NO_DATA = 33550, 33922, 34264, 42113
_GEO_KEYS, _GEO_TEXT = 34735, 34737
_PIXEL_IS, _PIXEL_POINT = 1025, 2
_GEOGRAPHIC, _PROJECTED, _OWN = 2048, 3072, 32767
# Indexes; the last four are SpatiaLite's own, and nothing without its extension.
_MODULES = {
    "rtree", "rtree_i32", "geopoly", "fts3", "fts4", "fts5",
    "virtualspatialindex", "virtualelementary", "virtualknn", "virtualknn2",
}  # fmt: skip
# Formats of fixed layers, and which of them is meant by shapes of 0, 1 or 2 dimensions.
_BY_DIMENSION: dict[str, dict[int, tuple[str, ...]]] = {
    ".gpx": {0: ("waypoints",), 1: ("tracks", "routes"), 2: ()},
    ".osm": {0: ("points",), 1: ("lines",), 2: ("multipolygons",)},
    ".pbf": {0: ("points",), 1: ("lines",), 2: ("multipolygons",)},
}
# GDAL's functions inside SQL open files and send requests.
_CHARSET = re.compile(rb"""^(\s*!?charset\s+)"?[\w-]+"?""", re.IGNORECASE | re.MULTILINE)
_REACHING = re.compile(r"\b(?:ogr_|gdal_|load_extension)")
_CURVES = set(range(8, 15))


class _Without(MetaPathFinder):
    """Makes heavy libraries look absent: pyogrio and pyarrow then do without them."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        """Refuse an import."""
        del path, target
        if fullname in {"pandas", "geopandas", "shapely", "pyproj"}:
            raise ModuleNotFoundError(name=fullname)


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    out = Path(request["out"])
    try:
        held = confine(
            read=[Path(item) for item in request["readable"]],
            write=out,
            memory_bytes=request["memory_bytes"],
            processor_s=request["processor_s"],
        )
        sys.meta_path.insert(0, _Without())
        answer = read_in_child(request, out) | {"guards": sorted(held)}
    except GridmapError as error:
        answer = {
            "error": error.key, "values": error.values, "missing": isinstance(error, MissingError),
        }  # fmt: skip
    except MemoryError:
        answer = {"error": "gdal.error.memory", "values": {"file": request["name"]}}
    except Exception as error:  # noqa: BLE001 - damaged files raise a dozen kinds of errors
        answer = {
            "error": "gdal.error.cannot_open", "values": {"file": request["name"]},
            "reason": f"{type(error).__name__}: {error}",
        }  # fmt: skip
    (out / "answer.json").write_text(json.dumps(answer), encoding="utf-8")


def read_in_child(request: dict[str, Any], out: Path) -> dict[str, Any]:
    """Read what is asked for and return what `gridmap.gdal.reading` needs to know of it.

    Parameters
    ----------
    request
        ``path`` of the file, its ``name`` for people, ``suffix``, ``layer`` (blank for the only
        one, ``all``), ``encoding``.
    out
        Where the Arrow files go.
    """
    from gridmap.gdal.guards import load_pyogrio

    path, suffix = Path(request["path"]), str(request["suffix"])
    if suffix in KML:
        return _read_kml(request, out)
    if suffix in PARQUET:
        return _read_parquet(request, out)
    if suffix in RASTERS:
        return _read_raster(request, out)
    if suffix in DATABASES:
        _require_plain_database(path, request["name"])
    if suffix in {".tab", ".mif"} and request["encoding"]:
        _without_charset(path)
    if suffix == ".dxf":
        # A drawing may be in the code page of any desk, and seldom says which.
        load_pyogrio().set_gdal_config_options({"DXF_ENCODING": RAW})
    if suffix == ".shp" and not path.with_suffix(".shx").exists():
        _restore_index(path)
    kinds = _kinds_by_layer(path, suffix)
    layer = request["layer"] or _meant(path, suffix, request["dimension"])
    layers = [
        {"name": name, **_read_layer(request, name, out / f"{number}.arrow")}
        for number, name in enumerate(_wanted(kinds, layer, request["name"]))
    ]
    return {"layers": layers, "known": list(kinds)}


def _without_charset(path: Path) -> None:
    """Let a MapInfo file state no charset, so that its text comes as bytes."""
    head = path.read_bytes()
    path.unlink()  # a link, or a copy: never the user's own file
    path.write_bytes(_CHARSET.sub(rb'\1"Neutral"', head, count=1))


def _restore_index(path: Path) -> None:
    """Let GDAL rebuild the index of a shapefile that has lost it, beside its copy."""
    from gridmap.gdal.guards import load_pyogrio

    pyogrio = load_pyogrio()
    pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": True})
    pyogrio.list_layers(path)
    pyogrio.set_gdal_config_options({"SHAPE_RESTORE_SHX": None})


def _meant(path: Path, suffix: str, dimension: int | None) -> str:
    """Return the layer that shapes of a dimension stand in, where the format has fixed ones."""
    from gridmap.gdal.guards import load_pyogrio

    names = _BY_DIMENSION.get(suffix, {}).get(-1 if dimension is None else dimension, ())
    for name in names:
        info = load_pyogrio().read_info(path, layer=name, force_feature_count=len(names) > 1)
        if info["features"] != 0:
            return name
    return names[0] if names else ""


def _wanted(kinds: dict[str, str | None], layer: str, file: str) -> list[str]:
    """Return the layers to read: the one named, the only one with shapes, or all of them."""
    shaped = [name for name, kind in kinds.items() if kind not in {None, "None"}] or list(kinds)
    if layer == "all":
        return shaped
    if layer and layer not in kinds:
        raise MissingError("io.error.no_layer", layer=layer, file=file, known=some_ids(kinds, 8))
    if layer:
        return [layer]
    if not shaped:
        raise InputError("gdal.error.cannot_open", file=file)
    if len(shaped) > 1:
        raise several_layers(file, shaped)
    return shaped


def several_layers(file: str, names: list[str]) -> InputError:
    """Return the refusal to choose among layers; its ``candidates`` are for a page to offer."""
    candidates = [{"layer": name} for name in names]
    return InputError(
        "io.error.several_layers", file=file, known=some_ids(names, 8), candidates=candidates
    )


def _kinds_by_layer(path: Path, suffix: str) -> dict[str, str | None]:
    """Return the layers of a file and what each is made of, as fiona sees them.

    Only where fiona's GDAL lacks the driver, or is too old for the file, pyogrio looks.
    """
    from gridmap.gdal.guards import load_fiona, load_pyogrio

    fiona = load_fiona()
    try:
        kinds: dict[str, str | None] = {}
        for name in fiona.listlayers(path)[:_MOST_LAYERS]:
            with fiona.open(
                path, layer=name, enabled_drivers=list(DRIVERS[suffix]),
                allow_unsupported_drivers=True,
            ) as opened:  # fmt: skip
                kinds[name] = str(opened.schema["geometry"])
    except (fiona.errors.FionaError, OSError, ValueError, IndexError):
        kinds = {}
    if not kinds:
        kinds = {str(name): kind for name, kind in load_pyogrio().list_layers(path)}
    return kinds


def _read_kml(request: dict[str, Any], out: Path) -> dict[str, Any]:
    """Write each folder of a KML as a layer."""
    import pyarrow as pa

    name = str(request["name"])
    folders, encoding = read_kml(Path(request["path"]), name=name, encoding=request["encoding"])
    by_name = {folder.name: folder for folder in folders}
    kinds = {key: "Shapes" if any(one.shapes) else None for key, one in by_name.items()}
    made = []
    for number, key in enumerate(_wanted(kinds, request["layer"], name)):
        folder = by_name[key]
        columns = list(dict.fromkeys(column for row in folder.rows for column in row))
        if len(columns) > MOST_COLUMNS:
            raise InputError(
                "gdal.error.columns", file=name, count=len(columns), most=MOST_COLUMNS
            )
        table = pa.table(
            {column: pa.array([row.get(column) for row in folder.rows], pa.string())
             for column in columns}
            | {"geometry": pa.array(folder.shapes, pa.binary())}
        )  # fmt: skip
        target = out / f"{number}.arrow"
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        made.append({
            "name": key, "file": target.name, "driver": "KML", "crs": "EPSG:4326", "times": [],
            "in_bytes": False, "has_shapes": True, "encoding": encoding,
        })  # fmt: skip
    return {"layers": made, "known": list(kinds)}


def _read_parquet(request: dict[str, Any], out: Path) -> dict[str, Any]:
    """Copy a Parquet file part by part, after its footer has said that it is of a usual size."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, name, target = Path(request["path"]), str(request["name"]), out / "0.arrow"
    packed = path.stat().st_size
    with pq.ParquetFile(path) as file:
        about = file.metadata
        if about.num_columns > MOST_COLUMNS:
            raise InputError(
                "gdal.error.columns", file=name, count=about.num_columns, most=MOST_COLUMNS
            )
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        if (
            about.num_rows > _ROWS + _ROWS_PER_BYTE * packed
            or about.num_rows * about.num_columns > _VALUES + _VALUES_PER_BYTE * packed
            or unpacked > _BYTES + _BYTES_PER_BYTE * packed
        ):
            raise _unpacks(name, about.num_rows, packed)
        schema = _plain_schema(file.schema_arrow, name)
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            # A value may stand once in the file and in every row of the table.
            rows = unpacked = 0
            for batch in file.iter_batches(_BATCH, use_threads=False):
                batch = batch.cast(schema)  # noqa: PLW2901 - what it holds, laid out in full
                rows += batch.num_rows
                unpacked += batch.nbytes
                if unpacked > _BYTES + _BYTES_PER_BYTE * packed or rows > about.num_rows:
                    raise _unpacks(name, about.num_rows, packed)
                batch.validate(full=True)
                writer.write_batch(batch)
    return {"file": target.name, "has_shapes": b"geo" in (schema.metadata or {})}


def _read_raster(request: dict[str, Any], out: Path) -> dict[str, Any]:
    """Unpack a GeoTIFF of one band, north up, and return where its first pixel begins."""
    import numpy as np
    from PIL import Image, TiffImagePlugin

    # Pillow unpacks doubles, as GHSL has them, and does not know that a TIFF may hold them.
    for order, form in ((b"II", "F;64F"), (b"MM", "F;64BF")):
        TiffImagePlugin.OPEN_INFO.setdefault((order, 1, (3,), 1, (64,), ()), ("F", form))
    name, target = str(request["name"]), out / "values.npy"
    Image.MAX_IMAGE_PIXELS = None  # opening unpacks nothing; the size is looked at next
    with Image.open(request["path"], formats=["TIFF"]) as image:
        if image.width * image.height > MOST_PIXELS:
            count = image.width * image.height
            raise InputError("gdal.error.pixels", file=name, count=count, most=MOST_PIXELS)
        assert isinstance(image, TiffImagePlugin.TiffImageFile)  # noqa: S101 - of that format
        tags: Any = image.tag_v2
        keys = _geo_keys(tags)
        scale, tie = tags.get(_PIXEL_SCALE, ()), tags.get(_TIE_POINT, ())
        if len(image.getbands()) != 1 or len(scale) < 2 or len(tie) != 6 or _MATRIX in tags:
            raise InputError("gdal.error.raster", file=name)
        try:
            nothing = float(str(tags.get(_NO_DATA, "nan")).strip("\0 "))
        except ValueError:
            nothing = float("nan")
        values = np.array(image, dtype=np.float32)
    values[~np.isfinite(values) | (values == np.float32(nothing)) | (values < 0)] = 0
    np.save(target, values)
    step_x, step_y = float(scale[0]), float(scale[1])
    middle = (
        0.5 if keys.get(_PIXEL_IS) == _PIXEL_POINT else 0.0
    )  # a point stands in its pixel's middle
    return {
        "file": target.name,
        "west": float(tie[3]) - (float(tie[0]) + middle) * step_x,
        "north": float(tie[4]) + (float(tie[1]) + middle) * step_y,
        "step_x": step_x,
        "step_y": step_y,
        "crs": _crs_of(keys, str(tags.get(_GEO_TEXT, ""))),
    }


def _geo_keys(tags: Any) -> dict[int, int]:  # noqa: ANN401 - Pillow's own class
    """Return the short GeoKeys of a GeoTIFF (OGC 19-008r4) by number."""
    raw = tags.get(_GEO_KEYS, ())
    entries = [raw[at : at + 4] for at in range(4, len(raw) - 3, 4)]
    return {int(key): int(value) for key, place, _, value in entries if place == 0}


def _crs_of(keys: dict[int, int], text: str) -> str | None:
    """Return the CRS that GeoKeys name, None where they describe one of their own."""
    for key in (_PROJECTED, _GEOGRAPHIC):
        code = keys.get(key, 0)
        if 0 < code < _OWN:
            return f"EPSG:{code}"
        if code == _OWN and "mollweide" in text.lower():
            return "ESRI:54009"  # GHSL's
    return None


def _plain_schema(schema: Any, name: str) -> Any:  # noqa: ANN401 - pyarrow carries no types
    """Return a schema without types that let rows share a value: these hide a table's size."""
    import pyarrow as pa

    for place, column in enumerate(schema):
        kind = column.type
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        if pa.types.is_dictionary(kind):
            kind = kind.value_type
        if str(kind) in {"string_view", "binary_view"}:
            kind = pa.large_string() if str(kind) == "string_view" else pa.large_binary()
        if "dictionary<" in str(kind) or "_view" in str(kind):
            raise InputError("gdal.error.cannot_open", file=name)
        schema = schema.set(place, column.with_type(kind))
    return schema


def _unpacks(name: str, rows: int, packed: int) -> InputError:
    return InputError("gdal.error.unpacks", file=name, count=rows, mb=packed / 1e6)


def _read_layer(request: dict[str, Any], layer: str, target: Path) -> dict[str, Any]:
    from gridmap.gdal.guards import load_pyogrio

    pyogrio = load_pyogrio()
    path, suffix, name = Path(request["path"]), str(request["suffix"]), str(request["name"])
    info = pyogrio.read_info(path, layer=layer, encoding=RAW if suffix == ".shp" else None)
    driver = require_driver(str(info["driver"]), Path(name))
    if len(info["fields"]) > MOST_COLUMNS:
        raise InputError(
            "gdal.error.columns", file=name, count=len(info["fields"]), most=MOST_COLUMNS
        )
    in_bytes = driver in {"ESRI Shapefile", "MapInfo File"} and info["encoding"] != "UTF-8"
    if in_bytes or suffix == ".shp":
        _write_arrays(path, layer, target, encoding=RAW)
    elif not _write_stream(path, layer, target):
        _write_arrays(path, layer, target, encoding=None)
    times = [
        str(field)
        for field, kind in zip(info["fields"], info["ogr_types"], strict=True)
        if kind == "OFTDateTime"
    ]
    return {
        "file": target.name,
        "driver": driver,
        "crs": info["crs"],
        "times": times,
        "in_bytes": in_bytes or suffix in {".shp", ".dxf"},
        "has_shapes": info["geometry_type"] is not None,
    }


def _write_stream(path: Path, layer: str, target: Path) -> bool:
    """Copy a layer as GDAL streams it; say no where it has curves, which nobody else reads."""
    import pyarrow as pa

    from gridmap.gdal.guards import load_pyogrio

    opened = load_pyogrio().raw.open_arrow(
        path, layer=layer, use_pyarrow=True, datetime_as_string=True
    )
    with opened as (meta, stream):
        shapes = meta["geometry_name"] or "wkb_geometry"
        names = ["geometry" if name == shapes else name for name in stream.schema.names]
        schema = pa.schema(
            [field.with_name(name) for field, name in zip(stream.schema, names, strict=True)]
        ).remove_metadata()
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for batch in stream:
                if "geometry" in names and _has_curves(batch.column(names.index("geometry"))):
                    return False
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    return True


def _has_curves(shapes: Any) -> bool:  # noqa: ANN401 - pyarrow carries no types
    """Return whether WKB holds curves: GDAL streams them as they are."""
    import numpy as np

    if shapes.null_count:
        shapes = shapes.drop_null()
    _, offsets, data = shapes.buffers()
    if len(shapes) == 0 or data is None:
        return False
    wide = "int64" if str(shapes.type).startswith("large") else "int32"
    starts = np.frombuffer(offsets, wide)[shapes.offset :][: len(shapes)]
    raw = np.frombuffer(data, "uint8")
    little = raw[starts] == 1
    low = np.where(little, raw[starts + 1], raw[starts + 4]).astype("int64")
    high = np.where(little, raw[starts + 2], raw[starts + 3]).astype("int64")
    return bool(np.isin((low + 256 * high) % 1000, list(_CURVES)).any())


def _write_arrays(path: Path, layer: str, target: Path, *, encoding: str | None) -> None:
    """Write a layer value by value: for text that is not UTF-8, and for curves."""
    import pyarrow as pa

    from gridmap.gdal.guards import load_pyogrio

    meta, _, shapes, columns = load_pyogrio().raw.read(
        path, layer=layer, encoding=encoding, datetime_as_string=True
    )
    made = [pa.array(column, from_pandas=True) for column in columns]
    names = [str(name) for name in meta["fields"]]
    if shapes is not None:
        made.append(pa.array(shapes, type=pa.binary()))
        names.append("geometry")
    table = pa.Table.from_arrays(made, names=names)
    with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _require_plain_database(path: Path, name: str) -> None:
    """Refuse a database whose views, triggers or virtual tables may reach other files."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as database:
        try:
            rows = database.execute("SELECT type, sql FROM sqlite_master").fetchall()
        except sqlite3.Error as error:
            raise InputError("gdal.error.cannot_open", file=name) from error
    for kind, sql in rows:
        text = " ".join(str(sql or "").lower().split())
        virtual = text.startswith("create virtual table")
        module = text.partition(" using ")[2].partition("(")[0].strip()
        if (virtual and module not in _MODULES) or (kind != "table" and _REACHING.search(text)):
            raise InputError("gdal.error.reaching", file=name)


if __name__ == "__main__":
    main()
