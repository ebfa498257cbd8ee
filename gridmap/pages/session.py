"""One reader's session: which workspace, which plan, which period, which language."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError
from streamlit.runtime.scriptrunner import get_script_run_ctx

from gridmap.errors import (
    GridmapError,
    InputError,
    MissingError,
    PermissionDeniedError,
    WorkspaceError,
)
from gridmap.i18n import LANGUAGES, tr
from gridmap.io import Workspace, workspaces_at
from gridmap.io.placing import safe_name
from gridmap.io.workspace import CONFIG
from gridmap.model import Layer
from gridmap.pages.visitors import (
    SHOWN,
    XSRF_COOKIE,
    Visitor,
    account_of,
    browser_of,
    require_this_machine,
)
from gridmap.plans import LOCAL, Action, Actor, PlanStore, Role, role_text
from gridmap.settings import Settings, bundled, read_settings

DEMO = "demo"
_KEY = "gridmap"
_NEW = "workspaces"
_WORKSPACES = f"*/{CONFIG}"
_OF_GRIDS = ("redraw", "refused", "siting-area")


@dataclass(slots=True)
class Session:
    """What one reader has chosen; nobody else sees it.

    Parameters
    ----------
    settings
        The environment's settings.
    language
        ``zh`` or ``en``.
    workspace
        Name of the open workspace in `places`.
    places
        Workspaces that this reader may open, by name.
    since, until
        First and last day that are counted, both included; None for no limit.
    plan
        Name of the stored plan that is looked at; the city's own beats if blank.
    beat
        Id of the beat that is looked at, or blank.
    marked
        Rows of grids that are marked on a map, by page.
    work
        What a page is in the middle of, by page: uploads, proposals, drafts.
    complaint
        Why an address was not understood, or None.
    complaint_page
        The page that says so; another one does not.
    shared
        Workspaces that were named when the app was started, by name: what others see too.
    actor
        Who looks, with the role of this moment; None until `gridmap.pages.session` has told.
    pages
        The pages of the navigation by name, to lead to another one.
    forgotten
        Uploaded files that lie in the session's folder, and no longer in the server's memory.
    """

    settings: Settings
    language: str
    workspace: str
    places: dict[str, Path]
    since: date | None = None
    until: date | None = None
    plan: str = ""
    beat: str = ""
    marked: dict[str, tuple[int, ...]] = field(default_factory=dict)
    work: dict[str, Any] = field(default_factory=dict)
    complaint: GridmapError | None = None
    complaint_page: str = ""
    shared: dict[str, Path] = field(default_factory=dict)
    actor: Actor | None = None
    forgotten: set[str] = field(default_factory=set)
    pages: dict[str, Any] = field(default_factory=dict)
    _folder: tempfile.TemporaryDirectory[str] | None = None
    _grids: Layer | None = None

    @property
    def path(self) -> Path:
        """Folder of the open workspace."""
        return self.places[self.workspace]

    @property
    def has_workspace(self) -> bool:
        """Whether anything has been stored in the open workspace."""
        return (self.path / CONFIG).exists()

    @property
    def is_bundled(self) -> bool:
        """Whether the open workspace is the demo city that gridmap ships."""
        return self.path == bundled("data") / DEMO

    def may(self, action: Action) -> bool:
        """Return whether who looks may do something."""
        return self.actor is not None and self.actor.may(action)

    def enter(self, actor: Actor) -> None:
        """Take who looks, and let the gate know whose this session is."""
        self.actor = actor
        by_account = actor != LOCAL
        name = actor.name if by_account else browser_mark(self.settings)
        SHOWN.begin(session_id(), Visitor("account" if by_account else "browser", name))

    def someone(self) -> Actor:
        """Return who looks.

        Raises
        ------
        PermissionDeniedError
            If nobody has logged in.
        """
        if self.actor is None:
            raise PermissionDeniedError("page.error.nobody")
        return self.actor

    @property
    def roles_path(self) -> Path:
        """Folder of the workspace whose store says who may what, where there is no URL.

        A workspace that only this session sees has no roles of its own.
        """
        shared = [path for name, path in self.shared.items() if name == self.workspace]
        return [*shared, *self.shared.values(), self.path][0]

    @contextmanager
    def store(self, path: Path | None = None) -> Iterator[PlanStore]:
        """Open the store of plans: the department's, or the open workspace's own.

        Parameters
        ----------
        path
            Folder of a workspace; the open one, to be written in, if None.
        """
        url = self.settings.database_url
        if url:
            yield _department(url)
            return
        with PlanStore.of(path or self.writable_path()) as store:
            yield store

    def open(self, name: str) -> None:
        """Open another workspace and forget what belonged to the one before.

        Raises
        ------
        MissingError
            If this reader has no such workspace.
        """
        if name not in self.places:
            raise MissingError(
                "page.error.no_workspace", name=name, known=", ".join(sorted(self.places))
            )
        if name != self.workspace:
            self.workspace, self.plan, self.since, self.until = name, "", None, None
            self.marked, self.work, self._grids, self.beat = {}, {}, None, ""

    def see(self, grids: Layer | None) -> None:
        """Forget what rows of grids stood for where the workspace has others now."""
        before, self._grids = self._grids, grids
        if before is None or grids is None or before.digest == grids.digest:
            return
        if not np.array_equal(before.ids, grids.ids):
            self.marked = {}
            for name in _OF_GRIDS:
                self.work.pop(name, None)

    @property
    def kept_folder(self) -> Path | None:
        """Folder in which new workspaces outlive the app; None where they do not.

        It is the folder of workspaces that the app was started with. Where people log in,
        a workspace needs roles before it is shared, so there it stays with its maker.
        """
        named = Path(self.settings.workspace) if self.settings.workspace else None
        if named is None or self.settings.login or not named.is_dir():
            return None
        return None if Workspace(named).exists else named

    def title_of(self, name: str) -> str:
        """Return what a workspace is called: its city and, where that is another, its folder."""
        folder = self.places[name]
        try:
            changed = (folder / CONFIG).stat().st_mtime_ns
        except OSError:  # nothing has been stored in it
            return name
        city = _city_name(folder, changed)
        if city in {"", name, folder.name}:
            return name
        return tr("page.workspace_of", city=city, folder=name)

    def new_workspace(self, name: str) -> None:
        """Make a place for a workspace and open it; nothing is written before an import."""
        folder = self.kept_folder or _browsers_folder(self.settings) or self.private_path(_NEW)
        self.places[name] = folder / safe_name(name)
        self.open(name)

    def private_path(self, name: str) -> Path:
        """Return a folder that only this session sees; it goes when the session goes."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(
                prefix="gridmap-", ignore_cleanup_errors=True
            )
        return Path(self._folder.name) / name

    def writable_path(self) -> Path:
        """Return the open workspace's folder; of the bundled demo city, a private copy."""
        if self.is_bundled:
            folder = _browsers_folder(self.settings) or self.private_path(_NEW)
            copy = folder / DEMO
            if not copy.exists():
                shutil.copytree(self.path, copy)
            self.places[self.workspace] = copy
        return self.path

    def address(self) -> Address:
        """Return what the address bar should say."""
        return Address(self.workspace, self.plan, self.since, self.until, self.language, self.beat)


