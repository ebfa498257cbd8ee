"""Expensive results derived from a workspace, kept between runs of the app.

They are in the user's cache folder (`gridmap.io.keep_arrays`), which is bounded, never in the
workspace, which may be read-only. A name is a digest of what the value depends on; a file that is
damaged, or of other code, is as good as none.

Values are dataclasses of `_KINDS`, frames, arrays, bytes and plain values, nested as they like:
arrays are kept as they are, all else as one tree of JSON that says where each array belongs.
Nothing else is made of a file, whatever it says.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from enum import Enum
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from gridmap.api.incidents import Slices
from gridmap.api.results import figure_types
from gridmap.io import Finding, keep_arrays, kept_arrays
from gridmap.io.findings import FindingKind
from gridmap.maps import Captions, Drawing, Overlay
from gridmap.model import Adjacency, BeatInfo, City, Plan
from gridmap.model.adjacency import Bridge

Arrays = Mapping[str, NDArray[np.generic]]
T = TypeVar("T")

_WORTH_S = 0.15  # seconds of making
_STRANGE = (KeyError, ValueError, TypeError, IndexError, AttributeError, shapely.GEOSException)
_TREE = "tree"


@dataclass(frozen=True, slots=True)
class Known:
    """What is asked of a city at once, and takes reading all of it.

    Parameters
    ----------
    digests
        Of each layer, by its kind.
    period
        First and last moment of the incidents, or None.
    """

    digests: Mapping[str, str]
    period: tuple[pd.Timestamp, pd.Timestamp] | None

    @classmethod
    def of(cls, city: City) -> Known:
        """Return what is known of a city."""
        digests = {str(kind): layer.digest for kind, layer in city.layers.items()}
        return cls(digests, None if city.incidents is None else city.incidents.period)


_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (Adjacency, BeatInfo, Bridge, Captions, Drawing, Finding, FindingKind, Known,
                 Overlay, Plan, Slices, *figure_types())
}  # fmt: skip


def keep(kind: str, parts: tuple[object, ...], make: Callable[[], T]) -> T:
    """Return a value that was kept, or make it and keep it.

    Parameters
    ----------
    kind
        What it is, one word.
    parts
        All that it depends on, as short values: digests, days, names.
    make
        Makes it; what is made at once is not kept.
    """
    found: tuple[T] | None = recall(kind, parts)
    if found is not None:
        return found[0]
    begun = time.perf_counter()
    value = make()
    if time.perf_counter() - begun >= _WORTH_S:
        remember(kind, parts, value)
    return value


def recall(kind: str, parts: tuple[object, ...]) -> Any:  # noqa: ANN401 - whatever was remembered
    """Return what was remembered under these words, in a tuple of one, or None."""
    arrays = kept_arrays(_name(kind, parts))
    with suppress(*_STRANGE):  # of another form: as good as none
        found = None if arrays is None else unpacked(arrays)
        return found if isinstance(found, tuple) and len(found) == 1 else None
    return None


def remember(kind: str, parts: tuple[object, ...], value: object) -> None:
    """Keep a value for the next run of the app."""
    keep_arrays(_name(kind, parts), packed((value,)))


def _name(kind: str, parts: tuple[object, ...]) -> str:
    said = repr((kind, *parts)).encode()
    return f"{kind}-{hashlib.blake2b(said, digest_size=16).hexdigest()}"


def packed(value: object) -> Arrays:
    """Return a value as arrays.

    Raises
    ------
    TypeError
        If something in it is of no kind that is kept.

    Examples
    --------
    >>> unpacked(packed({"甲": (1, None, Known({}, None))}))
    {'甲': (1, None, Known(digests={}, period=None))}
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    tree = json.dumps(_told(value, arrays), ensure_ascii=False)
    return {**arrays, _TREE: np.frombuffer(tree.encode(), dtype=np.uint8)}


def unpacked(arrays: Arrays) -> Any:  # noqa: ANN401 - whatever was packed
    """Return the value that `packed` made arrays of.

    Raises
    ------
    KeyError, ValueError, TypeError, IndexError, AttributeError, shapely.GEOSException
        If the arrays are none of `packed`.
    """
    return _made(json.loads(arrays[_TREE].tobytes()), arrays)


