"""Commands that measure and report: measure, hotspots, coverage, report."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from gridmap import io
from gridmap._lazy import pd
from gridmap.api.coverage import CoverageOptions, CoverageResult, coverage
from gridmap.api.measure import (
    HotspotsOptions,
    HotspotsResult,
    MeasureOptions,
    MeasureResult,
    control_line,
    hotspots,
    measure,
)
from gridmap.api.open import open_store
from gridmap.api.report import ReportOptions, check_target, report, settings_file, write_templates
from gridmap.api.results import Progress
from gridmap.cli._output import (
    HIDDEN,
    JsonFlag,
    WorkspacePath,
    from_options,
    logged,
    note_period,
    print_json,
    print_rows,
    print_text,
    progress_bar,
    say,
    starred,
    with_plans,
)
from gridmap.errors import InputError
from gridmap.i18n import has_key, tr

# -- ``gridmap measure``: the table that every grid, beat, station or community carries


@from_options(MeasureOptions)
def measure_command(
    workspace: WorkspacePath,
    options: MeasureOptions,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure a workspace; ``--to`` includes its day."""
    io.check_new_file(csv)
    place = io.Workspace.open(workspace)
    city = place.city()
    result = measure(city, with_plans(place, city, options))
    note_period(city, options)
    masked = None if result.hidden is None else result.hidden.hidden
    rows = starred(result.to_frame(), masked)
    if csv is not None:
        with logged(place.path, "export", f"measure {options.by}") as detail:
            io.write_frame(rows, csv)
            detail.update(file=csv.name, rows=len(rows))
    if as_json:
        print_json(result.to_dict())
        return
    if csv is None:
        share = "covered_residents_share"
        if share in rows:  # read as a percentage, as coverage and plans show it
            label = tr(f"cli.beat.{share}")
            shares = [one if one == HIDDEN else round(100 * one, 1) for one in rows[share]]
            rows = rows.assign(**{share: shares}).rename(columns={share: label})
        print_rows(_whole_heads(rows))
    else:
        print_text(tr("cli.done.csv", rows=len(rows), path=str(csv)))
    if result.control is not None:
        print_text(control_line(result.control))
    _print_rest(result)


_HEADS = ("residents", "migrants", "households", "covered_residents")


