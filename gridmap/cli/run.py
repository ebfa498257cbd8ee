"""Commands that run and look after gridmap itself: app, warm, audit, roles."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import webbrowser
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from gridmap import io, plans
from gridmap.api.open import open_store
from gridmap.api.warm import start_warming, warm_kernels
from gridmap.cli._output import JsonFlag, WorkspacePath, print_json, print_text, progress_bar, say
from gridmap.errors import InputError, MissingError, WorkspaceError, require_extra
from gridmap.i18n import tr
from gridmap.settings import bundled, environment_with, has_screen, read_settings

if TYPE_CHECKING:
    from gridmap.plans import Anchor
    from gridmap.plans.audit import RolesJson


# -- ``gridmap app``: open the pages in a browser, for this machine only


_HOST = "127.0.0.1"


def app_command(
    workspace: Annotated[Path | None, typer.Argument(metavar="[WORKSPACE]")] = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 8501,
    browser: Annotated[bool, typer.Option("--browser/--no-browser")] = True,
    login: Annotated[Path | None, typer.Option("--login", metavar="FILE")] = None,
    basemap: Annotated[Path | None, typer.Option("--basemap", metavar="FILE")] = None,
) -> None:
    """Open the app on a workspace, a folder of them, or the demo city; ``--login`` as it says."""
    require_extra("app")
    settings = {}
    asked = str(login or read_settings().login)
    options = login_options(Path(asked)) if asked else []
    if asked:
        settings["GRIDMAP_LOGIN"] = str(Path(asked).resolve())
    tiles = str(basemap or read_settings().basemap)
    if tiles:
        from gridmap.io.basemap import open_basemap

        open_basemap(Path(tiles))  # one that cannot be used is said before anything is served
        settings["GRIDMAP_BASEMAP"] = str(Path(tiles).resolve())
    named = workspace or read_settings().workspace
    if named:
        found = io.workspaces_at(named)
        if [place.path for place in found] == [Path(named)]:
            io.Workspace.open(named)  # one that cannot be read is said before anything is served
        settings["GRIDMAP_WORKSPACE"] = str(Path(named).resolve())
    if _answers(port):
        raise InputError("cli.error.port", port=port)
    say(tr("cli.starting"))
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
            "--logger.hideWelcomeMessage", "true",
            *options,
        ],
        env=environment_with(**settings),
        cwd=bundled("app.py").parent,  # where the theme lies
    )  # fmt: skip
    opened = browser and has_screen()
    threading.Thread(
        target=_announce_when_up, args=(process, port), kwargs={"opened": opened}, daemon=True
    ).start()
    start_warming()
    # Ending this process is meant to end the server.
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    raise typer.Exit(process.wait())


def _announce_when_up(process: subprocess.Popen[bytes], port: int, *, opened: bool) -> None:
    """Say where the server is, and open a browser where one is wanted, once it answers."""
    while process.poll() is None and not _answers(port):
        time.sleep(0.25)
    if process.poll() is None:
        say(tr("cli.serving", port=port))
        if opened:
            webbrowser.open(f"http://{_HOST}:{port}")


def _answers(port: int) -> bool:
    """Return whether a server listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex((_HOST, port)) == 0


# -- what the server must know so that people log in: the file with the ``[auth]`` settings


_NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
_CALLBACK = "/oauth2callback"
_SHORTEST_SECRET = 32  # characters; the cookies that say who has logged in are signed with it


