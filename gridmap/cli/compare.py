"""``gridmap compare``: two plans side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from gridmap.api.compare import CompareOptions, compare
from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._from_options import from_options
from gridmap.cli._log import load_plan
from gridmap.cli._output import print_json, print_text


@from_options(CompareOptions)
def command(
    workspace: WorkspacePath,
    first: Annotated[str, typer.Argument(metavar="A", show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", show_default=False)],
    options: CompareOptions,
    as_json: Json = False,
) -> None:
    """Say what changes from plan A to plan B; ``NAME@2`` is version 2, ``present`` today."""
    from gridmap.io import Workspace

    place = Workspace.open(workspace)
    city = place.city()
    old, new = (load_plan(place, city, name) for name in (first, second))
    result = compare(city, replace(options, before=old, after=new))
    if as_json:
        print_json(result.to_dict())
        return
    for sentence in (*result.sentences(), *result.standing()):
        print_text(sentence)
