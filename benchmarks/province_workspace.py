"""A province in one workspace: seconds and memory of what people do with it.

``python -m benchmarks.province_workspace [--cities 25] [--grids 20000] [--incidents 2000000]
[--folder F]`` sets made-up cities side by side (by default 500,000 grids, 6,250 stations,
50,000 beats and 50 million incidents), stores them as one workspace, and runs ``measure``,
``propose`` within stations and ``report`` on it, each in a process of its own. Printed are JSON
lines with wall and processor seconds and the most memory that the process held. A folder that
is given is kept, and its workspace used again if it is there. It takes half an hour or more.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import pandas as pd

from gridmap.model import City, IncidentBatch, Incidents, Kind, Layer

_STORE = """import sys
from benchmarks.province_workspace import _store
_store(*sys.argv[1:])"""
#: Columns that name a feature of another layer.
_IDS = ("id", "grid", "community", "station", "beat", "room")


def _moved(layer: Layer, number: int, east_m: float) -> gpd.GeoDataFrame:
    """Return a layer's frame as the city with this number has it."""
    frame = layer.frame.copy()
    frame.geometry = frame.geometry.translate(xoff=number * east_m)
    for name in _IDS:
        if name in frame.columns:
            known = frame[name].notna() & (frame[name].astype(str) != "")
            frame.loc[known, name] = f"{number:02d}-" + frame.loc[known, name].astype(str)
    return frame


def make_province(cities: int, grids: int, incidents: int, *, seed: int = 7) -> City:
    """Return a province of equal cities side by side, with an id of its own for each thing."""
    from gridmap.demo import make_city

    one = make_city(grids=grids, incidents=incidents, seed=seed)
    west, _, east, _ = one.grids.frame.total_bounds
    step_m = float(east - west) + 5_000.0
    layers = {}
    for kind in (Kind.GRID, Kind.COMMUNITY, Kind.STATION, Kind.BEAT, Kind.ROOM):
        parts = [_moved(one.layer(kind), number, step_m) for number in range(cities)]
        joined = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=one.crs)
        layers[kind] = Layer(kind, joined, {"source": "gridmap demo", "made_up": True})
    recorded = one.incidents
    assert recorded is not None

    def walk() -> Iterator[IncidentBatch]:
        for number in range(cities):
            for batch in recorded.batches():
                yield replace(batch, x=batch.x + number * step_m)

    return City(
        name="Made-up province",
        crs=one.crs,
        layers=layers,
        incidents=Incidents(
            walk, cities * len(recorded), recorded.categories, one.crs, recorded.digest
        ),
        made_up=True,
    )


def _run(name: str, code: list[str]) -> None:
    """Run a command in a process of its own and print its line."""
    start = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, *code],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    _, status, used = os.wait4(child.pid, 0)
    line = {
        "benchmark": "province_workspace",
        "case": name,
        "exit_code": os.waitstatus_to_exitcode(status),
        "wall_s": round(time.perf_counter() - start, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb": round(used.ru_maxrss / 1024),  # KiB on Linux
    }
    print(json.dumps(line), flush=True)


def _present_beats(grids: int) -> int:
    """Return how many beats a made-up city of this size has."""
    from gridmap.demo import make_city

    return len(make_city(grids=grids, incidents=0).beats)


def _store(folder: str, cities: str, grids: str, incidents: str) -> None:
    """Make the province and store it; run in a process of its own."""
    from gridmap.io import Workspace

    Workspace.at(folder).put_city(make_province(int(cities), int(grids), int(incidents)))


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cities", type=int, default=25)
    parser.add_argument("--grids", type=int, default=20_000, help="grids of each city")
    parser.add_argument("--incidents", type=int, default=2_000_000, help="incidents of each")
    parser.add_argument("--folder", type=Path, help="where the workspace is kept")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        workspace = folder / "province"
        if not workspace.exists():
            size = [str(n) for n in (chosen.cities, chosen.grids, chosen.incidents)]
            _run("made and stored", ["-c", _STORE, str(workspace), *size])
        command = ["-c", "from gridmap.cli import main; main()"]
        where = str(workspace)
        look = "import sys, gridmap; city = gridmap.open(sys.argv[1]); len(city.grids); repr(city)"
        _run("opened", ["-c", look, where])
        _run("measure", [*command, "measure", where, "--json"])
        _run("measure, again", [*command, "measure", where, "--json"])
        beats = chosen.cities * _present_beats(chosen.grids)
        within = ["--beats", str(beats), "--parents", "station", "--tolerance", "10%"]
        within += ["--effort", "quick", "--chance", "0", "--processes", "2"]
        _run("propose within stations", [*command, "propose", where, *within, "--json"])
        out = str(Path(temporary) / "report")
        paper = ["--out", out, "--formats", "pdf,xlsx,csv", "--pages", "4"]
        _run("report of a month", [*command, "report", where, *paper, "--period", "2024-11"])


if __name__ == "__main__":
    main()
