"""``gridmap shifts``: officers needed and on duty by hour, and the posts that cover them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gridmap.api.shifts import ShiftsOptions, ShiftsResult, shifts
from gridmap.cli._arguments import Json, Sheet, WorkspacePath, check_format, check_sheet
from gridmap.cli._from_options import from_options
from gridmap.cli._log import put_sheet, put_table
from gridmap.cli._output import print_json, print_rows, print_text, say
from gridmap.i18n import tr

_MOST_POSTS = 40  # rows of the roster on a screen; the file has them all


@from_options(ShiftsOptions)
def command(
    workspace: WorkspacePath,
    options: ShiftsOptions,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE")] = None,
    sheet: Sheet = None,
    as_json: Json = False,
) -> None:
    """Plan the shifts of a workspace by its ``norms.toml``."""
    from gridmap.io import Workspace

    check_format(csv)
    check_sheet(sheet)
    place = Workspace.open(workspace)
    result = shifts(place.city(), replace(options, norms=place.path / "norms.toml"))
    roster = result.readable_roster()
    put_table(place, csv, roster, f"shifts {options.by}")
    put_sheet(place, sheet, result.sheet, "shifts")
    if as_json:
        print_json(result.to_dict())
        return
    _print_units(result)
    if csv is None:
        print_rows(roster.head(_MOST_POSTS))
    else:
        print_text(tr("cli.done.csv", rows=len(roster), path=str(csv)))
    for note in result.notes:
        say(note)


def _print_units(result: ShiftsResult) -> None:
    import pandas as pd

    plain = result.to_dict()
    columns = ("officers", "demand_h", "uncovered_today_h", "uncovered_h", "bound", "one_more_h")
    rows = [
        {
            tr("duty.shifts.unit"): unit["name"],
            **{tr(f"duty.shifts.{name}"): unit[name] for name in columns},  # type: ignore[literal-required] # keys of the row
        }
        for unit in plain["units"]
    ]
    print_rows(pd.DataFrame(rows))
