"""``gridmap check``: say what is wrong with a workspace's data."""

from __future__ import annotations

from typing import Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._output import print_json, print_text, progress_bar
from gridmap.errors import some_ids
from gridmap.i18n import tr


def command(
    workspace: WorkspacePath,
    grid_code: Annotated[
        int, typer.Option("--grid-code", metavar="15|20", show_default=False)
    ] = 0,
    as_json: Json = False,
) -> None:
    """Check a workspace; nothing is changed."""
    from gridmap.io import check_city, read_city

    city = read_city(workspace)
    with progress_bar(tr("cli.checking")) as tell:
        findings = check_city(city, code_digits=grid_code, progress=tell)
    if as_json:
        print_json({"findings": [item.as_json() for item in findings]})
        return
    if not findings:
        print_text(tr("cli.check.clean"))
    for item in findings:
        line = tr(
            "cli.check.line",
            severity=tr(f"io.severity.{item.severity}"),
            layer=tr(f"io.layer.{item.layer}"),
            kind=tr(f"io.finding.{item.kind}"),
            code=str(item.kind),
            count=item.count,
        )
        if item.area_m2:
            line += tr("cli.check.area", area_m2=item.area_m2)
        if item.ids:
            line += tr("cli.check.ids", ids=some_ids(item.ids))
        print_text(line)
