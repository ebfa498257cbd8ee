"""``gridmap app``: open the pages in a browser, for this machine only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from gridmap.cli._output import say
from gridmap.i18n import tr
from gridmap.settings import bundled


def command(
    workspace: Annotated[Path | None, typer.Argument(metavar="[WORKSPACE]")] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8501,
) -> None:
    """Open the app on a workspace, or on the demo city."""
    environment = dict(os.environ)
    if workspace is not None:
        from gridmap.io import Workspace

        environment["GRIDMAP_WORKSPACE"] = str(Workspace.open(workspace).path.resolve())
    say(tr("cli.serving", port=port))
    # Headless, because otherwise Streamlit asks a first-time user for an e-mail address.
    process = subprocess.run(  # noqa: S603 - our own script
        [
            sys.executable, "-m", "streamlit", "run", str(bundled("app.py")),
            "--server.headless", "true",
            "--server.address", "127.0.0.1",
            "--server.port", str(port),
            "--server.fileWatcherType", "none",
            "--browser.gatherUsageStats", "false",
            "--client.toolbarMode", "minimal",
        ],
        env=environment,
        check=False,
    )  # fmt: skip
    raise typer.Exit(process.returncode)