def login_options(file: Path) -> list[str]:
    """Return the server's options for a login.

    Parameters
    ----------
    file
        TOML with a table ``auth``: ``redirect_uri`` (the address that people open, with
        ``/oauth2callback`` at its end), ``cookie_secret``, ``client_id``, ``client_secret``
        and ``server_metadata_url`` of the OIDC server.

    Raises
    ------
    MissingError
        If there is no such file.
    InputError
        If it is no TOML, or a setting is missing or cannot be used.
    """
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8")).get("auth", {})
    except FileNotFoundError as error:
        raise MissingError("io.error.no_file", file=str(file)) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("cli.error.login_file", file=str(file), reason=str(error)) from error
    lacking = [name for name in _NEEDED if not str(found.get(name, "")).strip()]
    if lacking:
        raise InputError("cli.error.login_lacks", file=str(file), names=", ".join(lacking))
    address = urlsplit(str(found["redirect_uri"]))
    if address.scheme not in {"http", "https"} or not address.path.endswith(_CALLBACK):
        raise InputError(
            "cli.error.login_redirect", received=str(found["redirect_uri"]), ending=_CALLBACK
        )
    if len(str(found["cookie_secret"])) < _SHORTEST_SECRET:
        raise InputError("cli.error.login_secret", least=_SHORTEST_SECRET)
    base = address.path.removesuffix(_CALLBACK).strip("/")
    return [
        "--secrets.files", str(file.resolve()),
        # The browser's own name for the server: other origins are refused.
        "--browser.serverAddress", address.hostname or "localhost",
        *(["--server.baseUrlPath", base] if base else []),
    ]  # fmt: skip


# -- ``gridmap warm``: compile the numba kernels, so that no first use waits for them


def warm_command() -> None:
    """Compile the numba kernels; a second run takes seconds."""
    say(tr("cli.warming"))
    began = time.monotonic()
    with progress_bar(tr("cli.warming_measures")) as tell:
        warm_kernels(lambda share, step: tell(share, tr(step)))
    say(tr("cli.warm", seconds=round(time.monotonic() - began)))


# -- ``gridmap audit``: check the log of who imported, edited and exported what


def audit_command(
    workspace: WorkspacePath,
    anchor: Annotated[Path | None, typer.Option("--anchor", metavar="FILE")] = None,
    expect: Annotated[str, typer.Option("--expect", metavar="CODE|FILE")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Check the log link by link; exit code 1 and the first broken link where it is not whole."""
    place = io.Workspace.open(workspace)
    anchors = _read_anchors(expect) if expect else []
    with open_store(place.path, create=False) as store:
        report = store.verify(anchors)
    broken, code = report.broken, report.anchor
    if as_json:
        print_json(report.to_dict())
    else:
        print_text(report.text())
    if broken:
        raise typer.Exit(1)
    if anchor is not None and code is not None:
        _note(anchor, code)


def _read_anchors(expected: str) -> list[plans.Anchor]:
    """Return the heads that a code, or each line of a file, stands for.

    Raises
    ------
    InputError
        If it is neither a code nor a file of codes.
    """
    try:
        lines = Path(expected).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return [plans.Anchor.read(expected)]
    return [plans.Anchor.read(line.split()[-1]) for line in lines if line.strip()]


def _note(file: Path, code: Anchor) -> None:
    """Add a line to a file: the moment, and the code.

    Raises
    ------
    WorkspaceError
        If the file cannot be written.
    """
    try:
        with file.open("a", encoding="utf-8") as out:
            out.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {code}\n")
    except OSError as error:
        raise WorkspaceError(
            "io.error.cannot_write_file", path=str(file), reason=error.strerror or "-"
        ) from error


# -- ``gridmap roles``: who may do what where people log in


def roles_command(
    workspace: WorkspacePath,
    account: Annotated[str, typer.Argument(metavar="[ACCOUNT]", show_default=False)] = "",
    role: Annotated[
        str, typer.Argument(metavar="[viewer|analyst|planner|administrator]", show_default=False)
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """List the roles, or give one to an account; every user of this machine may do so."""
    place = io.Workspace.open(workspace)
    if account:
        if not role:
            raise InputError("cli.usage.missing", name="|".join(plans.Role),
                             usage="gridmap roles --help")  # fmt: skip
        if role not in set(plans.Role):
            raise InputError("plans.error.role", received=role, known=", ".join(plans.Role))
        with open_store(place.path) as store:
            store.assign_role(account, plans.Role(role), author=plans.LOCAL)
        print_text(f"{account}: {role}")
        return
    try:
        with open_store(place.path, create=False) as store:
            roles = store.roles()
    except MissingError:
        roles = {}
    if as_json:
        told: RolesJson = {"roles": {person: str(given) for person, given in roles.items()}}
        print_json(told)
        return
    if not roles:
        print_text(tr("plans.done.no_roles"))
    for person, given in roles.items():
        print_text(f"{person}: {given}")
