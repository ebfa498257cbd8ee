"""Who sends a request, and which sessions and map files are theirs.

The gate (`gridmap.pages.gate`) asks here before anything is served; the pages tell what they
have shown to whom. A visitor is an account where people log in, and a browser where nobody
does: Streamlit gives each browser a random cookie against forged requests.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Lock
from typing import TypeVar

from gridmap.errors import InputError, PermissionDeniedError
from gridmap.plans import LOCAL, check_account

Key = TypeVar("Key")
Value = TypeVar("Value")

XSRF_COOKIE = "_streamlit_xsrf"

_HOST = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::\d*)?")  # and its port
_PROXY_HEADERS = frozenset(
    {"cf-connecting-ip", "client-ip", "forwarded", "true-client-ip", "via", "x-client-ip",
     "x-cluster-client-ip", "x-forwarded", "x-original-forwarded-for", "x-original-host",
     "x-original-url", "x-real-ip", "x-rewrite-url"}
)  # fmt: skip
_MOST_VISITORS = 10_000
_MOST_SESSIONS = 20_000
_MOST_FILES = 20_000  # map files that one visitor may fetch


@dataclass(frozen=True, slots=True)
class Visitor:
    """An account, or the browser of somebody who needs none.

    Parameters
    ----------
    kind
        ``account`` or ``browser``.
    name
        The account, or a digest of the browser's cookie; blank for a browser without one.
    """

    kind: str
    name: str


@dataclass(slots=True)
class Shown:
    """Which session is whose, and which map files each visitor has been shown."""

    _sessions: OrderedDict[str, Visitor] = field(default_factory=OrderedDict)
    _files: OrderedDict[Visitor, OrderedDict[str, None]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, session: str, visitor: Visitor) -> None:
        """Note whose a Streamlit session is."""
        with self._lock:
            self._sessions[session] = visitor
            _trim(self._sessions, session, _MOST_SESSIONS)

    def show(self, session: str, file: str) -> None:
        """Let the visitor of a session fetch a map file."""
        with self._lock:
            visitor = self._sessions.get(session)
            if visitor is None:
                return
            files = self._files.setdefault(visitor, OrderedDict())
            _trim(self._files, visitor, _MOST_VISITORS)
            files[file] = None
            _trim(files, file, _MOST_FILES)

    def offer(self, visitor: Visitor, files: Iterable[str]) -> None:
        """Let a visitor go on fetching what a page offers while the page is redrawn."""
        with self._lock:
            known = self._files.setdefault(visitor, OrderedDict())
            _trim(self._files, visitor, _MOST_VISITORS)
            for file in files:
                known[f"media/{file}"] = None
                _trim(known, f"media/{file}", _MOST_FILES)

    def offer_download(self, session: str, data: bytes, mime: str, file: str) -> None:
        """Let the visitor of a session fetch a file that was made when it was asked for.

        Streamlit maps no session to such a file; its id follows from what it holds.
        """
        from streamlit.runtime.memory_media_file_storage import _calculate_file_id

        with self._lock:
            visitor = self._sessions.get(session)
        if visitor is not None:
            self.offer(visitor, [_calculate_file_id(data, mime, file)])

    def is_session_of(self, session: str, visitor: Visitor) -> bool:
        """Return whether a session is this visitor's."""
        with self._lock:
            return self._sessions.get(session) == visitor

    def may_fetch(self, file: str, visitor: Visitor) -> bool:
        """Return whether a map file has been shown to this visitor."""
        with self._lock:
            return file in self._files.get(visitor, ())


def _trim(items: OrderedDict[Key, Value], newest: Key, most: int) -> None:
    items.move_to_end(newest)
    while len(items) > most:
        items.popitem(last=False)


SHOWN = Shown()
"""What this server has shown."""


def account_of(claims: Mapping[str, object], claim: str) -> str:
    """Return the account that a login gives.

    Parameters
    ----------
    claims
        What the OIDC server says about who has logged in.
    claim
        The claim that names the account.

    Raises
    ------
    InputError
        If the login gives no account, one that cannot be an account, or an e-mail address that
        nobody has verified.
    """
    account = str(claims.get(claim) or "").strip()
    if not account:
        raise InputError("page.error.no_claim", claim=claim)
    check_account(account)
    if account == LOCAL.name:
        raise InputError("plans.error.actor_local", received=account)
    if claim == "email" and claims.get("email_verified") is False:
        raise InputError("page.error.unverified", account=account)
    return account


def browser_of(cookie: str) -> str:
    """Return a digest that tells a browser from others; blank for one without the cookie.

    The server masks the cookie anew at each load: ``2|mask|masked token|time``, mask and token
    in hex.

    >>> browser_of("2|ff00ff00|fe01fe01fe|1") == browser_of("2|00000000|0101010101|2")
    True
    """
    version, _, rest = cookie.partition("|")
    parts = rest.split("|")
    if version != "2" or len(parts) != 3:
        return ""
    try:
        mask, masked = bytes.fromhex(parts[0]), bytes.fromhex(parts[1])
    except ValueError:
        return ""
    if not mask or not masked:
        return ""
    token = bytes(item ^ mask[at % len(mask)] for at, item in enumerate(masked))
    return hashlib.blake2b(token, digest_size=16).hexdigest()


def require_this_machine(headers: Iterable[tuple[str, str]], addresses: Iterable[str]) -> None:
    """Refuse whoever is not on this machine: without a login all would be administrators.

    Parameters
    ----------
    headers
        Of the request.
    addresses
        Where the server listens, and where the request comes from.

    Raises
    ------
    PermissionDeniedError
        If an address or the name in ``Host`` is of another machine, or a proxy has passed the
        request on.
    """
    found = [(name.lower(), value) for name, value in headers]
    for name, _ in found:
        if name in _PROXY_HEADERS or name.startswith("x-forwarded-"):
            raise PermissionDeniedError("page.error.by_proxy", header=name)
    hosts = [value for name, value in found if name == "host"]
    for host in hosts or ["localhost"]:
        named = _HOST.fullmatch(host)
        _require_here(named[1] if named else host)
    for address in addresses:
        _require_here(address)


def _require_here(host: str) -> None:
    name = host.strip("[]").lower()
    if name == "localhost":
        return
    try:
        here = ip_address(name).is_loopback
    except ValueError:
        here = False
    if not here:
        raise PermissionDeniedError("page.error.not_here", received=host[:80] or "0.0.0.0")  # noqa: S104 - shown, not bound
