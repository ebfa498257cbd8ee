"""Open: a workspace's city, and the plans that are saved in it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from gridmap.errors import InputError, MissingError
from gridmap.settings import read_settings

if TYPE_CHECKING:
    import geopandas as gpd
    from gerrychain import Partition

    from gridmap.model import City, Plan
    from gridmap.plans import PlanStore


__all__ = [
    "load_plan",
    "open",
    "open_store",
    "plan_frame",
    "plan_of",
    "to_gerrychain",
    "todays_plan",
]


def open(folder: str | PathLike[str]) -> City:  # noqa: A001 - gridmap.open, as rasterio.open
    """Open a workspace: one folder, one city.

    Parameters
    ----------
    folder
        A folder that `City.save` or ``gridmap import`` has written.

    Raises
    ------
    WorkspaceError
        If the folder is no workspace.

    Examples
    --------
    >>> import gridmap, tempfile
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> folder = f"{tempfile.mkdtemp()}/city"
    >>> city.save(folder)
    >>> gridmap.open(folder).digest == city.digest
    True
    """
    from gridmap.io import read_city

    return read_city(folder)


def load_plan(folder: str | PathLike[str], name: str) -> Plan:
    """Read a plan that is saved in a workspace, or in the department's store.

    Parameters
    ----------
    folder
        The workspace.
    name
        The plan's name; ``NAME@2`` is its second version, ``present`` today's beats.

    Raises
    ------
    MissingError
        If there is no such plan or version, or no beats today.
    InputError
        If the city's grids have changed since.
    """
    city = open(folder)
    if not isinstance(name, str):
        raise InputError("model.error.takes_text", argument="name",
                         received=type(name).__name__)  # fmt: skip
    return plan_of(folder, city, name)


def todays_plan(city: City) -> Plan | None:
    """Return today's beats as a plan of whole grids, or None where the city has none."""
    from gridmap.measure.pieces import present_plan

    try:
        return present_plan(city)
    except MissingError:
        return None


def open_store(folder: str | PathLike[str], *, create: bool = True) -> PlanStore:
    """Open the department's store where one is set, or the workspace's own.

    Parameters
    ----------
    folder
        The workspace.
    create
        Make one where there is none yet.

    Raises
    ------
    MissingError
        If there is no store yet and ``create`` is False.
    """
    from gridmap.plans import PlanStore

    return PlanStore.of(Path(folder), url=read_settings().database_url, create=create)


def plan_of(folder: str | PathLike[str], city: City, name: str) -> Plan:
    """Return a saved plan of a city that is open already; see `load_plan`.

    Parameters
    ----------
    folder
        The workspace.
    city
        Its city.
    name
        ``NAME``, ``NAME@2`` or ``present``.

    Raises
    ------
    MissingError, InputError
        As `load_plan`.
    """
    from gridmap.measure.pieces import present_plan
    from gridmap.plans import PRESENT

    if name == PRESENT:
        return present_plan(city)
    with open_store(folder, create=False) as store:
        try:
            return store.load(name, grids=city.grids)
        except MissingError:
            base, sign, number = name.rpartition("@")
            if not sign or not number.isdecimal():
                raise
            return store.load(base, int(number), grids=city.grids).renamed(name)


# -- plans for other tools: as a GeoDataFrame of grids, as a GerryChain partition


