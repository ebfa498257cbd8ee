"""Commands for those on duty: watch, shifts, patrol, around, norms, assess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from gridmap import io
from gridmap._lazy import pd
from gridmap.api.around import AroundOptions, around
from gridmap.api.coverage import CoverageOptions
from gridmap.api.norms import AssessOptions, NormsOptions, assess, norms
from gridmap.api.patrol import PatrolOptions, patrol
from gridmap.api.shifts import ShiftsOptions, ShiftsResult, shifts
from gridmap.api.watch import WatchOptions, watch
from gridmap.cli._output import (
    JsonFlag,
    SheetFile,
    WorkspacePath,
    from_options,
    logged,
    note_period,
    print_json,
    print_rows,
    print_text,
    put_sheet,
    put_table,
    say,
)
from gridmap.i18n import some_names, tr


def _opened(workspace: Path, csv: Path | None, sheet: Path | None) -> io.Workspace:
    """Open a workspace after the names of the files to write have been checked."""
    io.check_new_file(csv)
    io.check_new_file(sheet, (".pdf",))
    return io.Workspace.open(workspace)


# -- ``gridmap watch``: what is unusual now; exit code 3 when there is an alert


_ALERT = 3  # the exit code for a cron line to act on


@from_options(WatchOptions)
def watch_command(
    workspace: WorkspacePath,
    options: WatchOptions,
    sheet: SheetFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Watch a workspace for what is unusual."""
    io.check_new_file(sheet, (".pdf",))
    place = io.Workspace.open(workspace)
    result = watch(place.city(), options)
    put_sheet(place, sheet, result.sheet, "watch")
    if as_json:
        print_json(result.to_dict())
    else:
        if not result.alerts:
            print_text(result.quiet())
        for sentence in result.sentences():
            print_text(sentence)
        for sentence in result.dispute_sentences():
            print_text(sentence)
        for note in result.notes:
            say(note)
    if result.alerts:
        raise typer.Exit(_ALERT)


# -- ``gridmap shifts``: officers needed and on duty by hour, and the posts that cover them


_MOST_POSTS = 40  # rows of the roster on a screen; the file has them all


