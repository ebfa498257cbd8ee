"""What each part of the search gives: the same cities with one part off, three seeds each.

``python -m benchmarks.ablation [--folder DIR | --graphs FILE...] [--effort E] [--seconds S]
[--tolerance T] [--seeds N]`` prints one JSON line a part and graph: mean border, by how much it is
longer than with everything on, the worst deviation reached, and CPU seconds. A part that gives
less than 0.3 % everywhere and guards no promise has no reason to stay. Without ``--seconds`` the
steps follow from the effort, so that a busy machine changes nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any, Literal
from unittest.mock import patch

import numpy as np

from benchmarks._files import require_files
from benchmarks.partition import load_graph
from gridmap.partition import Problem, _solve, propose, warm_up
from gridmap.partition import _solve as solve
from gridmap.partition._anneal import Schedule
from gridmap.partition._arrays import Instance, Solved
from gridmap.typing import Ints32

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "benchmarks" / "graphs"
_NAMES = ("v1k", "v5k", "v20k")
_REMEDY = (
    "Make such cities with: python -m benchmarks.irregular_city FOLDER; then name the folder."
)


def _same_plan(_instance: Instance, beat: Ints32, *_rest: object, **_options: object) -> Ints32:
    return beat


@contextmanager
def _schedules(**changes: float) -> Iterator[None]:
    """Change what every annealing of a region does."""
    original = solve.solve_region

    def changed(instance: Instance, *, schedule: Schedule, **options: object) -> Solved:
        own = replace(schedule, **changes)  # type: ignore[arg-type]  # names of its fields
        return original(instance, schedule=own, **options)  # type: ignore[arg-type]  # passed on as they come

    with patch.object(_solve, "solve_region", changed):
        yield


@contextmanager
def _off(*names: str, instead: Callable[..., Any] = _same_plan) -> Iterator[None]:
    """Replace functions of the solver."""
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(patch.object(solve, name, instead))
        yield


PARTS: dict[str, Callable[[], Any]] = {
    "everything": ExitStack,
    "recombination while annealing": lambda: _schedules(resplit=0.0),
    "transport": lambda: _schedules(transport=0.0),
    "quarters": lambda: patch("gridmap.partition._quarters._MOST", 1),
    "windows": lambda: _off("polish_windows"),
    "ejection chains": lambda: _off("mend_balance"),
    "schedule by tolerance": lambda: patch.object(
        Schedule,
        "for_tolerance",
        lambda own, _tight, far: replace(own, transport=own.transport * far),
    ),
    "schedule by sweeps": lambda: patch.object(Schedule, "fitted", lambda own, _sweeps: own),
    "last mending": lambda: _off("_mended", instead=lambda _i, beat, *_rest: beat),
}


def run_part(
    problem: Problem,
    part: str,
    *,
    tolerance: float,
    seeds: int,
    effort: Literal["quick", "normal", "thorough"] = "normal",
    seconds: float | None = None,
) -> dict[str, Any]:
    """Return mean border, worst deviation and CPU seconds with one part off."""
    cuts, worst, spent = [], [], []
    for seed in range(seeds):
        start = process_time()
        with PARTS[part]():
            best = propose(
                problem, tolerance=tolerance, effort=effort, seconds=seconds, seed=seed
            ).best
        spent.append(process_time() - start)
        cuts.append(best.scores.cut_m / 1000)
        worst.append(best.scores.max_deviation)
    return {
        "off": part,
        "cut_km": round(float(np.mean(cuts)), 2),
        "spread_km": round(float(np.ptp(cuts)), 2),
        "max_deviation": round(max(worst), 5),
        "cpu_s": round(float(np.mean(spent)), 1),
    }


def main() -> None:
    """Read the command line and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=_SHARED)
    parser.add_argument("--graphs", nargs="+", type=Path, default=[])
    parser.add_argument("--effort", choices=["quick", "normal", "thorough"], default="normal")
    parser.add_argument("--seconds", type=float, default=None)
    parser.add_argument("--tolerance", type=float, default=0.03)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    options = parser.parse_args()
    graphs = options.graphs or [options.folder / f"{name}.npz" for name in _NAMES]
    require_files(graphs, _REMEDY)
    warm_up()
    for path in graphs:
        problem, whole = load_graph(path), None
        for part in dict.fromkeys(["everything", *options.parts]):
            line = run_part(
                problem,
                part,
                effort=options.effort,
                seconds=options.seconds,
                tolerance=options.tolerance,
                seeds=options.seeds,
            )
            whole = line["cut_km"] if whole is None else whole
            longer = round(line["cut_km"] / whole - 1, 5)
            print(json.dumps({"name": path.stem, **line, "longer": longer}), flush=True)


if __name__ == "__main__":
    main()
