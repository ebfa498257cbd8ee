"""Where to put rooms: exact answers, how long they take, and spopt beside them.

Run ``python -m benchmarks.siting`` for the figures of the issue, or
``python -m benchmarks.siting --pmedian FILE...`` for OR-Library p-median files; both print one
JSON line each.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from benchmarks._files import require_files
from gridmap.siting import (
    Limits,
    solve_center,
    solve_max_cover,
    solve_median,
    solve_set_cover,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SEED = 5
_REMEDY = "The p-median files pmed1.txt to pmed40.txt are in OR-Library. Name those that you have."


def read_pmedian(path: Path) -> tuple[Floats, int]:
    """Return the distances between all vertices of an OR-Library file, and p.

    An edge that comes again replaces what came before, as the library's notes say.
    """
    numbers = np.array(path.read_text(encoding="ascii").split(), dtype=np.int64)
    n, edges, p = (int(number) for number in numbers[:3])
    length = np.full((n, n), np.inf)
    for a, b, metres in numbers[3 : 3 + 3 * edges].reshape(-1, 3):
        length[a - 1, b - 1] = length[b - 1, a - 1] = metres
    rows, columns = np.nonzero(np.isfinite(length))
    graph = csr_array((length[rows, columns], (rows, columns)), shape=(n, n))
    return np.asarray(dijkstra(graph)), p


def run_pmedian(path: Path, seconds: float) -> None:
    """Print one p-median instance."""
    began = time.perf_counter()
    distance, p = read_pmedian(path)
    answer = solve_median(distance, np.ones(len(distance)), Limits(rooms=p, seconds=seconds))
    print(
        json.dumps(
            {
                "instance": path.stem,
                "n": len(distance),
                "p": p,
                "objective": answer.objective,
                "bound": float(answer.bound),
                "seconds": round(time.perf_counter() - began, 3),
            }
        ),
        flush=True,
    )


def town(n: int, m: int) -> tuple[Floats, Floats]:
    """Return distances and residents of a made-up town with a few dense quarters."""
    rng = np.random.default_rng(SEED)
    quarters = rng.uniform(0.0, 20_000.0, (12, 2))
    homes = quarters[rng.integers(0, 12, n)] + rng.normal(0.0, 2_500.0, (n, 2))
    sites = homes[rng.choice(n, m, replace=False)] + rng.normal(0.0, 50.0, (m, 2))
    residents = np.round(rng.lognormal(6.0, 0.8, n))
    difference = homes[:, None, :] - sites[None, :, :]
    return np.hypot(difference[..., 0], difference[..., 1]), residents


def timed(solve: Callable[[], float]) -> tuple[float, float]:
    """Return the objective and the processor seconds of one call, its children's included."""
    began = os.times()
    objective = solve()
    ended = os.times()
    return float(objective), sum(ended[:4]) - sum(began[:4])


def peers(cost: Floats, weights: Floats, reach: float, p: int) -> dict[str, Callable[[], float]]:
    """Return spopt's solution of each model, building included."""
    import pulp
    from spopt.locate import LSCP, MCLP, PCenter, PMedian

    solver = pulp.PULP_CBC_CMD(msg=False)

    def covered() -> float:
        model = MCLP.from_cost_matrix(cost, weights, reach, p_facilities=p).solve(solver)
        return float(model.problem.objective.value())

    def fewest() -> float:
        model = LSCP.from_cost_matrix(cost, reach).solve(solver)
        return float(model.problem.objective.value())

    def total() -> float:
        model = PMedian.from_cost_matrix(cost, weights, p_facilities=p).solve(solver)
        return float(model.problem.objective.value())

    def farthest() -> float:
        model = PCenter.from_cost_matrix(cost, p_facilities=p).solve(solver)
        return float(model.problem.objective.value())

    return {"set-cover": fewest, "cover": covered, "median": total, "center": farthest}


def ours(cost: Floats, weights: Floats, reach: float, p: int) -> dict[str, Callable[[], float]]:
    """Return our solution of each model, proven optimal."""

    def checked(objective: float, *, proven: bool) -> float:
        assert proven
        return objective

    def fewest() -> float:
        answer = solve_set_cover(cost, weights, reach, Limits())
        return checked(answer.objective, proven=answer.proven)

    def covered() -> float:
        answer = solve_max_cover(cost, weights, reach, Limits(rooms=p))
        return checked(answer.objective, proven=answer.proven)

    def total() -> float:
        answer = solve_median(cost, weights, Limits(rooms=p))
        return checked(answer.objective, proven=answer.proven)

    def farthest() -> float:
        answer = solve_center(cost, weights, Limits(rooms=p))
        return checked(answer.objective, proven=answer.proven)

    return {"set-cover": fewest, "cover": covered, "median": total, "center": farthest}


def compare(name: str, cost: Floats, weights: Floats, reach: float, p: int) -> None:
    """Print both solutions of every model, which must agree."""
    mine, theirs = ours(cost, weights, reach, p), peers(cost, weights, reach, p)
    for model, solve in mine.items():
        runs = [timed(solve) for _ in range(3)]
        objective, seconds = runs[0][0], float(np.median([run[1] for run in runs]))
        # spopt starts its solver as a process of its own; its processor time counts.
        peer, peer_seconds = timed(theirs[model])
        assert abs(peer - objective) <= 1e-6 * max(1.0, abs(objective)), (model, peer, objective)
        print(
            json.dumps(
                {
                    "step": f"{model} {name}",
                    "objective": objective,
                    "seconds": seconds,
                    "spopt_seconds": peer_seconds,
                    "times_as_fast": peer_seconds / seconds,
                    "target_times": 5.0,
                }
            ),
            flush=True,
        )


def main() -> None:
    """Print the figures as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pmedian", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--seconds", type=float, default=600.0, help="time limit of each file")
    chosen = parser.parse_args()
    if chosen.pmedian:
        require_files(chosen.pmedian, _REMEDY)
        for path in chosen.pmedian:
            run_pmedian(path, chosen.seconds)
        return
    cost, weights = town(100, 20)
    for solve in ours(cost, weights, 3_000.0, 4).values():
        timed(solve)  # numba compiles before anything is timed
    cost, weights = town(300, 60)
    compare("300 x 60", cost, weights, 6_000.0, 8)
    cost, weights = town(5_000, 1_000)
    for rooms, reach in ((10, 1_000.0), (40, 1_000.0), (20, 2_500.0)):
        began = time.perf_counter()
        answer = solve_max_cover(cost, weights, reach, Limits(rooms=rooms, gap=0.01, seconds=60.0))
        print(
            json.dumps(
                {
                    "step": "cover 5000 x 1000",
                    "rooms": rooms,
                    "reach_m": reach,
                    "objective": answer.objective,
                    "bound": float(answer.bound),
                    "gap": answer.gap,
                    "seconds": time.perf_counter() - began,
                    "target_gap": 0.01,
                    "target_s": 60.0,
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
