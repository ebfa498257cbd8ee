"""``gridmap watch``: what is unusual now; exit code 3 when there is an alert."""

from __future__ import annotations

import typer

from gridmap.api.watch import WatchOptions, watch
from gridmap.cli._arguments import Json, Sheet, WorkspacePath, check_sheet
from gridmap.cli._from_options import from_options
from gridmap.cli._log import put_sheet
from gridmap.cli._output import print_json, print_text, say

_ALERT = 3  # the exit code for a cron line to act on


@from_options(WatchOptions)
def command(
    workspace: WorkspacePath, options: WatchOptions, sheet: Sheet = None, as_json: Json = False
) -> None:
    """Watch a workspace for what is unusual."""
    from gridmap.io import Workspace

    check_sheet(sheet)
    place = Workspace.open(workspace)
    result = watch(place.city(), options)
    put_sheet(place, sheet, result.sheet, "watch")
    if as_json:
        print_json(result.to_dict())
    else:
        if not result.alerts:
            print_text(result.quiet())
        for sentence in result.sentences():
            print_text(sentence)
        for sentence in result.dispute_sentences():
            print_text(sentence)
        for note in result.notes:
            say(note)
    if result.alerts:
        raise typer.Exit(_ALERT)
