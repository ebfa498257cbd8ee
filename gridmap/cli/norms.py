"""``gridmap norms``: what rooms and beats lack beside the norms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gridmap.api.norms import NormsOptions, norms
from gridmap.cli._arguments import Json, Sheet, WorkspacePath, check_format, check_sheet
from gridmap.cli._from_options import from_options
from gridmap.cli._log import put_sheet, put_table
from gridmap.cli._output import print_json, print_rows, print_text, say
from gridmap.i18n import tr

_MOST = 40  # rows on a screen; the file has them all


@from_options(NormsOptions)
def command(
    workspace: WorkspacePath,
    options: NormsOptions,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE")] = None,
    sheet: Sheet = None,
    as_json: Json = False,
) -> None:
    """Hold a workspace's rooms and beats against its ``norms.toml``."""
    from gridmap.io import Workspace

    check_format(csv)
    check_sheet(sheet)
    place = Workspace.open(workspace)
    result = norms(place.city(), replace(options, norms=place.path / "norms.toml"))
    put_table(place, csv, result.to_frame(), "norms")
    put_sheet(place, sheet, result.sheet, "norms")
    if as_json:
        print_json(result.to_dict())
        return
    print_text(result.sentence())
    print_rows(result.readable_items())
    if csv is None:
        print_rows(result.readable().head(_MOST))
    else:
        print_text(tr("cli.done.csv", rows=len(result.lacks.rows), path=str(csv)))
    if result.posts is not None:
        print_text(result.posts_sentence())
        print_rows(result.readable_posts().head(_MOST))
    for note in result.notes:
        say(note)
