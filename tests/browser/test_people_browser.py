"""People log in at a real OIDC server; none does more than their role allows, however asked."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.serving import free_port

ROOT = Path(__file__).resolve().parents[2]
ADMINISTRATOR, PLANNER, OTHER, ANALYST, VIEWER = (
    f"{name}@police.example" for name in ("chief", "planner", "other", "analyst", "officer")
)


@contextmanager
def running(command: list[str], address: str, **settings: str) -> Iterator[str]:
    """Run a server until the end of the block."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    for name in ("GRIDMAP_WORKSPACE", "GRIDMAP_DATABASE_URL", "GRIDMAP_LOGIN"):
        environment.pop(name, None)
    process = subprocess.Popen(
        command,
        env={**environment, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(1200):
            try:
                with urllib.request.urlopen(address, timeout=1) as answer:  # noqa: S310 - this machine
                    if answer.status == 200:
                        break
            except OSError:
                time.sleep(0.25)
        else:
            pytest.fail(f"no answer from {address}")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(300)


@dataclass(frozen=True)
class Department:
    """The app as a department runs it, with its people."""

    url: str
    workspace: Path

    @contextmanager
    def store(self):
        from gridmap.plans import PlanStore

        with PlanStore.open(self.workspace) as opened:
            yield opened

    def state(self) -> tuple[str, int, dict[str, str], bytes]:
        """Return all that must not change: the log's head, the roles, the layers' file."""
        with self.store() as opened:
            report = opened.verify()
            assert report.is_whole
            roles = {person: str(role) for person, role in opened.roles().items()}
        return report.head, report.records, roles, (self.workspace / "city.gpkg").read_bytes()


@pytest.fixture(scope="module")
def department(tmp_path_factory) -> Iterator[Department]:
    from gridmap.demo import make_city
    from gridmap.io import Workspace
    from gridmap.measure.pieces import present_plan
    from gridmap.plans import LOCAL, PlanStore, Role

    folder = tmp_path_factory.mktemp("department")
    place = Workspace.at(folder / "city")
    place.put_city(make_city(grids=120, incidents=2_000, seed=7))
    with PlanStore.open(place.path) as store:
        for person, role in (
            (ADMINISTRATOR, Role.ADMINISTRATOR),
            (PLANNER, Role.PLANNER),
            (OTHER, Role.PLANNER),
            (ANALYST, Role.ANALYST),
        ):
            store.assign_role(person, role, author=LOCAL)
        city = place.city()
        store.save(present_plan(city).renamed("警务改革"), author=LOCAL, grids=city.grids)
    issuer = f"http://127.0.0.1:{free_port()}"
    url = f"http://127.0.0.1:{free_port()}"
    login = folder / "login.toml"
    login.write_text(
        "[auth]\n"
        f'redirect_uri = "{url}/oauth2callback"\n'
        f'cookie_secret = "{"0123456789abcdef" * 4}"\n'
        'client_id = "gridmap"\n'
        'client_secret = "not a secret here"\n'
        f'server_metadata_url = "{issuer}/.well-known/openid-configuration"\n',
        encoding="utf-8",
    )
    users = [ADMINISTRATOR, PLANNER, OTHER, ANALYST, VIEWER]
    claims = [
        json.dumps({"sub": name, "email": name, "email_verified": True}) for name in users
    ] + [json.dumps({"sub": "unverified", "email": PLANNER, "email_verified": False})]
    server = [sys.executable, "-m", "oidc_provider_mock", "-p", issuer.rpartition(":")[2]]
    app = [
        sys.executable, "-c", "from gridmap.cli import main; main()", "app", str(place.path),
        "--no-browser", "--port", url.rpartition(":")[2], "--login", str(login),
    ]  # fmt: skip
    for claim in claims:
        server += ["--user-claims", claim]
    with (
        running(server, f"{issuer}/.well-known/openid-configuration"),
        running(app, f"{url}/_stcore/health", GRIDMAP_LANG="zh"),
    ):
        yield Department(url, place.path)


@dataclass
class Visitor:
    """Somebody's browser, what it sent over its websocket, and a way to send more."""

    watched: object
    sent: list[bytes] = field(default_factory=list)
    server: object = None

    def __post_init__(self) -> None:
        self.page, self.settle = self.watched.page, self.watched.settle

    def forge(self, frames: list[bytes]) -> None:
        """Send what somebody else has sent, as if this browser's own page had."""
        for frame in frames:
            self.watched.note_sent(frame)
            self.server.send(frame)
            self.settle()

    def press(self, name) -> None:
        self.page.get_by_role("button", name=name).first.click()
        self.settle()

    def open_versions(self) -> None:
        self.page.get_by_text("④ 方案库").click()
        self.settle()

    def begin_editing(self) -> None:
        """Open the stored plan, and look at the suggestions."""
        self.open_versions()
        self.press("打开并调整")
        self.page.get_by_role("button", name=re.compile("保存为新版本")).wait_for()
        self.settle()
        hidden = self.page.locator("details:not([open]) summary", has_text="下一步建议")
        for _ in range(4):
            # A click that falls into a rerun is lost with what it was on.
            if hidden.count() == 0:
                break
            hidden.first.click()
            self.settle()

    def take(self, steps: int) -> None:
        """Take the first suggestion; the plan is then so many steps from where it began."""
        self.page.get_by_role("button", name="采用").first.click()
        self.page.get_by_role("button", name=f"保存为新版本（{steps}步调整）").wait_for()
        self.settle()

    def save(self) -> None:
        self.press(re.compile("保存为新版本"))


@pytest.fixture(scope="module")
def cookies() -> dict[str, list]:
    """What the browsers of those who have logged in keep."""
    return {}


@pytest.fixture
def visit(open_page, department, cookies):
    """Return a function that opens a browser of its own, and logs somebody in."""

    def open_(account: str, path: str = "") -> Visitor:
        visitor = Visitor(open_page())
        page, context = visitor.page, visitor.page.context

        def connect(route) -> None:
            server = route.connect_to_server()

            def on_sent(message) -> None:
                if isinstance(message, bytes):
                    visitor.sent.append(message)
                server.send(message)

            route.on_message(on_sent)
            visitor.server = server

        page.route_web_socket(re.compile("/_stcore/stream"), connect)
        if account in cookies:
            context.add_cookies(cookies[account])
        elif account:
            page.goto(department.url)
            page.get_by_role("button", name="登录").click()
            page.get_by_role("button", name=account).click()
            page.get_by_text(account).first.wait_for()
            cookies[account] = context.cookies()
        page.goto(department.url + path)
        page.get_by_text(account or "请用单位账号登录").first.wait_for()
        return visitor

    return open_


# -- nobody


@pytest.mark.parametrize("path", ["", "/overview", "/redraw?workspace=city", "/people", "/data"])
def test_every_page_asks_for_a_login(department, visit, path):
    page = visit("", path).page
    assert "示例市" not in page.locator("body").inner_text()
    assert page.locator("iframe").count() == 0


def test_a_forged_cookie_is_no_login(department, visit):
    visitor = visit("")
    told = json.dumps({"email": PLANNER, "is_logged_in": True, "origin": department.url})
    visitor.page.context.add_cookies(
        [{"name": "_streamlit_user", "value": told.replace('"', "%22"), "url": department.url}]
    )
    visitor.page.goto(department.url)
    visitor.page.get_by_text("请用单位账号登录").wait_for()


def test_an_address_that_nobody_verified_does_not_log_in(open_page, department):
    page = open_page().page
    page.goto(department.url)
    page.get_by_role("button", name="登录").click()
    page.get_by_role("button", name="unverified").click()
    page.get_by_text("没有核实过邮箱").wait_for()
    assert page.locator("iframe").count() == 0


# -- what each role sees and does


def test_a_planner_saves_under_their_own_name(department, visit):
    planner = visit(PLANNER, "/redraw")
    page = planner.page
    planner.begin_editing()
    planner.take(1)
    planner.save()
    page.get_by_text("已保存“警务改革”第2版").first.wait_for()
    planner.take(2)
    planner.save()
    page.get_by_text("已保存“警务改革”第3版").first.wait_for()
    with department.store() as store:
        first, second, third = store.history("警务改革")
        assert (first.author, second.author, third.author) == ("local", PLANNER, PLANNER)
        assert (second.base, second.origin) == (1, ("警务改革", 1))
        # The second save of one sitting: upon the first, by commands from where it began.
        assert (third.base, third.origin) == (2, ("警务改革", 1))
        assert len(store.commands("警务改革", 3)) == 2
        assert store.audit_records()[-1].actor == PLANNER


def test_the_second_of_two_planners_is_told_and_carries_their_work_over(department, visit):
    mine, theirs = visit(PLANNER, "/redraw"), visit(OTHER, "/redraw")
    for planner in (mine, theirs):
        planner.begin_editing()
        planner.take(1)
    theirs.save()
    theirs.page.get_by_text(re.compile("已保存“警务改革”第")).first.wait_for()
    with department.store() as store:
        before = store.version("警务改革")
    mine.take(2)
    mine.save()
    page, last = mine.page, before.number
    page.get_by_text(f"{OTHER}已先保存了“警务改革”第{last}版").wait_for()
    page.get_by_text("对方的改动").wait_for()
    page.get_by_text("您的改动").first.wait_for()
    mine.press("打开对方的新版，并带上我的改动")
    page.get_by_text(f"已打开第{last}版").wait_for()
    mine.save()
    page.get_by_text(f"已保存“警务改革”第{last + 1}版").first.wait_for()
    with department.store() as store:
        after = store.version("警务改革")
    assert (after.author, after.base) == (PLANNER, before.number)
    assert after.origin == ("警务改革", before.number)


def test_an_officer_sees_the_whole_map_and_no_way_to_change_it(department, visit):
    before = department.state()
    viewer = visit(VIEWER, "/overview")
    page = viewer.page
    viewer.watched.wait_for_map()
    for path, marks in {
        "/redraw": ["生成方案", "手工调整", "保存为新版本", "打开并调整", "导入方案"],
        "/data": ["导入", "修复", "新建工作区"],
        "/reports": ["下载"],
        "/coverage": ["下载"],
        "/people": ["指定角色"],
        "/redraw?plan=警务改革&step=edit": ["手工调整", "保存为新版本"],
    }.items():
        page.goto(department.url + path)
        page.get_by_text(VIEWER).first.wait_for()
        viewer.settle()
        for mark in marks:
            buttons = page.get_by_role("button", name=mark, disabled=False)
            assert buttons.count() == 0, (path, mark)
    page.goto(f"{department.url}/redraw")
    viewer.open_versions()
    assert page.get_by_role("button", name="打开并调整").count() == 0
    page.get_by_text("您的角色不能导出").wait_for()
    assert department.state() == before


@pytest.mark.parametrize(("account", "offered"), [(VIEWER, False), (ANALYST, True)])
def test_whoever_may_not_export_has_no_toolbar_on_tables(department, visit, account, offered):
    visitor = visit(account, "/redraw?step=versions")
    page = visitor.page
    visitor.open_versions()
    table = page.locator('[data-testid="stDataFrame"]').first
    table.wait_for()
    table.hover()
    toolbar = page.locator('[data-testid="stElementToolbar"]').first
    toolbar.wait_for(state="attached")  # Streamlit draws it; its style hides it
    expect(toolbar).to_be_visible(visible=offered)
    save = page.get_by_role("button", name=re.compile("Download as CSV|下载为 CSV"))
    expect(save).to_have_count(int(offered))


def test_an_analyst_exports_and_the_log_says_so(department, visit):
    analyst = visit(ANALYST, "/redraw")
    page = analyst.page
    analyst.open_versions()
    assert page.get_by_role("button", name="打开并调整").count() == 0
    analyst.press(re.compile("^导出$"))
    page.get_by_role("button", name=re.compile("下载 ")).wait_for()
    with department.store() as store:
        record = store.audit_records()[-1]
    assert (record.actor, record.action, record.subject) == (ANALYST, "export_plan", "警务改革")


# -- forged requests


def test_what_a_planner_sent_changes_nothing_in_a_viewers_hands(department, visit):
    planner = visit(PLANNER, "/redraw")
    planner.begin_editing()
    planner.take(1)
    name = planner.page.get_by_role("textbox", name="方案名称")
    name.fill("伪造")
    name.press("Tab")
    planner.settle()
    expect(name).to_have_value("伪造")
    planner.save()
    planner.page.get_by_text("已保存“伪造”").first.wait_for()
    before = department.state()
    viewer = visit(VIEWER, "/redraw")
    viewer.settle()
    viewer.forge(planner.sent)
    assert department.state() == before
    assert viewer.page.get_by_role("button", name=re.compile("保存为新版本")).count() == 0


def test_what_an_administrator_sent_works_for_administrators_alone(department, visit):
    chief = visit(ADMINISTRATOR, "/people")
    chief.page.get_by_role("textbox", name="账号").fill(VIEWER)
    chief.settle()
    chief.page.get_by_role("button", name="指定角色").click()
    chief.page.get_by_text(f"{VIEWER}现在是").wait_for()
    frames = list(chief.sent)
    before = department.state()
    for account in (VIEWER, PLANNER):
        forger = visit(account, "/people")
        forger.settle()
        forger.forge(frames)
        assert department.state() == before, account
    # The same frames, from an administrator's browser: they do what they say.
    other = visit(ADMINISTRATOR, "/people")
    other.page.get_by_role("textbox", name="账号").wait_for()
    other.settle()
    other.forge(frames)
    expect(other.page.get_by_text(f"{VIEWER}现在是")).to_be_visible()
    assert department.state()[1] == before[1] + 1


def test_a_role_taken_back_in_the_middle_of_an_edit_saves_nothing(department, visit):
    from gridmap.plans import LOCAL, Role

    planner = visit(OTHER, "/redraw")
    page = planner.page
    planner.begin_editing()
    planner.take(1)
    with department.store() as store:
        store.assign_role(OTHER, Role.VIEWER, author=LOCAL)
    before = department.state()
    page.get_by_role("button", name=re.compile("保存为新版本")).click()
    planner.settle()
    assert page.get_by_role("button", name=re.compile("保存为新版本")).count() == 0
    assert department.state() == before
    with department.store() as store:
        store.assign_role(OTHER, Role.PLANNER, author=LOCAL)


def test_who_logs_out_sees_nothing_more(department, visit, cookies):
    page = visit(ANALYST, "/overview").page
    cookies.pop(ANALYST)
    page.get_by_role("button", name=ANALYST).click()
    page.get_by_role("button", name="退出登录").click()
    page.wait_for_url(re.compile("end_session"))  # the OIDC server's own page
    page.goto(department.url)
    page.get_by_text("请用单位账号登录").wait_for()
