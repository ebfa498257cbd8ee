"""Many people at once: pages drawn, memory, a proposal beside them, nothing of another city.

``python -m benchmarks.sessions [--sessions 30] [--minutes 3]`` serves two made-up cities to
people who have logged in, over real websockets of this machine. Each session goes through the
pages of its city, with a pause after each as a reader has (``--pause 1 1``: one second); in the
middle third one of them asks for a proposal. A second round of as many sessions shows whether
memory is given back. One JSON line a step; there is no peer that does this.

Told are the seconds from asking for a page until it is drawn (half of them, 95 %, the longest),
with and without a proposal running, errors, texts of another city, and the server's memory:
before, at the most, a session's share, and after all have left.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.serving import Served, Tab, open_tab, serving

_PAGES = ("overview", "incidents", "coverage", "redraw", "reports", "data")
_CITIES = {"east": "甲", "west": "乙"}
_MB = 1 << 20


@dataclass(slots=True)
class Seen:
    """What the sessions of a round have seen."""

    alone: list[tuple[str, float]] = field(default_factory=list)
    beside: list[tuple[str, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    foreign: int = 0
    peak_mb: float = 0.0
    proposing: bool = False


def make_cities(folder: Path, *, grids: int, incidents: int) -> None:
    """Make two cities of one shape whose beats and stations bear other names."""
    from gridmap.demo import make_city
    from gridmap.io import Workspace
    from gridmap.model import Kind, Layer

    city = make_city(grids=grids, incidents=incidents, seed=7)
    for name, mark in _CITIES.items():
        place = Workspace.at(folder / name)
        place.put_city(city)
        for kind in (Kind.BEAT, Kind.STATION):
            frame = city.layers[kind].frame.copy()
            frame["name"] = [f"{mark}@{one}" for one in frame["name"]]
            place.put_layer(Layer(kind, frame))


def _draw(tab: Tab, page: str, city: str, seen: Seen) -> None:
    """Ask for a page; note how long it took, and what does not belong there."""
    other = next(mark for name, mark in _CITIES.items() if name != city)
    begun, beside = time.perf_counter(), seen.proposing
    came = tab.draw(page, f"workspace={city}&lang=zh")
    took = time.perf_counter() - begun
    (seen.beside if beside or seen.proposing else seen.alone).append((page, took))
    if came[-1].script_finished != 0:
        seen.errors.append(f"{page}: finished as {came[-1].script_finished}")
    for message in came:
        if message.delta.new_element.WhichOneof("type") == "exception":
            seen.errors.append(message.delta.new_element.exception.message)
        if f"{other}@".encode() in message.SerializeToString():
            seen.foreign += 1


def _read(
    served: Served, number: int, until: float, pause_s: tuple[float, float], seen: Seen
) -> None:
    """Be one reader until a moment."""
    city = list(_CITIES)[number % 2]
    pauses = random.Random(number)  # noqa: S311 - of a reader
    try:
        with open_tab(served, served.cookie_of(f"reader{number}@police.example")) as tab:
            at = number
            while time.monotonic() < until:
                _draw(tab, _PAGES[at % len(_PAGES)], city, seen)
                at += 1
                time.sleep(min(pauses.uniform(*pause_s), max(0.0, until - time.monotonic())))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
        seen.errors.append(repr(error))


def _propose(served: Served, until: float, seen: Seen) -> None:
    """Ask for proposals as a planner does, one after the other, until a moment."""
    try:
        with open_tab(served, served.cookie_of("planner@police.example")) as tab:
            while time.monotonic() < until:
                came = tab.draw("redraw", "workspace=east&lang=zh")
                buttons = [message.delta.new_element.button for message in came]
                begin = next((one for one in buttons if one.label == "生成方案"), None)
                if begin is None:  # a proposal is still running
                    time.sleep(1.0)
                    continue
                seen.proposing = True
                tab.press(begin.id, "redraw", "workspace=east&lang=zh")
                time.sleep(max(0.0, min(5.0, until - time.monotonic())))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
        seen.errors.append(f"proposal: {error!r}")
    finally:
        seen.proposing = False


def _memory_mb(process: psutil.Process) -> float:
    return sum(one.memory_info().rss for one in [process, *process.children(recursive=True)]) / _MB


def _round(
    served: Served, sessions: int, seconds: float, pause_s: tuple[float, float], *, propose: bool
) -> Seen:
    seen, end = Seen(), time.monotonic() + seconds
    assert served.process is not None
    process = psutil.Process(served.process.pid)
    tasks: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        (_read, (served, number, end, pause_s, seen)) for number in range(sessions)
    ]
    threads = [threading.Thread(target=task, args=given) for task, given in tasks]
    for thread in threads:
        thread.start()
        time.sleep(0.2)
    asked = False
    while any(thread.is_alive() for thread in threads):
        seen.peak_mb = max(seen.peak_mb, _memory_mb(process))
        if propose and not asked and time.monotonic() > end - seconds * 2 / 3:
            asked = True
            until = end - seconds / 3
            threads.append(threading.Thread(target=_propose, args=(served, until, seen)))
            threads[-1].start()
        time.sleep(1.0)
    return seen


def _late(times: Iterable[float]) -> float:
    """Return the seconds within which 95 % of pages were drawn."""
    ordered = sorted(times)
    return round(ordered[int(0.95 * (len(ordered) - 1))], 2)


def _told(drawn: list[tuple[str, float]]) -> dict[str, object]:
    if not drawn:
        return {}
    times = [took for _, took in drawn]
    by_page: dict[str, list[float]] = {}
    for page, took in drawn:
        by_page.setdefault(page, []).append(took)
    return {
        "pages": len(times),
        "half_s": round(statistics.median(times), 2),
        "p95_s": _late(times),
        "longest_s": round(max(times), 2),
        "p95_s_by_page": {page: _late(took) for page, took in by_page.items()},
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--grids", type=int, default=1_000)
    parser.add_argument("--incidents", type=int, default=60_000)
    parser.add_argument("--pause", type=float, nargs=2, default=(4.0, 10.0), metavar="S",
                        help="least and most seconds between two pages of a reader")  # fmt: skip
    given = parser.parse_args()
    from gridmap.plans import LOCAL, PlanStore, Role

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cities = folder / "cities"
        make_cities(cities, grids=given.grids, incidents=given.incidents)
        for name in _CITIES:
            with PlanStore.open(cities / name) as store:
                store.assign_role("planner@police.example", Role.PLANNER, author=LOCAL)
        served = stack.enter_context(serving(cities, folder / "log", login=True))
        assert served.process is not None
        process = psutil.Process(served.process.pid)
        with open_tab(served, served.cookie_of("first@police.example")) as tab:
            for city in _CITIES:
                for page in _PAGES:
                    tab.draw(page, f"workspace={city}&lang=zh")
        before_mb = _memory_mb(process)
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
        failed = False
        for turn in range(given.rounds):
            seen = _round(
                served, given.sessions, given.minutes * 60, tuple(given.pause), propose=turn == 0
            )
            gc.collect()
            time.sleep(30.0)
            line = {
                "name": "sessions", "round": turn + 1, "sessions": given.sessions,
                "minutes": given.minutes, "load_before": round(load, 1),
                "alone": _told(seen.alone), "beside_a_proposal": _told(seen.beside),
                "errors": len(seen.errors), "foreign": seen.foreign,
                "before_mb": round(before_mb), "peak_mb": round(seen.peak_mb),
                "a_session_mb": round((seen.peak_mb - before_mb) / given.sessions, 1),
                "left_mb": round(_memory_mb(process)),
            }  # fmt: skip
            print(json.dumps(line), flush=True)
            for error in seen.errors[:5]:
                sys.stderr.write(f"{error}\n")
            failed |= bool(seen.errors or seen.foreign)
    sys.exit(int(failed))


if __name__ == "__main__":
    main()
