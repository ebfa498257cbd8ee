"""A workspace survives a kill at any instant, and two writers at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from pyproj import CRS
from shapely import box

from gridmap.errors import CRSError, WorkspaceError
from gridmap.io import Workspace, read_city
from gridmap.io._storage import LOCK, PENDING_CONFIG, locked
from gridmap.model import City, IncidentBatch, Incidents, Kind, Layer

METRES = CRS("EPSG:4547")


def grids(count, crs=METRES):
    shapes = [box(500_000 + 100 * n, 2.5e6, 500_100 + 100 * n, 2.5e6 + 100) for n in range(count)]
    frame = gpd.GeoDataFrame({"id": [f"g{n}" for n in range(count)]}, geometry=shapes, crs=crs)
    return Layer(Kind.GRID, frame)


def incidents(count):
    time_ = np.datetime64("2024-01-15", "s") + np.arange(count) * np.timedelta64(86400, "s")
    batch = IncidentBatch(
        np.full(count, 500_050.0), np.full(count, 2.5e6 + 50), time_, np.zeros(count, np.int16)
    )
    return Incidents.from_batch(batch, categories=("盗窃",), crs=METRES)


def test_what_is_put_comes_back(tmp_path):
    place = Workspace.at(tmp_path / "city")
    place.put_layer(grids(3))
    place.put_incidents(incidents(40))
    city = read_city(tmp_path / "city")
    assert city.grids.digest == grids(3).digest
    assert len(city.incidents) == 40
    assert sorted(p.name[:7] for p in (tmp_path / "city" / "incidents.parquet").iterdir()) == [
        "2024-01",
        "2024-02",
    ]


def test_the_same_values_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        Workspace.at(tmp_path / name / "city").put_layer(grids(3))
    first, second = ((tmp_path / name / "city" / "city.gpkg").read_bytes() for name in ("a", "b"))
    assert first == second


def test_replacing_incidents_leaves_no_old_month(tmp_path):
    place = Workspace.at(tmp_path / "city")
    place.put_incidents(incidents(40))
    place.put_incidents(incidents(3))
    assert len(list((tmp_path / "city" / "incidents.parquet").iterdir())) == 1
    assert len(read_city(tmp_path / "city").incidents) == 3


def test_disputes_settled_since_are_other_incidents(tmp_path):
    batch = incidents(3).all
    never = np.full(3, np.datetime64("NaT"), "datetime64[s]")
    later = np.full(3, np.datetime64("2024-02-01", "s"))
    made = [
        Incidents.from_batch(
            IncidentBatch(batch.x, batch.y, batch.time, batch.category, settled, station),
            categories=("盗窃",),
            crs=METRES,
        )
        for settled in (None, never, later)
        for station in (None, np.array(["1", "2", "3"], object))
    ]
    assert len({found.digest for found in made}) == 6
    # Months of one set are never written over those of another that still holds.
    place = Workspace.at(tmp_path / "city")
    place.put_incidents(made[2])
    before = set(place.config["incidents"]["files"])
    place.put_incidents(made[4])
    assert before.isdisjoint(place.config["incidents"]["files"])


def test_an_old_month_that_is_held_open_is_left(tmp_path, monkeypatch):
    place = Workspace.at(tmp_path / "city")
    place.put_incidents(incidents(40))

    def held(*_, **__):
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", held)
    place.put_incidents(incidents(3))
    monkeypatch.undo()
    assert len(read_city(tmp_path / "city").incidents) == 3


def test_another_crs_is_refused(tmp_path):
    place = Workspace.at(tmp_path / "city")
    place.put_layer(grids(1))
    with pytest.raises(CRSError):
        place.put_layer(grids(1, CRS("EPSG:4548")))


def test_a_folder_of_other_things_is_no_workspace(tmp_path):
    (tmp_path / "letter.txt").write_text("hello")
    for make in (Workspace.open, Workspace.at):
        with pytest.raises(WorkspaceError) as raised:
            make(tmp_path)
        assert raised.value.key == "io.error.not_workspace"


@pytest.mark.parametrize("text", ["not = [toml", "version = 99\n", "version = 'x'\n"])
def test_a_spoilt_configuration_is_told(tmp_path, text):
    place = Workspace.at(tmp_path / "city")
    place.put_layer(grids(1))
    (place.path / "gridmap.toml").write_text(text, encoding="utf-8")
    with pytest.raises(WorkspaceError) as raised:
        read_city(place.path)
    assert raised.value.key in {"io.error.bad_config", "io.error.version"}


def test_lost_and_broken_files_are_told(tmp_path):
    place = Workspace.at(tmp_path / "city")
    place.put_layer(grids(1))
    place.put_incidents(incidents(2))
    for path in (place.path / "incidents.parquet").iterdir():
        path.unlink()
    with pytest.raises(WorkspaceError) as raised:
        read_city(place.path)
    assert raised.value.key == "io.error.incidents_lost"
    (place.path / "city.gpkg").write_bytes(b"rubbish")
    with pytest.raises(WorkspaceError) as raised:
        read_city(place.path)
    assert raised.value.key == "io.error.layer_unreadable"


def test_a_change_that_holds_is_carried_through(tmp_path, monkeypatch):
    """Stop after the new configuration stands, before anything is renamed."""
    place = Workspace.at(tmp_path / "city")
    place.put_layer(grids(1))

    def killed(folder):
        raise KeyboardInterrupt(str(folder))

    monkeypatch.setattr("gridmap.io.workspace.carry_through", lambda _: None)
    monkeypatch.setattr("gridmap.io._storage.carry_through", killed)
    with pytest.raises(KeyboardInterrupt):
        place.put_layer(grids(5))
    monkeypatch.undo()
    assert (place.path / PENDING_CONFIG).exists()
    assert len(read_city(place.path).grids) == 5
    assert not list(place.path.glob(".*"))


def test_a_change_that_never_held_is_forgotten(tmp_path, monkeypatch):
    place = Workspace.at(tmp_path / "city")
    place.put_layer(grids(1))

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("gridmap.io.workspace.commit", killed)
    with pytest.raises(KeyboardInterrupt):
        place.put_layer(grids(5))
    monkeypatch.undo()
    assert len(read_city(place.path).grids) == 1
    place.put_layer(grids(2))
    assert len(read_city(place.path).grids) == 2
    assert not list(place.path.glob(".*"))


WRITER = """
import sys
sys.path.insert(0, {tests!r})
from test_io_workspace import grids
from gridmap.io import Workspace
place = Workspace.open({place!r})
print("ready", flush=True)
while True:
    for count in (1, 400):
        place.put_layer(grids(count))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a system with SIGKILL")
