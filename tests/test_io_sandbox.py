"""The process that reads is locked in, and ends in one line whatever a file does to it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys

import geopandas as gpd
import pytest
from shapely import box

from gridmap.errors import InputError
from gridmap.gdal import reading
from gridmap.gdal.guards import confine, plain_environment
from gridmap.gdal.reading import read_layers
from gridmap.io import _workbook_child

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Landlock and seccomp are Linux's")
PROBE = """
import json, os, socket, sys, threading
from pathlib import Path
from gridmap.gdal.guards import confine, plain_environment
from gridmap.io import _workbook_child
inside, outside, out = map(Path, sys.argv[1:])
held = confine(read=[inside], write=out, memory_bytes=300_000_000, processor_s=20)
def tried(action):
    try:
        action()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "done"
def in_a_thread(action):
    found = []
    one = threading.Thread(target=lambda: found.append(tried(action)))
    one.start(); one.join()
    return found[0]
print(json.dumps({
    "held": sorted(held),
    "inside": tried(inside.read_text),
    "outside": tried(outside.read_text),
    "outside in a thread": in_a_thread(outside.read_text),
    "write": tried(lambda: (out / "a").write_text("a")),
    "write outside": tried(lambda: outside.write_text("a")),
    "write inside": tried(lambda: inside.write_text("a")),
    "link": tried(lambda: (out / "l").symlink_to(outside) or (out / "l").read_text()),
    "environment of the parent": tried(Path(f"/proc/{os.getppid()}/environ").read_bytes),
    "socket": tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    "local socket": tried(lambda: socket.socket(socket.AF_UNIX)),
    "program": tried(lambda: os.execv("/bin/true", ["true"])),
    "memory": tried(lambda: bytearray(600_000_000)),
    "passwords": tried(Path("/etc/passwd").read_text),
}))
"""


@LINUX
def test_a_locked_process_reaches_its_file_and_nothing_else(tmp_path):
    inside, outside, out = tmp_path / "in.txt", tmp_path / "secret.toml", tmp_path / "out"
    inside.write_text("layer")
    outside.write_text("cookie_secret")
    out.mkdir()
    ran = subprocess.run(
        [sys.executable, "-c", PROBE, inside, outside, out],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    told = json.loads(ran.stdout)
    assert told["inside"] == "done"
    assert told["write"] == "done"
    assert told["memory"] == "MemoryError"
    if "files" in told["held"]:
        for name in ("outside", "outside in a thread", "write outside", "write inside", "link",
                     "environment of the parent", "passwords"):  # fmt: skip
            assert told[name] == "PermissionError", name
    if "network" in told["held"]:
        for name in ("socket", "local socket", "program"):
            assert told[name] == "PermissionError", name


@LINUX
def test_this_kernel_holds_every_guard(tmp_path, record_property):
    """The machines that gridmap is tested on have both; older kernels are the fallback's."""
    path = tmp_path / "a.geojson"
    squares(2).to_file(path, driver="GeoJSON")
    seen = {}
    ask = reading._ask

    def remember(request, name, out):
        seen.update(ask(request, name, out))
        return seen

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_ask", remember)
        read_layers(path)
    record_property("guards", ",".join(seen["guards"]))
    assert "limits" in seen["guards"]
    if not os.environ.get("GRIDMAP_OLD_KERNEL"):
        assert {"files", "network"} <= set(seen["guards"])


WORKBOOK = """
import json, os, socket, sys
from pathlib import Path
class CalamineError(Exception): pass
class PasswordError(CalamineError): pass
def tried(action):
    try:
        action()
    except (OSError, MemoryError) as error:
        return type(error).__name__
    return "done"
book = Path(sys.argv[1])
outside = book.with_name("secret.toml")
print(json.dumps({
    "inside": tried(book.read_bytes),
    "outside": tried(outside.read_text),
    "write": tried(lambda: book.with_name("new").write_text("a")),
    "environment": sorted(os.environ),
    "socket": tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
    "program": tried(lambda: os.execv("/bin/true", ["true"])),
    "memory": tried(lambda: bytearray(1_200_000_000)),
}), flush=True)
os._exit(0)
"""


@LINUX
def test_the_parser_of_workbooks_is_locked_in_too(tmp_path):
    """A parser that turns against its reader, as a broken workbook might make it."""
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "python_calamine.py").write_text(WORKBOOK, encoding="utf-8")
    (tmp_path / "book").mkdir()
    book = tmp_path / "book" / "a.xlsx"
    book.write_bytes(b"PK")
    book.with_name("secret.toml").write_text("cookie_secret")
    ran = subprocess.run(
        [sys.executable, "-I", "-S", _workbook_child.__file__, book, tmp_path / "packages", "5",
         ""],
        capture_output=True, text=True, check=True, env=plain_environment(),
    )  # fmt: skip
    told = json.loads(ran.stdout)
    assert told["inside"] == "done"
    assert told["memory"] == "MemoryError"
    assert "PATH" not in told["environment"]
    if not os.environ.get("GRIDMAP_OLD_KERNEL"):
        for name in ("outside", "write", "socket", "program"):
            assert told[name] == "PermissionError", name


