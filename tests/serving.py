"""A served app, and somebody who talks to it over raw HTTP and a raw websocket."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from gridmap.api.warm import _progress_name

ROOT = Path(__file__).parents[1]
SECRET = "0123456789abcdef" * 4
# How long anything may take on a busy machine: no test here measures time.
_PATIENCE_S = 300.0


@dataclass
class Answer:
    """What came back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class Served:
    """The app on a port of this machine."""

    port: int
    outside: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    @property
    def foreign(self) -> list[str]:
        """What the server asked of the network, but for the OIDC server that it was given."""
        return [line for line in self.outside if "openid-configuration" not in line]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | Iterator[bytes] | None = None,
        **headers: str,
    ) -> Answer:
        """Send one request; an underscore in a header's name stands for a hyphen."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE_S)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            line.request(method, path, body=body, headers=named)
            answer = line.getresponse()
            return Answer(
                answer.status,
                {name.lower(): value for name, value in answer.getheaders()},
                answer.read(),
            )
        except ConnectionError:  # the server has enough of it
            return Answer(0, {}, b"")
        finally:
            line.close()

    def cookie_of(
        self,
        account: str,
        *,
        age_s: float = 0.0,
        secret: str = SECRET,
        parts: int = 1,
        **changes: object,
    ) -> str:
        """Return the signed cookie of a login, or its parts, as Streamlit writes them."""
        claims = {
            "email": account,
            "email_verified": True,
            "origin": self.origin,
            "is_logged_in": True,
            "provider": "default",
        } | changes
        at = int(time.time() - age_s)
        with mock.patch.object(TimestampSigner, "get_timestamp", return_value=at):
            text = json.dumps(claims)
            values = {"_streamlit_user": text}
            if parts > 1:
                size = -(-len(text) // parts)
                values["_streamlit_user"] = f"chunks-{parts}"
                for part in range(parts):
                    piece = text[part * size : (part + 1) * size]
                    values[f"_streamlit_user_{part + 1}"] = piece
            return "; ".join(
                f"{name}={URLSafeTimedSerializer(secret, salt=name).dumps(value)}"
                for name, value in values.items()
            )


@dataclass
class Tab:
    """An open page: a websocket and its cookies."""

    line: ClientConnection
    cookie: str
    token: str
    session: str = ""

    def send(self, name: str, **values: Any) -> None:
        told = BackMsg()
        part = getattr(told, name)
        if isinstance(part, bool):
            setattr(told, name, True)
        else:
            part.SetInParent()
            for key, value in values.items():
                setattr(part, key, value)
        self.line.send(told.SerializeToString())

    def listen(self, until: str) -> list[ForwardMsg]:
        """Return what arrives until a message of this kind; that message is the last."""
        came = []
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            message = ForwardMsg()
            data = self.line.recv(timeout=max(0.0, end - time.monotonic()))
            message.ParseFromString(data if isinstance(data, bytes) else data.encode())
            came.append(message)
            if message.WhichOneof("type") == "new_session":
                self.session = message.new_session.initialize.session_id
            if message.WhichOneof("type") == until:
                return came
        raise TimeoutError(until)

    def draw(self, page: str = "", query: str = "") -> list[ForwardMsg]:
        """Ask for a page and wait until it is drawn."""
        self.send("rerun_script", page_name=page, query_string=query)
        return self.listen("script_finished")

    def press(self, button: str, page: str, query: str) -> list[ForwardMsg]:
        """Press a button, and wait until the page is drawn anew."""
        told = BackMsg()
        told.rerun_script.page_name, told.rerun_script.query_string = page, query
        state = told.rerun_script.widget_states.widgets.add()
        state.id, state.trigger_value = button, True
        self.line.send(told.SerializeToString())
        return self.listen("script_finished")


@contextmanager
def open_tab(
    served: Served,
    cookie: str = "",
    *,
    origin: str = "",
    session: str = "",
    headers: dict[str, str] | None = None,
) -> Iterator[Tab]:
    """Open a websocket as a browser does."""
    token = generate_xsrf_token_string()
    cookies = f"_streamlit_xsrf={token}" + (f"; {cookie}" if cookie else "")
    protocols = ["streamlit", token, *([session] if session else [])]
    with connect(
        f"ws://127.0.0.1:{served.port}/_stcore/stream",
        origin=Origin(origin or served.origin),
        additional_headers={"Cookie": cookies, **(headers or {})},
        subprotocols=[Subprotocol(one) for one in protocols],
        max_size=None,
        proxy=None,
        open_timeout=_PATIENCE_S,
        ping_interval=None,  # a server that computes answers late
    ) as line:
        yield Tab(line, cookies, token)


def free_port() -> int:
    """Return a port that nobody listens at, and that the system lends to no connection."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - no secret
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def _recorder(outside: list[str]) -> Iterator[str]:
    """Stand for a proxy: note what the server asks of the network, and give nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def note() -> None:
            with suppress(OSError):
                while True:
                    line, _ = listening.accept()
                    with line:
                        line.settimeout(5)
                        with suppress(OSError):
                            outside.append(line.recv(200).decode("latin-1").split("\r")[0])

        threading.Thread(target=note, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def serving(
    place: Path, log: Path, *, login: bool, port: int | None = None, **settings: str
) -> Iterator[Served]:
    """Serve a workspace; what the server sends to other machines is noted."""
    served = Served(port or free_port())
    command = [sys.executable, "-m", "gridmap", "app", str(place), "--no-browser",
               "--port", str(served.port)]  # fmt: skip
    if login:
        file = place.parent / f"login-{served.port}.toml"
        file.write_text(
            "[auth]\n"
            f'redirect_uri = "{served.origin}/oauth2callback"\n'
            f'cookie_secret = "{SECRET}"\n'
            'client_id = "gridmap"\n'
            'client_secret = "of a test"\n'
            'server_metadata_url = "http://127.0.0.1:9/.well-known/openid-configuration"\n',
            encoding="utf-8",
        )
        command += ["--login", str(file)]
    # The tests' kernels are compiled already: no process of the app's has to load them all.
    cache = place.parent / "kept"
    cache.mkdir(exist_ok=True, mode=0o700)
    (cache / _progress_name()).write_text("1.000", encoding="ascii")
    with _recorder(served.outside) as proxy, log.open("wb") as out:
        environment = {
            **{name: value for name, value in os.environ.items() if "GRIDMAP" not in name},
            **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy),
            "PYTHONPATH": str(ROOT),
            "GRIDMAP_LANG": "zh",
            "GRIDMAP_CACHE": str(cache),
            **settings,
        }
        served.process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        try:
            _wait(served, log)
            yield served
        finally:
            served.process.send_signal(signal.SIGTERM)
            served.process.wait(_PATIENCE_S)


def _wait(served: Served, log: Path) -> None:
    for _ in range(int(_PATIENCE_S) * 4):
        with suppress(OSError):
            if served.ask("/_stcore/health").status == 200:
                return
        time.sleep(0.25)
    raise TimeoutError(log.read_text("utf-8", "replace"))
