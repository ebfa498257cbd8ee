"""Published districting graphs: how many edges our plans cut, beside the best known.

``python -m benchmarks.cut_edges FILE... [--seconds S] [--seed N]`` prints one JSON line per
file. ``best_cut`` is the file's published value, null where it has none; ``proven`` says
whether this run proved its own cut optimal.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks._files import require_files
from gridmap.partition import Problem, propose, warm_up

_REMEDY = (
    "The graphs and their bounds are published in"
    " hamidrezavalidi/Political-Districting-to-Minimize-Cut-Edges on GitHub; docs/data.md tells"
    " what each JSON file holds. Name the files."
)


def run_file(path: Path, seconds: float, seed: int) -> dict[str, Any]:
    """Return the line of one file: JSON with k, lower, upper, population and edges."""
    data = json.loads(path.read_text(encoding="utf-8"))
    edges = np.array(data["edges"], dtype=np.int64)[:, :2]
    start = perf_counter()
    problem = Problem(
        weights=data["population"],
        edges=edges,
        beats=data["k"],
        bounds=(data["lower"], data["upper"]),
    )
    proposal = propose(problem, effort="thorough", seconds=seconds, seed=seed, prove=True)
    plan = proposal.best
    took = perf_counter() - start
    beat = plan.assignment
    cut = int((beat[edges[:, 0]] != beat[edges[:, 1]]).sum())
    totals = plan.scores.totals[:, 0]
    within = bool((totals >= data["lower"]).all() and (totals <= data["upper"]).all())
    return {
        "name": data.get("name", path.stem),
        "k": data["k"],
        "cut": cut,
        "best_cut": data.get("best_cut"),
        "proven": plan.proven,
        "within_bounds": within and len(totals) == data["k"],
        "pieces_max": int(plan.scores.pieces.max()),
        "seconds": round(took, 2),
    }


def main() -> None:
    """Read the command line and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    require_files(options.files, _REMEDY)
    warm_up()
    for path in options.files:
        print(json.dumps(run_file(path, options.seconds, options.seed)), flush=True)


if __name__ == "__main__":
    main()
