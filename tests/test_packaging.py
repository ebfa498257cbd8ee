"""What is collected for a closed network is what the machines there will ask for."""

import importlib.util
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

HOME = Path(__file__).parents[1] / "packaging"


@pytest.fixture(scope="module")
def collecting():
    spec = importlib.util.spec_from_file_location("collecting", HOME / "collect.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(folder, name, *needs):
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0"]
        lines += [f"Requires-Dist: {need}" for need in needs]
        archive.writestr(f"{name}-1.0.dist-info/METADATA", "\n".join(lines) + "\n\nText.\n")
        archive.writestr(
            f"{name}-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )


def test_what_windows_alone_asks_for_is_lacking(collecting, tmp_path):
    wheel(tmp_path, "gridmap", "Click>=8", "tables[excel]", "pytest; extra == 'dev'",
          "psycopg; extra == 'postgresql'")  # fmt: skip
    wheel(tmp_path, "click", 'colorama>=0.4; platform_system == "Windows"', "gridmap")
    wheel(tmp_path, "tables", 'pywin32; sys_platform == "win32" and extra == "excel"',
          'uvloop; sys_platform != "win32"', "old; python_version < '3.11'")  # fmt: skip
    system = collecting.windows("3.11")
    assert collecting.lacking(tmp_path, system) == [
        "colorama>=0.4",
        "psycopg",
        "pywin32",
    ]
    wheel(tmp_path, "colorama")
    wheel(tmp_path, "pywin32")
    wheel(tmp_path, "psycopg")
    assert collecting.lacking(tmp_path, system) == []


def test_the_other_system_is_asked_until_nothing_lacks(collecting, tmp_path, monkeypatch):
    wheel(tmp_path, "gridmap", "click; os_name == 'nt'")
    asked = []

    def download(command, *, check):
        assert check
        assert command[command.index("--python-version") + 1] == "3.13.9"
        asked.append(command[command.index("--only-binary=:all:") + 1 :])
        wheel(tmp_path, *{1: ("x",), 2: ("click", "deep")}.get(len(asked), ("deep",)))

    monkeypatch.setattr(subprocess, "run", download)
    collecting.collect(tmp_path, "win_amd64", "3.13")
    assert asked == [
        [str(tmp_path / "gridmap-1.0-py3-none-any.whl[app,cluster,postgresql,report]")],
        ["click"],
        ["deep"],
    ]


def test_a_wheel_that_was_exchanged_is_refused(collecting, tmp_path):
    for name in ("gridmap", "click"):
        wheel(tmp_path, name)
    assert len(collecting.write_hashes(tmp_path)) == 64
    assert (tmp_path / "requirements.txt").read_text().startswith("click==1.0 --hash=sha256:")
    listed = str(tmp_path / "requirements.txt")
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-index", "--no-deps",
        "--find-links", str(tmp_path), "--require-hashes", "-r", listed, "--dest",
        str(tmp_path / "out"),
    ]  # fmt: skip
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
    shutil.rmtree(tmp_path / "out")
    wheel(tmp_path, "click", "evil")
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "HASH" in done.stderr.upper()


def test_the_scripts_are_as_their_systems_read_them():
    """PowerShell 5.1 takes a script without a byte order mark for the local code page."""
    script = (HOME / "install.ps1").read_bytes()
    assert script.startswith(b"\xef\xbb\xbf")
    assert script.count(b"\n") == script.count(b"\r\n")
    shell = (HOME / "install.sh").read_bytes()
    assert shell.startswith(b"#!")
    assert b"\r" not in shell


def test_every_pin_takes_any_python_of_the_series(collecting):
    """Debian 12 has 3.11.2, and the last installer of 3.11 for Windows is 3.11.9."""
    pinned = {
        canonicalize_name(line.split("==")[0]): line.split("==")[1]
        for line in (HOME.parent / "constraints.txt").read_text(encoding="utf-8").split()
    }
    narrow = {
        found.name: needed
        for found in distributions()
        if pinned.get(canonicalize_name(found.name)) == found.version
        and (needed := found.metadata.get("Requires-Python"))
        and not all(
            item in SpecifierSet(needed) for item in ("3.11.2", *collecting.PYTHONS.values())
        )
    }
    assert narrow == {}


def test_the_compose_file_holds_no_secret_and_publishes_the_proxy_alone():
    folder = HOME / "compose"
    compose = yaml.safe_load((folder / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert {name for name, service in services.items() if "ports" in service} == {"proxy"}
    assert services["app"]["network_mode"] == "service:proxy"  # the app listens on loopback
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            secret = "PASSWORD" in name or "SECRET" in name
            assert not secret or str(value).startswith("/run/secrets/"), name
        for used in service.get("secrets", []):
            assert (used if isinstance(used, str) else used["source"]) in compose["secrets"]
    assert all(item["file"].startswith("./secrets/") for item in compose["secrets"].values())
    proxied = (folder / "nginx.conf").read_text(encoding="utf-8")
    assert "proxy_pass http://127.0.0.1:8501;" in proxied
    assert "X-Forwarded" not in proxied.split("server_name login")[0]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_an_environment_that_could_not_be_made_leaves_nothing(tmp_path):
    python = tmp_path / "python3"
    python.write_text('#!/bin/sh\nmkdir -p "$3/bin" && touch "$3/bin/python"\nexit 1\n')
    python.chmod(0o700)
    place = tmp_path / "environment"
    done = subprocess.run(
        ["make", f"{place}/bin/python", f"VENV={place}", f"PYTHON={python}"],
        check=False, capture_output=True, cwd=HOME.parent,
    )  # fmt: skip
    assert done.returncode != 0
    assert not place.exists()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_the_unit(tmp_path):
    text = (HOME / "gridmap.service").read_text(encoding="utf-8")
    unit = tmp_path / "gridmap.service"
    unit.write_text(text.replace("/opt/gridmap/.venv/bin/gridmap", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", unit], check=False, capture_output=True, text=True
    )
    assert "gridmap.service" not in done.stderr, done.stderr
    assert "WantedBy=multi-user.target" in text
    writable = {line.split("=")[0] for line in text.splitlines() if "Directory=" in line}
    assert writable == {"StateDirectory", "CacheDirectory"}  # never the program's own folder


def test_the_folder_of_cities_is_there_when_the_service_first_starts():
    """The app refuses to open a folder that is not there."""
    unit = (HOME / "gridmap.service").read_text(encoding="utf-8")
    image = (HOME / "compose" / "Dockerfile").read_text(encoding="utf-8")
    folder = "/var/lib/gridmap/cities"
    assert f"GRIDMAP_WORKSPACE={folder}" in unit
    assert f"GRIDMAP_WORKSPACE={folder}" in image
    (state,) = [line for line in unit.splitlines() if line.startswith("StateDirectory=")]
    assert folder.removeprefix("/var/lib/") in state.partition("=")[2].split()
    assert f"RUN mkdir {folder}" in image
