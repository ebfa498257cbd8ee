"""What tests of several floors share."""

import json
from collections.abc import Callable
from typing import Any

import command_line
import pytest


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
