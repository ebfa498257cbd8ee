"""The crosswalk of grids and beats, beside the peers.

    python -m benchmarks.crosswalk --grids 10000 --beats 300

Beats cross grids (irregular cells of another seed) or are made of grids (nested). Each
contestant runs five times in this process; printed are JSON lines with the median seconds
of one core, the greatest difference of any grid's share, and how many times as long as
gridmap each peer takes.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from scipy import sparse

from benchmarks.incidents import make_polygons
from gridmap.measure import crosswalk

Shapes = npt.NDArray[np.object_]
Table: TypeAlias = sparse.csr_array


def make_beats(grids: Shapes, count: int, *, nested: bool) -> Shapes:
    """Return beats that cover the ground of the grids."""
    side = float(shapely.total_bounds(grids)[2])
    beats = make_polygons(count, seed=11)
    scale = side / float(shapely.total_bounds(beats)[2])
    beats = np.asarray(shapely.transform(beats, lambda xy: xy * scale), dtype=object)
    if not nested:
        return beats
    owner = shapely.STRtree(beats).nearest(shapely.centroid(grids))
    held = [grids[owner == beat] for beat in range(count)]
    return np.array([shapely.coverage_union_all(part) for part in held if len(part)])


def by_gridmap(grids: Shapes, beats: Shapes) -> Table:
    """Share out with gridmap."""
    return crosswalk(grids, beats).shares


def by_overlay(grids: Shapes, beats: Shapes) -> Table:
    """Share out with ``geopandas.overlay``."""
    pieces = gpd.overlay(_frame(grids, "i"), _frame(beats, "j"), keep_geom_type=False)
    pairs = (pieces["i"].to_numpy(), pieces["j"].to_numpy())
    shape = (len(grids), len(beats))
    area = sparse.csr_array((pieces.area.to_numpy(), pairs), shape=shape)
    return sparse.csr_array(area.multiply(1.0 / shapely.area(grids)[:, None]))


def by_prepared_tree(grids: Shapes, beats: Shapes) -> Table:
    """Share out with a tree and prepared ``covers`` before any intersection."""
    shapely.prepare(beats)
    beat, grid = shapely.STRtree(grids).query(beats, predicate="intersects")
    inside = shapely.covers(beats[beat], grids[grid])
    area = shapely.area(grids)
    part = area[grid].copy()
    part[~inside] = shapely.area(shapely.intersection(grids[grid[~inside]], beats[beat[~inside]]))
    return sparse.csr_array((part / area[grid], (grid, beat)), shape=(len(grids), len(beats)))


def by_tobler(grids: Shapes, beats: Shapes) -> Table:
    """Share out with tobler's area table."""
    from tobler.area_weighted.area_interpolate import _area_tables_binning

    table = _area_tables_binning(_frame(grids, "i"), _frame(beats, "j"), "auto")
    return sparse.csr_array(table.multiply(1.0 / shapely.area(grids)[:, None]))


def _frame(shapes: Shapes, name: str) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({name: np.arange(len(shapes))}, geometry=shapes, crs=4547)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--grids", type=int, default=10_000)
    parser.add_argument("--beats", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=5)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    ways: dict[str, Callable[[Shapes, Shapes], Table]] = {
        "gridmap": by_gridmap,
        "geopandas.overlay": by_overlay,
        "tree and prepared covers": by_prepared_tree,
        "tobler": by_tobler,
    }
    grids = make_polygons(chosen.grids)
    for nested in (False, True):
        beats = make_beats(grids, chosen.beats, nested=nested)
        crosswalk(grids[:5], beats[:5])  # compiled code is loaded
        lines: list[dict[str, Any]] = []
        truth = by_overlay(grids, beats)
        for name, way in ways.items():
            lines.append(_timed(name, way, grids, beats, truth, chosen.repeats))
            print(json.dumps({"nested": nested, **lines[-1]}), flush=True)
        ours = lines[0]["core_s"]
        times = {line["contestant"]: round(line["core_s"] / ours, 1) for line in lines[1:]}
        print(json.dumps({"nested": nested, "times_as_long_as_gridmap": times}), flush=True)


def _timed(
    name: str,
    way: Callable[[Shapes, Shapes], Table],
    grids: Shapes,
    beats: Shapes,
    truth: Table,
    repeats: int,
) -> dict[str, Any]:
    seconds = []
    for _ in range(repeats):
        # Shapes anew, or what one contestant prepares would help the next.
        fresh = tuple(np.asarray(shapely.from_wkb(shapely.to_wkb(s))) for s in (grids, beats))
        start = time.process_time()
        table = way(*fresh)
        seconds.append(time.process_time() - start)
    difference = abs(table - truth).max()
    return {
        "what": "crosswalk",
        "contestant": name,
        "grids": len(grids),
        "beats": len(beats),
        "core_s": round(float(np.median(seconds)), 3),
        "greatest_difference_of_a_share": float(difference),
    }


if __name__ == "__main__":
    main()
