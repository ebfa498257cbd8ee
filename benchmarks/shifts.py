"""Rosters beside exact answers: enumeration on small cases, branch and bound on a city's week.

Run ``python -m benchmarks.shifts``. A small case has so few tours and posts that all rosters can
be enumerated. The large ones are the demo city's stations, where the value stands beside the
bound that no roster can beat. Every case prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np

import gridmap
from gridmap.io import Workspace
from gridmap.patrol import HOURS, make_tours, plan_shifts


def small_case(seed: int) -> dict[str, object]:
    """Return a case of twelve tours and four posts, solved by enumeration as well."""
    rng = np.random.default_rng(seed)
    tours = make_tours(["8h"])
    tours = tuple(tours[i] for i in sorted(rng.choice(len(tours), 12, replace=False)))
    need = rng.poisson(0.8, HOURS).astype(float)
    duty = np.array([tour.on_duty for tour in tours])
    best = min(
        float(np.maximum(need - duty[list(chosen)].sum(axis=0), 0.0).sum())
        for chosen in combinations_with_replacement(range(len(tours)), 4)
    )
    began = time.process_time()
    roster = plan_shifts(need, 4, tours)
    return {
        "case": f"small {seed}", "value": roster.uncovered_h, "best": best,
        "bound": round(roster.bound, 3), "cpu_s": round(time.process_time() - began, 2),
    }  # fmt: skip


def demo_cases() -> list[dict[str, object]]:
    """Return the demo city's stations with the bound of each."""
    city = Workspace.open(Path(__file__).parent.parent / "data" / "demo").city()
    began = time.process_time()
    result = gridmap.shifts(city)
    spent = time.process_time() - began
    rows: list[dict[str, object]] = [
        {
            "case": unit["name"], "officers": unit["officers"],
            "demand_h": unit["demand_h"], "today": unit["uncovered_today_h"],
            "value": unit["uncovered_h"], "bound": unit["bound"], "gap": round(unit["gap"], 4),
        }
        for unit in result.to_dict()["units"]
    ]  # fmt: skip
    return [*rows, {"case": "all stations", "cpu_s": round(spent, 2)}]


def main() -> None:
    """Print one JSON line a case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10)
    for seed in range(parser.parse_args().cases):
        print(json.dumps(small_case(seed)), flush=True)
    for row in demo_cases():
        print(json.dumps(row, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
