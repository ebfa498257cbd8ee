"""Whom each police room and each network of facilities reaches, and the ground itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridmap.i18n import tr
from gridmap.measure import (
    MeasureTable,
    Within,
    covered_share,
    networks_of,
    places_of,
    sample_points,
    travel_of,
)
from gridmap.model import City, Kind
from gridmap.report.hiding import Hiding
from gridmap.report.tables import Chart, Column, Format, Table, column
from gridmap.travel import StraightLine, isochrone, ring

__all__ = ["Reach", "measure_reach", "network_table", "reach_frame", "room_table"]

Floats = npt.NDArray[np.float64]

_SAMPLES = 16  # points in each grid whose nearest room is looked for
_CELLS = 20_000  # of the raster on which travel time is found: cells of 100 m in a city


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Whom rooms and networks reach.

    Attributes
    ----------
    rooms
        ``id, name, residents, incidents, officers, auxiliaries``: the people for whom a
        room is the nearest in a straight line.
    grid, room, part
        Grids, the rooms nearest to parts of them, and the size of these parts, shape (k,).
    networks
        Network to the share of each grid's ground within the preset radius of one of its
        facilities.
    facilities
        Network to the number of its facilities.
    """

    rooms: pd.DataFrame
    grid: npt.NDArray[np.int64]
    room: npt.NDArray[np.int64]
    part: Floats
    networks: dict[str, Floats]
    facilities: dict[str, int]


