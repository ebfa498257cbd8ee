"""``gridmap check``: say what is wrong with a workspace's data."""

from __future__ import annotations

import typer

from gridmap.api.check import CheckOptions, CheckResult, check
from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._from_options import from_options
from gridmap.cli._output import print_json, print_text, progress_bar, say
from gridmap.errors import some_ids
from gridmap.i18n import tr


@from_options(CheckOptions)
def command(workspace: WorkspacePath, options: CheckOptions, as_json: Json = False) -> None:
    """Check a workspace; nothing is changed."""
    from gridmap.io import MENDABLE, read_city

    city = read_city(workspace)
    with progress_bar(tr("cli.checking")) as tell:
        result = check(city, options, progress=tell)
    findings = result.findings
    if as_json:
        print_json(result.to_dict())
        _end(result)
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
        command = item.command(str(workspace))
        print_text(
            f"    {item.effect}" + (tr("cli.check.mend", command=command) if command else "")
        )
    mendable = any(str(item.kind) in map(str, MENDABLE) for item in findings)
    say(tr(f"cli.next.check_{'repair' if mendable else 'measure'}", path=str(workspace)))
    _end(result)


def _end(result: CheckResult) -> None:
    """End with code 1 where a script asked for it."""
    if result.options.strict and not result.is_sound:
        raise typer.Exit(1)
