"""A workspace: one city, one folder, written so that a cut at any instant loses nothing.

::

    <workspace>/
      gridmap.toml        name, working CRS, presets, where each layer came from
      city.gpkg           the layers
      incidents.parquet/  one file a month: x, y in the working CRS, time, category
      plans.db            plans and their history (made by `gridmap.plans`)

Each file is written beside its target, flushed, then renamed. The incident files of the
moment are those that ``gridmap.toml`` lists, so a new set becomes valid by one rename.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import tomlkit
from pyproj import CRS
from tomlkit.exceptions import TOMLKitError

from gridmap.errors import CRSError, InputError, WorkspaceError
from gridmap.io._months import read_months, write_months
from gridmap.io.options import ImportReport
from gridmap.model import City, Incidents, Kind, Layer, Presets
from gridmap.model.crs import crs_label, parse_crs, require_metres

__all__ = ["CONFIG", "Workspace", "read_city"]

CONFIG = "gridmap.toml"
_LAYERS = "city.gpkg"
_INCIDENTS = "incidents.parquet"
_VERSION = 1
_LISTED = 1000  # ids of one fault that gridmap.toml lists: it stays readable


class Workspace:
    """One city's folder.

    Parameters
    ----------
    path
        The folder.

    Notes
    -----
    `Workspace.open` wants a workspace that is there; `Workspace.at` also takes a folder
    that is empty or not there yet, and makes the workspace at the first `put_layer`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __repr__(self) -> str:
        return f"<Workspace {self.path.name}>"

    @classmethod
    def open(cls, path: str | Path) -> Workspace:
        """Return the workspace in a folder.

        Raises
        ------
        WorkspaceError
            If the folder is no workspace, or was made by a newer gridmap.
        """
        place = cls(Path(path))
        if not place.exists:
            raise WorkspaceError("io.error.not_workspace", path=str(path))
        place._check_version()
        return place

    @classmethod
    def at(cls, path: str | Path) -> Workspace:
        """Return the workspace in a folder that is one, is empty, or is not there yet.

        Raises
        ------
        WorkspaceError
            If the folder holds other things, or the path is a file.
        """
        place = cls(Path(path))
        if place.exists:
            place._check_version()
        elif place.path.exists() and (not place.path.is_dir() or any(place.path.iterdir())):
            raise WorkspaceError("io.error.not_workspace", path=str(path))
        return place

    @property
    def exists(self) -> bool:
        """Whether the folder is a workspace."""
        return (self.path / CONFIG).is_file()

    @property
    def database_path(self) -> Path:
        """Where the plans are kept unless a database URL is set."""
        return self.path / "plans.db"

    @cached_property
    def config(self) -> dict[str, Any]:
        """What ``gridmap.toml`` says; empty for a workspace not made yet.

        Raises
        ------
        WorkspaceError
            If it cannot be read.
        """
        return self._document().unwrap() if self.exists else {}

    @property
    def name(self) -> str:
        """The city's name."""
        return str(self.config.get("name") or self.path.resolve().name)

    @property
    def working_crs(self) -> CRS | None:
        """The working CRS, or None before the first layer.

        Raises
        ------
        CRSError
            If ``gridmap.toml`` names an unknown CRS or one that is not in metres.
        """
        text = self.config.get("crs", "")
        if not text:
            return None
        crs = parse_crs(text)
        require_metres(crs, what=CONFIG)
        return crs

    @property
    def presets(self) -> Presets:
        """The editable figures.

        Raises
        ------
        InputError
            If one of them is unknown or not a positive number.
        """
        table = dict(self.config.get("presets", {}))
        known = {item.name for item in fields(Presets)}
        for name in set(table) - known:
            raise InputError("io.error.preset_unknown", name=name, known=", ".join(sorted(known)))
        return Presets(**table)

    def city(self) -> City:
        """Return the city as it is stored.

        Raises
        ------
        WorkspaceError
            If there is no layer yet, or the files do not agree.
        """
        crs = self.working_crs
        if crs is None:
            raise WorkspaceError("io.error.no_layers", path=str(self.path))
        layers = {kind: self._read_layer(kind, crs) for kind in self.kinds}
        return City(
            self.name,
            crs,
            layers,
            self._read_incidents(crs),
            self.presets,
            bool(self.config.get("made_up", False)),
        )

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of layers that are stored."""
        return tuple(kind for kind in Kind if str(kind) in self.config.get("layers", {}))

    def put_layer(self, layer: Layer, report: ImportReport | None = None) -> None:
        """Store a layer in the place of the one of its kind.

        Raises
        ------
        CRSError
            If the layer is not in the working CRS.
        WorkspaceError
            If the folder cannot be written.
        """
        self._check_crs(layer.crs)
        with self._writing() as folder:
            target = folder / _LAYERS
            with _beside(target) as temporary:
                if target.exists():
                    shutil.copyfile(target, temporary)
                _write_layer(layer, temporary)
            told = dict(layer.provenance) if report is None else _provenance(report)
            entry: dict[str, Any] = {**told, "count": len(layer), "digest": layer.digest}
            self._write_config(folder, layer.crs, {"layers": {str(layer.kind): entry}})

    def put_incidents(self, incidents: Incidents, report: ImportReport | None = None) -> None:
        """Store incidents in the place of those that are there.

        Raises
        ------
        CRSError
            If they are not in the working CRS.
        WorkspaceError
            If the folder cannot be written.
        """
        self._check_crs(incidents.crs)
        with self._writing() as folder:
            target = folder / _INCIDENTS
            target.mkdir(exist_ok=True)
            before = set(self.config.get("incidents", {}).get("files", []))
            files = write_months(incidents, target)
            entry: dict[str, Any] = {
                "count": len(incidents),
                "digest": incidents.digest,
                "categories": list(incidents.categories),
                "files": files,
            }
            entry |= _provenance(report)
            self._write_config(folder, incidents.crs, {"incidents": entry})
            for name in before - set(files):
                (target / name).unlink(missing_ok=True)

    def put_city(self, city: City) -> None:
        """Store a whole city, its name and presets included."""
        self._check_crs(city.crs)
        with self._writing() as folder:
            with _beside(folder / _LAYERS) as temporary:
                for layer in city.layers.values():
                    _write_layer(layer, temporary)
            entries: dict[str, Any] = {
                str(kind): {
                    "count": len(layer),
                    "digest": layer.digest,
                }
                for kind, layer in city.layers.items()
            }
            changes: dict[str, Any] = {
                "name": city.name,
                "layers": entries,
                "presets": {i.name: getattr(city.presets, i.name) for i in fields(Presets)},
            }
            if city.made_up:
                changes["made_up"] = True
            if city.incidents is not None:
                target = folder / _INCIDENTS
                target.mkdir(exist_ok=True)
                changes["incidents"] = {
                    "count": len(city.incidents),
                    "digest": city.incidents.digest,
                    "categories": list(city.incidents.categories),
                    "files": write_months(city.incidents, target),
                }
            self._write_config(folder, city.crs, changes)

    def _document(self) -> tomlkit.TOMLDocument:
        try:
            return tomlkit.parse((self.path / CONFIG).read_text(encoding="utf-8"))
        except (TOMLKitError, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0]
            raise WorkspaceError(
                "io.error.bad_config", path=str(self.path), reason=reason
            ) from error

    def _check_version(self) -> None:
        version = self.config.get("version", _VERSION)
        if not isinstance(version, int) or not 1 <= version <= _VERSION:
            raise WorkspaceError("io.error.version", path=str(self.path), received=version)

    def _check_crs(self, crs: CRS) -> None:
        working = self.working_crs
        if working is not None and working != crs:
            raise CRSError(
                "model.error.city_crs", kind=self.path.name, received=crs_label(crs),
                expected=crs_label(working),
            )  # fmt: skip

    def _read_layer(self, kind: Kind, crs: CRS) -> Layer:
        import pyogrio
        from pyogrio.errors import DataLayerError, DataSourceError

        try:
            frame = pyogrio.read_dataframe(self.path / _LAYERS, layer=str(kind), use_arrow=True)
        except (DataSourceError, DataLayerError) as error:
            raise WorkspaceError(
                "io.error.layer_unreadable", kind=str(kind), path=str(self.path)
            ) from error
        frame = frame.set_crs(crs, allow_override=True)
        return Layer(kind, frame, self.config["layers"][str(kind)])

    def _read_incidents(self, crs: CRS) -> Incidents | None:
        entry = self.config.get("incidents")
        if not entry:
            return None
        paths = [self.path / _INCIDENTS / name for name in entry["files"]]
        lost = [path.name for path in paths if not path.is_file()]
        if lost:
            raise WorkspaceError("io.error.incidents_lost", path=str(self.path), file=lost[0])
        categories = tuple(entry["categories"])
        return Incidents(
            lambda: read_months(paths, categories), int(entry["count"]), categories, crs,
            str(entry["digest"]),
        )  # fmt: skip

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Path]:
        """Yield the folder to write in: this one, or a new one that is renamed into place."""
        try:
            if self.exists:
                yield self.path
            else:
                parent = self.path.resolve().parent
                parent.mkdir(parents=True, exist_ok=True)
                folder = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=parent))
                try:
                    yield folder
                    if self.path.is_dir():
                        self.path.rmdir()
                    folder.chmod(0o755)
                    folder.rename(self.path)
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError as error:
            if isinstance(error, WorkspaceError):
                raise
            raise WorkspaceError(
                "io.error.cannot_write", path=str(self.path), reason=error.strerror or str(error)
            ) from error
        self.__dict__.pop("config", None)

    def _write_config(self, folder: Path, crs: CRS, changes: dict[str, Any]) -> None:
        document = self._document() if self.exists else tomlkit.document()
        document.setdefault("version", _VERSION)
        document.setdefault("name", self.path.resolve().name)
        document.setdefault("crs", crs_label(crs) if crs.to_authority() else crs.to_wkt())
        for key, value in changes.items():
            if isinstance(value, dict) and key == "layers":
                table = document.setdefault(key, tomlkit.table(is_super_table=True))
                for name, entry in value.items():
                    table[name] = entry
            else:
                document[key] = value
        with _beside(folder / CONFIG) as temporary:
            temporary.write_text(tomlkit.dumps(document), encoding="utf-8")


def read_city(path: str | Path) -> City:
    """Return the city of a workspace.

    Raises
    ------
    WorkspaceError
        If the folder is no workspace.
    """
    return Workspace.open(path).city()


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside the target; flush it and rename it when all went well."""
    temporary = target.with_name(f".{target.stem}-{os.getpid()}{target.suffix}")
    try:
        yield temporary
        if temporary.exists():
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(target)
    finally:
        for leftover in target.parent.glob(f"{temporary.name}*"):
            leftover.unlink(missing_ok=True)


