"""The network of a road layer, kept by the layer's digest."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gridmap.i18n import tr
from gridmap.travel.network import RoadNetwork

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridmap.model import Layer
    from gridmap.travel._noding import Crossings

__all__ = ["read_oneway", "road_network"]

_KMH_PER_MPH = 1.609344
_KEPT = 4
_WORTH_KEEPING = 5_000  # roads: fewer are built in the time that a file takes
_networks: OrderedDict[tuple[str, float, str], RoadNetwork] = OrderedDict()

_BOTH = {"", "0", "0.0", "no", "n", "false", "b", "both", "nan", "none"}
_AGAINST = {"-1", "-1.0", "reverse", "r", "tf"}


def road_network(
    roads: Layer, *, tolerance_m: float = 1.0, crossings: Crossings = "auto"
) -> RoadNetwork:
    """Return the network of a road layer.

    The last few are kept by digest; those of thousands of roads also between runs, in the
    user's cache folder (``GRIDMAP_CACHE``).

    Reads the columns ``speed_kmh`` or ``speed_mph``, ``oneway``, ``level``, ``bridge`` and
    ``tunnel`` where the layer has them.

    Parameters
    ----------
    roads
        Road lines in metres.
    tolerance_m, crossings
        As for `RoadNetwork.from_lines`.

    Raises
    ------
    InputError
        If the layer holds no line with a length.
    """
    key = (roads.digest, tolerance_m, crossings)
    if key in _networks:
        _networks.move_to_end(key)
        return _networks[key]
    network = _kept(roads, tolerance_m, crossings)
    _networks[key] = network
    while len(_networks) > _KEPT:
        _networks.popitem(last=False)
    return network


def _kept(roads: Layer, tolerance_m: float, crossings: Crossings) -> RoadNetwork:
    """Return a large network from the last run where it is kept, or build it."""
    name = ""
    if len(roads) >= _WORTH_KEEPING:
        from gridmap.io import keep_arrays, kept_arrays

        text = f"{roads.digest}|{tolerance_m!r}|{crossings}"
        name = "roads-" + hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        arrays = kept_arrays(name)
        if arrays is not None:
            return RoadNetwork.from_arrays(arrays)
    network = RoadNetwork.from_lines(
        roads.geometry,
        speed_kmh=_speed(roads),
        oneway=read_oneway(roads.frame["oneway"]) if roads.has("oneway") else None,
        level=_level(roads),
        tolerance_m=tolerance_m,
        crossings=crossings,
    )
    if name:
        keep_arrays(name, network.to_arrays())
    return network


def read_oneway(column: pd.Series[Any]) -> NDArray[np.int8]:
    """Return 1 along, -1 against, 0 both ways, from what road files write.

    Understands flags, numbers, OpenStreetMap's ``yes``, ``no`` and ``-1``, and the letters
    ``F``, ``T`` and ``B`` (with, against, both) where a file uses ``F`` or ``B``.

    Examples
    --------
    >>> read_oneway(pd.Series(["yes", "-1", None, "no"])).tolist()
    [1, -1, 0, 0]
    >>> read_oneway(pd.Series(["F", "T", "B"])).tolist()
    [1, -1, 0]
    """
    text = column.astype(object).where(column.notna(), "").astype(str).str.strip().str.lower()
    letters = bool(text.isin(["f", "b"]).any())
    against = text.isin(_AGAINST | _words("against")) | (text.eq("t") if letters else False)
    both = text.isin(_BOTH | _words("both"))
    return np.select([both.to_numpy(), against.to_numpy()], [0, -1], default=1).astype(np.int8)


def _words(name: str) -> set[str]:
    """Return what Chinese files write."""
    return set(tr(f"travel.words.{name}", language="zh").split())


def _speed(roads: Layer) -> NDArray[np.float64] | None:
    for name, factor in (("speed_kmh", 1.0), ("speed_mph", _KMH_PER_MPH)):
        if roads.has(name):
            text = roads.frame[name].astype(str).str.extract(r"(\d+(?:\.\d+)?)", expand=False)
            return pd.to_numeric(text, errors="coerce").to_numpy(dtype=float) * factor
    return None


def _level(roads: Layer) -> NDArray[np.float64] | None:
    level = np.zeros(len(roads))
    if roads.has("level"):
        level = pd.to_numeric(roads.frame["level"], errors="coerce").fillna(0.0).to_numpy(float)
    for name, storey in (("bridge", 1.0), ("tunnel", -1.0)):
        if roads.has(name):
            # Of a bridge, unlike a direction, F says that there is none.
            no = _BOTH | {"f"} | _words("both")
            flag = np.array([value.strip().lower() not in no for value in roads.texts(name)])
            level = np.where(flag & (level == 0.0), storey, level)
    return level if any(roads.has(name) for name in ("level", "bridge", "tunnel")) else None
