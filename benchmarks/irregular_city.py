"""Made-up irregular cities, for benchmarks that read graphs.

``python -m benchmarks.irregular_city FOLDER [--seed N]`` writes the six that
``python -m benchmarks.partition --folder FOLDER`` reads, of 60 to 50,000 grids;
``--grids N --beats K`` writes one of any size instead. A city is a Voronoi diagram with small
cells round its centre and its towns; residents are log-normal, denser in the centre; borders
along a river (two in a large city) cannot be passed but on bridges. The same seed gives the
same file. Each is an npz of:

- ``n``, ``k``: grids, and beats wanted; ``xy``, ``area``: centroids in m and m²;
- ``eu``, ``ev``, ``L``, ``barrier``: grids that share a border, its metres, whether a river is
  in it; ``outer``: metres of each grid's border on the edge of the city;
- ``pop``, ``inc``, ``mig``: residents, incidents and migrants; ``w``: workload as a whole
  number, about 1,000 a grid.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Voronoi

#: Grids and beats of the graphs that `benchmarks.partition` reads, by name.
SIZES = {
    "v60": (60, 4),
    "v200": (200, 8),
    "v1k": (1_000, 25),
    "v5k": (5_000, 120),
    "v20k": (20_000, 500),
    "v50k": (50_000, 1_000),
}
_GRID_M2 = 250_000.0  # mean area of a grid
_BRIDGE_M = 2_500.0  # between two bridges
_TRIFLE_M = 1e-6
_SHARES = (0.5, 0.25, 0.2, 0.05)  # of residents, incidents, migrants and area in the workload

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


def make_graph(grids: int, beats: int, *, seed: int = 0) -> dict[str, Any]:
    """Return the arrays of a city of that many grids, by the names in the file.

    Raises
    ------
    ValueError
        If there are fewer than 20 grids, or more beats than grids.
    """
    if grids < 20 or not 1 <= beats <= grids:
        message = f"at least 20 grids, and 1 beat to as many as grids: {grids} and {beats}"
        raise ValueError(message)
    rng = np.random.default_rng(seed)
    radius = float(np.sqrt(grids * _GRID_M2 / np.pi))
    turn = np.linspace(0.0, 2.0 * np.pi, 96, endpoint=False)
    edge = shapely.Polygon(
        np.stack([radius * 1.12 * np.cos(turn), radius * 0.9 * np.sin(turn)], 1)
    )
    towns = rng.uniform(-0.6, 0.6, (1 + grids // 2_500, 2)) * radius
    towns[0] = 0.0
    points = _points(grids, edge, towns, radius, rng)
    cells, *_ = _cells(points, edge)
    # One step towards even cells: without it slivers are more frequent than in any city.
    cells, ends, length = _cells(shapely.get_coordinates(shapely.centroid(cells)), edge)
    xy, area = shapely.get_coordinates(shapely.centroid(cells)), shapely.area(cells)
    inner = np.bincount(ends.ravel(), weights=np.repeat(length, 2), minlength=grids)
    outer = np.maximum(shapely.length(cells) - inner, 0.0)
    outer[outer < 1e-3] = 0.0
    barrier = _rivers(xy, ends, length, radius, rng)
    near = _nearness(xy, towns, radius)
    pop = np.round(rng.lognormal(6.6, 0.9, grids) * (1.0 + near)) + 1.0
    mig = np.round(pop * rng.beta(1.2, 4.0, grids))
    inc = rng.poisson(pop / 320.0 * rng.gamma(1.0, 1.0, grids) * (1.0 + near)).astype(float)
    parts = (pop, inc, mig, area)
    work = sum(
        share * part / max(float(part.sum()), 1.0)
        for share, part in zip(_SHARES, parts, strict=True)
    )
    return {
        "n": np.int64(grids),
        "k": np.int64(beats),
        "xy": xy,
        "area": area,
        "outer": outer,
        "eu": ends[:, 0].astype(np.int32),
        "ev": ends[:, 1].astype(np.int32),
        "L": length,
        "barrier": barrier,
        "pop": pop,
        "inc": inc,
        "mig": mig,
        "w": np.maximum(np.round(1_000.0 * grids * work), 1.0).astype(np.int64),
    }


def write_graph(path: Path, grids: int, beats: int, *, seed: int = 0) -> None:
    """Write a city as npz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **make_graph(grids, beats, seed=seed))


