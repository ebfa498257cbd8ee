"""Public sample cities: check files that somebody downloaded, and import them as a workspace.

No file is shipped with gridmap and none is fetched: `SAMPLES` names the repository, the commit and
the path of each, and a file is used only if its size and SHA-256 are those listed.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gridmap.errors import InputError, MissingError, WorkspaceError

__all__ = ["SAMPLES", "SampleFile", "SampleLayer", "import_sample"]


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
    from gridmap.io import ImportOptions, import_files

    file = found[layer.file]
    join: tuple[Path, ...] = ()
    if layer.counts:
        table = staging / "residents.csv"
        ids = _sum_blocks(found[layer.counts], table)
        file = _keep_features(file, ids, staging / "areas.gpkg")
        join = (table,)
    options = ImportOptions(
        join=join, crs=layer.crs, columns=dict(layer.columns), date_formats=layer.date_formats
    )
    return import_files(city, [file], kind=layer.kind, options=options).features


def _sum_blocks(blocks: Path, table: Path) -> set[str]:
    """Sum the residents of census blocks by block group and write them as a table.

    Returns
    -------
    set of str
        Ids of the block groups that have a block inside the city (census place 14000).
    """
    import pandas as pd

    columns = ["state", "county", "tract", "BLKGRP", "PLACE", "P001001"]
    rows = pd.read_csv(blocks, dtype=str, usecols=columns)
    rows["GEOID10"] = rows["state"] + rows["county"] + rows["tract"] + rows["BLKGRP"]
    inside = set(rows.loc[rows["PLACE"] == "14000", "GEOID10"])
    residents = rows["P001001"].astype(int).groupby(rows["GEOID10"]).sum().rename("pop")
    residents[residents.index.isin(inside)].reset_index().to_csv(table, index=False)
    return inside


def _keep_features(areas: Path, ids: set[str], target: Path) -> Path:
    """Write the areas with given ids as a file that an import reads."""
    import geopandas as gpd

    from gridmap.io import opened_files, read_source, write_frame

    with opened_files(areas, max_mb=_MOST_MB) as files:
        source = read_source(files[0])
    frame = gpd.GeoDataFrame(source.frame, crs=source.crs)
    write_frame(frame.loc[frame["GEOID10"].isin(ids), ["GEOID10", "geometry"]], target)
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
