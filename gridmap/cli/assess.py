"""``gridmap assess``: beats or stations ranked by the indicators of ``score.toml``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gridmap.api.assess import AssessOptions, assess
from gridmap.cli._arguments import Json, Sheet, WorkspacePath, check_format, check_sheet
from gridmap.cli._from_options import from_options
from gridmap.cli._log import put_sheet, put_table
from gridmap.cli._output import print_json, print_rows, print_text, say
from gridmap.i18n import tr


@from_options(AssessOptions)
def command(
    workspace: WorkspacePath,
    options: AssessOptions,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE")] = None,
    sheet: Sheet = None,
    as_json: Json = False,
) -> None:
    """Rank a workspace's units by its ``score.toml``."""
    from gridmap.io import Workspace

    check_format(csv)
    check_sheet(sheet)
    place = Workspace.open(workspace)
    result = assess(place.city(), replace(options, goals=place.path / "score.toml"))
    put_table(place, csv, result.to_frame(), "assess")
    put_sheet(place, sheet, result.sheet, "assess")
    if as_json:
        print_json(result.to_dict())
        return
    print_text(result.sentence())
    print_rows(result.readable())
    if csv is not None:
        print_text(tr("cli.done.csv", rows=len(result.assessment.rows), path=str(csv)))
    for note in (*result.notes, tr("duty.score.help")):
        say(note)
