"""A province solved station by station, and what a country would take on a cluster.

``python -m benchmarks.province [--stations N] [--processes P] [--scheduler ADDRESS]`` makes N
stations (1,000 unless told) of 500 grids each, some without work, cut by a river with two
bridges; divides each into six beats; checks every beat; and prints one JSON line with seconds
and peak memory, all processes together. A table follows: the country's 4.5 million grids on
clusters of other sizes, reckoned from the parts measured in this run: what the head does for
each station (reading its arrays, sending, collecting), and what a worker does.
"""

from __future__ import annotations

import argparse
import json
import pickle
import threading
import time
from typing import Any, Self

import numpy as np

from gridmap.partition import Problem, propose, warm_up
from gridmap.partition._arrays import Clock, effort_of
from gridmap.partition._instance import ObjectiveWeights, build_instance
from gridmap.partition._locks import schedule_of
from gridmap.partition._regions import divide
from gridmap.partition._solve import Task, run_tasks

_ROWS, _COLUMNS, _BEATS = 20, 25, 6
_GRIDS = _ROWS * _COLUMNS
_COUNTRY = 4_500_000
_WORKERS = (2, 8, 32, 128, 512)
_LINE_MB_S = 100.0  # a gigabit network


def make_province(stations: int, *, seed: int = 1) -> Problem:
    """Return stations of 500 grids of 200 m in 20 rows, six beats each on average."""
    at = np.arange(_GRIDS).reshape(_ROWS, _COLUMNS)
    across = np.stack([at[:, :-1].ravel(), at[:, 1:].ravel()], axis=1)
    upward = np.stack([at[:-1].ravel(), at[1:].ravel()], axis=1)
    edges = np.concatenate([across, upward])
    row, column = np.divmod(np.arange(_GRIDS), _COLUMNS)
    # A river between rows 9 and 10, with bridges at columns 6 and 18.
    river = (row[edges[:, 0]] == 9) & (row[edges[:, 1]] == 10)
    river &= ~np.isin(column[edges[:, 0]], (6, 18))
    shift = np.arange(stations)[:, None, None] * _GRIDS

    def everywhere(some: Any) -> Any:  # noqa: ANN401 - an array
        return (some[None] + shift).reshape(-1, 2)

    rng = np.random.default_rng(seed)
    xy = np.stack([column, row], axis=1) * 200.0 + 100.0
    block = np.stack(np.divmod(np.arange(stations), 40), axis=1) * 6_000.0
    work = rng.gamma(2.0, 100.0, stations * _GRIDS) * (rng.random(stations * _GRIDS) > 0.03)
    return Problem(
        weights=np.round(work),
        edges=everywhere(edges[~river]),
        borders_m=np.full(int((~river).sum()) * stations, 200.0),
        barrier_edges=everywhere(edges[river]),
        barrier_m=np.full(int(river.sum()) * stations, 200.0),
        xy=(xy[None] + block[:, None, :]).reshape(-1, 2),
        areas_m2=np.full(stations * _GRIDS, 40_000.0),
        beats=_BEATS * stations,
        parents=np.repeat(np.arange(stations), _GRIDS),
    )


class _Peak:
    """The most memory of this process and its children together, looked at twice a second."""

    def __init__(self) -> None:
        import psutil

        self._me = psutil.Process()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.mb = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        import psutil

        while not self._done.wait(0.5):
            total = 0
            for one in (self._me, *self._me.children(recursive=True)):
                try:
                    total += one.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.mb = max(self.mb, total / 2**20)


