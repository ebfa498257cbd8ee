"""Commands that propose and keep plans: propose, site, plans, compare."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap import io
from gridmap._lazy import pd, shapely
from gridmap.api.compare import CompareOptions, compare
from gridmap.api.coverage import SiteOptions, SiteResult, site
from gridmap.api.open import open_store, plan_of
from gridmap.api.propose import ProposeOptions, ProposeResult, propose
from gridmap.cli._output import (
    JsonFlag,
    WorkspacePath,
    from_options,
    logged,
    pairs,
    print_json,
    print_rows,
    print_text,
    progress_bar,
    say,
    with_plans,
)
from gridmap.errors import InputError, MissingError
from gridmap.fields import Kind
from gridmap.i18n import tr
from gridmap.settings import read_settings

if TYPE_CHECKING:
    from gridmap.io import Workspace
    from gridmap.model import City
    from gridmap.plans import PlanVersion
    from gridmap.plans.versions import PlanHistoryJson, PlanImportedJson, PlanShownJson, PlansJson


_SHOWN_PLANS = {  # columns of the table of plans, and their formats
    "name": "{}",
    "beats": "{}",
    "pieces_max": "{}",
    "max_deviation": "{:.2%}",
    "cv": "{:.4f}",
    "mean_polsby_popper": "{:.3f}",
    "cut_border_km": "{:,.1f}",
    "kept_share": "{:.1%}",
    "kept_work_share": "{:.1%}",
    "communities_split": "{}",
}


# -- ``gridmap propose``: beats


@from_options(ProposeOptions)
def propose_command(
    workspace: WorkspacePath,
    options: ProposeOptions,
    save: Annotated[str | None, typer.Option("--save", metavar="NAME")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Propose beats: balanced, in one piece, compact, near, and close to today's."""
    from gridmap.plans import LOCAL, check_plan_name

    if save is not None:
        check_plan_name(save)
        options = replace(options, name=save)
    place = io.Workspace.open(workspace)
    city = place.city()
    options = with_plans(place, city, options)
    with progress_bar(tr("cli.proposing")) as tell:
        result = propose(city, options, progress=tell)
    if save:
        with open_store(place.path) as store:
            for plan in result.plans:
                store.save(plan, author=LOCAL, grids=city.grids)
    if as_json:
        print_json(result.to_dict())
        return
    _print_proposal(result)
    ladder = [rung.sentence() for rung in result.ladder] if options.ladder else []
    notes = (*result.notes(), *result.changes(), *result.sector_sentences(), *ladder)
    for sentence in (*notes, *result.standing()):
        if sentence:
            print_text(sentence)
    names = [plan.name for plan in result.plans]
    key = "saved" if save else "unsaved"
    say(tr(f"cli.next.propose_{key}", path=str(workspace), names=tr("api.join").join(names),
           first=names[0]))  # fmt: skip


def _print_proposal(result: ProposeResult) -> None:
    rows: Sequence[Mapping[str, object]] = result.rows
    proposal = result.proposal
    shown = [
        name
        for name in _SHOWN_PLANS
        if any(row[name] is not None for row in rows)
        and (name != "communities_split" or any(row[name] for row in rows))
        and (name != "kept_work_share" or all(row["kept_share"] is None for row in rows))
    ]
    table = {
        tr(f"cli.plan.{name}"): [
            "-" if row[name] is None else _SHOWN_PLANS[name].format(row[name]) for row in rows
        ]
        for name in shown
    }
    table[tr("cli.plan.objective")] = [
        tr(f"partition.objective.{one.objective}")
        + (tr("cli.plan.beyond", asked=proposal.best.tolerance) if proposal.exceeds(one) else "")
        for one in proposal.candidates
    ]
    print_rows(pd.DataFrame(table))


# -- ``gridmap site``: where new rooms go


