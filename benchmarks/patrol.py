"""Patrol routes beside exact answers on small cases, and on published orienteering instances.

Run ``python -m benchmarks.patrol`` for small cases, each solved by enumeration as well, or
``python -m benchmarks.patrol --top FILE...`` for instances of the team orienteering problem
(Chao, Golden and Wasil 1996: p1 to p7) in their usual form; ``--best FILE`` names a file with an
instance and the best value known on each line. Every case prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import combinations, pairwise, permutations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks._files import require_files
from gridmap.patrol import PatrolTask, bound_routes, plan_routes

Floats = npt.NDArray[np.float64]

_REMEDY = "The instances p1.2.a.txt to p7.4.t.txt are Chao's. Name those that you have."
_FINE = 100.0  # minutes of a unit of an instance: times are rounded up to whole seconds


def read_top(path: Path) -> PatrolTask:
    """Return an instance of the team orienteering problem as a patrol of one shift.

    Lines ``n``, ``m``, ``tmax``, then x, y and score of each vertex, the first the start and
    the last the end; where only the start has no score, routes end there, too.
    """
    lines = [line.split() for line in path.read_text(encoding="ascii").splitlines() if line]
    head = {line[0]: float(line[1]) for line in lines[:3]}
    table = np.array([[float(cell) for cell in line[:3]] for line in lines[3:]])
    xy, score = table[:, :2], table[:, 2]
    apart = np.hypot(*(xy[:, None] - xy[None, :]).transpose(2, 0, 1)) * _FINE
    last = len(table) - 1 if score[-1] == 0 else 0
    places = np.flatnonzero(score > 0)
    n = len(places)
    minutes = np.zeros((n + 1, n + 1))
    minutes[:n, :n] = apart[np.ix_(places, places)]
    minutes[n, :n], minutes[:n, n] = apart[0, places], apart[places, last]
    return PatrolTask(
        expected=score[places],
        rooms_at=np.full(int(head["m"]), n),
        minutes=minutes,
        limit_min=head["tmax"] * _FINE,
        stop_min=0.0,
    )


def best_of_all(task: PatrolTask) -> float:
    """Return the most that routes of one shift can expect, by enumeration."""
    n, room = len(task.expected), int(task.rooms_at[0])
    ways = task.minutes
    worth = {0: 0.0}
    for size in range(1, n + 1):
        for chosen in combinations(range(n), size):
            for order in permutations(chosen):
                stops = (room, *order, room)
                spent = sum(ways[a, b] for a, b in pairwise(stops))
                if spent + size * task.stop_min <= task.limit_min + 1e-9:
                    mask = sum(1 << place for place in chosen)
                    worth[mask] = float(task.expected[list(chosen)].sum())
                    break
    best = dict(worth)
    for _ in range(len(task.rooms_at) - 1):
        best = {
            mask | other: max(value + more, best.get(mask | other, 0.0))
            for mask, value in best.items()
            for other, more in worth.items()
            if not mask & other
        }
    return max(best.values())


def small_task(seed: int, units: int) -> PatrolTask:
    """Return a made-up patrol of seven places."""
    rng = np.random.default_rng(seed)
    xy = rng.random((8, 2)) * 20.0
    minutes = np.hypot(*(xy[:, None] - xy[None, :]).transpose(2, 0, 1))
    return PatrolTask(
        expected=rng.gamma(1.0, 1.0, 7),
        rooms_at=np.full(units, 7),
        minutes=minutes,
        limit_min=70.0,
        stop_min=12.0,
    )


def run(name: str, task: PatrolTask, best: float | None) -> dict[str, object]:
    """Return what the planner reaches on a case, beside the best value and the bound."""
    began = time.process_time()
    routes = plan_routes(task)
    spent = time.process_time() - began
    value = sum(route.expected for route in routes)
    return {
        "case": name,
        "places": len(task.expected),
        "units": len(task.rooms_at),
        "value": round(value, 4),
        "best": None if best is None else round(best, 4),
        "gap": None if not best else round(1.0 - value / best, 4),
        "bound": round(bound_routes(task), 4),
        "in_time": all(route.minutes <= task.limit_min + 1e-6 for route in routes),
        "cpu_s": round(spent, 2),
    }


def main() -> None:
    """Print one JSON line a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--top", nargs="+", type=Path, default=[], metavar="FILE")
    parser.add_argument("--best", type=Path, metavar="FILE")
    parser.add_argument("--cases", type=int, default=10)
    given = parser.parse_args()
    if given.top:
        require_files(given.top, _REMEDY)
        known: dict[str, float] = {}
        if given.best is not None:
            rows = (line.split() for line in given.best.read_text(encoding="utf-8").splitlines())
            known = {row[0].removesuffix(".txt"): float(row[1]) for row in rows if len(row) == 2}
        for path in given.top:
            print(json.dumps(run(path.stem, read_top(path), known.get(path.stem))), flush=True)
        return
    for seed in range(given.cases):
        for units in (1, 2):
            task = small_task(seed, units)
            print(json.dumps(run(f"small {seed}", task, best_of_all(task))), flush=True)


if __name__ == "__main__":
    main()
