"""A basemap in one local file, read tile by tile: MBTiles and PMTiles with raster tiles.

The file is opened to read only, and treated as hostile: sizes, times and depths have limits.
"""

from __future__ import annotations

import json
import re
import sqlite3
import struct
import threading
import time
import zlib
from abc import ABC, abstractmethod
from bisect import bisect_right
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from operator import itemgetter
from pathlib import Path
from typing import Any

from gridmap.errors import InputError, MissingError

MOST_ZOOM = 22
_MOST_TILE = 4 << 20  # bytes of a tile
_MOST_DIRECTORY = 16 << 20  # bytes of a directory or of metadata, unpacked
_QUERY_S = 2.0  # seconds that a tile may take
_STEPS = 20_000  # SQLite instructions between two looks at the clock
_DEPTH = 4  # directories within directories
_PICTURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}
_HEADER = struct.Struct("<7sB 8Q 24s 6B 2i 2i B 2i")
_PLAIN, _GZIP = 1, 2
_VECTOR = 1  # a kind of tile in a PMTiles header


class Basemap(ABC):
    """The tiles of a file.

    Attributes
    ----------
    credit
        The file's attribution, without markup.
    zooms
        Least and greatest zoom of its tiles.
    """

    credit: str
    zooms: tuple[int, int]

    def tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """Return a tile, rows counted from the north, or None where the file has none."""
        most = 1 << zoom if 0 <= zoom <= MOST_ZOOM else 0
        found = self._tile(zoom, x, y) if 0 <= x < most and 0 <= y < most else None
        return found if found is not None and media_type(found) else None

    @abstractmethod
    def _tile(self, zoom: int, x: int, y: int) -> bytes | None:
        """Return what the file has for a tile that exists."""

    @abstractmethod
    def require_pictures(self) -> None:
        """Raise `InputError` for a file of vector tiles, or of what is no picture."""


def media_type(tile: bytes) -> str:
    """Return the media type of a picture by its first bytes; blank where it is none.

    >>> media_type(b"RIFF...."), media_type(b"<svg>")
    ('image/webp', '')
    """
    return next((kind for mark, kind in _PICTURES.items() if tile.startswith(mark)), "")