def _points(
    count: int, edge: shapely.Polygon, towns: Floats, radius: float, rng: np.random.Generator
) -> Floats:
    """Return points inside the city, close to each other in its centre and towns."""
    found: list[Floats] = []
    while sum(map(len, found)) < count:
        drawn = rng.uniform(-1.15, 1.15, (2 * count, 2)) * radius
        kept = rng.random(len(drawn)) < (0.2 + _nearness(drawn, towns, radius)) / 1.2
        drawn = drawn[kept]
        found.append(drawn[shapely.contains_xy(edge, drawn)])
    return np.concatenate(found)[:count]


def _nearness(xy: Floats, towns: Floats, radius: float) -> Floats:
    """Return 1 in the centre and half of it in the other towns, falling off to 0."""
    reach = np.full(len(towns), min(0.2 * radius, 4_000.0))
    reach[0] = 0.35 * radius
    height = np.full(len(towns), 0.5)
    height[0] = 1.0
    near = np.zeros(len(xy))
    for town, far, top in zip(towns, reach, height, strict=True):
        squared = ((xy - town) ** 2).sum(axis=1)
        near = np.maximum(near, top * np.exp(-squared / far**2))
    return near


def _cells(points: Floats, edge: shapely.Polygon) -> tuple[NDArray[np.object_], Integers, Floats]:
    """Return the cells inside a convex city, the pairs that share a border, and its metres."""
    far = 10.0 * float(np.abs(points).max())
    frame = np.array([[far, far], [far, -far], [-far, far], [-far, -far]])
    made = Voronoi(np.concatenate([points, frame]))  # the frame's four have the open cells
    rings = [made.vertices[made.regions[made.point_region[i]]] for i in range(len(points))]
    corners = np.concatenate(rings)
    of = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    cells = shapely.convex_hull(shapely.multipoints(corners, indices=of))
    pairs = np.sort(made.ridge_points.astype(np.int64), axis=1)
    real = pairs[:, 1] < len(points)
    ridges = np.array(made.ridge_vertices)[real]
    borders = shapely.intersection(shapely.linestrings(made.vertices[ridges]), edge)
    pairs, length = pairs[real], shapely.length(borders)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    order = order[length[order] > _TRIFLE_M]
    return shapely.intersection(cells, edge), pairs[order], length[order]


def _rivers(
    xy: Floats, ends: Integers, length: Floats, radius: float, rng: np.random.Generator
) -> Flags:
    """Return the borders that a river is in: all where it passes, but for the bridges."""
    barrier = np.zeros(len(ends), dtype=np.bool_)
    middle = xy[ends].mean(axis=1)
    for _ in range(1 if len(xy) < 2_000 else 2):
        angle, phase = rng.uniform(0.0, np.pi), rng.uniform(0.0, 2.0 * np.pi)
        off = rng.uniform(-0.3, 0.3) * radius
        turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        along, across = (xy @ turned).T
        bank = across > off + 0.15 * radius * np.sin(2.5 * along / radius + phase)
        river = np.flatnonzero(bank[ends[:, 0]] != bank[ends[:, 1]])
        barrier[river] = True
        stretch = np.floor((middle[river] @ turned)[:, 0] / _BRIDGE_M).astype(np.int64)
        for one in np.unique(stretch):
            banks = river[stretch == one]
            barrier[banks[np.argmax(length[banks])]] = False
    # Ground that a bend cuts off has a bridge of its own.
    longest = np.argsort(-length, kind="stable")
    for at in longest[barrier[longest]].tolist():
        part = _parts(len(xy), ends[~barrier])
        if part.max() == 0:
            break
        barrier[at] = part[ends[at, 0]] == part[ends[at, 1]]
    return barrier


def _parts(count: int, ends: Integers) -> Integers:
    table = coo_array((np.ones(len(ends), np.int8), (ends[:, 0], ends[:, 1])), (count, count))
    return np.asarray(connected_components(table, directed=False)[1], dtype=np.int64)


def main() -> None:
    """Read the command line, write the files and print a line for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--grids", type=int, help="one city of so many grids")
    parser.add_argument("--beats", type=int, help="its beats, one in 40 grids unless told")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    sizes = SIZES
    if given.grids is not None:
        beats = given.beats or max(1, round(given.grids / 40))
        sizes = {f"v{given.grids}": (given.grids, beats)}
    for name, (grids, beats) in sizes.items():
        path = given.folder / f"{name}.npz"
        try:
            write_graph(path, grids, beats, seed=given.seed)
        except ValueError as error:
            parser.error(str(error))
        print(json.dumps({"file": str(path), "grids": grids, "beats": beats}), flush=True)


if __name__ == "__main__":
    main()
