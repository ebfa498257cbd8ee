"""``gridmap audit``: check the log of who imported, edited and exported what."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._log import open_store
from gridmap.cli._output import print_json, print_text
from gridmap.errors import WorkspaceError

if TYPE_CHECKING:
    from gridmap.plans import Anchor


def command(
    workspace: WorkspacePath,
    anchor: Annotated[Path | None, typer.Option("--anchor", metavar="FILE")] = None,
    expect: Annotated[str, typer.Option("--expect", metavar="CODE|FILE")] = "",
    as_json: Json = False,
) -> None:
    """Check the log link by link; exit code 1 and the first broken link where it is not whole."""
    from gridmap.io import Workspace

    place = Workspace.open(workspace)
    anchors = _read_anchors(expect) if expect else []
    with open_store(place.path, create=False) as store:
        report = store.verify(anchors)
    broken, code = report.broken, report.anchor
    if as_json:
        link = broken and {
            "number": broken.number,
            "reason": broken.reason,
            "subject": broken.subject,
            "text": broken.text(),
        }
        told = {"records": report.records, "head": report.head, "whole": report.is_whole}
        covered = {"versions": report.versions, "accounts": report.accounts}
        print_json({**told, **covered, "code": code and str(code), "broken": link})
    else:
        print_text(report.text())
    if broken:
        raise typer.Exit(1)
    if anchor is not None and code is not None:
        _note(anchor, code)


def _read_anchors(expected: str) -> list[Anchor]:
    """Return the heads that a code, or each line of a file, stands for.

    Raises
    ------
    InputError
        If it is neither a code nor a file of codes.
    """
    from gridmap.plans import Anchor

    try:
        lines = Path(expected).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return [Anchor.read(expected)]
    return [Anchor.read(line.split()[-1]) for line in lines if line.strip()]


def _note(file: Path, code: Anchor) -> None:
    """Add a line to a file: the moment, and the code.

    Raises
    ------
    WorkspaceError
        If the file cannot be written.
    """
    try:
        with file.open("a", encoding="utf-8") as out:
            out.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {code}\n")
    except OSError as error:
        raise WorkspaceError(
            "io.error.cannot_write_file", file=str(file), reason=error.strerror or "-"
        ) from error
