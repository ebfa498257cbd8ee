"""What ``make wheelhouse`` collects installs and runs where there is no network and no home."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WHEELS = Path(os.environ.get("GRIDMAP_WHEELHOUSE", ROOT / "wheelhouse"))
ALONE = ("unshare", "--map-root-user", "--net")


def can_be_alone():
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="network namespaces are Linux's")
def test_the_wheelhouse_installs_without_a_network_from_an_empty_home(tmp_path):
    if not list(WHEELS.glob("gridmap-*.whl")):
        pytest.skip("there is no wheelhouse: make closed-network collects it and runs this test")
    if not can_be_alone():
        pytest.skip("this system lets nobody make a network namespace: run as root")
    home = tmp_path / "home"
    home.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).resolve().parent), os.environ["PATH"]])
    environment = {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8", "PYTHON": sys.executable}

    def alone(*words):
        return subprocess.run(
            [*ALONE, *map(str, words)], check=True, capture_output=True, text=True,
            env=environment, cwd=tmp_path,
        ).stdout  # fmt: skip

    # Nothing leads out: not even an address is there, but for the loop.
    assert "default" not in alone("cat", "/proc/net/route")
    assert alone("cat", "/proc/net/route").count("\n") <= 1
    told = alone("bash", WHEELS / "install.sh", tmp_path / "env")
    assert "gridmap is installed" in told
    # What computes is compiled by the installation, not by whoever first asks for a plan.
    assert len(list((tmp_path / "env").rglob("*.nbi"))) > 20
    gridmap = tmp_path / "env" / "bin" / "gridmap"
    alone(gridmap, "demo", tmp_path / "city", "--grids", 72, "--incidents", 500)
    alone(gridmap, "propose", tmp_path / "city", "--beats", 8, "--effort", "quick", "--save", "A")
    alone(gridmap, "report", tmp_path / "city", "--plan", "A", "--formats", "xlsx,pdf",
          "--out", tmp_path / "report")  # fmt: skip
    assert list((tmp_path / "report").glob("*.pdf"))
    # All went where it was told to: the home holds what shells and libraries keep there.
    assert sum(item.stat().st_size for item in home.rglob("*") if item.is_file()) < 20e6
