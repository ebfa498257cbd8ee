"""Compiled code that is kept between runs, and is given up when what it calls has changed."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gridmap._compiled

_OUTER = """
from gridmap._compiled import njit
from gridmap.inner import worth

@njit(cache=True)
def doubled(x):
    return 2 * worth(x)
"""
_INNER = """
from gridmap._compiled import njit

@njit(cache=True)
def worth(x):
    return x + {more}
"""


def _doubled(place, cache=None):
    """Return twice what five is worth, and how much of that was compiled before."""
    code = (
        "from gridmap.outer import doubled\n"
        "print(doubled(5), sum(doubled.stats.cache_hits.values()))"
    )
    environment = {"PYTHONPATH": str(place), "HOME": str(place / "home")}
    if cache:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(word) for word in done.stdout.split()]


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [False, True])
def test_a_kernel_is_compiled_anew_when_one_that_it_calls_has_changed(tmp_path, chosen):
    cache = tmp_path / "cache" if chosen else None
    home = tmp_path / "gridmap"
    home.mkdir()
    (home / "__init__.py").write_text("")
    shutil.copy(Path(gridmap._compiled.__file__), home)
    (home / "outer.py").write_text(_OUTER)
    (home / "inner.py").write_text(_INNER.format(more=1))
    assert _doubled(tmp_path, cache) == [12, 0]
    assert _doubled(tmp_path, cache) == [12, 1]
    (home / "inner.py").write_text(_INNER.format(more=2))
    assert _doubled(tmp_path, cache) == [14, 0]
    kept = list((cache or home / "__pycache__").glob("kernels-*"))
    assert len(kept) == (2 if chosen else 1)  # a folder of somebody else's is not tidied


@pytest.mark.slow
def test_code_that_may_not_be_written_is_cached_for_the_user(tmp_path):
    home = tmp_path / "gridmap"
    home.mkdir()
    (home / "__init__.py").write_text("")
    shutil.copy(Path(gridmap._compiled.__file__), home)
    (home / "outer.py").write_text(_OUTER)
    (home / "inner.py").write_text(_INNER.format(more=1))
    (home / "__pycache__").write_text("in the way, also of root")
    assert _doubled(tmp_path) == [12, 0]
    assert _doubled(tmp_path) == [12, 1]
