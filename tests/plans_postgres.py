"""A PostgreSQL server of one's own: made in a temporary folder, on a socket, then removed.

Used by the tests of the store and by ``python -m benchmarks.store``.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self

import sqlalchemy as sa

_BINARIES = Path("/usr/lib/postgresql")
_USERS = ("postgres", "nobody")


class UnavailableError(RuntimeError):
    """No server can be started here; the message says what to install."""


class PrivateCluster:
    """A server that only this machine reaches, over a Unix socket.

    PostgreSQL refuses to run as root: where the tests do, the server runs as ``postgres``.

    Parameters
    ----------
    install
        Install Debian's package where it is missing and we are root.
    durable
        Flush to the disk as a department's server does; tests need not.
    """

    def __init__(self, *, install: bool = False, durable: bool = True) -> None:
        self._durable = durable
        self._binaries = _find(install=install)
        self._folder = Path(tempfile.mkdtemp(prefix="gridmap-pg-", dir="/tmp"))
        self._as_user = _unprivileged(self._folder)
        self._data = self._folder / "data"

    def __enter__(self) -> Self:
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._folder}'"
        if not self._durable:
            options += " -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
        try:
            self._run(
                "initdb", "--no-sync", "-A", "trust", "-U", "gridmap", "-E", "UTF8", "--no-locale"
            )
            log = str(self._folder / "log")
            self._run("pg_ctl", "-o", options, "-l", log, "-w", "-t", "300", "start")
        except subprocess.CalledProcessError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            message = f"PostgreSQL would not start: {error.stderr or error}"
            raise UnavailableError(message) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def empty_database(self) -> str:
        """Return the URL of an empty database; what an earlier call filled is gone."""
        self._execute("postgres", "DROP DATABASE IF EXISTS gridmap_tests WITH (FORCE)")
        self._execute("postgres", "CREATE DATABASE gridmap_tests")
        return self._url("gridmap_tests")

    def _execute(self, database: str, statement: str) -> None:
        engine = sa.create_engine(self._url(database), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg://gridmap@/{database}?host={self._folder}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as_user, str(self._binaries / program), "-D", str(self._data), *arguments],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            text=True,
            cwd="/",
        )


def _find(*, install: bool) -> Path:
    on_path = shutil.which("initdb")
    found = sorted(_BINARIES.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if on_path:
        return Path(on_path).parent
    if found:
        return found[-1].parent
    if install and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", "postgresql"]):
            subprocess.run(
                ["apt-get", "-q", *arguments],
                check=True,
                env=environment,
                stdout=subprocess.DEVNULL,
            )
        return _find(install=False)
    message = "no PostgreSQL server: install Debian's package postgresql, or put initdb on PATH"
    raise UnavailableError(message)


def _unprivileged(folder: Path) -> list[str]:
    """Give the folder to a user that is not root, and return what runs a program as them."""
    if os.geteuid() != 0:
        return []
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = next((known[name] for name in _USERS if name in known), None)
    if user is None or not shutil.which("setpriv"):
        message = "PostgreSQL does not run as root, and setpriv or a user to run it as is missing"
        raise UnavailableError(message)
    os.chown(folder, user.pw_uid, user.pw_gid)
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, "--"]
