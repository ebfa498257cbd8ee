"""The PDF: set by typst with a Chinese font from a package, for A4 and A3."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import tempfile
import unicodedata
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from gridmap.i18n import tr, using_language
from gridmap.maps import font_path
from gridmap.report.pictures import draw_map, map_views
from gridmap.report.report import Report
from gridmap.report.tables import Column, Table

__all__ = ["write_pdf"]

#: Width of the type area in millimetres.
_WIDTH_MM = {"a4": 178.0, "a3": 261.0}
#: Width and height of a map as it is drawn, before it is fitted: two stand on a page.
_MAP_IN = (7.4, 4.6)
_MAP_DPI = {"a4": 210, "a3": 300}
_MM_PER_PT = 0.352778
_LARGEST_PT = {"a4": 8.5, "a3": 11.0}
_SMALLEST_PT = 5.5
_PADDING_EM, _APART_EM = 0.8, 0.6  # around a text, and more between a number and one
# Rows up to which a table is printed whole, and how many of a longer one: the first are the
# ones to look at, the workbook has them all.
_WHOLE, _SOME = 50, 20
_WHOLE_OF = {"grids": 150, "beats": 300, "stations": 300, "communities": 300}
_ON_A_PAGE = 52  # lines of a table that is not broken
_LONGEST = 120  # letters of one cell
_SENTENCE = 400  # the same where cells hold sentences: a definition is not cut
_OF_SENTENCES = {"definitions": "formula", "sources": "value"}  # and their widest column
_SENTENCE_EM, _BESIDE_EM = 34.0, 19.0  # widths of that column and of those beside it
_UNBROKEN = 12  # letters after which a word that is too long may be broken


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
    with (
        using_language(report.language),
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
    ):
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
        "title": _breakable(_short(report.title)),
        "running": _running(f"{report.title} · {report.subtitle}"),
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
        "sentences": [_breakable(_printable(line)) for line in report.sentences],
        "maps": maps,
        "tables": [
            _table(table, width, _LARGEST_PT[paper])
            for table in report.tables
            if table.key != "summary"
        ],
    }


def _running(text: str, most: float = 48.0) -> str:
    """Return a text that fits on one line above every page."""
    kept = _short(text)
    while _text_em(kept) > most:
        kept = f"{kept[:-2]}\u2026"
    return kept


def _table(table: Table, width: float, largest: float) -> dict[str, Any]:
    table = _without_ids(table)
    rows, notes = _chosen(table)
    every = table.texts()
    lines = [every[row] for row in rows] + every[len(table) :]
    wide = table.key in _OF_SENTENCES
    lines = [[_short(text, _SENTENCE if wide else _LONGEST) for text in line] for line in lines]
    for widest in (26.0, 20.0, 14.0):  # long texts take two lines before letters get small
        columns = _widths(table, lines, widest)
        points = width / _MM_PER_PT / sum(columns)
        if wide or points >= 0.8 * largest:
            break
    lines = [
        [_breakable(text, room) for text, room in zip(line, columns, strict=True)]
        for line in lines
    ]
    return {
        "title": table.title,
        "notes": [_breakable(_printable(note)) for note in notes],
        "size": round(min(largest, max(points, _SMALLEST_PT)), 2),
        "widths": [round(value, 3) for value in columns],
        "full": points < largest * 1.35 or wide,
        # Broken before a bracket, where it breaks at all.
        "labels": [item.label.replace("\uff08", "\n\uff08") for item in table.columns],
        "align": [_side(item) for item in table.columns],
        "rows": lines,
        "whole": _lines_of(lines, columns) <= _ON_A_PAGE,
        "total": table.total is not None,
        "heat": _heat(table, rows),
    }


def _without_ids(table: Table) -> Table:
    """Return a table without the ids where names tell the rows apart: paper is narrow."""
    keys = [item.key for item in table.columns]
    if table.key in _WHOLE_OF or not {"id", "name"} <= set(keys):
        return table
    names = table.values("name")
    if len(set(names.tolist())) < len(names) or not all(names):
        return table
    kept = tuple(item for item in table.columns if item.key != "id")
    total = None if table.total is None else table.total | {"name": table.total["id"]}
    return replace(table, columns=kept, total=total)


def _chosen(table: Table) -> tuple[list[int], list[str]]:
    """Return the rows of a table that are printed, and its notes with what they leave out."""
    count, notes = len(table), list(table.notes)
    rows = list(range(count))
    if count <= _WHOLE_OF.get(table.key, _WHOLE) or table.key in {"hours", "definitions"}:
        return rows, notes
    more = count - _SOME
    if table.key in _WHOLE_OF:  # in the order of their ids: the ones to look at come first
        known = {item.key: item for item in table.columns}
        by = next(known[key] for key in ("incidents", "residents", "area_km2") if key in known)
        values = -np.nan_to_num(table.values(by.key).astype(float), nan=-1.0)
        rows = np.argsort(values, kind="stable")[:_SOME].tolist()
        left_out = tr("report.note.first_rows_by", column=by.label, shown=_SOME, more=more)
    elif table.key == "months":
        rows = rows[-_SOME:]
        left_out = tr("report.note.last_rows", shown=_SOME, more=more)
    else:
        rows = rows[:_SOME]
        left_out = tr("report.note.first_rows", shown=_SOME, more=more)
    if table.total is not None:
        notes.insert(0, tr("report.note.total_of_all", count=count))
    return rows, [left_out, *notes]


def _lines_of(lines: list[list[str]], columns: list[float]) -> int:
    """Return about how many lines of text the rows take."""
    return sum(
        max(math.ceil(_text_em(text) / room) for text, room in zip(line, columns, strict=True))
        for line in lines
    )


def _side(item: Column) -> str:
    """Return to which side of its column a value stands."""
    if item.form != "text":
        return "right"
    return "center" if item.key.startswith("rank") else "left"


def _widths(table: Table, lines: list[list[str]], widest: float) -> list[float]:
    """Return the widths of the columns in ems, those of texts no more than ``widest``."""
    columns = []
    longest = _OF_SENTENCES.get(table.key)
    for place, item in enumerate(table.columns):
        needed = max(_text_em(line[place]) for line in lines)
        most = widest
        if longest is not None:
            most = _SENTENCE_EM if item.key == longest else _BESIDE_EM
        if item.form == "text":
            needed = min(needed, most) + (_APART_EM if place and _side(item) == "left" else 0.0)
        word = max(_text_em(part) for part in re.split(r"\s+|(?=\uff08)", item.label))
        columns.append(max(needed, min(word, 6.0)) + _PADDING_EM)
    return columns


def _short(text: str, longest: int = _LONGEST) -> str:
    """Return a text that is not endless, without letters that cannot be printed."""
    clean = _printable(text)
    return clean if len(clean) <= longest else f"{clean[: longest - 1]}\u2026"


def _printable(text: str) -> str:
    return "".join(" " if unicodedata.category(letter) == "Cc" else letter for letter in text)


def _breakable(text: str, room: float = 0.0) -> str:
    """Return a text whose long words may be broken where it is wider than there is room."""
    if _text_em(text) <= room:
        return text
    return re.sub(rf"([^\s\u2e80-\uffef]{{{_UNBROKEN}}})(?=\S{{4}})", "\\1\u200b", text)


def _heat(table: Table, rows: list[int]) -> list[list[float]]:
    """Return how dark each cell of the heated columns is, 0 to 1; empty for none."""
    if not table.heat:
        return []
    known = [
        [float(value) if math.isfinite(value) else 0.0 for value in table.values(key)]
        for key in table.heat
    ]
    top = max((value for column in known for value in column), default=0.0) or 1.0
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
