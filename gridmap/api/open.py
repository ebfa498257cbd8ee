"""Open a workspace's city and its saved plans, or import a public sample city.

No sample file is shipped with gridmap and none is fetched: `SAMPLES` names the repository, the
commit and the path of each, and a file is used only if its size and SHA-256 are those listed.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from gridmap import io, plans
from gridmap._lazy import gpd, np, pd, shapely
from gridmap.errors import InputError, MissingError, WorkspaceError
from gridmap.settings import read_settings

if TYPE_CHECKING:
    from gerrychain import Partition

    from gridmap.model import City, Plan


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
    return io.read_city(folder)


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


def open_store(folder: str | PathLike[str], *, create: bool = True) -> plans.PlanStore:
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
    return plans.PlanStore.of(Path(folder), url=read_settings().database_url, create=create)


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

    if name == plans.PRESENT:
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


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A public file: where it is kept, and what its bytes must be.

    Parameters
    ----------
    repository, commit, path
        Repository on GitHub, the commit that holds the file, and its path in there.
    size
        Bytes.
    sha256
        SHA-256 of the bytes, in hexadecimal.
    """

    repository: str
    commit: str
    path: str
    size: int
    sha256: str

    @property
    def name(self) -> str:
        """Name of the file without its folders."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class SampleLayer:
    """One import of a sample: its kind, its file, and the options that the file needs.

    Parameters
    ----------
    kind
        Kind of layer, or ``incidents``.
    file
        The shapes or the table.
    counts
        A file whose rows are summed to residents by id and joined, or None.
    crs, columns, date_formats
        As the options of ``gridmap import`` of these names.
    """

    kind: str
    file: SampleFile
    counts: SampleFile | None = None
    crs: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    date_formats: tuple[str, ...] = ()


_CENSUS = ("Chicago/Census2020-redistricting", "e35aa97641be6a3d0c0d7e9fc7b8a64c1c576c4c")

_MOST_MB = 100.0  # unpacked; the largest takes 7 MB

#: Name of a sample city to its layers, in the order in which they are imported.
SAMPLES: dict[str, tuple[SampleLayer, ...]] = {
    "carrollton": (
        SampleLayer(
            "grid",
            SampleFile(
                "apwheele/crimepy", "59866bc735b489bf974393e023a9e8018c950e69",
                "crimepy/CarrolltonGrid.csv.zip", 219_576,
                "03f7a4be380b855f5a34025c470fe392566025d18dab50bcae5aa6f5eb958b32",
            ),
            crs="EPSG:2276",
            columns={"incidents": "CountCalls", "beat": "BEATNUMBER"},
        ),
    ),
    "chicago": (
        SampleLayer(
            "grid",
            SampleFile(
                *_CENSUS, "data/RAW/MAPS/TL_2020_17031_COOK/tl_2020_17031_bg10.zip", 3_145_067,
                "e1e04989c9ea07e8a7be8896389234add89b216577e99f2cf67d9520df3c8c3c",
            ),
            counts=SampleFile(
                *_CENSUS, "data/pl_2010_cook_block.csv.gz", 3_565_393,
                "f03ef4c0eb0a1bd8c568c85de39f09c9fd948d4ed173db0e1734b6be7ff882a4",
            ),
            columns={"id": "GEOID10", "residents": "pop"},
        ),
        SampleLayer(
            "beat",
            SampleFile(
                "evz/crimearound.us", "e2a0383e47500972217b42f7a71888136c6598af",
                "data/police_beats.zip", 732_554,
                "b9375b2ba83656879f30ec849daecf16e244b48445636d78f2fc5fd720f15b27",
            ),
        ),
        SampleLayer(
            "room",
            SampleFile(
                "ShaishavJogani/Chicago-Crime-Visualization",
                "292dd00859578bc7cc97b7114d3480f24fea01af",
                "data/Police_Stations.csv", 3_386,
                "23157b84d42b56a6ac7fa53dc0a53860a5e15735b38ad330774a1a45a68ec382",
            ),
        ),
        SampleLayer(
            "incidents",
            SampleFile(
                "martinkersner/City-of-Chicago-Crimes-2014-September",
                "e2110e1a97d2d2f84ca526c2ba3fab01c1ee43eb",
                "data/Crimes_September_2014.csv", 3_042_367,
                "9aa74cd7fdac9a646b24b50820fd7bdc1d50c1f4e3cbcda272f3fb39caa059d2",
            ),
            date_formats=("%m/%d/%Y", "%Y/%d/%m"),
        ),
    ),
}  # fmt: skip


def import_sample(
    name: str,
    folder: str | Path,
    workspace: str | Path,
    *,
    progress: Callable[[str], None] | None = None,
) -> dict[str, int]:
    """Check the files of a sample city and import them into a new workspace.

    Parameters
    ----------
    name
        A key of `SAMPLES`.
    folder
        Where the downloaded files lie, under their own names; subfolders are looked into.
    workspace
        Folder to be made. It appears whole or not at all.
    progress
        Called with the kind of each layer before it is imported.

    Returns
    -------
    dict
        Kind of layer to its number of features (or incidents).

    Raises
    ------
    InputError
        If no sample has the name, or a file has other bytes than those listed.
    MissingError
        If files are missing; the message names them with repository, commit and path.
    WorkspaceError
        If the workspace exists.
    """
    if name not in SAMPLES:
        raise InputError("api.error.sample_unknown", name=name, names=", ".join(SAMPLES))
    target = Path(workspace)
    if target.exists():
        raise WorkspaceError("cli.error.exists", path=str(workspace))
    found = _checked_files(name, Path(folder))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as staging:
        city = Path(staging) / target.name
        counts = {}
        for layer in SAMPLES[name]:
            if progress:
                progress(layer.kind)
            counts[layer.kind] = _import_layer(layer, found, city, Path(staging))
        city.replace(target)
    return counts


def _import_layer(
    layer: SampleLayer, found: dict[SampleFile, Path], city: Path, staging: Path
) -> int:
    file = found[layer.file]
    join: tuple[Path, ...] = ()
    if layer.counts:
        table = staging / "residents.csv"
        ids = _sum_blocks(found[layer.counts], table)
        file = _keep_features(file, ids, staging / "areas.gpkg")
        join = (table,)
    options = io.ImportOptions(
        join=join, crs=layer.crs, columns=dict(layer.columns), date_formats=layer.date_formats
    )
    return io.import_files(city, [file], kind=layer.kind, options=options).features


def _sum_blocks(blocks: Path, table: Path) -> set[str]:
    """Sum the residents of census blocks by block group and write them as a table.

    Returns
    -------
    set of str
        Ids of the block groups that have a block inside the city (census place 14000).
    """
    columns = ["state", "county", "tract", "BLKGRP", "PLACE", "P001001"]
    rows = pd.read_csv(blocks, dtype=str, usecols=columns)
    rows["GEOID10"] = rows["state"] + rows["county"] + rows["tract"] + rows["BLKGRP"]
    inside = set(rows.loc[rows["PLACE"] == "14000", "GEOID10"])
    residents = rows["P001001"].astype(int).groupby(rows["GEOID10"]).sum().rename("pop")
    residents[residents.index.isin(inside)].reset_index().to_csv(table, index=False)
    return inside


def _keep_features(areas: Path, ids: set[str], target: Path) -> Path:
    """Write the areas with given ids as a file that an import reads."""
    with io.opened_files(areas, max_mb=_MOST_MB) as files:
        source = io.read_source(files[0])
    frame = gpd.GeoDataFrame(source.frame, crs=source.crs)
    io.write_frame(frame.loc[frame["GEOID10"].isin(ids), ["GEOID10", "geometry"]], target)
    return target


def _checked_files(name: str, folder: Path) -> dict[SampleFile, Path]:
    wanted = [
        file for layer in SAMPLES[name] for file in (layer.file, layer.counts) if file is not None
    ]
    found: dict[SampleFile, Path] = {}
    missing = []
    for file in wanted:
        path = next(iter(sorted(folder.rglob(file.name))), None) if folder.is_dir() else None
        if path is None:
            missing.append(f"{file.name} ({file.repository} {file.commit[:10]} {file.path})")
            continue
        if path.stat().st_size != file.size or _sha256(path) != file.sha256:
            raise InputError("api.error.sample_changed", file=file.name, sha256=file.sha256)
        found[file] = path
    if missing:
        raise MissingError("api.error.sample_missing", files="; ".join(missing), folder=folder)
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
