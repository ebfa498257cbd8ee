"""What a reader has dropped: kept apart, read for a look, stored only when they say so."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from gridmap.errors import GridmapError, InputError
from gridmap.fields import fields_of
from gridmap.io import (
    KINDS,
    TABLE,
    ImportOptions,
    ImportReport,
    Workspace,
    guess_kind,
    read_files,
)
from gridmap.io.placing import safe_name
from gridmap.model import Incidents, Layer
from gridmap.pages.session import Session, session_id
from gridmap.plans import Action, import_detail, logged

_ORDER = {kind: at for at, kind in enumerate(KINDS)}  # areas first, incidents last

_LONGEST_STEM = 150  # bytes
_LONGEST_SUFFIX = 20
_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix")


@dataclass(slots=True)
class Item:
    """One file of those that were dropped, or several that the reader has put together.

    Parameters
    ----------
    paths
        The files to be read: a shapefile's parts stand for one.
    kind
        What it is taken for; blank before the first look, `gridmap.io.TABLE` for a table
        without places.
    options
        How it is read.
    report
        What gridmap understood, or None where a look went wrong.
    found
        What was read: stored as it is, so that the files are read once.
    columns
        The files' columns, as the last look that went well found them.
    error
        Why the last look went wrong.
    stored
        Whether it lies in the workspace.
    sure
        Whether the reader has said what places without time and category are.
    """

    paths: list[Path]
    kind: str = ""
    options: ImportOptions = field(default_factory=ImportOptions)
    report: ImportReport | None = None
    found: Layer | Incidents | None = None
    columns: tuple[str, ...] = ()
    error: GridmapError | None = None
    stored: bool = False
    sure: bool = False

    @property
    def name(self) -> str:
        """The files' names."""
        return ", ".join(path.name for path in self.paths)

    @property
    def is_ready(self) -> bool:
        """Whether it can be stored."""
        return self.report is not None and not self.stored

    def taken(self) -> dict[str, str]:
        """Return which column stands for each field of the kind, blank for none."""
        guessed = self.report.mapped if self.report is not None else {}
        said = {**guessed, **self.options.columns}
        return {name: said.get(name, "") for name in fields_of(self.kind)}

    def correct(self, chosen: Mapping[str, str], **options: Any) -> None:  # noqa: ANN401 - of ImportOptions
        """Take what the reader says: columns that differ from what was taken, and the rest.

        A field that had a column and has none now stays without one.
        """
        before = self.taken()
        said = {name: column for name, column in chosen.items() if column != before[name]}
        columns = {**self.options.columns, **said}
        self.options = replace(self.options, columns=columns, **options)

    def agrees_with(self, other: Item) -> bool:
        """Return whether two may be one layer: of one kind, one CRS and the same columns."""
        if self.report is None or other.report is None or self.kind != other.kind:
            return False
        same_columns = set(self.columns) == set(other.columns)
        return same_columns and self.report.crs == other.report.crs


@dataclass(slots=True)
class Upload:
    """Files that were dropped together.

    Parameters
    ----------
    names
        The files' names.
    folder
        Where they are, seen by this session only.
    options
        How they are read before the reader has said anything.
    ids
        What Streamlit calls the files, as `names`.
    items
        What they are, one by one.
    """

    names: tuple[str, ...]
    folder: Path
    options: ImportOptions = field(default_factory=ImportOptions)
    ids: tuple[str, ...] = ()
    items: list[Item] = field(default_factory=list)

    @property
    def paths(self) -> list[Path]:
        """The files to be read: a shapefile's parts stand for one."""
        files = sorted(self.folder.iterdir())
        shapes = {path.stem for path in files if path.suffix.lower() == ".shp"}
        return [
            path for path in files
            if path.stem not in shapes or path.suffix.lower() not in _PARTS[1:]
        ]  # fmt: skip

    def take(self, before: Upload | None) -> list[Item]:
        """Make an item of each file, and return those to be looked at.

        What the reader has said of files that were there before stays.
        """
        known = {item.name: item for item in before.items} if before is not None else {}
        held = {path.name for item in known.values() for path in item.paths}
        self.items = [
            item for item in known.values() if {path.name for path in item.paths} <= {*self.names}
        ]
        new = [Item([path], options=self.options) for path in self.paths if path.name not in held]
        self.items += new
        return new


def keep_files(session: Session, files: Iterable[tuple[str, bytes]]) -> Upload:
    """Return an upload of files, written where only this session sees them.

    Parameters
    ----------
    session
        Whose files they are.
    files
        Names and contents.

    Raises
    ------
    InputError
        If two files have one name, or one cannot be written.
    """
    folder = session.private_path("upload")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names: list[str] = []
    for name, data in files:
        stored = stored_name(name)
        if stored.casefold() in {one.casefold() for one in names}:
            raise InputError("page.error.upload_twice", file=stored)
        try:
            (folder / stored).write_bytes(data)
        except (OSError, ValueError) as error:  # a full disk, or a name that this disk refuses
            raise InputError("page.error.upload_file", file=stored) from error
        names.append(stored)
    # Nothing that is there is replaced before the reader says so.
    options = ImportOptions(max_mb=session.settings.max_file_mb, upon="ask")
    return Upload(tuple(names), folder, options)


