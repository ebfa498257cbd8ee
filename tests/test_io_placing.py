"""Files put in the place of others, also where another program holds them as Windows lets it."""

import os
import sys
import zipfile
from pathlib import Path

import pytest

from gridmap.demo import make_city
from gridmap.errors import WorkspaceError
from gridmap.io import ImportOptions, Workspace, read_city, read_layer, write_frame
from gridmap.io._sources import opened_files
from gridmap.io.placing import new_folder_beside, put
from gridmap.model import Kind
from gridmap.partition._solve import most_workers


class InUseError(PermissionError):
    """What Windows says of a file that another program has open."""

    winerror = 32


@pytest.fixture
def in_use(monkeypatch):
    """Hold files: replacing one whose name is held fails as often as is said."""
    left: dict[str, int] = {}
    replace = Path.replace

    def windows(self, target):
        name = Path(target).name
        if left.get(name, 0) > 0:
            left[name] -= 1
            raise InUseError(13, "in use", str(self))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", windows)
    monkeypatch.setattr("gridmap.io.placing._BEAT_S", 0)
    return left


def test_who_lets_go_soon_is_waited_for(tmp_path, in_use):
    (tmp_path / "new").write_text("new", encoding="utf-8")
    (tmp_path / "old").write_text("old", encoding="utf-8")
    in_use["old"] = 3
    put(tmp_path / "new", tmp_path / "old")
    assert (tmp_path / "old").read_text(encoding="utf-8") == "new"


def test_who_does_not_let_go_is_told_of(tmp_path, in_use):
    (tmp_path / "new").write_text("new", encoding="utf-8")
    in_use["old"] = 1_000_000
    with pytest.raises(PermissionError):
        put(tmp_path / "new", tmp_path / "old", wait_s=0.01)


def test_other_faults_are_not_waited_for(tmp_path):
    with pytest.raises(FileNotFoundError):
        put(tmp_path / "none", tmp_path / "old", wait_s=1e9)


def test_a_change_refused_is_no_change(tmp_path, in_use, monkeypatch):
    """City.gpkg is open in QGIS: what is told to have failed does not appear later."""
    place = Workspace.at(tmp_path / "city")
    place.put_city(make_city(grids=60, incidents=10, seed=1))
    before = {path.name: path.read_bytes() for path in place.path.iterdir() if path.is_file()}
    ids = list(read_city(place.path).grids.ids)
    monkeypatch.setattr(put, "__kwdefaults__", {"wait_s": 0.0})
    in_use["city.gpkg"] = 1_000_000
    with pytest.raises(WorkspaceError) as raised:
        place.put_city(make_city(grids=66, incidents=10, seed=2))
    assert raised.value.key == "io.error.cannot_write"
    in_use.clear()
    assert list(read_city(place.path).grids.ids) == ids
    after = {path.name: path.read_bytes() for path in place.path.iterdir() if path.is_file()}
    assert after == before


@pytest.mark.skipif(sys.platform == "win32", reason="rights of this kind are POSIX's")
def test_what_is_made_has_the_rights_of_its_place(tmp_path):
    """A group that shares a folder can read what is put there; a workspace is its maker's."""
    before = os.umask(0o002)
    try:
        place = Workspace.at(tmp_path / "city")
        place.put_city(make_city(grids=60, incidents=10, seed=1))
        write_frame(read_city(place.path).grids.frame, tmp_path / "grids.gpkg")
        folder = new_folder_beside(tmp_path / "report")
    finally:
        os.umask(before)
    assert place.path.stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "grids.gpkg").stat().st_mode & 0o044 == 0o044
    assert folder.stat().st_mode & 0o777 == 0o775


def test_a_zip_may_hold_names_that_windows_has_not(tmp_path):
    """All parts of a shapefile are renamed alike, and nothing goes into a stream of a file."""
    grids = make_city(grids=60, incidents=10, seed=1).grids.frame[["id", "geometry"]]
    write_frame(grids, tmp_path / "made" / "g.shp")
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        for path in (tmp_path / "made").iterdir():
            archive.write(path, f"2024? /grids: {path.name}")
    with opened_files(tmp_path / "g.zip", max_mb=10) as files:
        names = {part for path in files for part in path.parts[-2:]}
        assert names == {"2024_", "grids_ g.shp"}
        layer, _ = read_layer(files, kind=Kind.GRID, options=ImportOptions())
    assert len(layer) == 60


def test_windows_waits_for_no_more_than_61_processes(monkeypatch):
    assert most_workers(100) == (61 if sys.platform == "win32" else 100)
    monkeypatch.setattr(sys, "platform", "win32")
    assert (most_workers(100), most_workers(2)) == (61, 2)
