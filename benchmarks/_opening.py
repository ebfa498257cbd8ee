"""Opening the pages on a large workspace, the first time and the second."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

PAGES = ("overview", "data", "incidents", "coverage", "redraw", "reports")
_PORT = 8698
_LONG = 180_000  # milliseconds for one page


def opening(
    browser: Any,  # noqa: ANN401 - untyped peer
    folder: Path,
    *,
    grids: int,
    incidents: int,
    pages: Sequence[str] = PAGES,
) -> dict[str, Any]:
    """Return seconds until each page of a made-up city is drawn, and processor seconds.

    ``first`` is in a new browser and a new app with nothing kept, ``second`` in another
    browser of the same app, ``restarted`` after the app was started anew. A page that does
    not come has None; beside them stands the load of the machine, which all this waits for.
    """
    place = folder / "large"
    command = [sys.executable, "-m", "gridmap", "demo", str(place)]
    sizes = ["--grids", str(grids), "--incidents", str(incidents)]
    subprocess.run([*command, *sizes], check=True, stdout=subprocess.DEVNULL)
    line: dict[str, Any] = {"benchmark": "opening", "grids": grids, "incidents": incidents}
    kept = folder / "kept"
    # As after an installation: no page waits for a compiler, none of its time is counted.
    subprocess.run(
        [sys.executable, "-m", "gridmap", "warm"],
        check=True, stdout=subprocess.DEVNULL, env={**os.environ, "GRIDMAP_CACHE": str(kept)},
    )  # fmt: skip
    with _app(place, kept) as (address, process):
        for turn in ("first", "second"):
            line[turn] = _walk(browser, address, process, turn, pages)
    with _app(place, kept) as (address, process):
        line["restarted"] = _walk(browser, address, process, "restarted", pages)
    line["load"] = psutil.getloadavg()[0]
    return line


def _walk(
    browser: Any,  # noqa: ANN401 - untyped peer
    address: str,
    app: psutil.Process,
    turn: str,
    pages: Sequence[str],
) -> dict[str, Any]:
    from playwright.sync_api import TimeoutError as TooLate

    context = browser.new_context(viewport={"width": 1440, "height": 900})
    found: dict[str, Any] = {}
    for page in pages:
        try:
            found[page] = _open(context, address, page, app)
        except TooLate:
            found[page] = None
        sys.stderr.write(f"opening {turn} {page}: {found[page]}\n")  # it takes minutes
    context.close()
    return found


def launched(engine: Any) -> Any:  # noqa: ANN401 - untyped peer
    """Return the machine's own Chrome or Chromium, started."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    return engine.chromium.launch(executable_path=path, args=["--no-sandbox"])


def open_pages(browser: Any, place: Path) -> Iterator[tuple[str, str, dict[str, float]]]:  # noqa: ANN401 - untyped peer
    """Yield turn, page, and what its opening took, for a workspace that is there.

    ``peak_mb`` is what the app's process held at the most since it was started.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    with _app(place) as (address, process):
        for turn in ("first", "second"):
            for page in PAGES:
                found = _open(context, address, page, process)
                yield (
                    turn,
                    page,
                    {
                        "wall_s": round(found["s"], 1),
                        "cpu_s": round(found["app_cpu_s"], 1),
                        "peak_mb": round(_most_mb(process)),
                    },
                )
    context.close()


def _most_mb(process: psutil.Process) -> float:
    """Return the most memory that a process has held: the kernel's own count, where it has one."""
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="ignore").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return float(process.memory_info().rss) / 2**20


def cpu_s(process: psutil.Process) -> float:
    """Return the processor seconds of a process and of all that it has started."""
    total = 0.0
    for one in [process, *process.children(recursive=True)]:
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _open(context: Any, address: str, name: str, app: psutil.Process) -> dict[str, float]:  # noqa: ANN401 - untyped peer
    page = context.new_page()
    used, begun = cpu_s(app), time.perf_counter()
    page.goto(f"{address}/{name}?lang=zh")
    if name == "reports":
        page.locator(".gm-figures").wait_for(timeout=_LONG)
    else:
        frame = page.frame_locator("iframe").first
        frame.locator("#map[data-painted]").wait_for(timeout=_LONG)
    page.locator('[data-testid="stSpinner"]').wait_for(state="detached", timeout=_LONG)
    found = {"s": time.perf_counter() - begun, "app_cpu_s": cpu_s(app) - used}
    page.close()
    return found


@contextmanager
def _app(place: Path, kept: Path | None = None) -> Iterator[tuple[str, psutil.Process]]:
    root = Path(__file__).parents[1]
    process = subprocess.Popen(
        [
            sys.executable, "-m", "gridmap.pages.serve", "run", str(root / "app.py"),
            "--server.headless", "true", "--server.address", "127.0.0.1",
            "--server.port", str(_PORT), "--server.fileWatcherType", "none",
            "--browser.gatherUsageStats", "false",
        ],
        env={**os.environ, "PYTHONPATH": str(root), "GRIDMAP_WORKSPACE": str(place)}
        | ({"GRIDMAP_CACHE": str(kept)} if kept else {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{_PORT}"
    try:
        wait_for(address)
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


def wait_for(address: str) -> None:
    """Wait until an app answers.

    Raises
    ------
    TimeoutError
        If it does not within a minute.
    """
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):  # noqa: S310 - this machine
                return
        except OSError:
            time.sleep(0.25)
    message = "the app did not answer"
    raise TimeoutError(message)
