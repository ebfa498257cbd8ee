"""``gridmap report``: write the report of a period into a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gridmap import io
from gridmap.api.open import open_store
from gridmap.api.report import ReportOptions, check_target, report, settings_file, write_templates
from gridmap.api.results import Progress
from gridmap.cli._output import (
    JsonFlag,
    WorkspacePath,
    from_options,
    logged,
    print_json,
    print_text,
    progress_bar,
    say,
    with_plans,
)
from gridmap.errors import InputError
from gridmap.i18n import current_language, tr, using_language

_MEASURING = 0.4  # of the bar


@from_options(ReportOptions)
def report_command(
    workspace: WorkspacePath,
    options: ReportOptions,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", show_default=False)] = None,
    template_init: Annotated[Path | None, typer.Option("--template-init", metavar="DIR")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a report; the same inputs and date give the same bytes."""
    if template_init is not None:
        for path in write_templates(template_init):
            print_text(str(path))
        return
    if out is None:
        raise InputError("report.error.no_out")
    with using_language(options.lang or current_language()):
        check_target(out)
        place = io.Workspace.open(workspace)
        city = place.city()
        options = with_plans(place, city, options)
        if not options.settings:
            options = replace(options, settings=str(settings_file(place.path)))
        with progress_bar() as tell:
            result = report(city, options, progress=_part(tell, 0.0, _MEASURING))
            if options.document and options.plan is not None:
                with open_store(place.path) as store:
                    names = {version.name for version in store.list()}
                    name = options.plan.name.rpartition("@")[0] or options.plan.name
                    if name in names:
                        result = result.with_versions(store.history(name))
            with logged(place.path, "export", "report") as detail:
                written = result.write(out, progress=_part(tell, _MEASURING, 1.0))
                detail.update(folder=out.name, files=len(written.files))
        for line in result.report.warnings:
            say(f"! {line}")
        if as_json:
            print_json({**result.to_dict(), "folder": str(out), **written.manifest})
        else:
            print_text(tr("cli.done.report", files=len(written.files), path=str(out)))
            for name in written.files:
                print_text(f"  {name}")


def _part(tell: Progress, start: float, end: float) -> Progress:
    """Return a callback that fills part of the bar and shows the current step."""

    def told(share: float, what: str = "", /) -> None:
        tell(start + share * (end - start), tr(f"report.step.{what}") if what else "")

    return told
