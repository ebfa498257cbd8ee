"""numba's compiler, with a cache that forgets when any kernel of gridmap changes.

numba keeps compiled code until the function's own file changes. What it calls in other files is
compiled into it, though: after an upgrade, a file that is the same as before would go on with
the old code of those that are not, and count wrongly without a word. So the stamp that numba
compares has all of gridmap's kernels in it.
"""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from numba import njit
from numba.core import caching

__all__ = ["njit"]

_HOME = Path(__file__).resolve().parent
_Locator = caching._SourceFileBackedLocatorMixin  # noqa: SLF001 - numba has no other way in
_stamp_of_file = _Locator.get_source_stamp


@cache
def _kernels() -> str:
    """Return a digest of all files with kernels."""
    digest = sha256()
    for path in sorted(_HOME.rglob("*.py")):
        text = path.read_bytes()
        if b"njit" in text:
            digest.update(path.relative_to(_HOME).as_posix().encode() + b"\0" + text)
    return digest.hexdigest()


def _stamp(locator: Any) -> Any:  # noqa: ANN401 - the library has no types
    stamp = _stamp_of_file(locator)
    file = Path(locator._py_file)  # noqa: SLF001 - as above
    own = file.resolve().is_relative_to(_HOME)
    return (stamp, _kernels()) if own else stamp


_Locator.get_source_stamp = _stamp
