"""The command line ``gridmap``: one module a group of commands, heavy libraries loaded when used."""

from gridmap.cli._main import main

__all__ = ["main"]
