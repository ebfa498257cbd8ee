"""``gridmap propose``: propose beats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath, pairs
from gridmap.cli._log import open_store
from gridmap.cli._output import print_json, print_rows, print_text, progress_bar
from gridmap.errors import InputError
from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.model import City, Plan


def command(
    workspace: WorkspacePath,
    beats: Annotated[int, typer.Option("--beats", min=0)] = 0,
    per_officer: Annotated[str, typer.Option("--per-officer", metavar="residents=3000")] = "",
    balance: Annotated[str, typer.Option("--balance", metavar="NAME=WEIGHT,...")] = "",
    tolerance: Annotated[float, typer.Option("--tolerance")] = 0.05,
    keep: Annotated[float | None, typer.Option("--keep", metavar="SHARE")] = None,
    objective: Annotated[
        str, typer.Option("--objective", metavar="balance|compact|travel|change")
    ] = "compact",
    parents: Annotated[str, typer.Option("--parents", metavar="station")] = "",
    lock: Annotated[list[str] | None, typer.Option("--lock", metavar="beat=ID|grid=ID")] = None,
    barriers: Annotated[bool, typer.Option("--barriers/--no-barriers")] = True,
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
    number = _number_of_beats(city, beats, per_officer)
    problem = problem_of(
        city,
        workload,
        beats=number,
        present=present,
        by_station=parents == "station",
        barriers=barriers,
        **_locks(lock or (), present),
    )
    with progress_bar(tr("cli.proposing", beats=number)) as on_progress:
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
    changes: list[list[str]] = [[] for _ in plans]
    if present is not None:
        from gridmap.plans import Ground, compare_plans

        ground = Ground.from_city(city, workload=workload)
        changes = [compare_plans(ground, present, plan).sentences() for plan in plans]
    for row, told in zip(rows, changes, strict=True):
        row["changes"] = told
    if save:
        from gridmap.plans import LOCAL

        with open_store(place.path) as store:
            for plan in plans:
                store.save(plan, author=LOCAL, grids=city.grids)
    if as_json:
        print_json(
            {"plans": rows, "notes": proposal.sentences(), "workload": dict(workload.weights)}
        )
        return
    import pandas as pd

    hidden = ["bounds", "grids_split", "changes"]
    print_rows(pd.DataFrame(rows).drop(columns=hidden))
    for sentence in (*proposal.sentences(), *changes[0]):
        print_text(sentence)


def _number_of_beats(city: City, beats: int, per_officer: str) -> int:
    """Return the number asked for, or as many as people per officer call for."""
    if bool(beats) == bool(per_officer):
        raise InputError("cli.error.beats_or_officers")
    if beats:
        return beats
    from gridmap.measure import criterion_of

    name, figure = next(iter(pairs([per_officer], option="--per-officer").items()))
    try:
        people = float(figure)
    except ValueError as error:
        raise InputError("cli.error.pair", option="--per-officer", received=per_officer) from error
    if not people > 0:
        raise InputError("cli.error.pair", option="--per-officer", received=per_officer)
    return max(1, math.ceil(float(criterion_of(city, name).sum()) / people))


def _locks(locks: Sequence[str], present: Plan | None) -> dict[str, object]:
    """Return the constraints that ``beat=ID`` and ``grid=ID`` stand for."""
    import numpy as np

    if not locks:
        return {}
    if present is None:
        raise InputError("cli.error.lock_without_beats")
    frozen: list[int] = []
    fixed = np.full(len(present.grid_ids), -1, dtype=np.int64)
    for item in locks:
        what, name = next(iter(pairs([item], option="--lock").items()))
        if what == "beat":
            frozen.append(present.row_of(name))
        elif what == "grid":
            row = int(present.rows_of([name])[0])
            fixed[row] = present.assignment[row]
        else:
            raise InputError("cli.error.pair", option="--lock", received=item)
    return {"frozen": tuple(frozen), "fixed": fixed if (fixed >= 0).any() else None}


def _default_weights(city: City) -> dict[str, float]:
    from gridmap.measure import criterion_of

    found = {}
    for name in ("residents", "incidents"):
        try:
            if criterion_of(city, name).sum() > 0:
                found[name] = 0.5
        except InputError:
            continue
    return found or {"area_km2": 1.0}
