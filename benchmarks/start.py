"""CPU seconds of short commands, which are mostly the loading of libraries.

``python -m benchmarks.start [--before CHECKOUT] [--runs 3]`` prints one JSON line a command:
the least CPU seconds of the runs, and beside them those of another checkout in the same run.
Bytecode is kept, as after an installation; the first run, which makes it, does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

_HERE = Path(__file__).resolve().parents[1]
_MAIN = "from gridmap.cli import main; main()"


def _cpu_s(checkout: Path, words: list[str], folder: Path) -> float:
    shutil.rmtree(folder / "new", ignore_errors=True)
    environment = {**os.environ, "PYTHONPATH": str(checkout), "GRIDMAP_LANG": "en",
                   "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}  # fmt: skip
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", _MAIN, *words], check=True, cwd=folder,
                   env=environment, capture_output=True)  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--before", type=Path, help="another checkout to run beside this one")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--grids", type=int, default=325)
    chosen = parser.parse_args()
    checkouts = {"now": _HERE, **({"before": chosen.before} if chosen.before else {})}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rng = np.random.default_rng(1)
        rooms = {"id": range(22), "lon": 120.1 + rng.random(22) / 10,
                 "lat": 30.2 + rng.random(22) / 10}  # fmt: skip
        pd.DataFrame(rooms).to_csv(folder / "rooms.csv", index=False)
        sizes = ["--grids", str(chosen.grids), "--incidents", "0"]
        _cpu_s(_HERE, ["demo", "city", *sizes], folder)
        commands = {
            "help": ["--help"],
            f"measure {chosen.grids} grids": ["measure", "city", "--by", "beat", "--json"],
            "import 22 rooms": ["import", "new", "--kind", "room", "rooms.csv"],
        }
        for title, words in commands.items():
            found = {
                side: [_cpu_s(checkout, words, folder) for _ in range(chosen.runs + 1)][1:]
                for side, checkout in checkouts.items()
            }
            least = {f"{side}_cpu_s": round(min(runs), 2) for side, runs in found.items()}
            print(json.dumps({"command": title, **least}), flush=True)


if __name__ == "__main__":
    main()