@lru_cache(1_000)
def _city_name(folder: Path, _changed: int) -> str:
    """Return the city's name in a workspace's settings; blank where they cannot be read."""
    try:
        return Workspace(folder).name
    except GridmapError:
        return ""


def session_id() -> str:
    """Return Streamlit's name for this session; blank outside one."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context is not None else ""


def current_session() -> Session:
    """Return this reader's session, made from the address at the first look."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = _new_session()
    found: Session = st.session_state[_KEY]
    return found


def _new_session() -> Session:
    settings = read_settings()
    places = _places(settings)
    first = next(iter(places))
    shared = {name: path for name, path in places.items() if path != bundled("data") / DEMO}
    session = Session(settings, settings.language, first, places, shared=shared)
    folder = _browsers_folder(settings)
    if folder is not None:
        # What this browser made before a page was loaded anew.
        places.update({found.parent.name: found.parent for found in folder.glob(_WORKSPACES)})
    asked, session.complaint = Address.read(dict(st.query_params))
    session.language = asked.language or settings.language
    if asked.workspace:
        try:
            session.open(asked.workspace)
        except MissingError as error:
            session.complaint = session.complaint or error
            asked = replace(asked, plan="", beat="")  # they are of the other workspace
    session.plan, session.since, session.until = asked.plan, asked.since, asked.until
    session.beat = asked.beat
    return session


_FOLDERS: dict[str, tempfile.TemporaryDirectory[str]] = {}