def measure_reach(city: City, grids: MeasureTable | None) -> Reach | None:
    """Return whom the rooms and networks of a city reach, or None without rooms or grids.

    Parameters
    ----------
    city
        The city.
    grids
        Its table by grid, of the period.
    """
    if grids is None or not city.has(Kind.ROOM) or not len(city.rooms):
        return None
    ids, xy = places_of(city)
    points = sample_points(city.grids.geometry, _SAMPLES).reshape(-1, 2)
    nearest = StraightLine().nearest(points, xy).room.astype(np.int64)
    held = np.flatnonzero(nearest >= 0)
    places, counts = np.unique(held // _SAMPLES * len(ids) + nearest[held], return_counts=True)
    grid, room, part = places // len(ids), places % len(ids), counts / _SAMPLES
    table = {"id": ids.astype(str), "name": city.rooms.names.astype(str)}
    for name in ("residents", "incidents"):
        amounts = grids.rows[name].to_numpy(dtype=float)[grid] * part
        table[name] = np.bincount(room, weights=amounts, minlength=len(ids))
    for name in ("officers", "auxiliaries"):
        table[name] = city.rooms.counts(name)
    radius_m = city.presets.room_radius_m
    found = {name: places_of(city, name)[1] for name in networks_of(city)}
    return Reach(
        pd.DataFrame(table),
        grid,
        room,
        part,
        {
            name: covered_share(city.grids.geometry, spots, radius_m=radius_m)
            for name, spots in found.items()
        },
        {name: len(spots) for name, spots in found.items()},
    )


def room_table(reach: Reach | None, hiding: Hiding, missing: tuple[str, ...]) -> Table | None:
    """Return each room's people beside its officers, the most per officer first.

    Parameters
    ----------
    reach
        As `measure_reach` gives it.
    hiding
        What is hidden.
    missing
        Counts that the city does not know.
    """
    if reach is None or "residents" in missing:
        return None
    rows = reach.rooms.copy()
    names = ["residents"]
    if "incidents" not in missing and not hiding.limit:
        names.append("incidents")  # sums of parts of grids would tell hidden counts
    staffed = [name for name in ("officers", "auxiliaries") if rows[name].any()]
    dark = {name: hiding.of("room", name, len(rows)) for name in names}
    total: dict[str, Any] = {"id": tr("report.total"), "name": ""}
    hidden_total = set()
    for name in names:
        total[name] = float(rows[name].sum())
        if hiding.one("rooms", name):
            total[name] = np.nan
            hidden_total.add(name)
        if hiding.limit:
            rows[name] = rows[name].round()
        rows.loc[dark[name], name] = np.nan
    total |= {name: float(rows[name].sum()) for name in staffed}
    columns: list[Column] = [column("id", "text"), column("name", "text")]
    columns += [
        Column(name, tr(f"report.column.nearest_{name}"), bar=name == "residents")
        for name in names
    ]
    columns += [column(name) for name in staffed]
    if "officers" in staffed:
        staff = rows["officers"].to_numpy(dtype=float)
        each = np.divide(rows["residents"], staff, out=np.full(len(rows), np.nan), where=staff > 0)
        rows["residents_per_officer"] = np.round(each) if hiding.limit else each
        dark["residents_per_officer"] = dark["residents"]
        every = total["officers"]
        total["residents_per_officer"] = total["residents"] / every if every else np.nan
        if "residents" in hidden_total:
            hidden_total.add("residents_per_officer")
        columns.append(column("residents_per_officer", bar=True))
    first = "residents_per_officer" if "officers" in staffed else "residents"
    order = rows[first].sort_values(ascending=False, kind="stable").index
    hidden = pd.DataFrame(dark, index=rows.index)
    return Table(
        "rooms",
        tr("report.sheet.rooms"),
        tuple(columns),
        rows.loc[order].reset_index(drop=True),
        total,
        (tr("report.note.rooms"),),
        (Chart("bar", tr("report.chart.rooms"), "name", (first,)),),
        hidden.loc[order].reset_index(drop=True),
        frozenset(hidden_total),
    )


def network_table(
    city: City, reach: Reach | None, hiding: Hiding, missing: tuple[str, ...]
) -> Table | None:
    """Return what each network of facilities covers: 村警、监控、消防、服务."""
    if reach is None or not reach.networks or "residents" in missing:
        return None
    residents = city.grids.counts("residents")
    names = list(reach.networks)
    covered = np.array([float(residents @ reach.networks[name]) for name in names])
    everyone = float(residents.sum())
    dark = np.array([hiding.one("network", name) for name in names])
    everybody = hiding.one("city", "residents")
    rows = pd.DataFrame(
        {
            "network": names,
            "facilities": [float(reach.facilities[name]) for name in names],
            "covered_residents": np.round(covered) if hiding.limit else covered,
            "outside_residents": np.round(everyone - covered) if hiding.limit
            else everyone - covered,
            "covered_residents_share": np.round(covered / max(everyone, 1.0), 3)
            if hiding.limit else covered / max(everyone, 1.0),
        }
    )  # fmt: skip
    hidden = pd.DataFrame(
        {
            "covered_residents": dark,
            "outside_residents": dark | everybody,
            "covered_residents_share": dark | everybody,
        }
    )
    for name in hidden.columns:
        rows.loc[hidden[name], name] = np.nan
    share: Format = "share"
    return Table(
        "networks",
        tr("report.sheet.networks"),
        (
            column("network", "text"), column("facilities"), column("covered_residents"),
            column("outside_residents", bar=True), column("covered_residents_share", share),
        ),
        rows,
        None,
        (tr("report.note.networks", radius=city.presets.room_radius_m),),
        (Chart("bar", tr("report.chart.networks"), "network", ("covered_residents_share",)),),
        hidden,
    )  # fmt: skip


def reach_frame(city: City) -> gpd.GeoDataFrame | None:
    """Return the ground within reach of a room as polygons, or None without rooms.

    One row for the preset radius in a straight line, and where the city has roads one for
    the preset minutes by car along them.
    """
    if not city.has(Kind.ROOM) or not city.has(Kind.GRID) or not len(city.rooms):
        return None
    whole = shapely.make_valid(shapely.union_all(city.grids.geometry))
    radius_m, minutes = city.presets.room_radius_m, city.presets.reach_min
    rows = [("radius", radius_m, "m", ring(city.room_xy, radius_m, clip=whole))]
    if city.has(Kind.ROAD) and len(city.layer(Kind.ROAD)):
        left, low, right, high = shapely.bounds(whole)
        cell_m = float(np.sqrt((right - left) * (high - low) / _CELLS))
        _, travel = travel_of(city, Within(minutes, "min"), "car")
        ground = isochrone(travel, city.room_xy, minutes, clip=whole, cell_m=max(cell_m, 25.0))
        rows.append(("car", minutes, "min", ground))
    frame = pd.DataFrame(rows, columns=["reach", "within", "unit", "geometry"])
    frame.insert(0, "id", [f"{within:g}{unit}" for _, within, unit, _ in rows])
    frame["area_km2"] = shapely.area(frame["geometry"].to_numpy()) / 1e6
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=city.crs)
