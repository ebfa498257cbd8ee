"""Who looks at the pages, and what they may do there: without a browser."""

from types import SimpleNamespace

import pytest

from gridmap.cli.run import login_options
from gridmap.demo import make_city
from gridmap.errors import ConflictError, GridmapError, InputError, PermissionDeniedError
from gridmap.io import ImportReport, Workspace
from gridmap.measure.pieces import present_plan
from gridmap.model import Kind
from gridmap.pages import (
    coverage_views,
    redraw,
    redraw_edit,
    uploads,
)
from gridmap.pages import session as pages_session
from gridmap.pages.ground import PageGround
from gridmap.pages.redraw_state import Redraw, Sitting
from gridmap.pages.session import Session
from gridmap.plans import (
    LOCAL,
    Actor,
    Draft,
    History,
    MoveGrids,
    PlanStore,
    RenameBeat,
    Role,
)
from gridmap.plans import Ground as Table
from gridmap.settings import Settings

AUTH = {
    "redirect_uri": "https://gridmap.example/oauth2callback",
    "cookie_secret": "x" * 32,
    "client_id": "gridmap",
    "client_secret": "y",
    "server_metadata_url": "https://login.example/.well-known/openid-configuration",
}
VIEWER = Actor("v", Role.VIEWER)


@pytest.fixture(scope="module")
def city():
    return make_city(grids=60, incidents=0, seed=7)


@pytest.fixture
def desk(city, tmp_path):
    """A session on a workspace with one plan."""
    place = Workspace.at(tmp_path / "city")
    place.put_city(city)
    plan = present_plan(city).renamed("现行")
    with PlanStore.open(place.path) as store:
        store.save(plan, author=LOCAL, grids=city.grids)
        store.assign_role("p", Role.PLANNER, author=LOCAL)
    places = {"city": place.path}
    session = Session(Settings(), "zh", "city", places, shared=dict(places))
    return PageGround(session, city, "key", plan)


@pytest.fixture
def session(tmp_path):
    """A session on a workspace of nothing but a store."""
    with PlanStore.open(tmp_path / "plans.db") as store:
        store.assign_role("p", Role.PLANNER, author=LOCAL)
    return Session(Settings(), "zh", "city", {"city": tmp_path}, shared={"city": tmp_path})


def sitting_of(ground, actor, *, number=1):
    history = History(Draft.start(Table.from_city(ground.city), ground.plan), actor)
    return Sitting(ground.plan, history, base=("现行", number), origin=("现行", number))


def state(ground):
    with PlanStore.open(ground.session.path) as store:
        return store.verify().head, store.roles(), store.list()


# -- what the pages' own functions refuse


def test_a_viewer_who_calls_what_the_buttons_call_changes_nothing(desk):
    before, session = state(desk), desk.session
    session.actor = VIEWER
    sitting = sitting_of(desk, VIEWER)
    command = MoveGrids((desk.city.grids.ids[0],), desk.plan.beat_ids[-1], insist=True)
    version = state(desk)[2][0]
    report = ImportReport(
        kind="beat", read=6, features=6, crs="", working_crs="", refused={}, mapped={},
        warnings=(), encoding="", refused_columns=(), files=("x.shp",),
    )  # fmt: skip
    for forged in (
        lambda: sitting.apply(command),
        lambda: redraw_edit.save_sitting(desk, sitting, "现行", ""),
        lambda: redraw_edit.save_sitting(desk, sitting, "另一个", ""),
        lambda: redraw._keep(desk, Redraw(), desk.plan),
        lambda: redraw._written(desk, version, "plan.csv"),
        lambda: uploads.store(session, desk.city.layer(Kind.BEAT), report, "beat"),
    ):
        with pytest.raises(PermissionDeniedError):
            forged()
    # The same with a role that nobody gave: the store knows better.
    session.actor = Actor("v", Role.ADMINISTRATOR)
    for forged in (
        lambda: redraw_edit.save_sitting(desk, sitting, "另一个", ""),
        lambda: uploads.store(session, desk.city.layer(Kind.BEAT), report, "beat"),
    ):
        with pytest.raises(PermissionDeniedError):
            forged()
    assert state(desk) == before