def _told(value: object, arrays: dict[str, NDArray[np.generic]]) -> object:
    """Return a value as JSON, its arrays put aside; a list is a word and what it holds."""
    word = type(value).__name__
    if _KINDS.get(word) is type(value):
        return [word, _told_parts(value, arrays)]
    for kinds, tell in _TELLERS:
        if isinstance(value, kinds):
            return tell(value, arrays)
    raise TypeError(word)


def _told_parts(value: Any, arrays: dict[str, NDArray[np.generic]]) -> object:  # noqa: ANN401 - of `_KINDS`
    if isinstance(value, Enum):
        return str(value.value)
    names = [part.name for part in fields(value) if part.init]
    return {name: _told(getattr(value, name), arrays) for name in names}


def _told_frame(value: pd.DataFrame, arrays: dict[str, NDArray[np.generic]]) -> object:
    columns = [[str(name), _told(value[name].to_numpy(), arrays)] for name in value]
    return ["frame", [_told(value.index.to_numpy(), arrays), columns]]


def _told_array(value: NDArray[Any], arrays: dict[str, NDArray[np.generic]]) -> object:
    if value.dtype != object:
        return ["array", _aside(value, arrays)]
    if any(isinstance(one, shapely.Geometry) for one in value):
        parts = [bytes(one or b"") for one in shapely.to_wkb(value)]
        sizes = np.array([len(one) for one in parts], dtype=np.int64)
        data = np.frombuffer(b"".join(parts), dtype=np.uint8)
        return ["shapes", [_aside(sizes, arrays), _aside(data, arrays)]]
    return ["objects", [_told(one, arrays) for one in value]]


def _aside(value: NDArray[np.generic], arrays: dict[str, NDArray[np.generic]]) -> str:
    name = f"a{len(arrays)}"
    arrays[name] = value
    return name


def _made(told: Any, arrays: Arrays) -> Any:  # noqa: ANN401 - whatever was told
    if isinstance(told, dict):
        return {key: _made(one, arrays) for key, one in told.items()}
    if not isinstance(told, list):
        return told
    word, held = told
    if word in _KINDS:
        kind = _KINDS[word]
        return kind(**_made(held, arrays)) if isinstance(held, dict) else kind(held)
    return _MAKERS[word](held, arrays)


def _frame(held: Any, arrays: Arrays) -> pd.DataFrame:  # noqa: ANN401 - as told
    index, columns = held
    return pd.DataFrame(
        {name: _made(column, arrays) for name, column in columns}, index=_made(index, arrays)
    )


def _objects(held: Any, arrays: Arrays) -> NDArray[np.object_]:  # noqa: ANN401 - as told
    found = np.empty(len(held), dtype=object)
    found[:] = [_made(one, arrays) for one in held]
    return found


def _shapes(held: Any, arrays: Arrays) -> NDArray[np.object_]:  # noqa: ANN401 - as told
    sizes, data = arrays[held[0]].astype(np.int64), arrays[held[1]].tobytes()
    ends = np.concatenate([[0], np.cumsum(sizes)])
    parts = [data[low:high] or None for low, high in pairwise(ends)]
    return np.asarray(shapely.from_wkb(parts), dtype=object)


_TELLERS: tuple[tuple[Any, Callable[[Any, dict[str, NDArray[np.generic]]], object]], ...] = (
    ((type(None), bool, int, float), lambda value, _: value),
    (np.generic, lambda value, _: value.item()),
    (str, lambda value, _: str(value)),
    ((tuple, list), lambda value, arrays: [
        "list" if isinstance(value, list) else "tuple", [_told(one, arrays) for one in value],
    ]),
    (Mapping, lambda value, arrays: {str(key): _told(one, arrays) for key, one in value.items()}),
    (pd.Timestamp, lambda value, _: ["time", value.isoformat()]),
    (pd.DataFrame, _told_frame),
    (bytes, lambda value, arrays: [
        "bytes", _aside(np.frombuffer(value, dtype=np.uint8), arrays),
    ]),
    (np.ndarray, _told_array),
)  # fmt: skip
_MAKERS: dict[str, Callable[[Any, Arrays], Any]] = {
    "tuple": lambda held, arrays: tuple(_made(one, arrays) for one in held),
    "list": lambda held, arrays: [_made(one, arrays) for one in held],
    "time": lambda held, _: pd.Timestamp(held),
    "frame": _frame,
    "bytes": lambda held, arrays: arrays[held].tobytes(),
    "array": lambda held, arrays: arrays[held],
    "objects": _objects,
    "shapes": _shapes,
}