def _browsers_folder(settings: Settings) -> Path | None:
    """Return a folder that only this browser sees, until the app ends; None where it has none."""
    mark = browser_mark(settings)
    if not mark:
        return None
    if mark not in _FOLDERS:
        _FOLDERS[mark] = tempfile.TemporaryDirectory(prefix="gridmap-", ignore_cleanup_errors=True)
    return Path(_FOLDERS[mark].name)


def browser_mark(settings: Settings) -> str:
    """Return what tells this browser from others; blank where nothing does.

    Streamlit gives each browser a random cookie against forged requests; this is a digest of
    it. Where people log in, one browser may serve several: there is none.
    """
    return "" if settings.login else browser_of(str(st.context.cookies.get(XSRF_COOKIE) or ""))


@cache
def _department(url: str) -> PlanStore:
    """Return the department's store, its connections kept for all readers."""
    return PlanStore.open(url)


def _places(settings: Settings) -> dict[str, Path]:
    """Return the workspaces that may be opened: the one that was named, or those inside it."""
    places: dict[str, Path] = {}
    if settings.workspace:
        named = Path(settings.workspace)
        try:
            places = {place.path.name: place.path for place in workspaces_at(named)}
        except WorkspaceError:  # the folder was emptied or moved under the running app
            places = {}
        places = places or {named.name: named}
    demo = bundled("data") / DEMO
    if Workspace(demo).exists:
        places.setdefault(DEMO, demo)
    return places or {DEMO: demo}


# -- the address bar: what it carries, and what is refused


LONGEST_NAME = 80
_NAME = re.compile(rf"(?!\.+$)[^\x00-\x1f/\\]{{1,{LONGEST_NAME}}}")


@dataclass(frozen=True, slots=True)
class Address:
    """Workspace, plan, beat, period and language as the address bar carries them.

    Parameters
    ----------
    workspace, plan
        Names; blank for the usual one.
    since, until
        First and last day, both included; None for no limit.
    language
        ``zh``, ``en`` or blank.
    beat
        Id of the beat that is looked at, or blank.
    """

    workspace: str = ""
    plan: str = ""
    since: date | None = None
    until: date | None = None
    language: str = ""
    beat: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> tuple[Address, InputError | None]:
        """Return the address that a query holds, and what is wrong with it.

        An invalid part is left out and the others count: the error names the invalid parts and
        what was received.

        Examples
        --------
        >>> address, error = Address.read({"from": "2025-13-01", "to": "2025-12-31", "lang": "en"})
        >>> address.language, address.until, error.values["part"]
        ('en', datetime.date(2025, 12, 31), 'from')
        """
        invalid: dict[str, str] = {}
        language = query.get("lang", "")
        if language and language not in LANGUAGES:
            language, invalid["lang"] = "", language
        names = {part: query.get(part, "") for part in ("workspace", "plan", "beat")}
        for part, name in names.items():
            if name and not is_name(name):
                names[part], invalid[part] = "", name
        days: dict[str, date | None] = {"from": None, "to": None}
        for part in days:
            try:
                days[part] = date.fromisoformat(query[part]) if query.get(part) else None
            except ValueError:
                invalid[part] = query[part]
        since, until = days["from"], days["to"]
        if since and until and since > until:
            invalid["from"], since, until = f"{since} > {until}", None, None
        error = None
        if invalid:
            received = "; ".join(text[:40] for text in invalid.values())
            error = InputError("page.error.address", part=", ".join(invalid), received=received)
        return cls(names["workspace"], names["plan"], since, until, language, names["beat"]), error

    def to_query(self) -> dict[str, str]:
        """Return the query, without what is blank.

        >>> Address(workspace="demo", until=date(2025, 3, 31)).to_query()
        {'workspace': 'demo', 'to': '2025-03-31'}
        """
        parts = {
            "workspace": self.workspace,
            "plan": self.plan,
            "beat": self.beat,
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
            "lang": self.language,
        }
        return {name: value for name, value in parts.items() if value}


def is_name(name: str) -> bool:
    """Return whether the address can name a workspace, plan or beat so.

    >>> is_name("东城 2025"), is_name("../../etc")
    (True, False)
    """
    return bool(_NAME.fullmatch(name))


# -- what a reader has chosen in widgets: it outlives a change of page and of language


