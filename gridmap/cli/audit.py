"""``gridmap audit``: check the log of who imported, edited and exported what."""

from __future__ import annotations

import typer

from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._log import open_store
from gridmap.cli._output import print_json, print_text
from gridmap.i18n import tr


def command(workspace: WorkspacePath, as_json: Json = False) -> None:
    """Check the log link by link; exit code 1 and the first broken link where it is not whole."""
    from gridmap.io import Workspace

    place = Workspace.open(workspace)
    with open_store(place.path, create=False) as store:
        report = store.verify()
    broken = report.broken
    if as_json:
        link = broken and {
            "number": broken.number,
            "reason": broken.reason,
            "subject": broken.subject,
            "text": broken.text(),
        }
        told = {"records": report.records, "head": report.head, "whole": report.is_whole}
        print_json({**told, "broken": link})
    elif broken:
        print_text(broken.text())
    else:
        print_text(tr("plans.audit.whole", records=report.records, head=report.head or "-"))
    if broken:
        raise typer.Exit(1)
