"""The PDF: set by typst with a Chinese font from a package, for A4 and A3."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import tempfile
import unicodedata
from importlib.resources import files
from pathlib import Path
from typing import Any

from gridmap.i18n import tr, using_language
from gridmap.maps import font_path
from gridmap.report.pictures import draw_map, map_views
from gridmap.report.report import Report
from gridmap.report.tables import Table

__all__ = ["write_pdf"]

#: Width of the type area in millimetres.
_WIDTH_MM = {"a4": 178.0, "a3": 261.0}
#: Width and height of a map as it is drawn, before it is fitted: two stand on a page.
_MAP_IN = (10.0, 6.1)
_MAP_DPI = {"a4": 160, "a3": 220}
_MM_PER_PT = 0.352778
_LARGEST_PT = {"a4": 8.5, "a3": 11.0}
_SMALLEST_PT = 5.5
_PADDING_EM = 0.8
# More than that nobody reads on paper; the workbook has them all.
_MOST_GRIDS, _MOST_ROWS = 600, 300


def write_pdf(report: Report, *, paper: str = "a4") -> bytes:
    """Return the report as PDF.

    Parameters
    ----------
    report
        The report.
    paper
        ``a4`` or ``a3``.
    """
    import typst

    width = _WIDTH_MM[paper]
    with using_language(report.language), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        maps = []
        for view in map_views(report):
            picture = f"{view.key}.png"
            drawn = draw_map(report, view, size_in=_MAP_IN, dpi=_MAP_DPI[paper], titled=False)
            (folder / picture).write_bytes(drawn)
            maps.append({"title": view.title, "file": picture})
        content = _content(report, paper, width, maps)
        (folder / "report.json").write_text(json.dumps(content), encoding="utf-8")
        template = (files("gridmap.report") / "assets" / "report.typ").read_bytes()
        (folder / "report.typ").write_bytes(template)
        day = report.request.dated
        made = dt.datetime.combine(day, dt.time(), tzinfo=dt.UTC)
        fonts = typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[str(font_path().parent)],
        )
        return bytes(
            typst.compile(
                str(folder / "report.typ"),
                root=str(folder),
                font_paths=fonts,
                ignore_system_fonts=True,
                timestamp=made,
            )
        )


def _content(
    report: Report, paper: str, width: float, maps: list[dict[str, str]]
) -> dict[str, Any]:
    day = report.request.dated
    return {
        "paper": paper,
        "language": report.language,
        "title": report.title,
        "subtitle": report.subtitle,
        "made_up": tr("report.made_up_note") if report.city.made_up else "",
        "date": tr("report.dated", date=day.isoformat()),
        "day": [day.year, day.month, day.day],
        "headings": {
            name: tr(f"report.heading.{name}") for name in ("figures", "findings", "maps")
        },
        "figures": [
            {"label": item.label, "value": item.text(), "unit": item.unit, "note": item.note}
            for item in report.figures
        ],
        "sentences": list(report.sentences),
        "maps": maps,
        "tables": [
            _table(table, width, _LARGEST_PT[paper])
            for table in report.tables
            if table.key != "summary" and (table.key != "grids" or len(table) <= _MOST_GRIDS)
        ],
    }


def _table(table: Table, width: float, largest: float) -> dict[str, Any]:
    lines, notes = table.texts(), list(table.notes)
    if table.key != "grids" and len(table) > _MOST_ROWS:
        notes.insert(0, tr("report.note.first_rows", shown=_MOST_ROWS, count=len(table)))
        lines = lines[:_MOST_ROWS] + lines[len(table) :]
    wide = table.key in {"definitions", "sources"}
    columns = []
    for place, item in enumerate(table.columns):
        needed = max(_text_em(line[place]) for line in lines)
        word = max(_text_em(part) for part in re.split(r"\s+|(?=\uff08)", item.label))
        columns.append(max(needed, min(word, 6.0)) + _PADDING_EM)
    if wide:
        columns = [min(value, 26.0) for value in columns]
    points = width / _MM_PER_PT / sum(columns)
    return {
        "title": table.title,
        "notes": notes,
        "size": round(min(largest, max(points, _SMALLEST_PT)), 2),
        "widths": [round(value, 3) for value in columns],
        "full": points < largest * 1.35 or wide,
        # Broken before a bracket, where it breaks at all.
        "labels": [item.label.replace("\uff08", "\n\uff08") for item in table.columns],
        "right": [item.form != "text" for item in table.columns],
        "rows": lines,
        "total": table.total is not None,
        "heat": _heat(table),
    }


def _heat(table: Table) -> list[list[float]]:
    """Return how dark each cell of the heated columns is, 0 to 1; empty for none."""
    if not table.heat:
        return []
    known = [
        [float(value) if math.isfinite(value) else 0.0 for value in table.values(key)]
        for key in table.heat
    ]
    top = max((value for column in known for value in column), default=0.0) or 1.0
    rows = range(min(len(table), _MOST_ROWS))
    return [[round(column[row] / top, 3) for column in known] for row in rows]


def _text_em(text: str) -> float:
    """Return about how wide a text is, in ems."""
    total = 0.0
    for letter in text:
        if unicodedata.east_asian_width(letter) in "WF":
            total += 1.0
        elif letter.isupper():
            total += 0.68
        else:
            total += 0.56 if letter.isalnum() else 0.4
    return total
