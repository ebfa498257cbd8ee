"""A department is backed up and restored by the commands that docs/department.md shows."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import documents
import plans_postgres
import pytest

Run = Callable[..., tuple[int, str, str]]
PAGES = ["docs/department.md", "docs/department.zh-CN.md"]


def shown(name: str, *programs: str) -> list[list[str]]:
    """Return the commands of a page that run one of these programs, as words."""
    lines = [shlex.split(line) for line in documents.commands_of(name)]
    return [words for words in lines if words[0] in programs]


def saved(run: Run, place: Path, name: str) -> None:
    code, _, err = run("propose", place, "--beats", 6, "--effort", "quick", "--save", name)
    assert code == 0, err


def head_of(run: Run, place: Path) -> str:
    code, out, err = run("audit", place)
    assert code == 0, err
    return re.search(r"head (\w+)", out)[1]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="cp is a command of Linux")
@pytest.mark.parametrize("page", PAGES)
def test_a_workspace_is_backed_up_and_restored(page: str, run: Run, tmp_path: Path) -> None:
    city, copy = tmp_path / "srv" / "gridmap" / "city", tmp_path / "backup" / "city"
    copy.parent.mkdir()
    assert run("demo", city, "--grids", 60, "--incidents", 500)[0] == 0
    saved(run, city, "A")
    (folder,), (plans,) = shown(page, "cp"), shown(page, "python")
    for words, name in ((folder, "B"), (plans, None)):
        there = [
            re.sub(r"(?<![\w/])/(srv|backup)/", rf"{tmp_path}/\1/", word).replace("\\", "/")
            for word in words
        ]
        there[0] = sys.executable if there[0] == "python" else there[0]
        subprocess.run(there, check=True)
        if name:
            saved(run, city, name)
    head = head_of(run, city)
    shutil.rmtree(city)
    shutil.copytree(copy, city)
    assert head_of(run, city) == head
    assert [line.split()[0] for line in run("plans", city)[1].splitlines()] == ["A", "B"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[plans_postgres.PrivateCluster]:
    required = os.environ.get("CI", "").lower() == "true"
    try:
        with plans_postgres.PrivateCluster(install=required, durable=False) as server:
            yield server
    except plans_postgres.UnavailableError as error:
        if required:
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.mark.postgresql
@pytest.mark.parametrize("page", PAGES)
def test_a_shared_store_is_backed_up_and_restored(
    page: str,
    run: Run,
    cluster: plans_postgres.PrivateCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = cluster.empty_database()
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", url)
    city = tmp_path / "city"
    assert run("demo", city, "--grids", 60, "--incidents", 500)[0] == 0
    saved(run, city, "A")
    head = head_of(run, city)
    monkeypatch.setenv("PGHOST", url.split("host=")[1])
    monkeypatch.setenv("PGUSER", "gridmap")
    binaries = (plans_postgres._find(install=False) / "initdb").resolve().parent
    cluster._execute("postgres", "DROP DATABASE IF EXISTS restored WITH (FORCE)")
    commands = shown(page, "pg_dump", "createdb", "pg_restore")
    assert len(commands) == 3
    for program, *words in commands:
        meant = ["gridmap_tests" if word == "gridmap" else word for word in words]
        subprocess.run([binaries / program, *meant], check=True, cwd=tmp_path)
    monkeypatch.setenv("GRIDMAP_DATABASE_URL", url.replace("gridmap_tests", "restored"))
    assert head_of(run, city) == head
    assert run("plans", city, "show", "A")[0] == 0
