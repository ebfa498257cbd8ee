"""The shapes of proposed beats: how full their convex hulls are, necks and enclaves, as pictures.

``python -m benchmarks.shapes WORKSPACE... [--beats N] [--station] [--out FOLDER]`` proposes beats
for each workspace and prints one JSON line: beats, worst deviation (and net of what single grids
and stations force), mean and least part of the convex hull that a beat fills, beats with a neck,
enclaves, and mean Polsby-Popper; today's beats come first where there are any.

A beat has a neck if it falls apart into two parts of a twentieth of its area or more when its edge
moves in by a sixteenth of the width of a square as large. An enclave borders on one other beat and
nothing else. With ``--out`` each plan is drawn as a PNG, beats with a neck hatched.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

import gridmap
from gridmap.measure.pieces import has_beats, present_plan
from gridmap.model import City, Plan
from gridmap.model.layer import join_rows, polsby_popper

_INWARDS = 1 / 16  # of the side of a square as large as the beat
_PART = 0.05  # of the beat's area


def has_neck(shape: shapely.Geometry) -> bool:
    """Return whether a beat falls apart when its edge moves in a little.

    >>> has_neck(shapely.union_all(shapely.box([0, 4, 5], [0, 1.9, 0], [4, 5, 9], [4, 2.1, 4])))
    True
    >>> has_neck(shapely.box(0, 0, 9, 4))
    False
    """
    whole = shapely.get_parts(shape)
    least = _PART * shape.area
    before = int((shapely.area(whole) >= least).sum())
    inner = shapely.get_parts(shapely.buffer(shape, -_INWARDS * float(np.sqrt(shape.area))))
    return int((shapely.area(inner) >= least).sum()) > before


def measure_shapes(city: City, plan: Plan) -> tuple[dict[str, Any], NDArray[np.object_]]:
    """Return the figures of a plan's beats, and their shapes."""
    inside = plan.assignment >= 0
    shapes = join_rows(
        city.grids.geometry[inside], plan.assignment[inside], len(plan), gap_m=city.presets.gap_m
    )
    full = shapely.area(shapes) / shapely.area(shapely.convex_hull(shapes))
    first, other = plan.assignment[city.adjacency.first], plan.assignment[city.adjacency.second]
    near: list[set[int]] = [set() for _ in range(len(plan))]
    for a, b in zip(first.tolist(), other.tolist(), strict=True):
        if a != b:
            near[a].add(b)
            near[b].add(a)
    outline = shapely.boundary(shapely.union_all(shapes))
    rim = shapely.length(shapely.intersection(shapely.boundary(shapes), outline)) > 0
    necks = [has_neck(shape) for shape in shapes]
    figures = {
        "beats": len(plan),
        "hull_mean": round(float(full.mean()), 3),
        "hull_least": round(float(full.min()), 3),
        "necks": int(np.sum(necks)),
        "enclaves": sum(len(own) == 1 and not on for own, on in zip(near, rim, strict=True)),
        "polsby_popper": round(
            float(polsby_popper(shapely.area(shapes), shapely.length(shapes)).mean()), 3
        ),
    }
    return figures, shapes


def _draw(shapes: NDArray[np.object_], out: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 9))
    colours = plt.get_cmap("tab20").colors
    for number, shape in enumerate(shapes):
        for part in shapely.get_parts(shape):
            x, y = part.exterior.xy
            hatch = "///" if has_neck(shape) else None
            axes.fill(x, y, facecolor=colours[number % 20], edgecolor="black", lw=0.4, hatch=hatch)
    axes.set_aspect("equal")
    axes.axis("off")
    figure.savefig(out, dpi=90, bbox_inches="tight")
    plt.close(figure)


def main() -> None:
    """Read the command line and print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workspaces", nargs="+", type=Path)
    parser.add_argument("--beats", type=int, default=12)
    parser.add_argument("--balance", default="incidents")
    parser.add_argument("--tolerance", type=float, default=0.03)
    parser.add_argument("--station", action="store_true")
    parser.add_argument("--objective", default="compact")
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    for place in given.workspaces:
        city = gridmap.open(place)
        found = gridmap.propose(
            city,
            beats=given.beats,
            balance={given.balance: 1.0},
            tolerance=given.tolerance,
            objective=given.objective,
            effort=given.effort,
            parents="station" if given.station else "",
        )
        plans = [("today", present_plan(city))] if has_beats(city) else []
        for name, plan in [*plans, ("proposed", found.plans[0])]:
            figures, shapes = measure_shapes(city, plan)
            if name == "proposed":
                best = found.proposal.best
                figures["max_deviation"] = round(best.scores.max_deviation, 4)
                figures["net_deviation"] = round(best.net_deviation, 4)
            print(json.dumps({"city": place.name, "plan": name, **figures}), flush=True)
            if given.out is not None:
                given.out.mkdir(parents=True, exist_ok=True)
                _draw(shapes, given.out / f"{place.name}-{name}-{len(plan)}.png")


if __name__ == "__main__":
    main()
