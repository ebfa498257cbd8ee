"""Change thresholds one by one and see whether a test notices: ``make mutate AREA=travel``.

Comparisons, numbers, constants and conditions of an area's modules are changed by cosmic-ray in
a copy of the tree, and the area's tests run for each; what no test notices is listed at the end.
Modules of kernels are left out: each change would compile them anew. An area takes hours, so it
is no part of the automatic checks. Give a module to try that one alone.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
AREAS = {
    "measure": ("gridmap/measure", ("tests/test_thresholds.py", "tests/test_measure_*.py")),
    "plans": ("gridmap/plans", ("tests/test_thresholds.py", "tests/test_plans_compare.py",
                                "tests/test_plans_editing.py", "tests/test_plans_store.py")),
    "travel": ("gridmap/travel", ("tests/test_thresholds.py", "tests/test_travel_*.py")),
    "io": ("gridmap/io", ("tests/test_thresholds.py", "tests/test_io_*.py")),
}  # fmt: skip
# Thresholds are what this is about: arithmetic is held by the oracles of the tests.
_OTHERS = ["core/ReplaceBinaryOperator_.*", "core/ReplaceUnaryOperator_.*",
           "core/ExceptionReplacer", "core/RemoveDecorator", "core/ZeroIterationForLoop",
           "core/VariableReplacer", "core/VariableInserter"]  # fmt: skip


def config_of(area: str, module: str, files: list[str]) -> str:
    """Return cosmic-ray's configuration for an area, or for one of its modules."""
    folder, patterns = AREAS[area]
    patterns = tuple(files) or patterns
    tests = sorted(
        path.relative_to(ROOT).as_posix() for text in patterns for path in ROOT.glob(text)
    )
    kernels = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "njit" in path.read_text(encoding="utf-8")
    ]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider",
               "-m", "not real_data", *tests]  # fmt: skip
    return "\n".join(
        [
            "[cosmic-ray]",
            f"module-path = {json.dumps(module or folder)}",
            "timeout = 600.0",
            f"excluded-modules = {json.dumps(kernels)}",
            f"test-command = {json.dumps(shlex.join(command))}",
            "[cosmic-ray.distributor]",
            'name = "local"',
            "[cosmic-ray.filters.operators-filter]",
            f"exclude-operators = {json.dumps(_OTHERS)}",
        ]
    )


def survivors(dump: str) -> list[str]:
    """Return the changes that no test noticed, from what ``cosmic-ray dump`` says."""
    found = []
    for line in filter(None, dump.splitlines()):
        work, result = json.loads(line)
        if result is None or result.get("test_outcome") != "survived":
            continue
        for change in work["mutations"]:
            place = f"{change['module_path']}:{change['start_pos'][0]}"
            found.append(f"{place}  {change['operator_name']} ({change['occurrence']})")
    return found


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("area", choices=sorted(AREAS))
    parser.add_argument("module", nargs="?", default="", help="one file of the area")
    parser.add_argument(
        "--tests", nargs="*", default=[], help="files of tests; the area's if none"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "tree"
        parts = ("gridmap", "tests", "data", "benchmarks", "pyproject.toml")
        for part in parts:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, copy / part)
            else:
                shutil.copy(source, copy / part)
        config = config_of(chosen.area, chosen.module, chosen.tests)
        (copy / "mutate.toml").write_text(config, "utf-8")
        environment = {**os.environ, "PYTHONPATH": str(copy)}

        def run(program: str, *arguments: str) -> str:
            return subprocess.run(  # noqa: S603 - the tools of this environment, on a copy
                [str(BIN / program), *arguments], cwd=copy, env=environment, check=True,
                stdout=subprocess.PIPE, text=True,
            ).stdout  # fmt: skip

        run("cosmic-ray", "init", "mutate.toml", "session.sqlite")
        run("cr-filter-operators", "session.sqlite", "mutate.toml")
        run("cosmic-ray", "baseline", "mutate.toml")
        run("cosmic-ray", "exec", "mutate.toml", "session.sqlite")
        left = survivors(run("cosmic-ray", "dump", "session.sqlite"))
        report = run("cr-report", "session.sqlite").strip().splitlines()[-4:]
    sys.stdout.write("\n".join([*left, *report]) + "\n")


if __name__ == "__main__":
    main()
