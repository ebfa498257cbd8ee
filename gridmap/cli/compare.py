"""``gridmap compare``: two plans side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._log import load_plan
from gridmap.cli._output import print_json, print_text

_FIGURES = ("mean_response_min", "response_95_min", "cross_beat_share")


def command(
    workspace: WorkspacePath,
    first: Annotated[str, typer.Argument(metavar="A", show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", show_default=False)],
    as_json: Json = False,
) -> None:
    """Say what changes from plan A to plan B; ``NAME@2`` is version 2, ``present`` today."""
    from gridmap.io import Workspace
    from gridmap.measure import respond_to_both, tell_response
    from gridmap.plans import Ground, compare_plans

    place = Workspace.open(workspace)
    city = place.city()
    old, new = (load_plan(place, city, name) for name in (first, second))
    comparison = compare_plans(Ground.from_city(city), old, new)
    response = respond_to_both(city, old, new)
    if as_json:
        figures = (
            None
            if response is None
            else {
                side: {name: getattr(made.response, name) for name in _FIGURES}
                for side, made in zip(("before", "after"), response, strict=True)
            }
        )
        print_json({**comparison.to_dict(), "response": figures})
        return
    for sentence in comparison.sentences():
        print_text(sentence)
    if response is not None:
        print_text(tell_response(*response))
