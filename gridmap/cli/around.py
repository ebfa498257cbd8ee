"""``gridmap around``: who and what is near a point, for an emergency."""

from __future__ import annotations

from gridmap.api.around import AroundOptions, around
from gridmap.cli._arguments import Json, Sheet, WorkspacePath, check_sheet
from gridmap.cli._from_options import from_options
from gridmap.cli._log import put_sheet
from gridmap.cli._output import print_json, print_rows, print_text, say
from gridmap.i18n import tr

_MOST = 6  # names on a line
_MOST_ROADS = 12


@from_options(AroundOptions)
def command(
    workspace: WorkspacePath, options: AroundOptions, sheet: Sheet = None, as_json: Json = False
) -> None:
    """Say who and what is around a point."""
    from gridmap.io import Workspace

    check_sheet(sheet)
    place = Workspace.open(workspace)
    result = around(place.city(), options)
    put_sheet(place, sheet, result.sheet, "around")
    if as_json:
        print_json(result.to_dict())
        return
    for ring in result.rings:
        print_text(tr("duty.around.ring", within=ring["within"], area=ring["area_km2"]))
        people = {
            "residents": ring["residents"],
            "migrants": ring["migrants"],
            "households": ring["households"],
        }
        for name, value in people.items():
            if value is not None:
                print_text(f"  {tr(f'field.{name}')}: {value:,.0f}")
        concerned = {
            "stations": ring["stations"],
            "beats": ring["beats"],
            "communities": ring["communities"],
            "grids": ring["grids"],
        }
        for name, rows in concerned.items():
            names = [row["name"] for row in rows]
            if names:
                more = tr("duty.around.more", count=len(names)) if len(names) > _MOST else ""
                shown = tr("api.join").join(names[:_MOST])
                print_text(f"  {tr(f'duty.around.{name}')}: {shown}{more}")
        for name, counts in (("incidents", ring["incidents"]), ("facilities", ring["facilities"])):
            if counts:
                shown = tr("api.join").join(f"{key} {value}" for key, value in counts.items())
                print_text(f"  {tr(f'duty.around.{name}')}: {shown}")
        roads = list(dict.fromkeys(road["name"] for road in ring["roads"] if road["name"]))
        if roads:
            more = tr("duty.around.more", count=len(roads)) if len(roads) > _MOST_ROADS else ""
            shown = tr("api.join").join(roads[:_MOST_ROADS])
            print_text(f"  {tr('duty.around.roads')}: {shown}{more}")
    if result.rooms:
        frame = result.to_frame()[["name", "minutes", "distance_m", "officers", "auxiliaries"]]
        labels = {name: tr(f"duty.around.column.{name}") for name in frame.columns}
        print_rows(frame.rename(columns=labels))
    for note in result.notes:
        say(note)
