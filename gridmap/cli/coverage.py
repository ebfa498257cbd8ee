"""``gridmap coverage``: who is within reach of a room, and who is not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.api.coverage import CoverageOptions, CoverageResult, coverage
from gridmap.api.measure import control_line
from gridmap.cli._arguments import Json, WorkspacePath, check_format
from gridmap.cli._from_options import from_options
from gridmap.cli._log import logged
from gridmap.cli._output import print_json, print_rows, print_text, say, starred
from gridmap.i18n import has_key, tr

if TYPE_CHECKING:
    import pandas as pd


_SHOWN = 5  # worst grids and busiest rooms told without --json
_ROW = ("covered_residents", "covered_residents_share", "backup_residents_share",
        "covered_migrants_share", "covered_incidents_share")  # fmt: skip


@from_options(CoverageOptions)
def command(
    workspace: WorkspacePath,
    options: CoverageOptions,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.gpkg|geojson|shp")] = None,
    as_json: Json = False,
) -> None:
    """Measure coverage for each distance or time; ``--network all`` measures every network."""
    from gridmap.io import read_city

    check_format(out)
    city = read_city(workspace)
    result = coverage(city, options)
    if not as_json:
        for number in range(len(result.coverages)):
            _print(result, number)
        if result.control is not None:
            print_text(control_line(result.control))
    written = [] if out is None else _write(workspace, result, out)
    if as_json:
        files = {"files": [str(path) for path in written]} if out else {}
        print_json({**result.to_dict(), **files})
        return
    for path in written:
        print_text(tr("coverage.written", path=str(path)))


def _print(result: CoverageResult, number: int) -> None:
    """Print the rows, the worst grids, the busiest rooms and the thinnest hour."""
    coverage, by = result.coverages[number], result.options.by
    title = tr("coverage.title", within=str(coverage.within), mode=tr(f"coverage.{coverage.mode}"))
    print_text(f"{title} {coverage.network}".rstrip())
    unit = coverage.within.unit
    rows, hidden = result.table(coverage)
    names = ["id", "name", "residents", *_ROW, f"mean_{unit}", f"p95_{unit}"]
    if rows["unreached_share"].any():
        names.append("unreached_share")
    # Of a city without residents, what is covered of its incidents is told instead.
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
    worst = result.worst(coverage, count=_SHOWN)
    if len(worst):
        listed = [f"{row['name']} {row['outside']:,.0f}" for row in worst.to_dict("records")]
        key = "coverage.worst_incidents" if "incidents" in worst.columns else "coverage.worst"
        print_text(tr(key, grids="; ".join(listed)))
    if not coverage.network:
        _print_rooms(result, number)
    for note in coverage.notes:
        say(note)


def _print_rooms(result: CoverageResult, number: int) -> None:
    coverage = result.coverages[number]
    rooms = result.rooms(coverage)
    busy = rooms[rooms["residents_per_officer"].notna()]
    busy = busy.nlargest(_SHOWN, "residents_per_officer")
    if len(busy):
        listed = [
            f"{row['name']} {row['residents_per_officer']:,.0f}" for row in busy.to_dict("records")
        ]
        print_text(tr("coverage.busiest", rooms="; ".join(listed)))
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
    shares = {name: rows[name] * 100.0 for name in rows.columns if name.endswith("_share")}
    names = {name: tr(f"coverage.column.{name}") for name in rows.columns
             if has_key(f"coverage.column.{name}")}  # fmt: skip
    return starred(rows.assign(**shares), hidden).rename(columns=names)


def _write(workspace: Path, result: CoverageResult, out: Path) -> list[Path]:
    """Write the ground in reach and the rows of each coverage; return the files."""
    from gridmap.io import write_frame

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
            write_frame(frame, path, layer=name)
            files += [path] if path not in files else []
        detail |= {"file": out.name, "rows": sum(map(len, frames.values()))}
    return files
