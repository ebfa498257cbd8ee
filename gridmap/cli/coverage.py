"""``gridmap coverage``: who is within reach of a room, and who is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gridmap.cli._arguments import Json, WorkspacePath, end_of
from gridmap.cli._output import print_json, print_rows, print_text, say
from gridmap.errors import InputError
from gridmap.i18n import has_key, tr

if TYPE_CHECKING:
    import pandas as pd


def command(
    workspace: WorkspacePath,
    within: Annotated[str, typer.Option("--within", metavar="1000m,5min")] = "1000m",
    mode: Annotated[str, typer.Option("--mode", metavar="walk|ebike|car|straight")] = "",
    by: Annotated[str, typer.Option("--by", metavar="grid|beat|station|community|city")] = "city",
    network: Annotated[str, typer.Option("--network", metavar="NAME|all")] = "",
    since: Annotated[str, typer.Option("--from", metavar="DATE")] = "",
    until: Annotated[str, typer.Option("--to", metavar="DATE")] = "",
    as_json: Json = False,
) -> None:
    """Measure coverage for each distance or time; ``--network all`` measures every network."""
    from gridmap.io import read_city
    from gridmap.measure.coverage import (
        coverage_by_hour,
        coverage_table,
        measure_coverage,
        networks_of,
        parse_within,
        room_table,
        worst_grids,
    )

    if by not in {"grid", "beat", "station", "community", "city"}:
        raise InputError("coverage.error.by", received=by)
    limits = parse_within(within)
    city = read_city(workspace)
    chosen = networks_of(city) if network == "all" else [network]
    end = end_of(until) if until else None
    results: list[dict[str, Any]] = []
    for limit in limits:
        for name in chosen:
            found = measure_coverage(
                city, limit, mode=mode, network=name, since=since or None, until=end
            )
            rows = coverage_table(city, found, by=by)  # type: ignore[arg-type] # checked above
            result: dict[str, Any] = {
                "within": str(limit),
                "mode": found.mode,
                "network": name,
                "error": found.error,
                "rows": rows.to_dict("records"),
                "worst": worst_grids(city, found).to_dict("records"),
                "notes": list(found.notes),
            }
            if not name:
                result["rooms"] = room_table(city, found).to_dict("records")
                result["hours"] = (
                    coverage_by_hour(city, limit, mode=mode).to_dict("records")
                    if city.rooms.has("hours")
                    else []
                )
            results.append(result)
            if not as_json:
                title = tr("coverage.title", within=str(limit), mode=tr(f"coverage.{found.mode}"))
                print_text(f"{title} {name}".rstrip())
                print_rows(_named(rows))
                if found.error:
                    print_text(tr("coverage.sampled", error=100.0 * found.error))
                for note in found.notes:
                    say(note)
    if as_json:
        print_json({"by": by, "coverage": results})


def _named(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.rename(
        columns={
            name: tr(f"coverage.column.{name}")
            for name in rows.columns
            if has_key(f"coverage.column.{name}")
        }
    )
