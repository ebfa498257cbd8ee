"""A real Chromium whose network reaches this machine only, and the app to look at."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_WAIT_S = 90


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(str(item.fspath)).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)


def find_chromium() -> str | None:
    """Return a Chrome or Chromium of this machine, or Playwright's own."""
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return found
    home = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache/ms-playwright"))
    places = [*home.glob("chromium-*/chrome-linux*/chrome"), *home.glob("chromium-*/*/Chromium")]
    return str(places[0]) if places else None


@dataclass
class Watched:
    """A page and what it asked of the network."""

    page: object
    outside: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def require_clean(self) -> None:
        assert self.outside == []
        assert self.failed == []
        assert self.errors == []


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    path = find_chromium()
    if path is None:
        pytest.skip("no Chrome or Chromium: install one (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Every name but this machine's is unknown: what asks for another one fails.
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """Return a function that opens pages and watches what they ask for."""
    contexts = []

    def open_(width: int = 1440, height: int = 1000) -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        watched = Watched(context.new_page())
        page = watched.page

        def asked(request) -> None:
            local = ("http://127.0.0.1:", "ws://127.0.0.1:", "file:", "data:", "blob:", "about:")
            if not request.url.startswith(local):
                watched.outside.append(request.url)

        def answered(response) -> None:
            # Streamlit looks for its own base path under a page's address first.
            if response.status >= 400 and "/_stcore/" not in response.url:
                watched.failed.append(f"{response.status} {response.url}")

        page.on("request", asked)
        page.on("response", answered)
        page.on("requestfailed", lambda request: watched.failed.append(request.url))
        page.on("pageerror", lambda error: watched.errors.append(str(error)))
        return watched

    yield open_
    for context in contexts:
        context.close()


def serve(workspace: Path | None) -> tuple[subprocess.Popen[bytes], str]:
    """Start the app on a free port; return its process and address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRIDMAP_LANG": "zh"}
    environment.pop("GRIDMAP_WORKSPACE", None)
    if workspace is not None:
        environment["GRIDMAP_WORKSPACE"] = str(workspace)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"),
            "--server.headless", "true",
            "--server.address", "127.0.0.1",
            "--server.port", str(port),
            "--server.fileWatcherType", "none",
            "--browser.gatherUsageStats", "false",
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    for _ in range(_WAIT_S * 4):
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:  # noqa: S310 - this machine
                if answer.status == 200:
                    return process, address
        except OSError:
            time.sleep(0.25)
    process.kill()
    pytest.fail("the app did not answer")


@pytest.fixture(scope="session")
def app_url() -> Iterator[str]:
    process, address = serve(None)
    yield address
    process.send_signal(signal.SIGTERM)
    process.wait(60)
