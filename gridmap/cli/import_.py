"""``gridmap import``: bring files of one kind into a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath, pairs
from gridmap.cli._log import logged
from gridmap.cli._output import error_record, print_json, print_text, say
from gridmap.errors import GridmapError, InputError
from gridmap.i18n import tr
from gridmap.settings import read_settings

if TYPE_CHECKING:
    from gridmap.io import ImportReport


def command(
    workspace: WorkspacePath,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", show_default=False)],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            metavar="grid|beat|station|room|facility|road|barrier|community|incidents",
        ),
    ],
    layer: Annotated[list[str] | None, typer.Option("--layer")] = None,
    crs: Annotated[str, typer.Option("--crs", metavar="EPSG:n")] = "",
    datum: Annotated[str, typer.Option("--datum", metavar="wgs84|gcj02|bd09")] = "wgs84",
    encoding: Annotated[str, typer.Option("--encoding")] = "",
    mapping: Annotated[list[str] | None, typer.Option("--map", metavar="field=column")] = None,
    date_format: Annotated[list[str] | None, typer.Option("--date-format")] = None,
    join: Annotated[list[Path] | None, typer.Option("--join", metavar="TABLE")] = None,
    on: Annotated[str, typer.Option("--on", metavar="COLUMN")] = "",
    append: Annotated[bool, typer.Option("--append")] = False,
    replace: Annotated[bool, typer.Option("--replace")] = False,
    anyway: Annotated[bool, typer.Option("--anyway")] = False,
    as_json: Json = False,
) -> None:
    """Import files; several of one kind make one layer."""
    from gridmap.io import ImportOptions, import_files
    from gridmap.plans import import_detail

    if append and replace:
        raise InputError("cli.error.append_replace")
    options = ImportOptions(
        join=tuple(join or ()),
        on=on,
        upon="append" if append else "replace" if replace else "ask",
        anyway=anyway,
        layer=layer[0] if layer else "",
        layers=tuple(layer or ()),
        crs=crs,
        datum=datum,
        encoding=encoding,
        columns=pairs(mapping or (), option="--map", blank=True),
        date_formats=tuple(date_format or ()),
        max_mb=read_settings().max_file_mb,
    )
    try:
        with logged(workspace, "import", kind) as detail:
            report = import_files(workspace, files, kind=kind, options=options)
            detail.update(import_detail(report))
    except GridmapError as error:
        if as_json:
            nothing = {"kind": kind, "features": 0, "warnings": [error.text()]}
            print_json({**nothing, "error": error_record(error)})
            say(error.text())
            raise typer.Exit(2) from error
        raise
    if as_json:
        print_json(report.as_json())
    else:
        _print(report)
        say(tr("cli.next.import", path=str(workspace)))


def _print(report: ImportReport) -> None:
    print_text(
        tr(
            "cli.done.import",
            kind=tr(f"io.layer.{report.kind}"),
            features=report.features,
            read=report.read,
            crs=report.crs,
            working=report.working_crs,
        )
    )
    for field, column in report.mapped.items():
        print_text(f"  {tr(f'field.{field}')} ← {column}")
    for reason, count in report.refused.items():
        print_text("  " + tr("cli.refused", reason=tr(f"cli.reason.{reason}"), count=count))
    for note in report.warnings:
        say("! " + note.text())
