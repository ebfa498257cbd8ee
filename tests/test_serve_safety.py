"""What is written is its owner's alone, and nothing that is read back can run code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gridmap.demo import make_city

ROOT = Path(__file__).parents[1]
_RUN = "import os; os.umask(0o022); from gridmap.cli import main; main()"


_HAS_RIGHTS = pytest.mark.skipif(os.name == "nt", reason="Windows has rights of another kind")


@_HAS_RIGHTS
def test_nobody_else_enters_a_workspace_made_from_python(tmp_path):
    before = os.umask(0o022)
    try:
        make_city(grids=60, incidents=10).save(tmp_path / "city")
    finally:
        os.umask(before)
    assert (tmp_path / "city").stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
@_HAS_RIGHTS
def test_a_workspace_is_for_its_owner_alone(tmp_path):
    place = tmp_path / "new" / "city"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRIDMAP_CACHE": str(tmp_path / "kept")}
    for words in (("demo", str(place), "--grids", "60", "--incidents", "300"),
                  ("roles", str(place), "li@police.example", "planner")):  # fmt: skip
        subprocess.run(
            [sys.executable, "-c", _RUN, *words],
            env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    found = [place.parent, place, *place.rglob("*")]
    assert len(found) > 4
    for path in found:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_nothing_that_is_read_back_can_run_code():
    """Caches and addresses hold arrays and JSON; Python's own formats run what they hold."""
    words = re.compile(
        r"\b(?:import|from) (?:pickle|marshal|shelve|dill|joblib|cloudpickle)\b"
        r"|allow_pickle=True|read_pickle|to_pickle|persist=|yaml\.load\b|\beval\(|\bexec\("
    )
    for path in [*(ROOT / "gridmap").rglob("*.py"), ROOT / "app.py"]:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not words.search(line), (path.name, line)
