"""The layers and incidents of one place, in one working CRS, and its editable presets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from html import escape
from importlib import import_module
from os import PathLike
from types import MappingProxyType
from typing import Protocol, cast

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import CRSError, InputError, MissingError, OptionError
from gridmap.fields import AREA_KINDS, Kind
from gridmap.i18n import tr
from gridmap.model.adjacency import Adjacency
from gridmap.model.crs import crs_label, require_metres
from gridmap.model.layer import Incidents, Layer
from gridmap.typing import Floats


@dataclass(frozen=True, slots=True)
class Presets:
    """Editable figures; ``gridmap.toml`` of a workspace may set each of them.

    Parameters
    ----------
    room_radius_m
        Reach of a police room for the coverage share; a house rule, no text states one.
    reach_min
        Minutes within which an officer should arrive: 5 in town, from a local 110 接处警规范
        (10 in the outskirts).
    walk_kmh, ebike_kmh
        Speeds off the road layer's own limits.
    coverage
        Distances and times that coverage offers, as `gridmap.measure.parse_within` reads them.
    gap_m
        Width of gaps and overlaps below which neighbours still share a border.

    Raises
    ------
    InputError
        If a figure is not a positive number.
    """

    room_radius_m: float = 1000.0
    reach_min: float = 5.0
    walk_kmh: float = 5.0
    ebike_kmh: float = 20.0
    coverage: str = "500m,1000m,1500m,5min,10min"
    gap_m: float = 1.0

    def __post_init__(self) -> None:
        """Check that every figure is a positive number."""
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "coverage" and isinstance(value, str):
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
                raise InputError("model.error.preset", name=item.name, received=value)


class Frames(Protocol):
    """What `City` asks of the floor above it: making cities of frames, writing workspaces."""

    def city_from_frames(
        self,
        frames: Mapping[str, pd.DataFrame | None],
        *,
        columns: object,
        name: object,
        crs: object,
        working_crs: object,
        datum: object,
        date_formats: object,
    ) -> City:
        """Return the city of some frames."""

    def save_city(self, city: City, folder: str | PathLike[str], *, replace_it: bool) -> None:
        """Write a city as a workspace."""


@dataclass(frozen=True, eq=False)
class City:
    """One place: its layers and incidents in one projected CRS in metres.

    Parameters
    ----------
    name
        What the place is called.
    crs
        The working CRS: projected, metres.
    layers
        At most one layer of each kind, all in the working CRS.
    incidents
        The incidents, or None.
    presets
        Radii, speeds, norms: editable figures with their sources.
    made_up
        True for a demo city.

    Raises
    ------
    CRSError
        If the CRS is not in metres, or a layer is in another one.
    """

    name: str
    crs: CRS
    layers: Mapping[Kind, Layer] = field(default_factory=dict)
    incidents: Incidents | None = None
    presets: Presets = field(default_factory=Presets)
    made_up: bool = False

    def __post_init__(self) -> None:
        """Check that everything is in the working CRS."""
        require_metres(self.crs, what=self.label)
        for kind, layer in self.layers.items():
            if layer.crs != self.crs:
                raise CRSError(
                    "model.error.city_crs",
                    kind=str(kind),
                    received=crs_label(layer.crs),
                    expected=crs_label(self.crs),
                )
        object.__setattr__(self, "layers", MappingProxyType(dict(self.layers)))

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(layer)} {kind}" for kind, layer in self.layers.items())
        told = "no incidents" if self.incidents is None else repr(self.incidents)
        return f"<City {self.name!r}: {sizes}; {told}>"

    def _repr_html_(self) -> str:
        """Return the layers and their sizes as a table: what a notebook shows."""
        return f"<div><b>{escape(self.label)}</b>{figures_html(self.figures())}</div>"

    @property
    def label(self) -> str:
        """The name, or what sentences call a city without one."""
        return (self.name or "").strip() or tr("model.unnamed_city")

    def figures(self) -> list[tuple[str, str]]:
        """Return what the city has: layers with their sizes, counts of people, incidents."""
        found = [(tr(f"io.layer.{kind}"), f"{len(one):,}") for kind, one in self.layers.items()]
        grids = self.get(Kind.GRID)
        if grids is not None:
            names = ["residents", "migrants", "households"]
            names += ["incidents"] if self.incidents is None else []
            found += [
                (tr(f"field.{name}"), f"{grids.counts(name).sum():,.0f}")
                for name in names
                if grids.has(name)
            ]
        if self.incidents is not None:
            found.append((tr("io.layer.incidents"), f"{len(self.incidents):,}"))
        return [*found, ("CRS", crs_label(self.crs))]

    @classmethod
    def from_frames(  # noqa: PLR0913 - one argument a layer
        cls,
        *,
        grids: gpd.GeoDataFrame | None = None,
        beats: gpd.GeoDataFrame | None = None,
        stations: gpd.GeoDataFrame | None = None,
        communities: gpd.GeoDataFrame | None = None,
        rooms: gpd.GeoDataFrame | pd.DataFrame | None = None,
        facilities: gpd.GeoDataFrame | pd.DataFrame | None = None,
        roads: gpd.GeoDataFrame | None = None,
        barriers: gpd.GeoDataFrame | None = None,
        incidents: gpd.GeoDataFrame | pd.DataFrame | None = None,
        columns: Mapping[str, str | int | Mapping[str, str | int]] | None = None,
        name: str | None = "",
        crs: CRS | str | int | None = None,
        working_crs: CRS | str | int | None = None,
        datum: str = "wgs84",
        date_formats: str | Sequence[str] = (),
    ) -> City:
        """Return a city of frames, by the rules of ``gridmap import``.

        Columns are found by their usual names, ids are made, or made distinct, where they must
        be, columns with records of persons are left out, and everything is brought into one
        CRS in metres. The frames are not changed. What an import would remark is a warning
        (`gridmap.io.frames.ImportNote`).

        Parameters
        ----------
        grids, beats, stations, communities
            Polygons.
        rooms, facilities
            Points, or a table with longitude and latitude.
        roads, barriers
            Lines; barriers may be polygons.
        incidents
            Points, or a table with coordinates; time and category where there are any.
        columns
            Field to column, for every frame that has the column: ``{"residents": "pop"}``;
            or for one frame: ``{"beats": {"id": "code"}}``. A blank column leaves the field
            out.
        name
            What the place is called; it may stay unnamed.
        crs
            CRS of the frames that state none; never guessed.
        working_crs
            Projected CRS in metres to work in; chosen from the first layer if None.
        datum
            ``wgs84``, ``gcj02`` or ``bd09``: what longitudes and latitudes are in.
        date_formats
            Orders of year, month and day such as ``%d/%m/%Y``, where dates are ambiguous.

        Raises
        ------
        GridmapError
            If a frame cannot be used as it is; the message names the argument.

        Examples
        --------
        >>> import geopandas as gpd, shapely
        >>> squares = [shapely.box(x, 0, x + 100, 100) for x in (500_000, 500_100)]
        >>> blocks = gpd.GeoDataFrame(
        ...     {"id": ["a", "b"], "pop": [10, 20]}, geometry=squares, crs=32631
        ... )
        >>> city = City.from_frames(grids=blocks, columns={"residents": "pop"})
        >>> city.grids.counts("residents").sum()
        np.float64(30.0)
        """
        frames = {
            "grids": grids, "beats": beats, "stations": stations, "communities": communities,
            "rooms": rooms, "facilities": facilities, "roads": roads, "barriers": barriers,
            "incidents": incidents,
        }  # fmt: skip
        return _frames().city_from_frames(
            frames,
            columns=columns,
            name=name,
            crs=crs,
            working_crs=working_crs,
            datum=datum,
            date_formats=date_formats,
        )

    def save(self, folder: str | PathLike[str], *, replace: bool = False) -> None:
        """Write the city as a workspace that pages and commands open.

        Parameters
        ----------
        folder
            A folder that is no workspace yet.
        replace
            Write over one that is there.

        Raises
        ------
        WorkspaceError
            If there is one already, or the folder cannot be written.
        """
        _frames().save_city(self, folder, replace_it=replace)

    def has(self, kind: Kind | str) -> bool:
        """Return whether the city has a layer of this kind, with features or without.

        Raises
        ------
        OptionError
            If there is no such kind.
        """
        return self.get(kind) is not None

    def layer(self, kind: Kind | str) -> Layer:
        """Return the layer of a kind.

        Raises
        ------
        MissingError
            If the city has none.
        OptionError
            If there is no such kind.
        """
        found = self.get(kind)
        if found is None:
            raise MissingError("model.error.city_no_layer", kind=str(kind), city=self.label)
        return found

    def get(self, kind: Kind | str) -> Layer | None:
        """Return the layer of a kind, or None.

        Raises
        ------
        OptionError
            If there is no such kind.
        """
        if not isinstance(kind, str) or kind not in set(Kind):
            known = ", ".join(Kind)
            raise OptionError("api.error.choice", option="kind", known=known, received=kind)
        return self.layers.get(cast("Kind", kind))  # as equal to its text as it hashes

    @property
    def grids(self) -> Layer:
        """The grid layer."""
        return self.layer(Kind.GRID)

    @property
    def beats(self) -> Layer:
        """The beat layer."""
        return self.layer(Kind.BEAT)

    @property
    def rooms(self) -> Layer:
        """The room layer."""
        return self.layer(Kind.ROOM)

    def with_layer(self, layer: Layer) -> City:
        """Return the city with a layer put in, or in the place of the one of its kind."""
        return replace(self, layers={**self.layers, layer.kind: layer})

    def named(self, layer: Layer, kind: Kind) -> NDArray[np.object_]:
        """Return the beat, station ... that each feature of a layer names, blank for none.

        As ids of the layer of that kind, if the city has one: other files say ``01`` where
        that says ``1``, or give the name. What two features may be meant by, and what is
        not there at all, is left as it is.

        Parameters
        ----------
        layer
            A layer with a column called as the kind.
        kind
            What is named.
        """
        named = layer.texts(str(kind))
        others = self.get(kind)
        if others is None:
            return named
        meant: dict[str, set[str]] = {}
        for name, title in zip(others.ids, others.names, strict=True):
            meant.setdefault(bare_id(name), set()).add(str(name))
            meant.setdefault(bare_id(title), set()).add(str(name))
        own = set(others.ids)
        spelled = {}
        for name in set(named.tolist()):
            found = meant.get(bare_id(name), set()) if name and name not in own else set()
            spelled[name] = min(found) if len(found) == 1 else name
        return np.array([spelled[name] for name in named], dtype=object)

    @cached_property
    def located(self) -> Incidents | None:
        """The incidents with the row of each grid, beat, station, community they lie in.

        Stored incidents bring these rows along; others are located in the first walk through
        them, once.
        """
        if self.incidents is None:
            return None
        return self.incidents.locate({k: self.layers[k] for k in AREA_KINDS if k in self.layers})

    @cached_property
    def adjacency(self) -> Adjacency:
        """The adjacency of the grids, with barriers and bridges."""
        return Adjacency.build(
            self.grids,
            barriers=self.get(Kind.BARRIER),
            roads=self.get(Kind.ROAD),
            gap_m=self.presets.gap_m,
        )

    @cached_property
    def room_xy(self) -> Floats:
        """Coordinates of the rooms, shape (m, 2); empty where there are none."""
        if not self.has(Kind.ROOM):
            return np.empty((0, 2))
        points = self.rooms.frame.geometry.centroid
        return np.column_stack([points.x.to_numpy(), points.y.to_numpy()])

    @cached_property
    def digest(self) -> str:
        """Sixteen bytes in hex over all layers and incidents."""
        sums = hashlib.blake2b(digest_size=16)
        for kind in sorted(self.layers):
            sums.update(f"{kind}:{self.layers[kind].digest}|".encode())
        sums.update(("" if self.incidents is None else self.incidents.digest).encode())
        return sums.hexdigest()


def _frames() -> Frames:
    """Return the module of the floor above that reads frames: loaded when it is asked for."""
    return cast("Frames", import_module("gridmap.io.frames"))


def figures_html(figures: Sequence[tuple[str, str]]) -> str:
    """Return labels and figures as a small HTML table; blank where there are none."""
    rows = "".join(
        f"<tr><td>{escape(label)}</td><td><b>{escape(text)}</b></td></tr>"
        for label, text in figures
    )
    return f"<table>{rows}</table>" if rows else ""


def bare_id(name: object) -> str:
    """Return an id without surrounding blanks and leading zeros, which tables lose.

    >>> bare_id(" 007"), bare_id("000")
    ('7', '000')
    """
    text = str(name).strip()
    return text.lstrip("0") or text
