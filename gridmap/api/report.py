"""Report: what an analyst sends and a commander prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date as day
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypedDict

from gridmap._lazy import gpd, pd
from gridmap.api.options import AsDate, AsFile, Options, as_date, as_file, as_plan, option
from gridmap.api.results import FORMAT, MapView, Progress, Result, verb
from gridmap.errors import GridmapError, InputError, MissingError, OptionError
from gridmap.fields import Json
from gridmap.i18n import current_language, tr, using_language

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from gridmap.api.watch import AlertRow
    from gridmap.model import City, Plan
    from gridmap.plans import PlanVersion
    from gridmap.report import Report, ReportFiles, ReportSettings
    from gridmap.report.document import Block


@dataclass(frozen=True, kw_only=True)
class ReportOptions(Options):
    """What `report` covers: the plan, period and language, and what it hides."""

    verb: ClassVar[str] = "report"

    plan: Plan | None = option(None, metavar="NAME", parse=as_plan)
    period: str = option("", metavar="2024-03|2024Q1|2024|FROM..TO")
    compare: str = option("", metavar="previous,last-year,ytd|none")
    formats: str = option(
        "xlsx,pdf", metavar="xlsx,pdf,docx,pptx,html,png,svg,gpkg,geojson,shp,csv|all"
    )
    pages: Literal["1", "4", "full"] = option("full", choices=("1", "4", "full"))
    brief: bool = option(False)  # noqa: FBT003 - a field's default, not a call with a flag
    remarks: AsFile = option("", metavar="FILE.md", parse=as_file)
    settings: AsFile = option("", metavar="FILE.toml", parse=as_file)
    template: AsFile = option("", metavar="DIR", parse=as_file)
    document: bool = option(False)  # noqa: FBT003 - the same
    watch: bool = option(False)  # noqa: FBT003 - the same
    duty: bool = option(False)  # noqa: FBT003 - the same
    lang: Literal["", "zh", "en"] = option("", choices=("", "zh", "en"))
    suppress_below: int = option(0, metavar="N", least=0, most=1_000_000)
    paper: Literal["a4", "a3"] = option("a4", choices=("a4", "a3"))
    date: AsDate = option("", metavar="DATE", parse=as_date)

    def check_together(self) -> None:
        """Check that formats are known, and that the date is a day."""
        if self.document and self.plan is None:
            raise OptionError("report.error.document_plan", option="document")
        if len(self.date) > len("2024-03-31"):
            raise OptionError("api.error.date", option="date", received=self.date)
        if self.brief and self.pages == "4":
            raise OptionError("api.error.both", option="pages", other="brief", received="4")
        from gridmap.report import parse_formats

        parse_formats(self.formats)


class ReportJson(TypedDict):
    """The JSON of ``gridmap report --json``, which adds the folder and its manifest."""

    format: int
    title: str
    language: str
    period: str
    parameters: dict[str, Json]
    figures: dict[str, str]
    sentences: list[str]
    warnings: list[str]
    options: dict[str, Json]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ReportResult(Result[ReportJson]):
    """A report, measured and ready to be written.

    Attributes
    ----------
    city, options
        What it is about, and what was asked.
    report
        Tables, figures and sentences; see `gridmap.report.Report`.
    """

    city: City
    options: ReportOptions
    report: Report

    def __repr__(self) -> str:
        return f"<ReportResult {self.report.title!r} {self.report.period.code}>"

    def write(
        self, folder: str | PathLike[str], *, progress: Progress | None = None
    ) -> ReportFiles:
        """Write every format that was asked for into a folder, whole or not at all.

        Parameters
        ----------
        folder
            Folder to write; it is made.
        progress
            Called with the share done.

        Raises
        ------
        GridmapError
            If the folder cannot be written, or holds what no report has put there.
        """
        from gridmap.report import parse_formats, write_report

        def tell(what: str, share: float) -> None:
            if progress is not None:
                progress(share, what)

        return write_report(
            self.report,
            Path(folder),
            formats=parse_formats(self.options.formats),
            paper=self.options.paper,
            progress=tell,
            options=self.options.portable(),
        )

    def with_versions(self, versions: Iterable[PlanVersion]) -> ReportResult:
        """Return the same with the versions of its plan, for the document of a division."""
        request = replace(self.report.request, versions=tuple(versions))
        return replace(self, report=replace(self.report, request=request))

    def with_remarks(self, text: str) -> ReportResult:
        """Return the same with what the analyst recommends, and whom to ask.

        Parameters
        ----------
        text
            As a file of remarks holds it: paragraphs, and lines such as ``承办人：`` or
            ``Contact:``.

        Raises
        ------
        InputError
            If it is too long for the first page, or holds records of persons.
        """
        from gridmap.report import parse_remarks

        request = replace(self.report.request, remarks=parse_remarks(text))
        return replace(self, report=replace(self.report, request=request))

    def card(self, beat: str, *, suffix: Literal["pdf", "docx"] = "pdf") -> bytes:
        """Return the card of one beat, to be posted in its police room, as PDF or for Word.

        Parameters
        ----------
        beat
            Id of a beat of the report's plan; of today's beats where it has no plan.
        suffix
            ``pdf`` or ``docx``.

        Raises
        ------
        InputError
            If small counts are hidden.
        MissingError
            If there is no such beat, or it has no grids.
        """
        from gridmap.report.docx import write_docx
        from gridmap.report.pdf import write_pdf
        from gridmap.report.plan_document import beat_card

        template = self.report.request.template
        if suffix == "docx":
            return write_docx(beat_card(self.report, beat), template=template)
        paper = self.options.paper
        return write_pdf(beat_card(self.report, beat, paper=paper), paper=paper, template=template)

    def preview(self, *, ppi: float = 110.0) -> bytes:
        """Return the first page as PNG; see `preview`."""
        return preview(self.report, ppi=ppi)

    def sentences(self) -> list[str]:
        """Return what a commander reads aloud."""
        return list(self.report.sentences)

    def to_dict(self) -> ReportJson:
        """Return title, period, figures and sentences as plain values."""
        from gridmap.report import parse_formats
        from gridmap.report.writing import parameters_of

        told = self.report
        options = {"formats": list(parse_formats(self.options.formats)),
                   "paper": self.options.paper}  # fmt: skip
        return {
            "format": FORMAT,
            "title": told.title,
            "language": told.language,
            "period": told.period.code,
            "parameters": {**parameters_of(told), **options},
            "figures": dict(self.figures()),
            "sentences": list(told.sentences),
            "warnings": list(told.warnings),
            "options": self.options.to_dict(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Return the key figures as a table."""
        return pd.DataFrame(self.figures(), columns=["figure", "value"])

    def to_gdf(self) -> gpd.GeoDataFrame:
        """Return the measures by beat with their ground, small counts hidden as in the report."""
        layer = self.report.beats
        if layer is None:
            raise MissingError("measure.error.no_rows", by="beat", city=self.city.label)
        rows = pd.DataFrame({"id": layer.ids.astype(str), "name": layer.names})
        table = self.report.table("beats")
        if table is not None:
            figures = table.rows.drop(columns=["name"], errors="ignore")
            rows = rows.merge(figures.assign(id=figures["id"].astype(str)), how="left", on="id")
        return gpd.GeoDataFrame(rows, geometry=layer.geometry, crs=layer.crs)

    def figures(self) -> list[tuple[str, str]]:
        """Return the key figures as label and text."""
        return [(item.label, f"{item.text()} {item.unit}".strip()) for item in self.report.figures]

    def map_view(self) -> MapView | None:
        """Return the beats coloured by what the report counts in them, or None without beats."""
        from gridmap.maps import choropleth

        if self.report.beats is None:
            return None
        frame = self.to_gdf()
        counted = [name for name in ("incidents", "residents", "area_km2") if name in frame]
        values = {name: pd.to_numeric(frame[name], errors="coerce") for name in counted}
        themes = tuple(
            choropleth(name, column.to_numpy(dtype=float))
            for name, column in values.items()
            if column.notna().any()
        )
        return MapView(cells=self.report.beats, themes=themes) if themes else None


