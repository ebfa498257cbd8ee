"""Who gets what from the server: asked over raw HTTP and websockets, as an attacker would."""

import asyncio
import json
import re
import socket
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from gridmap.demo import make_city
from gridmap.io import Workspace
from gridmap.pages import gate
from gridmap.plans import LOCAL, PlanStore, Role
from tests.serving import open_tab, serving

PLANNER, OTHER = "planner@police.example", "other@police.example"
# Two servers start and draw pages: 25 seconds of processor.
pytestmark = pytest.mark.slow

TOUCH = "/component/gridmap.pages.touch.gridmap"
CLOSED = [
    ("GET", "/_stcore/metrics"),
    ("GET", "/_stcore/host-config"),
    ("GET", "/_stcore/script-health-check"),
    ("POST", "/_stcore/health"),
    ("GET", "/_stcore/agent/openapi.json"),
    ("POST", "/_stcore/agent/mcp"),
    ("PUT", "/_stcore/upload_file/a/b"),
    ("DELETE", "/_stcore/upload_file/a/b"),
    ("OPTIONS", "/_stcore/upload_file/a/b"),
    ("GET", "/_stcore/bidi-components/a/b.js"),
    ("GET", "/_stcore/stream"),
    ("GET", "/_stcore/"),
    ("GET", "/overview/_stcore/health"),
    ("GET", "/media/" + "0" * 56 + ".csv"),
    ("GET", TOUCH + "/touch.html"),
    ("GET", TOUCH + "/" + "0" * 32 + ".bin"),
    ("GET", "/app/static/a.txt"),
    ("GET", "/media"),
    ("GET", "//media/a.csv"),
    ("GET", "/./media/a.csv"),
    ("GET", "/%6dedia/a.csv"),
    ("GET", "/static/../media/a.csv"),
    ("POST", "/"),
    ("PUT", "/overview"),
    ("GET", "/auth/anything"),
    ("POST", "/auth/login"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a workspace with a planner."""
    folder = tmp_path_factory.mktemp("city") / "东城"
    Workspace.at(folder).put_city(make_city(grids=60, incidents=400, seed=7))
    with PlanStore.open(folder) as store:
        for account in (PLANNER, OTHER):
            store.assign_role(account, Role.PLANNER, author=LOCAL)
    return folder


@pytest.fixture(scope="module")
def department(place):
    """Serve the workspace to those who log in."""
    log = place.parent / "department.log"
    with serving(place, log, login=True, GRIDMAP_MAX_UPLOAD_MB="4") as served:
        yield served


@pytest.fixture(scope="module")
def alone(place):
    """Serve the workspace to this machine."""
    with serving(place, place.parent / "alone.log", login=False) as served:
        yield served


def strangers(served):
    """Return cookies that are no login."""
    good = served.cookie_of(PLANNER)
    return {
        "none": "",
        "unsigned": "_streamlit_user=" + json.dumps({"email": PLANNER, "is_logged_in": True}),
        "changed": good[:-3] + "abc",
        "of another secret": served.cookie_of(PLANNER, secret="f" * 64),
        "of another origin": served.cookie_of(PLANNER, origin="http://127.0.0.1:1"),
        "of yesterday": served.cookie_of(PLANNER, age_s=gate.WORKING_DAY_S + 5),
        "not logged in": served.cookie_of(PLANNER, is_logged_in=False),
        "a list": served.cookie_of(PLANNER, is_logged_in=[1]),
        "no account": served.cookie_of(""),
        "unverified": served.cookie_of(PLANNER, email_verified=False),
        "not text": served.cookie_of("\ud800"),
        "the local user's": served.cookie_of("local"),
        "control": served.cookie_of("a\u202eb"),
        "not latin": "_streamlit_user=\xff\xfe",
    }


# -- strangers


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_without_a_login_nothing_but_the_login_page_answers(department, method, path):
    answer = department.ask(path, method=method)
    assert answer.status in {400, 401}, answer.text
    assert "Cookie" in answer.headers.get("www-authenticate", "Cookie")


def test_each_kind_of_false_login_is_a_stranger(department):
    for name, cookie in strangers(department).items():
        for method, path in CLOSED[:8]:
            answer = department.ask(path, method=method, Cookie=cookie)
            assert answer.status == 401, (name, path)
        with pytest.raises(InvalidStatus) as refused, open_tab(department, cookie):
            pass
        assert refused.value.response.status_code == 401, name


@pytest.mark.parametrize("path", ["/", "/overview", "/redraw?workspace=x", "/people", "/a/b"])
def test_a_page_asks_to_log_in_and_shows_nothing_else(department, path):
    answer = department.ask(path)
    assert answer.status == 200
    assert "请用单位账号登录" in answer.text
    assert "<script" not in answer.text
    assert "东城" not in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors" in answer.headers["content-security-policy"]
    assert "Log in with" in department.ask(path.split("?")[0] + "?lang=en").text


def test_what_is_wrong_with_a_login_is_said_on_the_login_page(department):
    cookie = department.cookie_of(PLANNER, email_verified=False)
    assert "没有核实过邮箱" in department.ask("/", Cookie=cookie).text


def test_an_upload_of_a_stranger_is_not_read(department):
    with socket.create_connection(("127.0.0.1", department.port), timeout=300) as line:
        line.sendall(
            b"PUT /_stcore/upload_file/a/b HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Length: 300000000\r\n\r\n"
        )
        assert b" 401 " in line.recv(100)


def test_health_and_static_code_need_no_login(department):
    assert department.ask("/_stcore/health").text == "ok"
    assert department.ask("/favicon.png").status == 200


# -- those who have logged in


def test_a_page_is_drawn_and_its_map_goes_to_those_who_see_it(department):
    cookie = department.cookie_of(PLANNER)
    assert "static/js" in department.ask("/", Cookie=cookie).text
    assert department.ask("/_stcore/host-config", Cookie=cookie).status == 200
    with open_tab(department, cookie) as tab:
        drawn = tab.draw("overview")
        files = sorted(
            set(
                re.findall(
                    rb"[0-9a-f]{16,}\.bin",
                    b"".join(message.SerializeToString() for message in drawn),
                )
            )
        )
        assert files
        for file in files:
            path = f"{TOUCH}/{file.decode()}"
            mine = department.ask(path, Cookie=cookie)
            assert mine.status == 200
            assert mine.headers["cache-control"] == "private"
            assert department.ask(path, Cookie=department.cookie_of(OTHER)).status == 404
            assert department.ask(path).status == 401
        # Whoever opens the page is shown the map, and may fetch it then.
        with open_tab(department, department.cookie_of(OTHER)) as other:
            other.draw("overview")
            assert department.ask(path, Cookie=department.cookie_of(OTHER)).status == 200


@pytest.mark.parametrize(
    "path",
    ["/_stcore/metrics", "/_stcore/agent/mcp", "/_stcore/script-health-check", "/media/a.csv",
     "/component/other/index.html", "/_stcore/bidi-components/a/b.js"],
)  # fmt: skip
def test_what_no_page_needs_is_there_for_nobody(department, path):
    assert department.ask(path, Cookie=department.cookie_of(PLANNER)).status == 404


def put(served, tab, cookie, name, size, *, chunked=False):
    """Upload so many bytes as a browser does; return the status."""
    head = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\n"
    )
    body = head + b"0" * size + b"\r\n--x--\r\n"
    sent = iter([body[:100], body[100:]]) if chunked else body
    return served.ask(
        f"/_stcore/upload_file/{tab.session}/{name}",
        method="PUT",
        body=sent,
        Cookie=f"_streamlit_xsrf={tab.token}; {cookie}",
        X_Xsrftoken=tab.token,
        Content_Type="multipart/form-data; boundary=x",
    ).status


def test_uploads_go_to_ones_own_session_up_to_a_size(department):
    mine, theirs = department.cookie_of(PLANNER), department.cookie_of(OTHER)
    with open_tab(department, mine) as tab:
        tab.draw("overview")
        assert put(department, tab, theirs, "one", 10) == 404
        assert put(department, tab, "", "one", 10) == 401
        assert put(department, tab, mine, "one", 3 << 20) == 204
        assert put(department, tab, mine, "two", 6 << 20) == 413
        assert put(department, tab, mine, "two", 6 << 20, chunked=True) in {0, 413}
        assert put(department, tab, mine, "two", 3 << 20, chunked=True) == 204
        # Together a page takes twice what a file may have: 8 MB and a little for the wrapping.
        assert put(department, tab, mine, "three", 3_900_000) == 413
        assert put(department, tab, mine, "three", 3_900_000, chunked=True) in {0, 413}
        assert put(department, tab, mine, "three", 1 << 20) == 204
        gone = department.ask(
            f"/_stcore/upload_file/{tab.session}/one",
            method="DELETE",
            Cookie=f"_streamlit_xsrf={tab.token}; {mine}",
            X_Xsrftoken=tab.token,
        )
        assert gone.status == 204
        assert put(department, tab, mine, "four", 3 << 20) == 204


def test_messages_that_the_pages_do_not_need_are_dropped(department):
    with open_tab(department, department.cookie_of(PLANNER)) as tab:
        tab.draw("overview")
        for name in ("load_git_info", "clear_cache", "set_run_on_save"):
            tab.send(name)
        tab.line.send(b"\xff\xff\xff")
        kinds = {message.WhichOneof("type") for message in tab.draw("overview")}
        assert "git_info_changed" not in kinds
        assert "session_event" not in kinds


def test_whoever_logs_out_is_a_stranger_in_every_tab(department):
    cookie = department.cookie_of("leaver@police.example")
    with open_tab(department, cookie) as tab:
        tab.draw("overview")
        assert department.ask("/auth/logout", Cookie=cookie).status in {302, 307}
        assert department.ask("/_stcore/host-config", Cookie=cookie).status == 401
        with pytest.raises(ConnectionClosed):
            tab.draw("overview")


def test_a_login_in_several_cookies_ends_whole_and_alone(department, monkeypatch):
    """A login that is too long for one cookie is told by its parts, not by how many there are."""
    now = time.time() - 5
    monkeypatch.setattr("tests.serving.time.time", lambda: now)  # the same second
    mine, yours = (
        department.cookie_of(f"{name}@police.example", parts=3) for name in ("leaver", "stayer")
    )
    assert mine.partition(";")[0] == yours.partition(";")[0]
    monkeypatch.undo()
    path = "/_stcore/host-config"
    assert department.ask("/auth/logout", Cookie=mine).status in {302, 307}
    assert department.ask(path, Cookie=mine).status == 401
    assert department.ask(path, Cookie=yours).status == 200
    # The first cookie of a later login, or one more, brings nobody back.
    later = department.cookie_of("leaver@police.example", parts=3).partition(";")[0]
    parts = mine.partition(";")[2]
    assert department.ask(path, Cookie=f"{later};{parts}").status == 401
    assert department.ask(path, Cookie=f"{mine}; _streamlit_user_4=x").status == 401


def test_parts_of_a_login_end_with_the_oldest(department):
    old = department.cookie_of(PLANNER, age_s=gate.WORKING_DAY_S + 1, parts=2)
    new = department.cookie_of(PLANNER, parts=2)
    mixed = f"{new.partition(';')[0]};{old.partition(';')[2]}"
    assert department.ask("/_stcore/host-config", Cookie=mixed).status == 401
    assert department.ask("/_stcore/host-config", Cookie=new).status == 200


def test_a_page_is_closed_when_its_login_ends(department):
    cookie = department.cookie_of(PLANNER, age_s=gate.WORKING_DAY_S - 12)
    with open_tab(department, cookie) as tab:
        tab.send("rerun_script", page_name="overview")
        with pytest.raises(ConnectionClosed):  # on a slow machine before the page is drawn
            tab.listen("no message of this kind")
        assert department.ask("/_stcore/host-config", Cookie=cookie).status == 401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_another_site_is_refused_and_nothing_is_asked_of_the_network(department, alone, origin):
    for served, cookie in ((department, department.cookie_of(PLANNER)), (alone, "")):
        with pytest.raises(InvalidStatus) as refused, open_tab(served, cookie, origin=origin):
            pass
        assert refused.value.response.status_code == 403
        answer = served.ask("/", Cookie=cookie, Origin=origin)
        assert answer.status == 403
        embedded = served.ask("/media/a.png", Cookie=cookie, Sec_Fetch_Site="cross-site")
        assert embedded.status == 403
        assert served.foreign == []


# -- this machine alone


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Anything",
     "Forwarded", "Via", "X-Real-IP", "CF-Connecting-IP", "X-Forwarded",
     "X-Original-Forwarded-For", "X-Cluster-Client-IP"],
)  # fmt: skip
def test_without_a_login_a_proxy_is_refused(alone, header):
    for path in ("/", "/_stcore/health", "/media/a.png", "/static/js/a.js"):
        answer = alone.ask(path, **{header.replace("-", "_"): "127.0.0.1"})
        assert answer.status == 403
        assert header.lower() in answer.text
    with (
        pytest.raises(InvalidStatus) as refused,
        open_tab(alone, headers={header: "127.0.0.1"}),
    ):
        pass
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("host", ["gridmap.example", "10.0.0.5:8501", "127.0.0.1.evil.example"])
def test_without_a_login_another_name_is_refused(alone, host):
    assert alone.ask("/", Host=host).status == 403
    assert alone.ask("/_stcore/health", Host=host).status == 403


def test_without_a_login_the_local_user_sees_the_pages(alone):
    with open_tab(alone) as tab:
        drawn = b"".join(message.SerializeToString() for message in tab.draw("overview"))
        file = re.findall(rb"[0-9a-f]{16,}\.bin", drawn)[0].decode()
        assert alone.ask(f"{TOUCH}/{file}", Cookie=tab.cookie).status == 200
        # Another browser has not been shown this map.
        assert alone.ask(f"{TOUCH}/{file}").status == 404
    assert alone.ask("/_stcore/metrics").status == 404
    assert alone.ask("/auth/login").status == 404


# -- cookies behind TLS, and too many pages


def sent_by(app, scope):
    """Return what a gate around an app sends for a request."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    asyncio.run(gate.Gate(app)({"query_string": b"", **scope}, receive, send))
    return sent


def test_behind_tls_cookies_are_secure_and_last_a_working_day(monkeypatch):
    monkeypatch.setattr(gate, "login_needed", lambda _: True)
    monkeypatch.setattr(gate, "get_origin_from_redirect_uri", lambda: "https://gridmap.example")
    monkeypatch.setattr(gate, "get_cookie_secret", lambda: "x" * 64)
    cookies = [
        b"_streamlit_user=a; HttpOnly; Max-Age=2592000; Path=/; SameSite=lax",
        b"_streamlit_session=b; path=/; Max-Age=1209600; httponly; samesite=lax",
        b'_streamlit_user_tokens=""; expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; Path=/',
    ]

    async def app(scope, receive, send):
        headers = [(b"set-cookie", cookie) for cookie in cookies]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    scope = {"type": "http", "method": "GET", "path": "/oauth2callback", "headers": []}
    start = sent_by(app, scope)[0]
    found = [value.decode() for name, value in start["headers"] if name == b"set-cookie"]
    assert all(one.endswith("; Secure") for one in found)
    ages = [int(re.search("Max-Age=([0-9]+)", one)[1]) for one in found]
    assert ages == [gate.WORKING_DAY_S, gate.WORKING_DAY_S, 0]


def test_one_visitor_has_a_bounded_number_of_pages_open(monkeypatch):
    monkeypatch.setattr(gate, "login_needed", lambda _: False)
    monkeypatch.setattr(gate, "_MOST_PAGES", 0)

    async def app(scope, receive, send):
        pytest.fail("it was let in")

    scope = {
        "type": "websocket",
        "path": "/_stcore/stream",
        "headers": [(b"host", b"localhost")],
        "extensions": {"websocket.http.response": {}},
    }
    assert sent_by(app, scope)[0]["status"] == 429
