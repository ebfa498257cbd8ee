"""``gridmap demo``: make the demo city."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from gridmap.cli._arguments import WorkspacePath
from gridmap.cli._output import print_text
from gridmap.errors import WorkspaceError
from gridmap.i18n import tr


def command(
    workspace: WorkspacePath,
    grids: Annotated[int, typer.Option("--grids", min=60, max=1_000_000)] = 480,
    incidents: Annotated[int, typer.Option("--incidents", min=0, max=100_000_000)] = 60_000,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 7,
    names: Annotated[Literal["zh", "en"], typer.Option("--names")] = "zh",
) -> None:
    """Write the made-up city into a new workspace."""
    from gridmap.demo import make_city
    from gridmap.io import Workspace

    place = Workspace.at(workspace)
    if place.exists:
        raise WorkspaceError("cli.error.exists", path=str(workspace))
    city = make_city(grids=grids, incidents=incidents, seed=seed, names=names)
    place.put_city(city)
    count = len(city.incidents) if city.incidents else 0
    print_text(
        tr("cli.done.demo", name=city.label, grids=len(city.grids), incidents=count,
           path=str(workspace))
    )  # fmt: skip