def _whole_heads(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows without parts of people, which a beat gets of a grid that its border cuts."""
    heads = [name for name in _HEADS if name in rows]
    return rows.assign(**{name: rows[name].map(_whole) for name in heads})


def _whole(value: object) -> object:
    # A number that is hidden or missing stays what it is.
    return float(round(value)) if isinstance(value, float) and math.isfinite(value) else value


def _print_rest(result: MeasureResult) -> None:
    """Say what lies in no row, and what was shared out: rows alone do not add up to the city."""
    table = result.table
    left, every = table.unassigned, table.totals
    parts = [
        tr("cli.measure.left", name=tr(f"field.{name}"), left=left[name], every=every[name])
        for name in ("residents", "incidents")
        if left[name] > 0 and every[name] > 0  # neither missing nor hidden
    ]
    if parts:
        print_text(tr("cli.measure.unassigned", parts=tr("cli.measure.and").join(parts)))
    if table.split_grids:
        print_text(tr("report.note.split", count=table.split_grids))
        if table.whole_share == table.whole_share:
            print_text(tr("report.note.whole", share=table.whole_share))


# -- ``gridmap hotspots``: where incidents concentrate beyond chance


@from_options(HotspotsOptions)
def hotspots_command(
    workspace: WorkspacePath,
    options: HotspotsOptions,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.gpkg|geojson|shp|csv")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Name the hot and cold grids of a workspace."""
    io.check_new_file(out)
    place = io.Workspace.open(workspace)
    city = place.city()
    result = hotspots(city, options)
    note_period(city, options)
    if out is not None:
        with logged(place.path, "export", "hotspots") as detail:
            frame = result.to_gdf()
            io.write_frame(frame, out, layer="hotspots")
            detail.update(file=out.name, rows=len(frame))
    if as_json:
        print_json(result.to_dict())
        return
    rows = result.to_frame()
    if len(rows):
        print_rows(_hotspot_rows(result).head(_MOST_SPOTS))
        if len(rows) > _MOST_SPOTS:
            print_text(tr("cli.hotspots.more", count=len(rows) - _MOST_SPOTS))
    for label, figure in result.figures():
        print_text(tr("cli.figure", label=label, figure=figure))
    for sentence in result.sentences():
        print_text(sentence)
    if out is not None:
        print_text(tr("cli.done.csv", rows=len(rows), path=str(out)))


_MOST_SPOTS = 40  # rows on a screen; the file has them all
_LEAST_P = 0.001  # below it the number says nothing more


def _hotspot_rows(result: HotspotsResult) -> pd.DataFrame:
    """Return the grids as they are read: named, the hot ones first, no p with an exponent."""
    rows, grids = result.to_frame(), result.city.grids
    rows.insert(1, "name", grids.names[pd.Index(grids.ids).get_indexer(rows["id"])])
    rank = {"hot": 0, "none": 1, "cold": 2}
    rows = rows.sort_values("kind", key=lambda kinds: kinds.map(rank), kind="stable")
    words = {
        word: tr(f"api.hotspots.{word}")
        for word in ("hot", "cold", "emerging", "growing", "lasting", "fading")
    } | {"none": "-"}
    texts = {name: rows[name].map(words) for name in ("kind", "change") if name in rows}
    texts["p"] = [f"<{_LEAST_P}" if p < _LEAST_P else f"{p:.3f}" for p in rows["p"]]
    names = {name: tr(f"cli.hotspots.{name}")
             for name in ("kind", "observed", "expected", "change")}  # fmt: skip
    return rows.assign(**texts).rename(columns=names)


# -- ``gridmap coverage``: who is within reach of a room, and who is not


_SHOWN_GRIDS = 5  # worst grids and busiest rooms printed without --json
_COVERED = ("covered_residents", "covered_residents_share", "backup_residents_share",
        "covered_migrants_share", "covered_incidents_share")  # fmt: skip


@from_options(CoverageOptions)
def coverage_command(
    workspace: WorkspacePath,
    options: CoverageOptions,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.gpkg|geojson|shp")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Measure coverage for each distance or time; ``--network all`` measures every network."""
    io.check_new_file(out)
    city = io.read_city(workspace)
    result = coverage(city, options)
    note_period(city, options)
    if not as_json:
        for number in range(len(result.coverages)):
            _print_coverage(result, number)
        if result.control is not None:
            print_text(control_line(result.control))
    written = [] if out is None else _write_coverage(workspace, result, out)
    if as_json:
        files = {"files": [str(path) for path in written]} if out else {}
        print_json({**result.to_dict(), **files})
        return
    for path in written:
        print_text(tr("coverage.written", path=str(path)))


def _print_coverage(result: CoverageResult, number: int) -> None:
    """Print the rows, the worst grids, the busiest rooms and the thinnest hour."""
    coverage, by = result.coverages[number], result.options.by
    title = tr(
        "coverage.title", within=coverage.within.text(), mode=tr(f"coverage.{coverage.mode}")
    )
    print_text(f"{title} {coverage.network}".rstrip())
    unit = coverage.within.unit
    rows, hidden = result.table(coverage)
    names = ["id", "name", "residents", *_COVERED, f"mean_{unit}", f"p95_{unit}"]
    if rows["unreached_share"].any():
        names.append("unreached_share")
    # For a city without residents, print the covered share of its incidents instead.
    dark = set() if hidden is None else {name for name in names if name in hidden.hidden
                                         and hidden.hidden[name].any()}  # fmt: skip
    known = {"id", "name"} | dark
    names = [name for name in names if name in known or rows[name].notna().any()]
    masked = None if hidden is None else hidden.hidden
    print_rows(_named(rows[names[1:] if by == "city" else names], masked))
    if coverage.error:
        print_text(tr("coverage.sampled", error=100.0 * coverage.error))
    if hidden is not None:
        print_text(tr("api.coverage.hidden", limit=result.options.suppress_below))
        return
    worst = result.worst(coverage, count=_SHOWN_GRIDS)
    if len(worst):
        listed = [f"{row['name']} {row['outside']:,.0f}" for row in worst.to_dict("records")]
        key = "coverage.worst_incidents" if "incidents" in worst.columns else "coverage.worst"
        print_text(tr(key, grids=tr("page.join.pairs").join(listed)))
    if not coverage.network:
        _print_rooms(result, number)
    for note in coverage.notes:
        say(note)


def _print_rooms(result: CoverageResult, number: int) -> None:
    coverage = result.coverages[number]
    rooms = result.rooms(coverage)
    busy = rooms[rooms["residents_per_officer"].notna()]
    busy = busy.nlargest(_SHOWN_GRIDS, "residents_per_officer")
    if len(busy):
        listed = [
            f"{row['name']} {row['residents_per_officer']:,.0f}" for row in busy.to_dict("records")
        ]
        print_text(tr("coverage.busiest", rooms=tr("page.join.pairs").join(listed)))
    hours = result.hours(coverage)
    if hours is not None:
        least = hours.loc[hours["covered_residents_share"].fillna(0.0).idxmin()]
        most = hours.loc[hours["covered_residents_share"].fillna(0.0).idxmax()]
        print_text(
            tr(
                "coverage.hours",
                least=int(least["hour"]),
                least_share=100.0 * least["covered_residents_share"],
                least_rooms=int(least["rooms"]),
                most=int(most["hour"]),
                most_share=100.0 * most["covered_residents_share"],
                most_rooms=int(most["rooms"]),
            )
        )


def _named(rows: pd.DataFrame, hidden: pd.DataFrame | None) -> pd.DataFrame:
    """Return the rows with shares in per cent and columns in the current language."""
    rows = _whole_heads(rows)
    shares = {
        name: (rows[name] * 100.0).round(1) for name in rows.columns if name.endswith("_share")
    }
    names = {name: tr(f"coverage.column.{name}") for name in rows.columns
             if has_key(f"coverage.column.{name}")}  # fmt: skip
    return starred(rows.assign(**shares), hidden).rename(columns=names)


def _write_coverage(workspace: Path, result: CoverageResult, out: Path) -> list[Path]:
    """Write the ground in reach and the rows of each coverage; return the files."""
    by = result.options.by
    rows_by = "grid" if by == "city" else by
    frames = {"reach": result.reach()}
    for found in result.coverages:
        parts = (rows_by, str(found.within), found.mode, found.network)
        frames["_".join(part for part in parts if part)] = result.frame(found, by=rows_by)
    files: list[Path] = []
    with logged(workspace, "export", "coverage") as detail:
        for name, frame in frames.items():
            # A GeoPackage holds all of them; other formats take a file each.
            one = out.suffix.lower() == ".gpkg" or name == "reach"
            path = out if one else out.with_stem(f"{out.stem}_{name}")
            io.write_frame(frame, path, layer=name)
            files += [path] if path not in files else []
        detail |= {"file": out.name, "rows": sum(map(len, frames.values()))}
    return files


# -- ``gridmap report``: the report of a period, written into a folder

_MEASURING = 0.4  # of the bar


@from_options(ReportOptions)
def report_command(
    workspace: WorkspacePath,
    options: ReportOptions,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", show_default=False)] = None,
    template_init: Annotated[Path | None, typer.Option("--template-init", metavar="DIR")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a report; the same inputs and date give the same bytes."""
    if template_init is not None:
        for path in write_templates(template_init):
            print_text(str(path))
        return
    if out is None:
        raise InputError("report.error.no_out")
    check_target(out)
    place = io.Workspace.open(workspace)
    city = place.city()
    options = with_plans(place, city, options)
    if not options.settings:
        options = replace(options, settings=str(settings_file(place.path)))
    with progress_bar() as tell:
        result = report(city, options, progress=_part(tell, 0.0, _MEASURING))
        if options.document and options.plan is not None:
            with open_store(place.path) as store:
                names = {version.name for version in store.list()}
                name = options.plan.name.rpartition("@")[0] or options.plan.name
                if name in names:
                    result = result.with_versions(store.history(name))
        with logged(place.path, "export", "report") as detail:
            written = result.write(out, progress=_part(tell, _MEASURING, 1.0))
            detail.update(folder=out.name, files=len(written.files))
    for line in result.report.warnings:
        say(f"! {line}")
    if as_json:
        print_json({**result.to_dict(), "folder": str(out), **written.manifest})
    else:
        print_text(tr("cli.done.report", files=len(written.files), path=str(out)))
        for name in written.files:
            print_text(f"  {name}")


def _part(tell: Progress, start: float, end: float) -> Progress:
    """Return a callback that fills part of the bar and shows the current step."""

    def report_progress(share: float, what: str = "", /) -> None:
        tell(start + share * (end - start), tr(f"report.step.{what}") if what else "")

    return report_progress
