"""What the server must know so that people log in: the file with the ``[auth]`` settings."""

from __future__ import annotations

import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from gridmap.errors import InputError, MissingError

__all__ = ["login_options"]

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
