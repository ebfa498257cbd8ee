"""``gridmap site``: where new rooms go."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.api.site import SiteOptions, SiteResult, site
from gridmap.cli._arguments import Json, WorkspacePath, check_format
from gridmap.cli._from_options import from_options
from gridmap.cli._log import logged
from gridmap.cli._output import print_json, print_rows, print_text, say
from gridmap.errors import InputError
from gridmap.i18n import tr

if TYPE_CHECKING:
    import shapely

    from gridmap.model import City


@from_options(SiteOptions)
def command(
    workspace: WorkspacePath,
    options: SiteOptions,
    area: Annotated[Path | None, typer.Option("--area", metavar="FILE")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.gpkg|geojson|shp|csv")] = None,
    adopt: Annotated[bool, typer.Option("--adopt")] = False,
    as_json: Json = False,
) -> None:
    """Propose new rooms; the gap to the best possible is always told."""
    from gridmap.io import read_city

    if options.candidates == "area" and area is None:
        raise InputError("siting.error.area_needed")
    check_format(out)
    city = read_city(workspace)
    if area is not None:
        options = replace(options, area=_area(city, area))
    result = site(city, options)
    proposal = result.proposal
    if out is not None:
        _write(workspace, result, out)
    if adopt:
        _adopt(workspace, result)
    if as_json:
        print_json(result.to_dict())
        return
    print_rows(result.to_frame().drop(columns=["x", "y"]))
    _print(result)
    if out is not None:
        print_text(tr("cli.done.csv", rows=len(proposal.sites), path=str(out)))
    if adopt:
        print_text(tr("cli.done.adopted", rooms=len(proposal.sites)))


def _print(result: SiteResult) -> None:
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
            mean_before=_number(before[f"mean_{unit}"]),
            mean_after=_number(after[f"mean_{unit}"]),
            unit=unit,
            gap=100.0 * proposal.answer.gap,
        )
    )
    if proposal.request.model == "center":
        longest = (_number(figures[f"longest_{unit}"]) for figures in (before, after))
        print_text(tr("siting.longest", **dict(zip(("before", "after"), longest, strict=True)),
                      unit=unit))  # fmt: skip
    for note in proposal.notes:
        say(note)


def _number(value: float) -> str:
    """Return a mean, or a dash where nobody is reached."""
    return "–" if math.isnan(value) else f"{value:,.1f}"


def _area(city: City, file: Path) -> shapely.Geometry:
    """Return the drawn area of a file in the city's CRS."""
    import shapely

    from gridmap.io import ImportOptions, read_layer
    from gridmap.model import Kind

    layer, _ = read_layer([file], kind=Kind.COMMUNITY, options=ImportOptions(), crs=city.crs)
    area = shapely.union_all(shapely.make_valid(layer.geometry))
    if area.is_empty:
        raise InputError("siting.error.area", file=file.name)
    return area


def _adopt(workspace: Path, result: SiteResult) -> None:
    from gridmap.io import Workspace
    from gridmap.model import Kind

    present = result.city.get(Kind.ROOM)
    upon = {Kind.ROOM: "" if present is None else present.digest}
    with logged(workspace, "import", "room") as detail:
        Workspace.open(workspace).put_layers([result.room_layer()], upon=upon)
        detail["features"] = len(result.proposal.sites)


def _write(workspace: Path, result: SiteResult, out: Path) -> None:
    from gridmap.io import write_frame

    frame = result.to_gdf()
    with logged(workspace, "export", "site") as detail:
        write_frame(frame, out, layer="site")
        detail |= {"file": out.name, "rows": len(frame)}
