"""Packages and libraries that load when a name of theirs is first used.

`np`, `pd`, `gpd` and `shapely` stand for numpy, pandas, geopandas and shapely in verbs and
commands, so that help does not wait for them. A package that loads its modules in the same way
writes its imports under ``if TYPE_CHECKING:`` and ends with ``__getattr__, __dir__ =
lazy_names(__name__, __file__)``: a command that needs one module of it does not wait for the
libraries of the others.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import geopandas as gpd
    import numpy as np
    import pandas as pd
    import shapely

__all__ = ["gpd", "lazy_names", "np", "pd", "shapely"]


class _Library(ModuleType):
    """A library that is imported when an attribute of it is first asked for."""

    def __getattr__(self, name: str) -> object:
        found: object = getattr(import_module(self.__name__), name)
        setattr(self, name, found)  # from now on it is found without asking
        return found


if not TYPE_CHECKING:
    gpd, np, pd, shapely = map(_Library, ("geopandas", "numpy", "pandas", "shapely"))


def lazy_names(package: str, file: str) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package
        The package's name; none of its names may be one of its modules, too.
    file
        Its ``__init__.py``, in which ``if TYPE_CHECKING:`` names what is imported from where.
    """
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    homes = {
        name.asname or name.name: str(node.module)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }

    def get(name: str) -> object:
        if name not in homes:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        found: object = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return get, lambda: sorted(homes)