def run_province(
    stations: int, *, processes: int = 2, scheduler: str = "", effort: str = "quick"
) -> dict[str, Any]:
    """Return the line for a province: seconds, memory, and whether every beat holds."""
    problem = make_province(stations)
    warm_up()
    with _Peak() as peak:
        start = time.perf_counter()
        proposal = propose(
            problem,
            tolerance=0.05,
            effort=effort,  # type: ignore[arg-type]  # checked by propose
            processes=processes,
            scheduler=scheduler or None,
        )
        seconds = time.perf_counter() - start
    best = proposal.best
    assert problem.parents is not None
    station = problem.parents.astype(np.int64)
    beat = best.assignment
    crossing = len(np.unique(beat * stations + station)) - len(np.unique(beat))
    load = np.bincount(beat, weights=problem.weights[:, 0])
    home = np.zeros(len(load), dtype=np.int64)
    home[beat] = station
    mean = np.bincount(home, weights=load) / np.bincount(home)
    return {
        "name": "province",
        "stations": stations,
        "grids": problem.grids,
        "beats": len(best.scores.labels),
        "processes": processes,
        "seconds": round(seconds, 1),
        "peak_mb": round(peak.mb, 1),
        "pieces_max": int(best.scores.pieces.max()),
        "crossing": int(crossing),
        "max_deviation_in_station": round(float(np.abs(load / mean[home] - 1).max()), 5),
        "max_deviation": round(best.scores.max_deviation, 5),
        "feasible": best.feasible,
    }


def measure_parts(*, stations: int = 8, effort: str = "quick") -> dict[str, float]:
    """Return seconds of a worker and of the head per station, and bytes sent, on this machine."""
    problem = make_province(stations)
    warm_up()
    start = time.process_time()
    division = divide(problem)
    wish = ObjectiveWeights(tolerances=(0.05,))
    built = [build_instance(problem, region, wish) for region in division.regions]
    tasks = [
        Task(
            instance=part.instance,
            effort=effort_of(effort).part(0.0, travels=False),
            schedule=schedule_of("compact"),
            seed=i,
            seconds=None,
            keep=np.inf,
            start=None,
        )
        for i, part in enumerate(built)
    ]
    sent = [pickle.dumps(task) for task in tasks]
    head = time.process_time() - start
    start = time.process_time()
    solved = run_tasks(tasks, clock=Clock())
    worker = time.process_time() - start
    start = time.process_time()
    back = [pickle.loads(pickle.dumps(one)) for one in solved]  # noqa: S301 - our own, from memory
    head += time.process_time() - start
    received = sum(len(pickle.dumps(one)) for one in back)
    return {
        "head_s": head / stations,
        "worker_s": worker / stations,
        "sent_kb": (sum(map(len, sent)) + received) / stations / 1024,
    }


def country_table(parts: dict[str, float]) -> list[dict[str, Any]]:
    """Return minutes for the country on clusters of several sizes.

    Workers share the stations evenly; the head prepares and collects one after another, and
    everything passes one gigabit line. The longest of the three decides, and the parts that
    can't overlap (the first station's way out, the last one's way back) are too small to see.
    """
    stations = _COUNTRY / _GRIDS
    rows = []
    for workers in _WORKERS:
        each = {
            "workers": parts["worker_s"] * stations / workers,
            "head": parts["head_s"] * stations,
            "line": parts["sent_kb"] / 1024 / _LINE_MB_S * stations,
        }
        slowest = max(each, key=lambda name: each[name])
        rows.append(
            {
                "name": "country",
                "grids": _COUNTRY,
                "workers": workers,
                "minutes": round(max(each.values()) / 60, 1),
                "limited_by": slowest,
            }
        )
    return rows


def main() -> None:
    """Read the command line and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--scheduler", default="")
    parser.add_argument("--effort", default="quick")
    given = parser.parse_args()
    line = run_province(
        given.stations,
        processes=given.processes,
        scheduler=given.scheduler,
        effort=given.effort,
    )
    print(json.dumps(line), flush=True)
    parts = measure_parts(effort=given.effort)
    rounded = {name: round(value, 4) for name, value in parts.items()}
    print(json.dumps({"name": "parts", **rounded}), flush=True)
    for row in country_table(parts):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
