# ruff: noqa: INP001 - a script, not a package
"""Collect the wheels that gridmap needs into a folder, for this machine or for another system.

``python packaging/collect.py FOLDER [PLATFORM [PYTHON]]``, such as ``wheelhouse win_amd64 3.13``;
the folder holds gridmap's own wheel. Without them it is for this machine and this Python.

pip can select the files of another platform, but evaluates dependencies for this one: on Linux it
leaves out what a library needs only on Windows. So the dependencies of the wheels are read again,
as the other system will evaluate them.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

# To pip, 3.11 alone is 3.11.0: later releases, for which Windows has installers.
PYTHONS = {"3.11": "3.11.9", "3.12": "3.12.10", "3.13": "3.13.9"}
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
EXTRAS = ("app", "cluster", "postgresql", "report")  # all: there is no network to get them by
WINDOWS = {
    "os_name": "nt",
    "sys_platform": "win32",
    "platform_system": "Windows",
    "platform_machine": "AMD64",
    "platform_release": "10",
    "platform_version": "10.0",
    "platform_python_implementation": "CPython",
    "implementation_name": "cpython",
}


def lacking(folder: Path, system: dict[str, str]) -> list[str]:
    """Return the requirements that a system has and no wheel of a folder meets."""
    wheels = {parse_wheel_filename(path.name)[0]: path for path in folder.glob("*.whl")}
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [("gridmap", ""), *(("gridmap", extra) for extra in EXTRAS)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for text in _requirements(wheels[canonicalize_name(name)]):
            wanted = Requirement(text)
            if wanted.marker and not wanted.marker.evaluate({**system, "extra": extra}):
                continue
            needed = canonicalize_name(wanted.name)
            if needed not in wheels:
                found[needed] = f"{wanted.name}{wanted.specifier}"
                continue
            waiting += [(needed, ""), *((needed, item) for item in wanted.extras)]
    return sorted(found.values())


def _requirements(wheel: Path) -> Iterator[str]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (item for item in archive.namelist() if item.endswith(".dist-info/METADATA"))
        text = archive.read(name).decode("utf-8")
    yield from HeaderParser().parsestr(text).get_all("Requires-Dist") or ()


def windows(series: str) -> dict[str, str]:
    """Return what a Windows machine with a series of Python says of itself."""
    full = PYTHONS[series]
    return {**WINDOWS, "python_version": series, "python_full_version": full,
            "implementation_version": full}  # fmt: skip


def collect(folder: Path, platform: str = "", series: str = OWN) -> None:
    """Download what gridmap's wheel in a folder needs on a platform; blank for this one."""
    chosen = ["--platform", platform] if platform else []
    if platform or series != OWN:
        chosen += ["--python-version", PYTHONS[series], "--only-binary=:all:"]
    constraints = Path(__file__).parents[1] / "constraints.txt"
    asked = [f"{path}[{','.join(EXTRAS)}]" for path in folder.glob("gridmap-*.whl")]
    while asked:
        subprocess.run(  # noqa: S603 - pip of this environment
            [
                sys.executable, "-m", "pip", "download", "--quiet", "--progress-bar", "off",
                "--constraint", str(constraints), "--dest", str(folder),
                "--find-links", str(folder), *chosen, *asked,
            ],
            check=True,
        )  # fmt: skip
        asked = lacking(folder, windows(series)) if platform.startswith("win") else []


def write_hashes(folder: Path) -> str:
    """Write ``requirements.txt``: each wheel of a folder, its version and SHA-256.

    Returns
    -------
    str
        The SHA-256 of that file: carried on paper, it vouches for the whole folder.
    """
    lines = []
    for path in sorted(folder.glob("*.whl")):
        name, version, _, _ = parse_wheel_filename(path.name)
        extra = f"[{','.join(EXTRAS)}]" if name == "gridmap" else ""
        lines.append(f"{name}{extra}=={version} --hash=sha256:{_sha256(path)}\n")
    listed = folder / "requirements.txt"
    listed.write_bytes("".join(lines).encode())
    return _sha256(listed)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    collect(Path(sys.argv[1]), *sys.argv[2:4])
    code = write_hashes(Path(sys.argv[1]))
    print(f"SHA-256 of requirements.txt, which holds those of all wheels:\n{code}")  # noqa: T201 - a script
