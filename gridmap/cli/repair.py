"""``gridmap repair``: mend the shapes of a workspace, or put them back."""

from __future__ import annotations

from typing import Annotated

import typer

from gridmap.api.repair import RepairOptions
from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._from_options import from_options
from gridmap.cli._log import logged
from gridmap.cli._output import print_json, print_text, progress_bar
from gridmap.i18n import tr


@from_options(RepairOptions)
def command(
    workspace: WorkspacePath,
    options: RepairOptions,
    undo: Annotated[bool, typer.Option("--undo")] = False,
    as_json: Json = False,
) -> None:
    """Mend what was asked and nothing else; the originals are kept in the workspace."""
    from gridmap.io import Workspace, repair_workspace, undo_repair
    from gridmap.plans import repair_detail

    Workspace.open(workspace)
    if undo:
        with logged(workspace, "repair", "undo") as detail:
            kinds = [str(kind) for kind in undo_repair(workspace)]
            detail["layers"] = kinds
        if as_json:
            print_json({"undone": kinds})
        else:
            names = ", ".join(tr(f"io.layer.{kind}") for kind in kinds)
            print_text(tr("cli.repair.undone", layers=names))
        return
    with logged(workspace, "repair", "layers") as detail:
        with progress_bar(tr("cli.repairing")) as tell:
            report = repair_workspace(
                workspace,
                only=options.kinds(),
                tolerance_m=options.tolerance_m,
                progress=tell,
            )
        detail.update(repair_detail(report))
    if as_json:
        print_json({**report.as_json(), "options": options.to_dict()})
        return
    for item in report.done:
        about = {
            "layer": tr(f"io.layer.{item.layer}"),
            "kind": tr(f"io.finding.{item.kind}"),
        }
        if item.rows:
            print_text(
                tr("cli.repair.line", **about, rows=item.rows, area_m2=item.area_m2,
                   moved_m=item.moved_max_m)
            )  # fmt: skip
        if item.left:
            print_text(
                tr("cli.repair.left", **about, count=item.left, tolerance_m=options.tolerance_m)
            )
    if not any(item.rows for item in report.done):
        print_text(tr("cli.repair.nothing"))
    print_text(tr(f"cli.repair.{'valid' if report.coverage_valid else 'not_valid'}"))
    for name in report.originals:
        print_text(tr("cli.repair.kept", file=name, path=str(workspace)))
