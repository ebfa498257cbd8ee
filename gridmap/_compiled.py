"""Kernels: functions that numba compiles when they are first called.

numba takes longer to load than most commands run, so `njit` here only notes what is to be
compiled. The first call loads numba and compiles the kernel with those that it calls.

The cache forgets when any kernel of gridmap changes. numba keeps compiled code until the
function's own file changes. What it calls in other files is compiled into it, though: after an
upgrade, a file that is the same as before would go on with the old code of those that are not,
and count wrongly without a word. So the stamp that numba compares has all kernels in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, update_wrapper
from hashlib import sha256
from pathlib import Path
from threading import RLock
from types import CodeType
from typing import Any

__all__ = ["njit"]

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
    """Load numba, and have it compare all of gridmap's kernels before it trusts its cache."""
    import numba
    from numba.core import caching

    locator = caching._SourceFileBackedLocatorMixin  # noqa: SLF001 - numba has no other way in
    stamp_of_file = locator.get_source_stamp

    def stamp(self: Any) -> Any:  # noqa: ANN401
        own = Path(self._py_file).resolve().is_relative_to(_HOME)
        return (stamp_of_file(self), _kernels()) if own else stamp_of_file(self)

    locator.get_source_stamp = stamp
    return numba


@cache
def _kernels() -> str:
    """Return a digest of all files with kernels."""
    digest = sha256()
    for path in sorted(_HOME.rglob("*.py")):
        text = path.read_bytes()
        if b"njit" in text:
            digest.update(path.relative_to(_HOME).as_posix().encode() + b"\0" + text)
    return digest.hexdigest()
