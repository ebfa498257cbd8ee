"""A workspace of an older gridmap, or of another machine, opens with everything in it."""

import shutil
import sqlite3
import zipfile
from pathlib import Path

import pytest
import tomlkit

from gridmap.demo import make_city
from gridmap.errors import WorkspaceError
from gridmap.io import Workspace
from gridmap.io.workspace import VERSION
from gridmap.measure.pieces import present_plan
from gridmap.model import Kind
from gridmap.plans import LOCAL, PlanStore

# Written by the first gridmap: 60 grids, 200 incidents; `gridmap.toml` says version 1.
OLD = Path(__file__).parent / "data" / "workspace_1.zip"


@pytest.fixture
def old(tmp_path):
    with zipfile.ZipFile(OLD) as archive:
        archive.extractall(tmp_path / "city")
    return tmp_path / "city"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_reading_an_older_workspace_writes_nothing(old):
    before = contents(old)
    place = Workspace.open(old)
    city = place.city()
    assert (len(city.grids), len(city.incidents), city.made_up) == (60, 200, True)
    assert contents(old) == before


def test_the_first_change_brings_it_up(old):
    place = Workspace.open(old)
    place.put_layer(place.layer(Kind.GRID))
    assert tomlkit.parse((old / "gridmap.toml").read_text("utf-8"))["version"] == VERSION
    again = Workspace.open(old)
    assert again.city().grids.digest == place.city().grids.digest


def test_tables_that_cannot_be_made_leave_no_store(tmp_path, monkeypatch):
    from gridmap.plans.migrations.versions import v0003_plans

    source = Path(v0003_plans.__file__)
    folder = tmp_path / "migrations"
    shutil.copytree(source.parents[1], folder)
    broken = folder / "versions" / source.name
    text = broken.read_text("utf-8").replace("    _log()\n", "    raise OSError(28, 'x')\n", 1)
    broken.write_text(text, "utf-8")
    monkeypatch.setattr("gridmap.plans._database.MIGRATIONS", folder)
    with pytest.raises(OSError, match="x"):
        PlanStore.open(tmp_path / "plans.db")
    raw = sqlite3.connect(tmp_path / "plans.db")
    assert raw.execute("SELECT name FROM sqlite_master").fetchall() == []
    raw.close()
    monkeypatch.undo()
    with PlanStore.open(tmp_path / "plans.db") as store:
        assert not store.list()


@pytest.mark.parametrize("version", [VERSION + 1, 0, '"two"'])
def test_a_later_workspace_is_refused_in_one_line(old, version):
    text = (old / "gridmap.toml").read_text("utf-8")
    (old / "gridmap.toml").write_text(
        text.replace("version = 1", f"version = {version}", 1), "utf-8"
    )
    before = contents(old)
    for way in (Workspace.open, Workspace.at):
        with pytest.raises(WorkspaceError) as raised:
            way(old)
        assert len(raised.value.text("en").splitlines()) == 1
    assert contents(old) == before


def test_a_workspace_moves_to_another_machine(tmp_path):
    """Another folder, with blanks and Chinese in its name; the configuration out of Notepad."""
    made = Workspace.at(tmp_path / "made")
    made.put_city(make_city(grids=72, incidents=500, seed=7))
    city = made.city()
    with PlanStore.open(made.path) as store:
        store.save(present_plan(city).renamed("现行"), author=LOCAL, grids=city.grids)
    moved = tmp_path / "另 一台" / "市局 (2)"
    moved.parent.mkdir()
    shutil.move(made.path, moved)
    told = b"".join(p.read_bytes() for p in moved.rglob("*") if p.suffix in {".toml", ".gpkg"})
    assert str(tmp_path).encode() not in told
    config = moved / "gridmap.toml"
    config.write_bytes(b"\xef\xbb\xbf" + config.read_bytes().replace(b"\n", b"\r\n"))
    again = Workspace.open(moved)
    assert again.city().grids.digest == city.grids.digest
    assert again.city().incidents.digest == city.incidents.digest
    again.put_layer(again.layer(Kind.ROOM))
    assert Workspace.open(moved).city().rooms.digest == city.rooms.digest
    with PlanStore.open(moved) as store:
        plan = store.load("现行", grids=again.city().grids)
        assert (plan.assignment == present_plan(city).assignment).all()
        assert store.verify().is_whole
