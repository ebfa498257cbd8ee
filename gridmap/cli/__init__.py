"""The command line ``gridmap``: one module a command, heavy libraries loaded when used."""

from gridmap.cli._main import main

__all__ = ["main"]
