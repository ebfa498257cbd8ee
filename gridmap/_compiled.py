"""Kernels: functions that numba compiles when they are first called.

Loading numba takes longer than most commands run, so `njit` here only marks what is to be
compiled. The first call loads numba and compiles the kernel with those that it calls.

Compiled code is cached in a folder whose name is a digest of all files with kernels. numba
itself compiles a function again when the function's own file changes, but code of other files
is compiled into it as well: after an upgrade it would go on running their old versions and
count wrongly without a word.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache, update_wrapper
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from threading import RLock
from types import CodeType
from typing import Any

_HOME = Path(__file__).resolve().parent
_lock = RLock()


def njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:  # noqa: ANN401 - numba's own
    """Return a decorator that makes a function a kernel; options are those of ``numba.njit``."""
    return lambda function: _Kernel(function, options)


class _Kernel:
    """A function that is compiled when it is first called."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        update_wrapper(self, function)
        self._function = function
        self._options = options
        self._dispatcher: Any = None

    def __call__(self, *arguments: Any) -> Any:  # noqa: ANN401 - as the function's
        return (self._dispatcher or self.loaded())(*arguments)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - numba's own
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._dispatcher or self.loaded(), name)

    def loaded(self) -> Any:  # noqa: ANN401 - numba has no types
        """Return numba's dispatcher; what the kernel calls becomes numba's own as well."""
        with _lock:
            if self._dispatcher is None:
                self._dispatcher = _numba().njit(**self._options)(self._function)
                names = self._function.__globals__
                for name in set(_names_in(self._function.__code__)):
                    called = names.get(name)
                    if isinstance(called, _Kernel):
                        names[name] = called.loaded()
            return self._dispatcher


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _names_in(part)


@cache
def _numba() -> Any:  # noqa: ANN401 - the library has no types
    """Load numba and set the folder in which it caches compiled code."""
    import numba

    name = f"kernels-{code_digest('.py', holding=b'njit')}"
    own = _HOME / "__pycache__"
    if numba.config.CACHE_DIR:
        home = Path(numba.config.CACHE_DIR)
    elif _is_writable(own):
        home = own
        for old in home.glob("kernels-*"):
            if old.name != name:
                shutil.rmtree(old, ignore_errors=True)
    else:
        from platformdirs import user_cache_path

        home = user_cache_path("gridmap")
    numba.config.CACHE_DIR = str(home / name)
    return numba


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(exist_ok=True)
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


@cache  # every opening of a page asks
def code_digest(*endings: str, holding: bytes = b"") -> str:
    """Return a digest of gridmap's own files, short enough for the paths of Windows.

    Parameters
    ----------
    *endings
        Their suffixes, such as ``.py``.
    holding
        What they hold: ``b"njit"`` for those with kernels.
    """
    digest = sha256()
    for path in sorted(path for ending in endings for path in _HOME.rglob(f"*{ending}")):
        text = path.read_bytes()
        if holding in text:
            digest.update(path.relative_to(_HOME).as_posix().encode() + b"\0" + text)
    return digest.hexdigest()[:16]
