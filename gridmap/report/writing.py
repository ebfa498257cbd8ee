"""A report's folder: every format asked for, a manifest, whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridmap.errors import InputError, WorkspaceError, some_ids
from gridmap.i18n import using_language
from gridmap.io.placing import new_folder_beside, put
from gridmap.report.manifest import MANIFEST, read_manifest, write_manifest
from gridmap.report.measured import Progress
from gridmap.report.report import Report

__all__ = ["ALL_FORMATS", "Written", "parse_formats", "write_report"]

PAPERS = ("a4", "a3")


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Attributes
    ----------
    folder
        Where.
    manifest
        As ``manifest.json`` holds it.
    """

    folder: Path
    manifest: dict[str, Any]

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files in the folder, the manifest's own left out."""
        return tuple(item["path"] for item in self.manifest["files"])


def _xlsx(report: Report, folder: Path, _paper: str) -> None:
    from gridmap.report.workbook import write_workbook

    (folder / f"report_{report.period.code}.xlsx").write_bytes(write_workbook(report))


def _pdf(report: Report, folder: Path, paper: str) -> None:
    from gridmap.report.pdf import write_pdf

    (folder / f"report_{report.period.code}.pdf").write_bytes(write_pdf(report, paper=paper))


def _html(report: Report, folder: Path, _paper: str) -> None:
    from gridmap.report.pictures import html_map

    page = html_map(report)
    if page:
        (folder / "map.html").write_text(page, encoding="utf-8", newline="\n")


def _png(report: Report, folder: Path, _paper: str) -> None:
    from gridmap.report.pictures import write_pictures

    write_pictures(report, folder, "png")


def _svg(report: Report, folder: Path, _paper: str) -> None:
    from gridmap.report.pictures import write_pictures

    write_pictures(report, folder, "svg")


def _gpkg(report: Report, folder: Path, _paper: str) -> None:
    from gridmap.report.gis import write_geopackage

    write_geopackage(report, folder)


def _geojson(report: Report, folder: Path, _paper: str) -> None:
    from gridmap.report.gis import write_geojson

    write_geojson(report, folder)


def _shp(report: Report, folder: Path, _paper: str) -> None:
    from gridmap.report.gis import write_shapefiles

    write_shapefiles(report, folder)


def _csv(report: Report, folder: Path, _paper: str) -> None:
    from gridmap.report.sheets_csv import write_csv

    write_csv(report, folder)


_WRITERS: dict[str, Callable[[Report, Path, str], None]] = {
    "xlsx": _xlsx,
    "pdf": _pdf,
    "html": _html,
    "png": _png,
    "svg": _svg,
    "gpkg": _gpkg,
    "geojson": _geojson,
    "shp": _shp,
    "csv": _csv,
}

#: Every format, in the order in which they are written.
ALL_FORMATS = tuple(_WRITERS)


def parse_formats(text: str) -> tuple[str, ...]:
    """Return the formats that a text lists; ``all`` stands for every one.

    Raises
    ------
    InputError
        If one is unknown, or none is named.
    """
    asked = [item.strip().lower() for item in text.split(",") if item.strip()]
    if asked == ["all"]:
        return ALL_FORMATS
    unknown = [item for item in asked if item not in _WRITERS]
    if unknown or not asked:
        raise InputError(
            "report.error.formats", received=", ".join(unknown) or text, known=", ".join(_WRITERS)
        )
    return tuple(item for item in _WRITERS if item in asked)


def write_report(
    report: Report,
    out: str | Path,
    *,
    formats: Iterable[str] = ALL_FORMATS,
    paper: str = "a4",
    progress: Progress | None = None,
) -> Written:
    """Write a report into a folder, whole or not at all.

    Everything is written into a folder beside the target, which then takes its place. A
    folder that holds an earlier report is replaced; one that holds anything else is left
    alone.

    Parameters
    ----------
    report
        The report.
    out
        The folder.
    formats
        Some of `ALL_FORMATS`.
    paper
        ``a4`` or ``a3``, for the PDF.
    progress
        Told which format is being written and how much is done, 0 to 1.

    Raises
    ------
    InputError
        If a format or paper is unknown.
    WorkspaceError
        If the folder holds other things, or cannot be written.
    """
    chosen = parse_formats(",".join(formats))
    if paper not in PAPERS:
        raise InputError("report.error.paper", received=paper)
    target = Path(out)
    check_target(target)
    try:
        folder = new_folder_beside(target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    try:
        with using_language(report.language):
            for step, name in enumerate(chosen):
                if progress is not None:
                    progress(name, step / len(chosen))
                _WRITERS[name](report, folder, paper)
        options = {"formats": list(chosen), "paper": paper}
        manifest = write_manifest(report, folder, options)
        _put(folder, target)
    except OSError as error:
        if isinstance(error, WorkspaceError):
            raise
        raise _cannot_write(target, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Written(target, manifest)


def check_target(target: Path) -> None:
    """Refuse a folder that holds anything but an earlier report.

    Raises
    ------
    WorkspaceError
        If it does, or is no folder.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise WorkspaceError("report.error.not_folder", path=str(target))
    manifest = read_manifest(target)
    ours = {MANIFEST} | {item["path"] for item in (manifest or {}).get("files", ())}
    others = [
        path.relative_to(target).as_posix()
        for path in sorted(target.rglob("*"))
        if path.is_file() and path.relative_to(target).as_posix() not in ours
    ]
    if others:
        raise WorkspaceError(
            "report.error.not_empty", path=str(target), count=len(others), files=some_ids(others)
        )


def _put(folder: Path, target: Path) -> None:
    """Put the finished folder in the place of the target."""
    if not target.exists():
        put(folder, target)
        return
    aside = new_folder_beside(target)
    try:
        aside.rmdir()
        put(target, aside)
        try:
            put(folder, target)
        except OSError:
            put(aside, target)
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _cannot_write(target: Path, error: OSError) -> WorkspaceError:
    reason = error.strerror or str(error)
    return WorkspaceError("report.error.cannot_write", path=str(target), reason=reason)
