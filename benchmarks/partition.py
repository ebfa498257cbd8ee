"""Our plans beside METIS (and GerryChain, spopt) on the same graphs in the same run.

``python -m benchmarks.partition --graphs FILE... --seconds S --tolerance T`` prints one JSON
line per graph. Lengths in km are passable borders between beats; METIS runs with contiguity,
many seeds for the same seconds, and its figures are null where it is not installed or finds no
plan with every beat in one piece and the worst deviation, either side, within the tolerance.
Without arguments the whole table is printed, for the graphs beside the project.
``--province STATIONS`` divides that many stations of 500 grids instead.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridmap.partition import Problem, propose, warm_up

__all__ = ["load_graph", "main", "metis_best", "run_graph"]

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "benchmarks" / "graphs"
_TABLE = [(0.03, 1.0), (0.01, 1.0), (0.03, 10.0), (0.01, 10.0)]
_NAMES = ("v200", "v1k", "v5k", "v20k", "v50k")


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
    start = perf_counter()
    proposal = propose(
        problem,
        tolerance=tolerance,
        objective=objective,  # type: ignore[arg-type]  # checked by propose
        effort="thorough",
        seconds=seconds,
        seed=seed,
    )
    took = perf_counter() - start
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
        "seconds": round(took, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def metis_best(
    problem: Problem, seconds: float, tolerance: float
) -> tuple[float | None, float | None]:
    """Return METIS's shortest cut in km within the tolerance, and its worst deviation."""
    try:
        import pymetis
    except ImportError:
        return None, None
    from scipy.sparse import coo_array

    n, ends = problem.grids, problem.edges
    length = np.maximum(1, np.round(problem.borders_m)).astype(np.int64)
    both = np.concatenate([ends, ends[:, ::-1]])
    table = coo_array((np.tile(length, 2), (both[:, 0], both[:, 1])), (n, n)).tocsr()
    adjacency = pymetis.CSRAdjacency(table.indptr, table.indices)
    weights = problem.weights[:, 0].astype(np.int64).tolist()
    best: tuple[float | None, float | None] = (None, None)
    end = perf_counter() + seconds
    seed = 0
    while perf_counter() < end:
        options = pymetis.Options(
            seed=seed, contig=1, ufactor=max(1, round(tolerance * 1000)), niter=20
        )
        _, found = pymetis.part_graph(
            problem.beats,
            adjacency=adjacency,
            vweights=weights,
            eweights=table.data.tolist(),
            recursive=False,
            options=options,
        )
        seed += 1
        cut, off, single = _measure(problem, np.array(found))
        if single and off <= tolerance and (best[0] is None or cut < best[0]):
            best = (cut, off)
    return best


def _measure(problem: Problem, beat: NDArray[np.int64]) -> tuple[float, float, bool]:
    """Return cut in km, worst deviation, and whether every beat is there in one piece."""
    from gridmap.partition import score_plan

    scores = score_plan(problem, beat.astype(np.int64), np.zeros((0, 2), np.int64))
    single = len(scores.labels) == problem.beats and bool((scores.pieces == 1).all())
    return scores.cut_m / 1000, scores.max_deviation, single