@from_options(ShiftsOptions)
def shifts_command(
    workspace: WorkspacePath,
    options: ShiftsOptions,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE")] = None,
    sheet: SheetFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Plan the shifts of a workspace by its ``norms.toml``."""
    place = _opened(workspace, csv, sheet)
    result = shifts(place.city(), replace(options, norms=place.path / "norms.toml"))
    roster = result.readable_roster()
    put_table(place, csv, roster, f"shifts {options.by}")
    put_sheet(place, sheet, result.sheet, "shifts")
    if as_json:
        print_json(result.to_dict())
        return
    print_text(result.sentence())
    _print_units(result)
    if csv is None:
        print_rows(roster.head(_MOST_POSTS))
        if len(roster) > _MOST_POSTS:
            print_text(tr("duty.more_rows", count=len(roster) - _MOST_POSTS))
    else:
        print_text(tr("cli.done.csv", rows=len(roster), path=str(csv)))
    for note in result.notes:
        say(note)


def _print_units(result: ShiftsResult) -> None:
    units: Sequence[Mapping[str, object]] = result.to_dict()["units"]
    rows = [
        {
            tr("duty.shifts.unit"): unit["name"],
            **{tr(f"duty.shifts.{name}"): unit[name] for name in result.unit_columns()},
        }
        for unit in units
    ]
    print_rows(pd.DataFrame(rows))


# -- ``gridmap patrol``: tonight's routes, on screen and as files for the road


@from_options(PatrolOptions)
def patrol_command(
    workspace: WorkspacePath,
    options: PatrolOptions,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Plan the patrol routes of a beat or station."""
    if out is not None:
        io.check_new_folder(out)
    place = io.Workspace.open(workspace)
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


# -- ``gridmap around``: who and what is near a point, for an emergency


_MOST_ROWS = 6  # names on a line
_MOST_ROADS = 12
_PEOPLE: tuple[Literal["residents", "migrants", "households"], ...] = (
    "residents", "migrants", "households",
)  # fmt: skip
_CONCERNED: tuple[Literal["stations", "beats", "communities", "grids"], ...] = (
    "stations", "beats", "communities", "grids",
)  # fmt: skip


@from_options(AroundOptions)
def around_command(
    workspace: WorkspacePath,
    options: AroundOptions,
    sheet: SheetFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Say who and what is around a point."""
    io.check_new_file(sheet, (".pdf",))
    place = io.Workspace.open(workspace)
    result = around(place.city(), options)
    put_sheet(place, sheet, result.sheet, "around")
    if as_json:
        print_json(result.to_dict())
        return
    for ring in result.rings:
        (within,) = CoverageOptions(within=ring["within"]).limits
        print_text(tr("duty.around.ring", within=within.text(), area=ring["area_km2"]))
        for person in _PEOPLE:
            if (value := ring[person]) is not None:
                _print_figure(tr(f"field.{person}"), f"{value:,.0f}")
        for unit in _CONCERNED:
            _print_names(unit, [row["name"] for row in ring[unit]], _MOST_ROWS)
        for name, counts in (("incidents", ring["incidents"]), ("facilities", ring["facilities"])):
            if counts:
                shown = tr("api.join").join(f"{key} {value}" for key, value in counts.items())
                _print_figure(result.label(name), shown)
        roads = dict.fromkeys(road["name"] for road in ring["roads"] if road["name"])
        _print_names("roads", list(roads), _MOST_ROADS)
    if result.rooms:
        frame = result.to_frame()[["name", "minutes", "distance_m", "officers", "auxiliaries"]]
        labels = {name: tr(f"duty.around.column.{name}") for name in frame.columns}
        print_rows(frame.rename(columns=labels))
    for note in result.notes:
        say(note)


def _print_names(kind: str, names: list[str], most: int) -> None:
    """Print the first names of a kind on one line, and how many there are where not all are."""
    if names:
        _print_figure(tr(f"duty.around.{kind}"), some_names(names, most=most))


def _print_figure(label: str, figure: str) -> None:
    print_text("  " + tr("cli.figure", label=label, figure=figure))


# -- ``gridmap norms``: what rooms and beats lack compared with the norms


_MOST_LACKING = 40  # rows on a screen; the file has them all


@from_options(NormsOptions)
def norms_command(
    workspace: WorkspacePath,
    options: NormsOptions,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE")] = None,
    sheet: SheetFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare a workspace's rooms and beats with its ``norms.toml``."""
    place = _opened(workspace, csv, sheet)
    result = norms(place.city(), replace(options, norms=place.path / "norms.toml"))
    put_table(place, csv, result.to_frame(), "norms")
    put_sheet(place, sheet, result.sheet, "norms")
    if as_json:
        print_json(result.to_dict())
        return
    print_text(result.sentence())
    if len(result.lacks.items):
        print_rows(result.readable_items())
    if csv is None:
        if len(result.lacks.rows):
            print_rows(result.readable().head(_MOST_LACKING))
        if len(result.lacks.rows) > _MOST_LACKING:
            print_text(tr("duty.more_rows", count=len(result.lacks.rows) - _MOST_LACKING))
    else:
        print_text(tr("cli.done.csv", rows=len(result.lacks.rows), path=str(csv)))
    if result.posts is not None:
        print_text(result.posts_sentence())
        print_rows(result.readable_posts().head(_MOST_LACKING))
    for note in result.notes:
        say(note)


# -- ``gridmap assess``: beats or stations ranked by the indicators of ``score.toml``


@from_options(AssessOptions)
def assess_command(
    workspace: WorkspacePath,
    options: AssessOptions,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE")] = None,
    sheet: SheetFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Rank a workspace's units by its ``score.toml``."""
    place = _opened(workspace, csv, sheet)
    city = place.city()
    result = assess(city, replace(options, goals=place.path / "score.toml"))
    note_period(city, options)
    put_table(place, csv, result.to_frame(), "assess")
    put_sheet(place, sheet, result.sheet, "assess")
    if as_json:
        print_json(result.to_dict())
        return
    print_text(result.sentence())
    print_rows(result.readable())
    if csv is not None:
        print_text(tr("cli.done.csv", rows=len(result.assessment.rows), path=str(csv)))
    for note in (*result.notes, tr("duty.score.help")):
        say(note)
