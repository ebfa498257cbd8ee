"""Arrays that took long to make, kept between runs in the user's cache folder.

What is kept can always be made again: a file that is missing, broken or of another format is
ignored, and a folder that cannot be written keeps nothing. Files are written beside
their name and renamed, so a reader finds the whole file or no file.

What is made of the same data by another gridmap may be another thing, so each file belongs to
the very code that wrote it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zipfile
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gridmap.settings import read_settings

_MOST_FILES = 400
_MOST_BYTES = 2_000_000_000
_BROKEN = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def kept_arrays(name: str) -> dict[str, NDArray[np.generic]] | None:
    """Return arrays that were kept under a name, or None.

    Parameters
    ----------
    name
        A digest of all the data and choices that the arrays depend on.
    """
    path = _path(name)
    if path is None or not path.is_file():
        return None
    try:
        # Reading each array whole checks the sum that the file holds of it.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            found = {key: held[key] for key in held.files}
    except _BROKEN:
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # the least recently used go first
    return found


def keep_arrays(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Keep arrays under a name, and drop what was not used for longest.

    Parameters
    ----------
    name
        As for `kept_arrays`.
    arrays
        Numbers and flags; no Python objects.
    """
    path = _path(name)
    if path is None:
        return
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, part = tempfile.mkstemp(prefix=".part-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                with zipfile.ZipFile(file, "w") as held:
                    for key, array in arrays.items():
                        with held.open(f"{key}.npy", "w", force_zip64=True) as entry:
                            np.lib.format.write_array(entry, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            Path(part).replace(path)
        finally:
            Path(part).unlink(missing_ok=True)
        _sweep(path.parent)


def _path(name: str) -> Path | None:
    folder = read_settings().cache
    return Path(folder) / f"{name}-{_code()}.npz" if folder else None


@cache
def _code() -> str:
    """Return a digest of gridmap's own code and texts."""
    home = Path(str(files("gridmap")))
    sums = hashlib.blake2b(digest_size=8)
    for path in sorted([*home.rglob("*.py"), *home.rglob("*.toml")]):
        sums.update(path.relative_to(home).as_posix().encode() + b"\0" + path.read_bytes())
    return sums.hexdigest()


def _sweep(folder: Path) -> None:
    """Remove the files beyond the newest few, or beyond what they may hold together."""
    found = [(item.stat().st_mtime, item.stat().st_size, item) for item in folder.glob("*.npz")]
    held = 0
    for rank, (_, size, item) in enumerate(sorted(found, reverse=True)):
        held += size
        if rank and (rank >= _MOST_FILES or held > _MOST_BYTES):
            item.unlink(missing_ok=True)
