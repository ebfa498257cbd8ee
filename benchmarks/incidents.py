"""Counting incidents into grids by hour of the week, beside the peers.

    python -m benchmarks.incidents --points 10000000 --polygons 10000 50000

Every contestant reads the same Parquet file, in a process of its own bound to one core, and
must give the same table of polygons by hours. Printed are JSON lines: seconds of that core
(imports and, for gridmap, loading compiled code are done before the clock starts; building
indexes and reading the file are in), greatest memory, and how many times as long as
gridmap each peer takes. With ``--scheduler local`` or an address, the same count runs as a
Dask graph over Parquet parts. ``--store`` locates the incidents in a workspace's polygons, stores
them with where they lie, and counts what is stored by polygon, month and category.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

Table = npt.NDArray[np.int64]
CONTESTANTS = ("gridmap", "geopandas", "duckdb", "sedonadb")
HOURS = 168
_PART = 2_000_000


def make_polygons(count: int, *, seed: int = 7) -> npt.NDArray[np.object_]:
    """Return irregular cells of about 300 m that cover a square without gaps."""
    rng = np.random.default_rng(seed)
    side = 300.0 * np.sqrt(count)
    middle = shapely.multipoints(rng.uniform(0, side, (count, 2)))
    frame = shapely.box(0, 0, side, side)
    cells = shapely.get_parts(shapely.voronoi_polygons(middle, extend_to=frame))
    return np.asarray(shapely.intersection(cells, frame), dtype=object)


def write_points(folder: Path, points: int, side: float, *, seed: int = 8) -> None:
    """Write a year of incidents as Parquet parts; one in a hundred lies outside."""
    rng = np.random.default_rng(seed)
    for part, start in enumerate(range(0, points, _PART)):
        rows = min(_PART, points - start)
        x, y = rng.uniform(-0.0025 * side, 1.0025 * side, (2, rows))
        seconds = 1_672_531_200 + rng.integers(0, 365 * 86_400, rows)
        table = pa.table(
            {
                "x": x,
                "y": y,
                "time": pa.array(seconds, pa.int64()).cast(pa.timestamp("s")),
                "category": rng.integers(0, 6, rows).astype(np.int16),
            }
        )
        pq.write_table(table, folder / f"part-{part:03d}.parquet", row_group_size=500_000)


def batches(path: Path, columns: list[str]) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Yield columns of Parquet parts as arrays, half a million rows at a time."""
    for part in sorted(path.glob("*.parquet")) if path.is_dir() else [path]:
        for batch in pq.ParquetFile(part).iter_batches(500_000, columns=columns):
            yield {name: batch.column(name).to_numpy(zero_copy_only=False) for name in columns}


def incident_batches(path: Path) -> Iterator[Any]:
    """Yield a Parquet part, or all parts of a folder, as gridmap's batches."""
    from gridmap.model import IncidentBatch

    for row in batches(path, ["x", "y", "time", "category"]):
        time_s = row["time"].astype("datetime64[s]")
        yield IncidentBatch(row["x"], row["y"], time_s, row["category"])


def by_gridmap(polygons: npt.NDArray[np.object_], path: Path, points: int) -> Table:
    """Count with gridmap."""
    from gridmap.measure import Axes, PolygonIndex, count_batches

    index = PolygonIndex.build(polygons, expected_points=points)
    return (
        count_batches(index, incident_batches(path), Axes())
        .table("polygon", "hour")
        .astype(np.int64)
    )


def by_gridmap_all_axes(polygons: npt.NDArray[np.object_], path: Path, points: int) -> Table:
    """Count with gridmap by hour, category and month at once."""
    from gridmap.measure import Axes, PolygonIndex, count_batches

    index = PolygonIndex.build(polygons, expected_points=points)
    months = (np.datetime64("2023-01"), np.datetime64("2023-12"))
    axes = Axes(("a", "b", "c", "d", "e", "f"), months)
    return (
        count_batches(index, incident_batches(path), axes)
        .table("polygon", "hour")
        .astype(np.int64)
    )


def by_geopandas(polygons: npt.NDArray[np.object_], path: Path, points: int) -> Table:  # noqa: ARG001 - one signature for all
    """Count with ``geopandas.sjoin``, half a million points at a time."""
    import geopandas as gpd

    grids = gpd.GeoDataFrame(geometry=polygons, crs=4547)
    table = np.zeros((len(polygons), HOURS), np.int64)
    for row in batches(path, ["x", "y", "time"]):
        frame = gpd.GeoDataFrame(
            {"hour": _hours(row["time"])},
            geometry=gpd.points_from_xy(row["x"], row["y"]),
            crs=4547,
        )
        joined = gpd.sjoin(frame, grids, predicate="intersects")
        np.add.at(table, (joined["index_right"].to_numpy(), joined["hour"].to_numpy()), 1)
    return table


_SQL = """
    select g.i as i, hour, count(*) as n
    from (select {point} as point, {hour} as hour from {parts}) p
    join grids g on st_intersects(g.shape, p.point)
    group by g.i, hour
"""


