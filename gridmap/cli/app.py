"""``gridmap app``: open the pages in a browser, for this machine only."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from gridmap.api.warm import start_warming
from gridmap.cli._login import login_options
from gridmap.cli._output import say
from gridmap.errors import InputError
from gridmap.extras import require
from gridmap.i18n import tr
from gridmap.settings import bundled, environment_with, has_screen, read_settings

_HOST = "127.0.0.1"


def command(
    workspace: Annotated[Path | None, typer.Argument(metavar="[WORKSPACE]")] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8501,
    browser: Annotated[bool, typer.Option("--browser/--no-browser")] = True,
    login: Annotated[Path | None, typer.Option("--login", metavar="FILE")] = None,
) -> None:
    """Open the app on a workspace, a folder of them, or the demo city; ``--login`` as it says."""
    require("app")
    settings = {}
    asked = str(login or read_settings().login)
    options = login_options(Path(asked)) if asked else []
    if asked:
        settings["GRIDMAP_LOGIN"] = str(Path(asked).resolve())
    named = workspace or read_settings().workspace
    if named:
        from gridmap.io import Workspace, workspaces_at

        found = workspaces_at(named)
        if [place.path for place in found] == [Path(named)]:
            Workspace.open(named)  # one that cannot be read is said before anything is served
        settings["GRIDMAP_WORKSPACE"] = str(Path(named).resolve())
    with socket.socket() as probe:
        if probe.connect_ex((_HOST, port)) == 0:
            raise InputError("cli.error.port", port=port)
    say(tr("cli.serving", port=port))
    if browser and has_screen():
        threading.Thread(target=_open_when_up, args=(port,), daemon=True).start()
    # Headless, because otherwise Streamlit asks a first-time user for an e-mail address.
    process = subprocess.Popen(  # noqa: S603 - our own script
        [
            sys.executable, "-m", "gridmap.pages.serve", "run", str(bundled("app.py")),
            "--server.headless", "true",
            "--server.address", _HOST,
            "--server.port", str(port),
            "--server.fileWatcherType", "none",
            "--server.maxUploadSize", str(int(read_settings().max_upload_mb)),
            "--browser.gatherUsageStats", "false",
            "--client.toolbarMode", "minimal",
            "--client.showErrorDetails", "none",
            *options,
        ],
        env=environment_with(**settings),
        cwd=bundled("app.py").parent,  # where the theme lies
    )  # fmt: skip
    start_warming()
    # Whoever ends this process means the server.
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    raise typer.Exit(process.wait())


def _open_when_up(port: int) -> None:
    for _ in range(240):
        with socket.socket() as probe:
            if probe.connect_ex((_HOST, port)) == 0:
                webbrowser.open(f"http://{_HOST}:{port}")
                return
        time.sleep(0.25)
