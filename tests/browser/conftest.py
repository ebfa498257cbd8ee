"""A real Chromium whose network reaches this machine only, and the app to look at."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, TimeoutError  # noqa: A004 - playwright's is no builtin one
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from gridmap.i18n import tr, using_language
from tests.serving import free_port

ROOT = Path(__file__).resolve().parents[2]
CHICAGO = ROOT.parent / "shared" / "data" / "chicago"
# How long anything may take, in ms: the first visit of a fresh checkout compiles, a search on two
# busy cores takes minutes. Whatever waits, waits so long; no test has a limit of its own.
LONG = 300_000
# Every name but this machine's is unknown to the browser: what asks for another one fails.
ALONE = [
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# What a page puts off by up to 200 ms, as its charts do, it asks for before this timer of its own.
_PUT_OFF = "() => new Promise((done) => setTimeout(done, 250))"
_LOADED = """() => document.fonts.status === "loaded"
  && [...document.images].every((one) => one.complete)"""
# A map that has drawn what was sent last, with its fonts, at its whole size, and stands still.
_MAP_RESTS = """() => {
  const painted = document.querySelector("#map[data-painted]");
  if (!painted || document.fonts.status !== "loaded") return false;
  const { map, height } = touch, box = map.getContainer(), size = map.getSize();
  const fits = innerHeight >= height && size.x === box.clientWidth && size.y === box.clientHeight;
  return !innerWidth || (fits && !map._animatingZoom && !map._panAnim?._inProgress);
}"""
_DRAWN = """() => innerWidth && new Promise((done) =>
  requestAnimationFrame(() => requestAnimationFrame(() => done())))"""


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

    page: Any
    outside: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    asked: bool = False  # for a run of the page that has not begun
    runs: bool = False

    @property
    def settled(self) -> bool:
        """Whether the app has drawn all that the page asked of it."""
        return not (self.asked or self.runs)

    def note_sent(self, payload: bytes) -> None:
        """Look into what the page sends: it may ask for a run."""
        message = BackMsg.FromString(payload)
        # A fragment that is gone gets no answer; one that is there says when it runs.
        if message.HasField("rerun_script") and not message.rerun_script.fragment_id:
            self.asked = True

    def listen(self, socket) -> None:
        """Follow what page and app tell each other of runs."""

        def received(payload: bytes) -> None:
            message = ForwardMsg.FromString(payload)
            match message.WhichOneof("type"):
                case "new_session":
                    self.asked, self.runs = False, True
                case "script_finished":
                    early = ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN
                    self.runs = message.script_finished == early

        self.asked = True
        socket.on("framesent", self.note_sent)
        socket.on("framereceived", received)

    def settle(self) -> None:
        """Wait until the app has nothing more to draw, and what it sent is on the screen."""
        self.wait_until(self._rests)

    def _rests(self) -> bool:
        """Wait for the app, fonts, pictures and maps; return whether the app has not gone on."""
        try:
            self.page.evaluate(_PUT_OFF)
            self.wait_until(lambda: self.settled)
            app = self.page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')
            app.wait_for()
            self.page.wait_for_function(_LOADED)
            for frame in self.page.frames:
                if "/component/" in frame.url:
                    frame.wait_for_function(_MAP_RESTS, polling=50)  # hidden, it draws no pictures
                    frame.evaluate(_DRAWN)
            self.page.evaluate(_DRAWN)
        except TimeoutError:
            raise
        except Error:  # what was looked at has been taken away meanwhile
            return False
        return self.settled

    def wait_until(self, holds: Callable[[], object]) -> None:
        """Ask again and again until something holds."""
        end = time.monotonic() + LONG / 1000
        while not holds():
            assert time.monotonic() < end, f"it does not come to it: {self}"
            self.page.wait_for_timeout(50)

    def wait_for_map(self, which: int = 0):
        """Wait for a map and until all is drawn; return a locator of what is in the map."""
        frame = self.page.frame_locator("iframe").nth(which)
        frame.locator("#map[data-painted]").wait_for()
        self.settle()
        return frame

    def touch(self, which: int = 0):
        """Return the frame of a map, in which the map itself can be asked."""
        return self.page.locator("iframe").nth(which).element_handle().content_frame()

    def require_accessible(self) -> None:
        """Fail on what axe-core calls serious or critical, on the page and in its maps."""
        from axe_playwright_python.base import AXE_SCRIPT

        self.settle()
        for frame in self.page.frames:
            if frame == self.page.main_frame or "component/" in frame.url:
                frame.evaluate(AXE_SCRIPT)
        found = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        faults = [
            f"{one['id']}: {node['target']} {node['html'][:200]}"
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]
        assert faults == []

    def require_clean(self) -> None:
        assert self.outside == []
        assert self.failed == []
        assert self.errors == []


@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    """Run a browser for one file: its loop must not run in this thread while others' tests do."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chrome or Chromium: install one (Debian: apt-get install chromium)")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=LONG)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ALONE)
        yield browser
        browser.close()


