"""``gridmap app``: what it opens, and what it refuses before anything is served."""

import shutil
import socket
from types import SimpleNamespace

import pytest

from gridmap.cli import run
from gridmap.demo import make_city
from gridmap.errors import WorkspaceError
from gridmap.io import Workspace, workspaces_at
from gridmap.settings import bundled


class Served:
    """Stands for the server: it notes how it was started, and ends at once."""

    def __init__(self, command, *, env, cwd):
        self.command, self.env, self.cwd = command, env, cwd
        Served.last = self

    def wait(self):
        return 0

    def poll(self):
        return 0


@pytest.fixture
def served(monkeypatch):
    """Start the app without a server; return the environment that it would get."""
    monkeypatch.setattr("subprocess.Popen", Served)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr(run, "start_warming", lambda: None)
    for name in ("GRIDMAP_WORKSPACE", "GRIDMAP_LOGIN"):
        monkeypatch.delenv(name, raising=False)

    def start(workspace=None):
        with pytest.raises(run.typer.Exit) as ended:
            run.app_command(workspace, port=8639, browser=False, login=None)
        assert ended.value.exit_code == 0
        return Served.last.env.get("GRIDMAP_WORKSPACE")

    return start


@pytest.fixture
def folder(tmp_path):
    """Return a folder with two workspaces, one on its way into it, and a file."""
    place = tmp_path / "cities"
    Workspace.at(place / "东城").put_city(make_city(grids=60, incidents=10))
    shutil.copytree(place / "东城", place / "西城")
    shutil.copytree(place / "东城", place / ".gridmap-1234")
    (place / "notes.txt").write_text("a list", encoding="utf-8")
    return place


def test_without_a_name_the_demo_city_is_opened(served):
    assert served() is None
    assert Served.last.cwd == bundled("run.py").parent


def test_a_workspace_or_a_folder_of_them_is_opened(served, folder, monkeypatch):
    assert served(folder / "东城") == str(folder / "东城")
    assert served(folder) == str(folder)
    assert [place.path.name for place in workspaces_at(folder)] == ["东城", "西城"]
    # The variable is the argument by another way.
    monkeypatch.setenv("GRIDMAP_WORKSPACE", str(folder))
    assert served() == str(folder)
    assert served(folder / "西城") == str(folder / "西城")


def test_an_empty_folder_waits_for_its_first_workspace(served, tmp_path):
    assert served(tmp_path) == str(tmp_path)
    assert workspaces_at(tmp_path) == []


@pytest.mark.parametrize("by_variable", [False, True])
def test_what_is_no_folder_of_workspaces_is_refused(served, tmp_path, monkeypatch, by_variable):
    (tmp_path / "notes.txt").write_text("a list", encoding="utf-8")
    wrong = {
        tmp_path / "nowhere": "io.error.not_workspace",
        tmp_path / "notes.txt": "io.error.not_workspace",
        tmp_path: "io.error.no_workspaces",
    }
    for place, key in wrong.items():
        if by_variable:
            monkeypatch.setenv("GRIDMAP_WORKSPACE", str(place))
        with pytest.raises(WorkspaceError) as raised:
            served(None if by_variable else place)
        assert raised.value.key == key


def test_a_workspace_of_a_later_gridmap_is_refused_but_its_neighbours_open(served, folder):
    (folder / "西城" / "gridmap.toml").write_text("version = 99\n", encoding="utf-8")
    with pytest.raises(WorkspaceError) as raised:
        served(folder / "西城")
    assert raised.value.key == "io.error.version"
    assert served(folder) == str(folder)


def test_the_address_is_told_and_opened_once_the_server_answers(monkeypatch, capsys):
    seen = []
    monkeypatch.setattr("webbrowser.open", seen.append)
    alive, ended = (SimpleNamespace(poll=lambda code=code: code) for code in (None, 1))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        run._announce_when_up(alive, port, opened=True)
        address = f"http://127.0.0.1:{port}"
        assert seen == [address]
        assert address in capsys.readouterr().err
    run._announce_when_up(ended, port, opened=True)  # a server that ended is not waited for
    assert (len(seen), capsys.readouterr().err) == (1, "")