def _line(
    path: Path, seconds: float, tolerance: float, objective: str, seed: int
) -> dict[str, Any]:
    """Return the whole line: ours in a process of its own, so that its memory is its own."""
    command = [
        *(sys.executable, "-m", "benchmarks.partition", "--alone", "--graphs", str(path)),
        *("--seconds", str(seconds), "--tolerance", str(tolerance)),
        *("--objective", objective, "--seed", str(seed)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    line: dict[str, Any] = json.loads(done.stdout)
    if objective == "compact":
        cut, off = metis_best(load_graph(path), seconds, tolerance)
        line["metis_cut_km"] = None if cut is None else round(cut, 3)
        line["metis_max_deviation"] = None if off is None else round(off, 5)
    return line


def _peers(path: Path, tolerance: float) -> list[dict[str, Any]]:
    """Return lines of GerryChain's tree start and spopt's Ward on one graph, where installed."""
    problem = load_graph(path)
    lines = []
    for name, run in (("gerrychain", _gerrychain), ("spopt_ward", _ward)):
        start = perf_counter()
        try:
            beat = run(problem, tolerance)
        except ImportError:
            continue
        cut, off, single = _measure(problem, beat)
        lines.append(
            {
                "name": path.stem,
                "peer": name,
                "cut_km": round(cut, 3),
                "max_deviation": round(off, 5),
                "single_pieces": single,
                "seconds": round(perf_counter() - start, 2),
            }
        )
    return lines


def _gerrychain(problem: Problem, tolerance: float) -> NDArray[np.int64]:
    import networkx as nx
    from gerrychain.tree import recursive_tree_part

    graph = nx.Graph()
    for v in range(problem.grids):
        graph.add_node(v, pop=float(problem.weights[v, 0]))
    graph.add_edges_from(problem.edges.tolist())
    target = float(problem.weights[:, 0].sum()) / problem.beats
    from gerrychain.graph import Graph

    found = recursive_tree_part(
        Graph.from_networkx(graph), range(problem.beats), target, "pop", tolerance
    )
    return np.array([found[v] for v in range(problem.grids)])


def _ward(problem: Problem, _tolerance: float) -> NDArray[np.int64]:
    from scipy.sparse import coo_array
    from sklearn.cluster import (  # type: ignore[import-untyped]  # ships no types
        AgglomerativeClustering,
    )
    from spopt.region import WardSpatial  # noqa: F401 - it wraps the clustering below

    n, ends = problem.grids, problem.edges
    table = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (n, n))
    model = AgglomerativeClustering(n_clusters=problem.beats, connectivity=table + table.T)
    return np.asarray(model.fit(problem.xy).labels_)


def province(stations: int, processes: int) -> dict[str, Any]:
    """Return the time and memory of stations of 500 made-up grids in 6 beats each."""
    side = np.arange(500)
    rng = np.random.default_rng(1)
    at = side.reshape(20, 25)
    edges = np.concatenate(
        [
            np.stack([at[:, :-1].ravel(), at[:, 1:].ravel()], axis=1),
            np.stack([at[:-1].ravel(), at[1:].ravel()], axis=1),
        ]
    )
    shift = np.arange(stations)[:, None, None] * 500
    y, x = np.divmod(side, 25)
    xy = np.stack([x, y], axis=1) * 200.0
    block = np.stack(np.divmod(np.arange(stations), 40), axis=1) * 6000.0
    problem = Problem(
        weights=rng.integers(1, 400, stations * 500),
        edges=(edges[None] + shift).reshape(-1, 2),
        borders_m=np.full(len(edges) * stations, 200.0),
        xy=(xy[None] + block[:, None, :]).reshape(-1, 2),
        areas_m2=np.full(stations * 500, 40_000.0),
        beats=6 * stations,
        parents=np.repeat(np.arange(stations), 500),
    )
    warm_up()
    start = perf_counter()
    proposal = propose(problem, tolerance=0.05, effort="quick", processes=processes)
    took = perf_counter() - start
    scores = proposal.best.scores
    peak = sum(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    per_station = took * processes / stations
    return {
        "name": "province",
        "grids": problem.grids,
        "beats": problem.beats,
        "processes": processes,
        "seconds": round(took, 1),
        "peak_mb": round(peak / 1024, 1),
        "pieces_max": int(scores.pieces.max()),
        "cv": round(scores.cv, 5),
        "country_minutes": {
            str(n): round(per_station * 9_000 / n / 60, 1) for n in (2, 8, 32, 128)
        },
    }


def main() -> None:
    """Read the command line and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", nargs="+", type=Path, default=[])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--tolerance", type=float, default=0.03)
    parser.add_argument("--objective", default="compact")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--province", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--alone", action="store_true", help="without METIS")
    given = parser.parse_args()
    if given.province:
        print(json.dumps(province(given.province, given.processes)), flush=True)
        return
    if given.graphs:
        for path in given.graphs:
            options = (given.seconds, given.tolerance)
            if given.alone:
                line = run_graph(path, *options, seed=given.seed, objective=given.objective)
            else:
                line = _line(path, *options, given.objective, given.seed)
            print(json.dumps(line), flush=True)
        return
    for tolerance, seconds in _TABLE:
        for name in _NAMES:
            line = _line(_SHARED / f"{name}.npz", seconds, tolerance, "compact", given.seed)
            print(json.dumps({**line, "tolerance": tolerance, "cap_s": seconds}), flush=True)
    for name in _NAMES[1:]:
        line = _line(_SHARED / f"{name}.npz", 10.0, 0.01, "balance", given.seed)
        print(json.dumps({**line, "objective": "balance"}), flush=True)
    for name in _NAMES[:2]:
        for line in _peers(_SHARED / f"{name}.npz", 0.03):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
