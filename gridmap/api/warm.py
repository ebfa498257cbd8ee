"""Compile the numba kernels once, in the foreground or behind the app.

Numba compiles a kernel when it is first called, some seventy CPU seconds for all of them, and
keeps the code on disk. `warm_kernels` calls each kernel on a small city. It writes its progress to
a small file in the cache folder, so that the app, another process, can show it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from gridmap._compiled import code_digest
from gridmap.settings import environment_with, read_settings

_MEASURES = 0.35  # share of the compile time, so that the bar moves evenly
_SEARCH = 0.94
_BEHIND_THE_APP = 10  # niceness: the pages come first
_STALE_S = 300.0  # no step takes longer: the process that wrote the file has been stopped


def warm_kernels(report_progress: Callable[[float, str], object]) -> None:
    """Compile all numba kernels, or load them from disk (a few seconds).

    Parameters
    ----------
    report_progress
        Called with the share done, 0 to 1, and the catalogue key of the step that begins.
    """

    def report(share: float, step: str) -> None:
        _write_share(share)
        report_progress(share, step)

    report(0.0, "cli.warming_measures")
    from gridmap.demo import make_city
    from gridmap.measure import measure_coverage, parse_within, scan_space_time, summarise

    city = make_city(grids=60, incidents=500)
    summarise(city, by="beat")
    scan_space_time([0, 0, 1, 1, 1], [0, 0, -2, -2, -2], [[0.0, 0.0], [9.0, 0.0]], until=0)
    (near,) = parse_within("5min")
    measure_coverage(city, near, mode="walk")
    report(_MEASURES, "cli.warming_search")
    from gridmap.partition import warm_up

    warm_up(lambda share: report(_MEASURES + (_SEARCH - _MEASURES) * share, "cli.warming_search"))
    report(_SEARCH, "cli.warming_siting")
    from gridmap.siting import SiteRequest, propose_sites

    for model in ("median", "cover"):
        propose_sites(city, SiteRequest(near, rooms=2, model=model, mode="walk"))
    report(1.0, "cli.warming_siting")


def start_warming() -> None:
    """Start `warm_kernels` in a process of its own, unless it has run for this code."""
    if _read_share() == 1.0:
        return
    process = subprocess.Popen(
        [sys.executable, "-m", "gridmap", "warm"],
        env=environment_with(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    if hasattr(os, "setpriority"):  # not on Windows
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _BEHIND_THE_APP)


def warming_share() -> float | None:
    """Return how much of the kernels is compiled, 0 to 1, while another process compiles them.

    None when nothing is being compiled.
    """
    share = _read_share()
    return None if share is None or share >= 1.0 else share


def _progress_file() -> Path | None:
    """Return the file with the share."""
    folder = read_settings().cache
    return Path(folder) / _progress_name() if folder else None


def _progress_name() -> str:
    """Return the name of that file, which changes with Python and the code that is compiled."""
    place = hashlib.blake2b(f"{sys.version}\0{__file__}".encode(), digest_size=8).hexdigest()
    return f"kernels-{place}-{code_digest('.py', holding=b'njit')}.txt"


def _write_share(share: float) -> None:
    path = _progress_file()
    if path is None:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_suffix(".part")
        part.write_text(f"{share:.3f}", encoding="ascii")
        part.replace(path)


def _read_share() -> float | None:
    path = _progress_file()
    try:
        share = float(path.read_text(encoding="ascii")) if path else None
        if share is not None and path is not None and share < 1.0:
            return share if time.time() - path.stat().st_mtime < _STALE_S else None
    except (OSError, ValueError):
        return None
    return share