_KEPT = "gridmap-kept"
_SEEN = "gridmap-seen"
_PUT = "gridmap-put"
_AGAIN_S = 30.0


def choice_key(
    session: Session,
    name: str,
    usual: Any,  # noqa: ANN401 - whatever the widget holds
    options: Collection[Any] | None = None,
) -> str:
    """Return the key of a widget, with a value put in: what was chosen, or the usual one.

    Parameters
    ----------
    session
        Whose choice it is; each workspace has its own.
    name
        One a widget.
    usual
        The value where nothing was chosen. The widget itself is given none.
    options
        What there is to choose from now; a choice that is no longer there is dropped.
    """
    key = _key(session, name)
    now = before = st.session_state.get(key, usual)
    if options is not None and isinstance(now, (list, tuple)):
        now = [one for one in now if one in options]
        now = now if len(now) == len(before) else now or usual
    elif options is not None and now is not None and now not in options:
        now = usual
    put: dict[str, float] = st.session_state.setdefault(_PUT, {})
    if key not in st.session_state or now is not before:
        put[key] = time.monotonic()
    # What a run sends is lost when the next one begins before it has left, and Streamlit sends a
    # value once: the widget would stand at its least, and report that. So it is put in again.
    if time.monotonic() - put.get(key, -_AGAIN_S) < _AGAIN_S:
        st.session_state[key] = now
    return key


def chosen(session: Session, name: str) -> Any:  # noqa: ANN401 - whatever the widget holds
    """Return what was chosen in a widget that may be drawn later, or None."""
    return st.session_state.get(_key(session, name))


def choose(session: Session, name: str, value: Any) -> None:  # noqa: ANN401 - whatever it holds
    """Put a value into a widget that has not been drawn yet in this run."""
    st.session_state[_key(session, name)] = value


def _key(session: Session, name: str) -> str:
    return f"{_KEPT}-{session.workspace}-{name}"


def hold_choices(page: str, language: str) -> None:
    """Take over what was chosen where the page or the language is another than before."""
    seen = (page, language)
    if st.session_state.get(_SEEN) == seen:
        return  # what is being typed at this moment is not touched
    st.session_state[_SEEN] = seen
    for key in [str(key) for key in st.session_state if str(key).startswith(_KEPT)]:
        st.session_state[key] = st.session_state[key]


# -- who looks: the one local user of this machine, or somebody who has logged in


def login_needed(settings: Settings) -> bool:
    """Return whether every page asks to log in.

    Raises
    ------
    InputError
        If login is asked for, but its settings cannot be read: nobody is let in then.
    """
    try:
        found = "auth" in st.secrets.to_dict()
    except StreamlitSecretNotFoundError as error:
        there = [path for path in st.get_option("secrets.files") if Path(path).exists()]
        if there or settings.login:
            file = settings.login or there[0]
            raise InputError("page.error.login_file", file=Path(file).name) from error
        return False
    if settings.login and not found:
        raise InputError("page.error.login_file", file=Path(settings.login).name)
    return found


def current_actor(session: Session) -> Actor:
    """Return who looks, with the role that the store gives at this moment.

    Raises
    ------
    PermissionDeniedError
        If nobody has logged in, or no login is set up and the page is asked for from elsewhere
        than this machine. The gate lets neither of them this far.
    InputError
        If login cannot be set up, or gives no account.
    """
    if not login_needed(session.settings):
        address = str(st.get_option("server.address") or "")
        require_this_machine(st.context.headers.items(), [address])
        return LOCAL
    if not st.user.is_logged_in:
        raise PermissionDeniedError("page.error.nobody")
    account = account_of(st.user.to_dict(), session.settings.login_claim)
    try:
        with PlanStore.of(
            session.roles_path, url=session.settings.database_url, create=False
        ) as store:
            return store.actor_of(account)
    except MissingError:
        return Actor(account, Role.VIEWER)


def put_account(session: Session) -> None:
    """Draw who has logged in, what they may do, and the way out; nothing for the local user."""
    actor = session.actor
    if actor is None or actor == LOCAL:
        return
    with st.popover(actor.name, icon=":material/person:", width="stretch"):
        st.markdown(tr("page.people.who", account=actor.name, role=role_text(actor.role)))
        st.caption(tr(f"page.people.may_{actor.role}"))
        if st.button(tr("page.people.logout"), icon=":material/logout:", width="stretch"):
            st.logout()