def _write_layer(layer: Layer, path: Path) -> None:
    import pyogrio

    # The same layers give the same bytes: no clock in the file.
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00Z"})
    frame = gpd.GeoDataFrame(layer.frame)
    for name in frame.columns:
        if name != "geometry" and frame[name].dtype == object:
            frame[name] = frame[name].map(lambda v: None if pd.isna(v) else str(v))
    pyogrio.write_dataframe(
        frame, path, layer=str(layer.kind), driver="GPKG", geometry_name="geom",
        promote_to_multi=False, use_arrow=False,
    )  # fmt: skip


def _provenance(report: ImportReport | None) -> dict[str, Any]:
    if report is None:
        return {}
    return {
        "sources": list(report.files),
        "source_crs": report.crs,
        "encoding": report.encoding,
        "read": report.read,
        "mapped": dict(report.mapped),
        "refused": dict(report.refused),
        "refused_columns": list(report.refused_columns),
        "warnings": [note.text() for note in report.warnings],
        **_told_apart(report),
    }


def _told_apart(report: ImportReport) -> dict[str, Any]:
    found = {"ids_repeated": report.ids_repeated, "ids_missing": report.ids_missing}
    made: dict[str, Any] = {}
    for key, ids in found.items():
        if ids:
            made |= {key: list(ids[:_LISTED]), f"{key}_count": len(ids)}
    return made
