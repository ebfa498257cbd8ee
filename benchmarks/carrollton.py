"""Carrollton, 325 areas into 12 beats by calls: our plans beside today's and the published ones.

``python -m benchmarks.carrollton [--folder DIR] [--seeds 5]`` prints one JSON line a plan:
five seeds at 3 %, least travel at 5 % with its bound, least change at 5 %, least travel at 5 and
10 % proven, and with them today's beats, the p-median plans of Wheeler (2018)
at 5 and 10 % and the solver's answer after five hours, all scored by the same code. The
published p-median plans number the areas in their own way: an area is told by its calls, and
those with equal calls by their distance. They minimised minutes on streets, not this distance.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from benchmarks._files import require_files
from gridmap.io import ImportOptions, import_files, read_city, repair_workspace
from gridmap.measure import Workload
from gridmap.measure.pieces import present_plan
from gridmap.model import City
from gridmap.partition import Problem, problem_of, propose, score_plan, warm_up

_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "carrollton"
_GRIDS = "CarrolltonGrid.csv.zip"
_PLANS = ("pmedian_5pct.csv", "pmedian_10pct.csv", "glpk_5h.csv")
_REMEDY = (
    "The areas are published in apwheele/crimepy and the plans in apwheele/PatrolRedistrict on"
    " GitHub (docs/data.md): put all four files into one folder and name it (--folder DIR)."
)
_BEATS = 12
_FOOT_M = 0.3048
_FAR = 1e9
Integers = NDArray[np.int64]


def load_city(folder: Path, place: Path) -> City:
    """Return the 325 areas, imported into a new workspace and repaired."""
    columns = {"incidents": "CountCalls", "beat": "BEATNUMBER"}
    options = ImportOptions(crs="EPSG:2276", columns=columns)
    import_files(place, [folder / _GRIDS], kind="grid", options=options)
    repair_workspace(place)
    return read_city(place)


def published_plan(city: City, file: Path) -> Integers:
    """Return the beat of each grid in a published plan."""
    table = pd.read_csv(file)
    table.columns = ["centre", "area", "far", "calls", "cost"]
    beat = pd.factorize(table["centre"])[0]
    names = table["area"].astype(str)
    if set(names) == set(city.grids.ids):
        where = pd.Series(beat, index=names)
        return where.loc[list(city.grids.ids)].to_numpy(np.int64)
    return beat[_matched(city, table)]


def _matched(city: City, table: pd.DataFrame) -> Integers:
    """Return the table's row of each grid: equal calls, and the least mismatch of distance."""
    calls = city.grids.counts("incidents")
    points = shapely.get_coordinates(shapely.centroid(city.grids.geometry)) / 1000
    same = table["calls"].to_numpy()[:, None] == calls[None, :]
    only = same.sum(axis=1) == 1
    grid = np.where(only, same.argmax(axis=1), -1)
    sure = np.flatnonzero(only)
    straight = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    far = table["far"].to_numpy()
    centre = np.empty(len(table), dtype=np.int64)
    for name, rows in table.groupby("centre").indices.items():
        told = np.intersect1d(rows, sure)
        own = int(np.flatnonzero(table["area"] == name)[0])
        # Of the grids with the centre's calls, the one whose distances are most alike.
        could = np.flatnonzero(same[own])
        alike = [np.corrcoef(straight[c, grid[told]], far[told])[0, 1] for c in could]
        centre[rows] = could[int(np.argmax(alike))]
    scale = np.median(far[sure] / np.maximum(straight[centre[sure], grid[sure]], 0.1))
    off = np.abs(far[:, None] - scale * straight[centre])
    rows, grids = linear_sum_assignment(np.where(same, off, _FAR))
    row_of = np.empty(len(rows), dtype=np.int64)
    row_of[grids] = rows
    return row_of


def _line(name: str, problem: Problem, bridges: Integers, beat: Integers) -> dict[str, Any]:
    """Return the scores of a plan; grids in no beat (-1) are left out."""
    scores = score_plan(problem, beat, bridges)
    real = scores.labels >= 0
    total = scores.totals[real, 0]
    shape, travel = scores.polsby_popper, scores.travel_m
    assert shape is not None
    assert travel is not None
    assert problem.demand is not None
    calls = float(problem.demand[beat >= 0].sum())
    return {
        "plan": name,
        "beats": int(real.sum()),
        "max_deviation": round(float(np.abs(total / total.mean() - 1).max()), 4),
        "cv": round(float(total.std() / total.mean()), 4),
        "polsby_popper": round(float(shape[real].mean()), 3),
        "feet_per_call": round(float(travel[real].sum()) / calls / _FOOT_M),
        "call_km": round(float(travel[real].sum()) / 1000),
        "split_beats": int((scores.pieces[real] > 1).sum()),
    }


def main() -> None:
    """Read the command line and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=_FOLDER)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--prove", type=float, default=300.0, help="seconds a proof may take")
    given = parser.parse_args()
    require_files([given.folder / name for name in (_GRIDS, *_PLANS)], _REMEDY)
    with tempfile.TemporaryDirectory() as place:
        city = load_city(given.folder, Path(place) / "carrollton")
    present = present_plan(city)
    problem = problem_of(
        city, Workload.from_city(city, {"incidents": 1}), beats=_BEATS, present=present
    )
    warm_up()
    bridges = propose(problem, effort="quick").bridges

    def tell(name: str, beat: Integers, **more: object) -> None:
        print(json.dumps({**_line(name, problem, bridges, beat), **more}), flush=True)

    tell("today", present.assignment.astype(np.int64))
    for file in _PLANS:
        tell(file.removesuffix(".csv"), published_plan(city, given.folder / file))
    runs: list[tuple[str, dict[str, Any]]] = [
        *((f"compact 3 %, seed {s}", {"tolerance": 0.03, "seed": s}) for s in range(given.seeds)),
        ("travel 5 %, 10 s", {"tolerance": 0.05, "objective": "travel", "seconds": 10.0}),
        ("travel 5 %, thorough", {"tolerance": 0.05, "objective": "travel", "effort": "thorough"}),
        ("least change 5 %", {"tolerance": 0.05, "objective": "change"}),
    ]
    if given.prove > 0:
        proof = {"objective": "travel", "prove": True, "seconds": given.prove}
        runs += [(f"travel {t:.0%}, proof", {"tolerance": t, **proof}) for t in (0.05, 0.1)]
    for name, options in runs:
        start = perf_counter()
        best = propose(problem, **options).best
        more: dict[str, object] = {"seconds": round(perf_counter() - start, 1)}
        if best.scores.kept is not None:
            more["kept"] = round(best.scores.kept, 4)
        for bound in best.bounds:
            if bound.objective == "travel_m" and bound.lower is not None:
                more["bound_call_km"] = round(bound.lower / 1000)
                more["gap"] = None if bound.gap is None else round(bound.gap, 4)
                more["proven"] = bound.proven
        tell(name, best.assignment, **more)


if __name__ == "__main__":
    main()