def by_duckdb(polygons: npt.NDArray[np.object_], path: Path, points: int) -> Table:  # noqa: ARG001 - one signature for all
    """Count with DuckDB's spatial extension."""
    import duckdb

    base = duckdb.connect(config={"threads": 1})
    base.execute("load spatial")
    shapes = pa.table({"i": np.arange(len(polygons)), "wkb": shapely.to_wkb(polygons)})
    base.register("shapes", shapes)
    base.execute("create table grids as select i, st_geomfromwkb(wkb) as shape from shapes")
    hour = "(cast(floor(epoch(time) / 3600) as bigint) + 72) % 168"
    found = base.execute(
        _SQL.format(point="st_point(x, y)", hour=hour, parts=f"'{path}/*.parquet'")
    ).arrow()
    return _dense(found.read_all() if hasattr(found, "read_all") else found, len(polygons))


def by_sedonadb(polygons: npt.NDArray[np.object_], path: Path, points: int) -> Table:  # noqa: ARG001 - one signature for all
    """Count with SedonaDB."""
    import geopandas as gpd
    import sedonadb

    base = sedonadb.connect()
    grids = gpd.GeoDataFrame({"i": np.arange(len(polygons))}, geometry=polygons)
    base.create_data_frame(grids.rename_geometry("shape")).to_view("grids")
    base.read_parquet([str(part) for part in sorted(path.glob("*.parquet"))]).to_view("points")
    hour = "(cast(floor(date_part('epoch', time) / 3600) as bigint) + 72) % 168"
    query = _SQL.format(point="st_point(x, y)", hour=hour, parts="points")
    return _dense(base.sql(query).to_arrow_table(), len(polygons))


def _dense(found: Any, count: int) -> Table:  # noqa: ANN401 - an Arrow table
    table = np.zeros((count, HOURS), np.int64)
    row, hour, n = (found.column(name).to_numpy() for name in ("i", "hour", "n"))
    table[row, hour.astype(np.int64)] = n
    return table


