"""What a reader has dropped: kept apart, read for a look, stored only when they say so."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from gridmap.errors import GridmapError, InputError
from gridmap.fields import fields_of, fold
from gridmap.io import KINDS, ImportOptions, ImportReport, Workspace, read_files
from gridmap.model import Incidents, Layer
from gridmap.pages.session import Session, safe_name, session_id
from gridmap.plans import Action, import_detail, logged

__all__ = [
    "Upload",
    "contents_of",
    "forget_bytes",
    "guess_kind",
    "keep_files",
    "look_first",
    "read_for_a_look",
    "store",
    "stored_name",
]

_SIGNS = {
    "incidents": ("警情", "案件", "接处警", "crime", "incident", "calls"),
    "beat": ("警格", "警务区", "beat"),
    "grid": ("网格", "grid", "blockgroup", "block"),
    "station": ("派出所", "辖区", "station", "precinct", "district"),
    "room": ("警务室", "room", "policestation"),
    "facility": ("设施", "监控", "消防", "facility", "camera"),
    "road": ("道路", "路网", "street", "road", "centerline"),
    "barrier": ("河流", "铁路", "水系", "river", "rail", "barrier"),
    "community": ("社区", "村居", "community", "neighbo"),
}
_LONGEST_STEM = 150  # bytes
_LONGEST_SUFFIX = 20
_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix")


@dataclass(slots=True)
class Upload:
    """Files that were dropped together.

    Parameters
    ----------
    names
        The files' names.
    folder
        Where they are, seen by this session only.
    kind
        What they are taken for.
    options
        How they are read.
    report
        What gridmap understood, or None before the first look.
    found
        What was read: stored as it is, so that the files are read once.
    columns
        The files' columns, as the last look that went well found them.
    ids
        What Streamlit calls the files, as `names`.
    """

    names: tuple[str, ...]
    folder: Path
    kind: str
    options: ImportOptions = field(default_factory=ImportOptions)
    report: ImportReport | None = None
    found: Layer | Incidents | None = None
    columns: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()

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

    @property
    def paths(self) -> list[Path]:
        """The files to be read: a shapefile's parts stand for one."""
        files = sorted(self.folder.iterdir())
        if any(path.suffix.lower() == ".shp" for path in files):
            return [path for path in files if path.suffix.lower() not in _PARTS[1:]]
        return files


def guess_kind(names: Iterable[str]) -> str:
    """Return what files of these names seem to be; grids where nothing tells.

    >>> guess_kind(["2024年警情.xlsx"]), guess_kind(["police_beats.zip"])
    ('incidents', 'beat')
    """
    return _told_by(names) or "grid"


def _told_by(names: Iterable[str]) -> str:
    text = fold(" ".join(PurePath(name).stem for name in names))
    found = (kind for kind, signs in _SIGNS.items() if any(fold(sign) in text for sign in signs))
    return next(found, "")


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
    options = ImportOptions(max_mb=session.settings.max_file_mb)
    return Upload(tuple(names), folder, guess_kind(names), options)


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


def look_first(session: Session, upload: Upload) -> None:
    """Read an upload for the first time; where no name tells its kind, by what can be read.

    Raises
    ------
    GridmapError
        If the files cannot be used: what speaks against the first kind.
    """
    first, others = upload.kind, () if _told_by(upload.names) else ("incidents", "room")
    try:
        read_for_a_look(session, upload)
    except GridmapError:
        for upload.kind in others:
            with suppress(GridmapError):
                read_for_a_look(session, upload)
                return
        upload.kind = first
        raise


def read_for_a_look(session: Session, upload: Upload) -> None:
    """Read an upload as the open workspace would store it, and store nothing.

    Raises
    ------
    GridmapError
        If the files cannot be used.
    """
    upload.report, upload.found = None, None
    upload.found, upload.report = read_files(
        Workspace.at(session.path), upload.paths, kind=upload.kind, options=upload.options
    )
    upload.columns = upload.report.columns


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


assert set(_SIGNS) == set(KINDS)  # noqa: S101 - every kind has its signs