def preview(built: Report, *, ppi: float = 110.0) -> bytes:
    """Return the first page of a report as PNG, as its PDF prints it.

    Parameters
    ----------
    built
        What `gridmap.report.build_report` made.
    ppi
        Pixels per inch: at 110 an A4 page is 909 by 1286 pixels.

    Raises
    ------
    InputError
        If the department's own template has a mistake.
    """
    from gridmap.report.composing import compose
    from gridmap.report.pdf import first_page
    from gridmap.report.plan_document import plan_document

    if built.request.document:
        document = plan_document(built)[0]
    else:
        alone = replace(built, request=replace(built.request, pages="1"))
        document = compose(alone)[0]
    return first_page(document, template=built.request.template, ppi=ppi)


def all_formats() -> tuple[str, ...]:
    """Return the formats that a report can be written in."""
    from gridmap.report import ALL_FORMATS

    return ALL_FORMATS


def settings_file(workspace: Path) -> Path:
    """Return where a workspace keeps its department's own report settings."""
    from gridmap.report import SETTINGS

    return workspace / SETTINGS


def read_settings(path: Path) -> ReportSettings:
    """Return what a settings file says (`gridmap.report.read_settings`)."""
    from gridmap.report import read_settings as read

    return read(path)


def write_settings(
    path: Path, values: Mapping[str, Json], *, logo: tuple[str, bytes] | None = None
) -> ReportSettings:
    """Change some settings of a file (`gridmap.report.write_settings`)."""
    from gridmap.report import write_settings as write

    return write(path, values, logo=logo)


