"""What a reader has dropped: kept apart, read for a look, stored only when they say so."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from gridmap.errors import GridmapError
from gridmap.fields import fields_of, fold
from gridmap.io import KINDS, ImportOptions, ImportReport, Workspace, read_files
from gridmap.model import Incidents, Layer
from gridmap.pages.session import Session
from gridmap.plans import Action, import_detail, logged

__all__ = ["Upload", "guess_kind", "keep_files", "look_first", "read_for_a_look", "store"]

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
    """

    names: tuple[str, ...]
    folder: Path
    kind: str
    options: ImportOptions = field(default_factory=ImportOptions)
    report: ImportReport | None = None
    found: Layer | Incidents | None = None
    columns: tuple[str, ...] = ()

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
    """
    folder = session.private_path("upload")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = []
    for name, data in files:
        # A browser may send a path: only its last part names the file.
        target = folder / (PurePath(name.replace("\\", "/")).name or "file")
        target.write_bytes(data)
        names.append(target.name)
    options = ImportOptions(max_mb=session.settings.max_file_mb)
    return Upload(tuple(names), folder, guess_kind(names), options)


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