def _hours(times: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    seconds = times.astype("datetime64[s]").astype(np.int64)
    return np.asarray((seconds // 3600 + 72) % HOURS, np.int64)


WAYS = {
    "gridmap": by_gridmap,
    "gridmap_all_axes": by_gridmap_all_axes,
    "geopandas": by_geopandas,
    "duckdb": by_duckdb,
    "sedonadb": by_sedonadb,
}


def contest(name: str, folder: Path, points: int) -> None:
    """Run one contestant in this process and print what it took."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    polygons = np.asarray(shapely.from_wkb(np.load(folder / "polygons.npy", allow_pickle=True)))
    with tempfile.TemporaryDirectory() as small:
        write_points(Path(small), 1000, 300.0)
        WAYS[name](polygons[:10], Path(small), 1000)  # imports and compiled code are loaded
    before_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, core = time.perf_counter(), time.process_time()
    table = WAYS[name](polygons, folder / "points", points)
    core, wall = time.process_time() - core, time.perf_counter() - wall
    line = {
        "what": "incidents",
        "contestant": name,
        "polygons": len(polygons),
        "points": points,
        "core_s": round(core, 2),
        "wall_s": round(wall, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "peak_before_mib": round(before_mib),
        "counted": int(table.sum()),
        "table": hashlib.blake2b(table.astype(np.int64).tobytes(), digest_size=8).hexdigest(),
    }
    print(json.dumps(line), flush=True)


def on_cluster(folder: Path, points: int, scheduler: str) -> Iterator[dict[str, Any]]:
    """Count the same parts on a Dask cluster and yield what it took.

    ``local`` means one worker of this machine, then two, each a process of one thread.
    """
    from distributed import Client, LocalCluster

    if scheduler != "local":
        with Client(scheduler) as client:
            yield _on_client(folder, points, client, scheduler)
        return
    for workers in (1, 2):
        with (
            LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0"
            ) as cluster,
            Client(cluster) as client,
        ):
            yield _on_client(folder, points, client, f"{workers} local")


def _on_client(folder: Path, points: int, client: Any, name: str) -> dict[str, Any]:  # noqa: ANN401 - dask has no types
    from gridmap.measure import Axes, PolygonIndex
    from gridmap.measure.counting import count_on_cluster

    polygons = np.asarray(shapely.from_wkb(np.load(folder / "polygons.npy", allow_pickle=True)))
    parts = sorted((folder / "points").glob("*.parquet"))
    with tempfile.TemporaryDirectory() as small:  # workers load what they need
        write_points(Path(small), 1000, 300.0)
        few = PolygonIndex.build(polygons[:10])
        for _ in range(4):
            count_on_cluster(
                few, sorted(Path(small).glob("*")), incident_batches, Axes(), scheduler=client
            )
    wall = time.perf_counter()
    index = PolygonIndex.build(polygons, expected_points=points)
    counts = count_on_cluster(index, parts, incident_batches, Axes(), scheduler=client)
    table = counts.table("polygon", "hour").astype(np.int64)
    wall = time.perf_counter() - wall
    return {
        "what": "incidents",
        "contestant": f"gridmap on dask, {name}",
        "polygons": len(polygons),
        "points": points,
        "wall_s": round(wall, 2),
        "counted": int(table.sum()),
        "table": hashlib.blake2b(table.tobytes(), digest_size=8).hexdigest(),
    }


def store(points: int, polygons: int) -> Iterator[dict[str, Any]]:
    """Locate incidents, store them, and count what is stored; yield what each took."""
    import geopandas as gpd

    from gridmap.io import Workspace, read_city
    from gridmap.measure import count_located
    from gridmap.model import IncidentBatch, Incidents, Kind, Layer

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "points").mkdir()
        for size, cells in ((1000, 20), (points, polygons)):  # compiled code is loaded first
            for old in (folder / "points").iterdir():
                old.unlink()
            write_points(folder / "points", size, 300.0 * np.sqrt(cells))
            parts = list(incident_batches(folder / "points"))
            columns = {
                column: np.concatenate([getattr(part, column) for part in parts])
                for column in ("x", "y", "time", "category")
            }
            del parts
            order = np.argsort(columns["time"], kind="stable")  # as import leaves them
            batch = IncidentBatch(
                columns["x"][order],
                columns["y"][order],
                columns["time"][order],
                columns["category"][order],
            )
            ids = [f"g{row}" for row in range(cells)]
            frame = gpd.GeoDataFrame({"id": ids}, geometry=make_polygons(cells), crs=4547)
            place = Workspace.at(folder / f"city{size}")
            place.put_layer(Layer(Kind.BEAT, frame))
            incidents = Incidents.from_batch(batch, categories=tuple("abcdef"), crs=frame.crs)
            core, wall = time.process_time(), time.perf_counter()
            place.put_incidents(incidents)
            core, wall = time.process_time() - core, time.perf_counter() - wall
            city = read_city(place.path)
            again, again_wall = time.process_time(), time.perf_counter()
            counts = count_located(city, Kind.BEAT, by=("month", "category"))
            again, again_wall = time.process_time() - again, time.perf_counter() - again_wall
            del incidents, batch, columns
            if size == points:
                line = {"what": "incidents", "polygons": cells, "points": size}
                megabytes = (
                    sum(
                        file.stat().st_size
                        for file in (place.path / "incidents.parquet").iterdir()
                    )
                    / 1e6
                )
                yield {**line, "contestant": "gridmap locates and stores",
                       "core_s": round(core, 2), "wall_s": round(wall, 2),
                       "megabytes": round(megabytes)}  # fmt: skip
                yield {**line, "contestant": "gridmap counts what is stored",
                       "core_s": round(again, 3), "wall_s": round(again_wall, 3),
                       "counted": counts.total}  # fmt: skip


def run(points: int, polygons: int, contestants: list[str], schedulers: list[str]) -> None:
    """Run the contestants one after the other and compare what they say."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "points").mkdir()
        shapes = make_polygons(polygons)
        np.save(folder / "polygons.npy", np.array(shapely.to_wkb(shapes), dtype=object))
        write_points(folder / "points", points, 300.0 * np.sqrt(polygons))
        lines = [_in_process(contestant, folder, points) for contestant in contestants]
        for scheduler in schedulers:
            for line in on_cluster(folder, points, scheduler):
                lines.append(line)
                print(json.dumps(line), flush=True)
        done = [line for line in lines if "table" in line]
        ours = next((line for line in done if line["contestant"] == "gridmap"), None)
        verdict: dict[str, Any] = {
            "what": "incidents",
            "polygons": polygons,
            "points": points,
            "identical": len({line["table"] for line in done}) == 1,
        }
        if ours:
            verdict["times_as_long_as_gridmap"] = {
                line["contestant"]: round(line["core_s"] / ours["core_s"], 1)
                for line in done
                if "core_s" in line and line is not ours
            }
        print(json.dumps(verdict), flush=True)


def _in_process(contestant: str, folder: Path, points: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.incidents", "--contest", contestant]
    command += ["--folder", str(folder), "--points", str(points)]
    one_thread = {"OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1", "TOKIO_WORKER_THREADS": "1"}
    ran = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **one_thread}
    )
    if ran.returncode:
        reason = (ran.stderr.strip().splitlines() or ["no message"])[-1]
        line: dict[str, Any] = {"contestant": contestant, "not_run": reason[:300]}
    else:
        line = json.loads(ran.stdout.strip().splitlines()[-1])
    print(json.dumps(line), flush=True)
    return line


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--polygons", type=int, nargs="+", default=[10_000, 50_000])
    parser.add_argument("--contestants", nargs="*", choices=list(WAYS), default=list(CONTESTANTS))
    parser.add_argument("--scheduler", nargs="*", default=[], metavar="ADDRESS")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--contest", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.contest:
        contest(chosen.contest, chosen.folder, chosen.points)
        return
    for polygons in chosen.polygons:
        if chosen.store:
            for line in store(chosen.points, polygons):
                print(json.dumps(line), flush=True)
            continue
        run(chosen.points, polygons, chosen.contestants, chosen.scheduler)


if __name__ == "__main__":
    main()
