"""The gate in front of Streamlit's server: whatever is not on its allow list is refused.

With a login configured, only the login page, Streamlit's own static code, the login's routes
and ``_stcore/health`` answer somebody who has not logged in; all else is 401, and no websocket
is opened. Without one, only this machine is served, never through a proxy. Whoever is let in
reaches the pages, their own uploads and downloads, and the map files that they were shown.

Streamlit serves through Starlette (ASGI); `Gate` is a middleware around all of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import PurePosixPath
from urllib.parse import urlencode, urlsplit

import streamlit as st
from google.protobuf.message import DecodeError
from itsdangerous import URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.auth_util import (
    encode_provider_token,
    get_cookie_with_chunks,
    get_origin_from_redirect_uri,
)
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import Runtime
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value

from gridmap.errors import GridmapError, InputError, PermissionDeniedError
from gridmap.i18n import LANGUAGES, tr
from gridmap.io.basemap import media_type
from gridmap.pages.ground import basemap_file
from gridmap.pages.session import login_needed
from gridmap.pages.visitors import (
    SHOWN,
    XSRF_COOKIE,
    Visitor,
    account_of,
    browser_of,
    require_this_machine,
)
from gridmap.settings import Settings, read_settings

WORKING_DAY_S = 12 * 3600
"""How long a login lasts, seconds."""

_USER_COOKIE = "_streamlit_user"
_CHUNKS = re.compile(r"chunks-(\d{1,3})")  # a login that is too long for one cookie
_COMPONENT = "gridmap.pages.touch.gridmap"
_LOGIN_ROUTES = frozenset({"auth/login", "auth/logout", "oauth2callback"})
_ROOT_FILES = frozenset({"favicon.png", "manifest.json"})
_READ = frozenset({"GET", "HEAD"})
# Of what a browser may send over its websocket, what the pages need: not `clear_cache`,
# `load_git_info`, `set_run_on_save` and the messages for debugging.
_BACK_MESSAGES = frozenset(
    {"rerun_script", "stop_script", "file_urls_request", "app_heartbeat",
     "backend_operation_request"}
)  # fmt: skip
_LOOK_S = 20.0  # seconds until an idle websocket's login is looked at again
_MOST_PAGES = 60  # websockets that one visitor may have open
_SESSION_UPLOADS = 2  # a session may hold this many times the largest upload
_MB = 1 << 20
_MAX_AGE = re.compile(r"(?i);\s*(max-age|expires)=[^;]*")

_PAGE = """<!DOCTYPE html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ margin: 0; font: 16px/1.6 "Microsoft YaHei", "PingFang SC", "Noto Sans CJK SC", sans-serif;
  color: #1b2a3a; background: #f3f5f8; }}
