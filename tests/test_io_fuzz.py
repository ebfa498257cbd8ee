"""Fuzzing: 300 mutations of each format, seeded; ``make fuzz`` makes as many as one likes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import fuzzing
import pytest

from gridmap.errors import GridmapError
from gridmap.io import Workspace, import_files

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
    parts = fuzzing.seed_file(name, good)
    city = tmp_path / "city"
    fuzzing.squares().to_file(tmp_path / "grid.geojson", driver="GeoJSON")
    import_files(city, [tmp_path / "grid.geojson"], kind="grid")
    done, crashes = 0, 0
    count = COUNT // 3 if name in MORE else COUNT
    while done < count:
        command = [sys.executable, fuzzing.__file__, name, SEED, done, count - done, tmp_path]
        ran = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, check=False,
            env={**os.environ, "PYTHONPATH": str(Path(fuzzing.__file__).parents[1])},
        )  # fmt: skip
        last = [int(line) for line in ran.stdout.split()]
        done = last[-1] + 1 if last else done
        assert ran.returncode <= 0, (name, SEED, done, ran.returncode, ran.stderr[-3000:])
        if done < count:
            # The mutation that ended the process: in a process of its own it is one line.
            crashes += 1
            assert crashes <= MOST_CRASHES, (name, SEED, done)
            path = fuzzing.write_mutation(name, SEED, done, parts, tmp_path / "mutated")
            before = fuzzing.state(city)
            with pytest.raises(GridmapError) as error:
                import_files(city, [path], kind=fuzzing.kind_of(name))
            assert "\n" not in error.value.text()
            assert fuzzing.state(city) == before
            done += 1


def test_a_crash_of_the_fuzzed_process_is_not_taken_for_an_end(tmp_path):
    """A reader that raises what is not ours fails the run: the test above can fail."""
    good = tmp_path / "good"
    good.mkdir()
    fuzzing.seed_file("csv", good)
    Workspace.at(tmp_path / "city")
    (tmp_path / "city").mkdir()
    code = (
        "import sys, fuzzing; from pathlib import Path\n"
        "def broken(*_, **__): raise KeyError('x')\n"
        "fuzzing.read_files = broken\n"
        f"sys.exit(fuzzing.main('csv', 1, 0, 3, Path({str(tmp_path)!r})))"
    )
    folder = Path(fuzzing.__file__).parent
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": f"{folder.parent}{os.pathsep}{folder}"},
    )  # fmt: skip
    assert ran.returncode == 1
    assert "KeyError" in ran.stderr
