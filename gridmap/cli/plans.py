"""``gridmap plans``: the plans that a workspace keeps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath, pairs
from gridmap.cli._log import open_store
from gridmap.cli._output import print_json, print_rows, print_text
from gridmap.errors import InputError, MissingError
from gridmap.i18n import tr
from gridmap.settings import read_settings

if TYPE_CHECKING:
    from gridmap.io import Workspace
    from gridmap.plans import PlanVersion

_ACTIONS = ("list", "show", "export", "import", "history")


def command(
    workspace: WorkspacePath,
    action: Annotated[
        str, typer.Argument(metavar="list|show|export|import|history", show_default=False)
    ] = "list",
    name: Annotated[str, typer.Argument(metavar="[NAME]", show_default=False)] = "",
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", show_default=False)] = None,
    version: Annotated[int | None, typer.Option("--version", min=1)] = None,
    mapping: Annotated[
        list[str] | None, typer.Option("--map", metavar="grid=column|beat=column")
    ] = None,
    as_json: Json = False,
) -> None:
    """List, show, export or import plans, or tell a plan's history."""
    from gridmap.io import Workspace

    if action not in _ACTIONS:
        raise InputError("plans.error.action", received=action, known=", ".join(_ACTIONS))
    if action != "list" and not name:
        raise InputError("plans.error.name_needed", action=action)
    place = Workspace.open(workspace)
    if action == "list":
        _list(place, as_json=as_json)
    elif action == "history":
        _history(place, name, as_json=as_json)
    elif action == "show":
        _show(place, name, version, as_json=as_json)
    elif file is None:
        raise InputError("plans.error.file_needed", action=action)
    elif action == "export":
        _export(place, name, version, file)
    else:
        _import(place, name, file, pairs(mapping or (), option="--map"), as_json=as_json)


def _record(version: PlanVersion) -> dict[str, object]:
    return {
        "name": version.name,
        "version": version.number,
        "base": version.base,
        "at": version.at.isoformat(),
        "author": version.author,
        "note": version.note,
        "beats": version.beats,
        "faults": [fault.text() for fault in version.faults],
    }


def _print(version: PlanVersion) -> None:
    from gridmap.plans import account_text

    note = f": {version.note}" if version.note else ""
    print_text(
        tr(
            "plans.done.version",
            name=version.name,
            number=version.number,
            beats=version.beats,
            author=account_text(version.author),
            at=version.at.strftime("%Y-%m-%d %H:%M"),
            note=note,
        )
    )
    for fault in version.faults:
        print_text("  ! " + fault.text())


def _list(place: Workspace, *, as_json: bool) -> None:
    try:
        with open_store(place.path, create=False) as store:
            versions = store.list()
    except MissingError:
        versions = ()
    if as_json:
        print_json({"plans": [_record(version) for version in versions]})
        return
    if not versions:
        print_text(tr("plans.done.none"))
    for version in versions:
        _print(version)


def _history(place: Workspace, name: str, *, as_json: bool) -> None:
    from gridmap.plans import command_record

    with open_store(place.path, create=False) as store:
        versions = store.history(name)
        if as_json:
            print_json(
                {
                    "name": name,
                    "versions": [
                        {
                            **_record(version),
                            "commands": [
                                command_record(item)
                                for item in store.commands(name, version.number)
                            ],
                        }
                        for version in versions
                    ],
                }
            )
            return
    for version in versions:
        _print(version)


def _show(place: Workspace, name: str, version: int | None, *, as_json: bool) -> None:
    import pandas as pd

    from gridmap.plans import Draft, Ground

    with open_store(place.path, create=False) as store:
        known = store.version(name, version)
        city = place.city()
        plan = store.load(name, known.number, grids=city.grids)
    draft = Draft.start(Ground.from_city(city), plan, locks=known.locks)
    rows = draft.rows()
    if as_json:
        print_json(
            {
                **_record(known),
                "max_deviation": draft.figures.max_deviation,
                "unassigned_grids": int((plan.assignment < 0).sum()),
                "rows": rows,
            }
        )
        return
    _print(known)
    table = pd.DataFrame(rows).dropna(axis="columns", how="all")
    shares = [name for name in ("deviation", "covered_residents_share") if name in table]
    table[shares] *= 100.0
    labels = {name: tr(f"cli.beat.{name}") for name in ("grids", "pieces", "compactness", *shares)}
    print_rows(table.rename(columns=labels))


def _export(place: Workspace, name: str, version: int | None, file: Path) -> None:
    from gridmap.plans import LOCAL, write_plan
    from gridmap.plans.exchange import check_format

    check_format(file)
    with open_store(place.path, create=False) as store:
        grids = place.city().grids
        if file.suffix.lower() != ".csv":
            store.load(name, version, grids=grids)  # refused before anything is logged
        plan = store.export_plan(name, version, author=LOCAL, target=file.name)
        write_plan(plan, grids, file)
    print_text(tr("plans.done.exported", name=name, path=str(file)))


def _import(
    place: Workspace, name: str, file: Path, columns: dict[str, str], *, as_json: bool
) -> None:
    from gridmap.plans import LOCAL, read_plan

    city = place.city()
    limit = read_settings().max_file_mb
    plan = read_plan(file, city, name=name, columns=columns, max_mb=limit)
    with open_store(place.path) as store:
        saved = store.import_plan(plan, author=LOCAL, source=file.name, grids=city.grids)
    if as_json:
        print_json({**_record(saved), "grids": len(plan.grid_ids)})
        return
    print_text(
        tr(
            "plans.done.imported",
            name=name,
            number=saved.number,
            beats=saved.beats,
            grids=len(plan.grid_ids),
        )
    )
