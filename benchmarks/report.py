"""The monthly report of a large city: seconds and memory from a workspace to its folder.

``python -m benchmarks.report`` makes a workspace of 10,000 grids and a million incidents,
runs ``gridmap report`` on it in a process of its own, and prints JSON lines with the wall
and processor seconds and the most memory that process held. Figures to reach: 20 s of
processor time and 0.8 GB.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FORMATS = "xlsx,pdf,html,png,gpkg,geojson,shp,csv"


def make_workspace(folder: Path, grids: int, incidents: int) -> None:
    """Make the workspace of the demo city at a size."""
    from gridmap.demo import make_city
    from gridmap.io import Workspace

    Workspace.at(folder).put_city(make_city(grids=grids, incidents=incidents, seed=7))


def run(workspace: Path, out: Path, *options: str) -> dict[str, float]:
    """Run the command in a process of its own; return its seconds and memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(
        [
            sys.executable, "-c", "from gridmap.cli import main; main()", "report",
            str(workspace), "--out", str(out), "--formats", FORMATS, "--date", "2024-12-01",
            *options,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    wall_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    # The largest child so far, in KiB on Linux; the runs come in order of size.
    return {
        "wall_s": round(wall_s, 1),
        "cpu_s": round(cpu_s, 1),
        "peak_mb": round(after.ru_maxrss / 1024),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grids", type=int, default=10_000)
    parser.add_argument("--incidents", type=int, default=1_000_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name) / "city"
        make_workspace(workspace, chosen.grids, chosen.incidents)
        for label, options in (
            ("month", ("--period", "2024-11")),
            ("month, small counts hidden", ("--period", "2024-11", "--suppress-below", "5")),
        ):
            figures = run(workspace, Path(name) / f"out-{label[-1]}", *options)
            line = {
                "benchmark": "report",
                "case": label,
                "grids": chosen.grids,
                "incidents": chosen.incidents,
                "formats": FORMATS,
                **figures,
                "reach": {"cpu_s": 20, "peak_mb": 800},
            }
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