@from_options(SiteOptions)
def site_command(
    workspace: WorkspacePath,
    options: SiteOptions,
    area: Annotated[Path | None, typer.Option("--area", metavar="FILE")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.gpkg|geojson|shp|csv")] = None,
    adopt: Annotated[bool, typer.Option("--adopt")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Propose new rooms; the gap to the best possible is always reported."""
    if options.candidates == "area" and area is None:
        raise InputError("siting.error.area_needed")
    io.check_new_file(out)
    city = io.read_city(workspace)
    if area is not None:
        options = replace(options, area=_area_of(city, area))
    result = site(city, options)
    proposal = result.proposal
    if out is not None:
        _write_site(workspace, result, out)
    if adopt:
        _adopt_rooms(workspace, result)
    if as_json:
        print_json(result.to_dict())
        return
    rows = result.to_frame().drop(columns=["x", "y"])
    degrees = {name: rows[name].map("{:.6f}".format) for name in ("lon", "lat")}
    noun = tr(f"field.{options.weight}")
    labels = {"lon": tr("cli.site.lon"), "lat": tr("cli.site.lat"),
              "covers": tr("cli.site.covers", noun=noun)}  # fmt: skip
    print_rows(rows.assign(**degrees).rename(columns=labels))
    _print_site(result)
    if out is not None:
        print_text(tr("cli.done.csv", rows=len(proposal.sites), path=str(out)))
    if adopt:
        print_text(tr("cli.done.adopted", rooms=len(proposal.sites)))


def _print_site(result: SiteResult) -> None:
    proposal = result.proposal
    before, after = proposal.before, proposal.after
    unit = proposal.request.within.unit
    print_text(
        tr(
            "siting.done",
            before=100.0 * before["covered_share"],
            after=100.0 * after["covered_share"],
            gained=after["covered"] - before["covered"],
            backup_before=100.0 * before["backup_share"],
            backup_after=100.0 * after["backup_share"],
            mean_before=_reach_text(before[f"mean_{unit}"], unit),
            mean_after=_reach_text(after[f"mean_{unit}"], unit),
            best=tr(
                f"siting.{'nearly' if proposal.answer.gap else 'best'}",
                gap=100.0 * proposal.answer.gap,
            ),
        )
    )
    if proposal.request.model == "center":
        longest = (_reach_text(figures[f"longest_{unit}"], unit) for figures in (before, after))
        print_text(tr("siting.longest", **dict(zip(("before", "after"), longest, strict=True))))
    for note in proposal.notes:
        say(note)


def _reach_text(value: float, unit: str) -> str:
    """Return a distance or time to a tenth, or a dash where nobody is reached."""
    return "–" if math.isnan(value) else tr(f"measure.within_{unit}", value=round(value, 1))


def _area_of(city: City, file: Path) -> shapely.Geometry:
    """Return the drawn area of a file in the city's CRS."""
    layer, _ = io.read_layer([file], kind=Kind.COMMUNITY, options=io.ImportOptions(), crs=city.crs)
    area = shapely.union_all(shapely.make_valid(layer.geometry))
    if area.is_empty:
        raise InputError("siting.error.area", file=file.name)
    return area


def _adopt_rooms(workspace: Path, result: SiteResult) -> None:
    present = result.city.get(Kind.ROOM)
    upon = {Kind.ROOM: "" if present is None else present.digest}
    with logged(workspace, "import", "room") as detail:
        io.Workspace.open(workspace).put_layers([result.room_layer()], upon=upon)
        detail["features"] = len(result.proposal.sites)


def _write_site(workspace: Path, result: SiteResult, out: Path) -> None:
    frame = result.to_gdf()
    with logged(workspace, "export", "site") as detail:
        io.write_frame(frame, out, layer="site")
        detail |= {"file": out.name, "rows": len(frame)}


# -- ``gridmap plans``: the plans that a workspace keeps


_ACTIONS = ("list", "show", "export", "import", "history")


def plans_command(
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
    as_json: JsonFlag = False,
) -> None:
    """List, show, export or import plans, or show a plan's history."""
    if action not in _ACTIONS:
        raise InputError("plans.error.action", received=action, known=", ".join(_ACTIONS))
    if action != "list" and not name:
        raise InputError("plans.error.name_needed", action=action)
    place = io.Workspace.open(workspace)
    if action == "list":
        _list_plans(place, as_json=as_json)
    elif action == "history":
        _plan_history(place, name, as_json=as_json)
    elif action == "show":
        _show_plan(place, name, version, as_json=as_json)
    elif file is None:
        raise InputError("plans.error.file_needed", action=action)
    elif action == "export":
        _export_plan(place, name, version, file)
    else:
        _import_plan(place, name, file, pairs(mapping or (), option="--map"), as_json=as_json)


def _print_plan(version: PlanVersion) -> None:
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


def _list_plans(place: Workspace, *, as_json: bool) -> None:
    try:
        with open_store(place.path, create=False) as store:
            versions = store.list()
    except MissingError:
        versions = ()
    if as_json:
        plans: PlansJson = {"plans": [version.to_dict() for version in versions]}
        print_json(plans)
        return
    if not versions:
        print_text(tr("plans.done.none"))
    for version in versions:
        _print_plan(version)


def _plan_history(place: Workspace, name: str, *, as_json: bool) -> None:
    from gridmap.plans import command_record

    with open_store(place.path, create=False) as store:
        versions = store.history(name)
        if as_json:
            history: PlanHistoryJson = {
                "name": name,
                "versions": [
                    {
                        **version.to_dict(),
                        "commands": [
                            command_record(item) for item in store.commands(name, version.number)
                        ],
                    }
                    for version in versions
                ],
            }
            print_json(history)
            return
    for version in versions:
        _print_plan(version)


def _show_plan(place: Workspace, name: str, version: int | None, *, as_json: bool) -> None:
    from gridmap.plans import Draft, Ground

    with open_store(place.path, create=False) as store:
        known = store.version(name, version)
        city = place.city()
        plan = store.load(name, known.number, grids=city.grids)
    draft = Draft.start(Ground.from_city(city), plan, locks=known.locks)
    rows = draft.rows()
    if as_json:
        shown: PlanShownJson = {
            **known.to_dict(),
            "max_deviation": draft.figures.max_deviation,
            "unassigned_grids": int((plan.assignment < 0).sum()),
            "rows": rows,
        }
        print_json(shown)
        return
    _print_plan(known)
    table = pd.DataFrame(rows)
    table = table.loc[:, ~(table.isna() | (table == "")).all()]
    shares = [name for name in ("deviation", "covered_residents_share") if name in table]
    table[shares] *= 100.0
    labels = {name: tr(f"cli.beat.{name}") for name in ("grids", "pieces", "compactness", *shares)}
    print_rows(table.rename(columns=labels))


def _export_plan(place: Workspace, name: str, version: int | None, file: Path) -> None:
    from gridmap.plans import LOCAL, PLAN_FORMATS, write_plan

    io.check_new_file(file, PLAN_FORMATS)
    with open_store(place.path, create=False) as store:
        grids = place.city().grids
        if file.suffix.lower() != ".csv":
            store.load(name, version, grids=grids)  # refused before anything is logged
        plan = store.export_plan(name, version, author=LOCAL, target=file.name)
        write_plan(plan, grids, file)
    print_text(tr("plans.done.exported", name=name, path=str(file)))


def _import_plan(
    place: Workspace, name: str, file: Path, columns: dict[str, str], *, as_json: bool
) -> None:
    from gridmap.plans import LOCAL, check_plan_name, read_plan

    check_plan_name(name)
    city = place.city()
    limit = read_settings().max_file_mb
    plan = read_plan(file, city, name=name, columns=columns, max_mb=limit)
    with open_store(place.path) as store:
        saved = store.import_plan(plan, author=LOCAL, source=file.name, grids=city.grids)
    if as_json:
        imported: PlanImportedJson = {**saved.to_dict(), "grids": len(plan.grid_ids)}
        print_json(imported)
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


# -- ``gridmap compare``: two plans side by side


@from_options(CompareOptions)
def compare_command(
    workspace: WorkspacePath,
    first: Annotated[str, typer.Argument(metavar="A", show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", show_default=False)],
    options: CompareOptions,
    as_json: JsonFlag = False,
) -> None:
    """Say what changes from plan A to plan B; ``NAME@2`` is version 2, ``present`` today."""
    place = io.Workspace.open(workspace)
    city = place.city()
    old, new = (plan_of(place.path, city, name) for name in (first, second))
    result = compare(city, replace(options, before=old, after=new))
    if as_json:
        print_json(result.to_dict())
        return
    for sentence in (*result.sentences(), *result.standing()):
        print_text(sentence)
