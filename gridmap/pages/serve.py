"""Streamlit with our pages already loaded: the first visitor does not wait for imports.

``python -m gridmap.pages.serve run app.py ...`` takes what ``streamlit`` takes.
"""

import gc
import os
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules
from threading import Thread

from altair.utils.schemapi import disable_debug_mode
from click import Abort
from streamlit.web.cli import main

import gridmap.pages
from gridmap._compiled import _numba


def load_pages() -> None:
    """Import every module of the pages, and with them what they need."""
    for module in iter_modules(gridmap.pages.__path__):
        if module.name != "serve":
            import_module(f"gridmap.pages.{module.name}")


def load_rest() -> None:
    """Load what only some pages need: what writes reports, numba, and the types it knows."""
    import_module("gridmap.report")
    core = _numba().core
    with core.compiler_lock.global_compiler_lock:
        core.registry.cpu_target.typing_context.refresh()
        core.registry.cpu_target.target_context.refresh()


if __name__ == "__main__":
    os.umask(0o077)
    load_pages()
    # Streamlit collects garbage after every run of a page, among all that the libraries hold:
    # three quarters of an opening. What is loaded stays; Python collects the rest when it is due.
    gc.collect()
    gc.freeze()
    disable_debug_mode()  # tests check what the charts are made of; it need not be at each drawing
    os.environ.setdefault("STREAMLIT_RUNNER_POST_SCRIPT_GC", "false")
    Thread(target=load_rest, name="load_rest", daemon=True).start()
    with suppress(Abort):  # Ctrl+C: the command that started the server says that it has stopped
        main(prog_name="streamlit", standalone_mode=False)