def open_basemap(path: Path) -> Basemap:
    """Open a basemap file.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is neither MBTiles nor PMTiles, is damaged, or holds vector tiles.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
    except OSError as error:
        raise MissingError("io.error.no_file", file=str(path)) from error
    try:
        found = _PMTiles(path) if head.startswith(b"PMTiles") else _MBTiles(path)
        found.require_pictures()
    except (sqlite3.Error, OSError, ValueError, LookupError, struct.error, zlib.error) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("io.error.basemap", file=path.name) from error
    return found


class _MBTiles(Basemap):
    """A SQLite file with a table or view ``tiles``, rows counted from the south."""

    def __init__(self, path: Path) -> None:
        self._name, self._lock = path.name, threading.Lock()
        self._end, self._end_after = 0.0, _QUERY_S
        address = f"{path.resolve().as_uri()}?mode=ro"
        self._base = sqlite3.connect(address, uri=True, check_same_thread=False)
        self._base.execute("PRAGMA trusted_schema = OFF")
        self._base.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_TILE)
        self._base.set_progress_handler(lambda: time.monotonic() > self._end, _STEPS)
        metadata = {
            str(name): str(value)
            for name, value in self._ask("SELECT name, value FROM metadata LIMIT 200")
        }
        self._format = metadata.get("format", "")
        self.credit = _plain_text(metadata.get("attribution", ""))
        self.zooms = (
            int(metadata.get("minzoom", 0)),
            min(int(metadata.get("maxzoom", MOST_ZOOM)), MOST_ZOOM),
        )

    def _ask(self, query: str, *values: int) -> list[Any]:
        with self._lock, closing(self._base.cursor()) as cursor:
            self._end = time.monotonic() + self._end_after
            return cursor.execute(query, values).fetchall()

    def require_pictures(self) -> None:
        rows = self._ask("SELECT tile_data FROM tiles LIMIT 1")
        if self._format == "pbf":
            raise InputError("io.error.basemap_vector", file=self._name)
        if not rows or not media_type(bytes(rows[0][0])):
            raise InputError("io.error.basemap", file=self._name)

    def _tile(self, zoom: int, x: int, y: int) -> bytes | None:
        query = (
            "SELECT tile_data FROM tiles"
            " WHERE zoom_level = ? AND tile_column = ? AND tile_row = ? LIMIT 1"
        )
        try:
            rows = self._ask(query, zoom, x, (1 << zoom) - 1 - y)
        except sqlite3.Error:
            return None
        return bytes(rows[0][0]) if rows and isinstance(rows[0][0], bytes) else None


@dataclass(eq=False)
class _PMTiles(Basemap):
    """A file with its tiles in the order of a Hilbert curve, found through directories."""

    path: Path

    def __post_init__(self) -> None:
        head = _HEADER.unpack(self._read(0, _HEADER.size))
        _, version, *places, _counts, _clustered, packing, _, kind, least, most = head[:17]
        if version != 3 or packing not in {_PLAIN, _GZIP}:
            raise InputError("io.error.basemap", file=self.path.name)
        self._root, self._leaves, self._data = tuple(places[:2]), places[4], places[6]
        self._packing, self._kind = packing, kind
        self.zooms = (least, min(most, MOST_ZOOM))
        metadata = json.loads(self._unpacked(places[2], places[3]) or b"{}")
        self.credit = _plain_text(str(metadata.get("attribution", "")))
        self._directory = lru_cache(64)(self._read_directory)

    def _read(self, offset: int, length: int) -> bytes:
        if length > _MOST_DIRECTORY:
            raise ValueError(length)
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def _unpacked(self, offset: int, length: int) -> bytes:
        data = self._read(offset, length)
        if self._packing == _PLAIN:
            return data
        return zlib.decompressobj(31).decompress(data, _MOST_DIRECTORY)

    def _read_directory(self, offset: int, length: int) -> list[tuple[int, int, int, int]]:
        """Return first tile, tiles in a row, offset and length of each entry."""
        numbers = _varints(self._unpacked(offset, length))
        count = numbers[0]
        if len(numbers) != 1 + 4 * count:
            raise ValueError(count)
        steps, runs, lengths, offsets = (
            numbers[1 + part * count : 1 + (part + 1) * count] for part in range(4)
        )
        entries: list[tuple[int, int, int, int]] = []
        tile = end = 0
        for step, run, size, place in zip(steps, runs, lengths, offsets, strict=True):
            tile += step
            start = end if place == 0 else place - 1
            entries.append((tile, run, start, size))
            end = start + size
        return entries

    def require_pictures(self) -> None:
        if self._kind == _VECTOR:
            raise InputError("io.error.basemap_vector", file=self.path.name)
        entries, depth = self._directory(*self._root), 0
        while entries[0][1] == 0 and depth < _DEPTH:
            entries, depth = (
                self._directory(self._leaves + entries[0][2], entries[0][3]),
                depth + 1,
            )
        if not media_type(self._read(self._data + entries[0][2], entries[0][3])):
            raise InputError("io.error.basemap", file=self.path.name)

    def _tile(self, zoom: int, x: int, y: int) -> bytes | None:
        wanted, place = hilbert_id(zoom, x, y), self._root
        try:
            for _ in range(_DEPTH):
                entries = self._directory(*place)
                at = bisect_right(entries, wanted, key=itemgetter(0)) - 1
                if at < 0:
                    return None
                first, run, start, size = entries[at]
                if run == 0:  # a directory of its own
                    place = (self._leaves + start, size)
                elif wanted < first + run and size <= _MOST_TILE:
                    return self._read(self._data + start, size)
                else:
                    return None
        except (OSError, ValueError, LookupError, zlib.error):
            return None
        return None


def _varints(data: bytes) -> list[int]:
    """Return the numbers that bytes of seven bits each hold, the lowest first."""
    numbers, number, shift = [], 0, 0
    for byte in data:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number = shift = 0
        elif shift > 63:
            raise ValueError(shift)
    return numbers


def hilbert_id(zoom: int, x: int, y: int) -> int:
    """Return a tile's place on the Hilbert curve, after those of all lower zooms.

    >>> [hilbert_id(1, *xy) for xy in ((0, 0), (0, 1), (1, 1), (1, 0))]
    [1, 2, 3, 4]
    """
    found, half = ((1 << (2 * zoom)) - 1) // 3, 1 << zoom >> 1
    while half:
        right, down = int(bool(x & half)), int(bool(y & half))
        found += half * half * ((3 * right) ^ down)
        if not down:
            if right:
                x, y = half - 1 - x, half - 1 - y
            x, y = y, x
        x, y = x & (half - 1), y & (half - 1)
        half >>= 1
    return found


def _plain_text(text: str) -> str:
    """Return an attribution without markup.

    >>> _plain_text('<a href="x">&copy; 市测绘院</a>')
    '© 市测绘院'
    """
    return unescape(re.sub(r"<[^>]*>", "", text))[:200].strip()
