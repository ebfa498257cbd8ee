"""What tests of several floors share."""

import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest

from gridmap.cli import main
from gridmap.i18n import set_language


def _run(*arguments: object) -> tuple[int, str, str]:
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("GRIDMAP_LANG", "en")
        patch.setattr(sys, "argv", ["gridmap", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            set_language("zh")
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="session")
def run() -> Callable[..., tuple[int, str, str]]:
    """Return what runs ``gridmap`` in this process: exit code, output, error output."""
    return _run


@pytest.fixture(scope="session")
def ask() -> Callable[..., Any]:
    """Return what runs ``gridmap ... --json`` and reads the answer."""

    def asked(*arguments: object) -> Any:
        code, out, err = _run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return asked
