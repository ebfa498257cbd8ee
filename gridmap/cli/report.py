"""``gridmap report``: write the report of a period into a folder."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._log import load_plan, logged
from gridmap.cli._output import Tell, print_json, print_text, progress_bar, say
from gridmap.errors import InputError
from gridmap.i18n import LANGUAGES, tr, using_language

if TYPE_CHECKING:
    from gridmap.report import Progress

_MEASURING = 0.4  # of the bar


def command(
    workspace: WorkspacePath,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", show_default=False)],
    plan: Annotated[str, typer.Option("--plan", metavar="NAME")] = "",
    period: Annotated[str, typer.Option("--period", metavar="2024-03|2024Q1|2024|FROM..TO")] = "",
    compare: Annotated[str, typer.Option("--compare", metavar="previous|last-year|none")] = "",
    formats: Annotated[
        str, typer.Option("--formats", metavar="xlsx,pdf,html,png,svg,gpkg,geojson,shp,csv|all")
    ] = "xlsx,pdf",
    lang: Annotated[str, typer.Option("--lang", metavar="zh|en")] = "",
    suppress_below: Annotated[
        int, typer.Option("--suppress-below", metavar="N", min=0, max=1_000_000)
    ] = 0,
    paper: Annotated[str, typer.Option("--paper", metavar="a4|a3")] = "a4",
    dated: Annotated[str, typer.Option("--date", metavar="DATE")] = "",
    as_json: Json = False,
) -> None:
    """Write a report; the same inputs and date give the same bytes."""
    from gridmap.i18n import current_language
    from gridmap.io import Workspace
    from gridmap.plans import PRESENT
    from gridmap.report import Request, build_report, check_target, parse_formats, write_report

    if lang and lang not in LANGUAGES:
        raise InputError("cli.error.lang", received=lang)
    chosen = parse_formats(formats)
    with using_language(lang or current_language()):
        request = Request(_date(dated), period, compare, suppress_below)
        check_target(out)
        place = Workspace.open(workspace)
        city = place.city()
        with progress_bar() as tell:
            report = build_report(
                city,
                request,
                plan=None if plan in {"", PRESENT} else load_plan(place, city, plan),
                progress=_part(tell, 0.0, _MEASURING),
            )
            with logged(place.path, "export", "report") as detail:
                written = write_report(
                    report,
                    out,
                    formats=chosen,
                    paper=paper,
                    progress=_part(tell, _MEASURING, 1.0),
                )
                detail.update(folder=out.name, files=len(written.files))
        for line in report.warnings:
            say(f"! {line}")
        if as_json:
            warnings = list(report.warnings)
            print_json({"folder": str(out), "warnings": warnings, **written.manifest})
        else:
            print_text(tr("cli.done.report", files=len(written.files), path=str(out)))
            for name in written.files:
                print_text(f"  {name}")


def _part(tell: Tell, start: float, end: float) -> Progress:
    """Return what tells a part of the bar which step is being done."""

    def told(what: str, share: float) -> None:
        tell(start + share * (end - start), tr(f"report.step.{what}"))

    return told


def _date(text: str) -> date:
    if not text:
        return date.today()  # noqa: DTZ011 - the day on the desk where the report is written
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError("report.error.date", received=text) from error
