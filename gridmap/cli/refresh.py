"""``gridmap refresh``: read the sources of a workspace again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._log import logged
from gridmap.cli._output import error_record, print_json, print_text, say
from gridmap.errors import GridmapError, MissingError
from gridmap.i18n import tr


def command(
    workspace: WorkspacePath,
    kind: Annotated[list[str] | None, typer.Option("--kind", metavar="KIND")] = None,
    as_json: Json = False,
) -> None:
    """Read what servers hold now; what cannot be read stays as it was."""
    from gridmap.io import Workspace, refresh_source
    from gridmap.plans import import_detail

    place = Workspace.open(workspace)
    wanted = kind or list(place.sources)
    unknown = [name for name in wanted if name not in place.sources]
    if unknown or not wanted:
        known = ", ".join(place.sources) or "-"
        raise MissingError("cli.error.no_source", kind=", ".join(unknown) or "-", known=known)
    told: list[dict[str, Any]] = []
    failed = False
    for name in wanted:
        title = tr(f"io.layer.{name}")
        try:
            with logged(workspace, "import", name) as detail:
                report, changes = refresh_source(Workspace.open(workspace), name)
                detail.update(import_detail(report))
        except GridmapError as error:
            failed = True
            told.append({"kind": name, "error": error_record(error)})
            say(tr("cli.refresh.failed", kind=title, reason=error.text()))
            continue
        told.append({"kind": name, **changes})
        if not as_json:
            key = "ids" if "added" in changes else "rows"
            print_text(tr(f"cli.refresh.{key}", language=None, kind=title, **changes))
            for note in report.warnings:
                say("! " + note.text())
    if as_json:
        print_json({"format": 1, "sources": told})
    if failed:
        raise typer.Exit(2)
