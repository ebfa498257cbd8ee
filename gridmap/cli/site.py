"""``gridmap site``: where new rooms go."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath, check_format
from gridmap.cli._log import logged
from gridmap.cli._output import print_json, print_rows, print_text, say
from gridmap.errors import InputError
from gridmap.i18n import tr

if TYPE_CHECKING:
    import shapely

    from gridmap.model import City
    from gridmap.siting import SiteProposal


def command(
    workspace: WorkspacePath,
    rooms: Annotated[int | None, typer.Option("--rooms", min=1)] = None,
    within: Annotated[str, typer.Option("--within", metavar="1000m|5min")] = "1000m",
    model: Annotated[
        str, typer.Option("--model", metavar="cover|all|backup|median|center|capacitated")
    ] = "cover",
    mode: Annotated[str, typer.Option("--mode", metavar="walk|ebike|car|straight")] = "",
    fixed: Annotated[str, typer.Option("--fixed", metavar="existing|none")] = "existing",
    candidates: Annotated[
        str, typer.Option("--candidates", metavar="auto|community|facility|grid|area")
    ] = "auto",
    area: Annotated[Path | None, typer.Option("--area", metavar="FILE")] = None,
    weight: Annotated[str, typer.Option("--weight", metavar="residents|migrants|incidents")] = (
        "residents"
    ),
    budget: Annotated[float | None, typer.Option("--budget", min=0.0)] = None,
    price: Annotated[str, typer.Option("--price", metavar="COLUMN")] = "",
    apart: Annotated[
        float, typer.Option("--apart", metavar="METRES", min=0.0, max=1_000_000.0)
    ] = 0.0,
    capacity: Annotated[
        float | None, typer.Option("--capacity", metavar="N", min=0.0, max=1_000_000_000.0)
    ] = None,
    gap: Annotated[float, typer.Option("--gap", min=0.0, max=1.0)] = 0.0,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1)] = 60.0,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.gpkg|geojson|shp|csv")] = None,
    adopt: Annotated[bool, typer.Option("--adopt")] = False,
    as_json: Json = False,
) -> None:
    """Propose new rooms; the gap to the best possible is always told."""
    from gridmap.io import read_city
    from gridmap.measure import parse_within
    from gridmap.siting import SiteRequest, propose_sites

    if fixed not in {"existing", "none"}:
        raise InputError("siting.error.fixed", received=fixed)
    if candidates == "area" and area is None:
        raise InputError("siting.error.area_needed")
    check_format(out)
    limits = parse_within(within)
    if len(limits) != 1:
        raise InputError("siting.error.one_within", received=within)
    city = read_city(workspace)
    request = SiteRequest(
        limits[0],
        rooms=rooms,
        budget=budget,
        price=price,
        model=model,  # type: ignore[arg-type] # propose_sites checks it
        mode=mode,
        keep_existing=fixed == "existing",
        candidates=candidates,  # type: ignore[arg-type] # the same
        area=None if area is None else _area(city, area),
        weight=weight,
        apart_m=apart,
        capacity=capacity,
        seconds=seconds,
        gap=gap,
    )
    proposal = propose_sites(city, request)
    if out is not None:
        _write(workspace, city, proposal, out)
    if adopt:
        _adopt(workspace, city, proposal)
    if as_json:
        print_json(proposal.to_dict())
        return
    print_rows(proposal.sites)
    _tell(proposal)
    if out is not None:
        print_text(tr("cli.done.csv", rows=len(proposal.sites), path=str(out)))
    if adopt:
        print_text(tr("cli.done.adopted", rooms=len(proposal.sites)))


def _tell(proposal: SiteProposal) -> None:
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


def _adopt(workspace: Path, city: City, proposal: SiteProposal) -> None:
    from gridmap.io import Workspace
    from gridmap.model import Kind
    from gridmap.siting import rooms_with

    present = city.get(Kind.ROOM)
    upon = {Kind.ROOM: "" if present is None else present.digest}
    with logged(workspace, "import", "room") as detail:
        Workspace.open(workspace).put_layers([rooms_with(city, proposal)], upon=upon)
        detail["features"] = len(proposal.sites)


def _write(workspace: Path, city: City, proposal: SiteProposal, out: Path) -> None:
    import geopandas as gpd
    import shapely

    from gridmap.io import write_frame

    points = shapely.points(proposal.sites[["x", "y"]].to_numpy(dtype=float))
    frame = gpd.GeoDataFrame(proposal.sites, geometry=points, crs=city.crs)
    with logged(workspace, "export", "site") as detail:
        write_frame(frame, out, layer="site")
        detail |= {"file": out.name, "rows": len(frame)}
