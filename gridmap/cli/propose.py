"""``gridmap propose``: propose beats."""

from __future__ import annotations

from typing import Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._output import print_json, print_rows, print_text, progress_bar
from gridmap.errors import InputError
from gridmap.i18n import tr
from gridmap.settings import read_settings


def command(
    workspace: WorkspacePath,
    beats: Annotated[int, typer.Option("--beats", min=1)],
    balance: Annotated[str, typer.Option("--balance", metavar="NAME=WEIGHT,...")] = "",
    tolerance: Annotated[float, typer.Option("--tolerance")] = 0.05,
    keep: Annotated[float | None, typer.Option("--keep", metavar="SHARE")] = None,
    objective: Annotated[
        str, typer.Option("--objective", metavar="balance|compact|travel|change")
    ] = "compact",
    parents: Annotated[str, typer.Option("--parents", metavar="station")] = "",
    front: Annotated[int, typer.Option("--front", min=1, max=8)] = 1,
    prove: Annotated[bool, typer.Option("--prove")] = False,
    effort: Annotated[str, typer.Option("--effort", metavar="quick|normal|thorough")] = "normal",
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.1)] = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    processes: Annotated[int, typer.Option("--processes", min=1)] = 1,
    save: Annotated[str, typer.Option("--save", metavar="NAME")] = "",
    as_json: Json = False,
) -> None:
    """Propose beats: balanced, in one piece, compact, near, and close to today's."""
    from gridmap.io import Workspace
    from gridmap.measure import Workload, parse_weights
    from gridmap.measure.present import present_plan
    from gridmap.model import Kind
    from gridmap.partition import plan_rows, plans_of, problem_of, propose

    if parents not in {"", "station"}:
        raise InputError("cli.error.parents", received=parents)
    if not 0 < tolerance <= 1:
        raise InputError("cli.error.tolerance", received=tolerance)
    place = Workspace.open(workspace)
    city = place.city()
    weights = parse_weights(balance) if balance else _default_weights(city)
    workload = Workload.from_city(city, weights)
    has_beats = city.has(Kind.BEAT) or (city.grids.has("beat") and any(city.grids.texts("beat")))
    present = present_plan(city) if has_beats else None
    problem = problem_of(
        city, workload, beats=beats, present=present, by_station=parents == "station"
    )
    with progress_bar(tr("cli.proposing", beats=beats)) as on_progress:
        proposal = propose(
            problem,
            tolerance=tolerance,
            objective=objective,  # type: ignore[arg-type] # propose checks it
            effort=effort,  # type: ignore[arg-type] # the same
            seconds=seconds,
            seed=seed,
            keep=keep,
            front=front,
            prove=prove,
            processes=processes,
            on_progress=lambda state: on_progress(state.share),
        )
    plans = plans_of(city, proposal, name=save or tr("cli.proposal"), present=present)
    rows = plan_rows(city, plans, proposal, workload, present=present)
    if save:
        from gridmap.plans import LOCAL, PlanStore

        with PlanStore.open(read_settings().database_url or place.database_path) as store:
            for plan in plans:
                store.save(plan, author=LOCAL)
    if as_json:
        print_json(
            {"plans": rows, "notes": proposal.sentences(), "workload": dict(workload.weights)}
        )
        return
    import pandas as pd

    print_rows(pd.DataFrame(rows).drop(columns=["bounds", "grids_split"]))
    for sentence in proposal.sentences():
        print_text(sentence)


def _default_weights(city: object) -> dict[str, float]:
    from gridmap.measure import criterion_of

    found = {}
    for name in ("residents", "incidents"):
        try:
            if criterion_of(city, name).sum() > 0:  # type: ignore[arg-type] # a City
                found[name] = 0.5
        except InputError:
            continue
    return found or {"area_km2": 1.0}
