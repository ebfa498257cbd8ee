"""The document as one HTML file: it opens offline, prints, and reads on a telephone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from importlib.resources import files

import numpy as np
import pandas as pd

from gridmap.i18n import tr, using_language
from gridmap.maps import (
    Scene,
    Theme,
    beat_theme,
    choropleth,
    draw_layer,
    facts_of,
    hot_spot_theme,
    outline_overlay,
    room_overlay,
    to_html,
)
from gridmap.measure.pieces import has_beats, present_plan
from gridmap.model import Kind
from gridmap.report.charts import Svg
from gridmap.report.document import (
    Block,
    Box,
    Columns,
    Document,
    Figure,
    Grid,
    Paragraph,
    grid_of,
)
from gridmap.report.report import Report
from gridmap.report.tables import Table, printable

_FIGURE_PT, _HALF_PT = 700.0, 350.0  # widths at which drawings are made
_MOST = 1_000  # rows of one table
_HIDDEN = "#cfd4da"
_FACTS = ("residents", "migrants", "incidents", "incidents_per_1000_residents",
          "covered_residents_share")  # fmt: skip
_POLICY = ("default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
           "img-src data:")  # fmt: skip


def write_html(document: Document, tables: Sequence[Table] = ()) -> str:
    """Return a document as one HTML file.

    Parameters
    ----------
    document
        What it says.
    tables
        Tables that follow it in full.
    """
    with using_language(document.language):
        return _page(document, tables)


def _page(document: Document, tables: Sequence[Table]) -> str:
    assets = files("gridmap.report") / "assets"
    css = (assets / "report.css").read_text(encoding="utf-8")
    script = (assets / "report.js").read_text(encoding="utf-8")
    head = document.head
    lang = "zh-CN" if document.language == "zh" else "en"
    parts = [f'<!doctype html>\n<html lang="{lang}"><head><meta charset="utf-8">']
    parts.append('<meta name="viewport" content="width=device-width, initial-scale=1">')
    parts.append(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">')
    parts.append(f"<title>{_text(document.title)}</title><style>{css}</style></head><body>")
    if document.band:
        parts.append(f'<div class="band">{_text(document.band)}</div>')
    parts.append("<main><header>")
    if head.secrecy:
        parts.append(f"<strong>{_text(head.secrecy)}</strong>")
    if head.title:
        parts.append(f'<div class="red-head">{_text(head.title)}</div>')
        parts.append(
            f'<div class="line"><span>{_text(head.number)}</span>'
            f"<span>{_text(head.signatory)}</span></div>"
        )
    parts.append(f"<h1>{_text(document.title)}</h1></header>")
    sections = [section for section in document.sections if section.blocks]
    if sections:
        links = "".join(f'<a href="#{s.key}">{_text(s.title)}</a>' for s in sections)
        links += f'<a href="#tables">{_text(tr("briefing.section.tables"))}</a>' if tables else ""
        parts.append(f"<nav>{links}</nav>")
    parts += [_block(block, _FIGURE_PT) for block in document.front]
    if document.signature:
        lines = "<br>".join(_text(line) for line in document.signature)
        parts.append(f'<p class="signature">{lines}</p>')
    for section in sections:
        parts.append(f'<section id="{section.key}"><h2>{_text(section.title)}</h2>')
        parts += [_block(block, _FIGURE_PT) for block in section.blocks]
        parts.append("</section>")
    if tables:
        parts.append(f'<section id="tables"><h2>{_text(tr("briefing.section.tables"))}</h2>')
        for table in tables:
            if table.key == "data":  # the others once more, for a pivot
                continue
            inner = _grid(grid_of(table, most=_MOST), named=False)
            parts.append(f"<details><summary>{_text(table.title)}</summary>{inner}</details>")
        parts.append("</section>")
    parts.append(f"<footer>{_text(document.foot)}<br>{_text(document.dated)}</footer></main>")
    parts.append(f"<script>{script}</script></body></html>\n")
    return "".join(parts)


def _block(block: Block, width: float) -> str:
    if isinstance(block, Paragraph):
        return _paragraph(block)
    if isinstance(block, Figure):
        svg = block.drawing.draw(width, width * block.height)
        note = f'<p class="note">{_text(block.note)}</p>' if block.note else ""
        return (
            f"<figure><figcaption>{_text(block.caption)}</figcaption>{svg.to_string()}{note}"
            "</figure>"
        )
    if isinstance(block, Grid):
        return _grid(block)
    if isinstance(block, Box):
        inner = "".join(_paragraph(one) for one in block.blocks)
        return f'<div class="box">{inner}<div class="foot">{_text(block.foot)}</div></div>'
    assert isinstance(block, Columns)  # noqa: S101 - the last kind
    left = "".join(_block(one, _HALF_PT) for one in block.left)
    right = "".join(_block(one, _HALF_PT) for one in block.right)
    return f'<div class="columns"><div>{left}</div><div>{right}</div></div>'


def _paragraph(block: Paragraph) -> str:
    name = {"body": "finding"}.get(block.style, block.style)
    lead = f"<strong>{_text(block.lead)}</strong>" if block.lead else ""
    return f'<p class="{name}">{lead}{_text(block.text)}</p>'


def _grid(grid: Grid, *, named: bool = True) -> str:
    caption = f"<caption>{_text(grid.caption)}</caption>" if named and grid.caption else ""
    heads = "".join(
        f'<th scope="col" class="{side}"><button type="button">{_text(label)}</button></th>'
        for label, side in zip(grid.labels, grid.align, strict=True)
    )
    lines = []
    for place, row in enumerate(grid.rows):
        cells = []
        for at, (item, side) in enumerate(zip(row, grid.align, strict=True)):
            shade = grid.heat[place][at] if grid.heat else 0.0
            style = f' style="background:rgba(200,80,10,{0.62 * shade:.2f})"' if shade else ""
            inner = item.to_string() if isinstance(item, Svg) else _text(item)
            cells.append(f'<td class="{side}"{style}>{inner}</td>')
        strong = ' class="strong"' if place in grid.strong else ""
        lines.append(f"<tr{strong}>{''.join(cells)}</tr>")
    notes = "".join(f'<p class="note">{_text(note)}</p>' for note in grid.notes)
    return (
        f'<div class="scroll"><table class="sortable">{caption}<thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div>{notes}"
    )


def _text(words: str) -> str:
    return escape(printable(words))


@dataclass(frozen=True, slots=True, eq=False)
class HtmlMap:
    """One map of a report.

    Parameters
    ----------
    key
        Name for files.
    title
        What stands above it.
    theme
        How the grids are coloured.
    """

    key: str
    title: str
    theme: Theme


def map_views(report: Report) -> tuple[HtmlMap, ...]:
    """Return the maps that the city has data for."""
    city = report.city
    if not city.has(Kind.GRID) or not report.grid_values:
        return ()
    views = []
    plan = report.plan or (present_plan(city) if has_beats(city) else None)
    if plan is not None:
        views.append(HtmlMap("beats", tr("report.map.beats"), beat_theme(city, plan)))
    for key, column in (("residents", "residents_per_km2"), ("incidents", "incidents"),
                        ("rates", "incidents_per_1000_residents")):  # fmt: skip
        if column in report.grid_values:
            title = tr(f"report.map.{key}")
            views.append(HtmlMap(key, title, _theme(report, column)))
    if report.hot is not None:
        title = tr("report.map.hot_spots")
        views.append(HtmlMap("hot_spots", title, hot_spot_theme(report.hot)))
    if "covered_residents_share" in report.grid_values and city.has(Kind.ROOM):
        theme = _theme(report, "covered_residents_share")
        views.append(HtmlMap("coverage", tr("report.map.coverage"), theme))
    return tuple(views)


def html_map(report: Report) -> str:
    """Return all maps as one page that opens without a network; blank without any layer."""
    with using_language(report.language):
        views = map_views(report)
        city = report.city
        beats = report.beats
        found = (beats, city.get(Kind.STATION), None if views else city.get(Kind.COMMUNITY))
        layers = [layer for layer in found if layer is not None]
        overlays = [outline_overlay(layer, shown=layer is beats) for layer in layers]
        if city.has(Kind.ROOM):
            radius = city.presets.room_radius_m
            overlays.append(room_overlay(city.rooms, radius_m=radius, shown=False))
        if not views and not overlays:
            return ""
        cells, facts = None, None
        if city.has(Kind.GRID):
            cells = draw_layer(city.grids)
            columns = tuple(name for name in _FACTS if name in report.grid_values)
            facts = facts_of(city, pd.DataFrame(report.grid_values), columns, report.plan)
        scene = Scene(
            cells,
            tuple(view.theme for view in views),
            "incidents",
            tuple(overlays),
            facts,
        )
        page = to_html(scene, title=f"{report.title} · {report.subtitle}")
    return _steady(page)


def _steady(page: str) -> str:
    """Return a page whose elements are numbered in order: folium names them by chance."""
    names: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return names.setdefault(match.group(0), f"_{len(names):032x}")

    return re.sub(r"_[0-9a-f]{32}(?![0-9a-f])", number, page)


def _theme(report: Report, column: str) -> Theme:
    theme = choropleth(column, report.grid_values[column])
    hidden = report.grid_hidden[column]
    if not hidden.any():
        return theme
    text = tr("report.map.hidden", limit=report.request.suppress_below)
    return replace(
        theme,
        palette=(*theme.palette, _HIDDEN),
        rows=np.where(hidden, len(theme.palette), theme.rows).astype(np.uint8),
        legend=(*theme.legend, (_HIDDEN, text)),
    )
