"""Commands that bring data in and keep them right: demo, sample, import, check and repair."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from gridmap import io, plans
from gridmap.api.check import CheckOptions, CheckResult, RepairOptions, check
from gridmap.cli._output import (
    JsonFlag,
    WorkspacePath,
    announce,
    error_record,
    from_options,
    logged,
    pairs,
    print_json,
    print_text,
    progress_bar,
    say,
)
from gridmap.errors import GridmapError, InputError, MissingError, WorkspaceError, some_ids
from gridmap.i18n import tr
from gridmap.settings import read_settings

if TYPE_CHECKING:
    from gridmap.io import ImportReport
    from gridmap.io.importing import ErrorJson, RefreshJson, SourceJson


# -- ``gridmap demo``: make the demo city


def demo_command(
    workspace: WorkspacePath,
    grids: Annotated[int, typer.Option("--grids", min=60, max=1_000_000)] = 480,
    incidents: Annotated[int, typer.Option("--incidents", min=0, max=100_000_000)] = 60_000,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 7,
    names: Annotated[Literal["zh", "en"], typer.Option("--names", metavar="zh|en")] = "zh",
) -> None:
    """Write the made-up city into a new workspace."""
    announce("demo")
    from gridmap.demo import make_city

    place = io.Workspace.at(workspace)
    if place.exists:
        raise WorkspaceError("cli.error.exists", path=str(workspace))
    city = make_city(grids=grids, incidents=incidents, seed=seed, names=names)
    place.put_city(city)
    count = len(city.incidents) if city.incidents else 0
    print_text(
        tr("cli.done.demo", name=city.label, grids=len(city.grids), incidents=count,
           path=str(workspace))
    )  # fmt: skip
    say(tr("cli.next.import", path=str(workspace)))


# -- ``gridmap sample``: import a public city from files that were downloaded


def sample_command(
    name: Annotated[str, typer.Argument(metavar="carrollton|chicago", show_default=False)],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", show_default=False)],
    workspace: Annotated[Path | None, typer.Option("--workspace", metavar="WORKSPACE")] = None,
) -> None:
    """Check the files of a public city and import them into a workspace."""
    announce("sample")
    from gridmap.api.open import import_sample

    target = workspace or Path(name)
    counts = import_sample(
        name,
        folder,
        target,
        progress=lambda kind: say(tr("cli.sample.layer", kind=tr(f"io.layer.{kind}"))),
    )
    for kind, count in counts.items():
        label = tr(f"io.layer.{kind}")
        print_text("  " + tr("cli.figure", label=label, figure=f"{count:,}"))
    say(tr("cli.next.import", path=str(target)))


# -- ``gridmap import``: bring files of one kind into a workspace


def import_command(
    workspace: WorkspacePath,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", show_default=False)],
    kind: Annotated[
        str,
        typer.Option(
            "--kind", metavar="grid|beat|station|room|facility|road|barrier|community|incidents"
        ),
    ],
    layer: Annotated[list[str] | None, typer.Option("--layer", metavar="NAME")] = None,
    crs: Annotated[str, typer.Option("--crs", metavar="EPSG:n")] = "",
    datum: Annotated[str, typer.Option("--datum", metavar="wgs84|gcj02|bd09")] = "wgs84",
    encoding: Annotated[str, typer.Option("--encoding", metavar="NAME")] = "",
    mapping: Annotated[list[str] | None, typer.Option("--map", metavar="field=column")] = None,
    date_format: Annotated[
        list[str] | None, typer.Option("--date-format", metavar="FORMAT")
    ] = None,
    join: Annotated[list[Path] | None, typer.Option("--join", metavar="TABLE")] = None,
    on: Annotated[str, typer.Option("--on", metavar="COLUMN")] = "",
    append: Annotated[bool, typer.Option("--append")] = False,
    replace: Annotated[bool, typer.Option("--replace")] = False,
    anyway: Annotated[bool, typer.Option("--anyway")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Import files; several of one kind make one layer."""
    announce("import")
    if append and replace:
        raise InputError("cli.error.append_replace")
    options = io.ImportOptions(
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
            report = io.import_files(workspace, files, kind=kind, options=options)
            detail.update(plans.import_detail(report))
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
        _print_import(report)
        say(tr("cli.next.import", path=str(workspace)))


def _print_import(report: ImportReport) -> None:
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


# -- ``gridmap refresh``: read the sources of a workspace again


def refresh_command(
    workspace: WorkspacePath,
    kind: Annotated[list[str] | None, typer.Option("--kind", metavar="KIND")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Read what servers hold now; what cannot be read stays as it was."""
    announce("refresh")
    place = io.Workspace.open(workspace)
    wanted = kind or list(place.sources)
    unknown = [name for name in wanted if name not in place.sources]
    if unknown or not wanted:
        known = ", ".join(place.sources)
        raise MissingError("cli.error.no_source", kind=", ".join(unknown), known=known)
    told: list[SourceJson] = []
    failed = False
    for name in wanted:
        title = tr(f"io.layer.{name}")
        try:
            with logged(workspace, "import", name) as detail:
                report, changes = io.refresh_source(io.Workspace.open(workspace), name)
                detail.update(plans.import_detail(report))
        except GridmapError as error:
            failed = True
            told.append({"kind": name, "error": cast("ErrorJson", error_record(error))})
            say(tr("cli.refresh.failed", kind=title, reason=error.text()))
            continue
        told.append(cast("SourceJson", {"kind": name, **changes}))
        if not as_json:
            key = "ids" if "added" in changes else "rows"
            print_text(tr(f"cli.refresh.{key}", language=None, kind=title, **changes))
            for note in report.warnings:
                say("! " + note.text())
    if as_json:
        whole: RefreshJson = {"sources": told}
        print_json(whole)
    if failed:
        raise typer.Exit(2)


# -- ``gridmap check``: say what is wrong with a workspace's data


@from_options(CheckOptions)
def check_command(
    workspace: WorkspacePath, options: CheckOptions, as_json: JsonFlag = False
) -> None:
    """Check a workspace; nothing is changed."""
    from gridmap.io.findings import finding_name

    city = io.read_city(workspace)
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
            kind=finding_name(item.kind, item.count),
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
    mendable = any(str(item.kind) in map(str, io.MENDABLE) for item in findings)
    say(tr(f"cli.next.check_{'repair' if mendable else 'measure'}", path=str(workspace)))
    _end(result)


def _end(result: CheckResult) -> None:
    """End with code 1 where a script asked for it."""
    if result.options.strict and not result.is_sound:
        raise typer.Exit(1)


# -- ``gridmap repair``: repair the shapes of a workspace, or put them back


@from_options(RepairOptions)
def repair_command(
    workspace: WorkspacePath,
    options: RepairOptions,
    undo: Annotated[bool, typer.Option("--undo")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Repair only what was requested; the originals are kept in the workspace."""
    from gridmap.io.findings import finding_name

    io.Workspace.open(workspace)
    if undo:
        with logged(workspace, "repair", "undo") as detail:
            kinds = [str(kind) for kind in io.undo_repair(workspace)]
            detail["layers"] = kinds
        if as_json:
            print_json({"undone": kinds})
        else:
            names = ", ".join(tr(f"io.layer.{kind}") for kind in kinds)
            print_text(tr("cli.repair.undone", layers=names))
        return
    with logged(workspace, "repair", "layers") as detail:
        with progress_bar(tr("cli.repairing")) as tell:
            report = io.repair_workspace(
                workspace, only=options.kinds(), tolerance_m=options.tolerance_m, progress=tell
            )
        detail.update(plans.repair_detail(report))
    if as_json:
        print_json({**report.as_json(), "options": options.to_dict()})
        return
    for item in report.done:
        about = {"layer": tr(f"io.layer.{item.layer}"), "kind": finding_name(item.kind)}
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