def test_nobody_saves_before_they_have_logged_in(desk):
    assert desk.session.actor is None
    with pytest.raises(PermissionDeniedError):
        redraw_edit.save_sitting(desk, sitting_of(desk, LOCAL), "现行", "")


# -- saving, and saving again


def test_a_file_of_coverage_is_for_those_who_may_export_and_is_logged(desk, monkeypatch):
    offered, said = [], []
    page = SimpleNamespace(
        caption=said.append, download_button=lambda _label, data, *_, **__: offered.append(data)
    )
    monkeypatch.setattr(coverage_views, "st", page)
    for actor in (VIEWER, Actor("p", Role.PLANNER)):
        desk.session.actor = actor
        coverage_views.put_download(desk, "x", "a.txt", lambda path: path.write_text("ok"))
    assert (len(said), len(offered)) == (1, 1)
    assert offered[0]() == b"ok"
    with PlanStore.open(desk.session.path) as store:
        record = store.audit_records()[-1]
    assert (record.actor, record.action, record.subject) == ("p", "export", "coverage")


def test_two_saves_of_one_sitting_and_a_plan_that_was_not_stored(desk):
    desk.session.actor = Actor("p", Role.PLANNER)
    sitting = sitting_of(desk, desk.session.actor)
    beat = desk.plan.beat_ids[0]
    for name in ("一", "二"):
        sitting.apply(RenameBeat(beat, name))
        assert not sitting.is_saved
        redraw_edit.save_sitting(desk, sitting, "现行", "")
        assert sitting.is_saved
    fresh = sitting_of(desk, desk.session.actor)
    fresh.base = fresh.origin = None
    fresh.apply(RenameBeat(beat, "三"))
    redraw_edit.save_sitting(desk, fresh, "新的", "")
    with PlanStore.open(desk.session.path) as store:
        third = store.version("现行")
        assert (third.number, third.base, third.origin) == (3, 2, ("现行", 1))
        assert len(store.commands("现行")) == 2
        # What it began with is kept too, so that its commands lead to it.
        first, second = store.history("新的")
        assert (second.base, second.origin) == (1, ("新的", 1))
        assert store.load("新的", first.number).beats[0].name != "三"


def test_a_name_that_is_taken_is_not_saved_upon(desk):
    desk.session.actor = Actor("p", Role.PLANNER)
    sitting = sitting_of(desk, desk.session.actor)
    sitting.base = sitting.origin = None
    with pytest.raises(ConflictError):
        redraw_edit.save_sitting(desk, sitting, "现行", "")


def test_a_proposal_saved_twice_is_two_plans(desk):
    desk.session.actor = Actor("p", Role.PLANNER)
    names = [redraw._keep(desk, Redraw(), desk.plan).name for _ in range(2)]
    assert names == ["现行 (2)", "现行 (3)"]


# -- login


def test_the_options_of_a_login(tmp_path):
    file = tmp_path / "login.toml"
    text = "[auth]\n" + "".join(f'{name} = "{value}"\n' for name, value in AUTH.items())
    file.write_text(text, "utf-8")
    options = login_options(file)
    assert options == [
        "--secrets.files",
        str(file),
        "--browser.serverAddress",
        "gridmap.example",
    ]
    file.write_text(text.replace("example/oauth", "example/a/b/oauth"), "utf-8")
    assert login_options(file)[-2:] == ["--server.baseUrlPath", "a/b"]


@pytest.mark.parametrize(
    "change",
    [
        *({name: ""} for name in AUTH),
        {"redirect_uri": "https://gridmap.example/"},
        {"redirect_uri": "ftp://gridmap.example/oauth2callback"},
        {"cookie_secret": "short"},
    ],
)
def test_a_login_that_cannot_work_is_refused_in_one_line(tmp_path, change):
    file = tmp_path / "login.toml"
    values = {**AUTH, **change}
    file.write_text(
        "[auth]\n" + "".join(f'{name} = "{value}"\n' for name, value in values.items()), "utf-8"
    )
    with pytest.raises(InputError) as raised:
        login_options(file)
    assert len(raised.value.text("en").splitlines()) == 1


