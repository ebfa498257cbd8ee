"""Reading KML: placemarks by folder, with every column that tools put into them.

GDAL's own drivers lose Chinese names of columns and whatever is in an HTML table, and one
of them follows links. KML is small, so it is read here: with expat, which resolves nothing, and
without document types.

Columns come from ``ExtendedData`` (``Data`` and ``SimpleData``, by their display names), or
where a placemark has none, from the rows of two cells that tools write into its description.
"""

from __future__ import annotations

import codecs
import html
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from gridmap.errors import EncodingError, InputError

__all__ = ["Folder", "read_kml"]

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
Pairs = list[tuple[float, float]]
Part = tuple[int, bytes]


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
        self._parts: list[Part] = []
        self._rings: list[Pairs] = []
        self._track: Pairs = []

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

    def _take(self, pairs: Pairs, parent: str) -> None:
        if not pairs or self._row is None:
            return
        if parent == "Point":
            self._parts.append((_POINT, struct.pack("<BIdd", 1, _POINT, *pairs[0])))
        elif parent == "LinearRing" and "Polygon" in self._stack:
            self._rings.append(pairs)
        elif parent in {"LineString", "LinearRing"} and len(pairs) > 1:
            self._parts.append((_LINE, _line(pairs)))


def _pairs(text: str) -> Pairs:
    """Return longitude and latitude of ``lon,lat[,height]`` tuples; a height is dropped."""
    found: Pairs = []
    for item in ",".join(part.strip() for part in text.split(",")).split():
        numbers = item.split(",")
        if len(numbers) >= 2:
            found.append((float(numbers[0]), float(numbers[1])))
    return found


def _ring(pairs: Pairs) -> bytes:
    return struct.pack("<I", len(pairs)) + b"".join(struct.pack("<dd", *pair) for pair in pairs)


def _line(pairs: Pairs) -> bytes:
    return struct.pack("<BI", 1, _LINE) + _ring(pairs)


def _polygon(rings: list[Pairs]) -> bytes:
    return struct.pack("<BII", 1, _POLYGON, len(rings)) + b"".join(map(_ring, rings))


def _joined(parts: list[Part]) -> bytes | None:
    """Return one geometry: a multiple one of a kind, or a collection."""
    if len(parts) < 2:
        return parts[0][1] if parts else None
    kinds = {kind for kind, _ in parts}
    kind = _MULTI[kinds.pop()] if len(kinds) == 1 else _COLLECTION
    return struct.pack("<BII", 1, kind, len(parts)) + b"".join(raw for _, raw in parts)
