"""A report's folder: every format asked for, a manifest, whole or not at all."""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridmap.errors import InputError, WorkspaceError, some_ids
from gridmap.fields import Json
from gridmap.i18n import current_language, using_language
from gridmap.io.placing import new_folder_beside, put
from gridmap.report.city_tables import repairs_of
from gridmap.report.measured import TellProgress
from gridmap.report.report import Report
from gridmap.report.settings import SETTINGS
from gridmap.version import __version__

if TYPE_CHECKING:
    from gridmap.report.document import Document
    from gridmap.report.findings import Findings

MANIFEST = "manifest.json"
_TYPST, _DOCX = "document.typ", "letter.docx"
_TEMPLATES = (_TYPST, _DOCX, SETTINGS)
_LIBRARIES = ("geopandas", "matplotlib", "numpy", "pandas", "pyogrio", "pyproj", "shapely",
              "typst", "xlsxwriter")  # fmt: skip


def write_manifest(
    report: Report, folder: Path, written: Mapping[str, Json], options: Mapping[str, Json]
) -> dict[str, Any]:
    """Write ``manifest.json`` over the files of a folder and return it.

    Parameters
    ----------
    report
        The report that the files were made of.
    folder
        Where the files are.
    written
        How they were written: formats, paper.
    options
        What was asked for.
    """
    city = report.city
    layers: list[dict[str, Any]] = [
        {
            "kind": str(kind),
            "features": len(layer),
            "digest": layer.digest,
            "sources": [str(name) for name in _listed(layer.provenance.get("sources"))],
            "repairs": repairs_of(layer),
        }
        for kind, layer in city.layers.items()
    ]
    hidden = bool(report.hiding.limit)  # the number of all would tell those of a month
    if city.incidents is not None:
        layers.append(
            {
                "kind": "incidents",
                "features": None if hidden else len(city.incidents),
                "digest": city.incidents.digest,
                "sources": [],
            }
        )
    delays = report.measured.delays
    manifest = {
        "gridmap": __version__,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "title": report.title,
        "language": report.language,
        "parameters": {**parameters_of(report), **written},
        "request": dict(options),
        "crs": city.crs.to_string(),
        "presets": {name: getattr(city.presets, name) for name in sorted(city.presets.__slots__)},
        "layers": layers,
        # Counts of late reports would tell small ones.
        "reporting": None if delays is None or hidden else delays.to_dict(),
        "files": [_entry(path, folder) for path in sorted(folder.rglob("*")) if path.is_file()],
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")
    return manifest


def parameters_of(report: Report) -> dict[str, Any]:
    """Return what the numbers of a report depend on, as plain values."""
    return {
        "date": report.request.dated.isoformat(),
        "period": report.period.code,
        "compared": None if report.compared is None else report.compared.code,
        "plan": None if report.plan is None else report.plan.name,
        "plan_digest": None if report.plan is None else report.plan.digest,
        "suppress_below": report.request.suppress_below,
    }


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return the manifest of a folder, or None where there is none that can be read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        ours = "gridmap" in found and all(isinstance(item["path"], str) for item in found["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if ours else None


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _entry(path: Path, folder: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {
        "path": path.relative_to(folder).as_posix(),
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }


PAPERS = ("a4", "a3")


@dataclass(frozen=True, slots=True)
class ReportFiles:
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


class _Job:
    """One report being written into a folder; the document is composed once, when needed."""

    def __init__(self, report: Report, folder: Path, paper: str) -> None:
        self.report, self.folder, self.paper = report, folder, paper
        kind = "division" if report.request.document else "report"
        self.stem = f"{kind}_{report.period.code}{report.plan_mark}"

    @cached_property
    def composed(self) -> tuple[Document, Findings]:
        """The document and what it finds."""
        from gridmap.report.composing import compose

        return compose(self.report, paper=self.paper)

    @cached_property
    def division(self) -> tuple[Document, Document]:
        """The document of a division, and its beat cards alone."""
        from gridmap.report.plan_document import plan_document

        return plan_document(self.report, paper=self.paper)

    @property
    def paper_document(self) -> Document:
        """What is printed: the report, or the document of a division."""
        return self.division[0] if self.report.request.document else self.composed[0]

    def xlsx(self) -> None:
        """Write the workbook."""
        from gridmap.report.workbook import write_workbook

        (self.folder / f"{self.stem}.xlsx").write_bytes(write_workbook(self.report))

    def pdf(self) -> None:
        """Write the PDF."""
        from gridmap.report.pdf import write_pdf

        template = self.report.request.template
        data = write_pdf(self.paper_document, paper=self.paper, template=template)
        (self.folder / f"{self.stem}.pdf").write_bytes(data)
        if self.report.request.document:
            cards = write_pdf(self.division[1], template=template)
            (self.folder / f"{self.stem}_cards.pdf").write_bytes(cards)

    def docx(self) -> None:
        """Write the document for Word."""
        from gridmap.report.docx import write_docx

        (self.folder / f"{self.stem}.docx").write_bytes(
            write_docx(self.paper_document, template=self.report.request.template)
        )

    def pptx(self) -> None:
        """Write the slides."""
        from gridmap.report.pptx import write_pptx

        data = write_pptx(self.report, *self.composed)
        (self.folder / f"{self.stem}.pptx").write_bytes(data)

    def html(self) -> None:
        """Write the report as one page, and the map to move about in beside it."""
        from gridmap.report.html import html_map, write_html

        tables = () if self.report.request.pages == "1" else self.report.tables
        page = write_html(self.composed[0], tables)
        (self.folder / f"{self.stem}.html").write_text(page, encoding="utf-8", newline="\n")
        if self.report.request.pages != "1":
            moving = html_map(self.report)
            if moving:
                (self.folder / "map.html").write_text(moving, encoding="utf-8", newline="\n")

    def png(self) -> None:
        """Write every map and chart as PNG."""
        from gridmap.report.pdf import write_pictures

        write_pictures(self.composed[0], self.folder, "png")

    def svg(self) -> None:
        """Write every map and chart as SVG."""
        from gridmap.report.pdf import write_pictures

        write_pictures(self.composed[0], self.folder, "svg")

    def gpkg(self) -> None:
        """Write the GeoPackage."""
        from gridmap.report.gis import write_geopackage

        write_geopackage(self.report, self.folder)

    def geojson(self) -> None:
        """Write GeoJSON."""
        from gridmap.report.gis import write_geojson

        write_geojson(self.report, self.folder)

    def shp(self) -> None:
        """Write shapefiles."""
        from gridmap.report.gis import write_shapefiles

        write_shapefiles(self.report, self.folder)

    def csv(self) -> None:
        """Write the tables as CSV."""
        from gridmap.report.workbook import write_csv

        write_csv(self.report, self.folder)


_WRITERS: dict[str, Callable[[_Job], None]] = {
    "xlsx": _Job.xlsx,
    "pdf": _Job.pdf,
    "docx": _Job.docx,
    "pptx": _Job.pptx,
    "html": _Job.html,
    "png": _Job.png,
    "svg": _Job.svg,
    "gpkg": _Job.gpkg,
    "geojson": _Job.geojson,
    "shp": _Job.shp,
    "csv": _Job.csv,
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
    progress: TellProgress | None = None,
    options: Mapping[str, Json] | None = None,
) -> ReportFiles:
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
        ``a4`` or ``a3``, for the PDF: A3 lies across and has two columns.
    progress
        Told which format is being written and how much is done, 0 to 1.
    options
        What was asked for, as the manifest prints it.

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
    _give_back_memory()
    gc.freeze()  # what is there already is not walked through after each format
    try:
        with using_language(report.language):
            job = _Job(report, folder, paper)
            for step, name in enumerate(chosen):
                if progress is not None:
                    progress(name, step / len(chosen))
                _WRITERS[name](job)
                _give_back_memory()
        written = {"formats": list(chosen), "paper": paper}
        manifest = write_manifest(report, folder, written, options or {})
        _put(folder, target)
    except OSError as error:
        if isinstance(error, WorkspaceError):
            raise
        raise _cannot_write(target, error) from error
    finally:
        gc.unfreeze()
        shutil.rmtree(folder, ignore_errors=True)
    return ReportFiles(target, manifest)


def _give_back_memory() -> None:
    """Let go of what a format took: the next one would come on top of it."""
    from gridmap.report.pdf import forget_typesetting

    forget_typesetting()
    gc.collect()
    with suppress(
        OSError, AttributeError, TypeError
    ):  # glibc's own; others give back by themselves
        ctypes.CDLL(None).malloc_trim(0)


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


def check_template(folder: Path, language: str) -> None:
    """Check a department's templates on a short document, before anything is measured.

    Raises
    ------
    InputError
        If the folder holds none of them, or one has a mistake.
    """
    from gridmap.report.document import sample_document
    from gridmap.report.docx import write_docx
    from gridmap.report.pdf import page_count

    names = [name for name in _TEMPLATES if name != SETTINGS]
    if not any((folder / name).is_file() for name in names):
        raise InputError("report.error.template_empty", path=str(folder), files=", ".join(names))
    sample = sample_document(language)
    if (folder / _TYPST).is_file():
        page_count(sample, template=folder)
    if (folder / _DOCX).is_file():
        write_docx(sample, template=folder)


def write_templates(folder: Path) -> tuple[Path, ...]:
    """Write the templates and a commented ``report.toml`` into a folder, to be changed there.

    Raises
    ------
    InputError
        If one of the files is there already.
    """
    from gridmap.report.docx import empty_template

    folder.mkdir(parents=True, exist_ok=True)
    source = files("gridmap.report") / "assets"
    there = [name for name in _TEMPLATES if (folder / name).exists()]
    if there:
        raise InputError("report.error.template_there", path=str(folder), files=", ".join(there))
    for name in _TEMPLATES:
        data = empty_template(current_language()) if name == _DOCX else None
        (folder / name).write_bytes(data or (source / name).read_bytes())
    return tuple(folder / name for name in _TEMPLATES)
