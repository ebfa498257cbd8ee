"""Our plans beside METIS (and GerryChain, spopt) on the same graphs in the same run.

``python -m benchmarks.partition --graphs FILE... --seconds S --tolerance T`` prints one JSON
line per graph. Lengths in km are passable borders between beats; METIS runs with contiguity,
many seeds for the same seconds, and its figures are null where it is not installed or finds no
plan with every beat in one piece and the worst deviation, either side, within the tolerance.
With ``--busy`` seconds are processor seconds, for a machine that others use too: ours have two
threads, and a second is one of each.
Without graphs the whole table is printed, for the six of ``--folder``: 1 s and 10 s at 3 % and
1 %, the tightest balance, GerryChain's short bursts and spopt's Ward, and what is proven about
travel. `benchmarks.irregular_city` makes six such graphs; the README's figures are of six that lie
beside the project, and differ from these by as much as one city does from another. A province is
`benchmarks.province`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from benchmarks._files import require_files
from benchmarks.partition_peers import PEERS, measure_plan, metis_best
from gridmap.partition import Problem, propose, warm_up

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "benchmarks" / "graphs"
_CORES = 2
_TABLE = [(0.03, 1.0), (0.01, 1.0), (0.03, 10.0), (0.01, 10.0)]
_REMEDY = (
    "Make such cities with: python -m benchmarks.irregular_city FOLDER; then name the folder"
    " (--folder FOLDER) or a file of it (--graphs FILE)."
)
_NAMES = ("v200", "v1k", "v5k", "v20k", "v50k")
_PROOFS = [  # graph, grids around its middle (None: all), beats, the seconds it may take
    ("v60", None, None, 10.0),
    ("v200", 100, 5, 10.0),
    ("v200", None, None, 90.0),
    ("v1k", None, None, 30.0),
]


def load_graph(path: Path) -> Problem:
    """Return the problem of an npz file: k, eu, ev, L, barrier, w, xy, area, outer."""
    with np.load(path) as data:
        walls = data["barrier"].astype(bool)
        edges = np.stack([data["eu"], data["ev"]], axis=1)
        return Problem(
            weights=data["w"],
            edges=edges[~walls],
            borders_m=data["L"][~walls],
            barrier_edges=edges[walls],
            barrier_m=data["L"][walls],
            xy=data["xy"],
            areas_m2=data["area"],
            outer_m=data["outer"],
            beats=int(data["k"]),
        )


def run_graph(
    path: Path, seconds: float, tolerance: float, *, seed: int = 0, objective: str = "compact"
) -> dict[str, Any]:
    """Return our line for one graph, in this process."""
    problem = load_graph(path)
    warm_up()
    start, used = perf_counter(), process_time()
    proposal = propose(
        problem,
        tolerance=tolerance,
        objective=objective,  # type: ignore[arg-type]  # checked by propose
        effort="thorough",
        seconds=seconds,
        seed=seed,
    )
    took, used = perf_counter() - start, process_time() - used
    scores = proposal.best.scores
    return {
        "name": path.stem,
        "k": problem.beats,
        "cut_km": round(scores.cut_m / 1000, 3),
        "metis_cut_km": None,
        "metis_max_deviation": None,
        "pieces_max": int(scores.pieces.max()),
        "max_deviation": round(scores.max_deviation, 5),
        "cv": round(scores.cv, 5),
        "seed": seed,
        "seconds": round(took, 2),
        "cpu_s": round(used, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


@contextmanager
def _processor_seconds() -> Iterator[None]:
    """Let searches count processor seconds of two cores, and METIS those of its one."""
    with ExitStack() as stack:
        for module in ("_arrays", "_anneal"):
            clock = f"gridmap.partition.{module}.perf_counter"
            stack.enter_context(patch(clock, lambda: process_time() / _CORES))
        stack.enter_context(patch("gridmap.partition._solve.cpus", lambda: _CORES))
        stack.enter_context(patch("benchmarks.partition_peers.perf_counter", process_time))
        yield


def _line(
    path: Path,
    seconds: float,
    tolerance: float,
    objective: str,
    seed: int,
    *,
    beside: bool = True,
    busy: bool = False,
) -> dict[str, Any]:
    """Return the whole line: ours in a process of its own, so that its memory is its own."""
    command = [
        *(sys.executable, "-m", "benchmarks.partition", "--alone", "--graphs", str(path)),
        *("--seconds", str(seconds), "--tolerance", str(tolerance)),
        *("--objective", objective, "--seed", str(seed)),
        *(["--busy"] if busy else []),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line: dict[str, Any] = json.loads(done.stdout)
    if objective == "compact" and beside:
        cut, off = metis_best(load_graph(path), seconds, tolerance)
        line["metis_cut_km"] = None if cut is None else round(cut, 3)
        line["metis_max_deviation"] = None if off is None else round(off, 5)
    return line


def _peers(path: Path, seconds: float, tolerance: float) -> list[dict[str, Any]]:
    """Return a line of each further peer on one graph, where it is installed."""
    problem = load_graph(path)
    lines = []
    for name, run in PEERS.items():
        start = perf_counter()
        try:
            beat = run(problem, seconds, tolerance)
        except ImportError:
            continue
        took = round(perf_counter() - start, 2)
        lines.append(
            {"name": path.stem, "peer": name, **measure_plan(problem, beat), "seconds": took}
        )
    return lines


def _middle_of(problem: Problem, grids: int, beats: int) -> Problem:
    """Return the problem of the grids nearest to the middle, as far as they hang together."""
    assert problem.xy is not None
    far = np.hypot(*(problem.xy - problem.xy.mean(axis=0)).T)
    ends = problem.edges
    kept = np.zeros(problem.grids, dtype=np.bool_)
    kept[np.argmin(far)] = True
    while kept.sum() < grids:
        rim = np.unique(ends[kept[ends].sum(axis=1) == 1])
        rim = rim[~kept[rim]]
        kept[rim[np.argmin(far[rim])]] = True
    number = np.cumsum(kept) - 1
    inside = kept[ends].all(axis=1)
    return Problem(
        weights=problem.weights[kept],
        edges=number[ends[inside]],
        borders_m=problem.borders_m[inside],
        xy=problem.xy[kept],
        beats=beats,
    )


def prove_graph(
    path: Path,
    seconds: float,
    *,
    grids: int | None = None,
    beats: int | None = None,
    tolerance: float = 0.05,
) -> dict[str, Any]:
    """Return what is proven about workload times squared graph distance to a centre grid."""
    problem = load_graph(path)
    if grids is not None and beats is not None:
        problem = _middle_of(problem, grids, beats)
    assert problem.xy is not None
    ends = problem.edges
    length = np.hypot(*(problem.xy[ends[:, 0]] - problem.xy[ends[:, 1]]).T)
    table = coo_array((length, (ends[:, 0], ends[:, 1])), (problem.grids,) * 2).tocsr()
    squared = (dijkstra(table, directed=False) / 1000) ** 2
    problem = problem.replace(travel=squared.astype(np.float32))
    warm_up()
    start = perf_counter()
    best = propose(
        problem, tolerance=tolerance, objective="travel", prove=True, seconds=seconds
    ).best
    bound = next(item for item in best.bounds if item.objective == "travel_m")
    return {
        "name": path.stem,
        "grids": problem.grids,
        "k": problem.beats,
        "work_km2": round(bound.value, 1),
        "bound_km2": None if bound.lower is None else round(bound.lower, 1),
        "gap": None if bound.gap is None else round(bound.gap, 5),
        "proven": bound.proven,
        "pieces_max": int(best.scores.pieces.max()),
        "seconds": round(perf_counter() - start, 2),
    }


def main() -> None:
    """Read the command line and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", nargs="+", type=Path, default=[])
    parser.add_argument("--folder", type=Path, default=_SHARED, help="of the whole table")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--tolerance", type=float, default=0.03)
    parser.add_argument("--objective", default="compact")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=1, help="METIS runs beside the first")
    parser.add_argument("--busy", action="store_true", help="processor seconds")
    parser.add_argument("--alone", action="store_true", help="without METIS")
    given = parser.parse_args()
    table = [given.folder / f"{name}.npz" for name in dict.fromkeys([_PROOFS[0][0], *_NAMES])]
    require_files(given.graphs or table, _REMEDY)
    if not given.alone:  # compiling takes memory of its own, which is not the search's
        warm = [sys.executable, "-c", "from gridmap.partition import warm_up; warm_up()"]
        subprocess.run(warm, check=True)
    if given.graphs:
        options = (given.seconds, given.tolerance)
        with _processor_seconds() if given.busy else nullcontext():
            for path, more in itertools.product(given.graphs, range(given.seeds)):
                own = {"seed": given.seed + more, "objective": given.objective}
                if given.alone:
                    line = run_graph(path, *options, **own)
                else:
                    line = _line(path, *options, **own, beside=not more, busy=given.busy)
                print(json.dumps(line), flush=True)
        return
    _print_table(given.folder, given.seed)


def _print_table(folder: Path, seed: int) -> None:
    """Print the whole table: ours beside METIS, the tightest balance, other peers, proofs."""

    def tell(line: dict[str, Any]) -> None:
        print(json.dumps(line), flush=True)

    for tolerance, seconds in _TABLE:
        for name in _NAMES:
            line = _line(folder / f"{name}.npz", seconds, tolerance, "compact", seed)
            tell({**line, "tolerance": tolerance, "cap_s": seconds})
    for name in _NAMES[1:]:
        line = _line(folder / f"{name}.npz", 10.0, 0.01, "balance", seed)
        tell({**line, "objective": "balance"})
    for name in _NAMES[:2]:
        for line in _peers(folder / f"{name}.npz", 10.0, 0.03):
            tell(line)
    for name, grids, beats, seconds in _PROOFS:
        line = prove_graph(folder / f"{name}.npz", seconds, grids=grids, beats=beats)
        tell({**line, "cap_s": seconds})


if __name__ == "__main__":
    main()
