"""A workspace: one city, one folder, written so that a cut at any instant loses nothing.

::

    <workspace>/
      gridmap.toml        format, name, working CRS, presets, where each layer came from
      city.gpkg           the layers
      incidents.parquet/  one file per month: x, y in the working CRS, time, category, and the
                          rows of the grid, beat, station, community each lies in
      plans.db            plans and their history (made by `gridmap.plans`)

Each file is written beside its target, flushed, then renamed (`gridmap.io._storage`). The
incident files of the moment are those that ``gridmap.toml`` lists, so a new set becomes
valid by one rename.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypedDict, cast

import tomlkit
from pyproj import CRS
from tomlkit.exceptions import TOMLKitError

from gridmap.errors import CRSError, GridmapError, InputError, MissingError, WorkspaceError
from gridmap.fields import Json
from gridmap.io._personal import refuse_personal
from gridmap.io._storage import (
    PENDING_CONFIG,
    PENDING_LAYERS,
    cannot_write,
    carry_through,
    commit,
    flushed,
    locked,
    made_folder,
    read_stored_layer,
    require_unchanged,
    stamp_of,
    store_incidents,
    stored_incidents,
    sweep_months,
    sweep_pending,
    write_stored_layer,
)
from gridmap.io.options import ImportReport
from gridmap.model import AREA_KINDS, City, Incidents, Kind, Layer, Presets
from gridmap.model.crs import crs_label, parse_crs, require_metres


def workspaces_at(path: str | PathLike[str]) -> list[Workspace]:
    """Return the workspace in a folder, or those in the folders inside it, by name.

    An empty folder has none: it is one that workspaces are yet to be made in.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    WorkspaceError
        If there is no such folder, or it holds other things only.
    """
    folder = Path(path)
    if (folder / CONFIG).is_file():
        return [Workspace(folder)]
    if not folder.is_dir():
        raise WorkspaceError("io.error.not_workspace", path=str(path))
    # A hidden one is on its way to its place.
    inside = [
        Workspace(item.parent)
        for item in sorted(folder.glob(f"*/{CONFIG}"))
        if not item.parent.name.startswith(".")
    ]
    if not inside and any(folder.iterdir()):
        raise WorkspaceError("io.error.no_workspaces", path=str(path))
    return inside


VERSION = 3


class LayerRecord(TypedDict, total=False):
    """What ``gridmap.toml`` says of a layer, or of the incidents."""

    count: int
    digest: str
    sources: list[str]
    source_crs: str
    encoding: str
    read: int
    mapped: dict[str, str]
    refused: dict[str, int]
    refused_columns: list[str]
    warnings: list[str]
    facts: dict[str, int | str]
    repairs: list[dict[str, Json]]
    files: list[str]
    located: dict[str, str]


class RemoteSource(TypedDict, total=False):
    """What ``gridmap.toml`` says of a server that a kind is read from: no password."""

    address: str
    layer: str
    crs: str
    datum: str
    encoding: str
    columns: dict[str, str]
    date_formats: list[str]


class Config(TypedDict, total=False):
    """What ``gridmap.toml`` says."""

    version: int
    name: str
    crs: str
    made_up: bool
    presets: dict[str, float]
    layers: dict[str, LayerRecord]
    layers_stamp: int
    incidents: LayerRecord
    sources: dict[str, RemoteSource]


def check_version(config: Config, folder: Path) -> None:
    """Refuse a workspace of a later version; 1 is one that somebody wrote by hand.

    Raises
    ------
    WorkspaceError
        If it is no version, or a later one than this gridmap knows.
    """
    version = config.get("version", 1)
    if not isinstance(version, int) or not 1 <= version <= VERSION:
        raise WorkspaceError("io.error.version", path=str(folder), received=version, known=VERSION)


CONFIG = "gridmap.toml"
_LAYERS = "city.gpkg"
INCIDENTS = "incidents.parquet"
STAMP: Final = "layers_stamp"


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
    def open(cls, path: str | PathLike[str]) -> Workspace:
        """Return the workspace in a folder.

        Raises
        ------
        WorkspaceError
            If the folder is no workspace, or was made by a newer gridmap.
        """
        place = cls(_as_path(path))
        if not place.exists:
            raise WorkspaceError("io.error.not_workspace", path=str(path))
        place._recover()
        place._document()  # of a later version: said before anything is asked of it
        return place

    @classmethod
    def at(cls, path: str | PathLike[str]) -> Workspace:
        """Return the workspace in a folder that is one, is empty, or is not there yet.

        Raises
        ------
        WorkspaceError
            If the folder holds other things, or the path is a file.
        """
        place = cls(_as_path(path))
        if place.exists:
            place._recover()
            place._document()
        elif place.path.exists() and (not place.path.is_dir() or any(place.path.iterdir())):
            raise WorkspaceError("io.error.not_workspace", path=str(path))
        return place

    @property
    def exists(self) -> bool:
        """Whether the folder is a workspace."""
        return (self.path / CONFIG).is_file()

    @cached_property
    def config(self) -> Config:
        """What ``gridmap.toml`` says; empty for a workspace not made yet.

        Raises
        ------
        WorkspaceError
            If it cannot be read.
        """
        return cast("Config", self._document().unwrap()) if self.exists else {}

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
        """The presets, figures that can be edited.

        Raises
        ------
        InputError
            If one of them is unknown or not a positive number.
        """
        table: dict[str, Any] = dict(self.config.get("presets", {}))
        table.pop("people_per_officer", None)  # never read; the norms of staffing hold it
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
        layers = {kind: self.layer(kind) for kind in self.kinds}
        return City(
            self.name,
            crs,
            layers,
            stored_incidents(self.path / INCIDENTS, self.config.get("incidents"), crs),
            self.presets,
            bool(self.config.get("made_up", False)),
        )

    def layer(self, kind: Kind) -> Layer:
        """Return a stored layer with what was said when it was imported.

        Raises
        ------
        MissingError
            If there is none of this kind.
        WorkspaceError
            If it cannot be read.
        """
        crs = self.working_crs
        if crs is None or kind not in self.kinds:
            raise MissingError("model.error.city_no_layer", kind=str(kind), city=self.name)
        entry = self.config["layers"][str(kind)]
        told, stamp = dict[str, Json](**entry), self.config.get(STAMP)
        return read_stored_layer(self.path / _LAYERS, kind, crs, told, stamp)

    def _areas(self) -> dict[Kind, Layer]:
        """Return the layers that incidents are located in."""
        return {kind: self.layer(kind) for kind in AREA_KINDS if kind in self.kinds}

    def _located_anew(self, folder: Path, layers: Mapping[Kind, Layer]) -> dict[str, Any] | None:
        """Write where incidents lie in new layers; None where nothing of it changes."""
        entry = self.config.get("incidents")
        changed = {kind: layer for kind, layer in layers.items() if kind in AREA_KINDS}
        crs = self.working_crs
        if not entry or crs is None or not changed:
            return None
        known = entry.get("located", {})
        if all(known.get(str(kind)) == layer.digest for kind, layer in changed.items()):
            return None
        incidents = stored_incidents(folder / INCIDENTS, entry, crs)
        if incidents is None:
            return None
        areas = {
            kind: changed[kind] if kind in changed else self.layer(kind)
            for kind in AREA_KINDS
            if kind in changed or kind in self.kinds
        }
        return {**entry, **store_incidents(incidents, folder / INCIDENTS, areas)}

    @property
    def incidents(self) -> Incidents | None:
        """The stored incidents, or None."""
        crs = self.working_crs
        entry = self.config.get("incidents")
        return None if crs is None else stored_incidents(self.path / INCIDENTS, entry, crs)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of layers that are stored."""
        return tuple(kind for kind in Kind if str(kind) in self.config.get("layers", {}))

    def put_layer(self, layer: Layer, report: ImportReport | None = None) -> None:
        """Store a layer in the place of the one of its kind.

        Parameters
        ----------
        layer
            A layer in the working CRS; of a new workspace, it sets the working CRS.
        report
            What its import said; without one, the layer's provenance is kept.

        Raises
        ------
        CRSError
            If the layer is not in the working CRS.
        WorkspaceError
            If the folder cannot be written, or somebody else is writing.
        """
        told = dict(layer.provenance) if report is None else report.provenance()
        self.put_layers([replace(layer, provenance=told, stored_digest=layer.digest)])

    def put_layers(
        self, layers: Iterable[Layer], *, upon: Mapping[Kind, str] | None = None
    ) -> None:
        """Store layers, each with its provenance, all of them or none.

        ``upon`` holds the digests of what they were made from, blank for what was not there.

        Raises
        ------
        ConflictError
            If somebody has stored another of these since.
        CRSError
            If a layer is not in the working CRS.
        WorkspaceError
            If the folder cannot be written, or somebody else is writing.
        """
        chosen = list(layers)
        if not chosen:
            return
        with self._writing() as folder:
            for layer in chosen:
                self._check_crs(layer.crs)
            require_unchanged(self.config.get("layers", {}), upon or {}, self.path)
            pending = folder / PENDING_LAYERS
            if (folder / _LAYERS).exists():
                shutil.copyfile(folder / _LAYERS, pending)
            for layer in chosen:
                write_stored_layer(layer, pending)
            flushed(pending)
            entries = {
                str(layer.kind): {**layer.provenance, "count": len(layer), "digest": layer.digest}
                for layer in chosen
            }
            changes: dict[str, Any] = {"layers": entries, STAMP: stamp_of(pending)}
            incidents = self._located_anew(folder, {layer.kind: layer for layer in chosen})
            if incidents is not None:
                changes["incidents"] = incidents
            self._commit(folder, chosen[0].crs, changes)
            if incidents is not None:
                sweep_months(folder / INCIDENTS, incidents["files"])

    def put_incidents(self, incidents: Incidents, report: ImportReport | None = None) -> None:
        """Store incidents in the place of those that are there.

        Raises
        ------
        CRSError
            If they are not in the working CRS.
        WorkspaceError
            If the folder cannot be written, or somebody else is writing.
        """
        with self._writing() as folder:
            self._check_crs(incidents.crs)
            entry = store_incidents(incidents, folder / INCIDENTS, self._areas()) | (
                {} if report is None else report.provenance()
            )
            self._commit(folder, incidents.crs, {"incidents": entry})
            sweep_months(folder / INCIDENTS, entry["files"])

    @property
    def sources(self) -> dict[str, RemoteSource]:
        """The servers' tables and layers that kinds were imported from, by kind."""
        return dict(self.config.get("sources", {}))

    def put_source(self, kind: str, entry: RemoteSource) -> None:
        """Remember where a kind was imported from, to read it again.

        Raises
        ------
        WorkspaceError
            If the folder cannot be written, or somebody else is writing.
        """
        crs = self.working_crs
        if crs is None:
            raise WorkspaceError("io.error.no_layers", path=str(self.path))
        with self._writing() as folder:
            self._commit(folder, crs, {"sources": {kind: dict(entry)}})

    def put_city(self, city: City) -> None:
        """Store a whole city, its name and presets included.

        Raises
        ------
        CRSError
            If the workspace is in another CRS.
        WorkspaceError
            If the folder cannot be written, or somebody else is writing.
        """
        with self._writing() as folder:
            self._check_crs(city.crs)
            for layer in city.layers.values():
                write_stored_layer(layer, folder / PENDING_LAYERS)
            if city.layers:
                flushed(folder / PENDING_LAYERS)
            areas = {kind: layer for kind, layer in city.layers.items() if kind in AREA_KINDS}
            entries: dict[str, Any] = {
                str(kind): {**layer.provenance, "count": len(layer), "digest": layer.digest}
                for kind, layer in city.layers.items()
            }
            changes: dict[str, Any] = {
                "name": city.name,
                "layers": entries,
                "presets": {i.name: getattr(city.presets, i.name) for i in fields(Presets)},
            }
            if city.layers:
                changes[STAMP] = stamp_of(folder / PENDING_LAYERS)
            if city.made_up:
                changes["made_up"] = True
            if city.incidents is not None:
                changes["incidents"] = store_incidents(city.incidents, folder / INCIDENTS, areas)
            self._commit(folder, city.crs, changes, replace=True)
            if city.incidents is not None:
                sweep_months(folder / INCIDENTS, changes["incidents"]["files"])

    def _document(self) -> tomlkit.TOMLDocument:
        try:
            document = tomlkit.parse((self.path / CONFIG).read_text(encoding="utf-8-sig"))
        except (TOMLKitError, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0]
            raise WorkspaceError(
                "io.error.bad_config", path=str(self.path), reason=reason
            ) from error
        # Somebody may have written it by hand.
        refuse_personal({f"{CONFIG} · name": str(document.get("name", ""))})
        config = cast("Config", document)
        check_version(config, self.path)
        return document

    def _recover(self) -> None:
        """Carry through a change whose writer was killed after it had come to hold."""
        if not (self.path / PENDING_CONFIG).exists():
            return
        try:
            with locked(self.path):
                carry_through(self.path)
        except OSError as error:
            if isinstance(error, GridmapError):
                raise
            raise cannot_write(self.path, error) from error

    def _check_crs(self, crs: CRS) -> None:
        working = self.working_crs
        if working is not None and working != crs:
            raise CRSError(
                "model.error.city_crs", kind=self.path.name, received=crs_label(crs),
                expected=crs_label(working),
            )  # fmt: skip

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Path]:
        """Yield the folder to write in: this one, or a new one that is renamed into place."""
        _require_text(str(self.path.resolve()))
        try:
            if self.exists:
                with locked(self.path):
                    carry_through(self.path)
                    # Somebody else may have written since this workspace was opened.
                    self.__dict__.pop("config", None)
                    try:
                        yield self.path
                    except BaseException:
                        sweep_pending(self.path)
                        raise
            else:
                yield from made_folder(self.path, is_made=lambda: self.exists)
        except OSError as error:
            if isinstance(error, GridmapError):
                raise
            raise cannot_write(self.path, error) from error
        finally:
            self.__dict__.pop("config", None)

    def _commit(
        self, folder: Path, crs: CRS, changes: dict[str, Any], *, replace: bool = False
    ) -> None:
        document = self._document() if self.exists else tomlkit.document()
        if replace:
            document.pop("layers", None)
            document.pop("incidents", None)
        document["version"] = VERSION
        document.setdefault("name", self.path.resolve().name)
        document.setdefault("crs", crs_label(crs) if crs.to_authority() else crs.to_wkt())
        for key, value in changes.items():
            if isinstance(value, dict) and key in {"layers", "sources"}:
                table = document.setdefault(key, tomlkit.table(is_super_table=True))
                for name, entry in value.items():
                    table[name] = entry
            else:
                document[key] = value
        commit(folder, tomlkit.dumps(document))


def _require_text(path: str) -> None:
    """Refuse a folder whose name no file of the workspace can hold."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = path.encode(errors="replace").decode()
        raise WorkspaceError("io.error.folder_name", path=shown) from error


def _as_path(folder: object) -> Path:
    if not isinstance(folder, str | PathLike):
        raise WorkspaceError("io.error.takes_folder", received=type(folder).__name__)
    path = Path(folder)
    if "\0" in str(path):
        raise WorkspaceError("io.error.takes_folder", received=repr(str(path)))
    return path


def read_city(path: str | PathLike[str]) -> City:
    """Return the city of a workspace.

    Raises
    ------
    WorkspaceError
        If the folder is no workspace.
    """
    return Workspace.open(path).city()