def watch(context) -> Watched:
    """Return a new page of a browser's context, and watch what it asks for."""
    watched = Watched(context.new_page())
    page = watched.page

    def asked(request) -> None:
        local = ("http://127.0.0.1:", "ws://127.0.0.1:", "file:", "data:", "blob:", "about:")
        if not request.url.startswith(local):
            watched.outside.append(request.url)
        within = ("/component/", "/media/")  # frames, and what is downloaded
        if request.is_navigation_request() and not any(part in request.url for part in within):
            watched.asked = True  # the new page opens a websocket, and asks what to draw

    def answered(response) -> None:
        # Streamlit looks for its own base path under a page's address first.
        if response.status >= 400 and "/_stcore/" not in response.url:
            watched.failed.append(f"{response.status} {response.url}")

    def lost(request) -> None:
        # A browser that leaves a page gives up what it was loading; that is no failure.
        if request.failure != "net::ERR_ABORTED":
            watched.failed.append(f"{request.failure} {request.url}")

    page.on("websocket", watched.listen)
    page.on("request", asked)
    page.on("response", answered)
    page.on("requestfailed", lost)
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    return watched


@pytest.fixture
def open_page(chromium):
    """Return a function that opens pages and watches what they ask for."""
    contexts = []

    def open_(width: int = 1440, height: int = 1000) -> Watched:
        context = chromium.new_context(viewport={"width": width, "height": height})
        context.set_default_timeout(LONG)
        contexts.append(context)
        return watch(context)

    yield open_
    for context in contexts:
        context.close()


