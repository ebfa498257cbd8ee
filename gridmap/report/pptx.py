"""Six slides with native charts: findings, weeks, categories, stations, map, reach."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from gridmap.i18n import tr, using_language
from gridmap.report.charts import Svg, text_width
from gridmap.report.composing import category_grid, place_grid, place_map, weeks_figure
from gridmap.report.document import Box, Document, Grid, grid_of
from gridmap.report.docx import steady_package
from gridmap.report.findings import Findings
from gridmap.report.measured import CountHistory
from gridmap.report.pdf import typeset
from gridmap.report.plan_change import effect_grid, effects_of, plan_map, price_lines
from gridmap.report.report import Report
from gridmap.report.sections import area_grid
from gridmap.report.tables import printable

_INK, _QUIET, _ACCENT, _PALE, _RED = "1B2A3A", "5B6B7C", "C8500A", "B8C2CC", "B5121B"
_WIDTH_IN, _HEIGHT_IN = 13.333, 7.5
_FACE = {"zh": "Microsoft YaHei", "en": "Calibri"}
_ROWS, _BARS = 14, 10  # of a table and of a chart on one slide
_STAFF_KEYS = ("name", "people", "officers", "officers_needed", "officers_lacking")


def write_pptx(report: Report, document: Document, findings: Findings) -> bytes:
    """Return a report as slides.

    Parameters
    ----------
    report
        The report: charts are native, made of its numbers.
    document
        The same as a document: title, head and date.
    findings
        What it finds.
    """
    with using_language(report.language):
        slides = _Slides(report, document, findings)
        return steady_package(slides.to_bytes(), document.iso_date)


class _Slides:
    """A presentation being written."""

    def __init__(self, report: Report, document: Document, findings: Findings) -> None:
        import pptx
        from pptx.util import Inches

        self.report, self.document, self.findings = report, document, findings
        self.deck = pptx.Presentation()
        self.deck.slide_width, self.deck.slide_height = Inches(_WIDTH_IN), Inches(_HEIGHT_IN)
        self.face = _FACE[report.language]

    def to_bytes(self) -> bytes:
        """Write the slides and return the file."""
        if self.report.table("comparison") is not None:
            self.opening()
            self.plan()
        else:
            self.month()
        self.reach()
        core = self.deck.core_properties
        core.title, core.author = self.document.title, self.document.head.agency or "gridmap"
        buffer = io.BytesIO()
        self.deck.save(buffer)
        return buffer.getvalue()

    def month(self) -> None:
        """Write the slides of a period."""
        history = self.report.history
        visible = history is not None and not self.report.hiding.limit
        self.opening()
        if history is not None and visible and len(history.week_starts) > 2:
            self.weeks(history)
        self.categories(history if visible else None)
        self.stations(history if visible else None)
        self.map()

    def plan(self) -> None:
        """Write what a plan would change, its maps before and after, beats, and places."""
        measured, plan, comparison = (
            self.report.measured, self.report.plan, self.report.table("comparison")
        )  # fmt: skip
        assert plan is not None  # noqa: S101 - it is compared
        assert measured.present is not None  # noqa: S101 - the same
        assert comparison is not None  # noqa: S101 - the same
        grid = effect_grid(effects_of(measured, self.report.hiding))
        slide = self.slide(grid.caption)
        self.table(slide, grid, 0.6, 1.3, 12.1)
        price = tr("briefing.semicolon").join(price_lines(measured, self.report.hiding))
        price += tr("briefing.stop")
        self.words(slide, [(tr("briefing.plan.price"), price)], 0.6, 5.7, 12.1, 1.2, size=16)
        slide = self.slide(tr("briefing.section.plan"))
        for left, figure in (
            (0.6, plan_map(measured, measured.present, "before")),
            (6.9, plan_map(measured, plan, "after", changed=measured.present)),
        ):
            self.words(slide, [(figure.caption, "")], left, 1.2, 5.8, 0.4, size=14)
            self.picture(slide, figure.drawing.draw(420.0), left, 1.7, 5.8, 5.2, figure.alt)
        slide = self.slide(comparison.title)
        self.table(slide, grid_of(comparison), 0.6, 1.3, 12.1)
        self.map()

    def opening(self) -> None:
        """Write the title and the findings."""
        slide = self.slide(self.document.title)
        head = self.document.head
        top = 1.45
        if head.title:
            self.words(slide, [(head.title, "")], 0.6, 0.18, 12.1, 0.4, size=14, colour=_RED)
        lines = [(found.lead, found.text) for found in self.findings.findings]
        self.words(slide, lines, 0.6, top, 12.1, 5.3, size=18, gap=10)

    def weeks(self, history: CountHistory) -> None:
        """Write the control chart of weeks as a native line chart."""
        from pptx.chart.data import CategoryChartData
        from pptx.dml.color import RGBColor
        from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION
        from pptx.util import Inches, Pt

        figure = weeks_figure(history)
        slide = self.slide(figure.caption)
        data = CategoryChartData(number_format="#,##0")
        data.categories = [f"{day.month}/{day.day}" for day in history.week_starts]
        data.add_series(tr("briefing.chart.weeks"), history.city.weeks[0].tolist())
        limits = history.limits
        if limits is not None:
            for name, value in (("upper", limits.upper), ("mean", limits.mean),
                                ("lower", limits.lower)):  # fmt: skip
                data.add_series(tr(f"briefing.chart.{name}"), [value] * len(history.week_starts))
        frame = slide.shapes.add_chart(
            XL_CHART_TYPE.LINE_MARKERS, Inches(0.6), Inches(1.2), Inches(12.1), Inches(5.0), data
        )
        _describe(frame, figure.alt)
        chart = frame.chart
        chart.has_legend = True
        chart.legend.position, chart.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False
        self.style(chart)
        for place, series in enumerate(chart.plots[0].series):
            series.smooth = False
            series.format.line.color.rgb = RGBColor.from_string(_INK if not place else _PALE)
            series.format.line.width = Pt(2.5 if not place else 1.25)
            if place:
                series.marker.style = None
                series.marker.size = 2
        if limits is not None:
            points = chart.plots[0].series[0].points
            for place in np.flatnonzero(limits.outside(history.city.weeks[0])).tolist():
                points[place].marker.format.fill.solid()
                points[place].marker.format.fill.fore_color.rgb = RGBColor.from_string(_ACCENT)
                points[place].marker.size = 12
        values = history.city.weeks[0]
        low = float(min(values.min(), limits.lower if limits else values.min()))
        chart.value_axis.minimum_scale = float(np.floor(low * 0.9 / 10.0) * 10.0)
        self.words(slide, [("", tr("briefing.chart.weeks_slide"))], 0.6, 6.3, 12.1, 0.6, size=12,
                   colour=_QUIET)  # fmt: skip

    def categories(self, history: CountHistory | None) -> None:
        """Write the categories as native bars beside their table."""
        grid = category_grid(self.report, 10)
        if grid is not None:
            self.beside(history, "category", grid, {"category"}, "categories", 0.47)

    def stations(self, history: CountHistory | None) -> None:
        """Write the stations as native bars beside their table."""
        grid = area_grid(self.report, "station")
        if grid is not None:
            keys = {"station", "beat", "rows"}
            self.beside(history, "station", grid, keys, "stations_daily", 0.42)

    def beside(
        self,
        history: CountHistory | None,
        level: str,
        grid: Grid,
        leads: AbstractSet[str],
        title: str,
        share: float,
    ) -> None:
        """Write bars of a day's incidents on a share of a slide, and a table beside them."""
        lead = next((one.lead for one in self.findings.findings if one.key in leads), "")
        slide = self.slide(lead or grid.caption)
        rows = None if history is None else history.levels.get(level)
        if history is None or rows is None:
            self.table(slide, grid, 0.6, 1.3, 12.1)
            return
        order = np.argsort(-rows.now, kind="stable")[:12][::-1]
        names = [rows.names[row] for row in order]
        daily = [float(rows.now[row]) / history.period.days for row in order]
        series = [(history.period.label(), daily)]
        if history.basis is not None:
            each = history.of(history.basis)
            assert each is not None  # noqa: S101 - it is the first basis
            past = [rows.changes[history.basis][row].daily_before for row in order]
            series.insert(0, (each.before.label(), past))
        wide = 12.3 * share
        self.bars(slide, names, series, 0.5, 1.2, wide, 5.5, tr(f"briefing.chart.{title}"))
        self.table(slide, grid, 0.7 + wide, 1.3, 12.1 - wide)

    def map(self) -> None:
        """Write the map of the places beside their table."""
        figure = place_map(self.report, self.findings)
        if figure is None:
            return
        slide = self.slide(figure.caption)
        svg = figure.drawing.draw(520.0, 400.0)
        self.picture(slide, svg, 0.5, 1.2, 7.6, 5.7, figure.alt)
        if self.findings.places:
            self.table(slide, place_grid(self.findings), 8.4, 1.4, 4.4)

    def reach(self) -> None:
        """Write who is out of reach and where officers lack, and what is recommended."""
        slide = self.slide(tr("briefing.slide.last"))
        table, staff = self.report.table("stations"), self.report.table("staffing")
        if table is not None and "outside_residents" in table.rows.columns:
            title = next(one.label for one in table.columns if one.key == "outside_residents")
            values = np.nan_to_num(table.values("outside_residents").astype(float))
            order = np.argsort(-values, kind="stable")[:_BARS][::-1]
            named = table.values("name" if "name" in table.rows.columns else "id")[order]
            series = [(title, values[order].tolist())]
            self.bars(slide, named.tolist(), series, 0.5, 1.2, 5.7, 4.4, title, form="#,##0")
        if staff is not None:
            grid = grid_of(staff, keys=_STAFF_KEYS, most=8, notes=())
            self.table(slide, grid, 6.6, 1.3, 6.1)
        boxes = (block for block in self.document.front if isinstance(block, Box))
        lines = [(one.lead, one.text) for box in boxes for one in box.blocks]
        self.words(slide, lines, 0.6, 5.7, 12.1, 1.2, size=16, gap=6)

    # Parts of slides.
    def slide(self, title: str) -> Any:  # noqa: ANN401 - python-pptx has no types
        """Add a slide with its title, what is said on every one, and its number."""
        from pptx.dml.color import RGBColor
        from pptx.enum.text import MSO_ANCHOR, PP_ALIGN
        from pptx.util import Inches, Pt

        slide = self.deck.slides.add_slide(self.deck.slide_layouts[5])
        frame = slide.shapes.title
        frame.left, frame.top = Inches(0.6), Inches(0.5)
        frame.width, frame.height = Inches(12.1), Inches(0.7)
        text = frame.text_frame
        text.word_wrap = True
        text.text = printable(title).rstrip("。.")
        made = text.paragraphs[0]
        wide = text_width(title)
        made.font.size = Pt(max(min(28.0, 11.2 * 72.0 / max(wide, 1.0)), 18.0))
        text.vertical_anchor = MSO_ANCHOR.TOP
        made.font.bold, made.font.name = True, self.face
        made.font.color.rgb = RGBColor.from_string(_INK)
        made.alignment = PP_ALIGN.LEFT
        number = len(self.deck.slides)
        foot = self.document.band or self.document.name
        self.words(slide, [("", foot)], 0.6, 7.0, 11.0, 0.35, size=11,
                   colour=_ACCENT if self.document.band else _QUIET)  # fmt: skip
        self.words(slide, [("", str(number))], 12.2, 7.0, 0.6, 0.35, size=11, colour=_QUIET)
        return slide

    def words(
        self,
        slide: Any,  # noqa: ANN401 - python-pptx has no types
        lines: Sequence[tuple[str, str]],
        *box: float,
        size: float,
        colour: str = _INK,
        gap: float = 0.0,
    ) -> None:
        """Write paragraphs, the first words of each in bold, into a box in inches."""
        from pptx.dml.color import RGBColor
        from pptx.util import Inches, Pt

        frame = slide.shapes.add_textbox(*(Inches(each) for each in box)).text_frame
        frame.word_wrap = True
        letters = sum(len(lead) + len(text) for lead, text in lines)
        fitting = size if letters < 520 else max(size * (520 / letters) ** 0.5, 11.0)
        for place, (lead, text) in enumerate(lines):
            made = frame.paragraphs[0] if not place else frame.add_paragraph()
            made.space_after = Pt(gap)
            for words, bold in ((lead, True), (text, False)):
                if words:
                    run = made.add_run()
                    run.text = printable(words)
                    run.font.bold, run.font.size, run.font.name = bold, Pt(fitting), self.face
                    run.font.color.rgb = RGBColor.from_string(colour)

    def bars(
        self,
        slide: Any,  # noqa: ANN401 - python-pptx has no types
        names: Sequence[str],
        series: Sequence[tuple[str, Sequence[float]]],
        *box: Any,  # noqa: ANN401 - inches, then the words
        form: str = "#,##0.0",
    ) -> None:
        """Add native lying bars; the last series is the period's."""
        from pptx.chart.data import CategoryChartData
        from pptx.dml.color import RGBColor
        from pptx.enum.chart import XL_CHART_TYPE, XL_LEGEND_POSITION
        from pptx.util import Inches, Pt

        *place, title = box
        data = CategoryChartData(number_format=form)
        data.categories = list(names)
        for name, values in series:
            data.add_series(name, list(values))
        frame = slide.shapes.add_chart(
            XL_CHART_TYPE.BAR_CLUSTERED, *(Inches(each) for each in place), data
        )
        _describe(frame, title)
        chart = frame.chart
        chart.has_title = True
        chart.chart_title.text_frame.text = title
        self.style(chart)
        chart.chart_title.text_frame.paragraphs[0].font.size = Pt(14)
        chart.has_legend = len(series) > 1
        if chart.has_legend:
            chart.legend.position = XL_LEGEND_POSITION.BOTTOM
            chart.legend.include_in_layout = False
        plot = chart.plots[0]
        plot.gap_width, plot.overlap = 45, 0
        plot.has_data_labels = True
        plot.data_labels.font.size = Pt(10)
        plot.data_labels.number_format, plot.data_labels.number_format_is_linked = form, False
        for at, one in enumerate(plot.series):
            one.format.fill.solid()
            last = at == len(series) - 1
            one.format.fill.fore_color.rgb = RGBColor.from_string(_INK if last else _PALE)
        chart.value_axis.has_major_gridlines = False
        chart.value_axis.visible = False
        chart.value_axis.minimum_scale = 0

    def table(self, slide: Any, grid: Grid, left: float, top: float, width: float) -> None:  # noqa: ANN401 - python-pptx has no types
        """Add a native table of texts; small drawings are left out."""
        from pptx.dml.color import RGBColor
        from pptx.enum.text import PP_ALIGN
        from pptx.util import Inches, Pt

        keep = [
            at for at in range(len(grid.labels))
            if not any(isinstance(row[at], Svg) for row in grid.rows)
        ]  # fmt: skip
        rows = list(grid.rows)
        if len(rows) > _ROWS:
            rows = rows[: _ROWS - 1] + ([rows[-1]] if grid.strong else [])
        frame = slide.shapes.add_table(
            len(rows) + 1, len(keep), Inches(left), Inches(top), Inches(width),
            Inches(0.34 * (len(rows) + 1)),
        )  # fmt: skip
        _describe(frame, grid.caption)
        table = frame.table
        table.horz_banding = False
        widths = []
        for at in keep:
            cells = [str(row[at]) for row in rows]
            wide = (
                max(text_width(grid.labels[at]) * 0.8, *(text_width(cell) for cell in cells), 2.0)
                + 1.7
            )
            widths.append(wide)
        size = min(14.0, 72.0 * width / sum(widths))
        # LibreOffice cuts a head of two lines off unless its row has room for them.
        heads = [
            math.ceil(
                text_width(grid.labels[at], size * 1.1)
                / (72.0 * (width * wide / sum(widths) - 0.1))
            )
            for at, wide in zip(keep, widths, strict=True)
        ]
        table.rows[0].height = Inches(0.34 * max(heads))
        sides = {"left": PP_ALIGN.LEFT, "right": PP_ALIGN.RIGHT, "center": PP_ALIGN.CENTER}
        for place, at in enumerate(keep):
            table.columns[place].width = Inches(width * widths[place] / sum(widths))
            for line in range(len(rows) + 1):
                cell = table.cell(line, place)
                words = grid.labels[at] if not line else str(rows[line - 1][at])
                cell.margin_left = cell.margin_right = Inches(0.05)
                cell.margin_top = cell.margin_bottom = Inches(0.02)
                made = cell.text_frame.paragraphs[0]
                made.alignment = sides[grid.align[at]]
                run = made.add_run()
                run.text = printable(words)
                last = line == len(rows) and bool(grid.strong)
                run.font.size, run.font.name = Pt(max(size, 9.0)), self.face
                run.font.bold = not line or last
                run.font.color.rgb = RGBColor.from_string("FFFFFF" if not line else _INK)
                cell.fill.solid()
                fill = _INK if not line else "EEF1F4" if last else "FFFFFF"
                cell.fill.fore_color.rgb = RGBColor.from_string(fill)

    def picture(self, slide: Any, svg: Svg, *box: Any) -> None:  # noqa: ANN401 - python-pptx has no types
        """Add a drawing as a picture in a box in inches, with its words."""
        from pptx.util import Inches

        left, top, width, height, alt = box
        scale = min(width * 72.0 / svg.width, height * 72.0 / svg.height)
        made = slide.shapes.add_picture(
            io.BytesIO(typeset(svg, ppi=200)), Inches(left), Inches(top),
            Inches(svg.width * scale / 72.0), Inches(svg.height * scale / 72.0),
        )  # fmt: skip
        made._element.nvPicPr.cNvPr.set("descr", printable(alt))  # noqa: SLF001 - no other way

    def style(self, chart: Any) -> None:  # noqa: ANN401 - python-pptx has no types
        """Set the face of a chart's letters."""
        from pptx.util import Pt

        chart.font.size, chart.font.name = Pt(12), self.face


def _describe(frame: Any, words: str) -> None:  # noqa: ANN401 - python-pptx has no types
    frame._element.nvGraphicFramePr.cNvPr.set("descr", printable(words))  # noqa: SLF001 - no other way
