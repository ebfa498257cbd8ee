"""Packages that load a module when a name of it is first used.

Such a package writes its imports under ``if TYPE_CHECKING:`` and ends with
``__getattr__, __dir__ = lazy_names(__name__, __file__)``: a command that needs one module of it
does not wait for the libraries of the others.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path


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
