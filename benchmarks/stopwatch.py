"""Clicks and seconds of the jobs of planner, commander, analyst and administrator.

``python -m benchmarks.stopwatch [--only planner]`` does each job in headless Chromium as a person
would who knows where things are, and prints a JSON line a job: clicks (opening a page, a list, one
of its options, a button, a row, a grid, dropping files), texts that are typed, and seconds until
the page has drawn the answer. The demo city is worked on in Chinese, Chicago's five files in
English, in a workspace that was empty. What is compiled once after an installation is compiled
(``gridmap warm``); nothing of a city is kept from an earlier run.
There is no peer that does these jobs.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks._files import require_files
from tests.browser.conftest import ALONE, CHICAGO, LONG, Reader, find_chromium, serve, watch
from tests.serving import serving

_FIVE = ("police_beats.zip", "block_groups_2010.gpkg", "community_areas.zip",
         "Crimes_September_2014.csv", "Police_Stations.csv")  # fmt: skip
_REMEDY = "See docs/data.md for where they are from; --files names their folder."
_CHIEF = "chief@police.example"


class Timed(Reader):  # type: ignore[misc] # tests are not typed
    """Someone at a page whose clicks and texts are counted."""

    clicks = texts = 0

    def click(self, target: Any) -> None:  # noqa: ANN401 - untyped peer
        """Click something, and wait until the page has answered."""
        self.clicks += 1
        target.click()
        self.settle()

    def press(self, key: str, **values: object) -> None:
        """Press a button by what is written on it."""
        name = self.says(key, **values)
        self.click(self.page.get_by_role("button", name=name, exact=True).first)

    def choose(self, key: str) -> None:
        """Choose one of several things side by side."""
        buttons = self.page.get_by_test_id("stButtonGroup")
        kinds = [buttons.get_by_role(role, name=self.says(key), exact=True)
                 for role in ("radio", "button")]  # fmt: skip
        self.click(kinds[0].or_(kinds[1]).first)

    def pick(self, key: str, option: str) -> None:
        """Pick an option of a list."""
        self.click(self.page.get_by_role("combobox", name=self.says(key)).first)
        self.click(self.page.get_by_role("option", name=option, exact=True))

    def go(self, page: str) -> None:
        """Turn to a page by its name at the top."""
        self.click(self.page.get_by_role("link", name=self.says(f"page.{page}.title")).first)

    def write(self, key: str, text: str) -> None:
        """Type a text."""
        self.texts += 1
        self.page.get_by_role("textbox", name=self.says(key)).first.fill(text)


Job = Callable[[Timed], None]


def _propose(reader: Timed) -> None:
    reader.go("redraw")
    reader.press("page.redraw.begin")
    reader.page.get_by_text(reader.says("page.redraw.edit_this")).first.wait_for()
    reader.settle()
    reader.press("page.redraw.save")
    reader.page.get_by_test_id("stToast").first.wait_for()


def _move_a_grid(reader: Timed) -> None:
    """Take the best suggestion in today's beats, and save the plan."""
    reader.go("redraw")
    reader.choose("page.redraw.edit")
    reader.press("page.edit.begin")
    reader.click(reader.page.get_by_text(reader.says("page.edit.suggestions")).first)
    reader.press("page.edit.take")
    reader.press("page.edit.save", count=1)


def _import_and_propose(files: list[Path]) -> Job:
    def job(reader: Timed) -> None:
        page = reader.page
        reader.clicks += 1  # the files are dropped together
        page.locator('input[type="file"]').set_input_files(files)
        answer = page.get_by_role("button").filter(has_text="= 1 September 2014, 9,045 rows")
        answer.wait_for()
        reader.settle()
        reader.click(answer)
        reader.press("page.import.store", count=5)
        page.get_by_text(reader.says("page.import.stored", kinds="Grids")[:-1]).first.wait_for()
        reader.settle()
        _propose(reader)

    return job


def _look_at_the_worst(reader: Timed) -> None:
    reader.go("overview")
    reader.click(reader.page.locator(".gm-list [data-gm-unit]").first)


def _look_at_the_night(reader: Timed) -> None:
    reader.go("incidents")
    reader.choose("page.part.night")


def _ask_for_a_room(reader: Timed) -> None:
    reader.go("coverage")
    reader.choose("coverage.page.site")


def _ask_for_a_patrol(reader: Timed) -> None:
    reader.go("duty")
    reader.choose("duty.page.patrol")


def _report_a_month(month: str) -> Job:
    def job(reader: Timed) -> None:
        reader.go("reports")
        reader.pick("page.reports.period", month)
        reader.press("page.reports.make")
        link = reader.page.get_by_test_id("stDownloadButton").get_by_role("button").first
        link.wait_for()
        with reader.page.expect_download() as loading:
            reader.click(link)
        loading.value.path()

    return job


