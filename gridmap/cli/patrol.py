"""``gridmap patrol``: tonight's routes, on screen and as files for the road."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridmap.api.patrol import PatrolOptions, patrol
from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._from_options import from_options
from gridmap.cli._log import logged
from gridmap.cli._output import print_json, print_rows, print_text, say
from gridmap.i18n import tr


@from_options(PatrolOptions)
def command(
    workspace: WorkspacePath,
    options: PatrolOptions,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR")] = None,
    as_json: Json = False,
) -> None:
    """Plan the patrol routes of a beat or station."""
    from gridmap.io import Workspace, check_new_folder

    if out is not None:
        check_new_folder(out)
    place = Workspace.open(workspace)
    result = patrol(place.city(), options)
    files: list[str] = []
    if out is not None:
        with logged(place.path, "export", "patrol") as detail:
            files = result.write(out)
            detail.update(folder=out.name, files=len(files))
    if as_json:
        print_json(result.to_dict())
        return
    plain = result.to_dict()
    frame = result.to_frame()
    for route in plain["routes"]:
        print_text(
            tr(
                "duty.patrol.route", shift=route["shift"], unit=route["unit"],
                start=route["start"], end=route["end"], minutes=route["minutes"],
                expected=route["expected"],
            )
        )  # fmt: skip
        own = frame[(frame["unit"] == route["unit"]) & (frame["shift"] == route["shift"])]
        if len(own):
            names = {
                name: tr(f"api.patrol.column.{name}")
                for name in ("order", "arrive", "leave", "expected")
            }
            names["name"] = tr("api.patrol.column.place")
            shown = own[["order", "name", "arrive", "leave", "expected"]].rename(columns=names)
            print_rows(shown)
    print_text(tr("duty.patrol.bound", expected=plain["expected"], bound=plain["bound"]))
    for note in result.notes:
        say(note)
    for name in files:
        print_text(f"  {name}")
