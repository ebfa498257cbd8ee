"""``gridmap measure``: the table that every grid, beat, station or community carries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath, check_format, end_of
from gridmap.cli._log import logged
from gridmap.cli._output import print_json, print_rows, print_text
from gridmap.errors import InputError
from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.measure import MeasureTable


def command(
    workspace: WorkspacePath,
    by: Annotated[str, typer.Option("--by", metavar="grid|beat|station|community")] = "beat",
    since: Annotated[str, typer.Option("--from", metavar="DATE")] = "",
    until: Annotated[str, typer.Option("--to", metavar="DATE")] = "",
    as_json: Json = False,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE")] = None,
) -> None:
    """Measure a workspace; ``--to`` includes its day."""
    from gridmap.io import Workspace, write_frame
    from gridmap.measure import summarise

    if by not in {"grid", "beat", "station", "community"}:
        raise InputError("cli.error.by", received=by)
    check_format(csv)
    place = Workspace.open(workspace)
    city = place.city()
    table = summarise(city, by=by, since=since or None, until=end_of(until))  # type: ignore[arg-type] # checked above
    # What nobody counted is no nought: its columns are left out, JSON names them as missing.
    absent = [name for name in table.rows.columns for key in table.missing if key in name]
    rows = table.rows.drop(columns=list(dict.fromkeys(absent)))
    if csv is not None:
        with logged(place.path, "export", f"measure {by}") as detail:
            write_frame(rows, csv)
            detail.update(file=csv.name, rows=len(rows))
    if as_json:
        print_json(table.to_dict())
    elif csv is None:
        share = "covered_residents_share"
        if share in rows:  # read as a percentage, as coverage and plans show it
            label = tr(f"cli.beat.{share}")
            rows = rows.assign(**{share: 100 * rows[share]}).rename(columns={share: label})
        print_rows(rows)
    else:
        print_text(tr("cli.done.csv", rows=len(rows), path=str(csv)))
    if not as_json:
        _tell_rest(table)


def _tell_rest(table: MeasureTable) -> None:
    """Say what lies in no row, and what was shared out: rows alone do not add up to the city."""
    left, every = table.unassigned, table.totals
    parts = [
        tr("cli.measure.left", name=tr(f"field.{name}"), left=left[name], every=every[name])
        for name in ("residents", "incidents")
        if name not in table.missing and left[name] > 0
    ]
    if parts:
        print_text(tr("cli.measure.unassigned", parts=tr("cli.measure.and").join(parts)))
    if table.split_grids:
        print_text(tr("report.note.split", count=table.split_grids))
