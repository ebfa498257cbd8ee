"""``gridmap report``: write the report of a period into a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._log import logged, open_store
from gridmap.cli._output import print_json, print_text
from gridmap.errors import InputError
from gridmap.i18n import LANGUAGES, tr, using_language

if TYPE_CHECKING:
    from gridmap.io import Workspace
    from gridmap.model import City, Plan
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
    suppress_below: Annotated[int, typer.Option("--suppress-below", metavar="N")] = 0,
    paper: Annotated[str, typer.Option("--paper", metavar="a4|a3")] = "a4",
    dated: Annotated[str, typer.Option("--date", metavar="DATE")] = "",
    as_json: Json = False,
) -> None:
    """Write a report; the same inputs and date give the same bytes."""
    from gridmap.i18n import current_language
    from gridmap.io import Workspace
    from gridmap.report import Request, build_report, check_target, parse_formats, write_report

    if lang and lang not in LANGUAGES:
        raise InputError("cli.error.lang", received=lang)
    chosen = parse_formats(formats)
    with using_language(lang or current_language()):
        request = Request(_date(dated), period, compare, suppress_below)
        check_target(out)
        place = Workspace.open(workspace)
        city = place.city()
        with _bar() as tell:
            report = build_report(
                city,
                request,
                plan=_plan(place, city, plan),
                progress=lambda what, share: tell(what, share * _MEASURING),
            )
            with logged(place.path, "export", "report") as detail:
                written = write_report(
                    report,
                    out,
                    formats=chosen,
                    paper=paper,
                    progress=lambda what, share: tell(what, _MEASURING + share * (1 - _MEASURING)),
                )
                detail.update(folder=out.name, files=len(written.files))
        if as_json:
            print_json({"folder": str(out), **written.manifest})
        else:
            print_text(tr("cli.done.report", files=len(written.files), path=str(out)))
            for name in written.files:
                print_text(f"  {name}")


def _plan(place: Workspace, city: City, name: str) -> Plan | None:
    if not name:
        return None
    with open_store(place.path) as store:
        return store.load(name, grids=city.grids)


def _date(text: str) -> date:
    if not text:
        return date.today()  # noqa: DTZ011 - the day on the desk where the report is written
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError("report.error.date", received=text) from error


@contextmanager
def _bar() -> Iterator[Progress]:
    """Yield what tells the progress bar on standard error; nothing moves without a screen."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=1.0)

        def tell(what: str, share: float) -> None:
            bar.update(task, description=tr(f"report.step.{what}"), completed=share)

        yield tell
        bar.update(task, completed=1.0)
