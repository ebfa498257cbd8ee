"""``gridmap site``: where new rooms go."""

from __future__ import annotations

from typing import Annotated

import typer

from gridmap.cli._arguments import Json, WorkspacePath
from gridmap.cli._output import print_json, print_rows, print_text, say
from gridmap.errors import InputError
from gridmap.i18n import tr


def command(
    workspace: WorkspacePath,
    rooms: Annotated[int | None, typer.Option("--rooms", min=1)] = None,
    within: Annotated[str, typer.Option("--within", metavar="1000m|5min")] = "1000m",
    model: Annotated[str, typer.Option("--model", metavar="cover|all|backup|median|center")] = (
        "cover"
    ),
    mode: Annotated[str, typer.Option("--mode", metavar="walk|ebike|car|straight")] = "",
    fixed: Annotated[str, typer.Option("--fixed", metavar="existing|none")] = "existing",
    candidates: Annotated[
        str, typer.Option("--candidates", metavar="auto|community|facility|grid")
    ] = "auto",
    weight: Annotated[str, typer.Option("--weight", metavar="residents|migrants|incidents")] = (
        "residents"
    ),
    apart: Annotated[float, typer.Option("--apart", metavar="METRES", min=0.0)] = 0.0,
    gap: Annotated[float, typer.Option("--gap", min=0.0, max=1.0)] = 0.0,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1)] = 60.0,
    as_json: Json = False,
) -> None:
    """Propose new rooms; the gap to the best possible is always told."""
    from gridmap.io import read_city
    from gridmap.measure.coverage import parse_within
    from gridmap.siting import SiteRequest, propose_sites

    if fixed not in {"existing", "none"}:
        raise InputError("siting.error.fixed", received=fixed)
    limits = parse_within(within)
    if len(limits) != 1:
        raise InputError("siting.error.one_within", received=within)
    request = SiteRequest(
        limits[0],
        rooms=rooms,
        model=model,  # type: ignore[arg-type] # propose_sites checks it
        mode=mode,
        keep_existing=fixed == "existing",
        candidates=candidates,  # type: ignore[arg-type] # the same
        weight=weight,
        apart_m=apart,
        seconds=seconds,
        gap=gap,
    )
    proposal = propose_sites(read_city(workspace), request)
    if as_json:
        print_json(proposal.to_dict())
        return
    print_rows(proposal.sites)
    before, after = proposal.before, proposal.after
    print_text(
        tr(
            "siting.done",
            before=100.0 * before["covered_share"],
            after=100.0 * after["covered_share"],
            gained=after["covered"] - before["covered"],
            mean_before=before[f"mean_{limits[0].unit}"],
            mean_after=after[f"mean_{limits[0].unit}"],
            unit=limits[0].unit,
            gap=100.0 * proposal.answer.gap,
        )
    )
    for note in proposal.notes:
        say(note)
