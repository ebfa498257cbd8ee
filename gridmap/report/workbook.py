"""Tables as files: a workbook with formulas, charts and links, and CSV."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gridmap.i18n import tr, using_language
from gridmap.report.report import Report
from gridmap.report.tables import FORMATS, HIDDEN, UNKNOWN, Chart, Column, Number, Table, printable

_FONT = {"zh": "Microsoft YaHei", "en": "Calibri"}
_HEAD, _BAR, _QUIET = "#1B2A3A", "#9DC3E6", "#5B6B7C"
_SERIES = ("#E0570C", "#9AA7B4")
_FIRST_ROW = 4  # header; a title, a subtitle and the notes stand above it
_MOST_ROWS = 1_000_000  # of a table in one sheet, which holds 1,048,576
_WIDEST = 60
_A4, _A3 = 9, 8  # papers, as Excel numbers them
_PORTRAIT, _LANDSCAPE = 95.0, 160.0  # letters across that A4 has room for, upright and lying
_WIDE = frozenset({"definitions", "sources"})  # sheets of sentences
_LINE_PT = 15.0
_LONGEST, _TALLEST_PT = 32_767, 409.0  # letters that a cell, points that a row can have
_SAMPLE = 400  # rows, the last ones and the total, by which columns are made wide enough
_FUNCTIONS = "=SUBTOTAL(109,{cells})"  # the sum of the rows that a filter leaves
# What a spreadsheet would take for the beginning of a formula, in full width too.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write_workbook(report: Report) -> bytes:
    """Return the report as an Excel workbook.

    Each sheet holds one Excel table: totals are formulas that follow its filter, months and
    days are dates. Text is written as text whatever it begins with, so a name in the data
    cannot become a formula or a link. No clock is read: the file bears the report's date, so
    that the same report gives the same bytes.

    Parameters
    ----------
    report
        The report.
    """
    import xlsxwriter

    buffer = io.BytesIO()
    font = _FONT[report.language]
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "default_format_properties": {"font_name": font, "font_size": 10},
    }
    # Sheets wait in files: those of a province take gigabytes.
    with (
        tempfile.TemporaryDirectory() as folder,
        xlsxwriter.Workbook(buffer, options | {"tmpdir": folder}) as book,
        using_language(report.language),
    ):
        _fill(book, report)
    return buffer.getvalue()


def _fill(book: Any, report: Report) -> None:  # noqa: ANN401 - xlsxwriter has no types
    """Write a report into a workbook, a table a sheet."""
    made = dt.datetime.combine(report.request.dated, dt.time())
    book.set_properties(
        {
            "title": printable(report.title),
            "subject": report.subtitle,
            "author": "gridmap",
            "created": made,
        }
    )
    sheets = _Sheets(book, report)
    for table in report.tables:
        if table.key == "summary":
            sheets.add_summary(table)
            continue
        for part in _parts(table):
            sheets.add_table(part)


def _parts(table: Table) -> Iterator[Table]:
    """Yield a table in parts that fit a sheet; the last part keeps the total, as a value."""
    if len(table) <= _MOST_ROWS:
        yield table
        return
    starts = range(0, len(table), _MOST_ROWS)
    for number, start in enumerate(starts, start=1):
        own = slice(start, start + _MOST_ROWS)
        yield replace(
            table,
            key=table.key if number == 1 else f"{table.key}_{number}",
            title=table.title if number == 1 else f"{table.title} ({number})",
            # A formula would add up one sheet alone.
            columns=tuple(replace(item, adds=False) for item in table.columns),
            rows=table.rows.iloc[own],
            hidden=table.hidden.iloc[own],
            total=table.total if number == len(starts) else None,
            charts=table.charts if number == 1 else (),
            weeks=None if table.weeks is None else table.weeks[own],
        )


class _Sheets:
    """A workbook being written."""

    def __init__(self, book: Any, report: Report) -> None:  # noqa: ANN401 - xlsxwriter has no types
        self._book = book
        self._report = report
        self._formats: dict[tuple[str, bool], Any] = {}
        self._title = book.add_format({"bold": True, "font_size": 15, "font_color": _HEAD})
        self._quiet = book.add_format({"font_color": _QUIET})
        self._head = book.add_format(
            {"bold": True, "font_color": "white", "bg_color": _HEAD, "text_wrap": True,
             "valign": "vcenter", "align": "center", "border": 1, "border_color": "#FFFFFF"}
        )  # fmt: skip
        self._note = book.add_format({"font_color": _QUIET, "text_wrap": True, "valign": "top"})
        self._label = book.add_format({"bold": True})
        self._wrap = book.add_format({"text_wrap": True, "valign": "top"})
        self._link = book.add_format({"font_color": "#0563C1", "underline": 1})

    def add_summary(self, table: Table) -> None:
        """Add the sheet of key figures, findings, and links to the other sheets."""
        sheet = self._sheet(table)
        widths = (30.0, 16.0, 14.0, 46.0)
        for place, width in enumerate(widths):
            sheet.set_column(place, place, width)
        for place, item in enumerate(table.columns):
            sheet.write_string(_FIRST_ROW, place, item.label, self._head)
        row = _FIRST_ROW
        for figure in self._report.figures:
            row += 1
            sheet.write_string(row, 0, figure.label, self._label)
            column = Column("value", "", figure.form)
            self._write(sheet, row, 1, figure.value, column, hidden=figure.hidden)
            sheet.write_string(row, 2, figure.unit, self._format("text"))
            sheet.write_string(row, 3, figure.note, self._quiet)
        row += 2
        for sentence in self._report.sentences:
            line = printable(sentence)[:_LONGEST]
            sheet.merge_range(row, 0, row, 3, "", self._wrap)
            sheet.write_string(row, 0, line, self._wrap)
            sheet.set_row(row, min(_LINE_PT * _lines(line, sum(widths)), _TALLEST_PT))
            row += 1
        row += 1
        sheet.write_string(row, 0, tr("report.workbook.sheets"), self._head)
        sheet.write_string(row, 1, tr("report.workbook.rows"), self._head)
        for other in self._report.tables:
            if other.key == "summary":
                continue
            row += 1
            name = other.title[:31]
            sheet.write_url(row, 0, f"internal:'{name}'!A1", self._link, string=name)
            sheet.write_number(row, 1, len(other), self._format("count"))
        self._page(sheet, table, widths, row)

    def add_table(self, table: Table) -> None:
        """Add the sheet of a table."""
        sheet = self._sheet(table)
        last = _FIRST_ROW + len(table)
        widths = _column_widths(table)
        heads = _unique([item.label for item in table.columns])
        for place, item in enumerate(table.columns):
            self._column(sheet, table, place, item)
            sheet.set_column(place, place, widths[place])
            if item.bar:
                sheet.conditional_format(
                    _FIRST_ROW + 1, place, last, place,
                    {"type": "data_bar", "bar_solid": True, "bar_color": _BAR,
                     "bar_negative_color": "#F4B183"},
                )  # fmt: skip
        total = table.total is not None
        sheet.add_table(
            _FIRST_ROW, 0, last + total, len(table.columns) - 1,
            {"name": f"table_{table.key}", "style": "Table Style Light 1", "total_row": total,
             "columns": [{"header": name, "header_format": self._head} for name in heads]},
        )  # fmt: skip
        if total:
            for place, item in enumerate(table.columns):
                self._total(sheet, table, place, item)
        self._heat(sheet, table)
        self._heights(sheet, table, widths)
        self._page(sheet, table, widths, last + total)
        sheet.set_row(_FIRST_ROW, 32)
        texts = sum(not item.numeric for item in table.columns[:2])
        sheet.freeze_panes(_FIRST_ROW + 1, min(texts, len(table.columns) - 1))
        sheet.repeat_rows(_FIRST_ROW)
        for place, chart in enumerate(table.charts):
            self._chart(sheet, table, chart, place)

    def _column(self, sheet: Any, table: Table, place: int, item: Column) -> None:  # noqa: ANN401 - xlsxwriter has no types
        """Write the values of a column."""
        values, hidden = table.values(item.key).tolist(), table.is_hidden(item.key).tolist()
        first = _FIRST_ROW + 1
        if table.key in _WIDE:
            for row, value in enumerate(values, start=first):
                sheet.write_string(row, place, printable(str(value))[:_LONGEST], self._wrap)
            return
        if item.numeric:  # most cells are plain numbers
            form = self._format(item.form)
            for row, (value, dark) in enumerate(zip(values, hidden, strict=True), start=first):
                if dark or not math.isfinite(value):
                    self._write(sheet, row, place, value, item, hidden=dark)
                else:
                    sheet.write_number(row, place, value, form)
            return
        for row, (value, dark) in enumerate(zip(values, hidden, strict=True), start=first):
            self._write(sheet, row, place, value, item, hidden=dark)

    def _total(self, sheet: Any, table: Table, place: int, item: Column) -> None:  # noqa: ANN401 - xlsxwriter has no types
        """Write a total as a formula: the sum of the rows shown, or a ratio of two totals."""
        row = _FIRST_ROW + 1 + len(table)
        assert table.total is not None  # noqa: S101 - asked for where there is one
        value = table.total.get(item.key, "")
        dark = item.key in table.hidden_total or table.is_hidden(item.key).any()
        formula = "" if dark or not (item.numeric and item.adds) else _formula(table, item, row)
        if not formula or not isinstance(value, float) or not np.isfinite(value):
            hidden = item.key in table.hidden_total
            self._write(sheet, row, place, value, item, hidden=hidden, total=True)
            return
        sheet.write_formula(row, place, formula, self._format(item.form, total=True), value)

    def _sheet(self, table: Table) -> Any:  # noqa: ANN401 - xlsxwriter has no types
        sheet = self._book.add_worksheet(table.title[:31])
        sheet.write_string(0, 0, printable(f"{self._report.title} · {table.title}"), self._title)
        sheet.write_string(1, 0, self._report.subtitle, self._quiet)
        if table.notes and len(table.columns) > 1:
            sheet.merge_range(2, 0, 2, len(table.columns) - 1, "", self._note)
        sheet.write_string(2, 0, printable(" ".join(table.notes))[:_LONGEST], self._note)
        title = printable(self._report.title)[:60].replace("&", "&&")  # else it is read as a code
        sheet.set_footer(f"&L{title}&R&P / &N")
        sheet.hide_gridlines(1)
        return sheet

    def _page(self, sheet: Any, table: Table, widths: Sequence[float], last: int) -> None:  # noqa: ANN401 - xlsxwriter has no types
        """Print a sheet as wide as a page, on the paper on which it can be read.

        Charts beside a table would shrink it, so they are not printed; nor are the rows of the
        sheet that is for pivot tables.
        """
        wide = sum(widths)
        if wide > _PORTRAIT:
            sheet.set_landscape()
        sheet.set_paper(_A3 if wide > _LANDSCAPE else _A4)
        sheet.set_margins(0.4, 0.4, 0.5, 0.6)
        sheet.fit_to_pages(1, 0)
        rows = last if not table.key.startswith("data") else _FIRST_ROW
        sheet.print_area(0, 0, rows, len(widths) - 1)

    def _heights(self, sheet: Any, table: Table, widths: list[float]) -> None:  # noqa: ANN401 - xlsxwriter has no types
        """Give wrapped texts the lines that they need: LibreOffice does not by itself."""
        note = " ".join(table.notes)
        if note:
            sheet.set_row(2, min(_LINE_PT * _lines(note, sum(widths)), _TALLEST_PT))
        if table.key not in _WIDE:
            return
        for row, line in enumerate(table.texts(), start=_FIRST_ROW + 1):
            lines = max(_lines(text, width) for text, width in zip(line, widths, strict=True))
            sheet.set_row(row, min(_LINE_PT * lines, _TALLEST_PT))

    def _heat(self, sheet: Any, table: Table) -> None:  # noqa: ANN401 - xlsxwriter has no types
        places = [n for n, item in enumerate(table.columns) if item.key in table.heat]
        if places:
            sheet.conditional_format(
                _FIRST_ROW + 1, places[0], _FIRST_ROW + len(table), places[-1],
                {"type": "2_color_scale", "min_color": "#FFFFFF", "max_color": "#F98533"},
            )  # fmt: skip

    def _write(
        self,
        sheet: Any,  # noqa: ANN401 - xlsxwriter has no types
        row: int,
        place: int,
        value: object,
        item: Column,
        *,
        hidden: bool,
        total: bool = False,
    ) -> None:
        if isinstance(value, Number):
            own = Column(item.key, item.label, value.form)
            self._write(sheet, row, place, value.value, own, hidden=value.hidden)
        elif hidden or (isinstance(value, float) and not math.isfinite(value)):
            mark = HIDDEN if hidden else UNKNOWN
            sheet.write_string(row, place, mark, self._format("mark", total=total))
        elif item.form in {"month", "date"} and value:
            day = dt.date.fromisoformat(f"{value}-01" if item.form == "month" else str(value))
            sheet.write_datetime(row, place, day, self._format(item.form, total=total))
        elif not item.numeric or isinstance(value, str):
            words = printable(str(value))[:_LONGEST]
            sheet.write_string(row, place, words, self._format("text", total=total))
        else:
            sheet.write_number(row, place, value, self._format(item.form, total=total))

    def _format(self, form: str, *, total: bool = False) -> Any:  # noqa: ANN401 - xlsxwriter has no types
        if (form, total) not in self._formats:
            look: dict[str, Any] = {"bold": True, "top": 1} if total else {}
            if form == "text":
                look["indent"] = 1  # apart from the number before it
            if form == "mark":
                look |= {"align": "right", "font_color": _QUIET}
            else:
                look["num_format"] = FORMATS[form]  # type: ignore[index] # a format by now
            self._formats[form, total] = self._book.add_format(look)
        return self._formats[form, total]

    def _chart(self, sheet: Any, table: Table, chart: Chart, place: int) -> None:  # noqa: ANN401 - xlsxwriter has no types
        keys = [item.key for item in table.columns]
        name = table.title[:31]
        last = _FIRST_ROW + min(len(table), chart.most)
        # One month alone is no line.
        kind = "column" if chart.kind == "line" and last == _FIRST_ROW + 1 else chart.kind
        form = table.columns[keys.index(chart.values[0])].form
        digits = "0%" if form == "share" else "#,##0"
        numbers = np.concatenate([table.values(key)[: chart.most] for key in chart.values])
        below = bool((numbers.astype(float) < 0).any())
        start = {} if below else {"min": 0}
        if form == "share" and not (numbers.astype(float) > 1).any():
            start["max"] = 1  # no axis goes to 120%
        drawn = self._book.add_chart({"type": kind})
        for number, key in enumerate(chart.values):
            at = keys.index(key)
            label = keys.index(chart.label)
            drawn.add_series(
                {
                    "name": [name, _FIRST_ROW, at],
                    "categories": [name, _FIRST_ROW + 1, label, last, label],
                    "values": [name, _FIRST_ROW + 1, at, last, at],
                    "fill": {"color": _SERIES[(number + len(chart.values) - 1) % 2]},
                    "line": {"color": _SERIES[0]} if kind == "line" else {"none": True},
                    "gap": 40 if last - _FIRST_ROW > 4 else 200,
                }
            )
        title = chart.title
        if len(table) > chart.most:
            title += tr("report.chart.first", count=chart.most)
        drawn.set_title({"name": title, "name_font": {"size": 12}, "overlay": False})
        drawn.set_legend({"none": True} if len(chart.values) == 1 else {"position": "bottom"})
        if chart.kind == "bar":
            drawn.set_y_axis({"reverse": True, "major_gridlines": {"visible": False},
                              "label_position": "low", "interval_unit": 1})  # fmt: skip
            drawn.set_x_axis({"major_gridlines": {"visible": True}, "num_format": digits,
                              "label_position": "high"} | start)  # fmt: skip
        else:
            drawn.set_y_axis({"min": 0, "num_format": digits})
        rows = last - _FIRST_ROW
        names = [str(name) for name in table.values(chart.label)[: chart.most]]
        each = 30 if max(map(_width, names), default=0) > 20 else 20  # or names are left out
        tall = each * rows * max(1, len(chart.values)) + 110 if chart.kind == "bar" else 340
        drawn.set_size({"width": 620, "height": min(max(tall, 240), 900)})
        alt = {"description": f"{title}: {table.title}"}
        sheet.insert_chart(_FIRST_ROW + 1, len(table.columns) + 1 + 9 * place, drawn, alt)


def _formula(table: Table, item: Column, row: int) -> str:
    """Return the formula of a total in the row below the rows, blank where there is none."""
    from xlsxwriter.utility import xl_col_to_name

    places = {one.key: xl_col_to_name(place) for place, one in enumerate(table.columns)}
    ratio = item.ratio
    if ratio is None:
        first, column = _FIRST_ROW + 2, places[item.key]
        formula = _FUNCTIONS.format(cells=f"{column}{first}:{column}{row}")
        # What lies in no row is in the total too, as the note above the table says.
        outside = table.outside.get(item.key, 0.0)
        whole = (table.total or {}).get(item.key, "")
        if (
            isinstance(whole, float)
            and abs(float(table.values(item.key).sum()) + outside - whole) >= 1e-6
        ):  # rounded rows, or those of other sheets too
            return ""
        return f"{formula}{'+' if outside > 0 else ''}{outside!r}" if outside else formula
    if ratio.over not in places or (ratio.under and ratio.under not in places):
        return ""
    over = f"{places[ratio.over]}{row + 1}"
    under = f"/{places[ratio.under]}{row + 1}" if ratio.under else ""
    less = f"-{ratio.less!r}" if ratio.less else ""
    return f'=IFERROR({ratio.scale!r}*{over}{under}{less},"{UNKNOWN}")'


def _unique(names: list[str]) -> list[str]:
    """Return names of which no two are the same, as an Excel table asks."""
    found: list[str] = []
    taken: set[str] = set()
    for name in map(printable, names):
        fresh, number = name, 1
        while fresh.lower() in taken:
            number += 1
            fresh = f"{name} {number}"
        taken.add(fresh.lower())
        found.append(fresh)
    return found


def _column_widths(table: Table) -> list[float]:
    sample = replace(table, rows=table.rows[-_SAMPLE:], hidden=table.hidden[-_SAMPLE:]).texts()
    found = []
    for place, item in enumerate(table.columns):
        widest = max(_width(text) for text in [*(line[place] for line in sample), item.label[:12]])
        if table.key in _WIDE:
            found.append(float(min(max(widest + 2, 14), _WIDEST)))
        else:
            found.append(float(min(max(widest + 3, 10), 40)))
    return found


def _lines(text: str, width: float) -> int:
    """Return how many lines a text takes in a column of a width."""
    narrow = sum(unicodedata.east_asian_width(letter) not in "WF" for letter in text)
    return max(math.ceil((_width(text) - 0.08 * narrow) / max(width - 1.5, 1.0)), 1)


def _width(text: str) -> int:
    """Return the width of a text in half-width characters."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def write_csv(report: Report, folder: Path) -> None:
    """Write each table into ``tables/KEY.csv``, and their totals into ``tables/totals.csv``."""
    target = folder / "tables"
    target.mkdir()
    with using_language(report.language):
        for table in report.tables:
            (target / f"{table.key}.csv").write_bytes(table_csv(table))
        (target / "totals.csv").write_bytes(_totals_csv(report))