nav {{ text-align: right; padding: 1rem 1.6rem; }} a {{ color: #1f4e79; }}
main {{ max-width: 26rem; margin: 12vh auto 0; padding: 2rem; background: #fff;
  border: 1px solid #d5dce4; border-radius: 4px; }}
h1 {{ font-size: 1.35rem; margin: 0 0 .6rem; }} .error {{ color: #b3261e; }}
button {{ font: inherit; color: #fff; background: #1f4e79; border: 0; border-radius: 4px;
  padding: .5rem 1.6rem; cursor: pointer; }}
</style></head><body>
<nav><a href="?lang={other}">{language_name}</a></nav>
<main><h1>{title}</h1>{error}<p>{please}</p>
<form method="get" action="{action}"><button>{login}</button></form></main>
</body></html>
"""


def guards() -> list[Middleware]:
    """Return the middleware that `streamlit.starlette.App` takes."""
    return [Middleware(Gate)]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What admitted a request.

    Parameters
    ----------
    visitor
        Who it is.
    until
        When the login ends (`time.time`); infinite without one.
    ticket
        Digest of the login's cookie; blank without one.
    """

    visitor: Visitor
    until: float = float("inf")
    ticket: str = ""


@dataclass(slots=True)
class Gate:
    """ASGI middleware around Streamlit.

    Parameters
    ----------
    app
        What serves those who are let in.
    """

    app: ASGIApp
    _left: dict[str, float] = field(default_factory=dict)  # tickets of those who logged out
    _open: dict[Visitor, int] = field(default_factory=dict)  # websockets
    _coming: dict[str, int] = field(default_factory=dict)  # bytes of uploads on their way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        settings = read_settings()
        path = _path(scope)
        try:
            login = login_needed(settings)
            if not login:
                server, client = scope.get("server"), scope.get("client")
                addresses = [str(end[0]) for end in (server, client) if end]
                require_this_machine(connection.headers.items(), addresses)
            _require_own_origin(connection, get_origin_from_redirect_uri() if login else None)
        except InputError as error:  # the login's settings
            await _refuse(scope, receive, send, 503, error.text(settings.language))
            return
        except PermissionDeniedError as error:
            await _refuse(scope, receive, send, 403, error.text(settings.language))
            return
        entry, complaint = self._enter(connection, settings, login=login)
        if scope["type"] == "http":
            send = _guarded_headers(send, login=login, is_data=path.split("/")[0] in _DATA)
        if entry is None:
            await self._serve_strangers(scope, receive, send, settings, complaint)
        elif scope["type"] == "websocket":
            await self._serve_pages(scope, receive, send, entry)
        else:
            await self._serve_files(scope, receive, send, entry)

    # -- who asks

    def _enter(
        self, connection: HTTPConnection, settings: Settings, *, login: bool
    ) -> tuple[_Entry | None, GridmapError | None]:
        """Return what a request is let in with; or None, and what is wrong with its login."""
        if not login:
            mark = browser_of(connection.cookies.get(XSRF_COOKIE, ""))
            return _Entry(Visitor("browser", mark)), None
        claims = _claims(connection.cookies)
        if claims is None:
            return None, None
        try:
            account = account_of(claims, settings.login_claim)
        except GridmapError as error:
            return None, error
        cookies = connection.cookies
        entry = _Entry(Visitor("account", account), _until(cookies), _ticket(cookies))
        return None if self._has_ended(entry) else entry, None

    def _has_ended(self, entry: _Entry) -> bool:
        return entry.ticket in self._left or time.time() >= entry.until

    def _log_out(self, cookies: Mapping[str, str]) -> None:
        """Remember, until it would end by itself, that a login has ended."""
        now = time.time()
        self._left = {ticket: until for ticket, until in self._left.items() if until > now}
        if _claims(cookies) is not None:
            self._left[_ticket(cookies)] = now + WORKING_DAY_S

    # -- those who have not logged in

    async def _serve_strangers(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        settings: Settings,
        complaint: GridmapError | None,
    ) -> None:
        path, method = _path(scope), scope.get("method", "")
        if scope["type"] == "http" and method in _READ:
            if _is_code(path) or path == "_stcore/health":
                await self.app(scope, receive, send)
                return
            if path in _LOGIN_ROUTES:
                await self._pass_login(scope, receive, send)
                return
            if _is_page(path):
                await _login_page(scope, settings, complaint)(scope, receive, send)
                return
        text = tr("page.error.nobody", language=settings.language)
        await _refuse(scope, receive, send, 401, text)

    async def _pass_login(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let Streamlit's own routes of the login answer."""
        path = _path(scope)
        if path == "auth/logout":
            self._log_out(HTTPConnection(scope).cookies)
        if path == "auth/login":  # the form has no token of its own: it lasts for minutes only
            query = urlencode({"provider": encode_provider_token("default")})
            scope = {**scope, "query_string": query.encode()}
        await self.app(scope, receive, send)

    # -- those who are let in

    async def _serve_files(
        self, scope: Scope, receive: Receive, send: Send, entry: _Entry
    ) -> None:
        path, method = _path(scope), scope["method"]
        parts = path.split("/")
        if path in _LOGIN_ROUTES and entry.ticket and method in _READ:
            await self._pass_login(scope, receive, send)
        elif parts[:2] == ["_stcore", "upload_file"] and len(parts) == 4:
            await self._take_upload(scope, receive, send, entry)
        elif parts[0] == "basemap" and method in _READ:
            await (await run_in_threadpool(_tile, parts))(scope, receive, send)
        elif method in _READ and _may_read(path, entry.visitor):
            await self.app(scope, receive, send)
        else:
            await _refuse(scope, receive, send, 404, "Not Found")

    async def _take_upload(
        self, scope: Scope, receive: Receive, send: Send, entry: _Entry
    ) -> None:
        """Pass an upload on while its session is the visitor's, and holds no more than it may."""
        session = _path(scope).split("/")[2]
        if not SHOWN.is_session_of(session, entry.visitor):
            await _refuse(scope, receive, send, 404, "Not Found")
            return
        if scope["method"] != "PUT":
            await self.app(scope, receive, send)
            return
        most = int(st.get_option("server.maxUploadSize")) * _MB
        room = most * _SESSION_UPLOADS - _held_bytes(session)
        announced = HTTPConnection(scope).headers.get("content-length", "")
        size, full, started = 0, False, False
        if announced.isdecimal() and int(announced) > min(room, most) + _MB:
            await _refuse(scope, receive, send, 413, tr("page.error.upload_size", mb=most // _MB))
            return

        async def count() -> Message:
            nonlocal size, full
            message = await receive()
            got = len(message.get("body", b""))
            size += got
            self._coming[session] = self._coming.get(session, 0) + got
            if size > most + _MB or self._coming[session] > room + _MB:
                full = True
                return {"type": "http.disconnect"}
            return message

        async def note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, count, note)
        except ClientDisconnect:
            if not full:
                raise
        finally:
            left = self._coming.get(session, 0) - size
            if left > 0:
                self._coming[session] = left
            else:
                self._coming.pop(session, None)
        if full and not started:
            await _refuse(scope, receive, send, 413, tr("page.error.upload_size", mb=most // _MB))

    async def _serve_pages(
        self, scope: Scope, receive: Receive, send: Send, entry: _Entry
    ) -> None:
        """Open a websocket; close it when the login ends."""
        count = self._open.get(entry.visitor, 0)
        if _path(scope) != "_stcore/stream":
            await _refuse(scope, receive, send, 404, "Not Found")
            return
        if count >= _MOST_PAGES:
            await _refuse(scope, receive, send, 429, tr("page.error.many_pages"))
            return
        self._open[entry.visitor] = count + 1
        coming: asyncio.Future[Message] | None = None

        async def filtered() -> Message:
            nonlocal coming
            while True:
                coming = coming or asyncio.ensure_future(_once(receive))
                left_s = max(0.0, entry.until - time.time())
                await asyncio.wait({coming}, timeout=min(_LOOK_S, left_s))
                if self._has_ended(entry):
                    await send({"type": "websocket.close", "code": 1008})
                    return {"type": "websocket.disconnect", "code": 1008}
                if not coming.done():
                    continue
                message, coming = coming.result(), None
                if message["type"] != "websocket.receive" or _is_wanted(message):
                    # A click redraws the page, and Streamlit forgets its files until it is
                    # drawn; the click on a download asks for one of them meanwhile.
                    SHOWN.offer(entry.visitor, _media_of(entry.visitor))
                    return message

        try:
            await self.app(_same_host(scope), filtered, send)
        finally:
            if coming is not None:
                coming.cancel()
            left = self._open.get(entry.visitor, 1) - 1
            if left > 0:
                self._open[entry.visitor] = left
            else:
                self._open.pop(entry.visitor, None)


# -- what a path is

_DATA = frozenset({"component", "media", "basemap"})
_WHOLE = re.compile(r"[0-9]{1,7}", re.ASCII)
_NO_TILE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
    "0000000b49444154789c636060000000030001b8ad3a630000000049454e44ae426082"
)  # a transparent pixel
_TILE_HEADERS = {"cache-control": "private, max-age=3600"}
_NOWHERE = "_stcore/nowhere"  # served to nobody
_STRANGE_PART = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|[\\\x00-\x1f\x7f]")


def _path(scope: Scope) -> str:
    """Return the path below the server's own, without slashes at its ends."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    path = str(scope["path"]).removeprefix("/").removesuffix("/")
    if path and _STRANGE_PART.search(path):
        return _NOWHERE
    if base:
        if path != base and not path.startswith(f"{base}/"):
            return _NOWHERE
        path = path[len(base) + 1 :]
    return path


def _is_code(path: str) -> bool:
    """Return whether a path is of Streamlit's own scripts and styles."""
    return path.startswith("static/") or path in _ROOT_FILES


def _is_page(path: str) -> bool:
    """Return whether Streamlit answers with its one document, whatever page is meant."""
    first = path.split("/", maxsplit=1)[0]
    known = first in {"static", "app", "auth", *_DATA} or path in _LOGIN_ROUTES | _ROOT_FILES
    return not known and "_stcore" not in path.split("/")


def _may_read(path: str, visitor: Visitor) -> bool:
    if path in {"_stcore/health", "_stcore/host-config"} or _is_code(path) or _is_page(path):
        return True
    first, _, rest = path.partition("/")
    if first == "media":
        return _is_media_of(PurePosixPath(rest).stem, visitor)
    component, _, file = rest.partition("/")
    if first != "component" or component != _COMPONENT:
        return False
    if file.startswith("."):  # a map file that is being written
        return False
    return not file.endswith(".bin") or SHOWN.may_fetch(file, visitor)


def _tile(parts: list[str]) -> Response:
    """Return a tile of the basemap file, by zoom, column and row; nothing else of any file."""
    file, numbers = read_settings().basemap, parts[1:]
    if not file or len(numbers) != 3 or not all(map(_WHOLE.fullmatch, numbers)):
        return PlainTextResponse("Not Found", 404)
    try:
        zoom, x, y = map(int, numbers)
        found = basemap_file(file).tile(zoom, x, y) or _NO_TILE
    except GridmapError:
        return PlainTextResponse("Not Found", 404)
    return Response(found, media_type=media_type(found), headers=_TILE_HEADERS)


def _is_media_of(file: str, visitor: Visitor) -> bool:
    """Return whether a session of the visitor's shows or offers a file, or just did."""
    return SHOWN.may_fetch(f"media/{file}", visitor) or file in _media_of(visitor)


def _media_of(visitor: Visitor) -> set[str]:
    """Return the files that the visitor's sessions show or offer."""
    # Streamlit has no public way to ask; without this attribute nobody gets a file.
    sessions = getattr(Runtime.instance().media_file_mgr, "_files_by_session_and_coord", {})
    return {
        file
        for session, files in list(sessions.items())
        if SHOWN.is_session_of(session, visitor)
        for file in files.copy().values()
    }


def _held_bytes(session: str) -> int:
    """Return the bytes of uploads that Streamlit holds for a session."""
    manager = Runtime.instance().uploaded_file_mgr
    stored = getattr(manager, "file_storage", {}).get(session, {})
    return sum(len(one.data) for one in list(stored.values()))


# -- the login's cookie


def _claims(cookies: Mapping[str, str]) -> dict[str, object] | None:
    """Return what a login's cookie says; None without one that is signed, of today and ours."""
    secret = get_cookie_secret()

    def read(name: str) -> bytes | None:
        return decode_signed_value(
            secret, name, cookies.get(name, "").encode("latin-1", "ignore"), WORKING_DAY_S / 86400
        )

    if not secret:
        return None
    signed = get_cookie_with_chunks(read, _USER_COOKIE)
    try:
        told = json.loads(signed.decode()) if signed else None
    except ValueError:
        return None
    if not isinstance(told, dict) or told.get("is_logged_in") is not True:
        return None
    return told if told.get("origin") == get_origin_from_redirect_uri() else None


def _signed(cookies: Mapping[str, str], name: str) -> tuple[str, float]:
    """Return the value of a signed cookie, known to be good, and when it was signed."""
    serializer = URLSafeTimedSerializer(get_cookie_secret(), salt=name)
    value, signed = serializer.loads(cookies[name], return_timestamp=True)
    return str(value), float(signed.timestamp())


def _parts(cookies: Mapping[str, str]) -> list[tuple[str, float]]:
    """Return what tells a login, known to be good: one cookie, or those that the first counts."""
    first = _signed(cookies, _USER_COOKIE)
    counted = _CHUNKS.fullmatch(first[0])
    if counted is None:
        return [first]
    names = (f"{_USER_COOKIE}_{part + 1}" for part in range(int(counted[1])))
    return [_signed(cookies, name) for name in names]


def _ticket(cookies: Mapping[str, str]) -> str:
    """Return what a login is known by, however its signatures are spelt and what comes with it."""
    told = "\0".join(f"{value}\0{signed}" for value, signed in _parts(cookies))
    return hashlib.blake2b(told.encode()).hexdigest()


def _until(cookies: Mapping[str, str]) -> float:
    """Return when a login's cookies, known to be good, are over."""
    first = _signed(cookies, _USER_COOKIE)
    return min(signed for _, signed in [first, *_parts(cookies)]) + WORKING_DAY_S


# -- requests and answers


def _require_own_origin(connection: HTTPConnection, login_origin: str | None) -> None:
    """Refuse what a page of another origin sends or embeds.

    Raises
    ------
    PermissionDeniedError
        If the request is another site's, but for following a link.
    """
    headers = connection.headers
    origin = headers.get("origin")
    if login_origin is None:
        own = urlsplit(origin or "").netloc == headers.get("host")
    else:
        own = origin == login_origin
    follows_link = headers.get("sec-fetch-mode") == "navigate" and origin is None
    foreign = headers.get("sec-fetch-site") in {"cross-site", "same-site"} and not follows_link
    needs_origin = connection.scope["type"] == "websocket" and login_origin is not None
    if (origin is not None and not own) or (origin is None and needs_origin) or foreign:
        raise PermissionDeniedError("page.error.origin", received=(origin or "")[:80])


def _same_host(scope: Scope) -> Scope:
    """Return a websocket's request with the host of its origin, which has been checked.

    Where they differ (a proxy that sets no ``Host``), Streamlit would ask a server outside for
    this machine's address.
    """
    headers = MutableHeaders(raw=list(scope["headers"]))
    origin = urlsplit(headers.get("origin", "")).netloc
    if origin:
        headers["host"] = origin
    return {**scope, "headers": headers.raw}


def _is_wanted(message: Message) -> bool:
    """Return whether a message over the websocket is of those that the pages need."""
    data = message.get("bytes")
    if data is None:
        return False
    told = BackMsg()
    try:
        told.ParseFromString(data)
    except DecodeError:
        return False
    return told.WhichOneof("type") in _BACK_MESSAGES


async def _once(receive: Receive) -> Message:
    return await receive()


def _guarded_headers(send: Send, *, login: bool, is_data: bool) -> Send:
    """Return `send` with headers that keep answers and cookies from others."""
    secure = login and (get_origin_from_redirect_uri() or "").startswith("https:")

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=list(message["headers"]))
            cookies = headers.getlist("set-cookie")
            del headers["set-cookie"]
            for cookie in cookies:
                headers.append("set-cookie", _shortened(cookie, secure=secure))
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "same-origin"
            headers["content-security-policy"] = "frame-ancestors 'self'"
            if is_data and headers.get("cache-control", "").startswith("public"):
                headers["cache-control"] = "private"
            message = {**message, "headers": headers.raw}
        await send(message)

    return guarded


def _shortened(cookie: str, *, secure: bool) -> str:
    """Return a cookie that ends with the working day, and never leaves TLS where there is TLS.

    >>> _shortened("a=b; Path=/; Max-Age=2592000", secure=True)
    'a=b; Path=/; Max-Age=43200; Secure'
    """
    age = re.search(r"(?i)max-age=(-?\d+)", cookie)
    if age and int(age[1]) > WORKING_DAY_S:
        cookie = f"{_MAX_AGE.sub('', cookie)}; Max-Age={WORKING_DAY_S}"
    if secure and not re.search(r"(?i);\s*secure\b", cookie):
        cookie += "; Secure"
    return cookie


def _login_page(scope: Scope, settings: Settings, complaint: GridmapError | None) -> Response:
    asked = HTTPConnection(scope).query_params.get("lang", "")
    language = asked if asked in LANGUAGES else settings.language
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    error = f'<p class="error">{escape(complaint.text(language))}</p>' if complaint else ""
    text = _PAGE.format(
        language=language,
        other=other,
        error=error,
        action=escape(f"/{base}/auth/login" if base else "/auth/login"),
        **{
            name: escape(tr(f"page.{key}", language=language))
            for name, key in (
                ("title", "title"),
                ("language_name", "language"),
                ("please", "people.please"),
                ("login", "people.login"),
            )
        },
    )
    return HTMLResponse(
        text,
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        },
    )


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, text: str) -> None:
    """Answer with a status and a line; a websocket is not opened."""
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Cookie"
    response: Callable[[Scope, Receive, Send], Awaitable[None]] = PlainTextResponse(
        text, status_code=status, headers=headers
    )
    if scope["type"] == "http":
        await response(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        await response({**scope, "type": "websocket"}, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1008})
