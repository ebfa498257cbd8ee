"""Fuzzing: 300 mutations of each format, seeded; ``make fuzz`` makes as many as one likes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import fuzzing
import pytest

from gridmap.io import import_files

COUNT = int(os.environ.get("GRIDMAP_FUZZ", "300"))
SEED = int(os.environ.get("GRIDMAP_FUZZ_SEED", "1"))
MORE = {"topojson", "gpx", "dxf", "osm"}  # beyond the formats that have always been read
MOST_CRASHES = 20


@pytest.mark.slow
@pytest.mark.parametrize("name", fuzzing.FORMATS)
@pytest.mark.skipif(sys.platform == "win32", reason="the limits are those of POSIX systems")
def test_mutations_end_in_a_report_or_in_one_line(tmp_path, name):
    good = tmp_path / "good"
    good.mkdir()
    fuzzing.seed_file(name, good)
    fuzzing.squares().to_file(tmp_path / "grid.geojson", driver="GeoJSON")
    import_files(tmp_path / "city", [tmp_path / "grid.geojson"], kind="grid")
    done, crashes = 0, 0
    count = COUNT // 3 if name in MORE else COUNT
    while done < count:
        ran = fuzzed(name, done, count - done, tmp_path)
        last = [int(line) for line in ran.stdout.split()]
        done = last[-1] + 1 if last else done
        assert ran.returncode <= 0, (name, SEED, done, ran.returncode, ran.stderr[-3000:])
        assert ran.returncode != -signal.SIGALRM, (name, SEED, done)
        if done < count:
            # The mutation that ended the process: in a process of its own it is one line.
            crashes += 1
            assert crashes <= MOST_CRASHES, (name, SEED, done)
            ran = fuzzed(name, done, 1, tmp_path, "alone")
            assert ran.returncode == 0, (name, SEED, done, ran.returncode, ran.stderr[-3000:])
            done += 1


def fuzzed(name, first, count, folder, *more):
    """Run `fuzzing` over some mutations."""
    command = [sys.executable, fuzzing.__file__, name, SEED, first, count, folder, *more]
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(fuzzing.__file__).parents[1])},
    )  # fmt: skip


PROGRAM = r"""
import subprocess, sys, time, fuzzing
from pathlib import Path
def raising(): raise KeyError("x")
def slow():
    burn = "import time\nwhile time.process_time() < 1: pass"
    subprocess.run([sys.executable, "-c", burn])
def large(): subprocess.run([sys.executable, "-c", "held = bytearray(1_010_000_000)"])
def endless():
    while True: pass
for does, seconds in ((raising, 10), (slow, 0.5), (large, 10), (endless, 0.5)):
    def read_files(*_, **__):
        does()
        raise fuzzing.InputError("gdal.error.memory", file="a")
    fuzzing.read_files, fuzzing.SECONDS = read_files, seconds
    print(does.__name__, fuzzing.main("csv", 1, 0, 1, Path(sys.argv[1])), flush=True)
"""


@pytest.mark.slow
def test_what_a_reader_must_not_do_fails_the_run(tmp_path):
    """A traceback, a long time or 1 GB in a process that it starts, and no end are each seen."""
    good = tmp_path / "good"
    good.mkdir()
    fuzzing.seed_file("csv", good)
    (tmp_path / "city").mkdir()
    folder = Path(fuzzing.__file__).parent
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": f"{folder.parent}{os.pathsep}{folder}"},
    )  # fmt: skip
    assert ran.stdout.splitlines() == ["raising 1", "slow 3", "large 2"], ran.stderr
    assert ran.returncode == -signal.SIGPROF
    assert "KeyError" in ran.stderr
