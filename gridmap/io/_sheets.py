"""The sheets of a workbook, whatever wrote it: cells as text, and which of them are merged.

Systems that "export to Excel" write many things under two names: workbooks of today (a zip of
XML, or of records), of OpenDocument, of before 2007, pages of HTML, XML of 2003, and plain text.
What a file is, is told by how it begins. All are read in a process of its own, locked in.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from gridmap.errors import InputError
from gridmap.gdal.sandbox import plain_environment
from gridmap.io import _workbook_child
from gridmap.io._encoding import detect_bytes

__all__ = ["Sheet", "read_sheets", "workbook_form"]

_OLD = b"\xd0\xcf\x11\xe0"  # how an .xls begins, and a workbook with a password
_HEAD = 4000  # bytes that show what a file is
_MARKUP = 4_000_000  # bytes of a page that show its encoding
# Of the processor; a workbook of a million cells is 6 MB and takes 3.
_SECONDS, _SECONDS_PER_MB = 5, 2.0


@dataclass
class Sheet:
    """One sheet: rows of cells, and merged cells as (top, bottom, left, right), from 0."""

    rows: list[list[str]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


def workbook_form(path: Path) -> str:
    """Return ``book``, ``old`` or ``markup`` for a workbook, and blank for anything else."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(_OLD):
        return "old"
    if head.startswith(b"PK"):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return ""
        document = "content.xml" in names and "mimetype" in names
        return "book" if document or any(name.startswith("xl/") for name in names) else ""
    text = head.replace(b"\0", b"").lower()
    return "markup" if b"<table" in text or b"<workbook" in text or b"<html" in text else ""


def read_sheets(path: Path) -> dict[str, Sheet]:
    """Return the sheets of a workbook by name.

    Raises
    ------
    InputError
        If it cannot be read, has a password, or holds more than is read.
    """
    form = workbook_form(path)
    if not form:
        raise InputError("io.error.cannot_open", file=path.name)
    encoding = ""
    if form == "markup":
        with path.open("rb") as file:
            encoding = detect_bytes(file.read(_MARKUP), where=path.name).name
    done = _run(path, encoding)
    if done.returncode == _workbook_child.LOCKED:
        raise InputError("io.error.locked_book", file=path.name)
    # Below zero: the system ended it, out of memory or out of time.
    if done.returncode == _workbook_child.TOO_LARGE or done.returncode < 0:
        raise InputError("io.error.book_too_large", file=path.name)
    made: dict[str, Sheet] = {}
    here = Sheet()
    for line in done.stdout.splitlines() if done.returncode == 0 else ():
        said = json.loads(line)
        if isinstance(said, list):
            here.rows.append(said)
        elif "sheet" in said:
            here = Sheet(merged=[(a, b, c, d) for a, b, c, d in said["merged"]])
            made[said["sheet"]] = here
        else:
            return made
    # Of workbooks of before 2007, a password and damage look alike.
    key = "io.error.locked_book" if form == "old" else "io.error.cannot_open"
    raise InputError(key, file=path.name)


def _run(path: Path, encoding: str) -> subprocess.CompletedProcess[bytes]:
    library = importlib.util.find_spec("python_calamine")
    if library is None or library.origin is None:
        message = "python-calamine is not installed"
        raise RuntimeError(message)
    seconds = _SECONDS + int(_SECONDS_PER_MB * path.stat().st_size / 1e6)
    command = [
        sys.executable, "-I", str(Path(_workbook_child.__file__)), str(path.resolve()),
        str(Path(library.origin).parents[1]), str(seconds), encoding,
    ]  # fmt: skip
    try:
        return subprocess.run(  # noqa: S603 - our own script, and no shell
            command,
            capture_output=True,
            timeout=2 * seconds,
            check=False,
            stdin=subprocess.DEVNULL,
            env=plain_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise InputError("io.error.book_too_large", file=path.name) from error
