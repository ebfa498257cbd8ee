"""A basemap in a local file: the tile asked for and no other, and one line for a bad file."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3
import struct
from contextlib import closing

import pytest

from gridmap.errors import InputError, MissingError
from gridmap.io.basemap import hilbert_id, open_basemap
from gridmap.pages import gate

PNG = b"\x89PNG\r\n\x1a\n"
# Zoom, column and row from the north of each tile: two at the top, a run of equal ones below.
TILES = {(0, 0, 0): PNG + b"world", (2, 3, 1): PNG + b"east", (2, 0, 0): PNG + b"northwest"}
CREDIT = '<a href="https://example.org">&copy; 市测绘院</a>'


def write_mbtiles(path, tiles=None, *, format_="png"):
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        told = {"format": format_, "attribution": CREDIT, "minzoom": "0", "maxzoom": "2"}
        base.executemany("INSERT INTO metadata VALUES (?, ?)", told.items())
        base.execute("CREATE TABLE tiles (zoom_level, tile_column, tile_row, tile_data)")
        rows = [
            (z, x, 2**z - 1 - y, data)
            for (z, x, y), data in (TILES if tiles is None else tiles).items()
        ]
        base.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
    base.close()
    return path


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def directory(entries) -> bytes:
    """Return entries (first tile, tiles in a row, offset, length) as the file holds them."""
    first = [one[0] for one in entries]
    steps = [tile - before for tile, before in zip(first, [0, *first[:-1]], strict=True)]
    runs, offsets, lengths = ([one[at] for one in entries] for at in (1, 2, 3))
    columns = [steps, runs, lengths, [one + 1 for one in offsets]]
    return gzip.compress(
        varint(len(entries)) + b"".join(varint(n) for column in columns for n in column)
    )


def write_pmtiles(path, *, kind=2, version=3, inner=2):
    """Write the tiles; those of zoom 2 are found through a directory of its own."""
    order = sorted(TILES, key=lambda one: hilbert_id(*one))
    data, entries = b"", []
    for one in order:
        entries.append((hilbert_id(*one), 1, len(data), len(TILES[one])))
        data += TILES[one]
    leaf = directory(entries[1:])
    root = directory([entries[0], (entries[1][0], 0, 0, len(leaf))])
    told = gzip.compress(json.dumps({"attribution": CREDIT}).encode())
    places, at = [], 127
    for part in (root, told, leaf, data):
        places += [at, len(part)]
        at += len(part)
    head = struct.pack("<7sB8Q3Q6B2i2iB2i", b"PMTiles", version, *places, 3, 3, 3, 1, inner, 1,
                       kind, 0, 2, 0, 0, 0, 0, 0, 0, 0)  # fmt: skip
    path.write_bytes(head + root + told + leaf + data)
    return path


@pytest.fixture(params=[write_mbtiles, write_pmtiles])
def file(request, tmp_path):
    return request.param(tmp_path / "city.tiles")


def test_each_tile_is_the_one_that_was_written(file):
    found = open_basemap(file)
    assert found.credit == "© 市测绘院"
    assert found.zooms == (0, 2)
    for z in range(4):
        for x in range(2**z):
            for y in range(2**z):
                assert found.tile(z, x, y) == TILES.get((z, x, y))
    for nowhere in ((2, -1, 0), (2, 0, 4), (-1, 0, 0), (99, 0, 0), (0, 0, 1)):
        assert found.tile(*nowhere) is None


def test_the_curve_is_that_of_the_specification():
    # Worked examples of the PMTiles specification, version 3.
    order = ((0, 0, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0))
    assert [hilbert_id(*one) for one in order] == [0, 1, 2, 3, 4]
    assert hilbert_id(2, 0, 0) == 5
    assert hilbert_id(12, 3423, 1763) == 19078479
    every = sorted(hilbert_id(4, x, y) for x in range(16) for y in range(16))
    assert every == list(range(85, 341))


def as_is(data: bytes):
    return lambda path: path.write_bytes(data)


BAD = {
    "empty": as_is(b""),
    "text": as_is(b"not tiles"),
    "cut": lambda path: path.write_bytes(write_pmtiles(path).read_bytes()[:150]),
    "version": lambda path: write_pmtiles(path, version=2),
    "brotli": lambda path: write_pmtiles(path, inner=3),
    "vector": lambda path: write_pmtiles(path, kind=1),
    "pbf": lambda path: write_mbtiles(path, {(0, 0, 0): b"\x1f\x8b..."}, format_="pbf"),
    "no picture": lambda path: write_mbtiles(path, {(0, 0, 0): b"<svg/>"}),
    "no tiles": lambda path: write_mbtiles(path, {}),
    "no table": lambda path: closing(sqlite3.connect(path)).thing.execute("CREATE TABLE a (b)"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_file_is_refused_in_one_line(fault, tmp_path):
    path = tmp_path / "bad.mbtiles"
    BAD[fault](path)
    before = path.read_bytes()
    with pytest.raises(InputError) as error:
        open_basemap(path)
    assert len(error.value.text("zh").splitlines()) == 1
    assert ("矢量" in error.value.text("zh")) == (fault in {"vector", "pbf"})
    assert path.read_bytes() == before
    with pytest.raises(MissingError):
        open_basemap(tmp_path / "nothing.mbtiles")


def test_a_query_without_end_is_cut_off_and_no_file_is_changed(tmp_path):
    path = tmp_path / "endless.mbtiles"
    write_mbtiles(path)
    found = open_basemap(path)
    with pytest.raises(sqlite3.OperationalError):
        found._ask("INSERT INTO metadata VALUES ('a', 'b')")
    found._end_after = 0.0
    with pytest.raises(sqlite3.OperationalError):
        found._ask(
            "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n)"
            " SELECT max(i) FROM n"
        )


@pytest.fixture
def ask(monkeypatch):
    monkeypatch.setattr(gate, "login_needed", lambda _: False)

    def ask_(path: str) -> tuple[int, bytes]:
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def app(scope, receive, send):
            pytest.fail("Streamlit was asked")

        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"",
                 "headers": [(b"host", b"localhost")]}  # fmt: skip
        asyncio.run(gate.Gate(app)(scope, receive, send))
        return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:])

    return ask_


def test_the_server_gives_tiles_and_nothing_else_of_the_file(ask, file, monkeypatch):
    monkeypatch.setenv("GRIDMAP_BASEMAP", str(file))
    assert ask("/basemap/2/3/1") == (200, TILES[2, 3, 1])
    status, blank = ask("/basemap/2/1/1")
    assert status == 200
    assert blank.startswith(PNG)
    assert blank not in TILES.values()
    for path in ("/basemap", "/basemap/2/3", "/basemap/2/3/1/0", "/basemap/2/3/1.png",
                 "/basemap/../../etc/passwd", "/basemap/2/3/-1", "/basemap/２/3/1",
                 f"/basemap/{file.name}", "/basemap/2/99999999999/1"):  # fmt: skip
        assert ask(path)[0] == 404
    monkeypatch.delenv("GRIDMAP_BASEMAP")
    assert ask("/basemap/2/3/1")[0] == 404
