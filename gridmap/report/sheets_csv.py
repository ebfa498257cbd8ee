"""Tables as CSV that Excel opens with its letters right."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from gridmap.i18n import tr, using_language
from gridmap.report.report import Report
from gridmap.report.tables import HIDDEN, Table

__all__ = ["table_csv", "write_csv"]

# What a spreadsheet would take for the beginning of a formula, in full width too.
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


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
    columns = [
        (table.values(c.key), table.is_hidden(c.key), c.form == "text") for c in table.columns
    ]
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
            if table.total is None or item.form == "text" or item.key not in table.total:
                continue
            hidden = item.key in table.hidden_total
            value = HIDDEN if hidden else _cell(table.total[item.key], is_text=False)
            writer.writerow([table.key, _safe(item.label), value])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _cell(value: object, *, is_text: bool) -> str:
    if is_text or isinstance(value, str):
        return _safe(str(value))
    number = float(value)  # type: ignore[arg-type] # a number by now
    if not np.isfinite(number):
        return ""
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def _safe(text: str) -> str:
    return f"'{text}" if text.lstrip("'").startswith(_DANGEROUS) else text
