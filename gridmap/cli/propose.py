"""``gridmap propose``: propose beats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._log import open_store
from gridmap.cli._output import print_json, print_rows, print_text, progress_bar
from gridmap.cli._wishes import Wishes, keep_of, number_of_beats, tolerances
from gridmap.errors import InfeasibleError, InputError
from gridmap.i18n import tr

if TYPE_CHECKING:
    from gridmap.model import City
    from gridmap.partition import Problem

_TOLERANCE = 0.05
_EFFORTS = ("quick", "normal", "thorough")
_SHOWN = {  # what the table tells of each plan, and how it is written
    "name": "{}",
    "beats": "{}",
    "pieces_max": "{}",
    "max_deviation": "{:.2%}",
    "cv": "{:.4f}",
    "mean_polsby_popper": "{:.3f}",
    "cut_border_km": "{:,.1f}",
    "kept_share": "{:.1%}",
    "communities_split": "{}",
}


def command(
    workspace: WorkspacePath,
    beats: Annotated[int, typer.Option("--beats", min=0)] = 0,
    per_officer: Annotated[str, typer.Option("--per-officer", metavar="residents=3000|NORM")] = "",
    balance: Annotated[str, typer.Option("--balance", metavar="NAME=WEIGHT,...")] = "",
    tolerance: Annotated[
        list[str] | None, typer.Option("--tolerance", metavar="5%|NAME=5%,...")
    ] = None,
    targets: Annotated[str, typer.Option("--targets", metavar="officers|2,1,1,...")] = "",
    keep: Annotated[str, typer.Option("--keep", metavar="0.9|NAME=0.9")] = "",
    objective: Annotated[
        str, typer.Option("--objective", metavar="balance|compact|travel|change")
    ] = "compact",
    travel: Annotated[str, typer.Option("--travel", metavar="straight|walk|ebike|car")] = "",
    parents: Annotated[str, typer.Option("--parents", metavar="station")] = "",
    communities: Annotated[str, typer.Option("--communities", metavar="soft|hard")] = "",
    rooms: Annotated[
        str, typer.Option("--rooms", metavar="one-per-beat|within=1000m|within=5min")
    ] = "",
    lock: Annotated[list[str] | None, typer.Option("--lock", metavar="beat=ID|grid=ID")] = None,
    together: Annotated[list[str] | None, typer.Option("--together", metavar="A,B,...")] = None,
    apart: Annotated[list[str] | None, typer.Option("--apart", metavar="A,B,...")] = None,
    barriers: Annotated[bool, typer.Option("--barriers/--no-barriers")] = True,
    front: Annotated[int, typer.Option("--front", min=1, max=8)] = 1,
    prove: Annotated[bool, typer.Option("--prove")] = False,
    effort: Annotated[str, typer.Option("--effort", metavar="quick|normal|thorough")] = "normal",
    seconds: Annotated[float | None, typer.Option("--seconds", min=0.1)] = None,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    processes: Annotated[int, typer.Option("--processes", min=1)] = 1,
    scheduler: Annotated[str, typer.Option("--scheduler", metavar="ADDRESS|local")] = "",
    save: Annotated[str, typer.Option("--save", metavar="NAME")] = "",
    as_json: Json = False,
) -> None:
    """Propose beats: balanced, in one piece, compact, near, and close to today's."""
    from gridmap.io import Workspace
    from gridmap.measure import Workload, parse_weights
    from gridmap.measure.present import has_beats, present_plan
    from gridmap.partition import plan_rows, plans_of, problem_of, propose

    if effort not in _EFFORTS:  # said before a large city is read
        raise InputError("partition.error.effort", received=effort, allowed=", ".join(_EFFORTS))
    if parents not in {"", "station"}:
        raise InputError("cli.error.parents", received=parents)
    wishes = Wishes(
        tolerance=tolerance or (),
        keep=keep,
        communities=communities,
        together=together or (),
        apart=apart or (),
        travel=travel,
        targets=targets,
        lock=lock or (),
    )
    whole, _ = tolerances(wishes.tolerance)
    share, _ = keep_of(keep)
    place = Workspace.open(workspace)
    city = place.city()
    weights = parse_weights(balance) if balance else _default_weights(city)
    workload = Workload.from_city(city, weights)
    present = present_plan(city) if has_beats(city) else None
    number = number_of_beats(city, beats, per_officer, targets, present)
    problem = problem_of(
        city,
        workload,
        beats=number,
        present=present,
        by_station=parents == "station",
        barriers=barriers,
        **wishes.constraints(city, workload, number, present),
    )
    if rooms:
        problem = _roomed(problem, city, rooms, travel, seed)
    with progress_bar(tr("cli.proposing", beats=number)) as on_progress:
        proposal = propose(
            problem,
            tolerance=_TOLERANCE if whole is None else whole,
            objective=objective,  # type: ignore[arg-type] # propose checks it
            effort=effort,  # type: ignore[arg-type] # the same
            seconds=seconds,
            seed=seed,
            keep=share,
            front=front,
            prove=prove,
            processes=processes,
            scheduler=scheduler or None,
            on_progress=lambda state: on_progress(state.share),
        )
    plans = plans_of(city, proposal, name=save or tr("plans.proposal"), present=present)
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
    told_all = (*proposal.sentences(), *proposal.proofs())
    if problem.targets is not None and present is not None:
        told_all = (*told_all, tr("cli.equal_parts"))
    if as_json:
        print_json({"plans": rows, "notes": told_all, "workload": dict(workload.weights)})
        return
    _print(rows, told_all)
    for sentence in changes[0]:
        print_text(sentence)


def _print(rows: list[dict[str, object]], sentences: tuple[str, ...]) -> None:
    import pandas as pd

    shown = [
        name
        for name in _SHOWN
        if any(row[name] is not None for row in rows)
        and (name != "communities_split" or any(row[name] for row in rows))
    ]
    table = {
        tr(f"cli.plan.{name}"): [
            "-" if row[name] is None else _SHOWN[name].format(row[name]) for row in rows
        ]
        for name in shown
    }
    table[tr("cli.plan.objective")] = [
        tr(f"partition.objective.{row['objective']}") for row in rows
    ]
    print_rows(pd.DataFrame(table))
    for sentence in sentences:
        print_text(sentence)


def _roomed(problem: Problem, city: City, rooms: str, mode: str, seed: int) -> Problem:
    """Return the problem in which each beat holds a room, or a grid near enough to one."""
    from gridmap.measure import parse_within
    from gridmap.partition import room_grids, with_rooms

    within = None
    if rooms != "one-per-beat":
        what, _, reach = rooms.partition("=")
        limits = parse_within(reach) if what == "within" and reach else ()
        if len(limits) != 1:
            raise InputError("cli.error.rooms", received=rooms)
        within = limits[0]
    places = room_grids(city, within=within, mode=mode)
    if not len(places):
        raise InfeasibleError("cli.error.no_rooms", received=rooms)
    return with_rooms(problem, places, seed=seed)


def _default_weights(city: City) -> Mapping[str, float]:
    from gridmap.measure import criterion_of

    found = {}
    for name in ("residents", "incidents"):
        try:
            if criterion_of(city, name).sum() > 0:
                found[name] = 0.5
        except InputError:
            continue
    return found or {"area_km2": 1.0}