def serve(
    workspace: Path | None, settings: dict[str, str] | None = None
) -> tuple[subprocess.Popen[bytes], str]:
    """Start the app on a free port; return its process and address."""
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRIDMAP_LANG": "zh"}
    environment |= settings or {}
    environment.pop("GRIDMAP_WORKSPACE", None)
    if workspace is not None:
        environment["GRIDMAP_WORKSPACE"] = str(workspace)
    process = subprocess.Popen(
        [
            sys.executable, "-m", "gridmap.pages.serve", "run", str(ROOT / "app.py"),
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
    for _ in range(LONG // 250):
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
    process.wait(LONG / 1000)


@pytest.fixture
def serve_with():
    """Return a function that serves the demo city under other settings."""
    processes = []

    def serve_(**settings: str) -> str:
        process, address = serve(None, settings)
        processes.append(process)
        return address

    yield serve_
    for process in processes:
        process.send_signal(signal.SIGTERM)
        process.wait(LONG / 1000)


@pytest.fixture
def empty_url(tmp_path) -> Iterator[str]:
    """Serve a folder in which nothing has been stored."""
    place = tmp_path / "新城"
    place.mkdir()
    process, address = serve(place)
    yield address
    process.send_signal(signal.SIGTERM)
    process.wait(LONG / 1000)


@pytest.fixture(scope="session")
def chicago_files():
    """Return a function that gives the folder of Chicago's files, or skips the test."""

    def find() -> Path:
        if not CHICAGO.is_dir():
            pytest.skip(f"no real data: put the folder chicago into {CHICAGO.parent}")
        return CHICAGO

    return find


@pytest.fixture(scope="session")
def chicago_url(tmp_path_factory, chicago_files) -> Iterator[str]:
    """Serve the app on a workspace of Chicago, or skip where its files are not there."""
    from gridmap.io import ImportOptions, import_files

    folder = chicago_files()
    place = tmp_path_factory.mktemp("cities") / "Chicago"
    formats = ("%m/%d/%Y", "%Y/%d/%m")
    for kind, name in (
        ("grid", "block_groups_2010.gpkg"),
        ("beat", "police_beats.zip"),
        ("station", "police_districts.zip"),
        ("room", "Police_Stations.csv"),
        ("incidents", "Crimes_September_2014.csv"),
    ):
        options = ImportOptions(date_formats=formats if kind == "incidents" else ())
        import_files(place, [folder / name], kind=kind, options=options)
    process, address = serve(place)
    yield address
    process.send_signal(signal.SIGTERM)
    process.wait(LONG / 1000)


class Reader:
    """Someone at a page, who finds things by what is written on them in their language."""

    def __init__(self, watched: Watched, url: str, language: str) -> None:
        self.watched, self.page, self.url, self.language = watched, watched.page, url, language

    def says(self, key: str, **values: object) -> str:
        with using_language(self.language):
            return tr(key, **values)

    def open(self, page: str, **query: str) -> None:
        parts = "&".join(f"{name}={value}" for name, value in query.items())
        self.page.goto(f"{self.url}/{page}?lang={self.language}&{parts}")
        self.page.locator(".gm-head").wait_for()
        self.settle()

    def settle(self) -> None:
        """Wait until the app has nothing more to draw."""
        self.watched.settle()

    def see(self, key: str, **values: object) -> None:
        said = self.page.get_by_text(self.says(key, **values)).first
        try:
            said.wait_for()
        except TimeoutError as error:
            error.add_note(f"The page says: {self.text()}")
            raise

    def text(self) -> str:
        return self.page.locator("body").inner_text()[:3000]

    def press(self, key: str, **values: object) -> None:
        name = self.says(key, **values)
        self.page.get_by_role("button", name=name, exact=True).first.click()
        self.settle()

    def choose(self, key: str) -> None:
        """Choose a step, a view or another of several things side by side."""
        name = self.says(key)
        buttons = self.page.get_by_test_id("stButtonGroup")
        option = buttons.get_by_role("radio", name=name, exact=True).first
        option.click()
        self.settle()
        # A page that is still being drawn may put a new button under the pointer: press again.
        if option.count() and option.get_attribute("aria-checked") == "false":
            option.click()
            self.settle()

    def pick(self, key: str, option: str) -> None:
        """Pick an option of a list."""
        self.page.get_by_role("combobox", name=self.says(key)).first.click()
        self.page.get_by_role("option", name=option, exact=True).click()
        self.settle()

    def wait_for_map(self, which: int = 0):
        return self.watched.wait_for_map(which)

    def touch(self, which: int = 0):
        return self.watched.touch(which)

    def require_no_fault(self) -> None:
        assert self.page.locator('[data-testid="stException"]').count() == 0
        self.watched.require_clean()


@pytest.fixture(scope="session")
def reader_class() -> type[Reader]:
    return Reader


@pytest.fixture(
    params=["demo", pytest.param("chicago", marks=pytest.mark.real_data)],
)
def city_name(request) -> str:
    return request.param


@pytest.fixture
def reader(city_name, request, open_page) -> Reader:
    """Someone who looks at the demo city in Chinese, or at Chicago in English."""
    if city_name == "demo":
        return Reader(open_page(), request.getfixturevalue("app_url"), "zh")
    return Reader(open_page(), request.getfixturevalue("chicago_url"), "en")
