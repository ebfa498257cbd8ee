"""``gridmap measure``: the table that every grid, beat, station or community carries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridmap.api.measure import MeasureOptions, MeasureResult, control_line, measure
from gridmap.cli._arguments import Json, WorkspacePath, check_format
from gridmap.cli._from_options import from_options
from gridmap.cli._log import logged, with_plans
from gridmap.cli._output import HIDDEN, print_json, print_rows, print_text, starred
from gridmap.i18n import tr


@from_options(MeasureOptions)
def command(
    workspace: WorkspacePath,
    options: MeasureOptions,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE")] = None,
    as_json: Json = False,
) -> None:
    """Measure a workspace; ``--to`` includes its day."""
    from gridmap.io import Workspace

    check_format(csv)
    place = Workspace.open(workspace)
    city = place.city()
    result = measure(city, with_plans(place, city, options))
    masked = None if result.hidden is None else result.hidden.hidden
    rows = starred(result.to_frame(), masked)
    if csv is not None:
        from gridmap.io import write_frame

        with logged(place.path, "export", f"measure {options.by}") as detail:
            write_frame(rows, csv)
            detail.update(file=csv.name, rows=len(rows))
    if as_json:
        print_json(result.to_dict())
        return
    if csv is None:
        share = "covered_residents_share"
        if share in rows:  # read as a percentage, as coverage and plans show it
            label = tr(f"cli.beat.{share}")
            shares = [one if one == HIDDEN else 100 * one for one in rows[share]]
            rows = rows.assign(**{share: shares}).rename(columns={share: label})
        print_rows(rows)
    else:
        print_text(tr("cli.done.csv", rows=len(rows), path=str(csv)))
    if result.control is not None:
        print_text(control_line(result.control))
    _print_rest(result)


def _print_rest(result: MeasureResult) -> None:
    """Say what lies in no row, and what was shared out: rows alone do not add up to the city."""
    table = result.table
    left, every = table.unassigned, table.totals
    parts = [
        tr("cli.measure.left", name=tr(f"field.{name}"), left=left[name], every=every[name])
        for name in ("residents", "incidents")
        if left[name] > 0 and every[name] > 0  # neither missing nor hidden
    ]
    if parts:
        print_text(tr("cli.measure.unassigned", parts=tr("cli.measure.and").join(parts)))
    if table.split_grids:
        print_text(tr("report.note.split", count=table.split_grids))
