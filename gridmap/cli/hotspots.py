"""``gridmap hotspots``: where incidents concentrate beyond chance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gridmap.api.hotspots import HotspotsOptions, hotspots
from gridmap.cli._arguments import Json, WorkspacePath, check_format
from gridmap.cli._from_options import from_options
from gridmap.cli._log import logged
from gridmap.cli._output import print_json, print_rows, print_text
from gridmap.i18n import tr


@from_options(HotspotsOptions)
def command(
    workspace: WorkspacePath,
    options: HotspotsOptions,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.gpkg|geojson|shp|csv")] = None,
    as_json: Json = False,
) -> None:
    """Name the hot and cold grids of a workspace."""
    from gridmap.io import Workspace, write_frame

    check_format(out)
    place = Workspace.open(workspace)
    result = hotspots(place.city(), options)
    if out is not None:
        with logged(place.path, "export", "hotspots") as detail:
            frame = result.to_gdf()
            write_frame(frame, out, layer="hotspots")
            detail.update(file=out.name, rows=len(frame))
    if as_json:
        print_json(result.to_dict())
        return
    rows = result.to_frame()
    if len(rows):
        words = {
            word: tr(f"api.hotspots.{word}")
            for word in ("hot", "cold", "emerging", "lasting", "fading")
        } | {"none": "-"}
        kinds = {name: rows[name].map(words) for name in ("kind", "change") if name in rows}
        names = {name: tr(f"cli.hotspots.{name}")
                 for name in ("kind", "observed", "expected", "change")}  # fmt: skip
        print_rows(rows.assign(**kinds).rename(columns=names))
    for label, figure in result.figures():
        print_text(f"{label}: {figure}")
    for sentence in result.sentences():
        print_text(sentence)
    if out is not None:
        print_text(tr("cli.done.csv", rows=len(rows), path=str(out)))
