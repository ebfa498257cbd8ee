"""What took long to derive from a workspace, kept between runs of the app.

It lies in the user's cache folder (`gridmap.io.keep_arrays`): never in the workspace, which
may be read-only, and bounded there. A name is a digest of what the value depends on and of
the version of gridmap; a file that is damaged, or of another form, is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from gridmap import __version__
from gridmap.io import keep_arrays, kept_arrays

__all__ = ["Arrays", "Form", "keep", "text_of", "told"]

Arrays = Mapping[str, NDArray[np.generic]]
T = TypeVar("T")

_WORTH_S = 0.15  # seconds of making
_STRANGE = (KeyError, ValueError, TypeError, IndexError)


@dataclass(frozen=True, slots=True)
class Form(Generic[T]):
    """How one kind of value is written as arrays.

    Parameters
    ----------
    name
        Of the kind, with a number that changes with what is written.
    pack, unpack
        To arrays and back.
    """

    name: str
    pack: Callable[[T], Arrays]
    unpack: Callable[[Arrays], T]


def keep(form: Form[T], parts: tuple[object, ...], make: Callable[[], T]) -> T:
    """Return a value that was kept, or make it and keep it.

    Parameters
    ----------
    form
        Its kind.
    parts
        All that it depends on, as short values: digests, days, names.
    make
        Makes it; what is made at once is not kept.
    """
    said = repr((__version__, form.name, *parts)).encode()
    name = f"{form.name}-{hashlib.blake2b(said, digest_size=16).hexdigest()}"
    arrays = kept_arrays(name)
    if arrays is not None:
        try:
            return form.unpack(arrays)
        except _STRANGE:
            pass  # of another form: made again below
    begun = time.perf_counter()
    value = make()
    if time.perf_counter() - begun >= _WORTH_S:
        keep_arrays(name, form.pack(value))
    return value


def text_of(value: object) -> NDArray[np.uint8]:
    """Return plain values as bytes of JSON.

    >>> told({"a": text_of(["甲", None])}, "a")
    ['甲', None]
    """
    return np.frombuffer(json.dumps(value, ensure_ascii=False).encode(), dtype=np.uint8)


def told(arrays: Arrays, name: str) -> Any:  # noqa: ANN401 - whatever was written
    """Return the plain values that `text_of` wrote.

    Raises
    ------
    KeyError, ValueError
        If they are not there, or no JSON.
    """
    return json.loads(arrays[name].tobytes())
