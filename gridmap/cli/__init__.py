"""The command line ``gridmap``: a module for each group of commands; libraries load when used."""

from gridmap.cli._main import main

__all__ = ["main"]