def squares(count):
    shapes = [box(120 + n * 0.01, 30, 120.01 + n * 0.01, 30.01) for n in range(count)]
    return gpd.GeoDataFrame(
        {"id": [f"{n:03}" for n in range(count)], "residents": range(count)},
        geometry=shapes, crs=4326,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("program", "key"),
    [
        ("import os; os.abort()", "gdal.error.stopped"),
        ("import ctypes; ctypes.string_at(0)", "gdal.error.stopped"),
        ("raise SystemExit(3)", "gdal.error.stopped"),
        ("import time; time.sleep(3600)", "gdal.error.time"),
    ],
)
def test_a_reader_that_crashes_or_hangs_is_one_line(tmp_path, monkeypatch, program, key):
    path = tmp_path / "a.geojson"
    squares(2).to_file(path, driver="GeoJSON")
    run = subprocess.run
    monkeypatch.setattr(
        reading.subprocess, "run",
        lambda command, **options: run(
            [command[0], "-c", program],
            **{**options, "timeout": 5 if "sleep" in program else options["timeout"]},
        ),
    )  # fmt: skip
    with pytest.raises(InputError) as error:
        read_layers(path)
    assert error.value.key == key
    assert "\n" not in error.value.text()


def test_time_and_memory_of_a_reader_are_bounded(tmp_path, monkeypatch):
    path = tmp_path / "deep.geojson"
    ring = "[[120,30],[120.1,30],[120.1,30.1],[120,30]]"
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type":"FeatureCollection","features":[')
        for n in range(30_000):
            file.write("," if n else "")
            file.write(f'{{"type":"Feature","properties":{{"id":"{n}"}},"geometry":')
            file.write('{"type":"Polygon","coordinates":[' + ring + "]}}")
        file.write("]}")
    monkeypatch.setattr(reading, "_MEMORY_BYTES", 60_000_000)
    monkeypatch.setattr(reading, "_MEMORY_PER_BYTE", 0)
    with pytest.raises(InputError) as error:
        read_layers(path)
    assert error.value.key in {"gdal.error.memory", "gdal.error.stopped", "gdal.error.cannot_open"}
    monkeypatch.undo()
    assert len(read_layers(path)[0].frame) == 30_000


def test_secrets_in_the_environment_do_not_reach_the_reader(monkeypatch, tmp_path):
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", "postgresql://user:secret@db/plans")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    told = reading._environment(tmp_path)
    assert "secret" not in json.dumps(told).replace(str(tmp_path), "")
    assert "PATH" not in told


def database(path, *statements):
    squares(3).to_file(path, driver="GPKG", layer="grid")
    with sqlite3.connect(path) as opened:
        opened.execute("PRAGMA writable_schema = ON")
        for statement in statements:
            opened.execute(statement)
    opened.close()
    return path


def schema_row(kind, name, sql):
    if kind != "table":
        return sql
    quoted = sql.replace("'", "''")
    row = f"'{kind}', '{name}', '{name}', 0, '{quoted}'"
    return f"INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES ({row})"  # noqa: S608


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        ("table", "CREATE VIRTUAL TABLE leak USING VirtualOGR('/etc/passwd')"),
        ("table", "create virtual  table leak using VirtualShape('/a/b', 'UTF-8', 4326)"),
        ("view", "CREATE VIEW leak AS SELECT ogr_datasource_load_layers('/a.csv')"),
        ("view", "CREATE VIEW leak AS SELECT \"gdal_get_pixel_value\"('/a.tif', 1, 'p', 0, 0)"),
        ("view", "CREATE VIEW leak AS SELECT load_extension('/tmp/a.so')"),
        ("trigger", "CREATE TRIGGER leak AFTER INSERT ON grid BEGIN SELECT OGR_GEOCODE('x'); END"),
    ],
)  # fmt: skip
def test_a_database_that_reaches_other_files_is_refused(tmp_path, kind, sql):
    path = database(tmp_path / "grid.gpkg", schema_row(kind, "leak", sql))
    with pytest.raises(InputError) as error:
        read_layers(path, layer="grid")
    assert error.value.key == "gdal.error.reaching"


def test_an_ordinary_view_and_the_index_are_no_reason(tmp_path):
    path = database(
        tmp_path / "grid.gpkg",
        "CREATE VIEW many AS SELECT * FROM grid WHERE residents > 1",
        "CREATE VIEW credit AS SELECT id FROM grid",
    )
    assert len(read_layers(path, layer="grid")[0].frame) == 3


def test_what_a_database_has_not_yet_written_is_read(tmp_path):
    path = tmp_path / "grid.gpkg"
    squares(3).to_file(path, driver="GPKG", layer="grid", SPATIAL_INDEX="NO")
    opened = sqlite3.connect(path)
    opened.execute("PRAGMA journal_mode = WAL")
    opened.execute("PRAGMA wal_autocheckpoint = 0")
    opened.execute("UPDATE grid SET residents = 77")
    opened.commit()
    assert list(read_layers(path)[0].frame["residents"]) == [77, 77, 77]
    opened.close()


def test_nothing_is_left_in_the_temporary_folder(tmp_path, monkeypatch):
    room = tmp_path / "tmp"
    room.mkdir()
    monkeypatch.setattr(reading.tempfile, "tempdir", str(room))
    path = tmp_path / "a.geojson"
    squares(2).to_file(path, driver="GeoJSON")
    read_layers(path)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(InputError):
        read_layers(path)
    assert list(room.iterdir()) == []


def test_a_file_is_read_where_links_cannot_be_made(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError

    monkeypatch.setattr(reading.Path, "symlink_to", refuse)
    path = tmp_path / "警格 !?*.shp"
    squares(2).to_file(tmp_path / "a.shp")
    for part in tmp_path.glob("a.*"):
        shutil.move(part, path.with_suffix(part.suffix))
    assert len(read_layers(path)[0].frame) == 2


def test_confining_says_what_holds(monkeypatch, tmp_path):
    """Without Landlock and seccomp the limits stay, and nothing fails."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("gridmap.gdal.guards._limit", lambda *_: True)
    assert confine(read=[], write=tmp_path, memory_bytes=1, processor_s=1) == {"limits"}
