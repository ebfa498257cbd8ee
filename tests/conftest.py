"""What tests of several floors share."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

# The tests read what the library says in Chinese; a command line gets its own language.
os.environ.setdefault("GRIDMAP_LANG", "zh")

import command_line
import pytest


@pytest.fixture(autouse=True)
def _main_module() -> Iterator[None]:
    """Put the main module back: Streamlit's tests leave a script of theirs, and new processes
    import it."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(scope="session")
def run() -> Callable[..., tuple[int, str, str]]:
    """Return what runs ``gridmap`` in this process: exit code, output, error output."""
    return command_line.run


@pytest.fixture(scope="session")
def ask() -> Callable[..., Any]:
    """Return what runs ``gridmap ... --json`` and reads the answer."""

    def asked(*arguments: object) -> Any:
        code, out, err = command_line.run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return asked