def stored_name(name: str) -> str:
    r"""Return the name under which an uploaded file is kept, whatever a browser calls it.

    Only the last part of a path names the file; what no disk takes is left out, and a long
    stem is cut, for each part of a shapefile alike.

    >>> stored_name("..\\secret/网格.shp"), stored_name(".."), stored_name("a\x00b.csv")
    ('网格.shp', 'file', 'ab.csv')
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    plain = "".join(
        one for one in unicodedata.normalize("NFC", last)
        if unicodedata.category(one)[0] != "C" and one not in '<>:"|?*'
    )  # fmt: skip
    plain = plain.lstrip().rstrip(" .")
    if plain.startswith("."):
        plain = f"file.{plain.lstrip('.')}"
    stem, suffix = PurePath(plain).stem, PurePath(plain).suffix
    if len(suffix) > _LONGEST_SUFFIX:
        stem, suffix = plain, ""
    stem = stem.encode()[:_LONGEST_STEM].decode(errors="ignore").rstrip(" .")
    return f"{stem}{suffix}" if stem and safe_name(stem) else f"file{suffix}"


def contents_of(
    session: Session, dropped: Iterable[UploadedFile], before: Upload | None
) -> list[tuple[str, bytes]] | None:
    """Return name and content of dropped files; None where the content is known no more.

    Parameters
    ----------
    session
        Whose files they are.
    dropped
        What the page's widget holds; files that were kept before hold nothing there.
    before
        The upload that they were kept in.
    """
    kept = {} if before is None else dict(zip(before.ids, before.names, strict=True))
    found = []
    for item in dropped:
        if item.file_id in kept:
            data = (session.private_path("upload") / kept[item.file_id]).read_bytes()
        elif item.file_id in session.forgotten:
            return None
        else:
            data = item.getvalue()
        found.append((item.name, data))
    return found


def forget_bytes(session: Session, dropped: Iterable[UploadedFile]) -> tuple[str, ...]:
    """Let the server forget what files hold that now lie in the session's folder.

    Returns
    -------
    tuple of str
        What Streamlit calls the files, in their order.
    """
    ids = []
    manager = Runtime.instance().uploaded_file_mgr if Runtime.exists() else None
    for item in dropped:
        if isinstance(manager, MemoryUploadedFileManager):
            empty = UploadedFileRec(item.file_id, item.name, item.type, b"")
            manager.add_file(session_id(), empty)
        session.forgotten.add(item.file_id)
        ids.append(item.file_id)
    return tuple(ids)


def look(session: Session, item: Item) -> None:
    """Read an item as the open workspace would store it, and store nothing.

    `Item.error` says what speaks against it.
    """
    item.report = item.found = item.error = None
    said = item.options
    try:
        if not item.kind:
            item.kind = guess_kind(
                item.paths[0], layer=said.layer, encoding=said.encoding, max_mb=said.max_mb
            )
        if item.kind == TABLE:
            return
        item.found, item.report = read_files(
            Workspace.at(session.path), item.paths, kind=item.kind, options=said
        )
        item.columns = item.report.columns
    except GridmapError as error:
        item.error = error


def store_ready(session: Session, ready: Iterable[Item]) -> list[Item]:
    """Store items that are ready, areas first and incidents last; return those stored.

    The first one says the working CRS of a new workspace: what was looked at in another is
    read anew. What goes wrong with one stays with it, the others are stored.
    """
    done = []
    for item in sorted(ready, key=lambda one: _ORDER[one.kind]):
        working = Workspace.at(session.path).working_crs
        if item.found is not None and working not in {None, item.found.crs}:
            look(session, item)
        if item.found is None or item.report is None:
            continue
        try:
            store(session, item.found, item.report, item.kind)
        except GridmapError as error:
            item.report, item.error = None, error
            continue
        item.stored, item.found = True, None
        done.append(item)
    return done


def store(session: Session, found: Layer | Incidents, report: ImportReport, kind: str) -> None:
    """Store what was read in the open workspace, and write that to its log.

    Raises
    ------
    PermissionDeniedError
        If the reader's role does not allow it.
    GridmapError
        If the workspace cannot take it; it is then as it was.
    """
    url = session.settings.database_url
    actor, path = session.someone(), session.writable_path()
    with logged(path, actor, Action.IMPORT, kind, url=url) as detail:
        place = Workspace.at(path)
        if isinstance(found, Incidents):
            place.put_incidents(found, report)
        else:
            place.put_layer(found, report)
        detail.update(import_detail(report))
