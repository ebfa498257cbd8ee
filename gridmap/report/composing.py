"""From a report to a document: the first page, the sections, and how much of them fits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from gridmap.i18n import tr, using_language
from gridmap.report._definitions import import_line
from gridmap.report.briefing import Room, brief_blocks
from gridmap.report.document import Document, Letterhead, Section
from gridmap.report.findings import Findings, find
from gridmap.report.pdf import page_count
from gridmap.report.report import Report
from gridmap.report.sections import build_sections

__all__ = ["compose"]

_FOUR = 4
_IMPORTANT = ("plan", "stations", "beats", "coverage", "staff", "city", "grids")

#: How the first page gives way until it fits, from the fullest to the barest.
_ROOMS = (
    Room(),
    Room(categories=7),
    Room(categories=7, map_height=0.75),
    Room(categories=6, multiples=8, map_height=0.66),
    Room(categories=5, multiples=8, findings=4, map_height=0.6),
    Room(categories=4, multiples=0, findings=4, map_height=0.55),
    Room(categories=3, multiples=0, findings=3, map_height=0.5),
)


def compose(report: Report, *, paper: str = "a4") -> tuple[Document, Findings]:
    """Return a report as a document, and what its first page finds.

    Parameters
    ----------
    report
        The report.
    paper
        ``a4`` or ``a3``: on what it must fit.
    """
    request = report.request
    settings = request.settings
    assert report.measured is not None  # noqa: S101 - `build_report` measures
    with using_language(report.language):
        found = find(
            report.measured,
            report.hiding,
            report.history,
            report.hot,
            grave=settings.grave,
            busy=report.busy,
        )
        head = _letterhead(report)
        day = request.dated
        document = Document(
            title=_conditional(report, found.title),
            name=f"{report.title} · {report.subtitle}",
            language=report.language,
            head=head,
            front=(),
            sections=(),
            foot=_data_line(report),
            dated=tr("report.dated", date=day.isoformat()),
            iso_date=day.isoformat(),
            band=_band(report),
            signature=(head.agency, _day_words(day)),
            front_alone=report.history is not None,
        )
        for room in _ROOMS:
            front = brief_blocks(report, found, request.remarks, room)
            document = replace(document, front=front)
            if page_count(document, paper="a4", template=request.template) == 1:
                break
        if request.pages == "1":
            return document, found
        if request.pages == "4":
            return _four_pages(report, document, paper), found
        return replace(document, sections=build_sections(report, settings.sections)), found


def _day_words(day: date) -> str:
    name = tr(f"briefing.month.{day.month}")
    return tr("briefing.date", year=day.year, day=day.day, name=name)


def _four_pages(report: Report, document: Document, paper: str) -> Document:
    """Return the document with as many of its sections as fit on four pages."""
    wanted = [name for name in _IMPORTANT if name in report.request.settings.sections]
    every = build_sections(report, wanted, brief=True)
    kept: tuple[Section, ...] = ()
    for section in every:
        longer = replace(document, sections=(*kept, section))
        if page_count(longer, paper=paper, template=report.request.template) <= _FOUR:
            kept = (*kept, section)
    return replace(document, sections=kept)


def _conditional(report: Report, title: str) -> str:
    """Return the title, with what it is of where it is a plan's."""
    if report.plan is None:
        return title
    return tr("briefing.title.plan", plan=report.plan.name, title=title)


def _letterhead(report: Report) -> Letterhead:
    settings, remarks = report.request.settings, report.request.remarks
    agency = settings.agency or report.city.name
    period = report.period.label()
    red = (
        settings.title.format(agency=agency, period=period)
        if settings.title
        else tr(
            "briefing.red_head"
            if report.city.incidents is not None
            else "briefing.red_head_ground",
            agency=agency,
        )
    )
    blank = tr("briefing.blank")
    return Letterhead(
        agency=agency,
        red_head=red,
        number=settings.number,
        signatory=tr("briefing.signatory", name=settings.signatory or blank),
        secrecy=settings.secrecy,
        contact=remarks.contact or settings.contact,
        phone=remarks.phone or settings.phone,
        copies=settings.copies,
        logo=settings.logo,
    )


def _band(report: Report) -> str:
    parts = []
    if report.plan is not None:
        parts.append(tr("briefing.band.plan", plan=report.plan.name))
    if report.city.made_up:
        parts.append(tr("briefing.band.made_up"))
    return "　".join(parts)


def _data_line(report: Report) -> str:
    made_up = tr("report.made_up") if report.city.made_up else ""
    city = report.city
    if city.incidents is None or city.incidents.period is None:
        return tr("briefing.data_line_none", city=city.name, made_up=made_up)
    history = report.history
    compare = tr("briefing.data_alone")
    if history is not None and history.compared:
        first = history.compared[0]
        compare = tr("briefing.data_compare", days=first.now.days, before=first.before.label(),
                     days_before=first.before.days)  # fmt: skip
    last = city.incidents.period[1]
    assert report.measured is not None  # noqa: S101 - `build_report` measures
    known = import_line(report.measured, report.hiding)
    if known:
        compare = f"{compare}; {known}" if report.language == "en" else f"{compare}；{known}"
    return tr("briefing.data_line", city=city.name, made_up=made_up,
              last=f"{last:%Y-%m-%d %H:%M}", compare=compare)  # fmt: skip