def test_a_login_file_that_is_none(tmp_path):
    with pytest.raises(GridmapError):
        login_options(tmp_path / "nowhere.toml")
    (tmp_path / "broken.toml").write_text("[auth", "utf-8")
    with pytest.raises(InputError):
        login_options(tmp_path / "broken.toml")


class Pages:
    """What the pages see of Streamlit: settings, secrets, the request, the login."""

    def __init__(self, *, secrets=None, user=None, address="127.0.0.1", host="localhost:8501"):
        self.secrets = SimpleNamespace(to_dict=self.told)
        self.found = secrets
        self.user = SimpleNamespace(
            is_logged_in=user is not None, to_dict=lambda: dict(user or {})
        )
        self.context = SimpleNamespace(headers={"Host": host})
        self.options = {"server.address": address, "secrets.files": []}

    def told(self):
        if self.found is None:
            raise pages_session.StreamlitSecretNotFoundError("none", error_id="x")
        return self.found

    def get_option(self, name):
        return self.options[name]


@pytest.mark.parametrize(
    "host", ["localhost:8501", "127.0.0.1:8501", "[::1]:8501", "localhost", "[::1]"]
)
def test_without_a_login_this_machine_is_served(session, monkeypatch, host):
    monkeypatch.setattr(pages_session, "st", Pages(host=host))
    assert pages_session.current_actor(session) == LOCAL


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("", "localhost:8501"),
        ("0.0.0.0", "localhost:8501"),  # noqa: S104 - what must be refused
        ("10.0.0.5", "localhost:8501"),
        ("127.0.0.1", "gridmap.example"),
        ("127.0.0.1", "10.0.0.5:8501"),
        ("127.0.0.1", "localhost.evil.example:8501"),
        ("127.0.0.1", "localhost:8501:1"),
        ("127.0.0.1", "[::1].evil.example"),
    ],
)
def test_without_a_login_nobody_else_is_served(session, monkeypatch, address, host):
    monkeypatch.setattr(pages_session, "st", Pages(address=address, host=host))
    with pytest.raises(PermissionDeniedError):
        pages_session.current_actor(session)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "forwarded", "Via", "X-Real-Ip"])
def test_without_a_login_nobody_comes_through_a_proxy(session, monkeypatch, header):
    pages = Pages()
    pages.context.headers[header] = "127.0.0.1"
    monkeypatch.setattr(pages_session, "st", pages)
    with pytest.raises(PermissionDeniedError):
        pages_session.current_actor(session)


def test_who_has_logged_in_has_the_role_of_this_moment(session, monkeypatch):
    monkeypatch.setattr(pages_session, "st", Pages(secrets={"auth": {}}))
    with pytest.raises(PermissionDeniedError):
        pages_session.current_actor(session)
    monkeypatch.setattr(pages_session, "st", Pages(secrets={"auth": {}}, user={"email": "p"}))
    assert pages_session.current_actor(session) == Actor("p", Role.PLANNER)
    with PlanStore.open(session.path) as store:
        store.assign_role("p", Role.VIEWER, author=LOCAL)
    assert pages_session.current_actor(session) == Actor("p", Role.VIEWER)


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"email": " "},
        {"email": "p", "email_verified": False},
        {"email": "local"},
        {"email": "p\nq"},
        {"email": "p\u200bq"},
        {"email": "\udcff"},
        {"email": "p" * 201},
    ],
)
def test_a_login_without_an_account_of_its_own_lets_nobody_in(session, monkeypatch, user):
    monkeypatch.setattr(pages_session, "st", Pages(secrets={"auth": {}}, user=user))
    with pytest.raises(InputError):
        pages_session.current_actor(session)


@pytest.mark.parametrize("secrets", [None, {}, {"other": {}}])
def test_a_login_that_cannot_be_read_lets_nobody_in(session, monkeypatch, secrets):
    session.settings = Settings(login="/etc/gridmap/login.toml")
    monkeypatch.setattr(pages_session, "st", Pages(secrets=secrets))
    with pytest.raises(InputError):
        pages_session.current_actor(session)


def test_a_role_is_asked_of_the_department_in_a_private_workspace_too(session, tmp_path):
    session.places["mine"] = tmp_path / "mine"
    session.open("mine")
    assert session.roles_path == tmp_path
