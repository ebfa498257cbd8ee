"""The layers and incidents of one place, in one working CRS."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from gridmap.errors import CRSError, MissingError
from gridmap.model.adjacency import Adjacency
from gridmap.model.crs import crs_label, require_metres
from gridmap.model.incidents import Incidents
from gridmap.model.layer import AREA_KINDS, Kind, Layer
from gridmap.model.presets import Presets

__all__ = ["City", "bare_id"]


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
        require_metres(self.crs, what=self.name)
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
        return f"<City {self.name!r}: {sizes}; {self.incidents!r}>"

    def has(self, kind: Kind) -> bool:
        """Return whether the city has a layer of this kind."""
        return kind in self.layers

    def layer(self, kind: Kind) -> Layer:
        """Return the layer of a kind.

        Raises
        ------
        MissingError
            If the city has none.
        """
        if kind not in self.layers:
            raise MissingError("model.error.city_no_layer", kind=str(kind), city=self.name)
        return self.layers[kind]

    def get(self, kind: Kind) -> Layer | None:
        """Return the layer of a kind, or None."""
        return self.layers.get(kind)

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
    def room_xy(self) -> NDArray[np.float64]:
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


def bare_id(name: object) -> str:
    """Return an id without blanks around it and noughts before it, as tables lose them.

    >>> bare_id(" 007"), bare_id("000")
    ('7', '000')
    """
    text = str(name).strip()
    return text.lstrip("0") or text
