"""Mend 10,000 irregular grids with 500 planted faults: ``python -m benchmarks.repair``.

The issue's target is 20 s. The peer is ``shapely.coverage_clean`` alone, which neither keeps
a tolerance nor mends invalid rings nor says what it did.
"""

from __future__ import annotations

import argparse
import json
import time

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from gridmap.io import repair_layer
from gridmap.model import Kind, Layer

_SIDE_M = 200.0


def irregular_grids(side: int, rng: np.random.Generator) -> NDArray[np.object_]:
    """Return side x side quadrilaterals with winding borders that fit exactly."""
    x, y = np.meshgrid(np.arange(side + 1.0), np.arange(side + 1.0))
    xy = np.stack([x, y], axis=-1) * _SIDE_M + rng.uniform(-50, 50, (side + 1, side + 1, 2))
    across = _winding(xy[:, :-1], xy[:, 1:], rng)
    down = _winding(xy[:-1], xy[1:], rng)
    cells = []
    for i in range(side):
        for j in range(side):
            ring = [
                across[i, j][:-1],
                down[i, j + 1][:-1],
                across[i + 1, j][::-1][:-1],
                down[i, j][::-1][:-1],
            ]
            cells.append(shapely.Polygon(np.concatenate(ring)))
    return np.array(cells, dtype=object)


def _winding(
    start: NDArray[np.float64], end: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    share = np.linspace(0, 1, 11)[:, None]
    line = start[..., None, :] * (1 - share) + end[..., None, :] * share
    line[..., 1:-1, :] += rng.uniform(-2, 2, line[..., 1:-1, :].shape)
    return line


def plant_faults(
    cells: NDArray[np.object_], count: int, rng: np.random.Generator
) -> NDArray[np.object_]:
    """Return the cells with moved and dropped vertices, bow-ties and holes, one a cell."""
    out = cells.copy()
    for at, row in enumerate(rng.choice(len(cells), count, replace=False)):
        xy = shapely.get_coordinates(cells[row])
        vertex = int(rng.integers(2, len(xy) - 2))
        match at % 4:
            case 0:
                xy[vertex] += rng.uniform(-2, 2, 2)
            case 1:
                xy = np.delete(xy, vertex, axis=0)
            case 2:
                xy[[vertex, vertex + 1]] = xy[[vertex + 1, vertex]]
            case _:
                centre = shapely.get_coordinates(cells[row].centroid)[0]
                hole = shapely.get_coordinates(shapely.box(*centre, *(centre + 1.5)))
                out[row] = shapely.Polygon(xy, [hole])
                continue
        out[row] = shapely.Polygon(xy)
    return out


def main() -> None:
    """Print one JSON line for gridmap and one for the peer."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rng = np.random.default_rng(7)
    cells = irregular_grids(100, rng)
    assert shapely.coverage_is_valid(cells)
    broken = plant_faults(cells, 500, rng)
    people = rng.integers(0, 3000, len(broken)).astype(float)
    ids = [f"g{row}" for row in range(len(broken))]
    frame = gpd.GeoDataFrame({"id": ids, "residents": people}, geometry=broken, crs="EPSG:4547")
    layer = Layer(Kind.GRID, frame)
    started, clock = time.process_time(), time.perf_counter()
    result = repair_layer(layer)
    took, wall = time.process_time() - started, time.perf_counter() - clock
    assert result.layer.counts("residents").sum() == people.sum()
    line = {
        "benchmark": "repair",
        "tool": "gridmap",
        "grids": len(broken),
        "faults": 500,
        "cpu_s": round(took, 2),
        "wall_s": round(wall, 2),
        "target_s": 20,
        "coverage_valid": result.coverage_valid,
        "moved_max_m": round(max(item.moved_max_m for item in result.done), 3),
        "repaired": [item.as_json() for item in result.done],
    }
    print(json.dumps(line))
    sound = np.where(shapely.is_valid(broken), broken, shapely.make_valid(broken))
    started = time.process_time()
    cleaned = shapely.coverage_clean(sound, gap_width=5.0)
    line = {
        "benchmark": "repair",
        "tool": "shapely.coverage_clean",
        "cpu_s": round(time.process_time() - started, 2),
        "coverage_valid": bool(shapely.coverage_is_valid(cleaned)),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