def _assess(reader: Timed) -> None:
    reader.go("duty")
    reader.choose("duty.page.score")
    with reader.page.expect_download() as loading:
        reader.press("duty.page.ranking")
    loading.value.path()


def _give_a_role(reader: Timed) -> None:
    reader.go("people")
    reader.write("page.people.account", "planner@police.example")
    reader.pick("page.people.role", reader.says("plans.role.planner"))
    reader.press("page.people.assign")
    reader.page.get_by_test_id("stAlert").first.wait_for()


def _verify_the_log(reader: Timed) -> None:
    reader.go("people")
    reader.press("page.people.verify")


_PLANNER: dict[str, Job] = {"a proposal, saved": _propose, "a grid moved, saved": _move_a_grid}
_LOOKS: dict[str, Job] = {
    "the beat that needs most attention": _look_at_the_worst,
    "incidents at night": _look_at_the_night,
    "where one more room would serve most": _ask_for_a_room,
    "tonight's patrol": _ask_for_a_patrol,
}
_ADMINISTRATOR: dict[str, Job] = {
    "a planner's role given": _give_a_role,
    "the log verified": _verify_the_log,
}


@contextmanager
def _reader(browser: Any, address: str, language: str, cookie: str = "") -> Iterator[Timed]:  # noqa: ANN401 - untyped peer
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    for part in filter(None, cookie.split("; ")):
        name, _, value = part.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": address}])
    context.set_default_timeout(LONG)
    yield Timed(watch(context), address, language)
    context.close()


def _time(who: str, city: str, jobs: dict[str, Job], reader: Timed) -> None:
    for name, job in jobs.items():
        reader.clicks = reader.texts = 0
        reader.settle()
        begun = time.perf_counter()
        job(reader)
        took = round(time.perf_counter() - begun, 1)
        line = {"who": who, "city": city, "job": name, "clicks": reader.clicks}
        line |= {"texts": reader.texts} if reader.texts else {}
        print(json.dumps({**line, "s": took}), flush=True)
        reader.require_no_fault()


@contextmanager
def _served(browser: Any, place: Path | None, language: str) -> Iterator[Callable[[], Any]]:  # noqa: ANN401 - untyped peer
    process, address = serve(place)
    try:
        yield lambda: _reader(browser, address, language)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _on_demo(browser: Any, only: str) -> None:  # noqa: ANN401 - untyped peer
    with _served(browser, None, "zh") as opened:
        for who, jobs in (
            ("commander", _LOOKS),
            ("analyst", {"a month's report, downloaded": _report_a_month("2024-11"),
                         "the ranking of beats, downloaded": _assess}),
            ("planner", _PLANNER),
        ):  # fmt: skip
            if only in {"", who}:
                with opened() as reader:
                    reader.open("data")
                    _time(who, "demo", jobs, reader)


def _on_chicago(browser: Any, place: Path, files: list[Path], only: str) -> None:  # noqa: ANN401 - untyped peer
    with _served(browser, place, "en") as opened, opened() as reader:
        reader.open("data")
        job = {"five files to a saved plan": _import_and_propose(files)}
        _time("planner", "Chicago", job, reader)
        if not only:
            looks = {name: job for name, job in _LOOKS.items() if "patrol" not in name}
            _time("commander", "Chicago", looks, reader)
            job = {"a month's report, downloaded": _report_a_month("2014-09")}
            _time("analyst", "Chicago", job, reader)


def _as_administrator(browser: Any, folder: Path) -> None:  # noqa: ANN401 - untyped peer
    from gridmap.demo import make_city
    from gridmap.io import Workspace
    from gridmap.plans import LOCAL, PlanStore, Role

    place = Workspace.at(folder / "city")
    place.put_city(make_city())
    with PlanStore.open(place.path) as store:
        store.assign_role(_CHIEF, Role.ADMINISTRATOR, author=LOCAL)
    with (
        serving(place.path, folder / "log", login=True) as served,
        _reader(browser, served.origin, "zh", served.cookie_of(_CHIEF)) as reader,
    ):
        reader.open("overview")
        _time("administrator", "demo", _ADMINISTRATOR, reader)


def main() -> None:
    """Print a line a job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="planner, commander, analyst or administrator")
    parser.add_argument("--files", type=Path, default=CHICAGO, help="folder of Chicago's files")
    chosen = parser.parse_args()
    only, files = chosen.only, [chosen.files / name for name in _FIVE]
    require_files(files, _REMEDY)
    from playwright.sync_api import sync_playwright

    subprocess.run(
        [sys.executable, "-m", "gridmap", "warm"], check=True, stdout=subprocess.DEVNULL
    )
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ALONE)
        if only != "administrator":
            _on_demo(browser, only)
        if only in {"", "planner"}:
            place = Path(folder) / "Chicago"
            place.mkdir()
            _on_chicago(browser, place, files, only)
        if only in {"", "administrator"}:
            _as_administrator(browser, Path(folder))
        browser.close()


if __name__ == "__main__":
    main()