def plan_frame(city: City, plan: Plan) -> gpd.GeoDataFrame:
    """Return a plan as one row per grid: its beat, what it carries, its ground.

    Parameters
    ----------
    city
        The city.
    plan
        A plan of its grids.

    Returns
    -------
    GeoDataFrame
        ``id, name, beat, beat_name, station, residents, migrants, households, incidents,
        area_km2, geometry`` in the city's working CRS, in the order of the grid layer; a
        count that the city does not know is left out, a grid in no beat has blanks.

    Raises
    ------
    InputError
        If the plan is of other grids, or an argument is no city or no plan.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> plan = gridmap.Plan.from_labels("halves", city.grids.ids, ["A", "B"] * 30)
    >>> gridmap.plan_frame(city, plan)["beat"].value_counts().to_dict()
    {'A': 30, 'B': 30}
    """
    import geopandas as gpd
    import numpy as np

    from gridmap.measure import summarise

    _require_grids(city, plan)
    table = summarise(city, by="grid")
    known = [
        name
        for name in ("residents", "migrants", "households", "incidents")
        if name not in table.missing
    ]
    frame = table.rows[["id", "name", *known, "area_km2"]].copy()
    names = np.array([*(beat.label for beat in plan.beats), ""], dtype=object)
    stations = np.array([*(beat.station for beat in plan.beats), ""], dtype=object)
    frame.insert(2, "beat", plan.labels)
    frame.insert(3, "beat_name", names[plan.assignment])
    frame.insert(4, "station", stations[plan.assignment])
    return gpd.GeoDataFrame(frame, geometry=city.grids.geometry, crs=city.crs)


def to_gerrychain(city: City, plan: Plan) -> Partition:
    """Return a plan as a GerryChain partition, for chains, samplers and other scores.

    Nodes are grids by id with ``residents``, ``incidents``, ``area`` (m2), ``perimeter``
    (m of border that no other grid shares) and ``beat``; edges are shared borders that no
    barrier cuts, with ``shared_perim`` (m). The updaters ``cut_edges`` and ``population``
    (residents) are there.

    Parameters
    ----------
    city
        The city.
    plan
        A plan of its grids; every grid in a beat.

    Raises
    ------
    MissingError
        If gerrychain is not installed.
    InputError
        If the plan is of other grids, or leaves a grid out.
    """
    import networkx as nx
    import numpy as np
    import shapely

    try:
        from gerrychain import Graph, Partition
        from gerrychain.updaters import Tally, cut_edges
    except ImportError as error:
        raise MissingError("api.error.not_installed", name="gerrychain") from error
    frame = plan_frame(city, plan)
    if (plan.assignment < 0).any():
        raise InputError("api.error.plan_whole", plan=plan.name,
                         count=int((plan.assignment < 0).sum()))  # fmt: skip
    adjacency = city.adjacency
    pairs = np.column_stack([adjacency.first, adjacency.second])
    shared = np.bincount(
        pairs.ravel(), weights=np.repeat(adjacency.length_m, 2), minlength=len(frame)
    )
    outer = np.maximum(shapely.length(city.grids.geometry) - shared, 0.0)
    graph = nx.Graph()
    ids = [str(name) for name in frame["id"]]
    for row, name in enumerate(ids):
        graph.add_node(
            name,
            beat=str(frame["beat"].iloc[row]),
            residents=float(city.grids.counts("residents")[row]),
            incidents=float(frame["incidents"].iloc[row]) if "incidents" in frame else 0.0,
            area=float(city.grids.area_m2[row]),
            boundary_node=bool(outer[row] > 0),
            boundary_perim=float(outer[row]),
        )
    for at in np.flatnonzero(~adjacency.barrier).tolist():
        one, other = ids[adjacency.first[at]], ids[adjacency.second[at]]
        graph.add_edge(one, other, shared_perim=float(adjacency.length_m[at]))
    return Partition(
        Graph.from_networkx(graph),
        assignment="beat",
        updaters={"population": Tally("residents", alias="population"), "cut_edges": cut_edges},
    )


def _require_grids(city: City, plan: Plan) -> None:
    from gridmap.model import City, Plan

    for option, value, kind in (("city", city, City), ("plan", plan, Plan)):
        if not isinstance(value, kind):
            key = f"api.error.{option}"
            raise InputError(key, option=option, received=type(value).__name__)
    if len(plan.grid_ids) != len(city.grids) or (plan.grid_ids != city.grids.ids).any():
        raise InputError("measure.error.plan_of_other_city", plan=plan.name, city=city.label)