def test_a_writer_killed_at_any_instant_leaves_old_or_new(tmp_path):
    place = Workspace.at(tmp_path / "city")
    place.put_layer(grids(1))
    code = WRITER.format(place=str(place.path), tests=os.path.dirname(__file__))  # noqa: PTH120 - for sys.path
    for turn in range(4):
        writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert writer.stdout.readline().strip() == b"ready"
        time.sleep(0.05 + 0.037 * turn)
        writer.kill()
        writer.wait()
        writer.stdout.close()
        opened = Workspace.open(place.path)
        layer = opened.layer(Kind.GRID)
        assert len(layer) in {1, 400}
        entry = opened.config["layers"]["grid"]
        assert (entry["count"], entry["digest"]) == (len(layer), layer.digest)


def test_two_writers_wait_for_each_other(tmp_path):
    place = Workspace.at(tmp_path / "city")
    place.put_layer(grids(1))
    errors = []

    def write(kind):
        try:
            for count in range(2, 5):
                layer = grids(count)
                Workspace.open(place.path).put_layer(Layer(kind, layer.frame))
        except WorkspaceError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(k,)) for k in (Kind.GRID, Kind.BEAT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    city = read_city(place.path)
    assert (len(city.grids), len(city.beats)) == (4, 4)
    assert not (place.path / LOCK).exists()


def test_a_lock_held_for_long_is_told(tmp_path):
    with locked(tmp_path), pytest.raises(WorkspaceError) as raised, locked(tmp_path, wait_s=0.1):
        pass
    assert raised.value.key == "io.error.locked"


def test_a_city_put_whole_replaces_what_was_there(tmp_path):
    place = Workspace.at(tmp_path / "city")
    place.put_layer(Layer(Kind.BEAT, grids(2).frame))
    place.put_city(City("新市", METRES, {Kind.GRID: grids(3)}, incidents(2)))
    city = read_city(place.path)
    assert (city.name, list(city.layers)) == ("新市", [Kind.GRID])