def norm_figures(settings: ReportSettings) -> list[tuple[str, str, str, float, float]]:
    """Return the figures of the norms: id, name, what is counted, as set, and as bundled."""
    from gridmap.measure import norms

    usual = {norm.id: norm for norm in norms()}
    return [
        (norm.id, norm.name, figure, float(getattr(norm, figure)), bundled)
        for norm in settings.norms
        for figure in ("officers", "auxiliaries", "people")
        if (bundled := float(getattr(usual[norm.id], figure)))
    ]


def setting_labels() -> dict[str, dict[str, str]]:
    """Return what can be picked in report settings: ``sections`` and ``beat_columns``."""
    from gridmap.report.settings import BEAT_COLUMNS, SECTIONS
    from gridmap.report.tables import column

    return {
        "sections": {name: tr(f"briefing.section.{name}") for name in SECTIONS},
        "beat_columns": {
            name: tr("page.reports.weeks") if name == "weeks" else column(keys[0]).label
            for name, keys in BEAT_COLUMNS.items()
        },
    }


def check_target(folder: Path) -> None:
    """Refuse a folder that holds anything but an earlier report, before anything is measured.

    Raises
    ------
    WorkspaceError
        If it does, or is no folder.
    """
    from gridmap.report import check_target as check

    check(folder)


def write_templates(folder: Path) -> list[Path]:
    """Write the templates of reports, to be changed, into a folder; return the files."""
    from gridmap.report import write_templates as write

    return list(write(folder))


@verb(ReportOptions)
def report(
    city: City, options: ReportOptions, *, progress: Progress | None = None
) -> ReportResult:
    """Build the report of a period; the same input and date give the same bytes.

    Returns
    -------
    ReportResult
        ``result.write(folder)`` writes it.

    Raises
    ------
    InputError
        If an option is invalid, or there is nothing to report on.

    Examples
    --------
    >>> import gridmap
    >>> city = gridmap.make_city(grids=60, incidents=500)
    >>> gridmap.report(city, period="2024-03", lang="en").sentences()[0]  # doctest: +SKIP
    """
    from gridmap.report import Remarks, ReportSettings, Request, build_report, read_remarks
    from gridmap.report.writing import check_template

    template = Path(options.template) if options.template else None
    if template is not None:
        if not template.is_dir():
            raise InputError("report.error.no_template", path=str(template))
        check_template(template, options.lang or current_language())

    def tell(what: str, share: float) -> None:
        if progress is not None:
            progress(share, what)

    dated = day.fromisoformat(options.date) if options.date else day.today()  # noqa: DTZ011 - the day on the desk where the report is written
    with using_language(options.lang or current_language()):
        request = Request(
            dated=dated,
            period=options.period,
            compare=options.compare,
            suppress_below=options.suppress_below,
            pages="1" if options.brief else options.pages,
            settings=read_settings(Path(options.settings))
            if options.settings
            else ReportSettings(),
            remarks=read_remarks(Path(options.remarks)) if options.remarks else Remarks(),
            template=template,
            document=options.document,
            alerts=_alerts(city, options) if options.watch else (),
            duty=_duty(city, options) if options.duty and not options.suppress_below else (),
        )
        built = build_report(city, request, plan=options.plan, progress=tell)
    return ReportResult(city=city, options=options, report=built)


def _alerts(city: City, options: ReportOptions) -> tuple[AlertRow, ...]:
    """Return what `watch` finds up to the end of the report's period."""
    from gridmap.api.watch import watch
    from gridmap.report import parse_period

    last = parse_period(options.period).last
    known = None if city.incidents is None else city.incidents.period
    if known is None:
        return ()
    until = known[1].date() if last is None else min(last, known[1].date())
    return watch(city, until=str(until)).alerts if until >= known[0].date() else ()


def _duty(city: City, options: ReportOptions) -> tuple[Block, ...]:
    """Return shifts, norms and the ranking of stations; what cannot be made says why."""
    from gridmap.api.norms import assess, norms
    from gridmap.api.shifts import shifts
    from gridmap.report import parse_period
    from gridmap.report.document import Paragraph

    period = parse_period(options.period)
    since, until = str(period.first or ""), str(period.last or "")
    folder = Path(options.settings).parent if options.settings else None  # beside report.toml
    figures, goals = (folder / name if folder else None for name in ("norms.toml", "score.toml"))
    makers: dict[str, Callable[[], list[Block]]] = {
        "shifts": lambda: shifts(city, norms=figures, since=since, until=until).blocks(
            roster=False
        ),
        "rooms": lambda: norms(city, norms=figures).blocks(),
        "score": lambda: assess(
            city, by="station", goals=goals, since=since, until=until
        ).blocks(),
    }
    found: list[Block] = []
    for name, make in makers.items():
        lead = f"{tr(f'duty.page.{name}')}: "
        try:
            first, *rest = make()
        except GridmapError as error:
            first, rest = Paragraph(error.text(), style="note"), []
        found += [replace(first, lead=lead) if isinstance(first, Paragraph) else first, *rest]
    return tuple(found)
