"""The command line run in the tests' own process: starting Python anew takes seconds."""

import contextvars
import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

import pytest

from gridmap.cli import main


class Done(NamedTuple):
    """What a command left: its exit code, its result and its remarks."""

    returncode: int
    stdout: str
    stderr: str


def run(*arguments: object, language: str = "en") -> Done:
    """Run ``gridmap`` with arguments, as in a shell of its own language."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("GRIDMAP_LANG", language)
        patch.setattr(sys, "argv", ["gridmap", *map(str, arguments)])
        try:
            # The language that a command sets ends with it.
            contextvars.copy_context().run(main)
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Done(code, out.getvalue(), err.getvalue())