def table_csv(table: Table) -> bytes:
    """Return a table as CSV in UTF-8 with a byte order mark.

    Numbers are written in full, hidden ones as ``*`` and unknown ones blank.

    Notes
    -----
    These files are made to be opened in a spreadsheet, so a text that one would take for a
    formula gets an apostrophe in front: a name may open no link and run nothing. A text that
    begins with apostrophes and then such a letter gets one more, so that whoever reads the
    file by programme gets the names back by taking one away from each of these. The GIS
    files and the workbook hold names as they are.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([_safe(item.label) for item in table.columns])
    columns = [(table.values(c.key), table.is_hidden(c.key), not c.numeric) for c in table.columns]
    for row in range(len(table)):
        writer.writerow(
            [
                HIDDEN if hidden[row] else _cell(values[row], is_text=is_text)
                for values, hidden, is_text in columns
            ]
        )
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _totals_csv(report: Report) -> bytes:
    """Return the totals of all tables, one a line, so that a column of a table can be summed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([tr(f"report.totals.{name}") for name in ("table", "column", "value")])
    for table in report.tables:
        for item in table.columns:
            if table.total is None or not item.numeric or item.key not in table.total:
                continue
            hidden = item.key in table.hidden_total
            value = HIDDEN if hidden else _cell(table.total[item.key], is_text=False)
            writer.writerow([table.key, _safe(item.label), value])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _cell(value: object, *, is_text: bool) -> str:
    if isinstance(value, Number):
        return HIDDEN if value.hidden else _cell(value.value, is_text=False)
    if is_text or isinstance(value, str):
        return _safe(str(value))
    number = float(value)  # type: ignore[arg-type] # a number by now
    if not np.isfinite(number):
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def _safe(text: str) -> str:
    return f"'{text}" if text.lstrip("'").startswith(_DANGEROUS) else text
